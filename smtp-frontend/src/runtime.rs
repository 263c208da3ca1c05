//! What a runtime has to bring, so that clients and servers run on it.
//!
//! A crate for a runtime implements these traits for one type that is the runtime's name, and names with it
//! every type of this crate that is generic over a [`Runtime`]: `type Server<B> = smtp_frontend::Server<B, Tokio>`.
//! Nothing in there knows a rule of SMTP. `smtp-smol` is one to begin from, and has some 500 lines of code.
//!
//! - [`Runtime`]: sockets to connect and to accept, host names, tasks and the clock.
//! - [`Timer`]: one timer.
//! - [`Io`]: how octets are moved over a stream; [`Socket`]: the stream of a session, and TLS on it.
//! - [`Adopt`], [`ReadFrom`] and [`RewindFrom`]: the streams and readers that a program has already.
//! - `testing::Bind`, with the feature `testing`: how a test's server listens.
//!
//! Streams, timers and readers are polled, and no call of theirs needs to allocate. What is done once in a
//! session is a future: to look up, to connect, to accept, and the handshakes of TLS.
//!
//! A runtime whose streams block, as those of `smtp-blocking` do, implements [`Driver`] by itself in place of
//! [`Io`], and returns it from [`Runtime::drive`]. A poll may then block until the next timer is due, but from time to
//! time it is to wake its own task and to come back as pending, or nobody sees that the server shuts down.
//! [`Deadline`] keeps the time of a machine.

use std::{
    fmt,
    future::Future,
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use smtp_proto::{
    client::Client,
    server::Server,
    wire::{Endpoint, Wire},
};

use crate::driver::{Driver, Stream};
pub use crate::time::{Deadline, sleep, timeout};

/// Octets read at once while no bulk of content is expected; the buffer is on the stack, so that an
/// idle session owns none.
pub const READ: usize = 8 * 1024;

/// What a poll of a stream gives.
pub type Polled<T> = Poll<io::Result<T>>;

/// A runtime: sockets, host names, tasks and time.
///
/// The futures may be dropped before they are done: one that connects when its time is over, and one that accepts
/// when the server shuts down.
pub trait Runtime: fmt::Debug + Clone + Copy + Send + Sync + Sized + 'static {
    /// The stream of a session.
    type Socket: Socket;
    /// A listener for TCP.
    type TcpListener: fmt::Debug + Send + Sync + 'static;
    /// A listener of any kind.
    type Listener: From<Self::TcpListener> + fmt::Debug + Send + Sync + 'static;
    /// A timer.
    type Timer: Timer;

    /// Has `future` run by itself: a session, a listener, or what closes the idle sessions of a pool.
    ///
    /// If it panics it is dropped, and nothing else may end by that: a handler that panics ends its own session
    /// and no other.
    ///
    /// # Errors
    /// The system has no room for more; `future` has been dropped.
    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> io::Result<()>;

    /// The time by which [`Timer`] goes.
    fn now() -> Instant;

    /// The addresses of a host, each with this port, in the order in which they are to be tried. `host` may be
    /// an address itself, without brackets.
    ///
    /// # Errors
    /// The host is not known, or cannot be looked up.
    fn resolve(host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Connects by TCP. A group of commands or the end of a message must not wait for an
    /// acknowledgement: with `TCP_NODELAY`. Where there is a `source`, the connection comes from that
    /// address of this host, which is of the same family.
    ///
    /// # Errors
    /// There is no connection.
    fn connect(
        address: SocketAddr,
        source: Option<IpAddr>,
    ) -> impl Future<Output = io::Result<Self::Socket>> + Send;

    /// Connects to a Unix socket.
    ///
    /// # Errors
    /// There is no connection.
    #[cfg(unix)]
    fn connect_unix(
        path: &std::path::Path,
    ) -> impl Future<Output = io::Result<Self::Socket>> + Send;

    /// The next client, with `TCP_NODELAY` where that is TCP, and its address. A client that is gone
    /// already is noticed later.
    ///
    /// # Errors
    /// What the system says. An error of one client only (`ConnectionAborted`, `ConnectionReset`,
    /// `ConnectionRefused`, `Interrupted`) is passed over; after any other the listener pauses for up to a second.
    fn accept(
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Socket, Option<SocketAddr>)>> + Send;

    /// A machine on a stream: [`Connection::boxed`](crate::Connection::boxed), except where streams
    /// block.
    fn drive<E: Machine>(socket: Self::Socket, endpoint: E) -> Box<dyn Driver<E>>;
}

/// A machine of [`smtp_proto`]: its client or its server.
pub trait Machine: Endpoint + fmt::Debug + Send + 'static {}

impl Machine for Client {}
impl Machine for Server {}

/// One timer.
pub trait Timer: Default + Send + Unpin {
    /// Is due at `time` from here on, and at no other.
    fn set(&mut self, time: Instant);

    /// Ready when the time that was [set](Self::set) has come. It is not asked again before it is set
    /// anew.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// How a runtime moves octets over a stream.
#[diagnostic::on_unimplemented(
    message = "`{S}` is not a stream of `{Self}`",
    note = "a stream reads and writes by the traits of that runtime, and is `Unpin`"
)]
pub trait Io<S>: Runtime {
    /// Reads into `buffer`, which is not empty; 0 at the end.
    fn poll_read(stream: &mut S, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize>;

    /// Reads at most `most` octets, which is not 0, and hands them over by [`hand_over`]. To be written anew only
    /// where a buffer need not be filled with zeros first.
    fn poll_receive(
        stream: &mut S,
        cx: &mut Context<'_>,
        wire: &mut Wire,
        most: usize,
    ) -> Polled<()> {
        let mut space = [0; READ];
        let most = most.min(READ);
        Self::poll_read(stream, cx, &mut space[..most])
            .map_ok(|read| hand_over(wire, &space[..read]))
    }

    /// Writes some of these slices, which are one or more; at least of the first that has octets.
    fn poll_write(stream: &mut S, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Polled<usize>;

    /// Has what was written leave: octets that the stream keeps, such as records of TLS.
    fn poll_flush(stream: &mut S, cx: &mut Context<'_>) -> Polled<()>;

    /// Says the end, inside TLS by close_notify first, and closes the way out. What the peer still says is read
    /// behind it.
    fn poll_close(stream: &mut S, cx: &mut Context<'_>) -> Polled<()>;
}

/// Whether a stream fails because the peer closed without saying so inside TLS. What SMTP needs is said
/// inside SMTP: a session cut short is noticed there, and this is an end like any other.
pub fn is_the_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

/// Hands a machine what was read for it, which is not more than it has room for; none is the end.
pub fn hand_over(wire: &mut Wire, octets: &[u8]) {
    if octets.is_empty() {
        wire.received(0);
    } else {
        let taken = wire.receive(octets);
        debug_assert_eq!(taken, octets.len(), "no more was read than fits");
    }
}

/// The stream of a session: TCP, a Unix socket or one of the caller's, perhaps inside TLS.
///
/// A runtime without TLS leaves the two handshakes as they are: they fail.
pub trait Socket: Stream + Sized + 'static {
    /// No stream: to read and to write it fails as [`io::ErrorKind::NotConnected`].
    fn closed() -> Self;

    /// The server's handshake, on a plain stream. Afterwards this is the stream inside TLS, or closed where the
    /// handshake failed or its future was dropped.
    ///
    /// # Errors
    /// The handshake failed.
    #[cfg(feature = "tls")]
    fn accept_tls(
        &mut self,
        config: std::sync::Arc<rustls::ServerConfig>,
    ) -> impl Future<Output = io::Result<()>> + Send {
        drop(config);
        async { Err(io::ErrorKind::Unsupported.into()) }
    }

    /// The client's handshake, with a server that is to have this name; as [`accept_tls`](Self::accept_tls).
    ///
    /// # Errors
    /// The handshake failed. When it was for the server's certificate, the error holds that of rustls.
    #[cfg(feature = "tls")]
    fn connect_tls(
        &mut self,
        config: std::sync::Arc<rustls::ClientConfig>,
        name: rustls::pki_types::ServerName<'static>,
    ) -> impl Future<Output = io::Result<()>> + Send {
        drop((config, name));
        async { Err(io::ErrorKind::Unsupported.into()) }
    }
}

/// Makes the stream of a session of one that the program has.
#[diagnostic::on_unimplemented(
    message = "`{S}` is not a stream of `{Self}`",
    note = "a stream reads and writes by the traits of that runtime, and is `Send`, `Unpin` and `'static`"
)]
pub trait Adopt<S>: Runtime {
    /// Takes it.
    fn adopt(stream: S) -> Self::Socket;
}

/// Makes a reader of messages of one that the program has.
#[diagnostic::on_unimplemented(
    message = "`{T}` is not a reader of `{Self}`",
    note = "a reader reads by the trait of that runtime, and is `Send`"
)]
pub trait ReadFrom<T>: Runtime {
    /// Takes it.
    fn reader<'m>(reader: T) -> Box<dyn Reader + 'm>
    where
        T: 'm;
}

