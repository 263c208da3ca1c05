//! Reply codes and enhanced status codes.
//!
//! RFC 5321 §4.2.1 (theory of reply codes), §4.2.2 and §4.2.3 (the codes); RFC 2034 and RFC 3463
//! (enhanced codes); the basic code that goes with an enhanced one follows the registry of RFC
//! 5248.

use core::fmt;

#[cfg(test)]
mod tests;

/// A three-digit reply code, 200 to 599.
///
/// Any code of that range can be read, known or not: a client decides by the first digit when it
/// does not know the rest (RFC 5321 §4.2, §4.3.2). The constants are the codes a server of this
/// crate may send.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl Code {
    /// 211: system status or help follows.
    pub const SYSTEM_STATUS: Self = Self(211);
    /// 214: help text.
    pub const HELP: Self = Self(214);
    /// 220: service ready; also the go-ahead for STARTTLS.
    pub const READY: Self = Self(220);
    /// 221: closing, as asked by QUIT.
    pub const CLOSING: Self = Self(221);
    /// 235: authentication succeeded (RFC 4954 §6).
    pub const AUTHENTICATED: Self = Self(235);
    /// 250: done.
    pub const OK: Self = Self(250);
    /// 251: not local, will be forwarded. To ETRN: nothing waits.
    pub const WILL_FORWARD: Self = Self(251);
    /// 252: cannot verify, but will try to deliver. To ETRN: started.
    pub const CANNOT_VERIFY: Self = Self(252);
    /// 253: so many messages started (ETRN, RFC 1985 §5.1).
    pub const MESSAGES_STARTED: Self = Self(253);
    /// 334: an AUTH challenge follows (RFC 4954 §4).
    pub const CHALLENGE: Self = Self(334);
    /// 354: send the content.
    pub const START_MAIL_INPUT: Self = Self(354);
    /// 355: resume the content at an offset (RFC 1845 §3).
    pub const RESUME_AT_OFFSET: Self = Self(355);
    /// 421: service not available, the connection closes. May answer any command.
    pub const SERVICE_NOT_AVAILABLE: Self = Self(421);
    /// 432: a password transition is needed (RFC 4954 §6).
    pub const PASSWORD_TRANSITION: Self = Self(432);
    /// 450: mailbox not available now, or refused for now by policy.
    pub const MAILBOX_BUSY: Self = Self(450);
    /// 451: local fault while processing.
    pub const LOCAL_ERROR: Self = Self(451);
    /// 452: no room now, or too many recipients in one transaction.
    pub const INSUFFICIENT_STORAGE: Self = Self(452);
    /// 453: no mail is waiting (ATRN, RFC 2645 §7).
    pub const NO_MAIL_WAITING: Self = Self(453);
    /// 454: TLS or authentication temporarily not available.
    pub const TEMPORARILY_UNAVAILABLE: Self = Self(454);
    /// 455: a parameter cannot be satisfied now.
    pub const PARAMETER_NOT_NOW: Self = Self(455);
    /// 458: cannot queue messages for the node (ETRN).
    pub const CANNOT_QUEUE: Self = Self(458);
    /// 459: the node is not allowed (ETRN).
    pub const NODE_NOT_ALLOWED: Self = Self(459);
    /// 500: unknown command or line too long.
    pub const SYNTAX_ERROR: Self = Self(500);
    /// 501: syntax error in an argument or parameter.
    pub const ARGUMENT_ERROR: Self = Self(501);
    /// 502: command known, but not implemented or switched off.
    pub const NOT_IMPLEMENTED: Self = Self(502);
    /// 503: wrong order of commands.
    pub const BAD_SEQUENCE: Self = Self(503);
    /// 504: value of an argument not implemented.
    pub const ARGUMENT_NOT_IMPLEMENTED: Self = Self(504);
    /// 521: this host takes no mail (RFC 7504 §3).
    pub const HOST_TAKES_NO_MAIL: Self = Self(521);
    /// 523: encryption needed (registry only).
    pub const ENCRYPTION_NEEDED: Self = Self(523);
    /// 524: encryption needed for the mechanism (registry only; 538 is the usual one).
    pub const ENCRYPTION_NEEDED_FOR_MECHANISM: Self = Self(524);
    /// 525: account disabled (RFC 5248 registry).
    pub const ACCOUNT_DISABLED: Self = Self(525);
    /// 530: authentication or TLS is required first.
    pub const AUTHENTICATION_REQUIRED: Self = Self(530);
    /// 533: delivery not authorized (RFC 5248 registry only, beside X.7.1).
    pub const UNAUTHORIZED: Self = Self(533);
    /// 534: the mechanism is too weak.
    pub const MECHANISM_TOO_WEAK: Self = Self(534);
    /// 535: credentials refused.
    pub const CREDENTIALS_INVALID: Self = Self(535);
    /// 538: the mechanism needs encryption.
    pub const MECHANISM_NEEDS_ENCRYPTION: Self = Self(538);
    /// 550: mailbox not available, or refused by policy.
    pub const MAILBOX_UNAVAILABLE: Self = Self(550);
    /// 551: not local, try the path in the text.
    pub const USER_NOT_LOCAL: Self = Self(551);
    /// 552: too big, or over the allocation.
    pub const STORAGE_EXCEEDED: Self = Self(552);
    /// 553: mailbox name not allowed or ambiguous.
    pub const MAILBOX_NAME_NOT_ALLOWED: Self = Self(553);
    /// 554: transaction failed; as a greeting: no SMTP service here.
    pub const TRANSACTION_FAILED: Self = Self(554);
    /// 555: MAIL or RCPT parameter not known.
    pub const PARAMETER_UNKNOWN: Self = Self(555);
    /// 556: the domain takes no mail (RFC 7504 §4).
    pub const DOMAIN_TAKES_NO_MAIL: Self = Self(556);

    /// The code of that value, if it is within 200 to 599.
    pub const fn new(value: u16) -> Option<Self> {
        match value {
            200..=599 => Some(Self(value)),
            _ => None,
        }
    }

    /// The number.
    pub const fn value(self) -> u16 {
        self.0
    }

    /// Whether the second digit is one that a reply code may have when it is sent (RFC 5321 §4.2).
    pub(crate) const fn is_of_the_grammar(self) -> bool {
        self.0 / 10 % 10 <= 5
    }

    /// What the first digit says (RFC 5321 §4.2.1).
    pub const fn severity(self) -> Severity {
        match self.0 {
            ..=299 => Severity::PositiveCompletion,
            300..=399 => Severity::PositiveIntermediate,
            400..=499 => Severity::TransientNegative,
            500.. => Severity::PermanentNegative,
        }
    }

    /// The code written in three octets, if they are digits and the first is 2 to 5 (F-30).
    #[inline]
    pub(crate) fn from_digits(digits: [u8; 3]) -> Option<Self> {
        let [a, b, c] = digits;
        Self::from_word(u32::from_le_bytes([a, b, c, 0]))
    }

    /// The same of digits side by side in one integer, the first in its lowest octet.
    #[inline]
    pub(crate) fn from_word(digits: u32) -> Option<Self> {
        // What is below its least octet borrows, and shows in a highest bit as what is above its
        // greatest does: 5 - 2 + 0x7c and 9 - 0 + 0x76 are 0x7f.
        let numbers = digits.wrapping_sub(0x0030_3032);
        if (numbers.wrapping_add(0x0076_767c) | numbers) & 0xff80_8080 != 0 {
            return None;
        }
        let [a, b, c, _] = numbers.to_le_bytes();
        Some(Self(200 + u16::from(a) * 100 + u16::from(b) * 10 + u16::from(c)))
    }

    /// The three octets of the code on the wire.
    #[inline]
    pub(crate) const fn digits(self) -> [u8; 3] {
        [digit(self.0 / 100), digit(self.0 / 10), digit(self.0)]
    }
}

