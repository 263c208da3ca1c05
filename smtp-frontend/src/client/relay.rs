//! One message to recipients of any domains.

use std::{collections::HashMap, future::Future};

use smtp_proto::{
    client::{Envelope, Outcome, Recipient, TransactionOptions},
    relay::{AttemptRules, HostFailure, MAX_BATCH, NextHop, Unroutable, Verdict, batches},
};

use super::{
    Client, Connector, MailData,
    route::{Reached, Round},
};
use crate::{dns::Resolve, runtime::Runtime};

/// Sends messages as a relay does: to the hosts that take mail for the domain of each recipient (RFC 5321
/// section 5.1), whoever it is that has a queue.
///
/// - Recipients of one domain share a transaction, and transactions with one host a session (L-09).
/// - The next address or host is tried by [`AttemptRules`]: where there is no session to be had, and where one
///   broke before a recipient had an answer. Who was delivered, refused or is in doubt is asked for no more.
/// - A mailbox that is named more than once is sent to once, with the parameters that come first.
/// - The hosts that are [this one](Connector::own) are left out, so that mail does not go round.
///
/// One domain comes after the other; a program that wants several at a time has several relays, which share a
/// connector and a resolver. What is to be tried again and when, [`Schedule`](smtp_proto::relay::Schedule) says.
///
/// ```no_run
/// # async fn f(dns: &impl smtp_tokio::dns::Resolve) -> Result<(), Box<dyn std::error::Error>> {
/// use smtp_tokio::{Connector, Relay, Tls};
/// use smtp_tokio::proto::client::{Envelope, Status};
/// # use smtp_tokio::proto::{parameter::Parameters, path::Mailbox};
///
/// let connector = Connector::new(Tls::Opportunistic).hello_name("relay.example.org")?;
/// let relay = Relay::new(&connector, dns);
/// let envelope = Envelope {
///     reverse_path: Mailbox::parse("tim@example.org")?.into(),
///     parameters: Parameters::EMPTY,
///     recipients: &[Mailbox::parse("ann@example.net")?.into(), Mailbox::parse("bob@example.com")?.into()],
/// };
/// let message = "Subject: hi\r\n\r\nHello!\r\n";
/// for verdict in relay.send(&envelope, || message).await {
///     let later = verdict.outcome.status() == Status::Deferred;
///     println!("{} (again later: {later})", verdict.outcome);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Relay<'c, R, D> {
    connector: &'c Connector<R>,
    dns: &'c D,
    rules: AttemptRules,
    most: usize,
    smart_host: Option<NextHop>,
}

/// Who hands a message over where a [`Relay`] has a session: for programs that make another transaction for each
/// server, as [`Queued::outgoing`](smtp_proto::relay::Queued::outgoing) does, or have something to say before it.
pub trait Courier: Send {
    /// Hands it over for these recipients, by their numbers, and says what became of each, in their order. The
    /// session is the relay's to end.
    ///
    /// # Errors
    /// This host cannot be given the message: the next one is tried. An [`Error`](crate::Error) becomes a
    /// [`HostFailure`] by `From`.
    fn carry(
        &mut self,
        client: &mut Client,
        recipients: &[usize],
    ) -> impl Future<Output = Result<Vec<Outcome>, HostFailure>> + Send;

    /// What became of a recipient is settled. Each is told once, as soon as it is known.
    fn settled(&mut self, recipient: usize, verdict: &Verdict) {
        let _ = (recipient, verdict);
    }
}

impl<'c, R: Runtime, D: Resolve> Relay<'c, R, D> {
    /// With sessions made by `connector`, and hosts found by `dns`.
    pub fn new(connector: &'c Connector<R>, dns: &'c D) -> Self {
        let mut rules = AttemptRules::default();
        rules.addresses = connector.max_attempts;
        Self { connector, dns, rules, most: MAX_BATCH, smart_host: None }
    }

    /// How far it goes for each domain; by default five hosts, and [as many
    /// addresses](Connector::max_attempts) as the connector tries.
    #[must_use]
    pub fn rules(mut self, rules: AttemptRules) -> Self {
        self.rules = rules;
        self
    }

