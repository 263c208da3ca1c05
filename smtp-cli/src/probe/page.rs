//! The report as people read it.

use std::fmt::{self, Display, Formatter};

use smtp_proto::extension::Extension;

use super::{
    certificate::{Certificate, Found},
    report::{Keyword, Offer, Report, TlsSession, Used},
};

/// A report, shown as a page.
pub(super) struct Page<'r>(pub(super) &'r Report);

impl Display for Page<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        writeln!(f, "{} by {}", report.server, report.protocol)?;
        connection(report, f)?;
        let implicit = report.tls.as_ref().filter(|tls| tls.by == "implicit");
        if let Some(tls) = implicit {
            tls_session(tls, f)?;
        }
        if let Some(greeting) = &report.greeting {
            writeln!(f, "\nGreeting")?;
            for line in &greeting.lines {
                writeln!(f, "  {} {line}", greeting.code)?;
            }
        }
        if let Some(first) = &report.capabilities {
            let place = if implicit.is_some() { "inside TLS" } else { "in the clear" };
            writeln!(f, "\nOffered {place}, by {}", first.command)?;
            offer(first, None, f)?;
        }
        if let Some(tls) = report.tls.as_ref().filter(|_| implicit.is_none()) {
            tls_session(tls, f)?;
        }
        if let Some(second) = &report.capabilities_after_starttls {
            writeln!(f, "\nOffered inside TLS (+ is new, - is gone)")?;
            offer(second, report.capabilities.as_ref(), f)?;
        }
        if report.authenticated == Some(true) {
            writeln!(f, "\nAuthentication was accepted.")?;
        }
        if let Some(used) = &report.used {
            features(used, f)?;
        }
        if !report.round_trips.is_empty() {
            writeln!(f, "\nRound trips")?;
            for trip in &report.round_trips {
                let code = trip.code.map(|code| format!(" {code}")).unwrap_or_default();
                row(&trip.command, format_args!("{:.1} ms{code}", trip.milliseconds), f)?;
            }
        }
        if !report.warnings.is_empty() {
            writeln!(f, "\nWarnings")?;
            for warning in &report.warnings {
                writeln!(f, "  {}", warning.text)?;
            }
        }
        Ok(())
    }
}

fn row(name: &str, value: impl Display, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "  {name:<19} {value}")
}

fn connection(report: &Report, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(f, "\nConnection")?;
    for attempt in &report.addresses {
        match &attempt.error {
            Some(error) => row(&attempt.address, error, f)?,
            None => {
                let time = format_args!("connected in {:.1} ms", attempt.milliseconds);
                row(&attempt.address, time, f)?;
            }
        }
    }
    if let Some(local) = &report.local {
        row("from", local, f)?;
    }
    if let Some(hello) = &report.hello {
        row("named", hello, f)?;
    }
    Ok(())
}

fn offer(offer: &Offer, before: Option<&Offer>, f: &mut Formatter<'_>) -> fmt::Result {
    row("host", &offer.host, f)?;
    let new = |line: &Keyword| before.is_some_and(|before| !before.keywords.contains(line));
    for line in &offer.keywords {
        keyword(if new(line) { '+' } else { ' ' }, line, offer, f)?;
    }
    let gone = before.into_iter().flat_map(|before| &before.keywords);
    for line in gone.filter(|line| !offer.keywords.contains(line)) {
        writeln!(f, "- {}", line.line())?;
    }
    Ok(())
}

fn keyword(mark: char, line: &Keyword, offer: &Offer, f: &mut Formatter<'_>) -> fmt::Result {
    let parameters = line.parameters.join(" ");
    let is = |extension: Extension| line.keyword.eq_ignore_ascii_case(extension.keyword());
    let note = if is(Extension::Size) {
        match offer.size_limit {
            Some(limit) => format!(" ({} MiB)", limit >> 20),
            None => " (no fixed limit)".to_owned(),
        }
    } else if is(Extension::DeliverBy) && offer.deliver_by_minimum.is_some() {
        " (seconds at least)".to_owned()
    } else if !line.known {
        " (not known here)".to_owned()
    } else {
        String::new()
    };
    let text = format!("{mark} {:<19} {parameters}{note}", line.keyword);
    writeln!(f, "{}", text.trim_end())
}

fn tls_session(tls: &TlsSession, f: &mut Formatter<'_>) -> fmt::Result {
    let by = if tls.by == "implicit" { "from the first octet" } else { "by STARTTLS" };
    let failed = if tls.established { "" } else { ": the handshake failed" };
    writeln!(f, "\nTLS {by}{failed}")?;
    let facts = [
        ("version", &tls.version),
        ("cipher suite", &tls.cipher_suite),
        ("key exchange", &tls.key_exchange),
        ("ALPN", &tls.alpn),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            row(name, value, f)?;
        }
    }
    if let Some(name) = &tls.server_name {
        let sni = if tls.sni { "asked for by SNI" } else { "an address, not sent by SNI" };
        row("server name", format_args!("{name} ({sni})"), f)?;
    }
    if !tls.certificates.is_empty() {
        match &tls.distrust {
            None => row("verified", "yes", f)?,
            Some(why) => row("verified", format_args!("no: {why}"), f)?,
        }
    }
    for (index, found) in tls.certificates.iter().enumerate() {
        writeln!(f, "\nCertificate {} of {}", index + 1, tls.certificates.len())?;
        match found {
            Found::Read(found) => certificate(found, f)?,
            Found::Unreadable { error, sha256 } => {
                row("unreadable", error, f)?;
                row("SHA-256", sha256, f)?;
            }
        }
    }
    Ok(())
}

fn certificate(found: &Certificate, f: &mut Formatter<'_>) -> fmt::Result {
    row("subject", &found.subject, f)?;
    if !found.names.is_empty() {
        row("names", found.names.join(", "), f)?;
    }
    let issuer = if found.self_issued { "itself" } else { &found.issuer };
    row("issuer", issuer, f)?;
    row("serial", &found.serial, f)?;
    row("valid from", &found.not_before, f)?;
    row("valid until", format_args!("{} ({})", found.not_after, days(found.days_left)), f)?;
    match found.key.bits {
        Some(bits) => row("key", format_args!("{}, {bits} bits", found.key.kind), f)?,
        None => row("key", &found.key.kind, f)?,
    }
    row("signature", &found.signature, f)?;
    row("SHA-256", &found.sha256, f)
}

fn days(left: i64) -> String {
    match left {
        ..=-1 => "expired".to_owned(),
        1 => "1 day left".to_owned(),
        0 | 2.. => format!("{left} days left"),
    }
}

/// One line: what is used, and one for what is not.
fn features(used: &Used, f: &mut Formatter<'_>) -> fmt::Result {
    let all = [
        ("pipelining", used.pipelining),
        ("size declaration", used.size),
        ("chunks instead of DATA", used.chunking),
        ("8-bit text", used.eight_bit),
        ("binary content", used.binary),
        ("UTF-8 addresses", used.utf8_addresses),
        ("delivery reports", used.delivery_reports),
        ("enhanced codes", used.enhanced_codes),
        ("TLS required on the whole way", used.require_tls),
        ("authentication", used.authentication),
    ];
    let named = |wanted: bool| {
        let names: Vec<_> =
            all.iter().filter(|(_, used)| *used == wanted).map(|(name, _)| *name).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    writeln!(f, "\nWhen sending")?;
    row("used", named(true), f)?;
    row("not to be had", named(false), f)
}
