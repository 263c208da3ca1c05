//! What programs take for their own tests: the other side of a session, and what may happen in between.
//! With the feature `testing`, off by default; it is for `[dev-dependencies]`:
//!
//! ```toml
//! [dev-dependencies]
//! smtp-tokio = { git = "https://your.mirror/of/this/repository", features = ["testing"] }
//! ```
//!
//! # A client under test
//!
//! A [`ScriptedServer`] listens on a free port of the loopback interface and takes every message. Its
//! [`Script`] says where it does something else: an [`Act`] [`At`] a place.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_tokio::{Connector, Tls};
//! use smtp_tokio::testing::{Act, At, Script, ScriptedServer};
//! # use smtp_tokio::proto::{client::{Envelope, Status}, parameter::Parameters, path::Mailbox};
//!
//! let script = Script::new()
//!     .at(At::command("RCPT").nth(2), "450 4.2.1 mailbox busy")
//!     .at(At::command("QUIT"), Act::close());
//! let server = ScriptedServer::listen(script).await?;
//!
//! // What is tested would stand here.
//! let mut client = Connector::new(Tls::None).connect("127.0.0.1", server.port()).await?;
//! # let (ann, bob) = (Mailbox::parse("ann@example.net")?, Mailbox::parse("bob@example.net")?);
//! # let envelope = Envelope {
//! #     reverse_path: Mailbox::parse("tim@example.org")?.into(),
//! #     parameters: Parameters::EMPTY,
//! #     recipients: &[ann.into(), bob.into()],
//! # };
//! let report = client.send(&envelope, "Subject: hi\r\n\r\nHello!\r\n").await?;
//! assert_eq!(report.outcomes()[1].status(), Status::Deferred);
//!
//! let letter = server.next_message().await?;
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
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_tokio::{Facts, Server, Service};
//! use smtp_tokio::testing::{ScriptedClient, pipe};
//! # use smtp_tokio::{Backend, Body, Recipient, Sender, Session};
//! # use smtp_tokio::proto::{answer::{Acceptance, Rejection}, domain::Host, server::Config};
//! # struct Post;
//! # impl Backend for Post {
//! #     type Session = Post;
//! #     async fn connect(&self, _: &Facts) -> Result<Post, Rejection<'static>> { Ok(Post) }
//! # }
//! # impl Session for Post {
//! #     async fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> { Ok(()) }
//! #     async fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
//! #         if to.forward_path().to_string().contains("nobody") { return Err(Rejection::MAILBOX_UNKNOWN) }
//! #         Ok(())
//! #     }
//! #     async fn message(&mut self, body: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>> {
//! #         body.read_to_end(1 << 20).await?;
//! #         Ok(Acceptance::default())
//! #     }
//! #     fn reset(&mut self) {}
//! # }
//!
//! let server = Server::new(Config::new(Host::parse("mx.example.net")?), Post); // your backend
//! let (near, far) = pipe(4096);
//! let serving = tokio::spawn(async move {
//!     server.serve_connection(far, Service::Smtp, Facts::default()).await
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
//! ").await?;
//! client.expect_end().await?;
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
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_tokio::{Connector, Tls};
//! use smtp_tokio::testing::{Script, ScriptedServer, Transit, faulty, pipe};
//! # use smtp_tokio::proto::{client::{Envelope, Status}, parameter::Parameters, path::Mailbox};
//!
//! let server = ScriptedServer::new(Script::new());
//! let (near, far) = pipe(4096);
//! server.serve(far);
//! // Read in pieces of 1 to 3 octets; cut in the middle of what is written.
//! let stream = faulty(near, Transit::new().pieces(3), Transit::new().cut_after(200));
//!
//! let mut client = Connector::new(Tls::None).open(stream).await?;
//! # let ann = Mailbox::parse("ann@example.net")?;
//! # let envelope = Envelope {
//! #     reverse_path: Mailbox::parse("tim@example.org")?.into(),
//! #     parameters: Parameters::EMPTY,
//! #     recipients: &[ann.into()],
//! # };
//! let report = client.send(&envelope, "Hello!\r\n".repeat(100)).await?;
//! assert_eq!(report.outcomes()[0].status(), Status::Deferred);
//! drop(client);
//! server.idle().await?;
//! assert!(server.received().is_empty());
//! # Ok(()) }
//! ```

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use smtp_frontend::runtime::Io;
#[doc(inline)]
pub use smtp_frontend::testing::{
    Act, Addressee, AsPipe, At, Bind, End, Gate, Letter, Pipe, Script, Transcript, Transit, Unmet,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
};

use crate::Tokio;

/// A server that takes messages and does what a test's script says.
pub type ScriptedServer = smtp_frontend::testing::ScriptedServer<Tokio>;

/// A client that says what a test says, and knows what to expect.
pub type ScriptedClient = smtp_frontend::testing::ScriptedClient<Tokio>;

/// A stream with faults on the way.
pub type Faulty<S> = smtp_frontend::testing::Faulty<AsPipe<S, Tokio>>;

/// A connection in memory; `window` octets, at least one, may be under way each way.
pub fn pipe(window: usize) -> (On<End>, On<End>) {
    let (near, far) = smtp_frontend::testing::pipe(window);
    (On::new(near), On::new(far))
}

/// A stream on whose way something happens: to what is read from it, and to what is written to it.
pub fn faulty<S>(stream: S, reading: Transit, writing: Transit) -> On<Faulty<S>>
where
    Tokio: Io<S>,
{
    On::new(Faulty::new(AsPipe::new(stream), reading, writing))
}

impl Bind for Tokio {
    async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }
}

/// A stream of a test's own ([`Pipe`]), by tokio's traits.
#[derive(Debug)]
pub struct On<P>(pub P);

impl<P: Pipe> On<P> {
    /// Makes it one.
    pub fn new(pipe: P) -> Self {
        Self(pipe)
    }
}

impl<P: Pipe + Unpin> AsyncRead for On<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.0.poll_read(cx, buffer.initialize_unfilled());
        read.map_ok(|read| buffer.advance(read))
    }
}

impl<P: Pipe + Unpin> AsyncWrite for On<P> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_close(cx)
    }
}
