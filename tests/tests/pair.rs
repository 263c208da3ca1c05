//! Client and server joined in memory: whole transactions in all combinations, cut anywhere.

use bytes::Bytes;
use smtp_proto::{
    auth::client::{Login as LoginMechanism, Plain},
    client::{
        self, Chunking, Content, Envelope, Login, Opening, OpeningError, Recipient, Report, Status,
        TlsUse, Transaction, TransactionOptions,
    },
    command::Mechanism,
    domain::{HelloName, Host},
    extension::Extension,
    fault::Fault,
    parameter::{Body, Parameters},
    path::{ForwardPath, ReversePath},
    sequence::{Protocol, State},
    server,
    wire::{Endpoint, Step},
};
use smtp_tests::pair::{Message, Pair, Pieces, Stop};

/// Everything that is varied.
#[derive(Debug, Clone, Copy)]
struct Case {
    protocol: Protocol,
    chunking: Chunking,
    pipelining: bool,
    lockstep: bool,
    pieces: Pieces,
    tls: TlsUse,
    auth: Option<&'static str>,
}

impl Case {
    const PLAIN: Self = Self {
        protocol: Protocol::Smtp,
        chunking: Chunking::Never,
        pipelining: true,
        lockstep: false,
        pieces: Pieces::Whole,
        tls: TlsUse::None,
        auth: None,
    };

    fn server(self) -> server::Config {
        let mut config = server::Config::new(Host::parse("mx.example.net").unwrap());
        if self.protocol == Protocol::Lmtp {
            config = config.lmtp();
        }
        if !self.pipelining {
            config = config.withhold(Extension::Pipelining);
        }
        if self.tls != TlsUse::None {
            config = config.offer(Extension::StartTls);
        }
        if let Some(name) = self.auth {
            let in_clear = self.tls == TlsUse::None;
            config = config
                .mechanism(Mechanism::parse(name).unwrap(), true)
                .allow_plaintext_auth(in_clear)
                .require_auth(true);
        }
        config
    }

    fn client(self) -> client::Config {
        let mut config = client::Config::default();
        config.protocol = self.protocol;
        config.lockstep = self.lockstep;
        config
    }

    fn opening(self) -> Opening<'static> {
        let opening = Opening::new(HelloName::parse("client.example").unwrap(), self.tls);
        let login = match self.auth {
            Some("PLAIN") => Login::new().with(Plain::new("", "alice", "s3cret!").unwrap()),
            Some(_) => Login::new().with(LoginMechanism::new("alice", "s3cret!").unwrap()),
            None => return opening,
        };
        opening.login(login.allow_plaintext(true))
    }

    fn pair(self) -> Pair {
        Pair::new(self.server(), self.client(), self.pieces)
    }

    fn options(self) -> TransactionOptions {
        let mut options = TransactionOptions::default();
        options.chunking = self.chunking;
        options
    }

    fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for protocol in [Protocol::Smtp, Protocol::Lmtp] {
            for chunking in [Chunking::Auto, Chunking::Never] {
                for (pipelining, lockstep) in [(true, false), (true, true), (false, false)] {
                    for pieces in [Pieces::Whole, Pieces::Of(1), Pieces::Random(7)] {
                        cases.push(Self {
                            protocol,
                            chunking,
                            pipelining,
                            lockstep,
                            pieces,
                            ..Self::PLAIN
                        });
                    }
                }
            }
        }
        cases
    }
}

fn recipients(names: &[&'static str]) -> Vec<Recipient<'static>> {
    names
        .iter()
        .map(|name| ForwardPath::parse(name).unwrap().into())
        .collect()
}

fn envelope<'e>(from: &'e str, recipients: &'e [Recipient<'e>]) -> Envelope<'e> {
    Envelope {
        reverse_path: ReversePath::parse(from).unwrap(),
        parameters: Parameters::EMPTY,
        recipients,
    }
}

fn statuses(report: &Report) -> Vec<Status> {
    report
        .outcomes()
        .iter()
        .map(client::Outcome::status)
        .collect()
}

