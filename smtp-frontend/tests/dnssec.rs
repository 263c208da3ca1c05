//! What hickory's resolver finds out of a zone that is signed.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use smtp_frontend::dns::{
    AddressAnswer, Alias, HostName, Mx, MxAnswer, OverTcp, Resolve, Secured, Tlsa, TlsaAnswer,
    hickory_resolver::{
        Resolver,
        config::{NameServerConfig, ResolveHosts, ResolverConfig},
        proto::{
            dnssec::{
                DnssecSigner, Nsec3HashAlgorithm, SigningKey, TrustAnchors,
                crypto::Ed25519SigningKey,
                rdata::{DNSKEY, DNSSECRData, NSEC3, RRSIG},
            },
            op::{Message, MessageType, ResponseCode},
            rr::{
                DNSClass, Name, RData, Record, RecordSet, RecordType,
                rdata::{
                    A, CNAME, MX, TLSA,
                    tlsa::{CertUsage, Matching, Selector},
                },
            },
        },
    },
};
use smtp_tokio::Tokio;

const HOUR: u32 = 3600;

fn root() -> Name {
    Name::root()
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn host(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

/// The root zone, which has all the names, and its key. Of names that begin with `forged` the signatures are of
/// another name's. That something is not there is proved for names that begin with `costly` or `ruinous`, by hashes
/// of many iterations or of too many.
struct Zone {
    key: DNSKEY,
    signer: DnssecSigner,
    records: Vec<Record>,
}

impl Zone {
    fn new() -> Self {
        let key = Ed25519SigningKey::generate_pkcs8().unwrap();
        let signing = || Ed25519SigningKey::from_pkcs8(&key).unwrap();
        let key = DNSKEY::from_key(&signing().to_public_key().unwrap());
        let years = Duration::from_secs(20 * 365 * 24 * 60 * 60);
        let signer = DnssecSigner::new(key.clone(), Box::new(signing()), root(), years);
        let mut records = Vec::new();
        for start in ["", "forged."] {
            let (domain, mx) = (format!("{start}example."), format!("{start}mx.example."));
            let record = |owner: &str, data| Record::from_rdata(name(owner), HOUR, data);
            records.push(record(&domain, RData::MX(MX::new(10, name(&mx)))));
            records.push(record(&mx, RData::A(A::new(192, 0, 2, 1))));
            let tlsa = TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, vec![7; 32]);
            records.push(record(&format!("_25._tcp.{mx}"), RData::TLSA(tlsa)));
            let alias = |to: &str| RData::CNAME(CNAME(name(to)));
            records.push(record(&format!("{start}alias."), alias(&domain)));
            records.push(record(&format!("{start}mx.alias."), alias(&format!("{start}middle."))));
            records.push(record(&format!("{start}middle."), alias("mx.example.")));
        }
        Self { key, signer, records }
    }

    fn answer(&self, query: &Message) -> Message {
        let asked = query.queries.first().unwrap();
        let mut answer = query.clone();
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.recursion_available = true;
        if asked.query_type() == RecordType::DNSKEY && asked.name().is_root() {
            let key = RData::DNSSEC(DNSSECRData::DNSKEY(self.key.clone()));
            answer.answers = self.signed(vec![Record::from_rdata(root(), HOUR, key)]);
            return answer;
        }
        let mut owner = asked.name().clone();
        loop {
            let of = |kind| {
                let records = self.records.iter();
                let is_it = |record: &&Record| record.name == owner && record.record_type() == kind;
                records.filter(is_it).cloned().collect::<Vec<_>>()
            };
            let (records, aliases) = (of(asked.query_type()), of(RecordType::CNAME));
            if !records.is_empty() {
                answer.answers.extend(self.signed(records));
                return answer;
            }
            let Some(RData::CNAME(CNAME(to))) = aliases.first().map(|record| &record.data) else {
                // Without a proof of that, but for those whose proof costs too much to be looked at.
                let asked = asked.name().to_ascii();
                let has_name = asked.contains("here.");
                if !has_name {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                }
                let iterations = [("costly.", 150), ("ruinous.", 600)];
                let iterations = iterations.iter().find(|(word, _)| asked.contains(word));
                if let Some((_, iterations)) = iterations {
                    let sha1 = Nsec3HashAlgorithm::SHA1;
                    let none = NSEC3::new(sha1, false, *iterations, vec![], vec![0xff; 20], []);
                    let none = RData::DNSSEC(DNSSECRData::NSEC3(none));
                    let owner = name(&format!("{}.", "0".repeat(32)));
                    answer.authorities = self.signed(vec![Record::from_rdata(owner, HOUR, none)]);
                }
                return answer;
            };
            owner = to.clone();
            answer.answers.extend(self.signed(aliases));
        }
    }

    /// With a signature of all of them, which are of one name and kind.
    fn signed(&self, mut records: Vec<Record>) -> Vec<Record> {
        let first = records.first().unwrap();
        let (name_of_all, kind) = (first.name.clone(), first.record_type());
        let is_forged = name_of_all.to_ascii().contains("forged.");
        let owner = if is_forged { name("elsewhere.example.") } else { name_of_all.clone() };
        let mut signed = RecordSet::new(owner.clone(), kind, HOUR);
        for record in &records {
            assert!(signed.insert(Record::from_rdata(owner.clone(), HOUR, record.data.clone()), 0));
        }
        let inception = rcgen::date_time_ymd(2024, 1, 1);
        let signature = RRSIG::from_rrset(&signed, DNSClass::IN, inception, &self.signer).unwrap();
        let signature = RData::DNSSEC(DNSSECRData::RRSIG(signature));
        records.push(Record::from_rdata(name_of_all, HOUR, signature));
        records
    }

    /// Queries with their lengths in front (RFC 1035 section 4.2.2).
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query)?;
            let answer = self.answer(&Message::from_vec(&query).unwrap()).to_vec().unwrap();
            let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length[..], &answer].concat())?;
        }
    }
}

