//! Octets nobody else may see.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroize as _;

/// Octets that are overwritten before their memory is given back, and that no debug output shows
/// (RFC 4954 §9; C-27).
///
/// They are also overwritten where they are cleared, and where they have to move because they
/// grow. What the caller made the secret from by copying remains the caller's to wipe; a `Vec`
/// or a `String` given away is wiped as a whole.
#[derive(Clone, Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A secret of no octets.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// A secret of no octets, with room for so many.
    pub fn with_capacity(octets: usize) -> Self {
        Self(Vec::with_capacity(octets))
    }

    /// The octets.
    pub const fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The octets as text, when they are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }

    /// How many octets it has.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no octets.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Overwrites the octets and forgets them; the room stays.
    pub fn clear(&mut self) {
        self.0.zeroize();
    }

    /// Appends octets. If they find no room, all move and the old place is overwritten.
    pub fn extend_from_slice(&mut self, octets: &[u8]) {
        let len = self.0.len().saturating_add(octets.len());
        if len > self.0.capacity() {
            let mut grown = Vec::with_capacity(len.max(self.0.capacity().saturating_mul(2)));
            grown.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = grown;
        }
        self.0.extend_from_slice(octets);
    }

    /// Has `fill` write a secret of `len` octets in place of this one. When it says that it could
    /// not, there is no secret.
    pub(super) fn replace_with(
        &mut self,
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> bool,
    ) -> bool {
        self.clear();
        if len > self.0.capacity() {
            self.0 = vec![0; len];
        } else {
            self.0.resize(len, 0);
        }
        let filled = fill(&mut self.0);
        if !filled {
            self.clear();
        }
        filled
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} octets)", self.0.len())
    }
}

/// Compares in time that depends on the lengths alone.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let differing = self.0.iter().zip(&other.0).fold(0, |all, (a, b)| all | (a ^ b));
        self.0.len() == other.0.len() && core::hint::black_box(differing) == 0
    }
}

impl Eq for Secret {}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl From<Vec<u8>> for Secret {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&[u8]> for Secret {
    fn from(octets: &[u8]) -> Self {
        Self(octets.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}
