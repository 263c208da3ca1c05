//! From a domain to a host that takes its mail, by what a resolver says.

use std::{
    collections::HashMap,
    future::pending,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use macro_rules_attribute::apply;

use crate::{
    rt::{
        listen,
        smtp::{
            Connector, Error, Progress,
            dns::{
                AddressAnswer, HostName, Mx, MxAnswer, NoSubmission, Resolve, Srv, SrvAnswer,
                submission_servers,
            },
            proto::{
                path::Mailbox,
                relay::{NextHop, Own, Unroutable},
            },
            testing::{At, Script},
        },
        spawn,
    },
    suite::help::{self, Store, connector, envelope, host, to},
};

/// What DNS says. Of names that are not there nothing is known.
#[derive(Default)]
pub(crate) struct Zone {
    mx: HashMap<&'static str, MxAnswer>,
    addresses: HashMap<&'static str, AddressAnswer>,
    srv: HashMap<&'static str, SrvAnswer>,
    /// What was asked.
    asked: Mutex<Vec<String>>,
    /// Nothing is ever answered.
    silent: bool,
}

impl Zone {
    pub(crate) fn with_mx(mut self, domain: &'static str, records: &[(u16, &str)]) -> Self {
        let record =
            |&(preference, exchange): &(u16, &str)| Mx { preference, exchange: exchange.into() };
        self.mx.insert(domain, MxAnswer::Records(records.iter().map(record).collect()));
        self
    }

    pub(crate) fn answer(mut self, domain: &'static str, answer: MxAnswer) -> Self {
        self.mx.insert(domain, answer);
        self
    }

    pub(crate) fn host(mut self, host: &'static str, addresses: &[[u8; 4]]) -> Self {
        let addresses = addresses.iter().map(|octets| IpAddr::from(*octets)).collect();
        self.addresses.insert(host, AddressAnswer::Addresses(addresses));
        self
    }

    pub(crate) fn unknown(mut self, host: &'static str) -> Self {
        self.addresses.insert(host, AddressAnswer::Failed);
        self
    }

    fn srv(mut self, service: &'static str, priority: u16, port: u16, target: &str) -> Self {
        let record = Srv { priority, weight: 0, port, target: target.into() };
        self.srv.insert(service, SrvAnswer::Records(vec![record]));
        self
    }

    async fn ask(&self, name: &HostName) {
        self.asked.lock().unwrap().push(name.to_string());
        if self.silent {
            pending::<()>().await;
        }
    }
}

impl Resolve for Zone {
    async fn mx(&self, domain: &HostName) -> MxAnswer {
        self.ask(domain).await;
        self.mx.get(domain.as_str()).cloned().unwrap_or(MxAnswer::NoDomain)
    }

    async fn addresses(&self, host: &HostName) -> AddressAnswer {
        self.ask(host).await;
        self.addresses.get(host.as_str()).cloned().unwrap_or(AddressAnswer::None)
    }

    async fn srv(&self, service: &HostName) -> SrvAnswer {
        self.ask(service).await;
        self.srv.get(service.as_str()).cloned().unwrap_or(SrvAnswer::None)
    }
}

pub(crate) const HERE: [u8; 4] = [127, 0, 0, 1];
/// Where nobody answers: it is an address of this host, too, and the port is free there.
pub(crate) const NOBODY: [u8; 4] = [127, 0, 0, 2];

/// A server, and who goes to its port, with the hosts that were tried in vain.
async fn server(store: &Store) -> (Connector, Arc<Mutex<Vec<String>>>) {
    let listener = listen().await;
    let port = listener.local_addr().unwrap().port();
    spawn(help::server(store).listen_smtp(listener).serve());
    told(connector().mx_port(port))
}

fn told(connector: Connector) -> (Connector, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let connector = connector.observe(move |progress| {
        if let Progress::Failed(attempt) = progress {
            teller.lock().unwrap().push(attempt.target.host().to_owned());
        }
    });
    (connector, told)
}

fn to_domain(mailbox: &str) -> NextHop {
    NextHop::of(Mailbox::parse(mailbox).unwrap(), None).unwrap()
}

/// L-02: the best host first; the addresses of each, and then the next one.
#[apply(on_runtime)]
async fn hosts_are_tried_by_preference_and_address_by_address() {
    let store = Store::default();
    let (connector, told) = server(&store).await;
    let zone = Zone::default()
        .with_mx(
            "example.org",
            &[(30, "d.example."), (10, "A.example."), (20, "b.example."), (25, "c.example")],
        )
        .host("a.example", &[NOBODY, NOBODY])
        .unknown("b.example")
        .host("c.example", &[NOBODY, HERE])
        .host("d.example", &[HERE]);
    let mut client = connector.connect_mx(&to_domain("ann@Example.ORG"), &zone).await.unwrap();
    let recipients = to(&["<a@example.org>"]);
    assert!(client.send(&envelope(&recipients), "x\r\n").await.unwrap().all_delivered());
    client.quit().await.unwrap();
    assert_eq!(*told.lock().unwrap(), ["a.example", "a.example", "b.example", "c.example"]);
    let asked = zone.asked.lock().unwrap();
    assert_eq!(*asked, ["example.org", "a.example", "b.example", "c.example"]);
}

/// L-03: the domain itself, where it has no MX; an address without asking.
#[apply(on_runtime)]
async fn a_domain_without_mx_is_its_own_host_and_a_literal_is_not_looked_up() {
    let store = Store::default();
    let (connector, _) = server(&store).await;
    let zone = Zone::default().answer("example.org", MxAnswer::None).host("example.org", &[HERE]);
    for (mailbox, asked) in [("a@example.org", 2), ("a@[127.0.0.1]", 0)] {
        zone.asked.lock().unwrap().clear();
        let client = connector.connect_mx(&to_domain(mailbox), &zone).await.unwrap();
        client.quit().await.unwrap();
        assert_eq!(zone.asked.lock().unwrap().len(), asked, "{mailbox}");
    }
    let host = NextHop::Host(HostName::parse("example.org").unwrap());
    connector.connect_mx(&host, &zone).await.unwrap().quit().await.unwrap();
}

/// L-03, L-04, L-05, L-07.
#[apply(on_runtime)]
async fn where_there_is_no_host_the_reply_says_why() {
    let zone = Zone::default()
        .with_mx("null.example", &[(0, ".")])
        .answer("failed.example", MxAnswer::Failed)
        .with_mx("ours.example", &[(10, "CLIENT.example."), (20, "b.example.")])
        .with_mx("own.example", &[(10, "relay.example.")])
        .with_mx("bad.example", &[(10, "a b.")]);
    let relay = HostName::parse("relay.example").unwrap();
    let connector = connector().own(Own { names: vec![relay], addresses: Vec::new() });
    for (mailbox, why, reply, temporary) in [
        ("a@null.example", Unroutable::NullMx, "556 5.1.10", false),
        ("a@nowhere.example", Unroutable::NoDomain, "550 5.1.2", false),
        ("a@failed.example", Unroutable::DnsFailed, "451 4.4.3", true),
        ("a@ours.example", Unroutable::Misrouted, "554 5.4.6", false),
        ("a@own.example", Unroutable::Misrouted, "554 5.4.6", false),
        ("a@bad.example", Unroutable::NoUsableMx, "554 5.4.4", false),
    ] {
        let error = connector.connect_mx(&to_domain(mailbox), &zone).await.unwrap_err();
        assert_eq!(error.is_temporary(), temporary, "{mailbox}");
        let Error::Unroutable(found) = error else { panic!("{mailbox}: {error}") };
        assert_eq!(found, why, "{mailbox}");
        assert!(found.rejection().to_string().starts_with(reply), "{mailbox}");
    }
}

/// L-03, L-04: it is over where no host has an address, and not where DNS says nothing of one.
#[apply(on_runtime)]
async fn hosts_without_addresses() {
    let store = Store::default();
    let (connector, told) = server(&store).await;
    let zone = Zone::default()
        .answer("alone.example", MxAnswer::None)
        .with_mx("none.example", &[(10, "a.example."), (20, "b.example.")])
        .with_mx("some.example", &[(10, "a.example."), (20, "unknown.example.")])
        .unknown("unknown.example");
    for (mailbox, temporary, hosts) in [
        ("a@alone.example", false, &["alone.example"][..]),
        ("a@none.example", false, &["a.example", "b.example"]),
        ("a@some.example", true, &["a.example", "unknown.example"]),
    ] {
        told.lock().unwrap().clear();
        let error = connector.connect_mx(&to_domain(mailbox), &zone).await.unwrap_err();
        assert_eq!(error.is_temporary(), temporary, "{error}");
        assert!(matches!(error.decisive(), Error::Unroutable(_)), "{error}");
        assert_eq!(*told.lock().unwrap(), hosts);
    }
}

/// L-07: this host's own address, whatever name led there, and all that is not better.
#[apply(on_runtime)]
async fn mail_does_not_come_back_here() {
    let store = Store::default();
    let (connector, told) = server(&store).await;
    let connector = connector.own(Own { names: Vec::new(), addresses: vec![HERE.into()] });
    let zone = Zone::default()
        .with_mx("first.example", &[(10, "us.example."), (20, "b.example.")])
        .with_mx("second.example", &[(10, "b.example."), (20, "us.example."), (30, "b2.example.")])
        .host("us.example", &[HERE])
        .host("b.example", &[NOBODY]);
    let error = connector.connect_mx(&to_domain("a@first.example"), &zone).await.unwrap_err();
    assert!(matches!(error, Error::Unroutable(Unroutable::Misrouted)), "{error}");
    let error = connector.connect_mx(&to_domain("a@second.example"), &zone).await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)) && error.is_temporary(), "{error}");
    assert_eq!(*told.lock().unwrap(), ["b.example"]);
}