/// The last decimal digit of a number, in ASCII.
#[inline]
const fn digit(number: u16) -> u8 {
    let [low, _] = (number % 10).to_le_bytes();
    b'0' + low
}

impl From<Code> for u16 {
    fn from(code: Code) -> Self {
        code.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What the first digit of a reply code says (RFC 5321 §4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// 2yz: the command was carried out.
    PositiveCompletion,
    /// 3yz: accepted so far, more input is expected.
    PositiveIntermediate,
    /// 4yz: refused for now; the same may succeed later.
    TransientNegative,
    /// 5yz: refused for good.
    PermanentNegative,
}

impl Severity {
    /// Whether the reply is 2yz or 3yz.
    pub const fn is_positive(self) -> bool {
        matches!(self, Self::PositiveCompletion | Self::PositiveIntermediate)
    }

    /// The digit: 2, 3, 4 or 5.
    pub const fn digit(self) -> u8 {
        match self {
            Self::PositiveCompletion => 2,
            Self::PositiveIntermediate => 3,
            Self::TransientNegative => 4,
            Self::PermanentNegative => 5,
        }
    }
}

/// An enhanced status code `class.subject.detail` (RFC 3463 §2, RFC 2034 §4), for example `5.1.1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedCode {
    class: u8,
    subject: u16,
    detail: u16,
}

impl EnhancedCode {
    /// The code of these numbers, if `class` is 2, 4 or 5 and the others are at most 999.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Option<Self> {
        if matches!(class, 2 | 4 | 5) && subject <= 999 && detail <= 999 {
            Some(Self { subject, detail, class })
        } else {
            None
        }
    }

