//! Streams in memory, which know no runtime.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, Read},
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

/// A stream of a test's own.
pub(crate) trait Pipe {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    fn poll_write(&mut self, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
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
#[derive(Debug)]
pub(crate) struct End {
    incoming: Arc<Mutex<Way>>,
    outgoing: Arc<Mutex<Way>>,
}

/// A connection in memory; `window` octets may be under way each way.
pub(crate) fn duplex(window: usize) -> (End, End) {
    let way = || Arc::new(Mutex::new(Way { window, ..Way::default() }));
    let (there, back) = (way(), way());
    let near = End { incoming: Arc::clone(&back), outgoing: Arc::clone(&there) };
    (near, End { incoming: there, outgoing: back })
}

fn lock(way: &Mutex<Way>) -> MutexGuard<'_, Way> {
    way.lock().unwrap()
}

fn end(way: &Mutex<Way>) {
    let mut way = lock(way);
    way.over = true;
    let wakers = [way.reader.take(), way.writer.take()];
    drop(way);
    wakers.into_iter().flatten().for_each(Waker::wake);
}

impl Pipe for End {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
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

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(octets)])
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut way = lock(&self.outgoing);
        if way.over {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let before = way.octets.len();
        for slice in slices {
            let room = way.window - way.octets.len();
            way.octets.extend(&slice[..slice.len().min(room)]);
        }
        let written = way.octets.len() - before;
        if written == 0 {
            way.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let waker = way.reader.take();
        drop(way);
        waker.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(written))
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
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
