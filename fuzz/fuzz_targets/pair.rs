//! Invariant: our client and our server always understand each other: however octets are cut, what
//! is delivered is the message octet by octet, nothing else is, and a server whose application
//! refuses nothing never says no.
#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smtp_fuzz::{
    Choices, Cuts, Line, completed, content_pieces, has_bare_newline, normalized, replies,
};
use smtp_proto::{
    answer::Rejection,
    auth::{
        client::Plain,
        server::{Mechanism as _, Plain as ServerPlain, Question, Step as AuthStep},
    },
    client::{
        self, Chunking, Client, Content, Envelope, Login, Opening, OpeningStep, Recipient, Status,
        TlsUse, Transaction, TransactionOptions, TransactionStep,
    },
    command::Mechanism,
    data::BareNewline,
    domain::{HelloName, Host},
    extension::Extension,
    parameter::{Body, Notify, ParameterList, Parameters},
    path::{ForwardPath, ReversePath},
    server::{self, Event, Server},
    wire::{Endpoint, Step},
};

const PATHS: [&str; 4] =
    ["<a@b.example>", "<\"quoted name\"@b.example>", "<postmaster>", "<user@[IPv6:2001:db8::1]>"];

#[derive(Debug, Arbitrary)]
struct Input<'i> {
    offers: u16,
    wants: u16,
    /// What the application answers where it may refuse.
    choices: Choices,
    client_cuts: Cuts,
    server_cuts: Cuts,
    content_cuts: Cuts,
    content: &'i [u8],
}

impl Input<'_> {
    fn offers(&self, bit: u16) -> bool {
        self.offers & (1 << bit) != 0
    }

    fn wants(&self, bit: u16) -> bool {
        self.wants & (1 << bit) != 0
    }

    fn refuses(&self) -> bool {
        self.offers(0)
    }

    fn server(&self) -> server::Config {
        let mut config = server::Config::new(Host::parse("mx.example").expect("a domain"));
        if self.wants(0) {
            config = config.lmtp();
        }
        for (bit, extension) in [
            (1, Extension::Pipelining),
            (2, Extension::Chunking),
            (3, Extension::EightBitMime),
            (4, Extension::EnhancedStatusCodes),
            (5, Extension::Size),
        ] {
            if self.offers(bit) {
                config = config.withhold(extension);
            }
        }
        for (bit, extension) in [(6, Extension::StartTls), (7, Extension::Dsn)] {
            if self.offers(bit) {
                config = config.offer(extension);
            }
        }
        if self.offers(8) && !self.offers(2) {
            config = config.offer(Extension::BinaryMime);
        }
        config
            .mechanism(Mechanism::parse("PLAIN").expect("a name"), true)
            .profile(|profile| profile.server.plaintext_auth = true)
            .limits(|limits| limits.content_buffer = 4096)
    }

    fn client(&self) -> client::Config {
        let mut config =
            if self.wants(0) { client::Config::lmtp() } else { client::Config::default() };
        config.lockstep = self.wants(1);
        config.limits.reply = 4096;
        if self.wants(2) {
            config.profile.client.bare_newline = BareNewline::Normalize;
        }
        if self.wants(3) {
            config.limits.in_flight = 64;
            config.limits.queue = 64;
        }
        config
    }

    /// Whether the application says yes to its next question.
    fn says_yes(&self, question: &mut usize) -> bool {
        *question += 1;
        !self.refuses() || self.choices.get(*question) & 3 != 0
    }
}

/// The server's application, and the network on its side.
struct Mx<'i> {
    input: &'i Input<'i>,
    server: Server,
    line: Line,
    questions: usize,
    body: Vec<u8>,
    /// Messages it took responsibility for, and for how many recipients each.
    delivered: Vec<(Vec<u8>, usize)>,
    tls: bool,
    plain: ServerPlain,
}

