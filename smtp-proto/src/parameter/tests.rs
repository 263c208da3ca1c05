mod made;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::extension::Extension;
use crate::path::Mailbox;

fn parse(text: &str) -> Result<Parameters<'_>, ParseError> {
    Parameters::parse(text.as_bytes(), &Syntax::INTERNET)
}

fn mail(text: &str) -> Result<MailParameters<'_>, ParseError> {
    MailParameters::parse(parse(text)?)
}

fn rcpt(text: &str) -> Result<RcptParameters<'_>, ParseError> {
    RcptParameters::parse(parse(text)?)
}

/// G-47: some relays say `rfc822` of what is UTF-8.
#[test]
fn an_orcpt_of_the_wrong_kind() {
    for (value, wrong, plain) in [
        ("rfc822;j\u{f6}rg+2Bx@\u{e4}.example", true, Some("j\u{f6}rg+x@\u{e4}.example")),
        ("RFC822;\u{f6}", true, Some("\u{f6}")),
        ("UTF-8;j\u{f6}rg@x.example", false, None),
        ("rfc822;jorg+2Bx@x.example", false, None),
    ] {
        let text = alloc::format!("ORCPT={value}");
        let read = rcpt(&text).unwrap().orcpt().unwrap();
        assert_eq!(
            (read.is_mislabelled(), read.relabelled().as_deref()),
            (wrong, plain),
            "{value}"
        );
        assert_eq!(read.as_str(), value);
    }
}

#[test]
fn lists_both_ways() {
    for text in [
        "",
        "SIZE=5",
        "SIZE=5 BODY=8BITMIME SMTPUTF8",
        "x-y=!<>\"[]~ 8BIT",
        "A=\u{f6}",
        "MTRK=AAAA==:30 ENVID=a@b",
    ] {
        let parameters = parse(text).unwrap();
        assert_eq!(parameters.to_string(), text);
        let mut out = Vec::new();
        parameters.write(&mut out);
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written.trim_start(), text);
        let mut list = ParameterList::new();
        for parameter in parameters {
            list.push(parameter).unwrap();
        }
        assert_eq!(list.as_parameters(), parameters);
    }
    assert_eq!(parse("size=5").unwrap().get("SIZE").unwrap().value(), Some("5"));
    let relaxed = Parameters::parse(b"SIZE=5   SMTPUTF8", &Syntax::LENIENT).unwrap();
    assert_eq!(relaxed, parse("SIZE=5 SMTPUTF8").unwrap());
}

#[test]
fn what_is_no_list() {
    for (text, rule, offset) in [
        ("=5", Rule::Parameter, 0),
        ("-A", Rule::Parameter, 0),
        ("SIZE=", Rule::Parameter, 5),
        ("SIZE==5", Rule::Parameter, 5),
        ("A=b=c", Rule::Parameter, 3),
        ("A_B=c", Rule::Parameter, 1),
        ("A\t", Rule::Parameter, 1),
        // F-20
        ("A  B", Rule::Spacing, 2),
        (" A", Rule::Parameter, 0),
        ("A ", Rule::Parameter, 2),
        // G-38
        ("SIZE=1 BODY=7BIT size=2", Rule::DuplicateParameter, 17),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.rule(), error.offset()), (rule, offset), "{text:?}");
    }
    assert_eq!(Parameters::parse(b"A=\xff", &Syntax::INTERNET).unwrap_err().rule(), Rule::Utf8);
    let ascii = Syntax::INTERNET.with_utf8(false);
    assert!(Parameters::parse("A=\u{f6}".as_bytes(), &ascii).is_err());
}

/// Keywords are the same in any case, values are not; lists are the same in the same order.
#[test]
fn what_makes_parameters_equal() {
    let list = parse("SIZE=5 RET=HDRS").unwrap();
    assert_eq!(list, parse("size=5 Ret=HDRS").unwrap());
    for other in ["SIZE=5 RET=hdrs", "SIZE=5", "SIZE=5 RET=HDRS X=1", "RET=HDRS SIZE=5", ""] {
        assert_ne!(list, parse(other).unwrap(), "{other}");
    }
    assert!(alloc::format!("{list:?}").contains("SIZE=5 RET=HDRS"));
    let one = |keyword, value| Parameter::new(keyword, value).unwrap();
    assert_eq!(one("A", Some("b")), one("a", Some("b")));
    for other in [one("A", Some("B")), one("B", Some("b")), one("A", None)] {
        assert_ne!(one("A", Some("b")), other);
    }
}

