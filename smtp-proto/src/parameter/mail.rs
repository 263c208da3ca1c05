//! The meaning of MAIL's parameters.

use core::fmt;

use crate::error::{ParseError, Rule};
use crate::extension::{Extension, ExtensionSet};
use crate::grammar::{self, folded};
use crate::parameter::keyword::MailKeyword;
use crate::parameter::rare::{By, Hold, MtPriority, Mtrk, Solicit, TransId, tracking_name};
use crate::parameter::submitter::{AuthParameter, Submitter};
use crate::parameter::{Parameter, Parameters};
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

    /// The extension that brings the value.
    const fn extension(self) -> Extension {
        match self {
            Self::BinaryMime => Extension::BinaryMime,
            Self::SevenBit | Self::EightBitMime => Extension::EightBitMime,
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
        .find(|&candidate| grammar::is_word(value, name(candidate)))
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

/// The parameters of a MAIL command, those known here with their meaning.
///
/// Only what was sent is here; a parameter whose extension was not offered is the server's to
/// refuse with 555 (G-38), which [`extension`](Self::extension) helps with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailParameters<'a> {
    all: Parameters<'a>,
    /// 0 if it was not said.
    size: u64,
    body: Option<Body>,
    ret: Option<Ret>,
    auth: Submitter,
    /// Those of all parameters that are known here.
    extensions: ExtensionSet,
    envid: bool,
    rare: bool,
    /// The priority asked for is not given.
    ordinary: bool,
}

impl<'a> MailParameters<'a> {
    /// None at all.
    pub const EMPTY: Self = Self {
        all: Parameters::EMPTY,
        size: 0,
        body: None,
        ret: None,
        auth: Submitter::Unsaid,
        extensions: ExtensionSet::EMPTY,
        envid: false,
        rare: false,
        ordinary: false,
    };

    /// Reads the values of all keywords known here.
    ///
    /// # Errors
    ///
    /// [`Rule::ParameterValue`] for a value that does not fit, one too many or one missing;
    /// [`Rule::Priority`] for a bad `MT-PRIORITY`. The offset is into the list.
    #[inline]
    pub fn parse(all: Parameters<'a>) -> Result<Self, ParseError> {
        let mut read = Self { all, ..Self::EMPTY };
        if all.is_empty() {
            return Ok(read);
        }
        if let Some(size) = size_alone(all.0) {
            read.size = size;
            read.extensions = ExtensionSet::EMPTY.with(Extension::Size);
            return Ok(read);
        }
        Self::parse_all(all)
    }

    #[inline(never)]
    fn parse_all(all: Parameters<'a>) -> Result<Self, ParseError> {
        let mut read = Self { all, ..Self::EMPTY };
        let mut holds = 0;
        for parameter in all.iter() {
            let Some(keyword) = MailKeyword::of(parameter.keyword) else {
                read.rare = true;
                continue;
            };
            if let Err(error) = read.take(keyword, parameter) {
                return Err(error.shifted(all.place(parameter)));
            }
            holds += u32::from(matches!(keyword, MailKeyword::HoldFor | MailKeyword::HoldUntil));
        }
        // A message is held for a time or until one (G-49), and one that is tracked has a name of the form
        // xtext "@" xtext (G-54).
        let tracked = read.extensions.contains(Extension::Mtrk);
        if holds > 1 || (tracked && !read.envid().is_some_and(tracking_name)) {
            return Err(ParseError::new(Rule::ParameterValue, 0));
        }
        Ok(read)
    }

    /// Reads a value once, so that the getters need not fail.
    #[inline]
    fn take(&mut self, keyword: MailKeyword, parameter: Parameter<'a>) -> Result<(), ParseError> {
        let mut extension = keyword.extension();
        match keyword {
            MailKeyword::Size => self.size = size(parameter.value)?,
            MailKeyword::Body => {
                let body = Body::parse(parameter.required_octets()?)?;
                extension = body.extension();
                self.body = Some(body);
            }
            MailKeyword::SmtpUtf8 | MailKeyword::RequireTls => parameter.alone()?,
            MailKeyword::Auth => {
                AuthParameter::check(parameter.required_octets()?)?;
                self.auth = Submitter::Said;
            }
            MailKeyword::Ret => self.ret = Some(Ret::parse(parameter.required_octets()?)?),
            MailKeyword::Envid => {
                check_envid(parameter.required_octets()?)?;
                self.envid = true;
            }
            _ => {
                self.rare = true;
                check_rare(keyword, parameter)?;
            }
        }
        self.extensions.insert(extension);
        Ok(())
    }

    /// `SIZE=`: the size of the content in octets, as far as the client knows (RFC 1870 section 6).
    ///
    /// What 64 bits cannot hold is `u64::MAX`, which is too large for everyone (G-40).
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        if self.extensions.contains(Extension::Size) { Some(self.size) } else { None }
    }

    /// `BODY=` (RFC 6152, RFC 3030).
    #[must_use]
    pub const fn body(&self) -> Option<Body> {
        self.body
    }

    /// `SMTPUTF8`: addresses, header and replies may hold UTF-8 (RFC 6531 section 3.4).
    #[must_use]
    pub const fn smtputf8(&self) -> bool {
        self.extensions.contains(Extension::SmtpUtf8)
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
        self.extensions.contains(Extension::RequireTls)
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

    /// The extensions of the parameters that are known here.
    pub(crate) const fn extensions(&self) -> ExtensionSet {
        self.extensions
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
        self.all.iter().filter(|parameter| {
            let keyword = MailKeyword::of(parameter.keyword);
            keyword.is_none_or(|keyword| !has_field(keyword))
        })
    }

    /// The extension that a parameter of MAIL belongs to; `None` for one that nobody here knows.
    ///
    /// `BODY=BINARYMIME` belongs to [`Extension::BinaryMime`] (RFC 3030 section 3), the other values
    /// of `BODY` to [`Extension::EightBitMime`] (RFC 6152 section 2).
    #[must_use]
    pub fn extension(parameter: Parameter<'_>) -> Option<Extension> {
        match MailKeyword::of(parameter.keyword)? {
            MailKeyword::Body => {
                let body = parameter.value.and_then(|value| Body::parse(value).ok());
                Some(body.unwrap_or(Body::EightBitMime).extension())
            }
            keyword => Some(keyword.extension()),
        }
    }
}

/// Whether what MAIL says by the keyword has a field in [`MailParameters`].
const fn has_field(keyword: MailKeyword) -> bool {
    matches!(
        keyword,
        MailKeyword::Size
            | MailKeyword::Body
            | MailKeyword::SmtpUtf8
            | MailKeyword::Auth
            | MailKeyword::Ret
            | MailKeyword::Envid
            | MailKeyword::RequireTls
    )
}

/// Checks the value of a parameter that few messages have.
#[cold]
fn check_rare(keyword: MailKeyword, parameter: Parameter<'_>) -> Result<(), ParseError> {
    match keyword {
        MailKeyword::By => By::parse(parameter.required()?).map(drop),
        MailKeyword::HoldFor | MailKeyword::HoldUntil => Hold::parse(parameter).map(drop),
        MailKeyword::MtPriority => {
            let value = parameter.value().ok_or(ParseError::at_start(Rule::Priority))?;
            MtPriority::parse(value).map(drop)
        }
        MailKeyword::Solicit => Solicit::parse(parameter.required()?).map(drop),
        MailKeyword::Mtrk => Mtrk::parse(parameter.required()?).map(drop),
        MailKeyword::TransId => TransId::parse(parameter.required()?).map(drop),
        MailKeyword::ConPerm => parameter.alone(),
        _ => Ok(()),
    }
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
    /// So many digits fit 64 bits, whatever they are.
    const SURE: usize = 19;
    let failed = || ParseError::new(Rule::ParameterValue, 0);
    let digits = value.filter(|digits| matches!(digits.len(), 1..=20)).ok_or_else(failed)?;
    let mut size = 0u64;
    for (place, digit) in digits.iter().enumerate() {
        match u64::from(digit.wrapping_sub(b'0')) {
            digit @ 0..=9 if place < SURE => size = size * 10 + digit,
            digit @ 0..=9 => size = size.saturating_mul(10).saturating_add(digit),
            _ => return Err(failed()),
        }
    }
    Ok(size)
}

/// An xtext that decodes to printable ASCII and blanks (RFC 3461 section 4.4).
pub(super) fn check_envid(value: &[u8]) -> Result<(), ParseError> {
    xtext::check_printable(value).map_err(|_| ParseError::at_start(Rule::ParameterValue))
}
