//! Whether text that comes in pieces is UTF-8.

/// Looks at text as its octets come, in any pieces, and keeps no more than the start of one character.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Utf8Check {
    /// There was an octet above 127.
    high: bool,
    malformed: bool,
    /// The start of a character whose end has not come.
    cut: [u8; 4],
    length: usize,
}

impl Utf8Check {
    /// Looks at more octets.
    pub(crate) fn read(&mut self, octets: &[u8]) {
        if octets.is_empty() || self.malformed || (self.length == 0 && octets.is_ascii()) {
            return;
        }
        self.high = true;
        let mut rest = octets;
        while let (1.., [next, behind @ ..]) = (self.length, rest) {
            rest = behind;
            if let Some(place) = self.cut.get_mut(self.length) {
                *place = *next;
            }
            let character = self.cut.get(..=self.length).unwrap_or_default();
            let end = core::str::from_utf8(character).map_err(|error| error.error_len());
            self.length = match end {
                Ok(_) => 0,
                Err(None) => self.length + 1,
                Err(Some(_)) => {
                    self.malformed = true;
                    return;
                }
            };
        }
        if let Err(error) = core::str::from_utf8(rest) {
            self.malformed = error.error_len().is_some();
            let cut = rest.get(error.valid_up_to()..).unwrap_or_default();
            for (place, octet) in self.cut.iter_mut().zip(cut) {
                *place = *octet;
            }
            self.length = cut.len();
        }
    }

    /// Whether the text so far is UTF-8, in whole characters, and not ASCII alone.
    pub(crate) const fn is_beyond_ascii(&self) -> bool {
        self.high && !self.malformed && self.length == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_judged_however_it_is_cut() {
        let cases: [(&[u8], bool); 15] = [
            (b"", false),
            (b"plain", false),
            ("\u{e9}".as_bytes(), true),
            ("a\u{e9}b\u{20ac}\u{1f600}c".as_bytes(), true),
            ("\u{10ffff}".as_bytes(), true),
            (b"\xe9", false),
            (b"\xe9 ", false),
            (b"a\xc3", false),
            (b"\xc3\r\n\xa9", false),
            (b"\xa9", false),
            (b"\xf0\x9f\x98", false),
            (b"\xf0\x9f\x98\x80\xc3", false),
            (b"\xc3\xa9\xff\xc3\xa9", false),
            // Too long for what it says, a surrogate, and beyond what there is.
            (b"\xc0\xaf\xed\xa0\x80", false),
            (b"\xf4\x90\x80\x80", false),
        ];
        for (text, beyond_ascii) in cases {
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let mut check = Utf8Check::default();
                    check.read(&text[..first]);
                    check.read(&text[first..second]);
                    check.read(&text[second..]);
                    let shown = text.escape_ascii();
                    assert_eq!(check.is_beyond_ascii(), beyond_ascii, "{shown} {first} {second}");
                }
            }
            let mut check = Utf8Check::default();
            text.iter().for_each(|octet| check.read(&[*octet]));
            assert_eq!(check.is_beyond_ascii(), beyond_ascii, "{}", text.escape_ascii());
        }
    }
}
