//! How much was served, and how long it took.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use smtp_frontend::{
    End, Facts, Observer, Refusal,
    observer::{Answered, Asked, Outcome, Received},
};

use super::trouble::Trouble;

/// The longest time that is told apart, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// Counts while the server runs. A clone is the same.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    start: Instant,
    counts: Arc<Mutex<Counts>>,
    trouble: Arc<Trouble>,
}

#[derive(Debug)]
struct Counts {
    sessions: u64,
    refused: u64,
    accept_failed: u64,
    /// Sessions that did not end by QUIT or an answer that closes.
    broken: u64,
    handshakes: u64,
    handshakes_failed: u64,
    logins: u64,
    logins_failed: u64,
    accepted: u64,
    rejected: u64,
    void: u64,
    recipients: u64,
    octets: u64,
    late: u64,
    greetings: Times,
    answers: Times,
    deliveries: Times,
}

/// None where a histogram cannot be made.
#[derive(Debug)]
struct Times(Option<Histogram<u64>>);

impl Times {
    fn new() -> Self {
        Self(Histogram::new_with_max(LONGEST, 2).ok())
    }

    fn add(&mut self, time: Duration) {
        if let Some(times) = &mut self.0 {
            times.saturating_record(u64::try_from(time.as_micros()).unwrap_or(LONGEST));
        }
    }
}

impl Summary {
    pub(super) fn new() -> Self {
        let counts = Counts {
            sessions: 0,
            refused: 0,
            accept_failed: 0,
            broken: 0,
            handshakes: 0,
            handshakes_failed: 0,
            logins: 0,
            logins_failed: 0,
            accepted: 0,
            rejected: 0,
            void: 0,
            recipients: 0,
            octets: 0,
            late: 0,
            greetings: Times::new(),
            answers: Times::new(),
            deliveries: Times::new(),
        };
        Self {
            start: Instant::now(),
            counts: Arc::new(Mutex::new(counts)),
            trouble: Arc::default(),
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Summary {
    fn accepted(&self, _: &Facts) {
        self.counts().sessions += 1;
    }

    fn refused(&self, _: Option<SocketAddr>, _: Refusal) {
        self.counts().refused += 1;
    }

    fn accept_failed(&self, error: &std::io::Error) {
        self.counts().accept_failed += 1;
        self.trouble.tell(error);
    }

    fn handshake(&self, _: &Facts, result: Result<(), &std::io::Error>, _: Duration) {
        let mut counts = self.counts();
        counts.handshakes += 1;
        counts.handshakes_failed += u64::from(result.is_err());
    }

    fn answered(&self, _: &Facts, answer: &Answered) {
        let mut counts = self.counts();
        counts.late += u64::from(answer.outcome == Outcome::TimedOut);
        match answer.asked {
            Asked::Connect => counts.greetings.add(answer.time),
            _ => counts.answers.add(answer.time),
        }
    }

    fn authentication(&self, _: &Facts, _: &str, success: bool) {
        let mut counts = self.counts();
        counts.logins += u64::from(success);
        counts.logins_failed += u64::from(!success);
    }

    fn message(&self, _: &Facts, message: &Received) {
        let mut counts = self.counts();
        match message.outcome {
            None => counts.void += 1,
            Some(_) if message.delivered > 0 => {
                counts.accepted += 1;
                counts.recipients += u64::try_from(message.delivered).unwrap_or(u64::MAX);
                counts.octets += message.octets;
            }
            Some(outcome) => {
                counts.rejected += 1;
                counts.late += u64::from(outcome == Outcome::TimedOut);
            }
        }
        if let Some(delivery) = message.delivery {
            counts.deliveries.add(delivery);
        }
    }

    fn closed(&self, _: &Facts, end: &End, _: Duration) {
        self.counts().broken += u64::from(!matches!(end, End::Regular | End::Turned));
    }
}

/// Lines, each of which begins with what it is about.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        let seconds = self.start.elapsed().as_secs_f64();
        writeln!(
            f,
            "sessions   {} in {seconds:.1} s, {} broken off, {} refused, {} not accepted",
            counts.sessions, counts.broken, counts.refused, counts.accept_failed
        )?;
        writeln!(f, "handshakes {}, {} failed", counts.handshakes, counts.handshakes_failed)?;
        writeln!(f, "logins     {}, {} failed", counts.logins, counts.logins_failed)?;
        writeln!(
            f,
            "messages   {} accepted, for {} recipients, of {} octets; {} refused, {} void",
            counts.accepted, counts.recipients, counts.octets, counts.rejected, counts.void
        )?;
        writeln!(f, "greetings  {}", counts.greetings)?;
        writeln!(f, "answers    {}, {} too late", counts.answers, counts.late)?;
        writeln!(f, "deliveries {}", counts.deliveries)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(times) = self.0.as_ref().filter(|times| !times.is_empty()) else {
            return f.write_str("0");
        };
        let milliseconds = |micros: u64| Duration::from_micros(micros).as_secs_f64() * 1e3;
        write!(
            f,
            "{}, median {:.1} ms, 99 % {:.1} ms, longest {:.1} ms",
            times.len(),
            milliseconds(times.value_at_quantile(0.5)),
            milliseconds(times.value_at_quantile(0.99)),
            milliseconds(times.max())
        )
    }
}
