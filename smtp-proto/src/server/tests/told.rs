//! What a session and its questions tell an application besides the command.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Buf;

use super::*;
use crate::{auth::Channel, limits::ServerTimeouts, profile::Leniency, wire::Step};

/// RFC 3848 section 1, RFC 6531 section 4.3: the word of the `with` clause goes with what the session has
/// come to.
#[test]
fn how_a_message_comes() {
    let own = Mechanism::parse("XOWN").unwrap();
    let config =
        || mx().mechanism(own, false).offer(Extension::StartTls).offer(Extension::SmtpUtf8);
    let (helo, lhlo, tls, auth) =
        ("HELO c.example\r\n", "LHLO c.example\r\n", "STARTTLS\r\n", "AUTH XOWN YQ==\r\n");
    let utf8 = "MAIL FROM:<a@x.example> SMTPUTF8\r\n";
    for (config, lines, word) in [
        (config(), &[helo, MAIL][..], "SMTP"),
        (config(), &[EHLO, MAIL], "ESMTP"),
        (config(), &[EHLO, auth, MAIL], "ESMTPA"),
        (config(), &[EHLO, tls, EHLO, MAIL], "ESMTPS"),
        (config(), &[EHLO, tls, EHLO, auth, MAIL], "ESMTPSA"),
        (config(), &[EHLO, tls, EHLO, utf8], "UTF8SMTPS"),
        (config().lmtp(), &[lhlo, MAIL], "LMTP"),
        (config().lmtp(), &[lhlo, utf8], "UTF8LMTP"),
    ] {
        assert_eq!(session(config, lines).server.transmission_type(), word, "{lines:?}");
    }
}

/// RFC 1870 section 6: the size that the client has declared, for who plans by it.
#[test]
fn the_size_declared() {
    let config = || mx().offer(Extension::Chunking);
    for (mail, declared) in [("MAIL FROM:<a@x.example> SIZE=7\r\n", Some(7)), (MAIL, None)] {
        for (line, chunked) in [("DATA\r\n", false), ("BDAT 3\r\nab\n", true)] {
            let told = session(config(), &[EHLO, mail, RCPT]).question(line, |event| match event {
                Event::Data(data) => (data.declared_size(), data.is_chunked()),
                event => panic!("{event:?}"),
            });
            assert_eq!(told, (declared, chunked));
        }
    }
}

/// RFC 4468: who fetches a part of the message knows how much of it may be had.
#[test]
fn the_room_for_what_is_fetched() {
    let burl = "BURL imap://u@h/Sent;uid=2;urlauth=submit+u:internal:91354a LAST\r\n";
    let mail = "MAIL FROM:<a@x.example> SIZE=77\r\n";
    let chunk = format!("BDAT 40\r\n{}\r\n", "x".repeat(38));
    let burl_tells = |most, lines: &[&str]| {
        let config = mx().offer(Extension::Chunking).burl(&["imap"]);
        let config = config.limits(|limits| limits.message = most);
        session(config, lines).question(burl, |event| match event {
            Event::Burl(burl) => (burl.declared_size(), burl.room(), burl.is_first()),
            event => panic!("{event:?}"),
        })
    };
    let first = &[EHLO, mail, RCPT];
    assert_eq!(burl_tells(Some(100), first), (Some(77), Some(100), true));
    assert_eq!(burl_tells(None, first), (Some(77), None, true));
    let second = &[EHLO, MAIL, RCPT, &chunk];
    assert_eq!(burl_tells(Some(100), second), (None, Some(60), false));
    assert_eq!(burl_tells(None, second), (None, None, false));
}

/// What a filter has said of its client is told with the recipient, too.
#[test]
fn who_was_forwarded() {
    let mut session = Session::new(mx().offer(Extension::XForward));
    session.amend(&[("XFORWARD", "")]);
    for line in [EHLO, "XFORWARD NAME=y.example\r\n", MAIL] {
        session.say(line);
    }
    let name = |forwarded: Option<&Forwarded>| forwarded?.name().map(String::from);
    let told = session.question(RCPT, |event| match event {
        Event::Rcpt(rcpt) => name(rcpt.forwarded()),
        event => panic!("{event:?}"),
    });
    assert_eq!(told.as_deref(), Some("y.example"));
}

/// The channel that was described is at hand where a client authenticates.
#[test]
fn the_channel_of_an_exchange() {
    let own = Mechanism::parse("XOWN").unwrap();
    for described in [true, false] {
        let mut session = session(mx().mechanism(own, false), &[EHLO]);
        if described {
            let channel = Channel::new().client_certificate(true);
            session.act(|server| server.describe_channel(channel));
        }
        let told = session.question("AUTH XOWN\r\n", |event| match event {
            Event::Auth(auth) => auth.channel().map(Channel::has_client_certificate),
            event => panic!("{event:?}"),
        });
        assert_eq!(told, described.then_some(true));
    }
}

