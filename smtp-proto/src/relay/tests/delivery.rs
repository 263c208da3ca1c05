//! Routing and rounds of attempts.

use alloc::borrow::ToOwned;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;

use proptest::prelude::*;

use crate::answer::Rejection;
use crate::client::{Cause, Limit, OpeningError, Outcome, Phase, Retry, Status};
use crate::fault::Fault;
use crate::path::Mailbox;
use crate::relay::*;
use crate::reply::ReplyBuf;
use crate::status::Code;

fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

fn records(list: &[(u16, &str)]) -> MxAnswer {
    let record =
        |&(preference, exchange): &(u16, &str)| Mx { preference, exchange: exchange.to_owned() };
    MxAnswer::Records(list.iter().map(record).collect())
}

fn route(answer: &MxAnswer, own: &Own) -> Result<Vec<alloc::string::String>, Unroutable> {
    let route = Route::of_domain(&name("example.net"), answer, own, |below| below - 1)?;
    let host = |host: &Exchange| match &host.target {
        Target::Name(name) => name.to_string(),
        Target::Address(address) => address.to_string(),
    };
    Ok(route.hosts().iter().map(host).collect())
}

fn own() -> Own {
    Own { names: vec![name("me.example")], addresses: vec![address(200)] }
}

fn address(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn reply(code: u16) -> ReplyBuf {
    ReplyBuf::new(Code::new(code).unwrap(), None, "x")
}

#[test]
fn l01_l18_next_hops() {
    let of = |text: &str, smart| NextHop::of(Mailbox::parse(text).unwrap(), smart);
    assert_eq!(of("a@Example.NET", None), Ok(NextHop::Domain(name("example.net"))));
    assert_eq!(of("a@[192.0.2.1]", None), Ok(NextHop::Address(address(1))));
    let local = core::net::Ipv6Addr::LOCALHOST.into();
    assert_eq!(of("a@[IPv6:::1]", None), Ok(NextHop::Address(local)));
    assert_eq!(of("a@[x:y]", None), Err(Unroutable::UnknownLiteral));
    assert_eq!(of("a@example", None), Err(Unroutable::Incomplete));
    let smart = NextHop::Host(name("smart.example"));
    assert_eq!(of("a@example.net", Some(&smart)), Ok(smart.clone()));
    assert_eq!(of("a@example", Some(&smart)), Err(Unroutable::Incomplete));
    assert_eq!(name("MX_1.Example.").as_str(), "mx_1.example");
    assert!(HostName::parse(".").is_err() && HostName::parse("a..b").is_err());
}

#[test]
fn l02_l03_l04_l05_l07_routes() {
    let none = Own::default();
    let sorted =
        records(&[(20, "c.example."), (10, "b.example"), (10, "A.example"), (30, "b.example")]);
    let hosts = route(&sorted, &none).unwrap();
    assert_eq!(hosts, ["b.example", "a.example", "c.example"]);
    assert_eq!(route(&MxAnswer::None, &none).unwrap(), ["example.net"]);
    assert_eq!(route(&MxAnswer::NoDomain, &none), Err(Unroutable::NoDomain));
    assert_eq!(route(&MxAnswer::Failed, &none), Err(Unroutable::DnsFailed));
    // RFC 7505.
    let null = records(&[(0, ".")]);
    assert_eq!(route(&null, &none), Err(Unroutable::NullMx));
    assert_eq!(route(&records(&[(0, "."), (10, "a.example")]), &none).unwrap(), ["a.example"]);
    // There are MX, so the domain's own address is not asked for.
    assert_eq!(route(&records(&[(0, "a b"), (5, ".")]), &none), Err(Unroutable::NoUsableMx));
    // This host, and all that are not better, are left out.
    let with_us =
        records(&[(5, "a.example"), (10, "ME.example"), (10, "b.example"), (20, "c.example")]);
    assert_eq!(route(&with_us, &own()).unwrap(), ["a.example"]);
    assert_eq!(route(&records(&[(10, "me.example")]), &own()), Err(Unroutable::Misrouted));
    for (unroutable, code) in [
        (Unroutable::NullMx, "556 5.1.10"),
        (Unroutable::NoDomain, "550 5.1.2"),
        (Unroutable::DnsFailed, "451 4.4.3"),
        (Unroutable::Misrouted, "554 5.4.6"),
        (Unroutable::NoUsableMx, "554 5.4.4"),
    ] {
        let shown = unroutable.rejection().to_string();
        assert!(shown.starts_with(&[code, " "].concat()), "{shown}");
    }
    // L-06.
    assert_eq!(sorted.check_sender(), Ok(()));
    let refused = null.check_sender().unwrap_err().to_string();
    assert!(refused.starts_with("550 5.7.27 "), "{refused}");
}

#[test]
fn l02_equal_hosts_come_in_any_order() {
    let answer = records(&[(10, "a.example"), (10, "b.example"), (10, "c.example")]);
    let mut orders = Vec::new();
    for seed in 0..24usize {
        let mut left = seed;
        let random = |below: usize| {
            let number = left % below;
            left /= below;
            number
        };
        let route = Route::of_domain(&name("x.example"), &answer, &Own::default(), random).unwrap();
        if !orders.contains(&route) {
            orders.push(route);
        }
    }
    assert_eq!(orders.len(), 6);
}

/// A round over hosts named `a`, `b` and so on, with one address each.
fn round(hosts: u8, recipients: usize, own: &Own) -> Attempts<'_> {
    let list: Vec<(u16, alloc::string::String)> = (0..hosts)
        .map(|n| (n.into(), alloc::format!("{}.example", char::from(b'a' + n))))
        .collect();
    let list: Vec<(u16, &str)> = list.iter().map(|(n, host)| (*n, host.as_str())).collect();
    let route = Route::of_domain(&name("x.example"), &records(&list), own, |_| 0).unwrap();
    Attempts::new(route, recipients, own, AttemptRules::default())
}