/// A name server of the zone, and whom to trust.
fn signed() -> (SocketAddr, TrustAnchors) {
    let zone = Arc::new(Zone::new());
    let mut anchors = TrustAnchors::empty();
    anchors.insert(zone.key.public_key());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let zone = Arc::clone(&zone);
            thread::spawn(move || zone.serve(stream));
        }
    });
    (address, anchors)
}

fn resolver(server: SocketAddr, anchors: Option<TrustAnchors>) -> Resolver<OverTcp<Tokio>> {
    let mut name_server = NameServerConfig::tcp(server.ip());
    for connection in &mut name_server.connections {
        connection.port = server.port();
    }
    let config = ResolverConfig::from_name_servers(vec![name_server]);
    let mut builder = Resolver::builder_with_config(config, OverTcp::<Tokio>::default());
    if let Some(anchors) = anchors {
        builder = builder.with_trust_anchor(Arc::new(anchors));
    }
    builder.options_mut().use_hosts_file = ResolveHosts::Never;
    builder.build().unwrap()
}

fn found(exchange: &str) -> MxAnswer {
    MxAnswer::Records(vec![Mx { preference: 10, exchange: exchange.into() }])
}

fn here() -> AddressAnswer {
    AddressAnswer::Addresses(vec![[192, 0, 2, 1].into()])
}

