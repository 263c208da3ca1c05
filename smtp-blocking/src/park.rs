//! How a thread waits: for a future, for a time, and in a call that blocks until one of both.
//!
//! A thread has one waker, for whatever it waits for, and a list of its timers. A wakeup is never lost: it
//! is remembered until somebody has looked around because of it. Whoever blocks does so until the first
//! timer at most, and says how it can be interrupted or comes back soon to look around.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    pin::pin,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use smtp_frontend::runtime;

thread_local! {
    static HERE: Here = Here::default();
}

/// What this thread waits for.
#[derive(Default)]
struct Here {
    parker: Arc<Parker>,
    /// By when they are due; the number is the timer's own.
    timers: RefCell<BTreeMap<(Instant, u64), Waker>>,
    /// How often something was polled here.
    #[cfg(feature = "dns")]
    round: Cell<u64>,
    /// How many calls of [`block_on`] are under way: a handler may make one inside of another.
    depth: Cell<usize>,
}

#[derive(Default)]
struct Parker {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    woken: bool,
    /// How the call that the thread is in is interrupted.
    interrupt: Option<Arc<mio::Waker>>,
}

impl Parker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the thread is woken, or until that time.
    fn wait(&self, until: Option<Instant>) {
        let mut state = self.state();
        while !state.woken {
            let waited = match until {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return;
                    }
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state = waited;
        }
        state.woken = false;
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state();
        state.woken = true;
        let interrupt = state.interrupt.clone();
        drop(state);
        self.changed.notify_one();
        if let Some(interrupt) = interrupt {
            // It fails if the queue of the system is full; then there is something in it.
            let _ = interrupt.wake();
        }
    }
}

impl Here {
    /// When the first timer is due.
    fn due(&self) -> Option<Instant> {
        self.timers.borrow().keys().next().map(|(time, _)| *time)
    }

    /// Wakes whom a timer is for that is due.
    fn fire(&self) {
        let now = Instant::now();
        while self.due().is_some_and(|time| time <= now) {
            let first = self.timers.borrow_mut().pop_first();
            first.into_iter().for_each(|(_, waker)| waker.wake());
        }
    }
}

/// Counts a call of [`block_on`].
struct Entered<'h>(&'h Here);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let depth = self.0.depth.get() - 1;
        self.0.depth.set(depth);
        if depth > 0 {
            // What was to wake the one outside may have been taken for a wakeup of the one inside.
            self.0.parker.state().woken = true;
        }
    }
}

/// What a future gives, on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    HERE.with(|here| {
        here.depth.set(here.depth.get() + 1);
        let _entered = Entered(here);
        let waker = Waker::from(Arc::clone(&here.parker));
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            #[cfg(feature = "dns")]
            here.round.set(here.round.get() + 1);
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            here.parker.wait(here.due());
            here.fire();
        }
    })
}

/// In which round of polling this thread is: whoever was pending in the last one has told who is to wake it.
#[cfg(feature = "dns")]
pub(crate) fn round() -> u64 {
    HERE.with(|here| here.round.get())
}

/// How long this thread may block, at most so long; zero when somebody is to look around first.
pub(crate) fn patience(most: Duration) -> Duration {
    match HERE.with(Here::due) {
        Some(due) => due.saturating_duration_since(Instant::now()).min(most),
        None => most,
    }
}

/// Makes a call that blocks for so long at most and can be interrupted. None when somebody is to look
/// around first.
pub(crate) fn interruptible<T>(
    interrupt: &Arc<mio::Waker>,
    call: impl FnOnce(Option<Duration>) -> T,
) -> Option<T> {
    HERE.with(|here| {
        let patience = here.due().map(|due| due.saturating_duration_since(Instant::now()));
        if patience.is_some_and(|patience| patience.is_zero()) {
            return None;
        }
        {
            let mut state = here.parker.state();
            if state.woken {
                return None;
            }
            state.interrupt = Some(Arc::clone(interrupt));
        }
        let output = call(patience);
        here.parker.state().interrupt = None;
        Some(output)
    })
}

/// A timer of this thread.
#[derive(Debug, Default)]
pub struct Alarm {
    time: Option<Instant>,
    /// Where it stands among the timers of the thread.
    place: Option<(Instant, u64)>,
}

impl Alarm {
    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            // A thread that ends has no timers any more; in another one's list it is woken for nothing.
            let _ = HERE.try_with(|here| here.timers.borrow_mut().remove(&place));
        }
    }
}

impl runtime::Timer for Alarm {
    fn set(&mut self, time: Instant) {
        self.leave();
        self.time = Some(time);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let Some(time) = self.time else {
            return Poll::Pending;
        };
        if Instant::now() >= time {
            self.leave();
            return Poll::Ready(());
        }
        let place = *self.place.get_or_insert_with(|| (time, LAST.fetch_add(1, Ordering::Relaxed)));
        HERE.with(|here| here.timers.borrow_mut().insert(place, cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, sync::mpsc, thread};

    use smtp_frontend::runtime::Timer;

    use super::*;

    /// A wakeup that comes while nobody waits is there when somebody does, also for the one outside.
    #[test]
    fn no_wakeup_is_lost() {
        let mut polls = 0;
        block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            // Takes the wakeup for its own.
            let mut inner = 0;
            block_on(poll_fn(|_| {
                inner += 1;
                if inner == 2 { Poll::Ready(()) } else { Poll::Pending }
            }));
            Poll::Pending
        }));
        assert_eq!(polls, 2);
    }

    #[test]
    fn a_thread_is_woken_by_others() {
        let (sender, receiver) = mpsc::channel::<Waker>();
        let waking = thread::spawn(move || receiver.recv().unwrap().wake());
        let mut asked = false;
        block_on(poll_fn(|cx| {
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(());
            }
            sender.send(cx.waker().clone()).unwrap();
            Poll::Pending
        }));
        waking.join().unwrap();
    }

    /// A call that blocks is interrupted, and not even begun when there was a wakeup before.
    #[test]
    fn a_call_is_interrupted() {
        let mut poll = mio::Poll::new().unwrap();
        let interrupt = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
        let mut events = mio::Events::with_capacity(1);
        let mut calls = 0;
        block_on(poll_fn(|cx| {
            let waker = cx.waker().clone();
            let called = interruptible(&interrupt, |patience| {
                assert_eq!(patience, None);
                calls += 1;
                let waking = thread::spawn(move || waker.wake());
                poll.poll(&mut events, patience).unwrap();
                waking.join().unwrap();
            });
            assert!(called.is_some());
            assert!(interruptible(&interrupt, |_| panic!("was woken")).is_none());
            Poll::Ready(())
        }));
        assert_eq!(calls, 1);
    }

    #[test]
    fn timers_bound_what_blocks() {
        let most = Duration::from_secs(1000);
        assert_eq!(patience(most), most);
        let mut cx = Context::from_waker(Waker::noop());
        let mut alarm = Alarm::default();
        assert!(alarm.poll(&mut cx).is_pending());
        alarm.set(Instant::now() + Duration::from_secs(100));
        assert!(alarm.poll(&mut cx).is_pending());
        assert!(patience(most) <= Duration::from_secs(100));
        drop(alarm);
        assert_eq!(patience(most), most);
        let mut soon = Alarm::default();
        soon.set(Instant::now() + Duration::from_millis(1));
        block_on(poll_fn(|cx| soon.poll(cx)));
        assert_eq!(patience(most), most);
    }
}
