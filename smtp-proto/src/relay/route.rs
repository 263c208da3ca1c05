//! Which hosts take the mail of a domain, in which order (RFC 5321 section 5.1, RFC 7505).

use alloc::{string::String, vec::Vec};
use core::net::IpAddr;

use super::HostName;
use crate::answer::Rejection;
use crate::domain::{AddressLiteral, Host};
use crate::path::Mailbox;

/// Where mail for a recipient goes next (L-01). Recipients with the same next hop share a transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NextHop {
    /// To this address, without asking DNS.
    Address(IpAddr),
    /// To this host, whose addresses are asked for.
    Host(HostName),
    /// To the hosts that take mail for this domain: its MX records are asked for.
    Domain(HostName),
}

impl NextHop {
    /// The next hop of a mailbox: the smart host if there is one, else what stands behind the `@`.
    ///
    /// # Errors
    ///
    /// [`Unroutable::Incomplete`] for a domain of one label, [`Unroutable::UnknownLiteral`] for a
    /// literal that is no IP address.
    pub fn of(mailbox: Mailbox<'_>, smart_host: Option<&Self>) -> Result<Self, Unroutable> {
        let own = match mailbox.host() {
            Host::Literal(AddressLiteral::V4(address)) => Self::Address(address.into()),
            Host::Literal(AddressLiteral::V6(address)) => Self::Address(address.into()),
            Host::Literal(AddressLiteral::General(_)) => return Err(Unroutable::UnknownLiteral),
            Host::Domain(domain) => {
                let name = HostName::from(domain);
                if !name.is_complete() {
                    return Err(Unroutable::Incomplete);
                }
                Self::Domain(name)
            }
        };
        Ok(smart_host.cloned().unwrap_or(own))
    }
}

/// Why mail for a domain cannot be sent anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unroutable {
    /// The domain takes no mail (RFC 7505; L-05).
    #[error("the domain takes no mail")]
    NullMx,
    /// There is no such domain (L-04).
    #[error("no such domain")]
    NoDomain,
    /// DNS gave no answer, or one that cannot be trusted (L-04).
    #[error("DNS gave no answer")]
    DnsFailed,
    /// The best host for the domain is this one, which does not take its mail (L-07).
    #[error("mail for this domain would come back here")]
    Misrouted,
    /// There are MX records, and none names a host that can be used (L-03).
    #[error("no MX of the domain can be used")]
    NoUsableMx,
    /// The domain has one label only (L-18).
    #[error("the domain is not complete")]
    Incomplete,
    /// An address literal that is no IP address.
    #[error("an address literal of a kind that is not known")]
    UnknownLiteral,
    /// A host has no address (L-04).
    #[error("the host has no address")]
    NoAddress,
}

impl Unroutable {
    /// What a client is told at RCPT, and a report says: 556 5.1.10, 550 5.1.2, 451 4.4.3, 554 5.4.6,
    /// 554 5.4.4.
    #[must_use]
    pub const fn rejection(self) -> Rejection<'static> {
        match self {
            Self::NullMx => Rejection::NULL_MX,
            Self::NoDomain => Rejection::BAD_DESTINATION,
            Self::DnsFailed => Rejection::temporary(4, 3, "DNS gave no answer"),
            Self::Misrouted => Rejection::LOOP,
            Self::NoUsableMx => Rejection::permanent(4, 4, "no route to the domain"),
            Self::NoAddress => Rejection::permanent(4, 4, "the host has no address"),
            Self::Incomplete => Rejection::permanent(1, 2, "the domain is not complete"),
            Self::UnknownLiteral => Rejection::permanent(1, 2, "address literal not known"),
        }
    }
}

/// What DNS said when it was asked for the MX records of a domain; an alias (CNAME) was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MxAnswer {
    /// These.
    Records(Vec<Mx>),
    /// The domain exists and has none.
    None,
    /// There is no such domain.
    NoDomain,
    /// No answer, or a failure that may pass.
    Failed,
}

/// What DNS said when it was asked for the addresses of a host; an alias (CNAME) was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressAnswer {
    /// These, in order of preference.
    Addresses(Vec<IpAddr>),
    /// It has none, or there is no such host.
    None,
    /// No answer, or a failure that may pass.
    Failed,
}

