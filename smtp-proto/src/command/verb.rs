//! The first word of a command line.

use core::fmt;

use crate::grammar::folded;

/// The verbs of RFC 5321, RFC 1985, RFC 2033, RFC 2645, RFC 3030, RFC 3207, RFC 4468 and RFC 4954,
/// and Postfix's two.
///
/// Verbs of other extensions are [`Verb::Other`]; who registered one knows its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// `EHLO` (RFC 5321 section 4.1.1.1).
    Ehlo,
    /// `HELO` (RFC 5321 section 4.1.1.1).
    Helo,
    /// `LHLO` (RFC 2033 section 4.1).
    Lhlo,
    /// `MAIL` (RFC 5321 section 4.1.1.2).
    Mail,
    /// `RCPT` (RFC 5321 section 4.1.1.3).
    Rcpt,
    /// `DATA` (RFC 5321 section 4.1.1.4).
    Data,
    /// `BDAT` (RFC 3030 section 2).
    Bdat,
    /// `RSET` (RFC 5321 section 4.1.1.5).
    Rset,
    /// `NOOP` (RFC 5321 section 4.1.1.9).
    Noop,
    /// `QUIT` (RFC 5321 section 4.1.1.10).
    Quit,
    /// `VRFY` (RFC 5321 section 4.1.1.6).
    Vrfy,
    /// `EXPN` (RFC 5321 section 4.1.1.7).
    Expn,
    /// `HELP` (RFC 5321 section 4.1.1.8).
    Help,
    /// `STARTTLS` (RFC 3207 section 4).
    StartTls,
    /// `AUTH` (RFC 4954 section 4).
    Auth,
    /// `ETRN` (RFC 1985 section 5).
    Etrn,
    /// `ATRN` (RFC 2645 section 5.2.1).
    Atrn,
    /// `BURL` (RFC 4468 section 3).
    Burl,
    /// `XCLIENT` (Postfix, XCLIENT_README).
    XClient,
    /// `XFORWARD` (Postfix, XFORWARD_README).
    XForward,
    /// `SEND`, `SOML`, `SAML` or `TURN` of RFC 821: known, and never done (RFC 5321 appendix F).
    Obsolete,
    /// Anything else, also no word at all.
    Other,
}

macro_rules! verbs {
    ($($constant:ident = $word:literal => $verb:ident;)*) => {
        $(const $constant: u32 = folded(*$word);)*

        #[inline]
        const fn of_four(octets: [u8; 4]) -> Verb {
            match folded(octets) {
                $($constant => Verb::$verb,)*
                _ => Verb::Other,
            }
        }
    };
}

verbs! {
    EHLO = b"EHLO" => Ehlo;
    HELO = b"HELO" => Helo;
    LHLO = b"LHLO" => Lhlo;
    MAIL = b"MAIL" => Mail;
    RCPT = b"RCPT" => Rcpt;
    DATA = b"DATA" => Data;
    BDAT = b"BDAT" => Bdat;
    RSET = b"RSET" => Rset;
    NOOP = b"NOOP" => Noop;
    QUIT = b"QUIT" => Quit;
    VRFY = b"VRFY" => Vrfy;
    EXPN = b"EXPN" => Expn;
    HELP = b"HELP" => Help;
    AUTH = b"AUTH" => Auth;
    ETRN = b"ETRN" => Etrn;
    ATRN = b"ATRN" => Atrn;
    BURL = b"BURL" => Burl;
    SEND = b"SEND" => Obsolete;
    SOML = b"SOML" => Obsolete;
    SAML = b"SAML" => Obsolete;
    TURN = b"TURN" => Obsolete;
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::Ehlo,
        Self::Helo,
        Self::Lhlo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Bdat,
        Self::Rset,
        Self::Noop,
        Self::Quit,
        Self::Vrfy,
        Self::Expn,
        Self::Help,
        Self::StartTls,
        Self::Auth,
        Self::Etrn,
        Self::Atrn,
        Self::Burl,
        Self::XClient,
        Self::XForward,
        Self::Obsolete,
        Self::Other,
    ];

    /// The verb a line begins with, in any case; it ends at a blank or with the line.
    #[inline(always)]
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        let Some((word, rest)) = line.split_first_chunk::<4>() else {
            return Self::Other;
        };
        match rest.first() {
            None | Some(b' ' | b'\t') => of_four(*word),
            Some(_) => Self::of_longer(line),
        }
    }

    #[inline(never)]
    fn of_longer(line: &[u8]) -> Self {
        [Self::StartTls, Self::XClient, Self::XForward]
            .into_iter()
            .find(|verb| {
                let verb = verb.as_str().as_bytes();
                line.split_at_checked(verb.len()).is_some_and(|(word, rest)| {
                    word.eq_ignore_ascii_case(verb) && matches!(rest, [] | [b' ' | b'\t', ..])
                })
            })
            .unwrap_or(Self::Other)
    }

    /// The word as sent; empty for [`Obsolete`](Self::Obsolete) and [`Other`](Self::Other), which
    /// stand for several.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ehlo => "EHLO",
            Self::Helo => "HELO",
            Self::Lhlo => "LHLO",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Bdat => "BDAT",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
            Self::Vrfy => "VRFY",
            Self::Expn => "EXPN",
            Self::Help => "HELP",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Etrn => "ETRN",
            Self::Atrn => "ATRN",
            Self::Burl => "BURL",
            Self::XClient => "XCLIENT",
            Self::XForward => "XFORWARD",
            Self::Obsolete | Self::Other => "",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
