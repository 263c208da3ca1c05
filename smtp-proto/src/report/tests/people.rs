//! What a report tells, for each action and each reason.

use super::*;
use crate::{
    client::{Cause, Status},
    fault::Fault,
};

/// The whole report of one recipient.
fn told(recipient: Recipient<'_>, parameters: &str) -> String {
    let mut report = report(original("<alice@example.org>", parameters));
    report.push(recipient);
    text(&report.write(&[]))
}

fn of(action: Action, class: u8) -> Recipient<'static> {
    Recipient::new(path("<bob@example.net>"), rcpt(""), action, code(class, 0, 0))
}

#[test]
fn each_action_has_its_subject_and_its_sentence() {
    for (action, class, subject, sentence) in [
        (Action::Failed, 5, "Undelivered mail", "could not be delivered to these recipients:"),
        (Action::Delayed, 4, "Delayed mail, still being tried", "recipients so far."),
        (Action::Delivered, 2, "Delivery report", "was delivered to these recipients:"),
        (Action::Relayed, 2, "Delivery report", "passed on for these recipients"),
        (Action::Expanded, 2, "Delivery report", "to the members of these addresses:"),
    ] {
        let shown = told(of(action, class), "").replace("\r\n\t", " ");
        assert!(shown.contains(&format!("Subject: {subject}\r\n")), "{shown}");
        assert!(shown.contains(sentence), "{shown}");
        assert!(shown.contains(&format!("\r\nAction: {action}\r\n")), "{shown}");
    }
    // The worst of several decides.
    let mut report = report(original("<alice@example.org>", ""));
    report.push(of(Action::Delivered, 2)).push(of(Action::Delayed, 4));
    assert!(text(&report.write(&[])).contains("Subject: Delayed mail"));
}

#[test]
fn reasons_for_people() {
    let reply = Reply::parse(b"550 5.1.1 nobody\r\n").unwrap().to_owned();
    let failed = || of(Action::Failed, 5);
    let mx = || host("mx2.example.net");
    for (recipient, reason) in [
        (failed().remote(mx(), Some(&reply)), "5.0.0 mx2.example.net said: 550 5.1.1 nobody"),
        (failed().because("no route"), "5.0.0 no route"),
        (failed().because("no route").remote(mx(), None), "5.0.0 mx2.example.net: no route"),
        (failed().remote(mx(), None), "5.0.0 by way of mx2.example.net"),
        (failed(), "5.0.0"),
    ] {
        let shown = told(recipient, "");
        assert!(shown.contains(&format!("   <bob@example.net>: {reason}\r\n")), "{shown}");
    }
}

/// T-21: the status, and what is told of it, from an outcome.
#[test]
fn t21_of_an_outcome() {
    let reply = |text: &str| Reply::parse(format!("{text}\r\n").as_bytes()).unwrap().to_owned();
    let replied = |phase, text: &str| Outcome::replied(phase, reply(text));
    let broken = |fault| Outcome::deferred(Phase::Delivery, Cause::Fault(fault));
    let unreadable = Outcome::deferred(Phase::Content, Cause::Content("gone".into()));
    for (outcome, status, diagnostic) in [
        (replied(Phase::Rcpt, "550 5.1.1 nobody"), "5.1.1", "smtp; 550 5.1.1 nobody"),
        (replied(Phase::Rcpt, "550 4.1.1 nobody"), "5.0.0", "smtp; 550 4.1.1 nobody"),
        (replied(Phase::Delivery, "250 ok"), "2.0.0", "smtp; 250 ok"),
        (Outcome::local(Rejection::NULL_MX), "5.1.10", "x-local; "),
        (broken(Fault::Closed), "4.4.2", "x-local; the peer closed the connection"),
        (broken(Fault::Timeout), "4.4.2", "x-local; timed out waiting for the peer"),
        (broken(Fault::EndlessLine), "4.5.0", "x-local; line without end"),
        (broken(Fault::ServiceNotAvailable(reply("421 bye"))), "4.3.2", "smtp; 421 bye"),
        (broken(Fault::ServiceNotAvailable(reply("421 4.7.0 b"))), "4.7.0", "smtp; 421 4.7.0 b"),
        (unreadable, "4.6.0", "x-local; the content cannot be sent: gone"),
        (broken(Fault::Closed).judged(Status::InDoubt), "4.4.2", "x-local; "),
    ] {
        let to = path("<bob@example.net>");
        let action = if status.starts_with('2') { Action::Delivered } else { Action::Failed };
        let recipient =
            Recipient::of_outcome(to, rcpt(""), action, &outcome, Some(host("x.example")));
        let shown = told(recipient, "").replace("\r\n\t", " ");
        assert!(shown.contains(&format!("\r\nStatus: {status}\r\n")), "{outcome}: {shown}");
        assert!(
            shown.contains(&format!("\r\nDiagnostic-Code: {diagnostic}")),
            "{outcome}: {shown}"
        );
        assert!(shown.contains("\r\nRemote-MTA: dns; x.example\r\n"), "{shown}");
    }
    let in_doubt = broken(Fault::Closed).judged(Status::InDoubt).to_string();
    assert_eq!(in_doubt, "in doubt after the content: the peer closed the connection");
}

