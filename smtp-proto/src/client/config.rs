//! How a client behaves.

use crate::{
    data::BareNewline,
    limits::{ClientLimits, ClientTimeouts},
    reply::ReplyRules,
    sequence::Protocol,
};

/// The configuration of a client session. [`Config::default`] is that of a mail client on the
/// Internet.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Config {
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// Never sends a command before the one before it was answered, even when the server offers
    /// PIPELINING.
    pub lockstep: bool,
    /// What becomes of content with a bare CR or LF: refused as
    /// [`Misuse::BareNewline`](super::Misuse::BareNewline) by default, as the next server may take it
    /// for a line end.
    pub bare_newline: BareNewline,
    /// How replies are read, and how large they may be.
    pub replies: ReplyRules,
    /// Bounds of the client's own queue.
    pub limits: ClientLimits,
    /// How long to wait in each phase.
    pub timeouts: ClientTimeouts,
}

impl Config {
    /// A client of an LMTP server (RFC 2033).
    pub fn lmtp() -> Self {
        Self { protocol: Protocol::Lmtp, ..Self::default() }
    }
}
