//! What the RFCs say beside their productions.

use super::abnf::Prose;

/// By the name of the rule.
pub(super) const RULES: &[(&str, Prose)] = &[
    // RFC 5321 section 4.5.3.1.
    ("Local-part", |octets| octets.len() <= 64),
    ("Domain", |octets| octets.len() <= 255),
    ("ascii-domain", |octets| octets.len() <= 255),
    ("dotted", |octets| octets.len() <= 255),
    ("address-literal", |octets| octets.len() <= 255),
    ("Path", |octets| octets.len() <= 256),
    ("Mailbox", |octets| octets.len() <= 254),
    // RFC 1035 section 2.3.4.
    ("sub-domain", |octets| !octets.is_ascii() || octets.len() <= 63),
    ("ldh-label", |octets| octets.len() <= 63),
    // RFC 5321 section 4.1.3: a decimal number up to 255; "::" is two groups at least.
    ("Snum", |octets| number(octets) <= 255),
    ("IPv6-comp", |octets| groups(octets) <= 6),
    ("IPv6v4-comp", |octets| groups(octets) <= 5),
    // The tag names the syntax, and that of IPv6 is known.
    ("General-address-literal", |octets| !starts_with(octets, b"ipv6:")),
    // RFC 3461 section 4.5: none twice; what it says of its own is held for all.
    ("Mail-parameters", each_once),
    ("Rcpt-parameters", each_once),
    // RFC 3461 section 4.4: graphic characters and white space.
    ("ENVID", |octets| decode(octets).iter().all(|octet| printable(*octet))),
    // Section 4.2 says the same of the address.
    ("generic-orcpt", |octets| {
        let address = octets.splitn(2, |octet| *octet == b';').nth(1).unwrap();
        decode(address).iter().all(|octet| printable(*octet)) && !starts_with(octets, b"utf-8;")
    }),
    // RFC 2852 section 4: not zero or less with the mode R.
    ("BY", |octets| {
        let text = str::from_utf8(octets).unwrap().to_ascii_uppercase();
        let (time, mode) = text.split_once(';').unwrap();
        !mode.starts_with('R') || time.parse::<i64>().unwrap() > 0
    }),
    // RFC 3339 section 5.7.
    ("full-date", |octets| {
        let [year, month, day] = [&octets[..4], &octets[5..7], &octets[8..]].map(number);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 0,
        };
        (1..=days).contains(&day)
    }),
    ("time-hour", |octets| number(octets) < 24),
    ("time-minute", |octets| number(octets) < 60),
    ("time-second", |octets| number(octets) <= 60),
    // A leap second is the last of June or December, in UTC.
    ("HOLDUNTIL", |octets| octets[17] != b'6' || is_leap(octets)),
    ("RRVS", |octets| octets[17] != b'6' || is_leap(octets)),
    // RFC 3865 section 2.3.
    ("SOLICIT", |octets| octets.len() <= 1000),
    // RFC 5321 section 4.2.1: one code in all lines.
    ("Reply-line", |octets| {
        let mut codes = octets.split(|octet| *octet == b'\n').filter_map(|line| line.get(..3));
        codes.clone().next().is_some_and(|first| codes.all(|code| code == first))
    }),
    // RFC 3463 section 2.
    ("subject", |octets| octets.len() == 1 || octets[0] != b'0'),
    ("detail", |octets| octets.len() == 1 || octets[0] != b'0'),
    // RFC 5890 section 2.3.2.1: not ASCII alone; RFC 5892 section 2.6 and RFC 3490 section 3.1: no
    // control or blank, and nothing that reads as a dot. Section 4.2: its A-label has 63 octets at most, and by
    // RFC 3492 a digit for each letter.
    ("U-label", |octets| {
        let text = str::from_utf8(octets).unwrap_or_default();
        let dots = ['\u{3002}', '\u{ff0e}', '\u{ff61}'];
        !text.is_ascii()
            && text.chars().count() <= 63 - "xn--".len()
            && !text.contains(|c: char| c.is_control() || c.is_whitespace() || dots.contains(&c))
    }),
];

fn each_once(octets: &[u8]) -> bool {
    let keyword = |parameter: &[u8]| {
        let end = parameter.iter().position(|octet| *octet == b'=').unwrap_or(parameter.len());
        parameter[..end].to_ascii_lowercase()
    };
    let mut keywords: Vec<_> = octets.split(|octet| *octet == b' ').map(keyword).collect();
    let all = keywords.len();
    keywords.sort_unstable();
    keywords.dedup();
    keywords.len() == all
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
}

fn is_leap(time: &[u8]) -> bool {
    let [month, day, hour, minute] = [5, 8, 11, 14].map(|at| number(&time[at..at + 2]));
    let zone = &time[19..];
    let zone = &zone[zone.iter().position(|octet| b"Zz+-".contains(octet)).unwrap()..];
    let offset = match zone {
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let minutes = i64::from(number(&rest[..2]) * 60 + number(&rest[3..5]));
            if *sign == b'+' { -minutes } else { minutes }
        }
        _ => 0,
    };
    // The last minute of the month in UTC, counted from the start of the day as written.
    let end = match (month, day) {
        (6, 30) | (12, 31) => 24 * 60 - 1,
        (7 | 1, 1) => -1,
        (6, 29) | (12, 30) => 2 * 24 * 60 - 1,
        _ => return false,
    };
    i64::from(hour * 60 + minute) + offset == end
}

fn groups(address: &[u8]) -> usize {
    address.split(|octet| *octet == b':').filter(|group| !group.is_empty()).count()
}

fn starts_with(octets: &[u8], start: &[u8]) -> bool {
    octets.get(..start.len()).is_some_and(|there| there.eq_ignore_ascii_case(start))
}

fn printable(octet: u8) -> bool {
    matches!(octet, 32..=126)
}

pub(super) fn decode(xtext: &[u8]) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::new(), xtext);
    while let [first, behind @ ..] = rest {
        if *first == b'+' {
            let digits = str::from_utf8(&behind[..2]).unwrap();
            decoded.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &behind[2..];
        } else {
            decoded.push(*first);
            rest = behind;
        }
    }
    decoded
}
