//! What DNSSEC vouches for, and whose TLSA records are asked for then (RFC 7672 section 2.2).

use super::{AddressAnswer, HostName, MxAnswer};

/// What DNS answered, and what that is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured<T> {
    /// The answer.
    pub answer: T,
    /// Whether DNSSEC vouches for it, and for all aliases on the way: it was validated, by this resolver or by one
    /// that is reached on a way on which nobody can change it (RFC 7672 section 2.1.1).
    pub is_secure: bool,
    /// What the name that was asked for is an alias of (CNAME), if it is one.
    pub alias: Option<Alias>,
}

/// What a name that is an alias leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The name at the end of all aliases.
    pub canonical: HostName,
    /// Whether DNSSEC vouches for the first alias, whatever it says of what comes behind it.
    pub is_secure: bool,
}

impl<T> Secured<T> {
    /// An answer that DNSSEC vouches for, of a name that is no alias.
    pub const fn secure(answer: T) -> Self {
        Self { answer, is_secure: true, alias: None }
    }

    /// An answer that nobody vouches for.
    pub const fn insecure(answer: T) -> Self {
        Self { answer, is_secure: false, alias: None }
    }
}

impl Secured<AddressAnswer> {
    /// The names of which TLSA records are asked for, for a host whose addresses these are: of each in turn, until
    /// there are some that are secure (RFC 7672 section 2.2.2; L-26). The name at the end of secure aliases comes
    /// first, then the host's own; of a host whose own name is not vouched for none is asked for.
    pub fn tlsa_bases<'a>(&'a self, host: &'a HostName) -> impl Iterator<Item = &'a HostName> {
        let alias = self.alias.as_ref();
        let canonical = alias.filter(|_| self.is_secure).map(|alias| &alias.canonical);
        let own_counts = self.is_secure || alias.is_some_and(|alias| alias.is_secure);
        canonical.into_iter().chain(own_counts.then_some(host))
    }
}

impl Secured<MxAnswer> {
    /// The names besides the [base](super::TlsCase::tlsa_base) that a certificate may have where DANE names a trust
    /// anchor: the domain of the next hop, whose MX records these are, and what it is an alias of (RFC 7672 section
    /// 3.2.2). They count only where the answer is secure.
    pub fn reference_names<'a>(
        &'a self,
        domain: &'a HostName,
    ) -> impl Iterator<Item = &'a HostName> {
        core::iter::once(domain).chain(self.alias.as_ref().map(|alias| &alias.canonical))
    }
}
