//! What a scripted server does, and when.

use std::{borrow::Cow, fmt, sync::Arc};

use bytes::Bytes;
use smtp_proto::{
    answer::Rejection,
    auth::{Known, Secret},
    domain::Host,
    reply::Reply,
    server::Config,
};

use super::Gate;
use crate::server::Service;

/// A place in a session where a [`Script`] has something done.
///
/// A place is found each time it comes; [`nth`](Self::nth) and [`session`](Self::session) say when only.
#[derive(Debug, Clone)]
pub struct At {
    place: Place,
    nth: Option<u32>,
    session: Option<u64>,
}

#[derive(Debug, Clone)]
enum Place {
    Connect,
    Command(Cow<'static, str>),
    AuthResponse,
    Handshake,
    Content(u64),
    Delivery,
    Turn(u32),
}

impl At {
    /// Where the greeting is due. Inside TLS from the first octet, behind the handshake.
    pub fn connect() -> Self {
        Self::of(Place::Connect)
    }

    /// Where a command is answered that begins with `beginning`, in either case: "RCPT" is all of that
    /// verb, "RCPT TO:<bob@" some of them, "" each line that is no content.
    pub fn command(beginning: impl Into<Cow<'static, str>>) -> Self {
        Self::of(Place::Command(beginning.into()))
    }

    /// Where a client's answer to a 334 is answered, in an AUTH exchange.
    pub fn auth_response() -> Self {
        Self::of(Place::AuthResponse)
    }

    /// Where the server's part of the TLS handshake would begin: when the client has said something.
    pub fn handshake() -> Self {
        Self::of(Place::Handshake)
    }

    /// When this many octets of a message have come, dots removed, before more is read; by DATA a line end
    /// comes as a whole. A shorter message never gets there. It is asked once for each message; of several
    /// such places the first that is written counts.
    pub fn content(octets: u64) -> Self {
        Self::of(Place::Content(octets))
    }

    /// Where a message that has come whole is answered: by the reply to the final dot or the last chunk,
    /// in LMTP by one for each recipient.
    pub fn delivery() -> Self {
        Self::of(Place::Delivery)
    }

    /// Where the server speaks for the nth time in a session, whatever about; the greeting is 1.
    pub fn turn(nth: u32) -> Self {
        Self::of(Place::Turn(nth))
    }

    fn of(place: Place) -> Self {
        Self { place, nth: None, session: None }
    }

    /// Only the nth time it comes in a session, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Only in the nth session of the server, counted from 1.
    #[must_use]
    pub fn session(mut self, nth: u64) -> Self {
        self.session = Some(nth);
        self
    }
}

/// What a scripted server does at a [place](At).
#[derive(Debug, Clone)]
pub struct Act {
    pub(super) gate: Option<Gate>,
    pub(super) say: Option<Bytes>,
    pub(super) then: Then,
}

/// What comes behind an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Close,
    Stall,
}

impl Act {
    /// What it would do without a script: to have something happen before or behind it.
    pub fn usual() -> Self {
        Self { gate: None, say: None, then: Then::GoOn }
    }

    /// This reply in place of the usual one, without its last line end; lines end with `\n` or `\r\n`. What
    /// was asked is granted or not as its code says, and 421 closes (RFC 5321 section 3.8).
    pub fn reply(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let lines = text.lines().flat_map(|line| [line, "\r\n"]).collect::<String>();
        let then = if text.starts_with("421") { Then::Close } else { Then::GoOn };
        Self { then, ..Self::octets(lines) }
    }

    /// These octets in place of the usual reply, which need not be one; it may be none. What was asked is
    /// granted unless they begin with a digit that says no.
    pub fn octets(octets: impl Into<Bytes>) -> Self {
        Self { say: Some(octets.into()), ..Self::usual() }
    }

    /// The connection is gone, without a word.
    pub fn close() -> Self {
        Self::octets("").then_close()
    }

    /// From here on nothing is said and nothing is read. The connection stays open.
    pub fn stall() -> Self {
        Self::octets("").then_stall()
    }

