//! Closing sessions that nobody needs, politely.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{Client, Shared};
use crate::{
    driver::after,
    runtime::{Runtime, Timer},
};

/// The task that closes sessions: whether there is one, and how it is woken.
#[derive(Debug, Default)]
pub(super) struct Reaper {
    running: bool,
    waker: Option<Waker>,
}

impl Reaper {
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

/// Has sessions closed when they have been idle for long enough, as long as there are any. A task of its
/// own does it, as sessions are given back where nothing can be awaited.
pub(super) fn watch<R: Runtime>(shared: &Arc<Shared<R>>) {
    let running = std::mem::replace(&mut shared.state().reaper.running, true);
    if !running {
        // If that fails, the next session begins one.
        let _ = R::spawn(reap(Watch { shared: Arc::clone(shared), ended: false }));
    }
}

/// The reaper's hold on the pool; when it ends, also with its runtime, another may be begun.
struct Watch<R> {
    shared: Arc<Shared<R>>,
    /// Another may have begun.
    ended: bool,
}

impl<R> Drop for Watch<R> {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.state().reaper = Reaper::default();
        }
    }
}

async fn reap<R: Runtime>(mut watch: Watch<R>) {
    let mut timer = R::Timer::default();
    while let Some(over) = poll_fn(|cx| watch.shared.poll_over(&mut timer, cx)).await {
        for client in over {
            // If that fails, it is closed without a word.
            let _ = R::spawn(async move {
                // That the server is gone already is as good.
                let _ = client.quit().await;
            });
        }
    }
    watch.ended = true;
}

impl<R: Runtime> Shared<R> {
    /// The next sessions to close; none when there are no sessions any more.
    fn poll_over(&self, timer: &mut R::Timer, cx: &mut Context<'_>) -> Poll<Option<Vec<Client>>> {
        loop {
            let mut state = self.state();
            let mut over = std::mem::take(&mut state.retired);
            let now = R::now();
            let max_idle = self.config.max_idle;
            let is_old = |idle: &mut super::Idle| after(idle.since, max_idle) <= now;
            over.extend(state.idle.extract_if(.., is_old).map(|idle| idle.client));
            if !over.is_empty() {
                return Poll::Ready(Some(over));
            }
            state.reaper.waker = Some(cx.waker().clone());
            let Some(oldest) = state.idle.iter().map(|idle| idle.since).min() else {
                if state.places.taken() > 0 {
                    return Poll::Pending;
                }
                // Nobody has a session to give back: another reaper is begun with the next.
                state.reaper = Reaper::default();
                return Poll::Ready(None);
            };
            drop(state);
            timer.set(after(oldest, max_idle));
            if timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
