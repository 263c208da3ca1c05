//! What once was wrong, and is seen in no dialog.

use std::sync::Arc;

use bytes::Bytes;
use smtp_proto::{
    answer::Rejection,
    client::{
        self, Client, Content, Envelope, Misuse, Status, Transaction, TransactionOptions,
        TransactionStep,
    },
    command::Mechanism,
    data::BareNewline,
    domain::{HelloName, Host},
    extension::{Capabilities, Extension},
    fault::Fault,
    parameter::{ParameterList, Parameters},
    path::{ForwardPath, ReversePath},
    profile::Syntax,
    reply::Reply,
    server::{self, Server},
    wire::{Endpoint, Step},
};
use smtp_tests::take_output;

const TO_DATA: &str = "MAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n";

fn config() -> server::Config {
    server::Config::new(Host::parse("mx.example").unwrap())
}

/// A server that says yes; what it said, and the sizes of the messages it took.
fn say(server: &mut Server, octets: &[u8], greeting: &str) -> (String, Vec<u64>) {
    assert_eq!(server.wire().receive(octets), octets.len());
    let (mut said, mut sizes) = (Vec::new(), Vec::new());
    loop {
        match server.step() {
            Step::Write => said.extend(take_output(server.wire(), usize::MAX)),
            Step::Event => match server.event() {
                Some(server::Event::Connected(token)) => token.accept(),
                Some(server::Event::Hello(token)) => token.accept_with(greeting),
                Some(server::Event::Mail(token)) => token.accept(),
                Some(server::Event::Rcpt(token)) => token.accept(),
                Some(server::Event::Data(token)) => token.accept(),
                Some(server::Event::Auth(token)) => token.reject(Rejection::BAD_CREDENTIALS),
                Some(server::Event::Delivery(token)) => {
                    sizes.push(token.size());
                    token.accept();
                }
                _ => {}
            },
            _ => return (String::from_utf8(said).unwrap(), sizes),
        }
    }
}

/// C-27: a response is masked however the line is misspelt.
#[test]
fn transcript_masks_malformed_auth() {
    for line in [
        "AUTH PLAIN c2VjcmV0",
        "AUTH\tPLAIN c2VjcmV0",
        "AUTH PLAIN\tc2VjcmV0",
        " AUTH PLAIN c2VjcmV0",
        "AUTH  PLAIN  c2VjcmV0",
        "AUTH c2VjcmV0",
    ] {
        let plain = Mechanism::parse("PLAIN").unwrap();
        let mut server = Server::new(Arc::new(config().mechanism(plain, false)));
        server.wire().record(100);
        say(&mut server, format!("EHLO c.example\r\n{line}\r\n").as_bytes(), "");
        let lines = server.wire().transcript().unwrap().drain();
        let lines: Vec<_> = lines.map(|entry| entry.to_string()).collect();
        assert!(
            lines.iter().any(|line| line.starts_with("C: ") && line.contains("AUTH")),
            "{lines:?}"
        );
        assert!(lines.iter().all(|line| !line.contains("c2VjcmV0")), "{lines:?}");
    }
}

/// G-57: no part of a long greeting becomes a line of its own, which would look like an extension.
#[test]
fn long_hello_greeting_stays_on_its_line() {
    for length in 470..510 {
        for letter in ["x", "\u{e9}"] {
            let mut server = Server::new(Arc::new(config()));
            say(&mut server, b"", "");
            let greeting = format!("{} STARTTLS", letter.repeat(length));
            let (said, _) = say(&mut server, b"EHLO c.example\r\n", &greeting);
            let reply = Reply::parse(said.as_bytes()).unwrap();
            assert!(!Capabilities::parse(reply).offers(Extension::StartTls), "{said}");
        }
    }
}

/// F-35: octets of a chunk that was refused are none of the message that comes by DATA.
#[test]
fn refused_chunk_does_not_count() {
    let mut server = Server::new(Arc::new(config().withhold(Extension::Chunking)));
    say(&mut server, b"EHLO c.example\r\n", "");
    say(&mut server, b"MAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nBDAT 5\r\nhello", "");
    say(&mut server, b"DATA\r\n", "");
    let (_, sizes) = say(&mut server, b"x\r\n.\r\n", "");
    assert_eq!(sizes, [3]);
}

