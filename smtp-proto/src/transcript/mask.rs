//! What is secret in a line, and what stands in its place.
//!
//! The length of a secret is kept, so that a session can be replayed; and whether it was well formed,
//! as that decides what a server answers.

use alloc::vec::Vec;

use crate::auth::Base64;

/// Stands for an octet of a secret that is well formed. In UTF-8 it never occurs.
pub(super) const WELL: u8 = 0xff;
/// Stands for an octet of a secret that is malformed.
pub(super) const ILL: u8 = 0xfe;

/// An AUTH command: all behind a mechanism that is known is secret, and if the mechanism is not known
/// that too, as people misplace passwords.
pub(super) fn auth(line: &[u8], known: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut masked = Vec::with_capacity(line.len());
    let mut number = 0;
    for run in line.chunk_by(|a, b| a.is_ascii_whitespace() == b.is_ascii_whitespace()) {
        if run.first().is_some_and(u8::is_ascii_whitespace) {
            masked.extend_from_slice(run);
            continue;
        }
        let shown = match number {
            0 => true,
            1 => known(run),
            _ => run == b"=",
        };
        let well = match number {
            1 => crate::command::Mechanism::parse(core::str::from_utf8(run).unwrap_or_default())
                .is_ok(),
            _ => Base64::parse(run).is_ok(),
        };
        if shown {
            open(run, &mut masked);
        } else {
            hide(run, well, &mut masked);
        }
        number += 1;
    }
    masked
}

/// A response of the AUTH exchange. Only that it is cancelled is no secret.
pub(super) fn response(line: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(line.len());
    if line == b"*" {
        open(line, &mut masked);
    } else {
        hide(line, Base64::parse(line).is_ok(), &mut masked);
    }
    masked
}

/// A reply with a challenge: the texts of its lines are secret.
pub(super) fn challenge(reply: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(reply.len());
    for line in reply.split_inclusive(|&octet| octet == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let (head, secret) = text.split_at(text.len().min(4));
        open(head, &mut masked);
        hide(secret, Base64::parse(secret).is_ok(), &mut masked);
        masked.extend_from_slice(line.get(text.len()..).unwrap_or_default());
    }
    masked
}

/// A line that is no command, behind an AUTH command: most likely the client went on with its
/// response although that was refused.
pub(super) fn stray(line: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(line.len());
    for run in line.chunk_by(|a, b| (*a == b' ') == (*b == b' ')) {
        // By which another protocol is known.
        if run.first() == Some(&b' ') || run.starts_with(b"HTTP/") {
            open(run, &mut masked);
        } else {
            hide(run, run.iter().all(u8::is_ascii_alphanumeric), &mut masked);
        }
    }
    masked
}

/// BURL: what authorizes to fetch the message (RFC 4467 section 3).
pub(super) fn url(line: &[u8]) -> Option<Vec<u8>> {
    const TOKEN: &[u8] = b";URLAUTH=";
    if !line.get(..4)?.eq_ignore_ascii_case(b"BURL") {
        return None;
    }
    let at = line.windows(TOKEN.len()).position(|part| part.eq_ignore_ascii_case(TOKEN))?;
    let (head, rest) = line.split_at_checked(at + TOKEN.len())?;
    let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    let (token, tail) = rest.split_at_checked(end)?;
    let mut masked = Vec::with_capacity(line.len());
    open(head, &mut masked);
    hide(token, true, &mut masked);
    open(tail, &mut masked);
    Some(masked)
}

/// Control octets are no part of a secret, but of what is wrong with the line.
fn hide(secret: &[u8], well: bool, masked: &mut Vec<u8>) {
    masked.extend(secret.iter().map(|octet| match octet {
        control if control.is_ascii_control() => *control,
        _ if well => WELL,
        _ => ILL,
    }));
}

/// What is no secret. The octets that stand for secrets are kept free.
fn open(octets: &[u8], masked: &mut Vec<u8>) {
    masked.extend(octets.iter().map(|octet| if *octet >= ILL { b'?' } else { *octet }));
}
