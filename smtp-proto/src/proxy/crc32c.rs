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
