//! The stream of a session, and TLS by rustls on top of it.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, TcpStream},
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(feature = "tls")]
use futures_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use smol::{
    Async,
    io::{AsyncRead, AsyncWrite},
};
use smtp_frontend::{Stream, runtime};
#[cfg(feature = "tls")]
use smtp_frontend::{
    proto::auth::Channel,
    tls::{Side, TlsFacts, rustls},
};

use crate::one_task::OneTask;

/// What a session needs of a stream.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The stream of a session: TCP, a Unix socket or one of the caller's, perhaps inside TLS.
pub struct Socket(Inner);

enum Inner {
    Plain(Plain),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<Plain>>),
    /// Nothing: what there was is closed, or on its way into TLS.
    Closed,
}

pub(crate) enum Plain {
    Tcp(OneTask<TcpStream>),
    #[cfg(unix)]
    Unix(OneTask<std::os::unix::net::UnixStream>),
    Other(Box<dyn Duplex>),
}

/// Calls the same method of whichever stream there is, inside TLS or not.
macro_rules! each {
    ($inner:expr, $stream:ident => $call:expr, $closed:expr) => {
        match $inner {
            Inner::Plain($stream) => $call,
            #[cfg(feature = "tls")]
            Inner::Tls($stream) => $call,
            Inner::Closed => $closed,
        }
    };
}

/// Calls the same method of whichever stream there is outside TLS.
macro_rules! each_plain {
    ($plain:expr, $stream:ident => $call:expr) => {
        match $plain {
            Plain::Tcp($stream) => $call,
            #[cfg(unix)]
            Plain::Unix($stream) => $call,
            Plain::Other($stream) => $call,
        }
    };
}

/// Connects from an address of this host, which the sockets of smol cannot by themselves.
pub(crate) async fn connect_from(
    source: IpAddr,
    address: SocketAddr,
) -> io::Result<Async<TcpStream>> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.set_nonblocking(true)?;
    // As a rule it says that it goes on by itself.
    let begun = socket.connect(&address.into());
    let stream = Async::new(TcpStream::from(socket))?;
    stream.writable().await?;
    if let Some(error) = stream.get_ref().take_error()? {
        return Err(error);
    }
    match (stream.get_ref().peer_addr(), begun) {
        (Ok(_), _) => Ok(stream),
        (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
    }
}

impl From<Plain> for Socket {
    fn from(plain: Plain) -> Self {
        Self(Inner::Plain(plain))
    }
}

impl Socket {
    fn as_tcp(&self) -> Option<&TcpStream> {
        let plain = match &self.0 {
            Inner::Plain(plain) => plain,
            #[cfg(feature = "tls")]
            Inner::Tls(stream) => stream.get_ref().0,
            Inner::Closed => return None,
        };
        match plain {
            Plain::Tcp(stream) => Some(stream.get_ref()),
            _ => None,
        }
    }

    #[cfg(feature = "tls")]
    fn take_plain(&mut self) -> io::Result<Plain> {
        match std::mem::replace(&mut self.0, Inner::Closed) {
            Inner::Plain(plain) => Ok(plain),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    #[cfg(feature = "tls")]
    fn side(&self) -> Option<Side<'_>> {
        match &self.0 {
            Inner::Tls(stream) => Some(match &**stream {
                TlsStream::Client(stream) => Side::Client(stream.get_ref().1),
                TlsStream::Server(stream) => Side::Server(stream.get_ref().1),
            }),
            _ => None,
        }
    }
}

impl Stream for Socket {
    fn peer_addr(&self) -> Option<SocketAddr> {
        self.as_tcp()?.peer_addr().ok()
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.as_tcp()?.local_addr().ok()
    }

    #[cfg(feature = "tls")]
    fn tls(&self) -> Option<TlsFacts> {
        self.side().map(|side| side.facts())
    }

    #[cfg(feature = "tls")]
    fn channel(&self) -> Channel {
        self.side().map_or_else(Channel::new, |side| side.channel())
    }
}

impl runtime::Socket for Socket {
    fn closed() -> Self {
        Self(Inner::Closed)
    }

    #[cfg(feature = "tls")]
    async fn accept_tls(&mut self, config: std::sync::Arc<rustls::ServerConfig>) -> io::Result<()> {
        let plain = self.take_plain()?;
        let stream = TlsAcceptor::from(config).accept(plain).await?;
        self.0 = Inner::Tls(Box::new(stream.into()));
        Ok(())
    }

    #[cfg(feature = "tls")]
    async fn connect_tls(
        &mut self,
        config: std::sync::Arc<rustls::ClientConfig>,
        name: rustls::pki_types::ServerName<'static>,
    ) -> io::Result<()> {
        let plain = self.take_plain()?;
        let stream = TlsConnector::from(config).connect(name, plain).await?;
        self.0 = Inner::Tls(Box::new(stream.into()));
        Ok(())
    }
}

impl AsyncRead for Plain {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        each_plain!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        each_plain!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, octets))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each_plain!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_plain!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_plain!(self.get_mut(), stream => Pin::new(stream).poll_close(cx))
    }
}

fn closed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.get_mut().0, stream => Pin::new(stream).poll_read(cx, buffer), closed())
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.get_mut().0, stream => Pin::new(stream).poll_write(cx, octets), closed())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.get_mut().0, stream => Pin::new(stream).poll_write_vectored(cx, slices), closed())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.get_mut().0, stream => Pin::new(stream).poll_flush(cx), closed())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.get_mut().0, stream => Pin::new(stream).poll_close(cx), Poll::Ready(Ok(())))
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Inner::Plain(Plain::Tcp(_)) => "Socket(TCP)",
            #[cfg(unix)]
            Inner::Plain(Plain::Unix(_)) => "Socket(Unix)",
            Inner::Plain(Plain::Other(_)) => "Socket(other)",
            #[cfg(feature = "tls")]
            Inner::Tls(_) => "Socket(TLS)",
            Inner::Closed => "Socket(closed)",
        })
    }
}
