//! The commands of a client. Each checks, queues, and plans the next state.

use bytes::BufMut;

use super::{
    Client, Misuse, ReplyTo,
    own::{Meant, OwnParameters},
    session::Session,
};
use crate::{
    auth::{encode, encoded_len},
    command::{Command, Mail, Mechanism, Query, Rcpt, Text, Verb},
    domain::HelloName,
    extension::{Carrier, Extension, ExtensionSet},
    parameter::{ByMode, Hold, MailParameters, Parameter, Parameters, RcptParameters},
    path::{ForwardPath, ReversePath},
    sequence::{Protocol, Request, State},
    transcript::Speaker,
    wire::Pen,
};

impl Client {
    /// EHLO, or LHLO in an LMTP session (RFC 5321 section 4.1.1.1, RFC 2033 section 4.1).
    ///
    /// # Errors
    /// [`Misuse::Sequence`] while something else is under way.
    pub fn hello(&mut self, name: HelloName<'_>) -> Result<(), Misuse> {
        let verb = match self.session.config.protocol {
            Protocol::Smtp => Verb::Ehlo,
            Protocol::Lmtp => Verb::Lhlo,
        };
        self.say_hello(verb, Request::Hello, name)
    }

    /// HELO: for servers that do not know EHLO. No extension can be used afterwards.
    ///
    /// # Errors
    /// As [`hello`](Self::hello), and in an LMTP session.
    pub fn helo(&mut self, name: HelloName<'_>) -> Result<(), Misuse> {
        if self.session.config.protocol == Protocol::Lmtp {
            return Err(Misuse::Sequence { verb: Verb::Helo, state: self.session.planned });
        }
        self.say_hello(Verb::Helo, Request::Helo, name)
    }

    fn say_hello(
        &mut self,
        verb: Verb,
        request: Request,
        name: HelloName<'_>,
    ) -> Result<(), Misuse> {
        self.session.allow(verb, request)?;
        let command = match verb {
            Verb::Helo => Command::Helo(name),
            Verb::Lhlo => Command::Lhlo(name),
            _ => Command::Ehlo(name),
        };
        self.command(ReplyTo::Hello(verb), |out| command.write(out))?;
        self.session.plan_hello();
        Ok(())
    }

    /// STARTTLS (RFC 3207). After 220 [`Event::UpgradeTls`](super::Event::UpgradeTls) follows.
    ///
    /// # Errors
    /// [`Misuse::NotOffered`]; [`Misuse::Sequence`] inside TLS, after AUTH or in a transaction.
    pub fn starttls(&mut self) -> Result<(), Misuse> {
        self.session.allow(Verb::StartTls, Request::StartTls)?;
        if self.session.tls || self.session.authenticated {
            return Err(Misuse::Sequence { verb: Verb::StartTls, state: self.session.planned });
        }
        self.session.need(Extension::StartTls)?;
        self.command(ReplyTo::StartTls, |out| out.put_slice(b"STARTTLS\r\n"))?;
        self.session.plan(Request::StartTls);
        Ok(())
    }

    /// AUTH (RFC 4954), with the initial response if the mechanism has one; an empty one is sent
    /// as `=`. The server answers 235, 334 (go on with [`auth_response`](Self::auth_response)) or
    /// a refusal. The response is masked in the transcript.
    ///
    /// # Errors
    /// [`Misuse::NotOffered`] without AUTH; [`Misuse::Sequence`] in a transaction or after a
    /// successful AUTH; [`Misuse::AwaitReplies`] when commands are outstanding;
    /// [`Misuse::TlsRequired`] outside TLS where the configuration requires it.
    pub fn auth(
        &mut self,
        mechanism: Mechanism<'_>,
        initial_response: Option<&[u8]>,
    ) -> Result<(), Misuse> {
        self.session.allow(Verb::Auth, Request::Auth)?;
        self.session.need_tls()?;
        self.session.need(Extension::Auth)?;
        if self.session.authenticated {
            return Err(Misuse::Sequence { verb: Verb::Auth, state: self.session.planned });
        }
        let response = encoded_len(initial_response.map_or(0, <[u8]>::len));
        let room = "AUTH  =\r\n".len() + mechanism.as_str().len() + response;
        self.secret(|pen| {
            pen.say_command_with_secret(room, |out| {
                out.put_slice(b"AUTH ");
                out.put_slice(mechanism.as_str().as_bytes());
                match initial_response {
                    None => {}
                    Some([]) => out.put_slice(b" ="),
                    Some(response) => {
                        out.put_u8(b' ');
                        encode(response, out);
                    }
                }
                out.put_slice(b"\r\n");
            });
        })
    }

