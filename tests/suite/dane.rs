//! DANE, by what a resolver says that validates (RFC 7672).

use std::sync::{Arc, Mutex};

use macro_rules_attribute::apply;
use sha2::{Digest, Sha256};

use crate::{
    rt::smtp::{
        Client, Connector, Error, Relay, Target, Tls,
        dns::{AddressAnswer, Alias, HostName, MxAnswer, Resolve, Secured, SrvAnswer, TlsaAnswer},
        proto::{
            client::{OpeningError, Status},
            relay::{NextHop, Own, TlsRefusal, Tlsa, Unroutable},
        },
        testing::{Script, ScriptedServer},
    },
    suite::{
        help::{connector, envelope, host, to},
        mx::{HERE, NOBODY, Zone},
        policy::{Chain, chain, record},
    },
};

/// A zone that is signed, but for these names.
struct Signed {
    zone: Zone,
    unsigned: Vec<&'static str>,
    /// Names that are aliases.
    aliases: Vec<(&'static str, Alias)>,
    /// For each host that is asked for, one after the other; the last one for all that follow.
    tlsa: Vec<TlsaAnswer>,
    asked: Mutex<Vec<String>>,
}

impl Signed {
    fn new(zone: Zone, tlsa: impl Into<Vec<TlsaAnswer>>) -> Self {
        let (unsigned, aliases) = (Vec::new(), Vec::new());
        Self { zone, unsigned, aliases, tlsa: tlsa.into(), asked: Mutex::default() }
    }