    /// Closes behind that, so that the client can still read it.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        self.then = Then::Close;
        self
    }

    /// Stalls behind that.
    #[must_use]
    pub fn then_stall(mut self) -> Self {
        self.then = Then::Stall;
        self
    }

    /// Waits at a gate first.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// How the machine is to refuse, where this says no.
    pub(super) fn refusal(&self) -> Option<Rejection<'static>> {
        let say = self.say.as_deref()?;
        let rejection = match say.first()? {
            b'4' => Rejection::temporary(0, 0, "as scripted"),
            b'5' => Rejection::permanent(0, 0, "as scripted"),
            _ => return None,
        };
        let code = Reply::parse(say).ok().map(Reply::code);
        Some(match code.map(|code| rejection.clone().with_code(code)) {
            Some(Ok(coded)) => coded,
            _ => rejection,
        })
    }
}

/// A reply.
impl From<&str> for Act {
    fn from(text: &str) -> Self {
        Self::reply(text)
    }
}

/// What a [scripted server](super::ScriptedServer) offers, and what it does that no server should.
///
/// Without a rule it is a server that takes everything. It reads commands one at a time: how they are
/// grouped makes no difference.
#[derive(Clone)]
pub struct Script {
    pub(super) config: Arc<Config>,
    pub(super) service: Service,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Arc<rustls::ServerConfig>>,
    pub(super) logins: Vec<(String, Secret)>,
    pub(super) tokens: Vec<(String, Secret)>,
    /// Messages that are kept.
    pub(super) room: usize,
    rules: Vec<(At, Act)>,
}

/// Messages that are kept unless a script says otherwise.
const ROOM: usize = 1000;

impl Script {
    /// A server that calls itself `mx.example.org`.
    pub fn new() -> Self {
        let host = Host::parse("mx.example.org").expect("a host name");
        let config = Config::new(host).profile(|profile| profile.server.plaintext_auth = true);
        Self {
            config: Arc::new(config),
            service: Service::Smtp,
            #[cfg(feature = "tls")]
            tls: None,
            logins: Vec::new(),
            tokens: Vec::new(),
            room: ROOM,
            rules: Vec::new(),
        }
    }

    /// A server that gives these replies, one each time that it is to speak, and then goes on as usual:
    /// rules for [`At::turn`].
    pub fn turns(turns: impl IntoIterator<Item = impl Into<Act>>) -> Self {
        let turns = (1..).zip(turns).map(|(nth, act)| (At::turn(nth), act.into()));
        Self { rules: turns.collect(), ..Self::new() }
    }

    /// Has `act` done there. Of several rules for one place the first counts.
    #[must_use]
    pub fn at(mut self, at: At, act: impl Into<Act>) -> Self {
        self.rules.push((at, act.into()));
        self
    }