#[test]
fn sixty_four_and_no_more() {
    let list = |n: usize| (0..n).map(|i| format!("K{i}")).collect::<Vec<_>>().join(" ");
    assert_eq!(parse(&list(64)).unwrap().iter().count(), 64);
    assert_eq!(parse(&list(65)).unwrap_err().rule(), Rule::Parameter);
    let twice = format!("{} k7", list(63));
    assert_eq!(parse(&twice).unwrap_err().rule(), Rule::DuplicateParameter);
}

#[test]
fn mail_parameters() {
    let read = mail("SIZE=500 body=8bitmime SMTPUTF8 RET=hdrs ENVID=a+2Bb AUTH=<> X=y").unwrap();
    assert_eq!(read.size(), Some(500));
    assert_eq!(read.body(), Some(Body::EightBitMime));
    assert!(read.smtputf8());
    assert_eq!(read.ret(), Some(Ret::Hdrs));
    assert_eq!(read.envid().unwrap().decode(), b"a+b");
    assert_eq!(read.auth(), Some(AuthParameter::Null));
    assert_eq!(read.others().map(|p| p.to_string()).collect::<Vec<_>>(), ["X=y"]);
    assert_eq!(MailParameters::parse(Parameters::EMPTY), Ok(MailParameters::EMPTY));
    // G-40
    assert_eq!(mail("SIZE=18446744073709551616").unwrap().size(), Some(u64::MAX));
    // G-39, G-42
    let auth = mail("AUTH=e+3Dmc2@example.com").unwrap().auth().unwrap();
    assert_eq!(auth.as_str(), "e+3Dmc2@example.com");
}

#[test]
fn a_parameter_belongs_to_the_extension_that_brings_it() {
    let on_mail =
        |keyword, value| MailParameters::extension(Parameter::new(keyword, value).unwrap());
    assert_eq!(on_mail("SIZE", Some("5")), Some(Extension::Size));
    assert_eq!(on_mail("body", Some("8BITMIME")), Some(Extension::EightBitMime));
    assert_eq!(on_mail("BODY", Some("binarymime")), Some(Extension::BinaryMime));
    assert_eq!(on_mail("mtrk", None), Some(Extension::Mtrk));
    assert_eq!(on_mail("NOTIFY", Some("NEVER")), None);
    let on_rcpt = RcptParameters::extension(Parameter::new("notify", Some("NEVER")).unwrap());
    assert_eq!(on_rcpt, Some(Extension::Dsn));
}

#[test]
fn bad_mail_parameters() {
    // G-38 to G-55
    for text in [
        "SIZE",
        "SIZE=x",
        "SIZE=-1",
        "SIZE=000000000000000000001",
        "BODY",
        "BODY=9BIT",
        "RET=ALL",
        "RET",
        "SMTPUTF8=1",
        "REQUIRETLS=x",
        "ENVID",
        "BY",
        "HOLDFOR",
        "SOLICIT",
        "MTRK ENVID=a@b",
        "TRANSID",
        "ENVID=a+4",
        "ENVID=a+00",
        "ENVID=a+C3",
        "AUTH",
        "AUTH=joe",
        "AUTH=+",
        "AUTH=<a@b>",
        "CONPERM=1",
        "BY=5",
        "BY=0;R",
        "BY=-5;R",
        "BY=5;X",
        "BY=1234567890;N",
        "BY=5;RX",
        "HOLDFOR=0",
        "HOLDFOR=05",
        "HOLDFOR=1000000000",
        "HOLDUNTIL=2026-12-31T23:59:59+00:00",
        "HOLDUNTIL=2026-12-31T23:59:59.Z",
        "HOLDUNTIL=2026-13-01T00:00:00Z",
        "HOLDUNTIL=2026-12-31",
        "HOLDFOR=5 HOLDUNTIL=2026-12-31T23:59:59Z",
        "SOLICIT=1a",
        "SOLICIT=a,,b",
        "MTRK=AAAA",
        "MTRK=A!AA ENVID=a@b",
        "MTRK=AAAA ENVID=ab",
        "MTRK=AAAA ENVID=a@",
        "MTRK=AAAA ENVID=@b",
        "MTRK=AAAA: ENVID=a@b",
        "TRANSID=a@b",
        "TRANSID=<ab>",
        "TRANSID=<a@b@c>",
    ] {
        let rejection = mail(text).unwrap_err().rejection();
        assert_eq!(rejection.code().value(), 501, "{text}");
        assert_eq!(rejection.enhanced().to_string(), "5.5.4", "{text}");
    }
    // G-50
    for text in
        ["MT-PRIORITY", "MT-PRIORITY=+3", "MT-PRIORITY=-0", "MT-PRIORITY=10", "MT-PRIORITY=03"]
    {
        let rejection = mail(text).unwrap_err().rejection();
        assert_eq!(rejection.code().value(), 501, "{text}");
        assert_eq!(rejection.enhanced().to_string(), "5.5.2", "{text}");
    }
}

