mod arguments;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::auth::Base64;
use crate::error::Rule;
use crate::path::ReversePath;
use crate::profile::HelloSyntax;

fn parse(line: &[u8]) -> Result<Command<'_>, ParseError> {
    Command::parse(line, &Syntax::INTERNET)
}

fn written(command: &Command<'_>) -> String {
    let mut out = Vec::new();
    command.write(&mut out);
    String::from_utf8(out).unwrap()
}

/// Lines that are written as they are read.
const LINES: &[(&str, Verb)] = &[
    ("EHLO mx.example.net", Verb::Ehlo),
    ("EHLO [192.0.2.7]", Verb::Ehlo),
    ("HELO [IPv6:2001:db8::1]", Verb::Helo),
    ("LHLO mx.example.net", Verb::Lhlo),
    ("MAIL FROM:<>", Verb::Mail),
    ("MAIL FROM:<joe@example.org>", Verb::Mail),
    ("MAIL FROM:<joe@example.org> SIZE=12345 BODY=8BITMIME", Verb::Mail),
    ("MAIL FROM:<j\u{f6}rg@b\u{fc}cher.example> SMTPUTF8", Verb::Mail),
    ("MAIL FROM:<\"a> b@c\"@x.example> RET=HDRS ENVID=QQ314159", Verb::Mail),
    ("RCPT TO:<joe@example.org>", Verb::Rcpt),
    ("RCPT TO:<Postmaster>", Verb::Rcpt),
    ("RCPT TO:<joe@[IPv6:2001:db8::1]> NOTIFY=NEVER", Verb::Rcpt),
    ("DATA", Verb::Data),
    ("BDAT 0", Verb::Bdat),
    ("BDAT 86 LAST", Verb::Bdat),
    ("BDAT 18446744073709551615", Verb::Bdat),
    ("RSET", Verb::Rset),
    ("NOOP", Verb::Noop),
    ("NOOP what ever", Verb::Noop),
    ("QUIT", Verb::Quit),
    ("VRFY joe@example.org", Verb::Vrfy),
    ("VRFY j\u{f6}rg SMTPUTF8", Verb::Vrfy),
    ("EXPN list", Verb::Expn),
    ("HELP", Verb::Help),
    ("HELP MAIL", Verb::Help),
    ("STARTTLS", Verb::StartTls),
    ("AUTH PLAIN", Verb::Auth),
    ("AUTH PLAIN =", Verb::Auth),
    ("AUTH SCRAM-SHA-256-PLUS AGpvZQBzZWNyZXQ=", Verb::Auth),
    ("ETRN example.org", Verb::Etrn),
    ("ETRN @example.org", Verb::Etrn),
    ("ETRN #uucp/queue", Verb::Etrn),
    ("ATRN", Verb::Atrn),
    ("ATRN example.org,mail.example.com", Verb::Atrn),
    (
        "BURL imap://harry@gryffindor.example/outbox;uid=25;urlauth=submit+harry:internal:91",
        Verb::Burl,
    ),
    ("BURL http://x.example/%7Ea?b=c LAST", Verb::Burl),
    ("BURL data:,LAST LAST", Verb::Burl),
    ("XCLIENT ADDR=192.0.2.1", Verb::XClient),
    (
        "XCLIENT NAME=[TEMPUNAVAIL] ADDR=IPV6:2001:db8::1 PORT=25 PROTO=ESMTP HELO=[192.0.2.1]",
        Verb::XClient,
    ),
    ("XCLIENT LOGIN=joe+20doe DESTADDR=[UNAVAILABLE] DESTPORT=587", Verb::XClient),
    (
        "XFORWARD NAME=spike.example ADDR=uucp!host PROTO=UUCP SOURCE=LOCAL IDENT=4F9D195432C",
        Verb::XForward,
    ),
    ("XFORWARD NAME=[UNAVAILABLE] PORT=[unavailable] HELO=a=b", Verb::XForward),
    ("X-FOO", Verb::Other),
    ("TURN", Verb::Obsolete),
    ("SAML FROM:<a@b>", Verb::Obsolete),
];

