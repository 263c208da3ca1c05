//! SMTP smuggling: one message that another server takes for two.

use bytes::Bytes;
use smtp_proto::{
    client::{self, Misuse},
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
        for policy in [BareNewline::Reject, BareNewline::Normalize] {
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

#[test]
fn replies_to_the_first_message_are_not_taken_for_those_to_a_second() {
    // A server that ends content early answers twice; the second answer is nobody's.
    let mut client = client(client::Config::default(), "250-mx.example\r\n250 PIPELINING\r\n");
    client.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
    client.rcpt(ForwardPath::parse("<b@y.example>").unwrap(), Parameters::EMPTY).unwrap();
    client.data().unwrap();
    take_output(client.wire(), usize::MAX);
    hear(&mut client, b"250 ok\r\n250 ok\r\n354 go\r\n");
    client.body(Bytes::from_static(b"x\r\n")).unwrap();
    client.end_of_data().unwrap();
    take_output(client.wire(), usize::MAX);
    let (_, told) = hear(&mut client, b"250 one\r\n250 two\r\n");
    assert!(told.iter().any(|event| event.contains("UnexpectedReply")), "{told:?}");
    assert_eq!(client.step(), Step::Close);
}
