//! What must not change unnoticed: auto traits, sizes, and allocations.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    panic::UnwindSafe,
    sync::Arc,
};

use bytes::{Buf, Bytes};
use smtp_proto::{
    client::{
        self, Chunking, Client, Content, Envelope, Event as ClientEvent, Opening, OpeningStep,
        Recipient, TlsUse, Transaction, TransactionOptions, TransactionStep,
    },
    domain::{HelloName, Host},
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    server::{Config, Event, Server},
    wire::{Endpoint, Step, Wire},
};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = COUNT.try_with(|counted| counted.set(counted.get() + 1));
}

// SAFETY: everything is left to the system's allocator.
#[expect(unsafe_code, reason = "an allocator cannot be written without; it only counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is handed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(of: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    of();
    COUNT.with(Cell::get) - before
}

#[test]
fn auto_traits() {
    fn everywhere<T: Send + Sync + UnwindSafe + 'static>() {}
    everywhere::<Server>();
    everywhere::<Client>();
    everywhere::<Config>();
    everywhere::<client::Config>();
    everywhere::<client::Report>();
}

#[test]
fn sizes() {
    let bounds = [
        ("Server", size_of::<Server>(), 336),
        ("Client", size_of::<Client>(), 560),
        ("Wire", size_of::<Wire>(), 160),
        ("server::Event", size_of::<Event<'_>>(), 104),
        ("client::Event", size_of::<ClientEvent<'_>>(), 48),
        ("Transaction", size_of::<Transaction<'_>>(), 264),
    ];
    for (name, size, most) in bounds {
        println!("{name}: {size} octets");
        assert!(size <= most, "{name} has {size} octets, more than {most}");
    }
}

fn drain(wire: &mut Wire) {
    let waiting = wire.output().remaining();
    wire.output().advance(waiting);
}

/// Runs the server to its rest. The body is dropped, as by an application that has passed it on.
fn serve(server: &mut Server) {
    loop {
        match server.step() {
            Step::Write => drain(server.wire()),
            Step::Event => match server.event() {
                Some(Event::Connected(token)) => token.accept(),
                Some(Event::Hello(token)) => token.accept(),
                Some(Event::Mail(token)) => token.accept(),
                Some(Event::Rcpt(token)) => token.accept(),
                Some(Event::Data(token)) => token.accept(),
                Some(Event::Delivery(token)) => token.accept(),
                _ => {}
            },
            _ => return,
        }
    }
}

#[test]
fn a_group_allocates_nothing_in_the_server() {
    let mut message = b"Subject: a message of 1 KiB\r\n\r\n".to_vec();
    while message.len() < 1024 {
        message.extend_from_slice(b"all work and no play makes jack a dull boy\r\n");
    }
    message.extend_from_slice(b".\r\n");
    let config = Arc::new(Config::new(Host::parse("mx.example.net").unwrap()));
    let group = b"MAIL FROM:<a@x.example> SIZE=1024\r\nRCPT TO:<b@x.example>\r\nDATA\r\n";
    for lent in [false, true] {
        let mut server = Server::new(Arc::clone(&config));
        let give = |server: &mut Server, octets: &[u8]| {
            if lent {
                server.wire().spare()[..octets.len()].copy_from_slice(octets);
                server.wire().received(octets.len());
            } else {
                assert_eq!(server.wire().receive(octets), octets.len());
            }
            serve(server);
        };
        give(&mut server, b"EHLO c.example\r\n");
        let mut counts = Vec::new();
        for _ in 0..50 {
            counts.push(allocations(|| {
                give(&mut server, group);
                give(&mut server, &message);
            }));
        }
        println!("spare {lent}: allocations of each message: {counts:?}");
        assert_eq!(counts[10..].iter().sum::<u64>(), 0, "spare {lent}: {counts:?}");
    }
}

/// Moves everything between the two; what the client is told goes to `told`.
fn exchange(client: &mut Client, server: &mut Server, buffer: &mut Vec<u8>) {
    buffer.clear();
    while client.wire().output().has_remaining() {
        let output = client.wire().output();
        let n = output.chunk().len();
        buffer.extend_from_slice(output.chunk());
        output.advance(n);
    }
    assert_eq!(server.wire().receive(buffer), buffer.len());
    loop {
        match server.step() {
            Step::Write => {
                let output = server.wire().output();
                let n = client.wire().receive(output.chunk());
                output.advance(n);
            }
            Step::Event => match server.event() {
                Some(Event::Connected(token)) => token.accept(),
                Some(Event::Hello(token)) => token.accept(),
                Some(Event::Mail(token)) => token.accept(),
                Some(Event::Rcpt(token)) => token.accept(),
                Some(Event::Data(token)) => token.accept(),
                Some(Event::Delivery(token)) => token.accept(),
                _ => {}
            },
            _ => return,
        }
    }
}

#[test]
fn a_transaction_allocates_little_in_the_client() {
    let config = Arc::new(Config::new(Host::parse("mx.example.net").unwrap()));
    let (mut client, mut server) = (Client::new(client::Config::default()), Server::new(config));
    let mut buffer = Vec::with_capacity(10_000);
    let mut opening = Opening::new(HelloName::parse("c.example").unwrap(), TlsUse::None);
    loop {
        match opening.next(&mut client) {
            OpeningStep::Ready => break,
            OpeningStep::Await => {}
            OpeningStep::Failed(error) => panic!("{error}"),
        }
        match client.step() {
            Step::Event => match client.event() {
                Some(ClientEvent::Reply { to, reply }) => opening.reply(to, reply),
                other => panic!("{other:?}"),
            },
            _ => exchange(&mut client, &mut server, &mut buffer),
        }
    }
    let recipients = [Recipient::from(ForwardPath::parse("<b@x.example>").unwrap())];
    let envelope = Envelope {
        reverse_path: ReversePath::parse("<a@x.example>").unwrap(),
        parameters: Parameters::EMPTY,
        recipients: &recipients,
    };
    let message = Bytes::from([b"x".repeat(510), b"x".repeat(510)].join(&b"\r\n"[..]));
    for chunking in [Chunking::Never, Chunking::Auto] {
        let mut options = TransactionOptions::default();
        options.chunking = chunking;
        for size in [None, Some(1024)] {
            let mut counts = Vec::new();
            for _ in 0..50 {
                let mut counted = 0;
                let content = Content { size, ..Content::default() };
                let mut transaction = None;
                counted += allocations(|| {
                    transaction = Some(Transaction::new(envelope, content, options));
                });
                let mut transaction = transaction.unwrap();
                let mut body = Some(message.clone());
                loop {
                    let mut step = TransactionStep::Await;
                    counted += allocations(|| step = transaction.next(&mut client).unwrap());
                    if step == TransactionStep::Done {
                        break;
                    }
                    let mut now = Step::Idle;
                    counted += allocations(|| now = client.step());
                    match now {
                        Step::Event => {
                            counted += allocations(|| match client.event() {
                                Some(ClientEvent::Reply { to, reply }) => {
                                    transaction.reply(to, reply);
                                }
                                other => panic!("{other:?}"),
                            });
                        }
                        Step::Idle => {
                            counted += allocations(|| match body.take() {
                                Some(body) => transaction.body(&mut client, body).unwrap(),
                                None => transaction.end_of_body(&mut client).unwrap(),
                            });
                        }
                        _ => exchange(&mut client, &mut server, &mut buffer),
                    }
                }
                assert!(transaction.report().all_delivered());
                counts.push(counted);
            }
            println!("{chunking:?} size {size:?}: allocations of each transaction: {counts:?}");
            // The outcomes and the reply they keep.
            assert!(counts[10..].iter().all(|count| *count <= 2), "{counts:?}");
        }
    }
}
