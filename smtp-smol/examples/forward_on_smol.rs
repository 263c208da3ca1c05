//! A forwarder that keeps nothing: what a client sends for a domain goes on to the domain's server while it comes,
//! behind the header section each piece as it lies in memory, and the answer is that server's.
//!
//!     cargo run -p smtp-smol --example forward_on_smol -- 127.0.0.1:2525 example.org mx.example.org:25
//!
//! Without arguments it forwards a message to a server of its own, and ends.

use std::{env, error::Error, time::SystemTime};

use smol::{net::TcpListener, spawn};
use smtp_smol::{
    Backend, Body, Client, Connector, Facts, Message, Recipient, Sender, Server, Session, Tls,
    proto::{
        answer::{Acceptance, Rejection},
        client::{Content, Envelope},
        date::Date,
        domain::Host,
        error::ParseError,
        parameter::{self, Parameters},
        path::{ForwardPath, ReversePath},
        server::Config,
        status::Severity,
        trace::{HeaderScanner, MAX_HOPS, Received},
    },
    testing::{At, Script, ScriptedClient, ScriptedServer},
};

const HOST: &str = "relay.example.org";

/// Octets of a header section, which is held until it is known whether the message goes round.
const MAX_HEADER: usize = 256 << 10;

struct Forwarder {
    /// Whose mail goes on. Without it this would be an open relay.
    domain: String,
    host: String,
    port: u16,
}

/// A session on each side, and what there is of a transaction.
struct Passage {
    upstream: Client,
    domain: String,
    from: String,
    to: String,
}

impl Backend for Forwarder {
    type Session = Passage;

    /// Who cannot be served upstream is told so at once, and tries again later.
    async fn connect(&self, _: &Facts) -> Result<Passage, Rejection<'static>> {
        let connector = Connector::new(Tls::Opportunistic);
        let upstream = connector.connect(&self.host, self.port).await;
        let upstream = upstream.map_err(|_| Rejection::SHUTTING_DOWN)?;
        let domain = self.domain.clone();
        Ok(Passage { upstream, domain, from: String::new(), to: String::new() })
    }
}

impl Session for Passage {
    async fn mail(&mut self, from: &Sender<'_>) -> Result<(), Rejection<'static>> {
        self.from = from.reverse_path().to_string();
        Ok(())
    }

    async fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        // Domains do not mind case, and <Postmaster> has none (RFC 5321 section 4.5.1).
        let ours = Host::parse(&self.domain).ok();
        if !to.forward_path().mailbox().is_none_or(|mailbox| Some(mailbox.host()) == ours) {
            return Err(Rejection::RELAY_DENIED);
        }
        // One at a time: SMTP has one answer to a message, and recipients may fare differently upstream.
        if !self.to.is_empty() {
            return Err(Rejection::TOO_MANY_RECIPIENTS);
        }
        self.to = to.forward_path().to_string();
        Ok(())
    }

    async fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        let broken = |_| Rejection::LOCAL_ERROR;
        let envelope = Envelope {
            reverse_path: ReversePath::parse(&self.from).map_err(broken)?,
            parameters: Parameters::EMPTY,
            recipients: &[ForwardPath::parse(&self.to).map_err(broken)?.into()],
        };
        // From where it came is said in front (section 4.4), and hosts that take each other for the domain's do not
        // send it to and fro for ever (section 6.3).
        let field = trace_field(body.facts()).map_err(broken)?;
        let mut header = HeaderScanner::new();
        let mut begun = Vec::new();
        while !header.has_ended() {
            let Some(octets) = body.next().await? else { break };
            header.scan(&octets);
            begun.extend_from_slice(&octets);
            if begun.len() > MAX_HEADER {
                return Err(Rejection::MESSAGE_TOO_BIG);
            }
        }
        header.finish();
        header.check_loop(MAX_HOPS)?;
        let rest = Content {
            size: body.declared_size().map(|size| size.saturating_sub(begun.len() as u64)),
            body: parameter::Body::EightBitMime,
            smtputf8: header.is_internationalized(),
        };
        let message = Message::from(body).content(rest).in_front(begun).in_front(field);
        // If the client breaks off, so does this: no half of a message is taken for a whole.
        let sent = self.upstream.send(&envelope, message).await;
        let report = sent.map_err(|_| Rejection::LOCAL_ERROR)?;
        let outcome = report.outcomes().first().ok_or(Rejection::LOCAL_ERROR)?;
        println!("{}: {outcome}", self.to);
        match outcome.reply().map(|reply| reply.severity()) {
            _ if outcome.is_delivered() => Ok(Acceptance::new("forwarded")),
            Some(Severity::PermanentNegative) => Err(Rejection::TRANSACTION_FAILED),
            _ => Err(Rejection::TRY_LATER),
        }
    }

    fn reset(&mut self) {
        self.from.clear();
        self.to.clear();
    }
}

