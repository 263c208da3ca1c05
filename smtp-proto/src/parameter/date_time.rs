//! Date and time of the Internet (RFC 3339 section 5.6), as parameter values have them.

use core::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::character::complete::{char, digit1};
use nom::combinator::{map, opt, recognize, value, verify};
use nom::sequence::{preceded, separated_pair, terminated};

use crate::error::{ParseError, Rule};
use crate::grammar::{self, Parsed};

const DAY: i64 = 24 * 60 * 60;
/// The days from 0000-03-01, where counting is easy as leap days come last, to 1970-01-01.
const EPOCH: i64 = 719_468;
/// The days of 400 years, after which the calendar begins anew.
const ERA: i64 = 146_097;
/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z, as seconds since 1970-01-01T00:00:00Z.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

/// A moment, to the second: what parameters with a date and time are compared by.
///
/// It is the same moment however it is spelled, so one with another offset from UTC is equal; it is
/// written in UTC. A leap second is the moment of the second behind it. One that UTC has before the year 0 or
/// behind the year 9999, where it could not be written, is the first or the last moment of these.
///
/// ```
/// # use smtp_proto::parameter::DateTime;
/// let release = DateTime::parse("2026-12-31T23:59:59Z")?;
/// assert_eq!(release, DateTime::parse("2027-01-01T00:59:59+01:00")?);
/// assert_eq!(release.unix(), 1_798_761_599);
/// # Ok::<(), smtp_proto::error::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(i64);

impl DateTime {
    /// Reads a date and time of RFC 3339 with any offset. A fraction of a second is dropped.
    ///
    /// # Errors
    ///
    /// [`Rule::ParameterValue`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        grammar::whole(text, moment).map(Self).ok_or(ParseError::at_start(Rule::ParameterValue))
    }

    /// The moment so many seconds after 1970-01-01T00:00:00Z; `None` outside the years 0 to 9999,
    /// which could not be written.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Option<Self> {
        if seconds < FIRST || seconds > LAST { None } else { Some(Self(seconds)) }
    }

    /// The seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }
}

/// `2026-12-31T23:59:59Z`
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let days = days + EPOCH;
        let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
        let year = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        // From March on, five months have 153 days.
        let month = (5 * day + 2) / 153;
        let mday = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{mday:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// A date and time as a moment.
fn moment(text: &str) -> Parsed<'_, i64> {
    let parts = separated_pair(full_date, grammar::string("T"), full_time_with_fraction);
    map(verify(parts, is_real), |((year, month, day), (minute, second))| {
        let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
        let year = if month <= 2 { year - 1 } else { year };
        let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
        let days = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * ERA + year * 365 + year / 4 - year / 100 + days - EPOCH;
        (days * DAY + i64::from(minute) * 60 + i64::from(second)).clamp(FIRST, LAST)
    })
    .parse(text)
}

/// Where in a year a minute of UTC lies.
struct Minute {
    month: u8,
    /// The day of the month as written, thus where it is written.
    day: u8,
    /// From the start of that day. Where it is written may be almost a day ahead or behind.
    minute: i16,
}

impl Minute {
    /// Whether a second 60 may end it: "at the end of months in which a leap second occurs -- to
    /// date: June or December" (RFC 3339 section 5.7).
    const fn may_be_long(&self) -> bool {
        const DAY: i16 = 24 * 60;
        const SAME: i16 = DAY - 1;
        const BEFORE: i16 = SAME - DAY;
        const BEHIND: i16 = SAME + DAY;
        matches!(
            (self.month, self.day, self.minute),
            (6, 30, SAME)
                | (12, 31, SAME)
                | (7 | 1, 1, BEFORE)
                | (6, 29, BEHIND)
                | (12, 30, BEHIND)
        )
    }
}

/// `date-time = full-date "T" full-time`, with a fraction of a second or without one.
pub(super) fn date_time_with_fraction(text: &str) -> Parsed<'_, &str> {
    recognize(moment).parse(text)
}

/// `date-time` without a fraction.
///
/// ```text
/// time-second = 2DIGIT ; 00-58, 00-59, 00-60 based on leap second rules
/// ```
///
/// Which year had a leap second is not known here.
pub(super) fn date_time(text: &str) -> Parsed<'_, &str> {
    let parts = separated_pair(full_date, grammar::string("T"), full_time);
    recognize(verify(parts, is_real)).parse(text)
}

/// A day, and the minute and second of it.
type Parts = ((u16, u8, u8), (i16, u8));

fn is_real(&((_, month, day), (minute, second)): &Parts) -> bool {
    second < 60 || Minute { month, day, minute }.may_be_long()
}

