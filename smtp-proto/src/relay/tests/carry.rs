//! Envelopes kept, sent on and given to others.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use crate::client::{Content, Downgrade, Downgrades};
use crate::date::Timestamp;
use crate::extension::Capabilities;
use crate::parameter::{Body, MailParameters, Parameters, RcptParameters};
use crate::path::{ForwardPath, ReversePath};
use crate::profile::Syntax;
use crate::relay::*;
use crate::reply::Reply;
use crate::report::{Event, Onward};
use crate::trace::HeaderScanner;

const ARRIVED: i64 = 1_767_610_800;

fn arrived() -> Timestamp {
    Timestamp::from_unix(ARRIVED)
}

fn parameters(text: &str) -> Parameters<'_> {
    Parameters::parse(text.as_bytes(), &Syntax::INTERNET).unwrap()
}

fn queued(from: &str, mail: &str, to: &[(&str, &str)]) -> Queued {
    let mail = MailParameters::parse(parameters(mail)).unwrap();
    let mut queued = Queued::new(ReversePath::parse(from).unwrap(), mail, arrived());
    for (path, list) in to {
        let list = RcptParameters::parse(parameters(list)).unwrap();
        let number = queued.recipients().len();
        assert_eq!(queued.push(ForwardPath::parse(path).unwrap(), list), number);
    }
    queued
}

fn one(mail: &str, rcpt: &str) -> Queued {
    queued("<a@b.example>", mail, &[("<c@d.example>", rcpt)])
}

/// What goes to a server that offers some keywords, so many seconds later: parameters of MAIL and
/// of each RCPT, losses, and refusals.
type Sent = (String, Vec<String>, Downgrades, Vec<String>);

fn sent(queued: &Queued, offers: &[&str], after: u64) -> Sent {
    let mut reply = String::from("250-mx.example\r\n");
    for keyword in offers {
        reply.push_str(&alloc::format!("250-{keyword}\r\n"));
    }
    reply.push_str("250 SIZE\r\n");
    let reply = Reply::parse(reply.as_bytes()).unwrap();
    let hop = Hop {
        capabilities: Some(Capabilities::parse(reply)),
        authenticated: offers.contains(&"AUTH PLAIN"),
        now: arrived().plus(Duration::from_secs(after)),
    };
    let outgoing = queued.outgoing(0..queued.recipients().len(), &hop);
    let recipients = outgoing.recipients();
    let envelope = outgoing.envelope(&recipients);
    assert_eq!(envelope.reverse_path, queued.reverse_path());
    assert_eq!(outgoing.content(), queued.content());
    let lists = envelope.recipients.iter().map(|to| to.parameters.to_string()).collect();
    let refused = outgoing.refused().iter().map(|(_, why)| why.enhanced().to_string()).collect();
    (envelope.parameters.to_string(), lists, outgoing.downgrades(), refused)
}

fn goes(mail: &str, rcpt: &str) -> Sent {
    (mail.to_string(), Vec::from([rcpt.to_string()]), Downgrades::NONE, Vec::new())
}

fn loses(mail: &str, rcpt: &str, losses: &[Downgrade]) -> Sent {
    let losses = losses.iter().copied().collect();
    (mail.to_string(), Vec::from([rcpt.to_string()]), losses, Vec::new())
}

fn refused(code: &str) -> Sent {
    (String::new(), Vec::new(), Downgrades::NONE, Vec::from([code.to_string()]))
}

