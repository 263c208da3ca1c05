//! SMTP smuggling: one message that another server takes for two.

use bytes::Bytes;
use smtp_proto::{
    client::{self, Client, Event, Misuse, ReplyTo},
    data::BareNewline,
    extension::Extension,
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    profile::Profile,
    wire::{Endpoint, Step},
};
use smtp_tests::take_output;

use crate::attacked::{HELLO, TO_DATA, Told, attack, client, config, hear, server};

/// What may be taken for a line end somewhere.
const ENDS: [&str; 9] = ["\r\n", "\n", "\r", "\n\r", "\r\r\n", "\r\n\n", "\r\0\n", "\0", "\x0b"];

const SECOND: &str = "MAIL FROM:<evil@x.example>\r\nRCPT TO:<c@y.example>\r\nDATA\r\nevil\r\n.\r\n";

/// Every end before the dot with every end behind it, but for the true one.
fn not_the_end() -> impl Iterator<Item = String> {
    ENDS.iter()
        .flat_map(|before| ENDS.iter().map(move |behind| format!("{before}.{behind}")))
        .filter(|mark| !mark.contains("\r\n.\r\n"))
}

#[test]
fn nothing_but_crlf_dot_crlf_ends_data_inbound() {
    for profile in [Profile::STRICT, Profile::INTERNET, Profile::LENIENT] {
        for mark in not_the_end() {
            let content = format!("one{mark}{SECOND}QUIT\r\n");
            let mut told = Told::default();
            for piece in [1, 2, 3, content.len()] {
                let mut server = server(config().profile(|own| *own = profile));
                let mut now = Told::default();
                attack(&mut server, HELLO, usize::MAX, &mut now);
                attack(&mut server, TO_DATA, usize::MAX, &mut now);
                attack(&mut server, content.as_bytes(), piece, &mut now);
                assert_eq!(now.senders, ["<a@x.example>"], "{mark:?} in pieces of {piece}");
                assert!(now.messages.len() <= 1, "{mark:?}");
                if piece > 1 {
                    assert_eq!(now, told, "{mark:?} in pieces of {piece}");
                }
                told = now;
            }
            // What was taken cannot be taken for two by the next server either.
            for message in &told.messages {
                let bare = (0..message.len()).any(|at| match message[at] {
                    b'\r' => message.get(at + 1) != Some(&b'\n'),
                    b'\n' => at == 0 || message[at - 1] != b'\r',
                    _ => false,
                });
                assert!(!bare, "{mark:?}: {}", message.escape_ascii());
            }
        }
    }
}

#[test]
fn nothing_in_a_chunk_is_a_command_or_an_end_inbound() {
    for mark in not_the_end().chain(["\r\n.\r\n".to_owned()]) {
        let content = format!("one{mark}{SECOND}");
        let mut octets =
            b"MAIL FROM:<a@x.example> BODY=BINARYMIME\r\nRCPT TO:<b@y.example>\r\n".to_vec();
        octets.extend(format!("BDAT {} LAST\r\n{content}NOOP\r\n", content.len()).into_bytes());
        for piece in [1, 7, octets.len()] {
            let mut server = server(config().offer(Extension::BinaryMime));
            let mut told = Told::default();
            attack(&mut server, HELLO, usize::MAX, &mut told);
            attack(&mut server, &octets, piece, &mut told);
            assert_eq!(told.senders, ["<a@x.example>"]);
            assert_eq!(told.messages, [content.as_bytes()], "{mark:?}: {}", told.text());
        }
    }
}

/// Where a server that takes any CR or LF for a line end would find the end of the content.
fn lenient_ends(wire: &[u8]) -> usize {
    let text: Vec<u8> =
        wire.iter().map(|octet| if *octet == b'\r' { b'\n' } else { *octet }).collect();
    let lines = text.split(|octet| *octet == b'\n');
    lines.filter(|line| matches!(line, [b'.'] | [b'.', 0])).count()
}

#[test]
fn content_that_somebody_may_take_for_two_messages_does_not_go_out() {
    for mark in not_the_end().chain(["\r\n.\r\n".to_owned()]) {
        let content = format!("one{mark}{SECOND}");
        for policy in [BareNewline::Reject, BareNewline::Normalize, BareNewline::NormalizeLf] {
            for piece in [1, 2, 5, content.len()] {
                let mut own = client::Config::default();
                own.profile.client.bare_newline = policy;
                let mut client = client(own, "250-mx.example\r\n250 PIPELINING\r\n");
                client.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
                client
                    .rcpt(ForwardPath::parse("<b@y.example>").unwrap(), Parameters::EMPTY)
                    .unwrap();
                client.data().unwrap();
                take_output(client.wire(), usize::MAX);
                hear(&mut client, b"250 ok\r\n250 ok\r\n354 go\r\n");
                let mut pieces = content.as_bytes().chunks(piece).map(Bytes::copy_from_slice);
                let taken = pieces.try_for_each(|piece| client.body(piece));
                let taken = taken.and_then(|()| client.end_of_data());
                let sent = take_output(client.wire(), usize::MAX);
                assert!(matches!(taken, Ok(()) | Err(Misuse::BareNewline)), "{taken:?}");
                // Up to where it was refused nothing ends; what goes out whole ends once.
                let ends = lenient_ends(&sent);
                assert_eq!(ends, usize::from(taken.is_ok()), "{mark:?}: {}", sent.escape_ascii());
            }
        }
    }
}

