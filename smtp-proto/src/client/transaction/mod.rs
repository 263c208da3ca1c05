//! A whole mail transaction, without I/O.

use alloc::{string::String, vec::Vec};

use bytes::Bytes;

use super::{
    Chunking, Client, Content, Envelope, Misuse, ReplyTo, TransactionOptions,
    report::{Cause, Outcome, Phase, Report, Status},
};
use crate::{
    answer::Rejection,
    extension::Extension,
    fault::Fault,
    parameter::{Body, ParameterList},
    reply::{Reply, ReplyBuf},
    sequence::Protocol,
    status::{Code, Severity},
};

/// What a [`Transaction`] wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum TransactionStep {
    /// Replies are awaited: step the client.
    Await,
    /// Content: call [`body`](Transaction::body) or [`end_of_body`](Transaction::end_of_body) once
    /// the client has written what it had, that is when its step is
    /// [`Idle`](crate::wire::Step::Idle), or [`Read`](crate::wire::Step::Read) while chunks go out
    /// ahead of their replies.
    Body,
    /// It is over: take the [`report`](Transaction::report). The session can be used for the next
    /// transaction unless it [has ended](Client::has_ended).
    Done,
}

/// Sends one message to any number of recipients and keeps an outcome for each.
///
/// What is used of PIPELINING, SIZE, 8BITMIME, SMTPUTF8, DSN and CHUNKING depends on what the server
/// offered. Recipients that are refused do not stop the others. When the session fails, each
/// recipient that has no final answer yet is deferred, or in doubt if the whole message had been
/// sent.
///
/// Content goes through as it comes, in pieces of any size, of a length known or unknown.
#[derive(Debug)]
pub struct Transaction<'e> {
    envelope: Envelope<'e>,
    content: Content,
    options: TransactionOptions,
    stage: Stage,
    /// Outcomes that are final.
    outcomes: Vec<Option<Outcome>>,
    /// RCPTs queued so far, and answered so far.
    queued: usize,
    answered: usize,
    accepted: usize,
    chunked: bool,
    /// The server takes nothing but 7-bit content.
    seven_bit: bool,
    /// DATA was sent behind RCPT, before it was known whether there is a recipient.
    data_sent: bool,
    /// The whole content has been handed over.
    sent: bool,
    /// The chunk that is held until it is known whether another follows it.
    held: Option<Bytes>,
    open_chunks: usize,
    /// LMTP: the envelope's index of the next recipient to be answered for.
    delivered: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    /// MAIL was queued.
    Mail,
    /// RCPTs are being queued or answered.
    Recipients,
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
    Done,
}

impl<'e> Transaction<'e> {
    /// A transaction on a session that is open and has no other one under way.
    pub fn new(envelope: Envelope<'e>, content: Content, options: TransactionOptions) -> Self {
        Self {
            envelope,
            content,
            options,
            stage: Stage::Start,
            outcomes: alloc::vec![None; envelope.recipients.len()],
            queued: 0,
            answered: 0,
            accepted: 0,
            chunked: false,
            seven_bit: false,
            data_sent: false,
            sent: false,
            held: None,
            open_chunks: 0,
            delivered: 0,
        }
    }

    /// Queues what can be queued now, and says what comes next.
    ///
    /// # Errors
    /// A [`Misuse`] that the envelope is to blame for, such as a parameter the server does not offer;
    /// or the session was not open. Nothing was sent then, unless MAIL had been accepted.
    pub fn next(&mut self, client: &mut Client) -> Result<TransactionStep, Misuse> {
        loop {
            match self.stage {
                Stage::Start => self.start(client)?,
                Stage::Mail if client.pipelines() => self.stage = Stage::Recipients,
                Stage::Recipients => {
                    if !self.recipients(client)? {
                        return Ok(TransactionStep::Await);
                    }
                }
                // So many chunks are open that the server had better answer some.
                Stage::Body if self.chunked && !client.may_send_more() => {
                    return Ok(TransactionStep::Await);
                }
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
                Stage::Done => return Ok(TransactionStep::Done),
                Stage::Mail | Stage::Data | Stage::Delivery | Stage::Reset => {
                    return Ok(TransactionStep::Await);
                }
            }
        }
    }

