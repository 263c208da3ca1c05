//! When to try again, when to warn, when to give up (RFC 5321 section 4.5.4.1, RFC 2852 section 4.1).

use core::time::Duration;

use crate::date::Timestamp;
use crate::parameter::{By, ByMode};
use crate::report::Event;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The times of a queue. By default a message is tried twice within the first hour, then every two to
/// three hours, for five days (L-10, L-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedule {
    /// From the first attempt to the second: 30 minutes.
    pub first: Duration,
    /// From one attempt to the next, later: two hours.
    pub later: Duration,
    /// Up to this part of it, in percent, is added to each of them by chance, so that not all messages
    /// to a host that was away come at once: 50.
    pub spread_percent: u32,
    /// After how long the sender is told of a delay: four hours.
    pub warn_after: Duration,
    /// How long a message is tried: five days.
    pub lifetime: Duration,
    /// How long a message from nobody, such as a report, is tried: two days.
    pub lifetime_of_reports: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(30 * MINUTE),
            later: Duration::from_secs(2 * HOUR),
            spread_percent: 50,
            warn_after: Duration::from_secs(4 * HOUR),
            lifetime: Duration::from_secs(5 * DAY),
            lifetime_of_reports: Duration::from_secs(2 * DAY),
        }
    }
}

/// A recipient that waits in a queue for its next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// When the message arrived; for one that was held, when it was released.
    pub arrived: Timestamp,
    /// How often it was tried, the last time just now.
    pub attempts: u32,
    /// The sender was told of a delay: [`Event::Delayed`].
    pub warned: bool,
    /// The sender was told that the time of `BY=` is over: [`Event::TimeOver`]. That must be told (RFC 2852
    /// section 4.1.3), also to those who were warned.
    pub told_time_over: bool,
    /// The reverse-path is null.
    pub from_nobody: bool,
    /// `BY=`, as it was received.
    pub by: Option<By>,
}

/// What a queue does with a recipient that was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryDecision {
    /// When it is tried again; `None` when it is given up.
    pub retry_at: Option<Timestamp>,
    /// What has happened now that the sender may be told of: see
    /// [`Event::report`](crate::report::Event::report).
    pub event: Option<Event>,
}

impl Schedule {
    /// Decides on a recipient whose attempt has failed for now. `random` is any number, a new one each
    /// time.
    ///
    /// A message that is given up has failed with the status it had last, a 4.x one (L-12); but 5.4.7
    /// when its `BY=` time is over.
    #[must_use]
    pub fn decide(&self, waiting: &Waiting, now: Timestamp, random: u32) -> RetryDecision {
        let age = now.since(waiting.arrived);
        let deadline = waiting.by.map(|by| (by.mode(), deadline(waiting.arrived, by)));
        if let Some((ByMode::Return, deadline)) = deadline
            && now >= deadline
        {
            return RetryDecision { retry_at: None, event: Some(Event::TimeOver) };
        }
        let lifetime = match waiting.from_nobody {
            true => self.lifetime_of_reports,
            false => self.lifetime,
        };
        if age >= lifetime {
            return RetryDecision { retry_at: None, event: Some(Event::Failed) };
        }
        let event = if waiting.told_time_over {
            None
        } else if matches!(deadline, Some((ByMode::Notify, deadline)) if now >= deadline) {
            Some(Event::TimeOver)
        } else {
            let is_late = age >= self.warn_after && !waiting.from_nobody && !waiting.warned;
            is_late.then_some(Event::Delayed)
        };
        let pause = if waiting.attempts <= 1 { self.first } else { self.later };
        // The last attempt is made when the time is over, not after it.
        let mut at = now.plus(spread(pause, self.spread_percent, random));
        at = at.min(waiting.arrived.plus(lifetime));
        if let Some((ByMode::Return, deadline)) = deadline {
            at = at.min(deadline);
        }
        RetryDecision { retry_at: Some(at), event }
    }
}

/// When a message with `BY=` is to be delivered.
pub(crate) fn deadline(arrived: Timestamp, by: By) -> Timestamp {
    Timestamp::from_unix(arrived.unix().saturating_add(i64::from(by.seconds())))
}

fn spread(pause: Duration, percent: u32, random: u32) -> Duration {
    let most = pause.as_secs().saturating_mul(u64::from(percent)) / 100;
    let part = u128::from(most) * u128::from(random) / u128::from(u32::MAX);
    pause.saturating_add(Duration::from_secs(u64::try_from(part).unwrap_or(most)))
}
