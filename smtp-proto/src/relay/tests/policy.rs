//! MTA-STS, DANE, and what they demand of TLS.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use crate::client::TlsUse;
use crate::date::Timestamp;
use crate::relay::*;

fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

fn record(text: &str) -> Option<&str> {
    StsRecord::among([text]).map(|record| record.id())
}

#[test]
fn l21_the_record() {
    assert_eq!(StsRecord::name(&name("Example.com")), "_mta-sts.example.com");
    // RFC 8461 section 3.1.
    assert_eq!(record("v=STSv1; id=20160831085700Z;"), Some("20160831085700Z"));
    assert_eq!(record("v=STSv1;id=1"), Some("1"));
    assert_eq!(record("v=STSv1; x-y.z=a,b ; id=1"), Some("1"));
    for text in [
        "",
        "v=STSv1",
        "v=STSv1;",
        "v=STSv1; id=",
        "v=STSv1; id=a-b",
        "v=STSv1; id=1; id=2",
        "v=STSv1 ; id=1",
        "v=stsv1; id=1",
        "v=STSv1; id=123456789012345678901234567890123",
        "v=STSv1; id=1; x",
        "v=STSv1; id=1; x=a=b",
        "v=STSv1; id=1; -x=a",
        "v=STSv1; id=1; x!=a",
        "v=STSv1; id=1; x\u{e9}=a",
        "v=STSv1;; id=1",
        "v=STSv2; id=1",
    ] {
        assert_eq!(record(text), None, "{text}");
    }
    let two = ["v=STSv1; id=1", "v=spf1 -all", "v=STSv1; id=1"];
    assert_eq!(StsRecord::among(two), None);
    assert_eq!(StsRecord::among(two.into_iter().take(2)).map(|record| record.id()), Some("1"));
}

const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\n\
                      mx: backupmx.example.com\nmax_age: 604800\n";

fn policy(mode: &str) -> StsPolicy {
    let text = POLICY.replace("enforce", mode);
    StsPolicy::parse(text.as_bytes()).unwrap()
}

#[test]
fn l22_the_policy() {
    let policy = policy("enforce");
    assert_eq!((policy.mode(), policy.max_age().as_secs()), (StsMode::Enforce, 604_800));
    for (host, allowed) in [
        ("mail.example.com", true),
        ("MAIL.example.com.", true),
        ("a.example.net", true),
        ("example.net", false),
        ("a.b.example.net", false),
        ("mail.example.org", false),
        ("xmail.example.com", false),
    ] {
        assert_eq!(policy.allows(&name(host)), allowed, "{host}");
    }
    let text = "mode: none \r\nversion: STSv1\r\nnew: thing\r\n\r\nmax_age:0\r\nmode: enforce\r\n";
    assert_eq!(StsPolicy::parse(text.as_bytes()).unwrap().mode(), StsMode::None);
    for (from, to, error) in [
        ("STSv1", "STSv2", StsError::Version),
        ("version", "Version", StsError::Version),
        ("enforce", "Enforce", StsError::Mode),
        ("mode", "mod", StsError::Mode),
        ("604800", "31557601", StsError::MaxAge),
        ("604800", "+1", StsError::MaxAge),
        ("604800", "", StsError::MaxAge),
        ("*.example.net", "*.*.net", StsError::Mx),
        ("*.example.net", "", StsError::Mx),
        ("mx", "xm", StsError::Mx),
        ("mode", "m\u{f6}de", StsError::Mode),
    ] {
        let text = POLICY.replace(from, to);
        assert_eq!(StsPolicy::parse(text.as_bytes()), Err(error), "{text}");
    }
    assert_eq!(StsPolicy::parse(&[0xff]), Err(StsError::Text));
    assert_eq!(StsPolicy::parse(&vec![b'\n'; MAX_POLICY + 1]), Err(StsError::Text));
}

/// RFC 8461 section 3.2: a policy that is larger than what is fetched is none.
#[test]
fn l22_the_largest_policy() {
    const MOST: usize = 64 * 1024;
    for (octets, good) in [(MOST, true), (MOST + 1, false)] {
        let filler = "x".repeat(octets - POLICY.len() - "filler: \n".len());
        let text = alloc::format!("{POLICY}filler: {filler}\n");
        assert_eq!(text.len(), octets);
        assert_eq!(StsPolicy::parse(text.as_bytes()).is_ok(), good, "{octets}");
    }
}

