//! `smtp send`: one message to any number of recipients.

mod addresses;
mod mx;
mod names;
mod upstream;
mod wishes;

use std::{fmt::Display, sync::Arc};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use smtp_frontend::{Client, Connector, Message, Progress};
use smtp_proto::{
    client::{Envelope, Recipient, Report},
    extension::Extension,
    proxy::Version,
};

use self::{addresses::Addresses, upstream::Upstream, wishes::Wishes};
use crate::{
    args,
    compose::{Draft, compose},
    exit::{Code, Failure, code, worse},
    notice::notice,
    output::say,
    runtime::System,
    session::{self, forward_path, reverse_path},
    source::{MAX_HEADER, PEEK, Source},
    trace::{Trace, recording},
};

/// The content, before there is a connection.
enum Prepared {
    Finished(Box<Source>),
    Composed(Bytes),
}

/// A message, and all that is asked for it, wherever it goes.
struct Letter<'a> {
    arguments: &'a args::Send,
    addresses: Addresses,
    wishes: Wishes,
    upstream: Upstream,
    content: Prepared,
}

/// Sends, prints an outcome for each recipient, and says with which code to end.
pub(crate) async fn run<R: System>(arguments: &args::Send) -> Result<Option<Code>, Failure> {
    let letter = Letter::of(arguments)?;
    if arguments.mx {
        return mx::run::<R>(&letter).await;
    }
    letter.recipients(0..letter.addresses.to.len())?;
    let server = session::server(&arguments.session)?;
    let tls = session::tls(&arguments.session, &server, arguments.require_tls);
    if arguments.require_tls && tls == args::Tls::None {
        return Err(Failure::usage("--require-tls contradicts --tls none"));
    }
    let connector = letter.connector::<R>(tls)?;
    let client = session::connect(&connector, &server).await.map_err(Failure::of)?;
    letter.send::<R>(client).await
}

impl<'a> Letter<'a> {
    /// Reads what there is to send, and the options.
    fn of(arguments: &'a args::Send) -> Result<Self, Failure> {
        let peek = match (arguments.mx, arguments.read_recipients) {
            // It may be sent more than once.
            (true, _) => usize::MAX,
            (false, true) => MAX_HEADER,
            (false, false) => PEEK,
        };
        let finished = match &arguments.message {
            Some(path) => Some(Source::open(path, peek)?),
            None => None,
        };
        let addresses = Addresses::of(arguments, finished.as_ref())?;
        let wishes = Wishes::of(arguments, addresses.to.len())?;
        let upstream = Upstream::of(arguments)?;
        reverse_path(&addresses.from)?;
        let content = match finished {
            Some(source) => Prepared::Finished(source.into()),
            None => Prepared::Composed(
                compose(&Draft {
                    from: &addresses.from,
                    to: &addresses.to,
                    subject: arguments.subject.as_deref(),
                    body: arguments.body.as_deref(),
                    attachments: &arguments.attach,
                })?
                .into(),
            ),
        };
        Ok(Self { arguments, addresses, wishes, upstream, content })
    }

    /// Some of the recipients, by their numbers.
    fn recipients(
        &self,
        numbers: impl IntoIterator<Item = usize>,
    ) -> Result<Vec<Recipient<'_>>, Failure> {
        let parameters = self.wishes.rcpt.as_parameters();
        let to = numbers.into_iter().filter_map(|number| self.addresses.to.get(number));
        to.map(|address| Ok(Recipient { path: forward_path(address)?, parameters })).collect()
    }

    /// Who makes the sessions, as the options have it.
    fn connector<R: System>(&self, tls: args::Tls) -> Result<Connector<R>, Failure> {
        let arguments = self.arguments;
        let mut config = session::config(&arguments.session);
        if matches!(&self.content, Prepared::Finished(source) if source.survey.has_unix_lines()) {
            session::take_unix_lines(&mut config);
        }
        let connector = session::connector::<R>(&arguments.session, tls, &self.addresses.from)?;
        let mut connector = connector.config(config);
        if let Some(trace) = Trace::client(arguments.trace, arguments.transcript.as_deref())? {
            let trace = Arc::new(trace);
            let sessions = Arc::clone(&trace);
            connector = connector
                .recording(recording(arguments.keep_content))
                .observe(move |progress| {
                    if matches!(progress, Progress::Connected) {
                        sessions.begin();
                    }
                })
                .trace(move |entry| trace.tell(1, "", entry));
        }
        if let Some(version) = arguments.proxy_protocol {
            let version = match version {
                args::ProxyVersion::V1 => Version::V1,
                args::ProxyVersion::V2 => Version::V2,
            };
            connector = connector.proxy_protocol(version, arguments.proxy_source);
        }
        Ok(connector)
    }

    /// Sends to all recipients, and prints what became of each; the session is over then.
    async fn send<R: System>(&self, mut client: Client) -> Result<Option<Code>, Failure> {
        let sent = self.transact::<R>(&mut client, 0..self.addresses.to.len()).await;
        if let Ok(report) = &sent {
            for (number, outcome) in report.outcomes().iter().enumerate() {
                self.tell(number, outcome);
            }
        }
        if client.is_usable() {
            client.quit().await.map_err(Failure::of)?;
        }
        Ok(sent?.outcomes().iter().filter_map(code).reduce(worse))
    }

    /// Sends to these recipients, after all that is to be said before.
    async fn transact<R: System>(
        &self,
        client: &mut Client,
        numbers: impl IntoIterator<Item = usize>,
    ) -> Result<Report, Failure> {
        self.agree(client).await?;
        let takes_8bit =
            client.capabilities().is_some_and(|offered| offered.offers(Extension::EightBitMime));
        let message = match &self.content {
            Prepared::Finished(source) => {
                let content = source.content(takes_8bit);
                let bar = progress(content.size, self.arguments.trace);
                let reader = source.reader()?;
                let message = R::message(reader, &bar).content(content);
                if self.arguments.read_recipients { message.without_bcc() } else { message }
            }
            Prepared::Composed(octets) => Message::from(octets.clone()),
        };
        let recipients = self.recipients(numbers)?;
        let reverse_path = reverse_path(&self.addresses.from)?;
        let parameters = self.wishes.mail.as_parameters();
        let envelope = Envelope { reverse_path, parameters, recipients: &recipients };
        let sent = client.send_with(&envelope, message, self.wishes.options).await;
        sent.map_err(Failure::of)
    }

    /// Prints what became of a recipient.
    fn tell(&self, number: usize, outcome: impl Display) {
        if let Some(address) = self.addresses.to.get(number) {
            // The exit code is that of the message: who reads of another would send it again.
            if let Err(failure) = say(format_args!("{address}: {outcome}\n")) {
                notice(format_args!("smtp: {failure}"));
            }
        }
    }

    /// Says on whose behalf the message is sent, and looks whether the server offers all that is asked
    /// of it then.
    async fn agree(&self, client: &mut Client) -> Result<(), Failure> {
        self.upstream.pose(client).await?;
        self.wishes.check(client.capabilities())?;
        self.upstream.forward(client).await
    }
}

/// A bar on the terminal for a message that takes a while; a hidden one otherwise.
fn progress(size: Option<u64>, traced: bool) -> ProgressBar {
    const LONG: u64 = 1024 * 1024;
    let style =
        ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    match (size, style) {
        // Indicatif draws on stderr, and only if that is a terminal.
        (Some(size), Ok(style)) if size >= LONG && !traced => {
            ProgressBar::new(size).with_style(style).with_finish(ProgressFinish::AndClear)
        }
        _ => ProgressBar::hidden(),
    }
}
