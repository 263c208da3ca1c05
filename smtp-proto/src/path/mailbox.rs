//! Mailboxes, borrowed and owned (RFC 5321 section 4.1.2; G-04).

use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use crate::domain::{self, AddressLiteral, Domain, Host, Labels, literal_at};
use crate::error::{ParseError, Rule};
use crate::grammar;
use crate::path::MAX_PATH;
use crate::path::local_part::{self, LocalPart};
use crate::profile::Syntax;

/// `local-part@domain` or `local-part@[address]`, in the spelling received: up to 254 octets.
///
/// Equal mailboxes have equal local-parts and equal hosts in the sense of those types, whatever
/// their spelling.
#[derive(Clone, Copy)]
pub struct Mailbox<'a> {
    text: &'a [u8],
    /// The octets before the `@`.
    local: u8,
    /// It has nothing but ASCII: whoever sends it asks more than once.
    ascii: bool,
}

/// The longest mailbox: a path without its brackets.
const MAX_MAILBOX: usize = MAX_PATH - 2;

impl<'a> Mailbox<'a> {
    /// Reads a mailbox without angle brackets.
    ///
    /// UTF-8 is taken as RFC 6531 section 3.3 has it (G-16); whether there is any, and the server
    /// must offer SMTPUTF8, is what [`is_ascii`](Self::is_ascii) tells.
    ///
    /// # Errors
    ///
    /// [`Rule::LocalPart`], [`Rule::Domain`], [`Rule::AddressLiteral`], [`Rule::PathLength`], or
    /// [`Rule::Mailbox`] when there is no `@` or something behind the mailbox.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        Self::whole(text.as_bytes(), &Syntax::INTERNET)
    }

    /// The same with the leniencies of a profile.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse), and [`Rule::Utf8`].
    pub fn parse_with(octets: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        Self::whole(domain::utf8(octets)?.as_bytes(), syntax)
    }

    fn whole(text: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        if text.len() > MAX_MAILBOX {
            return Err(ParseError::new(Rule::PathLength, MAX_MAILBOX));
        }
        match Self::scan(text, 0, syntax)? {
            (mailbox, end) if end == text.len() => Ok(mailbox),
            (mailbox, end) => Err(mailbox.cut_short(end)),
        }
    }

    /// The mailbox at `start`, and where it ends.
    ///
    /// ```text
    /// Mailbox = Local-part "@" ( Domain / address-literal )
    /// ```
    #[inline(always)]
    pub(super) fn scan(
        text: &'a [u8],
        start: usize,
        syntax: &Syntax,
    ) -> Result<(Self, usize), ParseError> {
        let at = local_part::scan(text, start, syntax)?;
        if grammar::at(text, at) != Some(b'@') {
            // What stands here is no atext, or the mailbox ends without a domain.
            let rule = match grammar::at(text, at) {
                None | Some(b'>' | b' ') => Rule::Mailbox,
                Some(_) => Rule::LocalPart,
            };
            return Err(ParseError::new(rule, at));
        }
        let host = at + 1;
        let end = if grammar::at(text, host) == Some(b'[') {
            literal_at(text, host)?.1
        } else {
            domain::scan(text, host, Labels::of_path(syntax))?
        };
        match u8::try_from(at - start) {
            Ok(local) if end - start <= MAX_MAILBOX => {
                Ok((Self::new(grammar::part(text, start, end), local), end))
            }
            _ => Err(ParseError::new(Rule::PathLength, start + MAX_MAILBOX)),
        }
    }

    /// The mailbox at the start of a text, and what follows it, if it is a dot-string of no more than
    /// 64 octets at a domain of LDH labels.
    #[inline(always)]
    pub(crate) fn everyday(text: &'a [u8], syntax: &Syntax) -> Option<(Self, &'a [u8])> {
        const MAX_LOCAL: usize = 64;
        let at = local_part::plain(text);
        let allowed = syntax.local_part_max.map_or(MAX_LOCAL, usize::from).min(MAX_LOCAL);
        let (_, behind) = text.split_at_checked(at)?;
        let [b'@', host @ ..] = behind else { return None };
        let domain = domain::plain(host);
        if at == 0 || at > allowed || domain == 0 {
            return None;
        }
        let (text, behind) = text.split_at_checked(at + 1 + domain)?;
        Some((Self { text, local: u8::try_from(at).ok()?, ascii: true }, behind))
    }

    #[inline]
    const fn new(text: &'a [u8], local: u8) -> Self {
        Self { text, local, ascii: text.is_ascii() }
    }

    /// The error of an octet behind the mailbox that belongs to nothing.
    #[cold]
    pub(super) fn cut_short(&self, end: usize) -> ParseError {
        let rule = match self.host() {
            Host::Domain(_) => Rule::Domain,
            Host::Literal(_) => Rule::AddressLiteral,
        };
        ParseError::new(rule, end)
    }

    /// The spelling received: what a relay hands on (G-07).
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        grammar::text(self.text)
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> LocalPart<'a> {
        LocalPart::scanned(grammar::text(grammar::part(self.text, 0, usize::from(self.local))))
    }

    /// What stands behind the `@`.
    #[must_use]
    pub fn host(&self) -> Host<'a> {
        match self.literal() {
            Some(literal) => Host::Literal(literal),
            None => Host::Domain(Domain::scanned(self.host_octets())),
        }
    }

    /// The address that stands behind the `@`, if it is no name.
    #[inline]
    pub(crate) fn literal(&self) -> Option<AddressLiteral<'a>> {
        let host = self.host_octets();
        if host.first() == Some(&b'[') { Some(literal_at(host, 0).ok()?.0) } else { None }
    }

    #[inline]
    fn host_octets(&self) -> &'a [u8] {
        self.text.get(usize::from(self.local) + 1..).unwrap_or_default()
    }

    /// The mailbox with its domain in [A-labels](Domain::to_a_labels), as a server without SMTPUTF8 takes
    /// it; one of ASCII as it is. `None` for a local-part beyond ASCII, which has no such form, for
    /// what is longer than a path then, and without the feature `idna`.
    #[must_use]
    pub fn to_a_labels(&self) -> Option<MailboxBuf> {
        if self.is_ascii() {
            return Some(MailboxBuf::from(*self));
        }
        let local = self.local_part();
        let Host::Domain(domain) = self.host() else { return None };
        if !local.as_str().is_ascii() {
            return None;
        }
        let text = alloc::format!("{}@{}", local.as_str(), domain.to_a_labels()?);
        (text.len() <= MAX_MAILBOX).then_some(MailboxBuf { text, local: self.local })
    }

    /// Whether it can be sent with SMTPUTF8 only: its local-part is beyond ASCII, or its domain is and
    /// has no A-labels here (RFC 6531 section 3.2).
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.is_ascii() && self.to_a_labels().is_none()
    }

    pub(crate) const fn octets(&self) -> &'a [u8] {
        self.text
    }

    /// Whether it can be sent as it is to a server without SMTPUTF8 (G-17).
    #[must_use]
    pub const fn is_ascii(&self) -> bool {
        self.ascii
    }
}

