use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use proptest::prelude::*;

const LENIENT: ReplyRules = ReplyRules {
    max_line: 12_294,
    max_lines: 128,
    max_octets: 65_536,
    lenient_lf: true,
    code_mismatch: CodeMismatch::Last,
};

fn written(code: Code, enhanced: Option<EnhancedCode>, text: &str, charset: TextCharset) -> String {
    let mut out = Vec::new();
    write_reply(&mut out, code, enhanced, text, charset);
    String::from_utf8(out).unwrap()
}

fn enhanced(text: &str) -> Option<EnhancedCode> {
    EnhancedCode::parse(text.as_bytes()).map(|(code, _)| code)
}

/// Both ways: code, enhanced code and text; the octets; and what is shown.
#[test]
fn known_answers() {
    for (code, status, text, octets, shown) in [
        (250, "2.0.0", "ok", "250 2.0.0 ok\r\n", "250 2.0.0 ok"),
        (
            220,
            "",
            "mx.example.net ready",
            "220 mx.example.net ready\r\n",
            "220 mx.example.net ready",
        ),
        // R-06
        (
            551,
            "5.7.1",
            "no relaying\nfor you",
            "551-5.7.1 no relaying\r\n551 5.7.1 for you\r\n",
            "551 5.7.1 no relaying / for you",
        ),
        (
            250,
            "",
            "mx\nSIZE 5\nHELP",
            "250-mx\r\n250-SIZE 5\r\n250 HELP\r\n",
            "250 mx / SIZE 5 / HELP",
        ),
        (214, "", "a\n\nb", "214-a\r\n214-\r\n214 b\r\n", "214 a /  / b"),
        // R-04
        (334, "", "", "334 \r\n", "334"),
        (334, "", "VXNlcm5hbWU6", "334 VXNlcm5hbWU6\r\n", "334 VXNlcm5hbWU6"),
        (555, "5.123.45", "x", "555 5.123.45 x\r\n", "555 5.123.45 x"),
    ] {
        let code = Code::new(code).unwrap();
        let status = enhanced(status);
        assert_eq!(written(code, status, text, TextCharset::Ascii), octets);
        let reply = Reply::parse(octets.as_bytes()).unwrap();
        assert_eq!((reply.code(), reply.enhanced()), (code, status));
        let texts: Vec<_> = reply.texts().map(|text| core::str::from_utf8(text).unwrap()).collect();
        assert_eq!(texts.join("\n"), text);
        assert_eq!(reply.to_string(), shown);
        assert_eq!(reply.octets(), octets.as_bytes());
        let kept = reply.to_owned();
        assert_eq!(kept.as_reply(), reply);
        assert_eq!(kept, ReplyBuf::new(code, status, text));
        assert_eq!(Reply::found(octets.as_bytes()), Some(reply));
    }
}

/// Read only: what a client must take though we do not send it so (F-28 to F-31).
#[test]
fn taken() {
    for (octets, shown) in [
        // F-29
        ("250\r\n", "250"),
        ("250 \r\n", "250"),
        ("250-\r\n250 x\r\n", "250  / x"),
        ("250-\r\n250\r\n", "250  / "),
        // F-30
        ("299 x\r\n", "299 x"),
        ("567 x\r\n", "567 x"),
        // R-09
        ("250 2.0.0\r\n", "250 2.0.0"),
        ("250 5.0.0 x\r\n", "250 5.0.0 x"),
        ("354 3.0.0 x\r\n", "354 3.0.0 x"),
        ("550-5.1.1 a\r\n550-b\r\n550 5.7.1 c\r\n", "550 5.7.1 a / b / c"),
        ("550-5.1.1 a\r\n550 c\r\n", "550 a / c"),
        ("550 5.1.1no\r\n", "550 5.1.1no"),
        // F-01: a CR does not end a line
        ("250 a\rb\r\n", "250 a\\rb"),
        ("250 a\r\r\n", "250 a\\r"),
    ] {
        let reply = Reply::parse(octets.as_bytes()).unwrap();
        assert_eq!(reply.to_string(), shown, "{octets:?}");
    }
    for (octets, shown) in [
        ("250-ok\r\n550 no\r\n", "550 ok / no"),
        ("250-ok\n250 x\n", "250 ok / x"),
        ("250\n", "250"),
        ("250-\n250\r\n", "250  / "),
    ] {
        let reply = Reply::parse_with(octets.as_bytes(), &LENIENT).unwrap();
        assert_eq!(reply.to_string(), shown, "{octets:?}");
    }
}

