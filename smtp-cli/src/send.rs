//! `smtp send`: one message to any number of recipients.

mod wishes;

use std::time::Duration;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use smtp_proto::{
    auth::{Known, client::Credentials},
    client::{self, Cause, Config, Envelope, OpeningError, Outcome, Recipient, Status},
    data::BareNewline,
    extension::Extension,
    fault::Fault,
    limits::ClientTimeouts,
    path::{ForwardPath, Mailbox, ReversePath},
    proxy::Version,
    status::Severity,
};
use smtp_tokio::{Client, Connector, Error, Message, Tls};

use self::wishes::Wishes;
use crate::{
    address::Server,
    args,
    compose::{Draft, compose},
    exit::{Code, Failure},
    source::Source,
    trace::{Trace, recording},
    trust,
    users::mechanisms,
};

/// The message, before there is a connection.
enum Prepared {
    Finished(Source),
    Composed(Vec<u8>),
}

impl Prepared {
    fn has_unix_lines(&self) -> bool {
        matches!(self, Self::Finished(source) if source.survey.has_unix_lines())
    }
}

/// Sends, prints an outcome for each recipient, and says with which code to end.
pub(crate) async fn run(arguments: &args::Send) -> Result<Option<Code>, Failure> {
    let wishes = Wishes::of(arguments)?;
    let reverse_path = reverse_path(&arguments.from)?;
    let recipients = arguments
        .to
        .iter()
        .map(|address| {
            let path = forward_path(address)?;
            Ok(Recipient { path, parameters: wishes.rcpt.as_parameters() })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let parameters = wishes.mail.as_parameters();
    let envelope = Envelope { reverse_path, parameters, recipients: &recipients };

    let message = match &arguments.message {
        Some(path) => Prepared::Finished(Source::open(path).await?),
        None => Prepared::Composed(compose(&Draft {
            from: &arguments.from,
            to: &arguments.to,
            subject: arguments.subject.as_deref(),
            body: arguments.body.as_deref(),
            attachments: &arguments.attach,
        })?),
    };
    let mut client = connect(arguments, message.has_unix_lines()).await?;
    if let Err(failure) = wishes.check(client.capabilities()) {
        client.quit().await.map_err(self::failure)?;
        return Err(failure);
    }
    let takes_8bit =
        client.capabilities().is_some_and(|offered| offered.offers(Extension::EightBitMime));
    let message = match message {
        Prepared::Finished(source) => {
            let content = source.content(takes_8bit);
            let reader = progress(content.size, arguments.trace).wrap_async_read(source.reader);
            Message::reader(reader).content(content)
        }
        Prepared::Composed(octets) => Message::from(octets),
    };
    let report = client.send_with(&envelope, message, wishes.options).await.map_err(failure)?;
    for (address, outcome) in arguments.to.iter().zip(report.outcomes()) {
        println!("{address}: {outcome}");
    }
    if client.is_usable() {
        client.quit().await.map_err(failure)?;
    }
    Ok(report.outcomes().iter().filter_map(code).reduce(worse))
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
async fn connect(arguments: &args::Send, unix_lines: bool) -> Result<Client, Failure> {
    let server = parse_server(arguments)?;
    let tls = arguments.tls.unwrap_or_else(|| default_tls(arguments, &server));
    if arguments.require_tls && tls == args::Tls::None {
        return Err(Failure::usage("--require-tls contradicts --tls none"));
    }
    let mut config = if arguments.lmtp { Config::lmtp() } else { Config::default() };
    if let Some(seconds) = arguments.timeout {
        config.timeouts = ClientTimeouts::all(Duration::from_secs(seconds));
    }
    config.lockstep = arguments.pipelining == args::PipeliningUse::Never;
    if unix_lines {
        config.profile.client.bare_newline = BareNewline::Normalize;
    }
    let mut connector = Connector::new(match tls {
        args::Tls::None => Tls::None,
        args::Tls::Starttls => Tls::StartTls,
        args::Tls::Implicit => Tls::Implicit,
    })
    .config(config);
    if let Some(seconds) = arguments.timeout {
        connector = connector.connect_timeout(Duration::from_secs(seconds));
    }
    if let Some(name) = &arguments.hello {
        connector = connector
            .hello_name(name)
            .map_err(|error| Failure::usage(format!("--hello {name}: {error}")))?;
    }
    if tls != args::Tls::None {
        if let Some(path) = &arguments.ca {
            connector = connector.tls_config(trust::roots(path)?);
        } else if arguments.insecure {
            connector = connector.tls_config(trust::anybody()?);
        }
    }
    if let Some(credentials) = credentials(arguments)? {
        let named = mechanisms(&arguments.auth)?;
        let anywhere = arguments.allow_plaintext_auth;
        connector = connector.authenticate(credentials, move |login| {
            let login = login.allow_plaintext(anywhere);
            if named.is_empty() { login } else { login.only(named.iter().copied()) }
        });
    }
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
    match &server {
        Server::Tcp { host, port } => connector.connect(host, *port).await,
        #[cfg(unix)]
        Server::Unix(path) => connector.connect_unix(path).await,
    }
    .map_err(failure)
}

/// What there is to log in with, if anything.
fn credentials(arguments: &args::Send) -> Result<Option<Credentials>, Failure> {
    if let (None, [only]) = (&arguments.user, arguments.auth.as_slice()) {
        // Nobody in particular, or who the certificate says.
        return match Known::of(only) {
            Some(Known::Anonymous) => Credentials::anonymous(&arguments.from).map(Some),
            _ => return Err(Failure::usage(format!("--auth {only} needs --user"))),
        }
        .map_err(Failure::usage);
    }
    let Some(user) = &arguments.user else {
        return if arguments.auth.is_empty() {
            Ok(None)
        } else {
            Err(Failure::usage("--auth needs --user"))
        };
    };
    let made = match (&arguments.password, &arguments.token) {
        (Some(password), Some(token)) => {
            Credentials::password(user, password).and_then(|made| made.with_token(token))
        }
        (Some(password), None) => Credentials::password(user, password),
        (None, Some(token)) => Credentials::token(user, token),
        (None, None) => {
            let needed = "--user needs --password, --token, SMTP_PASSWORD or SMTP_TOKEN";
            return Err(Failure::usage(needed));
        }
    };
    made.map(Some).map_err(Failure::usage)
}

fn reverse_path(address: &str) -> Result<ReversePath<'_>, Failure> {
    if matches!(address, "" | "<>") {
        return Ok(ReversePath::Null);
    }
    Mailbox::parse(address)
        .map(ReversePath::from)
        .map_err(|error| Failure::data(format!("--from {address}: {error}")))
}

fn forward_path(address: &str) -> Result<ForwardPath<'_>, Failure> {
    if address.eq_ignore_ascii_case("postmaster") {
        return Ok(ForwardPath::Postmaster);
    }
    Mailbox::parse(address)
        .map(ForwardPath::from)
        .map_err(|error| Failure::data(format!("--to {address}: {error}")))
}

fn parse_server(arguments: &args::Send) -> Result<Server, Failure> {
    let default_port = match (arguments.lmtp, arguments.tls) {
        (true, _) => 24,
        (false, Some(args::Tls::Implicit)) => 465,
        (false, _) => 587,
    };
    Server::parse(&arguments.server, default_port)
}

fn default_tls(arguments: &args::Send, server: &Server) -> args::Tls {
    match server {
        #[cfg(unix)]
        Server::Unix(_) => args::Tls::None,
        Server::Tcp { port: 465, .. } => args::Tls::Implicit,
        Server::Tcp { .. } if arguments.require_tls => args::Tls::Starttls,
        Server::Tcp { .. } if arguments.lmtp => args::Tls::None,
        Server::Tcp { .. } if server.is_local() && arguments.user.is_none() => args::Tls::None,
        Server::Tcp { .. } => args::Tls::Starttls,
    }
}

/// The exit code that an outcome calls for; none if the message was taken.
fn code(outcome: &Outcome) -> Option<Code> {
    Some(match (outcome.status(), outcome.cause()) {
        (Status::Delivered, _) => return None,
        (_, Cause::Content(_)) => Code::Data,
        (_, Cause::Fault(fault)) => fault_code(fault),
        (Status::Rejected, _) => Code::Unavailable,
        _ => Code::Temporary,
    })
}

fn fault_code(fault: &Fault) -> Code {
    match fault {
        Fault::Garbled(_) | Fault::UnexpectedReply(_) | Fault::PlaintextBehindStartTls => {
            Code::Protocol
        }
        _ => Code::Temporary,
    }
}

/// Of two codes the one to end with: what no retry mends comes first.
fn worse(one: Code, other: Code) -> Code {
    let rank = |code: Code| match code {
        Code::Data => 4,
        Code::Unavailable => 3,
        Code::Protocol => 2,
        _ => 1,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// The exit code that an error calls for.
pub(crate) fn failure(error: Error) -> Failure {
    let code = match &error {
        Error::Misuse(client::Misuse::BareNewline) => Code::Data,
        Error::Misuse(_) => Code::Unavailable,
        Error::Fault(fault) | Error::Opening(OpeningError::Fault(fault)) => fault_code(fault),
        Error::Opening(
            OpeningError::AuthRefused(reply) | OpeningError::TokenRefused { reply, .. },
        ) if reply.severity() == Severity::PermanentNegative => Code::Permission,
        Error::Opening(OpeningError::AuthFailed(_) | OpeningError::NoMechanism) => Code::Permission,
        Error::Opening(OpeningError::TlsNotOffered) | Error::Tls(_) => Code::Unavailable,
        error if error.is_temporary() => Code::Temporary,
        _ => Code::Unavailable,
    };
    Failure::new(code, error)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn parsed(server: &str, rest: &[&str]) -> (args::Send, Server) {
        let start = ["smtp", "send", "--from", "a@b.example", "--to", "c@d.example", "--server"];
        let line = start.iter().chain([&server]).chain(rest);
        let arguments = args::Arguments::try_parse_from(line).unwrap();
        let args::Command::Send(send) = arguments.command else { panic!("not send") };
        let server = parse_server(&send).unwrap();
        (*send, server)
    }

    #[test]
    fn tls_is_left_out_only_where_nothing_can_be_lost() {
        let cases: [(&str, &[&str], args::Tls); 6] = [
            ("mx.example:25", &[], args::Tls::Starttls),
            ("mx.example:465", &[], args::Tls::Implicit),
            ("127.0.0.1:2525", &[], args::Tls::None),
            ("localhost:2525", &["--user", "u", "--password", "p"], args::Tls::Starttls),
            ("unix:/run/lmtp", &["--lmtp"], args::Tls::None),
            ("mx.example:24", &["--lmtp"], args::Tls::None),
        ];
        for (text, rest, tls) in cases {
            let (arguments, server) = parsed(text, rest);
            assert_eq!(default_tls(&arguments, &server), tls, "{text}");
        }
    }

    #[test]
    fn the_worst_outcome_decides_the_exit_code() {
        assert_eq!(worse(Code::Temporary, Code::Unavailable), Code::Unavailable);
        assert_eq!(worse(Code::Unavailable, Code::Temporary), Code::Unavailable);
        assert_eq!(worse(Code::Temporary, Code::Protocol), Code::Protocol);
    }
}
