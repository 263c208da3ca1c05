//! A message without some fields of its header section.

use alloc::vec::Vec;

use bytes::Bytes;

/// The longest name that is looked for; one more octet makes a name unlike all of them.
const LONGEST: usize = 16;
/// The octets of a line up to its colon, at most: a line has 998 (RFC 5322 section 2.1.1).
const MAX_NAME: usize = 998;

/// Takes fields out of a message as it streams by, in any pieces: those lines, whatever their case,
/// with the lines that continue them. All else stays as it is to the octet, and passes through without
/// a copy. Lines may end with CRLF or, in a local file, with LF.
///
/// What is removed is rather too much than too little: blanks in a name do not hide it, as some
/// readers skip them (RFC 5322 section 4.5.8), and a line that is no field does not end the header
/// section. That ends with the first empty line.
///
/// ```
/// # use smtp_proto::{bytes::Bytes, trace::WithoutFields};
/// let mut filter = WithoutFields::bcc();
/// let mut kept = Vec::new();
/// for piece in ["Subject: x\r\nBc", "c: a@x.example,\r\n\tb@x.example\r\nTo: y\r\n\r\nBcc: z\r\n"] {
///     filter.pass(Bytes::from_static(piece.as_bytes()), |octets| kept.extend_from_slice(&octets));
/// }
/// filter.finish(|octets| kept.extend_from_slice(&octets));
/// assert_eq!(kept, b"Subject: x\r\nTo: y\r\n\r\nBcc: z\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct WithoutFields {
    /// In lower case.
    names: &'static [&'static [u8]],
    at: At,
    /// There is a field that a line with a blank in front continues.
    in_field: bool,
    /// That field is removed.
    removing: bool,
    name: Name,
    /// The octets of a line that may be such a field, from an earlier piece.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// At the start of a line.
    #[default]
    Line,
    /// In a name that has been one of those so far.
    Name,
    /// In another name, or in a line that is no field.
    Other,
    /// Behind the colon.
    Value,
    /// Behind the header section.
    Body,
}

/// What an octet says of the line it is in.
enum Look {
    /// Nothing yet.
    On,
    /// It begins a field that is removed.
    Remove,
    /// It is kept; what comes behind the octet.
    Keep(At),
}

/// A name as far as it goes, without blanks.
#[derive(Clone, Debug, Default)]
struct Name {
    octets: [u8; LONGEST],
    length: usize,
    /// There is a colon in front of it.
    colon: bool,
    /// The octets of the line so far, with blanks.
    line: usize,
}

impl Name {
    fn push(&mut self, octet: u8) {
        if let Some(place) = self.octets.get_mut(self.length) {
            *place = octet.to_ascii_lowercase();
        }
        self.length = self.length.saturating_add(1);
    }

    /// None for one that is too long.
    fn octets(&self) -> Option<&[u8]> {
        self.octets.get(..self.length)
    }
}

impl WithoutFields {
    /// Without `Return-Path:`, which final delivery adds anew (RFC 5321 section 4.4; T-10).
    #[must_use]
    pub fn return_path() -> Self {
        Self::named(&[b"return-path"])
    }

    /// Without `Bcc:` and `Resent-Bcc:`, whose recipients the others are not to see (RFC 5322 section
    /// 3.6.3). For those who make the envelope of the header section; a relay leaves them alone.
    #[must_use]
    pub fn bcc() -> Self {
        Self::named(&[b"bcc", b"resent-bcc"])
    }

    const fn named(names: &'static [&'static [u8]]) -> Self {
        let name = Name { octets: [0; LONGEST], length: 0, colon: false, line: 0 };
        Self { names, at: At::Line, in_field: false, removing: false, name, held: Vec::new() }
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
                    if self.in_field && matches!(octet, b' ' | b'\t') {
                        self.at = At::Value;
                        continue;
                    }
                    if core::mem::take(&mut self.removing) {
                        start = place;
                    }
                    line = place;
                    (self.at, self.name) = (At::Name, Name::default());
                    continue;
                }
                At::Name => match self.look(octet) {
                    Look::On => {}
                    Look::Remove => {
                        if self.held.is_empty() {
                            self.give(&piece, start, line, &mut keep);
                        }
                        self.held.clear();
                        (self.at, self.in_field, self.removing) = (At::Value, true, true);
                    }
                    Look::Keep(at) => {
                        self.release(&mut keep);
                        (self.at, self.in_field) = (at, at == At::Value);
                    }
                },
                At::Other => match octet {
                    b':' => (self.at, self.in_field) = (At::Value, true),
                    b'\n' => (self.at, self.in_field) = (At::Line, false),
                    _ => {}
                },
                At::Value => {
                    let rest = piece.get(place..).unwrap_or_default();
                    let Some(end) = memchr::memchr(b'\n', rest) else { break };
                    place += end;
                    self.at = At::Line;
                }
            }
            place += 1;
        }
        if self.at != At::Name {
            self.give(&piece, start, piece.len(), &mut keep);
        } else if self.held.is_empty() {
            self.give(&piece, start, line, &mut keep);
            self.held.extend_from_slice(piece.get(line..).unwrap_or_default());
        } else {
            self.held.extend_from_slice(&piece);
        }
    }

    /// Looks at one more octet of a line whose name may be one of those.
    fn look(&mut self, octet: u8) -> Look {
        let nothing = self.name.length == 0;
        self.name.line += 1;
        match octet {
            b'\n' if nothing && !self.name.colon => return Look::Keep(At::Body),
            b'\n' => return Look::Keep(At::Line),
            // Some readers pass over a colon without a name.
            b':' if nothing => self.name.colon = true,
            b':' if self.name.octets().is_some_and(|name| self.names.contains(&name)) => {
                return Look::Remove;
            }
            b':' => return Look::Keep(At::Value),
            _ if octet.is_ascii_whitespace() => {}
            _ => {
                self.name.push(octet);
                let begun = |one: &&[u8]| self.name.octets().is_some_and(|it| one.starts_with(it));
                if !self.names.iter().any(begun) {
                    return Look::Keep(At::Other);
                }
            }
        }
        match self.name.line {
            ..MAX_NAME => Look::On,
            _ if nothing => Look::Keep(At::Other),
            _ => Look::Remove,
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
    pub fn finish(&mut self, mut keep: impl FnMut(Bytes)) {
        self.release(&mut keep);
    }
}
