//! What a session has used of the limits the server announced (RFC 9422).

use alloc::{borrow::Cow, vec::Vec};

use crate::{domain, extension::Limits9422, path::ForwardPath};

/// The most recipient domains that are remembered in a session. Where a server takes more, a new
/// session begins here.
const MAX_DOMAINS: usize = 1000;

/// What counts for the limits of LIMITS. Nothing is kept where there are none.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// MAIL commands, whatever became of them (section 4.1).
    mails: u32,
    /// Hashes of the domains that recipients had so far, sorted (section 4.3). If two have the same,
    /// one more is named than the server takes, and it says so.
    domains: Vec<u64>,
}

impl Usage {
    /// MAIL is sent.
    #[inline]
    pub(super) const fn count_mail(&mut self) {
        self.mails = self.mails.saturating_add(1);
    }

    /// How many transactions may follow; `None` where that is not limited.
    #[inline]
    pub(super) const fn mails_left(&self, limits: &Limits9422) -> Option<u32> {
        match limits.mail_max {
            Some(most) => Some(most.saturating_sub(self.mails)),
            None => None,
        }
    }

    /// Whether mail to the domain of `path` may be sent in this session.
    #[inline]
    pub(super) fn admits(&self, path: ForwardPath<'_>, limits: &Limits9422) -> bool {
        limits.rcpt_domain_max.is_none_or(|most| self.has_room(path, most))
    }

    #[cold]
    fn has_room(&self, path: ForwardPath<'_>, most: u32) -> bool {
        let most = usize::try_from(most).unwrap_or(MAX_DOMAINS).min(MAX_DOMAINS);
        let Some(domain) = hash_of_domain(path) else { return true };
        self.domains.len() < most || self.domains.binary_search(&domain).is_ok()
    }

    /// A recipient is sent.
    #[inline]
    pub(super) fn count_domain(&mut self, path: ForwardPath<'_>, limits: &Limits9422) {
        if limits.rcpt_domain_max.is_some() {
            self.remember(path);
        }
    }

    #[cold]
    fn remember(&mut self, path: ForwardPath<'_>) {
        if let Some(domain) = hash_of_domain(path)
            && let Err(place) = self.domains.binary_search(&domain)
            && self.domains.len() < MAX_DOMAINS
        {
            self.domains.insert(place, domain);
        }
    }

    /// Whether all of `paths` could be sent in a session, in this one or in a new one.
    pub(super) fn admits_all<'p>(
        &self,
        paths: impl Iterator<Item = ForwardPath<'p>>,
        limits: &Limits9422,
        fresh: bool,
    ) -> bool {
        let mut usage = Self::default();
        if !fresh {
            usage.domains.clone_from(&self.domains);
        }
        for path in paths {
            if !usage.admits(path, limits) {
                return false;
            }
            usage.count_domain(path, limits);
        }
        true
    }
}

/// FNV-1a of the domain in A-labels and lower case; `None` for the server's own postmaster.
fn hash_of_domain(path: ForwardPath<'_>) -> Option<u64> {
    let mailbox = path.mailbox()?;
    let (_, host) = mailbox.as_str().rsplit_once('@')?;
    let domain = domain::to_a_labels(host).unwrap_or(Cow::Borrowed(host));
    let mix = |hash: u64, octet: u8| {
        (hash ^ u64::from(octet.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    };
    Some(domain.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn path(text: &str) -> ForwardPath<'_> {
        ForwardPath::parse(text).unwrap()
    }

    #[test]
    fn domains_count_once_in_any_case() {
        let mut usage = Usage::default();
        let limits = Limits9422 { rcpt_domain_max: Some(2), ..Limits9422::default() };
        for to in ["<a@x.example>", "<b@X.EXAMPLE>", "<a@[192.0.2.1]>", "<Postmaster>"] {
            assert!(usage.admits(path(to), &limits), "{to}");
            usage.count_domain(path(to), &limits);
        }
        assert!(usage.admits(path("<\"a@z\"@x.example>"), &limits));
        assert!(!usage.admits(path("<a@y.example>"), &limits));
        assert!(usage.admits(path("<a@y.example>"), &Limits9422::default()));
        let two = || [path("<a@y.example>"), path("<a@z.example>")].into_iter();
        assert!(!usage.admits_all(two(), &limits, false));
        assert!(usage.admits_all(two(), &limits, true));
        assert!(!usage.admits_all(two().chain([path("<a@w.example>")]), &limits, true));
    }

    #[test]
    fn no_more_domains_are_remembered_than_fit() {
        let mut usage = Usage::default();
        let limits = Limits9422 { rcpt_domain_max: Some(999_999), ..Limits9422::default() };
        for number in 0..2 * MAX_DOMAINS {
            let to = format!("<a@d{number}.example>");
            assert_eq!(usage.admits(path(&to), &limits), number < MAX_DOMAINS);
            usage.count_domain(path(&to), &limits);
        }
        assert_eq!(usage.domains.len(), MAX_DOMAINS);
    }
}
