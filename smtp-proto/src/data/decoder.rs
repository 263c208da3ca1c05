//! `DATA` content off the wire.

use super::BareNewline;
use super::scan::{
    BLOCK, BLOCK_IN_CONTEXT, CR, DOT, LF, MARK_BARE, MARK_DOT, MARK_LONE, Unusual, marks,
    untroubled, widest,
};

/// Takes `DATA` content off the wire (RFC 5321 §4.5.2, §4.1.1.4): removes stuffed dots, finds the
/// end, and sees every bare CR and LF. One decoder for each message.
///
/// The octets behind the CRLF of the `DATA` command are handed to [`decode`](Self::decode) block
/// by block, as they lie in the input buffer.
///
/// ```
/// # use smtp_proto::data::{BareNewline, Decoder, Then};
/// let mut decoder = Decoder::new(BareNewline::Reject);
/// let mut block = *b"..x\r\n.\r\nMAIL FROM:<a@b.example>\r\n";
/// let decoded = decoder.decode(&mut block);
/// assert_eq!(&block[..decoded.content], b".x\r\n");
/// assert_eq!(decoded.then, Then::End);
/// assert!(block[decoded.consumed..].starts_with(b"MAIL"));
/// ```
#[derive(Debug, Clone)]
pub struct Decoder {
    bare_newline: BareNewline,
    /// The octets taken so far end in CRLF, or there were none. (A CR is never taken without the
    /// octet behind it, so nothing else need be known; and where one comes next, nobody asks.)
    line_start: bool,
    bare: bool,
    /// One was seen that is not mended.
    refused: bool,
    unusual: Unusual,
}

/// What [`Decoder::decode`] or [`LineCheck::check`](super::LineCheck::check) made of a block.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// This many octets at the front of the block are now content.
    pub content: usize,
    /// This many octets at the front of the block are done with, content among them.
    /// The others are untouched.
    pub consumed: usize,
    /// What comes after that content.
    pub then: Then,
}

/// What comes after the content of a [`Decoded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Then {
    /// More content, when more octets have come. Of this block at most two octets are left, which
    /// cannot be judged before the octet behind them is there: `.`, `.` CR, or CR.
    More,
    /// A CRLF, in place of a bare CR or LF that is mended ([`BareNewline`]). Then what is left of the
    /// block is to be handed in again.
    Newline,
    /// Nothing: the end of the message was found and is consumed. Octets behind it are the next
    /// command.
    End,
}

/// Why a step octet by octet came to its end.
enum Stop {
    /// It came as far as it was asked to.
    Limit,
    /// The octets left are too few to judge the next one.
    Undecided,
    Newline,
    End,
}

/// So many octets are at the end of what is free of trouble: CR, LF, a dot, and the next.
const TROUBLE: usize = 4;

/// So many dots in a block, and the next is not asked first whether it has any.
const DENSE: usize = 2;

/// How far a block has been read, and how far it has been written.
#[derive(Clone, Copy)]
struct Place {
    read: usize,
    write: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(BareNewline::default())
    }
}

impl Decoder {
    /// A decoder at the start of a message's content.
    pub const fn new(bare_newline: BareNewline) -> Self {
        Self {
            bare_newline,
            line_start: true,
            bare: false,
            refused: false,
            unusual: Unusual { high: false, nul: false },
        }
    }

    /// Decodes a block in place.
    ///
    /// Octets it does not consume stay where they are, and the next block is to begin with them.
    /// With [`Then::More`] these are at most two, so a buffer of three octets or more never fills
    /// up without progress. After [`Then::End`] the decoder is at the start of a message again,
    /// but what it has seen, it still says.
    pub fn decode(&mut self, block: &mut [u8]) -> Decoded {
        let mut place = Place { read: 0, write: 0 };
        // The first octet has no octet before it in this block: the fast pass begins behind it.
        // Where every call may end at a newline, a few more are cheaper than starting that pass.
        let mut limit = match self.bare_newline {
            BareNewline::Reject => 1,
            BareNewline::Normalize | BareNewline::NormalizeLf => 8,
        };
        loop {
            let then = match self.walk(block, &mut place, limit) {
                Stop::Limit if place.read < block.len() => match self.pass(block, &mut place) {
                    Some(next) => {
                        limit = next;
                        continue;
                    }
                    None => Then::End,
                },
                Stop::Limit | Stop::Undecided => Then::More,
                Stop::Newline => Then::Newline,
                Stop::End => Then::End,
            };
            return Decoded { content: place.write, consumed: place.read, then };
        }
    }

