//! Clients that cannot be accepted.

use std::{io, time::Duration};

use tokio::time::{Instant, timeout};

use crate::{
    help::{Office, Stuck, client, server},
    runtime::Door,
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
