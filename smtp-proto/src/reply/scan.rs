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
    let mut at = from;
    let mut rest = octets.get(from..)?;
    while let Some((chunk, behind)) = rest.split_first_chunk() {
        // Only the lowest mark is exact: a borrow reaches the octets above it.
        let word = u128::from_le_bytes(*chunk);
        let marks = (word ^ (ONES_16 * 0x0a)).wrapping_sub(ONES_16) & !word & HIGH_16;
        if marks != 0 {
            return Some(at + usize::try_from(marks.trailing_zeros() / 8).unwrap_or_default());
        }
        at += 16;
        rest = behind;
    }
    if let Some((chunk, behind)) = rest.split_first_chunk() {
        let marks = newlines(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return Some(at + first(marks));
        }
        at += 8;
        rest = behind;
    }
    // Fewer than eight octets: the last eight, those in front shifted out. What is shifted in is no
    // LF.
    if let Some(chunk) = octets.last_chunk() {
        let shift = u32::try_from(64 - 8 * rest.len()).ok()?;
        let marks = newlines(u64::from_le_bytes(*chunk).checked_shr(shift)?);
        return (marks != 0).then(|| at + first(marks));
    }
    Some(at + rest.iter().position(|&octet| octet == b'\n')?)
}

/// Marks octets that are LF; only the lowest mark is exact.
#[inline]
const fn newlines(word: u64) -> u64 {
    (word ^ (ONES * 0x0a)).wrapping_sub(ONES) & !word & HIGH
}

/// Which octet bears the lowest mark: 0 to 7, or 8 for none.
#[inline]
fn first(marks: u64) -> usize {
    usize::try_from(marks.trailing_zeros() / 8).unwrap_or_default()
}
