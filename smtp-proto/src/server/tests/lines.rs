//! How lines are told from each other, and recorded.

use alloc::{string::ToString, vec::Vec};

use super::*;

/// F-01: a line ends with CRLF and nowhere else, also where it begins with a bare newline.
#[test]
fn f01_bare_newlines_end_no_line() {
    for line in ["\nNOOP\r\n", "\n\nNOOP\r\n", "NOOP\n\nNOOP\r\n", "\r\r\n", "NOOP\r\rNOOP\r\n"] {
        for pieces in [1, 3, usize::MAX] {
            let mut session = session(mx(), &[EHLO]);
            let mut said = String::new();
            for piece in line.as_bytes().chunks(pieces.min(line.len())) {
                said.push_str(&session.say(core::str::from_utf8(piece).unwrap()));
            }
            assert_eq!(said.lines().count(), 1, "{line:?} by {pieces}: {said}");
            assert!(said.starts_with('5'), "{line:?} by {pieces}: {said}");
            assert_eq!(session.say("NOOP\r\n"), "250 2.0.0 NOOP done\r\n");
        }
    }
}

/// An event can be asked for at any time: a line that has not come whole is none yet.
#[test]
fn events_asked_for_within_a_line() {
    let own = Mechanism::parse("XOWN").unwrap();
    let mut session = session(mx().mechanism(own, false), &[EHLO]);
    session.answer(Answer::Challenge(0));
    for (line, code) in [("NOOP\r\n", "250 2.0.0"), ("AUTH XOWN\r\n", "334"), ("YQ==\r\n", "235")] {
        let (first, last) = line.split_at(line.len() - 1);
        for octet in first.bytes() {
            assert_eq!(session.server.wire().receive(&[octet]), 1);
            assert!(session.server.event().is_none(), "{line:?}");
        }
        let said = session.say(last);
        assert!(said.starts_with(code), "{line:?}: {said}");
    }
}

/// C-27: behind AUTH, what is no command is recorded as a response; a verb of the application's own is one.
#[test]
fn c27_stray_responses_are_recorded_masked() {
    let config = mx().verb("XOWN");
    let lines = [EHLO, "AUTH LOGIN YWxpY2U=\r\n", "c2VjcmV0\r\n", "XOWN it\r\n", "FOO bar\r\n"];
    let file = session(config, &lines).transcript().to_string();
    let said: Vec<&str> = file.lines().filter(|line| line.starts_with('C')).skip(1).collect();
    let masked = ["C* AUTH ***** ********", "C* ********", "C: XOWN it", "C: FOO bar"];
    assert_eq!(said, masked, "{file}");
}
