//! Tokio, as a runtime of clients and servers.

use std::{
    future::Future,
    io::{self, IoSlice},
    mem::MaybeUninit,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use smtp_frontend::{
    Connection, Driver,
    proto::wire::Wire,
    runtime::{Adopt, Io, Machine, Polled, READ, Runtime, Timer, hand_over},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, lookup_host},
    time::{self, Sleep},
};

use crate::{
    listener::AnyListener,
    socket::{Plain, Socket, connect_from},
};

/// Tokio: the runtime of everything in this crate.
#[derive(Debug, Clone, Copy)]
pub struct Tokio;

impl Runtime for Tokio {
    type Socket = Socket;
    type TcpListener = TcpListener;
    type Listener = AnyListener;
    type Timer = Alarm;

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        drop(tokio::spawn(future));
        Ok(())
    }

    fn now() -> Instant {
        time::Instant::now().into_std()
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host((host, port)).await?.collect())
    }

    async fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<Socket> {
        let stream = match source {
            None => TcpStream::connect(address).await?,
            Some(source) => connect_from(source, address).await?,
        };
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
#[derive(Debug, Default)]
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
    fn poll_read(stream: &mut S, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize> {
        let mut buffer = ReadBuf::new(buffer);
        Pin::new(stream).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    fn poll_receive(
        stream: &mut S,
        cx: &mut Context<'_>,
        wire: &mut Wire,
        most: usize,
    ) -> Polled<()> {
        let mut space = [MaybeUninit::uninit(); READ];
        let mut buffer = ReadBuf::uninit(&mut space[..most.min(READ)]);
        ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
        hand_over(wire, buffer.filled());
        Poll::Ready(Ok(()))
    }

    fn poll_write(stream: &mut S, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Polled<usize> {
        match slices {
            [only] => Pin::new(stream).poll_write(cx, only),
            several => Pin::new(stream).poll_write_vectored(cx, several),
        }
    }

    fn poll_flush(stream: &mut S, cx: &mut Context<'_>) -> Polled<()> {
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_close(stream: &mut S, cx: &mut Context<'_>) -> Polled<()> {
        Pin::new(stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Adopt<S> for Tokio {
    fn adopt(stream: S) -> Socket {
        Plain::Other(Box::new(stream)).into()
    }
}
