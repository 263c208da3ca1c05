//! A scripted server does what it says.

use macro_rules_attribute::apply;

use crate::{
    rt::smtp::{
        Connector, Error, Message, Service, Tls,
        proto::{
            auth::Known,
            client::{Chunking, Config, Envelope, OpeningError, Phase, Status, TransactionOptions},
            extension::Extension,
            parameter::ParameterList,
        },
        testing::{Act, At, Gate, Script, ScriptedClient, ScriptedServer, pipe},
    },
    suite::{
        help::{self, Store, connector, envelope, text, to},
        octets::{now, yield_now},
        testing::greeted,
        tls,
    },
};

const MAIL: &str = "Subject: x\r\n\r\n.\r\nx\r\n";

fn by(chunking: Chunking) -> TransactionOptions {
    let mut options = TransactionOptions::default();
    options.chunking = chunking;
    options
}

/// What becomes of one message to two recipients, by DATA.
async fn outcomes(server: &ScriptedServer) -> Vec<(Phase, Status)> {
    let (near, far) = pipe(4096);
    server.serve(far);
    let mut client = connector().open(near).await.unwrap();
    let recipients = to(&["<a@example.org>", "<b@example.org>"]);
    let options = by(Chunking::Never);
    let report = client.send_with(&envelope(&recipients), MAIL, options).await.unwrap();
    report.outcomes().iter().map(|outcome| (outcome.phase(), outcome.status())).collect()
}

/// Plays a rule, and says what it leads to.
async fn plays(at: At, act: impl Into<Act>) -> (Vec<(Phase, Status)>, ScriptedServer) {
    let server = ScriptedServer::new(Script::new().at(at, act));
    (outcomes(&server).await, server)
}

#[apply(on_runtime)]
async fn messages_are_kept_with_all_that_belongs_to_them() {
    let config = |config: smtp_frontend::proto::server::Config| config.offer(Extension::Dsn);
    let server = ScriptedServer::listen(Script::new().configure(config)).await.unwrap();
    for chunking in [Chunking::Auto, Chunking::Never] {
        let mut client = Connector::new(Tls::None).hello_name("client.example").unwrap();
        client = client.config(Config::default());
        let mut client = client.connect("127.0.0.1", server.port()).await.unwrap();
        let (mut never, mut whole) = (ParameterList::new(), ParameterList::new());
        never
            .push(smtp_frontend::proto::parameter::Parameter::new("NOTIFY", Some("NEVER")).unwrap())
            .unwrap();
        whole
            .push(smtp_frontend::proto::parameter::Parameter::new("ENVID", Some("42")).unwrap())
            .unwrap();
        let mut recipients = to(&["<a@example.org>", "<b@example.org>"]);
        recipients[1].parameters = never.as_parameters();
        let envelope = Envelope { parameters: whole.as_parameters(), ..envelope(&recipients) };
        let report = client.send_with(&envelope, MAIL, by(chunking)).await.unwrap();
        assert!(report.all_delivered(), "{report:?}");
        client.quit().await.unwrap();
        let letter = server.next_message().await.unwrap();
        assert_eq!(letter.reverse_path, "<sender@example.org>");
        assert!(letter.parameters.contains("ENVID=42"), "{}", letter.parameters);
        assert_eq!(letter.to(), ["<a@example.org>", "<b@example.org>"]);
        assert_eq!(letter.recipients[1].parameters, "NOTIFY=NEVER");
        assert_eq!(letter.recipients[0].reply.as_deref(), Some("250 2.0.0 taken"));
        assert_eq!(letter.content, MAIL.as_bytes());
        assert_eq!(letter.facts.hello.as_deref(), Some("client.example"));
        assert_eq!(letter.facts.transmission_type, "ESMTP");
        assert!(letter.facts.peer.unwrap().ip().is_loopback());
        assert!(letter.is_accepted());
    }
    server.idle().await.unwrap();
    assert_eq!(server.expect(2).await.unwrap().len(), 2);
    assert_eq!(server.sessions(), 2);
    let commands = server.commands(2);
    assert_eq!(commands.first().unwrap(), "EHLO client.example");
    assert_eq!(commands.last().unwrap(), "QUIT");
    server.close().await.unwrap();
}

