//! `smtp probe`: looks at what a server offers, and sends nothing.

mod advice;
mod certificate;
mod notes;
mod page;
mod report;
mod text;
mod witness;

use std::{
    io::IsTerminal,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use indicatif::ProgressBar;
use rustls::pki_types::ServerName;
use smtp_frontend::{Client, Connector, Stream, Tls, runtime::timeout};
use smtp_proto::{
    client::Config, extension::Extension, limits::ClientTimeouts, profile::Leniency,
    transcript::Entry,
};

use self::{
    notes::{Notes, milliseconds},
    page::Page,
    report::{Attempt, Changes, Offer, Report, TlsSession, Used},
    text::shown,
    witness::Witness,
};
use crate::{
    address::Server,
    args::{self, ProbeTls},
    exit::{Code, Failure},
    notice::notice,
    output::say,
    runtime::System,
};

/// Looks at the server, prints what was found, and says with which code to end.
pub(crate) async fn run<R: System>(arguments: &args::Probe) -> Result<Option<Code>, Failure> {
    let probe = Probe::new::<R>(arguments)?;
    let failure = probe.visit::<R>().await.err();
    let report = probe.report(failure.as_ref());
    probe.bar.finish_and_clear();
    let text = if arguments.json {
        serde_json::to_string_pretty(&report)
            .map_err(|error| Failure::new(Code::Unavailable, error))?
            + "\n"
    } else {
        Page(&report).to_string()
    };
    let told = say(format_args!("{text}"));
    match failure {
        Some(failure) => Err(failure),
        None => told.map(|()| None),
    }
}

/// One probe: what is asked for, and what has been noted.
struct Probe<'a> {
    arguments: &'a args::Probe,
    server: Server,
    tls: ProbeTls,
    witness: Arc<Witness>,
    notes: Arc<Mutex<Notes>>,
    bar: ProgressBar,
}

impl<'a> Probe<'a> {
    fn new<R: System>(arguments: &'a args::Probe) -> Result<Self, Failure> {
        let default_port = match (arguments.lmtp, arguments.tls) {
            (true, _) => 24,
            (false, Some(ProbeTls::Implicit)) => 465,
            (false, _) => 25,
        };
        let server = Server::parse(&arguments.server, default_port)?;
        let named = arguments.server_name.is_some();
        let tls = arguments.tls.unwrap_or(match &server {
            Server::Tcp { port: 465, .. } => ProbeTls::Implicit,
            #[cfg(unix)]
            Server::Unix(_) if !named => ProbeTls::None,
            _ => ProbeTls::Auto,
        });
        #[cfg(unix)]
        if matches!(server, Server::Unix(_)) && tls != ProbeTls::None && !named {
            return Err(Failure::usage("TLS on a Unix socket needs --server-name"));
        }
        if arguments.login.user.is_some() && arguments.login.password.is_none() {
            return Err(Failure::usage("--user needs --password or SMTP_PASSWORD"));
        }
        let strict = arguments.login.user.is_some() && !arguments.insecure;
        let witness = Witness::new(arguments.ca.as_deref(), strict)?;
        let bar = if std::io::stderr().is_terminal() && !arguments.trace {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        let probe = Self { arguments, server, tls, witness, notes: Arc::default(), bar };
        // What is wrong with the arguments is told before anything is connected to.
        probe.connector::<R>(arguments.hello.as_deref().unwrap_or("localhost"))?;
        Ok(probe)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.arguments.timeout)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        lock(&self.notes)
    }

    /// Connects, opens the session, and says QUIT.
    async fn visit<R: System>(&self) -> Result<(), Failure> {
        self.bar.enable_steady_tick(Duration::from_millis(100));
        self.bar.set_message(format!("connecting to {}", self.arguments.server));
        let client = match &self.server {
            Server::Tcp { host, port } => {
                let stream = self.dial::<R>(host, *port).await?;
                let local = stream.local_addr();
                let connector = self.connector_from::<R>(local.map(|local| local.ip()))?;
                self.notes().local = local.map(|local| local.to_string());
                connector.open(stream).await
            }
            #[cfg(unix)]
            Server::Unix(path) => {
                let begun = Instant::now();
                let connecting = timeout::<R, _>(self.patience(), R::connect_unix(path.as_ref()));
                let stream = flatten(connecting.await);
                self.attempted(format!("unix:{path}"), begun, stream.as_ref().err());
                let stream = stream.map_err(temporary)?;
                self.connector_from::<R>(None)?.open(stream).await
            }
        };
        let mut client = client.map_err(Failure::of)?;
        self.opened(&mut client);
        client.quit().await.map_err(Failure::of)?;
        self.judge()
    }

