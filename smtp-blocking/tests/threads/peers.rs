//! Peers that are silent, slow or deaf.

#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::{
    io::{ErrorKind, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use smtp_blocking::{
    End, Error, Facts, Server, Service,
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
    use smtp_blocking::{
        Connector, Tls,
        tls::{client_config_unverified, rustls::pki_types, server_config},
    };

    let server = ScriptedServer::listen(Script::new().at(At::connect(), Act::stall())).unwrap();
    let mut config = ClientConfig::default();
    config.timeouts.tls = MOMENT;
    let connector = Connector::new(Tls::Implicit)
        .tls_config(client_config_unverified().unwrap())
        .config(config);
    let error = connector.connect("127.0.0.1", server.port()).unwrap_err();
    let Error::Tls(error) = error.decisive() else { panic!("{error}") };
    assert_eq!(error.kind(), ErrorKind::TimedOut);

    let made = rcgen::generate_simple_self_signed(["mx.example.org".to_owned()]).unwrap();
    let key = pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let tls = server_config(vec![made.cert.der().clone()], key.into()).unwrap();
    let server = Server::new(crate::help::config(), Store::default()).tls(tls);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let server = server.handshake_timeout(MOMENT);
    let end = server.serve_connection(stream, Service::Smtps, Facts::default());
    assert!(matches!(&end, End::Tls(error) if error.kind() == ErrorKind::TimedOut), "{end:?}");
    drop(client);
}
