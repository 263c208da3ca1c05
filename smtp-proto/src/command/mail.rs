//! The commands of a mail transaction that have arguments.

use bytes::BufMut;

use crate::command::{Line, Verb, everyday};
use crate::decimal::Decimal;
use crate::error::{ParseError, Rule};
use crate::grammar;
use crate::parameter::Parameters;
use crate::path::{ForwardPath, ReversePath};
use crate::profile::Syntax;

/// `MAIL` (RFC 5321 section 4.1.1.2; G-23).
///
/// The syntax of the parameters has been checked, their meaning not: see
/// [`MailParameters`](crate::parameter::MailParameters).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mail<'a> {
    /// Where reports go.
    pub reverse_path: ReversePath<'a>,
    /// The parameters in the order received.
    pub parameters: Parameters<'a>,
}

/// `RCPT` (RFC 5321 section 4.1.1.3; G-23).
///
/// The syntax of the parameters has been checked, their meaning not: see
/// [`RcptParameters`](crate::parameter::RcptParameters).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rcpt<'a> {
    /// The recipient.
    pub forward_path: ForwardPath<'a>,
    /// The parameters in the order received.
    pub parameters: Parameters<'a>,
}

impl<'a> Mail<'a> {
    /// Reads a whole line.
    ///
    /// # Errors
    ///
    /// Those of [`Line::check`] and [`Mail::of_line`].
    #[inline]
    pub fn parse(line: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        match everyday::mail(line, syntax) {
            Some(mail) => Ok(mail),
            None => Self::parse_any(line, syntax),
        }
    }

    #[inline(never)]
    fn parse_any(line: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        Self::of_line(&Line::check(line, syntax)?.expect(Verb::Mail)?, syntax)
    }

    /// Reads a line that passed the checks of framing and is a MAIL.
    ///
    /// ```text
    /// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rule::MissingArgument`], [`Rule::Spacing`], [`Rule::PathLength`], a rule of the path
    /// (with `5.1.7` in its reply) or of [`Parameters::parse`].
    #[inline(never)]
    pub fn of_line(line: &Line<'a>, syntax: &Syntax) -> Result<Self, ParseError> {
        let text = line.octets();
        let start = behind_colon(line, b"FROM:", syntax)?;
        let (reverse_path, end) = ReversePath::scan(text, start, syntax)?;
        if !ends_path(text, end) {
            return Err(ParseError::new(Rule::ReversePath, end));
        }
        Ok(Self { reverse_path, parameters: Parameters::behind(text, end, syntax)? })
    }

    pub(crate) fn write(&self, out: &mut impl BufMut) {
        out.put_slice(b"MAIL FROM:");
        self.reverse_path.write(out);
        self.parameters.write(out);
    }
}

impl<'a> Rcpt<'a> {
    /// Reads a whole line.
    ///
    /// # Errors
    ///
    /// Those of [`Line::check`] and [`Rcpt::of_line`].
    #[inline]
    pub fn parse(line: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        match everyday::rcpt(line, syntax) {
            Some(rcpt) => Ok(rcpt),
            None => Self::parse_any(line, syntax),
        }
    }

    #[inline(never)]
    fn parse_any(line: &'a [u8], syntax: &Syntax) -> Result<Self, ParseError> {
        Self::of_line(&Line::check(line, syntax)?.expect(Verb::Rcpt)?, syntax)
    }

