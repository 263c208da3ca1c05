use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::answer::Rejection;
use crate::date::{Date, Timestamp};
use crate::domain::{Domain, HelloName, Host};
use crate::parameter::{MailParameters, Parameters};
use crate::path::{ForwardPath, ReversePath};
use crate::profile::{HelloSyntax, Syntax};
use crate::sequence::Protocol;

mod keywords;

fn now() -> Date {
    Date::utc(Timestamp::from_unix(1_767_614_400))
}

fn received<'a>() -> Received<'a> {
    Received::new(Host::parse("mx.example.net").unwrap(), "ESMTPS", now())
}

fn hello(name: &str) -> HelloName<'_> {
    let syntax = Syntax { hello: HelloSyntax::Any, ..Syntax::INTERNET };
    HelloName::parse_with(name.as_bytes(), &syntax).unwrap()
}

fn peer() -> Option<IpAddr> {
    Some([192, 0, 2, 7].into())
}

#[test]
fn t02_the_form() {
    let field = received()
        .from(hello("client.example.org"), peer())
        .reverse_name(Domain::parse("h7.example.org").unwrap())
        .id("4Xyz1")
        .recipients([ForwardPath::parse("<bob@example.net>").unwrap()]);
    assert_eq!(
        field.to_string(),
        "Received: from client.example.org (h7.example.org [192.0.2.7])\r\n\
         \tby mx.example.net with ESMTPS id 4Xyz1\r\n\
         \tfor <bob@example.net>; Mon, 05 Jan 2026 12:00:00 +0000\r\n"
    );
    let v6 = "2001:db8::1".parse().unwrap();
    let field = received().from(hello("[IPv6:2001:db8::1]"), Some(v6)).via("TCP");
    assert_eq!(
        field.to_string(),
        "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n\
         \tby mx.example.net via TCP with ESMTPS; Mon, 05 Jan 2026 12:00:00 +0000\r\n"
    );
    let mapped = "::ffff:192.0.2.7".parse().unwrap();
    let field = received().from(hello("x.example"), Some(mapped)).to_string();
    assert!(field.contains("from x.example ([192.0.2.7])\r\n"), "{field}");
    assert_eq!(
        received().to_string(),
        "Received: by mx.example.net with ESMTPS; Mon, 05 Jan 2026 12:00:00 +0000\r\n"
    );
}

#[test]
fn t03_a_hello_that_is_no_name_goes_into_a_comment() {
    let field = received().from(hello("my_pc)(\\x"), peer()).to_string();
    let expected = "Received: from [192.0.2.7] ([192.0.2.7]) (hello my_pc???x)\r\n\tby ";
    assert!(field.starts_with(expected), "{field}");
    let field = received().from(hello("my_pc"), None).to_string();
    assert!(field.starts_with("Received: from unknown (hello my_pc)\r\n\tby "), "{field}");
}

#[test]
fn t04_the_recipient_is_named_only_when_there_is_one() {
    let (a, b) = (ForwardPath::parse("<a@x.example>"), ForwardPath::parse("<b@x.example>"));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(received().recipients([a]).to_string().contains("for <a@x.example>;"));
    assert!(!received().recipients([a, b]).to_string().contains("for"));
    assert!(!received().recipients([]).to_string().contains("for"));
    let postmaster = received().recipients([ForwardPath::Postmaster]).to_string();
    assert!(postmaster.contains("for <Postmaster@mx.example.net>;"), "{postmaster}");
}

#[test]
fn t06_transmission_types() {
    let plain = Transmission::ESMTP;
    assert_eq!(plain.as_str(), "ESMTP");
    assert_eq!(Transmission { tls: true, authenticated: true, ..plain }.as_str(), "ESMTPSA");
    assert_eq!(Transmission { extended: false, tls: true, ..plain }.as_str(), "SMTP");
    let utf8 = Transmission { smtputf8: true, ..plain };
    assert_eq!(utf8.as_str(), "UTF8SMTP");
    let lmtp = Transmission { protocol: Protocol::Lmtp, ..plain };
    assert_eq!(lmtp.as_str(), "LMTP");
    // Every combination has a name, and its name says what it is.
    for bits in 0..32u8 {
        let is = |bit: u8| bits & bit != 0;
        let protocol = if is(1) { Protocol::Lmtp } else { Protocol::Smtp };
        let transmission = Transmission {
            protocol,
            extended: is(2),
            smtputf8: is(4),
            tls: is(8),
            authenticated: is(16),
        };
        let name = transmission.as_str();
        if protocol == Protocol::Smtp && !is(2) {
            assert_eq!(name, "SMTP");
            continue;
        }
        assert_eq!(name.starts_with("UTF8"), is(4));
        assert_eq!(name.contains("LMTP"), is(1));
        let suffix = name.rsplit_once("MTP").unwrap().1;
        assert_eq!(suffix, [if is(8) { "S" } else { "" }, if is(16) { "A" } else { "" }].concat());
    }
}

