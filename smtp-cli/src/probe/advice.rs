//! What whoever runs the server may want to know.

use serde::Serialize;
use smtp_proto::{auth::Known, extension::Extension, profile::Leniency};

use super::{
    certificate::{Certificate, Found},
    report::{Offer, Report},
};

/// A certificate that has no more days than this is to be renewed.
const SOON: i64 = 21;

/// A remark: for programs a name that stays, for people a sentence.
#[derive(Debug, Serialize)]
pub(super) struct Warning {
    pub(super) id: &'static str,
    pub(super) text: String,
}

/// All remarks on what was found. `local`: nobody can listen on the way to the server.
pub(super) fn warnings(report: &Report, local: bool) -> Vec<Warning> {
    let mut list = Vec::new();
    let implicit = report.tls.as_ref().is_some_and(|tls| tls.by == "implicit");
    if let Some(first) = &report.capabilities {
        if !implicit {
            in_the_clear(first, local, &mut list);
        }
        names(report, first, &mut list);
    }
    if let Some(inside) = report.capabilities_after_starttls.as_ref() {
        starttls_inside(inside, &mut list);
    } else if let Some(inside) = report.capabilities.as_ref().filter(|_| implicit) {
        starttls_inside(inside, &mut list);
    }
    if let Some(last) = report.capabilities_after_starttls.as_ref().or(report.capabilities.as_ref())
    {
        offer(last, report.protocol == "LMTP", &mut list);
    }
    if report.round_trips.iter().any(|trip| trip.command == "STARTTLS" && trip.code != Some(220)) {
        add(&mut list, "starttls-refused", "STARTTLS is offered and refused");
    }
    forgiven(report, &mut list);
    tls(report, &mut list);
    list
}

fn add(list: &mut Vec<Warning>, id: &'static str, text: impl Into<String>) {
    list.push(Warning { id, text: text.into() });
}

fn in_the_clear(first: &Offer, local: bool, list: &mut Vec<Warning>) {
    if !first.offers(Extension::StartTls) && !local {
        add(list, "no-starttls", "STARTTLS is not offered: mail comes and goes in the clear");
    }
    let shown: Vec<_> = first
        .auth_mechanisms
        .iter()
        .filter(|name| Known::of(name).is_some_and(Known::is_plaintext))
        .map(String::as_str)
        .collect();
    if !shown.is_empty() {
        let text = format!(
            "AUTH {} is offered in the clear: passwords can be read on the way (RFC 4954 section 4)",
            shown.join(" ")
        );
        add(list, "plaintext-auth-in-clear", text);
    }
}

fn starttls_inside(inside: &Offer, list: &mut Vec<Warning>) {
    if inside.offers(Extension::StartTls) {
        let text = "STARTTLS is offered inside TLS, where it must not be (RFC 3207 section 4.2)";
        add(list, "starttls-inside-tls", text);
    }
}

fn names(report: &Report, first: &Offer, list: &mut Vec<Warning>) {
    if let Some(greeting) = &report.greeting
        && !greeting.host.eq_ignore_ascii_case(&first.host)
    {
        let text = format!(
            "the greeting names {}, the reply to {} names {}",
            quoted(&greeting.host),
            first.command,
            quoted(&first.host)
        );
        add(list, "names-differ", text);
    }
    if !first.host.starts_with('[') && !first.host.contains('.') {
        let text = format!(
            "{} is not a fully qualified name of the server (RFC 5321 section 2.3.5)",
            quoted(&first.host)
        );
        add(list, "name-not-qualified", text);
    }
    if first.command == "HELO" {
        add(list, "no-ehlo", "EHLO is not understood: no extension can be used");
    }
}

fn quoted(name: &str) -> String {
    if name.is_empty() { "nobody".to_owned() } else { name.to_owned() }
}

/// What no client need take from a server.
fn forgiven(report: &Report, list: &mut Vec<Warning>) {
    for (leniency, id, text) in [
        (
            Leniency::LenientReplyLf,
            "reply-bare-lf",
            "a line of a reply ends with LF and no CR (RFC 5321 section 2.3.8)",
        ),
        (
            Leniency::ReplyCodeMismatch,
            "reply-codes-differ",
            "the lines of a reply bear different codes (RFC 5321 section 4.2.1)",
        ),
    ] {
        if report.forgiven.contains(&leniency.switch()) {
            add(list, id, text);
        }
    }
}