    /// Whether a bare CR or LF was seen.
    pub const fn bare_newline(&self) -> bool {
        self.bare
    }

    /// Whether a bare CR or LF was seen that did not become a CRLF. The message is then to be answered
    /// 550 5.5.2 at its end, which is still the true end (F-06).
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

    /// Goes on as long as that is done without a look at each octet. Gives how far [`Self::walk`] has to
    /// go then; nothing if the message has ended.
    fn pass(&mut self, block: &mut [u8], place: &mut Place) -> Option<usize> {
        while self.skip(block, place) {
            match self.pass_dot(block, place) {
                Some(Stop::End) => return None,
                Some(_) => {}
                None => return Some(place.read + TROUBLE),
            }
        }
        Some(widest(
            #[inline(always)]
            || self.sieve(block, place),
        ))
    }

    /// Passes over a CRLF, a dot that falls out, and the octet behind it, or over the end: what
    /// [`Self::skip`] mostly stops at. Of other octets none are passed.
    #[inline(always)]
    fn pass_dot(&mut self, block: &mut [u8], place: &mut Place) -> Option<Stop> {
        let octet = match *block.get(place.read..)? {
            [CR, LF, DOT, CR, LF, ..] => None,
            [CR, LF, DOT, CR | LF, ..] => return None,
            [CR, LF, DOT, octet, ..] => Some(octet),
            _ => return None,
        };
        Self::put(block, place, CR);
        Self::put(block, place, LF);
        self.line_start = octet.is_none();
        match octet {
            Some(octet) => {
                place.read += 1;
                self.unusual.add(octet);
                Self::put(block, place, octet);
                Some(Stop::Limit)
            }
            None => {
                place.read += 3;
                Some(Stop::End)
            }
        }
    }

    /// Passes over octets that need no change, and moves them to where dots have fallen out. Whether
    /// there were any.
    fn skip(&mut self, block: &mut [u8], place: &mut Place) -> bool {
        let at = place.read;
        let starts_with_dot = self.line_start && block.get(at) == Some(&DOT);
        if at == 0 || starts_with_dot {
            return false;
        }
        // The octet before is context. It may have been written over, and never was a CR, as a CR is
        // taken together with the octet behind it.
        if place.write != at
            && let Some(before) = block.get_mut(at - 1)
        {
            *before = LF;
        }
        let with_context = block.get(at - 1..).unwrap_or_default();
        let mut passed = untroubled::<true>(with_context, &mut self.unusual);
        if passed == 0 {
            return false;
        }
        if with_context.get(passed) == Some(&CR) {
            passed -= 1;
        }
        self.line_start = with_context.get(passed) == Some(&LF);
        Self::shift(block, place, passed);
        true
    }

    /// So many octets more are content.
    fn shift(block: &mut [u8], place: &mut Place, count: usize) {
        let (from, to) = (place.read..place.read + count, place.write);
        if to < from.start && from.end <= block.len() {
            block.copy_within(from, to);
        }
        place.read += count;
        place.write += count;
    }

    /// Goes on in blocks, moving octets as dots fall out, as long as there are many, up to something
    /// only [`Self::walk`] can judge. Gives how far that has to go.
    #[inline(always)]
    fn sieve(&mut self, block: &mut [u8], place: &mut Place) -> usize {
        loop {
            let Some(here) = block.get(place.read..).and_then(<[u8]>::first_chunk) else {
                return usize::MAX;
            };
            let here: &[u8; BLOCK + 1] = here;
            // What lies before the block has perhaps been written over, so it is put together
            // anew: only whether it is a CRLF matters.
            let mut view = [b'a'; BLOCK_IN_CONTEXT];
            if let Some(copy) = view.last_chunk_mut() {
                *copy = *here;
            }
            if let (true, Some(before)) = (self.line_start, view.first_chunk_mut()) {
                *before = [CR, LF];
            }
            let end = place.read + BLOCK;
            let shift = place.read - place.write;
            if !self.sieve_words(&view, block, place) {
                return end;
            }
            if place.read - place.write < shift + DENSE {
                // The faster pass may go on.
                return place.read;
            }
        }
    }

