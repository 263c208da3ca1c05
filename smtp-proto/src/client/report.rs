//! What became of a message, recipient by recipient.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use super::{Downgrades, Misuse};
use crate::{
    answer::Rejection,
    fault::Fault,
    reply::ReplyBuf,
    status::{Code, EnhancedCode, Severity},
};

#[cfg(test)]
mod tests;

/// The outcome of a [`Transaction`](super::Transaction).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) downgrades: Downgrades,
}

impl Report {
    /// One outcome for each recipient, in the order of the envelope.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// What the message asked for and the server does not offer, so that it was sent without.
    pub fn downgrades(&self) -> Downgrades {
        self.downgrades
    }

    /// Whether the server took responsibility for every recipient.
    pub fn all_delivered(&self) -> bool {
        self.outcomes.iter().all(Outcome::is_delivered)
    }
}

/// What became of the message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub(super) status: Status,
    pub(super) phase: Phase,
    pub(super) cause: Cause,
    pub(super) retry: Retry,
}

/// What a recipient's outcome means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The server took responsibility.
    Delivered,
    /// Refused for good: sending the same again is useless.
    Rejected,
    /// Not delivered now: try again later.
    Deferred,
    /// The whole message was sent and no answer came (RFC 5321 section 6.1). It may have been
    /// delivered; trying again may deliver it twice.
    InDoubt,
}

/// The part of a transaction that decided an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before MAIL: this side refused.
    Preparation,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, up to its reply.
    Data,
    /// The transfer of the content.
    Content,
    /// The reply to the whole message.
    Delivery,
}

/// Why an outcome is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The server said so.
    Reply(ReplyBuf),
    /// This side said so, without asking the server.
    Local(Rejection<'static>),
    /// The server had announced a limit that leaves no room for this recipient (RFC 9422 section 4).
    Limit(Limit),
    /// The session failed.
    Fault(Fault),
    /// The content could not be read to its end, or holds what cannot be sent; the connection must
    /// be dropped, as a final dot would complete a truncated message.
    Content(String),
}

/// A limit of LIMITS (RFC 9422 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// MAILMAX: transactions in one session.
    MailMax,
    /// RCPTMAX: recipients in one transaction.
    RcptMax,
    /// RCPTDOMAINMAX: different domains of recipients in one session.
    RcptDomainMax,
}

impl Limit {
    /// As LIMITS names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MailMax => "MAILMAX",
            Self::RcptMax => "RCPTMAX",
            Self::RcptDomainMax => "RCPTDOMAINMAX",
        }
    }
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Never: it was delivered, or refused for good.
    Never,
    /// Later, by the schedule of RFC 5321 section 4.5.4.1.
    Later,
    /// At once, in a new transaction: the server takes only so many recipients at a time (section
    /// 4.5.3.1.10), and the content could not be sent a second time.
    AtOnce,
    /// At once, in a new session: the server takes only so much in one (RFC 9422 section 4).
    NewSession,
}

/// What an outcome is a judgement of: whose fault it was.
///
/// A queue that counts failures against a message, or a recipient against a list, needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Nobody: it was delivered.
    Nobody,
    /// The session, the network or the host: a connection that broke or took too long, 421, a server
    /// that broke the protocol or lacks room. Nothing was said of the message or the recipient, and
    /// other messages to this host would have fared the same.
    Session,
    /// The message: its sender, its size, its content, or what it asks for.
    Message,
    /// This recipient. Others of the same message are not touched by it.
    Recipient,
}

impl Outcome {
    /// Whose fault it was. Of a reply the enhanced code decides by its subject (RFC 3463 section 3.1),
    /// and where that leaves it open, or there is none, the command that was answered.
    pub fn blame(&self) -> Blame {
        match &self.cause {
            _ if self.is_delivered() => Blame::Nobody,
            Cause::Fault(_) | Cause::Limit(_) => Blame::Session,
            Cause::Local(_) | Cause::Content(_) => Blame::Message,
            Cause::Reply(reply) if self.is_crowded(reply) => Blame::Session,
            Cause::Reply(reply) => self.blame_of(reply),
        }
    }

    /// Whether only the number of recipients was in the way.
    fn is_crowded(&self, reply: &ReplyBuf) -> bool {
        self.phase == Phase::Rcpt
            && self.status == Status::Deferred
            && too_many_recipients(reply.code().value(), reply.enhanced())
    }

    fn blame_of(&self, reply: &ReplyBuf) -> Blame {
        let of_phase = if self.phase == Phase::Rcpt { Blame::Recipient } else { Blame::Message };
        let enhanced = reply.enhanced();
        match enhanced.map(|enhanced| (enhanced.subject(), enhanced.detail())) {
            // The sender's address.
            Some((1, 7 | 8)) => Blame::Message,
            Some((1 | 2, _)) => Blame::Recipient,
            // Too big; a loop; content.
            Some((3, 4) | (4, 6) | (6, _)) => Blame::Message,
            // The system, the network, the protocol.
            Some((3..=5, _)) => Blame::Session,
            _ if enhanced.is_none()
                && matches!(
                    reply.code(),
                    Code::LOCAL_ERROR | Code::INSUFFICIENT_STORAGE | Code::SERVICE_NOT_AVAILABLE
                ) =>
            {
                Blame::Session
            }
            _ => of_phase,
        }
    }