#[test]
fn c75_reports_go_on_unchanged_or_not_at_all() {
    let asked = "ret=FULL ENVID=x+2Dy SIZE=5 BODY=8BITMIME SMTPUTF8";
    let message = one(asked, "NOTIFY=Delay,failure ORCPT=rfc822;C+40d.example");
    assert_eq!(
        sent(&message, &["DSN"], 0),
        goes("ret=FULL ENVID=x+2Dy", "NOTIFY=Delay,failure ORCPT=rfc822;C+40d.example")
    );
    assert_eq!(sent(&message, &[], 0), loses("", "", &[Downgrade::Dsn]));
    let utf8 = one("SMTPUTF8", "ORCPT=utf-8;j\u{f6}rg\\x{2B}@x.example");
    let kept = "ORCPT=utf-8;j\u{f6}rg\\x{2B}@x.example";
    assert_eq!(sent(&utf8, &["DSN", "SMTPUTF8"], 0), goes("", kept));
    let wrong = one("SMTPUTF8", "ORCPT=rfc822;j\u{f6}rg+2B@x.example");
    let mended = "ORCPT=utf-8;j\\x{F6}rg\\x{2B}@x.example";
    for offered in [&["DSN", "SMTPUTF8"][..], &["DSN"]] {
        assert_eq!(sent(&wrong, offered, 0), goes("", mended));
    }
    let escaped = "ORCPT=utf-8;j\\x{F6}rg\\x{2B}@x.example";
    assert_eq!(sent(&utf8, &["DSN"], 0), goes("", escaped));
}

#[test]
fn c78_the_time_that_is_left() {
    let back = one("BY=3600;R", "");
    assert_eq!(sent(&back, &["DELIVERBY"], 600), goes("BY=3000;R", ""));
    assert_eq!(sent(&back, &["DELIVERBY 3000"], 600), goes("BY=3000;R", ""));
    assert_eq!(sent(&back, &["DELIVERBY 3001"], 600), refused("5.4.7"));
    assert_eq!(sent(&back, &["DELIVERBY"], 3600), refused("5.4.7"));
    assert_eq!(sent(&back, &[], 600), refused("5.3.3"));
    let tell = one("BY=3600;NT", "");
    assert_eq!(sent(&tell, &["DELIVERBY 9999", "DSN"], 4000), goes("BY=-400;NT", ""));
    // Where nobody looks after the time, delays are told of.
    let unwatched = |rcpt, after| sent(&one("BY=3600;N", rcpt), &["DSN"], after);
    let lost = &[Downgrade::DeliverBy];
    assert_eq!(unwatched("", 0), loses("", "NOTIFY=FAILURE,DELAY", lost));
    assert_eq!(unwatched("NOTIFY=SUCCESS", 0), loses("", "NOTIFY=SUCCESS,DELAY", lost));
    assert_eq!(unwatched("NOTIFY=NEVER", 0), loses("", "NOTIFY=NEVER", lost));
    assert_eq!(unwatched("", 3599), loses("", "NOTIFY=FAILURE,DELAY", lost));
    assert_eq!(unwatched("", 3600), loses("", "", lost));
    assert_eq!(unwatched("", 4000), loses("", "", lost));
    assert_eq!(sent(&one("BY=3600;N", ""), &[], 0), loses("", "", lost));
}

#[test]
fn c79_c80_priority_and_release() {
    let message = one("MT-PRIORITY=-3 HOLDFOR=60", "");
    assert_eq!(message.priority(), -3);
    assert_eq!(message.held_until(), Some(arrived().plus(Duration::from_secs(60))));
    assert_eq!(
        sent(&message, &["MT-PRIORITY", "FUTURERELEASE 99 x"], 60),
        goes("MT-PRIORITY=-3", "")
    );
    assert_eq!(sent(&message, &[], 60), loses("", "", &[Downgrade::Priority]));
    let until = one("HOLDUNTIL=2026-01-05T12:00:00Z", "");
    assert_eq!(until.held_until().map(Timestamp::unix), Some(1_767_614_400));
    assert_eq!((one("", "").held_until(), one("", "").priority()), (None, 0));
}

