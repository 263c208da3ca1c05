//! Values of the parameters few messages have.

use crate::error::{ParseError, Rule};
use crate::grammar::{self, DIGIT, LDH, VISIBLE};
use crate::parameter::Parameter;
use crate::xtext::Xtext;

const fn failed() -> ParseError {
    ParseError::at_start(Rule::ParameterValue)
}

fn when<T>(fits: bool, value: T) -> Result<T, ParseError> {
    if fits { Ok(value) } else { Err(failed()) }
}

/// One to nine digits.
fn nine_digits(text: &str) -> Result<u32, ParseError> {
    let fits = text.len() <= 9 && grammar::all(text, DIGIT);
    when(fits, ())?;
    text.parse().map_err(|_| failed())
}

/// What `BY=` asks for when the time is over (RFC 2852 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByMode {
    /// `N`: tell the sender, go on trying.
    Notify,
    /// `R`: give the message back.
    Return,
}

/// `BY=`: deliver within a time (RFC 2852 section 4; G-48).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct By {
    seconds: i32,
    mode: ByMode,
    trace: bool,
}

impl By {
    /// ```text
    /// by-value = by-time ";" by-mode [by-trace]
    /// by-time  = ["-" / "+"] 1*9digit
    /// by-mode  = "N" / "R"
    /// by-trace = "T"
    /// ```
    pub(super) fn parse(value: &str) -> Result<Self, ParseError> {
        let (time, mode) = value.split_once(';').ok_or_else(failed)?;
        let (negative, digits) = match time.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, time.strip_prefix('+').unwrap_or(time)),
        };
        let seconds = i32::try_from(nine_digits(digits)?).map_err(|_| failed())?;
        let seconds = if negative { -seconds } else { seconds };
        let (mode, trace) = match mode.as_bytes() {
            [b'N' | b'n', trace @ ..] => (ByMode::Notify, trace),
            [b'R' | b'r', trace @ ..] => (ByMode::Return, trace),
            _ => return Err(failed()),
        };
        when(mode == ByMode::Notify || seconds > 0, ())?;
        let trace = match trace {
            [] => false,
            [b'T' | b't'] => true,
            _ => return Err(failed()),
        };
        Ok(Self {
            seconds,
            mode,
            trace,
        })
    }

    /// The seconds left; below zero only when the sender is to be told.
    #[must_use]
    pub const fn seconds(&self) -> i32 {
        self.seconds
    }

    /// What is to be done when they are over.
    #[must_use]
    pub const fn mode(&self) -> ByMode {
        self.mode
    }

    /// Whether relaying is to be reported too.
    #[must_use]
    pub const fn trace(&self) -> bool {
        self.trace
    }
}

/// `HOLDFOR=` or `HOLDUNTIL=`: release the message later (RFC 4865 section 3; G-49).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hold<'a> {
    /// For so many seconds, 1 to 999,999,999.
    For(u32),
    /// Until a time in UTC, as `2026-12-31T23:59:59Z`.
    Until(&'a str),
}

impl<'a> Hold<'a> {
    /// ```text
    /// hold-param = "HOLDFOR=" future-release-integer /
    ///              "HOLDUNTIL=" Internet-style-date-time-UTC
    /// ```
    pub(super) fn parse(parameter: Parameter<'a>) -> Result<Self, ParseError> {
        let value = parameter.required()?;
        if parameter.is("HOLDFOR") {
            when(!value.starts_with('0'), ())?;
            return nine_digits(value).map(Self::For);
        }
        when(
            date_time(value).is_some_and(|zone| matches!(zone, "Z" | "z")),
            Self::Until(value),
        )
    }
}

/// A full date and time with whole seconds (RFC 3339 section 5.6); what is left is the zone.
///
/// Days are checked against their month, but for leap years and leap seconds: those are for who
/// turns the text into a time.
fn date_time(text: &str) -> Option<&str> {
    const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";
    let (head, zone) = text.split_at_checked(SHAPE.len())?;
    let shaped = head.bytes().zip(SHAPE).all(|(octet, &shape)| match shape {
        b'0' => octet.is_ascii_digit(),
        shape => octet.eq_ignore_ascii_case(&shape),
    });
    let number = |start: usize| grammar::slice(head, start, start + 2).parse::<u8>().ok();
    let days = match number(5)? {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let fits = (1..=days).contains(&number(8)?)
        && number(11)? <= 23
        && number(14)? <= 59
        && number(17)? <= 60;
    (shaped && fits).then_some(zone)
}

/// `time-offset = "Z" / ("+" / "-") time-hour ":" time-minute`
fn time_offset(zone: &str) -> bool {
    let Some((hour, minute)) = zone
        .strip_prefix(['+', '-'])
        .and_then(|z| z.split_once(':'))
    else {
        return matches!(zone, "Z" | "z");
    };
    let below = |text: &str, limit: u8| {
        text.len() == 2 && grammar::all(text, DIGIT) && text.parse::<u8>().is_ok_and(|n| n < limit)
    };
    below(hour, 24) && below(minute, 60)
}

/// `MT-PRIORITY=`: from -9, the lowest, to 9 (RFC 6710 section 4.1; G-50).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MtPriority(i8);

impl MtPriority {
    /// `priority-value = (["-"] NZDIGIT) / "0"`
    pub(super) fn parse(value: &str) -> Result<Self, ParseError> {
        match value.as_bytes() {
            [digit @ b'0'..=b'9'] => Ok(Self((*digit - b'0').cast_signed())),
            [b'-', digit @ b'1'..=b'9'] => Ok(Self(-(*digit - b'0').cast_signed())),
            _ => Err(ParseError::at_start(Rule::Priority)),
        }
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> i8 {
        self.0
    }
}

/// `SOLICIT=`: the solicitation class keywords of a message (RFC 3865 section 2.2; G-51).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Solicit<'a>(&'a str);

impl<'a> Solicit<'a> {
    /// ```text
    /// Solicitation-keywords = word 0*("," word)
    /// word                  = ALPHA *(wordchar)
    /// wordchar              = ("." / "-" / "_" / ":" / ALPHA / DIGIT)
    /// ```
    pub(super) fn parse(value: &'a str) -> Result<Self, ParseError> {
        let word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word
                    .bytes()
                    .all(|o| grammar::is(o, LDH) || matches!(o, b'.' | b'_' | b':'))
        };
        when(
            value.len() <= 1000 && value.split(',').all(word),
            Self(value),
        )
    }

    /// The keywords one by one.
    pub fn keywords(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.0.split(',')
    }
}

/// What `RRVS=` asks for when a mailbox has had another owner since (RFC 7293 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IfRecipientChanged {
    /// `C`: deliver, and tell the sender that the check was not made.
    Continue,
    /// `R`: refuse the recipient.
    #[default]
    Reject,
}

