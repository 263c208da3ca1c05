//! S-86: a client hears an answer in time, whatever a handler does.

use std::time::Duration;

use smtp_frontend::Service;
use tokio::time::Instant;

use crate::{
    help::{Office, Stuck, Talker, server},
    runtime::timers_set,
};

const LATE: &str = "451 4.3.0 took too long here, try again later";

/// A session before its first MAIL.
async fn greeted(office: &Office) -> (Talker, tokio::task::JoinHandle<smtp_frontend::End>) {
    let (mut client, serving) = Talker::of(server(office), Service::Smtp);
    assert!(client.hear().await.starts_with("220 "));
    (client, serving)
}

/// A whole message is taken, from whoever said hello by that name.
async fn sends(client: &mut Talker, name: &str) {
    for (line, code) in
        [("MAIL FROM:<>\r\n", "250 "), ("RCPT TO:<a@b.example>\r\n", "250 "), ("DATA\r\n", "354 ")]
    {
        let said = client.ask(line).await;
        assert!(said.starts_with(code), "{line} {said}");
    }
    assert_eq!(client.ask("x\r\n.\r\n").await, format!("250 2.0.0 taken from {name}"));
}

#[tokio::test(start_paused = true)]
async fn a_command_is_answered_in_time_and_the_session_goes_on() {
    let before: [(Stuck, &[&str], &str, &str); 5] = [
        (
            Stuck::Hello,
            &["EHLO first.example\r\n"],
            "EHLO c.example\r\n",
            "451 took too long here, try again later",
        ),
        (
            Stuck::Auth,
            &["EHLO c.example\r\n"],
            "AUTH PLAIN AGEAYg==\r\n",
            "454 4.7.0 temporary authentication failure",
        ),
        (Stuck::Mail, &["EHLO c.example\r\n"], "MAIL FROM:<>\r\n", LATE),
        (
            Stuck::Rcpt,
            &["EHLO c.example\r\n", "MAIL FROM:<>\r\n"],
            "RCPT TO:<a@b.example>\r\n",
            LATE,
        ),
        (Stuck::Verify, &["EHLO c.example\r\n"], "VRFY a\r\n", LATE),
    ];
    for (stuck, steps, line, answer) in before {
        let office = Office::new(Stuck::Nowhere);
        let (mut client, _) = greeted(&office).await;
        for step in steps {
            assert!(client.ask(step).await.starts_with("250 "));
        }
        *office.stuck.lock().unwrap() = stuck;
        let asked = Instant::now();
        assert_eq!(client.ask(line).await, answer, "{stuck:?}");
        assert_eq!(asked.elapsed().as_secs(), 110, "{stuck:?}");
        assert_eq!(office.notes.lock().unwrap().timed_out, 1);
        assert!(client.ask("RSET\r\n").await.starts_with("250 "));
        // A name that was not accepted is not the client's name.
        sends(&mut client, if stuck == Stuck::Hello { "first.example" } else { "c.example" }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_greeted_in_time_is_told_421() {
    let office = Office::new(Stuck::Connect);
    let started = Instant::now();
    let (mut client, serving) = Talker::of(server(&office), Service::Smtp);
    let said = client.rest().await;
    assert_eq!(said, "421 mx.example.org took too long here, try again later\r\n");
    assert_eq!(started.elapsed().as_secs(), 110);
    assert!(matches!(serving.await.unwrap(), smtp_frontend::End::Regular));
}

#[tokio::test(start_paused = true)]
async fn a_message_is_answered_in_time() {
    for (stuck, seconds) in [(Stuck::Content, 110), (Stuck::Piece, 110), (Stuck::Delivery, 480)] {
        for (begin, end) in [("DATA\r\n", ".\r\n"), ("BDAT 3\r\nabc", "BDAT 0 LAST\r\n")] {
            for service in [Service::Smtp, Service::Lmtp] {
                let office = Office::new(stuck);
                let (mut client, _) = Talker::of(server(&office), service);
                client.hear().await;
                let hello = if service == Service::Lmtp { "LHLO" } else { "EHLO" };
                client.ask(&format!("{hello} c.example\r\n")).await;
                client.ask("MAIL FROM:<>\r\n").await;
                client.ask("RCPT TO:<a@b.example>\r\n").await;
                client.ask("RCPT TO:<b@b.example>\r\n").await;
                let asked = Instant::now();
                if begin == "DATA\r\n" {
                    assert!(client.ask(begin).await.starts_with("354 "));
                    client.say("some text\r\n").await;
                } else {
                    client.say(begin).await;
                }
                let replies = if service == Service::Lmtp { 2 } else { 1 };
                client.say(end).await;
                let mut said = client.hear().await;
                if begin != "DATA\r\n" && (stuck == Stuck::Delivery || service == Service::Lmtp) {
                    // To the first chunk; in LMTP it cannot be refused for all recipients at once.
                    assert!(said.starts_with("250 "), "{said}");
                    said = client.hear().await;
                }
                assert!(said.starts_with("451 4.3.0 "), "{stuck:?} {begin} {service:?} {said}");
                assert_eq!(asked.elapsed().as_secs(), seconds, "{stuck:?} {begin}");
                for _ in 1..replies {
                    assert_eq!(client.hear().await, said);
                }
                assert_eq!(office.notes.lock().unwrap().timed_out, 1);
                assert!(office.notes.lock().unwrap().taken.is_empty());
                client.say("RSET\r\n").await;
                // In SMTP the second of two chunks of a refused message has its own reply.
                while !client.hear().await.starts_with("250 ") {}
                assert!(office.notes.lock().unwrap().resets >= 1);
                if service == Service::Smtp {
                    sends(&mut client, "c.example").await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_piece_has_its_own_time_and_the_clients_does_not_count() {
    let mut office = Office::new(Stuck::Nowhere);
    office.work = Duration::from_secs(100);
    let (mut client, _) = greeted(&office).await;
    client.ask("EHLO c.example\r\n").await;
    client.ask("MAIL FROM:<>\r\n").await;
    client.ask("RCPT TO:<a@b.example>\r\n").await;
    client.ask("DATA\r\n").await;
    let started = Instant::now();
    let block = "some text\r\n".repeat(1600);
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(250)).await;
        client.say(&block).await;
    }
    tokio::time::sleep(Duration::from_secs(250)).await;
    assert!(client.ask(".\r\n").await.starts_with("250 "));
    assert!(started.elapsed() >= Duration::from_secs(1500));
    assert_eq!(office.notes.lock().unwrap().timed_out, 0);
    assert_eq!(office.notes.lock().unwrap().taken, [block.repeat(5).into_bytes()]);
}

#[tokio::test(start_paused = true)]
async fn the_times_can_be_set() {
    for (stuck, seconds) in [(Stuck::Content, 7), (Stuck::Delivery, 9)] {
        let office = Office::new(stuck);
        let server = server(&office)
            .answer_timeout(Duration::from_secs(7))
            .delivery_timeout(Duration::from_secs(9));
        let (mut client, _) = Talker::of(server, Service::Smtp);
        client.hear().await;
        client.ask("HELO c.example\r\n").await;
        client.ask("MAIL FROM:<>\r\n").await;
        client.ask("RCPT TO:<a@b.example>\r\n").await;
        let asked = Instant::now();
        client.ask("DATA\r\n").await;
        assert!(client.ask(".\r\n").await.starts_with("451 "));
        assert_eq!(asked.elapsed().as_secs(), seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_no_handler_for_ever() {
    let office = Office::new(Stuck::Closed);
    let (mut client, serving) = greeted(&office).await;
    let started = Instant::now();
    assert!(client.ask("QUIT\r\n").await.starts_with("221 "));
    serving.await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 110);
}

/// What is answered at once costs no timer, nor does waiting for content.
#[tokio::test]
async fn no_timer_for_who_is_ready() {
    let office = Office::new(Stuck::Nowhere);
    let (mut client, serving) = greeted(&office).await;
    let before = timers_set();
    client.ask("EHLO c.example\r\n").await;
    sends(&mut client, "c.example").await;
    client.ask("MAIL FROM:<>\r\n").await;
    client.ask("RCPT TO:<a@b.example>\r\n").await;
    client.ask("DATA\r\n").await;
    for _ in 0..10 {
        client.say("some text\r\n").await;
        tokio::task::yield_now().await;
    }
    client.ask(".\r\n").await;
    client.ask("QUIT\r\n").await;
    serving.await.unwrap();
    assert_eq!(timers_set() - before, 0);
    // But who waits for something else has one.
    let mut office = Office::new(Stuck::Nowhere);
    office.work = Duration::from_millis(1);
    let (mut client, _) = greeted(&office).await;
    client.ask("EHLO c.example\r\n").await;
    sends(&mut client, "c.example").await;
    assert_eq!(timers_set() - before, 1);
}

/// A client waits for each reply of a group, so none may wait for all of them.
#[tokio::test(start_paused = true)]
async fn slow_answers_to_a_group_leave_as_they_come() {
    let mut office = Office::new(Stuck::Nowhere);
    office.lookup = Duration::from_millis(400);
    let (mut client, _) = greeted(&office).await;
    client.ask("EHLO c.example\r\n").await;
    let asked = Instant::now();
    let recipients = "RCPT TO:<a@b.example>\r\n".repeat(100);
    client.say(&format!("MAIL FROM:<>\r\n{recipients}DATA\r\n")).await;
    for number in 0..=100_u64 {
        assert!(client.hear().await.starts_with("250 "));
        // That of the recipient itself, and those that wait with it.
        let latest = Duration::from_millis(400 * number + 1200);
        assert!(asked.elapsed() <= latest, "{number} {:?}", asked.elapsed());
    }
    assert!(client.hear().await.starts_with("354 "));
    assert_eq!(asked.elapsed().as_secs(), 40);
}
