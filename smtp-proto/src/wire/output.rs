//! Octets to be written: lent segments and a tail of text.

use alloc::{boxed::Box, collections::VecDeque, vec::Vec};
use core::{iter::Flatten, option};

use bytes::{Buf, Bytes, BytesMut};

use crate::auth::Secret;

/// Octets of the buffer of a session that begins to say something: the replies to an everyday group.
const GROUP: usize = 64;

/// What a session has to say, in order.
///
/// Commands and replies are text, gathered in one buffer so that a group of them leaves in one write;
/// message content stays in the segments it was handed over in, without a copy, and a line with a secret
/// is a segment that is overwritten when it has left. Write
/// [`chunks`](Self::chunks) with one vectored write, or [`chunk`](Buf::chunk) after chunk, and
/// [`advance`](Buf::advance) by what was written.
#[derive(Debug, Default)]
pub struct Output {
    #[expect(
        clippy::box_collection,
        reason = "a server has any for a challenge only, an idle client none, and all have the room"
    )]
    segments: Option<Box<VecDeque<Bytes>>>,
    tail: BytesMut,
    len: usize,
    /// Octets written since the session began.
    written: u64,
}

impl Output {
    /// How many octets wait to be written.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All that waits, in order, as slices for a vectored write.
    pub fn chunks(&self) -> Chunks<'_> {
        let segments = self.segments.as_deref().into_iter().flatten();
        Chunks { segments, tail: Some(&self.tail) }
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// How many octets will have been written once all that waits has left.
    pub(crate) fn end(&self) -> u64 {
        self.written.saturating_add(u64::try_from(self.len).unwrap_or(u64::MAX))
    }

    /// Appends text by `write`.
    pub(crate) fn text<T>(&mut self, write: impl FnOnce(&mut BytesMut) -> T) -> T {
        let before = self.tail.len();
        if self.tail.capacity() == 0 {
            self.tail.reserve(GROUP);
        }
        let result = write(&mut self.tail);
        self.len += self.tail.len() - before;
        result
    }

    /// Appends text that is there already.
    #[inline(never)]
    pub(crate) fn put(&mut self, text: &[u8]) {
        self.text(|tail| tail.extend_from_slice(text));
    }

    /// Appends text that holds a secret, of `room` octets at most, as a segment that is overwritten once it
    /// has left, or is dropped.
    pub(crate) fn secret_text(&mut self, room: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let mut text = Vec::with_capacity(room);
        write(&mut text);
        debug_assert!(text.len() <= room, "else a part of it is left where it was");
        self.push(Bytes::from_owner(Secret::from(text)));
    }

    /// Appends content without a copy.
    pub(crate) fn push(&mut self, segment: Bytes) {
        if segment.is_empty() {
            return;
        }
        let segments = self.segments.get_or_insert_default();
        if !self.tail.is_empty() {
            segments.push_back(self.tail.split().freeze());
        }
        self.len += segment.len();
        segments.push_back(segment);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self { written: self.written, ..Self::default() };
    }

    pub(crate) fn relax(&mut self) {
        if self.len == 0 {
            self.tail = BytesMut::new();
            self.segments = None;
        }
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.len
    }

    fn chunk(&self) -> &[u8] {
        match self.segments.as_ref().and_then(|segments| segments.front()) {
            Some(segment) => segment,
            None => &self.tail,
        }
    }

    fn advance(&mut self, n: usize) {
        let mut left = n.min(self.len);
        self.len -= left;
        self.written += u64::try_from(left).unwrap_or(u64::MAX);
        while left > 0 {
            let Some(segments) = &mut self.segments else {
                break;
            };
            let Some(segment) = segments.front_mut() else {
                break;
            };
            if segment.len() > left {
                segment.advance(left);
                return;
            }
            left -= segment.len();
            segments.pop_front();
        }
        if left > 0 {
            if left == self.tail.len() {
                self.tail.clear();
            } else {
                self.tail.advance(left);
            }
        }
    }
}

/// The slices of an [`Output`], in order.
#[derive(Debug, Clone)]
pub struct Chunks<'o> {
    segments: Flatten<option::IntoIter<&'o VecDeque<Bytes>>>,
    tail: Option<&'o BytesMut>,
}

impl<'o> Iterator for Chunks<'o> {
    type Item = &'o [u8];

    fn next(&mut self) -> Option<&'o [u8]> {
        if let Some(segment) = self.segments.next() {
            return Some(segment);
        }
        self.tail.take().map(|tail| &**tail).filter(|tail| !tail.is_empty())
    }
}
