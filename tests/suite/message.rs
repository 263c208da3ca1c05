//! Messages from client to server.

use std::{
    io,
    task::{Context, Poll},
};

use crate::rt::smtp::{
    Connector, End, Error, Message, Server, Service, Tls,
    proto::{
        client::{
            Cause, Chunking, Config, Content, Limit, Misuse, Phase, Retry, Status,
            TransactionOptions,
        },
        command::{Query, Text},
        extension::Extension,
        parameter::Body,
    },
    testing::{Act, At, Script, ScriptedServer},
};

use macro_rules_attribute::apply;
use smtp_frontend::testing::Pipe;

use crate::{
    rt::{self, On, listen, spawn},
    suite::{
        help::{self, Store, envelope, pair, serve, text, to},
        octets::{Octets, duplex, now},
    },
};

fn by_data() -> TransactionOptions {
    let mut options = TransactionOptions::default();
    options.chunking = Chunking::Never;
    options
}

#[apply(on_runtime)]
async fn arrives_by_data_and_by_bdat_octet_by_octet() {
    for window in [1, 2, 3, 64, 64 * 1024] {
        let (mut client, store) = pair(window).await;
        let recipients = to(&["<a@example.org>", "<b@example.org>"]);
        let content = text(3000);
        for options in [TransactionOptions::default(), by_data()] {
            let report =
                client.send_with(&envelope(&recipients), content.clone(), options).await.unwrap();
            assert!(report.all_delivered(), "{report:?}");
            let reply = report.outcomes()[0].reply().unwrap().to_string();
            assert_eq!(reply, "250 2.0.0 queued as 42");
        }
        client.quit().await.unwrap();
        let taken = store.taken();
        assert_eq!(taken.len(), 2);
        for taken in taken {
            assert_eq!(taken.content, content);
            assert_eq!(taken.from, "<sender@example.org>");
            assert_eq!(taken.to, ["<a@example.org>", "<b@example.org>"]);
            assert_eq!(taken.facts.hello.as_deref(), Some("client.example"));
            assert_eq!(taken.facts.transmission_type, "ESMTP");
        }
    }
}

#[apply(on_runtime)]
async fn ten_mebibytes_are_streamed_and_arrive_as_they_were() {
    let content = text(10 << 20);
    for options in [TransactionOptions::default(), by_data()] {
        let (mut client, store) = pair(64 * 1024).await;
        let recipients = to(&["<a@example.org>"]);
        let message = Message::reader(&content[..]);
        let report = client.send_with(&envelope(&recipients), message, options).await.unwrap();
        assert!(report.all_delivered(), "{report:?}");
        assert!(store.taken()[0].content == content);
    }
}

#[apply(on_runtime)]
async fn a_refused_recipient_does_not_stop_the_others() {
    let (mut client, store) = pair(4096).await;
    let recipients = to(&["<a@example.org>", "<nobody@example.org>", "<c@example.org>"]);
    let report = client.send(&envelope(&recipients), "Subject: x\r\n\r\nx\r\n").await.unwrap();
    let statuses: Vec<_> = report.outcomes().iter().map(|outcome| outcome.status()).collect();
    assert_eq!(statuses, [Status::Delivered, Status::Rejected, Status::Delivered]);
    assert_eq!(report.outcomes()[1].phase(), Phase::Rcpt);
    assert_eq!(store.taken()[0].to.len(), 2);
    assert_eq!(store.resets(), 1);
}

