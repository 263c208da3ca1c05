//! What a transaction has to know of a message, looked up in its octets.

use super::Content;
use crate::{
    data::{BareNewline, Unusual, untroubled},
    parameter::Body,
    utf8::Utf8Check,
};

/// Octets looked at by their newlines where the fast pass has met a bare one.
const STRETCH: usize = 24;

/// Looks at a message before it is sent: its size, its line ends, whether it is 8-bit, and whether
/// its header needs SMTPUTF8. Octets may come in any pieces.
///
/// The header needs SMTPUTF8 when it is UTF-8 and not ASCII alone (RFC 6532 section 3). Only the header
/// section of the message is looked at, not those of the parts of its body: who puts UTF-8 there sets
/// [`Content::smtputf8`] (RFC 6531 section 3.2).
///
/// ```
/// # use smtp_proto::client::Survey;
/// let mut survey = Survey::default();
/// survey.read("Subject: gr\u{fc}n\r\n\r\nHello\r\n".as_bytes());
/// assert_eq!(survey.content().size, Some(25));
/// assert!(survey.content().smtputf8 && survey.bare_newlines() == 0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Survey {
    octets: u64,
    /// As far as that is known.
    newlines: Newlines,
    /// Where there is a CR of which it is not known yet.
    cr: Option<u64>,
    /// Where the last line begins. The fast pass does not keep it: in a body it only matters whether the
    /// message ends there, and what is last is never passed.
    line_start: u64,
    high: bool,
    in_body: bool,
    header: Utf8Check,
}

/// The line ends of a message.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Newlines {
    /// There was a CRLF.
    crlf: bool,
    /// CRs that are not part of one.
    crs: u64,
    /// The same of LFs.
    lfs: u64,
}

impl Newlines {
    pub(super) const fn bare(self) -> u64 {
        self.crs + self.lfs
    }

    pub(super) const fn are_of_unix(self) -> bool {
        self.lfs > 0 && self.crs == 0 && !self.crlf
    }

    pub(super) const fn are_refused(self, policy: BareNewline) -> bool {
        match policy {
            BareNewline::Reject => self.bare() > 0,
            BareNewline::NormalizeLf => self.crs > 0,
            BareNewline::Normalize => false,
        }
    }
}

impl Survey {
    /// Looks at more octets.
    pub fn read(&mut self, octets: &[u8]) {
        let mut header = if self.in_body { 0 } else { octets.len() };
        let mut at = 0;
        while let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) {
            let passed = self.pass(octets, at);
            if passed > 0 {
                at += passed;
                continue;
            }
            // In the header, one line; in the body, a little more than what is wrong there.
            let within = match (self.in_body, at) {
                (false, _) => memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1),
                (true, 0) => 1,
                (true, _) if self.newlines.bare() == 0 => STRETCH.min(rest.len()),
                (true, _) => rest.len(),
            };
            let stretch = rest.get(..within).unwrap_or_default();
            let offset = self.octets.saturating_add(count(at));
            let in_header = !self.in_body;
            self.by_newlines(stretch, offset);
            if in_header && self.in_body {
                header = at;
            }
            at += within;
        }
        self.header.read(octets.get(..header).unwrap_or_default());
        self.octets = self.octets.saturating_add(count(octets.len()));
    }

    /// Goes over the octets of a body from `at` on, as far as all newlines are CRLF: how many octets.
    fn pass(&mut self, octets: &[u8], at: usize) -> usize {
        // Where one newline is bare most are, and the fast pass would be begun for nothing.
        if !self.in_body || self.newlines.bare() > 0 {
            return 0;
        }
        let Some(context) = at.checked_sub(1).and_then(|before| octets.get(before..)) else {
            return 0;
        };
        let offset = self.octets.saturating_add(count(at));
        if self.cr.is_some_and(|cr| cr + 1 != offset) {
            self.cr = None;
            self.newlines.crs += 1;
            return 0;
        }
        let mut unusual = Unusual::default();
        let passed = untroubled::<false>(context, &mut unusual);
        let octets = context.get(1..=passed).unwrap_or_default();
        self.newlines.crlf = self.newlines.crlf || memchr::memchr(b'\n', octets).is_some();
        if let Some((last, before)) = octets.split_last() {
            self.cr = (*last == b'\r').then_some(offset + count(before.len()));
        }
        self.high |= unusual.high;
        passed
    }

    /// Looks at octets by their newlines; the first of them is at `offset` of the message.
    fn by_newlines(&mut self, octets: &[u8], offset: u64) {
        for at in memchr::memchr2_iter(b'\r', b'\n', octets) {
            let offset = offset.saturating_add(count(at));
            let cr = self.cr.take();
            if octets.get(at) == Some(&b'\r') {
                self.newlines.crs += u64::from(cr.is_some());
                self.cr = Some(offset);
                continue;
            }
            let line_end = match cr {
                Some(cr) if cr + 1 == offset => {
                    self.newlines.crlf = true;
                    cr
                }
                cr => {
                    self.newlines.crs += u64::from(cr.is_some());
                    self.newlines.lfs += 1;
                    offset
                }
            };
            self.in_body |= line_end == self.line_start;
            self.line_start = offset + 1;
        }
        self.high |= !octets.is_ascii();
    }

    /// What is known now. The size is that of the content with each bare CR or LF made a CRLF and the
    /// last line completed, as it will be when it is sent.
    pub fn content(&self) -> Content {
        let completed = self.line_start == self.octets;
        let size = self.octets + self.bare_newlines() + if completed { 0 } else { 2 };
        let body = if self.high { Body::EightBitMime } else { Body::SevenBit };
        let smtputf8 = self.header.is_beyond_ascii();
        Content { size: Some(size), body, smtputf8 }
    }

    /// How many CRs and LFs are not part of a CRLF.
    pub fn bare_newlines(&self) -> u64 {
        self.newlines().bare()
    }

    /// Whether all lines end with LF alone, as they do in files on Unix, and there is no CR. A client
    /// that is to send such a message wants [`BareNewline::NormalizeLf`].
    pub fn has_unix_lines(&self) -> bool {
        self.newlines().are_of_unix()
    }

    /// Whether a client with that policy sends nothing of what has these line ends (F-10).
    pub fn is_refused(&self, policy: BareNewline) -> bool {
        self.newlines().are_refused(policy)
    }

    /// With a CR that nothing has come behind.
    pub(super) fn newlines(&self) -> Newlines {
        Newlines { crs: self.newlines.crs + u64::from(self.cr.is_some()), ..self.newlines }
    }
}

