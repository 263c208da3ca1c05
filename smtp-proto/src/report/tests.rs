mod people;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::answer::Rejection;
use crate::client::{Outcome, Phase};
use crate::date::{Date, Timestamp};
use crate::domain::{HelloName, Host};
use crate::parameter::{Body, By, MailParameters, Notify, Parameters, RcptParameters};
use crate::path::{ForwardPath, ReversePath};
use crate::profile::Syntax;
use crate::reply::{Reply, ReplyBuf};
use crate::status::{Code, EnhancedCode};
use crate::trace::fold::{Charset, Field};

const CONTENT: &str = "From: Alice <alice@example.org>\r\nSubject: hello\r\n\r\nHello, Bob.\r\n";

fn at(unix: i64) -> Date {
    Date::utc(Timestamp::from_unix(unix))
}

fn now() -> Date {
    at(1_767_614_400)
}

fn parameters(text: &str) -> Parameters<'_> {
    Parameters::parse(text.as_bytes(), &Syntax::INTERNET).unwrap()
}

fn mail(text: &str) -> MailParameters<'_> {
    MailParameters::parse(parameters(text)).unwrap()
}

fn rcpt(text: &str) -> RcptParameters<'_> {
    RcptParameters::parse(parameters(text)).unwrap()
}

fn path(text: &str) -> ForwardPath<'_> {
    ForwardPath::parse(text).unwrap()
}

fn host(text: &str) -> Host<'_> {
    Host::parse(text).unwrap()
}

fn code(class: u8, subject: u16, detail: u16) -> EnhancedCode {
    EnhancedCode::new(class, subject, detail).unwrap()
}

fn original<'a>(reverse_path: &'a str, parameters: &'a str) -> Original<'a> {
    Original::new(ReversePath::parse(reverse_path).unwrap(), mail(parameters), at(1_767_610_800))
}

fn report<'a>(original: Original<'a>) -> Report<'a> {
    Report::new(original, host("mx.example.net"), now(), "5f2c9b")
}

fn failed<'a>(to: &'a str, parameters: &'a str) -> Recipient<'a> {
    Recipient::new(path(to), rcpt(parameters), Action::Failed, code(5, 1, 1))
}

fn text(message: &ReportMessage) -> String {
    String::from_utf8(message.octets()).unwrap()
}

fn content() -> [Bytes; 2] {
    let (a, b) = CONTENT.split_at(40);
    [Bytes::from_static(a.as_bytes()), Bytes::from_static(b.as_bytes())]
}

#[test]
fn t18_the_whole_report() {
    let reply = b"550-5.1.1 no such\r\n550 5.1.1 mailbox here\r\n";
    let reply: ReplyBuf = Reply::parse(reply).unwrap().into();
    let original = original("<alice@example.org>", "RET=FULL ENVID=QQ+2B314 SIZE=99")
        .received_from(HelloName::parse("client.example.org").unwrap());
    let mut report = report(original);
    report.push(
        failed("<bob@example.net>", "NOTIFY=FAILURE ORCPT=rfc822;b+2Bob@example.org")
            .remote(host("mx2.example.net"), Some(&reply))
            .last_attempt(now()),
    );
    let message = report.write(&content());
    assert_eq!(
        text(&message),
        "Date: Mon, 05 Jan 2026 12:00:00 +0000\r\n\
         From: Mail Delivery System <postmaster@mx.example.net>\r\n\
         To: <alice@example.org>\r\n\
         Message-ID: <5f2c9b@mx.example.net>\r\n\
         Subject: Undelivered mail\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\
         \tboundary=\"=_5f2c9b\"\r\n\
         \r\n\
         --=_5f2c9b\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         This is the mail system of mx.example.net.\r\n\
         \r\n\
         Your message could not be delivered to these recipients:\r\n\
         \x20   <bob@example.net>: 5.1.1 mx2.example.net said: 550 5.1.1 no such / mailbox\r\n\
         \there\r\n\
         \r\n\
         --=_5f2c9b\r\n\
         Content-Type: message/delivery-status\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         Original-Envelope-Id: QQ+314\r\n\
         Reporting-MTA: dns; mx.example.net\r\n\
         Received-From-MTA: dns; client.example.org\r\n\
         Arrival-Date: Mon, 05 Jan 2026 11:00:00 +0000\r\n\
         \r\n\
         Original-Recipient: rfc822; b+ob@example.org\r\n\
         Final-Recipient: rfc822; bob@example.net\r\n\
         Action: failed\r\n\
         Status: 5.1.1\r\n\
         Remote-MTA: dns; mx2.example.net\r\n\
         Diagnostic-Code: smtp; 550-5.1.1 no such\r\n\
         \t550 5.1.1 mailbox here\r\n\
         Last-Attempt-Date: Mon, 05 Jan 2026 12:00:00 +0000\r\n\
         \r\n\
         --=_5f2c9b\r\n\
         Content-Type: message/rfc822\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         From: Alice <alice@example.org>\r\n\
         Subject: hello\r\n\
         \r\n\
         Hello, Bob.\r\n\
         \r\n\
         --=_5f2c9b--\r\n"
    );
    assert_eq!(message.content().body, Body::SevenBit);
    assert_eq!(message.content().size, u64::try_from(message.octets().len()).ok());
    // The original is not copied.
    let pieces = content();
    let message = report.write(&pieces);
    assert!(message.pieces().iter().any(|piece| piece.as_ptr() == pieces[0].as_ptr()));
}

