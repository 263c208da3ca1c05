//! The driver on streams that do as little as a stream may.

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use macro_rules_attribute::apply;
use smtp_frontend::testing::Pipe;

use crate::{
    rt::{
        On, TcpStream,
        smtp::{
            Connection,
            proto::{
                client::{self, Client},
                domain::{HelloName, Host},
                fault::Fault,
                limits::{ServerLimits, ServerTimeouts},
                server::{Config, Event, Server},
                wire::Step,
            },
        },
    },
    suite::octets::{Duplex, Octets, duplex, yield_now},
};

/// What a stream does when it is asked.
#[derive(Debug, Clone, Copy)]
enum Way {
    Never,
    End,
    Fail,
    /// Takes everything (when writing).
    Ready,
}

/// A stream that counts how often it is asked.
#[derive(Debug)]
struct Stubborn {
    read: Way,
    write: Way,
    asked: usize,
}

impl Pipe for Stubborn {
    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        self.asked += 1;
        match self.read {
            Way::Never => Poll::Pending,
            Way::End | Way::Ready => Poll::Ready(Ok(0)),
            Way::Fail => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }

    fn poll_write(&mut self, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.asked += 1;
        match self.write {
            Way::Never => Poll::Pending,
            Way::End => Poll::Ready(Ok(0)),
            Way::Ready => Poll::Ready(Ok(octets.len())),
            Way::Fail => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.asked += 1;
        match self.write {
            Way::Never => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }
}

/// Far less than any session has in earnest, so that a test need not wait.
const MOMENT: Duration = Duration::from_millis(5);

fn impatient() -> Config {
    let mut timeouts = ServerTimeouts::default();
    (timeouts.command, timeouts.closing) = (MOMENT, MOMENT);
    Config::new(Host::parse("mx.example.org").unwrap()).timeouts(timeouts)
}

fn config() -> Arc<Config> {
    Arc::new(Config::new(Host::parse("mx.example.org").unwrap()))
}

const WAYS: [(Way, Way); 8] = [
    (Way::Never, Way::Never),
    (Way::Never, Way::Ready),
    (Way::Never, Way::Fail),
    (Way::Never, Way::End),
    (Way::End, Way::Never),
    (Way::End, Way::Ready),
    (Way::End, Way::Fail),
    (Way::Fail, Way::Fail),
];

#[apply(on_runtime)]
async fn a_server_ends_in_bounded_polls_on_any_stream() {
    for (read, write) in WAYS {
        let stream = On::new(Stubborn { read, write, asked: 0 });
        let mut connection = Connection::new(stream, Server::new(Arc::new(impatient())));
        let mut turns = 0;
        loop {
            turns += 1;
            assert!(turns < 10, "{read:?} {write:?}");
            match connection.next().await {
                Ok(Step::Event) => {
                    if let Some(Event::Connected(question)) = connection.endpoint_mut().event() {
                        question.accept();
                    }
                }
                Ok(Step::Close) | Err(_) => break,
                Ok(step) => panic!("{step:?}"),
            }
        }
        assert!(connection.stream().0.asked < 20, "{read:?} {write:?}");
    }
}

#[apply(on_runtime)]
async fn a_client_ends_in_bounded_polls_on_any_stream() {
    for (read, write) in WAYS {
        let stream = On::new(Stubborn { read, write, asked: 0 });
        let mut config = client::Config::default();
        config.timeouts.greeting = MOMENT;
        let mut connection = Connection::new(stream, Client::new(config));
        let name = HelloName::parse("client.example").unwrap();
        connection.endpoint_mut().hello(name).unwrap();
        let mut turns = 0;
        loop {
            turns += 1;
            assert!(turns < 10, "{read:?} {write:?}");
            match connection.next().await {
                Ok(Step::Event) => drop(connection.endpoint_mut().event()),
                Ok(Step::Close) | Err(_) => break,
                Ok(step) => panic!("{step:?}"),
            }
        }
        assert!(connection.stream().0.asked < 20, "{read:?} {write:?}");
    }
}

/// The time is kept, and begins anew with each command but with no octet.
#[apply(on_runtime)]
async fn a_silent_peer_is_told_so_when_its_time_is_over() {
    let (near, mut far) = duplex(4096);
    let mut connection = Connection::new(near, Server::new(Arc::new(impatient())));
    let begun = Instant::now();
    while let Ok(Step::Event) = connection.next().await {
        if let Some(Event::Connected(question)) = connection.endpoint_mut().event() {
            question.accept();
        }
    }
    assert!(begun.elapsed() >= MOMENT);
    drop(connection);
    let said = far.read_to_end().await;
    assert!(said.ends_with("421 4.4.2 mx.example.org timeout, closing\r\n"), "{said}");
}

/// A stream on which this can be read again and again, and which takes everything.
#[derive(Debug)]
pub(crate) struct Endless {
    says: Vec<u8>,
    reads: Arc<AtomicUsize>,
}

impl Endless {
    /// How often it was read is to be set back whenever somebody else has a turn.
    pub(crate) fn new(says: &[u8]) -> (On<Self>, Arc<AtomicUsize>) {
        let reads = Arc::<AtomicUsize>::default();
        let says = says.repeat(512 / says.len());
        (On::new(Self { says, reads: Arc::clone(&reads) }), reads)
    }
}

impl Pipe for Endless {
    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        assert!(reads < 100_000, "nobody else has a turn");
        let read = self.says.len().min(buffer.len());
        buffer[..read].copy_from_slice(&self.says[..read]);
        Poll::Ready(Ok(read))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(octets.len()))
    }
}

