mod content;
mod hello;
mod lines;
mod told;

use alloc::{format, string::String};

use super::*;
use crate::{
    answer::{Acceptance, Rejection},
    auth::server::{Question, Step as Said},
    command::Mechanism,
    domain::Host,
    extension::{Extension, ParameterRule, Registered, VerbRule},
    parameter::MtPriority,
    profile::{Profile, Verdict},
    tests::Session,
    transcript::Answer,
    wire::Endpoint,
};

fn mx() -> Config {
    Config::new(Host::parse("mx.example").unwrap())
}

fn session(config: Config, lines: &[&str]) -> Session {
    let mut session = Session::new(config);
    lines.iter().for_each(|line| drop(session.say(line)));
    session
}

const EHLO: &str = "EHLO c.example\r\n";
const MAIL: &str = "MAIL FROM:<a@x.example>\r\n";
const RCPT: &str = "RCPT TO:<b@x.example>\r\n";

/// What a proxy or filter has told can be asked of the session, and of the questions it concerns.
#[test]
fn what_was_told_of_others() {
    let config = mx().offer(Extension::XClient).offer(Extension::XForward).burl(&["imap"]);
    let mut session = Session::new(config);
    session.amend(&[("XCLIENT", ""), ("XFORWARD", "")]);
    session.say(EHLO);
    assert!(session.server.overrides().is_none() && session.server.forwarded().is_none());
    session.say("XFORWARD NAME=y.example\r\n");
    let name = |forwarded: Option<&Forwarded>| forwarded?.name().map(String::from);
    assert_eq!(name(session.server.forwarded()).as_deref(), Some("y.example"));
    let told = session.question(MAIL, |event| match event {
        Event::Mail(mail) => name(mail.forwarded()),
        event => panic!("{event:?}"),
    });
    assert_eq!(told.as_deref(), Some("y.example"));
    session.say(RCPT);
    let burl = "BURL imap://u@h/Sent;uid=2;urlauth=submit+u:internal:91354a LAST\r\n";
    let told = session.question(burl, |event| match event {
        Event::Burl(burl) => name(burl.forwarded()),
        event => panic!("{event:?}"),
    });
    assert_eq!(told.as_deref(), Some("y.example"));
    // It was for that transaction alone.
    assert!(session.server.forwarded().is_none());
    assert!(session.say("XCLIENT NAME=z.example HELO=z.example\r\n").starts_with("220 "));
    let overrides = session.server.overrides().unwrap();
    assert_eq!(overrides.name(), Some(crate::upstream::Value::Known("z.example")));
    assert_eq!(session.server.config().host(), "mx.example");
}

/// RFC 6531 section 3.7.4.2: whether the reply may have characters beyond ASCII.
#[test]
fn what_is_asked_about() {
    for (line, text, smtputf8) in
        [("VRFY a b\r\n", "a b", false), ("EXPN \u{e9} SMTPUTF8\r\n", "\u{e9}", true)]
    {
        let config = mx().offer(Extension::Vrfy).offer(Extension::Expn);
        let asked = session(config, &[EHLO]).question(line, |event| match event {
            Event::Verify(verify) => (String::from(verify.text().as_str()), verify.smtputf8()),
            event => panic!("{event:?}"),
        });
        assert_eq!(asked, (text.into(), smtputf8));
    }
}

/// S-30: whether the client talked first is told with the question.
#[test]
fn s30_who_talked_first() {
    for octets in ["", EHLO] {
        let mut session = Session::new(mx());
        let early = session.question(octets, |event| match event {
            Event::Connected(client) => client.is_early(),
            event => panic!("{event:?}"),
        });
        assert_eq!(early, !octets.is_empty());
    }
}

