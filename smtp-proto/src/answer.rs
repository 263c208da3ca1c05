//! What an application answers to a question: an [`Acceptance`] or a [`Rejection`].
//!
//! The two types keep the class of the code: an acceptance is always 2yz, a rejection always 4yz or
//! 5yz, and the enhanced code is of the same class (RFC 2034 §4, RFC 5321 §4.2.1). So a
//! transaction's state and the code on the wire cannot contradict each other (R-07, R-10).

use alloc::borrow::Cow;
use core::fmt;

use crate::{
    command::Verb,
    status::{Class, Code, EnhancedCode, Severity},
};

#[cfg(test)]
mod tests;

/// A code was given that does not fit: not 2yz in an [`Acceptance`], not 4yz or 5yz in a
/// [`Rejection`], a basic and an enhanced code of different classes (RFC 2034 §4), or a second digit
/// above 5, which no reply code has (RFC 5321 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the code does not fit this answer")]
pub struct WrongClass;

/// A positive answer: 2yz.
///
/// What is not set is left to the command's default: code, enhanced code, and with an empty text
/// also the text. The text may hold several lines, separated by `\n`; octets that a reply must not
/// hold go out as `?`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acceptance<'a> {
    text: Cow<'a, str>,
    code: Option<Code>,
    enhanced: Option<EnhancedCode>,
}

impl<'a> Acceptance<'a> {
    /// An acceptance with this text, code and enhanced code being the command's defaults.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), code: None, enhanced: None }
    }

    /// Sets the enhanced code `2.subject.detail`. A number above 999 is taken as 0 (RFC 3463 §3.1:
    /// undefined).
    #[must_use]
    pub fn with_enhanced(mut self, subject: u16, detail: u16) -> Self {
        self.enhanced = Some(EnhancedCode::of_class(Class::Success, subject, detail));
        self
    }

    /// Sets the reply code.
    ///
    /// # Errors
    /// [`WrongClass`] if it is not 2yz, y being 0 to 5.
    pub fn with_code(mut self, code: Code) -> Result<Self, WrongClass> {
        if code.severity() != Severity::PositiveCompletion || !code.is_of_the_grammar() {
            return Err(WrongClass);
        }
        self.code = Some(code);
        Ok(self)
    }

    /// The reply code, if one was set.
    pub fn code(&self) -> Option<Code> {
        self.code
    }

    /// The enhanced code, if one was set.
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        self.enhanced
    }

    /// The text; empty for the default.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether all is left to the command's default.
    pub(crate) fn is_default(&self) -> bool {
        self.code.is_none() && self.enhanced.is_none() && self.text.is_empty()
    }

    /// The same, borrowing nothing.
    pub fn into_owned(self) -> Acceptance<'static> {
        Acceptance {
            text: Cow::Owned(self.text.into_owned()),
            code: self.code,
            enhanced: self.enhanced,
        }
    }
}

/// A negative answer: 4yz or 5yz, always with an enhanced code.
///
/// The reply code follows from the enhanced code by [`EnhancedCode::basic_code`] unless one is set.
/// The text may hold several lines, separated by `\n`; octets that a reply must not hold go out as
/// `?`.
///
/// ```text
/// Rejection::permanent(1, 1, "no such user here")   550 5.1.1 no such user here
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection<'a> {
    text: Cow<'a, str>,
    enhanced: EnhancedCode,
    code: Option<Code>,
}

