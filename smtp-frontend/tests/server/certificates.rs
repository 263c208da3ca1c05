//! Which certificate a client is shown.

use std::sync::Arc;

use smtp_frontend::{
    Error, Facts, Service,
    tls::{
        Certificates, CurrentCertificates, Judge, Shown, client_config_judged_by,
        client_config_unverified, rustls, server_config,
    },
};
use smtp_tokio::{Client, Connector, Tls};
use tokio::io::duplex;

use crate::help::{Office, Stuck, server};

type Chain = Vec<rustls::pki_types::CertificateDer<'static>>;

/// A certificate for these names, and its key.
fn made(names: &[&str]) -> (Chain, rustls::pki_types::PrivateKeyDer<'static>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    (vec![made.cert.der().clone()], key.into())
}

/// A certificate with a key of another kind.
fn made_ed25519(name: &str) -> (Chain, rustls::pki_types::PrivateKeyDer<'static>) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let parameters = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap().der().clone();
    (vec![certificate], rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

/// A client that can check the signatures of ECDSA only.
fn only_ecdsa() -> Arc<rustls::ClientConfig> {
    #[derive(Debug)]
    struct Any(rustls::crypto::WebPkiSupportedAlgorithms);
    impl rustls::client::danger::ServerCertVerifier for Any {
        fn verify_server_cert(
            &self,
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &[rustls::pki_types::CertificateDer<'_>],
            _: &rustls::pki_types::ServerName<'_>,
            _: &[u8],
            _: rustls::pki_types::UnixTime,
        ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
            Ok(rustls::client::danger::ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &rustls::pki_types::CertificateDer<'_>,
            signature: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.0)
        }
        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &rustls::pki_types::CertificateDer<'_>,
            signature: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.0)
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            vec![rustls::SignatureScheme::ECDSA_NISTP256_SHA256]
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let any = Any(provider.signature_verification_algorithms);
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(any))
        .with_no_client_auth();
    Arc::new(config)
}

/// What a client is shown that asks for that name; an address is no name that is asked for.
async fn shown(
    tls: &Arc<rustls::ServerConfig>,
    client: Arc<rustls::ClientConfig>,
    name: &str,
) -> Chain {
    session(tls, client, name).await.unwrap().stream().tls().unwrap().certificates
}

/// A session inside TLS.
async fn session(
    tls: &Arc<rustls::ServerConfig>,
    client: Arc<rustls::ClientConfig>,
    name: &str,
) -> Result<Client, Error> {
    let (near, far) = duplex(1 << 16);
    let server = server(&Office::new(Stuck::Nowhere)).tls(Arc::clone(tls));
    tokio::spawn(
        async move { server.serve_connection(far, Service::Smtp, Facts::default()).await },
    );
    let connector = Connector::new(Tls::StartTls).tls_config(client).server_name(name);
    connector.open(near).await
}

/// Takes these certificates and no others.
#[derive(Debug)]
struct Pinned(Chain);

impl Judge for Pinned {
    fn judge(&self, shown: &Shown<'_>) -> Result<(), rustls::Error> {
        let is_known = self.0.iter().eq(shown.chain());
        is_known.then_some(()).ok_or(rustls::Error::General("another".into()))
    }
}

#[tokio::test]
async fn who_asks_for_a_name_is_shown_its_certificate() {
    let [first, second, wild] =
        [&["mx.example.org", "smtp.example.org"][..], &["mx.example.net"], &["*.example.com"]]
            .map(made);
    let (first_chain, second_chain, wild_chain) =
        (first.0.clone(), second.0.clone(), wild.0.clone());
    let certificates = Certificates::new(first.0, first.1)
        .and_then(|it| it.and(second.0, second.1))
        .and_then(|it| it.and(wild.0, wild.1))
        .unwrap();
    let tls = CurrentCertificates::new(certificates).server_config().unwrap();
    for (name, chain) in [
        ("mx.example.org", &first_chain),
        ("smtp.example.org", &first_chain),
        ("mx.example.net", &second_chain),
        ("MX.Example.Net", &second_chain),
        ("a.example.com", &wild_chain),
        // Nobody's, and none at all.
        ("a.b.example.com", &first_chain),
        ("mx.example.edu", &first_chain),
        ("192.0.2.1", &first_chain),
    ] {
        let client = client_config_unverified().unwrap();
        assert_eq!(&shown(&tls, client, name).await, chain, "{name}");
    }
}

#[tokio::test]
async fn of_two_kinds_of_key_one_is_shown_that_the_client_can_check() {
    let (modern, ecdsa) = (made_ed25519("mx.example.org"), made(&["mx.example.org"]));
    let (modern_chain, ecdsa_chain) = (modern.0.clone(), ecdsa.0.clone());
    let certificates =
        Certificates::new(modern.0, modern.1).and_then(|it| it.and(ecdsa.0, ecdsa.1)).unwrap();
    let tls = CurrentCertificates::new(certificates).server_config().unwrap();
    for name in ["mx.example.org", "other.example"] {
        let any = client_config_unverified().unwrap();
        assert_eq!(shown(&tls, any, name).await, modern_chain);
        assert_eq!(shown(&tls, only_ecdsa(), name).await, ecdsa_chain);
    }
}

#[tokio::test]
async fn certificates_are_renewed_while_the_server_runs() {
    let (old, new) = (made(&["mx.example.org"]), made(&["mx.example.org"]));
    let (old_chain, new_chain) = (old.0.clone(), new.0.clone());
    let current = CurrentCertificates::new(Certificates::new(old.0, old.1).unwrap());
    let tls = current.server_config().unwrap();
    let client = || client_config_unverified().unwrap();
    assert_eq!(shown(&tls, client(), "mx.example.org").await, old_chain);
    current.replace(Certificates::new(new.0, new.1).unwrap());
    assert_eq!(shown(&tls, client(), "mx.example.org").await, new_chain);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let ((chain, key), (other, _)) = (made(&["mx.example.org"]), made(&["mx.example.org"]));
    assert!(Certificates::new(other, key.clone_key()).is_err());
    assert!(Certificates::new(Vec::new(), key.clone_key()).is_err());
    let garbage = rustls::pki_types::CertificateDer::from(vec![0x30, 0x03, 1, 2, 3]);
    assert!(Certificates::new(vec![garbage], key.clone_key()).is_err());
    let certificates = Certificates::new(chain, key.clone_key()).unwrap();
    assert!(certificates.and(Vec::new(), key).is_err());
}

#[tokio::test]
async fn a_judge_decides_alone() {
    let ((pinned, key), (_, other)) = (made(&["mx.example.org"]), made(&["mx.example.org"]));
    let client = || client_config_judged_by(Pinned(pinned.clone())).unwrap();
    let tls = server_config(pinned.clone(), key).unwrap();
    // The name is none of its business.
    assert_eq!(shown(&tls, client(), "mx.example.net").await, pinned);
    let (chain, another) = made(&["mx.example.org"]);
    let tls = server_config(chain, another).unwrap();
    let refused = session(&tls, client(), "mx.example.org").await.unwrap_err().to_string();
    assert!(refused.contains("another"), "{refused}");
    // Who has the certificate and not its key is none that the judge speaks for.
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = provider.key_provider.load_private_key(other.clone_key()).unwrap();
        let stolen = rustls::sign::CertifiedKey::new(pinned.clone(), key);
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(stolen)));
        let refused = session(&Arc::new(tls), client(), "mx.example.org").await.unwrap_err();
        assert!(refused.to_string().contains("BadSignature"), "{version:?}: {refused}");
    }
}
