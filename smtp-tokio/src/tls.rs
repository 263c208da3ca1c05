//! Streams, and TLS by rustls on top of them.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
pub use rustls;
#[cfg(feature = "tls")]
use smtp_proto::auth::{Binding, Channel, server_end_point};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
#[cfg(feature = "tls")]
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// What a session needs of a stream.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The stream of a session: TCP, a Unix socket or one of the caller's, perhaps inside TLS.
pub struct Stream(Inner);

enum Inner {
    Plain(Plain),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<Plain>>),
    /// Nothing: what there was is closed, or on its way into TLS.
    Closed,
}

pub(crate) enum Plain {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    Other(Box<dyn Duplex>),
}

/// Calls the same method of whichever stream there is.
macro_rules! each {
    ($inner:expr, $stream:ident => $call:expr, $closed:expr) => {
        match $inner {
            Inner::Plain(Plain::Tcp($stream)) => $call,
            #[cfg(unix)]
            Inner::Plain(Plain::Unix($stream)) => $call,
            Inner::Plain(Plain::Other($stream)) => $call,
            #[cfg(feature = "tls")]
            Inner::Tls($stream) => $call,
            Inner::Closed => $closed,
        }
    };
}

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

impl Stream {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        Self(Inner::Plain(Plain::Tcp(stream)))
    }

    #[cfg(unix)]
    pub(crate) fn unix(stream: tokio::net::UnixStream) -> Self {
        Self(Inner::Plain(Plain::Unix(stream)))
    }

    pub(crate) fn other(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Inner::Plain(Plain::Other(Box::new(stream))))
    }

    /// No stream.
    pub(crate) fn closed() -> Self {
        Self(Inner::Closed)
    }

    /// The address of the other side, of a TCP connection.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.as_tcp()?.peer_addr().ok()
    }

    /// The address of this side, of a TCP connection.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.as_tcp()?.local_addr().ok()
    }

    fn as_tcp(&self) -> Option<&TcpStream> {
        let plain = match &self.0 {
            Inner::Plain(plain) => plain,
            #[cfg(feature = "tls")]
            Inner::Tls(stream) => stream.get_ref().0,
            Inner::Closed => return None,
        };
        match plain {
            Plain::Tcp(stream) => Some(stream),
            _ => None,
        }
    }

    /// Drops the stream: the peer sees the end, and inside TLS that it is not a proper one.
    pub(crate) fn cut(&mut self) {
        self.0 = Inner::Closed;
    }

    #[cfg(feature = "tls")]
    fn take_plain(&mut self) -> io::Result<Plain> {
        match std::mem::replace(&mut self.0, Inner::Closed) {
            Inner::Plain(plain) => Ok(plain),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// The server's handshake, on the plain stream that this is. Afterwards this is the stream inside
    /// TLS, or closed.
    #[cfg(feature = "tls")]
    pub(crate) async fn accept_tls(&mut self, config: Arc<rustls::ServerConfig>) -> io::Result<()> {
        let plain = self.take_plain()?;
        let stream = TlsAcceptor::from(config).accept(plain).await?;
        self.0 = Inner::Tls(Box::new(stream.into()));
        Ok(())
    }

    /// The client's handshake; as [`accept_tls`](Self::accept_tls).
    #[cfg(feature = "tls")]
    pub(crate) async fn connect_tls(
        &mut self,
        config: Arc<rustls::ClientConfig>,
        name: rustls::pki_types::ServerName<'static>,
    ) -> io::Result<()> {
        let plain = self.take_plain()?;
        let stream = TlsConnector::from(config).connect(name, plain).await?;
        self.0 = Inner::Tls(Box::new(stream.into()));
        Ok(())
    }

    /// What the TLS session brings to an AUTH exchange (C-40): keying material of TLS 1.3, and at the
    /// client's side the hash of the server's certificate. A server does not know which of its
    /// certificates it has shown, so that with TLS 1.2 it has nothing to bind to.
    #[cfg(feature = "tls")]
    pub(crate) fn channel(&self) -> Channel {
        let Inner::Tls(stream) = &self.0 else {
            return Channel::new();
        };
        let mut channel = Channel::new();
        let (_, state) = stream.get_ref();
        if state.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3) {
            let exported = match &**stream {
                TlsStream::Server(stream) => export(stream.get_ref().1),
                TlsStream::Client(stream) => export(stream.get_ref().1),
            };
            if let Ok(data) = exported {
                channel = channel.with(Binding::TlsExporter, data.as_slice().into());
            }
        }
        let shown = state.peer_certificates().and_then(<[_]>::first);
        match &**stream {
            TlsStream::Server(_) => channel.client_certificate(shown.is_some()),
            TlsStream::Client(_) => match shown.and_then(|shown| server_end_point(shown)) {
                Some(data) => channel.with(Binding::TlsServerEndPoint, data),
                None => channel,
            },
        }
    }

    /// What is known of the TLS session, when there is one.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<TlsFacts> {
        let Inner::Tls(stream) = &self.0 else {
            return None;
        };
        let (_, state) = stream.get_ref();
        let server_name = match &**stream {
            TlsStream::Server(stream) => stream.get_ref().1.server_name().map(Box::from),
            TlsStream::Client(_) => None,
        };
        Some(TlsFacts {
            protocol: state.protocol_version(),
            cipher: state.negotiated_cipher_suite().map(|suite| suite.suite()),
            key_exchange: state.negotiated_key_exchange_group().map(|group| group.name()),
            alpn: state.alpn_protocol().map(Box::from),
            server_name,
            certificates: state.peer_certificates().unwrap_or_default().to_vec(),
        })
    }
}

