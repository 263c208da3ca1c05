//! What is asked of both: of the grammar and of `smtp-proto`.

use smtp_proto::{
    command::Command,
    domain::{AddressLiteral, Domain, Host},
    parameter::{MailParameters, Parameters, RcptParameters},
    path::{ForwardPath, Mailbox, ReversePath},
    profile::Syntax,
    reply::{Reply, ReplyReader, ReplyRules},
    status::EnhancedCode,
    xtext::Xtext,
};

use super::{Abnf, prose::decode};

/// A rule that both know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// `Mailbox`.
    Mailbox,
    /// `Reverse-path`.
    ReversePath,
    /// The argument of RCPT: a `Forward-path`, or `<Postmaster>`.
    ForwardPath,
    /// `Domain`.
    Domain,
    /// `address-literal`.
    Literal,
    /// A whole command line without its CRLF.
    Command(&'static str),
    /// The value of a parameter of MAIL.
    Mail(&'static str),
    /// The value of a parameter of RCPT.
    Rcpt(&'static str),
    /// `xtext`.
    Xtext,
    /// `Reply-line`, all lines of it.
    Reply,
    /// An enhanced status code.
    Status,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 38] = [
        Self::Mailbox,
        Self::Mailbox,
        Self::ReversePath,
        Self::ForwardPath,
        Self::Domain,
        Self::Literal,
        Self::Command("ehlo"),
        Self::Command("helo"),
        Self::Command("lhlo"),
        Self::Command("mail"),
        Self::Command("rcpt"),
        Self::Command("data"),
        Self::Command("rset"),
        Self::Command("quit"),
        Self::Command("vrfy"),
        Self::Command("expn"),
        Self::Command("help"),
        Self::Command("noop"),
        Self::Command("starttls"),
        Self::Command("bdat"),
        Self::Command("atrn"),
        Self::Command("auth"),
        Self::Mail("SIZE"),
        Self::Mail("BODY"),
        Self::Mail("RET"),
        Self::Mail("ENVID"),
        Self::Mail("AUTH"),
        Self::Mail("BY"),
        Self::Mail("HOLDFOR"),
        Self::Mail("HOLDUNTIL"),
        Self::Mail("MT-PRIORITY"),
        Self::Mail("SOLICIT"),
        Self::Rcpt("NOTIFY"),
        Self::Rcpt("ORCPT"),
        Self::Rcpt("RRVS"),
        Self::Xtext,
        Self::Reply,
        Self::Status,
    ];

    /// Whether it is read in one way only: with UTF-8 and with long local-parts.
    pub const fn is_wide(self) -> bool {
        matches!(self, Self::ReversePath | Self::ForwardPath)
    }

    /// The rule's name in the grammar.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Mailbox => "Mailbox",
            Self::ReversePath => "Reverse-path",
            Self::ForwardPath => "rcpt-path",
            Self::Domain => "Domain",
            Self::Literal => "address-literal",
            Self::Mail("AUTH") => "auth-param",
            Self::Command(name) | Self::Mail(name) | Self::Rcpt(name) => name,
            Self::Xtext => "xtext",
            Self::Reply => "Reply-line",
            Self::Status => "status-code",
        }
    }

    /// Whether the RFCs take these octets.
    pub fn by_the_book(self, abnf: &Abnf, octets: &[u8]) -> bool {
        let matches = |rule| abnf.matches(rule, octets);
        match self {
            // A command may turn into another by a change.
            Self::Command(_) => matches("command"),
            // RFC 4954 section 5: decoded, it is a mailbox or `<>`.
            Self::Mail("AUTH") => {
                value(abnf, octets)
                    && matches(self.rule())
                    && (decode(octets) == b"<>" || abnf.matches("Mailbox", &decode(octets)))
            }
            Self::Mail(name) | Self::Rcpt(name) => value(abnf, octets) && matches(name),
            other => matches(other.rule()),
        }
    }

    /// Whether `smtp-proto` takes them.
    ///
    /// # Panics
    ///
    /// When what it took is not what it wrote.
    pub fn by_us(self, octets: &[u8], utf8: bool) -> bool {
        let syntax = &Syntax::STRICT.with_utf8(utf8);
        let text = str::from_utf8(octets).ok();
        match self {
            Self::Mailbox => Mailbox::parse_with(octets, syntax).is_ok_and(|mailbox| {
                assert_eq!(mailbox.as_str().as_bytes(), octets);
                true
            }),
            Self::ReversePath => text.is_some_and(|text| ReversePath::parse(text).is_ok()),
            Self::ForwardPath => text.is_some_and(|text| ForwardPath::parse(text).is_ok()),
            Self::Domain => Domain::parse_with(octets, syntax).is_ok(),
            Self::Literal => text.is_some_and(|text| {
                let literal = AddressLiteral::parse(text);
                let host = Host::parse(text).ok().filter(|host| matches!(host, Host::Literal(_)));
                assert_eq!(literal.is_ok(), host.is_some(), "{literal:?} {host:?}");
                literal.is_ok()
            }),
            Self::Command(_) => match Command::parse(octets, syntax) {
                // Not in the grammar: ETRN has none that is ABNF.
                Ok(Command::Other(_) | Command::Etrn(_)) | Err(_) => false,
                Ok(command) => {
                    let mut written = Vec::new();
                    command.write(&mut written);
                    let line = written.strip_suffix(b"\r\n").expect("a line");
                    assert_eq!(Command::parse(line, syntax).as_ref(), Ok(&command));
                    true
                }
            },
            Self::Mail(keyword) => {
                let line = [b"MAIL FROM:<> ", keyword.as_bytes(), b"=", octets, b" END"].concat();
                match Command::parse(&line, syntax) {
                    Ok(Command::Mail(mail)) => {
                        alone(mail.parameters) && MailParameters::parse(mail.parameters).is_ok()
                    }
                    _ => false,
                }
            }
            Self::Rcpt(keyword) => {
                let line = [b"RCPT TO:<a@b> ", keyword.as_bytes(), b"=", octets, b" END"].concat();
                match Command::parse(&line, syntax) {
                    Ok(Command::Rcpt(rcpt)) => {
                        alone(rcpt.parameters) && RcptParameters::parse(rcpt.parameters).is_ok()
                    }
                    _ => false,
                }
            }
            Self::Xtext => text.is_some_and(|text| {
                Xtext::parse(text).is_ok_and(|xtext| {
                    assert_eq!(xtext.decode(), decode(octets));
                    true
                })
            }),
            Self::Reply => {
                let rules = ReplyRules::default();
                let found = ReplyReader::default().find(octets, &rules);
                let whole = found.is_ok_and(|length| length == Some(octets.len()));
                if whole {
                    assert!(Reply::parse_with(octets, &rules).is_ok(), "found and not read");
                }
                whole
            }
            Self::Status => {
                EnhancedCode::parse(octets).is_some_and(|(_, length)| length == octets.len())
            }
        }
    }
}

/// Whether the value was taken for one: no more parameters came of it.
fn alone(parameters: Parameters<'_>) -> bool {
    parameters.iter().count() == 2
}

fn value(abnf: &Abnf, octets: &[u8]) -> bool {
    abnf.matches("esmtp-value", octets)
}
