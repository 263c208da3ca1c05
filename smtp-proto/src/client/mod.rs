//! The client side of a session (RFC 5321 sections 3 and 4, RFC 2033).
//!
//! A [`Client`] takes commands and tells replies. Commands may be queued freely: the core sends them
//! when their time has come, in groups when the server offers PIPELINING (RFC 2920) and one by one
//! otherwise, and tells with each reply what it answers. What the server did not offer, and what the
//! order of commands does not allow, is refused as [`Misuse`] and never sent. Nor is what is called for
//! when something has come in that nobody asked for: the session then ends, and the next event is the fault.
//!
//! Most callers want more than single commands: [`Opening`] leads from the greeting to a session that
//! is inside TLS and authenticated, [`Transaction`] sends one message and keeps one outcome for each
//! recipient. Both are free of I/O like the rest.

mod commands;
mod config;
mod content;
mod converter;
mod discovery;
mod downgrade;
mod envelope;
mod event;
mod login;
mod misuse;
mod opening;
mod own;
mod policy;
mod remote;
mod repeat;
mod replies;
mod report;
mod session;
mod survey;
mod surveyed;
mod transaction;
mod upstream;
mod usage;

use alloc::boxed::Box;

use bytes::Bytes;

use self::session::Session;
pub use self::{
    config::Config,
    converter::{Converter, NotConverted},
    discovery::{NoSubmission, Srv, SrvAnswer, SubmissionServer},
    downgrade::{Downgrade, Downgrades},
    envelope::{
        Chunking, Content, Envelope, EnvelopeBuf, EnvelopeError, EnvelopeProblem, Recipient,
        TransactionOptions,
    },
    event::{Event, ReplyTo},
    login::Login,
    misuse::Misuse,
    opening::{Opening, OpeningError, OpeningStep, TlsUse},
    remote::Turned,
    report::{Blame, Cause, Limit, Outcome, Phase, Report, Retry, Status},
    survey::Survey,
    surveyed::Surveyed,
    transaction::{Transaction, TransactionStep},
};
use crate::{
    auth::Channel,
    data::Piece,
    extension::{Capabilities, ExtensionSet, Limits9422},
    fault::Fault,
    path::{ForwardPath, Mailbox},
    reply::Reply,
    sequence::{Protocol, State},
    status::Code,
    transcript::{Entry, Recorder, Speaker},
    wire::{Endpoint, Pen, Step, Wire},
};

/// The most octets of replies buffered: one whole reply, whose size
/// [`ClientLimits`](crate::limits::ClientLimits) bounds, and a group's worth behind it.
const REPLY_BUFFER: usize = 16 * 1024;

/// A client session.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    session: Session,
}

impl Client {
    /// A session on a connection that was just made; the server's greeting is awaited. For implicit
    /// TLS call [`tls_started`](Self::tls_started) first.
    pub fn new(config: Config) -> Self {
        let room = REPLY_BUFFER.max(config.limits.reply.saturating_add(2));
        let session = Session::new(config);
        let wire = Wire::new(room, session.reply_timeout().unwrap_or_default());
        Self { wire, session }
    }

