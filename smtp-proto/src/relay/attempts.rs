//! One round of attempts to deliver to a next hop (RFC 5321 section 5.1).

use alloc::{collections::VecDeque, vec::Vec};
use core::net::IpAddr;

use super::{HostName, Own, Route, Target, Unroutable};
use crate::answer::Rejection;
use crate::client::{Cause, OpeningError, Outcome, Phase, Retry, Status};
use crate::fault::Fault;
use crate::status::Severity;

/// How far a round goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptRules {
    /// Addresses tried in a round; two at least (L-02).
    pub addresses: usize,
    /// Hosts tried in a round.
    pub hosts: usize,
    /// Whether the next host is tried after 4yz to MAIL or DATA (L-08).
    pub after_mail: bool,
    /// Whether the next host is tried for a recipient that got 4yz to RCPT or to the message.
    pub after_rcpt: bool,
}

impl Default for AttemptRules {
    fn default() -> Self {
        Self { addresses: 10, hosts: 5, after_mail: true, after_rcpt: false }
    }
}

/// What a round wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum AttemptStep {
    /// The addresses of this host: [`resolved`](Attempts::resolved) or
    /// [`failed`](Attempts::failed).
    Resolve(HostName),
    /// A transaction with this host for the [`pending`](Attempts::pending) recipients:
    /// [`sent`](Attempts::sent) or [`failed`](Attempts::failed). When it is the host of the step
    /// before, its session may be used again unless `new_session` says otherwise.
    Connect {
        /// Its name, unless it is known by its address only.
        host: Option<HostName>,
        /// Its address.
        address: IpAddr,
        /// The session there was is used up ([`Retry::NewSession`]).
        new_session: bool,
    },
    /// It is over: take the [`verdicts`](Attempts::verdicts).
    Done,
}

/// Why a host could not be given the message at all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostFailure {
    /// Its name has no address (L-04).
    NoAddress,
    /// DNS does not say whether it has (L-04).
    DnsFailed,
    /// The connection was refused, or nobody answered.
    NoAnswer,
    /// The session could not be opened.
    Opening(OpeningError),
    /// TLS failed that must be: its handshake, or the certificate is not the right one.
    Tls,
    /// The session ended before the transaction had begun.
    Fault(Fault),
    /// A policy of this side forbids sending there, such as one about TLS; what is said counts for
    /// this host only.
    Policy(Rejection<'static>),
}

impl HostFailure {
    /// Whether it is so for good: a server said that it does not want this client, or there is none.
    fn is_permanent(&self) -> bool {
        match self {
            Self::Opening(OpeningError::Greeting(reply) | OpeningError::Hello(reply)) => {
                reply.severity() == Severity::PermanentNegative
            }
            Self::Policy(rejection) => rejection.severity() == Severity::PermanentNegative,
            // A domain of which no host can be used is an error (RFC 5321 section 5.1).
            Self::NoAddress => true,
            _ => false,
        }
    }

    /// Why, as it goes into an outcome.
    fn cause(self) -> Cause {
        let local = |detail, text| Cause::Local(Rejection::temporary(4, detail, text));
        match self {
            Self::NoAddress => Cause::Local(Unroutable::NoAddress.rejection()),
            Self::DnsFailed => local(3, "DNS gave no answer"),
            Self::NoAnswer => local(1, "no answer from the host"),
            Self::Tls => Cause::Local(Rejection::temporary(7, 5, "TLS failed, and must be")),
            Self::Fault(fault) | Self::Opening(OpeningError::Fault(fault)) => Cause::Fault(fault),
            Self::Policy(rejection) => Cause::Local(rejection),
            Self::Opening(error) => match error.reply() {
                Some(reply) => Cause::Reply(reply.clone()),
                None => Cause::Local(Rejection::temporary(7, 0, "no session could be opened")),
            },
        }
    }
}

/// What became of a recipient in a round, and at which host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What became of it.
    pub outcome: Outcome,
    /// The host that was asked last.
    pub host: Option<HostName>,
    /// Its address.
    pub address: Option<IpAddr>,
}

