//! LOGIN, the server's side.

use alloc::string::String;

use super::{
    Answer, Credentials, Identity, Mechanism, Preparation, Question, Step, field, unprepared,
};

/// LOGIN, which no standard describes: the server asks for the user, then for the password. An
/// initial response, which some clients send, is the user (C-31).
#[derive(Debug, Clone)]
pub struct Login {
    user: Option<String>,
    prepare: Preparation,
    /// Of whom the question is.
    asked: Option<Identity>,
}

impl Default for Login {
    fn default() -> Self {
        Self::new()
    }
}

impl Login {
    /// At the start of an exchange. Names and passwords are handed on as they come.
    pub const fn new() -> Self {
        Self { user: None, prepare: unprepared, asked: None }
    }

    /// Prepares name and password by SASLprep before the application sees them (C-42).
    #[cfg(feature = "sasl")]
    #[must_use]
    pub fn prepared(mut self) -> Self {
        self.prepare = super::prepared;
        self
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
        let Some(text) = field(response).and_then(self.prepare) else {
            return Step::Failed;
        };
        match self.user.take() {
            None => {
                self.user = text.as_str().map(String::from);
                Step::Challenge("Password:".into())
            }
            Some(user) => {
                let credentials = Credentials::new("", user, text);
                self.asked = Some(credentials.identity());
                Step::Ask(Question::Password(credentials))
            }
        }
    }

    fn answer(&mut self, answer: Answer) -> Step {
        self.asked.take().map_or(Step::Failed, |identity| Step::verdict(answer, identity))
    }
}
