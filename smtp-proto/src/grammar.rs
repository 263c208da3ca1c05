//! Character classes and terminals of RFC 5321 section 4.1.2, as one table and a few loops.
//!
//! Everything that reads a command works on the text of one whole line and answers with offsets
//! into it, so that an error always knows the octet it is about.

use core::ops::{RangeBounds, RangeInclusive};
use core::str::FromStr;

use nom::bytes::complete::{tag_no_case, take_while_m_n, take_while1};
use nom::combinator::{all_consuming, map_res, verify};
use nom::{IResult, Parser};

use crate::error::{ParseError, Rule};

/// A set of classes, one bit each.
pub(crate) type Class = u16;

/// `DIGIT = %x30-39`
pub(crate) const DIGIT: Class = 1;
/// `HEXDIG`, either case.
pub(crate) const HEX: Class = 1 << 1;
/// `Let-dig = ALPHA / DIGIT`
pub(crate) const LET_DIG: Class = 1 << 2;
/// `ALPHA / DIGIT / "-"`: labels, keywords, tags.
pub(crate) const LDH: Class = 1 << 3;
/// `_`
pub(crate) const UNDERSCORE: Class = 1 << 4;
/// `atext` of RFC 5322 section 3.2.3 (G-05).
pub(crate) const ATEXT: Class = 1 << 5;
/// `qtextSMTP = %d32-33 / %d35-91 / %d93-126` (G-06).
pub(crate) const QTEXT: Class = 1 << 6;
/// `dcontent = %d33-90 / %d94-126` (G-15).
pub(crate) const DCONTENT: Class = 1 << 7;
/// `esmtp-value` octets: `%d33-60 / %d62-126` (G-37).
pub(crate) const VALUE: Class = 1 << 8;
/// `xchar`: `%d33-126` but `+` and `=` (G-39).
pub(crate) const XCHAR: Class = 1 << 9;
/// `%d33-126`
pub(crate) const VISIBLE: Class = 1 << 10;
/// Octets above 127: parts of UTF-8 sequences, since a line is checked before it is read.
pub(crate) const HIGH: Class = 1 << 11;
/// `=`, which only one parameter's value may hold (G-54).
pub(crate) const EQUALS: Class = 1 << 12;

const fn classes_of(octet: u8) -> Class {
    let mut class = 0;
    if octet.is_ascii_digit() {
        class |= DIGIT;
    }
    if octet.is_ascii_hexdigit() {
        class |= HEX;
    }
    if octet.is_ascii_alphanumeric() {
        class |= LET_DIG | LDH | ATEXT;
    }
    match octet {
        b'-' => class |= LDH,
        b'_' => class |= UNDERSCORE,
        b'=' => class |= EQUALS,
        _ => {}
    }
    if matches!(
        octet,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'/'
            | b'='
            | b'?'
            | b'^'
            | b'_'
            | b'`'
            | b'{'
            | b'|'
            | b'}'
            | b'~'
    ) {
        class |= ATEXT;
    }
    if matches!(octet, 32..=126) && octet != b'"' && octet != b'\\' {
        class |= QTEXT;
    }
    if matches!(octet, 33..=126) {
        class |= VISIBLE;
        if !matches!(octet, b'[' | b'\\' | b']') {
            class |= DCONTENT;
        }
        if octet != b'=' {
            class |= VALUE;
            if octet != b'+' {
                class |= XCHAR;
            }
        }
    }
    if octet > 127 {
        class |= HIGH;
    }
    class
}

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "runs when the crate is built; an index out of bounds would not compile"
)]
const fn table() -> [Class; 256] {
    let mut table = [0; 256];
    let mut octet = 0u8;
    loop {
        table[octet as usize] = classes_of(octet);
        if octet == u8::MAX {
            return table;
        }
        octet += 1;
    }
}

static CLASSES: [Class; 256] = table();

/// Whether the octet is in one of the classes.
#[inline]
#[expect(clippy::indexing_slicing, reason = "a table of 256 holds every octet")]
pub(crate) fn is(octet: u8, class: Class) -> bool {
    CLASSES[usize::from(octet)] & class != 0
}