#[test]
fn t15_t16_t17_the_envelope() {
    let mut none = report(original("<>", ""));
    none.push(failed("<bob@example.net>", ""));
    assert!(none.envelope().is_none());
    assert!(report(original("<a@b.example>", "")).envelope().is_none());

    let asked = "RET=FULL ENVID=x HOLDFOR=60 BY=60;R MT-PRIORITY=3 REQUIRETLS SIZE=5 AUTH=<>";
    let mut some = report(original("<@a.example,@b.example:u@d.example>", asked));
    some.push(failed("<bob@example.net>", ""));
    let envelope = some.envelope().unwrap();
    assert_eq!(envelope.reverse_path(), ReversePath::Null);
    assert_eq!(envelope.parameters().as_str(), "REQUIRETLS MT-PRIORITY=3");
    let recipient = envelope.recipient();
    assert_eq!(recipient.path.to_string(), "<u@d.example>");
    assert_eq!(recipient.parameters.as_str(), "NOTIFY=NEVER");
}

#[test]
fn t22_t23_what_is_told() {
    let onward = |dsn, deliver_by| Event::Relayed(Onward { dsn, deliver_by });
    let by = |text| mail(text).by();
    let (success, failure) = (Some(Notify::SUCCESS), Some(Notify::FAILURE));
    let (delay, never) = (Some(Notify::DELAY), Some(Notify::NEVER));
    for (event, notify, by, action) in [
        // RFC 3461 section 5.2.6.
        (Event::Failed, None, None, Some(Action::Failed)),
        (Event::Failed, failure, None, Some(Action::Failed)),
        (Event::Failed, success, None, None),
        (Event::Failed, never, None, None),
        // Section 5.2.5.
        (Event::Delayed, None, None, Some(Action::Delayed)),
        (Event::Delayed, delay, None, Some(Action::Delayed)),
        (Event::Delayed, failure, None, None),
        (Event::Delayed, never, None, None),
        // Section 5.2.3.
        (Event::Delivered, None, None, None),
        (Event::Delivered, success, None, Some(Action::Delivered)),
        (Event::Delivered, failure, None, None),
        // Section 5.2.2: only where the chain breaks.
        (onward(false, false), success, None, Some(Action::Relayed)),
        (onward(false, false), None, None, None),
        (onward(false, false), never, None, None),
        (onward(true, false), success, None, None),
        // Section 5.2.7.3.
        (Event::Expanded, success, None, Some(Action::Expanded)),
        (Event::Expanded, None, None, None),
        // RFC 2852 section 4.1.3 and 4.1.4.
        (Event::TimeOver, None, by("BY=60;R"), Some(Action::Failed)),
        (Event::TimeOver, success, by("BY=60;R"), None),
        (Event::TimeOver, delay, by("BY=60;N"), Some(Action::Delayed)),
        (Event::TimeOver, failure, by("BY=60;N"), None),
        (Event::TimeOver, None, None, None),
        (onward(true, true), failure, by("BY=60;RT"), Some(Action::Relayed)),
        (onward(true, true), never, by("BY=60;RT"), None),
        (onward(true, true), None, by("BY=60;N"), None),
        (onward(true, false), None, by("BY=60;N"), Some(Action::Relayed)),
        (onward(true, false), never, by("BY=60;N"), None),
    ] {
        let by: Option<By> = by;
        assert_eq!(event.report(notify, by), action, "{event:?} {notify:?} {by:?}");
    }
    let (relayed, unlike) = (Onward { dsn: true, deliver_by: false }, code(5, 1, 1));
    let outcome = |code, enhanced| {
        Outcome::replied(Phase::Rcpt, ReplyBuf::new(Code::new(code).unwrap(), enhanced, "x"))
    };
    assert_eq!(Event::of(&outcome(250, None), relayed), Some(Event::Relayed(relayed)));
    assert_eq!(Event::of(&outcome(550, None), relayed), Some(Event::Failed));
    assert_eq!(Event::of(&outcome(450, None), relayed), None);
    // T-21: the reply's code, if it is of the outcome's class.
    assert_eq!(status_of(&outcome(550, Some(unlike))), unlike);
    assert_eq!(status_of(&outcome(550, None)), code(5, 0, 0));
    assert_eq!(status_of(&outcome(451, Some(unlike))), code(4, 0, 0));
    assert_eq!(status_of(&outcome(250, None)), code(2, 0, 0));
    assert_eq!(status_of(&Outcome::local(Rejection::MESSAGE_TOO_BIG)), code(5, 3, 4));
}

