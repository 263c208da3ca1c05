//! What a peer, or a caller, was forgiven.

/// Something that the RFCs do not want and the [`Profile`](super::Profile) allowed: news, told once
/// for each command or message, and named after the switch that would have refused it.
///
/// It asks for nothing. Operators count these to learn which leniency they can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Leniency {
    /// A bare CR or LF in content became a CRLF (`bare_newline`, `client_bare_newline`).
    BareNewline,
    /// Octets above 127 in a message that was not declared so (`undeclared_8bit`).
    Undeclared8Bit,
    /// An octet 0 in text (`nul_in_text`).
    NulInText,
    /// A line of text over 998 octets and CRLF (`max_text_line`, `long_line`).
    LongLine,
    /// Blanks, or a mailbox without angle brackets (`relaxed_syntax`).
    RelaxedSyntax,
    /// A local-part over 64 octets (`local_part_max`).
    LocalPart,
    /// `_` in a domain (`underscore_domain`).
    UnderscoreDomain,
    /// A hello name that is none (`hello_syntax`).
    HelloSyntax,
    /// UTF-8 in an ORCPT of another kind than `utf-8` (`utf8_orcpt`).
    Utf8Orcpt,
    /// Octets before the greeting (`early_talker`).
    EarlyTalker,
    /// Content before 354 (`early_data`).
    EarlyData,
    /// A group of commands without PIPELINING (`unannounced_pipelining`).
    UnannouncedPipelining,
    /// Plaintext behind STARTTLS, thrown away (`starttls_trailing`).
    StartTlsTrailing,
    /// A password outside TLS (`plaintext_auth`).
    PlaintextAuth,
    /// A reply with more than one code (`reply_code_mismatch`).
    ReplyCodeMismatch,
    /// A reply line that ended with LF alone (`lenient_reply_lf`).
    LenientReplyLf,
}

impl Leniency {
    /// Every leniency.
    pub const ALL: [Self; 16] = [
        Self::BareNewline,
        Self::Undeclared8Bit,
        Self::NulInText,
        Self::LongLine,
        Self::RelaxedSyntax,
        Self::LocalPart,
        Self::UnderscoreDomain,
        Self::HelloSyntax,
        Self::Utf8Orcpt,
        Self::EarlyTalker,
        Self::EarlyData,
        Self::UnannouncedPipelining,
        Self::StartTlsTrailing,
        Self::PlaintextAuth,
        Self::ReplyCodeMismatch,
        Self::LenientReplyLf,
    ];

    /// The name of the switch, as the documentation has it.
    pub const fn switch(self) -> &'static str {
        match self {
            Self::BareNewline => "bare_newline",
            Self::Undeclared8Bit => "undeclared_8bit",
            Self::NulInText => "nul_in_text",
            Self::LongLine => "max_text_line",
            Self::RelaxedSyntax => "relaxed_syntax",
            Self::LocalPart => "local_part_max",
            Self::UnderscoreDomain => "underscore_domain",
            Self::HelloSyntax => "hello_syntax",
            Self::Utf8Orcpt => "utf8_orcpt",
            Self::EarlyTalker => "early_talker",
            Self::EarlyData => "early_data",
            Self::UnannouncedPipelining => "unannounced_pipelining",
            Self::StartTlsTrailing => "starttls_trailing",
            Self::PlaintextAuth => "plaintext_auth",
            Self::ReplyCodeMismatch => "reply_code_mismatch",
            Self::LenientReplyLf => "lenient_reply_lf",
        }
    }

    #[expect(clippy::as_conversions, reason = "the only way from a variant to its number")]
    const fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

/// Leniencies that wait to be told: a bit for each, so that a flood of them costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leniencies(u16);

impl Leniencies {
    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn insert(&mut self, leniency: Leniency) {
        self.0 |= leniency.bit();
    }

    pub(crate) const fn contains(self, leniency: Leniency) -> bool {
        self.0 & leniency.bit() != 0
    }

    /// The next one to be told.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Leniency> {
        if self.is_empty() { None } else { self.take_first() }
    }

    #[cold]
    fn take_first(&mut self) -> Option<Leniency> {
        let next = Leniency::ALL.into_iter().find(|&leniency| self.contains(leniency))?;
        self.0 &= !next.bit();
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn each_is_told_once_however_often_it_was_used() {
        let mut waiting = Leniencies::default();
        for _ in 0..3 {
            Leniency::ALL.into_iter().for_each(|leniency| waiting.insert(leniency));
        }
        let told: Vec<_> = core::iter::from_fn(|| waiting.take()).collect();
        assert_eq!(told, Leniency::ALL);
        assert!(waiting.is_empty());
    }

    #[test]
    fn every_leniency_has_a_switch_of_its_own() {
        let mut switches: Vec<_> = Leniency::ALL.iter().map(|one| one.switch()).collect();
        switches.sort_unstable();
        switches.dedup();
        assert_eq!(switches.len(), Leniency::ALL.len());
    }
}
