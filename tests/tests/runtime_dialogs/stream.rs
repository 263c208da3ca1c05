//! Streams as they may be: of any width, and doing as little as a stream may.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    task::{Context, Poll, ready},
};

use smtp_frontend::testing::{End, Pipe};

/// A lazy stream holds so much, and then somewhat more.
const HELD: usize = 1024;

/// How a stream is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// Octets in flight.
    pub(crate) window: usize,
    /// The stream moves so many octets when it is asked a second time, and nothing at the first.
    pub(crate) dribble: Option<usize>,
    /// What is written leaves when it is flushed, as with TLS.
    pub(crate) lazy: bool,
    /// The peer does not read while it has something to write (RFC 2920 section 3.1).
    pub(crate) deaf: bool,
    /// The application drops every question once.
    pub(crate) hesitant: bool,
}

pub(crate) const WIDE: Way =
    Way { window: 64 * 1024, dribble: None, lazy: false, deaf: false, hesitant: false };

/// Where it does not matter how octets are grouped.
pub(crate) const WAYS: [Way; 7] = [
    WIDE,
    Way { lazy: true, ..WIDE },
    Way { window: 1, ..WIDE },
    Way { window: 256, deaf: true, ..WIDE },
    Way { window: 100, lazy: true, hesitant: true, ..WIDE },
    Way { dribble: Some(1), ..WIDE },
    Way { window: 7, dribble: Some(3), hesitant: true, ..WIDE },
];

/// And where it does.
pub(crate) const TOGETHER: [Way; 2] = [WIDE, Way { lazy: true, hesitant: true, ..WIDE }];

/// A stream that may be ready only when it is asked again, and then for a few octets, and may hold
/// back what was written.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) inner: End,
    pub(crate) way: Way,
    /// What waits for the flush.
    pub(crate) held: VecDeque<u8>,
    /// Whether it was asked: to read, to write, to flush.
    pub(crate) asked: [bool; 3],
}

impl Stream {
    fn hesitate(&mut self, which: usize, cx: &mut Context<'_>) -> Poll<()> {
        if self.way.dribble.is_none() || core::mem::replace(&mut self.asked[which], true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn release(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let octets = self.held.as_slices().0;
            let written = ready!(self.inner.poll_write(cx, octets))?;
            self.held.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl Pipe for Stream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.hesitate(0, cx));
        let most = self.way.dribble.unwrap_or(usize::MAX).min(buffer.len());
        let read = ready!(self.inner.poll_read(cx, &mut buffer[..most]))?;
        self.asked[0] = false;
        Poll::Ready(Ok(read))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.hesitate(1, cx));
        let most = self.way.dribble.unwrap_or(usize::MAX).min(octets.len());
        let octets = &octets[..most];
        let written = if self.way.lazy && self.held.len() < HELD {
            self.held.extend(octets);
            octets.len()
        } else {
            ready!(self.release(cx))?;
            ready!(self.inner.poll_write(cx, octets))?
        };
        self.asked[1] = false;
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.way.dribble.is_none() && !self.way.lazy {
            return self.inner.poll_write_vectored(cx, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.hesitate(2, cx));
        ready!(self.release(cx))?;
        self.asked[2] = false;
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        assert!(self.held.is_empty(), "something was not flushed");
        self.inner.poll_close(cx)
    }
}
