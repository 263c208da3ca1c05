//! STARTTLS and implicit TLS, with certificates made here.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::rt::smtp::{
    Connector, Error, Progress, Server, Service, Tls,
    proto::{
        client::{Envelope, OpeningError},
        extension::Extension,
        limits::ServerTimeouts,
        parameter::ParameterList,
        profile::Verdict,
    },
    testing::{Act, At, Script},
    tls::{client_config_unverified, rustls, server_config},
};
use macro_rules_attribute::apply;

use crate::{
    rt::{listen, spawn},
    suite::{
        help::{self, Store, envelope, host, serve, text, to},
        octets::{Octets, duplex},
    },
};

pub(crate) struct Certificates {
    pub(crate) server: Arc<rustls::ServerConfig>,
    pub(crate) client: Arc<rustls::ClientConfig>,
}

pub(crate) fn certificates() -> Certificates {
    let made = rcgen::generate_simple_self_signed(["mx.example.org".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let server = server_config(vec![certificate.clone()], key.into()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Certificates { server, client: Arc::new(client) }
}

pub(crate) fn connector(tls: Tls, certificates: &Certificates) -> Connector {
    Connector::new(tls)
        .tls_config(Arc::clone(&certificates.client))
        .server_name("mx.example.org")
        .credentials("tim", "tanstaaf")
        .unwrap()
}

pub(crate) fn server(store: &Store, certificates: &Certificates) -> Server<Store> {
    help::server(store).tls(Arc::clone(&certificates.server)).authentication()
}

#[apply(on_runtime)]
async fn starttls_and_implicit_tls_carry_credentials_and_mail() {
    let certificates = certificates();
    let content = text(200_000);
    let ways = [
        (Tls::StartTls, Service::Smtp),
        (Tls::Opportunistic, Service::Smtp),
        (Tls::Implicit, Service::Smtps),
    ];
    for (tls, service) in ways {
        for window in [61, 64 * 1024] {
            let store = Store::default();
            let (near, ended) = serve(server(&store, &certificates), service, window);
            let mut client = connector(tls, &certificates).open(near).await.unwrap();
            assert!(client.is_tls());
            assert!(client.stream().tls().unwrap().protocol.is_some());
            let recipients = to(&["<a@example.org>"]);
            let report = client.send(&envelope(&recipients), content.clone()).await.unwrap();
            assert!(report.all_delivered(), "{report:?}");
            client.quit().await.unwrap();
            ended.await.unwrap();
            let taken = store.taken().remove(0);
            assert!(taken.content == content);
            assert_eq!(taken.facts.transmission_type, "ESMTPSA");
            assert_eq!(taken.facts.identity.as_deref(), Some("tim"));
            let facts = taken.facts.tls.unwrap();
            assert_eq!(facts.server_name.as_deref(), Some("mx.example.org"));
            assert!(facts.cipher.is_some());
        }
    }
}

/// How long a server watches for early talkers is no matter of the handshake before it.
#[apply(on_runtime)]
async fn a_handshake_may_take_longer_than_the_watch_behind_it() {
    let certificates = certificates();
    let store = Store::default();
    let mut timeouts = ServerTimeouts::default();
    timeouts.greeting = Duration::from_nanos(1);
    let config = help::config()
        .profile(|profile| profile.server.early_talker = Verdict::Reject)
        .timeouts(timeouts);
    let server = Server::new(config, store.clone());
    let server = server.tls(Arc::clone(&certificates.server)).authentication();
    let (near, ended) = serve(server, Service::Smtps, 61);
    let client = connector(Tls::Implicit, &certificates).open(near).await.unwrap();
    client.quit().await.unwrap();
    ended.await.unwrap();
}

/// C-76: REQUIRETLS goes to a server that is known to be the right one.
#[apply(on_runtime)]
async fn requiretls_is_for_servers_that_are_verified() {
    let certificates = certificates();
    let mut parameters = ParameterList::new();
    parameters.require_tls();
    for verifies in [true, false] {
        let store = Store::default();
        let config = help::config().offer(Extension::RequireTls);
        let server = Server::new(config, store.clone());
        let server = server.tls(Arc::clone(&certificates.server)).authentication();
        let (near, _) = serve(server, Service::Smtp, 4096);
        let connector = connector(Tls::StartTls, &certificates).verifies_server(verifies);
        let mut client = connector.open(near).await.unwrap();
        let recipients = to(&["<a@example.org>"]);
        let parameters = parameters.as_parameters();
        let envelope = Envelope { parameters, ..envelope(&recipients) };
        let report = client.send(&envelope, text(100)).await.unwrap();
        assert_eq!(report.all_delivered(), verifies, "{report:?}");
        let enhanced = report.outcomes()[0].enhanced().unwrap().to_string();
        assert_eq!(enhanced, if verifies { "2.0.0" } else { "5.7.10" });
        assert_eq!(store.taken().len(), usize::from(verifies));
    }
}

#[apply(on_runtime)]
async fn over_tcp() {
    let certificates = certificates();
    let store = Store::default();
    let (plain, secure) = (listen().await, listen().await);
    let ports = [&plain, &secure].map(|listener| listener.local_addr().unwrap().port());
    let server = server(&store, &certificates).listen_smtp(plain).listen_smtps(secure);
    let handle = server.handle();
    let serving = spawn(server.serve());
    for (tls, port) in [(Tls::StartTls, ports[0]), (Tls::Implicit, ports[1])] {
        let mut client = connector(tls, &certificates).connect("127.0.0.1", port).await.unwrap();
        let recipients = to(&["<a@example.org>"]);
        assert!(client.send(&envelope(&recipients), text(200_000)).await.unwrap().all_delivered());
        client.quit().await.unwrap();
    }
    handle.shut_down();
    serving.await.unwrap();
    assert_eq!(store.taken().len(), 2);
    assert_eq!(store.ends(), ["Regular", "Regular"]);
}

#[apply(on_runtime)]
async fn a_certificate_nobody_vouches_for_is_refused() {
    let certificates = certificates();
    for (tls, service) in [(Tls::StartTls, Service::Smtp), (Tls::Implicit, Service::Smtps)] {
        let store = Store::default();
        let (near, ended) = serve(server(&store, &certificates), service, 4096);
        let other = self::certificates();
        let error = connector(tls, &other).open(near).await.unwrap_err();
        assert!(matches!(error, Error::Tls(_)), "{error}");
        let end = ended.await.unwrap();
        assert!(matches!(end, crate::rt::smtp::End::Tls(_)), "{end:?}");
    }
}

#[apply(on_runtime)]
async fn unverified_takes_any_certificate() {
    let certificates = certificates();
    let store = Store::default();
    let (near, _) = serve(server(&store, &certificates), Service::Smtp, 4096);
    let config = client_config_unverified().unwrap();
    let connector =
        Connector::new(Tls::StartTls).server_name("elsewhere.example").tls_config(config);
    assert!(connector.open(near).await.unwrap().is_tls());
}

#[apply(on_runtime)]
async fn without_starttls_nothing_is_sent() {
    let certificates = certificates();
    let store = Store::default();
    let (near, ended) = serve(help::server(&store), Service::Smtp, 4096);
    let error = connector(Tls::StartTls, &certificates).open(near).await.unwrap_err();
    assert!(matches!(error, Error::Opening(OpeningError::TlsNotOffered)), "{error}");
    assert!(matches!(ended.await.unwrap(), crate::rt::smtp::End::Regular));
}

/// A server whose handshake breaks is served in the clear the second time, once.
#[apply(on_runtime)]
async fn opportunistic_tls_falls_back_on_a_new_connection() {
    let script = Script::new()
        .configure(|config| config.offer(Extension::StartTls))
        .at(At::handshake(), Act::octets("454 what was that?\r\n").then_close());
    let (target, server) = host(script).await;
    let client = Connector::new(Tls::Opportunistic).connect_any(&[target]).await.unwrap();
    assert!(!client.is_tls());
    client.quit().await.unwrap();
    assert_eq!(server.sessions(), 2);
    assert_eq!(server.commands(1).last().unwrap(), "STARTTLS");
    assert_eq!(server.commands(2)[1..], ["QUIT"]);
}

/// S-67.
#[apply(on_runtime)]
async fn plaintext_behind_starttls_ends_the_session() {
    let store = Store::default();
    let (mut near, ended) = serve(server(&store, &certificates()), Service::Smtp, 4096);
    near.write_all(b"EHLO c.example\r\nSTARTTLS\r\nMAIL FROM:<>\r\n").await.unwrap();
    near.close().await.unwrap();
    let said = near.read_to_end().await;
    assert!(said.contains("\r\n554 5.5.0 "), "{said}");
    let end = ended.await.unwrap();
    assert!(format!("{end:?}").contains("PlaintextBehindStartTls"), "{end:?}");
}

#[apply(on_runtime)]
async fn an_observer_hears_of_all_that_happens() {
    let certificates = certificates();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let store = Store::default();
    let (near, _) = serve(server(&store, &certificates), Service::Smtp, 4096);
    let ears = Arc::clone(&heard);
    let connector = connector(Tls::StartTls, &certificates).observe(move |progress| {
        let heard = match progress {
            Progress::Reply { to, reply } => format!("{to:?} {}", reply.code()),
            Progress::Tls(facts) => format!("TLS {:?}", facts.protocol.unwrap()),
            other => format!("{other:?}"),
        };
        ears.lock().unwrap().push(heard);
    });
    let mut client = connector.open(near).await.unwrap();
    let recipients = to(&["<a@example.org>"]);
    client.send(&envelope(&recipients), "Subject: x\r\n\r\n").await.unwrap();
    client.noop().await.unwrap();
    client.quit().await.unwrap();
    let expected = [
        "Greeting 220",
        "Hello(Ehlo) 250",
        "StartTls 220",
        "TLS TLSv1_3",
        "Hello(Ehlo) 250",
        "Auth 235",
        "Mail 250",
        "Rcpt { index: 0 } 250",
        "Delivery { recipient: None } 250",
        "Noop 250",
        "Quit 221",
    ];
    assert_eq!(*heard.lock().unwrap(), expected);
    // What fails is told too.
    heard.lock().unwrap().clear();
    let (near, mut far) = duplex(4096);
    far.write_all(b"421 4.3.2 mx.example.org closing\r\n").await.unwrap();
    connector.open(near).await.unwrap_err();
    let heard = heard.lock().unwrap();
    assert!(heard[0].starts_with("Fault(ServiceNotAvailable("), "{heard:?}");
}
