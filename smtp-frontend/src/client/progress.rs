//! What happens in a session, told while it happens.

use smtp_proto::{client::ReplyTo, fault::Fault, reply::Reply};

use super::Attempt;
#[cfg(feature = "tls")]
use crate::tls::TlsFacts;

/// What happened; see [`Connector::observe`](super::Connector::observe).
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'p> {
    /// The connection is made; of a stream that was connected before, nothing is told.
    Connected,
    /// There is no session by this address. The next one is tried, unless it is the last or the error
    /// would be the same there.
    Failed(&'p Attempt),
    /// The server answered: the connection itself, a command, or a message.
    Reply {
        /// What it answered.
        to: ReplyTo,
        /// What it said.
        reply: Reply<'p>,
    },
    /// The TLS handshake is done.
    #[cfg(feature = "tls")]
    Tls(Box<TlsFacts>),
    /// The certificate does not come up to a policy that is being tested: the session goes on all the
    /// same (RFC 8461 section 5).
    #[cfg(feature = "tls")]
    Unverified(&'p rustls::Error),
    /// The session failed; the server's last words are in the fault, if it had any.
    Fault(&'p Fault),
}
