//! The end in every state: the peer's half of the connection closes, 421 comes unasked, or this side
//! must stop (S-34, S-84, C-65, C-66).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use smtp_proto::{
    answer::Rejection,
    client::{self, Client, Misuse},
    command::{Mechanism, Query, Text},
    domain::{HelloName, Host},
    extension::Extension,
    fault::Fault,
    limits::ClientTimeouts,
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    sequence::State,
    server::{Config, Event, Server},
    wire::{Endpoint, Step},
};
use smtp_tests::take_output;

/// How far a session has come, and what was said to come there.
const SERVER_STATES: [(&str, &str); 13] = [
    ("before the hello", ""),
    ("half a line", "EHLO cli"),
    ("ready", "EHLO c.example\r\n"),
    ("sender", "EHLO c.example\r\nMAIL FROM:<a@x.example>\r\n"),
    ("recipient", "EHLO c.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n"),
    (
        "content",
        "EHLO c.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nhi\r\n",
    ),
    ("chunk", "EHLO c.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nBDAT 9\r\nhi"),
    (
        "between chunks",
        "EHLO c.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nBDAT 2\r\nhi",
    ),
    ("spoiled", "EHLO c.example\r\nMAIL FROM:<a@x.example>\r\nBDAT 2\r\nhi"),
    ("a refused chunk", "EHLO c.example\r\nBDAT 9\r\nhi"),
    ("exchange", "EHLO c.example\r\nAUTH PLAIN\r\n"),
    ("handshake", "EHLO c.example\r\nSTARTTLS\r\n"),
    ("endless line", "EHLO c.example\r\nNOOP "),
];

struct Played {
    server: Server,
    said: String,
    resets: usize,
    faults: Vec<Fault>,
    /// A message was asked about.
    delivered: bool,
}

impl Played {
    fn to(octets: &str) -> Self {
        let config = Config::new(Host::parse("mx.example.net").unwrap())
            .offer(Extension::StartTls)
            .mechanism(Mechanism::parse("PLAIN").unwrap(), true)
            .profile(|profile| profile.server.plaintext_auth = true);
        let mut played = Self {
            server: Server::new(Arc::new(config)),
            said: String::new(),
            resets: 0,
            faults: Vec::new(),
            delivered: false,
        };
        let _ = played.run();
        // Line by line, as DATA and STARTTLS want it.
        for line in octets.split_inclusive('\n') {
            played.give(line);
        }
        if octets.ends_with("NOOP ") {
            for _ in 0..9 {
                played.give(&"x".repeat(2000));
            }
        }
        played
    }

    fn give(&mut self, octets: &str) {
        let mut rest = octets.as_bytes();
        while !rest.is_empty() {
            let taken = self.server.wire().receive(rest);
            assert!(taken > 0);
            rest = &rest[taken..];
            let _ = self.run();
        }
    }

    /// Runs to the rest, and says what that is.
    fn run(&mut self) -> Step {
        loop {
            match self.server.step() {
                Step::Write => {
                    let octets = take_output(self.server.wire(), usize::MAX);
                    self.said.push_str(core::str::from_utf8(&octets).unwrap());
                }
                Step::Event => match self.server.event() {
                    Some(Event::Connected(token)) => token.accept(),
                    Some(Event::Hello(token)) => token.accept(),
                    Some(Event::Mail(token)) => token.accept(),
                    Some(Event::Rcpt(token)) => token.accept(),
                    Some(Event::Data(token)) => token.accept(),
                    Some(Event::StartTls(token)) => token.accept(),
                    Some(Event::Auth(token)) => token.challenge(b""),
                    Some(Event::Delivery(_)) => {
                        self.delivered = true;
                        return Step::Event;
                    }
                    Some(Event::Reset) => self.resets += 1,
                    Some(Event::Fault(fault)) => self.faults.push(fault),
                    _ => {}
                },
                step => return step,
            }
        }
    }

