//! An envelope that owns its addresses.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Envelope, Recipient};
use crate::{
    domain::{AddressLiteral, Host},
    parameter::Parameters,
    path::{Mailbox, MailboxBuf, ReversePath},
    relay::HostName,
};

/// From whom, and to whom, each recipient once: an [`Envelope`] that owns its addresses, as it is made of
/// a message by [`from_fields`](Self::from_fields), or with the features `mail-parser` and `mail-builder`
/// of the messages of those crates:
///
#[cfg_attr(feature = "mail-parser", doc = "```")]
#[cfg_attr(not(feature = "mail-parser"), doc = "```ignore")]
/// use mail_parser::MessageParser;
/// use smtp_proto::client::EnvelopeBuf;
///
/// let octets = "From: Tim <tim@example.org>\r\nTo: Ann <ann@example.net>, ann@EXAMPLE.net\r\n\
///     Bcc: board: bob@example.com;\r\nSubject: hi\r\n\r\nHello!\r\n";
/// let message = MessageParser::new().parse(octets).ok_or("no message")?;
/// let envelope = EnvelopeBuf::try_from(&message)?;
/// assert_eq!(envelope.reverse_path().to_string(), "<tim@example.org>");
/// let recipients = envelope.recipients();
/// let paths: Vec<_> = recipients.iter().map(|to| to.path.to_string()).collect();
/// assert_eq!(paths, ["<ann@example.net>", "<bob@example.com>"]);
/// // What a client sends, with the content `WithoutFields::bcc()` leaves.
/// let envelope = envelope.envelope(&recipients);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A composed message is written after its envelope was made:
///
#[cfg_attr(feature = "mail-builder", doc = "```")]
#[cfg_attr(not(feature = "mail-builder"), doc = "```ignore")]
/// use mail_builder::MessageBuilder;
/// use smtp_proto::client::EnvelopeBuf;
///
/// let message = MessageBuilder::new()
///     .from(("Tim", "tim@example.org"))
///     .to(vec![("Ann", "ann@example.net"), ("Bob", "bob@example.com")])
///     .text_body("Hello!");
/// let envelope = EnvelopeBuf::try_from(&message)?;
/// let content = message.write_to_vec()?;
/// assert_eq!(envelope.mailboxes().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Whether the content is 8-bit, its size, and whether its header needs SMTPUTF8 is not said here:
/// [`Survey`](crate::client::Survey) looks it up in the octets. An address that needs SMTPUTF8 is seen by
/// the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeBuf {
    reverse_path: Option<MailboxBuf>,
    mailboxes: Vec<MailboxBuf>,
}

impl EnvelopeBuf {
    /// From this mailbox, or with `None` the null reverse-path, to these. Of equal recipients the first
    /// one stays.
    #[must_use]
    pub fn new(
        reverse_path: Option<MailboxBuf>,
        recipients: impl IntoIterator<Item = MailboxBuf>,
    ) -> Self {
        let mut known = BTreeSet::new();
        let new = |mailbox: &MailboxBuf| known.insert(key(mailbox.as_mailbox()));
        Self { reverse_path, mailboxes: recipients.into_iter().filter(new).collect() }
    }

    /// The reverse-path.
    #[must_use]
    pub fn reverse_path(&self) -> ReversePath<'_> {
        match &self.reverse_path {
            Some(mailbox) => mailbox.as_mailbox().into(),
            None => ReversePath::Null,
        }
    }

    /// The recipients.
    #[must_use]
    pub fn mailboxes(&self) -> &[MailboxBuf] {
        &self.mailboxes
    }

    /// The recipients as a client takes them, without parameters.
    #[must_use]
    pub fn recipients(&self) -> Vec<Recipient<'_>> {
        self.mailboxes.iter().map(|mailbox| mailbox.as_mailbox().into()).collect()
    }

    /// What a client sends by, with the [`recipients`](Self::recipients), or some of them, or those with
    /// parameters.
    #[must_use]
    pub fn envelope<'e>(&'e self, recipients: &'e [Recipient<'e>]) -> Envelope<'e> {
        let parameters = Parameters::EMPTY;
        Envelope { reverse_path: self.reverse_path(), parameters, recipients }
    }
}

/// The same for equal mailboxes, and for no others.
fn key(mailbox: Mailbox<'_>) -> (String, String) {
    let local = mailbox.local_part();
    let local = match local.is_postmaster() {
        true => "postmaster".into(),
        false => local.unquoted().collect(),
    };
    let host = match mailbox.host() {
        Host::Domain(domain) => HostName::from(domain).as_str().into(),
        // Of a literal whose form nobody has defined, the tag alone is the same in either case.
        Host::Literal(AddressLiteral::General(literal)) => {
            format!("{}:{}", literal.tag().to_ascii_lowercase(), literal.content())
        }
        Host::Literal(literal) => literal.to_string(),
    };
    (local, host)
}