#[test]
fn an_error_in_a_value_has_its_place_in_the_list() {
    for (list, place) in [("SIZE=x BY=x", 0), ("SIZE=1 BY=x BODY=x", 7), ("A BODY=x", 2)] {
        assert_eq!(mail(list).unwrap_err().offset(), place, "{list}");
    }
    assert_eq!(rcpt("X=y NOTIFY=x").unwrap_err().offset(), 4);
    let relaxed = Parameters::parse(b"A   RET=x", &Syntax::LENIENT).unwrap();
    assert_eq!(MailParameters::parse(relaxed).unwrap_err().offset(), 4);
}

#[test]
fn a_keyword_of_one_letter_comes_once_too() {
    for text in ["N N", "N N=1", "N=1 n", "X N=1 Y n=2", "N Nn nN"] {
        let error = Parameters::parse(text.as_bytes(), &Syntax::STRICT).unwrap_err();
        assert_eq!(error.rule(), Rule::DuplicateParameter, "{text}");
    }
    assert!(Parameters::parse(b"N N1 N-=1 NN", &Syntax::STRICT).is_ok());
}

#[test]
fn rare_mail_parameters() {
    let by = mail("BY=-120;NT").unwrap().by().unwrap();
    assert_eq!((by.seconds(), by.mode(), by.trace()), (-120, ByMode::Notify, true));
    let by = mail("BY=+5;r").unwrap().by().unwrap();
    assert_eq!((by.seconds(), by.mode(), by.trace()), (5, ByMode::Return, false));
    assert_eq!(mail("HOLDFOR=999999999").unwrap().hold(), Some(Hold::For(999_999_999)));
    let until = "2026-12-31T23:59:59Z";
    assert_eq!(mail(&format!("HOLDUNTIL={until}")).unwrap().hold(), Some(Hold::Until(until)));
    let split = mail("HOLDUNTIL=2026-12-31T23:59:59.5Z").unwrap().hold().unwrap();
    assert_eq!(split, Hold::Until("2026-12-31T23:59:59.5Z"));
    assert_eq!(split.until(), DateTime::parse(until).ok());
    for (text, value) in [("0", 0), ("-9", -9), ("3", 3)] {
        let text = format!("MT-PRIORITY={text}");
        assert_eq!(mail(&text).unwrap().mt_priority().unwrap().value(), value);
    }
    let solicit = mail("SOLICIT=org.example:ADV:ADLT,net.example").unwrap().solicit().unwrap();
    assert_eq!(solicit.keywords().collect::<Vec<_>>(), ["org.example:ADV:ADLT", "net.example"]);
    let mtrk = mail("MTRK=QQ==:86400 ENVID=a@b").unwrap().mtrk().unwrap();
    assert_eq!((mtrk.certifier(), mtrk.timeout()), ("QQ==", Some(86_400)));
    assert!(mail("MTRK=QQ ENVID=a@b").unwrap().mtrk().is_some());
    assert_eq!(mail("TRANSID=<a1@b.c>").unwrap().transid().unwrap().as_str(), "<a1@b.c>");
    assert!(mail("REQUIRETLS CONPERM").unwrap().require_tls());
}

