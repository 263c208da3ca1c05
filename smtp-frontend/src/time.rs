//! Waiting, outside of sessions.

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    task::Poll,
    time::Duration,
};

use crate::{
    driver::after,
    runtime::{Runtime, Timer},
};

/// Waits so long.
pub(crate) async fn sleep<R: Runtime>(time: Duration) {
    let mut timer = R::Timer::default();
    timer.set(after(R::now(), time));
    poll_fn(|cx| timer.poll(cx)).await;
}

/// What `future` gives, if that takes no longer than `time`.
pub(crate) async fn timeout<R: Runtime, F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut sleep = pin!(sleep::<R>(time));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => sleep.as_mut().poll(cx).map(|()| None),
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
