//! The meaning of MAIL's parameters.

use core::fmt;

use crate::error::{ParseError, Rule};
use crate::extension::{Extension, ExtensionSet};
use crate::grammar::{self, folded};
use crate::parameter::rare::{By, Hold, MtPriority, Mtrk, Solicit, TransId, tracking_name};
use crate::parameter::{Parameter, Parameters};
use crate::path::{MAX_PATH, Mailbox};
use crate::profile::Syntax;
use crate::xtext::{self, Xtext};

/// `BODY=`: what the content may hold (RFC 6152 section 2, RFC 3030 section 3; G-41).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// Lines of ASCII.
    SevenBit,
    /// Lines of any octets.
    EightBitMime,
    /// Any octets at all, sent with BDAT only.
    BinaryMime,
}

impl Body {
    /// The value as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SevenBit => "7BIT",
            Self::EightBitMime => "8BITMIME",
            Self::BinaryMime => "BINARYMIME",
        }
    }

    /// `body-value = "7BIT" / "8BITMIME" / "BINARYMIME"`
    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        one_of(value, [Self::EightBitMime, Self::SevenBit, Self::BinaryMime], Self::as_str)
    }
}

/// `RET=`: how much of a message its failure report brings back (RFC 3461 section 4.3; G-43).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ret {
    /// All of it.
    Full,
    /// The header section only.
    Hdrs,
}

impl Ret {
    /// The value as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Hdrs => "HDRS",
        }
    }

    /// `ret-value = "FULL" / "HDRS"`
    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        one_of(value, [Self::Full, Self::Hdrs], Self::as_str)
    }
}

fn one_of<T: Copy, const N: usize>(
    value: &[u8],
    all: [T; N],
    name: impl Fn(T) -> &'static str,
) -> Result<T, ParseError> {
    all.into_iter()
        .find(|&candidate| value.eq_ignore_ascii_case(name(candidate).as_bytes()))
        .ok_or_else(|| ParseError::new(Rule::ParameterValue, 0))
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Ret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `AUTH=`: who submitted the message first (RFC 4954 section 5; G-42).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthParameter<'a> {
    /// `<>`: not known, or not vouched for.
    Null,
    /// The mailbox, still encoded. It decodes to a well-formed mailbox.
    Mailbox(Xtext<'a>),
}

impl<'a> AuthParameter<'a> {
    /// `xtext` that decodes to a mailbox or to `<>`.
    fn check(value: &[u8]) -> Result<(), ParseError> {
        let failed = || ParseError::new(Rule::ParameterValue, 0);
        if value == Self::Null.as_str().as_bytes() {
            return Ok(());
        }
        xtext::check(value).map_err(|_| failed())?;
        let mut buffer = [0; MAX_PATH];
        let mut length = 0;
        for octet in xtext::decoded(value) {
            *buffer.get_mut(length).ok_or_else(failed)? = octet;
            length += 1;
        }
        match grammar::part(&buffer, 0, length) {
            b"<>" => Ok(()),
            text => Mailbox::parse_with(text, &Syntax::INTERNET).map(|_| ()).map_err(|_| failed()),
        }
    }

    /// A value that was checked.
    fn checked(value: &'a str) -> Option<Self> {
        let xtext = Xtext::parse(value).ok()?;
        let null = xtext.decoded().eq(Self::Null.as_str().bytes());
        Some(if null { Self::Null } else { Self::Mailbox(xtext) })
    }

    /// The value as sent.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        match self {
            Self::Null => "<>",
            Self::Mailbox(xtext) => xtext.as_str(),
        }
    }
}

/// What became of `AUTH=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Submitter {
    /// It was not sent.
    #[default]
    Unsaid,
    /// It is as the client said.
    Said,
    /// It counts for nothing.
    Distrusted,
}

/// The parameters of a MAIL command, those known here with their meaning.
///
/// Only what was sent is here; a parameter whose extension was not offered is the server's to
/// refuse with 555 (G-38), which [`extension`](Self::extension) helps with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailParameters<'a> {
    all: Parameters<'a>,
    size: Option<u64>,
    body: Option<Body>,
    ret: Option<Ret>,
    envid: bool,
    auth: Submitter,
    smtputf8: bool,
    require_tls: bool,
    rare: bool,
    /// The priority asked for is not given.
    ordinary: bool,
}