    /// The next event, if there is one.
    pub fn event(&mut self) -> Option<Event<'_>> {
        self.tidy();
        if self.session.is_unusual() && self.has_news() {
            return self.news();
        }
        self.look();
        let found = self.session.found.take()?;
        let (input, mut pen) = self.wire.split();
        let (reply, behind) = Reply::at(input.octets(), found)?;
        self.session.consume = reply.octets().len();
        self.session.forgive(reply);
        if let Some(recorder) = pen.recorder() {
            record(recorder, reply);
        }
        match self.session.replied(reply, behind.is_empty(), pen.output.written()) {
            Some(to) => Some(Event::Reply { to, reply }),
            None => {
                note_unread(&mut pen, behind);
                self.session.take_fault().map(Event::Fault)
            }
        }
    }

    /// Whether there is news that does not wait in the input.
    #[cold]
    fn has_news(&self) -> bool {
        self.session.has_news(self.wire.output.is_empty())
    }

    /// The news that does not wait in the input.
    #[cold]
    fn news(&mut self) -> Option<Event<'_>> {
        if let Some(fault) = self.session.take_fault() {
            return Some(Event::Fault(fault));
        }
        if let Some(leniency) = self.session.leniencies.take() {
            self.wire.note(|| Entry::Leniency(leniency));
            return Some(Event::Leniency(leniency));
        }
        if self.session.state == State::Turned {
            return Some(Event::Turned(Turned(self)));
        }
        if !self.session.take_upgrade() {
            return None;
        }
        if !self.wire.input.is_empty() {
            let octets = u64::try_from(self.wire.input.len()).unwrap_or(u64::MAX);
            self.wire.note(|| Entry::Unread { speaker: Speaker::Server, octets });
            self.session.fail(Fault::PlaintextBehindStartTls);
            return self.session.take_fault().map(Event::Fault);
        }
        self.wire.input.seal();
        self.wire.restart_timer(self.session.config.timeouts.tls);
        Some(Event::UpgradeTls)
    }

    /// The TLS handshake is done. Nothing of what was said before it is remembered (RFC 3207
    /// section 4.2): say hello again. Before the first step it says that the session is inside TLS
    /// from its beginning.
    pub fn tls_started(&mut self) {
        self.wire.input.discard();
        self.wire.input.unseal();
        self.session.tls_started();
        self.wire.note(|| Entry::Tls);
    }

    /// What TLS brings to the AUTH exchange, for mechanisms that are bound to it: to be told behind
    /// [`tls_started`](Self::tls_started), which forgets what was told before.
    pub fn describe_channel(&mut self, channel: Channel) {
        self.wire.note(|| Entry::Channel((&channel).into()));
        self.session.channel = Some(Box::new(channel));
    }

    /// What was told of TLS.
    pub fn channel(&self) -> Option<&Channel> {
        self.session.channel.as_deref()
    }

    /// Octets of the message, in any pieces; dots are added where transparency asks for them, without
    /// a copy (RFC 5321 section 4.5.2). Only after the 354 reply to DATA.
    ///
    /// All that is handed over is buffered: give more when [`step`](Endpoint::step) no longer says
    /// [`Write`](Step::Write).
    ///
    /// # Errors
    /// [`Misuse::BareNewline`] for a CR or LF on its own; nothing of the piece was taken then.
    pub fn body(&mut self, piece: Bytes) -> Result<(), Misuse> {
        self.send_piece(piece.into())
    }

    fn send_piece(&mut self, piece: Piece) -> Result<(), Misuse> {
        let (_, mut pen) = self.wire.split();
        self.session.body(&mut pen, piece)?;
        self.wire.restart_timer(self.session.config.timeouts.block);
        Ok(())
    }

    /// The message is whole: completes its last line if need be and sends the final dot.
    ///
    /// # Errors
    /// [`Misuse::BareNewline`] when the content ended with a CR on its own.
    pub fn end_of_data(&mut self) -> Result<(), Misuse> {
        let (_, mut pen) = self.wire.split();
        self.session.end_of_data(&mut pen)?;
        self.wire.restart_timer(self.session.config.timeouts.end_of_data);
        Ok(())
    }

    /// Sends a chunk by BDAT (RFC 3030), `last` with the last one; an empty one is allowed. The
    /// octets leave as they are.
    ///
    /// # Errors
    /// [`Misuse::NotOffered`] without CHUNKING; [`Misuse::AwaitReplies`] when commands are
    /// outstanding that this may not be sent behind; [`Misuse::BareNewline`] as for
    /// [`body`](Self::body), unless the transaction is one of BODY=BINARYMIME.
    pub fn chunk(&mut self, chunk: Bytes, last: bool) -> Result<(), Misuse> {
        self.send_chunk(chunk.into(), last)
    }

    fn send_chunk(&mut self, chunk: Piece, last: bool) -> Result<(), Misuse> {
        let idle = self.session.nothing_expected();
        if idle && self.was_answered_too_often() {
            return Ok(());
        }
        let (_, mut pen) = self.wire.split();
        self.session.chunk(&mut pen, chunk, last)?;
        if idle {
            self.rearm();
        }
        Ok(())
    }

    /// What the last EHLO or LHLO reply of this security layer offered; `None` before it and after
    /// HELO.
    pub fn capabilities(&self) -> Option<Capabilities<'_>> {
        self.session.capabilities()
    }

    /// Whether commands are sent in groups: the server offers PIPELINING and the configuration does
    /// not forbid it.
    pub fn pipelines(&self) -> bool {
        self.session.pipelines()
    }

    /// Whether the session is inside TLS.
    pub fn is_tls(&self) -> bool {
        self.session.tls
    }

    /// Whether the server accepted an AUTH exchange.
    pub fn is_authenticated(&self) -> bool {
        self.session.authenticated
    }

    /// The configuration of this session.
    pub fn config(&self) -> &Config {
        &self.session.config
    }

    /// Which protocol is spoken.
    pub fn protocol(&self) -> Protocol {
        self.session.config.protocol
    }

    /// Where the session stands, by the replies that have come in.
    pub fn state(&self) -> State {
        self.session.state
    }

    /// Whether the session has ended or failed.
    pub fn has_ended(&self) -> bool {
        self.session.state == State::Closed
    }

    /// Whether the last message that was completed has left to its end, so that the server may have
    /// taken it whether or not its reply arrives (RFC 5321 section 4.5.3.2.6).
    pub fn has_sent_message(&self) -> bool {
        self.session.message_end.is_some_and(|end| self.wire.output.written() >= end)
    }

    /// Whether no reply is awaited and nothing waits to be sent.
    pub fn is_settled(&self) -> bool {
        self.session.nothing_expected() && self.session.nothing_queued()
    }

    /// How many more transactions the server takes in this session, by the MAILMAX of its LIMITS (RFC
    /// 9422 section 4.1); `None` where it names none. When there are none left, a new session is
    /// needed.
    pub fn transactions_left(&self) -> Option<u32> {
        self.session.usage.mails_left(&self.limits())
    }

    /// Whether all these recipients can be sent to in this session, by the RCPTDOMAINMAX of the server's
    /// LIMITS (RFC 9422 section 4.3). Where not even a new session would take all of them, any will do.
    pub fn has_room_for<'p>(
        &self,
        recipients: impl Iterator<Item = ForwardPath<'p>> + Clone,
    ) -> bool {
        let (usage, limits) = (&self.session.usage, self.limits());
        limits.rcpt_domain_max.is_none()
            || usage.admits_all(recipients.clone(), &limits, false)
            || !usage.admits_all(recipients, &limits, true)
    }

    /// What the server offers.
    #[inline]
    fn offered(&self) -> ExtensionSet {
        self.session.capabilities().map_or(ExtensionSet::EMPTY, |all| all.set())
    }

    /// What the server announced by LIMITS.
    #[inline]
    fn limits(&self) -> Limits9422 {
        self.session.capabilities().map(|all| all.limits()).unwrap_or_default()
    }

    /// Whether there may be recipients that cannot be sent for the length of their local-part.
    fn bounds_local_parts(&self) -> bool {
        self.session.config.profile.client.local_part_max.is_some()
    }

    /// Whether a recipient may be sent, before anything is.
    fn judge_mailbox(&self, mailbox: Option<Mailbox<'_>>) -> Result<(), Misuse> {
        self.session.judge_mailbox(mailbox)
    }

    /// Whether a short command that is given now leaves at once.
    #[inline]
    fn sends_at_once(&self) -> bool {
        self.session.nothing_queued() && self.session.may_send(0)
    }

    /// Whether not too much is awaited for more to be sent.
    fn may_send_more(&self) -> bool {
        self.session.may_send(0)
    }

    /// Does what the last event left to do, if it did.
    ///
    /// Asked at each step and each event, and nearly always for nothing: so the question is inlined
    /// there, and the work is not.
    #[inline(always)]
    fn tidy(&mut self) {
        if self.session.consume > 0 {
            self.tidy_up();
        }
    }

    /// Drops the reply that was told, and sends what waited for it.
    #[inline(never)]
    fn tidy_up(&mut self) {
        let consumed = core::mem::take(&mut self.session.consume);
        self.wire.input.consume(consumed);
        self.wire.input.stir();
        if self.session.nothing_expected() && !self.wire.input.is_empty() {
            // It would be taken for the answer to what is released.
            return;
        }
        let (_, mut pen) = self.wire.split();
        self.session.release(&mut pen);
        self.rearm();
    }

    /// Whether something has come in although nothing is awaited. It must not be taken for the answer to
    /// a command that is given now: nothing more is sent, and the session ends by it.
    #[inline]
    fn was_answered_too_often(&mut self) -> bool {
        self.tidy();
        !self.wire.input.is_empty() && self.session.nothing_expected() && self.has_to_end()
    }

    #[cold]
    fn has_to_end(&mut self) -> bool {
        self.session.message_end = None;
        self.wire.restart_timer(self.session.config.timeouts.other);
        true
    }

    /// Starts the timer for the reply that is awaited next.
    fn rearm(&mut self) {
        if let Some(time) = self.session.reply_timeout() {
            self.wire.restart_timer(time);
        }
    }

    /// Looks for a whole reply in what has come in, if anything has; whether there is something to tell.
    #[inline(always)]
    fn look(&mut self) -> bool {
        self.session.found.is_some() || (self.wire.input.is_fresh() && self.find())
    }

    #[inline(never)]
    fn find(&mut self) -> bool {
        self.wire.input.settle();
        self.session.find(self.wire.input.octets()) || self.find_any()
    }

    #[cold]
    fn find_any(&mut self) -> bool {
        let (input, mut pen) = self.wire.split();
        let octets = input.octets();
        if let Err(error) = self.session.find_any(octets) {
            self.session.fail(error.into());
            if let Some(recorder) = pen.recorder() {
                recorder.foreign(Speaker::Server, octets);
            }
        }
        self.session.found.is_some() || self.session.has_fault()
    }

    #[cold]
    fn timed_out(&mut self) {
        if self.session.state != State::Closed {
            let unread = !self.wire.output.is_empty();
            self.wire.note(|| Entry::Expired { unread });
        }
        self.wire.output.clear();
        self.session.timed_out();
    }

    #[cold]
    fn peer_closed(&mut self) -> Step {
        self.wire.note(|| Entry::Closed);
        self.session.peer_closed();
        if self.session.has_fault() { Step::Event } else { Step::Close }
    }

    /// A block of content has left: the timer starts anew, however slow the peer reads.
    fn content_progress(&mut self) {
        if self.session.content_progress(self.wire.output.written()) {
            self.wire.restart_timer(self.session.config.timeouts.block);
        }
    }
}