/// Goes on to the next connection; the host's first letter.
fn connect(round: &mut Attempts<'_>) -> Option<char> {
    loop {
        match round.step() {
            AttemptStep::Resolve(host) => {
                let letter = host.as_str().as_bytes()[0];
                round.resolved(vec![address(letter)]);
            }
            AttemptStep::Connect { host, .. } => {
                return host.map(|host| char::from(host.as_str().as_bytes()[0]));
            }
            AttemptStep::Done => return None,
        }
    }
}

fn statuses(round: Attempts<'_>) -> Vec<Status> {
    round.verdicts().iter().map(|verdict| verdict.outcome.status()).collect()
}

/// L-03, L-04, L-05, L-07, L-18: what a client is told at RCPT.
#[test]
fn what_is_said_of_no_route() {
    for (unroutable, code, enhanced) in [
        (Unroutable::NullMx, 556, "5.1.10"),
        (Unroutable::NoDomain, 550, "5.1.2"),
        (Unroutable::DnsFailed, 451, "4.4.3"),
        (Unroutable::Misrouted, 554, "5.4.6"),
        (Unroutable::NoUsableMx, 554, "5.4.4"),
        (Unroutable::Incomplete, 550, "5.1.2"),
        (Unroutable::UnknownLiteral, 550, "5.1.2"),
    ] {
        let rejection = unroutable.rejection();
        let said = (rejection.code().value(), rejection.enhanced().to_string());
        assert_eq!(said, (code, enhanced.to_string()), "{unroutable}");
    }
}

/// A round that is given up before anybody was asked leaves all to be tried again.
#[test]
fn a_round_that_did_not_begin() {
    let own = own();
    let verdicts = round(2, 2, &own).verdicts();
    for verdict in verdicts {
        assert_eq!(verdict.outcome.status(), Status::Deferred);
        assert_eq!(verdict.outcome.enhanced().unwrap().to_string(), "4.4.1");
        assert!(verdict.host.is_none() && verdict.address.is_none());
    }
}

