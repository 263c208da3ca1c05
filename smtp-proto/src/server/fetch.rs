//! The question of BURL: content that the application fetches (RFC 4468).

use super::{
    answer::{Desk, Leave},
    session::Phase,
};
use crate::{
    answer::{Acceptance, Rejection},
    command::{self, Url},
    sequence::{self, Answer, Request, State},
    status::Code,
    upstream::Forwarded,
};

/// The question whether to fetch the next part of the message, and whether that succeeded.
///
/// The application fetches the octets, keeps them as it keeps those of
/// [`Event::Body`](super::Event::Body), and says how many there were. Where CHUNKING is offered too,
/// parts may come by BDAT in between. When nothing of the message has come before,
/// [`Event::Data`](super::Event::Data) is not asked: see [`is_first`](Self::is_first).
#[derive(Debug)]
#[must_use]
pub struct Burl<'s> {
    pub(super) desk: Desk<'s>,
    pub(super) burl: command::Burl<'s>,
}

impl<'s> Burl<'s> {
    /// Where the content is.
    pub fn url(&self) -> Url<'s> {
        self.burl.url
    }

    /// Whether it is the last part of the message.
    pub fn is_last(&self) -> bool {
        self.burl.last
    }

    /// Whether it is the first part of the message.
    pub fn is_first(&self) -> bool {
        self.desk.session.state == State::Recipients
    }

    /// The size the client declared with MAIL, in octets; an estimate (RFC 1870 section 6).
    pub fn declared_size(&self) -> Option<u64> {
        self.desk.session.transfer.declared
    }

    /// How many octets there is room for by the limit of a message; `None` without a limit. More need
    /// not be fetched.
    pub fn room(&self) -> Option<u64> {
        self.desk.session.room_for_content()
    }

    /// What was told of the client upstream, if anything (XFORWARD).
    pub fn forwarded(&self) -> Option<&Forwarded> {
        self.desk.session.forwarded()
    }

    /// So many octets were fetched, dots and all as they are. When it was the last part,
    /// [`Event::Delivery`](super::Event::Delivery) follows; else the reply is 250.
    ///
    /// When the message has become bigger than it may be, or what of it came by BDAT is not as the
    /// [profile](crate::profile::ServerPolicy) wants it, the core refuses it and tells
    /// [`Event::Reset`](super::Event::Reset); of what was fetched it knows but the size.
    pub fn accept(mut self, octets: u64) {
        self.desk.note_accept(&Acceptance::new(alloc::format!("{octets}")));
        let first = self.is_first();
        let session = &mut *self.desk.session;
        if first {
            session.transfer.begin_content();
            session.transfer.chunked = true;
        }
        if let Some(rejection) = session.join_fetched(octets, self.burl.last) {
            self.desk.give(&rejection, self.leave());
            self.desk.session.spoil_transaction();
            return;
        }
        session.bad_commands = 0;
        if self.burl.last {
            session.transfer.fetched_last = true;
            self.desk.done(Leave::Together);
            self.desk.session.phase = Phase::Delivery { recipient: 0 };
        } else {
            let then = sequence::after(session.state, Request::Burl, Answer::Accepted);
            session.enter(then);
            self.desk.grant(Code::OK, (5, 0), "waiting for more", Leave::Together);
        }
    }

    /// The content cannot be had, by custom for [`Rejection::FETCH_FAILED`],
    /// [`Rejection::STORE_UNREACHABLE`], [`Rejection::STORE_NOT_TRUSTED`] or
    /// [`Rejection::URL_DENIED`]. The whole transaction has failed (section 3.2).
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.reject(&rejection, self.leave());
        self.desk.session.spoil_transaction();
    }

    fn leave(&self) -> Leave {
        if self.burl.last { Leave::Now } else { Leave::Together }
    }
}
