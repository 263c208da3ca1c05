//! Where `smtp-proto` decides otherwise than the productions, and why.

use super::Subject;

/// A difference that is meant: what is decided otherwise, and the section that has it so.
#[derive(Debug)]
pub struct Difference {
    /// What is taken, or refused.
    pub what: &'static str,
    /// Whether `smtp-proto` takes it.
    pub taken: bool,
    /// Why.
    pub section: &'static str,
    applies: fn(Subject, &[u8]) -> bool,
}

/// All of them.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        what: "`::` for one group of an IPv6 address",
        taken: true,
        section: "RFC 4291 section 2.2, which RFC 5321 section 4.1.3 names for the address (G-14)",
        applies: |subject, octets| {
            let within_xtext = matches!(subject, Subject::Mail("AUTH") | Subject::Command(_));
            let text = str::from_utf8(octets).unwrap_or_default();
            is_compressed(text) || within_xtext && is_compressed(&without_hexchars(text))
        },
    },
    Difference {
        what: "a local-part of more than 64 octets where it is not a command's own",
        taken: true,
        section: "RFC 5321 section 4.5.3.1: limits are to be exceeded where that is possible (G-09)",
        applies: |subject, octets| {
            (subject.is_wide() || subject == Subject::Mail("AUTH")) && octets.len() > 66
        },
    },
    Difference {
        what: "bits behind the end of base64",
        taken: false,
        section: "RFC 4648 section 3.5 (G-29)",
        applies: |subject, octets| {
            subject == Subject::Command("auth") && octets.trim_ascii_end().ends_with(b"=")
        },
    },
    Difference {
        what: "the size of a chunk beyond 64 bits",
        taken: false,
        section: "RFC 5321 section 7.8: it cannot be skipped, so the session ends (G-31)",
        applies: |subject, octets| {
            let digits = octets.iter().filter(|octet| octet.is_ascii_digit()).count();
            subject == Subject::Command("bdat") && digits > 19
        },
    },
    Difference {
        what: "more than 64 parameters",
        taken: false,
        section: "RFC 5321 section 7.8: work is bounded (G-38)",
        applies: |subject, octets| {
            let blanks = octets.iter().filter(|octet| **octet == b' ').count();
            matches!(subject, Subject::Command("mail" | "rcpt")) && blanks > 64
        },
    },
    Difference {
        what: "domains of ATRN that make a line of more than 512 octets",
        taken: false,
        section: "RFC 5321 section 4.5.3.1.4: no extension makes this line longer (G-34)",
        applies: |subject, octets| subject == Subject::Command("atrn") && octets.len() > 510,
    },
    Difference {
        what: "a `=` in the value of MTRK, whose meaning is read later",
        taken: true,
        section: "RFC 3885 section 3.1: base64 ends with it (G-54)",
        applies: |subject, octets| {
            let line = str::from_utf8(octets).unwrap_or_default().to_ascii_lowercase();
            matches!(subject, Subject::Command(_)) && line.contains(" mtrk=")
        },
    },
    Difference {
        what: "controls with a letter in their number, as `\\x{0A}`",
        taken: true,
        section: "RFC 6533 section 3: all controls are to be written so (G-47)",
        applies: |subject, octets| {
            let text = str::from_utf8(octets).unwrap_or_default().to_ascii_lowercase();
            subject == Subject::Rcpt("ORCPT")
                && text
                    .split("\\x{")
                    .skip(1)
                    .any(|number| matches!(number.as_bytes(), [b'0' | b'1', b'a'..=b'f', b'}', ..]))
        },
    },
    Difference {
        what: "UTF-8 in an ORCPT of another kind than `utf-8`, which the server judges by its profile",
        taken: true,
        section: "RFC 3461 section 4.2 and RFC 6533 section 3 forbid it, and deployed relays send it (G-47)",
        applies: |subject, octets| {
            let text = str::from_utf8(octets).unwrap_or_default();
            let kind = text.split_once(';').map(|(kind, _)| kind);
            subject == Subject::Rcpt("ORCPT")
                && !text.is_ascii()
                && kind.is_some_and(|kind| kind.is_ascii() && !kind.eq_ignore_ascii_case("utf-8"))
        },
    },
    Difference {
        what: "labels beyond ASCII that are no U-labels by IDNA, which the productions do not show",
        taken: false,
        section: "RFC 5890 section 2.3.2.1, which RFC 6531 section 3.3 names for the label (G-18)",
        applies: |subject, octets| {
            let text = str::from_utf8(octets).unwrap_or_default();
            let domains = text.split('@').skip(usize::from(subject != Subject::Domain));
            let ends = |c: char| matches!(c, '>' | ',' | ':' | ' ');
            domains.filter_map(|rest| rest.split(ends).next()).any(|domain| !domain.is_ascii())
        },
    },
];

/// The difference that is meant, if one is. A line is one of the command that it begins with, whatever it was
/// before it was changed.
pub fn ours(subject: Subject, octets: &[u8], taken: bool) -> Option<&'static Difference> {
    let begins = |name: &str| {
        octets.get(..name.len()).is_some_and(|verb| verb.eq_ignore_ascii_case(name.as_bytes()))
    };
    let of_line = |one: &&Subject| matches!(one, Subject::Command(name) if begins(name));
    let subject = match subject {
        Subject::Command(_) => Subject::ALL.iter().find(of_line).copied().unwrap_or(subject),
        other => other,
    };
    DIFFERENCES.iter().find(|one| one.taken == taken && (one.applies)(subject, octets))
}

/// Whether an IPv6 address of a literal somewhere in the text has a `::`.
fn is_compressed(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut literals = lower.match_indices("[ipv6:").map(|(at, before)| at + before.len());
    literals.any(|start| {
        let address = text.get(start..).and_then(|rest| rest.split(']').next());
        address.is_some_and(|address| address.contains("::") && is_ipv6(address))
    })
}

/// The text with each hexchar of xtext (RFC 3461 section 4) as the character that it stands for.
fn without_hexchars(text: &str) -> String {
    let mut parts = text.split('+');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let number = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (number, part.get(2..)) {
            (Some(octet @ ..0x80), Some(rest)) => {
                plain.push(char::from(octet));
                plain.push_str(rest);
            }
            _ => {
                plain.push('+');
                plain.push_str(part);
            }
        }
    }
    plain
}

fn is_ipv6(address: &str) -> bool {
    // Zeros in front of a decimal number mean nothing here, and too much elsewhere.
    let plain = |number: &str| number.parse::<u8>().ok().map(|number| number.to_string());
    let Some((groups, last)) = address.rsplit_once(':') else { return false };
    let last = match last.contains('.') {
        true => last.split('.').map(plain).collect::<Option<Vec<_>>>().map(|last| last.join(".")),
        false => Some(last.to_owned()),
    };
    last.is_some_and(|last| format!("{groups}:{last}").parse::<core::net::Ipv6Addr>().is_ok())
}
