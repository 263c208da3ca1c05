//! The calls that block, and what is hard where calls block: peers that are silent, slow or deaf, and ends.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use smtp_blocking::{
    Backend, Body, BodyError, Connector, End, Error, Facts, Handle, Message, Pool, PoolConfig,
    Recipient, Sender, Server, Service, Session, Target, Tls, TurnedClient,
    proto::{
        answer::{Acceptance, Rejection},
        auth::{client::Plain, server::Credentials},
        client::{self, Cause, Config as ClientConfig, Envelope, Login, OpeningError},
        command::DomainList,
        domain::Host,
        extension::Extension,
        fault::Fault,
        limits::{ClientTimeouts, ServerLimits, ServerTimeouts},
        parameter::Parameters,
        path::{ForwardPath, ReversePath},
        server::Config,
    },
};

/// Far less than any session has in earnest, so that a test need not wait.
const MOMENT: Duration = Duration::from_millis(50);

/// Says that something has begun, and hears when to go on.
type Signals = (mpsc::Sender<()>, mpsc::Receiver<()>);

/// Keeps what it is given.
#[derive(Debug, Clone, Default)]
struct Store {
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Where a message for `<relay@..>` goes on to.
    next: Option<SocketAddr>,
    /// Who is told when a message for `<patient@..>` has begun, and says when to go on.
    patient: Option<Arc<Mutex<Signals>>>,
}

#[derive(Debug)]
struct Clerk {
    store: Store,
    to: String,
}

