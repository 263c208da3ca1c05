//! Sessions that are recorded while a dialog is played.

use smtp_proto::{
    server::{Event, Server},
    transcript::{Content, Recording, Speaker, Transcript},
    wire::Endpoint,
};
use smtp_tests::dialog::{Watch, describe, is_of_timing};

/// Takes notes of events. How content was cut makes no difference.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Notes {
    events: Vec<String>,
    body: Vec<u8>,
}

impl Notes {
    pub(crate) fn see(&mut self, event: &Event<'_>) {
        if let Event::Body(octets) = event {
            self.body.extend_from_slice(octets);
            return;
        }
        // A replay does not group octets as they came.
        if matches!(event, Event::Leniency(leniency) if is_of_timing(*leniency)) {
            return;
        }
        // How much of a message that is void was told depends on how it was cut.
        if matches!(event, Event::Reset) {
            self.body.clear();
        }
        if !self.body.is_empty() {
            let body = core::mem::take(&mut self.body);
            self.events.push(format!("Body \"{}\"", body.escape_ascii()));
        }
        let told = describe(event);
        // The connection is told to be turned until somebody takes it.
        if !matches!(event, Event::Turned(_)) || self.events.last() != Some(&told) {
            self.events.push(told);
        }
    }

    /// Without what a record does not hold: responses, and how much plaintext was thrown away.
    pub(crate) fn without_secrets(mut self) -> Self {
        for event in &mut self.events {
            if event.starts_with("Auth ") {
                event.truncate(event.find('"').unwrap_or(event.len()));
            }
            if event.starts_with("Burl ") {
                event.truncate(event.find("urlauth=").unwrap_or(event.len()));
            }
        }
        self
    }
}

/// Records the server of a dialog.
pub(crate) struct Record {
    content: Content,
    pub(crate) notes: Notes,
    pub(crate) transcript: Transcript,
}

impl Record {
    pub(crate) fn new(content: Content) -> Self {
        Self { content, notes: Notes::default(), transcript: Transcript::new(Speaker::Server) }
    }
}

impl Watch for Record {
    fn begun(&mut self, server: &mut Server) {
        server.wire().record(Recording::from(self.content));
    }

    fn event(&mut self, event: &Event<'_>) {
        self.notes.see(event);
    }

    fn settled(&mut self, server: &mut Server) {
        self.transcript.take(server.wire().transcript().unwrap());
    }
}
