//! SASLprep (RFC 4013): names and passwords as both sides compare them.

use alloc::string::String;

use unicode_bidi::{BidiClass, bidi_class};
use unicode_normalization::UnicodeNormalization as _;

use super::Secret;

/// A name or password that SASLprep does not allow: with control or private characters, of mixed
/// direction, or with nothing left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name or password: SASLprep prohibits it")]
pub struct Prohibited;

/// Prepares a name or a password (RFC 4013 §2): odd spaces become spaces, what is invisible goes, what
/// looks the same becomes the same (NFKC). ASCII comes back as it is.
///
/// Code points that Unicode 3.2 did not know are let through, as in a query string (RFC 3454 §7): to
/// prohibit them would shut out every character that came after the year 2002.
///
/// # Errors
/// [`Prohibited`] when nothing is left, or a character or the direction is not allowed (§2.3, §2.4).
pub fn saslprep(text: &str) -> Result<Secret, Prohibited> {
    if text.is_empty() {
        return Err(Prohibited);
    }
    if text.bytes().all(|octet| (0x20..0x7f).contains(&octet)) {
        return Ok(text.into());
    }
    let mapped = text.chars().filter(|c| !is_mapped_to_nothing(*c));
    let mapped = mapped.map(|c| if is_other_space(c) { ' ' } else { c });
    // NFKC makes of a character up to 18, which is rare: a secret that outgrows its room leaves nothing.
    let mut prepared = Secret::with_capacity(text.len());
    mapped.nfkc().for_each(|c| {
        prepared.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    });
    let good = |text: &str| !text.is_empty() && !text.contains(is_prohibited) && is_one_way(text);
    if prepared.as_str().is_some_and(good) { Ok(prepared) } else { Err(Prohibited) }
}

/// The same, as text that is not secret.
///
/// # Errors
/// As [`saslprep`].
pub(crate) fn prepare_name(name: &str) -> Result<String, Prohibited> {
    saslprep(name)?.as_str().map(String::from).ok_or(Prohibited)
}

/// Characters from right to left go with no others, and stand at both ends (RFC 3454 §6).
fn is_one_way(text: &str) -> bool {
    let from_right = |c| matches!(bidi_class(c), BidiClass::R | BidiClass::AL);
    if !text.contains(from_right) {
        return true;
    }
    !text.contains(|c| bidi_class(c) == BidiClass::L)
        && text.starts_with(from_right)
        && text.ends_with(from_right)
}

/// RFC 3454 table B.1.
fn is_mapped_to_nothing(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{1806}'
            | '\u{180b}'..='\u{180d}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2060}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
    )
}

/// RFC 3454 table C.1.2, but for U+200B, which table B.1 has, too.
fn is_other_space(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// RFC 4013 §2.3.
fn is_prohibited(c: char) -> bool {
    // Two of each plane's code points, and one row of Arabic presentation forms, are no characters.
    let noncharacter =
        matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff) || matches!(c, '\u{fdd0}'..='\u{fdef}');
    noncharacter
        || is_other_space(c)
        || matches!(
            c,
            // C.2.1, C.2.2: controls.
            '\0'..='\u{1f}'
                | '\u{7f}'..='\u{9f}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{180e}'
                | '\u{200c}'
                | '\u{200d}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{2060}'..='\u{2063}'
                | '\u{206a}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffd}'
                | '\u{1d173}'..='\u{1d17a}'
                // C.3: private use.
                | '\u{e000}'..='\u{f8ff}'
                | '\u{f0000}'..='\u{ffffd}'
                | '\u{100000}'..='\u{10fffd}'
                // C.7: descriptions of characters.
                | '\u{2ff0}'..='\u{2ffb}'
                // C.8: display, deprecated.
                | '\u{340}'
                | '\u{341}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                // C.9: tags.
                | '\u{e0001}'
                | '\u{e0020}'..='\u{e007f}'
        )
}
