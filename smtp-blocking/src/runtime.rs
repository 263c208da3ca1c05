//! Threads, as a runtime of clients and servers.

use std::{
    future::{Future, poll_fn},
    io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use smtp_frontend::{
    Driver,
    runtime::{Adopt, Machine, Runtime},
};

use crate::{
    connection::Connection,
    listener::AnyListener,
    park::{self, Alarm, block_on},
    socket::{Duplex, Plain, Socket},
};

/// The stack of a thread that is made here, in octets. It costs memory as far as it is used.
pub const STACK: usize = 512 * 1024;

/// Threads and blocking streams: the runtime of everything in this crate.
///
/// For programs that are written once for every runtime, over the types of [`smtp_frontend`]. The futures of
/// these are for [`block_on`](Self::block_on) alone: they block where others are pending.
#[derive(Debug, Clone, Copy)]
pub struct Blocking;

impl Blocking {
    /// What a future gives, on this thread.
    pub fn block_on<F: Future>(future: F) -> F::Output {
        block_on(future)
    }
}

impl Runtime for Blocking {
    type Socket = Socket;
    type TcpListener = TcpListener;
    type Listener = AnyListener;
    type Timer = Alarm;

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        thread(move || block_on(future))
    }

    fn now() -> Instant {
        Instant::now()
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let host = host.to_owned();
        elsewhere(move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect)).await
    }

    async fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<Socket> {
        Ok(Plain::Tcp(dial(address, source)?).into())
    }

    #[cfg(unix)]
    async fn connect_unix(path: &std::path::Path) -> io::Result<Socket> {
        let path = path.to_owned();
        let stream = elsewhere(move || std::os::unix::net::UnixStream::connect(path)).await?;
        Ok(Plain::Unix(stream).into())
    }

    async fn accept(listener: &AnyListener) -> io::Result<(Socket, Option<SocketAddr>)> {
        poll_fn(|cx| listener.poll_accept(cx)).await
    }

    fn drive<E: Machine>(socket: Socket, endpoint: E) -> Box<dyn Driver<E>> {
        Box::new(Connection::new(socket, endpoint))
    }
}

/// A time that no system call refuses.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Connects, for as long as this thread may wait.
pub(crate) fn dial(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let time = park::patience(FOREVER).max(Duration::from_millis(1));
    let stream = match source {
        None => TcpStream::connect_timeout(&address, time)?,
        Some(source) => connect_from(source, address, time)?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Connects from an address of this host.
fn connect_from(source: IpAddr, address: SocketAddr, time: Duration) -> io::Result<TcpStream> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&address.into(), time)?;
    Ok(socket.into())
}

fn thread(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("smtp".to_owned()).stack_size(STACK).spawn(run).map(drop)
}

/// What comes of a call on another thread, and who waits for it.
type Shared<T> = Arc<Mutex<(Option<io::Result<T>>, Option<Waker>)>>;

/// What comes of a call that cannot be bounded in time: another thread makes it, and is left to itself
/// where nobody waits any longer.
async fn elsewhere<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let shared = Shared::default();
    let there = Arc::clone(&shared);
    thread(move || {
        let output = call();
        let mut shared = there.lock().unwrap_or_else(PoisonError::into_inner);
        let waker = shared.1.take();
        shared.0 = Some(output);
        drop(shared);
        waker.into_iter().for_each(Waker::wake);
    })?;
    poll_fn(|cx| {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(output) = shared.0.take() {
            return Poll::Ready(output);
        }
        shared.1 = Some(cx.waker().clone());
        Poll::Pending
    })
    .await
}

impl<S: Duplex + 'static> Adopt<S> for Blocking {
    fn adopt(stream: S) -> Socket {
        Plain::Other(Box::new(stream)).into()
    }
}
