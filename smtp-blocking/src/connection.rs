//! The loop that drives a machine over a stream that blocks. Nothing here knows a rule of SMTP; what to do
//! is what [`Endpoint::step`] says.

use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice, Read, Write},
    iter, mem,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Buf;
use smtp_frontend::{
    Driver, Stream,
    proto::{
        client, server,
        wire::{Endpoint, Step},
    },
    runtime::{Deadline, Machine, READ, Socket as _, Timer, hand_over, is_the_end},
};

use crate::{
    park::{self, Alarm, block_on},
    socket::{Duplex, Socket, may_go_on},
};

/// Slices of one vectored write.
const SLICES: usize = 32;

/// How long a session blocks at first before it looks around. Each time that is too short for the peer makes
/// it twice as long, up to the second of these, and for good: who was slow once is not looked after more
/// often the next time, and the socket need not be told anew.
const SLICE: Duration = Duration::from_millis(10);
const LONG_SLICE: Duration = Duration::from_millis(40);

/// After so many slices in which nothing came a session is idle, and blocks for this long.
const BUSY: u32 = 4;
const IDLE_SLICE: Duration = Duration::from_secs(1);

/// In how many reads tickets of TLS are looked for behind what a session was left with.
const TICKETS: usize = 16;

/// A timeout of a socket is not zero.
const LEAST: Duration = Duration::from_millis(1);

/// A machine on a stream.
pub struct Connection<S, E> {
    stream: S,
    endpoint: E,
    /// Octets were written since the last flush.
    dirty: bool,
    deadline: Deadline,
    slice: Duration,
    /// In how many slices nothing has come.
    in_vain: u32,
    /// Since when there was something to do all the time, and nobody has looked around.
    busy_since: Option<Instant>,
    /// How the stream was told to wait, if it was.
    nonblocking: Option<bool>,
    timeout: Option<Duration>,
    alarm: Alarm,
}

impl<S, E> Connection<S, E> {
    /// Joins a stream and a machine.
    pub fn new(stream: S, endpoint: E) -> Self {
        Self {
            stream,
            endpoint,
            dirty: false,
            deadline: Deadline::new(Instant::now()),
            slice: SLICE,
            in_vain: 0,
            busy_since: None,
            nonblocking: None,
            timeout: None,
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
        self.forget_how_to_wait();
        &mut self.stream
    }

    fn forget_how_to_wait(&mut self) {
        (self.nonblocking, self.timeout) = (None, None);
    }

    /// The same stream with another machine: where the roles have turned (RFC 2645), the one that was
    /// made of the machine here. What was written and not flushed is flushed by and by.
    pub fn with_endpoint<F>(self, endpoint: F) -> Connection<S, F> {
        Connection { dirty: self.dirty, ..Connection::new(self.stream, endpoint) }
    }

    /// Takes both apart.
    pub fn into_parts(self) -> (S, E) {
        (self.stream, self.endpoint)
    }
}

impl<S: Duplex, E: Endpoint> Connection<S, E> {
    /// Reads, writes and waits until there is an [`Event`](Step::Event) to take, nothing to do
    /// ([`Idle`](Step::Idle)), or the end ([`Close`](Step::Close)).
    ///
    /// # Errors
    /// What the stream says. The session is over then.
    #[expect(clippy::should_implement_trait, reason = "the name it has on every runtime")]
    pub fn next(&mut self) -> io::Result<Step> {
        block_on(poll_fn(|cx| self.poll_next(cx)))
    }

    /// As [`next`](Self::next), and comes back with [`Read`](Step::Read) too, as soon as all output
    /// has been written: for callers that have more to say before the peer answers. What the peer has
    /// said already is read first.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn written(&mut self) -> io::Result<Step> {
        block_on(poll_fn(|cx| self.poll_written(cx)))
    }