impl Store {
    fn taken(&self) -> Vec<Vec<u8>> {
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
            "relay" => {
                // A client inside of a server's handler, reading what the other client still sends.
                let next = self.store.next.unwrap();
                let mut client = connector().connect("127.0.0.1", next.port()).unwrap();
                let recipients = to("<a@example.org>");
                let report = client.send(&envelope(&recipients), Message::reader(&mut *body));
                client.quit().unwrap();
                let delivered = report.unwrap().all_delivered();
                return if delivered { Ok(Acceptance::default()) } else { Err(Rejection::POLICY) };
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

fn config() -> Config {
    Config::new(Host::parse("mx.example.org").unwrap())
}

fn connector() -> Connector {
    Connector::new(Tls::None).hello_name("client.example").unwrap()
}

fn to(path: &str) -> [client::Recipient<'_>; 1] {
    [ForwardPath::parse(path).unwrap().into()]
}

fn envelope<'a>(recipients: &'a [client::Recipient<'a>]) -> Envelope<'a> {
    let reverse_path = ReversePath::parse("<sender@example.org>").unwrap();
    Envelope { reverse_path, parameters: Parameters::EMPTY, recipients }
}

fn text(octets: usize) -> Vec<u8> {
    let lines = b".\r\n..two dots\r\nno dot\r\na.b\r\n".iter().cycle();
    let mut text: Vec<_> =
        b"Subject: test\r\n\r\n".iter().chain(lines).take(octets).copied().collect();
    text.extend_from_slice(b"\r\n");
    text.retain(|octet| *octet != b'\r');
    String::from_utf8(text).unwrap().replace('\n', "\r\n").into_bytes()
}

/// A server on a thread, and its end.
struct Serving {
    address: SocketAddr,
    handle: Handle,
    thread: thread::JoinHandle<()>,
}

fn serve<B: Backend>(backend: B, change: impl FnOnce(Server<B>) -> Server<B>) -> Serving {
    serve_with(config(), backend, change)
}

fn serve_with<B: Backend>(
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
    fn end(self) {
        self.handle.shut_down();
        self.thread.join().unwrap();
        assert!(TcpStream::connect(self.address).is_err());
        assert_eq!(self.handle.connections(), 0);
    }
}

/// A connection of a test's own: what is said, line by line.
fn dial(address: SocketAddr) -> (TcpStream, BufReader<TcpStream>) {
    let stream = TcpStream::connect(address).unwrap();
    let reader = BufReader::new(stream.try_clone().unwrap());
    (stream, reader)
}

fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}

/// A server of a test's own, for one client: these replies, the first unasked, one for each line.
fn scripted(replies: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        for (number, reply) in replies.iter().enumerate() {
            if number > 0 {
                line(&mut reader);
            }
            stream.write_all(reply.as_bytes()).unwrap();
        }
        // And then it neither speaks nor listens, for as long as the test goes on.
        loop {
            thread::park();
        }
    });
    address
}

#[test]
fn a_message_is_read_in_every_way() {
    let store = Store::default();
    let serving = serve(store.clone(), |server| server);
    let mut client = connector().connect("127.0.0.1", serving.address.port()).unwrap();
    let content = text(200_000);
    for path in ["<pieces@x.example>", "<lines@x.example>", "<reads@x.example>", "<all@x.example>"]
    {
        let report = client.send(&envelope(&to(path)), content.clone()).unwrap();
        assert!(report.all_delivered(), "{report:?}");
        assert!(store.taken().pop().unwrap() == content, "{path}");
    }
    let report = client.send(&envelope(&to("<small@x.example>")), content.clone()).unwrap();
    assert_eq!(report.outcomes()[0].reply().unwrap().code().value(), 552);
    let report = client.send(&envelope(&to("<nobody@x.example>")), content).unwrap();
    assert_eq!(report.outcomes()[0].reply().unwrap().code().value(), 550);
    client.quit().unwrap();
    serving.end();
}

#[test]
fn a_message_is_sent_from_any_reader() {
    let store = Store::default();
    let limited = config().limits(|limits| limits.recipients = 1);
    let serving = serve_with(limited, store.clone(), |server| server);
    let mut client = connector().connect("127.0.0.1", serving.address.port()).unwrap();
    let content = text(200_000);
    let two = [to("<a@x.example>")[0], to("<b@x.example>")[0]];
    let cursor = std::io::Cursor::new(content.clone());
    let report = client.send(&envelope(&two), Message::rewindable(cursor)).unwrap();
    assert!(report.all_delivered(), "{report:?}");
    let report = client.send(&envelope(&two), Message::reader(&content[..])).unwrap();
    assert!(!report.all_delivered(), "what was read is gone: {report:?}");
    assert_eq!(store.taken(), [content.clone(), content.clone(), content]);
    client.quit().unwrap();
    serving.end();
}

/// A handler may do all that others do, also what blocks.
#[test]
fn a_handler_relays_by_a_client_of_its_own() {
    let store = Store::default();
    let last = serve(store.clone(), |server| server);
    let relay = Store { next: Some(last.address), ..Store::default() };
    let first = serve(relay, |server| server);
    let mut client = connector().connect("127.0.0.1", first.address.port()).unwrap();
    let content = text(300_000);
    let report = client.send(&envelope(&to("<relay@x.example>")), content.clone()).unwrap();
    assert!(report.all_delivered(), "{report:?}");
    assert!(store.taken() == [content]);
    client.quit().unwrap();
    first.end();
    last.end();
}

/// RFC 2645: the customer calls, logs in, and gets its mail over the same connection.
#[test]
fn roles_turn() {
    let offering =
        config().offer(Extension::Atrn).profile(|profile| profile.server.plaintext_auth = true);
    let serving = serve_with(offering, Store::default(), |server| server.authentication());
    let login = || {
        let plain = Plain::new("", "tim", "tanstaaf").unwrap();
        Login::new().with(plain).allow_plaintext(true)
    };
    let connector = connector().login(login);
    let mut client = connector.connect("127.0.0.1", serving.address.port()).unwrap();
    assert_eq!(client.atrn(None).unwrap().code().value(), 250);
    assert!(client.has_turned());
    let store = Store::default();
    let end = Server::new(config(), store.clone()).serve_turned(client, Facts::default());
    assert!(matches!(end, End::Regular), "{end:?}");
    assert_eq!(store.taken(), [b"Subject: it waited\r\n\r\nhi\r\n"]);
    serving.end();
}

#[test]
fn a_client_that_is_silent_is_told_so() {
    let mut timeouts = ServerTimeouts::default();
    timeouts.command = MOMENT;
    let serving = serve_with(config().timeouts(timeouts), Store::default(), |server| server);
    let (_stream, mut reader) = dial(serving.address);
    assert!(line(&mut reader).starts_with("220 "));
    assert!(line(&mut reader).starts_with("421 4.4.2 "));
    assert_eq!(line(&mut reader), "");
    serving.end();
}

/// The timer is for a command, however many octets of it arrive.
#[test]
fn a_client_that_dribbles_gets_no_more_time() {
    let mut timeouts = ServerTimeouts::default();
    timeouts.command = MOMENT;
    let endless = |limits: &mut ServerLimits| {
        (limits.command_line, limits.endless_line) = (1 << 24, 1 << 24);
    };
    let config = config().timeouts(timeouts).limits(endless);
    let serving = serve_with(config, Store::default(), |server| server);
    let (mut stream, mut reader) = dial(serving.address);
    assert!(line(&mut reader).starts_with("220 "));
    // Until the server has closed: if octets counted, for ever.
    let dribbling = thread::spawn(move || while stream.write_all(b"N").is_ok() {});
    let said = line(&mut reader);
    assert!(said.starts_with("421 4.4.2 "), "{said}");
    dribbling.join().unwrap();
    serving.end();
}

/// What is said to a client that reads nothing fills the buffers of the network, and then its time is over.
#[test]
fn a_client_that_never_reads_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let server = Server::new(config().timeouts(ServerTimeouts::all(MOMENT)), Store::default());
    let serving =
        thread::spawn(move || server.serve_connection(stream, Service::Smtp, Facts::default()));
    let help = b"HELP\r\n".repeat(1000);
    while client.write_all(&help).is_ok() {}
    let end = serving.join().unwrap();
    assert!(matches!(end, End::Fault(Fault::Timeout) | End::Io(_)), "{end:?}");
}