impl<'a> MailParameters<'a> {
    /// None at all.
    pub const EMPTY: Self = Self {
        all: Parameters::EMPTY,
        size: None,
        body: None,
        ret: None,
        envid: false,
        auth: Submitter::Unsaid,
        smtputf8: false,
        require_tls: false,
        rare: false,
        ordinary: false,
    };

    /// Reads the values of all keywords known here.
    ///
    /// # Errors
    ///
    /// [`Rule::ParameterValue`] for a value that does not fit, one too many or one missing;
    /// [`Rule::Priority`] for a bad `MT-PRIORITY`. The offset is into the list.
    pub fn parse(all: Parameters<'a>) -> Result<Self, ParseError> {
        let mut read = Self { all, ..Self::EMPTY };
        if all.is_empty() {
            return Ok(read);
        }
        read.size = size_alone(all.0);
        if read.size.is_some() {
            return Ok(read);
        }
        let mut parameters = all.iter();
        let mut rest = parameters.rest;
        while let Some(parameter) = parameters.next() {
            read.take(parameter).map_err(|error| error.shifted(all.0.len() - rest.len()))?;
            rest = parameters.rest;
        }
        if read.rare { read.check_rare() } else { Ok(read) }
    }

    #[inline(always)]
    fn take(&mut self, parameter: Parameter<'a>) -> Result<(), ParseError> {
        const BODY: u32 = folded(*b"BODY");

        let keyword = <[u8; 4]>::try_from(parameter.keyword).map(folded);
        match keyword {
            Ok(SIZE) => self.size = Some(size(parameter.value)?),
            Ok(BODY) => self.body = Some(Body::parse(parameter.required_octets()?)?),
            _ => self.take_other(parameter)?,
        }
        Ok(())
    }

    #[inline(never)]
    fn take_other(&mut self, parameter: Parameter<'a>) -> Result<(), ParseError> {
        match parameter.keyword.len() {
            3 if parameter.is("RET") => {
                self.ret = Some(Ret::parse(parameter.required_octets()?)?);
            }
            4 if parameter.is("AUTH") => {
                AuthParameter::check(parameter.required_octets()?)?;
                self.auth = Submitter::Said;
            }
            5 if parameter.is("ENVID") => {
                check_envid(parameter.required_octets()?)?;
                self.envid = true;
            }
            8 if parameter.is("SMTPUTF8") => {
                parameter.alone()?;
                self.smtputf8 = true;
            }
            10 if parameter.is("REQUIRETLS") => {
                parameter.alone()?;
                self.require_tls = true;
            }
            _ => self.rare = true,
        }
        Ok(())
    }

    /// Reads what few messages have once, so that the getters need not fail.
    #[cold]
    fn check_rare(self) -> Result<Self, ParseError> {
        let mut holds = 0;
        let mut tracked = false;
        for parameter in self.others() {
            if parameter.is("BY") {
                By::parse(parameter.required()?)?;
            } else if parameter.is("HOLDFOR") || parameter.is("HOLDUNTIL") {
                Hold::parse(parameter)?;
                holds += 1;
            } else if parameter.is("MT-PRIORITY") {
                let priority = || ParseError::new(Rule::Priority, 0);
                MtPriority::parse(parameter.value().ok_or_else(priority)?)?;
            } else if parameter.is("SOLICIT") {
                Solicit::parse(parameter.required()?)?;
            } else if parameter.is("MTRK") {
                Mtrk::parse(parameter.required()?)?;
                tracked = true;
            } else if parameter.is("TRANSID") {
                TransId::parse(parameter.required()?)?;
            } else if parameter.is("CONPERM") {
                parameter.alone()?;
            }
        }
        // A tracked message has a name of the form xtext "@" xtext (G-54); a message is held for
        // a time or until one (G-49).
        let named = || self.envid().is_some_and(tracking_name);
        if holds > 1 || (tracked && !named()) {
            return Err(ParseError::new(Rule::ParameterValue, 0));
        }
        Ok(self)
    }

    /// `SIZE=`: the size of the content in octets, as far as the client knows (RFC 1870 section 6).
    ///
    /// What 64 bits cannot hold is `u64::MAX`, which is too large for everyone (G-40).
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// `BODY=` (RFC 6152, RFC 3030).
    #[must_use]
    pub const fn body(&self) -> Option<Body> {
        self.body
    }

