//! What a user of the server writes: a [`Backend`] and its [`Session`].

use std::{future::Future, net::SocketAddr};

use bytes::Bytes;

use smtp_proto::{
    answer::{Acceptance, Rejection},
    auth::{
        Known,
        server::{Answer, Credentials, Mechanism, Question, Setting},
    },
    command::{DomainList, Node, Url, Verb},
    domain::HelloName,
    fault::Fault,
    parameter::{MailParameters, RcptParameters},
    path::{ForwardPath, ReversePath},
    profile::{HelloSyntax, Leniency, Syntax},
    sequence::Protocol,
    upstream::{Forwarded, Overrides},
};

#[cfg(feature = "tls")]
use crate::tls::TlsFacts;
use crate::{body::Body, client::Client};

/// What a server is for: makes a [`Session`] for each client.
pub trait Backend: Send + Sync + 'static {
    /// What is kept for one client.
    type Session: Session;

    /// A client has connected. A rejection with 421 closes the connection, one with 521 says that this host
    /// takes no mail (RFC 7504), and any other is told as 554.
    ///
    /// Asked once more, for a session in place of the one before, when a proxy has said by XCLIENT whom
    /// it speaks for; what it said is in `facts` then.
    fn connect(
        &self,
        facts: &Facts,
    ) -> impl Future<Output = Result<Self::Session, Rejection<'static>>> + Send;

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
    /// [`Config::burl`](smtp_proto::server::Config::burl) offers it, and never for a key of another user.
    ///
    /// Whatever a client names here, this host is asked to connect to: fetch only from servers that are
    /// known, and see RFC 4468 section 8. By default nothing can be had.
    fn fetch(
        &self,
        url: Url<'_>,
        room: Option<u64>,
        facts: &Facts,
    ) -> impl Future<Output = Result<Bytes, Rejection<'static>>> + Send {
        let _ = (url, room, facts);
        async { Err(Rejection::FETCH_FAILED) }
    }
}

