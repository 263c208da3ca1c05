//! A relay in memory: a server's events become a queued envelope, and that another server's
//! transaction.

use std::{sync::Arc, time::Duration};

use bytes::{Buf, Bytes};
use smtp_proto::{
    client::{
        self, Client, Downgrade, Downgrades, Event as ClientEvent, Opening, OpeningStep, Report,
        TlsUse, Transaction, TransactionOptions, TransactionStep,
    },
    date::Timestamp,
    domain::{HelloName, Host},
    extension::Extension,
    relay::{Hop, Queued},
    report::{Action, Event as Reported},
    server::{Config, Event, Server},
    trace::HeaderScanner,
    wire::{Endpoint, Step},
};

const ARRIVED: i64 = 1_767_610_800;
const CONTENT: &[u8] = b"Subject: gr\xc3\xbcn\r\n\r\n.hello\r\n";

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(ARRIVED).plus(Duration::from_secs(seconds))
}

/// A server that keeps what it is given.
struct Keeper {
    server: Server,
    now: Timestamp,
    open: Option<(Queued, HeaderScanner)>,
    content: Vec<u8>,
    kept: Vec<(Queued, Vec<u8>)>,
}

impl Keeper {
    fn new(name: &str, extensions: &[Extension], now: Timestamp) -> Self {
        let mut config = Config::new(Host::parse(name).unwrap());
        for extension in extensions {
            config = config.offer(*extension);
        }
        let server = Server::new(Arc::new(config));
        Self { server, now, open: None, content: Vec::new(), kept: Vec::new() }
    }

    fn event(&mut self) {
        match self.server.event() {
            Some(Event::Connected(connected)) => connected.accept(),
            Some(Event::Hello(hello)) => hello.accept(),
            Some(Event::Mail(mail)) => {
                let queued = Queued::new(mail.reverse_path(), mail.parameters(), self.now);
                self.open = Some((queued, HeaderScanner::new()));
                self.content.clear();
                mail.accept();
            }
            Some(Event::Rcpt(rcpt)) => {
                let (queued, _) = self.open.as_mut().unwrap();
                queued.push(rcpt.forward_path(), rcpt.parameters());
                rcpt.accept();
            }
            Some(Event::Data(data)) => data.accept(),
            Some(Event::Body(octets)) => {
                self.open.as_mut().unwrap().1.scan(&octets);
                self.content.extend_from_slice(&octets);
            }
            Some(Event::Delivery(delivery)) => {
                let (mut queued, mut header) = self.open.take().unwrap();
                header.finish();
                queued.received(delivery.size(), delivery.has_8bit());
                queued.header(&header);
                self.kept.push((queued, std::mem::take(&mut self.content)));
                delivery.accept();
            }
            Some(_) | None => {}
        }
    }

    /// Goes on until it waits for the client; what it says meanwhile.
    fn settle(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        loop {
            match self.server.step() {
                Step::Event => self.event(),
                Step::Write => {
                    let output = self.server.wire().output();
                    let length = output.chunk().len();
                    said.extend_from_slice(output.chunk());
                    output.advance(length);
                }
                Step::Read | Step::Idle | Step::Close => return said,
            }
        }
    }

    fn hear(&mut self, mut octets: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        loop {
            said.extend(self.settle());
            if octets.is_empty() {
                return said;
            }
            let taken = self.server.wire().receive(octets);
            octets = &octets[taken..];
        }
    }
}

/// Carries octets until the client has an event or waits for its caller.
fn carry(client: &mut Client, keeper: &mut Keeper) -> Step {
    loop {
        match client.step() {
            Step::Write => {
                let output = client.wire().output();
                let octets = output.chunk().to_vec();
                output.advance(octets.len());
                let said = keeper.hear(&octets);
                assert_eq!(client.wire().receive(&said), said.len());
            }
            Step::Read => {
                let said = keeper.settle();
                assert!(!said.is_empty(), "both sides wait");
                assert_eq!(client.wire().receive(&said), said.len());
            }
            step => return step,
        }
    }
}

/// Sends a queued message on to the next server, so many seconds after it came.
fn relay(queued: &Queued, content: &[u8], keeper: &mut Keeper, after: u64) -> (Report, Downgrades) {
    keeper.now = at(after);
    let mut client = Client::new(client::Config::default());
    let mut opening = Opening::new(HelloName::parse("relay.example").unwrap(), TlsUse::None);
    loop {
        match opening.next(&mut client) {
            OpeningStep::Ready => break,
            OpeningStep::Failed(error) => panic!("{error}"),
            OpeningStep::Await => {}
        }
        if carry(&mut client, keeper) == Step::Event
            && let Some(ClientEvent::Reply { to, reply }) = client.event()
        {
            opening.reply(to, reply);
        }
    }
    let hop = Hop { capabilities: client.capabilities(), authenticated: false, now: at(after) };
    let outgoing = queued.outgoing(0..queued.recipients().len(), &hop);
    assert!(outgoing.refused().is_empty());
    let recipients = outgoing.recipients();
    let envelope = outgoing.envelope(&recipients);
    let options = TransactionOptions::default();
    let mut transaction = Transaction::new(envelope, outgoing.content(), options);
    let mut piece = Some(Bytes::copy_from_slice(content));
    loop {
        let step = transaction.next(&mut client).unwrap();
        if step == TransactionStep::Done {
            return (transaction.report(), outgoing.downgrades());
        }
        match carry(&mut client, keeper) {
            Step::Event => {
                if let Some(ClientEvent::Reply { to, reply }) = client.event() {
                    transaction.reply(to, reply);
                }
            }
            Step::Idle => match piece.take() {
                Some(piece) => transaction.body(&mut client, piece).unwrap(),
                None => transaction.end_of_body(&mut client).unwrap(),
            },
            other => panic!("{other:?}"),
        }
    }
}