#[test]
fn l21_fetching() {
    let url = StsPolicy::url(&name("example.com"));
    assert_eq!(url, "https://mta-sts.example.com/.well-known/mta-sts.txt");
    let body = POLICY.as_bytes();
    let plain = "Text/Plain; charset=utf-8";
    assert!(StsPolicy::of_response(200, plain, body).is_ok());
    assert_eq!(StsPolicy::of_response(301, plain, body), Err(StsError::Fetch));
    assert_eq!(StsPolicy::of_response(200, "text/html", body), Err(StsError::MediaType));
}

#[test]
fn l23_the_cache() {
    let at = |seconds: i64| Timestamp::from_unix(1_767_610_800 + seconds);
    let (one, two) = ("v=STSv1; id=1", "v=STSv1; id=2");
    let seen = |text| StsAnswer::Record(StsRecord::among([text]).unwrap());
    let of = |text| StsRecord::among([text]).unwrap();
    let mut cache = StsCache::new();
    assert_eq!(cache.step(StsAnswer::None, at(0)), StsStep::Proceed);
    assert_eq!(cache.step(seen(one), at(0)), StsStep::Fetch);
    cache.failed(at(0));
    assert_eq!(cache.policy(at(0)), None);
    // Not again within five minutes.
    assert_eq!(cache.step(seen(one), at(299)), StsStep::Proceed);
    assert_eq!(cache.step(seen(one), at(300)), StsStep::Fetch);
    cache.fetched(of(one), policy("enforce"), at(300));
    assert_eq!(cache.step(seen(one), at(301)), StsStep::Proceed);
    assert!(!cache.is_refresh_due(at(300 + 86_399)));
    assert!(cache.is_refresh_due(at(300 + 86_400)));
    // Nobody undoes it by hiding the record, or the file.
    assert_eq!(cache.step(StsAnswer::None, at(1000)), StsStep::Proceed);
    assert!(cache.policy(at(1000)).is_some());
    assert_eq!(cache.step(seen(two), at(1000)), StsStep::Fetch);
    cache.failed(at(1000));
    assert_eq!(cache.step(seen(two), at(1001)), StsStep::Proceed);
    assert!(cache.policy(at(300 + 604_799)).is_some());
    assert_eq!(cache.policy(at(300 + 604_800)), None);
    assert_eq!(cache.step(seen(two), at(700_000)), StsStep::Fetch);
    cache.fetched(of(two), policy("testing"), at(700_000));
    assert_eq!(cache.policy(at(700_001)).unwrap().mode(), StsMode::Testing);
    // One that is soon forgotten is fetched anew before that.
    let short = POLICY.replace("604800", "7200");
    cache.fetched(of(two), StsPolicy::parse(short.as_bytes()).unwrap(), at(800_000));
    assert!(!cache.is_refresh_due(at(803_599)));
    assert!(cache.is_refresh_due(at(803_600)));
}

/// No hash, but two functions that tell octets apart.
struct Sums;

impl TlsaDigest for Sums {
    fn sha256(&self, octets: &[u8]) -> [u8; 32] {
        [octets.iter().fold(1, |sum: u8, octet| sum.wrapping_mul(31).wrapping_add(*octet)); 32]
    }

    fn sha512(&self, octets: &[u8]) -> [u8; 64] {
        [octets.iter().fold(2, |sum: u8, octet| sum.wrapping_mul(33).wrapping_add(*octet)); 64]
    }
}

fn presented(certificate: &'static str, public_key: &'static str) -> Presented<'static> {
    Presented { certificate: certificate.as_bytes(), public_key: public_key.as_bytes() }
}

fn tlsa(usage: u8, selector: u8, matching: u8, data: &[u8]) -> Tlsa {
    Tlsa::parse(&[&[usage, selector, matching], data].concat()).unwrap()
}

/// For records that hold what they are about.
struct NoDigest;

impl TlsaDigest for NoDigest {
    fn sha256(&self, _: &[u8]) -> [u8; 32] {
        unreachable!("nothing is to be hashed")
    }

    fn sha512(&self, _: &[u8]) -> [u8; 64] {
        unreachable!("nothing is to be hashed")
    }
}

