//! What a caller of the client cannot do.

use crate::{command::Verb, extension::Extension, sequence::State, upstream::Attribute};

/// A call that was refused without sending anything: the caller's mistake, or a wish the server
/// cannot fulfil. The session goes on as if the call had not been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The command may not come now.
    #[error("{} may not be sent in state {state:?}", verb.as_str())]
    Sequence {
        /// The command.
        verb: Verb,
        /// Where the session stands once all that was queued is accepted.
        state: State,
    },
    /// The server did not offer what this needs.
    #[error("the server does not offer {}", .0.keyword())]
    NotOffered(Extension),
    /// The server does not list this attribute of XCLIENT or XFORWARD.
    #[error("the server does not take the attribute {0}")]
    AttributeNotOffered(Attribute),
    /// A parameter that belongs to no extension this crate knows, and to none the server offers by
    /// the same name.
    #[error("the server does not offer this parameter")]
    UnknownParameter,
    /// A parameter is malformed for what it is.
    #[error("malformed parameter")]
    Parameter,
    /// A parameter asks for more than the server offers: a message held longer than FUTURERELEASE allows
    /// (RFC 4865 section 4.1), or delivered sooner than DELIVERBY promises (RFC 2852 section 2).
    #[error("more than the server offers of {}", .0.keyword())]
    BeyondOffer(Extension),
    /// Replies must come in first.
    #[error("replies are outstanding")]
    AwaitReplies,
    /// Too much is queued; step the session first.
    #[error("too many commands are queued")]
    QueueFull,
    /// The content holds a CR or LF that is not part of a CRLF.
    #[error("bare CR or LF in the content")]
    BareNewline,
    /// The content has octets above 127, and the server does not offer 8BITMIME.
    #[error("8-bit content, and the server does not offer 8BITMIME")]
    EightBit,
    /// The [`Converter`](super::Converter) could not convert the content.
    #[error("the content could not be converted")]
    NotConverted,
    /// The server resumes a message (RFC 1845 section 4) behind the end of this content: another message
    /// had the same `TRANSID`.
    #[error("the server resumes behind the end of the content")]
    BeyondContent,
    /// The content has a line of more than 998 octets and its CRLF, and the profile says
    /// [`LongLine::Error`](crate::profile::LongLine::Error).
    #[error("a line of the content is longer than 998 octets")]
    LongLine,
    /// A local-part is longer than the profile allows
    /// ([`local_part_max`](crate::profile::ClientPolicy::local_part_max)).
    #[error("the local-part is too long")]
    LocalPart,
    /// The configuration requires TLS, and the session is outside it.
    #[error("TLS is required first")]
    TlsRequired,
    /// No recipient was accepted, so there is nobody to send content to.
    #[error("no recipient was accepted")]
    NoRecipient,
    /// Non-ASCII text needs the SMTPUTF8 parameter on MAIL (RFC 6531 section 3.5).
    #[error("non-ASCII address without SMTPUTF8")]
    NonAscii,
    /// The session is over.
    #[error("the session is over")]
    Ended,
}
