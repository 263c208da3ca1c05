//! Messages read from what a program has: a file, a pipe, a stream.

use std::{
    io::{self, Read, Seek, SeekFrom},
    task::{Context, Poll},
};

use bytes::BytesMut;
use smtp_frontend::runtime::{Polled, ReadFrom, Reader, RewindFrom};

use crate::runtime::Blocking;

impl<T: Read + Send> ReadFrom<T> for Blocking {
    fn reader<'m>(reader: T) -> Box<dyn Reader + 'm>
    where
        T: 'm,
    {
        Box::new(Reading(reader))
    }
}

/// A reader that blocks: whoever reads the message waits for it.
struct Reading<T>(T);

impl<T: Read + Send> Reader for Reading<T> {
    fn poll_fill(&mut self, _: &mut Context<'_>, piece: &mut BytesMut) -> Polled<usize> {
        let filled = piece.len();
        piece.resize(piece.capacity(), 0);
        let read = loop {
            match self.0.read(&mut piece[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        piece.truncate(filled + read.as_ref().map_or(0, |more| *more));
        Poll::Ready(read)
    }
}

impl<T: Read + Seek + Send> RewindFrom<T> for Blocking {
    fn rewindable<'m>(reader: T) -> Box<dyn Reader + 'm>
    where
        T: 'm,
    {
        Box::new(Rewinding { reader: Reading(reader), start: None })
    }
}

/// A reader that can seek.
struct Rewinding<T> {
    reader: Reading<T>,
    /// Where it stood before anything was read.
    start: Option<u64>,
}

impl<T: Read + Seek + Send> Reader for Rewinding<T> {
    fn poll_fill(&mut self, cx: &mut Context<'_>, piece: &mut BytesMut) -> Polled<usize> {
        if self.start.is_none() {
            self.start = Some(self.reader.0.stream_position()?);
        }
        self.reader.poll_fill(cx, piece)
    }

    fn poll_rewind(&mut self, _: &mut Context<'_>) -> Polled<bool> {
        let Some(start) = self.start else {
            return Poll::Ready(Ok(true));
        };
        Poll::Ready(self.reader.0.seek(SeekFrom::Start(start)).map(|there| there == start))
    }
}
