//! Sessions that are recorded, written down, read back and replayed: every dialog, and random ones.

#[path = "replay/octets.rs"]
mod octets;
#[path = "replay/recorded.rs"]
mod recorded;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use smtp_proto::{
    client::{self, Client, Content as Message, Transaction},
    server::{Event, Server},
    transcript::{
        Content, Entry, Recording, Speaker, Transcript,
        replay::{self, Difference, Found, Replay, Replayed},
    },
    wire::{Endpoint, Wire},
};
use smtp_tests::{
    case::{Case, envelope, recipients},
    client_dialog::{self, ClientDialog, Link},
    dialog::{self, Dialog, Memory},
    pair::{Pair, Pieces},
};

use self::recorded::{Notes, Record};

const ALL: Content = Content::Kept { limit: 1 << 20 };

fn record(dialog: &Dialog, pieces: usize, content: Content) -> (Transcript, Notes) {
    let record = Memory::new(dialog, pieces, Record::new(content)).play(dialog);
    (read_back(&record.transcript), record.notes)
}

/// The transcript of a session that was recorded.
fn taken(role: Speaker, wire: &mut Wire) -> Transcript {
    let mut transcript = Transcript::new(role);
    transcript.take(wire.transcript().unwrap());
    read_back(&transcript)
}

/// The transcript, by way of its file.
fn read_back(transcript: &Transcript) -> Transcript {
    let file = transcript.to_string();
    let read: Transcript = file.parse().unwrap_or_else(|error| panic!("{error} of\n{file}"));
    assert_eq!(read, *transcript, "{file}");
    read
}

fn replay(
    dialog: &Dialog,
    transcript: &Transcript,
    pieces: usize,
) -> Result<(Replayed, Notes), Difference> {
    let mut notes = Notes::default();
    let server = Server::new(Arc::new(dialog.config()));
    let replay = Replay::new(transcript).in_pieces(pieces);
    let replayed = replay.serve(server, |event| notes.see(event))?;
    Ok((replayed, notes))
}

#[test]
fn every_server_dialog() {
    for dialog in dialog::all("server") {
        for recorded in if dialog.together { &[usize::MAX][..] } else { &[usize::MAX, 1, 5] } {
            let (transcript, mut notes) = record(&dialog, *recorded, ALL);
            for pieces in [usize::MAX, 1, 3] {
                let (replayed, mut again) =
                    replay(&dialog, &transcript, pieces).unwrap_or_else(|difference| {
                        panic!("{}: {difference}\n{transcript}", dialog.name)
                    });
                if !replayed.is_faithful() {
                    notes = notes.without_secrets();
                    again = again.without_secrets();
                }
                assert_eq!(again, notes, "{} in {pieces}\n{transcript}", dialog.name);
            }
        }
    }
}

/// What is elided has a stand-in; only where a reply depends on the content itself it differs.
#[test]
fn every_server_dialog_without_content() {
    let mut differ = Vec::new();
    let mut total = 0;
    for dialog in dialog::all("server") {
        let (transcript, _) = record(&dialog, usize::MAX, Content::Elided);
        total += 1;
        if let Err(difference) = replay(&dialog, &transcript, usize::MAX) {
            let about_content = matches!(
                difference.found(),
                Found::Entry(Entry::Answer(_) | Entry::Reply(_)) | Found::Waits
            );
            assert!(about_content, "{}: {difference}\n{transcript}", dialog.name);
            differ.push(dialog.name);
        }
    }
    assert!(differ.len() * 10 < total, "{} of {total}: {differ:?}", differ.len());
}

fn describe_told(event: &client::Event<'_>) -> String {
    let first = |text: String| text.split([' ', '(']).next().unwrap_or_default().to_owned();
    match event {
        client::Event::Reply { to, reply } => {
            format!("{} {}", first(format!("{to:?}")), reply.code().value())
        }
        client::Event::UpgradeTls => "UpgradeTls".to_owned(),
        client::Event::Turned(_) => "Turned".to_owned(),
        client::Event::Fault(fault) => format!("Fault {}", first(format!("{fault:?}"))),
        client::Event::Leniency(leniency) => format!("Leniency {}", leniency.switch()),
        other => panic!("{other:?}"),
    }
}

fn replay_client(dialog: &ClientDialog, transcript: &Transcript, pieces: usize) -> Vec<String> {
    let mut events = Vec::new();
    Replay::new(transcript)
        .in_pieces(pieces)
        .call(dialog.client(), |event| events.push(describe_told(event)))
        .unwrap_or_else(|difference| panic!("{}: {difference}\n{transcript}", dialog.name()));
    events
}

#[test]
fn every_client_dialog() {
    for dialog in client_dialog::all("client") {
        let (mut events, mut link) = dialog.over(|mut client| {
            client.wire().record(Recording::from(ALL));
            client_dialog::Memory::new(client)
        });
        // What the parts beside the client make of its events.
        events.retain(|event| {
            // The record has the newlines as they were mended.
            !["Ready", "Close", "Leniency bare_newline"].contains(&&**event)
                && !event.starts_with("Failed ")
        });
        let transcript = taken(Speaker::Client, link.client().wire());
        for pieces in [usize::MAX, 1, 3] {
            let again = replay_client(&dialog, &transcript, pieces);
            assert_eq!(again, events, "{} in {pieces}\n{transcript}", dialog.name());
        }
    }
}

