//! What a session tells of itself, and how long it waits.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;

use bytes::{Buf, Bytes};

use crate::{
    client::{Client, Config, Event, Misuse, ReplyTo},
    command::{Url, Verb},
    domain::HelloName,
    limits::ClientTimeouts,
    path::{ForwardPath, ReversePath},
    sequence::State,
    tests::Call,
    transcript::Recording,
    upstream::{Attribute, Forwarded, Value},
    wire::{Endpoint, Step},
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

/// RFC 5321 section 3.1: behind a greeting that refuses there is nothing but QUIT, and what was queued is
/// not sent.
#[test]
fn a_greeting_that_refuses() {
    let hello = |client: &mut Client| client.hello(HelloName::parse("c.example").unwrap());
    let mut call = Call::new(Config::default());
    hello(&mut call.client).unwrap();
    call.hear("554 mx.example\r\n");
    assert_eq!((call.sent().as_str(), call.client.state()), ("", State::Refusing));
    let misuse = Misuse::Sequence { verb: Verb::Ehlo, state: State::Refusing };
    assert_eq!(hello(&mut call.client), Err(misuse));
    let said = call.said(Client::quit, "221 bye\r\n");
    assert_eq!((said.as_deref(), call.client.state()), (Ok("QUIT\r\n"), State::Closed));
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

/// What is sent at once of so many NOOPs, which are of six octets.
fn noops(call: &mut Call, count: usize) -> usize {
    (0..count).for_each(|_| call.client.noop().unwrap());
    call.sent().matches("NOOP\r\n").count()
}

/// RFC 2920 section 3.1: no more is sent in a group than may be in flight; each reply makes room for what it
/// answers, and for nothing else.
#[test]
fn the_octets_in_flight() {
    let open = |in_flight| {
        let mut config = Config::default();
        config.limits.in_flight = in_flight;
        let mut call = Call::open(config, &["PIPELINING", "CHUNKING", "BURL imap"]);
        call.said(mail, "250 ok\r\n").unwrap();
        call.said(rcpt, "250 ok\r\n").unwrap();
        call
    };
    let resets = |call: &mut Call, count: usize| {
        (0..count).for_each(|_| call.client.reset().unwrap());
        call.sent().matches("RSET\r\n").count()
    };
    // Six octets each; one more goes as long as not more than all is in flight.
    let mut call = open(18);
    assert_eq!(resets(&mut call, 9), 4);
    for left in [0, 1, 1, 1, 1, 1, 0] {
        call.hear("250 ok\r\n");
        assert_eq!(resets(&mut call, 0), left);
    }
    // A chunk counts as its command does, not as its octets: "BDAT 6" and CRLF, and perhaps " LAST".
    for (most, last, fits) in
        [(16, false, true), (15, false, false), (21, true, true), (20, true, false)]
    {
        let mut call = open(most);
        for last in [false, last] {
            call.client.chunk(Bytes::from_static(b"text\r\n"), last).unwrap();
        }
        call.client.reset().unwrap();
        let sent = call.sent();
        assert_eq!(sent.ends_with("text\r\nRSET\r\n"), fits, "{most} {sent}");
    }
    // Content to be fetched counts as its command does, also behind one that has not left yet.
    let url = "imap://u@h/Sent;uid=2;urlauth=submit+u:internal:91354a";
    let group = ["RCPT TO:<b@x.example>\r\nBURL ", url, "\r\n"].concat();
    for (most, next) in [(group.len(), "RSET\r\n"), (group.len() - 1, "")] {
        let mut call = open(most);
        rcpt(&mut call.client).unwrap();
        call.client.burl(Url::parse(url).unwrap(), false).unwrap();
        call.client.reset().unwrap();
        assert_eq!(call.sent(), [&group, next].concat());
    }
    // And what was answered counts no more.
    let mut call = open(30);
    for _ in 0..20 {
        call.client.chunk(Bytes::from_static(b"text\r\n"), true).unwrap();
        call.sent();
        call.hear("250 ok\r\n");
        call.said(mail, "250 ok\r\n").unwrap();
        call.said(rcpt, "250 ok\r\n").unwrap();
    }
    assert_eq!(resets(&mut call, 2), 2);
}

/// Without PIPELINING one by one, and each is given its time.
#[test]
fn what_is_queued_leaves_one_by_one() {
    let mut call = Call::open(Config::default(), &["SIZE"]);
    let lap = |call: &mut Call| call.client.wire().timer().lap;
    assert_eq!(noops(&mut call, 3), 1);
    for left in [1, 1, 0] {
        let before = lap(&mut call);
        call.hear("250 ok\r\n");
        assert_eq!(noops(&mut call, 0), left);
        assert_eq!(lap(&mut call) != before, left > 0);
    }
    assert_eq!(call.client.step(), Step::Idle);
}

/// RFC 5321 section 3.2: what comes behind a hello may be queued with it.
#[test]
fn a_transaction_behind_the_hello() {
    let mut call = Call::new(Config::default());
    call.client.hello(HelloName::parse("c.example").unwrap()).unwrap();
    mail(&mut call.client).unwrap();
    rcpt(&mut call.client).unwrap();
    call.hear("220 mx.example\r\n");
    assert_eq!(call.sent(), "EHLO c.example\r\n");
    call.hear("250-mx.example\r\n250 PIPELINING\r\n");
    assert_eq!(call.sent(), "MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n");
}

/// Content goes out between 354 and its end, and at no other time.
#[test]
fn content_at_its_time_alone() {
    let mut call = Call::open(Config::default(), &["SIZE"]);
    let body = |call: &mut Call| call.client.body(Bytes::from_static(b"text\r\n"));
    let misuse = |state| Err(Misuse::Sequence { verb: Verb::Data, state });
    call.said(mail, "250 ok\r\n").unwrap();
    call.said(rcpt, "250 ok\r\n").unwrap();
    assert_eq!(body(&mut call), misuse(State::Recipients));
    call.said(Client::data, "354 go\r\n").unwrap();
    body(&mut call).unwrap();
    call.client.end_of_data().unwrap();
    // Its reply has not come.
    assert_eq!(body(&mut call), misuse(State::Data));
    assert_eq!(call.client.end_of_data(), misuse(State::Data));
    assert_eq!(call.sent(), "text\r\n.\r\n");
    call.hear("250 ok\r\n");
    assert_eq!(body(&mut call), misuse(State::Ready));
}

/// RFC 2033 section 4.2: a transaction is over when the last recipient was answered for.
#[test]
fn the_last_reply_ends_an_lmtp_transaction() {
    type Does = fn(&mut Client) -> Result<(), Misuse>;
    let data: Does = |client| {
        client.body(Bytes::from_static(b"text\r\n"))?;
        client.end_of_data()
    };
    let chunk: Does = |client| client.chunk(Bytes::from_static(b"text\r\n"), true);
    for (begin, content, under_way) in
        [(Some("354 go\r\n"), data, State::Data), (None, chunk, State::Recipients)]
    {
        let mut call = Call::open(Config::lmtp(), &["CHUNKING"]);
        call.said(mail, "250 ok\r\n").unwrap();
        (0..3).for_each(|_| drop(call.said(rcpt, "250 ok\r\n").unwrap()));
        if let Some(reply) = begin {
            call.said(Client::data, reply).unwrap();
        }
        call.said(content, "").unwrap();
        for reply in ["250 ok\r\n", "452 4.2.2 full\r\n", "250 ok\r\n"] {
            assert_eq!(call.client.state(), under_way, "before {reply}");
            call.hear(reply);
        }
        assert_eq!(call.client.state(), State::Ready);
    }
}

/// Each reply says what it answers: which recipient, and whether more of the same follow.
#[test]
fn what_a_reply_answers() {
    let mut forwarded = Forwarded::default();
    for attribute in [Attribute::Name, Attribute::HeloName, Attribute::Ident, Attribute::Addr] {
        let long = "x".repeat(if attribute == Attribute::Addr { 1 } else { 200 });
        forwarded.set(attribute, Value::Known(&*long)).unwrap();
    }
    let offered = ["PIPELINING", "XFORWARD NAME ADDR HELO IDENT"];
    let mut call = Call::open(Config::default(), &offered);
    call.client.xforward(&forwarded).unwrap();
    mail(&mut call.client).unwrap();
    (0..3).for_each(|_| rcpt(&mut call.client).unwrap());
    let sent = call.sent();
    let lines = sent.matches("XFORWARD ").count();
    assert!(lines > 1, "{sent}");
    let replies = "250 ok\r\n".repeat(lines + 4);
    assert_eq!(call.client.wire().receive(replies.as_bytes()), replies.len());
    let mut told = Vec::new();
    while call.client.step() == Step::Event {
        if let Some(Event::Reply { to, .. }) = call.client.event() {
            told.push(to);
        }
    }
    let mut expected: Vec<ReplyTo> =
        (1..=lines).map(|line| ReplyTo::XForward { more: line < lines }).collect();
    expected.push(ReplyTo::Mail);
    expected.extend((0..3).map(|index| ReplyTo::Rcpt { index }));
    assert_eq!(told, expected);
}

/// All lines of an XFORWARD find room in the queue, or none is sent.
#[test]
fn all_lines_or_none() {
    let mut forwarded = Forwarded::default();
    for attribute in [Attribute::Name, Attribute::HeloName, Attribute::Ident] {
        forwarded.set(attribute, Value::Known(&*"x".repeat(200))).unwrap();
    }
    let octets = {
        let mut call = Call::open(Config::default(), &["PIPELINING", "XFORWARD NAME HELO IDENT"]);
        call.client.xforward(&forwarded).unwrap();
        call.sent().len()
    };
    for (queue, fits) in [(octets - 1, false), (octets, false), (octets + 1, true)] {
        let mut config = Config { lockstep: true, ..Config::default() };
        config.limits.queue = queue;
        let mut call = Call::open(config, &["XFORWARD NAME HELO IDENT"]);
        call.client.noop().unwrap();
        let expected = if fits { Ok(()) } else { Err(Misuse::QueueFull) };
        assert_eq!(call.client.xforward(&forwarded), expected, "{queue}");
        assert_eq!(call.sent(), "NOOP\r\n");
        call.hear("250 ok\r\n");
        assert_eq!(call.sent().is_empty(), !fits);
    }
}

/// What an adapter adds to the record stands in it.
#[test]
fn remarks_are_recorded() {
    let mut call = Call::new(Config::default());
    call.client.wire().remark("nobody records this");
    call.client.wire().record(Recording::default());
    call.client.wire().remark("TLS 1.3");
    let told: Vec<String> =
        call.client.wire().transcript().unwrap().drain().map(|entry| entry.to_string()).collect();
    assert!(matches!(&told[..], [only] if only.contains("TLS 1.3")), "{told:?}");
}

/// RFC 2920 section 3.1: behind some commands nothing is sent before they are answered.
#[test]
fn what_ends_a_group() {
    let mut call = Call::open(Config::default(), &["PIPELINING"]);
    call.client.noop().unwrap();
    mail(&mut call.client).unwrap();
    rcpt(&mut call.client).unwrap();
    assert_eq!(call.sent(), "NOOP\r\n");
    call.hear("250 ok\r\n");
    assert_eq!(call.sent(), "MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n");
}

/// RFC 5321 section 4.5.3.2.5: the time for content is that of a block of it, not of the whole.
#[test]
fn each_block_of_content_has_its_time() {
    let mut call = Call::open(Config::default(), &["SIZE"]);
    call.said(mail, "250 ok\r\n").unwrap();
    call.said(rcpt, "250 ok\r\n").unwrap();
    call.said(Client::data, "354 go\r\n").unwrap();
    call.client.body(Bytes::from("a line of content\r\n".repeat(4000))).unwrap();
    let client = &mut call.client;
    for laps in [0, 1, 0, 1] {
        let before = client.wire().timer().lap;
        client.wire().output().advance(10 * 1024);
        assert_eq!(client.step(), Step::Write);
        assert_eq!(client.wire().timer().lap - before, laps);
    }
}
