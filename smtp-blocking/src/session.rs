//! What a user of the server writes: a [`Backend`] and its [`Session`], which wait by blocking.

use bytes::Bytes;
use smtp_frontend::{
    End, Facts, Recipient, Sender, Waiting,
    proto::{
        answer::{Acceptance, Rejection},
        auth::{
            Known,
            server::{Answer, Credentials, Mechanism, Question, Setting},
        },
        command::{DomainList, Node, Url, Verb},
        profile::Leniency,
    },
};

use crate::{
    body::Body,
    client::{Client, TurnedClient},
};

/// What a server is for: makes a [`Session`] for each client.
pub trait Backend: Send + Sync + 'static {
    /// What is kept for one client.
    type Session: Session;

    /// A client has connected. A rejection with 421 closes the connection, one with 521 says that this host
    /// takes no mail (RFC 7504), and any other is told as 554.
    ///
    /// Asked once more, for a session in place of the one before, when a proxy has said by XCLIENT whom
    /// it speaks for; what it said is in `facts` then.
    fn connect(&self, facts: &Facts) -> Result<Self::Session, Rejection<'static>>;

    /// The AUTH mechanisms that [`Server::authentication`](crate::Server::authentication) offers, most
    /// wanted first: those whose questions [`Session::answer`] can answer. PLAIN and LOGIN by default.
    fn mechanisms(&self) -> Vec<Known> {
        vec![Known::Plain, Known::Login]
    }

    /// The server's side of an AUTH mechanism that the configuration offers, named in upper case. Those
    /// this crate knows are made by themselves; one's own is made here.
    fn mechanism(&self, name: &str, setting: &Setting<'_>) -> Option<Box<dyn Mechanism>> {
        Known::of(name).map(|known| known.server(setting))
    }

    /// Content that a client wants to have fetched (BURL, RFC 4468), of which no more than `room` octets
    /// have a place in the message: the whole part, with CRLF for line ends. It is read by
    /// [`Session::message`] as if the client had sent it. Only asked where
    /// [`Config::burl`](smtp_frontend::proto::server::Config::burl) offers it, and never for a key of
    /// another user.
    ///
    /// Whatever a client names here, this host is asked to connect to: fetch only from servers that are
    /// known, and see RFC 4468 section 8. By default nothing can be had.
    fn fetch(
        &self,
        url: Url<'_>,
        room: Option<u64>,
        facts: &Facts,
    ) -> Result<Bytes, Rejection<'static>> {
        let _ = (url, room, facts);
        Err(Rejection::FETCH_FAILED)
    }
}

/// One client's session. What each method returns is the reply.
///
/// A transaction is `mail`, `rcpt` for each recipient, `message`, and then `reset`. All but `mail`,
/// `rcpt`, `message` and `reset` may be left as they are. Commands that come at the wrong time, that
/// are malformed or ask for what is not offered never get here.
///
/// The thread that calls these is the client's own. It is not freed while one of them blocks, and nobody can
/// end that from outside: bound in time whatever is waited for in here. A client waits ten minutes at most
/// for its answer to a message, and some for no more than two (RFC 5321 section 4.5.3.2.6, RFC 6409 section 5.3).
pub trait Session: Send {
    /// EHLO, HELO or LHLO. The name is in [`Facts::hello`].
    fn hello(&mut self, facts: &Facts) -> Result<(), Rejection<'static>> {
        let _ = facts;
        Ok(())
    }

    /// Somebody wants to log in, and a mechanism asks what it has to know: whether a password or a token
    /// is good, or what is kept of a user's password. By default passwords are asked of
    /// [`authenticate`](Self::authenticate), and all else is denied.
    fn answer(&mut self, question: &Question, facts: &Facts) -> Answer {
        match question {
            Question::Password(credentials) => match self.authenticate(credentials, facts) {
                Ok(()) => Answer::Accept,
                Err(rejection) => Answer::Reject(rejection),
            },
            _ => Answer::Deny,
        }
    }

    /// Somebody wants to log in by PLAIN or LOGIN. Whatever is wrong, say
    /// [`BAD_CREDENTIALS`](Rejection::BAD_CREDENTIALS) and nothing more.
    fn authenticate(
        &mut self,
        credentials: &Credentials,
        facts: &Facts,
    ) -> Result<(), Rejection<'static>> {
        let _ = (credentials, facts);
        Err(Rejection::BAD_CREDENTIALS)
    }

    /// A transaction begins. The null reverse-path must be taken (RFC 5321 section 4.5.5).
    fn mail(&mut self, from: &Sender<'_>) -> Result<(), Rejection<'static>>;

    /// A recipient. Refusing it leaves the others as they are. Whoever takes mail for a domain takes it for its
    /// postmaster, and for [`Postmaster`](smtp_frontend::proto::path::ForwardPath::Postmaster) without a domain (RFC 5321 section 4.5.1).
    fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>>;

    /// The message. Read `body` to its end, and return when the message is where it survives a crash:
    /// to accept is to take responsibility (RFC 5321 section 6.1).
    ///
    /// A rejection before the end refuses the message, and an acceptance takes it; the rest is dropped either
    /// way. After a [`BodyError`](crate::BodyError) other than [`TooBig`](crate::BodyError::TooBig) the result
    /// counts no more.
    ///
    /// Content is what the client sent. A `Received:` field in front of it, which whoever takes mail has to add
    /// (RFC 5321 section 4.4), is made by [`trace::Received`](smtp_frontend::proto::trace::Received).
    fn message(&mut self, body: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>>;

    /// The message in LMTP: one answer for each recipient that was accepted, in their order
    /// (RFC 2033 section 4.2); recipients for whom there is none are told 451. By default the same for all.
    fn message_lmtp(
        &mut self,
        body: &mut Body<'_>,
    ) -> Vec<Result<Acceptance<'static>, Rejection<'static>>> {
        let recipients = body.recipients();
        let answer = self.message(body);
        vec![answer; recipients]
    }

    /// VRFY or EXPN: mailboxes, one in each line, or `None` to tell nothing, which is the default
    /// (252).
    fn verify(&mut self, verb: Verb, text: &str) -> Result<Option<String>, Rejection<'static>> {
        let _ = (verb, text);
        Ok(None)
    }

    /// ETRN: sends what waits for `node`, over connections of its own, and says at once how much that is
    /// (RFC 1985). Refuse by [`CANNOT_QUEUE`](Rejection::CANNOT_QUEUE) or
    /// [`NODE_NOT_ALLOWED`](Rejection::NODE_NOT_ALLOWED), which is the default.
    fn etrn(&mut self, node: Node<'_>, facts: &Facts) -> Result<Waiting, Rejection<'static>> {
        let _ = (node, facts);
        Err(Rejection::NODE_NOT_ALLOWED)
    }

    /// ATRN: whether to send the client its mail over this connection (RFC 2645), that of `domains` or
    /// of all it has access to. It has logged in; [`turned`](Self::turned) follows. Refuse by
    /// [`DOMAINS_DENIED`](Rejection::DOMAINS_DENIED), which is the default, or
    /// [`NO_MAIL_WAITING`](Rejection::NO_MAIL_WAITING).
    fn atrn(
        &mut self,
        domains: Option<DomainList<'_>>,
        facts: &Facts,
    ) -> Result<(), Rejection<'static>> {
        let _ = (domains, facts);
        Err(Rejection::DOMAINS_DENIED)
    }

    /// The roles have turned after [`atrn`](Self::atrn): `client` is ready to send. QUIT is said when
    /// this returns. When the peer does not greet or refuses the hello this is not called.
    fn turned(&mut self, client: &mut TurnedClient<'_>) {
        let _ = client;
    }

    /// A verb of the application's own, registered with
    /// [`Config::verb`](smtp_frontend::proto::server::Config::verb).
    fn extension(
        &mut self,
        verb: &str,
        argument: Option<&str>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        let _ = (verb, argument);
        Err(Rejection::NOT_IMPLEMENTED)
    }

    /// The client was forgiven something that a stricter
    /// [`Profile`](smtp_frontend::proto::profile::Profile) refuses. What a message was forgiven is told
    /// when it has been dealt with.
    fn leniency(&mut self, leniency: Leniency) {
        let _ = leniency;
    }

    /// The transaction is over, or void: forget its sender and recipients.
    fn reset(&mut self);

    /// The session is over. Not called where it is dropped: because a handler has panicked, or at the very end of
    /// a shutdown. What must be done in any case is done by `Drop`.
    fn closed(&mut self, end: &End) {
        let _ = end;
    }
}

