//! Who is served, how many at most, and the end of all.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    task::Waker,
};

use tokio::{sync::Notify, task::AbortHandle};

/// How far a shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serving,
    /// Nobody new; idle sessions end, transactions go on.
    Draining,
    /// Whatever is under way ends.
    Aborting,
}

/// What the sessions of a server share.
pub(crate) struct Control {
    stage: AtomicU8,
    changed: Notify,
    most: AtomicUsize,
    most_per_address: AtomicUsize,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    last: u64,
    /// Sessions as they can be woken, and ended.
    open: HashMap<u64, Entry>,
    /// Those that count for the limits.
    counted: usize,
    addresses: HashMap<IpAddr, usize>,
}

#[derive(Default)]
struct Entry {
    waker: Option<Waker>,
    task: Option<AbortHandle>,
}

/// A session's place; it is free again when this is dropped.
pub(crate) struct Seat {
    control: Arc<Control>,
    id: u64,
    counted: Option<Option<IpAddr>>,
    waker: Option<Waker>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            stage: AtomicU8::new(0),
            changed: Notify::new(),
            most: AtomicUsize::new(10_000),
            most_per_address: AtomicUsize::new(usize::MAX),
            sessions: Mutex::default(),
        }
    }
}

impl Control {
    pub(super) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    pub(super) fn set_most_per_address(&self, most: usize) {
        self.most_per_address.store(most, Ordering::Relaxed);
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Serving,
            1 => Stage::Draining,
            _ => Stage::Aborting,
        }
    }

    /// Goes on to `stage`, and wakes every session to see it.
    pub(super) fn advance(&self, stage: Stage) {
        let value = match stage {
            Stage::Serving => 0,
            Stage::Draining => 1,
            Stage::Aborting => 2,
        };
        self.stage.fetch_max(value, Ordering::AcqRel);
        let wakers: Vec<Waker> =
            self.sessions().open.values().filter_map(|entry| entry.waker.clone()).collect();
        wakers.into_iter().for_each(Waker::wake);
        self.changed.notify_waiters();
    }

    /// Ends the tasks of sessions that do not end by themselves.
    pub(super) fn kill(&self) {
        let sessions = self.sessions();
        sessions.open.values().filter_map(|entry| entry.task.as_ref()).for_each(AbortHandle::abort);
    }

    /// Waits until `done`; it is asked again whenever something changed.
    async fn until(&self, done: impl Fn(&Self) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if done(self) {
                return;
            }
            changed.await;
        }
    }

    /// Waits until a shutdown begins.
    pub(super) async fn stopped(&self) {
        self.until(|control| control.stage() != Stage::Serving).await;
    }

    /// Waits until no session is left.
    pub(super) async fn empty(&self) {
        self.until(|control| control.sessions().open.is_empty()).await;
    }

    /// A place that counts for no limit.
    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        self.place(&mut self.sessions(), None)
    }

    /// A place for a client of `address`, unless there are too many already.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Seat> {
        let mut sessions = self.sessions();
        if sessions.counted >= self.most.load(Ordering::Relaxed) {
            return None;
        }
        if let Some(address) = address {
            let open = sessions.addresses.entry(address).or_insert(0);
            if *open >= self.most_per_address.load(Ordering::Relaxed) {
                return None;
            }
            *open += 1;
        }
        sessions.counted += 1;
        Some(self.place(&mut sessions, Some(address)))
    }

    fn place(self: &Arc<Self>, sessions: &mut Sessions, counted: Option<Option<IpAddr>>) -> Seat {
        sessions.last += 1;
        let id = sessions.last;
        sessions.open.insert(id, Entry::default());
        Seat { control: Arc::clone(self), id, counted, waker: None }
    }

    /// The task of a session, to end it by force.
    pub(super) fn adopt(&self, id: u64, task: AbortHandle) {
        if let Some(entry) = self.sessions().open.get_mut(&id) {
            entry.task = Some(task);
        }
    }
}

impl Seat {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// How far a shutdown has come. `waker` is woken when that changes.
    pub(super) fn watch(&mut self, waker: &Waker) -> Stage {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
            if let Some(entry) = self.control.sessions().open.get_mut(&self.id) {
                entry.waker = Some(waker.clone());
            }
        }
        self.control.stage()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut sessions = self.control.sessions();
        sessions.open.remove(&self.id);
        if let Some(address) = self.counted {
            sessions.counted -= 1;
            if let Some(address) = address
                && let Some(open) = sessions.addresses.get_mut(&address)
            {
                *open -= 1;
                if *open == 0 {
                    sessions.addresses.remove(&address);
                }
            }
        }
        let last = sessions.open.is_empty();
        drop(sessions);
        if last {
            self.control.changed.notify_waiters();
        }
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
