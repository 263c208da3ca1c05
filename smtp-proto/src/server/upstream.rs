//! The questions of a proxy or filter that speaks for another client: XCLIENT and XFORWARD.

use super::{
    answer::{Desk, Leave},
    session::{Phase, Session},
};
use crate::{
    answer::{Acceptance, Rejection},
    command,
    sequence::State,
    status::Code,
    upstream::{Forwarded, Overrides},
};

/// What a session knows of a client upstream of its own, and who may tell it.
#[derive(Debug, Default)]
pub(super) struct Upstream {
    overrides: Overrides,
    /// Since the first XFORWARD, until the end of the transaction behind it.
    forwarded: Option<Forwarded>,
    xclient: bool,
    xforward: bool,
}

impl Session {
    fn upstream(&self) -> Option<&Upstream> {
        self.rare.as_ref()?.upstream.as_ref()
    }

    /// What XCLIENT has told.
    pub(super) fn overrides(&self) -> Option<&Overrides> {
        let upstream = self.upstream()?;
        (!upstream.overrides.is_empty()).then_some(&upstream.overrides)
    }

    /// What XFORWARD has told for this transaction or the next.
    pub(super) fn forwarded(&self) -> Option<&Forwarded> {
        self.upstream()?.forwarded.as_ref()
    }

    /// Says which of the two commands the client may use.
    pub(super) fn trust(&mut self, xclient: bool, xforward: bool) {
        if xclient || xforward || self.upstream().is_some() {
            let upstream = self.rare().upstream.get_or_insert_default();
            (upstream.xclient, upstream.xforward) = (xclient, xforward);
        }
    }

    pub(super) fn may_xclient(&self) -> bool {
        self.upstream().is_some_and(|upstream| upstream.xclient)
    }

    pub(super) fn may_xforward(&self) -> bool {
        self.upstream().is_some_and(|upstream| upstream.xforward)
    }

    /// What XFORWARD has told is for one transaction only.
    pub(super) fn forget_forwarded(&mut self) {
        if let Some(upstream) = self.rare.as_mut().and_then(|rare| rare.upstream.as_mut()) {
            upstream.forwarded = None;
        }
    }

    /// The session is at its beginning once more, with another client (XCLIENT_README). Inside TLS it
    /// stays, for turning that off would leave the connection in no state at all.
    fn begin_again(&mut self) {
        self.void();
        self.enter(State::Start);
        self.forget_forwarded();
        self.hello = None;
        self.tell_future_release(None);
        self.end_exchange();
        self.bad_commands = 0;
        // A login of before was the proxy's.
        let login = self.overrides().and_then(Overrides::login);
        self.authenticated = login.is_some_and(|login| login.known().is_some());
        // Who may go on with this is a question about the new client.
        self.trust(false, false);
        self.phase = Phase::Greeting;
    }
}

/// The question whether to take the client for another (XCLIENT).
#[derive(Debug)]
#[must_use]
pub struct XClient<'s> {
    pub(super) desk: Desk<'s>,
    pub(super) command: command::XClient<'s>,
}

impl<'s> XClient<'s> {
    /// What the client says.
    pub fn attributes(&self) -> command::XClient<'s> {
        self.command
    }

    /// Believes it. The session begins again: [`Event::Connected`](super::Event::Connected) is asked
    /// with the new [overrides](super::Connected::overrides), and its answer is the reply, 220 if it
    /// is to accept. A login counts no more, unless XCLIENT itself tells one.
    pub fn accept(mut self) {
        self.desk.note_accept(&Acceptance::default());
        self.desk.done(Leave::Now);
        let session = self.desk.session;
        session.rare().upstream.get_or_insert_default().overrides.update(&self.command);
        session.begin_again();
    }

    /// Refuses; the session goes on as it was.
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.reject(&rejection, Leave::Now);
    }
}

/// The question whether to take note of the client upstream (XFORWARD).
#[derive(Debug)]
#[must_use]
pub struct XForward<'s> {
    pub(super) desk: Desk<'s>,
    pub(super) command: command::XForward<'s>,
}

impl<'s> XForward<'s> {
    /// What the client says.
    pub fn attributes(&self) -> command::XForward<'s> {
        self.command
    }

    /// Takes note of it for the next transaction: 250. Until the first of these, nothing was told;
    /// from there on, what was not told is unavailable, and the session's own is not put in its place.
    pub fn accept(mut self) {
        self.desk.note_accept(&Acceptance::default());
        let upstream = self.desk.session.rare().upstream.get_or_insert_default();
        upstream.forwarded.get_or_insert_default().update(&self.command);
        self.desk.grant(Code::OK, (0, 0), "XFORWARD noted", Leave::Together);
    }

    /// Refuses; what was told before stays.
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.reject(&rejection, Leave::Together);
    }
}
