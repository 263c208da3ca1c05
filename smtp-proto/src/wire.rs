//! The octets between a machine and its peer, without I/O and without a clock.
//!
//! An adapter (the code that owns a socket) touches nothing of a session but this module: it asks
//! [`Endpoint::step`] what to do next, reads into [`Wire::spare`] (or hands octets to
//! [`Wire::receive`]), writes what [`Wire::output`] holds, and calls [`Wire::expire`] when
//! [`Wire::timer`] has run out. Nothing here knows a rule of SMTP.

mod input;
mod output;

use alloc::vec::Vec;
use core::time::Duration;

pub(crate) use input::{Expected, Input};
pub use output::{Chunks, Output};

use bytes::{Bytes, BytesMut};

use crate::transcript::{Entry, Recorder, Recording, Speaker};

/// What a session wants next. Asking again changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Step {
    /// Octets from the peer are needed: read, then call [`Wire::received`] or [`Wire::receive`].
    Read,
    /// There is output to write and flush. Keep reading while a write waits, as long as
    /// [`Wire::room`] is not zero: the peer may be waiting for that (RFC 2920 section 3.1).
    Write,
    /// There is an event to take.
    Event,
    /// Nothing is under way: a client waits for its caller's next command, either side for the end
    /// of the TLS handshake. All output has been written.
    Idle,
    /// The session is over and its output written: close the connection.
    Close,
}

/// One side of a session, as an adapter sees it.
pub trait Endpoint {
    /// What to do next.
    fn step(&mut self) -> Step;
    /// The octets in and out.
    fn wire(&mut self) -> &mut Wire;
}

/// How long the present phase may still take.
///
/// There is one timer at a time. It starts anew when `lap` changes: when a command, a reply or a
/// block of content is complete, never because a single octet arrived (a peer that sends an octet a
/// minute must not hold a session for ever).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// Counts the restarts of the timer.
    pub lap: u32,
    /// How long after the start of this lap [`Wire::expire`] is due.
    pub after: Duration,
}

/// The two buffers of a session and its timer.
#[derive(Debug)]
pub struct Wire {
    pub(crate) input: Input,
    pub(crate) output: Output,
    timer: Timer,
    expired: bool,
    recorder: Option<alloc::boxed::Box<Recorder>>,
}

impl Wire {
    pub(crate) fn new(room: usize, timer: Duration) -> Self {
        Self {
            input: Input::new(room),
            output: Output::default(),
            timer: Timer { lap: 0, after: timer },
            expired: false,
            recorder: None,
        }
    }

    /// How many octets may be received now; 0 means: do not read. It is 0 while the buffer is full,
    /// after the peer closed, and from the acceptance of STARTTLS until the handshake is done, so
    /// that no part of a TLS handshake can be read as SMTP.
    pub fn room(&self) -> usize {
        self.input.room()
    }

    /// Whether a large amount of content is expected, so that reading into [`spare`](Self::spare)
    /// saves a copy. Otherwise a buffer of the adapter's own, lent to many sessions, and
    /// [`receive`](Self::receive) keep an idle session small.
    pub fn bulk(&self) -> bool {
        self.input.bulk()
    }

    /// Room to read into, at most [`room`](Self::room) octets; call [`received`](Self::received)
    /// with how many of them were filled.
    pub fn spare(&mut self) -> &mut [u8] {
        self.input.spare()
    }

    /// `n` octets were read into [`spare`](Self::spare); 0 says that the peer closed its side.
    ///
    /// A larger `n` than there was room for counts as that room.
    pub fn received(&mut self, n: usize) {
        self.input.received(n);
    }

    /// Takes as many of `octets` as there is room for and says how many that were. For callers with
    /// a buffer of their own; an empty slice does not mean the end, [`received`](Self::received)`(0)`
    /// does.
    #[must_use = "octets that were not taken must be offered again"]
    pub fn receive(&mut self, octets: &[u8]) -> usize {
        self.input.receive(octets)
    }

    /// Gives memory that is not needed at the moment back to the allocator. To be called when a read
    /// would wait; a session that waits for a command then owns next to nothing.
    pub fn relax(&mut self) {
        self.input.relax();
        self.output.relax();
    }

    /// What is to be written, as a [`bytes::Buf`]: advance it by what was written.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// The timer of the present phase.
    pub fn timer(&self) -> Timer {
        self.timer
    }

    /// The timer ran out.
    pub fn expire(&mut self) {
        self.expired = true;
    }

    /// Starts to record what is said, secrets masked. To be called before the session's first step,
    /// as what came before is not known; a number is the most entries that are kept until they are
    /// [drained](Recorder::drain).
    pub fn record(&mut self, recording: impl Into<Recording>) {
        self.recorder = Some(alloc::boxed::Box::new(Recorder::new(recording.into())));
    }

    /// What was recorded, when anything is.
    pub fn transcript(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_deref_mut()
    }