#[test]
fn t24_what_comes_back() {
    let returned = |asked, action, size| {
        let mut report = report(original("<a@b.example>", asked));
        report.push(Recipient::new(path("<b@c.example>"), rcpt(""), action, code(4, 4, 7)));
        report.returned(size)
    };
    assert_eq!(returned("RET=FULL", Action::Failed, 65_536), Returned::Full);
    assert_eq!(returned("RET=FULL", Action::Failed, 65_537), Returned::Headers);
    assert_eq!(returned("RET=FULL", Action::Delayed, 10), Returned::Headers);
    assert_eq!(returned("RET=HDRS", Action::Failed, 10), Returned::Headers);
    assert_eq!(returned("", Action::Failed, 10), Returned::Headers);
    assert_eq!(returned("RET=FULL REQUIRETLS", Action::Failed, 10), Returned::Headers);
    assert_eq!(returned("RET=FULL BODY=BINARYMIME", Action::Failed, 10), Returned::Headers);

    let mut headers = report(original("<a@b.example>", ""));
    headers.push(failed("<b@c.example>", ""));
    let message = text(&headers.write(&content()));
    assert!(message.ends_with(
        "--=_5f2c9b\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
         From: Alice <alice@example.org>\r\nSubject: hello\r\n\r\n--=_5f2c9b--\r\n"
    ));
    let nothing = text(&headers.write(&[]));
    assert_eq!(nothing.matches("--=_5f2c9b").count(), 3);
    let eight = headers.write(&[Bytes::from_static(b"Subject: \xf6\r\n\r\n")]);
    assert_eq!((eight.content().body, eight.content().smtputf8), (Body::EightBitMime, false));
    assert_eq!(encoding(&eight.octets()), Some("8bit"));
    // What is said to people counts as well.
    let mut translated = report(original("<a@b.example>", ""));
    translated.push(failed("<b@c.example>", "")).text("Unzustellbar: gr\u{fc}n");
    assert_eq!(encoding(&translated.write(&content()).octets()), Some("8bit"));
    assert_eq!(encoding(message.as_bytes()), None);
}

/// What the header of a report says of all its parts (RFC 2045 section 6.4).
fn encoding(report: &[u8]) -> Option<&str> {
    let header = report.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let header = core::str::from_utf8(&report[..header]).unwrap();
    header.lines().find_map(|line| line.strip_prefix("Content-Transfer-Encoding: "))
}