#[test]
fn refused() {
    use ReplyError::*;
    for (octets, error) in [
        ("", Incomplete),
        ("25", Incomplete),
        ("250", Incomplete),
        ("250\r", Incomplete),
        ("250 ok\r", Incomplete),
        ("250-ok\r\n", Incomplete),
        ("250 ok\r\n250", Trailing),
        // F-30
        ("\r\n", NotAReply),
        ("x", NotAReply),
        ("150 x\r\n", NotAReply),
        ("650 x\r\n", NotAReply),
        ("2x", NotAReply),
        ("25\r\n", NotAReply),
        ("2500\r\n", NotAReply),
        ("250x\r\n", NotAReply),
        ("250\tx\r\n", NotAReply),
        ("250\r\r\n", NotAReply),
        ("250\rx\r\n", NotAReply),
        ("HTTP/1.1 400 Bad Request\r\n", NotAReply),
        ("250-ok\r\n\r\n", NotAReply),
        // F-31
        ("250\n", BareNewline),
        ("250 ok\n", BareNewline),
        ("250-ok\n250 ok\r\n", BareNewline),
        // F-28
        ("250-ok\r\n550 no\r\n", CodeMismatch),
        ("250-ok\r\n251", Incomplete),
        ("250-ok\r\n251 ", CodeMismatch),
    ] {
        assert_eq!(Reply::parse(octets.as_bytes()), Err(error), "{octets:?}");
    }
}

/// F-32: each limit, at it and one over it; also for lines that have not ended.
#[test]
fn limits() {
    let line = |len: usize| {
        let mut line = b"334 ".to_vec();
        line.resize(len - 2, b'a');
        line.extend(b"\r\n");
        line
    };
    let rules = ReplyRules::default();
    assert!(Reply::parse(&line(12_294)).is_ok());
    assert_eq!(Reply::parse(&line(12_295)), Err(ReplyError::LineTooLong));
    let open = &line(12_400)[..12_295];
    assert_eq!(ReplyReader::default().find(open, &rules), Err(ReplyError::LineTooLong));
    let open = &open[..12_294];
    assert_eq!(ReplyReader::default().find(open, &rules), Ok(None));

    let lines = |count: usize| ["250-x\r\n"].repeat(count - 1).concat() + "250 x\r\n";
    assert!(Reply::parse(lines(128).as_bytes()).is_ok());
    assert_eq!(Reply::parse(lines(129).as_bytes()), Err(ReplyError::TooManyLines));
    let open = &lines(129).into_bytes()[..128 * 7];
    assert_eq!(ReplyReader::default().find(open, &rules), Err(ReplyError::TooManyLines));

    let mut long = vec![];
    for _ in 0..5 {
        long.extend(line(12_000));
    }
    for octets in long.chunks_mut(12_000) {
        octets[3] = b'-';
    }
    let mut whole = long.clone();
    whole.extend(line(65_536 - 60_000));
    assert!(Reply::parse(&whole).is_ok());
    let mut over = long;
    over.extend(line(65_537 - 60_000));
    assert_eq!(Reply::parse(&over), Err(ReplyError::TooLong));
}

#[test]
fn reader_goes_on_with_the_next_reply() {
    let rules = ReplyRules::default();
    let octets = b"250-a\r\n250 b\r\n354 go\r\n";
    let mut reader = ReplyReader::default();
    assert_eq!(reader.find(octets, &rules), Ok(Some(14)));
    let reply = reader.read(&octets[14..], &rules).unwrap().unwrap();
    assert_eq!(reply.to_string(), "354 go");
    assert_eq!(reader.find(b"", &rules), Ok(None));
    // A buffer shorter than before is the caller's error, but not a panic.
    assert_eq!(reader.find(b"250-abcdef\r\n", &rules), Ok(None));
    assert_eq!(reader.find(b"250", &rules), Ok(None));
}

