//! The server's side of SASL mechanisms (RFC 4422 §3, RFC 4954 §4).

use alloc::string::String;
use core::fmt;

use super::Secret;

/// A mechanism as the server plays it, for one exchange.
///
/// The core encodes and decodes base64, writes the lines, sees a `*`, and does not offer a
/// mechanism that is [`plaintext`](Self::plaintext) outside of TLS. Whether credentials are good
/// is the application's to say.
pub trait Mechanism: Send + Sync {
    /// Its name as in the EHLO reply: 1 to 20 of `A`–`Z`, `0`–`9`, `-` and `_` (RFC 4422 §3.1).
    fn name(&self) -> &str;

    /// Whether it shows the password, or a token as good as one, to whoever reads along, so that
    /// it is for use inside TLS only (S-72).
    fn plaintext(&self) -> bool {
        false
    }

    /// The next step. `response` is what the client sent, decoded; it is `None` in the first
    /// step of an exchange whose AUTH command had no initial response.
    fn step(&mut self, response: Option<&[u8]>) -> Step;
}

/// What a [`Mechanism`] wants done next.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Send this challenge (334) and come back with the response.
    Challenge(Secret),
    /// Ask the application about these credentials: the exchange ends with its answer.
    Credentials(Credentials),
    /// The response cannot be right: 535 5.7.8, in the same words as wrong credentials (S-73).
    Failed,
}

/// Who wants in, as whom, with which password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    authzid: String,
    authcid: String,
    password: Secret,
}

impl Credentials {
    /// From what a mechanism has learnt. An empty `authzid` means that there was none.
    pub fn new(authzid: impl Into<String>, authcid: impl Into<String>, password: Secret) -> Self {
        Self { authzid: authzid.into(), authcid: authcid.into(), password }
    }

    /// Whom the client wants to act for (authorization identity), when it says so and does not
    /// leave it to the server. Whether it may is the application's to check.
    pub fn authzid(&self) -> Option<&str> {
        (!self.authzid.is_empty()).then_some(self.authzid.as_str())
    }

    /// Whose password it is (authentication identity).
    pub fn authcid(&self) -> &str {
        &self.authcid
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
            .field("authzid", &self.authzid)
            .field("authcid", &self.authcid)
            .field("password", &self.password)
            .finish()
    }
}

/// A field of PLAIN or LOGIN: at least one octet, UTF-8, no NUL (RFC 4616 §2; C-42).
fn field(octets: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(octets).ok()?;
    (!text.is_empty() && !text.contains('\0')).then_some(text)
}

/// PLAIN (RFC 4616): all in one message, which the client sends first (C-28, C-29, C-30).
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain {
    prompted: bool,
}

impl Plain {
    /// At the start of an exchange.
    pub const fn new() -> Self {
        Self { prompted: false }
    }

    fn credentials(message: &[u8]) -> Option<Credentials> {
        // message = [authzid] UTF8NUL authcid UTF8NUL passwd
        let mut fields = message.split(|octet| *octet == 0);
        let (authzid, authcid, password) = (fields.next()?, fields.next()?, fields.next()?);
        if fields.next().is_some() {
            return None;
        }
        let authzid = core::str::from_utf8(authzid).ok()?;
        Some(Credentials::new(authzid, field(authcid)?, field(password)?.into()))
    }
}

impl Mechanism for Plain {
    fn name(&self) -> &str {
        "PLAIN"
    }

    fn plaintext(&self) -> bool {
        true
    }

    fn step(&mut self, response: Option<&[u8]>) -> Step {
        match response {
            Some(message) => Self::credentials(message).map_or(Step::Failed, Step::Credentials),
            None if self.prompted => Step::Failed,
            None => {
                self.prompted = true;
                Step::Challenge(Secret::new())
            }
        }
    }
}

/// LOGIN, which no standard describes: the server asks for the user, then for the password. An
/// initial response, which some clients send, is the user (C-31).
#[derive(Debug, Clone, Default)]
pub struct Login {
    user: Option<String>,
}

impl Login {
    /// At the start of an exchange.
    pub const fn new() -> Self {
        Self { user: None }
    }
}

impl Mechanism for Login {
    fn name(&self) -> &str {
        "LOGIN"
    }

    fn plaintext(&self) -> bool {
        true
    }

    fn step(&mut self, response: Option<&[u8]>) -> Step {
        let Some(response) = response else {
            return match self.user {
                None => Step::Challenge("Username:".into()),
                Some(_) => Step::Failed,
            };
        };
        let Some(text) = field(response) else {
            return Step::Failed;
        };
        match self.user.take() {
            None => {
                self.user = Some(text.into());
                Step::Challenge("Password:".into())
            }
            Some(user) => Step::Credentials(Credentials::new("", user, text.into())),
        }
    }
}
