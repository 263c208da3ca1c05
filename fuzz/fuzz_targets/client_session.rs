//! Invariant: whatever a server sends and its caller asks for, the client ends in steps linear in
//! the octets, holds no more than its bounds, every recipient has an outcome, and what it says and
//! tells does not depend on how the server's lines are cut.
#![no_main]

use std::fmt;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smtp_fuzz::{Choices, Cuts, Line, stretch};
use smtp_proto::{
    auth::client::{Login as LoginMechanism, Plain},
    bytes::Bytes,
    client::{
        Cause, Chunking, Client, Config, Content, Envelope, Event, Login, Opening, OpeningStep,
        Recipient, Report, Status, Surveyed, TlsUse, Transaction, TransactionOptions,
        TransactionStep,
    },
    command::{DomainList, Mechanism, Node, OtherCommand, Query, Text, Url},
    data::BareNewline,
    domain::HelloName,
    fault::Fault,
    parameter::{Body, Notify, ParameterList, Parameters},
    path::{ForwardPath, ReversePath},
    status::Severity,
    upstream::{Attribute, Forwarded, Overrides, Value},
    wire::{Endpoint, Step},
};

/// What a client may hold of its input: 16 KiB, with the largest reply of some.
const ROOM: usize = 16 * 1024;
const LARGE_ROOM: usize = 20_002;
/// What it may hold of its output: 16 KiB of commands, a command more, a secret line, and what the
/// caller gives it at a time, dots added.
const WAITING: usize = 64 * 1024;
/// The content, which is given piece by piece.
const BODY: &[u8] = b"Subject: fuzz\r\n\r\n..\r\n.\r\ntext\r\n.no newline";

#[derive(Debug, Arbitrary)]
struct Input<'i> {
    /// What the caller wants.
    script: u16,
    choices: Choices,
    /// 0 for a server that only answers; else when something happens from without.
    wild: u8,
    cuts: Cuts,
    octets: &'i [u8],
}

impl Input<'_> {
    fn bit(&self, bit: u16) -> bool {
        self.script & (1 << bit) != 0
    }

    fn config(&self) -> Config {
        let mut config = if self.bit(0) { Config::lmtp() } else { Config::default() };
        config.lockstep = self.bit(1);
        config.limits.reply = if self.bit(13) { LARGE_ROOM - 2 } else { 6000 };
        config.profile.client.lenient_reply_lf = self.bit(2) && self.bit(3);
        if self.bit(4) {
            config.limits.in_flight = 40;
            config.limits.queue = 60;
        }
        if self.bit(5) {
            config.profile.client.bare_newline = BareNewline::Normalize;
        }
        config
    }

    fn tls(&self) -> TlsUse {
        match (self.bit(6), self.bit(7)) {
            (true, true) => TlsUse::Required,
            (true, false) => TlsUse::Opportunistic,
            _ => TlsUse::None,
        }
    }

    fn login(&self) -> Option<Login> {
        let plain = Plain::new("", "user", "password").ok()?;
        let login = LoginMechanism::new("user", "password").ok()?;
        self.bit(8).then(|| Login::new().with(plain).with(login).allow_plaintext(self.bit(9)))
    }
}

/// What the caller hears and the server sees, without a trace of how octets were cut.
#[derive(Default, PartialEq, Eq)]
struct Story {
    events: Vec<String>,
    written: Vec<u8>,
    /// What has passed depends on when the octets came, which is as it should be.
    timed: bool,
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#?}", self.events)?;
        f.write_str(&String::from_utf8_lossy(&self.written))
    }
}

/// The server: octets that come when they are asked for, never past the end of a line, so that what
/// the client knows when it acts does not depend on the cuts.
struct Server<'i> {
    rest: &'i [u8],
    /// What is left of the line that is being given.
    of_line: usize,
    line: Line,
    steps: usize,
    most: usize,
    ended: bool,
}

