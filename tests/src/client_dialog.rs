//! Dialogs of a client session: the server's lines are given, the client's are expected.
//!
//! | line | means |
//! | --- | --- |
//! | `S: text`, `S> text` | the server says this line; with `>` no CRLF is added |
//! | `C: text`, `C> text` | the client has said this line, and all it has said is told |
//! | `call …` | the caller does something, see [`ClientDialog::parse`] |
//! | `misuse Sequence` | the call before was refused so |
//! | `event Mail 250` | a reply is told; also `event UpgradeTls`, `event Turned`, `fault …`, `close`, `ready`, `failed …` |
//! | `outcome delivered 250` | of each recipient of the transaction, in order; `outcome deferred RCPTMAX AtOnce` names a limit, `outcome rejected 5.7.10` is of this side; last, `outcome without Dsn` tells downgrades |
//! | `tls [verified]`, `expire`, `eof` | the handshake is done, perhaps with a server that is known; the timer runs out; the server closes |
//! | `config …` | `lmtp`, `lockstep`, `require-tls`, `together`, `ahead OCTETS`, `profile NAME`, `policy SWITCH VALUE` |
//!
//! Escapes, comments and several dialogs in a file are as in [`dialog`](crate::dialog). What the server
//! says between two other lines comes at once, octet by octet, and in every split in two.

mod convert;
mod link;

use bytes::Bytes;
use smtp_proto::{
    auth::{
        Channel, Known, Nonce,
        client::{Credentials, InvalidCredentials, Login as LoginMechanism, Plain},
    },
    client::{
        Cause, Chunking, Client, Config, Content, Envelope, Event, Login, Misuse, Opening,
        OpeningStep, Recipient, Retry, Status, Surveyed, TlsUse, Transaction, TransactionOptions,
        TransactionStep,
    },
    command::{DomainList, Mechanism, Node, Query, Text, Url, XClient, XForward},
    domain::HelloName,
    parameter::{Body, Parameters},
    path::{ForwardPath, ReversePath},
    profile::Syntax,
    upstream::{Forwarded, Overrides},
    wire::{Endpoint, Step},
};

pub use self::link::Link;
use self::{convert::Escape, link::Memory};
use crate::{
    dialog::{files, parts, unescape},
    policy,
};

#[derive(Debug, Clone)]
enum Action {
    Server(Vec<u8>),
    Client(Vec<u8>),
    Call(String),
    Misuse(String),
    Event(String),
    Outcome(String),
    Tls { verified: bool },
    Expire,
    Eof,
}

/// A dialog of a client session.
#[derive(Debug, Clone)]
pub struct ClientDialog {
    name: String,
    actions: Vec<Action>,
    config: Config,
    /// How octets are grouped matters here.
    pub together: bool,
}

/// The client dialogs of every file in `folder`.
///
/// # Panics
/// When the folder cannot be read, or a file is malformed.
pub fn all(folder: &str) -> Vec<ClientDialog> {
    let mut dialogs = Vec::new();
    for (name, text) in files(folder) {
        for (title, text) in parts(&text) {
            dialogs.push(ClientDialog::parse(&format!("{name} {title}"), &text));
        }
    }
    dialogs
}