/// A difference is told with the line of the file.
#[test]
fn a_difference_has_its_line() {
    let file = "smtp-transcript 1 server\n\
        accept\n\
        S: 220 mx.example.net ESMTP\n\
        C: HELO c.example\n\
        accept\n\
        S: 250 mx.example.net\n\
        # a remark\n\
        C: NOOP\n\
        S: 250 2.0.0 NOOP done\n\
        C: QUIT\n\
        S: 221 2.0.0 mx.example.net closing, goodbye\n";
    let replayed = |file: &str| {
        let transcript: Transcript = file.parse().unwrap();
        let config = replay::config::server(&transcript).unwrap();
        Replay::new(&transcript).serve(Server::new(Arc::new(config)), |_| {})
    };
    let whole = replayed(file).unwrap();
    assert!(whole.is_faithful() && !whole.unfinished);
    let cut = file.find("C: QUIT").unwrap();
    assert!(replayed(&file[..cut]).unwrap().unfinished);
    for (from, to, line, found) in [
        ("250 2.0.0 NOOP", "250 2.0.0 NOPE", 9, "S: 250 2.0.0 NOOP done, where"),
        ("C: NOOP\nS: 250 2.0.0 NOOP done\n", "S: 250 OK\n", 8, "the machine waits, where"),
        ("C: QUIT\n", "", 10, "the machine waits, where"),
        ("closing, goodbye\n", "closing, goodbye\nC: NOOP\n", 12, "the session is over, where"),
        ("done\nC: QUIT\n", "done\n\n\nchallenge 3\n", 12, "the machine waits, where"),
        ("accept\nS: 250 mx", "challenge 3\nS: 250 mx", 5, "another question is open, where"),
        ("accept\nS: 250 mx", "reject 550 5.7.1 no\nS: 250 mx", 6, "S: 550 no, where"),
        ("done\n", "done\ntls\n", 10, "the machine waits, where"),
    ] {
        let changed = file.replacen(from, to, 1);
        assert_ne!(changed, file);
        let Err(difference) = replayed(&changed) else {
            panic!("no difference in\n{changed}");
        };
        let told = difference.to_string();
        assert_eq!(difference.line(), line, "{told}");
        assert!(told.starts_with(&format!("line {line}: {found}")), "{told}");
    }
    let client = file.replace("1 server", "1 client");
    assert_eq!(*replayed(&client).unwrap_err().found(), Found::OtherRole);
    let dropped = file.replace("1 server\n", "1 server\ndropped 3\n");
    assert_eq!(*replayed(&dropped).unwrap_err().found(), Found::Dropped);
}

/// A secret of the caller's takes the place of the masked one.
#[test]
fn secrets_of_the_caller() {
    use smtp_proto::auth::Secret;
    let case = Case { auth: Some("PLAIN"), ..Case::PLAIN };
    let mut pair = case.pair();
    let (client, server) = recorded(&mut pair, |pair| {
        pair.open(&mut case.opening()).unwrap();
        pair.quit();
    });
    assert!(server.to_string().contains("C* AUTH PLAIN ********************\n"), "{server}");
    let mut secret = Secret::new();
    secret.extend_from_slice(b"\0bob\0a longer password");
    let mut responses = Vec::new();
    let replay = Replay::new(&server).secret(secret.clone());
    let machine = Server::new(Arc::new(case.server()));
    let replayed = replay.serve(machine, |event| {
        if let Event::Auth(auth) = event {
            responses.push(auth.response().unwrap().to_vec());
        }
    });
    assert_eq!(responses, [secret.as_slice()]);
    assert!(replayed.unwrap().is_faithful());
    let replayed = Replay::new(&client).secret(secret).call(Client::new(case.client()), |_| {});
    assert!(replayed.unwrap().is_faithful());
}

