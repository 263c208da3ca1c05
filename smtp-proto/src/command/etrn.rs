//! The ETRN command (RFC 1985 section 5; G-33).

use core::fmt;

use bytes::BufMut;

use crate::command::Line;
use crate::domain::{Domain, MAX_DOMAIN};
use crate::error::{ParseError, Rule};
use crate::grammar::{self, VISIBLE};
use crate::profile::Syntax;

/// For whom ETRN asks a server to send what waits there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node<'a> {
    /// One host.
    Host(Domain<'a>),
    /// A domain and all below it: `@domain`.
    Subtree(Domain<'a>),
    /// A queue of the server's: `#name`.
    Queue(QueueName<'a>),
}

impl<'a> Node<'a> {
    /// Reads a node with its option character.
    ///
    /// ```text
    /// "ETRN" SP [ "@" / "#" ] node-name CRLF
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rule::Node`].
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        let domain = |name| Domain::parse(name).map_err(|error| error.as_rule(Rule::Node));
        if let Some(name) = text.strip_prefix('@') {
            domain(name).map(Self::Subtree).map_err(|error| error.shifted(1))
        } else if let Some(name) = text.strip_prefix('#') {
            QueueName::parse(name).map(Self::Queue).map_err(|error| error.shifted(1))
        } else {
            domain(text).map(Self::Host)
        }
    }

    #[inline(never)]
    pub(super) fn of_line(line: &Line<'a>, syntax: &Syntax) -> Result<Self, ParseError> {
        let start = line.required(syntax)?;
        let octets = line.octets();
        Self::parse(grammar::text(grammar::part(octets, start, octets.len())))
            .map_err(|error| error.shifted(start))
    }

    pub(super) fn write(&self, out: &mut impl BufMut) {
        let (option, name) = match self {
            Self::Host(domain) => ("", domain.as_str()),
            Self::Subtree(domain) => ("@", domain.as_str()),
            Self::Queue(queue) => ("#", queue.as_str()),
        };
        out.put_u8(b' ');
        out.put_slice(option.as_bytes());
        out.put_slice(name.as_bytes());
    }
}

impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(domain) => domain.fmt(f),
            Self::Subtree(domain) => write!(f, "@{domain}"),
            Self::Queue(queue) => write!(f, "#{queue}"),
        }
    }
}

/// The name of a queue, whose form is the server's own matter: 1 to 255 visible ASCII octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueueName<'a>(&'a str);

impl<'a> QueueName<'a> {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`Rule::Node`].
    pub fn parse(name: &'a str) -> Result<Self, ParseError> {
        let end = grammar::span(name, 0, VISIBLE);
        if name.is_empty() || end < name.len() || name.len() > MAX_DOMAIN {
            return Err(ParseError::new(Rule::Node, end.min(MAX_DOMAIN)));
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

impl fmt::Display for QueueName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
