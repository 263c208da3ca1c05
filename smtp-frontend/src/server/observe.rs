//! What an observer is told of a session.

use std::{
    io,
    ops::Deref,
    time::{Duration, Instant},
};

use smtp_proto::{answer::Rejection, fault::Fault};

use super::{
    Core,
    conversation::{Answers, Conversation},
    limits::Refusal,
};
use crate::{
    observer::{Answered, Asked, Observer, Outcome, Received},
    session::{Backend, End, Facts},
};

/// What there is to tell an observer of a session; nothing where nobody observes.
#[derive(Debug, Default)]
pub(super) struct Note(Option<Box<Noted>>);

#[derive(Debug)]
struct Noted {
    /// When the client was let in.
    begun: Instant,
    is_greeted: bool,
    /// What a handler was asked last, and what it said.
    answer: Option<(Asked, Outcome)>,
}

impl Note {
    /// An answer. `refusal` is what was said if it was a refusal.
    pub(super) fn take_down(&mut self, asked: Asked, refusal: Option<&Rejection<'_>>) {
        if let Some(noted) = &mut self.0 {
            let outcome = refusal.map_or(Outcome::Accepted, |it| Outcome::Rejected(it.code()));
            noted.answer = Some((asked, outcome));
        }
    }

    /// No answer in time.
    pub(super) fn late(&mut self, asked: Asked) {
        if let Some(noted) = &mut self.0 {
            noted.answer = Some((asked, Outcome::TimedOut));
        }
    }
}

impl<B> Core<B> {
    /// The time, if anybody wants to know it.
    pub(super) fn observed_now(&self) -> Option<Instant> {
        self.observer.as_ref().map(|_| self.clock.now())
    }

    /// A client was turned away.
    pub(super) fn refused(&self, facts: &Facts, refusal: Refusal) {
        if let Some(observer) = &self.observer {
            observer.refused(facts.peer, refusal);
        }
    }

    /// The system has no room for a client, or for a listener.
    pub(super) fn accept_failed(&self, error: &io::Error) {
        if let Some(observer) = &self.observer {
            observer.accept_failed(error);
        }
    }

    /// Who observes, and how long something took that began then.
    fn since(&self, begun: Option<Instant>) -> Option<(&dyn Observer, Duration)> {
        let observer = self.observer.as_deref()?;
        Some((observer, self.clock.now().saturating_duration_since(begun?)))
    }
}

/// A message that is over, as the conversation knows it.
pub(super) struct Finished<'m> {
    pub(super) begun: Option<Instant>,
    pub(super) ended: Option<Instant>,
    pub(super) octets: u64,
    /// `None` if the message is void; `Err` if the handler was too late.
    pub(super) answers: Option<Result<&'m Answers, ()>>,
    pub(super) is_lmtp: bool,
}

impl<C: Deref<Target = Core<B>>, B: Backend> Conversation<C, B> {
    /// A client was let in.
    pub(super) fn observe_begin(&mut self) {
        if let Some(observer) = &self.core.observer {
            let begun = self.core.clock.now();
            self.note.0 = Some(Box::new(Noted { begun, is_greeted: false, answer: None }));
            observer.accepted(&self.facts);
        }
    }

    /// A question that was put then has been answered.
    pub(super) fn observe_answer(&mut self, asked_at: Option<Instant>) {
        let Some(noted) = &mut self.note.0 else {
            return;
        };
        let Some((asked, outcome)) = noted.answer.take() else {
            return;
        };
        // XCLIENT has it asked again, and nobody is greeted again.
        let from = match asked {
            Asked::Connect if !noted.is_greeted => Some(noted.begun),
            _ => asked_at,
        };
        noted.is_greeted |= asked == Asked::Connect;
        if let Some((observer, time)) = self.core.since(from) {
            observer.answered(&self.facts, &Answered { asked, outcome, time });
        }
    }

    /// A handshake that began then is over.
    pub(super) fn observe_handshake(&self, begun: Option<Instant>, result: &io::Result<()>) {
        if let Some((observer, time)) = self.core.since(begun) {
            observer.handshake(&self.facts, result.as_ref().copied(), time);
        }
    }

    /// A message is over.
    pub(super) fn observe_message(&self, finished: Finished<'_>) {
        let Some((observer, time)) = self.core.since(finished.begun) else {
            return;
        };
        let delivery = self.core.since(finished.ended).map(|(_, delivery)| delivery);
        let recipients = self.recipients;
        let (delivered, outcome) = match finished.answers {
            None => (0, None),
            Some(Err(())) => (0, Some(Outcome::TimedOut)),
            Some(Ok(answers)) => {
                let delivered = answers.iter().filter(|answer| answer.is_ok()).count();
                let refused = answers.iter().find_map(|answer| answer.as_ref().err());
                let outcome = refused.map_or(Outcome::Accepted, |it| Outcome::Rejected(it.code()));
                // One answer stands for all but in LMTP.
                let delivered = if finished.is_lmtp { delivered } else { delivered * recipients };
                (delivered.min(recipients), Some(outcome))
            }
        };
        let octets = finished.octets;
        let received = Received { octets, recipients, delivered, outcome, time, delivery };
        observer.message(&self.facts, &received);
    }

    /// The session is over.
    pub(super) fn observe_end(&mut self, end: &End) {
        let begun = self.note.0.take().map(|noted| noted.begun);
        if let Some((observer, time)) = self.core.since(begun) {
            observer.closed(&self.facts, end, time);
        }
    }
}

/// Also where a handler panics, or whoever drives the session drops it.
impl<C: Deref<Target = Core<B>>, B: Backend> Drop for Conversation<C, B> {
    fn drop(&mut self) {
        self.observe_end(&End::Fault(Fault::Closed));
    }
}
