//! A recorded session, played once more into a fresh machine.
//!
//! A [`Replay`] says to the machine what the peer said, gives the answers the application gave (or, to
//! a client, its calls), and compares all that the machine says and does with the record. The events
//! of the session come again, in their order. The first difference ends it, and is told with the line
//! of the transcript's file.
//!
//! ```
//! use std::sync::Arc;
//! use smtp_proto::{
//!     domain::Host,
//!     server::{Config, Event, Server},
//!     transcript::{Transcript, replay::Replay},
//! };
//!
//! let transcript: Transcript = "smtp-transcript 1 server\n\
//!     accept\n\
//!     S: 220 mx.example ESMTP\n\
//!     C: HELO c.example\n\
//!     reject 550 5.7.1 not you\n\
//!     S: 550 not you\n\
//!     eof\n"
//!     .parse()?;
//! let config = Arc::new(Config::new(Host::parse("mx.example")?));
//! let mut events = Vec::new();
//! let replayed = Replay::new(&transcript).serve(Server::new(config), |event| {
//!     events.push(format!("{event:?}").split([' ', '(']).next().map(str::to_owned));
//! })?;
//! assert_eq!(events.into_iter().flatten().collect::<Vec<_>>(), ["Connected", "Hello", "Fault"]);
//! assert!(replayed.is_faithful());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The machine must be configured as the recorded one was; [`config`](mod@config) guesses it from what
//! was said.
//!
//! # What a record does not hold
//!
//! - **Secrets** are masked. In their place come octets of the same length (`A`, which is base64 of
//!   zeros), malformed where the recorded ones were; or those of [`Replay::secret`].
//! - **Content** that was elided is replaced by as many octets in lines of `x`: neither dots nor 8-bit
//!   octets nor bare line ends. What a reply owed to the content itself will differ, and the size of
//!   a message counts no dots that had been added.
//! - **The data of a channel binding** are not recorded, as they are secrets of TLS: 32 octets stand in
//!   for each kind.
//! - **How the octets were cut** is not recorded, as it makes no difference; a command comes in when the
//!   one before it is answered. So what was forgiven is told again, but not compared: some of it hangs
//!   on what came together.
//!
//! [`Replayed`] tells what of this there was.

mod client;
pub mod config;
mod server;
mod stand_in;

pub(crate) use self::server::rejection;

use alloc::{boxed::Box, collections::VecDeque, string::ToString, vec::Vec};
use core::fmt;

use self::stand_in::Filler;
use super::{Body, Content, Entry, Recording, Spoken, Transcript, entry::is_mask};
use crate::{auth::Secret, client::Misuse, sequence::State, wire::Wire};

/// The most octets that stand in for elided ones, unless [`Replay::limit`] says otherwise.
const LIMIT: u64 = 1 << 30;

/// A recorded session that is to be played once more.
#[derive(Debug)]
pub struct Replay<'t> {
    transcript: &'t Transcript,
    pieces: usize,
    limit: u64,
    secrets: VecDeque<Secret>,
}

/// How a replay went that showed no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Replayed {
    /// How many masked secrets were replaced by stand-ins.
    pub secrets: u64,
    /// How many octets of content, of lines too long and of what was not read were replaced by
    /// stand-ins.
    pub octets: u64,
    /// The session did not come to its end in the record: it stops where that stops.
    pub unfinished: bool,
}

impl Replayed {
    /// Whether all that was said to the machine is what had been said.
    pub fn is_faithful(&self) -> bool {
        self.secrets == 0 && self.octets == 0
    }
}

/// The first difference between a record and its replay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {found}, where the transcript has {}", Shown(.expected.as_deref()))]
pub struct Difference {
    line: usize,
    expected: Option<Box<Entry>>,
    found: Box<Found>,
}

