//! The message that is reported about.

use crate::date::Date;
use crate::domain::HelloName;
use crate::parameter::{MailParameters, Ret};
use crate::path::ReversePath;

/// What is known of the message that a report is about: the MAIL command it came with, and when.
#[derive(Clone, Copy, Debug)]
pub struct Original<'a> {
    pub(super) reverse_path: ReversePath<'a>,
    pub(super) parameters: MailParameters<'a>,
    pub(super) arrived: Date,
    pub(super) received_from: Option<HelloName<'a>>,
}

impl<'a> Original<'a> {
    /// A message that arrived with this MAIL command at this time.
    #[must_use]
    pub const fn new(
        reverse_path: ReversePath<'a>,
        parameters: MailParameters<'a>,
        arrived: Date,
    ) -> Self {
        Self { reverse_path, parameters, arrived, received_from: None }
    }

    /// The host it came from, by the name of its hello.
    #[must_use]
    pub const fn received_from(mut self, hello: HelloName<'a>) -> Self {
        self.received_from = Some(hello);
        self
    }

    /// How the report is to be spelled.
    pub(super) fn form(&self) -> Form {
        if !self.parameters.smtputf8() && self.reverse_path.is_ascii() {
            Form::Plain
        } else if self.reverse_path.is_ascii() {
            Form::Encoded
        } else {
            Form::Utf8
        }
    }

    /// Whether all of the message may be given back: the sender wants it, and nothing forbids it. One
    /// that had to go by TLS all the way may come back over a way that is not known (RFC 8689 section
    /// 5).
    pub(super) fn wants_all(&self) -> bool {
        self.parameters.ret() == Some(Ret::Full) && !self.parameters.require_tls()
    }
}

/// How a report is spelled (RFC 6533 section 4; T-25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The original is not internationalized.
    Plain,
    /// It is, but the sender's address is ASCII: the report must not need SMTPUTF8 on its way back.
    Encoded,
    /// The sender's address needs SMTPUTF8 anyway.
    Utf8,
}
