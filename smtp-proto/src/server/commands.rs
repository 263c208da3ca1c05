//! Command lines: check, and ask.
//!
//! The order of judgement is: framing, unknown verb, verb not offered, TLS needed, authentication
//! needed, sequence, argument, parameter, limits; then the application. BDAT reads its size first, so
//! that its octets are skipped whatever the verdict is.

use super::{
    answer::{Desk, Leave},
    check::{Argued, Question},
    content::{Announced, Chunk},
    fetch::Burl,
    lines::{TOO_LONG, holds_secret},
    question::{Auth, Event, Extension, Hello, StartTls, Verify},
    remote::{Atrn, Etrn},
    session::Phase,
    transaction::{Data, Mail, Rcpt},
    upstream::{XClient, XForward},
};
use crate::{
    answer::Rejection,
    command::{Bdat, Command, Verb},
    extension::Extension::Pipelining,
    fault::Fault,
    profile::{LastWithoutRcpt, Leniency, StartTlsTrailing, Verdict},
    sequence::{Answer, Refusal, Request, Rule, State, after, rule},
    status::Code,
    transcript::Entry,
};

const UNANNOUNCED: Rejection<'static> =
    Rejection::permanent(5, 0, "PIPELINING was not offered").coded(Code::TRANSACTION_FAILED);

