//! `Received:`

use alloc::{
    borrow::Cow,
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;
use core::net::IpAddr;

use super::fold::{Charset, Field, comment};
use crate::date::Date;
use crate::domain::{AddressLiteral, Domain, HelloName, Host};
use crate::grammar::{self, ATEXT};
use crate::parameter::{MtPriority, Solicit};
use crate::path::ForwardPath;

/// The field that a server puts in front of a message it takes (RFC 5321 section 4.4; T-01 to T-09).
///
/// Shown, it is the whole field with its line ends, folded at 78 octets where that can be. Whatever
/// the peer said, it stays one field of lines within 998 octets.
///
/// ```text
/// Time-stamp-line = "Received:" FWS Stamp CRLF
/// Stamp           = From-domain By-domain Opt-info [CFWS] ";" FWS date-time
/// ```
#[derive(Clone, Debug)]
pub struct Received<'a> {
    hello: Option<HelloName<'a>>,
    address: Option<IpAddr>,
    reverse_name: Option<Domain<'a>>,
    by: Host<'a>,
    via: Option<&'a str>,
    with: &'a str,
    solicit: Option<Solicit<'a>>,
    id: Option<&'a str>,
    recipient: Option<ForwardPath<'a>>,
    clauses: Vec<(&'a str, &'a str)>,
    priority: Option<MtPriority>,
    smtputf8: bool,
    date: Date,
}

/// A further clause of a `Received:` field is not an atom and a value of atoms and dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a clause of a Received field")]
pub struct BadClause;

/// The longest value of a clause, and the longest word of the others, in octets.
const MAX_WORD: usize = 255;

impl<'a> Received<'a> {
    /// A field of a message that `by`, this host, received `with` a transmission type (see
    /// [`Transmission`](super::Transmission)) at a time.
    #[must_use]
    pub const fn new(by: Host<'a>, with: &'a str, date: Date) -> Self {
        Self {
            hello: None,
            address: None,
            reverse_name: None,
            by,
            via: None,
            with,
            solicit: None,
            id: None,
            recipient: None,
            clauses: Vec::new(),
            priority: None,
            smtputf8: false,
            date,
        }
    }

    /// Who it came from: the name of the hello, and the address, unless there is none as on a Unix
    /// socket. A name that is no domain and no literal is put into a comment (T-03); a server lets such in where
    /// [`Syntax::hello`](crate::profile::Syntax::hello) says so, and [`HelloName::parse_with`] reads them.
    #[must_use]
    pub fn from(mut self, hello: HelloName<'a>, address: Option<IpAddr>) -> Self {
        self.hello = Some(hello);
        self.address = address.map(|address| address.to_canonical());
        self
    }

    /// The name that DNS has for the address, if it leads back to the address. It is told only with
    /// an address.
    #[must_use]
    pub const fn reverse_name(mut self, name: Domain<'a>) -> Self {
        self.reverse_name = Some(name);
        self
    }

    /// The link it came over, `TCP` when nothing is said (RFC 5321 section 4.4).
    #[must_use]
    pub const fn via(mut self, link: &'a str) -> Self {
        self.via = Some(link);
        self
    }

    /// The id under which the message is known here. What may not stand in an atom becomes `-`.
    #[must_use]
    pub const fn id(mut self, id: &'a str) -> Self {
        self.id = Some(id);
        self
    }

    /// The recipients of the transaction. Only if there is exactly one is it named: more would tell
    /// one of another (section 7.6). To name none, do not call this (T-04, `received_for`).
    #[must_use]
    pub fn recipients(mut self, recipients: impl IntoIterator<Item = ForwardPath<'a>>) -> Self {
        let mut recipients = recipients.into_iter();
        self.recipient = match (recipients.next(), recipients.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        };
        self
    }

    /// The transaction has SMTPUTF8: the field may hold UTF-8 (RFC 6531 section 3.7.3; T-07). Without
    /// this a domain goes into A-labels, and what has none is not named; this host, which has to be, is
    /// then `unknown`.
    #[must_use]
    pub const fn smtputf8(mut self, smtputf8: bool) -> Self {
        self.smtputf8 = smtputf8;
        self
    }

    /// The cipher suite of TLS and the group of its key exchange, by their registered names, for a
    /// submission (RFC 8314 section 4.3).
    ///
    /// # Errors
    ///
    /// [`BadClause`] for a name with anything but letters, digits, `_` and `-`.
    pub fn tls(self, cipher: &'a str, group: Option<&'a str>) -> Result<Self, BadClause> {
        let this = self.clause("tls", cipher)?;
        match group {
            Some(group) => this.clause("group", group),
            None => Ok(this),
        }
    }

