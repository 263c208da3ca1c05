//! Every result is compared with a model that goes line by line, for every way of cutting.

use alloc::vec::Vec;
use std::println;

use super::{BareNewline, BareNewlineError, Decoder, Encoder, LineCheck, Then};

mod properties;

const POLICIES: [BareNewline; 3] =
    [BareNewline::Reject, BareNewline::Normalize, BareNewline::NormalizeLf];

/// Whether a bare CR or LF becomes a CRLF.
fn is_mended(octet: u8, bare_newline: BareNewline) -> bool {
    match bare_newline {
        BareNewline::Reject => false,
        BareNewline::Normalize => octet == b'\r' || octet == b'\n',
        BareNewline::NormalizeLf => octet == b'\n',
    }
}

/// What a decoder makes of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Outcome {
    content: Vec<u8>,
    /// Octets up to and with the end mark; `None` when there is none.
    end: Option<usize>,
    bare: bool,
    refused: bool,
    high: bool,
    nul: bool,
}

/// The rules of 5321 §4.5.2 as they stand there: cut at every CRLF, look at each line.
fn model(stream: &[u8], bare_newline: BareNewline) -> Outcome {
    let mut lines = Vec::new();
    let (mut at, mut end) = (0, None);
    while let Some(length) = stream[at..].windows(2).position(|pair| pair == b"\r\n") {
        let line = &stream[at..at + length];
        at += length + 2;
        if line == b"." {
            end = Some(at);
            break;
        }
        lines.push((line, true));
    }
    let unended = &stream[at..];
    if end.is_none() {
        lines.push((unended, false));
    }
    let mut outcome = Outcome { end, ..Outcome::default() };
    for (line, whole) in lines {
        let line = line.strip_prefix(b".").unwrap_or(line);
        for &octet in line {
            let newline = octet == b'\r' || octet == b'\n';
            outcome.bare |= newline;
            outcome.high |= octet > 127;
            outcome.nul |= octet == 0;
            let mended = is_mended(octet, bare_newline);
            outcome.refused |= newline && !mended;
            match mended {
                true => outcome.content.extend_from_slice(b"\r\n"),
                false => outcome.content.push(octet),
            }
        }
        if whole {
            outcome.content.extend_from_slice(b"\r\n");
        }
    }
    outcome
}

/// Feeds a decoder the stream cut at `cuts`, as an input buffer does: what is not consumed stays
/// in front.
fn decode(stream: &[u8], bare_newline: BareNewline, cuts: &[usize]) -> Outcome {
    let mut decoder = Decoder::new(bare_newline);
    let mut outcome = Outcome::default();
    let mut buffer: Vec<u8> = Vec::new();
    let (mut from, mut consumed) = (0, 0);
    'stream: for &to in cuts.iter().chain([&stream.len()]) {
        buffer.extend_from_slice(&stream[from..to]);
        from = to;
        loop {
            let decoded = decoder.decode(&mut buffer);
            assert!(decoded.content <= decoded.consumed && decoded.consumed <= buffer.len());
            outcome.content.extend_from_slice(&buffer[..decoded.content]);
            consumed += decoded.consumed;
            buffer.drain(..decoded.consumed);
            assert_eq!(buffer, &stream[consumed..to], "octets left over are untouched");
            match decoded.then {
                Then::More => {
                    assert!(buffer.len() <= 2, "progress is always made");
                    break;
                }
                Then::Newline => outcome.content.extend_from_slice(b"\r\n"),
                Then::End => {
                    outcome.end = Some(consumed);
                    break 'stream;
                }
            }
        }
    }
    outcome.bare = decoder.bare_newline();
    outcome.refused = decoder.is_refused();
    outcome.high = decoder.has_8bit();
    outcome.nul = decoder.has_nul();
    outcome
}

