//! The keyword that the value of a field is, or begins with.

/// The first octets of something, in lower case; one more than fit makes it unlike all that is known.
#[derive(Clone, Debug)]
pub(super) struct Word<const N: usize> {
    octets: [u8; N],
    length: usize,
}

impl<const N: usize> Default for Word<N> {
    fn default() -> Self {
        Self { octets: [0; N], length: 0 }
    }
}

impl<const N: usize> Word<N> {
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    pub(super) fn push(&mut self, octet: u8) {
        if let Some(place) = self.octets.get_mut(self.length) {
            *place = octet.to_ascii_lowercase();
        }
        self.length = self.length.saturating_add(1);
    }

    /// Nothing when there were more than fit.
    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    fn is(&self, octets: &[u8]) -> bool {
        self.length == octets.len() && self.octets() == octets
    }
}

/// Reads `[CFWS] keyword [CFWS] [";" parameters]` octet by octet (RFC 3834 section 5); what the comments
/// say does not matter (RFC 5322 section 3.2.2).
#[derive(Clone, Debug, Default)]
pub(super) struct Keyword {
    /// Room for what is known of keywords: `no`.
    word: Word<2>,
    tail: Tail,
    /// The word is over.
    ended: bool,
    commented: bool,
    /// Comments in comments.
    depth: u32,
    /// Behind a backslash in a comment.
    quoted: bool,
}

/// What is behind the keyword, besides comments and blanks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tail {
    #[default]
    Nothing,
    Parameters,
    Else,
}

impl Keyword {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn push(&mut self, octet: u8) {
        if self.tail != Tail::Nothing {
            return;
        }
        if self.depth > 0 {
            match octet {
                _ if self.quoted => self.quoted = false,
                b'\\' => self.quoted = true,
                b'(' => self.depth = self.depth.saturating_add(1),
                b')' => self.depth -= 1,
                _ => {}
            }
            return;
        }
        let begun = !self.word.is(b"");
        match octet {
            b'(' => {
                self.depth = 1;
                self.commented = true;
                self.ended = begun;
            }
            _ if octet.is_ascii_whitespace() => self.ended = begun,
            b';' => self.tail = Tail::Parameters,
            _ if self.ended => self.tail = Tail::Else,
            _ => self.word.push(octet),
        }
    }

    /// Whether the keyword is this one, in either case; empty when there is none.
    pub(super) fn is(&self, keyword: &[u8]) -> bool {
        self.word.is(keyword)
    }

    /// Whether the value is the keyword alone, without a comment.
    pub(super) fn is_all(&self, keyword: &[u8]) -> bool {
        self.is(keyword) && self.tail == Tail::Nothing && !self.commented
    }

    pub(super) const fn tail(&self) -> Tail {
        self.tail
    }
}
