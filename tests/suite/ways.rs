//! Ways out: through proxies, and from an address that was chosen.

use std::{
    io::{self, ErrorKind},
    net::TcpListener,
    thread,
    time::Duration,
};

use crate::rt::smtp::{
    Connector, Error, Facts, Proxy, ProxyError, Service, Target, Tls, proto::client::OpeningError,
};
use macro_rules_attribute::apply;

use crate::{
    rt::{accept, listen, spawn},
    suite::{
        help::{self, Store, connector, envelope, to},
        octets::Octets,
    },
};

/// What a proxy reads, so many octets or until an empty line, and what it answers.
enum Turn {
    Octets(usize, &'static [u8]),
    Header(&'static [u8]),
}

/// A proxy for one client that plays these turns and is then the server itself; what it has read.
async fn proxy(
    store: &Store,
    turns: impl IntoIterator<Item = Turn, IntoIter: Send> + Send + 'static,
    serves: bool,
) -> (u16, crate::rt::Task<Vec<u8>>) {
    let listener = listen().await;
    let port = listener.local_addr().unwrap().port();
    let server = help::server(store);
    let task = spawn(async move {
        let (mut stream, _) = accept(&listener).await.unwrap();
        let mut read = Vec::new();
        for turn in turns {
            let (end, answer) = match turn {
                Turn::Octets(count, answer) => (Some(read.len() + count), answer),
                Turn::Header(answer) => (None, answer),
            };
            while end.map_or(!read.ends_with(b"\r\n\r\n"), |end| read.len() < end) {
                let mut octet = [0];
                assert_eq!(stream.read(&mut octet).await.unwrap(), 1);
                read.push(octet[0]);
            }
            stream.write_all(answer).await.unwrap();
        }
        if serves {
            server.serve_connection(stream, Service::Smtp, Facts::default()).await;
        }
        read
    });
    (port, task)
}

async fn sends(connector: Connector, target: Target) -> Result<(), Error> {
    let mut client = connector.connect_any(&[target]).await?;
    let recipients = to(&["<a@example.org>"]);
    assert!(client.send(&envelope(&recipients), "x\r\n").await?.all_delivered());
    client.quit().await
}

#[apply(on_runtime)]
async fn through_socks() {
    let store = Store::default();
    let turns = [
        Turn::Octets(4, &[5, 2]),
        Turn::Octets(9, &[1, 0]),
        Turn::Octets(5 + 10 + 2, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ];
    let (port, read) = proxy(&store, turns, true).await;
    let way = Proxy::socks5("127.0.0.1", port).credentials("tim", "abc").unwrap();
    // Only the proxy knows this name.
    sends(connector().proxy(way), Target::new("mx.invalid", 25)).await.unwrap();
    assert_eq!(store.taken().len(), 1);
    assert_eq!(
        read.await.unwrap(),
        b"\x05\x02\x00\x02\x01\x03tim\x03abc\x05\x01\x00\x03\x0amx.invalid\x00\x19"
    );
}

#[apply(on_runtime)]
async fn through_http() {
    let store = Store::default();
    let turns = [Turn::Header(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")];
    let (port, read) = proxy(&store, turns, true).await;
    let way = connector().proxy(Proxy::http("127.0.0.1", port));
    // An address that is known is not looked up by anybody.
    let target = Target::new("mx.invalid", 25).addresses(["192.0.2.1".parse().unwrap()]);
    sends(way, target).await.unwrap();
    let read = String::from_utf8(read.await.unwrap()).unwrap();
    assert!(read.starts_with("CONNECT 192.0.2.1:25 HTTP/1.1\r\n"), "{read}");
}

/// The time is for the whole of an answer, whose end is looked for octet by octet.
#[apply(on_runtime)]
async fn a_proxy_whose_answer_trickles_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while io::Write::write_all(&mut stream, b"H").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let way = connector().connect_timeout(Duration::from_millis(100));
    let way = way.proxy(Proxy::http("127.0.0.1", port));
    let error = way.connect_any(&[Target::new("mx.invalid", 25)]).await.unwrap_err();
    let Error::Proxy(ProxyError::Io(why)) = error.decisive() else { panic!("{error}") };
    assert_eq!(why.kind(), ErrorKind::TimedOut);
    answering.join().unwrap();
}

/// Who refused is seen: the proxy, the host through the proxy, or nobody was there.
#[apply(on_runtime)]
async fn who_refused_is_in_the_error() {
    let store = Store::default();
    let fails = |way: Proxy| async {
        let target = Target::new("mx.invalid", 25);
        connector().proxy(way).connect_any(&[target]).await.unwrap_err()
    };
    let turns = [Turn::Octets(3, &[5, 0]), Turn::Octets(17, &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0])];
    let (port, _) = proxy(&store, turns, false).await;
    let error = fails(Proxy::socks5("127.0.0.1", port)).await;
    assert!(matches!(error.decisive(), Error::Proxy(ProxyError::RefusedByHost)), "{error}");
    assert!(error.is_temporary());
    assert_eq!(error.to_string(), "mx.invalid:25: proxy: the host refused its connection");

    let (port, _) = proxy(&store, [Turn::Header(b"HTTP/1.1 407 Who?\r\n\r\n")], false).await;
    let error = fails(Proxy::http("127.0.0.1", port)).await;
    assert!(matches!(error.decisive(), Error::Proxy(ProxyError::CredentialsWanted)), "{error}");
    assert!(!error.is_temporary());

    // What comes behind the proxy's answer is the server's.
    let refusal = b"HTTP/1.1 200 OK\r\n\r\n554 5.7.1 no\r\n221 bye\r\n";
    let (port, _) = proxy(&store, [Turn::Header(refusal)], false).await;
    let error = fails(Proxy::http("127.0.0.1", port)).await;
    let Error::Opening(OpeningError::Greeting(_)) = error.decisive() else { panic!("{error}") };

    let (port, _) = proxy(&store, [Turn::Octets(1, b"")], false).await;
    let error = fails(Proxy::socks5("127.0.0.1", port)).await;
    assert!(matches!(error.decisive(), Error::Proxy(ProxyError::Io(_))), "{error}");
    let error = fails(Proxy::socks5("127.0.0.1", port)).await;
    assert!(matches!(error.decisive(), Error::Proxy(ProxyError::Io(_))), "{error}");
}

#[apply(on_runtime)]
async fn from_an_address_that_was_chosen() {
    let store = Store::default();
    let listener = listen().await;
    let target = Target::new("127.0.0.1", listener.local_addr().unwrap().port());
    spawn(help::server(&store).listen_smtp(listener).serve());
    // All of 127/8 is there on Linux.
    let source = if cfg!(target_os = "linux") { "127.0.0.2" } else { "127.0.0.1" };
    sends(Connector::new(Tls::None).bind(source.parse().unwrap()), target.clone()).await.unwrap();
    let facts = &store.taken()[0].facts;
    assert_eq!(facts.peer.unwrap().ip().to_string(), source);
    assert_eq!(facts.hello.as_deref(), Some(format!("[{source}]").as_str()));

    let other_family = Connector::new(Tls::None).bind("::1".parse().unwrap());
    let error = sends(other_family, target.clone()).await.unwrap_err();
    assert!(error.to_string().contains("the other family"), "{error}");
    let not_ours = Connector::new(Tls::None).bind("192.0.2.1".parse().unwrap());
    let error = sends(not_ours, target.clone()).await.unwrap_err();
    assert!(matches!(error.decisive(), Error::Io(_)), "{error}");
    // Nobody listens there.
    let listener = listen().await;
    let nobody = Target::new("127.0.0.1", listener.local_addr().unwrap().port());
    drop(listener);
    let bound = Connector::new(Tls::None).bind("127.0.0.1".parse().unwrap());
    let error = sends(bound, nobody).await.unwrap_err();
    assert!(matches!(error.decisive(), Error::Io(_)), "{error}");
}