impl Rejection<'static> {
    /// 550 5.1.1: the mailbox does not exist.
    pub const MAILBOX_UNKNOWN: Self = Self::permanent(1, 1, "no such mailbox here");
    /// 550 5.1.2: the destination host does not exist.
    pub const BAD_DESTINATION: Self = Self::permanent(1, 2, "no such destination");
    /// 556 5.1.10: the recipient's domain has a null MX (RFC 7505).
    pub const NULL_MX: Self = Self::permanent(1, 10, "this domain takes no mail");
    /// 550 5.2.1: the mailbox is disabled.
    pub const MAILBOX_DISABLED: Self = Self::permanent(2, 1, "mailbox disabled");
    /// 450 4.2.1: the mailbox cannot be used now.
    pub const MAILBOX_BUSY: Self = Self::temporary(2, 1, "mailbox not available now");
    /// 452 4.2.2: the mailbox is full.
    pub const MAILBOX_FULL: Self = Self::temporary(2, 2, "mailbox full");
    /// 452 4.3.1: the system's storage is full.
    pub const INSUFFICIENT_STORAGE: Self = Self::temporary(3, 1, "insufficient system storage");
    /// 451 4.3.0: a local fault.
    pub const LOCAL_ERROR: Self = Self::temporary(3, 0, "local error in processing");
    /// 451 4.3.0: what was to answer took too long.
    pub const ANSWER_TIMEOUT: Self = Self::temporary(3, 0, "took too long here, try again later");
    /// 421 4.3.2: the service is going down; the connection closes.
    pub const SHUTTING_DOWN: Self = Self::temporary(3, 2, "service not available, closing");
    /// 521 5.3.2: this host takes no mail (RFC 7504).
    pub const NO_MAIL_SERVICE: Self = Self::permanent(3, 2, "this host takes no mail");
    /// 552 5.3.4: the message is bigger than this system takes.
    pub const MESSAGE_TOO_BIG: Self = Self::permanent(3, 4, "message too big");
    /// 421 4.4.2: waited too long; the connection closes.
    pub const TIMEOUT: Self = Self::temporary(4, 2, "timeout, closing");
    /// 554 5.4.6: the message goes round in a loop.
    pub const LOOP: Self = Self::permanent(4, 6, "mail loop");
    /// 452 4.5.3: more recipients than one transaction may have.
    pub const TOO_MANY_RECIPIENTS: Self = Self::temporary(5, 3, "too many recipients");
    /// 500 5.5.2: unknown command.
    pub const COMMAND_UNKNOWN: Self = Self::permanent(5, 2, "command not recognized");
    /// 502 5.5.1: a known command that is not implemented or switched off.
    pub const NOT_IMPLEMENTED: Self =
        Self::permanent(5, 1, "command not implemented").coded(Code::NOT_IMPLEMENTED);
    /// 503 5.5.1: wrong order of commands.
    pub const BAD_SEQUENCE: Self = Self::permanent(5, 1, "bad sequence of commands");
    /// 504 5.5.4: the value of an argument is not implemented.
    pub const ARGUMENT_NOT_IMPLEMENTED: Self =
        Self::permanent(5, 4, "argument not implemented").coded(Code::ARGUMENT_NOT_IMPLEMENTED);
    /// 555 5.5.4: a MAIL or RCPT parameter that is unknown or was not offered.
    pub const PARAMETER_UNKNOWN: Self =
        Self::permanent(5, 4, "parameter not recognized").coded(Code::PARAMETER_UNKNOWN);
    /// 455 4.5.4: a MAIL or RCPT parameter that cannot be satisfied now.
    pub const PARAMETER_NOT_NOW: Self =
        Self::temporary(5, 4, "parameter not possible now").coded(Code::PARAMETER_NOT_NOW);
    /// 554 5.6.0: the message was refused.
    pub const TRANSACTION_FAILED: Self = Self::permanent(6, 0, "transaction failed");
    /// 550 5.7.1: this server does not relay for you.
    pub const RELAY_DENIED: Self = Self::permanent(7, 1, "relaying denied");
    /// 550 5.7.1: refused by local policy.
    pub const POLICY: Self = Self::permanent(7, 1, "refused by policy");
    /// 450 4.7.1: refused for now by local policy.
    pub const TRY_LATER: Self = Self::temporary(7, 1, "try again later").coded(Code::MAILBOX_BUSY);
    /// 550 5.7.2: expanding a list is not allowed.
    pub const EXPANSION_DENIED: Self = Self::permanent(7, 2, "list expansion not allowed");
    /// 530 5.7.0: authentication is required first.
    pub const AUTHENTICATION_REQUIRED: Self = Self::permanent(7, 0, "authentication required");
    /// 530 5.7.0: STARTTLS is required first (RFC 3207 §4).
    pub const TLS_REQUIRED: Self = Self::permanent(7, 0, "must issue STARTTLS first");
    /// 454 4.7.0: authentication is not available now.
    pub const AUTH_UNAVAILABLE: Self = Self::temporary(7, 0, "temporary authentication failure")
        .coded(Code::TEMPORARILY_UNAVAILABLE);
    /// 458 4.5.0: what waits for the node cannot be sent now (ETRN, RFC 1985 §5.1).
    pub const CANNOT_QUEUE: Self =
        Self::temporary(5, 0, "cannot queue messages for this node").coded(Code::CANNOT_QUEUE);
    /// 459 4.7.1: this client may not have the node's mail sent (ETRN, RFC 1985 §5.1).
    pub const NODE_NOT_ALLOWED: Self =
        Self::temporary(7, 1, "node not allowed").coded(Code::NODE_NOT_ALLOWED);
    /// 450 4.7.1: the customer has no access to one of the domains (ATRN, RFC 2645 §5.2.1).
    pub const DOMAINS_DENIED: Self =
        Self::temporary(7, 1, "no access to these domains").coded(Code::MAILBOX_BUSY);
    /// 453 4.3.2: nothing waits for the customer (ATRN, RFC 2645 §5.2.1).
    pub const NO_MAIL_WAITING: Self =
        Self::temporary(3, 2, "no mail waiting").coded(Code::NO_MAIL_WAITING);
    /// 554 5.6.6: the content of a URL cannot be had (BURL, RFC 4468 §6).
    pub const FETCH_FAILED: Self =
        Self::permanent(6, 6, "the content cannot be fetched").coded(Code::TRANSACTION_FAILED);
    /// 451 4.4.1: the server that has the content does not answer (BURL, RFC 4468 §6).
    pub const STORE_UNREACHABLE: Self =
        Self::temporary(4, 1, "the content's server does not answer").coded(Code::LOCAL_ERROR);
    /// 554 5.7.14: this server has no trust relationship with the one that has the content (BURL,
    /// RFC 4468 §6, whose 5.7.8 was given to something else: RFC 5248's registry).
    pub const STORE_NOT_TRUSTED: Self =
        Self::permanent(7, 14, "no trust in the content's server").coded(Code::TRANSACTION_FAILED);
    /// 554 5.7.0: the URL is not for this user (BURL, RFC 4468 §3.3, §3.4).
    pub const URL_DENIED: Self =
        Self::permanent(7, 0, "URL not allowed").coded(Code::TRANSACTION_FAILED);
    /// 454 4.7.0: TLS is not available now (RFC 3207 §4).
    pub const TLS_UNAVAILABLE: Self =
        Self::temporary(7, 0, "TLS not available now").coded(Code::TEMPORARILY_UNAVAILABLE);
    /// 535 5.7.8: the credentials are wrong.
    pub const BAD_CREDENTIALS: Self = Self::permanent(7, 8, "authentication credentials invalid");
    /// 432 4.7.12: the user has to log in by PLAIN once, inside TLS (RFC 4954 §6).
    pub const PASSWORD_TRANSITION: Self =
        Self::temporary(7, 12, "password transition needed").coded(Code::PASSWORD_TRANSITION);
    /// 534 5.7.9: the mechanism is too weak.
    pub const MECHANISM_TOO_WEAK: Self = Self::permanent(7, 9, "mechanism too weak");
    /// 538 5.7.11: the mechanism needs encryption.
    pub const MECHANISM_NEEDS_ENCRYPTION: Self =
        Self::permanent(7, 11, "encryption required for this mechanism");
    /// 525 5.7.13: the account is disabled.
    pub const ACCOUNT_DISABLED: Self = Self::permanent(7, 13, "account disabled");
    /// 550 5.7.15: the message's priority is too low (RFC 6710 section 4.1).
    pub const PRIORITY_TOO_LOW: Self = Self::permanent(7, 15, "priority too low");
    /// 450 4.7.15: the message's priority is too low for the present load (RFC 6710 section 4.1).
    pub const PRIORITY_TOO_LOW_NOW: Self = Self::temporary(7, 15, "priority too low now");
    /// 552 5.7.16: the message is too big for its priority (RFC 6710 section 5).
    pub const TOO_BIG_FOR_PRIORITY: Self = Self::permanent(7, 16, "too big for its priority");
    /// 550 5.7.17: the mailbox has had another owner since (RFC 7293 section 5.1).
    pub const OWNER_CHANGED: Self = Self::permanent(7, 17, "mailbox owner has changed");
    /// 550 5.7.18: the domain has had another owner since (RFC 7293 section 15.3).
    pub const DOMAIN_OWNER_CHANGED: Self = Self::permanent(7, 18, "domain owner has changed");
    /// 550 5.7.19: since when the mailbox has had its owner is not known (RFC 7293 section 5).
    pub const OWNER_UNKNOWN: Self = Self::permanent(7, 19, "RRVS test cannot be completed");

    /// A permanent refusal `5.subject.detail`, for constants too. A number above 999 is taken as 0
    /// (RFC 3463 §3.1: undefined).
    pub const fn permanent(subject: u16, detail: u16, text: &'static str) -> Self {
        let enhanced = EnhancedCode::of_class(Class::Permanent, subject, detail);
        Self { text: Cow::Borrowed(text), enhanced, code: None }
    }

    /// A refusal for now `4.subject.detail`, for constants too. A number above 999 is taken as 0
    /// (RFC 3463 §3.1: undefined).
    pub const fn temporary(subject: u16, detail: u16, text: &'static str) -> Self {
        let enhanced = EnhancedCode::of_class(Class::Transient, subject, detail);
        Self { text: Cow::Borrowed(text), enhanced, code: None }
    }

    /// The same with this reply code, for constants. A code of another class is not taken.
    pub(crate) const fn coded(mut self, code: Code) -> Self {
        if code.severity().digit() == self.enhanced.class() {
            self.code = Some(code);
        }
        self
    }
}

