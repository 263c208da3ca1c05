//! A message that was looked at before goes out as one that was not.

use alloc::{format, vec::Vec};

use bytes::{Buf, Bytes};
use proptest::prelude::*;

use crate::{
    client::{
        Chunking, Client, Config, Envelope, Event, Misuse, Survey, Surveyed, Transaction,
        TransactionOptions, TransactionStep,
    },
    data::BareNewline,
    domain::HelloName,
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    wire::{Endpoint, Step},
};

/// How the content is handed over.
#[derive(Debug, Clone, Copy)]
enum By<'o> {
    Piece,
    Survey,
    /// Surveyed, behind a piece of these octets.
    Behind(&'o [u8]),
}

/// Has the client go on until it waits; what it says is answered in good will, and given back.
fn settle(client: &mut Client, transaction: &mut Transaction<'_>, sent: &mut Vec<u8>) {
    loop {
        match client.step() {
            Step::Write => {
                let output = client.wire().output();
                let from = sent.len();
                sent.extend_from_slice(output.chunk());
                output.advance(output.chunk().len());
                let said = sent[from..].to_vec();
                if said.starts_with(b"MAIL") || said.starts_with(b"RCPT") {
                    for line in said.split_inclusive(|octet| *octet == b'\n') {
                        let reply: &[u8] = match line {
                            b"DATA\r\n" => b"354 go on\r\n",
                            line if line.starts_with(b"BDAT") => break,
                            _ => b"250 ok\r\n",
                        };
                        assert_eq!(client.wire().receive(reply), reply.len());
                    }
                }
            }
            Step::Event => {
                if let Some(Event::Reply { to, reply }) = client.event() {
                    transaction.reply(to, reply);
                }
            }
            _ => return,
        }
    }
}

/// What was sent, or why it was not.
fn send(
    content: &[u8],
    chunking: Chunking,
    bare_newline: BareNewline,
    by: By<'_>,
) -> Result<Vec<u8>, Misuse> {
    let mut config = Config::default();
    config.profile.client.bare_newline = bare_newline;
    let mut client = Client::new(config);
    assert_ne!(client.wire().receive(b"220 mx.example\r\n"), 0);
    client.hello(HelloName::parse("c.example").unwrap()).unwrap();
    let recipients = [ForwardPath::parse("<b@x.example>").unwrap().into()];
    let envelope = Envelope {
        reverse_path: ReversePath::Null,
        parameters: Parameters::EMPTY,
        recipients: &recipients,
    };
    let options = TransactionOptions { chunking, ..TransactionOptions::default() };
    let message = Surveyed::new(content.to_vec());
    let mut transaction = Transaction::new(envelope, message.content(), options);
    let mut sent = Vec::new();
    settle(&mut client, &mut transaction, &mut sent);
    assert_ne!(
        client
            .wire()
            .receive(b"250-mx.example\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 PIPELINING\r\n"),
        0
    );
    settle(&mut client, &mut transaction, &mut sent);
    sent.clear();
    loop {
        match transaction.next(&mut client)? {
            TransactionStep::Await => settle(&mut client, &mut transaction, &mut sent),
            TransactionStep::Body => break,
            step => panic!("{step:?}"),
        }
    }
    let octets = Bytes::copy_from_slice(content);
    match by {
        By::Piece => transaction.body(&mut client, octets)?,
        By::Survey => transaction.surveyed_body(&mut client, &message)?,
        By::Behind(before) => {
            transaction.body(&mut client, Bytes::copy_from_slice(before))?;
            transaction.surveyed_body(&mut client, &message)?;
        }
    }
    transaction.end_of_body(&mut client)?;
    settle(&mut client, &mut transaction, &mut sent);
    Ok(sent)
}

/// Content in which what matters is frequent.
fn content() -> impl Strategy<Value = Vec<u8>> {
    /// The last two are not in every one.
    const PIECES: [&[u8]; 7] = [b"\r\n", b".", b"\r\n.", b"abc", b"\xff", b"\r", b"\n"];
    let piece = prop::sample::select(&PIECES[..]);
    let whole = prop::sample::select(&PIECES[..5]);
    prop_oneof![
        1 => prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
        3 => prop::collection::vec(whole, 0..12).prop_map(|pieces| pieces.concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_goes_out_as_the_same_octets_or_not_at_all(content in content()) {
        for bare_newline in [BareNewline::Reject, BareNewline::Normalize] {
            for chunking in [Chunking::Never, Chunking::Auto] {
                let send = |content: &[u8], by| send(content, chunking, bare_newline, by);
                prop_assert_eq!(send(&content, By::Survey), send(&content, By::Piece));
                // As a whole and as two halves: the same content, if one is sent at all. A chunk more is
                // not the same octets.
                let twice = [&content[..], &content].concat();
                if chunking == Chunking::Never {
                    prop_assert_eq!(send(&content, By::Behind(&content)), send(&twice, By::Piece));
                }
            }
        }
    }
}

/// F-10: whether a CR is bare is not known before the octet behind it, which is here the first of a
/// message that was looked at alone.
#[test]
fn a_cr_right_before_it_is_bare() {
    for (chunking, sent) in [
        (Chunking::Never, &b"DATA\r\na\r\nb\r\n.\r\n"[..]),
        (Chunking::Auto, b"\r\nBDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\n"),
    ] {
        let send = |bare_newline| send(b"b\r\n", chunking, bare_newline, By::Behind(b"a\r"));
        assert_eq!(send(BareNewline::Reject), Err(Misuse::BareNewline));
        let mended = send(BareNewline::Normalize).unwrap();
        assert!(mended.ends_with(sent), "{}", mended.escape_ascii());
    }
}

#[test]
fn most_content_is_not_copied() {
    let message = Surveyed::new("Subject: hello\r\n\r\nHello\r\n");
    let sent = message.piece();
    assert!(sent.is_plain() && sent.octets().as_ptr() == message.octets().as_ptr());
    for (content, plain) in [("", true), (".", false), ("a\r\n.b\r\n", false), ("a.\r\nb.", true)] {
        assert_eq!(Surveyed::new(content).piece().is_plain(), plain, "{content:?}");
    }
}

/// What a caller decides by, before anything is sent.
#[test]
fn what_was_found() {
    for (content, bare, unix) in [
        ("", 0, false),
        ("Subject: a\r\n\r\nb\r\n", 0, false),
        ("Subject: a\n\nb\n", 3, true),
        ("Subject: a\r\n\r\nb\n", 1, false),
        ("Subject: a\r\n\r\nb\rc", 1, false),
    ] {
        let message = Surveyed::new(content);
        let found = (message.bare_newlines(), message.has_unix_lines());
        assert_eq!(found, (bare, unix), "{content:?}");
        let mut survey = Survey::default();
        survey.read(content.as_bytes());
        assert_eq!(message.content(), survey.content(), "{content:?}");
        assert_eq!(message.content().size.is_some_and(|size| size > 0), !content.is_empty());
    }
    // Wherever the line ends are.
    for length in 0..200 {
        let content = format!("Subject: a\r\n\r\n{}\r\nb\r\n", "x".repeat(length));
        let message = Surveyed::new(content);
        assert_eq!((message.bare_newlines(), message.has_unix_lines()), (0, false), "{length}");
    }
}