/// A 421 ends the session at whatever question it is given.
#[test]
fn a_421_ends_the_session() {
    let gone = || Answer::reject(&Rejection::SHUTTING_DOWN);
    let mut refused = Session::new(mx());
    refused.question("", |event| match event {
        Event::Connected(client) => client.reject(Rejection::SHUTTING_DOWN),
        event => panic!("{event:?}"),
    });
    assert!(refused.said().starts_with("421 "), "{}", refused.said());
    assert_eq!(refused.server.state(), State::Closed);
    for lines in [&[EHLO][..], &[EHLO, MAIL], &[EHLO, MAIL, RCPT], &[EHLO, "VRFY a\r\n"]] {
        let (last, before) = lines.split_last().unwrap();
        let mut session = session(mx().offer(Extension::Vrfy), before);
        session.answer(gone());
        let said = session.say(last);
        assert!(said.starts_with("421 ") && said.lines().count() == 1, "{said}");
        assert_eq!(session.server.state(), State::Closed);
    }
}

/// Only a question to the application leaves the exchange without an end; then nobody can answer it.
#[test]
fn steps_of_a_mechanism() {
    let own = Mechanism::parse("XOWN").unwrap();
    let cases: [(Said, &str); 4] = [
        (Said::Challenge("abc".into()), "334 YWJj\r\n"),
        (Said::Failed, "535 5.7.8 "),
        (Said::Refuse(Rejection::permanent(7, 0, "no")), "530 5.7.0 no"),
        (Said::Ask(Question::Anonymous("".into())), "454 4.7.0 "),
    ];
    for (step, expected) in cases {
        let mut session = session(mx().mechanism(own, false), &[EHLO]);
        session.question("AUTH XOWN\r\n", |event| match event {
            Event::Auth(auth) => assert!(auth.follow(step).is_none()),
            event => panic!("{event:?}"),
        });
        let said = session.said();
        assert!(said.starts_with(expected), "{said}");
    }
}

/// RFC 4954 section 4: an initial response to a mechanism in which the server speaks first.
#[test]
fn mechanisms_in_which_the_server_speaks_first() {
    let own = Mechanism::parse("XOWN").unwrap();
    for (config, code) in [
        (mx().mechanism(own, false), "235"),
        (mx().mechanism(own, false).server_first(Mechanism::parse("xown").unwrap()), "501"),
        (mx().mechanism(own, false).server_first(Mechanism::parse("OTHER").unwrap()), "235"),
    ] {
        let said = session(config, &[EHLO]).say("AUTH XOWN YQ==\r\n");
        assert!(said.starts_with(code), "{said}");
    }
}

/// RFC 4954 section 4: a response that is too long ends the exchange, whether it comes at once or not.
#[test]
fn responses_that_are_too_long() {
    let own = Mechanism::parse("XOWN").unwrap();
    let line = format!("{}\r\n", "A".repeat(12_400));
    for command_line in [512, 20_000] {
        let config = mx().mechanism(own, false);
        let config = config.limits(|limits| limits.command_line = command_line);
        for pieces in [usize::MAX, 1000, 1] {
            let mut session = session(config.clone(), &[EHLO]);
            session.answer(Answer::Challenge(0));
            assert_eq!(session.say("AUTH XOWN\r\n"), "334 \r\n");
            let mut said = String::new();
            for piece in line.as_bytes().chunks(pieces.min(12_000)) {
                said.push_str(&session.say(core::str::from_utf8(piece).unwrap()));
            }
            assert_eq!(said, "500 5.5.6 AUTH: line too long\r\n");
            assert_eq!(session.say("NOOP\r\n"), "250 2.0.0 NOOP done\r\n");
        }
        let mut session = session(config, &[EHLO]);
        let said =
            session.say("AUTH XOWN ") + &session.say(&line[..8000]) + &session.say(&line[8000..]);
        assert_eq!(said, "500 5.5.6 AUTH: line too long\r\n");
    }
}

/// RFC 4954 section 4: a response may be as long as is said, its CRLF included, and no longer.
#[test]
fn responses_of_just_that_length() {
    let own = Mechanism::parse("XOWN").unwrap();
    for (limit, code) in [(12_302, "235 2.7.0"), (12_301, "500 5.5.6")] {
        let config = mx().mechanism(own, false).limits(|limits| limits.auth_line = limit);
        let mut session = session(config, &[EHLO]);
        session.answer(Answer::Challenge(0));
        session.say("AUTH XOWN\r\n");
        let said = session.say(&format!("{}\r\n", "A".repeat(12_300)));
        assert!(said.starts_with(code), "{limit}: {said}");
    }
}

