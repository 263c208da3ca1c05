//! How sessions are made, and pools of them.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

#[cfg(feature = "tls")]
use smtp_frontend::tls::rustls;
use smtp_frontend::{
    Error, MailData, PoolConfig, Progress, Proxy, Target, Tls,
    dns::Resolve,
    proto::{
        auth::client::{Credentials, InvalidCredentials},
        client::{Config, Envelope, Login, Report, TransactionOptions},
        error::ParseError,
        proxy::Version,
        relay::{NextHop, Own},
        transcript::{Entry, Recording},
    },
};

use crate::{
    client::{Client, Pooled},
    delegate::settings,
    park::block_on,
    runtime::Blocking,
    socket::Duplex,
};

/// Makes sessions: to whom, in whose name, with which TLS and which credentials.
///
/// Everything is set once and used for any number of connections; a clone shares it.
#[derive(Clone)]
pub struct Connector(pub(crate) smtp_frontend::Connector<Blocking>);

impl Connector {
    /// With this use of TLS, and everything else by default.
    pub fn new(tls: Tls) -> Self {
        Self(smtp_frontend::Connector::new(tls))
    }

    /// The name to say hello with: the host's own, fully qualified. By default the address literal of
    /// the local end of the connection (RFC 5321 section 4.1.3). A name beyond ASCII goes out in A-labels
    /// (RFC 6531 section 3.7.1), which needs the feature `idna`.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn hello_name(self, name: &str) -> Result<Self, ParseError> {
        self.0.hello_name(name).map(Self)
    }

    /// Authenticates with a name and a password: by SCRAM, bound to the TLS session if that can be, and
    /// else inside TLS by PLAIN or LOGIN.
    ///
    /// # Errors
    /// Credentials that no server could take.
    pub fn credentials(self, name: &str, password: &str) -> Result<Self, InvalidCredentials> {
        self.0.credentials(name, password).map(Self)
    }

    /// Authenticates with a name and a bearer token, by OAUTHBEARER or XOAUTH2, inside TLS.
    ///
    /// # Errors
    /// Credentials that no server could take.
    pub fn token(self, name: &str, token: &str) -> Result<Self, InvalidCredentials> {
        self.0.token(name, token).map(Self)
    }

    /// Authenticates by the TLS client certificate, to act for `authzid` or, if that is empty, for whom
    /// the certificate is for.
    ///
    /// # Errors
    /// Credentials that no server could take.
    pub fn external(self, authzid: &str) -> Result<Self, InvalidCredentials> {
        self.0.external(authzid).map(Self)
    }

    settings! {
        /// Authenticates with all that `credentials` have, by what `choose` makes of a [`Login`]: which
        /// mechanisms, and how.
        fn authenticate(
            credentials: Credentials,
            choose: impl Fn(Login) -> Login + Send + Sync + 'static
        );

        /// Authenticates with what `login` gives, which is called for each connection: with mechanisms
        /// of one's own.
        fn login(login: impl Fn() -> Login + Send + Sync + 'static);

        /// The configuration of the machine: protocol, timeouts, limits, pipelining or not.
        fn config(config: Config);

        /// The name the server's certificate is for, when it is not the host connected to.
        fn server_name(name: &str);

        /// Says a PROXY protocol header in front of the session, as proxies do: that the connection is
        /// made on behalf of `source`, or without one that it is the proxy's own.
        fn proxy_protocol(version: Version, source: Option<SocketAddr>);

        /// Connects through a proxy: to the hosts by their names, which the proxy looks up, unless their
        /// [addresses](Target::addresses) are known. Unix sockets are connected to as ever.
        fn proxy(proxy: Proxy);

        /// Has connections come from this address of this host; one of each family may be set, by two
        /// calls. When only one is, addresses of the other family are not connected to.
        fn bind(address: IpAddr);

        /// How long connecting to each address may take; 30 seconds by default. The same for looking up
        /// the host, and for each step of a proxy's.
        fn connect_timeout(time: Duration);

        /// How many addresses are tried for one session, of all hosts together; 10 by default.
        fn max_attempts(addresses: usize);

        /// By which names and addresses this host is known beside its [`hello_name`](Self::hello_name):
        /// [`connect_mx`](Self::connect_mx) does not bring mail back to it (RFC 5321 section 5.1).
        fn own(own: Own);

        /// The port at which [`connect_mx`](Self::connect_mx) finds servers, if it is not 25: in a network
        /// of one's own, where it is another.
        fn mx_port(port: u16);

        /// Calls `trace` with each entry of the session's record, secrets masked.
        fn trace(trace: impl Fn(&Entry) + Send + Sync + 'static);

        /// How sessions are recorded where [`trace`](Self::trace) is called.
        fn recording(recording: impl Into<Recording>);

        /// Calls `observer` when a connection is made, with each reply, with what the TLS handshake
        /// settled and with what makes the session fail, as soon as it is known.
        fn observe(observer: impl Fn(&Progress<'_>) + Send + Sync + 'static);
    }

    #[cfg(feature = "tls")]
    settings! {
        /// The configuration of TLS. By default certificates are verified against the roots of the
        /// operating system, except that [`Tls::Opportunistic`] does not verify them.
        fn tls_config(config: std::sync::Arc<rustls::ClientConfig>);

        /// Who verifies certificates where a host's [policy](Target::policy) wants them verified and TLS
        /// is opportunistic otherwise. By default the operating system's roots.
        fn tls_verifier(
            verifier: std::sync::Arc<dyn rustls::client::danger::ServerCertVerifier>
        );

        /// Whether [`tls_config`](Self::tls_config) verifies the server, as every configuration does
        /// that is not made by rustls's `dangerous()`. Where it does not, say `false`: then nothing is
        /// sent that must go to a server that is verified (REQUIRETLS, RFC 8689 section 4.2.1).
        fn verifies_server(verifies: bool);
    }

    /// Opens a session with `host`, by TCP: at its first address by which that succeeds. See
    /// [`connect_any`](Self::connect_any).
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn connect(&self, host: &str, port: u16) -> Result<Client, Error> {
        block_on(self.0.connect(host, port)).map(Client)
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
    pub fn connect_any(&self, targets: &[Target]) -> Result<Client, Error> {
        block_on(self.0.connect_any(targets)).map(Client)
    }

    /// Opens a session with a host that takes mail for this next hop, as a relay does (RFC 5321 section
    /// 5.1): for a [domain](NextHop::Domain) the hosts of its MX records, best preference first and equal
    /// ones in any order, or the domain itself where it has none. `dns` is asked; what it gives may wait
    /// for another thread.
    ///
    /// The next address or host is tried as by [`connect_any`](Self::connect_any), five hosts at most. The
    /// hosts that are [this one](Self::own), and those that are not better, are left out, so that mail does
    /// not go round.
    ///
    /// Where `dns` validates by DNSSEC, DANE says what TLS must be at a host (RFC 7672), unless it is [`Tls::None`]
    /// here: if MX records, addresses and TLSA records are all secure, TLS is required, with a certificate that one
    /// of the records is about, or with any where none is usable. A host whose TLSA records cannot be found out is
    /// left for the next one.
    ///
    /// # Errors
    /// [`Error::Unroutable`] where there is no host to try; [`Error::Connect`] with what became of each.
    pub fn connect_mx(&self, next_hop: &NextHop, dns: &impl Resolve) -> Result<Client, Error> {
        block_on(self.0.connect_mx(next_hop, dns)).map(Client)
    }

    /// Connects to a Unix socket, and opens a session: the usual way to an LMTP server beside it.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be connected to; [`Error::Tls`]; [`Error::Opening`] when the server
    /// does not want this client.
    #[cfg(unix)]
    pub fn connect_unix(&self, path: impl AsRef<std::path::Path>) -> Result<Client, Error> {
        block_on(self.0.connect_unix(path)).map(Client)
    }

    /// Opens a session on a stream that is connected already: through a proxy, or in memory. TLS
    /// needs [`server_name`](Self::server_name).
    ///
    /// # Errors
    /// [`Error::Tls`]; [`Error::Opening`] when the server does not want this client. A handshake
    /// that failed cannot be made good by a connection in the clear here.
    pub fn open(&self, stream: impl Duplex + 'static) -> Result<Client, Error> {
        block_on(self.0.open(stream)).map(Client)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Sessions with one server, or with the first of several hosts that can be used, that are opened when
/// they are needed and used again. A clone is the same pool.
///
/// A session that broke, that is in the middle of something, or whose server has said something unasked
/// (421, as a rule) is never used again. Callers that wait are served in their order. While there are sessions
/// a thread closes those that nobody needs any more.
///
/// ```
/// # use smtp_blocking::proto::client::Envelope;
/// use smtp_blocking::{Connector, Pool, PoolConfig, Target, Tls};
///
/// # fn send(envelope: &Envelope<'_>) -> Result<(), smtp_blocking::Error> {
/// let hosts = [Target::new("mail.example.org", 587)];
/// let pool = Pool::new(Connector::new(Tls::StartTls), hosts, PoolConfig::default());
/// // From any number of threads, each with a clone of the pool:
/// let report = pool.send(envelope, "Subject: hi\r\n\r\nHello!\r\n")?;
/// // In the end:
/// pool.close();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Pool(smtp_frontend::Pool<Blocking>);

impl Pool {
    /// A pool of sessions with the first of `targets` that can be used, made by `connector`. Nothing is
    /// connected to yet.
    pub fn new(
        connector: Connector,
        targets: impl IntoIterator<Item = Target>,
        config: PoolConfig,
    ) -> Self {
        Self(smtp_frontend::Pool::new(connector.0, targets, config))
    }

    /// Sends one message in one of the sessions, as [`Client::send`] does.
    ///
    /// When a session that was used before turns out to be over, and nothing of the message was
    /// accepted there nor may have been, the message is sent once more in a new session. A message from
    /// a reader cannot be had twice: for that, NOOP shows first whether the session is still there.
    ///
    /// # Errors
    /// [`Error::Pool`]; [`Error::Connect`] when no session can be opened; [`Error::Misuse`] for what must
    /// not be sent. Nothing was delivered then.
    pub fn send<'m>(
        &self,
        envelope: &Envelope<'_>,
        message: impl Into<MailData<'m>>,
    ) -> Result<Report, Error> {
        block_on(self.0.send(envelope, message))
    }

    /// [`send`](Self::send), with options.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_with<'m>(
        &self,
        envelope: &Envelope<'_>,
        message: impl Into<MailData<'m>>,
        options: TransactionOptions,
    ) -> Result<Report, Error> {
        block_on(self.0.send_with(envelope, message, options))
    }

    /// A session for a while, to be used as any other: one that is idle or else a new one. Waits until
    /// there may be one.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn get(&self) -> Result<Pooled, Error> {
        block_on(self.0.get()).map(Client)
    }

    /// Closes what is idle, with QUIT, and whatever comes back later. Who waits or comes from now on is
    /// told [`PoolError::Closed`](crate::PoolError::Closed).
    pub fn close(&self) {
        block_on(self.0.close());
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
