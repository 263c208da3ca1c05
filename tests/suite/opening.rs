//! From the greeting to a session that can be used.

use crate::rt::smtp::{
    Connector, Error, Server, Service, Tls,
    proto::{
        auth::client::{Login as LoginMechanism, Plain},
        client::{Login, OpeningError},
        fault::Fault,
    },
    testing::{Act, At, Script, ScriptedServer},
};
use macro_rules_attribute::apply;

use crate::{
    rt::listen,
    suite::{
        help::{self, Store, connector, envelope, host, serve, to},
        octets::{Octets, duplex},
    },
};

fn plaintext_server(store: &Store) -> Server<Store> {
    Server::new(
        help::config().profile(|profile| profile.server.plaintext_auth = true),
        store.clone(),
    )
    .authentication()
}

#[apply(on_runtime)]
async fn plain_and_login_authenticate() {
    let plain = || Login::new().with(Plain::new("", "tim", "tanstaaf").unwrap());
    let login = || Login::new().with(LoginMechanism::new("tim", "tanstaaf").unwrap());
    let ways: [fn() -> Login; 2] = [plain, login];
    for way in ways {
        let store = Store::default();
        let (near, _) = serve(plaintext_server(&store), Service::Smtp, 7);
        let connector = connector().login(move || way().allow_plaintext(true));
        let mut client = connector.open(near).await.unwrap();
        let recipients = to(&["<a@example.org>"]);
        assert!(client.send(&envelope(&recipients), "x\r\n").await.unwrap().all_delivered());
        let facts = &store.taken()[0].facts;
        assert_eq!(facts.identity.as_deref(), Some("tim"));
        assert_eq!(facts.transmission_type, "ESMTPA");
    }
}

#[apply(on_runtime)]
async fn wrong_credentials_are_refused_with_the_servers_words() {
    let store = Store::default();
    let (near, _) = serve(plaintext_server(&store), Service::Smtp, 512);
    let connector = connector()
        .login(|| Login::new().with(Plain::new("", "tim", "wrong").unwrap()).allow_plaintext(true));
    let error = connector.open(near).await.unwrap_err();
    assert!(matches!(error, Error::Opening(OpeningError::AuthRefused(_))), "{error}");
    assert_eq!(error.reply().unwrap().code().value(), 535);
    assert!(!error.is_temporary());
}

/// C-20.
#[apply(on_runtime)]
async fn a_password_is_not_shown_outside_tls() {
    let store = Store::default();
    let (near, _) = serve(plaintext_server(&store), Service::Smtp, 512);
    let connector = connector().credentials("tim", "tanstaaf").unwrap();
    let error = connector.open(near).await.unwrap_err();
    assert!(matches!(error, Error::Opening(OpeningError::NoMechanism)), "{error}");
}

/// A cancelled exchange leaves nothing behind for the next one.
#[apply(on_runtime)]
async fn an_exchange_after_a_cancelled_one_begins_anew() {
    let store = Store::default();
    let (mut near, _) = serve(plaintext_server(&store), Service::Smtp, 4096);
    for line in
        ["EHLO c.example", "AUTH LOGIN", "dGlt", "*", "AUTH LOGIN dGlt", "dGFuc3RhYWY=", "QUIT"]
    {
        near.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    }
    let said = near.read_to_end().await;
    let codes: Vec<_> =
        said.lines().skip_while(|line| !line.starts_with("334")).map(|line| &line[..3]).collect();
    assert_eq!(codes, ["334", "334", "501", "334", "235", "221"], "{said}");
}

#[apply(on_runtime)]
async fn what_the_server_says_is_in_the_error() {
    let greetings = [
        (At::connect(), "554 mx.example.org no service"),
        (At::command("EHLO"), "550 5.7.1 not you"),
        (At::connect(), "421 4.3.2 too busy"),
    ];
    let expected = [
        "opening the session: the server refused the connection: 554 mx.example.org no service",
        "opening the session: the server refused the hello: 550 5.7.1 not you",
        "opening the session: the server ended the session: 421 4.3.2 too busy",
    ];
    for ((place, reply), expected) in greetings.into_iter().zip(expected) {
        let server = ScriptedServer::new(Script::new().at(place, reply));
        let (near, far) = duplex(512);
        server.serve(far);
        let error = connector().open(near).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.reply().is_some());
    }
}

#[apply(on_runtime)]
async fn a_server_that_closes_without_a_word() {
    let (near, far) = duplex(512);
    drop(far);
    let error = connector().open(near).await.unwrap_err();
    assert!(matches!(error, Error::Opening(OpeningError::Fault(Fault::Closed))), "{error}");
}

#[apply(on_runtime)]
async fn nobody_listens() {
    let listener = listen().await;
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = Connector::new(Tls::None).connect("127.0.0.1", port).await.unwrap_err();
    assert!(matches!(error.decisive(), Error::Io(_)) && error.is_temporary(), "{error}");
}

/// C-04: a server that hangs up on EHLO gets HELO on a new connection, where that is chosen.
#[apply(on_runtime)]
async fn helo_on_a_new_connection_after_a_drop() {
    for chosen in [false, true] {
        let (target, server) = host(Script::new().at(At::command("EHLO"), Act::close())).await;
        let mut config = crate::rt::smtp::proto::client::Config::default();
        config.profile.client.helo_after_drop = chosen;
        let opened = connector().config(config).connect_any(&[target]).await;
        assert_eq!(server.sessions(), 1 + u64::from(chosen));
        assert!(server.commands(1)[0].starts_with("EHLO "));
        match (chosen, opened) {
            (true, Ok(client)) => {
                assert!(server.commands(2)[0].starts_with("HELO "));
                assert!(client.capabilities().is_none());
            }
            (false, Err(error)) => {
                let closed = Error::Opening(OpeningError::Fault(Fault::Closed));
                assert_eq!(error.decisive().to_string(), closed.to_string());
            }
            (_, other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_session_can_be_opened_and_used_in_a_task_of_its_own() {
    async fn use_it(connector: &Connector, hosts: &[String]) -> Result<(), Error> {
        for host in hosts {
            connector.connect(host, 25).await?.quit().await?;
            #[cfg(unix)]
            connector.connect_unix(host).await?.quit().await?;
        }
        Ok(())
    }
    fn is_send(_: impl Send) {}
    async fn task(connector: Connector, hosts: Vec<String>) -> Result<(), Error> {
        use_it(&connector, &hosts).await
    }
    is_send(task(Connector::new(Tls::None), Vec::new()));
}