#[test]
fn host_is_the_first_word() {
    for (octets, host) in [
        ("220 mx.example.net ESMTP\r\n", "mx.example.net"),
        ("421 4.3.2 mx.example.net closing\r\n", "mx.example.net"),
        ("250-mx.example.net\r\n250 HELP\r\n", "mx.example.net"),
        ("220\r\n", ""),
    ] {
        assert_eq!(Reply::parse(octets.as_bytes()).unwrap().host(), host.as_bytes());
    }
}

/// What a peer says cannot break a log line.
#[test]
fn shown_text_is_harmless() {
    let octets = b"550 a\x1b[2J\x00\xff\xc3\xa9\xe2\x80\xae\xc2\x85b\r\n";
    let reply = Reply::parse(octets).unwrap();
    assert_eq!(reply.to_string(), "550 a\\u{1b}[2J\\u{0}\\xff\u{e9}\\u{202e}\\u{85}b");
    assert_eq!(alloc::format!("{reply:?}"), alloc::format!("Reply({reply})"));
    assert_eq!(alloc::format!("{:?}", reply.to_owned()), alloc::format!("Reply({reply})"));
}

/// R-07, F-33, R-13.
#[test]
fn nothing_is_injected() {
    let write = |text, charset| written(Code::OK, enhanced("5.0.0"), text, charset);
    assert_eq!(write("a\0b\x7f\rc", TextCharset::Utf8), "250 a?b??c\r\n");
    assert_eq!(write("caf\u{e9}\u{85}", TextCharset::Ascii), "250 caf??\r\n");
    assert_eq!(write("caf\u{e9}\u{85}", TextCharset::Utf8), "250 caf\u{e9}?\r\n");
    assert_eq!(write("a\r\n550 b", TextCharset::Ascii), "250-a\r\n250 550 b\r\n");
    assert_eq!(write("a\tb\n", TextCharset::Ascii), "250 a\tb\r\n");
    let code = Code::CHALLENGE;
    assert_eq!(written(code, enhanced("2.0.0"), "a\nb", TextCharset::Utf8), "334 a?b\r\n");
    let long = "a".repeat(12_288);
    assert_eq!(written(code, None, &long, TextCharset::Ascii), alloc::format!("334 {long}\r\n"));
}

/// R-04: never a bare code.
#[test]
fn empty_text_gets_a_default() {
    for value in 200..=599 {
        let code = Code::new(value).unwrap();
        let octets = written(code, None, "", TextCharset::Ascii);
        let reply = Reply::parse(octets.as_bytes()).unwrap();
        let text = reply.lines().next().unwrap();
        assert_eq!(text.is_empty(), value == 334, "{octets}");
        assert_eq!(octets.as_bytes()[3], b' ');
    }
}

/// RFC 1845 section 4: how much the server has already.
#[test]
fn the_offset_of_a_transaction() {
    for (reply, offset) in [
        ("355 17 is the transaction offset\r\n", Some(17)),
        // 3yz has no enhanced code.
        ("355 2.0.0 17\r\n", None),
        ("355 18446744073709551615\r\n", Some(u64::MAX)),
        ("355 18446744073709551616\r\n", None),
        ("355 the offset\r\n", None),
        ("355 1x\r\n", None),
        ("355 +1\r\n", None),
        ("355 \r\n", None),
        ("354 17\r\n", None),
    ] {
        assert_eq!(Reply::parse(reply.as_bytes()).unwrap().offset(), offset, "{reply}");
    }
}

/// R-04: what it says is the meaning of the code, where the code has one of its own.
#[test]
fn a_default_text_is_that_of_the_code() {
    let text = |value: u16| {
        let octets = written(Code::new(value).unwrap(), None, "", TextCharset::Ascii);
        String::from(octets[4..].trim_end())
    };
    for (value, word) in [
        (220, "ready"),
        (221, "closing"),
        (354, "<CRLF>.<CRLF>"),
        (421, "closing"),
        (450, "mailbox"),
        (452, "storage"),
        (250, "OK"),
        (299, "OK"),
        (399, "continue"),
        (499, "for now"),
        (500, "syntax"),
        (503, "sequence"),
        (523, "encryption"),
        (550, "mailbox"),
    ] {
        assert!(text(value).contains(word), "{value} {}", text(value));
    }
    // Nor is it what any code of the class says, or another one.
    let mut said: Vec<String> = [299, 399, 499, 599].into_iter().map(text).collect();
    for value in [
        211, 214, 220, 221, 235, 251, 252, 253, 354, 355, 421, 432, 450, 451, 452, 453, 454, 455,
        458, 459, 500, 501, 502, 503, 504, 521, 523, 524, 525, 530, 533, 534, 535, 538, 550, 551,
        552, 553, 554, 555, 556,
    ] {
        let text = text(value);
        assert!(!said.contains(&text), "{value} {text}");
        said.push(text);
    }
}