/// What was found where a record says something else.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// The machine said or did this.
    Entry(Entry),
    /// The machine waits.
    Waits,
    /// The session is over.
    Ended,
    /// The client refuses to say this.
    Misuse(Misuse),
    /// The client cannot say this: it is no command of SMTP.
    Unspeakable,
    /// The answer does not go with the question.
    OtherQuestion,
    /// Entries are missing at the beginning of the record.
    Dropped,
    /// The record is of a session of the other side.
    OtherRole,
    /// More octets would be needed as stand-ins than [`Replay::limit`] allows.
    TooLarge,
}

impl Difference {
    /// The line of the transcript's file form, counted from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// What is recorded there; `None` at the end.
    pub fn expected(&self) -> Option<&Entry> {
        self.expected.as_deref()
    }

    /// What there was instead.
    pub const fn found(&self) -> &Found {
        &self.found
    }
}

struct Shown<'e>(Option<&'e Entry>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(entry) => write!(f, "{}", entry.to_string().replace('\n', " / ")),
            None => f.write_str("its end"),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(entry) => write!(f, "{}", entry.to_string().replace('\n', " / ")),
            Self::Waits => f.write_str("the machine waits"),
            Self::Ended => f.write_str("the session is over"),
            Self::Misuse(misuse) => write!(f, "the client refuses ({misuse})"),
            Self::Unspeakable => f.write_str("the client cannot say that"),
            Self::OtherQuestion => f.write_str("another question is open"),
            Self::Dropped => f.write_str("the beginning is missing"),
            Self::OtherRole => f.write_str("this is the record of the other side"),
            Self::TooLarge => f.write_str("too many octets would have to stand in"),
        }
    }
}

impl<'t> Replay<'t> {
    /// Of this session.
    pub fn new(transcript: &'t Transcript) -> Self {
        Self { transcript, pieces: usize::MAX, limit: LIMIT, secrets: VecDeque::new() }
    }

    /// Says everything to the machine in pieces of so many octets, which makes no difference. What
    /// must come together does.
    #[must_use]
    pub fn in_pieces(mut self, octets: usize) -> Self {
        self.pieces = octets.max(1);
        self
    }

    /// The most octets that stand in for what is not in the record; 1 GiB by default.
    #[must_use]
    pub fn limit(mut self, octets: u64) -> Self {
        self.limit = octets;
        self
    }

    /// What takes the place of the next secret, decoded: initial responses, responses and challenges
    /// of the peer or the caller, in their order. That its length differs is then no difference.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push_back(secret);
        self
    }
}

/// How far a replay has come.
#[derive(Debug)]
struct Cursor<'t> {
    transcript: &'t Transcript,
    /// The first entry that was not found yet.
    at: usize,
    /// Octets of its content that were found.
    offset: u64,
    /// Entries before this one were given to the machine.
    given: usize,
    pieces: usize,
    limit: u64,
    secrets: VecDeque<Secret>,
    /// Lengths of secrets do not count.
    other_secrets: bool,
    /// Something was found.
    begun: bool,
    /// What is being said to the machine.
    saying: Saying,
    replayed: Replayed,
    /// Turns that are left before the machine is held for one that spins.
    turns: u64,
}

/// Octets on their way into the machine.
#[derive(Debug, Default)]
struct Saying {
    octets: Vec<u8>,
    said: usize,
    filler: Option<Filler>,
    /// They must come together.
    whole: bool,
}

impl Saying {
    /// What comes next; empty at the end.
    fn rest(&mut self) -> &[u8] {
        if let Some(filler) = &mut self.filler
            && (self.whole || self.said >= self.octets.len())
        {
            if !self.whole {
                self.octets.clear();
                self.said = 0;
            }
            while filler.fill(&mut self.octets) && self.whole {}
            if filler.left() == 0 {
                self.filler = None;
            }
        }
        self.octets.get(self.said..).unwrap_or_default()
    }
}

