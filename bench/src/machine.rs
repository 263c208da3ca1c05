//! Whole transactions of 1 KiB: this project's server against written commands, its client against written
//! replies.

use std::sync::Arc;

use bytes::Buf;
use smtp_proto::{
    client::{
        self, Chunking, Client, Content, Envelope, Event as ClientEvent, Opening, OpeningStep,
        Recipient, Surveyed, TlsUse, Transaction, TransactionOptions, TransactionStep,
    },
    domain::{HelloName, Host},
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    server::{Config, Event, Server},
    wire::{Endpoint, Step, Wire},
};

use crate::corpus;

/// MAIL, RCPT and DATA in one packet.
const GROUP: &[u8] =
    b"MAIL FROM:<alice@example.org> SIZE=1024\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n";

/// How a client sends content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By DATA.
    Data,
    /// By BDAT, behind the replies to RCPT.
    Bdat,
    /// By BDAT, in one flight with the envelope; it was looked at before.
    BdatAhead,
}

impl Way {
    /// What a server says each time the client waits.
    const fn answers(self) -> &'static [&'static [u8]] {
        match self {
            Self::Data => &[
                b"250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n354 go ahead\r\n",
                b"250 2.0.0 queued as 4Xyz1\r\n",
            ],
            Self::Bdat => &[
                b"250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n",
                b"250 2.0.0 queued as 4Xyz1\r\n",
            ],
            Self::BdatAhead => {
                &[b"250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n250 2.0.0 queued as 4Xyz1\r\n"]
            }
        }
    }
}

/// Transactions before one is counted: what is made once has been made by then.
const WARM_UP: usize = 5;

/// A server after its EHLO.
#[derive(Debug)]
pub struct ServerSession {
    server: Server,
    wire: Vec<u8>,
    delivered: usize,
}

impl Default for ServerSession {
    fn default() -> Self {
        let host = Host::parse("mx.example.net").expect("a domain");
        let mut session = Self {
            server: Server::new(Arc::new(Config::new(host))),
            wire: corpus::stuffed(&corpus::message()),
            delivered: 0,
        };
        session.give(b"EHLO client.example.org\r\n");
        session.transactions(WARM_UP);
        session
    }
}

impl ServerSession {
    /// So many messages; how many have been delivered in all.
    pub fn transactions(&mut self, count: usize) -> usize {
        let wire = std::mem::take(&mut self.wire);
        for _ in 0..count {
            self.give(GROUP);
            self.give(&wire);
        }
        self.wire = wire;
        self.delivered
    }

    fn give(&mut self, octets: &[u8]) {
        let taken = self.server.wire().receive(octets);
        debug_assert_eq!(taken, octets.len());
        loop {
            match self.server.step() {
                Step::Write => drain(self.server.wire()),
                Step::Event => match self.server.event() {
                    Some(Event::Connected(token)) => token.accept(),
                    Some(Event::Hello(token)) => token.accept(),
                    Some(Event::Mail(token)) => token.accept(),
                    Some(Event::Rcpt(token)) => token.accept(),
                    Some(Event::Data(token)) => token.accept(),
                    Some(Event::Delivery(token)) => {
                        token.accept();
                        self.delivered += 1;
                    }
                    _ => {}
                },
                _ => return,
            }
        }
    }
}

pub(crate) fn drain(wire: &mut Wire) {
    let waiting = wire.output().remaining();
    wire.output().advance(waiting);
}

/// A client that may send mail.
#[derive(Debug)]
pub struct ClientSession {
    client: Client,
    message: Surveyed,
    way: Way,
}

impl ClientSession {
    /// One that sends so.
    pub fn new(way: Way) -> Self {
        let mut client = Client::new(client::Config::default());
        let _ = client.wire().receive(b"220 mx.example.net ESMTP\r\n");
        let name = HelloName::parse("client.example.org").expect("a domain");
        let mut opening = Opening::new(name, TlsUse::None);
        loop {
            match opening.next(&mut client) {
                OpeningStep::Ready => break,
                OpeningStep::Await => {}
                OpeningStep::Failed(error) => panic!("{error}"),
            }
            match client.step() {
                Step::Write => drain(client.wire()),
                Step::Event => match client.event() {
                    Some(ClientEvent::Reply { to, reply }) => opening.reply(to, reply),
                    other => panic!("{other:?}"),
                },
                _ => {
                    let _ = client.wire().receive(corpus::EHLO_REPLY);
                }
            }
        }
        let mut session = Self { client, message: Surveyed::new(corpus::message()), way };
        session.transactions(WARM_UP);
        session
    }

    /// So many messages; how many of them were delivered.
    pub fn transactions(&mut self, count: usize) -> usize {
        (0..count).filter(|_| self.transaction()).count()
    }

    fn transaction(&mut self) -> bool {
        let recipients =
            [Recipient::from(ForwardPath::parse("<bob@example.net>").expect("a path"))];
        let envelope = Envelope {
            reverse_path: ReversePath::parse("<alice@example.org>").expect("a path"),
            parameters: Parameters::EMPTY,
            recipients: &recipients,
        };
        let mut options = TransactionOptions::default();
        if self.way == Way::Data {
            options.chunking = Chunking::Never;
        }
        let content = Content { size: Some(1024), ..Content::default() };
        let mut transaction = Transaction::new(envelope, content, options);
        if self.way == Way::BdatAhead {
            transaction = transaction.at_hand(&self.message);
        }
        let mut body = Some(self.message.octets().clone());
        let mut says = self.way.answers().iter();
        loop {
            let wants = transaction.next(&mut self.client).expect("an everyday envelope");
            if wants == TransactionStep::Done {
                return transaction.report().all_delivered();
            }
            match self.client.step() {
                Step::Write => drain(self.client.wire()),
                Step::Event => match self.client.event() {
                    Some(ClientEvent::Reply { to, reply }) => transaction.reply(to, reply),
                    other => panic!("{other:?}"),
                },
                _ if wants == TransactionStep::Body => match body.take() {
                    Some(body) => transaction.body(&mut self.client, body).expect("good lines"),
                    None => transaction.end_of_body(&mut self.client).expect("good lines"),
                },
                _ => {
                    let octets = says.next().expect("no more is waited for");
                    let _ = self.client.wire().receive(octets);
                }
            }
        }
    }
}
