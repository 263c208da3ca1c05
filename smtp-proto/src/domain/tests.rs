use alloc::format;
use alloc::string::{String, ToString};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::path::ForwardPath;
#[cfg(feature = "idna")]
use crate::path::Mailbox;
use crate::profile::HelloSyntax;

#[test]
fn domains_both_ways() {
    let long = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(63));
    for text in
        ["a", "x.y", "mx-1.example.net", "3com.example", "1.2", "XN--NXASMQ6B.example", &long]
    {
        assert_eq!(Domain::parse(text).unwrap().to_string(), text);
        let octets = Domain::parse_with(text.as_bytes(), &Syntax::STRICT).unwrap();
        assert_eq!(octets.as_str(), text);
    }
}

#[test]
fn what_is_no_domain() {
    // G-10; the offset is that of the octet that does not fit.
    for (text, offset) in [
        ("", 0),
        (".", 0),
        ("a.", 2),
        ("b.example.", 10),
        ("a..b", 2),
        ("-a", 0),
        ("a-.b", 1),
        ("b_c.example", 1),
        ("a b", 1),
        ("[192.0.2.1]", 0),
        ("b\u{fc}cher.example", 1),
        ("a\0", 1),
    ] {
        let error = Domain::parse(text).unwrap_err();
        assert_eq!((error.rule(), error.offset()), (Rule::Domain, offset), "{text:?}");
    }
    assert!(Domain::parse(&"a".repeat(64)).is_err());
    assert!(Domain::parse(&format!("{}a", "a.".repeat(127))).is_ok());
    assert!(Domain::parse(&format!("{}aa", "a.".repeat(127))).is_err());
}

#[test]
fn domains_with_leniencies() {
    let underscore = Syntax { underscore_domain: true, ..Syntax::INTERNET };
    assert!(Domain::parse_with(b"b_c.example", &underscore).is_ok());
    // G-16, G-18
    let parse = |octets| Domain::parse_with(octets, &Syntax::INTERNET);
    assert!(!parse("b\u{fc}cher.example".as_bytes()).unwrap().is_ascii());
    assert!(parse("\u{4f8b}\u{3048}.\u{30c6}".as_bytes()).is_ok());
    assert!(parse("\u{fc}\u{3002}example".as_bytes()).is_err());
    assert!(parse("\u{fc}\u{a0}.example".as_bytes()).is_err());
    assert!(parse("-\u{fc}.example".as_bytes()).is_err());
    assert_eq!(parse(b"a\xff.example").unwrap_err().rule(), Rule::Utf8);
}

#[cfg(feature = "idna")]
fn u_labels(text: &str) -> Result<Domain<'_>, ParseError> {
    Domain::parse_with(text.as_bytes(), &Syntax::INTERNET)
}

#[test]
#[cfg(feature = "idna")]
fn g18_a_labels_and_u_labels() {
    for (u, a) in [
        ("b\u{fc}cher.example", "xn--bcher-kva.example"),
        ("MX.b\u{fc}CHER.Example", "mx.xn--bcher-kva.example"),
        ("stra\u{df}e.example", "xn--strae-oqa.example"),
        ("\u{4f8b}\u{3048}.\u{30c6}\u{30b9}\u{30c8}", "xn--r8jz45g.xn--zckzah"),
        ("\u{5d3}\u{5d5}\u{5d2}.example", "xn--6dbbg.example"),
        ("r3---sn.\u{fc}.example", "r3---sn.xn--tda.example"),
    ] {
        let (long, short) = (u_labels(u).unwrap(), Domain::parse(a).unwrap());
        assert_eq!(long.to_a_labels().as_deref(), Some(a), "{u}");
        assert_eq!(short.to_u_labels(), u.to_ascii_lowercase());
        assert_eq!(short.to_a_labels().as_deref(), Some(a));
        // Equal, whichever form, and for a set too.
        let upper = a.to_ascii_uppercase();
        assert_eq!(long, Domain::parse(&upper).unwrap());
        assert_eq!(hash(long), hash(Domain::parse(&upper).unwrap()));
        assert_eq!(Mailbox::parse(&format!("a@{u}")), Mailbox::parse(&format!("a@{upper}")));
        assert_ne!(long, Domain::parse("xn--bcher-kvb.example").unwrap());
    }
    // One label in each form.
    assert_eq!(u_labels("\u{fc}.xn--tda").unwrap(), u_labels("xn--tda.\u{fc}").unwrap());
    // An A-label that stands for nothing is a name all the same.
    let nothing = Domain::parse("xn--a.example").unwrap();
    assert_eq!(nothing.to_u_labels(), "xn--a.example");
    let beside = Domain::parse("xn--a.xn--tda.example").unwrap();
    assert_eq!(beside.to_u_labels(), "xn--a.xn--tda.example");
    assert_eq!(nothing.to_a_labels().as_deref(), Some("xn--a.example"));
}

