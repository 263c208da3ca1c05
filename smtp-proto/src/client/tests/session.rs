//! What a session tells of itself, and how long it waits.

use core::time::Duration;

use bytes::Bytes;

use crate::{
    client::{Client, Config, Misuse},
    domain::HelloName,
    limits::ClientTimeouts,
    path::{ForwardPath, ReversePath},
    tests::Call,
    wire::Endpoint,
};

fn mail(client: &mut Client) -> Result<(), Misuse> {
    client.mail(ReversePath::parse("<a@x.example>").unwrap(), Default::default())
}

fn rcpt(client: &mut Client) -> Result<(), Misuse> {
    client.rcpt(ForwardPath::parse("<b@x.example>").unwrap(), Default::default())
}

/// RFC 9422 section 4: how much a session may still be used for.
#[test]
fn what_is_left_of_the_servers_limits() {
    let room = |call: &Call, to: &[&str]| {
        call.client.has_room_for(to.iter().map(|to| ForwardPath::parse(to).unwrap()))
    };
    let (x, y, z, w) = ("<b@x.example>", "<b@y.example>", "<b@z.example>", "<b@w.example>");
    let mut call = Call::open(Config::default(), &["LIMITS MAILMAX=2 RCPTDOMAINMAX=2"]);
    assert_eq!(call.client.transactions_left(), Some(2));
    assert!(room(&call, &[y, z]));
    call.said(mail, "250 ok\r\n").unwrap();
    call.said(rcpt, "250 ok\r\n").unwrap();
    assert_eq!(call.client.transactions_left(), Some(1));
    assert!(room(&call, &[x, y]) && room(&call, &[y]) && room(&call, &[]));
    // A new session has room for them.
    assert!(!room(&call, &[y, z]));
    // None has, so that this one will do.
    assert!(room(&call, &[y, z, w]));
    call.said(Client::reset, "250 ok\r\n").unwrap();
    call.said(mail, "550 no\r\n").unwrap();
    assert_eq!(call.client.transactions_left(), Some(0));

    let unlimited = Call::open(Config::default(), &["SIZE"]);
    assert_eq!(unlimited.client.transactions_left(), None);
    assert!(room(&unlimited, &[x, y, z, w]));
}

/// RFC 5321 section 4.1.1.1: only a hello that was accepted offers anything.
#[test]
fn a_hello_that_was_refused_offers_nothing() {
    let mut call = Call::new(Config::default());
    call.hear("220 mx.example\r\n");
    call.client.hello(HelloName::parse("c.example").unwrap()).unwrap();
    call.sent();
    call.hear("550-not you\r\n550-PIPELINING\r\n550 SIZE 1000\r\n");
    assert_eq!(call.codes, [220, 550]);
    assert!(call.client.capabilities().is_none() && !call.client.pipelines());
}

/// RFC 5321 section 4.5.3.2: each command has its own time, from when it has left.
#[test]
fn each_reply_has_its_time() {
    let seconds = Duration::from_secs;
    let timeouts = ClientTimeouts {
        greeting: seconds(1),
        hello: seconds(2),
        mail: seconds(3),
        rcpt: seconds(4),
        data: seconds(5),
        block: seconds(6),
        chunk: seconds(7),
        end_of_data: seconds(8),
        other: seconds(9),
        quit: seconds(10),
        tls: seconds(11),
    };
    let config = || Config { timeouts, ..Config::default() };
    let time = |call: &mut Call| call.client.wire().timer().after;
    assert_eq!(time(&mut Call::new(config())), seconds(1));

    type Does = fn(&mut Client) -> Result<(), Misuse>;
    let ok = "250 ok\r\n";
    let steps: [(Does, u64, &str); 14] = [
        (
            |client| client.hello(HelloName::parse("c.example").unwrap()),
            2,
            "250-x\r\n250 CHUNKING\r\n",
        ),
        (Client::noop, 9, ok),
        (|client| client.help(None), 9, "214 ok\r\n"),
        (mail, 3, ok),
        (rcpt, 4, ok),
        (Client::data, 5, "354 go\r\n"),
        (|client| client.body(Bytes::from_static(b"text\r\n")), 6, ""),
        (Client::end_of_data, 8, ok),
        (mail, 3, ok),
        (rcpt, 4, ok),
        (|client| client.chunk(Bytes::from_static(b"text\r\n"), false), 7, ok),
        (|client| client.chunk(Bytes::from_static(b"text\r\n"), true), 8, ok),
        (Client::reset, 9, ok),
        (Client::quit, 10, "221 bye\r\n"),
    ];
    let mut call = Call::new(config());
    call.hear("220 mx.example\r\n");
    for (place, (does, time_due, reply)) in steps.into_iter().enumerate() {
        does(&mut call.client).unwrap();
        call.sent();
        assert_eq!(time(&mut call), seconds(time_due), "step {place}");
        call.hear(reply);
    }
    assert_eq!(call.fault, None);
}
