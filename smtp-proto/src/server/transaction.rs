//! The questions of a mail transaction: MAIL, RCPT, the content, and what became of it.

use super::{
    answer::{Desk, Leave},
    content::{Announced, Chunk},
    session::Phase,
    stock,
};
use crate::{
    answer::{Acceptance, Rejection},
    extension::Extension,
    parameter::{MailParameters, MtPriority, RcptParameters},
    path::{ForwardPath, ReversePath},
    reply::TextCharset,
    sequence::{self, Answer, Request, State},
    status::{Code, EnhancedCode},
    upstream::Forwarded,
};

/// For a mailbox whose new address cannot be told.
pub(super) const MOVED: Rejection<'static> = Rejection::permanent(1, 6, "mailbox has moved");

/// The question whether to begin a transaction.
#[derive(Debug)]
#[must_use]
pub struct Mail<'s> {
    pub(super) desk: Desk<'s>,
    reverse_path: ReversePath<'s>,
    pub(super) parameters: MailParameters<'s>,
    /// The priority that the application gives the message.
    assigned: Option<MtPriority>,
}

impl<'s> Mail<'s> {
    pub(super) fn new(
        desk: Desk<'s>,
        reverse_path: ReversePath<'s>,
        parameters: MailParameters<'s>,
    ) -> Self {
        Self { desk, reverse_path, parameters, assigned: None }
    }

    /// The reverse-path. A null one must not be refused for being null (RFC 5321 section 4.5.5).
    pub fn reverse_path(&self) -> ReversePath<'s> {
        self.reverse_path
    }

    /// The parameters; only such as are offered, and only what the client may ask for.
    pub fn parameters(&self) -> MailParameters<'s> {
        self.parameters
    }

    /// Believes what the client says by `AUTH=`, whatever
    /// [`Config::trust_submitters`](super::Config::trust_submitters) says (RFC 4954 section 5).
    pub fn trust_submitter(&mut self) {
        self.desk.note_with(Extension::Auth.keyword(), "");
        if let Ok(parameters) = MailParameters::parse(self.parameters.all()) {
            self.parameters.believe(&parameters);
        }
    }

    /// The priority of the message (RFC 6710 section 4.1): what the client asked for and may have, or
    /// what was [assigned](Self::assign_priority); 0 if nothing was said of it.
    pub fn priority(&self) -> MtPriority {
        self.assigned.or(self.parameters.mt_priority()).unwrap_or_default()
    }

    /// Gives the message another priority. Where MT-PRIORITY is offered the client is told, if it is
    /// not what it asked for.
    pub fn assign_priority(&mut self, priority: MtPriority) {
        self.desk.note_with(Extension::MtPriority.keyword(), priority);
        self.assigned = Some(priority);
    }

    /// What was told of the client upstream, if anything (XFORWARD).
    pub fn forwarded(&self) -> Option<&Forwarded> {
        self.desk.session.forwarded()
    }

    /// Accepts with 250.
    pub fn accept(self) {
        self.accept_with(Acceptance::default());
    }

    /// Accepts with a text of the application's.
    pub fn accept_with(mut self, acceptance: Acceptance<'_>) {
        let changed = self.parameters.has_rare() || self.assigned.is_some();
        match changed.then(|| self.changed_priority()).flatten() {
            // RFC 6710 section 4.1: the number comes first.
            Some(priority) => {
                let text = match acceptance.text() {
                    "" => "is the new priority",
                    text => text,
                };
                let text = alloc::format!("{priority} {text}");
                self.desk.note_accept(&acceptance);
                self.desk.grant(Code::OK, (3, 6), &text, Leave::Together);
            }
            None => self.desk.accept(&acceptance, &stock::MAIL, Leave::Together),
        }
        let session = self.desk.session;
        session.count_mail();
        let then = sequence::after(session.state, Request::Mail, Answer::Accepted);
        session.transfer.begin(&self.parameters);
        session.enter(then);
    }

    /// The priority, if it is not that which the client asked for.
    fn changed_priority(&self) -> Option<MtPriority> {
        let offered = self.desk.session.honours(Extension::MtPriority);
        let asked = MailParameters::parse(self.parameters.all()).ok()?.mt_priority();
        Some(self.priority()).filter(|&now| offered && now != asked.unwrap_or_default())
    }

    /// Refuses the sender; there is no transaction.
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.session.count_mail();
        self.desk.reject(&rejection, Leave::Together);
    }
}

