//! Sends a message with lettre. What and where to is in the one argument, as JSON; what came of it goes to stdout, and
//! the exit code says whether the message was taken.

use std::{error::Error, fs, process::ExitCode, time::Duration};

use lettre::{
    Address, SmtpTransport, Transport,
    address::Envelope,
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use serde_json::Value;

fn main() -> ExitCode {
    let given = std::env::args().nth(1).unwrap_or_default();
    match send(&given) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error} ({error:?})");
            ExitCode::FAILURE
        }
    }
}

fn send(given: &str) -> Result<String, Box<dyn Error>> {
    let given: Value = serde_json::from_str(given)?;
    let word = |name: &str| given[name].as_str().unwrap_or_default().to_owned();
    let port = u16::try_from(given["port"].as_u64().ok_or("no port")?)?;
    let mut builder = SmtpTransport::builder_dangerous("127.0.0.1")
        .port(port)
        .timeout(Some(Duration::from_secs(30)))
        .hello_name(ClientId::Domain(word("hello")));
    if let Some(tls) = given["tls"].as_str() {
        let parameters = TlsParameters::builder("127.0.0.1".to_owned())
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_pem(&fs::read(word("ca"))?)?)
            .build_rustls()?;
        builder = builder.tls(match tls {
            "implicit" => Tls::Wrapper(parameters),
            _ => Tls::Required(parameters),
        });
    }
    if let Some(mechanism) = given["auth"].as_str() {
        builder = builder
            .credentials(Credentials::new(word("user"), word("password")))
            .authentication(vec![match mechanism {
                "PLAIN" => Mechanism::Plain,
                "LOGIN" => Mechanism::Login,
                _ => Mechanism::Xoauth2,
            }]);
    }
    let to = given["to"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let to = to.map(str::parse).collect::<Result<Vec<Address>, _>>()?;
    let envelope = Envelope::new(Some(word("sender").parse()?), to)?;
    let reply = builder.build().send_raw(&envelope, &fs::read(word("message"))?)?;
    Ok(format!("{reply:?}"))
}