/// `full-date = date-fullyear "-" date-month "-" date-mday`
///
/// ```text
/// date-mday = 2DIGIT ; 01-28, 01-29, 01-30, 01-31 based on month/year
/// ```
///
/// The year, the month and its day.
fn full_date(text: &str) -> Parsed<'_, (u16, u8, u8)> {
    let date = (terminated(date_fullyear, char('-')), terminated(date_month, char('-')), date_mday);
    verify(date, |&(year, month, day)| day <= days(year, month)).parse(text)
}

/// `date-fullyear = 4DIGIT`
fn date_fullyear(text: &str) -> Parsed<'_, u16> {
    grammar::number(4..=4, ..).parse(text)
}

/// `date-month = 2DIGIT ; 01-12`
fn date_month(text: &str) -> Parsed<'_, u8> {
    grammar::number(2..=2, 1..=12).parse(text)
}

/// `date-mday = 2DIGIT`
fn date_mday(text: &str) -> Parsed<'_, u8> {
    grammar::number(2..=2, 1..=31).parse(text)
}

/// The days of a month (RFC 3339 section 5.7 and appendix C).
const fn days(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `full-time = partial-time time-offset`
///
/// The minute of the day in UTC, which may lie on the day before or behind, and the second.
fn full_time(text: &str) -> Parsed<'_, (i16, u8)> {
    let parts = (partial_time, time_offset);
    map(parts, |((minute, second), offset)| (minute - offset, second)).parse(text)
}

/// `full-time` with `[time-secfrac]`.
fn full_time_with_fraction(text: &str) -> Parsed<'_, (i16, u8)> {
    let parts = (terminated(partial_time, opt(time_secfrac)), time_offset);
    map(parts, |((minute, second), offset)| (minute - offset, second)).parse(text)
}

/// `time-secfrac = "." 1*DIGIT`
fn time_secfrac(text: &str) -> Parsed<'_, &str> {
    preceded(char('.'), digit1).parse(text)
}

/// `partial-time = time-hour ":" time-minute ":" time-second`
///
/// The minute of the day, and the second.
fn partial_time(text: &str) -> Parsed<'_, (i16, u8)> {
    separated_pair(hour_and_minute, char(':'), time_second).parse(text)
}

/// `time-hour ":" time-minute`, in minutes.
fn hour_and_minute(text: &str) -> Parsed<'_, i16> {
    let parts = separated_pair(time_hour, char(':'), time_minute);
    map(parts, |(hour, minute)| hour * 60 + minute).parse(text)
}

/// `time-hour = 2DIGIT ; 00-23`
fn time_hour(text: &str) -> Parsed<'_, i16> {
    grammar::number(2..=2, ..=23).parse(text)
}

/// `time-minute = 2DIGIT ; 00-59`
fn time_minute(text: &str) -> Parsed<'_, i16> {
    grammar::number(2..=2, ..=59).parse(text)
}

/// `time-second = 2DIGIT`
fn time_second(text: &str) -> Parsed<'_, u8> {
    grammar::number(2..=2, ..=60).parse(text)
}

/// `time-offset = "Z" / time-numoffset`
///
/// The minutes by which it is ahead of UTC.
fn time_offset(text: &str) -> Parsed<'_, i16> {
    alt((value(0, grammar::string("Z")), time_numoffset)).parse(text)
}

