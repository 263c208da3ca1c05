//! A server that does what a test's script says.

use std::{
    fmt,
    future::Future,
    io,
    marker::PhantomData,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use smtp_proto::server::Server as Machine;

use super::{
    Letter, Script, Transcript, Unmet,
    board::{Board, Open},
    session::Session,
};
use crate::{
    driver::Driver,
    runtime::{Adopt, Runtime},
    session::Facts,
    time::{sleep, timeout},
};

/// What a test waits for is there within this time, or never.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Before it is accepted again when that has failed.
const PAUSE: Duration = Duration::from_millis(10);

/// How a runtime begins to listen: what a scripted server needs beyond a [`Runtime`].
pub trait Bind: Runtime {
    /// Listens there; where the port is 0, at a free one. The address with its port.
    fn bind(
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<(Self::TcpListener, SocketAddr)>> + Send;
}

/// A server inside the test that takes messages, and does what its [`Script`] says: the other side of a
/// client under test.
///
/// Its tasks are the runtime's; they end when this is dropped.
pub struct ScriptedServer<R> {
    board: Arc<Board>,
    script: Arc<Script>,
    address: Option<SocketAddr>,
    patience: Duration,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> ScriptedServer<R> {
    /// A server that listens nowhere, for streams of the test's own: see [`serve`](Self::serve).
    pub fn new(script: Script) -> Self {
        Self {
            board: Arc::default(),
            script: Arc::new(script),
            address: None,
            patience: PATIENCE,
            runtime: PhantomData,
        }
    }

    /// A server on a free port of the loopback interface.
    ///
    /// # Errors
    /// There is no port to be had, or no task.
    pub async fn listen(script: Script) -> io::Result<Self>
    where
        R: Bind,
    {
        let (listener, address) = R::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let mut server = Self::new(script);
        server.address = Some(address);
        let (board, script) = (Arc::clone(&server.board), Arc::clone(&server.script));
        let open = Open::new(&board);
        R::spawn(async move {
            let listener: R::Listener = listener.into();
            while let Some(accepted) = board.unless_over(R::accept(&listener)).await {
                let served = accepted.and_then(|(socket, peer)| {
                    let driver = R::drive(socket, Machine::new(Arc::clone(&script.config)));
                    R::spawn(play(&board, &script, driver, peer))
                });
                if served.is_err() {
                    // A client that was gone at once, no file descriptor, no thread: these come back.
                    let _ = board.unless_over(sleep::<R>(PAUSE)).await;
                }
            }
            drop(open);
        })?;
        Ok(server)
    }

    /// How long [`next_message`](Self::next_message) and the others wait before they give up; 10 seconds
    /// by default. A test that succeeds never waits so long.
    #[must_use]
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// Where it listens.
    ///
    /// # Panics
    /// When it was made by [`new`](Self::new): it listens nowhere.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("a server that listens: ScriptedServer::listen")
    }

    /// The port where it listens, at 127.0.0.1.
    ///
    /// # Panics
    /// As [`address`](Self::address).
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// Serves one client on a stream of the test's own, such as an end of a `testing::pipe`, in a task of
    /// its own.
    pub fn serve<S>(&self, stream: S)
    where
        R: Adopt<S>,
    {
        let machine = Machine::new(Arc::clone(&self.script.config));
        let driver = R::drive(R::adopt(stream), machine);
        // If that fails, the client sees that the stream is closed.
        let _ = R::spawn(play(&self.board, &self.script, driver, None));
    }

    /// All messages that have come whole, as many as the script has [room](Script::room) for.
    pub fn received(&self) -> Vec<Letter> {
        self.board.notes().letters.clone()
    }

    /// The next message that has not been handed out by this.
    ///
    /// # Errors
    /// None came in time.
    pub async fn next_message(&self) -> Result<Letter, Unmet> {
        let next = self.board.until(|notes| {
            let letter = notes.letters.get(notes.handed_out)?.clone();
            notes.handed_out += 1;
            Some(letter)
        });
        self.in_time(next, "a message").await
    }

    /// Waits until this many messages have come, and says which. For none nothing is waited for.
    ///
    /// # Errors
    /// Fewer have come in time, or more.
    pub async fn expect(&self, messages: usize) -> Result<Vec<Letter>, Unmet> {
        let expected = format!("{messages} messages");
        let enough = self
            .board
            .until(|notes| (notes.letters.len() >= messages).then(|| notes.letters.clone()));
        let letters = self.in_time(enough, &expected).await?;
        if letters.len() > messages {
            return Err(self.unmet(&expected, format!("{} came", letters.len())));
        }
        Ok(letters)
    }

    /// Waits until no session is open: until each client has said QUIT, or was cut off.
    ///
    /// # Errors
    /// They were not in time.
    pub async fn idle(&self) -> Result<(), Unmet> {
        let listening = usize::from(self.address.is_some());
        let idle = self.board.until(|notes| (notes.open <= listening).then_some(()));
        self.in_time(idle, "the end of all sessions").await
    }

    /// How many sessions there were.
    pub fn sessions(&self) -> u64 {
        self.board.notes().sessions
    }

    /// What was said in a session, counted from 1; of the last hundred sessions.
    pub fn transcript(&self, session: u64) -> Option<Transcript> {
        self.board.notes().transcript(session).cloned()
    }

    /// The lines that the client said in a session, counted from 1, without content; of the last hundred
    /// sessions.
    pub fn commands(&self, session: u64) -> Vec<String> {
        let notes = self.board.notes();
        let lines = notes.transcript(session).into_iter().flat_map(Transcript::lines);
        lines.filter_map(|line| line.strip_prefix("C: ")).map(str::to_owned).collect()
    }

    /// Ends all sessions where they stand and waits until they have.
    ///
    /// # Errors
    /// They did not in time.
    pub async fn close(self) -> Result<(), Unmet> {
        self.board.end();
        let ended = self.board.until(|notes| (notes.open == 0).then_some(()));
        self.in_time(ended, "the end of the server").await
    }

    async fn in_time<T>(&self, what: impl Future<Output = T>, name: &str) -> Result<T, Unmet> {
        match timeout::<R, _>(self.patience, what).await {
            Some(seen) => Ok(seen),
            None => {
                let came = self.board.notes().letters.len();
                Err(self.unmet(name, format!("not within {:?}, {came} came", self.patience)))
            }
        }
    }

    fn unmet(&self, expected: &str, found: String) -> Unmet {
        let notes = self.board.notes();
        Unmet::new(format_args!("expected {expected}"), found, &*notes)
    }
}

/// A session, from now to its end.
fn play(
    board: &Arc<Board>,
    script: &Arc<Script>,
    driver: Box<dyn Driver<Machine>>,
    peer: Option<SocketAddr>,
) -> impl Future<Output = ()> + Send + 'static {
    // Before anything of it is polled, so that it is waited for.
    let open = Open::new(board);
    let number = board.begin();
    let mut facts = Facts::default();
    (facts.session, facts.peer, facts.local) = (number, peer, driver.stream().local_addr());
    facts.protocol = driver.endpoint().config().protocol();
    let session = Session::new(Arc::clone(board), Arc::clone(script), driver, facts);
    let board = Arc::clone(board);
    async move {
        board.unless_over(session.play()).await;
        drop(open);
    }
}

impl<R> Drop for ScriptedServer<R> {
    fn drop(&mut self) {
        self.board.end();
    }
}

impl<R> fmt::Debug for ScriptedServer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedServer").field("address", &self.address).finish_non_exhaustive()
    }
}
