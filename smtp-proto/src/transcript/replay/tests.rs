mod client;

use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use super::*;
use crate::{
    answer::Rejection,
    auth::{Binding, Channel, Known},
    domain::Host,
    extension::{Extension, FutureRelease},
    server::{self, Server},
    tests::Session,
    transcript::Answer,
    wire::Endpoint,
};

fn mx() -> server::Config {
    server::Config::new(Host::parse("mx.example").unwrap())
}

/// What a server is told and asked when the session is replayed.
fn served(config: &server::Config, file: &str) -> Result<(Replayed, Vec<String>), Difference> {
    let transcript: Transcript = file.parse().unwrap_or_else(|error| panic!("{error} of\n{file}"));
    let mut events = Vec::new();
    let server = Server::new(Arc::new(config.clone()));
    let replayed = Replay::new(&transcript).limit(10_000).serve(server, |event| {
        let event = format!("{event:?}");
        events.push(String::from(event.split(['(', ' ', '{']).next().unwrap_or_default()));
    })?;
    Ok((replayed, events))
}

/// The record of a session, which is the same when it is replayed.
#[track_caller]
fn replayed(config: server::Config, play: impl FnOnce(&mut Session)) -> String {
    let mut session = Session::new(config.clone());
    play(&mut session);
    let file = session.transcript().to_string();
    match served(&config, &file) {
        Ok((replayed, _)) => assert_eq!(replayed.octets, 0, "{file}"),
        Err(difference) => panic!("{difference}\n{file}"),
    }
    file
}

fn reject() -> Answer {
    Answer::reject(&Rejection::permanent(7, 1, "not you"))
}

const EHLO: &str = "EHLO c.example\r\n";
const MAIL: &str = "MAIL FROM:<a@x.example>\r\n";
const RCPT: &str = "RCPT TO:<b@x.example>\r\n";

/// Each question can be refused, and accepted in words of the application's own.
#[test]
fn every_question_answered_in_every_way() {
    let config = || {
        let offered = [
            Extension::Vrfy,
            Extension::Expn,
            Extension::Etrn,
            Extension::Atrn,
            Extension::StartTls,
            Extension::XClient,
            Extension::XForward,
        ];
        let config = offered.into_iter().fold(mx(), server::Config::offer).burl(&["imap"]);
        let plain = crate::command::Mechanism::parse("PLAIN").unwrap();
        let config = config.profile(|profile| profile.server.disclose_forward = true);
        config.verb("XOWN").mechanism(plain, false)
    };
    let burl = "BURL imap://u@h/Sent;uid=2;urlauth=submit+u:internal:91354a LAST\r\n";
    let questions: [(&[&str], &str, &[&str]); 16] = [
        (&[], EHLO, &["accept x.example at your service", "reject 550 5.7.1 no"]),
        (&[EHLO], "STARTTLS\r\n", &["reject 454 4.7.0 later"]),
        (&[EHLO], "AUTH PLAIN AGEAYg==\r\n", &["accept 235 2.7.0 welcome", "reject 535 5.7.8 no"]),
        (&[EHLO], MAIL, &["accept 250 2.1.9 a\\nb", "accept - 2.1.0 x", "reject 451 4.3.0 no"]),
        (&[EHLO, MAIL], RCPT, &["accept 251 2.1.5 elsewhere", "reject 550 5.1.1 who?"]),
        (&[EHLO, MAIL, RCPT], "DATA\r\n", &["reject 554 5.6.0 no"]),
        (
            &[EHLO, MAIL, RCPT, "DATA\r\n"],
            "text\r\n.\r\n",
            &["accept - - took it", "reject 554 5.6.0 no"],
        ),
        (
            &[EHLO, "AUTH PLAIN AGEAYg==\r\n", MAIL, RCPT],
            burl,
            &["accept 77", "reject 554 5.6.6 no"],
        ),
        (&[EHLO], "VRFY a\r\n", &["accept - - A <a@x.example>", "accept", "reject 550 5.1.1 no"]),
        (
            &[EHLO],
            "EXPN a\r\n",
            &["accept - - <a@x.example>\\n<b@x.example>", "reject 550 5.7.1 no"],
        ),
        (
            &[EHLO],
            "ETRN x.example\r\n",
            &["accept 253 2.3.0 7", "accept 252 -", "accept 251 -", "accept"],
        ),
        (&[EHLO], "ETRN x.example\r\n", &["reject 459 4.3.0 no"]),
        (
            &[EHLO, "AUTH PLAIN AGEAYg==\r\n"],
            "ATRN x.example\r\n",
            &["accept", "reject 453 4.3.0 no"],
        ),
        (&[EHLO], "XOWN it\r\n", &["accept 250 2.0.0 done", "reject 554 5.3.0 no"]),
        (&[EHLO], "XCLIENT NAME=x.example\r\n", &["accept", "reject 550 5.7.0 no"]),
        (&[EHLO], "XFORWARD NAME=x.example\r\n", &["accept", "reject 550 5.7.0 no"]),
    ];
    for (before, line, answers) in questions {
        for answer in answers {
            let title = "smtp-transcript 1 server\n";
            let said: Transcript = format!("{title}{answer}\n").parse().unwrap();
            let [Entry::Answer(answer)] = said.entries() else { panic!("{answer}") };
            let mut reply = String::new();
            let file = replayed(config(), |session| {
                session.amend(&[("XCLIENT", ""), ("XFORWARD", "")]);
                before.iter().for_each(|line| drop(session.say(line)));
                session.answer(answer.clone());
                reply = session.say(line);
            });
            let positive = matches!(answer, Answer::Accept { .. });
            assert_eq!(reply.starts_with('2'), positive, "{line}{answer}: {reply}\n{file}");
            if let Answer::Accept { code: Some(code), .. } = answer {
                assert!(reply.starts_with(&code.to_string()), "{line}{answer}: {reply}");
            }
            if let Answer::Accept { enhanced: Some(enhanced), .. } = answer
                && !line.starts_with("ETRN")
            {
                assert!(reply.contains(&enhanced.to_string()), "{line}{answer}: {reply}");
            }
            if let Answer::Reject(refusal) = answer {
                assert!(reply.starts_with(&refusal.as_reply().code().to_string()), "{reply}");
            }
        }
    }
}

