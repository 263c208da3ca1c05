//! Reverse-paths and forward-paths (RFC 5321 section 4.1.2; G-01 to G-11).

mod local_part;
mod mailbox;
#[cfg(test)]
mod tests;

use core::fmt;

use bytes::BufMut;

pub use self::local_part::LocalPart;
pub use self::mailbox::{Mailbox, MailboxBuf};

use crate::domain::{self, Labels};
use crate::error::{ParseError, Rule};
use crate::grammar;
use crate::profile::Syntax;

/// The longest path with its brackets and route, in octets (RFC 5321 section 4.5.3.1.3).
pub(crate) const MAX_PATH: usize = 256;

/// Where reports about a message go: the argument of MAIL (RFC 5321 section 4.1.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath<'a> {
    /// `<>`: nowhere, since the message is a report itself (RFC 5321 section 4.5.5).
    Null,
    /// `<mailbox>`
    Mailbox(Mailbox<'a>),
}

/// Where a message goes: the argument of RCPT (RFC 5321 section 4.1.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForwardPath<'a> {
    /// `<Postmaster>`: that of the server asked, whatever its domain (G-11).
    Postmaster,
    /// `<mailbox>`
    Mailbox(Mailbox<'a>),
}

impl<'a> ReversePath<'a> {
    /// Reads `<>` or `<mailbox>`; a source route is dropped (G-03).
    ///
    /// # Errors
    ///
    /// [`Rule::ReversePath`], [`Rule::PathLength`], or the rule broken inside the mailbox.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        if let Some(mailbox) = everyday(text) {
            return Ok(Self::Mailbox(mailbox));
        }
        match Self::scan(text.as_bytes(), 0, &Syntax::INTERNET)? {
            (path, end) if end == text.len() => Ok(path),
            (_, end) => Err(ParseError::new(Rule::ReversePath, end)),
        }
    }

    /// The path at `start`, and where it ends.
    ///
    /// ```text
    /// Reverse-path = Path / "<>"
    /// ```
    #[inline(always)]
    pub(crate) fn scan(
        text: &'a [u8],
        start: usize,
        syntax: &Syntax,
    ) -> Result<(Self, usize), ParseError> {
        if grammar::literal(text, start, b"<>") {
            return Ok((Self::Null, start + 2));
        }
        match path(text, start, syntax, Rule::ReversePath) {
            Ok((mailbox, end)) => Ok((Self::Mailbox(mailbox), end)),
            Err(error) => Err(error.of_sender()),
        }
    }

    /// The mailbox, unless the path is null.
    #[must_use]
    pub const fn mailbox(&self) -> Option<Mailbox<'a>> {
        match *self {
            Self::Null => None,
            Self::Mailbox(mailbox) => Some(mailbox),
        }
    }

    /// Whether it can be sent as it is to a server without SMTPUTF8 (G-17).
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.mailbox().is_none_or(|mailbox| mailbox.is_ascii())
    }

    /// Whether it can be sent with SMTPUTF8 only: see [`Mailbox::needs_smtputf8`].
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        self.mailbox().is_some_and(|mailbox| mailbox.needs_smtputf8())
    }

    /// Writes it with its brackets.
    pub fn write(&self, out: &mut impl BufMut) {
        write(self.mailbox().map_or(b"", |mailbox| mailbox.octets()), out);
    }
}

impl<'a> ForwardPath<'a> {
    /// Reads `<mailbox>` or `<Postmaster>`; a source route is dropped (G-03).
    ///
    /// # Errors
    ///
    /// [`Rule::ForwardPath`], [`Rule::PathLength`], or the rule broken inside the mailbox.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        if let Some(mailbox) = everyday(text) {
            return Ok(Self::Mailbox(mailbox));
        }
        match Self::scan(text.as_bytes(), 0, &Syntax::INTERNET)? {
            (path, end) if end == text.len() => Ok(path),
            (_, end) => Err(ParseError::new(Rule::ForwardPath, end)),
        }
    }

    /// The path at `start`, and where it ends.
    ///
    /// ```text
    /// Forward-path = Path  /  "<Postmaster>"
    /// ```
    #[inline(always)]
    pub(crate) fn scan(
        text: &'a [u8],
        start: usize,
        syntax: &Syntax,
    ) -> Result<(Self, usize), ParseError> {
        if grammar::literal(text, start, b"<Postmaster>") {
            return Ok((Self::Postmaster, start + "<Postmaster>".len()));
        }
        let (mailbox, end) = path(text, start, syntax, Rule::ForwardPath)?;
        Ok((Self::Mailbox(mailbox), end))
    }

    /// The mailbox, unless it is the one every server has.
    #[must_use]
    pub const fn mailbox(&self) -> Option<Mailbox<'a>> {
        match *self {
            Self::Postmaster => None,
            Self::Mailbox(mailbox) => Some(mailbox),
        }
    }

    /// Whether it is the server's postmaster, or one at a domain (G-11).
    #[must_use]
    pub fn is_postmaster(&self) -> bool {
        self.mailbox().is_none_or(|mailbox| mailbox.local_part().is_postmaster())
    }

    /// Whether it can be sent as it is to a server without SMTPUTF8 (G-17).
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.mailbox().is_none_or(|mailbox| mailbox.is_ascii())
    }

    /// Whether it can be sent with SMTPUTF8 only: see [`Mailbox::needs_smtputf8`].
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        self.mailbox().is_some_and(|mailbox| mailbox.needs_smtputf8())
    }

    /// Writes it with its brackets.
    pub fn write(&self, out: &mut impl BufMut) {
        write(self.mailbox().map_or(b"Postmaster", |mailbox| mailbox.octets()), out);
    }
}

