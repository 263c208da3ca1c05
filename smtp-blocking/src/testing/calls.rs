//! The other side of a session, by calls that block.

use std::{fmt, io, net::SocketAddr, ops::Deref, time::Duration};

use smtp_frontend::{
    proto::reply::ReplyBuf,
    runtime::Adopt,
    testing::{self, Letter, Script, Transcript, Unmet},
};

use crate::{park::block_on, runtime::Blocking};

/// A server inside the test that takes messages, and does what its [`Script`] says: the other side of a client
/// under test.
///
/// Its threads end when this is dropped, an idle one within a second.
pub struct ScriptedServer(testing::ScriptedServer<Blocking>);

impl ScriptedServer {
    /// A server that listens nowhere, for streams of the test's own: see [`serve`](Self::serve).
    pub fn new(script: Script) -> Self {
        Self(testing::ScriptedServer::new(script))
    }

    /// A server on a free port of the loopback interface.
    ///
    /// # Errors
    /// There is no port to be had, or no thread.
    pub fn listen(script: Script) -> io::Result<Self> {
        block_on(testing::ScriptedServer::listen(script)).map(Self)
    }

    /// How long [`next_message`](Self::next_message) and the others wait before they give up; 10 seconds by
    /// default. A test that succeeds never waits so long.
    #[must_use]
    pub fn patience(self, time: Duration) -> Self {
        Self(self.0.patience(time))
    }

    /// Where it listens.
    ///
    /// # Panics
    /// When it was made by [`new`](Self::new): it listens nowhere.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// The port where it listens, at 127.0.0.1.
    ///
    /// # Panics
    /// As [`address`](Self::address).
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// Serves one client on a stream of the test's own, such as an end of a [`pipe`](super::pipe()), on a thread
    /// of its own.
    pub fn serve<S>(&self, stream: S)
    where
        Blocking: Adopt<S>,
    {
        self.0.serve(stream);
    }

    /// All messages that have come whole, as many as the script has [room](Script::room) for.
    pub fn received(&self) -> Vec<Letter> {
        self.0.received()
    }

    /// The next message that has not been handed out by this.
    ///
    /// # Errors
    /// None came in time.
    pub fn next_message(&self) -> Result<Letter, Unmet> {
        block_on(self.0.next_message())
    }

    /// Waits until this many messages have come, and says which. For none nothing is waited for.
    ///
    /// # Errors
    /// Fewer have come in time, or more.
    pub fn expect(&self, messages: usize) -> Result<Vec<Letter>, Unmet> {
        block_on(self.0.expect(messages))
    }

    /// Waits until no session is open: until each client has said QUIT, or was cut off.
    ///
    /// # Errors
    /// They were not in time.
    pub fn idle(&self) -> Result<(), Unmet> {
        block_on(self.0.idle())
    }

    /// How many sessions there were.
    pub fn sessions(&self) -> u64 {
        self.0.sessions()
    }

    /// What was said in a session, counted from 1; of the last hundred sessions.
    pub fn transcript(&self, session: u64) -> Option<Transcript> {
        self.0.transcript(session)
    }

    /// The lines that the client said in a session, counted from 1, without content; of the last hundred
    /// sessions.
    pub fn commands(&self, session: u64) -> Vec<String> {
        self.0.commands(session)
    }

    /// Ends all sessions where they stand and waits until they have.
    ///
    /// # Errors
    /// They did not in time.
    pub fn close(self) -> Result<(), Unmet> {
        block_on(self.0.close())
    }
}

impl fmt::Debug for ScriptedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A client that says lines, or octets of any kind, and expects replies: the other side of a server under test.
///
/// It knows no rule of SMTP but what a reply is. What is not as expected is an [`Unmet`] with all that was said.
pub struct ScriptedClient(testing::ScriptedClient<Blocking>);

impl ScriptedClient {
    /// On a stream of the test's own, such as an end of a [`pipe`](super::pipe()).
    pub fn new<S>(stream: S) -> Self
    where
        Blocking: Adopt<S>,
    {
        Self(testing::ScriptedClient::new(stream))
    }

