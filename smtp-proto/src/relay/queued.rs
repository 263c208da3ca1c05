//! A transaction that was received and waits to be passed on.

use alloc::{boxed::Box, string::String, string::ToString, vec::Vec};
use core::fmt;
use core::time::Duration;

use crate::client::Content;
use crate::date::Timestamp;
use crate::parameter::{
    AuthParameter, Body, Hold, MailParameters, Parameter, ParameterList, Parameters, RcptParameters,
};
use crate::path::{ForwardPath, ReversePath};
use crate::profile::Syntax;
use crate::trace::HeaderScanner;

/// What a server may have let into an envelope.
const SYNTAX: Syntax = Syntax { underscore_domain: true, ..Syntax::INTERNET };

/// The envelope of a mail object in a queue (RFC 5321 section 2.3.1): what MAIL and RCPT said, octet
/// for octet, when it came, and what is known of the content. The content itself is the
/// application's to keep.
///
/// Shown, it is a few lines of text for a queue's file, and [`parse`](Self::parse) reads them.
///
/// ```
/// # use smtp_proto::{date::Timestamp, parameter::*, path::*, profile::Syntax, relay::Queued};
/// let list = Parameters::parse(b"RET=HDRS ENVID=QQ1", &Syntax::INTERNET)?;
/// let arrived = Timestamp::from_unix(1_767_610_800);
/// let sender = ReversePath::parse("<alice@example.org>")?;
/// let mut queued = Queued::new(sender, MailParameters::parse(list)?, arrived);
/// queued.push(ForwardPath::parse("<bob@example.net>")?, RcptParameters::EMPTY);
/// queued.received(1234, false);
/// assert_eq!(Queued::parse(&queued.to_string()).as_ref(), Ok(&queued));
/// # Ok::<(), smtp_proto::error::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// In brackets.
    reverse_path: Box<str>,
    parameters: Box<str>,
    recipients: Vec<QueuedRecipient>,
    arrived: Timestamp,
    size: Option<u64>,
    has_8bit: bool,
    /// What the header is, once it has been looked at.
    header: Option<Header>,
    tls_optional: bool,
}

/// What the header section asks of those who pass it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// It needs SMTPUTF8.
    Utf8,
    /// It does not, but those of the parts of the body may.
    Composite,
    /// It does not, and there are no others.
    Plain,
}

impl Header {
    const ALL: [Self; 3] = [Self::Utf8, Self::Composite, Self::Plain];

    const fn of(scanned: &HeaderScanner) -> Self {
        match (scanned.is_internationalized(), scanned.is_composite()) {
            (true, _) => Self::Utf8,
            (false, true) => Self::Composite,
            (false, false) => Self::Plain,
        }
    }

    /// As it stands in the text.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Composite => "composite",
            Self::Plain => "plain",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct QueuedRecipient {
    /// In brackets.
    path: Box<str>,
    parameters: Box<str>,
}

/// A text is not what a [`Queued`] is shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a queued envelope")]
pub struct NotQueued;

impl Queued {
    /// A transaction that begins, as its MAIL is accepted.
    ///
    /// What the client was not trusted to say, in AUTH= or MT-PRIORITY=, is kept as what counts in its
    /// place.
    #[must_use]
    pub fn new(
        reverse_path: ReversePath<'_>,
        parameters: MailParameters<'_>,
        arrived: Timestamp,
    ) -> Self {
        Self {
            reverse_path: reverse_path.to_string().into(),
            parameters: trusted(&parameters).as_parameters().as_str().into(),
            recipients: Vec::new(),
            arrived,
            size: None,
            has_8bit: false,
            header: None,
            tls_optional: false,
        }
    }

    /// Adds a recipient, as its RCPT is accepted; its number, counted from 0.
    pub fn push(&mut self, path: ForwardPath<'_>, parameters: RcptParameters<'_>) -> usize {
        self.recipients.push(QueuedRecipient {
            path: path.to_string().into(),
            parameters: parameters.all().as_str().into(),
        });
        self.recipients.len() - 1
    }

    /// The content has come whole: its octets, and whether there are any above 127, as
    /// [`Delivery`](crate::server::Delivery) says. Trace fields that were put in front count too.
    pub const fn received(&mut self, size: u64, has_8bit: bool) {
        self.size = Some(size);
        self.has_8bit = has_8bit;
    }