/// The number that a digit of [`HEX`] stands for.
pub(crate) const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a' - 10) & 15,
    }
}

/// The octet at an offset, if the text goes that far.
#[inline]
pub(crate) fn at<T: AsRef<[u8]> + ?Sized>(text: &T, offset: usize) -> Option<u8> {
    text.as_ref().get(offset).copied()
}

/// Where the run of octets of a class that begins at `start` ends.
#[inline]
pub(crate) fn span<T: AsRef<[u8]> + ?Sized>(text: &T, start: usize, class: Class) -> usize {
    let rest = text.as_ref().get(start..).unwrap_or_default();
    start + run_length(rest, class)
}

/// How many octets of a class the text begins with.
///
/// Four at a time, which costs half of what a step for each octet does.
#[inline(always)]
fn run_length(text: &[u8], class: Class) -> usize {
    let (fours, rest) = text.as_chunks::<4>();
    let mut length = 0;
    for four in fours {
        for &octet in four {
            if !is(octet, class) {
                return length;
            }
            length += 1;
        }
    }
    length + rest.iter().position(|&octet| !is(octet, class)).unwrap_or(rest.len())
}

/// The octets of a class that the text begins with, and those behind them.
#[inline(always)]
pub(crate) fn split_run(text: &[u8], class: Class) -> (&[u8], &[u8]) {
    text.split_at_checked(run_length(text, class)).unwrap_or_default()
}

/// Whether all of the text, and something at all, is in the class.
pub(crate) fn all<T: AsRef<[u8]> + ?Sized>(text: &T, class: Class) -> bool {
    let octets = text.as_ref();
    !octets.is_empty() && span(octets, 0, class) == octets.len()
}

/// The text from `start` up to `end`; both are places where a scan stopped, so they are in bounds
/// and between characters.
#[inline]
pub(crate) fn slice(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}

/// The text from `start` on.
#[inline]
pub(crate) fn tail(text: &str, start: usize) -> &str {
    text.get(start..).unwrap_or_default()
}

/// The octets from `start` up to `end`.
#[inline]
pub(crate) fn part(octets: &[u8], start: usize, end: usize) -> &[u8] {
    octets.get(start..end).unwrap_or_default()
}

/// Octets that were checked as text.
///
/// Values of the everyday commands stay octets until somebody asks for their text: making a `str`
/// costs more than all the rest of reading a command, and many are never asked.
#[inline]
pub(crate) fn text(octets: &[u8]) -> &str {
    core::str::from_utf8(octets).unwrap_or_default()
}

/// Four octets as one number, letters in upper case.
///
/// Taking the bit of 32 away makes letters of nothing but letters, so numbers equal to that of a word
/// are equal words.
#[inline(always)]
pub(crate) const fn folded(octets: [u8; 4]) -> u32 {
    u32::from_le_bytes(octets) & 0xdfdf_dfdf
}

/// The same of eight octets in one number.
#[inline(always)]
pub(crate) const fn fold(eight: u64) -> u64 {
    eight & 0xdfdf_dfdf_dfdf_dfdf
}

/// The first octets of a word, up to eight, in one number, letters in upper case.
///
/// As for [`folded`]: among words of visible ASCII, one of letters, digits and `-` has a number of its
/// own as far as it goes.
#[inline(always)]
pub(crate) const fn folded_word(word: &[u8]) -> u64 {
    let number = match (word.first_chunk::<8>(), word.first_chunk::<4>(), word.last_chunk::<4>()) {
        (Some(eight), ..) => u64::from_le_bytes(*eight),
        // The two looks overlap, and so show the same where both do.
        (None, Some([a, b, c, d]), Some([w, x, y, z])) => {
            let last = u64::from_le_bytes([*w, *x, *y, *z, 0, 0, 0, 0]);
            u64::from_le_bytes([*a, *b, *c, *d, 0, 0, 0, 0]) | last << (8 * (word.len() - 4))
        }
        _ => match *word {
            [a, b, c] => u64::from_le_bytes([a, b, c, 0, 0, 0, 0, 0]),
            [a, b] => u64::from_le_bytes([a, b, 0, 0, 0, 0, 0, 0]),
            [a] => u64::from_le_bytes([a, 0, 0, 0, 0, 0, 0, 0]),
            _ => 0,
        },
    };
    fold(number)
}

