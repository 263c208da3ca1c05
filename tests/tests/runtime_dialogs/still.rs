//! Each runtime with a clock that stands still, and the loop that it drives a machine by.

use std::{
    fmt,
    future::{Future, poll_fn},
    io::{self, IoSlice},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use smtp_blocking::Duplex;
use smtp_frontend::{Connection, runtime::Io, testing::Pipe};
use smtp_proto::wire::{Endpoint, Step};

use crate::stream::Stream;

/// Less than any timer of a session, and more than it takes to notice that all is quiet.
const SECOND: Duration = Duration::from_secs(1);

/// A runtime whose time stands still.
pub(crate) trait Still {
    type Connection<E: Endpoint + fmt::Debug>: Loop<E>;
    /// What there is of the runtime in a test.
    type Clock;

    fn clock() -> Self::Clock;
    fn join<E: Endpoint + fmt::Debug>(
        clock: &Self::Clock,
        stream: Stream,
        endpoint: E,
    ) -> Self::Connection<E>;

    /// Polls until there is an output, or until nothing moves any more.
    fn settle(
        clock: &Self::Clock,
        polled: impl FnMut(&mut Context<'_>) -> Poll<Step>,
    ) -> Option<Step>;

    /// Lets the clock run until a timer that has just begun is due but for a second.
    fn wait(clock: &Self::Clock, time: Duration);

    /// And to its end.
    fn wait_on(clock: &Self::Clock, machine: &mut impl Endpoint);
}

/// The loop of a runtime that drives a machine.
pub(crate) trait Loop<E>: fmt::Debug {
    fn endpoint(&mut self) -> &mut E;
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>>;
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>>;
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl<S, E: Endpoint + fmt::Debug, R: Io<S>> Loop<E> for Connection<S, E, R> {
    fn endpoint(&mut self) -> &mut E {
        self.endpoint_mut()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        self.poll_next(cx)
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        pin!(self.written()).poll(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        R::poll_close(self.stream_mut(), cx)
    }
}

impl Still for smtp_tokio::Tokio {
    type Connection<E: Endpoint + fmt::Debug> =
        Connection<smtp_tokio::testing::On<Stream>, E, Self>;
    type Clock = tokio::runtime::Runtime;

    fn join<E: Endpoint + fmt::Debug>(
        _: &Self::Clock,
        stream: Stream,
        endpoint: E,
    ) -> Self::Connection<E> {
        Connection::new(smtp_tokio::testing::On::new(stream), endpoint)
    }

    fn clock() -> Self::Clock {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    }

    fn settle(
        clock: &Self::Clock,
        polled: impl FnMut(&mut Context<'_>) -> Poll<Step>,
    ) -> Option<Step> {
        // When the clock gets that far, nothing else moves. Far less than any timer of a session.
        let quiet = Duration::from_millis(1);
        clock.block_on(async { tokio::time::timeout(quiet, poll_fn(polled)).await }).ok()
    }

    fn wait(clock: &Self::Clock, time: Duration) {
        clock.block_on(tokio::time::advance(time - SECOND));
    }

    fn wait_on(clock: &Self::Clock, _: &mut impl Endpoint) {
        clock.block_on(tokio::time::advance(SECOND));
    }
}

/// Whether somebody was woken.
#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Still for smtp_smol::Smol {
    type Connection<E: Endpoint + fmt::Debug> = Connection<smtp_smol::testing::On<Stream>, E, Self>;
    type Clock = ();

    fn join<E: Endpoint + fmt::Debug>(_: &(), stream: Stream, endpoint: E) -> Self::Connection<E> {
        Connection::new(smtp_smol::testing::On::new(stream), endpoint)
    }

    fn clock() {}

    fn settle(_: &(), mut polled: impl FnMut(&mut Context<'_>) -> Poll<Step>) -> Option<Step> {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        loop {
            if let Poll::Ready(step) = polled(&mut Context::from_waker(&waker)) {
                return Some(step);
            }
            if !woken.0.swap(false, Ordering::Relaxed) {
                return None;
            }
        }
    }

    fn wait(_: &(), _: Duration) {}

    fn wait_on(_: &(), machine: &mut impl Endpoint) {
        machine.wire().expire();
    }
}

/// A stream that blocks, but not for any time: it has all it will have, and counts what it moves.
#[derive(Debug)]
pub(crate) struct Impatient(Stream, Arc<AtomicUsize>);

impl Impatient {
    fn now<T>(
        &mut self,
        poll: impl FnOnce(&mut Stream, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let held = self.0.held.len();
        let polled = poll(&mut self.0, &mut Context::from_waker(Waker::noop()));
        if polled.is_ready() || self.0.held.len() != held {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
        match polled {
            Poll::Ready(done) => done,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl io::Read for Impatient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.now(|stream, cx| stream.poll_read(cx, buffer))
    }
}

impl io::Write for Impatient {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.now(|stream, cx| stream.poll_write(cx, octets))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.now(|stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.now(|stream, cx| stream.poll_flush(cx))
    }
}

impl Duplex for Impatient {
    fn set_timeout(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }

    fn set_nonblocking(&mut self, _: bool) -> io::Result<()> {
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.now(|stream, cx| stream.poll_close(cx))
    }
}

impl<E: Endpoint + fmt::Debug> Loop<E> for smtp_blocking::Connection<Impatient, E> {
    fn endpoint(&mut self) -> &mut E {
        self.endpoint_mut()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        self.poll_next(cx)
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        self.poll_written(cx)
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream_mut().close())
    }
}

impl Still for smtp_blocking::Blocking {
    type Connection<E: Endpoint + fmt::Debug> = smtp_blocking::Connection<Impatient, E>;
    /// How often anything was moved.
    type Clock = Arc<AtomicUsize>;

    fn join<E: Endpoint + fmt::Debug>(
        moved: &Arc<AtomicUsize>,
        stream: Stream,
        endpoint: E,
    ) -> Self::Connection<E> {
        smtp_blocking::Connection::new(Impatient(stream, Arc::clone(moved)), endpoint)
    }

    fn clock() -> Arc<AtomicUsize> {
        Arc::default()
    }

    fn settle(
        moved: &Arc<AtomicUsize>,
        mut polled: impl FnMut(&mut Context<'_>) -> Poll<Step>,
    ) -> Option<Step> {
        // A stream that hesitates does so once for each of three things.
        let mut quiet = 0;
        while quiet < 4 {
            let before = moved.load(Ordering::Relaxed);
            if let Poll::Ready(step) = polled(&mut Context::from_waker(Waker::noop())) {
                return Some(step);
            }
            quiet = if moved.load(Ordering::Relaxed) == before { quiet + 1 } else { 0 };
        }
        None
    }

    fn wait(_: &Arc<AtomicUsize>, _: Duration) {}

    fn wait_on(_: &Arc<AtomicUsize>, machine: &mut impl Endpoint) {
        machine.wire().expire();
    }
}
