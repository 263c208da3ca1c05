//! Every dialog, played in every way.

use std::{collections::VecDeque, sync::Arc};

use smtp_proto::{
    answer::Rejection,
    server::{Event, Server},
    wire::{Endpoint, Step},
};
use smtp_tests::{
    client_dialog,
    dialog::{self, Answer, Dialog, Line},
    take_output,
};

#[test]
fn server() {
    let dialogs = dialog::all("server");
    let mut failed = Vec::new();
    for dialog in &dialogs {
        if let Err(panic) = std::panic::catch_unwind(|| dialog.check()) {
            failed.push(panic);
        }
    }
    assert!(failed.is_empty(), "{} of {} dialogs failed", failed.len(), dialogs.len());
}

#[test]
fn client() {
    let dialogs = client_dialog::all("client");
    let mut failed = Vec::new();
    for dialog in &dialogs {
        if let Err(panic) = std::panic::catch_unwind(|| dialog.check()) {
            failed.push(panic);
        }
    }
    assert!(failed.is_empty(), "{} of {} dialogs failed", failed.len(), dialogs.len());
}

/// The bare machine as a line, as an adapter's stream would be one.
struct Memory {
    server: Server,
    answers: VecDeque<Answer>,
    said: VecDeque<u8>,
}

impl Memory {
    fn new(dialog: &Dialog) -> Self {
        let mut server = Server::new(Arc::new(dialog.config()));
        if dialog.implicit_tls {
            server.tls_started();
        }
        Self { server, answers: dialog.answers().into(), said: VecDeque::new() }
    }

    fn settle(&mut self) {
        loop {
            match self.server.step() {
                Step::Write => self.said.extend(take_output(self.server.wire(), usize::MAX)),
                Step::Event => match self.server.event().and_then(dialog::judged) {
                    Some(Event::Turned(_)) => return,
                    None
                    | Some(
                        Event::Body(_)
                        | Event::Reset
                        | Event::Fault(_)
                        | Event::Leniency(_)
                        | Event::UpgradeTls { .. },
                    ) => {}
                    Some(question) => {
                        let answer = self.answers.pop_front();
                        dialog::answer(question, answer.unwrap_or(Answer::Accept(String::new())));
                    }
                },
                _ => return,
            }
        }
    }
}

impl Line for Memory {
    fn send(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            self.settle();
            let taken = self.server.wire().receive(octets);
            octets = &octets[taken..];
            if taken == 0 {
                return;
            }
        }
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

/// The way by which dialogs are played over the streams of an adapter.
#[test]
fn server_over_a_line() {
    for dialog in dialog::all("server") {
        let mut line = Memory::new(&dialog);
        dialog.over(&mut line);
        assert_eq!(line.line(), None, "the server says more");
    }
}
