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
//! | `accept [text]`, `reject 550 5.1.1 text`, `challenge text` | what the application answers to the questions that the `C` lines since the server last spoke raise, in order; `accept` where nothing is said. `accept xclient xforward` lets a client use them, `accept 253 7` answers ETRN, and `accept 500` says how many octets BURL has fetched |
//! | `event Mail <a@b> …`, `body "…"`, `reset`, `fault Timeout`, `close` | what happens; of each kind that a file names, it names all |
//! | `tls`, `expire`, `eof`, `shutdown` | the handshake is done; the timer runs out; the peer closes; the server is to end |
//! | `config …` | see [`Dialog::parse`] |
//!
//! In texts `\r`, `\n`, `\0`, `\t`, `\\`, `\"` and `\xHH` are escapes; `\(ab*100)` is `ab` a hundred
//! times.
//!
//! A [`Dialog`] is played by [`Dialog::check`] in all the ways that must not make a difference: all
//! octets at once, octet by octet, every split in two, with every question dropped once before it is
//! answered, with the session asked for events when it has none, and read into its own buffer. Where
//! the client has to wait (354, the handshake) all of these wait. [`Dialog::over`] plays it over any
//! [`Line`], such as a stream of tokio, and [`own_client`](crate::own_client) lets our own client say
//! what it can say of it.

mod application;
mod configure;
mod files;
mod language;
mod memory;
mod own_extension;
mod play;

use std::{collections::VecDeque, sync::Arc};

use smtp_proto::{answer::Rejection, domain::Host, extension::Registered, server::Config};

pub use self::{
    application::{Application, answer, describe, is_of_timing, judged, steady},
    files::{all, files, parts},
    language::unescape,
    memory::{Memory, Watch},
};
use self::{
    language::action,
    play::{Flight, Manner, Play},
};

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
    /// The file and the title.
    pub name: String,
    /// What happens, in order.
    pub actions: Vec<Action>,
    config: Config,
    /// TLS is there from the first octet.
    pub implicit_tls: bool,
    /// How octets are grouped matters here: only the grouping as written is played.
    pub together: bool,
    /// Extensions of the application's own.
    extensions: Vec<Registered>,
}

/// How the session of a dialog goes, to the octet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What the application answers to each question, in order.
    pub answers: Vec<Answer>,
    /// All that the server says.
    pub output: Vec<u8>,
    /// All that happens, as [`Application`] notes it.
    pub events: Vec<String>,
}

impl Account {
    /// The answer to a question by its number.
    pub fn answer(&self, asked: usize) -> Answer {
        self.answers.get(asked).cloned().unwrap_or(Answer::Accept(String::new()))
    }
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
    /// `submission` (before all others), `require-tls`, `require-auth`, `admit-postmaster`,
    /// `offer KEYWORD`, `withhold KEYWORD`, `verb NAME`, `burl ARGUMENTS`,
    /// `deliver-by SECONDS`, `future-release SECONDS DATE-TIME`, `no-soliciting CLASSES`,
    /// `mt-priority [profile=NAME] [trust=WHOM] [lowest=N] [lowest-now=N] [size=N:OCTETS]`,
    /// `trust-submitters nobody|authenticated|everybody`, `profile strict|internet|lenient`,
    /// `extension KEYWORD [arguments]`, and of it `extension-mail KEYWORD PARAMETER[=n|?n]`,
    /// `extension-rcpt`, `extension-verb KEYWORD VERB [outside-transaction|before-hello]`,
    /// `extension-tls KEYWORD`,
    /// `policy SWITCH VALUE` (both as the conformance page has them), `limit NAME N`, `banner TEXT`,
    /// `help TEXT`, `together`.
    ///
    /// All dialogs take place when the year 2026 begins in UTC. `accept priority N` assigns one to MAIL,
    /// and `accept future-release SECONDS DATE-TIME` tells other limits at a hello.
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
            extensions: Vec::new(),
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
                    let ends_group = octets == b"STARTTLS\r\n" || octets.starts_with(b"DATA");
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
            assert!(pending.is_empty(), "{}: {pending:?} answers nothing", self.name);
            let apart = |action: &&Action| {
                matches!(action, Action::Tls | Action::Expire | Action::Eof | Action::ShutDown)
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
        self.compare_events(&canonical.application.events);
        let answers = Arc::new(answers);
        let run = |manner: Manner| {
            let played = self.play(manner, &answers);
            assert_eq!(
                (played.output_text(), played.application.steady_events()),
                (canonical.output_text(), canonical.application.steady_events()),
                "{} played {manner:?}",
                self.name
            );
        };
        run(Manner { hesitant: true, ..Manner::default() });
        if self.together {
            return;
        }
        run(Manner::default());
        run(Manner { pieces: Some(1), ..Manner::default() });
        run(Manner { pieces: Some(1), hesitant: true, pestered: true, ..Manner::default() });
        run(Manner { pieces: Some(3), pestered: true, ..Manner::default() });
        for size in [2, 1 << 20] {
            run(Manner { pieces: Some(size), spare: true, ..Manner::default() });
        }
        let lengths: Vec<usize> = self.flights().iter().map(|flight| flight.octets.len()).collect();
        for (flight, &length) in lengths.iter().enumerate() {
            // Every split of a short flight; of a long one, those where something may happen.
            let stride = length / 400 + 1;
            for at in (1..length).step_by(stride) {
                run(Manner { split: Some((flight, at)), ..Manner::default() });
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

    /// How the session goes when it is played line by line, which is how the dialog says.
    ///
    /// # Panics
    /// When it goes otherwise.
    pub fn account(&self) -> Account {
        let (answers, play) = self.line_by_line();
        self.compare_text(&play.output);
        self.compare_events(&play.application.events);
        Account { answers, output: play.output, events: play.application.events }
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
        assert!(rest.is_empty(), "{}: also said {rest:?} in\n{said}", self.name);
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
        let happened: Vec<&String> =
            events.iter().filter(|event| named.contains(&kind(event))).collect();
        let same = happened.len() == expected.len()
            && happened.iter().zip(&expected).all(|(happened, expected)| {
                happened == expected || happened.starts_with(&format!("{expected} "))
            });
        assert!(same, "{}: expected {expected:#?}\nbut there was {events:#?}", self.name);
    }
}