    /// [`next`](Self::next), for those who look around in between: pending when nothing has come of it for
    /// a while, a second at most. It is worth polling again at once, and the waker is woken.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        looking_around(cx, self.drive(false))
    }

    /// [`written`](Self::written), as [`poll_next`](Self::poll_next).
    pub fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        looking_around(cx, self.drive(true))
    }

    /// None when it is time to look around.
    fn drive(&mut self, until_written: bool) -> io::Result<Option<Step>> {
        let mut has_moved = false;
        loop {
            let step = self.endpoint.step();
            let now = Instant::now();
            self.deadline.keep(self.endpoint.wire().timer(), || now);
            let due = self.deadline.time();
            if has_moved {
                // However quickly a peer goes on, it has no more time than others.
                let waits = matches!(step, Step::Read | Step::Write) || self.dirty;
                if now >= due && waits && step != Step::Event {
                    self.expire(step);
                    has_moved = false;
                    continue;
                }
                // Nor does it keep what goes on around the session from being looked at.
                let until = *self.busy_since.get_or_insert(now) + LONG_SLICE;
                if park::patience(until.saturating_duration_since(now)).is_zero() {
                    self.busy_since = None;
                    return Ok(None);
                }
            }
            let moved = match step {
                Step::Event => {
                    if self.dirty {
                        // As far as it goes; the event is worth more than the stream's complaint,
                        // which comes again.
                        let _ = self.flush(Duration::ZERO);
                    }
                    self.deadline.hand_out(now);
                    return Ok(Some(Step::Event));
                }
                Step::Write => self.write(self.slice_until(due, now)),
                _ if self.dirty => self.flush(self.slice_until(due, now)),
                Step::Idle | Step::Read if until_written => match self.read(Duration::ZERO) {
                    Ok(None) => return Ok(Some(step)),
                    read => read,
                },
                Step::Idle | Step::Close => return Ok(Some(step)),
                Step::Read => self.read(self.slice_until(due, now)),
            };
            let moved = match moved {
                // The peer may be waiting for us to read (RFC 2920 section 3.1).
                Ok(None) if step != Step::Read => self.read(Duration::ZERO),
                // A peer that hangs up may have said why.
                Err(error) => match self.read(Duration::ZERO) {
                    Ok(Some(())) => Ok(Some(())),
                    _ => Err(error),
                },
                moved => moved,
            };
            if moved?.is_some() {
                has_moved = true;
                continue;
            }
            self.busy_since = None;
            if Instant::now() < due {
                return Ok(None);
            }
            self.expire(step);
        }
    }

    fn expire(&mut self, step: Step) {
        self.deadline.expire();
        self.endpoint.wire().expire();
        // Whoever did not take the last octets in time does not get them.
        self.dirty &= step == Step::Write;
    }

    /// How long to block now.
    fn slice(&self) -> Duration {
        if self.in_vain < BUSY { self.slice } else { IDLE_SLICE }
    }

    /// How long to block now, at most until then.
    fn slice_until(&self, due: Instant, now: Instant) -> Duration {
        park::patience(self.slice().min(due.saturating_duration_since(now)))
    }

    /// What `call` does, if it takes no longer than that. None also when it was interrupted.
    fn patiently<T>(
        &mut self,
        patience: Duration,
        mut call: impl FnMut(&mut S, &mut E) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        let nonblocking = patience.is_zero();
        if self.nonblocking != Some(nonblocking) {
            self.stream.set_nonblocking(nonblocking)?;
            self.nonblocking = Some(nonblocking);
        }
        let timeout = patience.max(LEAST);
        if !nonblocking && self.timeout != Some(timeout) {
            self.stream.set_timeout(timeout)?;
            self.timeout = Some(timeout);
        }
        match call(&mut self.stream, &mut self.endpoint) {
            Ok(output) => {
                self.in_vain = 0;
                Ok(Some(output))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut if !nonblocking => {
                    self.in_vain = self.in_vain.saturating_add(1);
                    self.slice = (self.slice * 2).min(LONG_SLICE);
                    Ok(None)
                }
                _ if may_go_on(&error) => Ok(None),
                _ => Err(error),
            },
        }
    }

    fn write(&mut self, patience: Duration) -> io::Result<Option<()>> {
        let written = self.patiently(patience, |stream, endpoint| {
            let output = endpoint.wire().output();
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slice, chunk) in slices.iter_mut().zip(output.chunks()) {
                *slice = IoSlice::new(chunk);
                count += 1;
            }
            let written = match &slices[..count] {
                [only] => stream.write(only),
                several => stream.write_vectored(several),
            };
            match unless_interrupted(written)? {
                Some(0) => return Err(io::ErrorKind::WriteZero.into()),
                written => output.advance(written.unwrap_or(0)),
            }
            Ok(())
        })?;
        self.dirty |= written.is_some();
        Ok(written)
    }

    fn flush(&mut self, patience: Duration) -> io::Result<Option<()>> {
        let flushed = self.patiently(patience, |stream, _| unless_interrupted(stream.flush()))?;
        self.dirty &= flushed != Some(Some(()));
        Ok(flushed.map(drop))
    }

    /// Reads what there is room for; nothing where there is none.
    fn read(&mut self, patience: Duration) -> io::Result<Option<()>> {
        let wire = self.endpoint.wire();
        let room = wire.room();
        if room == 0 {
            // Nothing to wait for but the time.
            std::thread::sleep(patience);
            return Ok(None);
        }
        let bulk = wire.bulk();
        if !bulk && self.in_vain > 0 {
            // Not while the peer is quick: what is given back is wanted again.
            wire.relax();
        }
        self.patiently(patience, |stream, endpoint| {
            let wire = endpoint.wire();
            let read = if bulk {
                stream.read(wire.spare()).map(|read| wire.received(read))
            } else {
                let mut space = [0; READ];
                let read = stream.read(&mut space[..room.min(READ)]);
                read.map(|read| hand_over(wire, &space[..read]))
            };
            let read = unless_interrupted(read).map(drop);
            read.or_else(|error| is_the_end(&error).then(|| wire.received(0)).ok_or(error))
        })
    }
}

