//! To the hosts that take mail for the recipients' domains, as a relay sends it.

use std::marker::PhantomData;

use smtp_frontend::{Client, Courier, Relay};
use smtp_proto::{
    answer::Rejection,
    client::{Outcome, Phase},
    relay::{HostFailure, Verdict},
};

use super::{Letter, names::Names};
use crate::{
    args,
    exit::{Code, Failure, code, worse},
    runtime::System,
};

/// Sends to one domain after the other, prints an outcome for each recipient, and says with which code to
/// end.
pub(super) async fn run<R: System>(letter: &Letter<'_>) -> Result<Option<Code>, Failure> {
    let arguments = letter.arguments;
    let tls = arguments.session.tls.unwrap_or(args::Tls::Opportunistic);
    let connector = letter.connector::<R>(tls)?.mx_port(arguments.mx_port);
    let names = Names::of(arguments.name_server, arguments.dnssec)?;
    let recipients = letter.recipients(0..letter.addresses.to.len())?;
    let mut carrier = Carrier::<R> { letter, ended: None, runtime: PhantomData };
    // What a server takes at a time, the transaction knows.
    let relay = Relay::new(&connector, &names).max_recipients(usize::MAX);
    relay.send_by(&recipients, &mut carrier).await;
    Ok(carrier.ended)
}

/// Hands over the letter, and tells what became of it.
struct Carrier<'l, R> {
    letter: &'l Letter<'l>,
    /// With which code to end.
    ended: Option<Code>,
    runtime: PhantomData<fn() -> R>,
}

impl<R: System> Courier for Carrier<'_, R> {
    async fn carry(
        &mut self,
        client: &mut Client,
        recipients: &[usize],
    ) -> Result<Vec<Outcome>, HostFailure> {
        let sent = self.letter.transact::<R>(client, recipients.iter().copied()).await;
        sent.map(|report| report.outcomes().to_vec()).map_err(refusal)
    }

    fn settled(&mut self, recipient: usize, verdict: &Verdict) {
        let outcome = &verdict.outcome;
        match &verdict.host {
            // Where it is no server that speaks.
            Some(host) if outcome.phase() == Phase::Preparation => {
                self.letter.tell(recipient, format_args!("{outcome} ({host})"));
            }
            _ => self.letter.tell(recipient, outcome),
        }
        self.ended = self.ended.into_iter().chain(code(outcome)).reduce(worse);
    }
}

/// This host cannot be given the letter; another one may do.
fn refusal(failure: Failure) -> HostFailure {
    if let Some(error) = failure.error {
        return (&*error).into();
    }
    let rejection = match failure.code {
        Code::Temporary | Code::Protocol => Rejection::temporary(5, 0, ""),
        _ => Rejection::permanent(5, 0, ""),
    };
    HostFailure::Policy(rejection.with_text(failure.message))
}
