//! Addresses that stand for others (RFC 5321 section 3.9, RFC 3461 section 5.2.7).

use super::Queued;
use crate::answer::Rejection;
use crate::parameter::{Notify, ParameterList, RcptParameters};
use crate::path::{ForwardPath, ReversePath};
use crate::report::{Event, Onward};

/// How often addresses may lead to others in a row, unless said otherwise (L-17).
pub const MAX_EXPANSION: u32 = 20;

/// Refuses to follow addresses that lead to each other without end.
///
/// # Errors
///
/// [`Rejection::LOOP`] for more than `most` in a row.
pub const fn check_expansion(depth: u32, most: u32) -> Result<(), Rejection<'static>> {
    if depth > most { Err(Rejection::LOOP) } else { Ok(()) }
}

/// How reports are handled where an alias stands for several addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AliasReports {
    /// Nothing that was asked for goes on; the sender is told that the message was relayed (RFC 3461
    /// section 5.2.7.3 a).
    Stop,
    /// All goes on but requests for success; the sender is told that the address was expanded
    /// (section 5.2.7.3 c).
    PassOn,
}

impl Queued {
    /// The transaction for the addresses that an alias stands for, in place of the recipient of that
    /// number, and what has happened to that one, if anything: see [`Event::report`].
    ///
    /// The reverse-path stays (RFC 5321 section 3.9.1; T-14). With one address everything else does
    /// too; with several, tracking does not go on (RFC 3885 section 3.3). `None` when there is no such
    /// recipient, or no address.
    #[must_use]
    pub fn for_alias(
        &self,
        number: usize,
        targets: &[ForwardPath<'_>],
        reports: AliasReports,
    ) -> Option<(Self, Option<Event>)> {
        let (_, parameters) = self.recipient(number)?;
        let mut mail = self.mail_list(&[]);
        let mut rcpt = list_of(&parameters);
        let event = match (targets, reports) {
            ([], _) => return None,
            ([_], _) => None,
            (_, AliasReports::Stop) => {
                mail = self.mail_list(&["MTRK", "RET", "ENVID"]);
                rcpt.remove("NOTIFY").remove("ORCPT");
                Some(Event::Relayed(Onward { dsn: false, deliver_by: true }))
            }
            (_, AliasReports::PassOn) => {
                mail.remove("MTRK");
                if let Some(notify) = parameters.notify() {
                    rcpt.notify(notify.without(Notify::SUCCESS));
                }
                Some(Event::Expanded)
            }
        };
        let mut queued = self.with(self.reverse_path(), &mail);
        for &target in targets {
            queued.push_with(target, &rcpt);
        }
        Some((queued, event))
    }

    /// The transaction for the members of a list. For the original, giving it to the list is final
    /// delivery: [`Event::Delivered`].
    ///
    /// Reports go to the list's owner, and nothing that was asked for with the original goes on, but
    /// TLS and the priority (RFC 3461 section 5.2.7.1, RFC 8689 section 4.1; T-27). A null
    /// reverse-path stays null (RFC 5321 section 4.5.5).
    #[must_use]
    pub fn for_list(&self, owner: ReversePath<'_>, members: &[ForwardPath<'_>]) -> Self {
        let dropped =
            ["RET", "ENVID", "MTRK", "BY", "HOLDFOR", "HOLDUNTIL", "AUTH", "TRANSID", "CONPERM"];
        let owner = match self.reverse_path() {
            ReversePath::Null => ReversePath::Null,
            ReversePath::Mailbox(_) => owner,
        };
        let mut queued = self.with(owner, &self.mail_list(&dropped));
        for &member in members {
            queued.push_with(member, &ParameterList::new());
        }
        queued
    }

    fn mail_list(&self, dropped: &[&str]) -> ParameterList {
        let mut list = ParameterList::new();
        for parameter in self.parameters().all() {
            if !dropped.iter().any(|keyword| keyword.eq_ignore_ascii_case(parameter.keyword())) {
                // A list no longer than the one it was read from, and no keyword twice.
                let _ = list.push(parameter);
            }
        }
        list
    }
}

fn list_of(parameters: &RcptParameters<'_>) -> ParameterList {
    let mut list = ParameterList::new();
    for parameter in parameters.all() {
        // As above.
        let _ = list.push(parameter);
    }
    list
}
