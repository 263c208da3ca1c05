//! Domains, address literals, and the names clients greet with (RFC 5321 section 4.1.2, 4.1.3;
//! G-10 to G-22).

mod hello;
mod international;
mod literal;
#[cfg(test)]
mod tests;

use alloc::borrow::Cow;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str;

pub use self::hello::{HelloName, OtherName};
pub(crate) use self::literal::scan as literal_at;
pub use self::literal::{AddressLiteral, GeneralLiteral};

use crate::error::{ParseError, Rule};
use crate::grammar::{self, Class, HIGH, LDH, LET_DIG, UNDERSCORE};
use crate::profile::Syntax;

/// The longest domain, in octets (RFC 5321 section 4.5.3.1.2).
pub(crate) const MAX_DOMAIN: usize = 255;
/// The longest label, in octets (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;
/// The longest U-label, in letters: it is the A-label that has to fit (RFC 5890 section 4.2), which has `xn--`
/// and a digit at least for each letter (RFC 3492).
const MAX_U_LABEL: usize = MAX_LABEL - "xn--".len();

/// Which octets the labels of a domain may hold.
#[derive(Clone, Copy)]
pub(crate) struct Labels {
    pub(crate) underscore: bool,
    pub(crate) utf8: bool,
}

impl Labels {
    /// LDH labels: all that EHLO and its replies may hold (G-19).
    pub(crate) const ASCII: Self = Self { underscore: false, utf8: false };

    /// What the domain of a mailbox may hold.
    pub(crate) const fn of_path(syntax: &Syntax) -> Self {
        Self { underscore: syntax.underscore_domain, utf8: syntax.utf8 }
    }
}

/// The end of the domain that begins at `start`.
///
/// ```text
/// Domain     = sub-domain *("." sub-domain)
/// sub-domain = Let-dig [Ldh-str]  /  U-label
/// Let-dig    = ALPHA / DIGIT
/// Ldh-str    = *( ALPHA / DIGIT / "-" ) Let-dig
/// ```
#[inline]
pub(crate) fn scan(text: &[u8], start: usize, labels: Labels) -> Result<usize, ParseError> {
    match plain(text.get(start..).unwrap_or_default()) {
        0 => by_label(text, start, labels),
        length => Ok(start + length),
    }
}

/// The length of a domain of LDH labels that is shorter than the longest label, so that no label
/// can be too long; 0 for anything else, be it good or bad.
#[inline(never)]
pub(crate) fn plain(octets: &[u8]) -> usize {
    let before = |offset: usize| match offset.checked_sub(1) {
        Some(offset) => octets.get(offset).copied().unwrap_or_default(),
        // As if a dot stood in front: what may not follow one may not come first either.
        None => b'.',
    };
    let mut length = 0;
    while let Some(&octet) = octets.get(length) {
        if !grammar::is(octet, LET_DIG) {
            match octet {
                b'.' if !matches!(before(length), b'.' | b'-') => {}
                b'-' if before(length) != b'.' => {}
                b'.' | b'-' | b'_' | 128.. => return 0,
                _ => break,
            }
        }
        length += 1;
    }
    if matches!(before(length), b'.' | b'-') || length > MAX_LABEL { 0 } else { length }
}

/// The same, label by label, with the place of what is wrong.
#[cold]
fn by_label(text: &[u8], start: usize, labels: Labels) -> Result<usize, ParseError> {
    let class = if labels.underscore { LDH | UNDERSCORE } else { LDH };
    let mut end = start;
    loop {
        end = label(text, end, class, labels.utf8)?;
        if grammar::at(text, end) != Some(b'.') {
            break;
        }
        end += 1;
    }
    if end - start > MAX_DOMAIN {
        return Err(ParseError::new(Rule::Domain, start + MAX_DOMAIN));
    }
    let domain = grammar::part(text, start, end);
    if !domain.is_ascii() && !international::has_u_labels_only(grammar::text(domain)) {
        return Err(ParseError::new(Rule::Domain, start));
    }
    Ok(end)
}

fn label(text: &[u8], start: usize, class: Class, utf8: bool) -> Result<usize, ParseError> {
    let failed = |offset| Err(ParseError::new(Rule::Domain, offset));
    let end = grammar::span(text, start, class);
    if utf8 && grammar::at(text, end).is_some_and(|octet| octet > 127) {
        return u_label(text, start, class);
    }
    if end == start || grammar::at(text, start) == Some(b'-') {
        return failed(start);
    }
    if grammar::at(text, end - 1) == Some(b'-') {
        return failed(end - 1);
    }
    if end - start > MAX_LABEL {
        return failed(start + MAX_LABEL);
    }
    Ok(end)
}

/// A label with letters beyond ASCII (RFC 6531 section 3.3; G-18).
///
/// What is refused here is what no U-label can hold, also where IDNA is not known: blanks and controls
/// of any script, and the other full stops, which some software turns into dots and so into other
/// domains.
fn u_label(text: &[u8], start: usize, class: Class) -> Result<usize, ParseError> {
    let end = grammar::span(text, start, class | HIGH);
    let label = grammar::text(grammar::part(text, start, end));
    let fits = |c: char| {
        !c.is_control() && !c.is_whitespace() && !matches!(c, '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
    };
    if let Some(offset) = label.find(|c| !fits(c)) {
        return Err(ParseError::new(Rule::Domain, start + offset));
    }
    if label.starts_with('-') || label.ends_with('-') || label.chars().count() > MAX_U_LABEL {
        return Err(ParseError::new(Rule::Domain, start));
    }
    Ok(end)
}

/// The domain of a host or mailbox, in the spelling received.
///
/// Domains are equal when they differ in the case of ASCII letters only (RFC 5321 section 2.4). With
/// the feature `idna` a U-label is equal to its A-label too (RFC 5890 section 2.3.2.4); without it the
/// two are different.
#[derive(Clone, Copy)]
pub struct Domain<'a>(&'a [u8]);

