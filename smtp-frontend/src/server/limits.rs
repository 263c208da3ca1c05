//! How many clients, and how often.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
    time::{Duration, Instant},
};

use smtp_proto::{answer::Rejection, status::Code};

/// How many addresses without an open session are remembered, for the rates of each. When there are more,
/// those are forgotten that have used least of their rate.
const REMEMBERED: usize = 32_768;

/// How many new connections in how long a time.
///
/// All of them may come at once; then each has to wait until its share of the time has passed. As text, a
/// number for a minute, or a number, a slash and seconds.
///
/// ```
/// # use {smtp_frontend::Rate, std::time::Duration};
/// let rate = Rate::new(30, Duration::from_secs(60));
/// assert_eq!("30".parse(), Ok(rate));
/// assert_eq!("5/1".parse(), Ok(Rate::new(5, Duration::from_secs(1))));
/// assert!("5/".parse::<Rate>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    most: u32,
    time: Duration,
}

/// Neither a number nor a number, a slash and a number of seconds; or one of them is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number, or a number, a slash and seconds, all above 0")]
pub struct NotARate;

impl Rate {
    /// At most so many in that time; 0 is none at all.
    pub const fn new(most: u32, time: Duration) -> Self {
        Self { most, time }
    }

    /// When the whole rate may be used again, if one more comes now; `None` if that is one too many.
    /// `whole` is what the one before was told.
    fn next(self, whole: Option<Instant>, now: Instant) -> Option<Instant> {
        let share = self.time.checked_div(self.most)?;
        let whole = whole.map_or(now, |whole| whole.max(now)).checked_add(share)?;
        (whole.saturating_duration_since(now) <= self.time).then_some(whole)
    }
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let (most, seconds) = text.split_once('/').unwrap_or((text, "60"));
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
        let (most, seconds) = number(most).zip(number(seconds)).ok_or(NotARate)?;
        Ok(Self::new(most, Duration::from_secs(seconds.into())))
    }
}

/// Why a client was turned away before it had a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// [`Server::max_connections`](crate::Server::max_connections).
    Connections,
    /// [`Server::max_connections_per_address`](crate::Server::max_connections_per_address).
    ConnectionsOfAddress,
    /// [`Server::connection_rate`](crate::Server::connection_rate).
    Rate,
    /// [`Server::connection_rate_per_address`](crate::Server::connection_rate_per_address).
    RateOfAddress,
    /// There was no valid header where [`Server::proxy_protocol`](crate::Server::proxy_protocol) wants
    /// one.
    ProxyHeader,
}

/// As the client is told.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Refusal {
    const fn text(self) -> &'static str {
        match self {
            Self::Connections => "too many connections, try again later",
            Self::ConnectionsOfAddress => "too many connections from your address",
            Self::Rate => "too many new connections, try again later",
            Self::RateOfAddress => "too many new connections from your address, try again later",
            Self::ProxyHeader => "no valid PROXY header",
        }
    }

    /// 421 4.7.0.
    pub(super) fn rejection(self) -> Rejection<'static> {
        let rejection = Rejection::temporary(7, 0, self.text());
        rejection.with_code(Code::SERVICE_NOT_AVAILABLE).unwrap_or(Rejection::SHUTTING_DOWN)
    }
}

/// What is counted, and how far.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) most: usize,
    pub(super) most_per_address: usize,
    pub(super) rate: Option<Rate>,
    pub(super) rate_per_address: Option<Rate>,
    open: usize,
    /// As [`Rate::next`] says.
    whole: Option<Instant>,
    addresses: HashMap<IpAddr, Guest>,
    /// How many of `addresses` have no open session.
    remembered: usize,
}

/// What is known of an address.
#[derive(Debug, Default)]
struct Guest {
    open: usize,
    whole: Option<Instant>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            most: 10_000,
            most_per_address: usize::MAX,
            rate: None,
            rate_per_address: None,
            open: 0,
            whole: None,
            addresses: HashMap::new(),
            remembered: 0,
        }
    }
}

/// Whom an address belongs to: in IPv6 one host has all addresses of a subnet, which are those that begin
/// with the same 64 bits (RFC 4291 section 2.5.4).
pub(super) fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

impl Limits {
    /// Counts a connection of which nothing is known yet.
    pub(super) fn reserve(&mut self) -> Result<(), Refusal> {
        if self.open >= self.most {
            return Err(Refusal::Connections);
        }
        self.open += 1;
        Ok(())
    }

    /// Counts a session of an [`origin`], if the limits of each are for it. Who is refused counts for
    /// nothing.
    pub(super) fn admit(&mut self, origin: Option<IpAddr>, now: Instant) -> Result<(), Refusal> {
        if self.open >= self.most {
            return Err(Refusal::Connections);
        }
        let guest = origin.and_then(|origin| self.addresses.get(&origin));
        let mut guest_whole = guest.and_then(|guest| guest.whole);
        if origin.is_some() {
            if guest.map_or(0, |guest| guest.open) >= self.most_per_address {
                return Err(Refusal::ConnectionsOfAddress);
            }
            if let Some(rate) = self.rate_per_address {
                guest_whole = Some(rate.next(guest_whole, now).ok_or(Refusal::RateOfAddress)?);
            }
        }
        if let Some(rate) = self.rate {
            self.whole = Some(rate.next(self.whole, now).ok_or(Refusal::Rate)?);
        }
        self.open += 1;
        let Some(origin) = origin else {
            return Ok(());
        };
        let is_remembered = guest.is_some_and(|guest| guest.open == 0);
        self.remembered -= usize::from(is_remembered);
        let guest = self.addresses.entry(origin).or_default();
        guest.open += 1;
        guest.whole = guest_whole;
        Ok(())
    }

    /// A connection is over that was counted as of this origin.
    pub(super) fn leave(&mut self, origin: Option<IpAddr>, now: impl Fn() -> Instant) {
        self.open -= 1;
        let Some((origin, guest)) =
            origin.and_then(|origin| Some((origin, self.addresses.get_mut(&origin)?)))
        else {
            return;
        };
        guest.open -= 1;
        if guest.open > 0 {
            return;
        }
        if guest.whole.is_none_or(|whole| whole <= now()) {
            self.addresses.remove(&origin);
            return;
        }
        self.remembered += 1;
        if self.remembered > REMEMBERED {
            self.forget(now());
        }
    }

    /// Forgets who may use its whole rate again, and if need be those that are next to that: half of what
    /// may be remembered, so that this is seldom done.
    fn forget(&mut self, now: Instant) {
        let wholes = self.addresses.values().filter(|guest| guest.open == 0);
        let mut wholes: Vec<Instant> = wholes.filter_map(|guest| guest.whole).collect();
        let half = wholes.len().saturating_sub(REMEMBERED / 2);
        let mut until = now;
        if half > 0 && half <= wholes.len() {
            until = until.max(*wholes.select_nth_unstable(half - 1).1);
        }
        self.addresses
            .retain(|_, guest| guest.open > 0 || guest.whole.is_some_and(|whole| whole > until));
        self.remembered = self.addresses.values().filter(|guest| guest.open == 0).count();
    }
}

#[cfg(test)]
mod tests;