#[test]
fn rcpt_parameters() {
    let read =
        rcpt("NOTIFY=success,DELAY,SUCCESS ORCPT=rfc822;bob+2Bx@example.net CONNEG").unwrap();
    assert_eq!(read.notify().unwrap().to_string(), "SUCCESS,DELAY");
    let orcpt = read.orcpt().unwrap();
    assert_eq!((orcpt.addr_type(), orcpt.address()), ("rfc822", "bob+2Bx@example.net"));
    assert_eq!(read.others().count(), 1);
    let never = rcpt("NOTIFY=never").unwrap().notify().unwrap();
    assert_eq!(never, Notify::NEVER);
    let some = Notify::SUCCESS.and(Notify::DELAY);
    assert!(never.contains(Notify::NEVER) && !some.contains(Notify::NEVER));
    assert!(some.contains(Notify::DELAY) && !some.contains(Notify::FAILURE.and(Notify::DELAY)));
    assert_eq!(some.without(some), Notify::NEVER);
    for value in [some, never] {
        crate::tests::passes_errors_on(&value);
    }
    for text in [
        "ORCPT=utf-8;j\\x{F6}rg@example.net",
        "ORCPT=utf-8;j\u{f6}rg@example.net",
        "ORCPT=UTF-8;a\\x{2B}b\\x{1F600}@x",
        "RRVS=2026-02-28T00:00:00-08:00;C",
        "RRVS=2026-02-28T00:00:00Z",
    ] {
        assert!(rcpt(text).is_ok(), "{text}");
    }
    let rrvs = rcpt("RRVS=2026-02-28T00:00:00Z;c").unwrap().rrvs().unwrap();
    assert_eq!(
        (rrvs.since(), rrvs.action()),
        ("2026-02-28T00:00:00Z", IfRecipientChanged::Continue)
    );
    // An xtext may be empty.
    let orcpt = rcpt("ORCPT=rfc822;").unwrap().orcpt().unwrap();
    assert_eq!((orcpt.addr_type(), orcpt.address()), ("rfc822", ""));
    // G-45 to G-47, G-52, G-53
    for text in [
        "NOTIFY",
        "NOTIFY=NEVER,DELAY",
        "NOTIFY=DELAY,",
        "NOTIFY=ALWAYS",
        "ORCPT",
        "ORCPT=bob@example.net",
        "ORCPT=;a",
        "ORCPT=rfc822;a+00",
        "ORCPT=rfc822;\u{f6}+",
        "ORCPT=rfc822;\u{f6}+00",
        "ORCPT=rfc822;\u{f6}\\=",
        "ORCPT=(x);\u{f6}",
        "ORCPT=;\u{f6}",
        "ORCPT=(x);a",
        "ORCPT=utf-8;a+b",
        "ORCPT=utf-8;a\\b",
        "ORCPT=utf-8;\\x{41}",
        "ORCPT=utf-8;\\x{0F6}",
        "ORCPT=utf-8;\\x{D800}",
        "ORCPT=utf-8;\\x{110000}",
        "ORCPT=utf-8;\\x{F6",
        "CONNEG=1",
        "ORCPT=utf-8;\\x{+F6}",
        "RRVS",
        "RRVS=2026-02-30T00:00:00Z",
        "RRVS=2026-02-28T00:00:00.5Z",
        "RRVS=2026-02-28T00:00:00Z;X",
    ] {
        let rejection = rcpt(text).unwrap_err().rejection();
        assert_eq!(rejection.code().value(), 501, "{text}");
        assert_eq!(rejection.enhanced().to_string(), "5.5.4", "{text}");
    }
}

