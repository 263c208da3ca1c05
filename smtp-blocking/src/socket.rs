//! Streams that block, and the stream of a session.

use std::{
    fmt,
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use smtp_frontend::{Stream, runtime};
#[cfg(feature = "tls")]
use smtp_frontend::{proto::auth::Channel, tls::TlsFacts};

#[cfg(feature = "tls")]
use crate::encrypted::TlsStream;

/// A stream that blocks, for as long as it is told to.
///
/// A session on a stream of one's own keeps its times as far as this is done: while a call blocks for
/// longer, no timer of the session is looked at, nor the shutdown of a server.
pub trait Duplex: Read + Write + Send {
    /// How long each read and each write may take from here on, which is not zero. A call that would take
    /// longer fails with [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut),
    /// loses nothing by that, and can be made again.
    ///
    /// # Errors
    /// What the stream says. The session is over then.
    fn set_timeout(&mut self, time: Duration) -> io::Result<()>;

    /// Whether, whatever the timeout, reads and writes do not wait at all from here on.
    ///
    /// # Errors
    /// As [`set_timeout`](Self::set_timeout).
    fn set_nonblocking(&mut self, nonblocking: bool) -> io::Result<()>;

    /// Says the end: nothing more is written.
    ///
    /// # Errors
    /// What the stream says.
    fn close(&mut self) -> io::Result<()>;
}

/// Whether the call that failed can be made again.
pub(crate) fn may_go_on(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// The same for each kind of socket.
macro_rules! duplex {
    ($socket:ty) => {
        impl Duplex for $socket {
            fn set_timeout(&mut self, time: Duration) -> io::Result<()> {
                self.set_read_timeout(Some(time))?;
                self.set_write_timeout(Some(time))
            }

            fn set_nonblocking(&mut self, nonblocking: bool) -> io::Result<()> {
                <$socket>::set_nonblocking(self, nonblocking)
            }

            fn close(&mut self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }
    };
}

duplex!(TcpStream);
#[cfg(unix)]
duplex!(std::os::unix::net::UnixStream);

/// The stream of a session: TCP, a Unix socket or one of the caller's, perhaps inside TLS.
pub struct Socket(Inner);

enum Inner {
    Plain(Plain),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
    /// Nothing: what there was is closed.
    Closed,
}

pub(crate) enum Plain {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
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

impl From<Plain> for Socket {
    fn from(plain: Plain) -> Self {
        Self(Inner::Plain(plain))
    }
}

#[cfg(feature = "tls")]
impl From<TlsStream> for Socket {
    fn from(stream: TlsStream) -> Self {
        Self(Inner::Tls(Box::new(stream)))
    }
}

impl Socket {
    fn as_tcp(&self) -> Option<&TcpStream> {
        let plain = match &self.0 {
            Inner::Plain(plain) => plain,
            #[cfg(feature = "tls")]
            Inner::Tls(stream) => stream.plain(),
            Inner::Closed => return None,
        };
        match plain {
            Plain::Tcp(stream) => Some(stream),
            _ => None,
        }
    }

    /// The plain stream, to go into TLS; what is left here is closed.
    #[cfg(feature = "tls")]
    pub(crate) fn take_plain(&mut self) -> io::Result<Plain> {
        match std::mem::replace(&mut self.0, Inner::Closed) {
            Inner::Plain(plain) => Ok(plain),
            _ => Err(io::ErrorKind::NotConnected.into()),
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
        match &self.0 {
            Inner::Tls(stream) => Some(stream.side().facts()),
            _ => None,
        }
    }

    #[cfg(feature = "tls")]
    fn channel(&self) -> Channel {
        match &self.0 {
            Inner::Tls(stream) => stream.side().channel(),
            _ => Channel::new(),
        }
    }
}

/// The handshakes are made where the time for them is known:
/// [`Connection`](crate::Connection) makes them.
impl runtime::Socket for Socket {
    fn closed() -> Self {
        Self(Inner::Closed)
    }
}

impl Duplex for Plain {
    fn set_timeout(&mut self, time: Duration) -> io::Result<()> {
        each_plain!(self, stream => stream.set_timeout(time))
    }

    fn set_nonblocking(&mut self, nonblocking: bool) -> io::Result<()> {
        each_plain!(self, stream => stream.set_nonblocking(nonblocking))
    }

    fn close(&mut self) -> io::Result<()> {
        each_plain!(self, stream => stream.close())
    }
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        each_plain!(self, stream => stream.read(buffer))
    }
}

impl Write for Plain {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        each_plain!(self, stream => stream.write(octets))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each_plain!(self, stream => stream.write_vectored(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        each_plain!(self, stream => stream.flush())
    }
}

fn closed<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotConnected.into())
}

impl Duplex for Socket {
    fn set_timeout(&mut self, time: Duration) -> io::Result<()> {
        each!(&mut self.0, stream => stream.set_timeout(time), closed())
    }

    fn set_nonblocking(&mut self, nonblocking: bool) -> io::Result<()> {
        each!(&mut self.0, stream => stream.set_nonblocking(nonblocking), closed())
    }

    fn close(&mut self) -> io::Result<()> {
        each!(&mut self.0, stream => stream.close(), Ok(()))
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        each!(&mut self.0, stream => stream.read(buffer), closed())
    }
}

impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        each!(&mut self.0, stream => stream.write(octets), closed())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(&mut self.0, stream => stream.write_vectored(slices), closed())
    }

    fn flush(&mut self) -> io::Result<()> {
        each!(&mut self.0, stream => stream.flush(), closed())
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
