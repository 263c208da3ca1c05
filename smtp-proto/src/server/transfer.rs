//! The mail transaction under way: what was announced, and what has come of its content.

use alloc::boxed::Box;

use crate::{
    answer::Rejection,
    data::{BareNewline, Decoder, LineCheck, LineLength},
    parameter::{Body, MailParameters},
    profile::{Leniency, ServerPolicy, Verdict},
    status::Code,
};

const BARE_NEWLINE: Rejection<'static> =
    Rejection::permanent(5, 2, "bare CR or LF in the message").coded(Code::MAILBOX_UNAVAILABLE);
const UNDECLARED_8BIT: Rejection<'static> =
    Rejection::permanent(6, 1, "8-bit content was not declared").coded(Code::TRANSACTION_FAILED);
const NUL_IN_TEXT: Rejection<'static> = Rejection::permanent(6, 0, "NUL in the message");
const LINE_TOO_LONG: Rejection<'static> = Rejection::permanent(6, 0, "text line too long");

/// The timer of content starts anew after this many octets.
const CONTENT_BLOCK: u64 = 16 * 1024;

/// The transaction under way.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) decoder: Decoder,
    pub(super) lines: LineCheck,
    pub(super) length: LineLength,
    pub(super) bare_newline: BareNewline,
    /// Recipients accepted.
    pub(super) recipients: u32,
    /// At least one RCPT was refused by the application.
    pub(super) refused_recipients: bool,
    /// There is no transaction, since its MAIL was refused: what was sent with it follows.
    pub(super) mail_refused: bool,
    /// How many commands were refused only because one before them was.
    pub(super) followed: u32,
    /// SIZE= of MAIL.
    pub(super) declared: Option<u64>,
    /// BODY=BINARYMIME.
    pub(super) binary: bool,
    /// … and it has octets above 127.
    pub(super) binary_8bit: bool,
    pub(super) smtputf8: bool,
    /// Octets above 127 were announced.
    declared_8bit: bool,
    /// The message comes by BDAT or BURL.
    pub(super) chunked: bool,
    /// Its last part came by BURL, and the message is not accepted: that fails the transaction
    /// (RFC 4468 section 3.2).
    pub(super) fetched_last: bool,
    /// Octets of content so far: dots removed, the end not counted (RFC 1870 section 5).
    pub(super) received: u64,
    /// `received` when the timer was started.
    mark: u64,
    /// The application knows of this transaction and has not been told that it is over; so nothing is
    /// wrong with the content, and it is told.
    pub(super) known: bool,
    /// A CRLF is to be told in place of a bare CR or LF.
    pub(super) newline: bool,
    /// Why the message will be refused when it has come whole.
    /// In a box, as most messages have none.
    pub(super) poison: Option<Box<Rejection<'static>>>,
}

impl Transfer {
    pub(super) fn new(policy: &ServerPolicy) -> Self {
        Self::with(policy.bare_newline, LineLength::new(policy.max_text_line))
    }

    fn with(bare_newline: BareNewline, length: LineLength) -> Self {
        Self {
            decoder: Decoder::new(bare_newline),
            lines: LineCheck::new(bare_newline),
            length,
            bare_newline,
            recipients: 0,
            refused_recipients: false,
            mail_refused: false,
            followed: 0,
            declared: None,
            binary: false,
            binary_8bit: false,
            smtputf8: false,
            declared_8bit: false,
            chunked: false,
            fetched_last: false,
            received: 0,
            mark: 0,
            known: false,
            newline: false,
            poison: None,
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::with(self.bare_newline, self.length.anew());
    }

    pub(super) fn begin(&mut self, parameters: &MailParameters<'_>) {
        self.clear();
        self.known = true;
        self.declared = parameters.size();
        self.binary = parameters.body() == Some(Body::BinaryMime);
        self.smtputf8 = parameters.smtputf8();
        let body = matches!(parameters.body(), Some(Body::EightBitMime | Body::BinaryMime));
        self.declared_8bit = body || self.smtputf8;
    }

    /// The MAIL that was to begin it was refused.
    pub(super) fn mail_refused(&mut self) {
        self.mail_refused = true;
        self.followed = 0;
    }

    /// Content begins. A chunk that came at the wrong time and was dropped is none of it.
    pub(super) fn begin_content(&mut self) {
        self.received = 0;
        self.mark = 0;
    }

    /// The first cause counts.
    pub(super) fn poison(&mut self, reply: Rejection<'static>) {
        self.newline = false;
        if self.poison.is_none() {
            self.poison = Some(Box::new(reply));
        }
    }

    pub(super) fn has_8bit(&self) -> bool {
        self.decoder.has_8bit() || self.lines.has_8bit() || self.binary_8bit
    }

    /// Whether a bare CR or LF was seen in what is no binary content.
    fn has_bare_newline(&self) -> bool {
        !self.binary && (self.decoder.bare_newline() || self.lines.bare_newline())
    }

    /// The reply to a bare CR or LF, where one was seen that the policy does not mend.
    pub(super) fn refused_newline(&self) -> Option<Rejection<'static>> {
        let refused = self.decoder.is_refused() || self.lines.is_refused();
        (!self.binary && refused).then_some(BARE_NEWLINE)
    }

    /// What may be unusual in a message that has come whole and that nothing is wrong with, and whether
    /// it is there.
    #[inline(always)]
    pub(super) fn unusual(&self) -> [(Leniency, bool); 4] {
        let text = !self.binary;
        let nul = self.decoder.has_nul() || self.lines.has_nul();
        [
            (Leniency::BareNewline, self.has_bare_newline()),
            (Leniency::NulInText, text && nul),
            (Leniency::Undeclared8Bit, self.has_8bit() && !self.declared_8bit),
            (Leniency::LongLine, self.length.is_long()),
        ]
    }

    /// The reply to a message in which that is seen, where the policy does not forgive it.
    pub(super) fn refusal(
        &self,
        unusual: Leniency,
        policy: &ServerPolicy,
    ) -> Option<Rejection<'static>> {
        let unless_accepted = |verdict, reply| (verdict == Verdict::Reject).then_some(reply);
        match unusual {
            Leniency::BareNewline => self.refused_newline(),
            Leniency::NulInText => unless_accepted(policy.nul_in_text, NUL_IN_TEXT),
            Leniency::Undeclared8Bit => unless_accepted(policy.undeclared_8bit, UNDECLARED_8BIT),
            Leniency::LongLine => self.length.is_too_long().then_some(LINE_TOO_LONG),
            _ => None,
        }
    }

    /// Whether so much content came that the timer starts anew.
    pub(super) fn progress(&mut self) -> bool {
        let progress = self.received.saturating_sub(self.mark) >= CONTENT_BLOCK;
        if progress {
            self.mark = self.received;
        }
        progress
    }
}
