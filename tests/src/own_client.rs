//! The dialogs of a server, said by our own client: what stands in the file becomes a call.

use std::{collections::VecDeque, sync::Arc};

use bytes::{Buf, Bytes};
use smtp_proto::{
    answer::Rejection,
    auth::{Base64, Secret},
    client::{Client, Config, Event, Misuse},
    command::{Auth, Bdat, Burl, Command},
    fault::Fault,
    profile::Syntax,
    sequence::{Protocol, State},
    server::Server,
    upstream::{Forwarded, Overrides},
    wire::{Endpoint, Step},
};

use crate::{
    dialog::{Account, Action, Application, Dialog},
    pair::Pieces,
};

/// More turns than any dialog takes: beyond it the machines spin.
const TURNS: usize = 2_000_000;

/// Why a client does not say what stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsaid {
    /// It is malformed, and the client has no words for that.
    Malformed,
    /// There is no such call: NOOP with a text, HELO in LMTP, a verb nobody knows.
    NoCall,
    /// The connection ends within it.
    Half,
    /// The client refuses the call.
    Refused(Misuse),
}

/// How a dialog went.
#[derive(Debug)]
pub struct Performance {
    /// How many replies the client told.
    pub replies: usize,
    /// Where it ended before the dialog does.
    pub unsaid: Option<Unsaid>,
}

/// Plays `dialog` as far as the client can say it. The octets of both sides come in `pieces`; with
/// `lockstep`, the client sends each command alone.
///
/// # Panics
/// When the client tells other replies than those of the dialog, or as answers to other commands, or
/// when the server's application sees anything else.
pub fn perform(dialog: &Dialog, pieces: Pieces, lockstep: bool) -> Performance {
    let account = dialog.account();
    let mut stage = Stage::new(dialog, &account, pieces, lockstep);
    let mut unsaid = stage.play(dialog).err();
    stage.settle();
    if unsaid.is_none() && !stage.script.is_empty() {
        unsaid = Some(Unsaid::Half);
    }
    let name = &dialog.name;
    let (mut output, mut events) = (&account.output[..], &account.events[..]);
    if unsaid.is_some() {
        output = &output[..output.len().min(stage.told.len())];
        events = &events[..events.len().min(stage.application.events.len())];
    }
    assert_eq!(
        stage.told.escape_ascii().to_string().replace("\\r\\n", "\n"),
        output.escape_ascii().to_string().replace("\\r\\n", "\n"),
        "{name}: what the client was told; {unsaid:?}"
    );
    assert_eq!(stage.application.events, events, "{name}: what happened; {unsaid:?}");
    Performance { replies: stage.replies, unsaid }
}

struct Stage<'d> {
    client: Client,
    server: Server,
    account: &'d Account,
    application: Application,
    pieces: Pieces,
    /// Octets of the file that were not said yet.
    script: VecDeque<u8>,
    /// The server waits for content.
    content: bool,
    /// The server has closed, or the client.
    closed: bool,
    /// What was called, in the order in which it is to be answered.
    called: VecDeque<&'static str>,
    /// The octets of all replies that the client told.
    told: Vec<u8>,
    replies: usize,
}

impl<'d> Stage<'d> {
    fn new(dialog: &Dialog, account: &'d Account, pieces: Pieces, lockstep: bool) -> Self {
        let mut config = match dialog.config().protocol() {
            Protocol::Smtp => Config::default(),
            Protocol::Lmtp => Config::lmtp(),
        };
        config.lockstep = lockstep;
        let mut client = Client::new(config);
        let mut server = Server::new(Arc::new(dialog.config()));
        if dialog.implicit_tls {
            client.tls_started();
            server.tls_started();
        }
        Self {
            client,
            server,
            account,
            application: Application::default(),
            pieces,
            script: VecDeque::new(),
            content: false,
            closed: false,
            called: VecDeque::from(["Greeting"]),
            told: Vec::new(),
            replies: 0,
        }
    }

    fn play(&mut self, dialog: &Dialog) -> Result<(), Unsaid> {
        for action in &dialog.actions {
            match action {
                Action::Client(octets) => {
                    self.script.extend(octets);
                    self.say()?;
                    continue;
                }
                Action::Answer(_) | Action::Expect(_) => continue,
                _ => self.settle(),
            }
            match action {
                Action::Tls => {
                    assert_eq!(self.client.step(), Step::Idle, "{}: no handshake", dialog.name);
                    assert_eq!(self.server.step(), Step::Idle, "{}: no handshake", dialog.name);
                    assert_eq!((self.client.wire().room(), self.server.wire().room()), (0, 0));
                    self.client.tls_started();
                    self.server.tls_started();
                }
                Action::Expire => {
                    self.half()?;
                    self.server.wire().expire();
                }
                Action::Eof => {
                    self.half()?;
                    self.server.wire().received(0);
                }
                Action::ShutDown => self.server.shut_down(Rejection::SHUTTING_DOWN),
                _ => {}
            }
        }
        self.half()
    }

