//! CRAM-MD5, the server's side.

use alloc::{format, string::String};

use super::{Answer, Identity, Mechanism, Question, Setting, Step, field};
use crate::auth::{Secret, saslprep::prepare_name, scram::hmac_md5};

/// CRAM-MD5 (RFC 2195): the server asks with a text that no other exchange has, the client answers with
/// its name and the text's HMAC (C-32). Only for clients that know nothing better: the server has to
/// keep the passwords themselves.
#[derive(Debug, Clone)]
pub struct CramMd5 {
    challenge: String,
    decoy: Secret,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Begun,
    Challenged,
    Asked { user: String, digest: Secret },
    Over,
}

impl CramMd5 {
    /// At the start of an exchange.
    pub fn new(setting: &Setting<'_>) -> Self {
        let challenge = format!("<{}@{}>", setting.nonce().as_str(), setting.host());
        Self { challenge, decoy: setting.decoy().clone(), state: State::Begun }
    }

    /// The digest of the challenge, in lower case hexadecimal digits.
    fn digest(&self, password: &[u8]) -> Secret {
        crate::auth::client::cram_md5_digest(&hmac_md5(password, self.challenge.as_bytes()))
    }
}

impl Mechanism for CramMd5 {
    fn name(&self) -> &str {
        "CRAM-MD5"
    }

    fn step(&mut self, response: Option<&[u8]>) -> Step {
        match (core::mem::replace(&mut self.state, State::Over), response) {
            (State::Begun, None) => {
                self.state = State::Challenged;
                Step::Challenge(self.challenge.as_str().into())
            }
            (State::Challenged, Some(response)) => {
                // The name may have spaces, the digest has none.
                let parts = field(response).and_then(|text| text.rsplit_once(' '));
                let prepared = parts.and_then(|(user, digest)| {
                    prepare_name(user).ok().map(|user| (user, Secret::from(digest)))
                });
                match prepared {
                    Some((user, digest)) => {
                        let identity = Identity::new(user.as_str());
                        self.state = State::Asked { user, digest };
                        Step::Ask(Question::Secret(identity))
                    }
                    None => Step::Failed,
                }
            }
            _ => Step::Failed,
        }
    }

    fn answer(&mut self, answer: Answer) -> Step {
        let State::Asked { user, digest } = core::mem::replace(&mut self.state, State::Over) else {
            return Step::Failed;
        };
        // A user that does not exist costs what a wrong password costs.
        let (known, password) = match answer {
            Answer::Secret(password) => (true, password),
            Answer::Reject(rejection) => return Step::Refuse(rejection),
            _ => (false, self.decoy.clone()),
        };
        let right = self.digest(password.as_slice()) == digest;
        if known & right { Step::Accept(Identity::new(user)) } else { Step::Failed }
    }
}