/// RFC 6710 section 4.1: a priority other than the one asked for is told, in front of any text.
#[test]
fn a_priority_that_is_assigned() {
    for (text, told) in [("", "is the new priority"), ("as you are new", "as you are new")] {
        let mut session = session(mx().offer(Extension::MtPriority), &[EHLO]);
        session.question("MAIL FROM:<a@x.example> MT-PRIORITY=0\r\n", |event| match event {
            Event::Mail(mut mail) => {
                mail.assign_priority(MtPriority::new(-3).unwrap());
                mail.accept_with(Acceptance::new(text));
            }
            event => panic!("{event:?}"),
        });
        assert_eq!(session.said(), format!("250 2.3.6 -3 {told}\r\n"));
    }
}

/// RFC 2852 section 4.1, RFC 6710 section 5: what is just enough, and just too much.
#[test]
fn bounds_of_times_and_of_urgent_messages() {
    let urgent =
        Priorities::default().trust(Trust::Everybody).size_limit(MtPriority::new(3).unwrap(), 100);
    let config = mx().deliver_by(60).mt_priority(urgent);
    for (parameters, taken) in [
        ("BY=60;R", true),
        ("BY=59;R", false),
        ("BY=59;N", true),
        ("MT-PRIORITY=3 SIZE=100", true),
        ("MT-PRIORITY=3 SIZE=101", false),
        ("MT-PRIORITY=4 SIZE=101", false),
        ("MT-PRIORITY=2 SIZE=101", true),
    ] {
        let line = format!("MAIL FROM:<a@x.example> {parameters}\r\n");
        let said = session(config.clone(), &[EHLO]).say(&line);
        assert_eq!(said.starts_with("250 "), taken, "{parameters}: {said}");
    }
}

/// G-16: values with characters beyond ASCII are for messages with SMTPUTF8.
#[test]
fn g16_values_beyond_ascii() {
    let own = Registered::local("XOWN").unwrap().mail(ParameterRule::optional("XOWN", 9).unwrap());
    for (line, code) in [
        ("MAIL FROM:<a@x.example> XOWN=\u{e9}\r\n", "501 5.5.4"),
        ("MAIL FROM:<a@x.example> XOWN=\u{e9} SMTPUTF8\r\n", "250 2.1.0"),
    ] {
        let said = session(mx().extension(own.clone()), &[EHLO]).say(line);
        assert!(said.starts_with(code), "{said}");
    }
}

/// Verbs of one extension beside those of another, and such as no line tells of.
#[test]
fn verbs_of_ones_own() {
    let verb = |verb| Registered::local(verb).unwrap().verb(VerbRule::new(verb).unwrap());
    let login = verb("XLOGIN").authenticated();
    let config =
        mx().extension(verb("XONE")).extension(verb("XTWO")).extension(login).verb("X-Own");
    let mut session = session(config, &[EHLO]);
    for line in ["XONE\r\n", "xtwo it\r\n", "x-own\r\n"] {
        assert!(session.say(line).starts_with("250 "), "{line}");
    }
    assert!(session.say("XLOGIN\r\n").starts_with("502 "));
    assert!(session.say("XTHREE\r\n").starts_with("500 "));
}

/// What is no verb, or one of SMTP's own, changes nothing.
#[test]
fn verbs_that_are_none() {
    let none = ["", "NOOP", "no verb", "X_ODD", "X\u{e9}"];
    for lines in [&[][..], &[EHLO]] {
        for line in ["\r\n", " it\r\n", "NOOP\r\n", "no verb\r\n", "X_ODD\r\n", "X\u{e9} it\r\n"] {
            let said = session(mx(), lines).say(line);
            let config = none.into_iter().fold(mx(), Config::verb);
            assert_eq!(session(config, lines).say(line), said, "{line}");
        }
    }
}

