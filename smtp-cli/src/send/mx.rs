//! To the hosts that take mail for the recipients' domains, as a relay sends it.

use smtp_frontend::Error;
use smtp_proto::relay::{NextHop, Unroutable, batches};

use super::{Letter, names::Names};
use crate::{
    args,
    exit::{Code, Failure, worse},
    runtime::System,
};

/// Sends to one domain after the other, prints an outcome for each recipient, and says with which code to
/// end.
pub(super) async fn run<R: System>(letter: &Letter<'_>) -> Result<Option<Code>, Failure> {
    let arguments = letter.arguments;
    let tls = arguments.session.tls.unwrap_or(args::Tls::Opportunistic);
    let connector = letter.connector::<R>(tls)?.mx_port(arguments.mx_port);
    let names = Names::of(arguments.name_server)?;
    let mut ended = None;
    let mut end = |code: Option<Code>| ended = ended.into_iter().chain(code).reduce(worse);
    // Each recipient that can be sent to, by its number, and where to.
    let mut hops = Vec::new();
    for (number, to) in letter.recipients(0..letter.addresses.to.len())?.iter().enumerate() {
        let mailbox = to.path.mailbox().ok_or(Unroutable::Incomplete);
        match mailbox.and_then(|mailbox| NextHop::of(mailbox, None)) {
            Ok(next_hop) => hops.push((number, next_hop)),
            Err(why) => end(Some(refuse(letter, [number], &failure(why.into())))),
        }
    }
    for batch in batches(hops.iter().map(|(_, next_hop)| next_hop), usize::MAX) {
        let of_batch = || batch.iter().filter_map(|place| hops.get(*place));
        let numbers = of_batch().map(|(number, _)| *number);
        let Some((_, next_hop)) = of_batch().next() else { continue };
        let sent = match connector.connect_mx(next_hop, &names).await {
            Ok(client) => letter.send::<R>(client, numbers.clone()).await,
            Err(error) => Err(failure(error)),
        };
        end(sent.unwrap_or_else(|failure| Some(refuse(letter, numbers, &failure))));
    }
    Ok(ended)
}

/// With the reply that says why there is no route.
fn failure(error: Error) -> Failure {
    match error {
        Error::Unroutable(why) => Failure::new(Failure::of(error).code, why.rejection()),
        error => Failure::of(error),
    }
}

/// Tells why these recipients cannot be sent to.
fn refuse(
    letter: &Letter<'_>,
    numbers: impl IntoIterator<Item = usize>,
    failure: &Failure,
) -> Code {
    let word = if failure.code == Code::Temporary { "deferred" } else { "rejected" };
    for number in numbers {
        letter.tell(number, format_args!("{word} before MAIL: {failure}"));
    }
    failure.code
}