    /// Changes what is offered, and the limits: see [`Config::offer`], [`Config::withhold`],
    /// [`Config::limits`]. No time runs out at this server.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(Config) -> Config) -> Self {
        self.config = Arc::new(change((*self.config).clone()));
        self
    }

    /// Keeps so many messages, 1000 by default. When they have come, each further MAIL is answered with
    /// 452 4.3.1, as by a server whose disk is full.
    #[must_use]
    pub fn room(mut self, messages: usize) -> Self {
        self.room = messages;
        self
    }

    /// Speaks LMTP (RFC 2033).
    #[must_use]
    pub fn lmtp(mut self) -> Self {
        self.service = Service::Lmtp;
        self.configure(Config::lmtp)
    }

    /// Offers STARTTLS with this configuration. Certificates are the test's to make: the crate rcgen does
    /// it in three lines.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, config: Arc<rustls::ServerConfig>) -> Self {
        self.tls = Some(config);
        self.configure(|config| config.offer(smtp_proto::extension::Extension::StartTls))
    }

    /// Is inside TLS from the first octet, with this configuration.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn implicit_tls(mut self, config: Arc<rustls::ServerConfig>) -> Self {
        self.tls = Some(config);
        self.service = Service::Smtps;
        self
    }

    /// Offers AUTH, and takes this name with this password: by PLAIN, LOGIN, and what else of
    /// [`mechanism`](Self::mechanism) asks for passwords. Outside TLS too, as this is a test.
    #[must_use]
    pub fn login(mut self, name: &str, password: &str) -> Self {
        self.logins.push((name.to_owned(), password.into()));
        self.mechanism(Known::Plain).mechanism(Known::Login)
    }

    /// Offers AUTH, and takes this bearer token of this user: by OAUTHBEARER and XOAUTH2.
    #[must_use]
    pub fn token(mut self, user: &str, token: &str) -> Self {
        self.tokens.push((user.to_owned(), token.into()));
        self.mechanism(Known::OAuthBearer).mechanism(Known::XOAuth2)
    }

    /// Offers this mechanism of AUTH, too.
    #[must_use]
    pub fn mechanism(self, known: Known) -> Self {
        self.configure(|config| config.known_mechanism(known))
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// Where a session is, for a script.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment<'l> {
    Connect,
    Command(&'l [u8]),
    AuthResponse,
    Delivery,
}

/// How far a script has come in one session.
#[derive(Debug)]
pub(super) struct Progress {
    script: Arc<Script>,
    session: u64,
    /// How often the place of each rule has come.
    counts: Vec<u32>,
    /// How often the server has spoken, or is about to.
    turns: u32,
    /// What is to be done where the server is to speak next.
    act: Option<Act>,
}

impl Progress {
    pub(super) fn new(script: Arc<Script>, session: u64) -> Self {
        let counts = vec![0; script.rules.len()];
        Self { script, session, counts, turns: 0, act: None }
    }

    /// The server is to speak. Where it was to speak already and has not, that is no turn of its own.
    pub(super) fn moment(&mut self, moment: Moment<'_>) {
        let pending = self.act.take();
        let is_new = pending.is_none();
        self.turns += u32::from(is_new);
        let turn = self.turns;
        let act = self.find(|place| match (place, moment) {
            (Place::Connect, Moment::Connect)
            | (Place::AuthResponse, Moment::AuthResponse)
            | (Place::Delivery, Moment::Delivery) => true,
            (Place::Command(beginning), Moment::Command(line)) => line
                .get(..beginning.len())
                .is_some_and(|there| there.eq_ignore_ascii_case(beginning.as_bytes())),
            (Place::Turn(nth), _) => *nth == turn && is_new,
            _ => false,
        });
        self.act = Some(act.map(|(_, act)| act).or(pending).unwrap_or_else(Act::usual));
    }

    /// What is to be done now that the server speaks.
    pub(super) fn act(&mut self) -> Act {
        if self.act.is_none() {
            // What is said of a message that the machine refuses by itself.
            self.moment(Moment::Delivery);
        }
        self.act.take().unwrap_or_else(Act::usual)
    }

    /// How the present question is to be refused, if the script refuses it.
    pub(super) fn refusal(&self) -> Option<Rejection<'static>> {
        self.act.as_ref()?.refusal()
    }

    pub(super) fn handshake(&mut self) -> Option<Act> {
        self.find(|place| matches!(place, Place::Handshake)).map(|(_, act)| act)
    }

    /// Whether there can be a handshake without a configuration for TLS.
    pub(super) fn plays_handshakes(&self) -> bool {
        self.script.rules.iter().any(|(at, _)| matches!(at.place, Place::Handshake))
    }

    /// A message begins: after how many octets something is to be done.
    pub(super) fn content(&mut self) -> Option<(u64, Act)> {
        match self.find(|place| matches!(place, Place::Content(_)))? {
            (Place::Content(octets), act) => Some((octets, act)),
            _ => None,
        }
    }

    fn find(&mut self, is_here: impl Fn(&Place) -> bool) -> Option<(Place, Act)> {
        let mut found = None;
        for ((at, act), count) in self.script.rules.iter().zip(&mut self.counts) {
            if at.session.is_some_and(|nth| nth != self.session) || !is_here(&at.place) {
                continue;
            }
            *count += 1;
            if found.is_none() && at.nth.is_none_or(|nth| nth == *count) {
                found = Some((at.place.clone(), act.clone()));
            }
        }
        found
    }
}
