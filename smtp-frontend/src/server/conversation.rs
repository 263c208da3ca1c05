//! A session from step to step, its messages and its handshake.

mod questions;

use std::{io, ops::Deref, pin::pin, time::Instant};

#[cfg(feature = "tls")]
use smtp_proto::wire::Endpoint;
use smtp_proto::{
    answer::{Acceptance, Rejection},
    auth::server::Mechanism,
    fault::Fault,
    sequence::Protocol,
    wire::Step,
};

use super::{
    Core, Link, Pace,
    deadline::{HELD, InTime, in_time},
    observe::{Finished, Note},
    run::{describe, handshake, learn_tls, part},
};
use crate::{
    body::{Body, Progress},
    session::{Backend, End, Facts, Session},
};

/// What a handler said of a message; in LMTP of each recipient.
pub(super) type Answers = Box<[Result<Acceptance<'static>, Rejection<'static>>]>;

/// A session and all that belongs to it.
pub(super) struct Conversation<C: Deref<Target = Core<B>>, B: Backend> {
    pub(super) core: C,
    pub(super) link: Link,
    pub(super) facts: Facts,
    /// Since the greeting.
    pub(super) session: Option<B::Session>,
    /// Recipients accepted in this transaction.
    pub(super) recipients: usize,
    /// What the handler said of the message under way, until that has come whole.
    answers: Option<Answers>,
    /// In a box, as an idle session has nothing of it.
    aside: Option<Box<Aside>>,
    /// What there is to tell an observer.
    pub(super) note: Note,
}

/// What few sessions have, or only at their end.
#[derive(Default)]
struct Aside {
    exchange: Option<Box<dyn Mechanism>>,
    /// Why the session is about to end.
    fault: Option<Fault>,
}

/// What is to be done when a question is answered.
pub(super) enum Then {
    Nothing,
    /// Hand over the message, whose size was declared as this.
    Message(Option<u64>),
    /// The transaction is over or void.
    Over,
    /// How the message comes may have changed.
    Learn,
    Tls,
    /// Who was the client is the server from here on.
    Turn,
    /// Nobody can answer: end the session.
    Abort,
}

impl<C: Deref<Target = Core<B>> + Send + Sync, B: Backend> Conversation<C, B> {
    pub(super) fn new(core: C, link: Link, facts: Facts) -> Self {
        Self {
            core,
            link,
            facts,
            session: None,
            recipients: 0,
            answers: None,
            aside: None,
            note: Note::default(),
        }
    }

    /// Tells what was said since the last time.
    pub(super) fn tell(&mut self) {
        self.link.tell(self.core.trace.as_ref(), &self.facts);
    }

    /// Tells the handler that it is over, and closes the connection.
    pub(super) async fn close(&mut self, end: End) -> End {
        if let Some(session) = self.session.as_mut() {
            let patience = self.core.patience.answer;
            in_time(self.core.clock, || Some((0, patience)), session.closed(&end)).await;
        }
        part(&mut self.link, &end).await;
        end
    }

    /// One step; the end, if it was the last.
    pub(super) async fn turn(&mut self) -> Option<End> {
        match self.link.next().await {
            Ok(Step::Event) => {}
            Ok(Step::Close) => {
                let fault = self.aside.take().and_then(|aside| aside.fault);
                return Some(fault.map_or(End::Regular, End::Fault));
            }
            // Nothing a server can be in but the handshake, which is done where it begins.
            Ok(_) => return Some(End::Fault(Fault::Closed)),
            Err(error) => return Some(End::Io(error)),
        }
        // In a box, as what a question needs is several times what an idle session owns.
        Box::pin(self.event()).await
    }

    /// Answers one question, or takes one piece of news.
    async fn event(&mut self) -> Option<End> {
        let asked_at = self.core.observed_now();
        let answer = self.answer_in_time().await;
        let then = match answer.output {
            Some(then) => then,
            None => self.late(),
        };
        if let Some(since) = answer.since {
            self.hold(since);
        }
        self.observe_answer(asked_at);
        match then {
            Then::Nothing => None,
            Then::Message(declared_size) => {
                self.learn();
                // Again in a box: what a handler of messages needs, no other question has to have room for.
                Box::pin(self.message(declared_size)).await
            }
            Then::Over => {
                self.over();
                None
            }
            Then::Learn => {
                self.learn();
                None
            }
            Then::Abort => {
                self.link.machine().abort(Rejection::LOCAL_ERROR);
                None
            }
            Then::Turn => Some(Box::pin(self.turned()).await),
            Then::Tls => Box::pin(self.start_tls()).await.err().map(End::Tls),
        }
    }

