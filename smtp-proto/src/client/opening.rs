//! From the greeting to a session that can send mail: hello, TLS, authentication.

use alloc::{boxed::Box, string::String};

use super::{Client, Login, Misuse, ReplyTo};
use crate::{
    auth::{
        Secret,
        client::{Mechanism, Refused},
    },
    command,
    domain::HelloName,
    extension::Extension,
    fault::Fault,
    reply::{Reply, ReplyBuf},
    sequence::Protocol,
    status::{Code, Severity},
};

/// Whether STARTTLS is used (RFC 3207). A session that is inside TLS from its beginning does not
/// care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TlsUse {
    /// Never.
    None,
    /// When the server offers it; a refusal is no obstacle. It protects against those who listen, not
    /// against those who meddle.
    Opportunistic,
    /// Always: without TLS nothing is sent, neither credentials nor mail.
    #[default]
    Required,
}

/// Opens a session: waits for the greeting, says EHLO (or LHLO, or HELO to a server that knows
/// nothing else), starts TLS, says EHLO again, and authenticates.
///
/// The runner hands each reply to [`reply`](Self::reply), each fault to [`fault`](Self::fault), and
/// between them asks [`next`](Self::next).
#[derive(Debug)]
pub struct Opening<'o> {
    name: HelloName<'o>,
    tls: TlsUse,
    login: Option<Login>,
    stage: Stage,
    /// The mechanism being tried.
    current: Option<Box<dyn Mechanism>>,
    /// Its initial response, where that waits for an empty challenge.
    held: Option<Secret>,
    /// Why the last mechanism was not wanted.
    unwanted: Option<ReplyBuf>,
    /// The client's side gave up on the exchange.
    given_up: Option<Refused>,
    /// The exchange takes place inside TLS.
    inside_tls: bool,
    /// EHLO is not said, or not again.
    helo: bool,
    /// The server hung up where the reply to EHLO was due.
    dropped: bool,
}

#[derive(Debug)]
enum Stage {
    Greeting,
    Hello,
    SayHelo,
    SayHello,
    Greeted,
    StartTls,
    Tls,
    Auth,
    Respond(Secret),
    Cancel,
    Ready,
    Failed(OpeningError),
}

impl core::fmt::Debug for dyn Mechanism {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// What an [`Opening`] wants next.
#[derive(Debug)]
#[must_use]
pub enum OpeningStep {
    /// Replies are awaited: step the client.
    Await,
    /// The session can be used.
    Ready,
    /// It cannot.
    Failed(OpeningError),
}

/// Why a session could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// The server does not want to serve this client.
    #[error("the server refused the connection: {0}")]
    Greeting(ReplyBuf),
    /// The server refused the hello.
    #[error("the server refused the hello: {0}")]
    Hello(ReplyBuf),
    /// TLS is required and the server does not offer it.
    #[error("the server does not offer STARTTLS")]
    TlsNotOffered,
    /// TLS is required and the server does not start it.
    #[error("the server refused STARTTLS: {0}")]
    TlsRefused(ReplyBuf),
    /// The server offers no AUTH mechanism of those given that may be used on this connection.
    #[error("no usable AUTH mechanism is offered")]
    NoMechanism,
    /// The server refused the credentials.
    #[error("authentication refused: {0}")]
    AuthRefused(ReplyBuf),
    /// The server refused the token, and said why.
    #[error("authentication refused: {reply} ({})", String::from_utf8_lossy(explanation).escape_debug())]
    TokenRefused {
        /// The server's reply.
        reply: ReplyBuf,
        /// What it said before, as a rule a JSON object (RFC 7628 section 3.2.2): the scope that is
        /// needed, or where to learn more.
        explanation: Box<[u8]>,
    },
    /// The server's part of the exchange was wrong, or its proof is missing.
    #[error("authentication failed: {0}")]
    AuthFailed(Refused),
    /// The session failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The session was not in a state to be opened.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

impl OpeningError {
    /// The server's reply that decided, if one did.
    pub fn reply(&self) -> Option<&ReplyBuf> {
        match self {
            Self::Greeting(reply)
            | Self::Hello(reply)
            | Self::TlsRefused(reply)
            | Self::AuthRefused(reply)
            | Self::TokenRefused { reply, .. }
            | Self::Fault(Fault::ServiceNotAvailable(reply)) => Some(reply),
            _ => None,
        }
    }