/// What is set before an answer is set again.
#[test]
fn what_is_set_before_an_answer() {
    use crate::parameter::DateTime;
    let until = DateTime::parse("2030-01-02T03:04:05Z").unwrap();
    let config = mx()
        .future_release(FutureRelease::new(60, until).unwrap())
        .offer(Extension::MtPriority)
        .known_mechanism(Known::Anonymous);
    let file = replayed(config, |session| {
        session.rest();
        session.amend(&[("FUTURERELEASE", "90 2031-01-02T03:04:05Z")]);
        session.say(EHLO);
        session.say("AUTH ANONYMOUS =\r\n");
        session.amend(&[("MT-PRIORITY", "-2"), ("AUTH", "")]);
        session.say("MAIL FROM:<a@x.example> AUTH=c@x.example MT-PRIORITY=3\r\n");
    });
    for line in [
        "\nwith FUTURERELEASE 90 2031-01-02T03:04:05Z\naccept\n",
        "FUTURERELEASE 90 2031-01-02T03:04:05Z\n",
        "\nwith MT-PRIORITY -2\nwith AUTH\naccept\n",
    ] {
        assert!(file.contains(line), "{line}{file}");
    }
    // What cannot be set of this question, or not to this.
    for (from, to) in [
        ("with FUTURERELEASE 90 2031", "with FUTURERELEASE 0 2031"),
        ("with FUTURERELEASE 90", "with FUTURERELEASES 90"),
        ("with MT-PRIORITY -2", "with MT-PRIORITY 10"),
        ("with AUTH", "with BODY"),
        ("with AUTH", "with XCLIENT"),
    ] {
        let config = mx()
            .future_release(FutureRelease::new(60, until).unwrap())
            .offer(Extension::MtPriority)
            .known_mechanism(Known::Anonymous);
        let changed = file.replacen(from, to, 1);
        assert_ne!(file, changed);
        let difference = served(&config, &changed).unwrap_err();
        assert_eq!(*difference.found(), Found::OtherQuestion, "{to}: {difference}");
    }
}

