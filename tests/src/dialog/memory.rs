//! The server of a dialog as a line: the bare machine, as an adapter's stream would be one.

use std::{collections::VecDeque, sync::Arc};

use smtp_proto::{
    answer::Rejection,
    server::{Event, Server},
    wire::{Endpoint, Step},
};

use super::{Answer, Dialog, Line, answer, judged};
use crate::take_output;

/// What looks on while a [`Memory`] goes from step to step. Each method does nothing unless it is written.
pub trait Watch {
    /// The server is made, and nothing has happened to it.
    fn begun(&mut self, _: &mut Server) {}

    /// An event, before it is answered.
    fn event(&mut self, _: &Event<'_>) {}

    /// Nothing moves any more until more is said to the server.
    fn settled(&mut self, _: &mut Server) {}
}

/// Nobody looks on.
impl Watch for () {}

/// The server of a dialog, with nothing between it and the dialog.
#[derive(Debug)]
pub struct Memory<W = ()> {
    server: Server,
    answers: VecDeque<Answer>,
    said: VecDeque<u8>,
    pieces: usize,
    watch: W,
}

impl<W: Watch> Memory<W> {
    /// The server of a dialog. What is sent to it comes in pieces of so many octets.
    pub fn new(dialog: &Dialog, pieces: usize, mut watch: W) -> Self {
        let mut server = Server::new(Arc::new(dialog.config()));
        watch.begun(&mut server);
        if dialog.implicit_tls {
            server.tls_started();
        }
        Self { server, answers: dialog.answers().into(), said: VecDeque::new(), pieces, watch }
    }

    /// Plays the dialog over this server; who has looked on.
    ///
    /// # Panics
    /// When the server says something else, or more.
    pub fn play(mut self, dialog: &Dialog) -> W {
        dialog.over(&mut self);
        assert_eq!(self.line(), None, "{}: the server says more", dialog.name);
        self.watch
    }

    fn settle(&mut self) {
        loop {
            match self.server.step() {
                Step::Write => self.said.extend(take_output(self.server.wire(), usize::MAX)),
                Step::Event => {
                    let Some(event) = self.server.event() else {
                        continue;
                    };
                    self.watch.event(&event);
                    match judged(event) {
                        Some(Event::Turned(_)) => break,
                        None
                        | Some(
                            Event::Body(_)
                            | Event::Reset
                            | Event::Fault(_)
                            | Event::Leniency(_)
                            | Event::UpgradeTls { .. },
                        ) => {}
                        Some(question) => {
                            let said = self.answers.pop_front();
                            answer(question, said.unwrap_or(Answer::Accept(String::new())));
                        }
                    }
                }
                _ => break,
            }
        }
        self.watch.settled(&mut self.server);
    }
}

impl<W: Watch> Line for Memory<W> {
    fn send(&mut self, octets: &[u8]) {
        for mut piece in octets.chunks(self.pieces) {
            while !piece.is_empty() {
                self.settle();
                let taken = self.server.wire().receive(piece);
                piece = &piece[taken..];
                if taken == 0 {
                    // What is said to a session that is over, or in a handshake, is lost.
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
