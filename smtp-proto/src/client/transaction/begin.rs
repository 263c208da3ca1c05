//! How a mail transaction begins: what this side can decide, then MAIL and RCPT.

use super::{Fate, Round, Stage, Transaction, wish::rcpt_parameters};
use crate::{
    client::{
        Chunking, Client, Misuse,
        own::OwnParameters,
        report::{Limit, Outcome, Retry},
    },
    extension::{Extension, Limits9422},
    parameter::{Body, ParameterList},
    path::{Mailbox, MailboxBuf},
};

/// RCPTs sent and not answered: so many recipients any server takes (RFC 5321 section 4.5.3.1.8), and no
/// more than these are told in vain that they are too many.
const RCPTS_UNDER_WAY: u32 = 100;

impl Transaction<'_> {
    /// Decides what this side can decide, and sends MAIL.
    #[inline(never)]
    pub(super) fn start(&mut self, client: &mut Client) -> Result<(), Misuse> {
        if self.envelope.recipients.is_empty() {
            return Err(Misuse::NoRecipient);
        }
        if client.bounds_local_parts() && !self.judged {
            for recipient in self.envelope.recipients {
                client.judge_mailbox(recipient.path.mailbox())?;
            }
        }
        let first = self.fates.first();
        self.round = Round { ask: first, answer: first, deliver: first, ..Round::default() };
        self.held = None;
        self.converts = false;
        self.fates.begin_again();
        if self.is_limited(client) {
            self.stage = Stage::Done;
            return Ok(());
        }
        let offered = client.offered();
        let content = match self.judge_message(client, offered) {
            Ok(content) => content,
            Err(refusal) => {
                self.fates.settle_all(Outcome::local(refusal));
                self.stage = Stage::Done;
                return Ok(());
            }
        };
        if !self.judged {
            self.judge_recipients(offered);
        }
        if !self.fates.any_left() {
            self.stage = Stage::Done;
            return Ok(());
        }
        let smtputf8 = self.needs_smtputf8(client, offered);
        let size = content.size.filter(|_| offered.contains(Extension::Size));
        let own = OwnParameters { size, body: content.body, smtputf8 };
        let mut list = ParameterList::new();
        let parameters = self.mail_parameters(client, offered, &mut list)?;
        self.seven_bit =
            content.body == Body::SevenBit && !offered.contains(Extension::EightBitMime);
        self.chunked = content.body == Body::BinaryMime
            || (self.options.chunking == Chunking::Auto && offered.contains(Extension::Chunking));
        // A misuse is told before anything is sent, also of those whose turn comes later.
        if let Some(most) = client.limits().rcpt_max.and_then(|most| usize::try_from(most).ok())
            && !self.judged
        {
            for recipient in self.envelope.recipients.iter().skip(most) {
                let mut list = ParameterList::new();
                let parameters =
                    rcpt_parameters(recipient, offered, &mut list, &mut self.downgrades)?;
                let smtputf8 = smtputf8 || offered.contains(Extension::SmtpUtf8);
                let (path, mailbox) = (recipient.path, recipient.path.mailbox());
                client.judge_rcpt(
                    as_sent(path, mailbox, smtputf8, &mut None),
                    parameters,
                    smtputf8,
                )?;
            }
        }
        let (path, mailbox) = (self.envelope.reverse_path, self.envelope.reverse_path.mailbox());
        client.send_mail(as_sent(path, mailbox, smtputf8, &mut None), own, parameters)?;
        self.judged = true;
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
        let all = recipients.iter().enumerate().skip(self.fates.first());
        let mut left = all.filter(|(index, _)| self.fates.is_left(*index));
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
        } else if !left.any(|(_, recipient)| usage.admits(recipient.path, &limits)) {
            Outcome::limited(Limit::RcptDomainMax, Retry::NewSession)
        } else {
            return false;
        };
        self.fates.settle_all(outcome);
        true
    }

    /// Queues recipients; whether all of this mail transaction are.
    #[inline(never)]
    pub(super) fn ask(&mut self, client: &mut Client) -> Result<bool, Misuse> {
        let limits = client.limits();
        let offered = client.offered();
        while let Some(recipient) = self.envelope.recipients.get(self.round.ask) {
            let open = self.round.asked.saturating_sub(self.round.answered);
            // The server takes no more: it would say so to each, and may lose its patience.
            if limits.rcpt_max.is_some_and(|most| self.round.asked >= most)
                || self.round.accepted + open >= self.most
                || self.round.crowded
            {
                break;
            }
            if open > 0 && (open >= RCPTS_UNDER_WAY || !client.sends_at_once()) {
                // What it says to those who were asked for may be that.
                return Ok(false);
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
            let parameters = rcpt_parameters(recipient, offered, &mut list, &mut self.downgrades)?;
            let (path, mailbox) = (recipient.path, recipient.path.mailbox());
            let smtputf8 = client.session.smtputf8;
            match client.rcpt(as_sent(path, mailbox, smtputf8, &mut None), parameters) {
                Ok(()) => {}
                Err(Misuse::QueueFull) => return Ok(false),
                Err(misuse) if self.again => {
                    // Others have their outcome, and it is not taken from them.
                    self.fates.set(index, Fate::Settled(Outcome::misused(misuse)));
                    self.round.ask += 1;
                    continue;
                }
                Err(misuse) => return Err(misuse),
            }
            self.fates.set(index, Fate::Asked);
            self.round.asked += 1;
            self.round.ask += 1;
        }
        Ok(true)
    }
}

/// A path, whose mailbox this is, as it is sent: without SMTPUTF8 with the domain in A-labels (C-74), which
/// `a_labels` keeps.
#[inline]
fn as_sent<'p, P: From<Mailbox<'p>>>(
    path: P,
    mailbox: Option<Mailbox<'p>>,
    smtputf8: bool,
    a_labels: &'p mut Option<MailboxBuf>,
) -> P {
    match mailbox {
        Some(mailbox) if !smtputf8 && !mailbox.is_ascii() => {
            *a_labels = mailbox.to_a_labels();
            a_labels.as_ref().map_or(path, |mailbox| mailbox.as_mailbox().into())
        }
        _ => path,
    }
}