#[test]
fn l26_records_and_what_they_demand() {
    assert_eq!(Tlsa::name(&name("MX.example"), 25), "_25._tcp.mx.example");
    let text = "3 1 1 0C72AC70B745AC19998811B131D662C9AC69DBDBE7CB23E5B514B56664C5D3D6";
    let record = Tlsa::parse_text(text).unwrap();
    assert!(record.is_usable());
    assert_eq!(record.to_string(), text.to_ascii_lowercase());
    assert_eq!(record.usage(), Some(TlsaUsage::EndEntity));
    assert_eq!(record.selector(), Some(TlsaSelector::PublicKey));
    assert_eq!(record.matching(), Some(TlsaMatching::Sha256));
    assert_eq!(Tlsa::parse_text("2 0 0 ab CD ef").unwrap().data(), [0xab, 0xcd, 0xef]);
    for text in ["", "3 1", "3 1 256 ab", "3 1 1 abc", "3 1 1 xy", "-3 1 1 ab", "+3 1 1 ab"] {
        assert_eq!(Tlsa::parse_text(text), Err(NotTlsa), "{text}");
    }
    assert_eq!(Tlsa::parse(&[3, 1]), Err(NotTlsa));
    // Nobody needs more than a certificate takes.
    let most = [&[3, 0, 0][..], &[7; 65_536]].concat();
    assert!(Tlsa::parse(&most[..300]).is_ok());
    assert_eq!(Tlsa::parse(&[&most[..], &most[..]].concat()), Err(NotTlsa));
    let digits = alloc::format!("3 0 0 {}", "ab".repeat(140_000));
    assert_eq!(Tlsa::parse_text(&digits), Err(NotTlsa));
    // The longest is the same in both forms.
    for (octets, taken) in [(16 * 1024, true), (16 * 1024 + 1, false)] {
        let record = Tlsa::parse(&[&[3, 0, 0][..], &vec![0xab; octets]].concat());
        assert_eq!(record.is_ok(), taken, "{octets}");
        let text = alloc::format!("3 0 0 {}", "ab".repeat(octets));
        assert_eq!(Tlsa::parse_text(&text), record);
    }
    for (record, usable) in [
        (tlsa(0, 1, 1, &[7; 32]), false),
        (tlsa(1, 1, 1, &[7; 32]), false),
        (tlsa(2, 0, 2, &[7; 64]), true),
        (tlsa(3, 1, 1, &[7; 31]), false),
        (tlsa(3, 1, 2, &[7; 32]), false),
        (tlsa(3, 0, 0, b""), false),
        (tlsa(3, 0, 0, b"x"), true),
        (tlsa(3, 2, 1, &[7; 32]), false),
        (tlsa(3, 1, 3, &[7; 32]), false),
        (tlsa(255, 1, 1, &[7; 32]), false),
    ] {
        assert_eq!(record.is_usable(), usable, "{record}");
    }
    // What cannot be checked is about no certificate.
    for (record, about) in [
        (tlsa(3, 0, 0, b"certificate"), true),
        (tlsa(3, 1, 0, b"key"), true),
        (tlsa(3, 1, 0, b"certificate"), false),
        (tlsa(3, 2, 0, b"certificate"), false),
        (tlsa(3, 0, 9, b"certificate"), false),
    ] {
        assert_eq!(record.is_about(&presented("certificate", "key"), &NoDigest), about, "{record}");
    }
    let (good, bad) = (tlsa(3, 0, 0, b"x"), tlsa(0, 0, 0, b"x"));
    for (answer, demand) in [
        (TlsaAnswer::Secure(vec![bad.clone(), good.clone()]), Dane::Match(vec![good])),
        (TlsaAnswer::Secure(vec![bad]), Dane::Encrypt),
        (TlsaAnswer::Secure(vec![]), Dane::None),
        (TlsaAnswer::Insecure, Dane::None),
        (TlsaAnswer::Failed, Dane::Skip),
    ] {
        assert_eq!(Dane::from(answer), demand);
    }
}

