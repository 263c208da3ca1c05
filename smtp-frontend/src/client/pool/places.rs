//! Who may have a session now, and who waits for one.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
};

use super::{PoolError, Shared};

/// The places of a pool.
#[derive(Default)]
pub(super) struct Places {
    taken: usize,
    /// Who waits, the first to be served in front.
    waiting: VecDeque<(u64, Waker)>,
    last: u64,
    closed: bool,
}

/// A place; it is free again when this is dropped.
pub(super) struct Place<R>(Option<Arc<Shared<R>>>);

/// A place in the queue; given up when this is dropped.
struct Ticket<'s, R> {
    shared: &'s Shared<R>,
    number: Option<u64>,
}

impl Places {
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// How many have a session, or are about to.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Nobody gets a place from now on.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.waiting.drain(..).for_each(|(_, waker)| waker.wake());
    }

    /// Tells the first in the queue that there may be a place.
    fn call(&self) {
        if let Some((_, waker)) = self.waiting.front() {
            waker.wake_by_ref();
        }
    }

    /// What there is for a caller: who has a number waits already.
    fn ask(
        &mut self,
        number: &mut Option<u64>,
        waker: &Waker,
        most: usize,
        most_waiting: usize,
    ) -> Poll<Result<(), PoolError>> {
        if self.closed {
            return Poll::Ready(Err(PoolError::Closed));
        }
        let turn = self.waiting.front().map(|(first, _)| *first) == *number;
        if turn && self.taken < most {
            if number.take().is_some() {
                self.waiting.pop_front();
            }
            self.taken += 1;
            if self.taken < most {
                self.call();
            }
            return Poll::Ready(Ok(()));
        }
        if let Some(number) = *number {
            let mut waiting = self.waiting.iter_mut();
            if let Some((_, known)) = waiting.find(|(waiting, _)| *waiting == number) {
                known.clone_from(waker);
            }
            return Poll::Pending;
        }
        if self.waiting.len() >= most_waiting {
            return Poll::Ready(Err(PoolError::Full));
        }
        self.last += 1;
        *number = Some(self.last);
        self.waiting.push_back((self.last, waker.clone()));
        Poll::Pending
    }
}

impl<R> Place<R> {
    /// Waits for a place.
    pub(super) async fn take(shared: &Arc<Shared<R>>) -> Result<Self, PoolError> {
        let mut ticket = Ticket { shared, number: None };
        let (most, most_waiting) = (shared.config.max_sessions.max(1), shared.config.max_waiting);
        poll_fn(|cx| shared.state().places.ask(&mut ticket.number, cx.waker(), most, most_waiting))
            .await?;
        Ok(Self(Some(Arc::clone(shared))))
    }

    pub(super) fn pool(&self) -> Option<&Shared<R>> {
        self.0.as_deref()
    }

    /// The place, for another session.
    pub(super) fn hand_on(&mut self) -> Self {
        Self(self.0.take())
    }
}

impl<R> Drop for Place<R> {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            let mut state = shared.state();
            state.places.taken -= 1;
            state.places.call();
            state.reaper.wake();
        }
    }
}

impl<R> Drop for Ticket<'_, R> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut state = self.shared.state();
            state.places.waiting.retain(|(waiting, _)| *waiting != number);
            state.places.call();
        }
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places")
            .field("taken", &self.taken)
            .field("waiting", &self.waiting.len())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
