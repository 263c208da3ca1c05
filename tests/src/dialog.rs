//! Sessions written down as RFC 5321 appendix D writes them, and what plays them.
//!
//! ```text
//! # F-05 comments cite the checklist
//! config limit message 1000
//! S: 220 mx.example.net
//! C: RCPT TO:<nobody@example.net>
//! event Rcpt <nobody@example.net>
//! reject 550 5.1.1 no such mailbox
//! S: 550 5.1.1 no such mailbox
//! ```
//!
//! | line | means |
//! | --- | --- |
//! | `C: text` | the client says this line; CRLF is added |
//! | `C> text` | the same, nothing added |
//! | `S: text` | the server says a line that begins so |
//! | `S* 250` | the server says a whole reply with this code, of any number of lines |
//! | `accept [text]`, `reject 550 5.1.1 text`, `challenge text` | what the application answers to the questions that the `C` lines since the server last spoke raise, in order; `accept` where nothing is said |
//! | `event Mail <a@b> …`, `body "…"`, `reset`, `fault Timeout`, `close` | what happens; of each kind that a file names, it names all |
//! | `tls`, `expire`, `eof`, `shutdown` | the handshake is done; the timer runs out; the peer closes; the server is to end |
//! | `config …` | see [`Dialog::parse`] |
//!
//! In texts `\r`, `\n`, `\0`, `\t`, `\\`, `\"` and `\xHH` are escapes; `\(ab*100)` is `ab` a hundred
//! times.
//!
//! A [`Dialog`] is played by [`Dialog::check`] in all the ways that must not make a difference: all
//! octets at once, octet by octet, every split in two, with every question dropped once before it is
//! answered, and with the session asked for events when it has none. Where the client has to wait (354,
//! the handshake) all of these wait. [`Dialog::over`] plays it over any [`Line`], such as a stream.

use std::{collections::VecDeque, fmt::Write as _, sync::Arc};

use smtp_proto::{
    answer::{Acceptance, Rejection},
    command::Mechanism,
    data::BareNewline,
    domain::Host,
    extension::Extension,
    limits::ServerLimits,
    profile::Syntax,
    server::{Config, Event, Server},
    status::{Code, EnhancedCode},
    wire::{Endpoint, Step},
};

use crate::take_output;

/// A line of a dialog that is not a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The client says these octets.
    Client(Vec<u8>),
    /// The server says a line that begins with these octets.
    Server(Vec<u8>),
    /// The server says a whole reply with this code.
    Reply(String),
    /// The application's answer to the next question.
    Answer(Answer),
    /// Something happens in the machine.
    Expect(String),
    /// The TLS handshake is done.
    Tls,
    /// The timer runs out.
    Expire,
    /// The peer closes.
    Eof,
    /// The server is to end when it can.
    ShutDown,
}

/// What the application answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes, perhaps with a text, a code and an enhanced code.
    Accept(String),
    /// No.
    Reject(Rejection<'static>),
    /// 334 with this challenge.
    Challenge(Vec<u8>),
}

/// A dialog of a server session.
#[derive(Debug, Clone)]
pub struct Dialog {
    name: String,
    /// What happens, in order.
    pub actions: Vec<Action>,
    config: Config,
    /// TLS is there from the first octet.
    pub implicit_tls: bool,
    /// How octets are grouped matters here: only the grouping as written is played.
    pub together: bool,
}

/// What a dialog is played over, when it is not the bare machine: a stream of an adapter, say.
pub trait Line {
    /// Sends octets to the server.
    fn send(&mut self, octets: &[u8]);
    /// The next line the server says, with its CRLF; `None` when it has closed.
    fn line(&mut self) -> Option<Vec<u8>>;
    /// Does the client's part of a TLS handshake.
    fn handshake(&mut self);
    /// Makes the time pass that the server waits.
    fn expire(&mut self);
    /// Closes the client's side.
    fn eof(&mut self);
    /// Asks the server to end.
    fn shut_down(&mut self);
}

