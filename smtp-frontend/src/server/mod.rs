//! A server: listeners, their sessions, and their end.

mod control;
mod conversation;
mod deadline;
mod fetch;
mod late;
mod limits;
mod link;
mod listen;
mod observe;
mod proxied;
mod run;
mod turned;
mod upstream;

use std::{
    fmt,
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use smtp_proto::{
    auth::{DEFAULT_ITERATIONS, Secret, server::Mechanism},
    extension::Extension,
    sequence::Protocol,
    server::{Auth, Config, Server as Machine},
    transcript::{Entry, Recording},
};

use self::{control::Control, deadline::Patience, listen::Listener};
pub use self::{
    control::Handle,
    limits::{NotARate, Rate, Refusal},
};
pub(crate) use self::{deadline::Pace, fetch::Fetch, link::Link};
use crate::{
    network::Network,
    observer::Observer,
    random,
    runtime::{Adopt, Runtime},
    session::{Backend, End, Facts},
    time::Clock,
};

/// What is called with each line that is said.
type Trace = Arc<dyn Fn(&Facts, &Entry) + Send + Sync>;

/// What a listener's clients find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// SMTP, with STARTTLS where TLS is configured (ports 25 and 587).
    Smtp,
    /// SMTP inside TLS from the first octet (port 465, RFC 8314).
    #[cfg(feature = "tls")]
    Smtps,
    /// LMTP (RFC 2033); never on port 25.
    Lmtp,
}

/// A server of a [`Backend`].
///
/// Each client has a task of its own; a handler that panics ends its own session and no other.
///
/// # In production
///
/// - How many, and how often: [`max_connections`](Self::max_connections),
///   [`max_connections_per_address`](Self::max_connections_per_address),
///   [`connection_rate`](Self::connection_rate),
///   [`connection_rate_per_address`](Self::connection_rate_per_address), and [`exempt`](Self::exempt) for
///   friends. What one session may do is bounded by [`Config::limits`].
/// - How long a client may take: [`Config::timeouts`]; the time for content is that for 16 KiB, and so a
///   least rate. How long a handler may take: [`answer_timeout`](Self::answer_timeout) and
///   [`delivery_timeout`](Self::delivery_timeout).
/// - A shutdown lets transactions finish for the time of [`grace`](Self::grace): it begins by
///   [`shutdown`](Self::shutdown) or [`Handle::shut_down`].
/// - A failure to accept, for want of file descriptors or memory, ends no server.
/// - Certificates for several names, renewed without a restart: `tls::CurrentCertificates`.
/// - Counters and times: [`observe`](Self::observe). Logs: [`trace`](Self::trace).
pub struct Server<B, R: Runtime> {
    core: Core<B>,
    listeners: Vec<Listener<R>>,
    /// In a lock only so that a server can be shared.
    shutdown: Mutex<Option<Signal>>,
    grace: Duration,
}

type Signal = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What all sessions share.
struct Core<B> {
    backend: B,
    smtp: Arc<Config>,
    lmtp: Arc<Config>,
    #[cfg(feature = "tls")]
    tls: Option<Arc<rustls::ServerConfig>>,
    handshake: Duration,
    clock: Clock,
    patience: Patience,
    /// By which users that do not exist get a verifier; empty if there is no randomness.
    decoy: Secret,
    decoy_iterations: u32,
    trace: Option<Trace>,
    observer: Option<Arc<dyn Observer>>,
    recording: Recording,
    /// A PROXY protocol header comes first.
    proxied: bool,
    /// Who may use XCLIENT, and who XFORWARD.
    xclient: Vec<Network>,
    xforward: Vec<Network>,
    /// For whom the limits of each address are not.
    exempt: Vec<Network>,
    control: Arc<Control>,
}

