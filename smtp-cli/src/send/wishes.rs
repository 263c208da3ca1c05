//! What the options ask of the server: parameters, and the extensions they need.

use std::fmt::Display;

use smtp_proto::{
    client::{Chunking, TransactionOptions},
    error::ParseError,
    extension::{Capabilities, Extension},
    parameter::{
        By, ByMode, DateTime, IfRecipientChanged, MtPriority, Notify, Parameter, ParameterList,
        Ret, Solicit,
    },
};

use crate::{
    args::{self, ChunkingUse, DsnRet, IfLate, NotifyOn},
    exit::{Code, Failure},
};

/// The wishes of one transaction.
#[derive(Debug)]
pub(super) struct Wishes {
    /// Parameters of MAIL.
    pub(super) mail: ParameterList,
    /// Parameters of each RCPT.
    pub(super) rcpt: ParameterList,
    pub(super) options: TransactionOptions,
    /// Options, and what each needs.
    needs: Vec<(&'static str, Extension)>,
}

impl Wishes {
    /// Reads the options, for so many recipients.
    pub(super) fn of(arguments: &args::Send, recipients: usize) -> Result<Self, Failure> {
        let mut options = TransactionOptions::default();
        options.all_or_nothing = arguments.all_or_nothing;
        // What was asked for on the command line is not done without.
        options.refuse_downgrades = true;
        if arguments.session.chunking == ChunkingUse::Never {
            options.chunking = Chunking::Never;
        }
        let mut wishes = Self {
            mail: ParameterList::new(),
            rcpt: ParameterList::new(),
            options,
            needs: Vec::new(),
        };
        if arguments.session.chunking == ChunkingUse::Always {
            wishes.need("--chunking always", Extension::Chunking);
        }
        wishes.delivery_reports(arguments, recipients)?;
        wishes.delivery(arguments)?;
        for text in &arguments.param {
            push(&mut wishes.mail, "--param", text)?;
        }
        for text in &arguments.rcpt_param {
            push(&mut wishes.rcpt, "--rcpt-param", text)?;
        }
        Ok(wishes)
    }

    /// When and how the message is to be delivered.
    fn delivery(&mut self, arguments: &args::Send) -> Result<(), Failure> {
        if arguments.require_tls {
            self.need("--require-tls", Extension::RequireTls);
            self.mail.require_tls();
        }
        if let Some(priority) = arguments.priority.and_then(MtPriority::new) {
            self.need("--priority", Extension::MtPriority);
            self.mail.mt_priority(priority);
        }
        if let Some(seconds) = arguments.hold_for {
            self.need("--hold-for", Extension::FutureRelease);
            self.mail.hold_for(seconds).map_err(|error| wrong("--hold-for", seconds, error))?;
        }
        if let Some(text) = &arguments.hold_until {
            self.need("--hold-until", Extension::FutureRelease);
            self.mail.hold_until(time("--hold-until", text)?);
        }
        if let Some(seconds) = arguments.deliver_by {
            self.need("--deliver-by", Extension::DeliverBy);
            let mode = match arguments.if_late {
                IfLate::Notify => ByMode::Notify,
                IfLate::Return => ByMode::Return,
            };
            if let Some(by) = By::new(seconds, mode, arguments.report_relays) {
                self.mail.by(by);
            }
        }
        if let Some(classes) = &arguments.solicit {
            self.need("--solicit", Extension::NoSoliciting);
            let solicit = Solicit::parse(classes);
            self.mail.solicit(solicit.map_err(|error| wrong("--solicit", classes, error))?);
        }
        if let Some(text) = &arguments.rrvs {
            self.need("--rrvs", Extension::Rrvs);
            self.rcpt.rrvs(time("--rrvs", text)?, IfRecipientChanged::Reject);
        }
        Ok(())
    }

    fn delivery_reports(
        &mut self,
        arguments: &args::Send,
        recipients: usize,
    ) -> Result<(), Failure> {
        if let Some(notify) = notify(&arguments.dsn_notify)? {
            self.need("--dsn-notify", Extension::Dsn);
            self.rcpt.notify(notify);
        }
        if let Some(ret) = arguments.dsn_ret {
            self.need("--dsn-ret", Extension::Dsn);
            self.mail.ret(match ret {
                DsnRet::Full => Ret::Full,
                DsnRet::Hdrs => Ret::Hdrs,
            });
        }
        if let Some(name) = &arguments.envid {
            self.need("--envid", Extension::Dsn);
            let set = self.mail.envid(name.as_bytes());
            set.map_err(|error| wrong("--envid", name, error))?;
        }
        if let Some(original) = &arguments.orcpt {
            if recipients > 1 {
                return Err(Failure::usage("--orcpt is for one recipient, and there are more"));
            }
            self.need("--orcpt", Extension::Dsn);
            let (kind, address) = original.split_once(';').unwrap_or(("rfc822", original));
            let set = self.rcpt.orcpt(kind, address);
            set.map_err(|error| wrong("--orcpt", original, error))?;
        }
        Ok(())
    }

    fn need(&mut self, option: &'static str, extension: Extension) {
        self.needs.push((option, extension));
    }

    /// Whether the server offers all that is asked of it: what was asked for is never left out in
    /// silence.
    pub(super) fn check(&self, offered: Option<Capabilities<'_>>) -> Result<(), Failure> {
        for (option, extension) in &self.needs {
            offers(offered, *extension, option)?;
        }
        Ok(())
    }
}

/// Whether the server offers what `option` needs.
pub(super) fn offers(
    offered: Option<Capabilities<'_>>,
    extension: Extension,
    option: &str,
) -> Result<(), Failure> {
    if offered.is_some_and(|offered| offered.offers(extension)) {
        return Ok(());
    }
    let keyword = extension.keyword();
    Err(Failure::new(
        Code::Unavailable,
        format!("the server does not offer {keyword}, which {option} needs"),
    ))
}

fn wrong(option: &str, value: impl Display, error: ParseError) -> Failure {
    Failure::usage(format!("{option} {value}: {error}"))
}

fn time(option: &str, text: &str) -> Result<DateTime, Failure> {
    DateTime::parse(text).map_err(|_| {
        Failure::usage(format!("{option} {text}: no time such as 2026-12-24T18:00:00Z"))
    })
}

fn notify(on: &[NotifyOn]) -> Result<Option<Notify>, Failure> {
    let mut events = on.iter().filter_map(|on| match on {
        NotifyOn::Never => None,
        NotifyOn::Success => Some(Notify::SUCCESS),
        NotifyOn::Failure => Some(Notify::FAILURE),
        NotifyOn::Delay => Some(Notify::DELAY),
    });
    let never = on.contains(&NotifyOn::Never);
    match events.next() {
        Some(_) if never => Err(Failure::usage("--dsn-notify never stands alone")),
        Some(first) => Ok(Some(events.fold(first, Notify::and))),
        None => Ok(never.then_some(Notify::NEVER)),
    }
}

/// Adds `KEYWORD` or `KEYWORD=VALUE`.
fn push(list: &mut ParameterList, option: &str, text: &str) -> Result<(), Failure> {
    let (keyword, value) = match text.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (text, None),
    };
    if ["SIZE", "BODY", "SMTPUTF8"].iter().any(|own| keyword.eq_ignore_ascii_case(own)) {
        let why = "is made of the message by itself";
        return Err(Failure::usage(format!("{option} {text}: {keyword} {why}")));
    }
    Parameter::new(keyword, value)
        .and_then(|parameter| list.push(parameter).map(|_| ()))
        .map_err(|error| Failure::usage(format!("{option} {text}: {error}")))
}
