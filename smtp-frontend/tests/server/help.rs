//! A backend that is as slow as it is told to be, and a client that talks to it line by line.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use smtp_frontend::{
    Backend, Body, End, Facts, Recipient, Sender, Service, Session,
    proto::{
        answer::{Acceptance, Rejection},
        auth::server::Credentials,
        command::Verb,
        domain::Host,
        server::Config,
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex},
    task::JoinHandle,
    time::sleep,
};

use crate::runtime::Server;

/// Where a handler stays for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stuck {
    Nowhere,
    Connect,
    Hello,
    Auth,
    Mail,
    Rcpt,
    Verify,
    /// Before it reads the message.
    Content,
    /// After the first piece of the message.
    Piece,
    /// After the end of the message.
    Delivery,
    Closed,
}

/// What the tests look at.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) taken: Vec<Vec<u8>>,
    pub(crate) timed_out: usize,
    pub(crate) resets: usize,
    pub(crate) ends: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Office {
    pub(crate) stuck: Arc<Mutex<Stuck>>,
    pub(crate) notes: Arc<Mutex<Notes>>,
    /// How long it works on each piece of a message.
    pub(crate) work: Duration,
    /// How long it looks for a recipient.
    pub(crate) lookup: Duration,
    to: Vec<String>,
}

impl Office {
    pub(crate) fn new(stuck: Stuck) -> Self {
        Self {
            stuck: Arc::new(Mutex::new(stuck)),
            notes: Arc::default(),
            work: Duration::ZERO,
            lookup: Duration::ZERO,
            to: Vec::new(),
        }
    }

    /// Stays there for ever, the first time.
    async fn at(&self, place: Stuck) {
        if self.is_at(place) {
            pending::<()>().await;
        }
    }

    fn is_at(&self, place: Stuck) -> bool {
        let mut stuck = self.stuck.lock().unwrap();
        let here = *stuck == place;
        if here {
            *stuck = Stuck::Nowhere;
        }
        here
    }
}

impl Backend for Office {
    type Session = Self;

    async fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        self.at(Stuck::Connect).await;
        Ok(self.clone())
    }
}

impl Session for Office {
    async fn hello(&mut self, _: &Facts) -> Result<(), Rejection<'static>> {
        self.at(Stuck::Hello).await;
        Ok(())
    }

    async fn authenticate(
        &mut self,
        credentials: &Credentials,
        _: &Facts,
    ) -> Result<(), Rejection<'static>> {
        self.at(Stuck::Auth).await;
        match credentials.password().as_slice() {
            b"b" => Ok(()),
            _ => Err(Rejection::BAD_CREDENTIALS),
        }
    }

    async fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> {
        self.at(Stuck::Mail).await;
        Ok(())
    }

    async fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        self.at(Stuck::Rcpt).await;
        if !self.lookup.is_zero() {
            sleep(self.lookup).await;
        }
        let to = to.forward_path().to_string();
        if to.starts_with("<nobody@") {
            return Err(Rejection::MAILBOX_UNKNOWN);
        }
        self.to.push(to);
        Ok(())
    }

    async fn verify(&mut self, _: Verb, _: &str) -> Result<Option<String>, Rejection<'static>> {
        self.at(Stuck::Verify).await;
        Ok(None)
    }

    async fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        self.at(Stuck::Content).await;
        assert_ne!(self.to, ["<panic@b.example>"], "as the test asked for");
        let mut content = Vec::new();
        while let Some(piece) = body.next().await? {
            content.extend_from_slice(&piece);
            self.at(Stuck::Piece).await;
            if !self.work.is_zero() {
                sleep(self.work).await;
            }
        }
        self.at(Stuck::Delivery).await;
        let name = body.facts().hello.clone().unwrap_or_default();
        self.notes.lock().unwrap().taken.push(content);
        Ok(Acceptance::new(format!("taken from {name}")))
    }

    async fn message_lmtp(
        &mut self,
        body: &mut Body<'_>,
    ) -> Vec<Result<Acceptance<'static>, Rejection<'static>>> {
        let answer = self.message(body).await;
        let of = |to: &String| match to.starts_with("<full@") {
            true => Err(Rejection::MAILBOX_FULL),
            false => answer.clone(),
        };
        self.to.iter().map(of).collect()
    }

    fn timed_out(&mut self) {
        self.notes.lock().unwrap().timed_out += 1;
    }

    fn reset(&mut self) {
        self.to.clear();
        self.notes.lock().unwrap().resets += 1;
    }

    async fn closed(&mut self, end: &End) {
        self.notes.lock().unwrap().ends.push(format!("{end:?}"));
        self.at(Stuck::Closed).await;
    }
}

pub(crate) fn config() -> Config {
    Config::new(Host::parse("mx.example.org").unwrap()).profile(|profile| {
        profile.server.plaintext_auth = true;
    })
}

pub(crate) fn server(office: &Office) -> Server<Office> {
    Server::new(config(), office.clone()).authentication()
}

/// A client that says what it is told to.
#[derive(Debug)]
pub(crate) struct Talker(BufReader<DuplexStream>);

impl Talker {
    pub(crate) fn new(stream: DuplexStream) -> Self {
        Self(BufReader::new(stream))
    }

    /// A session in memory, and its end.
    pub(crate) fn of(server: Server<Office>, service: Service) -> (Self, JoinHandle<End>) {
        let (near, far) = duplex(1 << 16);
        let serving = async move { server.serve_connection(far, service, Facts::default()).await };
        (Self::new(near), tokio::spawn(serving))
    }

    pub(crate) async fn say(&mut self, octets: &str) {
        self.0.write_all(octets.as_bytes()).await.unwrap();
    }

    /// The next reply whole, its last line; empty at the end.
    pub(crate) async fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    pub(crate) async fn ask(&mut self, line: &str) -> String {
        self.say(line).await;
        self.hear().await
    }

    /// All that is said to the end.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.unwrap();
        rest
    }
}

/// A client of that address, and the server's end of its connection.
pub(crate) fn client(address: &str) -> (Talker, (DuplexStream, SocketAddr)) {
    let (near, far) = duplex(1 << 16);
    (Talker::new(near), (far, address.parse().unwrap()))
}
