//! Keywords as numbers: which extension a line of an EHLO reply names, found by one look-up.

use super::Extension;
use crate::grammar::{fold, folded_word};

/// The first sixteen octets of a keyword, padded by NUL: its first eight and the other eight, each as
/// [`folded_word`] has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) front: u64,
    pub(super) back: u64,
}

const ONES: u64 = u64::MAX / 0xff;
const HIGH: u64 = ONES << 7;

/// The octets in front of the first blank or control octet, and how many they are, 16 for 16 or more.
#[inline(always)]
pub(super) fn leading(text: &[u8]) -> (Word, usize) {
    match text.first_chunk() {
        Some(chunk) => leading_of(chunk),
        None => leading_of(&padded(text)),
    }
}

#[inline(always)]
fn leading_of(text: &[u8; 16]) -> (Word, usize) {
    let [front, back] = [text.first_chunk(), text.last_chunk()]
        .map(|half| half.map_or(0, |half| u64::from_le_bytes(*half)));
    let stop = stops(front);
    if stop != 0 {
        return (Word { front: fold(front & below(stop)), back: 0 }, count(stop));
    }
    let stop = stops(back);
    let (back, len) = if stop == 0 { (back, 16) } else { (back & below(stop), 8 + count(stop)) };
    (Word { front: fold(front), back: fold(back) }, len)
}

/// Marks octets that end a keyword. The lowest marked octet is truly below 0x21: a borrow only reaches
/// the octets above it.
#[inline]
const fn stops(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x21) & !word & HIGH
}

/// All bits below the lowest mark's octet.
#[inline]
const fn below(marks: u64) -> u64 {
    ((marks & marks.wrapping_neg()) >> 7).wrapping_sub(1)
}

/// How many octets are in front of the lowest mark.
#[inline]
fn count(marks: u64) -> usize {
    usize::try_from(marks.trailing_zeros() / 8).unwrap_or_default()
}

/// Fewer than sixteen octets, padded by NUL.
#[inline(never)]
pub(super) fn padded(text: &[u8]) -> [u8; 16] {
    let mut chunk = [0; 16];
    for (place, octet) in chunk.iter_mut().zip(text) {
        *place = *octet;
    }
    chunk
}

impl Word {
    /// That of a constant keyword.
    const fn of(keyword: &str) -> Self {
        let front = folded_word(keyword.as_bytes());
        let back = match keyword.as_bytes().split_at_checked(8) {
            Some((_, rest)) => folded_word(rest),
            None => 0,
        };
        Self { front, back }
    }
}

/// The extension of a text's leading word, as [`leading`] tells it.
#[inline]
#[expect(clippy::indexing_slicing, reason = "a number of seven bits has its place")]
pub(super) fn of(word: Word, len: usize, text: &[u8]) -> Option<Extension> {
    let (extension, of_it) = TABLE[slot(word.front, FACTOR)]?;
    if of_it != word || (len == 16 && !is_whole(extension, text)) {
        return None;
    }
    Some(extension)
}

/// Whether the word goes on as the keyword does, whose first sixteen octets it has, and ends with it.
#[cold]
fn is_whole(extension: Extension, text: &[u8]) -> bool {
    let keyword = extension.keyword().as_bytes();
    let Some((word, behind)) = text.split_at_checked(keyword.len()) else { return false };
    word.eq_ignore_ascii_case(keyword) && behind.first().is_none_or(|octet| *octet <= b' ')
}

const SLOTS: usize = 128;

/// Each extension at the place that the first eight octets of its keyword lead to.
static TABLE: [Option<(Extension, Word)>; SLOTS] = table(FACTOR);

/// A factor by which no two keywords lead to the same place.
const FACTOR: u64 = factor();

/// The highest seven bits of the product.
#[inline]
#[expect(clippy::as_conversions, reason = "seven bits fit; `try_from` is not const")]
const fn slot(front: u64, factor: u64) -> usize {
    (front.wrapping_mul(factor) >> 57) as usize
}

const fn factor() -> u64 {
    // Odd numbers whose bits are mixed; the golden ratio begins.
    let mut factor: u64 = 0x9e37_79b9_7f4a_7c15;
    while !is_injective(factor) {
        factor = factor.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(2);
    }
    factor
}

#[expect(clippy::indexing_slicing, reason = "runs when the crate is built")]
const fn is_injective(factor: u64) -> bool {
    let mut taken: u128 = 0;
    let mut index = 0;
    while index < Extension::ALL.len() {
        let bit = 1 << slot(Word::of(Extension::ALL[index].keyword()).front, factor);
        if taken & bit != 0 {
            return false;
        }
        taken |= bit;
        index += 1;
    }
    true
}

#[expect(clippy::indexing_slicing, reason = "runs when the crate is built")]
const fn table(factor: u64) -> [Option<(Extension, Word)>; SLOTS] {
    let mut table = [None; SLOTS];
    let mut index = 0;
    while index < Extension::ALL.len() {
        let extension = Extension::ALL[index];
        let word = Word::of(extension.keyword());
        table[slot(word.front, factor)] = Some((extension, word));
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The constants that keywords are compared with were made when the crate was built, of the octets
    /// of each in their order; a keyword as it comes in gives the same numbers, in any case of letters,
    /// and leads to its extension.
    #[test]
    fn keywords_as_numbers() {
        for extension in Extension::ALL {
            let keyword = extension.keyword();
            let first = &keyword.as_bytes()[..keyword.len().min(16)];
            let word = Word::of(keyword);
            let octets = [word.front.to_le_bytes(), word.back.to_le_bytes()].concat();
            assert_eq!(octets, padded(first).map(|octet| octet & 0xdf), "{keyword}");
            assert_eq!(leading(keyword.as_bytes()), (word, first.len()));
            let line = alloc::format!("{} parameters", keyword.to_ascii_lowercase());
            assert_eq!(leading(line.as_bytes()), (word, first.len()));
            assert_eq!(of(word, first.len(), line.as_bytes()), Some(extension));
        }
    }
}