/// C-57: one turn, as this server says nothing before it has heard all of it.
#[apply(on_runtime)]
async fn a_small_message_goes_in_one_flight_with_its_envelope() {
    let (near, mut far) = duplex(4096);
    let server = spawn(async move {
        far.write_all(b"220 mx.example\r\n").await.unwrap();
        far.read_line().await;
        far.write_all(b"250-mx.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n").await.unwrap();
        let mut said = String::new();
        for _ in 0..6 {
            said += &far.read_line().await;
        }
        far.write_all(b"250 ok\r\n550 no\r\n250 ok\r\n250 taken\r\n").await.unwrap();
        said
    });
    let mut client = help::connector().open(near).await.unwrap();
    let recipients = to(&["<a@example.org>", "<b@example.org>"]);
    let report = client.send(&envelope(&recipients), "Subject: x\r\n\r\n").await.unwrap();
    let statuses: Vec<_> = report.outcomes().iter().map(|outcome| outcome.status()).collect();
    assert_eq!(statuses, [Status::Rejected, Status::Delivered]);
    assert_eq!(
        server.await.unwrap(),
        "MAIL FROM:<sender@example.org>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n\
         BDAT 14 LAST\r\nSubject: x\r\n\r\n"
    );
}

/// C-64: a server that answers one message twice has not taken the next one. Its answer is there before an
/// octet of that is sent.
#[apply(on_runtime)]
async fn an_answer_too_many_is_none_to_the_next_message() {
    let (near, mut far) = duplex(4096);
    let server = spawn(async move {
        far.write_all(b"220 mx.example\r\n").await.unwrap();
        far.read_line().await;
        far.write_all(b"250-mx.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n").await.unwrap();
        for _ in 0..5 {
            far.read_line().await;
        }
        far.write_all(b"250 ok\r\n250 ok\r\n250 taken\r\n250 again\r\n").await.unwrap();
        far.read_line().await
    });
    let mut client = help::connector().open(near).await.unwrap();
    let recipients = to(&["<a@example.org>"]);
    let envelope = envelope(&recipients);
    assert!(client.send(&envelope, "Subject: x\r\n\r\n").await.unwrap().all_delivered());
    let report = client.send(&envelope, "Subject: y\r\n\r\n").await.unwrap();
    let [outcome] = report.outcomes() else { panic!("{report:?}") };
    assert_eq!(outcome.status(), Status::Deferred);
    assert!(outcome.to_string().contains("unexpected reply: 250 again"), "{outcome}");
    assert!(!client.is_usable());
    drop(client);
    assert_eq!(server.await.unwrap(), "");
}

/// C-50: what a server does not take at a time follows at once, where the content is at hand again.
#[apply(on_runtime)]
async fn more_recipients_than_the_server_takes_at_a_time() {
    let recipients = to(&["<a@example.org>", "<b@example.org>", "<c@example.org>"]);
    for options in [TransactionOptions::default(), by_data()] {
        let store = Store::default();
        let config = help::config().limits(|limits| limits.recipients = 2);
        let server = Server::new(config, store.clone());
        let (near, _) = serve(server, Service::Smtp, 512);
        let mut client = help::connector().open(near).await.unwrap();
        let content = text(200_000);
        let file = rt::file("rewound.eml", &[b"skipped", &content[..]].concat(), 7).await;
        let messages = [
            Message::from(content.clone()),
            Message::rewindable(file),
            Message::reader(&content[..]),
        ];
        for (number, message) in messages.into_iter().enumerate() {
            let report = client.send_with(&envelope(&recipients), message, options).await.unwrap();
            let again = number < 2;
            assert_eq!(report.all_delivered(), again, "{report:?}");
            if !again {
                let last = &report.outcomes()[2];
                assert_eq!(last.cause(), &Cause::Limit(Limit::RcptMax));
                assert_eq!(last.retry(), Retry::AtOnce);
            }
        }
        client.quit().await.unwrap();
        let taken = store.taken();
        assert_eq!(taken.iter().map(|taken| taken.to.len()).collect::<Vec<_>>(), [2, 1, 2, 1, 2]);
        assert!(taken.iter().all(|taken| taken.content == content));
    }
}

