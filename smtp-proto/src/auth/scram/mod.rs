//! SCRAM (RFC 5802, RFC 7677): what both sides compute.

mod message;
mod verifier;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

pub(super) use self::message::{ClientFinal, ClientFirst, Flag, ServerFinal, ServerFirst};
pub use self::verifier::{InvalidVerifier, Verifier};
use super::Secret;

/// The fewest iterations that are offered and taken (RFC 5802 §5.1, RFC 7677 §4; C-41).
pub const MIN_ITERATIONS: u32 = 4096;
/// How many iterations a verifier is made with when nobody says otherwise (C-41).
pub const DEFAULT_ITERATIONS: u32 = 10_000;
/// The most iterations a client does for a server when nobody says otherwise (C-41).
pub const MAX_ITERATIONS: u32 = 1_000_000;

/// HMAC by one hash. It takes keys of any length (RFC 2104 §2): that one is refused cannot happen.
macro_rules! hmac {
    ($hash:ty, $key:expr, $parts:expr) => {{
        let mut mac = Hmac::<$hash>::new_from_slice($key).expect("a key of any length");
        for part in $parts {
            mac.update(part);
        }
        Secret::from(mac.finalize().into_bytes().as_slice())
    }};
}

/// The hash a SCRAM mechanism is built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScramHash {
    /// SHA-1: SCRAM-SHA-1 (RFC 5802).
    Sha1,
    /// SHA-256: SCRAM-SHA-256 (RFC 7677).
    Sha256,
}

impl ScramHash {
    /// The name of the mechanism, without or with channel binding.
    pub const fn mechanism(self, bound: bool) -> super::Known {
        match (self, bound) {
            (Self::Sha1, false) => super::Known::ScramSha1,
            (Self::Sha1, true) => super::Known::ScramSha1Plus,
            (Self::Sha256, false) => super::Known::ScramSha256,
            (Self::Sha256, true) => super::Known::ScramSha256Plus,
        }
    }

    /// Octets of its output.
    pub const fn octets(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// H
    pub(super) fn hash(self, octets: &[u8]) -> Secret {
        match self {
            Self::Sha1 => Secret::from(Sha1::digest(octets).as_slice()),
            Self::Sha256 => Secret::from(Sha256::digest(octets).as_slice()),
        }
    }

    /// HMAC
    pub(super) fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Secret {
        match self {
            Self::Sha1 => hmac!(Sha1, key, parts),
            Self::Sha256 => hmac!(Sha256, key, parts),
        }
    }

    /// Hi, which is PBKDF2
    pub(super) fn salted_password(self, password: &[u8], salt: &[u8], iterations: u32) -> Secret {
        let mut salted = Secret::new();
        salted.replace_with(self.octets(), |room| {
            match self {
                Self::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, room),
                Self::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, room),
            }
            true
        });
        salted
    }

    pub(super) fn client_key(self, salted: &Secret) -> Secret {
        self.hmac(salted.as_slice(), &[b"Client Key"])
    }

    pub(super) fn server_key(self, salted: &Secret) -> Secret {
        self.hmac(salted.as_slice(), &[b"Server Key"])
    }
}

/// HMAC-MD5, of which CRAM-MD5 is made (RFC 2195 §2).
pub(super) fn hmac_md5(key: &[u8], text: &[u8]) -> Secret {
    hmac!(md5::Md5, key, [text])
}

/// One octet string over the other (XOR).
pub(super) fn xor(one: &Secret, other: &Secret) -> Secret {
    let both = one.as_slice().iter().zip(other.as_slice());
    let mut result = Secret::with_capacity(one.len());
    both.for_each(|(one, other)| result.extend_from_slice(&[one ^ other]));
    result
}

/// Octets as base64 text, as SCRAM's attributes have them.
pub(super) fn base64(octets: &[u8]) -> Secret {
    let mut text = alloc::vec::Vec::with_capacity(super::encoded_len(octets.len()));
    super::encode(octets, &mut text);
    Secret::from(text)
}
