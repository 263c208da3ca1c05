//! Invariant: cuts make no difference to what is read in a header section or taken out of it, what a
//! relay reads of others can be written and read again, and what it writes stays the one field or the
//! one report it is.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smtp_fuzz::Cuts;
use smtp_proto::{
    bytes::Bytes,
    date::{Date, Timestamp},
    domain::{HelloName, Host},
    parameter::{MailParameters, Parameters, RcptParameters},
    path::{ForwardPath, ReversePath},
    profile::{HelloSyntax, Syntax},
    relay::{HostName, Queued, StsPolicy, StsRecord, Tlsa},
    reply::ReplyBuf,
    report::{Action, DeliveryStatus, Original, Recipient, Report},
    status::{Code, EnhancedCode},
    trace::{HeaderScanner, Received, WithoutFields},
};

#[derive(Debug, Arbitrary)]
struct Input<'i> {
    cuts: Cuts,
    unix: i64,
    offset: i16,
    smtputf8: bool,
    octets: &'i [u8],
}

fn scan(octets: &[u8], cuts: Cuts) -> HeaderScanner {
    let mut scanner = HeaderScanner::new();
    cuts.pieces(octets).into_iter().for_each(|piece| scanner.scan(piece));
    scanner.finish();
    scanner
}

/// What stays of a message.
fn without(mut filter: WithoutFields, octets: &[u8], cuts: Cuts) -> Vec<u8> {
    let mut kept = Vec::with_capacity(octets.len());
    let whole = Bytes::copy_from_slice(octets);
    for piece in cuts.pieces(&whole) {
        filter.pass(whole.slice_ref(piece), |octets| kept.extend_from_slice(&octets));
    }
    filter.finish(|octets| kept.extend_from_slice(&octets));
    kept
}

fn header(octets: &[u8], cuts: Cuts) {
    let whole = scan(octets, Cuts::NONE);
    for cuts in [Cuts::ALL, cuts] {
        let scanner = scan(octets, cuts);
        assert_eq!(scanner.octets(), whole.octets());
        assert_eq!(scanner.received(), whole.received());
        assert_eq!(scanner.return_paths(), whole.return_paths());
        assert_eq!(scanner.tls_required_no(), whole.tls_required_no());
        assert_eq!(scanner.is_automatic(), whole.is_automatic());
        assert_eq!(scanner.is_internationalized(), whole.is_internationalized());
        assert_eq!(scanner.is_composite(), whole.is_composite());
    }
    assert!(usize::try_from(whole.octets()).is_ok_and(|length| length <= octets.len()));
    let letters = |octet: &u8| (!octet.is_ascii_whitespace()).then(|| octet.to_ascii_lowercase());
    let letters: Vec<u8> = octets.iter().filter_map(letters).collect();
    for (filter, name) in
        [(WithoutFields::return_path(), &b"return-path"[..]), (WithoutFields::bcc(), b"bcc")]
    {
        let kept = without(filter.clone(), octets, Cuts::NONE);
        assert_eq!(without(filter.clone(), octets, Cuts::ALL), kept);
        assert_eq!(without(filter.clone(), octets, cuts), kept);
        assert_eq!(without(filter, &kept, Cuts::NONE), kept);
        // A line of nearly nothing but blanks is removed for safety.
        let longest = octets.split(|octet| *octet == b'\n').map(<[u8]>::len).max();
        if longest.unwrap_or_default() < 998 && !letters.windows(name.len()).any(|w| w == name) {
            assert_eq!(kept, octets);
        }
    }
}

