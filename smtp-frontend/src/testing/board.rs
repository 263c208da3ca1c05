//! What the sessions of a scripted server, and the test, know of each other.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use super::{Letter, Transcript};

/// The transcripts of so many sessions are kept, the last ones.
const SESSIONS: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Notes>);

#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) letters: Vec<Letter>,
    /// How many letters were handed out one by one.
    pub(super) handed_out: usize,
    /// How many sessions there were.
    pub(super) sessions: u64,
    /// Sessions, and listeners, that have not ended.
    pub(super) open: usize,
    /// Everything is to end.
    is_over: bool,
    transcripts: Vec<(u64, Transcript)>,
    wakers: Vec<Waker>,
}

impl Board {
    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the notes, and wakes those who wait for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        let mut notes = self.notes();
        let result = change(&mut notes);
        let wakers = std::mem::take(&mut notes.wakers);
        drop(notes);
        wakers.into_iter().for_each(Waker::wake);
        result
    }

    /// Waits until `look` sees what it looks for.
    pub(super) async fn until<T>(&self, mut look: impl FnMut(&mut Notes) -> Option<T>) -> T {
        poll_fn(|cx| {
            let mut notes = self.notes();
            match look(&mut notes) {
                Some(seen) => Poll::Ready(seen),
                None => notes.wait(cx.waker()),
            }
        })
        .await
    }

    /// What `future` gives, unless everything is to end before.
    pub(super) async fn unless_over<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let over = {
                let mut notes = self.notes();
                notes.is_over || notes.wait::<()>(cx.waker()).is_ready()
            };
            if over { Poll::Ready(None) } else { future.as_mut().poll(cx).map(Some) }
        })
        .await
    }

    /// Everything is to end.
    pub(super) fn end(&self) {
        self.change(|notes| notes.is_over = true);
    }

    /// A new session's number.
    pub(super) fn begin(&self) -> u64 {
        self.change(|notes| {
            notes.sessions += 1;
            if notes.transcripts.len() == SESSIONS {
                notes.transcripts.remove(0);
            }
            notes.transcripts.push((notes.sessions, Transcript::default()));
            notes.sessions
        })
    }

    /// Adds to the transcript of a session.
    pub(super) fn tell(&self, session: u64, tell: impl FnOnce(&mut Transcript)) {
        self.change(|notes| {
            let transcript = notes.transcripts.iter_mut().find(|(number, _)| *number == session);
            if let Some((_, transcript)) = transcript {
                tell(transcript);
            }
        });
    }
}

impl Notes {
    fn wait<T>(&mut self, waker: &Waker) -> Poll<T> {
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
        Poll::Pending
    }

    /// What was said in a session.
    pub(super) fn transcript(&self, session: u64) -> Option<&Transcript> {
        self.transcripts.iter().find(|(number, _)| *number == session).map(|(_, said)| said)
    }
}

/// What was said in all sessions.
impl fmt::Display for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.transcripts.is_empty() {
            f.write_str("nobody has connected\n")?;
        }
        for (session, transcript) in &self.transcripts {
            write!(f, "session {session}:\n{transcript}")?;
        }
        Ok(())
    }
}

/// Something that has not ended, until this is dropped.
#[derive(Debug)]
pub(super) struct Open(std::sync::Arc<Board>);

impl Open {
    pub(super) fn new(board: &std::sync::Arc<Board>) -> Self {
        board.change(|notes| notes.open += 1);
        Self(std::sync::Arc::clone(board))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.change(|notes| notes.open -= 1);
    }
}
