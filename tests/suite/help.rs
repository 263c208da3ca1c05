//! A backend that keeps what it is given, and ways to talk to it.

use std::sync::{Arc, Mutex};

use crate::rt::{
    Task,
    smtp::{
        Backend, Body, Client, Connector, End, Facts, Recipient, Sender, Server, Service, Session,
        Target, Tls,
        proto::{
            answer::{Acceptance, Rejection},
            auth::server::Credentials,
            client::{Envelope, Recipient as To},
            domain::Host,
            parameter::Parameters,
            path::{ForwardPath, ReversePath},
            server::Config,
        },
        testing::{Gate, Script, ScriptedServer},
    },
    spawn,
};
use crate::suite::octets::{Duplex, duplex};

/// A message that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) content: Vec<u8>,
    pub(crate) facts: Facts,
}

/// What the tests look at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    taken: Mutex<Vec<Taken>>,
    ends: Mutex<Vec<String>>,
    resets: Mutex<usize>,
    /// Where a handler waits until it may go on.
    gate: Gate,
}

impl Store {
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.0.taken.lock().unwrap().clone()
    }

    pub(crate) fn ends(&self) -> Vec<String> {
        self.0.ends.lock().unwrap().clone()
    }

    pub(crate) fn resets(&self) -> usize {
        *self.0.resets.lock().unwrap()
    }

    pub(crate) async fn begun(&self) {
        self.0.gate.reached().await;
    }

    pub(crate) fn go_on(&self) {
        self.0.gate.open();
    }
}

impl Backend for Store {
    type Session = Clerk;

    async fn connect(&self, facts: &Facts) -> Result<Clerk, Rejection<'static>> {
        if facts.peer.is_some_and(|peer| !peer.ip().is_loopback()) {
            return Err(Rejection::POLICY);
        }
        Ok(Clerk { store: self.clone(), from: String::new(), to: Vec::new() })
    }
}

/// Does what the local part of an address tells it to.
#[derive(Debug)]
pub(crate) struct Clerk {
    store: Store,
    from: String,
    to: Vec<String>,
}

impl Session for Clerk {
    async fn authenticate(
        &mut self,
        credentials: &Credentials,
        _: &Facts,
    ) -> Result<(), Rejection<'static>> {
        if credentials.authcid() == "tim" && credentials.password().as_slice() == b"tanstaaf" {
            return Ok(());
        }
        Err(Rejection::BAD_CREDENTIALS)
    }

    async fn mail(&mut self, from: &Sender<'_>) -> Result<(), Rejection<'static>> {
        self.from = from.reverse_path().to_string();
        Ok(())
    }

    async fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        let to = to.forward_path().to_string();
        if to.starts_with("<nobody@") {
            return Err(Rejection::MAILBOX_UNKNOWN);
        }
        if to.starts_with("<leave@") {
            return Err(Rejection::SHUTTING_DOWN);
        }
        self.to.push(to);
        Ok(())
    }

    async fn message(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        match self.to[0].split('@').next().unwrap() {
            "<panic" => panic!("as the test asked for"),
            "<refuse" => return Err(Rejection::POLICY),
            "<hasty" => return Ok(Acceptance::new("did not even look")),
            "<patient" => {
                body.next().await?;
                self.store.0.gate.pass().await;
            }
            "<stuck" => self.store.0.gate.pass().await,
            _ => {}
        }
        let content = body.read_to_end(64 << 20).await?;
        self.store.0.taken.lock().unwrap().push(Taken {
            from: self.from.clone(),
            to: self.to.clone(),
            content: content.to_vec(),
            facts: body.facts().clone(),
        });
        Ok(Acceptance::new("queued as 42"))
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
        // Who is forgotten has no answer, nor has anybody behind.
        self.to.iter().take_while(|to| !to.starts_with("<forgotten@")).map(of).collect()
    }

    fn reset(&mut self) {
        self.from.clear();
        self.to.clear();
        *self.store.0.resets.lock().unwrap() += 1;
    }

    async fn closed(&mut self, end: &End) {
        self.store.0.ends.lock().unwrap().push(format!("{end:?}"));
    }
}

pub(crate) fn config() -> Config {
    Config::new(Host::parse("mx.example.org").unwrap())
}

pub(crate) fn server(store: &Store) -> Server<Store> {
    Server::new(config(), store.clone())
}

pub(crate) fn connector() -> Connector {
    Connector::new(Tls::None).hello_name("client.example").unwrap()
}

/// Serves one connection in memory; `window` octets may be under way each way.
pub(crate) fn serve(server: Server<Store>, service: Service, window: usize) -> (Duplex, Task<End>) {
    let (near, far) = duplex(window);
    let task = spawn(async move { server.serve_connection(far, service, Facts::default()).await });
    (near, task)
}

/// A client and the store behind the server it talks to.
pub(crate) async fn pair(window: usize) -> (Client, Store) {
    let store = Store::default();
    let (near, _) = serve(server(&store), Service::Smtp, window);
    (connector().open(near).await.unwrap(), store)
}

pub(crate) fn to<'a>(paths: &[&'a str]) -> Vec<To<'a>> {
    paths.iter().map(|path| ForwardPath::parse(path).unwrap().into()).collect()
}

pub(crate) fn envelope<'a>(recipients: &'a [To<'a>]) -> Envelope<'a> {
    Envelope {
        reverse_path: ReversePath::parse("<sender@example.org>").unwrap(),
        parameters: Parameters::EMPTY,
        recipients,
    }
}

/// A host that does what a script says, and where it is.
pub(crate) async fn host(script: Script) -> (Target, ScriptedServer) {
    let server = ScriptedServer::listen(script).await.unwrap();
    (Target::new("127.0.0.1", server.port()), server)
}

/// Text of so many octets, in lines, with dots where they hurt.
pub(crate) fn text(octets: usize) -> Vec<u8> {
    let mut text = b"Subject: test\r\n\r\n".to_vec();
    let lines: [&[u8]; 4] = [b".\r\n", b"..two dots\r\n", b"no dot\r\n", b"a.b\r\n"];
    let mut lines = lines.iter().cycle();
    while text.len() < octets {
        text.extend_from_slice(lines.next().unwrap());
    }
    text
}
