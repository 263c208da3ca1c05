//! One session of a scripted server.
//!
//! Whatever a rule of SMTP decides is decided by the machine. It is fed one line at a time, so that each
//! reply of its is known to belong to that line, and can be another one.

mod stream;

use std::{future::pending, io, sync::Arc};

use bytes::{Buf, BytesMut};
use smtp_proto::{
    answer::{Acceptance, Rejection},
    auth::server::{Mechanism, Step as Exchange},
    command::{Bdat, Verb},
    sequence::State,
    server::{Event, Server as Machine},
    wire::{Endpoint, Step},
};

use super::{
    Addressee, Letter,
    board::Board,
    logins,
    script::{Act, Moment, Progress, Script, Then},
};
use crate::{driver::Driver, session::Facts};

/// So much is read ahead of the machine.
const AHEAD: usize = 64 * 1024;

/// Why nothing more is done.
enum Over {
    /// The session is over, by the machine or by the script.
    Closed,
    Io(io::Error),
}

impl From<io::Error> for Over {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

pub(super) struct Session {
    board: Arc<Board>,
    script: Arc<Script>,
    driver: Box<dyn Driver<Machine>>,
    progress: Progress,
    facts: Facts,
    /// What has come, and was not fed.
    inbox: BytesMut,
    /// What is being fed.
    piece: BytesMut,
    /// Nothing more comes.
    ended: bool,
    /// Of the chunk that is fed (BDAT).
    chunk: u64,
    exchange: Option<Box<dyn Mechanism>>,
    /// What is under way.
    letter: Option<Letter>,
    content: BytesMut,
    /// What has come whole, until all of it was answered.
    whole: Option<Letter>,
    /// After how many octets of this message something is to be done.
    limit: Option<(u64, Act)>,
    /// Whose answer is the next.
    addressee: Option<usize>,
}

impl Session {
    pub(super) fn new(
        board: Arc<Board>,
        script: Arc<Script>,
        driver: Box<dyn Driver<Machine>>,
        facts: Facts,
    ) -> Self {
        let progress = Progress::new(Arc::clone(&script), facts.session);
        Self {
            board,
            script,
            driver,
            progress,
            facts,
            inbox: BytesMut::new(),
            piece: BytesMut::new(),
            ended: false,
            chunk: 0,
            exchange: None,
            letter: None,
            content: BytesMut::new(),
            whole: None,
            limit: None,
            addressee: None,
        }
    }

    /// From the first octet to the last.
    pub(super) async fn play(mut self) {
        let end = self.run().await;
        self.post();
        match end {
            Err(Over::Io(error)) => self.note(format_args!("{error}")),
            _ => self.note("closed"),
        }
    }

    async fn run(&mut self) -> Result<(), Over> {
        #[cfg(feature = "tls")]
        if self.script.service == crate::server::Service::Smtps {
            self.handshake().await?;
        }
        self.progress.moment(Moment::Connect);
        loop {
            match self.driver.endpoint_mut().step() {
                Step::Read => self.feed().await?,
                Step::Event => self.event().await?,
                Step::Write => {}
                Step::Idle => return Ok(()),
                Step::Close => return self.part().await,
            }
            // As soon as there is a reply, so that it is not mixed up with another.
            let output = self.driver.endpoint_mut().wire().output();
            let usual = output.copy_to_bytes(output.remaining());
            if !usual.is_empty() {
                self.speak(&usual).await?;
            }
        }
    }

    /// Says what the machine has to say, or what the script has in its place.
    async fn speak(&mut self, usual: &[u8]) -> Result<(), Over> {
        let act = self.progress.act();
        self.perform(&act, usual).await
    }

    async fn perform(&mut self, act: &Act, usual: &[u8]) -> Result<(), Over> {
        if let Some(gate) = &act.gate {
            gate.pass().await;
        }
        let said = act.say.as_deref().unwrap_or(usual);
        if !said.is_empty() {
            self.board.tell(self.facts.session, |transcript| transcript.said('S', said));
        }
        self.answered(said);
        self.say(said).await?;
        match act.then {
            Then::GoOn => Ok(()),
            Then::Close if !said.is_empty() => {
                self.note("closed by the script");
                self.part().await?;
                Err(Over::Closed)
            }
            Then::Close => {
                self.note("cut off by the script");
                self.driver.cut();
                Err(Over::Closed)
            }
            Then::Stall => {
                self.note("stalled by the script");
                self.post();
                pending().await
            }
        }
    }

