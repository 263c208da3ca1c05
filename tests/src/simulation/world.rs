//! One connection: the client's side, the server's side, the link, and what befalls them.

use std::{collections::VecDeque, sync::Arc};

use bytes::{Buf, Bytes};
use smtp_proto::{
    auth::client::{Login as LoginMechanism, Plain},
    client::{
        Client, Content, Envelope, Event, Login, Opening, OpeningStep, Outcome, Recipient, ReplyTo,
        Report, Status, Surveyed, Transaction, TransactionOptions, TransactionStep,
    },
    domain::HelloName,
    fault::Fault,
    parameter::{Body, Parameters},
    path::{ForwardPath, ReversePath},
    reply::ReplyBuf,
    wire::{Endpoint, Step},
};

use super::{
    Tally,
    link::Pipe,
    receiver::Receiver,
    scenario::{Job, Scenario, Verdict},
};
use crate::random::Random;

/// More turns than any session takes: beyond it something spins.
const TURNS: usize = 1_000_000;

/// What somebody in between would like the server to read inside TLS, and the client.
const EVIL_UP: &[u8] =
    b"EHLO evil.example\r\nMAIL FROM:<evil@x.example>\r\nRCPT TO:<ok@x.example>\r\n\
BDAT 6 LAST\r\nevil\r\n";
const EVIL_DOWN: &[u8] = b"250-evil.example\r\n250 SIZE 1\r\n";

/// Why [`World::advance`] came back.
enum Stop {
    Event,
    Idle,
    Closed,
}

/// One connection and its two ends.
#[derive(Debug)]
pub(super) struct World<'s> {
    pub(super) receiver: Receiver,
    pub(super) tally: Tally,
    scenario: &'s Scenario,
    client: Client,
    up: Pipe,
    down: Pipe,
    random: Random,
    told: bool,
    broken: bool,
    meddled: bool,
    mail_refused: bool,
    turns: usize,
}

impl<'s> World<'s> {
    pub(super) fn new(scenario: &'s Scenario, mut random: Random, told: bool) -> Self {
        let mut cut = || {
            let most = random.one_of(&[200, 2_000, 50_000]);
            (scenario.cuts && random.once_in(2)).then(|| random.below(most))
        };
        let (up, down) = (Pipe::new(cut()), Pipe::new(cut()));
        let mut client = Client::new(scenario.client());
        if told {
            client.wire().record(1 << 16);
        }
        Self {
            receiver: Receiver::new(Arc::new(scenario.server()), scenario),
            tally: Tally::default(),
            scenario,
            client,
            up,
            down,
            random,
            told,
            broken: false,
            meddled: false,
            mail_refused: false,
            turns: 0,
        }
    }

    /// Whether the session can take another message.
    pub(super) fn is_usable(&self) -> bool {
        !self.client.has_ended()
    }

    /// Both sides go on, in any order, until the client has something to tell.
    fn advance(&mut self) -> Result<Stop, String> {
        let mut forced = 0;
        loop {
            self.turns += 1;
            if self.turns > TURNS {
                return Err("the machines spin".into());
            }
            self.befall();
            let server_first = self.random.once_in(2);
            let mut moved = server_first && self.serve();
            let waiting = self.client.wire().output().remaining();
            if waiting > 512 * 1024 {
                return Err(format!("{waiting} octets wait in the client"));
            }
            match self.client.step() {
                // Now and then the server is faster.
                Step::Event | Step::Idle | Step::Close
                    if self.random.once_in(4) && self.serve() =>
                {
                    continue;
                }
                Step::Event => return Ok(Stop::Event),
                Step::Idle => return Ok(Stop::Idle),
                Step::Close => return Ok(Stop::Closed),
                Step::Write => moved |= self.write() | self.read(),
                Step::Read => moved |= self.read(),
            }
            moved |= !server_first && self.serve();
            if moved {
                forced = 0;
                continue;
            }
            // Nothing goes on: all that is left is time.
            if self.scenario.is_calm() {
                return Err(format!("both sides wait: {:?} {:?}", self.client, self.receiver));
            }
            forced += 1;
            if forced > 4 {
                return Err(format!("time changes nothing: {:?} {:?}", self.client, self.receiver));
            }
            self.tally.timers += 1;
            if forced % 2 == 1 {
                self.receiver.server.wire().expire();
            } else {
                self.client.wire().expire();
            }
        }
    }

    /// The connection breaks, or a timer runs out.
    fn befall(&mut self) {
        if !self.broken && (self.up.is_worn() || self.down.is_worn()) {
            self.break_off();
        }
        if self.scenario.timers > 0 && self.random.once_in(self.scenario.timers) {
            self.tally.timers += 1;
            if self.random.once_in(2) {
                self.client.wire().expire();
            } else {
                self.receiver.server.wire().expire();
            }
        }
    }

