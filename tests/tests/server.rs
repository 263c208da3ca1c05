//! The server by itself.

use smtp_proto::{
    profile::Verdict,
    sequence::{Protocol, State},
    server,
    wire::{Endpoint, Step},
};
use smtp_tests::case::Case;

/// A question that is asked again is not in the transcript again.
#[test]
fn transcript_of_a_question_asked_twice() {
    let config = std::sync::Arc::new(Case::PLAIN.server());
    let mut server = server::Server::new(config);
    server.wire().record(100);
    let _ = server.wire().receive(b"EHLO c.example\r\n");
    match server.event() {
        Some(server::Event::Connected(connected)) => connected.accept(),
        other => panic!("{other:?}"),
    }
    smtp_tests::take_output(server.wire(), usize::MAX);
    // It was sent before the greeting.
    assert!(matches!(server.event(), Some(server::Event::Leniency(_))));
    for _ in 0..3 {
        assert_eq!(server.step(), Step::Event);
        assert!(matches!(server.event(), Some(server::Event::Hello(_))));
    }
    let entries = server.wire().transcript().unwrap().drain();
    let told: Vec<String> = entries.map(|entry| entry.to_string()).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!((&*told[0], &*told[3]), ("-- accept --", "C: EHLO c.example"));
    assert_eq!(told[2], "-- forgiven: early_talker --");
}

/// A message refused while it comes gets one reply, also when its last octets were just told.
#[test]
fn refuse_message_at_any_octet() {
    use smtp_proto::answer::Rejection;
    for (protocol, replies) in [(Protocol::Smtp, 1), (Protocol::Lmtp, 2)] {
        for split in 1..=9 {
            let case = Case { protocol, ..Case::PLAIN };
            let mut server = server::Server::new(std::sync::Arc::new(case.server()));
            let hello = if protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" };
            let start = format!(
                "{hello} c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"
            );
            let mut said = Vec::new();
            let mut asked = false;
            for octets in [start.as_bytes(), &b"abcd\r\n.\r\n"[..split], &b"abcd\r\n.\r\n"[split..]]
            {
                assert_eq!(server.wire().receive(octets), octets.len());
                loop {
                    match server.step() {
                        Step::Event => {}
                        Step::Write => {
                            said.extend(smtp_tests::take_output(server.wire(), usize::MAX));
                            continue;
                        }
                        _ => break,
                    }
                    match server.event() {
                        Some(server::Event::Connected(token)) => token.accept(),
                        Some(server::Event::Hello(token)) => token.accept(),
                        Some(server::Event::Mail(token)) => token.accept(),
                        Some(server::Event::Rcpt(token)) => token.accept(),
                        Some(server::Event::Data(token)) => token.accept(),
                        Some(server::Event::Body(_)) => server.refuse_message(Rejection::POLICY),
                        Some(server::Event::Delivery(_)) => asked = true,
                        _ => {}
                    }
                    assert!(!asked, "asked about a refused message, cut at {split}");
                }
            }
            let said = String::from_utf8(said).unwrap();
            assert_eq!(said.matches("550 5.7.1").count(), replies, "{said}");
            assert_eq!(server.state(), State::Ready);
        }
    }
}

/// By BDAT as well: in a chunk, and between two of them, where nothing else is read than a command. The
/// chunk at hand is answered by it, or the next one.
#[test]
fn refuse_message_in_chunks_and_between_them() {
    use smtp_proto::answer::Rejection;
    let message = b"BDAT 4\r\nabcdBDAT 4 LAST\r\nefgh";
    let (begun, whole) = (b"BDAT 4\r\n".len(), b"BDAT 4\r\nabcd".len());
    for (protocol, replies) in [(Protocol::Smtp, 1), (Protocol::Lmtp, 2)] {
        for cut in begun..message.len() {
            let case = Case { protocol, ..Case::PLAIN };
            let mut server = server::Server::new(std::sync::Arc::new(case.server()));
            let hello = if protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" };
            let start =
                format!("{hello} c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\n");
            let said = said_to(&mut server, start.as_bytes());
            assert_eq!(said.matches("\r\n250 2.1").count(), 3, "{said}");
            let before = said_to(&mut server, &message[..cut]);
            assert_eq!(before.starts_with("250 "), cut >= whole, "{before}");
            server.refuse_message(Rejection::POLICY);
            let said = said_to(&mut server, &message[cut..]);
            let (refused, left, state) = match cut < whole {
                true => (1, replies, State::Spoiled),
                false => (replies, 0, State::Ready),
            };
            assert_eq!(said.matches("550 5.7.1").count(), refused, "{cut}: {said}");
            assert_eq!(said.matches("503 5.5.1").count(), left, "{cut}: {said}");
            assert_eq!(said.lines().count(), refused + left, "{cut}: {said}");
            assert_eq!(server.state(), state);
        }
    }
}

/// A chunk that is read only to be dropped is no message, and what is said of it meanwhile is not said of
/// the one behind it.
#[test]
fn refuse_message_in_a_chunk_that_is_dropped() {
    use smtp_proto::{answer::Rejection, extension::Extension};
    let config = Case::PLAIN.server().withhold(Extension::Chunking);
    let mut server = server::Server::new(std::sync::Arc::new(config));
    said_to(&mut server, b"EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x>\r\nBDAT 4\r\nab");
    server.refuse_message(Rejection::POLICY);
    assert_eq!(&said_to(&mut server, b"cd")[..4], "502 ");
    server.refuse_message(Rejection::POLICY);
    assert_eq!(&said_to(&mut server, b"DATA\r\n")[..4], "354 ");
    assert_eq!(&said_to(&mut server, b".\r\n")[..4], "250 ");
}

