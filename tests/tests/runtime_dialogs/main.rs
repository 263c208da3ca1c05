//! Every dialog, played through each runtime: over streams of any width, and over one that does as little
//! as a stream may. No sockets. Time stands still until nothing moves any more: tokio's clock then jumps,
//! elsewhere the machine is told.

mod still;
mod stream;

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use smtp_frontend::testing::{End, Pipe, pipe};
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

use crate::{
    still::{Loop, Still},
    stream::{Stream, TOGETHER, WAYS, Way},
};

/// More turns than any dialog takes: beyond it the session spins.
const TURNS: usize = 100_000;

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
