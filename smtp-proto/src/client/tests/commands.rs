//! What each command needs, and that a caller is told when it has not got it.

use alloc::{boxed::Box, format, string::String};

use bytes::Bytes;

use crate::{
    client::{Client, Config, Misuse},
    command::{Mechanism, Node, OtherCommand, Query, Text, Url, Verb},
    domain::HelloName,
    extension::{Extension, ParameterRule, Registered, VerbRule},
    fault::Fault,
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    profile::Syntax,
    sequence::State,
    tests::Call,
    upstream::{Attribute, Forwarded, Overrides, Value},
    wire::{Endpoint, Step},
};

const ALL: [&str; 12] = [
    "STARTTLS",
    "AUTH PLAIN LOGIN",
    "SIZE",
    "8BITMIME",
    "CHUNKING",
    "SMTPUTF8",
    "ETRN",
    "ATRN",
    "BURL imap",
    "XCLIENT NAME ADDR",
    "XFORWARD NAME ADDR",
    "XOWN",
];

type Does = Box<dyn Fn(&mut Client) -> Result<(), Misuse>>;

fn c_example() -> HelloName<'static> {
    HelloName::parse("c.example").unwrap()
}

fn text(text: &str) -> Text<'_> {
    Text::new(text).unwrap()
}

fn own() -> OtherCommand<'static> {
    OtherCommand::new("XOWN", Some(text("it"))).unwrap()
}

fn mail(client: &mut Client) -> Result<(), Misuse> {
    client.mail(ReversePath::parse("<a@x.example>").unwrap(), Default::default())
}

fn rcpt(client: &mut Client) -> Result<(), Misuse> {
    client.rcpt(ForwardPath::parse("<b@x.example>").unwrap(), Default::default())
}

fn named() -> (Overrides, Forwarded) {
    let (mut overrides, mut forwarded) = (Overrides::default(), Forwarded::default());
    overrides.set(Attribute::Name, Value::Known("x.example")).unwrap();
    forwarded.set(Attribute::Name, Value::Known("x.example")).unwrap();
    (overrides, forwarded)
}

