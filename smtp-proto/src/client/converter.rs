//! Turning content into what a server takes.

use core::fmt;

use bytes::Bytes;

use super::Content;
use crate::parameter::Body;

/// Makes 8-bit or binary content into what a server without 8BITMIME or BINARYMIME takes (RFC 6152
/// section 3, RFC 3030 section 3), on its way out. This crate knows no MIME: it brings none.
///
/// Given to a [`Transaction`](super::Transaction), it is used where the server does not take the
/// content as it is, and never otherwise. As another host may take it so, a relay gives one when it has
/// tried them.
pub trait Converter: fmt::Debug + Send {
    /// Content of this kind is to come, and must become `most` or less: what it will be.
    /// `None` where it cannot or must not be converted, because a signature would break; then the
    /// message is refused. What was converted before is begun anew: it may be called again.
    fn begin(&mut self, content: Content, most: Body) -> Option<Content>;

    /// What becomes of the next piece, of any size; nothing is one too.
    ///
    /// # Errors
    /// [`NotConverted`] for content that turns out to be of no kind that can be converted: the connection
    /// must then be dropped, as for any content that cannot be read to its end.
    fn convert(&mut self, piece: Bytes) -> Result<Bytes, NotConverted>;

    /// The content is whole: what remains to be sent.
    ///
    /// # Errors
    /// As [`convert`](Self::convert).
    fn finish(&mut self) -> Result<Bytes, NotConverted>;
}

/// Content could not be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content could not be converted")]
pub struct NotConverted;
