//! Where each recipient of a transaction stands.

use alloc::vec::Vec;

use crate::{
    client::{
        Limit,
        report::{Outcome, Retry},
    },
    reply::ReplyBuf,
};

/// What is known of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// No RCPT was sent for it.
    Waiting,
    /// RCPT was queued.
    Asked,
    /// RCPT was accepted: it is one of those the content is for.
    Accepted,
    /// Only the number of recipients was in its way: this is what the server said, and decides if no
    /// further transaction follows.
    Crowded(ReplyBuf),
    /// Its outcome is final.
    Settled(Outcome),
}

/// All recipients, by their index in the envelope. Where the server takes them few by few, nobody is looked
/// at again in each of many transactions.
#[derive(Debug)]
pub(super) struct Fates {
    all: Vec<Fate>,
    /// All before this one are settled.
    first: usize,
    /// From this one on nobody was asked for in this transaction.
    end: usize,
}

impl Fates {
    pub(super) fn new(recipients: usize) -> Self {
        Self { all: alloc::vec![Fate::Waiting; recipients], first: 0, end: 0 }
    }

    /// Before whom nobody is left.
    pub(super) const fn first(&self) -> usize {
        self.first
    }

    /// The first from `start` on for whom RCPT was queued and not answered.
    #[inline]
    pub(super) fn asked(&self, start: usize) -> Option<usize> {
        self.find(start, |fate| matches!(fate, Fate::Asked))
    }

    /// The first from `start` on whom the content is for.
    #[inline]
    pub(super) fn accepted(&self, start: usize) -> Option<usize> {
        self.find(start, |fate| matches!(fate, Fate::Accepted))
    }

    #[inline]
    fn find(&self, start: usize, stands_so: impl Fn(&Fate) -> bool) -> Option<usize> {
        let place = self.all.get(start..)?.iter().position(stands_so)?;
        Some(start + place)
    }

    #[inline]
    pub(super) fn set(&mut self, index: usize, fate: Fate) {
        if let Some(one) = self.all.get_mut(index) {
            self.end = self.end.max(index + 1);
            *one = fate;
        }
    }

    /// Whether `index` is one of those that a further transaction could be for.
    pub(super) fn is_left(&self, index: usize) -> bool {
        matches!(self.all.get(index), Some(Fate::Waiting | Fate::Crowded(_)))
    }

    /// Whether a further transaction could be for somebody.
    pub(super) fn any_left(&mut self) -> bool {
        while matches!(self.all.get(self.first), Some(Fate::Settled(_))) {
            self.first += 1;
        }
        (self.first..self.all.len()).any(|index| self.is_left(index))
    }

    /// A further transaction begins. Who was crowded out of the one before comes first, and so is asked for
    /// in this one.
    pub(super) const fn begin_again(&mut self) {
        self.end = self.first;
    }

    /// Those who are not settled, up to the last who was asked for.
    fn concerned(&mut self) -> &mut [Fate] {
        self.all.get_mut(self.first..self.end).unwrap_or_default()
    }

    /// All who are left are those the content is for; how many that is.
    pub(super) fn accept_all(&mut self) -> u32 {
        let mut accepted = 0;
        self.end = self.all.len();
        for fate in self.concerned().iter_mut().filter(|fate| !matches!(fate, Fate::Settled(_))) {
            *fate = Fate::Accepted;
            accepted += 1;
        }
        accepted
    }

    /// No further transaction follows for those who are left. What the server said to the first of them
    /// holds for those who were not asked for.
    pub(super) fn give_up(&mut self, retry: Retry) {
        let mut why = Outcome::limited(Limit::RcptMax, retry);
        for fate in &mut self.all {
            match core::mem::replace(fate, Fate::Waiting) {
                Fate::Waiting => *fate = Fate::Settled(why.clone()),
                Fate::Crowded(reply) => {
                    why = Outcome::crowded(reply).retried(retry);
                    *fate = Fate::Settled(why.clone());
                }
                other => *fate = other,
            }
        }
    }

    /// Gives `outcome` to those the content is for.
    pub(super) fn settle_accepted(&mut self, outcome: Outcome) {
        self.settle(outcome, |fate| matches!(fate, Fate::Accepted));
    }

    /// Gives `outcome` to those the content may have been for: nobody refused them.
    pub(super) fn settle_hopeful(&mut self, outcome: Outcome) {
        self.settle(outcome, |fate| matches!(fate, Fate::Asked | Fate::Accepted));
    }

    /// Gives `outcome` to all that have no final one.
    pub(super) fn settle_all(&mut self, outcome: Outcome) {
        self.end = self.all.len();
        self.settle(outcome, |fate| !matches!(fate, Fate::Settled(_)));
    }

    #[inline]
    fn settle(&mut self, outcome: Outcome, concerns: impl Fn(&Fate) -> bool) {
        let mut concerned = self.concerned().iter_mut().filter(|fate| concerns(fate));
        let Some(mut last) = concerned.next() else {
            return;
        };
        for next in concerned {
            *last = Fate::Settled(outcome.clone());
            last = next;
        }
        *last = Fate::Settled(outcome);
    }

    /// The outcomes, when each recipient has one.
    pub(super) fn into_outcomes(self) -> Vec<Outcome> {
        let outcome = |fate| match fate {
            Fate::Settled(outcome) => Some(outcome),
            _ => None,
        };
        self.all.into_iter().filter_map(outcome).collect()
    }
}
