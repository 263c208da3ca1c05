//! Free text behind a verb, and the commands that take it.

use core::fmt;

use bytes::BufMut;

use crate::command::{Line, Verb};
use crate::error::{ParseError, Rule};
use crate::grammar::{self, LDH};
use crate::profile::Syntax;

/// The argument of NOOP, HELP, VRFY and EXPN: text of any kind, for VRFY has to take
/// `local@domain`, which the formal grammar has no room for (RFC 5321 section 3.5.1; G-26).
///
/// Never empty, without controls, and without blanks at its ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// Checks a text.
    ///
    /// # Errors
    ///
    /// [`Rule::MissingArgument`] when it is empty, [`Rule::Control`] for octets 0–31 and 127,
    /// [`Rule::Spacing`] for a blank at an end.
    pub fn new(text: &'a str) -> Result<Self, ParseError> {
        let failed = |rule, offset| Err(ParseError::new(rule, offset));
        if text.is_empty() {
            return failed(Rule::MissingArgument, 0);
        }
        if let Some(offset) = text.bytes().position(|octet| octet.is_ascii_control()) {
            return failed(Rule::Control, offset);
        }
        if text.starts_with(' ') {
            return failed(Rule::Spacing, 0);
        }
        if text.ends_with(' ') {
            return failed(Rule::Spacing, text.len() - 1);
        }
        Ok(Self(text))
    }

    /// Takes the rest of a line that was checked.
    pub(super) const fn checked(text: &'a str) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// Whether it can be sent to a server without SMTPUTF8.
    #[must_use]
    pub const fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }

    pub(crate) fn write(&self, out: &mut impl BufMut) {
        out.put_u8(b' ');
        out.put_slice(self.0.as_bytes());
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?})", self.0)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What VRFY and EXPN ask about (RFC 5321 section 3.5; RFC 6531 section 3.7.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Query<'a> {
    text: Text<'a>,
    smtputf8: bool,
}

impl<'a> Query<'a> {
    /// Asks about a user, a mailbox or a list; with `smtputf8`, the reply may hold UTF-8.
    ///
    /// A last word `SMTPUTF8` in the text is that flag, for on the wire it is nothing else (G-27).
    #[must_use]
    pub fn new(text: Text<'a>, smtputf8: bool) -> Self {
        match without_flag(text) {
            Some(text) => Self { text, smtputf8: true },
            None => Self { text, smtputf8 },
        }
    }

    /// Reads the argument of VRFY or EXPN.
    ///
    /// ```text
    /// "VRFY" SP String [ SP "SMTPUTF8" ]
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rule::MissingArgument`] or [`Rule::Spacing`].
    #[inline(never)]
    pub fn of_line(line: &Line<'a>, syntax: &Syntax) -> Result<Self, ParseError> {
        line.required(syntax)?;
        let text = line.text(syntax)?.ok_or_else(|| ParseError::new(Rule::MissingArgument, 0))?;
        let flagless = if syntax.utf8 { without_flag(text) } else { None };
        Ok(Self { text: flagless.unwrap_or(text), smtputf8: flagless.is_some() })
    }

    /// What is asked about.
    #[must_use]
    pub const fn text(&self) -> Text<'a> {
        self.text
    }

    /// Whether the reply may hold UTF-8.
    #[must_use]
    pub const fn smtputf8(&self) -> bool {
        self.smtputf8
    }

    pub(crate) fn write(&self, out: &mut impl BufMut) {
        self.text.write(out);
        if self.smtputf8 {
            out.put_slice(b" SMTPUTF8");
        }
    }
}

fn without_flag(text: Text<'_>) -> Option<Text<'_>> {
    let (before, word) = text.0.rsplit_once(' ')?;
    let before = before.trim_end_matches(' ');
    (word.eq_ignore_ascii_case("SMTPUTF8") && !before.is_empty()).then_some(Text(before))
}

/// A command whose verb is not among those of [`Verb`]: one an extension brings, or one of the
/// obsolete ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherCommand<'a> {
    verb: &'a str,
    text: Option<Text<'a>>,
}

impl<'a> OtherCommand<'a> {
    /// Joins a verb of letters, digits and `-`, and its argument.
    ///
    /// # Errors
    ///
    /// [`Rule::Verb`] for another word, or one that [`Command`](crate::command::Command) has a
    /// variant of its own for.
    pub fn new(verb: &'a str, text: Option<Text<'a>>) -> Result<Self, ParseError> {
        let known = !matches!(Verb::of(verb.as_bytes()), Verb::Other | Verb::Obsolete);
        if known || !is_verb(verb) {
            return Err(ParseError::new(Rule::Verb, 0));
        }
        Ok(Self { verb, text })
    }

    /// Reads a line whose verb is [`Verb::Other`] or [`Verb::Obsolete`].
    ///
    /// # Errors
    ///
    /// [`Rule::Verb`] or [`Rule::Spacing`].
    #[inline(never)]
    pub fn of_line(line: &Line<'a>, syntax: &Syntax) -> Result<Self, ParseError> {
        if is_verb(line.word()) {
            Self::new(line.word(), line.text(syntax)?)
        } else {
            Err(ParseError::new(Rule::Verb, 0))
        }
    }

    /// The verb as received; its case does not matter.
    #[must_use]
    pub const fn verb(&self) -> &'a str {
        self.verb
    }

    /// What follows it.
    #[must_use]
    pub const fn text(&self) -> Option<Text<'a>> {
        self.text
    }

    pub(crate) fn write(&self, out: &mut impl BufMut) {
        out.put_slice(self.verb.as_bytes());
        if let Some(text) = self.text {
            text.write(out);
        }
    }
}

fn is_verb(word: &str) -> bool {
    grammar::all(word, LDH) && !word.starts_with('-')
}
