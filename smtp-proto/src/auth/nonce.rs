//! Numbers used once.

use alloc::{string::String, vec::Vec};
use core::fmt;

/// Text that no other exchange has: printable ASCII without a comma (RFC 5802 §5.1, `nonce`).
///
/// This crate has no source of randomness; whoever drives it brings one.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce(String);

/// A nonce that is empty, over 256 octets, or has other octets than printable ASCII, or a comma.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a nonce: 1 to 256 printable ASCII characters without a comma")]
pub struct InvalidNonce;

impl Nonce {
    /// Of 24 random octets, from a source that nobody can foresee.
    pub fn from_random(octets: &[u8; 24]) -> Self {
        let mut text = Vec::with_capacity(32);
        super::encode(octets, &mut text);
        Self(String::from_utf8(text).unwrap_or_default())
    }

    /// A text that was made elsewhere; as long as it is unique, it need not be secret.
    ///
    /// # Errors
    /// [`InvalidNonce`].
    pub fn parse(text: &str) -> Result<Self, InvalidNonce> {
        let printable = text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b',');
        if text.is_empty() || text.len() > 256 || !printable {
            return Err(InvalidNonce);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Another one for the next exchange of the same session.
    #[cfg(feature = "sasl")]
    pub(crate) fn numbered(&self, exchange: usize) -> Self {
        match exchange {
            0 => self.clone(),
            _ => Self(alloc::format!("{}.{exchange}", self.0)),
        }
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({})", self.0)
    }
}
