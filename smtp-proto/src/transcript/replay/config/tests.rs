use alloc::{string::ToString, sync::Arc};

use super::*;
use crate::{
    auth::Known,
    profile::Leniency,
    server::{Config, Server},
    tests::Session,
    transcript::replay::{Difference, Replay, Replayed},
};

fn named() -> Config {
    Config::new(Host::parse("mx.example.net").unwrap())
}

fn recorded(config: Config, said: &[&str]) -> Transcript {
    let mut session = Session::new(config);
    for octets in said {
        session.say(octets);
    }
    session.transcript()
}

fn replayed(transcript: &Transcript) -> Result<Replayed, Difference> {
    let config = server(transcript).expect("there is a greeting");
    Replay::new(transcript).serve(Server::new(Arc::new(config)), |_| {})
}

/// Whether the machine that was guessed says the recorded session word for word.
#[track_caller]
fn is_guessed(transcript: &Transcript) {
    let replayed =
        replayed(transcript).unwrap_or_else(|difference| panic!("{difference}\n{transcript}"));
    assert!(replayed.octets == 0 && !replayed.unfinished, "{replayed:?}");
}

const TLS: [&str; 3] = ["EHLO c.example\r\n", "STARTTLS\r\n", "EHLO c.example\r\n"];
const MAIL: [&str; 3] = [
    "MAIL FROM:<a@x.example> SIZE=9\r\n",
    "RCPT TO:<b@x.example>\r\n",
    "RCPT TO:<c@x.example>\r\n",
];