/// F-26, at the edges.
#[test]
fn long_lines_are_split_at_a_blank() {
    let status = enhanced("2.0.0");
    let room = 512 - "250 2.0.0 \r\n".len();
    let a = |count: usize| "a".repeat(count);
    for (text, lengths) in [
        (a(room), vec![room]),
        (a(room + 1), vec![room, 1]),
        (a(room) + " b", vec![room, 1]),
        (a(room) + " \nb", vec![room, 1]),
        (a(room) + " \r\nb", vec![room, 1]),
        (a(room) + " ", vec![room]),
        (a(room) + "\r\nb", vec![room, 1]),
        (a(room) + "\nb", vec![room, 1]),
        (a(10) + " " + &a(room), vec![10, room]),
        (a(10) + " " + &a(room + 5), vec![10, room, 5]),
        (String::from(" ") + &a(room), vec![room, 1]),
        ("\u{e9}".repeat(room), vec![room; 2]),
    ] {
        let octets = written(Code::OK, status, &text, TextCharset::Utf8);
        let reply = Reply::parse(octets.as_bytes()).unwrap();
        assert_eq!(reply.texts().map(<[u8]>::len).collect::<Vec<_>>(), lengths, "{text:?}");
    }
}

/// R-12.
#[test]
fn too_many_lines_are_cut() {
    let lines = |count: usize| ["line"].repeat(count).join("\n");
    let count = |text: &str| {
        let reply = ReplyBuf::new(Code::HELP, None, text);
        assert!(reply.as_reply().octets().len() <= 16 * 1024);
        let last = reply.as_reply().lines().last().unwrap().to_vec();
        (reply.as_reply().lines().count(), last)
    };
    assert_eq!(count(&lines(30)), (30, b"line".to_vec()));
    assert_eq!(count(&lines(31)), (30, b"[more lines not shown]".to_vec()));
    assert_eq!(count(&"word ".repeat(100_000)).0, 30);
    assert_eq!(count(&"w".repeat(100_000)).0, 30);
}

#[test]
fn rejection_as_reply() {
    let reply = ReplyBuf::from(&Rejection::MAILBOX_UNKNOWN);
    assert_eq!(reply.as_reply().octets(), b"550 5.1.1 no such mailbox here\r\n");
    assert_eq!(reply.code().value(), 550);
    assert_eq!(reply.severity(), Severity::PermanentNegative);
    assert_eq!(reply.enhanced(), enhanced("5.1.1"));
}

#[test]
fn sizes() {
    assert!(size_of::<ReplyReader>() <= 24);
    assert!(size_of::<Reply<'_>>() <= 32);
}

/// What comes of feeding the octets in pieces: all replies found, and the error if any.
fn feed(octets: &[u8], cuts: &[usize], rules: &ReplyRules) -> (Vec<ReplyBuf>, Option<ReplyError>) {
    let mut reader = ReplyReader::default();
    let (mut replies, mut start) = (vec![], 0);
    for &end in cuts.iter().chain([&octets.len()]) {
        loop {
            match reader.read(&octets[start..end], rules) {
                Ok(Some(reply)) => {
                    start += reply.octets().len();
                    assert_eq!(Reply::found(reply.octets()), Some(reply));
                    replies.push(reply.to_owned());
                }
                Ok(None) => break,
                Err(error) => {
                    // An error is final.
                    assert_eq!(reader.find(&octets[start..end], rules), Err(error));
                    return (replies, Some(error));
                }
            }
        }
    }
    (replies, None)
}

fn reply_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(&b"250-"[..]), 4 => Just(&b"250 "[..]), 6 => Just(&b"\r\n"[..]), 2 => Just(&b"2.1.0 "[..]),
        1 => Just(&b"550 "[..]), 1 => Just(&b"\n"[..]), 1 => Just(&b"\r"[..]), 3 => Just(&b"text"[..]),
        1 => Just(&b"250"[..]), 1 => Just(&b"-"[..]), 1 => Just(&b"9"[..]), 1 => Just(&b"\xff"[..]),
    ];
    prop_oneof![
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat()),
        proptest::collection::vec(
            prop_oneof![
                Just(&b"250-a\r\n"[..]),
                Just(&b"250 b\r\n"[..]),
                Just(&b"250\r\n"[..]),
                Just(&b"250-2.0.0 long text\r\n"[..]),
                Just(&b"551 x\r\n"[..])
            ],
            0..12
        )
        .prop_map(|pieces| pieces.concat()),
    ]
}

