//! CRLF injection: no public argument carries a line end, a NUL or another control to where it is a
//! command, a reply, a field or a line of a log.

use smtp_proto::{
    answer::{Acceptance, Rejection},
    auth::{Nonce, client::Credentials},
    command::{DomainList, Mechanism, Node, OtherCommand, Text, Url},
    date::{Date, Timestamp},
    domain::{AddressLiteral, Domain, HelloName, Host},
    parameter::{Parameter, ParameterList, Parameters, Solicit},
    path::{ForwardPath, Mailbox, MailboxBuf, ReversePath},
    profile::Syntax,
    relay::HostName,
    reply::ReplyBuf,
    server::{Event, Server},
    status::Code,
    trace::Received,
    transcript::{Speaker, Transcript},
    upstream::{Attribute, Forwarded, Overrides, Value},
    wire::{Endpoint, Step},
    xtext,
};
use smtp_tests::take_output;

use crate::attacked::{HELLO, Told, attack, config, server};

/// What ends a line somewhere, or a text.
const ENDS: [&str; 6] = ["\r\n", "\n", "\r", "\0", "\r\nRCPT TO:<evil@x.example>", "\r\n.\r\n"];

/// The ends in front of, in, and behind a word.
fn evil() -> impl Iterator<Item = String> {
    ENDS.iter().flat_map(|end| [format!("{end}a"), format!("a{end}b"), format!("a{end}")])
}

#[test]
fn no_value_for_a_command_holds_a_line_end() {
    let host = Host::parse("x.example").unwrap();
    for evil in evil() {
        let evil = evil.as_str();
        let wide = Syntax::LENIENT;
        let made: [(&str, bool); 27] = [
            ("domain", Domain::parse(evil).is_ok()),
            ("lenient domain", Domain::parse_with(evil.as_bytes(), &wide).is_ok()),
            ("host", Host::parse(evil).is_ok()),
            ("host name", HostName::parse(evil).is_ok()),
            ("literal", AddressLiteral::parse(&format!("[x:{evil}]")).is_ok()),
            ("hello name", HelloName::parse(evil).is_ok()),
            ("lenient hello name", HelloName::parse_with(evil.as_bytes(), &wide).is_ok()),
            ("mailbox", Mailbox::parse(&format!("{evil}@x.example")).is_ok()),
            ("quoted mailbox", Mailbox::parse(&format!("\"{evil}\"@x.example")).is_ok()),
            ("mailbox of parts", MailboxBuf::new(evil, host).is_ok()),
            ("reverse-path", ReversePath::parse(&format!("<{evil}@x.example>")).is_ok()),
            ("reverse-path and more", ReversePath::parse(&format!("<>{evil}")).is_ok()),
            ("forward-path", ForwardPath::parse(&format!("<a@x.example>{evil}")).is_ok()),
            ("keyword", Parameter::new(evil, None).is_ok()),
            ("value", Parameter::new("X", Some(evil)).is_ok()),
            ("parameters", Parameters::parse(evil.as_bytes(), &wide).is_ok()),
            ("ORCPT", ParameterList::new().orcpt("rfc822", evil).is_ok()),
            ("kind of ORCPT", ParameterList::new().orcpt(evil, "a").is_ok()),
            ("ENVID", ParameterList::new().envid(evil.as_bytes()).is_ok()),
            ("MTRK", ParameterList::new().mtrk(evil, None).is_ok()),
            ("TRANSID", ParameterList::new().transid(evil).is_ok()),
            ("SOLICIT", Solicit::parse(evil).is_ok()),
            ("text", Text::new(evil).is_ok()),
            ("verb", OtherCommand::new(evil, None).is_ok()),
            ("mechanism", Mechanism::parse(evil).is_ok()),
            ("node", Node::parse(evil).is_ok()),
            ("domains", DomainList::parse(evil).is_ok()),
        ];
        for (name, made) in made {
            assert!(!made, "{name} of {evil:?}");
        }
        assert!(Url::parse(&format!("imap://x.example/{evil}")).is_err(), "{evil:?}");
        assert!(Nonce::parse(evil).is_err(), "{evil:?}");
        // These are encoded on their way.
        assert!(xtext::encode(evil.as_bytes()).bytes().all(|octet| octet.is_ascii_graphic()));
        let mut utf8 = ParameterList::new();
        if utf8.orcpt("utf-8", evil).is_ok() {
            let octets = utf8.as_parameters().as_str().bytes();
            assert!(octets.into_iter().all(|octet| octet.is_ascii_graphic()), "{evil:?}");
        }
        for attribute in [Attribute::Name, Attribute::HeloName, Attribute::Login, Attribute::Proto]
        {
            assert!(Overrides::default().set(attribute, Value::Known(evil)).is_err(), "{evil:?}");
            assert!(Forwarded::default().set(attribute, Value::Known(evil)).is_err(), "{evil:?}");
        }
        // Passwords hold what they hold, and go out in base64; a NUL would end one.
        if evil.contains('\0') {
            assert!(Credentials::password("user", evil).is_err(), "{evil:?}");
            assert!(Credentials::password(evil, "password").is_err(), "{evil:?}");
        }
    }
}