#[test]
fn t07_utf8_only_where_the_transaction_has_it() {
    let syntax = Syntax::INTERNET;
    let path = "<j\u{f6}rg@b\u{fc}cher.example>";
    let path = ForwardPath::parse(path).unwrap();
    let name = Domain::parse_with("b\u{fc}cher.example".as_bytes(), &syntax).unwrap();
    let field = || received().from(hello("x.example"), peer()).reverse_name(name);
    let plain = field().recipients([path]).to_string();
    assert!(plain.is_ascii() && !plain.contains("for"), "{plain}");
    let path = ForwardPath::parse("<joerg@b\u{fc}cher.example>").unwrap();
    let plain = field().recipients([path]).to_string();
    assert!(plain.is_ascii(), "{plain}");
    let a_labels = cfg!(feature = "idna");
    assert_eq!(plain.contains("(xn--bcher-kva.example [192.0.2.7])"), a_labels, "{plain}");
    assert_eq!(plain.contains("for <joerg@xn--bcher-kva.example>;"), a_labels, "{plain}");
    let path = ForwardPath::parse("<j\u{f6}rg@b\u{fc}cher.example>").unwrap();
    let utf8 = field().recipients([path]).smtputf8(true).to_string();
    assert!(utf8.contains("(b\u{fc}cher.example [192.0.2.7])"), "{utf8}");
    assert!(utf8.contains("for <j\u{f6}rg@b\u{fc}cher.example>;"), "{utf8}");

    // This host, which has to be named.
    let field = || Received::new(Host::Domain(name), "ESMTP", now());
    let field = || field().recipients([ForwardPath::Postmaster]);
    let (by, to) = match a_labels {
        true => ("by xn--bcher-kva.example with", "for <Postmaster@xn--bcher-kva.example>;"),
        false => ("by unknown with", "id"),
    };
    let plain = field().id("id").to_string();
    assert!(plain.is_ascii() && plain.contains(by) && plain.contains(to), "{plain}");
    assert_eq!(plain.contains("for"), a_labels, "{plain}");
    let utf8 = field().smtputf8(true).to_string();
    assert!(utf8.contains("by b\u{fc}cher.example with"), "{utf8}");
    assert!(utf8.contains("for <Postmaster@b\u{fc}cher.example>;"), "{utf8}");
}

#[test]
fn t08_further_clauses() {
    let parameters = "MT-PRIORITY=-3 SOLICIT=net.example:ADV,org.example:ADV:ADLT";
    let parameters = Parameters::parse(parameters.as_bytes(), &Syntax::INTERNET).unwrap();
    let mail = MailParameters::parse(parameters).unwrap();
    let field = received()
        .solicit(mail.solicit().unwrap())
        .recipients([ForwardPath::parse("<bob@example.net>").unwrap()])
        .tls("TLS_AES_128_GCM_SHA256", Some("x25519"))
        .and_then(|field| field.state("quarantine/virus"))
        .unwrap()
        .priority(mail.mt_priority().unwrap());
    assert_eq!(
        field.to_string(),
        "Received: by mx.example.net with ESMTPS\r\n\
         \t(SOLICIT=net.example:ADV,org.example:ADV:ADLT)\r\n\
         \tfor <bob@example.net> tls TLS_AES_128_GCM_SHA256 group x25519 state\r\n\
         \tquarantine/virus PRIORITY -3; Mon, 05 Jan 2026 12:00:00 +0000\r\n"
    );
    for (name, value) in
        [("", "x"), ("a b", "x"), ("x", ""), ("x", "a b"), ("x", "a\r\nb"), ("x", "(")]
    {
        assert_eq!(received().clause(name, value).err(), Some(BadClause), "{name} {value}");
    }
    for (octets, fits) in [(255, true), (256, false)] {
        let word = "a".repeat(octets);
        assert_eq!(received().clause("x", &word).is_ok(), fits, "{octets}");
        assert_eq!(received().clause(&word, "x").is_ok(), fits, "{octets}");
    }
    let field = received().tls("TLS_AES_128_GCM_SHA256", None).unwrap().to_string();
    assert!(field.contains(" tls TLS_AES_128_GCM_SHA256;"), "{field}");
    assert!(received().tls("TLS AES", None).is_err());
}

