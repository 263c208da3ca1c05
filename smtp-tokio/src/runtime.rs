//! Tokio, as a runtime of clients and servers.

use std::{
    fmt,
    future::Future,
    io::{self, IoSlice, SeekFrom},
    mem::MaybeUninit,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::BytesMut;
use smtp_frontend::{
    Connection, Driver,
    proto::wire::Wire,
    runtime::{Adopt, Io, Machine, READ, ReadFrom, Reader, RewindFrom, Runtime, Timer, hand_over},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, lookup_host},
    time::{self, Sleep},
};

use crate::{
    listener::AnyListener,
    socket::{Plain, Socket},
};

/// Tokio: the runtime of everything in this crate.
#[derive(Debug, Clone, Copy)]
pub struct Tokio;

impl Runtime for Tokio {
    type Socket = Socket;
    type TcpListener = TcpListener;
    type Listener = AnyListener;
    type Timer = Alarm;

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(future);
    }

    fn now() -> Instant {
        time::Instant::now().into_std()
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host((host, port)).await?.collect())
    }

    async fn connect(address: SocketAddr) -> io::Result<Socket> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Plain::Tcp(stream).into())
    }

    #[cfg(unix)]
    async fn connect_unix(path: &std::path::Path) -> io::Result<Socket> {
        Ok(Plain::Unix(tokio::net::UnixStream::connect(path).await?).into())
    }

    async fn accept(listener: &AnyListener) -> io::Result<(Socket, Option<SocketAddr>)> {
        match listener {
            AnyListener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                Ok((Plain::Tcp(stream).into(), Some(peer)))
            }
            #[cfg(unix)]
            AnyListener::Unix(listener) => {
                Ok((Plain::Unix(listener.accept().await?.0).into(), None))
            }
        }
    }

    fn drive<E: Machine>(socket: Socket, endpoint: E) -> Box<dyn Driver<E>> {
        Connection::<_, _, Self>::boxed(socket, endpoint)
    }
}

/// A timer of tokio's.
#[derive(Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Timer for Alarm {
    fn set(&mut self, time: Instant) {
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(time.into()),
            None => self.0 = Some(Box::pin(time::sleep_until(time.into()))),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(cx))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Io<S> for Tokio {
    fn poll_read(
        stream: &mut S,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        Pin::new(stream).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    fn poll_receive(
        stream: &mut S,
        cx: &mut Context<'_>,
        wire: &mut Wire,
        most: usize,
    ) -> Poll<io::Result<()>> {
        let mut space = [MaybeUninit::uninit(); READ];
        let mut buffer = ReadBuf::uninit(&mut space[..most.min(READ)]);
        ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
        hand_over(wire, buffer.filled());
        Poll::Ready(Ok(()))
    }

    fn poll_write(stream: &mut S, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        stream: &mut S,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_write_vectored(cx, slices)
    }

    fn poll_flush(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_close(stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Adopt<S> for Tokio {
    fn adopt(stream: S) -> Socket {
        Plain::Other(Box::new(stream)).into()
    }
}

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

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alarm")
    }
}
