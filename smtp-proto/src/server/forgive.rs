//! What there is to forgive in a command that is well formed by the profile.

use super::{
    check::{Argued, Question},
    session::Session,
};
use crate::{
    command::Command,
    parameter::RcptParameters,
    path::{ForwardPath, Mailbox, ReversePath},
    profile::{HelloSyntax, Leniency, StartTlsTrailing, Syntax, Verdict},
};

/// A line shorter than this has no local-part of more than [`LOCAL_PART`] octets.
const LONG_LINE: usize = "MAIL FROM:<>".len() + LOCAL_PART;

/// The longest local-part every server takes (RFC 5321 section 4.5.3.1.1).
const LOCAL_PART: usize = 64;

impl Session {
    /// Notes what the MAIL at the front of the input is forgiven; the first of it is to be told.
    #[inline]
    pub(super) fn forgive_mail(&mut self, line: &[u8], path: ReversePath<'_>) -> Option<Leniency> {
        self.forgive_line(line, path.mailbox());
        self.leniencies.take()
    }

    /// The same for RCPT.
    #[inline]
    pub(super) fn forgive_rcpt(
        &mut self,
        line: &[u8],
        path: ForwardPath<'_>,
        parameters: &RcptParameters<'_>,
    ) -> Option<Leniency> {
        self.forgive_line(line, path.mailbox());
        if parameters.orcpt().is_some_and(|orcpt| orcpt.is_mislabelled()) {
            self.note(Leniency::Utf8Orcpt);
        }
        self.leniencies.take()
    }

    /// The same for all others.
    pub(super) fn forgive(
        &mut self,
        argued: Argued<'_>,
        question: &Question<'_>,
    ) -> Option<Leniency> {
        self.forgive_line(argued.line, None);
        let policy = self.config.profile.server;
        match question {
            Question::Data { trailing }
                if *trailing > 0 && policy.early_data == Verdict::Accept =>
            {
                self.note(Leniency::EarlyData);
            }
            Question::StartTls { trailing }
                if *trailing > 0 && policy.starttls_trailing == StartTlsTrailing::Discard =>
            {
                self.note(Leniency::StartTlsTrailing);
            }
            Question::Auth(exchange) if !self.tls && self.is_plaintext(&exchange.mechanism) => {
                self.note(Leniency::PlaintextAuth);
            }
            _ => {}
        }
        self.leniencies.take()
    }

    #[inline]
    fn forgive_line(&mut self, line: &[u8], mailbox: Option<Mailbox<'_>>) {
        let syntax = &self.config.profile.syntax;
        if syntax.relaxed || syntax.underscore_domain || syntax.hello != HelloSyntax::Strict {
            self.forgive_syntax(line);
        }
        if line.len() >= LONG_LINE {
            self.forgive_local_part(mailbox);
        }
    }

    fn note(&mut self, leniency: Leniency) {
        self.leniencies.insert(leniency);
    }

    fn is_plaintext(&self, mechanism: &str) -> bool {
        let mut offered = self.config.mechanisms.iter();
        offered.any(|offered| *offered.name == *mechanism && offered.plaintext)
    }

    fn forgive_local_part(&mut self, mailbox: Option<Mailbox<'_>>) {
        if mailbox.is_some_and(|mailbox| mailbox.local_part().as_str().len() > LOCAL_PART) {
            self.note(Leniency::LocalPart);
        }
    }

    /// A leniency was used if the line is malformed without it.
    #[cold]
    fn forgive_syntax(&mut self, line: &[u8]) {
        let syntax = self.config.profile.syntax;
        let stricter = [
            (Leniency::RelaxedSyntax, Syntax { relaxed: false, ..syntax }),
            (Leniency::UnderscoreDomain, Syntax { underscore_domain: false, ..syntax }),
            (Leniency::HelloSyntax, Syntax { hello: HelloSyntax::Strict, ..syntax }),
        ];
        for (leniency, stricter) in stricter {
            if stricter != syntax && Command::parse(line, &stricter).is_err() {
                self.note(leniency);
            }
        }
    }
}