/// Whole, at every cut in two, octet by octet.
fn decode_in_every_way(stream: &[u8], bare_newline: BareNewline) -> Outcome {
    let whole = decode(stream, bare_newline, &[]);
    for cut in 0..=stream.len() {
        let cut_in_two = decode(stream, bare_newline, &[cut]);
        assert_eq!(whole, cut_in_two, "cut at {cut} of {:?}", stream.escape_ascii());
    }
    let each: Vec<usize> = (1..stream.len()).collect();
    assert_eq!(
        whole,
        decode(stream, bare_newline, &each),
        "octet by octet {:?}",
        stream.escape_ascii()
    );
    whole
}

const SECOND: &[u8] = b"MAIL FROM:<x@y.example>\r\nRCPT TO:<z@y.example>\r\nDATA\r\nb\r\n";
const END: &[u8] = b"\r\n.\r\n";

/// A first message, `middle`, a second one that must not be seen, the true end, a command.
fn smuggle(middle: &[u8]) -> (Vec<u8>, usize) {
    let mut stream = b"Subject: a\r\n\r\na".to_vec();
    stream.extend_from_slice(middle);
    stream.extend_from_slice(SECOND);
    stream.extend_from_slice(b"c");
    stream.extend_from_slice(END);
    let end = stream.len();
    stream.extend_from_slice(b"QUIT\r\n");
    (stream, end)
}

#[test]
fn f05_none_of_these_ends_the_message() {
    let listed: [&[u8]; 11] = [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\r.\r\n",
        b"\r.\r",
        b"\r\n.\r\r\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\r\n. \r\n",
        b"\r\n..\r\n",
    ];
    for middle in listed {
        let (stream, end) = smuggle(middle);
        for bare_newline in POLICIES {
            let outcome = decode_in_every_way(&stream, bare_newline);
            assert_eq!(outcome.end, Some(end), "{:?}", middle.escape_ascii());
            assert_eq!(outcome, model(&stream[..end], bare_newline));
        }
    }
}

#[test]
fn f05_no_kin_of_theirs_does() {
    let around: [&[u8]; 19] = [
        b"", b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\r\n\0", b"\r\0\n", b"\0\r\n", b"\n\r",
        b"\r\r\n", b"\r\n\r", b"\r\n\n", b"\r \n", b"\r\n ", b"\x0b", b"\x0c", b"\x85",
    ];
    let dots: [&[u8]; 6] = [b".", b"..", b". ", b".\0", b"\0.", b".\r"];
    let (mut ends, mut not) = (0, 0);
    for before in around {
        for dot in dots {
            for behind in around {
                let middle = [before, dot, behind].concat();
                let (stream, end) = smuggle(&middle);
                // Only the five octets themselves end a message, wherever they come from.
                let five = middle.windows(5).any(|five| five == END);
                for bare_newline in POLICIES {
                    let expected = model(&stream, bare_newline);
                    assert_eq!(expected.end == Some(end), !five, "{:?}", middle.escape_ascii());
                    assert_eq!(decode_in_every_way(&stream, bare_newline), expected);
                }
                if five { ends += 1 } else { not += 1 }
            }
        }
    }
    println!("{not} do not end the message, {ends} hold the true end");
    assert!(not > 2000);
}

/// The same sequences at every place of a block: across lanes, words and windows of the fast pass.
#[test]
fn f05_at_every_alignment() {
    let around: [&[u8]; 8] =
        [b"\r\n", b"\n", b"\r", b"\r\n\0", b"\r\r\n", b"\n\r", b"", b"\r\n\r\n"];
    for before in around {
        for behind in around {
            for padding in (0..330).chain(1120..1240) {
                let mut stream = Vec::new();
                stream.resize(padding, b'a');
                for part in [before, b".", behind, b"..", before, b"x", behind] {
                    stream.extend_from_slice(part);
                }
                stream.resize(stream.len() + 90, b'b');
                stream.extend_from_slice(b"\r\n.\r\n\0\xff");
                for bare_newline in POLICIES {
                    let expected = model(&stream, bare_newline);
                    assert_eq!(decode(&stream, bare_newline, &[]), expected, "{padding}");
                    assert_eq!(
                        decode(&stream, bare_newline, &[padding + 3]),
                        expected,
                        "{padding}"
                    );
                }
            }
        }
    }
}

