//! An MX with a queue: it takes mail for a domain, has it on the disk before it says so, and sends it on to the host
//! behind it. What that host refuses, and what is too old, is reported to the sender.
//!
//!     cargo run -p smtp-smol --example mx_on_smol -- 127.0.0.1:2525 example.org ./spool
//!     cargo run -p smtp-smol --example mx_on_smol -- ./spool 192.0.2.1:25
//!
//! The first serves, the second sends on what is there: it is called now and then, once at a time. Without arguments it
//! does both with a host of its own, and ends.

use std::{
    env,
    error::Error,
    future::{Future, ready},
    hash::{BuildHasher, Hasher, RandomState},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::Bytes;
use smol::{fs, io::AsyncWriteExt, net::TcpListener, spawn};
use smtp_smol::{
    Backend, Body, Connector, Courier, Facts, Message, Recipient, Relay, Sender, Server, Session,
    Tls,
    dns::{AddressAnswer, HostName, MxAnswer, Resolve, SrvAnswer},
    proto::{
        answer::{Acceptance, Rejection},
        client::Outcome,
        date::{Date, Timestamp},
        domain::Host,
        error::ParseError,
        parameter::{MailParameters, RcptParameters},
        relay::{Hop, HostFailure, NextHop, Queued, Schedule, Waiting},
        report::{self, Event, Onward, Original, Report},
        server::Config,
        trace::{HeaderScanner, MAX_HOPS, Received},
    },
    testing::{At, Script, ScriptedClient, ScriptedServer},
};

use smtp_smol::Client;

const HOST: &str = "mx.example.org";
const MOST: usize = 10 << 20;

/// A directory with two files for each message: itself, and its envelope, without which it does not count.
#[derive(Clone)]
struct Spool(PathBuf);

impl Spool {
    /// When this has returned, the message survives a crash.
    async fn put(&self, queued: &Queued, message: &[u8]) -> io::Result<String> {
        let name = random();
        let envelope = self.0.join(&name).with_extension("envelope");
        self.write(&envelope.with_extension("message"), message).await?;
        self.envelope(&envelope, queued).await?;
        Ok(name)
    }

    /// Takes the place of the envelope that was there.
    async fn envelope(&self, path: &Path, queued: &Queued) -> io::Result<()> {
        let unfinished = path.with_extension("unfinished");
        self.write(&unfinished, queued.to_string().as_bytes()).await?;
        fs::rename(&unfinished, path).await?;
        fs::File::open(&self.0).await?.sync_all().await
    }

    async fn write(&self, path: &Path, octets: &[u8]) -> io::Result<()> {
        let mut file = fs::File::create(path).await?;
        file.write_all(octets).await?;
        file.sync_all().await
    }

    /// Sends on whatever is there.
    async fn send_all(&self, next_hop: SocketAddr) -> Result<(), Box<dyn Error>> {
        let connector = Connector::new(Tls::Opportunistic).hello_name(HOST)?;
        let connector = connector.mx_port(next_hop.port());
        let relay = Relay::new(&connector, &NoNames).smart_host(NextHop::Address(next_hop.ip()));
        for entry in std::fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "envelope") {
                self.send(&relay, &path).await?;
            }
        }
        Ok(())
    }

    async fn send(
        &self,
        relay: &Relay<'_, NoNames>,
        envelope: &Path,
    ) -> Result<(), Box<dyn Error>> {
        let queued = Queued::parse(&fs::read_to_string(envelope).await?)?;
        let message = Bytes::from(fs::read(envelope.with_extension("message")).await?);
        let recipients: Vec<_> = queued.recipients().map(|(path, _)| path.into()).collect();
        let onward = Onward { dsn: false, deliver_by: false };
        let mut post = Post { queued: &queued, message: message.clone(), onward };
        let verdicts = relay.send_by(&recipients, &mut post).await;

        let now = Timestamp::from(SystemTime::now());
        let (from, parameters, arrived) =
            (queued.reverse_path(), queued.parameters(), queued.arrived());
        let mut left = Queued::new(from, parameters, arrived);
        let unique = random();
        let original = Original::new(from, parameters, Date::utc(arrived));
        let mut report = Report::new(original, Host::parse(HOST)?, Date::utc(now), &unique);
        for ((path, of_rcpt), verdict) in queued.recipients().zip(&verdicts) {
            println!("{path}: {}", verdict.outcome);
            let mut event = Event::of(&verdict.outcome, post.onward);
            if event.is_none() {
                let (warned, by) = (true, parameters.by());
                let from_nobody = from.mailbox().is_none();
                let waiting =
                    Waiting { arrived, attempts: 2, warned, told_time_over: true, from_nobody, by };
                let decision = Schedule::default().decide(&waiting, now, 0);
                if decision.retry_at.is_some() {
                    left.push(path, of_rcpt);
                    continue;
                }
                event = decision.event;
            }
            let action = event.and_then(|event| event.report(of_rcpt.notify(), parameters.by()));
            if let Some(action) = action {
                let outcome = &verdict.outcome;
                report.push(report::Recipient::of_outcome(path, of_rcpt, action, outcome, None));
            }
        }

        // It is told first, and then forgotten: after a crash in between it is told once more.
        if let Some(to) = report.envelope().filter(|_| !report.is_empty()) {
            let octets = report.write(std::slice::from_ref(&message)).octets();
            let mut told =
                Queued::new(to.reverse_path(), MailParameters::parse(to.parameters())?, now);
            let recipient = to.recipient();
            told.push(recipient.path, RcptParameters::parse(recipient.parameters)?);
            describe(&mut told, &octets);
            self.put(&told, &octets).await?;
        }
        if left.recipients().len() > 0 {
            describe(&mut left, &message);
            return Ok(self.envelope(envelope, &left).await?);
        }
        fs::remove_file(envelope).await?;
        Ok(fs::remove_file(envelope.with_extension("message")).await?)
    }
}