/// The question whether to accept a recipient.
#[derive(Debug)]
#[must_use]
pub struct Rcpt<'s> {
    pub(super) desk: Desk<'s>,
    pub(super) forward_path: ForwardPath<'s>,
    pub(super) parameters: RcptParameters<'s>,
}

impl<'s> Rcpt<'s> {
    /// The forward-path.
    pub fn forward_path(&self) -> ForwardPath<'s> {
        self.forward_path
    }

    /// The parameters; only such as are offered.
    pub fn parameters(&self) -> RcptParameters<'s> {
        self.parameters
    }

    /// What was told of the client upstream, if anything (XFORWARD).
    pub fn forwarded(&self) -> Option<&Forwarded> {
        self.desk.session.forwarded()
    }

    /// How many recipients of this transaction have been accepted so far.
    pub fn index(&self) -> u32 {
        self.desk.session.transfer.recipients
    }

    /// Accepts with 250.
    pub fn accept(self) {
        self.accept_with(Acceptance::default());
    }

    /// Accepts with a text of the application's, or with 251. A new address is told only with
    /// [`disclose_forward`](crate::profile::ServerPolicy::disclose_forward), and one that is not ASCII
    /// in a transaction with SMTPUTF8 only; else the answer is plain 250 (RFC 5321 section 7.7, RFC
    /// 6531 section 3.7.4.1).
    pub fn accept_with(mut self, acceptance: Acceptance<'_>) {
        let forwarded = acceptance.code() == Some(Code::WILL_FORWARD);
        let told = !forwarded || self.desk.session.config.profile.server.disclose_forward;
        if told && (!forwarded || acceptance.text().is_ascii()) {
            self.desk.accept(&acceptance, &stock::RCPT, Leave::Together);
        } else if told && self.desk.session.transfer.smtputf8 {
            self.desk.note_accept(&acceptance);
            let enhanced = acceptance.enhanced().or(EnhancedCode::new(2, 1, 5));
            let (code, text) = (Code::WILL_FORWARD, acceptance.text());
            self.desk.write_in(TextCharset::Utf8, code, enhanced, text);
            self.desk.done(Leave::Together);
        } else {
            let plain = Acceptance::default();
            self.desk.accept(&plain, &stock::RCPT, Leave::Together);
        }
        let session = self.desk.session;
        session.transfer.recipients += 1;
        session.count_domain(self.forward_path);
        let then = sequence::after(session.state, Request::Rcpt, Answer::Accepted);
        session.enter(then);
    }

    /// Refuses this recipient; the others stay as they are. A new address in a 551 is told only with
    /// [`disclose_forward`](crate::profile::ServerPolicy::disclose_forward), and one that is not ASCII
    /// in a transaction with SMTPUTF8 only; else the answer is 550 5.1.6 without it.
    pub fn reject(mut self, rejection: Rejection<'_>) {
        let transfer = &mut self.desk.session.transfer;
        transfer.refused_recipients = true;
        let utf8 = transfer.smtputf8;
        let told = self.desk.session.config.profile.server.disclose_forward;
        let moved =
            rejection.code() == Code::USER_NOT_LOCAL && !(told && rejection.text().is_ascii());
        if moved && told && utf8 {
            self.desk.note_reject(&rejection);
            let (code, enhanced) = (rejection.code(), Some(rejection.enhanced()));
            self.desk.write_in(TextCharset::Utf8, code, enhanced, rejection.text());
            self.desk.done(Leave::Together);
        } else if moved {
            self.desk.reject(&MOVED, Leave::Together);
        } else {
            self.desk.reject(&rejection, Leave::Together);
        }
    }
}

/// The question whether to receive a message now.
#[derive(Debug)]
#[must_use]
pub struct Data<'s> {
    pub(super) desk: Desk<'s>,
    pub(super) announced: Announced,
}

