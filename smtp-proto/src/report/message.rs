//! The whole message of a report.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use bytes::Bytes;

use super::original::Form;
use super::{Action, Original, Recipient, ReportEnvelope, fields, transfer};
use crate::client::Content;
use crate::date::Date;
use crate::domain::Host;
use crate::parameter::Body;
use crate::trace::HeaderScanner;
use crate::trace::fold::{Charset, Field};
use crate::trace::message_id;

/// An original of more octets than this comes back as its header only, unless said otherwise.
pub const MAX_RETURNED: u64 = 64 * 1024;

/// One report: all that the sender of a message is told at a time (RFC 3461 section 5.2.8; T-28).
#[derive(Clone, Debug)]
pub struct Report<'a> {
    original: Original<'a>,
    reporting: Host<'a>,
    date: Date,
    unique: &'a str,
    recipients: Vec<Recipient<'a>>,
    text: Option<&'a str>,
    max_returned: u64,
}

/// How much of the original a report gives back (T-24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Returned {
    /// All of it.
    Full,
    /// The header section.
    Headers,
}

/// A report, ready to be sent.
#[derive(Clone, Debug)]
pub struct ReportMessage {
    /// The octets of the original are among these without a copy.
    pieces: Vec<Bytes>,
    content: Content,
}

impl<'a> Report<'a> {
    /// An empty report from `reporting`, the full name of this host.
    ///
    /// `unique` names the report: it becomes its Message-ID and the boundary between its parts. Take
    /// it from a good random source, sixteen octets or so, in letters and digits: who can guess it
    /// can write a message that looks like more than one part when it comes back.
    #[must_use]
    pub const fn new(
        original: Original<'a>,
        reporting: Host<'a>,
        date: Date,
        unique: &'a str,
    ) -> Self {
        Self {
            original,
            reporting,
            date,
            unique,
            recipients: Vec::new(),
            text: None,
            max_returned: MAX_RETURNED,
        }
    }

    /// Adds a recipient, if NOTIFY does not forbid to tell of it at all: those without a right to a
    /// report are left out (RFC 3461 section 5.2.8). Ask [`Event::report`](super::Event::report)
    /// whether one is due.
    pub fn push(&mut self, recipient: Recipient<'a>) -> &mut Self {
        use crate::parameter::Notify;

        if recipient.parameters.notify() != Some(Notify::NEVER) {
            self.recipients.push(recipient);
        }
        self
    }

    /// Another text for people, at the beginning, in place of the English one: any number of lines.
    pub const fn text(&mut self, text: &'a str) -> &mut Self {
        self.text = Some(text);
        self
    }

    /// Originals of more octets than this come back as their header only; 64 KiB by default.
    pub const fn max_returned(&mut self, octets: u64) -> &mut Self {
        self.max_returned = octets;
        self
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.recipients.is_empty()
    }