    /// Whether the application knew of a transaction.
    fn was_in_transaction(&self, what: &str) -> usize {
        let open = ["sender", "recipient", "content", "chunk", "between chunks"];
        usize::from(open.contains(&what))
    }
}

/// The table means what it says.
#[test]
fn the_states_are_those_named() {
    use State::{Auth, Chunks, Data, Mail, Ready, Recipients, Spoiled, Start, Tls};
    let states = [
        Start, Start, Ready, Mail, Recipients, Data, Recipients, Chunks, Spoiled, Ready, Auth, Tls,
        Ready,
    ];
    for ((what, octets), state) in SERVER_STATES.into_iter().zip(states) {
        assert_eq!(Played::to(octets).server.state(), state, "{what}");
    }
}

/// S-34: a client that hangs up is owed nothing more; its transaction is void, and it is no delivery.
#[test]
fn a_client_that_hangs_up_in_any_state() {
    for (what, octets) in SERVER_STATES {
        let mut played = Played::to(octets);
        let resets = played.resets;
        played.said.clear();
        played.server.wire().received(0);
        let step = played.run();
        if what == "handshake" {
            // The handshake is the adapter's: it sees the end itself.
            assert_eq!(step, Step::Idle, "{what}");
            played.server.wire().expire();
            assert_eq!(played.run(), Step::Close, "{what}");
            assert_eq!(played.faults, [Fault::Timeout], "{what}");
            continue;
        }
        assert_eq!(step, Step::Close, "{what}");
        assert_eq!(played.faults, [Fault::Closed], "{what}");
        assert_eq!(played.said, "", "{what}");
        assert_eq!(played.resets - resets, played.was_in_transaction(what), "{what}");
        assert!(!played.delivered, "{what}");
        assert_eq!(played.server.state(), State::Closed);
    }
}

/// A client that closes only its writing side gets every reply that it is owed, and the final one to
/// a message that came whole.
#[test]
fn a_client_that_is_done_talking_is_answered() {
    let group = "MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nBDAT 2 LAST\r\nhi";
    let mut played = Played::to("EHLO c.example\r\n");
    played.said.clear();
    assert_eq!(played.server.wire().receive(group.as_bytes()), group.len());
    played.server.wire().received(0);
    assert_eq!(played.run(), Step::Event);
    assert!(played.delivered && played.faults.is_empty());
    match played.server.event() {
        Some(Event::Delivery(token)) => token.accept(),
        other => panic!("{other:?}"),
    }
    assert_eq!(played.run(), Step::Close);
    let codes: Vec<&str> = played.said.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "250"]);
    assert_eq!((played.faults, played.resets), (vec![Fault::Closed], 0));
}

/// S-84: 421 may be said in any state, and is the last that is said.
#[test]
fn a_server_stops_in_any_state() {
    for (what, octets) in SERVER_STATES {
        let mut played = Played::to(octets);
        let resets = played.resets;
        played.said.clear();
        played.server.abort(Rejection::SHUTTING_DOWN);
        assert_eq!(played.run(), Step::Close, "{what}");
        if what == "handshake" {
            assert_eq!(played.said, "", "{what}: nothing can be said in it");
        } else {
            assert!(played.said.starts_with("421 4.3.2 mx.example.net"), "{what}: {}", played.said);
            assert_eq!(played.said.lines().count(), 1, "{what}");
        }
        assert_eq!(played.resets - resets, played.was_in_transaction(what), "{what}");
        assert!(played.faults.is_empty(), "{what}");
    }
}

