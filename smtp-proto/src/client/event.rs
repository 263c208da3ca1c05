//! What a client session tells its caller.

use super::Turned;
use crate::{command::Verb, fault::Fault, profile::Leniency, reply::Reply, sequence::Request};

/// News of a client session; each is told once.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub enum Event<'c> {
    /// A reply has come. Replies come in the order of the commands.
    Reply {
        /// What it answers.
        to: ReplyTo,
        /// The reply, whole.
        reply: Reply<'c>,
    },
    /// The server agreed to STARTTLS: start the handshake, then call
    /// [`tls_started`](super::Client::tls_started).
    UpgradeTls,
    /// The server agreed to ATRN: the caller goes on as the server. Told until the token is taken.
    Turned(Turned<'c>),
    /// Something was forgiven that a stricter [`Profile`](crate::profile::Profile) refuses: told once
    /// for each reply or message, behind it.
    Leniency(Leniency),
    /// The session failed. Commands that were not answered will not be.
    Fault(Fault),
}

/// What a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplyTo {
    /// The connection itself.
    Greeting,
    /// EHLO, HELO or LHLO.
    Hello(Verb),
    /// STARTTLS.
    StartTls,
    /// AUTH, or a response in its exchange.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt {
        /// Which RCPT of the transaction, counted from 0.
        index: u32,
    },
    /// DATA; 354 asks for the content.
    Data,
    /// A BDAT chunk that is not the last one.
    Chunk,
    /// The end of the content: the final reply.
    Delivery {
        /// With LMTP, which of the accepted recipients, counted from 0; else the reply stands for
        /// all.
        recipient: Option<u32>,
    },
    /// RSET.
    Reset,
    /// NOOP.
    Noop,
    /// VRFY.
    Verify,
    /// EXPN.
    Expand,
    /// HELP.
    Help,
    /// QUIT.
    Quit,
    /// ETRN.
    Etrn,
    /// ATRN.
    Atrn,
    /// A BURL that is not the last part of the message.
    Burl,
    /// A line of XCLIENT.
    XClient {
        /// Whether replies to further lines of it follow.
        more: bool,
    },
    /// A line of XFORWARD.
    XForward {
        /// Whether replies to further lines of it follow.
        more: bool,
    },
    /// A verb of the caller's own.
    Extension,
}

impl ReplyTo {
    /// The place of the command in the order of commands. The end of content has none of its own.
    pub(super) const fn request(self) -> Option<Request> {
        Some(match self {
            Self::Greeting | Self::Delivery { .. } => return None,
            Self::Hello(Verb::Helo) => Request::Helo,
            Self::Hello(_) => Request::Hello,
            Self::StartTls => Request::StartTls,
            Self::Auth => Request::Auth,
            Self::Mail => Request::Mail,
            Self::Rcpt { .. } => Request::Rcpt,
            Self::Data => Request::Data,
            Self::Chunk => Request::Bdat,
            Self::Reset => Request::Rset,
            Self::Noop => Request::Noop,
            Self::Verify => Request::Vrfy,
            Self::Expand => Request::Expn,
            Self::Help => Request::Help,
            Self::Quit => Request::Quit,
            Self::Etrn => Request::Etrn,
            Self::Atrn => Request::Atrn,
            Self::Burl => Request::Burl,
            Self::XClient { .. } => Request::XClient,
            Self::XForward { .. } => Request::XForward,
            Self::Extension => Request::Extension,
        })
    }

    /// Whether nothing may be sent behind the command before it is answered (RFC 2920 section 3.1).
    pub(super) const fn ends_group(self) -> bool {
        !matches!(
            self,
            Self::Mail
                | Self::Rcpt { .. }
                | Self::Reset
                | Self::Chunk
                | Self::Burl
                | Self::XForward { .. }
                | Self::Delivery { .. }
        )
    }
}
