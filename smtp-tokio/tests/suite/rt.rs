//! Tokio, for the suite of all runtimes.

use std::{future::Future, io, net::SocketAddr, path::Path};

pub(crate) use smtp_frontend::runtime::Io;
pub(crate) use smtp_tokio::{self as smtp, Tokio as Runtime, testing::On};
use tokio::io::AsyncReadExt;
#[cfg(unix)]
pub(crate) use tokio::net::UnixListener;
pub(crate) use tokio::{
    net::{TcpListener, TcpStream},
    spawn,
    task::JoinHandle as Task,
};

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
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

/// A resolver that asks this name server only.
#[cfg(feature = "dns")]
pub(crate) fn resolver(server: std::net::SocketAddr) -> hickory_resolver::TokioResolver {
    use hickory_resolver::{
        TokioResolver,
        config::{NameServerConfig, ResolverConfig},
        net::runtime::TokioRuntimeProvider,
    };

    let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut name_server.connections {
        connection.port = server.port();
    }
    let config = ResolverConfig::from_name_servers(vec![name_server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.options_mut().use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
    builder.build().unwrap()
}

/// A file in which so many octets were read already.
pub(crate) async fn file(name: &str, octets: &[u8], read: usize) -> tokio::fs::File {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, octets).unwrap();
    let mut file = tokio::fs::File::open(path).await.unwrap();
    file.read_exact(&mut vec![0; read]).await.unwrap();
    file
}
