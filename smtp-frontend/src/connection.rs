//! The loop that drives a machine: moves octets between a stream and the machine, and keeps its timer.
//!
//! Nothing here knows a rule of SMTP; what to do is what [`Endpoint::step`] says. Nothing here knows a
//! runtime; how it is done is what [`Io`] says.

use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice},
    mem,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Buf;
use smtp_proto::{
    client, server,
    wire::{Endpoint, Step},
};

use crate::{
    driver::{Driver, Stream},
    runtime::{Io, Machine, READ, Runtime, Socket, is_the_end},
    time::{Alarm, Deadline},
};

/// Slices of one vectored write.
const SLICES: usize = 32;

/// How many reads and writes may be ready one after the other before others on the same thread have their
/// turn: not every runtime sees to that.
const TURN: u8 = 64;

/// A machine on a stream.
///
/// All state is in here: the future of [`next`](Self::next) can be dropped at any time and asked for
/// again.
pub struct Connection<S, E, R: Runtime> {
    stream: S,
    endpoint: E,
    /// Octets were written since the last flush.
    dirty: bool,
    /// How often the stream was ready since something was last waited for.
    ready: u8,
    deadline: Deadline,
    alarm: Alarm<R::Timer>,
}

impl<S, E, R: Runtime> Connection<S, E, R> {
    /// Joins a stream and a machine.
    pub fn new(stream: S, endpoint: E) -> Self {
        Self {
            stream,
            endpoint,
            dirty: false,
            ready: 0,
            deadline: Deadline::new(R::now()),
            alarm: Alarm::default(),
        }
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
    pub fn with_endpoint<F>(self, endpoint: F) -> Connection<S, F, R> {
        Connection { dirty: self.dirty, ..Connection::new(self.stream, endpoint) }
    }

    /// Takes both apart.
    pub fn into_parts(self) -> (S, E) {
        (self.stream, self.endpoint)
    }
}

impl<S, E: Endpoint, R: Io<S>> Connection<S, E, R> {
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
            self.deadline.keep(self.endpoint.wire().timer(), R::now);
            if self.ready >= TURN && matches!(step, Step::Read | Step::Write) {
                self.ready = 0;
                // However quickly a peer goes on, it has no more time than others.
                if self.poll_timer(cx).is_pending() {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                self.expire(step);
                continue;
            }
            let moved = match step {
                Step::Event => {
                    if self.dirty {
                        // As far as it goes; the event is worth more than the stream's complaint,
                        // which comes again.
                        let _ = self.poll_flush(cx);
                    }
                    self.deadline.hand_out(R::now());
                    return Poll::Ready(Ok(Step::Event));
                }
                Step::Write => self.poll_output(cx),
                _ if self.dirty => self.poll_flush(cx),
                Step::Idle if until_written => Poll::Pending,
                Step::Idle | Step::Close => return Poll::Ready(Ok(step)),
                Step::Read => Poll::Pending,
            };
            let moved = match moved {
                Poll::Ready(Err(error)) => match self.poll_input(cx) {
                    // A peer that hangs up may have said why.
                    Poll::Ready(Ok(())) => Poll::Ready(()),
                    _ => return Poll::Ready(Err(error)),
                },
                Poll::Ready(Ok(())) => Poll::Ready(()),
                Poll::Pending => self.poll_input(cx)?,
            };
            if moved.is_ready() {
                self.ready = self.ready.saturating_add(1);
                continue;
            }
            self.ready = 0;
            if until_written && step != Step::Write && !self.dirty {
                return Poll::Ready(Ok(step));
            }
            let wire = self.endpoint.wire();
            if !wire.bulk() {
                wire.relax();
            }
            ready!(self.poll_timer(cx));
            self.expire(step);
        }
    }

