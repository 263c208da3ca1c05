//! A server: listeners, their sessions, and their end.

use std::{fmt, net::TcpListener, time::Duration};

#[cfg(feature = "tls")]
use smtp_frontend::tls::rustls;
use smtp_frontend::{
    End, Facts, Handle, Network, Observer, Rate, Service,
    proto::{
        auth::Secret,
        server::Config,
        transcript::{Entry, Recording},
    },
};

use crate::{
    client::Client,
    delegate::settings,
    listener::AnyListener,
    park::block_on,
    runtime::Blocking,
    session::{Awaited, Backend},
    socket::Duplex,
};

/// A server of a [`Backend`].
///
/// Each client has a thread of its own, and so has each listener; a handler that panics ends its own session
/// and no other.
///
/// # In production
///
/// - How many, and how often: [`max_connections`](Self::max_connections),
///   [`max_connections_per_address`](Self::max_connections_per_address),
///   [`connection_rate`](Self::connection_rate),
///   [`connection_rate_per_address`](Self::connection_rate_per_address), and [`exempt`](Self::exempt) for
///   friends. What one session may do is bounded by [`Config::limits`].
/// - How long a client may take: [`Config::timeouts`]; the time for content is that for 16 KiB, and so a
///   least rate. How long a handler takes nobody can bound but itself: see [`Session`](crate::Session).
/// - A shutdown lets transactions finish for the time of [`grace`](Self::grace): it begins by
///   [`Handle::shut_down`].
/// - A failure to accept, for want of file descriptors, threads or memory, ends no server: the client that
///   there is no thread for is closed, an [`Observer`] is told, and the listener goes on after a pause.
/// - Certificates for several names, renewed without a restart: `tls::CurrentCertificates`.
/// - Counters and times: [`observe`](Self::observe). Logs: [`trace`](Self::trace).
pub struct Server<B>(smtp_frontend::Server<Awaited<B>, Blocking>);

impl<B: Backend> Server<B> {
    /// A server without a listener. LMTP listeners use the same configuration, turned to LMTP.
    pub fn new(config: Config, backend: B) -> Self {
        Self(smtp_frontend::Server::new(config, Awaited(backend)))
    }

    settings! {
        /// Offers AUTH by what the backend can do
        /// ([`Backend::mechanisms`](crate::Backend::mechanisms)), those that show a password or a token
        /// inside TLS only; [`Session::answer`](crate::Session::answer) is then asked.
        fn authentication();

        /// How users that do not exist are made to look like others in SCRAM: by this secret, which is
        /// best the same after a restart and on all hosts that serve the same users, and with as many
        /// iterations as users have. By default a random one, and 10,000.
        fn unknown_users(secret: Secret, iterations: u32);

        /// The configuration for LMTP listeners, when it is not that for SMTP turned to LMTP.
        fn lmtp_config(config: Config);

        /// Serves SMTP there.
        fn listen_smtp(listener: TcpListener);

        /// Serves LMTP there: on a `TcpListener`, or a `UnixListener` where there are such.
        fn listen_lmtp(listener: impl Into<AnyListener>);

        /// At most so many sessions at a time; 10,000 by default. Each has a thread: see
        /// [what a connection costs](crate#what-a-connection-costs).
        ///
        /// Who is over this or another limit is told 421 with the reason and closed, before there is a
        /// session and before the backend hears of it. Inside TLS from the first octet nothing can be told.
        fn max_connections(most: usize);

        /// At most so many sessions of one address at a time; by default no such limit. The IPv6 addresses
        /// of one subnet, which have the same first 64 bits, count as one.
        fn max_connections_per_address(most: usize);

        /// At most so many new sessions in a time; by default no such limit. Who is refused does not count.
        fn connection_rate(rate: Rate);

        /// At most so many new sessions of one address in a time; by default no such limit.
        fn connection_rate_per_address(rate: Rate);

        /// The limits of each address are not for these hosts: relays of one's own, monitors. They are
        /// not for those of [`xclient`](Self::xclient) either, as these speak for many.
        fn exempt(hosts: impl IntoIterator<Item = impl Into<Network>>);

        /// Expects a PROXY protocol header, version 1 or 2, in front of every session, and takes the
        /// addresses in it for those of the client. A connection without one is dropped. Only for
        /// listeners that nobody but the proxy can reach: anybody else could claim any address.
        fn proxy_protocol(expected: bool);

        /// Lets these hosts use XCLIENT: they can be anybody, so they are to be proxies that let nobody
        /// else use it. It is offered to no other.
        fn xclient(hosts: impl IntoIterator<Item = impl Into<Network>>);

        /// Lets these hosts use XFORWARD, which changes what a log says of a message. It is offered to no
        /// other.
        fn xforward(hosts: impl IntoIterator<Item = impl Into<Network>>);

        /// How long transactions under way may go on after a shutdown began; 30 seconds by default. Then
        /// sessions end as soon as their handlers return.
        fn grace(time: Duration);

        /// Calls `trace` with each entry of any session's record, secrets masked. It is called in the
        /// session's thread, when a question has been answered.
        fn trace(trace: impl Fn(&Facts, &Entry) + Send + Sync + 'static);

        /// Tells `observer` of connections, answers, messages and their times, for those who count.
        fn observe(observer: impl Observer);

        /// How sessions are recorded where [`trace`](Self::trace) is called: whether content is kept, and
        /// the bounds of what waits to be told. By default as [`Recording::default`] has it.
        fn recording(recording: impl Into<Recording>);
    }

    #[cfg(feature = "tls")]
    settings! {
        /// Offers STARTTLS, and makes [`listen_smtps`](Self::listen_smtps) possible.
        fn tls(config: std::sync::Arc<rustls::ServerConfig>);

        /// Serves SMTP inside TLS there. Without [`tls`](Self::tls) every client is turned away.
        fn listen_smtps(listener: TcpListener);

        /// How long a TLS handshake may take; one minute by default.
        fn handshake_timeout(time: Duration);
    }

    /// By which the server can be shut down from another thread.
    pub fn handle(&self) -> Handle {
        self.0.handle()
    }

    /// Serves until it is shut down and the last session has ended.
    ///
    /// Nobody new is served as soon as the shutdown begins. A session that is idle then is told so within
    /// a second, and at once when its client does something. A session in whose handler something blocks
    /// is waited for, also beyond [`grace`](Self::grace).
    pub fn serve(self) {
        block_on(self.0.serve());
    }

    /// Serves one client on a stream of the caller's: from inetd, another kind of listener, or a
    /// test. It counts for no limit, and ends with a shutdown like any other. `peer` and `local` of
    /// `facts` are what is told to the backend.
    pub fn serve_connection(
        &self,
        stream: impl Duplex + 'static,
        service: Service,
        facts: Facts,
    ) -> End {
        block_on(self.0.serve_connection(stream, service, facts))
    }

    /// Serves the connection of a client whose [`atrn`](Client::atrn) was accepted: who was the server
    /// sends mail from here on. `peer` and `local` of `facts` are what is told to the backend, as for
    /// [`serve_connection`](Self::serve_connection). The connection of a client that has not
    /// [turned](Client::has_turned) is closed.
    pub fn serve_turned(&self, client: Client, facts: Facts) -> End {
        block_on(self.0.serve_turned(client.0, facts))
    }
}

impl<B> fmt::Debug for Server<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
