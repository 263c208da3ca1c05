//! What came in.

use bytes::Bytes;

use crate::session::Facts;

/// A message that came whole to a [scripted server](super::ScriptedServer), whatever it was answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Letter {
    /// From whom, with angle brackets; `<>` for delivery reports.
    pub reverse_path: String,
    /// The parameters of MAIL as they were written, `SIZE=23 BODY=8BITMIME`; empty without any.
    /// [`MailParameters::parse`](smtp_proto::parameter::MailParameters::parse) reads them.
    pub parameters: String,
    /// To whom: those that were accepted, in their order.
    pub recipients: Vec<Addressee>,
    /// The content, dots removed, with CRLF for line ends.
    pub content: Bytes,
    /// What was known of the session when the message was there.
    pub facts: Facts,
}

/// A recipient of a [`Letter`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Addressee {
    /// To whom, with angle brackets.
    pub forward_path: String,
    /// The parameters of RCPT as they were written, `NOTIFY=NEVER`; empty without any.
    pub parameters: String,
    /// What was answered to the message, without the last line end: in LMTP to this recipient, in SMTP to
    /// all. None where the script let nothing be said.
    pub reply: Option<String>,
}

impl Letter {
    /// The forward-paths of all recipients.
    pub fn to(&self) -> Vec<&str> {
        self.recipients.iter().map(|to| to.forward_path.as_str()).collect()
    }

    /// Whether the message was accepted for all its recipients.
    pub fn is_accepted(&self) -> bool {
        self.recipients.iter().all(Addressee::is_accepted)
    }
}

impl Addressee {
    /// Whether the message was accepted for this one: by a reply 2yz.
    pub fn is_accepted(&self) -> bool {
        self.reply.as_deref().is_some_and(|reply| reply.starts_with('2'))
    }
}
