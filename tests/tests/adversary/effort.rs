//! Work that grows faster than its input: 24 hostile shapes, each sixteen times at length and once at
//! sixteen times the length.

use std::time::{Duration, Instant};

use smtp_proto::{
    auth::Base64,
    client::{self, Client},
    data::{BareNewline, Decoder},
    date::Date,
    domain::HelloName,
    extension::Extension,
    path::Mailbox,
    profile::Syntax,
    report::DeliveryStatus,
    trace::HeaderScanner,
    wire::Endpoint,
};
use smtp_tests::take_output;

use crate::attacked::{HELLO, TO_DATA, Told, attack, config, hear, server};

const SHORT: usize = 1 << 14;
const TIMES: usize = 16;
/// What a quadratic one takes is 16 times as much.
const MOST: u32 = 5;

fn serve(before: &[u8], octets: &[u8], piece: usize) {
    let mut server = server(config().offer(Extension::BinaryMime).limits(|limits| {
        // Not the limits are on trial: with them nothing would be long.
        limits.bad_commands = u32::MAX;
        limits.endless_line = usize::MAX;
    }));
    let mut told = Told::default();
    for line in [HELLO, before].concat().split_inclusive(|octet| *octet == b'\n') {
        attack(&mut server, line, usize::MAX, &mut told);
    }
    attack(&mut server, octets, piece, &mut told);
}

fn listen(start: &[u8], octets: &[u8], piece: usize) {
    let mut config = client::Config::default();
    config.limits.reply = usize::MAX >> 8;
    config.limits.reply_line = usize::MAX >> 8;
    config.limits.reply_lines = usize::MAX >> 8;
    let mut client = Client::new(config);
    hear(&mut client, b"220 mx.example\r\n");
    client.hello(HelloName::parse("client.example").unwrap()).unwrap();
    take_output(client.wire(), usize::MAX);
    hear(&mut client, start);
    octets.chunks(piece).for_each(|piece| drop(hear(&mut client, piece)));
    hear(&mut client, b"250 x\r\n");
}

/// What it is, and so many octets of it in use.
type Shape = (&'static str, Box<dyn Fn(usize)>);

/// `length` octets of this, over and over.
fn of(pattern: &str, length: usize) -> Vec<u8> {
    pattern.bytes().cycle().take(length).collect()
}

fn least(shape: &dyn Fn(usize), length: usize, times: usize) -> Duration {
    let run = || {
        let start = Instant::now();
        (0..times).for_each(|_| shape(length));
        start.elapsed()
    };
    (0..3).map(|_| run()).min().unwrap()
}

#[test]
fn no_shape_of_input_costs_more_than_its_length() {
    let in_chunk = b"MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<b@y.example>\r\nBDAT 900000\r\n";
    let to_rcpt = b"MAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\n";
    let wide = Syntax::LENIENT;
    let shapes: [Shape; 24] = [
        ("a line, octet by octet", Box::new(|n| serve(b"", &of("x", n), 1))),
        ("a line of CR, octet by octet", Box::new(|n| serve(b"", &of("\r", n), 1))),
        ("lines of LF", Box::new(|n| serve(b"", &of("\n", n), 100))),
        ("empty lines", Box::new(|n| serve(b"", &of("\r\n", n), 100))),
        ("a group of commands", Box::new(|n| serve(b"", &of("NOOP\r\n", n), n))),
        ("content, octet by octet", Box::new(|n| serve(TO_DATA, &of("x", n), 1))),
        ("content of CR", Box::new(|n| serve(TO_DATA, &of("\r", n), 7))),
        ("content of CR LF dots", Box::new(|n| serve(TO_DATA, &of("\r\n.", n), 7))),
        ("content of dots", Box::new(|n| serve(TO_DATA, &of("..\r\n", n), n))),
        ("a chunk, octet by octet", Box::new(move |n| serve(in_chunk, &of("x", n), 1))),
        ("empty chunks", Box::new(|n| serve(to_rcpt, &of("BDAT 0\r\n", n), n))),
        (
            "recipients",
            Box::new(|n| {
                serve(b"MAIL FROM:<>\r\n", &of("RCPT TO:<b@y.example>\r\n", n), n);
            }),
        ),
        ("a reply line, octet by octet", Box::new(|n| listen(b"250-", &of("x", n), 1))),
        ("reply lines", Box::new(|n| listen(b"250-x\r\n", &of("250-X\r\n", n), n))),
        ("reply lines, octet by octet", Box::new(|n| listen(b"250-x\r\n", &of("250-X\r\n", n), 1))),
        ("reply of LIMITS", Box::new(|n| listen(b"250-x\r\n250-LIMITS", &of(" A=1", n), n))),
        (
            "a path of quotes",
            Box::new(move |n| {
                let _ = Mailbox::parse_with(&of("\"\\\"", n), &wide);
            }),
        ),
        (
            "a path of dots",
            Box::new(move |n| {
                let _ = Mailbox::parse_with(&of("a.", n), &wide);
            }),
        ),
        ("base64", Box::new(|n| assert!(Base64::parse(&of("A", n)).is_ok()))),
        ("a header of one field", Box::new(|n| HeaderScanner::new().scan(&of("x:\r\n ", n)))),
        (
            "Received fields, octet by octet",
            Box::new(|n| {
                let mut scanner = HeaderScanner::new();
                of("Received: x\r\n", n).chunks(1).for_each(|octet| scanner.scan(octet));
            }),
        ),
        (
            "a date of comments",
            Box::new(|n| {
                let _ = Date::parse(&String::from_utf8(of("(", n)).unwrap());
            }),
        ),
        (
            "a report of fields",
            Box::new(|n| {
                let _ = DeliveryStatus::parse(&String::from_utf8(of("A: b\n\n", n)).unwrap());
            }),
        ),
        (
            "a decoder, octet by octet",
            Box::new(|n| {
                let mut decoder = Decoder::new(BareNewline::Normalize);
                let (mut held, octets) = (Vec::new(), of("\r\r\n.", n));
                for octet in octets {
                    held.push(octet);
                    let consumed = decoder.decode(&mut held).consumed;
                    held.drain(..consumed);
                }
            }),
        ),
    ];
    for (name, shape) in &shapes {
        // Both take about as long, so that a machine that does other things too is slow for both; it may
        // be for one of them only: once more then.
        let growth = (0..3)
            .map(|_| {
                let once = least(shape, SHORT, TIMES).max(Duration::from_micros(300));
                let more = least(shape, SHORT * TIMES, 1);
                u32::try_from(more.as_nanos() / once.as_nanos().max(1)).unwrap_or(u32::MAX)
            })
            .find(|growth| *growth <= MOST);
        assert!(
            growth.is_some(),
            "{name}: in one piece, more than {MOST} times the work of sixteen pieces"
        );
    }
}
