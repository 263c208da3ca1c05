use alloc::{
    collections::VecDeque,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use bytes::Buf;

use crate::{
    answer::Rejection,
    profile::Leniency,
    sequence::State,
    server::{Config, Event, Server},
    transcript::{Answer, Content, Recording, Speaker, Transcript},
    wire::{Endpoint, Step},
};

/// A session of a server whose application says what it is told to say, and yes to all else; recorded.
pub(crate) struct Session {
    pub(crate) server: Server,
    said: Vec<u8>,
    pub(crate) told: Vec<Leniency>,
    /// How often a transaction was called void.
    pub(crate) resets: usize,
    /// What the application says to the questions that come next: what it sets, and its answer.
    answers: VecDeque<(Vec<(&'static str, &'static str)>, Answer)>,
    transcript: Transcript,
}

impl Session {
    pub(crate) fn new(config: Config) -> Self {
        let mut server = Server::new(Arc::new(config));
        server.wire().record(Recording::from(Content::Kept { limit: 1 << 20 }));
        let transcript = Transcript::new(Speaker::Server);
        let (said, told, answers) = (Vec::new(), Vec::new(), VecDeque::new());
        Self { server, said, told, resets: 0, answers, transcript }
    }

    /// The application answers the next question so.
    pub(crate) fn answer(&mut self, answer: Answer) {
        self.rest();
        self.answers.push_back((Vec::new(), answer));
    }

    /// The application sets these, and then accepts what it is asked next.
    pub(crate) fn amend(&mut self, set: &[(&'static str, &'static str)]) {
        self.answers.push_back((set.into(), Answer::default()));
    }

    /// Gives octets to the server when it has come to its rest, and returns what it says to them. Behind
    /// STARTTLS the handshake is done at once.
    pub(crate) fn say(&mut self, octets: &str) -> String {
        self.rest();
        self.said.clear();
        let mut octets = octets.as_bytes();
        while !octets.is_empty() {
            let taken = self.server.wire().receive(octets);
            assert_ne!(taken, 0, "{}", octets.escape_ascii());
            octets = &octets[taken..];
            self.rest();
        }
        self.said()
    }

    /// Gives octets to the server, and hands the first question that they raise over; if it is not
    /// answered there, it is accepted. Afterwards [`said`](Self::said) tells the reply.
    pub(crate) fn question<T>(&mut self, octets: &str, look: impl FnOnce(Event<'_>) -> T) -> T {
        if self.server.state() != State::Start {
            self.rest();
        }
        self.said.clear();
        assert_eq!(self.server.wire().receive(octets.as_bytes()), octets.len(), "{octets:?}");
        assert_eq!(self.server.step(), Step::Event, "{octets:?} raises no question");
        let told = look(self.server.event().unwrap());
        self.rest();
        told
    }

    /// What the server has said to what it was given last.
    pub(crate) fn said(&self) -> String {
        String::from_utf8(self.said.clone()).unwrap()
    }

    /// The application does something unasked.
    pub(crate) fn act(&mut self, act: impl FnOnce(&mut Server)) {
        self.rest();
        act(&mut self.server);
        self.rest();
    }

    /// What the server says by itself.
    pub(crate) fn greeting(&mut self) -> String {
        self.rest();
        self.said()
    }

    pub(crate) fn rest(&mut self) {
        while self.step() {
            let output = self.server.wire().output();
            while output.has_remaining() {
                self.said.extend_from_slice(output.chunk());
                output.advance(output.chunk().len());
            }
        }
    }

    /// Goes on to where there is something to be written, or nothing to do.
    pub(crate) fn step(&mut self) -> bool {
        loop {
            match self.server.step() {
                Step::Write => return true,
                Step::Event => {}
                Step::Read | Step::Idle | Step::Close => return false,
            }
            let Some(mut event) = self.server.event() else { continue };
            if event.is_question() {
                let (amendments, answer) = self.answers.pop_front().unwrap_or_default();
                for (keyword, value) in amendments {
                    assert!(event.amend(keyword, value), "{keyword} {value}");
                }
                assert!(event.answer(&answer), "{answer:?}");
                continue;
            }
            let mut upgrade = false;
            match event {
                Event::Leniency(leniency) => self.told.push(leniency),
                Event::Reset => self.resets += 1,
                Event::UpgradeTls { .. } => upgrade = true,
                Event::Turned(_) => return false,
                _ => {}
            }
            // News is not to be answered.
            if self.told.len().is_multiple_of(2) {
                assert!(!event.answer(&Answer::default()));
            } else {
                assert!(!event.answer(&Answer::reject(&Rejection::POLICY)));
            }
            if upgrade {
                self.server.tls_started();
            }
        }
    }

    /// The record of it, by way of its file.
    pub(crate) fn transcript(mut self) -> Transcript {
        self.rest();
        self.transcript.take(self.server.wire().transcript().unwrap());
        let file = self.transcript.to_string();
        file.parse().unwrap_or_else(|error| panic!("{error} of\n{file}"))
    }
}
