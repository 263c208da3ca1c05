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

/// A checksum in the making.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crc32c(u32);

impl Crc32c {
    pub(super) const fn new() -> Self {
        Self(u32::MAX)
    }

    #[expect(clippy::indexing_slicing, reason = "a table of 256 holds every octet")]
    pub(super) fn update(&mut self, octets: &[u8]) {
        for &octet in octets {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = (self.0 >> 8) ^ TABLE[usize::from(low ^ octet)];
        }
    }

    pub(super) const fn sum(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the division of RFC 9260 appendix A, bit by bit, and the table as it is made now.
    #[test]
    fn the_sum_is_the_remainder_of_a_division() {
        assert_eq!(table(), TABLE);
        let mut octets = [0u8; 40];
        for round in 0..=255u8 {
            for (place, octet) in (0u8..).zip(&mut octets) {
                *octet = round.wrapping_mul(7).wrapping_add(place.wrapping_mul(31)) ^ round;
            }
            let bits = octets.iter().flat_map(|octet| (0..8).map(move |bit| octet >> bit & 1));
            let divided = bits.fold(u32::MAX, |remainder, bit| {
                let carry = (remainder ^ u32::from(bit)) & 1 == 1;
                (remainder >> 1) ^ if carry { POLYNOMIAL } else { 0 }
            });
            let mut sum = Crc32c::new();
            let (head, tail) = octets.split_at(usize::from(round % 40));
            sum.update(head);
            sum.update(tail);
            assert_eq!(sum.sum(), !divided);
        }
    }
}
