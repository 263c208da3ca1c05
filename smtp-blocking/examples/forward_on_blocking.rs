//! A forwarder that keeps nothing: what a client sends goes on to another server while it comes, each piece as it
//! lies in memory, and the answer is that server's.
//!
//!     cargo run -p smtp-blocking --example forward_on_blocking -- 127.0.0.1:2525 mx.example.org:25
//!
//! Without arguments it forwards a message to a server of its own, and ends.

use std::{env, error::Error, net::TcpListener, thread};

use smtp_blocking::{
    Backend, Body, Client, Connector, Facts, Recipient, Sender, Server, Session, Tls,
    proto::{
        answer::{Acceptance, Rejection},
        client::Envelope,
        domain::Host,
        parameter::Parameters,
        path::{ForwardPath, ReversePath},
        server::Config,
        status::Severity,
    },
    testing::{At, Script, ScriptedClient, ScriptedServer},
};

struct Forwarder {
    host: String,
    port: u16,
}

/// A session on each side, and what there is of a transaction.
struct Passage {
    upstream: Client,
    from: String,
    to: String,
}

impl Backend for Forwarder {
    type Session = Passage;

    /// Who cannot be served upstream is told so at once, and tries again later.
    fn connect(&self, _: &Facts) -> Result<Passage, Rejection<'static>> {
        let connector = Connector::new(Tls::Opportunistic);
        let upstream = connector.connect(&self.host, self.port);
        let upstream = upstream.map_err(|_| Rejection::SHUTTING_DOWN)?;
        Ok(Passage { upstream, from: String::new(), to: String::new() })
    }
}

impl Session for Passage {
    fn mail(&mut self, from: &Sender<'_>) -> Result<(), Rejection<'static>> {
        self.from = from.reverse_path().to_string();
        Ok(())
    }

    fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        // One at a time: SMTP has one answer to a message, and recipients may fare differently upstream.
        if !self.to.is_empty() {
            return Err(Rejection::TOO_MANY_RECIPIENTS);
        }
        self.to = to.forward_path().to_string();
        Ok(())
    }

    fn message(&mut self, body: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>> {
        let broken = |_| Rejection::LOCAL_ERROR;
        let envelope = Envelope {
            reverse_path: ReversePath::parse(&self.from).map_err(broken)?,
            parameters: Parameters::EMPTY,
            recipients: &[ForwardPath::parse(&self.to).map_err(broken)?.into()],
        };
        // If the client breaks off, so does this: no half of a message is taken for a whole.
        let sent = self.upstream.send(&envelope, body);
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

fn demonstrate(
    local: std::net::SocketAddr,
    upstream: &ScriptedServer,
) -> Result<(), Box<dyn Error>> {
    let mut client = ScriptedClient::connect(local)?;
    client.play("S: 220\nC: EHLO client.example\nS: 250")?;
    for (to, answer) in [("ann", "250 2.0.0 forwarded"), ("nobody", "554 5.6.0")] {
        let begin = format!("C: MAIL FROM:<>\nC: RCPT TO:<{to}@example.org>\nC: DATA");
        client.play(&format!("{begin}\nS: 250\nS: 250\nS: 354"))?;
        client.play(&format!("C: Subject: hi\nC:\nC: Hello!\nC: .\nS: {answer}"))?;
    }
    let letter = upstream.next_message()?;
    assert_eq!(letter.content, "Subject: hi\r\n\r\nHello!\r\n");
    assert_eq!(letter.to(), ["<ann@example.org>"]);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let script = Script::new().at(At::command("RCPT TO:<nobody@"), "550 5.1.1 no such mailbox");
    let own = ScriptedServer::listen(script)?;
    let own_address = own.address().to_string();
    let (address, upstream) = match &arguments[..] {
        [address, upstream] => (address.as_str(), upstream.as_str()),
        [] => ("127.0.0.1:0", own_address.as_str()),
        _ => return Err("ADDRESS UPSTREAM:PORT, or nothing".into()),
    };
    let (host, port) = upstream.rsplit_once(':').ok_or("UPSTREAM:PORT")?;
    let forwarder = Forwarder { host: host.to_owned(), port: port.parse()? };
    let listener = TcpListener::bind(address)?;
    let local = listener.local_addr()?;
    println!("listening at {local}, forwarding to {upstream}");
    let config = Config::new(Host::parse("relay.example.org")?);
    let server = Server::new(config, forwarder).listen_smtp(listener);
    if !arguments.is_empty() {
        server.serve();
        return Ok(());
    }
    let _serving = thread::spawn(move || server.serve());
    demonstrate(local, &own)
}
