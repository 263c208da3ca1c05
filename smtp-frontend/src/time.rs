//! Waiting.

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use crate::{
    driver::after,
    runtime::{Runtime, Timer},
};

/// A timer for a time that moves away again and again: it is set anew when it fires, not whenever the
/// time moves.
#[derive(Default)]
pub(crate) struct Alarm<T> {
    timer: T,
    /// When the timer fires: at the time waited for, or earlier.
    armed: Option<Instant>,
}

impl<T: Timer> Alarm<T> {
    /// Ready at `time`.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, time: Instant) -> Poll<()> {
        loop {
            let armed = match self.armed {
                Some(armed) if armed <= time => armed,
                _ => {
                    self.timer.set(time);
                    *self.armed.insert(time)
                }
            };
            ready!(self.timer.poll(cx));
            self.armed = None;
            if armed >= time {
                return Poll::Ready(());
            }
        }
    }
}

/// When the timer of a machine is due, by the laps it names.
#[derive(Debug)]
pub struct Deadline {
    lap: Option<u32>,
    time: Instant,
    /// When an event was handed out: the time until the next step is the caller's, not the peer's.
    away: Option<Instant>,
}

impl Deadline {
    /// Of a machine that has not named a lap yet.
    pub fn new(now: Instant) -> Self {
        Self { lap: None, time: now, away: None }
    }

    /// Follows the timer, after each step of the machine: moves when a lap begins, and by the time the
    /// caller took.
    pub fn keep(&mut self, timer: smtp_proto::wire::Timer, now: impl FnOnce() -> Instant) {
        let away = self.away.take();
        if self.lap != Some(timer.lap) {
            self.lap = Some(timer.lap);
            self.time = after(now(), timer.after);
        } else if let Some(away) = away {
            self.time = after(self.time, now().saturating_duration_since(away));
        }
    }

    /// An event is handed out.
    pub fn hand_out(&mut self, now: Instant) {
        self.away = Some(now);
    }

    /// When the machine is to be told that its time is over.
    pub fn time(&self) -> Instant {
        self.time
    }

    /// The machine has been told so. If it goes on all the same, it gets the same time again.
    pub fn expire(&mut self) {
        self.lap = None;
    }
}

/// An [`Alarm`] of whichever runtime.
pub(crate) trait AnyAlarm: Send {
    /// Ready at `time`.
    fn poll_until(&mut self, cx: &mut Context<'_>, time: Instant) -> Poll<()>;
}

impl<T: Timer> AnyAlarm for Alarm<T> {
    fn poll_until(&mut self, cx: &mut Context<'_>, time: Instant) -> Poll<()> {
        self.poll_until(cx, time)
    }
}

/// The clock of a runtime, for those who do not know which that is.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    now: fn() -> Instant,
    alarm: fn() -> Box<dyn AnyAlarm>,
}

impl Clock {
    pub(crate) fn of<R: Runtime>() -> Self {
        Self { now: R::now, alarm: || Box::new(Alarm::<R::Timer>::default()) }
    }

    pub(crate) fn now(self) -> Instant {
        (self.now)()
    }

    pub(crate) fn alarm(self) -> Box<dyn AnyAlarm> {
        (self.alarm)()
    }
}

/// Waits so long.
pub async fn sleep<R: Runtime>(time: Duration) {
    let mut alarm = Alarm::<R::Timer>::default();
    let end = after(R::now(), time);
    poll_fn(|cx| alarm.poll_until(cx, end)).await;
}

/// What `future` gives, if that takes no longer than `time`.
pub async fn timeout<R: Runtime, F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut sleep = pin!(sleep::<R>(time));
    poll_fn(|cx| {
        // The timer first: where streams block, it says how long they may.
        let is_over = sleep.as_mut().poll(cx).is_ready();
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if is_over => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// As [`timeout`], as an error.
pub(crate) async fn within<R: Runtime, T>(
    time: Duration,
    future: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    timeout::<R, _>(time, future).await.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
}