    /// What the header says: whether it needs SMTPUTF8, and whether TLS is optional.
    ///
    /// A client's SMTPUTF8 is done without where nothing of the content needs it: where it is ASCII, or
    /// where the header is and there are [no others](HeaderScanner::is_composite) in the body. Without this
    /// call it counts.
    pub const fn header(&mut self, header: &HeaderScanner) {
        self.header = Some(Header::of(header));
        self.tls_optional = header.tls_required_no();
    }

    /// The reverse-path.
    #[must_use]
    pub fn reverse_path(&self) -> ReversePath<'_> {
        // It was one when it was put there.
        ReversePath::scan(self.reverse_path.as_bytes(), 0, &SYNTAX)
            .map_or(ReversePath::Null, |(path, _)| path)
    }

    /// The parameters of MAIL.
    #[must_use]
    pub fn parameters(&self) -> MailParameters<'_> {
        let list = list(&self.parameters);
        list.and_then(|list| MailParameters::parse(list).ok()).unwrap_or_default()
    }

    /// The recipients with the parameters of RCPT.
    pub fn recipients(
        &self,
    ) -> impl ExactSizeIterator<Item = (ForwardPath<'_>, RcptParameters<'_>)> + '_ {
        self.recipients.iter().map(QueuedRecipient::read)
    }

    /// A recipient by its number.
    #[must_use]
    pub fn recipient(&self, number: usize) -> Option<(ForwardPath<'_>, RcptParameters<'_>)> {
        self.recipients.get(number).map(QueuedRecipient::read)
    }

    /// When it came.
    #[must_use]
    pub const fn arrived(&self) -> Timestamp {
        self.arrived
    }

    /// What a transaction must know of the content.
    #[must_use]
    pub fn content(&self) -> Content {
        let parameters = self.parameters();
        let body = match parameters.body() {
            Some(Body::BinaryMime) => Body::BinaryMime,
            // What was declared may be less than what came, and more.
            _ if self.has_8bit => Body::EightBitMime,
            _ => Body::SevenBit,
        };
        let ascii = self.size.is_some() && !self.has_8bit;
        let smtputf8 = match self.header {
            Some(Header::Utf8) => true,
            Some(Header::Plain) => false,
            // The client knows what is in the body (RFC 6531 section 3.2).
            Some(Header::Composite) => parameters.smtputf8() && !ascii,
            None => parameters.smtputf8(),
        };
        Content { size: self.size, body, smtputf8 }
    }

    /// Whether the message says `TLS-Required: No`, and nothing that counts more (RFC 8689 section
    /// 4.1).
    #[must_use]
    pub fn tls_required_no(&self) -> bool {
        self.tls_optional && !self.parameters().require_tls()
    }

    /// Which messages go first: the higher (RFC 6710 section 5.1).
    #[must_use]
    pub fn priority(&self) -> i8 {
        self.parameters().mt_priority().unwrap_or_default().value()
    }

    /// Until when the message is held (RFC 4865 section 4); it is not tried before. `None` when it may
    /// go at once.
    #[must_use]
    pub fn held_until(&self) -> Option<Timestamp> {
        let hold = self.parameters().hold()?;
        Some(match hold {
            Hold::For(seconds) => self.arrived.plus(Duration::from_secs(seconds.into())),
            Hold::Until(_) => Timestamp::from_unix(hold.until()?.unix()),
        })
    }

    /// The same envelope with other parts; what is known of the content stays.
    pub(super) fn with(&self, reverse_path: ReversePath<'_>, parameters: &ParameterList) -> Self {
        Self {
            reverse_path: reverse_path.to_string().into(),
            parameters: parameters.as_parameters().as_str().into(),
            recipients: Vec::new(),
            ..self.clone()
        }
    }

    /// Adds a recipient whose parameters were made here.
    pub(super) fn push_with(&mut self, path: ForwardPath<'_>, parameters: &ParameterList) {
        self.recipients.push(QueuedRecipient {
            path: path.to_string().into(),
            parameters: parameters.as_parameters().as_str().into(),
        });
    }

    /// Reads what [`Display`](fmt::Display) has written.
    ///
    /// # Errors
    ///
    /// [`NotQueued`].
    pub fn parse(text: &str) -> Result<Self, NotQueued> {
        let mut lines = text.lines();
        let mail = lines.next().and_then(|line| line.strip_prefix("mail ")).ok_or(NotQueued)?;
        let (path, end) = ReversePath::scan(mail.as_bytes(), 0, &SYNTAX).map_err(|_| NotQueued)?;
        let parameters = behind(mail, end)?;
        let parameters = MailParameters::parse(parameters).map_err(|_| NotQueued)?;
        let mut this = Self::new(path, parameters, Timestamp::from_unix(0));
        let mut arrived = None;
        for line in lines {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("rcpt", rcpt) => {
                    let scanned = ForwardPath::scan(rcpt.as_bytes(), 0, &SYNTAX);
                    let (path, end) = scanned.map_err(|_| NotQueued)?;
                    let parameters = behind(rcpt, end)?;
                    let parameters = RcptParameters::parse(parameters).map_err(|_| NotQueued)?;
                    this.push(path, parameters);
                }
                ("arrived", unix) => {
                    let unix = unix.parse().map_err(|_| NotQueued)?;
                    arrived = Some(Timestamp::from_unix(unix));
                }
                ("size", size) => this.size = Some(size.parse().map_err(|_| NotQueued)?),
                ("8bit", "") => this.has_8bit = true,
                ("header", kind) => {
                    let known = Header::ALL.into_iter().find(|known| known.as_str() == kind);
                    this.header = Some(known.ok_or(NotQueued)?);
                }
                ("tls", "optional") => this.tls_optional = true,
                _ => return Err(NotQueued),
            }
        }
        this.arrived = arrived.ok_or(NotQueued)?;
        Ok(this)
    }
}

