//! Values of the parameters few messages have.

use core::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while_m_n, take_while1};
use nom::character::complete::{char, one_of, satisfy};
use nom::combinator::{map, map_res, not, opt, recognize, value, verify};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded, separated_pair, terminated};

use crate::error::{ParseError, Rule};
use crate::grammar::{self, LDH, LET_DIG, Parsed, UNDERSCORE, VISIBLE};
use crate::parameter::Parameter;
use crate::parameter::date_time::{DateTime, date_time, date_time_with_fraction};
use crate::xtext::Xtext;

/// A whole value by its rule.
fn read<'a, T>(value: &'a str, rule: fn(&'a str) -> Parsed<'a, T>) -> Result<T, ParseError> {
    grammar::whole(value, rule).ok_or(ParseError::at_start(Rule::ParameterValue))
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
    pub(super) fn parse(value: &str) -> Result<Self, ParseError> {
        read(value, by_value)
    }

    /// The request with another time: what is left of it when a message is passed on (RFC 2852
    /// section 4.1.4). `None` where its mode has none such, or it is out of bounds: -999,999,999 to
    /// 999,999,999, and above zero to return the message.
    #[must_use]
    pub const fn with_seconds(self, seconds: i32) -> Option<Self> {
        Self::new(seconds, self.mode, self.trace)
    }

    /// Makes a request; `None` as for [`with_seconds`](Self::with_seconds).
    #[must_use]
    pub const fn new(seconds: i32, mode: ByMode, trace: bool) -> Option<Self> {
        let returns = matches!(mode, ByMode::Return);
        if seconds > 999_999_999 || seconds < -999_999_999 || (returns && seconds <= 0) {
            return None;
        }
        Some(Self { seconds, mode, trace })
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

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            ByMode::Notify => 'N',
            ByMode::Return => 'R',
        };
        write!(f, "{};{mode}{}", self.seconds, if self.trace { "T" } else { "" })
    }
}

/// `by-value = by-time ";" by-mode [by-trace]`
///
/// A negative or zero time is not allowed with a mode of `R`.
fn by_value(text: &str) -> Parsed<'_, By> {
    let parts = (terminated(by_time, char(';')), by_mode, opt(by_trace));
    let by = map(parts, |(seconds, mode, trace)| By { seconds, mode, trace: trace.is_some() });
    verify(by, |by| by.mode == ByMode::Notify || by.seconds > 0).parse(text)
}

/// `by-time = ["-" / "+"] 1*9digit`
fn by_time(text: &str) -> Parsed<'_, i32> {
    let parts = (opt(one_of("-+")), grammar::number(1..=9, ..));
    map(parts, |(sign, seconds): (_, i32)| match sign {
        Some('-') => -seconds,
        _ => seconds,
    })
    .parse(text)
}

/// `by-mode = "N" / "R"`
fn by_mode(text: &str) -> Parsed<'_, ByMode> {
    alt((value(ByMode::Notify, grammar::string("N")), value(ByMode::Return, grammar::string("R"))))
        .parse(text)
}

/// `by-trace = "T"`
fn by_trace(text: &str) -> Parsed<'_, &str> {
    grammar::string("T").parse(text)
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
    /// hold-for-param   = "HOLDFOR=" future-release-interval
    /// hold-until-param = "HOLDUNTIL=" future-release-date-time
    /// hold-param       = hold-for-param / hold-until-param
    /// ```
    pub(super) fn parse(parameter: Parameter<'a>) -> Result<Self, ParseError> {
        let value = parameter.required()?;
        if parameter.is("HOLDFOR") {
            read(value, future_release_interval).map(Self::For)
        } else {
            read(value, future_release_date_time).map(Self::Until)
        }
    }

    /// The time of release, when it was given as one.
    #[must_use]
    pub fn until(&self) -> Option<DateTime> {
        match self {
            Self::For(_) => None,
            Self::Until(text) => DateTime::parse(text).ok(),
        }
    }
}

/// ```text
/// future-release-interval = future-release-integer
/// future-release-integer  = %x31-39 *8DIGIT
/// ```
fn future_release_interval(text: &str) -> Parsed<'_, u32> {
    preceded(not(char('0')), grammar::number(1..=9, ..)).parse(text)
}