fn trace_field(facts: &Facts) -> Result<String, ParseError> {
    let now = Date::utc(SystemTime::now().into());
    let mut field = Received::new(Host::parse(HOST)?, facts.transmission_type, now);
    if let Some(name) = facts.hello_name() {
        field = field.from(name, facts.peer.map(|peer| peer.ip()));
    }
    Ok(field.to_string())
}

async fn demonstrate(
    local: std::net::SocketAddr,
    upstream: &ScriptedServer,
) -> Result<(), Box<dyn Error>> {
    let mut client = ScriptedClient::connect(local).await?;
    client.play("S: 220\nC: EHLO client.example\nS: 250").await?;
    let many = "C: Received: x\n".repeat(100);
    for (to, fields, answer) in [
        ("<Ann@EXAMPLE.org>", "", "250 2.0.0 forwarded"),
        ("<nobody@example.org>", "", "554 5.6.0"),
        ("<Postmaster>", many.as_str(), "554 5.4.6 mail loop"),
    ] {
        let begin = format!("C: MAIL FROM:<>\nC: RCPT TO:{to}\nC: DATA");
        client.play(&format!("{begin}\nS: 250\nS: 250\nS: 354")).await?;
        let content = format!("{fields}C: Subject: hi\nC:\nC: Hello!\nC: .");
        client.play(&format!("{content}\nS: {answer}")).await?;
    }
    client
        .play("C: MAIL FROM:<>\nC: RCPT TO:<ann@elsewhere.example>\nS: 250\nS: 550 5.7.1")
        .await?;

    let letter = upstream.next_message().await?;
    assert_eq!(letter.to(), ["<Ann@EXAMPLE.org>"]);
    let content = String::from_utf8(letter.content.to_vec())?;
    println!("{content}");
    assert!(content.starts_with("Received: from client.example ([127.0.0.1])\r\n\tby relay."));
    assert!(content.ends_with(" +0000\r\nSubject: hi\r\n\r\nHello!\r\n"));
    Ok(())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let script = Script::new().at(At::command("RCPT TO:<nobody@"), "550 5.1.1 no such mailbox");
    let own = ScriptedServer::listen(script).await?;
    let own_address = own.address().to_string();
    let (address, domain, upstream) = match &arguments[..] {
        [address, domain, upstream] => (address.as_str(), domain.as_str(), upstream.as_str()),
        [] => ("127.0.0.1:0", "example.org", own_address.as_str()),
        _ => return Err("ADDRESS DOMAIN UPSTREAM:PORT, or nothing".into()),
    };
    Host::parse(domain)?;
    let (host, port) = upstream.rsplit_once(':').ok_or("UPSTREAM:PORT")?;
    let forwarder =
        Forwarder { domain: domain.to_owned(), host: host.to_owned(), port: port.parse()? };
    let listener = TcpListener::bind(address).await?;
    let local = listener.local_addr()?;
    println!("listening at {local}, forwarding what is for {domain} to {upstream}");
    let config = Config::new(Host::parse(HOST)?);
    let server = Server::new(config, forwarder).listen_smtp(listener);
    if !arguments.is_empty() {
        server.serve().await;
        return Ok(());
    }
    let _serving = spawn(server.serve());
    demonstrate(local, &own).await
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}
