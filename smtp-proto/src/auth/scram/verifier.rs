//! What a server keeps of a password for SCRAM.

use core::fmt;

use super::{DEFAULT_ITERATIONS, MIN_ITERATIONS, ScramHash, base64};
use crate::auth::{Base64, Prohibited, Secret, saslprep};

/// What a server keeps of a user's password (RFC 5802 §3): who has it can play the server for this
/// user, and has to guess to find the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    hash: ScramHash,
    salt: Secret,
    iterations: u32,
    stored_key: Secret,
    server_key: Secret,
}

/// Not what a verifier is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidVerifier {
    /// The salt is empty.
    #[error("the salt is empty")]
    Salt,
    /// Fewer than 4096 iterations (RFC 5802 §5.1; C-41).
    #[error("fewer than {MIN_ITERATIONS} iterations")]
    Iterations,
    /// A key is not as long as the hash.
    #[error("a key is not as long as the hash")]
    Key,
    /// The password cannot be one.
    #[error(transparent)]
    Password(#[from] Prohibited),
    /// Not the text form of a verifier.
    #[error("not the text form of a verifier")]
    Text,
}

impl Verifier {
    /// From its parts.
    ///
    /// # Errors
    /// [`InvalidVerifier`].
    pub fn new(
        hash: ScramHash,
        salt: &[u8],
        iterations: u32,
        stored_key: Secret,
        server_key: Secret,
    ) -> Result<Self, InvalidVerifier> {
        if salt.is_empty() {
            return Err(InvalidVerifier::Salt);
        }
        if iterations < MIN_ITERATIONS {
            return Err(InvalidVerifier::Iterations);
        }
        if stored_key.len() != hash.octets() || server_key.len() != hash.octets() {
            return Err(InvalidVerifier::Key);
        }
        Ok(Self { hash, salt: salt.into(), iterations, stored_key, server_key })
    }

    /// From a password, which is prepared by SASLprep. That is meant to take time: some milliseconds
    /// for [`DEFAULT_ITERATIONS`](super::DEFAULT_ITERATIONS). `salt` is random, and new
    /// for each user, password and hash. Users that do not exist seem to have one of 16 octets.
    ///
    /// # Errors
    /// [`InvalidVerifier`].
    pub fn from_password(
        hash: ScramHash,
        password: &str,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, InvalidVerifier> {
        if iterations < MIN_ITERATIONS {
            return Err(InvalidVerifier::Iterations);
        }
        let password = saslprep(password)?;
        let salted = hash.salted_password(password.as_slice(), salt, iterations);
        let stored_key = hash.hash(hash.client_key(&salted).as_slice());
        Self::new(hash, salt, iterations, stored_key, hash.server_key(&salted))
    }

    /// Reads the form in which directories and databases keep it (RFC 5803 §2):
    /// `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, the last three in base64.
    ///
    /// # Errors
    /// [`InvalidVerifier`].
    pub fn parse(text: &str) -> Result<Self, InvalidVerifier> {
        let invalid = InvalidVerifier::Text;
        let decoded = |text: &str| -> Result<Secret, InvalidVerifier> {
            let mut octets = Secret::new();
            let base64 = Base64::parse(text.as_bytes()).map_err(|_| invalid)?;
            base64.decode_into(&mut octets);
            Ok(octets)
        };
        let mut fields = text.split('$');
        let mut field = || fields.next().ok_or(invalid);
        let hash = match field()? {
            "SCRAM-SHA-1" => ScramHash::Sha1,
            "SCRAM-SHA-256" => ScramHash::Sha256,
            _ => return Err(invalid),
        };
        let (iterations, salt) = field()?.split_once(':').ok_or(invalid)?;
        let (stored_key, server_key) = field()?.split_once(':').ok_or(invalid)?;
        if field().is_ok() {
            return Err(invalid);
        }
        let iterations = iterations.parse().map_err(|_| invalid)?;
        let salt = decoded(salt)?;
        Self::new(hash, salt.as_slice(), iterations, decoded(stored_key)?, decoded(server_key)?)
    }

    /// The text that [`parse`](Self::parse) reads.
    pub fn to_text(&self) -> Secret {
        let mut text = Secret::from(self.hash.mechanism(false).as_str());
        text.extend_from_slice(alloc::format!("${}:", self.iterations).as_bytes());
        text.extend_from_slice(base64(self.salt.as_slice()).as_slice());
        text.extend_from_slice(b"$");
        text.extend_from_slice(base64(self.stored_key.as_slice()).as_slice());
        text.extend_from_slice(b":");
        text.extend_from_slice(base64(self.server_key.as_slice()).as_slice());
        text
    }

    /// What looks like the verifier of `user`, always the same for one hash, and fits no password: so that
    /// nobody learns which users there are (RFC 5802 §9; S-73).
    pub(in crate::auth) fn decoy(
        hash: ScramHash,
        user: &str,
        key: &Secret,
        iterations: u32,
    ) -> Self {
        // Who does exist has a salt for each hash.
        let name = hash.mechanism(false).as_str().as_bytes();
        let derive = |what: &[u8]| {
            let parts = [what, b"\0", name, b"\0", user.as_bytes()];
            ScramHash::Sha256.hmac(key.as_slice(), &parts)
        };
        let salt = derive(b"salt");
        let salt = salt.as_slice().get(..16).unwrap_or_default().into();
        let stored_key = hash.hash(derive(b"stored key").as_slice());
        let server_key = hash.hash(derive(b"server key").as_slice());
        let iterations = iterations.max(MIN_ITERATIONS);
        Self { hash, salt, iterations, stored_key, server_key }
    }

    /// The hash it is for.
    pub const fn hash(&self) -> ScramHash {
        self.hash
    }

    /// The salt.
    pub const fn salt(&self) -> &[u8] {
        self.salt.as_slice()
    }

    /// How many iterations it was made with; by custom
    /// [`DEFAULT_ITERATIONS`](super::DEFAULT_ITERATIONS).
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }

    pub(in crate::auth) const fn stored_key(&self) -> &Secret {
        &self.stored_key
    }

    pub(in crate::auth) const fn server_key(&self) -> &Secret {
        &self.server_key
    }
}

/// The keys are not shown.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

const _: () = assert!(DEFAULT_ITERATIONS >= MIN_ITERATIONS);
