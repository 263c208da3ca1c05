//! Hickory's resolver on any runtime.

use std::{
    fmt,
    future::{Future, pending},
    io::{self, IoSlice},
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_io::{AsyncRead, AsyncWrite};
use hickory_resolver::{
    Resolver,
    config::{ProtocolConfig, ResolverConfig, ResolverOpts},
    net::{
        NetError,
        runtime::{DnsTcpStream, DnsUdpSocket, RuntimeProvider, Spawn, Time},
    },
    system_conf::read_system_conf,
};

use crate::{
    runtime::{Io, Polled, Runtime},
    time::within,
};

/// How long a connection to a name server may take, where the resolver does not say.
const CONNECT: Duration = Duration::from_secs(5);

/// How a runtime asks name servers over TCP: as it moves octets over any socket, unless its sockets block.
pub trait Dial: Runtime {
    /// A connection to a name server.
    type Line: Send + Unpin + 'static;

    /// Connects, from that address of this host if there is one.
    fn dial(
        address: SocketAddr,
        source: Option<IpAddr>,
    ) -> impl Future<Output = io::Result<Self::Line>> + Send;

    /// Reads; 0 at the end.
    fn poll_read(line: &mut Self::Line, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize>;

    /// Writes some of these octets.
    fn poll_write(line: &mut Self::Line, cx: &mut Context<'_>, octets: &[u8]) -> Polled<usize>;

    /// Has what was written leave.
    fn poll_flush(line: &mut Self::Line, cx: &mut Context<'_>) -> Polled<()>;

    /// Says the end.
    fn poll_close(line: &mut Self::Line, cx: &mut Context<'_>) -> Polled<()>;
}

impl<R> Dial for R
where
    R: Runtime + Io<<R as Runtime>::Socket>,
    R::Socket: Unpin,
{
    type Line = R::Socket;

    async fn dial(address: SocketAddr, source: Option<IpAddr>) -> io::Result<R::Socket> {
        R::connect(address, source).await
    }

    fn poll_read(line: &mut R::Socket, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize> {
        <R as Io<_>>::poll_read(line, cx, buffer)
    }

    fn poll_write(line: &mut R::Socket, cx: &mut Context<'_>, octets: &[u8]) -> Polled<usize> {
        <R as Io<_>>::poll_write(line, cx, &[IoSlice::new(octets)])
    }

    fn poll_flush(line: &mut R::Socket, cx: &mut Context<'_>) -> Polled<()> {
        <R as Io<_>>::poll_flush(line, cx)
    }

    fn poll_close(line: &mut R::Socket, cx: &mut Context<'_>) -> Polled<()> {
        <R as Io<_>>::poll_close(line, cx)
    }
}

/// Has hickory's resolver run on a runtime of this crate: it asks over TCP, which every name server answers
/// (RFC 7766), and keeps its connections. On tokio, `TokioResolver` asks over UDP, too.
///
/// ```no_run
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// # use smtp_tokio::Tokio as Smol;
/// use smtp_frontend::dns::{HostName, OverTcp, Resolve};
///
/// let resolver = OverTcp::<Smol>::system()?;
/// println!("{:?}", resolver.mx(&HostName::parse("example.org")?).await);
/// # Ok(()) }
/// ```
pub struct OverTcp<R>(PhantomData<fn() -> R>);

impl<R: Dial> OverTcp<R> {
    /// Asks the name servers that the system is set to.
    ///
    /// # Errors
    /// The system's settings cannot be read.
    pub fn system() -> Result<Resolver<Self>, NetError> {
        let (config, options) = read_system_conf()?;
        Self::resolver(config, options)
    }

    /// Asks these name servers, as far as they are asked over TCP.
    ///
    /// # Errors
    /// None of this crate; what hickory makes of the options.
    pub fn resolver(
        mut config: ResolverConfig,
        options: ResolverOpts,
    ) -> Result<Resolver<Self>, NetError> {
        for server in &mut config.name_servers {
            server.connections.retain(|way| matches!(way.protocol, ProtocolConfig::Tcp));
        }
        Resolver::builder_with_config(config, Self::default()).with_options(options).build()
    }
}

/// The provider of a resolver that is built otherwise, of name servers that are asked over TCP only.
impl<R> Default for OverTcp<R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<R> Clone for OverTcp<R> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<R> fmt::Debug for OverTcp<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OverTcp")
    }
}

impl<R: Dial> RuntimeProvider for OverTcp<R> {
    type Handle = Self;
    type Timer = Clock<R>;
    type Udp = NoUdp<R>;
    type Tcp = TcpStream<R>;

    fn create_handle(&self) -> Self {
        self.clone()
    }

    fn connect_tcp(
        &self,
        address: SocketAddr,
        source: Option<SocketAddr>,
        time: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<TcpStream<R>>>>> {
        Box::pin(async move {
            let connecting = R::dial(address, source.map(|source| source.ip()));
            let line = within::<R, _>(time.unwrap_or(CONNECT), connecting).await?;
            Ok(TcpStream(Mutex::new(line)))
        })
    }

    fn bind_udp(
        &self,
        _: SocketAddr,
        _: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<NoUdp<R>>>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

impl<R: Runtime> Spawn for OverTcp<R> {
    fn spawn_bg(&mut self, future: impl Future<Output = ()> + Send + 'static) {
        // Without a task for its connection a query fails.
        let _ = R::spawn(future);
    }
}

/// The time of a runtime.
pub struct Clock<R>(PhantomData<fn() -> R>);

type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

impl<R: Runtime> Time for Clock<R> {
    fn delay_for<'f>(time: Duration) -> Boxed<'f, ()> {
        Box::pin(async move {
            // It is over when the time is.
            let _ = within::<R, ()>(time, pending()).await;
        })
    }

    fn timeout<'f, F>(time: Duration, future: F) -> Boxed<'f, io::Result<F::Output>>
    where
        F: 'f + 'static + Future + Send,
    {
        Box::pin(within::<R, _>(time, async { Ok(future.await) }))
    }
}

/// A connection to a name server. Nobody locks it: what a stream can be polled by is its owner's alone, and
/// hickory wants to share it none the less.
pub struct TcpStream<R: Dial>(Mutex<R::Line>);

impl<R: Dial> TcpStream<R> {
    fn line(&mut self) -> &mut R::Line {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Dial> AsyncRead for TcpStream<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Polled<usize> {
        R::poll_read(self.line(), cx, buffer)
    }
}

impl<R: Dial> AsyncWrite for TcpStream<R> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Polled<usize> {
        R::poll_write(self.line(), cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<()> {
        R::poll_flush(self.line(), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<()> {
        R::poll_close(self.line(), cx)
    }
}

impl<R: Dial> DnsTcpStream for TcpStream<R> {
    type Time = Clock<R>;
}

/// UDP is not spoken.
pub struct NoUdp<R>(PhantomData<fn() -> R>);

impl<R: Runtime> DnsUdpSocket for NoUdp<R> {
    type Time = Clock<R>;

    fn poll_recv_from(&self, _: &mut Context<'_>, _: &mut [u8]) -> Polled<(usize, SocketAddr)> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn poll_send_to(&self, _: &mut Context<'_>, _: &[u8], _: SocketAddr) -> Polled<usize> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

macro_rules! shown_by_their_names {
    ($($name:ident),*) => {$(
        impl<R: Dial> fmt::Debug for $name<R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

shown_by_their_names!(Clock, TcpStream, NoUdp);
