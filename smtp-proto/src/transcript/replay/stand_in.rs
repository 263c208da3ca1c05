//! Octets in place of those that were not recorded.

use alloc::vec::Vec;

use super::super::{ChannelFacts, mask::ILL};
use crate::auth::{Channel, Secret};

/// Octets of a line, its CRLF included.
const LINE: u64 = 78;

/// Octets made at a time.
const PART: u64 = 8 * 1024;

/// What stands for a masked octet: `A`, a letter of base64 and of a mechanism's name, or for one that
/// was malformed `#`, which is neither.
pub(super) const fn octet(mask: u8) -> u8 {
    if mask == ILL { b'#' } else { b'A' }
}

/// A channel of which as much is known.
pub(super) fn channel(known: &ChannelFacts) -> Channel {
    let channel = Channel::new().client_certificate(known.has_client_certificate());
    known
        .bindings()
        .fold(channel, |channel, binding| channel.with(binding, Secret::from([0; 32].as_slice())))
}

/// So many octets `x`, perhaps in lines: then they end with CRLF, and make no line that begins with a
/// dot and no bare CR or LF if what is before them makes none.
#[derive(Debug)]
pub(super) struct Filler {
    left: u64,
    lines: bool,
    /// The octet before is a CR.
    after_cr: bool,
    /// Octets of the present line.
    column: u64,
    /// What follows at the end.
    end: &'static [u8],
}

impl Filler {
    /// Content behind `before`.
    pub(super) fn content(before: &[u8], octets: u64) -> Self {
        let after_cr = before.ends_with(b"\r");
        Self { left: octets, lines: true, after_cr, column: 0, end: b"" }
    }

    /// Octets in one piece, and then `end`.
    pub(super) fn plain(octets: u64, end: &'static [u8]) -> Self {
        Self { left: octets, lines: false, after_cr: false, column: 0, end }
    }

    /// How many octets are still to come, the end not counted.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Appends some of them; whether there were any.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        for _ in 0..self.left.min(PART) {
            out.push(self.octet());
            self.left -= 1;
        }
        if self.left == 0 {
            out.extend_from_slice(core::mem::take(&mut self.end));
        }
        out.len() > before
    }

    fn octet(&mut self) -> u8 {
        if !self.lines {
            return b'x';
        }
        // The last two octets are a CRLF whatever is before them.
        if core::mem::take(&mut self.after_cr) && self.left != 2 {
            self.column = 0;
            return b'\n';
        }
        self.column += 1;
        let ends = self.left == 2 || (self.column >= LINE - 1 && self.left > 3);
        self.after_cr = ends;
        if ends { b'\r' } else { b'x' }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{BareNewline, Decoder, Then};

    /// However many: they are all content, and the dot behind them ends it.
    #[test]
    fn keeps_framing() {
        for before in [&b""[..], b"a", b"a\r", b"a\r\n", b"a\r\nb\r\n..", b"\r\n"] {
            for octets in (2..400).chain([8 * 1024 - 1, 8 * 1024, 20_000]) {
                if before.ends_with(b"\r") && octets == 2 {
                    continue;
                }
                let mut filler = Filler::content(before, octets);
                let mut content = before.to_vec();
                while filler.fill(&mut content) {}
                let length = content.len();
                assert_eq!(length as u64, before.len() as u64 + octets);
                // In lines of one length; a single octet is at the end of the one before.
                let lines = || content.split_inclusive(|octet| *octet == b'\n').map(<[u8]>::len);
                if before.is_empty() {
                    let count = usize::try_from(octets + 76).unwrap() / 78;
                    assert_eq!(lines().count(), count, "{octets}");
                    assert!(lines().take(count - 1).all(|length| length == 78), "{octets}");
                }
                content.extend_from_slice(b".\r\n");
                let mut decoder = Decoder::new(BareNewline::Reject);
                let decoded = decoder.decode(&mut content);
                assert_eq!((decoded.then, decoded.consumed), (Then::End, length + 3));
                assert!(!decoder.bare_newline(), "{octets}");
            }
        }
    }
}
