//! What a user of the server writes: a [`Backend`] and its [`Session`].

use std::{future::Future, net::SocketAddr};

use smtp_proto::{
    answer::{Acceptance, Rejection},
    auth::server::{Credentials, Login, Mechanism, Plain},
    command::Verb,
    fault::Fault,
    parameter::{MailParameters, RcptParameters},
    path::{ForwardPath, ReversePath},
    sequence::Protocol,
};

use crate::body::Body;
#[cfg(feature = "tls")]
use crate::tls::TlsFacts;

/// What a server is for: makes a [`Session`] for each client.
pub trait Backend: Send + Sync + 'static {
    /// What is kept for one client.
    type Session: Session;

    /// A client has connected. A rejection with 421 closes the connection, any other is told as 554.
    fn connect(
        &self,
        facts: &Facts,
    ) -> impl Future<Output = Result<Self::Session, Rejection<'static>>> + Send;

    /// The server's side of an AUTH mechanism that the configuration offers, named in upper case.
    /// PLAIN and LOGIN are known by themselves.
    fn mechanism(&self, name: &str) -> Option<Box<dyn Mechanism>> {
        match name {
            "PLAIN" => Some(Box::new(Plain::new())),
            "LOGIN" => Some(Box::new(Login::new())),
            _ => None,
        }
    }
}

/// One client's session. What each method returns is the reply.
///
/// A transaction is `mail`, `rcpt` for each recipient, `message`, and then `reset`. All but `mail`,
/// `rcpt`, `message` and `reset` may be left as they are. Commands that come at the wrong time, that
/// are malformed or ask for what is not offered never get here.
pub trait Session: Send {
    /// EHLO, HELO or LHLO. The name is in [`Facts::hello`].
    fn hello(
        &mut self,
        facts: &Facts,
    ) -> impl Future<Output = Result<(), Rejection<'static>>> + Send {
        let _ = facts;
        async { Ok(()) }
    }

    /// Somebody wants to log in. Whatever is wrong, say
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

    /// A recipient. Refusing it leaves the others as they are.
    fn rcpt(
        &mut self,
        to: &Recipient<'_>,
    ) -> impl Future<Output = Result<(), Rejection<'static>>> + Send;

    /// The message. Read `body` to its end, and return when the message is where it survives a crash:
    /// to accept is to take responsibility (RFC 5321 section 6.1).
    ///
    /// A rejection before the end refuses the message; the rest of it is not kept. After a
    /// [`BodyError`](crate::BodyError) the result counts no more.
    fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> impl Future<Output = Result<Acceptance<'static>, Rejection<'static>>> + Send;

    /// The message in LMTP: one answer for each recipient that was accepted, in their order
    /// (RFC 2033 section 4.2). By default the same for all.
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

    /// The transaction is over, or void: forget its sender and recipients.
    fn reset(&mut self);

    /// The session is over.
    fn closed(&mut self, end: &End) -> impl Future<Output = ()> + Send {
        let _ = end;
        async {}
    }
}

/// What is known of a session, for decisions and for the `Received:` field.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The number of the session: no two of a server have the same.
    pub session: u64,
    /// The client's address; none on a Unix socket, and behind a proxy that does not know it.
    pub peer: Option<SocketAddr>,
    /// The address the client connected to.
    pub local: Option<SocketAddr>,
    /// The name the client gave itself.
    pub hello: Option<Box<str>>,
    /// What the TLS handshake settled.
    #[cfg(feature = "tls")]
    pub tls: Option<Box<TlsFacts>>,
    /// As whom the client has authenticated: the authorization identity, or else the authentication
    /// identity.
    pub identity: Option<Box<str>>,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// How the message comes, for the `with` clause of a `Received:` field: "ESMTPSA" and so on
    /// (RFC 3848). Empty before the hello.
    pub transmission_type: &'static str,
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

    /// NOTIFY and ORCPT; only such as are offered.
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
    /// The client broke off, was too slow, or broke the protocol.
    Fault(Fault),
    /// The stream failed.
    Io(std::io::Error),
    /// The TLS handshake failed.
    Tls(std::io::Error),
}
