//! A server and a client that say yes to everything, to be attacked.

use std::sync::Arc;

use smtp_proto::{
    answer::Rejection,
    client::{self, Client},
    domain::{HelloName, Host},
    server::{self, Event, Server},
    wire::{Endpoint, Step},
};
use smtp_tests::take_output;

pub(crate) const HELLO: &[u8] = b"EHLO client.example\r\n";
pub(crate) const TO_DATA: &[u8] = b"MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n";

/// What came of an attack on a server.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// All that it said.
    pub(crate) said: Vec<u8>,
    /// Reverse-paths of the transactions that it began.
    pub(crate) senders: Vec<String>,
    /// The messages that it took.
    pub(crate) messages: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Told {
    pub(crate) fn text(&self) -> String {
        self.said.escape_ascii().to_string()
    }
}

pub(crate) fn config() -> server::Config {
    server::Config::new(Host::parse("mx.example").unwrap())
}

pub(crate) fn server(config: server::Config) -> Server {
    let mut server = Server::new(Arc::new(config));
    settle(&mut server, &mut Told::default());
    server
}

/// Lets the server do all that it can without more octets.
pub(crate) fn settle(server: &mut Server, told: &mut Told) {
    loop {
        match server.step() {
            Step::Write => told.said.extend(take_output(server.wire(), usize::MAX)),
            Step::Event => answer(server, told),
            Step::Read | Step::Idle | Step::Close => return,
        }
    }
}

/// Answers one question.
pub(crate) fn answer(server: &mut Server, told: &mut Told) {
    match server.event() {
        Some(Event::Connected(token)) => token.accept(),
        Some(Event::Hello(token)) => token.accept(),
        Some(Event::StartTls(token)) => token.accept(),
        Some(Event::Mail(token)) => {
            told.senders.push(token.reverse_path().to_string());
            token.accept();
        }
        Some(Event::Rcpt(token)) => token.accept(),
        Some(Event::Data(token)) => token.accept(),
        Some(Event::Body(octets)) => told.body.extend_from_slice(&octets),
        Some(Event::Reset) => told.body.clear(),
        Some(Event::Delivery(token)) => {
            told.messages.push(std::mem::take(&mut told.body));
            token.accept();
        }
        Some(Event::Auth(token)) => token.reject(Rejection::BAD_CREDENTIALS),
        Some(Event::Verify(token)) => token.reject(Rejection::POLICY),
        Some(Event::Leniency(_) | Event::UpgradeTls { .. } | Event::Fault(_)) | None => {}
        Some(other) => panic!("{other:?}"),
    }
}

/// Gives octets in pieces, as far as the server takes them.
pub(crate) fn attack(server: &mut Server, octets: &[u8], piece: usize, told: &mut Told) {
    settle(server, told);
    for mut rest in octets.chunks(piece) {
        while !rest.is_empty() {
            let taken = server.wire().receive(rest);
            rest = &rest[taken..];
            settle(server, told);
            if taken == 0 {
                return;
            }
        }
    }
}

/// A client that said EHLO to a server which offers these.
pub(crate) fn client(config: client::Config, hello: &str) -> Client {
    let mut client = Client::new(config);
    hear(&mut client, b"220 mx.example\r\n");
    client.hello(HelloName::parse("client.example").unwrap()).unwrap();
    take_output(client.wire(), usize::MAX);
    hear(&mut client, hello.as_bytes());
    client
}

/// Gives a client what a server says; how many octets it took, and what it was told.
pub(crate) fn hear(client: &mut Client, octets: &[u8]) -> (usize, Vec<String>) {
    let (mut taken, mut told) = (0, Vec::new());
    loop {
        while client.step() == Step::Event {
            if let Some(event) = client.event() {
                told.push(format!("{event:?}"));
            }
        }
        let now = client.wire().receive(&octets[taken..]);
        taken += now;
        if now == 0 {
            return (taken, told);
        }
    }
}