#[test]
fn lines_both_ways() {
    for &(line, verb) in LINES {
        let command = parse(line.as_bytes()).unwrap();
        assert_eq!(command.verb(), verb, "{line}");
        assert_eq!(written(&command), format!("{line}\r\n"));
        // F-18: verbs in any case; F-19: blanks at the end.
        let lower = format!("{}{} \t ", line[..4].to_lowercase(), &line[4..]);
        assert_eq!(Verb::of(lower.as_bytes()), verb);
        if verb != Verb::Other && verb != Verb::Obsolete {
            assert_eq!(parse(lower.as_bytes()).unwrap(), command, "{lower}");
        }
    }
}

#[test]
fn verbs() {
    for verb in Verb::ALL {
        let word = verb.as_str();
        if !word.is_empty() {
            assert_eq!(Verb::of(word.as_bytes()), verb);
            assert_eq!(Verb::of(format!("{} x", word.to_lowercase()).as_bytes()), verb);
            assert_eq!(Verb::of(format!("{word}x").as_bytes()), Verb::Other);
            assert_eq!(Verb::of(format!(" {word}").as_bytes()), Verb::Other);
            assert_eq!(Verb::of(&word.as_bytes()[1..]), Verb::Other);
        }
    }
    for line in [&b""[..], b"\x0d\x01\x14\x01", b"DATA\0", b"STARTTLSX", b"STARTTL"] {
        assert_eq!(Verb::of(line), Verb::Other);
    }
}

#[test]
fn what_is_read_in_other_spellings() {
    for (line, expected) in [
        ("mAiL fRoM:<A@b.example>", "MAIL FROM:<A@b.example>"),
        ("RCPT to:<@a.example,@b.example:joe@c.example>", "RCPT TO:<joe@c.example>"),
        ("rcpt TO:<POSTMASTER>", "RCPT TO:<Postmaster>"),
        ("EHLO [192.0.2.7] my box", "EHLO [192.0.2.7]"),
        ("bdat 007 last", "BDAT 7 LAST"),
        ("VRFY joe smtputf8", "VRFY joe SMTPUTF8"),
        ("VRFY SMTPUTF8", "VRFY SMTPUTF8"),
        ("burl IMAP://x.example/a last", "BURL IMAP://x.example/a LAST"),
        ("xForward name=x", "XFORWARD name=x"),
    ] {
        assert_eq!(written(&parse(line.as_bytes()).unwrap()), format!("{expected}\r\n"));
    }
    let Command::Vrfy(query) = parse(b"VRFY joe smtputf8").unwrap() else { panic!("VRFY") };
    assert_eq!((query.text().as_str(), query.smtputf8()), ("joe", true));
    // G-27: only where it is offered.
    let ascii = Syntax::INTERNET.with_utf8(false);
    let Command::Vrfy(query) = Command::parse(b"VRFY joe SMTPUTF8", &ascii).unwrap() else {
        panic!("VRFY")
    };
    assert_eq!((query.text().as_str(), query.smtputf8()), ("joe SMTPUTF8", false));
}

