//! What hickory's resolver is told by a name server, and what a client makes of it.

use std::net::IpAddr;

use macro_rules_attribute::apply;

use crate::{
    name_server::name_server,
    rt::{
        self, listen,
        smtp::{
            dns::{AddressAnswer, HostName, Mx, MxAnswer, Resolve, Srv, SrvAnswer},
            proto::{path::Mailbox, relay::NextHop},
        },
        spawn,
    },
    suite::help::{self, Store, connector, envelope, to},
};

const ZONE: &str = "
    example.org. MX 20 b.example.org.
    example.org. MX 10 A.example.org.
    a.example.org. AAAA 2001:db8::1
    b.example.org. A 127.0.0.1
    b.example.org. AAAA 2001:db8::2
    null.example. MX 0 .
    none.example. A 127.0.0.1
    alias.example. CNAME example.org.
    dangling.example. CNAME nowhere.example.
    failed.example. SERVFAIL
    _submission._tcp.example.org. SRV 1 2 587 mail.example.org.
    xn--bcher-kva.example. MX 5 none.example.
";

fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

/// L-02 to L-05: temporary failures are never taken for names that are not there.
#[apply(on_runtime)]
async fn answers_of_a_name_server_are_told_apart() {
    let resolver = rt::resolver(name_server(ZONE));
    let records = |records: &[(u16, &str)]| {
        let record =
            |&(preference, exchange): &(u16, &str)| Mx { preference, exchange: exchange.into() };
        MxAnswer::Records(records.iter().map(record).collect())
    };
    for (domain, expected) in [
        ("example.org", records(&[(20, "b.example.org."), (10, "A.example.org.")])),
        ("alias.example", records(&[(20, "b.example.org."), (10, "A.example.org.")])),
        ("null.example", records(&[(0, ".")])),
        ("none.example", MxAnswer::None),
        ("nowhere.example", MxAnswer::NoDomain),
        ("dangling.example", MxAnswer::NoDomain),
        ("failed.example", MxAnswer::Failed),
    ] {
        let mut found = resolver.mx(&name(domain)).await;
        if let MxAnswer::Records(records) = &mut found {
            records.sort_by_key(|record| std::cmp::Reverse(record.preference));
        }
        assert_eq!(found, expected, "{domain}");
    }
    assert!(resolver.mx(&name("null.example")).await.is_null());
    for (host, expected) in [
        ("a.example.org", &["2001:db8::1"][..]),
        ("b.example.org", &["127.0.0.1", "2001:db8::2"]),
        ("none.example", &["127.0.0.1"]),
    ] {
        let AddressAnswer::Addresses(mut found) = resolver.addresses(&name(host)).await else {
            panic!("{host} has addresses")
        };
        found.sort();
        let expected: Vec<IpAddr> = expected.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(found, expected, "{host}");
    }
    for (host, expected) in [
        ("null.example", AddressAnswer::None),
        ("nowhere.example", AddressAnswer::None),
        ("failed.example", AddressAnswer::Failed),
    ] {
        assert_eq!(resolver.addresses(&name(host)).await, expected, "{host}");
    }
    let record = Srv { priority: 1, weight: 2, port: 587, target: "mail.example.org.".into() };
    for (service, expected) in [
        ("_submission._tcp.example.org", SrvAnswer::Records(vec![record])),
        ("_submissions._tcp.example.org", SrvAnswer::None),
        ("failed.example", SrvAnswer::Failed),
    ] {
        assert_eq!(resolver.srv(&name(service)).await, expected, "{service}");
    }
}

/// With a domain beyond ASCII, which DNS knows by its A-labels.
#[apply(on_runtime)]
async fn mail_finds_its_way() {
    let resolver = rt::resolver(name_server(ZONE));
    let store = Store::default();
    let listener = listen().await;
    let connector = connector().mx_port(listener.local_addr().unwrap().port());
    spawn(help::server(&store).listen_smtp(listener).serve());
    for mailbox in ["a@none.example", "a@b\u{fc}cher.example"] {
        let next_hop = NextHop::of(Mailbox::parse(mailbox).unwrap(), None).unwrap();
        let mut client = connector.connect_mx(&next_hop, &resolver).await.unwrap();
        let recipients = to(&["<a@example.org>"]);
        assert!(client.send(&envelope(&recipients), "x\r\n").await.unwrap().all_delivered());
        client.quit().await.unwrap();
    }
    assert_eq!(store.taken().len(), 2);
}