fn first_hop(extensions: &[Extension], mail: &str, rcpt: &str) -> (Queued, Vec<u8>) {
    let mut first = Keeper::new("one.example", extensions, at(0));
    let mut script = format!(
        "EHLO client.example\r\nMAIL FROM:<s@client.example> {mail}\r\n\
         RCPT TO:<bob@two.example> {rcpt}\r\nRCPT TO:<Postmaster>\r\nDATA\r\n"
    );
    let said = first.hear(script.as_bytes());
    assert!(said.ends_with(b"<CRLF>.<CRLF>\r\n"), "{}", said.escape_ascii());
    script = String::from_utf8(CONTENT.to_vec()).unwrap().replace("\r\n.", "\r\n..") + ".\r\n";
    first.hear(script.as_bytes());
    first.kept.pop().expect("a message was kept")
}

const ALL: [Extension; 2] = [Extension::Dsn, Extension::DeliverBy];

/// What was asked for arrives at the end of two hops as it was sent, but for the time that is left.
#[test]
fn two_hops() {
    let mail = "SMTPUTF8 BODY=8BITMIME RET=FULL ENVID=QQ+2B1 BY=600;N SIZE=30";
    let rcpt = "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2Bx@two.example";
    let (queued, content) = first_hop(&ALL, mail, rcpt);
    assert_eq!(content, CONTENT);
    assert_eq!(queued.parameters().all().as_str(), mail);
    assert!(queued.content().smtputf8);

    let mut second = Keeper::new("two.example", &ALL, at(0));
    let (report, losses) = relay(&queued, &content, &mut second, 100);
    assert!(report.all_delivered() && losses.is_empty(), "{report:?} {losses:?}");
    let (kept, content) = second.kept.pop().unwrap();
    assert_eq!(content, CONTENT);
    assert_eq!(kept.reverse_path(), queued.reverse_path());
    let (before, now) = (queued.parameters(), kept.parameters());
    assert_eq!((now.ret(), now.envid()), (before.ret(), before.envid()));
    assert_eq!(now.by().map(|by| by.to_string()).as_deref(), Some("500;N"));
    assert!(kept.recipients().eq(queued.recipients()));
    assert_eq!(kept.content(), queued.content());

    // The queue was written to a file in between.
    let kept = Queued::parse(&kept.to_string()).unwrap();
    let mut third = Keeper::new("three.example", &ALL, at(0));
    let (report, _) = relay(&kept, &content, &mut third, 800);
    assert!(report.all_delivered());
    let by = third.kept[0].0.parameters().by().map(|by| by.to_string());
    assert_eq!(by.as_deref(), Some("-200;N"));
}

/// C-73: where nothing but the address of old is beyond ASCII, SMTPUTF8 is for that.
#[test]
fn an_address_of_old_goes_on_as_it_is() {
    let (mut queued, _) = first_hop(&ALL, "SMTPUTF8", "ORCPT=utf-8;b\u{f8}b@two.example");
    let mut header = HeaderScanner::new();
    header.scan(b"Subject: x\r\n\r\n");
    header.finish();
    queued.received(16, false);
    queued.header(&header);
    assert!(!queued.content().smtputf8);
    let mut second = Keeper::new("two.example", &ALL, at(0));
    let (report, losses) = relay(&queued, b"Subject: x\r\n\r\n", &mut second, 100);
    assert!(report.all_delivered() && losses.is_empty(), "{report:?} {losses:?}");
    let (kept, _) = second.kept.pop().unwrap();
    assert!(kept.parameters().smtputf8());
    assert!(kept.recipients().eq(queued.recipients()));
}

/// Where the next server does not know what was asked for, this one answers for it.
#[test]
fn a_hop_that_knows_less() {
    let rcpt = "NOTIFY=SUCCESS ORCPT=rfc822;bob@two.example";
    let (queued, content) = first_hop(&ALL, "BODY=8BITMIME SMTPUTF8 ENVID=x BY=600;N", rcpt);
    let mut second = Keeper::new("two.example", &[], at(0));
    let (report, losses) = relay(&queued, &content, &mut second, 10);
    assert!(report.all_delivered());
    assert!(losses.iter().eq([Downgrade::Dsn, Downgrade::DeliverBy]));
    let (kept, _) = second.kept.pop().unwrap();
    assert!(kept.recipients().all(|(_, parameters)| parameters.all().is_empty()));
    let onward = smtp_proto::report::Onward { dsn: false, deliver_by: false };
    for ((_, parameters), outcome) in queued.recipients().zip(report.outcomes()) {
        let event = Reported::of(outcome, onward).unwrap();
        // Success was asked for by one; the end of the watch over the time concerns both.
        let action = event.report(parameters.notify(), queued.parameters().by());
        assert_eq!(action, Some(Action::Relayed));
        let asked = parameters.notify().is_some();
        assert_eq!(event.report(parameters.notify(), None).is_some(), asked);
    }
}