#[test]
fn a_server_that_is_silent_is_left() {
    let cases: [(&'static [&'static str], bool); 3] =
        [(&[], true), (&["220 x\r\n"], true), (&["220 x\r\n", "250 x\r\n", "250 ok\r\n"], false)];
    for (replies, opening) in cases {
        let address = scripted(replies);
        let mut config = ClientConfig::default();
        config.timeouts = ClientTimeouts::all(MOMENT);
        let opened = connector().config(config).connect("127.0.0.1", address.port());
        if opening {
            let error = opened.unwrap_err();
            let Error::Opening(OpeningError::Fault(Fault::Timeout)) = error.decisive() else {
                panic!("{error}");
            };
            continue;
        }
        let mut client = opened.unwrap();
        let report = client.send(&envelope(&to("<a@x.example>")), "x\r\n").unwrap();
        assert_eq!(report.outcomes()[0].cause(), &Cause::Fault(Fault::Timeout));
        assert!(!client.is_usable());
    }
}

#[test]
fn a_server_that_stops_reading_is_left() {
    let address = scripted(&["220 x\r\n", "250 x\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"]);
    let mut config = ClientConfig::default();
    config.timeouts.block = MOMENT;
    let mut client = connector().config(config).connect("127.0.0.1", address.port()).unwrap();
    let content = b"much of it\r\n".repeat(2 << 20);
    let report = client.send(&envelope(&to("<a@x.example>")), content).unwrap();
    assert_eq!(report.outcomes()[0].cause(), &Cause::Fault(Fault::Timeout), "{report:?}");
    assert!(!client.is_usable());
}

/// While one session is idle and another one in the middle of a message.
#[test]
fn a_shutdown_ends_what_is_idle_and_lets_finish_what_is_not() {
    let (begun, has_begun) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let patient = Some(Arc::new(Mutex::new((begun, goes_on))));
    let store = Store { patient, ..Store::default() };
    let serving = serve(store.clone(), |server| server);
    let (_stream, mut idle) = dial(serving.address);
    assert!(line(&mut idle).starts_with("220 "));
    let port = serving.address.port();
    let sending = thread::spawn(move || {
        let mut client = connector().connect("127.0.0.1", port).unwrap();
        let report = client.send(&envelope(&to("<patient@x.example>")), text(300_000)).unwrap();
        (report.all_delivered(), client.noop())
    });
    has_begun.recv().unwrap();
    serving.handle.shut_down();
    let said = line(&mut idle);
    assert_eq!(said, "421 4.3.2 mx.example.org service not available, closing\r\n");
    assert_eq!(line(&mut idle), "");
    assert!(!serving.thread.is_finished());
    go_on.send(()).unwrap();
    let (delivered, noop) = sending.join().unwrap();
    assert!(delivered);
    assert_eq!(noop.unwrap_err().reply().map(|reply| reply.code().value()), Some(421));
    serving.end();
    assert_eq!(store.taken().len(), 1);
}

