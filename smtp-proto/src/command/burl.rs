//! The BURL command (RFC 4468 section 3.5; G-32).

use core::fmt;

use bytes::BufMut;

use crate::command::Line;
use crate::error::{ParseError, Rule};
use crate::grammar;
use crate::profile::Syntax;

/// `BURL`: content that the server is to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burl<'a> {
    /// Where it is.
    pub url: Url<'a>,
    /// Whether it is the last of the message.
    pub last: bool,
}

impl<'a> Burl<'a> {
    /// Reads a line that passed the checks of framing and is a BURL.
    ///
    /// ```text
    /// burl-cmd   = "BURL" SP absolute-URI [SP end-marker] CRLF
    /// end-marker = "LAST"
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rule::MissingArgument`], [`Rule::Url`], [`Rule::Spacing`] or [`Rule::BdatLast`].
    #[inline(never)]
    pub fn of_line(line: &Line<'a>, syntax: &Syntax) -> Result<Self, ParseError> {
        let octets = line.octets();
        let start = line.required(syntax)?;
        let end = octets
            .iter()
            .skip(start)
            .position(|octet| *octet == b' ')
            .map_or(octets.len(), |length| start + length);
        let url = Url::parse(grammar::text(grammar::part(octets, start, end)))
            .map_err(|error| error.shifted(start))?;
        if end == octets.len() {
            return Ok(Self { url, last: false });
        }
        let marker = grammar::space(octets, end, syntax.relaxed)?;
        if octets.get(marker..).is_some_and(|word| word.eq_ignore_ascii_case(b"LAST")) {
            Ok(Self { url, last: true })
        } else {
            Err(ParseError::new(Rule::BdatLast, marker))
        }
    }

    pub(super) fn write(&self, out: &mut impl BufMut) {
        out.put_u8(b' ');
        out.put_slice(self.url.0.as_bytes());
        if self.last {
            out.put_slice(b" LAST");
        }
    }
}

/// Where a URL says what makes it a key.
fn key_in(url: &[u8]) -> Option<usize> {
    const KEY: &[u8] = b";URLAUTH=";
    let at = url.windows(KEY.len()).position(|part| part.eq_ignore_ascii_case(KEY))?;
    Some(at + KEY.len())
}

/// An absolute URI: a scheme, and what it makes of the rest; no fragment (RFC 3986 section 4.3).
///
/// A URL with `;URLAUTH=` is a key: who knows it may read what it names (RFC 4467). `Debug` and
/// transcripts show it up to there; [`as_str`](Self::as_str) shows all of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Url<'a>(&'a str);

impl<'a> Url<'a> {
    /// Checks a URL.
    ///
    /// ```text
    /// absolute-URI = scheme ":" hier-part [ "?" query ]
    /// scheme       = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
    /// ```
    ///
    /// Of what follows the scheme, the octets are checked, not its parts: those are the business of
    /// whoever fetches it.
    ///
    /// # Errors
    ///
    /// [`Rule::Url`] at the first octet that does not fit.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        let failed = |offset| Err(ParseError::new(Rule::Url, offset));
        let octets = text.as_bytes();
        let scheme = octets
            .iter()
            .position(|o| !(o.is_ascii_alphanumeric() || matches!(o, b'+' | b'-' | b'.')))
            .unwrap_or(octets.len());
        if !octets.first().is_some_and(u8::is_ascii_alphabetic) {
            return failed(0);
        }
        if octets.get(scheme) != Some(&b':') || octets.len() == scheme + 1 {
            return failed(scheme.min(octets.len()));
        }
        let mut rest = octets.get(scheme + 1..).unwrap_or_default();
        while let Some((octet, behind)) = rest.split_first() {
            let at = octets.len() - rest.len();
            rest = match (octet, behind) {
                (b'%', [high, low, behind @ ..])
                    if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
                {
                    behind
                }
                (octet, behind) if is_uri(*octet) => behind,
                _ => return failed(at),
            };
        }
        Ok(Self(text))
    }

    /// The URL, with any secret that is in it.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The scheme, in the case received: `imap`, say.
    #[must_use]
    pub fn scheme(&self) -> &'a str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// What stands between `//` and the path, if there is such: user, host and port.
    #[must_use]
    pub fn authority(&self) -> Option<&'a str> {
        let (_, rest) = self.0.split_once(':')?;
        rest.strip_prefix("//")?.split(['/', '?']).next()
    }

    /// Whether it is a key by URLAUTH: it lets anybody read what it names, or whom it says.
    #[must_use]
    pub fn is_key(&self) -> bool {
        key_in(self.0.as_bytes()).is_some()
    }

    /// Whether a user may have it fetched, who has logged in as `identity`: a key that begins with
    /// `submit+` is for the user it names alone, and must not be used for others (RFC 4468 section
    /// 3.3).
    #[must_use]
    pub fn is_for(&self, identity: Option<&str>) -> bool {
        let access = key_in(self.0.as_bytes()).and_then(|at| self.0.get(at..)).unwrap_or_default();
        let Some((kind, user)) = access.split_once('+') else { return true };
        if !kind.eq_ignore_ascii_case("submit") {
            return true;
        }
        let user = user.split(':').next().unwrap_or_default().as_bytes();
        identity.is_some_and(|identity| decoded(user).eq(identity.bytes()))
    }

    /// Whether it is of the scheme and the host of another; who the user is does not matter.
    pub(crate) fn is_at(&self, other: Url<'_>) -> bool {
        let host = |authority: &'a str| authority.rsplit('@').next().unwrap_or_default();
        let same = self.scheme().eq_ignore_ascii_case(other.scheme());
        let (Some(mine), Some(others)) = (self.authority(), other.authority()) else {
            return false;
        };
        same && host(mine).eq_ignore_ascii_case(others)
    }

    /// As much of it as may be shown.
    fn shown(&self) -> &'a str {
        let end = key_in(self.0.as_bytes()).unwrap_or(self.0.len());
        self.0.get(..end).unwrap_or_default()
    }
}

/// The octets that percent-encoded ones stand for.
fn decoded(mut octets: &[u8]) -> impl Iterator<Item = u8> {
    core::iter::from_fn(move || {
        let (octet, behind) = octets.split_first()?;
        let pair = match (octet, behind) {
            (b'%', [high, low, rest @ ..]) => {
                let digit = |octet: &u8| char::from(*octet).to_digit(16);
                digit(high).zip(digit(low)).map(|(high, low)| (high * 16 + low, rest))
            }
            _ => None,
        };
        let (octet, rest) = match pair {
            Some((value, rest)) => (u8::try_from(value).ok()?, rest),
            None => (*octet, behind),
        };
        octets = rest;
        Some(octet)
    })
}

/// `reserved` and `unreserved` of RFC 3986 section 2, without `#`, which begins a fragment.
const fn is_uri(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b':'
                | b'/'
                | b'?'
                | b'['
                | b']'
                | b'@'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        )
}

impl fmt::Debug for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({}{})", self.shown(), if self.is_key() { "***" } else { "" })
    }
}
