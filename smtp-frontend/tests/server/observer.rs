//! What an observer hears.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use smtp_frontend::{
    End, Facts, Observer, Refusal, Service,
    observer::{Answered, Outcome, Received},
    proto::fault::Fault,
};
use tokio::{io::duplex, time::sleep};

use crate::{
    help::{Office, Stuck, Talker, client, server},
    runtime::Door,
};

/// Writes down what it hears, times in seconds.
#[derive(Debug, Clone, Default)]
struct Ears(Arc<Mutex<Vec<String>>>);

impl Ears {
    fn hears(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn of(outcome: Outcome) -> String {
    match outcome {
        Outcome::Rejected(code) => code.value().to_string(),
        other => format!("{other:?}"),
    }
}

impl Observer for Ears {
    fn accepted(&self, facts: &Facts) {
        self.hears(format!("accepted {:?}", facts.protocol));
    }

    fn refused(&self, peer: Option<SocketAddr>, refusal: Refusal) {
        self.hears(format!("refused {} {refusal:?}", peer.unwrap()));
    }

    fn accept_failed(&self, error: &io::Error) {
        self.hears(format!("failed {:?}", error.kind()));
    }

    fn answered(&self, _: &Facts, answer: &Answered) {
        let Answered { asked, outcome, time, .. } = answer;
        self.hears(format!("{asked:?} {} {}", of(*outcome), time.as_secs()));
    }

    fn authentication(&self, facts: &Facts, mechanism: &str, success: bool) {
        self.hears(format!("{mechanism} {success} {:?}", facts.identity.as_deref()));
    }

    fn message(&self, _: &Facts, message: &Received) {
        let Received { octets, recipients, delivered, outcome, time, delivery, .. } = message;
        let outcome = outcome.map_or("void".to_owned(), of);
        let (time, delivery) = (time.as_secs(), delivery.map(|it| it.as_secs()));
        self.hears(format!(
            "message {octets} {delivered}/{recipients} {outcome} {time} {delivery:?}"
        ));
    }

    fn closed(&self, _: &Facts, end: &End, time: Duration) {
        self.hears(format!("closed {end:?} {}", time.as_secs()));
    }
}

fn observed(office: &Office, service: Service) -> (Talker, Ears, tokio::task::JoinHandle<End>) {
    let ears = Ears::default();
    let (client, serving) = Talker::of(server(office).observe(ears.clone()), service);
    (client, ears, serving)
}

#[tokio::test(start_paused = true)]
async fn all_that_a_session_does() {
    let mut office = Office::new(Stuck::Nowhere);
    office.work = Duration::from_secs(3);
    let (mut client, ears, serving) = observed(&office, Service::Smtp);
    client.hear().await;
    sleep(Duration::from_secs(5)).await;
    // "\0a\0b" and "\0a\0c".
    for line in [
        "EHLO c.example\r\n",
        "NOOP\r\n",
        "AUTH PLAIN AGEAYw==\r\n",
        "AUTH LOGIN YQ==\r\n",
        "Yg==\r\n",
        "MAIL FROM:<>\r\n",
        "RCPT TO:<nobody@b.example>\r\n",
        "RCPT TO:<a@b.example>\r\n",
        "RCPT TO:<b@b.example>\r\n",
        "DATA\r\n",
    ] {
        client.ask(line).await;
    }
    sleep(Duration::from_secs(7)).await;
    assert!(client.ask("text\r\n..\r\n.\r\n").await.starts_with("250 "));
    // A message that is void, and one that nobody reads to its end.
    client.say("MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n").await;
    while !client.hear().await.starts_with("354 ") {}
    assert!(client.ask("bare\n.\r\n.\r\n").await.starts_with("550 "));
    *office.stuck.lock().unwrap() = Stuck::Content;
    client.say("MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n").await;
    while !client.hear().await.starts_with("354 ") {}
    assert!(client.ask(".\r\n").await.starts_with("451 "));
    client.ask("QUIT\r\n").await;
    serving.await.unwrap();
    let heard = ears.heard();
    let expected = [
        "accepted Smtp",
        "Connect Accepted 0",
        "Hello Accepted 0",
        "PLAIN false None",
        "Auth 535 0",
        "Auth Accepted 0",
        "LOGIN true Some(\"a\")",
        "Auth Accepted 0",
        "Mail Accepted 0",
        "Rcpt 550 0",
        "Rcpt Accepted 0",
        "Rcpt Accepted 0",
        "message 9 2/2 Accepted 10 Some(0)",
        "Mail Accepted 0",
        "Rcpt Accepted 0",
        "message 0 0/1 void 0 None",
        "Mail Accepted 0",
        "Rcpt Accepted 0",
        "message 0 0/1 TimedOut 110 None",
        "closed Regular 125",
    ];
    assert_eq!(heard, expected);
}

#[tokio::test(start_paused = true)]
async fn how_long_a_client_waits() {
    // For its greeting, for a command, for the answer to a message.
    for (stuck, expected) in [
        (Stuck::Connect, "Connect TimedOut 110"),
        (Stuck::Mail, "Mail TimedOut 110"),
        (Stuck::Delivery, "message 3 0/1 TimedOut 480 Some(480)"),
    ] {
        let (mut client, ears, serving) = observed(&Office::new(stuck), Service::Smtp);
        if client.hear().await.starts_with("220 ") {
            let all =
                "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nBDAT 3 LAST\r\nx\r\nQUIT\r\n";
            client.say(all).await;
        }
        client.rest().await;
        serving.await.unwrap();
        let heard = ears.heard();
        assert!(heard.iter().any(|it| it == expected), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_recipient_of_lmtp_counts() {
    let (mut client, ears, serving) = observed(&Office::new(Stuck::Nowhere), Service::Lmtp);
    client
        .say(
            "LHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nRCPT TO:<full@b.example>\r\n\
             RCPT TO:<b@b.example>\r\nBDAT 0 LAST\r\nQUIT\r\n",
        )
        .await;
    client.rest().await;
    serving.await.unwrap();
    let heard = ears.heard();
    assert!(heard.iter().any(|it| it == "message 0 2/3 452 0 Some(0)"), "{heard:?}");
}

/// Every session that is told is told to be over, also where a handler panics.
#[tokio::test(start_paused = true)]
async fn who_comes_goes() {
    let (mut client, ears, serving) = observed(&Office::new(Stuck::Nowhere), Service::Smtp);
    client.say("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<panic@b.example>\r\nDATA\r\n").await;
    client.rest().await;
    assert!(serving.await.unwrap_err().is_panic());
    let last = ears.heard().pop().unwrap();
    assert_eq!(last, format!("closed {:?} 0", End::Fault(Fault::Closed)));
    // Dropped by whoever drives it.
    let (near, far) = duplex(4096);
    let server = server(&Office::new(Stuck::Nowhere)).observe(ears.clone());
    let session = server.serve_connection(far, Service::Smtp, Facts::default());
    assert_eq!(ears.heard(), ["accepted Smtp"]);
    drop((session, near));
    assert_eq!(ears.heard(), ["closed Fault(Closed) 0"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_served() {
    let ears = Ears::default();
    let door = Door::default();
    let server = server(&Office::new(Stuck::Nowhere))
        .listen_smtp(door.clone())
        .max_connections_per_address(0)
        .observe(ears.clone());
    let handle = server.handle();
    let serving = tokio::spawn(server.serve());
    door.arrives(Err(io::ErrorKind::ConnectionAborted.into()));
    door.arrives(Err(io::ErrorKind::OutOfMemory.into()));
    let (mut refused, arrival) = client("192.0.2.1:1024");
    door.arrives(Ok(arrival));
    refused.rest().await;
    handle.shut_down();
    serving.await.unwrap();
    let expected = ["failed OutOfMemory", "refused 192.0.2.1:1024 ConnectionsOfAddress"];
    assert_eq!(ears.heard(), expected);
}