#[test]
fn c81_c82_owner_and_tracking() {
    let since = "RRVS=2014-04-03T23:01:00Z";
    assert_eq!(sent(&one("", since), &["RRVS"], 0), goes("", since));
    let (mail, none, losses, refusals) = sent(&one("", since), &[], 0);
    assert!(
        mail.is_empty()
            && none.is_empty()
            && losses == Downgrades::from_iter([Downgrade::OwnerCheck])
    );
    assert_eq!(refusals, ["5.7.19"]);
    let either = one("", "RRVS=2014-04-03T23:01:00Z;C");
    assert_eq!(sent(&either, &[], 0), loses("", "", &[Downgrade::OwnerCheck]));

    let tracked = one("ENVID=a@b.example MTRK=YWJj:1000", "");
    let offers = &["MTRK", "DSN"];
    assert_eq!(sent(&tracked, offers, 400), goes("ENVID=a@b.example MTRK=YWJj:600", ""));
    assert_eq!(
        sent(&tracked, offers, 1000),
        loses("ENVID=a@b.example", "", &[Downgrade::Tracking])
    );
    assert_eq!(sent(&tracked, &["DSN"], 0), loses("ENVID=a@b.example", "", &[Downgrade::Tracking]));
    let forever = one("ENVID=a@b.example MTRK=YWJj", "");
    assert_eq!(sent(&forever, offers, 9999), goes("ENVID=a@b.example MTRK=YWJj", ""));
}

#[test]
fn c83_and_the_rest() {
    let auth = one("AUTH=e+3Dmc2@example.com", "");
    assert_eq!(sent(&auth, &["AUTH PLAIN"], 0), goes("AUTH=e+3Dmc2@example.com", ""));
    assert_eq!(sent(&one("", ""), &["AUTH PLAIN"], 0), goes("AUTH=<>", ""));
    assert_eq!(sent(&auth, &["AUTH LOGIN"], 0), goes("", ""));
    let tls = one("REQUIRETLS", "");
    assert_eq!(sent(&tls, &["REQUIRETLS"], 0), goes("REQUIRETLS", ""));
    let (.., refusals) = sent(&tls, &[], 0);
    assert_eq!(refusals, ["5.7.30"]);
    let nobody = queued("<>", "REQUIRETLS", &[("<c@d.example>", "")]);
    assert_eq!(sent(&nobody, &[], 0), loses("", "", &[Downgrade::RequireTls]));
    let own = one("X-MINE=1 SOLICIT=org.example:ADV", "X-OURS=2");
    let lost = [Downgrade::Other, Downgrade::Solicitation];
    assert_eq!(sent(&own, &[], 0), loses("", "", &lost));
    let all = &["X-MINE", "X-OURS", "NO-SOLICITING"];
    assert_eq!(sent(&own, all, 0), goes("X-MINE=1 SOLICIT=org.example:ADV", "X-OURS=2"));
    // HELO only.
    let hop = Hop { capabilities: None, authenticated: false, now: arrived() };
    let outgoing = own.outgoing([0, 7], &hop);
    assert_eq!(outgoing.numbers().collect::<Vec<_>>(), [0]);
    assert_eq!(outgoing.onward(), Onward { dsn: false, deliver_by: false });
}

/// RFC 6531 section 3.2: nothing internationalized goes on without SMTPUTF8, at whatever level it is; but
/// what a client has declared for nothing is no hindrance.
#[test]
fn a_declared_smtputf8_counts_where_something_may_need_it() {
    let utf8 = &b"Subject: \xc3\xb6\r\n\r\n"[..];
    let plain = &b"Subject: x\r\nContent-Type: Text/plain; charset=utf-8\r\n\r\n"[..];
    let bare = &b"Subject: x\r\n\r\n--b\r\n"[..];
    let parts = &b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"[..];
    let message = &b"Content-Type: Message/Global\r\n\r\n"[..];
    let unknown = &b"Content-Type: (text/) x-parts/new\r\n\r\n"[..];
    let latin = &b"Subject: \xf6\r\nContent-Type: text/plain\r\n\r\n"[..];
    for (header, has_8bit, declared, undeclared) in [
        (utf8, Some(true), true, true),
        (plain, Some(true), false, false),
        (bare, Some(true), false, false),
        (latin, Some(true), false, false),
        (parts, Some(true), true, false),
        (parts, Some(false), false, false),
        (message, Some(true), true, false),
        (message, Some(false), false, false),
        (unknown, Some(true), true, false),
        // The body is still to come.
        (parts, None, true, false),
        (plain, None, false, false),
    ] {
        for (mail, expected) in [("SMTPUTF8", declared), ("BODY=8BITMIME", undeclared)] {
            let mut message = one(mail, "");
            for length in 1..header.len() {
                let mut scanner = HeaderScanner::new();
                header.chunks(length).for_each(|piece| scanner.scan(piece));
                message.header(&scanner);
                if let Some(has_8bit) = has_8bit {
                    message.received(99, has_8bit);
                }
                let shown = (header.escape_ascii(), has_8bit, mail, length);
                assert_eq!(message.content().smtputf8, expected, "{shown:?}");
            }
        }
    }
}