/// RFC 5322 section 3.6.3: also when the message is sent a second time, and when each chunk waits for the one
/// before.
#[apply(on_runtime)]
async fn blind_copies_are_left_out_however_the_message_is_sent() {
    let recipients = to(&["<a@example.org>", "<b@example.org>", "<c@example.org>"]);
    let header = b"To: a@example.org\r\nBcc: b@example.org,\r\n\tx@example.net\r\nSubject: x\r\n";
    let body = [&b"\r\nBcc: in the body\r\n"[..], &text(100_000)].concat();
    let content = [&header[..], b"Resent-BCC: c@example.org\r\n", &body].concat();
    let kept = [&b"To: a@example.org\r\nSubject: x\r\n"[..], &body].concat();
    for options in [TransactionOptions::default(), by_data()] {
        for pipelining in [true, false] {
            let store = Store::default();
            let mut config = help::config().limits(|limits| limits.recipients = 2);
            if !pipelining {
                config = config.withhold(Extension::Pipelining);
            }
            let (near, _) = serve(Server::new(config, store.clone()), Service::Smtp, 512);
            let mut client = help::connector().open(near).await.unwrap();
            let file = rt::file("bcc.eml", &[b"skipped", &content[..]].concat(), 7).await;
            for message in [Message::from(content.clone()), Message::rewindable(file)] {
                let message = message.without_bcc();
                let sent = client.send_with(&envelope(&recipients), message, options).await;
                assert!(sent.unwrap().all_delivered());
            }
            let message = Message::reader(&content[..]).without_bcc();
            let sent = client.send_with(&envelope(&recipients[..2]), message, options).await;
            assert!(sent.unwrap().all_delivered());
            client.quit().await.unwrap();
            let taken = store.taken();
            assert_eq!(
                taken.iter().map(|taken| taken.to.len()).collect::<Vec<_>>(),
                [2, 1, 2, 1, 2]
            );
            assert!(taken.iter().all(|taken| taken.content == kept));
        }
    }
}

#[apply(on_runtime)]
async fn nobody_is_left_and_the_session_goes_on() {
    let (mut client, store) = pair(4096).await;
    let none = to(&["<nobody@example.org>"]);
    let report = client.send_with(&envelope(&none), "x\r\n", by_data()).await.unwrap();
    assert_eq!(report.outcomes()[0].status(), Status::Rejected);
    let some = to(&["<a@example.org>"]);
    assert!(client.send(&envelope(&some), "x\r\n").await.unwrap().all_delivered());
    assert_eq!(store.taken().len(), 1);
}

#[apply(on_runtime)]
async fn a_handler_may_refuse_or_accept_without_reading() {
    for options in [TransactionOptions::default(), by_data()] {
        let (mut client, store) = pair(512).await;
        let refused = to(&["<refuse@example.org>"]);
        let report = client.send_with(&envelope(&refused), text(200_000), options).await.unwrap();
        assert_eq!(report.outcomes()[0].status(), Status::Rejected);
        assert_eq!(report.outcomes()[0].enhanced().unwrap().to_string(), "5.7.1");
        let hasty = to(&["<hasty@example.org>"]);
        let report = client.send_with(&envelope(&hasty), text(200_000), options).await.unwrap();
        assert!(report.all_delivered(), "{report:?}");
        let kept = to(&["<a@example.org>"]);
        let report = client.send_with(&envelope(&kept), text(500), options).await.unwrap();
        assert!(report.all_delivered(), "{report:?}");
        assert_eq!(store.taken().len(), 1);
    }
}

#[apply(on_runtime)]
async fn lmtp_has_an_answer_for_each_recipient() {
    let store = Store::default();
    let (near, _) = serve(help::server(&store), Service::Lmtp, 512);
    let mut client = help::connector().config(Config::lmtp()).open(near).await.unwrap();
    let recipients =
        to(&["<a@x.example>", "<nobody@x.example>", "<full@x.example>", "<d@x.example>"]);
    for options in [TransactionOptions::default(), by_data()] {
        let report = client.send_with(&envelope(&recipients), text(9000), options).await.unwrap();
        let statuses: Vec<_> = report.outcomes().iter().map(|outcome| outcome.status()).collect();
        use Status::{Deferred, Delivered, Rejected};
        assert_eq!(statuses, [Delivered, Rejected, Deferred, Delivered], "{report:?}");
        assert_eq!(report.outcomes()[2].phase(), Phase::Delivery);
    }
    assert_eq!(store.taken()[0].facts.transmission_type, "LMTP");
    client.quit().await.unwrap();
}

