//! Mail, by calls that block.

use std::thread;

use smtp_blocking::{
    End, Facts, Message, Pool, PoolConfig, Server, Target,
    proto::{auth::client::Plain, client::Login, extension::Extension},
};

use crate::help::{Store, config, connector, envelope, serve, serve_with, text, to};

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
