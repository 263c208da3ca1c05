//! The meaning of RCPT's parameters.

use core::fmt;

use crate::error::{ParseError, Rule};
use crate::extension::Extension;
use crate::grammar::{self, ATEXT};
use crate::parameter::mail::find;
use crate::parameter::rare::Rrvs;
use crate::parameter::{Parameter, Parameters};
use crate::xtext::Xtext;

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

    const NAMED: [(&'static str, Self); 3] = [
        ("SUCCESS", Self::SUCCESS),
        ("FAILURE", Self::FAILURE),
        ("DELAY", Self::DELAY),
    ];

    /// The reports of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all reports of `other` are asked for; for [`Notify::NEVER`], whether none is.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        if other.0 == 0 {
            self.0 == 0
        } else {
            self.0 & other.0 == other.0
        }
    }

    /// ```text
    /// notify-esmtp-value  = "NEVER" / 1#notify-list-element
    /// notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"
    /// ```
    fn parse(value: &str) -> Result<Self, ParseError> {
        if value.eq_ignore_ascii_case("NEVER") {
            return Ok(Self::NEVER);
        }
        value.split(',').try_fold(Self::NEVER, |set, element| {
            let named = Self::NAMED
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(element));
            named
                .map(|&(_, one)| set.and(one))
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
    /// ```text
    /// original-recipient-address = addr-type ";" ( xtext / utf-8-enc-addr )
    /// addr-type                  = atom
    /// ```
    pub(super) fn parse(text: &'a str) -> Result<Self, ParseError> {
        let failed = || ParseError::new(Rule::ParameterValue, 0);
        let (addr_type, address) = text.split_once(';').ok_or_else(failed)?;
        let address_fits = if addr_type.eq_ignore_ascii_case("utf-8") {
            utf8_address(address)
        } else {
            Xtext::parse(address)
                .is_ok_and(|xtext| xtext.decoded().all(|octet| matches!(octet, 32..=126)))
        };
        if grammar::all(addr_type, ATEXT) && !address.is_empty() && address_fits {
            Ok(Self {
                text,
                semicolon: addr_type.len(),
            })
        } else {
            Err(failed())
        }
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

/// ```text
/// utf-8-enc-addr         = utf-8-addr-xtext / utf-8-addr-unitext / utf-8-address
/// EmbeddedUnicodeChar    = %x5C.78 "{" HEXPOINT "}"   ; starts with "\x"
/// QCHAR                  = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e
/// ```
///
/// Characters beyond ASCII stand for themselves where the command itself may hold them.
fn utf8_address(address: &str) -> bool {
    let mut rest = address;
    while let Some(c) = rest.chars().next() {
        let Some(escape) = rest.strip_prefix("\\x{") else {
            if matches!(c, '+' | '=' | '\\' | '\0'..=' ' | '\x7f') {
                return false;
            }
            rest = grammar::tail(rest, c.len_utf8());
            continue;
        };
        let Some((digits, behind)) = escape.split_once('}') else {
            return false;
        };
        if !hexpoint(digits) {
            return false;
        }
        rest = behind;
    }
    true
}

/// The number of a character that may not stand for itself, without useless zeros.
///
/// ```text
/// HEXPOINT = ( ( "0" / "1" ) %x31-39 ) / "10" / "20" / "2B" / "3D" / "7F" / "5C" /
///            ( HEXDIG8 HEXDIG ) / 3 to 6 digits without surrogates
/// ```
fn hexpoint(digits: &str) -> bool {
    let number = u32::from_str_radix(digits, 16)
        .ok()
        .filter(|_| !digits.starts_with('+'));
    let Some(c) = number.and_then(char::from_u32) else {
        return false;
    };
    let escaped = matches!(c, '\x01'..=' ' | '+' | '=' | '\\' | '\x7f') || !c.is_ascii();
    escaped && (digits.len() == 2 || (3..=6).contains(&digits.len()) && !digits.starts_with('0'))
}

/// The parameters of a RCPT command, those known here with their meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RcptParameters<'a> {
    all: Parameters<'a>,
    orcpt: Option<Orcpt<'a>>,
    notify: Option<Notify>,
}

impl<'a> RcptParameters<'a> {
    /// None at all.
    pub const EMPTY: Self = Self {
        all: Parameters::EMPTY,
        orcpt: None,
        notify: None,
    };

    /// Reads the values of all keywords known here.
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
        let mut parameters = all.iter();
        let mut offset = 0;
        while let Some(parameter) = parameters.next() {
            read.take(parameter)
                .map_err(|error| error.shifted(offset))?;
            offset = parameters.next;
        }
        Ok(read)
    }

    fn take(&mut self, parameter: Parameter<'a>) -> Result<(), ParseError> {
        if parameter.is("NOTIFY") {
            self.notify = Some(Notify::parse(parameter.required()?)?);
        } else if parameter.is("ORCPT") {
            self.orcpt = Some(Orcpt::parse(parameter.required()?)?);
        } else if parameter.is("RRVS") {
            Rrvs::parse(parameter.required()?)?;
        } else if parameter.is("CONNEG") {
            parameter.alone()?;
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
    pub const fn orcpt(&self) -> Option<Orcpt<'a>> {
        self.orcpt
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
        self.all
            .iter()
            .filter(|parameter| !parameter.is("NOTIFY") && !parameter.is("ORCPT"))
    }

    /// The extension that brings a keyword of RCPT; `None` for one that nobody here knows.
    #[must_use]
    pub fn extension(keyword: &str) -> Option<Extension> {
        const TABLE: [(&str, Extension); 4] = [
            ("NOTIFY", Extension::Dsn),
            ("ORCPT", Extension::Dsn),
            ("RRVS", Extension::Rrvs),
            ("CONNEG", Extension::ConNeg),
        ];
        find(&TABLE, keyword)
    }
}
