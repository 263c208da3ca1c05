//! From the header section of a message to its envelope (RFC 5322 section 3.6).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::EnvelopeBuf;
use crate::{
    error::ParseError,
    path::{Mailbox, MailboxBuf},
    relay::HostName,
};

/// Why a message has no envelope, and which of its fields is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct EnvelopeError {
    /// The name of the field, as RFC 5322 spells it.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: EnvelopeProblem,
}

/// What is wrong with a field that the envelope is made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeProblem {
    /// The message has none.
    #[error("the message has no such field")]
    Missing,
    /// The message has more than one (RFC 5322 section 3.6).
    #[error("the message has more than one such field")]
    Repeated,
    /// There is no address in it.
    #[error("no address")]
    NoAddress,
    /// There are several addresses in it: in the field of authors without one that says who of them has
    /// sent the message (RFC 5322 section 3.6.2).
    #[error("several addresses, and not one sender")]
    SeveralAddresses,
    /// There is no recipient in this field, nor in those for copies.
    #[error("no recipient, nor in the fields for copies")]
    NoRecipient,
    /// Something that mail cannot be sent to.
    #[error("{text:?}: {error}")]
    Address {
        /// What stands there.
        text: String,
        /// What is wrong with it.
        error: ParseError,
    },
    /// What stands there cannot be read as addresses.
    #[error("{text:?} is no address")]
    Unreadable {
        /// What stands there, as far as it is known.
        text: String,
    },
}

/// An address as it stands in a field, or why it cannot be used.
pub(super) type Entry<'f> = Result<&'f str, EnvelopeProblem>;

/// Fields that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sender,
    From,
    Recipients,
    /// The date or the id of a block of resent fields.
    Mark,
    /// What is put in front of a block (RFC 5322 section 3.6.7).
    Trace,
}

/// Names, whether they are of a block of resent fields, and what they are.
const NAMES: [(&str, bool, Kind); 14] = [
    ("Sender", false, Kind::Sender),
    ("From", false, Kind::From),
    ("To", false, Kind::Recipients),
    ("Cc", false, Kind::Recipients),
    ("Bcc", false, Kind::Recipients),
    ("Resent-Sender", true, Kind::Sender),
    ("Resent-From", true, Kind::From),
    ("Resent-To", true, Kind::Recipients),
    ("Resent-Cc", true, Kind::Recipients),
    ("Resent-Bcc", true, Kind::Recipients),
    ("Resent-Date", true, Kind::Mark),
    ("Resent-Message-ID", true, Kind::Mark),
    ("Received", false, Kind::Trace),
    ("Return-Path", false, Kind::Trace),
];

struct Field<V> {
    name: &'static str,
    resent: bool,
    kind: Kind,
    value: V,
}

impl<V> Field<V> {
    fn of(name: &str, value: V) -> Option<Self> {
        let known = NAMES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
        known.map(|(name, resent, kind)| Self { name, resent: *resent, kind: *kind, value })
    }
}

