//! A server, and a client that sends it a message, on threads: the program for tokio without its futures.

use std::{error::Error, net::TcpListener, thread};

use smtp_blocking::{
    Backend, Body, Connector, Facts, Recipient, Sender, Server, Session, Tls,
    proto::{
        answer::{Acceptance, Rejection},
        client::Envelope,
        domain::Host,
        parameter::Parameters,
        path::{ForwardPath, ReversePath},
        server::Config,
    },
};

/// Counts what it is given.
struct Counter;

impl Backend for Counter {
    type Session = Self;

    fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(Self)
    }
}

impl Session for Counter {
    fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    fn rcpt(&mut self, _: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    fn message(&mut self, body: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>> {
        let octets = body.read_to_end(1 << 20)?.len();
        Ok(Acceptance::new(format!("{octets} octets")))
    }

    fn reset(&mut self) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let config = Config::new(Host::parse("mx.example.org")?);
    let _serving =
        thread::spawn(move || Server::new(config, Counter).listen_smtp(listener).serve());

    let mut client = Connector::new(Tls::None).connect("127.0.0.1", port)?;
    let envelope = Envelope {
        reverse_path: ReversePath::parse("<tim@example.org>")?,
        parameters: Parameters::EMPTY,
        recipients: &[ForwardPath::parse("<ann@example.org>")?.into()],
    };
    let report = client.send(&envelope, "Subject: hi\r\n\r\nHello, Ann!\r\n")?;
    for outcome in report.outcomes() {
        println!("{outcome}");
    }
    client.quit()?;
    Ok(())
}
