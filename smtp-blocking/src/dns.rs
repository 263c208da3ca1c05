//! What is asked of DNS: which hosts take a domain's mail, and their addresses.
//!
//! [`Connector::connect_mx`](crate::Connector::connect_mx) goes by the answers of whoever implements [`Resolve`].
//! With the feature `dns` that is a resolver of the crate `hickory-resolver`, which asks over TCP, on a thread for
//! each connection to a name server:
//!
#![cfg_attr(feature = "dns", doc = "```no_run")]
#![cfg_attr(not(feature = "dns"), doc = "```ignore")]
//! use smtp_blocking::{Blocking, Connector, Tls, dns::OverTcp};
//! use smtp_blocking::proto::{path::Mailbox, relay::NextHop};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dns = OverTcp::<Blocking>::system()?;
//! let next_hop = NextHop::of(Mailbox::parse("ann@example.net")?, None)?;
//! let client = Connector::new(Tls::Opportunistic).connect_mx(&next_hop, &dns)?;
//! # Ok(()) }
//! ```
//!
//! [`Blocking::block_on`](crate::Blocking::block_on) gives its answers elsewhere. With the feature `dnssec` it validates,
//! if its options say so (`ResolverOpts::validate`), and DANE says what TLS must be.

#[doc(inline)]
pub use smtp_frontend::dns::{
    AddressAnswer, Alias, HostName, Mx, MxAnswer, NoSubmission, Resolve, Secured, Srv, SrvAnswer,
    SubmissionServer, Tlsa, TlsaAnswer,
};
#[cfg(feature = "dns")]
#[doc(inline)]
pub use smtp_frontend::dns::{Dial, OverTcp, hickory_resolver};

use crate::park::block_on;

/// The servers that a domain names for submissions by its users, in the order in which they are to be tried
/// (RFC 6186, RFC 8314 section 5.1). To set up an account, and not for each session: what DNS says can be
/// forged, and the user is to be asked about a host that is not
/// [within](SubmissionServer::is_within) the domain.
///
/// Each becomes a [`Target`](crate::Target) with the TLS it is for.
///
/// # Errors
/// [`NoSubmission`].
pub fn submission_servers(
    domain: &HostName,
    dns: &impl Resolve,
) -> Result<Vec<SubmissionServer>, NoSubmission> {
    block_on(smtp_frontend::dns::submission_servers(domain, dns))
}
