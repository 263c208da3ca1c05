//! A server session in the course of a dialog.

use std::sync::Arc;

use smtp_proto::{
    answer::Rejection,
    server::Server,
    wire::{Endpoint, Step},
};

use super::{Action, Answer, Application, Dialog};
use crate::take_output;

#[derive(Debug, Clone, Default)]
pub(super) struct Flight {
    pub(super) octets: Vec<u8>,
    pub(super) then: Vec<Action>,
}

/// A way to play a dialog.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// Octets come in pieces of this size.
    pub(super) pieces: Option<usize>,
    /// One flight is cut in two.
    pub(super) split: Option<(usize, usize)>,
    /// Each question is dropped once before it is answered.
    pub(super) hesitant: bool,
    /// The session is asked for events all the time.
    pub(super) pestered: bool,
    /// Octets are read into the session's own buffer.
    pub(super) spare: bool,
}

/// A server session in the course of a dialog.
#[derive(Debug)]
pub(super) struct Play {
    server: Server,
    manner: Manner,
    answers: Option<Arc<Vec<Answer>>>,
    pub(super) application: Application,
    pub(super) output: Vec<u8>,
}

impl Play {
    pub(super) fn new(dialog: &Dialog, manner: Manner, answers: Option<Arc<Vec<Answer>>>) -> Self {
        let mut server = Server::new(Arc::new(dialog.config()));
        if dialog.implicit_tls {
            server.tls_started();
        }
        Self {
            server,
            manner,
            answers,
            application: Application::new(manner.hesitant, dialog.together),
            output: Vec::new(),
        }
    }

    pub(super) fn output_text(&self) -> String {
        self.output.escape_ascii().to_string().replace("\\r\\n", "\n")
    }

    pub(super) fn feed(&mut self, octets: &[u8]) {
        let answers = self.answers.clone().unwrap_or_default();
        self.feed_with(octets, &mut |asked| {
            answers.get(asked).cloned().unwrap_or(Answer::Accept(String::new()))
        });
    }

    pub(super) fn feed_with(&mut self, mut octets: &[u8], answer: &mut dyn FnMut(usize) -> Answer) {
        self.settle(answer);
        while !octets.is_empty() {
            let taken = if self.manner.spare {
                let room = self.server.wire().spare();
                let taken = octets.len().min(room.len());
                room[..taken].copy_from_slice(&octets[..taken]);
                if taken > 0 {
                    self.server.wire().received(taken);
                }
                taken
            } else {
                self.server.wire().receive(octets)
            };
            self.server.wire().relax();
            octets = &octets[taken..];
            self.settle(answer);
            if taken == 0 && self.server.wire().room() == 0 {
                // What is said to a session that is over, or in a handshake, is lost.
                return;
            }
        }
    }

    pub(super) fn perform(&mut self, action: &Action) {
        match action {
            Action::Tls => {
                assert_eq!(self.server.step(), Step::Idle, "there is no handshake");
                assert_eq!(self.server.wire().room(), 0);
                self.server.tls_started();
            }
            Action::Expire => self.server.wire().expire(),
            Action::Eof => self.server.wire().received(0),
            Action::ShutDown => self.server.shut_down(Rejection::SHUTTING_DOWN),
            _ => unreachable!("only what happens to a session"),
        }
        self.feed(&[]);
    }

    fn settle(&mut self, answer: &mut dyn FnMut(usize) -> Answer) {
        for _ in 0..1_000_000 {
            let step = self.server.step();
            assert_eq!(self.server.step(), step, "asking again made a difference");
            match step {
                Step::Event => {
                    if let Some(event) = self.server.event() {
                        self.application.handle(event, answer);
                    }
                    if self.application.turned {
                        return;
                    }
                }
                Step::Write => {
                    let octets = take_output(self.server.wire(), usize::MAX);
                    assert!(!octets.is_empty());
                    self.output.extend_from_slice(&octets);
                }
                Step::Close => {
                    self.application.close();
                    return;
                }
                Step::Read | Step::Idle => {
                    if self.manner.pestered {
                        let event = self.server.event();
                        assert!(event.is_none(), "an event out of nothing: {event:?}");
                    }
                    return;
                }
            }
        }
        panic!("the session spins: {:?}", self.server);
    }
}
