//! Address literals (RFC 5321 section 4.1.3; G-12 to G-15).

use core::fmt;
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nom::Parser;
use nom::character::complete::char;
use nom::combinator::{consumed, map, verify};
use nom::sequence::separated_pair;

use crate::domain::{MAX_DOMAIN, hash_ignoring_case};
use crate::error::{ParseError, Rule};
use crate::grammar::{self, DCONTENT, LDH, LET_DIG, Parsed};

/// An address instead of a name, in brackets: `[192.0.2.7]`, `[IPv6:2001:db8::1]`.
///
/// IP addresses are written in one way, whatever way they came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressLiteral<'a> {
    /// `[192.0.2.7]`
    V4(Ipv4Addr),
    /// `[IPv6:2001:db8::1]`
    V6(Ipv6Addr),
    /// `[tag:content]`. No tag but `IPv6` has been registered.
    General(GeneralLiteral<'a>),
}

/// The tag and content of an address literal that is no IP address (G-15).
///
/// Tags are equal without regard to case.
#[derive(Clone, Copy, Debug)]
pub struct GeneralLiteral<'a> {
    text: &'a str,
    colon: usize,
}

impl<'a> GeneralLiteral<'a> {
    /// The tag, as received.
    #[must_use]
    pub fn tag(&self) -> &'a str {
        grammar::slice(self.text, 0, self.colon)
    }

    /// What follows the colon.
    #[must_use]
    pub fn content(&self) -> &'a str {
        grammar::tail(self.text, self.colon + 1)
    }
}

impl PartialEq for GeneralLiteral<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.tag().eq_ignore_ascii_case(other.tag()) && self.content() == other.content()
    }
}

impl Eq for GeneralLiteral<'_> {}

impl Hash for GeneralLiteral<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_ignoring_case(self.tag().as_bytes(), state);
        self.content().hash(state);
    }
}

impl<'a> AddressLiteral<'a> {
    /// Reads a literal with its brackets.
    ///
    /// ```text
    /// address-literal = "[" ( IPv4-address-literal / IPv6-address-literal /
    ///                   General-address-literal ) "]"
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rule::AddressLiteral`].
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        match scan(text.as_bytes(), 0)? {
            (literal, end) if end == text.len() => Ok(literal),
            (_, end) => Err(ParseError::new(Rule::AddressLiteral, end)),
        }
    }

    /// The IP address, if it is one.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::V4(address) => Some(IpAddr::V4(*address)),
            Self::V6(address) => Some(IpAddr::V6(*address)),
            Self::General(_) => None,
        }
    }
}

/// The literal at `start`, and where it ends.
pub(crate) fn scan(text: &[u8], start: usize) -> Result<(AddressLiteral<'_>, usize), ParseError> {
    let failed = |offset| ParseError::new(Rule::AddressLiteral, offset);
    if grammar::at(text, start) != Some(b'[') {
        return Err(failed(start));
    }
    let inside = start + 1;
    let end = grammar::span(text, inside, DCONTENT);
    if grammar::at(text, end) != Some(b']') {
        return Err(failed(end));
    }
    // "The maximum total length of a domain name or number is 255 octets" (section 4.5.3.1.2).
    if end + 1 - start > MAX_DOMAIN {
        return Err(failed(start + MAX_DOMAIN));
    }
    let content = grammar::text(grammar::part(text, inside, end));
    let literal = literal(content).ok_or_else(|| failed(inside))?;
    Ok((literal, end + 1))
}

/// What the brackets hold.
///
/// ```text
/// IPv4-address-literal / IPv6-address-literal / General-address-literal
/// ```
fn literal(content: &str) -> Option<AddressLiteral<'_>> {
    match content.split_at_checked(IPV6.len()) {
        // No other form may take what this one refuses.
        Some((tag, address)) if tag.eq_ignore_ascii_case(IPV6) => {
            ipv6_addr(address).map(AddressLiteral::V6)
        }
        _ => ipv4_address_literal(content).map(AddressLiteral::V4).or_else(|| {
            grammar::whole(content, general_address_literal).map(AddressLiteral::General)
        }),
    }
}

/// `IPv4-address-literal = Snum 3("." Snum)`
///
/// The standard library refuses leading zeros, which may be octal elsewhere.
fn ipv4_address_literal(text: &str) -> Option<Ipv4Addr> {
    text.parse().ok().or_else(|| {
        let mut numbers = text.split('.');
        let mut octets = [0; 4];
        for octet in &mut octets {
            *octet = snum(numbers.next()?)?;
        }
        numbers.next().is_none().then(|| Ipv4Addr::from(octets))
    })
}

/// ```text
/// Snum = 1*3DIGIT    ; value in the range 0 through 255
/// ```
///
/// Decimal also behind leading zeros (G-12).
fn snum(text: &str) -> Option<u8> {
    let digits = matches!(text.len(), 1..=3) && text.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// The tag of an IPv6 address: `IPv6-address-literal = "IPv6:" IPv6-addr`
const IPV6: &str = "IPv6:";

/// `IPv6-addr = IPv6-full / IPv6-comp / IPv6v4-full / IPv6v4-comp`
///
/// `::` may stand for one group, as in RFC 4291 section 2.2 (G-14): what the standard library reads is
/// what is meant here, but for leading zeros in an IPv4 tail.
fn ipv6_addr(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| {
        let (groups, tail) = text.split_at_checked(text.rfind(':')? + 1)?;
        alloc::format!("{groups}{}", ipv4_address_literal(tail)?).parse().ok()
    })
}

/// ```text
/// General-address-literal = Standardized-tag ":" 1*dcontent
/// ```
fn general_address_literal(text: &str) -> Parsed<'_, GeneralLiteral<'_>> {
    let parts = separated_pair(standardized_tag, char(':'), grammar::run(DCONTENT));
    map(consumed(parts), |(text, (tag, _))| GeneralLiteral { text, colon: tag.len() }).parse(text)
}

/// ```text
/// Standardized-tag = Ldh-str    ; MUST be specified in a Standards-Track RFC
/// ```
fn standardized_tag(text: &str) -> Parsed<'_, &str> {
    ldh_str(text)
}

/// `Ldh-str = *( ALPHA / DIGIT / "-" ) Let-dig`
fn ldh_str(text: &str) -> Parsed<'_, &str> {
    verify(grammar::run(LDH), |text: &str| text.ends_with(grammar::in_class(LET_DIG))).parse(text)
}

impl From<IpAddr> for AddressLiteral<'_> {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl From<Ipv4Addr> for AddressLiteral<'_> {
    fn from(address: Ipv4Addr) -> Self {
        Self::V4(address)
    }
}

impl From<Ipv6Addr> for AddressLiteral<'_> {
    fn from(address: Ipv6Addr) -> Self {
        Self::V6(address)
    }
}

impl fmt::Display for AddressLiteral<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => write!(f, "[{address}]"),
            Self::V6(address) => write!(f, "[IPv6:{address}]"),
            Self::General(general) => write!(f, "[{}]", general.text),
        }
    }
}
