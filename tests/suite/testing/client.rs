//! A scripted client says what it is told and hears what it should, faults are where they are meant to be,
//! and nothing is left behind.

use std::{io, time::Duration};

use macro_rules_attribute::apply;
use smtp_frontend::testing::Bind;

use crate::{
    rt::{
        Runtime, dial,
        smtp::{
            Error, Service,
            testing::{Act, At, Script, ScriptedClient, ScriptedServer, Transit, faulty, pipe},
        },
    },
    suite::{
        help::{self, Store, connector, envelope, text, to},
        octets::{Octets, now, yield_now},
        testing::greeted,
    },
};

/// What came and what was said is in the error, whichever way it is shown.
#[apply(on_runtime)]
async fn what_was_not_met_is_told_with_all_that_was_said() {
    let moment = Duration::from_millis(5);
    let server = ScriptedServer::new(Script::new()).patience(moment);
    let nobody = server.next_message().await.unwrap_err();
    assert!(nobody.to_string().ends_with("nobody has connected\n"), "{nobody}");
    let mut client = greeted(&server).await;
    let unmet = client.play("C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<nobody>\nS: 250 2.1.5").await;
    let unmet = unmet.unwrap_err();
    assert_eq!(unmet.expected(), "expected the reply \"250 2.1.5\"");
    assert!(unmet.found().starts_with("found 5"), "{unmet}");
    let said = unmet.transcript();
    assert!(said.starts_with("S: 220 mx.example.org"), "{said}");
    assert!(said.contains("\nC: MAIL FROM:<>\nS: 250 "), "{said}");
    assert!(said.contains("\nC: RCPT TO:<nobody>\nS: 5"), "{said}");
    assert_eq!(format!("{unmet:?}"), unmet.to_string());
    // Nothing is said.
    let mut client = client.patience(moment);
    let silence = client.expect("250").await.unwrap_err();
    assert!(silence.found().contains("timed out"), "{silence}");
    let silence = client.expect_end().await.unwrap_err();
    assert!(silence.found().contains("timed out"), "{silence}");
    // What the server was waiting for.
    let unmet = server.expect(1).await.unwrap_err();
    assert_eq!(unmet.expected(), "expected 1 messages");
    assert!(unmet.transcript().contains("session 1:\nS: 220 "), "{unmet}");
    assert!(unmet.transcript().contains("\nC: RCPT TO:<nobody>\n"), "{unmet}");
    // More than was expected.
    let mut client = client.patience(Duration::from_secs(10));
    client
        .play("C: RCPT TO:<a@x.example>\nC: DATA\nS: 250\nS: 354\nC: x\nC: .\nS: 250")
        .await
        .unwrap();
    let unmet = server.expect(0).await.unwrap_err();
    assert!(unmet.found().contains("1 came"), "{unmet}");
    let unmet = server.idle().await.unwrap_err();
    assert_eq!(unmet.expected(), "expected the end of all sessions");
    // What is no reply.
    let (near, mut far) = pipe(4096);
    far.write_all(b"2x0 what\r\n").await.unwrap();
    let unmet = ScriptedClient::new(near).reply().await.unwrap_err();
    assert!(unmet.to_string().contains("not a reply line\nS: 2x0 what"), "{unmet}");
    drop(far);
}

#[apply(on_runtime)]
async fn a_scripted_client_says_what_no_client_should() {
    let store = Store::default();
    let (near, ended) = help::serve(help::server(&store), Service::Smtp, 4096);
    let mut client = ScriptedClient::new(near);
    client.expect("220").await.unwrap();
    for part in ["EH", "LO c.exam", "ple\r", "\nNO", "OP\r\n"] {
        client.octets(part.as_bytes()).await.unwrap();
    }
    client.expect("250").await.unwrap();
    client.expect("250 2.0.0").await.unwrap();
    client.command("\u{fc}", "500").await.unwrap();
    let group = "C: MAIL FROM:<>\nC: RCPT TO:<a@x.example>\nC: DATA\nS: 250\nS: 250\nS: 354";
    client.play(group).await.unwrap();
    // Smuggled, or so it is hoped.
    client.octets(b"x\n.\nMAIL FROM:<>\r\n.\r\n").await.unwrap();
    client.expect("550").await.unwrap();
    client.close().await.unwrap();
    client.expect_end().await.unwrap();
    ended.await.unwrap();
    assert!(store.taken().is_empty());
}

