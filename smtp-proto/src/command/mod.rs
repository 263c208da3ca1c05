//! Command lines (RFC 5321 section 4.1.1; RFC 1985, 2033, 2645, 3030, 3207, 4468, 4954; Postfix's
//! XCLIENT and XFORWARD; F-18 to F-21, G-20 to G-36).
//!
//! A line is read in three steps: [`Line::check`] looks at its octets and its verb, the order of
//! commands is judged by whoever holds the session, and the argument is read by the type of the
//! command. [`Command::parse`] is all of that without the middle.

mod atrn;
mod auth;
mod burl;
mod etrn;
mod everyday;
mod line;
mod mail;
#[cfg(test)]
mod tests;
mod text;
mod verb;
mod xclient;

use core::fmt::{self, Write as _};

use bytes::BufMut;

pub use self::atrn::DomainList;
pub use self::auth::{Auth, InitialResponse, Mechanism};
pub use self::burl::{Burl, Url};
pub use self::etrn::{Node, QueueName};
pub use self::line::Line;
pub use self::mail::{Bdat, Mail, Rcpt};
pub use self::text::{OtherCommand, Query, Text};
pub use self::verb::Verb;
pub use self::xclient::{XClient, XForward};

use crate::domain::HelloName;
use crate::error::ParseError;
use crate::grammar;
use crate::profile::Syntax;

