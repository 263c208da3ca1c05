use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use proptest::prelude::*;

use super::*;
use crate::path::{Mailbox, MailboxBuf};

/// The fields of a message as they stand in it: names and addresses.
fn fields<'f>(header: &'f [(&'f str, &'f str)]) -> Vec<(&'f str, Vec<&'f str>)> {
    let split = |text: &'f str| text.split(',').filter(|one| !one.is_empty()).collect();
    header.iter().map(|(name, text)| (*name, split(text))).collect()
}

fn shown(envelope: &EnvelopeBuf) -> (String, Vec<String>) {
    let recipients = envelope.recipients();
    let borrowed = envelope.envelope(&recipients);
    assert!(borrowed.parameters.iter().next().is_none());
    let paths = borrowed.recipients.iter().map(|to| to.path.to_string());
    (borrowed.reverse_path.to_string(), paths.collect())
}

#[test]
fn an_envelope_is_made_of_fields() {
    type Case<'c> = (&'c [(&'c str, &'c str)], &'c str, &'c [&'c str]);
    let cases: [Case<'_>; 9] = [
        (&[("From", "a@x.example"), ("To", "b@y.example")], "<a@x.example>", &["<b@y.example>"]),
        // The author is not who has sent it.
        (
            &[
                ("From", "a@x.example,c@x.example"),
                ("Sender", "s@x.example"),
                ("To", "b@y.example"),
            ],
            "<s@x.example>",
            &["<b@y.example>"],
        ),
        // In the order of the fields, each once, whoever's case it is.
        (
            &[
                ("bcc", "c@y.example,b@Y.example"),
                ("FROM", "a@x.example"),
                ("Subject", "nobody"),
                ("Cc", "B@y.example"),
                ("To", "b@y.EXAMPLE,\"b\"@y.example"),
                ("Cc", "d@[192.0.2.1],d@[192.0.2.1]"),
            ],
            "<a@x.example>",
            &["<c@y.example>", "<b@Y.example>", "<B@y.example>", "<d@[192.0.2.1]>"],
        ),
        // Fields without an address, as in `undisclosed-recipients:;`.
        (
            &[("From", "a@x.example"), ("To", ""), ("Bcc", "b@y.example")],
            "<a@x.example>",
            &["<b@y.example>"],
        ),
        // Resent: the rest may be as it is, good or bad.
        (
            &[
                ("Resent-Date", "now"),
                ("Resent-From", "r@x.example"),
                ("Resent-To", "t@y.example"),
                ("Resent-Bcc", "u@y.example"),
                ("From", "no address"),
                ("To", "neither"),
            ],
            "<r@x.example>",
            &["<t@y.example>", "<u@y.example>"],
        ),
        // Twice: the later time stands above.
        (
            &[
                ("Received", ""),
                ("Resent-From", "r@x.example"),
                ("Resent-Sender", "s@x.example"),
                ("Resent-To", "t@y.example"),
                ("Resent-Sender", "q@x.example"),
                ("Resent-Cc", "u@y.example"),
            ],
            "<s@x.example>",
            &["<t@y.example>"],
        ),
        (
            &[
                ("Resent-From", "r@x.example"),
                ("X-Other", ""),
                ("Resent-To", "t@y.example"),
                ("Received", ""),
                ("Resent-Cc", "u@y.example"),
                ("Cc", "v@y.example"),
            ],
            "<r@x.example>",
            &["<t@y.example>"],
        ),
        // Another sender of an earlier time does not count.
        (
            &[
                ("Resent-From", "r@x.example"),
                ("Resent-To", "t@y.example"),
                ("Sender", "s@x.example"),
            ],
            "<r@x.example>",
            &["<t@y.example>"],
        ),
        (
            &[("From", "j\u{f8}rn@x.example"), ("To", "Postmaster@y.example,postMASTER@y.example")],
            "<j\u{f8}rn@x.example>",
            &["<Postmaster@y.example>"],
        ),
    ];
    for (header, from, to) in cases {
        let made = EnvelopeBuf::from_fields(fields(header));
        let envelope = made.unwrap_or_else(|error| panic!("{header:?}: {error}"));
        let to: Vec<String> = to.iter().map(|path| (*path).into()).collect();
        assert_eq!(shown(&envelope), (from.into(), to), "{header:?}");
    }
}

#[test]
fn an_error_says_which_field_is_at_fault() {
    let from = ("From", "a@x.example");
    let to = ("To", "b@y.example");
    let cases: [(&[(&str, &str)], &str); 12] = [
        (&[to], "From: the message has no such field"),
        (&[from, from, to], "From: the message has more than one such field"),
        (&[("From", ""), to], "From: no address"),
        (&[("From", "a@b.c,d@e.f"), to], "From: several addresses, and not one sender"),
        (&[from, ("Sender", "a@b.c,d@e.f"), to], "Sender: several addresses, and not one sender"),
        (&[from, ("sender", ""), to], "Sender: no address"),
        (&[from], "To: no recipient, nor in the fields for copies"),
        (&[from, to, ("CC", "ann")], "Cc: \"ann\": "),
        (&[from, to, ("Bcc", "a b@y.example")], "Bcc: \"a b@y.example\": "),
        (&[from, to, ("Resent-To", "c@y.example")], "Resent-From: the message has no such field"),
        (
            &[from, to, ("Resent-From", "c@y.example")],
            "Resent-To: no recipient, nor in the fields for copies",
        ),
        (&[("Resent-From", "c@y.example"), ("Resent-Bcc", "@y.example")], "Resent-Bcc: \"@y.exa"),
    ];
    for (header, told) in cases {
        let error = EnvelopeBuf::from_fields(fields(header)).unwrap_err().to_string();
        assert!(error.starts_with(told), "{header:?}: {error}");
    }
    // Nothing is mended of a domain that is ASCII already.
    for text in ["b@y.example.", "b@-y.example", "b@y..example", "b@Y_Z.example-"] {
        let error = EnvelopeBuf::from_fields(fields(&[from, ("To", text)])).unwrap_err();
        let problem = EnvelopeProblem::Address {
            text: text.into(),
            error: Mailbox::parse(text).unwrap_err(),
        };
        assert_eq!(error.problem, problem);
    }
}

#[cfg(feature = "idna")]
#[test]
fn a_domain_may_be_as_people_type_it() {
    let header = [
        ("From", "a@B\u{dc}CHER.example"),
        ("To", "b@b\u{fc}cher.example,b@xn--bcher-kva.example"),
    ];
    let envelope = EnvelopeBuf::from_fields(fields(&header)).unwrap();
    let (from, to) =
        ("<a@xn--bcher-kva.example>".into(), ["<b@b\u{fc}cher.example>".into()].into());
    assert_eq!(shown(&envelope), (from, to));
}

proptest! {
    #[test]
    fn each_recipient_is_there_once(
        texts in prop::collection::vec(
            "([a-bA-B]|\"[ab]\"|[pP]ostmaster)@([xX]\\.example|\\[192\\.0\\.2\\.1\\]|\\[[xX]-t:[aA]\\])",
            1..20,
        ),
    ) {
        let all: Vec<Mailbox<'_>> = texts.iter().map(|text| Mailbox::parse(text).unwrap()).collect();
        let envelope = EnvelopeBuf::new(None, all.iter().map(|one| MailboxBuf::from(*one)));
        let mut kept: Vec<Mailbox<'_>> = Vec::new();
        for mailbox in &all {
            if !kept.contains(mailbox) {
                kept.push(*mailbox);
            }
        }
        let found: Vec<_> = envelope.mailboxes().iter().map(MailboxBuf::as_str).collect();
        prop_assert_eq!(found, kept.iter().map(Mailbox::as_str).collect::<Vec<_>>());
        prop_assert_eq!(envelope.reverse_path().to_string(), "<>");
    }
}

#[cfg(feature = "mail-parser")]
mod of_parsed {
    use mail_parser::MessageParser;

    use super::*;
    use crate::trace::WithoutFields;

    fn envelope(header: &[u8]) -> Result<EnvelopeBuf, EnvelopeError> {
        EnvelopeBuf::try_from(&MessageParser::new().parse_headers(header).unwrap())
    }

    #[test]
    fn groups_comments_and_folds_are_no_obstacle() {
        let header = b"From: \"Tim, of X\" <tim@x.example> (at home)\r\n\
            To: friends: Ann <ann@y.example>,\r\n\t=?utf-8?q?J=C3=B8rn?= <j@z.example>;,\r\n \
            nobody:;, bob@y.example\r\n\
            Cc: <\"john doe\"@y.example>, undisclosed-recipients:;\r\n\
            Bcc:\r\n (only for) carol@y.example\r\n\r\n";
        let to = [
            "ann@y.example",
            "j@z.example",
            "bob@y.example",
            "\"john doe\"@y.example",
            "carol@y.example",
        ];
        let envelope = envelope(header).unwrap();
        assert_eq!(envelope.reverse_path().to_string(), "<tim@x.example>");
        let found: Vec<_> = envelope.mailboxes().iter().map(MailboxBuf::as_str).collect();
        assert_eq!(found, to);
    }

    #[test]
    fn an_address_is_found_where_it_stands() {
        for (field, to) in [
            // Names that are addresses too, or have in them what parts addresses.
            (&b"\"c@y.example\" <c@y.example>"[..], &["c@y.example"][..]),
            (b"c@y.example <c@y.example>", &["c@y.example"]),
            (b"\"Doe, John (\\\"J\\\") <d@y.example>\" <c@y.example>", &["c@y.example"]),
            (b"John \"Jack\" Q. Doe <c@y.example>", &["c@y.example"]),
            (b"=?utf-8?q?Doe=2C?=\r\n =?utf-8?b?Sm9obg==?=\r\n <c@y.example>", &["c@y.example"]),
            (b"J\xc3\xb8rn <j\xc3\xb8rn@y.example>", &["j\u{f8}rn@y.example"]),
            (b"j\xc3\xb8rn@y.example", &["j\u{f8}rn@y.example"]),
            // Comments and blanks around it.
            (b"(a (b), \\( <d@y.example>) c@y.example (e)", &["c@y.example"]),
            (b"\r\n\tAnn (x) < (y) c@y.example (z) > (e)\r\n ", &["c@y.example"]),
            (b"Ann<c@y.example>,Bob<d@y.example>", &["c@y.example", "d@y.example"]),
            // Lists with gaps, as people part them, and equal ones.
            (b",c@y.example,, c@y.example ,d@y.example,", &["c@y.example", "d@y.example"]),
            (b"c@y.example; d@y.example", &["c@y.example", "d@y.example"]),
            (b"g: c@y.example, (x);, \"h, i\":;, d@y.example", &["c@y.example", "d@y.example"]),
            (b"\"a@b\": c@y.example;", &["c@y.example"]),
            (b"(nobody) ,", &[]),
            // Whatever the local-part is, and the domain.
            (
                b"<\"j d\"@y.example>, <\"a@b\"@y.example>",
                &["\"j d\"@y.example", "\"a@b\"@y.example"],
            ),
            (b"c@[192.0.2.1], <c@[IPv6:2001:db8::1]>", &["c@[192.0.2.1]", "c@[IPv6:2001:db8::1]"]),
        ] {
            let header = [b"From: a@x.example\nTo: b@y.example\nBcc: ", field, b"\n\n"].concat();
            let shown = field.escape_ascii();
            let envelope = envelope(&header).unwrap_or_else(|error| panic!("{shown}: {error}"));
            let found: Vec<_> = envelope.mailboxes().iter().map(MailboxBuf::as_str).collect();
            assert_eq!(found, [&["b@y.example"], to].concat(), "{shown}");
        }
    }

    /// A header that was put together, or that has lost the octets that it was read of.
    #[test]
    fn without_its_octets_a_message_has_no_envelope() {
        let header = b"From: a@x.example\nTo: b@y.example\n\n";
        let mut message = MessageParser::new().parse_headers(header).unwrap();
        assert!(EnvelopeBuf::try_from(&message).is_ok());
        for octets in [&b""[..], b"From: b@x.example\nTo: c@y.example\n\n"] {
            message.raw_message = octets.into();
            let error = EnvelopeBuf::try_from(&message).unwrap_err();
            assert!(matches!(error.problem, EnvelopeProblem::Unreadable { .. }), "{error}");
        }
    }

    proptest! {
        /// What is read as an address has nothing beside it that may be a part of it, but for comments and
        /// blanks.
        #[test]
        fn what_is_read_is_all_that_stands_there(
            field in "([a-c@., ]|a@b|<|>|<[a-b]@b>|\\(|\\)|\\([a,]\\)|\r?\n |;|:){1,24}",
        ) {
            let header = ["From: a@x.example\nTo: z@y.example\nCc: ", &field, "\n\n"].concat();
            if let Ok(envelope) = envelope(header.as_bytes()) {
                let mut open = 0;
                let bare: String = field.chars().filter(|c| {
                    match c {
                        '(' => open += 1,
                        ')' if open > 0 => {
                            open -= 1;
                            return false;
                        }
                        _ => {}
                    }
                    open == 0 && !c.is_whitespace()
                }).collect();
                for mailbox in envelope.mailboxes().iter().skip(1) {
                    let stands = bare.match_indices(mailbox.as_str()).any(|(at, text)| {
                        let (front, back) = (&bare[..at], &bare[at + text.len()..]);
                        (front.is_empty() || front.ends_with([',', ';', ':', '<']))
                            && (back.is_empty() || back.starts_with([',', ';', '>']))
                    });
                    prop_assert!(stands, "{mailbox} of {field:?}");
                }
            }
        }
    }

    #[test]
    fn what_may_have_been_misread_is_refused() {
        for (field, told) in [
            (&b"Cc: bob"[..], "\"bob\" is no address"),
            (b"Cc: <\"a\\\\\\\\b\"@y.example>", "\"<\\\"a"),
            (b"Cc: \"john doe\"@y.example", "\"\\\"john doe\\\"@y.example\" is no address"),
            (b"Cc: j\xf8rn@y.example", "\"j\u{fffd}rn@y.example\" is no address"),
            (b"Sender: =?utf-8?q?Tim?=", "\"=?utf-8?q?Tim?=\" is no address"),
            (b"Sender: ,", "no address"),
            (b"Sender: (nobody)", "no address"),
            (b"Sender: <>", "\"<>\" is no address"),
            // Comments and folds within an address are obsolete, but they do not make it another.
            (b"Cc: john.(x)doe@y.example", "\"john.(x)doe@y.example\" is no address"),
            (b"Cc: john.\r\n doe@y.example", "\"john.\\r\\n doe@y.example\" is no address"),
            (b"Cc: john\n .doe@y.example", "\"john\\n .doe@y.example\" is no address"),
            (b"Cc: john . doe@y.example", "\"john . doe@y.example\" is no address"),
            (b"Cc: <john.(x)doe@y.example>", "\"<john.(x)doe@y.example>\" is no address"),
            (b"Cc: b@y.example (x) .test", "\"b@y.example (x) .test\" is no address"),
            (b"Cc: b@y\n .example", "\"b@y\\n .example\" is no address"),
            // The same address elsewhere is not this one.
            (b"Cc: j.(x)d@y.example, d@y.example", "\"j.(x)d@y.example\" is no address"),
            (b"Cc: d@y.example, j.(x)d@y.example", "\"j.(x)d@y.example\" is no address"),
            (b"Cc: j.(, d@y.example,)d@y.example", "\"j.(, d@y.example,)d@y.example\""),
            (b"Cc: \"d@y.example\" j.(x)d@y.example", "\"\\\"d@y.example\\\" j."),
            // An encoded word is none.
            (b"Cc: =?utf-8?q?bob=40e.example?= (x)", "\"=?utf-8?q?bob=40e.example?=\""),
            (b"Cc: =?utf-8?q?x,b=40e.example?=, <c@y.example>", "\"=?utf-8?q?x\" is no address"),
            // Two in one.
            (b"Cc: <c@y.example> d@y.example", "\"<c@y.example> d@y.example\""),
            (b"Cc: <c@y.example> <d@y.example>", "\"<c@y.example> <d@y.example>\""),
            (b"Cc: <c@y.example>.", "\"<c@y.example>.\" is no address"),
            (b"Cc: Ann\n c@y.example", "\"Ann\\n c@y.example\" is no address"),
            // An address is not the name of a group.
            (b"Cc: c@y.example: d@y.example", "\"c@y.example\" is no address"),
            (b"Cc: c@y.example:;", "\"c@y.example\" is no address"),
            // What has no end may be meant for more, or for less.
            (b"Cc: c@y.example (d, e@y.example", "\"c@y.example (d, e@y.example\""),
            (b"Cc: c@y.example (d\\)", "\"c@y.example (d\\\\)\" is no address"),
            (b"Cc: <c@y.example", "\"<c@y.example\" is no address"),
            (b"Cc: \"c <d@y.example>", "\"\\\"c <d@y.example>\" is no address"),
        ] {
            let header = [b"From: a@x.example\nTo: b@y.example\n", field, b"\n\n"].concat();
            let error = envelope(&header).unwrap_err();
            let problem = error.problem.to_string();
            let shown = field.escape_ascii();
            assert!(field.starts_with(error.field.as_bytes()), "{shown}: {error}");
            assert!(problem.starts_with(told), "{shown}: {error}");
        }
        // Not read as addresses.
        let to = mail_parser::HeaderName::To;
        let ignorant = || MessageParser::new().header_address("From").default_header_ignore();
        for parser in [
            ignorant().header_raw(to.clone()),
            ignorant().header_text(to.clone()),
            ignorant().header_comma_separated(to.clone()),
        ] {
            let message = parser.parse_headers("From: a@x.example\nTo: b@y.example\n\n");
            let error = EnvelopeBuf::try_from(&message.unwrap()).unwrap_err().to_string();
            assert_eq!(error, "To: \"b@y.example\" is no address");
        }
        let list = ignorant().header_comma_separated(to.clone());
        let list = list.parse_headers("From: a@x.example\nTo: b@y.example, c@y.example\n\n");
        let error = EnvelopeBuf::try_from(&list.unwrap()).unwrap_err().to_string();
        assert_eq!(error, "To: \"b@y.example\" is no address");
        let date = ignorant()
            .header_date(to)
            .parse_headers("From: a@x.example\nTo: Mon, 30 Nov 2026 10:00:00 +0000\n\n");
        let error = EnvelopeBuf::try_from(&date.unwrap()).unwrap_err().to_string();
        assert_eq!(error, "To: \"\" is no address");
    }

    proptest! {
        /// Whatever the reader takes for a blind copy goes, so that nobody sees whom the message is for.
        #[test]
        fn no_blind_copy_stays(
            lines in prop::collection::vec(
                "[: \t\r]{0,2}((Resent-|resent-)?[bB][ \t]?[cC]{1,2}|To|x|)[: \t\r]{0,2}([a-c]@y|:)?,?\r?\n",
                1..10,
            ),
        ) {
            let message = lines.concat();
            let mut kept = Vec::new();
            let mut filter = WithoutFields::bcc();
            filter.pass(message.clone().into(), |octets| kept.extend_from_slice(&octets));
            filter.finish(|octets| kept.extend_from_slice(&octets));
            if let Some(read) = MessageParser::new().parse_headers(&kept) {
                let mut names = read.headers().iter().map(|field| field.name());
                let blind = names.any(|name| ["Bcc", "Resent-Bcc"].contains(&name));
                prop_assert!(!blind, "{:?} of {:?}", String::from_utf8(kept), message);
            }
        }
    }
}

#[cfg(feature = "mail-builder")]
mod of_composed {
    use mail_builder::{
        MessageBuilder,
        headers::{address::Address, raw::Raw, text::Text},
    };

    use super::*;

    #[test]
    fn a_composed_message_has_the_same_envelope_as_the_one_that_was_written() {
        let friends = Address::new_group(
            Some("friends"),
            alloc::vec!["c@z.example".into(), "d@z.example".into()],
        );
        let message = MessageBuilder::new()
            .from(("Tim", "a@x.example"))
            .sender("s@x.example")
            .to(alloc::vec![("Ann", "b@y.example"), ("Bob", "b@Y.example")])
            .cc(Address::new_list(alloc::vec![friends, "e@y.example".into()]))
            .bcc("\"f g\"@y.example");
        let envelope = EnvelopeBuf::try_from(&message).unwrap();
        assert_eq!(envelope.reverse_path().to_string(), "<s@x.example>");
        let found: Vec<_> = envelope.mailboxes().iter().map(MailboxBuf::as_str).collect();
        assert_eq!(
            found,
            ["b@y.example", "c@z.example", "d@z.example", "e@y.example", "\"f g\"@y.example"]
        );
        #[cfg(feature = "mail-parser")]
        {
            let octets = message.write_to_vec().unwrap();
            let read = mail_parser::MessageParser::new().parse_headers(&octets).unwrap();
            assert_eq!(EnvelopeBuf::try_from(&read), Ok(envelope));
        }
    }

    #[test]
    fn text_is_no_address() {
        let message = || MessageBuilder::new().from("a@x.example");
        for message in [
            message().header("to", Text::new("b@y.example")),
            message().header("to", Raw::new("b@y.example")),
        ] {
            let error = EnvelopeBuf::try_from(&message).unwrap_err().to_string();
            assert_eq!(error, "To: \"b@y.example\" is no address");
        }
        let message =
            MessageBuilder::new().from("a@x.example").to("b@y.example\r\nCc: c@y.example");
        let error = EnvelopeBuf::try_from(&message).unwrap_err().to_string();
        assert!(error.starts_with("To: \"b@y.example\\r\\nCc: c@y.example\": "), "{error}");
    }
}
