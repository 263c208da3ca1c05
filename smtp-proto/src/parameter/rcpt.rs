//! The meaning of RCPT's parameters.

use alloc::string::String;
use core::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{take_while_m_n, take_while1};
use nom::character::complete::char;
use nom::combinator::{map_opt, recognize, verify};
use nom::multi::many1_count;
use nom::sequence::delimited;

use crate::error::{ParseError, Rule};
use crate::extension::Extension;
use crate::grammar::{self, ATEXT, HEX, HIGH, Parsed, XCHAR};
use crate::parameter::keyword::RcptKeyword;
use crate::parameter::rare::Rrvs;
use crate::parameter::{Parameter, Parameters};
use crate::xtext;

/// `NOTIFY=`: which outcomes are reported (RFC 3461 section 4.1; G-45).
///
/// [`Notify::NEVER`], or a set of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Notify(u8);

impl Notify {
    /// Nothing is reported, failure neither.
    pub const NEVER: Self = Self(0);
    /// Delivery is reported.
    pub const SUCCESS: Self = Self(1);
    /// Failure is reported.
    pub const FAILURE: Self = Self(2);
    /// Delay is reported.
    pub const DELAY: Self = Self(4);

    const NAMED: [(&'static str, Self); 3] =
        [("SUCCESS", Self::SUCCESS), ("FAILURE", Self::FAILURE), ("DELAY", Self::DELAY)];

    /// The reports of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without the reports of another; [`Notify::NEVER`] when none is left.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all reports of `other` are asked for; for [`Notify::NEVER`], whether none is.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        if other.0 == 0 { self.0 == 0 } else { self.0 & other.0 == other.0 }
    }

    /// ```text
    /// notify-esmtp-value  = "NEVER" / 1#notify-list-element
    /// notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"
    /// ```
    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        if grammar::is_word(value, "NEVER") {
            return Ok(Self::NEVER);
        }
        value.split(|&octet| octet == b',').try_fold(Self::NEVER, |set, element| {
            let named = Self::NAMED.into_iter().find(|(name, _)| grammar::is_word(element, name));
            named
                .map(|(_, one)| set.and(one))
                .ok_or_else(|| ParseError::new(Rule::ParameterValue, 0))
        })
    }
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return f.write_str("NEVER");
        }
        let mut comma = "";
        for (name, _) in Self::NAMED.iter().filter(|(_, one)| self.contains(*one)) {
            write!(f, "{comma}{name}")?;
            comma = ",";
        }
        Ok(())
    }
}

/// `ORCPT=`: the address the sender gave first, kept octet for octet for relaying (RFC 3461
/// section 4.2, RFC 6533 section 3; G-46, G-47).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Orcpt<'a> {
    text: &'a str,
    semicolon: usize,
}

impl<'a> Orcpt<'a> {
    /// Checks a value.
    pub(super) fn check(value: &[u8]) -> Result<(), ParseError> {
        let fits = split_addr_type(value)
            .is_some_and(|(kind, address)| is_original_recipient(kind, address));
        if fits { Ok(()) } else { Err(ParseError::at_start(Rule::ParameterValue)) }
    }

    /// The same; or one that is mislabelled, for the server to judge.
    fn check_received(value: &[u8]) -> Result<(), ParseError> {
        match Self::check(value) {
            Err(error) if !is_mislabelled(value) => Err(error),
            _ => Ok(()),
        }
    }

    /// A value that was checked.
    fn checked(text: &'a str) -> Option<Self> {
        text.bytes().position(|octet| octet == b';').map(|semicolon| Self { text, semicolon })
    }