    /// Decides what this side can decide, and sends MAIL.
    fn start(&mut self, client: &mut Client) -> Result<(), Misuse> {
        if self.envelope.recipients.is_empty() {
            return Err(Misuse::NoRecipient);
        }
        for recipient in self.envelope.recipients {
            client.judge_mailbox(recipient.path.mailbox())?;
        }
        let mut parameters = client.take_parameters();
        let offers = |extension| client.capabilities().is_some_and(|all| all.offers(extension));
        let smtputf8 = self.content.smtputf8
            || !self.envelope.reverse_path.is_ascii()
            || self.envelope.recipients.iter().any(|recipient| !recipient.path.is_ascii());
        let binary = self.content.body == Body::BinaryMime;
        let eight_bit = self.content.body == Body::EightBitMime;
        let limit = client.capabilities().and_then(|all| all.size_limit());
        let refusal = if smtputf8 && !offers(Extension::SmtpUtf8) {
            Some(match self.content.smtputf8 {
                true => Rejection::permanent(6, 9, "the server does not offer SMTPUTF8"),
                false => Rejection::permanent(6, 7, "the server does not offer SMTPUTF8"),
            })
        } else if binary && !(offers(Extension::BinaryMime) && offers(Extension::Chunking)) {
            Some(Rejection::permanent(6, 3, "the server does not offer BINARYMIME"))
        } else if eight_bit && !offers(Extension::EightBitMime) {
            Some(Rejection::permanent(6, 3, "the server does not offer 8BITMIME"))
        } else if let (Some(limit), Some(size)) = (limit, self.content.size)
            && size > limit
        {
            Some(Rejection::permanent(3, 4, "larger than the server takes"))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.settle_all(Outcome::local(refusal));
            self.stage = Stage::Done;
            return Ok(());
        }
        if let Some(size) = self.content.size
            && offers(Extension::Size)
        {
            parameters.size(size);
        }
        if self.content.body != Body::SevenBit {
            parameters.body(self.content.body);
        }
        if smtputf8 {
            parameters.smtputf8();
        }
        let dsn = offers(Extension::Dsn);
        for parameter in self.envelope.parameters.iter() {
            if dsn || !is_dsn(parameter.keyword()) {
                parameters.push(parameter).map_err(|_| Misuse::Parameter)?;
            }
        }
        self.seven_bit = self.content.body == Body::SevenBit && !offers(Extension::EightBitMime);
        self.chunked =
            binary || (self.options.chunking == Chunking::Auto && offers(Extension::Chunking));
        client.mail(self.envelope.reverse_path, parameters.as_parameters())?;
        client.keep_parameters(parameters);
        self.stage = Stage::Mail;
        Ok(())
    }

    /// Queues recipients, then DATA; whether there is more to do at once.
    fn recipients(&mut self, client: &mut Client) -> Result<bool, Misuse> {
        let dsn = client.capabilities().is_some_and(|all| all.offers(Extension::Dsn));
        while let Some(recipient) = self.envelope.recipients.get(self.queued) {
            let mut list = ParameterList::new();
            let parameters = if dsn || recipient.parameters.is_empty() {
                recipient.parameters
            } else {
                for parameter in recipient.parameters.iter() {
                    if !is_dsn(parameter.keyword()) {
                        list.push(parameter).map_err(|_| Misuse::Parameter)?;
                    }
                }
                list.as_parameters()
            };
            match client.rcpt(recipient.path, parameters) {
                Ok(()) => self.queued += 1,
                Err(Misuse::QueueFull) => return Ok(false),
                Err(misuse) => return Err(misuse),
            }
        }
        let all_answered = self.answered == self.queued;
        let must_know = self.chunked
            || self.options.all_or_nothing
            || !client.pipelines()
            || client.protocol() == Protocol::Lmtp;
        let nobody = all_answered && self.accepted == 0;
        if !must_know && !self.data_sent && !nobody {
            match client.data() {
                Ok(()) => self.data_sent = true,
                Err(Misuse::QueueFull) => return Ok(false),
                Err(misuse) => return Err(misuse),
            }
        }
        if !all_answered {
            return Ok(false);
        }
        if self.accepted == 0 || (self.options.all_or_nothing && self.accepted < self.queued) {
            self.give_up();
            self.stage = if self.data_sent { Stage::Data } else { Stage::Failed };
            return Ok(true);
        }
        if self.chunked {
            self.stage = Stage::Body;
        } else {
            if !self.data_sent {
                client.data()?;
                self.data_sent = true;
            }
            self.stage = Stage::Data;
        }
        Ok(true)
    }

