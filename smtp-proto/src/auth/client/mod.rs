//! The client's side of SASL mechanisms (RFC 4422 §3, RFC 4954 §4).

#[cfg(feature = "sasl")]
mod cram_md5;
#[cfg(feature = "sasl")]
mod credentials;
mod external;
mod login;
mod oauth;
mod plain;
#[cfg(feature = "sasl")]
mod scram;

use alloc::vec::Vec;

#[cfg(feature = "sasl")]
pub(super) use self::cram_md5::digest as cram_md5_digest;
#[cfg(feature = "sasl")]
pub(crate) use self::credentials::Surroundings;
#[cfg(feature = "sasl")]
pub use self::{
    cram_md5::CramMd5,
    credentials::Credentials,
    scram::{NoBinding, Scram},
};
pub(super) use self::{external::is_trace, oauth::is_token};
pub use self::{
    external::{Anonymous, External},
    login::Login,
    oauth::{OAuthBearer, XOAuth2},
    plain::Plain,
};
use super::Secret;

/// A mechanism as the client plays it, for one exchange.
///
/// The core encodes and decodes base64, writes the lines, and does not start a mechanism that is
/// [`plaintext`](Self::plaintext) outside of TLS.
pub trait Mechanism: Send + Sync {
    /// Its name as in the EHLO reply: 1 to 20 of `A`–`Z`, `0`–`9`, `-` and `_` (RFC 4422 §3.1).
    fn name(&self) -> &str;

    /// Whether it shows the password, or a token as good as one, to whoever reads along, so that
    /// it is for use inside TLS only (C-20).
    fn plaintext(&self) -> bool {
        false
    }

    /// What the client says first; `None` when the server speaks first. Asked once.
    ///
    /// The core sends it in the AUTH command, or if that would be too long a line, in answer to an
    /// empty challenge (C-21); [`respond`](Self::respond) does not get that challenge.
    fn initial_response(&mut self) -> Option<Secret>;

    /// The answer to a challenge, which has been decoded.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the challenge is not one this mechanism goes on with; the core then
    /// cancels the exchange with `*` (C-22).
    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, Refused>;

    /// The server says that it is satisfied (235). A mechanism that asks for proof of the server,
    /// too, here says whether it has got it (C-23).
    ///
    /// # Errors
    ///
    /// [`Refused`] when the proof is missing; the session is then not to be trusted.
    fn accepted(&mut self) -> Result<(), Refused> {
        Ok(())
    }

    /// What the server said of its refusal besides the reply, if the mechanism has a place for that:
    /// the JSON object of OAUTHBEARER and XOAUTH2 (RFC 7628 §3.2.2). It comes from a server that may
    /// not be the one that was meant.
    fn explanation(&mut self) -> Option<Vec<u8>> {
        None
    }
}

/// A mechanism does not go on with what the server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("authentication stopped: {reason}")]
pub struct Refused {
    reason: &'static str,
}

impl Refused {
    /// The server could not show that it knows the password, or what is kept of it (RFC 5802 §5; C-23):
    /// it is not the one that was meant.
    pub const NO_PROOF: Self = Self::new("the server gave no proof of its own");

    /// With a reason for a person to read. It must hold nothing secret.
    pub const fn new(reason: &'static str) -> Self {
        Self { reason }
    }

    /// The reason.
    pub const fn reason(&self) -> &'static str {
        self.reason
    }
}

/// Credentials that no server could take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCredentials {
    /// The name or the password is empty (RFC 4616 §2 asks for at least one octet each).
    #[error("user name or password is empty")]
    Empty,
    /// A field has an octet 0, which separates the fields (RFC 4616 §2).
    #[error("NUL in user name or password")]
    Nul,
    /// A name or a password that SASLprep does not allow (RFC 4013).
    #[error("user name or password has characters that may not be in one")]
    Prohibited,
    /// A token with other octets than printable ASCII (RFC 6750 §2.1).
    #[error("not a bearer token")]
    Token,
    /// A trace over 255 characters, or with control characters (RFC 4505 §2).
    #[error("not a trace")]
    Trace,
    /// A name with a control character where it would end a field (^A).
    #[error("control character in user or host name")]
    Control,
}

/// The fields of PLAIN and LOGIN have at least one octet and no NUL.
fn check_fields(authzid: &str, authcid: &str, password: &str) -> Result<(), InvalidCredentials> {
    if authcid.is_empty() || password.is_empty() {
        return Err(InvalidCredentials::Empty);
    }
    if [authzid, authcid, password].iter().any(|field| field.as_bytes().contains(&0)) {
        return Err(InvalidCredentials::Nul);
    }
    Ok(())
}