    /// Like `new` for a class known to be right. A number above 999 becomes 0, "other or undefined
    /// status" (RFC 3463 §3.1), so that constants can be written without a panic.
    pub(crate) const fn of_class(class: Class, subject: u16, detail: u16) -> Self {
        let class = match class {
            Class::Success => 2,
            Class::Transient => 4,
            Class::Permanent => 5,
        };
        let subject = if subject <= 999 { subject } else { 0 };
        let detail = if detail <= 999 { detail } else { 0 };
        Self { subject, detail, class }
    }

    /// First number: 2 success, 4 persistent transient failure, 5 permanent failure.
    pub const fn class(self) -> u8 {
        self.class
    }

    /// Second number, 0 to 999: what the status is about.
    pub const fn subject(self) -> u16 {
        self.subject
    }

    /// Third number, 0 to 999: the status itself.
    pub const fn detail(self) -> u16 {
        self.detail
    }

    /// The severity that a reply code must have to go with this code (RFC 2034 §4).
    pub const fn severity(self) -> Severity {
        match self.class {
            2 => Severity::PositiveCompletion,
            4 => Severity::TransientNegative,
            _ => Severity::PermanentNegative,
        }
    }

    /// Reads a code at the start of `octets` and tells how many octets it takes (5 to 9). It must
    /// be followed by a blank or by the end; the blank is not counted (RFC 2034 §4).
    ///
    /// ```text
    /// status-code = ("2" / "4" / "5") "." subject "." detail
    /// subject, detail = 1*3DIGIT, without leading zeros
    /// ```
    #[inline]
    pub fn parse(octets: &[u8]) -> Option<(Self, usize)> {
        let (code, rest) = Self::split(octets)?;
        let ended = matches!(rest.first(), None | Some(b' ' | b'\t'));
        ended.then(|| (code, octets.len() - rest.len()))
    }

    /// A code at the start of `octets`, and what follows it, whatever that is.
    #[inline]
    pub(crate) fn split(octets: &[u8]) -> Option<(Self, &[u8])> {
        // Nearly all have numbers of one digit.
        if let Some(([class, subject, detail], rest)) = one_digit_each(octets)
            && !rest.first().is_some_and(u8::is_ascii_digit)
        {
            return Some((Self { class, subject: subject.into(), detail: detail.into() }, rest));
        }
        Self::split_any(octets)
    }

    /// The same of numbers of any length.
    #[inline(never)]
    fn split_any(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (&[class @ (b'2' | b'4' | b'5'), b'.'], rest) = octets.split_first_chunk()? else {
            return None;
        };
        let (subject, rest) = number(rest)?;
        let (&b'.', rest) = rest.split_first()? else {
            return None;
        };
        let (detail, rest) = number(rest)?;
        Some((Self { subject, detail, class: class - b'0' }, rest))
    }

