//! Reading dates (RFC 5322 section 3.3, 4.3).

use super::{DAY, Date, MONTHS, Timestamp, WEEKDAYS, civil, days};

/// More nested comments than this are no date.
const MAX_COMMENTS: usize = 8;

/// ```text
/// date-time   = [ day-of-week "," ] date time [CFWS]
/// day-of-week = ([FWS] day-name) / obs-day-of-week
/// date        = day month year
/// time        = time-of-day zone
/// ```
pub(super) fn date_time(text: &str) -> Option<Date> {
    let mut words = Words { rest: text.trim_matches(BLANKS) };
    let first = words.peek()?;
    if first.starts_with(|c: char| c.is_ascii_alphabetic()) {
        words.next()?;
        WEEKDAYS.iter().find(|name| name.eq_ignore_ascii_case(first))?;
        words.expect(',')?;
    }
    let day: i64 = number(words.next()?, 1..=2)?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let month = i64::try_from(month).ok()? + 1;
    let year = year(words.next()?)?;
    let hour: i64 = number(words.next()?, 2..=2)?;
    words.expect(':')?;
    let minute: i64 = number(words.next()?, 2..=2)?;
    let second: i64 = if words.peek() == Some(":") {
        words.expect(':')?;
        number(words.next()?, 2..=2)?
    } else {
        0
    };
    let offset = zone(&mut words)?;
    words.skip()?;
    let number = days(year, month, day);
    // A day that the month does not have comes back as one of the next.
    let real = civil(number) == (year, month, day) && hour < 24 && minute < 60 && second <= 60;
    if !words.rest.is_empty() || !real {
        return None;
    }
    let local = number * DAY + hour * 3600 + minute * 60 + second;
    let time = Timestamp::from_unix(local - i64::from(offset) * 60);
    Date::at_offset(time, offset).filter(|date| date.time.0 + i64::from(offset) * 60 == local)
}

/// ```text
/// year     = (FWS 4*DIGIT FWS) / obs-year
/// obs-year = [CFWS] 2*DIGIT [CFWS]
/// ```
fn year(text: &str) -> Option<i64> {
    let year: i64 = number(text, 2..=4)?;
    Some(match text.len() {
        2 if year < 50 => year + 2000,
        2 | 3 => year + 1900,
        _ => year,
    })
}

/// ```text
/// zone     = (FWS ( "+" / "-" ) 4DIGIT) / obs-zone
/// obs-zone = "UT" / "GMT" / "EST" / "EDT" / … / military letters
/// ```
fn zone(words: &mut Words<'_>) -> Option<i16> {
    let word = words.next()?;
    let sign = match word {
        "+" => 1,
        "-" => -1,
        _ => {
            let known = word.chars().all(|c| c.is_ascii_alphabetic());
            let hours = match word.to_ascii_uppercase().as_str() {
                "EDT" => -4,
                "EST" | "CDT" => -5,
                "CST" | "MDT" => -6,
                "MST" | "PDT" => -7,
                "PST" => -8,
                _ => 0,
            };
            return known.then_some(hours * 60);
        }
    };
    let digits = words.next()?;
    let value: i16 = number(digits, 4..=4)?;
    let minutes = value % 100;
    (minutes < 60).then_some(sign * (value / 100 * 60 + minutes))
}

fn number<T: core::str::FromStr>(
    text: &str,
    digits: core::ops::RangeInclusive<usize>,
) -> Option<T> {
    let fits = digits.contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Words, and marks of one character, between blanks and comments.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// Passes over blanks and comments; `None` for a comment without end.
    fn skip(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start_matches(BLANKS);
            if !self.rest.starts_with('(') {
                return Some(());
            }
            self.rest = behind_comment(self.rest)?;
        }
    }

    fn peek(&self) -> Option<&'a str> {
        Words { rest: self.rest }.next()
    }

    fn next(&mut self) -> Option<&'a str> {
        self.skip()?;
        let word = |c: char| c.is_ascii_alphanumeric();
        let end = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
        let end = if end == 0 { self.rest.chars().next()?.len_utf8() } else { end };
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(word)
    }

    fn expect(&mut self, mark: char) -> Option<()> {
        self.next()?.starts_with(mark).then_some(())
    }
}

/// `comment = "(" *([FWS] ccontent) [FWS] ")"`
fn behind_comment(text: &str) -> Option<&str> {
    let (mut depth, mut quoted) = (0, false);
    for (offset, c) in text.char_indices() {
        match c {
            _ if quoted => quoted = false,
            '\\' => quoted = true,
            '(' if depth == MAX_COMMENTS => return None,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(offset + 1..);
        }
    }
    None
}
