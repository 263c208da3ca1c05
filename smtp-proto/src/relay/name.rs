//! Names of hosts as DNS has them.

use alloc::boxed::Box;
use core::fmt;

use crate::domain::{Domain, to_a_labels};
use crate::error::ParseError;
use crate::profile::Syntax;

/// The name of a host or domain in DNS, in lower case and without the dot at the end. It may have
/// underscores, which names of hosts in use have. With the feature `idna` it has A-labels in place of
/// labels beyond ASCII; without it those stay as they are, and DNS does not know them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(Box<str>);

impl HostName {
    /// Reads a name, with the dot at its end or without. With the feature `idna` it may be as a person
    /// types it: capitals and other forms of letters beyond ASCII are mapped (RFC 5895).
    ///
    /// # Errors
    ///
    /// [`Rule::Domain`](crate::error::Rule::Domain); the root, `.`, is no name of a host.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let syntax = Syntax { underscore_domain: true, ..Syntax::INTERNET };
        let text = text.strip_suffix('.').unwrap_or(text);
        let labels = to_a_labels(text);
        let text = labels.as_deref().unwrap_or(text);
        Domain::parse_with(text.as_bytes(), &syntax).map(Self::from)
    }

    /// The name.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a domain.
    #[must_use]
    pub const fn as_domain(&self) -> Domain<'_> {
        Domain::scanned(self.0.as_bytes())
    }

    /// Whether it has more than one label. Names in mail are complete, and a relay does not guess
    /// what is missing (RFC 5321 section 2.3.5; L-18).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.0.contains('.')
    }
}

impl From<Domain<'_>> for HostName {
    fn from(domain: Domain<'_>) -> Self {
        let mut name = domain.key().into_owned();
        name.make_ascii_lowercase();
        Self(name.into_boxed_str())
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostName({})", self.0)
    }
}