impl ClientDialog {
    /// Reads a dialog. The calls are `hello NAME`, `helo NAME`, `mail <path> [parameters]`,
    /// `rcpt <path> [parameters]`, `data`, `body TEXT`, `end`, `chunk TEXT`, `last TEXT`, `reset`,
    /// `noop`, `quit`, `verify TEXT`, `starttls`, `auth NAME [TEXT]`, `response TEXT`, `cancel`,
    /// `etrn NODE`, `atrn [DOMAINS]`, `burl URL`, `burl-last URL`, `xclient ATTRIBUTES`,
    /// `xforward ATTRIBUTES`;
    /// `open none|opportunistic|required [plain|login]` for an [`Opening`], whose user is "alice" with
    /// the password "s3cret!"; and `send [bdat] [all] [once] [utf8] [8bit] [binary] [size=N] <from>
    /// <to>… TEXT` for a [`Transaction`], `once` where the content cannot be had a second time. Parameters
    /// are `mail=PARAMETER` in front, and `rcpt=PARAMETER` behind a path; `no-downgrades` refuses to do
    /// without any. `convert` brings a converter that escapes what is no ASCII, `signed` one that does not
    /// like the content. With `at-hand`, which goes by BDAT, the transaction has the whole content from the
    /// beginning.
    ///
    /// # Panics
    /// When a line is none of those of this language.
    pub fn parse(name: &str, text: &str) -> Self {
        let mut dialog = Self {
            name: name.to_owned(),
            actions: Vec::new(),
            config: Config::default(),
            together: false,
        };
        for line in text.lines() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let ended = |mut octets: Vec<u8>| {
                octets.extend_from_slice(b"\r\n");
                octets
            };
            dialog.actions.push(match word {
                "config" => {
                    dialog.configure(rest);
                    continue;
                }
                "S:" => Action::Server(ended(unescape(rest))),
                "S>" => Action::Server(unescape(rest)),
                "C:" => Action::Client(ended(unescape(rest))),
                "C>" => Action::Client(unescape(rest)),
                "call" => Action::Call(rest.to_owned()),
                "misuse" => Action::Misuse(rest.to_owned()),
                "event" => Action::Event(rest.to_owned()),
                "fault" => Action::Event(format!("Fault {rest}")),
                "failed" => Action::Event(format!("Failed {rest}")),
                "ready" => Action::Event("Ready".to_owned()),
                "close" => Action::Event("Close".to_owned()),
                "outcome" => Action::Outcome(rest.to_owned()),
                "tls" => Action::Tls { verified: rest == "verified" },
                "expire" => Action::Expire,
                "eof" => Action::Eof,
                _ => panic!("{name}: what is {line:?}?"),
            });
        }
        dialog
    }

    fn configure(&mut self, setting: &str) {
        match setting {
            "lmtp" => self.config = Config::lmtp(),
            "lockstep" => self.config.lockstep = true,
            "together" => self.together = true,
            "require-tls" => self.config.require_tls = true,
            _ => match setting.split_once(' ') {
                Some(("policy", setting)) => policy::set(&mut self.config.profile, setting),
                Some(("ahead", octets)) => {
                    self.config.limits.ahead = octets.parse().expect("a number");
                }
                Some(("profile", name)) => self.config.profile = policy::profile(name),
                _ => panic!("{}: config {setting}", self.name),
            },
        }
    }

    /// Plays the dialog with the server's octets cut in every way.
    ///
    /// # Panics
    /// When anything else happens than what is written.
    pub fn check(&self) {
        self.play(&mut |_, _| usize::MAX);
        if self.together {
            return;
        }
        self.play(&mut |_, _| 1);
        let mut flights = 0;
        self.play(&mut |flight, _| {
            flights = flights.max(flight + 1);
            3
        });
        for flight in 0..flights {
            let mut at = 1;
            loop {
                let mut length = 0;
                self.play(&mut |number, left| {
                    if number == flight && length == 0 {
                        length = left;
                        return at;
                    }
                    usize::MAX
                });
                at += length / 300 + 1;
                if at >= length {
                    break;
                }
            }
        }
    }

    /// Plays the dialog over what `join` makes of the client; what the server says between two other
    /// lines comes at once. Returns the events there were.
    ///
    /// # Panics
    /// When anything else happens than what is written.
    pub fn over<L: Link>(&self, join: impl FnOnce(Client) -> L) -> Vec<String> {
        self.play_over(join(Client::new(self.config.clone())), &mut |_, _| usize::MAX)
    }

    /// The file and the title.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A client as the dialog has it.
    pub fn client(&self) -> Client {
        Client::new(self.config.clone())
    }

    fn play(&self, cut: &mut dyn FnMut(usize, usize) -> usize) {
        self.play_over(Memory::new(Client::new(self.config.clone())), cut);
    }

    /// `cut` says how many octets of which flight come next, of so many that are left.
    fn play_over<L: Link>(
        &self,
        link: L,
        cut: &mut dyn FnMut(usize, usize) -> usize,
    ) -> Vec<String> {
        let mut play = Play::new(link);
        let mut expected_events = Vec::new();
        let mut expected = Vec::new();
        let mut outcomes = Vec::new();
        let mut flight: Vec<u8> = Vec::new();
        let mut number = 0;
        for action in &self.actions {
            if let Action::Server(octets) = action {
                if flight.is_empty() {
                    self.compare(&play, &expected);
                }
                flight.extend_from_slice(octets);
                continue;
            }
            let mut rest = &flight[..];
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(cut(number, rest.len()).clamp(1, rest.len()));
                play.feed(piece);
                rest = behind;
            }
            number += usize::from(!flight.is_empty());
            flight.clear();
            match action {
                Action::Server(_) => {}
                Action::Client(octets) => expected.extend_from_slice(octets),
                Action::Call(call) => {
                    assert!(play.misuse.is_none(), "{}: {:?}", self.name, play.misuse);
                    self.compare(&play, &expected);
                    play.call(call);
                    play.settle();
                }
                Action::Misuse(name) => {
                    let misuse = format!("{:?}", play.misuse.take());
                    let wanted = format!("Some({name}");
                    assert!(misuse.starts_with(&wanted), "{}: {misuse}, not {name}", self.name);
                }
                Action::Event(event) => expected_events.push(event.clone()),
                Action::Outcome(outcome) => outcomes.push(outcome.clone()),
                &Action::Tls { verified } => {
                    let client = play.link.client();
                    assert_eq!(client.step(), Step::Idle, "{}: no handshake", self.name);
                    assert_eq!(client.wire().room(), 0);
                    client.tls_started();
                    client.describe_channel(Channel::new().server_verified(verified));
                    play.settle();
                }
                Action::Expire => {
                    play.link.expire();
                    play.settle();
                }
                Action::Eof => {
                    play.link.eof();
                    play.settle();
                }
            }
        }
        assert!(flight.is_empty(), "{}: ends with what the server says", self.name);
        assert!(play.misuse.is_none(), "{}: {:?}", self.name, play.misuse);
        self.compare(&play, &expected);
        let events = core::mem::take(&mut play.events);
        let found = play.outcomes();
        if !expected_events.is_empty() {
            let kind = |event: &str| event.split(' ').next().unwrap_or_default().to_owned();
            let kinds: Vec<String> = expected_events.iter().map(|event| kind(event)).collect();
            let happened: Vec<&String> =
                events.iter().filter(|event| kinds.contains(&kind(event))).collect();
            let same = happened.len() == expected_events.len()
                && happened.iter().zip(&expected_events).all(|(happened, expected)| {
                    *happened == expected || happened.starts_with(&format!("{expected} "))
                });
            assert!(same, "{}: expected {expected_events:#?}, there was {events:#?}", self.name);
        }
        if !outcomes.is_empty() {
            assert_eq!(found, outcomes, "{}: {events:#?}", self.name);
        }
        events
    }

    fn compare<L: Link>(&self, play: &Play<L>, expected: &[u8]) {
        assert_eq!(
            play.link.said().escape_ascii().to_string().replace("\\r\\n", "\n"),
            expected.escape_ascii().to_string().replace("\\r\\n", "\n"),
            "{}: what the client said; {:#?}",
            self.name,
            play.events
        );
    }
}

