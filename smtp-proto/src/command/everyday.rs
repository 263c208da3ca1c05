//! Hellos, MAIL and RCPT of ASCII, as nearly all clients write them, read in one pass.
//!
//! Each octet of such a line is in a class of printable ASCII, so that nothing is left for
//! [`Line::check`](crate::command::Line::check) to find. The parts are read by the same scanners as in
//! any other line; what they do not take at once, be it well formed or not, is declined here, and
//! judged by [`Line`](crate::command::Line) and the rules behind it.

use crate::command::{Mail, Rcpt};
use crate::domain::{self, Domain, HelloName};
use crate::grammar;
use crate::parameter::Parameters;
use crate::path::{ForwardPath, Mailbox, ReversePath};
use crate::profile::Syntax;

/// The name in `EHLO domain` or `EHLO [address]`, and behind the other verbs of four letters.
#[inline]
pub(super) fn hello_name(line: &[u8]) -> Option<HelloName<'_>> {
    let [_, _, _, _, b' ', name @ ..] = line else { return None };
    if let [b'[', ..] = name {
        let (literal, end) = domain::literal_at(name, 0).ok()?;
        return (end == name.len()).then_some(HelloName::Literal(literal));
    }
    let whole = !name.is_empty() && domain::plain(name) == name.len();
    whole.then(|| HelloName::Domain(Domain::scanned(name)))
}

/// `MAIL FROM:<mailbox> parameters`, or another reverse-path in brackets
#[inline(always)]
pub(super) fn mail<'a>(line: &'a [u8], syntax: &Syntax) -> Option<Mail<'a>> {
    let inside = inside(line, b"MAIL FROM:<")?;
    let (reverse_path, behind) = match (inside, Mailbox::everyday(inside, syntax)) {
        (_, Some((mailbox, [b'>', behind @ ..]))) => (ReversePath::Mailbox(mailbox), behind),
        ([b'>', behind @ ..], _) => (ReversePath::Null, behind),
        _ => reverse_path(line, syntax)?,
    };
    Some(Mail { reverse_path, parameters: parameters(behind)? })
}

/// `RCPT TO:<mailbox> parameters`, or another forward-path in brackets
#[inline(always)]
pub(super) fn rcpt<'a>(line: &'a [u8], syntax: &Syntax) -> Option<Rcpt<'a>> {
    let inside = inside(line, b"RCPT TO:<")?;
    let (forward_path, behind) = match Mailbox::everyday(inside, syntax) {
        Some((mailbox, [b'>', behind @ ..])) => (ForwardPath::Mailbox(mailbox), behind),
        _ => forward_path(line, syntax)?,
    };
    Some(Rcpt { forward_path, parameters: parameters(behind)? })
}

/// The line from inside the bracket on.
#[inline(always)]
fn inside<'a, const N: usize>(line: &'a [u8], before: &[u8; N]) -> Option<&'a [u8]> {
    if grammar::begins(line, before) { line.get(N..) } else { None }
}

#[inline(never)]
fn reverse_path<'a>(line: &'a [u8], syntax: &Syntax) -> Option<(ReversePath<'a>, &'a [u8])> {
    let start = "MAIL FROM:".len();
    let (path, end) = ReversePath::scan(line, start, &syntax.with_utf8(false)).ok()?;
    Some((path, line.get(end..)?))
}

#[inline(never)]
fn forward_path<'a>(line: &'a [u8], syntax: &Syntax) -> Option<(ForwardPath<'a>, &'a [u8])> {
    let start = "RCPT TO:".len();
    let (path, end) = ForwardPath::scan(line, start, &syntax.with_utf8(false)).ok()?;
    Some((path, line.get(end..)?))
}

