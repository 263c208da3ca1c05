//! A backend that keeps what it is given, and ways to talk to it.

use std::{
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use smtp_blocking::{
    Backend, Body, BodyError, Connector, Facts, Handle, Message, Recipient, Sender, Server,
    Session, Tls, TurnedClient,
    proto::{
        answer::{Acceptance, Rejection},
        auth::server::Credentials,
        client::{self, Envelope},
        command::DomainList,
        domain::Host,
        parameter::Parameters,
        path::{ForwardPath, ReversePath},
        server::Config,
    },
};

/// Far less than any session has in earnest, so that a test need not wait.
pub(crate) const MOMENT: Duration = Duration::from_millis(50);

/// Says that something has begun, and hears when to go on.
pub(crate) type Signals = (mpsc::Sender<()>, mpsc::Receiver<()>);

/// Keeps what it is given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    pub(crate) taken: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Where a message for `<relay@..>` goes on to.
    pub(crate) next: Option<SocketAddr>,
    /// Who is told when a message for `<patient@..>` has begun, and says when to go on.
    pub(crate) patient: Option<Arc<Mutex<Signals>>>,
}

#[derive(Debug)]
pub(crate) struct Clerk {
    pub(crate) store: Store,
    pub(crate) to: String,
}

impl Store {
    pub(crate) fn taken(&self) -> Vec<Vec<u8>> {
        self.taken.lock().unwrap().clone()
    }
}

impl Backend for Store {
    type Session = Clerk;

    fn connect(&self, _: &Facts) -> Result<Clerk, Rejection<'static>> {
        Ok(Clerk { store: self.clone(), to: String::new() })
    }
}

impl Session for Clerk {
    fn authenticate(
        &mut self,
        credentials: &Credentials,
        _: &Facts,
    ) -> Result<(), Rejection<'static>> {
        let is_right = credentials.password().as_slice() == b"tanstaaf";
        if is_right { Ok(()) } else { Err(Rejection::BAD_CREDENTIALS) }
    }

    fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        self.to = to.forward_path().to_string();
        if self.to.starts_with("<nobody@") { Err(Rejection::MAILBOX_UNKNOWN) } else { Ok(()) }
    }

    fn message(&mut self, body: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>> {
        let local = self.to.trim_start_matches('<').split('@').next().unwrap();
        let mut content = Vec::new();
        match local {
            "pieces" => {
                while let Some(octets) = body.next()? {
                    assert!(!octets.is_empty());
                    content.extend_from_slice(&octets);
                }
                assert!(body.next()?.is_none());
            }
            "lines" => {
                let mut line = Vec::new();
                while body.read_until(b'\n', &mut line).map_err(|_| Rejection::LOCAL_ERROR)? > 0 {
                    content.append(&mut line);
                }
            }
            "reads" => {
                // A piece that was begun is gone on with, whichever way it is read.
                let mut start = [0; 3];
                body.read_exact(&mut start).map_err(|_| Rejection::LOCAL_ERROR)?;
                content.extend_from_slice(&start);
                if let Some(octets) = body.next()? {
                    content.extend_from_slice(&octets);
                }
                Read::read_to_end(body, &mut content).map_err(|_| Rejection::LOCAL_ERROR)?;
            }
            "small" => {
                let error = body.read_to_end(3).unwrap_err();
                assert!(matches!(error, BodyError::TooBig));
                return Err(error.into());
            }
            "patient" => {
                content = body.next()?.unwrap_or_default().to_vec();
                let patient = self.store.patient.clone().unwrap();
                let patient = patient.lock().unwrap();
                patient.0.send(()).unwrap();
                patient.1.recv().unwrap();
                content.extend_from_slice(&body.read_to_end(1 << 20)?);
            }
            "relay" | "reread" => {
                // A client inside of a server's handler, reading what the other client still sends.
                let next = self.store.next.unwrap();
                let mut client = connector().connect("127.0.0.1", next.port()).unwrap();
                let recipients = to("<a@example.org>");
                let message =
                    if local == "relay" { body.into() } else { Message::reader(&mut *body) };
                let report = client.send(&envelope(&recipients), message).unwrap();
                if !report.all_delivered() {
                    return Err(Rejection::POLICY);
                }
                client.quit().unwrap();
                return Ok(Acceptance::default());
            }
            "rest" => {
                // What was read already does not go on, and of a piece that was begun the rest does.
                body.read_exact(&mut [0; 3]).map_err(|_| Rejection::LOCAL_ERROR)?;
                let next = self.store.next.unwrap();
                let mut client = connector().connect("127.0.0.1", next.port()).unwrap();
                let recipients = to("<a@example.org>");
                let report = client.send(&envelope(&recipients), body).unwrap();
                assert!(report.all_delivered(), "{report:?}");
                client.quit().unwrap();
            }
            _ => content = body.read_to_end(64 << 20)?.to_vec(),
        }
        self.store.taken.lock().unwrap().push(content);
        Ok(Acceptance::new("queued as 42"))
    }

    fn atrn(&mut self, _: Option<DomainList<'_>>, _: &Facts) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    fn turned(&mut self, client: &mut TurnedClient<'_>) {
        let recipients = to("<a@customer.example>");
        let report = client.send(&envelope(&recipients), "Subject: it waited\r\n\r\nhi\r\n");
        assert!(report.unwrap().all_delivered());
        assert!(client.is_usable() && !client.has_turned() && client.lost().is_none());
    }

    fn reset(&mut self) {
        self.to.clear();
    }
}

