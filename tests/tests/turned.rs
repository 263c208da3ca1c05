//! On-demand mail relay: the roles of a connection turn, and mail flows to who called (RFC 2645).

use std::{sync::Arc, time::Duration};

use smtp_proto::{
    auth::client::Plain,
    client::{self, Client, Content, Login, Opening, TlsUse, Transaction},
    command::{DomainList, Mechanism},
    domain::{HelloName, Host},
    extension::Extension,
    limits::ServerTimeouts,
    profile::Verdict,
    sequence::State,
    server::{self, Server},
    wire::{Endpoint, Step},
};
use smtp_tests::{
    case::{BODY, Case, delivered, envelope, pieces, recipients},
    pair::{Pair, Pieces, Stop},
    take_output,
};

fn provider() -> server::Config {
    server::Config::new(Host::parse("provider.example").unwrap())
        .offer(Extension::StartTls)
        .offer(Extension::Atrn)
        .mechanism(Mechanism::parse("PLAIN").unwrap(), true)
        .profile(|profile| profile.server.plaintext_auth = true)
}

/// A customer that has logged in.
fn called(tls: TlsUse, pieces: Pieces) -> Pair {
    let mut pair = Pair::new(provider(), client::Config::default(), pieces);
    let hello = HelloName::parse("customer.example").unwrap();
    let login = Login::new().with(Plain::new("", "alice", "s3cret!").unwrap());
    let login = login.allow_plaintext(true);
    pair.open(&mut Opening::new(hello, tls).login(login)).unwrap();
    pair
}

/// Says ATRN; the code of the reply.
fn atrn(pair: &mut Pair, domains: &str) -> u16 {
    pair.client.atrn(Some(DomainList::parse(domains).unwrap())).unwrap();
    assert_eq!(pair.advance(), Stop::Event);
    match pair.client.event() {
        Some(client::Event::Reply { to: client::ReplyTo::Atrn, reply }) => reply.code().value(),
        other => panic!("{other:?}"),
    }
}

fn customer() -> server::Config {
    server::Config::new(Host::parse("customer.example").unwrap())
}

/// Turns both ends. The customer's end is the server from then on, the provider's the client.
fn turn(pair: &mut Pair, pieces: Pieces) -> Pair {
    turn_to(pair, pieces, customer())
}

/// The same, where the customer's server has this configuration.
fn turn_to(pair: &mut Pair, pieces: Pieces, config: server::Config) -> Pair {
    let server = loop {
        assert_eq!(pair.client.step(), Step::Event);
        // Told until it is taken.
        if let Some(client::Event::Turned(turned)) = pair.client.event() {
            let _ = turned;
        }
        if let Some(client::Event::Turned(turned)) = pair.client.event() {
            break turned.into_server(Arc::new(config));
        }
    };
    let client = loop {
        assert_eq!(pair.server.step(), Step::Event);
        if let Some(server::Event::Turned(turned)) = pair.server.event() {
            let _ = turned;
        }
        if let Some(server::Event::Turned(turned)) = pair.server.event() {
            break turned.into_client(client::Config::default());
        }
    };
    assert_eq!(pair.client.step(), Step::Close);
    assert_eq!(pair.server.step(), Step::Close);
    Pair::of(client, server, pieces)
}

#[test]
fn mail_flows_back() {
    for tls in [TlsUse::None, TlsUse::Required] {
        for way in [Pieces::Whole, Pieces::Of(1), Pieces::Random(11)] {
            let mut called = called(tls, way);
            assert_eq!(atrn(&mut called, "no.example"), 450);
            assert_eq!(called.client.state(), State::Ready);
            assert_eq!(atrn(&mut called, "example.org,example.com"), 250);
            assert_eq!(called.client.state(), State::Turned);
            assert!(called.client.quit().is_err(), "there is nothing more to say");

            let mut turned = turn(&mut called, way);
            let tls = tls != TlsUse::None;
            assert_eq!((turned.client.is_tls(), turned.server.is_tls()), (tls, tls));
            assert!(!turned.client.is_authenticated() && !turned.server.is_authenticated());
            let hello = HelloName::parse("provider.example").unwrap();
            turned.open(&mut Opening::new(hello, TlsUse::None)).unwrap();
            let case = Case::PLAIN;
            let to = recipients(&["<a@x.example>", "<b@x.example>"]);
            for _ in 0..2 {
                let transaction = Transaction::new(
                    envelope("<s@x.example>", &to),
                    Content::default(),
                    case.options(),
                );
                let report = turned.send(transaction, &pieces(BODY)).unwrap();
                assert!(report.all_delivered(), "{report:?}");
            }
            turned.quit();
            let message = delivered(case, &["<a@x.example>", "<b@x.example>"]);
            assert_eq!(turned.clerk.messages, [message.clone(), message]);
            assert!(turned.clerk.faults.is_empty(), "{:?}", turned.clerk.faults);
            assert_eq!(turned.server.state(), State::Closed);
        }
    }
}