impl<'a> Rejection<'a> {
    /// A rejection with this enhanced code.
    ///
    /// # Errors
    /// [`WrongClass`] if its class is 2.
    pub fn new(enhanced: EnhancedCode, text: impl Into<Cow<'a, str>>) -> Result<Self, WrongClass> {
        if enhanced.severity().is_positive() {
            return Err(WrongClass);
        }
        Ok(Self { text: text.into(), enhanced, code: None })
    }

    /// The same rejection with another text.
    #[must_use]
    pub fn with_text<'b>(self, text: impl Into<Cow<'b, str>>) -> Rejection<'b> {
        Rejection { text: text.into(), enhanced: self.enhanced, code: self.code }
    }

    /// The same with a text that names the command; unchanged where the verb is not known.
    pub(crate) fn about(&self, verb: Verb) -> Rejection<'_> {
        let text: Cow<'_, str> = match verb.as_str() {
            "" => Cow::Borrowed(&self.text),
            verb => alloc::format!("{verb}: {}", self.text).into(),
        };
        Rejection { text, enhanced: self.enhanced, code: self.code }
    }

    /// Sets the reply code.
    ///
    /// # Errors
    /// [`WrongClass`] if its first digit differs from that of the enhanced code, or its second one is
    /// above 5.
    pub fn with_code(mut self, code: Code) -> Result<Self, WrongClass> {
        if code.severity() != self.enhanced.severity() || !code.is_of_the_grammar() {
            return Err(WrongClass);
        }
        self.code = Some(code);
        Ok(self)
    }

    /// The reply code: the one set, else the one that goes with the enhanced code.
    pub fn code(&self) -> Code {
        self.code.unwrap_or_else(|| self.enhanced.basic_code())
    }

    /// The enhanced code.
    pub fn enhanced(&self) -> EnhancedCode {
        self.enhanced
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Transient or permanent.
    pub fn severity(&self) -> Severity {
        self.enhanced.severity()
    }

    /// The same, borrowing nothing.
    pub fn into_owned(self) -> Rejection<'static> {
        Rejection {
            text: Cow::Owned(self.text.into_owned()),
            enhanced: self.enhanced,
            code: self.code,
        }
    }
}

/// `550 5.1.1 no such mailbox here`, line ends shown as ` / `.
impl fmt::Display for Rejection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.enhanced)?;
        for (index, line) in self.text.lines().enumerate() {
            f.write_str(if index == 0 { " " } else { " / " })?;
            crate::reply::display_text(line.as_bytes(), f)?;
        }
        Ok(())
    }
}

impl core::error::Error for Rejection<'_> {}