    /// Reads a line that passed the checks of framing and is a RCPT.
    ///
    /// ```text
    /// rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path )
    ///        [SP Rcpt-parameters] CRLF
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rule::MissingArgument`], [`Rule::Spacing`], [`Rule::PathLength`], a rule of the path
    /// (with `5.1.3` in its reply) or of [`Parameters::parse`].
    #[inline(never)]
    pub fn of_line(line: &Line<'a>, syntax: &Syntax) -> Result<Self, ParseError> {
        let text = line.octets();
        let start = behind_colon(line, b"TO:", syntax)?;
        let (forward_path, end) = ForwardPath::scan(text, start, syntax)?;
        if !ends_path(text, end) {
            return Err(ParseError::new(Rule::ForwardPath, end));
        }
        Ok(Self { forward_path, parameters: Parameters::behind(text, end, syntax)? })
    }

    pub(crate) fn write(&self, out: &mut impl BufMut) {
        out.put_slice(b"RCPT TO:");
        self.forward_path.write(out);
        self.parameters.write(out);
    }
}

/// Where the path begins, behind `FROM:` or `TO:`.
#[inline(always)]
fn behind_colon<const N: usize>(
    line: &Line<'_>,
    word: &[u8; N],
    syntax: &Syntax,
) -> Result<usize, ParseError> {
    let text = line.octets();
    let start = line.required(syntax)?;
    if !grammar::literal(text, start, word) {
        return Err(ParseError::new(Rule::MissingArgument, start));
    }
    let path = start + N;
    match grammar::at(text, path) {
        None => Err(ParseError::new(Rule::MissingArgument, path)),
        Some(b' ') if syntax.relaxed => Ok(grammar::blanks(text, path)),
        Some(b' ') => Err(ParseError::new(Rule::Spacing, path)),
        Some(_) => Ok(path),
    }
}

#[inline]
fn ends_path(text: &[u8], end: usize) -> bool {
    matches!(grammar::at(text, end), None | Some(b' '))
}

/// `BDAT`: a counted part of the content follows (RFC 3030 section 2; G-30).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bdat {
    /// The octets of the chunk, which begins behind the CRLF of the command.
    pub size: u64,
    /// Whether it is the last.
    pub last: bool,
}

impl Bdat {
    /// Reads a whole line.
    ///
    /// # Errors
    ///
    /// Those of [`Line::check`] and [`Bdat::of_line`].
    pub fn parse(line: &[u8], syntax: &Syntax) -> Result<Self, ParseError> {
        Self::of_line(&Line::check(line, syntax)?.expect(Verb::Bdat)?, syntax)
    }

    /// Reads a line that passed the checks of framing and is a BDAT.
    ///
    /// ```text
    /// bdat-cmd   = "BDAT" SP chunk-size [ SP end-marker ] CR LF
    /// chunk-size = 1*DIGIT
    /// end-marker = "LAST"
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rule::BdatSize`] when the size cannot be read or needs more than 64 bits, which loses the
    /// place in the stream (G-31); [`Rule::BdatLast`] or [`Rule::Spacing`] when something else is
    /// wrong: the chunk follows all the same, and [`Bdat::chunk_size`] tells how long it is.
    #[inline]
    pub fn of_line(line: &Line<'_>, syntax: &Syntax) -> Result<Self, ParseError> {
        let octets = line.octets();
        let (size, end) = chunk_size(octets)?;
        line.required(syntax)?;
        match octets.get(end..) {
            None | Some([]) => Ok(Self { size, last: false }),
            Some([b' ', b'L' | b'l', b'A' | b'a', b'S' | b's', b'T' | b't']) => {
                Ok(Self { size, last: true })
            }
            Some(_) => Self::marker(line, size, end, syntax),
        }
    }

    /// What stands behind the size, in any other spelling than the usual one.
    #[cold]
    fn marker(line: &Line<'_>, size: u64, end: usize, syntax: &Syntax) -> Result<Self, ParseError> {
        let text = line.octets();
        let marker = grammar::space(text, end, syntax.relaxed)?;
        if text.get(marker..).is_some_and(|word| word.eq_ignore_ascii_case(b"LAST")) {
            Ok(Self { size, last: true })
        } else {
            Err(ParseError::new(Rule::BdatLast, marker))
        }
    }

    /// The size of the chunk behind a BDAT line that may be wrong in any other way, so that the
    /// chunk can be skipped.
    ///
    /// # Errors
    ///
    /// [`Rule::BdatSize`] when it cannot be told for certain (G-31).
    pub fn chunk_size(line: &[u8]) -> Result<u64, ParseError> {
        chunk_size(line).map(|(size, _)| size)
    }

    pub(crate) fn write(&self, out: &mut impl BufMut) {
        out.put_slice(b"BDAT ");
        out.put_slice(Decimal::of(self.size).as_bytes());
        if self.last {
            out.put_slice(b" LAST");
        }
    }
}

/// `chunk-size = 1*DIGIT`, and where it ends.
#[inline]
fn chunk_size(line: &[u8]) -> Result<(u64, usize), ParseError> {
    let mut offset = 4;
    while let Some(b' ' | b'\t') = line.get(offset) {
        offset += 1;
    }
    let failed = |offset| ParseError::new(Rule::BdatSize, offset);
    let start = offset;
    let mut size = 0u64;
    while let Some(&digit @ b'0'..=b'9') = line.get(offset) {
        size = size
            .checked_mul(10)
            .and_then(|size| size.checked_add(u64::from(digit - b'0')))
            .ok_or_else(|| failed(offset))?;
        offset += 1;
    }
    match line.get(offset) {
        None | Some(b' ' | b'\t') if offset > start => Ok((size, offset)),
        _ => Err(failed(offset)),
    }
}
