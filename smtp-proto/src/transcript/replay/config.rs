//! What the recorded session was configured as, guessed from what was said.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    client,
    command::Mechanism,
    domain::Host,
    extension::{Capabilities, Extension, ExtensionSet},
    profile::Profile,
    reply::Reply,
    server,
    status::Code,
    transcript::{Entry, Transcript},
};

/// An AUTH mechanism, and whether it was first listed inside TLS.
type Listed = (String, bool);

/// A configuration by which a server says what was said: its name and banner, what it offers, its
/// limit on messages and its help. What shows in no greeting and no reply to a hello cannot be
/// guessed: limits, verbs of the application's own, and of the profile what forgave nothing. `None` if no server greeted.
pub fn server(transcript: &Transcript) -> Option<server::Config> {
    let mut host = None;
    let mut banner = String::new();
    let mut help = None;
    let mut offered: Option<ExtensionSet> = None;
    let mut mechanisms = Vec::new();
    let (mut size, mut recipients) = (None, None);
    let (mut lmtp, mut hello, mut tls) = (false, false, false);
    let mut profile = Profile::default();
    for entry in transcript.entries() {
        match entry {
            Entry::Tls => tls = true,
            Entry::Leniency(leniency) => profile.allow(*leniency),
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
                    let listed = capabilities.auth_mechanisms();
                    mechanisms = merged(mechanisms, listed.map(|name| (name.to_string(), tls)));
                }
            }
            _ => {}
        }
    }
    let mut config = server::Config::new(Host::parse(&host?).ok()?);
    if lmtp {
        config = config.lmtp();
    }
    config = config.banner(&banner).profile(|guess| *guess = profile);
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
    let mut config = match transcript.entries().iter().any(lhlo) {
        true => client::Config::lmtp(),
        false => client::Config::default(),
    };
    for entry in transcript.entries() {
        if let Entry::Leniency(leniency) = entry {
            config.profile.allow(*leniency);
        }
    }
    config
}

/// Mechanisms in the order in which both lists have them; how one was first listed counts.
fn merged(before: Vec<Listed>, listed: impl Iterator<Item = Listed>) -> Vec<Listed> {
    let mut merged: Vec<Listed> = Vec::new();
    let mut before = before.into_iter().peekable();
    let listed: Vec<Listed> = listed.collect();
    let is_listed = |(name, _): &Listed| listed.iter().any(|(other, _)| other == name);
    for new in &listed {
        while let Some(old) = before.next_if(|old| !is_listed(old)) {
            merged.push(old);
        }
        match before.next_if(|(name, _)| *name == new.0) {
            Some(old) => merged.push(old),
            None => merged.push(new.clone()),
        }
    }
    merged.extend(before.filter(|old| !is_listed(old)));
    merged
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
