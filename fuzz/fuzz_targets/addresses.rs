//! Invariant: paths, mailboxes, domains, literals, xtext, commands and replies are taken where the grammar
//! of the RFCs takes them and nowhere else, but for the differences that are listed; and what is taken can
//! be written, also from its parts, and is the same again.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smtp_proto::{
    domain::Host,
    path::{ForwardPath, Mailbox, MailboxBuf, ReversePath},
    profile::Syntax,
    xtext::{self, Xtext},
};
use smtp_tests::oracle::{Abnf, Subject, differences, grammar};

#[derive(Debug, Arbitrary)]
struct Input<'i> {
    subject: u8,
    utf8: bool,
    octets: &'i [u8],
}

static GRAMMARS: LazyLock<[Abnf; 2]> = LazyLock::new(|| [grammar(false), grammar(true)]);

fn round(octets: &[u8]) {
    let Ok(text) = str::from_utf8(octets) else { return };
    if let Ok(path) = ReversePath::parse(text) {
        let mut written = Vec::new();
        path.write(&mut written);
        assert_eq!(ReversePath::parse(str::from_utf8(&written).unwrap()), Ok(path));
    }
    if let Ok(path) = ForwardPath::parse(text) {
        let mut written = Vec::new();
        path.write(&mut written);
        assert_eq!(ForwardPath::parse(str::from_utf8(&written).unwrap()), Ok(path));
    }
    if let Ok(mailbox) = Mailbox::parse_with(octets, &Syntax::INTERNET) {
        let name: String = mailbox.local_part().unquoted().collect();
        if let Ok(made) = MailboxBuf::new(&name, mailbox.host()) {
            assert_eq!(made.as_mailbox(), mailbox);
            // "The form that uses the minimum quoting possible" (section 4.1.2).
            let spelled = made.as_mailbox().local_part().as_str().len();
            assert!(spelled <= mailbox.local_part().as_str().len());
        }
    }
    if let Ok(host) = Host::parse(text) {
        assert_eq!(Host::parse(&host.to_string()), Ok(host));
        let _ = MailboxBuf::new(text, host);
    }
    let encoded = xtext::encode(octets);
    assert_eq!(Xtext::parse(&encoded).map(|xtext| xtext.decode()), Ok(octets.to_vec()));
}

fuzz_target!(|input: Input<'_>| {
    let octets = &input.octets[..input.octets.len().min(320)];
    let subject = Subject::ALL[usize::from(input.subject) % Subject::ALL.len()];
    let utf8 = subject.is_wide() || input.utf8;
    let taken = subject.by_us(octets, utf8);
    let expected = subject.by_the_book(&GRAMMARS[usize::from(utf8)], octets);
    assert!(
        taken == expected || differences::ours(subject, octets, taken).is_some(),
        "{subject:?}, UTF-8 {utf8}: {taken} and not {expected}: {}",
        octets.escape_ascii()
    );
    round(octets);
});
