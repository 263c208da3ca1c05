//! What the recorded session was configured as, guessed from what was said.

use alloc::string::{String, ToString};

use crate::{
    client,
    command::Mechanism,
    domain::Host,
    extension::{Capabilities, Extension, ExtensionSet},
    reply::Reply,
    server,
    status::Code,
    transcript::{Entry, Transcript},
};

/// A configuration by which a server says what was said: its name and banner, what it offers, its
/// limit on messages and its help. What shows in no greeting and no reply to a hello cannot be
/// guessed: limits, policies, and verbs of the application's own. `None` if no server greeted.
pub fn server(transcript: &Transcript) -> Option<server::Config> {
    let mut host = None;
    let mut banner = String::new();
    let mut help = None;
    let mut offered: Option<ExtensionSet> = None;
    let mut mechanisms: alloc::vec::Vec<(String, bool)> = alloc::vec::Vec::new();
    let (mut size, mut recipients) = (None, None);
    let (mut lmtp, mut hello, mut tls) = (false, false, false);
    for entry in transcript.entries() {
        match entry {
            Entry::Tls => tls = true,
            Entry::Command(_) => {
                let verb = entry.verb().unwrap_or_default();
                lmtp |= verb.eq_ignore_ascii_case("LHLO");
                hello = ["EHLO", "LHLO"].iter().any(|known| verb.eq_ignore_ascii_case(known));
            }
            Entry::Greeting(_) | Entry::Reply(_) => {
                let Some(reply) = entry.reply() else {
                    continue;
                };
                if matches!(entry, Entry::Greeting(_)) {
                    let texts: String = text_of(reply);
                    let (name, rest) = texts.split_once(' ').unwrap_or((&texts, ""));
                    host = Some(String::from(name));
                    banner = String::from(rest);
                } else if reply.code() == Code::HELP {
                    help.get_or_insert(text_of(reply));
                } else if core::mem::take(&mut hello) && reply.code() == Code::OK {
                    let capabilities = Capabilities::parse(reply);
                    let set = offered.get_or_insert(ExtensionSet::EMPTY);
                    capabilities.set().iter().for_each(|extension| {
                        set.insert(extension);
                    });
                    size = size.or(capabilities.size_limit());
                    recipients = recipients.or(capabilities.limits().rcpt_max);
                    for mechanism in capabilities.auth_mechanisms() {
                        if !mechanisms.iter().any(|(known, _)| known == mechanism) {
                            mechanisms.push((mechanism.to_string(), tls));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let mut config = server::Config::new(Host::parse(&host?).ok()?);
    if lmtp {
        config = config.lmtp();
    }
    config = config.banner(&banner);
    if let Some(help) = help {
        config = config.help(&help);
    }
    if let Some(offered) = offered {
        let named = |extension: &Extension| *extension != Extension::Auth;
        for extension in Extension::ALL.into_iter().filter(named) {
            config = match offered.contains(extension) {
                true => config.offer(extension),
                false => config.withhold(extension),
            };
        }
        config = config.limits(|limits| {
            if offered.contains(Extension::Size) {
                limits.message = size;
            }
            limits.recipients = recipients.unwrap_or(limits.recipients);
        });
    }
    // What was offered in plaintext counts as no plaintext mechanism.
    for (mechanism, plaintext) in &mechanisms {
        if let Ok(name) = Mechanism::parse(mechanism) {
            config = config.mechanism(name, *plaintext);
        }
    }
    Some(config)
}

/// A configuration by which a client says what was said.
pub fn client(transcript: &Transcript) -> client::Config {
    let lhlo = |entry: &Entry| entry.verb().is_some_and(|verb| verb.eq_ignore_ascii_case("LHLO"));
    match transcript.entries().iter().any(lhlo) {
        true => client::Config::lmtp(),
        false => client::Config::default(),
    }
}

fn text_of(reply: Reply<'_>) -> String {
    let mut text = String::new();
    for line in reply.texts() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&String::from_utf8_lossy(line));
    }
    text
}