impl Dialog {
    /// Reads a dialog.
    ///
    /// `config` lines: `lmtp`, `starttls`, `implicit-tls`, `mechanism NAME [plaintext]`,
    /// `allow-plaintext`, `require-tls`, `require-auth`, `offer KEYWORD`, `withhold KEYWORD`,
    /// `verb NAME`, `normalize`, `early-data`, `discard-behind-starttls`,
    /// `syntax lenient|strict`, `limit NAME N`, `banner TEXT`, `help TEXT`, `together`.
    ///
    /// # Panics
    /// When a line is none of those of this language.
    pub fn parse(name: &str, text: &str) -> Self {
        let mut dialog = Self {
            name: name.to_owned(),
            actions: Vec::new(),
            config: Config::new(Host::parse("mx.example.net").unwrap()),
            implicit_tls: false,
            together: false,
        };
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(setting) = line.strip_prefix("config ") {
                dialog.configure(setting.trim());
            } else {
                let action = action(line)
                    .unwrap_or_else(|| panic!("{name}:{}: what is {line:?}?", number + 1));
                dialog.actions.push(action);
            }
        }
        dialog
    }

    fn configure(&mut self, setting: &str) {
        let (word, rest) = setting.split_once(' ').unwrap_or((setting, ""));
        let config = self.config.clone();
        let extension = || {
            Extension::from_keyword(rest.as_bytes())
                .unwrap_or_else(|| panic!("{}: extension {rest}", self.name))
        };
        self.config = match word {
            "lmtp" => config.lmtp(),
            "starttls" => config.offer(Extension::StartTls),
            "implicit-tls" => {
                self.implicit_tls = true;
                config
            }
            "mechanism" => {
                let (name, plaintext) = match rest.split_once(' ') {
                    Some((name, _)) => (name, true),
                    None => (rest, false),
                };
                config.mechanism(Mechanism::parse(name).unwrap(), plaintext)
            }
            "allow-plaintext" => config.allow_plaintext_auth(true),
            "require-tls" => config.require_tls(true),
            "require-auth" => config.require_auth(true),
            "offer" => config.offer(extension()),
            "withhold" => config.withhold(extension()),
            "verb" => config.verb(rest),
            "normalize" => config.bare_newline(BareNewline::Normalize),
            "early-data" => config.allow_early_data(true),
            "discard-behind-starttls" => config.discard_behind_starttls(true),
            "banner" => config.banner(rest),
            "help" => config.help(&String::from_utf8(unescape(rest)).unwrap()),
            "together" => {
                self.together = true;
                config
            }
            "syntax" if rest == "lenient" => config.syntax(Syntax::LENIENT),
            "syntax" if rest == "strict" => config.syntax(Syntax::STRICT),
            "limit" => {
                let (which, number) = rest.split_once(' ').expect("limit NAME N");
                let number: u64 = number.parse().expect("a number");
                let small = u32::try_from(number).unwrap_or(u32::MAX);
                config.limits(|limits: &mut ServerLimits| match which {
                    "message" => limits.message = Some(number),
                    "discard" => limits.discard = number,
                    "recipients" => limits.recipients = small,
                    "bad-commands" => limits.bad_commands = small,
                    "failed-auth" => limits.failed_auth = small,
                    _ => panic!("limit {which}"),
                })
            }
            _ => panic!("{}: config {setting}", self.name),
        };
    }

    /// The configuration of the server.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// The client's octets up to each point where it has to wait.
    fn flights(&self) -> Vec<Flight> {
        let mut flights = vec![Flight::default()];
        let mut waits = false;
        for action in &self.actions {
            let last = flights.last_mut().unwrap();
            match action {
                Action::Client(octets) => {
                    if waits {
                        flights.push(Flight::default());
                        waits = false;
                    }
                    flights.last_mut().unwrap().octets.extend_from_slice(octets);
                    let ends_group = octets == b"STARTTLS\r\n" || octets == b"DATA\r\n";
                    waits |= ends_group && !self.together;
                }
                Action::Server(line) => waits |= line.starts_with(b"354"),
                Action::Tls | Action::Expire | Action::Eof | Action::ShutDown => {
                    last.then.push(action.clone());
                    waits = true;
                }
                _ => {}
            }
        }
        flights
    }

    /// Plays the dialog line by line; what was answered to each question is then known by the
    /// question's number.
    fn line_by_line(&self) -> (Vec<Answer>, Play) {
        let mut play = Play::new(self, Manner::default(), None);
        let mut answers = Vec::new();
        let mut pending = VecDeque::new();
        let mut actions = self.actions.iter().peekable();
        while actions.peek().is_some() {
            // A group: what the client says, the answers to it, and what the server says.
            let mut lines: Vec<Vec<u8>> = Vec::new();
            let mut said = false;
            while let Some(action) = actions.next_if(|action| match action {
                Action::Client(_) => !said,
                Action::Tls | Action::Expire | Action::Eof | Action::ShutDown => false,
                _ => true,
            }) {
                match action {
                    Action::Client(octets) if self.together && !lines.is_empty() => {
                        lines[0].extend_from_slice(octets);
                    }
                    Action::Client(octets) => lines.push(octets.clone()),
                    Action::Answer(answer) => pending.push_back(answer.clone()),
                    Action::Server(_) | Action::Reply(_) => said = true,
                    _ => {}
                }
            }
            let mut answer = |_| {
                let answer = pending.pop_front().unwrap_or(Answer::Accept(String::new()));
                answers.push(answer.clone());
                answer
            };
            play.feed_with(&[], &mut answer);
            for line in lines {
                play.feed_with(&line, &mut answer);
            }
            assert!(
                pending.is_empty(),
                "{}: {pending:?} answers nothing",
                self.name
            );
            let apart = |action: &&Action| {
                matches!(
                    action,
                    Action::Tls | Action::Expire | Action::Eof | Action::ShutDown
                )
            };
            while let Some(action) = actions.next_if(apart) {
                play.perform(action);
            }
        }
        (answers, play)
    }

    /// Plays the dialog in every way, and panics where one makes a difference.
    pub fn check(&self) {
        let (answers, canonical) = self.line_by_line();
        self.compare_text(&canonical.output);
        self.compare_events(&canonical.events);
        let answers = Arc::new(answers);
        let run = |manner: Manner| {
            let played = self.play(manner, &answers);
            assert_eq!(
                (played.output_text(), &played.events),
                (canonical.output_text(), &canonical.events),
                "{} played {manner:?}",
                self.name
            );
        };
        run(Manner {
            hesitant: true,
            ..Manner::default()
        });
        if self.together {
            return;
        }
        run(Manner::default());
        run(Manner {
            pieces: Some(1),
            ..Manner::default()
        });
        run(Manner {
            pieces: Some(1),
            hesitant: true,
            pestered: true,
            ..Manner::default()
        });
        run(Manner {
            pieces: Some(3),
            pestered: true,
            ..Manner::default()
        });
        let lengths: Vec<usize> = self
            .flights()
            .iter()
            .map(|flight| flight.octets.len())
            .collect();
        for (flight, &length) in lengths.iter().enumerate() {
            // Every split of a short flight; of a long one, those where something may happen.
            let stride = length / 400 + 1;
            for at in (1..length).step_by(stride) {
                run(Manner {
                    split: Some((flight, at)),
                    ..Manner::default()
                });
            }
        }
    }

    fn play(&self, manner: Manner, answers: &Arc<Vec<Answer>>) -> Play {
        let mut play = Play::new(self, manner, Some(Arc::clone(answers)));
        play.feed(&[]);
        for (number, flight) in self.flights().iter().enumerate() {
            let octets = &flight.octets[..];
            match (manner.pieces, manner.split) {
                (Some(size), _) => octets.chunks(size).for_each(|piece| play.feed(piece)),
                (None, Some((split, at))) if split == number => {
                    let (head, tail) = octets.split_at(at);
                    play.feed(head);
                    play.feed(tail);
                }
                _ => play.feed(octets),
            }
            for action in &flight.then {
                play.perform(action);
            }
        }
        play
    }

    /// What the application answers to each question, in order: for a server that is driven by
    /// something else.
    pub fn answers(&self) -> Vec<Answer> {
        self.line_by_line().0
    }

    /// Plays the dialog over `line` and compares what the server says.
    ///
    /// # Panics
    /// When the server says something else.
    pub fn over(&self, line: &mut impl Line) {
        let mut pending = Vec::new();
        for action in &self.actions {
            match action {
                Action::Client(octets) => pending.extend_from_slice(octets),
                Action::Answer(_) | Action::Expect(_) => {}
                other => {
                    if !pending.is_empty() {
                        line.send(&core::mem::take(&mut pending));
                    }
                    match other {
                        Action::Server(expected) => {
                            let said = line.line().unwrap_or_default();
                            assert!(
                                said.starts_with(expected),
                                "{}: {} where {} was due",
                                self.name,
                                said.escape_ascii(),
                                expected.escape_ascii()
                            );
                        }
                        Action::Reply(code) => loop {
                            let said = line.line().unwrap_or_default();
                            assert!(said.starts_with(code.as_bytes()), "{}: {code}", self.name);
                            if said.get(3) != Some(&b'-') {
                                break;
                            }
                        },
                        Action::Tls => line.handshake(),
                        Action::Expire => line.expire(),
                        Action::Eof => line.eof(),
                        _ => line.shut_down(),
                    }
                }
            }
        }
        if !pending.is_empty() {
            line.send(&pending);
        }
    }

    fn compare_text(&self, output: &[u8]) {
        let mut lines = output.split_inclusive(|&octet| octet == b'\n');
        let said = output.escape_ascii().to_string().replace("\\r\\n", "\n");
        for action in &self.actions {
            match action {
                Action::Server(expected) => {
                    let line = lines.next().unwrap_or_default();
                    assert!(
                        line.starts_with(expected) && line.ends_with(b"\r\n"),
                        "{}: {:?} where {:?} was due in\n{said}",
                        self.name,
                        line.escape_ascii().to_string(),
                        expected.escape_ascii().to_string()
                    );
                }
                Action::Reply(code) => loop {
                    let line = lines.next().unwrap_or_default();
                    assert!(
                        line.starts_with(code.as_bytes()),
                        "{}: {:?} where {code} was due in\n{said}",
                        self.name,
                        line.escape_ascii().to_string(),
                    );
                    if line.get(3) != Some(&b'-') {
                        break;
                    }
                },
                _ => {}
            }
        }
        let rest: Vec<_> = lines.map(|line| line.escape_ascii().to_string()).collect();
        assert!(
            rest.is_empty(),
            "{}: also said {rest:?} in\n{said}",
            self.name
        );
    }

    fn compare_events(&self, events: &[String]) {
        let expected: Vec<&String> = self
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::Expect(event) => Some(event),
                _ => None,
            })
            .collect();
        let kind = |event: &str| event.split(' ').next().unwrap_or_default().to_owned();
        let named: Vec<String> = expected.iter().map(|event| kind(event)).collect();
        let happened: Vec<&String> = events
            .iter()
            .filter(|event| named.contains(&kind(event)))
            .collect();
        let same = happened.len() == expected.len()
            && happened.iter().zip(&expected).all(|(happened, expected)| {
                happened == expected || happened.starts_with(&format!("{expected} "))
            });
        assert!(
            same,
            "{}: expected {expected:#?}\nbut there was {events:#?}",
            self.name
        );
    }
}