#[test]
fn f04_the_end_may_come_at_once() {
    let outcome = decode_in_every_way(b".\r\nQUIT\r\n", BareNewline::Reject);
    assert_eq!((outcome.end, outcome.content.len()), (Some(3), 0));
}

#[test]
fn f06_a_bare_newline_is_seen_and_the_true_end_found() {
    let stream = b"a\r\n\n.\r\nMAIL FROM:<x@y.example>\r\n.\r\n";
    let outcome = decode_in_every_way(stream, BareNewline::Reject);
    assert!(outcome.bare);
    assert_eq!(outcome.end, Some(stream.len()));
}

/// Nothing but bare newlines, of one kind or of both: so many that they are looked at side by side.
#[test]
fn f06_f10_runs_of_bare_newlines() {
    for run in [&b"\n"[..], b"\r", b"\n\r", b"\n\n\r\r"] {
        let content = [b"a", &run.repeat(600 / run.len())[..], b"b"].concat();
        let stream = [&content[..], END].concat();
        for bare_newline in POLICIES {
            let expected = model(&stream, bare_newline);
            assert!(expected.bare && expected.end == Some(stream.len()));
            assert_eq!(decode(&stream, bare_newline, &[]), expected, "{}", run.escape_ascii());
        }
        check_matches(&content, &[]);
        let error = encode(&content, BareNewline::Reject, &[]).unwrap_err();
        assert_eq!(error.offset(), 1);
    }
}

#[test]
fn f07_a_normalized_lone_dot_is_content() {
    let outcome = decode_in_every_way(b"a\n.\r\nb\r\n.\r\n", BareNewline::Normalize);
    assert_eq!(outcome.content, b"a\r\n.\r\nb\r\n");
    let content = encode(&outcome.content, BareNewline::Reject, &[]).unwrap();
    assert_eq!(content, b"a\r\n..\r\nb\r\n.\r\n");
    // On the way out, too.
    for cut in 0..6 {
        let wire = encode(b"a\n.\r\nb", BareNewline::Normalize, &[cut]).unwrap();
        assert_eq!(wire, b"a\r\n..\r\nb\r\n.\r\n", "{cut}");
    }
}

#[test]
fn f08_one_dot_goes_when_others_follow() {
    for (wire, content) in [
        (&b"..x\r\n.\r\n"[..], &b".x\r\n"[..]),
        (b"...\r\n.\r\n", b"..\r\n"),
        (b".x\r\n.\r\n", b"x\r\n"),
        (b"x.\r\n.\r\n", b"x.\r\n"),
        (b"a\r\n..\r\n..\r\n.\r\n", b"a\r\n.\r\n.\r\n"),
    ] {
        let outcome = decode_in_every_way(wire, BareNewline::Reject);
        assert_eq!(outcome.content, content);
        assert_eq!(outcome.end, Some(wire.len()));
    }
}