/// T-24: how much comes back can be set; the header ends where it ends, however it was cut.
#[test]
fn t24_bounds_of_what_comes_back() {
    let returned = |most, content: &[Bytes]| {
        let mut report = report(original("<alice@example.org>", "RET=FULL"));
        report.max_returned(most).push(of(Action::Failed, 5));
        text(&report.write(content))
    };
    let size = CONTENT.len() as u64;
    assert!(returned(size, &content()).contains("Hello, Bob."));
    let shown = returned(size - 1, &content());
    assert!(shown.contains("text/rfc822-headers") && !shown.contains("Hello, Bob."));
    let body = CONTENT.find("\r\n\r\n").unwrap() + 4;
    let (header, body) = CONTENT.split_at(body);
    for cut in 0..header.len() {
        let pieces = [&header[..cut], &header[cut..], body, "more"];
        let pieces = pieces.map(|piece| Bytes::copy_from_slice(piece.as_bytes()));
        let shown = returned(0, &pieces);
        assert!(shown.contains("Subject: hello\r\n") && !shown.contains("Hello, Bob."), "{shown}");
    }
}

/// RFC 6533 section 4: of a message with SMTPUTF8 the header is one of another kind.
#[test]
fn header_of_an_internationalized_message() {
    let content = [Bytes::from_static("Subject: \u{fc}\r\n\r\nbody\r\n".as_bytes())];
    for (parameters, kind, encoding) in [
        ("SMTPUTF8", "message/global-headers", "8bit"),
        ("SMTPUTF8 RET=FULL", "message/global\r\n", "8bit"),
    ] {
        let mut report = report(original("<\u{fc}@example.org>", parameters));
        report.push(of(Action::Failed, 5));
        let shown = text(&report.write(&content));
        assert!(shown.contains(&format!("Content-Type: {kind}")), "{shown}");
        assert!(shown.contains(&format!("Content-Transfer-Encoding: {encoding}\r\n")), "{shown}");
    }
}

#[test]
fn text_of_ones_own() {
    let mut report = report(original("<alice@example.org>", ""));
    report.text("Two lines,\n\nand one between.").push(of(Action::Failed, 5));
    let shown = text(&report.write(&[]));
    assert!(shown.contains("\r\n\r\nTwo lines,\r\n\r\nand one between.\r\n"), "{shown}");
    // It says of itself what it is.
    for (words, kind) in [
        ("plain", "charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nplain"),
        ("na\u{ef}f", "charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nna\u{ef}f"),
    ] {
        let mut report = self::report(original("<alice@example.org>", ""));
        report.text(words).push(of(Action::Failed, 5));
        let shown = text(&report.write(&[]));
        assert!(shown.contains(kind), "{shown}");
    }
    // No line is longer than 998 octets, whatever its words are.
    let word = "w".repeat(3000);
    let shown = told(of(Action::Failed, 5).because(&word), "");
    assert!(shown.lines().all(|line| line.len() <= 998));
    assert!(shown.replace("\r\n\t", "").contains(&word));
}

