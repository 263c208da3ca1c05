//! Invariant: however content is cut, the decoder and the line check say of it what a line-by-line
//! model says, and what the encoder puts on the wire the decoder takes off unchanged.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smtp_fuzz::{Cuts, completed, content_pieces};
use smtp_proto::data::{BareNewline, Decoder, Encoder, LineCheck, Then};

#[derive(Debug, Arbitrary)]
struct Input<'i> {
    cuts: Cuts,
    policy: u8,
    octets: &'i [u8],
}

/// What a decoder has to say of a message.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    content: Vec<u8>,
    bare_newline: bool,
    refused: bool,
    has_8bit: bool,
    has_nul: bool,
    /// Octets up to and with the end; `None` when it has not come.
    end: Option<usize>,
}

impl Message {
    fn of(content: Vec<u8>, bare_newline: bool, refused: bool, end: Option<usize>) -> Self {
        let has_8bit = content.iter().any(|octet| !octet.is_ascii());
        let has_nul = content.contains(&0);
        Self { content, bare_newline, refused, has_8bit, has_nul, end }
    }
}

/// Whether a bare CR or LF becomes a CRLF.
fn is_mended(octet: u8, policy: BareNewline) -> bool {
    match policy {
        BareNewline::Reject => false,
        BareNewline::Normalize => matches!(octet, b'\r' | b'\n'),
        BareNewline::NormalizeLf => octet == b'\n',
    }
}

/// Counted content with its line ends mended; whether there were bare ones, and others that stay.
fn mended(content: &[u8], policy: BareNewline) -> (Vec<u8>, bool, bool) {
    let (mut lines, mut bare, mut refused) = (Vec::new(), false, false);
    let mut rest = content;
    while let Some((&octet, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(b"\r\n") {
            lines.extend_from_slice(b"\r\n");
            rest = behind;
            continue;
        }
        rest = behind;
        let newline = matches!(octet, b'\r' | b'\n');
        bare |= newline;
        if is_mended(octet, policy) {
            lines.extend_from_slice(b"\r\n");
        } else {
            refused |= newline;
            lines.push(octet);
        }
    }
    (lines, bare, refused)
}

/// Lines end at CRLF and nowhere else; a line of a dot is the end; a dot that begins any other line
/// goes. What comes behind the last CRLF is not judged: the model is given whole messages only.
fn model(octets: &[u8], policy: BareNewline) -> Message {
    let (mut content, mut bare, mut refused, mut at) = (Vec::new(), false, false, 0);
    let mut end = None;
    while let Some(length) = octets[at..].windows(2).position(|pair| pair == b"\r\n") {
        let line = &octets[at..at + length];
        at += length + 2;
        if line == b"." {
            end = Some(at);
            break;
        }
        let line = line.strip_prefix(b".").unwrap_or(line);
        // Within a line each CR and each LF is one of its own.
        for &octet in line {
            let newline = matches!(octet, b'\r' | b'\n');
            bare |= newline;
            if is_mended(octet, policy) {
                content.extend_from_slice(b"\r\n");
            } else {
                refused |= newline;
                content.push(octet);
            }
        }
        content.extend_from_slice(b"\r\n");
    }
    Message::of(content, bare, refused, end)
}

fn decode(octets: &[u8], policy: BareNewline, cuts: Cuts) -> Message {
    let mut decoder = Decoder::new(policy);
    let (mut content, mut end, mut taken) = (Vec::new(), None, 0);
    let mut buffer = Vec::new();
    'pieces: for piece in cuts.pieces(octets) {
        buffer.extend_from_slice(piece);
        loop {
            let decoded = decoder.decode(&mut buffer);
            assert!(decoded.content <= decoded.consumed && decoded.consumed <= buffer.len());
            content.extend_from_slice(&buffer[..decoded.content]);
            buffer.drain(..decoded.consumed);
            taken += decoded.consumed;
            match decoded.then {
                Then::More => break,
                Then::Newline => {
                    assert!(decoded.consumed > 0 && policy != BareNewline::Reject);
                    content.extend_from_slice(b"\r\n");
                }
                Then::End => {
                    end = Some(taken);
                    break 'pieces;
                }
            }
        }
        assert!(buffer.len() <= 2, "undecided: {buffer:?}");
    }
    Message {
        content,
        bare_newline: decoder.bare_newline(),
        refused: decoder.is_refused(),
        has_8bit: decoder.has_8bit(),
        has_nul: decoder.has_nul(),
        end,
    }
}

fn check(octets: &[u8], policy: BareNewline, cuts: Cuts) -> (Vec<u8>, bool, bool) {
    let mut check = LineCheck::new(policy);
    let mut content = Vec::new();
    for mut piece in cuts.pieces(octets) {
        while !piece.is_empty() {
            let checked = check.check(piece);
            assert!(checked.consumed > 0 && checked.content <= checked.consumed);
            content.extend_from_slice(&piece[..checked.content]);
            piece = &piece[checked.consumed..];
            match checked.then {
                Then::More => {}
                Then::Newline => content.extend_from_slice(b"\r\n"),
                Then::End => panic!("counted content has no end mark"),
            }
        }
    }
    check.finish();
    (content, check.bare_newline(), check.is_refused())
}

/// What goes on the wire, or nothing where the content must not be sent.
fn encode(content: &[u8], policy: BareNewline, cuts: Cuts) -> Option<Vec<u8>> {
    let mut encoder = Encoder::new(policy);
    let mut wire = Vec::new();
    for piece in content_pieces(content, cuts) {
        encoder.encode(piece, |octets| wire.extend_from_slice(&octets)).ok()?;
    }
    encoder.finish(|octets| wire.extend_from_slice(&octets)).ok()?;
    Some(wire)
}

fuzz_target!(|input: Input<'_>| {
    let Input { cuts, policy, octets } = input;
    let policy = match policy % 4 {
        0 => BareNewline::Reject,
        2 => BareNewline::NormalizeLf,
        _ => BareNewline::Normalize,
    };

    // In: any octets, ended or not.
    let mut ended = octets.to_vec();
    ended.extend_from_slice(b"\r\n.\r\nQUIT\r\n");
    let expected = model(&ended, policy);
    assert!(expected.end.is_some());
    for cuts in [Cuts::NONE, Cuts::ALL, cuts] {
        assert_eq!(decode(&ended, policy, cuts), expected);
    }
    let (whole, cut) = (decode(octets, policy, Cuts::NONE), decode(octets, policy, cuts));
    assert_eq!(whole.content, cut.content);
    assert_eq!(whole.end, cut.end);

    // Counted content: the same line ends, without dots and without an end.
    let counted = mended(octets, policy);
    for cuts in [Cuts::NONE, Cuts::ALL, cuts] {
        assert_eq!(check(octets, policy, cuts), counted);
    }
    let (counted, _, refused) = counted;

    // Out and in again.
    let Some(wire) = encode(octets, policy, cuts) else {
        assert!(refused, "refused to send good content");
        return;
    };
    assert!(!refused, "sent a bare newline");
    assert_eq!(encode(octets, policy, Cuts::NONE).as_deref(), Some(&wire[..]));
    let back = decode(&wire, BareNewline::Reject, cuts);
    assert!(!back.bare_newline);
    assert_eq!(back.end, Some(wire.len()), "the end is where the message ends");
    assert_eq!(back.content, completed(counted));
});
