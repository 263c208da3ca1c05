//! Smol, on its global executor.

use std::{io, net::SocketAddr};

use indicatif::ProgressBar;
use smol::{
    Unblock,
    io::{AssertAsync, AsyncReadExt},
    net::TcpListener,
};
use smtp_smol::{AnyListener, Message, Smol};

use super::System;
use crate::source::Reader;

impl System for Smol {
    fn run<T>(future: impl Future<Output = T>) -> io::Result<T> {
        Ok(smol::block_on(future))
    }

    async fn bind(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    }

    #[cfg(unix)]
    fn bind_unix(path: &str) -> io::Result<AnyListener> {
        smol::net::unix::UnixListener::bind(path).map(Into::into)
    }

    async fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        Some(smol::unblock(work).await)
    }

    fn message(reader: Reader, bar: &ProgressBar) -> Message<'static> {
        match reader {
            Reader::File(file) => Message::rewindable(Unblock::new(bar.wrap_read(file))),
            Reader::Octets(octets) => octets.into(),
            Reader::Stream(start, rest) => {
                let rest = Unblock::new(bar.wrap_read(rest.blocking()));
                Message::reader(AssertAsync::new(bar.wrap_read(start)).chain(rest))
            }
        }
    }
}
