//! A message that goes on to another server while it is received.

use std::sync::{Arc, Mutex};

use crate::rt::smtp::{
    Backend, Body, Client, Facts, Message, Recipient, Sender, Server, Service, Session,
    proto::{
        answer::{Acceptance, Rejection},
        client::{Chunking, Content, Status, TransactionOptions},
        extension::Extension,
    },
    testing::{Act, At, Gate, Script, ScriptedClient, ScriptedServer, pipe},
};
use macro_rules_attribute::apply;

use crate::{
    rt::spawn,
    suite::help::{config, connector, envelope, to},
};

/// What stands in front of each message that goes on.
const TRACE: &str = "Received: by forwarder.example\r\n";

/// Lends one upstream session, and keeps what became of the message there.
#[derive(Clone)]
struct Forwarder {
    upstream: Arc<Mutex<Option<Client>>>,
    status: Arc<Mutex<Option<Status>>>,
    chunking: Chunking,
    is_plain: bool,
}

impl Backend for Forwarder {
    type Session = Self;

    async fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(self.clone())
    }
}

impl Session for Forwarder {
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
        let mut upstream = self.upstream.lock().unwrap().take().ok_or(Rejection::LOCAL_ERROR)?;
        let recipients = to(&["<a@example.org>"]);
        let mut options = TransactionOptions::default();
        options.chunking = self.chunking;
        let mut message = Message::from(body);
        if self.is_plain {
            message = message.content(Content::default());
        }
        let message = message.in_front(TRACE);
        let report = upstream.send_with(&envelope(&recipients), message, options).await;
        let status = report.map_err(|_| Rejection::LOCAL_ERROR)?.outcomes()[0].status();
        *self.status.lock().unwrap() = Some(status);
        if status == Status::Delivered { Ok(Acceptance::default()) } else { Err(Rejection::POLICY) }
    }

    fn reset(&mut self) {}
}

/// A client in front of a forwarder in front of a scripted server.
async fn forwards(
    script: Script,
    chunking: Chunking,
    is_plain: bool,
) -> (ScriptedClient, ScriptedServer, Forwarder) {
    let upstream = ScriptedServer::new(script);
    let (near, far) = pipe(4096);
    upstream.serve(far);
    let client = connector().open(near).await.unwrap();
    let upstream_client = Arc::new(Mutex::new(Some(client)));
    let forwarder =
        Forwarder { upstream: upstream_client, status: Arc::default(), chunking, is_plain };
    let server = Server::new(config(), forwarder.clone());
    let (near, far) = pipe(4096);
    spawn(async move { server.serve_connection(far, Service::Smtp, Facts::default()).await });
    let mut client = ScriptedClient::new(near);
    let begin = "S: 220\nC: EHLO c.example\nS: 250\nC: MAIL FROM:<> SIZE=110000\nC: RCPT TO:<a@example.org>";
    client.play(&format!("{begin}\nC: DATA\nS: 250\nS: 250\nS: 354")).await.unwrap();
    (client, upstream, forwarder)
}

/// Lines of 8-bit text without a dot in front, which would have to be doubled.
fn text() -> String {
    "Gr\u{fc}\u{df}e aus der Ferne\r\n".repeat(5000)
}

#[apply(on_runtime)]
async fn each_piece_goes_on_before_the_next_has_come() {
    for chunking in [Chunking::Auto, Chunking::Never] {
        let gate = Gate::new();
        let script = Script::new().at(At::content(1000), Act::octets("").behind(&gate));
        let (mut client, upstream, _) = forwards(script, chunking, false).await;
        let content = text();
        let (first, rest) = content.split_at(2002);
        client.octets(first.as_bytes()).await.unwrap();
        // A chunk is kept back until it is known whether it is the last.
        if chunking == Chunking::Never {
            gate.reached().await;
        }
        gate.open();
        client.octets(rest.as_bytes()).await.unwrap();
        client.command(".", "250").await.unwrap();
        let letter = upstream.next_message().await.unwrap();
        assert!(letter.content == [TRACE, &content].concat().as_bytes());
        let size = format!("SIZE={}", 110_000 + TRACE.len());
        assert!(letter.parameters.contains(&size), "{}", letter.parameters);
        assert!(letter.parameters.contains("BODY=8BITMIME"), "{}", letter.parameters);
    }
}

/// Half of a message is nobody's message.
#[apply(on_runtime)]
async fn who_breaks_off_has_sent_nothing() {
    for chunking in [Chunking::Auto, Chunking::Never] {
        for ends in ["", "bare\nnewline\r\n.\r\n"] {
            let (mut client, upstream, _) = forwards(Script::new(), chunking, false).await;
            client.octets(text().as_bytes()).await.unwrap();
            client.octets(ends.as_bytes()).await.unwrap();
            if ends.is_empty() {
                drop(client);
            } else {
                client.expect("550").await.unwrap();
            }
            upstream.idle().await.unwrap();
            assert!(upstream.received().is_empty());
        }
    }
}

#[apply(on_runtime)]
async fn what_the_other_server_does_not_want_is_refused() {
    let script = Script::new().at(At::delivery(), "554 5.7.1 no");
    let (mut client, _upstream, forwarder) = forwards(script, Chunking::Auto, false).await;
    client.play("C: Subject: x\nC: .\nS: 550 5.7.1").await.unwrap();
    assert_eq!(*forwarder.status.lock().unwrap(), Some(Status::Rejected));
    // It is taken for 8-bit content, as nobody knows, unless somebody does.
    for is_plain in [false, true] {
        let script = Script::new().configure(|config| config.withhold(Extension::EightBitMime));
        let (mut client, _upstream, _) = forwards(script, Chunking::Auto, is_plain).await;
        let answer = if is_plain { "250" } else { "550" };
        client.play(&format!("C: Subject: x\nC: .\nS: {answer}")).await.unwrap();
    }
}
