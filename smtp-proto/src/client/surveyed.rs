//! A whole message that was looked at, however often it is sent.

use core::fmt;

use bytes::Bytes;

use super::{Content, Survey};
use crate::data::Piece;

/// The octets of a whole message and what a [`Survey`] found in them: they are looked at once, however
/// often they are sent.
///
/// ```
/// # use smtp_proto::client::Surveyed;
/// let message = Surveyed::new("Subject: hello\r\n\r\nHello\r\n");
/// assert_eq!(message.content().size, Some(25));
/// assert_eq!(message.bare_newlines(), 0);
/// ```
#[derive(Clone)]
pub struct Surveyed {
    content: Content,
    bare_newlines: u64,
    has_unix_lines: bool,
    piece: Piece,
}

impl Surveyed {
    /// Looks at a message: header and body, lines ended by CRLF, dots as they are.
    pub fn new(octets: impl Into<Bytes>) -> Self {
        let octets = octets.into();
        let mut survey = Survey::default();
        survey.read(&octets);
        let bare_newlines = survey.bare_newlines();
        let piece = if bare_newlines == 0 { Piece::of_whole_lines(octets) } else { octets.into() };
        let has_unix_lines = survey.has_unix_lines();
        Self { content: survey.content(), bare_newlines, has_unix_lines, piece }
    }

    /// What a transaction has to know of it.
    pub const fn content(&self) -> Content {
        self.content
    }

    /// How many CRs and LFs are not part of a CRLF. A message that has any is sent only by a client that
    /// mends them.
    pub const fn bare_newlines(&self) -> u64 {
        self.bare_newlines
    }

    /// Whether all lines end with LF alone, as they do in files on Unix.
    pub const fn has_unix_lines(&self) -> bool {
        self.has_unix_lines
    }

    /// The octets.
    pub const fn octets(&self) -> &Bytes {
        self.piece.octets()
    }

    pub(super) fn piece(&self) -> Piece {
        self.piece.clone()
    }
}

impl From<Bytes> for Surveyed {
    fn from(octets: Bytes) -> Self {
        Self::new(octets)
    }
}

/// Its size, not its content.
impl fmt::Debug for Surveyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Surveyed({} octets)", self.octets().len())
    }
}
