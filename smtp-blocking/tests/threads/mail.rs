//! Mail, by calls that block.

use std::thread;

use smtp_blocking::{
    End, Facts, Message, Pool, PoolConfig, Server, Target,
    proto::{auth::client::Plain, client::Login, extension::Extension},
    testing::{Act, At, Gate, Script, ScriptedClient, ScriptedServer},
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
    for (path, begin) in
        [("<relay@x.example>", 0), ("<reread@x.example>", 0), ("<rest@x.example>", 3)]
    {
        let report = client.send(&envelope(&to(path)), content.clone()).unwrap();
        assert!(report.all_delivered(), "{report:?}");
        assert!(store.taken().pop().unwrap() == content[begin..], "{path}");
    }
    client.quit().unwrap();
    first.end();
    last.end();
}

/// The answer of one server is that of the next, and who breaks off has sent nothing to either.
#[test]
fn what_is_relayed_is_taken_whole_or_not_at_all() {
    let gate = Gate::new();
    let script = Script::new()
        .at(At::content(1000).session(1), Act::octets("").behind(&gate))
        .at(At::delivery().session(2), "554 5.7.1 no");
    let last = ScriptedServer::listen(script).unwrap();
    let relay = Store { next: Some(last.address()), ..Store::default() };
    let first = serve(relay, |server| server);
    // No line begins with a dot, which would have to be doubled.
    let content = b"Subject: x\r\n\r\n".repeat(10_000);
    for (session, ends) in [(1, ".\r\n"), (2, ".\r\n"), (3, "bare\nnewline\r\n.\r\n"), (4, "")] {
        let mut client = ScriptedClient::connect(first.address).unwrap();
        client
            .play(
                "S: 220
                 C: EHLO c.example
                 S: 250
                 C: MAIL FROM:<>
                 C: RCPT TO:<relay@x.example>
                 C: DATA
                 S: 250
                 S: 250
                 S: 354",
            )
            .unwrap();
        client.octets(&content).unwrap();
        if session == 1 {
            // The first of it is there before the end has been said.
            gate.reached();
            gate.open();
        }
        client.octets(ends.as_bytes()).unwrap();
        match session {
            1 => client.expect("250").map(drop).unwrap(),
            2 | 3 => client.expect("550").map(drop).unwrap(),
            _ => client.close().unwrap(),
        }
        drop(client);
        last.idle().unwrap();
    }
    let letters = last.expect(2).unwrap();
    assert!(letters[0].content == content && letters[0].is_accepted());
    assert!(!letters[1].is_accepted());
    first.end();
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
