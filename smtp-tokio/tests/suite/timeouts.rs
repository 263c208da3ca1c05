//! A peer that falls silent, in each phase. The clock is tokio's, paused, so that it jumps.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use smtp_tokio::{
    End, Error, Facts, Message, Service, Tls,
    proto::{
        client::{Cause, Chunking, OpeningError, Phase, Status, TransactionOptions},
        fault::Fault,
    },
    testing::{Act, At, Script, ScriptedServer},
};
use tokio::time::Instant;

use crate::suite::{
    driver::Endless,
    help::{self, Store, connector, envelope, serve, text, to},
    octets::{Duplex, Octets, duplex},
    tls,
};

/// A server that offers nothing, so that each command has its reply, and falls silent there.
fn silent(place: At, window: usize) -> (Duplex, ScriptedServer) {
    let script = Script::new().at(place, Act::stall());
    let server = ScriptedServer::new(script.at(At::command("EHLO"), "250 mx.example.org"));
    let (near, far) = duplex(window);
    server.serve(far);
    (near, server)
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// The paused clock jumps by milliseconds.
fn assert_took(started: Instant, expected: Duration) {
    let took = started.elapsed();
    assert!(took >= expected && took < expected + Duration::from_secs(1), "{took:?} {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_greet_or_answer_the_hello() {
    for place in [At::connect(), At::command("EHLO")] {
        let (near, _server) = silent(place, 512);
        let started = Instant::now();
        let error = connector().open(near).await.unwrap_err();
        assert!(matches!(error, Error::Opening(OpeningError::Fault(Fault::Timeout))), "{error}");
        assert_took(started, minutes(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_in_a_transaction() {
    let cases = [
        (At::command("MAIL"), Phase::Mail, Status::Deferred, 5),
        (At::command("RCPT"), Phase::Rcpt, Status::Deferred, 5),
        (At::command("DATA"), Phase::Data, Status::Deferred, 2),
        (At::delivery(), Phase::Delivery, Status::InDoubt, 10),
    ];
    for (place, phase, status, time) in cases {
        let (near, _server) = silent(place, 64 * 1024);
        let mut client = connector().open(near).await.unwrap();
        let started = Instant::now();
        let recipients = to(&["<a@example.org>"]);
        let report = client.send(&envelope(&recipients), "x\r\n").await.unwrap();
        let outcome = &report.outcomes()[0];
        assert_eq!((outcome.phase(), outcome.status()), (phase, status), "{outcome}");
        assert_eq!(outcome.cause(), &Cause::Fault(Fault::Timeout));
        assert_took(started, minutes(time));
        assert!(!client.is_usable());
    }
}

/// The server takes part of the content and then no more: three minutes from the last block.
#[tokio::test(start_paused = true)]
async fn a_server_that_stops_reading() {
    let (near, _server) = silent(At::content(1000), 20_000);
    let mut client = connector().open(near).await.unwrap();
    let started = Instant::now();
    let recipients = to(&["<a@example.org>"]);
    let report = client.send(&envelope(&recipients), text(1 << 20)).await.unwrap();
    let outcome = &report.outcomes()[0];
    assert_eq!(outcome.cause(), &Cause::Fault(Fault::Timeout));
    // All of it was handed over before the silence.
    assert!(matches!(outcome.status(), Status::InDoubt | Status::Deferred));
    let took = started.elapsed();
    assert!(took >= minutes(3) && took <= minutes(10) + Duration::from_secs(1), "{took:?}");
}

/// A reader that takes its time is not the server's fault.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_does_not_time_out() {
    for options in [Chunking::Auto, Chunking::Never] {
        let mut how = TransactionOptions::default();
        how.chunking = options;
        let (mut client, store) = help::pair(512).await;
        let (reader, mut writer) = duplex(1 << 20);
        let slow = tokio::spawn(async move {
            for _ in 0..3 {
                writer.write_all(&text(70_000)).await.unwrap();
                tokio::time::sleep(minutes(4)).await;
            }
        });
        let recipients = to(&["<a@example.org>"]);
        let message = Message::reader(reader);
        let report = client.send_with(&envelope(&recipients), message, how).await.unwrap();
        assert!(report.all_delivered(), "{report:?}");
        slow.await.unwrap();
        assert!(store.taken()[0].content.len() >= 210_000);
    }
}

/// What a slow reader has given leaves by and by, and not when it has filled a piece.
#[tokio::test(start_paused = true)]
async fn a_reader_that_trickles_is_not_held_back() {
    for chunking in [Chunking::Auto, Chunking::Never] {
        let mut how = TransactionOptions::default();
        how.chunking = chunking;
        let (mut client, store) = help::pair(4096).await;
        let (reader, mut writer) = duplex(4096);
        tokio::spawn(async move {
            for _ in 0..100 {
                writer.write_all(b"a line\r\n").await.unwrap();
                tokio::time::sleep(Duration::from_millis(90)).await;
            }
        });
        let started = Instant::now();
        let receiving = store.clone();
        let begun = tokio::spawn(async move {
            // Once there is a first piece of it.
            receiving.begun().await;
            receiving.go_on();
            started.elapsed()
        });
        let recipients = to(&["<patient@example.org>"]);
        let message = Message::reader(reader);
        let report = client.send_with(&envelope(&recipients), message, how).await.unwrap();
        assert!(report.all_delivered(), "{report:?}");
        let took = begun.await.unwrap();
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn quit_waits_five_seconds() {
    let (near, _server) = silent(At::command("QUIT"), 512);
    let client = connector().open(near).await.unwrap();
    let started = Instant::now();
    client.quit().await.unwrap();
    assert_took(started, Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_falls_silent() {
    let begun = "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\n";
    let silences =
        [String::new(), "EHLO c.exa".into(), begun.into(), format!("{begun}BDAT 100\r\nabc")];
    for silence in silences {
        let store = Store::default();
        let (mut near, ended) = serve(help::server(&store), Service::Smtp, 4096);
        let started = Instant::now();
        near.write_all(silence.as_bytes()).await.unwrap();
        let said = near.read_to_end().await;
        assert!(said.ends_with("421 4.4.2 mx.example.org timeout, closing\r\n"), "{said}");
        assert_took(started, minutes(5));
        drop(near);
        let end = ended.await.unwrap();
        assert!(format!("{end:?}").contains("Timeout"), "{end:?}");
        assert!(store.taken().is_empty());
    }
}

/// An octet a minute holds no session for ever.
#[tokio::test(start_paused = true)]
async fn a_client_that_drips() {
    let store = Store::default();
    let (mut near, ended) = serve(help::server(&store), Service::Smtp, 4096);
    let started = Instant::now();
    let drip = tokio::spawn(async move {
        while near.write_all(b"N").await.is_ok() {
            tokio::time::sleep(minutes(1)).await;
        }
    });
    let end = ended.await.unwrap();
    assert!(format!("{end:?}").contains("Timeout"), "{end:?}");
    assert_took(started, minutes(5));
    drip.await.unwrap();
}

/// A client that asks and never reads the answers loses the connection without ceremony.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read() {
    let store = Store::default();
    let (mut near, ended) = serve(help::server(&store), Service::Smtp, 64);
    let started = Instant::now();
    near.write_all(b"EHLO c.example\r\n").await.unwrap();
    let end = ended.await.unwrap();
    assert!(format!("{end:?}").contains("Timeout"), "{end:?}");
    assert_took(started, minutes(5));
}

/// What the handler takes of the time is not the client's.
#[tokio::test(start_paused = true)]
async fn a_slow_handler_does_not_time_out_the_client() {
    let store = Store::default();
    let server = help::server(&store).answer_timeout(minutes(10));
    let (near, _) = serve(server, Service::Smtp, 512);
    let mut client = connector().open(near).await.unwrap();
    let going = store.clone();
    tokio::spawn(async move {
        going.begun().await;
        tokio::time::sleep(minutes(9)).await;
        going.go_on();
    });
    let recipients = to(&["<patient@example.org>"]);
    let mut how = TransactionOptions::default();
    how.chunking = Chunking::Never;
    // Small enough for the buffers on the way, so that the client waits for the final reply only.
    let report = client.send_with(&envelope(&recipients), text(400), how).await.unwrap();
    assert!(report.all_delivered(), "{report:?}");
}

/// Whoever is turned away may go on talking for two seconds, also when that never stops.
#[tokio::test(start_paused = true)]
async fn a_client_that_talks_on_is_left() {
    let store = Store::default();
    let server = help::server(&store);
    let (stream, _) = Endless::new(b"x");
    let mut serving = pin!(server.serve_connection(stream, Service::Smtp, Facts::default()));
    let mut step = async || poll_fn(|cx| Poll::Ready(serving.as_mut().poll(cx))).await;
    while store.ends().is_empty() {
        assert!(step().await.is_pending());
    }
    tokio::time::advance(Duration::from_millis(1999)).await;
    assert!(step().await.is_pending());
    tokio::time::advance(Duration::from_millis(1)).await;
    let end = step().await;
    assert!(matches!(end, Poll::Ready(End::Fault(_))), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_takes_a_minute_at_most() {
    let certificates = tls::certificates();
    // The client's peer says nothing.
    let (near, far) = duplex(4096);
    let started = Instant::now();
    let error = tls::connector(Tls::Implicit, &certificates).open(near).await.unwrap_err();
    assert!(matches!(&error, Error::Tls(error) if error.kind() == std::io::ErrorKind::TimedOut));
    assert_eq!(started.elapsed().as_secs(), 60);
    drop(far);
    // The server's peer says nothing, from the beginning and after STARTTLS.
    for (service, said) in [(Service::Smtps, ""), (Service::Smtp, "EHLO c\r\nSTARTTLS\r\n")] {
        let store = Store::default();
        let started = Instant::now();
        let (mut near, ended) = serve(tls::server(&store, &certificates), service, 4096);
        near.write_all(said.as_bytes()).await.unwrap();
        let end = ended.await.unwrap();
        assert!(matches!(end, End::Tls(_)), "{end:?}");
        assert_eq!(started.elapsed().as_secs(), 60);
    }
}