/// `future-release-date-time = Internet-style-date-time-UTC`
///
/// RFC 3339 has fractions of a second in it, and nothing in RFC 4865 takes them away.
fn future_release_date_time(text: &str) -> Parsed<'_, &str> {
    verify(date_time_with_fraction, |time: &str| time.ends_with(['Z', 'z'])).parse(text)
}

/// `MT-PRIORITY=`: from -9, the lowest, to 9 (RFC 6710 section 4.1; G-50).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MtPriority(i8);

impl MtPriority {
    pub(super) fn parse(value: &str) -> Result<Self, ParseError> {
        let priority = grammar::whole(value, priority_value);
        priority.ok_or(ParseError::at_start(Rule::Priority))
    }

    /// A priority; `None` outside -9 to 9.
    #[must_use]
    pub const fn new(value: i8) -> Option<Self> {
        if value < -9 || value > 9 { None } else { Some(Self(value)) }
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> i8 {
        self.0
    }
}

impl fmt::Display for MtPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `priority-value = (["-"] NZDIGIT) / "0"`
fn priority_value(text: &str) -> Parsed<'_, MtPriority> {
    let number = alt((recognize((opt(char('-')), nzdigit)), recognize(char('0'))));
    map(map_res(number, str::parse), MtPriority).parse(text)
}

/// `NZDIGIT = %x31-39`
fn nzdigit(text: &str) -> Parsed<'_, char> {
    satisfy(|c| matches!(c, '1'..='9')).parse(text)
}

/// `SOLICIT=`: the solicitation class keywords of a message (RFC 3865 section 2.2; G-51).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Solicit<'a>(&'a str);

impl<'a> Solicit<'a> {
    /// Reads keywords that stand between commas, as in the parameter and in a `Solicitation:` field.
    ///
    /// # Errors
    ///
    /// [`Rule::ParameterValue`] when one is no keyword, or there are more than 1000 octets.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        read(value, solicitation_keywords).map(Self)
    }

    /// The keywords as sent.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The keywords one by one.
    pub fn keywords(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.0.split(',')
    }
}

/// ```text
/// Solicitation-keywords = word 0*("," word)
///       ; length of this string is limited to <= 1000 characters
/// ```
fn solicitation_keywords(text: &str) -> Parsed<'_, &str> {
    let words = recognize((word, many0_count(preceded(char(','), word))));
    verify(words, |words: &str| words.len() <= 1000).parse(text)
}

/// `word = ALPHA 0*(wordchar)`
fn word(text: &str) -> Parsed<'_, &str> {
    let alpha = satisfy(|c| c.is_ascii_alphabetic());
    recognize((alpha, take_while(wordchar))).parse(text)
}

/// `wordchar = ("." / "-" / "_" / ":" / ALPHA / DIGIT)`
fn wordchar(c: char) -> bool {
    grammar::in_class(LDH | UNDERSCORE)(c) || matches!(c, '.' | ':')
}

/// What `RRVS=` asks for where the owner of a mailbox cannot be checked, as the next server does not
/// know RRVS (RFC 7293 section 5.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IfRecipientChanged {
    /// `C`: send it on without the check.
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
    pub(super) fn parse(value: &'a str) -> Result<Self, ParseError> {
        read(value, rrvs_param)
    }

    /// The time, as in RFC 3339 without a fraction.
    #[must_use]
    pub const fn since(&self) -> &'a str {
        self.since
    }

    /// The same as a moment to compare with.
    #[must_use]
    pub fn moment(&self) -> Option<DateTime> {
        DateTime::parse(self.since).ok()
    }

    /// What to do where the message must be relayed to a server without RRVS (section 5.1.1).
    #[must_use]
    pub const fn action(&self) -> IfRecipientChanged {
        self.action
    }
}