    /// Records a remark of the adapter's, such as the version of TLS. Costs nothing when nothing is
    /// recorded.
    pub fn remark(&mut self, text: impl core::fmt::Display) {
        if let Some(recorder) = self.recorder.as_deref_mut() {
            recorder.push(Entry::Remark(alloc::format!("{text}").into()));
        }
    }

    /// Records the addresses a PROXY protocol header gave.
    pub fn proxied(&mut self, addresses: impl core::fmt::Display) {
        if let Some(recorder) = self.recorder.as_deref_mut() {
            recorder.push(Entry::Proxy(alloc::format!("{addresses}").into()));
        }
    }

    /// Content as it lies in the input, where it is to be kept in the record.
    pub(crate) fn raw_content(&self) -> Option<Vec<u8>> {
        let keeps = self.recorder.as_ref().is_some_and(|recorder| recorder.keeps_content());
        keeps.then(|| self.input.octets().to_vec())
    }

    /// Records something that happened.
    pub(crate) fn note(&mut self, entry: impl FnOnce() -> Entry) {
        if let Some(recorder) = self.recorder.as_deref_mut() {
            recorder.push(entry());
        }
    }

    pub(crate) fn restart_timer(&mut self, after: Duration) {
        self.timer = Timer { lap: self.timer.lap.wrapping_add(1), after };
    }

    pub(crate) fn take_expired(&mut self) -> bool {
        core::mem::take(&mut self.expired)
    }
}

/// What a reply or command is written with, apart from the input so that both can be borrowed.
#[derive(Debug)]
pub(crate) struct Pen<'w> {
    pub(crate) output: &'w mut Output,
    recorder: Option<&'w mut Recorder>,
}

impl Pen<'_> {
    /// What is recorded with, when anything is.
    pub(crate) fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_deref_mut()
    }

    /// Writes a command or a reply that `speaker` says.
    #[inline]
    pub(crate) fn say(&mut self, speaker: Speaker, write: impl FnOnce(&mut BytesMut)) {
        if self.recorder.is_some() {
            self.say_recorded(speaker, write);
        } else {
            self.output.text(write);
        }
    }

    /// The same of text that is there already.
    #[inline]
    pub(crate) fn say_whole(&mut self, speaker: Speaker, text: &'static str) {
        if self.recorder.is_some() {
            self.say_recorded(speaker, |tail| tail.extend_from_slice(text.as_bytes()));
        } else {
            self.output.put(text.as_bytes());
        }
    }

    #[cold]
    fn say_recorded(&mut self, speaker: Speaker, write: impl FnOnce(&mut BytesMut)) {
        let Some(recorder) = self.recorder.as_deref_mut() else { return };
        self.output.text(|tail| {
            let before = tail.len();
            write(tail);
            let said = tail.get(before..).unwrap_or_default();
            recorder.line(speaker, ended(speaker, said));
        });
    }

    /// Writes a response or a challenge of the AUTH exchange, of `room` octets at most, which the record
    /// masks.
    pub(crate) fn say_secret(
        &mut self,
        speaker: Speaker,
        room: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.say_hidden(room, write, |recorder, said| {
            recorder.secret(speaker, ended(speaker, said));
        });
    }

    /// Writes an AUTH or BURL command, of `room` octets at most; the record masks what is secret in it.
    pub(crate) fn say_command_with_secret(
        &mut self,
        room: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.say_hidden(room, write, |recorder, said| {
            recorder.line(Speaker::Client, ended(Speaker::Client, said));
        });
    }

    /// Writes what is overwritten once it has left.
    fn say_hidden(
        &mut self,
        room: usize,
        write: impl FnOnce(&mut Vec<u8>),
        note: impl FnOnce(&mut Recorder, &[u8]),
    ) {
        let recorder = self.recorder.as_deref_mut();
        self.output.secret_text(room, |text| {
            write(text);
            if let Some(recorder) = recorder {
                note(recorder, text);
            }
        });
    }

    /// Writes content.
    pub(crate) fn content(&mut self, chunked: bool, segment: Bytes) {
        self.note_content(chunked, &segment);
        self.output.push(segment);
    }

    /// Records that content is written.
    pub(crate) fn note_content(&mut self, chunked: bool, octets: &[u8]) {
        if let Some(recorder) = self.recorder.as_deref_mut() {
            recorder.content(chunked, octets, octets.len());
        }
    }

    /// Records something that was said or that happened, without writing it.
    pub(crate) fn note(&mut self, entry: impl FnOnce() -> Entry) {
        if let Some(recorder) = self.recorder.as_deref_mut() {
            recorder.push(entry());
        }
    }
}

/// What `speaker` said as it is recorded: a command without its CRLF, a reply with it.
fn ended(speaker: Speaker, said: &[u8]) -> &[u8] {
    match speaker {
        Speaker::Client => said.strip_suffix(b"\r\n").unwrap_or(said),
        Speaker::Server => said,
    }
}

impl Wire {
    /// The input and, apart from it, what replies are written with.
    pub(crate) fn split(&mut self) -> (&mut Input, Pen<'_>) {
        let pen = Pen { output: &mut self.output, recorder: self.recorder.as_deref_mut() };
        (&mut self.input, pen)
    }
}