    /// With all-or-nothing, the accepted recipients are not sent to after all.
    fn give_up(&mut self) {
        let refusal = Rejection::temporary(5, 0, "another recipient was refused");
        self.settle_all(Outcome::local(refusal));
    }

    fn reset(&mut self, client: &mut Client) -> Result<(), Misuse> {
        if client.has_ended() || !client.state().in_transaction() {
            self.stage = Stage::Done;
        } else {
            client.reset()?;
            self.stage = Stage::Reset;
        }
        Ok(())
    }

    /// A piece of the content.
    ///
    /// # Errors
    /// [`Misuse::BareNewline`], or [`Misuse::EightBit`] where the server was not told of 8-bit content
    /// and does not offer to take any (RFC 6152 section 3): call [`fail_body`](Self::fail_body), the
    /// message cannot be sent.
    pub fn body(&mut self, client: &mut Client, piece: Bytes) -> Result<(), Misuse> {
        if self.stage != Stage::Body {
            return Err(Misuse::Sequence {
                verb: crate::command::Verb::Data,
                state: client.state(),
            });
        }
        if self.seven_bit && !piece.is_ascii() {
            return Err(Misuse::EightBit);
        }
        if !self.chunked {
            return client.body(piece);
        }
        if piece.is_empty() {
            return Ok(());
        }
        if let Some(held) = &self.held {
            self.chunk(client, held.clone(), false)?;
        }
        self.held = Some(piece);
        Ok(())
    }

    fn chunk(&mut self, client: &mut Client, chunk: Bytes, last: bool) -> Result<(), Misuse> {
        client.chunk(chunk, last)?;
        if last {
            self.sent = true;
            self.stage = Stage::Delivery;
        } else {
            self.open_chunks += 1;
            if !client.pipelines() {
                self.stage = Stage::Delivery;
            }
        }
        Ok(())
    }

    /// The content is whole.
    ///
    /// # Errors
    /// As [`body`](Self::body).
    pub fn end_of_body(&mut self, client: &mut Client) -> Result<(), Misuse> {
        if self.stage != Stage::Body {
            return Err(Misuse::Sequence {
                verb: crate::command::Verb::Data,
                state: client.state(),
            });
        }
        if self.chunked {
            let held = self.held.clone().unwrap_or_default();
            self.chunk(client, held, true)?;
            self.held = None;
            return Ok(());
        }
        client.end_of_data()?;
        self.sent = true;
        self.stage = Stage::Delivery;
        Ok(())
    }

    /// The content cannot be read to its end, or must not be sent. All recipients without a final
    /// answer are deferred; the connection must now be dropped, without QUIT and without the final
    /// dot, which would complete a truncated message (RFC 5321 section 4.1.1.4).
    pub fn fail_body(&mut self, why: String) {
        let outcome = Outcome {
            status: Status::Deferred,
            phase: Phase::Content,
            cause: Cause::Content(why),
            at_once: false,
        };
        self.settle_all(outcome);
        self.stage = Stage::Done;
    }

    /// A reply came.
    pub fn reply(&mut self, to: ReplyTo, reply: Reply<'_>) {
        let positive = reply.severity() == Severity::PositiveCompletion;
        match to {
            ReplyTo::Mail if positive && self.stage == Stage::Mail => {
                self.stage = Stage::Recipients;
            }
            ReplyTo::Mail if positive => {}
            ReplyTo::Mail => {
                self.settle_all(Outcome::replied(Phase::Mail, reply.to_owned()));
                self.stage = if self.data_sent { Stage::Data } else { Stage::Failed };
            }
            ReplyTo::Rcpt { .. } => self.recipient_answered(positive, reply),
            ReplyTo::Data => self.data_answered(reply),
            ReplyTo::Chunk => {
                self.open_chunks = self.open_chunks.saturating_sub(1);
                if !positive {
                    self.settle_all(Outcome::replied(Phase::Content, reply.to_owned()));
                    self.stage = Stage::Failed;
                } else if self.stage == Stage::Delivery && !self.sent && self.open_chunks == 0 {
                    self.stage = Stage::Body;
                }
            }
            ReplyTo::Delivery { recipient: None } => {
                self.settle_all(Outcome::replied(Phase::Delivery, reply.to_owned()));
                self.stage = Stage::Failed;
            }
            ReplyTo::Delivery { recipient: Some(_) } => self.recipient_delivered(reply.to_owned()),
            ReplyTo::Reset => self.stage = Stage::Done,
            _ => {}
        }
    }

