//! TLS as DANE and MTA-STS want it at one host (C-13, RFC 7672, RFC 8461).

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use crate::rt::smtp::{
    Client, Connector, Error, Progress, Server, Target, Tls,
    proto::{
        client::OpeningError,
        relay::{HostName, TlsDecision, TlsDemand, TlsFailure, TlsRefusal, Tlsa},
    },
    tls::{client_config_unverified, failure_type, rustls, server_config},
};
use macro_rules_attribute::apply;
use sha2::{Digest, Sha256, Sha512};

use crate::{
    rt::{listen, spawn},
    suite::help::{self, Store},
};

/// A certificate for `mx.example.org`, signed by one of its own.
pub(crate) struct Chain {
    pub(crate) anchor: rustls::pki_types::CertificateDer<'static>,
    pub(crate) server: Arc<rustls::ServerConfig>,
    certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

pub(crate) fn chain() -> Chain {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "anchor");
    let anchor_key = rcgen::KeyPair::generate().unwrap();
    let anchor = parameters.self_signed(&anchor_key).unwrap();
    let issuer = rcgen::Issuer::new(parameters, anchor_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(["mx.example.org".to_owned()]).unwrap();
    let own = own.signed_by(&key, &issuer).unwrap();
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let shown = vec![own.der().clone(), anchor.der().clone()];
    Chain {
        anchor: anchor.der().clone(),
        server: server_config(shown, private.into()).unwrap(),
        certificate: own.der().to_vec(),
        key: rcgen::PublicKeyData::subject_public_key_info(&key),
    }
}

/// A record of these numbers.
pub(crate) fn record(numbers: [u8; 3], data: &[u8]) -> Tlsa {
    Tlsa::parse(&[numbers.as_slice(), data].concat()).unwrap()
}

fn decided(demand: TlsDemand, testing: bool, name: &str) -> TlsDecision {
    TlsDecision { demand, testing, server_name: HostName::parse(name).unwrap() }
}

/// A host with this chain, or without TLS.
async fn host(chain: Option<&Chain>, decision: TlsDecision) -> Target {
    let listener = listen().await;
    let port = listener.local_addr().unwrap().port();
    let mut server: Server<Store> = help::server(&Store::default());
    if let Some(chain) = chain {
        server = server.tls(Arc::clone(&chain.server));
    }
    spawn(server.listen_smtp(listener).serve());
    let target = Target::new(decision.server_name.as_str(), port);
    target.addresses([Ipv4Addr::LOCALHOST.into()]).policy(Ok(decision))
}

fn failure(error: &Error) -> TlsFailure {
    let Error::Tls(error) = error.decisive() else { panic!("{error}") };
    failure_type(error)
}

async fn open(target: Target) -> Result<Client, Error> {
    Connector::new(Tls::Opportunistic).connect_any(&[target]).await
}

/// L-27: the server's own certificate is known, by each kind of record; its name does not count.
#[apply(on_runtime)]
async fn dane_knows_the_servers_certificate() {
    let chain = chain();
    let records = [
        record([3, 0, 0], &chain.certificate),
        record([3, 0, 1], &Sha256::digest(&chain.certificate)),
        record([3, 1, 1], &Sha256::digest(&chain.key)),
        record([3, 1, 2], &Sha512::digest(&chain.key)),
    ];
    for tlsa in records {
        for name in ["mx.example.org", "elsewhere.example"] {
            let shown = tlsa.to_string();
            let other = record([3, 1, 1], &[7; 32]);
            let demand = TlsDemand::Dane(vec![other, tlsa.clone()]);
            let opened = open(host(Some(&chain), decided(demand, false, name)).await).await;
            assert!(opened.unwrap_or_else(|error| panic!("{shown}: {error}")).is_tls());
        }
    }
}

/// L-27: the anchor is known; then the name counts, that of the host or of the domain.
#[apply(on_runtime)]
async fn dane_knows_the_anchor() {
    let chain = chain();
    let anchor = record([2, 0, 1], &Sha256::digest(&chain.anchor));
    let decision = |name| decided(TlsDemand::Dane(vec![anchor.clone()]), false, name);
    open(host(Some(&chain), decision("mx.example.org")).await).await.unwrap();
    let error = open(host(Some(&chain), decision("other.example")).await).await.unwrap_err();
    assert_eq!(failure(&error), TlsFailure::CertificateHostMismatch);
    let domain = HostName::parse("mx.example.org").unwrap();
    open(host(Some(&chain), decision("other.example")).await.domain(domain)).await.unwrap();
    // A certificate of that name by somebody else.
    let opened = open(host(Some(&self::chain()), decision("mx.example.org")).await).await;
    assert_eq!(failure(&opened.unwrap_err()), TlsFailure::TlsaInvalid);
}

/// C-16: where DANE demands TLS nothing goes in the clear; the next host is tried.
#[apply(on_runtime)]
async fn what_dane_does_not_know_is_not_used() {
    let chain = chain();
    let other = || TlsDemand::Dane(vec![record([3, 1, 1], &[7; 32])]);
    let wrong = host(Some(&chain), decided(other(), false, "mx.example.org")).await;
    let clear = host(None, decided(other(), false, "mx.example.org")).await;
    let demand = TlsDemand::Dane(vec![record([3, 1, 1], &Sha256::digest(&chain.key))]);
    let right = host(Some(&chain), decided(demand, false, "mx.example.org")).await;
    let connector = Connector::new(Tls::Opportunistic);
    let error = connector.connect_any(&[wrong.clone(), clear.clone()]).await.unwrap_err();
    let Error::Connect(all) = &error else { panic!("{error}") };
    let [first, second] = all.attempts() else { panic!("{error}") };
    assert_eq!(failure(&first.error), TlsFailure::TlsaInvalid);
    assert!(matches!(second.error, Error::Opening(OpeningError::TlsNotOffered)), "{second}");
    assert!(error.is_temporary());
    assert!(connector.connect_any(&[wrong, clear, right]).await.unwrap().is_tls());
}

/// An enforced policy wants a certificate that is verified, where TLS is opportunistic otherwise.
#[apply(on_runtime)]
async fn mta_sts_wants_a_verified_certificate() {
    let chain = chain();
    let verifier = |anchor: &rustls::pki_types::CertificateDer<'static>| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(anchor.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Arc::new(roots);
        rustls::client::WebPkiServerVerifier::builder_with_provider(roots, provider)
            .build()
            .unwrap()
    };
    let (trusted, not) = (verifier(&chain.anchor), verifier(&self::chain().anchor));
    let cases = [
        (&trusted, "mx.example.org", true),
        (&trusted, "other.example", false),
        (&not, "mx.example.org", false),
    ];
    for (verifier, name, verified) in cases {
        let connector = Connector::new(Tls::Opportunistic).tls_verifier(verifier.clone());
        let target = host(Some(&chain), decided(TlsDemand::Verify, false, name)).await;
        let opened = connector.connect_any(&[target]).await;
        assert_eq!(opened.map(|client| client.is_tls()).unwrap_or(false), verified, "{name}");

        // Nor does a configuration of one's own that verifies nobody.
        let unverified = Connector::new(Tls::StartTls)
            .tls_config(client_config_unverified().unwrap())
            .verifies_server(false)
            .tls_verifier(verifier.clone());
        let target = host(Some(&chain), decided(TlsDemand::Verify, false, name)).await;
        assert_eq!(unverified.connect_any(&[target]).await.is_ok(), verified, "{name}");

        // A policy for testing is looked at, and nothing more.
        let told = Arc::new(Mutex::new(0));
        let teller = Arc::clone(&told);
        let connector = connector.observe(move |progress| {
            *teller.lock().unwrap() += usize::from(matches!(progress, Progress::Unverified(_)));
        });
        let target = host(Some(&chain), decided(TlsDemand::Opportunistic, true, name)).await;
        assert!(connector.connect_any(&[target]).await.unwrap().is_tls());
        assert_eq!(*told.lock().unwrap(), usize::from(!verified), "{name}");
    }
}