    /// One block with trouble in it, eight octets at a time. Whether the whole block was done.
    #[inline(always)]
    fn sieve_words(
        &mut self,
        view: &[u8; BLOCK_IN_CONTEXT],
        block: &mut [u8],
        place: &mut Place,
    ) -> bool {
        // What is written does not go beyond what is read.
        let room = block.get_mut(place.write..).and_then(<[u8]>::first_chunk_mut);
        let Some(room) = room else { return false };
        let room: &mut [u8; BLOCK] = room;
        let marks = marks(view);
        let (words, _) = view.get(2..).unwrap_or_default().as_chunks::<8>();
        let (mut done, mut kept) = (0, 0);
        for (word, mark) in words.iter().zip(marks) {
            if mark & (MARK_BARE | MARK_LONE) != 0 {
                break;
            }
            let Some(to) = room.get_mut(kept..kept + 8) else { break };
            let mut word = u64::from_le_bytes(*word);
            let mut dots = mark & MARK_DOT;
            kept += 8 - usize::try_from(dots.count_ones()).unwrap_or_default();
            while dots != 0 {
                let below = (dots & dots.wrapping_neg()) - 1;
                word = (word & below) | ((word >> 8) & !below);
                dots = (dots & (dots - 1)) >> 8;
            }
            // Always eight octets: those behind the kept ones are already read.
            to.copy_from_slice(&word.to_le_bytes());
            done += 8;
        }
        place.read += done;
        place.write += kept;
        if done == BLOCK {
            self.unusual.add_all(view.get(2..2 + BLOCK).unwrap_or_default());
        } else {
            self.unusual.add_words(words.iter().take(done / 8));
        }
        self.settle(view, done, block, place);
        done == BLOCK
    }

    /// After the first `done` octets of a block: where that leaves us.
    #[inline(always)]
    fn settle(
        &mut self,
        view: &[u8; BLOCK_IN_CONTEXT],
        done: usize,
        block: &mut [u8],
        place: &mut Place,
    ) {
        // A CR is taken together with the octet behind it.
        if view.get(done + 1) == Some(&CR) {
            place.read -= 1;
            place.write -= 1;
            // It is read once more, and may have been written over.
            if let Some(unread) = block.get_mut(place.read) {
                *unread = CR;
            }
        }
        self.line_start = view.get(done..done + 2) == Some(&[CR, LF]);
    }

    /// Octet by octet up to `limit`: the rules themselves.
    fn walk(&mut self, block: &mut [u8], place: &mut Place, limit: usize) -> Stop {
        while place.read < limit {
            let Some([this, behind @ ..]) = block.get(place.read..) else {
                break;
            };
            let (this, behind, after) = (*this, behind.first().copied(), behind.get(1).copied());
            let line_start = core::mem::take(&mut self.line_start);
            match (this, behind) {
                (DOT, _) if line_start => match (behind, after) {
                    (Some(CR), Some(LF)) => {
                        self.line_start = true;
                        place.read += 3;
                        return Stop::End;
                    }
                    (None, _) | (Some(CR), None) => {
                        self.line_start = true;
                        return Stop::Undecided;
                    }
                    // Other octets follow: the dot goes (F-08). They are looked at in their turn.
                    _ => place.read += 1,
                },
                (CR, None) => {
                    self.line_start = line_start;
                    return Stop::Undecided;
                }
                (CR, Some(LF)) => {
                    self.line_start = true;
                    Self::put(block, place, CR);
                    Self::put(block, place, LF);
                }
                (CR | LF, _) => {
                    self.bare = true;
                    if self.bare_newline.mends(this) {
                        place.read += 1;
                        return Stop::Newline;
                    }
                    self.refused = true;
                    Self::put(block, place, this);
                }
                _ => {
                    self.unusual.add(this);
                    Self::put(block, place, this);
                }
            }
        }
        Stop::Limit
    }

    /// The octet read is content.
    #[inline]
    fn put(block: &mut [u8], place: &mut Place, octet: u8) {
        if let Some(to) = block.get_mut(place.write) {
            *to = octet;
        }
        place.read += 1;
        place.write += 1;
    }
}
