//! Client and server joined in memory: whole transactions in all combinations.

use bytes::Bytes;
use smtp_proto::{
    auth::client::{Login as LoginMechanism, Plain},
    client::{
        self, Chunking, Content, Login, Opening, OpeningError, Status, Surveyed, TlsUse,
        Transaction,
    },
    domain::HelloName,
    extension::Extension,
    parameter::Body,
    sequence::{Protocol, State},
    server,
    wire::Endpoint,
};
use smtp_tests::{
    case::{BODY, Case, WHOLE, delivered, envelope, pieces, recipients, statuses},
    pair::{Pair, Pieces},
};

#[test]
fn every_way_to_send() {
    for mut case in Case::all() {
        for tls in [TlsUse::None, TlsUse::Required] {
            for auth in [None, Some("PLAIN"), Some("LOGIN")] {
                (case.tls, case.auth) = (tls, auth);
                let mut pair = case.pair();
                pair.open(&mut case.opening()).unwrap_or_else(|error| panic!("{case:?}: {error}"));
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
                assert!(pair.clerk.faults.is_empty(), "{case:?}: {:?}", pair.clerk.faults);
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
        let transaction =
            Transaction::new(envelope("<s@x.example>", &to), Content::default(), case.options());
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
        use client::Retry::{Later, Never};
        let retries: Vec<_> = report.outcomes().iter().map(client::Outcome::retry).collect();
        // In a transaction of its own it was the first, and yet refused.
        assert_eq!(retries, [Never, Never, Later, Never, Later], "C-50");
        assert_eq!(pair.clerk.messages, [delivered(case, &["<a@x.example>", "<b@x.example>"])]);
        pair.quit();
        assert!(pair.replies.iter().all(|(_, code)| *code != 503), "{case:?}");
    }
}

/// C-57: content at hand has the same outcome, whether it goes in one flight with the envelope or not;
/// where nobody is accepted the server forgets it, and the session goes on.
#[test]
fn content_at_hand() {
    let message = Surveyed::new(Bytes::from_static(WHOLE));
    for case in Case::all() {
        for names in [
            &["<a@x.example>", "<b@x.example>"][..],
            &["<no1@x.example>", "<a@x.example>", "<later@x.example>", "<b@x.example>"],
            &["<no1@x.example>", "<no2@x.example>"],
            &["<later@x.example>"],
            &["<a@x.example>", "<many@x.example>"],
        ] {
            let to = recipients(names);
            let mut both = [false, true].map(|at_hand| {
                let mut pair = case.pair();
                pair.open(&mut case.opening()).unwrap();
                let reports = [&to[..], &recipients(&["<z@x.example>"])].map(|to| {
                    let envelope = envelope("<s@x.example>", to);
                    let transaction =
                        Transaction::new(envelope, Content::default(), case.options());
                    let transaction =
                        if at_hand { transaction.at_hand(&message) } else { transaction };
                    statuses(&pair.send(transaction, &pieces(BODY)).unwrap())
                });
                pair.quit();
                assert!(pair.clerk.faults.is_empty(), "{case:?}: {:?}", pair.clerk.faults);
                (reports, pair.clerk.messages)
            });
            assert_eq!(both[1].0[1], [Status::Delivered], "{case:?}");
            let [behind, ahead] = both.each_mut();
            assert_eq!(behind, ahead, "{case:?} {names:?}");
        }
    }
}

/// C-47, C-50: what a server does not take at a time goes in parts, be it announced or not.
#[test]
fn more_recipients_than_a_server_takes_at_a_time() {
    for case in Case::all() {
        for (announced, most, domains) in
            [(true, 2, None), (false, 2, None), (true, 1, Some(2)), (false, 9, Some(2))]
        {
            let mut config = case.server().limits(|limits| {
                limits.recipients = most;
                limits.recipient_domains = domains;
            });
            if !announced {
                config = config.withhold(Extension::Limits);
            }
            let mut pair = Pair::new(config, case.client(), case.pieces);
            pair.open(&mut case.opening()).unwrap();
            let paths = ["<a@x.example>", "<b@x.example>", "<c@y.example>", "<d@x.example>"];
            let to = recipients(&[&paths[..], &["<e@z.example>"]].concat());
            let transaction = Transaction::new(
                envelope("<s@x.example>", &to),
                Content::default(),
                case.options(),
            );
            let report = pair.send(transaction, &pieces(BODY)).unwrap();
            let (last, others) = report.outcomes().split_last().unwrap();
            assert!(others.iter().all(client::Outcome::is_delivered), "{case:?} {report:?}");
            assert_eq!(last.is_delivered(), domains.is_none(), "{case:?}");
            let parts: Vec<_> = if domains.is_none() {
                [&paths[..2], &paths[2..], &["<e@z.example>"]].concat()
            } else {
                paths.to_vec()
            }
            .chunks(usize::try_from(most).unwrap())
            .map(|part| delivered(case, part))
            .collect();
            assert_eq!(pair.clerk.messages, parts, "{case:?}");
            let expected = match (domains, announced) {
                (None, _) => client::Retry::Never,
                (Some(_), true) => client::Retry::NewSession,
                (Some(_), false) => client::Retry::Later,
            };
            assert_eq!(last.retry(), expected, "{case:?}");
            pair.quit();
            assert!(pair.clerk.faults.is_empty());
        }
    }
}

/// C-50: 452 to the only recipient is no reason to try again at once, for ever.
#[test]
fn too_many_at_the_first_recipient() {
    for case in Case::all() {
        let mut pair = case.pair();
        pair.open(&mut case.opening()).unwrap();
        let to = recipients(&["<many@x.example>"]);
        let transaction =
            Transaction::new(envelope("<s@x.example>", &to), Content::default(), case.options());
        let report = pair.send(transaction, &pieces(BODY)).unwrap();
        assert_eq!(statuses(&report), [Status::Deferred]);
        assert_eq!(report.outcomes()[0].retry(), client::Retry::Later);
    }
}

/// LMTP: each accepted recipient has an answer of its own (S-62, C-61).
#[test]
fn lmtp_refuses_some_at_the_end() {
    for case in Case::all().into_iter().filter(|case| case.protocol == Protocol::Lmtp) {
        let mut pair = case.pair();
        pair.open(&mut case.opening()).unwrap();
        let to = recipients(&["<afull@x.example>", "<no@x.example>", "<b@x.example>"]);
        let transaction =
            Transaction::new(envelope("<s@x.example>", &to), Content::default(), case.options());
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
        ("<s@x.example>", &["<no1@x.example>", "<no2@x.example>"], Status::Rejected),
        ("<s@x.example>", &["<later@x.example>"], Status::Deferred),
        ("<no@x.example>", &["<a@x.example>", "<b@x.example>"], Status::Rejected),
        ("<later@x.example>", &["<a@x.example>"], Status::Deferred),
        ("<drop@x.example>", &["<a@x.example>", "<b@x.example>"], Status::Deferred),
        ("<bad@x.example>", &["<a@x.example>", "<b@x.example>"], Status::Deferred),
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
        assert_eq!(statuses(&report), [Status::Deferred, Status::Rejected], "C-51 {case:?}");
        assert!(pair.clerk.messages.is_empty());
        pair.quit();
        assert!(pair.replies.iter().all(|(_, code)| *code != 503), "{case:?}");
    }
}

/// C-68, C-70, C-72, C-73: what the server does not offer is refused here, before MAIL.
#[test]
fn refused_before_mail() {
    let case = Case { pipelining: true, ..Case::PLAIN };
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
    let mut content = Content { size: Some(52_428_801), ..Content::default() };
    assert_eq!(refused(content, "<>", case.server()), "5.3.4");
    content = Content { body: Body::BinaryMime, ..Content::default() };
    assert_eq!(refused(content, "<>", case.server()), "5.6.3");
    content = Content { body: Body::EightBitMime, ..Content::default() };
    let poor = case.server().withhold(Extension::EightBitMime);
    assert_eq!(refused(content, "<>", poor.clone()), "5.6.3");
    content = Content { smtputf8: true, ..Content::default() };
    assert_eq!(refused(content, "<>", poor.clone()), "5.6.9");
    assert_eq!(refused(Content::default(), "<\u{e9}@x.example>", poor), "5.6.7");
}

/// C-15: STARTTLS refused or not offered.
#[test]
fn tls_that_cannot_be_had() {
    let plain = Case::PLAIN;
    let mut pair = plain.pair();
    let mut opening = Opening::new(HelloName::parse("c.example").unwrap(), TlsUse::Required);
    assert_eq!(pair.open(&mut opening), Err(OpeningError::TlsNotOffered));
    let mut pair = plain.pair();
    let mut opening = Opening::new(HelloName::parse("c.example").unwrap(), TlsUse::Opportunistic);
    pair.open(&mut opening).unwrap();
    assert!(!pair.client.is_tls());
}

/// S-73, C-24: wrong credentials.
#[test]
fn wrong_password() {
    for name in ["PLAIN", "LOGIN"] {
        let case = Case { auth: Some(name), tls: TlsUse::Required, ..Case::PLAIN };
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
    let config = Case { auth: Some("PLAIN"), ..Case::PLAIN }
        .server()
        .profile(|profile| profile.server.plaintext_auth = true);
    let mut pair = Pair::new(config, client::Config::default(), Pieces::Whole);
    let login = Login::new().with(Plain::new("", "alice", "s3cret!").unwrap());
    let opening = Opening::new(HelloName::parse("c.example").unwrap(), TlsUse::None);
    assert_eq!(pair.open(&mut opening.login(login)), Err(OpeningError::NoMechanism));
}

/// C-27: the transcripts of both sides show no secret, and nothing twice.
#[test]
fn transcripts_hold_no_secret() {
    for name in ["PLAIN", "LOGIN"] {
        let case = Case { auth: Some(name), tls: TlsUse::Required, ..Case::PLAIN };
        let mut pair = case.pair();
        pair.client.wire().record(1000);
        pair.server.wire().record(1000);
        pair.open(&mut case.opening()).unwrap();
        let to = recipients(&["<a@x.example>"]);
        let transaction =
            Transaction::new(envelope("<s@x.example>", &to), Content::default(), case.options());
        pair.send(transaction, &pieces(BODY)).unwrap();
        pair.quit();
        let told = |wire: &mut smtp_proto::wire::Wire| -> Vec<String> {
            wire.transcript().unwrap().drain().map(|entry| entry.to_string()).collect()
        };
        let (client, server) = (told(pair.client.wire()), told(pair.server.wire()));
        for secret in ["AGFsaWNlAHMzY3JldCE=", "czNjcmV0IQ==", "s3cret!", "YWxpY2U="] {
            assert!(!client.iter().chain(&server).any(|line| line.contains(secret)), "{client:?}");
        }
        let commands = |lines: &[String]| -> Vec<String> {
            let said = lines.iter().filter(|line| line.starts_with("C: "));
            said.filter(|line| !line.contains("octets") && *line != "C: .").cloned().collect()
        };
        assert_eq!(commands(&client), commands(&server));
    }
}

/// More than any buffer holds, through both buffers, in both ways.
#[test]
fn a_large_message() {
    let mut body = Vec::new();
    while body.len() < 300_000 {
        body.extend_from_slice(
            b".a line that begins with a dot\r\n..\r\nand one that does not\r\n",
        );
    }
    for protocol in [Protocol::Smtp, Protocol::Lmtp] {
        for chunking in [Chunking::Auto, Chunking::Never] {
            for pieces in [Pieces::Whole, Pieces::Random(3), Pieces::Of(1460)] {
                let case = Case { protocol, chunking, pieces, ..Case::PLAIN };
                let mut pair = case.pair();
                pair.open(&mut case.opening()).unwrap();
                let to = recipients(&["<a@x.example>"]);
                let transaction = Transaction::new(
                    envelope("<s@x.example>", &to),
                    Content::default(),
                    case.options(),
                );
                let chunks: Vec<Bytes> = body.chunks(70_001).map(Bytes::copy_from_slice).collect();
                let report = pair.send(transaction, &chunks).unwrap();
                assert!(report.all_delivered(), "{case:?}: {report:?}");
                assert!(pair.clerk.messages[0].body == body, "{case:?}: the body changed");
                pair.quit();
            }
        }
    }
}