/// One client's session. What each method returns is the reply.
///
/// A transaction is `mail`, `rcpt` for each recipient, `message`, and then `reset`. All but `mail`,
/// `rcpt`, `message` and `reset` may be left as they are. Commands that come at the wrong time, that
/// are malformed or ask for what is not offered never get here.
///
/// The future of any method may be dropped before it is done: when it takes [too long](Self::timed_out), and when a
/// shutdown ends what is left of a server. While a handler works nothing is read, but for what it reads of a
/// message: that a client has hung up is seen when the handler has answered.
pub trait Session: Send {
    /// EHLO, HELO or LHLO. The name is in [`Facts::hello`].
    fn hello(
        &mut self,
        facts: &Facts,
    ) -> impl Future<Output = Result<(), Rejection<'static>>> + Send {
        let _ = facts;
        async { Ok(()) }
    }

    /// Somebody wants to log in, and a mechanism asks what it has to know: whether a password or a token
    /// is good, or what is kept of a user's password. By default passwords are asked of
    /// [`authenticate`](Self::authenticate), and all else is denied.
    fn answer(
        &mut self,
        question: &Question,
        facts: &Facts,
    ) -> impl Future<Output = Answer> + Send {
        async move {
            match question {
                Question::Password(credentials) => {
                    match self.authenticate(credentials, facts).await {
                        Ok(()) => Answer::Accept,
                        Err(rejection) => Answer::Reject(rejection),
                    }
                }
                _ => Answer::Deny,
            }
        }
    }

    /// Somebody wants to log in by PLAIN or LOGIN. Whatever is wrong, say
    /// [`BAD_CREDENTIALS`](Rejection::BAD_CREDENTIALS) and nothing more.
    fn authenticate(
        &mut self,
        credentials: &Credentials,
        facts: &Facts,
    ) -> impl Future<Output = Result<(), Rejection<'static>>> + Send {
        let _ = (credentials, facts);
        async { Err(Rejection::BAD_CREDENTIALS) }
    }

    /// A transaction begins. The null reverse-path must be taken (RFC 5321 section 4.5.5).
    fn mail(
        &mut self,
        from: &Sender<'_>,
    ) -> impl Future<Output = Result<(), Rejection<'static>>> + Send;

    /// A recipient. Refusing it leaves the others as they are. Whoever takes mail for a domain takes it for its
    /// postmaster, and for [`Postmaster`](ForwardPath::Postmaster) without a domain (RFC 5321 section 4.5.1).
    fn rcpt(
        &mut self,
        to: &Recipient<'_>,
    ) -> impl Future<Output = Result<(), Rejection<'static>>> + Send;

    /// The message. Read `body` to its end, and return when the message is where it survives a crash:
    /// to accept is to take responsibility (RFC 5321 section 6.1).
    ///
    /// A rejection before the end refuses the message, and an acceptance takes it; the rest is dropped either
    /// way. After a [`BodyError`](crate::BodyError) other than [`TooBig`](crate::BodyError::TooBig) the result
    /// counts no more.
    ///
    /// Content is what the client sent. A `Received:` field in front of it, which whoever takes mail has to add
    /// (RFC 5321 section 4.4), is made by [`trace::Received`](smtp_proto::trace::Received).
    fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> impl Future<Output = Result<Acceptance<'static>, Rejection<'static>>> + Send;

    /// The message in LMTP: one answer for each recipient that was accepted, in their order
    /// (RFC 2033 section 4.2); recipients for whom there is none are told 451. By default the same for all.
    fn message_lmtp(
        &mut self,
        body: &mut Body<'_>,
    ) -> impl Future<Output = Vec<Result<Acceptance<'static>, Rejection<'static>>>> + Send {
        async move {
            let recipients = body.recipients();
            let answer = self.message(body).await;
            vec![answer; recipients]
        }
    }

    /// VRFY or EXPN: mailboxes, one in each line, or `None` to tell nothing, which is the default
    /// (252).
    fn verify(
        &mut self,
        verb: Verb,
        text: &str,
    ) -> impl Future<Output = Result<Option<String>, Rejection<'static>>> + Send {
        let _ = (verb, text);
        async { Ok(None) }
    }

    /// ETRN: sends what waits for `node`, over connections of its own, and says at once how much that is
    /// (RFC 1985). Refuse by [`CANNOT_QUEUE`](Rejection::CANNOT_QUEUE) or
    /// [`NODE_NOT_ALLOWED`](Rejection::NODE_NOT_ALLOWED), which is the default.
    fn etrn(
        &mut self,
        node: Node<'_>,
        facts: &Facts,
    ) -> impl Future<Output = Result<Waiting, Rejection<'static>>> + Send {
        let _ = (node, facts);
        async { Err(Rejection::NODE_NOT_ALLOWED) }
    }

    /// ATRN: whether to send the client its mail over this connection (RFC 2645), that of `domains` or
    /// of all it has access to. It has logged in; [`turned`](Self::turned) follows. Refuse by
    /// [`DOMAINS_DENIED`](Rejection::DOMAINS_DENIED), which is the default, or
    /// [`NO_MAIL_WAITING`](Rejection::NO_MAIL_WAITING).
    fn atrn(
        &mut self,
        domains: Option<DomainList<'_>>,
        facts: &Facts,
    ) -> impl Future<Output = Result<(), Rejection<'static>>> + Send {
        let _ = (domains, facts);
        async { Err(Rejection::DOMAINS_DENIED) }
    }

    /// The roles have turned after [`atrn`](Self::atrn): `client` is ready to send. QUIT is said when
    /// this returns. When the peer does not greet or refuses the hello this is not called.
    fn turned(&mut self, client: &mut Client) -> impl Future<Output = ()> + Send {
        let _ = client;
        async {}
    }

    /// A verb of the application's own, registered with
    /// [`Config::verb`](smtp_proto::server::Config::verb).
    fn extension(
        &mut self,
        verb: &str,
        argument: Option<&str>,
    ) -> impl Future<Output = Result<Acceptance<'static>, Rejection<'static>>> + Send {
        let _ = (verb, argument);
        async { Err(Rejection::NOT_IMPLEMENTED) }
    }

    /// The client was forgiven something that a stricter
    /// [`Profile`](smtp_proto::profile::Profile) refuses. What a message was forgiven is told when it
    /// has been dealt with.
    fn leniency(&mut self, leniency: Leniency) {
        let _ = leniency;
    }

    /// An answer took longer than [`Server::answer_timeout`](crate::Server::answer_timeout) or
    /// [`Server::delivery_timeout`](crate::Server::delivery_timeout) allow: what was awaited has been
    /// dropped where it stood, and the client is told to try again. When it was a message,
    /// [`reset`](Self::reset) follows.
    fn timed_out(&mut self) {}

    /// The transaction is over, or void: forget its sender and recipients.
    fn reset(&mut self);

    /// The session is over. Not called where it is dropped: because a handler has panicked, at the very end of a
    /// shutdown, or with the future of [`Server::serve_connection`](crate::Server::serve_connection). What must
    /// be done in any case is done by `Drop`.
    fn closed(&mut self, end: &End) -> impl Future<Output = ()> + Send {
        let _ = end;
        async {}
    }
}

/// What waits for a node, in answer to ETRN (RFC 1985 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Waiting {
    /// The queue was started, whatever is in it: 250.
    Unknown,
    /// Nothing: 251.
    Nothing,
    /// Something, which is being sent: 252.
    Something,
    /// So many messages, which are being sent: 253.
    Messages(u64),
}

