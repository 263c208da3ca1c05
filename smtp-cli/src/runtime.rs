//! The runtimes that the program can run on: what it asks of each besides what clients and servers ask.

mod blocking;
mod smol;
mod tasks;
mod tokio;

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
pub(crate) use smtp_blocking::Blocking;
use smtp_frontend::{
    Message,
    runtime::{Adopt, Runtime, Timer},
};
pub(crate) use smtp_smol::Smol;
pub(crate) use smtp_tokio::Tokio;

pub(crate) use self::tasks::Tasks;
use crate::source::Reader;

/// A runtime, as a whole program uses it.
pub(crate) trait System: Runtime + Adopt<<Self as Runtime>::Socket> {
    /// What a future gives that is run on this runtime. What else is under way then is not waited for.
    fn run<T>(future: impl Future<Output = T>) -> io::Result<T>;

    /// A listener there, and the address that it has got.
    fn bind(
        address: &str,
    ) -> impl Future<Output = io::Result<(Self::TcpListener, SocketAddr)>> + Send;

    /// A listener on a path.
    #[cfg(unix)]
    fn bind_unix(path: &str) -> io::Result<Self::Listener>;

    /// What comes of work that waits for the disk, done where it holds up no other session; none if it
    /// panicked.
    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send;

    /// A message that is read from there, while the bar moves.
    fn message(reader: Reader, bar: &ProgressBar) -> Message<'static, Self>;
}

/// Waits until then.
pub(crate) async fn sleep_until<R: Runtime>(time: Instant) {
    let mut timer = R::Timer::default();
    timer.set(time);
    poll_fn(|cx| timer.poll(cx)).await;
}

/// Waits so long.
pub(crate) async fn sleep<R: Runtime>(time: Duration) {
    sleep_until::<R>(R::now() + time).await;
}

/// What `future` gives, if that takes no longer; its timer is set before it is polled, as it may block.
pub(crate) async fn timeout<R: Runtime, F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut sleep = pin!(sleep::<R>(time));
    poll_fn(|cx| {
        let is_over = sleep.as_mut().poll(cx).is_ready();
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if is_over => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