    /// Whether trying again later makes sense. A connection or a hello that was refused, and TLS that
    /// could not be had, may be otherwise at another host or time (RFC 5321 section 5.1); credentials
    /// that are wrong stay wrong.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Greeting(reply)
            | Self::Hello(reply)
            | Self::AuthRefused(reply)
            | Self::TokenRefused { reply, .. } => reply.severity() == Severity::TransientNegative,
            Self::TlsNotOffered | Self::TlsRefused(_) | Self::Fault(_) => true,
            Self::NoMechanism | Self::AuthFailed(_) | Self::Misuse(_) => false,
        }
    }

    /// Whether the next address or host may do better (RFC 5321 section 5.1, RFC 3207 section 6; C-01,
    /// C-15). Credentials that one server has refused for good are not shown to others, nor are those
    /// that somebody in between may be after.
    pub fn may_differ_elsewhere(&self) -> bool {
        match self {
            Self::Greeting(_)
            | Self::Hello(_)
            | Self::TlsNotOffered
            | Self::TlsRefused(_)
            | Self::NoMechanism
            | Self::Fault(_) => true,
            Self::AuthRefused(reply) | Self::TokenRefused { reply, .. } => {
                reply.severity() == Severity::TransientNegative
            }
            Self::AuthFailed(_) | Self::Misuse(_) => false,
        }
    }
}

impl<'o> Opening<'o> {
    /// An opening in the name of `name`.
    pub fn new(name: HelloName<'o>, tls: TlsUse) -> Self {
        Self {
            name,
            tls,
            login: None,
            stage: Stage::Greeting,
            current: None,
            held: None,
            unwanted: None,
            given_up: None,
            inside_tls: false,
            helo: false,
            dropped: false,
        }
    }

    /// Says HELO at once, to a server that [hung up](Self::may_retry_with_helo) on EHLO.
    #[must_use]
    pub fn helo(mut self) -> Self {
        self.helo = true;
        self
    }

    /// Authenticates before the session is ready.
    #[must_use]
    pub fn login(mut self, login: Login) -> Self {
        self.login = Some(login);
        self
    }

    /// Sends what can be sent now, and says what comes next.
    pub fn next(&mut self, client: &mut Client) -> OpeningStep {
        loop {
            let done = match core::mem::replace(&mut self.stage, Stage::Ready) {
                Stage::SayHelo => self.send(client.helo(self.name), Stage::Hello),
                Stage::SayHello => self.send(client.hello(self.name), Stage::Hello),
                Stage::Greeted => self.greeted(client),
                Stage::Tls if client.is_tls() => {
                    self.stage = Stage::SayHello;
                    None
                }
                Stage::Respond(response) => {
                    self.send(client.auth_response(response.as_slice()), Stage::Auth)
                }
                Stage::Cancel => self.send(client.auth_cancel(), Stage::Auth),
                Stage::Ready => Some(OpeningStep::Ready),
                Stage::Failed(error) => {
                    self.stage = Stage::Failed(error.clone());
                    Some(OpeningStep::Failed(error))
                }
                waiting => {
                    self.stage = waiting;
                    Some(OpeningStep::Await)
                }
            };
            if let Some(step) = done {
                return step;
            }
        }
    }

    fn send(&mut self, sent: Result<(), Misuse>, then: Stage) -> Option<OpeningStep> {
        self.stage = match sent {
            Ok(()) => then,
            Err(misuse) => Stage::Failed(misuse.into()),
        };
        None
    }

