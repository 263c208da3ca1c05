//! The AUTH command (RFC 4954 section 4, 8; G-28).

use core::fmt;
use core::hash::{Hash, Hasher};

use bytes::BufMut;

use crate::auth::Base64;
use crate::command::{Line, Verb};
use crate::domain::hash_ignoring_case;
use crate::error::{ParseError, Rule};
use crate::grammar::{self, LDH, UNDERSCORE};
use crate::profile::Syntax;

/// `AUTH`: a mechanism, and perhaps the client's first response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    /// The mechanism.
    pub mechanism: Mechanism<'a>,
    /// The first response, when it came with the command.
    pub initial_response: Option<InitialResponse<'a>>,
}

impl<'a> Auth<'a> {
    /// Reads a whole line.
    ///
    /// # Errors
    ///
    /// Those of [`Line::check`] and [`Auth::of_line`].
    pub fn parse(line: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        Self::of_line(&Line::check(line, syntax)?.expect(Verb::Auth)?, syntax)
    }

    /// Reads a line that passed the checks of framing and is an AUTH.
    ///
    /// ```text
    /// auth-command     = "AUTH" SP sasl-mech [SP initial-response] *(CRLF [base64]) [CRLF "*"] CRLF
    /// initial-response = base64 / "="
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rule::MissingArgument`], [`Rule::Mechanism`], [`Rule::Spacing`] or [`Rule::Base64`].
    #[inline(never)]
    pub fn of_line(line: &Line<'a>, syntax: &Syntax) -> Result<Self, ParseError> {
        let text = line.octets();
        let start = line.required(syntax)?;
        let end = mechanism_end(text, start)?;
        let mechanism = Mechanism(grammar::text(grammar::part(text, start, end)));
        let initial_response = match grammar::at(text, end) {
            None => None,
            Some(b' ') => {
                let start = grammar::space(text, end, syntax.relaxed)?;
                let response = InitialResponse::parse(grammar::part(text, start, text.len()));
                Some(response.map_err(|error| error.shifted(start))?)
            }
            Some(_) => return Err(ParseError::new(Rule::Mechanism, end)),
        };
        Ok(Self { mechanism, initial_response })
    }

    pub(super) fn write(&self, out: &mut impl BufMut) {
        out.put_slice(b"AUTH ");
        out.put_slice(self.mechanism.0.as_bytes());
        if let Some(response) = self.initial_response {
            out.put_u8(b' ');
            out.put_slice(response.as_bytes());
        }
    }
}

/// The name of a SASL mechanism: 1 to 20 letters, digits, `-` and `_` (RFC 4422 section 3.1).
///
/// Names are equal without regard to case.
#[derive(Clone, Copy)]
pub struct Mechanism<'a>(&'a str);

impl<'a> Mechanism<'a> {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`Rule::Mechanism`].
    pub fn parse(name: &'a str) -> Result<Self, ParseError> {
        match mechanism_end(name.as_bytes(), 0)? {
            end if end == name.len() => Ok(Self(name)),
            end => Err(ParseError::new(Rule::Mechanism, end)),
        }
    }

    /// The name as received.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// ```text
/// sasl-mech = 1*20mech-char
/// mech-char = UPPER-ALPHA / DIGIT / HYPHEN / UNDERSCORE    ; here in either case
/// ```
fn mechanism_end(text: &[u8], start: usize) -> Result<usize, ParseError> {
    const MAX: usize = 20;
    match grammar::span(text, start, LDH | UNDERSCORE) {
        end if end == start => Err(ParseError::new(Rule::Mechanism, start)),
        end if end - start > MAX => Err(ParseError::new(Rule::Mechanism, start + MAX)),
        end => Ok(end),
    }
}

impl PartialEq for Mechanism<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Mechanism<'_> {}

impl Hash for Mechanism<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_ignoring_case(self.0.as_bytes(), state);
    }
}

impl fmt::Debug for Mechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mechanism({:?})", self.0)
    }
}

impl fmt::Display for Mechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The response that comes with the AUTH command: base64, or `=` for one without octets, which is
/// not the same as none at all (RFC 4954 section 4).
///
/// It mostly is a secret: `Debug` tells no more than how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitialResponse<'a>(Option<Base64<'a>>);

impl<'a> InitialResponse<'a> {
    /// The response without octets, sent as `=`.
    pub const EMPTY: Self = Self(None);

    /// Reads base64 or `=`.
    ///
    /// # Errors
    ///
    /// [`Rule::Base64`].
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        if octets == b"=" { Ok(Self::EMPTY) } else { Base64::parse(octets).map(|b| Self(Some(b))) }
    }

    /// The base64; `None` for the response without octets.
    #[must_use]
    pub const fn base64(&self) -> Option<Base64<'a>> {
        self.0
    }

    /// Whether it is the response without octets.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The octets as sent.
    fn as_bytes(&self) -> &'a [u8] {
        self.0.map_or(b"=", |base64| base64.as_bytes())
    }
}

impl<'a> From<Base64<'a>> for InitialResponse<'a> {
    fn from(base64: Base64<'a>) -> Self {
        Self((!base64.is_empty()).then_some(base64))
    }
}
