//! The certificates of a server: one for each of its names, and new ones while it runs.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::{
    Error, ServerConfig,
    client::verify_server_name,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::provider;

/// Certificates with their keys, of which a client is shown the first that has the name it asks for and
/// that it can check; else the first of all.
#[derive(Debug, Clone)]
pub struct Certificates {
    first: Arc<CertifiedKey>,
    others: Vec<Arc<CertifiedKey>>,
}

impl Certificates {
    /// A certificate chain, its own certificate first, and its key. It is what a client is shown that asks
    /// for no name (RFC 6066 section 3), or for one that no other certificate has.
    ///
    /// # Errors
    /// The chain is empty or malformed, or certificate and key do not fit together.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Error> {
        Ok(Self { first: certified(chain, key)?, others: Vec::new() })
    }

    /// One more: for other names, or for the same with a key of another kind. All are looked at for each
    /// handshake, which for dozens is nothing beside the handshake itself.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn and(
        mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Error> {
        self.others.push(certified(chain, key)?);
        Ok(self)
    }

    fn choose(&self, hello: &ClientHello<'_>) -> &Arc<CertifiedKey> {
        let schemes = hello.signature_schemes();
        let all = || std::iter::once(&self.first).chain(&self.others);
        let mut usable = all().filter(|key| key.key.choose_scheme(schemes).is_some());
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let named = name.and_then(|name| usable.find(|key| has_name(key, &name)));
        let any = || all().find(|key| key.key.choose_scheme(schemes).is_some());
        // When it can check none, the handshake says so.
        named.or_else(any).unwrap_or(&self.first)
    }
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, Error> {
    let certified = CertifiedKey::from_der(chain, key, &provider())?;
    ParsedCertificate::try_from(certified.end_entity_cert()?)?;
    Ok(Arc::new(certified))
}

fn has_name(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let certificate = key.end_entity_cert().and_then(ParsedCertificate::try_from);
    certificate.is_ok_and(|certificate| verify_server_name(&certificate, name).is_ok())
}

/// The [`Certificates`] that a server shows at present. A clone is the same: by the one that is kept, new
/// ones are put in place while the server runs.
///
/// ```
/// # use smtp_frontend::tls::{rustls, Certificates, CurrentCertificates};
/// # fn read() -> Result<Certificates, rustls::Error> {
/// #     let made = rcgen::generate_simple_self_signed(["mx.example.org".to_owned()]).unwrap();
/// #     let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
/// #     Certificates::new(vec![made.cert.der().clone()], key.into())
/// # }
/// let current = CurrentCertificates::new(read()?);
/// let config = current.server_config()?; // for Server::tls
/// // … and when they have been renewed:
/// current.replace(read()?);
/// # drop(config);
/// # Ok::<(), rustls::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CurrentCertificates(Arc<RwLock<Arc<Certificates>>>);

impl CurrentCertificates {
    /// These, for now.
    pub fn new(certificates: Certificates) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(certificates))))
    }

    /// Handshakes that begin from here on show these. Sessions that are open are not touched.
    pub fn replace(&self, certificates: Certificates) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificates);
    }

    /// A server that shows what is current, for [`Server::tls`](crate::Server::tls).
    ///
    /// # Errors
    /// None in practice.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, Error> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for CurrentCertificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        Some(Arc::clone(current.choose(&hello)))
    }
}
