//! PLAIN, the client's side.

use super::{InvalidCredentials, Mechanism, Refused, check_fields};
use crate::auth::Secret;

/// PLAIN (RFC 4616): all in one message, which the client sends first (C-28, C-29, C-30).
#[derive(Debug)]
pub struct Plain {
    /// `[authzid] NUL authcid NUL passwd`, until it was given away.
    message: Option<Secret>,
}

impl Plain {
    /// `authcid` and `password` say who logs in; `authzid` says whom they act for, and is empty
    /// when that is themselves. Text that is not ASCII is to be prepared by SASLprep (RFC 4013), all
    /// three, by the caller.
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