#[derive(Debug)]
struct Play<L> {
    link: L,
    events: Vec<String>,
    misuse: Option<Misuse>,
    opening: Option<Opening<'static>>,
    transaction: Option<Transaction<'static>>,
    body: Option<Bytes>,
    /// The body once more, where it can be had.
    again: Option<Bytes>,
    ended: bool,
    turned: bool,
    reported: Vec<String>,
}

impl<L: Link> Play<L> {
    fn new(link: L) -> Self {
        Self {
            link,
            events: Vec::new(),
            misuse: None,
            opening: None,
            transaction: None,
            body: None,
            again: None,
            ended: false,
            turned: false,
            reported: Vec::new(),
        }
    }

    fn feed(&mut self, octets: &[u8]) {
        self.settle();
        self.link.send(octets);
        self.settle();
    }

    fn outcomes(mut self) -> Vec<String> {
        self.report();
        self.reported
    }

    fn report(&mut self) {
        let Some(transaction) = self.transaction.take() else {
            return;
        };
        let report = transaction.report();
        for outcome in report.outcomes() {
            let status = match outcome.status() {
                Status::Delivered => "delivered",
                Status::Rejected => "rejected",
                Status::Deferred => "deferred",
                Status::InDoubt => "in doubt",
            };
            let mut told = match (outcome.reply(), outcome.cause()) {
                (Some(reply), _) => format!("{status} {}", reply.code().value()),
                (None, Cause::Limit(limit)) => {
                    format!("{status} {} {:?}", limit.name(), outcome.retry())
                }
                (None, Cause::Local(rejection)) => format!("{status} {}", rejection.enhanced()),
                (None, _) => status.to_owned(),
            };
            if outcome.retry() == Retry::AtOnce && outcome.reply().is_some() {
                told.push_str(" AtOnce");
            }
            self.reported.push(told);
        }
        if !report.downgrades().is_empty() {
            let without: Vec<_> =
                report.downgrades().iter().map(|one| format!("{one:?}")).collect();
            self.reported.push(format!("without {}", without.join(" ")));
        }
    }

