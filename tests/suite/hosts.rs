//! Which of several hosts a session is opened with, and what is said of the others.

use std::sync::{Arc, Mutex};

use crate::rt::smtp::{
    Connector, Error, Progress, Target, Tls,
    proto::{
        client::{Login, OpeningError},
        extension::Extension,
        fault::Fault,
    },
    testing::{Act, At, Script, ScriptedServer},
};
use macro_rules_attribute::apply;

use crate::{
    rt::{listen, spawn},
    suite::help::{self, Store, connector, envelope, host, to},
};

/// A host that refuses so, there.
async fn refuses(place: At, reply: &str) -> (Target, ScriptedServer) {
    host(Script::new().at(place, reply)).await
}

async fn nobody() -> Target {
    let listener = listen().await;
    Target::new("127.0.0.1", listener.local_addr().unwrap().port())
}

async fn good(store: &Store) -> Target {
    let listener = listen().await;
    let target = Target::new("[127.0.0.1]", listener.local_addr().unwrap().port());
    spawn(help::server(store).listen_smtp(listener).serve());
    target
}

/// C-01: whoever does not want this client is left for the next, politely.
#[apply(on_runtime)]
async fn the_next_host_is_tried_until_one_wants_the_client() {
    let refusals = [
        (At::connect(), "421 4.3.2 busy"),
        (At::connect(), "450 4.7.1 not now"),
        (At::connect(), "554 5.7.1 never"),
        (At::connect(), "521 no mail here"),
        (At::command("EHLO"), "550 5.7.1 not you"),
        (At::command("EHLO"), "421 4.3.2 going down"),
    ];
    let mut targets = vec![nobody().await, Target::new("no such host", 25)];
    let mut servers = Vec::new();
    for (place, reply) in refusals {
        let (target, server) = refuses(place, reply).await;
        targets.push(target);
        servers.push(server);
    }
    let store = Store::default();
    targets.push(good(&store).await);
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let connector = connector().observe(move |progress| {
        if let Progress::Failed(attempt) = progress {
            teller.lock().unwrap().push(attempt.target.clone());
        }
    });
    let mut client = connector.connect_any(&targets).await.unwrap();
    let recipients = to(&["<a@example.org>"]);
    assert!(client.send(&envelope(&recipients), "x\r\n").await.unwrap().all_delivered());
    assert_eq!(*told.lock().unwrap(), targets[..targets.len() - 1]);
    let heard: Vec<_> = servers.iter().map(|server| server.commands(1).join(",")).collect();
    let hello = "EHLO client.example";
    let quit = format!("{hello},QUIT");
    assert_eq!(heard[1..5], ["QUIT", "QUIT", "QUIT", quit.as_str()]);
    assert_eq!([&heard[0], &heard[5]], ["", hello]);
}

/// C-02: what each said is in the error, and one that may yet change its mind gives hope.
#[apply(on_runtime)]
async fn what_each_host_said_is_in_the_error() {
    let (never, _never) = refuses(At::connect(), "554 5.7.1 never").await;
    let (not_you, _not_you) = refuses(At::command("EHLO"), "550 5.7.1 not you").await;
    let (busy, _busy) = refuses(At::connect(), "421 4.3.2 busy").await;
    let connector = connector();
    let error = connector.connect_any(&[never.clone(), not_you.clone()]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{never}: opening the session: the server refused the connection: 554 5.7.1 never; \
             {not_you}: opening the session: the server refused the hello: 550 5.7.1 not you"
        )
    );
    assert!(!error.is_temporary());
    assert_eq!(error.reply().unwrap().code().value(), 550);
    let Error::Connect(all) = &error else { panic!("{error:?}") };
    assert_eq!(all.attempts()[1].address.unwrap().port(), not_you.port());

    let error = connector.connect_any(&[busy.clone(), never.clone()]).await.unwrap_err();
    assert!(error.is_temporary());
    // Of one who said something and one who was not there, the first is worth telling.
    let error = connector.connect_any(&[never, nobody().await]).await.unwrap_err();
    assert!(error.is_temporary());
    assert!(matches!(error.decisive(), Error::Opening(OpeningError::Greeting(_))), "{error}");
    let error = connector.connect_any(&[busy]).await.unwrap_err();
    let Error::Opening(OpeningError::Fault(Fault::ServiceNotAvailable(_))) = error.decisive()
    else {
        panic!("{error}")
    };
    let error = connector.connect_any(&[]).await.unwrap_err();
    assert_eq!(error.to_string(), "no host to connect to");
    assert!(!error.is_temporary());
}

