//! Ends: of servers, of sessions, and in the middle of something.

use std::{
    io::Read,
    net::TcpListener,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, mpsc},
    thread,
};

use smtp_blocking::{
    Message, Pool, PoolConfig, Server, Target,
    proto::{client::Config as ClientConfig, parameter::Parameters, path::ReversePath},
};

use crate::help::{Store, config, connector, dial, envelope, line, serve, text, to};

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
