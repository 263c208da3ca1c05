//! What a server offered: its EHLO reply.
//!
//! ```text
//! ehlo-ok-rsp  = "250" ( "-" / SP ) Domain [ SP ehlo-greet ] CRLF  *( "250" ( "-" / SP ) ehlo-line CRLF )
//! ehlo-line    = ehlo-keyword *( SP ehlo-param )
//! ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
//! ehlo-param   = 1*(%d33-126)
//! ```
//!
//! RFC 5321 §4.1.1.1; lines that do not fit are ignored (RFC 5321 §2.2.2, C-07).

use core::fmt;

use super::{
    Extension, ExtensionSet,
    keyword::{self, leading},
};
use crate::command::Url;
use crate::reply::scan::newline;
use crate::reply::{Lines, Reply};
use crate::status::Code;
use crate::upstream::{Attribute, AttributeSet};

/// The limits a server announced by LIMITS (RFC 9422 §4); `None` where it named none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits9422 {
    /// MAILMAX: transactions in one session, 1 to 999999.
    pub mail_max: Option<u32>,
    /// RCPTMAX: recipients in one transaction, 1 to 999999.
    pub rcpt_max: Option<u32>,
    /// RCPTDOMAINMAX: distinct recipient domains in one session, 1 to 999999.
    pub rcpt_domain_max: Option<u32>,
}

/// What has been read out of an EHLO reply, without its octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Digest {
    set: ExtensionSet,
    size_limit: Option<u64>,
    limits: Limits9422,
}

/// The host name and the extensions of an EHLO (or LHLO) reply.
///
/// The first line is the host, never an extension; keywords compare without case; the first of
/// repeated keywords counts, but AUTH mechanisms are united; the old form `AUTH=` is taken too
/// (C-06 to C-10). Not for the reply to HELO, which offers nothing.
#[derive(Clone, Copy)]
pub struct Capabilities<'a> {
    octets: &'a [u8],
    digest: Digest,
}

impl<'a> Capabilities<'a> {
    /// Reads the reply to EHLO or LHLO. Never fails: malformed lines are ignored, and a reply other
    /// than 250 offers nothing.
    pub fn parse(reply: Reply<'a>) -> Self {
        let octets = reply.octets();
        let digest = if reply.code() == Code::OK { digest(octets) } else { Digest::default() };
        Self { octets, digest }
    }

    /// What was read, to be kept beside a copy of the octets.
    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    /// The same view again, of the octets of the reply that was read and what was read of it.
    pub(crate) const fn from_digest(octets: &'a [u8], digest: Digest) -> Self {
        Self { octets, digest }
    }

    /// The name the server gave itself: first word of the first line, as received.
    pub fn host(&self) -> &'a [u8] {
        split_word(Lines::new(self.octets).next().unwrap_or_default()).0
    }

    /// Whether the extension was offered.
    #[inline]
    pub const fn offers(&self, extension: Extension) -> bool {
        self.digest.set.contains(extension)
    }

    /// All known extensions that were offered.
    #[inline]
    pub const fn set(&self) -> ExtensionSet {
        self.digest.set
    }

    /// The largest message the server takes, in octets (RFC 1870 §4). `None` if SIZE was not
    /// offered, names no fixed limit (no number, or 0), or has no valid number. A number beyond 64
    /// bits is taken as `u64::MAX`.
    #[inline]
    pub const fn size_limit(&self) -> Option<u64> {
        self.digest.size_limit
    }

    /// The limits announced by LIMITS (RFC 9422).
    #[inline]
    pub const fn limits(&self) -> Limits9422 {
        self.digest.limits
    }

    /// The mechanisms offered by AUTH, in the order of the reply; one named twice comes twice.
    pub fn auth_mechanisms(&self) -> AuthMechanisms<'a> {
        let octets = if self.offers(Extension::Auth) { self.octets } else { b"" };
        AuthMechanisms { lines: CapabilityLines::new(octets), words: b"" }
    }

    /// Whether the mechanism is offered by AUTH, in any case of letters.
    pub fn offers_mechanism(&self, mechanism: &str) -> bool {
        self.auth_mechanisms().any(|offered| offered.eq_ignore_ascii_case(mechanism))
    }

    /// The attributes that XCLIENT takes; none when it was not offered. Names that are unknown are left
    /// out.
    pub fn xclient_attributes(&self) -> AttributeSet {
        self.attributes(Extension::XClient)
    }

    /// The attributes that XFORWARD takes; none when it was not offered.
    pub fn xforward_attributes(&self) -> AttributeSet {
        self.attributes(Extension::XForward)
    }

    fn attributes(&self, extension: Extension) -> AttributeSet {
        self.words(extension).filter_map(|word| Attribute::from_name(word.as_bytes())).collect()
    }

    /// The arguments of BURL: `imap`, and `imap://host` for each server that trusts this one (RFC 4468
    /// section 3.3). None may mean that one has to log in first.
    pub fn burl_arguments(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.words(Extension::Burl)
    }

    /// Whether BURL was offered, with the argument that this URL needs: `imap` for one of IMAP that is a
    /// key by URLAUTH, the name of its server for another of IMAP. What others need, nobody says.
    pub fn takes_url(&self, url: Url<'_>) -> bool {
        if !self.offers(Extension::Burl) {
            return false;
        }
        if !url.scheme().eq_ignore_ascii_case("imap") {
            return true;
        }
        self.burl_arguments().any(|argument| {
            if url.is_key() {
                argument.eq_ignore_ascii_case("imap")
            } else {
                Url::parse(argument).is_ok_and(|store| url.is_at(store))
            }
        })
    }

    fn words(&self, extension: Extension) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        let parameters =
            if self.offers(extension) { self.parameters(extension.keyword()) } else { None };
        parameters.unwrap_or_default().split([' ', '\t']).filter(|word| !word.is_empty())
    }

    /// The parameters of a keyword, known or not, from the first line that bears it: empty if it
    /// has none, `None` if there is no such line or it is not UTF-8.
    pub fn parameters(&self, keyword: &str) -> Option<&'a str> {
        let (_, parameters) =
            self.lines().find(|(name, _)| name.eq_ignore_ascii_case(keyword.as_bytes()))?;
        core::str::from_utf8(parameters).ok()
    }

    /// Each line behind the first, split at the first blank: keyword and parameters as received,
    /// malformed ones too.
    pub fn lines(&self) -> CapabilityLines<'a> {
        CapabilityLines::new(self.octets)
    }
}