    fn expire(&mut self, step: Step) {
        self.endpoint.wire().expire();
        // Whoever did not take the last octets in time does not get them.
        self.dirty &= step == Step::Write;
    }

    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let output = self.endpoint.wire().output();
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(output.chunks()) {
            *slice = IoSlice::new(chunk);
            count += 1;
        }
        let written = ready!(R::poll_write(&mut self.stream, cx, &slices[..count]))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        output.advance(written);
        self.dirty = true;
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(R::poll_flush(&mut self.stream, cx))?;
        self.dirty = false;
        Poll::Ready(Ok(()))
    }

    /// Pending also while there is no room.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.endpoint.wire();
        let room = wire.room();
        if room == 0 {
            return Poll::Pending;
        }
        let read = if wire.bulk() {
            let read = ready!(R::poll_read(&mut self.stream, cx, wire.spare()));
            read.map(|read| wire.received(read))
        } else {
            ready!(R::poll_receive(&mut self.stream, cx, wire, room.min(READ)))
        };
        Poll::Ready(read.or_else(|error| is_the_end(&error).then(|| wire.received(0)).ok_or(error)))
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.alarm.poll_until(cx, self.deadline.time()));
        self.deadline.expire();
        Poll::Ready(())
    }
}

impl<E: Machine, R: Runtime + Io<<R as Runtime>::Socket>> Connection<R::Socket, E, R> {
    /// The connection of a session.
    pub fn boxed(socket: R::Socket, endpoint: E) -> Box<dyn Driver<E>> {
        Box::new(Self::new(socket, endpoint))
    }

    /// The stream with another machine; what is left here is closed.
    fn turn<F: Machine>(&mut self, machine: F) -> Box<dyn Driver<F>> {
        let stream = mem::replace(&mut self.stream, R::Socket::closed());
        let dirty = mem::take(&mut self.dirty);
        Box::new(Connection { dirty, ..Connection::<_, _, R>::new(stream, machine) })
    }
}

impl<E: Machine, R: Runtime + Io<<R as Runtime>::Socket>> Driver<E>
    for Connection<R::Socket, E, R>
{
    fn endpoint(&self) -> &E {
        &self.endpoint
    }

    fn endpoint_mut(&mut self) -> &mut E {
        &mut self.endpoint
    }

    fn stream(&self) -> &dyn Stream {
        &self.stream
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        self.drive(cx, false)
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        self.drive(cx, true)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = ready!(R::poll_read(&mut self.stream, cx, buffer));
        Poll::Ready(read.or_else(|error| is_the_end(&error).then_some(0).ok_or(error)))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        R::poll_write(&mut self.stream, cx, &[IoSlice::new(octets)])
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        R::poll_close(&mut self.stream, cx)
    }

    fn cut(&mut self) {
        self.stream = R::Socket::closed();
    }

    fn now(&self) -> Instant {
        R::now()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, time: Instant) -> Poll<()> {
        self.alarm.poll_until(cx, time)
    }

    #[cfg(feature = "tls")]
    fn accept_tls(
        &mut self,
        config: std::sync::Arc<rustls::ServerConfig>,
        time: std::time::Duration,
    ) -> crate::driver::Handshake<'_> {
        Box::pin(crate::time::within::<R, _>(time, self.stream.accept_tls(config)))
    }

    #[cfg(feature = "tls")]
    fn connect_tls(
        &mut self,
        config: std::sync::Arc<rustls::ClientConfig>,
        name: rustls::pki_types::ServerName<'static>,
        time: std::time::Duration,
    ) -> crate::driver::Handshake<'_> {
        Box::pin(crate::time::within::<R, _>(time, self.stream.connect_tls(config, name)))
    }

    fn turn_to_client(&mut self, machine: client::Client) -> Box<dyn Driver<client::Client>> {
        self.turn(machine)
    }

    fn turn_to_server(&mut self, machine: server::Server) -> Box<dyn Driver<server::Server>> {
        self.turn(machine)
    }
}

impl<S, E: fmt::Debug, R: Runtime> fmt::Debug for Connection<S, E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
