//! Each word of the file form, and how its entry is shown to people.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::super::*;
use crate::tests::passes_errors_on;

/// The lines of an entry, as people see it, who said it, and how many octets that were.
const FORMS: [(&str, &str, Option<Speaker>, u64); 42] = {
    use Speaker::{Client, Server};
    [
        ("S: 220 mx.example", "S: 220 mx.example", Some(Server), 16),
        ("S: 250-a\nS: 250 b", "S: 250-a\nS: 250 b", Some(Server), 14),
        ("S> 250-a\\n\nS> 250 b\\n", "S: 250-a\nS: 250 b", Some(Server), 12),
        ("S* 334 ****", "S: 334 ***", Some(Server), 10),
        ("S+ 334 ****\\n", "S: 334 ***", Some(Server), 9),
        ("C: EHLO c.example", "C: EHLO c.example", Some(Client), 16),
        ("C: \\x1b[2J\\\\\\t\\0\\r\\xff", "C: \\u{1b}[2J\\\\t\\u{0}\\r\\xff", Some(Client), 11),
        ("C* AUTH PLAIN ****", "C: AUTH PLAIN ***", Some(Client), 17),
        ("C* AUTH X\\*Y \\# ##", "C: AUTH X*Y # ***", Some(Client), 15),
        ("C| a line", "C: [8 octets of content]", Some(Client), 8),
        ("C| two\nC+ lines", "C: [10 octets of content]", Some(Client), 10),
        ("C- 77", "C: [77 octets of content]", Some(Client), 77),
        ("C.", "C: .", Some(Client), 3),
        ("B+ chunk\\n", "C: [6 octets of content]", Some(Client), 6),
        ("B- 7", "C: [7 octets of content]", Some(Client), 7),
        ("C~ 70000 AUTH", "C: [70000 octets in a line, too many] AUTH", Some(Client), 70_002),
        ("C? \\x16\\x03", "C: [2 octets that are no SMTP] \\u{16}\\u{3}", Some(Client), 2),
        ("C# 334 **", "C: [6 octets that are no SMTP] 334 ***", Some(Client), 6),
        ("S? HTTP/1.1", "S: [8 octets that are no SMTP] HTTP/1.1", Some(Server), 8),
        ("S# 334 **", "S: [6 octets that are no SMTP] 334 ***", Some(Server), 6),
        ("C^ 9", "C: [9 octets not read]", Some(Client), 9),
        ("S^ 9", "S: [9 octets not read]", Some(Server), 9),
        ("tls", "-- TLS --", None, 0),
        ("expire", "-- the time is up --", None, 0),
        ("expire unread", "-- the time is up --", None, 0),
        ("eof", "-- the peer closed --", None, 0),
        ("accept", "-- accept --", None, 0),
        ("accept - - 250 ok", "-- accept 250 ok --", None, 0),
        ("accept 251 2.1.5 a\\nb", "-- accept 251 2.1.5 a b --", None, 0),
        ("reject 550 5.7.1 not\\nyou", "-- reject 550 5.7.1 not / you --", None, 0),
        ("challenge 3", "-- challenge of 3 octets --", None, 0),
        ("with MT-PRIORITY -3", "-- with MT-PRIORITY -3 --", None, 0),
        ("shutdown 421 4.3.2 bye", "-- shut down 421 4.3.2 bye --", None, 0),
        ("abort 421 4.3.2 bye", "-- abort 421 4.3.2 bye --", None, 0),
        ("refuse 550 5.7.1 no", "-- refuse 550 5.7.1 no --", None, 0),
        ("weak", "-- TLS too weak --", None, 0),
        ("proxy TCP4 192.0.2.1", "-- PROXY TCP4 192.0.2.1 --", None, 0),
        ("channel", "-- channel: nothing to bind to --", None, 0),
        ("channel tls-unique certificate", "-- channel: tls-unique certificate --", None, 0),
        ("forgiven nul_in_text", "-- forgiven: nul_in_text --", None, 0),
        ("# a remark", "-- a remark --", None, 0),
        ("refuse 550 5.7.1 \\n", "-- refuse 550 5.7.1 --", None, 0),
    ]
};

fn of(lines: &str) -> Transcript {
    format!("smtp-transcript 1 server\n{lines}\n")
        .parse()
        .unwrap_or_else(|e| panic!("{e}\n{lines}"))
}

#[test]
fn each_word_is_read_written_and_shown() {
    for (lines, shown, speaker, octets) in FORMS {
        let transcript = of(lines);
        let [entry] = transcript.entries() else { panic!("{lines}: {transcript:?}") };
        assert_eq!(entry.lines().to_string(), format!("{lines}\n"));
        assert_eq!(entry.to_string(), shown);
        assert_eq!((entry.speaker(), entry.octets()), (speaker, octets), "{lines}");
        passes_errors_on(entry);
        passes_errors_on(&entry.lines());
    }
    // A file of a session whose beginning was lost.
    let file = "smtp-transcript 1 client\ndropped 7\nS: 220 mx.example\n";
    let transcript: Transcript = file.parse().unwrap();
    assert_eq!((transcript.role(), transcript.dropped()), (Speaker::Client, 7));
    assert_eq!(transcript.to_string(), file);
    passes_errors_on(&transcript);
}

