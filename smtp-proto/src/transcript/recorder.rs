//! What a session is recorded with.

use alloc::{collections::VecDeque, vec::Vec};

use super::{Body, Entry, Speaker, Spoken, entry::count, mask};
use crate::{command::Verb, status::Code};

/// What becomes of message content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Content {
    /// It is counted and not kept.
    #[default]
    Elided,
    /// It is kept; of each message, or each chunk, the first `limit` octets, and the others are
    /// counted.
    Kept {
        /// The most octets kept of one.
        limit: usize,
    },
}

/// How a session is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recording {
    /// The most entries held until they are [drained](Recorder::drain); the oldest is dropped for
    /// one more.
    pub entries: usize,
    /// About the most octets of memory they may take. Content beyond it is elided; for anything
    /// else the oldest entries are dropped.
    pub octets: usize,
    /// What becomes of message content.
    pub content: Content,
}

impl Default for Recording {
    /// 4096 entries of 1 MiB, content elided.
    fn default() -> Self {
        Self { entries: 4096, octets: 1 << 20, content: Content::Elided }
    }
}

impl From<usize> for Recording {
    /// At most so many entries.
    fn from(entries: usize) -> Self {
        Self { entries, ..Self::default() }
    }
}

impl From<Content> for Recording {
    fn from(content: Content) -> Self {
        Self { content, ..Self::default() }
    }
}

impl Recording {
    /// The same with these bounds: the most entries, and the most octets.
    #[must_use]
    pub const fn bounds(mut self, entries: usize, octets: usize) -> Self {
        (self.entries, self.octets) = (entries, octets);
        self
    }
}

/// The record of a session, bounded; switched on by [`Wire::record`](crate::wire::Wire::record).
#[derive(Debug)]
pub struct Recorder {
    entries: VecDeque<Entry>,
    recording: Recording,
    /// Octets the entries take.
    held: usize,
    dropped: u64,
    /// Octets kept of the message or chunk under way.
    kept: usize,
    /// A reply was recorded.
    greeted: bool,
    /// Since the last AUTH no command was recognized.
    after_auth: bool,
}

impl Recorder {
    pub(crate) fn new(recording: Recording) -> Self {
        Self {
            entries: VecDeque::new(),
            recording: Recording { entries: recording.entries.max(1), ..recording },
            held: 0,
            dropped: 0,
            kept: 0,
            greeted: false,
            after_auth: false,
        }
    }

    /// Takes out everything recorded since the last call.
    pub fn drain(&mut self) -> impl Iterator<Item = Entry> + '_ {
        self.held = 0;
        self.entries.drain(..)
    }

    /// How many entries were dropped, oldest first, because they were not drained in time.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn keeps_content(&self) -> bool {
        self.recording.content != Content::Elided
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        if !matches!(entry, Entry::Content(_) | Entry::Chunk(_) | Entry::Leniency(_)) {
            self.kept = 0;
        }
        self.held += entry.held();
        self.entries.push_back(entry);
        while self.entries.len() > self.recording.entries
            || (self.held > self.recording.octets && self.entries.len() > 1)
        {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.held = self.held.saturating_sub(oldest.held());
            self.dropped += 1;
        }
    }

    /// A command without its CRLF, or a whole reply.
    pub(crate) fn line(&mut self, speaker: Speaker, line: &[u8]) {
        match speaker {
            Speaker::Client => self.command(line, |_| true, false),
            Speaker::Server => self.reply(Spoken::plain(line)),
        }
    }

    /// A command. Of an AUTH command the mechanism is shown if it is `known`; a line that is
    /// `registered` is a command although its verb is not one of ours.
    pub(crate) fn command(&mut self, line: &[u8], known: impl Fn(&[u8]) -> bool, registered: bool) {
        // Also where blanks make a malformed line of it: the client meant it.
        let verb = Verb::of(line.trim_ascii_start());
        let spoken = if verb == Verb::Auth {
            self.after_auth = true;
            Spoken::masked(mask::auth(line, known))
        } else if verb == Verb::Other && self.after_auth && !registered {
            Spoken::masked(mask::stray(line))
        } else {
            self.after_auth = false;
            match mask::url(line) {
                Some(masked) => Spoken::masked(masked),
                None => Spoken::plain(line),
            }
        };
        self.push(Entry::Command(spoken));
    }

    /// A response of the AUTH exchange without its CRLF, or a whole reply with a challenge.
    pub(crate) fn secret(&mut self, speaker: Speaker, line: &[u8]) {
        match speaker {
            Speaker::Client => {
                self.after_auth = true;
                self.push(Entry::Command(Spoken::masked(mask::response(line))));
            }
            Speaker::Server => self.reply(Spoken::masked(mask::challenge(line))),
        }
    }

    fn reply(&mut self, reply: Spoken) {
        let first = !core::mem::replace(&mut self.greeted, true);
        self.push(if first { Entry::Greeting(reply) } else { Entry::Reply(reply) });
    }

    /// Octets of a peer that speaks something else.
    pub(crate) fn foreign(&mut self, speaker: Speaker, octets: &[u8]) {
        let octets = match octets.strip_prefix(Code::CHALLENGE.digits().as_slice()) {
            Some(_) => Spoken::masked(mask::challenge(octets)),
            None => Spoken::plain(octets),
        };
        self.push(Entry::Foreign { speaker, octets });
    }

    /// `octets` of content passed; `raw` are they, where [`keeps_content`](Self::keeps_content).
    pub(crate) fn content(&mut self, chunked: bool, raw: &[u8], octets: usize) {
        if octets == 0 {
            return;
        }
        let room = match self.recording.content {
            Content::Elided => 0,
            Content::Kept { limit } => {
                limit.saturating_sub(self.kept).min(self.recording.octets.saturating_sub(self.held))
            }
        };
        let keep = raw.get(..room.min(octets)).unwrap_or(raw);
        // What follows an octet that was left out cannot be kept: its place would be lost.
        self.kept = if keep.len() < octets { usize::MAX } else { self.kept.saturating_add(octets) };
        let more =
            Body { kept: Vec::from(keep), elided: count(octets).saturating_sub(count(keep.len())) };
        let held = more.kept.len();
        let more = if chunked { Entry::Chunk(more) } else { Entry::Content(more) };
        if self.entries.back_mut().is_some_and(|last| last.join(&more)) {
            self.held += held;
        } else {
            self.push(more);
        }
    }
}