impl fmt::Debug for Capabilities<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capabilities")
            .field("extensions", &self.digest.set)
            .field("size_limit", &self.digest.size_limit)
            .field("limits", &self.digest.limits)
            .finish_non_exhaustive()
    }
}

/// Reads all lines behind the first, once.
fn digest(octets: &[u8]) -> Digest {
    let mut digest = Digest::default();
    let mut rest = behind_newline(octets);
    while let Some((_, text)) = rest.split_at_checked(4) {
        let (word, len) = leading(text);
        let Some(extension) = keyword::of(word, len, text) else {
            digest.unknown(text);
            rest = behind_newline(text);
            continue;
        };
        let len = if len < 16 { len } else { extension.keyword().len() };
        let behind = text.get(len..).unwrap_or_default();
        let parameters = if let [b'\r', b'\n', next @ ..] = behind {
            rest = next;
            &[]
        } else {
            let end = newline(behind, 0).unwrap_or(behind.len());
            let line = behind.get(..end).unwrap_or_default();
            rest = behind.get(end + 1..).unwrap_or_default();
            line.strip_suffix(b"\r").unwrap_or(line)
        };
        if matches!(parameters, [] | [b' ' | b'\t', ..]) {
            digest.add(extension, parameters);
        }
    }
    digest
}

/// What follows the first line end.
#[inline]
fn behind_newline(octets: &[u8]) -> &[u8] {
    newline(octets, 0).and_then(|end| octets.get(end + 1..)).unwrap_or_default()
}

impl Digest {
    /// The offer is not believed.
    pub(crate) const fn withdraw(&mut self, extension: Extension) {
        self.set.remove(extension);
    }

    #[inline]
    fn add(&mut self, extension: Extension, parameters: &[u8]) {
        // The first of repeated keywords counts (C-08).
        let is_first = self.set.insert(extension);
        if is_first && matches!(extension, Extension::Size | Extension::Limits) {
            self.limit(extension, parameters);
        }
    }

    #[inline(never)]
    fn limit(&mut self, extension: Extension, parameters: &[u8]) {
        match extension {
            Extension::Size => self.size_limit = size_limit(parameters),
            _ => self.limits = limits(parameters),
        }
    }

    /// A keyword of no extension: it may be the old form of AUTH (C-09).
    #[inline]
    fn unknown(&mut self, text: &[u8]) {
        if old_auth(text).is_some() {
            self.set.insert(Extension::Auth);
        }
    }
}

/// What follows `AUTH=`.
fn old_auth(text: &[u8]) -> Option<&[u8]> {
    let (name, mechanisms) = text.split_at_checked(5)?;
    name.eq_ignore_ascii_case(b"AUTH=").then_some(mechanisms)
}