/// RFC 5322 section 2.1.1: 998 octets are a line, one more is not.
#[test]
fn lines_of_the_greatest_length() {
    use super::fold::{Charset, Field};
    for (octets, lines) in [(998, 1), (999, 2)] {
        let mut out = String::new();
        Field::paragraph(&mut out, &"w".repeat(octets), Charset::Ascii).end();
        assert_eq!(out.lines().count(), lines, "{octets}");
        assert!(out.lines().all(|line| line.len() <= 998));
    }
}

/// RFC 5322 section 2.1.1: lines aim at 78 octets, counted as they go out.
#[test]
fn where_a_field_is_folded() {
    use super::fold::{Charset, Field};
    let column = "Subject:".len();
    for (letter, charset, octets) in [
        ("w", Charset::Ascii, 1),
        // One `?` each.
        ("\u{e9}", Charset::Ascii, 1),
        ("\u{e9}", Charset::Utf8, 2),
    ] {
        for (room, lines) in [(0, 1), (1, 2)] {
            let mut out = String::new();
            let words = (78 - column - "a  ".len() + room * octets) / octets;
            let mut field = Field::new(&mut out, "Subject", charset);
            field.word("a").word(&letter.repeat(words));
            field.end();
            assert_eq!(out.lines().count(), lines, "{out}");
            assert!(out.lines().all(|line| line.len() <= 78), "{out}");
        }
    }
}

/// Whether more of the header section is to come.
#[test]
fn where_the_header_ends() {
    let mut scanner = HeaderScanner::new();
    for (octets, ended) in [("To: x\r\n", false), ("\r\n", true), ("text\r\n", true)] {
        scanner.scan(octets.as_bytes());
        assert_eq!(scanner.has_ended(), ended, "{octets:?}");
    }
    let mut scanner = HeaderScanner::new();
    scanner.scan(b"To: x\r\n");
    scanner.finish();
    assert!(scanner.has_ended());
}

#[test]
fn t10_return_path() {
    let path = ReversePath::parse("<@a.example,@b.example:u@d.example>").unwrap();
    assert_eq!(ReturnPath(path).to_string(), "Return-Path: <u@d.example>\r\n");
    assert_eq!(ReturnPath(ReversePath::Null).to_string(), "Return-Path: <>\r\n");
}

/// What stays of a message that comes in pieces of `length` octets.
fn without(mut filter: WithoutFields, message: &[u8], length: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    for piece in message.chunks(length.max(1)) {
        filter.pass(Bytes::copy_from_slice(piece), |octets| {
            assert!(!octets.is_empty());
            kept.extend_from_slice(&octets);
        });
    }
    filter.finish(|octets| kept.extend_from_slice(&octets));
    kept
}

/// A message, and what stays of it, however it is cut.
fn stays(filter: &WithoutFields, message: &str, rest: &str) {
    for length in 1..=message.len().max(1) {
        let kept = without(filter.clone(), message.as_bytes(), length);
        assert_eq!(String::from_utf8(kept).unwrap(), rest, "{message:?} by {length}");
    }
}

fn scanned(message: &[u8], length: usize) -> HeaderScanner {
    let mut scanner = HeaderScanner::new();
    for piece in message.chunks(length.max(1)) {
        scanner.scan(piece);
    }
    scanner.finish();
    scanner
}

#[test]
fn t10_old_return_paths_are_removed_and_nothing_else_is() {
    for (message, rest) in [
        ("Return-Path: <a@b.example>\r\nTo: x\r\n\r\nbody\r\n", "To: x\r\n\r\nbody\r\n"),
        ("To: x\r\nRETURN-path :\r\n <a@b.example>\r\n\t(x)\r\n\r\n", "To: x\r\n\r\n"),
        ("Return-Path: a\r\nReturn-Path: b\r\nReturn-Path-X: c\r\n", "Return-Path-X: c\r\n"),
        ("Return-Path: a", ""),
        ("Return-Path", "Return-Path"),
        ("Return-Pat: a\r\n\r\n", "Return-Pat: a\r\n\r\n"),
        ("\r\nReturn-Path: a\r\n", "\r\nReturn-Path: a\r\n"),
        ("To: x\r\n Return-Path: a\r\n\r\n", "To: x\r\n Return-Path: a\r\n\r\n"),
        ("no field\r\nReturn-Path: a\r\nx\r\n", "no field\r\nx\r\n"),
        ("To: x\r\n\r\nReturn-Path: a\r\n", "To: x\r\n\r\nReturn-Path: a\r\n"),
        ("Return: x\r\n Return-Path: a\r\n\r\n", "Return: x\r\n Return-Path: a\r\n\r\n"),
        ("Return-Path x: a\r\nTo: y\r\n\r\n", "Return-Path x: a\r\nTo: y\r\n\r\n"),
        ("", ""),
    ] {
        stays(&WithoutFields::return_path(), message, rest);
    }
}

