//! Commands, replies and EHLO responses, read by this project's core.

use std::hint::black_box;

use smtp_proto::{
    command::{Command, Verb},
    extension::Capabilities,
    parameter::{MailParameters, RcptParameters},
    profile::Syntax,
    reply::Reply,
};

/// Parses each line whole: its end is found, its path and all its parameters are read. How many were
/// well formed.
pub fn commands(lines: &[&[u8]]) -> usize {
    let syntax = Syntax::default();
    let mut good = 0;
    for line in lines {
        let line = black_box(*line);
        let Some(end) = memchr::memchr(b'\n', line) else { continue };
        let Ok(command) = Command::parse(&line[..end - 1], &syntax) else { continue };
        good += usize::from(match command {
            Command::Mail(mail) if !mail.parameters.is_empty() => {
                black_box(MailParameters::parse(mail.parameters)).is_ok()
            }
            Command::Rcpt(rcpt) if !rcpt.parameters.is_empty() => {
                black_box(RcptParameters::parse(rcpt.parameters)).is_ok()
            }
            command => black_box(command).verb() != Verb::Other,
        });
    }
    good
}

/// Reads a whole reply: its code and its enhanced code.
pub fn reply(octets: &[u8]) -> u16 {
    let Ok(reply) = Reply::parse(black_box(octets)) else { return 0 };
    black_box(reply.enhanced());
    reply.code().value()
}

/// Reads an EHLO response: all that it offers, with the arguments this crate knows.
pub fn ehlo(octets: &[u8]) -> usize {
    let Ok(reply) = Reply::parse(black_box(octets)) else { return 0 };
    let offered = Capabilities::parse(reply);
    black_box(offered.size_limit());
    offered.set().iter().count()
}
