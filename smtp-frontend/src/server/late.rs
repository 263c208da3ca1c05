//! Handlers that are too late, or are dropped.

use std::ops::Deref;

use smtp_proto::{answer::Rejection, server::Event, status::Code};

use super::{
    Core,
    conversation::{Conversation, Then},
};
use crate::{
    observer::Asked,
    session::{Backend, Facts, Session},
};

impl<C: Deref<Target = Core<B>> + Send + Sync, B: Backend> Conversation<C, B> {
    /// The handler did not answer in time, and what was asked is asked still.
    pub(super) fn late(&mut self) -> Then {
        const LATE: Rejection<'static> = Rejection::ANSWER_TIMEOUT;
        let asked = match self.link.machine().event() {
            // Whether the client would be served, nobody knows.
            Some(Event::Connected(question)) => {
                question.reject(LATE.with_code(Code::SERVICE_NOT_AVAILABLE).unwrap_or(LATE));
                Asked::Connect
            }
            Some(Event::Hello(question)) => {
                question.reject(LATE);
                Asked::Hello
            }
            Some(Event::Auth(question)) => {
                question.reject(Rejection::AUTH_UNAVAILABLE);
                Asked::Auth
            }
            Some(Event::Mail(question)) => {
                question.reject(LATE);
                Asked::Mail
            }
            Some(Event::Rcpt(question)) => {
                question.reject(LATE);
                Asked::Rcpt
            }
            Some(Event::Verify(question)) => {
                question.reject(LATE);
                Asked::Verify
            }
            Some(Event::Etrn(question)) => {
                question.reject(LATE);
                Asked::Etrn
            }
            Some(Event::Atrn(question)) => {
                question.reject(LATE);
                Asked::Atrn
            }
            Some(Event::Extension(question)) => {
                question.reject(LATE);
                Asked::Extension
            }
            // No other waits for a handler.
            _ => return Then::Abort,
        };
        self.note.late(asked);
        if let Some(session) = self.session.as_mut() {
            session.timed_out();
        }
        Then::Nothing
    }
}

/// The name of a hello, for as long as the handler has not said what it thinks of it.
pub(super) struct Named<'f> {
    pub(super) facts: &'f mut Facts,
    before: Option<Box<str>>,
    pub(super) is_kept: bool,
}

impl<'f> Named<'f> {
    pub(super) fn new(facts: &'f mut Facts, name: Box<str>) -> Self {
        let before = facts.hello.replace(name);
        Self { facts, before, is_kept: false }
    }
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.facts.hello = self.before.take();
        }
    }
}