    /// The hello was answered: TLS first, then authentication.
    fn greeted(&mut self, client: &mut Client) -> Option<OpeningStep> {
        if client.is_authenticated() {
            self.stage = Stage::Ready;
            return None;
        }
        let offered = client.capabilities().is_some_and(|all| all.offers(Extension::StartTls));
        if !client.is_tls() && self.tls != TlsUse::None {
            if offered {
                return self.send(client.starttls(), Stage::StartTls);
            }
            if self.tls == TlsUse::Required {
                self.stage = Stage::Failed(OpeningError::TlsNotOffered);
                return None;
            }
        }
        self.authenticate(client)
    }

    /// Tries the next mechanism.
    fn authenticate(&mut self, client: &mut Client) -> Option<OpeningStep> {
        let Some(login) = self.login.as_mut() else {
            self.stage = Stage::Ready;
            return None;
        };
        self.inside_tls = client.is_tls();
        let Some(mut mechanism) = login.next(client) else {
            self.stage = Stage::Failed(match self.unwanted.take() {
                Some(reply) => OpeningError::AuthRefused(reply),
                None => OpeningError::NoMechanism,
            });
            return None;
        };
        let name = String::from(mechanism.name());
        let Ok(name) = command::Mechanism::parse(&name) else {
            // Not a name that can be sent: the next mechanism, then.
            self.stage = Stage::Greeted;
            return None;
        };
        // A line over 512 octets is not for every server: then the response waits for the empty
        // challenge (RFC 4954 section 4).
        let response = mechanism.initial_response();
        let inline = login.long_initial_response;
        let fits = response.as_ref().is_none_or(|response| {
            inline || name.as_str().len() + crate::auth::encoded_len(response.len()) + 8 <= 512
        });
        let (sent, held) = if fits { (response, None) } else { (None, response) };
        let sent = client.auth(name, sent.as_ref().map(|response| response.as_slice()));
        (self.current, self.held) = (Some(mechanism), held);
        self.send(sent, Stage::Auth)
    }

    /// A reply came.
    pub fn reply(&mut self, to: ReplyTo, reply: Reply<'_>) {
        let severity = reply.severity();
        let positive = severity == Severity::PositiveCompletion;
        self.stage = match (core::mem::replace(&mut self.stage, Stage::Ready), to) {
            (Stage::Greeting, ReplyTo::Greeting) if positive && self.helo => Stage::SayHelo,
            (Stage::Greeting, ReplyTo::Greeting) if positive => Stage::SayHello,
            (Stage::Greeting, ReplyTo::Greeting) => {
                Stage::Failed(OpeningError::Greeting(reply.to_owned()))
            }
            (Stage::Hello, ReplyTo::Hello(_)) if positive => Stage::Greeted,
            (Stage::Hello, ReplyTo::Hello(command::Verb::Ehlo))
                if self.may_fall_back(reply.code()) =>
            {
                self.helo = true;
                Stage::SayHelo
            }
            (Stage::Hello, ReplyTo::Hello(_)) => {
                Stage::Failed(OpeningError::Hello(reply.to_owned()))
            }
            (Stage::StartTls, ReplyTo::StartTls) if positive => Stage::Tls,
            (Stage::StartTls, ReplyTo::StartTls) if self.tls == TlsUse::Required => {
                Stage::Failed(OpeningError::TlsRefused(reply.to_owned()))
            }
            (Stage::StartTls, ReplyTo::StartTls) => {
                // In the clear, then: not asked again.
                self.tls = TlsUse::None;
                Stage::Greeted
            }
            (Stage::Auth, ReplyTo::Auth) => self.auth_reply(reply),
            (stage, _) => stage,
        };
    }