    /// The reply belongs to a message, or to one of its recipients.
    fn answered(&mut self, said: &[u8]) {
        let Some(number) = self.addressee.take() else { return };
        let Some(letter) = &mut self.whole else { return };
        let reply = String::from_utf8_lossy(said.strip_suffix(b"\r\n").unwrap_or(said));
        let reply = (!reply.is_empty()).then(|| reply.into_owned());
        let is_lmtp = self.facts.protocol == smtp_proto::sequence::Protocol::Lmtp;
        let of = if is_lmtp { number..number + 1 } else { 0..letter.recipients.len() };
        let last = of.end >= letter.recipients.len();
        for to in letter.recipients.get_mut(of).unwrap_or_default() {
            to.reply.clone_from(&reply);
        }
        if last {
            self.post();
        }
    }

    /// Puts the message that has come whole where the test sees it.
    fn post(&mut self) {
        if let Some(letter) = self.whole.take() {
            self.board.change(|notes| notes.letters.push(letter));
        }
    }

    /// Feeds the machine with what comes next: never more than is answered by one reply.
    async fn feed(&mut self) -> Result<(), Over> {
        if !self.piece.is_empty() {
            let taken = self.driver.endpoint_mut().wire().receive(&self.piece);
            if taken == 0 {
                return Err(io::Error::other("a line too long").into());
            }
            self.piece.advance(taken);
            return Ok(());
        }
        let is_content = self.is_content();
        if is_content
            && let Some((_, act)) =
                self.limit.take_if(|(octets, _)| self.content.len() as u64 >= *octets)
        {
            self.note(format_args!("{} octets of content", self.content.len()));
            return self.perform(&act, &[]).await;
        }
        let size = loop {
            match self.next_piece(is_content) {
                Some(size) => break size,
                None if self.ended => {
                    self.driver.endpoint_mut().wire().received(0);
                    return Ok(());
                }
                None => self.fill().await?,
            }
        };
        self.piece = self.inbox.split_to(size);
        if self.chunk > 0 {
            self.chunk -= size as u64;
        } else if !is_content {
            self.command();
        }
        Ok(())
    }

    fn is_content(&mut self) -> bool {
        self.chunk > 0 || self.driver.endpoint_mut().state() == State::Data
    }

