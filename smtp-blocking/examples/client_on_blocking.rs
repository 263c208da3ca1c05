//! A client that sends a message and tells what became of it for each recipient.
//!
//!     cargo run -p smtp-blocking --example client_on_blocking -- mx.example.org:25 FROM TO... < message
//!
//! Without arguments it sends one to a server of its own, and ends.

use std::{
    env,
    error::Error,
    io::{Read, stdin},
};

use smtp_blocking::{
    Connector, Tls,
    proto::{
        client::{Envelope, Recipient, Report, Status},
        parameter::Parameters,
        path::{Mailbox, ReversePath},
    },
    testing::{At, Script, ScriptedServer},
};

fn send(
    server: &str,
    from: &str,
    to: &[String],
    message: String,
) -> Result<Report, Box<dyn Error>> {
    let (host, port) = server.rsplit_once(':').ok_or("SERVER:PORT")?;
    let recipients: Result<Vec<Recipient<'_>>, _> =
        to.iter().map(|to| Mailbox::parse(to).map(Recipient::from)).collect();
    let envelope = Envelope {
        // Nobody is told of what becomes of a delivery report.
        reverse_path: match from {
            "" => ReversePath::Null,
            from => Mailbox::parse(from)?.into(),
        },
        parameters: Parameters::EMPTY,
        recipients: &recipients?,
    };
    // Between mail servers, TLS is used where it is offered. For submission: `Tls::StartTls` or
    // `Tls::Implicit`, and `Connector::credentials`.
    let connector = Connector::new(Tls::Opportunistic);
    let mut client = connector.connect(host, port.parse()?)?;
    let report = client.send(&envelope, message)?;
    client.quit()?;
    for (to, outcome) in to.iter().zip(report.outcomes()) {
        println!("{to}: {outcome}");
    }
    Ok(report)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [server, from, to @ ..] = &arguments[..] {
        let mut message = String::new();
        stdin().read_to_string(&mut message)?;
        // Lines end with CRLF where mail is sent; anything else is refused before it leaves.
        let message = message.lines().flat_map(|line| [line, "\r\n"]).collect();
        let report = send(server, from, to, message)?;
        return if report.all_delivered() { Ok(()) } else { Err("not for everyone".into()) };
    }
    let script = Script::new().at(At::command("RCPT TO:<nobody@"), "550 5.1.1 no such mailbox");
    let server = ScriptedServer::listen(script)?;
    let to = ["ann@example.org", "nobody@example.org"].map(str::to_owned);
    let message = "Subject: hi\r\n\r\nHello, Ann!\r\n".to_owned();
    let report = send(&server.address().to_string(), "tim@example.net", &to, message)?;
    let statuses: Vec<_> = report.outcomes().iter().map(|outcome| outcome.status()).collect();
    assert_eq!(statuses, [Status::Delivered, Status::Rejected]);
    assert_eq!(server.next_message()?.to(), ["<ann@example.org>"]);
    Ok(())
}
