//! What TLS is at one host: what the connector is set to, and more where that is demanded there.

use smtp_proto::{client::TlsUse, relay::TlsDecision};

use super::{Target, Tls};

/// How a session with one host is secured.
pub(super) struct Security<'s> {
    /// Where TLS comes in.
    pub(super) tls: Tls,
    /// What STARTTLS is to the opening.
    pub(super) tls_use: TlsUse,
    /// What is demanded there.
    pub(super) decision: Option<&'s TlsDecision>,
    /// Whom the certificate is to be for.
    pub(super) server: Option<&'s str>,
    #[cfg(feature = "tls")]
    pub(super) domains: &'s [smtp_proto::relay::HostName],
}

impl<'s> Security<'s> {
    /// What the connector is set to.
    pub(super) fn new(tls: Tls, server: Option<&'s str>) -> Self {
        let tls_use = match tls {
            Tls::None => TlsUse::None,
            #[cfg(feature = "tls")]
            Tls::Opportunistic => TlsUse::Opportunistic,
            #[cfg(feature = "tls")]
            Tls::StartTls => TlsUse::Required,
            #[cfg(feature = "tls")]
            Tls::Implicit => TlsUse::None,
        };
        Self {
            tls,
            tls_use,
            decision: None,
            server,
            #[cfg(feature = "tls")]
            domains: &[],
        }
    }

    /// What is demanded of a host, and never less than the connector is set to.
    pub(super) fn at(target: &'s Target, tls: Tls, server: Option<&'s str>) -> Self {
        let server = server.or(Some(target.host()));
        let mut security = Self::new(target.tls.unwrap_or(tls), server);
        let Some(Ok(decision)) = &target.decision else { return security };
        security.decision = Some(decision);
        security.server = Some(decision.server_name.as_str());
        #[cfg(feature = "tls")]
        {
            security.domains = &target.domains;
        }
        if !security.is_implicit() {
            security.tls_use = match (security.tls_use, decision.demand.tls_use()) {
                (TlsUse::Required, _) | (_, TlsUse::Required) => TlsUse::Required,
                (TlsUse::Opportunistic, _) | (_, TlsUse::Opportunistic) => TlsUse::Opportunistic,
                (TlsUse::None, TlsUse::None) => TlsUse::None,
            };
        }
        security
    }

    /// Whether TLS is there from the first octet.
    pub(super) fn is_implicit(&self) -> bool {
        match self.tls {
            #[cfg(feature = "tls")]
            Tls::Implicit => true,
            _ => false,
        }
    }

    /// Whether nothing is said in the clear.
    pub(super) fn is_required(&self) -> bool {
        self.is_implicit() || self.tls_use == TlsUse::Required
    }

    /// Goes without TLS, after a handshake that failed where it did not have to be.
    pub(super) fn without_tls(self) -> Self {
        Self { tls: Tls::None, tls_use: TlsUse::None, ..self }
    }
}
