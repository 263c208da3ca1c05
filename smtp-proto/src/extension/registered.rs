//! Extensions that this crate does not know: a user's own, or younger than this release.
//!
//! What an extension brings is said once, in a [`Registered`], and given to the configuration of
//! either side: the server lists its keyword, reads its parameters and asks about its verbs; the
//! client sends them only to a server that lists the keyword.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::Extension;
use crate::{
    command::Verb,
    error::{ParseError, Rule},
    parameter::{MailParameters, Parameter, RcptParameters},
};

/// The most octets of a line of the EHLO reply behind its code (RFC 5321 section 4.5.3.1.5).
const EHLO_LINE: usize = 512 - "250-\r\n".len();

/// Octets of a command line that every server reads, CRLF included (section 4.5.3.1.4).
const COMMAND_LINE: usize = 512;

/// An extension by what it brings: an EHLO keyword, parameters of MAIL and RCPT, and verbs.
///
/// ```
/// use smtp_proto::{
///     domain::Host,
///     extension::{ParameterRule, Registered, VerbRule},
///     server::Config,
/// };
///
/// let shard = Registered::local("X-SHARD")?
///     .arguments("8 fnv")?
///     .inside_tls()
///     .mail(ParameterRule::required("X-SHARD", 20)?)
///     .verb(VerbRule::new("XSHARD")?.outside_transaction());
/// let server = Config::new(Host::parse("mx.example.net")?).extension(shard);
/// # Ok::<(), smtp_proto::error::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    keyword: Box<str>,
    arguments: Box<str>,
    inside_tls: bool,
    authenticated: bool,
    mail: Vec<ParameterRule>,
    rcpt: Vec<ParameterRule>,
    verbs: Vec<VerbRule>,
}

impl Registered {
    /// An extension of a site's own, whose keyword begins with `X` (RFC 5321 section 2.2.2).
    ///
    /// # Errors
    /// [`Rule::Parameter`] for a keyword that does not, that is malformed, or that this crate knows.
    pub fn local(keyword: &str) -> Result<Self, ParseError> {
        match keyword.as_bytes().first() {
            Some(b'X' | b'x') => Self::iana(keyword),
            _ => Err(ParseError::at_start(Rule::Parameter)),
        }
    }

    /// An extension that is in the IANA registry of SMTP service extensions and that this crate does
    /// not know: no other keyword may be listed (RFC 5321 section 2.2.2; X-33).
    ///
    /// # Errors
    /// [`Rule::Parameter`] for a keyword that is malformed, or that this crate knows.
    pub fn iana(keyword: &str) -> Result<Self, ParseError> {
        let wellformed = Parameter::new(keyword, None).is_ok() && keyword.len() <= EHLO_LINE;
        if !wellformed || Extension::from_keyword(keyword.as_bytes()).is_some() {
            return Err(ParseError::at_start(Rule::Parameter));
        }
        Ok(Self {
            keyword: keyword.to_ascii_uppercase().into(),
            arguments: "".into(),
            inside_tls: false,
            authenticated: false,
            mail: Vec::new(),
            rcpt: Vec::new(),
            verbs: Vec::new(),
        })
    }

