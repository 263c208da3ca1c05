use alloc::{string::String, sync::Arc, vec::Vec};

use bytes::Buf;

use crate::{
    profile::Leniency,
    server::{Config, Event, Server},
    transcript::{Answer, Content, Recording, Speaker, Transcript},
    wire::{Endpoint, Step},
};

/// A session of a server whose application says yes, recorded.
pub(crate) struct Session {
    pub(crate) server: Server,
    said: Vec<u8>,
    pub(crate) told: Vec<Leniency>,
    transcript: Transcript,
}

impl Session {
    pub(crate) fn new(config: Config) -> Self {
        let mut server = Server::new(Arc::new(config));
        server.wire().record(Recording::from(Content::Kept { limit: 1 << 20 }));
        let transcript = Transcript::new(Speaker::Server);
        Self { server, said: Vec::new(), told: Vec::new(), transcript }
    }

    /// Gives octets to the server when it has come to its rest, and returns what it says to them. Behind
    /// STARTTLS the handshake is done at once.
    pub(crate) fn say(&mut self, octets: &str) -> String {
        self.rest();
        self.said.clear();
        assert_eq!(self.server.wire().receive(octets.as_bytes()), octets.len(), "{octets:?}");
        self.rest();
        String::from_utf8(self.said.clone()).unwrap()
    }

    /// What the server says by itself.
    pub(crate) fn greeting(&mut self) -> String {
        self.rest();
        String::from_utf8(self.said.clone()).unwrap()
    }

    fn rest(&mut self) {
        loop {
            match self.server.step() {
                Step::Write => {
                    let output = self.server.wire().output();
                    while output.has_remaining() {
                        self.said.extend_from_slice(output.chunk());
                        output.advance(output.chunk().len());
                    }
                }
                Step::Event => match self.server.event() {
                    Some(Event::Leniency(leniency)) => self.told.push(leniency),
                    Some(Event::UpgradeTls { .. }) => self.server.tls_started(),
                    Some(event) if event.is_question() => {
                        assert!(event.answer(&Answer::default()));
                    }
                    _ => {}
                },
                Step::Read | Step::Idle | Step::Close => break,
            }
        }
    }

    /// The record of it, by way of its file.
    pub(crate) fn transcript(mut self) -> Transcript {
        self.rest();
        self.transcript.take(self.server.wire().transcript().unwrap());
        let file = alloc::format!("{}", self.transcript);
        file.parse().unwrap_or_else(|error| panic!("{error} of\n{file}"))
    }
}
