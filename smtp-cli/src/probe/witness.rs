//! Looks at the server's certificate without being stopped by it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use rustls_platform_verifier::Verifier;

use crate::{
    exit::{Code, Failure},
    trust,
};

/// What was seen in a handshake.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    /// The server's own certificate first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Why the chain is not trusted; `None` if it is.
    pub(super) distrust: Option<String>,
}

/// Notes the certificates and the judgement of another verifier.
#[derive(Debug)]
pub(super) struct Witness {
    /// None: whom to trust is not known, for this reason.
    judge: Result<Arc<dyn ServerCertVerifier>, String>,
    /// Ends the handshake where the judgement is "no".
    strict: bool,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Seen>>,
}

impl Witness {
    /// One that trusts the certificates in a file, or those whom the system trusts. With `strict` it
    /// lets only a verified server go on.
    pub(super) fn new(roots: Option<&Path>, strict: bool) -> Result<Arc<Self>, Failure> {
        let provider = Arc::new(ring::default_provider());
        let judge: Result<Arc<dyn ServerCertVerifier>, String> = match roots {
            Some(path) => {
                let roots = Arc::new(trust::root_store(path)?);
                let webpki = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
                match webpki.build() {
                    Ok(webpki) => Ok(webpki),
                    Err(error) => {
                        return Err(Failure::data(format!("{}: {error}", path.display())));
                    }
                }
            }
            None => match Verifier::new(provider.clone()) {
                Ok(system) => Ok(Arc::new(system)),
                Err(error) => Err(error.to_string()),
            },
        };
        Ok(Arc::new(Self { judge, strict, provider, seen: Mutex::default() }))
    }

    /// A client that shows certificates to this witness.
    pub(super) fn config(self: &Arc<Self>) -> Result<Arc<ClientConfig>, Failure> {
        let config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::new(Code::Unavailable, error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Self>::clone(self))
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    /// What was seen; `None` before there was a certificate.
    pub(super) fn seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judgement = match &self.judge {
            Ok(judge) => {
                judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Err(why) => Err(Error::General(why.clone())),
        };
        let chain = [end_entity].into_iter().chain(intermediates);
        let seen = Seen {
            chain: chain.map(|certificate| certificate.clone().into_owned()).collect(),
            distrust: judgement.as_ref().err().map(ToString::to_string),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        match judgement {
            Err(error) if self.strict => Err(error),
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
