//! What became of a message, recipient by recipient.

use alloc::{string::String, vec::Vec};
use core::fmt;

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
}

impl Report {
    /// One outcome for each recipient, in the order of the envelope.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
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
    /// Only the number of recipients was in the way.
    pub(super) at_once: bool,
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
    /// The session failed.
    Fault(Fault),
    /// The content could not be read to its end, or holds what cannot be sent; the connection must
    /// be dropped, as a final dot would complete a truncated message.
    Content(String),
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Never: it was delivered, or refused for good.
    Never,
    /// Later, by the schedule of RFC 5321 section 4.5.4.1.
    Later,
    /// At once, in a new transaction: the server takes only so many recipients at a time (section
    /// 4.5.3.1.10).
    AtOnce,
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
            Cause::Fault(_) => Blame::Session,
            Cause::Local(_) | Cause::Content(_) => Blame::Message,
            Cause::Reply(_) if self.at_once => Blame::Session,
            Cause::Reply(reply) => self.blame_of(reply),
        }
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
        match self.status {
            Status::Delivered | Status::Rejected => Retry::Never,
            Status::InDoubt => Retry::Later,
            Status::Deferred if self.at_once => Retry::AtOnce,
            Status::Deferred => Retry::Later,
        }
    }

    /// Whether the server took responsibility.
    pub fn is_delivered(&self) -> bool {
        self.status == Status::Delivered
    }

    pub(crate) fn replied(phase: Phase, reply: ReplyBuf) -> Self {
        let status = match reply.severity() {
            Severity::PositiveCompletion => Status::Delivered,
            Severity::PermanentNegative => Status::Rejected,
            Severity::TransientNegative | Severity::PositiveIntermediate => Status::Deferred,
        };
        Self { status, phase, cause: Cause::Reply(reply), at_once: false }
    }

    pub(crate) fn deferred(phase: Phase, cause: Cause) -> Self {
        Self { status: Status::Deferred, phase, cause, at_once: false }
    }

    /// The same outcome, judged by more than one host.
    pub(crate) fn judged(self, status: Status) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn local(rejection: Rejection<'static>) -> Self {
        let status = match rejection.severity() {
            Severity::PermanentNegative => Status::Rejected,
            _ => Status::Deferred,
        };
        let phase = Phase::Preparation;
        Self { status, phase, cause: Cause::Local(rejection), at_once: false }
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
            Self::Fault(fault) => fault.fmt(f),
            Self::Content(what) => write!(f, "the content cannot be sent: {what}"),
        }
    }
}