#[cold]
fn record(recorder: &mut Recorder, reply: Reply<'_>) {
    if reply.code() == Code::CHALLENGE {
        recorder.secret(Speaker::Server, reply.octets());
    } else {
        recorder.line(Speaker::Server, reply.octets());
    }
}

/// The reply was the last: what follows it is not looked at.
#[cold]
fn note_unread(pen: &mut Pen<'_>, behind: &[u8]) {
    if !behind.is_empty() {
        let octets = u64::try_from(behind.len()).unwrap_or(u64::MAX);
        pen.note(|| Entry::Unread { speaker: Speaker::Server, octets });
    }
}

impl Endpoint for Client {
    fn step(&mut self) -> Step {
        self.tidy();
        if self.wire.take_expired() {
            self.timed_out();
        }
        if self.session.is_unusual() {
            if self.has_news() {
                return Step::Event;
            }
            if self.session.state == State::Closed {
                return Step::Close;
            }
        }
        if self.look() {
            return Step::Event;
        }
        if self.wire.input.has_ended() {
            return self.peer_closed();
        }
        if !self.wire.output.is_empty() {
            self.content_progress();
            return Step::Write;
        }
        // The time for a reply runs from when the last of the command has left.
        if self.session.take_writing() {
            self.rearm();
        }
        if self.session.nothing_expected() && self.wire.input.is_empty() {
            return Step::Idle;
        }
        Step::Read
    }

    fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

#[cfg(test)]
mod tests;
