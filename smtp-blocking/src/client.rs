//! A client: one session with a server, from the hello to QUIT.

use std::{fmt, io};

use smtp_frontend::{
    Error, MailData, Stream,
    proto::{
        client::{self, Envelope, Misuse, Report, TransactionOptions},
        command::{DomainList, Node, Query, Text, Url},
        domain::HelloName,
        extension::Capabilities,
        reply::ReplyBuf,
        upstream::{Forwarded, Overrides},
    },
};

use crate::{park::block_on, runtime::Blocking};

/// An open session with a server, made by a [`Connector`](crate::Connector). `C` says who has it: this is a
/// client of one's own, and there are [`Pooled`] and [`TurnedClient`], which can do all but end it.
///
/// Several messages can be sent, one after the other. Each call waits until it is done, or until the time
/// the configuration gives the server is over.
pub struct Client<C = smtp_frontend::Client>(pub(crate) C);

/// A session of a [`Pool`](crate::Pool), lent: it comes back to the pool when it is dropped, unless it cannot
/// be used any more.
pub type Pooled = Client<smtp_frontend::Pooled<Blocking>>;

/// A session that is somebody else's to end.
pub type LentClient<'c> = Client<&'c mut smtp_frontend::Client>;

/// A session in which a server is the client, as the roles have turned: see
/// [`Session::turned`](crate::Session::turned).
pub type TurnedClient<'c> = LentClient<'c>;

/// Who has a session.
pub trait Holder {
    #[doc(hidden)]
    fn held(&self) -> &smtp_frontend::Client;
    #[doc(hidden)]
    fn held_mut(&mut self) -> &mut smtp_frontend::Client;
}

impl Holder for smtp_frontend::Client {
    fn held(&self) -> &smtp_frontend::Client {
        self
    }

    fn held_mut(&mut self) -> &mut smtp_frontend::Client {
        self
    }
}

impl Holder for &mut smtp_frontend::Client {
    fn held(&self) -> &smtp_frontend::Client {
        self
    }

    fn held_mut(&mut self) -> &mut smtp_frontend::Client {
        self
    }
}

impl Holder for smtp_frontend::Pooled<Blocking> {
    fn held(&self) -> &smtp_frontend::Client {
        self
    }

    fn held_mut(&mut self) -> &mut smtp_frontend::Client {
        self
    }
}

