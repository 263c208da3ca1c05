//! Receiving a message: after DATA up to the lone dot, or by BDAT in counted chunks.
//!
//! What is wrong with a message *poisons* it: the rest is read to its true end, the application is
//! told [`Event::Reset`] at once, and the core gives the reply itself. So the place in the stream is
//! never lost, whatever a message holds (RFC 5321 section 4.1.1.4, RFC 3030 section 2).

use alloc::boxed::Box;

use bytes::Bytes;

use super::{
    Server,
    answer::Leave,
    question::Event,
    session::{Phase, Session},
};
use crate::{
    answer::Rejection,
    data::Then,
    profile::{LastWithoutRcpt, Leniency},
    sequence::{self, Answer, Request, State},
    status::Code,
    transcript::Entry,
    wire::{Expected, Input},
};

/// What ends content after DATA.
const END: &[u8] = b".\r\n";

/// From here on a message is worth a large buffer of its own.
const BULK: u64 = 4 * 1024;

/// How a message was announced.
#[derive(Debug, Clone, Copy)]
pub(super) enum Announced {
    Data,
    Chunk { size: u64, last: bool },
}

/// A BDAT chunk that is being read.
#[derive(Debug)]
pub(super) struct Chunk {
    left: u64,
    last: bool,
    fate: Fate,
    /// What is said of one that is dropped, if anything.
    reply: Option<Box<Rejection<'static>>>,
}

/// What becomes of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is content.
    Keep,
    /// It is dropped, and the transaction fails.
    Fail,
    /// It is dropped, which the state already allows for.
    Skip,
}

impl Chunk {
    pub(super) fn kept(size: u64, last: bool) -> Self {
        Self { left: size, last, fate: Fate::Keep, reply: None }
    }

    pub(super) fn dropped(size: u64, last: bool, reply: Rejection<'static>) -> Self {
        Self { left: size, last, fate: Fate::Fail, reply: Some(Box::new(reply)) }
    }

    pub(super) fn skipped(size: u64, last: bool, reply: Option<Rejection<'static>>) -> Self {
        Self { left: size, last, fate: Fate::Skip, reply: reply.map(Box::new) }
    }

    /// Whether it is content.
    pub(super) fn is_kept(&self) -> bool {
        self.fate == Fate::Keep
    }

    pub(super) fn is_whole(&self) -> bool {
        self.left == 0
    }

    pub(super) fn is_bulk(&self) -> bool {
        self.left > BULK
    }
}

/// Octets as a count of content.
fn count(octets: usize) -> u64 {
    u64::try_from(octets).unwrap_or(u64::MAX)
}