#[derive(Debug, Clone, Default)]
struct Flight {
    octets: Vec<u8>,
    then: Vec<Action>,
}

/// A way to play a dialog.
#[derive(Debug, Clone, Copy, Default)]
struct Manner {
    /// Octets come in pieces of this size.
    pieces: Option<usize>,
    /// One flight is cut in two.
    split: Option<(usize, usize)>,
    /// Each question is dropped once before it is answered.
    hesitant: bool,
    /// The session is asked for events all the time.
    pestered: bool,
}

/// A server session in the course of a dialog.
#[derive(Debug)]
struct Play {
    server: Server,
    manner: Manner,
    answers: Option<Arc<Vec<Answer>>>,
    asked: usize,
    /// The present question was dropped once.
    dropped: bool,
    output: Vec<u8>,
    events: Vec<String>,
    body: Vec<u8>,
    closed: bool,
}

impl Play {
    fn new(dialog: &Dialog, manner: Manner, answers: Option<Arc<Vec<Answer>>>) -> Self {
        let mut server = Server::new(Arc::new(dialog.config()));
        if dialog.implicit_tls {
            server.tls_started();
        }
        Self {
            server,
            manner,
            answers,
            asked: 0,
            dropped: false,
            output: Vec::new(),
            events: Vec::new(),
            body: Vec::new(),
            closed: false,
        }
    }

