//! The server of a dialog, as its `config` lines have it.

use smtp_proto::{
    answer::Rejection,
    command::Mechanism,
    domain::Host,
    extension::Extension,
    limits::ServerLimits,
    parameter::MtPriority,
    server::{Config, Priorities, Trust},
};

use super::{Dialog, application, language::unescape, own_extension::own_extension};
use crate::policy;

impl Dialog {
    pub(super) fn configure(&mut self, setting: &str) {
        let (word, rest) = setting.split_once(' ').unwrap_or((setting, ""));
        let config = self.config.clone();
        let extension = || {
            Extension::from_keyword(rest.as_bytes())
                .unwrap_or_else(|| panic!("{}: extension {rest}", self.name))
        };
        self.config = match word {
            "lmtp" => config.lmtp(),
            "starttls" => config.offer(Extension::StartTls),
            "implicit-tls" => {
                self.implicit_tls = true;
                config
            }
            "mechanism" => {
                let (name, plaintext) = match rest.split_once(' ') {
                    Some((name, _)) => (name, true),
                    None => (rest, false),
                };
                config.mechanism(Mechanism::parse(name).unwrap(), plaintext)
            }
            "require-tls" => config.require_tls(true),
            "admit-postmaster" => config.admit_postmaster(true),
            "submission" => Config::submission(Host::parse("mx.example.net").unwrap()),
            "require-auth" => config.require_auth(true),
            "offer" => config.offer(extension()),
            "withhold" => config.withhold(extension()),
            "verb" => config.verb(rest),
            "burl" => config.burl(&rest.split(' ').collect::<Vec<_>>()),
            "deliver-by" => config.deliver_by(rest.parse().expect("seconds")),
            "future-release" => config.future_release(application::future_release(rest)),
            "no-soliciting" => {
                let classes: Vec<&str> = rest.split_terminator(' ').collect();
                config.no_soliciting(&classes).expect("solicitation keywords")
            }
            "mt-priority" => config.mt_priority(priorities(rest)),
            "trust-submitters" => config.trust_submitters(trust(rest)),
            "extension" | "extension-mail" | "extension-rcpt" | "extension-verb"
            | "extension-tls" => {
                own_extension(&mut self.extensions, word, rest);
                self.extensions.iter().cloned().fold(config, Config::extension)
            }
            "policy" => config.profile(|profile| policy::set(profile, rest)),
            "profile" => config.profile(|profile| *profile = policy::profile(rest)),
            "banner" => config.banner(rest),
            "help" => config.help(&String::from_utf8(unescape(rest)).unwrap()),
            "together" => {
                self.together = true;
                config
            }
            "limit" => {
                let (which, number) = rest.split_once(' ').expect("limit NAME N");
                let number: u64 = number.parse().expect("a number");
                let small = u32::try_from(number).unwrap_or(u32::MAX);
                config.limits(|limits: &mut ServerLimits| match which {
                    "message" => limits.message = Some(number),
                    "discard" => limits.discard = number,
                    "no-message" => limits.message = None,
                    "recipients" => limits.recipients = small,
                    "mails" => limits.mails = Some(small),
                    "recipient-domains" => limits.recipient_domains = Some(small),
                    "bad-commands" => limits.bad_commands = small,
                    "failed-auth" => limits.failed_auth = small,
                    _ => panic!("limit {which}"),
                })
            }
            _ => panic!("{}: config {setting}", self.name),
        };
    }
}

fn trust(whom: &str) -> Trust {
    match whom {
        "nobody" => Trust::Nobody,
        "authenticated" => Trust::Authenticated,
        "everybody" => Trust::Everybody,
        _ => panic!("trust {whom}"),
    }
}

fn priorities(settings: &str) -> Priorities {
    let level = |value: &str| {
        let value = value.parse().expect("a number");
        MtPriority::new(value).expect("a priority")
    };
    settings.split_whitespace().fold(Priorities::default(), |all, setting| {
        match setting.split_once('=') {
            Some(("profile", name)) => all.profile(name).expect("a profile"),
            Some(("trust", whom)) => all.trust(trust(whom)),
            Some(("lowest", value)) => all.lowest(level(value), Rejection::PRIORITY_TOO_LOW),
            Some(("lowest-now", value)) => {
                all.lowest(level(value), Rejection::PRIORITY_TOO_LOW_NOW)
            }
            Some(("size", value)) => {
                let (from, octets) = value.split_once(':').expect("N:OCTETS");
                all.size_limit(level(from), octets.parse().expect("octets"))
            }
            _ => panic!("mt-priority {setting}"),
        }
    })
}
