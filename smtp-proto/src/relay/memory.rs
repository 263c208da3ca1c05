//! Which hosts do not answer.

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::date::Timestamp;

/// What a queue remembers of hosts that could not be reached, so that each of many messages need not
/// find out (RFC 5321 section 4.5.4.1; L-13). What a host says of a message is not remembered here.
///
/// It holds a bounded number of hosts; when it is full, the one that is to be tried soonest is
/// forgotten.
#[derive(Clone, Debug)]
pub struct Unreachable<K> {
    hosts: BTreeMap<K, Silence>,
    capacity: usize,
    first: Duration,
    longest: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Silence {
    until: Timestamp,
    pause: Duration,
}

impl<K: Ord + Clone> Unreachable<K> {
    /// A memory of so many hosts. A host is left alone for `first` after its first failure, twice as
    /// long after each further one, up to `longest`. Failures while it is left alone, such as those of other
    /// sessions that were begun before, are part of the first one.
    #[must_use]
    pub const fn new(capacity: usize, first: Duration, longest: Duration) -> Self {
        Self { hosts: BTreeMap::new(), capacity, first, longest }
    }

    /// The host could not be reached.
    pub fn failed(&mut self, host: K, now: Timestamp) {
        let longest = self.longest;
        let pause = match self.hosts.get(&host) {
            Some(silence) if silence.until > now => return,
            Some(silence) => silence.pause.saturating_mul(2).min(longest),
            None => self.first.min(longest),
        };
        self.hosts.insert(host, Silence { until: now.plus(pause), pause });
        if self.hosts.len() > self.capacity {
            let soonest = self.hosts.iter().min_by_key(|(_, silence)| silence.until);
            if let Some(host) = soonest.map(|(host, _)| host.clone()) {
                self.hosts.remove(&host);
            }
        }
    }

    /// The host has answered.
    pub fn reached(&mut self, host: &K) {
        self.hosts.remove(host);
    }

    /// From when on the host may be tried; `None` for at once.
    #[must_use]
    pub fn wait_until(&self, host: &K, now: Timestamp) -> Option<Timestamp> {
        self.hosts.get(host).map(|silence| silence.until).filter(|until| *until > now)
    }
}
