//! From the greeting to a session that is open, with each way on which it is not.

use alloc::{format, string::String, vec::Vec};

use bytes::Buf;

use crate::{
    auth::{
        Base64, Binding, Channel, Known, Nonce, Secret,
        client::{self as side, Credentials, Refused},
    },
    client::{
        Client, Config, Event, Login, Misuse, Opening, OpeningError, OpeningStep, ReplyTo, TlsUse,
    },
    domain::HelloName,
    fault::Fault,
    reply::{Reply, ReplyBuf},
    status::Code,
    wire::{Endpoint, Step},
};

fn opening(tls: TlsUse) -> Opening<'static> {
    Opening::new(HelloName::parse("c.example").unwrap(), tls)
}

/// Lets the client and the opening go on until both wait; what was sent.
fn settle(client: &mut Client, opening: &mut Opening<'_>) -> (String, OpeningStep) {
    let mut sent = Vec::new();
    loop {
        let step = opening.next(client);
        match client.step() {
            Step::Event => match client.event() {
                Some(Event::Reply { to, reply }) => opening.reply(to, reply),
                Some(Event::UpgradeTls) => client.tls_started(),
                Some(Event::Fault(fault)) => opening.fault(fault),
                _ => {}
            },
            Step::Write => {
                let output = client.wire().output();
                sent.extend_from_slice(output.chunk());
                output.advance(output.chunk().len());
            }
            _ => return (String::from_utf8(sent).unwrap(), step),
        }
    }
}

/// Has the server say each reply when the client has said the line before it, and nothing else.
fn play(config: Config, opening: &mut Opening<'_>, script: &[(&str, &str)]) -> OpeningStep {
    let mut client = Client::new(config);
    for (line, reply) in script {
        let (sent, _) = settle(&mut client, opening);
        assert_eq!(sent, *line);
        assert_eq!(client.wire().receive(reply.as_bytes()), reply.len());
    }
    let (sent, step) = settle(&mut client, opening);
    assert_eq!(sent, "", "{step:?}");
    step
}

const GREETING: (&str, &str) = ("", "220 mx.example\r\n");
const EHLO: &str = "EHLO c.example\r\n";

fn ready(login: Login, script: &[(&str, &str)]) {
    let mut opening = opening(TlsUse::None).login(login);
    match play(Config::default(), &mut opening, script) {
        OpeningStep::Ready => {}
        step => panic!("{step:?}"),
    }
}

fn failed(login: Login, script: &[(&str, &str)]) -> OpeningError {
    let mut opening = opening(TlsUse::None).login(login);
    match play(Config::default(), &mut opening, script) {
        OpeningStep::Failed(error) => error,
        step => panic!("{step:?}"),
    }
}

fn choice() -> Login {
    let credentials = Credentials::password("alice", "s3cret!").unwrap();
    Login::choose(credentials, Nonce::parse("nonce").unwrap()).allow_plaintext(true)
}

const OFFERS: &str =
    "250-mx.example\r\n250 AUTH LOGIN PLAIN CRAM-MD5 SCRAM-SHA-256 SCRAM-SHA-1\r\n";

/// C-19, C-24: the best first; one that is not wanted after all makes room for the next.
#[test]
fn c19_c24_the_next_mechanism() {
    let no = "504 5.5.4 not that\r\n";
    ready(
        choice(),
        &[
            GREETING,
            (EHLO, OFFERS),
            ("AUTH SCRAM-SHA-256 biwsbj1hbGljZSxyPW5vbmNl\r\n", no),
            ("AUTH SCRAM-SHA-1 biwsbj1hbGljZSxyPW5vbmNlLjE=\r\n", "534 5.7.9 too weak\r\n"),
            ("AUTH PLAIN AGFsaWNlAHMzY3JldCE=\r\n", "538 5.7.11 not here\r\n"),
            ("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"),
            ("YWxpY2U=\r\n", "334 UGFzc3dvcmQ6\r\n"),
            ("czNjcmV0IQ==\r\n", "235 ok\r\n"),
        ],
    );
    // What is used by name only, and nothing else.
    let only = || choice().only([Known::CramMd5, Known::External]);
    assert_eq!(format!("{:?}", only()), "[\"CRAM-MD5\", \"EXTERNAL\"]");
    let error = failed(only(), &[GREETING, (EHLO, OFFERS), ("AUTH CRAM-MD5\r\n", no)]);
    assert_eq!(error.reply().unwrap().as_reply().code().value(), 504);
    // None is offered, or known of.
    let none = failed(choice(), &[GREETING, (EHLO, "250 mx.example\r\n")]);
    assert_eq!(none, OpeningError::NoMechanism);
    let mut helo = opening(TlsUse::None).login(choice()).helo();
    let step = play(Config::default(), &mut helo, &[GREETING, ("HELO c.example\r\n", OFFERS)]);
    assert!(matches!(step, OpeningStep::Failed(OpeningError::NoMechanism)), "{step:?}");
}

