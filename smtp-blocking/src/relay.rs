//! One message to recipients of any domains.

use std::fmt;

use smtp_frontend::{
    MailData,
    dns::Resolve,
    proto::{
        client::{Envelope, Outcome, Recipient, TransactionOptions},
        relay::{AttemptRules, HostFailure, NextHop, Verdict},
    },
};

use crate::{
    client::{Client, LentClient},
    connector::Connector,
    delegate::settings,
    park::block_on,
    runtime::Blocking,
};

/// Sends messages as a relay does: to the hosts that take mail for the domain of each recipient (RFC 5321
/// section 5.1), whoever it is that has a queue.
///
/// - Recipients of one domain share a transaction, and transactions with one host a session (L-09).
/// - The next address or host is tried by [`AttemptRules`]: where there is no session to be had, and where one
///   broke before a recipient had an answer. Who was delivered, refused or is in doubt is asked for no more.
/// - A mailbox that is named more than once is sent to once, with the parameters that come first.
/// - The hosts that are [this one](Connector::own) are left out, so that mail does not go round.
///
/// One domain comes after the other; a program that wants several at a time has several threads with a relay each,
/// which share a connector and a resolver. What is to be tried again and when,
/// [`Schedule`](smtp_frontend::proto::relay::Schedule) says.
///
/// ```no_run
/// # fn f(dns: &impl smtp_blocking::dns::Resolve) -> Result<(), Box<dyn std::error::Error>> {
/// use smtp_blocking::{Connector, Relay, Tls};
/// use smtp_blocking::proto::client::{Envelope, Status};
/// # use smtp_blocking::proto::{parameter::Parameters, path::Mailbox};
///
/// let connector = Connector::new(Tls::Opportunistic).hello_name("relay.example.org")?;
/// let relay = Relay::new(&connector, dns);
/// let envelope = Envelope {
///     reverse_path: Mailbox::parse("tim@example.org")?.into(),
///     parameters: Parameters::EMPTY,
///     recipients: &[Mailbox::parse("ann@example.net")?.into(), Mailbox::parse("bob@example.com")?.into()],
/// };
/// let message = "Subject: hi\r\n\r\nHello!\r\n";
/// for verdict in relay.send(&envelope, || message) {
///     let later = verdict.outcome.status() == Status::Deferred;
///     println!("{} (again later: {later})", verdict.outcome);
/// }
/// # Ok(()) }
/// ```
pub struct Relay<'c, D>(smtp_frontend::Relay<'c, Blocking, D>);

/// Who hands a message over where a [`Relay`] has a session: for programs that make another transaction for each
/// server, as [`Queued::outgoing`](smtp_frontend::proto::relay::Queued::outgoing) does, or have something to say
/// before it.
pub trait Courier: Send {
    /// Hands it over for these recipients, by their numbers, and says what became of each, in their order. The
    /// session is the relay's to end.
    ///
    /// # Errors
    /// This host cannot be given the message: the next one is tried. An [`Error`](crate::Error) becomes a
    /// [`HostFailure`] by `From`.
    fn carry(
        &mut self,
        client: &mut LentClient<'_>,
        recipients: &[usize],
    ) -> Result<Vec<Outcome>, HostFailure>;

    /// What became of a recipient is settled. Each is told once, as soon as it is known.
    fn settled(&mut self, recipient: usize, verdict: &Verdict) {
        let _ = (recipient, verdict);
    }
}

impl<'c, D: Resolve> Relay<'c, D> {
    /// With sessions made by `connector`, and hosts found by `dns`.
    pub fn new(connector: &'c Connector, dns: &'c D) -> Self {
        Self(smtp_frontend::Relay::new(&connector.0, dns))
    }

    settings! {
        /// How far it goes for each domain; by default five hosts, and [as many
        /// addresses](Connector::max_attempts) as the connector tries.
        fn rules(rules: AttemptRules);

        /// At most so many recipients in one transaction; by default
        /// [`MAX_BATCH`](smtp_frontend::proto::relay::MAX_BATCH). What the server takes at a time is kept without
        /// this.
        fn max_recipients(most: usize);

        /// Sends everything there, whatever the domain.
        fn smart_host(next_hop: NextHop);
    }

    /// Sends a message to all recipients of `envelope` and says what became of each, in their order. `message` is
    /// called once for each transaction.
    pub fn send<'m, M: Into<MailData<'m>>>(
        &self,
        envelope: &Envelope<'_>,
        message: impl FnMut() -> M + Send,
    ) -> Vec<Verdict> {
        block_on(self.0.send(envelope, message))
    }

    /// [`send`](Self::send), with options.
    pub fn send_with<'m, M: Into<MailData<'m>>>(
        &self,
        envelope: &Envelope<'_>,
        message: impl FnMut() -> M + Send,
        options: TransactionOptions,
    ) -> Vec<Verdict> {
        block_on(self.0.send_with(envelope, message, options))
    }

    /// Has `courier` hand a message over for these recipients, and says what became of each, in their order.
    pub fn send_by(
        &self,
        recipients: &[Recipient<'_>],
        courier: &mut impl Courier,
    ) -> Vec<Verdict> {
        block_on(self.0.send_by(recipients, &mut Awaited(courier)))
    }
}

/// A courier that blocks, where one that can be awaited is called for.
struct Awaited<'c, C>(&'c mut C);

impl<C: Courier> smtp_frontend::Courier for Awaited<'_, C> {
    async fn carry(
        &mut self,
        client: &mut smtp_frontend::Client,
        recipients: &[usize],
    ) -> Result<Vec<Outcome>, HostFailure> {
        self.0.carry(&mut Client(client), recipients)
    }

    fn settled(&mut self, recipient: usize, verdict: &Verdict) {
        self.0.settled(recipient, verdict);
    }
}

impl<D: fmt::Debug> fmt::Debug for Relay<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
