//! `DATA` content onto the wire.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::scan::{
    BLOCK, BLOCK_IN_CONTEXT, CR, DOT, LF, MARK_BARE, MARK_DOT, Unusual, marks, untroubled,
};
use super::{BareNewline, Piece};

const CRLF: &[u8] = b"\r\n";

/// Dots closer together than this many octets, on the average, make a copy cheaper than a slice
/// for each of them.
const SPARSE: usize = 128;

/// Puts content on the wire after a 354 reply (RFC 5321 §4.5.2, §4.1.1.4): a dot before every
/// line that starts with one, and the end.
///
/// Content comes in chunks of any size and goes out as slices of the same memory. Only a chunk
/// with very many lines that start with a dot, or with newlines to be normalised, is copied.
/// One encoder serves one message after the other.
///
/// ```
/// # use smtp_proto::data::{BareNewline, Encoder};
/// let (mut encoder, mut wire) = (Encoder::new(BareNewline::Reject), Vec::new());
/// encoder.encode(".a\r\n.".into(), |octets| wire.extend_from_slice(&octets))?;
/// encoder.finish(|octets| wire.extend_from_slice(&octets))?;
/// assert_eq!(wire, b"..a\r\n..\r\n.\r\n");
/// # Ok::<(), smtp_proto::data::BareNewlineError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    bare_newline: BareNewline,
    before: Before,
    /// Octets of content taken, a held CR included.
    taken: u64,
    unusual: Unusual,
    /// A bare CR or LF became a CRLF.
    mended: bool,
}

/// What the next octet of content comes behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Before {
    /// Nothing, or CRLF.
    #[default]
    LineStart,
    /// Any other octet.
    Line,
    /// A CR that is held back: whether it is bare, the next octet says.
    HeldCr,
}

/// Content to be sent has a CR or an LF that is not part of a CRLF, which must not be sent
/// (RFC 5321 §2.3.8; F-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bare CR or LF at octet {offset} of the content")]
pub struct BareNewlineError {
    offset: u64,
}

impl BareNewlineError {
    /// Where that octet is, counted from the start of the message's content.
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}

/// What a chunk holds.
struct Survey {
    /// Lines that start with a dot.
    dots: usize,
    /// The first bare CR or LF.
    bare: Option<usize>,
}

impl Encoder {
    /// An encoder at the start of a message's content.
    pub const fn new(bare_newline: BareNewline) -> Self {
        let unusual = Unusual { high: false, nul: false };
        Self { bare_newline, before: Before::LineStart, taken: 0, unusual, mended: false }
    }

    /// Takes the next chunk of content and hands what goes on the wire to `push`, in order.
    ///
    /// A CR at the end of the chunk is held back until the next call, so that a bare one is never
    /// sent. A line starts at the beginning of the content and behind a CRLF, also when that is
    /// cut in two (F-09).
    ///
    /// # Errors
    ///
    /// When the chunk has a bare CR or LF that is not mended ([`BareNewline`]), or shows a CR held back
    /// to be one. Nothing was pushed, and the chunk counts as not given. After a 354 the message
    /// can then only be abandoned by closing the connection: an end mark would complete it.
    pub fn encode(
        &mut self,
        chunk: Bytes,
        mut push: impl FnMut(Bytes),
    ) -> Result<(), BareNewlineError> {
        let mut content: &[u8] = &chunk;
        let Some(first) = content.first() else {
            return Ok(());
        };
        let held = self.before == Before::HeldCr;
        if held {
            if *first == LF {
                content = content.get(1..).unwrap_or_default();
            } else if !self.bare_newline.mends(CR) {
                return Err(BareNewlineError { offset: self.taken.saturating_sub(1) });
            }
        }
        let skipped = chunk.len() - content.len();
        let ends_in_cr = content.last() == Some(&CR);
        if let (true, [rest @ .., _]) = (ends_in_cr, content) {
            content = rest;
        }
        let line_start = held || self.before == Before::LineStart;
        let mut unusual = self.unusual;
        let survey = survey(content, line_start, &mut unusual);
        if let Some(bare) = survey.bare {
            if let Some(at) = self.refused(content, bare) {
                let offset = u64::try_from(skipped + at).unwrap_or(u64::MAX);
                return Err(BareNewlineError { offset: self.taken.saturating_add(offset) });
            }
            // The survey went no further.
            unusual.add_all(content);
        }

        // From here on nothing fails.
        if held {
            push(Bytes::from_static(CRLF));
        }
        self.mended |= survey.bare.is_some() || (held && skipped == 0);
        self.unusual = unusual;
        self.taken = self.taken.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        self.before = match content {
            _ if ends_in_cr => Before::HeldCr,
            // Nothing behind the LF to a CR that was held. A bare one has become a CRLF.
            [] | [.., LF] => Before::LineStart,
            _ => Before::Line,
        };
        if content.is_empty() {
            return Ok(());
        }
        if survey.bare.is_some() {
            push(normalized(content, line_start).into());
        } else if survey.dots == 0 {
            push(chunk.slice(skipped..skipped + content.len()));
        } else if survey.dots.saturating_mul(SPARSE) > content.len() {
            push(stuffed(content, line_start, survey.dots).into());
        } else {
            let mut from = 0;
            for at in (Dots { content, at: 0, line_start }) {
                if at > from {
                    push(chunk.slice(skipped + from..skipped + at));
                }
                push(Bytes::from_static(b"."));
                from = at;
            }
            push(chunk.slice(skipped + from..skipped + content.len()));
        }
        Ok(())
    }

