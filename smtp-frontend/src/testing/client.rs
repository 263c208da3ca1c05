//! A client that says what a test says, and knows what to expect.

use std::{
    fmt, io,
    marker::PhantomData,
    net::SocketAddr,
    task::{Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use smtp_proto::{
    client::{Client as Machine, Config},
    reply::{ReplyBuf, ReplyReader, ReplyRules},
};

use super::{Transcript, Unmet, server::PATIENCE};
use crate::{
    driver::Driver,
    runtime::{Adopt, Runtime},
};

/// So much is read ahead of what is expected.
const AHEAD: usize = 1 << 20;

/// A client that says lines, or octets of any kind, and expects replies: the other side of a server under
/// test.
///
/// It knows no rule of SMTP but what a reply is. What is not as expected is an [`Unmet`] with all that was
/// said.
pub struct ScriptedClient<R> {
    /// For its stream and its timer; nothing is done by its machine.
    driver: Box<dyn Driver<Machine>>,
    inbox: BytesMut,
    transcript: Transcript,
    patience: Duration,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> ScriptedClient<R> {
    /// On a stream of the test's own, such as an end of a `testing::pipe`.
    pub fn new<S>(stream: S) -> Self
    where
        R: Adopt<S>,
    {
        Self::on(R::adopt(stream))
    }

    /// On a new connection.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::on(R::connect(address, None).await?))
    }

    fn on(socket: R::Socket) -> Self {
        Self {
            driver: R::drive(socket, Machine::new(Config::default())),
            inbox: BytesMut::new(),
            transcript: Transcript::default(),
            patience: PATIENCE,
            runtime: PhantomData,
        }
    }

    /// How long each thing that is expected may take; 10 seconds by default. A test that succeeds never
    /// waits so long.
    #[must_use]
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// Plays a dialogue as RFC 5321 appendix D writes them: lines that begin with `C:` are said, lines that
    /// begin with `S:` are expected, as by [`expect`](Self::expect). Lines that follow each other on the
    /// client's side are said at once, as a group (RFC 2920). Blanks in front of a line do not count, nor do
    /// empty lines; behind the colon one blank is not said.
    ///
    /// ```text
    /// S: 220
    /// C: EHLO client.example
    /// S: 250
    /// C: MAIL FROM:<tim@example.org>
    /// C: RCPT TO:<ann@example.org>
    /// C: DATA
    /// S: 250
    /// S: 550 5.1.1
    /// S: 554
    /// ```
    ///
    /// # Errors
    /// A reply was another one, or did not come.
    ///
    /// # Panics
    /// When a line begins with neither.
    pub async fn play(&mut self, dialogue: &str) -> Result<(), Unmet> {
        let mut group = Vec::new();
        for line in dialogue.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
            let (speaker, text) = line.split_once(':').unwrap_or((line, ""));
            let text = text.strip_prefix(' ').unwrap_or(text);
            match speaker {
                "C" => group.extend([text.as_bytes(), b"\r\n"].concat()),
                "S" => {
                    self.octets(&std::mem::take(&mut group)).await?;
                    self.expect(text).await?;
                }
                _ => panic!("neither `C:` nor `S:` begins {line:?}"),
            }
        }
        self.octets(&group).await
    }

    /// Says a line, to which CRLF is added.
    ///
    /// # Errors
    /// The server did not take it.
    pub async fn say(&mut self, line: &str) -> Result<(), Unmet> {
        self.octets(&[line.as_bytes(), b"\r\n"].concat()).await
    }

    /// Says a line and expects its reply.
    ///
    /// # Errors
    /// As [`expect`](Self::expect).
    pub async fn command(&mut self, line: &str, expected: &str) -> Result<ReplyBuf, Unmet> {
        self.say(line).await?;
        self.expect(expected).await
    }

    /// Says octets as they are, in one write if the stream takes them so. To have them split somewhere, call
    /// this once for each part: the parts leave by themselves.
    ///
    /// # Errors
    /// The server did not take them.
    pub async fn octets(&mut self, octets: &[u8]) -> Result<(), Unmet> {
        self.transcript.said('C', octets);
        match self.write(octets).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.unmet("expected the server to read", error)),
        }
    }

    /// The next reply.
    ///
    /// # Errors
    /// There is none in time, or what comes is no reply.
    pub async fn reply(&mut self) -> Result<ReplyBuf, Unmet> {
        self.expect("").await
    }

    /// The next reply, whose last line begins so: "250 2.1.5", "250", "2", or "" for any.
    ///
    /// # Errors
    /// It is another one, there is none in time, or what comes is no reply.
    pub async fn expect(&mut self, beginning: &str) -> Result<ReplyBuf, Unmet> {
        let rules = ReplyRules::default();
        let mut reader = ReplyReader::default();
        let expected = format!("expected the reply {beginning:?}");
        loop {
            match reader.find(&self.inbox, &rules) {
                Ok(Some(size)) => {
                    let octets = self.inbox.split_to(size);
                    self.transcript.said('S', &octets);
                    let last = octets.trim_ascii_end().rsplit(|&octet| octet == b'\n').next();
                    let is_expected = last.unwrap_or_default().starts_with(beginning.as_bytes());
                    return match smtp_proto::reply::Reply::parse(&octets) {
                        Ok(reply) if is_expected => Ok(reply.to_owned()),
                        Ok(reply) => Err(self.unmet(&expected, format_args!("found {reply}"))),
                        Err(error) => Err(self.unmet(&expected, error)),
                    };
                }
                Ok(None) => {}
                Err(error) => return Err(self.unmet(&expected, error)),
            }
            match self.read().await {
                Ok(0) => return Err(self.unmet(&expected, "the server has closed")),
                Ok(_) => {}
                Err(error) => return Err(self.unmet(&expected, error)),
            }
        }
    }

    /// Waits for the end of the connection, before which nothing more is said.
    ///
    /// # Errors
    /// Something is said, or the end does not come in time.
    pub async fn expect_end(&mut self) -> Result<(), Unmet> {
        let expected = "expected the end of the connection";
        let read = if self.inbox.is_empty() { self.read().await } else { Ok(self.inbox.len()) };
        match read {
            Ok(0) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
            Ok(_) => Err(self.unmet(expected, "the server said something")),
            Err(error) => Err(self.unmet(expected, error)),
        }
    }

    /// Closes this side of the connection; what the server still says can be read.
    ///
    /// # Errors
    /// The stream does not let it.
    pub async fn close(&mut self) -> Result<(), Unmet> {
        self.transcript.note("closed by the client");
        let closed = self.driver.within(self.patience, |driver, cx| driver.poll_close(cx)).await;
        closed.map_err(|error| self.unmet("expected to close", error))
    }

    /// Makes the TLS handshake, behind the reply to STARTTLS or at the beginning.
    ///
    /// # Errors
    /// It failed.
    #[cfg(feature = "tls")]
    pub async fn start_tls(
        &mut self,
        config: std::sync::Arc<rustls::ClientConfig>,
        name: rustls::pki_types::ServerName<'static>,
    ) -> Result<(), Unmet> {
        let expected = "expected a TLS handshake";
        if !self.inbox.is_empty() {
            return Err(self.unmet(expected, "the server said something before it"));
        }
        if let Err(error) = self.driver.connect_tls(config, name, self.patience).await {
            return Err(self.unmet(expected, error));
        }
        self.transcript.note("inside TLS");
        Ok(())
    }

    /// What was said until now.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    fn unmet(&mut self, expected: &str, found: impl fmt::Display) -> Unmet {
        let rest = std::mem::take(&mut self.inbox);
        self.transcript.said('S', &rest);
        Unmet::new(expected, found, &self.transcript)
    }

    /// Writes all, and reads meanwhile: a server may wait for that.
    async fn write(&mut self, mut octets: &[u8]) -> io::Result<()> {
        let Self { driver, inbox, patience, .. } = self;
        let writing = driver.within(*patience, |driver, cx| {
            while !octets.is_empty() {
                match driver.poll_write(cx, octets)? {
                    Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(written) => octets = octets.get(written..).unwrap_or_default(),
                    // It has more to say than anybody would wait for.
                    Poll::Pending if inbox.len() >= AHEAD => return Poll::Pending,
                    Poll::Pending => {
                        if ready!(poll_read(driver, cx, inbox))? == 0 {
                            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                        }
                    }
                }
            }
            driver.poll_flush(cx)
        });
        writing.await
    }

    async fn read(&mut self) -> io::Result<usize> {
        let Self { driver, inbox, patience, .. } = self;
        driver.within(*patience, |driver, cx| poll_read(driver, cx, inbox)).await
    }
}

/// Reads what there is; 0 at the end.
fn poll_read(
    driver: &mut dyn Driver<Machine>,
    cx: &mut std::task::Context<'_>,
    inbox: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    let mut space = [0; 4096];
    let read = ready!(driver.poll_read(cx, &mut space))?;
    inbox.extend_from_slice(space.get(..read).unwrap_or_default());
    Poll::Ready(Ok(read))
}

impl<R> fmt::Debug for ScriptedClient<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedClient")
            .field("transcript", &self.transcript)
            .finish_non_exhaustive()
    }
}
