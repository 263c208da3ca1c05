//! The PROXY protocol in front of a session.

use std::time::{Duration, Instant};

use crate::rt::smtp::proto::proxy::Header;
use macro_rules_attribute::apply;

use crate::{
    rt::{dial, listen, spawn},
    suite::{
        help::{self, Store},
        octets::Octets,
    },
};

/// What a server that expects a header says to these octets, up to the end.
async fn said(octets: &[u8]) -> (String, Store) {
    let store = Store::default();
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    let server = help::server(&store).proxy_protocol(true).listen_smtp(listener);
    let handle = server.handle();
    let serving = spawn(server.serve());
    let mut client = dial(address).await.unwrap();
    client.write_all(octets).await.unwrap();
    // A connection that is dropped with octets unread ends in a reset.
    let _ = client.close().await;
    let said = client.read_to_end().await;
    handle.shut_down();
    serving.await.unwrap();
    (said, store)
}

fn v2(source: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let header = Header::new(source.parse().unwrap(), "198.51.100.1:25".parse().unwrap());
    header.write_v2_with_checksum(&mut octets).unwrap();
    octets
}

const SESSION: &[u8] = b"EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<b@example.org>\r\n\
    BDAT 4 LAST\r\nhi\r\nQUIT\r\n";

#[apply(on_runtime)]
async fn the_client_is_who_the_header_names() {
    let v1 = b"PROXY TCP4 127.0.0.9 198.51.100.1 4321 25\r\n".to_vec();
    for header in [v1, v2("127.0.0.9:4321")] {
        let (said, store) = said(&[&header, SESSION].concat()).await;
        assert!(said.starts_with("220 ") && said.contains("\r\n221 "), "{said}");
        let taken = store.taken();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].facts.peer, "127.0.0.9:4321".parse().ok());
        assert_eq!(taken[0].facts.local, "198.51.100.1:25".parse().ok());
    }
    // The backend turns away who is not on the loopback interface.
    let (said, _) = said(&[&v2("192.0.2.7:4321"), &b"QUIT\r\n"[..]].concat()).await;
    assert!(said.starts_with("554 "), "{said}");
}

#[apply(on_runtime)]
async fn a_client_that_the_proxy_does_not_know_has_no_address() {
    let (said, store) = said(&[b"PROXY UNKNOWN\r\n", SESSION].concat()).await;
    assert!(said.starts_with("220 "), "{said}");
    assert_eq!(store.taken()[0].facts.peer, None);
}

#[apply(on_runtime)]
async fn a_proxy_that_speaks_for_itself_is_the_client() {
    let mut header = Vec::new();
    Header::LOCAL.write_v2(&mut header).unwrap();
    let (said, store) = said(&[&header, SESSION].concat()).await;
    assert!(said.starts_with("220 "), "{said}");
    assert!(store.taken()[0].facts.peer.unwrap().ip().is_loopback());
}

#[apply(on_runtime)]
async fn without_a_header_nothing_is_said() {
    for octets in [SESSION, b"PROXY TCP4 127.0.0.9 198.51.100.1 04321 25\r\n", b""] {
        let (said, store) = said(octets).await;
        assert_eq!(said, "");
        assert!(store.ends().is_empty());
    }
}

/// Who waits for an answer does not hold a place until the time for a header is over.
#[apply(on_runtime)]
async fn the_first_wrong_octet_is_enough() {
    let store = Store::default();
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    let server = help::server(&store).proxy_protocol(true).listen_smtp(listener);
    let handle = server.handle();
    let serving = spawn(server.serve());
    for octets in [&b"\x16"[..], b"NOOP\r\n", b"PROXY UDP"] {
        let mut client = dial(address).await.unwrap();
        client.write_all(octets).await.unwrap();
        let begun = Instant::now();
        assert_eq!(client.read_to_end().await, "");
        assert!(begun.elapsed() < Duration::from_secs(3), "{octets:?}");
    }
    handle.shut_down();
    serving.await.unwrap();
}
