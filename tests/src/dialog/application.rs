//! The application of the server of a dialog.

use std::fmt::Write as _;

use smtp_proto::{
    answer::Acceptance,
    extension::FutureRelease,
    parameter::{DateTime, MailParameters, MtPriority},
    profile::Leniency,
    server::Event,
    status::Code,
    upstream::Forwarded,
};

use super::Answer;

/// Whether something came too early depends on how octets are grouped.
const OF_TIMING: [Leniency; 4] = [
    Leniency::EarlyTalker,
    Leniency::EarlyData,
    Leniency::UnannouncedPipelining,
    Leniency::StartTlsTrailing,
];

/// Whether this is told or not by when octets arrive, so that two runs of a session may differ in it.
pub fn is_of_timing(leniency: Leniency) -> bool {
    OF_TIMING.contains(&leniency)
}

/// Events without what depends on how octets are grouped.
pub fn steady(events: &[String]) -> Vec<&String> {
    let of_timing = |event: &&String| {
        let switch = event.strip_prefix("Leniency ");
        !switch.is_some_and(|one| OF_TIMING.iter().any(|leniency| leniency.switch() == one))
    };
    events.iter().filter(of_timing).collect()
}

/// Gives the answers of a dialog and takes notes of what happens, however the session is driven.
#[derive(Debug, Default)]
pub struct Application {
    /// What happened, in order, as the lines of a dialog tell it.
    pub events: Vec<String>,
    body: Vec<u8>,
    asked: usize,
    hesitant: bool,
    /// The present question was dropped once.
    dropped: bool,
    closed: bool,
    /// The session's roles have turned: no more is done with it here.
    pub turned: bool,
    /// How octets are grouped is part of what happens.
    together: bool,
}

impl Application {
    /// An application before its session begins. One that is hesitant drops every question once
    /// before it answers. What depends on how octets are grouped is noted only where they come
    /// `together` as written.
    pub fn new(hesitant: bool, together: bool) -> Self {
        Self { hesitant, together, ..Self::default() }
    }

    /// Takes note of `event`. What a question is answered is what `answer` says to its number.
    ///
    /// # Panics
    /// When the answer does not go with the question.
    pub fn handle(&mut self, event: Event<'_>, answer: &mut dyn FnMut(usize) -> Answer) {
        if let Event::Body(octets) = event {
            assert!(!octets.is_empty());
            self.body.extend_from_slice(&octets);
            return;
        }
        if let Event::Leniency(leniency) = event {
            if self.together || !OF_TIMING.contains(&leniency) {
                self.events.push(format!("Leniency {}", leniency.switch()));
            }
            return;
        }
        let Some(event) = judged(event) else {
            return;
        };
        let told = describe(&event);
        // The connection is told to be turned until somebody takes it.
        if matches!(event, Event::Turned(_)) {
            if self.events.last().is_none_or(|last| *last != told) {
                self.events.push(told);
            }
            self.turned = true;
            return;
        }
        let news = matches!(event, Event::Reset | Event::Fault(_) | Event::UpgradeTls { .. });
        if news {
            if matches!(event, Event::Reset) {
                self.body.clear();
            }
            self.events.push(told);
            return;
        }
        if self.hesitant && !self.dropped {
            self.dropped = true;
            return;
        }
        self.dropped = false;
        if matches!(event, Event::Delivery(_))
            && !self.events.last().is_some_and(|last| last.starts_with("Delivery"))
        {
            self.events.push(format!("Body \"{}\"", self.body.escape_ascii()));
        }
        if matches!(event, Event::Data(_)) {
            self.body.clear();
        }
        self.events.push(told);
        let answer = answer(self.asked);
        self.asked += 1;
        self::answer(event, answer);
    }

    /// What happened, without what depends on how octets are grouped.
    pub fn steady_events(&self) -> Vec<&String> {
        steady(&self.events)
    }

    /// The session is over.
    pub fn close(&mut self) {
        if !core::mem::replace(&mut self.closed, true) {
            self.events.push("Close".to_owned());
        }
    }
}

