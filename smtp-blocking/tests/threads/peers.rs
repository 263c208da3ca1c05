//! Peers that are silent, slow or deaf.

#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use smtp_blocking::{
    Duplex, End, Error, Facts, Server, Service,
    proto::{
        client::{Cause, Config as ClientConfig, OpeningError},
        extension::Extension,
        fault::Fault,
        limits::{ClientTimeouts, ServerLimits, ServerTimeouts},
    },
    testing::{Act, At, Script, ScriptedServer},
};

use crate::help::{MOMENT, Store, config, connector, dial, envelope, line, serve_with, to};

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
    let places = [(At::connect(), true), (At::command("EHLO"), true), (At::command("RCPT"), false)];
    for (silent, opening) in places {
        let server = ScriptedServer::listen(Script::new().at(silent, Act::stall())).unwrap();
        let mut config = ClientConfig::default();
        config.timeouts = ClientTimeouts::all(MOMENT);
        let opened = connector().config(config).connect("127.0.0.1", server.port());
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
    // By DATA, as a chunk has its end said first.
    let script = Script::new()
        .configure(|config| config.withhold(Extension::Chunking))
        .at(At::content(1000), Act::stall());
    let server = ScriptedServer::listen(script).unwrap();
    let mut config = ClientConfig::default();
    config.timeouts.block = MOMENT;
    let mut client = connector().config(config).connect("127.0.0.1", server.port()).unwrap();
    let content = b"much of it\r\n".repeat(2 << 20);
    let report = client.send(&envelope(&to("<a@x.example>")), content).unwrap();
    assert_eq!(report.outcomes()[0].cause(), &Cause::Fault(Fault::Timeout), "{report:?}");
    assert!(!client.is_usable());
}

/// Who neither accepts nor refuses: the queue of the listener is full.
#[cfg(target_os = "linux")]
#[test]
fn a_server_that_does_not_accept_is_left() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    // The queue takes one more than it says; then connections are not answered.
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, MOMENT) {
        queue.push(stream);
    }
    let connector = connector().connect_timeout(MOMENT);
    let bound = connector.clone().bind([127, 0, 0, 1].into());
    for connector in [connector, bound] {
        let error = connector.connect("127.0.0.1", address.port()).unwrap_err();
        let Error::Io(error) = error.decisive() else { panic!("{error}") };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}

/// A handshake has its time on either side.
#[cfg(feature = "tls")]
#[test]
fn a_handshake_that_does_not_go_on_is_left() {
    use smtp_blocking::{Connector, Tls, tls::client_config_unverified};

    let server = ScriptedServer::listen(Script::new().at(At::connect(), Act::stall())).unwrap();
    let mut config = ClientConfig::default();
    config.timeouts.tls = MOMENT;
    let connector = Connector::new(Tls::Implicit)
        .tls_config(client_config_unverified().unwrap())
        .config(config);
    let error = connector.connect("127.0.0.1", server.port()).unwrap_err();
    let Error::Tls(error) = error.decisive() else { panic!("{error}") };
    assert_eq!(error.kind(), ErrorKind::TimedOut);

    let server = tls_server(crate::help::config());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let server = server.handshake_timeout(MOMENT);
    let end = server.serve_connection(stream, Service::Smtps, Facts::default());
    assert!(matches!(&end, End::Tls(error) if error.kind() == ErrorKind::TimedOut), "{end:?}");
    drop(client);
}

/// An octet at a time, each shortly before the reader would look at the time, never lets a socket's timeout
/// be over.
#[cfg(feature = "tls")]
#[test]
fn a_handshake_that_drips_is_left() {
    use smtp_blocking::{Connector, Tls, testing::pipe, tls::client_config_unverified};

    // A message of 16 KiB in one record, and of it one octet after the other.
    let hello = |kind| Drip { head: vec![22, 3, 3, 64, 0, kind, 0, 63, 252], rest: 0 };
    let (near, _far) = pipe(1 << 16);
    let mut config = ClientConfig::default();
    config.timeouts.tls = MOMENT;
    let connector = Connector::new(Tls::Implicit)
        .tls_config(client_config_unverified().unwrap())
        .server_name("mx.example.org")
        .config(config);
    let error = connector.open(Dripping::from_now(near, hello(2))).unwrap_err();
    let Error::Tls(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), ErrorKind::TimedOut);

    let (near, _far) = pipe(1 << 16);
    let server = tls_server(crate::help::config()).handshake_timeout(MOMENT);
    let stream = Dripping::from_now(near, hello(1));
    let end = server.serve_connection(stream, Service::Smtps, Facts::default());
    assert!(matches!(&end, End::Tls(error) if error.kind() == ErrorKind::TimedOut), "{end:?}");
}

