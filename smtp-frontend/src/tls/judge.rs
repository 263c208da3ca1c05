//! Certificates that are judged here, and not by a verifier of rustls alone.

use std::{fmt, sync::Arc};

use rustls::{
    DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::provider;

/// What a server shows in a handshake, as [`ServerCertVerifier`] is told it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'s> {
    pub(super) end_entity: &'s CertificateDer<'s>,
    pub(super) intermediates: &'s [CertificateDer<'s>],
    pub(super) server_name: &'s ServerName<'s>,
    pub(super) ocsp_response: &'s [u8],
    pub(super) now: UnixTime,
}

/// Who says whether a certificate will do.
pub(super) trait Judge: fmt::Debug + Send + Sync {
    fn judge(&self, shown: &Shown<'_>) -> Result<(), Error>;
}

impl<J: Judge> Judge for Arc<J> {
    fn judge(&self, shown: &Shown<'_>) -> Result<(), Error> {
        J::judge(self, shown)
    }
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
