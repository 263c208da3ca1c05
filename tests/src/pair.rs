//! A client and a server joined in memory: no sockets, no clock, and a connection that can be cut at
//! any octet.

use std::{collections::VecDeque, sync::Arc};

use bytes::{Buf, Bytes};
use smtp_proto::{
    answer::Rejection,
    auth::server::{Login, Mechanism, Plain, Question, Step as AuthStep},
    client::{
        self, Client, Misuse, Opening, OpeningError, OpeningStep, ReplyTo, Report, Transaction,
        TransactionStep,
    },
    fault::Fault,
    server::{self, Server},
    wire::{Endpoint, Step},
};

/// More turns than any test takes: beyond it the machines spin.
const TURNS: usize = 2_000_000;

/// How the octets of one side are cut before they reach the other.
#[derive(Debug, Clone, Copy)]
pub enum Pieces {
    /// As much as there is.
    Whole,
    /// So many octets at a time.
    Of(usize),
    /// 1 to 40 octets, by a generator that starts here.
    Random(u64),
}

impl Pieces {
    pub(crate) fn next(&mut self) -> usize {
        match self {
            Self::Whole => usize::MAX,
            Self::Of(octets) => *octets,
            Self::Random(state) => {
                // xorshift
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                usize::try_from(*state % 40).unwrap_or(0) + 1
            }
        }
    }
}

/// A message as the server's application took it, or was asked to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// The reverse-path, in brackets.
    pub from: String,
    /// The recipients that were accepted, in brackets.
    pub to: Vec<String>,
    /// Its octets.
    pub body: Vec<u8>,
    /// For each answer that was given: whether it was to accept.
    pub answers: Vec<bool>,
}

/// The application of the server: what it answers can be read off the addresses.
///
/// A recipient whose local-part begins with `no` is refused with 550, `later` with 450, `many` with
/// 452 4.5.3 and `bye` with 421; those words in the reverse-path refuse MAIL. `drop` in the
/// reverse-path refuses DATA, `bad` the whole message; with LMTP, a recipient with `full` at its end
/// is refused when the message has come.
#[derive(Debug, Default)]
pub struct Clerk {
    /// Every message that came whole.
    pub messages: Vec<Message>,
    /// Whether anything was refused.
    pub refused: bool,
    /// Who has logged in.
    pub login: Option<String>,
    /// How the session ended.
    pub faults: Vec<Fault>,
    /// How often a transaction was void.
    pub resets: usize,
    /// The handshake is due.
    pub upgrade: bool,
    open: Message,
    mechanism: Option<(String, ServerMechanism)>,
}

#[derive(Debug)]
enum ServerMechanism {
    Plain(Plain),
    Login(Login),
}

impl ServerMechanism {
    fn step(&mut self, response: Option<&[u8]>) -> AuthStep {
        match self {
            Self::Plain(plain) => plain.step(response),
            Self::Login(login) => login.step(response),
        }
    }
}

fn verdict(path: &str) -> Option<Rejection<'static>> {
    let local = path.trim_start_matches('<');
    if local.starts_with("no") {
        Some(Rejection::MAILBOX_UNKNOWN)
    } else if local.starts_with("later") {
        Some(Rejection::TRY_LATER)
    } else if local.starts_with("many") {
        Some(Rejection::TOO_MANY_RECIPIENTS)
    } else if local.starts_with("bye") {
        Some(Rejection::SHUTTING_DOWN)
    } else {
        None
    }
}

impl Clerk {
    /// Answers a question, or takes note of news.
    pub fn handle(&mut self, event: server::Event<'_>) {
        use server::Event;
        match event {
            Event::Connected(connected) => connected.accept(),
            Event::Hello(hello) => hello.accept(),
            Event::StartTls(starttls) => starttls.accept(),
            Event::Auth(auth) => self.auth(auth),
            Event::Mail(mail) => {
                let from = mail.reverse_path().to_string();
                if let Some(rejection) = verdict(&from) {
                    self.refused = true;
                    return mail.reject(rejection);
                }
                self.open = Message { from, ..Message::default() };
                mail.accept();
            }
            Event::Rcpt(rcpt) => {
                let to = rcpt.forward_path().to_string();
                if let Some(rejection) = verdict(&to) {
                    self.refused = true;
                    return rcpt.reject(rejection);
                }
                assert_eq!(usize::try_from(rcpt.index()).ok(), Some(self.open.to.len()));
                self.open.to.push(to);
                rcpt.accept();
            }
            Event::Data(data) => {
                self.open.body.clear();
                if self.open.from.starts_with("<drop") {
                    self.refused = true;
                    return data.reject(Rejection::INSUFFICIENT_STORAGE);
                }
                data.accept();
            }
            Event::Body(octets) => {
                assert!(!octets.is_empty());
                self.open.body.extend_from_slice(&octets);
            }
            Event::Delivery(delivery) => {
                if self.open.answers.is_empty() {
                    assert_eq!(usize::try_from(delivery.size()).ok(), Some(self.open.body.len()));
                }
                let full = delivery.recipient().is_some_and(|index| {
                    let index = usize::try_from(index).unwrap();
                    self.open.to[index].contains("full@")
                });
                let asked = match delivery.recipient() {
                    Some(_) => self.open.to.len(),
                    None => 1,
                };
                let good = !full && !self.open.from.starts_with("<bad");
                self.open.answers.push(good);
                if good {
                    delivery.accept();
                } else {
                    self.refused = true;
                    delivery.reject(Rejection::MAILBOX_FULL);
                }
                if self.open.answers.len() == asked {
                    self.messages.push(core::mem::take(&mut self.open));
                }
            }
            Event::Verify(verify) => verify.cannot_verify(),
            Event::Extension(extension) => extension.accept_with(Default::default()),
            // Everybody may have the mail of his own domains, and what waits elsewhere.
            Event::Etrn(etrn) => etrn.messages_started(1),
            Event::Atrn(atrn) => match atrn.domains() {
                Some(domains) if domains.iter().any(|domain| domain.as_str() == "no.example") => {
                    atrn.reject(Rejection::DOMAINS_DENIED);
                }
                _ => atrn.accept(),
            },
            Event::Reset => {
                self.resets += 1;
                self.open = Message::default();
            }
            Event::UpgradeTls { discarded } => {
                assert_eq!(discarded, 0);
                self.upgrade = true;
            }
            Event::Fault(fault) => self.faults.push(fault),
            Event::Leniency(_) => {}
            other => panic!("{other:?}"),
        }
    }