#[test]
fn no_answer_of_an_application_makes_a_line_of_its_own() {
    for evil in evil() {
        let reply = ReplyBuf::new(Code::OK, None, &evil);
        let octets = reply.as_reply().octets().to_vec();
        assert_lines(&octets, b"250", &evil);

        let mut server = server(config());
        let mut said = Vec::new();
        let octets =
            b"EHLO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nVRFY joe\r\n";
        assert_eq!(server.wire().receive(octets), octets.len());
        loop {
            match server.step() {
                Step::Write => said.extend(take_output(server.wire(), usize::MAX)),
                Step::Event => match server.event() {
                    Some(Event::Hello(token)) => token.accept_with(&evil),
                    Some(Event::Mail(token)) => token.accept_with(Acceptance::new(evil.as_str())),
                    Some(Event::Rcpt(token)) => {
                        token.reject(Rejection::POLICY.with_text(evil.as_str()))
                    }
                    Some(Event::Verify(token)) => {
                        token.reject(Rejection::POLICY.with_text(evil.as_str()));
                    }
                    _ => {}
                },
                _ => break,
            }
        }
        for line in said.split_inclusive(|octet| *octet == b'\n') {
            assert!(line.ends_with(b"\r\n"), "{evil:?}: {}", said.escape_ascii());
            assert!(line[..3].iter().all(u8::is_ascii_digit), "{evil:?}: {}", said.escape_ascii());
            let text = &line[..line.len() - 2];
            assert!(!text.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)), "{evil:?}");
        }
        assert!(!said.windows(5).any(|window| window == b"\r\nRCPT"[..5].as_ref()), "{evil:?}");
    }
}

fn assert_lines(octets: &[u8], code: &[u8], evil: &str) {
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        assert!(line.starts_with(code) && line.ends_with(b"\r\n"), "{evil:?}");
    }
}

#[test]
fn no_trace_field_has_more_lines_than_it_folds() {
    let date = Date::utc(Timestamp::from_unix(1_700_000_000));
    let by = Host::parse("mx.example").unwrap();
    for evil in evil() {
        let received = Received::new(by, &evil, date).id(&evil).via(&evil);
        let field = received.to_string();
        for line in field.split("\r\n").skip(1).filter(|line| !line.is_empty()) {
            assert!(line.starts_with([' ', '\t']), "{evil:?}: {field:?}");
        }
        let text = field.replace("\r\n", "");
        assert!(!text.contains(['\r', '\n', '\0']), "{evil:?}: {field:?}");
        assert!(Received::new(by, "ESMTP", date).clause("x", &evil).is_err(), "{evil:?}");
        assert!(Received::new(by, "ESMTP", date).state(&evil).is_err(), "{evil:?}");
        assert!(Received::new(by, "ESMTP", date).tls(&evil, None).is_err(), "{evil:?}");
    }
}

/// What a terminal obeys, and what looks like another line of a log.
#[test]
fn a_transcript_shows_hostile_octets_and_does_not_obey_them() {
    let mut server: Server = server(config());
    server.wire().record(1000);
    let lines: [&[u8]; 6] = [
        b"NOOP \x1b[2J\x1b]0;owned\x07\r\n",
        b"NOOP \nS: 250 forged\r\n",
        b"\r\r\rS: 250 forged\r\n",
        "NOOP \u{202e}\u{9b}31m\u{85}\u{2028}x\r\n".as_bytes(),
        b"NOOP \xff\xfe\r\n",
        b"MAIL FROM:<\"\x08\x08\"@x.example>\r\n",
    ];
    let mut told = Told::default();
    attack(&mut server, HELLO, usize::MAX, &mut told);
    for line in lines {
        attack(&mut server, line, usize::MAX, &mut told);
    }
    server.wire().remark("a remark\r\nS: 250 forged\u{1b}[2J");
    let mut transcript = Transcript::new(Speaker::Server);
    transcript.take(server.wire().transcript().unwrap());
    let file = transcript.to_string();
    for line in file.lines() {
        assert!(!line.starts_with("S: 250 forged"), "{file}");
        let obeyed = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{2028}' | '\u{2029}');
        assert!(!line.contains(obeyed), "{:?}", line);
    }
    assert_eq!(file.parse::<Transcript>().as_ref(), Ok(&transcript));
}
