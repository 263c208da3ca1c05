//! The parameters of MAIL and RCPT (RFC 5321 section 4.1.2, 4.1.1.11; G-37 to G-56).
//!
//! [`Parameters`] is a list whose syntax has been checked, [`MailParameters`] and
//! [`RcptParameters`] add the meaning of the keywords known here, [`ParameterList`] makes such a
//! list. What a server does not offer is the server's to refuse: see [`MailParameters::extension`].

mod date_time;
mod keyword;
mod list;
mod mail;
mod rare;
mod rcpt;
mod submitter;
#[cfg(test)]
mod tests;

use core::fmt;

use bytes::BufMut;

pub use self::date_time::DateTime;
pub use self::list::ParameterList;
pub(crate) use self::list::escape_into;
pub use self::mail::{Body, MailParameters, Ret};
pub use self::rare::{
    By, ByMode, Hold, IfRecipientChanged, MtPriority, Mtrk, Rrvs, Solicit, TransId,
};
pub use self::rcpt::{Notify, Orcpt, RcptParameters};
pub use self::submitter::AuthParameter;

use crate::domain;
use crate::error::{ParseError, Rule};
use crate::grammar::{self, Class, EQUALS, HIGH, LDH, VALUE, VISIBLE};
use crate::profile::Syntax;

/// More parameters than this on one command are refused.
pub(crate) const MAX_PARAMETERS: usize = 64;

/// One parameter: a keyword, and often a value.
///
/// Keywords are equal without regard to case; values are compared as they stand.
#[derive(Clone, Copy)]
pub struct Parameter<'a> {
    keyword: &'a [u8],
    value: Option<&'a [u8]>,
}

impl<'a> Parameter<'a> {
    /// Joins a keyword and a value.
    ///
    /// # Errors
    ///
    /// [`Rule::Parameter`] for a keyword that is not made of letters, digits and `-`, or a value
    /// with blanks, controls or `=`, or an empty one.
    pub fn new(keyword: &'a str, value: Option<&'a str>) -> Result<Self, ParseError> {
        let split = split_keyword(keyword.as_bytes());
        if split.ok_or(ParseError::at_start(Rule::Parameter))?.1 != b"" {
            return Err(ParseError::new(Rule::Parameter, keyword.len()));
        }
        match value {
            Some(value) if !grammar::all(value, value_class(keyword.as_bytes(), true)) => {
                Err(ParseError::new(Rule::Parameter, keyword.len() + 1))
            }
            _ => Ok(Self { keyword: keyword.as_bytes(), value: value.map(str::as_bytes) }),
        }
    }

    /// The keyword as received.
    #[must_use]
    pub fn keyword(&self) -> &'a str {
        grammar::text(self.keyword)
    }

    /// The value as received; `None` for a keyword that stands alone.
    #[must_use]
    pub fn value(&self) -> Option<&'a str> {
        self.value.map(grammar::text)
    }

    fn is(&self, keyword: &str) -> bool {
        self.keyword.eq_ignore_ascii_case(keyword.as_bytes())
    }

    /// The value of a keyword that must have one (G-38).
    fn required(&self) -> Result<&'a str, ParseError> {
        self.required_octets().map(grammar::text)
    }

    /// The same where its text is not needed.
    fn required_octets(&self) -> Result<&'a [u8], ParseError> {
        self.value.ok_or_else(|| ParseError::new(Rule::ParameterValue, 0))
    }

    /// Succeeds for a keyword that must stand alone, and does (G-38, G-52).
    fn alone(&self) -> Result<(), ParseError> {
        match self.value {
            None => Ok(()),
            Some(_) => Err(ParseError::new(Rule::ParameterValue, 0)),
        }
    }
}

impl PartialEq for Parameter<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.keyword.eq_ignore_ascii_case(other.keyword) && self.value == other.value
    }
}

impl Eq for Parameter<'_> {}

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({self})")
    }
}

impl fmt::Display for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())?;
        match self.value() {
            Some(value) => write!(f, "={value}"),
            None => Ok(()),
        }
    }
}

