//! A whole message that was looked at, however often it is sent.

use core::fmt;

use bytes::Bytes;

use super::{Content, Survey, survey::Newlines};
use crate::data::{BareNewline, Piece};

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
    newlines: Newlines,
    piece: Piece,
}

impl Surveyed {
    /// Looks at a message: header and body, lines ended by CRLF, dots as they are.
    pub fn new(octets: impl Into<Bytes>) -> Self {
        let octets = octets.into();
        let mut survey = Survey::default();
        survey.read(&octets);
        let newlines = survey.newlines();
        let piece =
            if newlines.bare() == 0 { Piece::of_whole_lines(octets) } else { octets.into() };
        Self { content: survey.content(), newlines, piece }
    }

    /// What a transaction has to know of it.
    pub const fn content(&self) -> Content {
        self.content
    }

    /// How many CRs and LFs are not part of a CRLF. A message that has any is sent only by a client that
    /// mends them.
    pub const fn bare_newlines(&self) -> u64 {
        self.newlines.bare()
    }

    /// Whether all lines end with LF alone, as they do in files on Unix, and there is no CR. A client
    /// that is to send such a message wants [`BareNewline::NormalizeLf`].
    pub const fn has_unix_lines(&self) -> bool {
        self.newlines.are_of_unix()
    }

    /// Whether a client with that policy sends nothing of what has these line ends (F-10).
    pub const fn is_refused(&self, policy: BareNewline) -> bool {
        self.newlines.are_refused(policy)
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