/// The mailbox of a path that is nothing else, as nearly all are; what it does not take is judged by
/// the grammar.
#[inline]
fn everyday(text: &str) -> Option<Mailbox<'_>> {
    let [b'<', inside @ ..] = text.as_bytes() else { return None };
    let (mailbox, behind) = Mailbox::everyday(inside, &Syntax::INTERNET)?;
    (behind == b">").then_some(mailbox)
}

fn write(inside: &[u8], out: &mut impl BufMut) {
    out.put_u8(b'<');
    out.put_slice(inside);
    out.put_u8(b'>');
}

/// ```text
/// Path = "<" [ A-d-l ":" ] Mailbox ">"
/// ```
#[inline(always)]
fn path<'a>(
    text: &'a [u8],
    start: usize,
    syntax: &Syntax,
    rule: Rule,
) -> Result<(Mailbox<'a>, usize), ParseError> {
    if grammar::at(text, start) != Some(b'<') {
        return bare(text, start, syntax, rule);
    }
    let mut inside = start + 1;
    if grammar::at(text, inside) == Some(b'@') {
        inside = route(text, inside, syntax, rule)?;
    }
    let (mailbox, end) = Mailbox::scan(text, inside, syntax)?;
    if grammar::at(text, end) != Some(b'>') {
        return Err(mailbox.cut_short(end));
    }
    limited(mailbox, start, end + 1)
}

/// A mailbox without brackets, which old devices send (G-24).
#[cold]
fn bare<'a>(
    text: &'a [u8],
    start: usize,
    syntax: &Syntax,
    rule: Rule,
) -> Result<(Mailbox<'a>, usize), ParseError> {
    match Mailbox::scan(text, start, syntax) {
        Ok((mailbox, end)) if syntax.relaxed => limited(mailbox, start, end),
        _ => Err(ParseError::new(rule, start)),
    }
}

#[inline(always)]
fn limited(
    mailbox: Mailbox<'_>,
    start: usize,
    end: usize,
) -> Result<(Mailbox<'_>, usize), ParseError> {
    if end - start > MAX_PATH {
        return Err(ParseError::new(Rule::PathLength, start + MAX_PATH));
    }
    Ok((mailbox, end))
}

/// ```text
/// A-d-l     = At-domain *( "," At-domain )
/// At-domain = "@" Domain
/// ```
///
/// Read and forgotten: hops named by a sender are not followed (RFC 5321 section 3.6.1; G-03).
#[cold]
fn route(text: &[u8], start: usize, syntax: &Syntax, rule: Rule) -> Result<usize, ParseError> {
    let mut end = start;
    loop {
        if grammar::at(text, end) != Some(b'@') {
            return Err(ParseError::new(rule, end));
        }
        end = domain::scan(text, end + 1, Labels::of_path(syntax))?;
        match grammar::at(text, end) {
            Some(b',') => end += 1,
            Some(b':') => return Ok(end + 1),
            _ => return Err(ParseError::new(rule, end)),
        }
    }
}

impl fmt::Display for ReversePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.mailbox().map_or("", |mailbox| mailbox.as_str()))
    }
}

impl fmt::Display for ForwardPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.mailbox().map_or("Postmaster", |mailbox| mailbox.as_str()))
    }
}

impl<'a> From<Mailbox<'a>> for ReversePath<'a> {
    fn from(mailbox: Mailbox<'a>) -> Self {
        Self::Mailbox(mailbox)
    }
}

impl<'a> From<Mailbox<'a>> for ForwardPath<'a> {
    fn from(mailbox: Mailbox<'a>) -> Self {
        Self::Mailbox(mailbox)
    }
}
