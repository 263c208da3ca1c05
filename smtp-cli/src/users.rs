//! The logins a server knows.

use std::collections::HashMap;

use smtp_proto::auth::{
    DEFAULT_ITERATIONS, Known, ScramHash, Secret, Verifier, saslprep,
    server::{Answer, Identity, Question},
};

use crate::exit::Failure;

/// What is offered when nothing is named, as far as there is a password or a token for it.
const OFFERED: [Known; 8] = [
    Known::ScramSha256Plus,
    Known::ScramSha1Plus,
    Known::ScramSha256,
    Known::ScramSha1,
    Known::OAuthBearer,
    Known::XOAuth2,
    Known::Plain,
    Known::Login,
];

/// Names, passwords and tokens, and by which mechanisms they log in.
#[derive(Default)]
pub(crate) struct Users {
    users: HashMap<String, User>,
    /// A user may have several, and a token tells by itself whose it is.
    tokens: Vec<(String, Secret)>,
    mechanisms: Vec<Known>,
}

struct User {
    password: Secret,
    verifiers: Vec<Verifier>,
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.users.keys()).finish()
    }
}

impl Users {
    /// From arguments of the form NAME:PASSWORD and NAME:TOKEN, and the mechanisms named.
    pub(crate) fn parse(
        passwords: &[String],
        tokens: &[String],
        named: &[String],
    ) -> Result<Self, Failure> {
        let mut mechanisms = mechanisms(named)?;
        let has = |known: &Known| match known {
            Known::OAuthBearer | Known::XOAuth2 => !tokens.is_empty(),
            known => needs_password(*known) && !passwords.is_empty(),
        };
        if mechanisms.is_empty() {
            mechanisms = OFFERED.into_iter().filter(has).collect();
        }
        if let Some(other) = mechanisms.iter().find(|known| !has(known)) {
            let needed = match other {
                Known::OAuthBearer | Known::XOAuth2 => "there is no --token",
                other if needs_password(*other) => "there is no --user",
                _ => "this server has passwords and tokens only",
            };
            return Err(Failure::usage(format!("--auth {}: {needed}", other.as_str())));
        }
        let mut users = HashMap::new();
        for argument in passwords {
            match argument.split_once(':') {
                Some((name, password)) if !name.is_empty() && !password.is_empty() => {
                    let user = User::new(password, &mechanisms)
                        .map_err(|error| Failure::usage(format!("--user {name}: {error}")))?;
                    users.insert(prepared("--user", name)?, user);
                }
                _ => return Err(Failure::usage("--user takes NAME:PASSWORD")),
            }
        }
        let tokens = tokens.iter().map(|argument| match argument.split_once(':') {
            Some((name, token)) if !name.is_empty() && !token.is_empty() => {
                Ok((prepared("--token", name)?, Secret::from(token)))
            }
            _ => Err(Failure::usage("--token takes NAME:TOKEN")),
        });
        Ok(Self { users, tokens: tokens.collect::<Result<_, _>>()?, mechanisms })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.tokens.is_empty()
    }

    /// What is offered.
    pub(crate) fn mechanisms(&self) -> &[Known] {
        &self.mechanisms
    }

    /// What a mechanism has to know. Nobody acts for anybody else.
    pub(crate) fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::Password(credentials) => {
                let (name, password) = (credentials.authcid(), credentials.password());
                let own = is_own(credentials.authzid(), name);
                if self.verify(name, password) & own { Answer::Accept } else { Answer::Deny }
            }
            Question::Verifier { identity, hash } => {
                let own = is_own(identity.authzid(), identity.authcid());
                let user = self.users.get(identity.authcid());
                let kept = user.and_then(|user| {
                    user.verifiers.iter().find(|verifier| verifier.hash() == *hash)
                });
                match kept.cloned() {
                    Some(verifier) if own => Answer::Verifier(verifier),
                    Some(verifier) => Answer::DenyVerifier(verifier),
                    None => Answer::Deny,
                }
            }
            Question::Secret(identity) => match self.users.get(identity.authcid()) {
                Some(user) => Answer::Secret(user.password.clone()),
                None => Answer::Deny,
            },
            Question::Token(token) => match self.owner(token.token()) {
                Some(name) if token.user().is_none_or(|user| user == name) => {
                    Answer::AcceptAs(Identity::new(name))
                }
                _ => Answer::Deny,
            },
            _ => Answer::Deny,
        }
    }

    /// Whose token it is. The time does not tell how much of one was right.
    fn owner(&self, token: &Secret) -> Option<&str> {
        let mut owner = None;
        for (name, known) in &self.tokens {
            if known == token {
                owner = Some(name.as_str());
            }
        }
        owner
    }

    /// Whether the password is that of the user. The time does not tell how much of it is right, nor
    /// whether the user exists.
    fn verify(&self, name: &str, password: &Secret) -> bool {
        let known = self.users.get(name);
        // A password that is compared with itself costs what one that is wrong costs.
        let expected = known.map_or(password, |user| &user.password);
        (expected == password) & known.is_some()
    }
}

/// A name as the mechanisms hand it on (RFC 4013).
fn prepared(option: &str, name: &str) -> Result<String, Failure> {
    let text =
        saslprep(name).map_err(|error| Failure::usage(format!("{option} {name}: {error}")))?;
    Ok(text.as_str().unwrap_or(name).to_owned())
}

/// Whether somebody acts for nobody else.
fn is_own(authzid: Option<&str>, authcid: &str) -> bool {
    authzid.is_none_or(|authzid| authzid == authcid)
}