/// Nobody comes, and still the listeners end: on each kind of socket.
#[test]
fn listeners_end_though_nobody_comes() {
    let tcp = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0")).unwrap();
    let server = Server::new(config(), Store::default()).listen_smtp(tcp);
    #[cfg(unix)]
    let (server, path) = {
        let name = format!("{}-{}.sock", env!("CARGO_CRATE_NAME"), std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        (server.listen_lmtp(listener), path)
    };
    let handle = server.handle();
    let serving = thread::spawn(move || server.serve());
    #[cfg(unix)]
    {
        let connector = connector().config(ClientConfig::lmtp());
        connector.connect_unix(&path).unwrap().quit().unwrap();
    }
    handle.shut_down();
    serving.join().unwrap();
    #[cfg(unix)]
    std::fs::remove_file(&path).unwrap();
}

/// A session that somebody left in the middle of something is not used again.
#[test]
fn what_is_left_in_the_middle_is_not_used_again() {
    struct Breaks(bool);
    impl Read for Breaks {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            assert!(!std::mem::replace(&mut self.0, true), "as the test asked for");
            buffer.fill(b'x');
            Ok(buffer.len())
        }
    }
    let store = Store::default();
    let serving = serve(store.clone(), |server| server);
    let target = Target::new("127.0.0.1", serving.address.port());
    let mut config = PoolConfig::default();
    config.max_sessions = 1;
    let pool = Pool::new(connector(), [target], config);
    let recipients = to("<a@x.example>");
    let envelope = envelope(&recipients);
    for _ in 0..2 {
        assert!(pool.send(&envelope, "x\r\n").unwrap().all_delivered());
    }
    let mut session = pool.get().unwrap();
    assert!(session.used_before());
    session.command(|machine| machine.mail(ReversePath::Null, Parameters::EMPTY)).unwrap();
    drop(session);
    let mut session = pool.get().unwrap();
    assert!(!session.used_before());
    let broken =
        catch_unwind(AssertUnwindSafe(|| session.send(&envelope, Message::reader(Breaks(false)))));
    assert!(broken.is_err() && !session.is_usable());
    drop(session);
    assert!(!pool.get().unwrap().used_before());
    assert_eq!(store.taken().len(), 2, "no half of a message was taken for a whole");
    pool.close();
    serving.end();
}

/// Callers on other threads wait for a place, and are woken.
#[test]
fn a_pool_is_for_many_threads() {
    let store = Store::default();
    let serving = serve(store.clone(), |server| server);
    let target = Target::new("localhost", serving.address.port());
    let mut config = PoolConfig::default();
    config.max_sessions = 2;
    let pool = Pool::new(connector(), [target], config);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let recipients = to("<a@x.example>");
                for _ in 0..5 {
                    assert!(pool.send(&envelope(&recipients), "x\r\n").unwrap().all_delivered());
                }
            });
        }
    });
    assert_eq!(store.taken().len(), 40);
    pool.close();
    serving.end();
}

/// A handler that panics ends its own session.
#[test]
fn a_panic_ends_one_session_only() {
    // There is nobody to be told, and so the handler panics.
    let store = Store::default();
    let serving = serve(store.clone(), |server| server);
    let mut client = connector().connect("127.0.0.1", serving.address.port()).unwrap();
    let report = client.send(&envelope(&to("<patient@x.example>")), "x\r\n").unwrap();
    assert!(!report.all_delivered() && !client.is_usable());
    let mut client = connector().connect("127.0.0.1", serving.address.port()).unwrap();
    assert!(client.send(&envelope(&to("<a@x.example>")), "x\r\n").unwrap().all_delivered());
    client.quit().unwrap();
    serving.end();
}