#[cfg(feature = "idna")]
fn hash(domain: Domain<'_>) -> u64 {
    use core::hash::{Hash, Hasher};
    use std::hash::DefaultHasher;
    let mut hasher = DefaultHasher::new();
    domain.hash(&mut hasher);
    hasher.finish()
}

#[test]
#[cfg(feature = "idna")]
fn g18_what_is_no_u_label() {
    for text in [
        // Not in NFC, a capital, a wide letter, a ligature.
        "bu\u{308}cher.example",
        "B\u{dc}CHER.example",
        "\u{fc}\u{ff41}.example",
        "\u{fb01}ne.example",
        // What maps to ASCII, or to nothing.
        "\u{fc}\u{ff20}x.example",
        "a\u{2026}\u{fc}.example",
        "\u{fc}\u{ad}.example",
        // A mark in front, a joiner without reason, letters of both directions, hyphens.
        "\u{301}a.example",
        "\u{fc}\u{200d}.example",
        "\u{5d0}a.example",
        "\u{5d0}.1a.example",
        "\u{fc}a--b.example",
        // Unassigned, private, an A-label beside that stands for nothing.
        "\u{378}.example",
        "\u{e000}.example",
        "\u{fc}.xn--a",
    ] {
        let error = u_labels(text).unwrap_err();
        assert_eq!((error.rule(), error.offset()), (Rule::Domain, 0), "{text}");
        assert!(Mailbox::parse(&format!("a@{text}")).is_err(), "{text}");
    }
    // Each label fits, and the A-labels together do not.
    let label = format!("\u{e9}\u{10dc}\u{4e00}{}", "a".repeat(45));
    let long = format!("{label}.{label}.{label}.{label}.example");
    assert!(u_labels(&label).is_ok());
    assert!(long.len() <= MAX_DOMAIN && u_labels(&long).is_err());
    // Its A-label fits, however many octets it has itself; and no hyphen at an end.
    let accents = "\u{e9}".repeat(31);
    for (label, fits) in [
        (format!("{accents}aa"), true),
        ("\u{449}".repeat(40), true),
        ("\u{e9}".repeat(60), false),
        (format!("{accents}-"), false),
        (format!("-{accents}"), false),
        (String::from("\u{e9}-"), false),
        (String::from("-\u{e9}"), false),
        (String::from("\u{e9}-e"), true),
    ] {
        assert_eq!(u_labels(&label).is_ok(), fits, "{label}");
    }
}

#[test]
#[cfg(feature = "idna")]
fn g18_a_u_label_is_as_long_as_its_a_label_may_be() {
    let of = |letters| "\u{449}".repeat(letters);
    let longest = (1..60).rev().find(|letters| u_labels(&of(*letters)).is_ok()).unwrap();
    let a_labels = |text: &str| u_labels(text).unwrap().to_a_labels().map(|name| name.len());
    assert_eq!(a_labels(&of(longest)), Some(63));
    assert!(of(longest).len() > 63);
}

#[test]
#[cfg(feature = "idna")]
fn names_that_people_type_are_mapped() {
    use crate::relay::HostName;
    for text in ["B\u{dc}CHER.Example.", "bu\u{308}cher.example", "b\u{fc}cher\u{3002}example"] {
        assert_eq!(HostName::parse(text).unwrap().as_str(), "xn--bcher-kva.example", "{text}");
    }
    assert_eq!(HostName::from(u_labels("\u{fc}.example").unwrap()).as_str(), "xn--tda.example");
    for text in ["a\u{ff20}b.example", "\u{2026}", "\u{fc}..example", "\u{378}.example"] {
        assert!(HostName::parse(text).is_err(), "{text}");
    }
}

