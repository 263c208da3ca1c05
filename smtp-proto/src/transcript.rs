//! What was said, line by line, with secrets masked: for people and for logs.
//!
//! The transcript is written by the machines themselves, where it is known what a line means, so an
//! adapter cannot leak a password by logging octets.

use alloc::{collections::VecDeque, string::String};
use core::fmt;

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The SMTP client.
    Client,
    /// The SMTP server.
    Server,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Said {
    /// A command or a reply line without its CRLF; secrets appear as `***`, octets outside printable
    /// ASCII and UTF-8 as escapes.
    Line(String),
    /// This many octets of message content, in one run.
    Content(u64),
    /// A TLS handshake was completed.
    Tls,
}

/// A line of a [`Transcript`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who spoke.
    pub speaker: Speaker,
    /// What was said.
    pub said: Said,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.speaker {
            Speaker::Client => "C:",
            Speaker::Server => "S:",
        };
        match &self.said {
            Said::Line(line) => write!(f, "{mark} {line}"),
            Said::Content(octets) => write!(f, "{mark} [{octets} octets of content]"),
            Said::Tls => f.write_str("-- TLS --"),
        }
    }
}

/// A bounded record of a session; switched on by [`Wire::record`](crate::wire::Wire::record).
#[derive(Debug)]
pub struct Transcript {
    entries: VecDeque<Entry>,
    limit: usize,
    dropped: u64,
}

impl Transcript {
    pub(crate) fn new(limit: usize) -> Self {
        Self { entries: VecDeque::new(), limit: limit.max(1), dropped: 0 }
    }

    /// Takes out all lines recorded since the last call.
    pub fn drain(&mut self) -> impl Iterator<Item = Entry> + '_ {
        self.entries.drain(..)
    }

    /// How many lines were dropped, oldest first, because they were not drained in time.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn push(&mut self, speaker: Speaker, said: Said) {
        if let (Said::Content(more), Some(Entry { speaker: last, said: Said::Content(octets) })) =
            (&said, self.entries.back_mut())
            && *last == speaker
        {
            *octets += more;
            return;
        }
        if self.entries.len() == self.limit {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.entries.push_back(Entry { speaker, said });
    }

    /// Records `lines`, which end with CRLF or the end of the slice.
    pub(crate) fn lines(&mut self, speaker: Speaker, lines: &[u8]) {
        let lines = lines.strip_suffix(b"\r\n").unwrap_or(lines);
        for line in lines.split(|&octet| octet == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = match core::str::from_utf8(line) {
                Ok(line) => line.chars().flat_map(escape).collect(),
                Err(_) => line.escape_ascii().map(char::from).collect(),
            };
            self.push(speaker, Said::Line(line));
        }
    }
}

/// Control characters as escapes, all else as it is: a line of a log stays a line.
fn escape(character: char) -> impl Iterator<Item = char> {
    let control = character.is_control();
    let plain = (!control).then_some(character);
    let escaped = control.then(|| character.escape_default()).into_iter().flatten();
    plain.into_iter().chain(escaped)
}
