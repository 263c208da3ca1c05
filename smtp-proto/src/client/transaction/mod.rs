//! A whole message to all its recipients, without I/O.

mod begin;
mod body;
mod fate;
mod replies;
mod wish;

use alloc::boxed::Box;

use self::fate::{Fate, Fates};
use super::{
    Client, Content, Converter, Downgrades, Envelope, Misuse, Surveyed, TransactionOptions,
    report::{Cause, Outcome, Phase, Report, Retry},
};
use crate::{data::Piece, fault::Fault, sequence::Protocol};

/// What a [`Transaction`] wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum TransactionStep {
    /// Replies are awaited: step the client.
    Await,
    /// Content: call [`body`](Transaction::body), [`surveyed_body`](Transaction::surveyed_body) or
    /// [`end_of_body`](Transaction::end_of_body) once
    /// the client has written what it had, that is when its step is
    /// [`Idle`](crate::wire::Step::Idle), or [`Read`](crate::wire::Step::Read) while chunks go out
    /// ahead of their replies.
    Body,
    /// Recipients are left that the server takes only in a transaction of their own, and the content
    /// is needed once more, from its beginning: call [`rewound`](Transaction::rewound) when it is
    /// there, or [`cannot_rewind`](Transaction::cannot_rewind), or [`fail_body`](Transaction::fail_body)
    /// where that fails. Asked until one of them is called.
    Rewind,
    /// It is over: take the [`report`](Transaction::report). The session can be used for the next
    /// transaction unless it [has ended](Client::has_ended).
    Done,
}

/// Sends one message to any number of recipients and keeps an outcome for each.
///
/// What is used of PIPELINING, SIZE, 8BITMIME, SMTPUTF8 and CHUNKING depends on what the server
/// offered. Parameters of the caller's that the server does not offer are left out and
/// [told](Report::downgrades) where the message can do without; where it cannot, nothing is sent to
/// those whom it concerns, and their outcome says why. Recipients that are refused do not stop the others. When the session fails, each
/// recipient that has no final answer yet is deferred, or in doubt if the whole message had been
/// sent.
///
/// Where the server takes only so many recipients at a time, by the RCPTMAX of its LIMITS (RFC 9422
/// section 4.2) or by 452 (RFC 5321 section 4.5.3.1.10), further mail transactions follow for the
/// rest on the same session; each settles one recipient at least. Behind 452 nobody else is asked for in
/// that transaction, and the next ones are for as many as were accepted. MAILMAX and RCPTDOMAINMAX bound a
/// session: what they leave over is [for a new one](Retry::NewSession).
///
/// A message with `TRANSID` among its parameters may have been interrupted before. Where the server
/// resumes it (355, RFC 1845 section 4), nobody is asked for, the envelope is taken to be the one the
/// server has kept, and what it has of the content is left out. So an envelope that is tried again under
/// its `TRANSID` names those recipients that were accepted, and its content is the same to the octet.
///
/// Content goes through as it comes, in pieces of any size, of a length known or unknown. What is
/// [at hand](Self::at_hand) may go in one flight with the envelope.
#[derive(Debug)]
pub struct Transaction<'e> {
    envelope: Envelope<'e>,
    content: Content,
    options: TransactionOptions,
    at_hand: Option<&'e Surveyed>,
    stage: Stage,
    fates: Fates,
    /// From this recipient on nobody is left who needs SMTPUTF8, nor will be.
    international: usize,
    /// What is the same in each of several mail transactions was judged.
    judged: bool,
    /// It is not the first of several mail transactions.
    again: bool,
    chunked: bool,
    /// The server takes nothing but 7-bit content.
    seven_bit: bool,
    /// Content was handed over: to send it again it must begin anew.
    begun: bool,
    /// The server said that it cannot do more now.
    busy: bool,
    /// Recipients of one mail transaction, by how many were accepted where there were too many.
    most: u32,
    /// What was left out.
    downgrades: Downgrades,
    round: Round,
    /// The chunk that is held until it is known whether another follows it.
    held: Option<Piece>,
    converter: Option<Box<dyn Converter + 'e>>,
    /// Content is converted.
    converts: bool,
}

/// One mail transaction.
#[derive(Debug, Default)]
struct Round {
    /// Where in the envelope the next recipient to be asked is looked for, to be answered, and with
    /// LMTP to be answered for.
    ask: usize,
    answer: usize,
    deliver: usize,
    /// RCPTs queued so far, and answered and accepted so far.
    asked: u32,
    answered: u32,
    accepted: u32,
    /// The server said to one that there are too many.
    crowded: bool,
    /// Octets at the beginning of the content that are not sent, as the server has them.
    to_skip: u64,
    /// DATA was sent behind RCPT, before it was known whether there is a recipient.
    data_sent: bool,
    /// The content has ended; its last chunk may be waiting.
    ended: bool,
    /// The whole content has been handed over.
    sent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A mail transaction can begin.
    Start,
    /// MAIL was queued.
    Mail,
    /// There is something to do between the recipients and the content: RCPTs are queued, then DATA.
    Recipients,
    /// All that can be queued was; the RCPTs are being answered.
    Answers,
    /// DATA was queued and its reply is awaited.
    Data,
    /// 354 came although there is nobody to receive the content.
    Nobody,
    /// Content is wanted.
    Body,
    /// The content was sent and its replies are awaited.
    Delivery,
    /// Replies that no longer matter are awaited, then RSET is sent.
    Failed,
    Reset,
    /// The mail transaction is over.
    Over,
    /// The content is to begin anew.
    Rewind,
    Done,
}

