//! How a client behaves.

use alloc::vec::Vec;

use crate::{
    extension::Registered,
    limits::{ClientLimits, ClientTimeouts},
    profile::Profile,
    reply::ReplyRules,
    sequence::Protocol,
};

/// The configuration of a client session. [`Config::default`] is that of a mail client on the
/// Internet.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Config {
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// Never sends a command before the one before it was answered, even when the server offers
    /// PIPELINING.
    pub lockstep: bool,
    /// Refuses AUTH and MAIL outside TLS as [`Misuse::TlsRequired`](super::Misuse::TlsRequired),
    /// whatever led there: a server that offers no STARTTLS or refuses it, or HELO.
    pub require_tls: bool,
    /// Extensions that this crate does not know. Their parameters and verbs are sent only to a server
    /// that lists their keyword.
    pub extensions: Vec<Registered>,
    /// How strict the session is; [`Profile::client`] of it counts here.
    pub profile: Profile,
    /// Bounds of the client's own queue, and of replies.
    pub limits: ClientLimits,
    /// How long to wait in each phase.
    pub timeouts: ClientTimeouts,
}

impl Config {
    /// A client of an LMTP server (RFC 2033).
    pub fn lmtp() -> Self {
        Self { protocol: Protocol::Lmtp, ..Self::default() }
    }

    /// How replies are read.
    pub(super) fn replies(&self) -> ReplyRules {
        ReplyRules {
            max_line: self.limits.reply_line,
            max_lines: self.limits.reply_lines,
            max_octets: self.limits.reply,
            lenient_lf: self.profile.client.lenient_reply_lf,
            code_mismatch: self.profile.client.reply_code_mismatch,
        }
    }
}