impl<C: Holder> Client<C> {
    /// Sends one message to all recipients of `envelope` and says what became of each.
    ///
    /// Recipients that are refused do not stop the others. Where the server takes only so many at a time,
    /// the others follow in further mail transactions, if the content can be had once more. A connection
    /// that breaks on the way is no error here: recipients without an answer are deferred or in doubt. If
    /// `message` cannot be read to its end the connection is cut, so that no half of it is taken for a whole;
    /// the session is over then.
    ///
    /// # Errors
    /// [`Error::Misuse`] for an envelope or a message that must not be sent (a parameter the server
    /// does not offer, a bare CR or LF), or when the session is over.
    pub fn send<'m>(
        &mut self,
        envelope: &Envelope<'_>,
        message: impl Into<MailData<'m>>,
    ) -> Result<Report, Error> {
        block_on(self.0.held_mut().send(envelope, message))
    }

    /// [`send`](Self::send), with options.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_with<'m>(
        &mut self,
        envelope: &Envelope<'_>,
        message: impl Into<MailData<'m>>,
        options: TransactionOptions,
    ) -> Result<Report, Error> {
        block_on(self.0.held_mut().send_with(envelope, message, options))
    }

    /// RSET: gives up what there is of a transaction. [`send`](Self::send) leaves none behind.
    ///
    /// # Errors
    /// [`Error::Fault`] or [`Error::Io`] when the session fails.
    pub fn reset(&mut self) -> Result<ReplyBuf, Error> {
        block_on(self.0.held_mut().reset())
    }

    /// NOOP: whether the server is still there.
    ///
    /// # Errors
    /// As [`reset`](Self::reset).
    pub fn noop(&mut self) -> Result<ReplyBuf, Error> {
        block_on(self.0.held_mut().noop())
    }

    /// VRFY.
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Error::Misuse`] for text that cannot be sent.
    pub fn verify(&mut self, query: Query<'_>) -> Result<ReplyBuf, Error> {
        block_on(self.0.held_mut().verify(query))
    }

    /// HELP.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn help(&mut self, topic: Option<Text<'_>>) -> Result<ReplyBuf, Error> {
        block_on(self.0.held_mut().help(topic))
    }

    /// Sends one command and waits for its reply, whatever it is: the way to what has no method here.
    ///
    /// # Errors
    /// [`Error::Misuse`] if `send` is refused; [`Error::Fault`] or [`Error::Io`] when the session
    /// fails.
    pub fn command(
        &mut self,
        send: impl FnOnce(&mut client::Client) -> Result<(), Misuse>,
    ) -> Result<ReplyBuf, Error> {
        block_on(self.0.held_mut().command(send))
    }

    /// ETRN: has the server send what waits for `node`, over another connection (RFC 1985). The reply
    /// says how much that is, or why not.
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Error::Misuse`] where it is not offered.
    pub fn etrn(&mut self, node: Node<'_>) -> Result<ReplyBuf, Error> {
        block_on(self.0.held_mut().etrn(node))
    }

    /// ATRN: has the server send what waits for these domains, or for all that the login has access to,
    /// over this connection (RFC 2645). When the reply is 250 the roles have turned: hand this client
    /// to [`Server::serve_turned`](crate::Server::serve_turned). Any other leaves it as it was.
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Error::Misuse`] where it is not offered, and without a login.
    pub fn atrn(&mut self, domains: Option<DomainList<'_>>) -> Result<ReplyBuf, Error> {
        block_on(self.0.held_mut().atrn(domains))
    }

    /// Whether the roles have turned, so that this is no client any more.
    pub fn has_turned(&self) -> bool {
        self.0.held().has_turned()
    }

    /// BURL: has the server fetch a part of the message, the `last` one perhaps (RFC 4468), between MAIL
    /// and RCPT sent by [`command`](Self::command) and, where it is refused, [`reset`](Self::reset).
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Error::Misuse`] where it is not offered for this URL, and without a
    /// recipient.
    pub fn burl(&mut self, url: Url<'_>, last: bool) -> Result<ReplyBuf, Error> {
        block_on(self.0.held_mut().burl(url, last))
    }

    /// XCLIENT: has the server take this client for another, which then says hello by `name`. What comes
    /// back is the last reply: that to the hello, or a refusal. After one the server may take no more
    /// than QUIT.
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Error::Misuse`] for attributes that are not offered.
    pub fn xclient(
        &mut self,
        overrides: &Overrides,
        name: HelloName<'_>,
    ) -> Result<ReplyBuf, Error> {
        block_on(self.0.held_mut().xclient(overrides, name))
    }

    /// XFORWARD: tells the server of the client upstream, for the message that is sent next.
    ///
    /// # Errors
    /// As [`xclient`](Self::xclient).
    pub fn xforward(&mut self, forwarded: &Forwarded) -> Result<ReplyBuf, Error> {
        block_on(self.0.held_mut().xforward(forwarded))
    }

    /// What the server offers; `None` after HELO.
    pub fn capabilities(&self) -> Option<Capabilities<'_>> {
        self.0.held().capabilities()
    }

    /// Whether the session is inside TLS.
    pub fn is_tls(&self) -> bool {
        self.0.held().is_tls()
    }

    /// Whether the session can be used for another message.
    pub fn is_usable(&self) -> bool {
        self.0.held().is_usable()
    }

    /// What the stream said when the session broke during [`send`](Self::send).
    pub fn lost(&self) -> Option<&io::Error> {
        self.0.held().lost()
    }

    /// The stream: addresses and TLS facts can be asked of it.
    pub fn stream(&self) -> &dyn Stream {
        self.0.held().stream()
    }
}

impl Client {
    /// QUIT, and closes. The server is given a few seconds to answer
    /// ([`ClientTimeouts::quit`](smtp_frontend::proto::limits::ClientTimeouts::quit)); that it does not is
    /// no error.
    ///
    /// # Errors
    /// [`Error::Misuse`] when the session is over already.
    pub fn quit(self) -> Result<(), Error> {
        block_on(self.0.quit())
    }
}

impl Pooled {
    /// Whether something was sent in this session before: it may be over without anybody knowing.
    pub fn used_before(&self) -> bool {
        self.0.used_before()
    }
}

impl<C: Holder> fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.held().fmt(f)
    }
}