pub(crate) fn config() -> Config {
    Config::new(Host::parse("mx.example.org").unwrap())
}

pub(crate) fn connector() -> Connector {
    Connector::new(Tls::None).hello_name("client.example").unwrap()
}

pub(crate) fn to(path: &str) -> [client::Recipient<'_>; 1] {
    [ForwardPath::parse(path).unwrap().into()]
}

pub(crate) fn envelope<'a>(recipients: &'a [client::Recipient<'a>]) -> Envelope<'a> {
    let reverse_path = ReversePath::parse("<sender@example.org>").unwrap();
    Envelope { reverse_path, parameters: Parameters::EMPTY, recipients }
}

pub(crate) fn text(octets: usize) -> Vec<u8> {
    let lines = b".\r\n..two dots\r\nno dot\r\na.b\r\n".iter().cycle();
    let mut text: Vec<_> =
        b"Subject: test\r\n\r\n".iter().chain(lines).take(octets).copied().collect();
    text.extend_from_slice(b"\r\n");
    text.retain(|octet| *octet != b'\r');
    String::from_utf8(text).unwrap().replace('\n', "\r\n").into_bytes()
}

/// A server on a thread, and its end.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) thread: thread::JoinHandle<()>,
}

pub(crate) fn serve<B: Backend>(
    backend: B,
    change: impl FnOnce(Server<B>) -> Server<B>,
) -> Serving {
    serve_with(config(), backend, change)
}

pub(crate) fn serve_with<B: Backend>(
    config: Config,
    backend: B,
    change: impl FnOnce(Server<B>) -> Server<B>,
) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = change(Server::new(config, backend)).listen_smtp(listener);
    let handle = server.handle();
    Serving { address, handle, thread: thread::spawn(move || server.serve()) }
}

impl Serving {
    pub(crate) fn end(self) {
        self.handle.shut_down();
        self.thread.join().unwrap();
        assert!(TcpStream::connect(self.address).is_err());
        assert_eq!(self.handle.connections(), 0);
    }
}

/// A connection of a test's own: what is said, line by line.
pub(crate) fn dial(address: SocketAddr) -> (TcpStream, BufReader<TcpStream>) {
    let stream = TcpStream::connect(address).unwrap();
    let reader = BufReader::new(stream.try_clone().unwrap());
    (stream, reader)
}

pub(crate) fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}
