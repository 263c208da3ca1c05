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
    client::{Client as Machine, Config, Login, Opening},
    domain::{AddressLiteral, HelloName},
    error::ParseError,
    profile::Syntax,
    proxy::Version,
    transcript::{Entry, Recording},
    wire::Endpoint,
};

use super::{
    Attempt, Client, ConnectError, Observer, Progress, Retry, Target, Trace, Unopened, Upgrade,
    observe, proxied, security::Security,
};
use crate::{
    driver::Stream,
    error::Error,
    random,
    runtime::{Adopt, Runtime},
    time::within,
    trace::Teller,
};

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

/// Where a server is.
#[derive(Clone, Copy)]
enum Place<'p> {
    Tcp(SocketAddr, &'p Target),
    #[cfg(unix)]
    Unix(&'p std::path::Path),
}

/// Makes sessions: to whom, in whose name, with which TLS and which credentials.
///
/// Everything is set once and used for any number of connections; a clone shares it.
#[derive(Clone)]
pub struct Connector<R> {
    tls: Tls,
    #[cfg(feature = "tls")]
    tls_config: Option<Arc<rustls::ClientConfig>>,
    #[cfg(feature = "tls")]
    tls_verifier: Option<Arc<dyn rustls::client::danger::ServerCertVerifier>>,
    #[cfg(feature = "tls")]
    verifies_server: bool,
    server_name: Option<Box<str>>,
    hello_name: Option<Box<str>>,
    login: Option<Logins>,
    config: Config,
    connect_timeout: Duration,
    max_attempts: usize,
    trace: Option<Trace>,
    recording: Recording,
    observer: Option<Observer>,
    proxy: Option<(Version, Option<SocketAddr>)>,
    runtime: PhantomData<fn() -> R>,
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
            trace: None,
            recording: Recording::default(),
            observer: None,
            proxy: None,
            runtime: PhantomData,
        }
    }

    /// The name to say hello with: the host's own, fully qualified. By default the address literal of
    /// the local end of the connection (RFC 5321 section 4.1.3).
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn hello_name(mut self, name: &str) -> Result<Self, ParseError> {
        HelloName::parse(name)?;
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

    /// Authenticates by the TLS client certificate ([`tls_config`](Self::tls_config)), to act for `authzid`
    /// or, if that is empty, for whom the certificate is for.
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

    /// Who verifies certificates where a host's [policy](Target::policy) wants them verified and TLS is
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
        self.server_name = Some(name.into());
        self
    }

    /// Says a PROXY protocol header in front of the session, as proxies do: that the connection is
    /// made on behalf of `source`, or without one that it is the proxy's own (version 1: that the
    /// client is unknown). The client's destination is the address connected to.
    #[must_use]
    pub fn proxy_protocol(mut self, version: Version, source: Option<SocketAddr>) -> Self {
        self.proxy = Some((version, source));
        self
    }

    /// How long connecting to each address may take; 30 seconds by default. The same for looking up
    /// the host.
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

    /// Opens a session with `host`, by TCP: at its first address by which that succeeds. See
    /// [`connect_any`](Self::connect_any).
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub async fn connect(&self, host: &str, port: u16) -> Result<Client, Error> {
        self.connect_any(&[Target::new(host, port)]).await
    }

    /// Opens a session with the first of these hosts, in order of preference, with which that succeeds:
    /// by one address after the other of each.
    ///
    /// The next one is tried when nobody answers, when the server does not want this client (421, 554 and
    /// the like to the connection or the hello), and when TLS or a login that must be cannot be had
    /// there (RFC 5321 section 5.1; C-01, C-15). Credentials that one server refuses for good are not
    /// shown to another.
    ///
    /// # Errors
    /// [`Error::Connect`], with what became of each address.
    pub async fn connect_any(&self, targets: &[Target]) -> Result<Client, Error> {
        let mut attempts = Vec::new();
        for target in targets {
            if attempts.len() == self.max_attempts {
                break;
            }
            let found = match &target.decision {
                Some(Err(refusal)) => Err(Error::Policy(*refusal)),
                _ => self.look_up(target).await.map_err(Error::Io),
            };
            let addresses = match found {
                Ok(addresses) => addresses,
                Err(error) => {
                    self.failed(&mut attempts, target, None, error);
                    continue;
                }
            };
            for address in addresses {
                if attempts.len() == self.max_attempts {
                    break;
                }
                match self.open_retrying(Place::Tcp(address, target)).await {
                    Ok(client) => return Ok(client),
                    Err(error) => {
                        let goes_on = error.may_differ_elsewhere();
                        self.failed(&mut attempts, target, Some(address), error);
                        if !goes_on {
                            return Err(ConnectError::new(attempts).into());
                        }
                    }
                }
            }
        }
        Err(ConnectError::new(attempts).into())
    }

    /// Remembers and tells that it did not succeed there.
    fn failed(
        &self,
        attempts: &mut Vec<Attempt>,
        target: &Target,
        address: Option<SocketAddr>,
        error: Error,
    ) {
        let attempt = Attempt { target: target.clone(), address, error };
        observe(self.observer.as_ref(), &Progress::Failed(&attempt));
        attempts.push(attempt);
    }

    /// The addresses of a host, one at least.
    async fn look_up(&self, target: &Target) -> io::Result<Vec<SocketAddr>> {
        let port = target.port();
        let addresses = match &target.addresses {
            Some(known) => known.iter().map(|ip| SocketAddr::new(*ip, port)).collect(),
            None => within::<R, _>(self.connect_timeout, R::resolve(target.host(), port)).await?,
        };
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
        }
        Ok(addresses)
    }

    /// Connects to a Unix socket, and opens a session: the usual way to an LMTP server beside it.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be connected to; [`Error::Tls`]; [`Error::Opening`] when the server
    /// does not want this client.
    #[cfg(unix)]
    pub async fn connect_unix(&self, path: impl AsRef<std::path::Path>) -> Result<Client, Error> {
        self.open_retrying(Place::Unix(path.as_ref())).await
    }

    /// Opens a session on a stream that is connected already: through a proxy, or in memory. TLS
    /// needs [`server_name`](Self::server_name).
    ///
    /// # Errors
    /// [`Error::Tls`]; [`Error::Opening`] when the server does not want this client. A handshake that failed cannot be made good
    /// by a connection in the clear here.
    pub async fn open<S>(&self, stream: S) -> Result<Client, Error>
    where
        R: Adopt<S>,
    {
        let security = Security::new(self.tls, self.server_name.as_deref());
        let opened = self.open_on(R::adopt(stream), None, security, None).await;
        opened.map_err(|unopened| unopened.error)
    }

    /// Connects: the stream, and the address of this side.
    async fn reach(&self, place: Place<'_>) -> io::Result<(R::Socket, Option<IpAddr>)> {
        let reached = match place {
            Place::Tcp(address, _) => {
                let socket = within::<R, _>(self.connect_timeout, R::connect(address)).await?;
                let local = socket.local_addr().map(|address| address.ip());
                (socket, local)
            }
            #[cfg(unix)]
            Place::Unix(path) => {
                (within::<R, _>(self.connect_timeout, R::connect_unix(path)).await?, None)
            }
        };
        observe(self.observer.as_ref(), &Progress::Connected);
        Ok(reached)
    }

    /// Opens a session there; on a second connection without what the server did not stand on the
    /// first.
    async fn open_retrying(&self, place: Place<'_>) -> Result<Client, Error> {
        let (socket, local) = self.reach(place).await?;
        match self.open_on(socket, local, self.security(place), None).await {
            Ok(client) => Ok(client),
            Err(Unopened { error, retry: None }) => Err(error),
            Err(Unopened { retry, .. }) => {
                let (socket, local) = self.reach(place).await?;
                let again = self.open_on(socket, local, self.security(place), retry).await;
                again.map_err(|unopened| unopened.error)
            }
        }
    }

    /// What TLS is there.
    fn security<'s>(&'s self, place: Place<'s>) -> Security<'s> {
        let name = self.server_name.as_deref();
        match place {
            Place::Tcp(_, target) => Security::at(target, self.tls, name),
            #[cfg(unix)]
            Place::Unix(_) => Security::new(self.tls, name),
        }
    }

    async fn open_on(
        &self,
        socket: R::Socket,
        local: Option<IpAddr>,
        mut security: Security<'_>,
        retry: Option<Retry>,
    ) -> Result<Client, Unopened> {
        if retry == Some(Retry::WithoutTls) {
            security = security.without_tls();
        }
        let mut config = self.config.clone();
        config.require_tls |= security.is_required();
        let (implicit, tls_use, server) =
            (security.is_implicit(), security.tls_use, security.server);
        let mut driver = R::drive(socket, Machine::new(config.clone()));
        let teller = Teller::client(server);
        let wire = driver.endpoint_mut().wire();
        teller.listen(wire, self.trace.is_some(), self.recording);
        if let Some((version, source)) = self.proxy {
            let header = proxied::header(version, source, driver.stream().peer_addr())
                .map_err(|error| Error::Io(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
            driver.say(&header, self.connect_timeout).await.map_err(Error::Io)?;
        }
        let literal = local.unwrap_or(IpAddr::from([127, 0, 0, 1]));
        let name = match &self.hello_name {
            Some(name) => HelloName::parse_with(name.as_bytes(), &Syntax::default())
                .map_err(|_| Error::from(io::Error::from(io::ErrorKind::InvalidInput)))?,
            None => HelloName::Literal(AddressLiteral::from(literal)),
        };
        let upgrade = Upgrade {
            #[cfg(feature = "tls")]
            config: self.tls_config.as_ref(),
            #[cfg(feature = "tls")]
            verifier: self.tls_verifier.as_ref(),
            #[cfg(feature = "tls")]
            verifies: self.verifies_server,
            security,
        };
        let mut client =
            Client::new(driver, config, self.trace.clone(), teller, self.observer.clone());
        if implicit {
            client.handshake(&upgrade).await?;
        }
        let mut opening = Opening::new(name, tls_use);
        if retry == Some(Retry::WithHelo) {
            opening = opening.helo();
        }
        if let Some(login) = &self.login {
            let port = client.stream().peer_addr().map(|peer| peer.port());
            opening = opening.login(login(server, port).map_err(Error::from)?);
        }
        client.open(opening, Some(upgrade)).await?;
        Ok(client)
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
