//! The parameters of MAIL that a transaction adds to those of the caller.

use bytes::BufMut;

use crate::{
    decimal::Decimal,
    parameter::{Body, MAX_PARAMETERS, MailParameters, Parameters},
};

/// What the server is told of the content, where it offers to be told. It was judged before.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnParameters {
    pub(super) size: Option<u64>,
    /// Lines of ASCII need no word.
    pub(super) body: Body,
    pub(super) smtputf8: bool,
}

/// What the parameters of MAIL say of the transaction that it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meant {
    pub(super) smtputf8: bool,
    /// The content is BINARYMIME.
    pub(super) binary: bool,
    /// The server may resume the message (RFC 1845 section 4).
    pub(super) transid: bool,
}

impl Meant {
    /// The caller's parameters say this, too.
    pub(super) fn add(&mut self, parameters: &MailParameters<'_>) {
        self.smtputf8 |= parameters.smtputf8();
        self.binary |= parameters.body() == Some(Body::BinaryMime);
        self.transid |= parameters.transid().is_some();
    }
}

impl OwnParameters {
    pub(super) const NONE: Self = Self { size: None, body: Body::SevenBit, smtputf8: false };

    /// Whether the caller's parameters can stand behind these: none of them twice, and not too many.
    pub(super) fn can_precede(&self, others: Parameters<'_>) -> bool {
        if others.is_empty() {
            return true;
        }
        let own = [
            ("SIZE", self.size.is_some()),
            ("BODY", self.body != Body::SevenBit),
            ("SMTPUTF8", self.smtputf8),
        ];
        let own = own.iter().filter(|(_, is_said)| *is_said);
        let count = own.clone().count() + others.iter().count();
        count <= MAX_PARAMETERS && own.into_iter().all(|(keyword, _)| others.get(keyword).is_none())
    }

    /// What these say of the transaction.
    pub(super) fn meant(&self) -> Meant {
        let binary = self.body == Body::BinaryMime;
        Meant { smtputf8: self.smtputf8, binary, transid: false }
    }

    /// Writes each behind one SP.
    pub(super) fn write(&self, out: &mut impl BufMut) {
        if let Some(size) = self.size {
            out.put_slice(b" SIZE=");
            out.put_slice(Decimal::of(size).as_bytes());
        }
        if self.body != Body::SevenBit {
            out.put_slice(b" BODY=");
            out.put_slice(self.body.as_str().as_bytes());
        }
        if self.smtputf8 {
            out.put_slice(b" SMTPUTF8");
        }
    }
}
