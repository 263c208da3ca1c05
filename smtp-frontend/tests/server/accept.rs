//! Clients that cannot be accepted.

use std::{io, time::Duration};

use tokio::time::{Instant, timeout};

use crate::{
    help::{Office, Stuck, client, server},
    runtime::{Door, no_tasks_left},
};

/// No descriptors, no memory, clients that are gone: the server goes on.
#[tokio::test(start_paused = true)]
async fn no_failure_ends_a_server() {
    let door = Door::default();
    let server = server(&Office::new(Stuck::Nowhere)).listen_smtp(door.clone());
    let handle = server.handle();
    let serving = tokio::spawn(server.serve());
    let started = Instant::now();
    let of_the_client = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::Interrupted,
    ];
    for kind in of_the_client.into_iter().cycle().take(1000) {
        door.arrives(Err(kind.into()));
    }
    let (mut first, arrival) = client("192.0.2.1:1024");
    door.arrives(Ok(arrival));
    assert!(first.hear().await.starts_with("220 "));
    assert_eq!(started.elapsed(), Duration::ZERO, "the next is not made to wait");
    // EMFILE and ENFILE of Unix, WSAEMFILE, and what no system says.
    for code in [24, 23, 10024, 4711].into_iter().cycle().take(20) {
        door.arrives(Err(io::Error::from_raw_os_error(code)));
    }
    let (mut second, arrival) = client("192.0.2.1:1025");
    door.arrives(Ok(arrival));
    assert!(second.hear().await.starts_with("220 "));
    let paused = started.elapsed();
    // 10 ms, doubled up to a second.
    assert!((13..=15).contains(&paused.as_secs()), "{paused:?}");
    // A pause is no reason to be late at the end.
    door.arrives(Err(io::Error::from_raw_os_error(24)));
    tokio::task::yield_now().await;
    handle.shut_down();
    assert!(first.hear().await.starts_with("421 "));
    timeout(Duration::from_secs(5), serving).await.unwrap().unwrap();
}

/// As a runtime on threads has it: whom there is none for is let go, and others later.
#[tokio::test(start_paused = true)]
async fn no_task_for_a_client_ends_no_server() {
    let door = Door::default();
    let server = server(&Office::new(Stuck::Nowhere)).max_connections(1).listen_smtp(door.clone());
    let handle = server.handle();
    let serving = tokio::spawn(server.serve());
    // The listener is there.
    tokio::task::yield_now().await;
    let started = Instant::now();
    no_tasks_left(3);
    for port in 1024..1027 {
        let (mut client, arrival) = client(&format!("192.0.2.1:{port}"));
        door.arrives(Ok(arrival));
        assert_eq!(client.rest().await, "");
        assert_eq!(handle.connections(), 0);
    }
    let (mut last, arrival) = client("192.0.2.1:1027");
    door.arrives(Ok(arrival));
    assert!(last.hear().await.starts_with("220 "));
    assert_eq!(started.elapsed().as_millis(), 10 + 20 + 40, "each time it waits for longer");
    // Nor for one more word to somebody who is turned away.
    no_tasks_left(1);
    let (mut refused, arrival) = client("192.0.2.1:1028");
    door.arrives(Ok(arrival));
    assert_eq!(refused.rest().await, "");
    handle.shut_down();
    serving.await.unwrap();
}

/// A server that has no listener left can still be shut down.
#[tokio::test(start_paused = true)]
async fn no_task_for_a_listener() {
    let server = server(&Office::new(Stuck::Nowhere)).listen_smtp(Door::default());
    let handle = server.handle();
    no_tasks_left(1);
    let serving = tokio::spawn(server.serve());
    tokio::task::yield_now().await;
    handle.shut_down();
    serving.await.unwrap();
}
