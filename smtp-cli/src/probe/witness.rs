//! Looks at the server's certificate without being stopped by it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, Error,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::ring,
    pki_types::CertificateDer,
};
use rustls_platform_verifier::Verifier;
use smtp_frontend::tls::{Judge, Shown, client_config_judged_by};

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
                let webpki = WebPkiServerVerifier::builder_with_provider(roots, provider);
                match webpki.build() {
                    Ok(webpki) => Ok(webpki),
                    Err(error) => {
                        return Err(Failure::data(format!("{}: {error}", path.display())));
                    }
                }
            }
            None => match Verifier::new(provider) {
                Ok(system) => Ok(Arc::new(system)),
                Err(error) => Err(error.to_string()),
            },
        };
        Ok(Arc::new(Self { judge, strict, seen: Mutex::default() }))
    }

    /// A client that shows certificates to this witness.
    pub(super) fn config(self: &Arc<Self>) -> Result<Arc<ClientConfig>, Failure> {
        client_config_judged_by(Arc::clone(self))
            .map_err(|error| Failure::new(Code::Unavailable, error))
    }

    /// What was seen; `None` before there was a certificate.
    pub(super) fn seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Judge for Witness {
    fn judge(&self, shown: &Shown<'_>) -> Result<(), Error> {
        let judgement = match &self.judge {
            Ok(judge) => shown.verify(&**judge),
            Err(why) => Err(Error::General(why.clone())),
        };
        let seen = Seen {
            chain: shown.chain().map(|certificate| certificate.clone().into_owned()).collect(),
            distrust: judgement.as_ref().err().map(ToString::to_string),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        if self.strict { judgement } else { Ok(()) }
    }
}