#[test]
fn l27_chains() {
    let chain = [
        presented("leaf", "leaf key"),
        presented("middle", "middle key"),
        presented("root", "root key"),
    ];
    let hash = |octets: &str| Sums.sha256(octets.as_bytes());
    for (records, expected) in [
        (vec![tlsa(3, 1, 1, &hash("leaf key"))], DaneMatch::EndEntity),
        (vec![tlsa(3, 0, 0, b"leaf")], DaneMatch::EndEntity),
        (vec![tlsa(3, 0, 2, &Sums.sha512(b"leaf"))], DaneMatch::EndEntity),
        (vec![tlsa(3, 1, 1, &hash("leaf"))], DaneMatch::Mismatch),
        (vec![tlsa(3, 1, 1, &hash("root key"))], DaneMatch::Mismatch),
        (vec![tlsa(2, 1, 1, &hash("root key"))], DaneMatch::TrustAnchor(2)),
        (vec![tlsa(2, 0, 1, &hash("middle"))], DaneMatch::TrustAnchor(1)),
        (vec![tlsa(2, 0, 1, &hash("leaf"))], DaneMatch::Mismatch),
        (vec![tlsa(1, 1, 1, &hash("leaf key"))], DaneMatch::Mismatch),
        (vec![tlsa(2, 0, 1, &hash("middle")), tlsa(3, 0, 0, b"leaf")], DaneMatch::EndEntity),
        (vec![], DaneMatch::Mismatch),
    ] {
        assert_eq!(match_chain(&records, &chain, &Sums), expected, "{records:?}");
    }
    assert_eq!(match_chain(&[tlsa(3, 0, 0, b"leaf")], &[], &Sums), DaneMatch::Mismatch);
}

/// RFC 7672 section 2.2.2: all that addresses and aliases may be worth.
#[test]
fn l26_whose_records_are_asked_for() {
    let (host, canonical) = (name("mail.example.com"), name("host.example.net"));
    let alias = |is_secure| Some(Alias { canonical: canonical.clone(), is_secure });
    let none: &[&HostName] = &[];
    for (is_secure, alias, expected) in [
        (true, None, &[&host][..]),
        (false, None, none),
        (true, alias(true), &[&canonical, &host]),
        (false, alias(true), &[&host]),
        (false, alias(false), none),
    ] {
        let found = Secured { answer: AddressAnswer::None, is_secure, alias };
        assert_eq!(found.tlsa_bases(&host).collect::<Vec<_>>(), expected, "{found:?}");
    }
    let mx = Secured::secure(MxAnswer::None);
    assert_eq!(mx.reference_names(&host).collect::<Vec<_>>(), [&host]);
    let mx = Secured { alias: alias(true), ..mx };
    assert_eq!(mx.reference_names(&host).collect::<Vec<_>>(), [&host, &canonical]);
}

#[test]
fn l24_l25_c76_c77_what_tls_must_be() {
    let (good, other) = (name("mail.example.com"), name("mail.example.org"));
    let canonical = name("host.example.net");
    let (enforce, testing, none) = (policy("enforce"), policy("testing"), policy("none"));
    let records = vec![tlsa(3, 0, 0, b"x")];
    let base = TlsCase {
        host: &good,
        by_mx: true,
        mx_is_secure: false,
        own: TlsDemand::Opportunistic,
        dane: Dane::None,
        tlsa_base: &canonical,
        sts: None,
        require_tls: false,
        tls_required_no: false,
    };
    let decide =
        |case: TlsCase<'_>| case.decide().map(|decision| (decision.demand, decision.testing));
    let dane = TlsDemand::Dane(records.clone());
    let matching = || Dane::Match(records.clone());
    let with_sts = |sts| TlsCase { sts: Some(sts), ..base.clone() };
    for (case, expected) in [
        (base.clone(), Ok((TlsDemand::Opportunistic, false))),
        (TlsCase { own: TlsDemand::Verify, ..base.clone() }, Ok((TlsDemand::Verify, false))),
        // L-24.
        (with_sts(&enforce), Ok((TlsDemand::Verify, false))),
        (TlsCase { host: &other, ..with_sts(&enforce) }, Err(TlsRefusal::StsMismatch)),
        (TlsCase { host: &other, ..with_sts(&testing) }, Ok((TlsDemand::Opportunistic, true))),
        (with_sts(&none), Ok((TlsDemand::Opportunistic, false))),
        // L-25, L-26.
        (TlsCase { dane: matching(), ..with_sts(&enforce) }, Ok((dane.clone(), false))),
        (TlsCase { dane: Dane::Skip, ..with_sts(&enforce) }, Err(TlsRefusal::DaneUnknown)),
        (TlsCase { dane: Dane::Encrypt, ..base.clone() }, Ok((TlsDemand::Encrypt, false))),
        (TlsCase { dane: Dane::Encrypt, ..with_sts(&enforce) }, Ok((TlsDemand::Verify, false))),
        // RFC 8689 section 4.2.1: the host's name must be sure.
        (TlsCase { require_tls: true, ..base.clone() }, Err(TlsRefusal::NotVouchedFor)),
        (TlsCase { require_tls: true, ..with_sts(&none) }, Err(TlsRefusal::NotVouchedFor)),
        (TlsCase { require_tls: true, ..with_sts(&testing) }, Ok((TlsDemand::Verify, true))),
        (
            TlsCase { require_tls: true, by_mx: false, ..base.clone() },
            Ok((TlsDemand::Verify, false)),
        ),
        (
            TlsCase { require_tls: true, mx_is_secure: true, dane: matching(), ..base.clone() },
            Ok((dane, false)),
        ),
        // Section 3, and 4.1: with REQUIRETLS the field does not count.
        (
            TlsCase { tls_required_no: true, dane: Dane::Skip, ..with_sts(&enforce) },
            Ok((TlsDemand::Opportunistic, false)),
        ),
        (
            TlsCase {
                tls_required_no: true,
                require_tls: true,
                mx_is_secure: true,
                ..base.clone()
            },
            Ok((TlsDemand::Verify, false)),
        ),
    ] {
        assert_eq!(decide(case.clone()), expected, "{case:?}");
    }
    // RFC 7672 section 8.1: by the name of the records where they count, and only there.
    let server_name = |dane| TlsCase { dane, ..base.clone() }.decide().unwrap().server_name;
    assert_eq!(server_name(matching()), canonical);
    assert_eq!(server_name(Dane::Encrypt), good);
    assert_eq!(server_name(Dane::None), good);
    assert_eq!(TlsDemand::Opportunistic.tls_use(), TlsUse::Opportunistic);
    assert_eq!(TlsDemand::Dane(vec![]).tls_use(), TlsUse::Required);
    assert_eq!(TlsDemand::None.tls_use(), TlsUse::None);
    for (refusal, code) in [
        (TlsRefusal::DaneUnknown, 451),
        (TlsRefusal::StsMismatch, 451),
        (TlsRefusal::NotVouchedFor, 550),
    ] {
        // With a policy for enforcement nothing is final before the policy was asked for again.
        let rejection = refusal.rejection();
        assert_eq!(rejection.code().value() / 100, code / 100, "{rejection}");
    }
}