/// A client that sends an octet at a time does not make the application keep a buffer for each.
#[test]
fn a_few_octets_do_not_keep_a_large_buffer() {
    let mut server = Server::new(Arc::new(config()));
    say(&mut server, b"EHLO c.example\r\n", "");
    say(&mut server, TO_DATA.as_bytes(), "");
    say(&mut server, &[b'x'; 40_000], "");
    assert!(server.wire().bulk());
    let mut kept = Vec::new();
    let mut room = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        assert_eq!(server.step(), Step::Read);
        let spare = server.wire().spare();
        spare[0] = b'x';
        room.insert(spare.as_ptr().addr() >> 20);
        server.wire().received(1);
        assert_eq!(server.step(), Step::Event);
        match server.event() {
            Some(server::Event::Body(octets)) => kept.push(octets),
            other => panic!("{other:?}"),
        }
    }
    // The whole room moves a few times at most.
    assert_eq!(kept.len(), 1000);
    assert!(room.len() < 10, "{room:?}");
}

/// What a message was refused for, the application is told nothing more of.
#[test]
fn nothing_is_told_of_a_refused_message() {
    let config = config().profile(|profile| profile.server.bare_newline = BareNewline::Normalize);
    let mut server = Server::new(Arc::new(config));
    say(&mut server, b"EHLO c.example\r\n", "");
    say(&mut server, TO_DATA.as_bytes(), "");
    let _ = server.wire().receive(b"x\ny\r\n.\r\n");
    assert_eq!(server.step(), Step::Event);
    assert!(matches!(server.event(), Some(server::Event::Body(_))));
    server.refuse_message(Rejection::POLICY);
    while server.step() == Step::Event {
        assert!(server.event().is_none());
    }
    assert!(take_output(server.wire(), usize::MAX).starts_with(b"550 5.7.1"));
}

/// A client behind the hello, of a server that offers these.
fn client(config: client::Config, offered: &str) -> Client {
    let mut client = Client::new(config);
    feed(&mut client, "220 x\r\n");
    client.hello(HelloName::parse("c.example").unwrap()).unwrap();
    take_output(client.wire(), usize::MAX);
    feed(&mut client, offered);
    client
}

fn feed(client: &mut Client, octets: &str) {
    assert_eq!(client.wire().receive(octets.as_bytes()), octets.len());
    while client.step() == Step::Event {
        let _ = client.event();
    }
}

/// C-14: the handshake begins after 220 and no other code.
#[test]
fn starttls_needs_220() {
    let mut client = client(client::Config::default(), "250-x\r\n250 STARTTLS\r\n");
    client.starttls().unwrap();
    take_output(client.wire(), usize::MAX);
    assert_eq!(client.wire().receive(b"250 ok\r\n"), 8);
    assert_eq!(client.step(), Step::Event);
    assert!(matches!(client.event(), Some(client::Event::Fault(Fault::UnexpectedReply(_)))));
}

/// A queue of no length holds nothing, and what can be sent at once needs none.
#[test]
fn a_queue_of_no_length() {
    let mut config = client::Config::default();
    config.limits.queue = 0;
    let mut client = client(config, "250 x\r\n");
    client.noop().unwrap();
    assert_eq!(client.noop(), Err(Misuse::QueueFull));
}

/// Answers what `client` has sent, line by line.
fn transact(client: &mut Client, mut transaction: Transaction<'_>, pieces: usize) -> Vec<Status> {
    let mut given = 0;
    let mut sent = Vec::new();
    loop {
        match transaction.next(client).unwrap() {
            TransactionStep::Done => break,
            TransactionStep::Body if given < pieces => {
                given += 1;
                transaction.body(client, Bytes::from_static(b"line\r\n")).unwrap();
                continue;
            }
            TransactionStep::Body => transaction.end_of_body(client).unwrap(),
            TransactionStep::Await => {}
            TransactionStep::Rewind => transaction.cannot_rewind(),
        }
        loop {
            match client.step() {
                Step::Write => sent.extend(take_output(client.wire(), usize::MAX)),
                Step::Event => {
                    if let Some(client::Event::Reply { to, reply }) = client.event() {
                        transaction.reply(to, reply);
                        break;
                    }
                }
                _ => {
                    let text = String::from_utf8(std::mem::take(&mut sent)).unwrap();
                    for line in text.lines().filter(|line| *line != "line") {
                        let refused = line.contains("no@") || line == "DATA";
                        let reply: &[u8] = if refused { b"550 no\r\n" } else { b"250 ok\r\n" };
                        assert_eq!(client.wire().receive(reply), reply.len());
                    }
                }
            }
        }
    }
    let report = transaction.report();
    report.outcomes().iter().map(client::Outcome::status).collect()
}