impl QueuedRecipient {
    fn read(&self) -> (ForwardPath<'_>, RcptParameters<'_>) {
        // They were these when they were put there.
        let path = ForwardPath::scan(self.path.as_bytes(), 0, &SYNTAX);
        let parameters = list(&self.parameters).and_then(|list| RcptParameters::parse(list).ok());
        (path.map_or(ForwardPath::Postmaster, |(path, _)| path), parameters.unwrap_or_default())
    }
}

fn list(text: &str) -> Option<Parameters<'_>> {
    Parameters::parse(text.as_bytes(), &SYNTAX).ok()
}

/// The parameters behind a path.
fn behind(text: &str, end: usize) -> Result<Parameters<'_>, NotQueued> {
    match text.get(end..) {
        Some("") => Ok(Parameters::EMPTY),
        Some(rest) => rest.strip_prefix(' ').and_then(list).ok_or(NotQueued),
        None => Err(NotQueued),
    }
}

/// The parameters with what counts in place of what the client was not trusted to say.
fn trusted(parameters: &MailParameters<'_>) -> ParameterList {
    let mut list = ParameterList::new();
    for parameter in parameters.all() {
        let keyword = parameter.keyword();
        let priority;
        let value = if keyword.eq_ignore_ascii_case("AUTH") {
            parameters.auth().as_ref().map(AuthParameter::as_str)
        } else if keyword.eq_ignore_ascii_case("MT-PRIORITY") {
            priority = parameters.mt_priority().unwrap_or_default().value().to_string();
            Some(priority.as_str())
        } else {
            parameter.value()
        };
        if let Ok(parameter) = Parameter::new(keyword, value) {
            // A list as long as the one it was read from, and no keyword twice.
            let _ = list.push(parameter);
        }
    }
    list
}

impl fmt::Display for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = |verb: &str, path: &str, parameters: &str| {
            let blank = if parameters.is_empty() { "" } else { " " };
            [verb, " ", path, blank, parameters, "\n"].concat()
        };
        f.write_str(&command("mail", &self.reverse_path, &self.parameters))?;
        for recipient in &self.recipients {
            f.write_str(&command("rcpt", &recipient.path, &recipient.parameters))?;
        }
        let mut rest = String::new();
        if let Some(size) = self.size {
            rest.push_str(&alloc::format!("size {size}\n"));
        }
        if self.has_8bit {
            rest.push_str("8bit\n");
        }
        if let Some(header) = self.header {
            rest.push_str(&alloc::format!("header {}\n", header.as_str()));
        }
        if self.tls_optional {
            rest.push_str("tls optional\n");
        }
        write!(f, "arrived {}\n{rest}", self.arrived.unix())
    }
}
