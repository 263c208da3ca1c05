//! Making a list of parameters.

use alloc::string::String;
use core::fmt::{self, Write as _};

use crate::decimal::Decimal;
use crate::error::{ParseError, Rule};
use crate::grammar;
use crate::parameter::mail::check_envid;
use crate::parameter::{
    Body, By, DateTime, IfRecipientChanged, MAX_PARAMETERS, MtPriority, Mtrk, Notify, Orcpt,
    Parameter, Parameters, Ret, Solicit, TransId,
};
use crate::path::Mailbox;
use crate::xtext;

/// Parameters for a command about to be sent.
///
/// Setting a keyword again puts the new value in place of the old one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ParameterList(String);

impl ParameterList {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// The list as a command takes it.
    #[must_use]
    pub fn as_parameters(&self) -> Parameters<'_> {
        Parameters(self.0.as_bytes())
    }

    /// Removes all parameters; the room they took is kept.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a parameter that has no method of its own here.
    ///
    /// # Errors
    ///
    /// [`Rule::DuplicateParameter`] when its keyword is on the list, [`Rule::Parameter`] when 64
    /// parameters are.
    pub fn push(&mut self, parameter: Parameter<'_>) -> Result<&mut Self, ParseError> {
        let failed = |rule| Err(ParseError::new(rule, self.0.len()));
        if self.as_parameters().get(parameter.keyword()).is_some() {
            return failed(Rule::DuplicateParameter);
        }
        if self.as_parameters().iter().count() >= MAX_PARAMETERS {
            return failed(Rule::Parameter);
        }
        Ok(self.append(format_args!("{parameter}")))
    }

    fn append(&mut self, parameter: fmt::Arguments<'_>) -> &mut Self {
        self.separate();
        // Writing to a string does not fail.
        let _ = self.0.write_fmt(parameter);
        self
    }

    fn separate(&mut self) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
    }

    /// Takes a parameter off the list.
    pub fn remove(&mut self, keyword: &str) -> &mut Self {
        if self.as_parameters().get(keyword).is_some() {
            let old = core::mem::take(&mut self.0);
            for parameter in Parameters(old.as_bytes()).iter().filter(|p| !p.is(keyword)) {
                self.append(format_args!("{parameter}"));
            }
        }
        self
    }

    /// `SIZE=`: the octets of the content, with its line ends (RFC 1870 section 5).
    pub fn size(&mut self, octets: u64) -> &mut Self {
        self.remove("SIZE").separate();
        self.0.push_str("SIZE=");
        self.0.push_str(grammar::text(Decimal::of(octets).as_bytes()));
        self
    }

    /// `BODY=` (RFC 6152, RFC 3030).
    pub fn body(&mut self, body: Body) -> &mut Self {
        self.remove("BODY").append(format_args!("BODY={body}"))
    }

    /// `SMTPUTF8` (RFC 6531 section 3.4).
    pub fn smtputf8(&mut self) -> &mut Self {
        self.remove("SMTPUTF8").append(format_args!("SMTPUTF8"))
    }

    /// `REQUIRETLS` (RFC 8689 section 2).
    pub fn require_tls(&mut self) -> &mut Self {
        self.remove("REQUIRETLS").append(format_args!("REQUIRETLS"))
    }

    /// `RET=` (RFC 3461 section 4.3).
    pub fn ret(&mut self, ret: Ret) -> &mut Self {
        self.remove("RET").append(format_args!("RET={ret}"))
    }

    /// `ENVID=`: a name for the message, not yet encoded (RFC 3461 section 4.4; G-44).
    ///
    /// # Errors
    ///
    /// [`Rule::ParameterValue`] when it is empty, longer than 100 octets when encoded, or holds
    /// something other than visible ASCII and blanks.
    pub fn envid(&mut self, name: &[u8]) -> Result<&mut Self, ParseError> {
        const MAX: usize = 100;
        let value = xtext::encode(name);
        if value.is_empty() || value.len() > MAX {
            return Err(ParseError::new(Rule::ParameterValue, 0));
        }
        check_envid(value.as_bytes())?;
        Ok(self.remove("ENVID").append(format_args!("ENVID={value}")))
    }

    /// `AUTH=`: who submitted the message first; `None` when that is not known (RFC 4954
    /// section 5; G-42).
    pub fn auth(&mut self, submitter: Option<Mailbox<'_>>) -> &mut Self {
        self.remove("AUTH").append(format_args!("AUTH="));
        match submitter {
            Some(mailbox) => xtext::encode_into(mailbox.as_str().as_bytes(), &mut self.0),
            None => self.0.push_str("<>"),
        }
        self
    }

    /// `BY=` (RFC 2852 section 4).
    pub fn by(&mut self, by: By) -> &mut Self {
        self.remove("BY").append(format_args!("BY={by}"))
    }

    /// `HOLDFOR=`, in seconds, in place of any other time of release (RFC 4865 section 4).
    ///
    /// # Errors
    ///
    /// [`Rule::ParameterValue`] outside 1 to 999,999,999.
    pub fn hold_for(&mut self, seconds: u32) -> Result<&mut Self, ParseError> {
        if !matches!(seconds, 1..=999_999_999) {
            return Err(ParseError::new(Rule::ParameterValue, 0));
        }
        Ok(self.remove_hold().append(format_args!("HOLDFOR={seconds}")))
    }

    /// `HOLDUNTIL=`, in place of any other time of release (RFC 4865 section 4).
    pub fn hold_until(&mut self, time: DateTime) -> &mut Self {
        self.remove_hold().append(format_args!("HOLDUNTIL={time}"))
    }

    fn remove_hold(&mut self) -> &mut Self {
        self.remove("HOLDFOR").remove("HOLDUNTIL")
    }

    /// `MT-PRIORITY=` (RFC 6710 section 4.1).
    pub fn mt_priority(&mut self, priority: MtPriority) -> &mut Self {
        self.remove("MT-PRIORITY").append(format_args!("MT-PRIORITY={priority}"))
    }

    /// `SOLICIT=`: what the `Solicitation:` field of the message says (RFC 3865 section 2.3).
    pub fn solicit(&mut self, solicit: Solicit<'_>) -> &mut Self {
        self.remove("SOLICIT").append(format_args!("SOLICIT={}", solicit.as_str()))
    }

    /// `MTRK=`: the certifier in base64, and for how many seconds records are to be kept. The list
    /// needs an [`envid`](Self::envid) with an `@` too (RFC 3885 section 3.1).
    ///
    /// # Errors
    ///
    /// [`Rule::ParameterValue`] for a certifier that is no base64, or a time above 999,999,999.
    pub fn mtrk(&mut self, certifier: &str, timeout: Option<u32>) -> Result<&mut Self, ParseError> {
        let value = match timeout {
            Some(timeout) => alloc::format!("{certifier}:{timeout}"),
            None => String::from(certifier),
        };
        Mtrk::parse(&value)?;
        Ok(self.remove("MTRK").append(format_args!("MTRK={value}")))
    }

    /// `TRANSID=`, with its brackets (RFC 1845 section 2).
    ///
    /// # Errors
    ///
    /// [`Rule::ParameterValue`].
    pub fn transid(&mut self, name: &str) -> Result<&mut Self, ParseError> {
        let name = TransId::parse(name)?;
        Ok(self.remove("TRANSID").append(format_args!("TRANSID={}", name.as_str())))
    }

    /// `RRVS=` (RFC 7293 section 3.1).
    pub fn rrvs(&mut self, since: DateTime, action: IfRecipientChanged) -> &mut Self {
        let action = match action {
            IfRecipientChanged::Continue => ";C",
            IfRecipientChanged::Reject => "",
        };
        self.remove("RRVS").append(format_args!("RRVS={since}{action}"))
    }

    /// `NOTIFY=` (RFC 3461 section 4.1).
    pub fn notify(&mut self, notify: Notify) -> &mut Self {
        self.remove("NOTIFY").append(format_args!("NOTIFY={notify}"))
    }

    /// `ORCPT=`: the address given first, not yet encoded, and its kind: `rfc822`, or `utf-8` for
    /// one with other characters than ASCII's (RFC 3461 section 4.2, RFC 6533 section 3; G-46).
    ///
    /// # Errors
    ///
    /// [`Rule::ParameterValue`] when the kind is no atom, the address is empty, does not fit its
    /// kind, or makes a value longer than 500 octets.
    pub fn orcpt(&mut self, addr_type: &str, address: &str) -> Result<&mut Self, ParseError> {
        const MAX: usize = 500;
        let mut value = String::from(addr_type);
        value.push(';');
        if addr_type.eq_ignore_ascii_case("utf-8") {
            escape_into(address, &mut value);
        } else {
            xtext::encode_into(address.as_bytes(), &mut value);
        }
        if address.is_empty() || value.len() > MAX {
            return Err(ParseError::new(Rule::ParameterValue, 0));
        }
        Orcpt::check(value.as_bytes())?;
        Ok(self.remove("ORCPT").append(format_args!("ORCPT={value}")))
    }
}

/// The form that any server takes: `utf-8-addr-xtext` of RFC 6533 section 3 (G-47).
pub(crate) fn escape_into(address: &str, value: &mut String) {
    for c in address.chars() {
        if matches!(c, '!'..='~') && !matches!(c, '+' | '=' | '\\') {
            value.push(c);
        } else {
            let _ = write!(value, "\\x{{{:02X}}}", u32::from(c));
        }
    }
}

impl fmt::Debug for ParameterList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParameterList({:?})", self.0)
    }
}