    /// The priority of the message (RFC 6710 section 7).
    #[must_use]
    pub const fn priority(mut self, priority: MtPriority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Why the message is held before it goes on (RFC 6729 section 3): `quarantine`, `moderation`,
    /// `timed` and so on, with a value behind a `/` or without.
    ///
    /// # Errors
    ///
    /// [`BadClause`].
    pub fn state(self, state: &'a str) -> Result<Self, BadClause> {
        self.clause("state", state)
    }

    /// The solicitation classes that the client declared (RFC 3865 section 2.6).
    #[must_use]
    pub const fn solicit(mut self, solicit: Solicit<'a>) -> Self {
        self.solicit = Some(solicit);
        self
    }

    /// Another registered clause, behind those that are there.
    ///
    /// # Errors
    ///
    /// [`BadClause`] for a name that is no atom, or a value that is not made of atoms and dots, or of
    /// more than 255 octets.
    pub fn clause(mut self, name: &'a str, value: &'a str) -> Result<Self, BadClause> {
        if !grammar::all(name, ATEXT) || name.len() > MAX_WORD || !is_value(value) {
            return Err(BadClause);
        }
        self.clauses.push((name, value));
        Ok(self)
    }

    /// A domain as the field may hold it.
    fn name(&self, domain: Domain<'a>) -> Option<Cow<'a, str>> {
        match self.smtputf8 {
            true => Some(Cow::Borrowed(domain.as_str())),
            false => domain.to_a_labels(),
        }
    }

    /// This host as the field may hold it.
    fn by_name(&self) -> Option<Cow<'a, str>> {
        match self.by {
            Host::Domain(domain) => self.name(domain),
            Host::Literal(literal) => Some(Cow::Owned(literal.to_string())),
        }
    }

    /// ```text
    /// From-domain     = "FROM" FWS Extended-Domain
    /// Extended-Domain = Domain / ( Domain FWS "(" TCP-info ")" ) /
    ///                   ( address-literal FWS "(" TCP-info ")" )
    /// TCP-info        = address-literal / ( Domain FWS address-literal )
    /// ```
    fn write_from(&self, field: &mut Field<'_>) {
        let Some(hello) = self.hello else { return };
        let literal = self.address.map(AddressLiteral::from);
        field.word("from");
        match (hello.host(), literal) {
            (Some(host), _) => field.show(host),
            (None, Some(literal)) => field.show(literal),
            (None, None) => field.word("unknown"),
        };
        if let Some(literal) = literal {
            match self.reverse_name.and_then(|name| self.name(name)) {
                Some(name) => field.show(format_args!("({name}")).show(format_args!("{literal})")),
                None => field.show(format_args!("({literal})")),
            };
        }
        if let HelloName::Other(other) = hello {
            field.show(format_args!("(hello {})", comment(other.as_str())));
        }
        field.fold();
    }

    /// ```text
    /// By-domain = CFWS "BY" FWS Extended-Domain
    /// Opt-info  = [Via] [With] [ID] [For] [Additional-Registered-Clauses]
    /// ```
    fn write_by(&self, field: &mut Field<'_>) {
        field.word("by").word(self.by_name().as_deref().unwrap_or("unknown"));
        if let Some(via) = self.via {
            field.word("via").word(&atoms(via));
        }
        field.word("with").word(&atoms(self.with));
        if let Some(solicit) = self.solicit {
            let keywords: Vec<&str> = solicit.keywords().collect();
            field.show(format_args!("(SOLICIT={})", keywords.join(",")));
        }
        if let Some(id) = self.id {
            field.word("id").word(&atoms(id));
        }
    }

    fn write_for(&self, field: &mut Field<'_>) {
        match self.recipient {
            Some(ForwardPath::Postmaster) => {
                if let Some(by) = self.by_name() {
                    field.fold().word("for").show(format_args!("<Postmaster@{by}>"));
                }
            }
            Some(ForwardPath::Mailbox(mailbox)) if self.smtputf8 => {
                field.fold().word("for").show(format_args!("<{mailbox}>"));
            }
            Some(ForwardPath::Mailbox(mailbox)) => {
                if let Some(mailbox) = mailbox.to_a_labels() {
                    field.fold().word("for").show(format_args!("<{mailbox}>"));
                }
            }
            None => {}
        }
        for (name, value) in &self.clauses {
            field.word(name).word(value);
        }
        if let Some(priority) = self.priority {
            field.word("PRIORITY").show(priority.value());
        }
    }
}

impl fmt::Display for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::with_capacity(256);
        let mut field = Field::new(&mut out, "Received", Charset::of(self.smtputf8));
        self.write_from(&mut field);
        self.write_by(&mut field);
        self.write_for(&mut field);
        field.glued().word(";").show(self.date);
        field.end();
        f.write_str(&out)
    }
}

fn is_atoms(c: char) -> bool {
    grammar::in_class(ATEXT)(c) && c.is_ascii() || c == '.'
}

fn is_value(value: &str) -> bool {
    !value.is_empty() && value.len() <= MAX_WORD && value.chars().all(is_atoms)
}

/// A text as atoms and dots, at least one and of bounded length.
fn atoms(text: &str) -> String {
    let word: String =
        text.chars().take(MAX_WORD).map(|c| if is_atoms(c) { c } else { '-' }).collect();
    if word.is_empty() { String::from("-") } else { word }
}
