//! What an idle session of a server owns, counted by the allocator.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::{Read, Write},
    net::TcpStream,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use smtp_frontend::{
    Backend, Body, Facts, Handle, Recipient, Sender, Session,
    proto::{
        answer::{Acceptance, Rejection},
        domain::Host,
        server::Config,
    },
};

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is left to the system's allocator.
#[expect(unsafe_code, reason = "an allocator cannot be written without; it only counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A session that owns nothing.
struct Nothing;

impl Backend for Nothing {
    type Session = Self;

    async fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(Self)
    }
}

impl Session for Nothing {
    async fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    async fn rcpt(&mut self, _: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    async fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        body.read_to_end(1 << 20).await?;
        Ok(Acceptance::default())
    }

    fn reset(&mut self) {}
}

/// A port, and what serves there.
type Begun = (u16, Handle);

/// The same program for each runtime.
macro_rules! serve {
    ($smtp:ident, $listener:ty, $tell:expr) => {{
        let listener = <$listener>::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Config::new(Host::parse("mx.example").unwrap());
        let server = $smtp::Server::new(config, Nothing).listen_smtp(listener);
        $tell.send((port, server.handle())).unwrap();
        server.serve().await;
    }};
}

fn on_tokio(tell: mpsc::Sender<Begun>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { serve!(smtp_tokio, tokio::net::TcpListener, tell) });
}

fn on_smol(tell: mpsc::Sender<Begun>) {
    smol::block_on(async { serve!(smtp_smol, smol::net::TcpListener, tell) });
}

/// Says this, and reads the reply, whose last line has a blank behind its code.
fn ask(mut client: &TcpStream, command: &[u8]) {
    client.write_all(command).unwrap();
    let (mut reply, mut length) = ([0; 1024], 0);
    loop {
        length += client.read(&mut reply[length..]).unwrap();
        let said = &reply[..length];
        let last = said.rsplit(|octet| *octet == b'\n').nth(1);
        if said.ends_with(b"\r\n") && last.is_some_and(|line| line.get(3) == Some(&b' ')) {
            return;
        }
    }
}

/// A session that has had a message, and waits.
fn session(port: u16) -> TcpStream {
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    ask(&client, b"");
    ask(&client, b"EHLO client.example\r\n");
    ask(&client, b"MAIL FROM:<>\r\n");
    ask(&client, b"RCPT TO:<b@mx.example>\r\n");
    ask(&client, b"DATA\r\n");
    ask(&client, b"Subject: x\r\n\r\nx\r\n.\r\n");
    client
}

/// Octets for each of many sessions, at most. What a session still holds when its client has the reply
/// already, it lets go of by and by.
fn owned(port: u16, most: usize) -> usize {
    const SESSIONS: usize = 200;
    let first = session(port);
    let before = LIVE.load(Ordering::Relaxed);
    let mut clients = Vec::with_capacity(SESSIONS);
    clients.extend((0..SESSIONS).map(|_| session(port)));
    let each = || {
        let held = LIVE.load(Ordering::Relaxed) - before - SESSIONS * size_of::<TcpStream>();
        held / SESSIONS
    };
    let settled = (0..1_000_000).any(|_| {
        thread::yield_now();
        each() <= most
    });
    let held = each();
    drop(first);
    if settled { held.min(most) } else { held }
}

/// What the bench measures (PERFORMANCE.md), without the sixth that the allocator adds. The bound leaves room for the
/// tables that all sessions share, which grow by doubling, and none for the next size that tokio gives a task.
#[test]
fn an_idle_session_owns_no_more_than_it_did() {
    type Serve = fn(mpsc::Sender<Begun>);
    let runtimes: [(&str, Serve, usize); 2] =
        [("tokio", on_tokio, 1_384), ("smol", on_smol, 1_336)];
    for (name, serve, most) in runtimes {
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || serve(tell));
        let (port, handle) = told.recv().unwrap();
        let each = owned(port, most);
        handle.shut_down();
        thread.join().unwrap();
        println!("on {name}: {each} octets");
        assert!(each <= most, "on {name}: {each} octets, more than {most}");
    }
}
