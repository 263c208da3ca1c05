//! `smtp serve`: receives mail into a Maildir.

mod certificates;
mod limits;
mod listen;
mod logins;
mod offers;
mod summary;
mod trouble;

use self::{summary::Summary, trouble::Trouble};

use std::{
    collections::BTreeMap,
    io::{self, Write},
    marker::PhantomData,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
};

use rustls::pki_types::CertificateDer;
use smtp_frontend::{Backend, Body, Facts, Network, Recipient, Sender, Server, Session};
use smtp_proto::{
    answer::{Acceptance, Rejection},
    auth::{
        Known,
        server::{Answer, Question},
    },
    domain::Host,
    path::{ForwardPath, MailboxBuf},
    relay::HostName,
    server::Config,
    upstream::Forwarded,
};

use crate::{
    args,
    arrival::{Arrival, Transaction},
    exit::{Code, Failure},
    maildir::{Incoming, Store},
    notice::notice,
    open_files,
    output::say,
    runtime::System,
    signal,
    trace::{Trace, recording},
    trust,
    users::Users,
};

/// Serves until a signal comes, and then until the sessions have ended.
pub(crate) async fn run<R: System>(arguments: &args::Serve) -> Result<(), Failure> {
    open_files::raise_limit();
    let prepared = prepare::<R>(arguments).await?;
    let [asked, asked_again] = signal::asked_to_end()?;
    if arguments.tls_cert.is_empty() {
        // It is how the terminal says that it is gone, too, and ends who does not listen.
        signal::at_hangup(|| notice(format_args!("smtp: there is no certificate to read anew")))?;
    }
    {
        let mut stdout = io::stdout().lock();
        for line in &prepared.listening {
            // A closed standard output is no reason not to serve.
            let _ = writeln!(stdout, "listening {line}");
        }
        let _ = stdout.flush();
    }
    tokio::select! {
        () = prepared.server.shutdown(asked).serve() => {}
        () = asked_again => notice(format_args!("smtp: transactions under way are broken off")),
    }
    if let Some(summary) = prepared.summary {
        say(format_args!("{summary}"))?;
    }
    Ok(())
}

/// A server whose sockets are bound.
pub(crate) struct Prepared<R: System> {
    pub(crate) server: Server<Delivery<R>, R>,
    /// A line for each listener: "smtp 127.0.0.1:2525".
    pub(crate) listening: Vec<String>,
    /// The address of the first SMTP listener.
    pub(crate) address: Option<SocketAddr>,
    /// The certificate that was made at start.
    pub(crate) certificate: Option<CertificateDer<'static>>,
    /// What is printed at the end.
    summary: Option<Summary>,
}

/// Opens the store, makes the certificate, binds the sockets.
pub(crate) async fn prepare<R: System>(arguments: &args::Serve) -> Result<Prepared<R>, Failure> {
    let passwords = logins::read(&arguments.user, arguments.users.as_deref(), "NAME:PASSWORD")?;
    let tokens = logins::read(&arguments.token, arguments.tokens.as_deref(), "NAME:TOKEN")?;
    let users = Users::parse(&passwords, &tokens, &arguments.auth)?;
    let host = host_name(arguments)?;
    let config = config(arguments, &host)?;
    let domains = domains(arguments)?;
    let store = if arguments.discard {
        None
    } else {
        let root = arguments.maildir.clone().unwrap_or_else(|| PathBuf::from("maildir"));
        let store = Store::open(&root, &host).map_err(|error| {
            Failure::new(Code::CannotCreate, format!("{}: {error}", root.display()))
        })?;
        Some(Arc::new(store))
    };
    let authentication = !users.is_empty();
    let site = Site { host: host.clone(), store, domains, users };
    let backend = Delivery { site: Arc::new(site), runtime: PhantomData };
    let mut server = limits::apply(Server::new(config, backend), arguments);
    let summary = arguments.summary.then(Summary::new);
    server = match &summary {
        Some(summary) => server.observe(summary.clone()),
        None => server.observe(Trouble::default()),
    };
    if authentication {
        server = server.authentication();
    }
    if let Some(trace) = Trace::server(arguments.trace, arguments.transcript.as_deref())? {
        server = server.recording(recording(arguments.keep_content)).trace(move |facts, entry| {
            trace.tell(facts.session, &speaker(facts), entry);
        });
    }
    let mut certificate = None;
    if !arguments.no_tls {
        let tls = certificates::of(arguments)?;
        let tls = match tls {
            Some(config) => config,
            None => {
                let (config, made) = trust::self_signed(&host)?;
                certificate = Some(made);
                config
            }
        };
        server = server.tls(tls);
    }
    server = proxies(server, arguments)?;
    let (server, listening, address) = listen::bind_all(server, arguments).await?;
    Ok(Prepared { server, listening, address, certificate, summary })
}