/// A round of attempts: goes from host to host until each recipient has a verdict.
///
/// It asks for addresses and transactions, and is told what came of them. The next host is tried
/// after a failure to connect or to open a session, when it lacks an extension that the message
/// needs, and when the session broke off before an answer; not for a recipient that got 5yz, or that
/// is in doubt (L-08). 5yz greetings are final only if every host that was tried gave one (C-02).
///
/// ```
/// # use smtp_proto::{domain::Host, relay::{AttemptStep, Attempts, HostFailure, HostName, Own, Route, Target}};
/// let own = Own::default();
/// let host = HostName::parse("mx.example.net")?;
/// let mut round = Attempts::new(Route::to(Target::Name(host.clone())), 2, &own, Default::default());
/// assert_eq!(round.step(), AttemptStep::Resolve(host));
/// round.resolved(vec![[192, 0, 2, 1].into()]);
/// let AttemptStep::Connect { address, .. } = round.step() else { panic!() };
/// round.failed(HostFailure::NoAnswer);
/// assert_eq!(round.step(), AttemptStep::Done);
/// for verdict in round.verdicts() {
///     assert_eq!(verdict.outcome.to_string(), "deferred before MAIL: 451 4.4.1 no answer from the host");
/// }
/// # Ok::<(), smtp_proto::error::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Attempts<'o> {
    route: Route,
    own: &'o Own,
    rules: AttemptRules,
    /// The host being tried, by its place in the route.
    host: usize,
    /// Its addresses that are left; none before they are asked for.
    addresses: Option<VecDeque<IpAddr>>,
    hosts_tried: usize,
    addresses_tried: usize,
    /// Hosts are left that the rules do not let be tried: what they would have said is not known.
    cut: bool,
    misrouted: bool,
    /// The next transaction needs a new session.
    new_session: bool,
    recipients: Vec<Fate>,
}

#[derive(Clone, Debug, Default)]
struct Fate {
    last: Option<Verdict>,
    settled: bool,
    /// Some host may do it another time.
    hope: bool,
}

impl<'o> Attempts<'o> {
    /// A round for so many recipients of one next hop.
    #[must_use]
    pub fn new(route: Route, recipients: usize, own: &'o Own, rules: AttemptRules) -> Self {
        Self {
            route,
            own,
            rules,
            host: 0,
            addresses: None,
            hosts_tried: 0,
            addresses_tried: 0,
            cut: false,
            misrouted: false,
            new_session: false,
            recipients: alloc::vec![Fate::default(); recipients],
        }
    }

    /// What comes next. Asking again changes nothing.
    pub fn step(&mut self) -> AttemptStep {
        if self.recipients.iter().all(|fate| fate.settled) {
            return AttemptStep::Done;
        }
        loop {
            let Some(exchange) = self.route.hosts().get(self.host) else {
                return AttemptStep::Done;
            };
            let most = self.rules.addresses.max(2);
            if self.hosts_tried >= self.rules.hosts.max(1) || self.addresses_tried >= most {
                self.cut = true;
                return AttemptStep::Done;
            }
            let target = exchange.target.clone();
            match (&self.addresses, target) {
                (None, Target::Name(name)) => return AttemptStep::Resolve(name),
                (None, Target::Address(address)) => {
                    self.addresses = Some(VecDeque::from([address]));
                }
                (Some(addresses), target) => match addresses.front() {
                    Some(&address) => {
                        let host = match target {
                            Target::Name(name) => Some(name),
                            Target::Address(_) => None,
                        };
                        let new_session = self.new_session;
                        return AttemptStep::Connect { host, address, new_session };
                    }
                    None => self.next_host(),
                },
            }
        }
    }