fn rules() -> impl Strategy<Value = ReplyRules> {
    (0..24_usize, 0..4_usize, 0..60_usize, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(max_line, max_lines, max_octets, lenient_lf, last, small)| {
            let code_mismatch = if last { CodeMismatch::Last } else { CodeMismatch::Error };
            if small {
                ReplyRules { max_line, max_lines, max_octets, lenient_lf, code_mismatch }
            } else {
                ReplyRules { lenient_lf, code_mismatch, ..ReplyRules::default() }
            }
        },
    )
}

fn code() -> impl Strategy<Value = Code> {
    (200..600_u16).prop_map(|value| Code::new(value).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// F-02: the cut of the input changes nothing, neither replies nor the error.
    #[test]
    fn splits_change_nothing(octets in reply_like(), rules in rules(), mut cuts in proptest::collection::vec(0..200_usize, 0..5)) {
        let whole = feed(&octets, &[], &rules);
        let each: Vec<_> = (0..octets.len()).collect();
        prop_assert_eq!(&feed(&octets, &each, &rules), &whole);
        cuts.retain(|&cut| cut <= octets.len());
        cuts.sort_unstable();
        prop_assert_eq!(&feed(&octets, &cuts, &rules), &whole);
    }

    #[test]
    fn any_octets(octets in proptest::collection::vec(any::<u8>(), 0..64), rules in rules()) {
        for reply in feed(&octets, &[], &rules).0 {
            let _ = (reply.to_string(), reply.enhanced(), reply.as_reply().host());
        }
    }

    /// Whatever the text, one whole reply comes out, within all limits.
    #[test]
    fn written_is_one_reply(code in code(), class in 0..6_u8, text in any::<String>(), long in "([a-z ]{0,700}\n?){0,3}", utf8 in any::<bool>()) {
        let charset = if utf8 { TextCharset::Utf8 } else { TextCharset::Ascii };
        let status = EnhancedCode::new(class, 1, 23);
        for text in [text, long] {
            let octets = written(code, status, &text, charset);
            let reply = Reply::parse(octets.as_bytes()).unwrap();
            prop_assert_eq!(reply.code(), code);
            let fits = status.filter(|status| status.severity() == code.severity());
            if fits.is_some() {
                prop_assert_eq!(reply.enhanced(), fits);
            }
            for line in octets.split_inclusive("\r\n") {
                prop_assert!(line.len() <= 512 || code == Code::CHALLENGE);
                prop_assert!(line.trim_end_matches("\r\n").chars().all(|c| !c.is_control() || c == '\t'));
                prop_assert!(utf8 || line.is_ascii());
            }
        }
    }

    /// Emit, then parse: the same again.
    #[test]
    fn emit_then_parse(code in code(), class in 0..6_u8, lines in proptest::collection::vec("[ -~\t\u{e9}\u{4e00}]{0,100}[!-~]", 1..30)) {
        prop_assume!(code != Code::CHALLENGE || lines.len() == 1);
        let status = EnhancedCode::new(class, 7, 1).filter(|status| status.severity() == code.severity());
        prop_assume!(status.is_some() || lines.iter().all(|line| enhanced(line).is_none()));
        prop_assume!(code != Code::CHALLENGE || lines[0].is_ascii());
        let octets = written(code, status, &lines.join("\n"), TextCharset::Utf8);
        let reply = Reply::parse(octets.as_bytes()).unwrap();
        prop_assert_eq!((reply.code(), reply.enhanced()), (code, status));
        let texts: Vec<_> = reply.texts().map(|text| core::str::from_utf8(text).unwrap()).collect();
        prop_assert_eq!(texts, lines);
    }
}