/// What an application does unasked, and what happens on the connection.
#[test]
fn calls_and_the_connection() {
    type Play = fn(&mut Session);
    let plays: [(&str, Play); 9] = [
        ("\nshutdown 421 4.3.2 ", |session| {
            session.say(EHLO);
            session.act(|server| server.shut_down(Rejection::SHUTTING_DOWN));
        }),
        ("\nabort 421 4.3.2 ", |session| {
            session.say(EHLO);
            session.act(|server| server.abort(Rejection::SHUTTING_DOWN));
        }),
        ("\nrefuse 550 5.7.1 policy", |session| {
            [EHLO, MAIL, RCPT, "DATA\r\n", "text\r\n"]
                .iter()
                .for_each(|line| drop(session.say(line)));
            session.act(|server| server.refuse_message(Rejection::permanent(7, 1, "policy")));
            session.say(".\r\n");
        }),
        ("\nweak\n", |session| {
            session.say(EHLO);
            session.say("STARTTLS\r\n");
            session.act(Server::tls_too_weak);
            session.say(EHLO);
        }),
        ("\nchannel tls-exporter certificate\n", |session| {
            session.say(EHLO);
            session.say("STARTTLS\r\n");
            let channel = Channel::new().with(Binding::TlsExporter, "data".into());
            session.act(|server| server.describe_channel(channel.client_certificate(true)));
            session.say(EHLO);
        }),
        ("\nexpire\n", |session| {
            session.say(EHLO);
            session.act(|server| server.wire().expire());
        }),
        ("\nexpire unread\n", |session| {
            session.say(EHLO);
            assert_eq!(session.server.wire().receive(b"NOOP\r\n"), 6);
            assert!(session.step(), "there is something to be read");
            session.server.wire().expire();
        }),
        ("\neof\n", |session| {
            session.say(EHLO);
            session.act(|server| server.wire().received(0));
        }),
        ("\nproxy TCP4 ", |session| {
            session.server.wire().proxied("TCP4 192.0.2.1 192.0.2.2 1024 25");
            session.server.wire().remark("watched");
            session.say(EHLO);
        }),
    ];
    for (line, play) in plays {
        let file = replayed(mx().offer(Extension::StartTls), play);
        assert!(file.contains(line), "{line}\n{file}");
    }
}

/// An exchange of several challenges, each of some octets.
#[test]
fn challenges_of_an_application() {
    let config = || mx().mechanism(crate::command::Mechanism::parse("XOWN").unwrap(), false);
    let file = replayed(config(), |session| {
        session.say(EHLO);
        session.answer(Answer::Challenge(5));
        session.say("AUTH XOWN\r\n");
        session.answer(Answer::Challenge(0));
        session.say("AAAA\r\n");
        session.answer(reject());
        session.say("\r\n");
        session.answer(Answer::Challenge(2));
        session.say("AUTH XOWN =\r\n");
        session.say("*\r\n");
        session.answer(Answer::Challenge(2));
        session.say("AUTH XOWN\r\n");
        session.say("no base64\r\n");
    });
    assert!(file.contains("challenge 5\nS* 334 ********\n"), "{file}");
    // A challenge is no answer to another question.
    let changed = file.replacen("accept\nS: 250-mx", "challenge 5\nS: 250-mx", 1);
    assert_eq!(*served(&config(), &changed).unwrap_err().found(), Found::OtherQuestion);
}

/// A mechanism that nobody knows is masked, too, as it may be a password at the wrong place; it takes up
/// none of the secrets that are given.
#[test]
fn secrets_take_the_place_of_secrets() {
    let plain = crate::command::Mechanism::parse("PLAIN").unwrap();
    let config = || mx().mechanism(plain, false);
    let mut session = Session::new(config());
    [EHLO, "AUTH s3cret\r\n", "AUTH PLAIN AGEAYg==\r\n"]
        .iter()
        .for_each(|line| drop(session.say(line)));
    let file = session.transcript().to_string();
    assert!(file.contains("\nC* AUTH ******\n") && file.contains("\nC* AUTH PLAIN ********\n"));
    let replay = |file: &str| {
        let mut said = Vec::new();
        let transcript: Transcript = file.parse().unwrap();
        let replay = Replay::new(&transcript).secret("\0alice\0another".into());
        let replayed = replay.serve(Server::new(Arc::new(config())), |event| {
            if let server::Event::Auth(auth) = event {
                said.push(auth.response().unwrap().to_vec());
            }
        });
        replayed.map(|replayed| (replayed.secrets, said))
    };
    assert_eq!(replay(&file), Ok((1, [b"\0alice\0another".to_vec()].into())));
    // Nothing but the secrets may differ.
    for (from, to) in [("235 2.7.0", "235 2.7.1"), ("504 5.5.4", "504 5.5.1")] {
        let changed = file.replacen(from, to, 1);
        assert!(changed != file && replay(&changed).is_err(), "{changed}");
    }
}

/// In which lines a secret may be of another length.
#[test]
fn lines_that_are_alike() {
    let entry = |line: &str| {
        let file = format!("smtp-transcript 1 server\nS: 220 x\n{line}\n");
        let transcript: Transcript = file.parse().unwrap();
        transcript.entries()[1].clone()
    };
    for (found, expected, alike) in [
        ("C* AUTH PLAIN ****", "C* AUTH PLAIN ********", true),
        ("C* ****", "C* *", true),
        ("C* ****", "C* ####", false),
        ("S* 334 ****", "S* 334 *", true),
        ("C* AUTH PLAIN ****", "C* AUTH LOGIN ****", false),
        ("C* AUTH PLAIN ****", "C* AUTH PLAIN ****=", false),
        ("C* AUTH PLAIN ****-", "C* AUTH PLAIN ****=", false),
        ("C* AUTH ****", "C* AUTH **** ****", false),
        ("C* ****", "C: xxxx", false),
        ("C: NOOP", "C: HELP", false),
        ("S* 334 ****", "C* 334 ****", false),
        ("tls", "eof", false),
    ] {
        assert_eq!(are_alike(&entry(found), &entry(expected)), alike, "{found}, {expected}");
    }
}

