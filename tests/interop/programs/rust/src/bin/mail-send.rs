//! Sends a message with mail-send. What and where to is in the one argument, as JSON; what came of it goes to stdout,
//! and the exit code says whether the message was taken.

use std::{error::Error, fs, process::ExitCode, sync::Arc, time::Duration};

use mail_send::{
    Credentials, SmtpClient, SmtpClientBuilder,
    smtp::message::{Address, Message, Parameters},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::Value;
use stalwart::{AUTH_CRAM_MD5, AUTH_LOGIN, AUTH_OAUTHBEARER, AUTH_PLAIN, AUTH_XOAUTH2};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

fn main() -> ExitCode {
    let given = std::env::args().nth(1).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let sent = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(send(&given)));
    match sent {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error} ({error:?})");
            ExitCode::FAILURE
        }
    }
}

async fn send(given: &str) -> Result<(), Box<dyn Error>> {
    let given: Value = serde_json::from_str(given)?;
    let port = u16::try_from(given["port"].as_u64().ok_or("no port")?)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(word(&given, "ca"))? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let builder = SmtpClientBuilder::new_with_tls_connector("127.0.0.1", port, connector)
        .helo_host(word(&given, "hello"))
        .lmtp(given["lmtp"].as_bool().unwrap_or_default())
        .timeout(Duration::from_secs(30))
        .implicit_tls(given["tls"] == "implicit");
    if given["tls"].is_null() {
        submit(builder.connect_plain().await?, &given).await
    } else {
        submit(builder.connect().await?, &given).await
    }
}

async fn submit<T: AsyncRead + AsyncWrite + Unpin>(
    mut client: SmtpClient<T>,
    given: &Value,
) -> Result<(), Box<dyn Error>> {
    let (user, password) = (word(given, "user"), word(given, "password"));
    if let Some(mechanism) = given["auth"].as_str() {
        let credentials = match mechanism {
            "XOAUTH2" => Credentials::XOauth2 { username: user, secret: password },
            // What it makes of a token by itself lacks the header of RFC 5801.
            "OAUTHBEARER" => Credentials::OAuthBearer {
                token: format!("n,a={user},\x01auth=Bearer {password}\x01\x01"),
            },
            _ => Credentials::Plain { username: user, secret: password },
        };
        // It chooses by itself among those that are offered: only one is.
        let mut capabilities = client.capabilities(&word(given, "hello"), false).await?;
        capabilities.auth_mechanisms = only(mechanism);
        client.authenticate(&credentials, &capabilities).await?;
    }
    let mut parameters = Parameters::new();
    let content = fs::read(word(given, "message"))?;
    let to = given["to"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let to = to.collect::<Vec<_>>();
    if !content.is_ascii() {
        parameters.add("BODY=8BITMIME");
    }
    if !to.iter().all(|address| address.is_ascii()) {
        parameters.add("SMTPUTF8");
    }
    let sender = word(given, "sender");
    let mut message = Message::empty().body(content);
    message.mail_from = Address::new(sender, parameters);
    message.rcpt_to =
        to.into_iter().map(|address| Address::new(address, Parameters::new())).collect();
    client.send(message).await?;
    client.quit().await?;
    Ok(())
}

fn only(mechanism: &str) -> u64 {
    match mechanism {
        "CRAM-MD5" => AUTH_CRAM_MD5,
        "LOGIN" => AUTH_LOGIN,
        "OAUTHBEARER" => AUTH_OAUTHBEARER,
        "XOAUTH2" => AUTH_XOAUTH2,
        _ => AUTH_PLAIN,
    }
}

fn word(given: &Value, name: &str) -> String {
    given[name].as_str().unwrap_or_default().to_owned()
}
