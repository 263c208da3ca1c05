//! Streams of a test's own, which block.

use std::{
    io::{self, IoSlice, Read, Write},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use smtp_frontend::{
    runtime::Polled,
    testing::{self, End, Pipe, Transit},
};

use crate::socket::Duplex;

/// A connection in memory; `window` octets, at least one, may be under way each way.
pub fn pipe(window: usize) -> (On<End>, On<End>) {
    let (near, far) = testing::pipe(window);
    (On::new(near), On::new(far))
}

/// A stream on whose way something happens: to what is read from it, and to what is written to it.
pub fn faulty<S: Duplex>(stream: S, reading: Transit, writing: Transit) -> Faulty<S> {
    Faulty(On::new(testing::Faulty::new(Through(stream), reading, writing)))
}

/// A stream of a test's own ([`Pipe`]) that blocks.
#[derive(Debug)]
pub struct On<P>(pub P, How);

/// How it waits.
#[derive(Debug)]
struct How {
    timeout: Duration,
    nonblocking: bool,
}

impl<P: Pipe> On<P> {
    /// Makes it one.
    pub fn new(pipe: P) -> Self {
        Self(pipe, How { timeout: Duration::MAX, nonblocking: false })
    }

    /// Waits for what the pipe does.
    fn wait<T>(
        &mut self,
        mut poll: impl FnMut(&mut P, &mut Context<'_>) -> Polled<T>,
    ) -> io::Result<T> {
        let Self(pipe, how) = self;
        let begun = Instant::now();
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            if let Poll::Ready(output) = poll(pipe, &mut Context::from_waker(&waker)) {
                return output;
            }
            match how.timeout.checked_sub(begun.elapsed()) {
                Some(left) if !left.is_zero() && !how.nonblocking => thread::park_timeout(left),
                _ => return Err(io::ErrorKind::WouldBlock.into()),
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<P: Pipe> Read for On<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(|pipe, cx| pipe.poll_read(cx, buffer))
    }
}

impl<P: Pipe> Write for On<P> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.wait(|pipe, cx| pipe.poll_write(cx, octets))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.wait(|pipe, cx| pipe.poll_write_vectored(cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait(|pipe, cx| pipe.poll_flush(cx))
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
        self.wait(|pipe, cx| pipe.poll_close(cx))
    }
}

/// A stream that blocks by itself, as long as it is told to: it is never pending.
#[derive(Debug)]
struct Through<S>(S);

impl<S: Duplex> Pipe for Through<S> {
    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize> {
        Poll::Ready(self.0.read(buffer))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, octets: &[u8]) -> Polled<usize> {
        Poll::Ready(self.0.write(octets))
    }

    fn poll_write_vectored(
        &mut self,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Polled<usize> {
        Poll::Ready(self.0.write_vectored(slices))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Polled<()> {
        Poll::Ready(self.0.flush())
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Polled<()> {
        Poll::Ready(self.0.close())
    }
}

/// A stream with faults on the way.
#[derive(Debug)]
pub struct Faulty<S>(On<testing::Faulty<Through<S>>>);

impl<S: Duplex> Read for Faulty<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<S: Duplex> Write for Faulty<S> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.write(octets)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Both wait for as long as that: the stream for octets, and this where a fault has it wait.
impl<S: Duplex> Duplex for Faulty<S> {
    fn set_timeout(&mut self, time: Duration) -> io::Result<()> {
        self.0.set_timeout(time)?;
        self.0.0.pipe_mut().0.set_timeout(time)
    }

    fn set_nonblocking(&mut self, nonblocking: bool) -> io::Result<()> {
        self.0.set_nonblocking(nonblocking)?;
        self.0.0.pipe_mut().0.set_nonblocking(nonblocking)
    }

    fn close(&mut self) -> io::Result<()> {
        self.0.close()
    }
}