/// Makes a reader of messages of one that the program has, and that can go back.
#[diagnostic::on_unimplemented(
    message = "`{T}` is not a reader of `{Self}` that can go back",
    note = "such a reader reads and seeks by the traits of that runtime, and is `Send`"
)]
pub trait RewindFrom<T>: Runtime {
    /// Takes it. What it gives [can be rewound](Reader::poll_rewind).
    fn rewindable<'m>(reader: T) -> Box<dyn Reader + 'm>
    where
        T: 'm;
}

/// The next piece of a message that is being received; none at its end.
pub type Coming<'b> = Pin<Box<dyn Future<Output = io::Result<Option<Bytes>>> + Send + 'b>>;

/// A message that is being received, to go on as it comes: a [`Body`](crate::Body), or what a runtime has in
/// its place.
pub trait Incoming: Send {
    /// The next piece, which is not empty; none at the end.
    fn next(&mut self) -> Coming<'_>;

    /// The size that was declared, in octets; an estimate (RFC 1870 section 6).
    fn declared_size(&self) -> Option<u64>;
}

/// Where the content of a message is read from.
pub trait Reader: Send {
    /// Reads into the capacity that `piece` has left, which is some: how many octets, 0 at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>, piece: &mut BytesMut) -> Polled<usize>;

    /// Goes back to where it stood at first; whether it could.
    fn poll_rewind(&mut self, cx: &mut Context<'_>) -> Polled<bool> {
        let _ = cx;
        Poll::Ready(Ok(false))
    }
}