/// Who speaks, as a trace names them.
fn speaker(facts: &Facts) -> String {
    let peer = facts.peer.map_or_else(|| "local".to_owned(), |peer| peer.to_string());
    match facts.forwarded().and_then(Forwarded::address) {
        Some(address) => format!("{peer} for {address}"),
        None => peer,
    }
}

/// Who may speak for other clients.
fn proxies<R: System>(
    mut server: Server<Delivery<R>, R>,
    arguments: &args::Serve,
) -> Result<Server<Delivery<R>, R>, Failure> {
    let networks = |option: &str, hosts: &[String]| {
        let network = |text: &String| {
            let network: Result<Network, _> = text.parse();
            network.map_err(|error| Failure::usage(format!("{option} {text}: {error}")))
        };
        hosts.iter().map(network).collect::<Result<Vec<_>, _>>()
    };
    if !arguments.xclient.is_empty() {
        server = server.xclient(networks("--xclient", &arguments.xclient)?);
    }
    if !arguments.xforward.is_empty() {
        server = server.xforward(networks("--xforward", &arguments.xforward)?);
    }
    Ok(server.proxy_protocol(arguments.proxy_protocol))
}

/// A name as it is compared, kept and told: in lower case, and beyond ASCII in A-labels. What is no
/// name of a host stays as it is.
fn canonical(name: &str) -> String {
    HostName::parse(name).map_or_else(|_| name.to_ascii_lowercase(), |name| name.to_string())
}

/// The domains that mail is taken for.
fn domains(arguments: &args::Serve) -> Result<Vec<String>, Failure> {
    let domain = |name: &String| {
        let name = canonical(name);
        match Host::parse(&name) {
            Ok(_) => Ok(name),
            Err(error) => Err(Failure::usage(format!("--domain {name}: {error}"))),
        }
    };
    arguments.domain.iter().map(domain).collect()
}

fn host_name(arguments: &args::Serve) -> Result<String, Failure> {
    if let Some(name) = &arguments.hostname {
        let name = canonical(name);
        return match Host::parse(&name) {
            Ok(_) => Ok(name),
            Err(error) => Err(Failure::usage(format!("--hostname {name}: {error}"))),
        };
    }
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    Ok(if Host::parse(&name).is_ok() { name } else { "localhost".to_owned() })
}

fn config(arguments: &args::Serve, host: &str) -> Result<Config, Failure> {
    let host = Host::parse(host).map_err(Failure::usage)?;
    let config = match arguments.submission {
        true => Config::submission(host),
        false => Config::new(host).require_auth(arguments.require_auth),
    };
    let config = config
        .limits(|limits| {
            limits.message = Some(arguments.max_message_size);
            limits.recipients = arguments.max_recipients;
            limits.mails = arguments.max_mails;
            limits.recipient_domains = arguments.max_recipient_domains;
        })
        .timeouts(limits::timeouts(arguments))
        .profile(|profile| {
            let hello = profile.syntax.hello;
            *profile = arguments.profile.into();
            if arguments.submission && arguments.profile != args::Profile::Strict {
                profile.syntax.hello = hello;
            }
            profile.server.plaintext_auth = arguments.allow_plaintext_auth;
        });
    offers::apply(config, arguments)
}

