//! `smtp replay`: plays a recorded session once more.

use std::{fmt, sync::Arc};

use smtp_proto::{
    client::{self, Client},
    server::{Event, Server},
    transcript::{
        Speaker, Transcript,
        replay::{Difference, Replay, Replayed, config},
    },
};

use crate::{
    args,
    exit::{Code, Failure},
    output::say,
};

/// Replays the session and prints its events, or its first difference.
pub(crate) fn run(arguments: &args::Replay) -> Result<(), Failure> {
    let path = arguments.file.display();
    let text = std::fs::read_to_string(&arguments.file)
        .map_err(|error| Failure::data(format!("{path}: {error}")))?;
    let transcript: Transcript =
        text.parse().map_err(|error| Failure::data(format!("{path}: {error}")))?;
    let mut told = Ok(());
    let mut tell = |line: fmt::Arguments<'_>| {
        // It is played to its end whether or not it can be shown.
        if told.is_ok() {
            told = say(format_args!("{line}\n"));
        }
    };
    let replayed = match transcript.role() {
        Speaker::Server => serve(&transcript, &mut tell)?,
        Speaker::Client => call(&transcript, &mut tell),
    };
    let replayed = replayed
        .map_err(|difference| Failure::new(Code::Protocol, format!("{path}: {difference}")))?;
    for (number, of_what) in [
        (replayed.secrets, "secrets were masked; others of their length were used"),
        (replayed.octets, "octets were not recorded; others were used"),
    ] {
        if number > 0 {
            tell(format_args!("note: {number} {of_what}"));
        }
    }
    let same = if replayed.unfinished { "the same, as far as it goes" } else { "the same" };
    tell(format_args!("{same}"));
    told
}

fn serve(
    transcript: &Transcript,
    tell: &mut dyn FnMut(fmt::Arguments<'_>),
) -> Result<Result<Replayed, Difference>, Failure> {
    let config = config::server(transcript)
        .ok_or_else(|| Failure::data("no greeting that tells the server's name"))?;
    let server = Server::new(Arc::new(config));
    Ok(Replay::new(transcript).serve(server, |event| tell(format_args!("{}", describe(event)))))
}

fn call(
    transcript: &Transcript,
    tell: &mut dyn FnMut(fmt::Arguments<'_>),
) -> Result<Replayed, Difference> {
    let client = Client::new(config::client(transcript));
    Replay::new(transcript).call(client, |event| match event {
        client::Event::Reply { to, reply } => tell(format_args!("Reply to {to:?}: {reply}")),
        client::Event::UpgradeTls => tell(format_args!("UpgradeTls")),
        client::Event::Fault(fault) => tell(format_args!("Fault: {fault}")),
        _ => tell(format_args!("an event unknown here")),
    })
}

/// An event in one line. What a peer said is shown as the parsed value, which has no line ends.
fn describe(event: &Event<'_>) -> String {
    let parameters = |all: smtp_proto::parameter::Parameters<'_>| match all.as_str() {
        "" => String::new(),
        all => format!(" {}", all.escape_debug()),
    };
    match event {
        Event::Connected(_) => "Connected".to_owned(),
        Event::Hello(hello) => format!("Hello {} {}", hello.verb().as_str(), hello.name()),
        Event::StartTls(_) => "StartTls".to_owned(),
        Event::Auth(auth) => format!("Auth {}", auth.mechanism()),
        Event::Mail(mail) => {
            format!("Mail {}{}", mail.reverse_path(), parameters(mail.parameters().all()))
        }
        Event::Rcpt(rcpt) => {
            format!("Rcpt {}{}", rcpt.forward_path(), parameters(rcpt.parameters().all()))
        }
        Event::Data(data) if data.is_chunked() => "Data by chunks".to_owned(),
        Event::Data(_) => "Data".to_owned(),
        Event::Body(octets) => format!("Body of {} octets", octets.len()),
        Event::Delivery(delivery) => match delivery.recipient() {
            None => format!("Delivery of {} octets", delivery.size()),
            Some(recipient) => {
                format!("Delivery of {} octets to recipient {recipient}", delivery.size())
            }
        },
        Event::Verify(verify) => {
            let text = verify.text().as_str().escape_debug().to_string();
            format!("Verify {} {text}", verify.verb().as_str())
        }
        Event::Extension(extension) => format!("Extension {}", extension.verb().escape_debug()),
        Event::Reset => "Reset".to_owned(),
        Event::UpgradeTls { discarded: 0 } => "UpgradeTls".to_owned(),
        Event::UpgradeTls { discarded } => format!("UpgradeTls, {discarded} octets discarded"),
        Event::Fault(fault) => format!("Fault: {fault}"),
        other => format!("{other:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
    }
}