#[test]
fn t25_internationalized() {
    let to = "<j\u{f6}rg@b\u{fc}cher.example>";
    let asked = "SMTPUTF8 RET=FULL";
    let orcpt = "ORCPT=utf-8;j\\x{F6}rg\\x{2B}x@b.example";
    let content = [Bytes::from("Subject: gr\u{fc}n\r\n\r\nx\r\n")];
    // The way back may not know SMTPUTF8: nothing in the report needs it.
    let mut encoded = report(original("<a@b.example>", asked));
    encoded.push(failed(to, orcpt));
    let message = encoded.write(&content);
    let shown = text(&message);
    assert!(shown.is_ascii() && !message.content().smtputf8, "{shown}");
    assert_eq!((message.content().body, encoding(shown.as_bytes())), (Body::SevenBit, None));
    assert!(shown.contains("Content-Type: message/delivery-status\r\n"));
    assert!(shown.contains("Original-Recipient: utf-8; j\\x{F6}rg\\x{2B}x@b.example\r\n"));
    assert!(shown.contains("Final-Recipient: utf-8; j\\x{F6}rg@b\\x{FC}cher.example\r\n"));
    assert!(shown.contains(
        "Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\n\
         U3ViamVjdDogZ3LDvG4NCg0KeA0K\r\n\r\n--"
    ));
    // It must know it anyway.
    let mut utf8 = report(original("<\u{e4}@b.example>", asked));
    utf8.push(failed(to, orcpt));
    let message = utf8.write(&content);
    let shown = text(&message);
    assert!(message.content().smtputf8 && message.content().body == Body::EightBitMime);
    assert_eq!(encoding(shown.as_bytes()), Some("8bit"));
    assert!(shown.contains("To: <\u{e4}@b.example>\r\n"));
    assert!(shown.contains("Content-Type: message/global-delivery-status\r\n"));
    assert!(shown.contains("Original-Recipient: utf-8; j\u{f6}rg+x@b.example\r\n"));
    assert!(shown.contains("Final-Recipient: utf-8; j\u{f6}rg@b\u{fc}cher.example\r\n"));
    assert!(shown.contains("message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject"));
    // What is no escape stays as it is.
    let mut odd = report(original("<a@b.example>", ""));
    odd.push(failed("<c@d.example>", "ORCPT=utf-8;\\x{F6}\u{e4}"));
    assert!(text(&odd.write(&[])).contains("Original-Recipient: utf-8; \\x{F6}\\x{E4}\r\n"));
}

#[test]
fn t26_times_that_were_asked_for() {
    let mut by = report(original("<a@b.example>", "BY=3600;R HOLDFOR=60"));
    by.push(failed("<c@d.example>", ""));
    let shown = text(&by.write(&[]));
    assert!(shown.contains(
        "Arrival-Date: Mon, 05 Jan 2026 11:00:00 +0000\r\n\
         Deliver-By-Date: Mon, 05 Jan 2026 12:00:00 +0000\r\n\
         Future-Release-Request: for;60\r\n\r\n"
    ));
    let mut until = report(original("<a@b.example>", "HOLDUNTIL=2026-12-31T23:59:59Z"));
    until.push(failed("<c@d.example>", ""));
    let shown = text(&until.write(&[]));
    assert!(shown.contains("Future-Release-Request: until;2026-12-31T23:59:59Z\r\n"));
}

#[test]
fn t28_one_report_for_all_who_may_be_told_of() {
    let mut report = report(original("<a@b.example>", ""));
    let delayed = Recipient::new(path("<c@d.example>"), rcpt(""), Action::Delayed, code(4, 4, 1));
    report
        .push(delayed.because("no answer").will_retry_until(now()).final_log_id("x y"))
        .push(failed("<Postmaster>", "").will_retry_until(now()).extension_field("X-Why", "so"))
        .push(failed("<e@f.example>", "NOTIFY=NEVER"));
    let shown = text(&report.write(&content()));
    assert!(!shown.contains("e@f.example"));
    let (_, rest) = shown.split_once("message/delivery-status\r\n").unwrap();
    let (_, rest) = rest.split_once("\r\n\r\n").unwrap();
    let (status, _) = rest.split_once("\r\n--").unwrap();
    let status = DeliveryStatus::parse(status).unwrap();
    assert_eq!(status.message().typed("reporting-mta"), Some(("dns", "mx.example.net")));
    let [first, second] = status.recipients() else { panic!("{status:?}") };
    assert_eq!((first.action(), first.status()), (Some(Action::Delayed), Some(code(4, 4, 1))));
    assert_eq!(first.get("Will-Retry-Until"), Some("Mon, 05 Jan 2026 12:00:00 +0000"));
    assert_eq!(first.typed("Diagnostic-Code"), Some(("x-local", "no answer")));
    assert_eq!(first.get("Final-Log-ID"), Some("x y"));
    assert_eq!(second.typed("Final-Recipient"), Some(("rfc822", "Postmaster@mx.example.net")));
    assert_eq!((second.get("Will-Retry-Until"), second.get("x-why")), (None, Some("so")));
    assert_eq!(second.iter().count(), 4);
}

