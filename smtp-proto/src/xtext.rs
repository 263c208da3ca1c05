//! xtext: octets as visible ASCII, for parameter values (RFC 3461 section 4, RFC 4954 section 8).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{ParseError, Rule};
use crate::grammar::{self, HEX, XCHAR};

/// A checked xtext, still encoded: what a relay hands on octet for octet (G-39, G-44, G-46).
///
/// Equality is that of the encoded form.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Xtext<'a>(&'a str);

impl<'a> Xtext<'a> {
    /// Checks an encoded text; an empty one is well formed.
    ///
    /// ```text
    /// xtext = *( xchar / hexchar )
    /// xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
    /// hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits
    /// ```
    ///
    /// Hexadecimal digits are read in either case.
    ///
    /// # Errors
    ///
    /// [`Rule::Xtext`] at the first octet that does not fit.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        check(text.as_bytes()).map(|()| Self(text))
    }

    /// The encoded form.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The octets it stands for, one by one.
    pub fn decoded(&self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        decoded(self.0.as_bytes())
    }

    /// The octets it stands for.
    #[must_use]
    pub fn decode(&self) -> Vec<u8> {
        self.decoded().collect()
    }
}

/// Checks that octets are an xtext.
pub(crate) fn check(octets: &[u8]) -> Result<(), ParseError> {
    check_encoded(octets, |_| true)
}

/// Checks that octets are an xtext of printable ASCII and blanks.
pub(crate) fn check_printable(octets: &[u8]) -> Result<(), ParseError> {
    check_encoded(octets, |octet| matches!(octet, b' '..=b'~'))
}

/// Checks that octets are an xtext, and that what is encoded in it `fits`.
#[inline(always)]
fn check_encoded(octets: &[u8], fits: impl Fn(u8) -> bool) -> Result<(), ParseError> {
    let mut rest = octets;
    loop {
        let (_, behind) = grammar::split_run(rest, XCHAR);
        rest = match behind {
            [] => return Ok(()),
            [b'+', high, low, rest @ ..]
                if grammar::is(*high, HEX)
                    && grammar::is(*low, HEX)
                    && fits(grammar::hex(*high) << 4 | grammar::hex(*low)) =>
            {
                rest
            }
            _ => return Err(ParseError::new(Rule::Xtext, octets.len() - behind.len())),
        };
    }
}

/// The octets that an xtext stands for.
pub(crate) fn decoded(xtext: &[u8]) -> impl Iterator<Item = u8> + Clone + use<'_> {
    let mut octets = xtext.iter().copied();
    core::iter::from_fn(move || match octets.next()? {
        b'+' => Some(grammar::hex(octets.next()?) << 4 | grammar::hex(octets.next()?)),
        octet => Some(octet),
    })
}

impl fmt::Debug for Xtext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Xtext({:?})", self.0)
    }
}

impl fmt::Display for Xtext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Any octets as xtext, with upper-case hexadecimal digits (G-39).
#[must_use]
pub fn encode(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    encode_into(octets, &mut text);
    text
}

/// The same, behind what `text` holds.
pub(crate) fn encode_into(octets: &[u8], text: &mut String) {
    for &octet in octets {
        if grammar::is(octet, XCHAR) {
            text.push(char::from(octet));
        } else {
            text.push('+');
            text.push(upper_hex(octet >> 4));
            text.push(upper_hex(octet & 15));
        }
    }
}

fn upper_hex(nibble: u8) -> char {
    match nibble {
        0..=9 => char::from(b'0' + nibble),
        _ => char::from(b'A' + (nibble & 15) - 10),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Encoded as we write it, decoded.
    const KNOWN: &[(&str, &[u8])] = &[
        ("", b""),
        ("e+3Dmc2@example.com", b"e=mc2@example.com"),
        ("bob+2Bx@example.net", b"bob+x@example.net"),
        ("a+20b+00+7F+C3+B6", b"a b\0\x7f\xc3\xb6"),
        ("<>", b"<>"),
    ];

    #[test]
    fn known_answers_both_ways() {
        for (text, octets) in KNOWN {
            assert_eq!(Xtext::parse(text).unwrap().decode(), *octets, "{text}");
            assert_eq!(encode(octets), *text);
        }
        // G-39: either case is read.
        assert_eq!(Xtext::parse("+3d+aF").unwrap().decode(), b"=\xaf");
    }

    #[test]
    fn what_is_not_xtext() {
        for (text, offset) in
            [("a=b", 1), ("+", 0), ("a+4", 1), ("+4g", 0), ("a b", 1), ("\u{f6}", 0), ("a\x7f", 1)]
        {
            let error = Xtext::parse(text).unwrap_err();
            assert_eq!((error.rule(), error.offset()), (Rule::Xtext, offset), "{text}");
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(octets: Vec<u8>) {
            let text = encode(&octets);
            prop_assert_eq!(Xtext::parse(&text).unwrap().decode(), octets);
        }

        #[test]
        fn no_text_panics(text: String) {
            if let Ok(xtext) = Xtext::parse(&text) {
                let _ = xtext.decode();
            }
        }
    }
}