#[test]
fn bad_lines_and_their_replies() {
    for (line, rule, offset, reply) in [
        // F-03
        (&b"NOOP\nRSET"[..], Rule::BareNewline, 4, "500 5.5.2"),
        (b" \r", Rule::BareNewline, 1, "500 5.5.2"),
        (b"MAIL FROM:<a\r@b>", Rule::BareNewline, 12, "500 5.5.2"),
        // F-19
        (b"", Rule::EmptyLine, 0, "500 5.5.2"),
        (b" \t ", Rule::EmptyLine, 0, "500 5.5.2"),
        (b" NOOP", Rule::LeadingBlank, 0, "500 5.5.2"),
        (b"\tNOOP", Rule::LeadingBlank, 0, "500 5.5.2"),
        // F-20
        (b"NOOP  x", Rule::Spacing, 5, "501 5.5.4"),
        (b"MAIL  FROM:<a@b>", Rule::Spacing, 5, "501 5.5.4"),
        (b"MAIL FROM:<a@b>  SIZE=1", Rule::Spacing, 16, "501 5.5.4"),
        (b"AUTH PLAIN  =", Rule::Spacing, 11, "501 5.5.4"),
        // F-21
        (b"NOOP a\0b", Rule::Control, 6, "501 5.5.2"),
        (b"NOOP a\tb", Rule::Control, 6, "501 5.5.2"),
        (b"NOOP \x7f", Rule::Control, 5, "501 5.5.2"),
        (b"FOO a\0b", Rule::Verb, 5, "500 5.5.2"),
        (b"RSET\0", Rule::Verb, 4, "500 5.5.2"),
        // G-16
        (b"MAIL FROM:<\xc3@b>", Rule::Utf8, 11, "501 5.5.2"),
        (b"NOOP \xed\xa0\x80", Rule::Utf8, 5, "501 5.5.2"),
        (b"NOOP \xc0\xaf", Rule::Utf8, 5, "501 5.5.2"),
        (b"NOOP \xf4\x90\x80\x80", Rule::Utf8, 5, "501 5.5.2"),
        (b"FOO \xff", Rule::Verb, 4, "500 5.5.2"),
        // G-01 to G-12
        (b"RCPT TO:<>", Rule::LocalPart, 9, "501 5.1.3"),
        (b"RCPT TO:<joe>", Rule::Mailbox, 12, "501 5.1.3"),
        (b"RCPT TO:<a@b.example.>", Rule::Domain, 21, "501 5.1.3"),
        (b"RCPT TO:<a@[192.0.2.256]>", Rule::AddressLiteral, 12, "501 5.1.3"),
        (b"MAIL FROM:<postmaster>", Rule::Mailbox, 21, "501 5.1.7"),
        (b"MAIL FROM:<a..b@c.example>", Rule::LocalPart, 13, "501 5.1.7"),
        (b"MAIL FROM:<a@b>x", Rule::ReversePath, 15, "501 5.1.7"),
        // G-19, G-20
        (b"EHLO", Rule::MissingArgument, 4, "501 5.5.4"),
        (b"EHLO b\xc3\xbccher", Rule::HelloName, 6, "501 5.5.4"),
        (b"HELO MY_PC", Rule::HelloName, 7, "501 5.5.4"),
        // G-23, G-24
        (b"MAIL", Rule::MissingArgument, 4, "501 5.5.4"),
        (b"MAIL <a@b>", Rule::MissingArgument, 5, "501 5.5.4"),
        (b"MAIL FROM:", Rule::MissingArgument, 10, "501 5.5.4"),
        (b"MAIL FROM <a@b>", Rule::MissingArgument, 5, "501 5.5.4"),
        (b"MAIL FROM: <a@b>", Rule::Spacing, 10, "501 5.5.4"),
        (b"MAIL FROM:a@b", Rule::ReversePath, 10, "501 5.1.7"),
        (b"RCPT TO:a@b", Rule::ForwardPath, 8, "501 5.1.3"),
        // G-25
        (b"DATA x", Rule::UnexpectedArgument, 4, "501 5.5.4"),
        (b"RSET x", Rule::UnexpectedArgument, 4, "501 5.5.4"),
        (b"QUIT x", Rule::UnexpectedArgument, 4, "501 5.5.4"),
        (b"STARTTLS x", Rule::UnexpectedArgument, 8, "501 5.5.4"),
        // G-26
        (b"VRFY", Rule::MissingArgument, 4, "501 5.5.4"),
        (b"EXPN ", Rule::MissingArgument, 4, "501 5.5.4"),
        // G-28, G-29
        (b"AUTH", Rule::MissingArgument, 4, "501 5.5.4"),
        (b"AUTH PL/AIN", Rule::Mechanism, 7, "501 5.5.4"),
        (b"AUTH ABCDEFGHIJKLMNOPQRSTU", Rule::Mechanism, 25, "501 5.5.4"),
        // G-30, G-31
        (b"BDAT", Rule::BdatSize, 4, "501 5.5.4"),
        (b"BDAT LAST", Rule::BdatSize, 5, "501 5.5.4"),
        (b"BDAT -1", Rule::BdatSize, 5, "501 5.5.4"),
        (b"BDAT 1x", Rule::BdatSize, 6, "501 5.5.4"),
        (b"BDAT 18446744073709551616", Rule::BdatSize, 24, "501 5.5.4"),
        (b"BDAT 1 LOST", Rule::BdatLast, 7, "501 5.5.4"),
        (b"BDAT 1 LAST 2", Rule::BdatLast, 7, "501 5.5.4"),
        (b"BDAT 1  LAST", Rule::Spacing, 7, "501 5.5.4"),
        // G-32
        (b"BURL", Rule::MissingArgument, 4, "501 5.5.4"),
        (b"BURL LAST", Rule::Url, 9, "501 5.5.4"),
        (b"BURL 1imap://x", Rule::Url, 5, "501 5.5.4"),
        (b"BURL imap:", Rule::Url, 9, "501 5.5.4"),
        (b"BURL imap://x/a#b", Rule::Url, 15, "501 5.5.4"),
        (b"BURL imap://x/%4", Rule::Url, 14, "501 5.5.4"),
        (b"BURL imap://x/\xc3\xb6", Rule::Url, 14, "501 5.5.4"),
        (b"BURL imap://x LOST", Rule::BdatLast, 14, "501 5.5.4"),
        (b"BURL imap://x  LAST", Rule::Spacing, 14, "501 5.5.4"),
        // G-33
        (b"ETRN", Rule::MissingArgument, 4, "501 5.5.4"),
        (b"ETRN @", Rule::Node, 6, "501 5.5.4"),
        (b"ETRN #", Rule::Node, 6, "501 5.5.4"),
        (b"ETRN #a b", Rule::Node, 7, "501 5.5.4"),
        (b"ETRN a..b", Rule::Node, 7, "501 5.5.4"),
        (b"ETRN %x", Rule::Node, 5, "501 5.5.4"),
        (b"ETRN a.example x", Rule::Node, 14, "501 5.5.4"),
        // G-34
        (b"ATRN localhost", Rule::DomainList, 14, "501 5.5.4"),
        (b"ATRN a.example,", Rule::DomainList, 15, "501 5.5.4"),
        (b"ATRN a.example, b.example", Rule::DomainList, 15, "501 5.5.4"),
        (b"ATRN a.example,b", Rule::DomainList, 16, "501 5.5.4"),
        // G-35, G-36
        (b"XCLIENT", Rule::MissingArgument, 7, "501 5.5.4"),
        (b"XCLIENT NAME", Rule::Attribute, 8, "501 5.5.4"),
        (b"XCLIENT FOO=bar", Rule::Attribute, 8, "501 5.5.4"),
        (b"XCLIENT IDENT=1", Rule::Attribute, 8, "501 5.5.4"),
        (b"XCLIENT NAME=", Rule::AttributeValue, 13, "501 5.5.4"),
        (b"XCLIENT ADDR=2001:db8::1", Rule::AttributeValue, 13, "501 5.5.4"),
        (b"XCLIENT ADDR=[192.0.2.1]", Rule::AttributeValue, 13, "501 5.5.4"),
        (b"XCLIENT ADDR=[TEMPUNAVAIL]", Rule::AttributeValue, 13, "501 5.5.4"),
        (b"XCLIENT PORT=65536", Rule::AttributeValue, 13, "501 5.5.4"),
        (b"XCLIENT PORT=+2B1", Rule::AttributeValue, 13, "501 5.5.4"),
        (b"XCLIENT PROTO=HTTP", Rule::AttributeValue, 14, "501 5.5.4"),
        (b"XCLIENT HELO=a+0D+0Ab", Rule::AttributeValue, 13, "501 5.5.4"),
        (b"XCLIENT LOGIN=a+C3", Rule::AttributeValue, 14, "501 5.5.4"),
        (b"XCLIENT NAME=a NAME=b", Rule::DuplicateParameter, 15, "501 5.5.4"),
        (b"XCLIENT NAME=a  PORT=1", Rule::Spacing, 15, "501 5.5.4"),
        (b"XFORWARD LOGIN=a", Rule::Attribute, 9, "501 5.5.4"),
        (b"XFORWARD NAME=a+20b", Rule::AttributeValue, 14, "501 5.5.4"),
        (b"XFORWARD NAME=a PROTO=a@b", Rule::AttributeValue, 22, "501 5.5.4"),
        (b"XFORWARD HELO=<a>", Rule::AttributeValue, 14, "501 5.5.4"),
        (b"XFORWARD HELO=+C3+B6", Rule::AttributeValue, 14, "501 5.5.4"),
        (b"XFORWARD SOURCE=HERE", Rule::AttributeValue, 16, "501 5.5.4"),
        // Parameters
        (b"MAIL FROM:<> SIZE=1 SIZE=2", Rule::DuplicateParameter, 20, "501 5.5.4"),
        (b"MAIL FROM:<> =1", Rule::Parameter, 13, "501 5.5.4"),
        (b"@ b", Rule::Verb, 0, "500 5.5.2"),
    ] {
        let shown = String::from_utf8_lossy(line);
        let error = parse(line).unwrap_err();
        assert_eq!((error.rule(), error.offset()), (rule, offset), "{shown:?}");
        let rejection = error.rejection();
        assert_eq!(
            format!("{} {}", rejection.code().value(), rejection.enhanced()),
            reply,
            "{shown:?}"
        );
    }
    // G-29
    for text in ["=AAA", "AAA=BBB", "QUI", "QR==", "QQ ==", "==", ""] {
        let line = format!("AUTH PLAIN {text}");
        if !text.is_empty() {
            let error = parse(line.as_bytes()).unwrap_err();
            assert_eq!(error.rule(), Rule::Base64, "{text}");
            assert!(error.offset() >= 11);
        }
    }
    // F-21, without SMTPUTF8
    let ascii = Syntax::INTERNET.with_utf8(false);
    let error = Command::parse("NOOP \u{f6}".as_bytes(), &ascii).unwrap_err();
    assert_eq!((error.rule(), error.offset()), (Rule::Control, 5));
    assert_eq!(error.to_string(), "octet not allowed in a command (octet 5)");
}

