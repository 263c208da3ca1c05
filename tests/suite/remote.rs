//! Mail that waits elsewhere, content that lies elsewhere, and clients that are elsewhere.

use std::sync::{Arc, Mutex};

use crate::rt::smtp::{
    Backend, Body, Client, Connector, End, Facts, Network, Recipient, Sender, Server, Service,
    Session, Waiting,
    proto::{
        answer::{Acceptance, Rejection},
        auth::{client::Plain, server::Credentials},
        client::Login,
        command::{DomainList, Node, Url},
        domain::HelloName,
        extension::Extension,
        parameter::Parameters,
        path::{ForwardPath, ReversePath},
        upstream::{Attribute, Forwarded, Overrides, Value},
    },
};
use bytes::Bytes;
use macro_rules_attribute::apply;

use crate::{
    rt::{Task, spawn},
    suite::{
        help::{self, Store, Taken, envelope, to},
        octets::{Duplex, Octets, duplex},
    },
};

/// A URL, and how many octets there was room for.
type Fetched = (String, Option<u64>);

/// Has something of everything.
#[derive(Debug, Clone, Default)]
struct Provider {
    outcome: Arc<Mutex<Option<String>>>,
    fetched: Arc<Mutex<Vec<Fetched>>>,
    store: Store,
}

#[derive(Debug)]
struct Handler {
    provider: Provider,
    content: Vec<u8>,
}

impl Backend for Provider {
    type Session = Handler;

    async fn connect(&self, _: &Facts) -> Result<Handler, Rejection<'static>> {
        Ok(Handler { provider: self.clone(), content: Vec::new() })
    }

    async fn fetch(
        &self,
        url: Url<'_>,
        room: Option<u64>,
        _: &Facts,
    ) -> Result<Bytes, Rejection<'static>> {
        self.fetched.lock().unwrap().push((url.as_str().to_owned(), room));
        match url.authority() {
            Some("down.example") => Err(Rejection::STORE_UNREACHABLE),
            Some("empty.example") => Ok(Bytes::new()),
            Some("big.example") => Ok(Bytes::from(vec![b'x'; 2000])),
            _ => Ok(Bytes::from_static(b"fetched\r\n")),
        }
    }
}

impl Session for Handler {
    async fn authenticate(
        &mut self,
        credentials: &Credentials,
        _: &Facts,
    ) -> Result<(), Rejection<'static>> {
        if credentials.authcid() == "tim" { Ok(()) } else { Err(Rejection::BAD_CREDENTIALS) }
    }

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
        if body.declared_size() == Some(1) {
            // Does not even look.
            return Err(Rejection::POLICY);
        }
        self.content = body.read_to_end(1 << 20).await?.to_vec();
        let text = String::from_utf8_lossy(&self.content).into_owned();
        *self.provider.outcome.lock().unwrap() = Some(text);
        Ok(Acceptance::default())
    }

    async fn etrn(&mut self, node: Node<'_>, _: &Facts) -> Result<Waiting, Rejection<'static>> {
        match node {
            Node::Queue(_) => Err(Rejection::CANNOT_QUEUE),
            Node::Subtree(_) => Ok(Waiting::Nothing),
            _ => Ok(Waiting::Messages(3)),
        }
    }

    async fn atrn(
        &mut self,
        domains: Option<DomainList<'_>>,
        facts: &Facts,
    ) -> Result<(), Rejection<'static>> {
        assert_eq!(facts.identity.as_deref(), Some("tim"));
        match domains {
            None => Ok(()),
            Some(_) => Err(Rejection::NO_MAIL_WAITING),
        }
    }

    async fn turned(&mut self, client: &mut Client) {
        let to = to(&["<a@customer.example>"]);
        let report = client.send(&envelope(&to), "Subject: it waited\r\n\r\nhi\r\n").await;
        let outcome = report.unwrap().outcomes()[0].to_string();
        *self.provider.outcome.lock().unwrap() = Some(outcome);
    }

    fn reset(&mut self) {
        self.content.clear();
    }

    async fn closed(&mut self, end: &End) {
        let _ = &self.provider.store;
        assert!(!matches!(end, End::Io(_) | End::Tls(_)), "{end:?}");
    }
}

