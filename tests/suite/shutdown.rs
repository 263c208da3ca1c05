//! The end of a server, and its limits.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::atomic::Ordering,
    task::Poll,
    time::Duration,
};

use crate::rt::smtp::{Facts, Rate, Server, Service, Tls};
use macro_rules_attribute::apply;
use smtp_frontend::testing::Gate;

use crate::{
    rt::{dial, listen, spawn},
    suite::{
        driver::Endless,
        help::{self, Store, connector, envelope, serve, text, to},
        octets::{Octets, yield_now},
    },
};

async fn listening(
    store: &Store,
    change: impl FnOnce(Server<Store>) -> Server<Store>,
) -> (std::net::SocketAddr, Server<Store>) {
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    (address, change(help::server(store).listen_smtp(listener)))
}

#[apply(on_runtime)]
async fn an_idle_session_is_told_421() {
    let store = Store::default();
    let signal = Gate::new();
    let waiting = signal.clone();
    let wait = async move { waiting.pass().await };
    let (address, server) = listening(&store, |server| server.shutdown(wait)).await;
    let serving = spawn(server.serve());
    let mut client = dial(address).await.unwrap();
    assert!(client.read_line().await.starts_with("220 "));
    signal.open();
    assert_eq!(
        client.read_line().await,
        "421 4.3.2 mx.example.org service not available, closing\r\n"
    );
    assert_eq!(client.read_line().await, "");
    serving.await.unwrap();
    assert!(dial(address).await.is_err());
    assert_eq!(store.ends(), ["Regular"]);
}

/// Its stream would break else before it reads why, and the replies before that would be lost too.
#[apply(on_runtime)]
async fn who_is_told_421_may_say_what_was_under_way() {
    let (mut near, ended) = serve(help::server(&Store::default()), Service::Smtp, 4096);
    let leave = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<leave@x.example>\r\nBDAT 100000 LAST\r\n";
    near.write_all(leave.as_bytes()).await.unwrap();
    near.write_all(&[b'x'; 100_000]).await.unwrap();
    let said = near.read_to_end().await;
    assert!(said.contains("\r\n421 4.3.2 mx.example.org service not available"), "{said}");
    drop(near);
    assert_eq!(format!("{:?}", ended.await.unwrap()), "Regular");
}

#[apply(on_runtime)]
async fn a_message_under_way_is_finished() {
    let store = Store::default();
    let (address, server) = listening(&store, |server| server).await;
    let handle = server.handle();
    let serving = spawn(server.serve());
    let mut client = connector().connect("127.0.0.1", address.port()).await.unwrap();
    let going = store.clone();
    spawn(async move {
        going.begun().await;
        handle.shut_down();
        going.go_on();
    });
    let recipients = to(&["<patient@example.org>"]);
    let report = client.send(&envelope(&recipients), text(300_000)).await.unwrap();
    assert!(report.all_delivered(), "{report:?}");
    serving.await.unwrap();
    assert_eq!(store.taken().len(), 1);
    // The server has said 421 in the meantime.
    let error = client.noop().await.unwrap_err();
    assert_eq!(error.reply().map(|reply| reply.code().value()), Some(421), "{error}");
}

