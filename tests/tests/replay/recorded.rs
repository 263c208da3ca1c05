//! Sessions that are recorded while a dialog is played.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc};

use smtp_proto::{
    answer::Rejection,
    client::Client,
    server::{Event, Server},
    transcript::{Content, Recording, Speaker, Transcript},
    wire::{Endpoint, Step},
};
use smtp_tests::{
    client_dialog::Link,
    dialog::{self, Answer, Dialog, Line, describe, is_of_timing, judged},
    take_output,
};

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

/// The server of a dialog, recorded.
pub(crate) struct Recorded {
    server: Server,
    answers: VecDeque<Answer>,
    said: VecDeque<u8>,
    pieces: usize,
    pub(crate) notes: Notes,
    pub(crate) transcript: Transcript,
}

impl Recorded {
    pub(crate) fn new(dialog: &Dialog, pieces: usize, content: Content) -> Self {
        let mut server = Server::new(Arc::new(dialog.config()));
        server.wire().record(Recording::from(content));
        if dialog.implicit_tls {
            server.tls_started();
        }
        Self {
            server,
            answers: dialog.answers().into(),
            said: VecDeque::new(),
            pieces,
            notes: Notes::default(),
            transcript: Transcript::new(Speaker::Server),
        }
    }

    pub(crate) fn settle(&mut self) {
        loop {
            match self.server.step() {
                Step::Write => self.said.extend(take_output(self.server.wire(), usize::MAX)),
                Step::Event => {
                    if let Some(event) = self.server.event() {
                        self.notes.see(&event);
                        let Some(event) = judged(event) else {
                            continue;
                        };
                        if matches!(event, Event::Turned(_)) {
                            break;
                        }
                        let news = matches!(
                            event,
                            Event::Body(_)
                                | Event::Reset
                                | Event::Leniency(_)
                                | Event::Fault(_)
                                | Event::UpgradeTls { .. }
                        );
                        if !news {
                            let answer = self.answers.pop_front();
                            let answer = answer.unwrap_or(Answer::Accept(String::new()));
                            dialog::answer(event, answer);
                        }
                    }
                }
                _ => break,
            }
        }
        self.transcript.take(self.server.wire().transcript().unwrap());
    }
}

impl Line for Recorded {
    fn send(&mut self, octets: &[u8]) {
        for mut piece in octets.chunks(self.pieces) {
            while !piece.is_empty() {
                self.settle();
                let taken = self.server.wire().receive(piece);
                piece = &piece[taken..];
                if taken == 0 {
                    return;
                }
            }
        }
        self.settle();
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        self.settle();
        let end = self.said.iter().position(|&octet| octet == b'\n')?;
        Some(self.said.drain(..=end).collect())
    }

    fn handshake(&mut self) {
        self.settle();
        self.server.tls_started();
    }

    fn expire(&mut self) {
        self.settle();
        self.server.wire().expire();
    }

    fn eof(&mut self) {
        self.settle();
        self.server.wire().received(0);
    }

    fn shut_down(&mut self) {
        self.settle();
        self.server.shut_down(Rejection::SHUTTING_DOWN);
    }
}

/// A client that is recorded as the dialog drives it.
pub(crate) struct RecordedClient {
    client: Client,
    output: Vec<u8>,
    coming: Vec<u8>,
    transcript: Rc<RefCell<Transcript>>,
}

impl RecordedClient {
    pub(crate) fn new(mut client: Client, transcript: &Rc<RefCell<Transcript>>) -> Self {
        client.wire().record(Recording::from(super::ALL));
        Self { client, output: Vec::new(), coming: Vec::new(), transcript: Rc::clone(transcript) }
    }
}

impl Drop for RecordedClient {
    fn drop(&mut self) {
        self.transcript.borrow_mut().take(self.client.wire().transcript().unwrap());
    }
}

impl Link for RecordedClient {
    fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    fn advance(&mut self) -> Step {
        loop {
            match self.client.step() {
                Step::Write => self.output.extend(take_output(self.client.wire(), usize::MAX)),
                step @ (Step::Read | Step::Idle) => {
                    let taken = self.client.wire().receive(&self.coming);
                    self.coming.drain(..taken);
                    if taken == 0 {
                        return step;
                    }
                }
                step => return step,
            }
        }
    }

    fn said(&self) -> &[u8] {
        &self.output
    }

    fn send(&mut self, octets: &[u8]) {
        self.coming.extend_from_slice(octets);
    }

    fn expire(&mut self) {
        self.client.wire().expire();
    }

    fn eof(&mut self) {
        self.client.wire().received(0);
    }
}
