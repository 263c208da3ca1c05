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
use crate::grammar::{self, DCONTENT, HEX, LDH, LET_DIG, Parsed};

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
    let literal = literal(grammar::part(text, inside, end)).ok_or_else(|| failed(inside))?;
    Ok((literal, end + 1))
}

/// What the brackets hold.
///
/// ```text
/// IPv4-address-literal / IPv6-address-literal / General-address-literal
/// ```
fn literal(content: &[u8]) -> Option<AddressLiteral<'_>> {
    match content.split_first_chunk::<5>() {
        // No other form may take what this one refuses.
        Some((tag, address)) if grammar::literal(tag, 0, IPV6) => {
            ipv6_addr(address).map(AddressLiteral::V6)
        }
        _ => ipv4_address_literal(content)
            .map(|address| AddressLiteral::V4(address.into()))
            .or_else(|| general(content)),
    }
}

#[cold]
fn general(content: &[u8]) -> Option<AddressLiteral<'_>> {
    let literal = grammar::whole(grammar::text(content), general_address_literal);
    literal.map(AddressLiteral::General)
}

/// ```text
/// IPv4-address-literal = Snum 3("." Snum)
/// Snum                 = 1*3DIGIT    ; value in the range 0 through 255
/// ```
///
/// Decimal also behind leading zeros (G-12).
fn ipv4_address_literal(text: &[u8]) -> Option<[u8; 4]> {
    let mut octets = [0; 4];
    let (mut place, mut number, mut digits) = (octets.iter_mut(), 0u16, 0);
    for &octet in text {
        match octet {
            b'0'..=b'9' if digits < 3 => {
                number = number * 10 + u16::from(octet - b'0');
                digits += 1;
            }
            b'.' if digits > 0 => {
                *place.next()? = u8::try_from(number).ok()?;
                (number, digits) = (0, 0);
            }
            _ => return None,
        }
    }
    *place.next().filter(|_| digits > 0)? = u8::try_from(number).ok()?;
    place.next().is_none().then_some(octets)
}

/// The tag of an IPv6 address: `IPv6-address-literal = "IPv6:" IPv6-addr`
const IPV6: &[u8; 5] = b"IPv6:";

/// ```text
/// IPv6-addr   = IPv6-full / IPv6-comp / IPv6v4-full / IPv6v4-comp
/// IPv6-hex    = 1*4HEXDIG
/// IPv6-full   = IPv6-hex 7(":" IPv6-hex)
/// IPv6-comp   = [IPv6-hex *5(":" IPv6-hex)] "::" [IPv6-hex *5(":" IPv6-hex)]
/// IPv6v4-full = IPv6-hex 5(":" IPv6-hex) ":" IPv4-address-literal
/// IPv6v4-comp = [IPv6-hex *3(":" IPv6-hex)] "::" [IPv6-hex *3(":" IPv6-hex) ":"]
///               IPv4-address-literal
/// ```
///
/// `::` may stand for one group, as in RFC 4291 section 2.2 (G-14).
fn ipv6_addr(text: &[u8]) -> Option<Ipv6Addr> {
    let mut groups = [0; 8];
    let mut count = 0;
    let mut gap = None;
    let mut rest = text;
    if let [b':', b':', behind @ ..] = rest {
        (gap, rest) = (Some(0), behind);
    }
    while !rest.is_empty() || gap.is_none() {
        let (group, behind) = grammar::split_run(rest, HEX);
        if let [b'.', ..] = behind {
            let [a, b, c, d] = ipv4_address_literal(rest)?;
            for pair in [[a, b], [c, d]] {
                *groups.get_mut(count)? = u16::from_be_bytes(pair);
                count += 1;
            }
            break;
        }
        *groups.get_mut(count)? = ipv6_hex(group)?;
        count += 1;
        rest = match behind {
            [] => break,
            [b':', b':', behind @ ..] if gap.is_none() => {
                gap = Some(count);
                behind
            }
            // Something has to follow.
            [b':', behind @ ..] if !behind.is_empty() => behind,
            _ => return None,
        };
    }
    let left_out = groups.len() - count;
    match gap {
        Some(gap) if left_out > 0 => groups.get_mut(gap..)?.rotate_right(left_out),
        None if left_out == 0 => {}
        _ => return None,
    }
    Some(Ipv6Addr::from(groups))
}

/// `IPv6-hex = 1*4HEXDIG`
fn ipv6_hex(digits: &[u8]) -> Option<u16> {
    let number = |number, &digit: &u8| number << 4 | u16::from(grammar::hex(digit));
    matches!(digits.len(), 1..=4).then(|| digits.iter().fold(0, number))
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