/// `rrvs-param = "RRVS=" date-time [ ";" ( "C" / "R" ) ]`
fn rrvs_param(text: &str) -> Parsed<'_, Rrvs<'_>> {
    let action = alt((
        value(IfRecipientChanged::Continue, grammar::string("C")),
        value(IfRecipientChanged::Reject, grammar::string("R")),
    ));
    map((date_time, opt(preceded(char(';'), action))), |(since, action)| Rrvs {
        since,
        action: action.unwrap_or_default(),
    })
    .parse(text)
}

/// `MTRK=`: how the message may be asked about later (RFC 3885 section 3.1; G-54).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mtrk<'a> {
    certifier: &'a str,
    timeout: Option<u32>,
}

impl<'a> Mtrk<'a> {
    pub(super) fn parse(value: &'a str) -> Result<Self, ParseError> {
        read(value, mtrk_parameter)
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

/// ```text
/// mtrk-parameter = "MTRK=" mtrk-certifier [ ":" mtrk-timeout ]
/// mtrk-certifier = base64
/// ```
fn mtrk_parameter(text: &str) -> Parsed<'_, Mtrk<'_>> {
    let parts = (base64, opt(preceded(char(':'), mtrk_timeout)));
    map(parts, |(certifier, timeout)| Mtrk { certifier, timeout }).parse(text)
}

/// `mtrk-timeout = 1*9DIGIT`
fn mtrk_timeout(text: &str) -> Parsed<'_, u32> {
    grammar::number(1..=9, ..).parse(text)
}

/// Groups of four digits of base64, the last one filled up by one or two `=` (RFC 2045 section
/// 6.8). They may be missing: the value of a parameter may not hold them.
fn base64(text: &str) -> Parsed<'_, &str> {
    let digit = |c| grammar::in_class(LET_DIG)(c) || matches!(c, '+' | '/');
    let parts = (take_while1(digit), take_while_m_n(0, 2, |c| c == '='));
    let fits = |(digits, padding): &(&str, &str)| {
        digits.len() % 4 != 1
            && (padding.is_empty() || (digits.len() + padding.len()).is_multiple_of(4))
    };
    recognize(verify(parts, fits)).parse(text)
}

/// `TRANSID=`: the name under which an interrupted transaction goes on (RFC 1845 section 2; G-55).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransId<'a>(&'a str);

impl<'a> TransId<'a> {
    pub(super) fn parse(value: &'a str) -> Result<Self, ParseError> {
        read(value, transid_value).map(Self)
    }

    /// The value with its brackets.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// ```text
/// transid-value ::= "<" transid-spec ">"
///                   ; transid-value may not be longer than 80 characters
/// ```
fn transid_value(text: &str) -> Parsed<'_, &str> {
    let value = recognize(delimited(char('<'), transid_spec, char('>')));
    verify(value, |value: &str| value.len() <= 80).parse(text)
}

/// ```text
/// transid-spec   ::= transid-local "@" transid-domain
/// transid-domain ::= transid-token
/// transid-local  ::= transid-token
/// ```
fn transid_spec(text: &str) -> Parsed<'_, (&str, &str)> {
    separated_pair(transid_token, char('@'), transid_token).parse(text)
}

/// `transid-token ::= transid-atom *("." transid-atom)`
fn transid_token(text: &str) -> Parsed<'_, &str> {
    let further = many0_count(preceded(char('.'), transid_atom));
    recognize((transid_atom, further)).parse(text)
}

/// ```text
/// transid-atom ::= 1*<any (ASCII) CHAR except SPACE, CTLs, tspecials, or ".">
/// ```
///
/// The `tspecials` are those of RFC 2045 section 5.1.
fn transid_atom(text: &str) -> Parsed<'_, &str> {
    const TSPECIALS: &str = "()<>@,;:\\\"/[]?=";
    let fits = |c| grammar::in_class(VISIBLE)(c) && c != '.' && !TSPECIALS.contains(c);
    take_while1(fits).parse(text)
}

/// Whether a value may stand in `ENVID=` next to `MTRK=`: `xtext "@" xtext` (G-54).
pub(super) fn tracking_name(envid: Xtext<'_>) -> bool {
    envid.as_str().split_once('@').is_some_and(|(l, r)| !l.is_empty() && !r.is_empty())
}
