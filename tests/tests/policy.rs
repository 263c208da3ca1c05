//! Policy that depends on when octets come, which a dialog cannot say.

use std::{sync::Arc, time::Duration};

use smtp_proto::{
    domain::Host,
    extension::Extension,
    limits::ServerTimeouts,
    profile::{Leniency, Profile, Verdict},
    server::{Config, Event, Server},
    wire::{Endpoint, Step},
};
use smtp_tests::take_output;

fn config() -> Config {
    Config::new(Host::parse("mx.example.net").unwrap())
}

/// A server whose application says yes, and what came of it.
struct Yes {
    server: Server,
    said: String,
    told: Vec<Leniency>,
    questions: usize,
    closed: bool,
}

impl Yes {
    fn new(config: Config) -> Self {
        let server = Server::new(Arc::new(config));
        Self { server, said: String::new(), told: Vec::new(), questions: 0, closed: false }
    }

    /// Gives octets, and lets the server come to its rest.
    fn give(&mut self, octets: &str) {
        assert_eq!(self.server.wire().receive(octets.as_bytes()), octets.len());
        self.rest();
    }

    fn rest(&mut self) {
        loop {
            match self.server.step() {
                Step::Write => {
                    let octets = take_output(self.server.wire(), usize::MAX);
                    self.said.push_str(core::str::from_utf8(&octets).unwrap());
                }
                Step::Event => {
                    let event = self.server.event();
                    self.questions += usize::from(event.is_some());
                    match event {
                        Some(Event::Leniency(leniency)) => {
                            self.questions -= 1;
                            self.told.push(leniency);
                        }
                        Some(Event::Connected(token)) => token.accept(),
                        Some(Event::Hello(token)) => token.accept(),
                        Some(Event::Mail(token)) => token.accept(),
                        Some(Event::Rcpt(token)) => token.accept(),
                        Some(Event::Data(token)) => token.accept(),
                        Some(Event::Delivery(token)) => token.accept(),
                        Some(Event::StartTls(token)) => token.accept(),
                        _ => {}
                    }
                }
                Step::Close => {
                    self.closed = true;
                    return;
                }
                _ => return,
            }
        }
    }

    /// What was said since this was last asked.
    fn said(&mut self) -> String {
        core::mem::take(&mut self.said)
    }

    fn codes(&mut self) -> Vec<String> {
        let said = self.said();
        said.lines().filter(|line| &line[3..4] != "-").map(|line| line[..3].to_owned()).collect()
    }
}

/// S-30: a client that talks first is served, and told of.
#[test]
fn an_early_talker_is_served_and_told() {
    let mut yes = Yes::new(config());
    yes.give("EHLO client.example\r\nNOOP\r\n");
    assert_eq!(yes.codes(), ["220", "250", "250"]);
    assert_eq!(yes.told, [Leniency::EarlyTalker, Leniency::UnannouncedPipelining]);
}

/// S-30: or greeted with 554, when it talked before or while the server watched for it.
#[test]
fn an_early_talker_is_refused() {
    let strict = || config().profile(|profile| *profile = Profile::STRICT);
    let mut yes = Yes::new(strict());
    yes.give("EHLO client.example\r\n");
    assert_eq!(yes.codes(), ["554", "503"]);
    assert_eq!((yes.questions, yes.told.len()), (0, 0));
    yes.give("QUIT\r\n");
    assert!(yes.closed && yes.said().starts_with("221"));

    let mut timeouts = ServerTimeouts::default();
    timeouts.greeting = Duration::from_secs(6);
    let mut yes = Yes::new(strict().timeouts(timeouts));
    yes.rest();
    assert_eq!(yes.said(), "", "it watches");
    assert_eq!(yes.server.wire().timer().after, Duration::from_secs(6));
    yes.give("E");
    assert!(yes.said().starts_with("554 mx.example.net"));
    assert_eq!(yes.questions, 0);
}

/// S-30: inside TLS from the beginning the server watches no longer, nor shorter.
#[test]
fn an_early_talker_inside_tls_is_refused() {
    let mut timeouts = ServerTimeouts::default();
    timeouts.greeting = Duration::from_secs(6);
    let config = config().profile(|profile| profile.server.early_talker = Verdict::Reject);
    for talks in [false, true] {
        let mut yes = Yes::new(config.clone().timeouts(timeouts));
        yes.server.tls_started();
        yes.rest();
        assert_eq!((yes.said(), yes.questions), (String::new(), 0), "it watches");
        assert_eq!(yes.server.wire().timer().after, timeouts.greeting);
        if talks {
            yes.give("E");
            assert_eq!(yes.codes(), ["554"]);
        } else {
            yes.server.wire().expire();
            yes.rest();
            assert_eq!(yes.codes(), ["220"]);
            assert_eq!(yes.server.wire().timer().after, timeouts.command);
        }
    }
}