/// Hands a message over, with those parameters of its envelope that count at this server and this time.
struct Post<'q> {
    queued: &'q Queued,
    message: Bytes,
    onward: Onward,
}

impl Courier for Post<'_> {
    async fn carry(
        &mut self,
        client: &mut Client,
        recipients: &[usize],
    ) -> Result<Vec<Outcome>, HostFailure> {
        let now = SystemTime::now().into();
        let hop = Hop { capabilities: client.capabilities(), authenticated: false, now };
        let outgoing = self.queued.outgoing(recipients.iter().copied(), &hop);
        self.onward = outgoing.onward();
        let to = outgoing.recipients();
        let message = Message::from(self.message.clone()).content(outgoing.content());
        let sent = client.send(&outgoing.envelope(&to), message).await;
        let sent = sent.map_err(|error| HostFailure::from(&error))?;
        // Some may not be sent to there, as what they ask for is not to be had.
        let refused = outgoing.refused().iter();
        let refused = refused.map(|(number, why)| (*number, Outcome::local(why.clone())));
        let mut all: Vec<_> =
            outgoing.numbers().zip(sent.outcomes().iter().cloned()).chain(refused).collect();
        all.sort_by_key(|(number, _)| *number);
        Ok(all.into_iter().map(|(_, outcome)| outcome).collect())
    }
}

/// Nothing is asked of DNS where all mail goes to one address.
struct NoNames;

impl Resolve for NoNames {
    fn mx(&self, _: &HostName) -> impl Future<Output = MxAnswer> + Send {
        ready(MxAnswer::Failed)
    }

    fn addresses(&self, _: &HostName) -> impl Future<Output = AddressAnswer> + Send {
        ready(AddressAnswer::Failed)
    }

    fn srv(&self, _: &HostName) -> impl Future<Output = SrvAnswer> + Send {
        ready(SrvAnswer::Failed)
    }
}

/// What nobody guesses: a name in the spool, and of a report.
fn random() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

/// What must be known of the content to send it on.
fn describe(queued: &mut Queued, message: &[u8]) -> HeaderScanner {
    let mut header = HeaderScanner::new();
    header.scan(message);
    header.finish();
    queued.received(message.len() as u64, !message.is_ascii());
    queued.header(&header);
    header
}

fn trace_field(facts: &Facts) -> Result<String, ParseError> {
    let now = Date::utc(SystemTime::now().into());
    let mut field = Received::new(Host::parse(HOST)?, facts.transmission_type, now);
    if let Some(name) = facts.hello_name() {
        field = field.from(name, facts.peer.map(|peer| peer.ip()));
    }
    Ok(field.to_string())
}

/// For each client.
#[derive(Clone)]
struct Mx {
    domain: String,
    spool: Spool,
    queued: Option<Queued>,
}

impl Backend for Mx {
    type Session = Self;

    async fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(self.clone())
    }
}

