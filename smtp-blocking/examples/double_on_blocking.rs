//! How a program that sends mail is tested: by a server that does what the test wants to see dealt with.
//!
//!     cargo run -p smtp-blocking --example double_on_blocking -- '451 4.7.1 greylisted'
//!
//! The argument is what is answered to the first message; without it there is one. In a program of your own, what
//! `main` does stands in tests, and `notify` in what they test.

use std::{env, error::Error};

use smtp_blocking::{
    Connector, Tls,
    proto::{client::Envelope, extension::Extension, parameter::Parameters, path::Mailbox},
    testing::{Act, At, Script, ScriptedServer, Transit, faulty, pipe},
};

/// What is tested: sends a word, and once more if that was not successful. How often it took.
fn notify(connector: &Connector, port: u16) -> Result<usize, Box<dyn Error>> {
    for attempt in 1..=2 {
        let Ok(mut client) = connector.connect("127.0.0.1", port) else { continue };
        let envelope = Envelope {
            reverse_path: Mailbox::parse("monitor@example.org")?.into(),
            parameters: Parameters::EMPTY,
            recipients: &[Mailbox::parse("ops@example.org")?.into()],
        };
        let report = client.send(&envelope, "Subject: disk full\r\n\r\n")?;
        if report.all_delivered() {
            return Ok(attempt);
        }
    }
    Err("nobody could be told".into())
}

fn main() -> Result<(), Box<dyn Error>> {
    let reply = env::args().nth(1).unwrap_or_else(|| "451 4.3.0 not now".to_owned());
    let connector = Connector::new(Tls::None);

    // A server that is quick to refuse, breaks off or does not even greet, in the first session.
    let first = [
        (At::delivery(), Act::reply(&reply)),
        (At::content(10), Act::close()),
        (At::connect(), "421 4.3.2 busy".into()),
        (At::command("EHLO"), Act::octets("250-unfinished\r\n").then_close()),
    ];
    for (place, act) in first {
        let server = ScriptedServer::listen(Script::new().at(place.session(1), act))?;
        assert_eq!(notify(&connector, server.port())?, 2);
        let letters = server.received();
        let taken = letters.iter().filter(|letter| letter.is_accepted()).count();
        assert_eq!(taken, 1, "exactly one was accepted");
    }

    // One that offers little.
    let script = Script::new()
        .configure(|config| config.withhold(Extension::Pipelining).withhold(Extension::Chunking));
    let server = ScriptedServer::listen(script)?;
    notify(&connector, server.port())?;
    assert!(server.commands(1).contains(&"DATA".to_owned()));

    // A line so bad that it breaks in the middle of a command.
    let server = ScriptedServer::new(Script::new());
    let (near, far) = pipe(64);
    server.serve(far);
    let stream = faulty(near, Transit::new().pieces(1), Transit::new().cut_after(7));
    assert!(connector.open(stream).is_err());
    server.idle()?;

    // What was said, when a test wants to know, or has failed.
    println!("{}", server.transcript(1).unwrap_or_default());
    Ok(())
}
