//! From a domain to a session with one of the hosts that take its mail.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
};

use smtp_proto::{
    answer::Rejection,
    relay::{
        self, AddressAnswer, AttemptRules, AttemptStep, Attempts, HostFailure, HostName, MxAnswer,
        NextHop, Own, Route, Unroutable,
    },
};

use super::{Attempt, Client, ConnectError, Connector, Target};
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
        let own = self.known_as();
        let mut rules = AttemptRules::default();
        rules.addresses = self.max_attempts;
        let mut round = Round::begin(self, dns, next_hop, 1, &own, rules).await?;
        let mut session = None;
        round.open(&mut session).await;
        match session {
            Some(session) => Ok(session.client),
            // This host's own address was the first one.
            None if round.failed.is_empty() => Err(Unroutable::Misrouted.into()),
            None => Err(ConnectError::new(round.failed).into()),
        }
    }

    /// By which names and addresses mail would come back.
    pub(super) fn known_as(&self) -> Own {
        let mut own = self.own.clone();
        own.names.extend(self.hello_name.as_deref().and_then(|name| HostName::parse(name).ok()));
        own
    }

    async fn in_time<T>(&self, lookup: impl Future<Output = T>) -> Option<T> {
        within::<R, _>(self.connect_timeout, async { Ok(lookup.await) }).await.ok()
    }
}

/// A host of a route, and the session with it.
pub(super) struct Reached {
    pub(super) client: Client,
    host: Option<HostName>,
    address: IpAddr,
}

/// From host to host of a next hop: who is asked of DNS, and sessions.
pub(super) struct Round<'r, R, D> {
    connector: &'r Connector<R>,
    dns: &'r D,
    pub(super) attempts: Attempts<'r>,
    /// What was tried in vain.
    failed: Vec<Attempt>,
    /// What failed will fail elsewhere.
    is_over: bool,
}

impl<'r, R: Runtime, D: Resolve> Round<'r, R, D> {
    /// For so many recipients.
    pub(super) async fn begin(
        connector: &'r Connector<R>,
        dns: &'r D,
        next_hop: &NextHop,
        recipients: usize,
        own: &'r Own,
        rules: AttemptRules,
    ) -> Result<Self, Unroutable> {
        let route = match next_hop {
            NextHop::Address(address) => Route::to(relay::Target::Address(*address)),
            NextHop::Host(host) => Route::to(relay::Target::Name(host.clone())),
            NextHop::Domain(domain) => {
                let answer = connector.in_time(dns.mx(domain)).await.unwrap_or(MxAnswer::Failed);
                Route::of_domain(domain, &answer, own, random::below)?
            }
        };
        let attempts = Attempts::new(route, recipients, own, rules);
        Ok(Self { connector, dns, attempts, failed: Vec::new(), is_over: false })
    }

    /// Has a session with the host whose turn it is: the one at hand, if it is there and can be used again, or
    /// else a new one. Whether there is one.
    pub(super) async fn open(&mut self, at_hand: &mut Option<Reached>) -> bool {
        while !self.is_over {
            match self.attempts.step() {
                AttemptStep::Resolve(host) => self.resolve(&host).await,
                AttemptStep::Connect { host, address, new_session } => {
                    if let Some(session) = at_hand.take() {
                        let is_there = session.host == host && session.address == address;
                        if is_there && !new_session && session.client.is_usable() {
                            *at_hand = Some(session);
                            return true;
                        }
                        session.end().await;
                    }
                    if let Some(client) = self.connect(host.as_ref(), address).await {
                        *at_hand = Some(Reached { client, host, address });
                        return true;
                    }
                }
                AttemptStep::Done => return false,
            }
        }
        false
    }

    async fn resolve(&mut self, host: &HostName) {
        let answer = self.connector.in_time(self.dns.addresses(host)).await;
        let why = match answer.unwrap_or(AddressAnswer::Failed) {
            AddressAnswer::Addresses(addresses) if !addresses.is_empty() => {
                return self.attempts.resolved(addresses);
            }
            AddressAnswer::Addresses(_) | AddressAnswer::None => Unroutable::NoAddress,
            AddressAnswer::Failed => Unroutable::DnsFailed,
        };
        let target = Target::new(host.as_str(), self.connector.mx_port);
        self.give_up(&target, None, why.into());
    }

    async fn connect(&mut self, host: Option<&HostName>, address: IpAddr) -> Option<Client> {
        let name = host.map_or(address.to_string(), ToString::to_string);
        let target = Target::new(&name, self.connector.mx_port).addresses([address]);
        let address = SocketAddr::new(address, self.connector.mx_port);
        match self.connector.connect_at(&target, address).await {
            Ok(client) => Some(client),
            Err(error) => {
                self.give_up(&target, Some(address), error);
                None
            }
        }
    }

    fn give_up(&mut self, target: &Target, address: Option<SocketAddr>, error: Error) {
        self.is_over = !error.may_differ_elsewhere();
        self.attempts.failed((&error).into());
        self.connector.failed(&mut self.failed, target, address, error);
    }
}

impl Reached {
    /// Ends it, whatever the server says to that.
    pub(super) async fn end(self) {
        if self.client.is_usable() {
            let _ = self.client.quit().await;
        }
    }
}

/// Why a host could not be given the message, as it counts for a round of [`Attempts`].
impl From<&Error> for HostFailure {
    fn from(error: &Error) -> Self {
        match error.decisive() {
            Error::Opening(error) => Self::Opening(error.clone()),
            Error::Fault(fault) => Self::Fault(fault.clone()),
            Error::Policy(refusal) => Self::Policy(refusal.rejection()),
            Error::Unroutable(Unroutable::NoAddress) => Self::NoAddress,
            Error::Unroutable(Unroutable::DnsFailed) => Self::DnsFailed,
            Error::Unroutable(why) => Self::Policy(why.rejection()),
            Error::Tls(_) => Self::Tls,
            // What the message asks for, and this server does not offer.
            Error::Misuse(misuse) => {
                Self::Policy(Rejection::permanent(5, 0, "").with_text(misuse.to_string()))
            }
            Error::Io(_) | Error::Connect(_) | Error::Proxy(_) | Error::Pool(_) => Self::NoAnswer,
        }
    }
}
