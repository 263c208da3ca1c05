//! The server's side of SASL mechanisms (RFC 4422 §3, RFC 4954 §4).

#[cfg(feature = "sasl")]
mod cram_md5;
mod external;
mod login;
mod oauth;
mod plain;
mod question;
#[cfg(feature = "sasl")]
mod scram;
#[cfg(feature = "sasl")]
mod setting;

#[cfg(feature = "sasl")]
pub use self::{cram_md5::CramMd5, scram::Scram, setting::Setting};
pub use self::{
    external::{Anonymous, External},
    login::Login,
    oauth::{OAuthBearer, XOAuth2},
    plain::Plain,
    question::{Answer, Credentials, Identity, Question, Token},
};
use alloc::string::String;

use super::Secret;
use crate::answer::Rejection;

/// A mechanism as the server plays it, for one exchange.
///
/// The core encodes and decodes base64, writes the lines, sees a `*`, and does not offer a
/// mechanism that is [`plaintext`](Self::plaintext) outside of TLS. Whether credentials are good
/// is the application's to say: a mechanism that has to know asks for it by [`Step::Ask`], and is told
/// by [`answer`](Self::answer), whenever the answer is there. Nothing in it waits.
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

    /// The step after [`Step::Ask`]: what the application says to the question.
    fn answer(&mut self, answer: Answer) -> Step;
}

/// What a [`Mechanism`] wants done next.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Send this challenge (334) and come back with the response.
    Challenge(Secret),
    /// Ask the application this, and come back with the [`answer`](Mechanism::answer).
    Ask(Question),
    /// The client is who it says it is: 235.
    Accept(Identity),
    /// What was said cannot be right, or is not: 535 5.7.8, in the same words whatever the cause
    /// (S-73).
    Failed,
    /// Another refusal, which the application has asked for.
    Refuse(Rejection<'static>),
}

impl Step {
    /// What a client is told that sent no initial response: the mechanism has nothing to say, once.
    fn prompt(prompted: &mut bool) -> Self {
        if core::mem::replace(prompted, true) {
            Self::Failed
        } else {
            Self::Challenge(Secret::new())
        }
    }

    /// What follows from an answer of yes or no about `identity`.
    fn verdict(answer: Answer, identity: Identity) -> Self {
        match answer {
            Answer::Accept => Self::Accept(identity),
            Answer::AcceptAs(identity) => Self::Accept(identity),
            Answer::Reject(rejection) => Self::Refuse(rejection),
            _ => Self::Failed,
        }
    }
}

/// A field of PLAIN or LOGIN: at least one octet, UTF-8, no NUL (RFC 4616 §2; C-42).
fn field(octets: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(octets).ok()?;
    (!text.is_empty() && !text.contains('\0')).then_some(text)
}

/// How names and passwords are made the same on both sides: not at all, or by SASLprep.
type Preparation = fn(&str) -> Option<Secret>;

/// Whom the client wants to act for, or nobody. None when nothing is left of a name (RFC 4954 §4; C-42).
fn authorization(authzid: &str, prepare: Preparation) -> Option<String> {
    if authzid.is_empty() {
        return Some(String::new());
    }
    prepare(authzid)?.as_str().map(String::from)
}

fn unprepared(text: &str) -> Option<Secret> {
    Some(text.into())
}

#[cfg(feature = "sasl")]
fn prepared(text: &str) -> Option<Secret> {
    super::saslprep(text).ok()
}
