//! A client: one session with a server, from the hello to QUIT.

mod connect;
mod connector;
mod message;
mod pool;
mod progress;
mod proxied;
mod relay;
mod route;
mod security;
mod target;
mod tunnel;
mod turned;
mod upgrade;

use std::{fmt, io, sync::Arc};

use smtp_proto::{
    client::{
        Client as Machine, Config, Envelope, Event, Misuse, Opening, OpeningError, OpeningStep,
        ReplyTo, Report, Transaction, TransactionOptions, TransactionStep,
    },
    command::{Query, Text},
    extension::Capabilities,
    fault::Fault,
    reply::ReplyBuf,
    status::Severity,
    transcript::Entry,
    wire::{Endpoint, Step},
};

pub use self::{
    connector::{Connector, Tls},
    message::{MailData, Message},
    pool::{Pool, PoolConfig, PoolError, Pooled},
    progress::Progress,
    relay::{Courier, Relay},
    target::{Attempt, ConnectError, Target},
    tunnel::{InvalidProxy, InvalidProxyCredentials, Proxy, ProxyError},
};
use self::{message::Pieces, upgrade::Upgrade};
use crate::{
    driver::{Driver, Stream},
    error::Error,
    trace::Teller,
};

/// What is called with each line that is said; see [`Connector::trace`].
pub(crate) type Trace = Arc<dyn Fn(&Entry) + Send + Sync>;

/// What is called with all that happens; see [`Connector::observe`].
pub(crate) type Observer = Arc<dyn Fn(&Progress<'_>) + Send + Sync>;

/// An open session with a server, made by a [`Connector`].
///
/// Several messages can be sent, one after the other. The future of any method may be dropped before
/// it is done, but then the session stands where nobody knows, and every later call is refused as
/// [`Misuse::Ended`].
pub struct Client {
    driver: Box<dyn Driver<Machine>>,
    config: Config,
    trace: Option<Trace>,
    teller: Teller,
    observer: Option<Observer>,
    /// Something is under way, or was when its future was dropped; or the session is lost.
    unusable: bool,
    lost: Option<io::Error>,
    /// How often MAIL was answered.
    transactions: u32,
    speaks_for: SpeaksFor,
}

/// For whom the next message would be sent, as the server sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpeaksFor {
    Itself,
    /// A client that was told by XFORWARD, for one message.
    Upstream,
    /// A client that was told by XCLIENT, for good.
    Another,
}

impl SpeaksFor {
    /// Behind a reply. What XFORWARD has told is for a message, and there is none where MAIL was refused.
    fn after(self, to: ReplyTo, severity: Severity) -> Self {
        match (to, self) {
            (ReplyTo::XClient { .. }, _) => Self::Another,
            (ReplyTo::XForward { .. }, Self::Itself) => Self::Upstream,
            (ReplyTo::Mail, Self::Upstream) if severity.is_positive() => Self::Itself,
            _ => self,
        }
    }
}

impl Client {
    pub(crate) fn new(
        driver: Box<dyn Driver<Machine>>,
        config: Config,
        trace: Option<Trace>,
        teller: Teller,
        observer: Option<Observer>,
    ) -> Self {
        Self {
            driver,
            config,
            trace,
            teller,
            observer,
            unusable: false,
            lost: None,
            transactions: 0,
            speaks_for: SpeaksFor::Itself,
        }
    }