#[test]
fn relaxed_lines() {
    for (line, expected) in [
        ("MAIL   FROM:  <a@b>   SIZE=1   BODY=7BIT", "MAIL FROM:<a@b> SIZE=1 BODY=7BIT"),
        ("MAIL FROM:a@b.example SIZE=1", "MAIL FROM:<a@b.example> SIZE=1"),
        ("RCPT TO: joe@b_c.example", "RCPT TO:<joe@b_c.example>"),
        ("EHLO  MY_PC", "EHLO MY_PC"),
        ("BDAT  5  LAST", "BDAT 5 LAST"),
        ("NOOP   x", "NOOP x"),
        ("BURL  imap://x   LAST", "BURL imap://x LAST"),
        ("ETRN   a.example", "ETRN a.example"),
        ("XCLIENT  NAME=a   PORT=1", "XCLIENT NAME=a PORT=1"),
    ] {
        let command = Command::parse(line.as_bytes(), &Syntax::LENIENT).unwrap();
        assert_eq!(written(&command), format!("{expected}\r\n"));
        assert!(parse(line.as_bytes()).is_err());
    }
}

#[test]
fn a_chunk_is_measured_whatever_else_is_wrong() {
    for (line, size) in [
        (&b"BDAT 5"[..], Ok(5)),
        (b"BDAT \t 5 LOST", Ok(5)),
        (b"BDAT 5 \0", Ok(5)),
        (b"BDAT 5\0", Err(6)),
        (b"BDAT +5", Err(5)),
        (b"BDAT", Err(4)),
        (b"", Err(4)),
    ] {
        assert_eq!(Bdat::chunk_size(line).map_err(|error| error.offset()), size, "{line:?}");
    }
}