/// What is read can be written, and read again.
fn read(text: &str) {
    if let Ok(policy) = StsPolicy::parse(text.as_bytes()) {
        assert_eq!(StsPolicy::parse(policy.to_string().as_bytes()), Ok(policy));
    }
    if let Some(record) = StsRecord::among([text]) {
        let plain = format!("v=STSv1; id={}", record.id());
        assert_eq!(StsRecord::among([plain.as_str()]).map(|same| same.id()), Some(record.id()));
    }
    for record in [Tlsa::parse(text.as_bytes()), Tlsa::parse_text(text)].into_iter().flatten() {
        assert_eq!(Tlsa::parse_text(&record.to_string()), Ok(record));
    }
    if let Ok(name) = HostName::parse(text) {
        assert_eq!(HostName::parse(name.as_str()), Ok(name));
    }
    if let Ok(date) = Date::parse(text) {
        assert_eq!(Date::parse(&date.to_string()), Ok(date));
    }
    if let Ok(queued) = Queued::parse(text) {
        assert_eq!(Queued::parse(&queued.to_string()), Ok(queued));
    }
    if let Ok(status) = DeliveryStatus::parse(text) {
        let mut again = String::new();
        for (index, fields) in
            std::iter::once(status.message()).chain(status.recipients()).enumerate()
        {
            if index > 0 {
                again.push('\n');
            }
            for (name, value) in fields.iter() {
                again.push_str(&format!("{name}: {value}\n"));
            }
        }
        assert_eq!(DeliveryStatus::parse(&again), Ok(status));
    }
}

#[track_caller]
fn check_lines(text: &str) {
    for line in text.split("\r\n") {
        assert!(line.len() <= 998);
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
}

fn write(text: &str, date: Date, smtputf8: bool) {
    let host = Host::parse("mx.example").expect("a name");
    let mut received = Received::new(host, text, date).id(text).via(text).smtputf8(smtputf8);
    let syntax = Syntax { hello: HelloSyntax::Any, ..Syntax::INTERNET };
    if let Ok(hello) = HelloName::parse_with(text.as_bytes(), &syntax) {
        received = received.from(hello, None);
    }
    let path = format!("<{text}>");
    received = received.recipients(ForwardPath::parse(&path));
    if let Ok(more) = received.clone().tls(text, Some(text)) {
        received = more;
    }
    let field = received.to_string();
    check_lines(&field);
    assert!(smtputf8 || field.is_ascii());
    let scanner = scan(field.as_bytes(), Cuts::NONE);
    assert_eq!(scanner.received(), 1);
    assert_eq!(usize::try_from(scanner.octets()), Ok(field.len()));

    let list = |text| Parameters::parse(text, &Syntax::INTERNET);
    let mail = list(text.as_bytes()).and_then(MailParameters::parse).unwrap_or_default();
    let rcpt = list(text.as_bytes()).and_then(RcptParameters::parse).unwrap_or_default();
    let sender = ReversePath::parse(&path).unwrap_or(ReversePath::Null);
    let recipient = ForwardPath::parse(&path).unwrap_or(ForwardPath::Postmaster);
    const UNIQUE: &str = "7Zq1x9";
    let mut report = Report::new(Original::new(sender, mail, date), host, date, UNIQUE);
    let status = EnhancedCode::new(5, 0, 0).expect("a code");
    let code = Code::new(550).expect("a code");
    let reply = ReplyBuf::new(code, None, text);
    report.push(
        Recipient::new(recipient, rcpt, Action::Failed, status)
            .remote(host, Some(&reply))
            .final_log_id(text)
            .extension_field("X-Text", text),
    );
    report.text(text);
    let message = report.write(&[]);
    let octets = String::from_utf8(message.octets()).expect("nothing but text was put in");
    check_lines(&octets);
    // Who can guess what names a report can write parts of his own.
    if report.is_empty() || text.contains(UNIQUE) {
        return;
    }
    let mut parts = octets.split("\r\n--=_7Zq1x9");
    assert_eq!(parts.clone().count(), 4);
    let status = parts.nth(2).expect("a part");
    let status = status.split_once("\r\n\r\n").expect("a header").1;
    let status = DeliveryStatus::parse(status).expect("it was written");
    assert_eq!(status.recipients().len(), 1);
    assert_eq!(status.recipients()[0].action(), Some(Action::Failed));
}

fuzz_target!(|input: Input<'_>| {
    header(input.octets, input.cuts);
    let time = Timestamp::from_unix(input.unix);
    let date = Date::at_offset(time, input.offset % 1440).unwrap_or(Date::utc(time));
    assert_eq!(Date::parse(&date.to_string()), Ok(date));
    let text = String::from_utf8_lossy(input.octets);
    read(&text);
    write(&text, date, input.smtputf8);
});
