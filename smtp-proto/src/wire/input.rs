//! Octets received and not yet consumed, in one bounded buffer.

use bytes::{Buf, Bytes, BytesMut};
use zeroize::Zeroize;

/// Of a buffer whose slices are kept, a slice is at least this part; a smaller one is copied.
const SHARE: usize = 8;

/// Octets of a buffer at least into which a line moves: where the front of it is skipped octet by octet it
/// would else move with each.
const MOVED: usize = 128;

/// The input buffer. Its first `filled` octets were received; what lies behind them in `buffer` is
/// initialised room to read into.
#[derive(Debug)]
pub(crate) struct Input {
    buffer: BytesMut,
    filled: usize,
    /// The most octets the buffer may hold at present.
    limit: usize,
    expected: Expected,
    /// No octet may be read: the connection belongs to a TLS handshake.
    sealed: bool,
    ended: bool,
    /// Octets arrived since the last [`settle`](Self::settle).
    fresh: bool,
    /// A slice was handed out that is a small part of the buffer.
    lent: bool,
    /// When the buffer was to be used again, such a slice was still held.
    kept: bool,
}

/// What the peer is to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Commands, responses, or replies.
    Lines,
    /// Content, in no hurry.
    Content,
    /// Much content, which is best read into the buffer.
    Bulk,
}

impl Expected {
    pub(crate) const fn content(bulk: bool) -> Self {
        if bulk { Self::Bulk } else { Self::Content }
    }
}

impl Input {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            filled: 0,
            limit,
            expected: Expected::Lines,
            sealed: false,
            ended: false,
            fresh: false,
            lent: false,
            kept: false,
        }
    }

    pub(crate) fn room(&self) -> usize {
        if self.sealed || self.ended { 0 } else { self.limit.saturating_sub(self.filled) }
    }

    pub(crate) fn bulk(&self) -> bool {
        self.expected == Expected::Bulk
    }

    /// Bounds the buffer by `limit` octets.
    pub(crate) fn expect(&mut self, limit: usize, expected: Expected) {
        self.limit = limit;
        self.expected = expected;
    }

    pub(crate) fn spare(&mut self) -> &mut [u8] {
        let room = self.room();
        if self.buffer.capacity() < self.filled + room {
            self.buffer.truncate(self.filled);
            if self.may_hold_secret() {
                self.move_secret(room);
            } else if core::mem::take(&mut self.lent) {
                self.kept |= !self.buffer.try_reclaim(room);
            }
        }
        self.buffer.resize(self.filled + room, 0);
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    pub(crate) fn received(&mut self, n: usize) {
        if n == 0 {
            self.ended = true;
            self.fresh = true;
            return;
        }
        let lent = self.buffer.len().saturating_sub(self.filled);
        self.filled += n.min(lent);
        self.fresh = true;
    }

    pub(crate) fn receive(&mut self, octets: &[u8]) -> usize {
        let (taken, _) = octets.split_at(octets.len().min(self.room()));
        if !taken.is_empty() {
            self.buffer.truncate(self.filled);
            if self.may_hold_secret() && self.buffer.capacity() < self.filled + taken.len() {
                self.move_secret(taken.len());
            }
            self.buffer.extend_from_slice(taken);
            self.filled = self.buffer.len();
            self.fresh = true;
        }
        taken.len()
    }

    /// What was received and not consumed may be the beginning of a line of the AUTH exchange, or of a
    /// BURL command.
    fn may_hold_secret(&self) -> bool {
        self.filled > 0 && self.expected == Expected::Lines
    }

    /// Moves what is there to where `room` more octets fit, and overwrites it where it was.
    #[cold]
    fn move_secret(&mut self, room: usize) {
        let capacity = self.filled.saturating_mul(2).max(self.filled + room).max(MOVED);
        let mut moved = BytesMut::with_capacity(capacity);
        moved.extend_from_slice(self.octets());
        self.octets_mut().zeroize();
        self.buffer = moved;
        self.lent = false;
    }

    /// Gives back the buffer, however small: an allocation for a command costs less than one that all
    /// idle sessions keep.
    pub(crate) fn relax(&mut self) {
        if self.filled == 0 {
            self.buffer = BytesMut::new();
            (self.lent, self.kept) = (false, false);
        }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    pub(crate) fn octets_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.filled).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// The peer has closed its side; what was received before it is still here.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether octets (or the end) arrived since [`settle`](Self::settle).
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Everything received so far has been looked at; there is no need to look again before more
    /// arrives.
    pub(crate) fn settle(&mut self) {
        self.fresh = false;
    }

    /// What follows was set aside under other rules: look at it again.
    pub(crate) fn stir(&mut self) {
        self.fresh = self.filled > 0 || self.ended;
    }

    pub(crate) fn consume(&mut self, n: usize) {
        let n = n.min(self.filled);
        if n == self.buffer.len() {
            // The room in front is used again; room to read into, where there is any, stays as it is.
            self.buffer.clear();
        } else {
            self.buffer.advance(n);
        }
        self.filled -= n;
    }

    /// Consumes `n` octets behind which others are read by other rules, perhaps.
    #[inline(never)]
    pub(crate) fn pass(&mut self, n: usize) {
        self.consume(n);
        self.stir();
    }

    /// The same of octets that hold a secret.
    #[cold]
    pub(crate) fn pass_secret(&mut self, n: usize) {
        self.consume_secret(n);
        self.stir();
    }

    /// Consumes `n` octets that hold a secret: they are overwritten.
    #[cold]
    pub(crate) fn consume_secret(&mut self, n: usize) {
        let n = n.min(self.filled);
        self.buffer.get_mut(..n).unwrap_or_default().zeroize();
        self.consume(n);
    }

    /// Consumes `n` octets as a reference-counted slice, without a copy. Where slices are kept, a
    /// few octets of a large buffer are copied all the same: a peer that sends one at a time would
    /// else have a whole buffer kept for each of them.
    pub(crate) fn take(&mut self, n: usize) -> Bytes {
        let n = n.min(self.filled);
        let small = n < self.buffer.capacity() / SHARE;
        if self.kept && small {
            let copy = Bytes::copy_from_slice(self.buffer.get(..n).unwrap_or_default());
            self.consume(n);
            return copy;
        }
        self.filled -= n;
        self.lent |= small;
        self.buffer.split_to(n).freeze()
    }

    /// Forgets everything received: what came in plaintext must not survive into TLS.
    pub(crate) fn discard(&mut self) -> usize {
        let discarded = self.filled;
        self.consume(discarded);
        discarded
    }

    pub(crate) fn seal(&mut self) {
        self.sealed = true;
    }

    pub(crate) fn unseal(&mut self) {
        self.sealed = false;
    }
}

impl Drop for Input {
    /// A line that is not whole may be one with a secret.
    fn drop(&mut self) {
        if self.may_hold_secret() {
            self.octets_mut().zeroize();
        }
    }
}