    /// What a server lists behind the keyword: words of visible ASCII (RFC 5321 section 4.1.1.1).
    ///
    /// # Errors
    /// [`Rule::Parameter`] for anything else, or what does not fit into a line of 512 octets.
    pub fn arguments(mut self, arguments: &str) -> Result<Self, ParseError> {
        let words = arguments
            .split(' ')
            .all(|word| !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_graphic()));
        if !words || self.keyword.len() + 1 + arguments.len() > EHLO_LINE {
            return Err(ParseError::at_start(Rule::Parameter));
        }
        self.arguments = arguments.into();
        Ok(self)
    }

    /// A server offers it inside TLS only.
    #[must_use]
    pub fn inside_tls(mut self) -> Self {
        self.inside_tls = true;
        self
    }

    /// A server offers it only to a client that has authenticated; such a client says EHLO again to
    /// learn of it.
    #[must_use]
    pub fn authenticated(mut self) -> Self {
        self.authenticated = true;
        self
    }

    /// Adds a parameter of MAIL. One that this crate knows belongs to its own extension and is not
    /// taken.
    #[must_use]
    pub fn mail(mut self, rule: ParameterRule) -> Self {
        if !rule.is_known(MailParameters::extension) {
            self.mail.push(rule);
        }
        self
    }

    /// Adds a parameter of RCPT, as [`mail`](Self::mail) does one of MAIL.
    #[must_use]
    pub fn rcpt(mut self, rule: ParameterRule) -> Self {
        if !rule.is_known(RcptParameters::extension) {
            self.rcpt.push(rule);
        }
        self
    }

    /// Adds a verb.
    #[must_use]
    pub fn verb(mut self, rule: VerbRule) -> Self {
        self.verbs.push(rule);
        self
    }

    /// The EHLO keyword, in upper case.
    pub fn keyword(&self) -> &str {
        &self.keyword
    }

    /// Its line of the EHLO reply.
    pub(crate) fn write(&self, text: &mut String) {
        text.push_str(&self.keyword);
        if !self.arguments.is_empty() {
            text.push(' ');
            text.push_str(&self.arguments);
        }
    }

    /// Whether a session that is so far may use it.
    pub(crate) fn has_place(&self, tls: bool, authenticated: bool) -> bool {
        (tls || !self.inside_tls) && (authenticated || !self.authenticated)
    }

    pub(crate) fn parameters(&self, of: Carrier) -> &[ParameterRule] {
        match of {
            Carrier::Mail => &self.mail,
            Carrier::Rcpt => &self.rcpt,
        }
    }

    pub(crate) fn verbs(&self) -> &[VerbRule] {
        &self.verbs
    }

    /// The most octets its parameters add to a command line.
    pub(crate) fn line_growth(&self) -> usize {
        let sum = |rules: &[ParameterRule]| {
            rules.iter().fold(0, |sum: usize, rule| sum.saturating_add(rule.octets()))
        };
        sum(&self.mail).max(sum(&self.rcpt))
    }
}

/// A command that carries parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    Mail,
    Rcpt,
}

/// A parameter that a [`Registered`] extension adds to MAIL or RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterRule {
    keyword: Box<str>,
    value: ValueRule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueRule {
    Forbidden,
    Optional(usize),
    Required(usize),
}

impl ParameterRule {
    /// A parameter that stands alone.
    ///
    /// # Errors
    /// [`Rule::Parameter`] for a malformed keyword.
    pub fn alone(keyword: &str) -> Result<Self, ParseError> {
        Self::new(keyword, ValueRule::Forbidden)
    }

    /// A parameter with a value of at most `most` octets, or none.
    ///
    /// # Errors
    /// As [`alone`](Self::alone).
    pub fn optional(keyword: &str, most: usize) -> Result<Self, ParseError> {
        Self::new(keyword, ValueRule::Optional(most))
    }

    /// A parameter with a value of at most `most` octets.
    ///
    /// # Errors
    /// As [`alone`](Self::alone).
    pub fn required(keyword: &str, most: usize) -> Result<Self, ParseError> {
        Self::new(keyword, ValueRule::Required(most))
    }

    fn new(keyword: &str, value: ValueRule) -> Result<Self, ParseError> {
        Parameter::new(keyword, None)?;
        Ok(Self { keyword: keyword.to_ascii_uppercase().into(), value })
    }

    fn is_known(&self, extension: fn(Parameter<'_>) -> Option<Extension>) -> bool {
        Parameter::new(&self.keyword, None).is_ok_and(|parameter| extension(parameter).is_some())
    }

    /// Octets of the longest such parameter, with the blank before it.
    fn octets(&self) -> usize {
        let value = match self.value {
            ValueRule::Forbidden => 0,
            ValueRule::Optional(most) | ValueRule::Required(most) => most.saturating_add(1),
        };
        value.saturating_add(self.keyword.len() + 1)
    }

    pub(crate) fn is_of(&self, parameter: Parameter<'_>) -> bool {
        self.keyword.eq_ignore_ascii_case(parameter.keyword())
    }

    /// Whether the value is there as it must be (G-38).
    pub(crate) fn judge(&self, parameter: Parameter<'_>) -> Result<(), ParseError> {
        let fits = match (self.value, parameter.value()) {
            (ValueRule::Forbidden | ValueRule::Optional(_), None) => true,
            (ValueRule::Optional(most) | ValueRule::Required(most), Some(value)) => {
                value.len() <= most
            }
            (ValueRule::Forbidden, Some(_)) | (ValueRule::Required(_), None) => false,
        };
        if fits { Ok(()) } else { Err(ParseError::at_start(Rule::ParameterValue)) }
    }
}

/// A verb that a [`Registered`] extension adds.
///
/// A server asks about it by [`Event::Extension`](crate::server::Event::Extension) and answers 2yz,
/// 4yz or 5yz; a client sends it by [`Client::extension`](crate::client::Client::extension). It ends
/// a group of commands, as RFC 2920 section 3.1 has it of every extension that does not say
/// otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerbRule {
    verb: Box<str>,
    line: usize,
    before_hello: bool,
    in_transaction: bool,
}