    /// The answer to a 334 challenge.
    ///
    /// # Errors
    /// [`Misuse::Sequence`] when no challenge is open.
    pub fn auth_response(&mut self, response: &[u8]) -> Result<(), Misuse> {
        self.in_exchange()?;
        self.secret(|pen| {
            let room = encoded_len(response.len()) + "\r\n".len();
            pen.say_secret(Speaker::Client, room, |out| {
                encode(response, out);
                out.put_slice(b"\r\n");
            });
        })
    }

    /// Cancels the AUTH exchange; the server answers 501.
    ///
    /// # Errors
    /// [`Misuse::Sequence`] when no challenge is open.
    pub fn auth_cancel(&mut self) -> Result<(), Misuse> {
        self.in_exchange()?;
        self.secret(|pen| pen.say_secret(Speaker::Client, 3, |out| out.put_slice(b"*\r\n")))
    }

    fn in_exchange(&self) -> Result<(), Misuse> {
        if self.session.state == State::Auth && self.session.nothing_expected() {
            return Ok(());
        }
        Err(Misuse::Sequence { verb: Verb::Auth, state: self.session.state })
    }

    /// MAIL. `parameters` go out as they are; each must belong to an extension that was offered.
    ///
    /// Where `TRANSID` is one of them the reply may be 355 with an
    /// [offset](crate::reply::Reply::offset): the server has the recipients and so many octets of the
    /// content already, and DATA or BDAT comes next, with the rest (RFC 1845 section 4). So RCPT should
    /// wait for the reply then.
    ///
    /// # Errors
    /// [`Misuse::Sequence`], [`Misuse::NotOffered`], [`Misuse::UnknownParameter`],
    /// [`Misuse::Parameter`], [`Misuse::BeyondOffer`], [`Misuse::NonAscii`] for an address that needs SMTPUTF8 without it,
    /// [`Misuse::LocalPart`] for one that is too long, and [`Misuse::TlsRequired`].
    pub fn mail(
        &mut self,
        reverse_path: ReversePath<'_>,
        parameters: Parameters<'_>,
    ) -> Result<(), Misuse> {
        self.send_mail(reverse_path, OwnParameters::NONE, parameters)
    }

    /// MAIL with parameters of a transaction's own in front of the caller's.
    pub(super) fn send_mail(
        &mut self,
        reverse_path: ReversePath<'_>,
        own: OwnParameters,
        parameters: Parameters<'_>,
    ) -> Result<(), Misuse> {
        self.session.allow(Verb::Mail, Request::Mail)?;
        self.session.need_tls()?;
        self.session.judge_mailbox(reverse_path.mailbox())?;
        let meant = self.judge_mail(reverse_path, own, parameters)?;
        self.command(ReplyTo::Mail, |out| {
            Mail { reverse_path, parameters: Parameters::EMPTY }.write(out);
            own.write(out);
            parameters.write(out);
            out.put_slice(b"\r\n");
        })?;
        self.session.usage.count_mail();
        self.session.plan(Request::Mail);
        self.session.begin_transaction(meant);
        Ok(())
    }

