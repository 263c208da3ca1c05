use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::command::Url;
use crate::reply::{CodeMismatch, Reply, ReplyRules};
use crate::upstream::Attribute;
use proptest::prelude::*;

fn capabilities(octets: &str) -> Capabilities<'_> {
    Capabilities::parse(Reply::parse(octets.as_bytes()).unwrap())
}

fn keywords(capabilities: Capabilities<'_>) -> Vec<&'static str> {
    capabilities.set().iter().map(Extension::keyword).collect()
}

#[test]
fn every_keyword_both_ways() {
    for extension in Extension::ALL {
        let keyword = extension.keyword();
        assert_eq!(Extension::from_keyword(keyword.as_bytes()), Some(extension));
        let lower = keyword.to_ascii_lowercase();
        assert_eq!(Extension::from_keyword(lower.as_bytes()), Some(extension));
        // One octet more, less or other is another keyword.
        for at in 0..keyword.len() {
            for octet in 0..=255 {
                let mut other = keyword.as_bytes().to_vec();
                other[at] = octet;
                let same = other.eq_ignore_ascii_case(keyword.as_bytes());
                assert_eq!(Extension::from_keyword(&other) == Some(extension), same, "{other:?}");
            }
        }
        for octet in 0..=255 {
            let mut other = keyword.as_bytes().to_vec();
            other.push(octet);
            assert_eq!(Extension::from_keyword(&other), None);
        }
        assert_eq!(Extension::from_keyword(&keyword.as_bytes()[1..]), None);
    }
    for other in
        ["", "X", "UTF8SMTP", "SUBMITTER", "X-EXPS", "ENHANCEDSTATUSCODESENHANCED", " SIZE"]
    {
        assert_eq!(Extension::from_keyword(other.as_bytes()), None);
    }
}

/// what stands behind the keywords.
#[test]
fn attributes_and_stores() {
    let all = capabilities(
        "250-x\r\n250-XCLIENT name ADDR FOO\r\n250-BURL imap imap://Store.example x\r\n\
         250 XFORWARD IDENT\r\n",
    );
    let listed: Vec<_> = all.xclient_attributes().iter().map(Attribute::as_str).collect();
    assert_eq!(listed, ["NAME", "ADDR"]);
    assert_eq!(all.xforward_attributes().iter().collect::<Vec<_>>(), [Attribute::Ident]);
    assert_eq!(all.burl_arguments().collect::<Vec<_>>(), ["imap", "imap://Store.example", "x"]);
    let takes = |all: Capabilities<'_>, url| all.takes_url(Url::parse(url).unwrap());
    let key = "IMAP://any.example/a;urlauth=anonymous:internal:9";
    let (plain, other) = ("imap://joe@store.example/a", "imap://store.example:99/a");
    assert!(takes(all, key) && takes(all, plain) && !takes(all, other));
    let some = capabilities("250-x\r\n250 BURL imap\r\n");
    assert!(takes(some, key) && !takes(some, plain) && takes(some, "http://x.example/"));
    let bare = capabilities("250-x\r\n250 BURL\r\n");
    assert!(!takes(bare, key) && !takes(bare, plain) && takes(bare, "http://x.example/"));
    let none = capabilities("250 x\r\n");
    assert!(!takes(none, key) && !takes(none, "http://x.example/"));
    assert!(none.xclient_attributes().is_empty() && none.xforward_attributes().is_empty());
    assert_eq!(none.burl_arguments().next(), None);
}

///
#[test]
fn order_of_all() {
    let names: Vec<_> = Extension::ALL.iter().map(|extension| extension.keyword()).collect();
    assert_eq!(
        names[..11],
        [
            "PIPELINING",
            "SIZE",
            "STARTTLS",
            "AUTH",
            "ENHANCEDSTATUSCODES",
            "8BITMIME",
            "SMTPUTF8",
            "DSN",
            "CHUNKING",
            "BINARYMIME",
            "LIMITS"
        ]
    );
    assert!(names[11..].is_sorted());
    assert!(Extension::ALL.is_sorted());
}

#[test]
fn sets() {
    let mut set = ExtensionSet::EMPTY;
    assert!(set.is_empty());
    for (index, extension) in Extension::ALL.into_iter().rev().enumerate() {
        assert!(!set.contains(extension));
        assert!(set.insert(extension));
        assert!(!set.insert(extension));
        assert_eq!(set.iter().count(), index + 1);
    }
    assert!(set.iter().eq(Extension::ALL));
    assert!(set.remove(Extension::Dsn) && !set.remove(Extension::Dsn));
    assert_eq!(set.with(Extension::Dsn).without(Extension::Dsn), set);
    let two: ExtensionSet = [Extension::Size, Extension::Auth].into_iter().collect();
    let one = ExtensionSet::EMPTY.with(Extension::Size);
    assert!(!one.is_empty() && one.is_subset(two) && two.is_subset(two) && one.is_subset(set));
    assert!(
        ExtensionSet::EMPTY.is_subset(one) && ExtensionSet::EMPTY.is_subset(ExtensionSet::EMPTY)
    );
    assert!(!two.is_subset(one) && !one.is_subset(ExtensionSet::EMPTY));
    assert!(!one.is_subset(set.without(Extension::Size)));
    assert_eq!(alloc::format!("{two:?}"), "{Size, Auth}");
}

/// EHLO reply, and the keywords offered by it.
#[test]
fn known_answers() {
    for (octets, offered) in [
        // C-06
        ("250 mx.example.net\r\n", &[][..]),
        ("250 SIZE\r\n", &[]),
        ("250-SIZE 5\r\n250 HELP\r\n", &["HELP"]),
        ("250-mx.example.net SIZE 5\r\n250 8bitmime\r\n", &["8BITMIME"]),
        ("250-mx\r\n250-PIPELINING\r\n250-size 5\r\n250 DSN\r\n", &["PIPELINING", "SIZE", "DSN"]),
        // C-07
        ("250-mx\r\n250-x_y z\r\n250-\r\n250 HELP\r\n", &["HELP"]),
        ("250-mx\r\n250- SIZE\r\n250-SIZE=5\r\n250-8BITMIMEX\r\n250-DS\r\n250\r\n", &[]),
        ("250-mx\r\n250-SIZE\x015\r\n250-DSN\rx\r\n250-HELP\x00\r\n250 ETRN\r\n", &["ETRN"]),
        ("250-mx\r\n250-A-VERY-LONG-KEYWORD-OF-NOBODY 5\r\n250 ETRN\r\n", &["ETRN"]),
        // C-10
        ("250-mx\r\n250-SMTPUTF8 SMTPUTF8=1\r\n250 8BITMIME \r\n", &["8BITMIME", "SMTPUTF8"]),
        ("250-mx\r\n250-STARTTLS\t\r\n250 CHUNKING\tx\r\n", &["STARTTLS", "CHUNKING"]),
        ("550-no\r\n550 HELP\r\n", &[]),
    ] {
        assert_eq!(keywords(capabilities(octets)), offered, "{octets:?}");
    }
    let reply = Reply::parse_with(
        b"250-mx\n250-DSN\n250-SIZE 7\n250 HELP\n",
        &ReplyRules {
            lenient_lf: true,
            code_mismatch: CodeMismatch::Last,
            ..ReplyRules::default()
        },
    );
    let capabilities = Capabilities::parse(reply.unwrap());
    assert_eq!(keywords(capabilities), ["SIZE", "DSN", "HELP"]);
    assert_eq!(capabilities.size_limit(), Some(7));
}

/// C-08, C-10; RFC 1870 §4.
#[test]
fn size() {
    for (line, limit) in [
        ("SIZE", None),
        ("SIZE ", None),
        ("SIZE 0", None),
        ("SIZE abc", None),
        ("SIZE -5", None),
        ("SIZE 5a", None),
        ("SIZE 52428800", Some(52_428_800)),
        ("size  007 8", Some(7)),
        ("SIZE 10000000000000000009", Some(10_000_000_000_000_000_009)),
        ("SIZE 00000000000000000070", Some(70)),
        ("SIZE 18446744073709551615", Some(u64::MAX)),
        ("SIZE 18446744073709551616", Some(u64::MAX)),
        ("SIZE 99999999999999999999", Some(u64::MAX)),
        ("SIZE 100000000000000000000", None),
        ("SIZE 1\r\n250-SIZE 2", Some(1)),
        ("SIZE\r\n250-SIZE 2", None),
    ] {
        let octets = alloc::format!("250-mx\r\n250-{line}\r\n250 HELP\r\n");
        let capabilities = capabilities(&octets);
        assert!(capabilities.offers(Extension::Size) && capabilities.offers(Extension::Help));
        assert_eq!(capabilities.size_limit(), limit, "{line}");
    }
}

/// C-08, C-09.
#[test]
fn auth() {
    for (lines, mechanisms) in [
        ("AUTH LOGIN PLAIN", &["LOGIN", "PLAIN"][..]),
        ("AUTH=LOGIN PLAIN", &["LOGIN", "PLAIN"]),
        ("auth=LOGIN\r\n250-AUTH PLAIN", &["LOGIN", "PLAIN"]),
        ("AUTH PLAIN\r\n250-AUTH  SCRAM-SHA-256 ", &["PLAIN", "SCRAM-SHA-256"]),
        ("AUTH", &[]),
        ("AUTH=", &[]),
        ("AUTH= PLAIN", &["PLAIN"]),
        ("AUTH=AN-UNUSUALLY-LONG-WORD-OF-THIRTY PLAIN", &["PLAIN"]),
        ("AUTH X_Y a!b PLAIN", &["X_Y", "PLAIN"]),
    ] {
        let octets = alloc::format!("250-mx\r\n250-{lines}\r\n250 HELP\r\n");
        let capabilities = capabilities(&octets);
        assert!(capabilities.offers(Extension::Auth), "{lines}");
        assert_eq!(capabilities.auth_mechanisms().collect::<Vec<_>>(), mechanisms, "{lines}");
        assert_eq!(capabilities.offers_mechanism("plain"), mechanisms.contains(&"PLAIN"));
    }
    assert_eq!(capabilities("250-AUTH PLAIN\r\n250 HELP\r\n").auth_mechanisms().next(), None);
}

/// G-59.
#[test]
fn limits() {
    for (line, limits) in [
        ("LIMITS", (None, None, None)),
        ("LIMITS RCPTMAX=1000", (None, Some(1000), None)),
        ("limits mailmax=5 rcptmax=999999 RCPTDOMAINMAX=1", (Some(5), Some(999_999), Some(1))),
        ("LIMITS RCPTMAX=0 MAILMAX=05 RCPTDOMAINMAX=1000000", (None, None, None)),
        ("LIMITS RCPTMAX MAILMAX= X=1 =5 RCPTMAX=5=6 MAILMAX=7", (Some(7), None, None)),
        ("LIMITS RCPTMAX=1 RCPTMAX=2\r\n250-LIMITS RCPTMAX=3", (None, Some(1), None)),
        // Limits that nobody knows yet, whatever they begin with.
        ("LIMITS RCPTDOMAINMIN=5 RCPTDOMA RCPTDOMAINMAXIMUM=6 MAILMAX=7", (Some(7), None, None)),
        ("LIMITS RCPTDOMATINGS=3 rcptdomainmax=4", (None, None, Some(4))),
    ] {
        let octets = alloc::format!("250-mx\r\n250-{line}\r\n250 HELP\r\n");
        let capabilities = capabilities(&octets);
        assert!(capabilities.offers(Extension::Limits));
        let found = capabilities.limits();
        assert_eq!((found.mail_max, found.rcpt_max, found.rcpt_domain_max), limits, "{line}");
    }
}

#[test]
fn raw_lines_and_parameters() {
    let octets = "250-mx.example.net hello\r\n250-x_y z  w\r\n250-\r\n250-Deliverby 240\r\n250-XCLIENT NAME ADDR\r\n250 DSN\r\n";
    let capabilities = capabilities(octets);
    assert_eq!(capabilities.host(), b"mx.example.net");
    let lines: Vec<_> = capabilities.lines().collect();
    assert_eq!(
        lines,
        [
            (&b"x_y"[..], &b"z  w"[..]),
            (b"", b""),
            (b"Deliverby", b"240"),
            (b"XCLIENT", b"NAME ADDR"),
            (b"DSN", b"")
        ]
    );
    assert_eq!(capabilities.parameters("DELIVERBY"), Some("240"));
    assert_eq!(capabilities.parameters("dsn"), Some(""));
    assert_eq!(capabilities.parameters("SIZE"), None);
    let kept = capabilities.digest();
    let again = Capabilities::from_digest(octets.as_bytes(), kept);
    assert_eq!(again.set(), capabilities.set());
    assert_eq!(again.host(), capabilities.host());
    assert!(alloc::format!("{again:?}").contains("DeliverBy"));
}

proptest! {
    /// What is written is read, whatever case and order.
    #[test]
    fn emit_then_parse(chosen in proptest::collection::vec((0..Extension::ALL.len(), any::<bool>(), "( [!-~]{1,9}){0,3}"), 0..20)) {
        let mut text = String::from("mx.example.net");
        let mut set = ExtensionSet::EMPTY;
        for (index, lower, parameters) in &chosen {
            let extension = Extension::ALL[*index];
            set.insert(extension);
            let keyword = extension.keyword().to_string();
            text.push('\n');
            text += &if *lower { keyword.to_ascii_lowercase() } else { keyword };
            text += parameters;
        }
        let reply = crate::reply::ReplyBuf::new(crate::status::Code::OK, None, &text);
        let capabilities = Capabilities::parse(reply.as_reply());
        prop_assert_eq!(capabilities.set(), set);
        for (index, _, _) in &chosen {
            let keyword = Extension::ALL[*index].keyword();
            let first = chosen.iter().find(|(other, _, _)| other == index).unwrap();
            prop_assert_eq!(capabilities.parameters(keyword), Some(first.2.strip_prefix(' ').unwrap_or("")));
        }
    }

    /// The packed comparison agrees with the plain one, on lines of all sorts.
    #[test]
    fn agrees_with_a_model(lines in proptest::collection::vec("(AUTH|auth=|SIZE|DSN|8bitmime|ENHANCEDSTATUSCODES|[ -~\t\r]{0,30})[ =a\r\t]?[ -~\r]{0,12}", 1..8)) {
        let mut octets = String::from("250-mx\r\n");
        let mut model = vec![];
        for (index, line) in lines.iter().enumerate() {
            let last = index + 1 == lines.len();
            octets += &alloc::format!("250{}{line}\r\n", if last { ' ' } else { '-' });
            let end = line.find([' ', '\t']).unwrap_or(line.len());
            let known = Extension::ALL.into_iter().find(|e| e.keyword().eq_ignore_ascii_case(&line[..end]));
            if let Some(known) = known {
                model.push(known);
            }
            if line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("AUTH=")) {
                model.push(Extension::Auth);
            }
        }
        let capabilities = capabilities(&octets);
        prop_assert_eq!(capabilities.set(), model.into_iter().collect());
        prop_assert_eq!(capabilities.lines().count(), lines.len());
    }

    #[test]
    fn any_octets(octets in proptest::collection::vec(any::<u8>(), 0..120)) {
        let digest = Capabilities::from_digest(&octets, Digest::default()).digest();
        let capabilities = Capabilities::from_digest(&octets, digest);
        let _ = (capabilities.host(), capabilities.lines().count(), capabilities.parameters("SIZE"));
        let _ = capabilities.auth_mechanisms().count();
        let _ = Extension::from_keyword(&octets);
        let mut whole = b"250-mx\r\n250 ".to_vec();
        whole.extend(octets.iter().filter(|&&octet| octet != b'\n'));
        whole.extend(b"\r\n");
        let _ = Capabilities::parse(Reply::parse(&whole).unwrap());
    }
}