#[test]
fn blind_copies_are_removed_and_nothing_else_is() {
    for (message, rest) in [
        ("Bcc: a@b.example\r\nTo: x\r\n\r\nBcc: y\r\n", "To: x\r\n\r\nBcc: y\r\n"),
        ("To: x\r\nbCC: a,\r\n b,\r\n\tc\r\nCc: y\r\n\r\n", "To: x\r\nCc: y\r\n\r\n"),
        // In a local file.
        ("To: x\nBcc: a,\n b\nResent-Bcc:\n c\nCc: y\n\nz\n", "To: x\nCc: y\n\nz\n"),
        ("Bcc:\r\nRESENT-BCC: a\r\nBcc-Foo: b\r\nXBcc: c", "Bcc-Foo: b\r\nXBcc: c"),
        // A blank line is none where it continues a field.
        ("Bcc: a\r\n  \r\n b\r\nTo: x\r\n\r\nz", "To: x\r\n\r\nz"),
        ("Bcc: a\r\n\r\nz", "\r\nz"),
        // What some readers take for the field as well.
        ("Bcc : a\r\nB\tcc: b\r\n\rBcc: c\r\n:Bcc: d\r\nTo: x\r\n", "To: x\r\n"),
        (" Bcc: a\r\nno field\r\n Bcc: b\r\nTo: x\r\n\r\n", "no field\r\nTo: x\r\n\r\n"),
        ("no field: but\r\n Bcc: a\r\n", "no field: but\r\n Bcc: a\r\n"),
        (":\r\nBcc: a", ":\r\n"),
        ("Bc", "Bc"),
        (" \r\nBcc: a\r\n", " \r\nBcc: a\r\n"),
    ] {
        stays(&WithoutFields::bcc(), message, rest);
    }
    // No line is held that is longer than a line may be.
    let blanks = " ".repeat(2_000);
    stays(&WithoutFields::bcc(), &alloc::format!("B{blanks}cc: a\r\nTo: x\r\n"), "To: x\r\n");
    stays(&WithoutFields::bcc(), &alloc::format!("{blanks}x"), &alloc::format!("{blanks}x"));
    let mut given = 0;
    WithoutFields::bcc().pass(Bytes::from(blanks), |piece| given += piece.len());
    assert_eq!(given, 2_000);
}

#[test]
fn t11_folded_fields_count_once_and_the_body_not_at_all() {
    let message = b"Received: a\r\n\tb\r\n c\r\nreceived : d\r\nReceived-SPF: x\r\nno field\r\n\
        Received: e\r\n\r\nReceived: f\r\n";
    for length in 1..=message.len() {
        let scanner = scanned(message, length);
        assert_eq!(scanner.received(), 3, "by {length}");
        let header = message.len() - "\r\nReceived: f\r\n".len();
        assert_eq!(usize::try_from(scanner.octets()), Ok(header), "by {length}");
    }
    let hops = |count: usize| scanned(&b"Received: x\r\n".repeat(count), 100);
    assert_eq!(hops(99).check_loop(MAX_HOPS), Ok(()));
    assert_eq!(hops(100).check_loop(MAX_HOPS), Err(Rejection::LOOP));
    // Less than 30 cannot be asked for.
    assert_eq!(hops(29).check_loop(1), Ok(()));
    assert_eq!(hops(30).check_loop(1), Err(Rejection::LOOP));
}

#[test]
fn t12_what_a_submission_lacks() {
    let host = Host::parse("mx.example").unwrap();
    let lacks =
        |message: &str| scanned(message.as_bytes(), 7).missing_fields(now(), "1.a>b\r\n", host);
    assert_eq!(
        lacks("From: x\r\n\r\n"),
        "Date: Mon, 05 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1-a-b--@mx.example>\r\n"
    );
    assert_eq!(lacks("DATE: x\r\nMessage-Id: y\r\n\r\n"), "");
    assert_eq!(lacks("Date: x\r\n\r\nMessage-ID: y\r\n"), "Message-ID: <1-a-b--@mx.example>\r\n");
}