fn session(parts: &[&[&'static str]]) -> Vec<&'static str> {
    [parts.concat(), ["HELP\r\n", "QUIT\r\n"].into()].concat()
}

#[test]
fn the_name_the_banner_and_the_help() {
    for banner in ["ESMTP", "Example Mail 1.0", ""] {
        for help in ["see RFC 5321", "two\nlines", ""] {
            let config = named().banner(banner).help(help);
            is_guessed(&recorded(config, &session(&[&["HELO c.example\r\n"], &MAIL])));
        }
    }
    let config = Config::new(Host::parse("[192.0.2.1]").unwrap());
    is_guessed(&recorded(config, &session(&[&TLS[..1]])));
}

#[test]
fn each_extension_offered_and_not() {
    for extension in Extension::ALL {
        for config in [named().offer(extension), named().withhold(extension)] {
            is_guessed(&recorded(config, &session(&[&TLS[..1], &MAIL])));
        }
    }
}

/// The limits that the reply to a hello tells, and what comes of them.
#[test]
fn limits_that_are_told() {
    let few = |config: Config| {
        config.limits(|limits| {
            limits.message = Some(8);
            limits.recipients = 1;
            limits.mails = Some(1);
            limits.recipient_domains = Some(1);
        })
    };
    is_guessed(&recorded(few(named()), &session(&[&TLS[..1], &MAIL, &["RSET\r\n"], &MAIL])));
    let none = named().limits(|limits| limits.message = None);
    is_guessed(&recorded(none, &session(&[&TLS[..1], &MAIL])));
}

#[test]
fn arguments_of_extensions() {
    use crate::{extension::FutureRelease, parameter::DateTime, server::Priorities};
    let until = DateTime::parse("2030-01-02T03:04:05Z").unwrap();
    let configs = [
        named().deliver_by(60),
        named().future_release(FutureRelease::new(3600, until).unwrap()),
        named().mt_priority(Priorities::default().profile("MIXER").unwrap()),
        named().no_soliciting(&["net.example:ADV"]).unwrap(),
        named().burl(&["imap", "imap://store.example"]),
    ];
    let used: [&[&str]; 5] = [
        &["MAIL FROM:<a@x.example> BY=59;R\r\n", "MAIL FROM:<a@x.example> BY=61;R\r\n"],
        &["MAIL FROM:<a@x.example> HOLDFOR=3601\r\n", "MAIL FROM:<a@x.example> HOLDFOR=9\r\n"],
        &["MAIL FROM:<a@x.example> MT-PRIORITY=3\r\n"],
        &["MAIL FROM:<a@x.example> SOLICIT=net.example:ADV\r\n"],
        &["MAIL FROM:<a@x.example>\r\n", "RCPT TO:<b@x.example>\r\n"],
    ];
    for (config, used) in configs.into_iter().zip(used) {
        is_guessed(&recorded(config, &session(&[&TLS[..1], used])));
    }
}

/// A mechanism that was first listed inside TLS is one of plaintext.
#[test]
fn mechanisms_in_their_order() {
    let plain = ["AUTH PLAIN AGEAYg==\r\n"];
    for known in [
        &[Known::Plain, Known::ScramSha256, Known::Login][..],
        &[Known::ScramSha256, Known::Plain],
        &[Known::Login, Known::CramMd5, Known::Plain, Known::ScramSha1],
        &[Known::Plain],
        &[],
    ] {
        let offered = known.iter().fold(named(), |config, known| config.known_mechanism(*known));
        let tls = offered.clone().offer(Extension::StartTls);
        is_guessed(&recorded(offered, &session(&[&TLS[..1], &plain])));
        is_guessed(&recorded(tls, &session(&[&plain, &TLS[..1], &plain, &TLS[1..], &plain])));
    }
}

/// A server may list others inside TLS, or the same in another order: each is on the list once, and is
/// offered from where it was first.
#[test]
fn mechanisms_that_are_not_always_listed() {
    for (first, then, outside, inside) in [
        ("XA XB", "XB XA", "XB XA", "XB XA"),
        ("XA XB XC", "XC XA", "XC XA XB", "XC XA XB"),
        ("XA XB", "XA", "XA XB", "XA XB"),
        ("XA", "XB XA XC", "XA", "XB XA XC"),
        ("XA XB", "XC", "XA XB", "XA XB XC"),
    ] {
        let said = |list| {
            alloc::format!(
                "C: EHLO c.example\nS: 250-mx.example\nS: 250-STARTTLS\nS: 250 AUTH {list}\n"
            )
        };
        let file = alloc::format!(
            "smtp-transcript 1 server\nS: 220 mx.example\n{}C: STARTTLS\nS: 220 go\ntls\n{}",
            said(first),
            said(then)
        );
        let mut session = Session::new(server(&file.parse().unwrap()).unwrap());
        let mut listed = || {
            let reply = session.say(TLS[0]);
            let line = reply.lines().find_map(|line| line[4..].strip_prefix("AUTH "));
            session.say(TLS[1]);
            String::from(line.unwrap())
        };
        assert_eq!((listed().as_str(), listed().as_str()), (outside, inside), "{first}, {then}");
    }
}

#[test]
fn lmtp() {
    let said = session(&[&["LHLO c.example\r\n"], &MAIL, &["DATA\r\n", "text\r\n.\r\n"]]);
    for config in [named().lmtp(), named().lmtp().offer(Extension::Dsn)] {
        let transcript = recorded(config, &said);
        assert!(transcript.to_string().contains("250 2.1.5"));
        is_guessed(&transcript);
    }
}

/// What was forgiven is allowed again.
#[test]
fn leniencies() {
    let forgiving = |leniency| named().offer(Extension::StartTls).profile(|p| p.allow(leniency));
    let passwords = forgiving(Leniency::PlaintextAuth).known_mechanism(Known::Plain);
    let text = ["DATA\r\n", "a\nb\r\n.\r\n"];
    for (leniency, config, said) in [
        (Leniency::BareNewline, None, session(&[&TLS[..1], &MAIL, &text])),
        (Leniency::RelaxedSyntax, None, session(&[&TLS[..1], &["MAIL FROM: a@x.example\r\n"]])),
        (Leniency::HelloSyntax, None, session(&[&["EHLO no_name?\r\n"]])),
        (
            Leniency::PlaintextAuth,
            Some(passwords),
            session(&[&TLS[..1], &["AUTH PLAIN AGEAYg==\r\n"]]),
        ),
    ] {
        let transcript = recorded(config.unwrap_or_else(|| forgiving(leniency)), &said);
        let told = alloc::format!("forgiven {}\n", leniency.switch());
        assert!(transcript.to_string().contains(&told), "{told}{transcript}");
        is_guessed(&transcript);
    }
}

/// Without a greeting that begins with a name there is nothing to go by.
#[test]
fn no_greeting() {
    for entries in ["", "accept\n", "C: EHLO c.example\n", "S: 220 -not a name-\n", "S: 220\n"] {
        let transcript = alloc::format!("smtp-transcript 1 server\n{entries}").parse().unwrap();
        assert!(server(&transcript).is_none(), "{entries}");
    }
}

#[test]
fn of_a_client() {
    use crate::sequence::Protocol;
    let guess = |entries: &str| {
        client(&alloc::format!("smtp-transcript 1 client\n{entries}").parse().unwrap())
    };
    let plain = guess("S: 220 mx.example\nC: EHLO c.example\n");
    assert_eq!((plain.protocol, plain.profile), (Protocol::Smtp, Profile::default()));
    let lmtp = guess("S: 220 mx.example\nC: lhlo c.example\n");
    assert_eq!((lmtp.protocol, lmtp.profile), (Protocol::Lmtp, Profile::default()));
    let mut forgiving = Profile::default();
    forgiving.client.lenient_reply_lf = true;
    assert_eq!(guess("S: 220 mx.example\nforgiven lenient_reply_lf\n").profile, forgiving);
}
