//! The runtimes that the program can run on: what it asks of each besides what clients and servers ask.

mod blocking;
mod smol;
mod tasks;
mod tokio;

use std::{future::Future, io, net::SocketAddr};

use indicatif::ProgressBar;
pub(crate) use smtp_blocking::Blocking;
use smtp_frontend::{
    Message,
    runtime::{Adopt, Runtime},
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
