//! Every dialog, played through each runtime: over streams of any width, and over one that does as little
//! as a stream may. No sockets. Time stands still until nothing moves any more: tokio's clock then jumps,
//! elsewhere the machine is told.

use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    io::{self, IoSlice},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
    time::Duration,
};

use smtp_blocking::Duplex;
use smtp_frontend::{
    Connection,
    runtime::Io,
    testing::{End, Pipe, pipe},
};
use smtp_proto::{
    answer::Rejection,
    client::Client,
    server::Server,
    wire::{Endpoint, Step},
};
use smtp_tests::{
    client_dialog::{self, Link},
    dialog::{self, Account, Application, Dialog, Line, steady},
};

/// A runtime whose time stands still.
trait Still {
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
trait Loop<E>: fmt::Debug {
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
struct Impatient(Stream, Arc<AtomicUsize>);

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

/// Less than any timer of a session, and more than it takes to notice that all is quiet.
const SECOND: Duration = Duration::from_secs(1);

/// A lazy stream holds so much, and then somewhat more.
const HELD: usize = 1024;

/// More turns than any dialog takes: beyond it the session spins.
const TURNS: usize = 100_000;

/// How a stream is.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// Octets in flight.
    window: usize,
    /// The stream moves so many octets when it is asked a second time, and nothing at the first.
    dribble: Option<usize>,
    /// What is written leaves when it is flushed, as with TLS.
    lazy: bool,
    /// The peer does not read while it has something to write (RFC 2920 section 3.1).
    deaf: bool,
    /// The application drops every question once.
    hesitant: bool,
}

const WIDE: Way =
    Way { window: 64 * 1024, dribble: None, lazy: false, deaf: false, hesitant: false };

/// Where it does not matter how octets are grouped.
const WAYS: [Way; 7] = [
    WIDE,
    Way { lazy: true, ..WIDE },
    Way { window: 1, ..WIDE },
    Way { window: 256, deaf: true, ..WIDE },
    Way { window: 100, lazy: true, hesitant: true, ..WIDE },
    Way { dribble: Some(1), ..WIDE },
    Way { window: 7, dribble: Some(3), hesitant: true, ..WIDE },
];

/// And where it does.
const TOGETHER: [Way; 2] = [WIDE, Way { lazy: true, hesitant: true, ..WIDE }];

/// A stream that may be ready only when it is asked again, and then for a few octets, and may hold
/// back what was written.
#[derive(Debug)]
struct Stream {
    inner: End,
    way: Way,
    /// What waits for the flush.
    held: VecDeque<u8>,
    /// Whether it was asked: to read, to write, to flush.
    asked: [bool; 3],
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

/// A machine on a stream, and what is at the stream's other end.
struct Joined<E: Endpoint + fmt::Debug, R: Still> {
    clock: R::Clock,
    connection: R::Connection<E>,
    deaf: bool,
    far: End,
    /// What the far end has still to write.
    coming: VecDeque<u8>,
    /// All that the far end has read.
    said: Vec<u8>,
    /// The stream's end was read.
    ended: bool,
}

impl<E: Endpoint + fmt::Debug, R: Still> Joined<E, R> {
    fn new(way: Way, endpoint: E) -> Self {
        let (near, far) = pipe(way.window);
        let stream = Stream { inner: near, way, held: VecDeque::new(), asked: [false; 3] };
        let clock = R::clock();
        Self {
            connection: R::join(&clock, stream, endpoint),
            clock,
            deaf: way.deaf,
            far,
            coming: VecDeque::new(),
            said: Vec::new(),
            ended: false,
        }
    }

    fn endpoint(&mut self) -> &mut E {
        self.connection.endpoint()
    }