/// An MX record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mx {
    /// The lower, the better.
    pub preference: u16,
    /// The host as DNS has it; `.` when there is none.
    pub exchange: String,
}

impl MxAnswer {
    /// Whether it says that the domain takes no mail: one record, whose host is the root (RFC 7505
    /// section 3; L-05).
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Records(records) if matches!(records.as_slice(), [only] if is_root(only)))
    }

    /// Refuses a sender whose domain takes no mail and so could not be told of a failure (RFC 7505
    /// section 4.2; L-06, `reject_null_mx_sender`). A matter of policy: do not call it to take such
    /// mail.
    ///
    /// # Errors
    ///
    /// 550 5.7.27.
    pub fn check_sender(&self) -> Result<(), Rejection<'static>> {
        if self.is_null() {
            return Err(Rejection::permanent(7, 27, "the sender's domain takes no mail"));
        }
        Ok(())
    }
}

fn is_root(record: &Mx) -> bool {
    matches!(record.exchange.as_str(), "." | "")
}

/// The names and addresses by which this host is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Its names.
    pub names: Vec<HostName>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// Hosts to try, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    hosts: Vec<Exchange>,
}

/// A host of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The preference of its MX record; 0 without one.
    pub preference: u16,
    /// The host.
    pub target: Target,
}

/// How a host of a route is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By its name.
    Name(HostName),
    /// By its address.
    Address(IpAddr),
}

impl Route {
    /// The route to a next hop that DNS is not asked for MX records of.
    #[must_use]
    pub fn to(target: Target) -> Self {
        Self { hosts: alloc::vec![Exchange { preference: 0, target }] }
    }

    /// The hosts of a domain: best preference first, equal ones shuffled by `random`, which gives a
    /// number below the one it is given; the domain itself when it has no MX (L-02, L-03). Where this
    /// host is among them, it and all that are not better are left out, so that mail does not go
    /// round (L-07).
    ///
    /// # Errors
    ///
    /// [`Unroutable`].
    pub fn of_domain(
        domain: &HostName,
        answer: &MxAnswer,
        own: &Own,
        mut random: impl FnMut(usize) -> usize,
    ) -> Result<Self, Unroutable> {
        let records = match answer {
            MxAnswer::Records(records) => records.as_slice(),
            MxAnswer::None => &[],
            MxAnswer::NoDomain => return Err(Unroutable::NoDomain),
            MxAnswer::Failed => return Err(Unroutable::DnsFailed),
        };
        if answer.is_null() {
            return Err(Unroutable::NullMx);
        }
        let mut names: Vec<(u16, HostName)> = Vec::with_capacity(records.len().max(1));
        if records.is_empty() {
            names.push((0, domain.clone()));
        }
        for record in records.iter().filter(|record| !is_root(record)) {
            let Ok(name) = HostName::parse(&record.exchange) else { continue };
            match names.iter_mut().find(|(_, known)| *known == name) {
                Some((preference, _)) => *preference = record.preference.min(*preference),
                None => names.push((record.preference, name)),
            }
        }
        if names.is_empty() {
            return Err(Unroutable::NoUsableMx);
        }
        let ours = names.iter().filter(|(_, name)| own.names.contains(name));
        if let Some(best) = ours.map(|(preference, _)| *preference).min() {
            names.retain(|(preference, _)| *preference < best);
            if names.is_empty() {
                return Err(Unroutable::Misrouted);
            }
        }
        for end in (1..names.len()).rev() {
            names.swap(end, random(end + 1).min(end));
        }
        // The order of equal ones stays as it was shuffled.
        names.sort_by_key(|(preference, _)| *preference);
        let exchange = |(preference, name)| Exchange { preference, target: Target::Name(name) };
        Ok(Self { hosts: names.into_iter().map(exchange).collect() })
    }

    /// The hosts, best first.
    #[must_use]
    pub fn hosts(&self) -> &[Exchange] {
        &self.hosts
    }

    /// Leaves out what is not better than a host that turned out to be this one, by its address
    /// (L-07).
    pub(super) fn cut(&mut self, preference: u16) {
        self.hosts.retain(|host| host.preference < preference);
    }
}
