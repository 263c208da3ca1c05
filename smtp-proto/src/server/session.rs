//! What a server session remembers.

use alloc::{boxed::Box, sync::Arc};

use super::{config::Config, content::Chunk, parameters::Rare, transfer::Transfer};
use crate::{
    answer::Rejection,
    auth::{Channel, Secret},
    command::Verb,
    extension::Extension,
    fault::Fault,
    profile::Leniencies,
    sequence::{self, AFTER_CONTENT, Answer, Request, State},
    trace::Transmission,
    wire::Input,
};

/// What the session is doing now. Every change of how octets are read is a change of phase, and is
/// decided by what was sent, never by what the application does next.
#[derive(Debug)]
pub(super) enum Phase {
    /// Whether the client talks before it is greeted is watched for.
    Watch,
    /// The application is asked whether to serve this client.
    Greeting,
    /// A command line is read, or the question it raised is open.
    Command,
    /// An over-long line is skipped to its end; `skipped` octets of it are gone. `verb` is AUTH in an
    /// exchange, too, and nothing but that, BURL and the one for all others.
    SkipLine { skipped: usize, verb: Verb },
    /// A line of the AUTH exchange is read.
    AuthResponse,
    /// The application is asked about the response that was read.
    Auth,
    /// Message content after 354, up to the line with a lone dot.
    Content,
    /// The octets of a BDAT chunk.
    Chunk(Chunk),
    /// The message is whole and the application is asked about it; in LMTP once for each recipient,
    /// counted from 0.
    Delivery { recipient: u32 },
    /// 220 to STARTTLS is being written.
    StartTls { discarded: usize },
    /// The TLS handshake is under way.
    Tls,
    /// 250 to ATRN is being written, or the connection waits to be turned.
    Turn,
    /// The last reply is being written; to QUIT, or another.
    Closing { quit: bool },
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) config: Arc<Config>,
    pub(super) state: State,
    pub(super) phase: Phase,
    pub(super) hello: Option<HelloForm>,
    pub(super) tls: bool,
    pub(super) authenticated: bool,
    pub(super) greeted: bool,
    pub(super) transfer: Transfer,
    authentication: Option<Box<Authentication>>,
    pub(super) bad_commands: u32,
    pub(super) failed_auth: u32,
    fault: Option<Box<Fault>>,
    /// The application knows of a transaction that is void by now.
    pub(super) reset_due: bool,
    /// What was forgiven and not yet told.
    pub(super) leniencies: Leniencies,
    /// What there is to forgive in the line at the front of the input was noted.
    pub(super) weighed: bool,
    /// Set with [`State::Refusing`], where all but QUIT is refused by another code than 503.
    pub(super) refusing: Option<Refusing>,
    /// Octets at the front of the input that an answer has dealt with.
    pub(super) consume: usize,
    /// … and they hold a secret.
    pub(super) secret_line: bool,
    /// The verb of the line that was read last.
    pub(super) verb: Verb,
    /// The line at the front of the input is in the transcript.
    pub(super) noted: bool,
    /// The input was searched for a line end up to here.
    pub(super) scanned: usize,
    /// Output must leave before anything else is processed (RFC 2920 section 3.2).
    pub(super) flush: bool,
    /// The phase changed or a command was completed: buffer and timer are set anew.
    pub(super) rearm: bool,
    /// Output that was not written by now is given up.
    pub(super) cut: bool,
    /// What few sessions have to remember.
    pub(super) rare: Option<Box<Rare>>,
}

/// What few sessions have.
#[derive(Debug, Default)]
struct Authentication {
    /// What TLS brings to the exchange.
    channel: Option<Channel>,
    exchange: Option<Exchange>,
}

/// By what the client has said hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HelloForm {
    Helo,
    /// EHLO or LHLO, whose reply tells of extensions.
    Extended,
}

/// Why a session refuses everything, if not by 503 (RFC 5321 section 3.1).
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusing {
    /// It was greeted with 521: 521 (RFC 7504 section 3).
    NoMail,
    /// TLS is too weak: 554 (RFC 3207 section 4.1).
    WeakTls,
}

/// An AUTH exchange (RFC 4954 section 4).
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) mechanism: Box<str>,
    /// The client's last response, decoded; `None` before its first one.
    pub(super) response: Option<Secret>,
}

impl Session {
    pub(super) fn new(config: Arc<Config>) -> Self {
        let watch = config.watches_for_early_talkers();
        let transfer = Transfer::new(&config.profile.server);
        Self {
            config,
            state: State::Start,
            phase: if watch { Phase::Watch } else { Phase::Greeting },
            hello: None,
            tls: false,
            authenticated: false,
            greeted: false,
            transfer,
            authentication: None,
            bad_commands: 0,
            failed_auth: 0,
            fault: None,
            reset_due: false,
            leniencies: Leniencies::default(),
            weighed: false,
            refusing: None,
            consume: 0,
            secret_line: false,
            verb: Verb::Other,
            noted: false,
            scanned: 0,
            flush: false,
            rearm: false,
            cut: false,
            rare: None,
        }
    }

    pub(super) fn channel(&self) -> Option<&Channel> {
        self.authentication.as_ref()?.channel.as_ref()
    }

    pub(super) fn describe_channel(&mut self, channel: Channel) {
        self.authentication.get_or_insert_default().channel = Some(channel);
    }

    pub(super) fn forget_channel(&mut self) {
        if let Some(authentication) = &mut self.authentication {
            authentication.channel = None;
        }
    }

    pub(super) fn exchange(&self) -> Option<&Exchange> {
        self.authentication.as_ref()?.exchange.as_ref()
    }

