//! Sessions that are used for more than one message.

use std::time::Duration;

use crate::rt::smtp::{
    Error, Message, Pool, PoolConfig, PoolError, Target,
    proto::{
        client::Status,
        domain::HelloName,
        server::Config,
        upstream::{Forwarded, Overrides, Value},
    },
    testing::{Act, At, Script},
};
use macro_rules_attribute::apply;

use crate::{
    rt::{listen, spawn},
    suite::{
        help::{self, Store, connector, envelope, host, to},
        octets::{Octets, duplex, now, yield_now},
    },
};

/// A host that offers nothing, so that each command has its reply.
fn script() -> Script {
    Script::new().at(At::command("EHLO"), "250 mx.example.org")
}

/// A real server.
async fn server(store: &Store, config: Config) -> Target {
    let listener = listen().await;
    let target = Target::new("127.0.0.1", listener.local_addr().unwrap().port());
    let server = crate::rt::smtp::Server::new(config, store.clone());
    spawn(server.listen_smtp(listener).serve());
    target
}

fn pool(target: Target, change: impl FnOnce(&mut PoolConfig)) -> Pool {
    let mut config = PoolConfig::default();
    change(&mut config);
    Pool::new(connector(), [target], config)
}

async fn send(pool: &Pool, path: &str) -> Result<Vec<Status>, Error> {
    let recipients = to(&[path]);
    let report = pool.send(&envelope(&recipients), "Subject: x\r\n\r\n").await?;
    Ok(report.outcomes().iter().map(|outcome| outcome.status()).collect())
}

/// Which session each message came in.
fn sessions(store: &Store) -> Vec<u64> {
    store.taken().iter().map(|taken| taken.facts.session).collect()
}

#[apply(on_runtime)]
async fn messages_share_a_session() {
    for reset in [false, true] {
        let store = Store::default();
        let pool = pool(server(&store, help::config()).await, |config| config.reset = reset);
        for _ in 0..5 {
            assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
        }
        // One that is refused leaves nothing behind.
        assert_eq!(send(&pool, "<nobody@example.org>").await.unwrap(), [Status::Rejected]);
        assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
        let sessions = sessions(&store);
        assert_eq!(sessions.len(), 6);
        assert!(sessions.iter().all(|session| *session == sessions[0]), "{sessions:?}");
        pool.close().await;
        while store.ends().is_empty() {
            yield_now().await;
        }
        assert_eq!(store.ends(), ["Regular"]);
        let error = send(&pool, "<a@example.org>").await.unwrap_err();
        assert!(matches!(error, Error::Pool(PoolError::Closed)) && !error.is_temporary());
    }
}

/// So many sessions and no more; who waits is served in order, and only so many may.
#[apply(on_runtime)]
async fn sessions_and_callers_are_bounded() {
    let store = Store::default();
    let pool = pool(server(&store, help::config()).await, |config| {
        config.max_sessions = 2;
        config.max_waiting = 2;
    });
    let first = pool.get().await.unwrap();
    let second = pool.get().await.unwrap();
    assert!(!first.used_before() && !second.used_before());
    let mut third = Box::pin(pool.get());
    let mut fourth = Box::pin(pool.get());
    assert!(now(third.as_mut()).await.is_none() && now(fourth.as_mut()).await.is_none());
    let full = pool.get().await.unwrap_err();
    assert!(matches!(full, Error::Pool(PoolError::Full)) && full.is_temporary());
    drop(first);
    assert!(now(fourth.as_mut()).await.is_none(), "out of turn");
    assert!(third.await.unwrap().used_before());
    // Who does not wait any longer is in nobody's way.
    let mut fifth = Box::pin(pool.get());
    let sixth = pool.get();
    let third = fourth.await.unwrap();
    assert!(now(fifth.as_mut()).await.is_none());
    drop(fifth);
    drop(second);
    assert!(sixth.await.unwrap().used_before());
    // The end of the pool is told to who waits.
    let _again = pool.get().await.unwrap();
    let mut waits = Box::pin(pool.get());
    assert!(now(waits.as_mut()).await.is_none());
    pool.close().await;
    assert!(matches!(waits.await, Err(Error::Pool(PoolError::Closed))));
    drop(third);
}