    /// The reply code to send with this enhanced code when nothing better is known: the one the
    /// registry of RFC 5248 or the defining document names, else one that fits the class. It is
    /// always of the same class.
    pub const fn basic_code(self) -> Code {
        match self.class {
            2 => match (self.subject, self.detail) {
                (6, 8) => Code::CANNOT_VERIFY,
                _ => Code::OK,
            },
            4 => match (self.subject, self.detail) {
                (1, 1 | 8) | (2, 3) => Code::LOCAL_ERROR,
                (2, 2) | (3, 1) | (5, 3) | (7, 16) => Code::INSUFFICIENT_STORAGE,
                (1 | 2, _) | (7, 0 | 15 | 28) => Code::MAILBOX_BUSY,
                (3, 2) | (4, 2) => Code::SERVICE_NOT_AVAILABLE,
                (7, 12) => Code::PASSWORD_TRANSITION,
                _ => Code::LOCAL_ERROR,
            },
            _ => match (self.subject, self.detail) {
                (1, 3 | 7) | (5, 4) => Code::ARGUMENT_ERROR,
                (1, 4) => Code::MAILBOX_NAME_NOT_ALLOWED,
                (1, 10) => Code::DOMAIN_TAKES_NO_MAIL,
                (2, 2 | 3) | (3, 1 | 4) | (7, 16) => Code::STORAGE_EXCEEDED,
                (3, 2) => Code::HOST_TAKES_NO_MAIL,
                (5, 1) => Code::BAD_SEQUENCE,
                (5, 2 | 6) => Code::SYNTAX_ERROR,
                (7, 0) => Code::AUTHENTICATION_REQUIRED,
                (7, 4) => Code::ARGUMENT_NOT_IMPLEMENTED,
                (7, 8) => Code::CREDENTIALS_INVALID,
                (7, 9) => Code::MECHANISM_TOO_WEAK,
                (7, 10) => Code::ENCRYPTION_NEEDED,
                (7, 11) => Code::MECHANISM_NEEDS_ENCRYPTION,
                (7, 13) => Code::ACCOUNT_DISABLED,
                (1 | 2 | 7, 0..=13 | 15..) | (4, 3) | (5, 3) | (6, 7 | 8) => {
                    Code::MAILBOX_UNAVAILABLE
                }
                _ => Code::TRANSACTION_FAILED,
            },
        }
    }

    /// The code followed by one blank, as it stands in front of a reply text.
    #[inline]
    pub(crate) fn prefix(self) -> Prefix {
        if self.subject < 10 && self.detail < 10 {
            let (class, subject, detail) =
                (b'0' + self.class, digit(self.subject), digit(self.detail));
            let octets = [class, b'.', subject, b'.', detail, b' ', 0, 0, 0, 0];
            return Prefix { octets, len: 6 };
        }
        let mut prefix = Prefix { octets: [0; 10], len: 0 };
        prefix.push(b'0' + self.class);
        for number in [self.subject, self.detail] {
            prefix.push(b'.');
            if number >= 100 {
                prefix.push(digit(number / 100));
            }
            if number >= 10 {
                prefix.push(digit(number / 10));
            }
            prefix.push(digit(number));
        }
        prefix.push(b' ');
        prefix
    }
}

/// The three classes of enhanced codes, for constructors that cannot fail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Class {
    Success,
    Transient,
    Permanent,
}

/// Up to ten octets on the stack: `5.999.999` and a blank.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prefix {
    octets: [u8; 10],
    len: usize,
}

impl Prefix {
    #[inline]
    fn push(&mut self, octet: u8) {
        if let Some(place) = self.octets.get_mut(self.len) {
            *place = octet;
            self.len += 1;
        }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// The numbers of a code at the start of `octets` if each is one digit, and what follows them.
#[inline]
fn one_digit_each(octets: &[u8]) -> Option<([u8; 3], &[u8])> {
    let (&[class, dot, subject, second_dot, detail], rest) = octets.split_first_chunk()?;
    let numbers @ [class, subject, detail] =
        [class, subject, detail].map(|digit| digit.wrapping_sub(b'0'));
    let all = dot == b'.' && second_dot == b'.' && subject <= 9 && detail <= 9;
    (all && matches!(class, 2 | 4 | 5)).then_some((numbers, rest))
}

/// `1*3DIGIT` without leading zeros, and what follows it.
#[inline]
fn number(octets: &[u8]) -> Option<(u16, &[u8])> {
    let (&first @ b'0'..=b'9', mut rest) = octets.split_first()? else {
        return None;
    };
    let mut value = u16::from(first - b'0');
    if value == 0 {
        return Some((0, rest));
    }
    while let Some((&next @ b'0'..=b'9', behind)) = rest.split_first() {
        value = value * 10 + u16::from(next - b'0');
        rest = behind;
        if value > 999 {
            return None;
        }
    }
    Some((value, rest))
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl fmt::Debug for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
