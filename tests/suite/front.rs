//! Trace fields in front of what is sent.

use crate::rt::smtp::{
    Facts, Message, Server, Service,
    proto::{
        client::{Chunking, Content, TransactionOptions},
        date::{Date, Timestamp},
        domain::Host,
        profile::HelloSyntax,
        server::Config,
        trace::Received,
    },
    testing::{Script, ScriptedClient, ScriptedServer, pipe},
};

use macro_rules_attribute::apply;

use crate::{
    rt::{self, spawn},
    suite::help::{self, Store, envelope, serve, text, to},
};

/// RFC 5321 section 4.4: whatever the message comes from, and also when it is sent a second time.
#[apply(on_runtime)]
async fn trace_fields_go_in_front_however_the_message_is_sent() {
    let recipients = to(&["<a@example.org>", "<b@example.org>", "<c@example.org>"]);
    let body = [&b"\r\nBcc: in the body\r\n"[..], &text(100_000)].concat();
    let content = [&b"Bcc: b@example.org\r\nSubject: x\r\n"[..], &body].concat();
    let kept = [&b"X-First: 1\r\nX-Second: 2\r\nSubject: x\r\n"[..], &body].concat();
    let with = |message: Message<'static>| {
        message.in_front("X-Second: 2\r\n").in_front("X-First: 1\r\n").without_bcc()
    };
    for chunking in [Chunking::Auto, Chunking::Never] {
        let mut options = TransactionOptions::default();
        options.chunking = chunking;
        let store = Store::default();
        let config = help::config().limits(|limits| limits.recipients = 2);
        let (near, _) = serve(Server::new(config, store.clone()), Service::Smtp, 512);
        let mut client = help::connector().open(near).await.unwrap();
        let file = rt::file("front.eml", &content, 0).await;
        for message in [Message::from(content.clone()), Message::rewindable(file)] {
            let sent = client.send_with(&envelope(&recipients), with(message), options).await;
            assert!(sent.unwrap().all_delivered());
        }
        client.quit().await.unwrap();
        let taken = store.taken();
        assert_eq!(taken.iter().map(|taken| taken.to.len()).collect::<Vec<_>>(), [2, 1, 2, 1]);
        assert!(taken.iter().all(|taken| taken.content == kept));
    }
}

/// What is said of the content counts without them: they may be what asks for SMTPUTF8.
#[apply(on_runtime)]
async fn trace_fields_count_in_what_is_said_of_the_content() {
    let recipients = to(&["<a@example.org>"]);
    let octets = "Subject: x\r\n\r\nx\r\n";
    for (field, utf8) in [("X: y\r\n", false), ("X: \u{fc}\r\n", true)] {
        let said = Content { size: Some(octets.len() as u64), ..Content::default() };
        for message in [Message::from(octets), Message::reader(octets.as_bytes()).content(said)] {
            let server = ScriptedServer::new(Script::new());
            let (near, far) = pipe(512);
            server.serve(far);
            let mut client = help::connector().open(near).await.unwrap();
            let sent = client.send(&envelope(&recipients), message.in_front(field)).await;
            assert!(sent.unwrap().all_delivered());
            let letter = server.next_message().await.unwrap();
            assert_eq!(letter.content, [field, octets].concat().as_bytes());
            let size = format!("SIZE={}", field.len() + octets.len());
            assert!(letter.parameters.contains(&size), "{}", letter.parameters);
            assert_eq!(letter.parameters.contains("SMTPUTF8"), utf8, "{}", letter.parameters);
            assert_eq!(letter.parameters.contains("8BITMIME"), utf8, "{}", letter.parameters);
        }
    }
}

/// T-03: a server for submissions lets in whatever a desktop is called.
#[apply(on_runtime)]
async fn who_a_message_came_from_can_be_said_whatever_that_is_called() {
    let any = |config: Config| config.profile(|profile| profile.syntax.hello = HelloSyntax::Any);
    for (name, from) in [
        ("client.example", "from client.example\r\n"),
        ("[192.0.2.7]", "from [192.0.2.7]\r\n"),
        ("my~pc", "from unknown (hello my~pc)\r\n"),
        ("pc_7 (old)", "from unknown (hello pc_7)\r\n"),
    ] {
        let store = Store::default();
        let server = Server::new(any(help::config()), store.clone());
        let (near, far) = pipe(512);
        spawn(async move { server.serve_connection(far, Service::Smtp, Facts::default()).await });
        let mut client = ScriptedClient::new(near);
        let begin =
            format!("S: 220\nC: EHLO {name}\nS: 250\nC: MAIL FROM:<>\nC: RCPT TO:<a@b.example>");
        client
            .play(&format!("{begin}\nC: DATA\nS: 250\nS: 250\nS: 354\nC: .\nS: 250"))
            .await
            .unwrap();
        let facts = &store.taken()[0].facts;
        let now = Date::utc(Timestamp::from_unix(0));
        let field = Received::new(Host::parse("mx.example").unwrap(), facts.transmission_type, now);
        let field = field.from(facts.hello_name().unwrap(), facts.peer.map(|peer| peer.ip()));
        assert!(field.to_string().contains(from), "{field}");
    }
    assert_eq!(Facts::default().hello_name(), None);
}
