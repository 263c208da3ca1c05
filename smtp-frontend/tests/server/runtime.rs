//! Tokio, with timers that are counted and clients that are accepted as a test has it.

use std::{
    cell::Cell,
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use smtp_frontend::{
    Driver,
    runtime::{Adopt, Machine, Runtime, Timer},
};
use smtp_tokio::Tokio;
use tokio::io::DuplexStream;

pub(crate) type Server<B> = smtp_frontend::Server<B, Staged>;

/// The runtime of these tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Staged;

/// What the next `accept` gives: a client with its address, or a failure.
pub(crate) type Arrival = io::Result<(DuplexStream, SocketAddr)>;

/// Accepts what it is told to, and then nobody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Door(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    arrivals: Mutex<VecDeque<Arrival>>,
    changed: tokio::sync::Notify,
}

impl Door {
    pub(crate) fn arrives(&self, arrival: Arrival) {
        self.0.arrivals.lock().unwrap().push_back(arrival);
        self.0.changed.notify_one();
    }
}

impl Runtime for Staged {
    type Socket = <Tokio as Runtime>::Socket;
    type TcpListener = Door;
    type Listener = Door;
    type Timer = Counted;

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let none_left = NONE_LEFT.get();
        if none_left > 0 {
            NONE_LEFT.set(none_left - 1);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Tokio::spawn(future)
    }

    fn now() -> Instant {
        Tokio::now()
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Tokio::resolve(host, port).await
    }

    async fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<Self::Socket> {
        Tokio::connect(address, source).await
    }

    #[cfg(unix)]
    async fn connect_unix(path: &std::path::Path) -> io::Result<Self::Socket> {
        Tokio::connect_unix(path).await
    }

    async fn accept(door: &Door) -> io::Result<(Self::Socket, Option<SocketAddr>)> {
        loop {
            let arrival = door.0.arrivals.lock().unwrap().pop_front();
            match arrival {
                Some(Ok((stream, address))) => return Ok((Tokio::adopt(stream), Some(address))),
                Some(Err(error)) => return Err(error),
                None => door.0.changed.notified().await,
            }
        }
    }

    fn drive<E: Machine>(socket: Self::Socket, endpoint: E) -> Box<dyn Driver<E>> {
        // With tokio's own timers, which are not counted.
        Tokio::drive(socket, endpoint)
    }
}

impl Adopt<DuplexStream> for Staged {
    fn adopt(stream: DuplexStream) -> Self::Socket {
        Tokio::adopt(stream)
    }
}

thread_local! {
    static SET: AtomicUsize = const { AtomicUsize::new(0) };
    static NONE_LEFT: Cell<usize> = const { Cell::new(0) };
}

/// So many tasks cannot be begun by this thread, for want of memory or threads.
pub(crate) fn no_tasks_left(count: usize) {
    NONE_LEFT.set(count);
}

/// How many timers were set by this thread, but for those of connections.
pub(crate) fn timers_set() -> usize {
    SET.with(|set| set.load(Ordering::Relaxed))
}

/// A timer of tokio's.
#[derive(Default)]
pub(crate) struct Counted(<Tokio as Runtime>::Timer);

impl Timer for Counted {
    fn set(&mut self, time: Instant) {
        SET.with(|set| set.fetch_add(1, Ordering::Relaxed));
        self.0.set(time);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}