impl<'t> Cursor<'t> {
    fn new(replay: Replay<'t>, wire: &mut Wire) -> Result<Self, Difference> {
        let mut recording = Recording::from(Content::Kept { limit: usize::MAX });
        recording = recording.bounds(usize::MAX, usize::MAX);
        wire.record(recording);
        let Replay { transcript, pieces, limit, secrets } = replay;
        let other_secrets = !secrets.is_empty();
        let size: u64 = transcript.entries().iter().map(|entry| entry.octets().min(limit)).sum();
        let entries = u64::try_from(transcript.entries().len()).unwrap_or(u64::MAX);
        let cursor = Self {
            transcript,
            at: 0,
            offset: 0,
            given: 0,
            pieces,
            limit,
            secrets,
            other_secrets,
            begun: false,
            saying: Saying::default(),
            replayed: Replayed::default(),
            turns: size.saturating_add(entries).saturating_mul(8).saturating_add(1000),
        };
        if transcript.dropped() > 0 { Err(cursor.differs(Found::Dropped)) } else { Ok(cursor) }
    }

    fn differs(&self, found: Found) -> Difference {
        Difference {
            line: self.transcript.line(self.at),
            expected: self.transcript.entries().get(self.at).cloned().map(Box::new),
            found: Box::new(found),
        }
    }