    /// Sends one message to all recipients of `envelope` and says what became of each.
    ///
    /// Recipients that are refused do not stop the others. Where the server takes only so many at a time,
    /// the others follow in further mail transactions, if the content can be had once more. A connection that
    /// breaks on the way is no error here: recipients without an answer are deferred or in doubt. If `message`
    /// cannot be read to its end the connection is cut, so that no half of it is taken for a whole; the session
    /// is over then.
    ///
    /// # Errors
    /// [`Error::Misuse`] for an envelope or a message that must not be sent (a parameter the server
    /// does not offer, a bare CR or LF), or when the session is over; [`Error::Fault`] or [`Error::Io`] if the
    /// session fails while what was begun of such a message is taken back. Nothing was delivered then.
    pub async fn send<'m>(
        &mut self,
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
        &mut self,
        envelope: &Envelope<'_>,
        message: impl Into<MailData<'m>>,
        options: TransactionOptions,
    ) -> Result<Report, Error> {
        self.begin()?;
        let policy = self.config.profile.client.bare_newline;
        let (content, pieces) = match message.into().prepare(policy) {
            Ok(prepared) => prepared,
            Err(misuse) => {
                self.unusable = false;
                return Err(misuse.into());
            }
        };
        let at_hand = pieces.at_hand();
        let mut transaction = Transaction::new(*envelope, content, options);
        if let Some(message) = &at_hand {
            transaction = transaction.at_hand(message);
        }
        let ran = self.run(&mut transaction, pieces).await;
        self.tell();
        match ran {
            Ok(()) => {
                self.unusable = self.driver.endpoint().has_ended() || self.lost.is_some();
                Ok(transaction.report())
            }
            Err(misuse) => {
                self.withdraw().await?;
                self.unusable = false;
                Err(misuse.into())
            }
        }
    }

    /// Steps the transaction to its end. What fails on the way is told to it.
    async fn run(
        &mut self,
        transaction: &mut Transaction<'_>,
        mut pieces: Pieces<'_>,
    ) -> Result<(), Misuse> {
        loop {
            let wants = transaction.next(self.driver.endpoint_mut())?;
            let stepped = match wants {
                TransactionStep::Done => return Ok(()),
                TransactionStep::Await => self.driver.next().await,
                TransactionStep::Body => self.driver.written().await,
                TransactionStep::Rewind => {
                    match pieces.rewind().await {
                        Ok(true) => transaction.rewound(),
                        Ok(false) => transaction.cannot_rewind(),
                        Err(error) => transaction.fail_body(error.to_string()),
                    }
                    continue;
                }
            };
            self.tell();
            match (stepped, wants) {
                (Ok(Step::Event), _) => {
                    let machine = self.driver.endpoint_mut();
                    match machine.event() {
                        Some(Event::Reply { to, reply }) => {
                            self.transactions += u32::from(to == ReplyTo::Mail);
                            self.speaks_for = self.speaks_for.after(to, reply.severity());
                            observe(self.observer.as_ref(), &Progress::Reply { to, reply });
                            transaction.reply(to, reply);
                        }
                        Some(Event::Fault(fault)) => {
                            observe(self.observer.as_ref(), &Progress::Fault(&fault));
                            transaction.fault(machine, fault);
                        }
                        _ => {}
                    }
                }
                (Ok(Step::Close), _) | (Ok(Step::Idle), TransactionStep::Await) => {
                    transaction.fault(self.driver.endpoint(), Fault::Closed);
                }
                (Ok(_), TransactionStep::Body) => {
                    let driver = &mut *self.driver;
                    if let Err(why) = pieces.hand_over(driver, transaction).await {
                        self.driver.cut();
                        self.lost = Some(io::ErrorKind::ConnectionAborted.into());
                        transaction.fail_body(why);
                    }
                }
                (Ok(_), _) => {}
                (Err(error), _) => {
                    self.lost = Some(error);
                    transaction.fault(self.driver.endpoint(), Fault::Closed);
                }
            }
        }
    }

    /// After a misuse in the middle of a transaction: waits for what was sent, then RSET.
    async fn withdraw(&mut self) -> Result<(), Error> {
        while !self.driver.endpoint().is_settled() {
            self.reply().await?;
        }
        if self.driver.endpoint().state().in_transaction() {
            self.driver.endpoint_mut().reset()?;
            self.reply().await?;
        }
        Ok(())
    }

    /// RSET: gives up what there is of a transaction. [`send`](Self::send) leaves none behind.
    ///
    /// # Errors
    /// [`Error::Fault`] or [`Error::Io`] when the session fails.
    pub async fn reset(&mut self) -> Result<ReplyBuf, Error> {
        self.command(Machine::reset).await
    }

    /// NOOP: whether the server is still there.
    ///
    /// # Errors
    /// As [`reset`](Self::reset).
    pub async fn noop(&mut self) -> Result<ReplyBuf, Error> {
        self.command(Machine::noop).await
    }

    /// VRFY.
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Error::Misuse`] for text that cannot be sent.
    pub async fn verify(&mut self, query: Query<'_>) -> Result<ReplyBuf, Error> {
        self.command(|machine| machine.verify(query)).await
    }

    /// HELP.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub async fn help(&mut self, topic: Option<Text<'_>>) -> Result<ReplyBuf, Error> {
        self.command(|machine| machine.help(topic)).await
    }

    /// Sends one command and waits for its reply, whatever it is: the way to what has no method here.
    ///
    /// # Errors
    /// [`Error::Misuse`] if `send` is refused; [`Error::Fault`] or [`Error::Io`] when the session
    /// fails.
    pub async fn command(
        &mut self,
        send: impl FnOnce(&mut Machine) -> Result<(), Misuse>,
    ) -> Result<ReplyBuf, Error> {
        self.begin()?;
        if let Err(misuse) = send(self.driver.endpoint_mut()) {
            self.unusable = false;
            return Err(misuse.into());
        }
        let reply = self.reply().await?;
        self.unusable = self.driver.endpoint().has_ended();
        Ok(reply)
    }

    /// QUIT, and closes. The server is given a few seconds to answer
    /// ([`ClientTimeouts::quit`](smtp_proto::limits::ClientTimeouts::quit)); that it does not is no
    /// error.
    ///
    /// # Errors
    /// [`Error::Misuse`] when the session is over already.
    pub async fn quit(mut self) -> Result<(), Error> {
        self.begin()?;
        self.driver.endpoint_mut().quit()?;
        self.close().await;
        Ok(())
    }

    /// Waits for the end that QUIT brings.
    async fn close(&mut self) {
        let patience = self.config.timeouts.quit;
        while let Ok(Step::Event) = self.driver.next().await {
            if let Some(Event::Reply { to, reply }) = self.driver.endpoint_mut().event() {
                observe(self.observer.as_ref(), &Progress::Reply { to, reply });
            }
            self.tell();
        }
        let _ = self.driver.within(patience, |driver, cx| driver.poll_close(cx)).await;
    }

    /// What the server offers; `None` after HELO.
    pub fn capabilities(&self) -> Option<Capabilities<'_>> {
        self.driver.endpoint().capabilities()
    }

    /// Whether the session is inside TLS.
    pub fn is_tls(&self) -> bool {
        self.driver.endpoint().is_tls()
    }

    /// Whether the session can be used for another message.
    pub fn is_usable(&self) -> bool {
        !self.unusable && !self.driver.endpoint().has_ended()
    }

    /// What the stream said when the session broke during [`send`](Self::send).
    pub fn lost(&self) -> Option<&io::Error> {
        self.lost.as_ref()
    }

    /// The stream: addresses and TLS facts can be asked of it.
    pub fn stream(&self) -> &dyn Stream {
        self.driver.stream()
    }

    /// The connection, for those who want the core's own events.
    pub fn connection(&mut self) -> &mut dyn Driver<Machine> {
        &mut *self.driver
    }

    /// Something begins: until it is done the session is nobody else's.
    fn begin(&mut self) -> Result<(), Misuse> {
        if !self.is_usable() {
            return Err(Misuse::Ended);
        }
        self.unusable = true;
        Ok(())
    }

    /// The next reply.
    async fn reply(&mut self) -> Result<ReplyBuf, Error> {
        self.reply_to().await.map(|(_, reply)| reply)
    }

    /// The next reply, and what it answers.
    async fn reply_to(&mut self) -> Result<(ReplyTo, ReplyBuf), Error> {
        loop {
            let step = self.driver.next().await;
            let event = match step? {
                Step::Event => self.driver.endpoint_mut().event(),
                Step::Close | Step::Idle => return Err(Fault::Closed.into()),
                Step::Read | Step::Write => None,
            };
            let reply = match event {
                Some(Event::Reply { to, reply }) => {
                    self.speaks_for = self.speaks_for.after(to, reply.severity());
                    observe(self.observer.as_ref(), &Progress::Reply { to, reply });
                    Some(Ok((to, reply.to_owned())))
                }
                Some(Event::Fault(fault)) => {
                    observe(self.observer.as_ref(), &Progress::Fault(&fault));
                    Some(Err(fault))
                }
                _ => None,
            };
            self.tell();
            if let Some(reply) = reply {
                return Ok(reply?);
            }
        }
    }

    /// Tells what was said since the last time.
    fn tell(&mut self) {
        self.teller.tell(self.driver.endpoint_mut().wire(), self.trace.as_deref());
    }

    /// From the greeting to a session that can be used.
    pub(crate) async fn open(
        &mut self,
        mut opening: Opening<'_>,
        tls: Option<Upgrade<'_>>,
    ) -> Result<(), Unopened> {
        loop {
            match opening.next(self.driver.endpoint_mut()) {
                OpeningStep::Ready => return Ok(()),
                OpeningStep::Failed(error) => {
                    if self.driver.endpoint_mut().quit().is_ok() {
                        self.close().await;
                    }
                    let helo = opening.may_retry_with_helo(self.driver.endpoint());
                    let retry = helo.then_some(Retry::WithHelo);
                    return Err(Unopened { error: error.into(), retry });
                }
                OpeningStep::Await => {}
            }
            let step = self.driver.next().await;
            self.tell();
            match step.map_err(Error::from)? {
                Step::Event => match self.driver.endpoint_mut().event() {
                    Some(Event::Reply { to, reply }) => {
                        observe(self.observer.as_ref(), &Progress::Reply { to, reply });
                        opening.reply(to, reply);
                    }
                    Some(Event::Fault(fault)) => {
                        observe(self.observer.as_ref(), &Progress::Fault(&fault));
                        opening.fault(fault);
                    }
                    Some(Event::UpgradeTls) => {
                        let retry = opening.may_retry_without_tls().then_some(Retry::WithoutTls);
                        let tls = tls.as_ref().ok_or(Error::from(Fault::Closed))?;
                        self.handshake(tls).await.map_err(|error| Unopened { error, retry })?;
                    }
                    _ => {}
                },
                Step::Idle | Step::Close => opening.fault(Fault::Closed),
                Step::Read | Step::Write => {}
            }
            self.tell();
        }
    }
}

/// Tells whom it concerns.
fn observe(observer: Option<&Observer>, progress: &Progress<'_>) {
    if let Some(observer) = observer {
        observer(progress);
    }
}

/// Why there is no session, and how another connection may be tried.
pub(crate) struct Unopened {
    error: Error,
    retry: Option<Retry>,
}

/// What a second connection does without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    WithoutTls,
    WithHelo,
}

impl From<Error> for Unopened {
    fn from(error: Error) -> Self {
        Self { error, retry: None }
    }
}

impl From<OpeningError> for Unopened {
    fn from(error: OpeningError) -> Self {
        Error::from(error).into()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("connection", &self.driver)
            .field("unusable", &self.unusable)
            .finish_non_exhaustive()
    }
}