    /// Whom it goes to; `None` when there is nothing to tell, or nobody to tell it: then the local
    /// postmaster may be told, in a way that does not make reports (T-15).
    #[must_use]
    pub fn envelope(&self) -> Option<ReportEnvelope<'a>> {
        if self.is_empty() { None } else { ReportEnvelope::of(&self.original) }
    }

    /// How much of an original of so many octets comes back: all if the sender asked for it, a
    /// failure is told, and it is no larger than it may be and no binary; else the header (RFC 3461
    /// section 4.3, 6.2; RFC 8689 section 5).
    #[must_use]
    pub fn returned(&self, octets: u64) -> Returned {
        let failed = self.recipients.iter().any(|recipient| recipient.action == Action::Failed);
        let binary = self.original.parameters.body() == Some(Body::BinaryMime);
        if self.original.wants_all() && failed && !binary && octets <= self.max_returned {
            Returned::Full
        } else {
            Returned::Headers
        }
    }

    /// The whole message. `content` is the original's, in pieces; without any, none comes back.
    #[must_use]
    pub fn write(&self, content: &[Bytes]) -> ReportMessage {
        let form = self.original.form();
        let size = content.iter().map(|piece| u64::try_from(piece.len()).unwrap_or(u64::MAX)).sum();
        let returned = self.returned(size);
        let original = match returned {
            Returned::Full => content.to_vec(),
            Returned::Headers => header_of(content),
        };
        let boundary = boundary(self.unique);
        let eight_bit = form != Form::Encoded && !original.iter().all(|piece| piece.is_ascii());
        let mut parts = String::with_capacity(2048);
        self.write_text(&boundary, form, &mut parts);
        self.write_status(&boundary, form, &mut parts);
        let mut pieces = Vec::with_capacity(original.len() + 2);
        let mut tail = String::new();
        if !original.is_empty() {
            open_original(&boundary, returned, form, eight_bit, &mut parts);
            if form == Form::Encoded {
                parts.push_str(&transfer::base64(&original));
            }
        }
        // What is around parts of 8 bits is of 8 bits (RFC 2045 section 6.4).
        let seven_bit = parts.is_ascii() && !eight_bit && form != Form::Utf8;
        let smtputf8 = form == Form::Utf8;
        let mut head = String::with_capacity(512 + parts.len());
        self.write_header(&boundary, seven_bit, &mut head);
        head.push_str(&parts);
        pieces.push(Bytes::from(head));
        if form != Form::Encoded {
            pieces.extend(original);
        }
        // The line end in front of a boundary belongs to it (RFC 2046 section 5.1.1).
        tail.push_str("\r\n--");
        tail.push_str(&boundary);
        tail.push_str("--\r\n");
        pieces.push(Bytes::from(tail));
        let size = pieces.iter().map(|piece| u64::try_from(piece.len()).unwrap_or(u64::MAX)).sum();
        let body = if seven_bit { Body::SevenBit } else { Body::EightBitMime };
        ReportMessage { pieces, content: Content { size: Some(size), body, smtputf8 } }
    }

    /// The header of the report itself (T-29).
    fn write_header(&self, boundary: &str, seven_bit: bool, out: &mut String) {
        let charset = Charset::of(self.original.form() == Form::Utf8);
        let mut one = |name: &str, words: &[&str]| {
            let mut field = Field::new(out, name, charset);
            for word in words {
                field.word(word);
            }
            field.end();
        };
        let to = self.original.reverse_path.to_string();
        one("Date", &[&self.date.to_string()]);
        let from = alloc::format!("<postmaster@{}>", self.reporting);
        one("From", &["Mail", "Delivery", "System", &from]);
        one("To", &[&to]);
        one("Message-ID", &[&message_id(self.unique, self.reporting)]);
        one("Subject", &[self.subject()]);
        one("Auto-Submitted", &["auto-replied"]);
        one("MIME-Version", &["1.0"]);
        let boundary = alloc::format!("boundary=\"{boundary}\"");
        one("Content-Type", &["multipart/report;", "report-type=delivery-status;", &boundary]);
        if !seven_bit {
            one("Content-Transfer-Encoding", &["8bit"]);
        }
        out.push_str("\r\n");
    }

    fn subject(&self) -> &'static str {
        let has = |action| self.recipients.iter().any(|recipient| recipient.action == action);
        if has(Action::Failed) {
            "Undelivered mail"
        } else if has(Action::Delayed) {
            "Delayed mail, still being tried"
        } else {
            "Delivery report"
        }
    }

    /// The part for people.
    fn write_text(&self, boundary: &str, form: Form, out: &mut String) {
        let utf8 = form == Form::Utf8 || self.text.is_some_and(|text| !text.is_ascii());
        let (charset, encoding) = if utf8 { ("utf-8", "8bit") } else { ("us-ascii", "7bit") };
        out.push_str(&alloc::format!(
            "--{boundary}\r\nContent-Type: text/plain; charset={charset}\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\r\n"
        ));
        let charset = Charset::of(utf8);
        match self.text {
            Some(text) => paragraphs(text, charset, out),
            None => {
                let host = alloc::format!("This is the mail system of {}.", self.reporting);
                paragraphs(&host, charset, out);
            }
        }
        for action in Action::ALL {
            let mut group = self.recipients.iter().filter(|of| of.action == action).peekable();
            if group.peek().is_none() {
                continue;
            }
            out.push_str("\r\n");
            paragraphs(sentence(action), charset, out);
            for recipient in group {
                let (_, address) = fields::final_recipient(recipient.path, self.reporting, form);
                let mut line = Field::paragraph(out, "   ", charset);
                line.show(format_args!("<{address}>:")).show(recipient.status);
                line.text(&recipient.reason());
                line.end();
            }
        }
    }

    /// The part for machines.
    fn write_status(&self, boundary: &str, form: Form, out: &mut String) {
        let (subtype, encoding) = match form {
            Form::Utf8 => ("global-delivery-status", "8bit"),
            Form::Plain | Form::Encoded => ("delivery-status", "7bit"),
        };
        out.push_str(&alloc::format!(
            "\r\n--{boundary}\r\nContent-Type: message/{subtype}\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\r\n"
        ));
        fields::of_message(&self.original, self.reporting, out);
        for (index, recipient) in self.recipients.iter().enumerate() {
            if index > 0 {
                out.push_str("\r\n");
            }
            fields::of_recipient(recipient, self.reporting, form, out);
        }
    }
}