impl Session for Mx {
    async fn mail(&mut self, from: &Sender<'_>) -> Result<(), Rejection<'static>> {
        let now = SystemTime::now().into();
        self.queued = Some(Queued::new(from.reverse_path(), from.parameters(), now));
        Ok(())
    }

    async fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        // Domains do not mind case, and <Postmaster> has none (RFC 5321 section 4.5.1).
        let ours = Host::parse(&self.domain).ok();
        if !to.forward_path().mailbox().is_none_or(|mailbox| Some(mailbox.host()) == ours) {
            return Err(Rejection::RELAY_DENIED);
        }
        let queued = self.queued.as_mut().ok_or(Rejection::LOCAL_ERROR)?;
        queued.push(to.forward_path(), to.parameters());
        Ok(())
    }

    async fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        let field = trace_field(body.facts()).map_err(|_| Rejection::LOCAL_ERROR)?;
        let content = body.read_to_end(MOST).await?;
        let message = [field.as_bytes(), &content].concat();
        let mut queued = self.queued.take().ok_or(Rejection::LOCAL_ERROR)?;
        describe(&mut queued, &message).check_loop(MAX_HOPS)?;
        let name = self.spool.put(&queued, &message).await.map_err(|_| Rejection::LOCAL_ERROR)?;
        Ok(Acceptance::new(format!("queued as {name}")))
    }

    fn reset(&mut self) {
        self.queued = None;
    }
}

/// Three recipients, one of whom is not there and one of whom is busy at first.
async fn demonstrate(local: SocketAddr, spool: &Spool) -> Result<(), Box<dyn Error>> {
    let script = Script::new()
        .at(At::command("RCPT TO:<nobody@"), "550 5.1.1 no such mailbox")
        .at(At::command("RCPT TO:<busy@").session(1), "450 4.2.1 busy");
    let behind = ScriptedServer::listen(script).await?;
    let mut client = ScriptedClient::connect(local).await?;
    client
        .play("S: 220\nC: EHLO client.example\nS: 250\nC: MAIL FROM:<tim@example.net>\nS: 250")
        .await?;
    for to in ["ann@Example.ORG", "nobody@example.org", "busy@example.org"] {
        client.play(&format!("C: RCPT TO:<{to}>\nS: 250")).await?;
    }
    client.play("C: RCPT TO:<ann@elsewhere.example>\nS: 550 5.7.1").await?;
    client
        .play("C: DATA\nS: 354\nC: Subject: hi\nC:\nC: Hello!\nC: .\nS: 250 2.0.0 queued")
        .await?;

    for _ in 0..2 {
        spool.send_all(behind.address()).await?;
    }
    let letters = behind.expect(3).await?;
    let mut to: Vec<_> = letters.iter().map(|letter| letter.to().concat()).collect();
    assert_eq!(to.remove(0), "<ann@Example.ORG>");
    to.sort();
    assert_eq!(to, ["<busy@example.org>", "<tim@example.net>"]);
    for letter in letters {
        let content = String::from_utf8(letter.content.to_vec())?;
        if letter.reverse_path == "<>" {
            println!("{content}");
            assert!(content.contains("\r\nFinal-Recipient: rfc822; nobody@example.org\r\n"));
        } else {
            assert!(content.starts_with("Received: from client.example ([127.0.0.1])\r\n\tby mx."));
            assert!(content.ends_with("\r\nSubject: hi\r\n\r\nHello!\r\n"));
        }
    }
    assert_eq!(std::fs::read_dir(&spool.0)?.count(), 0);
    Ok(())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let made;
    let (address, domain, spool) = match &arguments[..] {
        [spool, next_hop] => {
            return Spool(PathBuf::from(spool)).send_all(next_hop.parse()?).await;
        }
        [address, domain, spool] => (address.as_str(), domain.as_str(), Path::new(spool)),
        [] => {
            made = tempfile::tempdir()?;
            ("127.0.0.1:0", "example.org", made.path())
        }
        _ => return Err("ADDRESS DOMAIN SPOOL, SPOOL NEXT-HOP:PORT, or nothing".into()),
    };
    Host::parse(domain)?;
    fs::create_dir_all(spool).await?;
    let listener = TcpListener::bind(address).await?;
    let local = listener.local_addr()?;
    println!("listening at {local} for mail to {domain}");
    let spool = Spool(spool.to_owned());
    let mx = Mx { domain: domain.to_owned(), spool: spool.clone(), queued: None };
    let config = Config::new(Host::parse(HOST)?);
    let config = config.limits(|limits| limits.message = Some(MOST as u64));
    let server = Server::new(config, mx).listen_smtp(listener);
    if !arguments.is_empty() {
        server.serve().await;
        return Ok(());
    }
    let _serving = spawn(server.serve());
    demonstrate(local, &spool).await
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}
