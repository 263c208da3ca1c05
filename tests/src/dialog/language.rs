//! The lines of a dialog.

use smtp_proto::{
    answer::Rejection,
    status::{Code, EnhancedCode},
};

use super::{Action, Answer};

pub(super) fn action(line: &str) -> Option<Action> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    Some(match word {
        "C:" => {
            let mut octets = unescape(rest);
            octets.extend_from_slice(b"\r\n");
            Action::Client(octets)
        }
        "C>" => Action::Client(unescape(rest)),
        "S:" => Action::Server(unescape(rest)),
        "S*" => Action::Reply(rest.to_owned()),
        "accept" => Action::Answer(Answer::Accept(String::from_utf8(unescape(rest)).ok()?)),
        "challenge" => Action::Answer(Answer::Challenge(unescape(rest))),
        "reject" => Action::Answer(Answer::Reject(rejection(rest)?)),
        "event" => Action::Expect(rest.to_owned()),
        "body" => {
            let body = unescape(rest.strip_prefix('"')?.strip_suffix('"')?);
            Action::Expect(format!("Body \"{}\"", body.escape_ascii()))
        }
        "reset" => Action::Expect("Reset".to_owned()),
        "fault" => Action::Expect(format!("Fault {rest}")),
        "close" => Action::Expect("Close".to_owned()),
        "tls" => Action::Tls,
        "expire" => Action::Expire,
        "eof" => Action::Eof,
        "shutdown" => Action::ShutDown,
        _ => return None,
    })
}

/// `550 5.1.1 text`.
fn rejection(text: &str) -> Option<Rejection<'static>> {
    let mut words = text.splitn(3, ' ');
    let code = Code::new(words.next()?.parse().ok()?)?;
    let (enhanced, _) = EnhancedCode::parse(words.next()?.as_bytes())?;
    let text = String::from_utf8(unescape(words.next().unwrap_or("no"))).ok()?;
    Rejection::new(enhanced, text).ok()?.with_code(code).ok()
}

/// The octets a text of this language stands for.
///
/// # Panics
/// When an escape is none.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        let (&escape, behind) = rest.split_first().expect("something behind a backslash");
        rest = behind;
        match escape {
            b'r' => octets.push(b'\r'),
            b'n' => octets.push(b'\n'),
            b'0' => octets.push(0),
            b't' => octets.push(b'\t'),
            b'x' => {
                let (digits, behind) = rest.split_at(2);
                let digits = core::str::from_utf8(digits).unwrap();
                octets.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
                rest = behind;
            }
            b'(' => {
                let end = rest.iter().position(|&octet| octet == b')').expect("a )");
                let inside = core::str::from_utf8(&rest[..end]).unwrap();
                let (what, times) = inside.rsplit_once('*').expect("what*times");
                octets.extend(unescape(what).repeat(times.parse().expect("a number")));
                rest = &rest[end + 1..];
            }
            other => octets.push(other),
        }
    }
    octets
}