#[test]
fn f22_f23_unusual_octets_are_told_and_kept() {
    for at in 0..200 {
        for (octet, high, nul) in [(0x80, true, false), (0, false, true), (b'x', false, false)] {
            let mut stream = Vec::new();
            stream.resize(200, b'a');
            stream[at] = octet;
            let content = stream.clone();
            // Behind the end they are no part of the message.
            stream.extend_from_slice(b"\r\n.\r\n\0\xffaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
            let outcome = decode(&stream, BareNewline::Reject, &[at]);
            assert_eq!((outcome.high, outcome.nul), (high, nul), "{at}");
            assert_eq!(outcome.content[..200], content);
        }
    }
}

/// Feeds an encoder content cut at `cuts`; cuts may be equal, chunks empty.
fn encode(
    content: &[u8],
    bare_newline: BareNewline,
    cuts: &[usize],
) -> Result<Vec<u8>, BareNewlineError> {
    let mut encoder = Encoder::new(bare_newline);
    let mut wire = Vec::new();
    let mut from = 0;
    for &to in cuts.iter().chain([&content.len()]) {
        let chunk = content[from..to].to_vec();
        from = to;
        let before = wire.len();
        let result = encoder.encode(chunk.into(), |octets| wire.extend_from_slice(&octets));
        if result.is_err() {
            assert_eq!(wire.len(), before, "nothing is pushed of what cannot be sent");
        }
        result?;
        assert_ne!(wire.last(), Some(&b'\r'), "no CR goes out before its LF");
    }
    encoder.finish(|octets| wire.extend_from_slice(&octets))?;
    Ok(wire)
}

/// The first bare CR or LF that does not become a CRLF.
fn first_refused(content: &[u8], bare_newline: BareNewline) -> Option<usize> {
    (0..content.len()).find(|&at| {
        let bare = match content[at] {
            b'\r' => content.get(at + 1) != Some(&b'\n'),
            b'\n' => at == 0 || content[at - 1] != b'\r',
            _ => false,
        };
        bare && !is_mended(content[at], bare_newline)
    })
}

/// Content with newlines normalised if asked for.
fn mended(content: &[u8], bare_newline: BareNewline) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut at = 0;
    while at < content.len() {
        match (content[at], content.get(at + 1)) {
            (b'\r', Some(b'\n')) => {
                lines.extend_from_slice(b"\r\n");
                at += 1;
            }
            (octet, _) if is_mended(octet, bare_newline) => lines.extend_from_slice(b"\r\n"),
            (octet, _) => lines.push(octet),
        }
        at += 1;
    }
    lines
}

