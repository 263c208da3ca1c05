//! SMTP and LMTP on threads and streams that block: clients and servers over the machines of
//! [`smtp_proto`](proto), which know the protocol and do no I/O. There is no runtime, and nothing to await.
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
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let port = listener.local_addr()?.port();
//! # let config = smtp_blocking::proto::server::Config::new(smtp_blocking::proto::domain::Host::parse("mx.example.org")?);
//! # let server = smtp_blocking::Server::new(config, smtp_blocking_doc::Sink).listen_smtp(listener);
//! # std::thread::spawn(move || server.serve());
//! use smtp_blocking::{Connector, Tls};
//! use smtp_blocking::proto::{client::Envelope, parameter::Parameters};
//! use smtp_blocking::proto::path::{ForwardPath, ReversePath};
//!
//! // `Tls::StartTls` or `Tls::Implicit` everywhere but here.
//! let mut client = Connector::new(Tls::None).connect("127.0.0.1", port)?;
//! let envelope = Envelope {
//!     reverse_path: ReversePath::parse("<tim@example.org>")?,
//!     parameters: Parameters::EMPTY,
//!     recipients: &[ForwardPath::parse("<ann@example.org>")?.into()],
//! };
//! let report = client.send(&envelope, "Subject: hi\r\n\r\nHello, Ann!\r\n")?;
//! for outcome in report.outcomes() {
//!     println!("{outcome}"); // delivered: 250 2.0.0 queued as 42
//! }
//! client.quit()?;
//! # assert_eq!(report.outcomes()[0].to_string(), "delivered: 250 2.0.0 queued as 42");
//! # Ok(()) }
//! # mod smtp_blocking_doc {
//! #     use smtp_blocking::{Backend, Body, Facts, Recipient, Sender, Session};
//! #     use smtp_blocking::proto::answer::{Acceptance, Rejection};
//! #     pub struct Sink;
//! #     impl Backend for Sink {
//! #         type Session = Sink;
//! #         fn connect(&self, _: &Facts) -> Result<Sink, Rejection<'static>> { Ok(Sink) }
//! #     }
//! #     impl Session for Sink {
//! #         fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> { Ok(()) }
//! #         fn rcpt(&mut self, _: &Recipient<'_>) -> Result<(), Rejection<'static>> { Ok(()) }
//! #         fn message(&mut self, body: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>> {
//! #             body.read_to_end(1 << 20)?;
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
//! use smtp_blocking::{Backend, Body, Facts, Recipient, Sender, Server, Session};
//! use smtp_blocking::proto::answer::{Acceptance, Rejection};
//! use smtp_blocking::proto::{domain::Host, server::Config};
//!
//! struct Post;
//!
//! impl Backend for Post {
//!     type Session = Letter;
//!     fn connect(&self, _: &Facts) -> Result<Letter, Rejection<'static>> {
//!         Ok(Letter::default())
//!     }
//! }
//!
//! #[derive(Default)]
//! struct Letter(Vec<String>);
//!
//! impl Session for Letter {
//!     fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> {
//!         Ok(())
//!     }
//!     fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
//!         // Domains do not mind case, and <Postmaster> has none (RFC 5321 section 4.5.1).
//!         let ours = Host::parse("example.org").ok();
//!         if !to.forward_path().mailbox().is_none_or(|mailbox| Some(mailbox.host()) == ours) {
//!             return Err(Rejection::RELAY_DENIED);
//!         }
//!         self.0.push(to.forward_path().to_string());
//!         Ok(())
//!     }
//!     fn message(&mut self, body: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>> {
//!         let mut size = 0;
//!         while let Some(octets) = body.next()? {
//!             size += octets.len(); // store them; or by `std::io::copy(body, &mut file)`
//!         }
//!         Ok(Acceptance::new(format!("{size} octets for {}", self.0.join(", "))))
//!     }
//!     fn reset(&mut self) {
//!         self.0.clear();
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let server = Server::new(Config::new(Host::parse("mx.example.org")?), Post).listen_smtp(listener);
//! let handle = server.handle();
//! let serving = std::thread::spawn(move || server.serve());
//! // …
//! handle.shut_down();
//! serving.join().unwrap();
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
//! use smtp_blocking::{Blocking, Connector, Relay, Tls, dns::OverTcp};
//! use smtp_blocking::proto::{client::Envelope, parameter::Parameters, path::Mailbox};
//!
//! # fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let dns = OverTcp::<Blocking>::system()?; // the name servers that the system is set to
//! let connector = Connector::new(Tls::Opportunistic).hello_name("relay.example.org")?;
//! let envelope = Envelope {
//!     reverse_path: Mailbox::parse("tim@example.org")?.into(),
//!     parameters: Parameters::EMPTY,
//!     recipients: &[Mailbox::parse("ann@example.net")?.into(), Mailbox::parse("bob@example.com")?.into()],
//! };
//! let relay = Relay::new(&connector, &dns);
//! for verdict in relay.send(&envelope, || "Subject: hi\r\n\r\nHello!\r\n") {
//!     println!("{}", verdict.outcome);
//! }
//! # Ok(()) }
//! ```
//!
//! `OverTcp::resolver` takes options, such as to validate by DNSSEC (`ResolverOpts::validate`, with the feature
//! `dnssec`): then DANE says what TLS must be.
//!
//! # Where to go next
//!
//! - [`Backend`] and [`Session`] are all that the author of a server has to read; [`Connector`] and [`Client`]
//!   are that for clients.
//! - An MX server or a relay makes its trace fields and sees loops by [`proto::trace`], keeps its queue by the
//!   rules of [`proto::relay`] and writes delivery reports by [`proto::report`]. Nothing is added to a message
//!   unasked. [`Relay`] sends one on, to the hosts of any domains.
//! - [`Server::serve_connection`] and [`Connector::open`] take any stream that is a [`Duplex`]: proxies,
//!   inetd, tests.
//! - [`Session::etrn`], [`Session::atrn`] and [`Backend::fetch`] are asked where the configuration offers
//!   ETRN, ATRN and BURL; [`Server::xclient`] and [`Server::xforward`] name the proxies that may speak for
//!   others.
//! - [`Connection`] drives a machine of [`proto`] by hand.
//! - The names are those of the crates for runtimes: a program becomes one for tokio or smol, or back, by
//!   `async` and `.await`. Programs for all of them are written over [`smtp_frontend`], and run here by
//!   [`Blocking`].
//! - The folder `examples` has whole programs: a server, a client, submission with tokens, a delivery agent, a
//!   forwarder, an MX with a queue, and tests.
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
//! # What waits, and for how long
//!
//! - A session waits in reads and writes of its stream, until its timer at most
//!   ([`ServerTimeouts`](proto::limits::ServerTimeouts), [`ClientTimeouts`](proto::limits::ClientTimeouts)),
//!   and looks around in between: a few times after 10 to 40 milliseconds, and then once a second. So a
//!   server's shutdown is seen by an idle session within a second; a transfer in course goes on.
//! - A peer that writes and does not read (RFC 2920 section 3.1) is read from whenever a write had to wait.
//! - A listener sleeps until a client comes or the server is shut down; it never looks in vain.
//! - Whoever waits for something else, a place in a [`Pool`] or the end of a server, sleeps until it is there.
//! - A connection to a name server, with the feature `dns`, has a thread that sleeps until there is an answer or
//!   another question.
//! - Host names are looked up by the system on a thread of their own, as the system cannot be told how long that may take;
//!   the same for connections to Unix sockets. It ends by itself when nobody waits for it any longer.
//! - A handler that blocks cannot be ended: there is no `answer_timeout` here, and a shutdown waits for it.
//!   Nor can a reader of a [`Message`] that blocks.
//!
//! # What a connection costs
//!
//! A server has a thread for each client, with a stack of [`STACK`] octets, and so has each listener and each
//! client that is told why it is turned away. The stack takes address space; memory it takes as far as it was
//! used: a client costs some 30 KiB, and an idle one wakes its thread once a second, so that 1,000 of them keep
//! a processor busy for a hundredth of the time. Each command and each piece of a message wakes the thread of
//! its client, which is what a message costs here beyond what it costs on tokio or smol: about half as much
//! again for up to 100 busy clients on one processor, and twice as much for 1,000. Handlers that need a deep stack are to bring a
//! thread of their own. When the system has no more threads, the client is closed without a word and the
//! listener pauses, as for want of file descriptors.
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