impl<B: Backend, R: Runtime> Server<B, R> {
    /// A server without a listener. LMTP listeners use the same configuration, turned to LMTP.
    pub fn new(config: Config, backend: B) -> Self {
        let lmtp = Arc::new(config.clone().lmtp());
        let clock = Clock::of::<R>();
        let core = Core {
            backend,
            smtp: Arc::new(config),
            lmtp,
            #[cfg(feature = "tls")]
            tls: None,
            handshake: Duration::from_secs(60),
            clock,
            patience: Patience::default(),
            decoy: random::key().unwrap_or_default(),
            decoy_iterations: DEFAULT_ITERATIONS,
            trace: None,
            observer: None,
            recording: Recording::default(),
            proxied: false,
            xclient: Vec::new(),
            xforward: Vec::new(),
            exempt: Vec::new(),
            control: Arc::new(Control::new(clock)),
        };
        Self {
            core,
            listeners: Vec::new(),
            shutdown: Mutex::default(),
            grace: Duration::from_secs(30),
        }
    }

    /// Offers STARTTLS, and makes [`listen_smtps`](Self::listen_smtps) possible.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, config: Arc<rustls::ServerConfig>) -> Self {
        self.core.tls = Some(config);
        self.configure(|config| config.offer(Extension::StartTls))
    }

    /// Offers AUTH by what the backend can do
    /// ([`Backend::mechanisms`](crate::Backend::mechanisms)), those that show a password or a token inside
    /// TLS only; [`Session::answer`](crate::Session::answer) is then asked.
    #[must_use]
    pub fn authentication(self) -> Self {
        let mechanisms = self.core.backend.mechanisms();
        self.configure(|config| mechanisms.iter().copied().fold(config, Config::known_mechanism))
    }

    /// How users that do not exist are made to look like others in SCRAM: by this secret, which is best
    /// the same after a restart and on all hosts that serve the same users, and with as many iterations as
    /// users have. By default a random one, and 10,000.
    #[must_use]
    pub fn unknown_users(mut self, secret: Secret, iterations: u32) -> Self {
        self.core.decoy = secret;
        self.core.decoy_iterations = iterations;
        self
    }

    fn configure(mut self, change: impl Fn(Config) -> Config) -> Self {
        for config in [&mut self.core.smtp, &mut self.core.lmtp] {
            *config = Arc::new(change(Config::clone(config)));
        }
        self
    }

    /// The configuration for LMTP listeners, when it is not that for SMTP turned to LMTP.
    #[must_use]
    pub fn lmtp_config(mut self, config: Config) -> Self {
        self.core.lmtp = Arc::new(config.lmtp());
        self
    }

    /// Serves SMTP there.
    #[must_use]
    pub fn listen_smtp(mut self, listener: R::TcpListener) -> Self {
        self.listeners.push(Listener::new(listener.into(), Service::Smtp));
        self
    }

    /// Serves SMTP inside TLS there. Without [`tls`](Self::tls) every client is turned away.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn listen_smtps(mut self, listener: R::TcpListener) -> Self {
        self.listeners.push(Listener::new(listener.into(), Service::Smtps));
        self
    }

    /// Serves LMTP there: on a `TcpListener`, or a `UnixListener` where there are such.
    #[must_use]
    pub fn listen_lmtp(mut self, listener: impl Into<R::Listener>) -> Self {
        self.listeners.push(Listener::new(listener.into(), Service::Lmtp));
        self
    }

    /// At most so many sessions at a time; 10,000 by default.
    ///
    /// Who is over this or another limit is told 421 with the reason and closed, before there is a session
    /// and before the backend hears of it. Inside TLS from the first octet nothing can be told, and to more than
    /// 256 clients at a time nothing is.
    #[must_use]
    pub fn max_connections(self, most: usize) -> Self {
        self.core.control.limit(|limits| limits.most = most);
        self
    }

    /// At most so many sessions of one address at a time; by default no such limit. The IPv6 addresses of
    /// one subnet, which have the same first 64 bits, count as one.
    #[must_use]
    pub fn max_connections_per_address(self, most: usize) -> Self {
        self.core.control.limit(|limits| limits.most_per_address = most);
        self
    }

    /// At most so many new sessions in a time; by default no such limit. Who is refused does not count.
    #[must_use]
    pub fn connection_rate(self, rate: Rate) -> Self {
        self.core.control.limit(|limits| limits.rate = Some(rate));
        self
    }

    /// At most so many new sessions of one address in a time, addresses being taken as by
    /// [`max_connections_per_address`](Self::max_connections_per_address); by default no such limit.
    ///
    /// Of addresses that have no open session 32,768 are remembered; when there are more, those that have
    /// used least of their rate are forgotten first.
    #[must_use]
    pub fn connection_rate_per_address(self, rate: Rate) -> Self {
        self.core.control.limit(|limits| limits.rate_per_address = Some(rate));
        self
    }

    /// Exempts these hosts from the limits of each address: relays of one's own, monitors. Those of
    /// [`xclient`](Self::xclient) are exempt already, as they speak for many.
    #[must_use]
    pub fn exempt(mut self, hosts: impl IntoIterator<Item = impl Into<Network>>) -> Self {
        self.core.exempt.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// Expects a PROXY protocol header, version 1 or 2, in front of every session, and takes the
    /// addresses in it for those of the client. A connection without one is dropped. Only for
    /// listeners that nobody but the proxy can reach: anybody else could claim any address.
    #[must_use]
    pub fn proxy_protocol(mut self, expected: bool) -> Self {
        self.core.proxied = expected;
        self
    }

    /// Lets these hosts use XCLIENT: they can be anybody, so they are to be proxies that let nobody else
    /// use it. It is offered to no other. Once a proxy has told another address, that one counts.
    #[must_use]
    pub fn xclient(mut self, hosts: impl IntoIterator<Item = impl Into<Network>>) -> Self {
        self.core.xclient.extend(hosts.into_iter().map(Into::into));
        self.configure(|config| config.offer(Extension::XClient))
    }

    /// Lets these hosts use XFORWARD, which changes what a log says of a message. It is offered to no
    /// other.
    #[must_use]
    pub fn xforward(mut self, hosts: impl IntoIterator<Item = impl Into<Network>>) -> Self {
        self.core.xforward.extend(hosts.into_iter().map(Into::into));
        self.configure(|config| config.offer(Extension::XForward))
    }

    /// How long a TLS handshake may take; one minute by default. The shorter one of this and
    /// [`ServerTimeouts::tls`](smtp_proto::limits::ServerTimeouts::tls) counts.
    #[must_use]
    pub fn handshake_timeout(mut self, time: Duration) -> Self {
        self.core.handshake = time;
        self
    }

    /// How long a handler may take for an answer, or with a piece of a message; 110 seconds by default, so
    /// that a reply comes within two minutes (RFC 6409 section 5.3). It is not counted while the handler
    /// waits for the client.
    ///
    /// When the time is over, what the handler was doing is dropped, the client is told 451 4.3.0 (454 in
    /// answer to AUTH, 421 in place of a greeting), [`Session::timed_out`](crate::Session::timed_out) is
    /// called, and the session goes on. What the handler has given to other tasks or threads is not ended
    /// by that. [`Session::turned`](crate::Session::turned) may take as long as its client does.
    #[must_use]
    pub fn answer_timeout(mut self, time: Duration) -> Self {
        self.core.patience.answer = time;
        self
    }

    /// How long a handler may take for its answer to a message when it has read the end of it; 8 minutes
    /// by default: clients wait ten (RFC 5321 section 4.5.3.2.6), those that submit often two to five
    /// (RFC 6409 section 5.3).
    ///
    /// When the time is over, all goes as for [`answer_timeout`](Self::answer_timeout). The client sends
    /// the message again: if it was stored nevertheless, it is there twice, but it is not lost.
    #[must_use]
    pub fn delivery_timeout(mut self, time: Duration) -> Self {
        self.core.patience.delivery = time;
        self
    }

    /// Shuts down when `signal` is done; see [`Handle::shut_down`].
    #[must_use]
    pub fn shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Mutex::new(Some(Box::pin(signal)));
        self
    }

    /// How long transactions under way may go on after a shutdown began; 30 seconds by default.
    #[must_use]
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }

    /// Calls `trace` with each entry of any session's record, secrets masked. It is called in the
    /// session's task, when a question has been answered: it must not block.
    #[must_use]
    pub fn trace(mut self, trace: impl Fn(&Facts, &Entry) + Send + Sync + 'static) -> Self {
        self.core.trace = Some(Arc::new(trace));
        self
    }

    /// Tells `observer` of connections, answers, messages and their times, for those who count.
    #[must_use]
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.core.observer = Some(Arc::new(observer));
        self
    }

    /// How sessions are recorded where [`trace`](Self::trace) is called: whether content is kept, and
    /// the bounds of what waits to be told. By default as [`Recording::default`] has it.
    #[must_use]
    pub fn recording(mut self, recording: impl Into<Recording>) -> Self {
        self.core.recording = recording.into();
        self
    }

    /// By which the server can be shut down from elsewhere.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.core.control))
    }

    /// Serves until it is shut down and the last session has ended.
    ///
    /// When the future is dropped nothing listens any more; sessions go on.
    pub async fn serve(self) {
        let Self { core, listeners, shutdown, grace } = self;
        let shutdown = shutdown.into_inner().unwrap_or_else(PoisonError::into_inner);
        listen::serve::<B, R>(Arc::new(core), listeners, shutdown, grace).await;
    }

    /// Serves one client on a stream of the caller's: from inetd, another kind of listener, or a
    /// test. It counts for no limit. [`Handle::shut_down`] ends it as any other, but nobody keeps the
    /// [`grace`](Self::grace) here: whoever waits for the future may drop it. `peer` and `local` of `facts` are
    /// what is told to the backend.
    pub fn serve_connection<S>(
        &self,
        stream: S,
        service: Service,
        facts: Facts,
    ) -> impl Future<Output = End> + Send
    where
        R: Adopt<S>,
    {
        // Not an async function: its future would own all of this twice.
        let driver = R::drive(R::adopt(stream), Machine::new(self.core.config(service)));
        run::session(&self.core, driver, service, facts, self.core.control.seat())
    }
}