    /// What is on its way arrives in part or not at all.
    fn break_off(&mut self) {
        self.broken = true;
        self.tally.breaks += 1;
        for pipe in [&mut self.up, &mut self.down] {
            let kept = self.random.below(pipe.len() + 1);
            pipe.break_off(kept);
        }
    }

    fn serve(&mut self) -> bool {
        let before = self.down.len();
        let moved = self.receiver.turn(&mut self.up, &mut self.down, &mut self.random);
        if self.scenario.meddles
            && !self.meddled
            && self.down.len() != before
            && self.down.ends_with(b"go ahead\r\n")
            && self.random.once_in(2)
        {
            self.meddled = true;
            self.down.inject(EVIL_DOWN);
        }
        moved
    }

    fn write(&mut self) -> bool {
        if self.up.is_full() && !self.up.is_closed() {
            return false;
        }
        let output = self.client.wire().output();
        let taken = self.up.write(output.chunk(), &mut self.random);
        output.advance(taken);
        let behind_starttls = self.up.ends_with(b"STARTTLS\r\n");
        if taken > 0 && self.scenario.meddles && behind_starttls && !self.meddled {
            self.meddled = true;
            self.up.inject(EVIL_UP);
        }
        taken > 0
    }

    fn read(&mut self) -> bool {
        if self.down.take_end() {
            self.client.wire().received(0);
            return true;
        }
        let room = self.client.wire().room();
        let octets = self.down.read(room, &mut self.random);
        let taken = self.client.wire().receive(&octets);
        assert_eq!(taken, octets.len(), "no more was read than there is room for");
        taken > 0
    }

    /// The handshake, which is no more than that both sides are ready for it and nothing else is on its
    /// way; whether it succeeds.
    fn handshake(&mut self) -> bool {
        for _ in 0..1000 {
            if self.receiver.upgrade || self.receiver.closed {
                break;
            }
            self.serve();
        }
        self.tally.handshakes += 1;
        if !self.receiver.upgrade || !self.up.is_empty() || !self.down.is_empty() {
            // Octets that are no handshake.
            assert!(!self.scenario.is_calm(), "the server is not in its handshake");
            self.break_off();
            return false;
        }
        self.receiver.upgrade = false;
        self.client.tls_started();
        self.receiver.server.tls_started();
        true
    }

    fn tell(&mut self) {
        if self.told
            && let Some(transcript) = self.client.wire().transcript()
        {
            transcript.drain().for_each(|entry| eprintln!("{entry}"));
        }
    }

    /// A reply was told: is it one that may be?
    fn note(&mut self, to: ReplyTo, reply: &ReplyBuf) -> Result<(), String> {
        let code = reply.code().value();
        if to == ReplyTo::Mail && code >= 400 {
            self.mail_refused = true;
        }
        let astray = matches!(code, 500..=503) && !(code == 503 && self.mail_refused);
        if astray && !self.meddled {
            return Err(format!("the client earned {reply} to {to:?}"));
        }
        Ok(())
    }

    fn fault(&self, fault: &Fault) -> Result<(), String> {
        let expected = match fault {
            Fault::Closed | Fault::Timeout | Fault::ServiceNotAvailable(_) => true,
            Fault::PlaintextBehindStartTls => self.meddled,
            _ => false,
        };
        if !expected || self.scenario.is_calm() {
            return Err(format!("{fault:?}"));
        }
        Ok(())
    }

    /// From the greeting to a session that can be used; whether there is one.
    pub(super) fn open(&mut self) -> Result<bool, String> {
        let name = HelloName::parse("client.example").map_err(|error| error.to_string())?;
        let mut opening = Opening::new(name, self.scenario.tls);
        if let Some(mechanism) = self.scenario.auth {
            opening = opening.login(login(mechanism).allow_plaintext(true));
        }
        loop {
            match opening.next(&mut self.client) {
                OpeningStep::Ready => return Ok(true),
                OpeningStep::Failed(error) => {
                    if self.scenario.is_calm() {
                        return Err(error.to_string());
                    }
                    self.up.close();
                    return Ok(false);
                }
                OpeningStep::Await => {}
            }
            let stop = self.advance()?;
            let mut upgrades = false;
            match stop {
                Stop::Event => match self.client.event() {
                    Some(Event::Reply { to, reply }) => {
                        let owned = reply.to_owned();
                        opening.reply(to, reply);
                        self.note(to, &owned)?;
                    }
                    Some(Event::UpgradeTls) => upgrades = true,
                    Some(Event::Fault(fault)) => {
                        self.fault(&fault)?;
                        opening.fault(fault);
                    }
                    _ => {}
                },
                Stop::Idle => return Err("the opening forgot to go on".into()),
                Stop::Closed => opening.fault(Fault::Closed),
            }
            self.tell();
            if upgrades && !self.handshake() {
                // An adapter gives the connection up.
                return Ok(false);
            }
        }
    }

