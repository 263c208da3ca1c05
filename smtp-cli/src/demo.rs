//! `smtp demo`: the whole way of a message, on one machine.

mod scratch;

use std::{fs, path::Path};

use clap::Parser;

use crate::{
    args::{self, Arguments, Command},
    demo::scratch::Scratch,
    exit::{Code, Failure},
    output::say,
    runtime::{System, Tasks},
    send, serve,
};

/// Starts a server on a free port, sends it a message, and shows what was said and delivered.
pub(crate) async fn run<R: System>() -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Code::CannotCreate, error);
    let scratch = Scratch::new().map_err(failed)?;
    show::<R>(scratch.path()).await
}

async fn show<R: System>(directory: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Code::CannotCreate, error);
    let maildir = directory.join("mail");
    let maildir_text = maildir.to_string_lossy();
    let serve = serve_arguments(&[
        "--listen",
        "127.0.0.1:0",
        "--hostname",
        "mx.example.net",
        "--domain",
        "example.net",
        "--user",
        "alice:wonderland",
        "--require-auth",
        "--maildir",
        &maildir_text,
    ])?;
    let prepared = serve::prepare::<R>(&serve).await?;
    let (Some(address), Some(certificate)) = (prepared.address, prepared.certificate) else {
        return Err(Failure::new(Code::Temporary, "the server did not start"));
    };
    let handle = prepared.server.handle();
    let mut running = Tasks::new();
    running.spawn::<R>(prepared.server.serve()).map_err(failed)?;
    say(format_args!("A server listens on {address}, with TLS and a login.\n\n"))?;

    let ca = directory.join("certificate.pem");
    fs::write(&ca, pem(&certificate)).map_err(failed)?;
    let attachment = directory.join("figures.csv");
    fs::write(&attachment, "month,messages\nOctober,1200\nNovember,1700\n").map_err(failed)?;
    let send = send_arguments(&[
        "--server",
        &address.to_string(),
        "--tls",
        "starttls",
        "--ca",
        &ca.to_string_lossy(),
        "--user",
        "alice",
        "--password",
        "wonderland",
        "--from",
        "alice@example.org",
        "--to",
        "bob@example.net",
        "--subject",
        "Figures for November",
        "--body",
        "Dear Bob,\n\nthe figures are attached.\n.\nThat dot was on a line of its own.\n",
        "--attach",
        &attachment.to_string_lossy(),
        "--trace",
    ])?;
    say(format_args!("What client and server say:\n\n"))?;
    let outcome = send::run::<R>(&send).await?;
    handle.shut_down();
    if running.next().await.flatten().is_none() {
        return Err(Failure::new(Code::Temporary, "the server broke off"));
    }
    if let Some(code) = outcome {
        return Err(Failure::new(code, "the message was not delivered"));
    }

    let new = maildir.join("bob@example.net").join("new");
    for entry in fs::read_dir(&new).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let shown = path.strip_prefix(directory).unwrap_or(&path);
        say(format_args!("\nDelivered as {}:\n\n", shown.display()))?;
        let message = fs::read(&path).map_err(failed)?;
        say(format_args!("{}\n", String::from_utf8_lossy(&message).replace("\r\n", "\n")))?;
    }
    Ok(())
}

/// Arguments as the command line would give them, so that what is shown can be typed. The environment has no part
/// in it.
fn serve_arguments(rest: &[&str]) -> Result<args::Serve, Failure> {
    match parse("serve", rest)? {
        Command::Serve(serve) => Ok(*serve),
        _ => Err(Failure::usage("not serve")),
    }
}

fn send_arguments(rest: &[&str]) -> Result<args::Send, Failure> {
    match parse("send", rest)? {
        Command::Send(send) => Ok(*send),
        _ => Err(Failure::usage("not send")),
    }
}

fn parse(command: &str, rest: &[&str]) -> Result<Command, Failure> {
    let line = ["smtp", command].into_iter().chain(rest.iter().copied());
    Arguments::try_parse_from(line).map(|parsed| parsed.command).map_err(Failure::usage)
}

fn pem(certificate: &[u8]) -> String {
    use std::fmt::Write;

    let mut base64 = Vec::new();
    smtp_proto::auth::encode(certificate, &mut base64);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in base64.chunks(64) {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{}", String::from_utf8_lossy(line));
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