/// What an entry takes of the bound on memory grows with what it holds.
#[test]
fn memory_of_an_entry() {
    for (short, long) in [
        ("C: NOOP", "C: NOOP and more"),
        ("S: 250 a", "S: 250 a and more"),
        ("C? a", "C? ab"),
        ("C+ a", "C+ ab"),
        ("accept - - a", "accept - - ab"),
        ("with FOO", "with FOO bar"),
        ("reject 550 5.7.1 a", "reject 550 5.7.1 ab"),
        ("abort 421 4.3.2 a", "abort 421 4.3.2 ab"),
        ("proxy a", "proxy ab"),
        ("# a", "# ab"),
    ] {
        let held = |lines| of(lines).entries()[0].held();
        let entry = size_of::<Entry>();
        assert!(entry < held(short) && held(short) < held(long), "{short}");
    }
    assert_eq!(of("tls").entries()[0].held(), size_of::<Entry>());
}

#[test]
fn verbs_codes_and_octets_of_entries() {
    let transcript =
        of("C: mail\tFROM:<>\nC~ 70000 AUTH\nC: =?\nC: \nS: 550 5.7.1 no\ntls\nC* ## **");
    let [mail, long, odd, empty, reply, tls, secret] = transcript.entries() else { panic!() };
    assert_eq!((mail.verb(), long.verb(), odd.verb()), (Some("mail"), Some("AUTH"), None));
    assert_eq!((empty.verb(), reply.verb(), tls.verb()), (None, None, None));
    assert_eq!(reply.code().unwrap().value(), 550);
    assert_eq!(reply.enhanced().unwrap().to_string(), "5.7.1");
    assert!(tls.code().is_none() && mail.enhanced().is_none());
    let (Entry::Command(mail), Entry::Command(secret)) = (mail, secret) else { panic!() };
    assert_eq!(mail.octets().collect::<Vec<_>>(), b"mail\tFROM:<>");
    assert_eq!(secret.octets().collect::<Vec<_>>(), b"## **");
    assert!(secret.is_masked() && !mail.is_masked());
    assert_eq!(format!("{mail:?} {secret:?}"), "\"mail\\tFROM:<>\" \"*** ***\"");
    let facts = of("channel tls-unique certificate\nchannel");
    let [Entry::Channel(some), Entry::Channel(none)] = facts.entries() else { panic!() };
    assert!(some.has_client_certificate() && !none.has_client_certificate());
    assert_eq!((some.bindings().count(), none.bindings().count()), (1, 0));
}

/// No content is no entry, and content of another kind is an entry of its own.
#[test]
fn content_that_goes_on() {
    let mut recorder = Recorder::new(Recording::from(Content::Elided));
    recorder.content(false, b"", 0);
    recorder.content(false, b"", 3);
    recorder.content(false, b"", 4);
    recorder.content(true, b"", 5);
    let entries: Vec<Entry> = recorder.drain().collect();
    let shown: Vec<String> = entries.iter().map(|entry| entry.lines().to_string()).collect();
    assert_eq!(shown, ["C- 7\n", "B- 5\n"]);
}

#[test]
fn what_is_malformed_where() {
    let problem = |lines: &str| {
        format!("smtp-transcript 1 client\n{lines}\n").parse::<Transcript>().unwrap_err().problem()
    };
    for (lines, expected) in [
        ("S: 250 a\\q", Problem::Escape),
        ("S+ 334 a", Problem::Reply),
        ("S: 250-a\nS* 250 ****", Problem::Reply),
        ("S>", Problem::Reply),
        ("S: 25_ a", Problem::Reply),
        ("C+ \\q", Problem::Escape),
        ("B+ \\q", Problem::Escape),
        ("C? \\q", Problem::Escape),
        ("S? \\q", Problem::Escape),
        ("C# \\q", Problem::Escape),
        ("S# \\xfe", Problem::Escape),
        ("C~ x", Problem::Number),
        ("C~ 9 \\q", Problem::Escape),
        ("C^ x", Problem::Number),
        ("S^ -1", Problem::Number),
        ("challenge x", Problem::Number),
        ("with \\q x", Problem::Escape),
        ("with A \\q", Problem::Escape),
        ("with A\\x20B c", Problem::Text),
        ("accept \\q", Problem::Escape),
        ("accept 999 - a", Problem::Code),
        ("accept 250 2.1 a", Problem::Code),
        ("accept 250 4.1.1 a", Problem::Code),
        ("accept 550 - a", Problem::Code),
        ("accept - - \\q", Problem::Escape),
        ("reject 550 5.1.1 \\q", Problem::Escape),
        ("reject 999 5.1.1 a", Problem::Code),
        ("shutdown 421", Problem::Code),
        ("abort 421 5.3.2 a", Problem::Code),
        ("refuse 250 2.1.1 a", Problem::Code),
        ("# \\xff", Problem::Text),
        ("proxy \\q", Problem::Escape),
        ("weaker", Problem::Word),
    ] {
        assert_eq!(problem(lines), expected, "{lines}");
    }
}