/// Who is not spoken of was not delivered to, and is to be tried again.
#[apply(on_runtime)]
async fn lmtp_has_an_answer_for_who_was_forgotten() {
    let (near, _) = serve(help::server(&Store::default()), Service::Lmtp, 512);
    let mut client = help::connector().config(Config::lmtp()).open(near).await.unwrap();
    let recipients = to(&["<a@x.example>", "<forgotten@x.example>", "<c@x.example>"]);
    let report = client.send(&envelope(&recipients), text(9)).await.unwrap();
    let replies = report.outcomes().iter().map(|outcome| outcome.reply().unwrap().code().value());
    assert_eq!(replies.collect::<Vec<_>>(), [250, 451, 451]);
    client.quit().await.unwrap();
}

#[apply(on_runtime)]
async fn lmtp_refused_before_the_end_is_answered_for_each_recipient() {
    let store = Store::default();
    let (near, _) = serve(help::server(&store), Service::Lmtp, 512);
    let mut client = help::connector().config(Config::lmtp()).open(near).await.unwrap();
    let recipients = to(&["<refuse@x.example>", "<b@x.example>"]);
    for options in [TransactionOptions::default(), by_data()] {
        let report = client.send_with(&envelope(&recipients), text(9000), options).await.unwrap();
        assert!(report.outcomes().iter().all(|outcome| outcome.status() == Status::Rejected));
    }
    client.quit().await.unwrap();
}

#[apply(on_runtime)]
async fn what_is_known_of_the_octets_is_told_with_mail() {
    let store = Store::default();
    let (near, far) = duplex(64);
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = lines.clone();
    let server = help::server(&store);
    spawn(async move {
        server.serve_connection(far, Service::Smtp, Default::default()).await;
    });
    let connector =
        help::connector().trace(move |entry| kept.lock().unwrap().push(entry.to_string()));
    let mut client = connector.open(near).await.unwrap();
    let recipients = to(&["<a@example.org>"]);
    client.send(&envelope(&recipients), "Subject: x\r\n\r\nG\u{fc}nter\r\n").await.unwrap();
    let said = lines.lock().unwrap().join("\n");
    assert!(said.contains("C: MAIL FROM:<sender@example.org> SIZE=23 BODY=8BITMIME\n"), "{said}");
    assert!(said.contains("S: 250 2.0.0 queued as 42"), "{said}");
}

#[apply(on_runtime)]
async fn eight_bit_content_needs_a_server_that_takes_it() {
    let store = Store::default();
    let config = help::config().withhold(Extension::EightBitMime);
    let server = crate::rt::smtp::Server::new(config, store.clone());
    let (near, _) = serve(server, Service::Smtp, 512);
    let mut client = help::connector().open(near).await.unwrap();
    let recipients = to(&["<a@example.org>"]);
    let report = client.send(&envelope(&recipients), "Subject: x\r\n\r\n\u{fc}\r\n").await.unwrap();
    assert_eq!(report.outcomes()[0].phase(), Phase::Preparation);
    assert_eq!(report.outcomes()[0].enhanced().unwrap().to_string(), "5.6.3");
    // It is not believed to be none.
    let content = Content { body: Body::SevenBit, ..Content::default() };
    let message = Message::from("Subject: x\r\n\r\n\u{fc}\r\n").content(content);
    let report = client.send(&envelope(&recipients), message).await.unwrap();
    assert_eq!(report.outcomes()[0].phase(), Phase::Preparation);
    assert!(client.send(&envelope(&recipients), "x\r\n").await.unwrap().all_delivered());
    // What shows only while it is read is not sent on, and nothing of it counts.
    let message = Message::reader("Subject: x\r\n\r\n\u{fc}\r\n".as_bytes());
    let report = client.send(&envelope(&recipients), message).await.unwrap();
    assert_eq!(report.outcomes()[0].phase(), Phase::Content);
    assert!(!client.is_usable());
    assert_eq!(store.taken().len(), 1);
}