    fn settle(&mut self) {
        for _ in 0..100_000 {
            let wants_body = self.next();
            match self.link.advance() {
                Step::Event if self.turned => return,
                Step::Event => self.event(),
                Step::Idle if wants_body => {
                    let transaction = self.transaction.as_mut().unwrap();
                    let result = match self.body.take() {
                        Some(body) => transaction.body(self.link.client(), body),
                        None => transaction.end_of_body(self.link.client()),
                    };
                    if let Err(misuse) = result {
                        self.misuse = Some(misuse);
                        return;
                    }
                }
                Step::Close => {
                    if !core::mem::replace(&mut self.ended, true) {
                        self.events.push("Close".to_owned());
                    }
                    return;
                }
                Step::Read | Step::Write | Step::Idle => return,
            }
        }
        panic!("the client spins: {:?}", self.link.client());
    }

    /// Lets the opening or the transaction go on; whether content is wanted.
    fn next(&mut self) -> bool {
        if let Some(opening) = &mut self.opening {
            match opening.next(self.link.client()) {
                OpeningStep::Await => {}
                OpeningStep::Ready => {
                    self.events.push("Ready".to_owned());
                    self.opening = None;
                }
                OpeningStep::Failed(error) => {
                    let error = format!("{error:?}");
                    let name = error.split(['(', ' ']).next().unwrap_or_default().to_owned();
                    self.events.push(format!("Failed {name} {error}"));
                    self.opening = None;
                }
            }
        }
        let Some(transaction) = &mut self.transaction else {
            return false;
        };
        match transaction.next(self.link.client()) {
            Ok(TransactionStep::Body) => return true,
            Ok(TransactionStep::Await) => {}
            Ok(TransactionStep::Rewind) => {
                match self.again.clone() {
                    Some(again) => {
                        self.body = Some(again);
                        transaction.rewound();
                    }
                    None => transaction.cannot_rewind(),
                }
                return self.next();
            }
            Ok(TransactionStep::Done) => self.report(),
            Err(misuse) => {
                self.misuse = Some(misuse);
                self.transaction = None;
            }
        }
        false
    }