#[apply(on_runtime)]
async fn no_more_messages_are_kept_than_there_is_room_for() {
    let server = ScriptedServer::listen(Script::new().room(2)).await.unwrap();
    let mut client = connector().connect("127.0.0.1", server.port()).await.unwrap();
    let recipients = to(&["<a@example.org>"]);
    for number in 1..=3 {
        let report = client.send(&envelope(&recipients), MAIL).await.unwrap();
        assert_eq!(report.all_delivered(), number <= 2, "{number}: {report:?}");
        if number > 2 {
            let outcome = &report.outcomes()[0];
            assert_eq!((outcome.phase(), outcome.status()), (Phase::Mail, Status::Deferred));
            assert_eq!(outcome.reply().unwrap().code().value(), 452);
        }
    }
    assert_eq!(server.expect(2).await.unwrap().len(), 2);
}

#[apply(on_runtime)]
async fn a_large_message_is_the_same_in_any_window() {
    for (window, octets) in [(1, 3000), (7, 30_000), (64 * 1024, 300_000)] {
        for chunking in [Chunking::Auto, Chunking::Never] {
            let server = ScriptedServer::new(Script::new());
            let (near, far) = pipe(window);
            server.serve(far);
            let mut client = connector().open(near).await.unwrap();
            let recipients = to(&["<a@example.org>"]);
            let content = text(octets);
            let message = Message::reader(&content[..]);
            let report = client.send_with(&envelope(&recipients), message, by(chunking)).await;
            assert!(report.unwrap().all_delivered());
            assert!(server.next_message().await.unwrap().content == content);
        }
    }
}

#[apply(on_runtime)]
async fn each_command_can_be_refused() {
    use Phase::{Data, Delivery, Mail, Rcpt};
    use Status::{Deferred, Delivered, Rejected};
    let cases = [
        (At::command("MAIL"), "550 5.1.8 no", [(Mail, Rejected); 2]),
        (At::command("rcpt to:<b@"), "452 4.5.3 no", [(Delivery, Delivered), (Rcpt, Deferred)]),
        (At::command("RCPT").nth(1), "550 no", [(Rcpt, Rejected), (Delivery, Delivered)]),
        (At::command("DATA"), "451 4.3.0 no", [(Data, Deferred); 2]),
        (At::delivery(), "554 5.6.0 no\nnot at all", [(Delivery, Rejected); 2]),
        (At::turn(7), "451 no", [(Delivery, Deferred); 2]),
    ];
    for (at, reply, expected) in cases {
        let place = format!("{at:?}");
        let (found, server) = plays(at, reply).await;
        assert_eq!(found, expected, "{place}");
        let whole = expected.iter().any(|(phase, _)| *phase == Delivery);
        let letters = server.expect(usize::from(whole)).await.unwrap();
        let accepted = letters.iter().filter(|letter| letter.is_accepted()).count();
        assert_eq!(accepted, usize::from(expected.iter().any(|(_, status)| *status == Delivered)));
    }
}

/// Also where no question is asked.
#[apply(on_runtime)]
async fn what_the_machine_answers_by_itself_can_be_another_answer() {
    let script = Script::new()
        .at(At::command("NOOP").nth(2), "451 4.3.0 no")
        .at(At::command("RSET"), Act::octets("250-first\r\n250 second\r\n"))
        .at(At::command("MAIL FROM:<>"), "503 5.5.1 not yet")
        .at(At::command("QUIT"), "221 2.0.0 gone");
    let server = ScriptedServer::new(script);
    let (near, far) = pipe(4096);
    server.serve(far);
    let mut client = ScriptedClient::new(near);
    // As a group, and the answers are told apart all the same.
    client
        .play(
            "S: 220 mx.example.org
             C: NOOP
             C: NOOP
             C: NOOP
             C: RSET
             C: MAIL FROM:<>
             C: NONSENSE
             C: QUIT
             S: 250
             S: 451 4.3.0 no
             S: 250
             S: 250 second
             S: 503 5.5.1 not yet
             S: 500
             S: 221 2.0.0 gone",
        )
        .await
        .unwrap();
    client.expect_end().await.unwrap();
}

