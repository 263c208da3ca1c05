//! Replies: reading, keeping, showing and writing them.
//!
//! RFC 5321 §4.2 (form), §4.2.1 (multi-line replies), §4.5.3.1.5 (line length); RFC 2034 (enhanced
//! codes in front of the text); RFC 6531 §3.7.4 (UTF-8 in reply text).
//!
//! A client decides by the code alone (F-30). The text is for people; it is kept octet for octet.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use crate::answer::Rejection;
use crate::status::{Code, EnhancedCode, Severity};

pub use self::read::{CodeMismatch, ReplyError, ReplyReader, ReplyRules};
pub use self::write::{TextCharset, write_reply};

mod read;
pub(crate) mod scan;
#[cfg(test)]
mod tests;
mod write;

/// A whole reply as it stood on the wire, every line with its line end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    octets: &'a [u8],
    /// Where the last line starts: code and enhanced code are taken from it (F-28, R-09).
    last: usize,
    code: Code,
}

impl<'a> Reply<'a> {
    /// Reads exactly one whole reply by the default [`ReplyRules`].
    ///
    /// # Errors
    /// What [`ReplyReader::find`] refuses; [`ReplyError::Incomplete`] when the end is missing, and
    /// [`ReplyError::Trailing`] when something follows it.
    #[inline]
    pub fn parse(octets: &'a [u8]) -> Result<Self, ReplyError> {
        match Self::of_one_line(octets, ReplyRules::DEFAULT.within()) {
            Some(reply) => Ok(reply),
            None => Self::parse_any(octets, &ReplyRules::DEFAULT),
        }
    }

    /// Like [`Self::parse`], by other rules.
    ///
    /// # Errors
    /// See [`Self::parse`].
    #[inline]
    pub fn parse_with(octets: &'a [u8], rules: &ReplyRules) -> Result<Self, ReplyError> {
        match Self::of_one_line(octets, rules.within()) {
            Some(reply) => Ok(reply),
            None => Self::parse_any(octets, rules),
        }
    }

    /// What nearly every reply is, if `octets` are that: a line of no more than `most` octets.
    #[inline]
    fn of_one_line(octets: &'a [u8], most: usize) -> Option<Self> {
        let (length, code) = read::one_line(octets)?;
        (length == octets.len() && length <= most).then_some(Self { octets, last: 0, code })
    }

    /// The same of a reply of any form.
    #[inline(never)]
    fn parse_any(octets: &'a [u8], rules: &ReplyRules) -> Result<Self, ReplyError> {
        let reply = ReplyReader::default().read(octets, rules)?.ok_or(ReplyError::Incomplete)?;
        if reply.octets.len() < octets.len() {
            return Err(ReplyError::Trailing);
        }
        Ok(reply)
    }

    /// The reply of which a [`ReplyReader`] has found already how far it goes, at the start of `octets`,
    /// and what follows it.
    #[inline]
    pub(crate) fn at(octets: &'a [u8], extent: Extent) -> Option<(Self, &'a [u8])> {
        let (octets, behind) = octets.split_at_checked(extent.length)?;
        Some((Self { octets, last: extent.last, code: extent.code }, behind))
    }

    /// How far it goes.
    #[inline]
    pub(crate) const fn extent(self) -> Extent {
        Extent { length: self.octets.len(), last: self.last, code: self.code }
    }

    /// A reply that is whole: only the last line's code is read again.
    pub(crate) fn found(octets: &'a [u8]) -> Option<Self> {
        let body = octets.strip_suffix(b"\n")?;
        let last = memchr::memrchr(b'\n', body).map_or(0, |end| end + 1);
        Self::with_last_line(octets, last)
    }

    #[inline]
    fn with_last_line(octets: &'a [u8], last: usize) -> Option<Self> {
        let code = Code::from_digits(*octets.get(last..)?.first_chunk()?)?;
        Some(Self { octets, last, code })
    }

    /// The code; of the last line, should lines differ (see [`CodeMismatch`]).
    #[inline]
    pub const fn code(self) -> Code {
        self.code
    }

    /// What the first digit of the code says.
    #[inline]
    pub const fn severity(self) -> Severity {
        self.code.severity()
    }

    /// The enhanced code at the start of the last line's text, if its class is that of the code
    /// (R-09).
    #[inline]
    pub fn enhanced(self) -> Option<EnhancedCode> {
        // The line is not cut off its octets first: an enhanced code tells its end itself.
        let text = self.octets.get(self.last + 4..)?;
        let (enhanced, rest) = EnhancedCode::split(text)?;
        let ended = matches!(rest, [b' ' | b'\t', ..] | [] | b"\r\n" | b"\n");
        (ended && enhanced.severity() == self.code.severity()).then_some(enhanced)
    }