#[test]
fn values_that_cannot_be_sent_do_not_exist() {
    for text in ["", " x", "x ", "a\r\nb", "\0", "a\tb"] {
        assert!(Text::new(text).is_err(), "{text:?}");
    }
    for verb in ["", "NOOP", "noop", "A B", "A\r\n", "-A", "STARTTLS", "XCLIENT", "etrn"] {
        assert!(OtherCommand::new(verb, None).is_err(), "{verb:?}");
    }
    for name in ["", "PLAIN\r\n", "A B"] {
        assert!(Mechanism::parse(name).is_err());
    }
    assert_eq!(Mechanism::parse("plain").unwrap(), Mechanism::parse("PLAIN").unwrap());
    let query = Query::new(Text::new("joe SMTPUTF8").unwrap(), false);
    assert_eq!((query.text().as_str(), query.smtputf8()), ("joe", true));
}

#[test]
fn secrets_are_not_shown() {
    let command = parse(b"AUTH PLAIN AGpvZQBzZWNyZXQ=").unwrap();
    let shown = format!("{command:?}");
    assert!(shown.contains("PLAIN") && !shown.contains("AGpv"), "{shown}");
    let line = Line::check(b"AUTH PLAIN AGpvZQBzZWNyZXQ=", &Syntax::INTERNET).unwrap();
    assert_eq!(format!("{line:?}"), "Line(Auth, 27 octets)");
    let line = b"BURL imap://x.example/a;urlauth=submit+joe:internal:91354a LAST";
    let shown = format!("{:?}", parse(line).unwrap());
    assert!(shown.contains("imap://x.example") && !shown.contains("joe"), "{shown}");
    let empty = InitialResponse::from(Base64::EMPTY);
    assert!(empty.is_empty() && empty == InitialResponse::EMPTY);
}