fn serve(server: Server<Provider>, facts: Facts) -> (Duplex, Task<End>) {
    let (near, far) = duplex(100);
    let task = spawn(async move { server.serve_connection(far, Service::Smtp, facts).await });
    (near, task)
}

fn provider(provider: &Provider) -> Server<Provider> {
    let config = help::config()
        .offer(Extension::Etrn)
        .offer(Extension::Atrn)
        .profile(|profile| profile.server.plaintext_auth = true);
    Server::new(config, provider.clone()).authentication()
}

fn customer() -> Connector {
    help::connector().login(|| {
        let plain = Plain::new("", "tim", "tanstaaf").unwrap();
        Login::new().with(plain).allow_plaintext(true)
    })
}

#[apply(on_runtime)]
async fn what_waits_for_a_node() {
    let (near, _) = serve(provider(&Provider::default()), Facts::default());
    let mut client = help::connector().open(near).await.unwrap();
    for (node, code) in [("example.org", 253), ("@example.org", 251), ("#queue", 458)] {
        let reply = client.etrn(Node::parse(node).unwrap()).await.unwrap();
        assert_eq!(reply.code().value(), code, "{node}");
    }
    client.quit().await.unwrap();
    // By default nobody's mail is sent.
    let store = Store::default();
    let server = Server::new(help::config().offer(Extension::Etrn), store);
    let (near, _) = help::serve(server, Service::Smtp, 100);
    let mut client = help::connector().open(near).await.unwrap();
    let reply = client.etrn(Node::parse("example.org").unwrap()).await.unwrap();
    assert_eq!(reply.code().value(), 459);
}

/// RFC 2645: the customer calls, logs in, and gets its mail over the same connection.
#[apply(on_runtime)]
async fn mail_comes_back_over_the_same_connection() {
    let sender = Provider::default();
    let (near, serving) = serve(provider(&sender), Facts::default());
    let mut client = customer().open(near).await.unwrap();
    let no = client.atrn(DomainList::parse("other.example").ok()).await.unwrap();
    assert!(no.code().value() == 453 && !client.has_turned() && client.is_usable());
    let yes = client.atrn(None).await.unwrap();
    assert!(yes.code().value() == 250 && client.has_turned() && !client.is_usable());
    assert!(client.noop().await.is_err());
    let store = Store::default();
    let end = help::server(&store).serve_turned(client, Facts::default()).await;
    assert!(matches!(end, End::Regular), "{end:?}");
    assert!(matches!(serving.await.unwrap(), End::Turned));
    let taken = store.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].facts.hello.as_deref(), Some("mx.example.org"));
    assert_eq!(taken[0].content, b"Subject: it waited\r\n\r\nhi\r\n");
    let outcome = sender.outcome.lock().unwrap().clone();
    assert_eq!(outcome.as_deref(), Some("delivered: 250 2.0.0 queued as 42"));
}

/// A customer that does not greet is no reason to stay.
#[apply(on_runtime)]
async fn a_customer_that_hangs_up() {
    let sender = Provider::default();
    let (mut near, serving) = serve(provider(&sender), Facts::default());
    near.write_all(b"EHLO c.example\r\nAUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\nATRN\r\n").await.unwrap();
    near.close().await.unwrap();
    let said = near.read_to_end().await;
    assert!(said.contains("\r\n250 2.0.0 OK now reversing"), "{said}");
    assert!(matches!(serving.await.unwrap(), End::Turned));
    assert_eq!(*sender.outcome.lock().unwrap(), None);
    // A client that has not turned serves nobody.
    let (client, store) = help::pair(100).await;
    let end = help::server(&store).serve_turned(client, Facts::default()).await;
    assert!(matches!(end, End::Fault(_)));
}