    /// The password is always "s3cret!".
    fn auth(&mut self, auth: server::Auth<'_>) {
        let known = self.mechanism.take().filter(|(name, _)| name == auth.mechanism());
        let (name, mut mechanism) = known.unwrap_or_else(|| {
            let mechanism = match auth.mechanism() {
                "PLAIN" => ServerMechanism::Plain(Plain::new()),
                _ => ServerMechanism::Login(Login::new()),
            };
            (auth.mechanism().to_owned(), mechanism)
        });
        match mechanism.step(auth.response()) {
            AuthStep::Challenge(challenge) => {
                auth.challenge(challenge.as_slice());
                self.mechanism = Some((name, mechanism));
            }
            AuthStep::Ask(Question::Password(credentials))
                if credentials.password().as_slice() == b"s3cret!" =>
            {
                self.login = Some(credentials.authcid().to_owned());
                auth.accept();
            }
            _ => auth.reject(Rejection::BAD_CREDENTIALS),
        }
    }
}

/// Why [`Pair::advance`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The client has an event.
    Event,
    /// The client has nothing to do.
    Idle,
    /// The client's session is over.
    Closed,
}

/// A client and a server, and the connection between them.
#[derive(Debug)]
pub struct Pair {
    /// The client.
    pub client: Client,
    /// The server.
    pub server: Server,
    /// The server's application.
    pub clerk: Clerk,
    /// Codes of the replies the client was told.
    pub replies: Vec<(ReplyTo, u16)>,
    /// Octets from client to server so far, and from server to client.
    pub carried: (usize, usize),
    /// The connection breaks after so many octets from client to server.
    pub cut_up: Option<usize>,
    /// The connection breaks after so many octets from server to client.
    pub cut_down: Option<usize>,
    up: Pieces,
    down: Pieces,
    broken: bool,
}

impl Pair {
    /// A connection that was just made, both ways cut into `pieces`.
    pub fn new(config: server::Config, client: client::Config, pieces: Pieces) -> Self {
        Self::of(Client::new(client), Server::new(Arc::new(config)), pieces)
    }

    /// A connection of these two, both ways cut into `pieces`.
    pub fn of(client: Client, server: Server, pieces: Pieces) -> Self {
        Self {
            client,
            server,
            clerk: Clerk::default(),
            replies: Vec::new(),
            carried: (0, 0),
            cut_up: None,
            cut_down: None,
            up: pieces,
            down: pieces,
            broken: false,
        }
    }

    /// Both machines go on until the client has something to say to its caller.
    pub fn advance(&mut self) -> Stop {
        for _ in 0..TURNS {
            match self.client.step() {
                Step::Event => return Stop::Event,
                Step::Idle => return Stop::Idle,
                Step::Close => return Stop::Closed,
                Step::Write => {
                    if self.carry_up() {
                        continue;
                    }
                }
                Step::Read => {}
            }
            assert!(self.serve(), "both sides wait: {:?} {:?}", self.client, self.server);
        }
        panic!("the machines spin");
    }

    /// The server goes on until it waits for the client.
    pub fn settle_server(&mut self) {
        for _ in 0..TURNS {
            if !self.serve() {
                return;
            }
        }
        panic!("the server spins");
    }

    /// One step of the server; whether it did anything.
    fn serve(&mut self) -> bool {
        match self.server.step() {
            Step::Event => {
                if let Some(event) = self.server.event() {
                    self.clerk.handle(event);
                }
                true
            }
            Step::Write => self.carry_down(),
            Step::Read | Step::Idle => false,
            Step::Close => {
                // What the closed connection means to the client.
                let news = !self.broken;
                self.break_off();
                news
            }
        }
    }