    /// Connects to the first address of the host that answers.
    async fn dial<R: System>(&self, host: &str, port: u16) -> Result<R::Socket, Failure> {
        let unknown = |error| temporary_text(format!("{host}: {error}"));
        let found = flatten(timeout::<R, _>(self.patience(), R::resolve(host, port)).await);
        let addresses: Vec<SocketAddr> = found.map_err(unknown)?;
        let mut last = None;
        for address in addresses {
            let begun = Instant::now();
            let stream = flatten(timeout::<R, _>(self.patience(), R::connect(address, None)).await);
            self.attempted(address.to_string(), begun, stream.as_ref().err());
            match stream {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(format!("{address}: {error}")),
            }
        }
        Err(temporary_text(last.unwrap_or_else(|| format!("{host} has no address"))))
    }

    fn attempted(&self, address: String, begun: Instant, error: Option<&std::io::Error>) {
        let error = error.map(ToString::to_string);
        let attempt = Attempt { address, error, milliseconds: milliseconds(begun.elapsed()) };
        self.notes().addresses.push(attempt);
    }

    /// What makes the session, in the name of this side's address unless another is given.
    fn connector_from<R: System>(&self, local: Option<IpAddr>) -> Result<Connector<R>, Failure> {
        let name = match (&self.arguments.hello, local) {
            (Some(name), _) => name.clone(),
            (None, Some(IpAddr::V6(address))) => match address.to_ipv4_mapped() {
                Some(address) => format!("[{address}]"),
                None => format!("[IPv6:{address}]"),
            },
            (None, local) => format!("[{}]", local.unwrap_or(IpAddr::from([127, 0, 0, 1]))),
        };
        let connector = self.connector::<R>(&name)?;
        let mut notes = self.notes();
        notes.hello = Some(name);
        notes.since = Some(Instant::now());
        notes.tls_first = self.tls == ProbeTls::Implicit;
        drop(notes);
        self.bar.set_message("waiting for the server");
        Ok(connector)
    }

    fn connector<R: System>(&self, name: &str) -> Result<Connector<R>, Failure> {
        let mut config = if self.arguments.lmtp { Config::lmtp() } else { Config::default() };
        config.timeouts = ClientTimeouts::all(self.patience());
        config.profile = self.arguments.profile.into();
        let (notes, record) = (Arc::clone(&self.notes), Arc::clone(&self.notes));
        let mut connector = Connector::new(match self.tls {
            ProbeTls::None => Tls::None,
            ProbeTls::Auto => Tls::Opportunistic,
            ProbeTls::Starttls => Tls::StartTls,
            ProbeTls::Implicit => Tls::Implicit,
        })
        .config(config)
        .tls_config(self.witness.config()?)
        .observe(move |progress| lock(&notes).happened(progress))
        .hello_name(name)
        .map_err(|error| Failure::usage(format!("--hello {name}: {error}")))?;
        if let Some(name) = self.server_name() {
            connector = connector.server_name(name);
        }
        if let (Some(user), Some(password)) =
            (&self.arguments.login.user, &self.arguments.login.password)
        {
            connector = connector.credentials(user, password).map_err(Failure::usage)?;
        }
        let traced = self.arguments.trace;
        Ok(connector.trace(move |entry| {
            if traced {
                notice(format_args!("{entry}"));
            }
            if let Entry::Leniency(leniency) = entry {
                lock(&record).forgiven.insert(*leniency);
            }
        }))
    }

    /// The name that the certificate is to be for.
    fn server_name(&self) -> Option<&str> {
        match (&self.arguments.server_name, &self.server) {
            (Some(name), _) => Some(name),
            (None, Server::Tcp { host, .. }) => Some(host),
            #[cfg(unix)]
            (None, Server::Unix(_)) => None,
        }
    }

    fn opened(&self, client: &mut Client) {
        let authenticated = client.connection().endpoint().is_authenticated();
        let mut notes = self.notes();
        notes.opened = true;
        notes.authenticated = authenticated;
        notes.since = Some(Instant::now());
    }

    /// A session that was opened, but not as it should be.
    fn judge(&self) -> Result<(), Failure> {
        let distrust = self.witness.seen().and_then(|seen| seen.distrust);
        match distrust {
            Some(why) if !self.arguments.insecure => Err(Failure::new(
                Code::Unavailable,
                format!("the certificate is not trusted: {why}"),
            )),
            _ => Ok(()),
        }
    }

