use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::super::*;
use crate::client::{self, Client};

/// What a client is told when the session is replayed.
fn called(config: client::Config, file: &str) -> Result<(Replayed, Vec<u16>), Difference> {
    let transcript: Transcript = file.parse().unwrap_or_else(|error| panic!("{error} of\n{file}"));
    let mut codes = Vec::new();
    let replay = Replay::new(&transcript).limit(10_000);
    let replayed = replay.call(Client::new(config), |event| {
        if let client::Event::Reply { reply, .. } = event {
            codes.push(reply.code().value());
        }
    })?;
    Ok((replayed, codes))
}

/// A session of a client, whose server offers everything that is used here.
const CALL: &str = "smtp-transcript 1 client\n\
    S: 220 mx.example\n\
    C: EHLO c.example\n\
    S: 250-mx.example\n\
    S: 250-CHUNKING\n\
    S: 250-AUTH LOGIN PLAIN\n\
    S: 250-STARTTLS\n\
    S: 250-XOWN\n\
    S: 250-SMTPUTF8\n\
    S: 250 8BITMIME\n";

/// Each command is said again by the call that leads to it.
#[test]
fn every_command_of_a_client() {
    let mail = "C: MAIL FROM:<a@x.example>\nS: 250 ok\nC: RCPT TO:<b@x.example>\nS: 250 ok\n";
    let data = format!("{mail}C: DATA\nS: 354 go on\n");
    for (entries, codes) in [
        ("C: EXPN list\nS: 250 <a@x.example>\n", "250"),
        ("C: VRFY a SMTPUTF8\nS: 252 perhaps\n", "252"),
        ("C: HELP\nS: 214 no\nC: HELP a topic\nS: 504 no\n", "214 504"),
        ("C: XOWN it\nS: 250 ok\n", "250"),
        ("C: NOOP\nS: 250 ok\nC: RSET\nS: 250 ok\n", "250 250"),
        ("C* AUTH PLAIN ********\nS: 235 ok\n", "235"),
        ("C: AUTH PLAIN =\nS: 501 no\n", "501"),
        ("C: AUTH LOGIN\nS* 334 ********\nC* ****\nS* 334 ****\nC: *\nS: 501 ok\n", "334 334 501"),
        ("C: STARTTLS\nS: 220 go\ntls\nC: HELO c.example\nS: 250 ok\n", "220 250"),
        ("channel tls-unique\nchannel certificate\nC: NOOP\nS: 250 ok\n", "250"),
        (&format!("{data}C| ..a\nC| b\nC.\nS: 250 ok\n"), "250 250 354 250"),
        (&format!("{data}C- 99\nC.\nS: 250 ok\n"), "250 250 354 250"),
        (
            &format!("{mail}C: BDAT 3\nB+ abc\nS: 250 ok\nC: BDAT 0 LAST\nS: 250 ok\n"),
            "250 250 250 250",
        ),
        (&format!("{mail}C: BDAT 70 LAST\nB- 70\nS: 250 ok\n"), "250 250 250"),
        ("C: QUIT\nS: 221 bye\n", "221"),
        // Queued before it was known that there is no transaction.
        (
            "C: MAIL FROM:<a@x.example>\nS: 550 no\nC: RCPT TO:<b@x.example>\nS: 503 no\n\
             C: BDAT 3 LAST\nB+ abc\nS: 503 no\n",
            "550 503 503",
        ),
        ("eof\n", ""),
        ("C: NOOP\nexpire\n", ""),
        ("C: NOOP\nexpire unread\n", ""),
        ("C: NOOP\nS? HTTP/1.1 400\\r\\n\n", ""),
        ("C: STARTTLS\nS: 220 go\nS^ 9\n", ""),
    ] {
        let file = format!("{CALL}{entries}");
        let (replayed, told) = called(client::Config::default(), &file)
            .unwrap_or_else(|difference| panic!("{difference}\n{file}"));
        let told: Vec<String> = told.iter().skip(2).map(ToString::to_string).collect();
        assert_eq!(told.join(" "), codes, "{file}");
        let faithful =
            !entries.contains("**") && !entries.contains("- ") && !entries.contains("^ ");
        assert_eq!(replayed.is_faithful(), faithful, "{file}");
    }
}

