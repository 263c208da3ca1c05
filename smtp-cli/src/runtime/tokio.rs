//! Tokio, with a thread for each processor.

use std::{io, net::SocketAddr};

use indicatif::ProgressBar;
use smtp_tokio::{AnyListener, Message, Tokio};
use tokio::{fs::File, io::AsyncReadExt, net::TcpListener};

use super::System;
use crate::source::{Reader, Rest};

impl System for Tokio {
    fn run<T>(future: impl Future<Output = T>) -> io::Result<T> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let output = runtime.block_on(future);
        // Not waited for: a read from the terminal may never end.
        runtime.shutdown_background();
        Ok(output)
    }

    async fn bind(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    }

    #[cfg(unix)]
    fn bind_unix(path: &str) -> io::Result<AnyListener> {
        tokio::net::UnixListener::bind(path).map(Into::into)
    }

    async fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        tokio::task::spawn_blocking(work).await.ok()
    }

    fn message(reader: Reader, bar: &ProgressBar) -> Message<'static> {
        match reader {
            Reader::File(file) => Message::rewindable(bar.wrap_async_read(File::from_std(file))),
            Reader::Octets(octets) => octets.into(),
            Reader::Stream(start, Rest::Stdin) => {
                Message::reader(bar.wrap_async_read(start.chain(tokio::io::stdin())))
            }
            Reader::Stream(start, Rest::File(rest)) => {
                Message::reader(bar.wrap_async_read(start.chain(File::from_std(rest))))
            }
        }
    }
}
