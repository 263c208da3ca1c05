//! What a session and its questions tell an application besides the command.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Buf;

use super::*;
use crate::{
    auth::Channel, limits::ServerTimeouts, profile::Leniency, sequence::Protocol, status::Code,
    wire::Step,
};

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

/// RFC 5321 section 4.1.1.10: a session that somebody else ends was not left, whatever was said before.
#[test]
fn whether_the_client_has_left() {
    let strict = || Config { profile: Profile::STRICT, ..mx() };
    assert!(!session(strict(), &[EHLO]).server.has_quit());
    assert!(session(strict(), &[EHLO, "QUIT\r\n"]).server.has_quit());
    let mut refused = session(strict(), &[EHLO, "QUIT now\r\n"]);
    refused.server.abort(Rejection::SHUTTING_DOWN);
    assert!(!refused.server.has_quit());
    let mut sent_away = session(strict(), &[EHLO, MAIL]);
    sent_away.question(RCPT, |event| match event {
        Event::Rcpt(rcpt) => rcpt.reject(Rejection::SHUTTING_DOWN),
        event => panic!("{event:?}"),
    });
    assert!(!sent_away.server.has_quit());
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
            Event::Burl(burl) => {
                assert!(burl.is_last());
                (burl.declared_size(), burl.room(), burl.is_first())
            }
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
    // With one of another length in front, so that some lists would have just no room.
    for (first, length) in (1..=20).flat_map(|length| [(1, length), (length, length)]) {
        let mut names: Vec<String> = (0..26u8)
            .flat_map(|first| (0..26u8).map(move |second| (first, second)))
            .map(|(first, second)| {
                let name = [b'A' + first, b'A' + second, b'X'];
                let name = name.iter().cycle().take(length.max(2)).map(|octet| char::from(*octet));
                name.collect()
            })
            .collect();
        names.insert(0, "0".repeat(first));
        let config = names
            .iter()
            .fold(mx(), |config, name| config.mechanism(Mechanism::parse(name).unwrap(), false));
        let said = Session::new(config).say(EHLO);
        let mut lines = said.lines().filter(|line| line[4..].starts_with("AUTH "));
        let line = lines.next().unwrap();
        let listed: Vec<&str> = line[9..].split(' ').collect();
        assert!(lines.next().is_none() && listed == names[..listed.len()], "{said}");
        let octets = line.len() + "\r\n".len();
        let one_more = 1 + names[listed.len()].len();
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

/// RFC 4468 section 3: a part that is not the last one is told from one that is.
#[test]
fn whether_more_of_a_message_is_fetched() {
    let config = || mx().offer(Extension::Chunking).burl(&["imap"]);
    for (end, last) in [("", false), (" LAST", true)] {
        let burl = format!("BURL imap://u@h/Sent;uid=2;urlauth=submit+u:internal:91354a{end}\r\n");
        let told = session(config(), &[EHLO, MAIL, RCPT]).question(&burl, |event| match event {
            Event::Burl(burl) => burl.is_last(),
            event => panic!("{event:?}"),
        });
        assert_eq!(told, last);
        // RFC 2920 section 3.2: the reply to the last one ends a group, also where it refuses.
        let mut session = session(config(), &[EHLO]);
        let octets = format!("{burl}NOOP\r\n");
        assert_eq!(session.server.wire().receive(octets.as_bytes()), octets.len());
        assert_eq!(session.server.step(), Step::Event);
        assert!(session.server.event().is_none());
        assert_eq!(session.server.step(), if last { Step::Write } else { Step::Event }, "{burl}");
    }
}

/// RFC 4468 section 3.1, 3.3: which stores there are is told to those who have logged in.
#[test]
fn where_content_may_be_fetched() {
    let own = Mechanism::parse("XOWN").unwrap();
    let stores = ["imap", "imap://", "imap://a b", "pop", "imap://store.example"];
    let listed = |session: &mut Session| {
        let said = session.say(EHLO);
        let mut lines = said.lines().map(|line| String::from(&line[4..]));
        lines.find(|line| line.starts_with("BURL")).unwrap()
    };
    let all = "BURL imap imap://store.example";
    assert_eq!(listed(&mut Session::new(mx().burl(&stores))), all);
    let mut session = Session::new(mx().burl(&stores).mechanism(own, false));
    assert_eq!(listed(&mut session), "BURL");
    assert!(session.say("AUTH XOWN YQ==\r\n").starts_with("235 "));
    assert_eq!(listed(&mut session), all);
}

/// RFC 4954 section 5: AUTH= is for sessions in which AUTH was offered.
#[test]
fn whose_message_it_is() {
    let own = Mechanism::parse("XOWN").unwrap();
    let line = "MAIL FROM:<a@x.example> AUTH=c@x.example\r\n";
    for (config, hello, taken) in [
        (mx().mechanism(own, false), EHLO, true),
        (mx().mechanism(own, false), "HELO c.example\r\n", false),
        (mx(), EHLO, false),
    ] {
        let said = session(config, &[hello]).say(line);
        assert_eq!(said.starts_with("250 "), taken, "{said}");
    }
    // It is believed where the application says so.
    let submitter = |trusted| {
        session(mx().mechanism(own, false), &[EHLO]).question(line, |event| match event {
            Event::Mail(mut mail) => {
                if trusted {
                    mail.trust_submitter();
                }
                mail.parameters().auth().map(|auth| format!("{auth:?}"))
            }
            event => panic!("{event:?}"),
        })
    };
    assert!(submitter(true).is_some_and(|auth| auth.contains("c@x.example")));
    assert!(!submitter(false).is_some_and(|auth| auth.contains("c@x.example")));
}

/// A chunk that cannot be taken ends the message, of which the application is told, if it knows of one.
#[test]
fn a_malformed_chunk_within_a_message() {
    let config = || mx().offer(Extension::Chunking);
    for (lines, resets) in [(&[EHLO, MAIL, RCPT][..], 1), (&[EHLO, MAIL], 1), (&[EHLO], 0)] {
        let mut session = session(config(), lines);
        let said = session.say("BDAT 5 WHAT\r\nabcde");
        assert!(said.starts_with("501 ") && said.lines().count() == 1, "{said}");
        assert_eq!(session.resets, resets, "{lines:?}");
    }
}

/// What is too much to be dropped ends the session; what is just not too much is dropped.
#[test]
fn chunks_that_are_dropped() {
    for (size, ends) in [(10, false), (11, false), (15, false), (16, true)] {
        let config = mx().offer(Extension::Chunking).limits(|limits| {
            limits.message = Some(10);
            limits.discard = 5;
        });
        let mut session = session(config, &[EHLO, MAIL, RCPT]);
        session.say(&format!("BDAT {size} LAST\r\n"));
        assert_eq!(session.server.state() == State::Closed, ends, "{size}");
    }
}

/// RFC 5321 section 4.1.1.11: a parameter of one's own makes the line of MAIL longer by what it may need.
#[test]
fn the_line_has_room_for_parameters_of_ones_own() {
    let rule = |octets| ParameterRule::optional("XOWN", octets).unwrap();
    let grown = |octets| {
        let own = Registered::local("XOWN").unwrap().mail(rule(octets));
        mx().extension(own).limits(|_| {}).limits.command_line
    };
    assert_eq!(grown(3020), grown(3010) + 10);
    assert!((5400..5500).contains(&grown(3000)), "{}", grown(3000));
    assert_eq!((mx().protocol(), mx().lmtp().protocol()), (Protocol::Smtp, Protocol::Lmtp));
}

/// RFC 4865 section 5.2.1: a message may be held as long as it may take.
#[test]
fn a_message_is_held_no_longer_than_it_may_take() {
    let until = crate::parameter::DateTime::parse("2030-01-02T03:04:05Z").unwrap();
    let most = crate::extension::FutureRelease::new(3600, until).unwrap();
    for (parameters, taken) in [
        ("HOLDFOR=60 BY=60;R", true),
        ("HOLDFOR=61 BY=60;R", false),
        ("HOLDFOR=3600", true),
        ("HOLDFOR=3601", false),
    ] {
        let line = format!("MAIL FROM:<a@x.example> {parameters}\r\n");
        let said = session(mx().deliver_by(0).future_release(most), &[EHLO]).say(&line);
        assert_eq!(said.starts_with("250 "), taken, "{parameters}: {said}");
    }
}

/// C-27: of an exchange that is over nothing is kept.
#[test]
fn nothing_is_kept_of_an_exchange() {
    let own = Mechanism::parse("XOWN").unwrap();
    for answer in [Answer::default(), Answer::reject(&Rejection::POLICY)] {
        let mut session = session(mx().mechanism(own, false), &[EHLO]);
        session.answer(answer.clone());
        session.say("AUTH XOWN YQ==\r\n");
        assert!(session.server.session.exchange().is_none());
        assert_eq!(session.server.is_authenticated(), answer == Answer::default());
    }
}

/// RFC 5321 section 3.8: who has said QUIT, and does not hang up, is given a time of its own.
#[test]
fn the_time_to_hang_up() {
    let (command, closing) = (Duration::from_secs(66), Duration::from_secs(77));
    let timeouts = ServerTimeouts { command, closing, ..ServerTimeouts::default() };
    let mut session = session(mx().timeouts(timeouts), &[EHLO]);
    assert_eq!(session.server.wire().timer().after, command);
    session.say("QUIT\r\n");
    assert_eq!(session.server.wire().timer().after, closing);
}

/// RFC 6531 section 3.7.4.1: of all refusals of a recipient only 551 may have a text beyond ASCII, and only
/// where new addresses are told.
#[test]
fn refusals_of_recipients_beyond_ascii() {
    let utf8 = "MAIL FROM:<a@x.example> SMTPUTF8\r\n";
    let new = "<j\u{f8}rn@y.example>";
    let local = |code| Rejection::permanent(1, 6, new).coded(code);
    for (disclose, mail, code, said) in [
        (true, utf8, Code::USER_NOT_LOCAL, "551 5.1.6 <j\u{f8}rn@y.example>\r\n"),
        (true, MAIL, Code::USER_NOT_LOCAL, "550 5.1.6 mailbox has moved\r\n"),
        (false, utf8, Code::USER_NOT_LOCAL, "550 5.1.6 mailbox has moved\r\n"),
        (true, utf8, Code::MAILBOX_UNAVAILABLE, "550 5.1.6 <j?rn@y.example>\r\n"),
        (false, utf8, Code::MAILBOX_UNAVAILABLE, "550 5.1.6 <j?rn@y.example>\r\n"),
    ] {
        let config = mx().offer(Extension::SmtpUtf8);
        let config = config.profile(|profile| profile.server.disclose_forward = disclose);
        let mut session = session(config, &[EHLO, mail]);
        session.question(RCPT, |event| match event {
            Event::Rcpt(rcpt) => rcpt.reject(local(code)),
            event => panic!("{event:?}"),
        });
        assert_eq!(session.said(), said, "{disclose} {mail} {code}");
    }
}

/// RFC 6152: what came is told, whatever was declared.
#[test]
fn whether_a_message_is_of_8_bits() {
    let eight = "MAIL FROM:<a@x.example> BODY=8BITMIME\r\n";
    for (mail, content, high) in
        [(MAIL, "text\r\n", false), (eight, "text\r\n", false), (eight, "t\u{e9}xt\r\n", true)]
    {
        let mut session = session(mx(), &[EHLO, mail, RCPT, "DATA\r\n", content]);
        assert_eq!(session.server.wire().receive(b".\r\n"), 3);
        let told = core::iter::from_fn(|| {
            assert_eq!(session.server.step(), Step::Event);
            Some(match session.server.event() {
                Some(Event::Delivery(delivery)) => Some(delivery.has_8bit()),
                _ => None,
            })
        });
        assert_eq!(told.take(5).find_map(|told| told), Some(high), "{mail} {content}");
    }
}

/// The same of a binary message.
#[test]
fn whether_a_binary_message_is_of_8_bits() {
    let mail = "MAIL FROM:<a@x.example> BODY=BINARYMIME\r\n";
    let config = mx().offer(Extension::BinaryMime);
    for (content, high) in [("BDAT 3 LAST\r\na\0\n", false), ("BDAT 3 LAST\r\n\u{e9}\n", true)] {
        let mut session = session(config.clone(), &[EHLO, mail, RCPT]);
        let taken = session.server.wire().receive(content.as_bytes());
        assert_eq!(taken, content.len());
        let told = core::iter::from_fn(|| {
            assert_eq!(session.server.step(), Step::Event);
            Some(match session.server.event() {
                Some(Event::Data(data)) => {
                    data.accept();
                    None
                }
                Some(Event::Delivery(delivery)) => Some(delivery.has_8bit()),
                _ => None,
            })
        });
        assert_eq!(told.take(5).find_map(|told| told), Some(high), "{content}");
    }
}

/// RFC 2645 section 4.2.2: the roles turn when the reply has left.
#[test]
fn when_the_roles_turn() {
    let own = Mechanism::parse("XOWN").unwrap();
    let config = mx().mechanism(own, false).offer(Extension::Atrn);
    let mut session = session(config, &[EHLO, "AUTH XOWN YQ==\r\n"]);
    let server = &mut session.server;
    assert_eq!(server.wire().receive(b"ATRN x.example\r\n"), 16);
    assert_eq!(server.step(), Step::Event);
    match server.event() {
        Some(Event::Atrn(question)) => question.accept(),
        event => panic!("{event:?}"),
    }
    assert_eq!(server.step(), Step::Write);
    assert!(server.event().is_none(), "the reply has not left yet");
    let output = server.wire().output();
    output.advance(output.remaining());
    assert_eq!(server.step(), Step::Event);
    assert!(matches!(server.event(), Some(Event::Turned(_))));
}

/// What an application leaves open is filled in, and nothing else is.
#[test]
fn words_of_ones_own() {
    let said = |acceptance: Acceptance<'static>| {
        let mut session = session(mx(), &[EHLO]);
        session.question(MAIL, |event| match event {
            Event::Mail(mail) => mail.accept_with(acceptance),
            event => panic!("{event:?}"),
        });
        session.said()
    };
    let stock = said(Acceptance::default());
    assert!(stock.starts_with("250 2.1.0 "), "{stock}");
    let enhanced = Acceptance::default().with_enhanced(1, 9);
    assert_eq!(said(enhanced), stock.replace("2.1.0", "2.1.9"));
    let coded = Acceptance::default().with_code(Code::CANNOT_VERIFY).unwrap();
    assert_eq!(said(coded), stock.replace("250", "252"));
    assert_eq!(said(Acceptance::new("as you like")), "250 2.1.0 as you like\r\n");
    let none = mx().withhold(Extension::EnhancedStatusCodes);
    assert_eq!(session(none, &[EHLO]).say(MAIL), stock.replace("2.1.0 ", ""));
}