    /// The entry that comes next; what was told aside is passed over.
    fn next(&mut self) -> Option<&'t Entry> {
        loop {
            let entry = self.transcript.entries().get(self.at)?;
            let done = match entry {
                entry if entry.is_aside() => true,
                Entry::Content(body) | Entry::Chunk(body) => self.offset >= body.octets(),
                _ => false,
            };
            if !done {
                return Some(entry);
            }
            self.at += 1;
            self.offset = 0;
        }
    }

    /// Whether the next entry was not given to the machine before; from now on it was.
    fn give(&mut self) -> bool {
        let first = self.given <= self.at;
        self.given = self.at + 1;
        first
    }

    /// One more turn.
    fn turn(&mut self) -> Result<(), Difference> {
        self.turns = self.turns.saturating_sub(1);
        if self.turns == 0 { Err(self.differs(Found::Waits)) } else { Ok(()) }
    }

    /// Compares what the machine has recorded since the last time.
    fn compare(&mut self, wire: &mut Wire) -> Result<(), Difference> {
        let Some(recorder) = wire.transcript() else {
            return Ok(());
        };
        for found in recorder.drain().filter(|found| !found.is_aside()) {
            let same = match (&found, self.next()) {
                (Entry::Content(body) | Entry::Chunk(body), _) => {
                    let chunked = matches!(found, Entry::Chunk(_));
                    self.compare_content(body, chunked)
                }
                (found, Some(expected)) => {
                    let same =
                        found == expected || (self.other_secrets && are_alike(found, expected));
                    if same {
                        self.at += 1;
                    }
                    same
                }
                (_, None) => false,
            };
            self.begun = true;
            if !same {
                return Err(self.differs(Found::Entry(found)));
            }
        }
        Ok(())
    }

    fn compare_content(&mut self, found: &Body, chunked: bool) -> bool {
        let mut octets = found.kept();
        while !octets.is_empty() {
            let expected = match (self.next(), chunked) {
                (Some(Entry::Content(body)), false) | (Some(Entry::Chunk(body)), true) => body,
                _ => return false,
            };
            let left = expected.octets().saturating_sub(self.offset);
            let left = usize::try_from(left).unwrap_or(usize::MAX).min(octets.len());
            let (here, rest) = octets.split_at(left);
            let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
            let kept = expected.kept().get(offset..).unwrap_or_default();
            if here.iter().zip(kept).any(|(found, kept)| found != kept) {
                return false;
            }
            self.offset = self.offset.saturating_add(super::entry::count(left));
            octets = rest;
        }
        true
    }

    /// Whether that the handshake is done can be said now: in `state`, or before anything else.
    fn may_start_tls(&self, state: State) -> Result<(), Difference> {
        if state == State::Tls || !self.begun { Ok(()) } else { Err(self.differs(Found::Waits)) }
    }

    /// Begins to say `octets`, and so many unread ones behind them if the record has such.
    fn say(&mut self, octets: Vec<u8>) -> Result<(), Difference> {
        let unread = self.unread();
        self.begin(octets, Filler::plain(unread, b""), unread > 0)
    }

    fn begin(&mut self, octets: Vec<u8>, filler: Filler, whole: bool) -> Result<(), Difference> {
        self.replayed.octets = self.replayed.octets.saturating_add(filler.left());
        if self.replayed.octets > self.limit {
            return Err(self.differs(Found::TooLarge));
        }
        self.saying = Saying { octets, said: 0, filler: Some(filler), whole };
        Ok(())
    }

    /// How many octets came with the next entry and were not read.
    fn unread(&self) -> u64 {
        let behind = self.transcript.entries().iter().skip(self.at + 1);
        let mut behind =
            behind.skip_while(|entry| matches!(entry, Entry::Answer(_)) || entry.is_aside());
        match behind.next() {
            Some(Entry::Unread { octets, .. }) => *octets,
            _ => 0,
        }
    }

    /// Gives the machine what it has room for of what is being said; whether there was anything.
    fn go_on(&mut self, wire: &mut Wire) -> Result<bool, Difference> {
        let most = if self.saying.whole { usize::MAX } else { self.pieces };
        let rest = self.saying.rest();
        if rest.is_empty() {
            return Ok(false);
        }
        let taken = wire.receive(rest.get(..most).unwrap_or(rest));
        if taken == 0 {
            return Err(self.differs(Found::Waits));
        }
        self.saying.said += taken;
        Ok(true)
    }

    /// The octets of a line with a secret, filled in.
    fn unmask(&mut self, spoken: &Spoken) -> Vec<u8> {
        if !spoken.is_masked() {
            return spoken.raw().to_vec();
        }
        let mut octets = Vec::with_capacity(spoken.raw().len());
        // Only what looks like one can be replaced by a secret: not the name of a mechanism.
        let words = spoken.raw().chunk_by(|a, b| is_mask(*a) == is_mask(*b));
        let mut mechanism = is_auth(spoken.raw());
        for run in words {
            if !run.first().is_some_and(|octet| is_mask(*octet)) {
                mechanism &= run.iter().filter(|octet| **octet == b' ').count() < 2;
                octets.extend_from_slice(run);
                continue;
            }
            match if mechanism { None } else { self.secrets.pop_front() } {
                Some(secret) => crate::auth::encode(secret.as_slice(), &mut octets),
                None => {
                    self.replayed.secrets += 1;
                    octets.extend(run.iter().map(|octet| stand_in::octet(*octet)));
                }
            }
            mechanism = false;
        }
        octets
    }

    /// The record is at its end, or the session.
    fn finish(mut self, ended: bool) -> Result<Replayed, Difference> {
        match self.next() {
            Some(_) => Err(self.differs(if ended { Found::Ended } else { Found::Waits })),
            None => {
                self.replayed.unfinished = !ended;
                Ok(self.replayed)
            }
        }
    }
}

fn is_auth(line: &[u8]) -> bool {
    crate::command::Verb::of(line.trim_ascii_start()) == crate::command::Verb::Auth
}

/// Whether two lines differ in the length of their secrets alone.
fn are_alike(found: &Entry, expected: &Entry) -> bool {
    match (found, expected) {
        (Entry::Command(found), Entry::Command(expected))
        | (Entry::Reply(found), Entry::Reply(expected)) => {
            found.is_masked() == expected.is_masked() && squeezed(found).eq(squeezed(expected))
        }
        _ => false,
    }
}

/// A line with one octet for each secret.
fn squeezed(spoken: &Spoken) -> impl Iterator<Item = u8> + '_ {
    let mut last = 0;
    spoken.raw().iter().copied().filter(move |octet| {
        let again = is_mask(*octet) && is_mask(last);
        last = *octet;
        !again
    })
}

#[cfg(test)]
mod tests;
