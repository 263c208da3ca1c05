//! What a server tells those who count: an [`Observer`], and what it hears of.
//!
//! What becomes of a message that a client sends is another [`Outcome`](smtp_proto::client::Outcome), and the trace
//! field another [`Received`](smtp_proto::trace::Received).

use std::{io, net::SocketAddr, time::Duration};

use smtp_proto::status::Code;

use crate::{
    server::Refusal,
    session::{End, Facts},
};

/// Hears of what a server does: for counters, times and alarms.
///
/// Every method does nothing by default. They are called in the task of a session or a listener, and must
/// neither block nor panic. Without an observer no clock is read for it. What is said, line by line, is told to
/// [`Server::trace`](crate::Server::trace): commands that never reach a handler, such as NOOP or what is
/// malformed, only there.
pub trait Observer: Send + Sync + 'static {
    /// A client was let in; the number of its session and its address are in `facts`. It is followed by
    /// [`closed`](Self::closed).
    fn accepted(&self, facts: &Facts) {
        let _ = facts;
    }

    /// A client was turned away before it had a session.
    fn refused(&self, peer: Option<SocketAddr>, refusal: Refusal) {
        let _ = (peer, refusal);
    }

    /// The system did not let a listener accept or serve: it has no descriptors, no threads or no memory
    /// left, or something is wrong with the network. The listener goes on, after a pause of a second at
    /// most.
    fn accept_failed(&self, error: &io::Error) {
        let _ = error;
    }

    /// A TLS handshake is over; what it settled is in `facts`.
    fn handshake(&self, facts: &Facts, result: Result<(), &io::Error>, time: Duration) {
        let _ = (facts, result, time);
    }

    /// A handler has answered, or was too late.
    fn answered(&self, facts: &Facts, answer: &Answered) {
        let _ = (facts, answer);
    }

    /// An AUTH exchange is over. Who has logged in is in `facts`.
    fn authentication(&self, facts: &Facts, mechanism: &str, success: bool) {
        let _ = (facts, mechanism, success);
    }

    /// A message is over.
    fn message(&self, facts: &Facts, message: &Received) {
        let _ = (facts, message);
    }

    /// A session is over, so long after the client was let in.
    fn closed(&self, facts: &Facts, end: &End, time: Duration) {
        let _ = (facts, end, time);
    }
}

/// An answer of a handler to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// What was asked.
    pub asked: Asked,
    /// What came of it.
    pub outcome: Outcome,
    /// How long the handler took. For a client that has connected, it is the time to its greeting.
    pub time: Duration,
}

/// What a handler is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Asked {
    /// [`Backend::connect`](crate::Backend::connect).
    Connect,
    /// [`Session::hello`](crate::Session::hello).
    Hello,
    /// [`Session::answer`](crate::Session::answer), perhaps several times, or nothing: a step of AUTH.
    Auth,
    /// [`Session::mail`](crate::Session::mail).
    Mail,
    /// [`Session::rcpt`](crate::Session::rcpt).
    Rcpt,
    /// [`Session::verify`](crate::Session::verify).
    Verify,
    /// [`Session::etrn`](crate::Session::etrn).
    Etrn,
    /// [`Session::atrn`](crate::Session::atrn).
    Atrn,
    /// [`Session::extension`](crate::Session::extension).
    Extension,
}

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It was accepted.
    Accepted,
    /// It was refused, with this code.
    Rejected(Code),
    /// The handler was too late and has been dropped.
    TimedOut,
}

/// A message that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Octets that the handler read.
    pub octets: u64,
    /// Recipients that were accepted for it.
    pub recipients: usize,
    /// Recipients for whom the handler took it: all or none, but for LMTP.
    pub delivered: usize,
    /// What the handler said; in LMTP the first that is not an acceptance, if there is one. `None` for a
    /// message that was void before: too big, malformed, or given up by the client.
    pub outcome: Option<Outcome>,
    /// From the command by which it came to the handler's answer.
    pub time: Duration,
    /// From its end to the handler's answer, where the handler has read it to its end.
    pub delivery: Option<Duration>,
}