impl Data<'_> {
    /// Whether the message comes by BDAT (RFC 3030) rather than by DATA.
    pub fn is_chunked(&self) -> bool {
        matches!(self.announced, Announced::Chunk { .. })
    }

    /// The size the client declared with MAIL, in octets; an estimate (RFC 1870 section 6).
    pub fn declared_size(&self) -> Option<u64> {
        self.desk.session.transfer.declared
    }

    /// Goes on: 354 to DATA, or the octets of the chunk are read. [`Event::Body`](super::Event::Body) follows.
    pub fn accept(mut self) {
        self.desk.note_accept(&Acceptance::default());
        self.desk.session.bad_commands = 0;
        self.desk.session.transfer.begin_content();
        match self.announced {
            Announced::Data => {
                self.desk.write_whole(stock::GO_AHEAD);
                self.desk.done(Leave::Now);
                self.desk.session.enter(State::Data);
                self.desk.session.phase = Phase::Content;
            }
            Announced::Chunk { size, last } => {
                self.desk.done(Leave::Together);
                self.desk.session.transfer.chunked = true;
                self.desk.session.phase = Phase::Chunk(Chunk::kept(size, last));
            }
        }
    }

    /// Refuses to receive the message. Octets of a chunk are read and dropped before the reply is
    /// given.
    pub fn reject(mut self, rejection: Rejection<'_>) {
        match self.announced {
            Announced::Data => self.desk.reject(&rejection, Leave::Now),
            Announced::Chunk { size, last } => {
                self.desk.note_reject(&rejection);
                self.desk.done(Leave::Together);
                self.desk.session.void();
                let chunk = Chunk::dropped(size, last, rejection.into_owned());
                self.desk.session.phase = Phase::Chunk(chunk);
            }
        }
    }
}

/// The question what became of a message that has come whole.
///
/// To accept is to take responsibility for it (RFC 5321 section 6.1): the message must be where it
/// survives a crash before that.
#[derive(Debug)]
#[must_use]
pub struct Delivery<'s> {
    desk: Desk<'s>,
    recipient: u32,
}

impl<'s> Delivery<'s> {
    pub(super) fn new(desk: Desk<'s>, recipient: u32) -> Self {
        Self { desk, recipient }
    }

    /// With LMTP, which of the accepted recipients is asked about, counted from 0 in the order of
    /// their acceptance; `None` when one answer stands for all.
    pub fn recipient(&self) -> Option<u32> {
        self.desk.session.is_lmtp().then_some(self.recipient)
    }

    /// What was told of the client upstream, if anything (XFORWARD).
    pub fn forwarded(&self) -> Option<&Forwarded> {
        self.desk.session.forwarded()
    }

    /// The octets of the message.
    pub fn size(&self) -> u64 {
        self.desk.session.transfer.received
    }

    /// Whether the message has octets above 127, declared or not; of those that were fetched by BURL
    /// the core does not know.
    pub fn has_8bit(&self) -> bool {
        self.desk.session.transfer.has_8bit()
    }

    /// The message is taken: 250.
    pub fn accept(self) {
        self.accept_with(Acceptance::default());
    }

    /// As [`accept`](Self::accept), with a text: the place for a queue id.
    pub fn accept_with(mut self, acceptance: Acceptance<'_>) {
        let fetched = core::mem::take(&mut self.desk.session.transfer.fetched_last);
        let stock = if fetched { stock::FETCHED } else { stock::DELIVERY };
        self.desk.accept(&acceptance, &stock, Leave::Now);
        // From here on there is nothing to call void: one recipient at least has the message.
        self.desk.session.transfer.known = false;
        self.next();
    }

    /// The message is not taken; with 4yz the client is to try again later.
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.reject(&rejection, Leave::Now);
        self.next();
    }

    fn next(self) {
        let session = self.desk.session;
        let recipient = self.recipient + 1;
        let more = session.is_lmtp() && recipient < session.transfer.recipients;
        if session.state != State::Closed && more {
            session.phase = Phase::Delivery { recipient };
        } else {
            session.content_over();
        }
    }
}
