//! The content of a message on its way in.

use std::{fmt, io, time::Instant};

use bytes::{Bytes, BytesMut};
use smtp_proto::{answer::Rejection, profile::Leniency, server::Event, wire::Step};

use crate::{
    server::{Fetch, Link, Pace},
    session::{End, Facts},
    time::Clock,
};

/// The content of a message, dots removed and what BURL names fetched. It is read when it is asked for, so that a
/// slow reader slows the client.
pub struct Body<'s> {
    pub(crate) link: &'s mut Link,
    pub(crate) facts: &'s Facts,
    pub(crate) fetch: &'s dyn Fetch,
    pub(crate) pace: &'s Pace,
    pub(crate) recipients: usize,
    pub(crate) declared_size: Option<u64>,
    pub(crate) progress: Progress,
    /// What the message was forgiven, for when the handler has returned.
    pub(crate) leniencies: Vec<Leniency>,
    /// How many were read.
    pub(crate) octets: u64,
    /// Where somebody wants to know when the end was read.
    pub(crate) clock: Option<Clock>,
    pub(crate) ended: Option<Instant>,
}

/// How far a body has come.
#[derive(Debug)]
pub(crate) enum Progress {
    /// There may be more.
    Open,
    /// It has come whole, and the question what became of it is open.
    Whole,
    /// The message is void.
    Void,
    /// The session is over.
    Lost(End),
}

/// Why a body was not read to its end. Whatever the handler answers then, nobody hears it, except after
/// [`TooBig`](Self::TooBig).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The message is void: it is too big or holds what it must not, or the client gave it up. The
    /// core says so to the client by itself.
    #[error("the message is void")]
    Reset,
    /// The connection is gone.
    #[error("the connection ended within the message")]
    Connection,
    /// More content than [`read_to_end`](Body::read_to_end) was to take.
    #[error("the message is bigger than asked for")]
    TooBig,
}

/// For `?` in a handler. Only after [`BodyError::TooBig`] the client hears it.
impl From<BodyError> for Rejection<'static> {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooBig => Self::MESSAGE_TOO_BIG,
            BodyError::Reset | BodyError::Connection => Self::LOCAL_ERROR,
        }
    }
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        Self::other(error)
    }
}

impl Body<'_> {
    /// The next octets, never none; `None` at the end. Cancel safe.
    ///
    /// # Errors
    /// [`BodyError::Reset`] or [`BodyError::Connection`]; the same again when called again.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match self.progress {
                Progress::Open => {}
                Progress::Whole => return Ok(None),
                Progress::Void => return Err(BodyError::Reset),
                Progress::Lost(_) => return Err(BodyError::Connection),
            }
            let clients_time = self.pace.wait_for_client();
            let step = self.link.next().await;
            drop(clients_time);
            match step {
                Ok(Step::Event) => {}
                Ok(Step::Close) => self.progress = Progress::Lost(End::Regular),
                Ok(_) => self.progress = Progress::Void,
                Err(error) => self.progress = Progress::Lost(End::Io(error)),
            }
            if !matches!(self.progress, Progress::Open) {
                continue;
            }
            match self.link.machine().event() {
                Some(Event::Body(octets)) => return Ok(Some(self.count(octets))),
                // Dropped tokens are asked again, when the handler has returned.
                Some(Event::Delivery(_)) => {
                    self.progress = Progress::Whole;
                    self.pace.is_whole();
                    self.ended = self.clock.map(Clock::now);
                }
                Some(Event::Fault(fault)) => self.progress = Progress::Lost(End::Fault(fault)),
                Some(Event::Burl(question)) => {
                    let url = question.url();
                    if !url.is_for(self.facts.identity.as_deref()) {
                        question.reject(Rejection::URL_DENIED);
                        continue;
                    }
                    match self.fetch.fetch(url, question.room(), self.facts).await {
                        Ok(octets) => {
                            question.accept(u64::try_from(octets.len()).unwrap_or(u64::MAX));
                            if !octets.is_empty() {
                                return Ok(Some(self.count(octets)));
                            }
                        }
                        Err(rejection) => question.reject(rejection),
                    }
                }
                Some(Event::Leniency(leniency)) => self.leniencies.push(leniency),
                // Commands between two chunks.
                Some(Event::Verify(question)) => question.cannot_verify(),
                Some(Event::Extension(question)) => question.reject(Rejection::BAD_SEQUENCE),
                Some(_) => self.progress = Progress::Void,
                None => {}
            }
        }
    }

    fn count(&mut self, octets: Bytes) -> Bytes {
        let length = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        self.octets = self.octets.saturating_add(length);
        octets
    }

    /// All of it, if it is at most `limit` octets.
    ///
    /// # Errors
    /// As [`next`](Self::next), and [`BodyError::TooBig`].
    pub async fn read_to_end(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let mut whole = BytesMut::new();
        while let Some(octets) = self.next().await? {
            if octets.len() > limit.saturating_sub(whole.len()) {
                return Err(BodyError::TooBig);
            }
            whole.extend_from_slice(&octets);
        }
        Ok(whole.freeze())
    }

    /// What is known of the session.
    pub fn facts(&self) -> &Facts {
        self.facts
    }

    /// How many recipients were accepted.
    pub fn recipients(&self) -> usize {
        self.recipients
    }

    /// The size the client declared, in octets; an estimate (RFC 1870 section 6).
    pub fn declared_size(&self) -> Option<u64> {
        self.declared_size
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("progress", &self.progress).finish_non_exhaustive()
    }
}