/// Each command that may come behind a hello, and what it says.
fn commands() -> [(Does, &'static str); 15] {
    let does = |does: fn(&mut Client) -> Result<(), Misuse>| -> Does { Box::new(does) };
    [
        (does(|client| client.hello(c_example())), "EHLO c.example\r\n"),
        (does(|client| client.helo(c_example())), "HELO c.example\r\n"),
        (does(Client::starttls), "STARTTLS\r\n"),
        (does(mail), "MAIL FROM:<a@x.example>\r\n"),
        (does(Client::noop), "NOOP\r\n"),
        (does(Client::reset), "RSET\r\n"),
        (does(Client::quit), "QUIT\r\n"),
        (does(|client| client.verify(Query::new(text("a b"), false))), "VRFY a b\r\n"),
        (does(|client| client.expand(Query::new(text("list"), true))), "EXPN list SMTPUTF8\r\n"),
        (does(|client| client.help(Some(text("topic")))), "HELP topic\r\n"),
        (does(|client| client.help(None)), "HELP\r\n"),
        (does(|client| client.extension("XOWN", own())), "XOWN it\r\n"),
        (does(|client| client.etrn(Node::parse("x.example").unwrap())), "ETRN x.example\r\n"),
        (does(|client| client.xclient(&named().0)), "XCLIENT NAME=x.example\r\n"),
        (does(|client| client.xforward(&named().1)), "XFORWARD NAME=x.example\r\n"),
    ]
}

/// A full queue takes nothing more and forgets nothing; when there is room again the command goes out.
#[test]
fn a_full_queue_refuses_each_command() {
    let mut config = Config { lockstep: true, ..Config::default() };
    config.limits.queue = 30;
    for (does, said) in commands() {
        let mut call = Call::open(config.clone(), &ALL);
        let noops = core::iter::from_fn(|| call.client.noop().ok()).count();
        assert_eq!(noops, 6, "one is sent, five are queued");
        let refused = does(&mut call.client);
        // That one waits for all replies.
        let awaits = said.starts_with("XCLIENT");
        let expected = if awaits { Misuse::AwaitReplies } else { Misuse::QueueFull };
        assert_eq!(refused, Err(expected), "{said}");
        for _ in 0..noops {
            assert_eq!(call.sent(), "NOOP\r\n");
            call.hear("250 ok\r\n");
        }
        assert_eq!(call.sent(), "", "{said}");
        does(&mut call.client).unwrap_or_else(|misuse| panic!("{said}{misuse}"));
        assert_eq!(call.sent(), said);
    }
}

/// Within a transaction the same.
#[test]
fn a_full_queue_refuses_what_belongs_to_a_transaction() {
    let mut config = Config { lockstep: true, ..Config::default() };
    config.limits.queue = 7;
    let url = || Url::parse("imap://u@h/Sent;uid=2;urlauth=submit+u:internal:91354a").unwrap();
    let does: [Does; 4] = [
        Box::new(rcpt),
        Box::new(Client::data),
        Box::new(|client| client.chunk(Bytes::from_static(b"text\r\n"), true)),
        Box::new(move |client| client.burl(url(), true)),
    ];
    for does in does {
        let mut call = Call::open(config.clone(), &ALL);
        call.said(mail, "250 ok\r\n").unwrap();
        call.said(rcpt, "250 ok\r\n").unwrap();
        (0..3).for_each(|_| call.client.noop().unwrap());
        let refused = does(&mut call.client).unwrap_err();
        assert!(matches!(refused, Misuse::QueueFull | Misuse::AwaitReplies), "{refused:?}");
        for _ in 0..3 {
            assert_eq!(call.sent(), "NOOP\r\n");
            call.hear("250 ok\r\n");
        }
        assert_eq!(call.sent(), "");
        if refused == Misuse::QueueFull {
            does(&mut call.client).unwrap();
            assert_ne!(call.sent(), "");
        }
    }
}

/// What was not offered is not sent (RFC 5321 section 2.2.1).
#[test]
fn what_was_not_offered() {
    let mut call = Call::open(Config::default(), &["SIZE"]);
    let client = &mut call.client;
    let not = |extension| Err(Misuse::NotOffered(extension));
    assert_eq!(client.verify(Query::new(text("a"), true)), not(Extension::SmtpUtf8));
    assert_eq!(client.expand(Query::new(text("a"), true)), not(Extension::SmtpUtf8));
    assert_eq!(client.starttls(), not(Extension::StartTls));
    assert_eq!(client.auth(Mechanism::parse("PLAIN").unwrap(), None), not(Extension::Auth));
    assert_eq!(client.etrn(Node::parse("x.example").unwrap()), not(Extension::Etrn));
    assert_eq!(client.xclient(&named().0), not(Extension::XClient));
    assert_eq!(client.xforward(&named().1), not(Extension::XForward));
    assert_eq!(client.extension("XOWN", own()), Err(Misuse::UnknownParameter));
    for topic in ["\u{e9}", "a \u{e9}"] {
        assert_eq!(client.help(Some(text(topic))), Err(Misuse::NonAscii));
        assert_eq!(client.verify(Query::new(text(topic), false)), Err(Misuse::NonAscii));
        assert_eq!(client.expand(Query::new(text(topic), false)), Err(Misuse::NonAscii));
    }
    assert_eq!(call.sent(), "");

    let mut lmtp = Call::open(Config::lmtp(), &["SIZE"]);
    let misuse = lmtp.client.helo(c_example()).unwrap_err();
    assert_eq!(misuse, Misuse::Sequence { verb: Verb::Helo, state: State::Ready });
}

/// Attributes that the server does not list, and none at all.
#[test]
fn attributes_of_others() {
    let mut call = Call::open(Config::default(), &["XCLIENT NAME", "XFORWARD ADDR"]);
    let (none, named) = ((Overrides::default(), Forwarded::default()), named());
    assert_eq!(call.client.xclient(&none.0), Err(Misuse::Parameter));
    assert_eq!(call.client.xforward(&none.1), Err(Misuse::Parameter));
    let name = Misuse::AttributeNotOffered(Attribute::Name);
    assert_eq!(call.client.xforward(&named.1), Err(name));
    let mut addressed = named.0.clone();
    addressed.set_address(Value::Known([192, 0, 2, 1].into()));
    let address = Misuse::AttributeNotOffered(Attribute::Addr);
    assert_eq!(call.client.xclient(&addressed), Err(address));
    call.client.noop().unwrap();
    assert_eq!(call.client.xclient(&named.0), Err(Misuse::AwaitReplies));
    assert_eq!(call.sent(), "NOOP\r\n");
}

/// XCLIENT_README: only one that was accepted has the server forget who its client is and what it has
/// offered.
#[test]
fn what_xclient_leaves() {
    let plain = Mechanism::parse("PLAIN").unwrap();
    for (reply, state) in [("550 5.7.0 no\r\n", State::Ready), ("220 mx.example\r\n", State::Start)]
    {
        let mut call = Call::open(Config::default(), &["XCLIENT NAME", "AUTH PLAIN"]);
        call.said(|client| client.auth(plain, Some(b"abc")), "235 ok\r\n").unwrap();
        call.said(|client| client.xclient(&named().0), reply).unwrap();
        let kept = state == State::Ready;
        let client = &call.client;
        assert_eq!((client.capabilities().is_some(), client.is_authenticated()), (kept, kept));
        assert_eq!(client.state(), state, "{reply}");
    }
}

/// A verb of the caller's own keeps the limit of its line and its place.
#[test]
fn a_verb_of_ones_own() {
    let rule = || VerbRule::new("XOWN").unwrap().outside_transaction();
    for (rule, most) in [(rule(), 512), (rule().line(600), 600), (rule().line(1), 512)] {
        let extension = Registered::local("XOWN").unwrap().verb(rule);
        let config = Config { extensions: [extension].into(), ..Config::default() };
        let mut call = Call::open(config, &["XOWN"]);
        let argument = |octets: usize| "x".repeat(octets - "XOWN \r\n".len());
        for (octets, fits) in [(most, true), (most + 1, false)] {
            let argument = argument(octets);
            let command = OtherCommand::new("XOWN", Some(text(&argument))).unwrap();
            let said = call.said(|client| client.extension("xown", command), "250 ok\r\n");
            let expected: Result<String, _> =
                if fits { Ok(format!("XOWN {argument}\r\n")) } else { Err(Misuse::Parameter) };
            assert_eq!(said, expected);
        }
        call.said(mail, "250 ok\r\n").unwrap();
        let misuse = call.client.extension("XOWN", own()).unwrap_err();
        assert_eq!(misuse, Misuse::Sequence { verb: Verb::Other, state: State::Mail });
    }
}

/// RFC 4954 section 4: AUTH has its group to itself, and an exchange nothing beside it.
#[test]
fn auth_stands_alone() {
    let plain = Mechanism::parse("PLAIN").unwrap();
    let mut call = Call::open(Config::default(), &ALL);
    let outside = |state| Err(Misuse::Sequence { verb: Verb::Auth, state });
    assert_eq!(call.client.auth_response(b"x"), outside(State::Ready));
    assert_eq!(call.client.auth_cancel(), outside(State::Ready));
    call.client.noop().unwrap();
    assert_eq!(call.client.auth(plain, None), Err(Misuse::AwaitReplies));
    call.sent();
    call.hear("250 ok\r\n");
    let said = call.said(|client| client.auth(plain, Some(b"")), "334 \r\n");
    assert_eq!(said.as_deref(), Ok("AUTH PLAIN =\r\n"));
    assert!(matches!(call.client.noop(), Err(Misuse::Sequence { verb: Verb::Noop, .. })));
    let said = call.said(|client| client.auth_response(b"abc"), "334 \r\n");
    assert_eq!(said.as_deref(), Ok("YWJj\r\n"));
    assert_eq!(call.said(Client::auth_cancel, "501 ok\r\n").as_deref(), Ok("*\r\n"));
    let said = call.said(|client| client.auth(plain, Some(b"abc")), "235 ok\r\n");
    assert_eq!(said.as_deref(), Ok("AUTH PLAIN YWJj\r\n"));
    assert_eq!(call.client.auth(plain, None), outside(State::Ready));
    assert!(call.client.is_authenticated());
}

/// C-14: plaintext that comes in behind the reply to STARTTLS is no part of the session inside TLS, also
/// where it comes only when the reply was told.
#[test]
fn c14_plaintext_behind_the_reply_to_starttls() {
    let mut call = Call::open(Config::default(), &ALL);
    call.client.starttls().unwrap();
    call.sent();
    assert_eq!(call.client.wire().receive(b"220 go\r\n"), 8);
    assert_eq!(call.client.step(), Step::Event);
    assert!(matches!(call.client.event(), Some(crate::client::Event::Reply { .. })));
    assert_eq!(call.client.wire().receive(b"250 injected\r\n"), 14);
    call.hear("");
    assert_eq!(call.fault, Some(Fault::PlaintextBehindStartTls));
    assert!(call.client.has_ended() && call.codes.is_empty());
}

/// RFC 6531 section 3.3: what is beyond ASCII, wherever it stands, needs a transaction with SMTPUTF8.
#[test]
fn what_needs_smtputf8() {
    let own = Registered::local("XOWN").unwrap().mail(ParameterRule::optional("XOWN", 9).unwrap());
    let config = Config { extensions: [own].into(), ..Config::default() };
    let list = |text: &'static str| Parameters::parse(text.as_bytes(), &Syntax::INTERNET).unwrap();
    for (path, parameters, sent) in [
        ("<a@x.example>", "XOWN=e", true),
        ("<\u{e9}@x.example>", "", false),
        ("<\u{e9}@x.example>", "XOWN=e", false),
        ("<a@x.example>", "XOWN=\u{e9}", false),
        ("<\u{e9}@x.example>", "XOWN=\u{e9} SMTPUTF8", true),
    ] {
        let mut call = Call::open(config.clone(), &["SMTPUTF8", "XOWN"]);
        let path = ReversePath::parse(path).unwrap();
        let expected = if sent { Ok(()) } else { Err(Misuse::NonAscii) };
        assert_eq!(call.client.mail(path, list(parameters)), expected, "{path} {parameters}");
    }
    for (mail, path, parameters, expected) in [
        ("", "<b@x.example>", "NOTIFY=NEVER", Ok(())),
        (
            "",
            "<b@x.example>",
            "RRVS=2026-01-01T00:00:00Z",
            Err(Misuse::NotOffered(Extension::Rrvs)),
        ),
        ("", "<\u{e9}@x.example>", "NOTIFY=NEVER", Err(Misuse::NonAscii)),
        ("", "<b@x.example>", "ORCPT=utf-8;\u{e9}@y.example", Err(Misuse::NonAscii)),
        ("SMTPUTF8", "<\u{e9}@x.example>", "ORCPT=utf-8;\u{e9}@y.example", Ok(())),
    ] {
        let mut call = Call::open(Config::default(), &["SMTPUTF8", "DSN"]);
        let from = ReversePath::parse("<a@x.example>").unwrap();
        call.said(|client| client.mail(from, list(mail)), "250 ok\r\n").unwrap();
        let path = ForwardPath::parse(path).unwrap();
        assert_eq!(call.client.rcpt(path, list(parameters)), expected, "{path} {parameters}");
    }
}

/// RFC 5321 section 4.3.2: a reply of a kind that the command never has ends the session.
#[test]
fn replies_that_fit_no_command() {
    let transid = |client: &mut Client| {
        let list = Parameters::parse(b"TRANSID=<a@x.example>", &Syntax::INTERNET).unwrap();
        client.mail(ReversePath::parse("<a@x.example>").unwrap(), list)
    };
    type Command = fn(&mut Client) -> Result<(), Misuse>;
    /// Each reply, and whether it fits.
    type Replies<'r> = &'r [(&'r str, bool)];
    let table: [(&[Command], Replies<'_>); 6] = [
        (&[Client::noop], &[("250 ok", true), ("354 go", false), ("500 no", true)]),
        (&[Client::starttls], &[("220 go", true), ("250 ok", false), ("454 no", true)]),
        (&[mail], &[("250 ok", true), ("354 go", false), ("355 7 octets", false)]),
        (&[transid], &[("250 ok", true), ("355 7 octets", true), ("355 some octets", false)]),
        (&[mail, rcpt], &[("251 ok", true), ("354 go", false), ("450 no", true)]),
        (
            &[mail, rcpt, Client::data],
            &[("354 go", true), ("250 ok", false), ("334 go", false), ("451 no", true)],
        ),
    ];
    for (commands, replies) in table {
        for &(reply, fits) in replies {
            let mut call = Call::open(Config::default(), &["STARTTLS", "CHECKPOINT"]);
            let (last, before) = commands.split_last().unwrap();
            before.iter().for_each(|does| drop(call.said(does, "250 ok\r\n").unwrap()));
            call.said(last, &format!("{reply}\r\n")).unwrap();
            let unexpected = matches!(call.fault, Some(Fault::UnexpectedReply(_)));
            assert_eq!(unexpected, !fits, "{reply}: {:?}", call.fault);
        }
    }
    // LMTP knows of no such transactions.
    let mut call = Call::open(Config::lmtp(), &["CHECKPOINT"]);
    call.said(transid, "355 7 octets\r\n").unwrap();
    assert!(matches!(call.fault, Some(Fault::UnexpectedReply(_))), "{:?}", call.fault);
}

/// RFC 3030 section 2, RFC 2033 section 4.2: behind what a chunk, or content to be fetched, may be sent.
#[test]
fn what_a_chunk_waits_for() {
    let url = || Url::parse("imap://u@h/Sent;uid=2;urlauth=submit+u:internal:91354a").unwrap();
    let chunk = |client: &mut Client| client.chunk(Bytes::from_static(b"text\r\n"), false);
    let burl = |client: &mut Client| client.burl(url(), false);
    let pipelined = ["PIPELINING", "CHUNKING", "BURL imap"];
    type Command = fn(&mut Client) -> Result<(), Misuse>;
    type Content<'c> = &'c dyn Fn(&mut Client) -> Result<(), Misuse>;
    let mut narrow = Config::default();
    narrow.limits.in_flight = 10;
    let cases: [(Config, &[&str], &[Command], bool); 7] = [
        (Config::default(), &pipelined, &[], true),
        (Config::default(), &pipelined, &[rcpt], true),
        (Config::default(), &pipelined, &[Client::noop], false),
        (Config::default(), &pipelined[1..], &[rcpt], false),
        // The second is queued.
        (narrow.clone(), &pipelined, &[rcpt], true),
        (narrow, &pipelined, &[rcpt, rcpt], false),
        (Config::default(), &pipelined, &[rcpt, rcpt], true),
    ];
    for (config, offered, open, goes) in cases {
        let content: [Content<'_>; 2] = [&chunk, &burl];
        for content in content {
            let mut call = Call::open(config.clone(), offered);
            call.said(mail, "250 ok\r\n").unwrap();
            call.said(rcpt, "250 ok\r\n").unwrap();
            open.iter().for_each(|does| does(&mut call.client).unwrap());
            let expected = if goes { Ok(()) } else { Err(Misuse::AwaitReplies) };
            assert_eq!(content(&mut call.client), expected, "{offered:?} {}", open.len());
        }
    }
    // With LMTP it is to be known who has been accepted, and no more.
    let mut call = Call::open(Config::lmtp(), &pipelined);
    call.said(mail, "250 ok\r\n").unwrap();
    rcpt(&mut call.client).unwrap();
    assert_eq!(chunk(&mut call.client), Err(Misuse::AwaitReplies));
    call.sent();
    call.hear("250 ok\r\n");
    assert_eq!((chunk(&mut call.client), chunk(&mut call.client)), (Ok(()), Ok(())));
}