#[test]
#[cfg(not(feature = "idna"))]
fn without_idna_nothing_is_converted() {
    let domain = Domain::parse_with("b\u{fc}cher.example".as_bytes(), &Syntax::INTERNET).unwrap();
    assert_eq!(domain.to_a_labels(), None);
    let a_labels = Domain::parse("xn--bcher-kva.example").unwrap();
    assert_ne!(domain, a_labels);
    assert_eq!(a_labels.to_u_labels(), "xn--bcher-kva.example");
}

#[test]
fn case_does_not_make_another_domain() {
    assert_eq!(Domain::parse("MX.Example").unwrap(), Domain::parse("mx.eXAMPLE").unwrap());
    assert_ne!(Domain::parse("mx.example").unwrap(), Domain::parse("my.example").unwrap());
}

#[test]
fn literals_both_ways() {
    let v6 = |text: &str| AddressLiteral::V6(text.parse().unwrap());
    for (text, value, written) in [
        ("[192.0.2.7]", AddressLiteral::V4(Ipv4Addr::new(192, 0, 2, 7)), "[192.0.2.7]"),
        // G-12: decimal, whatever the zeros.
        ("[010.001.000.255]", AddressLiteral::V4(Ipv4Addr::new(10, 1, 0, 255)), "[10.1.0.255]"),
        // G-13
        ("[IPv6:2001:db8::1]", v6("2001:db8::1"), "[IPv6:2001:db8::1]"),
        ("[ipv6:2001:DB8:0:0:0:0:0:1]", v6("2001:db8::1"), "[IPv6:2001:db8::1]"),
        ("[IPv6:::]", v6("::"), "[IPv6:::]"),
        ("[IPv6:::ffff:192.0.2.1]", v6("::ffff:192.0.2.1"), "[IPv6:::ffff:192.0.2.1]"),
        (
            "[IPv6:1:2:3:4:5:6:192.0.2.001]",
            v6("1:2:3:4:5:6:c000:201"),
            "[IPv6:1:2:3:4:5:6:c000:201]",
        ),
        // G-14
        ("[IPv6:1:2:3:4:5:6:7::]", v6("1:2:3:4:5:6:7:0"), "[IPv6:1:2:3:4:5:6:7:0]"),
    ] {
        let literal = AddressLiteral::parse(text).unwrap();
        assert_eq!(literal, value, "{text}");
        assert_eq!(literal.to_string(), written);
        assert_eq!(AddressLiteral::parse(written).unwrap(), value);
    }
    // G-15: the tag is missing, so what stands there is one.
    let AddressLiteral::General(general) = AddressLiteral::parse("[2001:db8::1]").unwrap() else {
        panic!("no tag");
    };
    assert_eq!((general.tag(), general.content()), ("2001", "db8::1"));
    assert_eq!(AddressLiteral::General(general).to_string(), "[2001:db8::1]");
}

#[test]
fn a_literal_is_no_longer_than_a_domain() {
    let of_length = |octets: usize| alloc::format!("[x:{}]", "y".repeat(octets - 4));
    assert!(AddressLiteral::parse(&of_length(255)).is_ok());
    assert!(AddressLiteral::parse(&of_length(256)).is_err());
    assert!(Host::parse(&of_length(5000)).is_err());
    let hello = HelloName::parse(&of_length(256)).unwrap_err();
    assert_eq!((hello.rule(), hello.offset()), (Rule::HelloName, 255));
}