impl Server<'_> {
    /// Steps the client up to its next event, idleness or end.
    fn run(&mut self, client: &mut Client, input: &Input<'_>, story: &mut Story) -> Step {
        loop {
            self.steps += 1;
            let most = self.most + 4 * self.line.written.len();
            assert!(self.steps < most, "{} steps", self.steps);
            if input.wild > 0 && self.steps.is_multiple_of(usize::from(input.wild)) {
                story.timed = true;
                self.meddle(client, input.choices.get(self.steps / usize::from(input.wild)));
            }
            let step = client.step();
            assert_eq!(client.step(), step, "asking again changes nothing");
            self.line.check(client.wire());
            match step {
                Step::Read => {
                    assert!(
                        client.wire().room() > 0 && !self.ended,
                        "asked to read what cannot come"
                    );
                    self.feed(client);
                }
                Step::Write => drop(self.line.drain(client)),
                other => return other,
            }
        }
    }

    fn feed(&mut self, client: &mut Client) {
        if self.rest.is_empty() {
            self.ended = true;
            return client.wire().received(0);
        }
        if self.of_line == 0 {
            let end = memchr::memchr(b'\n', self.rest);
            self.of_line = end.map_or(self.rest.len(), |end| end + 1);
        }
        let taken = self.line.feed(client, &self.rest[..self.of_line]);
        self.of_line -= taken;
        self.rest = &self.rest[taken..];
    }

    /// Things that happen from without.
    fn meddle(&mut self, client: &mut Client, choice: u8) {
        match choice % 8 {
            0 => client.wire().expire(),
            1 => client.wire().relax(),
            2 => client.tls_started(),
            _ if self.ended => {}
            _ => {
                // The server speaks before it is its turn, and of more than it was asked.
                let taken = self.line.feed(client, self.rest);
                self.rest = &self.rest[taken..];
                self.of_line = 0;
            }
        }
    }
}

fn play(input: &Input<'_>, octets: &[u8], cuts: Cuts) -> Story {
    let mut client = Client::new(input.config());
    if input.bit(10) {
        client.tls_started();
    }
    client.wire().record(4);
    let mut story = Story::default();
    let line = Line::new(cuts, if input.bit(13) { LARGE_ROOM } else { ROOM }, WAITING);
    let mut server = Server {
        rest: octets,
        of_line: 0,
        line,
        steps: 0,
        most: 3000 + 8 * octets.len(),
        ended: false,
    };
    if input.bit(11) {
        commands(input, &mut client, &mut server, &mut story);
    } else if open(input, &mut client, &mut server, &mut story) {
        for turn in 0..2 {
            transact(input, turn, &mut client, &mut server, &mut story);
        }
        let _ = client.quit();
        while let Step::Event = server.run(&mut client, input, &mut story) {
            note(client.event(), &mut story);
        }
    }
    for entry in client.wire().transcript().into_iter().flat_map(|transcript| transcript.drain()) {
        let shown = entry.to_string();
        // A reply has as many lines as it came in, each of them marked as the server's.
        let marked = |line: &str| line.starts_with("S:") && !line.chars().any(char::is_control);
        let one = !shown.chars().any(char::is_control);
        assert!(one || shown.split('\n').all(marked), "more than a line: {shown:?}");
        // What the server says is its own.
        let secret = shown.starts_with("C:") && shown.contains("AHVzZXIAcGFzc3dvcmQ=");
        assert!(!secret, "a secret is shown: {shown:?}");
    }
    story.written = server.line.written;
    story
}

/// Writes an event down.
fn note(event: Option<Event<'_>>, story: &mut Story) {
    match event {
        Some(Event::Fault(fault)) => {
            story.timed |= fault == Fault::PlaintextBehindStartTls;
            story.events.push(format!("Fault {fault:?}"));
        }
        Some(Event::UpgradeTls) => {
            story.timed = true;
            story.events.push("UpgradeTls".into());
        }
        Some(Event::Reply { to, reply }) => story.events.push(format!("{to:?} {reply}")),
        _ => {}
    }
}

