//! What an EHLO line says behind the keyword, for extensions that few sessions use.

use core::fmt;

use super::{Capabilities, Extension};
use crate::{
    error::{ParseError, Rule},
    parameter::{DateTime, Hold, Solicit},
};

/// How far ahead a server lets messages be released: the two arguments of FUTURERELEASE (RFC 4865
/// section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FutureRelease {
    max_interval: u32,
    max_date_time: DateTime,
}

impl FutureRelease {
    /// The longest `HOLDFOR=`, in seconds, and the latest `HOLDUNTIL=`.
    ///
    /// # Errors
    /// [`Rule::ParameterValue`] for an interval outside 1 to 999,999,999.
    pub const fn new(max_interval: u32, max_date_time: DateTime) -> Result<Self, ParseError> {
        match max_interval {
            1..=999_999_999 => Ok(Self { max_interval, max_date_time }),
            _ => Err(ParseError::at_start(Rule::ParameterValue)),
        }
    }

    /// Reads both arguments, as they stand in an EHLO line.
    pub(crate) fn parse(arguments: &str) -> Option<Self> {
        let mut words = arguments.split_ascii_whitespace();
        let (interval, date_time) = (words.next()?, words.next()?);
        if words.next().is_some() || interval.starts_with(['0', '+']) {
            return None;
        }
        Self::new(interval.parse().ok()?, DateTime::parse(date_time).ok()?).ok()
    }

    /// The longest `HOLDFOR=`, in seconds.
    pub const fn max_interval(&self) -> u32 {
        self.max_interval
    }

    /// The latest `HOLDUNTIL=`.
    pub const fn max_date_time(&self) -> DateTime {
        self.max_date_time
    }

    /// Whether a message may be held so long.
    pub fn allows(&self, hold: Hold<'_>) -> bool {
        match hold {
            Hold::For(seconds) => seconds <= self.max_interval,
            Hold::Until(_) => hold.until().is_some_and(|time| time <= self.max_date_time),
        }
    }
}

/// As in an EHLO line.
impl fmt::Display for FutureRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.max_interval, self.max_date_time)
    }
}

impl<'a> Capabilities<'a> {
    /// The shortest time that `BY=` may set for a message to be returned, in seconds (RFC 2852
    /// section 2); `None` where DELIVERBY is not offered or tells none.
    pub fn deliver_by_minimum(&self) -> Option<u32> {
        let arguments = self.arguments(Extension::DeliverBy)?;
        let digits = arguments.split([',', ' ']).next()?;
        let wellformed =
            matches!(digits.len(), 1..=9) && digits.bytes().all(|d| d.is_ascii_digit());
        digits.parse().ok().filter(|_| wellformed)
    }

    /// How far ahead messages may be released; `None` where FUTURERELEASE is not offered, or not as
    /// RFC 4865 says.
    pub fn future_release(&self) -> Option<FutureRelease> {
        FutureRelease::parse(self.arguments(Extension::FutureRelease)?)
    }

    /// The name of the profile by which priorities are meant (RFC 6710 section 8), if MT-PRIORITY is
    /// offered with one.
    pub fn priority_profile(&self) -> Option<&'a str> {
        self.arguments(Extension::MtPriority).filter(|name| is_profile(name))
    }

    /// The classes of solicitations that are not wanted (RFC 3865 section 2.1); `None` where
    /// NO-SOLICITING is not offered or names none.
    pub fn unwanted_solicitations(&self) -> Option<Solicit<'a>> {
        Solicit::parse(self.arguments(Extension::NoSoliciting)?).ok()
    }

    /// The arguments of an offered extension; `None` where there are none.
    fn arguments(&self, extension: Extension) -> Option<&'a str> {
        if !self.offers(extension) {
            return None;
        }
        self.parameters(extension.keyword()).map(str::trim_ascii).filter(|text| !text.is_empty())
    }
}

/// `priority-profile = 1*20(ALPHA / DIGIT / "-" / "_" / ".")` (RFC 6710 section 7)
pub(crate) fn is_profile(name: &str) -> bool {
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
    matches!(name.len(), 1..=20) && name.bytes().all(fits)
}