/// `size-param = 1*20DIGIT`, 0 for "no fixed limit" (RFC 1870 §4). Beyond 64 bits: the largest
/// number.
fn size_limit(parameters: &[u8]) -> Option<u64> {
    let (digits, size, rest) = decimal(skip_blanks(parameters));
    let valid = matches!(digits, 1..=20) && matches!(rest, [] | [b' ' | b'\t', ..]);
    (valid && size > 0).then_some(size)
}

/// `limits-param = limit-name-value *[SP limit-name-value]` (RFC 9422 §3). Unknown limits and
/// malformed values are ignored; the first of repeated names counts.
fn limits(parameters: &[u8]) -> Limits9422 {
    let mut limits = Limits9422::default();
    let mut rest = skip_blanks(parameters);
    while !rest.is_empty() {
        let (name, value) = rest.split_first_chunk().unwrap_or((&[0; 8], rest));
        rest = match &name.map(|octet| octet.to_ascii_uppercase()) {
            b"RCPTMAX=" => limit(&mut limits.rcpt_max, value),
            b"MAILMAX=" => limit(&mut limits.mail_max, value),
            b"RCPTDOMA" => match value.split_first_chunk::<6>() {
                Some((behind, value)) if behind.eq_ignore_ascii_case(b"INMAX=") => {
                    limit(&mut limits.rcpt_domain_max, value)
                }
                _ => split_word(rest).1,
            },
            _ => split_word(rest).1,
        };
        rest = skip_blanks(rest);
    }
    limits
}

/// Up to six digits, the first not 0 (RFC 9422 §4). Returns what follows the word.
fn limit<'a>(place: &mut Option<u32>, value: &'a [u8]) -> &'a [u8] {
    let (digits, number, rest) = decimal(value);
    let ended = matches!(rest, [] | [b' ' | b'\t', ..]);
    if !ended || !matches!(digits, 1..=6) || value.starts_with(b"0") {
        return split_word(rest).1;
    }
    *place = place.or(u32::try_from(number).ok());
    rest
}

/// The digits at the start: how many, their value or the largest one, and what follows them.
#[inline]
fn decimal(octets: &[u8]) -> (usize, u64, &[u8]) {
    /// As many digits never need more than 64 bits.
    const SAFE: usize = 19;

    let (mut value, mut rest) = (0_u64, octets);
    while let Some((&digit @ b'0'..=b'9', behind)) = rest.split_first() {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = behind;
    }
    let digits = octets.len() - rest.len();
    if digits > SAFE {
        let all = octets.iter().take(digits);
        value = all.fold(0, |value: u64, digit| {
            value.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        });
    }
    (digits, value, rest)
}

#[inline]
const fn skip_blanks(mut octets: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = octets {
        octets = rest;
    }
    octets
}

const fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// The octets in front of the first blank, and those behind it.
fn split_word(octets: &[u8]) -> (&[u8], &[u8]) {
    let end = octets.iter().position(|&octet| is_blank(octet)).unwrap_or(octets.len());
    (octets.get(..end).unwrap_or_default(), octets.get(end + 1..).unwrap_or_default())
}

/// Like [`split_word`], blanks in front left out.
fn next_word(octets: &[u8]) -> (&[u8], &[u8]) {
    split_word(skip_blanks(octets))
}

/// The lines of an EHLO reply behind the first; see [`Capabilities::lines`].
#[derive(Debug, Clone)]
pub struct CapabilityLines<'a> {
    lines: Lines<'a>,
}

impl<'a> CapabilityLines<'a> {
    fn new(octets: &'a [u8]) -> Self {
        Self { lines: Lines::new(behind_newline(octets)) }
    }
}

impl<'a> Iterator for CapabilityLines<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.lines.next().map(split_word)
    }
}

/// The AUTH mechanisms offered; see [`Capabilities::auth_mechanisms`].
#[derive(Debug, Clone)]
pub struct AuthMechanisms<'a> {
    lines: CapabilityLines<'a>,
    words: &'a [u8],
}

impl<'a> Iterator for AuthMechanisms<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let (word, rest) = next_word(self.words);
            self.words = rest;
            if !word.is_empty() {
                match mechanism(word) {
                    Some(name) => return Some(name),
                    None => continue,
                }
            }
            let text = self.lines.lines.next()?;
            let (keyword, mechanisms) = split_word(text);
            if keyword.eq_ignore_ascii_case(b"AUTH") {
                self.words = mechanisms;
            } else if let Some(mechanisms) = old_auth(text) {
                self.words = mechanisms;
            }
        }
    }
}

/// `sasl-mech = 1*20(UPPER-ALPHA / DIGIT / HYPHEN / UNDERSCORE)`, lower case taken too (RFC 4422
/// §3.1).
fn mechanism(word: &[u8]) -> Option<&str> {
    let valid = word.len() <= 20
        && word.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
    core::str::from_utf8(word).ok().filter(|_| valid)
}
