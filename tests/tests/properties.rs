//! What holds for any octets, however they are cut.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use smtp_proto::{
    answer::Rejection,
    auth::server::{Login, Mechanism as _, Step as AuthStep},
    client::{
        self, Client, Content, Envelope, Event as ClientEvent, Opening, OpeningStep, Recipient,
        TlsUse, Transaction, TransactionOptions, TransactionStep,
    },
    command::Mechanism,
    data::BareNewline,
    domain::{HelloName, Host},
    extension::Extension,
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    profile::Verdict,
    server::{Config, Event, Server},
    wire::{Endpoint, Step},
};
use smtp_tests::{dialog::is_of_timing, take_output};

const CASES: u32 = 250;

fn config(lmtp: bool, normalize: bool) -> Config {
    let config = Config::new(Host::parse("mx.example.net").unwrap())
        .offer(Extension::BinaryMime)
        .offer(Extension::Dsn)
        .mechanism(Mechanism::parse("LOGIN").unwrap(), false)
        .profile(|profile| {
            if normalize {
                profile.server.bare_newline = BareNewline::Normalize;
            }
            profile.server.early_data = Verdict::Accept;
        })
        // Not known from how octets arrive.
        .limits(|limits| limits.message = Some(3000));
    if lmtp { config.lmtp() } else { config }
}

/// What a session did: what it said, and what it told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Trace {
    said: String,
    told: Vec<String>,
}

/// Plays octets in pieces to a server whose application refuses whatever has a `z` in it.
fn serve(config: Config, octets: &[u8], mut cut: impl FnMut() -> usize) -> Trace {
    let mut server = Server::new(Arc::new(config));
    let mut trace = Trace::default();
    let mut said = Vec::new();
    let mut body = Vec::new();
    let mut login = Login::new();
    let mut rest = octets;
    loop {
        // A session that was given nothing new comes to rest.
        let mut turns = 0;
        loop {
            turns += 1;
            assert!(turns < 20_000, "the session spins: {server:?}");
            match server.step() {
                Step::Write => said.extend(take_output(server.wire(), usize::MAX)),
                Step::Event => match server.event() {
                    None => {}
                    Some(Event::Body(octets)) => body.extend_from_slice(&octets),
                    Some(event) => tell(event, &mut trace.told, &mut body, &mut login),
                },
                Step::Read | Step::Idle | Step::Close => break,
            }
        }
        let room = server.wire().room();
        assert!(room <= 64 * 1024, "room for {room} octets");
        if rest.is_empty() {
            break;
        }
        let piece = cut().clamp(1, rest.len());
        let taken = server.wire().receive(&rest[..piece]);
        if taken == 0 {
            // Closed, or in a handshake.
            break;
        }
        rest = &rest[taken..];
    }
    trace.said = said.escape_ascii().to_string();
    trace
}

fn tell(event: Event<'_>, told: &mut Vec<String>, body: &mut Vec<u8>, login: &mut Login) {
    const NO: Rejection<'static> = Rejection::POLICY;
    match event {
        Event::Connected(token) => token.accept(),
        Event::Hello(token) => {
            told.push(format!("hello {}", token.name()));
            token.accept();
        }
        Event::StartTls(token) => token.reject(NO),
        Event::Auth(token) => {
            told.push(format!("auth {:?}", token.response()));
            match login.step(token.response()) {
                AuthStep::Challenge(challenge) => token.challenge(challenge.as_slice()),
                _ => {
                    *login = Login::new();
                    token.reject(NO);
                }
            }
        }
        Event::Mail(token) => {
            let path = token.reverse_path().to_string();
            let no = path.contains('z');
            told.push(format!("mail {path} {:?}", token.parameters()));
            if no { token.reject(NO) } else { token.accept() }
        }
        Event::Rcpt(token) => {
            let path = token.forward_path().to_string();
            let no = path.contains('z');
            told.push(format!("rcpt {path}"));
            if no { token.reject(NO) } else { token.accept() }
        }
        Event::Data(token) => {
            body.clear();
            told.push(format!("data {}", token.is_chunked()));
            token.accept();
        }
        Event::Delivery(token) => {
            told.push(format!(
                "delivery {:?} {} {} {}",
                token.recipient(),
                token.size(),
                token.has_8bit(),
                body.escape_ascii()
            ));
            if body.contains(&b'z') { token.reject(NO) } else { token.accept() }
        }
        Event::Verify(token) => {
            told.push(format!("verify {:?}", token.text()));
            token.cannot_verify();
        }
        Event::Extension(token) => token.reject(NO),
        // These are what cuts do make a difference to.
        Event::Leniency(leniency) if is_of_timing(leniency) => {}
        other => told.push(format!("{other:?}")),
    }
}