/// `RRVS=`: the mailbox must have had the same owner since (RFC 7293 section 3.1; G-53).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rrvs<'a> {
    since: &'a str,
    action: IfRecipientChanged,
}

impl<'a> Rrvs<'a> {
    /// `rrvs-param = date-time [ ";" ( "C" / "R" ) ]`
    pub(super) fn parse(value: &'a str) -> Result<Self, ParseError> {
        let (since, action) = match value.split_once(';') {
            None => (value, IfRecipientChanged::Reject),
            Some((since, "C" | "c")) => (since, IfRecipientChanged::Continue),
            Some((since, "R" | "r")) => (since, IfRecipientChanged::Reject),
            Some(_) => return Err(failed()),
        };
        when(
            date_time(since).is_some_and(time_offset),
            Self { since, action },
        )
    }

    /// The time, as in RFC 3339 without a fraction.
    #[must_use]
    pub const fn since(&self) -> &'a str {
        self.since
    }

    /// What to do where that cannot be said.
    #[must_use]
    pub const fn action(&self) -> IfRecipientChanged {
        self.action
    }
}

/// `MTRK=`: how the message may be asked about later (RFC 3885 section 3.1; G-54).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mtrk<'a> {
    certifier: &'a str,
    timeout: Option<u32>,
}

impl<'a> Mtrk<'a> {
    /// `mtrk-parameter = base64 [":" 1*9DIGIT]`
    pub(super) fn parse(value: &'a str) -> Result<Self, ParseError> {
        let (certifier, timeout) = match value.split_once(':') {
            Some((certifier, timeout)) => (certifier, Some(nine_digits(timeout)?)),
            None => (value, None),
        };
        // The padding may be missing: the value of a parameter may not hold it.
        let digits = certifier.trim_end_matches('=');
        let padding = certifier.len() - digits.len();
        let base64 = |o: u8| o.is_ascii_alphanumeric() || matches!(o, b'+' | b'/');
        let fits = !digits.is_empty()
            && digits.bytes().all(base64)
            && digits.len() % 4 != 1
            && (padding == 0 || padding == 4 - digits.len() % 4);
        when(fits, Self { certifier, timeout })
    }

    /// The certifier in base64, with or without its padding.
    #[must_use]
    pub const fn certifier(&self) -> &'a str {
        self.certifier
    }

    /// The seconds for which records are to be kept.
    #[must_use]
    pub const fn timeout(&self) -> Option<u32> {
        self.timeout
    }
}

/// `TRANSID=`: the name under which an interrupted transaction goes on (RFC 1845 section 2; G-55).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransId<'a>(&'a str);

impl<'a> TransId<'a> {
    /// `transid-value = "<" token "@" token ">"`, up to 80 octets
    pub(super) fn parse(value: &'a str) -> Result<Self, ParseError> {
        let tokens = value
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'));
        let (left, right) = tokens.and_then(|t| t.split_once('@')).ok_or_else(failed)?;
        let fits = value.len() <= 80 && token(left) && token(right);
        when(fits, Self(value))
    }

    /// The value with its brackets.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// `token` of RFC 2045 section 5.1.
fn token(text: &str) -> bool {
    const TSPECIALS: &[u8] = b"()<>@,;:\\\"/[]?=";
    grammar::all(text, VISIBLE) && !text.bytes().any(|octet| TSPECIALS.contains(&octet))
}

/// Whether a value may stand in `ENVID=` next to `MTRK=`: `xtext "@" xtext` (G-54).
pub(super) fn tracking_name(envid: Xtext<'_>) -> bool {
    envid
        .as_str()
        .split_once('@')
        .is_some_and(|(l, r)| !l.is_empty() && !r.is_empty())
}