/// C-10, F-10.
#[apply(on_runtime)]
async fn bare_newlines_are_refused_before_mail() {
    let (mut client, store) = pair(512).await;
    let recipients = to(&["<a@example.org>"]);
    for smuggled in ["a\nb\r\n", "a\r\n.\rb\r\n", "a\r\n.\n", "end\r"] {
        let error = client.send(&envelope(&recipients), smuggled).await.unwrap_err();
        assert!(matches!(error, Error::Misuse(Misuse::BareNewline)), "{error}");
    }
    assert!(client.send(&envelope(&recipients), "x\r\n").await.unwrap().all_delivered());
    assert_eq!(store.taken().len(), 1);
}

/// A reader that fails after what it has.
struct Failing<'c>(&'c [u8]);

impl Pipe for Failing<'_> {
    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.0.is_empty() {
            return Poll::Ready(Err(io::Error::other("the disk is on fire")));
        }
        let (now, later) = self.0.split_at(buffer.len().min(self.0.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.0 = later;
        Poll::Ready(Ok(now.len()))
    }
}

/// C-56.
#[apply(on_runtime)]
async fn a_reader_that_fails_cuts_the_connection_without_the_dot() {
    let content = text(300_000);
    for options in [TransactionOptions::default(), by_data()] {
        let store = Store::default();
        let (near, ended) = serve(help::server(&store), Service::Smtp, 64 * 1024);
        let mut client = help::connector().open(near).await.unwrap();
        let recipients = to(&["<a@example.org>"]);
        let message = Message::reader(On::new(Failing(&content)));
        let report = client.send_with(&envelope(&recipients), message, options).await.unwrap();
        assert_eq!(report.outcomes()[0].status(), Status::Deferred);
        assert!(report.outcomes()[0].to_string().contains("the disk is on fire"));
        assert!(!client.is_usable());
        let error = client.noop().await.unwrap_err();
        assert!(matches!(error, Error::Misuse(Misuse::Ended)));
        let end = ended.await.unwrap();
        assert!(!matches!(end, End::Regular), "{end:?}");
        assert!(store.taken().is_empty());
        assert_eq!(store.ends().len(), 1);
    }
}

#[apply(on_runtime)]
async fn a_bare_newline_in_a_reader_is_never_sent() {
    let (mut client, store) = pair(4096).await;
    let recipients = to(&["<a@example.org>"]);
    let message = Message::reader(&b"Subject: x\r\n\r\na\r\n.\nMAIL FROM:<>\r\n"[..]);
    let report = client.send(&envelope(&recipients), message).await.unwrap();
    assert_eq!(report.outcomes()[0].status(), Status::Deferred);
    assert!(!client.is_usable());
    assert!(store.taken().is_empty());
}

#[apply(on_runtime)]
async fn a_dropped_send_makes_the_client_unusable() {
    let server = ScriptedServer::new(Script::new().at(At::command("MAIL"), Act::stall()));
    let (near, far) = duplex(512);
    server.serve(far);
    let mut client = help::connector().open(near).await.unwrap();
    let recipients = to(&["<a@example.org>"]);
    let envelope = envelope(&recipients);
    let send = client.send(&envelope, "x\r\n");
    assert!(now(send).await.is_none());
    assert!(!client.is_usable());
    let error = client.send(&envelope, "x\r\n").await.unwrap_err();
    assert!(matches!(error, Error::Misuse(Misuse::Ended)));
}

#[apply(on_runtime)]
async fn a_misuse_on_the_way_leaves_the_session_usable() {
    let (mut client, _) = pair(512).await;
    let mut recipients = to(&["<a@example.org>", "<b@example.org>"]);
    let mut list = crate::rt::smtp::proto::parameter::ParameterList::new();
    list.push(crate::rt::smtp::proto::parameter::Parameter::new("BY", Some("120;R")).unwrap())
        .unwrap();
    recipients[1].parameters = list.as_parameters();
    let error = client.send(&envelope(&recipients), "x\r\n").await.unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error}");
    let recipients = to(&["<a@example.org>"]);
    assert!(client.send(&envelope(&recipients), "x\r\n").await.unwrap().all_delivered());
}

