//! What the profile of a client session forbids and forgives.

use super::{Misuse, ReplyTo, session::Session};
use crate::{
    path::Mailbox,
    profile::Leniency,
    reply::{CodeMismatch, Reply, ReplyRules},
};

impl Session {
    /// How replies are read now: line ends are not guessed where TLS is yet to come.
    pub(super) fn reply_rules(&self) -> ReplyRules {
        let mut rules = self.config.replies();
        if rules.lenient_lf && !self.tls {
            let starting = self.expected.iter().any(|open| open.to == ReplyTo::StartTls);
            rules.lenient_lf = !self.config.require_tls && !starting;
        }
        rules
    }

    /// Notes what a reply is forgiven.
    pub(super) fn forgive(&mut self, reply: Reply<'_>) {
        let policy = &self.config.profile.client;
        if policy.lenient_reply_lf || policy.reply_code_mismatch != CodeMismatch::Error {
            self.forgive_reply(reply);
        }
    }

    #[cold]
    fn forgive_reply(&mut self, reply: Reply<'_>) {
        let mut codes = reply.octets().split_inclusive(|&octet| octet == b'\n');
        let first = codes.clone().next().and_then(|line| line.get(..3));
        if codes.clone().any(|line| !line.ends_with(b"\r\n")) {
            self.leniencies.insert(Leniency::LenientReplyLf);
            self.bare_lf |= !self.tls;
        }
        if codes.any(|line| line.get(..3) != first) {
            self.leniencies.insert(Leniency::ReplyCodeMismatch);
        }
    }

    /// AUTH and MAIL wait for TLS where it is required, whatever led here.
    pub(super) fn need_tls(&self) -> Result<(), Misuse> {
        if self.config.require_tls && !self.tls { Err(Misuse::TlsRequired) } else { Ok(()) }
    }

    /// Whether the local-part of a mailbox is short enough to be sent.
    pub(super) fn judge_mailbox(&self, mailbox: Option<Mailbox<'_>>) -> Result<(), Misuse> {
        let (Some(most), Some(mailbox)) = (self.config.profile.client.local_part_max, mailbox)
        else {
            return Ok(());
        };
        let most = usize::from(most);
        let long = mailbox.octets().len() > most && mailbox.local_part().as_str().len() > most;
        if long { Err(Misuse::LocalPart) } else { Ok(()) }
    }
}
