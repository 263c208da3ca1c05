//! Smol, as a runtime of clients and servers.

use std::{
    future::Future,
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use smol::{
    Async,
    future::FutureExt,
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, resolve},
};
use smtp_frontend::{
    Connection, Driver,
    runtime::{Adopt, Io, Machine, Polled, Runtime, Timer},
};

use crate::{
    listener::AnyListener,
    one_task::OneTask,
    socket::{Plain, Socket, connect_from},
};

/// Smol: the runtime of everything in this crate. What runs by itself runs on its global executor.
#[derive(Debug, Clone, Copy)]
pub struct Smol;

impl Runtime for Smol {
    type Socket = Socket;
    type TcpListener = TcpListener;
    type Listener = AnyListener;
    type Timer = Alarm;

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        smol::spawn(future).detach();
        Ok(())
    }

    fn now() -> Instant {
        Instant::now()
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        resolve((host, port)).await
    }

    async fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<Socket> {
        let stream = match source {
            None => Async::<std::net::TcpStream>::connect(address).await?,
            Some(source) => connect_from(source, address).await?,
        };
        stream.get_ref().set_nodelay(true)?;
        Ok(Plain::Tcp(OneTask::new(stream)).into())
    }

    #[cfg(unix)]
    async fn connect_unix(path: &std::path::Path) -> io::Result<Socket> {
        let stream = Async::<std::os::unix::net::UnixStream>::connect(path).await?;
        Ok(Plain::Unix(OneTask::new(stream)).into())
    }

    async fn accept(listener: &AnyListener) -> io::Result<(Socket, Option<SocketAddr>)> {
        match listener {
            AnyListener::Tcp(listener) => {
                let listener = Arc::<Async<std::net::TcpListener>>::from(listener.clone());
                let (stream, peer) = listener.accept().await?;
                let _ = stream.get_ref().set_nodelay(true);
                Ok((Plain::Tcp(OneTask::new(stream)).into(), Some(peer)))
            }
            #[cfg(unix)]
            AnyListener::Unix(listener) => {
                let listener =
                    Arc::<Async<std::os::unix::net::UnixListener>>::from(listener.clone());
                Ok((Plain::Unix(OneTask::new(listener.accept().await?.0)).into(), None))
            }
        }
    }

    fn drive<E: Machine>(socket: Socket, endpoint: E) -> Box<dyn Driver<E>> {
        Connection::<_, _, Self>::boxed(socket, endpoint)
    }
}

/// A timer of smol's.
#[derive(Debug)]
pub struct Alarm(smol::Timer);

impl Default for Alarm {
    fn default() -> Self {
        Self(smol::Timer::never())
    }
}

impl Timer for Alarm {
    fn set(&mut self, time: Instant) {
        self.0.set_at(time);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx).map(|_| ())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Io<S> for Smol {
    fn poll_read(stream: &mut S, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize> {
        Pin::new(stream).poll_read(cx, buffer)
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
        Pin::new(stream).poll_close(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Adopt<S> for Smol {
    fn adopt(stream: S) -> Socket {
        Plain::Other(Box::new(stream)).into()
    }
}
