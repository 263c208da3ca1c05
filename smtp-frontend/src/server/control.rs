//! Who is served, how many at most, and the end of all.

use std::{
    collections::HashMap,
    fmt,
    future::{Future, poll_fn},
    mem,
    net::IpAddr,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
};

use slab::Slab;

use super::limits::{Limits, Refusal, origin};
use crate::time::Clock;

/// How many clients may be told at a time why they are turned away. More are closed without a word: to
/// refuse must not cost more than to serve.
const FAREWELLS: usize = 256;

/// How far a shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serving,
    /// Nobody new; idle sessions end, transactions go on.
    Draining,
    /// Whatever is under way ends.
    Aborting,
    /// What has not ended is dropped.
    Killing,
}

/// What the sessions of a server share.
pub(crate) struct Control {
    stage: AtomicU8,
    clock: Clock,
    /// How many are being turned away.
    farewells: AtomicUsize,
    /// How many sessions have begun.
    begun: AtomicU64,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    waiters: u64,
    /// Sessions, as they can be woken. Those who cannot be yet have a waker that does nothing.
    open: Slab<Waker>,
    /// Who waits for a change of all this.
    waiting: HashMap<u64, Waker>,
    /// How many listen for clients.
    listening: usize,
    /// Nobody is to listen any more.
    deaf: bool,
    /// Those that count.
    limits: Limits,
}

/// A session's place; it is free again when this is dropped.
pub(crate) struct Seat {
    control: Arc<Control>,
    key: usize,
    counted: Option<Option<IpAddr>>,
}

/// The right to be told why one is turned away.
pub(super) struct Farewell(Arc<Control>);

/// A place that is woken when a shutdown goes on.
pub(super) struct Watch {
    seat: Seat,
    waker: Waker,
}

/// The right to listen; given back when this is dropped.
pub(super) struct Listening {
    control: Arc<Control>,
    id: u64,
}

/// A place among those who wait for a change.
struct Waiting<'c> {
    control: &'c Control,
    id: u64,
}

/// Has nobody listen any more when it is dropped.
pub(super) struct Deafening(pub(super) Arc<Control>);

impl Control {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            stage: AtomicU8::new(0),
            clock,
            farewells: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            sessions: Mutex::default(),
        }
    }

    pub(super) fn limit(&self, change: impl FnOnce(&mut Limits)) {
        change(&mut self.sessions().limits);
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Serving,
            1 => Stage::Draining,
            2 => Stage::Aborting,
            _ => Stage::Killing,
        }
    }

    /// Goes on to `stage`, and wakes every session to see it.
    pub(super) fn advance(&self, stage: Stage) {
        let value = match stage {
            Stage::Serving => 0,
            Stage::Draining => 1,
            Stage::Aborting => 2,
            Stage::Killing => 3,
        };
        self.stage.fetch_max(value, Ordering::AcqRel);
        let sessions = self.sessions();
        let wakers: Vec<Waker> = sessions.open.iter().map(|(_, waker)| waker.clone()).collect();
        self.changed(sessions);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Wakes those who wait for a change.
    fn changed(&self, mut sessions: MutexGuard<'_, Sessions>) {
        let waiting = mem::take(&mut sessions.waiting);
        drop(sessions);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Waits until `done`; it is asked again whenever something changed.
    async fn until(&self, done: impl Fn(&Self, &Sessions) -> bool) {
        let id = self.sessions().number();
        let place = Waiting { control: self, id };
        poll_fn(|cx| {
            let mut sessions = self.sessions();
            if done(self, &sessions) {
                return Poll::Ready(());
            }
            let before = sessions.waiting.insert(place.id, cx.waker().clone());
            // A waker may own what locks this when it is dropped.
            drop(sessions);
            drop(before);
            Poll::Pending
        })
        .await;
    }

    /// Waits until a shutdown begins.
    pub(super) async fn stopped(&self) {
        self.until(|control, _| control.stage() != Stage::Serving).await;
    }

    /// Waits until no session is left.
    pub(super) async fn empty(&self) {
        self.until(|_, sessions| sessions.open.is_empty()).await;
    }

    /// Waits until nobody listens any more.
    pub(super) async fn deaf(&self) {
        self.until(|_, sessions| sessions.listening == 0).await;
    }

    /// The right to listen until nobody is to any more.
    pub(super) fn listen(self: &Arc<Self>) -> Listening {
        let mut sessions = self.sessions();
        sessions.listening += 1;
        let id = sessions.number();
        Listening { control: Arc::clone(self), id }
    }

    /// A place that counts for no limit.
    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        self.place(&mut self.sessions(), None)
    }

    /// A place for a connection whose client is not known yet.
    pub(super) fn reserve(self: &Arc<Self>) -> Result<Seat, Refusal> {
        let mut sessions = self.sessions();
        sessions.limits.reserve()?;
        Ok(self.place(&mut sessions, Some(None)))
    }

    /// A place for a client, of this address if the limits of each are for it.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Seat, Refusal> {
        let origin = address.map(origin);
        let now = self.clock.now();
        let mut sessions = self.sessions();
        sessions.limits.admit(origin, now)?;
        Ok(self.place(&mut sessions, Some(origin)))
    }

    /// Whether one more can be told why it is turned away.
    pub(super) fn farewell(self: &Arc<Self>) -> Option<Farewell> {
        let farewell = Farewell(Arc::clone(self));
        let before = self.farewells.fetch_add(1, Ordering::Relaxed);
        (before < FAREWELLS).then_some(farewell)
    }

    fn place(self: &Arc<Self>, sessions: &mut Sessions, counted: Option<Option<IpAddr>>) -> Seat {
        let key = sessions.open.insert(Waker::noop().clone());
        Seat { control: Arc::clone(self), key, counted }
    }

    /// A number for a session that begins.
    pub(super) fn number(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}