    /// `SMTPUTF8`: addresses, header and replies may hold UTF-8 (RFC 6531 section 3.4).
    #[must_use]
    pub const fn smtputf8(&self) -> bool {
        self.smtputf8
    }

    /// `RET=` (RFC 3461 section 4.3).
    #[must_use]
    pub const fn ret(&self) -> Option<Ret> {
        self.ret
    }

    /// `ENVID=`: the sender's name for the message, still encoded (RFC 3461 section 4.4; G-44).
    #[must_use]
    pub fn envid(&self) -> Option<Xtext<'a>> {
        if !self.envid {
            return None;
        }
        Xtext::parse(self.all.get("ENVID")?.value()?).ok()
    }

    /// `AUTH=` (RFC 4954 section 5). In a server's question, null for a client that is not trusted to
    /// say who submitted a message.
    #[must_use]
    pub fn auth(&self) -> Option<AuthParameter<'a>> {
        match self.auth {
            Submitter::Unsaid => None,
            Submitter::Said => AuthParameter::checked(self.all.get("AUTH")?.value()?),
            Submitter::Distrusted => Some(AuthParameter::Null),
        }
    }

    /// Whether the client says who submitted the message.
    pub(crate) const fn has_auth(&self) -> bool {
        !matches!(self.auth, Submitter::Unsaid)
    }

    /// `REQUIRETLS` (RFC 8689 section 2).
    #[must_use]
    pub const fn require_tls(&self) -> bool {
        self.require_tls
    }

    /// `BY=` (RFC 2852 section 4).
    #[must_use]
    pub fn by(&self) -> Option<By> {
        By::parse(self.rare("BY")?.value()?).ok()
    }

    /// `HOLDFOR=` or `HOLDUNTIL=` (RFC 4865 section 3).
    #[must_use]
    pub fn hold(&self) -> Option<Hold<'a>> {
        Hold::parse(self.rare("HOLDFOR").or_else(|| self.rare("HOLDUNTIL"))?).ok()
    }

    /// `MT-PRIORITY=` (RFC 6710 section 4.1). In a server's question, 0 for a client that may not ask
    /// for the priority it asked for.
    #[must_use]
    pub fn mt_priority(&self) -> Option<MtPriority> {
        if self.ordinary {
            return Some(MtPriority::default());
        }
        MtPriority::parse(self.rare("MT-PRIORITY")?.value()?).ok()
    }

    /// `SOLICIT=` (RFC 3865 section 2.2).
    #[must_use]
    pub fn solicit(&self) -> Option<Solicit<'a>> {
        Solicit::parse(self.rare("SOLICIT")?.value()?).ok()
    }

    /// `MTRK=` (RFC 3885 section 3.1).
    #[must_use]
    pub fn mtrk(&self) -> Option<Mtrk<'a>> {
        Mtrk::parse(self.rare("MTRK")?.value()?).ok()
    }

    /// `TRANSID=` (RFC 1845 section 2).
    #[must_use]
    pub fn transid(&self) -> Option<TransId<'a>> {
        TransId::parse(self.rare("TRANSID")?.value()?).ok()
    }

    /// Whether there is a parameter of an extension that few messages use.
    pub(crate) const fn has_rare(&self) -> bool {
        self.rare
    }

    /// The extensions of the parameters that have a field of their own here.
    pub(crate) const fn extensions(&self) -> ExtensionSet {
        let mut extensions = ExtensionSet::EMPTY;
        if self.size.is_some() {
            extensions.insert(Extension::Size);
        }
        match self.body {
            Some(Body::BinaryMime) => extensions.insert(Extension::BinaryMime),
            Some(_) => extensions.insert(Extension::EightBitMime),
            None => false,
        };
        if self.smtputf8 {
            extensions.insert(Extension::SmtpUtf8);
        }
        if self.ret.is_some() || self.envid {
            extensions.insert(Extension::Dsn);
        }
        if self.has_auth() {
            extensions.insert(Extension::Auth);
        }
        if self.require_tls {
            extensions.insert(Extension::RequireTls);
        }
        extensions
    }

    /// The client's word for the submitter counts for nothing (RFC 4954 section 5).
    pub(crate) fn distrust(&mut self) {
        if self.has_auth() {
            self.auth = Submitter::Distrusted;
        }
    }

    /// The client's word for the submitter counts, as it is in `said`.
    pub(crate) const fn believe(&mut self, said: &Self) {
        self.auth = said.auth;
    }

    /// The message gets the priority of any other one (RFC 6710 section 4.1).
    pub(crate) const fn lower(&mut self) {
        self.ordinary = true;
    }

    fn rare(&self, keyword: &str) -> Option<Parameter<'a>> {
        if self.rare { self.all.get(keyword) } else { None }
    }

    /// All parameters as received, also what the client was not trusted for.
    #[must_use]
    pub const fn all(&self) -> Parameters<'a> {
        self.all
    }

    /// The parameters without a field of their own: registered ones of rare extensions, and those
    /// nobody here knows.
    pub fn others(&self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        const FIELDS: [&str; 7] =
            ["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH", "REQUIRETLS"];
        self.all.iter().filter(|parameter| !FIELDS.iter().any(|field| parameter.is(field)))
    }

    /// The extension that a parameter of MAIL belongs to; `None` for one that nobody here knows.
    ///
    /// `BODY=BINARYMIME` belongs to [`Extension::BinaryMime`] (RFC 3030 section 3), the other values
    /// of `BODY` to [`Extension::EightBitMime`] (RFC 6152 section 2).
    #[must_use]
    pub fn extension(parameter: Parameter<'_>) -> Option<Extension> {
        const TABLE: [(&str, Extension); 15] = [
            ("SIZE", Extension::Size),
            ("BODY", Extension::EightBitMime),
            ("SMTPUTF8", Extension::SmtpUtf8),
            ("AUTH", Extension::Auth),
            ("RET", Extension::Dsn),
            ("ENVID", Extension::Dsn),
            ("REQUIRETLS", Extension::RequireTls),
            ("BY", Extension::DeliverBy),
            ("HOLDFOR", Extension::FutureRelease),
            ("HOLDUNTIL", Extension::FutureRelease),
            ("MT-PRIORITY", Extension::MtPriority),
            ("SOLICIT", Extension::NoSoliciting),
            ("MTRK", Extension::Mtrk),
            ("TRANSID", Extension::Checkpoint),
            ("CONPERM", Extension::ConPerm),
        ];
        let binary = Body::BinaryMime.as_str();
        if parameter.is("BODY")
            && parameter.value().is_some_and(|value| value.eq_ignore_ascii_case(binary))
        {
            return Some(Extension::BinaryMime);
        }
        find(&TABLE, parameter.keyword())
    }
}