    fn auth_reply(&mut self, reply: Reply<'_>) -> Stage {
        if let Some(refused) = self.given_up.take() {
            return Stage::Failed(OpeningError::AuthFailed(refused));
        }
        match reply.severity() {
            Severity::PositiveCompletion => {
                match self.current.take().map(|mut mechanism| mechanism.accepted()) {
                    Some(Err(refused)) => Stage::Failed(OpeningError::AuthFailed(refused)),
                    _ if self.login.as_ref().is_some_and(|login| login.hello_after) => {
                        Stage::SayHello
                    }
                    _ => Stage::Ready,
                }
            }
            Severity::PositiveIntermediate => match self.challenged(reply) {
                Ok(response) => Stage::Respond(response),
                Err(refused) => {
                    self.given_up = Some(refused);
                    Stage::Cancel
                }
            },
            _ => self.auth_refused(reply),
        }
    }

    fn auth_refused(&mut self, reply: Reply<'_>) -> Stage {
        let mechanism = self.current.take();
        let goes_on = match reply.code() {
            Code::ARGUMENT_NOT_IMPLEMENTED
            | Code::MECHANISM_TOO_WEAK
            | Code::MECHANISM_NEEDS_ENCRYPTION => true,
            // Once, and never in the clear; the mechanism itself works from the next session on.
            Code::PASSWORD_TRANSITION
                if self.inside_tls && mechanism.as_ref().is_some_and(|it| it.name() != "PLAIN") =>
            {
                if let Some(login) = &mut self.login {
                    login.only_plain();
                }
                true
            }
            _ => false,
        };
        if goes_on {
            self.unwanted = Some(reply.to_owned());
            return Stage::Greeted;
        }
        Stage::Failed(match mechanism.and_then(|mut mechanism| mechanism.explanation()) {
            Some(explanation) => OpeningError::TokenRefused {
                reply: reply.to_owned(),
                explanation: explanation.into_boxed_slice(),
            },
            None => OpeningError::AuthRefused(reply.to_owned()),
        })
    }

    /// The mechanism's answer to a challenge. A challenge of more than one line, or that is no
    /// base64, is refused.
    fn challenged(&mut self, reply: Reply<'_>) -> Result<Secret, Refused> {
        let malformed = Refused::new("malformed challenge");
        let mut lines = reply.lines();
        let line = lines.next().unwrap_or_default();
        if lines.next().is_some() {
            return Err(malformed);
        }
        let mut challenge = Secret::default();
        crate::auth::Base64::parse_line(line).map_err(|_| malformed)?.decode_into(&mut challenge);
        match (self.current.as_mut(), self.held.take()) {
            (Some(mechanism), None) => mechanism.respond(challenge.as_slice()),
            (Some(_), Some(response)) if challenge.is_empty() => Ok(response),
            (Some(_), Some(_)) => Err(Refused::new("a challenge where an empty one was due")),
            (None, _) => Err(malformed),
        }
    }

    /// The session failed.
    pub fn fault(&mut self, fault: Fault) {
        self.dropped = !self.helo && fault == Fault::Closed && matches!(self.stage, Stage::Hello);
        self.stage = Stage::Failed(fault.into());
    }

    /// HELO to a server that does not know EHLO (RFC 5321 section 3.2), unless what is wanted needs
    /// EHLO.
    fn may_fall_back(&self, code: Code) -> bool {
        matches!(code.value(), 500 | 501 | 502 | 504) && self.helo_is_enough()
    }

    fn helo_is_enough(&self) -> bool {
        self.tls != TlsUse::Required && self.login.is_none()
    }

    /// After a session that failed: whether the server hung up on EHLO, and a new connection with
    /// [`helo`](Self::helo) may be tried by the
    /// [profile](crate::profile::ClientPolicy::helo_after_drop) of `client` (RFC 5321 section 3.2;
    /// C-04).
    pub fn may_retry_with_helo(&self, client: &Client) -> bool {
        self.dropped
            && self.helo_is_enough()
            && !client.is_tls()
            && client.config().profile.client.helo_after_drop
            && client.config().protocol == Protocol::Smtp
    }

    /// After a TLS handshake that failed: whether a new connection without TLS may be tried.
    pub fn may_retry_without_tls(&self) -> bool {
        self.tls == TlsUse::Opportunistic && self.login.is_none()
    }
}