/// A greeting that is there before the provider has looked is not lost, nor is one that comes in
/// pieces before and behind the turn.
#[test]
fn a_hasty_greeting_is_kept() {
    const GREETING: &[u8] = b"220 customer.example ESMTP\r\n";
    for at in 0..=GREETING.len() {
        let mut pair = called(TlsUse::None, Pieces::Whole);
        assert_eq!(atrn(&mut pair, "example.org"), 250);
        assert_eq!(pair.server.wire().receive(&GREETING[..at]), at);
        let mut provider = match pair.server.event() {
            Some(server::Event::Turned(turned)) => turned.into_client(client::Config::default()),
            other => panic!("{other:?}"),
        };
        assert_eq!(provider.wire().receive(&GREETING[at..]), GREETING.len() - at);
        assert_eq!(provider.step(), Step::Event);
        let Some(client::Event::Reply { to, reply }) = provider.event() else { panic!("{at}") };
        assert_eq!((to, reply.octets()), (client::ReplyTo::Greeting, GREETING));
    }
}

/// A provider that was called and has logged the customer in is no stranger: it is greeted at once, and
/// refused when it did not wait for that.
#[test]
fn no_watch_for_who_was_called() {
    let mut timeouts = ServerTimeouts::default();
    timeouts.greeting = Duration::from_secs(6);
    let config = customer()
        .profile(|profile| profile.server.early_talker = Verdict::Reject)
        .timeouts(timeouts);
    for (early, greeting) in [("", "220 "), ("EHLO provider.example\r\n", "554 ")] {
        let mut pair = called(TlsUse::None, Pieces::Whole);
        assert_eq!(atrn(&mut pair, "example.org"), 250);
        let mut turned = turn_to(&mut pair, Pieces::Whole, config.clone());
        let server = &mut turned.server;
        assert_eq!(server.wire().timer().after, timeouts.command);
        assert_eq!(server.wire().receive(early.as_bytes()), early.len());
        assert_eq!(server.step(), Step::Event);
        if let Some(server::Event::Connected(connected)) = server.event() {
            connected.accept();
        }
        let said = take_output(server.wire(), usize::MAX);
        assert!(said.starts_with(greeting.as_bytes()), "{}", said.escape_ascii());
    }
}

/// The timer is that of the new role from its beginning, and the end of a connection is noticed.
#[test]
fn time_and_the_end() {
    let ends = || {
        let mut pair = called(TlsUse::None, Pieces::Whole);
        assert_eq!(atrn(&mut pair, "example.org"), 250);
        let Pair { client, server, .. } = turn(&mut pair, Pieces::Whole);
        (client, server)
    };
    let (mut provider, mut customer): (Client, Server) = ends();
    let config = client::Config::default();
    assert_eq!(provider.wire().timer().after, config.timeouts.greeting);
    assert_eq!(provider.step(), Step::Read);
    provider.wire().expire();
    assert_eq!(provider.step(), Step::Event);
    assert!(matches!(provider.event(), Some(client::Event::Fault(_))));
    assert_eq!(provider.step(), Step::Close);
    customer.wire().received(0);
    assert_eq!(customer.step(), Step::Event);
    assert!(matches!(customer.event(), Some(server::Event::Connected(_))));

    // Who never takes the connection does not keep it for ever.
    let mut pair = called(TlsUse::None, Pieces::Whole);
    assert_eq!(atrn(&mut pair, "example.org"), 250);
    pair.server.wire().expire();
    assert_eq!(pair.server.step(), Step::Event);
    assert!(matches!(pair.server.event(), Some(server::Event::Fault(_))));
    assert_eq!(pair.server.step(), Step::Close);
    let mut pair = called(TlsUse::None, Pieces::Whole);
    assert_eq!(atrn(&mut pair, "example.org"), 250);
    pair.server.abort(smtp_proto::answer::Rejection::SHUTTING_DOWN);
    assert_eq!(pair.server.step(), Step::Close, "421 would be said to a server");
}
