use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::hash::{BuildHasher, BuildHasherDefault, Hash};
use std::hash::DefaultHasher;

use proptest::prelude::*;

use super::*;
use crate::command::Command;
use crate::domain::Host;

fn hash(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

/// The mailbox, its local-part without quotes, and what stands behind the `@`.
const MAILBOXES: &[(&str, &str, &str)] = &[
    ("joe@example.org", "joe", "example.org"),
    ("a.b.c@x", "a.b.c", "x"),
    ("!#$%&'*+-/=?^_`{|}~@x.example", "!#$%&'*+-/=?^_`{|}~", "x.example"),
    // G-06
    ("\"\"@x.example", "", "x.example"),
    ("\"a>b@c\"@x.example", "a>b@c", "x.example"),
    ("\"j\\oe\"@x.example", "joe", "x.example"),
    ("\"a\\\"b\\\\c\\ d\"@x.example", "a\"b\\c d", "x.example"),
    ("joe@[192.0.2.7]", "joe", "[192.0.2.7]"),
    ("joe@[IPv6:2001:db8::1]", "joe", "[IPv6:2001:db8::1]"),
    ("joe@[x:y@z]", "joe", "[x:y@z]"),
    // G-16
    ("j\u{f6}rg@b\u{fc}cher.example", "j\u{f6}rg", "b\u{fc}cher.example"),
    ("\"j\u{f6} g\"@x.example", "j\u{f6} g", "x.example"),
];

#[test]
fn mailboxes_both_ways() {
    for &(text, local, host) in MAILBOXES {
        let mailbox = Mailbox::parse(text).unwrap();
        assert_eq!(mailbox.to_string(), text);
        assert_eq!(mailbox.local_part().unquoted().collect::<String>(), local);
        assert_eq!(mailbox.host().to_string(), host);
        assert_eq!(mailbox.is_ascii(), text.is_ascii());
        let path = format!("<{text}>");
        assert_eq!(ReversePath::parse(&path).unwrap(), ReversePath::Mailbox(mailbox));
        assert_eq!(ForwardPath::parse(&path).unwrap(), ForwardPath::Mailbox(mailbox));
        let mut out = Vec::new();
        ReversePath::from(mailbox).write(&mut out);
        assert_eq!(out, path.as_bytes());
        // G-07: least quoting when a mailbox is made.
        let made = MailboxBuf::new(local, mailbox.host()).unwrap();
        assert_eq!(made.as_mailbox(), mailbox, "{made}");
        assert_eq!(hash(&made), hash(&mailbox));
        assert_eq!(made.to_string().parse::<MailboxBuf>().unwrap(), MailboxBuf::from(mailbox));
    }
    let quoted = |name| MailboxBuf::new(name, Host::parse("x").unwrap()).unwrap().to_string();
    assert_eq!(quoted("joe"), "joe@x");
    assert_eq!(quoted("joe."), "\"joe.\"@x");
    assert!(MailboxBuf::new("a\r\nb", Host::parse("x").unwrap()).is_err());
}

#[test]
fn what_is_no_mailbox() {
    for (text, rule, offset) in [
        ("", Rule::LocalPart, 0),
        ("@x", Rule::LocalPart, 0),
        ("joe", Rule::Mailbox, 3),
        ("joe@", Rule::Domain, 4),
        (".a@b.example", Rule::LocalPart, 0),
        ("a.@b.example", Rule::LocalPart, 2),
        ("a..b@c.example", Rule::LocalPart, 2),
        ("a(b)@c", Rule::LocalPart, 1),
        ("a b@c", Rule::Mailbox, 1),
        ("\"a@c", Rule::LocalPart, 4),
        ("\"a\\\u{f6}\"@c", Rule::LocalPart, 2),
        ("\"a\nb\"@c", Rule::LocalPart, 2),
        ("a@b_c.example", Rule::Domain, 3),
        ("a@b.example.", Rule::Domain, 12),
        ("a@[192.0.2.256]", Rule::AddressLiteral, 3),
        ("a@[192.0.2.1]x", Rule::AddressLiteral, 13),
        ("a@b@c", Rule::Domain, 3),
        ("a@b\r\n", Rule::Domain, 3),
    ] {
        let error = Mailbox::parse(text).unwrap_err();
        assert_eq!((error.rule(), error.offset()), (rule, offset), "{text:?}");
    }
}

#[test]
fn spelling_does_not_make_another_mailbox() {
    let mailbox = |text| Mailbox::parse(text).unwrap();
    // G-07, G-08
    for (one, other, equal) in [
        ("\"joe\"@x", "joe@X", true),
        ("\"j\\oe\"@x", "joe@x", true),
        ("Joe@x", "joe@x", false),
        ("PostMaster@x", "\"postmaster\"@x", true),
        ("joe@x", "joe@y", false),
        ("a@[192.0.2.1]", "a@[192.0.2.001]", true),
    ] {
        assert_eq!(mailbox(one) == mailbox(other), equal, "{one} {other}");
        if equal {
            assert_eq!(hash(&mailbox(one)), hash(&mailbox(other)));
        }
    }
}

#[test]
fn paths() {
    assert_eq!(ReversePath::parse("<>").unwrap(), ReversePath::Null);
    assert_eq!(ReversePath::Null.to_string(), "<>");
    // G-03: the route is dropped.
    let path = ForwardPath::parse("<@a.example,@b.example:joe@c.example>").unwrap();
    assert_eq!(path.to_string(), "<joe@c.example>");
    // G-11
    for text in ["<Postmaster>", "<POSTMASTER>"] {
        assert_eq!(ForwardPath::parse(text).unwrap().to_string(), "<Postmaster>");
    }
    assert!(ForwardPath::parse("<POSTMASTER@our.example>").unwrap().is_postmaster());
}

#[test]
fn bad_paths_and_their_replies() {
    // G-01, G-02, G-11
    let long = format!("<a@{0}.{0}.{0}.{1}>", "b".repeat(63), "c".repeat(62));
    assert_eq!(long.len(), 258);
    for text in [
        "<",
        "<postmaster>",
        "<a@b",
        "a@b",
        "<a@b>x",
        "<@a.example>",
        "<@a.example:>",
        "<@:a@b>",
        "<@a,b:c@d>",
        "<a..b@c.example>",
        "< a@b>",
        &long,
    ] {
        let rejection = ReversePath::parse(text).unwrap_err().rejection();
        assert_eq!(rejection.code().value(), 501, "{text}");
        if text != "<a@b>x" {
            assert_eq!(rejection.enhanced().to_string(), "5.1.7", "{text}");
        }
    }
    for text in ["<>", "", "<a@b", "<joe>", &long] {
        let rejection = ForwardPath::parse(text).unwrap_err().rejection();
        assert_eq!(rejection.code().value(), 501, "{text}");
        assert_eq!(rejection.enhanced().to_string(), "5.1.3", "{text}");
    }
    // A source route counts, too.
    for (octets, error) in [(256, None), (257, Some((Rule::PathLength, "MAIL FROM:".len() + 256)))]
    {
        let hops = "@r.example,".repeat(22);
        let path = format!("<{hops}@{}:a@b>", "s".repeat(octets - 2 - hops.len() - 5));
        let line = format!("MAIL FROM:{path}");
        let place = |error: ParseError| (error.rule(), error.offset());
        assert_eq!(
            Command::parse(line.as_bytes(), &Syntax::INTERNET).err().map(place),
            error,
            "{}",
            path.len()
        );
    }
    let fits = format!("<a@{0}.{0}.{0}.{1}>", "b".repeat(63), "c".repeat(60));
    assert_eq!(fits.len(), 256);
    assert!(ForwardPath::parse(&fits).is_ok());
}

/// RFC 5321 section 4.5.3.1.3: a path has 256 octets with its brackets, a mailbox those between them.
#[test]
fn the_longest_mailbox() {
    let place = |error: ParseError| (error.rule(), error.offset());
    for (octets, mailbox, path) in
        [(254, None, None), (255, Some((Rule::PathLength, 254)), Some((Rule::PathLength, 255)))]
    {
        let local = "a".repeat(64);
        let domain = format!("{0}.{0}.{1}", "b".repeat(63), "c".repeat(octets - 193));
        let text = format!("{local}@{domain}");
        assert_eq!(text.len(), octets);
        assert_eq!(Mailbox::parse(&text).err().map(place), mailbox);
        assert_eq!(ForwardPath::parse(&format!("<{text}>")).err().map(place), path);
    }
    let mailboxes = ["a@x.example", "b@x.example", "a@X.example"];
    let [a, b, c] = mailboxes.map(|text| text.parse::<MailboxBuf>().unwrap());
    assert!(a == c && a != b);
}

#[test]
fn local_part_limit_is_a_switch() {
    // G-09
    let text = format!("{}@x", "a".repeat(65));
    assert!(Mailbox::parse(&text).is_ok());
    let error = Mailbox::parse_with(text.as_bytes(), &Syntax::STRICT).unwrap_err();
    assert_eq!((error.rule(), error.offset()), (Rule::LocalPart, 64));
    assert!(Mailbox::parse_with(&text.as_bytes()[1..], &Syntax::STRICT).is_ok());
}

proptest! {
    #[test]
    fn any_printable_name_can_be_made(name in "[ -~\u{a1}-\u{ff}]{0,60}") {
        let made = MailboxBuf::new(&name, Host::parse("x.example").unwrap()).unwrap();
        let read: MailboxBuf = made.as_str().parse().unwrap();
        prop_assert_eq!(read.as_mailbox().local_part().unquoted().collect::<String>(), name);
    }

    #[test]
    fn what_is_read_at_once_is_what_the_grammar_makes_of_it(
        text in "<([a-z.!\u{f6}]{0,4}|[a-z]{62,67})@([a-z0-9.-]{0,8}|[a-z_\u{f6}]{1,4})>?.?",
    ) {
        if let Some(mailbox) = everyday(&text) {
            let read = ReversePath::scan(text.as_bytes(), 0, &Syntax::INTERNET);
            prop_assert_eq!(read, Ok((ReversePath::Mailbox(mailbox), text.len())));
            prop_assert!(text.is_ascii());
        }
        if let Ok((path, end)) = ForwardPath::scan(text.as_bytes(), 0, &Syntax::INTERNET) {
            prop_assert_eq!(path.is_ascii(), text[..end].is_ascii());
        }
    }

    #[test]
    fn no_text_panics(
        octets: Vec<u8>,
        text in "<?@?[a,:\"\\\\. \u{f6}@]{0,12}@[a.:\\[\\]1-]{0,8}>?",
    ) {
        for syntax in [Syntax::STRICT, Syntax::INTERNET, Syntax::LENIENT] {
            let _ = Mailbox::parse_with(&octets, &syntax);
            if let Ok((path, _)) = ReversePath::scan(text.as_bytes(), 0, &syntax) {
                let written = path.to_string();
                prop_assert_eq!(ReversePath::scan(written.as_bytes(), 0, &syntax).unwrap().0, path);
            }
        }
        let _ = ForwardPath::parse(&text);
    }
}

#[test]
fn c74_only_a_domain_has_a_labels() {
    for (text, a_labels) in [
        ("a@x.example", Some("a@x.example")),
        ("\"a b\"@[192.0.2.1]", Some("\"a b\"@[192.0.2.1]")),
        ("\"a@b\"@\u{fc}.Example", Some("\"a@b\"@xn--tda.example")),
        ("j\u{f6}rg@x.example", None),
        ("j\u{f6}rg@\u{fc}.example", None),
    ] {
        let mailbox = Mailbox::parse(text).unwrap();
        let a_labels = a_labels.filter(|_| mailbox.is_ascii() || cfg!(feature = "idna"));
        let converted = mailbox.to_a_labels();
        assert_eq!(converted.as_ref().map(MailboxBuf::as_str), a_labels);
        assert_eq!(mailbox.needs_smtputf8(), a_labels.is_none(), "{text}");
        assert!(converted.is_none_or(|converted| converted.as_mailbox() == mailbox));
        assert_eq!(ForwardPath::from(mailbox).needs_smtputf8(), a_labels.is_none());
        assert_eq!(ReversePath::from(mailbox).needs_smtputf8(), a_labels.is_none());
    }
    assert!(!ReversePath::Null.needs_smtputf8() && !ForwardPath::Postmaster.needs_smtputf8());
}

#[test]
#[cfg(feature = "idna")]
fn c74_a_labels_may_be_too_long_for_a_path() {
    let label = alloc::format!("\u{4e00}\u{e9}{}", "a".repeat(37));
    let text = alloc::format!("{}@{label}.{label}.{label}.{label}", "b".repeat(64));
    let mailbox = Mailbox::parse(&text).unwrap();
    assert!(mailbox.needs_smtputf8(), "{:?}", mailbox.to_a_labels());
}
