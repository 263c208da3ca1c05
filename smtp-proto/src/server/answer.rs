//! Writing replies.

use super::{
    session::{HelloForm, Phase, Session},
    stock::Stock,
};
use crate::{
    answer::{Acceptance, Rejection},
    command::Verb,
    extension::Extension,
    fault::Fault,
    reply::{TextCharset, write_reply},
    sequence::{Request, State},
    status::{Code, EnhancedCode, Severity},
    transcript::{Answer, Entry, Speaker},
    upstream::AttributeSet,
    wire::Pen,
};

/// The most octets of text in a reply line: 512 less code, separator and CRLF (RFC 5321 section
/// 4.5.3.1.5). What is longer would be wrapped, and the rest of an EHLO line read as a keyword.
pub(super) const REPLY_TEXT: usize = 512 - "250-\r\n".len();

/// Where a command is answered: the session, what replies are written with, and how long the line is
/// that the answer deals with.
#[derive(Debug)]
pub(super) struct Desk<'s> {
    pub(super) session: &'s mut Session,
    pub(super) pen: Pen<'s>,
    pub(super) line: usize,
}

/// Whether a reply may wait for those behind it, or ends a group (RFC 2920 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// May be held while another whole command is buffered.
    Together,
    /// Goes out at once.
    Now,
}

impl Leave {
    /// How the core's own reply to a request leaves.
    pub(super) const fn of(request: Request) -> Self {
        match request {
            Request::Mail
            | Request::Rcpt
            | Request::Rset
            | Request::Bdat
            | Request::Burl
            | Request::XForward => Self::Together,
            _ => Self::Now,
        }
    }
}