/// `esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")`
///
/// The keyword that the text begins with, and what follows it.
#[inline(always)]
fn split_keyword(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (keyword, behind) = grammar::split_run(text, LDH);
    if matches!(keyword, [] | [b'-', ..]) { None } else { Some((keyword, behind)) }
}

/// `esmtp-value = 1*(%d33-60 / %d62-126)`, with UTF-8 of RFC 6531 section 3.3 (G-16).
#[cold]
fn value_class(keyword: &[u8], utf8: bool) -> Class {
    let mut class = VALUE;
    if utf8 {
        class |= HIGH;
    }
    if keyword.eq_ignore_ascii_case(b"MTRK") {
        // Its value is base64, padded with what the grammar forbids (G-54).
        class |= EQUALS;
    }
    class
}

/// What follows the parameter that the text begins with; if there is none, from where on not.
///
/// ```text
/// esmtp-param = esmtp-keyword ["=" esmtp-value]
/// ```
#[inline(always)]
fn skip(text: &[u8], utf8: bool) -> Result<&[u8], &[u8]> {
    let (keyword, behind) = split_keyword(text).ok_or(text)?;
    let [b'=', value @ ..] = behind else { return Ok(behind) };
    let (_, mut behind) = grammar::split_run(value, if utf8 { VALUE | HIGH } else { VALUE });
    if behind.first() == Some(&b'=') {
        (_, behind) = grammar::split_run(behind, value_class(keyword, utf8));
    }
    if behind.len() == value.len() { Err(value) } else { Ok(behind) }
}

/// The parameters of one command in the order they came in, none of them twice (G-37, G-38).
#[derive(Clone, Copy, Default)]
pub struct Parameters<'a>(&'a [u8]);

impl<'a> Parameters<'a> {
    /// No parameters.
    pub const EMPTY: Self = Self(b"");

    /// Reads a list as it stands behind a path, without the blank before it.
    ///
    /// ```text
    /// Mail-parameters = esmtp-param *(SP esmtp-param)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rule::Utf8`], [`Rule::Parameter`], [`Rule::Spacing`] or [`Rule::DuplicateParameter`].
    pub fn parse(octets: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        let text = domain::utf8(octets)?.as_bytes();
        if text.is_empty() { Ok(Self::EMPTY) } else { Self::list(text, text, syntax) }
    }

    /// The list that goes from `start`, behind a path, to the end of the text.
    #[inline(always)]
    pub(crate) fn behind(
        text: &'a [u8],
        start: usize,
        syntax: &Syntax,
    ) -> Result<Self, ParseError> {
        if start == text.len() {
            return Ok(Self::EMPTY);
        }
        let list = grammar::space(text, start, syntax.relaxed)?;
        Self::list(text, text.get(list..).unwrap_or_default(), syntax)
    }

    /// The list that is all of the text, if it has nothing but ASCII and is well formed.
    #[inline(never)]
    pub(crate) fn everyday(text: &'a [u8]) -> Option<Self> {
        if mail::size_alone(text).is_some() {
            return Some(Self(text));
        }
        Self::list(text, text, &Syntax::INTERNET.with_utf8(false)).ok()
    }

    /// The list that is all of `text`, the end of `line`.
    #[inline(always)]
    fn list(line: &[u8], text: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        let offset = |rest: &[u8]| line.len() - rest.len();
        let mut seen = Seen::default();
        let mut next = text;
        loop {
            let failed = |rest: &[u8]| ParseError::new(Rule::Parameter, offset(rest));
            let behind = skip(next, syntax.utf8).map_err(failed)?;
            seen.note(text, next).map_err(|rule| ParseError::new(rule, offset(next)))?;
            next = match behind {
                [] => return Ok(Self(text)),
                [b' ', b' ', ..] if !syntax.relaxed => {
                    return Err(ParseError::new(Rule::Spacing, offset(behind) + 1));
                }
                [b' ', others @ ..] => grammar::skip_blanks(others),
                _ => return Err(failed(behind)),
            };
        }
    }

