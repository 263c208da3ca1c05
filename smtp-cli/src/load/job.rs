//! What is sent: the addresses and the message.

use bytes::Bytes;
use smtp_proto::{
    client::{Chunking, Recipient, Surveyed, TransactionOptions},
    path::{ForwardPath, Mailbox, ReversePath},
};

use crate::{
    args::{ChunkingUse, Load},
    exit::Failure,
    session::{forward_path, reverse_path},
};

/// What every message of a run is.
#[derive(Debug)]
pub(super) struct Job {
    from: String,
    to: Vec<String>,
    pub(super) message: Surveyed,
    pub(super) options: TransactionOptions,
}

impl Job {
    /// As the options have it. What is here can be parsed.
    pub(super) fn of(arguments: &Load) -> Result<Self, Failure> {
        reverse_path(&arguments.from)?;
        let to = recipients(&arguments.to, arguments.recipients)?;
        let message = match &arguments.message {
            Some(path) => Bytes::from(
                std::fs::read(path)
                    .map_err(|error| Failure::data(format!("{}: {error}", path.display())))?,
            ),
            None => message(&arguments.from, &arguments.to, arguments.size)?,
        };
        let message = Surveyed::from(message);
        let mut options = TransactionOptions::default();
        if arguments.session.chunking == ChunkingUse::Never {
            options.chunking = Chunking::Never;
        }
        let from = arguments.from.clone();
        Ok(Self { from, to, message, options })
    }

    pub(super) fn reverse_path(&self) -> Result<ReversePath<'_>, Failure> {
        reverse_path(&self.from)
    }

    pub(super) fn recipients(&self) -> Result<Vec<Recipient<'_>>, Failure> {
        self.to.iter().map(|address| Ok(forward_path(address)?.into())).collect()
    }
}

/// `count` recipients: the one address, or it with +1, +2, ... behind its local-part.
fn recipients(address: &str, count: u32) -> Result<Vec<String>, Failure> {
    let ForwardPath::Mailbox(mailbox) = forward_path(address)? else {
        return if count == 1 {
            Ok(vec![address.to_owned()])
        } else {
            Err(Failure::usage(format!(
                "--to {address}: there is only one; --recipients needs more"
            )))
        };
    };
    if count == 1 {
        return Ok(vec![address.to_owned()]);
    }
    let numbered = |number: u32| {
        let local = mailbox.local_part();
        let (local, quote) = match local.as_str().strip_suffix('"') {
            Some(open) => (open, "\""),
            None => (local.as_str(), ""),
        };
        let address = format!("{local}+{number}{quote}@{}", mailbox.host());
        Mailbox::parse(&address)
            .map(|_| ())
            .map_err(|error| Failure::data(format!("--to {address}: {error}")))?;
        Ok(address)
    };
    (1..=count).map(numbered).collect()
}

/// A message of `size` octets.
fn message(from: &str, to: &str, size: usize) -> Result<Bytes, Failure> {
    const LINE: &[u8] =
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcd";
    let mut octets = format!("From: <{from}>\r\nTo: <{to}>\r\nSubject: load\r\n\r\n").into_bytes();
    // One octet is no line.
    let least = octets.len() + 2;
    if size < least {
        return Err(Failure::usage(format!(
            "--size {size}: with its header it has at least {least}"
        )));
    }
    while octets.len() < size {
        let left = size - octets.len();
        let line = LINE.len() + 2;
        let take = match left {
            _ if left <= line => left,
            // Nor may one be left behind this line.
            _ if left == line + 1 => line - 1,
            _ => line,
        };
        octets.extend_from_slice(&LINE[..take - 2]);
        octets.extend_from_slice(b"\r\n");
    }
    Ok(octets.into())
}

#[cfg(test)]
mod tests {
    use smtp_proto::client::Survey;

    use super::*;

    #[test]
    fn a_message_has_the_size_that_is_asked_for_and_whole_lines() {
        let least = message("a@x.example", "b@y.example", 0).err().unwrap();
        let least: usize = least.message.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(message("a@x.example", "b@y.example", least - 1).is_err());
        for size in least..least + 500 {
            let octets = message("a@x.example", "b@y.example", size).unwrap();
            assert_eq!(octets.len(), size);
            let mut survey = Survey::default();
            survey.read(&octets);
            assert_eq!(survey.bare_newlines(), 0, "{size}");
            assert!(octets.ends_with(b"\r\n"));
            assert!(octets.split(|octet| *octet == b'\n').all(|line| line.len() <= 79));
        }
    }

    #[test]
    fn recipients_are_numbered_where_there_are_more() {
        assert_eq!(recipients("b@y.example", 1).unwrap(), ["b@y.example"]);
        assert_eq!(recipients("b@y.example", 2).unwrap(), ["b+1@y.example", "b+2@y.example"]);
        assert_eq!(recipients("\"b c\"@y.example", 2).unwrap()[1], "\"b c+2\"@y.example");
        assert_eq!(recipients("postmaster", 1).unwrap(), ["postmaster"]);
        assert!(recipients("postmaster", 2).is_err());
        assert!(recipients("nobody", 1).is_err());
    }
}
