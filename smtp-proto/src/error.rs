//! Why a line, or a value made for one, is not well formed, and what a server says about it.
//!
//! Codes and texts stand in one table, `Rule::reply`; nothing else in the crate picks a code for
//! a syntax error.

use thiserror::Error;

use crate::answer::Rejection;
use crate::status::Code;

/// The rule of the grammar that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The line is empty, or has only blanks (F-19).
    EmptyLine,
    /// The verb must be first on the line (F-19).
    LeadingBlank,
    /// A CR or LF inside the line: it ends nothing, and nothing on the line is done (F-03).
    BareNewline,
    /// The line is longer than is read (F-15).
    LineLength,
    /// An octet below 32, 127, or one above 127 where UTF-8 is not offered (F-21).
    Control,
    /// Octets above 127 that are not well-formed UTF-8 (G-16).
    Utf8,
    /// No such command, or no verb at all.
    Verb,
    /// The command needs an argument.
    MissingArgument,
    /// The command takes no argument (G-25).
    UnexpectedArgument,
    /// One SP is required, and one only (F-20).
    Spacing,
    /// Not a domain or address literal behind EHLO, HELO or LHLO (G-20, G-21).
    HelloName,
    /// Not a reverse-path (G-01).
    ReversePath,
    /// Not a forward-path (G-01).
    ForwardPath,
    /// Not a mailbox: no `@`, or octets behind it.
    Mailbox,
    /// Not a domain (G-10).
    Domain,
    /// Not an address literal (G-12 to G-15).
    AddressLiteral,
    /// Not a local-part, or one too long (G-05, G-06, G-09).
    LocalPart,
    /// A path of more than 256 octets (G-02).
    PathLength,
    /// Not a parameter, or more than 64 of them (G-37).
    Parameter,
    /// The same keyword twice (G-38).
    DuplicateParameter,
    /// A value that does not fit its keyword, one too many or one missing (G-38).
    ParameterValue,
    /// Not a message priority (G-50).
    Priority,
    /// Not xtext (G-39).
    Xtext,
    /// Not the name of a SASL mechanism (G-28).
    Mechanism,
    /// Not base64 (G-29).
    Base64,
    /// The size of a chunk cannot be read, so the chunk cannot be skipped (G-31).
    BdatSize,
    /// Something other than `LAST` behind the size of a chunk or a URL (G-30, G-32).
    BdatLast,
    /// Not the node of an ETRN: a domain, or the name of a queue (G-33).
    Node,
    /// Not a list of domains with at least one dot each (G-34).
    DomainList,
    /// Not an absolute URI (G-32).
    Url,
    /// Not an attribute of XCLIENT or XFORWARD (G-35).
    Attribute,
    /// A value that an attribute of XCLIENT or XFORWARD cannot have (G-35, G-36).
    AttributeValue,
}

