//! A command line before its argument is looked at.

use core::{fmt, str};

use crate::command::{Text, Verb};
use crate::error::{ParseError, Rule};
use crate::grammar;
use crate::profile::Syntax;

/// A line that passed the checks of framing: only octets that a command may hold, in well-formed
/// UTF-8, with its verb at the start (F-03, F-19, F-21).
///
/// Servers judge the order of commands between this and the argument, so that a command that may
/// not come now is refused for that, whatever its argument.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    octets: &'a [u8],
    verb: Verb,
    /// Where the first word ends.
    word: usize,
}

impl<'a> Line<'a> {
    /// Checks the octets in front of a CRLF.
    ///
    /// SP and HT at the end are dropped (F-19).
    ///
    /// # Errors
    ///
    /// In this order: [`Rule::BareNewline`], [`Rule::EmptyLine`], [`Rule::LeadingBlank`];
    /// [`Rule::Control`] or [`Rule::Utf8`] when the verb is known, else [`Rule::Verb`].
    #[inline]
    pub fn check(line: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        Self::check_of(line, Verb::of(line), syntax)
    }

    /// The same where the verb is known.
    #[inline]
    pub(super) fn check_of(
        line: &'a [u8],
        verb: Verb,
        syntax: &Syntax,
    ) -> Result<Self, ParseError> {
        // Half of all commands are a verb alone: nothing is left to check of them.
        let text = verb.as_str();
        if line.len() == text.len() && !text.is_empty() {
            return Ok(Self { octets: line, verb, word: text.len() });
        }
        // Blanks at the end make no other verb of it.
        Self::check_all(grammar::trim_end(line), verb, syntax)
    }

    fn check_all(line: &'a [u8], verb: Verb, syntax: &Syntax) -> Result<Self, ParseError> {
        let census = grammar::census(line);
        let visible = line.first().is_some_and(|first| *first != b' ');
        if visible
            && !census.control
            && (!census.high || syntax.utf8)
            && (!census.high || str::from_utf8(line).is_ok())
        {
            let word = match verb {
                Verb::Other => line.iter().position(|o| *o == b' ').unwrap_or(line.len()),
                Verb::Obsolete => 4,
                _ => verb.as_str().len(),
            };
            return Ok(Self { octets: line, verb, word });
        }
        Err(why(line, verb, syntax))
    }

    /// The line, if it has the verb that is asked for.
    #[inline]
    pub(super) fn expect(self, verb: Verb) -> Result<Self, ParseError> {
        if self.verb == verb { Ok(self) } else { Err(ParseError::new(Rule::Verb, 0)) }
    }

    /// The verb.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        self.verb
    }

    /// The first word as received.
    #[must_use]
    pub fn word(&self) -> &'a str {
        grammar::text(grammar::part(self.octets, 0, self.word))
    }

    /// The whole line, without the blanks at its end; well-formed UTF-8.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// Where the argument begins; `None` when there is none.
    #[inline]
    pub(super) fn argument(&self, syntax: &Syntax) -> Result<Option<usize>, ParseError> {
        if self.word == self.octets.len() {
            return Ok(None);
        }
        grammar::space(self.octets, self.word, syntax.relaxed).map(Some)
    }

    /// Where the argument begins that there must be.
    #[inline]
    pub(super) fn required(&self, syntax: &Syntax) -> Result<usize, ParseError> {
        self.argument(syntax)?
            .ok_or_else(|| ParseError::new(Rule::MissingArgument, self.octets.len()))
    }

    /// Succeeds when there is no argument: for DATA, RSET, QUIT and STARTTLS (G-25).
    ///
    /// # Errors
    ///
    /// [`Rule::UnexpectedArgument`].
    #[inline]
    pub fn alone(&self) -> Result<(), ParseError> {
        if self.word == self.octets.len() {
            Ok(())
        } else {
            Err(ParseError::new(Rule::UnexpectedArgument, self.word))
        }
    }

    /// The argument as text: for NOOP, HELP and verbs of extensions (G-26).
    ///
    /// # Errors
    ///
    /// [`Rule::Spacing`].
    pub fn text(&self, syntax: &Syntax) -> Result<Option<Text<'a>>, ParseError> {
        let start = self.argument(syntax)?;
        Ok(start.map(|start| {
            Text::checked(grammar::text(grammar::part(self.octets, start, self.octets.len())))
        }))
    }
}

impl fmt::Debug for Line<'_> {
    /// Shows how long the line is: it may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({:?}, {} octets)", self.verb, self.octets.len())
    }
}

/// What is wrong with a line that did not pass.
#[cold]
fn why(line: &[u8], verb: Verb, syntax: &Syntax) -> ParseError {
    let find = |wanted: fn(&u8) -> bool| line.iter().position(wanted);
    if let Some(offset) = find(|octet| matches!(octet, b'\r' | b'\n')) {
        return ParseError::new(Rule::BareNewline, offset);
    }
    match line.first() {
        None => return ParseError::new(Rule::EmptyLine, 0),
        Some(b' ' | b'\t') => return ParseError::new(Rule::LeadingBlank, 0),
        Some(_) => {}
    }
    let control = find(|octet| octet.is_ascii_control());
    let high = if syntax.utf8 { None } else { find(|octet| !octet.is_ascii()) };
    let (rule, offset) = match control.into_iter().chain(high).min() {
        Some(offset) => (Rule::Control, offset),
        None => {
            let valid = str::from_utf8(line).map_or_else(|e| e.valid_up_to(), str::len);
            (Rule::Utf8, valid)
        }
    };
    // The reply depends on whether there is such a command (F-21).
    ParseError::new(if verb == Verb::Other { Rule::Verb } else { rule }, offset)
}