    /// The first bare newline that is not mended; the first of all is there.
    fn refused(&self, content: &[u8], bare: usize) -> Option<usize> {
        match self.bare_newline {
            BareNewline::Reject => Some(bare),
            BareNewline::Normalize => None,
            BareNewline::NormalizeLf => {
                let rest = content.get(bare..).unwrap_or_default();
                let mut crs = memchr::memchr_iter(CR, rest);
                crs.find(|at| rest.get(at + 1) != Some(&LF)).map(|at| bare + at)
            }
        }
    }

    /// [`encode`](Self::encode) for a piece of which something may be known already.
    pub(crate) fn encode_piece(
        &mut self,
        piece: Piece,
        mut push: impl FnMut(Bytes),
    ) -> Result<(), BareNewlineError> {
        let is_plain = piece.is_plain() && self.before == Before::LineStart;
        let octets = piece.into_octets();
        if !is_plain {
            return self.encode(octets, push);
        }
        self.taken = self.taken.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        if octets.last().is_some_and(|last| *last != LF) {
            self.before = Before::Line;
        }
        if !octets.is_empty() {
            push(octets);
        }
        Ok(())
    }

    /// Ends the message: a CRLF if its last line has none (F-11), then the line with the dot.
    /// The encoder is then ready for another message.
    ///
    /// # Errors
    ///
    /// When the last octet of the content was a CR, and that is not mended ([`BareNewline`]). Nothing
    /// was pushed.
    pub fn finish(&mut self, mut push: impl FnMut(Bytes)) -> Result<(), BareNewlineError> {
        let end: &[u8] = match self.before {
            Before::LineStart => b".\r\n",
            Before::HeldCr if !self.bare_newline.mends(CR) => {
                return Err(BareNewlineError { offset: self.taken.saturating_sub(1) });
            }
            Before::Line | Before::HeldCr => b"\r\n.\r\n",
        };
        push(Bytes::from_static(end));
        *self = Self::new(self.bare_newline);
        Ok(())
    }

    /// Whether the message's content so far has an octet above 127, and so needs 8BITMIME.
    pub const fn has_8bit(&self) -> bool {
        self.unusual.high
    }

    /// Whether a bare CR or LF of the message's content so far became a CRLF; a CR that was the last
    /// octet is judged with the next.
    pub const fn has_mended(&self) -> bool {
        self.mended
    }

    /// Whether the message's content so far has an octet 0.
    pub const fn has_nul(&self) -> bool {
        self.unusual.nul
    }
}

/// The block at `at` with two octets before it and one behind, where the content has all these.
fn block_at(content: &[u8], at: usize) -> Option<&[u8; BLOCK_IN_CONTEXT]> {
    content.get(at.checked_sub(2)?..)?.first_chunk()
}

/// What kind of octet stands at a place of the content, with its neighbours.
enum Kind {
    Plain,
    Dot,
    Bare,
}

fn kind_at(content: &[u8], at: usize, line_start: bool) -> Kind {
    let before = at.checked_sub(1).and_then(|at| content.get(at)).copied();
    match content.get(at) {
        Some(&LF) if before != Some(CR) => Kind::Bare,
        Some(&CR) if content.get(at + 1) != Some(&LF) => Kind::Bare,
        Some(&DOT) if at == 0 && line_start => Kind::Dot,
        // A CR is before the LF, or nobody would have come so far.
        Some(&DOT) if before == Some(LF) => Kind::Dot,
        _ => Kind::Plain,
    }
}

