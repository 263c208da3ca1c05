//! The commands for mail that waits or lies elsewhere: ETRN, ATRN and BURL; and the turn of roles that
//! ATRN brings.

use alloc::sync::Arc;

use super::{Client, Config, Misuse, REPLY_BUFFER, ReplyTo, session::Session};
use crate::{
    command::{Burl, Command, DomainList, Node, Url, Verb},
    extension::Extension,
    sequence::{Request, State},
    server::{self, Server},
    wire::{Expected, Pen, Wire},
};

impl Client {
    /// ETRN: has the server send what waits for `node`, over another connection (RFC 1985). The reply
    /// is 250 to 253, or 458 or 459.
    ///
    /// # Errors
    /// [`Misuse::NotOffered`]; [`Misuse::Sequence`] in a transaction.
    pub fn etrn(&mut self, node: Node<'_>) -> Result<(), Misuse> {
        self.session.allow(Verb::Etrn, Request::Etrn)?;
        self.session.need(Extension::Etrn)?;
        self.command(ReplyTo::Etrn, |out| Command::Etrn(node).write(out))?;
        self.session.plan(Request::Etrn);
        Ok(())
    }

    /// ATRN: has the server send over this connection what waits for these domains, or for all that
    /// the login has access to (RFC 2645). After 250 [`Event::Turned`](super::Event::Turned) follows.
    ///
    /// # Errors
    /// [`Misuse::NotOffered`]; [`Misuse::Sequence`] in a transaction, and before AUTH has succeeded.
    pub fn atrn(&mut self, domains: Option<DomainList<'_>>) -> Result<(), Misuse> {
        self.session.allow(Verb::Atrn, Request::Atrn)?;
        self.session.need(Extension::Atrn)?;
        if !self.session.authenticated {
            return Err(Misuse::Sequence { verb: Verb::Atrn, state: self.session.planned });
        }
        self.command(ReplyTo::Atrn, |out| Command::Atrn(domains).write(out))?;
        self.session.plan(Request::Atrn);
        Ok(())
    }

    /// BURL: the server is to fetch a part of the message (RFC 4468), the `last` one perhaps; then the
    /// reply is that to the whole message. When it cannot, the transaction has failed, and
    /// [`reset`](Self::reset) is what is left. In the transcript the URL ends where it becomes a key.
    ///
    /// # Errors
    /// [`Misuse::NotOffered`] without BURL or the argument of it that an IMAP URL needs, and for a part
    /// that is not the last without CHUNKING; [`Misuse::Sequence`] without a recipient;
    /// [`Misuse::AwaitReplies`] when commands are outstanding that this may not be sent behind;
    /// [`Misuse::BareNewline`] when the chunk before it ended with a CR on its own.
    pub fn burl(&mut self, url: Url<'_>, last: bool) -> Result<(), Misuse> {
        let idle = self.session.nothing_expected();
        if idle && self.was_answered_too_often() {
            return Ok(());
        }
        let (_, mut pen) = self.wire.split();
        self.session.burl(&mut pen, Burl { url, last })?;
        if idle {
            self.rearm();
        }
        Ok(())
    }

    /// The client on a connection whose other end was the client before (RFC 2645 section 5.3).
    pub(crate) fn turned(mut wire: Wire, config: Config, tls: bool) -> Self {
        let room = REPLY_BUFFER.max(config.limits.reply.saturating_add(2));
        wire.input.expect(room, Expected::Lines);
        wire.input.stir();
        wire.restart_timer(config.timeouts.greeting);
        let mut session = Session::new(config);
        session.tls = tls;
        session.content_mark = wire.output.written();
        Self { wire, session }
    }
}

impl Session {
    fn burl(&mut self, pen: &mut Pen<'_>, burl: Burl<'_>) -> Result<(), Misuse> {
        let request = if burl.last { Request::BurlLast } else { Request::Burl };
        self.allow(Verb::Burl, request)?;
        if !self.capabilities().is_some_and(|all| all.takes_url(burl.url)) {
            return Err(Misuse::NotOffered(Extension::Burl));
        }
        if !burl.last {
            self.need(Extension::Chunking)?;
        }
        if !self.queued.is_empty() || !self.may_follow() {
            return Err(Misuse::AwaitReplies);
        }
        let mut lines = self.lines.clone();
        lines.finish();
        if !self.binary && lines.is_refused() {
            return Err(Misuse::BareNewline);
        }
        self.lines = lines;
        let before = pen.output.len();
        let room = "BURL  LAST\r\n".len() + burl.url.as_str().len();
        pen.say_command_with_secret(room, |out| Command::Burl(burl).write(out));
        let octets = pen.output.len() - before;
        self.plan(request);
        if burl.last {
            self.message_end = Some(pen.output.end());
            self.expect_delivery(octets, Some(request));
        } else {
            self.expect(ReplyTo::Burl, octets);
        }
        Ok(())
    }
}

/// The roles have turned: the connection is the caller's, who goes on as a server.
///
/// Dropped, it is told again.
#[derive(Debug)]
#[must_use]
pub struct Turned<'c>(pub(super) &'c mut Client);

impl Turned<'_> {
    /// The server on this connection, which greets who was the server before. What has come in already
    /// is kept, and so are TLS and the transcript. The client's own session is over: put the server in
    /// its place.
    pub fn into_server(self, config: Arc<server::Config>) -> Server {
        let client = self.0;
        let closed = Wire::new(0, client.session.config.timeouts.quit);
        let wire = core::mem::replace(&mut client.wire, closed);
        client.session.state = State::Closed;
        client.session.planned = State::Closed;
        Server::turned(wire, config, client.session.tls)
    }
}
