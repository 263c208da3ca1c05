//! The mechanisms this crate plays.

/// A SASL mechanism this crate knows to play, on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Known {
    /// SCRAM-SHA-256-PLUS (RFC 7677), bound to the TLS session.
    ScramSha256Plus,
    /// SCRAM-SHA-1-PLUS (RFC 5802), bound to the TLS session.
    ScramSha1Plus,
    /// SCRAM-SHA-256 (RFC 7677).
    ScramSha256,
    /// SCRAM-SHA-1 (RFC 5802).
    ScramSha1,
    /// OAUTHBEARER (RFC 7628).
    OAuthBearer,
    /// XOAUTH2, which came before OAUTHBEARER and which no standard describes.
    XOAuth2,
    /// EXTERNAL (RFC 4422 appendix A).
    External,
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN, which no standard describes.
    Login,
    /// CRAM-MD5 (RFC 2195). It is weak, and makes the server keep passwords: only for those who name
    /// it.
    CramMd5,
    /// ANONYMOUS (RFC 4505).
    Anonymous,
}

impl Known {
    /// All of them, most wanted first (C-19). The last two are used only when they are named.
    pub const ALL: [Self; 11] = [
        Self::ScramSha256Plus,
        Self::ScramSha1Plus,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::OAuthBearer,
        Self::XOAuth2,
        Self::External,
        Self::Plain,
        Self::Login,
        Self::CramMd5,
        Self::Anonymous,
    ];

    /// Its name, as registered.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
            Self::External => "EXTERNAL",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::Anonymous => "ANONYMOUS",
        }
    }

    /// The mechanism with this name, in either case.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether it shows a password, or a token as good as one, to whoever reads along, so that it is
    /// for use inside TLS only (C-20, S-72).
    pub const fn is_plaintext(self) -> bool {
        matches!(self, Self::Plain | Self::Login | Self::OAuthBearer | Self::XOAuth2)
    }

    /// Whether the server speaks first, so that there is no initial response (RFC 4954 §4). LOGIN
    /// takes one all the same.
    pub const fn is_server_first(self) -> bool {
        matches!(self, Self::CramMd5)
    }

    /// Whether it needs channel binding data.
    pub const fn is_bound(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus)
    }

    /// Whether it is used only by those who name it (C-19).
    pub const fn is_by_name_only(self) -> bool {
        matches!(self, Self::CramMd5 | Self::Anonymous)
    }
}