/// A host that wants nobody is left for the next; not more than five are asked.
#[apply(on_runtime)]
async fn not_all_of_many_hosts_are_tried() {
    let (target, _server) = host(Script::new().at(At::connect(), "554 5.7.1 never")).await;
    let (connector, told) = told(connector().mx_port(target.port()));
    let hosts: [&'static str; 7] =
        ["a.example", "b.example", "c.example", "d.example", "e.example", "f.example", "g.example"];
    let records: Vec<_> = (1..).zip(hosts).collect();
    let zone = hosts.iter().fold(Zone::default(), |zone, host| zone.host(host, &[HERE]));
    let zone = zone.with_mx("example.org", &records);
    let error = connector.connect_mx(&to_domain("a@example.org"), &zone).await.unwrap_err();
    assert_eq!(error.reply().unwrap().code().value(), 554);
    assert_eq!(*told.lock().unwrap(), hosts[..5]);
}

#[apply(on_runtime)]
async fn a_resolver_that_says_nothing_is_not_waited_for() {
    let zone = Zone { silent: true, ..Zone::default() };
    let connector = connector().connect_timeout(Duration::from_millis(1));
    let error = connector.connect_mx(&to_domain("a@example.org"), &zone).await.unwrap_err();
    assert!(matches!(error, Error::Unroutable(Unroutable::DnsFailed)), "{error}");
}

#[apply(on_runtime)]
async fn a_domain_names_the_servers_of_its_users() {
    let zone = Arc::new(
        Zone::default()
            .srv("_submissions._tcp.example.org", 1, 465, "mail.example.org.")
            .srv("_submission._tcp.example.org", 0, 587, "mail.example.net.")
            .srv("_submission._tcp.none.example", 0, 0, "."),
    );
    let domain = |name: &str| HostName::parse(name).unwrap();
    let servers = submission_servers(&domain("example.org"), &zone).await.unwrap();
    let found: Vec<_> = servers
        .iter()
        .map(|server| (server.host.as_str(), server.port, server.implicit_tls))
        .collect();
    assert_eq!(found, [("mail.example.net", 587, false), ("mail.example.org", 465, true)]);
    assert!(!servers[0].is_within(&domain("example.org")));
    #[cfg(feature = "tls")]
    assert_eq!(
        servers
            .iter()
            .map(crate::rt::smtp::Target::from)
            .map(|target| target.to_string())
            .collect::<Vec<_>>(),
        ["mail.example.net:587", "mail.example.org:465"]
    );
    let none = submission_servers(&domain("none.example"), &zone).await;
    assert_eq!(none, Err(NoSubmission::NotOffered));
    let long = vec!["a".repeat(60); 4].join(".");
    assert_eq!(submission_servers(&domain(&long), &zone).await, Err(NoSubmission::Unknown));
}
