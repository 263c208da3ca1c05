//! The fields of `message/delivery-status` (RFC 3464 section 2).

use alloc::string::{String, ToString};

use super::original::Form;
use super::recipient::Diagnostic;
use super::{Action, Original, Recipient};
use crate::date::Date;
use crate::domain::Host;
use crate::parameter::{Hold, Orcpt, escape_into};
use crate::path::ForwardPath;
use crate::relay::deadline;
use crate::trace::fold::{Charset, Field};
use crate::xtext::Xtext;

impl Form {
    pub(super) const fn charset(self) -> Charset {
        Charset::of(matches!(self, Self::Utf8))
    }
}

fn one(out: &mut String, form: Form, name: &str, value: &str) {
    let mut field = Field::new(out, name, form.charset());
    field.word(value);
    field.end();
}

/// A field whose text may be folded at any blank.
fn folded(out: &mut String, form: Form, name: &str, value: &str) {
    let mut field = Field::new(out, name, form.charset());
    field.text(value);
    field.end();
}

fn typed(out: &mut String, form: Form, name: &str, kind: &str, value: &str) {
    let mut field = Field::new(out, name, form.charset());
    field.show(format_args!("{kind};")).word(value);
    field.end();
}

/// The fields of the message, each at most once, and the empty line behind them (T-19, T-26).
pub(super) fn of_message(original: &Original<'_>, reporting: Host<'_>, out: &mut String) {
    let form = original.form();
    if let Some(envid) = original.parameters.envid() {
        one(out, form, "Original-Envelope-Id", &decoded(envid));
    }
    typed(out, form, "Reporting-MTA", "dns", &reporting.to_string());
    if let Some(hello) = original.received_from {
        typed(out, form, "Received-From-MTA", "dns", &hello.to_string());
    }
    one(out, form, "Arrival-Date", &original.arrived.to_string());
    if let Some(by) = original.parameters.by() {
        let time = deadline(original.arrived.time(), by);
        let date = Date::at_offset(time, original.arrived.offset());
        one(out, form, "Deliver-By-Date", &date.unwrap_or_else(|| Date::utc(time)).to_string());
    }
    match original.parameters.hold() {
        Some(Hold::For(seconds)) => {
            one(out, form, "Future-Release-Request", &alloc::format!("for;{seconds}"));
        }
        Some(Hold::Until(time)) => {
            one(out, form, "Future-Release-Request", &alloc::format!("until;{time}"));
        }
        None => {}
    }
    out.push_str("\r\n");
}

/// The fields of a recipient (T-20, T-21).
pub(super) fn of_recipient(
    recipient: &Recipient<'_>,
    host: Host<'_>,
    form: Form,
    out: &mut String,
) {
    if let Some(orcpt) = recipient.parameters.orcpt() {
        let (kind, address) = original_recipient(orcpt, form);
        typed(out, form, "Original-Recipient", kind, &address);
    }
    let (kind, address) = final_recipient(recipient.path, host, form);
    typed(out, form, "Final-Recipient", kind, &address);
    one(out, form, "Action", recipient.action.as_str());
    one(out, form, "Status", &recipient.status.to_string());
    if let Some(remote) = recipient.remote {
        typed(out, form, "Remote-MTA", "dns", &remote.to_string());
    }
    if let Some(diagnostic) = &recipient.diagnostic {
        write_diagnostic(diagnostic, form, out);
    }
    if let Some(date) = recipient.last_attempt {
        one(out, form, "Last-Attempt-Date", &date.to_string());
    }
    if let Some(id) = recipient.log_id.filter(|id| !id.trim().is_empty()) {
        folded(out, form, "Final-Log-ID", id);
    }
    if let (Some(date), Action::Delayed) = (recipient.retry_until, recipient.action) {
        one(out, form, "Will-Retry-Until", &date.to_string());
    }
    for (name, value) in recipient.extensions.iter().filter(|(_, value)| !value.trim().is_empty()) {
        folded(out, form, name, value);
    }
}

/// The lines of a reply, one below the other as they came (RFC 3461 section 9.2).
fn write_diagnostic(diagnostic: &Diagnostic, form: Form, out: &mut String) {
    let mut field = Field::new(out, "Diagnostic-Code", form.charset());
    match diagnostic {
        Diagnostic::Reply(reply) => {
            field.word("smtp;");
            let code = reply.code();
            let mut lines = reply.as_reply().lines().peekable();
            let mut first = true;
            while let Some(line) = lines.next() {
                if !core::mem::take(&mut first) {
                    field.fold();
                }
                let line = String::from_utf8_lossy(line);
                let mark = if lines.peek().is_some() { '-' } else { ' ' };
                let mut words = line.split_ascii_whitespace();
                // The mark between code and text is what a blank is elsewhere.
                match words.next() {
                    Some(word) if mark == '-' => field.show(format_args!("{code}-{word}")),
                    Some(word) => field.show(code).word(word),
                    None => field.show(code),
                };
                for word in words {
                    field.word(word);
                }
            }
        }
        Diagnostic::Local(text) => {
            field.word("x-local;").text(text);
        }
    }
    field.end();
}

/// The address given first, without the encoding that a parameter needs (RFC 6533 section 3).
fn original_recipient(orcpt: Orcpt<'_>, form: Form) -> (&str, String) {
    let kind = orcpt.addr_type();
    let address = orcpt.address();
    if let Some(plain) = orcpt.relabelled() {
        return ("utf-8", spelled(&plain, form));
    }
    if kind.eq_ignore_ascii_case("utf-8") {
        return (kind, spelled(&unescaped(address), form));
    }
    (kind, Xtext::parse(address).map_or_else(|_| String::from(address), decoded))
}

fn decoded(xtext: Xtext<'_>) -> String {
    xtext.decoded().map(char::from).collect()
}

/// The address of RCPT.
pub(super) fn final_recipient(
    path: ForwardPath<'_>,
    host: Host<'_>,
    form: Form,
) -> (&'static str, String) {
    match path {
        ForwardPath::Postmaster => ("rfc822", alloc::format!("Postmaster@{host}")),
        ForwardPath::Mailbox(mailbox) if mailbox.is_ascii() => {
            ("rfc822", mailbox.as_str().to_string())
        }
        ForwardPath::Mailbox(mailbox) => ("utf-8", spelled(mailbox.as_str(), form)),
    }
}

/// As itself where UTF-8 may stand, else with `\x{…}` (RFC 6533 section 3).
fn spelled(address: &str, form: Form) -> String {
    if form == Form::Utf8 {
        return address.to_string();
    }
    let mut escaped = String::new();
    escape_into(address, &mut escaped);
    escaped
}

/// `\x{HEXPOINT}` as the character it stands for; what stands for none stays.
pub(crate) fn unescaped(mut address: &str) -> String {
    let mut plain = String::with_capacity(address.len());
    while let Some(start) = address.find("\\x{") {
        let (before, escape) = address.split_at_checked(start).unwrap_or((address, ""));
        plain.push_str(before);
        let inside = escape.get(3..).and_then(|inside| inside.split_once('}'));
        let point = inside.and_then(|(digits, rest)| {
            let point = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
            Some((point, rest))
        });
        match point {
            Some((point, rest)) => {
                plain.push(point);
                address = rest;
            }
            None => {
                plain.push_str("\\x{");
                address = escape.get(3..).unwrap_or_default();
            }
        }
    }
    plain.push_str(address);
    plain
}