/// A verb comes behind the hello, unless its extension is known without one.
#[test]
fn verbs_of_ones_own_before_the_hello() {
    let own = |rule| Registered::local("XOWN").unwrap().verb(rule);
    let rule = || VerbRule::new("XOWN").unwrap();
    for (rule, code) in [(rule(), "503 "), (rule().before_hello(), "250 ")] {
        let mut session = Session::new(mx().extension(own(rule)));
        let said = session.say("XOWN\r\n");
        assert!(said.starts_with(code), "{said}");
        session.say(EHLO);
        assert!(session.say("XOWN\r\n").starts_with("250 "));
    }
}

/// RFC 2033 section 4.2: one reply for each recipient, but one alone that ends the session.
#[test]
fn replies_of_lmtp_end_with_the_session() {
    let lines = ["LHLO c.example\r\n", MAIL, RCPT, RCPT, "DATA\r\n", "text\r\n"];
    for (rejection, replies) in [(Rejection::POLICY, 2), (Rejection::SHUTTING_DOWN, 1)] {
        let mut session = session(mx().lmtp(), &lines);
        session.act(|server| server.refuse_message(rejection));
        let said = session.say(".\r\n");
        assert_eq!(said.lines().count(), replies, "{said}");
    }
    // The bad command that is one too many is the last, however many replies it has.
    for most in [1, 20] {
        let config = mx().lmtp().limits(|limits| {
            limits.bad_commands = most;
            limits.recipients = 2;
        });
        let mut session = session(config, &["LHLO c.example\r\n", MAIL, RCPT, RCPT]);
        session.say("BDAT 1\r\nx");
        session.say("DATA\r\n");
        // These follow from it.
        session.say("BDAT 1\r\nxBDAT 1\r\nx");
        let said = session.say("BDAT 1 LAST\r\nx");
        assert_eq!(said.lines().all(|line| line.starts_with('5')), most == 20, "{said}");
    }
}

/// F-07: the octet that mending adds counts for the limit.
#[test]
fn f07_a_message_that_mending_makes_too_large() {
    let config = |most| {
        mx().profile(|profile| *profile = Profile::LENIENT)
            .limits(|limits| limits.message = Some(most))
    };
    for (most, code) in [(6, "250 2.0.0"), (5, "552 5.3.4"), (2, "552 5.3.4")] {
        let mut session = session(config(most), &[EHLO, MAIL, RCPT, "DATA\r\n"]);
        let said = session.say("a\nb\r\n.\r\n");
        assert!(said.starts_with(code), "{said}");
        assert!(session.say("NOOP\r\n").starts_with("250 "));
    }
}

/// S-30: a server that watches says nothing before its time; who waits is greeted then.
#[test]
fn s30_watching() {
    let greeting = core::time::Duration::from_secs(3);
    let timeouts = crate::limits::ServerTimeouts { greeting, ..Default::default() };
    let config = mx().timeouts(timeouts);
    let config = config.profile(|profile| profile.server.early_talker = Verdict::Reject);
    let mut session = Session::new(config);
    assert_eq!(session.greeting(), "");
    session.act(|server| server.wire().expire());
    assert!(session.greeting().starts_with("220 "));
}

/// RFC 3207 section 4.2: what was known of the channel is forgotten with the session outside TLS.
#[test]
fn a_channel_is_described_anew() {
    let external = Mechanism::parse("EXTERNAL").unwrap();
    let mut session = session(mx().offer(Extension::StartTls).mechanism(external, false), &[EHLO]);
    let certificate = || crate::auth::Channel::new().client_certificate(true);
    session.act(|server| server.describe_channel(certificate()));
    assert!(session.say(EHLO).contains("AUTH EXTERNAL"));
    session.say("STARTTLS\r\n");
    assert!(!session.say(EHLO).contains("AUTH EXTERNAL"));
    session.act(|server| server.describe_channel(certificate()));
    assert!(session.say(EHLO).contains("AUTH EXTERNAL"));
}
