//! The driver: moves octets between a stream and a machine, and keeps its timer.
//!
//! Nothing here knows a rule of SMTP; what to do is what [`Endpoint::step`] says.

use std::{
    fmt,
    future::{Future, poll_fn},
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use smtp_proto::wire::{Endpoint, Step};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Duration, Instant, Sleep, sleep_until},
};

/// Octets read at once while no bulk of content is expected; the buffer is on the stack, so that an
/// idle session owns none.
const READ: usize = 8 * 1024;

/// Slices of one vectored write.
const SLICES: usize = 32;

/// A timer that is as good as none.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A machine on a stream.
///
/// All state is in here: the future of [`next`](Self::next) can be dropped at any time and asked for
/// again.
pub struct Connection<S, E> {
    stream: S,
    endpoint: E,
    /// Octets were written since the last flush.
    dirty: bool,
    lap: Option<u32>,
    deadline: Instant,
    /// When an event was handed out: the time until the next call is the caller's, not the peer's.
    away: Option<Instant>,
    /// Fires at the deadline or earlier: it is set anew when it fires, not with each lap.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<S, E> Connection<S, E> {
    /// Joins a stream and a machine.
    pub fn new(stream: S, endpoint: E) -> Self {
        let deadline = Instant::now();
        Self { stream, endpoint, dirty: false, lap: None, deadline, away: None, sleep: None }
    }

    /// The machine.
    pub fn endpoint(&self) -> &E {
        &self.endpoint
    }

    /// The machine.
    pub fn endpoint_mut(&mut self) -> &mut E {
        &mut self.endpoint
    }

    /// The stream.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream. What is read from it here, the machine does not see.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The same stream with another machine: where the roles have turned (RFC 2645), the one that was
    /// made of the machine here. What was written and not flushed is flushed by and by.
    pub fn with_endpoint<F>(self, endpoint: F) -> Connection<S, F> {
        Connection {
            stream: self.stream,
            endpoint,
            dirty: self.dirty,
            lap: None,
            deadline: Instant::now(),
            away: None,
            sleep: self.sleep,
        }
    }

    /// Takes both apart.
    pub fn into_parts(self) -> (S, E) {
        (self.stream, self.endpoint)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, E: Endpoint> Connection<S, E> {
    /// Reads, writes and waits until there is an [`Event`](Step::Event) to take, nothing to do
    /// ([`Idle`](Step::Idle)), or the end ([`Close`](Step::Close)). Cancel safe.
    ///
    /// # Errors
    /// What the stream says. The session is over then.
    pub async fn next(&mut self) -> io::Result<Step> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), and comes back with [`Read`](Step::Read) too, as soon as all output
    /// has been written: for callers that have more to say before the peer answers. What the peer has
    /// said already is read first. Cancel safe.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn written(&mut self) -> io::Result<Step> {
        poll_fn(|cx| self.drive(cx, true)).await
    }

    /// [`next`](Self::next), for those who poll by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        self.drive(cx, false)
    }

    fn drive(&mut self, cx: &mut Context<'_>, until_written: bool) -> Poll<io::Result<Step>> {
        loop {
            let step = self.endpoint.step();
            self.keep_time();
            let moved = match step {
                Step::Event => {
                    if self.dirty {
                        // As far as it goes; the event is worth more than the stream's complaint,
                        // which comes again.
                        let _ = self.poll_flush(cx);
                    }
                    self.away = Some(Instant::now());
                    return Poll::Ready(Ok(Step::Event));
                }
                Step::Write => self.poll_write(cx),
                _ if self.dirty => self.poll_flush(cx),
                Step::Idle if until_written => Poll::Pending,
                Step::Idle | Step::Close => return Poll::Ready(Ok(step)),
                Step::Read => Poll::Pending,
            };
            match moved {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(error)) => match self.poll_read(cx) {
                    // A peer that hangs up may have said why.
                    Poll::Ready(Ok(())) => continue,
                    _ => return Poll::Ready(Err(error)),
                },
                Poll::Pending => {}
            }
            if self.poll_read(cx)?.is_ready() {
                continue;
            }
            if until_written && step != Step::Write && !self.dirty {
                return Poll::Ready(Ok(step));
            }
            let wire = self.endpoint.wire();
            if !wire.bulk() {
                wire.relax();
            }
            ready!(self.poll_timer(cx));
            self.endpoint.wire().expire();
            // Whoever did not take the last octets in time does not get them.
            self.dirty &= step == Step::Write;
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let output = self.endpoint.wire().output();
        let stream = Pin::new(&mut self.stream);
        let written = if stream.is_write_vectored() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slice, chunk) in slices.iter_mut().zip(output.chunks()) {
                *slice = IoSlice::new(chunk);
                count += 1;
            }
            match &slices[..count] {
                [only] => ready!(stream.poll_write(cx, only))?,
                several => ready!(stream.poll_write_vectored(cx, several))?,
            }
        } else {
            ready!(stream.poll_write(cx, output.chunk()))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        output.advance(written);
        self.dirty = true;
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.dirty = false;
        Poll::Ready(Ok(()))
    }

    /// Pending also while there is no room.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.endpoint.wire();
        let room = wire.room();
        if room == 0 {
            return Poll::Pending;
        }
        let stream = Pin::new(&mut self.stream);
        if wire.bulk() {
            let mut buffer = ReadBuf::new(wire.spare());
            ready!(stream.poll_read(cx, &mut buffer))?;
            let read = buffer.filled().len();
            wire.received(read);
        } else {
            let mut space = [MaybeUninit::uninit(); READ];
            let mut buffer = ReadBuf::uninit(&mut space[..room.min(READ)]);
            ready!(stream.poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                wire.received(0);
            } else {
                let taken = wire.receive(buffer.filled());
                debug_assert_eq!(taken, buffer.filled().len(), "no more was read than fits");
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Moves the deadline when a lap begins, and by the time the caller took.
    fn keep_time(&mut self) {
        let timer = self.endpoint.wire().timer();
        let away = self.away.take();
        if self.lap != Some(timer.lap) {
            self.lap = Some(timer.lap);
            self.deadline = after(Instant::now(), timer.after);
        } else if let Some(away) = away {
            self.deadline = after(self.deadline, away.elapsed());
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= deadline {
                // A machine that goes on all the same gets the same time again.
                self.lap = None;
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }

    /// Flushes what was written.
    ///
    /// # Errors
    /// What the stream says.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }
}

fn after(start: Instant, time: Duration) -> Instant {
    start.checked_add(time.min(NEVER)).unwrap_or(start)
}

impl<S, E: fmt::Debug> fmt::Debug for Connection<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
