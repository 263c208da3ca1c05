//! What the core judges before the application is asked: whether a verb is offered, what must come
//! first, and whether argument, parameters and limits allow it.

use alloc::boxed::Box;

use super::session::{Exchange, Refusing, Session};
use crate::{
    answer::Rejection,
    auth::Secret,
    command::{self, Bdat, Command, Verb},
    domain::{AddressLiteral, HelloName, Host},
    error::{ParseError, Rule as Grammar},
    extension::{self, Carrier, ExtensionSet},
    parameter::{MailParameters, RcptParameters},
    path::{ForwardPath, Mailbox, ReversePath},
    profile::Verdict,
    sequence::{Refusal, Request, State},
    status::Code,
};

/// To XCLIENT and XFORWARD of those who may not use it.
const NOT_ALLOWED: Rejection<'static> =
    Rejection::permanent(7, 0, "not allowed for this client").coded(Code::MAILBOX_UNAVAILABLE);

const NO_RECIPIENT: Rejection<'static> = Rejection::permanent(5, 1, "no recipient yet");
const MECHANISM_NOT_OFFERED: Rejection<'static> =
    Rejection::permanent(5, 4, "mechanism not offered").coded(Code::ARGUMENT_NOT_IMPLEMENTED);

const UNQUALIFIED_SENDER: Rejection<'static> =
    Rejection::permanent(1, 8, "domain is not qualified").coded(Code::TRANSACTION_FAILED);
const UNQUALIFIED_RECIPIENT: Rejection<'static> =
    Rejection::permanent(1, 2, "domain is not qualified").coded(Code::TRANSACTION_FAILED);
const WEAK_TLS: Rejection<'static> =
    Rejection::permanent(7, 0, "refused for lack of security").coded(Code::TRANSACTION_FAILED);

/// A line and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Argued<'l> {
    /// Without its CRLF.
    pub(super) line: &'l [u8],
    pub(super) verb: Verb,
    /// Octets behind the line.
    pub(super) trailing: usize,
}