#[test]
fn other_things_a_header_says() {
    for (header, no) in [
        ("TLS-Required: No\r\n", true),
        ("tls-required:\r\n no \r\n", true),
        ("TLS-Required: Nope\r\n", false),
        ("TLS-Required: No\r\nTLS-Required: No\r\n", false),
        ("TLS-Required: No way\r\n", false),
        ("X: y\r\n\r\nTLS-Required: No\r\n", false),
    ] {
        for length in 1..=header.len() {
            assert_eq!(scanned(header.as_bytes(), length).tls_required_no(), no, "{header}");
        }
    }
    for (header, octets, date) in [
        ("Date: x\r\n\r\nbody", 9, true),
        // A bare LF ends a line here, and the header section, as some reader may see it so.
        ("Date: x\n\nDate: y", 8, true),
        ("X: y\n\nDate: x", 5, false),
        // A CR that ends no line is part of the value.
        ("X: y\r\n\rz\r\nDate: x\r\n\r\n", 19, true),
        ("Date x\nMessage-ID: y\n", 21, false),
    ] {
        for length in 1..=header.len() {
            let scanner = scanned(header.as_bytes(), length);
            assert_eq!(
                (scanner.octets(), scanner.has_date()),
                (octets, date),
                "{header:?} {length}"
            );
            assert_eq!(scanner.has_message_id(), header.contains("Message-ID"));
        }
    }
    let scanner = scanned("Return-Path: <>\r\nFrom: \u{f6}\r\n\r\n".as_bytes(), 4);
    assert!(scanner.is_internationalized() && scanner.has_from());
    for (header, international, return_paths) in [
        ("From: \u{f6}\r\nReturn-Path: <>\r\n\r\n", true, 1),
        ("Fr\u{f6}m: x\r\nTo: y\r\n\r\n", true, 0),
        ("return-path: <>\r\nTo: y\r\nReturn-Path:\r\n <>\r\n\r\n", false, 2),
        ("From: x\r\n\r\nReturn-Path: <\u{f6}>\r\n", false, 0),
    ] {
        let scanner = scanned(header.as_bytes(), 4);
        assert_eq!(scanner.is_internationalized(), international, "{header}");
        assert_eq!(scanner.return_paths(), return_paths, "{header}");
    }
    // In another charset (RFC 6532 section 3), or cut by what is behind it.
    for header in [
        &b"Subject: \xe9\r\n\r\n"[..],
        b"Subject: \xc3\xb6 \xf6\r\n\r\n",
        b"Subject: \xc3\r\n\xb6: x\r\n\r\n",
        b"S\xc3:\xb6\r\n\r\n",
        b"Subject: \xc3\r\n\r\n\xb6\r\n",
        b"Subject: \xc3",
    ] {
        for length in 1..=header.len() {
            let shown = header.escape_ascii();
            assert!(!scanned(header, length).is_internationalized(), "{shown} {length}");
        }
    }
    let euro = "Subject: \u{20ac}\r\n\r\n\u{f6}".as_bytes();
    assert!((1..euro.len()).all(|length| scanned(euro, length).is_internationalized()));
    for header in ["Sender: x\r\n\r\n", "X-From: x\r\nFromage: y\r\n", "To: x\r\n\r\nFrom: y\r\n"] {
        assert!(!scanned(header.as_bytes(), 5).has_from(), "{header}");
    }
}

/// RFC 2045 section 5.1: what may have header sections in it.
#[test]
fn content_that_may_have_header_sections() {
    for (header, composite) in [
        ("", false),
        ("Subject: multipart/mixed\r\n", false),
        ("Content-Type: text/plain\r\n", false),
        ("content-type:\r\n TEXT / html; x=\"multipart/mixed\"\r\n", false),
        ("Content-Type: application/octet-stream\r\n", false),
        ("Content-Type: multipart/mixed; boundary=b\r\n", true),
        ("Content-Type:Message/rfc822\r\n", true),
        ("Content-Type: text\r\n", true),
        ("Content-Type:\r\n", true),
        ("Content-Type: (text/plain) multipart/mixed\r\n", true),
        ("Content-Type: texts/plain\r\n", true),
        ("Content-Type: a-very-long-name-of-a-type/text/\r\n", true),
        ("Content-Type: multipart/mixed\r\nContent-Type: text/plain\r\n", true),
        ("Content-Type: text/plain\r\nContent-Type: multipart/mixed\r\n", true),
        ("\r\nContent-Type: multipart/mixed\r\n", false),
    ] {
        for length in 1..=header.len().max(1) {
            let scanner = scanned(header.as_bytes(), length);
            assert_eq!(scanner.is_composite(), composite, "{header:?} {length}");
        }
    }
}

