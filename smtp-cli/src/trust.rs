//! Certificates: whom the client trusts, and what the server shows.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
};
use smtp_frontend::tls::Certificates;

use crate::exit::{Code, Failure};

fn unreadable(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Data, format!("{}: {error}", path.display()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    CertificateDer::pem_file_iter(path)
        .map_err(|error| unreadable(path, error))?
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(path, error))
}

/// The certificates of a file, as roots of trust.
pub(crate) fn root_store(path: &Path) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unreadable(path, error))?;
    }
    if roots.is_empty() {
        return Err(unreadable(path, "no certificate in it"));
    }
    Ok(roots)
}

/// A client that trusts the certificates of a file.
pub(crate) fn roots(path: &Path) -> Result<Arc<ClientConfig>, Failure> {
    let roots = root_store(path)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(Code::Unavailable, error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A client that trusts anybody.
pub(crate) fn anybody() -> Result<Arc<ClientConfig>, Failure> {
    smtp_frontend::tls::client_config_unverified()
        .map_err(|error| Failure::new(Code::Unavailable, error))
}

/// The certificate chains and keys of these files.
pub(crate) fn server(files: &[(PathBuf, PathBuf)]) -> Result<Certificates, Failure> {
    let mut all: Option<Certificates> = None;
    for (cert, key) in files {
        let chain = certificates(cert)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
        let more = match all {
            Some(all) => all.and(chain, key),
            None => Certificates::new(chain, key),
        };
        all = Some(more.map_err(|error| unreadable(cert, error))?);
    }
    all.ok_or_else(|| Failure::usage("no certificate"))
}

/// A server with a certificate that it signs itself, for its name and the loopback interface; with
/// the certificate, for those who are to trust it.
pub(crate) fn self_signed(
    host: &str,
) -> Result<(Arc<ServerConfig>, CertificateDer<'static>), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(Code::Unavailable, format!("cannot make a certificate: {error}"))
    };
    let names = [host, "localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| failed(&error))?;
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = smtp_frontend::tls::server_config(vec![certificate.clone()], key.into())
        .map_err(|error| failed(&error))?;
    Ok((config, certificate))
}
