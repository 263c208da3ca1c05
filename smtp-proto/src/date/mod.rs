//! Moments, and dates as header fields have them (RFC 5322 section 3.3).
//!
//! This crate has no clock: the time always comes from the caller.

mod read;
#[cfg(test)]
mod tests;

use core::fmt;
use core::time::Duration;

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// A moment: seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// It always lies in the years 1900 to 9999, since a date with another year cannot be written (RFC
/// 5322 section 3.3): a clock that is wrong still gives a field that can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1900-01-01T00:00:00Z.
    const FIRST: i64 = -2_208_988_800;
    /// 9999-12-31T23:59:59Z.
    const LAST: i64 = 253_402_300_799;

    /// The moment so many seconds after 1970-01-01T00:00:00Z, or the nearest one of the years 1900 to
    /// 9999.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        if seconds < Self::FIRST {
            Self(Self::FIRST)
        } else if seconds > Self::LAST {
            Self(Self::LAST)
        } else {
            Self(seconds)
        }
    }

    /// The seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The moment so much later, whole seconds only.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// The time that has passed since `earlier`; none when that lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

#[cfg(feature = "std")]
impl From<std::time::SystemTime> for Timestamp {
    /// The whole second that a clock shows, for those who have one.
    fn from(time: std::time::SystemTime) -> Self {
        match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Self(0).plus(since),
            Err(before) => {
                let before = before.duration();
                let seconds = before.as_secs().saturating_add(u64::from(before.subsec_nanos() > 0));
                Self::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_neg())
            }
        }
    }
}

/// A date and time as it is written into a header field: a [`Timestamp`] and the offset from UTC that
/// it is shown at.
///
/// ```
/// # use smtp_proto::date::{Date, Timestamp};
/// let date = Date::utc(Timestamp::from_unix(1_767_614_400));
/// assert_eq!(date.to_string(), "Mon, 05 Jan 2026 12:00:00 +0000");
/// assert_eq!(Date::parse("Mon, 5 Jan 2026 13:00:00 +0100 (CET)")?.time(), date.time());
/// # Ok::<(), smtp_proto::date::NotADate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Date {
    time: Timestamp,
    /// Minutes ahead of UTC.
    offset: i16,
}

/// A text is not a date and time of RFC 5322.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time")]
pub struct NotADate;

impl Date {
    /// The longest offset, in minutes.
    const MOST: i16 = 99 * 60 + 59;

    /// A moment, shown in UTC.
    #[must_use]
    pub const fn utc(time: Timestamp) -> Self {
        Self { time, offset: 0 }
    }

    /// A moment, shown so many minutes ahead of UTC: 60 for `+0100`. `None` where that cannot be
    /// written: more than `9959` either way, or a local time before 1900 or after 9999.
    #[must_use]
    pub fn at_offset(time: Timestamp, minutes: i16) -> Option<Self> {
        let local = time.0 + i64::from(minutes) * 60;
        let fits = (Timestamp::FIRST..=Timestamp::LAST).contains(&local);
        (fits && (-Self::MOST..=Self::MOST).contains(&minutes))
            .then_some(Self { time, offset: minutes })
    }

    /// Reads a date, the obsolete forms and comments included (RFC 5322 section 3.3 and 4.3).
    ///
    /// A name of a zone that is not known counts as `-0000`. Whether the day of the week is the
    /// right one is not looked at.
    ///
    /// # Errors
    ///
    /// [`NotADate`].
    pub fn parse(text: &str) -> Result<Self, NotADate> {
        read::date_time(text).ok_or(NotADate)
    }

    /// The moment.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// The minutes ahead of UTC.
    #[must_use]
    pub const fn offset(&self) -> i16 {
        self.offset
    }
}

impl From<Timestamp> for Date {
    /// Shown in UTC.
    fn from(time: Timestamp) -> Self {
        Self::utc(time)
    }
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Mon, 05 Jan 2026 12:00:00 +0000`: always of this length.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.time.0 + i64::from(self.offset) * 60;
        let (days, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        // 1970-01-01 was a Thursday.
        let weekday = name(&WEEKDAYS, days + 3);
        let month = name(&MONTHS, month - 1);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let sign = if self.offset < 0 { '-' } else { '+' };
        let (ahead, minutes) = (self.offset.abs() / 60, self.offset.abs() % 60);
        write!(f, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} ")?;
        write!(f, "{sign}{ahead:02}{minutes:02}")
    }
}

/// The name of a number that counts round and round.
fn name<const N: usize>(names: &[&'static str; N], number: i64) -> &'static str {
    let place = i64::try_from(N).ok().and_then(|all| number.checked_rem_euclid(all));
    let place = place.and_then(|place| usize::try_from(place).ok());
    place.and_then(|place| names.get(place)).copied().unwrap_or_default()
}

/// The days of 400 years, after which the calendar begins anew.
const ERA: i64 = 146_097;
/// The days from 0000-03-01 to 1970-01-01. Years that begin in March have their leap day last.
const EPOCH: i64 = 719_468;

/// Year, month and day of the month of a day counted from 1970-01-01.
const fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on, each five months have 153 days.
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + if month <= 2 { 1 } else { 0 };
    (year, month, of_month)
}

/// The day counted from 1970-01-01; the reverse of [`civil`].
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA + year * 365 + year / 4 - year / 100 + of_year - EPOCH
}
