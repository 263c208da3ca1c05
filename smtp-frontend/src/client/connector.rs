//! How sessions are made.

use std::{
    fmt, io,
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use smtp_proto::{
    auth::client::{Credentials, InvalidCredentials},
    client::{Config, Login},
    domain::HelloName,
    error::ParseError,
    proxy::Version,
    relay::Own,
    transcript::{Entry, Recording},
};

use super::{Observer, Progress, Proxy, Trace, target::in_a_labels};
use crate::{random, runtime::Runtime};

/// How TLS is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tls {
    /// Never.
    None,
    /// When the server offers STARTTLS, and in the clear otherwise: the custom between mail servers.
    /// It protects against those who listen, not against those who meddle; certificates are not
    /// verified unless [`Connector::tls_config`] says otherwise. When the handshake fails one new
    /// connection is made in the clear, unless credentials are to be sent.
    #[cfg(feature = "tls")]
    Opportunistic,
    /// By STARTTLS, always: without TLS nothing is sent (port 587 or 25).
    #[cfg(feature = "tls")]
    StartTls,
    /// From the first octet (port 465, RFC 8314 section 3).
    #[cfg(feature = "tls")]
    Implicit,
}

/// Makes a login for a host and a port.
type Logins = Arc<dyn Fn(Option<&str>, Option<u16>) -> io::Result<Login> + Send + Sync>;

/// Makes sessions: to whom, in whose name, with which TLS and which credentials.
///
/// Everything is set once and used for any number of connections; a clone shares it.
#[derive(Clone)]
pub struct Connector<R> {
    pub(super) tls: Tls,
    #[cfg(feature = "tls")]
    pub(super) tls_config: Option<Arc<rustls::ClientConfig>>,
    #[cfg(feature = "tls")]
    pub(super) tls_verifier: Option<Arc<dyn rustls::client::danger::ServerCertVerifier>>,
    #[cfg(feature = "tls")]
    pub(super) verifies_server: bool,
    pub(super) server_name: Option<Box<str>>,
    pub(super) hello_name: Option<Box<str>>,
    pub(super) login: Option<Logins>,
    pub(super) config: Config,
    pub(super) connect_timeout: Duration,
    pub(super) max_attempts: usize,
    pub(super) own: Own,
    pub(super) mx_port: u16,
    pub(super) trace: Option<Trace>,
    pub(super) recording: Recording,
    pub(super) observer: Option<Observer>,
    pub(super) proxy_header: Option<(Version, Option<SocketAddr>)>,
    pub(super) proxy: Option<Proxy>,
    /// Where connections come from: an address of each family.
    pub(super) source: [Option<IpAddr>; 2],
    pub(super) runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> Connector<R> {
    /// With this use of TLS, and everything else by default.
    pub fn new(tls: Tls) -> Self {
        Self {
            tls,
            #[cfg(feature = "tls")]
            tls_config: None,
            #[cfg(feature = "tls")]
            tls_verifier: None,
            #[cfg(feature = "tls")]
            verifies_server: true,
            server_name: None,
            hello_name: None,
            login: None,
            config: Config::default(),
            connect_timeout: Duration::from_secs(30),
            max_attempts: 10,
            own: Own::default(),
            mx_port: 25,
            trace: None,
            recording: Recording::default(),
            observer: None,
            proxy_header: None,
            proxy: None,
            source: [None; 2],
            runtime: PhantomData,
        }
    }

    /// The name to say hello with: the host's own, fully qualified. By default the address literal of
    /// the local end of the connection (RFC 5321 section 4.1.3). A name beyond ASCII goes out in A-labels
    /// (RFC 6531 section 3.7.1), which needs the feature `idna`.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn hello_name(mut self, name: &str) -> Result<Self, ParseError> {
        let name = in_a_labels(name);
        HelloName::parse(&name)?;
        self.hello_name = Some(name.into());
        Ok(self)
    }

    /// Authenticates with a name and a password: by SCRAM, bound to the TLS session if that can be, and
    /// else inside TLS by PLAIN or LOGIN.
    ///
    /// # Errors
    /// Credentials that no server could take.
    pub fn credentials(self, name: &str, password: &str) -> Result<Self, InvalidCredentials> {
        Ok(self.authenticate(Credentials::password(name, password)?, |login| login))
    }

    /// Authenticates with a name and a bearer token, by OAUTHBEARER or XOAUTH2, inside TLS.
    ///
    /// # Errors
    /// Credentials that no server could take.
    pub fn token(self, name: &str, token: &str) -> Result<Self, InvalidCredentials> {
        Ok(self.authenticate(Credentials::token(name, token)?, |login| login))
    }

    /// Authenticates by the TLS client certificate of the configuration (`tls_config`), to act for
    /// `authzid` or, if that is empty, for whom the certificate is for.
    ///
    /// # Errors
    /// Credentials that no server could take.
    pub fn external(self, authzid: &str) -> Result<Self, InvalidCredentials> {
        Ok(self.authenticate(Credentials::external(authzid)?, |login| login))
    }

