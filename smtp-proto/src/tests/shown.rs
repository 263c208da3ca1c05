//! How values are shown: by `Display` as they are on the wire, by `Debug` with their type, and secrets
//! by neither.

use alloc::{format, string::ToString, vec::Vec};
use core::{
    fmt::{Debug, Display},
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};
use std::hash::DefaultHasher;

use super::passes_errors_on;
use crate::{
    answer::Rejection,
    auth::{Binding, Channel, Nonce, client},
    client::{Downgrade, Downgrades, Login, Surveyed},
    command::{DomainList, Mechanism, Text, Verb, XClient, XForward},
    date::{Date, Timestamp},
    domain::{AddressLiteral, Domain, HelloName, Host},
    parameter::{Parameter, ParameterList, Parameters, RcptParameters},
    path::{ForwardPath, Mailbox, MailboxBuf, ReversePath},
    profile::Syntax,
    relay::{HostName, StsPolicy, TlsFailure, Tlsa},
    reply::Reply,
    report::Action,
    status::{Code, EnhancedCode},
    upstream::{Attribute, AttributeSet},
    xtext::Xtext,
};

/// Values of the grammar as text, and what `Debug` makes of them.
#[test]
fn as_sent_and_with_their_type() {
    #[track_caller]
    fn shows(value: impl Display + Debug, text: &str, debug: &str) {
        assert_eq!((value.to_string().as_str(), format!("{value:?}").as_str()), (text, debug));
        passes_errors_on(&value);
    }
    let list = DomainList::parse("a.example,B.example").unwrap();
    assert_eq!(list.as_str(), "a.example,B.example");
    shows(list, "a.example,B.example", "DomainList(\"a.example,B.example\")");
    shows(Mechanism::parse("plain").unwrap(), "plain", "Mechanism(\"plain\")");
    shows(Text::new("a topic").unwrap(), "a topic", "Text(\"a topic\")");
    shows(Verb::StartTls, "STARTTLS", "StartTls");
    shows(Verb::Other, "", "Other");
    let text = "NAME=c.example ADDR=192.0.2.1";
    shows(XClient::parse(text).unwrap(), text, &format!("XClient({text:?})"));
    shows(XForward::parse(text).unwrap(), text, &format!("XForward({text:?})"));
    let domain = Domain::parse("Mx.example").unwrap();
    shows(domain, "Mx.example", "Domain(\"Mx.example\")");
    shows(Host::from(domain), "Mx.example", "Domain(Domain(\"Mx.example\"))");
    let mailbox = Mailbox::parse("\"a b\"@Mx.example").unwrap();
    shows(mailbox, "\"a b\"@Mx.example", "Mailbox(\"\\\"a b\\\"@Mx.example\")");
    let owned = MailboxBuf::from(mailbox);
    shows(owned, "\"a b\"@Mx.example", "Mailbox(\"\\\"a b\\\"@Mx.example\")");
    shows(mailbox.local_part(), "\"a b\"", "LocalPart(\"\\\"a b\\\"\")");
    shows(ReversePath::from(mailbox), "<\"a b\"@Mx.example>", &format!("Mailbox({mailbox:?})"));
    shows(ForwardPath::Postmaster, "<Postmaster>", "Postmaster");
    let parameters = Parameters::parse(b"BODY=8BITMIME SMTPUTF8", &Syntax::STRICT).unwrap();
    let shown: Vec<_> =
        parameters.iter().map(|one| (one.to_string(), format!("{one:?}"))).collect();
    assert_eq!(shown[0], ("BODY=8BITMIME".into(), "Parameter(BODY=8BITMIME)".into()));
    assert_eq!(shown[1], ("SMTPUTF8".into(), "Parameter(SMTPUTF8)".into()));
    parameters.iter().for_each(|one: Parameter<'_>| passes_errors_on(&one));
    let mut list = ParameterList::default();
    list.push(parameters.iter().next().unwrap()).unwrap();
    assert_eq!(format!("{list:?}"), "ParameterList(\"BODY=8BITMIME\")");
    let text = b"ORCPT=rfc822;a+2Bb@x.example";
    let parameters = Parameters::parse(text, &Syntax::STRICT).unwrap();
    let orcpt = RcptParameters::parse(parameters).unwrap().orcpt().unwrap();
    assert_eq!(orcpt.to_string(), "rfc822;a+2Bb@x.example");
    shows(Xtext::parse("a+2Bb").unwrap(), "a+2Bb", "Xtext(\"a+2Bb\")");
    shows(HostName::parse("mx.example").unwrap(), "mx.example", "HostName(mx.example)");
    shows(Tlsa::parse(&[3, 1, 1, 0, 255]).unwrap(), "3 1 1 00ff", "Tlsa(3 1 1 00ff)");
    shows(Code::OK, "250", "250");
    shows(EnhancedCode::new(2, 1, 5).unwrap(), "2.1.5", "2.1.5");
    shows(Attribute::HeloName, "HELO", "HeloName");
    let rejection = Rejection::permanent(7, 1, "not\nyou");
    assert_eq!(rejection.to_string(), "550 5.7.1 not / you");
    passes_errors_on(&rejection);
    let date = Date::utc(Timestamp::from_unix(0));
    assert_eq!(date.to_string(), "Thu, 01 Jan 1970 00:00:00 +0000");
    passes_errors_on(&date);
    let policy = b"version: STSv1\nmode: enforce\nmx: *.x.example\nmax_age: 60\n";
    passes_errors_on(&StsPolicy::parse(policy).unwrap());
    assert_eq!(
        HostName::parse("Mx.Example.").unwrap().as_domain(),
        Domain::parse("mx.example").unwrap()
    );
    let set = AttributeSet::EMPTY.with(Attribute::Port).with(Attribute::Name);
    assert_eq!(format!("{set:?} {:?}", AttributeSet::EMPTY), "{Name, Port} {}");
    assert_eq!(format!("{:?}", Nonce::parse("abc").unwrap()), "Nonce(abc)");
    let downgrades: Downgrades = [Downgrade::RequireTls, Downgrade::Tracking].into_iter().collect();
    let shown = format!("{downgrades:?} {:?}", Downgrades::NONE);
    assert!(
        ["{RequireTls, Tracking} {}", "{Tracking, RequireTls} {}"].contains(&&*shown),
        "{shown}"
    );
    let message = Surveyed::new("Subject: private\r\n\r\n");
    assert_eq!(format!("{message:?}"), "Surveyed(20 octets)");
}

/// Each word is one of the registry's or of a format, and none is used twice.
#[test]
fn words_of_formats() {
    let actions: Vec<_> = Action::ALL.iter().map(|action| format!("{action}")).collect();
    assert_eq!(actions, ["failed", "delayed", "delivered", "relayed", "expanded"]);
    // RFC 8460 section 4.3.
    let failures = [
        (TlsFailure::StarttlsNotSupported, "starttls-not-supported"),
        (TlsFailure::CertificateHostMismatch, "certificate-host-mismatch"),
        (TlsFailure::CertificateExpired, "certificate-expired"),
        (TlsFailure::CertificateNotTrusted, "certificate-not-trusted"),
        (TlsFailure::ValidationFailure, "validation-failure"),
        (TlsFailure::TlsaInvalid, "tlsa-invalid"),
        (TlsFailure::DnssecInvalid, "dnssec-invalid"),
        (TlsFailure::DaneRequired, "dane-required"),
        (TlsFailure::StsPolicyFetchError, "sts-policy-fetch-error"),
        (TlsFailure::StsPolicyInvalid, "sts-policy-invalid"),
        (TlsFailure::StsWebpkiInvalid, "sts-webpki-invalid"),
    ];
    for (failure, word) in failures {
        assert_eq!(failure.to_string(), word);
    }
}

/// What a peer says does not get out of its line.
#[test]
fn replies_are_one_harmless_line() {
    let octets = b"250-2.1.0 a\x1b[2J\r\n250-2.1.0 \xff\xe2\x80\xae\r\n250 2.1.0 c\r\n";
    let reply = Reply::parse(octets).unwrap();
    let shown = "250 2.1.0 a\\u{1b}[2J / \\xff\\u{202e} / c";
    assert_eq!(reply.to_string(), shown);
    passes_errors_on(&reply);
    assert_eq!(format!("{reply:?}"), format!("Reply({shown})"));
    assert_eq!(format!("{:?}", reply.texts()), "[\"a\\u{1b}[2J\", \"\\xff\\u{202e}\", \"c\"]");
    assert_eq!(
        format!("{:?}", reply.lines()),
        "[\"2.1.0 a\\u{1b}[2J\", \"2.1.0 \\xff\\u{202e}\", \"2.1.0 c\"]"
    );
}

#[test]
fn secrets_are_not_shown() {
    let channel = Channel::new()
        .with(Binding::TlsExporter, b"very secret".as_slice().into())
        .client_certificate(true);
    assert_eq!(
        format!("{channel:?}"),
        "Channel { bindings: [TlsExporter], client_certificate: true }"
    );
    let plain = client::Plain::new("", "user", "very secret").unwrap();
    let login = Login::new().with(plain).with(client::Login::new("user", "very secret").unwrap());
    assert_eq!(format!("{login:?}"), "[\"PLAIN\", \"LOGIN\"]");
    #[cfg(feature = "sasl")]
    {
        use crate::auth::{ScramHash, client::Scram, server};
        let nonce = Nonce::parse("nonce").unwrap();
        let client = Scram::new(ScramHash::Sha1, "user", "very secret", nonce.clone()).unwrap();
        let decoy = "very secret".into();
        let setting = server::Setting::new(nonce, &decoy);
        let server = server::Scram::new(ScramHash::Sha1, false, &setting);
        for shown in [format!("{client:?}"), format!("{server:?}")] {
            assert_eq!(shown, "Scram { name: \"SCRAM-SHA-1\", .. }");
        }
    }
    let secret = crate::auth::Secret::from(b"very secret".as_slice());
    assert!(!format!("{secret:?}").contains("very"));
    assert_eq!(secret.as_ref(), b"very secret");
}

/// Texts that mean the same are equal, and hash equal.
#[test]
fn equal_values_hash_equal() {
    fn hash(value: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }
    #[track_caller]
    fn same<T: Hash + Eq + Debug + Copy>(one: T, other: T, another: T) {
        assert_eq!(one, other);
        assert_eq!(hash(one), hash(other));
        assert_ne!(one, another);
        assert_ne!(hash(one), hash(another), "a hash that tells nothing");
    }
    let list = |text| DomainList::parse(text).unwrap();
    same(list("a.example,b.example"), list("A.example,b.EXAMPLE"), list("a.example"));
    let mechanism = |text| Mechanism::parse(text).unwrap();
    same(mechanism("PLAIN"), mechanism("plain"), mechanism("LOGIN"));
    let domain = |text| Domain::parse(text).unwrap();
    same(domain("x.example"), domain("X.Example"), domain("y.example"));
    let literal = |text| AddressLiteral::parse(text).unwrap();
    same(literal("[x400:a]"), literal("[X400:a]"), literal("[x400:A]"));
    assert_ne!(literal("[x400:a]"), literal("[x401:a]"));
    let mailbox = |text| Mailbox::parse(text).unwrap();
    same(mailbox("a@x.example"), mailbox("\"a\"@X.example"), mailbox("A@x.example"));
    same(mailbox("postmaster@x.example"), mailbox("PostMaster@x.example"), mailbox("p@x.example"));
}

/// Addresses and names become each other where that cannot fail.
#[test]
fn conversions() {
    let (v4, v6) = (Ipv4Addr::new(192, 0, 2, 1), Ipv6Addr::LOCALHOST);
    for (literal, text) in [
        (AddressLiteral::from(v4), "[192.0.2.1]"),
        (AddressLiteral::from(v6), "[IPv6:::1]"),
        (IpAddr::from(v4).into(), "[192.0.2.1]"),
    ] {
        assert_eq!(literal.to_string(), text);
        assert_eq!(Host::from(literal).to_string(), text);
        assert_eq!(HelloName::from(literal), HelloName::parse(text).unwrap());
        assert_eq!(HelloName::from(literal.ip().unwrap()).to_string(), text);
    }
    let general = AddressLiteral::parse("[x400:anything]").unwrap();
    assert_eq!(general.ip(), None);
    assert_eq!(u16::from(Code::OK), 250);
    let path = |text| ForwardPath::parse(text).unwrap();
    assert!(path("<a@x.example>").is_ascii() && path("<Postmaster>").is_ascii());
    let beyond = Mailbox::parse_with("\u{e9}@x.example".as_bytes(), &Syntax::INTERNET).unwrap();
    assert!(!ForwardPath::from(beyond).is_ascii() && !ReversePath::from(beyond).is_ascii());
    let owned: MailboxBuf = "a@x.example".parse().unwrap();
    let mailbox = Mailbox::from(&owned);
    let paths = [ForwardPath::from(mailbox), ForwardPath::parse("<a@x.example>").unwrap()];
    assert_eq!(paths[0], paths[1]);
    assert_eq!(ReversePath::from(mailbox), ReversePath::parse("<a@x.example>").unwrap());
}
