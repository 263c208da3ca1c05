//! Messages read from what a program has: a file, a pipe, a stream.

use std::{
    future::Future,
    io::{self, SeekFrom},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use smtp_frontend::runtime::{ReadFrom, Reader, RewindFrom};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek};

use crate::runtime::Tokio;

impl<T: AsyncRead + Send> ReadFrom<T> for Tokio {
    fn reader<'m>(reader: T) -> Box<dyn Reader + 'm>
    where
        T: 'm,
    {
        Box::new(Reading(Box::pin(reader)))
    }
}

/// A reader of tokio's.
struct Reading<T>(Pin<Box<T>>);

impl<T: AsyncRead + Send> Reader for Reading<T> {
    fn poll_fill(&mut self, cx: &mut Context<'_>, piece: &mut BytesMut) -> Poll<io::Result<usize>> {
        pin!(self.0.read_buf(piece)).poll(cx)
    }
}

impl<T: AsyncRead + AsyncSeek + Send> RewindFrom<T> for Tokio {
    fn rewindable<'m>(reader: T) -> Box<dyn Reader + 'm>
    where
        T: 'm,
    {
        Box::new(Rewinding { reader: Box::pin(reader), place: Place::Unknown })
    }
}

/// A reader of tokio's that can seek.
struct Rewinding<T> {
    reader: Pin<Box<T>>,
    place: Place,
}

/// Where a reader stood before anything was read. It is asked by seeking: of a file, nothing else says
/// it.
#[derive(Clone, Copy)]
enum Place {
    Unknown,
    Asked,
    Known(u64),
    /// On the way back there.
    Returning(u64),
}

impl<T: AsyncRead + AsyncSeek + Send> Reader for Rewinding<T> {
    fn poll_fill(&mut self, cx: &mut Context<'_>, piece: &mut BytesMut) -> Poll<io::Result<usize>> {
        loop {
            let reader = &mut self.reader;
            self.place = match self.place {
                Place::Unknown => {
                    ready!(reader.as_mut().poll_complete(cx))?;
                    reader.as_mut().start_seek(SeekFrom::Current(0))?;
                    Place::Asked
                }
                Place::Asked | Place::Returning(_) => {
                    Place::Known(ready!(reader.as_mut().poll_complete(cx))?)
                }
                Place::Known(_) => return pin!(reader.read_buf(piece)).poll(cx),
            };
        }
    }

    fn poll_rewind(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let reader = &mut self.reader;
            self.place = match self.place {
                Place::Unknown | Place::Asked => return Poll::Ready(Ok(true)),
                Place::Known(start) => {
                    ready!(reader.as_mut().poll_complete(cx))?;
                    reader.as_mut().start_seek(SeekFrom::Start(start))?;
                    Place::Returning(start)
                }
                Place::Returning(start) => {
                    let there = ready!(reader.as_mut().poll_complete(cx))?;
                    self.place = Place::Known(start);
                    return Poll::Ready(Ok(there == start));
                }
            };
        }
    }
}