fn count(octets: usize) -> u64 {
    u64::try_from(octets).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_seen_for_what_it_is_however_it_is_cut() {
        /// Octets, bare CRs and LFs, Unix lines, size, 8-bit, SMTPUTF8.
        type Case<'c> = (&'c [u8], u64, bool, u64, bool, bool);
        let cases: [Case<'_>; 18] = [
            (b"", 0, false, 0, false, false),
            (b"a: b\r\n\r\nbody\r\n", 0, false, 14, false, false),
            (b"a: b\r\n\r\nbody", 0, false, 14, false, false),
            (b"a: b\n\nbody\n", 3, true, 14, false, false),
            (b"a: b\r\n\r\nbo\ndy\r\n", 1, false, 16, false, false),
            (b"a\rb\r\r\n", 2, false, 8, false, false),
            (b"a\r", 1, false, 5, false, false),
            // A CR in a file of Unix ends no line there.
            (b"a: b\rc: d\n\nbody\n", 4, false, 20, false, false),
            (b"a: b\n\nbody\n\r", 4, false, 18, false, false),
            (b"a: b\n\nbo\r\rdy\n", 5, false, 18, false, false),
            (b"a\rb\r", 2, false, 8, false, false),
            ("a: b\r\n\r\nh\u{e9}\r\n".as_bytes(), 0, false, 13, true, false),
            ("a: \u{e9}\r\n\r\nh\r\n".as_bytes(), 0, false, 12, true, true),
            ("a: \u{e9}\r\n".as_bytes(), 0, false, 7, true, true),
            ("a: b\n\n\u{e9}\n".as_bytes(), 3, true, 12, true, false),
            (b"a: \xe9\r\n\r\nh\r\n", 0, false, 11, true, false),
            (b"a: \xc3\r\n\r\n\xa9\r\n", 0, false, 11, true, false),
            ("\r\n\u{e9}\r\n".as_bytes(), 0, false, 6, true, false),
        ];
        for (octets, bare, unix, size, high, smtputf8) in cases {
            for first in 0..=octets.len() {
                for second in first..=octets.len() {
                    let mut survey = Survey::default();
                    survey.read(&octets[..first]);
                    survey.read(&octets[first..second]);
                    survey.read(&octets[second..]);
                    let shown = octets.escape_ascii();
                    assert_eq!(survey.bare_newlines(), bare, "{shown}");
                    assert_eq!(survey.has_unix_lines(), unix, "{shown}");
                    assert_eq!(survey.is_refused(BareNewline::Reject), bare > 0, "{shown}");
                    assert!(!survey.is_refused(BareNewline::Normalize), "{shown}");
                    let crs = (0..octets.len()).filter(|at| octets[*at] == b'\r');
                    let bare_cr = crs.into_iter().any(|at| octets.get(at + 1) != Some(&b'\n'));
                    assert_eq!(survey.is_refused(BareNewline::NormalizeLf), bare_cr, "{shown}");
                    let body = if high { Body::EightBitMime } else { Body::SevenBit };
                    let content = Content { size: Some(size), body, smtputf8 };
                    assert_eq!(survey.content(), content, "{shown} {first} {second}");
                }
            }
        }
    }

    /// Long enough for the fast pass, whose windows are of 34 octets and more: what is unusual at each
    /// place of a body, and each cut, against octets looked at one by one.
    #[test]
    fn what_is_unusual_in_a_long_body_is_seen_wherever_it_stands() {
        let line = [&b"x".repeat(40)[..], b"\r\n"].concat();
        let plain = [&b"a: b\r\n\r\n"[..], &line.repeat(6)].concat();
        for unusual in [&b"\r"[..], b"\n", b"\r\r\n", b"\n\r", b"\xe9", b"\0", b"\r\n"] {
            for at in 8..plain.len() {
                let message = [&plain[..at], unusual, &plain[at..]].concat();
                let mut slowly = Survey::default();
                message.iter().for_each(|octet| slowly.read(&[*octet]));
                for cut in [0, 8, 9, at, at + 1, at + 33, message.len() / 2] {
                    let (front, back) = message.split_at(cut.min(message.len()));
                    let mut survey = Survey::default();
                    survey.read(front);
                    survey.read(back);
                    let shown = (unusual.escape_ascii(), at, cut);
                    assert_eq!(survey.content(), slowly.content(), "{shown:?}");
                    assert_eq!(survey.bare_newlines(), slowly.bare_newlines(), "{shown:?}");
                    assert_eq!(survey.has_unix_lines(), slowly.has_unix_lines(), "{shown:?}");
                    let refused =
                        [&survey, &slowly].map(|one| one.is_refused(BareNewline::NormalizeLf));
                    assert_eq!(refused[0], refused[1], "{shown:?}");
                    assert_eq!(survey.high, message.contains(&0xe9), "{shown:?}");
                }
            }
        }
    }
}