impl<'s> Desk<'s> {
    /// What a line that is well framed asks.
    pub(super) fn judge(mut self, argued: Argued<'s>) -> Option<Event<'s>> {
        let Argued { line, verb, trailing } = argued;
        // Whatever the answer to it is, what stands behind it would be read for commands if it were one
        // that refuses.
        if verb == Verb::Data && trailing > 0 && self.rejects_early_data() {
            self.end_early(trailing);
            return None;
        }
        if holds_secret(verb) {
            self.session.secret_line = true;
        }
        let bdat = match verb {
            Verb::Bdat => match Bdat::parse(line, &self.session.config.profile.syntax) {
                Ok(bdat) => Some(bdat),
                Err(error) => {
                    // Only a chunk whose size is certain can be skipped.
                    match Bdat::chunk_size(line) {
                        Ok(size) => {
                            // The message must not go on without it.
                            let then = after(self.session.state, Request::Bdat, Answer::Rejected);
                            if then == State::Spoiled {
                                self.session.void();
                            }
                            let bdat = Bdat { size, last: false };
                            self.skip_chunk(bdat, Some(error.rejection()), then);
                        }
                        Err(error) => self.end_with(&error.rejection(), Fault::ChunkSize),
                    }
                    return None;
                }
            },
            _ => None,
        };
        let mut request = Request::of(verb, self.session.config.protocol);
        if bdat.is_some_and(|bdat| bdat.last) {
            request = Request::BdatLast;
        }
        if request == Request::Burl && is_last(line) {
            request = Request::BurlLast;
        }
        let own = if request == Request::Unknown { self.session.own_verb(line) } else { None };
        if let Some(own) = own {
            request = Request::Extension;
            let long = self.line > own.line;
            if long || !own.offered {
                let refusal = if long { &TOO_LONG } else { &Rejection::NOT_IMPLEMENTED };
                self.refuse(refusal, Leave::Now);
                return None;
            }
        }
        let first = !core::mem::replace(&mut self.session.weighed, true);
        if trailing > 0 && bdat.is_none() && !self.session.honours(Pipelining) {
            match self.session.config.profile.server.unannounced_pipelining {
                Verdict::Accept if first => {
                    self.session.leniencies.insert(Leniency::UnannouncedPipelining);
                }
                Verdict::Accept => {}
                Verdict::Reject => {
                    if verb == Verb::Burl {
                        self.session.spoil_by_refused_part();
                    }
                    self.refuse(&UNANNOUNCED, Leave::Now);
                    return None;
                }
            }
        }
        if let Err(rejection) = self.session.admit(request, line) {
            match bdat {
                Some(bdat) => self.skip_chunk(bdat, Some(rejection), self.session.state),
                None if is_hello(request) => self.refuse_bare(&rejection),
                None => {
                    if request == Request::Unknown {
                        return self.unknown(line, rejection);
                    }
                    if verb == Verb::Burl {
                        self.session.spoil_by_refused_part();
                    }
                    self.refuse(&rejection, Leave::of(request));
                }
            }
            return None;
        }
        if own.is_some_and(|own| !own.in_order) {
            self.refuse(&Rejection::BAD_SEQUENCE, Leave::Now);
            return None;
        }
        let state = match own {
            // The table lets no verb of this kind come before the hello.
            Some(own) if own.before_hello && self.session.state == State::Start => State::Ready,
            _ => self.session.state_for(request),
        };
        match rule(state, request) {
            Rule::Refuse { why, then } => {
                let rejection = self.session.refusal(why);
                if then == State::Spoiled && self.session.state != State::Spoiled {
                    self.session.void();
                }
                match bdat {
                    Some(bdat) => {
                        let policy = self.session.config.profile.server.lmtp_last_without_rcpt;
                        let silent = self.session.is_lmtp()
                            && bdat.last
                            && why == Refusal::NoRecipient
                            && policy == LastWithoutRcpt::Silent;
                        self.skip_chunk(bdat, (!silent).then_some(rejection), then);
                    }
                    None => {
                        // To stay where it is is not to begin anew.
                        if then != self.session.state {
                            self.session.enter(then);
                        }
                        if is_hello(request) {
                            self.refuse_bare(&rejection);
                        } else {
                            self.refuse(&rejection, Leave::of(request));
                        }
                    }
                }
                None
            }
            Rule::Grant(then) => {
                self.granted(request, then, argued);
                None
            }
            Rule::Ask { .. } => match verb {
                Verb::Mail => self.mail(line, first),
                Verb::Rcpt => self.rcpt(line, first),
                _ => self.other(argued, bdat, request, first),
            },
        }
    }

    fn rejects_early_data(&self) -> bool {
        self.session.config.profile.server.early_data == Verdict::Reject
    }

    /// Ends the session because of what stands behind DATA: nothing may, in whatever state (RFC 2920
    /// section 3.1).
    #[cold]
    fn end_early(&mut self, trailing: usize) {
        self.note_unread(trailing);
        let refusal =
            Rejection::permanent(5, 0, "content before 354").coded(Code::TRANSACTION_FAILED);
        self.end_with(&refusal, Fault::EarlyData);
    }

    /// What MAIL asks, if its argument, its parameters and limits allow it.
    fn mail(mut self, line: &'s [u8], first: bool) -> Option<Event<'s>> {
        match self.session.present_mail(line) {
            Ok((path, parameters)) => {
                if first && let Some(leniency) = self.session.forgive_mail(line, path) {
                    return Some(self.tell(leniency));
                }
                Some(Event::Mail(Mail::new(self, path, parameters)))
            }
            Err(rejection) => {
                self.session.count_mail();
                self.refuse_envelope(&rejection);
                None
            }
        }
    }

    /// The same for RCPT.
    fn rcpt(mut self, line: &'s [u8], first: bool) -> Option<Event<'s>> {
        match self.session.present_rcpt(line) {
            Ok((forward_path, parameters)) => {
                let session = &mut *self.session;
                if first
                    && let Some(leniency) = session.forgive_rcpt(line, forward_path, &parameters)
                {
                    return Some(self.tell(leniency));
                }
                Some(Event::Rcpt(Rcpt { desk: self, forward_path, parameters }))
            }
            Err(rejection) => {
                self.session.transfer.refused_recipients = true;
                self.refuse_envelope(&rejection);
                None
            }
        }
    }

    /// The same for all others.
    fn other(
        mut self,
        argued: Argued<'s>,
        bdat: Option<Bdat>,
        request: Request,
        first: bool,
    ) -> Option<Event<'s>> {
        match self.session.present(argued, bdat) {
            Ok(question) => {
                if first && let Some(leniency) = self.session.forgive(argued, &question) {
                    return Some(self.tell(leniency));
                }
                self.ask(question)
            }
            Err(rejection) => {
                // A part of the message is missing: it must not go on without it.
                if matches!(request, Request::Burl | Request::BurlLast) {
                    self.session.spoil_transaction();
                }
                if is_hello(request) {
                    self.refuse_bare(&rejection);
                } else {
                    self.refuse(&rejection, Leave::of(request));
                }
                None
            }
        }
    }

    fn tell(&mut self, leniency: Leniency) -> Event<'s> {
        self.pen.note(|| Entry::Leniency(leniency));
        Event::Leniency(leniency)
    }

    /// A verb nobody knows; at the beginning perhaps another protocol.
    fn unknown(mut self, line: &[u8], rejection: Rejection<'static>) -> Option<Event<'s>> {
        let foreign = line.ends_with(b"HTTP/2.0")
            || line.ends_with(b"HTTP/1.1")
            || line.ends_with(b"HTTP/1.0");
        if foreign && self.session.state == State::Start {
            self.end_foreign();
            return None;
        }
        let rejection = match Command::parse(line, &self.session.config.profile.syntax) {
            Err(error) => error.rejection(),
            Ok(_) => rejection,
        };
        self.refuse(&rejection, Leave::Now);
        None
    }

    pub(super) fn end_foreign(&mut self) {
        self.end(&Rejection::temporary(7, 0, "this is not SMTP"), Fault::ForeignProtocol);
    }

    /// Reads a chunk only to drop it; then `reply`, and the state is `then`.
    fn skip_chunk(&mut self, bdat: Bdat, reply: Option<Rejection<'static>>, then: State) {
        if self.refuse_absurd(bdat.size) {
            return;
        }
        if then != self.session.state {
            self.session.enter(then);
        }
        self.done(Leave::Together);
        self.session.phase = Phase::Chunk(Chunk::skipped(bdat.size, bdat.last, reply));
    }

    /// A chunk too large even to be dropped ends the session.
    fn refuse_absurd(&mut self, size: u64) -> bool {
        let limits = &self.session.config.limits;
        let most = limits.message.map(|limit| limit.saturating_add(limits.discard));
        let absurd = most.is_some_and(|most| size > most);
        if absurd {
            self.end_with(&Rejection::MESSAGE_TOO_BIG, Fault::ChunkSize);
        }
        absurd
    }

    /// What the core answers by itself.
    fn granted(&mut self, request: Request, then: State, argued: Argued<'_>) {
        let syntax = self.session.config.profile.syntax;
        if let Err(error) = Command::parse(argued.line, &syntax) {
            self.refuse(&error.rejection(), Leave::Now);
            return;
        }
        match request {
            Request::Rset => {
                self.session.void();
                self.session.enter(then);
                self.session.forget_forwarded();
                self.grant(Code::OK, (0, 0), "RSET done", Leave::Together);
            }
            Request::Quit => {
                let text = alloc::format!("{} closing, goodbye", self.session.config.host());
                self.grant(Code::CLOSING, (0, 0), &text, Leave::Now);
                self.session.close(None);
                self.session.phase = Phase::Closing { quit: true };
            }
            Request::Help => {
                let config = alloc::sync::Arc::clone(&self.session.config);
                self.grant(Code::HELP, (0, 0), &config.help, Leave::Now);
            }
            _ => self.grant(Code::OK, (0, 0), "NOOP done", Leave::Now),
        }
    }

    /// Hands the question to the application, or answers what the core can decide after all.
    fn ask(mut self, question: Question<'s>) -> Option<Event<'s>> {
        let policy = self.session.config.profile.server;
        match question {
            Question::Hello(verb, name) => {
                Some(Event::Hello(Hello { desk: self, verb, name, future_release: None }))
            }
            Question::StartTls { trailing } => {
                if trailing > 0 && policy.starttls_trailing == StartTlsTrailing::Close {
                    self.note_unread(trailing);
                    let refusal = Rejection::permanent(5, 0, "nothing may follow STARTTLS")
                        .coded(Code::TRANSACTION_FAILED);
                    self.end_with(&refusal, Fault::PlaintextBehindStartTls);
                    return None;
                }
                Some(Event::StartTls(StartTls { desk: self, trailing }))
            }
            Question::Auth(exchange) => {
                if self.session.failed_auth >= self.session.config.limits.failed_auth {
                    let rejection = Rejection::temporary(7, 0, "too many failed AUTH attempts");
                    self.end(&rejection, Fault::TooManyFailedAuth);
                    return None;
                }
                self.session.begin_exchange(*exchange);
                Some(Event::Auth(Auth::new(self)))
            }
            Question::Data { .. } => {
                Some(Event::Data(Data { desk: self, announced: Announced::Data }))
            }
            Question::Chunk(Bdat { size, last }) => {
                if self.refuse_absurd(size) {
                    return None;
                }
                if self.session.state == State::Chunks {
                    self.done(Leave::Together);
                    self.session.phase = Phase::Chunk(Chunk::kept(size, last));
                    return None;
                }
                let announced = Announced::Chunk { size, last };
                Some(Event::Data(Data { desk: self, announced }))
            }
            Question::Verify(verb, query) => {
                Some(Event::Verify(Verify { desk: self, verb, query }))
            }
            Question::Etrn(node) => Some(Event::Etrn(Etrn { desk: self, node })),
            Question::Atrn(domains) => Some(Event::Atrn(Atrn { desk: self, domains })),
            Question::Burl(burl) => Some(Event::Burl(Burl { desk: self, burl })),
            Question::XClient(command) => Some(Event::XClient(XClient { desk: self, command })),
            Question::XForward(command) => Some(Event::XForward(XForward { desk: self, command })),
            Question::Extension(verb, argument) => {
                Some(Event::Extension(Extension { desk: self, verb, argument }))
            }
        }
    }
}

const fn is_hello(request: Request) -> bool {
    matches!(request, Request::Hello | Request::Helo | Request::ForeignHello)
}

/// Whether a BURL says that it is the last part.
fn is_last(line: &[u8]) -> bool {
    let mut words = line.rsplit(|octet| matches!(octet, b' ' | b'\t'));
    words.find(|word| !word.is_empty()).is_some_and(|word| word.eq_ignore_ascii_case(b"LAST"))
}
