//! How long the lines of content are.

/// Octets of a line, CRLF included, that every server takes (RFC 5321 §4.5.3.1.6; F-24, F-25).
pub(crate) const CUSTOMARY: u32 = 1000;

/// Watches the length of lines, in whatever pieces content comes.
///
/// Only about one line end in a thousand octets is looked at: what matters is whether there is one
/// within reach of the last that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineLength {
    /// Octets since the last line end that is known.
    current: u32,
    most: u32,
    long: bool,
    too_long: bool,
}

impl LineLength {
    /// Watches for lines of more than [`CUSTOMARY`] octets, and of more than `most`, if that is
    /// more; the CRLF counts.
    pub(crate) fn new(most: Option<u32>) -> Self {
        let most = most.unwrap_or(u32::MAX).max(CUSTOMARY);
        Self { current: 0, most, long: false, too_long: false }
    }

    /// The same watch for another message.
    pub(crate) const fn anew(&self) -> Self {
        Self { current: 0, most: self.most, long: false, too_long: false }
    }

    /// Looks at more content.
    pub(crate) fn check(&mut self, mut octets: &[u8]) {
        while !octets.is_empty()
            && let Some(limit) = self.limit()
        {
            let left = usize::try_from(limit.saturating_sub(self.current)).unwrap_or(usize::MAX);
            let within = octets.get(..left).unwrap_or(octets);
            match memchr::memrchr(b'\n', within) {
                Some(at) => {
                    octets = octets.get(at + 1..).unwrap_or_default();
                    self.current = 0;
                }
                None if within.len() == left => self.exceed(limit),
                None => {
                    let more = u32::try_from(within.len()).unwrap_or(u32::MAX);
                    self.current = self.current.saturating_add(more);
                    return;
                }
            }
        }
    }

    /// A line end that is not among the octets.
    pub(crate) const fn newline(&mut self) {
        self.current = 0;
    }

    /// The content has ended, perhaps without a line end: one is added where it matters.
    pub(crate) fn finish(&mut self) {
        while let Some(limit) = self.limit()
            && self.current.saturating_add(2) > limit
        {
            self.exceed(limit);
        }
    }

    /// Whether a line was longer than is customary.
    pub(crate) const fn is_long(&self) -> bool {
        self.long
    }

    /// Whether a line was longer than is allowed.
    pub(crate) const fn is_too_long(&self) -> bool {
        self.too_long
    }

    const fn limit(&self) -> Option<u32> {
        match (self.long, self.too_long) {
            (false, _) => Some(CUSTOMARY),
            (true, false) => Some(self.most),
            (true, true) => None,
        }
    }

    const fn exceed(&mut self, limit: u32) {
        self.too_long = self.most <= limit;
        self.long = true;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn seen(content: &[u8], most: Option<u32>, piece: usize) -> (bool, bool) {
        let mut length = LineLength::new(most);
        content.chunks(piece).for_each(|piece| length.check(piece));
        length.finish();
        (length.is_long(), length.is_too_long())
    }

    #[test]
    fn the_longest_line_counts_wherever_it_is_and_however_it_is_cut() {
        let line = |length: usize| [&b"x".repeat(length)[..], b"\r\n"].concat();
        for before in [0, 1, 7, 998, 997] {
            for length in [0, 1, 997, 998, 999, 1000, 1498, 1499, 3000] {
                for ended in [true, false] {
                    let mut content: Vec<u8> = line(before);
                    content.extend(line(length));
                    if ended {
                        content.extend(line(3));
                    } else {
                        content.truncate(content.len() - 2);
                    }
                    for piece in [1, 2, 3, 500, 999, 1000, 1001, 1 << 20] {
                        let long = length > 998;
                        assert_eq!(seen(&content, None, piece), (long, false), "{length} {piece}");
                        assert_eq!(seen(&content, Some(10), piece), (long, long), "{length}");
                        let over = length > 1498;
                        let seen = seen(&content, Some(1500), piece);
                        assert_eq!(seen, (long, over), "{before} {length} {ended} {piece}");
                    }
                }
            }
        }
    }
}