/// What is offered without what it rests on, or below what the standards ask for.
fn offer(last: &Offer, lmtp: bool, list: &mut Vec<Warning>) {
    let needs = [
        (Extension::SmtpUtf8, Extension::EightBitMime, "RFC 6531 section 3.1"),
        (Extension::BinaryMime, Extension::Chunking, "RFC 3030"),
    ];
    for (offered, missing, section) in needs {
        if last.offers(offered) && !last.offers(missing) {
            let (offered, missing) = (offered.keyword(), missing.keyword());
            let text =
                format!("{offered} is offered without {missing}, which it needs ({section})");
            add(list, "extension-incomplete", text);
        }
    }
    if !last.offers(Extension::EightBitMime) && last.command != "HELO" {
        let text = "8BITMIME is not offered: messages in 8-bit text bounce or have to be converted";
        add(list, "no-8bitmime", text);
    }
    if lmtp {
        for extension in [Extension::Pipelining, Extension::EnhancedStatusCodes] {
            if !last.offers(extension) {
                let text = format!(
                    "{} is not offered, as LMTP asks for (RFC 2033 section 5)",
                    extension.keyword()
                );
                add(list, "lmtp-extension-missing", text);
            }
        }
    }
    if let Some(most) = last.limits.rcpt_max.filter(|most| *most < 100) {
        let text =
            format!("RCPTMAX={most} is below the 100 recipients of RFC 5321 section 4.5.3.1.8");
        add(list, "few-recipients", text);
    }
    if last.offers(Extension::Expn) {
        add(list, "expn", "EXPN is offered: it tells who is on a mailing list");
    }
    for line in last.keywords.iter().filter(|line| malformed(&line.keyword)) {
        add(list, "malformed-keyword", format!("\"{}\" is no extension keyword", line.line()));
    }
    for (index, line) in last.keywords.iter().enumerate() {
        let same =
            |other: &super::report::Keyword| other.keyword.eq_ignore_ascii_case(&line.keyword);
        let twice = last.keywords.iter().take(index).any(same);
        if twice && !line.keyword.eq_ignore_ascii_case("AUTH") {
            let text = format!("{} is listed more than once", line.keyword);
            add(list, "keyword-repeated", text);
        }
    }
}

/// Not `ehlo-keyword`, nor the `AUTH=` that old clients ask for.
fn malformed(keyword: &str) -> bool {
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    let old_auth = keyword.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("AUTH="));
    !old_auth
        && (!keyword.bytes().all(fits) || !keyword.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

fn tls(report: &Report, list: &mut Vec<Warning>) {
    let Some(tls) = &report.tls else {
        return;
    };
    if let Some(why) = &tls.distrust {
        add(list, "not-verified", format!("the certificate is not trusted: {why}"));
    }
    if tls.version.as_deref() == Some("TLS 1.2") {
        add(list, "tls-1.2", "TLS 1.3 was not agreed on, only TLS 1.2");
    }
    for (index, found) in tls.certificates.iter().enumerate() {
        match found {
            Found::Read(certificate) => read(certificate, index, list),
            Found::Unreadable { error, .. } => {
                let text = format!("certificate {} cannot be read: {error}", index + 1);
                add(list, "certificate-unreadable", text);
            }
        }
    }
}

fn read(certificate: &Certificate, index: usize, list: &mut Vec<Warning>) {
    let which = match index {
        0 => "the certificate".to_owned(),
        index => format!("certificate {} of the chain", index + 1),
    };
    let (days, until) = (certificate.days_left, &certificate.not_after);
    if days < 0 {
        add(list, "certificate-expired", format!("{which} has expired: {until}"));
    } else if days <= SOON {
        let text = format!("{which} expires in {days} days: {until}");
        add(list, "certificate-expires-soon", text);
    }
    if certificate.not_yet_valid {
        let text = format!("{which} is not valid before {}", certificate.not_before);
        add(list, "certificate-not-yet-valid", text);
    }
    if certificate.key.kind == "RSA" && certificate.key.bits.is_some_and(|bits| bits < 2048) {
        add(list, "weak-key", format!("{which} has an RSA key of less than 2048 bits"));
    }
    let signature = certificate.signature.to_ascii_lowercase();
    let weak = signature.contains("sha1") || signature.contains("md5");
    if weak && !certificate.self_issued {
        let text = format!("{which} is signed by {}", certificate.signature);
        add(list, "weak-signature", text);
    }
    if index == 0 && certificate.self_issued {
        add(
            list,
            "self-signed",
            "the certificate is signed by itself: no authority vouches for it",
        );
    }
    if index == 0 && certificate.names.is_empty() {
        let text = "the certificate has no subject alternative name: clients look at nothing else";
        add(list, "no-names", text);
    }
}
