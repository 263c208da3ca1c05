//! What a server accepts clients from.

use smol::net::TcpListener;

/// A listener of any kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyListener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(smol::net::unix::UnixListener),
}

impl From<TcpListener> for AnyListener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

#[cfg(unix)]
impl From<smol::net::unix::UnixListener> for AnyListener {
    fn from(listener: smol::net::unix::UnixListener) -> Self {
        Self::Unix(listener)
    }
}
