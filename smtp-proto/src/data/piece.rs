//! Content to be sent, and what is known of it.

use bytes::Bytes;

/// A piece of content to be sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Piece {
    octets: Bytes,
    known: Known,
}

/// What somebody has seen, from the first octet to the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Nothing,
    /// Each CR and each LF is part of a CRLF.
    WholeLines,
    /// And no line begins with a dot, the first one included.
    WithoutDots,
}

impl Piece {
    /// One of whose CRs and LFs each is part of a CRLF. Whether a line begins with a dot is looked up.
    pub(crate) fn of_whole_lines(octets: Bytes) -> Self {
        let has_dots = octets.starts_with(b".") || memchr::memmem::find(&octets, b"\n.").is_some();
        Self { octets, known: if has_dots { Known::WholeLines } else { Known::WithoutDots } }
    }

    /// The octets as they were given.
    pub(crate) const fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// The same.
    pub(crate) fn into_octets(self) -> Bytes {
        self.octets
    }

    /// Whether each CR and each LF is known to be part of a CRLF.
    pub(crate) fn has_whole_lines(&self) -> bool {
        self.known != Known::Nothing
    }

    /// Whether it goes on the wire as it is when it begins a line.
    pub(crate) fn is_plain(&self) -> bool {
        self.known == Known::WithoutDots
    }
}

/// One of which nothing is known.
impl From<Bytes> for Piece {
    fn from(octets: Bytes) -> Self {
        Self { octets, known: Known::Nothing }
    }
}