impl<B: Backend> Core<B> {
    /// The server's side of the mechanism that an exchange begins with. None without randomness.
    fn mechanism(&self, question: &Auth<'_>) -> Option<Box<dyn Mechanism>> {
        let nonce = random::nonce().ok()?;
        let setting = question.setting(nonce, &self.decoy).iterations(self.decoy_iterations);
        self.backend.mechanism(question.mechanism(), &setting)
    }
}

impl<B> Core<B> {
    fn has_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// The address that the limits of each are for, if there are such for this client.
    fn limited(&self, facts: &Facts) -> Option<IpAddr> {
        let address = facts.peer?.ip();
        let mut exempt = self.exempt.iter().chain(&self.xclient);
        (!exempt.any(|network| network.contains(address))).then_some(address)
    }

    fn config(&self, service: Service) -> Arc<Config> {
        Arc::clone(match service {
            Service::Lmtp => &self.lmtp,
            _ => &self.smtp,
        })
    }
}

impl Service {
    fn protocol(self) -> Protocol {
        match self {
            Self::Lmtp => Protocol::Lmtp,
            _ => Protocol::Smtp,
        }
    }

    fn is_implicit_tls(self) -> bool {
        #[cfg(feature = "tls")]
        return self == Self::Smtps;
        #[cfg(not(feature = "tls"))]
        false
    }
}

impl<B, R: Runtime> fmt::Debug for Server<B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listeners", &self.listeners)
            .field("config", &self.core.smtp)
            .finish_non_exhaustive()
    }
}