    fn report(&self, failure: Option<&Failure>) -> Report {
        let mut notes = std::mem::take(&mut *self.notes());
        let tls = self.tls_session(&notes);
        let after = if notes.offers.len() > 1 { notes.offers.pop() } else { None };
        let first = notes.offers.pop();
        let changes = first.as_ref().zip(after.as_ref());
        let changes = changes.map(|(before, after)| Changes::between(before, after));
        let last = after.as_ref().or(first.as_ref());
        let used = last.filter(|_| notes.opened).map(|last| used(last, tls.is_some()));
        let mut report = Report {
            server: self.arguments.server.clone(),
            protocol: if self.arguments.lmtp { "LMTP" } else { "SMTP" },
            addresses: notes.addresses,
            local: notes.local,
            greeting: notes.greeting,
            hello: notes.hello,
            capabilities: first,
            tls,
            capabilities_after_starttls: after,
            changes,
            authenticated: self.arguments.login.user.as_ref().map(|_| notes.authenticated),
            used,
            round_trips: notes.trips,
            forgiven: notes.forgiven.into_iter().map(Leniency::switch).collect(),
            warnings: Vec::new(),
            error: failure.map(|failure| shown(failure.message.as_bytes())),
            exit_code: failure.map_or(0, |failure| failure.code as u8),
        };
        report.warnings = advice::warnings(&report, self.server.is_local());
        report
    }

    fn tls_session(&self, notes: &Notes) -> Option<TlsSession> {
        let begun = notes.starttls || (notes.tls_first && !notes.addresses.is_empty());
        let seen = self.witness.seen();
        if !begun || (seen.is_none() && notes.tls.is_none() && notes.local.is_none()) {
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let facts = notes.tls.as_deref();
        let version = facts.and_then(|facts| facts.protocol).map(|version| {
            let name = version.as_str().unwrap_or("unknown");
            name.replace("TLSv", "TLS ").replace('_', ".")
        });
        let suite = facts.and_then(|facts| facts.cipher).map(|suite| {
            // As the registry has it: the version is no part of the name.
            suite.as_str().unwrap_or("unknown").replacen("TLS13_", "TLS_", 1)
        });
        let group = facts.and_then(|facts| facts.key_exchange);
        let name = self.server_name().map(str::to_owned);
        let dns = |name: &String| {
            matches!(ServerName::try_from(name.as_str()), Ok(ServerName::DnsName(_)))
        };
        let distrust = seen.as_ref().and_then(|seen| seen.distrust.as_deref());
        Some(TlsSession {
            by: if notes.tls_first { "implicit" } else { "STARTTLS" },
            established: facts.is_some(),
            version,
            cipher_suite: suite,
            key_exchange: group.map(|group| group.as_str().unwrap_or("unknown").to_owned()),
            alpn: facts.and_then(|facts| facts.alpn.as_deref()).map(shown),
            sni: name.as_ref().is_some_and(dns),
            server_name: name.map(|name| shown(name.as_bytes())),
            verified: seen.as_ref().is_some_and(|seen| seen.distrust.is_none()),
            distrust: distrust.map(|why| shown(why.as_bytes())),
            certificates: seen
                .iter()
                .flat_map(|seen| &seen.chain)
                .map(|der| certificate::read(der, now))
                .collect(),
        })
    }
}

fn used(last: &Offer, tls: bool) -> Used {
    let offers = |extension| last.offers(extension);
    Used {
        pipelining: offers(Extension::Pipelining),
        size: offers(Extension::Size),
        chunking: offers(Extension::Chunking),
        eight_bit: offers(Extension::EightBitMime),
        binary: offers(Extension::BinaryMime) && offers(Extension::Chunking),
        utf8_addresses: offers(Extension::SmtpUtf8),
        delivery_reports: offers(Extension::Dsn),
        enhanced_codes: offers(Extension::EnhancedStatusCodes),
        require_tls: offers(Extension::RequireTls) && tls,
        authentication: offers(Extension::Auth),
    }
}

fn lock(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

fn flatten<T>(result: Option<std::io::Result<T>>) -> std::io::Result<T> {
    result.unwrap_or_else(|| Err(std::io::ErrorKind::TimedOut.into()))
}

fn temporary(error: std::io::Error) -> Failure {
    Failure::new(Code::Temporary, error)
}

fn temporary_text(text: String) -> Failure {
    Failure::new(Code::Temporary, text)
}
