//! A client that plays a dialog, and what it is told.

use bytes::Bytes;
use smtp_proto::{
    client::{
        Cause, Event, Misuse, Opening, OpeningStep, Retry, Status, Transaction, TransactionStep,
    },
    wire::Step,
};

use super::Link;

#[derive(Debug)]
pub(super) struct Play<L> {
    pub(super) link: L,
    pub(super) events: Vec<String>,
    pub(super) misuse: Option<Misuse>,
    pub(super) opening: Option<Opening<'static>>,
    pub(super) transaction: Option<Transaction<'static>>,
    pub(super) body: Option<Bytes>,
    /// The body once more, where it can be had.
    pub(super) again: Option<Bytes>,
    ended: bool,
    turned: bool,
    reported: Vec<String>,
}

impl<L: Link> Play<L> {
    pub(super) fn new(link: L) -> Self {
        Self {
            link,
            events: Vec::new(),
            misuse: None,
            opening: None,
            transaction: None,
            body: None,
            again: None,
            ended: false,
            turned: false,
            reported: Vec::new(),
        }
    }

    pub(super) fn feed(&mut self, octets: &[u8]) {
        self.settle();
        self.link.send(octets);
        self.settle();
    }

    /// The outcomes that were reported, and what was played over.
    pub(super) fn end(mut self) -> (Vec<String>, L) {
        self.report();
        (self.reported, self.link)
    }

    pub(super) fn report(&mut self) {
        let Some(transaction) = self.transaction.take() else {
            return;
        };
        let report = transaction.report();
        for outcome in report.outcomes() {
            let status = match outcome.status() {
                Status::Delivered => "delivered",
                Status::Rejected => "rejected",
                Status::Deferred => "deferred",
                Status::InDoubt => "in doubt",
            };
            let mut told = match (outcome.reply(), outcome.cause()) {
                (Some(reply), _) => format!("{status} {}", reply.code().value()),
                (None, Cause::Limit(limit)) => {
                    format!("{status} {} {:?}", limit.name(), outcome.retry())
                }
                (None, Cause::Local(rejection)) => format!("{status} {}", rejection.enhanced()),
                (None, _) => status.to_owned(),
            };
            if outcome.retry() == Retry::AtOnce && outcome.reply().is_some() {
                told.push_str(" AtOnce");
            }
            self.reported.push(told);
        }
        if !report.downgrades().is_empty() {
            let without: Vec<_> =
                report.downgrades().iter().map(|one| format!("{one:?}")).collect();
            self.reported.push(format!("without {}", without.join(" ")));
        }
    }

    pub(super) fn settle(&mut self) {
        for _ in 0..100_000 {
            let wants_body = self.next();
            match self.link.advance() {
                Step::Event if self.turned => return,
                Step::Event => self.event(),
                Step::Idle if wants_body => {
                    let transaction = self.transaction.as_mut().unwrap();
                    let result = match self.body.take() {
                        Some(body) => transaction.body(self.link.client(), body),
                        None => transaction.end_of_body(self.link.client()),
                    };
                    if let Err(misuse) = result {
                        self.misuse = Some(misuse);
                        return;
                    }
                }
                Step::Close => {
                    if !core::mem::replace(&mut self.ended, true) {
                        self.events.push("Close".to_owned());
                    }
                    return;
                }
                Step::Read | Step::Write | Step::Idle => return,
            }
        }
        panic!("the client spins: {:?}", self.link.client());
    }

    /// Lets the opening or the transaction go on; whether content is wanted.
    fn next(&mut self) -> bool {
        if let Some(opening) = &mut self.opening {
            match opening.next(self.link.client()) {
                OpeningStep::Await => {}
                OpeningStep::Ready => {
                    self.events.push("Ready".to_owned());
                    self.opening = None;
                }
                OpeningStep::Failed(error) => {
                    let error = format!("{error:?}");
                    let name = error.split(['(', ' ']).next().unwrap_or_default().to_owned();
                    self.events.push(format!("Failed {name} {error}"));
                    self.opening = None;
                }
            }
        }
        let Some(transaction) = &mut self.transaction else {
            return false;
        };
        match transaction.next(self.link.client()) {
            Ok(TransactionStep::Body) => return true,
            Ok(TransactionStep::Await) => {}
            Ok(TransactionStep::Rewind) => {
                match self.again.clone() {
                    Some(again) => {
                        self.body = Some(again);
                        transaction.rewound();
                    }
                    None => transaction.cannot_rewind(),
                }
                return self.next();
            }
            Ok(TransactionStep::Done) => self.report(),
            Err(misuse) => {
                self.misuse = Some(misuse);
                self.transaction = None;
            }
        }
        false
    }

    fn event(&mut self) {
        match self.link.client().event() {
            Some(Event::Reply { to, reply }) => {
                let name = format!("{to:?}");
                let name = name.split([' ', '(']).next().unwrap_or_default();
                self.events.push(format!("{name} {}", reply.code().value()));
                if let Some(opening) = &mut self.opening {
                    opening.reply(to, reply);
                } else if let Some(transaction) = &mut self.transaction {
                    transaction.reply(to, reply);
                }
            }
            Some(Event::UpgradeTls) => self.events.push("UpgradeTls".to_owned()),
            // Told until somebody takes the connection, which nobody does here.
            Some(Event::Turned(_)) => {
                self.turned = true;
                self.events.push("Turned".to_owned());
            }
            Some(Event::Fault(fault)) => {
                let told = format!("{fault:?}");
                let name = told.split(['(', ' ']).next().unwrap_or_default();
                self.events.push(format!("Fault {name}"));
                if let Some(opening) = &mut self.opening {
                    opening.fault(fault);
                } else if let Some(transaction) = &mut self.transaction {
                    transaction.fault(self.link.client(), fault);
                }
            }
            Some(Event::Leniency(leniency)) => {
                self.events.push(format!("Leniency {}", leniency.switch()));
            }
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}
