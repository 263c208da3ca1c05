//! Finding line ends in short lines.
//!
//! A reply line is a few dozen octets at most, too short for a search that first sets itself up: so
//! up to sixteen octets at a time are looked at in an ordinary integer.

/// 0x01 in each octet of a word.
const ONES: u64 = u64::MAX / 0xff;
/// 0x80 in each octet of a word.
const HIGH: u64 = ONES << 7;

const ONES_16: u128 = u128::MAX / 0xff;
const HIGH_16: u128 = ONES_16 << 7;

/// Where the first LF stands, looking from `from` on.
#[inline]
pub(crate) fn newline(octets: &[u8], from: usize) -> Option<usize> {
    let rest = octets.get(from..)?;
    if let Some(last) = rest.last_chunk() {
        let mut at = from;
        while let Some(chunk) = octets.get(at..)?.first_chunk() {
            let marks = newlines_16(u128::from_le_bytes(*chunk));
            if marks != 0 {
                return Some(at + first_16(marks));
            }
            at += 16;
        }
        // What is left, and octets in front of it that have none.
        let marks = newlines_16(u128::from_le_bytes(*last));
        return (marks != 0).then(|| octets.len() - 16 + first_16(marks));
    }
    if let (Some(front), Some(back)) = (rest.first_chunk(), rest.last_chunk()) {
        let marks = newlines(u64::from_le_bytes(*front));
        if marks != 0 {
            return Some(from + first(marks));
        }
        let marks = newlines(u64::from_le_bytes(*back));
        return (marks != 0).then(|| octets.len() - 8 + first(marks));
    }
    Some(from + rest.iter().position(|&octet| octet == b'\n')?)
}

/// Marks octets that are LF; only the lowest mark is exact, as a borrow reaches the octets above it.
#[inline]
const fn newlines(word: u64) -> u64 {
    (word ^ (ONES * 0x0a)).wrapping_sub(ONES) & !word & HIGH
}

/// Which octet bears the lowest mark: 0 to 7, or 8 for none.
#[inline]
fn first(marks: u64) -> usize {
    usize::try_from(marks.trailing_zeros() / 8).unwrap_or_default()
}

/// The same of sixteen octets.
#[inline]
const fn newlines_16(word: u128) -> u128 {
    (word ^ (ONES_16 * 0x0a)).wrapping_sub(ONES_16) & !word & HIGH_16
}

#[inline]
fn first_16(marks: u128) -> usize {
    usize::try_from(marks.trailing_zeros() / 8).unwrap_or_default()
}