#[apply(on_runtime)]
async fn single_commands_and_their_replies() {
    let (mut client, _) = pair(512).await;
    assert_eq!(client.noop().await.unwrap().code().value(), 250);
    let query = Query::new(Text::new("postmaster").unwrap(), false);
    assert_eq!(client.verify(query).await.unwrap().code().value(), 252);
    assert_eq!(client.reset().await.unwrap().code().value(), 250);
    assert_eq!(client.help(None).await.unwrap().code().value(), 214);
    assert!(client.capabilities().unwrap().offers(Extension::Chunking));
    client.quit().await.unwrap();
}

/// RFC 3030 section 4.2.
#[apply(on_runtime)]
async fn commands_between_chunks_do_not_end_the_message() {
    let store = Store::default();
    let (mut near, _) = serve(help::server(&store), Service::Smtp, 4096);
    near.write_all(
        b"EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nBDAT 3\r\na\r\n\
          VRFY a\r\nNOOP\r\nBDAT 3 LAST\r\n\r\nbQUIT\r\n",
    )
    .await
    .unwrap();
    let said = near.read_to_end().await;
    let codes: Vec<_> =
        said.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]).collect();
    assert_eq!(codes, ["220", "250", "250", "250", "250", "252", "250", "250", "221"], "{said}");
    assert_eq!(store.taken()[0].content, b"a\r\n\r\nb");
}

#[apply(on_runtime)]
async fn a_hello_between_chunks_voids_the_message() {
    let store = Store::default();
    let (mut near, _) = serve(help::server(&store), Service::Smtp, 4096);
    near.write_all(
        b"EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nBDAT 3\r\na\r\n\
          EHLO d.example\r\nMAIL FROM:<>\r\nQUIT\r\n",
    )
    .await
    .unwrap();
    let said = near.read_to_end().await;
    assert!(said.ends_with("closing, goodbye\r\n"), "{said}");
    assert!(store.taken().is_empty());
    assert_eq!(store.ends(), ["Regular"]);
    assert!(store.resets() >= 1);
}

#[apply(on_runtime)]
async fn over_tcp() {
    let store = Store::default();
    let listener = listen().await;
    let port = listener.local_addr().unwrap().port();
    let server = help::server(&store).listen_smtp(listener);
    let handle = server.handle();
    let serving = spawn(server.serve());
    let recipients = to(&["<a@example.org>"]);
    let mut client = Connector::new(Tls::None).connect("127.0.0.1", port).await.unwrap();
    assert!(client.send(&envelope(&recipients), text(100_000)).await.unwrap().all_delivered());
    client.quit().await.unwrap();
    handle.shut_down();
    serving.await.unwrap();
    let facts = &store.taken()[0].facts;
    assert_eq!(facts.hello.as_deref(), Some("[127.0.0.1]"));
    assert!(facts.peer.is_some() && facts.local.is_some());
    assert_eq!(store.ends(), ["Regular"]);
}

#[cfg(unix)]
#[apply(on_runtime)]
async fn over_a_unix_socket() {
    let store = Store::default();
    let name = format!("{}-{}.sock", env!("CARGO_PKG_NAME"), std::process::id());
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_file(&path);
    let listener = crate::rt::UnixListener::bind(&path).unwrap();
    let server = help::server(&store).listen_lmtp(listener);
    let handle = server.handle();
    let serving = spawn(server.serve());
    let recipients = to(&["<a@example.org>"]);
    let connector = help::connector().config(Config::lmtp());
    let mut client = connector.connect_unix(&path).await.unwrap();
    assert!(client.send(&envelope(&recipients), text(100_000)).await.unwrap().all_delivered());
    client.quit().await.unwrap();
    handle.shut_down();
    serving.await.unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(store.taken()[0].facts.peer.is_none());
    assert_eq!(store.ends(), ["Regular"]);
}