/// `time-numoffset = ("+" / "-") time-hour ":" time-minute`
fn time_numoffset(text: &str) -> Parsed<'_, i16> {
    let ahead = preceded(char('+'), hour_and_minute);
    let behind = preceded(char('-'), hour_and_minute);
    alt((ahead, map(behind, |minutes| -minutes))).parse(text)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn is_date_time(text: &str) -> bool {
        grammar::whole(text, date_time) == Some(text)
    }

    #[test]
    fn known_answers() {
        for text in [
            "2026-12-31T23:59:59Z",
            "0000-01-01t00:00:00z",
            "9999-12-31T23:59:59+23:59",
            "2026-06-15T12:00:00-00:00",
            "2026-04-30T00:00:00-23:59",
            // Leap years.
            "2024-02-29T00:00:00Z",
            "2000-02-29T00:00:00Z",
            "0000-02-29T00:00:00Z",
            // Leap seconds, the first two from RFC 3339 section 5.8.
            "1990-12-31T23:59:60Z",
            "1990-12-31T15:59:60-08:00",
            "1991-01-01T00:59:60+01:00",
            "1994-06-30T23:59:60+00:00",
            "1994-07-01T05:29:60+05:30",
            "1994-07-01T23:58:60+23:59",
            "1994-06-30T00:00:60-23:59",
            "1994-06-30T19:29:60-04:30",
        ] {
            assert!(is_date_time(text), "{text}");
        }
        for text in [
            "",
            "2026-12-31",
            "2026-12-31T23:59:59",
            "2026-12-31 23:59:59Z",
            "26-12-31T23:59:59Z",
            "12026-12-31T23:59:59Z",
            "2026-1-31T23:59:59Z",
            "2026-12-31T23:59Z",
            "2026-12-31T23:59:5Z",
            "2026-12-31T23:59:59.5Z",
            "2026-12-31T23:59:59ZZ",
            "2026-12-31T23:59:59+0100",
            "2026-12-31T23:59:59+24:00",
            "2026-12-31T23:59:59+01:60",
            "2026-12-31T23:59:59+1:00",
            "2026-12-31T23:59:59*01:00",
            "+026-12-31T23:59:59Z",
            "2026-+1-31T23:59:59Z",
            "2026-00-31T23:59:59Z",
            "2026-13-31T23:59:59Z",
            "2026-12-00T23:59:59Z",
            "2026-12-32T23:59:59Z",
            "2026-04-31T23:59:59Z",
            "2026-12-31T24:00:00Z",
            "2026-12-31T23:60:00Z",
            "2026-12-31T23:59:61Z",
            "2026-12-31T23:59:\u{665}\u{669}Z",
            // No leap years.
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2024-02-30T00:00:00Z",
            // No leap seconds.
            "1990-12-31T23:58:60Z",
            "1990-12-31T22:59:60Z",
            "1990-12-30T23:59:60Z",
            "1990-10-31T23:59:60Z",
            "1990-12-31T23:59:60-08:00",
            "1990-12-31T15:59:60+08:00",
            "1991-01-01T23:59:60Z",
            "1994-07-01T23:59:60+23:59",
            "1994-07-02T00:59:60+01:00",
        ] {
            assert!(!is_date_time(text), "{text}");
        }
    }

    #[test]
    fn a_moment_that_utc_cannot_write_is_the_nearest_that_it_can() {
        for (text, written) in [
            ("9999-12-31T23:59:60Z", "9999-12-31T23:59:59Z"),
            ("9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59Z"),
            ("9999-12-31T23:59:58Z", "9999-12-31T23:59:58Z"),
            ("0000-01-01T00:00:00+00:01", "0000-01-01T00:00:00Z"),
            ("0000-01-01T00:00:01Z", "0000-01-01T00:00:01Z"),
        ] {
            let moment = DateTime::parse(text).unwrap();
            assert_eq!(moment.to_string(), written);
            assert_eq!(DateTime::from_unix(moment.unix()), Some(moment));
        }
    }

    #[test]
    fn moments() {
        for (text, unix) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59Z", -1),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-12-31T23:59:59Z", 1_798_761_599),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            let moment = DateTime::parse(text).unwrap();
            assert_eq!(moment.unix(), unix, "{text}");
            assert_eq!(alloc::format!("{moment}"), text);
            assert_eq!(DateTime::from_unix(unix), Some(moment));
        }
        // A fraction is no part of the moment, but what is behind its dot are digits.
        let split = DateTime::parse("2026-12-31T23:59:59.987Z").unwrap();
        assert_eq!(split, DateTime::parse("2026-12-31T23:59:59Z").unwrap());
        for bad in ["2026-12-31T23:59:59.Z", "2026-12-31T23:59:59,9Z", "2026-12-31T23:59:59.9.9Z"] {
            assert!(DateTime::parse(bad).is_err(), "{bad}");
        }
        let leap = DateTime::parse("1990-12-31T15:59:60-08:00").unwrap();
        assert_eq!(leap, DateTime::parse("1991-01-01T00:00:00Z").unwrap());
        assert!(DateTime::parse("2026-02-29T00:00:00Z").is_err());
        assert_eq!(DateTime::from_unix(-62_167_219_201), None);
        assert_eq!(DateTime::from_unix(253_402_300_800), None);
        // Every day of some years follows the one before it.
        for day in (-800..300_000).step_by(31) {
            let moment = DateTime::from_unix(day * DAY + 3).unwrap();
            assert_eq!(DateTime::parse(&alloc::format!("{moment}")), Ok(moment));
        }
    }

    #[test]
    fn every_month_has_its_days() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in (1..).zip(lengths) {
            for day in 1..=31 {
                let text = alloc::format!("2026-{month:02}-{day:02}T00:00:00Z");
                assert_eq!(is_date_time(&text), day <= length, "{text}");
            }
        }
    }
}