/// Whether visible octets are this word of letters, digits and `-`, in any case.
#[inline(always)]
pub(crate) fn is_word(octets: &[u8], word: &'static str) -> bool {
    folded_word(octets) == folded_word(word.as_bytes()) && ends_word(octets, word)
}

/// The same where their [`folded_word`] is the same.
#[inline(always)]
pub(crate) fn ends_word(octets: &[u8], word: &'static str) -> bool {
    match word.len() {
        // How long it is, its number says too.
        ..8 => true,
        8 => octets.len() == 8,
        _ => octets.eq_ignore_ascii_case(word.as_bytes()),
    }
}

/// Whether the text begins with a literal of 8 to 16 octets, in any case: two looks that overlap.
#[inline(always)]
pub(crate) fn begins<const N: usize>(text: &[u8], word: &[u8; N]) -> bool {
    const { assert!(N >= 8 && N <= 16) };
    let same = |octets: Option<&[u8; 8]>, word: Option<&[u8; 8]>| match (octets, word) {
        (Some(octets), Some(word)) => {
            let differ = u64::from_le_bytes(*octets) ^ u64::from_le_bytes(*word);
            // Letters may differ in the bit of their case.
            let case = word.map(|letter| if letter.is_ascii_alphabetic() { 0x20 } else { 0 });
            differ & !u64::from_le_bytes(case) == 0
        }
        _ => false,
    };
    text.first_chunk::<N>().is_some_and(|head| {
        same(head.first_chunk(), word.first_chunk()) && same(head.last_chunk(), word.last_chunk())
    })
}

/// Whether the literal stands at an offset, in any case.
#[inline]
pub(crate) fn literal<const N: usize>(octets: &[u8], start: usize, word: &[u8; N]) -> bool {
    octets.get(start..).and_then(<[u8]>::first_chunk::<N>).is_some_and(|octets| {
        // Arrays of a known, small length: no loop is left of this.
        octets.iter().zip(word).fold(0, |differ, (octet, letter)| {
            differ | (octet.to_ascii_lowercase() ^ letter.to_ascii_lowercase())
        }) == 0
    })
}

/// The offset behind the one SP that must stand at `start`; behind all of them when relaxed (F-20).
#[inline]
pub(crate) fn space(text: &[u8], start: usize, relaxed: bool) -> Result<usize, ParseError> {
    let failed = |offset| ParseError::new(Rule::Spacing, offset);
    if at(text, start) != Some(b' ') {
        return Err(failed(start));
    }
    let end = start + 1;
    match at(text, end) {
        Some(b' ') if relaxed => Ok(blanks(text, end)),
        Some(b' ') => Err(failed(end)),
        _ => Ok(end),
    }
}

/// The offset behind all blanks that stand at `start`.
pub(crate) fn blanks(text: &[u8], start: usize) -> usize {
    text.len() - skip_blanks(text.get(start..).unwrap_or_default()).len()
}

/// The text without the blanks that it begins with.
#[inline(always)]
pub(crate) fn skip_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = text {
        text = rest;
    }
    text
}

/// The line without the SP and HT in front of its end (F-19).
#[inline]
pub(crate) fn trim_end(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = line {
        line = rest;
    }
    line
}

/// What a line holds besides visible ASCII and blanks.
#[derive(Clone, Copy)]
pub(crate) struct Census {
    /// Octets 0–31 or 127.
    pub(crate) control: bool,
    /// Octets above 127.
    pub(crate) high: bool,
}