impl<'e> Transaction<'e> {
    /// A transaction on a session that is open and has no other one under way.
    pub fn new(envelope: Envelope<'e>, content: Content, options: TransactionOptions) -> Self {
        Self {
            envelope,
            content,
            options,
            at_hand: None,
            stage: Stage::Start,
            fates: Fates::new(envelope.recipients.len()),
            international: envelope.recipients.len(),
            judged: false,
            again: false,
            chunked: false,
            seven_bit: false,
            begun: false,
            busy: false,
            most: u32::MAX,
            downgrades: Downgrades::NONE,
            round: Round::default(),
            held: None,
            converter: None,
            converts: false,
        }
    }

    /// Content that the server does not take as it is goes through this.
    #[must_use]
    pub fn converter(mut self, converter: Box<dyn Converter + 'e>) -> Self {
        self.converter = Some(converter);
        self
    }

    /// Says that this is the whole content. A small one goes by BDAT in one flight with MAIL and RCPT
    /// where the server offers PIPELINING and CHUNKING, as far as
    /// [`ClientLimits::ahead`](crate::limits::ClientLimits::ahead) allows; then it is not asked for. It
    /// does not where it is to be [converted](Self::converter), where recipients have to be known
    /// first ([`all_or_nothing`](TransactionOptions::all_or_nothing), LMTP), or where the server may
    /// [resume](Client::mail) it.
    #[must_use]
    pub const fn at_hand(mut self, message: &'e Surveyed) -> Self {
        self.at_hand = Some(message);
        self
    }

    /// Queues what can be queued now, and says what comes next.
    ///
    /// # Errors
    /// A [`Misuse`] that the envelope is to blame for, such as a parameter the server does not offer;
    /// or the session was not open. Nothing was sent then, unless MAIL had been accepted. In a further mail
    /// transaction it is the outcome of those whom it concerns instead.
    #[inline]
    pub fn next(&mut self, client: &mut Client) -> Result<TransactionStep, Misuse> {
        // Asked at every turn, and mostly while replies are awaited.
        match self.stage {
            Stage::Answers | Stage::Data | Stage::Delivery | Stage::Reset => {
                Ok(TransactionStep::Await)
            }
            Stage::Body if !self.chunked => Ok(TransactionStep::Body),
            Stage::Done => Ok(TransactionStep::Done),
            _ => match self.advance(client) {
                Err(misuse) if self.again => {
                    self.settle_misuse(misuse);
                    self.advance(client)
                }
                step => step,
            },
        }
    }

    /// What the caller is to blame for concerns all who are left: the others have their outcomes.
    #[cold]
    fn settle_misuse(&mut self, misuse: Misuse) {
        self.fates.settle_all(Outcome::misused(misuse));
        self.stage = if self.stage == Stage::Start { Stage::Done } else { Stage::Failed };
    }

    #[inline(never)]
    fn advance(&mut self, client: &mut Client) -> Result<TransactionStep, Misuse> {
        loop {
            match self.stage {
                // The fault is told next.
                Stage::Start | Stage::Mail | Stage::Recipients | Stage::Body | Stage::Nobody
                    if self.judged && client.has_ended() =>
                {
                    return Ok(TransactionStep::Await);
                }
                Stage::Start => self.start(client)?,
                // Nobody is to be asked for where the server may know the recipients.
                Stage::Mail if client.pipelines() && !client.session.transid => {
                    self.stage = Stage::Recipients
                }
                Stage::Recipients => {
                    if !self.recipients(client)? {
                        return Ok(TransactionStep::Await);
                    }
                }
                // So many chunks are open that the server had better answer some.
                Stage::Body if self.chunked && !client.may_send_more() => {
                    return Ok(TransactionStep::Await);
                }
                Stage::Body if self.round.ended => self.last_chunk(client)?,
                Stage::Body => return Ok(TransactionStep::Body),
                Stage::Nobody => {
                    // A lone dot ends the content at once, and whatever is said to it delivers
                    // nothing (RFC 2920 section 3.1).
                    client.end_of_data()?;
                    self.stage = Stage::Failed;
                }
                Stage::Failed => {
                    if !client.is_settled() {
                        return Ok(TransactionStep::Await);
                    }
                    self.reset(client)?;
                }
                Stage::Over => self.over(),
                Stage::Rewind => return Ok(TransactionStep::Rewind),
                Stage::Done => return Ok(TransactionStep::Done),
                Stage::Mail | Stage::Answers | Stage::Data | Stage::Delivery | Stage::Reset => {
                    return Ok(TransactionStep::Await);
                }
            }
        }
    }

