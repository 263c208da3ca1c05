//! `Return-Path:`

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::path::ReversePath;

/// The field that final delivery puts above all others, with the reverse-path of the transaction (RFC
/// 5321 section 4.4; T-10). Shown, it is the whole field with its line end.
///
/// Relays neither add one nor look for it. Where it is added, others are removed:
/// [`WithoutReturnPath`].
///
/// ```
/// # use smtp_proto::{path::ReversePath, trace::ReturnPath};
/// assert_eq!(ReturnPath(ReversePath::Null).to_string(), "Return-Path: <>\r\n");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnPath<'a>(pub ReversePath<'a>);

impl fmt::Display for ReturnPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Return-Path: {}\r\n", self.0)
    }
}

const NAME: &[u8] = b"return-path";
/// Blanks before a colon were allowed once (RFC 5322 section 4.5.8); not more than these are held.
const MAX_HELD: usize = 64;

/// Takes `Return-Path:` fields out of a message as it streams by, at final delivery (RFC 5321 section
/// 4.4). All else passes through without a copy.
///
/// ```
/// # use smtp_proto::{bytes::Bytes, trace::WithoutReturnPath};
/// let mut filter = WithoutReturnPath::new();
/// let mut kept = Vec::new();
/// for piece in ["Subject: x\r\nRetu", "rn-Path: <a@x.example>\r\n\t(old)\r\nTo: y\r\n\r\nbody\r\n"] {
///     filter.pass(Bytes::from_static(piece.as_bytes()), |octets| kept.extend_from_slice(&octets));
/// }
/// filter.finish(|octets| kept.extend_from_slice(&octets));
/// assert_eq!(kept, b"Subject: x\r\nTo: y\r\n\r\nbody\r\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct WithoutReturnPath {
    at: At,
    /// The field that the last line belongs to is removed.
    removing: bool,
    /// The octets of a name that may be the one, from an earlier piece.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// At the start of a line.
    #[default]
    Line,
    /// In a name that has been the one so far.
    Name(usize),
    /// In blanks behind the name.
    Blanks(usize),
    /// In another name.
    Other,
    /// Behind the colon.
    Value,
    /// Behind the header section, or in what is none.
    Body,
}

impl WithoutReturnPath {
    /// At the start of a message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the message, and hands on what stays of it.
    pub fn pass(&mut self, piece: Bytes, mut keep: impl FnMut(Bytes)) {
        // What is kept of this piece begins here; nothing while a name or a removed field goes on.
        let mut start = 0;
        let mut line = 0;
        let mut place = 0;
        while let Some(&octet) = piece.get(place) {
            match self.at {
                At::Body => break,
                At::Line => {
                    line = place;
                    self.at = match octet {
                        b' ' | b'\t' => At::Value,
                        b'\r' | b'\n' => At::Body,
                        _ => At::Name(0),
                    };
                    // A continuation belongs to its field; all else begins something new.
                    if self.at != At::Value && core::mem::take(&mut self.removing) {
                        start = place;
                    }
                    continue;
                }
                At::Name(length) if NAME.get(length) == Some(&octet.to_ascii_lowercase()) => {
                    self.at = At::Name(length + 1);
                }
                At::Name(length) if length == NAME.len() => {
                    self.at = At::Blanks(length);
                    continue;
                }
                At::Blanks(_) if octet == b':' => {
                    if self.held.is_empty() {
                        self.give(&piece, start, line, &mut keep);
                    }
                    self.held.clear();
                    (self.at, self.removing) = (At::Value, true);
                }
                At::Blanks(length) if matches!(octet, b' ' | b'\t') && length < MAX_HELD => {
                    self.at = At::Blanks(length + 1);
                }
                At::Name(_) | At::Blanks(_) => {
                    self.release(&mut keep);
                    self.at = At::Other;
                    continue;
                }
                At::Other if octet == b':' => self.at = At::Value,
                // A line that is no field: what is not the header section is not touched.
                At::Other if octet == b'\n' => self.at = At::Body,
                At::Other => {}
                At::Value => {
                    let rest = piece.get(place..).unwrap_or_default();
                    let Some(end) = memchr::memchr(b'\n', rest) else { break };
                    place += end;
                    self.at = At::Line;
                }
            }
            place += 1;
        }
        let end = piece.len();
        match self.at {
            At::Name(_) | At::Blanks(_) => {
                if self.held.is_empty() {
                    self.give(&piece, start, line, &mut keep);
                    self.held.extend_from_slice(piece.get(line..).unwrap_or_default());
                } else {
                    self.held.extend_from_slice(&piece);
                }
            }
            _ => self.give(&piece, start, end, &mut keep),
        }
    }

    fn give(&self, piece: &Bytes, start: usize, end: usize, keep: &mut impl FnMut(Bytes)) {
        if !self.removing && start < end {
            keep(piece.slice(start..end));
        }
    }

    fn release(&mut self, keep: &mut impl FnMut(Bytes)) {
        if !self.held.is_empty() {
            keep(Bytes::from(core::mem::take(&mut self.held)));
        }
    }

    /// The message is over: hands on what was held back.
    pub fn finish(mut self, mut keep: impl FnMut(Bytes)) {
        self.release(&mut keep);
    }
}