    fn output_text(&self) -> String {
        self.output
            .escape_ascii()
            .to_string()
            .replace("\\r\\n", "\n")
    }

    fn feed(&mut self, octets: &[u8]) {
        let answers = self.answers.clone().unwrap_or_default();
        self.feed_with(octets, &mut |asked| {
            answers
                .get(asked)
                .cloned()
                .unwrap_or(Answer::Accept(String::new()))
        });
    }

    fn feed_with(&mut self, mut octets: &[u8], answer: &mut dyn FnMut(usize) -> Answer) {
        self.settle(answer);
        while !octets.is_empty() {
            let taken = self.server.wire().receive(octets);
            octets = &octets[taken..];
            self.settle(answer);
            if taken == 0 && self.server.wire().room() == 0 {
                // What is said to a session that is over, or in a handshake, is lost.
                return;
            }
        }
    }

    fn perform(&mut self, action: &Action) {
        match action {
            Action::Tls => {
                assert_eq!(self.server.step(), Step::Idle, "there is no handshake");
                assert_eq!(self.server.wire().room(), 0);
                self.server.tls_started();
            }
            Action::Expire => self.server.wire().expire(),
            Action::Eof => self.server.wire().received(0),
            Action::ShutDown => self.server.shut_down(Rejection::SHUTTING_DOWN),
            _ => unreachable!("only what happens to a session"),
        }
        self.feed(&[]);
    }

