//! When which message is due, and when it is over.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use smtp_frontend::runtime::{Runtime, sleep};
use tokio::sync::watch;

/// A message may be sent; with a rate, since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due(pub(super) Option<Instant>);

/// What the workers of a run go by.
#[derive(Debug)]
pub(super) struct Schedule {
    start: OnceLock<Instant>,
    messages: Option<u64>,
    rate: Option<f64>,
    taken: AtomicU64,
    over: watch::Sender<bool>,
}

impl Schedule {
    /// A run of so many messages, so many a second; without them, until it is [ended](Self::end), as
    /// many as there can be.
    pub(super) fn new(messages: Option<u64>, rate: Option<f64>) -> Self {
        let start = OnceLock::new();
        Self { start, messages, rate, taken: AtomicU64::new(0), over: watch::Sender::new(false) }
    }

    /// When it began: when this was asked first.
    pub(super) fn start(&self) -> Instant {
        *self.start.get_or_init(Instant::now)
    }

    /// Nothing more is begun.
    pub(super) fn end(&self) {
        self.over.send_replace(true);
    }

    /// Waits until the next message is due. None when it is over.
    pub(super) async fn next<R: Runtime>(&self) -> Option<Due> {
        if *self.over.borrow() {
            return None;
        }
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        if self.messages.is_some_and(|messages| number >= messages) {
            return None;
        }
        let Some(rate) = self.rate else {
            return Some(Due(None));
        };
        let due = self.start() + Duration::from_secs_f64(number as f64 / rate);
        if due <= Instant::now() {
            return Some(Due(Some(due)));
        }
        // Whoever was there in time does not count what the timer is late by.
        self.wait::<R>(due.duration_since(Instant::now())).await.then(|| Due(Some(Instant::now())))
    }

    /// Whether `time` passed before it was over.
    pub(super) async fn wait<R: Runtime>(&self, time: Duration) -> bool {
        tokio::select! {
            () = sleep::<R>(time) => true,
            () = self.over() => false,
        }
    }

    /// Waits until it is over.
    pub(super) async fn over(&self) {
        // The sender is in here: it is not gone.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Tokio;

    #[tokio::test]
    async fn so_many_messages_and_no_more() {
        let schedule = Schedule::new(Some(2), None);
        assert!(schedule.next::<Tokio>().await.is_some());
        assert!(schedule.next::<Tokio>().await.is_some());
        assert!(schedule.next::<Tokio>().await.is_none());
    }

    #[tokio::test]
    async fn who_is_late_counts_from_when_the_message_was_due() {
        let start = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        let schedule = Schedule::new(None, Some(2.0));
        schedule.start.set(start).unwrap();
        assert_eq!(schedule.next::<Tokio>().await, Some(Due(Some(start))));
        let second = start + Duration::from_millis(500);
        assert_eq!(schedule.next::<Tokio>().await, Some(Due(Some(second))));
    }

    #[tokio::test]
    async fn the_end_wakes_those_who_wait() {
        let schedule = Schedule::new(None, Some(1e-6));
        assert!(schedule.next::<Tokio>().await.is_some());
        let ((), next) = tokio::join!(async { schedule.end() }, schedule.next::<Tokio>());
        assert_eq!(next, None);
        assert!(!schedule.wait::<Tokio>(Duration::from_secs(1000)).await);
        assert_eq!(schedule.next::<Tokio>().await, None);
    }
}
