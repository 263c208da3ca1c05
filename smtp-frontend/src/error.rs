//! How a client fails.

use std::io;

use smtp_proto::{
    client::{Misuse, OpeningError},
    fault::Fault,
    reply::ReplyBuf,
};

/// Why a client could not do what it was asked.
///
/// What the server says of a message and its recipients is no error: it is in the
/// [`Report`](smtp_proto::client::Report).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection, or none any more.
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    /// The TLS handshake failed, or TLS could not be configured.
    #[error("TLS: {0}")]
    Tls(#[source] io::Error),
    /// The call was a mistake, or a wish the server cannot fulfil. Nothing was sent.
    #[error("not sent: {0}")]
    Misuse(#[from] Misuse),
    /// The session could not be opened; which phase of the opening it was, and what the server said,
    /// is in there.
    #[error("opening the session: {0}")]
    Opening(#[from] OpeningError),
    /// The session failed.
    #[error("session: {0}")]
    Fault(#[from] Fault),
}

impl Error {
    /// The server's whole reply, if it was one that decided.
    pub fn reply(&self) -> Option<&ReplyBuf> {
        match self {
            Self::Opening(error) => error.reply(),
            Self::Fault(Fault::ServiceNotAvailable(reply) | Fault::UnexpectedReply(reply)) => {
                Some(reply)
            }
            _ => None,
        }
    }

    /// Whether trying again later makes sense.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Io(_) | Self::Fault(_) | Self::Tls(_) => true,
            Self::Misuse(_) => false,
            Self::Opening(error) => error.is_temporary(),
        }
    }
}
