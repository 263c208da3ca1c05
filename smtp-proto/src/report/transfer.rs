//! base64 as a transfer encoding (RFC 2045 section 6.8).

use alloc::{string::String, vec::Vec};

use base64ct::{Base64, Encoding};
use bytes::Bytes;

/// Octets on a line of 76.
const LINE: usize = 57;

/// The octets of all pieces in lines of base64.
pub(super) fn base64(pieces: &[Bytes]) -> String {
    let total: usize = pieces.iter().map(Bytes::len).sum();
    let mut out = String::with_capacity(total / LINE * 78 + 80);
    let mut line = Vec::with_capacity(LINE);
    let mut buffer = [0; 80];
    for piece in pieces {
        let mut rest = &piece[..];
        while !rest.is_empty() {
            let room = LINE - line.len();
            let (now, behind) = rest.split_at(room.min(rest.len()));
            line.extend_from_slice(now);
            rest = behind;
            if line.len() == LINE {
                flush(&mut line, &mut buffer, &mut out);
            }
        }
    }
    flush(&mut line, &mut buffer, &mut out);
    out
}

fn flush(line: &mut Vec<u8>, buffer: &mut [u8], out: &mut String) {
    if let Ok(text) = Base64::encode(line, buffer)
        && !text.is_empty()
    {
        out.push_str(text);
        out.push_str("\r\n");
    }
    line.clear();
}