/// Where a domain is too long, or one of its labels, also behind something else.
#[test]
fn the_place_of_what_is_too_long() {
    let label = |octets: usize| "x".repeat(octets);
    let domain = |last| format!("{0}.{0}.{0}.{1}", label(63), label(last));
    let literal = |octets: usize| format!("[x:{}]", label(octets - 4));
    let too_long = Some((Rule::PathLength, 255));
    for (host, alone, behind) in [
        (label(63), None, None),
        (label(64), Some((Rule::Domain, 63)), Some((Rule::Domain, 3 + 63))),
        (format!("y.{}", label(64)), Some((Rule::Domain, 65)), Some((Rule::Domain, 3 + 65))),
        (domain(63), None, too_long),
        (format!("{}.y", domain(62)), Some((Rule::Domain, 255)), Some((Rule::Domain, 3 + 255))),
        (literal(255), None, too_long),
        (literal(256), Some((Rule::AddressLiteral, 255)), Some((Rule::AddressLiteral, 3 + 255))),
    ] {
        let place = |error: ParseError| (error.rule(), error.offset());
        assert_eq!(Host::parse(&host).err().map(place), alone, "{host}");
        let path = format!("<a@{host}>");
        assert_eq!(ForwardPath::parse(&path).err().map(place), behind, "{host}");
    }
}

#[test]
fn what_goes_without_smtputf8() {
    assert!(Domain::parse("x.example").unwrap().is_ascii());
    assert!(
        !Domain::parse_with("\u{fc}.example".as_bytes(), &Syntax::INTERNET).unwrap().is_ascii()
    );
}

#[test]
fn what_is_no_literal() {
    for text in [
        "",
        "192.0.2.1",
        "[]",
        "[192.0.2.256]",
        "[192.0.2]",
        "[192.0.2.]",
        "[.192.0.2]",
        "[192..0.2]",
        "[192.0.2.1.1]",
        "[192.0.2.0001]",
        "[192.0.2.+1]",
        "[192.0.2.1",
        "[192.0.2.1]x",
        "[IPv6:1::2::3]",
        "[IPv6:fe80::1%eth0]",
        "[IPv6:1:2:3:4:5:6:7]",
        "[IPv6:1::2:3:4:5:6:7:8]",
        "[IPv6:1:2:3:4:5:6:7:192.0.2.1]",
        "[IPv6:12345::]",
        "[IPv6:192.0.2.1]",
        "[IPv6:]",
        "[IPv6::192.0.2.1]",
        "[:x]",
        "[a-:x]",
        "[a:]",
        "[a:x y]",
        "[a:[x]",
        "[a:\u{f6}]",
    ] {
        let error = AddressLiteral::parse(text).unwrap_err();
        assert_eq!(error.rule(), Rule::AddressLiteral, "{text}");
    }
}

#[test]
fn edges_of_the_forms_of_ipv6() {
    for (text, value) in [
        ("1:2:3:4:5:6:7:8", Some("1:2:3:4:5:6:7:8")),
        ("::2:3:4:5:6:7:8", Some("0:2:3:4:5:6:7:8")),
        ("1::3:4:5:6:7:8", Some("1:0:3:4:5:6:7:8")),
        ("1::", Some("1::")),
        ("::ffff", Some("::ffff")),
        ("::1:2:3:4:5:1.2.3.4", Some("0:1:2:3:4:5:102:304")),
        ("1:2:3:4:5::1.2.3.4", Some("1:2:3:4:5:0:102:304")),
        ("1::2:1.2.3.4", Some("1::2:102:304")),
        ("::001.2.3.4", Some("::102:304")),
        ("1:2:3:4:5:6:7:8:9", None),
        ("::1:2:3:4:5:6:7:8", None),
        ("1:2:3:4:5:6:7:8::", None),
        ("1:2:3:4:5:6::1.2.3.4", None),
        ("::1:2:3:4:5:6:1.2.3.4", None),
        ("1:2:3:4:5:1.2.3.4", None),
        ("::1.2.3.4:5", None),
        ("::1.2.3", None),
        ("::1.2.3.4.5", None),
        ("::1.2.3.256", None),
        (":::", None),
        ("1:::2", None),
        ("1:", None),
        (":1", None),
        ("1:2", None),
        ("::+1", None),
        ("::0x1", None),
        ("::00001", None),
    ] {
        let written = format!("[IPv6:{text}]");
        let literal = AddressLiteral::parse(&written).ok();
        let value = value.map(|value| AddressLiteral::V6(value.parse().unwrap()));
        assert_eq!(literal, value, "{text}");
    }
    // The tag of IPv6 is no other's.
    assert!(AddressLiteral::parse("[ipV6:x]").is_err());
    assert!(AddressLiteral::parse("[IPv66:x]").is_ok());
}

