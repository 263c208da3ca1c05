//! The machine's questions, put to the backend.

use std::{
    ops::Deref,
    time::{SystemTime, UNIX_EPOCH},
};

use smtp_proto::{
    answer::Rejection, auth::server::Step as Exchange, parameter::DateTime, sequence::State,
    server::Event,
};

use super::{Conversation, Then};
use crate::{
    observer::Asked,
    server::{Core, late::Named, upstream},
    session::{Backend, Recipient, Sender, Session, Waiting},
};

/// The time of day, which the machine does not know.
fn now() -> Option<DateTime> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    DateTime::from_unix(i64::try_from(since.as_secs()).ok()?)
}

impl<C: Deref<Target = Core<B>> + Send + Sync, B: Backend> Conversation<C, B> {
    /// Answers what the machine asks, or takes what it tells.
    pub(super) async fn answer(&mut self) -> Then {
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
}