/// RFC 9266 section 2.
#[cfg(feature = "tls")]
fn export<D>(connection: &rustls::ConnectionCommon<D>) -> Result<[u8; 32], rustls::Error> {
    connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))
}

/// What a TLS handshake settled.
#[cfg(feature = "tls")]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TlsFacts {
    /// The version of TLS.
    pub protocol: Option<rustls::ProtocolVersion>,
    /// The cipher suite.
    pub cipher: Option<rustls::CipherSuite>,
    /// The group of the key exchange.
    pub key_exchange: Option<rustls::NamedGroup>,
    /// The protocol that was agreed on by ALPN, if any was.
    pub alpn: Option<Box<[u8]>>,
    /// The name the client asked for (SNI); on the server's side only.
    pub server_name: Option<Box<str>>,
    /// The peer's certificate chain, its own first; on the server's side empty unless clients are
    /// asked for one.
    pub certificates: Vec<rustls::pki_types::CertificateDer<'static>>,
}

/// The version, the cipher suite and the name asked for, as far as they are known.
#[cfg(feature = "tls")]
impl fmt::Display for TlsFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.protocol.and_then(|version| version.as_str());
        f.write_str(version.unwrap_or("TLS"))?;
        if let Some(cipher) = self.cipher.and_then(|cipher| cipher.as_str()) {
            write!(f, " {cipher}")?;
        }
        match &self.server_name {
            Some(name) => write!(f, " for {name}"),
            None => Ok(()),
        }
    }
}

impl AsyncRead for Plain {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each_plain!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        each_plain!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, octets))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each_plain!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        each_plain!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_plain!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_plain!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}

fn closed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = each!(&mut self.get_mut().0, stream => Pin::new(stream).poll_read(cx, buffer), closed());
        match read {
            // The peer closed without saying so inside TLS. What SMTP needs is said inside SMTP: a
            // session cut short is noticed there.
            Poll::Ready(Err(error))
                if error.kind() == io::ErrorKind::UnexpectedEof
                    && buffer.filled().len() == before =>
            {
                Poll::Ready(Ok(()))
            }
            read => read,
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.get_mut().0, stream => Pin::new(stream).poll_write(cx, octets), closed())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.get_mut().0, stream => Pin::new(stream).poll_write_vectored(cx, slices), closed())
    }

    fn is_write_vectored(&self) -> bool {
        each!(&self.0, stream => stream.is_write_vectored(), false)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.get_mut().0, stream => Pin::new(stream).poll_flush(cx), closed())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.get_mut().0, stream => Pin::new(stream).poll_shutdown(cx), Poll::Ready(Ok(())))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Inner::Plain(Plain::Tcp(_)) => "Stream(TCP)",
            #[cfg(unix)]
            Inner::Plain(Plain::Unix(_)) => "Stream(Unix)",
            Inner::Plain(Plain::Other(_)) => "Stream(other)",
            #[cfg(feature = "tls")]
            Inner::Tls(_) => "Stream(TLS)",
            Inner::Closed => "Stream(closed)",
        })
    }
}

#[cfg(feature = "tls")]
pub use config::{client_config, client_config_unverified, server_config};

#[cfg(feature = "tls")]
mod config {
    use std::sync::Arc;

    use rustls::{
        ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    };
    use rustls_platform_verifier::BuilderVerifierExt;

    fn provider() -> Arc<CryptoProvider> {
        Arc::new(ring::default_provider())
    }

    /// A client that trusts whom the operating system trusts.
    ///
    /// # Errors
    /// The operating system's roots cannot be had.
    pub fn client_config() -> Result<Arc<ClientConfig>, Error> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    /// A client that trusts any certificate: encryption against those who listen, none against those
    /// who meddle. It is the default of opportunistic TLS between mail servers, where the alternative
    /// would be plaintext (RFC 7435).
    ///
    /// # Errors
    /// None in practice.
    pub fn client_config_unverified() -> Result<Arc<ClientConfig>, Error> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(provider())))
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    /// A server with this certificate chain, its own certificate first.
    ///
    /// # Errors
    /// Certificate and key do not fit together.
    pub fn server_config(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Arc<ServerConfig>, Error> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Arc::new(config))
    }

    /// Takes any certificate; that the peer has its key is checked.
    #[derive(Debug)]
    struct Unverified(Arc<CryptoProvider>);

    impl ServerCertVerifier for Unverified {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            verify_tls12_signature(message, certificate, signature, algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signature, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}