#[test]
fn differences_of_a_client() {
    let mail = "C: MAIL FROM:<a@x.example>\nS: 250 ok\nC: RCPT TO:<b@x.example>\nS: 250 ok\n";
    let data = format!("{mail}C: DATA\nS: 354 go on\n");
    let unspeakable = "the client cannot say that, where the transcript has ";
    let waits = "the machine waits, where the transcript has ";
    for (entries, told) in [
        ("C: NOOP with a word\n", unspeakable),
        ("C: ?\n", unspeakable),
        ("C: BDAT x\n", unspeakable),
        ("C: BDAT 5 LAST\nB+ abc\n", unspeakable),
        ("C: AUTH\n", unspeakable),
        ("C* AUTH PLAIN ###\n", unspeakable),
        ("C* AUTH PLAIN ***\n", unspeakable),
        ("C: AUTH LOGIN\nS* 334 ********\nC* ***\n", unspeakable),
        ("C| content\n", unspeakable),
        ("C: BDAT 20000 LAST\nB- 20000\n", "too many octets would have to stand in"),
        ("C: ETRN x.example\n", "the client refuses ("),
        ("C: MAIL FROM:<a@x.example> RET=HDRS\n", "the client refuses ("),
        ("C.\n", "the client refuses ("),
        ("C: QUIT\nC: NOOP\n", "the client refuses ("),
        (&format!("{data}C| a\nC: NOOP\n"), "the client refuses ("),
        ("tls\n", waits),
        ("accept\n", waits),
        (&format!("{data}C| a\nC| .\n"), unspeakable),
        (&format!("{data}C| a\\nb\n"), "the client refuses ("),
        ("C: QUIT\nS: 221 bye\nC: NOOP\n", "the session is over, where the transcript has C: NOOP"),
    ] {
        let file = format!("{CALL}{entries}");
        match called(client::Config::default(), &file) {
            Err(difference) => {
                assert!(difference.to_string().contains(told), "{difference}\n{file}");
            }
            Ok(_) => panic!("no difference in\n{file}"),
        }
    }
    let found = |file: &str| called(client::Config::default(), file).unwrap_err().found().clone();
    assert_eq!(found(&CALL.replace("1 client", "1 server")), Found::OtherRole);
    assert_eq!(found(&CALL.replace("client\n", "client\ndropped 1\n")), Found::Dropped);
}

/// Secrets of the caller's may be of another length; nothing else may.
#[test]
fn secrets_of_the_callers() {
    let file = format!("{CALL}C* AUTH PLAIN ********\nS: 235 ok\n");
    let transcript: Transcript = file.parse().unwrap();
    let replay = || Replay::new(&transcript).secret("a longer secret".into());
    let replayed = replay().call(Client::new(client::Config::default()), |_| {}).unwrap();
    assert!(replayed.is_faithful());
    let other = file.replace("AUTH PLAIN ****", "AUTH PLAIN = ****");
    let transcript: Transcript = other.parse().unwrap();
    let replay = Replay::new(&transcript).secret("a longer secret".into());
    assert!(replay.call(Client::new(client::Config::default()), |_| {}).is_err());
}

/// Responses and challenges take secrets, whatever stands before them in the line.
#[test]
fn secrets_of_an_exchange() {
    let file = format!("{CALL}C: AUTH LOGIN\nS* 334 ****\nC* ********\nS: 235 ok\n");
    let transcript: Transcript = file.parse().unwrap();
    let replay = Replay::new(&transcript).secret("who?".into()).secret("alice".into());
    let mut challenges = Vec::new();
    let replayed = replay.call(Client::new(client::Config::default()), |event| {
        if let client::Event::Reply { reply, .. } = event
            && reply.code().value() == 334
        {
            challenges.push(String::from_utf8_lossy(reply.octets()).to_string());
        }
    });
    assert!(replayed.is_ok_and(|replayed| replayed.is_faithful()));
    assert_eq!(challenges, ["334 d2hvPw==\r\n"]);
}

/// As many octets may stand in as is said; where nothing was left out, none need be allowed.
#[test]
fn how_many_octets_may_stand_in() {
    let mail = "C: MAIL FROM:<a@x.example>\nS: 250 ok\nC: RCPT TO:<b@x.example>\nS: 250 ok\n";
    for (entries, octets) in [
        ("C: DATA\nS: 354 go on\nC| text\nC.\nS: 250 ok\n", 0),
        ("C: DATA\nS: 354 go on\nC- 99\nC.\nS: 250 ok\n", 99),
        ("C: BDAT 3 LAST\nB+ abc\nS: 250 ok\n", 0),
        ("C: BDAT 9\nB- 9\nS: 250 ok\nC: BDAT 70 LAST\nB- 70\nS: 250 ok\n", 79),
    ] {
        let transcript: Transcript = format!("{CALL}{mail}{entries}").parse().unwrap();
        let within = |limit: u64| {
            let client = Client::new(client::Config::default());
            Replay::new(&transcript).limit(limit).call(client, |_| {})
        };
        assert_eq!(within(octets).map(|replayed| replayed.octets), Ok(octets), "{entries}");
        if let Some(fewer) = octets.checked_sub(1) {
            assert_eq!(within(fewer).unwrap_err().found(), &Found::TooLarge, "{entries}");
        }
    }
}