impl Server {
    /// Content after DATA.
    pub(super) fn content(&mut self) -> Option<Event<'_>> {
        let Self { wire, session } = self;
        let raw = wire.raw_content();
        let decoded = session.transfer.decoder.decode(wire.input.octets_mut());
        if session.transfer.refused_newline().is_some() {
            // What is said of it waits for the end: a message may be too big as well, and which of
            // both shows first depends on how it is cut.
            session.void();
        }
        let body = session.receive(&mut wire.input, decoded.content);
        wire.input.consume(decoded.consumed.saturating_sub(decoded.content));
        if session.transfer.progress() {
            wire.restart_timer(session.config.timeouts.content);
            let expected = Expected::content(session.transfer.received > BULK);
            wire.input.expect(session.config.limits.content_buffer, expected);
        }
        if let Some(recorder) = wire.transcript() {
            let end = if decoded.then == Then::End { END.len() } else { 0 };
            let passed = decoded.consumed.saturating_sub(end);
            let raw = raw.as_deref().and_then(|raw| raw.get(..passed)).unwrap_or_default();
            recorder.content(false, raw, passed);
            if decoded.then == Then::End {
                recorder.push(Entry::EndOfData);
            }
        }
        match decoded.then {
            Then::More => wire.input.settle(),
            Then::Newline => session.newline(),
            Then::End => {
                wire.input.stir();
                session.scanned = 0;
                self.message_whole();
            }
        }
        body.map(Event::Body)
    }

    /// Octets of a chunk.
    pub(super) fn chunk(&mut self) -> Option<Event<'_>> {
        let Self { wire, session } = self;
        let Phase::Chunk(chunk) = &mut session.phase else {
            return None;
        };
        let available = wire.input.len().min(usize::try_from(chunk.left).unwrap_or(usize::MAX));
        if available == 0 {
            if chunk.is_whole() {
                wire.input.stir();
                session.scanned = 0;
                self.chunk_whole();
            } else {
                wire.input.settle();
            }
            return None;
        }
        let raw = wire.raw_content();
        let kept = chunk.is_kept();
        let left = chunk.left;
        if kept && session.exceeds(left) {
            session.spoil(Rejection::MESSAGE_TOO_BIG);
        }
        let mut consumed = available;
        let body = if kept && session.transfer.known {
            let content = if session.transfer.binary {
                available
            } else {
                let octets = wire.input.octets().get(..available).unwrap_or_default();
                let checked = session.transfer.lines.check(octets);
                consumed = checked.consumed;
                if checked.then == Then::Newline {
                    session.newline();
                }
                checked.content
            };
            if let Some(reply) = session.transfer.refused_newline() {
                session.spoil(reply);
            }
            let body = session.receive(&mut wire.input, content);
            wire.input.consume(consumed.saturating_sub(content));
            body
        } else {
            wire.input.consume(available);
            session.transfer.received = session.transfer.received.saturating_add(count(available));
            None
        };
        if session.transfer.progress() {
            wire.restart_timer(session.config.timeouts.content);
        }
        if let Phase::Chunk(chunk) = &mut session.phase {
            chunk.left = left.saturating_sub(count(consumed));
        }
        if let Some(recorder) = wire.transcript() {
            let raw = raw.as_deref().and_then(|raw| raw.get(..consumed)).unwrap_or_default();
            recorder.content(true, raw, consumed);
        }
        body.map(Event::Body)
    }

    /// The last octet of a chunk was read: it is answered, or the message is whole.
    fn chunk_whole(&mut self) {
        let Phase::Chunk(chunk) = core::mem::replace(&mut self.session.phase, Phase::Command)
        else {
            return;
        };
        let last = chunk.last;
        let session = &mut self.session;
        session.rearm = true;
        if chunk.is_kept() && last {
            session.transfer.lines.finish();
            session.weigh();
        }
        let failed = match chunk.fate {
            Fate::Keep => session.transfer.poison.take(),
            Fate::Fail => chunk.reply,
            Fate::Skip => {
                if let Some(reply) = chunk.reply {
                    self.refuse_skipped(&reply, last);
                }
                return;
            }
        };
        let request = if last { Request::BdatLast } else { Request::Bdat };
        match failed {
            Some(reply) => {
                self.refuse_content(&reply, self.replies_due(last));
                let session = &mut self.session;
                if session.state != State::Closed {
                    let then = sequence::after(session.state, request, Answer::Rejected);
                    session.transfer.known = false;
                    session.enter(then);
                }
            }
            None if last => self.session.phase = Phase::Delivery { recipient: 0 },
            None => {
                let then = sequence::after(session.state, request, Answer::Accepted);
                session.enter(then);
                self.desk().grant(Code::OK, (0, 0), "BDAT accepted", Leave::Together);
            }
        }
    }

    /// The content after DATA has come whole.
    fn message_whole(&mut self) {
        self.session.weigh();
        match self.session.transfer.poison.take() {
            None => self.session.phase = Phase::Delivery { recipient: 0 },
            Some(reply) => {
                self.refuse_content(&reply, self.replies_due(true));
                self.session.content_over();
            }
        }
        self.session.rearm = true;
    }

    /// How many replies content gets: with LMTP, when it was the last of it, one for each accepted
    /// recipient (RFC 2033 section 4.2).
    pub(super) fn replies_due(&self, last: bool) -> u32 {
        if self.session.is_lmtp() && last { self.session.transfer.recipients } else { 1 }
    }

    /// Refuses content by so many replies; one that ends the session is the last.
    pub(super) fn refuse_content(&mut self, reply: &Rejection<'_>, replies: u32) {
        let mut desk = self.desk();
        for _ in 0..replies {
            desk.give(reply, Leave::Now);
            if desk.session.state == State::Closed {
                break;
            }
        }
    }

    /// Refuses a chunk that came at the wrong time. In a spoiled LMTP transaction the last one is
    /// answered as often as a client that counts its recipients expects.
    fn refuse_skipped(&mut self, reply: &Rejection<'_>, last: bool) {
        let replies = self.replies_due(last && self.session.state == State::Spoiled);
        let policy = self.session.config.profile.server.lmtp_last_without_rcpt;
        if replies == 0 && policy == LastWithoutRcpt::Silent {
            return;
        }
        let mut desk = self.desk();
        // However many replies it has, it is one bad command.
        desk.refuse(reply, Leave::Together);
        for _ in 1..replies {
            if desk.session.state == State::Closed {
                break;
            }
            let reply = reply.about(desk.session.verb);
            desk.write(reply.code(), Some(reply.enhanced()), reply.text());
        }
    }
}