fn open(
    input: &Input<'_>,
    client: &mut Client,
    server: &mut Server<'_>,
    story: &mut Story,
) -> bool {
    let name = HelloName::parse("client.example").expect("a name");
    let mut opening = Opening::new(name, input.tls());
    if let Some(login) = input.login() {
        opening = opening.login(login);
    }
    loop {
        match opening.next(client) {
            OpeningStep::Ready => {
                assert!(input.tls() != TlsUse::Required || client.is_tls());
                assert!(input.login().is_none() || client.is_authenticated());
                return true;
            }
            OpeningStep::Failed(error) => {
                story.events.push(format!("{error}"));
                let _ = (error.reply(), error.is_temporary(), opening.may_retry_without_tls());
                return false;
            }
            OpeningStep::Await => {}
        }
        let step = server.run(client, input, story);
        if step != Step::Event {
            // A client that awaits a reply has somebody to await it from; only meddling ends that.
            assert!(story.timed, "an opening stands still at {step:?}");
            return false;
        }
        match client.event() {
            Some(Event::Reply { to, reply }) => {
                opening.reply(to, reply);
                story.events.push(format!("{to:?} {reply}"));
            }
            Some(Event::UpgradeTls) => {
                assert_eq!(client.wire().room(), 0, "a handshake is not read as SMTP");
                client.tls_started();
                note(Some(Event::UpgradeTls), story);
            }
            Some(Event::Fault(fault)) => {
                note(Some(Event::Fault(fault.clone())), story);
                opening.fault(fault);
            }
            _ => {}
        }
    }
}

fn transact(
    input: &Input<'_>,
    turn: usize,
    client: &mut Client,
    server: &mut Server<'_>,
    story: &mut Story,
) {
    let choice = |index: usize| input.choices.get(index + 6 * turn);
    let mut list = ParameterList::new();
    list.notify(Notify::NEVER);
    let parameters = if input.bit(12) { list.as_parameters() } else { Parameters::EMPTY };
    let mut recipients = Vec::new();
    for index in 0..usize::from(choice(0) % 5) + 1 {
        let path = ["<a@b.example>", "<postmaster>", "<\u{e9}@b.example>"]
            [if choice(1) & 1 == 0 { index % 2 } else { index % 3 }];
        let path = ForwardPath::parse(path).expect("a path");
        recipients.push(Recipient { path, parameters });
    }
    let envelope = Envelope {
        reverse_path: ReversePath::Null,
        parameters: Parameters::EMPTY,
        recipients: &recipients,
    };
    let content = Content {
        size: (choice(1) & 2 != 0).then_some(2000),
        body: [Body::SevenBit, Body::EightBitMime, Body::BinaryMime][usize::from(choice(2) % 3)],
        smtputf8: choice(1) & 4 != 0,
    };
    let mut options = TransactionOptions::default();
    options.all_or_nothing = choice(1) & 8 != 0;
    if choice(1) & 16 != 0 {
        options.chunking = Chunking::Never;
    }
    let whole = Surveyed::new(BODY);
    let mut transaction = Transaction::new(envelope, content, options);
    if choice(5) & 2 != 0 {
        transaction = transaction.at_hand(&whole);
    }
    let mut pieces = smtp_fuzz::content_pieces(BODY, Cuts([choice(3), choice(4), 9, 0]));
    if choice(1) & 32 != 0 {
        pieces.push_front(Bytes::from_static(b"bare\n"));
    }
    let mut positive = 0;
    loop {
        match transaction.next(client) {
            Ok(TransactionStep::Done) => break,
            Err(misuse) => {
                story.events.push(format!("{misuse}"));
                break;
            }
            Ok(TransactionStep::Rewind) if choice(5) & 1 == 0 => {
                pieces = smtp_fuzz::content_pieces(BODY, Cuts([choice(3), choice(4), 9, 0]));
                transaction.rewound();
                continue;
            }
            Ok(TransactionStep::Rewind) => {
                transaction.cannot_rewind();
                continue;
            }
            Ok(TransactionStep::Await | TransactionStep::Body) => {}
        }
        match server.run(client, input, story) {
            Step::Event => match client.event() {
                Some(Event::Reply { to, reply }) => {
                    positive += usize::from(reply.severity() == Severity::PositiveCompletion);
                    story.events.push(format!("{to:?} {reply}"));
                    transaction.reply(to, reply);
                }
                Some(Event::Fault(fault)) => {
                    note(Some(Event::Fault(fault.clone())), story);
                    transaction.fault(client, fault);
                }
                other => note(other, story),
            },
            Step::Idle => {
                let given = match pieces.pop_front() {
                    Some(piece) => transaction.body(client, piece),
                    None => transaction.end_of_body(client),
                };
                if let Err(misuse) = given {
                    story.events.push(format!("{misuse}"));
                    if !client.has_ended() && story.timed {
                        break;
                    }
                    transaction.fail_body(misuse.to_string());
                    break;
                }
            }
            _ => break,
        }
    }
    let report = transaction.report();
    check(&report, recipients.len(), positive);
    story.events.push(format!("{report:?}"));
}

