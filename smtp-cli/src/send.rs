//! `smtp send`: one message to any number of recipients.

mod addresses;
mod upstream;
mod wishes;

use std::io::{self, Write as _};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use smtp_frontend::{Client, Message};
use smtp_proto::{
    client::{Envelope, Recipient},
    data::BareNewline,
    extension::Extension,
    proxy::Version,
};

use self::{addresses::Addresses, upstream::Upstream, wishes::Wishes};
use crate::{
    args,
    compose::{Draft, compose},
    exit::{Code, Failure, code, worse},
    runtime::System,
    session::{self, forward_path, reverse_path},
    source::Source,
    trace::{Trace, recording},
};

/// The message, before there is a connection.
enum Prepared {
    Finished(Box<Source>),
    Composed(Vec<u8>),
}

impl Prepared {
    fn has_unix_lines(&self) -> bool {
        matches!(self, Self::Finished(source) if source.survey.has_unix_lines())
    }
}

/// Sends, prints an outcome for each recipient, and says with which code to end.
pub(crate) async fn run<R: System>(arguments: &args::Send) -> Result<Option<Code>, Failure> {
    let finished = match &arguments.message {
        Some(path) => Some(Source::open(path, arguments.read_recipients)?),
        None => None,
    };
    let addresses = Addresses::of(arguments, finished.as_ref())?;
    let wishes = Wishes::of(arguments, addresses.to.len())?;
    let upstream = Upstream::of(arguments)?;
    let reverse_path = reverse_path(&addresses.from)?;
    let recipients = addresses
        .to
        .iter()
        .map(|address| {
            let path = forward_path(address)?;
            Ok(Recipient { path, parameters: wishes.rcpt.as_parameters() })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let parameters = wishes.mail.as_parameters();
    let envelope = Envelope { reverse_path, parameters, recipients: &recipients };

    let message = match finished {
        Some(source) => Prepared::Finished(source.into()),
        None => Prepared::Composed(compose(&Draft {
            from: &addresses.from,
            to: &addresses.to,
            subject: arguments.subject.as_deref(),
            body: arguments.body.as_deref(),
            attachments: &arguments.attach,
        })?),
    };
    let mut client = connect::<R>(arguments, &addresses.from, message.has_unix_lines()).await?;
    if let Err(failure) = agree(&mut client, &wishes, &upstream).await {
        if client.is_usable() {
            client.quit().await.map_err(Failure::of)?;
        }
        return Err(failure);
    }
    let takes_8bit =
        client.capabilities().is_some_and(|offered| offered.offers(Extension::EightBitMime));
    let message = match message {
        Prepared::Finished(source) => {
            let content = source.content(takes_8bit);
            let bar = progress(content.size, arguments.trace);
            let message = R::message(source.reader, &bar).content(content);
            if arguments.read_recipients { message.without_bcc() } else { message }
        }
        Prepared::Composed(octets) => Message::from(octets),
    };
    let report = client.send_with(&envelope, message, wishes.options).await.map_err(Failure::of)?;
    for (address, outcome) in addresses.to.iter().zip(report.outcomes()) {
        // Who does not read it has the exit code.
        let _ = writeln!(io::stdout(), "{address}: {outcome}");
    }
    if client.is_usable() {
        client.quit().await.map_err(Failure::of)?;
    }
    Ok(report.outcomes().iter().filter_map(code).reduce(worse))
}

/// Says on whose behalf the message is sent, and looks whether the server offers all that is asked of
/// it then.
async fn agree(client: &mut Client, wishes: &Wishes, upstream: &Upstream) -> Result<(), Failure> {
    upstream.pose(client).await?;
    wishes.check(client.capabilities())?;
    upstream.forward(client).await
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

/// Connects, starts TLS and authenticates as the arguments have it.
async fn connect<R: System>(
    arguments: &args::Send,
    from: &str,
    unix_lines: bool,
) -> Result<Client, Failure> {
    let server = session::server(&arguments.session)?;
    let tls = session::tls(&arguments.session, &server, arguments.require_tls);
    if arguments.require_tls && tls == args::Tls::None {
        return Err(Failure::usage("--require-tls contradicts --tls none"));
    }
    let mut config = session::config(&arguments.session);
    if unix_lines {
        config.profile.client.bare_newline = BareNewline::Normalize;
    }
    let mut connector = session::connector::<R>(&arguments.session, tls, from)?.config(config);
    if let Some(trace) = Trace::client(arguments.trace, arguments.transcript.as_deref())? {
        connector = connector
            .recording(recording(arguments.keep_content))
            .trace(move |entry| trace.tell(1, "", entry));
    }
    if let Some(version) = arguments.proxy_protocol {
        let version = match version {
            args::ProxyVersion::V1 => Version::V1,
            args::ProxyVersion::V2 => Version::V2,
        };
        connector = connector.proxy_protocol(version, arguments.proxy_source);
    }
    session::connect(&connector, &server).await.map_err(Failure::of)
}
