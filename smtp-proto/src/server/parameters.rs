//! What parameters ask for, judged by what was offered, before the application is asked.

use alloc::{collections::BTreeSet, format, string::String};

use super::{Mail, answer::Leave, arguments::Trust, session::Session, upstream::Upstream};
use crate::{
    answer::Rejection,
    command::Verb,
    extension::{Extension, FutureRelease},
    parameter::{By, ByMode, DateTime, Hold, MailParameters, MtPriority, Rrvs},
    path::ForwardPath,
    status::Code,
};

const BEYOND: Rejection<'static> =
    Rejection::permanent(5, 4, "held longer than offered").coded(Code::ARGUMENT_ERROR);
const PAST: Rejection<'static> =
    Rejection::permanent(5, 4, "held until a time that is over").coded(Code::ARGUMENT_ERROR);
const TOO_LATE: Rejection<'static> =
    Rejection::permanent(5, 4, "held longer than it may take").coded(Code::ARGUMENT_ERROR);
const TOO_SOON: Rejection<'static> =
    Rejection::permanent(5, 4, "less time than offered").coded(Code::PARAMETER_UNKNOWN);
const TOO_MANY_TRANSACTIONS: Rejection<'static> =
    Rejection::temporary(7, 0, "too many transactions").coded(Code::SERVICE_NOT_AVAILABLE);

/// What few sessions have to remember.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// MAIL commands that were answered, where there is a limit to them.
    mails: u32,
    /// The domains of all recipients of the session, in lower case, where there is a limit to them.
    domains: BTreeSet<String>,
    /// What was told of FUTURERELEASE at the last hello, if not what the configuration says.
    pub(super) future_release: Option<FutureRelease>,
    /// What a client that speaks for another has told of it.
    pub(super) upstream: Option<Upstream>,
    /// By what the session is to end as soon as no transaction is under way.
    pub(super) shutdown: Option<Rejection<'static>>,
}

impl Session {
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// How far ahead messages may be released now.
    pub(super) fn future_release(&self) -> Option<FutureRelease> {
        let told = self.rare.as_ref().and_then(|rare| rare.future_release);
        told.or(self.config.arguments.future_release)
    }

    /// What a hello tells of that, if not what the configuration says; no hello knows what another told.
    pub(super) fn tell_future_release(&mut self, most: Option<FutureRelease>) {
        if most.is_some() {
            self.rare().future_release = most;
        } else if let Some(rare) = &mut self.rare {
            rare.future_release = None;
        }
    }

    fn trusts(&self, trust: Trust) -> bool {
        match trust {
            Trust::Nobody => false,
            Trust::Authenticated => self.authenticated,
            Trust::Everybody => true,
        }
    }

    /// Another MAIL was answered (RFC 9422 section 4.1).
    pub(super) fn count_mail(&mut self) {
        if self.config.limits.mails.is_some() {
            let rare = self.rare();
            rare.mails = rare.mails.saturating_add(1);
        }
    }

