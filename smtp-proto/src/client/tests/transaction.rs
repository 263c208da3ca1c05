//! Transactions as their caller sees them, a step at a time.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use bytes::{Buf, Bytes};

use crate::{
    client::{
        Cause, Client, Config, Content, Downgrade, Envelope, Event, Misuse, Phase, Recipient,
        Status, Transaction, TransactionOptions, TransactionStep,
    },
    fault::Fault,
    parameter::{Body, Parameters},
    path::{ForwardPath, ReversePath},
    profile::Syntax,
    wire::{Endpoint, Step},
};

/// Has both go on until they wait; what was sent.
pub(super) fn settle(
    client: &mut Client,
    transaction: &mut Transaction<'_>,
) -> (String, TransactionStep) {
    let mut sent = Vec::new();
    loop {
        let step = transaction.next(client).unwrap();
        match client.step() {
            Step::Write => {
                let output = client.wire().output();
                sent.extend_from_slice(output.chunk());
                output.advance(output.chunk().len());
            }
            Step::Event => match client.event() {
                Some(Event::Reply { to, reply }) => transaction.reply(to, reply),
                event => panic!("{event:?}"),
            },
            _ => return (String::from_utf8(sent).unwrap(), step),
        }
    }
}

/// The server says this; what is sent then.
pub(super) fn hear(
    client: &mut Client,
    transaction: &mut Transaction<'_>,
    replies: &str,
) -> (String, TransactionStep) {
    assert_eq!(client.wire().receive(replies.as_bytes()), replies.len());
    settle(client, transaction)
}

/// A session whose server offers these.
pub(super) fn open(config: Config, offered: &[&str]) -> Client {
    let call = crate::tests::Call::open(config, offered);
    call.client
}

pub(super) fn recipients<'r>(list: &[&'r str]) -> Vec<Recipient<'r>> {
    list.iter().map(|path| ForwardPath::parse(path).unwrap().into()).collect()
}

