//! Tokio, for the suite of all runtimes.

use std::{
    future::Future,
    io,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
};

pub(crate) use smtp_tokio::{self as smtp, Tokio as Runtime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
#[cfg(unix)]
pub(crate) use tokio::net::UnixListener;
pub(crate) use tokio::{
    net::{TcpListener, TcpStream},
    spawn,
    task::JoinHandle as Task,
};

use crate::suite::pipe::Pipe;

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A file in which so many octets were read already.
pub(crate) async fn file(name: &str, octets: &[u8], read: usize) -> tokio::fs::File {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, octets).unwrap();
    let mut file = tokio::fs::File::open(path).await.unwrap();
    file.read_exact(&mut vec![0; read]).await.unwrap();
    file
}

/// A stream of a test's own, by tokio's traits.
#[derive(Debug)]
pub(crate) struct On<P>(pub(crate) P);

impl<P: Pipe + Unpin> AsyncRead for On<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.0.poll_read(cx, buffer.initialize_unfilled());
        read.map_ok(|read| buffer.advance(read))
    }
}

impl<P: Pipe + Unpin> AsyncWrite for On<P> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_close(cx)
    }
}