    fn carry_up(&mut self) -> bool {
        let left = self.cut_up.map_or(usize::MAX, |cut| cut - self.carried.0);
        let most = self.up.next().min(left);
        let output = self.client.wire().output();
        let chunk = output.chunk();
        let piece = &chunk[..most.min(chunk.len())];
        let taken = self.server.wire().receive(piece);
        output.advance(taken);
        self.carried.0 += taken;
        if self.cut_up == Some(self.carried.0) {
            self.break_off();
            return true;
        }
        taken > 0
    }

    fn carry_down(&mut self) -> bool {
        if self.broken {
            let output = self.server.wire().output();
            output.advance(output.remaining());
            return true;
        }
        let left = self.cut_down.map_or(usize::MAX, |cut| cut - self.carried.1);
        let most = self.down.next().min(left);
        let output = self.server.wire().output();
        let chunk = output.chunk();
        let piece = &chunk[..most.min(chunk.len())];
        let taken = self.client.wire().receive(piece);
        output.advance(taken);
        self.carried.1 += taken;
        if self.cut_down == Some(self.carried.1) {
            self.break_off();
            return true;
        }
        taken > 0
    }

    /// The connection is gone.
    pub fn break_off(&mut self) {
        if !self.broken {
            self.broken = true;
            self.client.wire().received(0);
            self.server.wire().received(0);
        }
    }

    fn note(&mut self, to: ReplyTo, code: u16) {
        self.replies.push((to, code));
    }

    /// Leads the client's session to where it can be used.
    ///
    /// # Errors
    /// That of the opening.
    pub fn open(&mut self, opening: &mut Opening<'_>) -> Result<(), OpeningError> {
        loop {
            match opening.next(&mut self.client) {
                OpeningStep::Ready => return Ok(()),
                OpeningStep::Failed(error) => return Err(error),
                OpeningStep::Await => {}
            }
            match self.advance() {
                Stop::Event => match self.client.event() {
                    Some(client::Event::Reply { to, reply }) => {
                        let code = reply.code().value();
                        opening.reply(to, reply);
                        self.note(to, code);
                    }
                    Some(client::Event::UpgradeTls) => self.handshake(),
                    Some(client::Event::Fault(fault)) => opening.fault(fault),
                    Some(other) => panic!("{other:?}"),
                    None => {}
                },
                Stop::Idle => panic!("the opening forgot to go on"),
                Stop::Closed => opening.fault(Fault::Closed),
            }
        }
    }

    fn handshake(&mut self) {
        self.settle_server();
        if self.broken {
            return;
        }
        assert!(core::mem::take(&mut self.clerk.upgrade), "the server is not in its handshake");
        assert_eq!(self.client.wire().room(), 0);
        assert_eq!(self.server.wire().room(), 0);
        self.client.tls_started();
        self.server.tls_started();
    }

    /// Sends a message whose body comes in `pieces`.
    ///
    /// # Errors
    /// That of the transaction.
    pub fn send(
        &mut self,
        mut transaction: Transaction<'_>,
        pieces: &[Bytes],
    ) -> Result<Report, Misuse> {
        let content = pieces;
        let mut pieces: VecDeque<Bytes> = content.iter().cloned().collect();
        let mut ended = false;
        loop {
            let step = transaction.next(&mut self.client)?;
            if step == TransactionStep::Done {
                self.settle_server();
                return Ok(transaction.report());
            }
            if step == TransactionStep::Rewind {
                pieces = content.iter().cloned().collect();
                ended = false;
                transaction.rewound();
                continue;
            }
            match self.advance() {
                Stop::Event => match self.client.event() {
                    Some(client::Event::Reply { to, reply }) => {
                        let code = reply.code().value();
                        transaction.reply(to, reply);
                        self.note(to, code);
                    }
                    Some(client::Event::Fault(fault)) => transaction.fault(&self.client, fault),
                    Some(other) => panic!("{other:?}"),
                    None => {}
                },
                Stop::Idle => {
                    assert_eq!(step, TransactionStep::Body, "the transaction forgot to go on");
                    assert!(!ended, "content wanted behind its end");
                    match pieces.pop_front() {
                        Some(piece) => transaction.body(&mut self.client, piece)?,
                        None => {
                            ended = true;
                            transaction.end_of_body(&mut self.client)?;
                        }
                    }
                }
                Stop::Closed => return Ok(transaction.report()),
            }
        }
    }

    /// Ends the session.
    pub fn quit(&mut self) {
        if self.client.quit().is_err() {
            return;
        }
        loop {
            match self.advance() {
                Stop::Event => {
                    if let Some(client::Event::Reply { to, reply }) = self.client.event() {
                        let code = reply.code().value();
                        self.note(to, code);
                    }
                }
                Stop::Idle => panic!("QUIT is not the end"),
                Stop::Closed => break,
            }
        }
        self.settle_server();
    }
}