    fn settle(&mut self, answer: &mut dyn FnMut(usize) -> Answer) {
        for _ in 0..1_000_000 {
            let step = self.server.step();
            assert_eq!(self.server.step(), step, "asking again made a difference");
            match step {
                Step::Event => self.event(answer),
                Step::Write => {
                    let octets = take_output(self.server.wire(), usize::MAX);
                    assert!(!octets.is_empty());
                    self.output.extend_from_slice(&octets);
                }
                Step::Close => {
                    if !self.closed {
                        self.closed = true;
                        self.events.push("Close".to_owned());
                    }
                    return;
                }
                Step::Read | Step::Idle => {
                    if self.manner.pestered {
                        let event = self.server.event();
                        assert!(event.is_none(), "an event out of nothing: {event:?}");
                    }
                    return;
                }
            }
        }
        panic!("the session spins: {:?}", self.server);
    }

    fn event(&mut self, answer: &mut dyn FnMut(usize) -> Answer) {
        let hesitant = self.manner.hesitant && !self.dropped;
        let Some(event) = self.server.event() else {
            return;
        };
        if let Event::Body(octets) = event {
            assert!(!octets.is_empty());
            self.body.extend_from_slice(&octets);
            return;
        }
        let told = describe(&event);
        let news = matches!(
            event,
            Event::Reset | Event::Fault(_) | Event::UpgradeTls { .. }
        );
        if news {
            if matches!(event, Event::Reset) {
                self.body.clear();
            }
            self.events.push(told);
            return;
        }
        if hesitant {
            self.dropped = true;
            return;
        }
        self.dropped = false;
        if matches!(event, Event::Delivery(_)) && !self.events.last().is_some_and(is_delivery) {
            self.events
                .push(format!("Body \"{}\"", self.body.escape_ascii()));
        }
        if matches!(event, Event::Data(_)) {
            self.body.clear();
        }
        self.events.push(told);
        let answer = answer(self.asked);
        self.asked += 1;
        self::answer(event, answer);
    }
}

fn is_delivery(event: &String) -> bool {
    event.starts_with("Delivery")
}