#[tokio::test]
async fn what_is_signed_is_secure_and_what_is_forged_is_no_answer() {
    let (server, anchors) = signed();
    let dns = resolver(server, Some(anchors));
    let mx = dns.secured_mx(&host("example")).await;
    assert_eq!(mx, Secured::secure(found("mx.example.")));
    let addresses = dns.secured_addresses(&host("mx.example")).await;
    assert_eq!(addresses, Secured::secure(here()));
    let record = Tlsa::parse(&[&[3, 1, 1][..], &[7; 32]].concat()).unwrap();
    let tlsa = dns.tlsa(&host("_25._tcp.mx.example")).await;
    assert_eq!(tlsa, TlsaAnswer::Secure(vec![record]));

    assert_eq!(dns.secured_mx(&host("forged.example")).await.answer, MxAnswer::Failed);
    assert_eq!(dns.mx(&host("forged.example")).await, MxAnswer::Failed);
    let addresses = dns.secured_addresses(&host("forged.mx.example")).await;
    assert_eq!(addresses.answer, AddressAnswer::Failed);
    assert_eq!(dns.tlsa(&host("_25._tcp.forged.mx.example")).await, TlsaAnswer::Failed);
    // That there is none is believed with a proof only.
    assert_eq!(dns.tlsa(&host("_25._tcp.example")).await, TlsaAnswer::Failed);
    assert_eq!(dns.mx(&host("nowhere.example")).await, MxAnswer::Failed);
}

/// RFC 9276 section 3.2, RFC 7672 section 2.1: what is denied at too high a cost is insecure, and no failure; mail
/// goes on without DANE.
#[tokio::test]
async fn a_denial_that_costs_too_much_is_believed_unseen() {
    let (server, anchors) = signed();
    let dns = resolver(server, Some(anchors));
    let here = host("here.costly.example");
    assert_eq!(dns.secured_mx(&here).await, Secured::insecure(MxAnswer::None));
    assert_eq!(dns.mx(&host("costly.example")).await, MxAnswer::NoDomain);
    assert_eq!(dns.tlsa(&host("_25._tcp.here.costly.example")).await, TlsaAnswer::Insecure);
    assert_eq!(dns.tlsa(&host("_25._tcp.costly.example")).await, TlsaAnswer::Insecure);
    assert_eq!(dns.secured_addresses(&here).await.answer, AddressAnswer::None);
    assert_eq!(dns.addresses(&here).await, AddressAnswer::None);
    // At any cost it is not.
    assert_eq!(dns.mx(&host("here.ruinous.example")).await, MxAnswer::Failed);
    assert_eq!(dns.tlsa(&host("_25._tcp.ruinous.example")).await, TlsaAnswer::Failed);
}

/// What a name leads to in the end, and what that is worth; a forged alias spoils all that is behind it.
#[tokio::test]
async fn aliases_are_followed_as_far_as_they_are_signed() {
    let (server, anchors) = signed();
    let validating = resolver(server, Some(anchors));
    let plain = resolver(server, None);
    let alias = |to, is_secure| Some(Alias { canonical: host(to), is_secure });
    for (dns, is_secure) in [(&validating, true), (&plain, false)] {
        let mx = dns.secured_mx(&host("alias")).await;
        let expected =
            Secured { answer: found("mx.example."), is_secure, alias: alias("example", is_secure) };
        assert_eq!(mx, expected);
    }
    let addresses = validating.secured_addresses(&host("mx.alias")).await;
    let expected = Secured { answer: here(), is_secure: true, alias: alias("mx.example", true) };
    assert_eq!(addresses, expected);
    let addresses = validating.secured_addresses(&host("forged.mx.alias")).await;
    assert_eq!(addresses.answer, AddressAnswer::Failed);
}

/// Who does not validate takes what is said, and vouches for nothing.
#[tokio::test]
async fn nothing_is_secure_that_was_not_validated() {
    let (server, _) = signed();
    let dns = resolver(server, None);
    for start in ["", "forged."] {
        let (domain, mx) = (format!("{start}example"), format!("{start}mx.example"));
        let answer = found(&format!("{mx}."));
        assert_eq!(dns.secured_mx(&host(&domain)).await, Secured::insecure(answer));
        let addresses = dns.secured_addresses(&host(&mx)).await;
        assert_eq!(addresses, Secured::insecure(here()));
        assert_eq!(dns.tlsa(&host(&format!("_25._tcp.{mx}"))).await, TlsaAnswer::Insecure);
    }
    // Nor with an anchor that is another one.
    let (_, anchors) = signed();
    let dns = resolver(server, Some(anchors));
    assert_eq!(dns.secured_mx(&host("example")).await.answer, MxAnswer::Failed);
}
