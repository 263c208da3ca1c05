//! Submission with a bearer token (RFC 7628): a server that takes OAUTHBEARER and XOAUTH2, and a client.
//!
//!     cargo run -p smtp-blocking --example oauth_on_blocking -- 127.0.0.1:2587
//!
//! Without an address the client logs in by both, once with a token that is not good, and it ends. The token
//! is the word "good", the certificate is made here: a real one comes from `smtp_blocking::tls`.

use std::{env, error::Error, net::TcpListener, sync::Arc, thread};

use smtp_blocking::{
    Backend, Body, Connector, Facts, Recipient, Sender, Server, Session, Tls,
    proto::{
        answer::{Acceptance, Rejection},
        auth::{
            Known,
            client::Credentials,
            server::{Answer, Identity, Question},
        },
        client::Envelope,
        domain::Host,
        parameter::Parameters,
        path::Mailbox,
        server::Config,
    },
    tls::{client_config_unverified, rustls, server_config},
};

struct Submission;

impl Backend for Submission {
    type Session = Self;

    /// Passwords are not taken at all.
    fn mechanisms(&self) -> Vec<Known> {
        vec![Known::OAuthBearer, Known::XOAuth2]
    }

    fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(Self)
    }
}

impl Session for Submission {
    fn answer(&mut self, question: &Question, _: &Facts) -> Answer {
        let Question::Token(token) = question else {
            return Answer::Deny;
        };
        // Here the issuer is asked, or a signature is checked: whose token is it, and may it send mail?
        if token.token().as_slice() == b"good" {
            return Answer::AcceptAs(Identity::new("alice@example.org"));
        }
        // What the client is told besides that it is not good (RFC 7628 section 3.2.2).
        Answer::DenyToken(br#"{"status":"invalid_token","scope":"mail.send"}"#.to_vec())
    }

    fn mail(&mut self, from: &Sender<'_>) -> Result<(), Rejection<'static>> {
        // Who has logged in sends in no other name.
        let identity = from.facts().identity.as_deref().unwrap_or_default();
        let own = Mailbox::parse(identity).ok();
        let ours = own.is_some() && from.reverse_path().mailbox() == own;
        if ours { Ok(()) } else { Err(Rejection::POLICY) }
    }

    fn rcpt(&mut self, _: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    fn message(&mut self, body: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>> {
        let octets = body.read_to_end(1 << 20)?.len();
        println!("{octets} octets by {}", body.facts().identity.as_deref().unwrap_or_default());
        Ok(Acceptance::default())
    }

    fn reset(&mut self) {}
}

fn certificate() -> Result<Arc<rustls::ServerConfig>, Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Ok(server_config(vec![made.cert.der().clone()], key.into())?)
}

fn send(port: u16, token: &str, by: Known) -> Result<(), Box<dyn Error>> {
    let credentials = Credentials::token("alice@example.org", token)?;
    // Left to itself, `Connector::token` takes the best that is offered. A certificate made here is
    // nothing to verify; where it is not said otherwise, the operating system's roots are.
    let mut client = Connector::new(Tls::StartTls)
        .tls_config(client_config_unverified()?)
        .verifies_server(false)
        .authenticate(credentials, move |login| login.only([by]))
        .connect("localhost", port)?;
    let envelope = Envelope {
        reverse_path: Mailbox::parse("alice@Example.ORG")?.into(),
        parameters: Parameters::EMPTY,
        recipients: &[Mailbox::parse("bob@example.net")?.into()],
    };
    let report = client.send(&envelope, "Subject: hi\r\n\r\nHello, Bob!\r\n")?;
    assert!(report.all_delivered(), "{report:?}");
    Ok(client.quit()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0"))?;
    let local = listener.local_addr()?;
    println!("listening at {local}");
    let config = Config::submission(Host::parse("mail.example.org")?);
    let server = Server::new(config, Submission).tls(certificate()?).authentication();
    let server = server.listen_smtp(listener);
    if address.is_some() {
        server.serve();
        return Ok(());
    }
    let _serving = thread::spawn(move || server.serve());
    for by in [Known::OAuthBearer, Known::XOAuth2] {
        send(local.port(), "good", by)?;
    }
    let error = send(local.port(), "stale", Known::OAuthBearer).expect_err("a stale token");
    assert!(error.to_string().contains("535"), "{error}");
    println!("{error}");
    Ok(())
}