/// Commands, good and bad, and content between them.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("EHLO c.example\r\n".to_owned()),
        Just("LHLO c.example\r\n".to_owned()),
        Just("HELO c.example\r\n".to_owned()),
        Just("MAIL FROM:<a@x.example>\r\n".to_owned()),
        Just("MAIL FROM:<a@x.example> BODY=BINARYMIME\r\n".to_owned()),
        Just("MAIL FROM:<z@x.example>\r\n".to_owned()),
        Just("RCPT TO:<b@x.example>\r\n".to_owned()),
        Just("RCPT TO:<c@x.example>\r\n".to_owned()),
        Just("RCPT TO:<z@x.example>\r\n".to_owned()),
        Just("DATA\r\n".to_owned()),
        Just("DATA\r\nhi\r\n..\r\n.\r\n".to_owned()),
        Just("\r\n.\r\n".to_owned()),
        Just("BDAT 4\r\nQUIT".to_owned()),
        Just("BDAT 4 LAST\r\na\r\nb".to_owned()),
        Just("BDAT 3 LAST\r\n\n.\r".to_owned()),
        Just("BDAT 3 FOO\r\nabc".to_owned()),
        Just(format!("BDAT 4000\r\n{}", "x".repeat(4000))),
        Just("RSET\r\n".to_owned()),
        Just("NOOP\r\n".to_owned()),
        Just("QUIT\r\n".to_owned()),
        Just("VRFY joe\r\n".to_owned()),
        Just("AUTH LOGIN\r\nYWxpY2U=\r\nczNjcmV0\r\n".to_owned()),
        Just("AUTH LOGIN\r\n*\r\n".to_owned()),
        Just(format!("NOOP {}\r\n", "x".repeat(5000))),
        Just(format!("NOOP {}\r\n", "x".repeat(13_000))),
        "[ -~\r\n\0]{0,20}",
        "[a.\r\n]{0,12}",
    ];
    proptest::collection::vec(line, 0..25).prop_map(|lines| {
        let mut octets = b"".to_vec();
        for line in lines {
            octets.extend_from_slice(line.as_bytes());
        }
        octets
    })
}

fn started(octets: &[u8], lmtp: bool) -> Vec<u8> {
    let mut all =
        if lmtp { b"LHLO c.example\r\n".to_vec() } else { b"EHLO c.example\r\n".to_vec() };
    all.extend_from_slice(octets);
    all
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// F-02: how the input is cut changes nothing.
    #[test]
    fn cuts_make_no_difference(
        octets in stream(),
        cuts in proptest::collection::vec(1..60_usize, 1..20),
        lmtp: bool,
        normalize: bool,
    ) {
        let octets = started(&octets, lmtp);
        let whole = serve(config(lmtp, normalize), &octets, || usize::MAX);
        let mut turn = 0;
        let cut = serve(config(lmtp, normalize), &octets, || {
            turn += 1;
            cuts[turn % cuts.len()]
        });
        prop_assert_eq!(&whole, &cut);
        let single = serve(config(lmtp, normalize), &octets, || 1);
        prop_assert_eq!(&whole, &single);
    }

    /// Any octets: no panic, no spinning, bounded buffers.
    #[test]
    fn any_octets_to_the_server(
        octets in proptest::collection::vec(any::<u8>(), 0..3000),
        lmtp: bool,
        normalize: bool,
    ) {
        serve(config(lmtp, normalize), &started(&octets, lmtp), || 100);
        serve(config(lmtp, normalize), &octets, || usize::MAX);
        let mut content =
            started(b"MAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n", lmtp);
        content.extend_from_slice(&octets);
        let whole = serve(config(lmtp, normalize), &content, || usize::MAX);
        let cut = serve(config(lmtp, normalize), &content, || 7);
        prop_assert_eq!(whole, cut);
    }

    /// Any replies: no panic, no spinning, and nothing delivered that was not said to be.
    #[test]
    fn any_octets_to_the_client(
        replies in proptest::collection::vec(reply(), 0..20),
        cut in 1..50_usize,
    ) {
        // What comes before it was asked for may count or not, so the cuts may make a difference.
        let octets: Vec<u8> = replies.concat();
        ask(&octets, usize::MAX);
        ask(&octets, cut);
        ask(&octets, 1);
    }
}

fn reply() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => Just(b"250 ok\r\n".to_vec()),
        1 => Just(b"220 mx.example.net\r\n".to_vec()),
        1 => Just(b"250-mx.example.net\r\n250-CHUNKING\r\n250 PIPELINING\r\n".to_vec()),
        1 => Just(b"354 go\r\n".to_vec()),
        1 => Just(b"550 5.1.1 no\r\n".to_vec()),
        1 => Just(b"421 bye\r\n".to_vec()),
        1 => Just(b"334 \r\n".to_vec()),
        1 => Just(b"25".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..30),
    ]
}

