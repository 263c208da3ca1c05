//! What one connection can make a session hold: a bound in octets, counted by the allocator.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::Arc,
};

use smtp_proto::{
    client::{self, Client},
    command::Mechanism,
    extension::Extension,
    server::Server,
    wire::Endpoint,
};

use crate::attacked::{HELLO, TO_DATA, Told, attack, config, hear};

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(octets: isize) {
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + octets);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

fn size(layout: Layout) -> isize {
    isize::try_from(layout.size()).unwrap_or(isize::MAX)
}

// SAFETY: everything is left to the system's allocator.
#[expect(unsafe_code, reason = "an allocator cannot be written without; it only counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(size(layout));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-size(layout));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most octets that were held at a time, beyond what was held before.
fn peak(of: impl FnOnce()) -> isize {
    let before = LIVE.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    of();
    PEAK.with(Cell::get) - before
}

#[test]
fn a_connection_to_a_server_holds_no_more_than_a_bound() {
    /// Twice the room for content, and the output of a group.
    const BOUND: isize = 192 * 1024;
    let plain = Mechanism::parse("PLAIN").unwrap();
    let config = config()
        .offer(Extension::BinaryMime)
        .offer(Extension::Dsn)
        .mechanism(plain, false)
        .profile(|profile| profile.server.plaintext_auth = true);
    let config = Arc::new(config);
    let long = vec![b'x'; 1 << 20];
    let rcpt = b"RCPT TO:<bbbbbbbbbbbbbbbbbbbbbbbb@y.example> NOTIFY=NEVER\r\n".repeat(20_000);
    let attacks: [(&str, Vec<u8>); 10] = [
        ("a line without end", long.clone()),
        ("lines that are too long", [&[b'x'; 60_000][..], b"\r\n"].concat().repeat(15)),
        ("content without a line end", [TO_DATA, b"", &long].concat()),
        ("content of dots", [TO_DATA, &b"..\r\n".repeat(1 << 18)].concat()),
        ("recipients without number", [b"MAIL FROM:<>\r\n", &rcpt[..]].concat()),
        ("bad commands", b"FOO bar\r\n".repeat(50_000)),
        ("an AUTH response without end", [b"AUTH PLAIN\r\n", &long[..]].concat()),
        (
            "a chunk",
            [b"MAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\nBDAT 1000000\r\n", &long[..]].concat(),
        ),
        ("empty chunks", {
            let chunks = b"BDAT 0\r\n".repeat(100_000);
            [b"MAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\n", &chunks[..]].concat()
        }),
        ("hello again and again", b"EHLO client.example\r\n".repeat(40_000)),
    ];
    for (name, octets) in attacks {
        for piece in [1000, 100_000] {
            let mut told = Told::default();
            // What is said is the harness's to hold: it throws it away.
            let most = peak(|| {
                let mut server = Server::new(Arc::clone(&config));
                attack(&mut server, HELLO, usize::MAX, &mut told);
                for line in octets.chunks(4096) {
                    attack(&mut server, line, piece, &mut told);
                    told = Told::default();
                }
            });
            assert!(most <= BOUND, "{name}: {most} octets at a time");
        }
    }
}

#[test]
fn a_connection_to_an_evil_server_holds_no_more_than_a_bound() {
    /// A reply of 64 KiB, and room to grow into.
    const BOUND: isize = 256 * 1024;
    for (name, again) in [
        ("a line without end", "x".repeat(4096)),
        ("lines without end", "220-x\r\n".repeat(500)),
        ("long lines", format!("220-{}\r\n", "x".repeat(4000))),
        ("replies", "220 x\r\n".repeat(500)),
    ] {
        let most = peak(|| {
            let mut client = Client::new(client::Config::default());
            for _ in 0..200 {
                hear(&mut client, again.as_bytes());
                let _ = client.wire().output();
            }
        });
        assert!(most <= BOUND, "{name}: {most} octets at a time");
    }
}
