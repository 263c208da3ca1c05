//! Finding the end of a reply while its octets arrive.
//!
//! ```text
//! Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
//! Reply-code = %x32-35 DIGIT DIGIT
//! ```
//!
//! RFC 5321 §4.2. The second digit may be any: first digit 2 to 5 decides (F-30). Text is not
//! looked at: F-33 binds the sender, and a client that refused a reply for its text would lose mail
//! over a comment.

use super::{Extent, Reply, scan};
use crate::status::Code;

/// Limits and leniences of reading replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyRules {
    /// Octets of one line, its line end included. Default 12294: a 334 may be long (RFC 4954 §4).
    pub max_line: usize,
    /// Lines of one reply. Default 128.
    pub max_lines: usize,
    /// Octets of one reply. Default 65536.
    pub max_octets: usize,
    /// Also take LF without CR as a line end (not RFC 5321 §2.3.8). Default off. Must stay off
    /// before and during STARTTLS.
    pub lenient_lf: bool,
    /// What to do when the lines of a reply bear different codes. Default: error.
    pub code_mismatch: CodeMismatch,
}

impl ReplyRules {
    pub(super) const DEFAULT: Self = Self {
        max_line: 12_294,
        max_lines: 128,
        max_octets: 65_536,
        lenient_lf: false,
        code_mismatch: CodeMismatch::Error,
    };

    /// As many octets break none of the limits of octets.
    #[inline]
    pub(crate) fn within(&self) -> usize {
        self.max_line.min(self.max_octets)
    }
}

impl Default for ReplyRules {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What to do with a reply whose lines bear different codes (RFC 5321 §4.2.1 leaves it open).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CodeMismatch {
    /// The reply is garbled: nothing it says can be relied on.
    #[default]
    Error,
    /// The last line's code counts.
    Last,
}

/// Why octets are not a reply. Each is the end of the session: nothing behind it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// A line does not start with three digits, the first 2 to 5, and one of blank, `-` and CRLF.
    #[error("not a reply line")]
    NotAReply,
    /// A line ends with LF alone.
    #[error("reply line ends with a bare LF")]
    BareNewline,
    /// Lines of one reply bear different codes.
    #[error("lines of one reply bear different codes")]
    CodeMismatch,
    /// A line is longer than allowed.
    #[error("reply line too long")]
    LineTooLong,
    /// The reply has more lines than allowed.
    #[error("reply has too many lines")]
    TooManyLines,
    /// The reply has more octets than allowed.
    #[error("reply too long")]
    TooLong,
    /// The end of the reply is missing ([`Reply::parse`] only).
    #[error("reply is not complete")]
    Incomplete,
    /// Octets follow the reply ([`Reply::parse`] only).
    #[error("octets behind the reply")]
    Trailing,
}

/// Finds the end of a reply as its octets arrive, in time linear in its length: however it is cut,
/// the text of a line is looked at once, or twice if the line was not whole at first.
///
/// The result does not depend on how the input is cut (F-02).
#[derive(Debug, Clone, Default)]
pub struct ReplyReader {
    /// Where the unfinished line starts.
    line: usize,
    /// How many octets of that line have been searched for LF.
    seen: usize,
    /// Whole lines in front of it.
    lines: usize,
}

impl ReplyReader {
    /// Looks for the end of the reply. `buffer` starts at the reply's first octet and holds all
    /// that has arrived of it, perhaps more. The length of the whole reply with its line end is
    /// returned as soon as it is there; the reader is then ready for the next one.
    ///
    /// # Errors
    /// A [`ReplyError`], as soon as the octets seen cannot become a reply within `rules`. It is
    /// final.
    #[inline]
    pub fn find(&mut self, buffer: &[u8], rules: &ReplyRules) -> Result<Option<usize>, ReplyError> {
        Ok(self.read(buffer, rules)?.map(|reply| reply.octets().len()))
    }