/// One command with its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `EHLO domain`
    Ehlo(HelloName<'a>),
    /// `HELO domain`
    Helo(HelloName<'a>),
    /// `LHLO domain`
    Lhlo(HelloName<'a>),
    /// `MAIL FROM:<reverse-path> parameters`
    Mail(Mail<'a>),
    /// `RCPT TO:<forward-path> parameters`
    Rcpt(Rcpt<'a>),
    /// `DATA`
    Data,
    /// `BDAT size LAST`
    Bdat(Bdat),
    /// `RSET`
    Rset,
    /// `NOOP text`
    Noop(Option<Text<'a>>),
    /// `QUIT`
    Quit,
    /// `VRFY text`
    Vrfy(Query<'a>),
    /// `EXPN text`
    Expn(Query<'a>),
    /// `HELP text`
    Help(Option<Text<'a>>),
    /// `STARTTLS`
    StartTls,
    /// `AUTH mechanism response`
    Auth(Auth<'a>),
    /// `ETRN node`
    Etrn(Node<'a>),
    /// `ATRN domains`; none stands for all the customer has access to.
    Atrn(Option<DomainList<'a>>),
    /// `BURL url LAST`
    Burl(Burl<'a>),
    /// `XCLIENT attributes`
    XClient(XClient<'a>),
    /// `XFORWARD attributes`
    XForward(XForward<'a>),
    /// Anything else.
    Other(OtherCommand<'a>),
}

impl<'a> Command<'a> {
    /// Reads a line, without its CRLF.
    ///
    /// # Errors
    ///
    /// Those of [`Line::check`] and [`Command::of_line`].
    #[inline]
    pub fn parse(line: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        let verb = Verb::of(line);
        let everyday = match verb {
            Verb::Ehlo => everyday::hello_name(line).map(Self::Ehlo),
            Verb::Helo => everyday::hello_name(line).map(Self::Helo),
            Verb::Lhlo => everyday::hello_name(line).map(Self::Lhlo),
            Verb::Mail => everyday::mail(line, syntax).map(Self::Mail),
            Verb::Rcpt => everyday::rcpt(line, syntax).map(Self::Rcpt),
            _ => None,
        };
        match everyday {
            Some(command) => Ok(command),
            None => Self::of_line(&Line::check_of(line, verb, syntax)?, syntax),
        }
    }

    /// Reads a line that passed the checks of framing.
    ///
    /// # Errors
    ///
    /// The rule the argument breaks, and where; its [`rejection`](ParseError::rejection) is the
    /// server's reply. [`Rule::Verb`](crate::error::Rule::Verb) when the first word is none.
    #[inline]
    pub fn of_line(line: &Line<'a>, syntax: &Syntax) -> Result<Self, ParseError> {
        Ok(match line.verb() {
            Verb::Ehlo => Self::Ehlo(hello_name(line, syntax)?),
            Verb::Helo => Self::Helo(hello_name(line, syntax)?),
            Verb::Lhlo => Self::Lhlo(hello_name(line, syntax)?),
            Verb::Mail => Self::Mail(Mail::of_line(line, syntax)?),
            Verb::Rcpt => Self::Rcpt(Rcpt::of_line(line, syntax)?),
            Verb::Data => line.alone().map(|()| Self::Data)?,
            Verb::Bdat => Self::Bdat(Bdat::of_line(line, syntax)?),
            Verb::Rset => line.alone().map(|()| Self::Rset)?,
            Verb::Noop => Self::Noop(line.text(syntax)?),
            Verb::Quit => line.alone().map(|()| Self::Quit)?,
            Verb::Vrfy => Self::Vrfy(Query::of_line(line, syntax)?),
            Verb::Expn => Self::Expn(Query::of_line(line, syntax)?),
            Verb::Help => Self::Help(line.text(syntax)?),
            Verb::StartTls => line.alone().map(|()| Self::StartTls)?,
            Verb::Auth => Self::Auth(Auth::of_line(line, syntax)?),
            Verb::Etrn => Self::Etrn(Node::of_line(line, syntax)?),
            Verb::Atrn => Self::Atrn(DomainList::of_line(line, syntax)?),
            Verb::Burl => Self::Burl(Burl::of_line(line, syntax)?),
            Verb::XClient => Self::XClient(XClient::of_line(line, syntax)?),
            Verb::XForward => Self::XForward(XForward::of_line(line, syntax)?),
            Verb::Obsolete | Verb::Other => Self::Other(OtherCommand::of_line(line, syntax)?),
        })
    }

    /// The verb.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Ehlo(_) => Verb::Ehlo,
            Self::Helo(_) => Verb::Helo,
            Self::Lhlo(_) => Verb::Lhlo,
            Self::Mail(_) => Verb::Mail,
            Self::Rcpt(_) => Verb::Rcpt,
            Self::Data => Verb::Data,
            Self::Bdat(_) => Verb::Bdat,
            Self::Rset => Verb::Rset,
            Self::Noop(_) => Verb::Noop,
            Self::Quit => Verb::Quit,
            Self::Vrfy(_) => Verb::Vrfy,
            Self::Expn(_) => Verb::Expn,
            Self::Help(_) => Verb::Help,
            Self::StartTls => Verb::StartTls,
            Self::Auth(_) => Verb::Auth,
            Self::Etrn(_) => Verb::Etrn,
            Self::Atrn(_) => Verb::Atrn,
            Self::Burl(_) => Verb::Burl,
            Self::XClient(_) => Verb::XClient,
            Self::XForward(_) => Verb::XForward,
            Self::Other(other) => Verb::of(other.verb().as_bytes()),
        }
    }

    /// Writes the line with its CRLF.
    pub fn write(&self, out: &mut impl BufMut) {
        match self {
            Self::Mail(mail) => mail.write(out),
            Self::Rcpt(rcpt) => rcpt.write(out),
            Self::Bdat(bdat) => bdat.write(out),
            Self::Auth(auth) => auth.write(out),
            Self::Other(other) => other.write(out),
            _ => {
                out.put_slice(self.verb().as_str().as_bytes());
                self.write_argument(out);
            }
        }
        out.put_slice(b"\r\n");
    }

    fn write_argument(&self, out: &mut impl BufMut) {
        match self {
            Self::Ehlo(name) | Self::Helo(name) | Self::Lhlo(name) => {
                // Writing to a buffer that grows, or panics when it is full, does not fail.
                let _ = write!(Octets(out), " {name}");
            }
            Self::Noop(Some(text)) | Self::Help(Some(text)) => text.write(out),
            Self::Vrfy(query) | Self::Expn(query) => query.write(out),
            Self::Etrn(node) => node.write(out),
            Self::Atrn(Some(domains)) => domains.write(out),
            Self::Burl(burl) => burl.write(out),
            Self::XClient(attributes) => attributes.write(out),
            Self::XForward(attributes) => attributes.write(out),
            _ => {}
        }
    }
}

/// The argument of EHLO, HELO or LHLO (G-20).
///
/// ```text
/// ehlo = "EHLO" SP ( Domain / address-literal ) CRLF
/// helo = "HELO" SP Domain CRLF
/// ```
///
/// # Errors
///
/// Those of [`HelloName::parse_with`], and [`Rule::Spacing`](crate::error::Rule::Spacing).
#[inline(never)]
pub fn hello_name<'a>(line: &Line<'a>, syntax: &Syntax) -> Result<HelloName<'a>, ParseError> {
    let start = line.required(syntax)?;
    HelloName::argument(grammar::part(line.octets(), start, line.octets().len()), syntax)
        .map_err(|error| error.shifted(start))
}

/// The argument of a whole EHLO, HELO or LHLO line.
///
/// # Errors
///
/// Those of [`Line::check`] and [`hello_name`].
pub fn hello_argument<'a>(line: &'a [u8], syntax: &Syntax) -> Result<HelloName<'a>, ParseError> {
    hello_name(&Line::check(line, syntax)?, syntax)
}

/// A buffer as a place for formatted text.
struct Octets<'o, B>(&'o mut B);

impl<B: BufMut> fmt::Write for Octets<'_, B> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put_slice(text.as_bytes());
        Ok(())
    }
}
