//! A recipient in a report.

use alloc::{string::ToString, vec::Vec};

use crate::client::{Cause, Outcome, Status};
use crate::date::Date;
use crate::domain::Host;
use crate::parameter::RcptParameters;
use crate::path::ForwardPath;
use crate::reply::ReplyBuf;
use crate::report::Action;
use crate::status::EnhancedCode;

/// What a report says of one recipient (RFC 3464 section 2.3; T-20).
#[derive(Clone, Debug)]
pub struct Recipient<'a> {
    pub(super) path: ForwardPath<'a>,
    pub(super) parameters: RcptParameters<'a>,
    pub(super) action: Action,
    pub(super) status: EnhancedCode,
    pub(super) remote: Option<Host<'a>>,
    pub(super) diagnostic: Option<Diagnostic>,
    pub(super) last_attempt: Option<Date>,
    pub(super) log_id: Option<&'a str>,
    pub(super) retry_until: Option<Date>,
    pub(super) extensions: Vec<(&'a str, &'a str)>,
}

/// Why, as a machine said it.
#[derive(Clone, Debug)]
pub(super) enum Diagnostic {
    /// `smtp`
    Reply(ReplyBuf),
    /// Not a server's words.
    Local(alloc::string::String),
}

impl<'a> Recipient<'a> {
    /// A recipient as it came with RCPT. The class of `status` is 2 for what went well, 5 for what
    /// failed, and 4 for what is delayed or failed in the end because it always was.
    #[must_use]
    pub const fn new(
        path: ForwardPath<'a>,
        parameters: RcptParameters<'a>,
        action: Action,
        status: EnhancedCode,
    ) -> Self {
        Self {
            path,
            parameters,
            action,
            status,
            remote: None,
            diagnostic: None,
            last_attempt: None,
            log_id: None,
            retry_until: None,
            extensions: Vec::new(),
        }
    }

    /// A recipient whose last attempt ended in an outcome, at a server if it got that far.
    #[must_use]
    pub fn of_outcome(
        path: ForwardPath<'a>,
        parameters: RcptParameters<'a>,
        action: Action,
        outcome: &Outcome,
        remote: Option<Host<'a>>,
    ) -> Self {
        let mut this = Self::new(path, parameters, action, status_of(outcome));
        this.remote = remote;
        this.diagnostic = Some(match outcome.reply() {
            Some(reply) => Diagnostic::Reply(reply.clone()),
            None => Diagnostic::Local(match outcome.cause() {
                // What stands for a server's words before it was asked.
                Cause::Local(rejection) => rejection.text().to_string(),
                other => other.to_string(),
            }),
        });
        this
    }

    /// The server that was tried, and its reply if it gave one.
    #[must_use]
    pub fn remote(mut self, host: Host<'a>, reply: Option<&ReplyBuf>) -> Self {
        self.remote = Some(host);
        self.diagnostic = reply.cloned().map(Diagnostic::Reply).or(self.diagnostic);
        self
    }

    /// Why, in the words of this host, where no server gave a reply.
    #[must_use]
    pub fn because(mut self, text: &str) -> Self {
        self.diagnostic = Some(Diagnostic::Local(text.to_string()));
        self
    }

    /// When it was last tried.
    #[must_use]
    pub const fn last_attempt(mut self, date: Date) -> Self {
        self.last_attempt = Some(date);
        self
    }

    /// Under which id the last server took or refused it.
    #[must_use]
    pub const fn final_log_id(mut self, id: &'a str) -> Self {
        self.log_id = Some(id);
        self
    }

    /// How long it will be tried; told of a delay only.
    #[must_use]
    pub const fn will_retry_until(mut self, date: Date) -> Self {
        self.retry_until = Some(date);
        self
    }

    /// Another field, its name with `X-` in front unless it is registered (RFC 3464 section 2.4).
    /// A name that is not made of letters, digits and `-` is left out.
    #[must_use]
    pub fn extension_field(mut self, name: &'a str, value: &'a str) -> Self {
        if crate::grammar::all(name, crate::grammar::LDH) {
            self.extensions.push((name, value));
        }
        self
    }
}

/// The code for the `Status` field: that of the reply or of the local cause if it is of the class of
/// the outcome, else `x.0.0` (RFC 3461 section 6.3; T-21).
#[must_use]
pub fn status_of(outcome: &Outcome) -> EnhancedCode {
    use crate::status::Class;

    let (class, digit) = match outcome.status() {
        Status::Delivered => (Class::Success, 2),
        Status::Rejected => (Class::Permanent, 5),
        Status::Deferred | Status::InDoubt => (Class::Transient, 4),
    };
    let known = outcome.enhanced().filter(|code| code.class() == digit);
    known.unwrap_or_else(|| EnhancedCode::of_class(class, 0, 0))
}