/// What a server whose application says yes says to this.
fn said_to(server: &mut server::Server, octets: &[u8]) -> String {
    assert_eq!(server.wire().receive(octets), octets.len());
    let mut said = Vec::new();
    loop {
        match server.step() {
            Step::Write => said.extend(smtp_tests::take_output(server.wire(), usize::MAX)),
            Step::Event => match server.event() {
                Some(server::Event::Connected(token)) => token.accept(),
                Some(server::Event::Hello(token)) => token.accept(),
                Some(server::Event::Mail(token)) => token.accept(),
                Some(server::Event::Rcpt(token)) => token.accept(),
                Some(server::Event::Data(token)) => token.accept(),
                Some(server::Event::Delivery(token)) => token.accept(),
                _ => {}
            },
            _ => return String::from_utf8(said).unwrap(),
        }
    }
}

/// S-84: an octet does not start the server's timer anew; a command, and 16 KiB of content, do, also
/// of content that is dropped.
#[test]
fn the_servers_timer() {
    use smtp_proto::answer::Rejection;
    let mut server = server::Server::new(std::sync::Arc::new(Case::PLAIN.server()));
    let mut feed = |octets: &[u8], refuse: bool| -> (u32, std::time::Duration) {
        let mut rest = octets;
        loop {
            match server.step() {
                Step::Write => {
                    smtp_tests::take_output(server.wire(), usize::MAX);
                }
                Step::Event => match server.event() {
                    Some(server::Event::Connected(token)) => token.accept(),
                    Some(server::Event::Hello(token)) => token.accept(),
                    Some(server::Event::Mail(token)) => token.accept(),
                    Some(server::Event::Rcpt(token)) => token.accept(),
                    Some(server::Event::Data(token)) if refuse => token.reject(Rejection::POLICY),
                    Some(server::Event::Data(token)) => token.accept(),
                    Some(server::Event::Delivery(token)) => token.accept(),
                    _ => {}
                },
                _ if rest.is_empty() => break,
                _ => {
                    let taken = server.wire().receive(rest);
                    rest = &rest[taken..];
                }
            }
        }
        let timer = server.wire().timer();
        (timer.lap, timer.after)
    };
    let (start, _) = feed(b"EHLO c.example\r\n", false);
    assert_eq!(feed(b"MAIL FROM", false).0, start, "octets are no command");
    let (mail, _) = feed(b":<>\r\n", false);
    assert_ne!(mail, start);
    let (data, _) = feed(b"RCPT TO:<a@x.example>\r\nDATA\r\n", false);
    assert_eq!(feed(&[b'x'; 1000], false).0, data, "little content is no progress");
    let (content, _) = feed(&[b'x'; 20_000], false);
    assert_ne!(content, data);
    feed(b"\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\n", false);
    let (chunk, _) = feed(b"BDAT 100000\r\n", true);
    assert_eq!(feed(&[b'x'; 1000], true).0, chunk);
    assert_ne!(feed(&[b'x'; 50_000], true).0, chunk, "dropped content is progress too");
}

/// S-82: with another whole command behind it, the reply to MAIL, RCPT and RSET is held, and every
/// other leaves at once.
#[test]
fn which_replies_are_held() {
    let commands = [
        ("EHLO c.example", false),
        ("MAIL FROM:<a@x.example>", true),
        ("RCPT TO:<b@x.example>", true),
        ("RCPT TO:<>", true),
        ("NOOP", false),
        ("VRFY b", false),
        ("HELP", false),
        ("WHAT", false),
        ("RSET", true),
        ("DATA", false),
        ("HELO c.example", false),
        ("QUIT", false),
    ];
    let config = Case::PLAIN.server().profile(|profile| {
        profile.server.early_data = Verdict::Accept;
    });
    let mut server = server::Server::new(std::sync::Arc::new(config));
    match server.event() {
        Some(server::Event::Connected(connected)) => connected.accept(),
        other => panic!("{other:?}"),
    }
    for (command, held) in commands {
        loop {
            match server.step() {
                Step::Write => drop(smtp_tests::take_output(server.wire(), usize::MAX)),
                Step::Event => drop(server.event()),
                _ => break,
            }
        }
        let pair = format!("{command}\r\nNOOP\r\n");
        assert_eq!(server.wire().receive(pair.as_bytes()), pair.len());
        let mut answered = false;
        while !answered {
            answered = true;
            match server.event() {
                // Where PIPELINING is not offered yet, or not any more.
                Some(server::Event::Leniency(_)) => answered = false,
                Some(server::Event::Hello(token)) => token.accept(),
                Some(server::Event::Mail(token)) => token.accept(),
                Some(server::Event::Rcpt(token)) => token.accept(),
                Some(server::Event::Verify(token)) => token.cannot_verify(),
                _ => {}
            }
        }
        assert!(!server.wire().output().is_empty(), "{command}");
        if !held && server.step() == Step::Event {
            // Behind HELO, where the core answers by itself, it is told afterwards.
            assert!(matches!(server.event(), Some(server::Event::Leniency(_))), "{command}");
        }
        let next = if held { Step::Event } else { Step::Write };
        assert_eq!(server.step(), next, "{command}");
        // Until it is let go; that a transaction is void is told first.
        server.release();
        let next = if command == "RSET" { Step::Event } else { Step::Write };
        assert_eq!(server.step(), next, "{command}");
    }
}