fn envelope<'e>(to: &'e [client::Recipient<'e>]) -> Envelope<'e> {
    Envelope { reverse_path: ReversePath::Null, parameters: Parameters::EMPTY, recipients: to }
}

/// DATA that found the queue full is not sent when all recipients were refused in the meantime.
#[test]
fn data_behind_a_full_queue() {
    for (queue, in_flight) in [(0, 0), (1, 0), (1, 40), (60, 40), (100, 16_384)] {
        for recipients in 1..6 {
            let mut config = client::Config::default();
            (config.limits.queue, config.limits.in_flight) = (queue, in_flight);
            let mut client = client(config, "250-x\r\n250 PIPELINING\r\n");
            let to = vec![ForwardPath::parse("<no@x.example>").unwrap().into(); recipients];
            let transaction =
                Transaction::new(envelope(&to), Content::default(), TransactionOptions::default());
            let statuses = transact(&mut client, transaction, 0);
            assert_eq!(statuses, vec![Status::Rejected; recipients]);
        }
    }
}

/// Chunks without number: the transaction waits for replies rather than fail.
#[test]
fn many_small_chunks() {
    for in_flight in [0, 20, 16 * 1024] {
        let mut config = client::Config::default();
        config.limits.in_flight = in_flight;
        let mut client = client(config, "250-x\r\n250-CHUNKING\r\n250 PIPELINING\r\n");
        let to = [ForwardPath::parse("<a@x.example>").unwrap().into()];
        let options = TransactionOptions::default();
        let transaction = Transaction::new(envelope(&to), Content::default(), options);
        assert_eq!(transact(&mut client, transaction, 5000), [Status::Delivered]);
    }
}

/// names of mechanisms that do not fit into a line any more are no keywords on the next.
#[test]
fn many_mechanisms_stay_on_their_line() {
    let names: Vec<_> = (10..60).map(|number| format!("X-MECHANISM-{number}")).collect();
    let config = names
        .iter()
        .fold(config(), |config, name| config.mechanism(Mechanism::parse(name).unwrap(), false));
    let mut server = Server::new(Arc::new(config));
    say(&mut server, b"", "");
    let (said, _) = say(&mut server, b"EHLO c.example\r\n", "");
    let reply = Reply::parse(said.as_bytes()).unwrap();
    let capabilities = Capabilities::parse(reply);
    let listed: Vec<_> = capabilities.auth_mechanisms().collect();
    assert!(listed.len() > 20 && listed.iter().eq(&names[..listed.len()]), "{said}");
    assert!(capabilities.lines().all(|(keyword, _)| !keyword.starts_with(b"X-")), "{said}");
}

/// A recipient of LMTP that has its message keeps it when the session ends before the next is
/// answered: nothing is called void.
#[test]
fn a_message_that_was_taken_is_not_void() {
    let mut server = Server::new(Arc::new(config().lmtp()));
    say(&mut server, b"LHLO c.example\r\n", "");
    let group = "MAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n";
    say(&mut server, group.as_bytes(), "");
    assert_eq!(server.wire().receive(b".\r\n"), 3);
    loop {
        match server.step() {
            Step::Event => match server.event() {
                Some(server::Event::Delivery(token)) => {
                    token.accept();
                    break;
                }
                Some(other) => panic!("{other:?}"),
                None => {}
            },
            step => panic!("{step:?}"),
        }
    }
    server.abort(Rejection::SHUTTING_DOWN);
    while server.step() == Step::Event {
        assert!(!matches!(server.event(), Some(server::Event::Reset)));
    }
}

/// Without a recipient there is no transaction, and nothing is sent.
#[test]
fn nobody_to_send_to() {
    let mut client = client(client::Config::default(), "PIPELINING");
    let options = TransactionOptions::default();
    let mut transaction = Transaction::new(envelope(&[]), Content::default(), options);
    assert_eq!(transaction.next(&mut client), Err(Misuse::NoRecipient));
    assert!(client.wire().output().is_empty());
}

/// C-70: content that turns out to be 8-bit is not sent to a server that takes none.
#[test]
fn eight_bit_content_is_not_sent_raw() {
    for offered in ["250-x\r\n250 PIPELINING\r\n", "250-x\r\n250-CHUNKING\r\n250 PIPELINING\r\n"] {
        let mut client = client(client::Config::default(), offered);
        let to = [ForwardPath::parse("<b@x.example>").unwrap().into()];
        let mut transaction =
            Transaction::new(envelope(&to), Content::default(), TransactionOptions::default());
        while transaction.next(&mut client).unwrap() != TransactionStep::Body {
            take_output(client.wire(), usize::MAX);
            let replies = b"250 x\r\n250 x\r\n354 x\r\n";
            let of_these = if offered.contains("CHUNKING") { 14 } else { 21 };
            assert_eq!(client.wire().receive(&replies[..of_these]), of_these);
            while client.step() == Step::Event {
                let Some(client::Event::Reply { to, reply }) = client.event() else { panic!() };
                transaction.reply(to, reply);
            }
        }
        take_output(client.wire(), usize::MAX);
        let piece = Bytes::from_static("\u{e9}\r\n".as_bytes());
        assert_eq!(transaction.body(&mut client, piece), Err(Misuse::EightBit));
        assert!(client.wire().output().is_empty());
    }
}

/// F-14: the limit of a command line is never below what may be offered.
#[test]
fn a_short_command_line_is_not_possible() {
    let mut server = Server::new(Arc::new(config().limits(|limits| limits.command_line = 1)));
    say(&mut server, b"EHLO c.example\r\n", "");
    let noop = format!("NOOP {}\r\n", "x".repeat(2400 - "NOOP \r\n".len()));
    assert!(say(&mut server, noop.as_bytes(), "").0.starts_with("250 "));
    assert!(say(&mut server, format!("NOOP x{}", &noop[5..]).as_bytes(), "").0.starts_with("500 "));
}

/// G-47: no octet above 127 leaves in a parameter without SMTPUTF8, whatever the path is.
#[test]
fn a_parameter_in_utf8_needs_smtputf8() {
    let mut client = client(
        client::Config::default(),
        "250-x\r\n250-DSN\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 PIPELINING\r\n",
    );
    let path = ForwardPath::parse("<b@x.example>").unwrap();
    client.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
    let raw = "ORCPT=utf-8;j\u{f6}rg@x.example";
    let raw = Parameters::parse(raw.as_bytes(), &Syntax::default()).unwrap();
    assert_eq!(client.rcpt(path, raw), Err(Misuse::NonAscii));
    let mut escaped = ParameterList::new();
    escaped.orcpt("utf-8", "j\u{f6}rg@x.example").unwrap();
    client.rcpt(path, escaped.as_parameters()).unwrap();
    assert!(take_output(client.wire(), usize::MAX).is_ascii());
}

/// What was held of a message that was refused does not come before its next copy.
#[test]
fn a_refused_chunk_leaves_nothing_behind() {
    let offered = "250-x\r\n250-CHUNKING\r\n250 LIMITS RCPTMAX=1\r\n";
    let mut client = client(client::Config::default(), offered);
    let to = ["<a@x.example>", "<b@x.example>"].map(|to| ForwardPath::parse(to).unwrap().into());
    let options = TransactionOptions::default();
    let mut transaction = Transaction::new(envelope(&to), Content::default(), options);
    let pieces = [&b"one\r\n"[..], b"two\r\n"].map(Bytes::from_static);
    let (mut left, mut said) = (pieces.iter(), String::new());
    loop {
        match transaction.next(&mut client).unwrap() {
            TransactionStep::Done => break,
            TransactionStep::Rewind => {
                left = pieces.iter();
                transaction.rewound();
                continue;
            }
            TransactionStep::Body => match left.next() {
                Some(piece) => transaction.body(&mut client, piece.clone()).unwrap(),
                None => transaction.end_of_body(&mut client).unwrap(),
            },
            TransactionStep::Await => {}
        }
        match client.step() {
            Step::Write => {
                let sent = take_output(client.wire(), usize::MAX);
                said.push_str(std::str::from_utf8(&sent).unwrap());
                let refused = said.matches("BDAT").count() == 1 && sent.starts_with(b"BDAT");
                let reply: &[u8] = if refused { b"552 too big\r\n" } else { b"250 ok\r\n" };
                assert_eq!(client.wire().receive(reply), reply.len());
            }
            Step::Event => {
                if let Some(client::Event::Reply { to, reply }) = client.event() {
                    transaction.reply(to, reply);
                }
            }
            _ => {}
        }
    }
    assert!(said.ends_with("BDAT 5\r\none\r\nBDAT 5 LAST\r\ntwo\r\n"), "{said}");
    let statuses: Vec<_> =
        transaction.report().outcomes().iter().map(client::Outcome::status).collect();
    assert_eq!(statuses, [Status::Rejected, Status::Delivered]);
}