/// The event, unless it is a question that was answered by the time of day: all dialogs take place
/// when the year 2026 begins.
pub fn judged(event: Event<'_>) -> Option<Event<'_>> {
    match event {
        Event::Mail(mail) => {
            mail.at(DateTime::parse("2026-01-01T00:00:00Z").unwrap()).map(Event::Mail)
        }
        event => Some(event),
    }
}

/// What an event is called in a dialog; content is shown as it comes.
pub fn describe(event: &Event<'_>) -> String {
    let mut told = String::new();
    let _ = match event {
        Event::Connected(client) => match client.overrides() {
            None => write!(told, "Connected"),
            Some(overrides) => write!(told, "Connected {overrides}"),
        },
        Event::Hello(hello) => write!(told, "Hello {} {}", hello.verb().as_str(), hello.name()),
        Event::StartTls(_) => write!(told, "StartTls"),
        Event::Auth(auth) => match auth.response() {
            None => write!(told, "Auth {}", auth.mechanism()),
            Some(response) => {
                write!(told, "Auth {} \"{}\"", auth.mechanism(), response.escape_ascii())
            }
        },
        Event::Mail(mail) => {
            let all = mail.parameters().all();
            let gap = if all.is_empty() { "" } else { " " };
            let forwarded = forwarded(mail.forwarded());
            let from = mail.reverse_path();
            let _ = write!(told, "Mail {from}{gap}{}{forwarded}", all.as_str());
            let said = MailParameters::parse(all).unwrap();
            match mail.parameters().auth() {
                Some(auth) if said.auth() != Some(auth) => {
                    let _ = write!(told, " (AUTH={})", auth.as_str());
                }
                _ => {}
            }
            match mail.parameters().mt_priority() {
                Some(priority) if said.mt_priority() != Some(priority) => {
                    write!(told, " (MT-PRIORITY={priority})")
                }
                _ => Ok(()),
            }
        }
        Event::Rcpt(rcpt) => {
            let all = rcpt.parameters().all();
            let gap = if all.is_empty() { "" } else { " " };
            write!(told, "Rcpt {}{gap}{}", rcpt.forward_path(), all.as_str())
        }
        Event::Data(data) => {
            write!(told, "Data{}", if data.is_chunked() { " chunked" } else { "" })
        }
        Event::Delivery(delivery) => match delivery.recipient() {
            None => {
                let forwarded = forwarded(delivery.forwarded());
                write!(told, "Delivery {}{forwarded}", delivery.size())
            }
            Some(recipient) => write!(told, "Delivery {} for {recipient}", delivery.size()),
        },
        Event::Verify(verify) => {
            write!(told, "Verify {} {}", verify.verb().as_str(), verify.text().as_str())
        }
        Event::Etrn(etrn) => write!(told, "Etrn {}", etrn.node()),
        Event::Atrn(atrn) => match atrn.domains() {
            None => write!(told, "Atrn"),
            Some(domains) => write!(told, "Atrn {domains}"),
        },
        Event::Burl(burl) => {
            let first = if burl.is_first() { " first" } else { "" };
            let last = if burl.is_last() { " last" } else { "" };
            write!(told, "Burl {}{first}{last}", burl.url().as_str())
        }
        Event::XClient(xclient) => write!(told, "XClient {}", xclient.attributes()),
        Event::XForward(xforward) => write!(told, "XForward {}", xforward.attributes()),
        Event::Turned(_) => write!(told, "Turned"),
        Event::Extension(extension) => match extension.argument() {
            None => write!(told, "Extension {}", extension.verb()),
            Some(argument) => {
                write!(told, "Extension {} {}", extension.verb(), argument.as_str())
            }
        },
        Event::Reset => write!(told, "Reset"),
        Event::UpgradeTls { discarded } => write!(told, "UpgradeTls {discarded}"),
        Event::Fault(fault) => write!(told, "Fault {fault:?}"),
        other => write!(told, "{other:?}"),
    };
    told
}

fn forwarded(forwarded: Option<&Forwarded>) -> String {
    forwarded.map_or_else(String::new, |forwarded| format!(" forwarded {forwarded}"))
}

/// Gives `answer` to the question `event`; news is left alone.
///
/// # Panics
/// When the answer does not go with the question.
pub fn answer(event: Event<'_>, answer: Answer) {
    match answer {
        Answer::Accept(text) => accept(event, &text),
        Answer::Challenge(challenge) => match event {
            Event::Auth(auth) => auth.challenge(&challenge),
            other => panic!("a challenge to {other:?}"),
        },
        Answer::Reject(rejection) => match event {
            Event::Connected(token) => token.reject(rejection),
            Event::Hello(token) => token.reject(rejection),
            Event::StartTls(token) => token.reject(rejection),
            Event::Auth(token) => token.reject(rejection),
            Event::Mail(token) => token.reject(rejection),
            Event::Rcpt(token) => token.reject(rejection),
            Event::Data(token) => token.reject(rejection),
            Event::Delivery(token) => token.reject(rejection),
            Event::Verify(token) => token.reject(rejection),
            Event::Etrn(token) => token.reject(rejection),
            Event::Atrn(token) => token.reject(rejection),
            Event::Burl(token) => token.reject(rejection),
            Event::XClient(token) => token.reject(rejection),
            Event::XForward(token) => token.reject(rejection),
            Event::Extension(token) => token.reject(rejection),
            other => panic!("no question: {other:?}"),
        },
    }
}

fn accept(event: Event<'_>, text: &str) {
    let acceptance = acceptance(text);
    match event {
        Event::Connected(token) => {
            let token = if text.contains("xclient") { token.allow_xclient() } else { token };
            let token = if text.contains("xforward") { token.allow_xforward() } else { token };
            token.accept();
        }
        Event::Hello(mut token) => match text.strip_prefix("future-release ") {
            Some(most) => {
                token.future_release(future_release(most));
                token.accept();
            }
            None => token.accept_with(text),
        },
        Event::StartTls(token) => token.accept(),
        Event::Auth(token) => token.accept_with(acceptance),
        Event::Mail(mut token) => match text.strip_prefix("priority ") {
            Some(priority) => {
                let priority = priority.parse().ok().and_then(MtPriority::new);
                token.assign_priority(priority.expect("a priority"));
                token.accept();
            }
            None => token.accept_with(acceptance),
        },
        Event::Rcpt(token) => token.accept_with(acceptance),
        Event::Data(token) => token.accept(),
        Event::Delivery(token) => token.accept_with(acceptance),
        Event::Verify(token) if text.is_empty() => token.cannot_verify(),
        Event::Verify(token) => token.accept_with(text),
        Event::Etrn(token) => match text.split_once(' ').unwrap_or((text, "")) {
            ("251", _) => token.nothing_waits(),
            ("252", _) => token.pending_started(),
            ("253", messages) => token.messages_started(messages.parse().expect("a number")),
            _ => token.accept(),
        },
        Event::Atrn(token) => token.accept(),
        // So many octets were fetched.
        Event::Burl(token) => token.accept(text.parse().unwrap_or_default()),
        Event::XClient(token) => token.accept(),
        Event::XForward(token) => token.accept(),
        Event::Extension(token) => token.accept_with(acceptance),
        other => panic!("no question: {other:?}"),
    }
}

/// `SECONDS DATE-TIME`, as in an EHLO line.
///
/// # Panics
/// When it is something else.
pub(super) fn future_release(text: &str) -> FutureRelease {
    let (interval, date_time) = text.split_once(' ').expect("SECONDS DATE-TIME");
    let date_time = DateTime::parse(date_time).expect("a date and time");
    FutureRelease::new(interval.parse().expect("seconds"), date_time).expect("limits")
}

/// `[251] [2.1.5] text`.
fn acceptance(text: &str) -> Acceptance<'_> {
    let (code, text) = match text.split_once(' ') {
        Some((code, rest)) if code.len() == 3 && code.parse::<u16>().is_ok() => {
            (code.parse().ok().and_then(Code::new), rest)
        }
        _ => (None, text),
    };
    let acceptance = Acceptance::new(text);
    match code {
        Some(code) => acceptance.with_code(code).expect("a positive code"),
        None => acceptance,
    }
}