/// The parameters behind a path.
#[inline(always)]
fn parameters(behind: &[u8]) -> Option<Parameters<'_>> {
    match behind {
        [] => Some(Parameters::EMPTY),
        [b' ', list @ ..] => Parameters::everyday(list),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::command::{self, Line, Verb};

    /// Lines that are everyday ones, or nearly so.
    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let verb =
            select(&["MAIL FROM:<", "rcpt To:<", "MAIL FROM:", "RCPT  TO:<", "MAILFROM:<"][..]);
        let local = prop_oneof![
            "[a-z!.]{0,6}",
            "[a-z\"\\\\\u{e9}]{1,4}",
            "\"[a-z \\\\\t\u{e9}]{0,4}\"",
            "(@[a-z]{1,3},?){1,2}:[a-z]",
            "[a-z]{62,67}",
            "[a-z]{240,260}",
        ];
        let domain = prop_oneof![
            "[a-z0-9.-]{0,8}",
            "[a-z_\u{e9}]{1,4}",
            "([a-z]{30}\\.){1,3}[a-z]",
            "\\[[0-9.]{6,9}\\]?",
            "\\[IPv6:[0-9a-f:]{2,6}\\]",
        ];
        let mailbox = (local, domain).prop_map(|(local, domain)| [local, domain].join("@"));
        let path = prop_oneof![1 => Just("".into()), 1 => Just("Postmaster".into()), 12 => mailbox];
        let parameter = select(
            &[
                "SIZE=1",
                "size=20",
                "SIZE=",
                "SIZE=-1",
                "SIZE=123456789012345678901",
                "BODY=8BITMIME",
            ][..],
        );
        let odd =
            select(&["X-Y", "X-Y=a", "-X", "MTRK=QUI=", "A==", "RET\t", "\u{e9}=\u{e9}", ""][..]);
        let list = prop::collection::vec(prop_oneof![parameter, odd], 0..4);
        let end = select(&[">", "> ", ">  ", "", ">x", ">\t", ">\0"][..]);
        (verb, path, end, list).prop_map(|(verb, path, end, list): (_, String, _, Vec<_>)| {
            [verb, &path, end, &list.join(" ")].concat().into_bytes()
        })
    }

    proptest! {
        #[test]
        fn names_are_what_the_grammar_makes_of_them(
            name in "[a-z0-9. -]{0,9}|\\[[0-9.]{6,9}\\]|[a-z]{62,65}",
        ) {
            let line = ["ehlo ", &name].concat();
            for syntax in [Syntax::STRICT, Syntax::INTERNET, Syntax::LENIENT] {
                if let Some(read) = hello_name(line.as_bytes()) {
                    prop_assert_eq!(command::hello_argument(line.as_bytes(), &syntax), Ok(read));
                }
            }
        }

        #[test]
        fn they_are_what_the_grammar_makes_of_them(line in lines()) {
            for syntax in [Syntax::STRICT, Syntax::INTERNET, Syntax::LENIENT] {
                let checked = |verb| Line::check(&line, &syntax).and_then(|line| line.expect(verb));
                if let Some(mail) = mail(&line, &syntax) {
                    let line = checked(Verb::Mail);
                    prop_assert_eq!(line.and_then(|line| Mail::of_line(&line, &syntax)), Ok(mail));
                }
                if let Some(rcpt) = rcpt(&line, &syntax) {
                    let line = checked(Verb::Rcpt);
                    prop_assert_eq!(line.and_then(|line| Rcpt::of_line(&line, &syntax)), Ok(rcpt));
                }
            }
        }
    }

    #[test]
    fn what_is_said_every_day_is_not_declined() {
        let syntax = Syntax::INTERNET;
        assert!(hello_name(b"EHLO mx-1.x.example").is_some());
        assert!(hello_name(b"EHLO [192.0.2.7]").is_some());
        for line in [
            "MAIL FROM:<>",
            "MAIL FROM:<\"a b\"@[IPv6:2001:db8::1]> BODY=7BIT",
            "MAIL FROM:<a.b@x.example> SIZE=1",
            "mail from:<a@x.example> size=9 body=8bitmime",
        ] {
            assert!(mail(line.as_bytes(), &syntax).is_some(), "{line}");
        }
        for line in [
            "RCPT TO:<a@x.example>",
            "Rcpt To:<a@x.example> NOTIFY=NEVER",
            "RCPT TO:<@x.example:a@y.example>",
            "RCPT TO:<Postmaster>",
        ] {
            assert!(rcpt(line.as_bytes(), &syntax).is_some(), "{line}");
        }
    }
}
