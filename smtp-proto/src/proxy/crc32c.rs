//! The checksum of RFC 9260 appendix A, which version 2 uses: CRC-32 with the polynomial of
//! Castagnoli, reflected.

/// The polynomial 0x1EDC6F41, its bits reversed.
const POLYNOMIAL: u32 = 0x82F6_3B78;

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "evaluated at compile time, with indexes below 256"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut remainder = index as u32;
        let mut bit = 0;
        while bit < 8 {
            let carry = remainder & 1;
            remainder >>= 1;
            if carry == 1 {
                remainder ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[index] = remainder;
        index += 1;
    }
    table
}

static TABLE: [u32; 256] = table();

/// The checksum of the octets of all parts, one behind the other.
#[expect(
    clippy::indexing_slicing,
    reason = "a table of 256 holds every octet"
)]
pub(super) fn crc32c(parts: &[&[u8]]) -> u32 {
    let mut state = u32::MAX;
    for &octet in parts.iter().copied().flatten() {
        let [low, ..] = state.to_le_bytes();
        state = (state >> 8) ^ TABLE[usize::from(low ^ octet)];
    }
    !state
}