#[apply(on_runtime)]
async fn a_session_can_end_anywhere() {
    use Status::{Deferred, InDoubt};
    let cases = [
        (At::command("MAIL"), Act::close(), Deferred),
        (At::command("MAIL"), Act::reply("421 4.3.2 bye"), Deferred),
        (At::command("DATA"), Act::close(), Deferred),
        (At::delivery(), Act::close(), InDoubt),
        (At::delivery(), Act::reply("421 4.3.2 bye"), Deferred),
        (At::delivery(), Act::octets("not a reply\r\n").then_stall(), InDoubt),
    ];
    for (at, act, status) in cases {
        let place = format!("{at:?} {act:?}");
        let (found, server) = plays(at, act).await;
        assert!(found.iter().all(|outcome| outcome.1 == status), "{place} {found:?}");
        // What has come whole is there, and was not accepted.
        let whole = usize::from(place.contains("Delivery"));
        let letters = server.expect(whole).await.unwrap();
        assert!(letters.iter().all(|letter| !letter.is_accepted()), "{place}");
    }
    // Whether the client has said all of it by then depends on who is quicker.
    let (found, server) = plays(At::command("DATA"), Act::usual().then_close()).await;
    assert!(found.iter().all(|(_, status)| matches!(status, Deferred | InDoubt)), "{found:?}");
    assert!(server.received().is_empty());
}

/// Exactly so many octets, however they come.
#[apply(on_runtime)]
async fn content_can_stop_after_any_octet() {
    for act in [Act::close(), Act::reply("421 4.3.2 enough")] {
        for octets in [0, 1, 14, 15, 16, 17, 4990] {
            for chunking in [Chunking::Never, Chunking::Auto] {
                let server =
                    ScriptedServer::new(Script::new().at(At::content(octets), act.clone()));
                let (near, far) = pipe(4096);
                server.serve(far);
                let mut client = connector().open(near).await.unwrap();
                let recipients = to(&["<a@example.org>"]);
                let message = text(5000);
                let report = client.send_with(&envelope(&recipients), message, by(chunking)).await;
                assert!(
                    !report.unwrap().all_delivered(),
                    "{octets} {chunking:?} {}",
                    server.transcript(1).unwrap()
                );
                drop(client);
                server.idle().await.unwrap();
                assert!(server.received().is_empty());
                let said = server.transcript(1).unwrap().to_string();
                // By DATA no CR is content before it is known what follows.
                let splits = chunking == Chunking::Never && [14, 16].contains(&octets);
                let count = octets + u64::from(splits);
                assert!(said.contains(&format!("[{count} octets of content]")), "{said}");
            }
        }
    }
}

/// A script waits for its test, and a client for the server.
#[apply(on_runtime)]
async fn a_script_waits_at_a_gate_and_stalls() {
    let gate = Gate::new();
    let script = Script::new()
        .at(At::content(20).session(2), Act::octets("").behind(&gate).then_stall())
        .at(At::delivery(), Act::usual().behind(&gate));
    let server = ScriptedServer::new(script);
    for session in 1..=2 {
        let (near, far) = pipe(4096);
        server.serve(far);
        let mut client = connector().open(near).await.unwrap();
        let recipients = to(&["<a@example.org>"]);
        let envelope = envelope(&recipients);
        let mut sending = Box::pin(client.send(&envelope, "Subject: x\r\n\r\nand more\r\n"));
        while now(Box::pin(gate.reached())).await.is_none() {
            assert!(now(sending.as_mut()).await.is_none());
            yield_now().await;
        }
        gate.open();
        if session == 1 {
            assert!(sending.await.unwrap().all_delivered());
            continue;
        }
        while !server.transcript(2).unwrap().to_string().contains("[stalled by the script]") {
            assert!(now(sending.as_mut()).await.is_none());
            yield_now().await;
        }
    }
    assert_eq!(server.received().len(), 1);
}