/// Of each failure of a host the cause, and whether another may do better.
#[test]
fn why_a_host_failed() {
    let own = own();
    let fault = || Fault::Timeout;
    for (failure, code, permanent) in [
        (HostFailure::NoAddress, "5.4.4", true),
        (HostFailure::DnsFailed, "4.4.3", false),
        (HostFailure::NoAnswer, "4.4.1", false),
        (HostFailure::Tls, "4.7.5", false),
        (HostFailure::Fault(fault()), "4.4.2", false),
        (HostFailure::Opening(OpeningError::Fault(fault())), "4.4.2", false),
        (HostFailure::Opening(OpeningError::NoMechanism), "4.7.0", false),
        (HostFailure::Opening(OpeningError::Greeting(reply(554))), "", true),
        (HostFailure::Opening(OpeningError::Hello(reply(550))), "", true),
        (HostFailure::Opening(OpeningError::Hello(reply(450))), "", false),
        (HostFailure::Policy(Rejection::permanent(7, 0, "no")), "5.7.0", true),
        (HostFailure::Policy(Rejection::temporary(7, 0, "no")), "4.7.0", false),
    ] {
        let mut round = round(1, 1, &own);
        assert_eq!(connect(&mut round), Some('a'));
        round.failed(failure.clone());
        let verdict = round.verdicts().remove(0);
        let status = if permanent { Status::Rejected } else { Status::Deferred };
        assert_eq!(verdict.outcome.status(), status, "{failure:?}");
        let enhanced = verdict.outcome.enhanced().map(|enhanced| enhanced.to_string());
        assert_eq!(enhanced.unwrap_or_default(), code, "{failure:?}");
        assert_eq!(verdict.host, Some(name("a.example")));
    }
}

#[test]
fn l08_what_comes_after_a_failure() {
    let own = own();
    let at = |phase, code| Outcome::replied(phase, reply(code));
    let broke = |phase| Outcome::deferred(phase, Cause::Fault(Fault::Closed));
    for (outcome, next, status) in [
        (at(Phase::Delivery, 250), false, Status::Delivered),
        (at(Phase::Mail, 550), false, Status::Rejected),
        (at(Phase::Rcpt, 550), false, Status::Rejected),
        (at(Phase::Delivery, 554), false, Status::Rejected),
        (at(Phase::Mail, 451), true, Status::Deferred),
        (at(Phase::Data, 451), true, Status::Deferred),
        (at(Phase::Rcpt, 450), false, Status::Deferred),
        (at(Phase::Delivery, 451), false, Status::Deferred),
        (broke(Phase::Content), true, Status::Deferred),
        (broke(Phase::Delivery).judged(Status::InDoubt), false, Status::InDoubt),
        (Outcome::local(Rejection::permanent(6, 7, "no SMTPUTF8")), true, Status::Rejected),
    ] {
        let mut round = round(2, 1, &own);
        assert_eq!(connect(&mut round), Some('a'));
        round.sent(core::slice::from_ref(&outcome));
        let expected = next.then_some('b');
        assert_eq!(connect(&mut round), expected, "{outcome}");
        if next {
            round.sent(core::slice::from_ref(&outcome));
            assert_eq!(connect(&mut round), None);
        }
        let verdict = &round.verdicts()[0];
        assert_eq!(verdict.outcome.status(), status, "{outcome}");
        assert!(verdict.host.is_some() && verdict.address.is_some());
    }
}

#[test]
fn l08_each_recipient_goes_its_own_way() {
    let own = own();
    let mut round = round(3, 3, &own);
    assert_eq!(connect(&mut round), Some('a'));
    round.sent(&[
        Outcome::replied(Phase::Delivery, reply(250)),
        Outcome::local(Rejection::permanent(6, 7, "no SMTPUTF8")),
        Outcome::replied(Phase::Rcpt, reply(550)),
    ]);
    assert_eq!(connect(&mut round), Some('b'));
    assert_eq!(round.pending().collect::<Vec<_>>(), [1]);
    round.failed(HostFailure::NoAnswer);
    assert_eq!(connect(&mut round), Some('c'));
    round.sent(&[Outcome::replied(Phase::Delivery, reply(250))]);
    assert_eq!(connect(&mut round), None);
    assert_eq!(statuses(round), [Status::Delivered, Status::Delivered, Status::Rejected]);
}

