//! Messages read from what a program has: a file, a pipe, a stream.

use std::{
    io::{self, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use smol::io::{AsyncRead, AsyncSeek};
use smtp_frontend::runtime::{ReadFrom, Reader, RewindFrom};

use crate::runtime::Smol;

impl<T: AsyncRead + Send> ReadFrom<T> for Smol {
    fn reader<'m>(reader: T) -> Box<dyn Reader + 'm>
    where
        T: 'm,
    {
        Box::new(Reading(Box::pin(reader)))
    }
}

/// A reader of smol's.
struct Reading<T>(Pin<Box<T>>);

impl<T: AsyncRead + Send> Reader for Reading<T> {
    fn poll_fill(&mut self, cx: &mut Context<'_>, piece: &mut BytesMut) -> Poll<io::Result<usize>> {
        let filled = piece.len();
        piece.resize(piece.capacity(), 0);
        let read = self.0.as_mut().poll_read(cx, &mut piece[filled..]);
        let more = if let Poll::Ready(Ok(more)) = read { more } else { 0 };
        piece.truncate(filled + more);
        read
    }
}

impl<T: AsyncRead + AsyncSeek + Send> RewindFrom<T> for Smol {
    fn rewindable<'m>(reader: T) -> Box<dyn Reader + 'm>
    where
        T: 'm,
    {
        Box::new(Rewinding { reader: Reading(Box::pin(reader)), start: None })
    }
}

/// A reader of smol's that can seek.
struct Rewinding<T> {
    reader: Reading<T>,
    /// Where it stood before anything was read.
    start: Option<u64>,
}

impl<T: AsyncRead + AsyncSeek + Send> Reader for Rewinding<T> {
    fn poll_fill(&mut self, cx: &mut Context<'_>, piece: &mut BytesMut) -> Poll<io::Result<usize>> {
        if self.start.is_none() {
            let reader = self.reader.0.as_mut();
            self.start = Some(ready!(reader.poll_seek(cx, SeekFrom::Current(0)))?);
        }
        self.reader.poll_fill(cx, piece)
    }

    fn poll_rewind(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let Some(start) = self.start else {
            return Poll::Ready(Ok(true));
        };
        let reader = self.reader.0.as_mut();
        reader.poll_seek(cx, SeekFrom::Start(start)).map_ok(|there| there == start)
    }
}