#[test]
fn each_command_reads_its_own_lines_only() {
    let syntax = &Syntax::INTERNET;
    assert_eq!(Mail::parse(b"MAIL FROM:<>", syntax).unwrap().reverse_path, ReversePath::Null);
    assert_eq!(Mail::parse(b"RCPT TO:<a@b>", syntax).unwrap_err().rule(), Rule::Verb);
    assert!(Rcpt::parse(b"RCPT TO:<a@b>", syntax).is_ok());
    assert!(Auth::parse(b"AUTH PLAIN", syntax).is_ok());
    assert!(Bdat::parse(b"BDAT 1", syntax).is_ok());
    assert!(hello_argument(b"EHLO x", syntax).is_ok());
}

#[test]
fn sizes() {
    assert!(size_of::<Command<'_>>() <= 64, "{}", size_of::<Command<'_>>());
    assert!(size_of::<Result<Command<'_>, ParseError>>() <= 64);
    assert_eq!(size_of::<ParseError>(), 8);
}

/// Lines near the grammar, and now and then inside it.
fn near_lines() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::sample::select(
            &[
                "EHLO ",
                "MAIL ",
                "RCPT ",
                "FROM:",
                "TO:",
                "<",
                ">",
                "@",
                "a",
                ".",
                "b-c",
                "\"",
                "\\",
                " ",
                "SIZE=1",
                "BDAT ",
                "12",
                "LAST",
                "AUTH ",
                "PLAIN",
                "=",
                "QUI=",
                "[",
                "]",
                "IPv6:",
                "::",
                "VRFY ",
                "SMTPUTF8",
                "\u{f6}",
                "NOOP ",
                "\t",
                "XFOO ",
                ",",
                ":",
                "ETRN ",
                "ATRN ",
                "BURL ",
                "#",
                "XCLIENT ",
                "XFORWARD ",
                "NAME=",
                "ADDR=",
                "[UNAVAILABLE]",
                "+20",
                "imap",
            ][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..2),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_octets_panic_and_what_reads_is_written_back(line in near_lines(), random: Vec<u8>) {
        for syntax in [Syntax::STRICT, Syntax::INTERNET, Syntax::LENIENT] {
            let _ = Command::parse(&random, &syntax);
            let _ = Bdat::chunk_size(&line);
            let Ok(command) = Command::parse(&line, &syntax) else { continue };
            let text = written(&command);
            let body = text.strip_suffix("\r\n").unwrap();
            prop_assert!(!body.contains(['\r', '\n', '\0']));
            prop_assert_eq!(Command::parse(body.as_bytes(), &syntax).unwrap(), command);
        }
    }

    #[test]
    fn mail_and_rcpt_survive(
        local in "[a-zA-Z0-9!#]{1,20}(\\.[a-z]{1,5})?",
        domain in "[a-z]{1,10}(\\.[a-z0-9]{1,10}){0,3}",
        size: u64,
        last: bool,
    ) {
        for line in [
            format!("MAIL FROM:<{local}@{domain}> SIZE={size} BODY=8BITMIME"),
            format!("RCPT TO:<{local}@{domain}>"),
            format!("EHLO {domain}"),
            format!("BDAT {size}{}", if last { " LAST" } else { "" }),
        ] {
            prop_assert_eq!(written(&parse(line.as_bytes()).unwrap()), format!("{line}\r\n"));
        }
    }

    #[test]
    fn any_hello_is_written_back(word in "[!-~]{1,40}") {
        let any = Syntax { hello: HelloSyntax::Any, ..Syntax::INTERNET };
        let line = format!("EHLO {word}");
        let command = Command::parse(line.as_bytes(), &any).unwrap();
        let text = written(&command);
        prop_assert_eq!(Command::parse(text.trim_end().as_bytes(), &any).unwrap(), command);
    }
}
