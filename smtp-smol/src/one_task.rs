//! A socket that one task polls.

use std::{
    io,
    net::Shutdown,
    pin::Pin,
    task::{Context, Poll, ready},
};

use smol::{
    Async,
    io::{AsyncRead, AsyncWrite},
};
use socket2::SockRef;

/// Not one of the streams of `smol::net`: these can be cloned and polled by several tasks, and own more than 200
/// octets for it. A session has one task.
pub(crate) struct OneTask<T> {
    stream: Async<T>,
    /// The reactor was asked to tell when there is something to read, and has not said so yet.
    waits: bool,
}

impl<T> OneTask<T> {
    pub(crate) fn new(stream: Async<T>) -> Self {
        Self { stream, waits: false }
    }

    pub(crate) fn get_ref(&self) -> &T {
        self.stream.get_ref()
    }
}

impl<T> AsyncRead for OneTask<T>
where
    Async<T>: AsyncRead + Unpin,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, waits } = self.get_mut();
        // What the reactor tells is to be asked for: else it is taken for news once there is nothing more to read,
        // and each turn costs a read in vain.
        if *waits {
            ready!(stream.poll_readable(cx))?;
        }
        let read = Pin::new(stream).poll_read(cx, buffer);
        *waits = read.is_pending();
        read
    }
}

impl<T> AsyncWrite for OneTask<T>
where
    Async<T>: AsyncWrite + Unpin,
    for<'s> SockRef<'s>: From<&'s T>,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    // An `Async` flushes only, and tells the peer nothing.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(self.get_ref()).shutdown(Shutdown::Write))
    }
}