/// RFC 6533 section 3: escapes that stand for no character stay as they are.
#[test]
fn addresses_with_escapes() {
    for (orcpt, plain) in [
        ("utf-8;\\x{FC}@example.org", "utf-8; \u{fc}@example.org"),
        ("utf-8;a\\x{D800}b@example.org", "utf-8; a\\x{D800}b@example.org"),
        ("utf-8;a\\x{@example.org", "utf-8; a\\x{@example.org"),
        ("rfc822;a+2Bb@example.org", "rfc822; a+b@example.org"),
    ] {
        let (list, mail) = (format!("ORCPT={orcpt}"), "SMTPUTF8");
        let Ok(list) = RcptParameters::parse(parameters(&list)) else { continue };
        let mut report = report(original("<\u{fc}@example.org>", mail));
        report.push(Recipient::new(path("<bob@example.net>"), list, Action::Failed, code(5, 0, 0)));
        let shown = text(&report.write(&[]));
        assert!(shown.contains(&format!("\r\nOriginal-Recipient: {plain}\r\n")), "{orcpt} {shown}");
    }
    assert_eq!(
        fields::unescaped("a\\x{FC}b\\x{110000}c\\x{zz}d\\x{"),
        "a\u{fc}b\\x{110000}c\\x{zz}d\\x{"
    );
}

/// RFC 5322 section 3.2.2: a line of blanks only is none of a field, so that the fields of a recipient
/// stay together, whatever address it was given first.
#[test]
fn an_original_address_of_nothing() {
    let kind = "k".repeat(80);
    for address in ["", "+20", "+20+20x"] {
        let orcpt = format!("ORCPT={kind};{address}");
        let mut report = report(original("<alice@example.org>", ""));
        report.push(failed("<bob@example.net>", &orcpt));
        let shown = text(&report.write(&[]));
        let status =
            shown.split("\r\n--=_5f2c9b").nth(2).unwrap().split_once("\r\n\r\n").unwrap().1;
        let status = DeliveryStatus::parse(status).unwrap();
        assert_eq!(status.recipients().len(), 1, "{shown}");
        let given = status.recipients()[0].typed("Original-Recipient");
        let plain = if address.ends_with('x') { "x" } else { "" };
        assert_eq!(given, Some((&*kind, plain)), "{shown}");
        assert_eq!(status.recipients()[0].action(), Some(Action::Failed));
    }
}

/// A status has so many fields and no more.
#[test]
fn the_most_fields_of_a_status() {
    for (fields, good) in [(10_000, true), (10_001, false)] {
        let text = "X: y\n".repeat(fields - 1) + "\nFinal-Recipient: rfc822; a@b\n";
        assert_eq!(DeliveryStatus::parse(&text).is_ok(), good, "{fields}");
    }
}

#[test]
fn status_texts_that_are_odd() {
    let recipient = "\n\nFinal-Recipient: rfc822; a@b\n";
    for (text, good) in [
        ("A: b", true),
        ("A: b\n folded", true),
        (" folded: b", false),
        ("A", false),
        (": b", false),
        ("A\u{e9}: b", false),
        ("A \t: b", true),
        ("A:\n b", true),
    ] {
        let parsed = DeliveryStatus::parse(&format!("{text}{recipient}"));
        assert_eq!(parsed.is_ok(), good, "{text}");
    }
    let parsed = DeliveryStatus::parse(&format!("A:\n b{recipient}Action: none (x)\nStatus: x\n"));
    let parsed = parsed.unwrap();
    assert_eq!(parsed.message().get("a"), Some("b"));
    let only = &parsed.recipients()[0];
    assert_eq!((only.action(), only.status(), only.typed("Action")), (None, None, None));
}