    fn recipient_answered(&mut self, positive: bool, reply: Reply<'_>) {
        let index = self.answered;
        self.answered += 1;
        if positive {
            self.accepted += 1;
        } else if let Some(outcome) = self.outcomes.get_mut(index)
            && outcome.is_none()
        {
            let mut refused = Outcome::replied(Phase::Rcpt, reply.to_owned());
            // A 552 that means "too many" is as temporary as 452 (RFC 5321 section 4.5.3.1.10).
            // Said to the first recipient it means something else.
            let full = super::report::too_many_recipients(reply.code().value(), reply.enhanced());
            if full && self.accepted > 0 {
                refused.status = Status::Deferred;
                refused.at_once = true;
            }
            *outcome = Some(refused);
        }
    }

    fn data_answered(&mut self, reply: Reply<'_>) {
        if reply.code() == Code::START_MAIL_INPUT {
            let nobody = self.outcomes.iter().all(Option::is_some);
            self.stage = if nobody { Stage::Nobody } else { Stage::Body };
        } else {
            self.settle_all(Outcome::replied(Phase::Data, reply.to_owned()));
            self.stage = Stage::Failed;
        }
    }

    /// LMTP answers for the accepted recipients in their order.
    fn recipient_delivered(&mut self, reply: ReplyBuf) {
        while let Some(outcome) = self.outcomes.get_mut(self.delivered) {
            self.delivered += 1;
            if outcome.is_none() {
                *outcome = Some(Outcome::replied(Phase::Delivery, reply));
                break;
            }
        }
        if self.outcomes.iter().all(Option::is_some) {
            self.stage = Stage::Failed;
        }
    }

    /// The session failed: what is not final yet is deferred, or in doubt if the whole message had
    /// left.
    pub fn fault(&mut self, client: &Client, fault: Fault) {
        self.fail(self.sent && client.has_sent_message(), fault);
    }

    fn fail(&mut self, sent: bool, fault: Fault) {
        let phase = match self.stage {
            Stage::Start => Phase::Preparation,
            Stage::Mail => Phase::Mail,
            Stage::Recipients => Phase::Rcpt,
            Stage::Data | Stage::Nobody => Phase::Data,
            Stage::Body => Phase::Content,
            Stage::Delivery if !sent => Phase::Content,
            Stage::Delivery | Stage::Failed | Stage::Reset | Stage::Done => Phase::Delivery,
        };
        // A server that says 421 has not taken the message; silence says nothing.
        let answered = matches!(fault, Fault::ServiceNotAvailable(_));
        let status = if sent && !answered { Status::InDoubt } else { Status::Deferred };
        self.settle_all(Outcome { status, phase, cause: Cause::Fault(fault), at_once: false });
        self.stage = Stage::Done;
    }

    /// What became of the message. A transaction that is not over counts as cut off here.
    pub fn report(mut self) -> Report {
        if self.stage != Stage::Done {
            self.fail(self.sent, Fault::Closed);
        }
        Report { outcomes: self.outcomes.into_iter().flatten().collect() }
    }

    /// Gives `outcome` to all recipients that have no final one.
    fn settle_all(&mut self, outcome: Outcome) {
        let mut open = self.outcomes.iter_mut().filter(|open| open.is_none());
        let Some(mut last) = open.next() else {
            return;
        };
        for next in open {
            *last = Some(outcome.clone());
            last = next;
        }
        *last = Some(outcome);
    }
}

fn is_dsn(keyword: &str) -> bool {
    ["RET", "ENVID", "NOTIFY", "ORCPT"].iter().any(|dsn| dsn.eq_ignore_ascii_case(keyword))
}
