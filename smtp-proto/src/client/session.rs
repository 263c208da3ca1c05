//! What a client session remembers, and what is queued and awaited there.

use alloc::{boxed::Box, collections::VecDeque};
use core::time::Duration;

use bytes::BytesMut;

use super::{Config, Misuse, ReplyTo, own::Meant, usage::Usage};
use crate::{
    auth::Channel,
    command::Verb,
    data::{Encoder, LineCheck, LineLength},
    extension::{Capabilities, Digest, Extension},
    fault::Fault,
    profile::Leniencies,
    reply::{Extent, ReplyReader},
    sequence::{self, Answer, Protocol, Request, Rule, State},
    transcript::Speaker,
    wire::Pen,
};

/// A command that is queued or whose reply is awaited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) to: ReplyTo,
    /// Octets of the command.
    pub(super) octets: usize,
    /// By what a message ended whose final reply this is, when it was by BDAT or BURL.
    pub(super) last: Option<Request>,
    /// Further replies of this command follow (LMTP).
    pub(super) more: bool,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) config: Box<Config>,
    /// By the replies that have come in.
    pub(super) state: State,
    /// If all that was queued is accepted.
    pub(super) planned: State,
    pub(super) tls: bool,
    pub(super) authenticated: bool,
    /// What TLS brings to the AUTH exchange.
    pub(super) channel: Option<Box<Channel>>,
    pub(super) expected: VecDeque<Expected>,
    pub(super) queued: VecDeque<Expected>,
    pub(super) queued_text: BytesMut,
    pub(super) in_flight: usize,
    pub(super) capabilities: Option<(Box<[u8]>, Digest)>,
    pub(super) reader: ReplyReader,
    /// The length of the whole reply at the front of the input.
    pub(super) found: Option<Extent>,
    /// Octets at the front of the input that were told.
    pub(super) consume: usize,
    pub(super) fault: Option<Fault>,
    /// What was forgiven and not yet told.
    pub(super) leniencies: Leniencies,
    /// A reply line outside TLS ended with LF alone.
    pub(super) bare_lf: bool,
    pub(super) upgrade: bool,
    /// RCPTs queued in this transaction.
    pub(super) recipients: u32,
    /// RCPTs accepted in this transaction.
    pub(super) accepted: u32,
    pub(super) smtputf8: bool,
    pub(super) binary: bool,
    /// MAIL has TRANSID, so that the server may resume the message (RFC 1845 section 4).
    pub(super) transid: bool,
    /// Content is being sent: the final dot, or the last chunk, is not queued yet.
    pub(super) sending: bool,
    pub(super) encoder: Encoder,
    pub(super) lines: LineCheck,
    pub(super) length: LineLength,
    pub(super) content_mark: u64,
    /// Where, in octets of output, the last message that was completed ends.
    pub(super) message_end: Option<u64>,
    /// Output was waiting when the session was last stepped.
    pub(super) writing: bool,
    pub(super) quitting: bool,
    pub(super) usage: Usage,
}

impl Session {
    pub(super) fn new(config: Config) -> Self {
        let greeting = Expected { to: ReplyTo::Greeting, octets: 0, last: None, more: false };
        Self {
            state: State::Start,
            planned: State::Start,
            tls: false,
            authenticated: false,
            channel: None,
            expected: VecDeque::from([greeting]),
            queued: VecDeque::new(),
            queued_text: BytesMut::new(),
            in_flight: 0,
            capabilities: None,
            reader: ReplyReader::default(),
            found: None,
            consume: 0,
            fault: None,
            leniencies: Leniencies::default(),
            bare_lf: false,
            upgrade: false,
            recipients: 0,
            accepted: 0,
            smtputf8: false,
            binary: false,
            transid: false,
            sending: false,
            encoder: Encoder::new(config.profile.client.bare_newline),
            lines: LineCheck::new(config.profile.client.bare_newline),
            length: LineLength::new(None),
            content_mark: 0,
            message_end: None,
            writing: false,
            quitting: false,
            usage: Usage::default(),
            config: Box::new(config),
        }
    }

