//! What happens in a probe, noted as it happens.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use smtp_frontend::{Progress, tls::TlsFacts};
use smtp_proto::{
    client::ReplyTo, command::Verb, fault::Fault, profile::Leniency, reply::Reply, status::Severity,
};

use super::report::{Attempt, Offer, RoundTrip, Said};

/// What happened so far.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) addresses: Vec<Attempt>,
    pub(super) local: Option<String>,
    pub(super) hello: Option<String>,
    pub(super) greeting: Option<Said>,
    pub(super) offers: Vec<Offer>,
    pub(super) tls: Option<Box<TlsFacts>>,
    pub(super) tls_first: bool,
    pub(super) starttls: bool,
    pub(super) authenticated: bool,
    pub(super) opened: bool,
    pub(super) trips: Vec<RoundTrip>,
    /// What was not by the rules and let pass.
    pub(super) forgiven: BTreeSet<Leniency>,
    /// When the last thing happened.
    pub(super) since: Option<Instant>,
}

impl Notes {
    pub(super) fn happened(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Reply { to, reply } => self.replied(*to, *reply),
            Progress::Tls(facts) => {
                self.trip("TLS handshake", None);
                self.tls = Some(facts.clone());
            }
            // A 421 ends the session, whatever it answers.
            Progress::Fault(Fault::ServiceNotAvailable(reply)) if self.greeting.is_none() => {
                self.greeting = Some(Said::new(reply.as_reply()));
                self.trip("greeting", Some(reply.code().value()));
            }
            _ => {}
        }
    }

    fn replied(&mut self, to: ReplyTo, reply: Reply<'_>) {
        let command = match to {
            ReplyTo::Greeting => {
                self.greeting = Some(Said::new(reply));
                "greeting"
            }
            ReplyTo::Hello(verb) => {
                let command = match verb {
                    Verb::Helo => "HELO",
                    Verb::Lhlo => "LHLO",
                    _ => "EHLO",
                };
                if reply.severity() == Severity::PositiveCompletion {
                    self.offers.push(Offer::new(command, reply));
                }
                command
            }
            ReplyTo::StartTls => {
                self.starttls = reply.severity() == Severity::PositiveCompletion;
                "STARTTLS"
            }
            ReplyTo::Auth => "AUTH",
            ReplyTo::Quit => "QUIT",
            _ => "other",
        };
        self.trip(command, Some(reply.code().value()));
    }

    fn trip(&mut self, command: &str, code: Option<u16>) {
        let now = Instant::now();
        let since = self.since.replace(now).unwrap_or(now);
        let milliseconds = milliseconds(now - since);
        self.trips.push(RoundTrip { command: command.to_owned(), code, milliseconds });
    }
}

/// To a tenth of a microsecond.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 1e4
}
