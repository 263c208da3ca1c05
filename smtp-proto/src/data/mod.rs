//! Mail data: transparency, line ends, and where a message ends (RFC 5321 §4.5.2, §4.1.1.4, §2.3.8).
//!
//! Nothing else in this crate decides any of the three. Content sent after `DATA` ends at exactly
//! CRLF `.` CRLF; no other sequence ends it, whatever another program may take for a line end.
//! That one rule, obeyed on both sides, is what keeps a second message from being smuggled in
//! inside a first (F-04, F-05).
//!
//! - [`Decoder`] takes `DATA` content off the wire: stuffed dots removed, the end found.
//! - [`Encoder`] puts content on the wire: dots added, the end written.
//! - [`LineCheck`] looks at the line ends of text content sent by `BDAT` (RFC 3030), which has
//!   neither dots nor an end mark.
//!
//! All three meet octets in whatever pieces they come, give the same result for every way of
//! cutting them, and take time linear in their number. A carriage return or a line feed that is
//! not part of a CRLF is never let through unseen: see [`BareNewline`].

mod decoder;
mod encoder;
mod line_check;
mod line_length;
mod piece;
mod scan;

#[cfg(test)]
mod tests;

pub use decoder::{Decoded, Decoder, Then};
pub use encoder::{BareNewlineError, Encoder};
pub use line_check::LineCheck;
pub(crate) use line_length::LineLength;
pub(crate) use piece::Piece;
pub(crate) use scan::{Unusual, untroubled};

/// What becomes of a CR or an LF that is not part of a CRLF (RFC 5321 §2.3.8; F-06, F-10).
///
/// There is no other way, "as it is": the next program on the message's way might take the octet
/// for a line end and see a message end where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum BareNewline {
    /// The message is not to be taken, or not to be sent.
    #[default]
    Reject,
    /// Each one becomes a CRLF. When receiving, this happens after the true end was found and
    /// dots were removed, so it can make neither an end nor a stuffed dot (F-07).
    Normalize,
    /// Each bare LF becomes a CRLF as by [`Normalize`](Self::Normalize); with a bare CR the message is
    /// [rejected](Self::Reject). For text in which lines end by LF: a CR in it ends none, and would make a
    /// new one, of the header perhaps.
    NormalizeLf,
}

impl BareNewline {
    /// Whether this octet, a CR or an LF that is bare, becomes a CRLF.
    const fn mends(self, octet: u8) -> bool {
        match self {
            Self::Reject => false,
            Self::Normalize => true,
            Self::NormalizeLf => octet == scan::LF,
        }
    }
}