impl Mx<'_> {
    /// Goes on as far as there is no need for the client; gives what it has to say.
    fn run(&mut self, to_client: &mut Vec<u8>) -> Step {
        loop {
            self.line.check(self.server.wire());
            match self.server.step() {
                Step::Write => to_client.extend(self.line.drain(&mut self.server)),
                Step::Event => self.event(),
                other => return other,
            }
        }
    }

    fn event(&mut self) {
        let no = Rejection::TRY_LATER;
        let question = &mut self.questions;
        match self.server.event() {
            Some(Event::Connected(question)) => question.accept(),
            Some(Event::Hello(question)) => question.accept(),
            Some(Event::StartTls(question)) => question.accept(),
            Some(Event::Auth(asked)) => match self.plain.step(asked.response()) {
                AuthStep::Challenge(challenge) => asked.challenge(challenge.as_slice()),
                AuthStep::Ask(Question::Password(who)) => {
                    assert_eq!(
                        (who.authcid(), who.password().as_str()),
                        ("user", Some("password"))
                    );
                    asked.accept();
                }
                other => panic!("{other:?}"),
            },
            Some(Event::Mail(asked)) => {
                self.body.clear();
                if self.input.says_yes(question) { asked.accept() } else { asked.reject(no) }
            }
            Some(Event::Rcpt(asked)) => {
                if self.input.says_yes(question) {
                    asked.accept()
                } else {
                    asked.reject(no)
                }
            }
            Some(Event::Data(asked)) => {
                if self.input.says_yes(question) {
                    asked.accept()
                } else {
                    asked.reject(no)
                }
            }
            Some(Event::Delivery(asked)) => {
                assert_eq!(asked.size(), self.body.len() as u64);
                let first = asked.recipient().is_none_or(|index| index == 0);
                if first {
                    self.delivered.push((self.body.clone(), 0));
                }
                if self.input.says_yes(question) {
                    asked.accept();
                    if let Some((_, count)) = self.delivered.last_mut() {
                        *count += 1;
                    }
                } else {
                    asked.reject(no);
                }
            }
            Some(Event::Body(octets)) => self.body.extend_from_slice(&octets),
            Some(Event::Reset) => self.body.clear(),
            Some(Event::UpgradeTls { discarded }) => {
                assert_eq!(discarded, 0);
                self.tls = true;
            }
            Some(Event::Fault(fault)) => {
                // Only a client that gave its content up leaves without QUIT.
                assert_eq!(fault, smtp_proto::fault::Fault::Closed);
            }
            Some(Event::Leniency(_)) => {}
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}

/// Both sides and what is between them.
struct Pair<'i> {
    client: Client,
    client_line: Line,
    host: Mx<'i>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    turns: usize,
}