    /// What it means.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The part of the transaction that decided it.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Why.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The server's whole reply, when it was a reply that decided.
    pub fn reply(&self) -> Option<&ReplyBuf> {
        match &self.cause {
            Cause::Reply(reply) => Some(reply),
            Cause::Fault(Fault::ServiceNotAvailable(reply) | Fault::UnexpectedReply(reply)) => {
                Some(reply)
            }
            _ => None,
        }
    }

    /// The enhanced status code: the server's, or that of the local cause (RFC 3463).
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        match &self.cause {
            Cause::Reply(reply) => reply.enhanced(),
            Cause::Local(rejection) => Some(rejection.enhanced()),
            Cause::Limit(Limit::MailMax) => EnhancedCode::new(4, 7, 0),
            Cause::Limit(Limit::RcptMax | Limit::RcptDomainMax) => EnhancedCode::new(4, 5, 3),
            Cause::Fault(Fault::ServiceNotAvailable(reply)) => {
                reply.enhanced().or(EnhancedCode::new(4, 3, 2))
            }
            Cause::Fault(Fault::Closed | Fault::Timeout) => EnhancedCode::new(4, 4, 2),
            Cause::Fault(_) => EnhancedCode::new(4, 5, 0),
            Cause::Content(_) => EnhancedCode::new(4, 6, 0),
        }
    }

    /// When to try again.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// Whether the server took responsibility.
    pub fn is_delivered(&self) -> bool {
        self.status == Status::Delivered
    }

    fn of(status: Status, phase: Phase, cause: Cause) -> Self {
        let retry = match status {
            Status::Delivered | Status::Rejected => Retry::Never,
            Status::Deferred | Status::InDoubt => Retry::Later,
        };
        Self { status, phase, cause, retry }
    }

    pub(crate) fn replied(phase: Phase, reply: ReplyBuf) -> Self {
        let status = match reply.severity() {
            Severity::PositiveCompletion => Status::Delivered,
            Severity::PermanentNegative => Status::Rejected,
            Severity::TransientNegative | Severity::PositiveIntermediate => Status::Deferred,
        };
        Self::of(status, phase, Cause::Reply(reply))
    }

    pub(crate) fn deferred(phase: Phase, cause: Cause) -> Self {
        Self::of(Status::Deferred, phase, cause)
    }

    /// The whole message was sent, and then the session failed.
    pub(super) fn in_doubt(phase: Phase, fault: Fault) -> Self {
        Self::of(Status::InDoubt, phase, Cause::Fault(fault))
    }

    /// The server takes no more for now. A 552 that means "too many" is as temporary as 452 (RFC 5321
    /// section 4.5.3.1.10).
    pub(crate) fn crowded(reply: ReplyBuf) -> Self {
        let cause = Cause::Reply(reply);
        Self { status: Status::Deferred, phase: Phase::Rcpt, cause, retry: Retry::AtOnce }
    }

    /// Nothing was sent for the recipient, because of a limit.
    pub(crate) fn limited(limit: Limit, retry: Retry) -> Self {
        let cause = Cause::Limit(limit);
        Self { status: Status::Deferred, phase: Phase::Preparation, cause, retry }
    }

    /// That of a recipient whom the caller's mistake concerns, when others have theirs.
    pub(super) fn misused(misuse: Misuse) -> Self {
        Self::local(Rejection::permanent(5, 0, "").with_text(misuse.to_string()))
    }

    /// The same outcome, to be tried again at such a time.
    pub(super) fn retried(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// The same outcome, judged by more than one host.
    pub(crate) fn judged(self, status: Status) -> Self {
        Self::of(status, self.phase, self.cause)
    }

    /// That of a recipient that no server is asked about: this side says so, before MAIL.
    #[must_use]
    pub fn local(rejection: Rejection<'static>) -> Self {
        let status = match rejection.severity() {
            Severity::PermanentNegative => Status::Rejected,
            _ => Status::Deferred,
        };
        Self::of(status, Phase::Preparation, Cause::Local(rejection))
    }
}

/// Whether a reply to RCPT says that no more recipients fit into this transaction: 452, or 552 as
/// RFC 821 had it, unless its enhanced code names another shortage (RFC 5321 section 4.5.3.1.10).
pub(super) fn too_many_recipients(code: u16, enhanced: Option<EnhancedCode>) -> bool {
    let other = enhanced.is_some_and(|enhanced| {
        matches!((enhanced.subject(), enhanced.detail()), (2, 2) | (2, 3) | (3, 1) | (3, 4))
    });
    matches!(code, 452 | 552) && !other
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.status {
            Status::Delivered => "delivered",
            Status::Rejected => "rejected",
            Status::Deferred => "deferred",
            Status::InDoubt => "in doubt",
        };
        let phase = match self.phase {
            Phase::Preparation => "before MAIL",
            Phase::Mail => "at MAIL",
            Phase::Rcpt => "at RCPT",
            Phase::Data => "at DATA",
            Phase::Content => "during the content",
            Phase::Delivery => "after the content",
        };
        if self.status == Status::Delivered {
            write!(f, "{status}: {}", self.cause)
        } else {
            write!(f, "{status} {phase}: {}", self.cause)
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => reply.fmt(f),
            Self::Local(rejection) => rejection.fmt(f),
            Self::Limit(limit) => write!(f, "the server takes no more: {}", limit.name()),
            Self::Fault(fault) => fault.fmt(f),
            Self::Content(what) => write!(f, "the content cannot be sent: {what}"),
        }
    }
}
