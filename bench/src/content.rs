//! Content in and out, by this project's core.

use std::hint::black_box;

use bytes::Bytes;
use smtp_proto::data::{BareNewline, Decoder, Encoder, Then};

use crate::corpus::READ;

/// Removes dots and finds the end, [`READ`] octets at a time; `wire` is worked on in place. How many octets
/// of content there were.
pub fn decode(wire: &mut [u8]) -> usize {
    let mut decoder = Decoder::new(BareNewline::Reject);
    let (mut from, mut to, mut content) = (0, READ.min(wire.len()), 0);
    loop {
        let decoded = decoder.decode(&mut wire[from..to]);
        content += black_box(decoded.content);
        from += decoded.consumed;
        if decoded.then == Then::End || to == wire.len() {
            return content;
        }
        to = (to + READ).min(wire.len());
    }
}

/// As [`decode`], and keeps what there was.
pub fn decode_kept(wire: &mut [u8], kept: &mut Vec<u8>) -> usize {
    let mut decoder = Decoder::new(BareNewline::Reject);
    let (mut from, mut to) = (0, READ.min(wire.len()));
    loop {
        let decoded = decoder.decode(&mut wire[from..to]);
        kept.extend_from_slice(&wire[from..from + decoded.content]);
        from += decoded.consumed;
        if decoded.then == Then::End || to == wire.len() {
            return kept.len();
        }
        to = (to + READ).min(wire.len());
    }
}

/// Adds dots, checks the line ends on the way, and marks the end; segments are lent, not copied. How many
/// octets go out.
pub fn encode(content: &Bytes) -> usize {
    let mut encoder = Encoder::new(BareNewline::Reject);
    let mut octets = 0;
    let mut from = 0;
    while from < content.len() {
        let to = (from + 4 * READ).min(content.len());
        let pushed = encoder.encode(content.slice(from..to), |segment| {
            octets += black_box(segment).len();
        });
        if pushed.is_err() {
            return 0;
        }
        from = to;
    }
    match encoder.finish(|segment| octets += segment.len()) {
        Ok(()) => octets,
        Err(_) => 0,
    }
}