/// An outcome for each recipient; and nothing is delivered that the server has not said yes to.
fn check(report: &Report, recipients: usize, positive: usize) {
    assert_eq!(report.outcomes().len(), recipients);
    for outcome in report.outcomes() {
        let _ = (outcome.retry(), outcome.enhanced(), outcome.to_string());
        if outcome.status() == Status::Delivered {
            let Cause::Reply(reply) = outcome.cause() else { panic!("{outcome:?}") };
            assert_eq!(reply.severity(), Severity::PositiveCompletion);
            assert!(positive >= 3, "MAIL, RCPT and the content were accepted");
        }
    }
}

/// A caller that calls whatever comes to its mind: what is misuse is refused, and never sent.
fn commands(input: &Input<'_>, client: &mut Client, server: &mut Server<'_>, story: &mut Story) {
    let name = HelloName::parse("client.example").expect("a name");
    let text = Text::new("user").expect("a text");
    let null = ReversePath::Null;
    let path = ForwardPath::parse("<a@b.example>").expect("a path");
    let mut overrides = Overrides::default();
    overrides.set(Attribute::Name, Value::Known(&"n".repeat(255))).expect("a name");
    overrides.set(Attribute::HeloName, Value::Known(&"h".repeat(255))).expect("a name");
    overrides.set_address(Value::Known([192, 0, 2, 1].into()));
    let mut forwarded = Forwarded::default();
    forwarded.set_address(Value::Unavailable);
    forwarded.set(Attribute::Source, Value::Known("LOCAL")).expect("a source");
    let (mut calls, mut idle) = (0, 0);
    while idle < 24 {
        let choice = input.choices.get(calls + calls / 12);
        calls += 1;
        let result = match choice % 31 {
            0 | 1 => client.hello(name),
            2 => client.helo(name),
            3 => client.starttls(),
            4 => client.auth(Mechanism::parse("PLAIN").expect("a name"), Some(b"\0user\0password")),
            5 => client.auth(Mechanism::parse("LOGIN").expect("a name"), None),
            6 => client.auth_response(b"user"),
            7 => client.auth_cancel(),
            8 | 9 => client.mail(null, Parameters::EMPTY),
            10..=12 => client.rcpt(path, Parameters::EMPTY),
            13 => client.data(),
            14 => client.body(Bytes::from_static(BODY)),
            15 => client.end_of_data(),
            16 => client.chunk(Bytes::from_static(b"chunk\r\n"), false),
            17 => client.chunk(Bytes::new(), true),
            18 => client.reset(),
            19 => client.noop(),
            20 => client.verify(Query::new(text, false)),
            21 => client.expand(Query::new(text, true)).and_then(|()| client.help(None)),
            22 => client.extension("X-OWN", OtherCommand::new("XOWN", None).expect("a verb")),
            23 => client.etrn(Node::parse("@x.example").expect("a node")),
            24 => client.atrn(DomainList::parse("x.example").ok()),
            25 | 26 => {
                let url = Url::parse("imap://x.example/a;urlauth=anonymous:internal:91");
                client.burl(url.expect("a URL"), choice % 31 == 26)
            }
            27 => client.xclient(&overrides),
            28 => client.xforward(&forwarded),
            _ if choice & 32 != 0 => client.quit(),
            _ => Ok(()),
        };
        story.events.push(format!("{choice} {result:?}"));
        if choice & 64 != 0 && calls % 3 != 0 {
            continue;
        }
        match server.run(client, input, story) {
            Step::Event => {
                idle = 0;
                let event = client.event();
                let upgrade = matches!(event, Some(Event::UpgradeTls));
                if let Some(Event::Turned(_)) = event {
                    // Who was the server is the client from here on.
                    story.events.push("Turned".into());
                    return;
                }
                note(event, story);
                if upgrade && choice & 128 == 0 {
                    client.tls_started();
                }
            }
            Step::Idle => idle += 1,
            _ => return,
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let octets = stretch(input.octets);
    let first = play(&input, &octets, input.cuts);
    if !first.timed {
        assert_eq!(first, play(&input, &octets, Cuts::NONE));
    }
});
