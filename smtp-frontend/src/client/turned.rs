//! The verbs of hosts that want what waits for them or speak for others.

use std::sync::Arc;

use smtp_proto::{
    client::{Client as Machine, Event, ReplyTo},
    command::{DomainList, Node, Url},
    domain::HelloName,
    reply::ReplyBuf,
    sequence::State,
    server,
    upstream::{Forwarded, Overrides},
};

use super::Client;
use crate::{driver::Driver, error::Error};

impl Client {
    /// ETRN: has the server send what waits for `node`, over another connection (RFC 1985). The reply
    /// says how much that is, or why not.
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Error::Misuse`] where it is not offered.
    pub async fn etrn(&mut self, node: Node<'_>) -> Result<ReplyBuf, Error> {
        self.command(|machine| machine.etrn(node)).await
    }

    /// ATRN: has the server send what waits for these domains, or for all that the login has access to,
    /// over this connection (RFC 2645). When the reply is 250 the roles have turned: hand this client
    /// to [`Server::serve_turned`](crate::Server::serve_turned). Any other leaves it as it was.
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Error::Misuse`] where it is not offered, and without a login.
    pub async fn atrn(&mut self, domains: Option<DomainList<'_>>) -> Result<ReplyBuf, Error> {
        let reply = self.command(|machine| machine.atrn(domains)).await?;
        self.unusable |= self.has_turned();
        Ok(reply)
    }

    /// Whether the roles have turned, so that this is no client any more.
    pub fn has_turned(&self) -> bool {
        self.driver.endpoint().state() == State::Turned
    }

    /// The connection, and the server that goes on with it.
    pub(crate) fn into_turned(
        self,
        config: &Arc<server::Config>,
    ) -> Option<Box<dyn Driver<server::Server>>> {
        let mut driver = self.driver;
        let Some(Event::Turned(turned)) = driver.endpoint_mut().event() else {
            return None;
        };
        let machine = turned.into_server(Arc::clone(config));
        Some(driver.turn_to_server(machine))
    }

    /// BURL: has the server fetch a part of the message, the `last` one perhaps (RFC 4468), between MAIL
    /// and RCPT sent by [`command`](Self::command) and, where it is refused, [`reset`](Self::reset).
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Error::Misuse`] where it is not offered for this URL, and without a
    /// recipient.
    pub async fn burl(&mut self, url: Url<'_>, last: bool) -> Result<ReplyBuf, Error> {
        self.command(|machine| machine.burl(url, last)).await
    }

    /// XCLIENT: has the server take this client for another, which then says hello by `name`. What comes
    /// back is the last reply: that to the hello, or a refusal. After one the server may take no more
    /// than QUIT.
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Error::Misuse`] for attributes that are not offered.
    pub async fn xclient(
        &mut self,
        overrides: &Overrides,
        name: HelloName<'_>,
    ) -> Result<ReplyBuf, Error> {
        let reply = self.lines(|machine| machine.xclient(overrides)).await?;
        if !reply.severity().is_positive() {
            return Ok(reply);
        }
        self.command(|machine| machine.hello(name)).await
    }

    /// XFORWARD: tells the server of the client upstream, for the message that is sent next.
    ///
    /// # Errors
    /// As [`xclient`](Self::xclient).
    pub async fn xforward(&mut self, forwarded: &Forwarded) -> Result<ReplyBuf, Error> {
        self.lines(|machine| machine.xforward(forwarded)).await
    }

    /// A command of one or more lines: the first refusal, or the last reply.
    async fn lines(
        &mut self,
        send: impl FnOnce(&mut Machine) -> Result<(), smtp_proto::client::Misuse>,
    ) -> Result<ReplyBuf, Error> {
        self.begin()?;
        if let Err(misuse) = send(self.driver.endpoint_mut()) {
            self.unusable = false;
            return Err(misuse.into());
        }
        let mut refused = None;
        let last = loop {
            let (to, reply) = self.reply_to().await?;
            if !reply.severity().is_positive() && refused.is_none() {
                refused = Some(reply.clone());
            }
            if !matches!(to, ReplyTo::XClient { more: true } | ReplyTo::XForward { more: true }) {
                break reply;
            }
        };
        self.unusable = self.driver.endpoint().has_ended();
        Ok(refused.unwrap_or(last))
    }
}
