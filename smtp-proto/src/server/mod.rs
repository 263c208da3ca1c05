//! The server side of a session (RFC 5321 sections 3 and 4, RFC 2033).
//!
//! A [`Server`] turns octets into [`Event`]s and answers into replies. Events are of two kinds.
//! **Questions are asked until answered**: each carries a token whose `accept` or `reject` consumes
//! it; a token that is dropped changes nothing, and the same question is asked again. **News is told
//! once.** While a question is open nothing is read, so the application is never ahead of the peer
//! nor the peer ahead of the application.
//!
//! Each command has the same three parts: *check* (the core: may it come now, is it well formed; if
//! not the core refuses it and the application never hears of it), *ask* (the application), *proceed*
//! (the core: state and reply).
//!
//! That a question is answered once, and before anything else goes on, the compiler sees to:
//!
//! ```
//! # use smtp_proto::{server::{Event, Server}, wire::Endpoint};
//! fn answer(server: &mut Server) {
//!     if let Some(Event::Mail(mail)) = server.event() {
//!         mail.accept();
//!     }
//!     let _ = server.step();
//! }
//! ```
//!
//! Twice is once too often:
//!
//! ```compile_fail,E0382
//! # use smtp_proto::{answer::Rejection, server::{Event, Server}, wire::Endpoint};
//! fn answer(server: &mut Server) {
//!     if let Some(Event::Mail(mail)) = server.event() {
//!         mail.accept();
//!         mail.reject(Rejection::POLICY);
//!     }
//! }
//! ```
//!
//! and while the question is open, the session does not go on:
//!
//! ```compile_fail,E0499
//! # use smtp_proto::{server::{Event, Server}, wire::Endpoint};
//! fn answer(server: &mut Server) {
//!     if let Some(Event::Mail(mail)) = server.event() {
//!         let _ = server.step();
//!         mail.accept();
//!     }
//! }
//! ```

mod answer;
mod arguments;
mod check;
mod commands;
mod config;
mod content;
mod fetch;
mod forgive;
mod lines;
mod parameters;
mod question;
mod registered;
mod remote;
mod repeat;
mod session;
mod step;
mod stock;
mod transaction;
mod transfer;
mod upstream;

use alloc::sync::Arc;

use self::{
    answer::Desk,
    session::{Phase, Refusing, Session},
};
pub use self::{
    arguments::{Priorities, Trust},
    config::Config,
    fetch::Burl,
    parameters::Ownership,
    question::{Auth, Connected, Event, Extension, Hello, StartTls, Verify},
    remote::{Atrn, Etrn, Turned},
    transaction::{Data, Delivery, Mail, Rcpt},
    upstream::{XClient, XForward},
};
use crate::{
    answer::Rejection,
    auth::Channel,
    fault::Fault,
    profile::Verdict,
    sequence::{Protocol, State},
    status::Code,
    transcript::{Call, Entry},
    upstream::{Forwarded, Overrides},
    wire::{Expected, Wire},
};

/// A server session.
#[derive(Debug)]
pub struct Server {
    wire: Wire,
    session: Session,
}

impl Server {
    /// A session that begins now. For implicit TLS (port 465) call
    /// [`tls_started`](Self::tls_started) before the first step.
    pub fn new(config: Arc<Config>) -> Self {
        let watch = config.watches_for_early_talkers();
        let time = if watch { config.timeouts.greeting } else { config.timeouts.command };
        let wire = Wire::new(config.command_buffer(), time);
        Self { wire, session: Session::new(config) }
    }

    /// The server on a connection whose other end was the server before (RFC 2645 section 5.3).
    pub(crate) fn turned(mut wire: Wire, config: Arc<Config>, tls: bool) -> Self {
        wire.input.expect(config.command_buffer(), Expected::Lines);
        wire.input.stir();
        wire.restart_timer(config.timeouts.command);
        let mut session = Session::new(config);
        // Who was called, and has let this side log in, is no stranger to be watched.
        session.phase = Phase::Greeting;
        session.tls = tls;
        Self { wire, session }
    }