#[apply(on_runtime)]
async fn encryption_without_a_name_may_be_demanded() {
    let chain = chain();
    for own in [Tls::None, Tls::Opportunistic] {
        let decision = || decided(TlsDemand::Encrypt, false, "other.example");
        let connector = Connector::new(own);
        let target = host(Some(&chain), decision()).await;
        assert!(connector.connect_any(&[target]).await.unwrap().is_tls());
        let error = connector.connect_any(&[host(None, decision()).await]).await.unwrap_err();
        let Error::Opening(OpeningError::TlsNotOffered) = error.decisive() else {
            panic!("{error}")
        };
    }
}

/// What a host's policy demands adds to what the connector is set to.
#[apply(on_runtime)]
async fn a_policy_takes_nothing_from_the_connector() {
    let target = host(None, decided(TlsDemand::None, false, "mx.example.org")).await;
    let error = Connector::new(Tls::StartTls).connect_any(&[target]).await.unwrap_err();
    assert!(matches!(error.decisive(), Error::Opening(OpeningError::TlsNotOffered)), "{error}");
}

#[apply(on_runtime)]
async fn a_host_that_is_refused_is_left_out() {
    let good = host(None, decided(TlsDemand::None, false, "mx.example.org")).await;
    let connector = Connector::new(Tls::None);
    for (refusal, temporary) in
        [(TlsRefusal::DaneUnknown, true), (TlsRefusal::NotVouchedFor, false)]
    {
        let refused = good.clone().policy(Err(refusal));
        let error = connector.connect_any(std::slice::from_ref(&refused)).await.unwrap_err();
        assert!(matches!(error.decisive(), Error::Policy(why) if *why == refusal), "{error}");
        assert_eq!(error.is_temporary(), temporary);
        connector.connect_any(&[refused, good.clone()]).await.unwrap();
    }
}