/// A backend that blocks, where one that can be awaited is called for. Its futures are ready when they are
/// polled for the first time, and block until then: each session has a thread of its own.
#[derive(Debug)]
pub(crate) struct Awaited<T>(pub(crate) T);

impl<B: Backend> smtp_frontend::Backend for Awaited<B> {
    type Session = Awaited<B::Session>;

    async fn connect(&self, facts: &Facts) -> Result<Self::Session, Rejection<'static>> {
        self.0.connect(facts).map(Awaited)
    }

    fn mechanisms(&self) -> Vec<Known> {
        self.0.mechanisms()
    }

    fn mechanism(&self, name: &str, setting: &Setting<'_>) -> Option<Box<dyn Mechanism>> {
        self.0.mechanism(name, setting)
    }

    async fn fetch(
        &self,
        url: Url<'_>,
        room: Option<u64>,
        facts: &Facts,
    ) -> Result<Bytes, Rejection<'static>> {
        self.0.fetch(url, room, facts)
    }
}

impl<S: Session> smtp_frontend::Session for Awaited<S> {
    async fn hello(&mut self, facts: &Facts) -> Result<(), Rejection<'static>> {
        self.0.hello(facts)
    }

    async fn answer(&mut self, question: &Question, facts: &Facts) -> Answer {
        self.0.answer(question, facts)
    }

    async fn mail(&mut self, from: &Sender<'_>) -> Result<(), Rejection<'static>> {
        self.0.mail(from)
    }

    async fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        self.0.rcpt(to)
    }

    async fn message(
        &mut self,
        body: &mut smtp_frontend::Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        self.0.message(&mut Body::new(body))
    }

    async fn message_lmtp(
        &mut self,
        body: &mut smtp_frontend::Body<'_>,
    ) -> Vec<Result<Acceptance<'static>, Rejection<'static>>> {
        self.0.message_lmtp(&mut Body::new(body))
    }

    async fn verify(
        &mut self,
        verb: Verb,
        text: &str,
    ) -> Result<Option<String>, Rejection<'static>> {
        self.0.verify(verb, text)
    }

    async fn etrn(&mut self, node: Node<'_>, facts: &Facts) -> Result<Waiting, Rejection<'static>> {
        self.0.etrn(node, facts)
    }

    async fn atrn(
        &mut self,
        domains: Option<DomainList<'_>>,
        facts: &Facts,
    ) -> Result<(), Rejection<'static>> {
        self.0.atrn(domains, facts)
    }

    async fn turned(&mut self, client: &mut smtp_frontend::Client) {
        self.0.turned(&mut Client(client));
    }

    async fn extension(
        &mut self,
        verb: &str,
        argument: Option<&str>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        self.0.extension(verb, argument)
    }

    fn leniency(&mut self, leniency: Leniency) {
        self.0.leniency(leniency);
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    async fn closed(&mut self, end: &End) {
        self.0.closed(end);
    }
}