    /// On a new connection.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        block_on(testing::ScriptedClient::connect(address)).map(Self)
    }

    /// How long each thing that is expected may take; 10 seconds by default. A test that succeeds never waits
    /// so long.
    #[must_use]
    pub fn patience(self, time: Duration) -> Self {
        Self(self.0.patience(time))
    }

    /// Plays a dialogue as RFC 5321 appendix D writes them: lines that begin with `C:` are said, lines that begin
    /// with `S:` are expected, as by [`expect`](Self::expect). Lines that follow each other on the client's side
    /// are said at once, as a group (RFC 2920). Blanks in front of a line do not count, nor do empty lines; behind
    /// the colon one blank is not said.
    ///
    /// # Errors
    /// A reply was another one, or did not come.
    ///
    /// # Panics
    /// When a line begins with neither.
    pub fn play(&mut self, dialogue: &str) -> Result<(), Unmet> {
        block_on(self.0.play(dialogue))
    }

    /// Says a line, to which CRLF is added.
    ///
    /// # Errors
    /// The server did not take it.
    pub fn say(&mut self, line: &str) -> Result<(), Unmet> {
        block_on(self.0.say(line))
    }

    /// Says a line and expects its reply.
    ///
    /// # Errors
    /// As [`expect`](Self::expect).
    pub fn command(&mut self, line: &str, expected: &str) -> Result<ReplyBuf, Unmet> {
        block_on(self.0.command(line, expected))
    }

    /// Says octets as they are, in one write if the stream takes them so. To have them split somewhere, call this
    /// once for each part: the parts leave by themselves.
    ///
    /// # Errors
    /// The server did not take them.
    pub fn octets(&mut self, octets: &[u8]) -> Result<(), Unmet> {
        block_on(self.0.octets(octets))
    }

    /// The next reply.
    ///
    /// # Errors
    /// There is none in time, or what comes is no reply.
    pub fn reply(&mut self) -> Result<ReplyBuf, Unmet> {
        block_on(self.0.reply())
    }

    /// The next reply, whose last line begins so: "250 2.1.5", "250", "2", or "" for any.
    ///
    /// # Errors
    /// It is another one, there is none in time, or what comes is no reply.
    pub fn expect(&mut self, beginning: &str) -> Result<ReplyBuf, Unmet> {
        block_on(self.0.expect(beginning))
    }

    /// Waits for the end of the connection, before which nothing more is said.
    ///
    /// # Errors
    /// Something is said, or the end does not come in time.
    pub fn expect_end(&mut self) -> Result<(), Unmet> {
        block_on(self.0.expect_end())
    }

    /// Closes this side of the connection; what the server still says can be read.
    ///
    /// # Errors
    /// The stream does not let it.
    pub fn close(&mut self) -> Result<(), Unmet> {
        block_on(self.0.close())
    }

    /// Makes the TLS handshake, behind the reply to STARTTLS or at the beginning.
    ///
    /// # Errors
    /// It failed.
    #[cfg(feature = "tls")]
    pub fn start_tls(
        &mut self,
        config: std::sync::Arc<smtp_frontend::tls::rustls::ClientConfig>,
        name: smtp_frontend::tls::rustls::pki_types::ServerName<'static>,
    ) -> Result<(), Unmet> {
        block_on(self.0.start_tls(config, name))
    }

    /// What was said until now.
    pub fn transcript(&self) -> &Transcript {
        self.0.transcript()
    }
}

impl fmt::Debug for ScriptedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place where a [script](Script), or a handler under test, waits until the test lets it go on. A clone is the
/// same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(testing::Gate);

impl Gate {
    /// A gate that is closed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until somebody stands at the gate.
    pub fn reached(&self) {
        block_on(self.0.reached());
    }

    /// Lets one through: who stands there, or who comes next.
    pub fn open(&self) {
        self.0.open();
    }

    /// Stands at the gate until it is opened.
    pub fn pass(&self) {
        block_on(self.0.pass());
    }
}

/// For [`Act::behind`](testing::Act::behind).
impl Deref for Gate {
    type Target = testing::Gate;

    fn deref(&self) -> &testing::Gate {
        &self.0
    }
}
