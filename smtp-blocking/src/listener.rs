//! What a server accepts clients from.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use mio::{Interest, event::Source};

use crate::{
    doorbell::Doorbell,
    socket::{Plain, Socket},
};

/// A listener of any kind.
///
/// Whoever waits for a client sleeps until there is one, and can be woken, which `accept` cannot: for that
/// a listener needs two file descriptors and a duplicate of its own.
pub struct AnyListener {
    kind: Kind,
    /// Made when it is first waited for.
    doorbell: Mutex<Option<Doorbell<Rings>>>,
}

/// A duplicate of a listener.
type Rings = Box<dyn Source + Send>;

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

impl Kind {
    /// Has accept not block, and rings when it would succeed.
    fn doorbell(&self) -> io::Result<Doorbell<Rings>> {
        let listener: Rings = match self {
            Self::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Box::new(mio::net::TcpListener::from_std(listener.try_clone()?))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Box::new(mio::net::UnixListener::from_std(listener.try_clone()?))
            }
        };
        Doorbell::new(listener, Interest::READABLE)
    }

    /// A client that is there; its socket blocks, whatever the system has it inherit.
    fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(false)?;
                let _ = stream.set_nodelay(true);
                Ok((Plain::Tcp(stream).into(), Some(peer)))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                let stream = listener.accept()?.0;
                stream.set_nonblocking(false)?;
                Ok((Plain::Unix(stream).into(), None))
            }
        }
    }
}

impl AnyListener {
    /// The next client. Blocks until there is one, or until this thread is woken.
    pub(crate) fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Socket, Option<SocketAddr>)>> {
        let mut doorbell = self.doorbell.lock().unwrap_or_else(PoisonError::into_inner);
        let doorbell = match &mut *doorbell {
            Some(doorbell) => doorbell,
            nothing => nothing.insert(self.kind.doorbell()?),
        };
        loop {
            match self.kind.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => return Poll::Ready(accepted),
            }
            if !doorbell.wait()? {
                // Whoever polls this looks around.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
}

impl From<TcpListener> for AnyListener {
    fn from(listener: TcpListener) -> Self {
        Self { kind: Kind::Tcp(listener), doorbell: Mutex::default() }
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::UnixListener> for AnyListener {
    fn from(listener: std::os::unix::net::UnixListener) -> Self {
        Self { kind: Kind::Unix(listener), doorbell: Mutex::default() }
    }
}

impl fmt::Debug for AnyListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}
