//! What programs take for their own tests: the other side of a session, and what may happen in between.
//! With the feature `testing`, off by default; it is for `[dev-dependencies]`:
//!
//! ```toml
//! [dev-dependencies]
//! smtp-blocking = { git = "https://your.mirror/of/this/repository", features = ["testing"] }
//! ```
//!
//! # A client under test
//!
//! A [`ScriptedServer`] listens on a free port of the loopback interface and takes every message. Its
//! [`Script`] says where it does something else: an [`Act`] [`At`] a place.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_blocking::{Connector, Tls};
//! use smtp_blocking::testing::{Act, At, Script, ScriptedServer};
//! # use smtp_blocking::proto::{client::{Envelope, Status}, parameter::Parameters, path::Mailbox};
//!
//! let script = Script::new()
//!     .at(At::command("RCPT").nth(2), "450 4.2.1 mailbox busy")
//!     .at(At::command("QUIT"), Act::close());
//! let server = ScriptedServer::listen(script)?;
//!
//! // What is tested would stand here.
//! let mut client = Connector::new(Tls::None).connect("127.0.0.1", server.port())?;
//! # let (ann, bob) = (Mailbox::parse("ann@example.net")?, Mailbox::parse("bob@example.net")?);
//! # let envelope = Envelope {
//! #     reverse_path: Mailbox::parse("tim@example.org")?.into(),
//! #     parameters: Parameters::EMPTY,
//! #     recipients: &[ann.into(), bob.into()],
//! # };
//! let report = client.send(&envelope, "Subject: hi\r\n\r\nHello!\r\n")?;
//! assert_eq!(report.outcomes()[1].status(), Status::Deferred);
//!
//! let letter = server.next_message()?;
//! assert_eq!(letter.to(), ["<ann@example.net>"]);
//! assert!(letter.content.ends_with(b"Hello!\r\n"));
//! # Ok(()) }
//! ```
//!
//! There are places for the greeting, each command, an octet of the content, the reply to a message (in LMTP to
//! each recipient), and the nth time that anything is said; acts for a reply, octets that are none, a wait at a
//! [`Gate`], a close, and silence. [`Script::configure`] offers and withholds extensions, and
//! [`Script::login`], [`Script::token`] and `Script::tls` bring AUTH and TLS.
//!
//! # A server under test
//!
//! A [`ScriptedClient`] plays a dialogue. It says exactly what it is told, also what no client should.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_blocking::{Facts, Server, Service};
//! use smtp_blocking::testing::{ScriptedClient, pipe};
//! # use smtp_blocking::{Backend, Body, Recipient, Sender, Session};
//! # use smtp_blocking::proto::{answer::{Acceptance, Rejection}, domain::Host, server::Config};
//! # struct Post;
//! # impl Backend for Post {
//! #     type Session = Post;
//! #     fn connect(&self, _: &Facts) -> Result<Post, Rejection<'static>> { Ok(Post) }
//! # }
//! # impl Session for Post {
//! #     fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> { Ok(()) }
//! #     fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
//! #         if to.forward_path().to_string().contains("nobody") { return Err(Rejection::MAILBOX_UNKNOWN) }
//! #         Ok(())
//! #     }
//! #     fn message(&mut self, body: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>> {
//! #         body.read_to_end(1 << 20)?;
//! #         Ok(Acceptance::default())
//! #     }
//! #     fn reset(&mut self) {}
//! # }
//!
//! let server = Server::new(Config::new(Host::parse("mx.example.net")?), Post); // your backend
//! let (near, far) = pipe(4096);
//! let serving = std::thread::spawn(move || {
//!     server.serve_connection(far, Service::Smtp, Facts::default())
//! });
//!
//! let mut client = ScriptedClient::new(near);
//! client.play("
//!     S: 220 mx.example.net
//!     C: EHLO client.example
//!     S: 250
//!     C: MAIL FROM:<tim@example.org>
//!     C: RCPT TO:<nobody@example.net>
//!     C: DATA
//!     S: 250
//!     S: 550 5.1.1
//!     S: 554 5.5.1
//!     C: QUIT
//!     S: 221
//! ")?;
//! client.expect_end()?;
//! # drop(serving);
//! # Ok(()) }
//! ```
//!
//! What is not as expected is an error with the whole dialogue; that of a [`ScriptedServer`] has all its
//! sessions. They are shown by `unwrap` as well as by `?`.
//!
//! # A fault in transit
//!
//! A [`pipe`] is a connection in memory, and [`faulty`] a stream on whose way something happens. Nothing waits for
//! a time to pass, and nothing is left to chance.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_blocking::{Connector, Tls};
//! use smtp_blocking::testing::{Script, ScriptedServer, Transit, faulty, pipe};
//! # use smtp_blocking::proto::{client::{Envelope, Status}, parameter::Parameters, path::Mailbox};
//!
//! let server = ScriptedServer::new(Script::new());
//! let (near, far) = pipe(4096);
//! server.serve(far);
//! // Read in pieces of 1 to 3 octets; cut in the middle of what is written.
//! let stream = faulty(near, Transit::new().pieces(3), Transit::new().cut_after(200));
//!
//! let mut client = Connector::new(Tls::None).open(stream)?;
//! # let ann = Mailbox::parse("ann@example.net")?;
//! # let envelope = Envelope {
//! #     reverse_path: Mailbox::parse("tim@example.org")?.into(),
//! #     parameters: Parameters::EMPTY,
//! #     recipients: &[ann.into()],
//! # };
//! let report = client.send(&envelope, "Hello!\r\n".repeat(100))?;
//! assert_eq!(report.outcomes()[0].status(), Status::Deferred);
//! drop(client);
//! server.idle()?;
//! assert!(server.received().is_empty());
//! # Ok(()) }
//! ```

mod calls;
mod on;

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

#[doc(inline)]
pub use smtp_frontend::testing::{
    Act, Addressee, At, Bind, End, Letter, Pipe, Script, Transcript, Transit, Unmet,
};

pub use self::{
    calls::{Gate, ScriptedClient, ScriptedServer},
    on::{Faulty, On, faulty, pipe},
};
use crate::runtime::Blocking;

impl Bind for Blocking {
    async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }
}