impl Rule {
    /// What a server answers: basic code, subject and detail of the enhanced code, text.
    ///
    /// The one table of syntax replies. Answers to a hello go out without their enhanced code
    /// (RFC 2034 section 4); taking it off is the business of who writes them.
    const fn reply(self) -> (u16, u16, u16, &'static str) {
        match self {
            Self::EmptyLine => (500, 5, 2, "empty line"),
            Self::LeadingBlank => (500, 5, 2, "blank before the command"),
            Self::BareNewline => (500, 5, 2, "bare newline in command"),
            Self::LineLength => (500, 5, 2, "line too long"),
            Self::Verb => (500, 5, 2, "command not recognized"),
            Self::Control => (501, 5, 2, "octet not allowed in a command"),
            Self::Utf8 => (501, 5, 2, "not well-formed UTF-8"),
            Self::MissingArgument => (501, 5, 4, "argument missing"),
            Self::UnexpectedArgument => (501, 5, 4, "no argument allowed"),
            Self::Spacing => (501, 5, 4, "one space expected"),
            Self::HelloName => (501, 5, 4, "not a domain or address literal"),
            Self::ReversePath => (501, 1, 7, "bad reverse-path"),
            Self::ForwardPath => (501, 1, 3, "bad forward-path"),
            Self::Mailbox => (501, 1, 3, "bad mailbox"),
            Self::Domain => (501, 1, 3, "bad domain"),
            Self::AddressLiteral => (501, 1, 3, "bad address literal"),
            Self::LocalPart => (501, 1, 3, "bad local-part"),
            Self::PathLength => (501, 1, 3, "path too long"),
            Self::Parameter => (501, 5, 4, "bad parameter"),
            Self::DuplicateParameter => (501, 5, 4, "parameter given twice"),
            Self::ParameterValue => (501, 5, 4, "bad parameter value"),
            Self::Priority => (501, 5, 2, "bad priority"),
            Self::Xtext => (501, 5, 4, "bad xtext"),
            Self::Mechanism => (501, 5, 4, "bad mechanism name"),
            Self::Base64 => (501, 5, 2, "bad base64"),
            Self::BdatSize => (501, 5, 4, "bad chunk size"),
            Self::BdatLast => (501, 5, 4, "LAST expected"),
            Self::Node => (501, 5, 4, "bad node name"),
            Self::DomainList => (501, 5, 4, "bad list of domains"),
            Self::Url => (501, 5, 4, "bad URL"),
            Self::Attribute => (501, 5, 4, "bad attribute"),
            Self::AttributeValue => (501, 5, 4, "bad attribute value"),
        }
    }

    /// The rule in a few words of ASCII, as a server's reply has them.
    #[must_use]
    pub const fn text(self) -> &'static str {
        self.reply().3
    }
}

/// A line, or a value made for one, is not well formed.
///
/// It borrows nothing: the octets at fault are the caller's to show, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("{} (octet {})", self.rule.text(), self.offset)]
pub struct ParseError {
    offset: u32,
    rule: Rule,
    sender: bool,
}

impl ParseError {
    /// `offset` counts octets from the start of what was parsed.
    #[cold]
    pub(crate) fn new(rule: Rule, offset: usize) -> Self {
        Self { offset: u32::try_from(offset).unwrap_or(u32::MAX), rule, sender: false }
    }

    /// The same for a value that is judged as a whole.
    pub(crate) const fn at_start(rule: Rule) -> Self {
        Self { offset: 0, rule, sender: false }
    }

    /// The same for a rule broken inside a reverse-path, which has an enhanced code of its own.
    pub(crate) const fn of_sender(self) -> Self {
        Self { sender: true, ..self }
    }

    /// The same under the name of another rule.
    pub(crate) const fn as_rule(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }

    /// The same for what stood `by` octets into something longer.
    pub(crate) fn shifted(self, by: usize) -> Self {
        let by = u32::try_from(by).unwrap_or(u32::MAX);
        Self { offset: self.offset.saturating_add(by), ..self }
    }

    /// The rule that was broken.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// Where, in octets from the start of the line (or of the value, when a value was parsed).
    #[must_use]
    pub fn offset(&self) -> usize {
        usize::try_from(self.offset).unwrap_or(usize::MAX)
    }

    /// The reply a server gives: `501 5.1.7` for a reverse-path, `501 5.1.3` for a forward-path,
    /// `500 5.5.2` or `501 5.5.4` for most of the rest (RFC 5321 section 4.2.4; RFC 3463).
    #[must_use]
    pub fn rejection(&self) -> Rejection<'static> {
        let (code, mut subject, mut detail, text) = self.rule.reply();
        if self.sender && (subject, detail) == (1, 3) {
            (subject, detail) = (1, 7);
        }
        let rejection = || Rejection::permanent(subject, detail, text);
        Code::new(code).and_then(|code| rejection().with_code(code).ok()).unwrap_or_else(rejection)
    }
}

#[cfg(test)]
mod tests;