fn facts(peer: &str) -> Facts {
    let mut facts = Facts::default();
    facts.peer = peer.parse().ok();
    facts
}

/// What a store took from a client that has told this.
async fn told(peer: &str, overrides: &Overrides) -> Result<Vec<Taken>, u16> {
    let store = Store::default();
    let hosts: Network = "127.0.0.0/30".parse().unwrap();
    let server = help::server(&store).xclient([hosts]).xforward([hosts]);
    let (near, far) = duplex(100);
    let facts = facts(peer);
    spawn(async move { server.serve_connection(far, Service::Smtp, facts).await });
    let mut client = help::connector().open(near).await.unwrap();
    let name = HelloName::parse("spike.example").unwrap();
    let reply = client.xclient(overrides, name).await.map_err(|_| 0_u16)?;
    if !reply.severity().is_positive() {
        return Err(reply.code().value());
    }
    let to = to(&["<a@example.org>"]);
    client.send(&envelope(&to), "Subject: hi\r\n\r\nhi\r\n").await.unwrap();
    client.quit().await.unwrap();
    Ok(store.taken())
}

#[apply(on_runtime)]
async fn a_proxy_speaks_for_its_client() {
    let mut overrides = Overrides::default();
    overrides.set_address(Value::Known([127, 0, 0, 99].into()));
    overrides.set_port(Value::Known(4711));
    overrides.set(Attribute::Login, Value::Known("joe")).unwrap();
    overrides.set(Attribute::Name, Value::Known(&"n".repeat(250))).unwrap();
    overrides.set(Attribute::HeloName, Value::Known(&"h".repeat(250))).unwrap();
    overrides.set(Attribute::DestPort, Value::Known("587")).unwrap();
    let taken = told("127.0.0.1:9", &overrides).await.unwrap();
    let facts = &taken[0].facts;
    assert_eq!(facts.peer, "127.0.0.99:4711".parse().ok());
    assert_eq!(facts.proxy(), "127.0.0.1:9".parse().ok());
    assert_eq!(facts.identity.as_deref(), Some("joe"));
    assert_eq!(facts.hello.as_deref(), Some("spike.example"));
    assert_eq!(facts.transmission_type, "ESMTPA");
    assert!(facts.overrides().unwrap().name().is_some());

    // The backend turns away who is not on the loopback interface, and so it does by another's name.
    overrides.set_address(Value::Known([192, 0, 2, 7].into()));
    assert_eq!(told("127.0.0.1:9", &overrides).await.unwrap_err(), 550);
    overrides.set_address(Value::Unavailable);
    let taken = told("127.0.0.1:9", &overrides).await.unwrap();
    assert_eq!(taken[0].facts.peer, None);
    // Who is not listed is not offered it.
    assert_eq!(told("127.0.0.5:9", &overrides).await.unwrap_err(), 0);
}

#[apply(on_runtime)]
async fn a_filter_says_whose_message_it_is() {
    let store = Store::default();
    let server = help::server(&store).xforward([std::net::IpAddr::from([127, 0, 0, 1])]);
    let (near, far) = duplex(100);
    let facts = facts("127.0.0.1:9");
    spawn(async move { server.serve_connection(far, Service::Smtp, facts).await });
    let mut client = help::connector().open(near).await.unwrap();
    let mut forwarded = Forwarded::default();
    forwarded.set(Attribute::Name, Value::Known(&"n".repeat(250))).unwrap();
    forwarded.set(Attribute::HeloName, Value::Known(&"h".repeat(250))).unwrap();
    forwarded.set(Attribute::Ident, Value::Known("4F9D195432C")).unwrap();
    let reply = client.xforward(&forwarded).await.unwrap();
    assert_eq!(reply.code().value(), 250);
    let to = to(&["<a@example.org>"]);
    for _ in 0..2 {
        client.send(&envelope(&to), "Subject: hi\r\n\r\nhi\r\n").await.unwrap();
    }
    client.quit().await.unwrap();
    let taken = store.taken();
    let told = taken[0].facts.forwarded().unwrap();
    assert_eq!(told.ident(), Some("4F9D195432C"));
    assert_eq!(taken[0].facts.peer, "127.0.0.1:9".parse().ok());
    assert!(taken[1].facts.forwarded().is_none(), "for one message only");
}

