//! Every dialog, played through the adapter for tokio: over streams of any width, and over one that
//! does as little as a stream may. No sockets, and no time but tokio's, which stands still until
//! nothing moves any more.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
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
use smtp_tokio::Connection;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    runtime::{Builder, Runtime},
    time,
};

/// When tokio's clock gets that far, nothing else moves. Far less than any timer of a session.
const QUIET: Duration = Duration::from_millis(1);

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
    inner: DuplexStream,
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
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, octets))?;
            self.held.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.hesitate(0, cx));
        let Some(most) = self.way.dribble else {
            return Pin::new(&mut self.inner).poll_read(cx, buffer);
        };
        let mut few = [0; 8];
        let mut part = ReadBuf::new(&mut few[..most.min(buffer.remaining())]);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
        buffer.put_slice(part.filled());
        self.asked[0] = false;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.hesitate(1, cx));
        let most = self.way.dribble.unwrap_or(usize::MAX).min(octets.len());
        let octets = &octets[..most];
        let written = if self.way.lazy && self.held.len() < HELD {
            self.held.extend(octets);
            octets.len()
        } else {
            ready!(self.release(cx))?;
            ready!(Pin::new(&mut self.inner).poll_write(cx, octets))?
        };
        self.asked[1] = false;
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.way.dribble.is_none() && !self.way.lazy {
            return Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        // Both answers are tried.
        self.way.dribble != Some(1)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.hesitate(2, cx));
        ready!(self.release(cx))?;
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.asked[2] = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        assert!(self.held.is_empty(), "something was not flushed");
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A machine on a stream, and what is at the stream's other end.
struct Joined<E> {
    runtime: Runtime,
    connection: Connection<Stream, E>,
    far: DuplexStream,
    /// What the far end has still to write.
    coming: VecDeque<u8>,
    /// All that the far end has read.
    said: Vec<u8>,
    /// The stream's end was read.
    ended: bool,
}

impl<E: Endpoint> Joined<E> {
    fn new(way: Way, endpoint: E) -> Self {
        let (near, far) = duplex(way.window);
        let stream = Stream { inner: near, way, held: VecDeque::new(), asked: [false; 3] };
        Self {
            runtime: Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap(),
            connection: Connection::new(stream, endpoint),
            far,
            coming: VecDeque::new(),
            said: Vec::new(),
            ended: false,
        }
    }

    fn endpoint(&mut self) -> &mut E {
        self.connection.endpoint_mut()
    }

    /// Goes on until there is an event or nothing moves any more; what the machine wants then.
    fn advance(&mut self) -> Step {
        let deaf = self.connection.stream().way.deaf;
        let Self { runtime, connection, far, coming, said, ended } = self;
        let mut last = Step::Read;
        let going = poll_fn(|cx| {
            while write(far, coming, cx) {}
            // To a closed connection there is nothing to write.
            if !deaf || coming.is_empty() || last == Step::Close {
                while read(far, said, ended, cx) {}
            }
            match connection.poll_next(cx) {
                Poll::Ready(Ok(Step::Event)) => return Poll::Ready(Step::Event),
                Poll::Ready(Ok(Step::Idle)) => {
                    last = Step::Idle;
                    // The peer may say something nevertheless.
                    match pin!(connection.written()).poll(cx) {
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
                        let shut = Pin::new(connection.stream_mut()).poll_shutdown(cx);
                        assert!(matches!(shut, Poll::Ready(Ok(()))));
                        cx.waker().wake_by_ref();
                    }
                }
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => last = Step::Read,
            }
            Poll::Pending
        });
        let step = runtime.block_on(async { time::timeout(QUIET, going).await });
        step.unwrap_or(last)
    }

    /// Lets the clock run until the timer is due but for a second.
    fn wait(&mut self) {
        let time = self.endpoint().wire().timer().after;
        self.runtime.block_on(time::advance(time - SECOND));
    }

    /// And to its end.
    fn wait_on(&mut self) {
        self.runtime.block_on(time::advance(SECOND));
    }

    fn eof(&mut self) {
        self.runtime.block_on(self.far.shutdown()).unwrap();
    }
}

/// Writes at the far end; whether anything was written.
fn write(far: &mut DuplexStream, coming: &mut VecDeque<u8>, cx: &mut Context<'_>) -> bool {
    if coming.is_empty() {
        return false;
    }
    let Poll::Ready(written) = Pin::new(far).poll_write(cx, coming.as_slices().0) else {
        return false;
    };
    // A stream that was closed takes nothing: it is lost.
    let written = written.unwrap_or(coming.len());
    coming.drain(..written);
    true
}

/// Reads at the far end; whether anything was read.
fn read(
    far: &mut DuplexStream,
    said: &mut Vec<u8>,
    ended: &mut bool,
    cx: &mut Context<'_>,
) -> bool {
    let mut space = [0; 4096];
    let mut buffer = ReadBuf::new(&mut space);
    if *ended || Pin::new(far).poll_read(cx, &mut buffer).is_pending() {
        return false;
    }
    *ended = buffer.filled().is_empty();
    said.extend_from_slice(buffer.filled());
    true
}

/// A server of a dialog on a stream.
struct Served {
    joined: Joined<Server>,
    account: Account,
    application: Application,
    step: Step,
    /// Octets of what was said that were compared.
    compared: usize,
}

impl Served {
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

impl Line for Served {
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

#[test]
fn server() {
    let dialogs = dialog::all("server");
    assert!(dialogs.len() >= 130, "where are the dialogs? {}", dialogs.len());
    let played = all(&dialogs, |dialog| {
        let ways = if dialog.together { &TOGETHER[..] } else { &WAYS[..] };
        let account = dialog.account();
        for &way in ways {
            let mut served = Served::new(dialog, way, account.clone());
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

impl Link for Joined<Client> {
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

#[test]
fn client() {
    let dialogs = client_dialog::all("client");
    assert!(dialogs.len() >= 75, "where are the dialogs? {}", dialogs.len());
    let played = all(&dialogs, |dialog| {
        let ways = if dialog.together { &TOGETHER[..1] } else { &WAYS[..] };
        for &way in ways {
            dialog.over(|client| Joined::new(way, client));
        }
        ways.len()
    });
    println!("{} dialogs, {played} times", dialogs.len());
}