fn describe(event: &Event<'_>) -> String {
    let mut told = String::new();
    let _ = match event {
        Event::Connected(_) => write!(told, "Connected"),
        Event::Hello(hello) => write!(told, "Hello {} {}", hello.verb().as_str(), hello.name()),
        Event::StartTls(_) => write!(told, "StartTls"),
        Event::Auth(auth) => match auth.response() {
            None => write!(told, "Auth {}", auth.mechanism()),
            Some(response) => {
                write!(
                    told,
                    "Auth {} \"{}\"",
                    auth.mechanism(),
                    response.escape_ascii()
                )
            }
        },
        Event::Mail(mail) => {
            let all = mail.parameters().all();
            let gap = if all.is_empty() { "" } else { " " };
            write!(told, "Mail {}{gap}{}", mail.reverse_path(), all.as_str())
        }
        Event::Rcpt(rcpt) => {
            let all = rcpt.parameters().all();
            let gap = if all.is_empty() { "" } else { " " };
            write!(told, "Rcpt {}{gap}{}", rcpt.forward_path(), all.as_str())
        }
        Event::Data(data) => {
            write!(
                told,
                "Data{}",
                if data.is_chunked() { " chunked" } else { "" }
            )
        }
        Event::Delivery(delivery) => match delivery.recipient() {
            None => write!(told, "Delivery {}", delivery.size()),
            Some(recipient) => write!(told, "Delivery {} for {recipient}", delivery.size()),
        },
        Event::Verify(verify) => {
            write!(
                told,
                "Verify {} {}",
                verify.verb().as_str(),
                verify.text().as_str()
            )
        }
        Event::Extension(extension) => match extension.argument() {
            None => write!(told, "Extension {}", extension.verb()),
            Some(argument) => {
                write!(told, "Extension {} {}", extension.verb(), argument.as_str())
            }
        },
        Event::Reset => write!(told, "Reset"),
        Event::UpgradeTls { discarded } => write!(told, "UpgradeTls {discarded}"),
        Event::Fault(fault) => write!(told, "Fault {fault:?}"),
        other => write!(told, "{other:?}"),
    };
    told
}

/// Gives `answer` to the question `event`; news is left alone.
///
/// # Panics
/// When the answer does not go with the question.
pub fn answer(event: Event<'_>, answer: Answer) {
    match answer {
        Answer::Accept(text) => accept(event, &text),
        Answer::Challenge(challenge) => match event {
            Event::Auth(auth) => auth.challenge(&challenge),
            other => panic!("a challenge to {other:?}"),
        },
        Answer::Reject(rejection) => match event {
            Event::Connected(token) => token.reject(rejection),
            Event::Hello(token) => token.reject(rejection),
            Event::StartTls(token) => token.reject(rejection),
            Event::Auth(token) => token.reject(rejection),
            Event::Mail(token) => token.reject(rejection),
            Event::Rcpt(token) => token.reject(rejection),
            Event::Data(token) => token.reject(rejection),
            Event::Delivery(token) => token.reject(rejection),
            Event::Verify(token) => token.reject(rejection),
            Event::Extension(token) => token.reject(rejection),
            other => panic!("no question: {other:?}"),
        },
    }
}

fn accept(event: Event<'_>, text: &str) {
    let acceptance = acceptance(text);
    match event {
        Event::Connected(token) => token.accept(),
        Event::Hello(token) => token.accept_with(text),
        Event::StartTls(token) => token.accept(),
        Event::Auth(token) => token.accept_with(acceptance),
        Event::Mail(token) => token.accept_with(acceptance),
        Event::Rcpt(token) => token.accept_with(acceptance),
        Event::Data(token) => token.accept(),
        Event::Delivery(token) => token.accept_with(acceptance),
        Event::Verify(token) if text.is_empty() => token.cannot_verify(),
        Event::Verify(token) => token.accept_with(text),
        Event::Extension(token) => token.accept_with(acceptance),
        other => panic!("no question: {other:?}"),
    }
}

/// `[251] [2.1.5] text`.
fn acceptance(text: &str) -> Acceptance<'_> {
    let (code, text) = match text.split_once(' ') {
        Some((code, rest)) if code.len() == 3 && code.parse::<u16>().is_ok() => {
            (code.parse().ok().and_then(Code::new), rest)
        }
        _ => (None, text),
    };
    let acceptance = Acceptance::new(text);
    match code {
        Some(code) => acceptance.with_code(code).expect("a positive code"),
        None => acceptance,
    }
}