    /// Authenticates with all that `credentials` have, by what `choose` makes of a [`Login`]: which
    /// mechanisms, and how.
    ///
    /// ```
    /// # use smtp_tokio::{Connector, Tls, proto};
    /// use proto::auth::{Known, client::Credentials};
    ///
    /// let credentials = Credentials::password("alice", "s3cret!")?;
    /// Connector::new(Tls::None).authenticate(credentials, |login| login.only([Known::CramMd5]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn authenticate(
        mut self,
        credentials: Credentials,
        choose: impl Fn(Login) -> Login + Send + Sync + 'static,
    ) -> Self {
        self.login = Some(Arc::new(move |server, port| {
            let mut credentials = credentials.clone();
            if let (Some(server), Some(port)) = (server, port) {
                credentials = credentials.clone().server(server, port).unwrap_or(credentials);
            }
            Ok(choose(Login::choose(credentials, random::nonce()?)))
        }));
        self
    }

    /// Authenticates with what `login` gives, which is called for each connection: with mechanisms of
    /// one's own.
    #[must_use]
    pub fn login(mut self, login: impl Fn() -> Login + Send + Sync + 'static) -> Self {
        self.login = Some(Arc::new(move |_, _| Ok(login())));
        self
    }

    /// The configuration of the machine: protocol, timeouts, limits, pipelining or not.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The configuration of TLS. By default certificates are verified against the roots of the
    /// operating system, except that [`Tls::Opportunistic`] does not verify them.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_config(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.tls_config = Some(config);
        self
    }

    /// Who verifies certificates where a host's [policy](super::Target::policy) wants them verified and TLS is
    /// opportunistic otherwise. By default the operating system's roots.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_verifier(
        mut self,
        verifier: Arc<dyn rustls::client::danger::ServerCertVerifier>,
    ) -> Self {
        self.tls_verifier = Some(verifier);
        self
    }

    /// Whether [`tls_config`](Self::tls_config) verifies the server, as every configuration does that is
    /// not made by rustls's `dangerous()`. Where it does not, say `false`: then nothing is sent that must
    /// go to a server that is verified (REQUIRETLS, RFC 8689 section 4.2.1).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn verifies_server(mut self, verifies: bool) -> Self {
        self.verifies_server = verifies;
        self
    }

    /// The name the server's certificate is for, when it is not the host connected to.
    #[must_use]
    pub fn server_name(mut self, name: &str) -> Self {
        self.server_name = Some(in_a_labels(name).into());
        self
    }

    /// Says a PROXY protocol header in front of the session, as proxies do: that the connection is
    /// made on behalf of `source`, or without one that it is the proxy's own (version 1: that the
    /// client is unknown). The client's destination is the address connected to.
    #[must_use]
    pub fn proxy_protocol(mut self, version: Version, source: Option<SocketAddr>) -> Self {
        self.proxy_header = Some((version, source));
        self
    }

    /// Connects through a proxy: to the hosts by their names, which the proxy looks up, unless their
    /// [addresses](super::Target::addresses) are known. Unix sockets are connected to as ever.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Has connections come from this address of this host; one of each family may be set, by two calls.
    /// When only one is, addresses of the other family are not connected to.
    #[must_use]
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.source[usize::from(address.is_ipv6())] = Some(address);
        self
    }

    /// How long connecting to each address may take; 30 seconds by default. The same for looking up
    /// the host, and for each step of a proxy's.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// How many addresses are tried for one session, of all hosts together; 10 by default. RFC 5321
    /// section 5.1 wants two at least, where there are so many; 0 is taken for 1.
    #[must_use]
    pub fn max_attempts(mut self, addresses: usize) -> Self {
        self.max_attempts = addresses.max(1);
        self
    }

    /// By which names and addresses this host is known beside its [`hello_name`](Self::hello_name):
    /// [`connect_mx`](Self::connect_mx) does not bring mail back to it (RFC 5321 section 5.1).
    #[must_use]
    pub fn own(mut self, own: Own) -> Self {
        self.own = own;
        self
    }

    /// The port at which [`connect_mx`](Self::connect_mx) finds servers, if it is not 25: in a network of
    /// one's own, where it is another.
    #[must_use]
    pub fn mx_port(mut self, port: u16) -> Self {
        self.mx_port = port;
        self
    }

    /// Calls `trace` with each entry of the session's record, secrets masked. It must not block.
    #[must_use]
    pub fn trace(mut self, trace: impl Fn(&Entry) + Send + Sync + 'static) -> Self {
        self.trace = Some(Arc::new(trace));
        self
    }

    /// How sessions are recorded where [`trace`](Self::trace) is called: whether content is kept, and
    /// the bounds of what waits to be told. By default as [`Recording::default`] has it.
    #[must_use]
    pub fn recording(mut self, recording: impl Into<Recording>) -> Self {
        self.recording = recording.into();
        self
    }

    /// Calls `observer` when a connection is made, with each reply, with what the TLS handshake settled
    /// and with what makes the session fail, as soon as it is known: also of a session that cannot be
    /// opened in the end. For measurements, and for those who want to know what was offered before TLS.
    #[must_use]
    pub fn observe(mut self, observer: impl Fn(&Progress<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }
}

impl<R> fmt::Debug for Connector<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("tls", &self.tls)
            .field("hello_name", &self.hello_name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
