//! Streams that know no runtime, and a connection in memory.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, Read},
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::runtime::{Io, Polled};

/// A stream of a test's own, which a runtime's crate makes one of its own: `testing::On`.
///
/// What a test has no use for can be left out.
pub trait Pipe {
    /// Reads; 0 at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize>;

    /// Writes some of these octets. By default nothing can be written.
    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Polled<usize> {
        let _ = (cx, octets);
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    /// Writes some of these slices; by default of the first that has octets.
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Polled<usize> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    /// Has what was written leave. By default it has left already.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Polled<()> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Says the end. By default nobody hears it.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Polled<()> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }
}

/// A stream of a runtime, as one that knows none.
#[derive(Debug)]
pub struct AsPipe<S, R> {
    stream: S,
    runtime: PhantomData<fn() -> R>,
}

impl<S, R: Io<S>> AsPipe<S, R> {
    /// Makes it one.
    pub fn new(stream: S) -> Self {
        Self { stream, runtime: PhantomData }
    }
}

impl<S, R: Io<S>> Pipe for AsPipe<S, R> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize> {
        R::poll_read(&mut self.stream, cx, buffer)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Polled<usize> {
        self.poll_write_vectored(cx, &[IoSlice::new(octets)])
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Polled<usize> {
        R::poll_write(&mut self.stream, cx, slices)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Polled<()> {
        R::poll_flush(&mut self.stream, cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Polled<()> {
        R::poll_close(&mut self.stream, cx)
    }
}

/// Octets that go one way.
#[derive(Debug, Default)]
struct Way {
    octets: VecDeque<u8>,
    window: usize,
    /// Nothing more is written, or nothing more is read.
    over: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One end of a connection in memory.
///
/// When it is dropped the other end reads what is under way, and then the end.
#[derive(Debug)]
pub struct End {
    incoming: Arc<Mutex<Way>>,
    outgoing: Arc<Mutex<Way>>,
}

/// A connection in memory; `window` octets, at least one, may be under way each way.
pub fn pipe(window: usize) -> (End, End) {
    let way = || Arc::new(Mutex::new(Way { window: window.max(1), ..Way::default() }));
    let (there, back) = (way(), way());
    let near = End { incoming: Arc::clone(&back), outgoing: Arc::clone(&there) };
    (near, End { incoming: there, outgoing: back })
}

fn lock(way: &Mutex<Way>) -> MutexGuard<'_, Way> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(way: &Mutex<Way>) {
    let mut way = lock(way);
    way.over = true;
    let wakers = [way.reader.take(), way.writer.take()];
    drop(way);
    wakers.into_iter().flatten().for_each(Waker::wake);
}

impl Pipe for End {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize> {
        let mut way = lock(&self.incoming);
        if way.octets.is_empty() && !way.over {
            way.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let read = way.octets.read(buffer)?;
        let waker = way.writer.take();
        drop(way);
        waker.into_iter().for_each(Waker::wake);
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
        let mut way = lock(&self.outgoing);
        if way.over {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let before = way.octets.len();
        for slice in slices {
            let room = way.window.saturating_sub(way.octets.len());
            way.octets.extend(slice.iter().take(room));
        }
        let written = way.octets.len() - before;
        if written == 0 && slices.iter().any(|slice| !slice.is_empty()) {
            way.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let waker = way.reader.take();
        drop(way);
        waker.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(written))
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Polled<()> {
        end(&self.outgoing);
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        end(&self.incoming);
        end(&self.outgoing);
    }
}
