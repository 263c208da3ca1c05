//! Who may log in at a scripted server.

use smtp_proto::{
    auth::{
        Known, Secret, Verifier,
        server::{Answer, Mechanism, Question},
    },
    server::Auth,
};

use super::Script;
use crate::random;

/// As many as SCRAM has at least (RFC 7677 section 4): nothing is kept here that could be stolen.
const ITERATIONS: u32 = 4096;

/// The server's side of the mechanism that an exchange begins with. None without randomness.
pub(super) fn mechanism(question: &Auth<'_>) -> Option<Box<dyn Mechanism>> {
    let nonce = random::nonce().ok()?;
    let decoy = random::key().ok()?;
    let setting = question.setting(nonce, &decoy).iterations(ITERATIONS);
    Known::of(question.mechanism()).map(|known| known.server(&setting))
}

impl Script {
    /// What a mechanism has to know.
    pub(super) fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::Password(credentials) => {
                let password = find(&self.logins, credentials.authcid());
                yes(password.is_some_and(|password| password == credentials.password()))
            }
            Question::Secret(identity) => match find(&self.logins, identity.authcid()) {
                Some(password) => Answer::Secret(password.clone()),
                None => Answer::Deny,
            },
            Question::Verifier { identity, hash } => {
                let password = find(&self.logins, identity.authcid()).and_then(Secret::as_str);
                let salted = |password| {
                    Verifier::from_password(*hash, password, b"salt of the test", ITERATIONS).ok()
                };
                password.and_then(salted).map_or(Answer::Deny, Answer::Verifier)
            }
            Question::Token(token) => {
                let is_known = |(user, known): &(String, Secret)| {
                    token.user().is_none_or(|name| name == user) && known == token.token()
                };
                match self.tokens.iter().find(|known| is_known(known)) {
                    Some((user, _)) => {
                        Answer::AcceptAs(smtp_proto::auth::server::Identity::new(user))
                    }
                    None => Answer::Deny,
                }
            }
            Question::Anonymous(_) => Answer::Accept,
            _ => Answer::Deny,
        }
    }
}

fn find<'l>(logins: &'l [(String, Secret)], name: &str) -> Option<&'l Secret> {
    logins.iter().find(|(known, _)| known == name).map(|(_, password)| password)
}

fn yes(is_good: bool) -> Answer {
    if is_good { Answer::Accept } else { Answer::Deny }
}