impl User {
    fn new(password: &str, mechanisms: &[Known]) -> Result<Self, Box<dyn std::error::Error>> {
        let mut verifiers = Vec::new();
        for hash in [ScramHash::Sha256, ScramHash::Sha1] {
            let used = [false, true].map(|bound| hash.mechanism(bound));
            if mechanisms.iter().any(|known| used.contains(known)) {
                let mut salt = [0; 16];
                getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
                verifiers.push(Verifier::from_password(hash, password, &salt, DEFAULT_ITERATIONS)?);
            }
        }
        Ok(Self { password: saslprep(password)?, verifiers })
    }
}

/// Mechanisms by their names.
pub(crate) fn mechanisms(names: &[String]) -> Result<Vec<Known>, Failure> {
    let known = |name: &String| {
        Known::of(name).ok_or_else(|| {
            let all = Known::ALL.map(Known::as_str).join(", ");
            Failure::usage(format!("--auth {name}: known are {all}"))
        })
    };
    names.iter().map(known).collect()
}

fn needs_password(known: Known) -> bool {
    match known {
        Known::OAuthBearer | Known::XOAuth2 => false,
        known => OFFERED.contains(&known) || known == Known::CramMd5,
    }
}

#[cfg(test)]
mod tests {
    use smtp_proto::auth::server::Credentials;

    use super::*;

    fn parse(users: &[&str], mechanisms: &[&str]) -> Result<Users, Failure> {
        let owned = |all: &[&str]| all.iter().map(|one| String::from(*one)).collect::<Vec<_>>();
        Users::parse(&owned(users), &[], &owned(mechanisms))
    }

    fn with_tokens(tokens: &[&str], mechanisms: &[&str]) -> Result<Users, Failure> {
        let owned = |all: &[&str]| all.iter().map(|one| String::from(*one)).collect::<Vec<_>>();
        Users::parse(&[], &owned(tokens), &owned(mechanisms))
    }

    #[test]
    fn only_the_right_password_of_a_known_user_is_good() {
        let users = parse(&["alice:se:cret", "bob:x"], &["plain"]).unwrap();
        assert!(users.verify("alice", &"se:cret".into()));
        assert!(!users.verify("alice", &"se:cre".into()));
        assert!(!users.verify("alice", &"se:crex".into()));
        assert!(!users.verify("alice", &"".into()));
        assert!(!users.verify("bob", &"se:cret".into()));
        assert!(!users.verify("carol", &"".into()));
        assert!(!users.verify("carol", &"x".into()));
        assert!(parse(&["alice"], &[]).is_err());
        assert!(parse(&[":x"], &[]).is_err());
        assert!(parse(&["alice:\u{7}"], &[]).is_err());
    }

    /// A user's verifier is the same whether it is refused or not (S-73).
    #[test]
    fn nobody_acts_for_another() {
        let users = parse(&["alice:x"], &["SCRAM-SHA-256", "PLAIN"]).unwrap();
        let hash = ScramHash::Sha256;
        let scram = |name: &str, authzid: &str| {
            let identity = Identity::new(name).acting_for(authzid);
            users.answer(&Question::Verifier { identity, hash })
        };
        let Answer::Verifier(kept) = scram("alice", "") else { panic!("alice is known") };
        assert_eq!(scram("alice", "alice"), Answer::Verifier(kept.clone()));
        assert_eq!(scram("alice", "bob"), Answer::DenyVerifier(kept));
        assert_eq!(scram("bob", ""), Answer::Deny);
        assert_eq!(scram("bob", "alice"), Answer::Deny);
        let plain = |authzid: &str| {
            users.answer(&Question::Password(Credentials::new(authzid, "alice", "x".into())))
        };
        assert_eq!(plain(""), Answer::Accept);
        assert_eq!(plain("alice"), Answer::Accept);
        assert_eq!(plain("bob"), Answer::Deny);
    }

    #[test]
    fn a_token_tells_whose_it_is() {
        let users = with_tokens(&["alice:to:ken", "bob:other", "alice:second"], &[]).unwrap();
        assert_eq!(users.owner(&"to:ken".into()), Some("alice"));
        assert_eq!(users.owner(&"second".into()), Some("alice"));
        assert_eq!(users.owner(&"other".into()), Some("bob"));
        assert_eq!(users.owner(&"to:ke".into()), None);
        assert_eq!(users.owner(&"".into()), None);
        assert!(!users.is_empty());
        let users = with_tokens(&["\u{2168}:x"], &[]).unwrap();
        assert_eq!(users.owner(&"x".into()), Some("IX"));
        for wrong in ["alice", ":x", "alice:", "\u{7}:x"] {
            assert!(with_tokens(&[wrong], &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mechanisms_are_those_of_passwords_and_tokens() {
        let users = parse(&["alice:x"], &["cram-md5", "SCRAM-SHA-1"]).unwrap();
        assert_eq!(users.mechanisms(), [Known::CramMd5, Known::ScramSha1]);
        assert_eq!(parse(&["alice:x"], &[]).unwrap().mechanisms().len(), 6);
        let users = with_tokens(&["alice:x"], &[]).unwrap();
        assert_eq!(users.mechanisms(), [Known::OAuthBearer, Known::XOAuth2]);
        assert!(parse(&[], &[]).unwrap().mechanisms().is_empty());
        assert!(parse(&["alice:x"], &["OAUTHBEARER"]).is_err());
        assert!(with_tokens(&["alice:x"], &["PLAIN"]).is_err());
        assert!(with_tokens(&["alice:x"], &["EXTERNAL"]).is_err());
        assert!(parse(&[], &["DIGEST-MD5"]).is_err());
    }
}
