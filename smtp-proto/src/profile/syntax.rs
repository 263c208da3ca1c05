//! How strictly commands are read.

/// What is taken for the name behind `EHLO`, `HELO` and `LHLO` (RFC 5321 section 4.1.1.1; G-21).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HelloSyntax {
    /// A domain or an address literal, as the grammar says.
    #[default]
    Strict,
    /// Also `_` inside a label.
    Underscore,
    /// Any 1 to 255 visible ASCII octets: desktop programs send whatever their host is called.
    Any,
}

/// The leniencies of the command grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Syntax {
    /// Several blanks where one is due, blanks behind `FROM:` and `TO:`, and a mailbox without
    /// angle brackets (F-20, G-24).
    pub relaxed: bool,
    /// `_` inside the labels of a domain in a path (G-10).
    pub underscore_domain: bool,
    /// What a hello name may be (G-21).
    pub hello: HelloSyntax,
    /// The longest local-part, in octets as spelled; `None` leaves it to the limit of the whole
    /// path, 256 octets, since addresses made by rewriting senders go past 64 (G-09).
    pub local_part_max: Option<u16>,
    /// UTF-8 in addresses, parameter values and free text: set where SMTPUTF8 is offered
    /// (RFC 6531 section 3.3; F-21, G-16).
    pub utf8: bool,
}

impl Syntax {
    /// The grammar to the letter, with the local-part of RFC 5321 section 4.5.3.1.1.
    pub const STRICT: Self = Self { local_part_max: Some(64), ..Self::INTERNET };

    /// What mail from strangers needs: the grammar, and long local-parts.
    pub const INTERNET: Self = Self {
        relaxed: false,
        underscore_domain: false,
        hello: HelloSyntax::Strict,
        local_part_max: None,
        utf8: true,
    };

    /// For old devices and desktop programs, known to the operator, on a submission port.
    pub const LENIENT: Self =
        Self { relaxed: true, underscore_domain: true, hello: HelloSyntax::Any, ..Self::INTERNET };

    /// The same, with or without UTF-8.
    #[must_use]
    pub const fn with_utf8(self, utf8: bool) -> Self {
        Self { utf8, ..self }
    }
}

impl Default for Syntax {
    /// [`Syntax::INTERNET`].
    fn default() -> Self {
        Self::INTERNET
    }
}
