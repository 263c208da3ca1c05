//! Address literals (RFC 5321 section 4.1.3; G-12 to G-15).

use core::fmt;
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::take_while_m_n;
use nom::character::complete::char;
use nom::combinator::{consumed, map, map_res, not, opt, verify};
use nom::multi::fold_many_m_n;
use nom::sequence::{preceded, separated_pair, terminated};

use crate::domain::hash_ignoring_case;
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
    let content = grammar::text(grammar::part(text, inside, end));
    let literal = grammar::whole(content, literal).ok_or_else(|| failed(inside))?;
    Ok((literal, end + 1))
}

/// What the brackets hold.
///
/// ```text
/// IPv4-address-literal / IPv6-address-literal / General-address-literal
/// ```
fn literal(text: &str) -> Parsed<'_, AddressLiteral<'_>> {
    alt((
        map(ipv4_address_literal, AddressLiteral::V4),
        map(ipv6_address_literal, AddressLiteral::V6),
        map(general_address_literal, AddressLiteral::General),
    ))
    .parse(text)
}

/// `IPv4-address-literal = Snum 3("." Snum)`
fn ipv4_address_literal(text: &str) -> Parsed<'_, Ipv4Addr> {
    let further = || preceded(char('.'), snum);
    map((snum, further(), further(), further()), |(a, b, c, d)| Ipv4Addr::new(a, b, c, d))
        .parse(text)
}

/// ```text
/// Snum = 1*3DIGIT    ; value in the range 0 through 255
/// ```
///
/// Decimal also behind leading zeros (G-12).
fn snum(text: &str) -> Parsed<'_, u8> {
    grammar::number(1..=3, ..).parse(text)
}

/// `IPv6-address-literal = "IPv6:" IPv6-addr`
fn ipv6_address_literal(text: &str) -> Parsed<'_, Ipv6Addr> {
    preceded(grammar::string("IPv6:"), ipv6_addr).parse(text)
}

/// `IPv6-addr = IPv6-full / IPv6-comp / IPv6v4-full / IPv6v4-comp`
///
/// The longer forms first: the others are the beginning of some of them.
fn ipv6_addr(text: &str) -> Parsed<'_, Ipv6Addr> {
    let bits = alt((ipv6v4_full, ipv6v4_comp, ipv6_full, ipv6_comp));
    map(bits, Ipv6Addr::from_bits).parse(text)
}

/// `IPv6-full = IPv6-hex 7(":" IPv6-hex)`
fn ipv6_full(text: &str) -> Parsed<'_, u128> {
    let groups = verify(ipv6_groups, |groups| groups.count == 8);
    map(groups, |groups| groups.bits).parse(text)
}

/// ```text
/// IPv6-comp = [IPv6-hex *5(":" IPv6-hex)] "::" [IPv6-hex *5(":" IPv6-hex)]
///           ; The "::" represents at least 2 16-bit groups of zeros.
/// ```
///
/// It may stand for one group, as in RFC 4291 section 2.2 (G-14).
fn ipv6_comp(text: &str) -> Parsed<'_, u128> {
    let sides = (terminated(opt(ipv6_groups), double_colon), opt(ipv6_groups));
    let sides = map(sides, |(left, right)| (left.unwrap_or_default(), right.unwrap_or_default()));
    let sides = verify(sides, |(left, right)| left.count + right.count <= 7);
    map(sides, |(left, right)| left.at_the_top() | right.bits).parse(text)
}

/// `IPv6v4-full = IPv6-hex 5(":" IPv6-hex) ":" IPv4-address-literal`
fn ipv6v4_full(text: &str) -> Parsed<'_, u128> {
    let groups = verify(ipv6_groups, |groups| groups.count == 6);
    let parts = separated_pair(groups, char(':'), ipv4_address_literal);
    map(parts, |(groups, v4)| groups.bits << 32 | u128::from(v4.to_bits())).parse(text)
}

/// ```text
/// IPv6v4-comp = [IPv6-hex *3(":" IPv6-hex)] "::"
///               [IPv6-hex *3(":" IPv6-hex) ":"] IPv4-address-literal
/// ```
///
/// Here too `::` may stand for one group.
fn ipv6v4_comp(text: &str) -> Parsed<'_, u128> {
    let left = terminated(opt(ipv6_groups), double_colon);
    let right = opt(terminated(ipv6_groups, char(':')));
    let sides =
        map((left, right), |(left, right)| (left.unwrap_or_default(), right.unwrap_or_default()));
    let sides = verify(sides, |(left, right)| left.count + right.count <= 5);
    map((sides, ipv4_address_literal), |((left, right), v4)| {
        left.at_the_top() | right.bits << 32 | u128::from(v4.to_bits())
    })
    .parse(text)
}

/// `"::"`
fn double_colon(text: &str) -> Parsed<'_, &str> {
    grammar::string("::").parse(text)
}

/// Groups of 16 bits in a row, and how many: 1 to 8, none only by default.
#[derive(Clone, Copy, Default)]
struct Groups {
    bits: u128,
    count: u32,
}

impl Groups {
    fn and(self, group: u16) -> Self {
        Self { bits: self.bits << 16 | u128::from(group), count: self.count + 1 }
    }

    /// The bits where the first group is the address's first.
    const fn at_the_top(self) -> u128 {
        self.bits.unbounded_shl(128 - 16 * self.count)
    }
}

/// `IPv6-hex *7(":" IPv6-hex)`, which all forms begin with or end in.
fn ipv6_groups(text: &str) -> Parsed<'_, Groups> {
    let (rest, first) = ipv6_hex(text)?;
    let first = || Groups::default().and(first);
    fold_many_m_n(0, 7, preceded(char(':'), ipv6_hex), first, Groups::and).parse(rest)
}

/// `IPv6-hex = 1*4HEXDIG`, but not the first number of an IPv4 address.
fn ipv6_hex(text: &str) -> Parsed<'_, u16> {
    let digits = take_while_m_n(1, 4, grammar::in_class(HEX));
    let group = map_res(digits, |digits| u16::from_str_radix(digits, 16));
    terminated(group, not(char('.'))).parse(text)
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
///
/// That of IPv6 has a form of its own.
fn standardized_tag(text: &str) -> Parsed<'_, &str> {
    verify(ldh_str, |tag: &str| !tag.eq_ignore_ascii_case("IPv6")).parse(text)
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