    // ---- queue -------------------------------------------------------------------------------

    /// Queues a command, or sends it at once when its time has come.
    pub(super) fn enqueue(
        &mut self,
        pen: &mut Pen<'_>,
        to: ReplyTo,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<(), Misuse> {
        if self.queued.is_empty() && self.may_send(0) {
            let before = pen.output.len();
            pen.say(Speaker::Client, write);
            self.expect(to, pen.output.len() - before);
        } else if self.queued_text.len() >= self.config.limits.queue {
            return Err(Misuse::QueueFull);
        } else {
            let before = self.queued_text.len();
            write(&mut self.queued_text);
            let octets = self.queued_text.len() - before;
            self.queued.push_back(Expected { to, octets, last: None, more: false });
        }
        Ok(())
    }

    /// Whether commands of so many octets can all be queued.
    pub(super) fn has_room(&self, octets: usize) -> bool {
        self.queued_text.len().saturating_add(octets) < self.config.limits.queue
    }

    /// Sends queued commands whose time has come.
    pub(super) fn release(&mut self, pen: &mut Pen<'_>) {
        while let Some(&next) = self.queued.front() {
            if !self.may_send(next.octets) {
                break;
            }
            self.queued.pop_front();
            let text = self.queued_text.split_to(next.octets.min(self.queued_text.len()));
            pen.say(Speaker::Client, |out| out.extend_from_slice(&text));
            self.expect(next.to, next.octets);
        }
    }

    /// Whether a command of so many octets may leave now.
    pub(super) fn may_send(&self, octets: usize) -> bool {
        let limit = self.config.limits.in_flight;
        let fits = self.in_flight.saturating_add(octets) <= limit;
        self.expected.is_empty() || (fits && self.may_follow())
    }

    /// Whether anything may be sent behind what is awaited.
    pub(super) fn may_follow(&self) -> bool {
        let open = self.expected.back();
        open.is_none_or(|last| self.pipelines() && !last.to.ends_group())
    }

    pub(super) fn expect(&mut self, to: ReplyTo, octets: usize) {
        self.in_flight += octets;
        self.expected.push_back(Expected { to, octets, last: None, more: false });
    }

    pub(super) fn expect_auth(&mut self) {
        self.expect(ReplyTo::Auth, 0);
    }

    pub(super) fn nothing_expected(&self) -> bool {
        self.expected.is_empty()
    }

    pub(super) fn nothing_queued(&self) -> bool {
        self.queued.is_empty()
    }

    /// Whether `request` may come next.
    pub(super) fn allow(&self, verb: Verb, request: Request) -> Result<(), Misuse> {
        if self.state == State::Closed {
            return Err(Misuse::Ended);
        }
        let misuse = Misuse::Sequence { verb, state: self.planned };
        if self.sending || self.quitting {
            return Err(misuse);
        }
        match sequence::rule(self.planned, request) {
            Rule::Ask { .. } | Rule::Grant(_) => Ok(()),
            Rule::Refuse { .. } => Err(misuse),
        }
    }

    /// `request` was queued: the plan goes on as if it will be accepted.
    pub(super) fn plan(&mut self, request: Request) {
        self.planned = sequence::after(self.planned, request, Answer::Accepted);
    }

    pub(super) fn plan_hello(&mut self) {
        self.planned = State::Ready;
    }

    pub(super) fn plan_exchange(&mut self) {
        self.planned = State::Auth;
    }

    pub(super) fn begin_transaction(&mut self, meant: Meant) {
        self.recipients = 0;
        self.smtputf8 = meant.smtputf8;
        self.binary = meant.binary;
        self.transid = meant.transid && self.config.protocol == Protocol::Smtp;
        self.lines = LineCheck::new(self.config.profile.client.bare_newline);
        self.length = self.length.anew();
    }

    // ---- the session as a whole --------------------------------------------------------------

    pub(super) fn capabilities(&self) -> Option<Capabilities<'_>> {
        let (octets, digest) = self.capabilities.as_ref()?;
        Some(Capabilities::from_digest(octets, *digest))
    }

