//! Threads. What waits for the disk is done by the session's own, which nobody else waits for.

use std::{
    io::{self, Read},
    net::{SocketAddr, TcpListener},
};

use indicatif::ProgressBar;
use smtp_blocking::{AnyListener, Blocking, Message};

use super::System;
use crate::source::Reader;

impl System for Blocking {
    fn run<T>(future: impl Future<Output = T>) -> io::Result<T> {
        Ok(Self::block_on(future))
    }

    async fn bind(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    }

    #[cfg(unix)]
    fn bind_unix(path: &str) -> io::Result<AnyListener> {
        std::os::unix::net::UnixListener::bind(path).map(Into::into)
    }

    async fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        Some(work())
    }

    fn message(reader: Reader, bar: &ProgressBar) -> Message<'static> {
        match reader {
            Reader::File(file) => Message::rewindable(bar.wrap_read(file)),
            Reader::Octets(octets) => octets.into(),
            Reader::Stream(start, rest) => {
                Message::reader(bar.wrap_read(start.chain(rest.blocking())))
            }
        }
    }
}