    /// How many octets are fed at once; none if there are not enough yet.
    fn next_piece(&self, is_content: bool) -> Option<usize> {
        let there = self.inbox.len();
        let line = || self.inbox.iter().position(|&octet| octet == b'\n').map(|end| end + 1);
        let whole = if self.chunk > 0 {
            (there > 0).then(|| there.min(usize::try_from(self.chunk).unwrap_or(usize::MAX)))
        } else if is_content && self.limit.is_none() {
            self.lines_of_content()
        } else {
            line()
        };
        let piece = match whole {
            Some(size) => size,
            // There is no more, or more than any line has.
            None if self.ended || there >= AHEAD => there,
            None => return None,
        };
        let most = match &self.limit {
            Some((octets, _)) if is_content => {
                let left = octets.saturating_sub(self.content.len() as u64);
                usize::try_from(left.max(1)).unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        };
        (piece > 0).then_some(piece.min(most))
    }

    /// As many lines as there are, up to one of a dot alone.
    fn lines_of_content(&self) -> Option<usize> {
        if self.inbox.starts_with(b".\r\n") {
            return Some(3);
        }
        let dot = self.inbox.windows(4).position(|octets| octets == b"\n.\r\n");
        let last = || self.inbox.iter().rposition(|&octet| octet == b'\n').map(|end| end + 1);
        dot.map(|place| place + 4).or_else(last)
    }

    /// A line that is no content is about to be fed.
    fn command(&mut self) {
        let machine = self.driver.endpoint_mut();
        let moment = match machine.state() {
            State::Auth => Moment::AuthResponse,
            _ => Moment::Command(&self.piece),
        };
        self.progress.moment(moment);
        self.board.tell(self.facts.session, |transcript| transcript.said('C', &self.piece));
        let line = self.piece.strip_suffix(b"\r\n").unwrap_or(&self.piece);
        match Verb::of(line) {
            Verb::Bdat => self.chunk = Bdat::chunk_size(line).unwrap_or_default(),
            // What is behind it is for the machine to judge.
            Verb::StartTls => self.piece.unsplit(self.inbox.split()),
            _ => {}
        }
    }

    /// Answers a question, or takes a piece of news.
    async fn event(&mut self) -> Result<(), Over> {
        let Self { driver, progress, facts, exchange, letter, content, script, .. } = self;
        let machine = driver.endpoint_mut();
        facts.transmission_type = machine.transmission_type();
        let continued = machine.state() == State::Auth;
        let Some(event) = machine.event() else { return Ok(()) };
        /// Gives the script's refusal, or else says yes.
        macro_rules! answer {
            ($question:ident, $accept:expr) => {
                match progress.refusal() {
                    Some(refusal) => $question.reject(refusal),
                    None => $accept,
                }
            };
        }
        match event {
            Event::Connected(question) => answer!(question, question.accept()),
            Event::Hello(question) => {
                let name = question.name().to_string();
                answer!(question, {
                    facts.hello = Some(name.into());
                    question.accept();
                });
            }
            Event::StartTls(question) => match progress.refusal() {
                None if has_tls(script) || progress.plays_handshakes() => question.accept(),
                refusal => question.reject(refusal.unwrap_or(Rejection::TLS_UNAVAILABLE)),
            },
            Event::UpgradeTls { .. } => return self.handshake().await,
            Event::Auth(question) => {
                if let Some(refusal) = progress.refusal() {
                    question.reject(refusal);
                    return Ok(());
                }
                let begun = exchange.take().filter(|_| continued);
                let Some(mut mechanism) = begun.or_else(|| logins::mechanism(&question)) else {
                    question.reject(Rejection::AUTH_UNAVAILABLE);
                    return Ok(());
                };
                let mut step = mechanism.step(question.response());
                while let Exchange::Ask(asked) = step {
                    step = mechanism.answer(script.answer(&asked));
                }
                if matches!(step, Exchange::Challenge(_)) {
                    *exchange = Some(mechanism);
                }
                if let Some(identity) = question.follow(step) {
                    facts.identity = Some(identity.name().into());
                }
            }
            Event::Mail(question) => {
                let reverse_path = question.reverse_path().to_string();
                let parameters = question.parameters().all().to_string();
                let is_full = self.board.notes().letters.len() >= script.room;
                let full = is_full.then_some(Rejection::INSUFFICIENT_STORAGE);
                match progress.refusal().or(full) {
                    Some(refusal) => question.reject(refusal),
                    None => {
                        let (recipients, facts) = (Vec::new(), Facts::default());
                        let content = Default::default();
                        let begun = Letter { reverse_path, parameters, recipients, content, facts };
                        *letter = Some(begun);
                        question.accept();
                    }
                }
            }
            Event::Rcpt(question) => {
                let forward_path = question.forward_path().to_string();
                let parameters = question.parameters().all().to_string();
                answer!(question, {
                    let to = Addressee { forward_path, parameters, reply: None };
                    letter.iter_mut().for_each(|letter| letter.recipients.push(to.clone()));
                    question.accept();
                });
            }
            Event::Data(question) => answer!(question, {
                content.clear();
                self.limit = progress.content();
                question.accept();
            }),
            Event::Body(octets) => content.extend_from_slice(&octets),
            Event::Delivery(question) => {
                let recipient = question.recipient().unwrap_or_default();
                let number = usize::try_from(recipient).unwrap_or(usize::MAX);
                progress.moment(Moment::Delivery);
                self.addressee = Some(number);
                if let Some(letter) = letter.take() {
                    let content = content.split().freeze();
                    let octets = content.len();
                    self.board.tell(facts.session, |transcript| {
                        transcript.note(format_args!("{octets} octets of content"));
                    });
                    self.limit = None;
                    self.whole = Some(Letter { content, facts: facts.clone(), ..letter });
                }
                answer!(question, question.accept_with(Acceptance::new("taken")));
            }
            Event::Verify(question) => answer!(question, question.cannot_verify()),
            Event::Etrn(question) => answer!(question, question.accept()),
            Event::Burl(question) => {
                question.reject(progress.refusal().unwrap_or(Rejection::FETCH_FAILED));
            }
            Event::Atrn(question) => {
                question.reject(progress.refusal().unwrap_or(Rejection::NO_MAIL_WAITING));
            }
            Event::XClient(question) => answer!(question, question.accept()),
            Event::XForward(question) => answer!(question, question.accept()),
            Event::Extension(question) => {
                answer!(question, question.accept_with(Acceptance::default()));
            }
            Event::Reset => {
                (*letter, self.limit) = (None, None);
                content.clear();
            }
            Event::Fault(fault) => self.note(format_args!("{fault}")),
            _ => {}
        }
        Ok(())
    }

    fn note(&self, what: impl std::fmt::Display) {
        self.board.tell(self.facts.session, |transcript| transcript.note(what));
    }
}

fn has_tls(script: &Script) -> bool {
    #[cfg(feature = "tls")]
    return script.tls.is_some();
    #[cfg(not(feature = "tls"))]
    {
        let _ = script;
        false
    }
}
