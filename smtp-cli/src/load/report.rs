//! The figures of a run: tables, or a JSON object.

use std::{collections::BTreeMap, fmt, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    figures::{Errors, Figures},
    phase::Phase,
};

/// All that is told of a run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    server: String,
    seconds: f64,
    connections: u32,
    /// Sessions that were opened.
    sessions: u64,
    messages: Messages,
    recipients: Recipients,
    /// Of the content of messages that were accepted.
    octets: u64,
    octets_per_second: f64,
    /// By phase, in milliseconds.
    latency: Vec<Latency>,
    errors: BTreeMap<String, Kind>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
struct Messages {
    accepted: u64,
    /// Not accepted for every recipient, or without a session to send them over.
    refused: u64,
    /// Under way when the run was broken off.
    unfinished: u64,
    per_second: f64,
}

#[derive(Debug, Serialize)]
struct Recipients {
    accepted: u64,
    refused: u64,
}

#[derive(Debug, Serialize)]
struct Latency {
    phase: &'static str,
    count: u64,
    min: f64,
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

#[derive(Debug, Serialize)]
struct Kind {
    count: u64,
    first: String,
}

impl Report {
    pub(super) fn new(
        server: &str,
        connections: u32,
        took: Duration,
        figures: &Figures,
        unfinished: u64,
    ) -> Self {
        // A run that took no time sent nothing.
        let seconds = took.as_secs_f64().max(1e-9);
        let kind = |errors: &Errors| Kind { count: errors.count, first: errors.first.clone() };
        Self {
            server: server.to_owned(),
            seconds,
            connections,
            sessions: figures.sessions,
            messages: Messages {
                accepted: figures.accepted,
                refused: figures.refused,
                unfinished,
                per_second: figures.accepted as f64 / seconds,
            },
            recipients: Recipients {
                accepted: figures.recipients_accepted,
                refused: figures.recipients_refused,
            },
            octets: figures.octets,
            octets_per_second: figures.octets as f64 / seconds,
            latency: Phase::ALL
                .into_iter()
                .filter_map(|phase| Latency::of(phase, figures.latencies(phase)))
                .collect(),
            errors: figures
                .errors
                .iter()
                .map(|(name, errors)| (name.clone(), kind(errors)))
                .collect(),
            exit_code: figures.code.map_or(0, |code| code as u8),
        }
    }
}

impl Latency {
    fn of(phase: Phase, histogram: &Histogram<u64>) -> Option<Self> {
        const MILLISECOND: f64 = 1e6;
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / MILLISECOND;
        (!histogram.is_empty()).then(|| Self {
            phase: phase.name(),
            count: histogram.len(),
            min: histogram.min() as f64 / MILLISECOND,
            mean: histogram.mean() / MILLISECOND,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / MILLISECOND,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, seconds, .. } = self;
        writeln!(
            f,
            "{}: {} connections, {} sessions, {seconds:.2} s",
            self.server, self.connections, self.sessions
        )?;
        writeln!(
            f,
            "{} messages accepted, {} refused, {} unfinished",
            messages.accepted, messages.refused, messages.unfinished
        )?;
        if self.recipients.accepted + self.recipients.refused > messages.accepted + messages.refused
        {
            let Recipients { accepted, refused } = self.recipients;
            writeln!(f, "{accepted} recipients accepted, {refused} refused")?;
        }
        writeln!(
            f,
            "{:.1} messages/s, {:.2} MB/s",
            messages.per_second,
            self.octets_per_second / 1e6
        )?;
        if !self.latency.is_empty() {
            writeln!(
                f,
                "\n{:<10}{:>10}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}",
                "ms", "count", "min", "p50", "p90", "p99", "p99.9", "max"
            )?;
        }
        for Latency { phase, count, min, p50, p90, p99, p999, max, .. } in &self.latency {
            write!(f, "{phase:<10}{count:>10}")?;
            for time in [min, p50, p90, p99, p999, max] {
                write!(f, "{time:>11.3}")?;
            }
            writeln!(f)?;
        }
        if !self.errors.is_empty() {
            writeln!(f, "\n{:<10}{:>10}  the first", "errors", "count")?;
        }
        for (name, Kind { count, first }) in &self.errors {
            writeln!(f, "{name:<10}{count:>10}  {first}")?;
        }
        Ok(())
    }
}
