//! What is sent, from whom, to whom, and how.

#[cfg(feature = "mail-builder")]
mod composed;
mod fields;
mod owned;
#[cfg(feature = "mail-parser")]
mod parsed;
#[cfg(test)]
mod tests;
#[cfg(feature = "mail-parser")]
mod written;

pub use self::{
    fields::{EnvelopeError, EnvelopeProblem},
    owned::EnvelopeBuf,
};
use crate::{
    parameter::{Body, Parameters},
    path::{ForwardPath, Mailbox, ReversePath},
};

/// From whom, and to whom. [`EnvelopeBuf`] makes one of a message.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'e> {
    /// The reverse-path.
    pub reverse_path: ReversePath<'e>,
    /// Parameters of MAIL that come from the caller: RET, ENVID, AUTH and others. SIZE, BODY and
    /// SMTPUTF8 are the transaction's own. What the server does not offer is left out where the
    /// message can do without; see [`Downgrade`](super::Downgrade).
    pub parameters: Parameters<'e>,
    /// The recipients, at least one.
    pub recipients: &'e [Recipient<'e>],
}

/// A recipient.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'e> {
    /// The forward-path.
    pub path: ForwardPath<'e>,
    /// Parameters of RCPT, left out where they can be when the server does not offer them.
    pub parameters: Parameters<'e>,
}

impl<'e> From<ForwardPath<'e>> for Recipient<'e> {
    fn from(path: ForwardPath<'e>) -> Self {
        Self { path, parameters: Parameters::EMPTY }
    }
}

impl<'e> From<Mailbox<'e>> for Recipient<'e> {
    fn from(mailbox: Mailbox<'e>) -> Self {
        ForwardPath::from(mailbox).into()
    }
}

/// What is known of the content before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Its octets, lines ended by CRLF, dots not doubled; `None` when not known. An upper estimate is
    /// allowed.
    pub size: Option<u64>,
    /// Whether it has octets above 127 or is binary. 8-bit content is not sent to a server that does
    /// not offer 8BITMIME (RFC 6152 section 3).
    pub body: Body,
    /// The header has non-ASCII text, so that SMTPUTF8 is needed (RFC 6531 section 3.2). An address
    /// that needs it is seen without this.
    pub smtputf8: bool,
}

impl Default for Content {
    /// 7-bit content of unknown size.
    fn default() -> Self {
        Self { size: None, body: Body::SevenBit, smtputf8: false }
    }
}

/// Whether content is sent by BDAT (RFC 3030) instead of DATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Chunking {
    /// When the server offers it.
    #[default]
    Auto,
    /// Only where content is binary and cannot be sent otherwise.
    Never,
}

/// How a transaction is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TransactionOptions {
    /// DATA or BDAT.
    pub chunking: Chunking,
    /// Sends to all recipients or to none: when one is refused the others are not sent to, and end as
    /// deferred.
    pub all_or_nothing: bool,
    /// Sends nothing to whom the message would go on without something it asks for: instead of a
    /// [`Downgrade`](super::Downgrade) there is a refusal of this side.
    pub refuse_downgrades: bool,
}