/// Inside TLS the time is for a command too, and not for the octets of a record.
#[cfg(feature = "tls")]
#[test]
fn a_record_that_drips_gets_no_more_time() {
    use smtp_blocking::{Connector, Tls, testing::pipe, tls::client_config_unverified};

    let mut timeouts = ServerTimeouts::default();
    timeouts.command = MOMENT * 10;
    let server = tls_server(config().timeouts(timeouts));
    let (near, far) = pipe(1 << 16);
    let drip = Arc::default();
    let stream = Dripping::new(near, &drip);
    let serving =
        thread::spawn(move || server.serve_connection(stream, Service::Smtps, Facts::default()));
    let connector = Connector::new(Tls::Implicit)
        .tls_config(client_config_unverified().unwrap())
        .server_name("mx.example.org");
    let mut client = connector.open(far).unwrap();
    drip.set(Drip { head: vec![23, 3, 3, 64, 0], rest: 0 }).unwrap();
    let error = client.noop().unwrap_err();
    assert_eq!(error.reply().map(|reply| reply.code().value()), Some(421), "{error}");
    let end = serving.join().unwrap();
    assert!(matches!(end, End::Fault(Fault::Timeout)), "{end:?}");
}

/// Whoever is always about to say something is not overheard by a shutdown.
#[test]
fn a_line_that_drips_does_not_outlast_a_shutdown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_stream, mut reader) = dial(listener.local_addr().unwrap());
    let (stream, _) = listener.accept().unwrap();
    let server = Server::new(config(), Store::default());
    let handle = server.handle();
    let stream = Dripping::from_now(stream, Drip { head: b"NOOP ".to_vec(), rest: b'x' });
    let serving =
        thread::spawn(move || server.serve_connection(stream, Service::Smtp, Facts::default()));
    assert!(line(&mut reader).starts_with("220 "));
    handle.shut_down();
    let said = line(&mut reader);
    assert!(said.starts_with("421 4.3.2 "), "{said}");
    let end = serving.join().unwrap();
    assert!(matches!(end, End::Regular), "{end:?}");
}

#[cfg(feature = "tls")]
fn tls_server(config: smtp_blocking::proto::server::Config) -> Server<Store> {
    use smtp_blocking::tls::{rustls::pki_types, server_config};

    let made = rcgen::generate_simple_self_signed(["mx.example.org".to_owned()]).unwrap();
    let key = pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let tls = server_config(vec![made.cert.der().clone()], key.into()).unwrap();
    Server::new(config, Store::default()).tls(tls)
}

/// What drips: this, and then one and the same octet for ever.
#[derive(Debug)]
struct Drip {
    head: Vec<u8>,
    rest: u8,
}

/// A stream that drips as soon as there is something to: each octet comes before a read has waited in vain.
struct Dripping<S> {
    stream: S,
    drip: Arc<OnceLock<Drip>>,
    dripped: usize,
    timeout: Duration,
    nonblocking: bool,
}

impl<S: Duplex> Dripping<S> {
    fn new(stream: S, drip: &Arc<OnceLock<Drip>>) -> Self {
        let drip = Arc::clone(drip);
        Self { stream, drip, dripped: 0, timeout: Duration::MAX, nonblocking: false }
    }

    fn from_now(stream: S, drip: Drip) -> Self {
        Self::new(stream, &Arc::new(drip.into()))
    }
}

impl<S: Duplex> Read for Dripping<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.drip.get().is_none() {
            let read = self.stream.read(buffer);
            // What came when it had begun is lost.
            if self.drip.get().is_none() {
                return read;
            }
        }
        let drip = self.drip.get().unwrap();
        if self.nonblocking {
            return Err(ErrorKind::WouldBlock.into());
        }
        thread::sleep(self.timeout / 2);
        buffer[0] = *drip.head.get(self.dripped).unwrap_or(&drip.rest);
        self.dripped += 1;
        Ok(1)
    }
}

impl<S: Duplex> Write for Dripping<S> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl<S: Duplex> Duplex for Dripping<S> {
    fn set_timeout(&mut self, time: Duration) -> io::Result<()> {
        self.timeout = time;
        self.stream.set_timeout(time)
    }

    fn set_nonblocking(&mut self, nonblocking: bool) -> io::Result<()> {
        self.nonblocking = nonblocking;
        self.stream.set_nonblocking(nonblocking)
    }

    fn close(&mut self) -> io::Result<()> {
        self.stream.close()
    }
}