#[test]
fn edges_of_the_rare_values() {
    let bytes76 = "a".repeat(76);
    let solicit = |n: usize| format!("SOLICIT=a,{}", "b".repeat(n - 2));
    for text in [
        "BY=-999999999;n",
        "BY=0;N",
        "BY=000000001;Rt",
        "HOLDUNTIL=2028-02-29T23:59:59z",
        "HOLDUNTIL=2026-12-31T23:59:60Z",
        "MTRK=QUI= ENVID=a@b",
        "MTRK=QUI:0 ENVID=a@b",
        "MTRK=QUJD ENVID=a@b",
        &format!("TRANSID=<{bytes76}@b>"),
        "TRANSID=<a.b.c@d.e>",
        &solicit(1000),
        "SOLICIT=a.-_:9",
    ] {
        assert!(mail(text).is_ok(), "{text}");
    }
    for text in [
        "BY=",
        "BY=;N",
        "BY=+-5;N",
        "BY=5;NTT",
        "BY=5;NR",
        "BY=5;",
        "BY=-0;R",
        "HOLDFOR=+5",
        "HOLDFOR=5s",
        "HOLDUNTIL=2026-02-29T00:00:00Z",
        "HOLDUNTIL=2026-12-31T22:59:60Z",
        "HOLDUNTIL=2026-12-31T23:59:59-00:00",
        "MTRK== ENVID=a@b",
        "MTRK=Q ENVID=a@b",
        "MTRK=Q=== ENVID=a@b",
        "MTRK=QQ= ENVID=a@b",
        "MTRK=QUI== ENVID=a@b",
        "MTRK=QUJD= ENVID=a@b",
        "MTRK=QUJD==== ENVID=a@b",
        "MTRK=QQ==QQ== ENVID=a@b",
        "MTRK=QQ==:1234567890 ENVID=a@b",
        &format!("TRANSID=<{bytes76}@bc>"),
        "TRANSID=<.a@b>",
        "TRANSID=<a.@b>",
        "TRANSID=<a..b@c>",
        "TRANSID=<a@b.>",
        "TRANSID=<@b>",
        "TRANSID=<a@b>c",
        "TRANSID=<a/b@c>",
        "TRANSID=<\u{f6}@c>",
        &solicit(1001),
        "SOLICIT=a,",
        "SOLICIT=,a",
        "SOLICIT=a+b",
        "SOLICIT=\u{f6}",
    ] {
        assert!(mail(text).is_err(), "{text}");
    }
    for text in [
        "ORCPT=utf-8;\\x{01}\\x{0A}\\x{1f}\\x{20}\\x{7F}\\x{5c}\\x{3D}",
        "ORCPT=utf-8;\\x{80}\\x{FFF}\\x{D7FF}\\x{E000}\\x{10000}\\x{10FFFF}",
        "ORCPT=utf-8;{}",
        "RRVS=2028-02-29T00:00:00-08:00;r",
        "RRVS=1991-01-01T00:59:60+01:00;C",
    ] {
        assert!(rcpt(text).is_ok(), "{text}");
    }
    for text in [
        "ORCPT=utf-8",
        "ORCPT=utf-8;",
        "ORCPT=utf-8;\\x{00}",
        "ORCPT=utf-8;\\x{}",
        "ORCPT=utf-8;\\x{9}",
        "ORCPT=utf-8;\\x{1FFFFFF}",
        "ORCPT=utf-8;\\x{DFFF}",
        "ORCPT=utf-8;\\X{F6}",
        "ORCPT=utf-8;\\xF6",
        "ORCPT=utf-8;\\",
        "ORCPT=utf-8;a+2Bb",
        "RRVS=2026-02-29T00:00:00Z",
        "RRVS=1991-01-01T00:59:60Z",
        "RRVS=2026-02-28T00:00:00Z;",
        "RRVS=2026-02-28T00:00:00Z;CC",
        "RRVS=2026-02-28T00:00:00",
    ] {
        assert!(rcpt(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_pushed_is_read(
        pairs in proptest::collection::vec(("[A-Za-z0-9][A-Za-z0-9-]{0,6}", "[!-<>-~\u{f6}]{0,8}"), 0..80),
    ) {
        let mut list = ParameterList::new();
        let mut kept = Vec::new();
        for (keyword, value) in &pairs {
            let value = Some(value.as_str()).filter(|value| !value.is_empty());
            let parameter = Parameter::new(keyword, value).unwrap();
            if list.push(parameter).is_ok() {
                kept.push(parameter);
            }
        }
        let text = list.as_parameters().to_string();
        prop_assert_eq!(parse(&text).unwrap().iter().collect::<Vec<_>>(), kept);
    }

    #[test]
    fn no_octets_panic(octets: Vec<u8>, text in "(SIZE|BY|RRVS|ORCPT|NOTIFY|HOLDUNTIL|AUTH|MTRK)=[ -~\u{f6}]{0,24}") {
        for syntax in [Syntax::STRICT, Syntax::LENIENT] {
            for octets in [&octets, text.as_bytes()] {
                if let Ok(parameters) = Parameters::parse(octets, &syntax) {
                    let _ = MailParameters::parse(parameters);
                    let _ = RcptParameters::parse(parameters);
                }
            }
        }
    }
}