/// A submission server that fetches; what it takes for messages is in its `outcome`.
async fn submit(size: &str, parts: &[(&str, bool)]) -> (Provider, Vec<u16>) {
    let sender = Provider::default();
    let config = help::config()
        .burl(&["imap"])
        .profile(|profile| profile.server.plaintext_auth = true)
        .limits(|limits| limits.message = Some(1000));
    let (near, _) = serve(Server::new(config, sender.clone()).authentication(), Facts::default());
    let mut client = customer().open(near).await.unwrap();
    // Once more, as arguments are told to who has logged in.
    let name = HelloName::parse("c.example").unwrap();
    client.command(|machine| machine.hello(name)).await.unwrap();
    let from = ReversePath::parse("<tim@example.org>").unwrap();
    let path = ForwardPath::parse("<a@example.org>").unwrap();
    let parameters = Parameters::parse(size.as_bytes(), &Default::default()).unwrap();
    client.command(|machine| machine.mail(from, parameters)).await.unwrap();
    client.command(|machine| machine.rcpt(path, Parameters::EMPTY)).await.unwrap();
    let mut codes = Vec::new();
    for (part, last) in parts {
        let reply = match part.strip_prefix("text:") {
            Some(text) => {
                let chunk = Bytes::copy_from_slice(text.as_bytes());
                client.command(|machine| machine.chunk(chunk, *last)).await
            }
            None => client.burl(Url::parse(part).unwrap(), *last).await,
        };
        codes.push(reply.unwrap().code().value());
    }
    (sender, codes)
}

#[apply(on_runtime)]
async fn content_is_fetched() {
    const KEY: &str = "imap://x.example/a;urlauth=submit+tim:internal:91";
    let (sender, codes) = submit("SIZE=500", &[(KEY, true)]).await;
    assert_eq!(codes, [250]);
    assert_eq!(sender.outcome.lock().unwrap().as_deref(), Some("fetched\r\n"));
    assert_eq!(*sender.fetched.lock().unwrap(), [(KEY.to_owned(), Some(1000))]);

    let empty = "data://empty.example/";
    let parts = [("text:one\r\n", false), (KEY, false), (empty, false), ("text:two\r\n", true)];
    let (sender, codes) = submit("SIZE=500", &parts).await;
    assert_eq!(codes, [250; 4]);
    assert_eq!(sender.outcome.lock().unwrap().as_deref(), Some("one\r\nfetched\r\ntwo\r\n"));
    assert_eq!(sender.fetched.lock().unwrap()[0].1, Some(995));
}

#[apply(on_runtime)]
async fn content_that_cannot_be_had() {
    // S-59: a key of another user's; a store that is down; too much in all.
    let other = "imap://x.example/a;urlauth=submit+joe:internal:91";
    let (sender, codes) = submit("SIZE=500", &[(other, true)]).await;
    assert_eq!(codes, [554]);
    assert!(sender.fetched.lock().unwrap().is_empty());
    let parts = [("data://x.example/", false), ("data://down.example/", true)];
    let (sender, codes) = submit("SIZE=500", &parts).await;
    assert_eq!(codes, [250, 451]);
    assert_eq!(*sender.outcome.lock().unwrap(), None);
    let (sender, codes) = submit("SIZE=500", &[("data://big.example/", true)]).await;
    assert_eq!(codes, [554]);
    assert_eq!(*sender.outcome.lock().unwrap(), None);
    // A handler that wants nothing of it has nothing fetched.
    let (sender, codes) = submit("SIZE=1", &[("data://x.example/", false)]).await;
    assert_eq!(codes, [550]);
    assert!(sender.fetched.lock().unwrap().is_empty());
}