/// The server's MAILMAX counts, and this side's own bound (C-47).
#[apply(on_runtime)]
async fn a_session_is_used_for_so_many_messages() {
    let offers = |most: Option<u32>| help::config().limits(|limits| limits.mails = most);
    for (own, theirs, most) in [(2, None, 2), (100, Some(3), 3), (1, Some(3), 1), (0, None, 1)] {
        let store = Store::default();
        let target = server(&store, offers(theirs)).await;
        let pool = pool(target, |config| config.max_messages = own);
        for _ in 0..6 {
            assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
        }
        let sessions = sessions(&store);
        let mut lengths = sessions.chunk_by(|one, other| one == other).map(<[_]>::len);
        assert!(lengths.all(|length| length == most), "{own} {theirs:?}: {sessions:?}");
    }
}

/// The server's RCPTDOMAINMAX counts: a message goes where there is room for it, and a session without gives
/// way where there can be no other (C-47).
#[apply(on_runtime)]
async fn a_session_is_used_for_so_many_domains() {
    for (most, expected) in [(2, "xx yy"), (1, "x y x y")] {
        let limited = "250-mx.example.org\n250 LIMITS RCPTDOMAINMAX=1";
        let (target, server) = host(Script::new().at(At::command("EHLO"), limited)).await;
        let pool = pool(target, |config| config.max_sessions = most);
        for path in ["<a@x.example>", "<a@y.example>", "<b@X.example>", "<b@y.example>"] {
            assert_eq!(send(&pool, path).await.unwrap(), [Status::Delivered], "{path}");
        }
        let domain = |line: &String| Some(line.strip_prefix("RCPT TO:")?.to_lowercase().remove(3));
        let said = |session| server.commands(session).iter().filter_map(domain).collect::<String>();
        let said: Vec<_> = (1..=server.sessions()).map(said).collect();
        assert_eq!(said.join(" "), expected);
    }
}

/// A server that hangs up, or says that it will, while nobody speaks: nothing is sent there.
/// What was told of another client is not said of whoever comes next.
#[apply(on_runtime)]
async fn a_session_that_speaks_for_somebody_else_is_not_lent_again() {
    let store = Store::default();
    let loopback = [std::net::IpAddr::from([127, 0, 0, 1])];
    let listener = listen().await;
    let target = Target::new("127.0.0.1", listener.local_addr().unwrap().port());
    let server = help::server(&store).xclient(loopback).xforward(loopback);
    spawn(server.listen_smtp(listener).serve());
    let pool = pool(target, |_| {});
    let mut forwarded = Forwarded::default();
    forwarded.set_address(Value::Known([192, 0, 2, 7].into()));
    let mut overrides = Overrides::default();
    overrides.set_address(Value::Known([127, 0, 0, 99].into()));

    let mut session = pool.get().await.unwrap();
    assert!(session.xforward(&forwarded).await.unwrap().severity().is_positive());
    drop(session);
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
    let mut session = pool.get().await.unwrap();
    assert!(session.used_before());
    let name = HelloName::parse("spike.example").unwrap();
    assert!(session.xclient(&overrides, name).await.unwrap().severity().is_positive());
    drop(session);
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
    for taken in store.taken() {
        assert!(taken.facts.forwarded().is_none() && taken.facts.overrides().is_none());
    }

    // What was told for a message is forgotten behind it.
    let mut session = pool.get().await.unwrap();
    assert!(session.xforward(&forwarded).await.unwrap().severity().is_positive());
    let recipients = to(&["<a@example.org>"]);
    assert!(session.send(&envelope(&recipients), "x\r\n").await.unwrap().all_delivered());
    drop(session);
    assert!(pool.get().await.unwrap().used_before());
    let taken = store.taken();
    assert!(taken[2].facts.forwarded().is_some());
    assert_eq!(sessions(&store).windows(2).filter(|pair| pair[0] != pair[1]).count(), 1);
    pool.close().await;
}

#[apply(on_runtime)]
async fn a_session_that_is_over_is_not_used() {
    // The 421 comes with the reply to the message before, so that it is there for sure.
    let ends = Act::octets("250 ok\r\n421 bye\r\n").then_close();
    let (target, server) = host(script().at(At::delivery().session(1), ends)).await;
    let pool = pool(target, |_| ());
    for _ in 0..3 {
        assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
    }
    let mails =
        |session| server.commands(session).iter().filter(|line| line.starts_with("MAIL")).count();
    assert_eq!([1, 2].map(mails), [1, 2]);
    assert_eq!(server.sessions(), 2);
}