impl Session {
    /// Takes `content` octets: to the application, or nowhere.
    fn receive(&mut self, input: &mut Input, content: usize) -> Option<Bytes> {
        if self.exceeds(count(content)) {
            self.spoil(Rejection::MESSAGE_TOO_BIG);
        }
        self.transfer.received = self.transfer.received.saturating_add(count(content));
        if content > 0 && self.transfer.known {
            let octets = input.take(content);
            if self.transfer.binary {
                self.transfer.binary_8bit |= !octets.is_ascii();
            } else {
                self.transfer.length.check(&octets);
            }
            return Some(octets);
        }
        input.consume(content);
        None
    }

    /// Whether so much more is over the limit of a message.
    fn exceeds(&self, more: u64) -> bool {
        let limit = self.config.limits.message;
        limit.is_some_and(|limit| self.transfer.received.saturating_add(more) > limit)
    }

    /// The octets that the limit of a message leaves room for.
    pub(super) fn room_for_content(&self) -> Option<u64> {
        self.config.limits.message.map(|limit| limit.saturating_sub(self.transfer.received))
    }

    /// Content that the application has fetched comes behind what was received, and is perhaps the last of
    /// it; why it cannot, if so.
    pub(super) fn join_fetched(&mut self, octets: u64, last: bool) -> Option<Rejection<'static>> {
        if let Some(reply) = self.transfer.poison.take() {
            return Some(*reply);
        }
        if self.exceeds(octets) {
            return Some(Rejection::MESSAGE_TOO_BIG.coded(Code::TRANSACTION_FAILED));
        }
        self.transfer.received = self.transfer.received.saturating_add(octets);
        // What a CR at the end of a chunk is, the next octet would say; it is not to be seen here.
        self.transfer.lines.finish();
        if let Some(reply) = self.transfer.refused_newline() {
            return Some(reply);
        }
        if last {
            self.weigh();
        }
        self.transfer.poison.take().map(|reply| *reply)
    }

    /// The message cannot be taken any more: the application is told, and the reply waits for its
    /// end.
    fn spoil(&mut self, reply: Rejection<'static>) {
        self.void();
        self.transfer.poison(reply);
    }

    /// A CRLF in place of a bare CR or LF.
    fn newline(&mut self) {
        if self.exceeds(2) {
            self.spoil(Rejection::MESSAGE_TOO_BIG);
        }
        self.transfer.received = self.transfer.received.saturating_add(2);
        self.transfer.newline = self.transfer.known;
        self.transfer.length.newline();
    }

    /// The message is whole: what is unusual in it is told, or refused. Only now, so that how it was
    /// cut makes no difference to what is said of it (F-02).
    fn weigh(&mut self) {
        if self.transfer.poison.is_some() {
            return;
        }
        self.transfer.length.finish();
        let unusual = self.transfer.unusual();
        if unusual.iter().any(|&(_, seen)| seen) {
            self.judge_unusual(unusual);
        }
    }

    #[cold]
    fn judge_unusual(&mut self, unusual: [(Leniency, bool); 4]) {
        let policy = &self.config.profile.server;
        let seen = unusual.into_iter().filter(|(_, seen)| *seen).map(|(leniency, _)| leniency);
        match seen.clone().find_map(|leniency| self.transfer.refusal(leniency, policy)) {
            Some(refusal) => self.spoil(refusal),
            None => seen.for_each(|leniency| self.leniencies.insert(leniency)),
        }
    }

    pub(super) fn has_newline(&self) -> bool {
        self.transfer.newline
    }

    pub(super) fn take_newline(&mut self) -> Option<Bytes> {
        core::mem::take(&mut self.transfer.newline).then_some(Bytes::from_static(b"\r\n"))
    }
}
