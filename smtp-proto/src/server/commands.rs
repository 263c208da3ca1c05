//! Command lines: check, and ask.
//!
//! The order of judgement is: framing, unknown verb, verb not offered, TLS needed, authentication
//! needed, sequence, argument, parameter, limits; then the application. BDAT reads its size first, so
//! that its octets are skipped whatever the verdict is.

use super::{
    Server,
    answer::{Desk, Leave},
    content::{Announced, Chunk},
    question::{Auth, Data, Event, Extension, Hello, Mail, Rcpt, StartTls, Verify},
    session::{Exchange, Phase, Session},
};
use crate::{
    answer::Rejection,
    auth::Secret,
    command::{self, Bdat, Command, Verb},
    error::{ParseError, Rule as Grammar},
    extension,
    fault::Fault,
    parameter::{Body, MailParameters, RcptParameters},
    sequence::{Refusal, Request, Rule, State, rule},
    status::Code,
    transcript::Speaker,
    wire::Wire,
};

const NO_RECIPIENT: Rejection<'static> = Rejection::permanent(5, 1, "no recipient yet");
const TOO_LONG: Rejection<'static> = Rejection::permanent(5, 2, "line too long");

impl Server {
    /// The question that the line at the front of the input raises, if the core does not answer it.
    pub(super) fn command(&mut self) -> Option<Event<'_>> {
        let Self { wire, session } = self;
        if !session.greeted_or_line(wire) {
            return None;
        }
        let (input, pen) = wire.split();
        let octets = input.octets();
        let mut desk = Desk { session, pen, line: 0 };
        let Some(length) = desk.session.line_length(octets) else {
            desk.session.skip_or_end(octets.len());
            return None;
        };
        let (whole, behind) = octets.split_at_checked(length)?;
        let line = whole.strip_suffix(b"\r\n").unwrap_or(whole);
        desk.line = length;
        let verb = Verb::of(line);
        desk.note(verb, line);
        if length > desk.session.line_limit(verb) {
            let too_long = if verb == Verb::Auth {
                Rejection::permanent(5, 6, "AUTH line too long").coded(Code::SYNTAX_ERROR)
            } else {
                TOO_LONG
            };
            desk.refuse(&too_long, Leave::Now);
            return None;
        }
        let argued = Argued { line, verb, trailing: behind.len() };
        desk.judge(argued)
    }

    /// A response in an AUTH exchange.
    pub(super) fn auth_response(&mut self) -> Option<Event<'_>> {
        let Self { wire, session } = self;
        let (input, pen) = wire.split();
        let octets = input.octets();
        let mut desk = Desk { session, pen, line: 0 };
        let Some(length) = desk.session.line_length(octets) else {
            desk.session.abandon_auth();
            desk.session.skip_or_end(octets.len());
            return None;
        };
        let (whole, _) = octets.split_at_checked(length)?;
        let line = whole.strip_suffix(b"\r\n").unwrap_or(whole);
        desk.line = length;
        desk.session.secret_line = true;
        desk.pen.note(Speaker::Client, if line == b"*" { b"*" } else { b"***" });
        let refusal = if length > desk.session.config.limits.auth_line {
            Some(Rejection::permanent(5, 6, "AUTH line too long").coded(Code::SYNTAX_ERROR))
        } else if line == b"*" {
            Some(Rejection::permanent(7, 0, "AUTH cancelled").coded(Code::ARGUMENT_ERROR))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            desk.session.abandon_auth();
            desk.reject(&refusal, Leave::Now);
            return None;
        }
        match decode(line) {
            Ok(response) => {
                if let Some(exchange) = desk.session.exchange.as_mut() {
                    exchange.response = Some(response);
                }
                desk.session.phase = Phase::Auth;
                desk.session.consume += desk.line;
                desk.line = 0;
                Some(Event::Auth(Auth::new(desk)))
            }
            Err(error) => {
                desk.session.abandon_auth();
                desk.refuse(&error.rejection(), Leave::Now);
                None
            }
        }
    }

    /// Drops more of an over-long line. Its end is answered once.
    pub(super) fn skip_line(&mut self) {
        let Self { wire, session } = self;
        let Phase::SkipLine { skipped } = session.phase else {
            return;
        };
        session.scanned = 0;
        let length = session.line_length(wire.input.octets());
        let (input, pen) = wire.split();
        if let Some(length) = length {
            session.phase = Phase::Command;
            Desk { session, pen, line: length }.refuse(&TOO_LONG, Leave::Now);
            return;
        }
        // A CR at the end may be the first half of the line's end.
        let keep = usize::from(input.octets().last() == Some(&b'\r'));
        let dropped = input.len() - keep;
        input.consume(dropped);
        input.settle();
        session.scanned = 0;
        let skipped = skipped.saturating_add(dropped);
        session.phase = Phase::SkipLine { skipped };
        if skipped > session.config.limits.endless_line {
            let mut desk = Desk { session, pen, line: 0 };
            desk.end(&Rejection::temporary(7, 0, "line too long"), Fault::EndlessLine);
        }
    }
}

