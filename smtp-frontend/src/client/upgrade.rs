//! From plaintext into TLS.

#[cfg(feature = "tls")]
use std::{io, sync::Arc};

#[cfg(feature = "tls")]
use rustls::{
    ClientConfig,
    client::{Resumption, danger::ServerCertVerifier},
};
#[cfg(feature = "tls")]
use smtp_proto::{relay::TlsDemand, wire::Endpoint};

use super::{Client, security::Security};
#[cfg(feature = "tls")]
use super::{Progress, Tls, observe};
use crate::error::Error;
#[cfg(feature = "tls")]
use crate::tls::{self, Lookout};

/// What a client has to know for its handshake.
pub(crate) struct Upgrade<'u> {
    /// The program's own configuration.
    #[cfg(feature = "tls")]
    pub(super) config: Option<&'u Arc<ClientConfig>>,
    /// Who verifies where a host's policy wants that.
    #[cfg(feature = "tls")]
    pub(super) verifier: Option<&'u Arc<dyn ServerCertVerifier>>,
    /// Whether the program's own configuration verifies the server.
    #[cfg(feature = "tls")]
    pub(super) verifies: bool,
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "there is no handshake"))]
    pub(super) security: Security<'u>,
}

/// A configuration for one host.
#[cfg(feature = "tls")]
struct Chosen {
    config: Arc<ClientConfig>,
    /// Who looks on, and lets everybody pass.
    lookout: Option<Arc<Lookout>>,
    /// Whether a handshake that succeeds has verified the server.
    verifies: bool,
}

#[cfg(feature = "tls")]
impl Upgrade<'_> {
    /// The configuration for this host. Where nothing special is demanded it is the program's own, or
    /// one that verifies by the operating system unless TLS is opportunistic.
    fn config(&self) -> Result<Chosen, rustls::Error> {
        let lenient = matches!(self.security.tls, Tls::None | Tls::Opportunistic);
        let (base, verifies) = match self.config {
            Some(config) => (Arc::clone(config), self.verifies),
            None if lenient => (tls::client_config_unverified()?, false),
            None => (tls::client_config()?, true),
        };
        let judge = || self.verifier.map_or_else(tls::system_verifier, |own| Ok(Arc::clone(own)));
        let Some(decision) = self.security.decision else {
            return Ok(Chosen { config: base, lookout: None, verifies });
        };
        let mut lookout = None;
        let verifier: Arc<dyn ServerCertVerifier> = match &decision.demand {
            TlsDemand::Dane(records) => {
                tls::dane_verifier(records.clone(), self.security.domains.to_vec())
            }
            TlsDemand::Verify if lenient || !verifies => judge()?,
            _ if decision.testing && lenient && self.config.is_none() => {
                lookout.insert(Arc::new(Lookout::new(judge()?))).verifier()
            }
            _ => return Ok(Chosen { config: base, lookout: None, verifies }),
        };
        let mut config = (*base).clone();
        config.dangerous().set_certificate_verifier(verifier);
        // No session that began with another verifier is gone on with.
        config.resumption = Resumption::disabled();
        let verifies = lookout.is_none();
        Ok(Chosen { config: Arc::new(config), lookout, verifies })
    }
}

impl Client {
    /// The TLS handshake, in the time the machine gives it.
    #[cfg(feature = "tls")]
    pub(super) async fn handshake(&mut self, upgrade: &Upgrade<'_>) -> Result<(), Error> {
        let invalid = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::Tls(io::Error::new(io::ErrorKind::InvalidInput, error))
        };
        let Chosen { config, lookout, verifies } =
            upgrade.config().map_err(|error| invalid(error.into()))?;
        let server = upgrade.security.server.ok_or("no server name");
        let server = server.map_err(|error| invalid(error.into()))?;
        let bare = server.trim_start_matches('[').trim_end_matches(']');
        let name = rustls::pki_types::ServerName::try_from(bare.to_owned())
            .map_err(|error| invalid(error.into()))?;
        self.driver.flush().await.map_err(Error::Io)?;
        let time = self.config.timeouts.tls;
        // The machine's own timer of this phase is not running while nobody steps it.
        self.driver.connect_tls(config, name, time).await.map_err(Error::Tls)?;
        let facts = self.driver.stream().tls();
        let channel = self.driver.stream().channel().server_verified(verifies);
        let machine = self.driver.endpoint_mut();
        machine.tls_started();
        machine.describe_channel(channel);
        if let Some(facts) = facts {
            machine.wire().remark(&facts);
            if self.observer.is_some() {
                observe(self.observer.as_ref(), &Progress::Tls(Box::new(facts)));
            }
        }
        if let Some(error) = lookout.and_then(|lookout| lookout.found()) {
            observe(self.observer.as_ref(), &Progress::Unverified(&error));
        }
        Ok(())
    }

    #[cfg(not(feature = "tls"))]
    pub(super) async fn handshake(&mut self, _: &Upgrade<'_>) -> Result<(), Error> {
        Err(Error::Tls(std::io::ErrorKind::Unsupported.into()))
    }
}