    /// Whether MAIL can be sent so, and what it says of the transaction.
    #[inline]
    fn judge_mail(
        &self,
        reverse_path: ReversePath<'_>,
        own: OwnParameters,
        parameters: Parameters<'_>,
    ) -> Result<Meant, Misuse> {
        let mut meant = own.meant();
        if !parameters.is_empty() {
            let typed = self.judge_parameters(reverse_path, parameters)?;
            if !own.can_precede(parameters) {
                return Err(Misuse::Parameter);
            }
            meant.add(&typed);
        }
        let ascii = reverse_path.is_ascii() && parameters.is_ascii();
        if ascii || meant.smtputf8 { Ok(meant) } else { Err(Misuse::NonAscii) }
    }

    /// Whether the server takes these parameters of MAIL.
    #[inline(never)]
    fn judge_parameters<'p>(
        &self,
        reverse_path: ReversePath<'_>,
        parameters: Parameters<'p>,
    ) -> Result<MailParameters<'p>, Misuse> {
        let typed = MailParameters::parse(parameters);
        if !typed.is_ok_and(|typed| self.session.offers_all(&typed)) {
            self.session.check_parameters(parameters, Carrier::Mail, MailParameters::extension)?;
        }
        let typed = typed.map_err(|_| Misuse::Parameter)?;
        if typed.has_rare() {
            self.judge_times(reverse_path, &typed)?;
        }
        Ok(typed)
    }

    /// Whether the times that a message asks for are those the server offers (C-80).
    #[cold]
    fn judge_times(
        &self,
        reverse_path: ReversePath<'_>,
        parameters: &MailParameters<'_>,
    ) -> Result<(), Misuse> {
        let Some(offered) = self.capabilities() else { return Ok(()) };
        let by = parameters.by();
        if let (Some(by), Some(least)) = (by, offered.deliver_by_minimum())
            && by.mode() == ByMode::Return
            && i64::from(by.seconds()) < i64::from(least)
        {
            return Err(Misuse::BeyondOffer(Extension::DeliverBy));
        }
        let Some(hold) = parameters.hold() else { return Ok(()) };
        if !offered.future_release().is_some_and(|most| most.allows(hold)) {
            return Err(Misuse::BeyondOffer(Extension::FutureRelease));
        }
        // Reports are not held (RFC 4865 sections 5.1.1 and 5.3.1), and nothing is held longer than it
        // may take (section 5.2.1).
        let late = match (hold, by) {
            (Hold::For(seconds), Some(by)) => i64::from(seconds) > i64::from(by.seconds()),
            _ => false,
        };
        if late || reverse_path == ReversePath::Null { Err(Misuse::Parameter) } else { Ok(()) }
    }

    /// RCPT.
    ///
    /// # Errors
    /// As [`mail`](Self::mail).
    pub fn rcpt(
        &mut self,
        forward_path: ForwardPath<'_>,
        parameters: Parameters<'_>,
    ) -> Result<(), Misuse> {
        self.session.allow(Verb::Rcpt, Request::Rcpt)?;
        self.judge_rcpt(forward_path, parameters, self.session.smtputf8)?;
        let index = self.session.recipients;
        self.command(ReplyTo::Rcpt { index }, |out| {
            Rcpt { forward_path, parameters }.write(out);
            out.put_slice(b"\r\n");
        })?;
        self.session.recipients += 1;
        let limits = self.limits();
        self.session.usage.count_domain(forward_path, &limits);
        self.session.plan(Request::Rcpt);
        Ok(())
    }

    /// Whether RCPT can be sent so, in a transaction with SMTPUTF8 or without.
    pub(super) fn judge_rcpt(
        &self,
        forward_path: ForwardPath<'_>,
        parameters: Parameters<'_>,
        smtputf8: bool,
    ) -> Result<(), Misuse> {
        self.session.judge_mailbox(forward_path.mailbox())?;
        if !parameters.is_empty() {
            self.session.check_parameters(parameters, Carrier::Rcpt, RcptParameters::extension)?;
            RcptParameters::parse(parameters).map_err(|_| Misuse::Parameter)?;
        }
        let ascii = forward_path.is_ascii() && parameters.is_ascii();
        if ascii || smtputf8 { Ok(()) } else { Err(Misuse::NonAscii) }
    }

    /// DATA. Content may follow after the 354 reply.
    ///
    /// A 354 although no recipient was accepted is possible when the commands were sent in one group:
    /// answer it with [`end_of_data`](Self::end_of_data) alone (RFC 2920 section 3.1).
    ///
    /// # Errors
    /// [`Misuse::Sequence`]: without a recipient, after a chunk, or in a binary transaction. In an
    /// LMTP session [`Misuse::AwaitReplies`] while RCPT replies are outstanding.
    pub fn data(&mut self) -> Result<(), Misuse> {
        self.session.allow(Verb::Data, Request::Data)?;
        if self.session.binary {
            return Err(Misuse::Sequence { verb: Verb::Data, state: self.session.planned });
        }
        if self.session.config.protocol == Protocol::Lmtp && !self.is_settled() {
            return Err(Misuse::AwaitReplies);
        }
        self.command(ReplyTo::Data, |out| out.put_slice(b"DATA\r\n"))?;
        self.session.plan(Request::Data);
        Ok(())
    }

    /// RSET.
    ///
    /// # Errors
    /// [`Misuse::Sequence`] while content is being sent or an AUTH exchange is open.
    pub fn reset(&mut self) -> Result<(), Misuse> {
        self.simple(Verb::Rset, Request::Rset, ReplyTo::Reset)
    }

    /// NOOP.
    ///
    /// # Errors
    /// As [`reset`](Self::reset).
    pub fn noop(&mut self) -> Result<(), Misuse> {
        self.simple(Verb::Noop, Request::Noop, ReplyTo::Noop)
    }

    /// QUIT. The session ends with its reply; nothing can be sent behind it.
    ///
    /// # Errors
    /// As [`reset`](Self::reset).
    pub fn quit(&mut self) -> Result<(), Misuse> {
        self.simple(Verb::Quit, Request::Quit, ReplyTo::Quit)?;
        self.session.quitting = true;
        Ok(())
    }

    fn simple(&mut self, verb: Verb, request: Request, to: ReplyTo) -> Result<(), Misuse> {
        self.session.allow(verb, request)?;
        self.command(to, |out| {
            out.put_slice(verb.as_str().as_bytes());
            out.put_slice(b"\r\n");
        })?;
        self.session.plan(request);
        Ok(())
    }

    /// VRFY.
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Misuse::NonAscii`] for non-ASCII text without the word SMTPUTF8,
    /// and [`Misuse::NotOffered`] for that word where the server does not offer it.
    pub fn verify(&mut self, query: Query<'_>) -> Result<(), Misuse> {
        self.query(Verb::Vrfy, Request::Vrfy, ReplyTo::Verify, query)
    }

    /// EXPN.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn expand(&mut self, query: Query<'_>) -> Result<(), Misuse> {
        self.query(Verb::Expn, Request::Expn, ReplyTo::Expand, query)
    }

    fn query(
        &mut self,
        verb: Verb,
        request: Request,
        to: ReplyTo,
        query: Query<'_>,
    ) -> Result<(), Misuse> {
        self.session.allow(verb, request)?;
        if query.smtputf8() {
            self.session.need(Extension::SmtpUtf8)?;
        } else if !query.text().is_ascii() {
            return Err(Misuse::NonAscii);
        }
        self.command(to, |out| match verb {
            Verb::Expn => Command::Expn(query).write(out),
            _ => Command::Vrfy(query).write(out),
        })
    }

    /// HELP, perhaps on a topic.
    ///
    /// # Errors
    /// As [`reset`](Self::reset); [`Misuse::NonAscii`] for a topic that is not ASCII.
    pub fn help(&mut self, topic: Option<Text<'_>>) -> Result<(), Misuse> {
        self.session.allow(Verb::Help, Request::Help)?;
        if topic.is_some_and(|topic| !topic.is_ascii()) {
            return Err(Misuse::NonAscii);
        }
        self.command(ReplyTo::Help, |out| Command::Help(topic).write(out))
    }

    /// A verb this crate does not know, of an extension that the server lists by `keyword`. What the
    /// configuration says of it ([`VerbRule`](crate::extension::VerbRule)) is kept.
    ///
    /// # Errors
    /// [`Misuse::UnknownParameter`] when the server does not list `keyword`; [`Misuse::Sequence`]
    /// before the hello, and in a transaction that it must not come in; [`Misuse::Parameter`] for a
    /// line that is longer than it may be.
    pub fn extension(
        &mut self,
        keyword: &str,
        command: crate::command::OtherCommand<'_>,
    ) -> Result<(), Misuse> {
        self.session.allow(Verb::Other, Request::Extension)?;
        if !self.session.lists(keyword) {
            return Err(Misuse::UnknownParameter);
        }
        let rule = self.session.config.extensions.iter().find_map(|extension| {
            let mut verbs = extension.verbs().iter();
            verbs.find(|rule| rule.verb().eq_ignore_ascii_case(command.verb()))
        });
        if let Some(rule) = rule {
            let state = self.session.planned;
            if !rule.may_come(true, state.in_transaction()) {
                return Err(Misuse::Sequence { verb: Verb::Other, state });
            }
            let argument = command.text().map_or(0, |text| 1 + text.as_str().len());
            if command.verb().len() + argument + 2 > rule.line_limit() {
                return Err(Misuse::Parameter);
            }
        }
        self.command(ReplyTo::Extension, |out| Command::Other(command).write(out))
    }

    pub(super) fn command(
        &mut self,
        to: ReplyTo,
        write: impl FnOnce(&mut bytes::BytesMut),
    ) -> Result<(), Misuse> {
        let idle = self.session.nothing_expected();
        if idle && self.was_answered_too_often() {
            return Ok(());
        }
        let (_, mut pen) = self.wire.split();
        self.session.enqueue(&mut pen, to, write)?;
        if idle {
            self.rearm();
        }
        Ok(())
    }

    /// A line of the AUTH exchange: alone in its group, and never kept.
    fn secret(&mut self, say: impl FnOnce(&mut Pen<'_>)) -> Result<(), Misuse> {
        if !self.is_settled() {
            return Err(Misuse::AwaitReplies);
        }
        if self.was_answered_too_often() {
            return Ok(());
        }
        let (_, mut pen) = self.wire.split();
        say(&mut pen);
        self.session.expect_auth();
        self.session.plan_exchange();
        self.rearm();
        Ok(())
    }
}

impl Session {
    /// Whether the server lists a keyword, known or not.
    fn lists(&self, keyword: &str) -> bool {
        self.capabilities().is_some_and(|all| all.parameters(keyword).is_some())
    }

    /// Whether all parameters belong to what was offered, as far as that is told without a closer look.
    fn offers_all(&self, parameters: &MailParameters<'_>) -> bool {
        let offered = self.capabilities().map_or(ExtensionSet::EMPTY, |all| all.set());
        !parameters.has_rare() && parameters.extensions().is_subset(offered)
    }

    /// Each parameter must belong to what was offered (RFC 5321 section 4.1.1.3).
    fn check_parameters(
        &self,
        parameters: Parameters<'_>,
        of: Carrier,
        extension_of: fn(Parameter<'_>) -> Option<Extension>,
    ) -> Result<(), Misuse> {
        for parameter in parameters.iter() {
            match extension_of(parameter) {
                Some(extension) => self.need(extension)?,
                None => {
                    let rule = self.config.extensions.iter().find_map(|extension| {
                        let mut rules = extension.parameters(of).iter();
                        let rule = rules.find(|rule| rule.is_of(parameter))?;
                        Some((extension.keyword(), rule))
                    });
                    let keyword = rule.map_or(parameter.keyword(), |(keyword, _)| keyword);
                    if !self.lists(keyword) {
                        return Err(Misuse::UnknownParameter);
                    }
                    if let Some((_, rule)) = rule {
                        rule.judge(parameter).map_err(|_| Misuse::Parameter)?;
                    }
                }
            }
        }
        Ok(())
    }
}