    pub(super) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        self.authentication.as_mut()?.exchange.as_mut()
    }

    pub(super) fn begin_exchange(&mut self, exchange: Exchange) {
        self.authentication.get_or_insert_default().exchange = Some(exchange);
    }

    pub(super) fn end_exchange(&mut self) {
        if let Some(authentication) = &mut self.authentication {
            authentication.exchange = None;
        }
    }

    pub(super) fn has_news(&self) -> bool {
        self.reset_due || self.fault.is_some() || self.has_newline() || !self.leniencies.is_empty()
    }

    pub(super) fn take_reset(&mut self) -> bool {
        core::mem::take(&mut self.reset_due)
    }

    pub(super) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take().map(|fault| *fault)
    }

    /// Whether a whole line, or more than a line may hold, is at the front of `input`. Octets are
    /// searched once.
    pub(super) fn has_line(&mut self, input: &Input) -> bool {
        let octets = input.octets();
        if self.line_length(octets).is_some() {
            return true;
        }
        octets.len() >= self.config.command_buffer() || self.is_tls_hello(octets)
    }

    /// Whether `octets`, where a first command is due, are those of a TLS handshake: a record of type
    /// 22 and version 3. No line end need ever come.
    pub(super) fn is_tls_hello(&self, octets: &[u8]) -> bool {
        self.state == State::Start && octets.starts_with(&[0x16, 0x03])
    }

    /// The length of the line at the front of `octets`, CRLF included.
    pub(super) fn line_length(&mut self, octets: &[u8]) -> Option<usize> {
        // Mostly the line was found before: the same question is asked again, or the step that told
        // of it is followed by the event.
        if octets.get(self.scanned) == Some(&b'\n')
            && self.scanned.checked_sub(1).and_then(|before| octets.get(before)) == Some(&b'\r')
        {
            return Some(self.scanned + 1);
        }
        while let Some(found) = memchr::memchr(b'\n', octets.get(self.scanned..)?) {
            let end = self.scanned + found;
            if end > 0 && octets.get(end - 1) == Some(&b'\r') {
                // Found again, at once, when the question of this line is asked again.
                self.scanned = end;
                return Some(end + 1);
            }
            self.scanned = end + 1;
        }
        self.scanned = octets.len();
        None
    }

    /// Enters `state`; leaving a transaction forgets it.
    #[inline]
    pub(super) fn enter(&mut self, state: State) {
        let before = core::mem::replace(&mut self.state, state);
        if !state.in_transaction() {
            self.forget_transaction(before);
        }
    }

    #[inline(never)]
    fn forget_transaction(&mut self, before: State) {
        if before.in_transaction() {
            self.forget_forwarded();
        }
        self.transfer.clear();
    }

    /// The transaction under way, if any, is void: the application is told.
    pub(super) fn void(&mut self) {
        if core::mem::take(&mut self.transfer.known) {
            self.reset_due = true;
        }
    }

    /// The end: after the output has left, the connection closes.
    pub(super) fn close(&mut self, fault: Option<Fault>) {
        self.void();
        self.enter(State::Closed);
        self.phase = Phase::Closing { quit: false };
        self.end_exchange();
        if self.fault.is_none() {
            self.fault = fault.map(Box::new);
        }
        self.rearm = true;
    }

    /// Whether the client was told of extensions.
    pub(super) fn is_extended(&self) -> bool {
        self.hello == Some(HelloForm::Extended)
    }

    pub(super) fn forget_hello(&mut self) {
        self.void();
        self.hello = None;
        self.end_exchange();
        self.forget_forwarded();
        self.scanned = 0;
        self.consume = 0;
        self.rearm = true;
        self.tell_future_release(None);
    }

    /// The application refuses the message that is being received.
    pub(super) fn refuse_message(&mut self, reply: Rejection<'_>) {
        self.transfer.known = false;
        self.transfer.poison(reply.into_owned());
    }

    /// The transaction ended with its content.
    pub(super) fn content_over(&mut self) {
        if self.state == State::Closed {
            return;
        }
        self.transfer.known = false;
        let refused = self.transfer.fetched_last;
        self.enter(if refused { State::Spoiled } else { AFTER_CONTENT });
        self.phase = Phase::Command;
        self.rearm = true;
    }

    /// A part of the message cannot be had, and so there is no message (RFC 4468 section 3.2).
    pub(super) fn spoil_transaction(&mut self) {
        if self.state != State::Closed {
            self.void();
            self.enter(State::Spoiled);
        }
    }

    /// BURL is refused before it is looked at. To who was told that it may be used, that is no other
    /// refusal: a part is missing.
    pub(super) fn spoil_by_refused_part(&mut self) {
        let then = sequence::after(self.state, Request::Burl, Answer::Rejected);
        if then == State::Spoiled && self.honours(Extension::Burl) {
            self.spoil_transaction();
        }
    }

    pub(super) fn transmission_type(&self) -> &'static str {
        let transmission = Transmission {
            protocol: self.config.protocol,
            extended: self.is_extended(),
            smtputf8: self.transfer.smtputf8,
            tls: self.tls,
            authenticated: self.authenticated,
        };
        transmission.as_str()
    }

    /// Whether a parameter of `extension` may be used now: it is offered, and the hello was one that
    /// told so.
    pub(super) fn honours(&self, extension: Extension) -> bool {
        self.is_extended() && self.config.offers(extension) && self.has_place(extension)
    }

    /// Whether `extension` may be offered on this connection: REQUIRETLS is for sessions that have
    /// it themselves (RFC 8689 section 2).
    pub(super) fn has_place(&self, extension: Extension) -> bool {
        extension != Extension::RequireTls || self.tls
    }
}