    /// The kind of address, for example `rfc822` or `utf-8`; case does not matter.
    #[must_use]
    pub fn addr_type(&self) -> &'a str {
        grammar::slice(self.text, 0, self.semicolon)
    }

    /// The address as sent: xtext, or for `utf-8` the escapes of RFC 6533.
    #[must_use]
    pub fn address(&self) -> &'a str {
        grammar::tail(self.text, self.semicolon + 1)
    }

    /// The whole value as sent.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// Whether it holds characters beyond ASCII and says to be of another kind than `utf-8`, as some
    /// relays write it: none that should be sent on so.
    #[must_use]
    pub fn is_mislabelled(&self) -> bool {
        !self.text.is_ascii() && !self.addr_type().eq_ignore_ascii_case("utf-8")
    }

    /// The address of one that is mislabelled, not encoded; its kind is `utf-8`.
    pub(crate) fn relabelled(&self) -> Option<String> {
        if !self.is_mislabelled() {
            return None;
        }
        let mut parts = self.address().split('+');
        let mut plain = String::from(parts.next().unwrap_or_default());
        for part in parts {
            let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
            plain.extend(u8::from_str_radix(digits, 16).map(char::from));
            plain.push_str(rest);
        }
        Some(plain)
    }

    /// Whether it can be sent to a server without SMTPUTF8.
    #[must_use]
    pub const fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }
}

impl fmt::Display for Orcpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// The kind of an address, and what stands behind the semicolon.
///
/// `addr-type = atom`
///
/// An atom may hold `=`, but the value of a parameter may not (RFC 5321 section 4.1.2).
fn split_addr_type(value: &[u8]) -> Option<(&[u8], &[u8])> {
    match grammar::split_run(value, ATEXT) {
        (kind @ [_, ..], [b';', address @ ..]) if !kind.contains(&b'=') => Some((kind, address)),
        _ => None,
    }
}

/// Whether it is an xtext in which characters beyond ASCII stand for themselves, behind a kind that is
/// not `utf-8`.
#[cold]
fn is_mislabelled(value: &[u8]) -> bool {
    let Some((kind, address)) = split_addr_type(value) else { return false };
    let mut between = address.split(|octet| !octet.is_ascii());
    !is_utf_8(kind)
        && !address.is_ascii()
        && between.all(|part| xtext::check_printable(part).is_ok())
}

/// `original-recipient-address = addr-type ";" xtext`, where xtext is printable ASCII, and may be nothing
/// at all.
///
/// ```text
/// orcpt-parameter =/ "ORCPT=" utf-8-addr-type ";" utf-8-enc-addr
/// ```
fn is_original_recipient(kind: &[u8], address: &[u8]) -> bool {
    if is_utf_8(kind) {
        grammar::whole(grammar::text(address), utf_8_enc_addr).is_some()
    } else {
        xtext::check_printable(address).is_ok()
    }
}

/// `utf-8-addr-type = "utf-8"`
fn is_utf_8(kind: &[u8]) -> bool {
    grammar::is_word(kind, "utf-8")
}

/// ```text
/// utf-8-enc-addr     = utf-8-addr-xtext / utf-8-addr-unitext / utf-8-address
/// utf-8-addr-xtext   = 1*(QCHAR / EmbeddedUnicodeChar)
/// utf-8-addr-unitext = 1*(QUCHAR / EmbeddedUnicodeChar)
/// ```
///
/// Read as the second: it takes in the first, and characters beyond ASCII stand for themselves
/// where the command itself may hold them.
fn utf_8_enc_addr(text: &str) -> Parsed<'_, &str> {
    let quchars = take_while1(quchar);
    recognize(many1_count(alt((quchars, embedded_unicode_char)))).parse(text)
}

/// ```text
/// QCHAR  = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e
/// QUCHAR = QCHAR / UTF8-2 / UTF8-3 / UTF8-4
/// ```
fn quchar(c: char) -> bool {
    grammar::in_class(XCHAR | HIGH)(c) && c != '\\'
}

/// ```text
/// EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"    ; starts with "\x"
/// ```
fn embedded_unicode_char(text: &str) -> Parsed<'_, &str> {
    recognize((char('\\'), char('x'), delimited(char('{'), hexpoint, char('}')))).parse(text)
}

