//! Certificates that are judged here, and not by a verifier of rustls alone.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::provider;

/// What a server shows in a handshake, as a [`ServerCertVerifier`] is told it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Shown<'s> {
    /// The server's own certificate.
    pub end_entity: &'s CertificateDer<'s>,
    /// The certificates that came with it, in the server's order; it may be any number, of anything.
    pub intermediates: &'s [CertificateDer<'s>],
    /// The name the client asked for, or the address.
    pub server_name: &'s ServerName<'s>,
    /// The OCSP response that came with the certificate, in DER; empty if there was none.
    pub ocsp_response: &'s [u8],
    /// The time by which certificates are valid or not.
    pub now: UnixTime,
}

impl<'s> Shown<'s> {
    /// All certificates, the server's own first.
    pub fn chain(&self) -> impl Iterator<Item = &'s CertificateDer<'s>> + use<'s> {
        std::iter::once(self.end_entity).chain(self.intermediates)
    }

    /// What another verifier says of it.
    ///
    /// # Errors
    /// The verifier's.
    pub fn verify(&self, verifier: &dyn ServerCertVerifier) -> Result<(), Error> {
        let Self { end_entity, intermediates, server_name, ocsp_response, now } = *self;
        verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map(drop)
    }
}

/// Who says whether a certificate will do: for pins, or for a program that only looks.
///
/// That the server has the key of its certificate is checked by [`client_config_judged_by`], whoever judges.
///
/// ```
/// use smtp_frontend::tls::{
///     Judge, Shown, client_config_judged_by,
///     rustls::{CertificateError, Error, pki_types::CertificateDer},
/// };
///
/// /// No certificate but this.
/// #[derive(Debug)]
/// struct Pinned(CertificateDer<'static>);
///
/// impl Judge for Pinned {
///     fn judge(&self, shown: &Shown<'_>) -> Result<(), Error> {
///         if *shown.end_entity == self.0 {
///             Ok(())
///         } else {
///             Err(CertificateError::ApplicationVerificationFailure.into())
///         }
///     }
/// }
///
/// # let known = CertificateDer::from(vec![]);
/// let config = client_config_judged_by(Pinned(known))?; // for Connector::tls_config
/// # drop(config);
/// # Ok::<(), Error>(())
/// ```
pub trait Judge: fmt::Debug + Send + Sync {
    /// Whether the handshake may go on.
    ///
    /// # Errors
    /// Why it may not: the handshake ends with this.
    fn judge(&self, shown: &Shown<'_>) -> Result<(), Error>;
}

impl<J: Judge + ?Sized> Judge for Arc<J> {
    fn judge(&self, shown: &Shown<'_>) -> Result<(), Error> {
        J::judge(self, shown)
    }
}

/// A client that trusts whom `judge` has nothing against. What it says counts alone: neither the operating
/// system nor a certification authority is asked. A TLS session that is resumed was judged when it began, and
/// is not once more. Where the judge lets servers pass that are not who they should be, say so by
/// [`Connector::verifies_server`](crate::Connector::verifies_server).
///
/// # Errors
/// None in practice.
pub fn client_config_judged_by(judge: impl Judge + 'static) -> Result<Arc<ClientConfig>, Error> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Judged::by(judge)))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Any certificate will do.
#[derive(Debug)]
pub(super) struct Anybody;

impl Judge for Anybody {
    fn judge(&self, _: &Shown<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// Verifies by a judge. That the peer has the key of its certificate is checked, whoever judges that.
#[derive(Debug)]
pub(super) struct Judged<J> {
    judge: J,
    provider: Arc<CryptoProvider>,
}

impl<J> Judged<J> {
    pub(super) fn by(judge: J) -> Self {
        Self { judge, provider: provider() }
    }
}

impl<J: Judge> ServerCertVerifier for Judged<J> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Shown { end_entity, intermediates, server_name, ocsp_response, now };
        self.judge.judge(&shown).map(|()| ServerCertVerified::assertion())
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