    /// The connection may end within content, and nowhere else.
    fn half(&mut self) -> Result<(), Unsaid> {
        if self.script.is_empty() {
            return Ok(());
        }
        if !self.content {
            return Err(Unsaid::Half);
        }
        let rest: Vec<u8> = self.script.drain(..).collect();
        self.client.body(rest.into()).map_err(Unsaid::Refused)?;
        self.settle();
        Ok(())
    }

    /// Says all that stands in the script whole.
    fn say(&mut self) -> Result<(), Unsaid> {
        loop {
            let script = self.script.make_contiguous();
            let Some(end) = script.windows(2).position(|two| two == b"\r\n") else {
                return Ok(());
            };
            let line = script[..end].to_vec();
            if self.content {
                self.script.drain(..end + 2);
                self.content_line(line)?;
            } else if self.client.state() == State::Auth {
                self.script.drain(..end + 2);
                self.response(&line)?;
            } else {
                let command =
                    Command::parse(&line, &Syntax::INTERNET).map_err(|_| Unsaid::Malformed)?;
                let mut chunk = Bytes::new();
                if let Command::Bdat(Bdat { size, .. }) = command {
                    let size = usize::try_from(size).map_err(|_| Unsaid::Half)?;
                    let Some(octets) = script[end + 2..].get(..size) else {
                        return Ok(());
                    };
                    chunk = Bytes::copy_from_slice(octets);
                }
                self.script.drain(..end + 2 + chunk.len());
                self.command(command, &chunk)?;
            }
        }
    }

    fn content_line(&mut self, mut line: Vec<u8>) -> Result<(), Unsaid> {
        if line == b"." {
            self.content = false;
            self.called.push_back("Delivery");
            return self.client.end_of_data().map_err(Unsaid::Refused);
        }
        if line.first() == Some(&b'.') {
            line.remove(0);
        }
        line.extend_from_slice(b"\r\n");
        self.client.body(line.into()).map_err(Unsaid::Refused)
    }

    fn response(&mut self, line: &[u8]) -> Result<(), Unsaid> {
        self.called.push_back("Auth");
        let result = if line == b"*" {
            self.client.auth_cancel()
        } else {
            let response = Base64::parse_line(line).map_err(|_| Unsaid::Malformed)?;
            self.client.auth_response(decoded(response).as_slice())
        };
        self.settle();
        result.map_err(Unsaid::Refused)
    }

    /// Calls what `command` is; where that has to wait for replies, after them.
    fn command(&mut self, command: Command<'_>, chunk: &Bytes) -> Result<(), Unsaid> {
        let mut result = self.call(command, chunk);
        if matches!(result, Err(Unsaid::Refused(_))) && !self.client.is_settled() {
            self.settle();
            result = self.call(command, chunk);
        }
        self.called.push_back(result?);
        if matches!(command, Command::Auth(_) | Command::StartTls) {
            self.settle();
        }
        Ok(())
    }

