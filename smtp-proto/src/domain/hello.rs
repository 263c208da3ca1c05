//! The argument of EHLO, HELO and LHLO (G-19 to G-22).

use core::fmt;
use core::net::IpAddr;

use crate::domain::{AddressLiteral, Domain, Host, Labels, MAX_DOMAIN, scan, utf8};
use crate::error::{ParseError, Rule};
use crate::grammar::{self, VISIBLE};
use crate::profile::{HelloSyntax, Syntax};

/// The name by which a client, or a server in its greeting, calls itself: always ASCII (G-19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HelloName<'a> {
    /// A domain.
    Domain(Domain<'a>),
    /// An address literal.
    Literal(AddressLiteral<'a>),
    /// Something else that [`HelloSyntax`] lets pass.
    Other(OtherName<'a>),
}

/// A hello name that is neither a domain nor an address literal: 1 to 255 visible ASCII octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OtherName<'a>(&'a str);

impl<'a> OtherName<'a> {
    /// The octets received.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

impl<'a> HelloName<'a> {
    /// Reads a domain of LDH labels or an address literal, and nothing behind it.
    ///
    /// # Errors
    ///
    /// [`Rule::HelloName`].
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        word(text, HelloSyntax::Strict)
    }

    /// Reads the argument of a hello: a name, and behind a blank anything, which RFC 2821 allowed
    /// and which is ignored (G-22).
    ///
    /// # Errors
    ///
    /// [`Rule::MissingArgument`], [`Rule::Utf8`] or [`Rule::HelloName`].
    pub fn parse_with(octets: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        Self::argument(utf8(octets)?.as_bytes(), syntax)
    }

    #[inline(always)]
    pub(crate) fn argument(text: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        match scan(text, 0, Labels::ASCII) {
            Ok(end) if matches!(grammar::at(text, end), None | Some(b' ')) => {
                Ok(Self::Domain(Domain::scanned(grammar::part(text, 0, end))))
            }
            _ => Self::first_word(text, syntax),
        }
    }

    #[cold]
    fn first_word(text: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        let end = grammar::span(text, 0, VISIBLE);
        match grammar::at(text, end) {
            _ if text.is_empty() => Err(ParseError::new(Rule::MissingArgument, 0)),
            None | Some(b' ') => word(grammar::text(grammar::part(text, 0, end)), syntax.hello),
            Some(_) => Err(ParseError::new(Rule::HelloName, end)),
        }
    }

    /// The name as a host, unless it is something else.
    #[must_use]
    pub const fn host(&self) -> Option<Host<'a>> {
        match *self {
            Self::Domain(domain) => Some(Host::Domain(domain)),
            Self::Literal(literal) => Some(Host::Literal(literal)),
            Self::Other(_) => None,
        }
    }
}

/// One word without blanks, as far as `hello` goes.
#[inline]
fn word(text: &str, hello: HelloSyntax) -> Result<HelloName<'_>, ParseError> {
    let strict = if text.starts_with('[') {
        AddressLiteral::parse(text).map(HelloName::Literal)
    } else {
        whole_domain(text, Labels::ASCII).map(HelloName::Domain)
    };
    let Err(error) = strict else { return strict };
    let lenient = match hello {
        HelloSyntax::Strict => false,
        HelloSyntax::Underscore => {
            whole_domain(text, Labels { underscore: true, utf8: false }).is_ok()
        }
        HelloSyntax::Any => text.len() <= MAX_DOMAIN && grammar::all(text, VISIBLE),
    };
    if lenient {
        Ok(HelloName::Other(OtherName(text)))
    } else {
        Err(error.as_rule(Rule::HelloName))
    }
}

#[inline]
fn whole_domain(text: &str, labels: Labels) -> Result<Domain<'_>, ParseError> {
    match scan(text.as_bytes(), 0, labels)? {
        end if end == text.len() => Ok(Domain::scanned(text.as_bytes())),
        end => Err(ParseError::new(Rule::HelloName, end)),
    }
}

impl fmt::Display for HelloName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Literal(literal) => literal.fmt(f),
            Self::Other(other) => f.write_str(other.0),
        }
    }
}

impl<'a> TryFrom<Domain<'a>> for HelloName<'a> {
    type Error = ParseError;

    /// # Errors
    ///
    /// [`Rule::HelloName`] for a domain that is not all LDH labels: it has no place in a hello.
    fn try_from(domain: Domain<'a>) -> Result<Self, ParseError> {
        Self::parse(domain.as_str())
    }
}

impl<'a> From<AddressLiteral<'a>> for HelloName<'a> {
    fn from(literal: AddressLiteral<'a>) -> Self {
        Self::Literal(literal)
    }
}

impl From<IpAddr> for HelloName<'_> {
    fn from(address: IpAddr) -> Self {
        Self::Literal(address.into())
    }
}