    /// Queues recipients, then DATA; whether there is more to do at once.
    #[inline(never)]
    fn recipients(&mut self, client: &mut Client) -> Result<bool, Misuse> {
        let all_asked = self.round.data_sent || self.round.ask >= self.envelope.recipients.len();
        if !all_asked && !self.ask(client)? {
            return Ok(false);
        }
        let all_answered = self.round.answered == self.round.asked;
        let must_know = self.chunked
            || self.options.all_or_nothing
            || !client.pipelines()
            || client.protocol() == Protocol::Lmtp;
        let nobody = all_answered && self.round.accepted == 0;
        if !must_know && !self.round.data_sent && !nobody {
            match client.data() {
                Ok(()) => self.round.data_sent = true,
                Err(Misuse::QueueFull) => return Ok(false),
                Err(misuse) => return Err(misuse),
            }
        }
        if !all_answered {
            self.stage = if self.fly(client) { Stage::Delivery } else { Stage::Answers };
            return Ok(true);
        }
        if self.options.all_or_nothing && self.round.accepted < self.round.asked {
            // The accepted recipients are not sent to after all.
            self.fates.settle_all(Outcome::local(wish::OTHER_REFUSED));
            self.stage = Stage::Failed;
        } else if self.round.accepted == 0 {
            self.stage = if self.round.data_sent { Stage::Data } else { Stage::Failed };
        } else if self.chunked {
            self.stage = Stage::Body;
        } else {
            if !self.round.data_sent {
                client.data()?;
                self.round.data_sent = true;
            }
            self.stage = Stage::Data;
        }
        Ok(true)
    }

    fn reset(&mut self, client: &mut Client) -> Result<(), Misuse> {
        if client.has_ended() || !client.state().in_transaction() {
            self.stage = Stage::Over;
        } else {
            client.reset()?;
            self.stage = Stage::Reset;
        }
        Ok(())
    }

    /// A mail transaction is over: whether another follows. The one before has settled a recipient, as
    /// the first is never one too many.
    fn over(&mut self) {
        if self.round.crowded {
            self.most = self.most.min(self.round.accepted);
        }
        if !self.fates.any_left() {
            self.stage = Stage::Done;
        } else if self.busy {
            self.fates.give_up(Retry::Later);
            self.stage = Stage::Done;
        } else {
            self.again = true;
            self.stage = if self.begun { Stage::Rewind } else { Stage::Start };
        }
    }

    /// The content is there once more, from its beginning. Nothing happens unless
    /// [`Rewind`](TransactionStep::Rewind) was said.
    pub fn rewound(&mut self) {
        if self.stage == Stage::Rewind {
            self.begun = false;
            self.stage = Stage::Start;
        }
    }

    /// The content cannot be had once more. Who is left is deferred, to be sent to in [a transaction of
    /// its own](Retry::AtOnce). Nothing happens unless [`Rewind`](TransactionStep::Rewind) was said.
    pub fn cannot_rewind(&mut self) {
        if self.stage == Stage::Rewind {
            self.fates.give_up(Retry::AtOnce);
            self.stage = Stage::Done;
        }
    }

    /// The session failed: what is not final yet is deferred, or in doubt if the whole message had
    /// left.
    pub fn fault(&mut self, client: &Client, fault: Fault) {
        self.fail(self.round.sent && client.has_sent_message(), fault);
    }

    fn fail(&mut self, sent: bool, fault: Fault) {
        let phase = match self.stage {
            Stage::Start | Stage::Over | Stage::Rewind => Phase::Preparation,
            Stage::Mail => Phase::Mail,
            Stage::Recipients | Stage::Answers => Phase::Rcpt,
            Stage::Data | Stage::Nobody => Phase::Data,
            Stage::Body => Phase::Content,
            Stage::Delivery if !sent => Phase::Content,
            Stage::Delivery | Stage::Failed | Stage::Reset | Stage::Done => Phase::Delivery,
        };
        // A server that says 421 has not taken the message; silence says nothing.
        if sent && !matches!(fault, Fault::ServiceNotAvailable(_)) {
            self.fates.settle_hopeful(Outcome::in_doubt(phase, fault.clone()));
        }
        self.fates.settle_all(Outcome::deferred(phase, Cause::Fault(fault)));
        self.stage = Stage::Done;
    }

    /// What became of the message. A transaction that is not over counts as cut off here.
    pub fn report(mut self) -> Report {
        if self.stage != Stage::Done {
            self.fail(self.round.sent, Fault::Closed);
        }
        Report { outcomes: self.fates.into_outcomes(), downgrades: self.downgrades }
    }
}
