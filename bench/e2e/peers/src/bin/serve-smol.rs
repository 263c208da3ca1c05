//! This project's server on smol, dropping each message, as `smtp serve --discard` does on tokio.

use std::{env, error::Error};

use smol::net::TcpListener;
use smtp_smol::{
    Backend, Body, Facts, Recipient, Sender, Server, Session,
    proto::{
        answer::{Acceptance, Rejection},
        domain::Host,
        server::Config,
    },
};

/// Drops what it is given.
struct Drop;

impl Backend for Drop {
    type Session = Self;

    async fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(Self)
    }
}

impl Session for Drop {
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
        while body.next().await.map_err(|_| Rejection::LOCAL_ERROR)?.is_some() {}
        Ok(Acceptance::new("message dropped"))
    }

    fn reset(&mut self) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(port) = env::args().nth(1).and_then(|text| text.parse::<u16>().ok()) else {
        eprintln!("usage: PORT");
        std::process::exit(64)
    };
    let config = Config::new(Host::parse("mx.example.net")?);
    smol::block_on(async move {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let server = Server::new(config, Drop).max_connections(20_000).listen_smtp(listener);
        smol::spawn(server.serve()).await;
        Ok(())
    })
}