#[test]
fn l28_counts_for_reports() {
    let mut tally = TlsTally::new();
    tally.succeeded();
    tally.succeeded();
    for _ in 0..3 {
        tally.failed(TlsFailure::CertificateExpired, "mx.example");
    }
    tally.failed(StsError::Fetch.into(), "");
    tally.failed(StsError::Mx.into(), "");
    assert_eq!((tally.successes(), tally.total_failures()), (2, 5));
    let failures: Vec<_> =
        tally.failures().map(|(failure, host, n)| (failure.as_str(), host, n)).collect();
    assert_eq!(
        failures,
        [
            ("certificate-expired", "mx.example", 3),
            ("sts-policy-fetch-error", "", 1),
            ("sts-policy-invalid", "", 1),
        ]
    );
    for n in 0..5000 {
        tally.failed(TlsFailure::TlsaInvalid, &alloc::format!("mx{n}.example"));
    }
    assert_eq!(tally.total_failures(), 5005);
    assert!(tally.failures().count() <= 1001);
}

proptest! {
    #[test]
    fn policies_both_ways(
        hosts in prop::collection::vec(r"(\*\.)?[a-z]{1,9}(\.[a-z]{1,9}){0,2}", 1..6),
        seconds in 0u64..31_557_600,
        mode in prop::sample::select(&["enforce", "testing", "none"]),
    ) {
        let mut text = alloc::format!("version: STSv1\r\nmode: {mode}\r\n");
        for host in &hosts {
            text.push_str(&alloc::format!("mx: {host}\r\n"));
        }
        text.push_str(&alloc::format!("max_age: {seconds}\r\n"));
        let policy = StsPolicy::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(policy.max_age(), Duration::from_secs(seconds));
        prop_assert_eq!(policy.to_string(), text);
    }

    #[test]
    fn tlsa_both_ways(octets in prop::collection::vec(any::<u8>(), 3..80)) {
        let record = Tlsa::parse(&octets).unwrap();
        prop_assert_eq!(Tlsa::parse_text(&record.to_string()), Ok(record));
    }

    #[test]
    fn no_text_panics(text: alloc::string::String) {
        let _ = StsPolicy::parse(text.as_bytes());
        let _ = StsRecord::among([text.as_str()]);
        let _ = StsRecord::among([alloc::format!("v=STSv1;{text}").as_str()]);
        let _ = Tlsa::parse_text(&text);
        let _ = HostName::parse(&text);
    }
}