    /// Whether one more MAIL may come.
    pub(super) fn admit_mail(&self) -> Result<(), Rejection<'static>> {
        let mails = self.rare.as_ref().map_or(0, |rare| rare.mails);
        match self.config.limits.mails {
            Some(most) if mails >= most => Err(TOO_MANY_TRANSACTIONS),
            _ => Ok(()),
        }
    }

    /// Judges what a message asks for by its parameters.
    pub(super) fn judge_mail(
        &self,
        parameters: &mut MailParameters<'_>,
    ) -> Result<(), Rejection<'static>> {
        if !self.trusts(self.config.arguments.submitters) {
            parameters.distrust();
        }
        if parameters.has_rare() {
            self.judge_time(parameters)?;
            if let Some(solicit) = parameters.solicit()
                && let Some(class) = self.config.arguments.unwanted(solicit)
            {
                return Err(Rejection::POLICY.with_text(format!("SOLICIT={class}")));
            }
        }
        if self.config.offers(Extension::MtPriority) {
            self.judge_priority(parameters)
        } else {
            Ok(())
        }
    }

    fn judge_time(&self, parameters: &MailParameters<'_>) -> Result<(), Rejection<'static>> {
        let by = parameters.by();
        if let (Some(by), Some(minimum)) = (by, self.config.arguments.deliver_by_minimum)
            && by.mode() == ByMode::Return
            && i64::from(by.seconds()) < i64::from(minimum)
        {
            return Err(TOO_SOON);
        }
        let Some(hold) = parameters.hold() else {
            return Ok(());
        };
        if !self.future_release().is_some_and(|most| most.allows(hold)) {
            return Err(BEYOND);
        }
        match (hold, by) {
            (Hold::For(seconds), Some(by)) if i64::from(seconds) > i64::from(by.seconds()) => {
                Err(TOO_LATE)
            }
            _ => Ok(()),
        }
    }

    /// The priority asked for is lowered for those who may not ask for it; then limits are kept.
    fn judge_priority(
        &self,
        parameters: &mut MailParameters<'_>,
    ) -> Result<(), Rejection<'static>> {
        let priorities = &self.config.arguments.priorities;
        let asked = parameters.mt_priority().unwrap_or_default();
        if asked > MtPriority::default() && !self.trusts(priorities.trust) {
            parameters.lower();
        }
        let priority = parameters.mt_priority().unwrap_or_default();
        if let Some((lowest, rejection)) = &priorities.lowest
            && priority < *lowest
        {
            return Err(rejection.clone());
        }
        match (parameters.size(), priorities.most(priority)) {
            (Some(size), Some(most)) if size > most => Err(Rejection::TOO_BIG_FOR_PRIORITY),
            _ => Ok(()),
        }
    }

    /// Whether mail to one more domain may be sent in this session (RFC 9422 section 4.3).
    pub(super) fn admit_domain(&self, path: ForwardPath<'_>) -> Result<(), Rejection<'static>> {
        let Some(most) = self.config.limits.recipient_domains else {
            return Ok(());
        };
        let (Some(domain), Some(rare)) = (domain(path), &self.rare) else {
            return Ok(());
        };
        let known = rare.domains.contains(&domain);
        if !known && u32::try_from(rare.domains.len()).is_ok_and(|count| count >= most) {
            return Err(Rejection::TOO_MANY_RECIPIENTS.with_text("too many recipient domains"));
        }
        Ok(())
    }

    /// Mail to this domain is sent in this session.
    pub(super) fn count_domain(&mut self, path: ForwardPath<'_>) {
        if self.config.limits.recipient_domains.is_some()
            && let Some(domain) = domain(path)
        {
            self.rare().domains.insert(domain);
        }
    }
}

/// What stands behind the `@`, in lower case.
fn domain(path: ForwardPath<'_>) -> Option<String> {
    let mailbox = path.mailbox()?;
    mailbox.as_str().rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase())
}

impl Mail<'_> {
    /// Judges by the time of day what cannot be judged without it: a message that is to be held until
    /// a time that is over, or later than it must be delivered, is refused (RFC 4865 sections 4.2 and
    /// 5.2.2), and `None` returned. The core has no clock; adapters call this before they ask anybody.
    #[must_use]
    pub fn at(mut self, now: DateTime) -> Option<Self> {
        let Some(until) = self.parameters.hold().and_then(|hold| hold.until()) else {
            return Some(self);
        };
        let late = |by: By| until.unix().saturating_sub(now.unix()) > i64::from(by.seconds());
        let refusal = if until <= now {
            PAST
        } else if self.parameters.by().is_some_and(late) {
            TOO_LATE
        } else {
            return Some(self);
        };
        self.desk.session.count_mail();
        self.desk.reject(&refusal.about(Verb::Mail), Leave::Together);
        None
    }
}

#[cfg(test)]
mod tests;

/// Who holds a mailbox, as far as that is known: what [`Rrvs::judge`] asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ownership {
    /// A role account, such as postmaster: it has no owner who could change.
    Role,
    /// One owner since then.
    Since(DateTime),
    /// The domain itself has one owner since then only.
    DomainSince(DateTime),
    /// Nothing was recorded.
    Unknown,
}

impl Rrvs<'_> {
    /// Whether mail may be delivered to a mailbox with such an owner (RFC 7293 sections 5 and 5.1).
    ///
    /// # Errors
    /// [`Rejection::OWNER_CHANGED`], [`Rejection::DOMAIN_OWNER_CHANGED`] or
    /// [`Rejection::OWNER_UNKNOWN`]: what to answer to RCPT.
    pub fn judge(&self, ownership: Ownership) -> Result<(), Rejection<'static>> {
        let since = self.moment().ok_or(Rejection::OWNER_UNKNOWN)?;
        match ownership {
            Ownership::Role => Ok(()),
            Ownership::Since(held) if held <= since => Ok(()),
            Ownership::Since(_) => Err(Rejection::OWNER_CHANGED),
            Ownership::DomainSince(held) if held <= since => Ok(()),
            Ownership::DomainSince(_) => Err(Rejection::DOMAIN_OWNER_CHANGED),
            Ownership::Unknown => Err(Rejection::OWNER_UNKNOWN),
        }
    }
}