impl Desk<'_> {
    /// Writes a reply and nothing else. 421 names the host (RFC 5321 section 4.2.2).
    pub(super) fn write(&mut self, code: Code, enhanced: Option<EnhancedCode>, text: &str) {
        self.write_in(TextCharset::Ascii, code, enhanced, text);
    }

    /// Writes a reply whose text may be UTF-8 where the client has said that it takes it (RFC 6531
    /// section 3.7.4).
    pub(super) fn write_in(
        &mut self,
        charset: TextCharset,
        code: Code,
        enhanced: Option<EnhancedCode>,
        text: &str,
    ) {
        let config = &self.session.config;
        let enhanced = enhanced.filter(|_| config.offers(Extension::EnhancedStatusCodes));
        let named;
        let text = if code == Code::SERVICE_NOT_AVAILABLE {
            named = alloc::format!("{} {text}", config.host());
            &named
        } else {
            text
        };
        self.pen.say(Speaker::Server, |out| {
            write_reply(out, code, enhanced, text, charset);
        });
    }

    /// The line is dealt with.
    pub(super) fn done(&mut self, leave: Leave) {
        self.session.consume += core::mem::take(&mut self.line);
        self.session.rearm = true;
        if leave == Leave::Now {
            self.session.flush = true;
        }
    }

    /// A positive reply of the core to the present line.
    pub(super) fn grant(&mut self, code: Code, enhanced: (u16, u16), text: &str, leave: Leave) {
        self.session.bad_commands = 0;
        let (subject, detail) = enhanced;
        self.write(code, EnhancedCode::new(2, subject, detail), text);
        self.done(leave);
    }

    /// A positive reply of the application to the present line; what it leaves open is filled in.
    pub(super) fn accept(&mut self, acceptance: &Acceptance<'_>, stock: &Stock, leave: Leave) {
        self.note_accept(acceptance);
        self.session.bad_commands = 0;
        self.done(leave);
        if acceptance.is_default() && self.session.config.offers(Extension::EnhancedStatusCodes) {
            self.write_whole(stock.whole);
        } else {
            self.accept_worded(acceptance, stock);
        }
    }

    #[inline(never)]
    fn accept_worded(&mut self, acceptance: &Acceptance<'_>, stock: &Stock) {
        let (subject, detail) = stock.enhanced;
        let enhanced = acceptance.enhanced().or(EnhancedCode::new(2, subject, detail));
        let text = if acceptance.text().is_empty() { stock.text } else { acceptance.text() };
        self.write(acceptance.code().unwrap_or(stock.code), enhanced, text);
    }

    /// Writes a reply that needs no more thought.
    #[inline]
    pub(super) fn write_whole(&mut self, reply: &'static str) {
        self.pen.say_whole(Speaker::Server, reply);
    }

    /// A negative reply of the application to the present line. 421 ends the session.
    pub(super) fn reject(&mut self, rejection: &Rejection<'_>, leave: Leave) {
        self.note_reject(rejection);
        self.give(rejection, leave);
    }

    /// Records what the application sets before it answers.
    pub(super) fn note_with(&mut self, keyword: &str, value: impl core::fmt::Display) {
        self.pen.note(|| {
            let value = alloc::format!("{value}").into();
            Entry::Answer(Answer::With { keyword: keyword.into(), value })
        });
    }

    /// Records that the application accepts; to be called before that leads to anything.
    pub(super) fn note_accept(&mut self, acceptance: &Acceptance<'_>) {
        self.pen.note(|| Entry::Answer(Answer::accept(acceptance)));
    }

    /// Records that the application refuses.
    pub(super) fn note_reject(&mut self, rejection: &Rejection<'_>) {
        self.pen.note(|| Entry::Answer(Answer::reject(rejection)));
    }

    /// As [`reject`](Self::reject), where nobody was asked.
    pub(super) fn give(&mut self, rejection: &Rejection<'_>, leave: Leave) {
        self.session.bad_commands = 0;
        self.refuse_with(rejection, Some(rejection.enhanced()), leave);
    }

    fn refuse_with(
        &mut self,
        rejection: &Rejection<'_>,
        enhanced: Option<EnhancedCode>,
        leave: Leave,
    ) {
        let session = &mut *self.session;
        if session.verb == Verb::Mail && session.state == State::Ready {
            session.transfer.mail_refused();
        }
        self.write(rejection.code(), enhanced, rejection.text());
        self.done(leave);
        if rejection.code() == Code::SERVICE_NOT_AVAILABLE {
            self.session.close(None);
        }
    }

    /// A negative reply of the core to the present line, for its syntax or its time; it names the command,
    /// so that who reads a pipelined dialog knows which one it is about (RFC 2920 section 3.2). Too many of
    /// them in a row end the session; those that only follow from one before are not counted.
    pub(super) fn refuse(&mut self, rejection: &Rejection<'_>, leave: Leave) {
        self.refuse_maybe_bare(rejection, leave, false);
    }

    /// A negative reply of the core to the present MAIL or RCPT. Where it is for the size or the address,
    /// nothing is wrong with the command: that is the application's kind of refusal.
    pub(super) fn refuse_envelope(&mut self, rejection: &Rejection<'_>) {
        let policy = Code::MAILBOX_UNAVAILABLE..=Code::TRANSACTION_FAILED;
        let bad = is_bad(rejection) && !policy.contains(&rejection.code());
        self.refuse_named(rejection, Leave::Together, false, bad);
    }

    /// As [`refuse`](Self::refuse), without an enhanced code: to hello commands (RFC 2034 section 3).
    pub(super) fn refuse_bare(&mut self, rejection: &Rejection<'_>) {
        self.refuse_maybe_bare(rejection, Leave::Now, true);
    }

    fn refuse_maybe_bare(&mut self, rejection: &Rejection<'_>, leave: Leave, bare: bool) {
        let bad = is_bad(rejection) && !self.session.follows_from_refusal(rejection.code());
        self.refuse_named(rejection, leave, bare, bad);
    }

    fn refuse_named(&mut self, rejection: &Rejection<'_>, leave: Leave, bare: bool, bad: bool) {
        self.session.bad_commands += u32::from(bad);
        if self.session.bad_commands > self.session.config.limits.bad_commands {
            let fault = Fault::TooManyBadCommands;
            self.end(&Rejection::temporary(7, 0, "too many bad commands"), fault);
            return;
        }
        let rejection = &rejection.about(self.session.verb);
        self.refuse_with(rejection, (!bare).then_some(rejection.enhanced()), leave);
    }

    /// Ends the session with 421 and `fault`.
    pub(super) fn end(&mut self, rejection: &Rejection<'_>, fault: Fault) {
        self.write(Code::SERVICE_NOT_AVAILABLE, Some(rejection.enhanced()), rejection.text());
        self.done(Leave::Now);
        self.session.close(Some(fault));
    }

    /// Ends the session with the reply `rejection` and `fault`.
    pub(super) fn end_with(&mut self, rejection: &Rejection<'_>, fault: Fault) {
        self.write(rejection.code(), Some(rejection.enhanced()), rejection.text());
        self.done(Leave::Now);
        self.session.close(Some(fault));
    }

    /// The greeting (RFC 5321 section 4.2): no enhanced code.
    pub(super) fn greet(&mut self, text: &str) {
        let text = alloc::format!("{} {text}", self.session.config.host());
        self.write(Code::READY, None, &text);
        self.session.greeted = true;
        self.session.phase = Phase::Command;
        self.done(Leave::Now);
    }

    /// The reply to EHLO and LHLO: what will be honoured now, in a fixed order.
    pub(super) fn list_extensions(&mut self, greeting: &str) {
        let session = &*self.session;
        let config = &session.config;
        let usable = |extension| match extension {
            Extension::StartTls => !session.tls && !session.authenticated,
            Extension::Auth => {
                !session.authenticated
                    && config.usable_mechanisms(session.tls, session.channel()).next().is_some()
            }
            // ATRN is for those who can log in (RFC 2645 section 5.1.1).
            Extension::Atrn => session.authenticated || !config.mechanisms.is_empty(),
            Extension::XClient => session.may_xclient(),
            Extension::XForward => session.may_xforward(),
            Extension::Limits => config.limits.told().next().is_some(),
            _ => session.has_place(extension),
        };
        let mut offered = config.offered;
        if !config.mechanisms.is_empty() {
            offered.insert(Extension::Auth);
        }
        let mut text = alloc::string::String::from(config.host());
        if !greeting.is_empty() {
            text.push(' ');
            text.push_str(greeting);
        }
        for extension in offered.iter().filter(|&extension| usable(extension)) {
            text.push('\n');
            text.push_str(extension.keyword());
            match extension {
                Extension::Size => {
                    if let Some(limit) = config.limits.message {
                        text.push_str(&alloc::format!(" {limit}"));
                    }
                }
                Extension::Auth => {
                    let start = text.len() - extension.keyword().len();
                    for mechanism in config.usable_mechanisms(session.tls, session.channel()) {
                        if text.len() - start + 1 + mechanism.name.len() > REPLY_TEXT {
                            break;
                        }
                        text.push(' ');
                        text.push_str(&mechanism.name);
                    }
                }
                // Without arguments it says that one has to log in first (RFC 4468 section 3.1).
                Extension::Burl if !session.needs_login_to_fetch() => text.push_str(&config.burl),
                Extension::XClient => list_attributes(AttributeSet::XCLIENT, &mut text),
                Extension::XForward => list_attributes(AttributeSet::XFORWARD, &mut text),
                Extension::Limits => {
                    for (name, limit) in config.limits.told() {
                        text.push_str(&alloc::format!(" {name}={limit}"));
                    }
                }
                Extension::FutureRelease => {
                    if let Some(most) = session.future_release() {
                        text.push_str(&alloc::format!(" {most}"));
                    }
                }
                _ => config.arguments.write(extension, &mut text),
            }
        }
        for registered in session.registered() {
            text.push('\n');
            registered.write(&mut text);
        }
        self.write(Code::OK, None, &text);
    }

    /// A positive answer to a hello: what was before it is void (RFC 5321 section 4.1.4).
    pub(super) fn hello(&mut self, hello: HelloForm, greeting: &str) {
        let session = &mut *self.session;
        session.void();
        session.enter(State::Ready);
        session.forget_forwarded();
        session.hello = Some(hello);
        session.bad_commands = 0;
        // It stays on its line: what would be split off looks like an extension.
        let room = REPLY_TEXT.saturating_sub(session.config.host().len() + 1);
        let cut = (0..=room.min(greeting.len())).rev().find(|&at| greeting.is_char_boundary(at));
        let greeting = greeting.get(..cut.unwrap_or_default()).unwrap_or_default();
        if hello == HelloForm::Extended {
            self.list_extensions(greeting);
        } else {
            let text = alloc::format!("{} {greeting}", self.session.config.host());
            self.write(Code::OK, None, text.trim_end());
        }
        self.done(Leave::Now);
    }
}

