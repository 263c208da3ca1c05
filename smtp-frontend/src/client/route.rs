//! From a domain to a session with one of the hosts that take its mail.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
};

#[cfg(feature = "tls")]
use smtp_proto::relay::{Dane, TlsCase, TlsDecision, TlsDemand, Tlsa, TlsaAnswer};
use smtp_proto::{
    answer::Rejection,
    relay::{
        self, AddressAnswer, AttemptRules, AttemptStep, Attempts, HostFailure, HostName, MxAnswer,
        NextHop, Own, Route, TlsRefusal, Unroutable,
    },
};

#[cfg(feature = "tls")]
use super::Tls;
use super::{Attempt, Client, ConnectError, Connector, Target};
use crate::{
    dns::{Resolve, Secured},
    error::Error,
    random,
    runtime::Runtime,
    time::within,
};

impl<R: Runtime> Connector<R> {
    /// Opens a session with a host that takes mail for this next hop, as a relay does (RFC 5321 section
    /// 5.1): for a [domain](NextHop::Domain) the hosts of its MX records, best preference first and equal ones
    /// in any order, or the domain itself where it has none. `dns` is asked.
    ///
    /// The next address or host is tried as by [`connect_any`](Self::connect_any), five hosts at most. The
    /// hosts that are [this one](Self::own), and those that are not better, are left out, so that mail does
    /// not go round.
    ///
    /// Where `dns` validates by DNSSEC, DANE says what TLS must be at a host (RFC 7672), unless it is
    /// [`Tls::None`](super::Tls::None) here: if MX records, addresses and TLSA records are all secure, TLS is
    /// required, with a certificate that one of the records is about, or with any where none is usable. A host whose
    /// TLSA records cannot be found out is left for the next one. Where nobody vouches for the MX records, TLSA
    /// records are not asked for: they would say nothing of who takes the domain's mail (section 2.2.1). The records
    /// of a host that is an alias are those of the name it leads to or, where that has none, its own.
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
    /// Whether MX records lead to the hosts.
    #[cfg(feature = "tls")]
    by_mx: bool,
    /// By which names a host may go besides its own.
    #[cfg(feature = "tls")]
    names: Vec<HostName>,
    /// Whether DNSSEC vouches for the names of the hosts.
    #[cfg(feature = "tls")]
    is_secure: bool,
    /// What TLS must be at the host whose turn it is, if it has a say.
    #[cfg(feature = "tls")]
    decision: Option<TlsDecision>,
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
        let failed = Secured::insecure(MxAnswer::Failed);
        let (route, mx) = match next_hop {
            NextHop::Address(address) => (Route::to(relay::Target::Address(*address)), None),
            NextHop::Host(host) => (Route::to(relay::Target::Name(host.clone())), None),
            NextHop::Domain(domain) => {
                let mx = connector.in_time(dns.secured_mx(domain)).await.unwrap_or(failed);
                (Route::of_domain(domain, &mx.answer, own, random::below)?, Some((domain, mx)))
            }
        };
        let attempts = Attempts::new(route, recipients, own, rules);
        #[cfg(feature = "tls")]
        let (by_mx, is_secure, names) = match (next_hop, mx) {
            (_, Some((domain, mx))) if matches!(mx.answer, MxAnswer::Records(_)) => {
                (true, mx.is_secure, mx.reference_names(domain).cloned().collect())
            }
            // Nobody has led to another name.
            (NextHop::Domain(name) | NextHop::Host(name), _) => (false, true, vec![name.clone()]),
            (NextHop::Address(_), _) => (false, true, Vec::new()),
        };
        #[cfg(not(feature = "tls"))]
        drop(mx);
        Ok(Self {
            connector,
            dns,
            attempts,
            #[cfg(feature = "tls")]
            by_mx,
            #[cfg(feature = "tls")]
            names,
            #[cfg(feature = "tls")]
            is_secure,
            #[cfg(feature = "tls")]
            decision: None,
            failed: Vec::new(),
            is_over: false,
        })
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
        let found = self.connector.in_time(self.dns.secured_addresses(host)).await;
        let found = found.unwrap_or(Secured::insecure(AddressAnswer::Failed));
        let why = match &found.answer {
            AddressAnswer::Addresses(addresses) if self.attempts.are_own(addresses) => {
                return self.attempts.resolved(addresses.clone());
            }
            AddressAnswer::Addresses(addresses) if !addresses.is_empty() => {
                match self.decide(host, &found).await {
                    Ok(()) => return self.attempts.resolved(addresses.clone()),
                    Err(refusal) => refusal.into(),
                }
            }
            AddressAnswer::Addresses(_) | AddressAnswer::None => Unroutable::NoAddress.into(),
            AddressAnswer::Failed => Unroutable::DnsFailed.into(),
        };
        let target = Target::new(host.as_str(), self.connector.mx_port);
        self.give_up(&target, None, why);
    }

    /// What TLS must be at the host, by what DNS says of its certificate: nothing is believed, and nothing asked,
    /// where DNSSEC does not vouch for the way there (RFC 7672 sections 2.2.1 and 2.2.2; L-26).
    #[cfg(feature = "tls")]
    async fn decide(
        &mut self,
        host: &HostName,
        found: &Secured<AddressAnswer>,
    ) -> Result<(), TlsRefusal> {
        self.decision = None;
        if !self.is_secure || self.connector.tls == Tls::None {
            return Ok(());
        }
        for tlsa_base in found.tlsa_bases(host) {
            let dane = self.dane(tlsa_base).await;
            if dane == Dane::None {
                continue;
            }
            let case = TlsCase {
                host,
                by_mx: self.by_mx,
                mx_is_secure: self.is_secure,
                own: TlsDemand::Opportunistic,
                dane,
                tlsa_base,
                sts: None,
                require_tls: false,
                tls_required_no: false,
            };
            self.decision = Some(case.decide()?);
            break;
        }
        Ok(())
    }

    /// What the TLSA records of this name demand.
    #[cfg(feature = "tls")]
    async fn dane(&self, base: &HostName) -> Dane {
        let Ok(name) = HostName::parse(&Tlsa::name(base, self.connector.mx_port)) else {
            return Dane::None;
        };
        let answer = self.connector.in_time(self.dns.tlsa(&name)).await;
        Dane::from(answer.unwrap_or(TlsaAnswer::Failed))
    }

    #[cfg(not(feature = "tls"))]
    async fn decide(&mut self, _: &HostName, _: &Secured<AddressAnswer>) -> Result<(), TlsRefusal> {
        Ok(())
    }

    async fn connect(&mut self, host: Option<&HostName>, address: IpAddr) -> Option<Client> {
        let name = host.map_or(address.to_string(), ToString::to_string);
        let target = self.target(&name).addresses([address]);
        let address = SocketAddr::new(address, self.connector.mx_port);
        match self.connector.connect_at(&target, address).await {
            Ok(client) => Some(client),
            Err(error) => {
                self.give_up(&target, Some(address), error);
                None
            }
        }
    }

    /// The host whose turn it is.
    fn target(&self, name: &str) -> Target {
        let target = Target::new(name, self.connector.mx_port);
        #[cfg(feature = "tls")]
        if let Some(decision) = &self.decision {
            let target = target.policy(Ok(decision.clone()));
            return self.names.iter().cloned().fold(target, Target::domain);
        }
        target
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
