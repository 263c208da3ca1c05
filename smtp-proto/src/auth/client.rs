//! The client's side of SASL mechanisms (RFC 4422 §3, RFC 4954 §4).

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
}

/// A mechanism does not go on with what the server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("authentication stopped: {reason}")]
pub struct Refused {
    reason: &'static str,
}

impl Refused {
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

/// PLAIN (RFC 4616): all in one message, which the client sends first (C-28, C-29, C-30).
#[derive(Debug)]
pub struct Plain {
    /// `[authzid] NUL authcid NUL passwd`, until it was given away.
    message: Option<Secret>,
}

impl Plain {
    /// `authcid` and `password` say who logs in; `authzid` says whom they act for, and is empty
    /// when that is themselves. Text that is not ASCII is to be prepared by SASLprep (RFC 4013)
    /// by the caller.
    ///
    /// # Errors
    ///
    /// When a field has an octet 0, or one of the last two is empty.
    pub fn new(authzid: &str, authcid: &str, password: &str) -> Result<Self, InvalidCredentials> {
        check_fields(authzid, authcid, password)?;
        let mut message = Secret::with_capacity(authzid.len() + authcid.len() + password.len() + 2);
        message.extend_from_slice(authzid.as_bytes());
        message.extend_from_slice(b"\0");
        message.extend_from_slice(authcid.as_bytes());
        message.extend_from_slice(b"\0");
        message.extend_from_slice(password.as_bytes());
        Ok(Self { message: Some(message) })
    }
}

impl Mechanism for Plain {
    fn name(&self) -> &str {
        "PLAIN"
    }

    fn plaintext(&self) -> bool {
        true
    }

    fn initial_response(&mut self) -> Option<Secret> {
        self.message.take()
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, Refused> {
        if !challenge.is_empty() {
            return Err(Refused::new("PLAIN knows no challenge"));
        }
        self.message.take().ok_or(Refused::new("PLAIN has one message only"))
    }
}

/// LOGIN, which no standard describes: the server asks twice, in words nobody looks at; the first
/// answer is the user, the second the password (C-31).
#[derive(Debug)]
pub struct Login {
    state: LoginState,
}

#[derive(Debug)]
enum LoginState {
    User { user: Secret, password: Secret },
    Password(Secret),
    Done,
}

impl Login {
    /// With a user name and a password. Text that is not ASCII is to be prepared by SASLprep
    /// (RFC 4013) by the caller.
    ///
    /// # Errors
    ///
    /// When one of them is empty or has an octet 0.
    pub fn new(user: &str, password: &str) -> Result<Self, InvalidCredentials> {
        check_fields("", user, password)?;
        let state = LoginState::User { user: user.into(), password: password.into() };
        Ok(Self { state })
    }
}

impl Mechanism for Login {
    fn name(&self) -> &str {
        "LOGIN"
    }

    fn plaintext(&self) -> bool {
        true
    }

    fn initial_response(&mut self) -> Option<Secret> {
        // Servers differ in what they make of one here.
        None
    }

    fn respond(&mut self, _prompt: &[u8]) -> Result<Secret, Refused> {
        match core::mem::replace(&mut self.state, LoginState::Done) {
            LoginState::User { user, password } => {
                self.state = LoginState::Password(password);
                Ok(user)
            }
            LoginState::Password(password) => Ok(password),
            LoginState::Done => Err(Refused::new("LOGIN has two answers only")),
        }
    }
}