#[test]
fn what_is_known_of_the_content() {
    let mut message = one("BODY=7BIT SMTPUTF8", "");
    assert!(message.content().smtputf8);
    message.received(10, false);
    assert_eq!(message.content().body, Body::SevenBit);
    message.received(10, true);
    let mut header = HeaderScanner::new();
    header.scan(b"TLS-Required: No\r\n\r\n");
    message.header(&header);
    let content = Content { size: Some(10), body: Body::EightBitMime, smtputf8: false };
    assert_eq!(message.content(), content);
    assert!(message.tls_required_no());
    let mut required = one("REQUIRETLS BODY=BINARYMIME", "");
    required.header(&header);
    assert!(!required.tls_required_no());
    assert_eq!(required.content().body, Body::BinaryMime);
}

#[test]
fn t14_t27_aliases() {
    let mail = "RET=FULL ENVID=a@b.example MTRK=YWJj BY=60;N REQUIRETLS";
    let message = queued(
        "<a@b.example>",
        mail,
        &[
            ("<x@y.example>", ""),
            ("<c@d.example>", "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y.example"),
        ],
    );
    let (e, f) = (ForwardPath::parse("<e@f.example>").unwrap(), ForwardPath::Postmaster);
    let shown = |queued: &Queued| {
        let recipients =
            queued.recipients().map(|(path, list)| alloc::format!("{path} {}", list.all()));
        (queued.parameters().all().to_string(), recipients.collect::<Vec<_>>())
    };
    // One address: an ordinary hop.
    let (single, event) = message.for_alias(1, &[e], AliasReports::PassOn).unwrap();
    let asked = "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y.example";
    assert_eq!(shown(&single), (mail.to_string(), Vec::from([alloc::format!("{e} {asked}")])));
    assert_eq!((event, single.reverse_path()), (None, message.reverse_path()));
    // RFC 3461 section 5.2.7.3 a.
    let (stopped, event) = message.for_alias(1, &[e, f], AliasReports::Stop).unwrap();
    let (parameters, recipients) = shown(&stopped);
    assert_eq!(parameters, "BY=60;N REQUIRETLS");
    assert_eq!(recipients, ["<e@f.example> ", "<Postmaster> "]);
    assert!(matches!(event, Some(Event::Relayed(Onward { dsn: false, .. }))));
    // And c.
    let (passed, event) = message.for_alias(1, &[e, f], AliasReports::PassOn).unwrap();
    let (parameters, recipients) = shown(&passed);
    assert_eq!(parameters, "RET=FULL ENVID=a@b.example BY=60;N REQUIRETLS");
    assert_eq!(recipients[1], "<Postmaster> ORCPT=rfc822;x@y.example NOTIFY=DELAY");
    assert_eq!(event, Some(Event::Expanded));
    assert!(message.for_alias(1, &[], AliasReports::Stop).is_none());
    assert!(message.for_alias(2, &[e], AliasReports::Stop).is_none());
    // With success alone asked for, nothing is left to ask for.
    let (only, _) = one("", "NOTIFY=SUCCESS").for_alias(0, &[e, f], AliasReports::PassOn).unwrap();
    assert_eq!(shown(&only).1[0], "<e@f.example> NOTIFY=NEVER");
}