/// What came of a call, if it was not interrupted: then something has moved, and it is to be made again when
/// the time has been looked at.
fn unless_interrupted<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        result => result.map(Some),
    }
}

/// What came of it, or the time to look around.
fn looking_around<T>(cx: &mut Context<'_>, result: io::Result<Option<T>>) -> Poll<io::Result<T>> {
    match result.transpose() {
        Some(result) => Poll::Ready(result),
        None => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

impl<E: Machine> Connection<Socket, E> {
    /// Does what is not the machine's, until it is time to look around.
    fn poll_call<T>(
        &mut self,
        cx: &mut Context<'_>,
        call: impl FnMut(&mut Socket, &mut E) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let patience = park::patience(self.slice());
        looking_around(cx, self.patiently(patience, call))
    }

    /// The stream with another machine; what is left here is closed.
    fn turn<F: Machine>(&mut self, machine: F) -> Box<dyn Driver<F>> {
        let stream = mem::replace(&mut self.stream, Socket::closed());
        let dirty = mem::take(&mut self.dirty);
        Box::new(Connection { dirty, ..Connection::new(stream, machine) })
    }

    /// Makes a handshake, in that time; the stream is inside TLS then, or closed.
    #[cfg(feature = "tls")]
    async fn shake_hands(
        &mut self,
        begin: impl FnOnce(crate::socket::Plain) -> io::Result<crate::encrypted::TlsStream>,
        time: Duration,
    ) -> io::Result<()> {
        let due = Instant::now().checked_add(time).unwrap_or_else(Instant::now);
        let mut stream = begin(self.stream.take_plain()?)?;
        self.forget_how_to_wait();
        stream.set_nonblocking(false)?;
        let mut timeout = None;
        poll_fn(|cx| {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let patience = park::patience(IDLE_SLICE.min(left)).max(LEAST);
            if timeout.replace(patience) != Some(patience) {
                stream.set_timeout(patience)?;
            }
            match stream.shake_hands() {
                Err(error) if may_go_on(&error) => looking_around(cx, Ok(None)),
                done => Poll::Ready(done),
            }
        })
        .await?;
        self.stream = stream.into();
        Ok(())
    }
}

impl<E: Machine> Driver<E> for Connection<Socket, E> {
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
        self.poll_next(cx)
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        self.poll_written(cx)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let patience = park::patience(self.slice());
        let flushed = self.flush(patience);
        looking_around(cx, flushed.map(|moved| moved.filter(|()| !self.dirty)))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_call(cx, |stream, _| match stream.read(buffer) {
            Err(error) if is_the_end(&error) => Ok(0),
            read => read,
        })
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_call(cx, |stream, _| stream.write(octets))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_call(cx, |stream, _| stream.close())
    }

    fn is_quiet(&mut self, _: &mut Context<'_>) -> bool {
        // Inside TLS tickets may come that nobody reads, but not without end.
        let reads = iter::repeat_with(|| {
            self.patiently(Duration::ZERO, |stream, _| unless_interrupted(stream.read(&mut [0])))
        });
        let decisive = reads.take(TICKETS).find(|read| !matches!(read, Ok(Some(None))));
        matches!(decisive, Some(Ok(None)))
    }

    fn bound(&mut self, time: Instant) {
        self.alarm.set(time);
        // Nobody is to be woken: whoever blocks comes back by itself.
        let _ = self.alarm.poll(&mut Context::from_waker(Waker::noop()));
    }

    fn cut(&mut self) {
        self.stream = Socket::closed();
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, time: Instant) -> Poll<()> {
        self.alarm.set(time);
        self.alarm.poll(cx)
    }

    #[cfg(feature = "tls")]
    fn accept_tls(
        &mut self,
        config: std::sync::Arc<smtp_frontend::tls::rustls::ServerConfig>,
        time: Duration,
    ) -> smtp_frontend::Handshake<'_> {
        let begin = |plain| crate::encrypted::TlsStream::server(config, plain);
        Box::pin(self.shake_hands(begin, time))
    }

    #[cfg(feature = "tls")]
    fn connect_tls(
        &mut self,
        config: std::sync::Arc<smtp_frontend::tls::rustls::ClientConfig>,
        name: smtp_frontend::tls::rustls::pki_types::ServerName<'static>,
        time: Duration,
    ) -> smtp_frontend::Handshake<'_> {
        let begin = |plain| crate::encrypted::TlsStream::client(config, name, plain);
        Box::pin(self.shake_hands(begin, time))
    }

    fn turn_to_client(&mut self, machine: client::Client) -> Box<dyn Driver<client::Client>> {
        self.turn(machine)
    }

    fn turn_to_server(&mut self, machine: server::Server) -> Box<dyn Driver<server::Server>> {
        self.turn(machine)
    }
}

impl<S, E: fmt::Debug> fmt::Debug for Connection<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