/// Lines that are too long, other protocols, plaintext that nobody reads.
#[test]
fn what_is_no_session() {
    let long = format!("NOOP {}\r\n", "x".repeat(5000));
    for (line, said) in [
        ("\nC~ 5005 \n", &[EHLO, &long[..], "NOOP\r\n"][..]),
        ("\nC^ 6\n", &[EHLO, "STARTTLS\r\nNOOP\r\n"]),
        ("HTTP/1.1", &["GET / HTTP/1.1\r\n", "Host: x\r\n"]),
    ] {
        let mut session = Session::new(mx().offer(Extension::StartTls));
        said.iter().for_each(|octets| drop(session.say(octets)));
        let file = session.transcript().to_string();
        assert!(file.contains(line), "{line}\n{file}");
        let again = served(&mx().offer(Extension::StartTls), &file);
        assert!(again.is_ok(), "{}\n{file}", again.unwrap_err());
    }
}

/// The whole of a difference: the line, what stands there, and what was found instead.
#[test]
fn differences_of_a_server() {
    let config = mx().offer(Extension::StartTls).known_mechanism(Known::Anonymous);
    let mut session = Session::new(config.clone());
    for line in
        [EHLO, "AUTH ANONYMOUS =\r\n", MAIL, RCPT, "DATA\r\n", "a\r\nb\r\n", ".\r\n", "QUIT\r\n"]
    {
        session.say(line);
    }
    let file = session.transcript().to_string();
    assert!(served(&config, &file).is_ok());
    for (from, to, told) in [
        (
            "C: RCPT",
            "S? what?\nC: RCPT",
            "the machine waits, where the transcript has S: [5 octets",
        ),
        ("C: RCPT", "tls\nC: RCPT", "the machine waits, where the transcript has -- TLS --"),
        ("C| b\n", "C| b\nC- 10001\n", "too many octets would have to stand in, where"),
        ("C.\n", "C.\nC- 5\n", "-- accept --, where the transcript has C: [5 octets of content]"),
        (
            "C: QUIT\nS: 221 2.0.0 mx.example closing, goodbye\n",
            "C: STARTTLS\n",
            "S: 503 5.5.1 STARTTLS: bad sequence of commands, where the transcript has its end",
        ),
        (
            "C: QUIT\n",
            "C: QUIT\nC: QUIT\n",
            "S: 221 2.0.0 mx.example closing, goodbye, where the transcript has C: QUIT",
        ),
        (
            "goodbye\n",
            "goodbye\neof\n",
            "the session is over, where the transcript has -- the peer",
        ),
        ("250 2.1.5", "250 2.1.6", "S: 250 2.1.5"),
        (
            "server\n",
            "server\ndropped 2\n",
            "the beginning is missing, where the transcript has --",
        ),
        ("1 server", "1 client", "this is the record of the other side, where the transcript has"),
    ] {
        let changed = file.replacen(from, to, 1);
        assert_ne!(changed, file, "{from}");
        let difference = match served(&config, &changed) {
            Err(difference) => difference,
            Ok(_) => panic!("no difference in\n{changed}"),
        };
        assert!(difference.to_string().contains(told), "{to}: {difference}\n{changed}");
        let expected = difference.expected().map_or("its end".into(), ToString::to_string);
        assert!(difference.to_string().ends_with(&expected.replace('\n', " / ")), "{difference}");
    }
}

/// A record may end anywhere.
#[test]
fn the_end_of_a_record_is_its_end() {
    let file = replayed(mx(), |session| drop(session.say(EHLO)));
    let (whole, _) = served(&mx(), &file).unwrap();
    assert!(whole.unfinished && whole.is_faithful());
    for (at, _) in file.match_indices('\n').skip(1) {
        let cut = &file[..=at];
        match cut.parse::<Transcript>().map(|_| served(&mx(), cut)) {
            Ok(Ok((replayed, _))) => assert!(replayed.unfinished, "{cut}"),
            // Nothing says that the server did not go on.
            Ok(Err(difference)) => {
                assert!(cut.ends_with("accept\n"), "{difference}\n{cut}");
                assert!(difference.to_string().ends_with("where the transcript has its end"));
            }
            Err(error) => assert_eq!(error.problem(), super::super::Problem::Reply),
        }
    }
}