    /// Goes on until there is an event or nothing moves any more; what the machine wants then.
    fn advance(&mut self) -> Step {
        let Self { clock, connection, deaf, far, coming, said, ended } = self;
        let mut last = Step::Read;
        let step = R::settle(clock, |cx| {
            while write(far, coming, cx) {}
            // To a closed connection there is nothing to write.
            if !*deaf || coming.is_empty() || last == Step::Close {
                while read(far, said, ended, cx) {}
            }
            match connection.poll_next(cx) {
                Poll::Ready(Ok(Step::Event)) => return Poll::Ready(Step::Event),
                Poll::Ready(Ok(Step::Idle)) => {
                    last = Step::Idle;
                    // The peer may say something nevertheless.
                    match connection.poll_written(cx) {
                        Poll::Ready(Ok(Step::Event)) => return Poll::Ready(Step::Event),
                        Poll::Ready(Ok(step)) => last = step,
                        Poll::Ready(Err(error)) => panic!("{error}"),
                        Poll::Pending => {}
                    }
                }
                Poll::Ready(Ok(step)) => {
                    assert_eq!(step, Step::Close);
                    if last != Step::Close {
                        last = step;
                        let closed = connection.poll_close(cx);
                        assert!(matches!(closed, Poll::Ready(Ok(()))));
                        cx.waker().wake_by_ref();
                    }
                }
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => last = Step::Read,
            }
            Poll::Pending
        });
        step.unwrap_or(last)
    }

    /// Lets the clock run until the timer is due but for a second.
    fn wait(&mut self) {
        let time = self.endpoint().wire().timer().after;
        R::wait(&self.clock, time);
    }

    /// And to its end.
    fn wait_on(&mut self) {
        R::wait_on(&self.clock, self.connection.endpoint());
    }

    fn eof(&mut self) {
        let closed = self.far.poll_close(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(closed, Poll::Ready(Ok(()))));
    }
}

/// Writes at the far end; whether anything was written.
fn write(far: &mut End, coming: &mut VecDeque<u8>, cx: &mut Context<'_>) -> bool {
    if coming.is_empty() {
        return false;
    }
    let Poll::Ready(written) = far.poll_write(cx, coming.as_slices().0) else {
        return false;
    };
    // A stream that was closed takes nothing: it is lost.
    let written = written.unwrap_or(coming.len());
    coming.drain(..written);
    true
}

/// Reads at the far end; whether anything was read.
fn read(far: &mut End, said: &mut Vec<u8>, ended: &mut bool, cx: &mut Context<'_>) -> bool {
    let mut space = [0; 4096];
    if *ended {
        return false;
    }
    let Poll::Ready(read) = far.poll_read(cx, &mut space) else {
        return false;
    };
    let read = read.unwrap();
    *ended = read == 0;
    said.extend_from_slice(&space[..read]);
    true
}

/// A server of a dialog on a stream.
struct Served<R: Still> {
    joined: Joined<Server, R>,
    account: Account,
    application: Application,
    step: Step,
    /// Octets of what was said that were compared.
    compared: usize,
}

impl<R: Still> Served<R> {
    fn new(dialog: &Dialog, way: Way, account: Account) -> Self {
        let mut server = Server::new(Arc::new(dialog.config()));
        if dialog.implicit_tls {
            server.tls_started();
        }
        Self {
            joined: Joined::new(way, server),
            account,
            application: Application::new(way.hesitant, false),
            step: Step::Read,
            compared: 0,
        }
    }

    fn settle(&mut self) {
        for _ in 0..TURNS {
            self.step = self.joined.advance();
            if self.step != Step::Event {
                if self.step == Step::Close {
                    self.application.close();
                }
                return;
            }
            if let Some(event) = self.joined.endpoint().event() {
                self.application.handle(event, &mut |asked| self.account.answer(asked));
            }
            if self.application.turned {
                return;
            }
        }
        panic!("the session spins: {:?}", self.joined.connection);
    }
}

impl<R: Still> Line for Served<R> {
    fn send(&mut self, octets: &[u8]) {
        self.settle();
        self.joined.coming.extend(octets);
        self.settle();
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        self.settle();
        let rest = &self.joined.said[self.compared..];
        let length = rest.iter().position(|&octet| octet == b'\n')? + 1;
        let line = rest[..length].to_vec();
        self.compared += length;
        Some(line)
    }