    /// The recipients that have no verdict yet, by their numbers.
    pub fn pending(&self) -> impl Iterator<Item = usize> + '_ {
        self.recipients.iter().enumerate().filter(|(_, fate)| !fate.settled).map(|(n, _)| n)
    }

    /// The addresses of the host, in the resolver's order. One of this host's own means that the mail
    /// would come back: the host and all that are not better are discarded, as if there were no such
    /// records (RFC 5321 section 5.1; L-07). An equally good host that came first has been asked then.
    pub fn resolved(&mut self, addresses: Vec<IpAddr>) {
        if addresses.is_empty() {
            return self.failed(HostFailure::NoAddress);
        }
        if self.are_own(&addresses) {
            let preference = self.route.hosts().get(self.host).map(|host| host.preference);
            self.route.cut(preference.unwrap_or_default());
            self.misrouted = self.route.hosts().is_empty();
            self.host = self.route.hosts().len();
            return;
        }
        self.addresses = Some(addresses.into());
    }

    /// Whether one of these addresses is this host's own. Then nothing else has to be known of the host
    /// before it is [`resolved`](Self::resolved): a failure to find that out would lead to the next one, which
    /// is no better.
    #[must_use]
    pub fn are_own(&self, addresses: &[IpAddr]) -> bool {
        addresses.iter().any(|address| self.own.addresses.contains(&address.to_canonical()))
    }

    /// The host, or its address, could not be given the message.
    pub fn failed(&mut self, failure: HostFailure) {
        let hope = !failure.is_permanent();
        let of_host = matches!(
            failure,
            HostFailure::NoAddress | HostFailure::DnsFailed | HostFailure::Policy(_)
        );
        let outcome = Outcome::deferred(Phase::Preparation, failure.cause());
        let (host, address) = self.here();
        for fate in self.recipients.iter_mut().filter(|fate| !fate.settled) {
            fate.last = Some(Verdict { outcome: outcome.clone(), host: host.clone(), address });
            fate.hope |= hope;
        }
        if of_host { self.next_host() } else { self.next_address() }
    }

    /// The outcomes of a transaction with the [`pending`](Self::pending) recipients, in their order.
    pub fn sent(&mut self, outcomes: &[Outcome]) {
        let (host, address) = self.here();
        let mut again = false;
        let mut progress = false;
        let mut elsewhere = false;
        let mut new_session = false;
        for (fate, outcome) in self.recipients.iter_mut().filter(|fate| !fate.settled).zip(outcomes)
        {
            let verdict = Verdict { outcome: outcome.clone(), host: host.clone(), address };
            fate.last = Some(verdict);
            fate.hope |= outcome.status() != Status::Rejected;
            if matches!(outcome.retry(), Retry::AtOnce | Retry::NewSession) {
                again = true;
                new_session |= outcome.retry() == Retry::NewSession;
            } else if self.rules.goes_on(outcome) {
                elsewhere = true;
            } else {
                fate.settled = true;
                progress = true;
            }
        }
        // A server that takes a few at a time is asked again as long as it takes some. A session that
        // was used before may have room for nobody, a new one has.
        progress |= new_session && !self.new_session;
        self.new_session = new_session;
        if !(again && progress) || elsewhere {
            self.next_address();
        }
    }

    fn here(&self) -> (Option<HostName>, Option<IpAddr>) {
        let host = match self.route.hosts().get(self.host).map(|host| &host.target) {
            Some(Target::Name(name)) => Some(name.clone()),
            _ => None,
        };
        (host, self.addresses.as_ref().and_then(|addresses| addresses.front().copied()))
    }

    fn next_address(&mut self) {
        self.new_session = false;
        self.addresses_tried += 1;
        if let Some(addresses) = &mut self.addresses {
            addresses.pop_front();
        }
        if self.addresses.as_ref().is_none_or(VecDeque::is_empty) {
            self.next_host();
        }
    }

    fn next_host(&mut self) {
        self.new_session = false;
        self.host += 1;
        self.hosts_tried += 1;
        self.addresses = None;
    }

    /// What became of each recipient; one that nobody was asked about is deferred.
    #[must_use]
    pub fn verdicts(self) -> Vec<Verdict> {
        let left_out = self.cut || self.host < self.route.hosts().len();
        let misrouted = self.misrouted;
        let over = |fate: Fate| match fate.last {
            Some(verdict) if fate.settled => verdict,
            // Refused by each host, and there are no others; else there is hope.
            Some(verdict) => {
                let status =
                    if fate.hope || left_out { Status::Deferred } else { Status::Rejected };
                Verdict { outcome: verdict.outcome.judged(status), ..verdict }
            }
            None => {
                let rejection = if misrouted {
                    Unroutable::Misrouted.rejection()
                } else {
                    Rejection::temporary(4, 1, "no host could be tried")
                };
                Verdict { outcome: Outcome::local(rejection), host: None, address: None }
            }
        };
        self.recipients.into_iter().map(over).collect()
    }
}

impl AttemptRules {
    /// Whether the next host may do better.
    fn goes_on(&self, outcome: &Outcome) -> bool {
        match (outcome.status(), outcome.cause(), outcome.phase()) {
            (Status::Delivered | Status::InDoubt, ..) => false,
            (Status::Rejected, Cause::Local(_), _) => true,
            (Status::Rejected, ..) => false,
            (Status::Deferred, Cause::Fault(_), _) => true,
            // The content cannot be read here, whoever is to have it.
            (Status::Deferred, Cause::Content(_), _) => false,
            (Status::Deferred, _, Phase::Rcpt | Phase::Delivery) => self.after_rcpt,
            (Status::Deferred, ..) => self.after_mail,
        }
    }
}