/// S-84: between the 220 to STARTTLS and the handshake nothing can be said either. A client would find it
/// in plaintext where TLS begins.
#[test]
fn a_server_stops_before_the_handshake() {
    for aborts in [false, true] {
        let mut played = Played::to("EHLO c.example\r\n");
        assert_eq!(played.server.wire().receive(b"STARTTLS\r\n"), 10);
        assert_eq!(played.server.step(), Step::Event);
        match played.server.event() {
            Some(Event::StartTls(token)) => token.accept(),
            other => panic!("{other:?}"),
        }
        assert_eq!(played.server.step(), Step::Write);
        let octets = take_output(played.server.wire(), usize::MAX);
        assert!(octets.starts_with(b"220 "));
        played.said.clear();
        if aborts {
            played.server.abort(Rejection::SHUTTING_DOWN);
        } else {
            played.server.wire().expire();
        }
        assert_eq!(played.run(), Step::Close);
        assert_eq!(played.said, "");
        let faults = if aborts { vec![] } else { vec![Fault::Timeout] };
        assert_eq!(played.faults, faults);
    }
}

/// How far a client has come: what its server says, and what it is told to do then.
const CLIENT_STATES: [&str; 12] = [
    "greeting", "start", "hello", "ready", "noop", "mail", "rcpt", "data", "content", "chunk",
    "delivery", "quit",
];

fn client_in(what: &str) -> Client {
    client_with(client::Config::default(), what)
}

fn client_with(config: client::Config, what: &str) -> Client {
    let mut client = Client::new(config);
    let at = CLIENT_STATES.iter().position(|state| *state == what).unwrap();
    let reached =
        |state: &str| at >= CLIENT_STATES.iter().position(|known| *known == state).unwrap();
    if reached("start") {
        let _ = hear(&mut client, "220 mx.example.net\r\n");
    }
    if reached("hello") {
        client.hello(HelloName::parse("c.example").unwrap()).unwrap();
    }
    if reached("ready") {
        let _ = hear(&mut client, "250-mx.example.net\r\n250-CHUNKING\r\n250 PIPELINING\r\n");
    }
    if what == "noop" {
        client.noop().unwrap();
    }
    if reached("mail") && what != "quit" {
        client.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
        if reached("rcpt") {
            let _ = hear(&mut client, "250 ok\r\n");
            client.rcpt(ForwardPath::parse("<b@x.example>").unwrap(), Parameters::EMPTY).unwrap();
        }
        if reached("data") {
            let _ = hear(&mut client, "250 ok\r\n");
            if what == "chunk" {
                client.chunk(Bytes::from_static(b"hi\r\n"), false).unwrap();
            } else {
                client.data().unwrap();
            }
        }
        if reached("content") && what != "chunk" {
            let _ = hear(&mut client, "354 go\r\n");
            client.body(Bytes::from_static(b"hi\r\n")).unwrap();
        }
        if reached("delivery") {
            client.end_of_data().unwrap();
        }
    }
    if what == "quit" {
        client.quit().unwrap();
    }
    client
}

/// The server says this; what is told of it, to the rest.
fn hear(client: &mut Client, octets: &str) -> (Vec<String>, Step) {
    if !octets.is_empty() {
        assert_eq!(client.wire().receive(octets.as_bytes()), octets.len());
    }
    let mut told = Vec::new();
    loop {
        match client.step() {
            Step::Write => drop(take_output(client.wire(), usize::MAX)),
            Step::Event => {
                told.extend(client.event().map(|event| match event {
                    client::Event::Reply { to, .. } => format!("{to:?}"),
                    client::Event::Fault(fault) => {
                        let told = format!("{fault:?}");
                        format!("Fault {}", told.split('(').next().unwrap_or_default())
                    }
                    other => format!("{other:?}"),
                }));
            }
            step => return (told, step),
        }
    }
}

