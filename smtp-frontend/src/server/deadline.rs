//! How long a handler may take to answer.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    task::Poll,
    time::{Duration, Instant},
};

use crate::{driver::after, time::Clock};

/// How long handlers may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For an answer, and for each piece of a message.
    pub(super) answer: Duration,
    /// For the answer to a message that has come whole.
    pub(super) delivery: Duration,
}

/// Together less than the ten minutes that a client waits (RFC 5321 section 4.5.3.2.6), and an answer
/// within the two of a submission (RFC 6409 section 5.3, S-86).
impl Default for Patience {
    fn default() -> Self {
        Self { answer: Duration::from_secs(110), delivery: Duration::from_secs(8 * 60) }
    }
}

/// Whose time it is while a handler reads a message. Written by the [`Body`](crate::Body) inside of the
/// handler's future, read by who polls it.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    is_clients: AtomicBool,
    is_whole: AtomicBool,
    /// Counts the pieces, so that each has its own time.
    lap: AtomicU32,
}

/// While this is there, the client is waited for.
pub(crate) struct ClientsTime<'p>(&'p Pace);

impl Pace {
    pub(crate) fn wait_for_client(&self) -> ClientsTime<'_> {
        self.is_clients.store(true, Ordering::Relaxed);
        ClientsTime(self)
    }

    pub(crate) fn is_whole(&self) {
        self.is_whole.store(true, Ordering::Relaxed);
    }

    /// Which piece the handler is at, and how long it may take; `None` while it waits for the client,
    /// whose time the machine keeps.
    pub(super) fn turn(&self, patience: Patience) -> Option<(u32, Duration)> {
        if self.is_clients.load(Ordering::Relaxed) {
            return None;
        }
        let is_whole = self.is_whole.load(Ordering::Relaxed);
        let time = if is_whole { patience.delivery } else { patience.answer };
        Some((self.lap.load(Ordering::Relaxed), time))
    }
}

/// Also when the handler gives up waiting.
impl Drop for ClientsTime<'_> {
    fn drop(&mut self) {
        self.0.is_clients.store(false, Ordering::Relaxed);
        self.0.lap.fetch_add(1, Ordering::Relaxed);
    }
}

/// For how many milliseconds of work by handlers the replies of a group may wait for each other. A client
/// waits for each of them, and a group may have a thousand commands.
pub(super) const HELD: u16 = 1000;

/// What came of a future.
pub(super) struct InTime<T> {
    /// None when it was too late.
    pub(super) output: Option<T>,
    /// When it was first to be waited for, if it was.
    pub(super) since: Option<Instant>,
}

/// What `future` gives, if it is there within the time of each turn. What is ready at once, or waits for
/// the client only, needs no timer.
pub(super) async fn in_time<F: Future>(
    clock: Clock,
    turn: impl Fn() -> Option<(u32, Duration)>,
    future: F,
) -> InTime<F::Output> {
    let mut future = pin!(future);
    let mut alarm = None;
    let mut since = None;
    let mut until: Option<(u32, Instant)> = None;
    let output = poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let Some((lap, time)) = turn() else {
            return Poll::Pending;
        };
        let end = match until {
            Some((known, end)) if known == lap => end,
            _ => {
                let now = clock.now();
                since.get_or_insert(now);
                until.insert((lap, after(now, time))).1
            }
        };
        alarm.get_or_insert_with(|| clock.alarm()).poll_until(cx, end).map(|()| None)
    });
    let output = output.await;
    InTime { output, since }
}
