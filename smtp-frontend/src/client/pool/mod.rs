//! Sessions that are used for more than one message.

mod places;
mod reaper;

use std::{
    fmt,
    future::poll_fn,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};

use smtp_proto::{
    client::{Cause, Client as Machine, Envelope, Report, Status, TransactionOptions},
    status::Severity,
    wire::Step,
};

use self::places::{Place, Places};
use super::{Client, Connector, MailData, SpeaksFor, Target};
use crate::{error::Error, runtime::Runtime};

/// How many sessions a [`Pool`] has, and how long each is used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolConfig {
    /// Sessions at a time, busy and idle ones together; 4 by default, one at least. Many servers take
    /// no more than a few from one client.
    pub max_sessions: usize,
    /// Callers that may wait while all sessions are busy; 1000 by default. To more,
    /// [`PoolError::Full`] is said at once.
    pub max_waiting: usize,
    /// Messages sent in one session; 100 by default, one at least. A server that says MAILMAX (RFC 9422)
    /// gets no more than that, and where it says RCPTDOMAINMAX a message goes out in a session that has
    /// room for its recipients' domains.
    pub max_messages: u32,
    /// How long a session may be idle before it is closed; 30 seconds by default. Servers wait for five
    /// minutes (RFC 5321 section 4.5.3.2.7), those under load for less.
    pub max_idle: Duration,
    /// Whether RSET is said before a session is used again. A transaction leaves nothing behind, so that
    /// by default it is not; it costs a round trip, and shows that the server is still there.
    pub reset: bool,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            max_sessions: 4,
            max_waiting: 1000,
            max_messages: 100,
            max_idle: Duration::from_secs(30),
            reset: false,
        }
    }
}

/// Why a [`Pool`] has no session to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// All sessions are busy, and enough callers wait for one already.
    #[error("too many wait for a session already")]
    Full,
    /// The pool is closed.
    #[error("the pool is closed")]
    Closed,
}

/// Sessions with one server, or with the first of several hosts that can be used, that are opened when
/// they are needed and used again. A clone is the same pool.
///
/// A session that broke, that is in the middle of something, or whose server has said something unasked
/// (421, as a rule) is never used again: the future of any method may be dropped at any time, and no half
/// of a command is left behind. Callers that wait are served in their order.
///
/// ```
/// # use smtp_tokio::proto::client::Envelope;
/// use smtp_tokio::{Connector, Pool, PoolConfig, Target, Tls};
///
/// # async fn send(envelope: &Envelope<'_>) -> Result<(), smtp_tokio::Error> {
/// let hosts = [Target::new("mail.example.org", 587)];
/// let pool = Pool::new(Connector::new(Tls::StartTls), hosts, PoolConfig::default());
/// // From any number of tasks, each with a clone of the pool:
/// let report = pool.send(envelope, "Subject: hi\r\n\r\nHello!\r\n").await?;
/// // In the end:
/// pool.close().await;
/// # Ok(()) }
/// ```
pub struct Pool<R> {
    shared: Arc<Shared<R>>,
}

struct Shared<R> {
    connector: Connector<R>,
    targets: Vec<Target>,
    config: PoolConfig,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Ready for the next message, the one used last at the end.
    idle: Vec<Idle>,
    /// To be closed.
    retired: Vec<Client>,
    places: Places,
    reaper: reaper::Reaper,
}

struct Idle {
    client: Client,
    since: Instant,
}

impl<R: Runtime> Pool<R> {
    /// A pool of sessions with the first of `targets` that can be used, made by `connector`. Nothing is
    /// connected to yet.
    pub fn new(
        connector: Connector<R>,
        targets: impl IntoIterator<Item = Target>,
        config: PoolConfig,
    ) -> Self {
        let targets = targets.into_iter().collect();
        let state = Mutex::default();
        Self { shared: Arc::new(Shared { connector, targets, config, state }) }
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
    pub async fn send<'m>(
        &self,
        envelope: &Envelope<'_>,
        message: impl Into<MailData<'m>>,
    ) -> Result<Report, Error> {
        self.send_with(envelope, message, TransactionOptions::default()).await
    }

    /// [`send`](Self::send), with options.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_with<'m>(
        &self,
        envelope: &Envelope<'_>,
        message: impl Into<MailData<'m>>,
        options: TransactionOptions,
    ) -> Result<Report, Error> {
        let message = message.into();
        let again = message.again();
        let paths = envelope.recipients.iter().map(|recipient| recipient.path);
        let mut session = self.lend(|machine| machine.has_room_for(paths.clone())).await?;
        let used_before = session.used_before;
        if used_before && again.is_none() && !answers(session.noop().await) {
            session = self.open(session.into_place()).await?;
        }
        let report = session.send_with(envelope, message, options).await?;
        match again {
            Some(again) if used_before && came_to_nothing(&report) => {
                session = self.open(session.into_place()).await?;
                session.send_with(envelope, again, options).await
            }
            _ => Ok(report),
        }
    }

    /// A session for a while, to be used as any other: one that is idle or else a new one. It comes back
    /// to the pool when it is dropped, unless it cannot be used any more, or the server takes it for another
    /// client: after [`xclient`](Client::xclient), or after [`xforward`](Client::xforward) without a message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn get(&self) -> Result<Pooled<R>, Error> {
        self.lend(|_| true).await
    }

    /// A session that fits, or a new one.
    async fn lend(&self, fits: impl Fn(&Machine) -> bool) -> Result<Pooled<R>, Error> {
        let place = Place::take(&self.shared).await?;
        let config = &self.shared.config;
        while let Some(Idle { mut client, since }) = self.shared.take_idle(&fits) {
            if R::now().saturating_duration_since(since) >= config.max_idle {
                self.shared.retire(client);
            } else if is_quiet(&mut client).await
                && (!config.reset || answers(client.reset().await))
            {
                return Ok(Pooled { client: Some(client), place, used_before: true });
            }
        }
        self.shared.make_room();
        self.open(place).await
    }

    /// A new session.
    async fn open(&self, place: Place<R>) -> Result<Pooled<R>, Error> {
        let client = self.shared.connector.connect_any(&self.shared.targets).await?;
        reaper::watch(&self.shared);
        Ok(Pooled { client: Some(client), place, used_before: false })
    }

    /// Closes what is idle, with QUIT, and whatever comes back later. Who waits or comes from now on is
    /// told [`PoolError::Closed`].
    pub async fn close(&self) {
        let (idle, retired) = {
            let mut state = self.shared.state();
            state.places.close();
            (std::mem::take(&mut state.idle), std::mem::take(&mut state.retired))
        };
        for client in idle.into_iter().map(|idle| idle.client).chain(retired) {
            // That the server is gone already is as good.
            let _ = client.quit().await;
        }
    }
}