/// S-30: who waits for the greeting gets it when the server has watched long enough.
#[test]
fn a_patient_client_is_greeted() {
    let mut timeouts = ServerTimeouts::default();
    timeouts.greeting = Duration::from_secs(6);
    let watchful = config().profile(|profile| profile.server.early_talker = Verdict::Reject);
    let mut yes = Yes::new(watchful.clone().timeouts(timeouts));
    yes.rest();
    yes.server.wire().expire();
    yes.rest();
    assert_eq!(yes.codes(), ["220"]);
    assert_eq!(yes.server.wire().timer().after, timeouts.command);
    yes.give("EHLO client.example\r\n");
    assert_eq!(yes.codes(), ["250"]);
    assert!(yes.told.is_empty());

    // Who hangs up meanwhile is not greeted.
    let mut yes = Yes::new(watchful.timeouts(timeouts));
    yes.rest();
    yes.server.wire().received(0);
    yes.rest();
    assert!(yes.closed && yes.said().is_empty());
}

/// S-83: each command of a group that has another behind it is refused, and not done.
#[test]
fn a_group_without_pipelining_is_refused() {
    for (hello, config) in [
        ("HELO client.example\r\n", config()),
        ("EHLO client.example\r\n", config().withhold(Extension::Pipelining)),
    ] {
        let reject = |profile: &mut Profile| {
            profile.server.unannounced_pipelining = Verdict::Reject;
        };
        let mut yes = Yes::new(config.profile(reject));
        yes.rest();
        yes.give(hello);
        assert_eq!(yes.codes(), ["220", "250"]);
        yes.give("MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n");
        assert_eq!(yes.codes(), ["554", "503"]);
        yes.give("MAIL FROM:<a@x.example>\r\n");
        yes.give("RCPT TO:<b@x.example>\r\n");
        assert_eq!(yes.codes(), ["250", "250"]);
        assert!(yes.told.is_empty());
    }
    // With PIPELINING it is what was offered.
    let mut yes = Yes::new(config().profile(|profile| *profile = Profile::STRICT));
    yes.rest();
    yes.give("EHLO client.example\r\n");
    yes.give("MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n");
    assert_eq!(yes.codes(), ["220", "250", "250", "250"]);
}

/// S-59 S-83: a BURL in such a group is a missing part of the message.
#[test]
fn a_part_in_a_group_without_pipelining_is_missing() {
    let reject = |profile: &mut Profile| {
        profile.server.unannounced_pipelining = Verdict::Reject;
    };
    let config = config().withhold(Extension::Pipelining).burl(&["imap"]).profile(reject);
    let mut yes = Yes::new(config);
    yes.rest();
    yes.give("EHLO client.example\r\n");
    yes.give("MAIL FROM:<a@x.example>\r\n");
    yes.give("RCPT TO:<b@x.example>\r\n");
    assert_eq!(yes.codes(), ["220", "250", "250", "250"]);
    yes.give("BURL imap://x.example/head\r\nBDAT 6 LAST\r\ntail\r\n");
    assert_eq!(yes.codes(), ["554", "503"]);
}

/// S-45 before S-83: what stands behind DATA is content, and not a group whose last command is done.
#[test]
fn content_behind_data_is_no_group() {
    let reject = |profile: &mut Profile| {
        profile.server.unannounced_pipelining = Verdict::Reject;
    };
    let mut yes = Yes::new(config().withhold(Extension::Pipelining).profile(reject));
    yes.rest();
    yes.give("EHLO client.example\r\n");
    yes.give("DATA\r\nMAIL FROM:<a@x.example>\r\n");
    assert_eq!(yes.codes(), ["220", "250", "554"]);
    assert_eq!((yes.closed, yes.questions), (true, 3));
}

/// A flood of what is forgiven is told once for each command, and costs no memory.
#[test]
fn a_flood_of_leniencies_is_told_command_by_command() {
    let mut yes = Yes::new(config().withhold(Extension::Pipelining));
    yes.rest();
    yes.give("EHLO client.example\r\n");
    yes.give(&"NOOP\r\n".repeat(500));
    assert_eq!(yes.told.len(), 499);
    assert_eq!(yes.codes().len(), 502);
}

/// S-70: behind a handshake that was not good enough everything but QUIT is refused.
#[test]
fn tls_that_is_too_weak() {
    let mut yes = Yes::new(config().offer(Extension::StartTls));
    yes.rest();
    yes.server.tls_too_weak();
    yes.give("EHLO client.example\r\n");
    assert_eq!(yes.codes(), ["220", "250"], "outside TLS it says nothing");
    yes.give("STARTTLS\r\n");
    assert_eq!(yes.codes(), ["220"]);
    yes.server.tls_started();
    yes.server.tls_too_weak();
    yes.questions = 0;
    let lines = ["EHLO c.example", "MAIL FROM:<a@x.example>", "NOOP", "AUTH PLAIN", "XYZZY"];
    for line in lines {
        yes.give(&format!("{line}\r\n"));
        assert_eq!(yes.codes(), ["554"], "{line}");
    }
    assert_eq!(yes.questions, 0);
    yes.give("QUIT\r\n");
    assert!(yes.closed && yes.said().starts_with("221 2.0.0"));
}
