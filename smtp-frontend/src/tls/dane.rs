//! DANE: a server's certificate, held against what DNS says of it (RFC 7672).

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, Error, OtherError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};
use sha2::{Digest, Sha256, Sha512};
use smtp_proto::relay::{DaneMatch, HostName, Presented, Tlsa, TlsaDigest, match_chain};

use super::{
    judge::{Judge, Judged, Shown},
    provider,
};

/// A chain is not looked at any further.
const MAX_CHAIN: usize = 16;

/// Verifies by TLSA records, all of them usable and vouched for by DNSSEC, what
/// [`Dane::Match`](smtp_proto::relay::Dane::Match) holds. Certification authorities do not count.
///
/// Where a record names a trust anchor, the certificate must have the name that is asked for in the
/// handshake, or one of `names`: the domain of the next hop (RFC 7672 section 3.2.2).
pub fn dane_verifier(records: Vec<Tlsa>, names: Vec<HostName>) -> Arc<dyn ServerCertVerifier> {
    let names = names.iter().filter_map(|name| ServerName::try_from(name.as_str().to_owned()).ok());
    Arc::new(Judged::by(DnsSays { records, names: names.collect() }))
}

/// No TLSA record is about the certificate that the server has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DaneMismatch;

impl fmt::Display for DaneMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no TLSA record is about the server's certificate")
    }
}

impl std::error::Error for DaneMismatch {}

/// By what DNS says.
#[derive(Debug)]
struct DnsSays {
    records: Vec<Tlsa>,
    names: Vec<ServerName<'static>>,
}

struct Digests;

impl TlsaDigest for Digests {
    fn sha256(&self, octets: &[u8]) -> [u8; 32] {
        Sha256::digest(octets).into()
    }

    fn sha512(&self, octets: &[u8]) -> [u8; 64] {
        Sha512::digest(octets).into()
    }
}

impl DnsSays {
    /// Whether the chain leads to the anchor, and the server's certificate has a name that counts.
    fn anchored(
        &self,
        shown: &Shown<'_>,
        between: &[CertificateDer<'_>],
        anchor: &CertificateDer<'_>,
    ) -> Result<(), Error> {
        let mut roots = RootCertStore::empty();
        roots.add(anchor.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        let verify = |name: &ServerName<'_>| {
            verifier.verify_server_cert(shown.end_entity, between, name, &[], shown.now)
        };
        let mut verified = verify(shown.server_name);
        for name in &self.names {
            if verified.is_ok() {
                break;
            }
            verified = verify(name);
        }
        verified.map(drop)
    }
}

impl Judge for DnsSays {
    fn judge(&self, shown: &Shown<'_>) -> Result<(), Error> {
        let Shown { end_entity, intermediates, .. } = *shown;
        let mut keys = vec![ParsedCertificate::try_from(end_entity)?.subject_public_key_info()];
        for certificate in intermediates.iter().take(MAX_CHAIN) {
            // What cannot be read ends the chain: none behind it can be an anchor.
            let Ok(parsed) = ParsedCertificate::try_from(certificate) else { break };
            keys.push(parsed.subject_public_key_info());
        }
        let chain: Vec<_> = shown
            .chain()
            .zip(&keys)
            .map(|(certificate, key)| Presented { certificate, public_key: key })
            .collect();
        let mismatch = CertificateError::Other(OtherError(Arc::new(DaneMismatch)));
        match match_chain(&self.records, &chain, &Digests) {
            DaneMatch::EndEntity => Ok(()),
            DaneMatch::TrustAnchor(place) => {
                let Some((anchor, between)) =
                    intermediates.get(..place).and_then(<[_]>::split_last)
                else {
                    return Err(mismatch.into());
                };
                self.anchored(shown, between, anchor)
            }
            DaneMatch::Mismatch => Err(mismatch.into()),
        }
    }
}