#[apply(on_runtime)]
async fn who_connects_can_be_turned_away_or_cut_off() {
    let script = Script::new()
        .at(At::connect().session(1), "554 5.3.2 no service")
        .at(At::connect().session(2), Act::close())
        .at(At::connect().session(3), "421 4.3.2 busy")
        .at(At::command("EHLO").session(4), "502 5.5.1 what?");
    let server = ScriptedServer::listen(script).await.unwrap();
    let connector = Connector::new(Tls::None);
    let mut errors = Vec::new();
    for _ in 0..3 {
        errors.push(connector.connect("127.0.0.1", server.port()).await.unwrap_err());
    }
    assert!(matches!(errors[0].decisive(), Error::Opening(OpeningError::Greeting(_))));
    assert!(!errors[0].is_temporary() && errors[1].is_temporary());
    assert_eq!(errors[2].reply().unwrap().code().value(), 421);
    // HELO is tried where EHLO is unknown.
    let client = connector.connect("127.0.0.1", server.port()).await.unwrap();
    assert!(client.capabilities().is_none());
    client.quit().await.unwrap();
    assert!(server.commands(4)[1].starts_with("HELO "));
}

#[apply(on_runtime)]
async fn extensions_are_offered_and_withheld() {
    let config = |config: smtp_frontend::proto::server::Config| {
        config.withhold(Extension::Chunking).offer(Extension::Dsn)
    };
    let other = "250-mx.example.org\n250-X-ODD\n250 SIZE 10";
    let scripts = [Script::new().configure(config), Script::new().at(At::command("EHLO"), other)];
    for (number, script) in scripts.into_iter().enumerate() {
        let server = ScriptedServer::new(script);
        let (near, far) = pipe(4096);
        server.serve(far);
        let client = connector().open(near).await.unwrap();
        let offered = client.capabilities().unwrap();
        assert!(!offered.offers(Extension::Chunking));
        assert_eq!(offered.offers(Extension::Dsn), number == 0);
        assert_eq!(offered.offers(Extension::Pipelining), number == 0);
    }
}

#[apply(on_runtime)]
async fn lmtp_has_a_reply_for_each_recipient() {
    for chunking in [Chunking::Auto, Chunking::Never] {
        let script = Script::new().lmtp().at(At::delivery().nth(2), "452 4.2.2 full");
        let server = ScriptedServer::new(script);
        let (near, far) = pipe(4096);
        server.serve(far);
        let mut client = connector().config(Config::lmtp()).open(near).await.unwrap();
        let recipients = to(&["<a@x.example>", "<b@x.example>", "<c@x.example>"]);
        let report = client.send_with(&envelope(&recipients), MAIL, by(chunking)).await.unwrap();
        let statuses: Vec<_> = report.outcomes().iter().map(|outcome| outcome.status()).collect();
        assert_eq!(statuses, [Status::Delivered, Status::Deferred, Status::Delivered]);
        let letter = server.next_message().await.unwrap();
        let accepted: Vec<_> = letter.recipients.iter().map(|to| to.is_accepted()).collect();
        assert_eq!(accepted, [true, false, true]);
        assert_eq!(letter.recipients[1].reply.as_deref(), Some("452 4.2.2 full"));
        assert_eq!(letter.facts.transmission_type, "LMTP");
    }
}

