//! A server that takes mail for its own domain and prints it.
//!
//!     cargo run -p smtp-tokio --example server_on_tokio -- 127.0.0.1:2525
//!
//! Without an address it is sent a message on a free port, and ends.

use std::{env, error::Error};

use smtp_tokio::{
    Backend, Body, Facts, Recipient, Sender, Server, Session,
    proto::{
        answer::{Acceptance, Rejection},
        domain::Host,
        server::Config,
    },
    testing::ScriptedClient,
};
use tokio::{net::TcpListener, spawn};

const MOST: usize = 1 << 20;

/// All that the sessions share.
struct Office;

/// One session, and what there is of its transaction.
#[derive(Default)]
struct Clerk {
    from: String,
    to: Vec<String>,
}

impl Backend for Office {
    type Session = Clerk;

    async fn connect(&self, _: &Facts) -> Result<Clerk, Rejection<'static>> {
        Ok(Clerk::default())
    }
}

impl Session for Clerk {
    async fn mail(&mut self, from: &Sender<'_>) -> Result<(), Rejection<'static>> {
        self.from = from.reverse_path().to_string();
        Ok(())
    }

    async fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        // Domains do not mind case, and <Postmaster> has none (RFC 5321 section 4.5.1).
        let ours = Host::parse("example.org").ok();
        if !to.forward_path().mailbox().is_none_or(|mailbox| Some(mailbox.host()) == ours) {
            return Err(Rejection::RELAY_DENIED);
        }
        self.to.push(to.forward_path().to_string());
        Ok(())
    }

    async fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        let content = body.read_to_end(MOST).await?;
        println!("from {} to {}:", self.from, self.to.join(", "));
        println!("{}", String::from_utf8_lossy(&content));
        Ok(Acceptance::new("printed"))
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let local = listener.local_addr()?;
    println!("listening at {local}");
    // A message that is too big is refused before it is sent.
    let config = Config::new(Host::parse("mx.example.org")?)
        .limits(|limits| limits.message = Some(MOST as u64));
    let server = Server::new(config, Office).listen_smtp(listener);
    if address.is_some() {
        server.serve().await;
        return Ok(());
    }
    let handle = server.handle();
    let _serving = spawn(server.serve());
    let mut client = ScriptedClient::connect(local).await?;
    client
        .play(
            "S: 220 mx.example.org
             C: EHLO client.example
             S: 250
             C: MAIL FROM:<tim@example.net>
             C: RCPT TO:<Ann@EXAMPLE.org>
             C: RCPT TO:<Postmaster>
             C: RCPT TO:<bob@elsewhere.example>
             C: DATA
             S: 250
             S: 250
             S: 250
             S: 550 5.7.1
             S: 354
             C: Subject: hi
             C:
             C: Hello, Ann!
             C: .
             S: 250 2.0.0 printed
             C: QUIT
             S: 221",
        )
        .await?;
    client.expect_end().await?;
    handle.shut_down();
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await
}