    /// The name of what the replies will be told to answer.
    fn call(&mut self, command: Command<'_>, chunk: &Bytes) -> Result<&'static str, Unsaid> {
        let client = &mut self.client;
        let lmtp = client.protocol() == Protocol::Lmtp;
        let (name, result) = match command {
            Command::Ehlo(name) if !lmtp => ("Hello", client.hello(name)),
            Command::Lhlo(name) if lmtp => ("Hello", client.hello(name)),
            Command::Helo(name) => ("Hello", client.helo(name)),
            Command::Mail(mail) => ("Mail", client.mail(mail.reverse_path, mail.parameters)),
            Command::Rcpt(rcpt) => ("Rcpt", client.rcpt(rcpt.forward_path, rcpt.parameters)),
            Command::Data => ("Data", client.data()),
            Command::Bdat(Bdat { last: false, .. }) => {
                ("Chunk", client.chunk(chunk.clone(), false))
            }
            Command::Bdat(Bdat { last: true, .. }) => {
                ("Delivery", client.chunk(chunk.clone(), true))
            }
            Command::Rset => ("Reset", client.reset()),
            Command::Noop(None) => ("Noop", client.noop()),
            Command::Quit => ("Quit", client.quit()),
            Command::Vrfy(query) => ("Verify", client.verify(query)),
            Command::Expn(query) => ("Expand", client.expand(query)),
            Command::Help(topic) => ("Help", client.help(topic)),
            Command::StartTls => ("StartTls", client.starttls()),
            Command::Auth(Auth { mechanism, initial_response }) => {
                let response = initial_response.map(|response| match response.base64() {
                    Some(text) => decoded(text),
                    None => Secret::from(""),
                });
                ("Auth", client.auth(mechanism, response.as_ref().map(Secret::as_slice)))
            }
            Command::Etrn(node) => ("Etrn", client.etrn(node)),
            Command::Atrn(domains) => ("Atrn", client.atrn(domains)),
            Command::Burl(Burl { url, last: false }) => ("Burl", client.burl(url, false)),
            Command::Burl(Burl { url, last: true }) => ("Delivery", client.burl(url, true)),
            Command::XClient(command) => {
                let mut overrides = Overrides::default();
                overrides.update(&command);
                // The client has an order of its own, and always codes.
                if overrides.to_string() != command.to_string() {
                    return Err(Unsaid::NoCall);
                }
                ("XClient", client.xclient(&overrides))
            }
            Command::XForward(command) => {
                let mut forwarded = Forwarded::default();
                forwarded.update(&command);
                if forwarded.to_string() != command.to_string() {
                    return Err(Unsaid::NoCall);
                }
                ("XForward", client.xforward(&forwarded))
            }
            Command::Other(other) => ("Extension", client.extension(other.verb(), other)),
            _ => return Err(Unsaid::NoCall),
        };
        result.map(|()| name).map_err(Unsaid::Refused)
    }

    /// Both machines go on until neither can.
    fn settle(&mut self) {
        for _ in 0..TURNS {
            let client = self.client();
            if !self.server() && !client {
                return;
            }
        }
        panic!("the machines spin: {:?} {:?}", self.client, self.server);
    }

    /// One step of the client; whether it did anything.
    fn client(&mut self) -> bool {
        match self.client.step() {
            Step::Event => {
                let turned = self.client.state() == State::Turned;
                self.event();
                !turned
            }
            Step::Write if self.closed => false,
            Step::Write => {
                let output = self.client.wire().output();
                let chunk = output.chunk();
                let piece = &chunk[..self.pieces.next().min(chunk.len())];
                let taken = self.server.wire().receive(piece);
                output.advance(taken);
                taken > 0
            }
            Step::Read | Step::Idle | Step::Close => false,
        }
    }

    /// One step of the server; whether it did anything.
    fn server(&mut self) -> bool {
        match self.server.step() {
            Step::Event if self.application.turned => false,
            Step::Event => {
                if let Some(event) = self.server.event() {
                    self.application.handle(event, &mut |asked| self.account.answer(asked));
                }
                true
            }
            Step::Write => {
                let output = self.server.wire().output();
                let chunk = output.chunk();
                let piece = &chunk[..self.pieces.next().min(chunk.len())];
                let taken = self.client.wire().receive(piece);
                output.advance(taken);
                taken > 0
            }
            Step::Read | Step::Idle => false,
            Step::Close => {
                self.application.close();
                let news = !core::mem::replace(&mut self.closed, true);
                if news {
                    self.client.wire().received(0);
                }
                news
            }
        }
    }

    fn event(&mut self) {
        match self.client.event() {
            Some(Event::Reply { to, reply }) => {
                let name = format!("{to:?}");
                // One message may be answered by several replies (LMTP).
                while self.called.len() > 1
                    && self.called[0] == "Delivery"
                    && !name.starts_with("Delivery")
                {
                    self.called.pop_front();
                }
                let due = self.called.front().copied().unwrap_or_default();
                assert!(
                    !due.is_empty() && name.starts_with(due),
                    "{name} is answered, {:?} was called",
                    self.called
                );
                if due != "Delivery" || !name.contains("Some") {
                    self.called.pop_front();
                }
                self.content |= due == "Data" && reply.code().value() == 354;
                self.told.extend_from_slice(reply.octets());
                self.replies += 1;
            }
            Some(Event::Fault(Fault::ServiceNotAvailable(reply))) => {
                self.told.extend_from_slice(reply.as_reply().octets());
                self.replies += 1;
            }
            Some(Event::UpgradeTls | Event::Turned(_) | Event::Leniency(_) | Event::Fault(_))
            | None => {}
            Some(other) => panic!("{other:?}"),
        }
    }
}

fn decoded(text: Base64<'_>) -> Secret {
    let mut octets = Secret::default();
    text.decode_into(&mut octets);
    octets
}