/// Looks at every octet once, eight at a time.
///
/// Of ASCII octets, those from 32 on have bit 5 or 6, and one more than 127 has bit 7; nothing is
/// carried from one octet of a word into the next. Where there are others, all are looked at again.
#[inline]
pub(crate) fn census(line: &[u8]) -> Census {
    let mut printing = u64::MAX;
    let mut delete = 0;
    let mut high = 0;
    each_word(line, |word| {
        printing &= word | word << 1;
        delete |= word.wrapping_add(EACH);
        high |= word;
    });
    if high & (EACH << 7) != 0 {
        return Census { control: has_control(line), high: true };
    }
    let control = !printing & (EACH << 6) != 0 || delete & (EACH << 7) != 0;
    Census { control, high: false }
}

/// A one in each octet of a word.
const EACH: u64 = u64::MAX / 255;

/// Whether there are octets 0–31 or 127 beside some above 127, which have bit 7, and to which nothing may
/// be added.
#[cold]
fn has_control(line: &[u8]) -> bool {
    let mut printing = u64::MAX;
    let mut delete = 0;
    each_word(line, |word| {
        printing &= word | word << 1 | word >> 1;
        delete |= (word & (EACH * 0x7f)).wrapping_add(EACH) & !word;
    });
    !printing & (EACH << 6) != 0 || delete & (EACH << 7) != 0
}

/// All octets in words of eight; some are in two of them, or several times in one.
#[inline(always)]
fn each_word(line: &[u8], mut look: impl FnMut(u64)) {
    if let Some(last) = line.last_chunk::<8>() {
        // The last word overlaps the one before it: no loop over single octets.
        let (words, _) = line.as_chunks::<8>();
        for word in words {
            look(u64::from_le_bytes(*word));
        }
        look(u64::from_le_bytes(*last));
    } else if let (Some(first), Some(last)) = (line.first_chunk::<4>(), line.last_chunk::<4>()) {
        let first = u64::from(u32::from_le_bytes(*first));
        let last = u64::from(u32::from_le_bytes(*last));
        look(first | last << 32);
    } else {
        for &octet in line {
            look(u64::from(octet) * EACH);
        }
    }
}

/// What a rule of the rarer grammar reads, and the text behind it. Why it failed is not kept: the
/// caller names the one rule of [`Rule`] that it stands for.
pub(crate) type Parsed<'a, T> = IResult<&'a str, T, ()>;

/// Reads all of a text by one rule.
pub(crate) fn whole<'a, T>(
    text: &'a str,
    rule: impl Parser<&'a str, Output = T, Error = ()>,
) -> Option<T> {
    let (_, value) = all_consuming(rule).parse(text).ok()?;
    Some(value)
}

/// A string of ABNF: its letters may stand in any case (RFC 5234 section 2.3).
///
/// Compared as octets: nom's comparison of texts takes `\u{212a}` for a `k`, and then would cut it
/// in two.
pub(crate) fn string<'a>(
    string: &'static str,
) -> impl Parser<&'a str, Output = &'a str, Error = ()> {
    tag_no_case(string.as_bytes())
}

/// Tells for nom whether a character is in one of the classes; those beyond ASCII are in [`HIGH`].
pub(crate) fn in_class(class: Class) -> impl Fn(char) -> bool + Copy {
    move |c| is(u8::try_from(c).unwrap_or(u8::MAX), class)
}

/// `1*` of a class.
pub(crate) fn run<'a>(class: Class) -> impl Parser<&'a str, Output = &'a str, Error = ()> {
    take_while1(in_class(class))
}

/// `m*nDIGIT`, as a number within bounds.
pub(crate) fn number<'a, T: FromStr + PartialOrd>(
    digits: RangeInclusive<usize>,
    bounds: impl RangeBounds<T>,
) -> impl Parser<&'a str, Output = T, Error = ()> {
    let digits = take_while_m_n(*digits.start(), *digits.end(), in_class(DIGIT));
    let number = map_res(digits, str::parse::<T>);
    verify(number, move |number| bounds.contains(number))
}

#[cfg(test)]
mod tests;