/// C-40: a server that offers a binding and then does not want it is told that it was not offered; one
/// whose offer was not taken up is not. What is shown of an opening is the mechanism, and no secret.
#[test]
fn c40_a_binding_that_is_not_wanted() {
    let plus = "AUTH SCRAM-SHA-256-PLUS ";
    let cases: [(Login, &[&str], &str); 2] = [
        (choice(), &[plus], "y,,n=alice,"),
        (choice().only([Known::ScramSha256]), &[], "n,,n=alice,"),
    ];
    for (login, refused, first) in cases {
        let mut client = Client::new(Config::default());
        client.tls_started();
        let data = Secret::from(b"keying material".as_slice());
        client.describe_channel(Channel::new().with(Binding::TlsExporter, data));
        let mut opening = opening(TlsUse::None).login(login);
        let mut hear = |reply: &str| {
            assert_eq!(client.wire().receive(reply.as_bytes()), reply.len());
            settle(&mut client, &mut opening).0
        };
        assert_eq!(hear("220 mx.example\r\n"), EHLO);
        let mut sent = hear("250-mx.example\r\n250 AUTH SCRAM-SHA-256 SCRAM-SHA-256-PLUS\r\n");
        for line in refused {
            assert!(sent.starts_with(line), "{sent}");
            sent = hear("504 5.5.4 not that\r\n");
        }
        let response = sent.strip_prefix("AUTH SCRAM-SHA-256 ").unwrap().trim_end();
        let mut message = Secret::new();
        Base64::parse(response.as_bytes()).unwrap().decode_into(&mut message);
        assert!(message.as_str().unwrap().starts_with(first), "{:?}", message.as_str());
        let shown = format!("{opening:?}");
        assert!(shown.contains("current: Some(SCRAM-SHA-256)"), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

/// C-41: the caller bounds the iterations.
#[test]
fn c41_iterations() {
    let script = [
        GREETING,
        (EHLO, OFFERS),
        (
            "AUTH SCRAM-SHA-256 biwsbj1hbGljZSxyPW5vbmNl\r\n",
            "334 cj1ub25jZXgscz1jMkZzZEE9PSxpPTUwMDA=\r\n",
        ),
        ("*\r\n", "501 ok\r\n"),
    ];
    let error = failed(choice().iterations(4096..=4999), &script);
    let OpeningError::AuthFailed(refused) = error else { panic!("{error:?}") };
    assert_eq!(refused.reason(), "too few or too many iterations of SCRAM");
}

/// C-25: a server that has to learn the password is shown it, inside TLS and once.
#[test]
fn c25_password_transition() {
    let login = || {
        let cram = side::CramMd5::new("alice", "s3cret!").unwrap();
        let plain = side::Plain::new("", "alice", "s3cret!").unwrap();
        Login::new().with(cram).with(side::Login::new("alice", "s3cret!").unwrap()).with(plain)
    };
    let script = [
        GREETING,
        (EHLO, "250-mx.example\r\n250 STARTTLS\r\n"),
        ("STARTTLS\r\n", "220 go\r\n"),
        (EHLO, OFFERS),
        ("AUTH CRAM-MD5\r\n", "432 4.7.12 needed\r\n"),
        ("AUTH PLAIN AGFsaWNlAHMzY3JldCE=\r\n", "235 ok\r\n"),
    ];
    let mut inside = opening(TlsUse::Required).login(login());
    let step = play(Config::default(), &mut inside, &script);
    assert!(matches!(step, OpeningStep::Ready), "{step:?}");
    // In the clear it stays a refusal, to be tried again.
    let error = failed(login(), &[GREETING, (EHLO, OFFERS), script[4]]);
    assert!(error.is_temporary(), "{error:?}");
    // Of credentials PLAIN alone is left, too.
    let mut chosen = opening(TlsUse::Required).login(choice());
    let mut script = script;
    script[4] = ("AUTH SCRAM-SHA-256 biwsbj1hbGljZSxyPW5vbmNl\r\n", "432 4.7.12 needed\r\n");
    let step = play(Config::default(), &mut chosen, &script);
    assert!(matches!(step, OpeningStep::Ready), "{step:?}");
}

/// C-21: an initial response too long for a line of 512 octets waits for the empty challenge.
#[test]
fn c21_long_initial_responses() {
    let token = "t".repeat(400);
    let login = || {
        Login::new().with(side::OAuthBearer::new("", &token, None).unwrap()).allow_plaintext(true)
    };
    let offers = "250-mx.example\r\n250 AUTH OAUTHBEARER\r\n";
    let response = {
        let mut line = Vec::new();
        let message = format!("n,,\x01auth=Bearer {token}\x01\x01");
        crate::auth::encode(message.as_bytes(), &mut line);
        String::from_utf8(line).unwrap()
    };
    let line = format!("{response}\r\n");
    let opened = [GREETING, (EHLO, offers), ("AUTH OAUTHBEARER\r\n", "334 \r\n")];
    ready(login(), &[&opened[..], &[(&line, "235 ok\r\n")]].concat());
    let whole = format!("AUTH OAUTHBEARER {line}");
    let inline = login().long_initial_response(true);
    ready(inline, &[GREETING, (EHLO, offers), (&whole, "235 ok\r\n")]);
    // RFC 7628 section 3.2.2: a token that is refused, and why.
    for (reply, temporary) in [("535 5.7.8 no\r\n", false), ("454 4.7.0 later\r\n", true)] {
        let refused = [(&*line, "334 e30=\r\n"), ("AQ==\r\n", reply)];
        let error = failed(login(), &[&opened[..], &refused].concat());
        let OpeningError::TokenRefused { explanation, .. } = &error else { panic!("{error:?}") };
        assert_eq!(&**explanation, b"{}");
        assert_eq!((error.is_temporary(), error.reply().is_some()), (temporary, true));
    }
    // A challenge where none was due.
    let odd = [("AUTH OAUTHBEARER\r\n", "334 e30=\r\n"), ("*\r\n", "501 ok\r\n")];
    let error = failed(login(), &[&opened[..2], &odd].concat());
    let OpeningError::AuthFailed(refused) = &error else { panic!("{error:?}") };
    assert_eq!(refused.reason(), "a challenge where an empty one was due");
    assert!(!error.is_temporary() && error.reply().is_none());
}

/// Challenges that are none are cancelled (RFC 4954 section 4).
#[test]
fn malformed_challenges() {
    for challenge in ["334 ?\r\n", "334-QQ==\r\n334 QQ==\r\n", "334 QQ\r\n"] {
        let login = || Login::new().with(side::CramMd5::new("a", "b").unwrap());
        let script =
            [GREETING, (EHLO, OFFERS), ("AUTH CRAM-MD5\r\n", challenge), ("*\r\n", "501 ok\r\n")];
        let error = failed(login(), &script);
        assert_eq!(error, OpeningError::AuthFailed(Refused::new("malformed challenge")));
    }
}

/// A mechanism of somebody's own, whose name cannot be sent.
struct Odd;

impl side::Mechanism for Odd {
    fn name(&self) -> &str {
        "A-NAME-OF-MORE-THAN-20-OCTETS"
    }

    fn initial_response(&mut self) -> Option<Secret> {
        None
    }

    fn respond(&mut self, _: &[u8]) -> Result<Secret, Refused> {
        Ok(Secret::new())
    }
}

#[test]
fn a_mechanism_whose_name_cannot_be_sent_is_passed_over() {
    assert!(!side::Mechanism::plaintext(&Odd));
    let login = Login::new().with(Odd).with(side::CramMd5::new("a", "b").unwrap());
    let offers = "250-mx.example\r\n250 AUTH A-NAME-OF-MORE-THAN-20-OCTETS CRAM-MD5\r\n";
    let error =
        failed(login, &[GREETING, (EHLO, offers), ("AUTH CRAM-MD5\r\n", "535 5.7.8 no\r\n")]);
    assert!(matches!(error, OpeningError::AuthRefused(_)) && !error.is_temporary());
}

#[test]
fn what_can_be_tried_again() {
    let error = |script: &[(&str, &str)]| match play(
        Config::default(),
        &mut opening(TlsUse::Required),
        script,
    ) {
        OpeningStep::Failed(error) => error,
        step => panic!("{step:?}"),
    };
    for (script, temporary, code) in [
        (&[("", "554 no\r\n")][..], false, Some(554)),
        (&[("", "450 no\r\n")], true, Some(450)),
        (&[("", "421 no\r\n")], true, Some(421)),
        (&[GREETING, (EHLO, "550 no\r\n")], false, Some(550)),
        (&[GREETING, (EHLO, "451 no\r\n")], true, Some(451)),
        (&[GREETING, (EHLO, "250 mx.example\r\n")], true, None),
        (
            &[
                GREETING,
                (EHLO, "250-mx.example\r\n250 STARTTLS\r\n"),
                ("STARTTLS\r\n", "501 no\r\n"),
            ],
            true,
            Some(501),
        ),
    ] {
        let error = error(script);
        let replied = error.reply().map(|reply| reply.as_reply().code().value());
        assert_eq!((error.is_temporary(), replied), (temporary, code), "{error:?}");
    }
    assert!(OpeningError::Fault(Fault::Closed).is_temporary());
    assert!(!OpeningError::NoMechanism.is_temporary());
}

/// What the configuration forbids, and replies to what others said.
#[test]
fn a_caller_that_is_in_the_way() {
    let config = Config { require_tls: true, ..Config::default() };
    let mut forbidden = opening(TlsUse::None).login(choice());
    let step = play(config, &mut forbidden, &[GREETING, (EHLO, OFFERS)]);
    let OpeningStep::Failed(OpeningError::Misuse(misuse)) = step else { panic!("{step:?}") };
    assert_eq!(misuse, Misuse::TlsRequired);
    assert!(!OpeningError::Misuse(misuse).is_temporary());

    let mut opening = opening(TlsUse::None);
    let noop = Reply::parse(b"550 5.0.0 no\r\n").unwrap();
    opening.reply(ReplyTo::Noop, noop);
    let step = play(Config::default(), &mut opening, &[GREETING, (EHLO, OFFERS)]);
    assert!(matches!(step, OpeningStep::Ready), "{step:?}");
}

/// C-26: some servers offer something else to those who have logged in.
#[test]
fn c26_hello_after() {
    let login = Login::new()
        .with(side::Plain::new("", "alice", "s3cret!").unwrap())
        .allow_plaintext(true)
        .hello_after(true);
    ready(
        login,
        &[
            GREETING,
            (EHLO, OFFERS),
            ("AUTH PLAIN AGFsaWNlAHMzY3JldCE=\r\n", "235 ok\r\n"),
            (EHLO, "250-mx.example\r\n250 SIZE\r\n"),
        ],
    );
}

/// C-01, C-15: what one host has refused another may grant, but for credentials that are wrong.
#[test]
fn what_may_differ_elsewhere() {
    let reply = |code| ReplyBuf::new(Code::new(code).unwrap(), None, "x");
    let token = |code| OpeningError::TokenRefused { reply: reply(code), explanation: [].into() };
    for (error, differs) in [
        (OpeningError::Greeting(reply(554)), true),
        (OpeningError::Greeting(reply(421)), true),
        (OpeningError::Hello(reply(550)), true),
        (OpeningError::TlsNotOffered, true),
        (OpeningError::TlsRefused(reply(454)), true),
        (OpeningError::NoMechanism, true),
        (OpeningError::Fault(Fault::Closed), true),
        (OpeningError::AuthRefused(reply(454)), true),
        (OpeningError::AuthRefused(reply(535)), false),
        (token(454), true),
        (token(535), false),
        (OpeningError::AuthFailed(Refused::new("signature")), false),
        (OpeningError::Misuse(Misuse::TlsRequired), false),
    ] {
        assert_eq!(error.may_differ_elsewhere(), differs, "{error:?}");
    }
}

/// C-04: HELO on a new connection is for SMTP in the clear, to a server that hung up on EHLO, where the
/// profile lets it be and nothing that is wanted needs EHLO.
#[test]
fn c04_whether_to_come_back_with_helo() {
    /// What the client is asked to do, and what the server says before it hangs up.
    struct Case {
        allowed: bool,
        config: fn() -> Config,
        opening: fn() -> Opening<'static>,
        inside_tls: bool,
        says: &'static [&'static str],
    }
    let usual = Case {
        allowed: true,
        config: Config::default,
        opening: || opening(TlsUse::Opportunistic),
        inside_tls: false,
        says: &[GREETING.1],
    };
    let retries = |case: Case| {
        let mut config = (case.config)();
        config.profile.client.helo_after_drop = case.allowed;
        let mut client = Client::new(config);
        if case.inside_tls {
            client.tls_started();
        }
        let mut opening = (case.opening)();
        for reply in case.says {
            let _ = settle(&mut client, &mut opening);
            assert_eq!(client.wire().receive(reply.as_bytes()), reply.len());
        }
        let _ = settle(&mut client, &mut opening);
        client.wire().received(0);
        let (_, step) = settle(&mut client, &mut opening);
        assert!(
            matches!(step, OpeningStep::Failed(OpeningError::Fault(Fault::Closed))),
            "{step:?}"
        );
        opening.may_retry_with_helo(&client)
    };
    let usual = || Case { ..usual };
    assert!(retries(usual()));
    assert!(retries(Case { opening: || opening(TlsUse::None), ..usual() }));
    assert!(!retries(Case { allowed: false, ..usual() }));
    assert!(!retries(Case { config: Config::lmtp, ..usual() }));
    assert!(!retries(Case { opening: || opening(TlsUse::Required), ..usual() }));
    assert!(!retries(Case { opening: || opening(TlsUse::None).login(choice()), ..usual() }));
    assert!(!retries(Case { opening: || opening(TlsUse::None).helo(), ..usual() }));
    assert!(!retries(Case { inside_tls: true, ..usual() }));
    // It hung up at something else.
    assert!(!retries(Case { says: &[], ..usual() }));
    let tls = &[GREETING.1, "250-mx.example\r\n250 STARTTLS\r\n"];
    assert!(!retries(Case { says: tls, ..usual() }));
}

/// RFC 3207 section 6, RFC 7435: mail that would go in the clear may do so where TLS fails; credentials
/// may not.
#[test]
fn whether_to_come_back_without_tls() {
    for (tls, alone) in
        [(TlsUse::Opportunistic, true), (TlsUse::Required, false), (TlsUse::None, false)]
    {
        assert_eq!(opening(tls).may_retry_without_tls(), alone, "{tls:?}");
        assert!(!opening(tls).login(choice()).may_retry_without_tls(), "{tls:?}");
    }
}

/// A mechanism with a name and a response of some length.
struct Long {
    name: String,
    response: usize,
}

impl side::Mechanism for Long {
    fn name(&self) -> &str {
        &self.name
    }

    fn initial_response(&mut self) -> Option<Secret> {
        let mut response = Secret::new();
        (0..self.response).for_each(|_| response.extend_from_slice(b"x"));
        Some(response)
    }

    fn respond(&mut self, _: &[u8]) -> Result<Secret, Refused> {
        Ok(Secret::new())
    }
}

/// C-21: a response goes with AUTH as long as the line has not more than 512 octets.
#[test]
fn c21_the_longest_line() {
    for (letters, allowed, inline) in [(4, false, true), (5, false, false), (5, true, true)] {
        let name = "X".repeat(letters);
        let offers = format!("250-mx.example\r\n250 AUTH {name}\r\n");
        let login = Login::new().with(Long { name: name.clone(), response: 375 });
        let mut opening = opening(TlsUse::None).login(login.long_initial_response(allowed));
        let mut client = Client::new(Config::default());
        let mut hear = |reply: &str| {
            assert_eq!(client.wire().receive(reply.as_bytes()), reply.len());
            settle(&mut client, &mut opening).0
        };
        hear("220 mx.example\r\n");
        let sent = hear(&offers);
        assert_eq!(sent == format!("AUTH {name}\r\n"), !inline, "{sent}");
        assert!(sent.len() <= 512 || allowed, "{sent}");
        if !inline {
            assert_eq!(hear("334 \r\n").len(), 500 + 2);
        }
    }
}
