//! Where a script waits for its test, and the test for its script.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
};

/// A place where a [script](super::Script), or a handler under test, waits until the test lets it go on. A
/// clone is the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<[Bell; 2]>);

impl Gate {
    /// A gate that is closed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until somebody stands at the gate.
    pub async fn reached(&self) {
        self.0[0].heard().await;
    }

    /// Lets one through: who stands there, or who comes next.
    pub fn open(&self) {
        self.0[1].ring();
    }

    /// Stands at the gate until it is opened.
    pub async fn pass(&self) {
        self.0[0].ring();
        self.0[1].heard().await;
    }
}

/// Rings once for who waits, or for who will.
#[derive(Debug, Default)]
struct Bell(Mutex<(bool, Option<Waker>)>);

impl Bell {
    fn ring(&self) {
        let mut bell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bell.0 = true;
        let waker = bell.1.take();
        drop(bell);
        waker.into_iter().for_each(Waker::wake);
    }

    async fn heard(&self) {
        poll_fn(|cx| {
            let mut bell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if std::mem::take(&mut bell.0) {
                return Poll::Ready(());
            }
            bell.1 = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