impl<R> Shared<R> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session used last of those that fit.
    fn take_idle(&self, fits: impl Fn(&Machine) -> bool) -> Option<Idle> {
        let mut state = self.state();
        let fits = |idle: &Idle| fits(idle.client.driver.endpoint());
        let place = state.idle.iter().rposition(fits)?;
        Some(state.idle.remove(place))
    }

    /// Ends the sessions that have been idle for longest, where a new one would be too many.
    fn make_room(&self) {
        let mut state = self.state();
        let others = self.config.max_sessions.max(1).saturating_sub(state.places.taken());
        let too_many = state.idle.len().saturating_sub(others);
        let ended: Vec<_> = state.idle.drain(..too_many).map(|idle| idle.client).collect();
        if !ended.is_empty() {
            state.retired.extend(ended);
            state.reaper.wake();
        }
    }

    fn retire(&self, client: Client) {
        let mut state = self.state();
        state.retired.push(client);
        state.reaper.wake();
    }
}

impl<R: Runtime> Shared<R> {
    /// Takes a session back, if it can be used for another message.
    fn give_back(&self, client: Client) {
        let machine = client.driver.endpoint();
        if !client.is_usable() || !machine.is_settled() || machine.state().in_transaction() {
            return;
        }
        let limit = client.capabilities().and_then(|offered| offered.limits().mail_max);
        let most = self.config.max_messages.max(1).min(limit.unwrap_or(u32::MAX));
        let worn_out = client.transactions >= most || self.config.max_idle.is_zero();
        // Nobody's mail is sent as somebody else's.
        let taken_for_another = client.speaks_for != SpeaksFor::Itself;
        let mut state = self.state();
        if worn_out || taken_for_another || state.places.is_closed() {
            state.retired.push(client);
        } else {
            state.idle.push(Idle { client, since: R::now() });
        }
        state.reaper.wake();
    }
}

/// Whether the server has neither said anything nor hung up since the last reply.
async fn is_quiet(client: &mut Client) -> bool {
    poll_fn(|cx| {
        let idle = matches!(client.driver.poll_next(cx), Poll::Ready(Ok(Step::Idle)));
        Poll::Ready(idle && client.driver.is_quiet(cx))
    })
    .await
}

fn answers(reply: Result<smtp_proto::reply::ReplyBuf, Error>) -> bool {
    reply.is_ok_and(|reply| reply.severity() == Severity::PositiveCompletion)
}

/// Whether the session ended before anybody took, or may have taken, anything.
fn came_to_nothing(report: &Report) -> bool {
    let outcomes = report.outcomes();
    let accepted = |status| matches!(status, Status::Delivered | Status::InDoubt);
    outcomes.iter().any(|outcome| matches!(outcome.cause(), Cause::Fault(_)))
        && !outcomes.iter().any(|outcome| accepted(outcome.status()))
}

/// A session of a [`Pool`], lent.
pub struct Pooled<R: Runtime> {
    /// There until this is dropped.
    client: Option<Client>,
    place: Place<R>,
    used_before: bool,
}

impl<R: Runtime> Pooled<R> {
    /// Whether something was sent in this session before: it may be over without anybody knowing.
    pub fn used_before(&self) -> bool {
        self.used_before
    }

    /// Drops the session.
    fn into_place(mut self) -> Place<R> {
        drop(self.client.take());
        self.place.hand_on()
    }
}

impl<R: Runtime> Drop for Pooled<R> {
    fn drop(&mut self) {
        if let (Some(client), Some(shared)) = (self.client.take(), self.place.pool()) {
            shared.give_back(client);
        }
    }
}

impl<R: Runtime> Deref for Pooled<R> {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client.as_ref().expect("lent until it is dropped")
    }
}

impl<R: Runtime> DerefMut for Pooled<R> {
    fn deref_mut(&mut self) -> &mut Client {
        self.client.as_mut().expect("lent until it is dropped")
    }
}

impl<R> Clone for Pool<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R> fmt::Debug for Pool<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("Pool")
            .field("targets", &self.shared.targets)
            .field("idle", &state.idle.len())
            .field("places", &state.places)
            .finish_non_exhaustive()
    }
}

impl<R: Runtime> fmt::Debug for Pooled<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pooled").field(&self.client).finish()
    }
}