    fn event(&mut self) {
        match self.link.client().event() {
            Some(Event::Reply { to, reply }) => {
                let name = format!("{to:?}");
                let name = name.split([' ', '(']).next().unwrap_or_default();
                self.events.push(format!("{name} {}", reply.code().value()));
                if let Some(opening) = &mut self.opening {
                    opening.reply(to, reply);
                } else if let Some(transaction) = &mut self.transaction {
                    transaction.reply(to, reply);
                }
            }
            Some(Event::UpgradeTls) => self.events.push("UpgradeTls".to_owned()),
            // Told until somebody takes the connection, which nobody does here.
            Some(Event::Turned(_)) => {
                self.turned = true;
                self.events.push("Turned".to_owned());
            }
            Some(Event::Fault(fault)) => {
                let told = format!("{fault:?}");
                let name = told.split(['(', ' ']).next().unwrap_or_default();
                self.events.push(format!("Fault {name}"));
                if let Some(opening) = &mut self.opening {
                    opening.fault(fault);
                } else if let Some(transaction) = &mut self.transaction {
                    transaction.fault(self.link.client(), fault);
                }
            }
            Some(Event::Leniency(leniency)) => {
                self.events.push(format!("Leniency {}", leniency.switch()));
            }
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }

    fn call(&mut self, call: &str) {
        let (word, rest) = call.split_once(' ').unwrap_or((call, ""));
        let octets = || Bytes::from(unescape(rest));
        let client = self.link.client();
        let result = match word {
            "hello" => client.hello(HelloName::parse(rest).unwrap()),
            "helo" => client.helo(HelloName::parse(rest).unwrap()),
            "mail" => {
                let (path, parameters) = rest.split_once(' ').unwrap_or((rest, ""));
                client.mail(ReversePath::parse(path).unwrap(), list(parameters))
            }
            "rcpt" => {
                let (path, parameters) = rest.split_once(' ').unwrap_or((rest, ""));
                client.rcpt(ForwardPath::parse(path).unwrap(), list(parameters))
            }
            "data" => client.data(),
            "body" => client.body(octets()),
            "end" => client.end_of_data(),
            "chunk" => client.chunk(octets(), false),
            "last" => client.chunk(octets(), true),
            "reset" => client.reset(),
            "noop" => client.noop(),
            "quit" => client.quit(),
            "verify" => client.verify(Query::new(Text::new(rest).unwrap(), false)),
            "starttls" => client.starttls(),
            "auth" => {
                let (name, response) = match rest.split_once(' ') {
                    Some((name, response)) => (name, Some(unescape(response))),
                    None => (rest, None),
                };
                client.auth(Mechanism::parse(name).unwrap(), response.as_deref())
            }
            "response" => client.auth_response(&unescape(rest)),
            "cancel" => client.auth_cancel(),
            "etrn" => client.etrn(Node::parse(rest).unwrap()),
            "atrn" if rest.is_empty() => client.atrn(None),
            "atrn" => client.atrn(Some(DomainList::parse(rest).unwrap())),
            "burl" => client.burl(Url::parse(rest).unwrap(), false),
            "burl-last" => client.burl(Url::parse(rest).unwrap(), true),
            "xclient" => {
                let mut overrides = Overrides::default();
                overrides.update(&XClient::parse(&attributes(rest)).unwrap());
                client.xclient(&overrides)
            }
            "xforward" => {
                let mut forwarded = Forwarded::default();
                forwarded.update(&XForward::parse(&attributes(rest)).unwrap());
                client.xforward(&forwarded)
            }
            "open" => {
                self.opening = Some(opening(rest));
                Ok(())
            }
            "send" => {
                self.send(rest);
                Ok(())
            }
            _ => panic!("no call {call:?}"),
        };
        self.misuse = result.err();
    }

    fn send(&mut self, call: &str) {
        let mut options = TransactionOptions::default();
        options.chunking = Chunking::Never;
        let mut content = Content::default();
        let mut paths: Vec<(String, String)> = Vec::new();
        let mut parameters = String::new();
        let (mut once, mut at_hand) = (false, false);
        let mut converter = None;
        let mut rest = call;
        while !rest.is_empty() {
            let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
            match word {
                "bdat" => options.chunking = Chunking::Auto,
                "at-hand" => (options.chunking, at_hand) = (Chunking::Auto, true),
                "once" => once = true,
                "convert" => converter = Some(Escape::default()),
                "signed" => converter = Some(Escape { signed: true }),
                "no-downgrades" => options.refuse_downgrades = true,
                mail if mail.starts_with("mail=") => extend(&mut parameters, &mail[5..]),
                rcpt if rcpt.starts_with("rcpt=") => {
                    extend(&mut paths.last_mut().unwrap().1, &rcpt[5..]);
                }
                "all" => options.all_or_nothing = true,
                "utf8" => content.smtputf8 = true,
                "8bit" => content.body = Body::EightBitMime,
                "binary" => content.body = Body::BinaryMime,
                path if path.starts_with('<') => paths.push((String::from(path), String::new())),
                size if size.starts_with("size=") => content.size = size[5..].parse().ok(),
                _ => break,
            }
            rest = behind;
        }
        // A test may leak what it says once.
        let paths: &'static [(String, String)] = Box::leak(paths.into_boxed_slice());
        let recipient = |(path, parameters): &'static (String, String)| Recipient {
            path: ForwardPath::parse(path).unwrap(),
            parameters: list(parameters),
        };
        let recipients: Vec<Recipient<'static>> = paths[1..].iter().map(recipient).collect();
        let envelope = Envelope {
            reverse_path: ReversePath::parse(&paths[0].0).unwrap(),
            parameters: list(Box::leak(parameters.into_boxed_str())),
            recipients: Box::leak(recipients.into_boxed_slice()),
        };
        self.report();
        self.body = Some(Bytes::from(unescape(rest)));
        self.again = self.body.clone().filter(|_| !once);
        let mut transaction = Transaction::new(envelope, content, options);
        if let (true, Some(body)) = (at_hand, &self.body) {
            transaction = transaction.at_hand(Box::leak(Box::new(Surveyed::new(body.clone()))));
        }
        self.transaction = Some(match converter {
            Some(converter) => transaction.converter(Box::new(converter)),
            None => transaction,
        });
    }
}