/// The number of a character that may not stand for itself, without useless zeros.
///
/// ```text
/// HEXPOINT = ( ( "0" / "1" ) %x31-39 ) / "10" / "20" / "2B" / "3D" / "7F" / "5C" /
///            ( HEXDIG8 HEXDIG ) / 3 to 6 digits without surrogates
/// ```
///
/// All of the controls, though the rule names only those without a letter in their number.
fn hexpoint(text: &str) -> Parsed<'_, char> {
    let digits = take_while_m_n(2, 6, grammar::in_class(HEX));
    let digits = verify(digits, |digits: &str| digits.len() == 2 || !digits.starts_with('0'));
    let point =
        map_opt(digits, |digits| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32));
    verify(point, |&c| c != '\0' && !(c.is_ascii() && quchar(c))).parse(text)
}

/// The parameters of a RCPT command, those known here with their meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RcptParameters<'a> {
    all: Parameters<'a>,
    notify: Option<Notify>,
    orcpt: bool,
}

impl<'a> RcptParameters<'a> {
    /// None at all.
    pub const EMPTY: Self = Self { all: Parameters::EMPTY, notify: None, orcpt: false };

    /// Reads the values of all keywords known here. An ORCPT may be
    /// [mislabelled](Orcpt::is_mislabelled).
    ///
    /// # Errors
    ///
    /// [`Rule::ParameterValue`] for a value that does not fit, one too many or one missing. The
    /// offset is into the list.
    pub fn parse(all: Parameters<'a>) -> Result<Self, ParseError> {
        if all.is_empty() {
            return Ok(Self::EMPTY);
        }
        let mut read = Self { all, ..Self::EMPTY };
        for parameter in all.iter() {
            if let Err(error) = read.take(parameter) {
                return Err(error.shifted(all.place(parameter)));
            }
        }
        Ok(read)
    }

    fn take(&mut self, parameter: Parameter<'a>) -> Result<(), ParseError> {
        match RcptKeyword::of(parameter.keyword) {
            Some(RcptKeyword::Notify) => {
                self.notify = Some(Notify::parse(parameter.required_octets()?)?);
            }
            Some(RcptKeyword::Orcpt) => {
                Orcpt::check_received(parameter.required_octets()?)?;
                self.orcpt = true;
            }
            Some(RcptKeyword::Rrvs) => {
                Rrvs::parse(parameter.required()?)?;
            }
            Some(RcptKeyword::ConNeg) => parameter.alone()?,
            None => {}
        }
        Ok(())
    }

    /// `NOTIFY=` (RFC 3461 section 4.1).
    #[must_use]
    pub const fn notify(&self) -> Option<Notify> {
        self.notify
    }

    /// `ORCPT=` (RFC 3461 section 4.2).
    #[must_use]
    pub fn orcpt(&self) -> Option<Orcpt<'a>> {
        if !self.orcpt {
            return None;
        }
        Orcpt::checked(self.all.get("ORCPT")?.value()?)
    }

    /// `RRVS=` (RFC 7293 section 3.1).
    #[must_use]
    pub fn rrvs(&self) -> Option<Rrvs<'a>> {
        Rrvs::parse(self.all.get("RRVS")?.value()?).ok()
    }

    /// All parameters as received.
    #[must_use]
    pub const fn all(&self) -> Parameters<'a> {
        self.all
    }

    /// The parameters without a field of their own.
    pub fn others(&self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        self.all.iter().filter(|parameter| {
            let keyword = RcptKeyword::of(parameter.keyword);
            !matches!(keyword, Some(RcptKeyword::Notify | RcptKeyword::Orcpt))
        })
    }

    /// The extension that a parameter of RCPT belongs to; `None` for one that nobody here knows.
    #[must_use]
    pub fn extension(parameter: Parameter<'_>) -> Option<Extension> {
        RcptKeyword::of(parameter.keyword).map(RcptKeyword::extension)
    }
}
