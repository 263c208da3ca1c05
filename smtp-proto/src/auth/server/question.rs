//! What a mechanism has to know from its application.

use alloc::{string::String, vec::Vec};
use core::fmt;

#[cfg(feature = "sasl")]
use super::super::{ScramHash, Verifier};
use crate::{answer::Rejection, auth::Secret};

/// What the application is asked in the course of an exchange. It may take its time: look into a
/// database, or ask somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// PLAIN and LOGIN: is this the password, and may this user act for the other, if another is named?
    /// [`Answer::Accept`] or [`Answer::Deny`].
    Password(Credentials),
    /// SCRAM: what is kept of this user's password? [`Answer::Verifier`]; [`Answer::DenyVerifier`] when
    /// the user may not log in, or may not act for whom it names; [`Answer::Deny`] when there is no
    /// such user. After the last two the exchange goes on as with a wrong password, so that nobody
    /// learns which users there are.
    #[cfg(feature = "sasl")]
    Verifier {
        /// Who wants in.
        identity: Identity,
        /// For which hash.
        hash: ScramHash,
    },
    /// CRAM-MD5: what is this user's password? [`Answer::Secret`], or [`Answer::Deny`] when there is no
    /// such user.
    #[cfg(feature = "sasl")]
    Secret(Identity),
    /// OAUTHBEARER and XOAUTH2: is this token good, and good for the user named?
    /// [`Answer::Accept`] when it is and a user is named, [`Answer::AcceptAs`] when the token says who
    /// it is; else [`Answer::DenyToken`] or [`Answer::Deny`].
    ///
    /// Host and port, when the client says them and the application knows those of its server, have to
    /// be the same (RFC 7628 §3.2): a token shown to another server is not good here.
    ///
    /// An empty token asks which scope a token should have, and where to get one (RFC 7628 §4.3); that
    /// goes into [`Answer::DenyToken`]. Nobody gets in by an empty token, whatever the answer.
    Token(Token),
    /// EXTERNAL: is this who the TLS client certificate is for? When nobody is named, the application
    /// says who it is: [`Answer::AcceptAs`]. Else [`Answer::Accept`] or [`Answer::Deny`].
    External(Option<String>),
    /// ANONYMOUS: let somebody in who left this trace, an address or a text, perhaps empty?
    /// [`Answer::Accept`] or [`Answer::Deny`].
    Anonymous(String),
    /// A question of a mechanism of one's own, in octets of its own. [`Answer::Other`], or what else it
    /// takes.
    Other(Secret),
}

/// What the application says to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Yes.
    Accept,
    /// Yes, and this is who it is.
    AcceptAs(Identity),
    /// This is kept of the password.
    #[cfg(feature = "sasl")]
    Verifier(Verifier),
    /// No, whatever the password; this is kept of it. A user's salt is then the same whether it is
    /// refused or not, as it is of a user that does not exist (RFC 5802 §9).
    #[cfg(feature = "sasl")]
    DenyVerifier(Verifier),
    /// This is the password.
    Secret(Secret),
    /// An answer in octets of a mechanism's own.
    Other(Secret),
    /// No: 535 5.7.8, whatever the cause.
    Deny,
    /// No, and this JSON object tells the client why the token is not good (RFC 7628 §3.2.2). It is
    /// seen by whoever holds a bad token.
    DenyToken(Vec<u8>),
    /// No, by another reply: [`AUTH_UNAVAILABLE`](Rejection::AUTH_UNAVAILABLE) when nobody can tell now,
    /// [`ACCOUNT_DISABLED`](Rejection::ACCOUNT_DISABLED),
    /// [`PASSWORD_TRANSITION`](Rejection::PASSWORD_TRANSITION),
    /// [`MECHANISM_TOO_WEAK`](Rejection::MECHANISM_TOO_WEAK). All but the first tell a stranger
    /// something of the user.
    Reject(Rejection<'static>),
}

/// As whom somebody logs in, and for whom they then act.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    authzid: String,
    authcid: String,
}

impl Identity {
    /// Of an authentication identity, which acts for itself.
    pub fn new(authcid: impl Into<String>) -> Self {
        Self { authzid: String::new(), authcid: authcid.into() }
    }

    /// Acts for somebody else, or if `authzid` is empty for itself.
    #[must_use]
    pub fn acting_for(mut self, authzid: impl Into<String>) -> Self {
        self.authzid = authzid.into();
        self
    }

    /// Whom the client wants to act for (authorization identity), when it says so and does not
    /// leave it to the server. Whether it may is the application's to check.
    pub fn authzid(&self) -> Option<&str> {
        (!self.authzid.is_empty()).then_some(self.authzid.as_str())
    }

    /// Who it is (authentication identity).
    pub fn authcid(&self) -> &str {
        &self.authcid
    }

    /// For whom it acts: the authorization identity, or else the authentication identity.
    pub fn name(&self) -> &str {
        self.authzid().unwrap_or(&self.authcid)
    }
}

/// Who wants in, as whom, with which password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    identity: Identity,
    password: Secret,
}

impl Credentials {
    /// From what a mechanism has learnt. An empty `authzid` means that there was none.
    pub fn new(authzid: impl Into<String>, authcid: impl Into<String>, password: Secret) -> Self {
        Self { identity: Identity::new(authcid).acting_for(authzid), password }
    }

    /// Whom the client wants to act for; see [`Identity::authzid`].
    pub fn authzid(&self) -> Option<&str> {
        self.identity.authzid()
    }

    /// Whose password it is.
    pub fn authcid(&self) -> &str {
        self.identity.authcid()
    }

    /// Both names.
    pub fn identity(&self) -> Identity {
        self.identity.clone()
    }

    /// The password: UTF-8 without NUL, at least one octet, when PLAIN or LOGIN brought it.
    pub const fn password(&self) -> &Secret {
        &self.password
    }
}

/// Names are shown: they are in every log that says who logged in. Of the password, its length.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("authzid", &self.identity.authzid)
            .field("authcid", &self.identity.authcid)
            .field("password", &self.password)
            .finish()
    }
}

/// A bearer token, and what the client says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub(super) user: String,
    pub(super) token: Secret,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
}

impl Token {
    /// Whose mailbox it is about, when the client says so.
    pub fn user(&self) -> Option<&str> {
        (!self.user.is_empty()).then_some(self.user.as_str())
    }

    /// The token, as the authorization server gave it out; empty when the client only asks for the scope.
    pub const fn token(&self) -> &Secret {
        &self.token
    }

    /// The host the client thinks it is connected to (OAUTHBEARER).
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The port the client thinks it is connected to (OAUTHBEARER).
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}
