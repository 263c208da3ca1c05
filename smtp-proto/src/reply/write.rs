//! Writing replies.
//!
//! RFC 5321 §4.2 (form), §4.5.3.1.5 (512 octets a line); RFC 2034 §4 (the enhanced code on every
//! line).

use bytes::BufMut;

use crate::grammar;
use crate::status::{Code, EnhancedCode, Prefix};

/// Octets of a reply line with code and CRLF (F-26).
const MAX_LINE: usize = 512;

/// Lines of one reply. As 30 × 512 octets are less than 16 KiB, this limits the whole reply
/// too.
const MAX_LINES: usize = 30;

/// The last line of a reply that was cut.
const CUT: &str = "[more lines not shown]";

/// Which characters the text of a reply may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextCharset {
    /// HT, SP and 33 to 126.
    #[default]
    Ascii,
    /// Also UTF-8: only where the client has asked for SMTPUTF8 (RFC 6531 §3.7.4).
    Utf8,
}

/// Writes a whole reply.
///
/// Each `\n` in the text starts a new line, a long line is split at a blank so that none exceeds
/// 512 octets (RFC 5321 §4.5.3.1.5), and what is beyond 30 lines is cut. Code and enhanced code are
/// put on each line (RFC 2034 §4); an enhanced code whose class is not that of the code is left
/// out, so 3yz never has one. What must not stand in a reply goes out as `?`: a text can never
/// start a reply of its own. An empty text is replaced by a usual one. A 334 is always one line of
/// any length, as it holds data, not text (RFC 4954 §4).
///
/// `out` must be able to grow: a `Vec` or a `BytesMut`, not a slice.
pub fn write_reply(
    out: &mut impl BufMut,
    code: Code,
    enhanced: Option<EnhancedCode>,
    text: &str,
    charset: TextCharset,
) {
    let enhanced = enhanced
        .filter(|enhanced| enhanced.severity() == code.severity())
        .map(EnhancedCode::prefix);
    let prefix = enhanced.as_ref().map_or(&[][..], Prefix::as_slice);
    let text = if text.is_empty() { default_text(code) } else { text };
    let room = MAX_LINE - "250 \r\n".len() - prefix.len();
    if is_printable(text.as_bytes()) && (text.len() <= room || code == Code::CHALLENGE) {
        put_head(out, code, b' ', prefix);
        out.put_slice(text.as_bytes());
        out.put_slice(b"\r\n");
    } else if code == Code::CHALLENGE {
        put_head(out, code, b' ', prefix);
        put_text(out, text, TextCharset::Ascii);
        out.put_slice(b"\r\n");
    } else {
        put_lines(out, code, prefix, Pieces { rest: Some(text), room }, charset);
    }
}

fn put_lines(
    out: &mut impl BufMut,
    code: Code,
    prefix: &[u8],
    pieces: Pieces<'_>,
    charset: TextCharset,
) {
    let mut pieces = pieces.peekable();
    let mut written = 0;
    while let Some(piece) = pieces.next() {
        written += 1;
        let more = pieces.peek().is_some();
        let piece = if more && written == MAX_LINES { CUT } else { piece };
        let last = !more || written == MAX_LINES;
        put_head(out, code, if last { b' ' } else { b'-' }, prefix);
        put_text(out, piece, charset);
        out.put_slice(b"\r\n");
        if last {
            break;
        }
    }
}

#[inline]
fn put_head(out: &mut impl BufMut, code: Code, separator: u8, prefix: &[u8]) {
    let [a, b, c] = code.digits();
    // At once, as every piece asks whether there is room. The enhanced code with its blank has up to
    // ten octets.
    let mut head = [0; 4 + 10];
    let (front, behind) = head.split_at_mut(4);
    front.copy_from_slice(&[a, b, c, separator]);
    for (place, octet) in behind.iter_mut().zip(prefix) {
        *place = *octet;
    }
    out.put_slice(head.get(..4 + prefix.len()).unwrap_or_default());
}

/// Whether the text holds only HT, SP and 33 to 126.
#[inline]
fn is_printable(text: &[u8]) -> bool {
    let census = grammar::census(text);
    !census.high
        && (!census.control || text.iter().all(|octet| matches!(octet, b'\t' | b' '..=b'~')))
}

