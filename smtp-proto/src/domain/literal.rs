//! Address literals (RFC 5321 section 4.1.3; G-12 to G-15).

use core::fmt;
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str;

use crate::domain::hash_ignoring_case;
use crate::error::{ParseError, Rule};
use crate::grammar::{self, DCONTENT, DIGIT, LDH, LET_DIG};

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
    let content = grammar::text(grammar::part(text, inside, end));
    let literal = if grammar::literal(content.as_bytes(), 0, b"IPv6:") {
        ipv6(grammar::tail(content, 5)).map(AddressLiteral::V6)
    } else if content.contains(':') {
        general(content).map(AddressLiteral::General)
    } else {
        ipv4(content).map(AddressLiteral::V4)
    };
    Ok((literal.ok_or_else(|| failed(inside))?, end + 1))
}

/// ```text
/// IPv4-address-literal = Snum 3("."  Snum)
/// Snum = 1*3DIGIT    ; value in the range 0 through 255
/// ```
///
/// Decimal also behind leading zeros (G-12).
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut numbers = text.split('.').map(|number| {
        (number.len() <= 3 && grammar::all(number, DIGIT)).then(|| number.parse::<u8>().ok())?
    });
    let octets = [
        numbers.next()??,
        numbers.next()??,
        numbers.next()??,
        numbers.next()??,
    ];
    numbers.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// ```text
/// IPv6-addr = IPv6-full / IPv6-comp / IPv6v4-full / IPv6v4-comp
/// ```
///
/// The forms of RFC 4291 section 2.2, so `::` may stand for one group (G-14).
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    let Some((groups, dotted)) = text.rsplit_once(':').filter(|(_, last)| last.contains('.'))
    else {
        return text.parse().ok();
    };
    // The IPv4 tail follows SMTP's grammar, which the library's parser does not know: read the rest
    // with two groups of zero in its place.
    const PLACE: &[u8] = b":0:0";
    let tail = u32::from(ipv4(dotted)?);
    let mut buffer = [0; 48];
    let length = groups.len().checked_add(PLACE.len())?;
    let (head, place) = buffer
        .get_mut(..length)?
        .split_at_mut_checked(groups.len())?;
    head.copy_from_slice(groups.as_bytes());
    place.copy_from_slice(PLACE);
    let head: Ipv6Addr = str::from_utf8(buffer.get(..length)?).ok()?.parse().ok()?;
    Some(Ipv6Addr::from_bits(head.to_bits() | u128::from(tail)))
}

/// ```text
/// General-address-literal = Standardized-tag ":" 1*dcontent
/// Standardized-tag        = Ldh-str
/// ```
fn general(text: &str) -> Option<GeneralLiteral<'_>> {
    let (tag, content) = text.split_once(':')?;
    let tag_fits =
        grammar::all(tag, LDH) && tag.bytes().last().is_some_and(|o| grammar::is(o, LET_DIG));
    (tag_fits && !content.is_empty()).then_some(GeneralLiteral {
        text,
        colon: tag.len(),
    })
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