/// Whoever talks without end does not keep the thread for itself.
#[apply(on_runtime)]
async fn others_have_their_turn_beside_a_peer_that_is_always_ready() {
    let (stream, reads) = Endless::new(b"NOOP\r\n");
    let mut connection = Connection::new(stream, Server::new(config()));
    let mut serving = pin!(async {
        while let Ok(Step::Event) = connection.next().await {
            if let Some(Event::Connected(question)) = connection.endpoint_mut().event() {
                question.accept();
            }
        }
    });
    // It is pending, and wants to be polled again.
    let mut polls = 0;
    poll_fn(|cx| {
        assert!(serving.as_mut().poll(cx).is_pending());
        polls += 1;
        reads.store(0, Ordering::Relaxed);
        if polls == 10 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The time is kept though the stream is never pending.
#[apply(on_runtime)]
async fn a_peer_that_is_always_ready_has_no_more_time() {
    let endless = |limits: &mut ServerLimits| {
        (limits.command_line, limits.endless_line) = (1 << 30, 1 << 30);
    };
    let server = Server::new(Arc::new(impatient().limits(endless)));
    let (stream, reads) = Endless::new(b"x");
    let mut connection = Connection::new(stream, server);
    let mut serving = pin!(async {
        let mut fault = None;
        while let Ok(Step::Event) = connection.next().await {
            match connection.endpoint_mut().event() {
                Some(Event::Connected(question)) => question.accept(),
                Some(Event::Fault(said)) => fault = Some(said),
                _ => {}
            }
        }
        fault
    });
    let fault = poll_fn(|cx| {
        reads.store(0, Ordering::Relaxed);
        serving.as_mut().poll(cx)
    });
    assert_eq!(fault.await, Some(Fault::Timeout));
}

/// RFC 2920 section 3.1: the peer may be waiting for us to read.
#[apply(on_runtime)]
async fn reads_while_a_write_waits() {
    let (near, mut far) = duplex(16);
    let mut connection = Connection::new(near, Server::new(config()));
    let mut serving = pin!(async {
        while let Ok(Step::Event) = connection.next().await {
            match connection.endpoint_mut().event() {
                Some(Event::Connected(question)) => question.accept(),
                Some(Event::Hello(question)) => question.accept(),
                _ => {}
            }
        }
    });
    let mut cx = Context::from_waker(Waker::noop());
    // The greeting fills the pipe, and more of it waits; 600 octets are read all the same.
    for _ in 0..60 {
        assert!(serving.as_mut().poll(&mut cx).is_pending());
        assert_eq!(far.write(b"NOOP\r\nNOO").await.unwrap(), 9);
        assert!(serving.as_mut().poll(&mut cx).is_pending());
        far.write_all(b"P").await.unwrap();
    }
}

/// The future of `next` may be dropped after any poll.
#[apply(on_runtime)]
async fn next_can_be_dropped_at_any_time() {
    let (near, mut far) = duplex(5);
    let mut connection = Connection::new(near, Server::new(config()));
    let mut cx = Context::from_waker(Waker::noop());
    let said = b"EHLO c.example\r\nNOOP\r\nQUIT\r\n";
    let mut heard = Vec::new();
    let mut sent = 0;
    loop {
        // A new future for each poll.
        let polled = pin!(connection.next()).poll(&mut cx);
        match polled {
            Poll::Ready(Ok(Step::Event)) => match connection.endpoint_mut().event() {
                Some(Event::Connected(question)) => question.accept(),
                Some(Event::Hello(question)) => question.accept(),
                _ => {}
            },
            Poll::Ready(Ok(Step::Close)) => break,
            Poll::Ready(other) => panic!("{other:?}"),
            Poll::Pending => {
                // A task that never yields may have its streams held back by the runtime.
                yield_now().await;
                let mut octet = [0];
                let read = pin!(far.read(&mut octet)).poll(&mut cx);
                if let Poll::Ready(Ok(1)) = read {
                    heard.push(octet[0]);
                } else if sent < said.len() {
                    far.write_all(&said[sent..=sent]).await.unwrap();
                    sent += 1;
                }
            }
        }
    }
    drop(connection);
    let heard = String::from_utf8(heard).unwrap() + &far.read_to_end().await;
    assert_eq!(heard.matches("\r\n250 ").count(), 2, "{heard}");
    assert!(heard.ends_with("221 2.0.0 mx.example.org closing, goodbye\r\n"), "{heard}");
}

/// A peer that hangs up in the middle of the content may have said why before.
#[apply(on_runtime)]
async fn the_last_words_of_a_peer_are_heard() {
    let (near, mut far) = duplex(4096);
    let mut connection = Connection::new(near, Client::new(client::Config::default()));
    let name = HelloName::parse("client.example").unwrap();
    connection.endpoint_mut().hello(name).unwrap();
    far.write_all(b"220 x\r\n421 4.3.2 going down\r\n").await.unwrap();
    drop(far);
    let mut heard = Vec::new();
    while let Ok(Step::Event) = connection.next().await {
        heard.push(format!("{:?}", connection.endpoint_mut().event()));
    }
    assert!(heard.iter().any(|event| event.contains("ServiceNotAvailable")), "{heard:?}");
}

/// A session that waits owns next to nothing.
#[test]
fn sizes() {
    let connection = std::mem::size_of::<Connection<TcpStream, Server>>();
    assert!(connection <= 640, "{connection}");
    let server = crate::suite::help::server(&crate::suite::help::Store::default());
    let stream = duplex(1).0;
    let serving =
        server.serve_connection(stream, crate::rt::smtp::Service::Smtp, Default::default());
    let session = std::mem::size_of_val(&serving);
    assert!(session <= 576, "{session}");
}

/// Content of many pieces leaves in few writes, and the dot with the last of them.
#[apply(on_runtime)]
async fn the_dot_leaves_with_the_content() {
    struct Vectored(Vec<usize>, Duplex);
    impl Pipe for Vectored {
        fn poll_read(
            &mut self,
            cx: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.1.0.poll_read(cx, buffer)
        }
        fn poll_write(&mut self, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
            self.0.push(octets.len());
            Poll::Ready(Ok(octets.len()))
        }
        fn poll_write_vectored(
            &mut self,
            _: &mut Context<'_>,
            slices: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let octets = slices.iter().map(|slice| slice.len()).sum();
            self.0.push(octets);
            Poll::Ready(Ok(octets))
        }
    }
    let (near, mut far) = duplex(4096);
    far.write_all(b"220 x\r\n").await.unwrap();
    let mut connection = Connection::new(
        On::new(Vectored(Vec::new(), near)),
        Client::new(client::Config::default()),
    );
    let machine = connection.endpoint_mut();
    machine.hello(HelloName::parse("client.example").unwrap()).unwrap();
    let mut queued = false;
    loop {
        match connection.next().await.unwrap() {
            Step::Event => {
                let event = connection.endpoint_mut().event();
                if let Some(client::Event::Reply { to: client::ReplyTo::Greeting, .. }) = event {
                    far.write_all(b"250-x\r\n250 PIPELINING\r\n").await.unwrap();
                }
            }
            Step::Idle if !queued => {
                let machine = connection.endpoint_mut();
                machine
                    .mail(crate::rt::smtp::proto::path::ReversePath::Null, Default::default())
                    .unwrap();
                let postmaster = crate::rt::smtp::proto::path::ForwardPath::Postmaster;
                machine.rcpt(postmaster, Default::default()).unwrap();
                machine.data().unwrap();
                far.write_all(b"250 OK\r\n250 OK\r\n354 go\r\n").await.unwrap();
                queued = true;
            }
            _ => break,
        }
    }
    connection.stream_mut().0.0.clear();
    let machine = connection.endpoint_mut();
    for _ in 0..10 {
        machine.body(Bytes::from_static(b"..\r\nline\r\n")).unwrap();
    }
    machine.end_of_data().unwrap();
    assert_eq!(connection.written().await.unwrap(), Step::Read);
    // Dots are slices of their own: they leave with what is around them.
    let writes = &connection.stream().0.0;
    assert_eq!(writes.iter().sum::<usize>(), 10 * 11 + 3);
    assert!(writes.len() <= 2, "{writes:?}");
}
