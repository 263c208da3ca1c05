//! TLS by rustls: configurations, and what a handshake has settled. Nothing is set process-wide.

mod certificates;
mod dane;
mod judge;
mod lookout;

use std::{fmt, io, sync::Arc};

pub use rustls;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, CommonState, Error, ServerConfig,
    ServerConnection,
    client::danger::ServerCertVerifier,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer},
};
use rustls_platform_verifier::BuilderVerifierExt;
use smtp_proto::{
    auth::{Binding, Channel, server_end_point},
    relay::TlsFailure,
};

use self::judge::Anybody;
pub(crate) use self::lookout::Lookout;
pub use self::{
    certificates::{Certificates, CurrentCertificates},
    dane::{DaneMismatch, dane_verifier},
    judge::{Judge, Shown, client_config_judged_by},
};

/// One side of a TLS session.
#[derive(Debug, Clone, Copy)]
pub enum Side<'s> {
    /// The client's.
    Client(&'s ClientConnection),
    /// The server's.
    Server(&'s ServerConnection),
}

impl Side<'_> {
    fn state(&self) -> &CommonState {
        match self {
            Self::Client(connection) => connection,
            Self::Server(connection) => connection,
        }
    }

    /// What is known of the session.
    pub fn facts(&self) -> TlsFacts {
        let state = self.state();
        let server_name = match self {
            Self::Server(connection) => connection.server_name().map(Box::from),
            Self::Client(_) => None,
        };
        TlsFacts {
            protocol: state.protocol_version(),
            cipher: state.negotiated_cipher_suite().map(|suite| suite.suite()),
            key_exchange: state.negotiated_key_exchange_group().map(|group| group.name()),
            alpn: state.alpn_protocol().map(Box::from),
            server_name,
            certificates: state.peer_certificates().unwrap_or_default().to_vec(),
        }
    }

    /// What the session brings to an AUTH exchange (C-40): keying material of TLS 1.3, and at the
    /// client's side the hash of the server's certificate. A server does not know which of its
    /// certificates it has shown, so that with TLS 1.2 it has nothing to bind to.
    pub fn channel(&self) -> Channel {
        let mut channel = Channel::new();
        let state = self.state();
        if state.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3) {
            let exported = match self {
                Self::Server(connection) => export(connection),
                Self::Client(connection) => export(connection),
            };
            if let Ok(data) = exported {
                channel = channel.with(Binding::TlsExporter, data.as_slice().into());
            }
        }
        let shown = state.peer_certificates().and_then(<[_]>::first);
        match self {
            Self::Server(_) => channel.client_certificate(shown.is_some()),
            Self::Client(_) => match shown.and_then(|shown| server_end_point(shown)) {
                Some(data) => channel.with(Binding::TlsServerEndPoint, data),
                None => channel,
            },
        }
    }
}

/// RFC 9266 section 2.
fn export<D>(connection: &rustls::ConnectionCommon<D>) -> Result<[u8; 32], rustls::Error> {
    connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))
}

/// What a TLS handshake settled.
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
/// would be plaintext (RFC 7435). Given to a connector it wants
/// [`Connector::verifies_server`](crate::Connector::verifies_server)`(false)`.
///
/// # Errors
/// None in practice.
pub fn client_config_unverified() -> Result<Arc<ClientConfig>, Error> {
    client_config_judged_by(Anybody)
}

/// Of which type a handshake's failure is, for reports about TLS (RFC 8460 section 4.3): what
/// [`Error::Tls`](crate::Error::Tls) holds at a client.
pub fn failure_type(error: &io::Error) -> TlsFailure {
    let of_rustls = error.get_ref().and_then(|error| error.downcast_ref());
    let Some(Error::InvalidCertificate(error)) = of_rustls else {
        return TlsFailure::ValidationFailure;
    };
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFailure::CertificateHostMismatch
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            TlsFailure::CertificateExpired
        }
        CertificateError::UnknownIssuer => TlsFailure::CertificateNotTrusted,
        CertificateError::Other(other) if other.0.is::<DaneMismatch>() => TlsFailure::TlsaInvalid,
        _ => TlsFailure::ValidationFailure,
    }
}

/// Who verifies certificates as [`client_config`] has it.
pub(crate) fn system_verifier() -> Result<Arc<dyn ServerCertVerifier>, Error> {
    Ok(Arc::new(rustls_platform_verifier::Verifier::new(provider())?))
}

/// A server with this certificate chain, its own certificate first. For several names, or to have
/// certificates renewed without a restart, see [`CurrentCertificates`].
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