/// Writes the text, `?` in place of each character that must not be there (F-33).
fn put_text(out: &mut impl BufMut, text: &str, charset: TextCharset) {
    if is_printable(text.as_bytes()) {
        return out.put_slice(text.as_bytes());
    }
    for character in text.chars() {
        let allowed = match character {
            '\t' | ' '..='~' => true,
            _ if character.is_control() => false,
            _ => charset == TextCharset::Utf8,
        };
        let mut octets = [0; 4];
        let shown = if allowed { character } else { '?' };
        out.put_slice(shown.encode_utf8(&mut octets).as_bytes());
    }
}

/// The text of each reply line, at most `room` octets each.
#[derive(Debug)]
struct Pieces<'t> {
    rest: Option<&'t str>,
    room: usize,
}

impl<'t> Iterator for Pieces<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let rest = self.rest?;
        // No more is looked at than a line can hold with CR LF: so a long text costs no more than
        // is written.
        let octets = rest.as_bytes();
        let window = octets.get(..self.room + 2).unwrap_or(octets);
        let (line, behind) = match memchr::memchr(b'\n', window) {
            Some(end) => (rest.get(..end)?, rest.get(end + 1..)?),
            None => (rest, ""),
        };
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (piece, behind) =
            if line.len() <= self.room { (line, behind) } else { split_long(rest, self.room)? };
        self.rest = Some(behind).filter(|behind| !behind.is_empty());
        Some(piece)
    }
}

/// Splits a line longer than `room` at the last blank that leaves a piece within it, else between
/// characters.
fn split_long(text: &str, room: usize) -> Option<(&str, &str)> {
    let blank = memchr::memrchr(b' ', text.as_bytes().get(..=room)?).filter(|&at| at > 0);
    let Some(at) = blank else {
        let at = (1..=room).rev().find(|&at| text.is_char_boundary(at))?;
        return text.split_at_checked(at);
    };
    let (piece, behind) = (text.get(..at)?, text.get(at + 1..)?);
    // Where only the blank was too much, the line end behind it is the end of this piece.
    let behind =
        behind.strip_prefix("\r\n").or_else(|| behind.strip_prefix('\n')).unwrap_or(behind);
    Some((piece, behind))
}

/// The text of a reply that was given none: never a bare code.
fn default_text(code: Code) -> &'static str {
    match code.value() {
        211 => "system status",
        214 => "see RFC 5321",
        220 => "ready",
        221 => "closing connection",
        235 => "authentication succeeded",
        251 => "user not local, will forward",
        252 => "cannot verify, but will try to deliver",
        253 => "pending messages started",
        334 => "",
        354 => "start mail input, end with <CRLF>.<CRLF>",
        355 => "0 is the transaction offset",
        421 => "service not available, closing connection",
        432 => "a password transition is needed",
        450 => "mailbox not available now",
        451 => "local error in processing",
        452 => "insufficient system storage",
        453 => "you have no mail",
        454 => "temporarily not available",
        455 => "unable to accommodate parameters now",
        458 => "unable to queue messages for node",
        459 => "node not allowed",
        500 => "syntax error, command not recognized",
        501 => "syntax error in parameters or arguments",
        502 => "command not implemented",
        503 => "bad sequence of commands",
        504 => "command parameter not implemented",
        521 => "host does not accept mail",
        523 => "encryption needed",
        524 => "encryption needed for this mechanism",
        525 => "account disabled",
        530 => "authentication required",
        533 => "delivery not authorized",
        534 => "authentication mechanism is too weak",
        535 => "authentication credentials invalid",
        538 => "encryption required for this mechanism",
        550 => "mailbox not available",
        551 => "user not local",
        552 => "exceeded storage allocation",
        553 => "mailbox name not allowed",
        554 => "transaction failed",
        555 => "parameter not recognized",
        556 => "domain does not accept mail",
        200..=299 => "OK",
        300..=399 => "continue",
        400..=499 => "failed for now",
        _ => "failed",
    }
}
