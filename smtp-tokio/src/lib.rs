//! SMTP and LMTP on tokio: clients and servers over the machines of [`smtp_proto`](proto), which know the
//! protocol and do no I/O.
//!
//! ```text
//!  your handlers ── Server ─┐                             ┌─ Client ── your mail
//!                           ├─ Connection ── Connection ──┤
//!       smtp_proto::server ─┘    stream, timer, TLS       └─ smtp_proto::client
//! ```
//!
//! # A client
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let port = listener.local_addr()?.port();
//! # let config = smtp_tokio::proto::server::Config::new(smtp_tokio::proto::domain::Host::parse("mx.example.org")?);
//! # tokio::spawn(smtp_tokio::Server::new(config, smtp_tokio_doc::Sink).listen_smtp(listener).serve());
//! use smtp_tokio::{Connector, Tls};
//! use smtp_tokio::proto::{client::Envelope, parameter::Parameters};
//! use smtp_tokio::proto::path::{ForwardPath, ReversePath};
//!
//! // `Tls::StartTls` or `Tls::Implicit` everywhere but here.
//! let mut client = Connector::new(Tls::None).connect("127.0.0.1", port).await?;
//! let envelope = Envelope {
//!     reverse_path: ReversePath::parse("<tim@example.org>")?,
//!     parameters: Parameters::EMPTY,
//!     recipients: &[ForwardPath::parse("<ann@example.org>")?.into()],
//! };
//! let report = client.send(&envelope, "Subject: hi\r\n\r\nHello, Ann!\r\n").await?;
//! for outcome in report.outcomes() {
//!     println!("{outcome}"); // delivered: 250 2.0.0 queued as 42
//! }
//! client.quit().await?;
//! # assert_eq!(report.outcomes()[0].to_string(), "delivered: 250 2.0.0 queued as 42");
//! # Ok(()) }
//! # mod smtp_tokio_doc {
//! #     use smtp_tokio::{Backend, Body, Facts, Recipient, Sender, Session};
//! #     use smtp_tokio::proto::answer::{Acceptance, Rejection};
//! #     pub struct Sink;
//! #     impl Backend for Sink {
//! #         type Session = Sink;
//! #         async fn connect(&self, _: &Facts) -> Result<Sink, Rejection<'static>> { Ok(Sink) }
//! #     }
//! #     impl Session for Sink {
//! #         async fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> { Ok(()) }
//! #         async fn rcpt(&mut self, _: &Recipient<'_>) -> Result<(), Rejection<'static>> { Ok(()) }
//! #         async fn message(&mut self, body: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>> {
//! #             body.read_to_end(1 << 20).await?;
//! #             Ok(Acceptance::new("queued as 42"))
//! #         }
//! #         fn reset(&mut self) {}
//! #     }
//! # }
//! ```
//!
//! A [`Report`](proto::client::Report) has one outcome for each recipient: refusals, breaks and
//! doubts are in there. An [`Error`] of [`Client::send`] says that nothing was delivered.
//!
//! # A server
//!
//! ```
//! use smtp_tokio::{Backend, Body, Facts, Recipient, Sender, Server, Session};
//! use smtp_tokio::proto::answer::{Acceptance, Rejection};
//! use smtp_tokio::proto::{domain::Host, server::Config};
//!
//! struct Post;
//!
//! impl Backend for Post {
//!     type Session = Letter;
//!     async fn connect(&self, _: &Facts) -> Result<Letter, Rejection<'static>> {
//!         Ok(Letter::default())
//!     }
//! }
//!
//! #[derive(Default)]
//! struct Letter(Vec<String>);
//!
//! impl Session for Letter {
//!     async fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> {
//!         Ok(())
//!     }
//!     async fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
//!         // Domains do not mind case, and <Postmaster> has none (RFC 5321 section 4.5.1).
//!         let ours = Host::parse("example.org").ok();
//!         if !to.forward_path().mailbox().is_none_or(|mailbox| Some(mailbox.host()) == ours) {
//!             return Err(Rejection::RELAY_DENIED);
//!         }
//!         self.0.push(to.forward_path().to_string());
//!         Ok(())
//!     }
//!     async fn message(
//!         &mut self,
//!         body: &mut Body<'_>,
//!     ) -> Result<Acceptance<'static>, Rejection<'static>> {
//!         let mut size = 0;
//!         while let Some(octets) = body.next().await? {
//!             size += octets.len(); // store them
//!         }
//!         Ok(Acceptance::new(format!("{size} octets for {}", self.0.join(", "))))
//!     }
//!     fn reset(&mut self) {
//!         self.0.clear();
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let server = Server::new(Config::new(Host::parse("mx.example.org")?), Post).listen_smtp(listener);
//! let handle = server.handle(); // or `.shutdown(tokio::signal::ctrl_c())`, mapped to ()
//! let serving = tokio::spawn(server.serve());
//! // …
//! handle.shut_down();
//! serving.await?;
//! # Ok(()) }
//! ```
//!
//! # A relay
//!
//! [`Relay`] sends a message to the hosts that take mail for the domains of its recipients, and
//! [`Connector::connect_mx`] makes a session with one of them. Whoever implements [`dns::Resolve`] is asked where they
//! are; with the feature `dns` that is hickory's resolver:
//!
#![cfg_attr(feature = "dns", doc = "```no_run")]
#![cfg_attr(not(feature = "dns"), doc = "```ignore")]
//! use smtp_tokio::{Connector, Relay, Tls, dns::hickory_resolver::TokioResolver};
//! use smtp_tokio::proto::{client::Envelope, parameter::Parameters, path::Mailbox};
//!
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let dns = TokioResolver::builder_tokio()?.build()?; // the name servers that the system is set to
//! let connector = Connector::new(Tls::Opportunistic).hello_name("relay.example.org")?;
//! let envelope = Envelope {
//!     reverse_path: Mailbox::parse("tim@example.org")?.into(),
//!     parameters: Parameters::EMPTY,
//!     recipients: &[Mailbox::parse("ann@example.net")?.into(), Mailbox::parse("bob@example.com")?.into()],
//! };
//! let relay = Relay::new(&connector, &dns);
//! for verdict in relay.send(&envelope, || "Subject: hi\r\n\r\nHello!\r\n").await {
//!     println!("{}", verdict.outcome);
//! }
//! # Ok(()) }
//! ```
//!
//! Between `builder_tokio` and `build`, `options_mut().validate = true` has it validate by DNSSEC, with the feature
//! `dnssec`: then DANE says what TLS must be.
//!
//! # Where to go next
//!
//! - [`Backend`] and [`Session`] are all that the author of a server has to read; [`Connector`] and [`Client`]
//!   are that for clients.
//! - An MX server or a relay makes its trace fields and sees loops by [`proto::trace`], keeps its queue by the
//!   rules of [`proto::relay`] and writes delivery reports by [`proto::report`]. Nothing is added to a message
//!   unasked. [`Relay`] sends one on, to the hosts of any domains.
//! - [`Server::serve_connection`] and [`Connector::open`] take any stream: proxies, inetd, tests.
//! - [`Session::etrn`], [`Session::atrn`] and [`Backend::fetch`] are asked where the configuration offers
//!   ETRN, ATRN and BURL; [`Server::xclient`] and [`Server::xforward`] name the proxies that may speak for
//!   others.
//! - [`Connection`] drives a machine of [`proto`] by hand.
//! - What does not say `tokio` here is the same on every runtime: a [`Backend`], a [`Session`] and what is
//!   done with a [`Client`] need no change for another. Only the names of listeners and streams are
//!   tokio's.
//! - The folder `examples` has whole programs: a server, a client, submission with tokens, a delivery agent, a
//!   forwarder, an MX with a queue, and tests.
//!
//! # What it runs on
//!
//! Everything runs on a runtime of tokio's with I/O and time enabled, of one thread or of many. Servers spawn a task
//! for each listener and each session; a client runs where its future is polled.
//!
//! # Features
//!
//! - `tls`, on by default: STARTTLS and implicit TLS by rustls, for which the module `tls` makes configurations.
//!   Nothing is set process-wide.
//! - `idna`, on by default: host names and domains beyond ASCII are converted to A-labels (RFC 5890).
//! - `dns`: hickory's resolver, for [`Relay`] and [`Connector::connect_mx`].
//! - `dnssec`: that resolver validates, if its options say so, and clients go by DANE (RFC 7672).
//! - `mail-parser`, `mail-builder`: the envelope of a message that these crates have read or compose
//!   ([`EnvelopeBuf`](proto::client::EnvelopeBuf)).
//! - `testing`: the module of that name has what your own tests want: a scripted server, a scripted client, and
//!   faults in transit.
//! - `tracing`: what is said, for the subscribers of that crate (see below).
//!
//! # What is said
//!
//! [`Server::trace`] and [`Connector::trace`] call back with each [entry](proto::transcript::Entry) of
//! a session's record, secrets masked; [`Server::recording`] and [`Connector::recording`] say how
//! much of it is kept. With the feature `tracing`, off by default, the same goes to the subscribers of
//! the `tracing` crate: a span `session` for each session, at level DEBUG, with its `role`, `id`,
//! `peer` and `protocol`, which is also the parent of whatever a server's handlers tell; and an event
//! for each entry, with `speaker`, `verb`, `code`, `enhanced` and `octets`, at DEBUG, or at TRACE for
//! content and for answers. The target is `smtp`. Where nobody subscribes to the span, nothing
//! is recorded.
//!
//! Who counts and measures implements [`Observer`] and gives it to [`Server::observe`]; what it hears of is
//! in [`observer`].
//!
//! Sockets are opened with `TCP_NODELAY`; replies and commands that belong together leave in one
//! write. A session that waits for its peer owns no buffer.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod listener;
mod reader;
mod runtime;
mod socket;
#[cfg(feature = "testing")]
pub mod testing;