    /// The text of each line: what stands behind `ddd-` or `ddd `, an enhanced code included.
    pub fn lines(self) -> Lines<'a> {
        Lines { rest: self.octets }
    }

    /// The text of each line without the enhanced code and its blank.
    pub fn texts(self) -> Texts<'a> {
        Texts { lines: self.lines(), code: self.code }
    }

    /// The host that names itself in the text of 220, 221, 250 to a hello, and 421: the first word,
    /// behind an enhanced code if there is one (R-03). Octets as received; may be empty.
    pub fn host(self) -> &'a [u8] {
        let text = self.texts().next().unwrap_or_default();
        text.split(|&octet| matches!(octet, b' ' | b'\t')).next().unwrap_or_default()
    }

    /// How many octets of the content the server has already: what its 355 to MAIL begins with (RFC
    /// 1845 section 4). `None` for any other code, and for a 355 without a number.
    pub fn offset(self) -> Option<u64> {
        if self.code != Code::RESUME_AT_OFFSET {
            return None;
        }
        let digits = self.host();
        let decimal = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        if decimal { core::str::from_utf8(digits).ok()?.parse().ok() } else { None }
    }

    /// The octets of the whole reply, line ends included.
    #[inline]
    pub const fn octets(self) -> &'a [u8] {
        self.octets
    }

    /// A copy that borrows nothing.
    pub fn to_owned(self) -> ReplyBuf {
        ReplyBuf { octets: self.octets.into(), last: self.last, code: self.code }
    }
}

/// How far a reply goes, without its octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    length: usize,
    last: usize,
    code: Code,
}

/// The enhanced code at the start of a text, and the text behind it and its blank (G-58, R-09).
#[inline]
fn split_enhanced(code: Code, text: &[u8]) -> (Option<EnhancedCode>, &[u8]) {
    match EnhancedCode::parse(text) {
        Some((enhanced, len)) if enhanced.severity() == code.severity() => {
            (Some(enhanced), text.get(len + 1..).unwrap_or_default())
        }
        _ => (None, text),
    }
}

/// The texts of a reply's lines; see [`Reply::lines`].
#[derive(Clone)]
pub struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// Over the octets of a whole reply.
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let end = scan::newline(self.rest, 0)?;
        let (line, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Some(line.get(4..).unwrap_or_default())
    }
}

impl fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone().map(Shown)).finish()
    }
}

/// The texts of a reply's lines without enhanced codes; see [`Reply::texts`].
#[derive(Clone)]
pub struct Texts<'a> {
    lines: Lines<'a>,
    code: Code,
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.lines.next()?;
        Some(split_enhanced(self.code, text).1)
    }
}

impl fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone().map(Shown)).finish()
    }
}

/// For logs: the code, the enhanced code, and the texts joined by ` / `. Control characters and
/// what is not UTF-8 are escaped, so the result is always one harmless line.
impl fmt::Display for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.code, f)?;
        if let Some(enhanced) = self.enhanced() {
            write!(f, " {enhanced}")?;
        }
        for (index, text) in self.texts().enumerate() {
            if index > 0 {
                f.write_str(" / ")?;
            } else if text.is_empty() && self.last == 0 {
                break;
            } else {
                f.write_char(' ')?;
            }
            display_text(text, f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({self})")
    }
}

/// Text from a peer, shown by `display_text`.
struct Shown<'a>(&'a [u8]);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        display_text(self.0, f)?;
        f.write_char('"')
    }
}

/// Writes text from a peer so that it can be logged: printable characters as they are, others
/// escaped. Line and direction controls are escaped too, as they can make a log show what never was
/// sent.
pub(crate) fn display_text(text: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in text.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some((at, odd)) = rest.char_indices().find(|(_, character)| misleads(*character))
        {
            let (plain, behind) = rest.split_at(at);
            f.write_str(plain)?;
            match odd.is_control() {
                true => write!(f, "{}", odd.escape_default())?,
                false => write!(f, "{}", odd.escape_unicode())?,
            }
            rest = behind.get(odd.len_utf8()..).unwrap_or_default();
        }
        f.write_str(rest)?;
        for octet in chunk.invalid() {
            write!(f, "\\x{octet:02x}")?;
        }
    }
    Ok(())
}

/// Whether a character would change what a log shows around it.
fn misleads(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A reply that owns its octets.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyBuf {
    octets: Box<[u8]>,
    last: usize,
    code: Code,
}

impl ReplyBuf {
    /// Builds a reply as [`write_reply`] writes it, UTF-8 allowed.
    pub fn new(code: Code, enhanced: Option<EnhancedCode>, text: &str) -> Self {
        let mut octets = Vec::with_capacity(text.len() + 18);
        write_reply(&mut octets, code, enhanced, text, TextCharset::Utf8);
        let last = Reply::found(&octets).map_or(0, |reply| reply.last);
        Self { octets: octets.into_boxed_slice(), last, code }
    }

    /// The same as a borrowed [`Reply`].
    #[inline]
    pub const fn as_reply(&self) -> Reply<'_> {
        Reply { octets: &self.octets, last: self.last, code: self.code }
    }

    /// See [`Reply::code`].
    pub const fn code(&self) -> Code {
        self.code
    }

    /// See [`Reply::severity`].
    pub const fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// See [`Reply::enhanced`].
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        self.as_reply().enhanced()
    }
}

impl From<Reply<'_>> for ReplyBuf {
    fn from(reply: Reply<'_>) -> Self {
        reply.to_owned()
    }
}

impl From<&Rejection<'_>> for ReplyBuf {
    fn from(rejection: &Rejection<'_>) -> Self {
        Self::new(rejection.code(), Some(rejection.enhanced()), rejection.text())
    }
}

impl fmt::Display for ReplyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_reply(), f)
    }
}

impl fmt::Debug for ReplyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_reply(), f)
    }
}
