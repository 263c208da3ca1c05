//! LOGIN, the client's side.

use super::{InvalidCredentials, Mechanism, Refused, check_fields};
use crate::auth::Secret;

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
