//! Which content is told, and which is dropped.

use alloc::vec::Vec;

use bytes::Buf;

use super::*;
use crate::wire::Step;

/// What is told of content when the client says this.
fn told(session: &mut Session, octets: &str) -> String {
    assert_eq!(session.server.wire().receive(octets.as_bytes()), octets.len());
    let mut told = Vec::new();
    loop {
        match session.server.step() {
            Step::Write => {
                let output = session.server.wire().output();
                output.advance(output.remaining());
            }
            Step::Event => match session.server.event() {
                Some(Event::Body(_)) => told.push("body"),
                Some(Event::Reset) => told.push("reset"),
                Some(event) => assert!(event.answer(&Answer::default())),
                None => {}
            },
            Step::Read | Step::Idle | Step::Close => return told.join(" "),
        }
    }
}

/// RFC 5321 section 4.1.1.5: of a message that is void the application is told, and no more of its content.
#[test]
fn no_content_of_a_message_that_is_void() {
    let data =
        [("DATA\r\n", ""), ("a\r\n", "body"), ("b\nc\r\n", "reset"), ("d\r\n", ""), (".\r\n", "")];
    let chunks = [
        ("BDAT 3\r\na\r\n", "body"),
        ("BDAT 5\r\nb\nc\r\n", "reset"),
        ("BDAT 3\r\nd\r\n", ""),
        ("BDAT 0 LAST\r\n", ""),
    ];
    for pieces in [&data[..], &chunks] {
        let mut session = session(mx(), &[EHLO, MAIL, RCPT]);
        for (octets, expected) in pieces {
            assert_eq!(told(&mut session, octets), *expected, "{octets:?}");
        }
        assert!(session.say("NOOP\r\n").starts_with("250 "));
    }
}

/// What is said of a message between two of its parts counts when the next one comes, by BURL too.
#[test]
fn a_message_refused_before_a_part_of_it_is_fetched() {
    for last in ["", " LAST"] {
        let mut session = session(mx().burl(&["imap"]), &[EHLO, MAIL, RCPT, "BDAT 3\r\na\r\n"]);
        session.act(|server| server.refuse_message(Rejection::POLICY));
        let said = session.say(&format!("BURL imap://x.example/a{last}\r\n"));
        assert!(said.starts_with("550 5.7.1 ") && said.lines().count() == 1, "{said}");
        assert!(session.say("BDAT 0 LAST\r\n").starts_with("503 "));
        assert!(session.say("RSET\r\n").starts_with("250 "));
        assert!(session.say(MAIL).starts_with("250 "));
    }
}

/// RFC 3030 section 2: a chunk that is refused is dropped, whether or not the transaction goes on.
#[test]
fn no_content_of_a_chunk_that_is_refused() {
    let helo = "HELO c.example\r\n";
    for (config, lines, then) in [
        (mx(), &[helo, MAIL, RCPT][..], ""),
        (mx().withhold(Extension::Chunking), &[EHLO, MAIL, RCPT], ""),
        (mx(), &[EHLO, MAIL], "reset"),
        (mx(), &[EHLO], ""),
    ] {
        for chunk in ["BDAT 6\r\nRSET\r\n", "BDAT 6 LAST\r\nRSET\r\n"] {
            let mut session = session(config.clone(), lines);
            assert_eq!(told(&mut session, chunk), then, "{lines:?} {chunk:?}");
            let goes_on = lines.contains(&RCPT);
            assert_eq!(session.say("DATA\r\n").starts_with("354 "), goes_on, "{lines:?}");
        }
    }
}