/// RFC 5802 section 6: a client that says it was offered no mechanism with a binding has been deceived,
/// if it was; else it is right.
#[cfg(feature = "sasl")]
#[test]
fn whether_a_binding_was_offered() {
    use crate::auth::{Binding, Known, Nonce, Secret};
    let some = || Channel::new().with(Binding::TlsExporter, b"keying material".as_slice().into());
    for (channel, known, deceived) in [
        (some(), &[Known::ScramSha256, Known::ScramSha256Plus][..], true),
        (some(), &[Known::ScramSha256], false),
        (Channel::new(), &[Known::ScramSha256, Known::ScramSha256Plus], false),
    ] {
        let config = known.iter().fold(mx(), |config, known| config.known_mechanism(*known));
        let mut session = Session::new(config);
        session.rest();
        session.act(|server| server.describe_channel(channel));
        session.say(EHLO);
        let refused = session.question("AUTH SCRAM-SHA-256\r\n", |event| match event {
            Event::Auth(auth) => {
                let decoy = Secret::from(b"decoy".as_slice());
                let setting = auth.setting(Nonce::parse("server").unwrap(), &decoy);
                let mut mechanism = Known::ScramSha256.server(&setting);
                mechanism.step(Some(b"y,,n=alice,r=client")) == Said::Failed
            }
            event => panic!("{event:?}"),
        });
        assert_eq!(refused, deceived, "{known:?}");
    }
}

/// S-72: the list of mechanisms keeps to the length of a line, and has as many as it has room for.
#[test]
fn mechanisms_on_one_line() {
    let few = mx().mechanism(Mechanism::parse("PLAIN").unwrap(), false);
    let lines_of_few = Session::new(few).say(EHLO).lines().count();
    for length in 1..=20 {
        let names: Vec<String> = (0..26u8)
            .flat_map(|first| (0..26u8).map(move |second| (first, second)))
            .map(|(first, second)| {
                let name = [b'A' + first, b'A' + second, b'X'];
                let name = name.iter().cycle().take(length.max(2)).map(|octet| char::from(*octet));
                name.collect()
            })
            .collect();
        let config = names
            .iter()
            .fold(mx(), |config, name| config.mechanism(Mechanism::parse(name).unwrap(), false));
        let said = Session::new(config).say(EHLO);
        let mut lines = said.lines().filter(|line| line[4..].starts_with("AUTH "));
        let line = lines.next().unwrap();
        let listed: Vec<&str> = line[9..].split(' ').collect();
        assert!(lines.next().is_none() && listed == names[..listed.len()], "{said}");
        let octets = line.len() + "\r\n".len();
        let one_more = 1 + names[0].len();
        assert!(octets <= 512 && octets + one_more > 512, "{length} {octets}");
        assert!(said.lines().all(|line| line.len() <= 510), "{said}");
        // What does not fit is not put on a line of its own, where it would be an extension.
        assert_eq!(said.lines().count(), lines_of_few, "{said}");
    }
}

/// RFC 3207 section 4: the handshake begins when the 220 has left, and has a time of its own.
#[test]
fn when_tls_begins() {
    let tls = Duration::from_secs(77);
    let timeouts = ServerTimeouts { tls, ..ServerTimeouts::default() };
    let mut session = session(mx().offer(Extension::StartTls).timeouts(timeouts), &[EHLO]);
    let server = &mut session.server;
    assert_eq!(server.wire().receive(b"STARTTLS\r\n"), 10);
    assert_eq!(server.step(), Step::Event);
    match server.event() {
        Some(Event::StartTls(question)) => question.accept(),
        event => panic!("{event:?}"),
    }
    assert!(server.event().is_none(), "the reply has not left yet");
    assert_eq!(server.step(), Step::Write);
    assert_eq!(server.wire().timer().after, tls);
    let output = server.wire().output();
    output.advance(output.remaining());
    assert_eq!((server.step(), server.wire().room()), (Step::Event, 0));
    assert!(matches!(server.event(), Some(Event::UpgradeTls { .. })));
}

/// Only where much is to come is a large buffer wanted.
#[test]
fn when_much_content_is_expected() {
    let config = || mx().offer(Extension::Chunking);
    let is_bulk = |lines: &[&str]| session(config(), lines).server.wire().bulk();
    assert!(!is_bulk(&[EHLO, MAIL, RCPT]));
    assert!(!is_bulk(&[EHLO, MAIL, RCPT, "BDAT 100\r\n"]));
    assert!(is_bulk(&[EHLO, MAIL, RCPT, "BDAT 100000\r\n"]));
    assert!(!is_bulk(&[EHLO, MAIL, RCPT, "DATA\r\n", "text\r\n"]));
    let much = "a line of content\r\n".repeat(1000);
    assert!(is_bulk(&[EHLO, MAIL, RCPT, "DATA\r\n", &much]));
    assert!(!is_bulk(&[EHLO, MAIL, RCPT, "DATA\r\n", &much, ".\r\n"]));
}

/// F-07, F-24: lines that end with a bare newline are as long as they are when it was mended.
#[test]
fn lines_that_were_mended_are_not_one() {
    let config = || mx().profile(|profile| *profile = Profile::LENIENT);
    let half = "x".repeat(700);
    for (content, long) in [
        (format!("{half}\n{half}\n{half}\r\n.\r\n"), false),
        (format!("{half}{half}\n{half}\r\n.\r\n"), true),
    ] {
        let mut session = session(config(), &[EHLO, MAIL, RCPT, "DATA\r\n"]);
        assert!(session.say(&content).starts_with("250 "));
        assert_eq!(session.told.contains(&Leniency::LongLine), long, "{:?}", session.told);
    }
}