#[apply(on_runtime)]
async fn logins_and_tokens() {
    let script = Script::new()
        .login("tim", "tanstaaf")
        .token("tim", "t0ken")
        .mechanism(Known::ScramSha256)
        .mechanism(Known::CramMd5)
        .at(At::auth_response().session(8), "454 4.7.0 not now");
    let server = ScriptedServer::new(script);
    let dialogues = [
        "C: AUTH PLAIN AHRpbQB0YW5zdGFhZg==\nS: 235",
        "C: AUTH PLAIN AHRpbQB3cm9uZw==\nS: 535",
        "C: AUTH LOGIN\nS: 334\nC: dGlt\nS: 334\nC: dGFuc3RhYWY=\nS: 235",
        "C: AUTH OAUTHBEARER bixhPXRpbSwBYXV0aD1CZWFyZXIgdDBrZW4BAQ==\nS: 235",
        "C: AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgdDBrZW4BAQ==\nS: 235",
        "C: AUTH XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgdDBrZW0BAQ==\nS: 334\nC:\nS: 535",
        "C: AUTH CRAM-MD5\nS: 334\nC: *\nS: 501",
        "C: AUTH LOGIN\nS: 334\nC: dGlt\nS: 454\nC: NOOP\nS: 250",
    ];
    for dialogue in dialogues {
        greeted(&server).await.play(dialogue).await.unwrap();
    }
    // SCRAM is what a client chooses that is not inside TLS.
    for (password, good) in [("tanstaaf", true), ("wrong", false)] {
        let (near, far) = pipe(4096);
        server.serve(far);
        let connector = connector().credentials("tim", password).unwrap();
        let opened = connector.open(near).await;
        assert_eq!(opened.is_ok(), good, "{opened:?}");
        let Ok(mut client) = opened else { continue };
        let recipients = to(&["<a@example.org>"]);
        assert!(client.send(&envelope(&recipients), MAIL).await.unwrap().all_delivered());
        let facts = server.next_message().await.unwrap().facts;
        assert_eq!(facts.identity.as_deref(), Some("tim"));
        assert_eq!(facts.transmission_type, "ESMTPA");
    }
}

#[apply(on_runtime)]
async fn tls_of_both_kinds_and_handshakes_that_fail() {
    let certificates = tls::certificates();
    let starttls = || Script::new().tls(certificates.server.clone()).login("tim", "tanstaaf");
    let implicit = Script::new().implicit_tls(certificates.server.clone()).login("tim", "tanstaaf");
    for (tls, script) in [(Tls::StartTls, starttls()), (Tls::Implicit, implicit)] {
        let server = ScriptedServer::listen(script).await.unwrap();
        let connector = tls::connector(tls, &certificates);
        let mut client = connector.connect("127.0.0.1", server.port()).await.unwrap();
        let recipients = to(&["<a@example.org>"]);
        assert!(client.send(&envelope(&recipients), text(100_000)).await.unwrap().all_delivered());
        client.quit().await.unwrap();
        let facts = server.next_message().await.unwrap().facts;
        assert_eq!(facts.transmission_type, "ESMTPSA");
        assert!(facts.tls.unwrap().protocol.is_some());
        server.idle().await.unwrap();
    }
    for act in [Act::octets("454 what was that?\r\n").then_close(), Act::close()] {
        let server = ScriptedServer::new(starttls().at(At::handshake(), act));
        let (near, far) = pipe(4096);
        server.serve(far);
        let error = tls::connector(Tls::StartTls, &certificates).open(near).await.unwrap_err();
        assert!(matches!(error, Error::Tls(_)), "{error}");
    }
    let server = ScriptedServer::new(starttls().at(At::command("STARTTLS"), "454 4.7.0 not now"));
    let (near, far) = pipe(4096);
    server.serve(far);
    let error = tls::connector(Tls::StartTls, &certificates).open(near).await.unwrap_err();
    assert_eq!(error.reply().unwrap().code().value(), 454, "{error}");
    // And the other way round.
    let store = Store::default();
    let (near, _) = help::serve(tls::server(&store, &certificates), Service::Smtp, 4096);
    let mut client = ScriptedClient::new(near);
    client.play("S: 220\nC: EHLO c.example\nS: 250\nC: STARTTLS\nS: 220").await.unwrap();
    let name = "mx.example.org".try_into().unwrap();
    client.start_tls(certificates.client.clone(), name).await.unwrap();
    client
        .play("C: EHLO c.example\nS: 250\nC: MAIL FROM:<>\nS: 250\nC: QUIT\nS: 221")
        .await
        .unwrap();
}