impl<'a> Domain<'a> {
    /// Reads a domain of LDH labels (G-10): letters, digits and `-`, labels of up to 63 octets, 255
    /// octets in all, no dot at the end.
    ///
    /// # Errors
    ///
    /// [`Rule::Domain`] at the octet that does not fit.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        Self::whole(text.as_bytes(), Labels::ASCII)
    }

    /// Reads a domain with the leniencies of a profile; U-labels too, where it has UTF-8 (G-16). With
    /// the feature `idna` they must be valid (G-18): in NFC, in lower case, of letters that may stand
    /// together, and with A-labels that are not too long. What a person types may not be:
    /// [`HostName`](crate::relay::HostName) maps it.
    ///
    /// # Errors
    ///
    /// [`Rule::Utf8`] or [`Rule::Domain`] at the octet that does not fit.
    pub fn parse_with(octets: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        Self::whole(utf8(octets)?.as_bytes(), Labels::of_path(syntax))
    }

    fn whole(text: &'a [u8], labels: Labels) -> Result<Self, ParseError> {
        match scan(text, 0, labels)? {
            end if end == text.len() => Ok(Self(text)),
            end => Err(ParseError::new(Rule::Domain, end)),
        }
    }

    /// Takes octets that [`scan`] has been over.
    pub(crate) const fn scanned(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// The spelling received.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        grammar::text(self.0)
    }

    /// Whether it can be sent to a server without SMTPUTF8.
    #[must_use]
    pub const fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }

    /// The domain in A-labels (RFC 5890 section 2.3.2.1), as DNS and servers without SMTPUTF8 have it; one
    /// of ASCII as it is. `None` for a domain beyond ASCII without the feature `idna`.
    ///
    /// ```
    /// # use smtp_proto::{domain::Domain, profile::Syntax};
    /// let domain = Domain::parse_with("bücher.example".as_bytes(), &Syntax::INTERNET)?;
    /// # #[cfg(feature = "idna")]
    /// assert_eq!(domain.to_a_labels().as_deref(), Some("xn--bcher-kva.example"));
    /// # Ok::<(), smtp_proto::error::ParseError>(())
    /// ```
    #[must_use]
    pub fn to_a_labels(&self) -> Option<Cow<'a, str>> {
        to_a_labels(self.as_str())
    }

    /// The domain in U-labels, as people read it, who may take one for another that looks alike. A domain
    /// of which a label begins with `xn--` and is no A-label stays as it is, as a whole; without the
    /// feature `idna` all do.
    #[must_use]
    pub fn to_u_labels(&self) -> Cow<'a, str> {
        international::to_u_labels(self.as_str()).unwrap_or(Cow::Borrowed(self.as_str()))
    }

    /// What makes domains equal, but for the case of ASCII letters.
    pub(crate) fn key(&self) -> Cow<'a, str> {
        self.to_a_labels().unwrap_or(Cow::Borrowed(self.as_str()))
    }

    /// The labels from left to right.
    pub fn labels(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.as_str().split('.')
    }
}

/// A name in A-labels; one of ASCII as it is.
pub(crate) fn to_a_labels(name: &str) -> Option<Cow<'_, str>> {
    if name.is_ascii() {
        return Some(Cow::Borrowed(name));
    }
    // What letters are mapped to may be ASCII that belongs into no name.
    let labels = Labels { underscore: true, utf8: false };
    international::to_a_labels(name).filter(|name| Domain::whole(name.as_bytes(), labels).is_ok())
}

impl PartialEq for Domain<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
            || (!(self.is_ascii() && other.is_ascii())
                && self.key().eq_ignore_ascii_case(&other.key()))
    }
}

impl Eq for Domain<'_> {}

impl Hash for Domain<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_ignoring_case(self.key().as_bytes(), state);
    }
}

/// Hashes equal for texts that differ in ASCII case only.
pub(crate) fn hash_ignoring_case<H: Hasher>(text: &[u8], state: &mut H) {
    for octet in text {
        state.write_u8(octet.to_ascii_lowercase());
    }
    state.write_u8(0xff);
}

/// The octets as text.
#[inline]
pub(crate) fn utf8(octets: &[u8]) -> Result<&str, ParseError> {
    str::from_utf8(octets).map_err(|error| ParseError::new(Rule::Utf8, error.valid_up_to()))
}

impl fmt::Debug for Domain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({:?})", self.as_str())
    }
}

impl fmt::Display for Domain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What stands behind the `@` of a mailbox (G-04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host<'a> {
    /// A name.
    Domain(Domain<'a>),
    /// An address in brackets.
    Literal(AddressLiteral<'a>),
}

impl<'a> Host<'a> {
    /// Reads a domain of LDH labels, or an address literal with its brackets.
    ///
    /// # Errors
    ///
    /// Those of [`Domain::parse`] and [`AddressLiteral::parse`].
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        if text.starts_with('[') {
            AddressLiteral::parse(text).map(Self::Literal)
        } else {
            Domain::parse(text).map(Self::Domain)
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Literal(literal) => literal.fmt(f),
        }
    }
}

impl<'a> From<Domain<'a>> for Host<'a> {
    fn from(domain: Domain<'a>) -> Self {
        Self::Domain(domain)
    }
}

impl<'a> From<AddressLiteral<'a>> for Host<'a> {
    fn from(literal: AddressLiteral<'a>) -> Self {
        Self::Literal(literal)
    }
}