#[test]
fn hello_names() {
    let parse = |octets: &'static [u8], hello| {
        HelloName::parse_with(octets, &Syntax { hello, ..Syntax::INTERNET })
            .map(|name| name.to_string())
            .map_err(|error| error.rule())
    };
    for (octets, strict, underscore, any) in [
        (&b"mx.example"[..], Ok("mx.example"), Ok("mx.example"), Ok("mx.example")),
        (b"[192.0.2.7]", Ok("[192.0.2.7]"), Ok("[192.0.2.7]"), Ok("[192.0.2.7]")),
        // G-22
        (b"[192.0.2.7] my box", Ok("[192.0.2.7]"), Ok("[192.0.2.7]"), Ok("[192.0.2.7]")),
        // G-21
        (b"MY_PC", Err(Rule::HelloName), Ok("MY_PC"), Ok("MY_PC")),
        (b"!", Err(Rule::HelloName), Err(Rule::HelloName), Ok("!")),
        (b"[1.2]", Err(Rule::HelloName), Err(Rule::HelloName), Ok("[1.2]")),
        (b"", Err(Rule::MissingArgument), Err(Rule::MissingArgument), Err(Rule::MissingArgument)),
        // G-19
        (
            b"b\xc3\xbccher.example",
            Err(Rule::HelloName),
            Err(Rule::HelloName),
            Err(Rule::HelloName),
        ),
    ] {
        for (hello, expected) in [
            (HelloSyntax::Strict, strict),
            (HelloSyntax::Underscore, underscore),
            (HelloSyntax::Any, any),
        ] {
            assert_eq!(parse(octets, hello), expected.map(String::from), "{octets:?} {hello:?}");
        }
    }
    let long = "a".repeat(256);
    let any = Syntax { hello: HelloSyntax::Any, ..Syntax::INTERNET };
    assert!(HelloName::parse_with(long.as_bytes(), &any).is_err());
    assert!(HelloName::parse_with(&long.as_bytes()[1..], &any).is_ok());
    let domain = Domain::parse_with("\u{fc}.example".as_bytes(), &Syntax::INTERNET).unwrap();
    assert!(HelloName::try_from(domain).is_err());
}

proptest! {
    #[test]
    fn addresses_survive(v4: u32, v6: u128) {
        for ip in [IpAddr::V4(Ipv4Addr::from_bits(v4)), IpAddr::V6(Ipv6Addr::from_bits(v6))] {
            let literal = AddressLiteral::from(ip);
            let text = literal.to_string();
            let read = AddressLiteral::parse(&text).unwrap();
            prop_assert_eq!(read, literal);
            prop_assert_eq!(read.ip(), Some(ip));
            prop_assert_eq!(HelloName::parse(&text).unwrap(), HelloName::Literal(literal));
        }
    }

    #[test]
    fn ipv6_is_read_as_core_reads_it(
        text in "[0-9a-f:]{0,20}|((:|::)?[1-9a-fA-F]{1,5}){0,9}(:|::)?|(:{1,2}[1-9a-f]){0,7}:{1,2}([1-9]{1,3}[.]){3}[1-9]",
    ) {
        let written = format!("[IPv6:{text}]");
        let literal = AddressLiteral::parse(&written).ok();
        prop_assert_eq!(literal, text.parse().ok().map(AddressLiteral::V6));
    }

    #[test]
    fn what_reads_is_written_as_it_was(text in "[a-zA-Z0-9.-]{0,40}") {
        if let Ok(domain) = Domain::parse(&text) {
            prop_assert_eq!(domain.to_string(), text);
        }
    }

    #[test]
    fn no_octets_panic(octets: alloc::vec::Vec<u8>, text in "\\[?[0-9a-fIPv6:.]{0,30}\\]?") {
        for syntax in [Syntax::STRICT, Syntax::INTERNET, Syntax::LENIENT] {
            let _ = Domain::parse_with(&octets, &syntax);
            let _ = HelloName::parse_with(&octets, &syntax);
            let _ = HelloName::parse_with(text.as_bytes(), &syntax);
        }
        let _ = Host::parse(&text);
    }
}
