//! Sessions with a server, opened as the options have it.

use std::time::Duration;

use smtp_frontend::{Client, Connector, Error, InvalidProxy, Proxy, Tls, runtime::Runtime};
use smtp_proto::{
    auth::{Known, client::Credentials},
    client::Config,
    data::BareNewline,
    limits::ClientTimeouts,
    path::{ForwardPath, Mailbox, ReversePath},
};

use crate::{address::Server, args, exit::Failure, trust, users::mechanisms};

/// The server that the options name.
pub(crate) fn server(arguments: &args::Session) -> Result<Server, Failure> {
    let default_port = match (arguments.lmtp, arguments.tls) {
        (true, _) => 24,
        (false, Some(args::Tls::Implicit)) => 465,
        (false, _) => 587,
    };
    let named = arguments.server.as_deref().unwrap_or_default();
    let server = Server::parse(named, default_port)?;
    if arguments.lmtp && matches!(server, Server::Tcp { port: 25, .. }) {
        // RFC 2033 section 5.
        return Err(Failure::usage(format!("--lmtp --server {named}: port 25 is for SMTP")));
    }
    Ok(server)
}

/// Where TLS comes in; `required` where it has to.
pub(crate) fn tls(arguments: &args::Session, server: &Server, required: bool) -> args::Tls {
    if let Some(tls) = arguments.tls {
        return tls;
    }
    match server {
        #[cfg(unix)]
        Server::Unix(_) => args::Tls::None,
        Server::Tcp { port: 465, .. } => args::Tls::Implicit,
        Server::Tcp { .. } if required => args::Tls::Starttls,
        Server::Tcp { .. } if arguments.lmtp => args::Tls::None,
        // What a proxy calls local is local to the proxy.
        Server::Tcp { .. }
            if server.is_local() && arguments.proxy.is_none() && arguments.login.user.is_none() =>
        {
            args::Tls::None
        }
        Server::Tcp { .. } => args::Tls::Starttls,
    }
}

/// The configuration of the client's machine.
pub(crate) fn config(arguments: &args::Session) -> Config {
    let mut config = if arguments.lmtp { Config::lmtp() } else { Config::default() };
    if let Some(seconds) = arguments.timeout {
        config.timeouts = ClientTimeouts::all(Duration::from_secs(seconds));
    }
    config.profile = arguments.profile.into();
    config.lockstep = arguments.pipelining == args::PipeliningUse::Never;
    config
}

/// Lets lines end with LF alone, as those of a message seen to be of Unix do: of a stream only the start was
/// seen, so a CR behind it is still refused.
pub(crate) fn take_unix_lines(config: &mut Config) {
    let policy = &mut config.profile.client.bare_newline;
    if *policy == BareNewline::Reject {
        *policy = BareNewline::NormalizeLf;
    }
}

/// What makes the sessions, but for the [`config`]. `from` is who an anonymous login says to be.
pub(crate) fn connector<R: Runtime>(
    arguments: &args::Session,
    tls: args::Tls,
    from: &str,
) -> Result<Connector<R>, Failure> {
    let mut connector = Connector::new(match tls {
        args::Tls::None => Tls::None,
        args::Tls::Starttls => Tls::StartTls,
        args::Tls::Opportunistic => Tls::Opportunistic,
        args::Tls::Implicit => Tls::Implicit,
    });
    if let Some(seconds) = arguments.timeout {
        connector = connector.connect_timeout(Duration::from_secs(seconds));
    }
    if let Some(proxy) = &arguments.proxy {
        // The value is not told: a password may be in it.
        let wrong = |error: InvalidProxy| Failure::usage(format!("--proxy or SMTP_PROXY: {error}"));
        connector = connector.proxy(proxy.parse::<Proxy>().map_err(wrong)?);
    }
    for address in &arguments.bind {
        connector = connector.bind(*address);
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
            connector = connector.tls_config(trust::anybody()?).verifies_server(false);
        }
    }
    if let Some(credentials) = credentials(arguments, from)? {
        let named = mechanisms(&arguments.auth)?;
        let anywhere = arguments.allow_plaintext_auth;
        connector = connector.authenticate(credentials, move |login| {
            let login = login.allow_plaintext(anywhere);
            if named.is_empty() { login } else { login.only(named.iter().copied()) }
        });
    }
    Ok(connector)
}

/// Opens a session.
pub(crate) async fn connect<R: Runtime>(
    connector: &Connector<R>,
    server: &Server,
) -> Result<Client, Error> {
    match server {
        Server::Tcp { host, port } => connector.connect(host, *port).await,
        #[cfg(unix)]
        Server::Unix(path) => connector.connect_unix(path).await,
    }
}

/// What there is to log in with, if anything.
fn credentials(arguments: &args::Session, from: &str) -> Result<Option<Credentials>, Failure> {
    if let (None, [only]) = (&arguments.login.user, arguments.auth.as_slice()) {
        // Nobody in particular, or who the certificate says.
        return match Known::of(only) {
            Some(Known::Anonymous) => Credentials::anonymous(from).map(Some),
            _ => return Err(Failure::usage(format!("--auth {only} needs --user"))),
        }
        .map_err(Failure::usage);
    }
    let Some(user) = &arguments.login.user else {
        return if arguments.auth.is_empty() {
            Ok(None)
        } else {
            Err(Failure::usage("--auth needs --user"))
        };
    };
    let made = match (&arguments.login.password, &arguments.token) {
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

/// The address of `--from`.
pub(crate) fn reverse_path(address: &str) -> Result<ReversePath<'_>, Failure> {
    if matches!(address, "" | "<>") {
        return Ok(ReversePath::Null);
    }
    Mailbox::parse(address)
        .map(ReversePath::from)
        .map_err(|error| Failure::data(format!("--from {address}: {error}")))
}

/// An address of `--to`.
pub(crate) fn forward_path(address: &str) -> Result<ForwardPath<'_>, Failure> {
    if address.eq_ignore_ascii_case("postmaster") {
        return Ok(ForwardPath::Postmaster);
    }
    Mailbox::parse(address)
        .map(ForwardPath::from)
        .map_err(|error| Failure::data(format!("--to {address}: {error}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn parsed(text: &str, rest: &[&str]) -> (args::Session, Server) {
        let start = ["smtp", "send", "--from", "a@b.example", "--to", "c@d.example", "--server"];
        let line = start.iter().chain([&text]).chain(rest);
        let arguments = args::Arguments::try_parse_from(line).unwrap();
        let args::Command::Send(send) = arguments.command else { panic!("not send") };
        let server = server(&send.session).unwrap();
        (send.session, server)
    }

    #[test]
    fn tls_is_left_out_only_where_nothing_can_be_lost() {
        let cases: [(&str, &[&str], args::Tls); 7] = [
            ("mx.example:25", &[], args::Tls::Starttls),
            ("mx.example:465", &[], args::Tls::Implicit),
            ("127.0.0.1:2525", &[], args::Tls::None),
            ("localhost:2525", &["--user", "u", "--password", "p"], args::Tls::Starttls),
            ("localhost:2525", &["--proxy", "http://h:1"], args::Tls::Starttls),
            ("unix:/run/lmtp", &["--lmtp"], args::Tls::None),
            ("mx.example:24", &["--lmtp"], args::Tls::None),
        ];
        for (text, rest, tls) in cases {
            let (arguments, server) = parsed(text, rest);
            assert_eq!(self::tls(&arguments, &server, false), tls, "{text}");
        }
    }
}