impl EnvelopeBuf {
    /// Makes the envelope of the fields of a message, in their order: the name of each with the addresses
    /// that stand in it, without the names of people and groups, `local-part@domain`. Other fields may be
    /// among them or not, but for `Received:` and `Return-Path:`, which part blocks of resent fields.
    ///
    /// - The reverse-path is the address of `Sender:`, or of `From:` where there is no other author (RFC
    ///   5322 section 3.6.2).
    /// - The recipients are those of `To:`, `Cc:` and `Bcc:`, each once: domains are compared as domains.
    /// - In a message that was resent, the fields of the latest, uppermost block of `Resent-` fields take
    ///   their place, all of them (RFC 5322 section 3.6.6). A block ends where a field comes a second time
    ///   and at a trace field.
    ///
    /// The domains of addresses may be beyond ASCII as people type them; with the feature `idna` they are
    /// mapped (RFC 5895).
    ///
    /// ```
    /// # use smtp_proto::client::EnvelopeBuf;
    /// let envelope = EnvelopeBuf::from_fields([
    ///     ("From", vec!["tim@example.org"]),
    ///     ("To", vec!["ann@example.net", "bob@example.com"]),
    ///     ("Cc", vec!["ann@Example.NET"]),
    /// ])?;
    /// assert_eq!(envelope.mailboxes().len(), 2);
    ///
    /// let error = EnvelopeBuf::from_fields([("From", vec!["tim@example.org"]), ("To", vec!["ann"])]);
    /// assert!(error.unwrap_err().to_string().starts_with("To: \"ann\": "));
    /// # Ok::<(), smtp_proto::client::EnvelopeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`]: the field at fault, and what is wrong with it. Fields that nothing is taken of are
    /// not looked at.
    pub fn from_fields<'f, A: IntoIterator<Item = &'f str>>(
        fields: impl IntoIterator<Item = (&'f str, A)>,
    ) -> Result<Self, EnvelopeError> {
        let fields = fields.into_iter();
        Self::of(fields.map(|(name, addresses)| (name, addresses.into_iter().map(Ok).collect())))
    }

    /// The same of addresses of which some may be of no use.
    pub(super) fn of<'f>(
        fields: impl IntoIterator<Item = (&'f str, Vec<Entry<'f>>)>,
    ) -> Result<Self, EnvelopeError> {
        let known = |(name, value)| Field::of(name, value);
        let mut fields: Vec<Field<Vec<Entry<'f>>>> = fields.into_iter().filter_map(known).collect();
        let resent = fields.iter().any(|field| field.resent);
        match resent {
            true => fields = latest_block(fields),
            false => fields.retain(|field| !field.resent),
        }
        let reverse_path = sender(&fields, resent)?;
        let mut recipients = Vec::new();
        for field in fields.iter().filter(|field| field.kind == Kind::Recipients) {
            recipients.extend(mailboxes(field)?);
        }
        if recipients.is_empty() {
            let field = if resent { "Resent-To" } else { "To" };
            return Err(EnvelopeError { field, problem: EnvelopeProblem::NoRecipient });
        }
        Ok(Self::new(Some(reverse_path), recipients))
    }
}

/// The resent fields of the block that was put in front of the others.
fn latest_block<V>(fields: Vec<Field<V>>) -> Vec<Field<V>> {
    let mut block: Vec<Field<V>> = Vec::new();
    for field in fields {
        let over = match field.kind {
            Kind::Trace => !block.is_empty(),
            _ => field.resent && block.iter().any(|known| known.name == field.name),
        };
        if over {
            break;
        }
        if field.resent {
            block.push(field);
        }
    }
    block
}

/// Whom the message is from (RFC 5322 section 3.6.2).
fn sender(fields: &[Field<Vec<Entry<'_>>>], resent: bool) -> Result<MailboxBuf, EnvelopeError> {
    let only = |kind| {
        let mut found = fields.iter().filter(|field| field.kind == kind);
        let first = found.next();
        match (first, found.next()) {
            (Some(field), Some(_)) => Err(error(field, EnvelopeProblem::Repeated)),
            _ => Ok(first),
        }
    };
    let field = match only(Kind::Sender)? {
        Some(sender) => Some(sender),
        None => only(Kind::From)?,
    };
    let Some(field) = field else {
        let field = if resent { "Resent-From" } else { "From" };
        return Err(EnvelopeError { field, problem: EnvelopeProblem::Missing });
    };
    let mut found = mailboxes(field)?.into_iter();
    match (found.next(), found.next()) {
        (Some(mailbox), None) => Ok(mailbox),
        (None, _) => Err(error(field, EnvelopeProblem::NoAddress)),
        (Some(_), Some(_)) => Err(error(field, EnvelopeProblem::SeveralAddresses)),
    }
}

fn error<V>(field: &Field<V>, problem: EnvelopeProblem) -> EnvelopeError {
    EnvelopeError { field: field.name, problem }
}

fn mailboxes(field: &Field<Vec<Entry<'_>>>) -> Result<Vec<MailboxBuf>, EnvelopeError> {
    let read = |entry: &Entry<'_>| match entry {
        Ok(text) => mailbox(text),
        Err(problem) => Err(problem.clone()),
    };
    let read = field.value.iter().map(read).collect::<Result<_, _>>();
    read.map_err(|problem| error(field, problem))
}

fn mailbox(text: &str) -> Result<MailboxBuf, EnvelopeProblem> {
    let why = match Mailbox::parse(text) {
        Ok(mailbox) => return Ok(mailbox.into()),
        Err(why) => why,
    };
    // In U-labels as people type them, which are not those that may be sent.
    let mapped = match text.rsplit_once('@') {
        Some((local, domain)) if !domain.is_ascii() => HostName::parse(domain)
            .and_then(|domain| alloc::format!("{local}@{domain}").parse::<MailboxBuf>()),
        _ => Err(why),
    };
    mapped.map_err(|_| EnvelopeProblem::Address { text: text.to_string(), error: why })
}