    /// At most so many recipients in one transaction; [`MAX_BATCH`] by default. What the server takes at a time
    /// is kept without this.
    #[must_use]
    pub fn max_recipients(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Sends everything there, whatever the domain.
    #[must_use]
    pub fn smart_host(mut self, next_hop: NextHop) -> Self {
        self.smart_host = Some(next_hop);
        self
    }

    /// Sends a message to all recipients of `envelope` and says what became of each, in their order. `message`
    /// is called once for each transaction.
    pub async fn send<'m, M: Into<MailData<'m>>>(
        &self,
        envelope: &Envelope<'_>,
        message: impl FnMut() -> M + Send,
    ) -> Vec<Verdict> {
        self.send_with(envelope, message, TransactionOptions::default()).await
    }

    /// [`send`](Self::send), with options.
    pub async fn send_with<'m, M: Into<MailData<'m>>>(
        &self,
        envelope: &Envelope<'_>,
        mut message: impl FnMut() -> M + Send,
        options: TransactionOptions,
    ) -> Vec<Verdict> {
        let message = || message().into();
        self.send_by(envelope.recipients, &mut Plain { envelope, message, options }).await
    }

    /// Has `courier` hand a message over for these recipients, and says what became of each, in their order.
    pub async fn send_by(
        &self,
        recipients: &[Recipient<'_>],
        courier: &mut impl Courier,
    ) -> Vec<Verdict> {
        let Mail { hops, unroutable, copies } = Mail::sort(recipients, self.smart_host.as_ref());
        let mut verdicts = vec![unrouted(Unroutable::DnsFailed); recipients.len()];
        let mut settle = |courier: &mut _, number: usize, verdict: Verdict| {
            let copies = copies.get(&number).into_iter().flatten().copied();
            for number in std::iter::once(number).chain(copies) {
                Courier::settled(courier, number, &verdict);
                if let Some(place) = verdicts.get_mut(number) {
                    place.clone_from(&verdict);
                }
            }
        };
        for (number, why) in unroutable {
            settle(courier, number, unrouted(why));
        }
        let own = self.connector.known_as();
        let (mut at_hand, mut last) = (None, None);
        for batch in side_by_side(&hops, self.most) {
            let Some((_, next_hop)) = batch.first() else { continue };
            if last.replace(next_hop) != Some(next_hop) {
                end(&mut at_hand).await;
            }
            let numbers: Vec<_> = batch.iter().map(|(number, _)| *number).collect();
            let round =
                Round::begin(self.connector, self.dns, next_hop, numbers.len(), &own, self.rules);
            let of_batch = match round.await {
                Ok(round) => carry(round, &numbers, &mut at_hand, courier).await,
                Err(why) => vec![unrouted(why); numbers.len()],
            };
            for (number, verdict) in numbers.into_iter().zip(of_batch) {
                settle(courier, number, verdict);
            }
        }
        end(&mut at_hand).await;
        verdicts
    }
}

/// The recipients of each transaction. Those of one next hop follow each other, and so do next hops in the
/// order in which they are named first.
fn side_by_side(hops: &[(usize, NextHop)], most: usize) -> Vec<Vec<&(usize, NextHop)>> {
    let mut firsts = HashMap::new();
    for (place, (_, next_hop)) in hops.iter().enumerate() {
        firsts.entry(next_hop).or_insert(place);
    }
    let batches = batches(hops.iter().map(|(_, next_hop)| next_hop), most).into_iter();
    let of_places = |batch: Vec<usize>| batch.into_iter().filter_map(|place| hops.get(place));
    let mut batches: Vec<Vec<_>> = batches.map(|batch| of_places(batch).collect()).collect();
    batches.sort_by_key(|batch| batch.first().and_then(|(_, next_hop)| firsts.get(next_hop)));
    batches
}

/// Has the courier at each host that is tried, until nobody is left.
async fn carry<R: Runtime, D: Resolve>(
    mut round: Round<'_, R, D>,
    numbers: &[usize],
    at_hand: &mut Option<Reached>,
    courier: &mut impl Courier,
) -> Vec<Verdict> {
    while round.open(at_hand).await {
        let Some(session) = at_hand else { break };
        let pending = round.attempts.pending().filter_map(|place| numbers.get(place).copied());
        let pending: Vec<_> = pending.collect();
        match courier.carry(&mut session.client, &pending).await {
            Ok(outcomes) => round.attempts.sent(&outcomes),
            Err(failure) => round.attempts.failed(failure),
        }
    }
    round.attempts.verdicts()
}

async fn end(at_hand: &mut Option<Reached>) {
    if let Some(session) = at_hand.take() {
        session.end().await;
    }
}

/// Nobody can be asked about the recipient.
fn unrouted(why: Unroutable) -> Verdict {
    Verdict { outcome: Outcome::local(why.rejection()), host: None, address: None }
}

/// Recipients, by their numbers.
struct Mail {
    /// Where each goes.
    hops: Vec<(usize, NextHop)>,
    unroutable: Vec<(usize, Unroutable)>,
    /// Whose mailbox was named before, and where.
    copies: HashMap<usize, Vec<usize>>,
}

impl Mail {
    fn sort(recipients: &[Recipient<'_>], smart_host: Option<&NextHop>) -> Self {
        let (mut hops, mut unroutable) = (Vec::new(), Vec::new());
        let (mut copies, mut firsts) = (HashMap::<_, Vec<_>>::new(), HashMap::new());
        for (number, recipient) in recipients.iter().enumerate() {
            let mailbox = recipient.path.mailbox();
            let first = *firsts.entry(mailbox).or_insert(number);
            if first != number {
                copies.entry(first).or_default().push(number);
                continue;
            }
            let next_hop = match mailbox {
                Some(mailbox) => NextHop::of(mailbox, smart_host),
                // <Postmaster>, whose domain is whoever is asked.
                None => smart_host.cloned().ok_or(Unroutable::Incomplete),
            };
            match next_hop {
                Ok(next_hop) => hops.push((number, next_hop)),
                Err(why) => unroutable.push((number, why)),
            }
        }
        Self { hops, unroutable, copies }
    }
}

/// The same message for all.
struct Plain<'e, F> {
    envelope: &'e Envelope<'e>,
    message: F,
    options: TransactionOptions,
}

impl<'m, F: FnMut() -> MailData<'m> + Send> Courier for Plain<'_, F> {
    async fn carry(
        &mut self,
        client: &mut Client,
        recipients: &[usize],
    ) -> Result<Vec<Outcome>, HostFailure> {
        let of_envelope = self.envelope.recipients;
        let recipients: Vec<_> =
            recipients.iter().filter_map(|number| of_envelope.get(*number).copied()).collect();
        let envelope = Envelope { recipients: &recipients, ..*self.envelope };
        let sent = client.send_with(&envelope, (self.message)(), self.options).await;
        sent.map(|report| report.outcomes().to_vec()).map_err(|error| (&error).into())
    }
}
