//! What may happen to octets in transit.

use std::{
    io::{self, IoSlice},
    task::{Context, Poll, ready},
};

use super::Pipe;
use crate::runtime::Polled;

/// How octets fare in one direction of a [`Faulty`] stream. Without a fault they pass as they are.
///
/// Nothing here waits for a time to pass, and nothing is left to chance: a test that fails once fails
/// always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transit {
    most: usize,
    delay: u32,
    end: Option<(u64, Ending)>,
}

/// What comes behind the last octet that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Cut,
    Fail(io::ErrorKind),
    Silence,
}

impl Transit {
    /// Everything passes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Octets pass in pieces: one, then two, and so on up to `most`, and then from one again. Of what
    /// is written at once only so much is taken.
    #[must_use]
    pub fn pieces(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Before each piece the stream is not ready this many times, and wakes whoever asks at once. With
    /// [`pieces`](Self::pieces) of one octet this is a line as slow as can be.
    #[must_use]
    pub fn delay(mut self, times: u32) -> Self {
        self.delay = times;
        self
    }

    /// The connection is gone behind this many octets: who reads finds the end, who writes
    /// [`io::ErrorKind::BrokenPipe`].
    #[must_use]
    pub fn cut_after(mut self, octets: u64) -> Self {
        self.end = Some((octets, Ending::Cut));
        self
    }

    /// The stream fails so behind this many octets.
    #[must_use]
    pub fn fail_after(mut self, octets: u64, error: io::ErrorKind) -> Self {
        self.end = Some((octets, Ending::Fail(error)));
        self
    }

    /// Behind this many octets nothing moves any more, without a word.
    #[must_use]
    pub fn silent_after(mut self, octets: u64) -> Self {
        self.end = Some((octets, Ending::Silence));
        self
    }
}

/// A direction and how far it has come.
#[derive(Debug)]
struct Lane {
    transit: Transit,
    passed: u64,
    /// The size of the next piece.
    piece: usize,
    /// How often it is not ready yet.
    delay: u32,
}

impl Lane {
    fn new(transit: Transit) -> Self {
        Self { transit, passed: 0, piece: 1, delay: transit.delay }
    }

    /// How many octets may pass now; the error is what comes in place of them.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Ending>> {
        let left = match self.transit.end {
            None => usize::MAX,
            Some((end, ending)) => match end.saturating_sub(self.passed) {
                0 if ending == Ending::Silence => return Poll::Pending,
                0 => return Poll::Ready(Err(ending)),
                left => usize::try_from(left).unwrap_or(usize::MAX),
            },
        };
        if self.delay > 0 {
            self.delay -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = if self.transit.most == 0 { usize::MAX } else { self.piece };
        Poll::Ready(Ok(left.min(piece)))
    }

    fn passed(&mut self, octets: usize) {
        self.passed += octets as u64;
        self.piece = if self.piece >= self.transit.most { 1 } else { self.piece + 1 };
        self.delay = self.transit.delay;
    }
}

/// A stream with faults on the way. One of a runtime becomes a [`Pipe`] by [`AsPipe`](super::AsPipe).
///
/// What it has to say of an end it says when it is asked: a cut while nobody reads or writes shows at
/// the next attempt.
#[derive(Debug)]
pub struct Faulty<P> {
    pipe: P,
    reading: Lane,
    writing: Lane,
}

impl<P: Pipe> Faulty<P> {
    /// What is read from `pipe` fares by `reading`, what is written to it by `writing`.
    pub fn new(pipe: P, reading: Transit, writing: Transit) -> Self {
        let (reading, writing) = (Lane::new(reading), Lane::new(writing));
        Self { pipe, reading, writing }
    }

    /// The stream without its faults.
    pub fn pipe_mut(&mut self) -> &mut P {
        &mut self.pipe
    }
}

impl<P: Pipe> Pipe for Faulty<P> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize> {
        let room = match ready!(self.reading.poll_room(cx)) {
            Ok(room) => room.min(buffer.len()),
            Err(Ending::Fail(error)) => return Poll::Ready(Err(error.into())),
            Err(_) => return Poll::Ready(Ok(0)),
        };
        let (piece, _) = buffer.split_at_mut(room);
        let read = ready!(self.pipe.poll_read(cx, piece))?;
        self.reading.passed(read);
        Poll::Ready(Ok(read))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Polled<usize> {
        self.poll_write_vectored(cx, &[IoSlice::new(octets)])
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Polled<usize> {
        let mut room = match ready!(self.writing.poll_room(cx)) {
            Ok(room) => room,
            Err(Ending::Fail(error)) => return Poll::Ready(Err(error.into())),
            Err(_) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        };
        let mut pieces = Vec::with_capacity(slices.len());
        for slice in slices {
            let (piece, _) = slice.split_at(slice.len().min(room));
            room -= piece.len();
            if !piece.is_empty() {
                pieces.push(IoSlice::new(piece));
            }
        }
        if pieces.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let written = ready!(self.pipe.poll_write_vectored(cx, &pieces))?;
        self.writing.passed(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Polled<()> {
        self.pipe.poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Polled<()> {
        self.pipe.poll_close(cx)
    }
}