    /// The parameters one by one.
    #[must_use]
    pub const fn iter(&self) -> Iter<'a> {
        Iter { rest: self.0 }
    }

    /// The parameter of a keyword, in any case.
    #[must_use]
    pub fn get(&self, keyword: &str) -> Option<Parameter<'a>> {
        self.iter().find(|parameter| parameter.is(keyword))
    }

    /// Where one of them stands in the list.
    #[cold]
    fn place(&self, parameter: Parameter<'_>) -> usize {
        let mut others = self.iter();
        let mut rest = self.0;
        while others.next().is_some_and(|other| other != parameter) {
            rest = grammar::skip_blanks(others.rest);
        }
        self.0.len() - rest.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they can be sent to a server without SMTPUTF8 (G-17).
    #[must_use]
    pub const fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }

    /// The list as received.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        grammar::text(self.0)
    }

    /// Writes each parameter behind one SP.
    pub(crate) fn write(&self, out: &mut impl BufMut) {
        for parameter in self.iter() {
            out.put_u8(b' ');
            out.put_slice(parameter.keyword);
            if let Some(value) = parameter.value {
                out.put_u8(b'=');
                out.put_slice(value);
            }
        }
    }
}

/// Finds a keyword that comes twice.
///
/// A bit for what a keyword looks like from afar keeps the usual list from being compared; when it
/// is set already, the list so far is gone through again, and the list is short.
#[derive(Default)]
struct Seen {
    looks: u64,
    count: usize,
}

impl Seen {
    /// Takes note of the parameter that `next` begins with, the end of `list`.
    #[inline(always)]
    fn note(&mut self, list: &[u8], next: &[u8]) -> Result<(), Rule> {
        // A keyword of one letter looks the same with a value and without one.
        let (first, second) = match *next {
            [first, b'=', ..] | [first] => (first, 0),
            [first, second, ..] => (first, second),
            [] => (0, 0),
        };
        let look = (u32::from(first & 0xdf) * 5 + u32::from(second & 0xdf)) & 63;
        let bit = 1 << look;
        self.count += 1;
        if self.count > MAX_PARAMETERS {
            return Err(Rule::Parameter);
        }
        if self.looks & bit != 0 && is_repeated(list, next) {
            return Err(Rule::DuplicateParameter);
        }
        self.looks |= bit;
        Ok(())
    }
}

/// Whether the keyword that `next` begins with stands in front of it in `list` already.
#[cold]
fn is_repeated(list: &[u8], next: &[u8]) -> bool {
    let earlier = Parameters(grammar::part(list, 0, list.len() - next.len()));
    let (keyword, _) = grammar::split_run(next, LDH);
    earlier.get(grammar::text(keyword)).is_some()
}

impl PartialEq for Parameters<'_> {
    /// The same parameters in the same order.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.iter().eq(other.iter())
    }
}

impl Eq for Parameters<'_> {}

impl fmt::Debug for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameters({:?})", self.as_str())
    }
}

impl fmt::Display for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'a> IntoIterator for Parameters<'a> {
    type Item = Parameter<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The parameters of a list, in order.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Parameter<'a>;

    #[inline]
    fn next(&mut self) -> Option<Parameter<'a>> {
        // Nearly all lists are empty, or soon are.
        self.rest = grammar::skip_blanks(self.rest);
        if self.rest.is_empty() { None } else { Some(self.split()) }
    }
}

impl<'a> Iter<'a> {
    /// Splits off the parameter that the rest begins with.
    #[inline(never)]
    fn split(&mut self) -> Parameter<'a> {
        let (keyword, behind) = grammar::split_run(self.rest, LDH);
        let (value, rest) = match behind {
            [b'=', value @ ..] => {
                let (value, rest) = grammar::split_run(value, VISIBLE | HIGH);
                (Some(value), rest)
            }
            _ => (None, behind),
        };
        self.rest = rest;
        Parameter { keyword, value }
    }
}