#[test]
fn c02_a_5yz_greeting_is_final_only_from_every_host() {
    let greeting = |code| HostFailure::Opening(OpeningError::Greeting(reply(code)));
    let own = own();
    for (failures, status) in [
        ([greeting(554), greeting(521)], Status::Rejected),
        ([greeting(554), greeting(421)], Status::Deferred),
        ([greeting(421), greeting(554)], Status::Deferred),
        ([HostFailure::NoAnswer, greeting(554)], Status::Deferred),
        ([HostFailure::NoAddress, greeting(554)], Status::Rejected),
        ([greeting(554), HostFailure::Opening(OpeningError::TlsNotOffered)], Status::Deferred),
    ] {
        let mut round = round(2, 1, &own);
        for failure in failures.clone() {
            assert!(connect(&mut round).is_some());
            round.failed(failure);
        }
        assert_eq!(connect(&mut round), None);
        assert_eq!(statuses(round), [status], "{failures:?}");
    }
    // What was not asked might have said something else, whether there were too many or it was given up.
    let mut given_up = round(2, 1, &own);
    assert_eq!(connect(&mut given_up), Some('a'));
    given_up.failed(greeting(554));
    assert_eq!(statuses(given_up), [Status::Deferred]);
    let mut round = round(9, 1, &own);
    let mut tried = 0;
    while connect(&mut round).is_some() {
        round.failed(greeting(554));
        tried += 1;
    }
    assert_eq!((tried, statuses(round)), (5, vec![Status::Deferred]));
}

#[test]
fn l02_addresses_in_order_and_not_too_many() {
    let own = Own::default();
    let mut round = Attempts::new(
        Route::to(Target::Name(name("a.example"))),
        1,
        &own,
        AttemptRules { addresses: 0, ..AttemptRules::default() },
    );
    assert_eq!(round.step(), AttemptStep::Resolve(name("a.example")));
    round.resolved(vec![address(3), address(1), address(2)]);
    // Two at least.
    for expected in [3, 1] {
        let AttemptStep::Connect { address: tried, .. } = round.step() else { panic!() };
        assert_eq!(tried, address(expected));
        round.failed(HostFailure::NoAnswer);
    }
    assert_eq!(round.step(), AttemptStep::Done);
    let mut literal =
        Attempts::new(Route::to(Target::Address(address(7))), 1, &own, AttemptRules::default());
    assert_eq!(
        literal.step(),
        AttemptStep::Connect { host: None, address: address(7), new_session: false }
    );
    literal.failed(HostFailure::Policy(Rejection::POLICY));
    assert_eq!(literal.step(), AttemptStep::Done);
    assert_eq!(statuses(literal), [Status::Rejected]);
}

#[test]
fn l07_this_hosts_own_address() {
    let own = own();
    let mut first = round(2, 1, &own);
    assert!(matches!(first.step(), AttemptStep::Resolve(_)));
    first.resolved(vec![address(200)]);
    assert_eq!(first.step(), AttemptStep::Done);
    let verdicts = first.verdicts();
    assert!(verdicts[0].outcome.to_string().contains("554 5.4.6"), "{verdicts:?}");
    // Discarded hosts have no say, whether this one is found among them by its address or by its name.
    let refused = HostFailure::Opening(OpeningError::Greeting(reply(554)));
    for (failure, status) in
        [(HostFailure::NoAnswer, Status::Deferred), (refused, Status::Rejected)]
    {
        let mut second = round(3, 1, &own);
        assert_eq!(connect(&mut second), Some('a'));
        second.failed(failure.clone());
        assert!(matches!(second.step(), AttemptStep::Resolve(_)));
        second.resolved(vec!["::ffff:192.0.2.200".parse().unwrap()]);
        assert_eq!(second.step(), AttemptStep::Done);
        assert_eq!(statuses(second), [status]);

        let named = Own { names: vec![name("b.example")], addresses: Vec::new() };
        let mut second = round(3, 1, &named);
        assert_eq!(connect(&mut second), Some('a'));
        second.failed(failure);
        assert_eq!(second.step(), AttemptStep::Done);
        assert_eq!(statuses(second), [status]);
    }
}