/// A line and what is known of it.
#[derive(Debug, Clone, Copy)]
struct Argued<'l> {
    /// Without its CRLF.
    line: &'l [u8],
    verb: Verb,
    /// Octets behind the line.
    trailing: usize,
}

impl<'s> Desk<'s> {
    /// Records the line, with what is secret in it masked.
    fn note(&mut self, verb: Verb, line: &[u8]) {
        if !self.pen.is_recording() {
            return;
        }
        if verb == Verb::Auth {
            let mut words = line.splitn(3, |&octet| octet == b' ');
            let shown = words.next().unwrap_or_default().len()
                + words.next().map_or(0, |mechanism| mechanism.len() + 1);
            let mut masked = line.get(..shown).unwrap_or(line).to_vec();
            if words.next().is_some() {
                masked.extend_from_slice(b" ***");
            }
            self.pen.note(Speaker::Client, &masked);
        } else {
            self.pen.note(Speaker::Client, line);
        }
    }

    fn judge(mut self, argued: Argued<'s>) -> Option<Event<'s>> {
        let Argued { line, verb, .. } = argued;
        if verb == Verb::Auth {
            self.session.secret_line = true;
        }
        let bdat = match verb {
            Verb::Bdat => match Bdat::parse(line, &self.session.config.syntax) {
                Ok(bdat) => Some(bdat),
                Err(error) => {
                    // Only a chunk whose size is certain can be skipped.
                    match Bdat::chunk_size(line) {
                        Ok(size) => {
                            let bdat = Bdat { size, last: false };
                            self.skip_chunk(bdat, Some(error.rejection()), self.session.state);
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
        if request == Request::Unknown && self.session.is_registered(line) {
            request = Request::Extension;
        }
        let leave = match request {
            Request::Mail | Request::Rcpt | Request::Rset | Request::Bdat => Leave::Together,
            _ => Leave::Now,
        };
        if let Err(rejection) = self.session.admit(request) {
            match bdat {
                Some(bdat) => self.skip_chunk(bdat, Some(rejection), self.session.state),
                None if is_hello(request) => self.refuse_bare(&rejection),
                None => {
                    if request == Request::Unknown {
                        return self.unknown(line, rejection);
                    }
                    self.refuse(&rejection, leave);
                }
            }
            return None;
        }
        match rule(self.session.state_for(request), request) {
            Rule::Refuse { why, then } => {
                let rejection = self.session.refusal(why);
                if then == State::Spoiled && self.session.state != State::Spoiled {
                    self.session.void();
                }
                match bdat {
                    Some(bdat) => {
                        let silent = self.session.is_lmtp()
                            && bdat.last
                            && why == Refusal::NoRecipient;
                        self.skip_chunk(bdat, (!silent).then_some(rejection), then);
                    }
                    None => {
                        self.session.enter(then);
                        if is_hello(request) {
                            self.refuse_bare(&rejection);
                        } else {
                            self.refuse(&rejection, leave);
                        }
                    }
                }
                None
            }
            Rule::Grant(then) => {
                self.granted(request, then, argued);
                None
            }
            Rule::Ask { .. } => match self.session.present(argued, bdat) {
                Ok(question) => self.ask(question),
                Err(rejection) => {
                    if is_hello(request) {
                        self.refuse_bare(&rejection);
                    } else {
                        self.refuse(&rejection, leave);
                    }
                    None
                }
            },
        }
    }

    /// A verb nobody knows; at the beginning perhaps another protocol.
    fn unknown(mut self, line: &[u8], rejection: Rejection<'static>) -> Option<Event<'s>> {
        let foreign = line.ends_with(b"HTTP/1.1")
            || line.ends_with(b"HTTP/1.0")
            || line.starts_with(&[0x16, 0x03]);
        if foreign && self.session.state == State::Start {
            self.end(&Rejection::temporary(7, 0, "this is not SMTP"), Fault::ForeignProtocol);
            return None;
        }
        let rejection = match Command::parse(line, &self.session.config.syntax) {
            Err(error) => error.rejection(),
            Ok(_) => rejection,
        };
        self.refuse(&rejection, Leave::Now);
        None
    }

    /// Reads a chunk only to drop it; then `reply`, and the state is `then`.
    fn skip_chunk(&mut self, bdat: Bdat, reply: Option<Rejection<'static>>, then: State) {
        if self.refuse_absurd(bdat.size) {
            return;
        }
        self.session.enter(then);
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
        let syntax = self.session.config.syntax;
        if let Err(error) = Command::parse(argued.line, &syntax) {
            self.refuse(&error.rejection(), Leave::Now);
            return;
        }
        match request {
            Request::Rset => {
                self.session.void();
                self.session.enter(then);
                self.grant(Code::OK, (0, 0), "RSET done", Leave::Together);
            }
            Request::Quit => {
                let text = alloc::format!("{} closing, goodbye", self.session.config.host());
                self.grant(Code::CLOSING, (0, 0), &text, Leave::Now);
                self.session.close(None);
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
        match question {
            Question::Hello(verb, name) => {
                Some(Event::Hello(Hello { desk: self, verb, name }))
            }
            Question::StartTls { trailing } => {
                if trailing > 0 && !self.session.config.starttls_discards {
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
                self.session.exchange = Some(exchange);
                Some(Event::Auth(Auth::new(self)))
            }
            Question::Mail(mail, parameters) => {
                Some(Event::Mail(Mail { desk: self, mail, parameters }))
            }
            Question::Rcpt(rcpt, parameters) => {
                Some(Event::Rcpt(Rcpt { desk: self, rcpt, parameters }))
            }
            Question::Data { trailing } => {
                if trailing > 0 && !self.session.config.early_data_allowed {
                    let refusal = Rejection::permanent(5, 0, "content before 354")
                        .coded(Code::TRANSACTION_FAILED);
                    self.end_with(&refusal, Fault::EarlyData);
                    return None;
                }
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
            Question::Verify(verb, text) => {
                Some(Event::Verify(Verify { desk: self, verb, text }))
            }
            Question::Extension(verb, argument) => {
                Some(Event::Extension(Extension { desk: self, verb, argument }))
            }
        }
    }
}

/// A well-formed command that the application is to answer.
#[derive(Debug)]
enum Question<'l> {
    Hello(Verb, crate::domain::HelloName<'l>),
    StartTls { trailing: usize },
    Auth(alloc::boxed::Box<Exchange>),
    Mail(command::Mail<'l>, MailParameters<'l>),
    Rcpt(command::Rcpt<'l>, RcptParameters<'l>),
    Data { trailing: usize },
    Chunk(Bdat),
    Verify(Verb, command::Text<'l>),
    Extension(&'l str, Option<command::Text<'l>>),
}

impl Session {
    /// Whether there is something to judge: before the greeting nothing is.
    fn greeted_or_line(&mut self, wire: &Wire) -> bool {
        self.greeted && !wire.input.is_empty()
    }

    fn line_limit(&self, verb: Verb) -> usize {
        if verb == Verb::Auth { self.config.limits.auth_line } else { self.config.limits.command_line }
    }

    /// The buffer is full of one line without an end.
    fn skip_or_end(&mut self, buffered: usize) {
        if buffered >= self.config.command_buffer() {
            self.phase = Phase::SkipLine { skipped: 0 };
            self.scanned = 0;
        }
    }

    fn abandon_auth(&mut self) {
        self.exchange = None;
        self.enter(State::Ready);
        self.phase = Phase::Command;
    }

    fn is_registered(&self, line: &[u8]) -> bool {
        let verb = line.split(|octet| matches!(octet, b' ' | b'\t')).next().unwrap_or_default();
        self.config.verbs.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(verb))
    }

    /// DATA cannot carry a binary message: as after a BDAT, it is out of order (RFC 3030 section 3).
    fn state_for(&self, request: Request) -> State {
        let binary = self.transfer.binary && self.state == State::Recipients;
        if request == Request::Data && binary { State::Chunks } else { self.state }
    }

    /// What is judged before the order of commands: whether the verb is offered, and whether TLS or
    /// authentication is needed first.
    fn admit(&self, request: Request) -> Result<(), Rejection<'static>> {
        let config = &self.config;
        let offered = match request {
            Request::Unknown => return Err(Rejection::COMMAND_UNKNOWN),
            Request::StartTls => self.tls || config.offers(extension::Extension::StartTls),
            Request::Auth => !config.mechanisms.is_empty(),
            Request::Bdat | Request::BdatLast => config.offers(extension::Extension::Chunking),
            Request::Expn => config.offers(extension::Extension::Expn),
            Request::Help => config.offers(extension::Extension::Help),
            _ => true,
        };
        if !offered {
            return Err(Rejection::NOT_IMPLEMENTED);
        }
        if config.tls_required
            && !self.tls
            && !matches!(
                request,
                Request::Noop
                    | Request::Hello
                    | Request::ForeignHello
                    | Request::StartTls
                    | Request::Quit
            )
        {
            return Err(Rejection::TLS_REQUIRED);
        }
        if config.auth_required
            && !self.authenticated
            && !matches!(
                request,
                Request::Noop
                    | Request::Hello
                    | Request::Helo
                    | Request::ForeignHello
                    | Request::StartTls
                    | Request::Auth
                    | Request::Rset
                    | Request::Quit
            )
        {
            return Err(Rejection::AUTHENTICATION_REQUIRED);
        }
        match request {
            // Already inside TLS, or logged in: RFC 3207 section 4.2.
            Request::StartTls if self.tls || self.authenticated => Err(Rejection::BAD_SEQUENCE),
            // RFC 4954 section 4: after EHLO, and once.
            Request::Auth if self.authenticated || !self.extended => Err(Rejection::BAD_SEQUENCE),
            // A client that said HELO was not told of BDAT.
            Request::Bdat | Request::BdatLast if self.state == State::Ready && !self.extended => {
                Err(Rejection::BAD_SEQUENCE)
            }
            _ => Ok(()),
        }
    }

    fn refusal(&self, why: Refusal) -> Rejection<'static> {
        match why {
            Refusal::BadSequence => Rejection::BAD_SEQUENCE,
            Refusal::NoRecipient if self.is_lmtp() || !self.transfer.refused_recipients => {
                NO_RECIPIENT
            }
            Refusal::NoRecipient => {
                Rejection::permanent(5, 1, "no valid recipients").coded(Code::TRANSACTION_FAILED)
            }
            Refusal::ForeignHello => {
                Rejection::permanent(5, 1, "the other protocol's hello").coded(Code::SYNTAX_ERROR)
            }
            Refusal::NotImplemented => Rejection::NOT_IMPLEMENTED,
            Refusal::Unknown => Rejection::COMMAND_UNKNOWN,
        }
    }

    /// Checks argument, parameters and limits.
    fn present<'l>(
        &self,
        argued: Argued<'l>,
        bdat: Option<Bdat>,
    ) -> Result<Question<'l>, Rejection<'static>> {
        let Argued { line, verb, trailing } = argued;
        let syntax = &self.config.syntax;
        let parsed = |result: Result<Question<'l>, ParseError>| {
            result.map_err(|error| error.rejection())
        };
        match verb {
            Verb::Mail => self.present_mail(line),
            Verb::Rcpt => self.present_rcpt(line),
            Verb::Auth => self.present_auth(line),
            Verb::Bdat => Ok(bdat.map_or(Question::Data { trailing: 0 }, Question::Chunk)),
            _ => parsed(Command::parse(line, syntax).and_then(|command| {
                Ok(match command {
                    Command::Ehlo(name) | Command::Helo(name) | Command::Lhlo(name) => {
                        Question::Hello(verb, name)
                    }
                    Command::StartTls => Question::StartTls { trailing },
                    Command::Data => Question::Data { trailing },
                    Command::Vrfy(verify) | Command::Expn(verify) => {
                        Question::Verify(verb, verify.text())
                    }
                    Command::Other(other) => Question::Extension(other.verb(), other.text()),
                    _ => return Err(ParseError::new(Grammar::Verb, 0)),
                })
            })),
        }
    }

    fn present_mail<'l>(&self, line: &'l [u8]) -> Result<Question<'l>, Rejection<'static>> {
        let mail = command::Mail::parse(line, &self.config.syntax).map_err(|error| error.rejection())?;
        if mail.parameters.is_empty() && mail.reverse_path.is_ascii() {
            return Ok(Question::Mail(mail, MailParameters::default()));
        }
        for parameter in mail.parameters.iter() {
            let known = MailParameters::extension(parameter.keyword());
            if !known.is_some_and(|extension| self.honours_parameter(extension)) {
                return Err(Rejection::PARAMETER_UNKNOWN);
            }
        }
        let parameters =
            MailParameters::parse(mail.parameters).map_err(|error| error.rejection())?;
        if parameters.body() == Some(Body::BinaryMime)
            && !self.honours(extension::Extension::BinaryMime)
        {
            return Err(Rejection::PARAMETER_UNKNOWN);
        }
        if !mail.reverse_path.is_ascii() && !parameters.smtputf8() {
            return Err(Rejection::permanent(6, 7, "non-ASCII address without SMTPUTF8")
                .coded(Code::MAILBOX_UNAVAILABLE));
        }
        let too_big = |size| self.config.limits.message.is_some_and(|limit| size > limit);
        if parameters.size().is_some_and(too_big) {
            return Err(Rejection::MESSAGE_TOO_BIG);
        }
        Ok(Question::Mail(mail, parameters))
    }

    fn present_rcpt<'l>(&self, line: &'l [u8]) -> Result<Question<'l>, Rejection<'static>> {
        let rcpt = command::Rcpt::parse(line, &self.config.syntax).map_err(|error| error.rejection())?;
        let parameters = if rcpt.parameters.is_empty() {
            RcptParameters::default()
        } else {
            for parameter in rcpt.parameters.iter() {
                let known = RcptParameters::extension(parameter.keyword());
                if !known.is_some_and(|extension| self.honours_parameter(extension)) {
                    return Err(Rejection::PARAMETER_UNKNOWN);
                }
            }
            RcptParameters::parse(rcpt.parameters).map_err(|error| error.rejection())?
        };
        if !rcpt.forward_path.is_ascii() && !self.transfer.smtputf8 {
            return Err(Rejection::permanent(6, 7, "non-ASCII address without SMTPUTF8")
                .coded(Code::MAILBOX_NAME_NOT_ALLOWED));
        }
        if self.transfer.recipients >= self.config.limits.recipients {
            return Err(Rejection::TOO_MANY_RECIPIENTS);
        }
        Ok(Question::Rcpt(rcpt, parameters))
    }

    fn present_auth<'l>(&self, line: &'l [u8]) -> Result<Question<'l>, Rejection<'static>> {
        let auth = command::Auth::parse(line, &self.config.syntax).map_err(|error| error.rejection())?;
        let name = auth.mechanism.as_str();
        let known = self
            .config
            .mechanisms
            .iter()
            .find(|offered| offered.name.eq_ignore_ascii_case(name));
        let Some(known) = known else {
            return Err(Rejection::permanent(5, 4, "mechanism not offered")
                .coded(Code::ARGUMENT_NOT_IMPLEMENTED));
        };
        if known.plaintext && !self.tls && !self.config.plaintext_auth {
            return Err(Rejection::MECHANISM_NEEDS_ENCRYPTION);
        }
        let response = match auth.initial_response {
            None => None,
            Some(response) => {
                let mut decoded = Secret::default();
                if let Some(base64) = response.base64() {
                    base64.decode_into(&mut decoded);
                }
                Some(decoded)
            }
        };
        Ok(Question::Auth(alloc::boxed::Box::new(Exchange {
            mechanism: known.name.clone(),
            response,
        })))
    }

    /// Whether a parameter of `extension` may be used. AUTH= is taken also from those who did not
    /// authenticate (RFC 4954 section 5), as long as AUTH is offered.
    fn honours_parameter(&self, extension: extension::Extension) -> bool {
        if extension == extension::Extension::Auth {
            return self.extended && !self.config.mechanisms.is_empty();
        }
        self.honours(extension)
    }
}

const fn is_hello(request: Request) -> bool {
    matches!(request, Request::Hello | Request::Helo | Request::ForeignHello)
}

/// A response line of the AUTH exchange; an empty one is an empty response.
fn decode(line: &[u8]) -> Result<Secret, ParseError> {
    let mut response = Secret::default();
    if !line.is_empty() {
        crate::auth::Base64::parse(line)?.decode_into(&mut response);
    }
    Ok(response)
}
