//! How a mail transaction begins: what this side can decide, then MAIL and RCPT.

use super::{Fate, Round, Stage, Transaction};
use crate::{
    answer::Rejection,
    client::{
        Chunking, Client, Misuse, Recipient,
        report::{Limit, Outcome, Retry},
    },
    extension::{Extension, Limits9422},
    parameter::{Body, ParameterList, Parameters},
};

impl Transaction<'_> {
    /// Decides what this side can decide, and sends MAIL.
    pub(super) fn start(&mut self, client: &mut Client) -> Result<(), Misuse> {
        if self.envelope.recipients.is_empty() {
            return Err(Misuse::NoRecipient);
        }
        for recipient in self.envelope.recipients {
            client.judge_mailbox(recipient.path.mailbox())?;
        }
        self.round = Round::default();
        self.fates.begin_again();
        if self.is_limited(client) {
            self.stage = Stage::Done;
            return Ok(());
        }
        let mut parameters = client.take_parameters();
        let offers = |extension| client.capabilities().is_some_and(|all| all.offers(extension));
        let smtputf8 = self.content.smtputf8
            || !self.envelope.reverse_path.is_ascii()
            || self.envelope.recipients.iter().any(|recipient| !recipient.path.is_ascii());
        let binary = self.content.body == Body::BinaryMime;
        let eight_bit = self.content.body == Body::EightBitMime;
        let limit = client.capabilities().and_then(|all| all.size_limit());
        let refusal = if smtputf8 && !offers(Extension::SmtpUtf8) {
            Some(match self.content.smtputf8 {
                true => Rejection::permanent(6, 9, "the server does not offer SMTPUTF8"),
                false => Rejection::permanent(6, 7, "the server does not offer SMTPUTF8"),
            })
        } else if binary && !(offers(Extension::BinaryMime) && offers(Extension::Chunking)) {
            Some(Rejection::permanent(6, 3, "the server does not offer BINARYMIME"))
        } else if eight_bit && !offers(Extension::EightBitMime) {
            Some(Rejection::permanent(6, 3, "the server does not offer 8BITMIME"))
        } else if let (Some(limit), Some(size)) = (limit, self.content.size)
            && size > limit
        {
            Some(Rejection::permanent(3, 4, "larger than the server takes"))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.fates.settle_all(Outcome::local(refusal));
            self.stage = Stage::Done;
            return Ok(());
        }
        if let Some(size) = self.content.size
            && offers(Extension::Size)
        {
            parameters.size(size);
        }
        if self.content.body != Body::SevenBit {
            parameters.body(self.content.body);
        }
        if smtputf8 {
            parameters.smtputf8();
        }
        let dsn = offers(Extension::Dsn);
        for parameter in self.envelope.parameters.iter() {
            if dsn || !is_dsn(parameter.keyword()) {
                parameters.push(parameter).map_err(|_| Misuse::Parameter)?;
            }
        }
        self.seven_bit = self.content.body == Body::SevenBit && !offers(Extension::EightBitMime);
        self.chunked =
            binary || (self.options.chunking == Chunking::Auto && offers(Extension::Chunking));
        // A misuse is told before anything is sent, also of those whose turn comes later.
        if let Some(most) = client.limits().rcpt_max.and_then(|most| usize::try_from(most).ok()) {
            for recipient in self.envelope.recipients.iter().skip(most) {
                let mut list = ParameterList::new();
                let parameters = rcpt_parameters(recipient, dsn, &mut list)?;
                client.judge_rcpt(recipient.path, parameters, smtputf8)?;
            }
        }
        client.mail(self.envelope.reverse_path, parameters.as_parameters())?;
        client.keep_parameters(parameters);
        self.stage = Stage::Mail;
        Ok(())
    }

    /// Whether limits of the server's (RFC 9422) forbid that a mail transaction begins.
    fn is_limited(&mut self, client: &Client) -> bool {
        let limits = client.limits();
        if limits == Limits9422::default() {
            return false;
        }
        let usage = &client.session.usage;
        let recipients = self.envelope.recipients;
        let paths = || recipients.iter().map(|recipient| recipient.path);
        let left = || (0..).zip(paths()).filter(|(index, _)| self.fates.is_left(*index));
        let together = self.options.all_or_nothing;
        let most = limits.rcpt_max.and_then(|most| usize::try_from(most).ok());
        let outcome = if usage.mails_left(&limits) == Some(0) {
            Outcome::limited(Limit::MailMax, Retry::NewSession)
        } else if together && most.is_some_and(|most| most < recipients.len()) {
            Outcome::limited(Limit::RcptMax, Retry::Later)
        } else if together && !usage.admits_all(paths(), &limits, false) {
            let retry = match usage.admits_all(paths(), &limits, true) {
                true => Retry::NewSession,
                false => Retry::Later,
            };
            Outcome::limited(Limit::RcptDomainMax, retry)
        } else if !left().any(|(_, path)| usage.admits(path, &limits)) {
            Outcome::limited(Limit::RcptDomainMax, Retry::NewSession)
        } else {
            return false;
        };
        self.fates.settle_all(outcome);
        true
    }

    /// Queues recipients; whether all of this mail transaction are.
    pub(super) fn ask(&mut self, client: &mut Client) -> Result<bool, Misuse> {
        let limits = client.limits();
        let dsn = client.capabilities().is_some_and(|all| all.offers(Extension::Dsn));
        while let Some(recipient) = self.envelope.recipients.get(self.round.ask) {
            if limits.rcpt_max.is_some_and(|most| self.round.asked >= most) {
                break;
            }
            let index = self.round.ask;
            if !self.fates.is_left(index) {
                self.round.ask += 1;
                continue;
            }
            if !client.session.usage.admits(recipient.path, &limits) {
                let outcome = Outcome::limited(Limit::RcptDomainMax, Retry::NewSession);
                self.fates.set(index, Fate::Settled(outcome));
                self.round.ask += 1;
                continue;
            }
            let mut list = ParameterList::new();
            let parameters = rcpt_parameters(recipient, dsn, &mut list)?;
            match client.rcpt(recipient.path, parameters) {
                Ok(()) => {}
                Err(Misuse::QueueFull) => return Ok(false),
                Err(misuse) => return Err(misuse),
            }
            self.fates.set(index, Fate::Asked);
            self.round.asked += 1;
            self.round.ask += 1;
        }
        Ok(true)
    }
}

/// The parameters of RCPT for a server that offers DSN, or not.
fn rcpt_parameters<'r>(
    recipient: &'r Recipient<'_>,
    dsn: bool,
    list: &'r mut ParameterList,
) -> Result<Parameters<'r>, Misuse> {
    if dsn || recipient.parameters.is_empty() {
        return Ok(recipient.parameters);
    }
    for parameter in recipient.parameters.iter() {
        if !is_dsn(parameter.keyword()) {
            list.push(parameter).map_err(|_| Misuse::Parameter)?;
        }
    }
    Ok(list.as_parameters())
}

fn is_dsn(keyword: &str) -> bool {
    ["RET", "ENVID", "NOTIFY", "ORCPT"].iter().any(|dsn| dsn.eq_ignore_ascii_case(keyword))
}
