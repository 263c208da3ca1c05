//! Local-parts: dot-strings and quoted strings (RFC 5321 section 4.1.2; G-05 to G-09).

use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};

use crate::error::{ParseError, Rule};
use crate::grammar::{self, ATEXT, HIGH, QTEXT};
use crate::profile::Syntax;

/// What stands before the `@` of a mailbox, in the spelling received.
///
/// Two spellings are equal when they are the same without quotes and backslashes (G-07). Case
/// matters (RFC 5321 section 2.4), except for `postmaster` (G-08).
#[derive(Clone, Copy)]
pub struct LocalPart<'a>(&'a str);

impl<'a> LocalPart<'a> {
    pub(super) const fn scanned(text: &'a str) -> Self {
        Self(text)
    }

    /// The spelling received, with its quotes.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The characters meant, without quotes and backslashes.
    pub fn unquoted(&self) -> impl Iterator<Item = char> + Clone + use<'a> {
        let inside = self.0.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let mut chars = inside.unwrap_or(self.0).chars();
        core::iter::from_fn(move || match chars.next() {
            // No dot-string has one.
            Some('\\') => chars.next(),
            next => next,
        })
    }

    /// Whether it is `postmaster` in any case (RFC 5321 section 4.5.1).
    #[must_use]
    pub fn is_postmaster(&self) -> bool {
        const NAME: &str = "postmaster";
        if self.0.starts_with('"') {
            self.unquoted().map(|c| c.to_ascii_lowercase()).eq(NAME.chars())
        } else {
            self.0.eq_ignore_ascii_case(NAME)
        }
    }
}

impl PartialEq for LocalPart<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
            || self.unquoted().eq(other.unquoted())
            || (self.is_postmaster() && other.is_postmaster())
    }
}

impl Eq for LocalPart<'_> {}

impl Hash for LocalPart<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let any_case = self.is_postmaster();
        for c in self.unquoted() {
            if any_case { c.to_ascii_lowercase() } else { c }.hash(state);
        }
        state.write_u8(0xff);
    }
}

impl fmt::Debug for LocalPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalPart({:?})", self.0)
    }
}

impl fmt::Display for LocalPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Where the local-part that begins at `start` ends.
///
/// ```text
/// Local-part = Dot-string / Quoted-string
/// ```
#[inline]
pub(super) fn scan(text: &[u8], start: usize, syntax: &Syntax) -> Result<usize, ParseError> {
    let end = match plain(text.get(start..).unwrap_or_default()) {
        0 => scan_any(text, start, syntax)?,
        length => start + length,
    };
    match syntax.local_part_max {
        Some(max) if end - start > usize::from(max) => {
            Err(ParseError::new(Rule::LocalPart, start + usize::from(max)))
        }
        _ => Ok(end),
    }
}

/// The length of a dot-string of ASCII; 0 for anything else, be it good or bad.
#[inline(never)]
pub(super) fn plain(octets: &[u8]) -> usize {
    let behind_dot = |offset: usize| match offset.checked_sub(1) {
        Some(offset) => octets.get(offset) == Some(&b'.'),
        None => true,
    };
    let mut length = 0;
    while let Some(&octet) = octets.get(length) {
        if !grammar::is(octet, ATEXT) {
            match octet {
                b'.' if !behind_dot(length) => {}
                b'.' | b'"' | 128.. => return 0,
                _ => break,
            }
        }
        length += 1;
    }
    if behind_dot(length) { 0 } else { length }
}

#[cold]
fn scan_any(text: &[u8], start: usize, syntax: &Syntax) -> Result<usize, ParseError> {
    match grammar::at(text, start) {
        Some(b'"') => quoted_string(text, start, syntax),
        _ => dot_string(text, start, syntax),
    }
}

/// ```text
/// Dot-string = Atom *("."  Atom)
/// Atom       = 1*atext
/// ```
fn dot_string(text: &[u8], start: usize, syntax: &Syntax) -> Result<usize, ParseError> {
    let atext = if syntax.utf8 { ATEXT | HIGH } else { ATEXT };
    let mut end = start;
    loop {
        let atom = end;
        end = grammar::span(text, atom, atext);
        if end == atom {
            return Err(ParseError::new(Rule::LocalPart, atom));
        }
        if grammar::at(text, end) != Some(b'.') {
            return Ok(end);
        }
        end += 1;
    }
}

/// ```text
/// Quoted-string   = DQUOTE *QcontentSMTP DQUOTE
/// QcontentSMTP    = qtextSMTP / quoted-pairSMTP
/// quoted-pairSMTP = %d92 %d32-126
/// ```
fn quoted_string(text: &[u8], start: usize, syntax: &Syntax) -> Result<usize, ParseError> {
    let qtext = if syntax.utf8 { QTEXT | HIGH } else { QTEXT };
    let mut end = start + 1;
    loop {
        end = grammar::span(text, end, qtext);
        match (grammar::at(text, end), grammar::at(text, end + 1)) {
            (Some(b'"'), _) => return Ok(end + 1),
            (Some(b'\\'), Some(32..=126)) => end += 2,
            _ => return Err(ParseError::new(Rule::LocalPart, end)),
        }
    }
}

/// Puts the least quoting around a name that is no dot-string, behind what `out` holds (G-07).
pub(super) fn quote_into(name: &str, out: &mut String) {
    if dot_string(name.as_bytes(), 0, &Syntax::INTERNET).is_ok_and(|end| end == name.len()) {
        out.push_str(name);
        return;
    }
    out.push('"');
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
