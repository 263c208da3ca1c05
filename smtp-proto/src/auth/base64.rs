//! base64 as the AUTH exchange has it (RFC 4648 §4, strict; RFC 4954 §4).

use core::fmt;

use base64ct::Encoding as _;
use bytes::BufMut;
use zeroize::Zeroize as _;

use super::Secret;
use crate::error::{ParseError, Rule};

/// Octets encoded at a time.
const PART: usize = 48;

/// A base64 text of the AUTH exchange, still encoded, known to be well formed (G-29): the standard
/// alphabet, a length that is a multiple of four, padding at the end only, pad bits of zero.
///
/// It most often holds a secret, so debug output shows its length and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Base64<'a>(&'a [u8]);

impl<'a> Base64<'a> {
    /// The text of no octets: `=` as an initial response, an empty line in answer to a challenge.
    pub const EMPTY: Self = Base64(b"");

    /// Checks a base64 text of at least one octet (RFC 4954 §8, `base64`).
    ///
    /// # Errors
    ///
    /// [`Rule::Base64`] at the octet that is out of place (501 5.5.2), also when `text` is empty.
    pub fn parse(text: &'a [u8]) -> Result<Self, ParseError> {
        // base64          = base64-terminal / ( 1*(4base64-char) [base64-terminal] )
        // base64-terminal = (2base64-char "==") / (3base64-char "=")
        let error = |offset| Err(ParseError::new(Rule::Base64, offset));
        let (body, bits_ok) = match text {
            [body @ .., last, b'=', b'='] => (body, is_char(*last) && value(*last) & 0x0f == 0),
            [body @ .., last, b'='] => (body, is_char(*last) && value(*last) & 0x03 == 0),
            _ => (text, true),
        };
        // No way out of the loop: how long the check takes tells nothing about the text.
        if !body.iter().fold(true, |all, octet| all & is_char(*octet)) {
            return error(body.iter().position(|octet| !is_char(*octet)).unwrap_or_default());
        }
        if !bits_ok {
            return error(body.len());
        }
        if text.is_empty() || !text.len().is_multiple_of(4) {
            return error(text.len());
        }
        Ok(Self(text))
    }

    /// Checks the initial response of an AUTH command, where `=` stands for no octets
    /// (RFC 4954 §4).
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_initial(text: &'a [u8]) -> Result<Self, ParseError> {
        if text == b"=" { Ok(Self::EMPTY) } else { Self::parse(text) }
    }

    /// Checks a challenge, or a line that answers one, where nothing stands for no octets
    /// (RFC 4954 §4). That a line may also be `*` is for the caller to see first.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), but for the empty text.
    pub fn parse_line(text: &'a [u8]) -> Result<Self, ParseError> {
        if text.is_empty() { Ok(Self::EMPTY) } else { Self::parse(text) }
    }

    /// The text as it goes on the wire, except that no octets are an empty slice.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Whether it encodes no octets.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many octets it encodes.
    pub fn decoded_len(&self) -> usize {
        let padding = self.0.iter().rev().take_while(|octet| **octet == b'=').count();
        (self.0.len() / 4 * 3).saturating_sub(padding)
    }

    /// Decodes it in place of what `into` held, in time that depends on the length alone.
    pub fn decode_into(&self, into: &mut Secret) {
        let result = into.replace_with(self.decoded_len(), |room| {
            base64ct::Base64::decode(self.0, room).is_ok()
        });
        debug_assert!(result, "a checked text decodes");
    }
}

impl fmt::Debug for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} octets encoded)", self.0.len())
    }
}

/// `base64-char = ALPHA / DIGIT / "+" / "/"`
fn is_char(octet: u8) -> bool {
    octet.is_ascii_uppercase()
        | octet.is_ascii_lowercase()
        | octet.is_ascii_digit()
        | (octet == b'+')
        | (octet == b'/')
}

/// The six bits a base64 character stands for; only asked of the last one before padding.
fn value(octet: u8) -> u8 {
    match octet {
        b'A'..=b'Z' => octet - b'A',
        b'a'..=b'z' => octet - b'a' + 26,
        b'0'..=b'9' => octet - b'0' + 52,
        b'+' => 62,
        _ => 63,
    }
}

/// Appends the base64 text of `octets`, padded, in time that depends on the length alone.
/// No octets give no text: where `=` must stand for them, the caller writes it.
pub fn encode(octets: &[u8], out: &mut impl BufMut) {
    let mut text = [0; PART / 3 * 4];
    for part in octets.chunks(PART) {
        if let Ok(part) = base64ct::Base64::encode(part, &mut text) {
            out.put_slice(part.as_bytes());
        }
    }
    text.zeroize();
}

/// How long the base64 text of so many octets is.
pub const fn encoded_len(octets: usize) -> usize {
    octets.div_ceil(3).saturating_mul(4)
}