    pub(super) fn offers(&self, extension: Extension) -> bool {
        self.capabilities().is_some_and(|all| all.offers(extension))
    }

    pub(super) fn need(&self, extension: Extension) -> Result<(), Misuse> {
        if self.offers(extension) { Ok(()) } else { Err(Misuse::NotOffered(extension)) }
    }

    pub(super) fn pipelines(&self) -> bool {
        !self.config.lockstep && self.offers(Extension::Pipelining)
    }

    pub(super) fn tls_started(&mut self) {
        self.tls = true;
        self.channel = None;
        self.bare_lf = false;
        self.upgrade = false;
        if self.state == State::Tls {
            self.capabilities = None;
            self.state = State::Start;
            self.planned = State::Start;
            self.reader = ReplyReader::default();
            self.found = None;
            self.consume = 0;
        }
    }

    /// Whether there may be news that does not wait in the input, or the session has ended: a question
    /// of two looks, asked at every step. A fault closes the session, and STARTTLS that was accepted
    /// leads to the handshake.
    #[inline(always)]
    pub(super) fn is_unusual(&self) -> bool {
        matches!(self.state, State::Tls | State::Turned | State::Closed)
            || !self.leniencies.is_empty()
    }

    /// Whether there is news that does not wait in the input. The handshake waits for the output.
    pub(super) fn has_news(&self, written: bool) -> bool {
        self.fault.is_some()
            || (self.upgrade && written)
            || self.state == State::Turned
            || !self.leniencies.is_empty()
    }

    pub(super) fn has_fault(&self) -> bool {
        self.fault.is_some()
    }

    pub(super) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    pub(super) fn take_upgrade(&mut self) -> bool {
        core::mem::take(&mut self.upgrade)
    }

    pub(super) fn fail(&mut self, fault: Fault) {
        if self.state != State::Closed {
            self.fault = Some(fault);
        }
        self.state = State::Closed;
        self.planned = State::Closed;
        self.expected.clear();
        self.queued.clear();
        self.queued_text.clear();
        self.sending = false;
    }

    /// Whether nothing but QUIT is open: then it does not matter how the session ends.
    #[cold]
    pub(super) fn is_leaving(&self) -> bool {
        let mut open = self.expected.iter().chain(&self.queued);
        self.quitting && open.all(|open| open.to == ReplyTo::Quit)
    }

    pub(super) fn peer_closed(&mut self) {
        if self.is_leaving() {
            self.state = State::Closed;
        } else {
            self.fail(Fault::Closed);
        }
    }

    pub(super) fn timed_out(&mut self) {
        if self.is_leaving() {
            self.state = State::Closed;
        } else {
            self.fail(Fault::Timeout);
        }
    }

    /// How long the reply that is awaited next may take.
    pub(super) fn reply_timeout(&self) -> Option<Duration> {
        let timeouts = &self.config.timeouts;
        Some(match self.expected.front()?.to {
            ReplyTo::Greeting => timeouts.greeting,
            ReplyTo::Hello(_) | ReplyTo::StartTls | ReplyTo::Auth => timeouts.hello,
            ReplyTo::Mail => timeouts.mail,
            ReplyTo::Rcpt { .. } => timeouts.rcpt,
            ReplyTo::Data => timeouts.data,
            ReplyTo::Chunk => timeouts.chunk,
            ReplyTo::Delivery { .. } | ReplyTo::Burl | ReplyTo::Atrn => timeouts.end_of_data,
            ReplyTo::Quit => timeouts.quit,
            _ => timeouts.other,
        })
    }
}