/// Records both sides of what `play` does.
fn recorded(pair: &mut Pair, play: impl FnOnce(&mut Pair)) -> (Transcript, Transcript) {
    pair.client.wire().record(Recording::from(ALL));
    pair.server.wire().record(Recording::from(ALL));
    play(pair);
    (taken(Speaker::Client, pair.client.wire()), taken(Speaker::Server, pair.server.wire()))
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        prop::sample::select(vec![
            &b"\r\n"[..],
            b".",
            b"..\r\n",
            b"\r\n.\r\n",
            b"text of a line",
            b"\xff\0",
            b"\r",
            b"\n",
        ]),
        0..30,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Both sides of a random session, whole or broken off, are replayed to the same events.
    #[test]
    fn random_sessions(
        case in prop::sample::select(Case::all()),
        auth in prop::sample::select(vec![None, Some("PLAIN"), Some("LOGIN")]),
        tls in any::<bool>(),
        to in prop::collection::vec(
            prop::sample::select(vec![
                "<a@x.example>", "<no@x.example>", "<later@x.example>", "<full@x.example>",
                "<bye@x.example>", "<many@x.example>",
            ]),
            1..5,
        ),
        from in prop::sample::select(vec![
            "<s@x.example>", "<>", "<no@x.example>", "<drop@x.example>", "<bad@x.example>",
        ]),
        body in bodies(),
        pieces in 1..70_usize,
        cut in prop::option::of((any::<bool>(), 0..900_usize)),
    ) {
        let mut case = case;
        case.auth = auth;
        case.tls = if tls { client::TlsUse::Required } else { client::TlsUse::None };
        case.pieces = Pieces::Random(pieces as u64);
        let mut pair = case.pair();
        match cut {
            Some((true, at)) => pair.cut_up = Some(at.max(1)),
            Some((false, at)) => pair.cut_down = Some(at.max(1)),
            None => {}
        }
        let to = recipients(&to);
        let mut delivered = 0;
        let (client, server) = recorded(&mut pair, |pair| {
            if pair.open(&mut case.opening()).is_ok() {
                for _ in 0..2 {
                    let transaction =
                        Transaction::new(envelope(from, &to), Message::default(), case.options());
                    let chunks: Vec<Bytes> =
                        body.chunks(pieces).map(Bytes::copy_from_slice).collect();
                    // A body that cannot be sent leaves the session in the middle of it.
                    if pair.send(transaction, &chunks).is_err() {
                        break;
                    }
                }
                if pair.client.is_settled() {
                    pair.quit();
                }
            }
            delivered = pair.clerk.messages.len();
        });
        let mut bodies: Vec<Vec<u8>> = Vec::new();
        let mut open = Vec::new();
        let config = Arc::new(case.server());
        Replay::new(&server)
            .in_pieces(pieces)
            .serve(Server::new(config), |event| match event {
                Event::Data(data) if !data.is_chunked() || open.is_empty() => open.clear(),
                Event::Body(octets) => open.extend_from_slice(octets),
                Event::Reset => open.clear(),
                Event::Delivery(delivery) if delivery.recipient().unwrap_or_default() == 0 => {
                    bodies.push(core::mem::take(&mut open));
                }
                _ => {}
            })
            .unwrap_or_else(|difference| panic!("{difference}\n{server}"));
        let messages: Vec<&[u8]> =
            pair.clerk.messages.iter().map(|message| &*message.body).collect();
        let whole: Vec<&[u8]> = bodies.iter().take(delivered).map(|body| &**body).collect();
        prop_assert_eq!(whole, messages);
        let mut replies = Vec::new();
        Replay::new(&client)
            .in_pieces(pieces)
            .call(Client::new(case.client()), |event| {
                if let client::Event::Reply { to, reply } = event {
                    replies.push((*to, reply.code().value()));
                }
            })
            .unwrap_or_else(|difference| panic!("{difference}\n{client}"));
        prop_assert_eq!(&replies, &pair.replies);
        for secret in ["AGFsaWNlAHMzY3JldCE=", "czNjcmV0IQ==", "s3cret!", "YWxpY2U="] {
            prop_assert!(!client.to_string().contains(secret), "{}", client);
            prop_assert!(!server.to_string().contains(secret), "{}", server);
        }
    }

    /// No file makes a replay panic or spin.
    #[test]
    fn any_file(
        server in any::<bool>(),
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "accept", "S: 220 mx.example", "C: EHLO c.example", "S: 250-mx.example",
                "S: 250 CHUNKING", "S: 250 OK", "C: MAIL FROM:<>", "C: RCPT TO:<a@b>", "C: DATA",
                "reject 421 4.7.0 no", "reject 550 5.7.0 no", "S: 354 go on", "C| ..text", "C+ \\r",
                "C- 99999999999999", "C.", "C: BDAT 7 LAST", "B+ 7octets", "B- 7", "tls", "eof",
                "expire", "expire unread", "shutdown 421 4.3.2 x", "abort 421 4.3.2 x",
                "refuse 550 5.7.1 x", "C~ 70000 AUTH", "C~ 9 BDAT", "C? \\x16\\x03", "S? HTTP",
                "C^ 9", "S^ 9", "C: QUIT", "S: 221 x", "C: AUTH PLAIN", "C* AUTH PLAIN ****", "C* ####",
                "challenge 3", "S* 334 ****", "C: *", "S: 235 ok", "S: 250 AUTH PLAIN", "C: STARTTLS",
                "dropped 0", "proxy x", "# x",
            ]),
            0..25,
        ),
    ) {
        let role = if server { "server" } else { "client" };
        let file = format!("smtp-transcript 1 {role}\n{}\n", lines.join("\n"));
        if let Ok(transcript) = file.parse::<Transcript>() {
            let replay = Replay::new(&transcript).limit(100_000);
            if server {
                let config = Arc::new(Case::PLAIN.server());
                let _ = replay.serve(Server::new(config), |_| {});
            } else {
                let _ = replay.call(Client::new(Case::PLAIN.client()), |_| {});
            }
        }
    }
}