/// 421 in a session that was used before: the message goes out once more in a new one, if nothing of it
/// was accepted. A session that is new is believed.
#[apply(on_runtime)]
async fn a_message_is_tried_again_when_an_old_session_ends() {
    let ends = [
        (At::command("MAIL"), Act::reply("421 bye")),
        (At::command("DATA"), Act::reply("421 bye")),
        // It hangs up without a word.
        (At::command("RCPT"), Act::close()),
    ];
    for (place, act) in ends {
        let (target, server) = host(script().at(place.session(1).nth(2), act)).await;
        let pool = pool(target, |_| ());
        for _ in 0..2 {
            assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
        }
        assert_eq!(server.sessions(), 2);
    }
    let (target, server) = host(script().at(At::command("MAIL"), "421 bye")).await;
    let pool = pool(target, |_| ());
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Deferred]);
    assert_eq!(server.sessions(), 1);
}

/// C-66: what may have been delivered is never sent again.
#[apply(on_runtime)]
async fn a_message_in_doubt_is_not_tried_again() {
    // Nothing is said to the second final dot.
    let (target, server) = host(script().at(At::delivery().nth(2), Act::close())).await;
    let pool = pool(target, |_| ());
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::InDoubt]);
    assert_eq!(server.sessions(), 1);
}

/// What cannot be had twice is sent where the server has just answered.
#[apply(on_runtime)]
async fn a_reader_is_not_wasted_on_a_dead_session() {
    let ends = Act::usual().then_close();
    let (target, server) = host(script().at(At::delivery().session(1), ends)).await;
    let pool = pool(target, |_| ());
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
    server.idle().await.unwrap();
    for _ in 0..2 {
        let (mut far, near) = duplex(64);
        far.write_all(b"Subject: x\r\n\r\n").await.unwrap();
        drop(far);
        let recipients = to(&["<a@example.org>"]);
        let report = pool.send(&envelope(&recipients), Message::reader(near)).await.unwrap();
        assert!(report.all_delivered(), "{report:?}");
    }
    assert_eq!(server.sessions(), 2);
    assert!(server.commands(2).contains(&"NOOP".to_owned()));
}

/// Whatever is dropped in the middle of something: the session is not used again, and its place is
/// free.
#[apply(on_runtime)]
async fn a_dropped_future_leaves_nothing_behind() {
    let store = Store::default();
    let target = server(&store, help::config()).await;
    let pool = pool(target, |config| config.max_sessions = 1);
    let recipients = to(&["<stuck@example.org>"]);
    let recipients_envelope = envelope(&recipients);
    let mut sending = Box::pin(pool.send(&recipients_envelope, "Subject: x\r\n\r\n"));
    while now(sending.as_mut()).await.is_none() {
        if now(Box::pin(store.begun())).await.is_some() {
            break;
        }
        yield_now().await;
    }
    drop(sending);
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
    let first = sessions(&store)[0];
    // A transaction by hand that was not finished, and a reply that nobody waited for.
    let mut session = pool.get().await.unwrap();
    assert!(session.used_before());
    let reverse_path = envelope(&recipients).reverse_path;
    let parameters = crate::rt::smtp::proto::parameter::Parameters::EMPTY;
    session.command(|machine| machine.mail(reverse_path, parameters)).await.unwrap();
    drop(session);
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
    let mut session = pool.get().await.unwrap();
    session.connection().endpoint_mut().noop().unwrap();
    drop(session);
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
    let sessions = sessions(&store);
    assert!(sessions[0] == first && sessions[1] > first && sessions[2] > sessions[1]);
}

/// A session that has been idle for too long is closed with QUIT, whoever asks or not.
#[apply(on_runtime)]
async fn idle_sessions_are_closed() {
    let store = Store::default();
    let target = server(&store, help::config()).await;
    let pool = pool(target, |config| config.max_idle = Duration::from_millis(1));
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
    while store.ends().is_empty() {
        yield_now().await;
    }
    assert_eq!(store.ends(), ["Regular"]);
    assert_eq!(send(&pool, "<a@example.org>").await.unwrap(), [Status::Delivered]);
    assert_eq!(sessions(&store).len(), 2);
}

#[apply(on_runtime)]
async fn nobody_there_is_an_error_and_frees_the_place() {
    let listener = listen().await;
    let target = Target::new("127.0.0.1", listener.local_addr().unwrap().port());
    drop(listener);
    let pool = pool(target, |config| config.max_sessions = 1);
    for _ in 0..2 {
        let error = send(&pool, "<a@example.org>").await.unwrap_err();
        assert!(matches!(error, Error::Connect(_)), "{error}");
    }
}