impl Recipient<'_> {
    /// Why, for people: in one line.
    fn reason(&self) -> String {
        use super::recipient::Diagnostic;

        match (&self.diagnostic, self.remote) {
            (Some(Diagnostic::Reply(reply)), Some(host)) => alloc::format!("{host} said: {reply}"),
            (Some(Diagnostic::Reply(reply)), None) => reply.to_string(),
            (Some(Diagnostic::Local(text)), Some(host)) => alloc::format!("{host}: {text}"),
            (Some(Diagnostic::Local(text)), None) => text.clone(),
            (None, Some(host)) => alloc::format!("by way of {host}"),
            (None, None) => String::new(),
        }
    }
}

impl ReportMessage {
    /// The octets, in pieces.
    #[must_use]
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// The octets in one piece, copied.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// What a transaction must know of it: its size, 8-bit or not, and whether it needs SMTPUTF8.
    #[must_use]
    pub const fn content(&self) -> Content {
        self.content
    }
}

/// Begins the part with the original.
fn open_original(
    boundary: &str,
    returned: Returned,
    form: Form,
    eight_bit: bool,
    out: &mut String,
) {
    let kind = match (returned, form) {
        (Returned::Full, Form::Plain) => "message/rfc822",
        (Returned::Headers, Form::Plain) => "text/rfc822-headers",
        (Returned::Full, _) => "message/global",
        (Returned::Headers, _) => "message/global-headers",
    };
    let encoding = match form {
        Form::Encoded => "base64",
        _ if eight_bit => "8bit",
        _ => "7bit",
    };
    out.push_str(&alloc::format!(
        "\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    ));
}

/// The pieces up to the end of the header section.
fn header_of(content: &[Bytes]) -> Vec<Bytes> {
    let mut scanner = HeaderScanner::new();
    for piece in content {
        scanner.scan(piece);
        if scanner.has_ended() {
            break;
        }
    }
    let mut left = usize::try_from(scanner.octets()).unwrap_or(usize::MAX);
    let mut header = Vec::new();
    for piece in content {
        if left == 0 {
            break;
        }
        let now = left.min(piece.len());
        header.push(piece.slice(..now));
        left -= now;
    }
    header
}

fn sentence(action: Action) -> &'static str {
    match action {
        Action::Failed => "Your message could not be delivered to these recipients:",
        Action::Delayed => {
            "Your message could not be delivered to these recipients so far. It will be tried \
             again; there is no need to send it again:"
        }
        Action::Delivered => "Your message was delivered to these recipients:",
        Action::Relayed => {
            "Your message was passed on for these recipients, to where no report of its delivery \
             may come from:"
        }
        Action::Expanded => "Your message was passed on to the members of these addresses:",
    }
}

fn paragraphs(text: &str, charset: Charset, out: &mut String) {
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            None => out.push_str("\r\n"),
            Some(first) => {
                let mut paragraph = Field::paragraph(out, first, charset);
                words.for_each(|word| {
                    paragraph.word(word);
                });
                paragraph.end();
            }
        }
    }
}

/// `boundary := 0*69<bchars> bcharsnospace`, with `=_` in it, which encoded text never has (RFC 2045
/// section 6.7).
fn boundary(unique: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let unique: String = unique.chars().take(60).map(fits).collect();
    alloc::format!("=_{unique}")
}
