//! Which of several hosts a session is opened with, and what is said of the others.

use std::sync::{Arc, Mutex};

use crate::rt::smtp::{
    Connector, Error, Progress, Target, Tls,
    proto::{
        client::{Login, OpeningError},
        fault::Fault,
    },
};
use macro_rules_attribute::apply;

use crate::{
    rt::{accept, listen, spawn},
    suite::{
        help::{self, Store, connector, envelope, to},
        octets::Octets,
    },
};

/// A host that gives these replies in each session, one for each line, the first unasked; and hears.
async fn host(replies: &'static [&'static str]) -> (Target, Arc<Mutex<Vec<String>>>) {
    let listener = listen().await;
    let target = Target::new("127.0.0.1", listener.local_addr().unwrap().port());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    spawn(async move {
        loop {
            let (mut stream, _) = accept(&listener).await.unwrap();
            for reply in replies {
                stream.write_all(reply.as_bytes()).await.unwrap();
                let line = stream.read_line().await;
                if line.is_empty() {
                    break;
                }
                ears.lock().unwrap().push(line.trim_end().to_owned());
            }
        }
    });
    (target, heard)
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
    let refusals: [&'static [&'static str]; 6] = [
        &["421 4.3.2 busy\r\n"],
        &["450 4.7.1 not now\r\n", "221 bye\r\n"],
        &["554 5.7.1 never\r\n", "221 bye\r\n"],
        &["521 no mail here\r\n", "221 bye\r\n"],
        &["220 x\r\n", "550 5.7.1 not you\r\n", "221 bye\r\n"],
        &["220 x\r\n", "421 4.3.2 going down\r\n"],
    ];
    let mut targets = vec![nobody().await, Target::new("no such host", 25)];
    let mut ears = Vec::new();
    for replies in refusals {
        let (target, heard) = host(replies).await;
        targets.push(target);
        ears.push(heard);
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
    let heard: Vec<_> = ears.iter().map(|heard| heard.lock().unwrap().join(",")).collect();
    let hello = "EHLO client.example";
    let quit = format!("{hello},QUIT");
    assert_eq!(heard[1..5], ["QUIT", "QUIT", "QUIT", quit.as_str()]);
    assert_eq!([&heard[0], &heard[5]], ["", hello]);
}

/// C-02: what each said is in the error, and one that may yet change its mind gives hope.
#[apply(on_runtime)]
async fn what_each_host_said_is_in_the_error() {
    let (never, _) = host(&["554 5.7.1 never\r\n", "221 bye\r\n"]).await;
    let (not_you, _) = host(&["220 x\r\n", "550 5.7.1 not you\r\n", "221 bye\r\n"]).await;
    let (busy, _) = host(&["421 4.3.2 busy\r\n"]).await;
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
    let (never, heard) = host(&["554 5.7.1 never\r\n", "221 bye\r\n"]).await;
    for (most, tried) in [(0, 1), (1, 1), (2, 2), (9, 3)] {
        heard.lock().unwrap().clear();
        let targets = vec![never.clone(); 3];
        let error = connector().max_attempts(most).connect_any(&targets).await.unwrap_err();
        let Error::Connect(all) = error else { panic!() };
        assert_eq!(all.attempts().len(), tried);
        assert_eq!(heard.lock().unwrap().len(), tried);
    }
}

/// C-15: TLS that must be and cannot be had is looked for at the next host; nothing goes in the clear.
#[cfg(feature = "tls")]
#[apply(on_runtime)]
async fn tls_that_cannot_be_had_is_looked_for_elsewhere() {
    let replies: [&'static [&'static str]; 4] = [
        &["220 x\r\n", "250 x\r\n", "221 bye\r\n"],
        &["220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "454 4.7.0 no\r\n", "221 bye\r\n"],
        &["220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "554 5.7.3 no\r\n", "221 bye\r\n"],
        // What comes is no handshake.
        &["220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go ahead\r\n", "what?\r\n"],
    ];
    let mut targets = Vec::new();
    let mut ears = Vec::new();
    for replies in replies {
        let (target, heard) = host(replies).await;
        targets.push(target);
        ears.push(heard);
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
    for (heard, said) in ears.iter().zip([
        &["EHLO client.example", "QUIT"] as &[_],
        &["EHLO client.example", "STARTTLS", "QUIT"],
        &["EHLO client.example", "STARTTLS", "QUIT"],
    ]) {
        assert_eq!(*heard.lock().unwrap(), *said);
    }
}

/// A password that one server refused is not shown to the next; one that it could not look at is.
#[apply(on_runtime)]
async fn a_refused_password_is_not_shown_to_others() {
    let refuses =
        &["220 x\r\n", "250-x\r\n250 AUTH PLAIN\r\n", "535 5.7.8 wrong\r\n", "221 bye\r\n"];
    let broken =
        &["220 x\r\n", "250-x\r\n250 AUTH PLAIN\r\n", "454 4.7.0 later\r\n", "221 bye\r\n"];
    let (wrong, _) = host(refuses).await;
    let (later, _) = host(broken).await;
    let (other, heard) = host(refuses).await;
    let plain = || crate::rt::smtp::proto::auth::client::Plain::new("", "tim", "x").unwrap();
    let connector = connector().login(move || Login::new().with(plain()).allow_plaintext(true));
    let error = connector.connect_any(&[wrong, other.clone()]).await.unwrap_err();
    assert!(matches!(error.decisive(), Error::Opening(OpeningError::AuthRefused(_))), "{error}");
    assert!(!error.is_temporary());
    assert!(heard.lock().unwrap().is_empty());
    connector.connect_any(&[later, other]).await.unwrap_err();
    assert_eq!(heard.lock().unwrap().len(), 3);
}

/// C-74, G-19: names beyond ASCII are A-labels to a server, to DNS and to certificates.
#[cfg(feature = "idna")]
#[apply(on_runtime)]
async fn names_beyond_ascii_go_out_in_a_labels() {
    let replies =
        &["220 x\r\n", "250 x\r\n", "250 ok\r\n", "550 no\r\n", "250 ok\r\n", "221 bye\r\n"];
    let (there, heard) = host(replies).await;
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
    let heard = heard.lock().unwrap();
    assert_eq!(heard[0], "EHLO xn--bcher-kva.example");
    assert_eq!(heard[2], "RCPT TO:<a@xn--bcher-kva.example>");
}