impl Sessions {
    /// A number for somebody who waits.
    fn number(&mut self) -> u64 {
        self.waiters += 1;
        self.waiters
    }
}

impl Listening {
    /// What `future` gives, unless nobody is to listen any more.
    pub(super) async fn unless_over<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let mut sessions = self.control.sessions();
            if sessions.deaf {
                return Poll::Ready(None);
            }
            let before = sessions.waiting.insert(self.id, cx.waker().clone());
            drop(sessions);
            drop(before);
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut sessions = self.control.sessions();
        let before = sessions.waiting.remove(&self.id);
        sessions.listening -= 1;
        self.control.changed(sessions);
        drop(before);
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.farewells.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let before = self.control.sessions().waiting.remove(&self.id);
        drop(before);
    }
}

impl Drop for Deafening {
    fn drop(&mut self) {
        let mut sessions = self.0.sessions();
        sessions.deaf = true;
        self.0.changed(sessions);
    }
}

impl Seat {
    /// What it is a place in.
    pub(super) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Wakes the session when the shutdown goes on.
    pub(super) fn watch(self) -> Watch {
        Watch { seat: self, waker: Waker::noop().clone() }
    }
}

impl Watch {
    /// Whether the session is to be dropped. `waker` is woken when the shutdown goes on.
    pub(super) fn is_over(&mut self, waker: &Waker) -> bool {
        if !self.waker.will_wake(waker) {
            self.waker.clone_from(waker);
            let Seat { control, key, .. } = &self.seat;
            let mut sessions = control.sessions();
            let known = sessions.open.get_mut(*key);
            let before = known.map(|known| mem::replace(known, waker.clone()));
            drop(sessions);
            drop(before);
        }
        self.seat.control.stage() == Stage::Killing
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut sessions = self.control.sessions();
        let before = sessions.open.try_remove(self.key);
        if let Some(origin) = self.counted {
            sessions.limits.leave(origin, || self.control.clock.now());
        }
        if sessions.open.is_empty() {
            self.control.changed(sessions);
        } else {
            drop(sessions);
        }
        drop(before);
    }
}

/// By which a [`Server`](super::Server) can be shut down, and asked how it is.
#[derive(Clone)]
pub struct Handle(Arc<Control>);

impl Handle {
    pub(super) fn new(control: Arc<Control>) -> Self {
        Self(control)
    }

    /// Begins to shut down: nobody new is served, idle sessions are told 421 and closed, and
    /// transactions under way may finish for as long as
    /// [`grace`](super::Server::grace) says. Then [`serve`](super::Server::serve) returns.
    pub fn shut_down(&self) {
        self.0.advance(Stage::Draining);
    }

    /// How many sessions are open.
    pub fn connections(&self) -> usize {
        self.0.sessions().open.len()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("stage", &self.0.stage()).finish_non_exhaustive()
    }
}
