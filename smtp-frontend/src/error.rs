//! How a client fails.

use std::io;

use smtp_proto::{
    client::{Misuse, OpeningError},
    fault::Fault,
    relay::{TlsRefusal, Unroutable},
    reply::ReplyBuf,
    status::Severity,
};

use crate::client::{ConnectError, PoolError, ProxyError};

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
    /// There is no host that takes mail for the domain, or it cannot be found out; or a host has no
    /// address.
    #[error("no route: {0}")]
    Unroutable(#[from] Unroutable),
    /// A policy about TLS forbids this host.
    #[error("policy: {0}")]
    Policy(#[from] TlsRefusal),
    /// No session could be had at any address of any host; what each said is in there, as one of the
    /// errors above.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A proxy did not make the connection.
    #[error("proxy: {0}")]
    Proxy(#[from] ProxyError),
    /// A pool has no session to give.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The session failed.
    #[error("session: {0}")]
    Fault(#[from] Fault),
}

impl Error {
    /// The error to match on: of [several attempts](Self::Connect) the one that says
    /// [most](ConnectError::decisive), and else this one.
    ///
    /// ```
    /// # use smtp_frontend::{Error, proto::client::OpeningError};
    /// # fn ask_for_the_password_again() {}
    /// # fn f(error: Error) {
    /// match error.decisive() {
    ///     Error::Opening(OpeningError::AuthRefused(_)) => ask_for_the_password_again(),
    ///     _ if error.is_temporary() => eprintln!("later, then: {error}"),
    ///     _ => eprintln!("{error}"),
    /// }
    /// # }
    /// ```
    pub fn decisive(&self) -> &Self {
        match self {
            Self::Connect(error) => error.decisive().map_or(self, |attempt| &attempt.error),
            _ => self,
        }
    }

    /// The server's whole reply, if it was one that decided.
    pub fn reply(&self) -> Option<&ReplyBuf> {
        match self.decisive() {
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
            Self::Misuse(_) | Self::Pool(PoolError::Closed) => false,
            Self::Pool(PoolError::Full) => true,
            Self::Opening(error) => error.is_temporary(),
            Self::Policy(refusal) => refusal.rejection().severity() == Severity::TransientNegative,
            Self::Unroutable(why) => why.rejection().severity() == Severity::TransientNegative,
            Self::Proxy(error) => error.is_temporary(),
            Self::Connect(error) => error.is_temporary(),
        }
    }

    /// Whether the next address or host may do better than the one that gave this error.
    pub(crate) fn may_differ_elsewhere(&self) -> bool {
        match self {
            Self::Io(_) | Self::Fault(_) | Self::Tls(_) | Self::Policy(_) | Self::Unroutable(_) => {
                true
            }
            Self::Misuse(_) | Self::Connect(_) | Self::Pool(_) => false,
            Self::Proxy(error) => error.may_differ_elsewhere(),
            Self::Opening(error) => error.may_differ_elsewhere(),
        }
    }
}
