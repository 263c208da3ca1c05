//! What is asked of DNS: which hosts take a domain's mail, and their addresses.
//!
//! [`Connector::connect_mx`](crate::Connector::connect_mx) goes by the answers, and [`submission_servers`]
//! finds the servers that a domain names for its users. What the answers mean is decided in
//! [`smtp_proto::relay`] and [`SubmissionServer`]; here is only who is asked. With the feature `dns` that is
//! a resolver of the crate `hickory-resolver`, over tokio or by `OverTcp` over any runtime, and without it any
//! that implements [`Resolve`]. With the feature `dnssec` hickory's resolver validates, if its options say so
//! (`ResolverOpts::validate`), and DANE says what TLS must be.
//!
//! How one is made, the page of each runtime's crate shows.

#[cfg(feature = "dns")]
mod hickory;
#[cfg(feature = "dns")]
mod over_tcp;

use std::future::Future;

#[cfg(feature = "dns")]
pub use self::over_tcp::{Dial, OverTcp};
#[cfg(feature = "dns")]
pub use hickory_resolver;
pub use smtp_proto::{
    client::{NoSubmission, Srv, SrvAnswer, SubmissionServer},
    relay::{AddressAnswer, Alias, HostName, Mx, MxAnswer, Secured, Tlsa, TlsaAnswer},
};

use crate::random;

/// A resolver: asks DNS and says what it answered.
///
/// Aliases (CNAME) are followed. What fails for a while, and what takes too long, is told as failed, and
/// never as if there were no records: mail would be given up that had only to wait (RFC 5321 section 5.1).
/// The names are complete, no search list may be added to them.
///
/// ```
/// use smtp_frontend::dns::{AddressAnswer, HostName, Mx, MxAnswer, Resolve, SrvAnswer};
///
/// /// One domain, whose host is known.
/// struct Fixed;
///
/// impl Resolve for Fixed {
///     async fn mx(&self, domain: &HostName) -> MxAnswer {
///         match domain.as_str() {
///             "example.net" => {
///                 MxAnswer::Records(vec![Mx { preference: 10, exchange: "mx.example.net.".into() }])
///             }
///             _ => MxAnswer::NoDomain,
///         }
///     }
///
///     async fn addresses(&self, host: &HostName) -> AddressAnswer {
///         match host.as_str() {
///             "mx.example.net" => AddressAnswer::Addresses(vec![[192, 0, 2, 1].into()]),
///             _ => AddressAnswer::None,
///         }
///     }
///
///     async fn srv(&self, _: &HostName) -> SrvAnswer {
///         SrvAnswer::None
///     }
/// }
/// ```
pub trait Resolve: Send + Sync {
    /// The MX records of a domain.
    fn mx(&self, domain: &HostName) -> impl Future<Output = MxAnswer> + Send;

    /// The addresses of a host, of both families, in the order in which they are to be tried.
    fn addresses(&self, host: &HostName) -> impl Future<Output = AddressAnswer> + Send;

    /// The SRV records of a service, `_service._proto.domain`.
    fn srv(&self, service: &HostName) -> impl Future<Output = SrvAnswer> + Send;

    /// As [`mx`](Self::mx), of a resolver that validates by DNSSEC. By default nobody vouches for the answer.
    ///
    /// A resolver that validates writes this anew, with the other two below; what is bogus is told as failed.
    /// Then [`Connector::connect_mx`](crate::Connector::connect_mx) goes by DANE.
    fn secured_mx(&self, domain: &HostName) -> impl Future<Output = Secured<MxAnswer>> + Send {
        async { Secured::insecure(self.mx(domain).await) }
    }

    /// As [`addresses`](Self::addresses), of a resolver that validates by DNSSEC: secure if all of them are, and
    /// the aliases on the way; what the host is an [alias](Secured::alias) of belongs to it. By default nobody
    /// vouches for the answer.
    fn secured_addresses(
        &self,
        host: &HostName,
    ) -> impl Future<Output = Secured<AddressAnswer>> + Send {
        async { Secured::insecure(self.addresses(host).await) }
    }

    /// The TLSA records of a host and port, `_port._tcp.host` (RFC 7672 section 2.2.3). Only asked of a host whose
    /// name is [vouched for](Secured::tlsa_bases). By default there are none that anybody vouches for.
    fn tlsa(&self, name: &HostName) -> impl Future<Output = TlsaAnswer> + Send {
        let _ = name;
        async { TlsaAnswer::Insecure }
    }
}

impl<D: Resolve> Resolve for std::sync::Arc<D> {
    fn mx(&self, domain: &HostName) -> impl Future<Output = MxAnswer> + Send {
        D::mx(self, domain)
    }

    fn addresses(&self, host: &HostName) -> impl Future<Output = AddressAnswer> + Send {
        D::addresses(self, host)
    }

    fn srv(&self, service: &HostName) -> impl Future<Output = SrvAnswer> + Send {
        D::srv(self, service)
    }

    fn secured_mx(&self, domain: &HostName) -> impl Future<Output = Secured<MxAnswer>> + Send {
        D::secured_mx(self, domain)
    }

    fn secured_addresses(
        &self,
        host: &HostName,
    ) -> impl Future<Output = Secured<AddressAnswer>> + Send {
        D::secured_addresses(self, host)
    }

    fn tlsa(&self, name: &HostName) -> impl Future<Output = TlsaAnswer> + Send {
        D::tlsa(self, name)
    }
}

/// The servers that a domain names for submissions by its users, in the order in which they are to be tried
/// (RFC 6186, RFC 8314 section 5.1). To set up an account, and not for each session: what DNS says can be
/// forged, and the user is to be asked about a host that is not
/// [within](SubmissionServer::is_within) the domain.
///
/// Each becomes a [`Target`](crate::Target) with the TLS it is for.
///
/// # Errors
/// [`NoSubmission`].
pub async fn submission_servers(
    domain: &HostName,
    dns: &impl Resolve,
) -> Result<Vec<SubmissionServer>, NoSubmission> {
    let services = SubmissionServer::services(domain);
    let [submissions, submission] = services.map_err(|_| NoSubmission::Unknown)?;
    let (submissions, submission) = (dns.srv(&submissions).await, dns.srv(&submission).await);
    SubmissionServer::choose(&submissions, &submission, random::below)
}