    fn secured<T>(&self, name: &HostName, answer: T) -> Secured<T> {
        let alias = self.aliases.iter().find(|(alias, _)| *alias == name.as_str());
        Secured {
            answer,
            is_secure: !self.unsigned.contains(&name.as_str()),
            alias: alias.map(|(_, alias)| alias.clone()),
        }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Resolve for Signed {
    async fn mx(&self, domain: &HostName) -> MxAnswer {
        self.zone.mx(domain).await
    }

    async fn addresses(&self, host: &HostName) -> AddressAnswer {
        self.zone.addresses(host).await
    }

    async fn srv(&self, service: &HostName) -> SrvAnswer {
        self.zone.srv(service).await
    }

    async fn secured_mx(&self, domain: &HostName) -> Secured<MxAnswer> {
        self.secured(domain, self.mx(domain).await)
    }

    async fn secured_addresses(&self, host: &HostName) -> Secured<AddressAnswer> {
        self.secured(host, self.addresses(host).await)
    }

    async fn tlsa(&self, name: &HostName) -> TlsaAnswer {
        let mut asked = self.asked.lock().unwrap();
        asked.push(name.to_string());
        self.tlsa.get(asked.len() - 1).or(self.tlsa.last()).unwrap().clone()
    }
}

fn zone() -> Zone {
    Zone::default()
        .with_mx("example.org", &[(10, "mail.example.net.")])
        .host("mail.example.net", &[HERE])
        .answer("mail.example.net", MxAnswer::None)
}

/// A record of the server's key, which is what most hosts have.
fn of_key(chain: &Chain) -> Tlsa {
    record([3, 1, 1], &Sha256::digest(&chain.key))
}

fn secure(record: Tlsa) -> [TlsaAnswer; 1] {
    [TlsaAnswer::Secure(vec![record])]
}

async fn with_tls(chain: &Chain) -> (Target, ScriptedServer) {
    host(Script::new().tls(Arc::clone(&chain.server))).await
}

fn opportunistic(target: &Target) -> Connector {
    Connector::new(Tls::Opportunistic).mx_port(target.port())
}

fn hop(domain: &str) -> NextHop {
    NextHop::Domain(HostName::parse(domain).unwrap())
}

async fn open(target: &Target, dns: &Signed) -> Result<Client, Error> {
    opportunistic(target).connect_mx(&hop("example.org"), dns).await
}

/// L-26: where all of it is secure, and whatever way leads to the host.
#[apply(on_runtime)]
async fn a_certificate_that_dns_knows_is_enough() {
    let chain = chain();
    let (target, _server) = with_tls(&chain).await;
    let host = HostName::parse("mail.example.net").unwrap();
    for next_hop in [hop("example.org"), NextHop::Domain(host.clone()), NextHop::Host(host)] {
        let dns = Signed::new(zone(), secure(of_key(&chain)));
        let client = opportunistic(&target).connect_mx(&next_hop, &dns).await.unwrap();
        assert!(client.is_tls());
        client.quit().await.unwrap();
        let expected = [format!("_{}._tcp.mail.example.net", target.port())];
        assert_eq!(*dns.asked.lock().unwrap(), expected);
    }
}

/// Nothing goes to a server that is another one, nor in the clear.
#[apply(on_runtime)]
async fn another_certificate_or_none_is_no_way() {
    let (target, server) = with_tls(&chain()).await;
    let dns = Signed::new(zone(), secure(of_key(&chain())));
    let error = open(&target, &dns).await.unwrap_err();
    assert!(matches!(error.decisive(), Error::Tls(_)), "{error}");
    assert_eq!(server.sessions(), 1);
    let (target, server) = host(Script::new()).await;
    let error = open(&target, &dns).await.unwrap_err();
    let Error::Opening(OpeningError::TlsNotOffered) = error.decisive() else { panic!("{error}") };
    // What a queue is told.
    let connector = opportunistic(&target);
    let recipients = to(&["<a@example.org>"]);
    let verdicts = Relay::new(&connector, &dns).send(&envelope(&recipients), || "x\r\n").await;
    assert_eq!(verdicts[0].outcome.status(), Status::Deferred);
    assert!(server.received().is_empty());
    assert!(!server.commands(2).iter().any(|line| line.starts_with("MAIL")));
}

/// Where nobody vouches for it, it may be anybody's, and is not asked for in vain.
#[apply(on_runtime)]
async fn what_is_not_secure_demands_nothing() {
    let wrong = secure(of_key(&chain()));
    let (target, _server) = host(Script::new()).await;
    for (unsigned, tlsa, asked) in [
        (vec!["example.org"], &wrong[..], 0),
        (vec!["mail.example.net"], &wrong, 0),
        (vec![], &[TlsaAnswer::Insecure], 1),
        (vec![], &[TlsaAnswer::Secure(Vec::new())], 1),
    ] {
        let dns = Signed { unsigned, ..Signed::new(zone(), tlsa) };
        let client = open(&target, &dns).await.unwrap();
        assert!(!client.is_tls());
        client.quit().await.unwrap();
        assert_eq!(dns.asked(), asked);
    }
    // A resolver that does not validate; a connector that never uses TLS.
    let client = opportunistic(&target).connect_mx(&hop("example.org"), &zone()).await;
    client.unwrap().quit().await.unwrap();
    let dns = Signed::new(zone(), wrong);
    let connector = connector().mx_port(target.port());
    connector.connect_mx(&hop("example.org"), &dns).await.unwrap().quit().await.unwrap();
    assert_eq!(dns.asked(), 0);
}

/// RFC 7672 section 2.1.2: a host that might demand something is left for the next one.
#[apply(on_runtime)]
async fn a_host_whose_records_are_not_known_is_left() {
    let chain = chain();
    let (target, server) = with_tls(&chain).await;
    let dns = Signed::new(zone(), [TlsaAnswer::Failed]);
    let error = open(&target, &dns).await.unwrap_err();
    assert!(matches!(error.decisive(), Error::Policy(TlsRefusal::DaneUnknown)), "{error}");
    assert!(error.is_temporary());
    assert_eq!(server.sessions(), 0);
    let zone = zone()
        .with_mx("example.org", &[(10, "mail.example.net."), (20, "other.example.net.")])
        .host("other.example.net", &[HERE]);
    let known = TlsaAnswer::Secure(vec![of_key(&chain)]);
    let dns = Signed::new(zone, [TlsaAnswer::Failed, known]);
    let client = open(&target, &dns).await.unwrap();
    assert!(client.is_tls());
    client.quit().await.unwrap();
    assert!(dns.asked.lock().unwrap()[1].ends_with(".other.example.net"));
}

/// L-07: this host is itself whatever can be found out of its records, and a worse one would send the mail back.
#[apply(on_runtime)]
async fn this_host_is_known_before_its_records_are() {
    let (target, server) = host(Script::new()).await;
    let zone = Zone::default()
        .with_mx("example.org", &[(10, "us.example.net."), (20, "backup.example.net.")])
        .host("us.example.net", &[NOBODY])
        .host("backup.example.net", &[HERE]);
    let dns = Signed::new(zone, [TlsaAnswer::Failed, TlsaAnswer::Insecure]);
    let own = Own { names: Vec::new(), addresses: vec![NOBODY.into()] };
    let connector = opportunistic(&target).own(own);
    let error = connector.connect_mx(&hop("example.org"), &dns).await.unwrap_err();
    assert!(matches!(error, Error::Unroutable(Unroutable::Misrouted)), "{error}");
    assert_eq!((server.sessions(), dns.asked()), (0, 0));
}

/// RFC 7672 section 2.2: TLS must be, though nobody can say with whom.
#[apply(on_runtime)]
async fn records_that_cannot_be_used_demand_tls() {
    let chain = chain();
    // A certification authority's word does not count for mail; nor does what is not known.
    for numbers in [[0, 0, 1], [1, 1, 1], [3, 1, 9], [9, 1, 1]] {
        let dns = Signed::new(zone(), secure(record(numbers, &Sha256::digest(b"any"))));
        let (target, _server) = with_tls(&chain).await;
        let client = open(&target, &dns).await.unwrap();
        assert!(client.is_tls());
        client.quit().await.unwrap();
        let (target, _server) = host(Script::new()).await;
        let error = open(&target, &dns).await.unwrap_err();
        let Error::Opening(OpeningError::TlsNotOffered) = error.decisive() else {
            panic!("{error}")
        };
    }
}

/// RFC 7672 section 3.2.2: with a trust anchor the certificate has the name of the host, or of the domain whose MX
/// records lead there.
#[apply(on_runtime)]
async fn the_name_is_the_hosts_or_the_domains() {
    let chain = chain();
    let (target, _server) = with_tls(&chain).await;
    let anchor = || secure(record([2, 0, 1], &Sha256::digest(&chain.anchor)));
    let zone = || {
        Zone::default()
            .with_mx("mx.example.org", &[(10, "mail.example.net.")])
            .with_mx("example.org", &[(10, "mx.example.org.")])
            .with_mx("example.com", &[(10, "mail.example.net.")])
            .host("mail.example.net", &[HERE])
            .host("mx.example.org", &[HERE])
    };
    for (domain, good) in [("mx.example.org", true), ("example.org", true), ("example.com", false)]
    {
        let dns = Signed::new(zone(), anchor());
        let opened = opportunistic(&target).connect_mx(&hop(domain), &dns).await;
        assert_eq!(opened.is_ok(), good, "{domain} {opened:?}");
    }
}

/// RFC 7672 section 2.2.2: of a host that is an alias, the name it leads to comes first, if all the way there is
/// secure; then its own, if that much is.
#[apply(on_runtime)]
async fn the_records_of_an_alias_are_those_of_the_name_behind_it() {
    let chain = chain();
    // Who has to have TLS gets none.
    let (target, _server) = host(Script::new()).await;
    let port = target.port();
    let (canonical, own) = ("mx.example.org", "mail.example.net");
    let right = || TlsaAnswer::Secure(vec![of_key(&chain)]);
    let none = || TlsaAnswer::Insecure;
    for (unsigned, is_secure, tlsa, asked, tls) in [
        (vec![], true, [right(), none()], &[canonical][..], true),
        (vec![], true, [none(), right()], &[canonical, own], true),
        (vec![], true, [none(), none()], &[canonical, own], false),
        (vec![own], true, [right(), none()], &[own], true),
        (vec![own], false, [right(), none()], &[], false),
    ] {
        let alias = Alias { canonical: HostName::parse(canonical).unwrap(), is_secure };
        let aliases = vec![(own, alias)];
        let dns = Signed { unsigned, aliases, ..Signed::new(zone(), tlsa) };
        let opened = open(&target, &dns).await;
        assert_eq!(opened.is_err(), tls, "{asked:?} {opened:?}");
        let asked: Vec<_> = asked.iter().map(|name| format!("_{port}._tcp.{name}")).collect();
        assert_eq!(*dns.asked.lock().unwrap(), asked);
    }
    // What cannot be found out of the first is not made up for by the second.
    let alias = Alias { canonical: HostName::parse(canonical).unwrap(), is_secure: true };
    let dns = Signed {
        aliases: vec![(own, alias)],
        ..Signed::new(zone(), [TlsaAnswer::Failed, right()])
    };
    let error = open(&target, &dns).await.unwrap_err();
    assert!(matches!(error.decisive(), Error::Policy(TlsRefusal::DaneUnknown)), "{error}");
}

/// RFC 7672 section 3.2.2: with a trust anchor the certificate has the name whose records there are, or that of the
/// domain, or of what the domain is an alias of.
#[apply(on_runtime)]
async fn the_name_behind_an_alias_counts() {
    let chain = chain();
    let (target, _server) = with_tls(&chain).await;
    let anchor = TlsaAnswer::Secure(vec![record([2, 0, 1], &Sha256::digest(&chain.anchor))]);
    // The certificate is for mx.example.org.
    let to_it = || Alias { canonical: HostName::parse("mx.example.org").unwrap(), is_secure: true };
    let zone = || {
        Zone::default()
            .with_mx("example.com", &[(10, "mail.example.net.")])
            .host("mail.example.net", &[HERE])
            .answer("mail.example.net", MxAnswer::None)
            .host("mx.example.org", &[HERE])
            .answer("mx.example.org", MxAnswer::None)
    };
    let elsewhere = Alias { canonical: HostName::parse("a.example.net").unwrap(), is_secure: true };
    for (domain, aliases, none_first, good) in [
        ("example.com", vec![("mail.example.net", to_it())], false, true),
        // The records are of the alias's own name, which the certificate has not.
        ("example.com", vec![("mail.example.net", to_it())], true, false),
        ("example.com", vec![("example.com", to_it())], false, true),
        ("example.com", vec![], false, false),
        // Without MX records the domain is the host.
        ("mx.example.org", vec![("mx.example.org", elsewhere)], false, true),
        ("mail.example.net", vec![("mail.example.net", to_it())], false, true),
    ] {
        let tlsa = if none_first {
            vec![TlsaAnswer::Insecure, anchor.clone()]
        } else {
            vec![anchor.clone()]
        };
        let what = format!("{domain} {aliases:?} {none_first}");
        let dns = Signed { aliases, ..Signed::new(zone(), tlsa) };
        let opened = opportunistic(&target).connect_mx(&hop(domain), &dns).await;
        assert_eq!(opened.is_ok(), good, "{what} {opened:?}");
    }
}
