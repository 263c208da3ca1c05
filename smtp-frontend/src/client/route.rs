//! From a domain to a session with one of the hosts that take its mail.

use std::{future::Future, net::SocketAddr};

use smtp_proto::relay::{
    self, AddressAnswer, AttemptRules, AttemptStep, Attempts, HostFailure, HostName, MxAnswer,
    NextHop, Route, Unroutable,
};

use super::{Client, ConnectError, Connector, Target};
use crate::{dns::Resolve, error::Error, random, runtime::Runtime, time::within};

impl<R: Runtime> Connector<R> {
    /// Opens a session with a host that takes mail for this next hop, as a relay does (RFC 5321 section
    /// 5.1): for a [domain](NextHop::Domain) the hosts of its MX records, best preference first and equal ones
    /// in any order, or the domain itself where it has none. `dns` is asked.
    ///
    /// The next address or host is tried as by [`connect_any`](Self::connect_any), five hosts at most. The
    /// hosts that are [this one](Self::own), and those that are not better, are left out, so that mail does
    /// not go round.
    ///
    /// ```no_run
    /// # async fn f(dns: &impl smtp_tokio::dns::Resolve) -> Result<(), Box<dyn std::error::Error>> {
    /// use smtp_tokio::{Connector, Tls};
    /// use smtp_tokio::proto::{path::Mailbox, relay::NextHop};
    ///
    /// let connector = Connector::new(Tls::Opportunistic).hello_name("relay.example.org")?;
    /// let next_hop = NextHop::of(Mailbox::parse("ann@example.net")?, None)?;
    /// let client = connector.connect_mx(&next_hop, dns).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unroutable`] where there is no host to try: which reply that is,
    /// [`Unroutable::rejection`] says. [`Error::Connect`] with what became of each host.
    pub async fn connect_mx(
        &self,
        next_hop: &NextHop,
        dns: &impl Resolve,
    ) -> Result<Client, Error> {
        let mut own = self.own.clone();
        own.names.extend(self.hello_name.as_deref().and_then(|name| HostName::parse(name).ok()));
        let route = match next_hop {
            NextHop::Address(address) => Route::to(relay::Target::Address(*address)),
            NextHop::Host(host) => Route::to(relay::Target::Name(host.clone())),
            NextHop::Domain(domain) => {
                let answer = self.in_time(dns.mx(domain)).await.unwrap_or(MxAnswer::Failed);
                Route::of_domain(domain, &answer, &own, random::below)?
            }
        };
        let mut rules = AttemptRules::default();
        rules.addresses = self.max_attempts;
        let mut round = Attempts::new(route, 1, &own, rules);
        let mut attempts = Vec::new();
        loop {
            match round.step() {
                AttemptStep::Resolve(host) => {
                    let answer = self.in_time(dns.addresses(&host)).await;
                    let failure = match answer.unwrap_or(AddressAnswer::Failed) {
                        AddressAnswer::Addresses(addresses) if !addresses.is_empty() => {
                            round.resolved(addresses);
                            continue;
                        }
                        AddressAnswer::Addresses(_) | AddressAnswer::None => Unroutable::NoAddress,
                        AddressAnswer::Failed => Unroutable::DnsFailed,
                    };
                    let target = Target::new(host.as_str(), self.mx_port);
                    self.failed(&mut attempts, &target, None, failure.into());
                    round.failed(match failure {
                        Unroutable::NoAddress => HostFailure::NoAddress,
                        _ => HostFailure::DnsFailed,
                    });
                }
                AttemptStep::Connect { host, address, .. } => {
                    let name = host.map_or(address.to_string(), |host| host.to_string());
                    let target = Target::new(&name, self.mx_port).addresses([address]);
                    let address = SocketAddr::new(address, self.mx_port);
                    let error = match self.connect_at(&target, address).await {
                        Ok(client) => return Ok(client),
                        Err(error) => error,
                    };
                    let goes_on = error.may_differ_elsewhere();
                    round.failed(failure(&error));
                    self.failed(&mut attempts, &target, Some(address), error);
                    if !goes_on {
                        return Err(ConnectError::new(attempts).into());
                    }
                }
                // This host's own address was the first one.
                AttemptStep::Done if attempts.is_empty() => {
                    return Err(Unroutable::Misrouted.into());
                }
                AttemptStep::Done => return Err(ConnectError::new(attempts).into()),
            }
        }
    }

    async fn in_time<T>(&self, lookup: impl Future<Output = T>) -> Option<T> {
        within::<R, _>(self.connect_timeout, async { Ok(lookup.await) }).await.ok()
    }
}

/// What an address that was tried in vain is to the round.
fn failure(error: &Error) -> HostFailure {
    match error {
        Error::Opening(error) => HostFailure::Opening(error.clone()),
        Error::Fault(fault) => HostFailure::Fault(fault.clone()),
        Error::Policy(refusal) => HostFailure::Policy(refusal.rejection()),
        _ => HostFailure::NoAnswer,
    }
}