#[apply(on_runtime)]
async fn a_transaction_is_finished_before_the_421() {
    let store = Store::default();
    let server = help::server(&store);
    let handle = server.handle();
    let (mut near, ended) = serve(server, Service::Smtp, 4096);
    near.write_all(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n").await.unwrap();
    while !near.read_line().await.ends_with("<CRLF>.<CRLF>\r\n") {}
    handle.shut_down();
    near.write_all(b"still writing\r\n").await.unwrap();
    assert!(!ended.is_finished());
    near.write_all(b".\r\n").await.unwrap();
    let said = near.read_to_end().await;
    assert!(said.starts_with("250 2.0.0 queued as 42\r\n421 4.3.2 "), "{said}");
    assert_eq!(store.taken().len(), 1);
}

#[apply(on_runtime)]
async fn after_the_grace_sessions_end_by_force() {
    for to_whom in ["a", "stuck"] {
        let store = Store::default();
        let quick = Duration::from_millis(10);
        let (address, server) = listening(&store, |server| server.grace(quick)).await;
        let handle = server.handle();
        let serving = spawn(server.serve());
        let mut client = dial(address).await.unwrap();
        let begin =
            format!("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<{to_whom}@x.example>\r\nBDAT 9\r\nabc");
        client.write_all(begin.as_bytes()).await.unwrap();
        if to_whom == "stuck" {
            store.begun().await;
        } else {
            while !client.read_line().await.contains("RCPT accepted") {}
        }
        handle.shut_down();
        let said = client.read_to_end().await;
        serving.await.unwrap();
        assert_eq!(handle.connections(), 0);
        let told = said.contains("421 4.3.2 ");
        assert_eq!(told, to_whom == "a");
        assert!(store.taken().is_empty());
    }
}

/// The client goes on talking after the session, so that what it was told last is not lost.
#[apply(on_runtime)]
async fn others_have_their_turn_while_a_session_parts() {
    let store = Store::default();
    let server = help::server(&store);
    let (stream, reads) = Endless::new(b"x");
    let mut serving = pin!(server.serve_connection(stream, Service::Smtp, Facts::default()));
    let mut polls = 0;
    poll_fn(|cx| {
        assert!(serving.as_mut().poll(cx).is_pending());
        reads.store(0, Ordering::Relaxed);
        polls += usize::from(!store.ends().is_empty());
        if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[apply(on_runtime)]
async fn one_too_many_is_told_421() {
    type Limit = fn(Server<Store>) -> Server<Store>;
    let limits: [Limit; 2] =
        [|server| server.max_connections(2), |server| server.max_connections_per_address(2)];
    for limit in limits {
        let store = Store::default();
        let (address, server) = listening(&store, limit).await;
        let handle = server.handle();
        let serving = spawn(server.serve());
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = dial(address).await.unwrap();
            assert!(client.read_line().await.starts_with("220 "));
            clients.push(client);
        }
        let mut refused = dial(address).await.unwrap();
        let said = refused.read_line().await;
        assert!(said.starts_with("421 mx.example.org too many connections"), "{said}");
        assert_eq!(refused.read_line().await, "");
        // A place that is given up can be taken again.
        let mut leaving = clients.remove(0);
        leaving.write_all(b"QUIT\r\n").await.unwrap();
        leaving.read_to_end().await;
        while handle.connections() == 2 {
            yield_now().await;
        }
        let mut next = dial(address).await.unwrap();
        assert!(next.read_line().await.starts_with("220 "));
        handle.shut_down();
        serving.await.unwrap();
    }
}

#[apply(on_runtime)]
async fn a_panic_ends_one_session_only() {
    let store = Store::default();
    let (address, server) = listening(&store, |server| server).await;
    let handle = server.handle();
    let serving = spawn(server.serve());
    let mut bystander = connector().connect("127.0.0.1", address.port()).await.unwrap();
    let connector = crate::rt::smtp::Connector::new(Tls::None);
    let mut client = connector.connect("127.0.0.1", address.port()).await.unwrap();
    let recipients = to(&["<panic@example.org>"]);
    let report = client.send(&envelope(&recipients), "x\r\n").await.unwrap();
    assert!(!report.all_delivered());
    assert!(!client.is_usable());
    let recipients = to(&["<a@example.org>"]);
    assert!(bystander.send(&envelope(&recipients), "x\r\n").await.unwrap().all_delivered());
    bystander.quit().await.unwrap();
    handle.shut_down();
    serving.await.unwrap();
}

/// A rate is for new sessions, and the next is refused however many have ended.
#[apply(on_runtime)]
async fn who_comes_too_often_is_told_421() {
    let store = Store::default();
    let rate = Rate::new(2, Duration::from_secs(100_000));
    let (address, server) =
        listening(&store, |server| server.connection_rate_per_address(rate)).await;
    let handle = server.handle();
    let serving = spawn(server.serve());
    for _ in 0..2 {
        let client = connector().connect("127.0.0.1", address.port()).await.unwrap();
        client.quit().await.unwrap();
    }
    let mut refused = dial(address).await.unwrap();
    let said = refused.read_line().await;
    assert!(said.starts_with("421 mx.example.org too many new connections from your"), "{said}");
    assert_eq!(refused.read_line().await, "");
    handle.shut_down();
    serving.await.unwrap();
}

/// S-86.
#[apply(on_runtime)]
async fn a_handler_that_hangs_is_dropped_and_the_session_goes_on() {
    let store = Store::default();
    let quick = Duration::from_millis(10);
    let server = help::server(&store).answer_timeout(quick);
    let (near, _) = serve(server, Service::Smtp, 4096);
    let mut client = connector().open(near).await.unwrap();
    let recipients = to(&["<stuck@example.org>"]);
    let report = client.send(&envelope(&recipients), "x\r\n").await.unwrap();
    assert_eq!(
        report.outcomes()[0].to_string(),
        "deferred after the content: 451 4.3.0 took too long here, try again later"
    );
    let recipients = to(&["<a@example.org>"]);
    let report = client.send(&envelope(&recipients), "x\r\n").await.unwrap();
    assert!(report.all_delivered(), "{report:?}");
}
