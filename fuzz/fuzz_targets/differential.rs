//! Invariant: where smtp-proto and another parser disagree on whether a command line is good, the grammar
//! of the RFCs is on our side; and a line of MAIL or RCPT that both take means the same to both.
//!
//! The differences that were found, each decided by the grammar:
//!
//! | other | takes or refuses | ours, by |
//! | --- | --- | --- |
//! | Stalwart | takes empty and missing angle brackets, blanks before `<`, `a@`, any domain, any UTF-8 | RFC 5321 section 4.1.2 |
//! | Stalwart | takes a bare LF for the end of a line | section 2.3.8 |
//! | Stalwart | takes a parameter twice, the later one counts | RFC 3461 section 4.5 |
//! | Stalwart | takes sizes of any length, wrapping or saturating | RFC 1870 section 3 |
//! | Stalwart | takes blanks at the end of the line into the value of ENVID | section 4.1.1 |
//! | Stalwart | refuses parameters that it does not know | section 4.1.2: a matter of extensions, not of grammar |
//! | smtp-codec | takes a blank behind `FROM:` and `TO:` | section 3.3 |
//! | smtp-codec | refuses trailing blanks, and text of NOOP, HELP and VRFY that is no atom | section 4.1.1 |
//! | smtp-codec | refuses `""@x`, literals with zeros, names longer than it likes | section 4.1.2, 4.1.3 |
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use smtp_proto::{
    command::{Command, Mail, Rcpt},
    parameter::{Body, MailParameters, Notify, RcptParameters, Ret},
    path::Mailbox,
    profile::Syntax,
};
use smtp_tests::oracle::{Abnf, Subject, differences, grammar};
use stalwart::{
    MAIL_BODY_8BITMIME, MAIL_BODY_BINARYMIME, MAIL_RET_FULL, MAIL_RET_HDRS, MAIL_SMTPUTF8,
    MailFrom, RCPT_NOTIFY_DELAY, RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS,
    RcptTo, Request,
};

static GRAMMAR: LazyLock<Abnf> = LazyLock::new(|| grammar(true));

/// An address without what quotes and case may differ in: Stalwart takes quotes away.
fn plain(mailbox: Option<Mailbox<'_>>) -> Option<String> {
    let mailbox = mailbox?;
    let name: String = mailbox.local_part().unquoted().collect();
    let spelled = mailbox.as_str();
    let host = &spelled[mailbox.local_part().as_str().len()..];
    Some(format!("{name}{host}"))
}

fn mail<T: AsRef<str>>(ours: &Mail<'_>, theirs: &MailFrom<T>) {
    let address = plain(ours.reverse_path.mailbox()).unwrap_or_default();
    assert_eq!(address, theirs.address.as_ref());
    let Ok(typed) = MailParameters::parse(ours.parameters) else { return };
    if let Some(size) = typed.size().filter(|size| *size < u64::MAX) {
        assert_eq!(u64::try_from(theirs.size), Ok(size));
    }
    let flag = |flag: u64| theirs.flags & flag != 0;
    assert_eq!(flag(MAIL_BODY_8BITMIME), typed.body() == Some(Body::EightBitMime));
    assert_eq!(flag(MAIL_BODY_BINARYMIME), typed.body() == Some(Body::BinaryMime));
    assert_eq!(flag(MAIL_RET_FULL), typed.ret() == Some(Ret::Full));
    assert_eq!(flag(MAIL_RET_HDRS), typed.ret() == Some(Ret::Hdrs));
    assert_eq!(flag(MAIL_SMTPUTF8), typed.smtputf8());
    let envid = typed.envid().map(|envid| envid.decode());
    match (theirs.env_id.as_ref().map(|envid| envid.as_ref().as_bytes()), &envid) {
        (Some(theirs), Some(ours)) => {
            let blanks = theirs.strip_prefix(&ours[..]);
            assert!(blanks.is_some_and(|rest| rest.iter().all(|octet| b" \t".contains(octet))));
        }
        (theirs, ours) => assert!(theirs.is_none() && ours.is_none()),
    }
    if let Some(by) = typed.by() {
        assert_eq!(theirs.by, i64::from(by.seconds()));
    }
    if let Some(priority) = typed.mt_priority() {
        assert_eq!(theirs.mt_priority, i64::from(priority.value()));
    }
}

fn rcpt<T: AsRef<str>>(ours: &Rcpt<'_>, theirs: &RcptTo<T>) {
    let address = plain(ours.forward_path.mailbox()).unwrap_or_default();
    assert_eq!(address, theirs.address.as_ref());
    let Ok(typed) = RcptParameters::parse(ours.parameters) else { return };
    let notify = typed.notify();
    let has = |kind| notify.is_some_and(|notify| notify.contains(kind));
    let flag = |flag: u64| theirs.flags & flag != 0;
    assert_eq!(flag(RCPT_NOTIFY_SUCCESS), has(Notify::SUCCESS));
    assert_eq!(flag(RCPT_NOTIFY_FAILURE), has(Notify::FAILURE));
    assert_eq!(flag(RCPT_NOTIFY_DELAY), has(Notify::DELAY));
    assert_eq!(flag(RCPT_NOTIFY_NEVER), notify == Some(Notify::NEVER));
}

fuzz_target!(|octets: &[u8]| {
    let line = &octets[..octets.len().min(400)];
    if line.contains(&b'\n') {
        return;
    }
    let ended = [line, b"\r\n"].concat();
    let ours = Command::parse(line, &Syntax::STRICT);
    let taken = Subject::Command("").by_us(line, true);
    let stalwart = Request::parse(&mut ended.iter());
    let codec = smtp_codec::parse::command::command(&ended);
    let codec_takes = codec.is_ok_and(|(rest, _)| rest.is_empty());
    // Not in the grammar.
    let known = !matches!(
        ours,
        Ok(Command::Other(_)
            | Command::Etrn(_)
            | Command::Burl(_)
            | Command::XClient(_)
            | Command::XForward(_))
    );
    if known && (taken != stalwart.is_ok() || taken != codec_takes) {
        let judged = Subject::Command("").by_the_book(&GRAMMAR, line);
        let meant = differences::ours(Subject::Command(""), line, taken).is_some();
        assert!(taken == judged || meant, "{taken}: {}", line.escape_ascii());
    }
    match (&ours, &stalwart) {
        (Ok(Command::Mail(ours)), Ok(Request::Mail { from })) => mail(ours, from),
        (Ok(Command::Rcpt(ours)), Ok(Request::Rcpt { to })) => rcpt(ours, to),
        (Ok(Command::Bdat(ours)), Ok(Request::Bdat { chunk_size, is_last })) => {
            assert_eq!((u64::try_from(*chunk_size), *is_last), (Ok(ours.size), ours.last));
        }
        _ => {}
    }
});