impl VerbRule {
    /// A verb of letters, digits and hyphens that may come after the hello, also within a
    /// transaction, which it leaves as it is; in a line of at most 512 octets.
    ///
    /// # Errors
    /// [`Rule::Verb`] for a malformed verb, or one of SMTP's own.
    pub fn new(verb: &str) -> Result<Self, ParseError> {
        let wellformed = !verb.is_empty()
            && verb.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        if !wellformed || Verb::of(verb.as_bytes()) != Verb::Other {
            return Err(ParseError::at_start(Rule::Verb));
        }
        Ok(Self {
            verb: verb.to_ascii_uppercase().into(),
            line: COMMAND_LINE,
            before_hello: false,
            in_transaction: true,
        })
    }

    /// Its command line may have so many octets, CRLF included, if that is more than 512.
    #[must_use]
    pub fn line(mut self, octets: usize) -> Self {
        self.line = octets.max(COMMAND_LINE);
        self
    }

    /// It may come before the hello too. Only where its extension is offered always, as a client
    /// cannot know of it yet.
    #[must_use]
    pub fn before_hello(mut self) -> Self {
        self.before_hello = true;
        self
    }

    /// It may not come within a transaction: 503.
    #[must_use]
    pub fn outside_transaction(mut self) -> Self {
        self.in_transaction = false;
        self
    }

    /// The verb, in upper case.
    pub fn verb(&self) -> &str {
        &self.verb
    }

    pub(crate) fn line_limit(&self) -> usize {
        self.line
    }

    pub(crate) fn may_come(&self, greeted: bool, in_transaction: bool) -> bool {
        (greeted || self.before_hello) && (!in_transaction || self.in_transaction)
    }

    pub(crate) fn is_before_hello(&self) -> bool {
        self.before_hello
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keywords_and_verbs_that_can_be_sent() {
        for keyword in ["", "SHARD", "X SHARD", "X\r\nSTARTTLS", "-X", "X=1", "XCLIENT", "X\u{e9}"]
        {
            assert!(Registered::local(keyword).is_err(), "{keyword:?}");
        }
        assert!(Registered::iana("SIZE").is_err());
        assert_eq!(Registered::iana("Newer-2").unwrap().keyword(), "NEWER-2");
        // As much as a line of 512 octets has room for.
        for (octets, fits) in [(501, true), (502, false)] {
            let arguments = Registered::local("XOWN").unwrap().arguments(&"a".repeat(octets));
            assert_eq!(arguments.is_ok(), fits, "{octets}");
        }
        for arguments in ["", " a", "a  b", "a\r\n250 b", "\u{e9}", &"a".repeat(600)] {
            let refused = Registered::local("X").unwrap().arguments(arguments);
            assert!(refused.is_err(), "{arguments:?}");
        }
        for verb in ["", "MAIL", "rset", "X Y", "X\r\nRSET", "EHLO"] {
            assert!(VerbRule::new(verb).is_err(), "{verb:?}");
        }
        for keyword in ["", "A B", "A=", "A\r\n"] {
            assert!(ParameterRule::required(keyword, 5).is_err(), "{keyword:?}");
        }
    }

    #[test]
    fn a_parameter_of_this_crate_stays_its_own() {
        let shadow = ParameterRule::alone("SIZE").unwrap();
        let registered = Registered::local("X").unwrap().mail(shadow.clone()).rcpt(shadow);
        assert!(registered.parameters(Carrier::Mail).is_empty());
        assert_eq!(registered.parameters(Carrier::Rcpt).len(), 1, "RCPT has no SIZE");
    }

    #[test]
    fn a_line_grows_by_the_longest_parameters() {
        let registered = Registered::local("X")
            .unwrap()
            .mail(ParameterRule::required("XA", 10).unwrap())
            .mail(ParameterRule::alone("XB").unwrap())
            .rcpt(ParameterRule::optional("XC", 5).unwrap());
        assert_eq!(registered.line_growth(), " XA=0123456789 XB".len());
    }
}
