//! Smol, for the suite of all runtimes.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
};

use smol::io::AsyncReadExt;
#[cfg(unix)]
pub(crate) use smol::net::unix::UnixListener;
pub(crate) use smol::{
    block_on,
    net::{TcpListener, TcpStream},
};
pub(crate) use smtp_frontend::runtime::Io;
pub(crate) use smtp_smol::{self as smtp, Smol as Runtime, testing::On};

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

/// A task that goes on when nobody waits for it.
#[derive(Debug)]
pub(crate) struct Task<T>(Option<smol::Task<T>>);

pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Task<T> {
    Task(Some(smol::spawn(future)))
}

impl<T> Task<T> {
    pub(crate) fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(smol::Task::is_finished)
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, ()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, ()>> {
        self.0.as_mut().map_or(Poll::Ready(Err(())), |task| Pin::new(task).poll(cx).map(Ok))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}

/// A listener on a port of its own.
pub(crate) async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

pub(crate) async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    listener.accept().await
}

pub(crate) async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address).await
}

/// A file in which so many octets were read already.
pub(crate) async fn file(name: &str, octets: &[u8], read: usize) -> smol::fs::File {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, octets).unwrap();
    let mut file = smol::fs::File::open(path).await.unwrap();
    file.read_exact(&mut vec![0; read]).await.unwrap();
    file
}
