//! Who is told what (RFC 3461 section 5.2, RFC 2852 section 4.1).

use core::fmt;

use crate::client::{Outcome, Status};
use crate::parameter::{By, ByMode, Notify};

/// What a report says of a recipient (RFC 3464 section 2.3.3; T-22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The message could not be delivered, and will not be tried again.
    Failed,
    /// It could not be delivered so far. A report of failure may follow.
    Delayed,
    /// It was delivered.
    Delivered,
    /// It was passed on to where no further report may come from.
    Relayed,
    /// It was passed on to several addresses.
    Expanded,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Failed, Self::Delayed, Self::Delivered, Self::Relayed, Self::Expanded];

    /// The word of the `Action` field.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Expanded => "expanded",
        }
    }

    /// Whether `NOTIFY=`, or its absence, asks for this report (RFC 3461 section 5.2.2 to 5.2.7;
    /// T-23). That of a delay need not be sent even so.
    #[must_use]
    pub fn is_wanted(self, notify: Option<Notify>) -> bool {
        let Some(notify) = notify else {
            return matches!(self, Self::Failed | Self::Delayed);
        };
        notify.contains(match self {
            Self::Failed => Notify::FAILURE,
            Self::Delayed => Notify::DELAY,
            Self::Delivered | Self::Relayed | Self::Expanded => Notify::SUCCESS,
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of a message for one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Delivered here: into the mailbox, or to the list that the address stands for.
    Delivered,
    /// A server took it, which reports what becomes of it if it can.
    Relayed(Onward),
    /// Given to the addresses that an alias stands for (RFC 3461 section 5.2.7.3, its third way).
    Expanded,
    /// Not delivered, for good.
    Failed,
    /// Not delivered for an extended time.
    Delayed,
    /// The time of `BY=` is over (RFC 2852 section 4.1.3). With mode `R` the status is 5.4.7 and
    /// nothing more is tried, with mode `N` it is 4.4.7 and trying goes on.
    TimeOver,
}

/// What the server that a message was passed on to was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Onward {
    /// It offers DSN, so NOTIFY, ORCPT, RET and ENVID were sent on.
    pub dsn: bool,
    /// It offers DELIVERBY, so BY was sent on.
    pub deliver_by: bool,
}

impl Event {
    /// The event of an outcome that is final; `None` for one that is to be tried again: it becomes
    /// [`Failed`](Self::Failed) when the queue gives up, [`Delayed`](Self::Delayed) when it warns.
    #[must_use]
    pub fn of(outcome: &Outcome, onward: Onward) -> Option<Self> {
        match outcome.status() {
            Status::Delivered => Some(Self::Relayed(onward)),
            Status::Rejected => Some(Self::Failed),
            Status::Deferred | Status::InDoubt => None,
        }
    }

    /// What the sender is told of it, if anything.
    ///
    /// A message that was passed on is told of where the chain of reports breaks and success was
    /// asked for; and where it must be delivered in time, if its trace was asked for or the time is
    /// no longer looked after (RFC 2852 section 4.1.4).
    #[must_use]
    pub fn report(self, notify: Option<Notify>, by: Option<By>) -> Option<Action> {
        let action = match self {
            Self::Delivered => Action::Delivered,
            Self::Expanded => Action::Expanded,
            Self::Failed => Action::Failed,
            Self::Delayed => Action::Delayed,
            Self::TimeOver => match by?.mode() {
                ByMode::Return => Action::Failed,
                ByMode::Notify => Action::Delayed,
            },
            Self::Relayed(onward) => {
                let traced = by.is_some_and(|by| {
                    by.trace() || (by.mode() == ByMode::Notify && !onward.deliver_by)
                });
                let never = notify == Some(Notify::NEVER);
                let broken = !onward.dsn && Action::Relayed.is_wanted(notify);
                return ((traced && !never) || broken).then_some(Action::Relayed);
            }
        };
        action.is_wanted(notify).then_some(action)
    }
}