#[doc(inline)]
pub use smtp_frontend::dns;
#[doc(inline)]
pub use smtp_frontend::observer;
pub use smtp_frontend::proto;
#[cfg(feature = "tls")]
#[doc(inline)]
pub use smtp_frontend::tls;
#[doc(inline)]
pub use smtp_frontend::{
    Attempt, Backend, Body, BodyError, Client, ConnectError, Courier, Driver, End, Error, Facts,
    Handle, InvalidProxy, InvalidProxyCredentials, MailData, Network, NotANetwork, NotARate,
    Observer, PoolConfig, PoolError, Progress, Proxy, ProxyError, Rate, Recipient, Refusal, Sender,
    Service, Session, Stream, Target, Tls, Waiting,
};

pub use self::{listener::AnyListener, runtime::Tokio};

/// A machine on a stream: anything that reads and writes by tokio's traits.
pub type Connection<S, E> = smtp_frontend::Connection<S, E, Tokio>;

/// Makes sessions with servers: to whom, in whose name, with which TLS and which credentials.
pub type Connector = smtp_frontend::Connector<Tokio>;

/// The content of a message, from octets or from anything that reads by tokio's trait.
pub type Message<'m> = smtp_frontend::Message<'m, Tokio>;

/// Sessions that are used for more than one message.
pub type Pool = smtp_frontend::Pool<Tokio>;

/// A session of a [`Pool`], lent.
pub type Pooled = smtp_frontend::Pooled<Tokio>;

/// Sends messages to the hosts that take mail for the domains of their recipients.
pub type Relay<'c, D> = smtp_frontend::Relay<'c, Tokio, D>;

/// A server of a [`Backend`]: its listeners, limits, TLS and shutdown.
pub type Server<B> = smtp_frontend::Server<B, Tokio>;

/// The examples of the workspace's README compile.
#[cfg(all(doctest, feature = "tls"))]
#[doc = include_str!("../../README.md")]
struct Readme;
