//! Threads, for the suite of all runtimes. What that does is what programs that are written for any runtime
//! do: it awaits, and each task is polled on a thread of its own, where all that it does blocks.

use std::{
    future::Future,
    io::{self, IoSlice, Read},
    net::SocketAddr,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use smtp_blocking::Duplex;
pub(crate) use smtp_blocking::{Blocking as Runtime, testing::On};
use smtp_frontend::runtime::Polled;
pub(crate) use std::net::{TcpListener, TcpStream};
#[cfg(unix)]
pub(crate) use std::os::unix::net::UnixListener;

/// What can be awaited, by the names that a crate for a runtime gives.
pub(crate) mod smtp {
    use std::{
        future::poll_fn,
        io,
        ops::{Deref, DerefMut},
    };

    use smtp_blocking::{
        Blocking, Duplex,
        proto::wire::{Endpoint, Step},
    };
    pub(crate) use smtp_frontend::*;

    pub(crate) type Connector = smtp_frontend::Connector<Blocking>;
    pub(crate) type Message<'m> = smtp_frontend::Message<'m, Blocking>;
    pub(crate) type Pool = smtp_frontend::Pool<Blocking>;
    pub(crate) type Relay<'c, D> = smtp_frontend::Relay<'c, Blocking, D>;
    pub(crate) type Server<B> = smtp_frontend::Server<B, Blocking>;

    pub(crate) mod testing {
        use super::Blocking;
        pub(crate) use smtp_blocking::testing::{faulty, pipe};
        pub(crate) use smtp_frontend::testing::{Act, At, Gate, Script, Transit};

        pub(crate) type ScriptedClient = smtp_frontend::testing::ScriptedClient<Blocking>;
        pub(crate) type ScriptedServer = smtp_frontend::testing::ScriptedServer<Blocking>;
    }

    /// The loop of a session, to be awaited.
    #[derive(Debug)]
    pub(crate) struct Connection<S, E: std::fmt::Debug>(smtp_blocking::Connection<S, E>);

    impl<S: Duplex, E: Endpoint + std::fmt::Debug> Connection<S, E> {
        pub(crate) fn new(stream: S, endpoint: E) -> Self {
            Self(smtp_blocking::Connection::new(stream, endpoint))
        }

        pub(crate) async fn next(&mut self) -> io::Result<Step> {
            poll_fn(|cx| self.0.poll_next(cx)).await
        }

        pub(crate) async fn written(&mut self) -> io::Result<Step> {
            poll_fn(|cx| self.0.poll_written(cx)).await
        }
    }

    impl<S, E: std::fmt::Debug> Deref for Connection<S, E> {
        type Target = smtp_blocking::Connection<S, E>;

        fn deref(&self) -> &Self::Target {
            &self.0
        }
    }

    impl<S, E: std::fmt::Debug> DerefMut for Connection<S, E> {
        fn deref_mut(&mut self) -> &mut Self::Target {
            &mut self.0
        }
    }
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    Runtime::block_on(future)
}

/// A resolver that asks this name server only.
#[cfg(feature = "dns")]
pub(crate) fn resolver(server: SocketAddr) -> impl smtp::dns::Resolve {
    use smtp::dns::{
        OverTcp,
        hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    };

    let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut name_server.connections {
        connection.port = server.port();
    }
    let config = ResolverConfig::from_name_servers(vec![name_server]);
    let mut options = ResolverOpts::default();
    options.use_hosts_file = ResolveHosts::Never;
    OverTcp::<Runtime>::resolver(config, options).unwrap()
}

/// What a thread gives, and who waits for it.
type Shared<T> = Arc<Mutex<(Option<T>, Option<Waker>)>>;

/// A thread that goes on when nobody waits for it.
#[derive(Debug)]
pub(crate) struct Task<T> {
    shared: Shared<T>,
    thread: thread::JoinHandle<()>,
}

pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Task<T> {
    let shared = Shared::default();
    let there = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        let output = block_on(future);
        let mut shared = there.lock().unwrap();
        shared.0 = Some(output);
        let waker = shared.1.take();
        drop(shared);
        waker.into_iter().for_each(Waker::wake);
    });
    Task { shared, thread }
}

impl<T> Task<T> {
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, ()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, ()>> {
        let mut shared = self.shared.lock().unwrap();
        if let Some(output) = shared.0.take() {
            return Poll::Ready(Ok(output));
        }
        shared.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A listener on a port of its own.
pub(crate) async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

pub(crate) async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    listener.accept()
}

pub(crate) async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address)
}

/// How any stream is read and written: for a moment, and then somebody else may go on.
pub(crate) trait Io<S> {
    fn poll_read(stream: &mut S, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize>;
    fn poll_write(stream: &mut S, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Polled<usize>;
    fn poll_flush(stream: &mut S, cx: &mut Context<'_>) -> Polled<()>;
    fn poll_close(stream: &mut S, cx: &mut Context<'_>) -> Polled<()>;
}

fn for_a_moment<S: Duplex, T>(
    stream: &mut S,
    cx: &mut Context<'_>,
    call: impl FnOnce(&mut S) -> io::Result<T>,
) -> Polled<T> {
    stream.set_nonblocking(false)?;
    stream.set_timeout(Duration::from_millis(10))?;
    match call(stream) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
        {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        done => Poll::Ready(done),
    }
}

impl<S: Duplex> Io<S> for Runtime {
    fn poll_read(stream: &mut S, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize> {
        for_a_moment(stream, cx, |stream| stream.read(buffer))
    }

    fn poll_write(stream: &mut S, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Polled<usize> {
        for_a_moment(stream, cx, |stream| stream.write_vectored(slices))
    }

    fn poll_flush(stream: &mut S, cx: &mut Context<'_>) -> Polled<()> {
        for_a_moment(stream, cx, |stream| stream.flush())
    }

    fn poll_close(stream: &mut S, cx: &mut Context<'_>) -> Polled<()> {
        for_a_moment(stream, cx, |stream| stream.close())
    }
}

/// A file in which so many octets were read already.
pub(crate) async fn file(name: &str, octets: &[u8], read: usize) -> std::fs::File {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, octets).unwrap();
    let mut file = std::fs::File::open(path).unwrap();
    file.read_exact(&mut vec![0; read]).unwrap();
    file
}
