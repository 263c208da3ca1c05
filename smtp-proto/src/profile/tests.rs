use alloc::{string::String, vec::Vec};

use bytes::Bytes;

use super::*;
use crate::{
    auth::Known,
    client::{self, Misuse},
    domain::Host,
    extension::Extension,
    path::ReversePath,
    server,
    tests::{Call, Session},
    wire::Endpoint,
};

fn server(change: impl FnOnce(&mut Profile)) -> server::Config {
    let config = server::Config::new(Host::parse("mx.example").unwrap()).profile(change);
    config.offer(Extension::StartTls).offer(Extension::Dsn).known_mechanism(Known::Plain)
}

/// Says `lines` to a server, and returns how it answers the last of them.
fn answered(config: server::Config, lines: &[&str]) -> (String, Vec<Leniency>) {
    let mut session = Session::new(config);
    let answers: Vec<String> = lines.iter().map(|line| session.say(line)).collect();
    (answers.last().unwrap().clone(), session.told)
}

/// What the strictest server refuses is let pass, and told, when that one thing is allowed.
#[test]
fn each_leniency_of_a_server_can_be_allowed_alone() {
    const EHLO: &str = "EHLO c.example\r\n";
    const MAIL: &str = "MAIL FROM:<a@x.example>\r\n";
    const RCPT: &str = "RCPT TO:<b@x.example>\r\n";
    let long_line = alloc::format!("{}\r\n.\r\n", "a".repeat(999));
    let local_part = alloc::format!("MAIL FROM:<{}@x.example>\r\n", "a".repeat(65));
    let cases: [(Leniency, &[&str]); 13] = [
        (Leniency::BareNewline, &[EHLO, MAIL, RCPT, "DATA\r\n", "a\nb\r\n.\r\n"]),
        (Leniency::Undeclared8Bit, &[EHLO, MAIL, RCPT, "DATA\r\n", "\u{e9}\r\n.\r\n"]),
        (Leniency::NulInText, &[EHLO, MAIL, RCPT, "DATA\r\n", "\0\r\n.\r\n"]),
        (Leniency::LongLine, &[EHLO, MAIL, RCPT, "DATA\r\n", &long_line]),
        (Leniency::RelaxedSyntax, &[EHLO, "MAIL FROM: <a@x.example>\r\n"]),
        (Leniency::LocalPart, &[EHLO, &local_part]),
        (Leniency::UnderscoreDomain, &[EHLO, "MAIL FROM:<a@x_y.example>\r\n"]),
        (Leniency::HelloSyntax, &["EHLO c_is_not?\r\n"]),
        (
            Leniency::Utf8Orcpt,
            &[
                EHLO,
                "MAIL FROM:<a@x.example> SMTPUTF8\r\n",
                "RCPT TO:<b@x.example> ORCPT=rfc822;\u{e9}@x.example\r\n",
            ],
        ),
        (Leniency::EarlyData, &[EHLO, MAIL, RCPT, "DATA\r\ntext\r\n.\r\n"]),
        (Leniency::UnannouncedPipelining, &["HELO c.example\r\n", "NOOP\r\nNOOP\r\n"]),
        (Leniency::StartTlsTrailing, &[EHLO, "STARTTLS\r\nNOOP\r\n"]),
        (Leniency::PlaintextAuth, &[EHLO, "AUTH PLAIN AGEAYg==\r\n"]),
    ];
    for (leniency, lines) in cases {
        let (refused, told) = answered(server(|profile| *profile = Profile::STRICT), lines);
        assert!(refused.starts_with('5'), "{leniency:?}: {refused}");
        assert_eq!(told, [], "{leniency:?}");
        let allowed = server(|profile| {
            *profile = Profile::STRICT;
            profile.allow(leniency);
        });
        let (taken, told) = answered(allowed, lines);
        assert!(taken.starts_with(['2', '3']), "{leniency:?}: {taken}");
        assert_eq!(told, [leniency]);
    }
}

#[test]
fn early_talkers_can_be_allowed() {
    for allowed in [false, true] {
        let mut session = Session::new(server(|profile| {
            *profile = Profile::STRICT;
            if allowed {
                profile.allow(Leniency::EarlyTalker);
            }
        }));
        assert_eq!(session.server.wire().receive(b"EHLO c.example\r\n"), 16);
        let greeting = session.greeting();
        assert_eq!(greeting.starts_with("220 "), allowed, "{greeting}");
        assert_eq!(session.told.contains(&Leniency::EarlyTalker), allowed);
    }
}

fn client(profile: Profile) -> client::Config {
    client::Config { profile, ..client::Config::default() }
}

#[test]
fn what_a_client_forgives_a_server_can_be_allowed_alone() {
    for (leniency, greeting) in [
        (Leniency::ReplyCodeMismatch, "221-mx.example\r\n220 mx.example\r\n"),
        (Leniency::LenientReplyLf, "220 mx.example\n"),
    ] {
        let mut call = Call::new(client(Profile::STRICT));
        call.hear(greeting);
        assert!(call.fault.is_some() && call.codes.is_empty() && call.told.is_empty());
        let mut profile = Profile::STRICT;
        profile.allow(leniency);
        let mut call = Call::new(client(profile));
        call.hear(greeting);
        assert_eq!(
            (&call.codes[..], &call.told[..], call.fault),
            (&[220][..], &[leniency][..], None)
        );
    }
}

#[test]
fn what_a_client_forgives_its_caller_can_be_allowed_alone() {
    let sent = |profile: Profile, local_part: usize, content: &str| {
        let mut call = Call::open(client(profile), &["CHUNKING"]);
        let path = alloc::format!("<{}@x.example>", "a".repeat(local_part));
        let path = ReversePath::parse(&path).unwrap();
        call.said(|client| client.mail(path, Default::default()), "250 ok\r\n")?;
        let rcpt = crate::path::ForwardPath::parse("<b@x.example>").unwrap();
        call.said(|client| client.rcpt(rcpt, Default::default()), "250 ok\r\n")?;
        let content = Bytes::copy_from_slice(content.as_bytes());
        let said = call.said(|client| client.chunk(content, true), "250 ok\r\n")?;
        assert_eq!(call.codes, [250; 3]);
        Ok((said.split_once("\r\n").unwrap().1.len(), call.told))
    };
    let long = "a".repeat(999) + "\r\n";
    for (leniency, misuse, local_part, content, octets, told) in [
        (Leniency::BareNewline, Misuse::BareNewline, 1, "a\nb\r\n", 6, true),
        (Leniency::LongLine, Misuse::LongLine, 1, &long[..], 1001, true),
        // The caller knows what it sends.
        (Leniency::LocalPart, Misuse::LocalPart, 65, "a\r\n", 3, false),
    ] {
        assert_eq!(sent(Profile::STRICT, local_part, content), Err(misuse));
        let mut profile = Profile::STRICT;
        profile.allow(leniency);
        let told = if told { alloc::vec![leniency] } else { Vec::new() };
        assert_eq!(sent(profile, local_part, content), Ok((octets, told)));
    }
}
