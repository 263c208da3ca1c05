//! From whom and to whom a message goes: by the options, or by its own fields.

use mail_parser::MessageParser;
use smtp_proto::{client::EnvelopeBuf, path::MailboxBuf};

use crate::{args, exit::Failure, source::Source};

/// The addresses of a transaction, as they are typed or stand in the message.
#[derive(Debug)]
pub(super) struct Addresses {
    /// Empty for the null reverse-path.
    pub(super) from: String,
    pub(super) to: Vec<String>,
}

impl Addresses {
    /// Those of the options, and with `--read-recipients` those of the message.
    pub(super) fn of(arguments: &args::Send, message: Option<&Source>) -> Result<Self, Failure> {
        let given = arguments.from.clone();
        let Some(message) = message.filter(|_| arguments.read_recipients) else {
            return Ok(Self { from: given.unwrap_or_default(), to: arguments.to.clone() });
        };
        let read = MessageParser::new().parse_headers(message.header()?);
        let read = read.ok_or_else(|| Failure::data("the message has no header section"))?;
        let envelope = EnvelopeBuf::try_from(&read).map_err(Failure::data)?;
        let own = || envelope.reverse_path().mailbox().map_or("", |from| from.as_str()).to_owned();
        Ok(Self {
            from: given.unwrap_or_else(own),
            to: envelope.mailboxes().iter().map(MailboxBuf::to_string).collect(),
        })
    }
}