    fn handshake(&mut self) {
        self.settle();
        assert_eq!(self.step, Step::Idle, "there is no handshake");
        let server = self.joined.endpoint();
        assert_eq!(server.wire().room(), 0);
        server.tls_started();
    }

    fn expire(&mut self) {
        self.settle();
        let so_far = |served: &Self| (served.joined.said.len(), served.application.events.len());
        let before = so_far(self);
        self.joined.wait();
        self.settle();
        assert_eq!(so_far(self), before, "the timer is early");
        self.joined.wait_on();
        if self.step == Step::Idle {
            // The time of a handshake is kept by who does it.
            self.joined.endpoint().wire().expire();
        }
    }

    fn eof(&mut self) {
        self.settle();
        self.joined.eof();
    }

    fn shut_down(&mut self) {
        self.settle();
        self.joined.endpoint().shut_down(Rejection::SHUTTING_DOWN);
    }
}

/// Runs `play` for all of `subjects`; says how often, and panics when any of them failed.
fn all<T>(subjects: &[T], play: impl Fn(&T) -> usize) -> usize {
    let mut failed = 0;
    let mut played = 0;
    for subject in subjects {
        match catch_unwind(AssertUnwindSafe(|| play(subject))) {
            Ok(times) => played += times,
            Err(_) => failed += 1,
        }
    }
    assert_eq!(failed, 0, "of {} dialogs", subjects.len());
    played
}

fn server<R: Still>() {
    let dialogs = dialog::all("server");
    assert!(dialogs.len() >= 130, "where are the dialogs? {}", dialogs.len());
    let played = all(&dialogs, |dialog| {
        let ways = if dialog.together { &TOGETHER[..] } else { &WAYS[..] };
        let account = dialog.account();
        for &way in ways {
            let mut served = Served::<R>::new(dialog, way, account.clone());
            dialog.over(&mut served);
            served.settle();
            let said = served.joined.said.escape_ascii().to_string();
            let expected = account.output.escape_ascii().to_string();
            assert_eq!(said, expected, "{} {way:?}", dialog.name);
            let events = steady(&account.events);
            assert_eq!(served.application.steady_events(), events, "{} {way:?}", dialog.name);
        }
        ways.len()
    });
    println!("{} dialogs, {played} times", dialogs.len());
}

impl<R: Still> Link for Joined<Client, R> {
    fn client(&mut self) -> &mut Client {
        self.endpoint()
    }

    fn advance(&mut self) -> Step {
        self.advance()
    }

    fn said(&self) -> &[u8] {
        &self.said
    }

    fn send(&mut self, octets: &[u8]) {
        self.coming.extend(octets);
    }

    fn expire(&mut self) {
        self.wait();
        assert_eq!(self.advance(), Step::Read, "the timer is early");
        self.wait_on();
    }

    fn eof(&mut self) {
        self.eof();
        let client = self.endpoint();
        if client.step() == Step::Idle && client.wire().room() == 0 {
            // In a handshake, whoever does it is told.
            client.wire().received(0);
        }
    }
}

fn client<R: Still>() {
    let dialogs = client_dialog::all("client");
    assert!(dialogs.len() >= 75, "where are the dialogs? {}", dialogs.len());
    let played = all(&dialogs, |dialog| {
        let ways = if dialog.together { &TOGETHER[..1] } else { &WAYS[..] };
        for &way in ways {
            dialog.over(|client| Joined::<_, R>::new(way, client));
        }
        ways.len()
    });
    println!("{} dialogs, {played} times", dialogs.len());
}

#[test]
fn server_on_tokio() {
    server::<smtp_tokio::Tokio>();
}

#[test]
fn client_on_tokio() {
    client::<smtp_tokio::Tokio>();
}

#[test]
fn server_on_smol() {
    server::<smtp_smol::Smol>();
}

#[test]
fn client_on_smol() {
    client::<smtp_smol::Smol>();
}

#[test]
fn server_on_threads() {
    server::<smtp_blocking::Blocking>();
}

#[test]
fn client_on_threads() {
    client::<smtp_blocking::Blocking>();
}