pub(super) fn find(table: &[(&str, Extension)], keyword: &str) -> Option<Extension> {
    table.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword)).map(|&(_, e)| e)
}

/// What a list says that is `SIZE` and nothing else, as most are.
#[inline]
pub(super) fn size_alone(list: &[u8]) -> Option<u64> {
    match list {
        [s, i, z, e, b'=', digits @ ..] if folded([*s, *i, *z, *e]) == SIZE => {
            size(Some(digits)).ok()
        }
        _ => None,
    }
}

/// The keyword of a message's size.
const SIZE: u32 = folded(*b"SIZE");

/// `size-value = 1*20DIGIT`
#[inline]
fn size(value: Option<&[u8]>) -> Result<u64, ParseError> {
    let failed = || ParseError::new(Rule::ParameterValue, 0);
    let digits = value.filter(|digits| matches!(digits.len(), 1..=20)).ok_or_else(failed)?;
    let mut size = 0u64;
    for digit in digits {
        match digit.wrapping_sub(b'0') {
            digit @ 0..=9 => size = size.saturating_mul(10).saturating_add(u64::from(digit)),
            _ => return Err(failed()),
        }
    }
    Ok(size)
}

/// An xtext that decodes to printable ASCII and blanks (RFC 3461 section 4.4).
pub(super) fn check_envid(value: &[u8]) -> Result<(), ParseError> {
    match xtext::check(value) {
        Ok(()) if xtext::decoded(value).all(|octet| matches!(octet, 32..=126)) => Ok(()),
        _ => Err(ParseError::new(Rule::ParameterValue, 0)),
    }
}
