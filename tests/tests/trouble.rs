//! A connection that breaks, a server that leaves or falls silent.

use bytes::Bytes;
use smtp_proto::client::Report;
use smtp_proto::{
    client::{self, Content, OpeningError, Status, TlsUse, Transaction},
    fault::Fault,
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    sequence::State,
    wire::{Endpoint, Step},
};
use smtp_tests::{
    case::{BODY, Case, delivered, envelope, pieces, recipients, statuses},
    pair::{Pair, Pieces, Stop},
};

/// C-65: what was answered before 421 keeps its answer.
#[test]
fn service_not_available_in_the_middle() {
    for case in Case::all() {
        let mut pair = case.pair();
        pair.open(&mut case.opening()).unwrap();
        let to = recipients(&["<no@x.example>", "<bye@x.example>", "<b@x.example>"]);
        let transaction =
            Transaction::new(envelope("<s@x.example>", &to), Content::default(), case.options());
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
    let transaction =
        Transaction::new(envelope("<s@x.example>", &to), Content::default(), case.options());
    let report = pair.send(transaction, &pieces(BODY)).unwrap();
    pair.settle_server();
    pair.quit();
    (pair, Some(report))
}

/// The connection breaks at each octet in turn, in either direction (C-66).
#[test]
fn cut_at_every_octet() {
    let cases = Case::all().into_iter().filter(|case| matches!(case.pieces, Pieces::Whole));
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
            assert_eq!(report.outcomes()[0].status(), expected, "{case:?} cut at {at} of {up}");
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
        matches!(report.outcomes()[1].status(), Status::Rejected | Status::Deferred),
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
    client.rcpt(ForwardPath::Postmaster, Parameters::EMPTY).unwrap();
    client.data().unwrap();
    while pair.client.state() != State::Data {
        assert_eq!(pair.advance(), Stop::Event);
        let _ = pair.client.event();
    }
    let client = &mut pair.client;
    client.body(Bytes::from(vec![b'x'; 100_000])).unwrap();
    assert_eq!(client.wire().timer().after, times.block);
    client.end_of_data().unwrap();
    // The content is one long line.
    assert!(matches!(client.event(), Some(client::Event::Leniency(_))));
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
