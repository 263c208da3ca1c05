//! A connection: two pipes of octets that arrive in any pieces, late, or not at all.

use std::collections::VecDeque;

use crate::random::Random;

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    octets: VecDeque<u8>,
    /// It breaks behind so many octets.
    cut_after: Option<usize>,
    carried: usize,
    /// Nothing more gets in.
    closed: bool,
    /// The reader was told of the end.
    ended: bool,
}

/// What a pipe holds at most: a window of a peer that does not read.
const CAPACITY: usize = 4096;

impl Pipe {
    /// A pipe that breaks behind so many octets, if it does.
    pub(super) fn new(cut_after: Option<usize>) -> Self {
        Self { cut_after, ..Self::default() }
    }

    /// Takes some of `octets`; how many.
    pub(super) fn write(&mut self, octets: &[u8], random: &mut Random) -> usize {
        if self.closed {
            // They are lost, as in a socket whose peer is gone.
            return octets.len();
        }
        let most = octets.len().min(CAPACITY - self.octets.len()).min(random.octets());
        let until_cut = self.cut_after.map_or(most, |cut| cut.saturating_sub(self.carried));
        let taken = most.min(until_cut);
        self.octets.extend(&octets[..taken]);
        self.carried += taken;
        taken
    }

    /// Puts octets in that nobody of the two has said.
    pub(super) fn inject(&mut self, octets: &[u8]) {
        self.octets.extend(octets);
    }

    /// Takes out at most `room` octets, as many as happen to arrive.
    pub(super) fn read(&mut self, room: usize, random: &mut Random) -> Vec<u8> {
        let most = room.min(self.octets.len()).min(random.octets());
        self.octets.drain(..most).collect()
    }

    /// Whether octets wait to be read.
    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Whether more fits.
    pub(super) fn is_full(&self) -> bool {
        self.octets.len() >= CAPACITY
    }

    /// Whether the place has come where it breaks.
    pub(super) fn is_worn(&self) -> bool {
        self.cut_after.is_some_and(|cut| self.carried >= cut)
    }

    /// The last octets that got in.
    pub(super) fn ends_with(&self, octets: &[u8]) -> bool {
        self.octets.len() >= octets.len()
            && self.octets.range(self.octets.len() - octets.len()..).eq(octets)
    }

    /// Nothing more gets in; what is inside may still arrive.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Nothing more gets in, and of what is inside only the first `kept` octets arrive.
    pub(super) fn break_off(&mut self, kept: usize) {
        self.closed = true;
        self.octets.truncate(kept);
    }

    /// How many octets are inside.
    pub(super) fn len(&self) -> usize {
        self.octets.len()
    }

    /// Whether the reader is to be told of the end now; once.
    pub(super) fn take_end(&mut self) -> bool {
        let ends = self.closed && self.octets.is_empty() && !self.ended;
        self.ended |= ends;
        ends
    }

    /// Whether nothing gets in any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }
}