    /// No answer when the backend took too long.
    async fn answer_in_time(&mut self) -> InTime<Then> {
        let (clock, patience) = (self.core.clock, self.core.patience.answer);
        in_time(clock, || Some((0, patience)), pin!(self.answer())).await
    }

    /// A handler has worked since then: whoever waits for replies is not to wait for all of a group.
    fn hold(&mut self, since: Instant) {
        let worked = self.core.clock.now().saturating_duration_since(since).as_millis();
        let held = &mut self.link.held;
        *held = held.saturating_add(u16::try_from(worked).unwrap_or(u16::MAX));
        if *held >= HELD {
            *held = 0;
            self.link.machine().release();
        }
    }

    /// Has the handler read the message.
    async fn message(&mut self, declared_size: Option<u64>) -> Option<End> {
        let begun = self.core.observed_now();
        let session = self.session.as_mut()?;
        let (clock, patience, pace) = (self.core.clock, self.core.patience, Pace::default());
        let turn = || pace.turn(patience);
        let mut body = Body {
            link: &mut self.link,
            facts: &self.facts,
            fetch: &*self.core,
            pace: &pace,
            recipients: self.recipients,
            declared_size,
            progress: Progress::Open,
            leniencies: Vec::new(),
            octets: 0,
            clock: begun.map(|_| clock),
            ended: None,
        };
        let answers = match self.facts.protocol {
            Protocol::Lmtp => {
                let answers = in_time(clock, turn, pin!(session.message_lmtp(&mut body))).await;
                answers.output.map(Into::into)
            }
            Protocol::Smtp => {
                let answer = in_time(clock, turn, pin!(session.message(&mut body))).await;
                answer.output.map(|answer| Box::new([answer]) as Answers)
            }
        };
        let is_late = answers.is_none();
        let answers: Answers = answers.unwrap_or_else(|| {
            session.timed_out();
            vec![Err(Rejection::ANSWER_TIMEOUT); self.recipients.max(1)].into()
        });
        for leniency in core::mem::take(&mut body.leniencies) {
            session.leniency(leniency);
        }
        let Body { progress, octets, ended, .. } = body;
        let is_void = matches!(progress, Progress::Void | Progress::Lost(_));
        let answered = if is_late { Err(()) } else { Ok(&answers) };
        self.observe_message(Finished {
            begun,
            ended,
            octets,
            answers: (!is_void).then_some(answered),
            is_lmtp: self.facts.protocol == Protocol::Lmtp,
        });
        match progress {
            Progress::Open => {
                // It is not read to its end: the machine does that. In LMTP each recipient gets its
                // own answer then.
                if let (Protocol::Smtp, [Err(rejection), ..]) = (self.facts.protocol, &*answers) {
                    self.link.machine().refuse_message(rejection.clone());
                    if let Some(session) = self.session.as_mut() {
                        session.reset();
                    }
                }
                self.answers = Some(answers);
            }
            Progress::Whole => self.answers = Some(answers),
            Progress::Void => self.over(),
            Progress::Lost(End::Fault(fault)) => {
                self.aside.get_or_insert_default().fault = Some(fault);
                self.over();
            }
            Progress::Lost(End::Io(error)) => return Some(End::Io(error)),
            Progress::Lost(_) => self.over(),
        }
        None
    }

    /// The transaction is over or void.
    fn over(&mut self) {
        self.answers = None;
        self.recipients = 0;
        self.facts.set_forwarded(None);
        if let Some(session) = self.session.as_mut() {
            session.reset();
        }
    }

    fn learn(&mut self) {
        self.facts.transmission_type = self.link.machine().transmission_type();
    }

    /// The handshake. What was known before is forgotten (RFC 3207 section 4.2).
    pub(super) async fn start_tls(&mut self) -> io::Result<()> {
        let driver = &mut *self.link.driver;
        driver.flush().await?;
        let time = driver.endpoint_mut().config().handshake_timeout().min(self.core.handshake);
        let begun = self.core.observed_now();
        let result = handshake(&self.core, driver, time).await;
        if result.is_ok() {
            driver.endpoint_mut().tls_started();
            describe(driver);
            learn_tls(driver.stream(), &mut self.facts);
        }
        self.observe_handshake(begun, &result);
        result?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.facts.tls {
            self.link.driver.endpoint_mut().wire().remark(tls);
        }
        self.facts.hello = None;
        self.facts.identity = None;
        self.facts.transmission_type = "";
        Ok(())
    }
}
