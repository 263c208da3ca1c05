//! Who submitted a message, as MAIL says it.

use crate::error::{ParseError, Rule};
use crate::grammar;
use crate::path::{MAX_PATH, Mailbox};
use crate::profile::Syntax;
use crate::xtext::{self, Xtext};

/// `AUTH=`: who submitted the message first (RFC 4954 section 5; G-42).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthParameter<'a> {
    /// `<>`: not known, or not vouched for.
    Null,
    /// The mailbox, still encoded. It decodes to a well-formed mailbox.
    Mailbox(Xtext<'a>),
}

impl<'a> AuthParameter<'a> {
    /// `xtext` that decodes to a mailbox or to `<>`.
    pub(super) fn check(value: &[u8]) -> Result<(), ParseError> {
        let failed = || ParseError::new(Rule::ParameterValue, 0);
        if value == Self::Null.as_str().as_bytes() {
            return Ok(());
        }
        xtext::check(value).map_err(|_| failed())?;
        let mut buffer = [0; MAX_PATH];
        let mut length = 0;
        for octet in xtext::decoded(value) {
            *buffer.get_mut(length).ok_or_else(failed)? = octet;
            length += 1;
        }
        match grammar::part(&buffer, 0, length) {
            b"<>" => Ok(()),
            text => Mailbox::parse_with(text, &Syntax::INTERNET).map(|_| ()).map_err(|_| failed()),
        }
    }

    /// A value that was checked.
    pub(super) fn checked(value: &'a str) -> Option<Self> {
        let xtext = Xtext::parse(value).ok()?;
        let null = xtext.decoded().eq(Self::Null.as_str().bytes());
        Some(if null { Self::Null } else { Self::Mailbox(xtext) })
    }

    /// The value as sent.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        match self {
            Self::Null => "<>",
            Self::Mailbox(xtext) => xtext.as_str(),
        }
    }
}

/// What became of `AUTH=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Submitter {
    /// It was not sent.
    #[default]
    Unsaid,
    /// It is as the client said.
    Said,
    /// It counts for nothing.
    Distrusted,
}
