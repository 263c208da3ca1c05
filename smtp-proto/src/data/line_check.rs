//! The line ends of text content that is counted, not ended by a dot.

use super::scan::{CR, LF, Unusual, untroubled};
use super::{BareNewline, Decoded, Then};

/// Octets looked at one by one where the fast pass has met a bare newline.
const STRETCH: usize = 24;

/// Looks at the line ends of text content that comes or goes by `BDAT` (RFC 3030 §2; F-06, F-10).
/// Such content has no dots to add or remove and ends by count. Content declared `BINARYMIME` is
/// not text and not to be looked at.
///
/// ```
/// # use smtp_proto::data::{BareNewline, LineCheck, Then};
/// let mut check = LineCheck::new(BareNewline::Normalize);
/// let (mut rest, mut content) = (&b"a\nb\r\n"[..], Vec::new());
/// while !rest.is_empty() {
///     let checked = check.check(rest);
///     content.extend_from_slice(&rest[..checked.content]);
///     if checked.then == Then::Newline {
///         content.extend_from_slice(b"\r\n");
///     }
///     rest = &rest[checked.consumed..];
/// }
/// check.finish();
/// assert_eq!(content, b"a\r\nb\r\n");
/// ```
#[derive(Debug, Clone, Default)]
pub struct LineCheck {
    bare_newline: BareNewline,
    /// The last octet was a CR: whether it is bare, the next octet says.
    after_cr: bool,
    bare: bool,
    /// One was seen that is not mended.
    refused: bool,
    unusual: Unusual,
}

impl LineCheck {
    /// A check at the start of a message's content. It goes on over all chunks of that message.
    pub const fn new(bare_newline: BareNewline) -> Self {
        let unusual = Unusual { high: false, nul: false };
        Self { bare_newline, after_cr: false, bare: false, refused: false, unusual }
    }

    /// Looks at a block; [`Decoded::then`] is never [`Then::End`].
    ///
    /// With [`BareNewline::Reject`] the whole block is content, and [`is_refused`] tells whether it was
    /// fit to be. Where newlines are mended a call takes the block up to one of these (or a CR that
    /// is its last octet, in whose place the CRLF then comes), and what is left of it is to be
    /// handed in again. A non-empty block is never left wholly unconsumed.
    ///
    /// [`is_refused`]: Self::is_refused
    pub fn check(&mut self, block: &[u8]) -> Decoded {
        let [mends_cr, mends_lf] = [CR, LF].map(|octet| self.bare_newline.mends(octet));
        if mends_cr && self.after_cr && block.first() == Some(&LF) {
            // The CR has already been given as a CRLF.
            self.after_cr = false;
            return Decoded { content: 0, consumed: 1, then: Then::More };
        }
        let mut at = 0;
        let mut limit = 1;
        while let Some(&this) = block.get(at) {
            let after_cr = core::mem::replace(&mut self.after_cr, this == CR);
            let pair = after_cr == (this == LF);
            if !pair {
                self.bare = true;
                self.refused |= if after_cr { !mends_cr } else { !mends_lf };
            }
            let behind = block.get(at + 1);
            if mends_cr && this == CR && behind != Some(&LF) {
                // Bare, unless it is the last octet here: that the next block says. The CRLF
                // comes in either case.
                self.bare |= behind.is_some();
                self.after_cr = behind.is_none();
                return Decoded { content: at, consumed: at + 1, then: Then::Newline };
            }
            if mends_lf && this == LF && !after_cr {
                return Decoded { content: at, consumed: at + 1, then: Then::Newline };
            }
            self.unusual.add(this);
            at += 1;
            if at >= limit {
                let with_context = block.get(at - 1..).unwrap_or_default();
                let mut passed = untroubled::<false>(with_context, &mut self.unusual);
                // Where CRs are replaced, one is taken together with the octet behind it.
                if passed > 0 && mends_cr && with_context.get(passed) == Some(&CR) {
                    passed -= 1;
                }
                self.after_cr = with_context.get(passed) == Some(&CR);
                at += passed;
                limit = at + STRETCH;
            }
        }
        Decoded { content: at, consumed: at, then: Then::More }
    }

    /// Whether what follows can be judged by itself: no CR waits for the octet behind it.
    pub(crate) const fn is_between_lines(&self) -> bool {
        !self.after_cr
    }

    /// The message's content has ended: a CR that was its last octet was bare.
    pub const fn finish(&mut self) {
        self.bare |= self.after_cr;
        self.refused |= self.after_cr && !self.bare_newline.mends(CR);
        self.after_cr = false;
    }

    /// Whether a bare CR or LF was seen.
    pub const fn bare_newline(&self) -> bool {
        self.bare
    }

    /// Whether a bare CR or LF was seen that did not become a CRLF. The message is then to be refused
    /// with 550 5.5.2, or not to be sent.
    pub const fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether content had an octet above 127 (F-22).
    pub const fn has_8bit(&self) -> bool {
        self.unusual.high
    }

    /// Whether content had an octet 0 (F-23).
    pub const fn has_nul(&self) -> bool {
        self.unusual.nul
    }
}