fn envelope<'e>(recipients: &'e [Recipient<'e>]) -> Envelope<'e> {
    Envelope { reverse_path: ReversePath::Null, parameters: Parameters::EMPTY, recipients }
}

fn transaction<'e>(recipients: &'e [Recipient<'e>], content: Content) -> Transaction<'e> {
    Transaction::new(envelope(recipients), content, TransactionOptions::default())
}

fn all_or_nothing<'e>(recipients: &'e [Recipient<'e>]) -> Transaction<'e> {
    let options = TransactionOptions { all_or_nothing: true, ..TransactionOptions::default() };
    Transaction::new(envelope(recipients), Content::default(), options)
}

const LINE: Bytes = Bytes::from_static(b"text\r\n");

/// RFC 3030 without PIPELINING: each chunk waits for the reply to the one before. Content that ends
/// meanwhile is not asked for once more; its last chunk leaves as soon as it may.
#[test]
fn the_last_chunk_waits_for_its_turn() {
    let mut client = open(Config::default(), &["CHUNKING"]);
    let to = recipients(&["<b@x.example>"]);
    let mut transaction = transaction(&to, Content::default());
    let _ = settle(&mut client, &mut transaction);
    let _ = hear(&mut client, &mut transaction, "250 ok\r\n");
    let (_, step) = hear(&mut client, &mut transaction, "250 ok\r\n");
    assert_eq!(step, TransactionStep::Body);
    transaction.body(&mut client, LINE).unwrap();
    transaction.body(&mut client, LINE).unwrap();
    transaction.end_of_body(&mut client).unwrap();
    let (sent, step) = settle(&mut client, &mut transaction);
    assert_eq!((sent.as_str(), step), ("BDAT 6\r\ntext\r\n", TransactionStep::Await));
    // Once is enough, before the last chunk has left and behind it.
    let again = transaction.end_of_body(&mut client);
    assert!(matches!(again, Err(Misuse::Sequence { .. })), "{again:?}");
    let (sent, step) = hear(&mut client, &mut transaction, "250 ok\r\n");
    assert_eq!((sent.as_str(), step), ("BDAT 6 LAST\r\ntext\r\n", TransactionStep::Await));
    let again = transaction.end_of_body(&mut client);
    assert!(matches!(again, Err(Misuse::Sequence { .. })), "{again:?}");
    let (sent, step) = hear(&mut client, &mut transaction, "250 taken\r\n");
    assert_eq!((sent.as_str(), step), ("", TransactionStep::Done));
    assert!(transaction.report().all_delivered());
}

/// C-65: a server that says 421 while recipients wait to be asked for has answered for all of them.
#[test]
fn the_session_ends_before_all_were_asked_for() {
    for reply in ["421 4.3.2 bye\r\n", "354 what?\r\n"] {
        let mut config = Config::default();
        (config.limits.in_flight, config.limits.queue) = (100, 100);
        let mut client = open(config, &["PIPELINING"]);
        let to = recipients(&["<b@x.example>"; 50]);
        let mut transaction = transaction(&to, Content::default());
        let (sent, _) = settle(&mut client, &mut transaction);
        assert!((1..10).contains(&sent.matches("RCPT").count()), "{sent}");
        let replies = format!("250 ok\r\n550 5.1.1 no\r\n{reply}");
        assert_eq!(client.wire().receive(replies.as_bytes()), replies.len());
        loop {
            let step = transaction.next(&mut client).unwrap();
            assert_eq!(step, TransactionStep::Await);
            while client.step() == Step::Write {
                let output = client.wire().output();
                output.advance(output.chunk().len());
            }
            assert_eq!(client.step(), Step::Event);
            match client.event() {
                Some(Event::Reply { to, reply }) => transaction.reply(to, reply),
                Some(Event::Fault(fault)) => {
                    // Whoever asks first is told to wait for that.
                    let step = transaction.next(&mut client);
                    assert_eq!(step, Ok(TransactionStep::Await));
                    transaction.fault(&client, fault);
                    break;
                }
                event => panic!("{event:?}"),
            }
        }
        assert_eq!(transaction.next(&mut client), Ok(TransactionStep::Done));
        let report = transaction.report();
        let statuses: Vec<_> = report.outcomes().iter().map(|one| one.status()).collect();
        assert_eq!(statuses[..2], [Status::Rejected, Status::Deferred]);
        assert!(
            statuses[1..].iter().all(|status| *status == Status::Deferred) && statuses.len() == 50
        );
    }
}

/// What only a later transaction shows concerns those whom it was for; the others have their outcomes.
#[test]
fn a_misuse_in_a_further_transaction() {
    let mut client = open(Config::default(), &["PIPELINING", "CHUNKING"]);
    let to = recipients(&["<b@x.example>", "<c@x.example>", "<d@x.example>"]);
    let mut transaction = transaction(&to, Content::default());
    let _ = settle(&mut client, &mut transaction);
    let replies = "250 ok\r\n250 ok\r\n452 4.5.3 one\r\n550 5.1.1 no\r\n";
    let (_, step) = hear(&mut client, &mut transaction, replies);
    assert_eq!(step, TransactionStep::Body);
    transaction.body(&mut client, LINE).unwrap();
    transaction.end_of_body(&mut client).unwrap();
    let _ = settle(&mut client, &mut transaction);
    let (_, step) = hear(&mut client, &mut transaction, "250 taken\r\n");
    assert_eq!(step, TransactionStep::Rewind);
    transaction.rewound();
    let _ = settle(&mut client, &mut transaction);
    let (_, step) = hear(&mut client, &mut transaction, "250 ok\r\n250 ok\r\n");
    assert_eq!(step, TransactionStep::Body);
    // The content is another than before. The first chunk leaves, so that the last one waits.
    client.session.config.limits.in_flight = 1;
    transaction.body(&mut client, LINE).unwrap();
    transaction.body(&mut client, Bytes::from_static(b"text\r")).unwrap();
    let (sent, _) = settle(&mut client, &mut transaction);
    assert_eq!(sent, "BDAT 6\r\ntext\r\n");
    let (_, step) = hear(&mut client, &mut transaction, "250 ok\r\n");
    assert_eq!(step, TransactionStep::Body);
    let misuse = transaction.end_of_body(&mut client);
    assert_eq!(misuse, Err(Misuse::BareNewline));
    let (sent, _) = settle(&mut client, &mut transaction);
    assert_eq!(sent, "RSET\r\n");
    let (_, step) = hear(&mut client, &mut transaction, "250 ok\r\n");
    assert_eq!(step, TransactionStep::Done);
    let report = transaction.report();
    let [first, second, third] = report.outcomes() else { panic!("{report:?}") };
    assert!(first.is_delivered() && third.reply().is_some());
    let Cause::Local(rejection) = second.cause() else { panic!("{second}") };
    assert!(rejection.text().contains("bare CR or LF"), "{rejection}");
}

/// A server that answers no chunk is sent so many and no more.
#[test]
fn chunks_under_way_are_bounded() {
    let mut config = Config::default();
    config.limits.in_flight = 100;
    let mut client = open(config, &["CHUNKING", "PIPELINING"]);
    let to = recipients(&["<b@x.example>"]);
    let mut transaction = transaction(&to, Content::default());
    let _ = settle(&mut client, &mut transaction);
    let (_, mut step) = hear(&mut client, &mut transaction, "250 ok\r\n250 ok\r\n");
    let mut chunks = 0;
    while step == TransactionStep::Body {
        transaction.body(&mut client, LINE).unwrap();
        let (sent, then) = settle(&mut client, &mut transaction);
        chunks += sent.matches("BDAT").count();
        step = then;
    }
    assert!(step == TransactionStep::Await && (2..100).contains(&chunks), "{step:?} {chunks}");
    let replies = "250 ok\r\n".repeat(chunks);
    let (_, step) = hear(&mut client, &mut transaction, &replies);
    assert_eq!(step, TransactionStep::Body);
}

/// RFC 5321 section 4.1.1.4: content that cannot be read to its end is not completed.
#[test]
fn content_that_cannot_be_read() {
    let mut client = open(Config::default(), &["PIPELINING"]);
    let to = recipients(&["<b@x.example>", "<c@x.example>"]);
    let mut transaction = transaction(&to, Content::default());
    let _ = settle(&mut client, &mut transaction);
    let (_, step) =
        hear(&mut client, &mut transaction, "250 ok\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n");
    assert_eq!(step, TransactionStep::Body);
    transaction.body(&mut client, LINE).unwrap();
    transaction.fail_body("torn".into());
    let (sent, step) = settle(&mut client, &mut transaction);
    assert_eq!((sent.as_str(), step), ("text\r\n", TransactionStep::Done));
    let report = transaction.report();
    let [first, second] = report.outcomes() else { panic!("{report:?}") };
    assert_eq!((first.status(), first.phase()), (Status::Deferred, Phase::Content));
    assert_eq!(first.cause(), &Cause::Content("torn".into()));
    // Who had a final answer keeps it.
    assert_eq!((second.status(), second.phase()), (Status::Rejected, Phase::Rcpt));
}

/// Where it is to be read once more nothing of it was sent, so that the session goes on.
#[test]
fn content_that_cannot_be_read_again() {
    let mut client = open(Config::default(), &["PIPELINING"]);
    let to = recipients(&["<b@x.example>", "<c@x.example>"]);
    let mut transaction = transaction(&to, Content::default());
    let _ = settle(&mut client, &mut transaction);
    let (_, step) = hear(
        &mut client,
        &mut transaction,
        "250 ok\r\n250 ok\r\n452 4.5.3 more later\r\n354 go\r\n",
    );
    assert_eq!(step, TransactionStep::Body);
    transaction.body(&mut client, LINE).unwrap();
    transaction.end_of_body(&mut client).unwrap();
    let _ = settle(&mut client, &mut transaction);
    let (_, step) = hear(&mut client, &mut transaction, "250 taken\r\n");
    assert_eq!(step, TransactionStep::Rewind);
    transaction.fail_body("gone".into());
    let (sent, step) = settle(&mut client, &mut transaction);
    assert_eq!((sent.as_str(), step), ("", TransactionStep::Done));
    let report = transaction.report();
    assert!(!report.all_delivered());
    let [first, second] = report.outcomes() else { panic!("{report:?}") };
    assert!(first.is_delivered());
    assert_eq!((second.status(), second.phase()), (Status::Deferred, Phase::Preparation));
    client.noop().unwrap();
    assert_eq!(client.step(), Step::Write);
}

/// RFC 6152 section 3, RFC 3030 section 3: the refusal names what the server lacks.
#[test]
fn what_the_server_lacks_for_the_content() {
    let to = recipients(&["<b@x.example>"]);
    for (body, lacks) in [(Body::EightBitMime, "8BITMIME"), (Body::BinaryMime, "BINARYMIME")] {
        let mut client = open(Config::default(), &["SIZE"]);
        let content = Content { body, ..Content::default() };
        let mut transaction = transaction(&to, content);
        let (sent, step) = settle(&mut client, &mut transaction);
        assert_eq!((sent.as_str(), step), ("", TransactionStep::Done));
        let outcome = transaction.report().outcomes()[0].to_string();
        assert!(outcome.contains("5.6.3") && outcome.contains(&[" ", lacks].concat()), "{outcome}");
    }
}

/// With all-or-nothing the message goes out if all are accepted, and else to nobody.
#[test]
fn all_or_nothing_goes_to_all_or_to_nobody() {
    for (second, then, left) in
        [("250 ok", "DATA\r\n", None), ("550 no", "RSET\r\n", Some(Status::Deferred))]
    {
        let mut client = open(Config::default(), &["PIPELINING"]);
        let to = recipients(&["<b@x.example>", "<c@x.example>"]);
        let mut transaction = all_or_nothing(&to);
        let _ = settle(&mut client, &mut transaction);
        let replies = ["250 ok\r\n250 ok\r\n", second, "\r\n"].concat();
        let (sent, step) = hear(&mut client, &mut transaction, &replies);
        assert_eq!((sent.as_str(), step), (then, TransactionStep::Await));
        if let Some(left) = left {
            let (_, step) = hear(&mut client, &mut transaction, "250 ok\r\n");
            assert_eq!(step, TransactionStep::Done);
            assert_eq!(transaction.report().outcomes()[0].status(), left);
        }
    }
}

/// RFC 5321 section 4.5.3.2.6: a message may have been taken only if all of it has left.
#[test]
fn a_session_that_fails_when_all_was_handed_over() {
    for (written, status, phase) in
        [(false, Status::Deferred, Phase::Content), (true, Status::InDoubt, Phase::Delivery)]
    {
        let mut client = open(Config::default(), &["CHUNKING", "PIPELINING"]);
        let to = recipients(&["<b@x.example>"]);
        let mut transaction = transaction(&to, Content::default());
        let _ = settle(&mut client, &mut transaction);
        let (_, step) = hear(&mut client, &mut transaction, "250 ok\r\n250 ok\r\n");
        assert_eq!(step, TransactionStep::Body);
        transaction.body(&mut client, LINE).unwrap();
        transaction.end_of_body(&mut client).unwrap();
        if written {
            let _ = settle(&mut client, &mut transaction);
        }
        transaction.fault(&client, Fault::Closed);
        let report = transaction.report();
        let outcome = &report.outcomes()[0];
        assert_eq!((outcome.status(), outcome.phase()), (status, phase));
    }
}

/// RFC 5321 section 4.1.1.3: what a transaction says by itself the caller's parameters must not say again,
/// nor may there be too many of both.
#[test]
fn parameters_beside_those_of_the_transaction() {
    let others: Vec<String> = (0..65).map(|number| alloc::format!("X{number}")).collect();
    let mut offered: Vec<&str> = others.iter().map(String::as_str).collect();
    offered.extend(["SIZE", "8BITMIME", "SMTPUTF8", "DSN"]);
    let content = Content { size: Some(9), body: Body::EightBitMime, smtputf8: true };
    let most = others[..61].join(" ");
    let too_many = others[..62].join(" ");
    for (list, content, said) in [
        ("RET=HDRS", content, Some(" SIZE=9 BODY=8BITMIME SMTPUTF8 RET=HDRS\r\n")),
        ("SIZE=9", content, None),
        ("body=8BITMIME", content, None),
        ("SMTPUTF8", content, None),
        ("SIZE=7", Content::default(), Some(" SIZE=7\r\n")),
        ("BODY=8BITMIME", Content::default(), Some(" BODY=8BITMIME\r\n")),
        ("SMTPUTF8", Content::default(), Some(" SMTPUTF8\r\n")),
        (&most, content, Some(" X60\r\n")),
        (&too_many, content, None),
    ] {
        let mut client = open(Config::default(), &offered);
        let to = recipients(&["<b@x.example>"]);
        let parameters = Parameters::parse(list.as_bytes(), &Syntax::INTERNET).unwrap();
        let envelope = Envelope { reverse_path: ReversePath::Null, parameters, recipients: &to };
        let mut transaction = Transaction::new(envelope, content, TransactionOptions::default());
        match said {
            Some(end) => {
                let (sent, _) = settle(&mut client, &mut transaction);
                assert!(sent.starts_with("MAIL FROM:<> ") && sent.ends_with(end), "{sent}");
            }
            None => assert_eq!(transaction.next(&mut client), Err(Misuse::Parameter), "{list}"),
        }
    }
}

/// RFC 6152 section 3: content that was not said to be 8-bit goes to whoever takes that.
#[test]
fn content_that_was_not_said_to_be_8_bit() {
    for (offered, taken) in [(&["8BITMIME"][..], true), (&["SIZE"], false)] {
        let mut client = open(Config::default(), offered);
        let to = recipients(&["<b@x.example>"]);
        let mut transaction = transaction(&to, Content::default());
        let _ = settle(&mut client, &mut transaction);
        for reply in ["250 ok\r\n", "250 ok\r\n", "354 go\r\n"] {
            let _ = hear(&mut client, &mut transaction, reply);
        }
        let expected = if taken { Ok(()) } else { Err(Misuse::EightBit) };
        let body = transaction.body(&mut client, Bytes::from_static(b"t\xe9xt\r\n"));
        assert_eq!(body, expected, "{offered:?}");
    }
}

/// RFC 9422 section 4.2: with all-or-nothing, all must find room in one transaction.
#[test]
fn all_within_the_servers_limit() {
    for (most, sent) in [(3, true), (2, true), (1, false)] {
        let mut client = open(Config::default(), &[&alloc::format!("LIMITS RCPTMAX={most}")]);
        let to = recipients(&["<b@x.example>", "<c@x.example>"]);
        let mut transaction = all_or_nothing(&to);
        let (said, _) = settle(&mut client, &mut transaction);
        assert_eq!(said == "MAIL FROM:<>\r\n", sent, "{most}: {said}");
    }
}

/// RFC 6531 section 3.3: who cannot be sent to is passed over, wherever in the envelope.
#[test]
fn recipients_who_are_passed_over() {
    let lists: [&[&str]; 3] = [
        &["<\u{e9}@x.example>", "<b@x.example>"],
        &["<b@x.example>", "<\u{e9}@x.example>"],
        &["<\u{e9}@x.example>", "<b@x.example>", "<\u{e8}@x.example>"],
    ];
    for list in lists {
        let mut client = open(Config::default(), &["PIPELINING"]);
        let to = recipients(list);
        let mut transaction = transaction(&to, Content::default());
        let (sent, _) = settle(&mut client, &mut transaction);
        assert_eq!(sent, "MAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n", "{list:?}");
    }
}

/// RFC 9422 section 4.2: of recipients whose turn comes in a further transaction, too, a misuse is told
/// before anything is sent.
#[test]
fn misuse_of_those_whose_turn_comes_later() {
    let mut client = open(Config::default(), &["LIMITS RCPTMAX=1", "DSN"]);
    let list = |list: &'static str| Parameters::parse(list.as_bytes(), &Syntax::INTERNET).unwrap();
    let mut to = recipients(&["<b@x.example>", "<c@x.example>"]);
    for (parameters, expected) in [
        ("XOWN=1", Err(Misuse::UnknownParameter)),
        ("NOTIFY=SOON", Err(Misuse::Parameter)),
        ("NOTIFY=NEVER", Ok(TransactionStep::Await)),
    ] {
        to[1].parameters = list(parameters);
        let mut transaction = transaction(&to, Content::default());
        assert_eq!(transaction.next(&mut client), expected, "{parameters}");
        let sent = if expected.is_ok() { Step::Write } else { Step::Idle };
        assert_eq!(client.step(), sent, "{parameters}");
    }
}

/// RFC 3885 section 3.1: a tracked message bears an ENVID, which only a server with DSN takes.
#[test]
fn what_tracking_needs() {
    for (offered, said, lost) in [
        (&["MTRK", "DSN"][..], " ENVID=a@b MTRK=YWJj\r\n", [false, false]),
        (&["DSN"], " ENVID=a@b\r\n", [false, true]),
        (&["MTRK"], "\r\n", [true, true]),
        (&["SIZE"], "\r\n", [true, true]),
    ] {
        let mut client = open(Config::default(), offered);
        let to = recipients(&["<b@x.example>"]);
        let parameters = Parameters::parse(b"ENVID=a@b MTRK=YWJj", &Syntax::INTERNET).unwrap();
        let envelope = Envelope { reverse_path: ReversePath::Null, parameters, recipients: &to };
        let mut transaction =
            Transaction::new(envelope, Content::default(), TransactionOptions::default());
        let (sent, _) = settle(&mut client, &mut transaction);
        assert_eq!(sent, ["MAIL FROM:<>", said].concat(), "{offered:?}");
        let downgrades = transaction.report().downgrades();
        let told = [Downgrade::Dsn, Downgrade::Tracking];
        assert_eq!(told.map(|one| downgrades.contains(one)), lost, "{offered:?}");
    }
}

/// RFC 3030 section 3: content of BODY=BINARYMIME has no lines, whoever says so.
#[test]
fn lines_of_content_that_may_be_binary() {
    for (body, parameters, taken) in [
        (Body::SevenBit, "", false),
        (Body::SevenBit, "RET=HDRS", false),
        (Body::SevenBit, "BODY=BINARYMIME", true),
        (Body::BinaryMime, "", true),
        (Body::BinaryMime, "RET=HDRS", true),
    ] {
        let offered = ["8BITMIME", "BINARYMIME", "CHUNKING", "DSN"];
        let mut client = open(Config::default(), &offered);
        let to = recipients(&["<b@x.example>"]);
        let parameters = Parameters::parse(parameters.as_bytes(), &Syntax::INTERNET).unwrap();
        let envelope = Envelope { reverse_path: ReversePath::Null, parameters, recipients: &to };
        let content = Content { body, ..Content::default() };
        let mut transaction = Transaction::new(envelope, content, TransactionOptions::default());
        let _ = settle(&mut client, &mut transaction);
        let _ = hear(&mut client, &mut transaction, "250 ok\r\n");
        let _ = hear(&mut client, &mut transaction, "250 ok\r\n");
        transaction.body(&mut client, Bytes::from_static(b"a\nb")).unwrap();
        let expected = if taken { Ok(()) } else { Err(Misuse::BareNewline) };
        assert_eq!(transaction.end_of_body(&mut client), expected, "{body:?} {parameters:?}");
    }
}