/// What all sessions share.
#[derive(Debug)]
struct Site {
    host: String,
    /// None: messages are dropped.
    store: Option<Arc<Store>>,
    /// In lower case; none: every domain is local.
    domains: Vec<String>,
    users: Users,
}

/// Delivers into the store.
#[derive(Debug)]
pub(crate) struct Delivery<R> {
    site: Arc<Site>,
    runtime: PhantomData<R>,
}

impl<R: System> Backend for Delivery<R> {
    type Session = Visit<R>;

    fn mechanisms(&self) -> Vec<Known> {
        self.site.users.mechanisms().to_vec()
    }

    async fn connect(&self, _facts: &Facts) -> Result<Visit<R>, Rejection<'static>> {
        Ok(Visit { site: Arc::clone(&self.site), runtime: PhantomData, envelope: None })
    }
}

/// One client's session.
#[derive(Debug)]
pub(crate) struct Visit<R> {
    site: Arc<Site>,
    runtime: PhantomData<R>,
    /// In a box, as a session that waits has none.
    envelope: Option<Box<Envelope>>,
}

/// What is known of a message before it comes.
#[derive(Debug)]
struct Envelope {
    /// None for the null one.
    reverse_path: Option<MailboxBuf>,
    smtputf8: bool,
    recipients: Vec<Addressee>,
}

/// A recipient that was accepted.
#[derive(Debug)]
struct Addressee {
    /// The forward-path, in brackets.
    path: String,
    /// The name of its Maildir.
    mailbox: String,
}

impl<R: System> Session for Visit<R> {
    async fn answer(&mut self, question: &Question, _facts: &Facts) -> Answer {
        self.site.users.answer(question)
    }

    async fn mail(&mut self, from: &Sender<'_>) -> Result<(), Rejection<'static>> {
        self.envelope = Some(Box::new(Envelope {
            reverse_path: from.reverse_path().mailbox().map(Into::into),
            smtputf8: from.parameters().smtputf8(),
            recipients: Vec::new(),
        }));
        Ok(())
    }

    async fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        let mailbox = match to.forward_path() {
            ForwardPath::Postmaster => Store::mailbox("postmaster", None),
            ForwardPath::Mailbox(mailbox) => {
                let domain = canonical(&mailbox.host().to_string());
                let local = self.site.domains.is_empty() || self.site.domains.contains(&domain);
                if !local && to.facts().identity.is_none() {
                    return Err(Rejection::RELAY_DENIED);
                }
                let local_part = mailbox.local_part();
                let local_part: String = match local_part.is_postmaster() {
                    // Written in whatever case, it is one mailbox (section 4.5.1).
                    true => "postmaster".to_owned(),
                    false => local_part.unquoted().collect(),
                };
                Store::mailbox(&local_part, Some(&domain))
            }
        };
        let Some(mailbox) = mailbox else {
            return Err(Rejection::permanent(1, 3, "address too long for this store"));
        };
        let envelope = self.envelope.as_mut().ok_or(Rejection::LOCAL_ERROR)?;
        envelope.recipients.push(Addressee { path: to.forward_path().to_string(), mailbox });
        Ok(())
    }

