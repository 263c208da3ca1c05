//! What the recorded session was configured as, guessed from what was said.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    client,
    command::Mechanism,
    domain::Host,
    extension::{Capabilities, Extension, ExtensionSet, FutureRelease, Limits9422},
    profile::Profile,
    reply::Reply,
    server::{self, Priorities},
    status::Code,
    transcript::{Entry, Transcript},
};

/// An AUTH mechanism, and whether it is offered inside TLS only.
type Listed = (String, bool);

/// A configuration by which a server says what was said: its name and banner, what it offers and
/// with which arguments, the limits it tells and its help. What shows in no greeting and no reply to a
/// hello cannot be guessed: other limits, verbs of the application's own, and of the profile what
/// forgave nothing. `None` if no server greeted.
pub fn server(transcript: &Transcript) -> Option<server::Config> {
    let mut host = None;
    let mut banner = String::new();
    let mut help = None;
    let mut told = None;
    let (mut lmtp, mut hello, mut tls) = (false, false, false);
    let mut tried = None;
    let mut refused = Vec::new();
    let mut profile = Profile::default();
    for entry in transcript.entries() {
        match entry {
            Entry::Tls => tls = true,
            Entry::Leniency(leniency) => profile.allow(*leniency),
            Entry::Command(line) => {
                let verb = entry.verb().unwrap_or_default();
                lmtp |= verb.eq_ignore_ascii_case("LHLO");
                hello = ["EHLO", "LHLO"].iter().any(|known| verb.eq_ignore_ascii_case(known));
                tried =
                    if verb.eq_ignore_ascii_case("AUTH") { second_word(line.raw()) } else { None };
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
                    let told = told.get_or_insert_with(Told::default);
                    told.learn(&Capabilities::parse(reply), tls);
                } else if reply.code() == Code::MECHANISM_NEEDS_ENCRYPTION {
                    refused.extend(tried.take().map(|name| (String::from(name), true)));
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
    let mut mechanisms = Vec::new();
    if let Some(told) = told {
        config = told.offered_by(config);
        mechanisms = told.mechanisms;
    }
    // Those that nobody could use are behind the others.
    refused
        .retain(|name| mechanisms.iter().all(|(listed, _)| !listed.eq_ignore_ascii_case(&name.0)));
    // What was offered in plaintext counts as no plaintext mechanism.
    for (mechanism, plaintext) in mechanisms.iter().chain(&refused) {
        if let Ok(name) = Mechanism::parse(mechanism) {
            config = config.mechanism(name, *plaintext);
        }
    }
    Some(config)
}

/// What the replies to the hellos of a session told; of what differs, what was told first.
#[derive(Default)]
struct Told {
    offered: ExtensionSet,
    size: Option<u64>,
    limits: Limits9422,
    deliver_by: Option<u32>,
    future_release: Option<FutureRelease>,
    priority_profile: Option<String>,
    unwanted: Vec<String>,
    burl: Vec<String>,
    mechanisms: Vec<Listed>,
}

impl Told {
    fn learn(&mut self, capabilities: &Capabilities<'_>, tls: bool) {
        self.offered.extend(capabilities.set().iter());
        self.size = self.size.or(capabilities.size_limit());
        let limits = capabilities.limits();
        self.limits.rcpt_max = self.limits.rcpt_max.or(limits.rcpt_max);
        self.limits.mail_max = self.limits.mail_max.or(limits.mail_max);
        self.limits.rcpt_domain_max = self.limits.rcpt_domain_max.or(limits.rcpt_domain_max);
        self.deliver_by = self.deliver_by.or(capabilities.deliver_by_minimum());
        self.future_release = self.future_release.or(capabilities.future_release());
        if let Some(profile) = capabilities.priority_profile() {
            self.priority_profile.get_or_insert(profile.into());
        }
        if let Some(unwanted) = capabilities.unwanted_solicitations() {
            self.unwanted = unwanted.keywords().map(String::from).collect();
        }
        // Before the client has logged in they are not told.
        if self.burl.is_empty() {
            self.burl = capabilities.burl_arguments().map(String::from).collect();
        }
        let listed = capabilities.auth_mechanisms().map(|name| (name.to_string(), tls));
        self.mechanisms = merged(core::mem::take(&mut self.mechanisms), listed);
    }

    /// Has a server offer what was told, but for its mechanisms.
    fn offered_by(&self, mut config: server::Config) -> server::Config {
        for extension in Extension::ALL {
            config = match (self.offered.contains(extension), extension) {
                (_, Extension::Auth) => config,
                (true, Extension::FutureRelease) => match self.future_release {
                    Some(most) => config.future_release(most),
                    None => config,
                },
                (true, Extension::DeliverBy) => config.deliver_by(self.deliver_by.unwrap_or(0)),
                (true, Extension::MtPriority) => {
                    let profile = self.priority_profile.as_deref();
                    let named = profile.and_then(|name| Priorities::default().profile(name).ok());
                    config.mt_priority(named.unwrap_or_default())
                }
                (true, Extension::NoSoliciting) => {
                    let unwanted: Vec<&str> = self.unwanted.iter().map(String::as_str).collect();
                    match config.clone().no_soliciting(&unwanted) {
                        Ok(told) => told,
                        Err(_) => config.offer(extension),
                    }
                }
                (true, Extension::Burl) => {
                    let arguments: Vec<&str> = self.burl.iter().map(String::as_str).collect();
                    config.burl(&arguments)
                }
                (true, _) => config.offer(extension),
                (false, _) => config.withhold(extension),
            };
        }
        config.limits(|limits| {
            if self.offered.contains(Extension::Size) {
                limits.message = self.size;
            }
            if self.offered.contains(Extension::Limits) {
                limits.recipients = self.limits.rcpt_max.unwrap_or(u32::MAX);
                limits.mails = self.limits.mail_max;
                limits.recipient_domains = self.limits.rcpt_domain_max;
            }
        })
    }
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
    let mut left = before.iter().peekable();
    let listed: Vec<Listed> = listed.collect();
    let is_listed = |(name, _): &Listed| listed.iter().any(|(other, _)| other == name);
    for new in &listed {
        while let Some(old) = left.next_if(|old| !is_listed(old)) {
            merged.push(old.clone());
        }
        let is_same = |(name, _): &&Listed| *name == new.0;
        merged.push(before.iter().find(is_same).unwrap_or(new).clone());
        left.next_if(is_same);
    }
    merged.extend(left.filter(|old| !is_listed(old)).cloned());
    merged
}

fn second_word(line: &[u8]) -> Option<&str> {
    let mut words = line.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
    words.nth(1).and_then(|word| core::str::from_utf8(word).ok())
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

#[cfg(test)]
mod tests;