    /// The next event; `None` when there is none (the core has dealt with what came: ask
    /// [`step`](crate::wire::Endpoint::step) again).
    pub fn event(&mut self) -> Option<Event<'_>> {
        self.tidy();
        if self.session.has_news() {
            return self.news();
        }
        match self.session.phase {
            Phase::Watch | Phase::Greeting => self.greeting(),
            Phase::Command => self.command(),
            Phase::SkipLine { .. } => {
                self.skip_line();
                None
            }
            Phase::AuthResponse => self.auth_response(),
            Phase::Auth => Some(Event::Auth(Auth::new(self.desk()))),
            Phase::Content => self.content(),
            Phase::Chunk(_) => self.chunk(),
            Phase::Delivery { recipient } => {
                Some(Event::Delivery(Delivery::new(self.desk(), recipient)))
            }
            Phase::StartTls { discarded } if self.wire.output.is_empty() => {
                self.session.phase = Phase::Tls;
                Some(Event::UpgradeTls { discarded })
            }
            Phase::Turn if self.wire.output.is_empty() => Some(Event::Turned(Turned(self))),
            Phase::StartTls { .. } | Phase::Tls | Phase::Turn | Phase::Closing { .. } => None,
        }
    }

    /// What waits to be told.
    #[cold]
    fn news(&mut self) -> Option<Event<'_>> {
        if let Some(newline) = self.session.take_newline() {
            return Some(Event::Body(newline));
        }
        if self.session.take_reset() {
            return Some(Event::Reset);
        }
        if let Some(fault) = self.session.take_fault() {
            return Some(Event::Fault(fault));
        }
        let leniency = self.session.leniencies.take()?;
        self.wire.note(|| Entry::Leniency(leniency));
        Some(Event::Leniency(leniency))
    }

    /// The TLS handshake is done: what follows is read inside TLS, and nothing of what was said
    /// before it is remembered (RFC 3207 section 4.2). Before the first step it says that the
    /// session is inside TLS from its beginning.
    pub fn tls_started(&mut self) {
        self.wire.input.discard();
        self.wire.input.unseal();
        if matches!(self.session.phase, Phase::Tls | Phase::StartTls { .. }) {
            self.session.forget_hello();
            self.session.phase = Phase::Command;
            self.session.state = State::Start;
        }
        self.session.tls = true;
        self.session.forget_channel();
        self.wire.note(|| Entry::Tls);
        self.session.rearm = true;
        self.tidy();
    }

    /// What TLS brings to the AUTH exchange, which decides what is offered: to be told behind
    /// [`tls_started`](Self::tls_started), which forgets what was told before.
    pub fn describe_channel(&mut self, channel: Channel) {
        self.wire.note(|| Entry::Channel((&channel).into()));
        self.session.describe_channel(channel);
    }

    /// Ends the session with `reply`, by custom [`Rejection::SHUTTING_DOWN`], as soon as no
    /// transaction is under way: at once when the session is idle.
    pub fn shut_down(&mut self, reply: Rejection<'_>) {
        self.session.rare().shutdown = Some(reply.into_owned());
    }

    /// Ends the session with `reply` now. A message that is being received is void.
    pub fn abort(&mut self, reply: Rejection<'_>) {
        if matches!(self.session.phase, Phase::Closing { .. }) {
            return;
        }
        self.wire.note(|| Entry::Call(Call::Abort((&reply).into())));
        // Nothing can be said before a handshake or in its middle, nor to one who is the server now.
        if matches!(self.session.phase, Phase::StartTls { .. } | Phase::Tls | Phase::Turn) {
            self.session.close(None);
            self.session.cut = true;
            return;
        }
        self.close_with(Code::SERVICE_NOT_AVAILABLE, &reply, None);
    }

    /// Refuses the message that is being received with `reply`. Its remaining octets are read and
    /// dropped, the reply is given when it has come whole, and [`Event::Delivery`] is not asked. A
    /// message that comes in parts, by BDAT or BURL, is refused with the part at hand or, between two of
    /// them, with the next. Without a message under way this does nothing.
    pub fn refuse_message(&mut self, reply: Rejection<'_>) {
        let between = self.session.state == State::Chunks;
        let comes = match self.session.phase {
            Phase::Content | Phase::Delivery { .. } => true,
            Phase::Chunk(ref chunk) => chunk.is_kept(),
            Phase::Command | Phase::SkipLine { .. } => between,
            _ => false,
        };
        if !comes {
            return;
        }
        self.wire.note(|| Entry::Call(Call::Refuse((&reply).into())));
        match self.session.phase {
            // The last octets of it were just told: the question is answered before it is asked.
            Phase::Delivery { recipient } => {
                let answered = if self.session.is_lmtp() { recipient } else { 0 };
                self.refuse_content(&reply, self.replies_due(true).saturating_sub(answered));
                self.session.content_over();
            }
            _ => self.session.refuse_message(reply),
        }
    }

    /// Has the replies leave first that wait for others of their group (RFC 2920 section 3.2 lets them
    /// leave at any time): for applications that take long for their answers, as the client waits for
    /// each. Without such replies this does nothing.
    pub fn release(&mut self) {
        self.session.flush = true;
    }

    /// Whether the session is inside TLS.
    pub fn is_tls(&self) -> bool {
        self.session.tls
    }

    /// Whether the client has authenticated, here or where XCLIENT says so.
    pub fn is_authenticated(&self) -> bool {
        self.session.authenticated
    }

    /// Whom the client is to be taken for, when a proxy has said so by XCLIENT.
    pub fn overrides(&self) -> Option<&Overrides> {
        self.session.overrides()
    }

    /// What was told by XFORWARD of the client upstream, for the transaction under way or the next.
    pub fn forwarded(&self) -> Option<&Forwarded> {
        self.session.forwarded()
    }

    /// The configuration of this session.
    pub fn config(&self) -> &Config {
        &self.session.config
    }

    /// Where the session stands in the order of commands.
    pub fn state(&self) -> State {
        self.session.state
    }

    /// Whether the client has ended the session by QUIT: it sends nothing more (RFC 5321 section
    /// 4.1.1.10). Where a session ends without, what the client still sends is to be read for a while before
    /// the connection closes, or it may never see the last replies.
    pub fn has_quit(&self) -> bool {
        matches!(self.session.phase, Phase::Closing { quit: true })
    }

    /// How the message comes, as the `with` clause of a `Received:` field says it: "SMTP",
    /// "ESMTPSA", "UTF8LMTPS" … (RFC 3848 section 1, RFC 6531 section 4.3).
    pub fn transmission_type(&self) -> &'static str {
        self.session.transmission_type()
    }

    /// What STARTTLS led to is not good enough: everything but QUIT is refused with 554 to the end of
    /// the session (RFC 3207 section 4.1). To be called right behind
    /// [`tls_started`](Self::tls_started); at any other time it does nothing. Where TLS was there from
    /// the beginning, refuse the [connection](Event::Connected).
    pub fn tls_too_weak(&mut self) {
        let session = &self.session;
        if session.tls && session.greeted && session.state == State::Start {
            self.wire.note(|| Entry::Call(Call::TlsTooWeak));
            self.session.refusing = Some(Refusing::WeakTls);
            self.session.enter(State::Refusing);
        }
    }

    /// The client has connected: has it been patient?
    fn greeting(&mut self) -> Option<Event<'_>> {
        let early = !self.wire.input.is_empty();
        let refused = self.session.config.profile.server.early_talker == Verdict::Reject;
        if early && refused {
            let impatient = Rejection::permanent(5, 0, "you talked before you were greeted");
            Connected::new(self.desk(), false).turn_away(&impatient);
            return None;
        }
        if matches!(self.session.phase, Phase::Watch) {
            return None;
        }
        Some(Event::Connected(Connected::new(self.desk(), early)))
    }

    fn desk(&mut self) -> Desk<'_> {
        let (_, pen) = self.wire.split();
        Desk { session: &mut self.session, pen, line: 0 }
    }

    /// Ends the session: `reply` with `code` is written, then the connection closes.
    fn close_with(&mut self, code: Code, reply: &Rejection<'_>, fault: Option<Fault>) {
        let enhanced = self.session.greeted.then_some(reply.enhanced());
        self.desk().write(code, enhanced, reply.text());
        self.session.close(fault);
    }
}

impl Session {
    /// Whether a reply must be given for each recipient.
    fn is_lmtp(&self) -> bool {
        self.config.protocol == Protocol::Lmtp
    }
}

#[cfg(test)]
mod tests;
