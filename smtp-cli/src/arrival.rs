//! A message as it arrives: what is put in front of it, taken out of it and counted in it, by the
//! rules of `smtp_proto::trace`.

use std::{io, time::SystemTime};

use bytes::Bytes;
use smtp_frontend::Facts;
use smtp_proto::{
    answer::Rejection,
    date::Date,
    domain::Host,
    path::{ForwardPath, MailboxBuf, ReversePath},
    trace::{HeaderScanner, MAX_HOPS, Received, ReturnPath, WithoutFields},
};

use crate::maildir::Incoming;

/// A header section longer than this is not held until it is known what it lacks.
const MAX_HEADER: usize = 64 * 1024;

/// What is known of a transaction.
#[derive(Debug)]
pub(crate) struct Transaction<'t> {
    /// The name of this host.
    pub(crate) host: &'t str,
    /// None for the null reverse-path.
    pub(crate) reverse_path: Option<&'t MailboxBuf>,
    /// The forward-paths, in brackets.
    pub(crate) recipients: Vec<&'t str>,
    pub(crate) smtputf8: bool,
    pub(crate) facts: &'t Facts,
}

/// A message that is being written.
#[derive(Debug)]
pub(crate) struct Arrival {
    message: Incoming,
    old_fields: WithoutFields,
    header: HeaderScanner,
    /// What is held back of a submission until it is known which fields it lacks.
    submission: Option<Vec<Bytes>>,
    held: usize,
    host: String,
    date: Date,
}

impl Arrival {
    /// Writes the trace fields of a message that begins.
    pub(crate) fn begin(mut message: Incoming, transaction: &Transaction<'_>) -> io::Result<Self> {
        let date = Date::utc(SystemTime::now().into());
        let fields = trace_fields(transaction, message.name(), date);
        message.write(fields.as_bytes())?;
        Ok(Self {
            message,
            old_fields: WithoutFields::return_path(),
            header: HeaderScanner::new(),
            submission: transaction.facts.identity.is_some().then(Vec::new),
            held: 0,
            host: transaction.host.to_owned(),
            date,
        })
    }

    /// The next octets of the message.
    pub(crate) fn write(&mut self, octets: Bytes) -> io::Result<()> {
        self.header.scan(&octets);
        let mut kept = Vec::new();
        self.old_fields.pass(octets, |octets| kept.push(octets));
        for octets in kept {
            self.keep(octets)?;
        }
        if self.header.has_ended() || self.held > MAX_HEADER {
            self.complete()?;
        }
        Ok(())
    }

    fn keep(&mut self, octets: Bytes) -> io::Result<()> {
        match &mut self.submission {
            Some(held) => {
                self.held += octets.len();
                held.push(octets);
                Ok(())
            }
            None => self.message.write(&octets),
        }
    }

    /// A submission gets the fields it lacks (RFC 6409 section 8).
    fn complete(&mut self) -> io::Result<()> {
        let Some(held) = self.submission.take() else { return Ok(()) };
        if let (true, Ok(host)) = (self.header.has_ended(), Host::parse(&self.host)) {
            let fields = self.header.missing_fields(self.date, self.message.name(), host);
            self.message.write(fields.as_bytes())?;
        }
        held.iter().try_for_each(|octets| self.message.write(octets))
    }

    /// The message is whole; a loop is refused.
    pub(crate) fn finish(mut self) -> io::Result<Result<Incoming, Rejection<'static>>> {
        self.header.finish();
        let mut kept = Vec::new();
        self.old_fields.finish(|octets| kept.push(octets));
        for octets in kept {
            self.keep(octets)?;
        }
        self.complete()?;
        Ok(self.header.check_loop(MAX_HOPS).map(|()| self.message))
    }
}

/// Return-Path and Received.
fn trace_fields(transaction: &Transaction<'_>, id: &str, date: Date) -> String {
    let Transaction { host, reverse_path, recipients, smtputf8, facts } = transaction;
    let reverse_path =
        reverse_path.map_or(ReversePath::Null, |mailbox| mailbox.as_mailbox().into());
    let mut fields = ReturnPath(reverse_path).to_string();
    let Ok(by) = Host::parse(host) else { return fields };
    let mut received = Received::new(by, facts.transmission_type, date)
        .id(id)
        .smtputf8(*smtputf8)
        .recipients(recipients.iter().filter_map(|path| ForwardPath::parse(path).ok()));
    if let Some(hello) = facts.hello_name() {
        received = received.from(hello, facts.peer.map(|peer| peer.ip()));
    }
    let cipher = cipher(facts);
    if let Some(cipher) = &cipher
        && let Ok(with_tls) = received.clone().tls(cipher, None)
    {
        received = with_tls;
    }
    fields.push_str(&received.to_string());
    fields
}

/// The cipher suite by its registered name.
fn cipher(facts: &Facts) -> Option<String> {
    let suite = facts.tls.as_ref()?.cipher?;
    Some(format!("{suite:?}").replacen("TLS13_", "TLS_", 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maildir::Store;

    /// What is stored of a message that comes in pieces of seven octets.
    fn stored(message: &str, identity: Option<&str>) -> Result<String, Rejection<'static>> {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), "mx.example").unwrap();
        let mut facts = Facts::default();
        facts.identity = identity.map(Into::into);
        facts.hello = Some("client.example".into());
        facts.transmission_type = "ESMTP";
        let transaction = Transaction {
            host: "mx.example",
            reverse_path: None,
            recipients: vec!["<bob@example.net>"],
            smtputf8: false,
            facts: &facts,
        };
        let mut arrival = Arrival::begin(store.begin().unwrap(), &transaction).unwrap();
        for piece in message.as_bytes().chunks(7) {
            arrival.write(Bytes::copy_from_slice(piece)).unwrap();
        }
        let incoming = arrival.finish().unwrap()?;
        let path = store.deliver(&incoming, "bob").unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let (trace, rest) = text.split_once(" +0000\r\n").unwrap();
        assert!(trace.starts_with("Return-Path: <>\r\nReceived: from client.example\r\n\tby mx"));
        assert!(trace.contains("\r\n\tfor <bob@example.net>; "), "{trace}");
        Ok(rest.to_owned())
    }

    #[test]
    fn an_old_return_path_goes_and_nothing_is_added_to_the_mail_of_others() {
        let message = "Return-Path: <a@b.example>\r\nSubject: x\r\n\r\nbody\r\n";
        assert_eq!(stored(message, None).unwrap(), "Subject: x\r\n\r\nbody\r\n");
    }

    #[test]
    fn a_submission_gets_what_it_lacks() {
        let text = stored("Subject: x\r\n\r\nbody\r\n", Some("alice")).unwrap();
        let (added, rest) = text.split_once("Subject: x\r\n").unwrap();
        assert!(added.starts_with("Date: ") && added.contains("\r\nMessage-ID: <"), "{added}");
        assert_eq!(rest, "\r\nbody\r\n");
        let whole = "Date: x\r\nMessage-ID: <y>\r\n";
        assert_eq!(stored(whole, Some("alice")).unwrap(), whole);
        let long = format!("X: {}\r\n\r\nbody\r\n", "y".repeat(2 * MAX_HEADER));
        assert_eq!(stored(&long, Some("alice")).unwrap(), long);
    }

    #[test]
    fn a_message_that_goes_round_is_refused() {
        let message = |hops| "Received: x\r\n".repeat(hops) + "\r\nReceived: in the body\r\n";
        assert_eq!(stored(&message(100), None), Err(Rejection::LOOP));
        assert!(stored(&message(99), None).is_ok());
    }
}
