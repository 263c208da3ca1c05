//! The questions of hosts that want what waits for them: ETRN and ATRN, and the turn of roles that
//! ATRN brings.

use super::{
    Server,
    answer::{Desk, Leave},
    session::Phase,
};
use crate::{
    answer::{Acceptance, Rejection},
    client::{self, Client},
    command::{DomainList, Node},
    sequence::State,
    status::Code,
    wire::Wire,
};

/// The question whether to send what waits for a host, over another connection (RFC 1985).
///
/// It is answered at once, however long the queue is: that something was started, not that it is done.
#[derive(Debug)]
#[must_use]
pub struct Etrn<'s> {
    pub(super) desk: Desk<'s>,
    pub(super) node: Node<'s>,
}

impl<'s> Etrn<'s> {
    /// For whom.
    pub fn node(&self) -> Node<'s> {
        self.node
    }

    /// 250: the queue was started, whether or not anything is in it.
    pub fn accept(self) {
        self.say(Acceptance::default(), Code::OK, "queuing started for");
    }

    /// 251: nothing waits for this node.
    pub fn nothing_waits(self) {
        self.say(Acceptance::default(), Code::WILL_FORWARD, "no messages waiting for");
    }

    /// 252: what waits is being sent.
    pub fn pending_started(self) {
        self.say(Acceptance::default(), Code::CANNOT_VERIFY, "pending messages started for");
    }

    /// 253: so many messages are being sent.
    pub fn messages_started(self, messages: u64) {
        let messages = alloc::format!("{messages}");
        let text = alloc::format!("{messages} pending messages started for");
        self.say(Acceptance::new(messages), Code::MESSAGES_STARTED, &text);
    }

    fn say(mut self, answer: Acceptance<'_>, code: Code, text: &str) {
        if let Ok(answer) = answer.with_code(code) {
            self.desk.note_accept(&answer);
        }
        let text = alloc::format!("{text} {}", self.node);
        self.desk.grant(code, (5, 0), &text, Leave::Now);
    }

    /// Refuses, by custom [`Rejection::CANNOT_QUEUE`] (458) or [`Rejection::NODE_NOT_ALLOWED`] (459).
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.reject(&rejection, Leave::Now);
    }
}

/// The question whether to send the customer its mail over this connection (RFC 2645).
///
/// The client has authenticated. If it has access to only some of the domains, the whole is refused
/// (section 5.2.1).
#[derive(Debug)]
#[must_use]
pub struct Atrn<'s> {
    pub(super) desk: Desk<'s>,
    pub(super) domains: Option<DomainList<'s>>,
}

impl<'s> Atrn<'s> {
    /// Whose mail; `None` for all domains the customer has access to.
    pub fn domains(&self) -> Option<DomainList<'s>> {
        self.domains
    }

    /// 250: the roles turn. [`Event::Turned`](super::Event::Turned) follows once that is written.
    pub fn accept(mut self) {
        self.desk.note_accept(&Acceptance::default());
        self.desk.grant(Code::OK, (0, 0), "OK now reversing the connection", Leave::Now);
        self.desk.session.enter(State::Turned);
        self.desk.session.phase = Phase::Turn;
    }

    /// Refuses, by custom [`Rejection::DOMAINS_DENIED`] (450), [`Rejection::NO_MAIL_WAITING`] (453) or
    /// [`Rejection::LOCAL_ERROR`] (451).
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.reject(&rejection, Leave::Now);
    }
}

/// The roles have turned: the connection is the application's, which goes on as a client.
///
/// A token like that of a question: dropped, it is told again.
#[derive(Debug)]
#[must_use]
pub struct Turned<'s>(pub(super) &'s mut Server);

impl Turned<'_> {
    /// The client on this connection, which awaits the greeting of who was the client before. What
    /// has come in already is kept, and so are TLS and the transcript. The server's own session is
    /// over: put the client in its place.
    pub fn into_client(self, config: client::Config) -> Client {
        let server = self.0;
        let closed = Wire::new(0, server.session.config.timeouts.closing);
        let wire = core::mem::replace(&mut server.wire, closed);
        let tls = server.session.tls;
        server.session.close(None);
        Client::turned(wire, config, tls)
    }
}