/// A well-formed command that the application is to answer; MAIL and RCPT are not among them.
#[derive(Debug)]
pub(super) enum Question<'l> {
    Hello(Verb, HelloName<'l>),
    StartTls { trailing: usize },
    Auth(Box<Exchange>),
    Data { trailing: usize },
    Chunk(Bdat),
    Verify(Verb, command::Query<'l>),
    Etrn(command::Node<'l>),
    Atrn(Option<command::DomainList<'l>>),
    Burl(command::Burl<'l>),
    XClient(command::XClient<'l>),
    XForward(command::XForward<'l>),
    Extension(&'l str, Option<command::Text<'l>>),
}

impl Session {
    /// DATA cannot carry a binary message: as after a BDAT, it is out of order (RFC 3030 section 3).
    pub(super) fn state_for(&self, request: Request) -> State {
        let binary = self.transfer.binary && self.state == State::Recipients;
        if request == Request::Data && binary { State::Chunks } else { self.state }
    }

    /// What is judged before the order of commands: whether the verb is offered, and whether TLS or
    /// authentication is needed first.
    pub(super) fn admit(&self, request: Request, line: &[u8]) -> Result<(), Rejection<'static>> {
        let config = &self.config;
        if self.state == State::Refusing {
            return Ok(());
        }
        let offered = match request {
            Request::Unknown => return Err(Rejection::COMMAND_UNKNOWN),
            Request::StartTls => self.tls || config.offers(extension::Extension::StartTls),
            Request::Auth => !config.mechanisms.is_empty(),
            Request::Bdat | Request::BdatLast => config.offers(extension::Extension::Chunking),
            Request::Expn => config.offers(extension::Extension::Expn),
            Request::Help => config.offers(extension::Extension::Help),
            Request::Etrn => config.offers(extension::Extension::Etrn),
            Request::Atrn => config.offers(extension::Extension::Atrn),
            Request::Burl | Request::BurlLast => config.offers(extension::Extension::Burl),
            Request::XClient => config.offers(extension::Extension::XClient),
            Request::XForward => config.offers(extension::Extension::XForward),
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
                    | Request::XClient
                    | Request::Rset
                    | Request::Quit
            )
            && !self.is_for_postmaster(request, line)
        {
            return Err(Rejection::AUTHENTICATION_REQUIRED);
        }
        match request {
            // Already inside TLS, or logged in: RFC 3207 section 4.2.
            Request::StartTls if self.tls || self.authenticated => Err(Rejection::BAD_SEQUENCE),
            // RFC 4954 section 4: after EHLO, and once.
            Request::Auth if self.authenticated || !self.is_extended() => {
                Err(Rejection::BAD_SEQUENCE)
            }
            // A client that said HELO was not told of BDAT.
            Request::Bdat | Request::BdatLast if !self.is_extended() => {
                Err(Rejection::BAD_SEQUENCE)
            }
            // RFC 2645 section 5.2.1.
            Request::Atrn if !self.authenticated => Err(Rejection::AUTHENTICATION_REQUIRED),
            Request::Burl | Request::BurlLast if self.needs_login_to_fetch() => {
                Err(Rejection::AUTHENTICATION_REQUIRED)
            }
            Request::Burl | Request::BurlLast if !self.is_extended() => {
                Err(Rejection::BAD_SEQUENCE)
            }
            Request::XClient if !self.may_xclient() => Err(NOT_ALLOWED),
            Request::XForward if !self.may_xforward() => Err(NOT_ALLOWED),
            _ => Ok(()),
        }
    }

    /// Whether the command is one by which a stranger writes to postmaster, where that is let pass. Who
    /// has a recipient has no other.
    fn is_for_postmaster(&self, request: Request, line: &[u8]) -> bool {
        if !self.config.postmaster_admitted {
            return false;
        }
        match request {
            Request::Mail => true,
            Request::Rcpt => command::Rcpt::parse(line, &self.config.profile.syntax)
                .is_ok_and(|rcpt| rcpt.forward_path.is_postmaster()),
            Request::Data | Request::Bdat | Request::BdatLast => {
                matches!(self.state, State::Mail | State::Recipients | State::Chunks)
            }
            _ => false,
        }
    }

    /// Whether a mailbox has the qualified domain that submission asks for (RFC 6409 section 4.2).
    #[inline]
    fn is_qualified(&self, mailbox: Option<Mailbox<'_>>) -> bool {
        !self.config.qualified
            || mailbox.is_none_or(|mailbox| match mailbox.host() {
                Host::Domain(domain) => domain.as_str().contains('.'),
                Host::Literal(_) => true,
            })
    }

    /// Whether BURL is for those only who log in: wherever that is possible, since it makes the server
    /// fetch what a stranger names (RFC 4468 sections 3.1 and 8).
    pub(super) fn needs_login_to_fetch(&self) -> bool {
        !self.authenticated && !self.config.mechanisms.is_empty()
    }

    pub(super) fn refusal(&self, why: Refusal) -> Rejection<'static> {
        match why {
            Refusal::BadSequence => match self.refusing {
                None => Rejection::BAD_SEQUENCE,
                Some(Refusing::NoMail) => Rejection::NO_MAIL_SERVICE,
                Some(Refusing::WeakTls) => WEAK_TLS,
            },
            Refusal::NoRecipient if self.is_lmtp() || !self.transfer.refused_recipients => {
                NO_RECIPIENT
            }
            Refusal::NoRecipient => {
                Rejection::permanent(5, 1, "no valid recipients").coded(Code::TRANSACTION_FAILED)
            }
            Refusal::NoRecipientForUrl => {
                Rejection::permanent(5, 0, "no recipient for the content")
                    .coded(Code::TRANSACTION_FAILED)
            }
            Refusal::ForeignHello => {
                Rejection::permanent(5, 1, "the other protocol's hello").coded(Code::SYNTAX_ERROR)
            }
            Refusal::NotImplemented => Rejection::NOT_IMPLEMENTED,
            Refusal::Unknown => Rejection::COMMAND_UNKNOWN,
        }
    }

    /// Checks argument, parameters and limits, except of MAIL and RCPT.
    pub(super) fn present<'l>(
        &self,
        argued: Argued<'l>,
        bdat: Option<Bdat>,
    ) -> Result<Question<'l>, Rejection<'static>> {
        let Argued { line, verb, trailing } = argued;
        let syntax = &self.config.profile.syntax;
        let parsed =
            |result: Result<Question<'l>, ParseError>| result.map_err(|error| error.rejection());
        match verb {
            Verb::Auth => self.present_auth(line),
            // Nothing is left to be read of it.
            Verb::Data if line.len() == verb.as_str().len() => Ok(Question::Data { trailing }),
            Verb::Bdat => Ok(bdat.map_or(Question::Data { trailing: 0 }, Question::Chunk)),
            _ => parsed(Command::parse(line, syntax).and_then(|command| {
                Ok(match command {
                    Command::Ehlo(name) | Command::Helo(name) | Command::Lhlo(name) => {
                        Question::Hello(verb, name)
                    }
                    Command::StartTls => Question::StartTls { trailing },
                    Command::Data => Question::Data { trailing },
                    Command::Vrfy(query) | Command::Expn(query) => Question::Verify(verb, query),
                    Command::Etrn(node) => Question::Etrn(node),
                    Command::Atrn(domains) => Question::Atrn(domains),
                    Command::Burl(burl) => Question::Burl(burl),
                    Command::XClient(attributes) => Question::XClient(attributes),
                    Command::XForward(attributes) => Question::XForward(attributes),
                    Command::Other(other) => Question::Extension(other.verb(), other.text()),
                    _ => return Err(ParseError::new(Grammar::Verb, 0)),
                })
            })),
        }
    }

    /// Checks argument, parameters and limits of MAIL.
    pub(super) fn present_mail<'l>(
        &self,
        line: &'l [u8],
    ) -> Result<(ReversePath<'l>, MailParameters<'l>), Rejection<'static>> {
        self.admit_mail()?;
        let mail = command::Mail::parse(line, &self.config.profile.syntax)
            .map_err(|error| error.rejection())?;
        let mut parameters =
            MailParameters::parse(mail.parameters).map_err(|error| error.rejection())?;
        if parameters.has_rare() || !self.honours_all(parameters.extensions()) {
            self.admit_parameters(mail.parameters, Carrier::Mail, MailParameters::extension)?;
        }
        if !mail.parameters.is_ascii() && !parameters.smtputf8() {
            return Err(ParseError::new(Grammar::ParameterValue, 0).rejection());
        }
        if !mail.reverse_path.is_ascii() && !parameters.smtputf8() {
            return Err(Rejection::permanent(6, 7, "non-ASCII address without SMTPUTF8")
                .coded(Code::MAILBOX_UNAVAILABLE));
        }
        let too_big = |size| self.config.limits.message.is_some_and(|limit| size > limit);
        if parameters.size().is_some_and(too_big) {
            return Err(Rejection::MESSAGE_TOO_BIG);
        }
        if !self.is_qualified(mail.reverse_path.mailbox()) {
            return Err(UNQUALIFIED_SENDER);
        }
        self.judge_mail(&mut parameters)?;
        Ok((mail.reverse_path, parameters))
    }

    /// Checks argument, parameters and limits of RCPT.
    pub(super) fn present_rcpt<'l>(
        &self,
        line: &'l [u8],
    ) -> Result<(ForwardPath<'l>, RcptParameters<'l>), Rejection<'static>> {
        let rcpt = command::Rcpt::parse(line, &self.config.profile.syntax)
            .map_err(|error| error.rejection())?;
        let parameters = if rcpt.parameters.is_empty() {
            RcptParameters::default()
        } else {
            let parameters =
                RcptParameters::parse(rcpt.parameters).map_err(|error| error.rejection())?;
            self.admit_parameters(rcpt.parameters, Carrier::Rcpt, RcptParameters::extension)?;
            parameters
        };
        let literal = rcpt.forward_path.mailbox().and_then(|mailbox| mailbox.literal());
        if let Some(AddressLiteral::General(_)) = literal {
            // No tag but IPv6 has been registered (section 4.1.3).
            return Err(Rejection::BAD_DESTINATION);
        }
        if !rcpt.parameters.is_ascii() {
            let refused = self.config.profile.server.utf8_orcpt == Verdict::Reject
                && parameters.orcpt().is_some_and(|orcpt| orcpt.is_mislabelled());
            if refused || !self.transfer.smtputf8 {
                return Err(ParseError::new(Grammar::ParameterValue, 0).rejection());
            }
        }
        if !rcpt.forward_path.is_ascii() && !self.transfer.smtputf8 {
            return Err(Rejection::permanent(6, 7, "non-ASCII address without SMTPUTF8")
                .coded(Code::MAILBOX_NAME_NOT_ALLOWED));
        }
        if !self.is_qualified(rcpt.forward_path.mailbox()) {
            return Err(UNQUALIFIED_RECIPIENT);
        }
        if self.transfer.recipients >= self.config.limits.recipients {
            return Err(Rejection::TOO_MANY_RECIPIENTS);
        }
        self.admit_domain(rcpt.forward_path)?;
        Ok((rcpt.forward_path, parameters))
    }

    fn present_auth<'l>(&self, line: &'l [u8]) -> Result<Question<'l>, Rejection<'static>> {
        let auth = command::Auth::parse(line, &self.config.profile.syntax)
            .map_err(|error| error.rejection())?;
        let name = auth.mechanism.as_str();
        let known =
            self.config.mechanisms.iter().find(|offered| offered.name.eq_ignore_ascii_case(name));
        let Some(known) = known else {
            return Err(MECHANISM_NOT_OFFERED);
        };
        if known.plaintext && !self.tls && !self.config.profile.server.plaintext_auth {
            return Err(Rejection::MECHANISM_NEEDS_ENCRYPTION);
        }
        let channel = self.channel();
        if !self.config.usable_mechanisms(self.tls, channel).any(|usable| usable.name == known.name)
        {
            return Err(MECHANISM_NOT_OFFERED);
        }
        if known.server_first && auth.initial_response.is_some() {
            return Err(Rejection::permanent(7, 0, "this mechanism has no initial response")
                .coded(Code::ARGUMENT_ERROR));
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
        Ok(Question::Auth(Box::new(Exchange { mechanism: known.name.clone(), response })))
    }

    /// Whether parameters of all of these may be used, as far as that is told without a closer look.
    fn honours_all(&self, extensions: ExtensionSet) -> bool {
        // Of these two more matters than that they are offered.
        let offered = self.config.offered.without(extension::Extension::Auth);
        let offered = offered.without(extension::Extension::RequireTls);
        self.is_extended() && extensions.is_subset(offered)
    }

    /// Whether a parameter of `extension` may be used. AUTH= is taken also from those who did not
    /// authenticate (RFC 4954 section 5), as long as AUTH is offered.
    pub(super) fn honours_parameter(&self, extension: extension::Extension) -> bool {
        if extension == extension::Extension::Auth {
            return self.is_extended() && !self.config.mechanisms.is_empty();
        }
        self.honours(extension)
    }
}
