//! What was said in a session, and what a test says when something else was expected.

use std::{collections::VecDeque, fmt};

/// So many lines of a session are kept, the last ones.
const LINES: usize = 500;

/// So many octets of a line are shown.
const SHOWN: usize = 300;

/// What was said in one session, line by line: `C: ` and `S: `, and in brackets what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    lines: VecDeque<Box<str>>,
    left_out: usize,
}

impl Transcript {
    /// Each line without its end, octets beyond printable ASCII escaped.
    pub(super) fn said(&mut self, speaker: char, octets: &[u8]) {
        for line in octets.split_inclusive(|&octet| octet == b'\n') {
            let line = line.strip_suffix(b"\r\n").unwrap_or(line);
            let shown = line.get(..SHOWN).unwrap_or(line);
            let gap = if shown.len() < line.len() { "…" } else { "" };
            self.push(format!("{speaker}: {}{gap}", Shown(shown)));
        }
    }

    /// What happened.
    pub(super) fn note(&mut self, what: impl fmt::Display) {
        self.push(format!("[{what}]"));
    }

    fn push(&mut self, line: String) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
            self.left_out += 1;
        }
        self.lines.push_back(line.into());
    }

    /// The lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| &**line)
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.left_out > 0 {
            writeln!(f, "[{} lines before]", self.left_out)?;
        }
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Octets as they are shown in a line: UTF-8 as it is, without control characters.
struct Shown<'o>(&'o [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self.0) {
            Ok(text) if !text.contains(char::is_control) => f.write_str(text),
            _ => self.0.escape_ascii().fmt(f),
        }
    }
}

/// Something did not happen as a test expected it, with what was said until then.
///
/// It is shown in whole also by [`Debug`](fmt::Debug), so that `unwrap` and `?` in a test tell all of it.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected}; {found}\n{transcript}")]
pub struct Unmet {
    expected: String,
    found: String,
    transcript: String,
}

impl Unmet {
    pub(super) fn new(
        expected: impl fmt::Display,
        found: impl fmt::Display,
        transcript: impl fmt::Display,
    ) -> Self {
        let [expected, found] = [expected.to_string(), found.to_string()];
        Self { expected, found, transcript: transcript.to_string() }
    }

    /// What was expected.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What was there.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// What was said until then, of all sessions that were there.
    pub fn transcript(&self) -> &str {
        &self.transcript
    }
}

impl fmt::Debug for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