fn pieces(body: &[&'static [u8]]) -> Vec<Bytes> {
    body.iter().map(|piece| Bytes::from_static(piece)).collect()
}

/// Content whose dots and line ends are cut in the worst places.
const BODY: &[&[u8]] = &[
    b"Subject: x\r",
    b"\n\r\n.",
    b"dot\r\n..two\r\n.",
    b"\r\nend",
];
const WHOLE: &[u8] = b"Subject: x\r\n\r\n.dot\r\n..two\r\n.\r\nend";

/// What arrives: DATA completes the last line, BDAT is exact.
fn arrives(case: Case) -> Vec<u8> {
    let mut whole = WHOLE.to_vec();
    if case.chunking == Chunking::Never {
        whole.extend_from_slice(b"\r\n");
    }
    whole
}

fn delivered(case: Case, to: &[&str]) -> Message {
    let asked = if case.protocol == Protocol::Lmtp {
        to.len()
    } else {
        1
    };
    Message {
        from: "<s@x.example>".to_owned(),
        to: to.iter().map(|&to| to.to_owned()).collect(),
        body: arrives(case),
        answers: vec![true; asked],
    }
}

#[test]
fn every_way_to_send() {
    for mut case in Case::all() {
        for tls in [TlsUse::None, TlsUse::Required] {
            for auth in [None, Some("PLAIN"), Some("LOGIN")] {
                (case.tls, case.auth) = (tls, auth);
                let mut pair = case.pair();
                pair.open(&mut case.opening())
                    .unwrap_or_else(|error| panic!("{case:?}: {error}"));
                assert_eq!(pair.client.is_tls(), tls != TlsUse::None);
                assert_eq!(pair.clerk.login.as_deref(), auth.map(|_| "alice"));
                let to = recipients(&["<a@x.example>", "<Postmaster>"]);
                for _ in 0..2 {
                    let transaction = Transaction::new(
                        envelope("<s@x.example>", &to),
                        Content::default(),
                        case.options(),
                    );
                    let report = pair.send(transaction, &pieces(BODY)).unwrap();
                    assert!(report.all_delivered(), "{case:?}: {report:?}");
                }
                pair.quit();
                let message = delivered(case, &["<a@x.example>", "<Postmaster>"]);
                assert_eq!(pair.clerk.messages, [message.clone(), message], "{case:?}");
                assert!(
                    pair.clerk.faults.is_empty(),
                    "{case:?}: {:?}",
                    pair.clerk.faults
                );
                assert!(pair.replies.iter().all(|(_, code)| *code < 400), "{case:?}");
                assert_eq!(pair.server.state(), State::Closed);
            }
        }
    }
}

#[test]
fn some_recipients_refused() {
    for case in Case::all() {
        let mut pair = case.pair();
        pair.open(&mut case.opening()).unwrap();
        let to = recipients(&[
            "<no1@x.example>",
            "<a@x.example>",
            "<later@x.example>",
            "<b@x.example>",
            "<many@x.example>",
        ]);
        let transaction = Transaction::new(
            envelope("<s@x.example>", &to),
            Content::default(),
            case.options(),
        );
        let report = pair.send(transaction, &pieces(BODY)).unwrap();
        assert_eq!(
            statuses(&report),
            [
                Status::Rejected,
                Status::Delivered,
                Status::Deferred,
                Status::Delivered,
                Status::Deferred
            ],
            "{case:?}"
        );
        let retries: Vec<_> = report
            .outcomes()
            .iter()
            .map(client::Outcome::retry)
            .collect();
        assert_eq!(retries[4], client::Retry::AtOnce, "C-50");
        assert_eq!(retries[2], client::Retry::Later);
        assert_eq!(
            pair.clerk.messages,
            [delivered(case, &["<a@x.example>", "<b@x.example>"])]
        );
        pair.quit();
        assert!(
            pair.replies.iter().all(|(_, code)| *code != 503),
            "{case:?}"
        );
    }
}

/// C-50: 452 to the only recipient is no reason to try again at once, for ever.
#[test]
fn too_many_at_the_first_recipient() {
    for case in Case::all() {
        let mut pair = case.pair();
        pair.open(&mut case.opening()).unwrap();
        let to = recipients(&["<many@x.example>"]);
        let transaction = Transaction::new(
            envelope("<s@x.example>", &to),
            Content::default(),
            case.options(),
        );
        let report = pair.send(transaction, &pieces(BODY)).unwrap();
        assert_eq!(statuses(&report), [Status::Deferred]);
        assert_eq!(report.outcomes()[0].retry(), client::Retry::Later);
    }
}

/// LMTP: each accepted recipient has an answer of its own (S-62, C-61).
#[test]
fn lmtp_refuses_some_at_the_end() {
    for case in Case::all()
        .into_iter()
        .filter(|case| case.protocol == Protocol::Lmtp)
    {
        let mut pair = case.pair();
        pair.open(&mut case.opening()).unwrap();
        let to = recipients(&["<afull@x.example>", "<no@x.example>", "<b@x.example>"]);
        let transaction = Transaction::new(
            envelope("<s@x.example>", &to),
            Content::default(),
            case.options(),
        );
        let report = pair.send(transaction, &pieces(BODY)).unwrap();
        assert_eq!(
            statuses(&report),
            [Status::Deferred, Status::Rejected, Status::Delivered],
            "{case:?}"
        );
    }
}

#[test]
fn nobody_accepted_and_the_session_goes_on() {
    let refusals: [(&str, &[&'static str], Status); 6] = [
        (
            "<s@x.example>",
            &["<no1@x.example>", "<no2@x.example>"],
            Status::Rejected,
        ),
        ("<s@x.example>", &["<later@x.example>"], Status::Deferred),
        (
            "<no@x.example>",
            &["<a@x.example>", "<b@x.example>"],
            Status::Rejected,
        ),
        ("<later@x.example>", &["<a@x.example>"], Status::Deferred),
        (
            "<drop@x.example>",
            &["<a@x.example>", "<b@x.example>"],
            Status::Deferred,
        ),
        (
            "<bad@x.example>",
            &["<a@x.example>", "<b@x.example>"],
            Status::Deferred,
        ),
    ];
    for case in Case::all() {
        for (from, to, status) in refusals {
            let mut pair = case.pair();
            pair.open(&mut case.opening()).unwrap();
            let to = recipients(to);
            let transaction =
                Transaction::new(envelope(from, &to), Content::default(), case.options());
            let report = pair.send(transaction, &pieces(BODY)).unwrap();
            assert_eq!(statuses(&report), vec![status; to.len()], "{case:?} {from}");
            assert!(!pair.client.has_ended(), "{case:?} {from}");
            let to = recipients(&["<a@x.example>"]);
            let transaction = Transaction::new(
                envelope("<s@x.example>", &to),
                Content::default(),
                case.options(),
            );
            let report = pair.send(transaction, &pieces(BODY)).unwrap();
            assert!(report.all_delivered(), "{case:?} {from}: {report:?}");
            pair.quit();
            let last = pair.clerk.messages.last().unwrap();
            assert_eq!(*last, delivered(case, &["<a@x.example>"]), "{case:?}");
        }
    }
}

#[test]
fn all_or_nothing() {
    for case in Case::all() {
        let mut pair = case.pair();
        pair.open(&mut case.opening()).unwrap();
        let to = recipients(&["<a@x.example>", "<no@x.example>"]);
        let mut options = case.options();
        options.all_or_nothing = true;
        let transaction =
            Transaction::new(envelope("<s@x.example>", &to), Content::default(), options);
        let report = pair.send(transaction, &pieces(BODY)).unwrap();
        assert_eq!(
            statuses(&report),
            [Status::Deferred, Status::Rejected],
            "C-51 {case:?}"
        );
        assert!(pair.clerk.messages.is_empty());
        pair.quit();
        assert!(
            pair.replies.iter().all(|(_, code)| *code != 503),
            "{case:?}"
        );
    }
}

/// C-65: what was answered before 421 keeps its answer.
#[test]
fn service_not_available_in_the_middle() {
    for case in Case::all() {
        let mut pair = case.pair();
        pair.open(&mut case.opening()).unwrap();
        let to = recipients(&["<no@x.example>", "<bye@x.example>", "<b@x.example>"]);
        let transaction = Transaction::new(
            envelope("<s@x.example>", &to),
            Content::default(),
            case.options(),
        );
        let report = pair.send(transaction, &pieces(BODY)).unwrap();
        assert_eq!(
            statuses(&report),
            [Status::Rejected, Status::Deferred, Status::Deferred],
            "{case:?}"
        );
        assert_eq!(report.outcomes()[2].reply().unwrap().code().value(), 421);
        assert!(pair.client.has_ended());
        assert!(pair.clerk.messages.is_empty());
    }
}

fn cut_case(case: Case, up: Option<usize>, down: Option<usize>) -> (Pair, Option<Report>) {
    let mut pair = case.pair();
    (pair.cut_up, pair.cut_down) = (up, down);
    if pair.open(&mut case.opening()).is_err() {
        return (pair, None);
    }
    let to = recipients(&["<a@x.example>", "<no@x.example>", "<b@x.example>"]);
    let transaction = Transaction::new(
        envelope("<s@x.example>", &to),
        Content::default(),
        case.options(),
    );
    let report = pair.send(transaction, &pieces(BODY)).unwrap();
    pair.settle_server();
    pair.quit();
    (pair, Some(report))
}

/// The connection breaks at each octet in turn, in either direction (C-66).
#[test]
fn cut_at_every_octet() {
    let cases = Case::all()
        .into_iter()
        .filter(|case| matches!(case.pieces, Pieces::Whole));
    for mut case in cases {
        (case.tls, case.auth) = (TlsUse::Required, Some("LOGIN"));
        let (whole, report) = cut_case(case, None, None);
        assert_eq!(
            statuses(&report.unwrap()),
            [Status::Delivered, Status::Rejected, Status::Delivered]
        );
        let (up, down) = whole.carried;
        // Where the message ends, as the client counts: before QUIT.
        let message_end = up - "QUIT\r\n".len();
        for at in 0..=up {
            let (pair, report) = cut_case(case, Some(at), None);
            check_cut(case, &pair, report.as_ref());
            let Some(report) = report else { continue };
            let taken = !pair.clerk.messages.is_empty();
            assert_eq!(taken, at >= message_end, "{case:?} cut at {at}");
            let expected = if at > message_end {
                Status::Delivered
            } else if at == message_end {
                Status::InDoubt
            } else {
                Status::Deferred
            };
            assert_eq!(
                report.outcomes()[0].status(),
                expected,
                "{case:?} cut at {at} of {up}"
            );
        }
        for at in 0..=down {
            let (pair, report) = cut_case(case, None, Some(at));
            check_cut(case, &pair, report.as_ref());
        }
    }
}

/// The two sides' stories fit together.
fn check_cut(case: Case, pair: &Pair, report: Option<&Report>) {
    assert!(pair.clerk.messages.len() <= 1);
    let taken = match pair.clerk.messages.first() {
        Some(message) => {
            let expected = delivered(case, &["<a@x.example>", "<b@x.example>"]);
            assert_eq!((&message.to, &message.body), (&expected.to, &expected.body));
            true
        }
        None => false,
    };
    let Some(report) = report else {
        assert!(!taken, "{case:?}");
        return;
    };
    for index in [0, 2] {
        match report.outcomes()[index].status() {
            Status::Delivered => assert!(taken, "{case:?}"),
            Status::InDoubt => assert!(pair.client.has_sent_message(), "{case:?}"),
            Status::Deferred => assert!(!taken, "{case:?}: {report:?}"),
            Status::Rejected => panic!("{case:?}: {report:?}"),
        }
    }
    assert!(
        matches!(
            report.outcomes()[1].status(),
            Status::Rejected | Status::Deferred
        ),
        "{case:?}: {report:?}"
    );
}

/// Time runs out for the client in each phase; it never counts as delivered.
#[test]
fn the_server_falls_silent() {
    let mut pair = Case::PLAIN.pair();
    let mut opening = Case::PLAIN.opening();
    let _ = opening.next(&mut pair.client);
    assert_eq!(pair.client.step(), Step::Read);
    pair.client.wire().expire();
    assert_eq!(pair.client.step(), Step::Event);
    match pair.client.event() {
        Some(client::Event::Fault(Fault::Timeout)) => opening.fault(Fault::Timeout),
        other => panic!("{other:?}"),
    }
    assert_eq!(pair.client.step(), Step::Close);
    assert!(matches!(
        opening.next(&mut pair.client),
        client::OpeningStep::Failed(OpeningError::Fault(Fault::Timeout))
    ));
}

/// C-67f, C-67h: the timer is that of the phase, and runs from when the last octet has left.
#[test]
fn the_timer_names_the_phase() {
    let mut pair = Case::PLAIN.pair();
    pair.open(&mut Case::PLAIN.opening()).unwrap();
    let times = client::Config::default().timeouts;
    let client = &mut pair.client;
    client.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
    assert_eq!(client.wire().timer().after, times.mail);
    client
        .rcpt(ForwardPath::Postmaster, Parameters::EMPTY)
        .unwrap();
    client.data().unwrap();
    while pair.client.state() != State::Data {
        assert_eq!(pair.advance(), Stop::Event);
        let _ = pair.client.event();
    }
    let client = &mut pair.client;
    client.body(Bytes::from(vec![b'x'; 100_000])).unwrap();
    assert_eq!(client.wire().timer().after, times.block);
    client.end_of_data().unwrap();
    let mut lap = client.wire().timer().lap;
    let mut laps = 0;
    while client.step() == Step::Write {
        let timer = client.wire().timer();
        laps += u32::from(timer.lap != lap);
        lap = timer.lap;
        smtp_tests::take_output(client.wire(), 1000);
    }
    assert!((5..=8).contains(&laps), "{laps}");
    assert_eq!(client.step(), Step::Read);
    assert_ne!(client.wire().timer().lap, lap);
    assert_eq!(client.wire().timer().after, times.end_of_data);
}

/// C-68, C-70, C-72, C-73: what the server does not offer is refused here, before MAIL.
#[test]
fn refused_before_mail() {
    let case = Case {
        pipelining: true,
        ..Case::PLAIN
    };
    let refused = |content: Content, from: &str, config: server::Config| {
        let mut pair = Pair::new(config, case.client(), Pieces::Whole);
        pair.open(&mut case.opening()).unwrap();
        let before = pair.carried.0;
        let to = recipients(&["<a@x.example>"]);
        let transaction = Transaction::new(envelope(from, &to), content, case.options());
        let report = pair.send(transaction, &[]).unwrap();
        assert_eq!(pair.carried.0, before, "something was sent");
        assert_eq!(statuses(&report), [Status::Rejected]);
        report.outcomes()[0].enhanced().unwrap().to_string()
    };
    let mut content = Content {
        size: Some(52_428_801),
        ..Content::default()
    };
    assert_eq!(refused(content, "<>", case.server()), "5.3.4");
    content = Content {
        body: Body::BinaryMime,
        ..Content::default()
    };
    assert_eq!(refused(content, "<>", case.server()), "5.6.3");
    content = Content {
        body: Body::EightBitMime,
        ..Content::default()
    };
    let poor = case.server().withhold(Extension::EightBitMime);
    assert_eq!(refused(content, "<>", poor.clone()), "5.6.3");
    content = Content {
        smtputf8: true,
        ..Content::default()
    };
    assert_eq!(refused(content, "<>", poor.clone()), "5.6.9");
    assert_eq!(
        refused(Content::default(), "<\u{e9}@x.example>", poor),
        "5.6.7"
    );
}

/// C-15: STARTTLS refused or not offered.
#[test]
fn tls_that_cannot_be_had() {
    let plain = Case::PLAIN;
    let mut pair = plain.pair();
    let mut opening = Opening::new(HelloName::parse("c.example").unwrap(), TlsUse::Required);
    assert_eq!(pair.open(&mut opening), Err(OpeningError::TlsNotOffered));
    let mut pair = plain.pair();
    let mut opening = Opening::new(
        HelloName::parse("c.example").unwrap(),
        TlsUse::Opportunistic,
    );
    pair.open(&mut opening).unwrap();
    assert!(!pair.client.is_tls());
}

/// S-73, C-24: wrong credentials.
#[test]
fn wrong_password() {
    for name in ["PLAIN", "LOGIN"] {
        let case = Case {
            auth: Some(name),
            tls: TlsUse::Required,
            ..Case::PLAIN
        };
        let mut pair = case.pair();
        let opening = Opening::new(HelloName::parse("c.example").unwrap(), case.tls);
        let login = Login::new()
            .with(Plain::new("", "alice", "wrong").unwrap())
            .with(LoginMechanism::new("alice", "wrong").unwrap());
        match pair.open(&mut opening.login(login)) {
            Err(OpeningError::AuthRefused(reply)) => assert_eq!(reply.code().value(), 535),
            other => panic!("{other:?}"),
        }
    }
}

/// C-20: no password in plaintext unless it is allowed.
#[test]
fn no_password_in_plaintext() {
    let config = Case {
        auth: Some("PLAIN"),
        ..Case::PLAIN
    }
    .server()
    .allow_plaintext_auth(true);
    let mut pair = Pair::new(config, client::Config::default(), Pieces::Whole);
    let login = Login::new().with(Plain::new("", "alice", "s3cret!").unwrap());
    let opening = Opening::new(HelloName::parse("c.example").unwrap(), TlsUse::None);
    assert_eq!(
        pair.open(&mut opening.login(login)),
        Err(OpeningError::NoMechanism)
    );
}

/// C-27: the transcripts of both sides show no secret, and nothing twice.
#[test]
fn transcripts_hold_no_secret() {
    for name in ["PLAIN", "LOGIN"] {
        let case = Case {
            auth: Some(name),
            tls: TlsUse::Required,
            ..Case::PLAIN
        };
        let mut pair = case.pair();
        pair.client.wire().record(1000);
        pair.server.wire().record(1000);
        pair.open(&mut case.opening()).unwrap();
        let to = recipients(&["<a@x.example>"]);
        let transaction = Transaction::new(
            envelope("<s@x.example>", &to),
            Content::default(),
            case.options(),
        );
        pair.send(transaction, &pieces(BODY)).unwrap();
        pair.quit();
        let told = |wire: &mut smtp_proto::wire::Wire| -> Vec<String> {
            wire.transcript()
                .unwrap()
                .drain()
                .map(|entry| entry.to_string())
                .collect()
        };
        let (client, server) = (told(pair.client.wire()), told(pair.server.wire()));
        for secret in [
            "AGFsaWNlAHMzY3JldCE=",
            "czNjcmV0IQ==",
            "s3cret!",
            "YWxpY2U=",
        ] {
            assert!(
                !client
                    .iter()
                    .chain(&server)
                    .any(|line| line.contains(secret)),
                "{client:?}"
            );
        }
        let commands = |lines: &[String]| -> Vec<String> {
            let said = lines.iter().filter(|line| line.starts_with("C: "));
            said.filter(|line| !line.contains("octets") && *line != "C: .")
                .cloned()
                .collect()
        };
        assert_eq!(commands(&client), commands(&server));
    }
}

/// A question that is asked again is not in the transcript again.
#[test]
fn transcript_of_a_question_asked_twice() {
    let config = std::sync::Arc::new(Case::PLAIN.server());
    let mut server = server::Server::new(config);
    server.wire().record(100);
    let _ = server.wire().receive(b"EHLO c.example\r\n");
    match server.event() {
        Some(server::Event::Connected(connected)) => connected.accept(),
        other => panic!("{other:?}"),
    }
    smtp_tests::take_output(server.wire(), usize::MAX);
    for _ in 0..3 {
        assert_eq!(server.step(), Step::Event);
        assert!(matches!(server.event(), Some(server::Event::Hello(_))));
    }
    let lines = server.wire().transcript().unwrap().drain().count();
    assert_eq!(lines, 2);
}

/// A message refused while it comes gets one reply, also when its last octets were just told.
#[test]
fn refuse_message_at_any_octet() {
    use smtp_proto::answer::Rejection;
    for (protocol, replies) in [(Protocol::Smtp, 1), (Protocol::Lmtp, 2)] {
        for split in 1..=9 {
            let case = Case {
                protocol,
                ..Case::PLAIN
            };
            let mut server = server::Server::new(std::sync::Arc::new(case.server()));
            let hello = if protocol == Protocol::Lmtp {
                "LHLO"
            } else {
                "EHLO"
            };
            let start = format!(
                "{hello} c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"
            );
            let mut said = Vec::new();
            let mut asked = false;
            for octets in [
                start.as_bytes(),
                &b"abcd\r\n.\r\n"[..split],
                &b"abcd\r\n.\r\n"[split..],
            ] {
                assert_eq!(server.wire().receive(octets), octets.len());
                loop {
                    match server.step() {
                        Step::Event => {}
                        Step::Write => {
                            said.extend(smtp_tests::take_output(server.wire(), usize::MAX));
                            continue;
                        }
                        _ => break,
                    }
                    match server.event() {
                        Some(server::Event::Connected(token)) => token.accept(),
                        Some(server::Event::Hello(token)) => token.accept(),
                        Some(server::Event::Mail(token)) => token.accept(),
                        Some(server::Event::Rcpt(token)) => token.accept(),
                        Some(server::Event::Data(token)) => token.accept(),
                        Some(server::Event::Body(_)) => server.refuse_message(Rejection::POLICY),
                        Some(server::Event::Delivery(_)) => asked = true,
                        _ => {}
                    }
                    assert!(!asked, "asked about a refused message, cut at {split}");
                }
            }
            let said = String::from_utf8(said).unwrap();
            assert_eq!(said.matches("550 5.7.1").count(), replies, "{said}");
            assert_eq!(server.state(), State::Ready);
        }
    }
}
