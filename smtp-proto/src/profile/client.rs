//! What a client allows beyond what it must.

use crate::{data::BareNewline, reply::CodeMismatch};

/// What becomes of a line of content that is longer than 998 octets and its CRLF, which not every
/// server must take (RFC 5321 section 4.5.3.1.6; F-25). It is never folded: that would change the
/// message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LongLine {
    /// It is sent, and told as a [`Leniency`](super::Leniency).
    #[default]
    Send,
    /// It is refused as [`Misuse::LongLine`](crate::client::Misuse::LongLine).
    Error,
}

/// The switches of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ClientPolicy {
    /// What becomes of content with a bare CR or LF: refused as
    /// [`Misuse::BareNewline`](crate::client::Misuse::BareNewline), as the next server may take it
    /// for a line end, or made a CRLF (RFC 5321 section 2.3.8; F-10). A file with the lines of Unix wants
    /// [`BareNewline::NormalizeLf`].
    pub bare_newline: BareNewline,
    /// Long lines of content that is not binary.
    pub long_line: LongLine,
    /// The longest local-part that is sent, in octets as spelled; a longer one is refused as
    /// [`Misuse::LocalPart`](crate::client::Misuse::LocalPart). 64 is what every server takes (RFC
    /// 5321 section 4.5.3.1.1; G-09). `None` is for relays, which may not refuse what they took.
    pub local_part_max: Option<u16>,
    /// What to do when the lines of a reply bear different codes (RFC 5321 section 4.2.1; F-28).
    pub reply_code_mismatch: CodeMismatch,
    /// Takes an LF on its own for the end of a reply line (not RFC 5321 section 2.3.8; F-31). Not
    /// before or during STARTTLS: where TLS is required it waits for TLS, and a STARTTLS that was
    /// offered in such a session outside TLS is not believed.
    pub lenient_reply_lf: bool,
    /// Says HELO at once on a new connection when the server dropped the first one at EHLO (C-04).
    pub helo_after_drop: bool,
}

impl ClientPolicy {
    /// The RFCs to the letter.
    pub const STRICT: Self = Self { long_line: LongLine::Error, ..Self::INTERNET };

    /// What mail to strangers needs.
    pub const INTERNET: Self = Self {
        bare_newline: BareNewline::Reject,
        long_line: LongLine::Send,
        local_part_max: Some(64),
        reply_code_mismatch: CodeMismatch::Error,
        lenient_reply_lf: false,
        helo_after_drop: false,
    };

    /// For old servers, and content that is not clean.
    pub const LENIENT: Self = Self {
        bare_newline: BareNewline::Normalize,
        long_line: LongLine::Send,
        local_part_max: None,
        reply_code_mismatch: CodeMismatch::Last,
        lenient_reply_lf: true,
        helo_after_drop: true,
    };
}

impl Default for ClientPolicy {
    /// [`ClientPolicy::INTERNET`].
    fn default() -> Self {
        Self::INTERNET
    }
}
