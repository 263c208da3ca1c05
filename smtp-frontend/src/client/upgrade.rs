//! From plaintext into TLS.

#[cfg(feature = "tls")]
use std::{io, sync::Arc};

#[cfg(feature = "tls")]
use smtp_proto::wire::Endpoint;

use super::Client;
#[cfg(feature = "tls")]
use super::{Progress, Tls, observe};
use crate::error::Error;

/// What a client has to know for its handshake.
pub(crate) struct Upgrade<'u> {
    #[cfg(feature = "tls")]
    pub(super) config: Option<&'u Arc<rustls::ClientConfig>>,
    #[cfg(feature = "tls")]
    pub(super) tls: Tls,
    /// Whom the certificate is to be for.
    #[cfg(feature = "tls")]
    pub(super) server: Option<&'u str>,
    #[cfg(not(feature = "tls"))]
    pub(super) nothing: std::marker::PhantomData<&'u ()>,
}

impl Client {
    /// The TLS handshake, in the time the machine gives it.
    #[cfg(feature = "tls")]
    pub(super) async fn handshake(&mut self, upgrade: &Upgrade<'_>) -> Result<(), Error> {
        let invalid = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::Tls(io::Error::new(io::ErrorKind::InvalidInput, error))
        };
        let config = match upgrade.config {
            Some(config) => Ok(Arc::clone(config)),
            None if upgrade.tls == Tls::Opportunistic => crate::tls::client_config_unverified(),
            None => crate::tls::client_config(),
        };
        let config = config.map_err(|error| invalid(error.into()))?;
        let server = upgrade.server.ok_or("no server name");
        let server = server.map_err(|error| invalid(error.into()))?;
        let bare = server.trim_start_matches('[').trim_end_matches(']');
        let name = rustls::pki_types::ServerName::try_from(bare.to_owned())
            .map_err(|error| invalid(error.into()))?;
        self.driver.flush().await.map_err(Error::Io)?;
        let time = self.config.timeouts.tls;
        // The machine's own timer of this phase is not running while nobody steps it.
        self.driver.connect_tls(config, name, time).await.map_err(Error::Tls)?;
        let facts = self.driver.stream().tls();
        let channel = self.driver.stream().channel();
        let machine = self.driver.endpoint_mut();
        machine.tls_started();
        machine.describe_channel(channel);
        if let Some(facts) = facts {
            machine.wire().remark(&facts);
            if self.observer.is_some() {
                observe(self.observer.as_ref(), &Progress::Tls(Box::new(facts)));
            }
        }
        Ok(())
    }

    #[cfg(not(feature = "tls"))]
    pub(super) async fn handshake(&mut self, _: &Upgrade<'_>) -> Result<(), Error> {
        Err(Error::Tls(std::io::ErrorKind::Unsupported.into()))
    }
}