mod body;
mod client;
mod connection;
mod connector;
mod delegate;
pub mod dns;
mod doorbell;
#[cfg(feature = "tls")]
mod encrypted;
mod listener;
#[cfg(feature = "dns")]
mod name_server;
mod park;
mod reader;
mod relay;
mod runtime;
mod server;
mod session;
mod socket;
#[cfg(feature = "testing")]
pub mod testing;

#[doc(inline)]
pub use smtp_frontend::observer;
pub use smtp_frontend::proto;
#[cfg(feature = "tls")]
#[doc(inline)]
pub use smtp_frontend::tls;
#[doc(inline)]
pub use smtp_frontend::{
    Attempt, BodyError, ConnectError, End, Error, Facts, Handle, InvalidProxy,
    InvalidProxyCredentials, MailData, Network, NotANetwork, NotARate, Observer, PoolConfig,
    PoolError, Progress, Proxy, ProxyError, Rate, Recipient, Refusal, Sender, Service, Stream,
    Target, Tls, Waiting,
};

pub use self::{
    body::Body,
    client::{Client, LentClient, Pooled, TurnedClient},
    connection::Connection,
    connector::{Connector, Pool},
    listener::AnyListener,
    relay::{Courier, Relay},
    runtime::{Blocking, STACK},
    server::Server,
    session::{Backend, Session},
    socket::{Duplex, Socket},
};

/// The content of a message, from octets or from anything that [reads](std::io::Read).
pub type Message<'m> = smtp_frontend::Message<'m, Blocking>;
