//! Numbers as decimal digits, for what is sent with every message, without the cost of `core::fmt`.

/// The digits of a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimal {
    /// `u64::MAX` has 20; they stand at the end.
    digits: [u8; 20],
    used: usize,
}

impl Decimal {
    pub(crate) fn of(number: u64) -> Self {
        let mut decimal = Self { digits: [b'0'; 20], used: 0 };
        let mut rest = number;
        for place in decimal.digits.iter_mut().rev() {
            *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            decimal.used += 1;
            if rest == 0 {
                break;
            }
        }
        decimal
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.digits.len() - self.used..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn a_number_is_written_as_fmt_writes_it() {
        for number in [0, 1, 9, 10, 99, 100, 1024, 123_456_789, u64::MAX - 1, u64::MAX] {
            assert_eq!(Decimal::of(number).as_bytes(), std::format!("{number}").as_bytes());
        }
    }
}
