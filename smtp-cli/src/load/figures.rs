//! What was measured and counted.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use smtp_frontend::Error;
use smtp_proto::{
    client::{Cause, OpeningError, Outcome, Report},
    fault::Fault,
    reply::ReplyBuf,
};

use super::phase::Phase;
use crate::exit::{Code, Failure, code, worse};

/// Figures of some of the sessions, or of all.
#[derive(Debug)]
pub(super) struct Figures {
    latencies: [Histogram<u64>; Phase::ALL.len()],
    /// Messages that were accepted for every recipient, and those that were not.
    pub(super) accepted: u64,
    pub(super) refused: u64,
    /// Recipients for whom the message was accepted, and those for whom it was not.
    pub(super) recipients_accepted: u64,
    pub(super) recipients_refused: u64,
    /// Octets of messages that were accepted.
    pub(super) octets: u64,
    pub(super) sessions: u64,
    /// By reply code, or by what went wrong.
    pub(super) errors: BTreeMap<String, Errors>,
    /// What to end with.
    pub(super) code: Option<Code>,
    /// When the last message was done.
    pub(super) last: Option<Instant>,
}

/// Errors of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Errors {
    pub(super) count: u64,
    /// The first of them.
    pub(super) first: String,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self {
            latencies: std::array::from_fn(|_| histogram()),
            accepted: 0,
            refused: 0,
            recipients_accepted: 0,
            recipients_refused: 0,
            octets: 0,
            sessions: 0,
            errors: BTreeMap::new(),
            code: None,
            last: None,
        }
    }

    /// A phase took so long.
    pub(super) fn lap(&mut self, phase: Phase, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // It grows by itself.
        let _ = self.latencies[phase as usize].record(nanoseconds);
    }

    /// A message of `octets`, begun at `start`, came to this.
    pub(super) fn message(&mut self, report: &Report, octets: usize, start: Instant, now: Instant) {
        self.last = Some(now);
        let mut accepted = true;
        for outcome in report.outcomes() {
            match code(outcome) {
                None => self.recipients_accepted += 1,
                Some(code) => {
                    accepted = false;
                    self.recipients_refused += 1;
                    self.ends_with(code);
                    self.count(kind_of_outcome(outcome), outcome.to_string());
                }
            }
        }
        if accepted {
            self.accepted += 1;
            self.octets += octets as u64;
            self.lap(Phase::Message, now.duration_since(start));
        } else {
            self.refused += 1;
        }
    }

    /// There was no session to send a message over.
    pub(super) fn message_without_session(&mut self, error: Error, now: Instant) {
        self.session_failed(error);
        self.refused += 1;
        self.last = Some(now);
    }

    /// A session could not be opened, or did not live until its end.
    pub(super) fn session_failed(&mut self, error: Error) {
        let kind = kind_of_error(&error);
        let Failure { code, message, .. } = Failure::of(error);
        self.ends_with(code);
        self.count(kind, message);
    }

    fn ends_with(&mut self, code: Code) {
        self.code = Some(self.code.map_or(code, |before| worse(before, code)));
    }

    fn count(&mut self, kind: String, text: String) {
        self.errors.entry(kind).or_insert(Errors { count: 0, first: text }).count += 1;
    }

    /// The latencies of a phase.
    pub(super) fn latencies(&self, phase: Phase) -> &Histogram<u64> {
        &self.latencies[phase as usize]
    }

    /// With those of other sessions.
    pub(super) fn and(mut self, other: Self) -> Self {
        for (mine, theirs) in self.latencies.iter_mut().zip(&other.latencies) {
            // Both grow by themselves.
            let _ = mine.add(theirs);
        }
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.recipients_accepted += other.recipients_accepted;
        self.recipients_refused += other.recipients_refused;
        self.octets += other.octets;
        self.sessions += other.sessions;
        for (kind, errors) in other.errors {
            let mine = self.errors.entry(kind).or_insert(Errors { count: 0, first: errors.first });
            mine.count += errors.count;
        }
        if let Some(code) = other.code {
            self.ends_with(code);
        }
        self.last = self.last.max(other.last);
        self
    }
}

/// Nanoseconds, as exact as three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are as many as it takes")
}

fn kind_of_outcome(outcome: &Outcome) -> String {
    if let Some(reply) = outcome.reply() {
        return kind_of_reply(reply);
    }
    match outcome.cause() {
        Cause::Fault(fault) => kind_of_fault(fault).to_owned(),
        _ => "not sent".to_owned(),
    }
}

fn kind_of_error(error: &Error) -> String {
    if let Some(reply) = error.reply() {
        return kind_of_reply(reply);
    }
    match error.decisive() {
        Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => "timeout",
        Error::Io(_) => "connection",
        Error::Tls(_) | Error::Opening(OpeningError::TlsNotOffered) => "TLS",
        Error::Opening(OpeningError::NoMechanism | OpeningError::AuthFailed(_)) => "AUTH",
        Error::Fault(fault) | Error::Opening(OpeningError::Fault(fault)) => kind_of_fault(fault),
        _ => "not sent",
    }
    .to_owned()
}

fn kind_of_reply(reply: &ReplyBuf) -> String {
    reply.code().to_string()
}

fn kind_of_fault(fault: &Fault) -> &'static str {
    match fault {
        Fault::Closed => "closed",
        Fault::Timeout => "timeout",
        _ => "protocol",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_add_up() {
        let mut one = Figures::new();
        one.lap(Phase::Mail, Duration::from_micros(100));
        one.session_failed(Error::Io(io::ErrorKind::TimedOut.into()));
        let mut other = Figures::new();
        other.lap(Phase::Mail, Duration::from_secs(5));
        other.session_failed(Error::Io(io::ErrorKind::TimedOut.into()));
        other.session_failed(Error::Fault(Fault::Closed));
        (other.accepted, other.last) = (3, Some(Instant::now()));
        let all = one.and(other);
        assert_eq!(all.latencies(Phase::Mail).len(), 2);
        assert!(all.latencies(Phase::Mail).max() >= 5_000_000_000);
        assert_eq!(all.latencies(Phase::Rcpt).len(), 0);
        assert_eq!((all.errors["timeout"].count, all.errors["closed"].count), (2, 1));
        assert_eq!((all.accepted, all.code), (3, Some(Code::Temporary)));
        assert!(all.last.is_some());
    }
}