/// A client and a server of the library, and on the way between them this.
async fn through(reading: Transit, writing: Transit) -> (Result<bool, Error>, Vec<help::Taken>) {
    let store = Store::default();
    let (near, _) = help::serve(help::server(&store), Service::Smtp, 4096);
    let near = faulty(near, reading, writing);
    let sent = async {
        let mut client = connector().open(near).await?;
        let recipients = to(&["<a@example.org>"]);
        let report = client.send(&envelope(&recipients), text(3000)).await?;
        Ok(report.all_delivered())
    };
    (sent.await, store.taken())
}

#[apply(on_runtime)]
async fn faults_in_transit() {
    let clear = Transit::new();
    for slow in [clear.pieces(1), clear.pieces(7), clear.delay(3), clear.pieces(1).delay(2)] {
        for (reading, writing) in [(slow, clear), (clear, slow), (slow, slow)] {
            let (sent, taken) = through(reading, writing).await;
            assert!(sent.unwrap() && taken[0].content == text(3000), "{reading:?} {writing:?}");
        }
    }
    // Wherever it breaks, nobody believes that a message was delivered that was not.
    for octets in (0..3300).step_by(61) {
        let faults = [
            (clear.cut_after(octets), clear),
            (clear, clear.cut_after(octets)),
            (clear, clear.fail_after(octets, io::ErrorKind::ConnectionReset)),
            (clear.fail_after(octets, io::ErrorKind::ConnectionReset).pieces(5), clear.pieces(5)),
        ];
        for (reading, writing) in faults {
            let (sent, taken) = through(reading, writing).await;
            let delivered = sent.unwrap_or(false);
            assert!(
                taken.len() <= 1 && (!delivered || taken.len() == 1),
                "{reading:?} {writing:?}"
            );
        }
    }
    let silent = through(clear.silent_after(10), clear);
    assert!(now(Box::pin(silent)).await.is_none());
}

/// Also on the server's side, and with the stream that the test has.
#[apply(on_runtime)]
async fn a_server_on_a_faulty_stream() {
    let store = Store::default();
    let server = help::server(&store);
    let (near, far) = pipe(64);
    let far = faulty(far, Transit::new().pieces(2).cut_after(40), Transit::new().delay(1));
    let facts = Default::default();
    let serving =
        crate::rt::spawn(async move { server.serve_connection(far, Service::Smtp, facts).await });
    let mut client = ScriptedClient::new(near);
    client.play("S: 220\nC: EHLO c.example\nS: 250\nC: MAIL FROM:<>\nS: 250").await.unwrap();
    client.say("RCPT TO:<somebody@example.org>").await.unwrap();
    client.expect_end().await.unwrap();
    let end = serving.await.unwrap();
    assert!(format!("{end:?}").contains("Closed"), "{end:?}");
}

/// With the server go its port and its sessions.
#[apply(on_runtime)]
async fn nothing_is_left_behind() {
    for closes in [true, false] {
        let server = ScriptedServer::listen(Script::new().at(At::command("NOOP"), Act::stall()))
            .await
            .unwrap();
        let address = server.address();
        let mut idle = ScriptedClient::connect(address).await.unwrap();
        idle.expect("220").await.unwrap();
        let mut stalled = ScriptedClient::connect(address).await.unwrap();
        stalled.play("S: 220\nC: NOOP").await.unwrap();
        if closes {
            server.close().await.unwrap();
            assert!(dial(address).await.is_err());
        } else {
            drop(server);
        }
        idle.expect_end().await.unwrap();
        stalled.expect_end().await.unwrap();
        while dial(address).await.is_ok() {
            yield_now().await;
        }
    }
    let (_, address) = Runtime::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    assert!(address.port() > 0);
}