/// Content as it is to arrive: newlines normalised if asked for, and whole lines.
fn as_it_arrives(content: &[u8], bare_newline: BareNewline) -> Vec<u8> {
    let mut lines = mended(content, bare_newline);
    if !lines.is_empty() && !lines.ends_with(b"\r\n") {
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

#[test]
fn f09_f11_known_answers() {
    for (content, wire) in [
        (&b""[..], &b".\r\n"[..]),
        (b"hi", b"hi\r\n.\r\n"),
        (b"hi\r\n", b"hi\r\n.\r\n"),
        (b".a\r\n..\r\n", b"..a\r\n...\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b"\r\n", b"\r\n.\r\n"),
        (b"a\r\n.\r\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"\r\n\r\n", b"\r\n\r\n.\r\n"),
    ] {
        for bare_newline in POLICIES {
            for one in 0..=content.len() {
                for two in one..=content.len() {
                    assert_eq!(encode(content, bare_newline, &[one, two]).unwrap(), wire);
                }
            }
        }
    }
}

#[test]
fn f10_a_bare_newline_is_an_error_with_its_place() {
    for at in 0..400 {
        for newline in [b'\r', b'\n'] {
            for neighbours in [b"ab", b".."] {
                let mut content = Vec::new();
                content.resize(400, neighbours[0]);
                content[at] = newline;
                if let Some(next) = content.get_mut(at + 1) {
                    *next = neighbours[1];
                }
                for cuts in [&[][..], &[at], &[at.saturating_sub(1)], &[(at + 1).min(400)]] {
                    let error = encode(&content, BareNewline::Reject, cuts).unwrap_err();
                    assert_eq!(error.offset(), u64::try_from(at).unwrap(), "{cuts:?}");
                }
            }
        }
    }
}

#[test]
fn a_refused_chunk_counts_as_not_given() {
    let mut encoder = Encoder::new(BareNewline::Reject);
    let mut wire = Vec::new();
    let mut push = |octets: bytes::Bytes| wire.extend_from_slice(&octets);
    encoder.encode("a\r".into(), &mut push).unwrap();
    assert_eq!(encoder.encode("b".into(), &mut push).unwrap_err().offset(), 1);
    assert_eq!(encoder.encode("\nb\nc".into(), &mut push).unwrap_err().offset(), 4);
    assert_eq!(encoder.finish(&mut push).unwrap_err().offset(), 1);
    encoder.encode("\n.".into(), &mut push).unwrap();
    encoder.finish(&mut push).unwrap();
    assert_eq!(wire, b"a\r\n..\r\n.\r\n");
}

#[test]
fn few_dots_are_slices_of_the_same_memory() {
    let lines = b"an ordinary line of an ordinary letter\r\n".repeat(10);
    for dots in [1, 2, 10] {
        let chunk = bytes::Bytes::from([&lines[..], b".\r\n"].concat().repeat(dots));
        let range = chunk.as_ptr_range();
        let mut slices = 0;
        let mut encoder = Encoder::default();
        let push = |octets: bytes::Bytes| slices += usize::from(range.contains(&octets.as_ptr()));
        encoder.encode(chunk.clone(), push).unwrap();
        assert_eq!(slices, dots + 1);
    }
}

fn check(content: &[u8], bare_newline: BareNewline, cuts: &[usize]) -> (Vec<u8>, LineCheck) {
    let mut check = LineCheck::new(bare_newline);
    let mut taken = Vec::new();
    let mut from = 0;
    for &to in cuts.iter().chain([&content.len()]) {
        let mut block = &content[from..to];
        from = to;
        while !block.is_empty() {
            let checked = check.check(block);
            assert!(checked.consumed > 0 && checked.content <= checked.consumed);
            taken.extend_from_slice(&block[..checked.content]);
            match checked.then {
                Then::More => {}
                Then::Newline => taken.extend_from_slice(b"\r\n"),
                Then::End => panic!("counted content has no end mark"),
            }
            block = &block[checked.consumed..];
        }
    }
    check.finish();
    (taken, check)
}

fn check_matches(content: &[u8], cuts: &[usize]) {
    for bare_newline in POLICIES {
        let (taken, check) = check(content, bare_newline, cuts);
        let bare = first_refused(content, BareNewline::Reject).is_some();
        assert_eq!(check.bare_newline(), bare);
        let refused = first_refused(content, bare_newline).is_some();
        assert_eq!(check.is_refused(), refused, "{:?}", content.escape_ascii());
        assert_eq!(check.has_8bit(), content.iter().any(|octet| *octet > 127));
        assert_eq!(check.has_nul(), content.contains(&0));
        // Counted content gets no CRLF at its end (F-11).
        assert_eq!(taken, mended(content, bare_newline));
    }
}

/// Lines of Unix become lines of mail, wherever they are cut; a CR makes none of its own.
#[test]
fn f10_lines_of_unix_are_mended_and_a_cr_in_them_is_refused() {
    let policy = BareNewline::NormalizeLf;
    let unix = b"Subject: a\n\n.\nbody\r\n";
    for cut in 0..=unix.len() {
        let wire = encode(unix, policy, &[cut]).unwrap();
        assert_eq!(wire, b"Subject: a\r\n\r\n..\r\nbody\r\n.\r\n");
    }
    for (content, at) in [(&b"Subject: a\rBcc: b\n\n"[..], 10), (b"a\nb\r\r\n", 3), (b"a\nb\r", 3)]
    {
        for cut in 0..=content.len() {
            let error = encode(content, policy, &[cut]).unwrap_err();
            assert_eq!(error.offset(), at, "{} {cut}", content.escape_ascii());
            assert!(check(content, policy, &[cut]).1.is_refused());
        }
    }
}

#[test]
fn a_cr_at_the_end_of_counted_content_is_bare() {
    assert!(check(b"a\r", BareNewline::Reject, &[]).1.bare_newline());
    assert!(!check(b"a\r\n", BareNewline::Reject, &[2]).1.bare_newline());
}