/// What is known of a session, for decisions and for the `Received:` field.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The number of the session: no two of a server have the same.
    pub session: u64,
    /// The client's address; none on a Unix socket, and behind a proxy that does not know it. The port
    /// is 0 where XCLIENT has told the address alone.
    pub peer: Option<SocketAddr>,
    /// The address the client connected to.
    pub local: Option<SocketAddr>,
    /// The name the client gave itself, as it is spelled; read by [`hello_name`](Self::hello_name).
    pub hello: Option<Box<str>>,
    /// What the TLS handshake settled.
    #[cfg(feature = "tls")]
    pub tls: Option<Box<TlsFacts>>,
    /// As whom the client has authenticated: the authorization identity, or else the authentication
    /// identity; or the login that XCLIENT has told.
    pub identity: Option<Box<str>>,
    /// Seldom there is anything.
    pub(crate) upstream: Option<Box<Upstream>>,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// How the message comes, for the `with` clause of a `Received:` field: "ESMTPSA" and so on
    /// (RFC 3848). Empty before the hello.
    pub transmission_type: &'static str,
}

/// What a proxy or filter has told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upstream {
    pub(crate) overrides: Option<Overrides>,
    pub(crate) proxy: Option<SocketAddr>,
    pub(crate) forwarded: Option<Forwarded>,
}

impl Facts {
    /// The name the client gave itself, for a [`Received`](smtp_proto::trace::Received) field. It need not be a
    /// domain: a server for submissions lets any [other name](HelloName::Other) in. `None` before the hello, and
    /// where an application has put something else into [`hello`](Self::hello).
    pub fn hello_name(&self) -> Option<HelloName<'_>> {
        let any = Syntax { hello: HelloSyntax::Any, ..Syntax::INTERNET };
        HelloName::parse_with(self.hello.as_deref()?.as_bytes(), &any).ok()
    }

    /// All that XCLIENT has told: host name and protocol of the client among it. Addresses, hello name
    /// and identity are in the fields already.
    pub fn overrides(&self) -> Option<&Overrides> {
        self.upstream.as_deref()?.overrides.as_ref()
    }

    /// The address of the proxy that used XCLIENT.
    pub fn proxy(&self) -> Option<SocketAddr> {
        self.upstream.as_deref()?.proxy
    }

    /// What XFORWARD has told of the client upstream, for this transaction: for logs, not for decisions.
    pub fn forwarded(&self) -> Option<&Forwarded> {
        self.upstream.as_deref()?.forwarded.as_ref()
    }

    pub(crate) fn set_forwarded(&mut self, forwarded: Option<&Forwarded>) {
        if forwarded.is_some() || self.upstream.is_some() {
            self.upstream.get_or_insert_default().forwarded = forwarded.cloned();
        }
    }
}

/// MAIL.
#[derive(Debug)]
pub struct Sender<'s> {
    pub(crate) reverse_path: ReversePath<'s>,
    pub(crate) parameters: MailParameters<'s>,
    pub(crate) facts: &'s Facts,
}

impl<'s> Sender<'s> {
    /// From whom; null for delivery reports.
    pub fn reverse_path(&self) -> ReversePath<'s> {
        self.reverse_path
    }

    /// SIZE, BODY, RET and so on; only such as are offered.
    pub fn parameters(&self) -> MailParameters<'s> {
        self.parameters
    }

    /// What is known of the session.
    pub fn facts(&self) -> &'s Facts {
        self.facts
    }
}

/// RCPT.
#[derive(Debug)]
pub struct Recipient<'s> {
    pub(crate) forward_path: ForwardPath<'s>,
    pub(crate) parameters: RcptParameters<'s>,
    pub(crate) index: usize,
    pub(crate) facts: &'s Facts,
}

impl<'s> Recipient<'s> {
    /// To whom.
    pub fn forward_path(&self) -> ForwardPath<'s> {
        self.forward_path
    }

    /// NOTIFY, ORCPT and so on; only such as are offered.
    pub fn parameters(&self) -> RcptParameters<'s> {
        self.parameters
    }

    /// How many recipients of this transaction were accepted before this one.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What is known of the session.
    pub fn facts(&self) -> &'s Facts {
        self.facts
    }
}

/// How a session ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum End {
    /// By QUIT, or by an answer that closes it.
    Regular,
    /// By ATRN: what was to be sent to the client has been sent, as far as that went.
    Turned,
    /// The client broke off, was too slow, or broke the protocol.
    Fault(Fault),
    /// The stream failed.
    Io(std::io::Error),
    /// The TLS handshake failed.
    Tls(std::io::Error),
}