impl PartialEq for Mailbox<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
            || (self.host() == other.host() && self.local_part() == other.local_part())
    }
}

impl Eq for Mailbox<'_> {}

impl Hash for Mailbox<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.local_part().hash(state);
        self.host().hash(state);
    }
}

impl fmt::Debug for Mailbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({:?})", self.as_str())
    }
}

impl fmt::Display for Mailbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A mailbox that owns its text.
#[derive(Clone)]
pub struct MailboxBuf {
    text: String,
    local: u8,
}

impl MailboxBuf {
    /// Joins a name, as a person would say it, and a host; quotes the name if it needs that, and
    /// no more than it needs (G-07).
    ///
    /// # Errors
    ///
    /// [`Rule::LocalPart`] for a name with controls in it, [`Rule::PathLength`].
    pub fn new(name: &str, host: Host<'_>) -> Result<Self, ParseError> {
        use fmt::Write as _;

        let mut text = String::with_capacity(name.len());
        local_part::quote_into(name, &mut text);
        // Writing to a string does not fail.
        let _ = write!(text, "@{host}");
        Mailbox::whole(text.as_bytes(), &Syntax { underscore_domain: true, ..Syntax::INTERNET })
            .map(|mailbox| mailbox.local)
            .map(|local| Self { text, local })
    }

    /// The mailbox as a borrowed one.
    #[must_use]
    pub fn as_mailbox(&self) -> Mailbox<'_> {
        Mailbox::new(self.text.as_bytes(), self.local)
    }

    /// The spelling it was made from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<Mailbox<'_>> for MailboxBuf {
    fn from(mailbox: Mailbox<'_>) -> Self {
        Self { text: String::from(mailbox.as_str()), local: mailbox.local }
    }
}

impl<'a> From<&'a MailboxBuf> for Mailbox<'a> {
    fn from(mailbox: &'a MailboxBuf) -> Self {
        mailbox.as_mailbox()
    }
}

impl FromStr for MailboxBuf {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Mailbox::parse(text).map(Self::from)
    }
}

impl PartialEq for MailboxBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_mailbox() == other.as_mailbox()
    }
}

impl Eq for MailboxBuf {}

impl Hash for MailboxBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_mailbox().hash(state);
    }
}

impl fmt::Debug for MailboxBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_mailbox().fmt(f)
    }
}

impl fmt::Display for MailboxBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