    /// Like [`Self::find`], but returns the reply itself.
    ///
    /// # Errors
    /// See [`Self::find`].
    #[inline]
    pub fn read<'a>(
        &mut self,
        buffer: &'a [u8],
        rules: &ReplyRules,
    ) -> Result<Option<Reply<'a>>, ReplyError> {
        if let Some(extent) = self.whole(buffer, rules.within(), rules.max_lines) {
            return Ok(Reply::at(buffer, extent).map(|(reply, _)| reply));
        }
        self.read_any(buffer, rules)
    }

    /// Reads a reply of any form, whole or not.
    #[inline(never)]
    pub(crate) fn read_any<'a>(
        &mut self,
        buffer: &'a [u8],
        rules: &ReplyRules,
    ) -> Result<Option<Reply<'a>>, ReplyError> {
        let first = buffer.first_chunk().map(|head| u32::from_le_bytes(*head) & CODE);
        loop {
            // All within the limits is judged first, the limits afterwards: so the verdict is the
            // same whether the octets beyond them have arrived or not.
            let limit = self.line.saturating_add(rules.max_line).min(rules.max_octets);
            let visible = buffer.get(..limit).unwrap_or(buffer);
            let line = visible.get(self.line..).unwrap_or_default();
            let Some((len, last)) = self.line_length(first, line, rules)? else {
                if buffer.len() <= limit {
                    return Ok(None);
                }
                return Err(if limit == rules.max_octets {
                    ReplyError::TooLong
                } else {
                    ReplyError::LineTooLong
                });
            };
            let start = self.line;
            let end = start.saturating_add(len);
            if last {
                *self = Self::default();
                let octets = buffer.get(..end).unwrap_or_default();
                return Reply::with_last_line(octets, start).ok_or(ReplyError::NotAReply).map(Some);
            }
            if self.lines + 1 >= rules.max_lines {
                return Err(ReplyError::TooManyLines);
            }
            self.lines += 1;
            self.line = end;
            self.seen = 0;
        }
    }

    /// Reads what nearly every reply is: whole, the same code on all lines, each ended by CRLF, in a
    /// buffer of no more than `most` octets, so that it can break no limit but that of lines. Whole
    /// lines are done with, all else is left to [`Self::read`].
    #[inline(always)]
    pub(crate) fn whole(&mut self, buffer: &[u8], most: usize, max_lines: usize) -> Option<Extent> {
        if self.seen != 0 || buffer.len() > most {
            return None;
        }
        let head = u32::from_le_bytes(*buffer.first_chunk()?);
        let digits = head & CODE;
        let code = Code::from_word(digits)?;
        if self.line == 0 && head ^ digits == BLANK {
            let (length, _) = plain_line(buffer, 0, digits)?;
            return Some(Extent { length, last: 0, code });
        }
        let (last, length) = self.many_lines(buffer, digits, max_lines)?;
        Some(Extent { length, last, code })
    }

    /// The same of more than one line: where the last begins and ends.
    #[inline(never)]
    fn many_lines(
        &mut self,
        buffer: &[u8],
        digits: u32,
        max_lines: usize,
    ) -> Option<(usize, usize)> {
        let (mut start, mut lines) = (self.line, self.lines);
        while let Some((end, separator)) = plain_line(buffer, start, digits) {
            if separator == BLANK {
                *self = Self::default();
                return Some((start, end));
            }
            if lines + 1 >= max_lines {
                break;
            }
            (start, lines) = (end, lines + 1);
        }
        (self.line, self.lines) = (start, lines);
        None
    }

    /// The length of the unfinished line with its line end, once it is there, and whether it is the
    /// last. `first` is the code of the first line.
    #[inline]
    fn line_length(
        &mut self,
        first: Option<u32>,
        line: &[u8],
        rules: &ReplyRules,
    ) -> Result<Option<(usize, bool)>, ReplyError> {
        let Some(head) = line.first_chunk() else {
            judge_digits(line)?;
            return Ok(None);
        };
        let head = u32::from_le_bytes(*head);
        // Octets 4 and 5 hold the separator, and the LF of a CRLF in its place.
        if self.seen < 5 {
            judge_head(first, head, line, rules)?;
        }
        let from = self.seen.max(3);
        let Some(found) = memchr::memchr(b'\n', line.get(from..).unwrap_or_default()) else {
            self.seen = line.len();
            return Ok(None);
        };
        let end = from + found;
        if line.get(end.wrapping_sub(1)) != Some(&b'\r') && !rules.lenient_lf {
            return Err(ReplyError::BareNewline);
        }
        Ok(Some((end + 1, head & !CODE != HYPHEN)))
    }
}

/// The octets of the code in the first word of a line.
const CODE: u32 = 0x00ff_ffff;
/// A blank or `-` as the separator in that word.
const BLANK: u32 = 0x2000_0000;
const HYPHEN: u32 = 0x2d00_0000;

/// Reads what nearly every reply is, a line that is whole: its length with its line end, and its code.
#[inline]
pub(super) fn one_line(buffer: &[u8]) -> Option<(usize, Code)> {
    let head = u32::from_le_bytes(*buffer.first_chunk()?);
    let digits = head & CODE;
    let code = Code::from_word(digits)?;
    if head ^ digits != BLANK {
        return None;
    }
    let end = scan::newline(buffer, 4)?;
    let ended = buffer.get(end.wrapping_sub(1)) == Some(&b'\r');
    ended.then_some((end + 1, code))
}

/// Where the line at `start` ends, and what separates its code from its text, if it is whole, has the
/// code of these digits and ends with CRLF.
#[inline(always)]
fn plain_line(buffer: &[u8], start: usize, digits: u32) -> Option<(usize, u32)> {
    let head = u32::from_le_bytes(*buffer.get(start..)?.first_chunk()?);
    let separator = head ^ digits;
    if separator != BLANK && separator != HYPHEN {
        return None;
    }
    let end = scan::newline(buffer, start + 4)?;
    let ended = buffer.get(end.wrapping_sub(1)) == Some(&b'\r');
    ended.then_some((end + 1, separator))
}

/// Judges the first octets of a line whose code is not whole yet.
#[cold]
fn judge_digits(line: &[u8]) -> Result<(), ReplyError> {
    let [first, second, third] = [line.first(), line.get(1), line.get(2)];
    let digits = second.is_none_or(u8::is_ascii_digit) && third.is_none_or(u8::is_ascii_digit);
    if first.is_none_or(|octet| (b'2'..=b'5').contains(octet)) && digits {
        return Ok(());
    }
    Err(ReplyError::NotAReply)
}

/// Judges code and separator of a line. An LF in its place is judged as the end of the line.
#[inline]
fn judge_head(
    first: Option<u32>,
    head: u32,
    line: &[u8],
    rules: &ReplyRules,
) -> Result<(), ReplyError> {
    let [a, b, c, separator] = head.to_le_bytes();
    if Code::from_digits([a, b, c]).is_none() {
        return Err(ReplyError::NotAReply);
    }
    if first != Some(head & CODE) && rules.code_mismatch == CodeMismatch::Error {
        return Err(ReplyError::CodeMismatch);
    }
    match (separator, line.get(4)) {
        (b' ' | b'-' | b'\n', _) | (b'\r', None | Some(b'\n')) => Ok(()),
        _ => Err(ReplyError::NotAReply),
    }
}
