//! Who is turned away before there is a session.

use std::time::Duration;

use smtp_frontend::{Network, Rate};
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    help::{Office, Stuck, Talker, client, server},
    runtime::{Door, Server},
};

const GREETED: &str = "220 mx.example.org";
const TOO_MANY: &str = "421 mx.example.org too many connections, try again later";
const TOO_MANY_OF_YOURS: &str = "421 mx.example.org too many connections from your address";
const TOO_FAST: &str = "421 mx.example.org too many new connections, try again later";
const TOO_FAST_FOR_YOU: &str =
    "421 mx.example.org too many new connections from your address, try again later";

/// A server whose clients come as a test has it.
struct Site {
    door: Door,
    serving: JoinHandle<()>,
    handle: smtp_frontend::Handle,
}

impl Site {
    fn new(change: impl FnOnce(Server<Office>) -> Server<Office>) -> Self {
        let door = Door::default();
        let server = change(server(&Office::new(Stuck::Nowhere)).listen_smtp(door.clone()));
        let handle = server.handle();
        Self { door, serving: tokio::spawn(server.serve()), handle }
    }

    /// A client from there, and the first that it is told.
    async fn visit(&self, address: &str) -> (Talker, String) {
        let (mut client, arrival) = client(&format!("{address}:1024"));
        self.door.arrives(Ok(arrival));
        let said = client.hear().await;
        if said.starts_with("421 ") {
            assert_eq!(client.rest().await, "", "and nothing more");
        }
        (client, said)
    }

    /// The first each of these is told, who all stay.
    async fn visits(&self, told: &[(&str, &str)]) -> Vec<Talker> {
        let mut clients = Vec::new();
        for (index, (address, expected)) in told.iter().enumerate() {
            let (client, said) = self.visit(address).await;
            assert!(said.starts_with(expected), "{index} {address} {said}");
            clients.push(client);
        }
        clients
    }

    async fn ends(self) {
        self.handle.shut_down();
        self.serving.await.unwrap();
        assert_eq!(self.handle.connections(), 0);
    }
}

async fn leaves(mut client: Talker) {
    assert!(client.ask("QUIT\r\n").await.starts_with("221 "));
    assert_eq!(client.rest().await, "");
}

#[tokio::test(start_paused = true)]
async fn so_many_sessions_and_no_more() {
    let site = Site::new(|server| server.max_connections(2));
    let (a, b) = ("192.0.2.1", "192.0.2.2");
    let mut clients = site.visits(&[(a, GREETED), (b, GREETED), (a, TOO_MANY)]).await;
    leaves(clients.remove(0)).await;
    clients.extend(site.visits(&[(b, GREETED), (a, TOO_MANY)]).await);
    assert_eq!(site.handle.connections(), 2);
    site.ends().await;
}

#[tokio::test(start_paused = true)]
async fn so_many_sessions_of_one_address_or_subnet() {
    let site = Site::new(|server| {
        let friends: Network = "192.0.2.128/25".parse().unwrap();
        server.max_connections_per_address(2).exempt([friends])
    });
    let mut clients = site
        .visits(&[
            ("192.0.2.1", GREETED),
            ("192.0.2.1", GREETED),
            ("[::ffff:192.0.2.1]", TOO_MANY_OF_YOURS),
            ("192.0.2.2", GREETED),
            ("[2001:db8:1:2::1]", GREETED),
            ("[2001:db8:1:2:3:4:5:6]", GREETED),
            ("[2001:db8:1:2:ffff::]", TOO_MANY_OF_YOURS),
            ("[2001:db8:1:3::1]", GREETED),
            ("192.0.2.200", GREETED),
            ("192.0.2.200", GREETED),
            ("192.0.2.200", GREETED),
        ])
        .await;
    leaves(clients.remove(0)).await;
    clients.extend(site.visits(&[("192.0.2.1", GREETED), ("192.0.2.1", TOO_MANY_OF_YOURS)]).await);
    site.ends().await;
}

#[tokio::test(start_paused = true)]
async fn so_many_new_sessions_in_a_time() {
    let site = Site::new(|server| {
        server
            .connection_rate(Rate::new(4, Duration::from_secs(40)))
            .connection_rate_per_address(Rate::new(2, Duration::from_secs(10)))
    });
    let (a, b, c) = ("192.0.2.1", "192.0.2.2", "192.0.2.3");
    let told = [
        (a, GREETED),
        (a, GREETED),
        (a, TOO_FAST_FOR_YOU),
        (b, GREETED),
        (c, GREETED),
        (b, TOO_FAST),
        (a, TOO_FAST_FOR_YOU),
    ];
    // Those who leave have come all the same.
    for client in site.visits(&told).await.into_iter().zip(told) {
        if client.1.1 == GREETED {
            leaves(client.0).await;
        }
    }
    sleep(Duration::from_secs(10)).await;
    site.visits(&[(a, GREETED), (a, TOO_FAST)]).await;
    sleep(Duration::from_secs(10)).await;
    site.visits(&[(b, GREETED), (b, TOO_FAST)]).await;
    site.ends().await;
}

/// Refusing must not cost more than serving: of a flood only some are told why.
#[tokio::test(start_paused = true)]
async fn of_a_flood_only_some_are_told_why() {
    let site = Site::new(|server| server.max_connections(0));
    let mut clients = Vec::new();
    for _ in 0..1000 {
        let (client, arrival) = client("192.0.2.1:1024");
        site.door.arrives(Ok(arrival));
        clients.push(client);
    }
    let mut told = 0;
    for mut client in clients {
        let said = client.rest().await;
        assert!(said.is_empty() || said.starts_with(TOO_MANY), "{said}");
        told += usize::from(!said.is_empty());
    }
    assert!((1..1000).contains(&told), "{told}");
    // And then again each of them.
    site.visits(&[("192.0.2.1", TOO_MANY)]).await;
    site.ends().await;
}