#[test]
fn l09_batches() {
    assert_eq!(batches(["x", "y", "x", "x", "y"], 2), [vec![0, 2], vec![1, 4], vec![3]]);
    assert_eq!(batches([0; 3], 0), [vec![0], vec![1], vec![2]]);
    assert!(batches::<u8>([], 5).is_empty());
}

/// A session that has no room left is followed by a new one, once.
#[test]
fn a_server_that_takes_so_much_in_a_session() {
    let own = own();
    let rules = AttemptRules::default();
    let mut round = Attempts::new(Route::to(Target::Address(address(1))), 3, &own, rules);
    let new_session = |round: &mut Attempts<'_>| match round.step() {
        AttemptStep::Connect { new_session, .. } => Some(new_session),
        _ => None,
    };
    let delivered = Outcome::replied(Phase::Delivery, reply(250));
    let full = Outcome::limited(Limit::MailMax, Retry::NewSession);
    let crowded = Outcome::crowded(reply(452));
    assert_eq!(new_session(&mut round), Some(false));
    round.sent(&[full.clone(), full.clone(), full.clone()]);
    assert_eq!(new_session(&mut round), Some(true));
    round.sent(&[delivered.clone(), crowded, full.clone()]);
    assert_eq!(new_session(&mut round), Some(true));
    round.sent(&[delivered, full.clone()]);
    assert_eq!(new_session(&mut round), Some(true));
    round.sent(&[full]);
    assert_eq!(round.step(), AttemptStep::Done);
    let statuses: Vec<_> = round.verdicts().iter().map(|one| one.outcome.status()).collect();
    assert_eq!(statuses, [Status::Delivered, Status::Delivered, Status::Deferred]);
}

proptest! {
    #[test]
    fn a_round_always_ends(
        hosts in 1u8..9,
        recipients in 0usize..6,
        steps in prop::collection::vec((0u8..12, 0usize..4), 0..64),
    ) {
        let own = own();
        let mut round = round(hosts, recipients, &own);
        let mut steps = steps.into_iter().cycle();
        let mut turns = 0;
        loop {
            turns += 1;
            prop_assert!(turns < 200);
            let (choice, addresses) = steps.next().unwrap_or((0, 1));
            match round.step() {
                AttemptStep::Done => break,
                AttemptStep::Resolve(_) if choice == 11 => round.failed(HostFailure::DnsFailed),
                AttemptStep::Resolve(_) => {
                    let last = if choice == 10 { 200 } else { 1 };
                    round.resolved(vec![address(last); addresses]);
                }
                AttemptStep::Connect { .. } if choice < 3 => round.failed(HostFailure::NoAnswer),
                AttemptStep::Connect { .. } => {
                    let outcomes: Vec<Outcome> = round
                        .pending()
                        .map(|n| match (n + usize::from(choice)) % 7 {
                            0 => Outcome::replied(Phase::Delivery, reply(250)),
                            1 => Outcome::replied(Phase::Mail, reply(451)),
                            2 => Outcome::replied(Phase::Rcpt, reply(550)),
                            3 => Outcome::local(Rejection::MESSAGE_TOO_BIG),
                            4 => Outcome::crowded(reply(452)),
                            5 => Outcome::limited(Limit::MailMax, Retry::NewSession),
                            _ => Outcome::deferred(Phase::Data, Cause::Fault(Fault::Timeout)),
                        })
                        .collect();
                    round.sent(&outcomes);
                }
            }
        }
        prop_assert_eq!(round.verdicts().len(), recipients);
    }
}
