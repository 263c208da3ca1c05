//! A server session in the course of a dialog.

use std::{fmt::Write as _, sync::Arc};

use smtp_proto::{
    answer::{Acceptance, Rejection},
    server::{Event, Server},
    status::Code,
    wire::{Endpoint, Step},
};

use super::{Action, Answer, Dialog};
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
    asked: usize,
    /// The present question was dropped once.
    dropped: bool,
    pub(super) output: Vec<u8>,
    pub(super) events: Vec<String>,
    body: Vec<u8>,
    closed: bool,
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
            asked: 0,
            dropped: false,
            output: Vec::new(),
            events: Vec::new(),
            body: Vec::new(),
            closed: false,
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
                Step::Event => self.event(answer),
                Step::Write => {
                    let octets = take_output(self.server.wire(), usize::MAX);
                    assert!(!octets.is_empty());
                    self.output.extend_from_slice(&octets);
                }
                Step::Close => {
                    if !self.closed {
                        self.closed = true;
                        self.events.push("Close".to_owned());
                    }
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

    fn event(&mut self, answer: &mut dyn FnMut(usize) -> Answer) {
        let hesitant = self.manner.hesitant && !self.dropped;
        let Some(event) = self.server.event() else {
            return;
        };
        if let Event::Body(octets) = event {
            assert!(!octets.is_empty());
            self.body.extend_from_slice(&octets);
            return;
        }
        let told = describe(&event);
        let news = matches!(event, Event::Reset | Event::Fault(_) | Event::UpgradeTls { .. });
        if news {
            if matches!(event, Event::Reset) {
                self.body.clear();
            }
            self.events.push(told);
            return;
        }
        if hesitant {
            self.dropped = true;
            return;
        }
        self.dropped = false;
        if matches!(event, Event::Delivery(_))
            && !self.events.last().is_some_and(|last| last.starts_with("Delivery"))
        {
            self.events.push(format!("Body \"{}\"", self.body.escape_ascii()));
        }
        if matches!(event, Event::Data(_)) {
            self.body.clear();
        }
        self.events.push(told);
        let answer = answer(self.asked);
        self.asked += 1;
        self::answer(event, answer);
    }
}

fn describe(event: &Event<'_>) -> String {
    let mut told = String::new();
    let _ = match event {
        Event::Connected(_) => write!(told, "Connected"),
        Event::Hello(hello) => write!(told, "Hello {} {}", hello.verb().as_str(), hello.name()),
        Event::StartTls(_) => write!(told, "StartTls"),
        Event::Auth(auth) => match auth.response() {
            None => write!(told, "Auth {}", auth.mechanism()),
            Some(response) => {
                write!(told, "Auth {} \"{}\"", auth.mechanism(), response.escape_ascii())
            }
        },
        Event::Mail(mail) => {
            let all = mail.parameters().all();
            let gap = if all.is_empty() { "" } else { " " };
            write!(told, "Mail {}{gap}{}", mail.reverse_path(), all.as_str())
        }
        Event::Rcpt(rcpt) => {
            let all = rcpt.parameters().all();
            let gap = if all.is_empty() { "" } else { " " };
            write!(told, "Rcpt {}{gap}{}", rcpt.forward_path(), all.as_str())
        }
        Event::Data(data) => {
            write!(told, "Data{}", if data.is_chunked() { " chunked" } else { "" })
        }
        Event::Delivery(delivery) => match delivery.recipient() {
            None => write!(told, "Delivery {}", delivery.size()),
            Some(recipient) => write!(told, "Delivery {} for {recipient}", delivery.size()),
        },
        Event::Verify(verify) => {
            write!(told, "Verify {} {}", verify.verb().as_str(), verify.text().as_str())
        }
        Event::Extension(extension) => match extension.argument() {
            None => write!(told, "Extension {}", extension.verb()),
            Some(argument) => {
                write!(told, "Extension {} {}", extension.verb(), argument.as_str())
            }
        },
        Event::Reset => write!(told, "Reset"),
        Event::UpgradeTls { discarded } => write!(told, "UpgradeTls {discarded}"),
        Event::Fault(fault) => write!(told, "Fault {fault:?}"),
        other => write!(told, "{other:?}"),
    };
    told
}

/// Gives `answer` to the question `event`; news is left alone.
///
/// # Panics
/// When the answer does not go with the question.
pub fn answer(event: Event<'_>, answer: Answer) {
    match answer {
        Answer::Accept(text) => accept(event, &text),
        Answer::Challenge(challenge) => match event {
            Event::Auth(auth) => auth.challenge(&challenge),
            other => panic!("a challenge to {other:?}"),
        },
        Answer::Reject(rejection) => match event {
            Event::Connected(token) => token.reject(rejection),
            Event::Hello(token) => token.reject(rejection),
            Event::StartTls(token) => token.reject(rejection),
            Event::Auth(token) => token.reject(rejection),
            Event::Mail(token) => token.reject(rejection),
            Event::Rcpt(token) => token.reject(rejection),
            Event::Data(token) => token.reject(rejection),
            Event::Delivery(token) => token.reject(rejection),
            Event::Verify(token) => token.reject(rejection),
            Event::Extension(token) => token.reject(rejection),
            other => panic!("no question: {other:?}"),
        },
    }
}

fn accept(event: Event<'_>, text: &str) {
    let acceptance = acceptance(text);
    match event {
        Event::Connected(token) => token.accept(),
        Event::Hello(token) => token.accept_with(text),
        Event::StartTls(token) => token.accept(),
        Event::Auth(token) => token.accept_with(acceptance),
        Event::Mail(token) => token.accept_with(acceptance),
        Event::Rcpt(token) => token.accept_with(acceptance),
        Event::Data(token) => token.accept(),
        Event::Delivery(token) => token.accept_with(acceptance),
        Event::Verify(token) if text.is_empty() => token.cannot_verify(),
        Event::Verify(token) => token.accept_with(text),
        Event::Extension(token) => token.accept_with(acceptance),
        other => panic!("no question: {other:?}"),
    }
}

/// `[251] [2.1.5] text`.
fn acceptance(text: &str) -> Acceptance<'_> {
    let (code, text) = match text.split_once(' ') {
        Some((code, rest)) if code.len() == 3 && code.parse::<u16>().is_ok() => {
            (code.parse().ok().and_then(Code::new), rest)
        }
        _ => (None, text),
    };
    let acceptance = Acceptance::new(text);
    match code {
        Some(code) => acceptance.with_code(code).expect("a positive code"),
        None => acceptance,
    }
}