    async fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        let Some(message) = self.receive(body).await? else {
            return Ok(Acceptance::new("message dropped"));
        };
        let mut delivered = BTreeMap::new();
        for result in self.deliver(Arc::new(message)).await {
            match result {
                Ok((mailbox, path, id)) => {
                    delivered.insert(mailbox, (path, id));
                }
                Err(rejection) => {
                    // One reply stands for all: what was delivered is taken back, as the client will
                    // send it again.
                    let paths: Vec<_> = delivered.into_values().map(|(path, _)| path).collect();
                    let remove = move || paths.iter().map(std::fs::remove_file).for_each(drop);
                    R::unblock(remove).await;
                    return Err(rejection);
                }
            }
        }
        let id = delivered.into_values().next().map(|(_, id)| id).unwrap_or_default();
        Ok(Acceptance::new(format!("stored as {id}")))
    }

    async fn message_lmtp(
        &mut self,
        body: &mut Body<'_>,
    ) -> Vec<Result<Acceptance<'static>, Rejection<'static>>> {
        let answer = |text: String| Acceptance::new(text);
        match self.receive(body).await {
            Err(rejection) => vec![Err(rejection); self.recipients().len()],
            Ok(None) => {
                let dropped = |to: &Addressee| Ok(answer(format!("{} dropped", to.path)));
                self.recipients().iter().map(dropped).collect()
            }
            Ok(Some(message)) => {
                let results = self.deliver(Arc::new(message)).await;
                let named = self.recipients().iter().zip(results);
                named
                    .map(|(to, result)| {
                        result.map(|(_, _, id)| answer(format!("{} stored as {id}", to.path)))
                    })
                    .collect()
            }
        }
    }

    fn reset(&mut self) {
        self.envelope = None;
    }
}

/// A delivery: the mailbox, the file, and the id of the message.
type Delivered = Result<(String, PathBuf, String), Rejection<'static>>;

impl<R: System> Visit<R> {
    fn recipients(&self) -> &[Addressee] {
        self.envelope.as_ref().map_or(&[], |envelope| &envelope.recipients)
    }

    /// Receives the message, onto the disk; nothing is kept of one that is to be dropped.
    async fn receive(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Option<Incoming>, Rejection<'static>> {
        let Some(store) = self.site.store.clone() else {
            while body.next().await.map_err(|_| Rejection::LOCAL_ERROR)?.is_some() {}
            return Ok(None);
        };
        let message = blocking::<R, _>(move || store.begin()).await?;
        let envelope = self.envelope.as_ref().ok_or(Rejection::LOCAL_ERROR)?;
        let transaction = Transaction {
            host: &self.site.host,
            reverse_path: envelope.reverse_path.as_ref(),
            recipients: envelope.recipients.iter().map(|to| to.path.as_str()).collect(),
            smtputf8: envelope.smtputf8,
            facts: body.facts(),
        };
        let begun = Arrival::begin(message, &transaction);
        let mut arrival = begun.map_err(|error| trouble(&error))?;
        while let Some(octets) = body.next().await.map_err(|_| Rejection::LOCAL_ERROR)? {
            arrival.write(octets).map_err(|error| trouble(&error))?;
        }
        let mut message = arrival.finish().map_err(|error| trouble(&error))??;
        let message = blocking::<R, _>(move || message.sync().map(|()| message)).await?;
        Ok(Some(message))
    }

    /// Delivers to each recipient.
    async fn deliver(&self, message: Arc<Incoming>) -> Vec<Delivered> {
        let mut results = Vec::with_capacity(self.recipients().len());
        let Some(store) = &self.site.store else {
            return results;
        };
        for to in self.recipients() {
            let (store, message, mailbox) =
                (Arc::clone(store), Arc::clone(&message), to.mailbox.clone());
            let delivered = blocking::<R, _>(move || {
                let path = store.deliver(&message, &mailbox)?;
                Ok((mailbox, path, message.name().to_owned()))
            });
            results.push(delivered.await);
        }
        results
    }
}

/// Runs what waits for the disk where it holds up no other session.
async fn blocking<R: System, T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Rejection<'static>> {
    match R::unblock(work).await {
        Some(Ok(done)) => Ok(done),
        Some(Err(error)) => Err(trouble(&error)),
        None => Err(Rejection::LOCAL_ERROR),
    }
}

/// Says on stderr what is wrong with the disk, and to the client to try again.
fn trouble(error: &io::Error) -> Rejection<'static> {
    notice(format_args!("smtp: cannot store a message: {error}"));
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Rejection::INSUFFICIENT_STORAGE
        }
        _ => Rejection::LOCAL_ERROR,
    }
}