/// RFC 3464 appendix E.
#[test]
fn reports_of_others() {
    let status = DeliveryStatus::parse(
        "Reporting-MTA: dns; cs.utk.edu\r\n\r\n\
         Original-Recipient: rfc822;louisl@larry.slip.umd.edu\r\n\
         Final-Recipient: rfc822;louisl@larry.slip.umd.edu\r\n\
         Action: failed\r\nStatus: 4.0.0\r\n\
         Diagnostic-Code: smtp; 426 connection timed out\r\n\
         Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400\r\n",
    )
    .unwrap();
    let only = &status.recipients()[0];
    assert_eq!((only.action(), only.status()), (Some(Action::Failed), Some(code(4, 0, 0))));
    assert_eq!(only.typed("diagnostic-code"), Some(("smtp", "426 connection timed out")));
    assert!(Date::parse(only.get("Last-Attempt-Date").unwrap()).is_ok());
    for text in ["", "\r\n", "Reporting-MTA: dns; x\r\n", "A: b\r\n\r\nAction: failed\r\n", " x"] {
        assert_eq!(DeliveryStatus::parse(text), Err(NotAStatus), "{text}");
    }
    assert!(DeliveryStatus::parse(&"a: b\n".repeat(10_001)).is_err());
}

proptest! {
    #[test]
    fn nothing_is_injected_into_a_report(
        reply in "[\\PC\t\u{1}-\u{ff}]{0,700}", log_id: String, why: String, name: String,
        unique: String, people: String, envid in "[!-~]{1,30}", smtputf8: bool,
    ) {
        let mut list = crate::parameter::ParameterList::new();
        list.envid(envid.as_bytes()).unwrap();
        if smtputf8 {
            list.smtputf8();
        }
        let mail = MailParameters::parse(list.as_parameters()).unwrap();
        let original = Original::new(ReversePath::parse("<a@b.example>").unwrap(), mail, now());
        let mut report = Report::new(original, host("mx.example"), now(), &unique);
        let reply = ReplyBuf::new(Code::new(550).unwrap(), None, &reply);
        report.push(
            failed("<c@d.example>", "")
                .remote(host("[192.0.2.1]"), Some(&reply))
                .final_log_id(&log_id)
                .extension_field(&name, &why),
        );
        report.push(failed("<e@f.example>", "").because(&why));
        if people.len() % 2 == 0 {
            report.text(&people);
        }
        let message = report.write(&[]);
        let shown = text(&message);
        for line in shown.split("\r\n") {
            prop_assert!(line.len() <= 998);
            prop_assert!(!line.contains(['\r', '\n', '\0']), "{:?}", line);
        }
        let (header, rest) = shown.split_once("\r\n\r\n").unwrap();
        let fields = 8 + usize::from(encoding(shown.as_bytes()).is_some());
        prop_assert_eq!(header.split("\r\n").filter(|line| !line.starts_with('\t')).count(), fields);
        let (_, rest) = rest.split_once("message/delivery-status\r\n").unwrap();
        let (_, rest) = rest.split_once("\r\n\r\n").unwrap();
        let (status, _) = rest.split_once("\r\n--").unwrap();
        let status = DeliveryStatus::parse(status).unwrap();
        prop_assert_eq!(status.recipients().len(), 2);
        prop_assert_eq!(status.message().get("Original-Envelope-Id"), Some(envid.as_str()));
        for recipient in status.recipients() {
            prop_assert_eq!(recipient.action(), Some(Action::Failed));
            prop_assert_eq!(recipient.status(), Some(code(5, 1, 1)));
        }
    }

    #[test]
    fn reading_undoes_writing(values in prop::collection::vec("[a-z]{1,9}( [a-z]{1,90}){0,20}", 1..9)) {
        let mut out = String::from("Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b\r\n");
        for value in &values {
            let mut field = Field::new(&mut out, "X-Field", Charset::Ascii);
            field.text(value);
            field.end();
        }
        let status = DeliveryStatus::parse(&out).unwrap();
        let read: Vec<&str> = status.recipients()[0].iter().skip(1).map(|(_, value)| value).collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn no_status_panics(text: String) {
        if let Ok(status) = DeliveryStatus::parse(&format!("A: b\n\nFinal-Recipient: x;y\n{text}")) {
            for fields in status.recipients() {
                let _ = (fields.action(), fields.status(), fields.typed("Final-Recipient"));
            }
        }
    }

    #[test]
    fn base64_in_lines(octets: Vec<u8>, cut in 0usize..50) {
        use base64ct::{Base64, Encoding};

        let octets = Bytes::from(octets);
        let cut = cut.min(octets.len());
        let lines = transfer::base64(&[octets.slice(..cut), octets.slice(cut..)]);
        prop_assert!(lines.is_empty() || lines.ends_with("\r\n"));
        prop_assert!(lines.split("\r\n").all(|line| line.len() <= 76));
        prop_assert_eq!(Base64::decode_vec(&lines.replace("\r\n", "")).unwrap(), octets);
    }
}
