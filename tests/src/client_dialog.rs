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

mod calls;
mod convert;
mod link;
mod play;

use smtp_proto::{
    auth::Channel,
    client::{Client, Config},
    wire::{Endpoint, Step},
};

pub use self::link::{Link, Memory};
use self::play::Play;
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
    ///
    /// [`Opening`]: smtp_proto::client::Opening
    /// [`Transaction`]: smtp_proto::client::Transaction
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
    /// lines comes at once. Returns the events there were, and what they were played over.
    ///
    /// # Panics
    /// When anything else happens than what is written.
    pub fn over<L: Link>(&self, join: impl FnOnce(Client) -> L) -> (Vec<String>, L) {
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
    ) -> (Vec<String>, L) {
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
        let (found, link) = play.end();
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
        (events, link)
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
