//! How a message came, in one word.

use crate::sequence::Protocol;

/// The transmission type of the `with` clause (RFC 3848 section 1, RFC 6531 section 4.3; T-06).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transmission {
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// The hello was EHLO or LHLO.
    pub extended: bool,
    /// The transaction has SMTPUTF8.
    pub smtputf8: bool,
    /// The session is inside TLS, from its beginning or by STARTTLS.
    pub tls: bool,
    /// The client has authenticated.
    pub authenticated: bool,
}

impl Transmission {
    /// EHLO and nothing more.
    pub const ESMTP: Self = Self {
        protocol: Protocol::Smtp,
        extended: true,
        smtputf8: false,
        tls: false,
        authenticated: false,
    };

    /// The registered word. Behind HELO it is `SMTP`, whatever else there is: the others are for EHLO
    /// (RFC 3848 section 1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        let Self { protocol, extended, smtputf8, tls, authenticated } = self;
        match (protocol, extended, smtputf8, tls, authenticated) {
            (Protocol::Smtp, false, ..) => "SMTP",
            (Protocol::Smtp, true, false, false, false) => "ESMTP",
            (Protocol::Smtp, true, false, false, true) => "ESMTPA",
            (Protocol::Smtp, true, false, true, false) => "ESMTPS",
            (Protocol::Smtp, true, false, true, true) => "ESMTPSA",
            (Protocol::Smtp, true, true, false, false) => "UTF8SMTP",
            (Protocol::Smtp, true, true, false, true) => "UTF8SMTPA",
            (Protocol::Smtp, true, true, true, false) => "UTF8SMTPS",
            (Protocol::Smtp, true, true, true, true) => "UTF8SMTPSA",
            (Protocol::Lmtp, _, false, false, false) => "LMTP",
            (Protocol::Lmtp, _, false, false, true) => "LMTPA",
            (Protocol::Lmtp, _, false, true, false) => "LMTPS",
            (Protocol::Lmtp, _, false, true, true) => "LMTPSA",
            (Protocol::Lmtp, _, true, false, false) => "UTF8LMTP",
            (Protocol::Lmtp, _, true, false, true) => "UTF8LMTPA",
            (Protocol::Lmtp, _, true, true, false) => "UTF8LMTPS",
            (Protocol::Lmtp, _, true, true, true) => "UTF8LMTPSA",
        }
    }
}