/// Plays `octets`, then the end, to a client that opens a session and sends a message.
fn ask(octets: &[u8], cut: usize) -> Vec<String> {
    let mut client = Client::new(client::Config::default());
    let mut opening = Opening::new(HelloName::parse("c.example").unwrap(), TlsUse::None);
    let recipients = [
        Recipient::from(ForwardPath::parse("<a@x.example>").unwrap()),
        Recipient::from(ForwardPath::parse("<b@x.example>").unwrap()),
    ];
    let envelope = Envelope {
        reverse_path: ReversePath::Null,
        parameters: Parameters::EMPTY,
        recipients: &recipients,
    };
    let mut transaction =
        Some(Transaction::new(envelope, Content::default(), TransactionOptions::default()));
    let mut open = false;
    let mut body = Some(Bytes::from_static(b"hi\r\n"));
    let mut told = Vec::new();
    let mut rest = octets;
    let mut ended = false;
    for _ in 0..20_000 {
        if !open {
            match opening.next(&mut client) {
                OpeningStep::Ready => open = true,
                OpeningStep::Failed(error) => {
                    told.push(error.to_string());
                    return told;
                }
                OpeningStep::Await => {}
            }
        }
        let mut wants_body = false;
        if open {
            let sending = transaction.as_mut().unwrap();
            match sending.next(&mut client) {
                Ok(TransactionStep::Await) => {}
                Ok(TransactionStep::Body) => wants_body = true,
                Ok(TransactionStep::Rewind) => {
                    body = Some(Bytes::from_static(b"hi\r\n"));
                    sending.rewound();
                    continue;
                }
                done => {
                    told.push(format!("{done:?}"));
                    break;
                }
            }
        }
        match client.step() {
            Step::Write => {
                take_output(client.wire(), usize::MAX);
            }
            Step::Event => match client.event() {
                Some(ClientEvent::Reply { to, reply }) => {
                    told.push(format!("{to:?} {reply}"));
                    if open {
                        transaction.as_mut().unwrap().reply(to, reply);
                    } else {
                        opening.reply(to, reply);
                    }
                }
                Some(ClientEvent::Fault(fault)) => {
                    told.push(fault.to_string());
                    if open {
                        transaction.as_mut().unwrap().fault(&client, fault);
                    } else {
                        opening.fault(fault);
                    }
                }
                Some(other) => panic!("{other:?}"),
                None => {}
            },
            Step::Read => {
                if rest.is_empty() {
                    assert!(!ended, "still reading behind the end");
                    ended = true;
                    client.wire().received(0);
                } else {
                    let piece = &rest[..cut.min(rest.len())];
                    let taken = client.wire().receive(piece);
                    assert!(taken > 0, "no room to read into");
                    rest = &rest[taken..];
                }
            }
            Step::Idle => {
                assert!(wants_body, "idle, with nothing to do");
                let sending = transaction.as_mut().unwrap();
                match body.take() {
                    Some(body) => sending.body(&mut client, body).unwrap(),
                    None => sending.end_of_body(&mut client).unwrap(),
                }
            }
            Step::Close => break,
        }
    }
    assert!(client.has_ended() || told.len() < 10_000, "the client spins");
    let report = transaction.take().unwrap().report();
    for outcome in report.outcomes() {
        told.push(outcome.to_string());
        if outcome.is_delivered() {
            assert!(outcome.reply().unwrap().code().value() < 300);
        }
    }
    told
}

/// A stream that is silent, at its end, or never writable ends a session in few steps.
#[test]
fn nothing_to_do_is_no_reason_to_spin() {
    for octets in [
        &b""[..],
        b"EHLO c.example\r\n",
        b"EHLO c.example\r\nMAIL",
        b"EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nDATA\r\nhi\r\n.",
        b"EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nBDAT 5\r\nhi",
        b"EHLO c.example\r\nAUTH LOGIN\r\n",
    ] {
        for (end, blocked) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut server = Server::new(Arc::new(config(false, false)));
            let _ = server.wire().receive(octets);
            let mut login = Login::new();
            let mut expired = 0;
            let mut steps = 0;
            loop {
                steps += 1;
                assert!(steps < 200, "{} {end} {blocked}: {server:?}", octets.escape_ascii());
                match server.step() {
                    Step::Event => {
                        if let Some(event) = server.event() {
                            match event {
                                Event::Body(_) => {}
                                event => tell(event, &mut Vec::new(), &mut Vec::new(), &mut login),
                            }
                        }
                    }
                    Step::Write if !blocked => {
                        take_output(server.wire(), usize::MAX);
                    }
                    Step::Read if end => server.wire().received(0),
                    Step::Read | Step::Write => {
                        expired += 1;
                        server.wire().expire();
                    }
                    Step::Idle => panic!("idle"),
                    Step::Close => break,
                }
            }
            assert!(expired <= 2);
        }
    }
}