    /// Sends a message to some of its recipients.
    pub(super) fn send(&mut self, job: &Job, to: &[&str]) -> Result<Report, String> {
        let parsed = |path| ForwardPath::parse(path).map(Recipient::from);
        let recipients: Result<Vec<_>, _> = to.iter().copied().map(parsed).collect();
        let recipients = recipients.map_err(|error| error.to_string())?;
        let envelope = Envelope {
            reverse_path: ReversePath::parse(&job.from).map_err(|error| error.to_string())?,
            parameters: Parameters::EMPTY,
            recipients: &recipients,
        };
        let size = job.pieces.iter().map(Vec::len).sum::<usize>();
        let content = Content {
            size: job.declares_size.then(|| u64::try_from(size).unwrap_or(u64::MAX)),
            body: if job.eight_bit { Body::EightBitMime } else { Body::SevenBit },
            ..Content::default()
        };
        let mut options = TransactionOptions::default();
        options.chunking = self.scenario.chunking;
        let whole = Surveyed::new(job.content());
        let mut transaction = Transaction::new(envelope, content, options);
        if job.at_hand {
            transaction = transaction.at_hand(&whole);
        }
        let content = || job.pieces.iter().map(|piece| Bytes::copy_from_slice(piece));
        let mut pieces: VecDeque<Bytes> = content().collect();
        loop {
            let step = transaction.next(&mut self.client).map_err(|misuse| misuse.to_string())?;
            if step == TransactionStep::Done {
                return Ok(transaction.report());
            }
            if step == TransactionStep::Rewind {
                pieces = content().collect();
                transaction.rewound();
                continue;
            }
            let stop = self.advance()?;
            match stop {
                Stop::Event => match self.client.event() {
                    Some(Event::Reply { to, reply }) => {
                        let owned = reply.to_owned();
                        transaction.reply(to, reply);
                        self.note(to, &owned)?;
                    }
                    Some(Event::Fault(fault)) => {
                        self.fault(&fault)?;
                        transaction.fault(&self.client, fault);
                    }
                    _ => {}
                },
                Stop::Idle if step == TransactionStep::Body => {
                    let handed = match pieces.pop_front() {
                        Some(piece) => transaction.body(&mut self.client, piece),
                        None => transaction.end_of_body(&mut self.client),
                    };
                    handed.map_err(|misuse| misuse.to_string())?;
                }
                Stop::Idle => return Err("the transaction forgot to go on".into()),
                Stop::Closed => transaction.fault(&self.client, Fault::Closed),
            }
            self.tell();
        }
    }

    /// Whether an outcome is one that may be.
    pub(super) fn check(&self, job: &Job, to: &str, outcome: &Outcome) -> Result<(), String> {
        let fits = u64::try_from(job.content().len()).unwrap_or(u64::MAX) <= self.scenario.limit;
        let expected = match Verdict::of(to) {
            Verdict::Accept if fits => Status::Delivered,
            Verdict::Accept | Verdict::Reject => Status::Rejected,
            // The size is judged before anything else, if it is told.
            Verdict::Defer if !fits && job.declares_size => Status::Rejected,
            Verdict::Defer => Status::Deferred,
        };
        let status = outcome.status();
        let good = status == expected
            || (!self.scenario.is_calm() && matches!(status, Status::Deferred | Status::InDoubt));
        if good {
            Ok(())
        } else {
            Err(format!("{} for {to}: {outcome}, not {expected:?}", job.from))
        }
    }

    /// QUIT.
    pub(super) fn quit(&mut self) -> Result<(), String> {
        if self.client.quit().is_err() {
            return Ok(());
        }
        loop {
            let stop = self.advance()?;
            match stop {
                Stop::Event => match self.client.event() {
                    Some(Event::Fault(fault)) => self.fault(&fault)?,
                    Some(Event::Reply { to, reply }) => {
                        let owned = reply.to_owned();
                        self.note(to, &owned)?;
                    }
                    _ => {}
                },
                Stop::Idle => return Err("QUIT is not the end".into()),
                Stop::Closed => break,
            }
            self.tell();
        }
        Ok(())
    }

    /// The client is gone; the server finds out.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        self.tell();
        self.up.close();
        self.down.break_off(0);
        for _ in 0..TURNS {
            if self.receiver.closed {
                return Ok(());
            }
            if !self.serve() {
                self.tally.timers += 1;
                self.receiver.server.wire().expire();
            }
        }
        Err("the server does not find its end".into())
    }
}

fn login(mechanism: &str) -> Login {
    let login = Login::new();
    match mechanism {
        "PLAIN" => match Plain::new("", "alice", "s3cret!") {
            Ok(plain) => login.with(plain),
            Err(_) => login,
        },
        _ => match LoginMechanism::new("alice", "s3cret!") {
            Ok(other) => login.with(other),
            Err(_) => login,
        },
    }
}