/// One pass over a chunk: its dots, its first bare newline.
fn survey(content: &[u8], line_start: bool, unusual: &mut Unusual) -> Survey {
    let mut survey = Survey { dots: 0, bare: None };
    let mut at = 0;
    while at < content.len() {
        if at > 0 && !matches!(kind_at(content, at, line_start), Kind::Dot) {
            let passed = untroubled::<true>(content.get(at - 1..).unwrap_or_default(), unusual);
            at += passed;
            // Of a CR that was passed last, nobody has yet seen the octet behind.
            if passed > 0 && content.get(at - 1) == Some(&CR) {
                at -= 1;
            }
        }
        if let Some(block) = block_at(content, at) {
            let (words, _) = block.get(2..).unwrap_or_default().as_chunks::<8>();
            unusual.add_words(words.iter());
            for (index, mark) in marks(block).into_iter().enumerate() {
                let bare = mark & MARK_BARE;
                if bare != 0 {
                    let within = usize::try_from(bare.trailing_zeros() / 8).unwrap_or_default();
                    survey.bare = Some(at + index * 8 + within);
                    return survey;
                }
                // The marks are one bit an octet: their sum is in the highest octet.
                let [.., dots] = (mark & MARK_DOT).wrapping_mul(MARK_DOT).to_le_bytes();
                survey.dots += usize::from(dots);
            }
            at += BLOCK;
            continue;
        }
        // The edges: the first two octets of the chunk, one by one, and what is too short for a block.
        let end = if at < 2 { at + 1 } else { content.len() };
        for at in at..end {
            match kind_at(content, at, line_start) {
                Kind::Plain => {}
                Kind::Dot => survey.dots += 1,
                Kind::Bare => {
                    survey.bare = Some(at);
                    return survey;
                }
            }
            if let Some(octet) = content.get(at) {
                unusual.add(*octet);
            }
        }
        at = end;
    }
    survey
}

/// Finds line-start dots that are far apart, in content without bare newlines.
struct Dots<'a> {
    content: &'a [u8],
    at: usize,
    line_start: bool,
}

impl Iterator for Dots<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.at < self.content.len() {
            let at = self.at;
            if matches!(kind_at(self.content, at, self.line_start), Kind::Dot) {
                self.at += 1;
                return Some(at);
            }
            // The octet just looked at is no dot, so the fast pass may begin with it.
            let from = at.saturating_sub(1);
            let rest = self.content.get(from..).unwrap_or_default();
            let passed = untroubled::<true>(rest, &mut Unusual::default());
            self.at = (from + 1 + passed).max(at + 1);
        }
        None
    }
}

/// A copy with `dots` dots added. `content` has no bare newline.
fn stuffed(content: &[u8], line_start: bool, dots: usize) -> Vec<u8> {
    // Octets are written eight at a time, the last of them perhaps past the end.
    let mut copy = vec![0; content.len() + dots + 8];
    let mut end = 0;
    let mut put = |octets: [u8; 8], count: usize| {
        if let Some(to) = copy.get_mut(end..).and_then(<[u8]>::first_chunk_mut) {
            *to = octets;
        }
        end += count;
    };
    let mut at = 0;
    while at < content.len() {
        if let Some(block) = block_at(content, at) {
            let (words, _) = block.get(2..).unwrap_or_default().as_chunks::<8>();
            for (mark, word) in marks(block).into_iter().zip(words) {
                let mut word = u64::from_le_bytes(*word);
                let mut dots = mark & MARK_DOT;
                let mut count = 8;
                while dots != 0 {
                    let bits = dots.trailing_zeros();
                    let octets = usize::try_from(bits / 8).unwrap_or_default();
                    // Up to the dot and the dot itself; it then stands first in what is left.
                    put(word.to_le_bytes(), octets + 1);
                    word >>= bits;
                    dots = (dots >> bits) & !0xff;
                    count -= octets;
                }
                put(word.to_le_bytes(), count);
            }
            at += BLOCK;
            continue;
        }
        if matches!(kind_at(content, at, line_start), Kind::Dot) {
            put([DOT; 8], 1);
        }
        put([content.get(at).copied().unwrap_or_default(); 8], 1);
        at += 1;
    }
    copy.truncate(end);
    copy
}

/// A copy with every bare CR and LF that it has made a CRLF and dots added; a line that starts behind such a
/// CRLF is a line like any other now (F-07).
fn normalized(content: &[u8], mut line_start: bool) -> Vec<u8> {
    let mut copy = Vec::with_capacity(content.len() + content.len() / 8 + 64);
    let mut rest = content;
    while let Some((&this, behind)) = rest.split_first() {
        rest = behind;
        match this {
            CR | LF => {
                if let (CR, Some((&LF, behind))) = (this, rest.split_first()) {
                    rest = behind;
                }
                copy.extend_from_slice(CRLF);
                line_start = true;
            }
            _ => {
                if this == DOT && line_start {
                    copy.push(DOT);
                }
                copy.push(this);
                line_start = false;
            }
        }
    }
    copy
}
