//! The ATRN command (RFC 2645 section 5.2.1; G-34).

use core::fmt;
use core::hash::{Hash, Hasher};

use bytes::BufMut;

use crate::command::Line;
use crate::domain::{Domain, hash_ignoring_case};
use crate::error::{ParseError, Rule};
use crate::grammar;
use crate::profile::Syntax;

/// The most octets of a list, so that its line fits into the 512 octets of any command (RFC 5321
/// section 4.5.3.1.4).
const MAX: usize = 512 - "ATRN \r\n".len();

/// The domains whose mail a customer asks for: one at least, each of two labels or more.
#[derive(Clone, Copy)]
pub struct DomainList<'a>(&'a str);

impl<'a> DomainList<'a> {
    /// Reads domains with commas, and no blanks, between them.
    ///
    /// ```text
    /// atrn       = "ATRN" [SP domain *("," domain)]
    /// domain     = sub-domain 1*("." sub-domain)
    /// sub-domain = (ALPHA / DIGIT) *(ldh-str)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rule::DomainList`]; [`Rule::LineLength`] for more than the 505 octets that a line has room
    /// for.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        let mut start = 0;
        for name in text.split(',') {
            let domain = Domain::parse(name)
                .map_err(|error| error.as_rule(Rule::DomainList).shifted(start))?;
            start += name.len() + 1;
            if domain.labels().nth(1).is_none() {
                return Err(ParseError::new(Rule::DomainList, start - 1));
            }
        }
        if text.len() > MAX {
            return Err(ParseError::new(Rule::LineLength, MAX));
        }
        Ok(Self(text))
    }

    /// The domains, in order.
    pub fn iter(&self) -> impl Iterator<Item = Domain<'a>> + Clone + use<'a> {
        self.0.split(',').map(|name| Domain::scanned(name.as_bytes()))
    }

    /// The list as it is sent.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    #[inline(never)]
    pub(super) fn of_line(line: &Line<'a>, syntax: &Syntax) -> Result<Option<Self>, ParseError> {
        let Some(start) = line.argument(syntax)? else {
            return Ok(None);
        };
        let octets = line.octets();
        let list = Self::parse(grammar::text(grammar::part(octets, start, octets.len())));
        list.map(Some).map_err(|error| error.shifted(start))
    }

    pub(super) fn write(&self, out: &mut impl BufMut) {
        out.put_u8(b' ');
        out.put_slice(self.0.as_bytes());
    }
}

impl PartialEq for DomainList<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for DomainList<'_> {}

impl Hash for DomainList<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_ignoring_case(self.0.as_bytes(), state);
    }
}

impl fmt::Debug for DomainList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainList({:?})", self.0)
    }
}

impl fmt::Display for DomainList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