fn action(line: &str) -> Option<Action> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    Some(match word {
        "C:" => {
            let mut octets = unescape(rest);
            octets.extend_from_slice(b"\r\n");
            Action::Client(octets)
        }
        "C>" => Action::Client(unescape(rest)),
        "S:" => Action::Server(unescape(rest)),
        "S*" => Action::Reply(rest.to_owned()),
        "accept" => Action::Answer(Answer::Accept(rest.to_owned())),
        "challenge" => Action::Answer(Answer::Challenge(unescape(rest))),
        "reject" => Action::Answer(Answer::Reject(rejection(rest)?)),
        "event" => Action::Expect(rest.to_owned()),
        "body" => {
            let body = unescape(rest.strip_prefix('"')?.strip_suffix('"')?);
            Action::Expect(format!("Body \"{}\"", body.escape_ascii()))
        }
        "reset" => Action::Expect("Reset".to_owned()),
        "fault" => Action::Expect(format!("Fault {rest}")),
        "close" => Action::Expect("Close".to_owned()),
        "tls" => Action::Tls,
        "expire" => Action::Expire,
        "eof" => Action::Eof,
        "shutdown" => Action::ShutDown,
        _ => return None,
    })
}

/// `550 5.1.1 text`.
fn rejection(text: &str) -> Option<Rejection<'static>> {
    let mut words = text.splitn(3, ' ');
    let code = Code::new(words.next()?.parse().ok()?)?;
    let (enhanced, _) = EnhancedCode::parse(words.next()?.as_bytes())?;
    let text = String::from_utf8(unescape(words.next().unwrap_or("no"))).ok()?;
    Rejection::new(enhanced, text).ok()?.with_code(code).ok()
}

/// The octets a text of this language stands for.
///
/// # Panics
/// When an escape is none.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        let (&escape, behind) = rest.split_first().expect("something behind a backslash");
        rest = behind;
        match escape {
            b'r' => octets.push(b'\r'),
            b'n' => octets.push(b'\n'),
            b'0' => octets.push(0),
            b't' => octets.push(b'\t'),
            b'x' => {
                let (digits, behind) = rest.split_at(2);
                let digits = core::str::from_utf8(digits).unwrap();
                octets.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
                rest = behind;
            }
            b'(' => {
                let end = rest.iter().position(|&octet| octet == b')').expect("a )");
                let inside = core::str::from_utf8(&rest[..end]).unwrap();
                let (what, times) = inside.rsplit_once('*').expect("what*times");
                octets.extend(unescape(what).repeat(times.parse().expect("a number")));
                rest = &rest[end + 1..];
            }
            other => octets.push(other),
        }
    }
    octets
}

/// The dialogs of every file in `folder`.
///
/// A line `--- title` begins a further dialog of a file; what stands before the first of these lines
/// is the beginning of each.
///
/// # Panics
/// When the folder cannot be read, is empty, or a file is malformed.
pub fn all(folder: &str) -> Vec<Dialog> {
    let mut dialogs = Vec::new();
    for (name, text) in files(folder) {
        for (title, text) in parts(&text) {
            dialogs.push(Dialog::parse(&format!("{name} {title}"), &text));
        }
    }
    dialogs
}

/// The dialogs of a file, by their titles.
pub fn parts(text: &str) -> Vec<(String, String)> {
    let mut sections = text.split("\n---");
    let common = sections.next().unwrap_or_default();
    let parts: Vec<(String, String)> = sections
        .map(|section| {
            let (title, rest) = section.split_once('\n').unwrap_or((section, ""));
            (title.trim().to_owned(), format!("{common}\n{rest}"))
        })
        .collect();
    if parts.is_empty() {
        vec![(String::new(), text.to_owned())]
    } else {
        parts
    }
}

/// Every dialog file in `folder`, by name.
///
/// # Panics
/// When the folder cannot be read or is empty.
pub fn files(folder: &str) -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("dialogs")
        .join(folder);
    let mut found: Vec<(String, String)> = std::fs::read_dir(&root)
        .unwrap_or_else(|error| panic!("{}: {error}", root.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "smtp")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (
                format!("{folder}/{name}"),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    assert!(!found.is_empty(), "no dialogs in {}", root.display());
    found.sort();
    found
}