/// C-65: 421 ends the session whatever it answers, or if it answers nothing, and nothing is sent
/// behind it.
#[test]
fn a_421_in_any_state() {
    for what in CLIENT_STATES {
        let mut client = client_in(what);
        let (told, step) = hear(&mut client, "421 4.3.2 mx.example.net closing\r\n");
        assert_eq!(step, Step::Close, "{what}");
        // With QUIT outstanding it is as good as 221.
        let expected = if what == "quit" { "Quit" } else { "Fault ServiceNotAvailable" };
        assert_eq!(told, [expected], "{what}");
        assert!(client.has_ended(), "{what}");
        assert_eq!(client.noop(), Err(Misuse::Ended), "{what}");
        assert_eq!(client.body(Bytes::from_static(b"x")), Err(Misuse::Ended), "{what}");
        assert_eq!(client.chunk(Bytes::new(), true), Err(Misuse::Ended), "{what}");
        assert_eq!(client.step(), Step::Close, "{what}");
    }
}

/// C-66: a server that closes its writing side answers no more, also while content is being sent.
#[test]
fn a_server_that_hangs_up_in_any_state() {
    for what in CLIENT_STATES {
        let mut client = client_in(what);
        client.wire().received(0);
        let (told, step) = hear(&mut client, "");
        assert_eq!(step, Step::Close, "{what}");
        let expected: &[&str] = if what == "quit" { &[] } else { &["Fault Closed"] };
        assert_eq!(told, expected, "{what}");
        assert_eq!(client.noop(), Err(Misuse::Ended), "{what}");
    }
}

/// … but what it had said before counts.
#[test]
fn replies_before_the_end_count() {
    let mut client = client_in("delivery");
    let _ = after_writing(&mut client);
    assert_eq!(client.wire().receive(b"250 taken\r\n"), 11);
    client.wire().received(0);
    let (told, _) = hear(&mut client, "");
    assert_eq!(told, ["Delivery { recipient: None }", "Fault Closed"]);
}

/// C-64: replies that answer nothing, and 3yz where it makes no sense, in any state.
#[test]
fn a_reply_that_makes_no_sense_in_any_state() {
    for what in CLIENT_STATES {
        for reply in ["354 go\r\n", "334 \r\n", "120 x\r\n", "650 x\r\n"] {
            let mut client = client_in(what);
            if what == "data" && reply.starts_with("354") {
                continue;
            }
            let (told, step) = hear(&mut client, reply);
            assert_eq!(step, Step::Close, "{what} {reply}");
            let wanted = if reply.starts_with('3') { "UnexpectedReply" } else { "Garbled" };
            assert_eq!(told, [format!("Fault {wanted}")], "{what} {reply}");
        }
        if matches!(what, "start" | "ready" | "content") {
            let mut client = client_in(what);
            let (told, step) = hear(&mut client, "250 what?\r\n");
            assert_eq!((told, step), (vec!["Fault UnexpectedReply".to_owned()], Step::Close));
        }
    }
}

/// How long the reply may take once all has left.
fn after_writing(client: &mut Client) -> Duration {
    assert_eq!(hear(client, ""), (Vec::new(), Step::Read));
    client.wire().timer().after
}

/// C-67g, C-67i: the reply to each of these has a time of its own.
#[test]
fn the_timer_of_chunks_and_of_other_commands() {
    let timeouts = ClientTimeouts::default();
    assert_eq!(timeouts.chunk, Duration::from_secs(300));
    assert_eq!(timeouts.other, Duration::from_secs(300));
    let mut config = client::Config::default();
    config.timeouts.chunk = Duration::from_secs(61);
    config.timeouts.other = Duration::from_secs(62);
    let mut client = client_with(config.clone(), "chunk");
    assert_eq!(after_writing(&mut client), Duration::from_secs(61));
    client.wire().expire();
    assert_eq!(hear(&mut client, "").0, ["Fault Timeout"]);
    type Send = fn(&mut Client) -> Result<(), Misuse>;
    let sent: [Send; 3] = [Client::noop, Client::reset, |client| {
        client.verify(Query::new(Text::new("b").unwrap(), false))
    }];
    for send in sent {
        let mut client = client_with(config.clone(), "ready");
        send(&mut client).unwrap();
        assert_eq!(after_writing(&mut client), Duration::from_secs(62));
    }
}
