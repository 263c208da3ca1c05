//! The values of attributes: which are allowed, and how they are coded.

use alloc::{borrow::Cow, string::String};
use core::ops::Deref;

use super::{Attribute, AttributeSet, address_of};
use crate::error::{ParseError, Rule};
use crate::xtext::Xtext;

/// The most octets of a value on the wire (XCLIENT_README, note 1).
const MAX: usize = 255;

/// The most octets of XFORWARD's PROTO.
const MAX_PROTOCOL: usize = 64;

/// A value, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value<T> {
    /// `[UNAVAILABLE]`: it is not known.
    Unavailable,
    /// `[TEMPUNAVAIL]`: it is not known at present. Only XCLIENT's NAME.
    TempUnavail,
    /// This.
    Known(T),
}

impl<T> Value<T> {
    /// The value, if it is known.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unavailable | Self::TempUnavail => None,
        }
    }

    /// The same with what `change` makes of a known value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Value<U> {
        match self {
            Self::Unavailable => Value::Unavailable,
            Self::TempUnavail => Value::TempUnavail,
            Self::Known(value) => Value::Known(change(value)),
        }
    }

    /// The same, if `change` makes something of a known value.
    pub(super) fn and_then<U>(self, change: impl FnOnce(T) -> Option<U>) -> Option<Value<U>> {
        match self {
            Self::Unavailable => Some(Value::Unavailable),
            Self::TempUnavail => Some(Value::TempUnavail),
            Self::Known(value) => change(value).map(Value::Known),
        }
    }

    /// The same, borrowed.
    pub fn as_deref(&self) -> Value<&T::Target>
    where
        T: Deref,
    {
        match self {
            Self::Unavailable => Value::Unavailable,
            Self::TempUnavail => Value::TempUnavail,
            Self::Known(value) => Value::Known(&**value),
        }
    }
}

/// To which of the two commands an attribute belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    XClient,
    XForward,
}

impl Family {
    pub(crate) const fn attributes(self) -> AttributeSet {
        match self {
            Self::XClient => AttributeSet::XCLIENT,
            Self::XForward => AttributeSet::XFORWARD,
        }
    }

    /// Checks a value that was decoded.
    pub(super) fn check(self, attribute: Attribute, value: &Value<&str>) -> Result<(), ParseError> {
        if !self.attributes().contains(attribute) {
            return Err(ParseError::at_start(Rule::Attribute));
        }
        let fits = match value {
            Value::Unavailable => self == Self::XForward || attribute != Attribute::Proto,
            Value::TempUnavail => self == Self::XClient && attribute == Attribute::Name,
            Value::Known(text) => {
                super::encoded(value).len() <= MAX
                    && special(text).is_none()
                    && self.takes(attribute, text)
            }
        };
        if fits { Ok(()) } else { Err(ParseError::at_start(Rule::AttributeValue)) }
    }

    fn takes(self, attribute: Attribute, text: &str) -> bool {
        let one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        match (self, attribute) {
            (_, Attribute::Port | Attribute::DestPort) => {
                text.bytes().all(|octet| octet.is_ascii_digit()) && text.parse::<u16>().is_ok()
            }
            (Self::XClient, Attribute::Addr | Attribute::DestAddr) => address_of(text).is_some(),
            (Self::XClient, Attribute::Proto) => one_of(&["SMTP", "ESMTP"]),
            // The name of a user may hold what a header may not.
            (Self::XClient, Attribute::Login) => {
                !text.is_empty() && !text.chars().any(char::is_control)
            }
            (Self::XClient, _) => is_visible(text),
            (Self::XForward, Attribute::Source) => one_of(&["LOCAL", "REMOTE"]),
            (Self::XForward, Attribute::Proto) if text.len() > MAX_PROTOCOL => false,
            (Self::XForward, _) => is_visible(text) && !text.contains(is_special),
        }
    }
}

/// What is special in a header and not found in addresses, names and identifiers.
const fn is_special(c: char) -> bool {
    matches!(c, '<' | '>' | '(' | ')' | '\\' | '"' | ';' | ',' | '@')
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic())
}

/// The value that stands for none.
fn special(text: &str) -> Option<Value<&str>> {
    if text.eq_ignore_ascii_case("[UNAVAILABLE]") {
        Some(Value::Unavailable)
    } else if text.eq_ignore_ascii_case("[TEMPUNAVAIL]") {
        Some(Value::TempUnavail)
    } else {
        None
    }
}

/// Reads a value from the wire. What is not xtext is taken as it is: old senders do not encode
/// (G-36).
pub(crate) fn decode(
    family: Family,
    attribute: Attribute,
    text: &str,
) -> Result<Value<Cow<'_, str>>, ParseError> {
    let failed = || ParseError::at_start(Rule::AttributeValue);
    if text.len() > MAX {
        return Err(failed());
    }
    if let Some(value) = special(text) {
        family.check(attribute, &value)?;
        return Ok(value.map(Cow::Borrowed));
    }
    let decoded = match Xtext::parse(text) {
        Ok(xtext) if text.contains('+') => {
            Cow::Owned(String::from_utf8(xtext.decode()).map_err(|_| failed())?)
        }
        _ => Cow::Borrowed(text),
    };
    // What was not encoded is longer once it is, and has to fit then too.
    family.check(attribute, &Value::Known(&*decoded))?;
    Ok(Value::Known(decoded))
}
