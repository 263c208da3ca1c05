//! A server, and a client that sends it a message. For another runtime only names change.

use std::error::Error;

use smol::{net::TcpListener, spawn};
use smtp_smol::{
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

    async fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(Self)
    }
}

impl Session for Counter {
    async fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    async fn rcpt(&mut self, _: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    async fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        let octets = body.read_to_end(1 << 20).await?.len();
        Ok(Acceptance::new(format!("{octets} octets")))
    }

    fn reset(&mut self) {}
}

async fn run() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let config = Config::new(Host::parse("mx.example.org")?);
    let _serving = spawn(Server::new(config, Counter).listen_smtp(listener).serve());

    let mut client = Connector::new(Tls::None).connect("127.0.0.1", port).await?;
    let envelope = Envelope {
        reverse_path: ReversePath::parse("<tim@example.org>")?,
        parameters: Parameters::EMPTY,
        recipients: &[ForwardPath::parse("<ann@example.org>")?.into()],
    };
    let report = client.send(&envelope, "Subject: hi\r\n\r\nHello, Ann!\r\n").await?;
    for outcome in report.outcomes() {
        println!("{outcome}");
    }
    client.quit().await?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}