#[test]
fn t14_t27_lists_and_l17() {
    let owner = ReversePath::parse("<owner@list.example>").unwrap();
    let member = ForwardPath::parse("<e@f.example>").unwrap();
    let asked = "RET=FULL ENVID=a@b.example MTRK=YWJj BY=60;N REQUIRETLS MT-PRIORITY=2 AUTH=<>";
    let list = one(asked, "NOTIFY=SUCCESS").for_list(owner, &[member]);
    assert_eq!(list.reverse_path(), owner);
    assert_eq!(list.parameters().all().as_str(), "REQUIRETLS MT-PRIORITY=2");
    assert!(list.recipients().all(|(path, list)| path == member && list.all().is_empty()));
    let nobody = queued("<>", "", &[("<c@d.example>", "")]).for_list(owner, &[member]);
    assert_eq!(nobody.reverse_path(), ReversePath::Null);
    assert!(check_expansion(20, MAX_EXPANSION).is_ok());
    assert!(check_expansion(21, MAX_EXPANSION).is_err());
}

#[test]
fn kept_as_text() {
    let mut message = one("SIZE=5 ENVID=x", "NOTIFY=NEVER");
    message.received(7, true);
    let text = message.to_string();
    assert_eq!(
        text,
        "mail <a@b.example> SIZE=5 ENVID=x\nrcpt <c@d.example> NOTIFY=NEVER\n\
         arrived 1767610800\nsize 7\n8bit\n"
    );
    assert_eq!(Queued::parse(&text), Ok(message));
    for (from, to) in [
        ("mail", "from"),
        ("arrived", "came"),
        ("arrived 1767610800\n", ""),
        ("1767610800", "x"),
        ("<a@", "<@"),
        ("<c@", "<@"),
        ("> SIZE", ">SIZE"),
        ("NEVER", "EVER"),
        ("SIZE=5", "SIZE=x"),
        ("size 7", "size -7"),
        ("8bit", "8bit x"),
    ] {
        assert_eq!(Queued::parse(&text.replacen(from, to, 1)), Err(NotQueued), "{from}");
    }
}

proptest! {
    #[test]
    fn text_both_ways(
        from in "[a-z]{1,9}@[a-z_]{1,9}\\.example",
        to in prop::collection::vec("[a-z\u{f6}]{1,9}@[a-z]{1,9}\\.example", 0..5),
        seconds in 0i64..9_999_999,
        size in proptest::option::of(0u64..99),
        flags in 0u8..16,
    ) {
        let syntax = Syntax { underscore_domain: true, ..Syntax::INTERNET };
        let from = crate::path::Mailbox::parse_with(from.as_bytes(), &syntax);
        prop_assume!(from.is_ok());
        let mail = MailParameters::parse(parameters("SMTPUTF8 X-Y=\u{e4} MT-PRIORITY=3")).unwrap();
        let mut queued = Queued::new(from.unwrap().into(), mail, Timestamp::from_unix(seconds));
        for path in &to {
            let path = alloc::format!("<{path}>");
            let list = RcptParameters::parse(parameters("ORCPT=utf-8;\u{f6}")).unwrap();
            queued.push(ForwardPath::parse(&path).unwrap(), list);
        }
        if let Some(size) = size {
            queued.received(size, flags & 1 != 0);
        }
        if flags & 2 != 0 {
            let mut header = HeaderScanner::new();
            header.scan(match flags / 4 {
                0 => &b"TLS-Required: No\r\n\r\n"[..],
                1 => b"X: \xc3\xb6\r\n\r\n",
                _ => b"Content-Type: multipart/mixed; boundary=b\r\n\r\n",
            });
            queued.header(&header);
        }
        prop_assert_eq!(Queued::parse(&queued.to_string()), Ok(queued));
    }

    #[test]
    fn no_text_panics(text: String) {
        let _ = Queued::parse(&text);
        let _ = Queued::parse(&alloc::format!("mail <a@b.example> {text}\narrived 0\n"));
    }
}