fn attributes(text: &str) -> String {
    String::from_utf8(unescape(text)).unwrap()
}

fn opening(call: &str) -> Opening<'static> {
    let mut words = call.split(' ');
    let tls = match words.next() {
        Some("none") => TlsUse::None,
        Some("opportunistic") => TlsUse::Opportunistic,
        _ => TlsUse::Required,
    };
    let opening = Opening::new(HelloName::parse("client.example").unwrap(), tls);
    let mut login = None;
    for word in words {
        let known = login.take().unwrap_or_else(Login::new);
        login = Some(match word {
            "plain" => known.with(Plain::new("", "alice", "s3cret!").unwrap()),
            "login" => known.with(LoginMechanism::new("alice", "s3cret!").unwrap()),
            "in-clear" => known.allow_plaintext(true),
            "user" => choose(Credentials::password("user", "pencil")),
            "token" => choose(Credentials::token("alice@example.org", "ya29.token")),
            "external" => choose(Credentials::external("")),
            "external-as" => choose(Credentials::external("alice")),
            "anonymous" => choose(Credentials::anonymous("sirhc")),
            "inline" => known.long_initial_response(true),
            "hello-after" => known.hello_after(true),
            only if only.starts_with("only=") => known.only(Known::of(&only[5..])),
            "long" => known.with(Plain::new("", "alice", &"x".repeat(600)).unwrap()),
            _ => panic!("no mechanism {word}"),
        });
    }
    match login {
        Some(login) => opening.login(login),
        None => opening,
    }
}

/// What is made of credentials, with the nonce of RFC 7677 section 3.
fn choose(credentials: Result<Credentials, InvalidCredentials>) -> Login {
    Login::choose(credentials.unwrap(), Nonce::parse("rOprNGfwEbeRWgbNEkqO").unwrap())
}

fn extend(list: &mut String, parameter: &str) {
    if !list.is_empty() {
        list.push(' ');
    }
    list.push_str(parameter);
}

fn list(parameters: &str) -> Parameters<'_> {
    Parameters::parse(parameters.as_bytes(), &Syntax::INTERNET).unwrap()
}
