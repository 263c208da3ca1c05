//! Streams of a test's own, for smol.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use smol::io::{AsyncRead, AsyncWrite};

use crate::suite::pipe::Pipe;

/// A stream of a test's own, by smol's traits.
#[derive(Debug)]
pub(crate) struct On<P>(pub(crate) P);

impl<P> On<P> {
    pub(crate) fn new(pipe: P) -> Self {
        Self(pipe)
    }
}

impl<P: Pipe + Unpin> AsyncRead for On<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, buffer)
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

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_close(cx)
    }
}