impl Session {
    /// Whether a command of a group is refused only because one before it was: what belongs to a MAIL that
    /// was refused, or comes behind a part of a message that failed. A client that pipelines has sent it
    /// by then (RFC 2920 section 3.1, RFC 3030 section 2); so much as a transaction may have recipients.
    #[cold]
    fn follows_from_refusal(&mut self, code: Code) -> bool {
        let belongs = matches!(self.verb, Verb::Rcpt | Verb::Bdat | Verb::Burl);
        let follows = match self.state {
            State::Ready => self.transfer.mail_refused && (belongs || self.verb == Verb::Data),
            // DATA in its place is a mistake of its own.
            State::Spoiled => belongs || self.verb == Verb::Mail,
            _ => false,
        };
        let order = matches!(code, Code::BAD_SEQUENCE | Code::AUTHENTICATION_REQUIRED);
        let forgiven = follows && order && self.transfer.followed < self.config.limits.recipients;
        self.transfer.followed += u32::from(forgiven);
        forgiven
    }
}

fn is_bad(rejection: &Rejection<'_>) -> bool {
    rejection.severity() == Severity::PermanentNegative
}

fn list_attributes(attributes: AttributeSet, text: &mut alloc::string::String) {
    for attribute in attributes.iter() {
        text.push(' ');
        text.push_str(attribute.as_str());
    }
}
