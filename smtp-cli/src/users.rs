//! The logins a server knows.

use std::collections::HashMap;

use subtle::ConstantTimeEq;

use crate::exit::Failure;

/// Names and passwords.
#[derive(Default)]
pub(crate) struct Users(HashMap<String, String>);

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Users {
    /// From arguments of the form NAME:PASSWORD.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut users = HashMap::new();
        for argument in arguments {
            match argument.split_once(':') {
                Some((name, password)) if !name.is_empty() && !password.is_empty() => {
                    users.insert(name.to_owned(), password.to_owned());
                }
                _ => return Err(Failure::usage("--user takes NAME:PASSWORD")),
            }
        }
        Ok(Self(users))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the password is that of the user. The time does not tell how much of it is right, nor
    /// whether the user exists.
    pub(crate) fn verify(&self, name: &str, password: &[u8]) -> bool {
        let known = self.0.get(name);
        let expected = known.map_or("", |password| password.as_str()).as_bytes();
        // A password that is compared with itself costs what one that is wrong costs.
        let compared = if expected.len() == password.len() { expected } else { password };
        let equal = bool::from(compared.ct_eq(password));
        known.is_some() && expected.len() == password.len() && equal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_of_a_known_user_is_good() {
        let users = Users::parse(&["alice:se:cret".into(), "bob:x".into()]).unwrap();
        assert!(users.verify("alice", b"se:cret"));
        assert!(!users.verify("alice", b"se:cre"));
        assert!(!users.verify("alice", b"se:crex"));
        assert!(!users.verify("alice", b""));
        assert!(!users.verify("bob", b"se:cret"));
        assert!(!users.verify("carol", b""));
        assert!(!users.verify("carol", b"x"));
        assert!(Users::parse(&["alice".into()]).is_err());
        assert!(Users::parse(&[":x".into()]).is_err());
    }
}
