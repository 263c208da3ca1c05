//! PLAIN, the server's side.

use alloc::string::String;

use super::{
    Answer, Credentials, Identity, Mechanism, Preparation, Question, Step, authorization, field,
    unprepared,
};

/// PLAIN (RFC 4616): all in one message, which the client sends first (C-28, C-29, C-30).
#[derive(Debug, Clone)]
pub struct Plain {
    prompted: bool,
    prepare: Preparation,
    /// Of whom the question is.
    asked: Option<Identity>,
}

impl Default for Plain {
    fn default() -> Self {
        Self::new()
    }
}

impl Plain {
    /// At the start of an exchange. Names and passwords are handed on as they come.
    pub const fn new() -> Self {
        Self { prompted: false, prepare: unprepared, asked: None }
    }

    /// Prepares names and password by SASLprep before the application sees them (RFC 4616 §2, RFC 4954
    /// §4; C-42).
    #[cfg(feature = "sasl")]
    #[must_use]
    pub fn prepared(mut self) -> Self {
        self.prepare = super::prepared;
        self
    }

    fn credentials(&self, message: &[u8]) -> Option<Credentials> {
        // message = [authzid] UTF8NUL authcid UTF8NUL passwd
        let mut fields = message.split(|octet| *octet == 0);
        let (authzid, authcid, password) = (fields.next()?, fields.next()?, fields.next()?);
        if fields.next().is_some() {
            return None;
        }
        let authzid = authorization(core::str::from_utf8(authzid).ok()?, self.prepare)?;
        let authcid = (self.prepare)(field(authcid)?)?;
        let password = (self.prepare)(field(password)?)?;
        Some(Credentials::new(authzid, String::from(authcid.as_str()?), password))
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
            Some(message) => {
                let credentials = self.credentials(message);
                self.asked = credentials.as_ref().map(Credentials::identity);
                credentials.map_or(Step::Failed, |known| Step::Ask(Question::Password(known)))
            }
            None => Step::prompt(&mut self.prompted),
        }
    }

    fn answer(&mut self, answer: Answer) -> Step {
        self.asked.take().map_or(Step::Failed, |identity| Step::verdict(answer, identity))
    }
}