/// A client that has sent a message by DATA.
fn sent_by_data() -> Client {
    let mut client = client(client::Config::default(), "250-mx.example\r\n250 PIPELINING\r\n");
    client.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
    client.rcpt(ForwardPath::parse("<b@y.example>").unwrap(), Parameters::EMPTY).unwrap();
    client.data().unwrap();
    take_output(client.wire(), usize::MAX);
    hear(&mut client, b"250 ok\r\n250 ok\r\n354 go\r\n");
    client.body(Bytes::from_static(b"x\r\n")).unwrap();
    client.end_of_data().unwrap();
    take_output(client.wire(), usize::MAX);
    client
}

/// The server says this, and the client is told of the first reply.
fn hear_one(client: &mut Client, said: &[u8]) {
    assert_eq!(client.wire().receive(said), said.len());
    assert_eq!(client.step(), Step::Event);
    assert!(matches!(client.event(), Some(Event::Reply { .. })));
}

#[test]
fn replies_to_the_first_message_are_not_taken_for_those_to_a_second() {
    // A server that ends content early answers twice; the second answer is nobody's.
    let mut client = sent_by_data();
    let (_, told) = hear(&mut client, b"250 one\r\n250 two\r\n");
    assert!(told.iter().any(|event| event.contains("UnexpectedReply")), "{told:?}");
    assert_eq!(client.step(), Step::Close);
}

/// A reply that is there before a command is given does not answer it, whatever the command.
#[test]
fn a_reply_too_many_answers_nothing_that_comes_after_it() {
    type Give = fn(&mut Client) -> Result<(), Misuse>;
    let commands: [Give; 4] = [
        |client| client.mail(ReversePath::Null, Parameters::EMPTY),
        |client| client.noop(),
        |client| client.quit(),
        |client| client.starttls(),
    ];
    for give in commands {
        // Whole, in part, and in place of an end that was to be expected.
        for (behind, later, name) in [
            ("250 two\r\n", "", "UnexpectedReply"),
            ("250 t", "wo\r\n", "UnexpectedReply"),
            ("421 4.4.2 good bye\r\n", "", "ServiceNotAvailable"),
            ("hello\r\n", "", "Garbled"),
        ] {
            let hello = "250-mx.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n";
            let mut client = client(client::Config::default(), hello);
            client.noop().unwrap();
            take_output(client.wire(), usize::MAX);
            hear_one(&mut client, format!("250 one\r\n{behind}").as_bytes());
            give(&mut client).unwrap();
            // Nothing is said to it, and what it says on is not waited for in vain.
            if !later.is_empty() {
                assert_eq!(client.step(), Step::Read, "{behind:?}");
                assert_eq!(client.wire().timer().after, client.config().timeouts.other);
            }
            let (_, told) = hear(&mut client, later.as_bytes());
            let [told] = &told[..] else { panic!("{behind:?}: {told:?}") };
            assert!(told.starts_with(&format!("Fault({name}")), "{behind:?}: {told}");
            assert_eq!(client.step(), Step::Close);
            assert_eq!(take_output(client.wire(), usize::MAX), b"", "{behind:?}");
        }
    }
}

/// Nor one that comes with the reply before, where commands go one by one.
#[test]
fn a_reply_too_many_answers_nothing_that_waited() {
    let mut client = client(client::Config::default(), "250 mx.example\r\n");
    client.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
    client.rcpt(ForwardPath::parse("<b@y.example>").unwrap(), Parameters::EMPTY).unwrap();
    assert_eq!(take_output(client.wire(), usize::MAX), b"MAIL FROM:<>\r\n");
    let (_, told) = hear(&mut client, b"250 one\r\n250 two\r\n");
    let [first, second] = &told[..] else { panic!("{told:?}") };
    assert!(first.starts_with("Reply { to: Mail"), "{first}");
    assert!(second.starts_with("Fault(UnexpectedReply"), "{second}");
    assert_eq!(take_output(client.wire(), usize::MAX), b"");
}

/// Nor a chunk, the first and the last of its message.
#[test]
fn a_reply_too_many_answers_no_chunk() {
    let hello = "250-mx.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n";
    for last in [false, true] {
        let mut client = client(client::Config::default(), hello);
        client.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
        client.rcpt(ForwardPath::Postmaster, Parameters::EMPTY).unwrap();
        take_output(client.wire(), usize::MAX);
        hear_one(&mut client, b"250 ok\r\n250 ok\r\n250 two\r\n");
        assert_eq!(client.step(), Step::Event);
        assert!(matches!(client.event(), Some(Event::Reply { to: ReplyTo::Rcpt { .. }, .. })));
        client.chunk(Bytes::from_static(b"x\r\n"), last).unwrap();
        assert!(!client.has_sent_message(), "nothing was sent");
        let (_, told) = hear(&mut client, b"");
        assert!(told[0].starts_with("Fault(UnexpectedReply"), "{told:?}");
        assert_eq!(take_output(client.wire(), usize::MAX), b"");
        assert!(!client.has_sent_message());
    }
}

/// A message is not taken before it has left.
#[test]
fn nothing_is_taken_before_it_was_sent() {
    let hello = "250-mx.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n";
    for (reply, fits) in [("250 taken\r\n", false), ("554 no\r\n", true)] {
        for written in [0, 9, 28, 30, 44, usize::MAX] {
            let mut client = client(client::Config::default(), hello);
            client.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
            client.rcpt(ForwardPath::Postmaster, Parameters::EMPTY).unwrap();
            client.chunk(Bytes::from_static(b"x\r\n"), true).unwrap();
            let left = take_output(client.wire(), written).len();
            assert_eq!(
                left,
                written.min(b"MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nBDAT 3 LAST\r\nx\r\n".len())
            );
            let (_, told) = hear(&mut client, format!("250 ok\r\n250 ok\r\n{reply}").as_bytes());
            let fault = told.iter().any(|event| event.contains("UnexpectedReply"));
            assert_eq!(fault, !fits && written != usize::MAX, "{written} {reply}: {told:?}");
        }
    }
}
