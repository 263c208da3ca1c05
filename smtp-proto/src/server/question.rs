//! The events of a server session, and the tokens by which its questions are answered.

use bytes::Bytes;

use super::{
    answer::{Desk, Leave},
    fetch::Burl,
    remote::{Atrn, Etrn, Turned},
    session::{HelloForm, Phase, Refusing},
    stock,
    transaction::{Data, Delivery, MOVED, Mail, Rcpt},
    upstream::{XClient, XForward},
};
#[cfg(feature = "sasl")]
use crate::auth::{Nonce, Secret, server::Setting};
use crate::{
    answer::{Acceptance, Rejection},
    auth::{
        Channel,
        server::{Identity, Step},
    },
    command::{Query, Text, Verb},
    domain::HelloName,
    extension::FutureRelease,
    fault::Fault,
    profile::Leniency,
    reply::TextCharset,
    sequence::State,
    status::{Code, EnhancedCode},
    transcript::{Answer, Entry, Speaker},
    upstream::Overrides,
};

/// What a server session tells its application.
///
/// The first group are questions: answer by the token's `accept` or `reject`. A dropped token is
/// harmless, the question is asked again. The second group is news, told once.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub enum Event<'s> {
    /// A client has connected: greet it or turn it away (RFC 5321 section 3.1).
    Connected(Connected<'s>),
    /// EHLO, HELO or LHLO (section 4.1.1.1).
    Hello(Hello<'s>),
    /// STARTTLS (RFC 3207).
    StartTls(StartTls<'s>),
    /// AUTH, or a response in its exchange (RFC 4954).
    Auth(Auth<'s>),
    /// MAIL (RFC 5321 section 4.1.1.2).
    Mail(Mail<'s>),
    /// RCPT (section 4.1.1.3).
    Rcpt(Rcpt<'s>),
    /// A message is about to come, by DATA or by the first BDAT.
    Data(Data<'s>),
    /// A message has come whole. With LMTP this is asked for each accepted recipient.
    Delivery(Delivery<'s>),
    /// VRFY or EXPN (sections 4.1.1.6 and 4.1.1.7).
    Verify(Verify<'s>),
    /// ETRN (RFC 1985).
    Etrn(Etrn<'s>),
    /// ATRN (RFC 2645).
    Atrn(Atrn<'s>),
    /// BURL (RFC 4468).
    Burl(Burl<'s>),
    /// XCLIENT (Postfix).
    XClient(XClient<'s>),
    /// XFORWARD (Postfix).
    XForward(XForward<'s>),
    /// A verb that was registered with [`Config::verb`](super::Config::verb).
    Extension(Extension<'s>),

    /// Octets of the message under way, transparency removed; not copied, and never empty.
    Body(Bytes),
    /// What there was of a transaction is void.
    Reset,
    /// 250 to ATRN has been written: the application goes on as the client. Told until the token is
    /// taken.
    Turned(Turned<'s>),
    /// 220 has been written: start the TLS handshake, then call
    /// [`tls_started`](super::Server::tls_started). This many octets of plaintext that came behind the
    /// command were thrown away.
    UpgradeTls {
        /// Octets thrown away.
        discarded: usize,
    },
    /// Something was forgiven that a stricter [`Profile`](crate::profile::Profile) refuses: told once
    /// for each command, message or greeting. What a line was forgiven is told before its question.
    Leniency(Leniency),
    /// The session failed; it will say what it can and close.
    Fault(Fault),
}

/// The question whether to serve a client that has connected.
#[derive(Debug)]
#[must_use]
pub struct Connected<'s> {
    desk: Desk<'s>,
    is_early: bool,
    xclient: bool,
    xforward: bool,
}

impl<'s> Connected<'s> {
    pub(super) fn new(desk: Desk<'s>, is_early: bool) -> Self {
        Self { desk, is_early, xclient: false, xforward: false }
    }

    /// Whom the client is to be taken for, when it has said so by XCLIENT: then this is asked once
    /// more, and the answer is the reply to XCLIENT.
    pub fn overrides(&self) -> Option<&Overrides> {
        self.desk.session.overrides()
    }

    /// Lets this client use XCLIENT, which is then offered to it, if the configuration offers it at
    /// all. For proxies that are known by their addresses: whoever may use it can be anybody. It
    /// counts until XCLIENT is used, and then this question is asked again.
    pub fn allow_xclient(mut self) -> Self {
        self.set_xclient();
        self
    }

    /// Lets this client use XFORWARD, which is then offered to it, if the configuration offers it at
    /// all.
    pub fn allow_xforward(mut self) -> Self {
        self.set_xforward();
        self
    }

    pub(super) fn set_xclient(&mut self) -> bool {
        self.desk.note_with(crate::extension::Extension::XClient.keyword(), "");
        self.xclient = true;
        true
    }

    pub(super) fn set_xforward(&mut self) -> bool {
        self.desk.note_with(crate::extension::Extension::XForward.keyword(), "");
        self.xforward = true;
        true
    }

    /// Whether the client has talked before it was greeted, which a correct one does not do (RFC 5321
    /// section 4.3.1).
    pub fn is_early(&self) -> bool {
        self.is_early
    }

    /// Greets the client with 220, the host's name and the configured banner.
    pub fn accept(mut self) {
        self.desk.note_accept(&Acceptance::default());
        if self.is_early {
            self.desk.session.leniencies.insert(Leniency::EarlyTalker);
        }
        self.desk.session.trust(self.xclient, self.xforward);
        let banner = self.desk.session.config.banner.clone();
        self.desk.greet(&banner);
    }

    /// Turns the client away. 421 closes the connection; any other code is sent as 554 or 521, and
    /// the session then waits for QUIT: behind 554 other commands get 503, behind 521 they get 521
    /// (RFC 5321 section 3.1, RFC 7504 section 3). In answer to XCLIENT every code is sent as it is.
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.note_reject(&rejection);
        self.turn_away(&rejection);
    }

    /// As [`reject`](Self::reject), where nobody was asked.
    pub(super) fn turn_away(mut self, rejection: &Rejection<'_>) {
        let again = self.desk.session.greeted;
        let host_and_text =
            alloc::format!("{} {}", self.desk.session.config.host(), rejection.text());
        let (code, text) = match rejection.code() {
            code if again => (code, rejection.text()),
            code @ Code::SERVICE_NOT_AVAILABLE => (code, rejection.text()),
            code @ Code::HOST_TAKES_NO_MAIL => (code, &*host_and_text),
            _ => (Code::TRANSACTION_FAILED, &*host_and_text),
        };
        self.desk.write(code, again.then_some(rejection.enhanced()), text);
        self.desk.session.greeted = true;
        self.desk.session.phase = Phase::Command;
        if code == Code::HOST_TAKES_NO_MAIL {
            self.desk.session.refusing = Some(Refusing::NoMail);
        }
        self.desk.session.enter(State::Refusing);
        self.desk.done(Leave::Now);
        if code == Code::SERVICE_NOT_AVAILABLE {
            self.desk.session.close(None);
        }
    }
}

/// The question what to say to a hello.
#[derive(Debug)]
#[must_use]
pub struct Hello<'s> {
    pub(super) desk: Desk<'s>,
    pub(super) verb: Verb,
    pub(super) name: HelloName<'s>,
    /// What to tell of FUTURERELEASE, if not what the configuration says.
    pub(super) future_release: Option<FutureRelease>,
}

impl Hello<'_> {
    /// EHLO, HELO or LHLO.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// The name the client gives itself. That it does not match the client's address is no reason to
    /// refuse it (RFC 5321 section 4.1.4).
    pub fn name(&self) -> HelloName<'_> {
        self.name
    }

    /// Tells other limits of FUTURERELEASE than the configuration, from this hello on to the next: its
    /// latest date and time may be meant from now (RFC 4865 section 4.2). Nothing comes of it where
    /// the configuration does not offer FUTURERELEASE.
    pub fn future_release(&mut self, most: FutureRelease) {
        self.desk.note_with(crate::extension::Extension::FutureRelease.keyword(), most);
        self.future_release = Some(most);
    }

    /// Answers 250 with the extensions that may be used now.
    pub fn accept(self) {
        self.accept_with("");
    }

    /// As [`accept`](Self::accept), with `greeting` behind the host's name.
    pub fn accept_with(mut self, greeting: &str) {
        self.desk.note_accept(&Acceptance::new(greeting));
        let hello = if self.verb == Verb::Helo { HelloForm::Helo } else { HelloForm::Extended };
        let greeting = greeting.split(['\r', '\n']).next().unwrap_or_default();
        self.desk.session.tell_future_release(self.future_release);
        self.desk.hello(hello, greeting);
    }

    /// Refuses the hello; the state stays as it was.
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.note_reject(&rejection);
        self.desk.write(rejection.code(), None, rejection.text());
        self.desk.done(Leave::Now);
        if rejection.code() == Code::SERVICE_NOT_AVAILABLE {
            self.desk.session.close(None);
        }
    }
}

/// The question whether to start TLS.
#[derive(Debug)]
#[must_use]
pub struct StartTls<'s> {
    pub(super) desk: Desk<'s>,
    /// Octets behind the command, thrown away if it is accepted.
    pub(super) trailing: usize,
}

impl StartTls<'_> {
    /// Answers 220; [`Event::UpgradeTls`] follows once that is written.
    pub fn accept(mut self) {
        let discarded = self.trailing;
        self.desk.note_accept(&Acceptance::default());
        self.desk.note_unread(discarded);
        self.desk.grant(Code::READY, (0, 0), "go ahead", Leave::Now);
        self.desk.session.enter(State::Tls);
        self.desk.session.phase = Phase::StartTls { discarded };
    }

    /// Refuses TLS, by custom [`Rejection::TLS_UNAVAILABLE`].
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.reject(&rejection, Leave::Now);
    }
}

/// The question what to say to AUTH, or to a response in its exchange.
#[derive(Debug)]
#[must_use]
pub struct Auth<'s> {
    desk: Desk<'s>,
}

impl<'s> Auth<'s> {
    pub(super) fn new(desk: Desk<'s>) -> Self {
        Self { desk }
    }

    /// The mechanism, in upper case; one of those configured.
    pub fn mechanism(&self) -> &str {
        self.desk.session.exchange().map_or("", |exchange| &exchange.mechanism)
    }

    /// The client's response, decoded; `None` when AUTH came without an initial response. The octets
    /// are overwritten once the question is answered.
    pub fn response(&self) -> Option<&[u8]> {
        let exchange = self.desk.session.exchange()?;
        exchange.response.as_ref().map(|response| response.as_slice())
    }

    /// Sends 334 with `challenge` and asks again with the client's response.
    pub fn challenge(mut self, challenge: &[u8]) {
        self.desk.pen.note(|| Entry::Answer(Answer::Challenge(challenge.len())));
        let room = "334 \r\n".len() + crate::auth::encoded_len(challenge.len());
        self.desk.pen.say_secret(Speaker::Server, room, |out| {
            out.extend_from_slice(b"334 ");
            crate::auth::encode(challenge, out);
            out.extend_from_slice(b"\r\n");
        });
        let session = &mut *self.desk.session;
        if let Some(exchange) = session.exchange_mut() {
            exchange.response = None;
        }
        session.enter(State::Auth);
        session.phase = Phase::AuthResponse;
        self.desk.done(Leave::Now);
    }

    /// The client is who it says it is: 235.
    pub fn accept(self) {
        self.accept_with(Acceptance::default());
    }

    /// As [`accept`](Self::accept), with a text.
    pub fn accept_with(mut self, acceptance: Acceptance<'_>) {
        self.desk.accept(&acceptance, &stock::AUTHENTICATED, Leave::Now);
        self.desk.session.authenticated = true;
        self.leave();
    }

    /// Refuses, by custom [`Rejection::BAD_CREDENTIALS`] whatever the cause is. After three of these
    /// in a session the next AUTH ends it.
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.session.failed_auth += 1;
        self.desk.reject(&rejection, Leave::Now);
        self.leave();
    }

    /// What TLS brings to the exchange.
    pub fn channel(&self) -> Option<&Channel> {
        self.desk.session.channel()
    }

    /// What the mechanisms of this crate need, as far as this session knows it; the rest is the nonce of
    /// this exchange and the secret for users that do not exist.
    #[cfg(feature = "sasl")]
    pub fn setting<'q>(&'q self, nonce: Nonce, decoy: &'q Secret) -> Setting<'q> {
        let session = &*self.desk.session;
        let offers_bound = session.config.offers_binding(self.channel());
        Setting::new(nonce, decoy)
            .named(session.config.host())
            .channel(self.channel(), offers_bound)
    }

    /// Does what a mechanism's step says: sends the challenge, accepts or refuses. Whom it has accepted,
    /// if it has. A question ([`Step::Ask`]) is for the application;
    /// here it has nobody to answer it (454).
    pub fn follow(self, step: Step) -> Option<Identity> {
        match step {
            Step::Challenge(challenge) => self.challenge(challenge.as_slice()),
            Step::Accept(identity) => {
                self.accept();
                return Some(identity);
            }
            Step::Failed => self.reject(Rejection::BAD_CREDENTIALS),
            Step::Refuse(rejection) => self.reject(rejection),
            Step::Ask(_) => self.reject(Rejection::AUTH_UNAVAILABLE),
        }
        None
    }

    fn leave(self) {
        let session = self.desk.session;
        session.end_exchange();
        if session.state != State::Closed {
            session.enter(State::Ready);
            session.phase = Phase::Command;
        }
    }
}

/// The question what there is to say of a mailbox or a list.
#[derive(Debug)]
#[must_use]
pub struct Verify<'s> {
    pub(super) desk: Desk<'s>,
    pub(super) verb: Verb,
    pub(super) query: Query<'s>,
}

impl<'s> Verify<'s> {
    /// VRFY or EXPN.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// What the client asks about.
    pub fn text(&self) -> Text<'s> {
        self.query.text()
    }

    /// Whether the client takes UTF-8 in the answer.
    pub fn smtputf8(&self) -> bool {
        self.query.smtputf8()
    }

    /// Answers 250 with `mailboxes`, one in each line, as `local-part@domain` in angle brackets and
    /// perhaps a name before it (RFC 5321 section 3.5.2). When that needs UTF-8 and the client has
    /// not said that it takes it, the answer is 252 without them (RFC 6531 section 3.7.4.2).
    pub fn accept_with(mut self, mailboxes: &str) {
        self.desk.note_accept(&Acceptance::new(mailboxes));
        if mailboxes.is_ascii() {
            self.desk.grant(Code::OK, (1, 5), mailboxes, Leave::Now);
        } else if self.query.smtputf8() {
            let enhanced = EnhancedCode::new(2, 1, 5);
            self.desk.write_in(TextCharset::Utf8, Code::OK, enhanced, mailboxes);
            self.desk.done(Leave::Now);
        } else {
            let text = "the answer needs SMTPUTF8";
            self.desk.grant(Code::CANNOT_VERIFY, (6, 8), text, Leave::Now);
        }
    }

    /// Answers 252: neither yes nor no, and safe against those who harvest addresses (section 7.3).
    pub fn cannot_verify(mut self) {
        self.desk.note_accept(&Acceptance::default());
        let text = "cannot verify, but will take messages for it";
        self.desk.grant(Code::CANNOT_VERIFY, (5, 0), text, Leave::Now);
    }

    /// Answers no. A 551, which tells a new address, needs
    /// [`disclose_forward`](crate::profile::ServerPolicy::disclose_forward).
    pub fn reject(mut self, rejection: Rejection<'_>) {
        let told = self.desk.session.config.profile.server.disclose_forward;
        if rejection.code() == Code::USER_NOT_LOCAL && !told {
            self.desk.reject(&MOVED, Leave::Now);
        } else {
            self.desk.reject(&rejection, Leave::Now);
        }
    }
}

/// The question what to say to a verb of the application's own.
#[derive(Debug)]
#[must_use]
pub struct Extension<'s> {
    pub(super) desk: Desk<'s>,
    pub(super) verb: &'s str,
    pub(super) argument: Option<Text<'s>>,
}

impl<'s> Extension<'s> {
    /// The verb as it was sent.
    pub fn verb(&self) -> &'s str {
        self.verb
    }

    /// What follows the verb.
    pub fn argument(&self) -> Option<Text<'s>> {
        self.argument
    }

    /// Answers 250, or what `acceptance` says.
    pub fn accept_with(mut self, acceptance: Acceptance<'_>) {
        self.desk.accept(&acceptance, &stock::EXTENSION, Leave::Now);
    }

    /// Refuses.
    pub fn reject(mut self, rejection: Rejection<'_>) {
        self.desk.reject(&rejection, Leave::Now);
    }
}
