//! The arguments of extensions that few servers offer: what their EHLO lines say, and what is then
//! kept of it in `parameters.rs`.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::Config;
use crate::{
    answer::Rejection,
    error::{ParseError, Rule},
    extension::{Extension, FutureRelease, is_profile},
    parameter::{MtPriority, Solicit},
};

/// Whose word counts in what a parameter claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Trust {
    /// Nobody's, unless the application says so of a message.
    #[default]
    Nobody,
    /// That of clients who have authenticated.
    Authenticated,
    /// That of every client: for networks whose hosts all belong to one owner.
    Everybody,
}

/// How MT-PRIORITY is offered, and who may ask for what (RFC 6710 sections 4.1 and 5).
///
/// By default only clients who have authenticated may ask for a priority above 0; that of others is
/// lowered to 0, and they are told so. Anybody may ask for less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priorities {
    profile: Option<Box<str>>,
    pub(super) trust: Trust,
    pub(super) lowest: Option<(MtPriority, Rejection<'static>)>,
    /// Messages of this priority and above may have so many octets.
    sizes: Vec<(MtPriority, u64)>,
}

impl Default for Priorities {
    fn default() -> Self {
        Self { profile: None, trust: Trust::Authenticated, lowest: None, sizes: Vec::new() }
    }
}

impl Priorities {
    /// Names the profile by which priorities are meant, such as `MIXER` or `STANAG4406` (section 8).
    ///
    /// # Errors
    /// [`Rule::Parameter`] for a name that is not 1 to 20 letters, digits, `-`, `_` and `.`.
    pub fn profile(mut self, name: &str) -> Result<Self, ParseError> {
        if !is_profile(name) {
            return Err(ParseError::at_start(Rule::Parameter));
        }
        self.profile = Some(name.into());
        Ok(self)
    }

    /// Who may ask for a priority above 0.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Refuses messages below this priority with `rejection`, by custom
    /// [`Rejection::PRIORITY_TOO_LOW`] or [`Rejection::PRIORITY_TOO_LOW_NOW`]. A message that names no
    /// priority has 0.
    #[must_use]
    pub fn lowest(mut self, priority: MtPriority, rejection: Rejection<'static>) -> Self {
        self.lowest = Some((priority, rejection));
        self
    }

    /// Refuses messages of this priority and above whose declared size is more than so many octets:
    /// what is urgent must be short (section 5).
    #[must_use]
    pub fn size_limit(mut self, from: MtPriority, octets: u64) -> Self {
        self.sizes.push((from, octets));
        self
    }

    /// The most octets a message of this priority may have.
    pub(super) fn most(&self, priority: MtPriority) -> Option<u64> {
        let fitting = self.sizes.iter().filter(|(from, _)| *from <= priority);
        fitting.map(|&(_, octets)| octets).min()
    }
}

/// What a [`Config`] keeps of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Arguments {
    pub(super) deliver_by_minimum: Option<u32>,
    pub(super) future_release: Option<FutureRelease>,
    pub(super) priorities: Priorities,
    /// The classes of solicitations that are not wanted, with commas between them.
    unwanted: Box<str>,
    pub(super) submitters: Trust,
}

impl Config {
    /// Offers DELIVERBY (RFC 2852), and refuses messages that are to be returned sooner than after so
    /// many seconds; 0 is no minimum. To return a message, or to tell its sender, in time is the
    /// application's: `Mail::parameters().by()` tells what was asked for.
    #[must_use]
    pub fn deliver_by(mut self, minimum: u32) -> Self {
        self.arguments.deliver_by_minimum = Some(minimum.min(999_999_999)).filter(|&time| time > 0);
        self.offer(Extension::DeliverBy)
    }

    /// Offers FUTURERELEASE (RFC 4865), for submission, and refuses messages that are to be held
    /// longer. To hold a message is the application's. As the latest date and time passes by, it may
    /// be told anew with each hello: [`Hello::future_release`](super::Hello::future_release).
    #[must_use]
    pub fn future_release(mut self, most: FutureRelease) -> Self {
        self.arguments.future_release = Some(most);
        self.offer(Extension::FutureRelease)
    }

    /// Offers MT-PRIORITY (RFC 6710).
    #[must_use]
    pub fn mt_priority(mut self, priorities: Priorities) -> Self {
        self.arguments.priorities = priorities;
        self.offer(Extension::MtPriority)
    }

    /// Offers NO-SOLICITING (RFC 3865), and refuses messages whose `SOLICIT=` names one of these
    /// classes. With no class nothing is refused, and what a message says of itself can be told to
    /// those who want to know.
    ///
    /// # Errors
    /// [`Rule::ParameterValue`] for a class that is no solicitation keyword, or more of them than fit
    /// into a line of 512 octets.
    pub fn no_soliciting(mut self, classes: &[&str]) -> Result<Self, ParseError> {
        const MAX: usize = 512 - "250-NO-SOLICITING \r\n".len();
        let unwanted = classes.join(",");
        if unwanted.len() > MAX {
            return Err(ParseError::new(Rule::ParameterValue, MAX));
        }
        if !classes.is_empty() {
            Solicit::parse(&unwanted)?;
        }
        self.arguments.unwanted = unwanted.into();
        Ok(self.offer(Extension::NoSoliciting))
    }

    /// Who is trusted to say by `AUTH=` who submitted a message (RFC 4954 section 5); by default
    /// nobody. What others say is handed to the application as `AUTH=<>`.
    #[must_use]
    pub fn trust_submitters(mut self, trust: Trust) -> Self {
        self.arguments.submitters = trust;
        self
    }
}

impl Arguments {
    /// The unwanted class that a message has, if there is one.
    pub(super) fn unwanted<'m>(&self, solicit: Solicit<'m>) -> Option<&'m str> {
        let unwanted = |class: &&str| {
            self.unwanted.split(',').any(|unwanted| unwanted.eq_ignore_ascii_case(class))
        };
        solicit.keywords().find(unwanted)
    }

    /// Writes what stands behind the keyword.
    pub(super) fn write(&self, extension: Extension, text: &mut String) {
        match extension {
            Extension::DeliverBy => {
                if let Some(minimum) = self.deliver_by_minimum {
                    text.push_str(&format!(" {minimum}"));
                }
            }
            Extension::MtPriority => {
                if let Some(profile) = &self.priorities.profile {
                    text.push(' ');
                    text.push_str(profile);
                }
            }
            Extension::NoSoliciting if !self.unwanted.is_empty() => {
                text.push(' ');
                text.push_str(&self.unwanted);
            }
            _ => {}
        }
    }
}
