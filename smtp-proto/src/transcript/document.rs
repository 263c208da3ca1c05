//! A transcript as a whole.

use alloc::vec::Vec;

use super::{Entry, Recorder, Speaker};

/// The record of one session, as a value that can be written down, read back and
/// [replayed](super::replay::Replay).
///
/// `Display` and `FromStr` are its [file form](super#the-file-form): what was written is read back
/// as the same value.
#[derive(Debug, Clone)]
pub struct Transcript {
    role: Speaker,
    pub(super) dropped: u64,
    entries: Vec<Entry>,
    /// The line of the file form at which each entry begins.
    lines: Vec<usize>,
    /// The next line.
    next: usize,
    greeted: bool,
}

/// How it was laid out in a file makes no difference.
impl PartialEq for Transcript {
    fn eq(&self, other: &Self) -> bool {
        let this = (self.role, self.dropped, &self.entries);
        this == (other.role, other.dropped, &other.entries)
    }
}

impl Eq for Transcript {}

impl Transcript {
    /// An empty transcript of a session of this side.
    pub fn new(role: Speaker) -> Self {
        let (entries, lines) = (Vec::new(), Vec::new());
        Self { role, dropped: 0, entries, lines, next: 2, greeted: false }
    }

    /// Takes everything out of `recorder`. To be called again as a session goes on.
    pub fn take(&mut self, recorder: &mut Recorder) {
        self.dropped = recorder.dropped();
        recorder.drain().for_each(|entry| self.push(entry));
    }

    /// Appends an entry. Content that goes on with that of the entry before is joined to it.
    pub fn push(&mut self, entry: Entry) {
        let next = self.next.saturating_add(entry.line_count());
        self.push_at(entry, self.next);
        self.next = next;
    }

    /// Appends an entry that begins at this line of a file.
    pub(super) fn push_at(&mut self, entry: Entry, line: usize) {
        let entry = match entry {
            Entry::Greeting(reply) | Entry::Reply(reply) => {
                let first = !core::mem::replace(&mut self.greeted, true);
                if first { Entry::Greeting(reply) } else { Entry::Reply(reply) }
            }
            entry => entry,
        };
        if self.entries.last_mut().is_some_and(|last| last.join(&entry)) || entry.is_void() {
            return;
        }
        self.entries.push(entry);
        self.lines.push(line);
    }

    /// Whose session it is: what the other one says comes in.
    pub fn role(&self) -> Speaker {
        self.role
    }

    /// What is recorded, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many entries are missing at the beginning.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The line of its file form at which an entry begins, counted from 1; behind the last entry the
    /// line that is next.
    pub fn line(&self, entry: usize) -> usize {
        self.lines.get(entry).copied().unwrap_or(self.next)
    }

    pub(super) fn end_at(&mut self, line: usize) {
        self.next = line;
    }
}
