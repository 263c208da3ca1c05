//! No piece of a secret is left in memory that is given back (C-27): an allocator looks at each block as it
//! comes back.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    slice,
    sync::Arc,
};

use bytes::Buf;
use smtp_proto::{
    auth::{
        Known,
        client::{Mechanism as _, Plain},
        saslprep,
    },
    client::{self, Client},
    command::{Mechanism, Url},
    domain::{HelloName, Host},
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    server::{Config, Event, Server},
    transcript::{Content, Recording},
    wire::{Endpoint, Step},
};

/// A password of one pattern, so that of each piece of more than a few octets it is known what it is of.
const PASSWORD: &str =
    "Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~Z9~";
const AUTH: &str = "AUTH PLAIN AGFsaWNlAFo5flo5flo5flo5flo5flo5flo5flo5flo5flo5flo5flo5flo5flo5fl\
    o5flo5flo5flo5flo5flo5flo5flo5flo5flo5flo5flo5flo5fg==\r\n";
const PATTERNS: [&[u8]; 2] = [b"Z9~Z9~Z9", b"flo5flo5"];

struct Looking;

thread_local! {
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// Counts what is left in a block.
fn look(block: &[u8]) {
    let left = |pattern: &&[u8]| block.windows(pattern.len()).any(|piece| piece == *pattern);
    if PATTERNS.iter().any(left) {
        let _ = LEFT.try_with(|count| count.set(count.get() + 1));
    }
}

// SAFETY: everything is left to the system's allocator.
#[expect(unsafe_code, reason = "an allocator cannot be written without; it only reads")]
unsafe impl GlobalAlloc for Looking {
    /// All octets of a block have a value, so that they may be looked at.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller gives the whole block back, and nobody else has it.
        look(unsafe { slice::from_raw_parts(pointer, layout.size()) });
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Looking = Looking;

/// In how many blocks something was left.
fn left(by: impl FnOnce()) -> usize {
    let before = LEFT.with(Cell::get);
    by();
    LEFT.with(Cell::get) - before
}

#[test]
fn what_is_left_is_found() {
    assert_eq!(left(|| drop(PASSWORD.to_owned())), 1);
    assert_eq!(left(|| drop(AUTH.to_owned())), 1);
    // A piece that grows moves.
    assert!(left(|| drop(PASSWORD.chars().collect::<String>())) > 1);
}

/// All that the client has to say, or so much of it, in pieces of so many octets.
fn write(client: &mut Client, most: usize, piece: usize) {
    let mut left = most;
    while client.step() == Step::Write && left > 0 {
        let output = client.wire().output();
        let length = piece.min(output.chunk().len()).min(left);
        output.advance(length);
        left -= length;
    }
}

fn hear(client: &mut Client, octets: &str) {
    while client.step() == Step::Event {
        drop(client.event());
    }
    assert_eq!(client.wire().receive(octets.as_bytes()), octets.len());
    while client.step() == Step::Event {
        drop(client.event());
    }
}

fn client(recorded: bool) -> Client {
    let mut client = Client::new(client::Config::default());
    if recorded {
        client.wire().record(Recording::from(Content::Elided));
    }
    hear(&mut client, "220 mx.example\r\n");
    client.hello(HelloName::parse("c.example").unwrap()).unwrap();
    write(&mut client, usize::MAX, 100);
    hear(&mut client, "250-mx.example\r\n250-CHUNKING\r\n250-BURL imap\r\n250 AUTH PLAIN\r\n");
    client
}

#[test]
fn nothing_is_left_by_a_client() {
    for (most, piece) in [(0, 1), (70, 70), (100, 7), (usize::MAX, 1), (usize::MAX, 1000)] {
        for (inline, recorded) in [(true, false), (true, true), (false, false), (false, true)] {
            let count = left(|| {
                let mut client = client(recorded);
                let mut plain = Plain::new("", "alice", PASSWORD).unwrap();
                let response = plain.initial_response().unwrap();
                let name = Mechanism::parse("PLAIN").unwrap();
                if inline {
                    client.auth(name, Some(response.as_slice())).unwrap();
                } else {
                    client.auth(name, None).unwrap();
                    write(&mut client, usize::MAX, 100);
                    hear(&mut client, "334 \r\n");
                    client.auth_response(response.as_slice()).unwrap();
                }
                write(&mut client, most, piece);
                if most == usize::MAX {
                    hear(&mut client, "235 2.7.0\r\n");
                }
            });
            assert_eq!(count, 0, "{most} octets of {piece}, {inline}, {recorded}");
        }
    }
}

#[test]
fn nothing_is_left_of_the_key_of_a_url() {
    let url = format!("imap://a@b/c;URLAUTH=user+a:internal:{}", "Z9~".repeat(30));
    let count = left(|| {
        let mut client = client(false);
        let path = ForwardPath::parse("<a@b.example>").unwrap();
        client.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
        write(&mut client, usize::MAX, 100);
        hear(&mut client, "250 2.1.0\r\n");
        client.rcpt(path, Parameters::EMPTY).unwrap();
        write(&mut client, usize::MAX, 100);
        hear(&mut client, "250 2.1.5\r\n");
        client.burl(Url::parse(&url).unwrap(), true).unwrap();
        write(&mut client, usize::MAX, 10);
        hear(&mut client, "250 2.0.0\r\n");
    });
    assert_eq!(count, 0);
}

/// Whether the client has logged in.
fn answer(server: &mut Server) -> bool {
    let mut accepted = false;
    loop {
        match server.step() {
            Step::Write => {
                let output = server.wire().output();
                output.advance(output.remaining());
            }
            Step::Event => match server.event() {
                Some(Event::Connected(token)) => token.accept(),
                Some(Event::Hello(token)) => token.accept(),
                // The server's side of a challenge is not shown either.
                Some(Event::Auth(token)) if token.response().is_none() => {
                    token.challenge(PASSWORD.as_bytes());
                }
                Some(Event::Auth(token)) => {
                    accepted = token.response().is_some_and(|it| it.ends_with(PASSWORD.as_bytes()));
                    token.accept();
                }
                _ => {}
            },
            Step::Read | Step::Idle | Step::Close => return accepted,
        }
    }
}

/// A server that reads so many octets of all of this, in pieces of so many; whether the client has logged
/// in.
fn serve(said: &[&str], octets: usize, piece: usize, into_spare: bool) -> bool {
    let host = Host::parse("mx.example.net").unwrap();
    let config = Config::new(host).known_mechanism(Known::Plain);
    let config = config.profile(|profile| profile.server.plaintext_auth = true);
    let mut server = Server::new(Arc::new(config));
    answer(&mut server);
    let (mut left, mut accepted) = (octets, false);
    for said in said {
        let said = &said.as_bytes()[..said.len().min(left)];
        left -= said.len();
        for piece in said.chunks(piece) {
            if into_spare {
                server.wire().spare()[..piece.len()].copy_from_slice(piece);
                server.wire().received(piece.len());
            } else {
                assert_eq!(server.wire().receive(piece), piece.len());
            }
            accepted |= answer(&mut server);
        }
        server.wire().relax();
    }
    accepted
}

#[test]
fn nothing_is_left_by_a_server() {
    const EHLO: &str = "EHLO c.example\r\n";
    let prompted = &[EHLO, "AUTH PLAIN\r\n", &AUTH["AUTH PLAIN ".len()..]][..];
    for said in [&[EHLO, AUTH][..], prompted] {
        let whole = said.iter().map(|said| said.len()).sum::<usize>();
        for octets in [whole - 100, whole - 20, whole - 1, whole] {
            for piece in [1, 7, 64, 1000] {
                for into_spare in [false, true] {
                    let mut accepted = false;
                    let count = left(|| accepted = serve(said, octets, piece, into_spare));
                    assert_eq!(count, 0, "{octets} of {whole}, in {piece}, {into_spare}");
                    assert_eq!(accepted, octets == whole);
                }
            }
        }
    }
    // Behind another command in the same piece, and cut there.
    let group = format!("{EHLO}NOOP\r\nNOOP\r\n{AUTH}");
    for piece in 30..group.len() {
        for into_spare in [false, true] {
            let mut accepted = false;
            let all = [group.as_str()];
            let count = left(|| accepted = serve(&all, group.len(), piece, into_spare));
            assert_eq!((count, accepted), (0, true), "{piece}, {into_spare}");
        }
    }
}

#[test]
fn nothing_is_left_by_a_preparation() {
    // Each of these becomes six letters.
    let odd = format!("{PASSWORD}{}", "\u{3316}".repeat(100));
    assert_eq!(left(|| drop(saslprep(&odd).unwrap())), 0);
    let refused = format!("{odd}\u{7}");
    assert_eq!(left(|| drop(saslprep(&refused))), 0);
}
