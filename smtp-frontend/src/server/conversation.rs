//! The machine's questions, put to the backend.

use std::{
    io,
    ops::Deref,
    pin::pin,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use smtp_proto::{
    answer::{Acceptance, Rejection},
    auth::server::{Mechanism, Step as Exchange},
    fault::Fault,
    parameter::DateTime,
    sequence::{Protocol, State},
    server::Event,
    wire::{Endpoint, Step},
};

use super::{
    Core, Link, Pace,
    deadline::{HELD, InTime, in_time},
    late::Named,
    observe::{Finished, Note},
    run::{describe, handshake, learn_tls, part},
    upstream,
};
use crate::{
    body::{Body, Progress},
    observer::Asked,
    session::{Backend, End, Facts, Recipient, Sender, Session, Waiting},
};

/// What a handler said of a message; in LMTP of each recipient.
pub(super) type Answers = Box<[Result<Acceptance<'static>, Rejection<'static>>]>;

/// The time of day, which the machine does not know.
fn now() -> Option<DateTime> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    DateTime::from_unix(i64::try_from(since.as_secs()).ok()?)
}

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

    async fn answer(&mut self) -> Then {
        let Self { core, link, facts, session, recipients, answers, aside, note } = self;
        let continued = link.machine().state() == State::Auth;
        let Some(event) = link.machine().event() else {
            return Then::Nothing;
        };
        // News, and what needs no session.
        let event = match event {
            Event::Connected(client) => {
                if let Some(overrides) = client.overrides() {
                    upstream::learn(facts, overrides);
                    *aside = None;
                }
                let client = core.allow(client, facts);
                let answer = core.backend.connect(facts).await;
                note.take_down(Asked::Connect, answer.as_ref().err());
                match answer {
                    Ok(new) => {
                        *session = Some(new);
                        client.accept();
                    }
                    Err(rejection) => client.reject(rejection),
                }
                return Then::Nothing;
            }
            Event::StartTls(question) => {
                if core.has_tls() {
                    question.accept();
                } else {
                    question.reject(Rejection::TLS_UNAVAILABLE);
                }
                return Then::Nothing;
            }
            Event::UpgradeTls { .. } => return Then::Tls,
            Event::Turned(_) => return Then::Turn,
            Event::Fault(news) => {
                aside.get_or_insert_default().fault = Some(news);
                return Then::Nothing;
            }
            Event::Leniency(leniency) => {
                if let Some(session) = session {
                    session.leniency(leniency);
                }
                return Then::Nothing;
            }
            Event::Reset => return Then::Over,
            // What a handler did not wait for.
            Event::Body(_) => return Then::Nothing,
            question => question,
        };
        // A client that was turned away can ask nothing more.
        let Some(session) = session.as_mut() else {
            return Then::Abort;
        };
        match event {
            Event::Hello(question) => {
                let mut named = Named::new(facts, question.name().to_string().into());
                let answer = session.hello(named.facts).await;
                note.take_down(Asked::Hello, answer.as_ref().err());
                match answer {
                    Ok(()) => {
                        named.is_kept = true;
                        question.accept();
                        return Then::Learn;
                    }
                    Err(rejection) => question.reject(rejection),
                }
            }
            Event::Auth(question) => {
                // A client may cancel an exchange, of which only the state of the session tells.
                let begun = aside.take().and_then(|aside| aside.exchange).filter(|_| continued);
                let mechanism = begun.or_else(|| core.mechanism(&question));
                let Some(mut mechanism) = mechanism else {
                    question.reject(Rejection::AUTH_UNAVAILABLE);
                    return Then::Nothing;
                };
                let mut step = mechanism.step(question.response());
                while let Exchange::Ask(asked) = step {
                    // In a box, as for a message: few sessions ever log in, and all own the room.
                    step = mechanism.answer(Box::pin(session.answer(&asked, facts)).await);
                }
                let is_over = !matches!(step, Exchange::Challenge(_));
                if !is_over {
                    aside.get_or_insert_default().exchange = Some(mechanism);
                }
                let refusal = match &step {
                    Exchange::Challenge(_) | Exchange::Accept(_) => None,
                    Exchange::Refuse(rejection) => Some(rejection),
                    _ => Some(&Rejection::BAD_CREDENTIALS),
                };
                note.take_down(Asked::Auth, refusal);
                let observer = core.observer.as_ref().filter(|_| is_over);
                let observed = observer.map(|it| (it, Box::<str>::from(question.mechanism())));
                let identity = question.follow(step);
                let success = identity.is_some();
                if let Some(identity) = identity {
                    facts.identity = Some(identity.name().into());
                }
                if let Some((observer, mechanism)) = observed {
                    observer.authentication(facts, &mechanism, success);
                }
                if success {
                    return Then::Learn;
                }
            }
            Event::Mail(question) => {
                let question = match now() {
                    Some(now) => question.at(now),
                    None => Some(question),
                };
                let Some(question) = question else {
                    return Then::Nothing;
                };
                (*recipients, *answers) = (0, None);
                facts.set_forwarded(question.forwarded());
                let from = Sender {
                    reverse_path: question.reverse_path(),
                    parameters: question.parameters(),
                    facts,
                };
                let answer = session.mail(&from).await;
                note.take_down(Asked::Mail, answer.as_ref().err());
                match answer {
                    Ok(()) => question.accept(),
                    Err(rejection) => question.reject(rejection),
                }
            }
            Event::Rcpt(question) => {
                let to = Recipient {
                    forward_path: question.forward_path(),
                    parameters: question.parameters(),
                    index: *recipients,
                    facts,
                };
                let answer = session.rcpt(&to).await;
                note.take_down(Asked::Rcpt, answer.as_ref().err());
                match answer {
                    Ok(()) => {
                        question.accept();
                        *recipients += 1;
                    }
                    Err(rejection) => question.reject(rejection),
                }
            }
            Event::Data(question) => {
                let declared_size = question.declared_size();
                question.accept();
                return Then::Message(declared_size);
            }
            Event::Delivery(question) => {
                let recipient = question.recipient();
                let index =
                    recipient.map_or(0, |index| usize::try_from(index).unwrap_or(usize::MAX));
                let last = recipient.is_none() || index.saturating_add(1) >= *recipients;
                match answers.as_deref().unwrap_or_default().get(index) {
                    Some(Ok(acceptance)) => question.accept_with(acceptance.clone()),
                    Some(Err(rejection)) => question.reject(rejection.clone()),
                    None => question.reject(Rejection::LOCAL_ERROR),
                }
                if last {
                    return Then::Over;
                }
            }
            Event::Verify(question) => {
                let answer = session.verify(question.verb(), question.text().as_str()).await;
                note.take_down(Asked::Verify, answer.as_ref().err());
                match answer {
                    Ok(Some(mailboxes)) => question.accept_with(&mailboxes),
                    Ok(None) => question.cannot_verify(),
                    Err(rejection) => question.reject(rejection),
                }
            }
            Event::Burl(question) => match answers.as_deref() {
                // The handler reads it as part of the message.
                None => return Then::Message(question.declared_size()),
                // It did not wait for this.
                Some([Err(rejection), ..]) => question.reject(rejection.clone()),
                Some(_) => question.accept(0),
            },
            Event::Etrn(question) => {
                let answer = session.etrn(question.node(), facts).await;
                note.take_down(Asked::Etrn, answer.as_ref().err());
                match answer {
                    Ok(Waiting::Unknown) => question.accept(),
                    Ok(Waiting::Nothing) => question.nothing_waits(),
                    Ok(Waiting::Something) => question.pending_started(),
                    Ok(Waiting::Messages(messages)) => question.messages_started(messages),
                    Err(rejection) => question.reject(rejection),
                }
            }
            Event::Atrn(question) => {
                let answer = session.atrn(question.domains(), facts).await;
                note.take_down(Asked::Atrn, answer.as_ref().err());
                match answer {
                    Ok(()) => question.accept(),
                    Err(rejection) => question.reject(rejection),
                }
            }
            // Who may say it was judged when it was offered.
            Event::XClient(question) => question.accept(),
            Event::XForward(question) => question.accept(),
            Event::Extension(question) => {
                let argument = question.argument();
                let argument = argument.as_ref().map(|argument| argument.as_str());
                let answer = session.extension(question.verb(), argument).await;
                note.take_down(Asked::Extension, answer.as_ref().err());
                match answer {
                    Ok(acceptance) => question.accept_with(acceptance),
                    Err(rejection) => question.reject(rejection),
                }
            }
            // A question that would be asked for ever.
            _ => return Then::Abort,
        }
        Then::Nothing
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
        let time = driver.endpoint_mut().wire().timer().after.min(self.core.handshake);
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
