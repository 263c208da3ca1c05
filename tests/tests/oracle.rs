//! The grammar of the RFCs, as they print it, against the parsers: the same decision.
//!
//! ```sh
//! cargo run --release -p smtp-tests --bin oracle -- 1000000
//! ```

use smtp_tests::oracle::{
    Subject, compare,
    differences::{DIFFERENCES, ours},
    grammar,
};

#[test]
fn both_decide_the_same() {
    let mut findings = Vec::new();
    let count = compare(1, 12_000, |finding| findings.push(finding));
    assert!(findings.is_empty(), "{findings:#?}");
    // Not because nothing is taken.
    assert!(count.taken > count.asked / 3 && count.taken < count.asked * 2 / 3, "{count:?}");
}

#[test]
fn every_difference_that_is_meant_is_there() {
    let octets = |text: &str| text.as_bytes().to_vec();
    let examples = [
        (Subject::Literal, octets("[IPv6:1:2:3:4:5:6:7::]")),
        (Subject::ForwardPath, octets(&format!("<{}@x.example>", "a".repeat(65)))),
        (Subject::Command("auth"), octets("AUTH PLAIN QR==")),
        (Subject::Command("bdat"), octets("BDAT 18446744073709551616")),
        (Subject::Command("mail"), {
            let many: String = (100..165).map(|number| format!(" X{number}")).collect();
            octets(&format!("MAIL FROM:<>{many}"))
        }),
        (Subject::Command("atrn"), octets(&format!("ATRN a.example{}", ",a.example".repeat(51)))),
        (Subject::Command("mail"), octets("MAIL FROM:<> MTRK=QQ==")),
        (Subject::Rcpt("ORCPT"), octets("utf-8;a\\x{0A}b")),
        (Subject::Rcpt("ORCPT"), octets("rfc822;j\u{f6}rg@x.example")),
        (Subject::ForwardPath, octets("<a@u\u{308}.example>")),
    ];
    assert_eq!(examples.len(), DIFFERENCES.len());
    let grammar = grammar(true);
    for ((subject, octets), difference) in examples.iter().zip(DIFFERENCES) {
        let taken = subject.by_us(octets, true);
        assert_eq!(taken, difference.taken, "{difference:?}");
        assert_eq!(subject.by_the_book(&grammar, octets), !taken, "{difference:?}");
        let found = ours(*subject, octets, taken).expect("a difference that is listed");
        assert_eq!(found.what, difference.what);
    }
}

/// A line that was changed into one of another command is judged as that.
#[test]
fn a_difference_is_that_of_the_command_which_is_there() {
    let octets = b"auth H ff==";
    assert!(ours(Subject::Command("quit"), octets, false).is_some());
    assert!(ours(Subject::Command("auth"), b"QUIT H ff==", false).is_none());
}

/// What looks like a literal within a local-part is none.
#[test]
fn a_difference_is_found_behind_what_resembles_it() {
    let octets = b"\"@[IPv6:1:2\"@[IPv6:1:2:3::4:5:192.0.2.1]";
    assert!(Subject::Mailbox.by_us(octets, true));
    assert!(ours(Subject::Mailbox, octets, true).is_some());
}

/// AUTH= holds its address in xtext.
#[test]
fn a_difference_is_found_within_xtext() {
    let octets = b"+32@[IPv6:2001:db8:0162:00:b8:+3288::19]";
    assert!(Subject::Mail("AUTH").by_us(octets, false));
    assert!(ours(Subject::Mail("AUTH"), octets, true).is_some());
}

/// `<Postmaster>` is for RCPT alone, in any case of letters (section 4.1.1.3).
#[test]
fn postmaster_without_a_domain() {
    let grammar = grammar(false);
    for octets in ["<Postmaster>", "<POSTMASTER>", "<postmaster>"] {
        for (subject, taken) in [(Subject::ForwardPath, true), (Subject::ReversePath, false)] {
            assert_eq!(subject.by_the_book(&grammar, octets.as_bytes()), taken, "{octets}");
            assert_eq!(subject.by_us(octets.as_bytes(), true), taken, "{octets}");
        }
    }
}

#[test]
fn examples_of_the_rfcs_are_in_the_grammar() {
    let grammar = grammar(false);
    for (rule, text) in [
        ("Reverse-path", "<>"),
        ("Path", "<@hosta.int,@jkl.org:userc@d.bar.org>"),
        ("Mailbox", "\"Joe\\,Smith\"@a.example"),
        ("address-literal", "[123.255.37.2]"),
        ("address-literal", "[IPv6:2001:db8::192.0.2.1]"),
        ("mail", "MAIL FROM:<gvp@brandenburg.com> BODY=8BITMIME SIZE=500000"),
        ("rcpt", "RCPT TO:<Postmaster>"),
        ("auth", "AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ="),
        ("HOLDUNTIL", "2005-01-31T23:59:59Z"),
        ("RRVS", "2014-04-03T23:01:00Z;C"),
        ("BY", "120;R"),
        ("ORCPT", "rfc822;Bob+3Dx@example.com"),
        ("Reply-line", "250-foo.com greets bar.com\r\n250-8BITMIME\r\n250 HELP\r\n"),
    ] {
        assert!(grammar.matches(rule, text.as_bytes()), "{rule}: {text}");
    }
    for (rule, text) in [
        ("Mailbox", "a..b@c.example"),
        ("Mailbox", "a@b.example."),
        ("address-literal", "[192.0.2.256]"),
        ("address-literal", "[IPv6:1::2::3]"),
        ("address-literal", "[IPv6:fe80::1%eth0]"),
        ("mail", "MAIL FROM: <a@b.example>"),
        ("BY", "0;R"),
        ("HOLDUNTIL", "2005-02-29T00:00:00Z"),
        ("Reply-line", "250-ok\r\n550 no\r\n"),
    ] {
        assert!(!grammar.matches(rule, text.as_bytes()), "{rule}: {text}");
    }
}
