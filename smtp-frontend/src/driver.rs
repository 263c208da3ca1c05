//! What a client or a server asks of its connection, whatever the runtime.

use std::{
    fmt,
    future::poll_fn,
    io, mem,
    net::SocketAddr,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use smtp_proto::{client, server, wire::Step};

#[cfg(feature = "tls")]
use crate::tls::TlsFacts;

/// What is known of the stream of a session.
pub trait Stream: fmt::Debug + Send {
    /// The address of the other side, of a TCP connection.
    fn peer_addr(&self) -> Option<SocketAddr>;

    /// The address of this side, of a TCP connection.
    fn local_addr(&self) -> Option<SocketAddr>;

    /// What is known of the TLS session, when there is one.
    #[cfg(feature = "tls")]
    fn tls(&self) -> Option<TlsFacts> {
        None
    }

    /// What the TLS session brings to an AUTH exchange (RFC 5802 section 6).
    #[cfg(feature = "tls")]
    fn channel(&self) -> smtp_proto::auth::Channel {
        smtp_proto::auth::Channel::new()
    }
}

/// A TLS handshake under way.
#[cfg(feature = "tls")]
pub type Handshake<'d> =
    std::pin::Pin<Box<dyn std::future::Future<Output = io::Result<()>> + Send + 'd>>;

/// A machine of [`smtp_proto`] on a stream with a timer, whatever the runtime: what
/// [`Connection`](crate::Connection) is for a session.
///
/// It is called for each step of a session, never for an octet.
pub trait Driver<E>: fmt::Debug + Send {
    /// The machine.
    fn endpoint(&self) -> &E;

    /// The machine.
    fn endpoint_mut(&mut self) -> &mut E;

    /// The stream.
    fn stream(&self) -> &dyn Stream;

    /// Reads, writes and waits until there is an [`Event`](Step::Event) to take, nothing to do
    /// ([`Idle`](Step::Idle)), or the end ([`Close`](Step::Close)).
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>>;

    /// As [`poll_next`](Self::poll_next), and comes back with [`Read`](Step::Read) too, as soon as all
    /// output has been written.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Step>>;

    /// Has what was written leave.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads what the machine does not see; 0 at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes what the machine has not said.
    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>>;

    /// Says the end.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether the peer has neither said anything nor hung up: nothing can be read at the moment. What can
    /// be read is lost.
    fn is_quiet(&mut self, cx: &mut Context<'_>) -> bool {
        self.poll_read(cx, &mut [0]).is_pending()
    }

    /// Drops the stream: the peer sees the end, and inside TLS that it is not a proper one.
    fn cut(&mut self);

    /// The time by which the timer goes.
    fn now(&self) -> Instant;

    /// What is polled next is waited for until then at most. Only those who block have to know that before.
    fn bound(&mut self, time: Instant) {
        let _ = time;
    }

    /// Ready at that time. While somebody waits for this, the timer of the machine stands still.
    fn poll_until(&mut self, cx: &mut Context<'_>, time: Instant) -> Poll<()>;

    /// The server's handshake, which may take so long. What was written has been flushed.
    #[cfg(feature = "tls")]
    fn accept_tls(
        &mut self,
        config: std::sync::Arc<rustls::ServerConfig>,
        time: Duration,
    ) -> Handshake<'_> {
        let _ = (config, time);
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    /// The client's handshake, which may take so long. What was written has been flushed.
    #[cfg(feature = "tls")]
    fn connect_tls(
        &mut self,
        config: std::sync::Arc<rustls::ClientConfig>,
        name: rustls::pki_types::ServerName<'static>,
        time: Duration,
    ) -> Handshake<'_> {
        let _ = (config, name, time);
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    /// The stream with a client's machine, where the roles have turned (RFC 2645); what is left here is
    /// closed.
    fn turn_to_client(&mut self, machine: client::Client) -> Box<dyn Driver<client::Client>>;

    /// The stream with a server's machine; as [`turn_to_client`](Self::turn_to_client).
    fn turn_to_server(&mut self, machine: server::Server) -> Box<dyn Driver<server::Server>>;
}

impl<E> dyn Driver<E> + '_ {
    /// [`poll_next`](Driver::poll_next) as a future. Cancel safe.
    ///
    /// # Errors
    /// What the stream says. The session is over then.
    pub async fn next(&mut self) -> io::Result<Step> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`poll_written`](Driver::poll_written) as a future: for callers that have more to say before the
    /// peer answers. What the peer has said already is read first. Cancel safe.
    ///
    /// # Errors
    /// What the stream says. The session is over then.
    pub async fn written(&mut self) -> io::Result<Step> {
        poll_fn(|cx| self.poll_written(cx)).await
    }

    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// What `poll` does, if it takes no longer than `time`.
    pub(crate) async fn within<T>(
        &mut self,
        time: Duration,
        mut poll: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let deadline = after(self.now(), time);
        self.bound(deadline);
        let mut is_again = false;
        poll_fn(|cx| {
            // A peer that always goes on has no more time than others.
            if mem::replace(&mut is_again, true) && self.now() >= deadline {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            match poll(self, cx) {
                Poll::Pending => {
                    self.poll_until(cx, deadline).map(|()| Err(io::ErrorKind::TimedOut.into()))
                }
                done => done,
            }
        })
        .await
    }

    /// Fills `octets` with what the machine does not see, in that time.
    pub(crate) async fn hear(&mut self, octets: &mut [u8], time: Duration) -> io::Result<()> {
        let mut filled = 0;
        self.within(time, |driver, cx| {
            while let Some(rest) = octets.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match ready!(driver.poll_read(cx, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                    read => filled += read,
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Writes and flushes what the machine has not said, in that time.
    pub(crate) async fn say(&mut self, mut octets: &[u8], time: Duration) -> io::Result<()> {
        self.within(time, |driver, cx| {
            while !octets.is_empty() {
                match ready!(driver.poll_write(cx, octets))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => octets = octets.get(written..).unwrap_or_default(),
                }
            }
            driver.poll_flush(cx)
        })
        .await
    }
}

/// A time that is as good as none.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// So much later, at most a year.
pub(crate) fn after(start: Instant, time: Duration) -> Instant {
    start.checked_add(time.min(NEVER)).unwrap_or(start)
}
