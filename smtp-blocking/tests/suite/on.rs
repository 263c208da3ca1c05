//! Streams of a test's own, which block.

use std::{
    io::{self, IoSlice, Read, Write},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use smtp_blocking::Duplex;
use smtp_frontend::testing::Pipe;

/// A stream of a test's own that blocks.
#[derive(Debug)]
pub(crate) struct On<P>(pub(crate) P, How);

/// How it waits.
#[derive(Debug)]
struct How {
    timeout: Duration,
    nonblocking: bool,
}

impl<P> On<P> {
    pub(crate) fn new(pipe: P) -> Self {
        Self(pipe, How { timeout: Duration::MAX, nonblocking: false })
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits so long for what a stream does.
fn wait<P, T>(
    stream: &mut On<P>,
    mut poll: impl FnMut(&mut P, &mut Context<'_>) -> Poll<io::Result<T>>,
) -> io::Result<T> {
    let begun = Instant::now();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(output) = poll(&mut stream.0, &mut Context::from_waker(&waker)) {
            return output;
        }
        match stream.1.timeout.checked_sub(begun.elapsed()) {
            Some(left) if !left.is_zero() && !stream.1.nonblocking => thread::park_timeout(left),
            _ => return Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<P: Pipe> Read for On<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        wait(self, |pipe, cx| pipe.poll_read(cx, buffer))
    }
}

impl<P: Pipe> Write for On<P> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        wait(self, |pipe, cx| pipe.poll_write(cx, octets))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        wait(self, |pipe, cx| pipe.poll_write_vectored(cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        wait(self, |pipe, cx| pipe.poll_flush(cx))
    }
}

impl<P: Pipe + Send> Duplex for On<P> {
    fn set_timeout(&mut self, time: Duration) -> io::Result<()> {
        self.1.timeout = time;
        Ok(())
    }

    fn set_nonblocking(&mut self, nonblocking: bool) -> io::Result<()> {
        self.1.nonblocking = nonblocking;
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        wait(self, |pipe, cx| pipe.poll_close(cx))
    }
}