impl Pair<'_> {
    /// Goes on up to the client's next event, idleness or end.
    fn run(&mut self) -> Step {
        loop {
            self.turns += 1;
            assert!(self.turns < 200_000, "nothing comes of it");
            self.client_line.check(self.client.wire());
            let step = self.client.step();
            match step {
                Step::Write => self.to_server.extend(self.client_line.drain(&mut self.client)),
                Step::Read => self.exchange(),
                Step::Event | Step::Idle | Step::Close => return step,
            }
        }
    }

    /// The server goes on; something comes back.
    fn exchange(&mut self) {
        let step = self.host.run(&mut self.to_client);
        if !self.to_client.is_empty() {
            let taken = self.client_line.feed(&mut self.client, &self.to_client);
            self.to_client.drain(..taken);
        } else if !self.to_server.is_empty() && step == Step::Read {
            let taken = self.host.line.feed(&mut self.host.server, &self.to_server);
            assert!(taken > 0);
            self.to_server.drain(..taken);
        } else {
            assert_eq!(step, Step::Close, "both sides wait for each other: {}", self.transcript());
            self.client.wire().received(0);
        }
    }

    /// What was said, as the client has it.
    fn transcript(&mut self) -> String {
        let entries = self.client.wire().transcript().map(|transcript| transcript.drain());
        entries.into_iter().flatten().map(|entry| format!("\n{entry}")).collect()
    }

    /// The handshake, which is empty here: both sides have come to it and to nothing else.
    fn upgrade(&mut self) {
        assert_eq!(self.host.run(&mut self.to_client), Step::Idle);
        assert!(self.host.tls && self.to_server.is_empty() && self.to_client.is_empty());
        assert_eq!((self.client.wire().room(), self.host.server.wire().room()), (0, 0));
        self.client.tls_started();
        self.host.server.tls_started();
    }

    fn open(&mut self) {
        let name = HelloName::parse("client.example").expect("a name");
        let mut opening = Opening::new(name, TlsUse::Opportunistic);
        if self.host.input.wants(4) {
            let plain = Plain::new("", "user", "password").expect("credentials");
            opening = opening.login(Login::new().with(plain).allow_plaintext(true));
        }
        loop {
            match opening.next(&mut self.client) {
                OpeningStep::Ready => return,
                OpeningStep::Failed(error) => panic!("{error}"),
                OpeningStep::Await => {}
            }
            assert_eq!(self.run(), Step::Event);
            match self.client.event() {
                Some(client::Event::Reply { to, reply }) => opening.reply(to, reply),
                Some(client::Event::UpgradeTls) => self.upgrade(),
                Some(client::Event::Leniency(_)) => {}
                Some(other) => panic!("{other:?}"),
                None => {}
            }
        }
    }

    /// Sends the message; which recipients it is delivered to, by the client's report. `None` when
    /// the client gave up in the middle of the content.
    fn send(&mut self, recipients: &[Recipient<'_>]) -> Option<Vec<Status>> {
        let input = self.host.input;
        let reverse_path = ReversePath::Null;
        let envelope = Envelope { reverse_path, parameters: Parameters::EMPTY, recipients };
        let binary = input.wants(5);
        let content = Content {
            size: input.wants(6).then_some(input.content.len() as u64),
            body: if binary { Body::BinaryMime } else { Body::SevenBit },
            smtputf8: false,
        };
        let mut options = TransactionOptions::default();
        options.all_or_nothing = input.wants(7);
        if input.wants(8) {
            options.chunking = Chunking::Never;
        }
        let mut transaction = Transaction::new(envelope, content, options);
        let mut pieces = content_pieces(input.content, input.content_cuts);
        loop {
            match transaction.next(&mut self.client) {
                Ok(TransactionStep::Done) => break,
                Ok(TransactionStep::Rewind) => {
                    pieces = content_pieces(input.content, input.content_cuts);
                    transaction.rewound();
                    continue;
                }
                Ok(TransactionStep::Await | TransactionStep::Body) => {}
                Err(misuse) => panic!("{misuse}"),
            }
            match self.run() {
                Step::Event => match self.client.event() {
                    Some(client::Event::Reply { to, reply }) => {
                        transaction.reply(to, reply);
                    }
                    Some(client::Event::Leniency(_)) => {}
                    Some(other) => panic!("{other:?}"),
                    None => {}
                },
                Step::Idle => {
                    let given = match pieces.pop_front() {
                        Some(piece) => transaction.body(&mut self.client, piece),
                        None => transaction.end_of_body(&mut self.client),
                    };
                    if let Err(misuse) = given {
                        assert!(!binary);
                        let takes_8bit = self
                            .client
                            .capabilities()
                            .is_some_and(|offered| offered.offers(Extension::EightBitMime));
                        match misuse {
                            client::Misuse::BareNewline => {
                                assert!(has_bare_newline(input.content) && !input.wants(2));
                            }
                            client::Misuse::EightBit => {
                                assert!(!input.content.is_ascii() && !takes_8bit);
                            }
                            other => panic!("{other}"),
                        }
                        transaction.fail_body(misuse.to_string());
                        let report = transaction.report();
                        assert!(report.outcomes().iter().all(|outcome| !outcome.is_delivered()));
                        return None;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        let report = transaction.report();
        Some(report.outcomes().iter().map(client::Outcome::status).collect())
    }
}

fuzz_target!(|input: Input<'_>| {
    let server = Server::new(Arc::new(input.server()));
    let mut client = Client::new(input.client());
    client.wire().record(1000);
    let waiting = 64 * 1024 + 2 * input.content.len();
    let host = Mx {
        input: &input,
        server,
        line: Line::new(input.server_cuts, 12_352, waiting),
        questions: 0,
        body: Vec::new(),
        delivered: Vec::new(),
        tls: false,
        plain: ServerPlain::new(),
    };
    let client_line = Line::new(input.client_cuts, 16 * 1024, waiting);
    let mut pair =
        Pair { client, client_line, host, to_server: Vec::new(), to_client: Vec::new(), turns: 0 };
    pair.open();
    assert_eq!(pair.client.is_tls(), input.offers(6));
    assert_eq!(pair.host.server.is_authenticated(), input.wants(4));

    let mut dsn = ParameterList::new();
    dsn.notify(Notify::FAILURE);
    let recipients: Vec<_> = (0..usize::from(input.choices.get(0) % 9) + 1)
        .map(|index| Recipient {
            path: ForwardPath::parse(PATHS[index % PATHS.len()]).expect("a path"),
            parameters: dsn.as_parameters(),
        })
        .collect();
    let bdat = !input.offers(2) && (!input.wants(8) || input.wants(5));
    let binary = input.wants(5);
    let possible = !binary || (input.offers(8) && !input.offers(2));
    let mut expected = input.content.to_vec();
    if input.wants(2) && !binary {
        expected = normalized(&expected);
    }
    if !bdat {
        expected = completed(expected);
    }
    let (mut is_open, mut answers) = (true, 0);
    for turn in 1..=2 {
        let Some(outcomes) = pair.send(&recipients) else {
            // The connection is dropped; the server must not take what came so far for a message.
            let sent = std::mem::take(&mut pair.to_server);
            let mut rest = &sent[..];
            loop {
                match pair.host.run(&mut pair.to_client) {
                    Step::Read if rest.is_empty() => pair.host.server.wire().received(0),
                    Step::Read => {
                        let taken = pair.host.line.feed(&mut pair.host.server, rest);
                        rest = &rest[taken..];
                    }
                    Step::Close => break,
                    other => panic!("{other:?}"),
                }
            }
            assert!(pair.host.delivered.is_empty());
            is_open = false;
            break;
        };
        assert_eq!(outcomes.len(), recipients.len());
        let delivered = outcomes.iter().filter(|status| **status == Status::Delivered).count();
        if !possible {
            assert_eq!((delivered, pair.host.delivered.len()), (0, 0));
        } else if !input.refuses() {
            assert_eq!(delivered, recipients.len());
            assert_eq!(pair.host.delivered.len(), turn);
        }
        // Both sides think the same of who has the message: in SMTP one answer stands for all.
        answers += if input.wants(0) { delivered } else { delivered.min(1) };
        let taken: usize = pair.host.delivered.iter().map(|(_, count)| count).sum();
        assert_eq!(taken, answers);
    }
    for (message, _) in &pair.host.delivered {
        assert!(
            *message == expected,
            "\"{}\" instead of \"{}\"",
            message.escape_ascii(),
            expected.escape_ascii()
        );
    }
    if is_open {
        pair.client.quit().expect("an open session can be left");
        while pair.run() == Step::Event {
            if let Some(client::Event::Fault(fault)) = pair.client.event() {
                panic!("{fault}");
            }
        }
        assert!(pair.client.has_ended());
    }

    for reply in replies(&pair.host.line.written) {
        let code = reply.code().value();
        assert!(input.refuses() || code < 400, "{reply}");
        assert!(!matches!(code, 500 | 501 | 502 | 504 | 555), "{reply}");
    }
    if input.wants(4) {
        let transcript = pair.transcript();
        assert!(!transcript.contains("AHVzZXIAcGFzc3dvcmQ="), "a secret is shown: {transcript}");
    }
});
