//! The server's side: a machine and an application that defers, refuses and is never the same twice.

use std::sync::Arc;

use bytes::Buf;
use smtp_proto::{
    answer::Rejection,
    fault::Fault,
    sequence::Protocol,
    server::{Config, Event, Server},
    wire::{Endpoint, Step},
};

use super::{
    link::Pipe,
    scenario::{Scenario, Verdict},
};
use crate::{pair::Clerk, random::Random};

/// A message that was acknowledged, for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    /// The reverse-path.
    pub(super) from: String,
    /// The recipient.
    pub(super) to: String,
    /// The content.
    pub(super) body: Vec<u8>,
}

/// The server's side of a connection.
#[derive(Debug)]
pub(super) struct Receiver {
    /// The machine.
    pub(super) server: Server,
    /// 220 to STARTTLS has left.
    pub(super) upgrade: bool,
    /// The session is over.
    pub(super) closed: bool,
    /// Why, if it failed.
    pub(super) fault: Option<Fault>,
    /// What was acknowledged.
    pub(super) stored: Vec<Stored>,
    /// Logs in.
    clerk: Clerk,
    from: String,
    to: Vec<String>,
    body: Vec<u8>,
    lmtp: bool,
    /// Once in so many questions the answer is left for later; 0 for never.
    defers: usize,
    /// Once in so many questions something is refused that need not be; 0 for never.
    refuses: usize,
}

/// More octets of replies than this must not wait: the high-water mark and the largest reply.
const WAITING: usize = 16 * 1024 + 16 * 1024 + 1024;

impl Receiver {
    /// A session that begins.
    pub(super) fn new(config: Arc<Config>, scenario: &Scenario) -> Self {
        Self {
            server: Server::new(config),
            upgrade: false,
            closed: false,
            fault: None,
            stored: Vec::new(),
            clerk: Clerk::default(),
            from: String::new(),
            to: Vec::new(),
            body: Vec::new(),
            lmtp: scenario.protocol == Protocol::Lmtp,
            defers: scenario.defers,
            refuses: scenario.refuses,
        }
    }

    /// One turn; whether anything happened.
    pub(super) fn turn(&mut self, up: &mut Pipe, down: &mut Pipe, random: &mut Random) -> bool {
        let waiting = self.server.wire().output().remaining();
        assert!(waiting <= WAITING, "{waiting} octets of replies wait");
        match self.server.step() {
            Step::Event => {
                let deferred = self.defers > 0 && random.once_in(self.defers);
                match self.server.event() {
                    // A token that is dropped: the question comes again.
                    Some(question) if deferred && is_question(&question) => drop(question),
                    Some(Event::Auth(auth)) => self.clerk.handle(Event::Auth(auth)),
                    Some(event) => {
                        let refused = self.refuses > 0 && random.once_in(self.refuses);
                        let mut hands = Hands {
                            from: &mut self.from,
                            to: &mut self.to,
                            body: &mut self.body,
                            stored: &mut self.stored,
                            upgrade: &mut self.upgrade,
                            fault: &mut self.fault,
                            lmtp: self.lmtp,
                            refused,
                        };
                        hands.handle(event);
                    }
                    None => {}
                }
                true
            }
            Step::Write => {
                let read = self.read(up, random);
                if down.is_full() && !down.is_closed() {
                    return read;
                }
                let output = self.server.wire().output();
                let chunk = output.chunk();
                let taken = down.write(chunk, random);
                output.advance(taken);
                taken > 0 || read
            }
            Step::Read => self.read(up, random),
            Step::Idle => false,
            Step::Close => {
                let news = !self.closed;
                if news {
                    self.closed = true;
                    down.close();
                    up.break_off(0);
                }
                news
            }
        }
    }

    fn read(&mut self, up: &mut Pipe, random: &mut Random) -> bool {
        if up.take_end() {
            self.server.wire().received(0);
            return true;
        }
        let room = self.server.wire().room();
        let octets = up.read(room, random);
        let taken = self.server.wire().receive(&octets);
        assert_eq!(taken, octets.len(), "no more was read than there is room for");
        taken > 0
    }
}

/// What an answer may touch while the machine waits for it.
struct Hands<'r> {
    from: &'r mut String,
    to: &'r mut Vec<String>,
    body: &'r mut Vec<u8>,
    stored: &'r mut Vec<Stored>,
    upgrade: &'r mut bool,
    fault: &'r mut Option<Fault>,
    lmtp: bool,
    refused: bool,
}

impl Hands<'_> {
    fn handle(&mut self, event: Event<'_>) {
        match event {
            Event::Connected(question) => question.accept(),
            Event::Hello(question) => question.accept(),
            Event::StartTls(question) => question.accept(),
            Event::Mail(question) => {
                *self.from = question.reverse_path().to_string();
                self.to.clear();
                self.body.clear();
                if self.refused {
                    return question.reject(Rejection::TRY_LATER);
                }
                question.accept();
            }
            Event::Rcpt(question) => {
                let to = question.forward_path().to_string();
                let rejection = match Verdict::of(&to) {
                    Verdict::Accept if self.refused => Rejection::MAILBOX_BUSY,
                    Verdict::Accept => {
                        self.to.push(to);
                        return question.accept();
                    }
                    Verdict::Reject => Rejection::MAILBOX_UNKNOWN,
                    Verdict::Defer => Rejection::TRY_LATER,
                };
                question.reject(rejection);
            }
            Event::Data(question) if self.refused => {
                question.reject(Rejection::INSUFFICIENT_STORAGE);
            }
            Event::Data(question) => question.accept(),
            Event::Body(octets) => {
                assert!(!octets.is_empty(), "no octets are told");
                self.body.extend_from_slice(&octets);
            }
            Event::Delivery(question) => {
                if self.refused {
                    return question.reject(Rejection::LOCAL_ERROR);
                }
                let to: Vec<String> = match question.recipient() {
                    Some(index) => {
                        assert!(self.lmtp);
                        vec![self.to[usize::try_from(index).unwrap()].clone()]
                    }
                    None => self.to.clone(),
                };
                for to in to {
                    let (from, body) = (self.from.clone(), self.body.clone());
                    self.stored.push(Stored { from, to, body });
                }
                question.accept();
            }
            Event::Verify(question) => question.cannot_verify(),
            Event::Reset => {
                self.to.clear();
                self.body.clear();
            }
            Event::UpgradeTls { .. } => *self.upgrade = true,
            Event::Fault(fault) => *self.fault = Some(fault),
            _ => {}
        }
    }
}

fn is_question(event: &Event<'_>) -> bool {
    !matches!(
        event,
        Event::Body(_)
            | Event::Reset
            | Event::UpgradeTls { .. }
            | Event::Leniency(_)
            | Event::Fault(_)
    )
}