/// Whether a text is one header field of lines that may be sent.
pub(crate) fn is_one_field(text: &str) -> bool {
    let Some(lines) = text.strip_suffix("\r\n") else { return false };
    lines.split("\r\n").enumerate().all(|(index, line)| {
        line.len() <= 998
            && !line.contains(['\r', '\n', '\0'])
            && line.starts_with(['\t', ' ']) == (index > 0)
            && !line.trim().is_empty()
    })
}

/// Words around the lengths at which a line is folded, some of them of nothing but blanks.
fn long_words() -> BoxedStrategy<String> {
    let lengths = prop_oneof![0usize..3, 60usize..80, 985usize..1000, 2000usize..2010];
    let part = (prop_oneof![Just(" "), Just("w")], lengths);
    let parts = prop::collection::vec(part, 0..4);
    parts.prop_map(|parts| parts.iter().map(|(of, length)| of.repeat(*length)).collect()).boxed()
}

proptest! {
    #[test]
    fn t09_a_field_stays_one_field(
        name: String, id: String, with: String, via: String, cipher: String, ascii in "[!-~]{1,255}",
        local in "[a-z]{1,64}", offset in -1000i16..1000, utf8: bool,
    ) {
        let date = Date::at_offset(Timestamp::from_unix(1_767_614_400), offset).unwrap();
        let path = alloc::format!("<{local}@x.example>");
        let mut field = Received::new(Host::parse("mx.example").unwrap(), &with, date)
            .from(hello(&ascii), peer())
            .id(&id)
            .via(&via)
            .smtputf8(utf8)
            .recipients(ForwardPath::parse(&path));
        if let Ok(more) = field.clone().tls(&cipher, Some("x25519")) {
            field = more;
        }
        if let Ok(more) = field.clone().clause(&name, &cipher) {
            field = more;
        }
        let text = field.to_string();
        prop_assert!(is_one_field(&text), "{}", text);
        prop_assert!(text.is_ascii());
        prop_assert_eq!(scanned(text.as_bytes(), 11).received(), 1);
        // Where there are blanks to fold at, lines are short; the semicolon stays where it is.
        let long = text.lines().any(|line| line.len() > 79 && line.trim().contains(' '));
        prop_assert!(!long || ascii.len() > 50, "{}", text);
    }

    #[test]
    fn any_text_in_any_field_is_harmless(
        words in prop::collection::vec(any::<String>().boxed().prop_union(long_words()), 0..9),
        utf8: bool,
    ) {
        let mut out = String::new();
        let mut field = fold::Field::new(&mut out, "X-Test", fold::Charset::of(utf8));
        for word in &words {
            field.text(word);
            field.word(word);
        }
        field.end();
        prop_assert!(out.lines().all(|line| line.len() <= 998));
        prop_assert!(is_one_field(&out), "{}", out);
        prop_assert!(utf8 || out.is_ascii());
    }

    #[test]
    fn pieces_make_no_difference(
        lines in prop::collection::vec(
            "(Return-Path|return-path|(Resent-)?B ?cc|To|Re)?[: \t]{0,2}[a-z:]{0,5}(\r?\n)?",
            0..12,
        ),
        length in 1usize..9,
    ) {
        let message = lines.concat();
        for filter in [WithoutFields::return_path(), WithoutFields::bcc()] {
            let whole = without(filter.clone(), message.as_bytes(), message.len());
            prop_assert_eq!(&without(filter.clone(), message.as_bytes(), length), &whole);
            prop_assert_eq!(&without(filter, &whole, length), &whole, "removed at once");
            // What stays is the message without some of its lines.
            let mut lines = message.split_inclusive('\n');
            for kept in String::from_utf8(whole).unwrap().split_inclusive('\n') {
                prop_assert!(lines.any(|line| line == kept), "{:?} of {:?}", kept, message);
            }
        }
        let (a, b) = (scanned(message.as_bytes(), message.len()), scanned(message.as_bytes(), length));
        prop_assert_eq!((a.octets(), a.return_paths()), (b.octets(), b.return_paths()));
    }
}