#[test]
fn arguments_of_rare_extensions() {
    let reply = |lines: &str| alloc::format!("250-mx\r\n250-{lines}\r\n250 HELP\r\n");
    for (line, minimum) in [
        ("DELIVERBY", None),
        ("DELIVERBY 240", Some(240)),
        ("deliverby 0,ext", Some(0)),
        ("DELIVERBY ,ext", None),
        ("DELIVERBY +5", None),
        ("DELIVERBY 1234567890", None),
        ("X-DELIVERBY 5", None),
    ] {
        assert_eq!(capabilities(&reply(line)).deliver_by_minimum(), minimum, "{line}");
    }
    let text = reply("FUTURERELEASE 86400 2026-01-02T01:00:00+01:00");
    let most = capabilities(&text).future_release().unwrap();
    assert_eq!(most.max_interval(), 86_400);
    assert_eq!(alloc::format!("{most}"), "86400 2026-01-02T00:00:00Z");
    for line in [
        "FUTURERELEASE",
        "FUTURERELEASE 86400",
        "FUTURERELEASE 0 2026-01-02T00:00:00Z",
        "FUTURERELEASE +5 2026-01-02T00:00:00Z",
        "FUTURERELEASE 5 2026-01-02",
        "FUTURERELEASE 5 2026-01-02T00:00:00Z x",
    ] {
        assert_eq!(capabilities(&reply(line)).future_release(), None, "{line}");
    }
    assert_eq!(capabilities(&reply("MT-PRIORITY MIXER")).priority_profile(), Some("MIXER"));
    assert_eq!(capabilities(&reply("MT-PRIORITY")).priority_profile(), None);
    assert_eq!(capabilities(&reply("MT-PRIORITY a b")).priority_profile(), None);
    let text = reply("NO-SOLICITING net.example:ADV,org.example:ADV:ADLT");
    let unwanted = capabilities(&text).unwanted_solicitations().unwrap();
    assert_eq!(unwanted.keywords().count(), 2);
    assert_eq!(capabilities(&reply("NO-SOLICITING")).unwanted_solicitations(), None);
}

/// RFC 4865 section 3: as far ahead as was said, and no further.
#[test]
fn how_far_ahead_messages_may_be_released() {
    use crate::parameter::{Hold, MailParameters, Parameters};
    let most = FutureRelease::parse("60 2030-01-02T03:04:05Z").unwrap();
    assert_eq!(most.max_interval(), 60);
    assert_eq!(most.max_date_time().to_string(), "2030-01-02T03:04:05Z");
    for (parameter, allowed) in [
        ("HOLDFOR=60", true),
        ("HOLDFOR=61", false),
        ("HOLDUNTIL=2030-01-02T03:04:05Z", true),
        ("HOLDUNTIL=2030-01-02T03:04:06Z", false),
    ] {
        let syntax = crate::profile::Syntax::INTERNET;
        let parameters = Parameters::parse(parameter.as_bytes(), &syntax).unwrap();
        let hold: Hold<'_> = MailParameters::parse(parameters).unwrap().hold().unwrap();
        assert_eq!(most.allows(hold), allowed, "{parameter}");
    }
    for text in ["", "60", "x 2030-01-02T03:04:05Z", "060 2030-01-02T03:04:05Z", "60 2030", "0 x"] {
        assert!(FutureRelease::parse(text).is_none(), "{text}");
    }
}