/// Where the first address of a name refuses this client, or nobody is there, the second is tried.
#[apply(on_runtime)]
async fn the_addresses_of_one_name_are_tried_in_order() {
    let store = Store::default();
    let port = good(&store).await.port();
    // Another host on the same port; systems that know one loopback address only have nobody there.
    let refusing = std::net::TcpListener::bind(("127.0.0.2", port));
    let refuses = refusing.is_ok();
    std::thread::spawn(move || {
        for mut stream in refusing.iter().flat_map(|listener| listener.incoming()).flatten() {
            // Who is refused may be gone already.
            let _ = std::io::Write::write_all(&mut stream, b"554 5.7.1 never\r\n");
        }
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let connector = connector().observe(move |progress| {
        if let Progress::Failed(attempt) = progress {
            let said = matches!(attempt.error, Error::Opening(OpeningError::Greeting(_)));
            teller.lock().unwrap().push((attempt.address.unwrap().ip().to_string(), said));
        }
    });
    let addresses = [[127, 0, 0, 2].into(), [127, 0, 0, 1].into()];
    let target = Target::new("mx.invalid", port).addresses(addresses);
    connector.connect_any(&[target]).await.unwrap().quit().await.unwrap();
    assert_eq!(*told.lock().unwrap(), [("127.0.0.2".to_owned(), refuses)]);
}

#[apply(on_runtime)]
async fn so_many_addresses_are_tried_and_no_more() {
    let (never, server) = refuses(At::connect(), "554 5.7.1 never").await;
    let mut sessions = 0;
    for (most, tried) in [(0, 1), (1, 1), (2, 2), (9, 3)] {
        let targets = vec![never.clone(); 3];
        let error = connector().max_attempts(most).connect_any(&targets).await.unwrap_err();
        let Error::Connect(all) = error else { panic!() };
        assert_eq!(all.attempts().len(), tried);
        sessions += tried as u64;
        assert_eq!(server.sessions(), sessions);
    }
}

/// C-15: TLS that must be and cannot be had is looked for at the next host; nothing goes in the clear.
#[cfg(feature = "tls")]
#[apply(on_runtime)]
async fn tls_that_cannot_be_had_is_looked_for_elsewhere() {
    let offered = || Script::new().configure(|config| config.offer(Extension::StartTls));
    let scripts = [
        Script::new(),
        offered().at(At::command("STARTTLS"), "454 4.7.0 no"),
        offered().at(At::command("STARTTLS"), "554 5.7.3 no"),
        // What comes is no handshake.
        offered().at(At::handshake(), Act::octets("what?\r\n")),
    ];
    let mut targets = Vec::new();
    let mut servers = Vec::new();
    for script in scripts {
        let (target, server) = host(script).await;
        targets.push(target);
        servers.push(server);
    }
    let connector = Connector::new(Tls::StartTls)
        .hello_name("client.example")
        .unwrap()
        .tls_config(crate::rt::smtp::tls::client_config_unverified().unwrap());
    let error = connector.connect_any(&targets).await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    let Error::Connect(all) = error else { panic!() };
    let [not_offered, later, never, broken] = all.attempts() else { panic!("{all}") };
    assert!(matches!(not_offered.error, Error::Opening(OpeningError::TlsNotOffered)));
    for refused in [later, never] {
        assert!(matches!(refused.error, Error::Opening(OpeningError::TlsRefused(_))), "{refused}");
    }
    assert!(matches!(broken.error, Error::Tls(_)), "{broken}");
    for (server, said) in servers.iter().zip([
        &["EHLO client.example", "QUIT"] as &[_],
        &["EHLO client.example", "STARTTLS", "QUIT"],
        &["EHLO client.example", "STARTTLS", "QUIT"],
    ]) {
        assert_eq!(server.commands(1), *said);
    }
}

/// A password that one server refused is not shown to the next; one that it could not look at is.
#[apply(on_runtime)]
async fn a_refused_password_is_not_shown_to_others() {
    let answers = |reply: &str| {
        let script = Script::new().login("tim", "tanstaaf");
        host(script.at(At::command("AUTH"), reply))
    };
    let (wrong, _wrong) = answers("535 5.7.8 wrong").await;
    let (later, _later) = answers("454 4.7.0 later").await;
    let (other, server) = answers("535 5.7.8 wrong").await;
    let plain = || crate::rt::smtp::proto::auth::client::Plain::new("", "tim", "x").unwrap();
    let connector = connector().login(move || Login::new().with(plain()).allow_plaintext(true));
    let error = connector.connect_any(&[wrong, other.clone()]).await.unwrap_err();
    assert!(matches!(error.decisive(), Error::Opening(OpeningError::AuthRefused(_))), "{error}");
    assert!(!error.is_temporary());
    assert_eq!(server.sessions(), 0);
    connector.connect_any(&[later, other]).await.unwrap_err();
    assert_eq!(server.commands(1).len(), 3);
}

/// C-74, G-19: names beyond ASCII are A-labels to a server, to DNS and to certificates.
#[cfg(feature = "idna")]
#[apply(on_runtime)]
async fn names_beyond_ascii_go_out_in_a_labels() {
    let (there, server) = refuses(At::command("RCPT"), "550 no").await;
    let target = Target::new("MX.B\u{dc}CHER.example", there.port());
    assert_eq!(target.host(), "mx.xn--bcher-kva.example");
    let connector = connector().hello_name("b\u{fc}cher.example").unwrap();
    assert!(connector.clone().hello_name("b\u{fc}cher example").is_err());
    let target = target.addresses([[127, 0, 0, 1].into()]);
    let mut client = connector.connect_any(&[target]).await.unwrap();
    let recipients = to(&["<a@b\u{fc}cher.example>"]);
    let report = client.send(&envelope(&recipients), &b"hi\r\n"[..]).await.unwrap();
    assert!(!report.all_delivered(), "{report:?}");
    client.quit().await.unwrap();
    let heard = server.commands(1);
    assert_eq!(heard[0], "EHLO xn--bcher-kva.example");
    assert_eq!(heard[2], "RCPT TO:<a@xn--bcher-kva.example>");
}
