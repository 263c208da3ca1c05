//! What a probe found out: the JSON object, and what the page is made of.

use serde::Serialize;
use smtp_proto::{
    extension::{Capabilities, Extension},
    reply::Reply,
};

use super::{advice::Warning, certificate::Found, text::shown};

/// All that was found out.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// As it was named.
    pub(super) server: String,
    /// SMTP or LMTP.
    pub(super) protocol: &'static str,
    /// Every address that was tried, in order; the last one is used if it has no error.
    pub(super) addresses: Vec<Attempt>,
    /// This side's address.
    pub(super) local: Option<String>,
    pub(super) greeting: Option<Said>,
    /// The name that was given to the server.
    pub(super) hello: Option<String>,
    /// What was offered first: in the clear, or inside TLS if that came first.
    pub(super) capabilities: Option<Offer>,
    pub(super) tls: Option<TlsSession>,
    /// What was offered after STARTTLS.
    pub(super) capabilities_after_starttls: Option<Offer>,
    pub(super) changes: Option<Changes>,
    /// None where no login was asked for.
    pub(super) authenticated: Option<bool>,
    /// None where the session was not opened.
    pub(super) used: Option<Used>,
    pub(super) round_trips: Vec<RoundTrip>,
    /// What of --profile the server was forgiven by, as the switches are named.
    pub(super) forgiven: Vec<&'static str>,
    pub(super) warnings: Vec<Warning>,
    pub(super) error: Option<String>,
    pub(super) exit_code: u8,
}

/// An address that was tried.
#[derive(Debug, Serialize)]
pub(super) struct Attempt {
    pub(super) address: String,
    pub(super) error: Option<String>,
    pub(super) milliseconds: f64,
}

/// A reply.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    pub(super) code: u16,
    /// Its first word, as servers name themselves.
    pub(super) host: String,
    pub(super) lines: Vec<String>,
}

impl Said {
    pub(super) fn new(reply: Reply<'_>) -> Self {
        Self {
            code: reply.code().value(),
            host: shown(reply.host()),
            lines: reply.lines().map(shown).collect(),
        }
    }
}

/// What the reply to EHLO or LHLO offers.
#[derive(Debug, Serialize)]
pub(super) struct Offer {
    /// EHLO, LHLO, or HELO, which offers nothing.
    pub(super) command: &'static str,
    pub(super) host: String,
    pub(super) keywords: Vec<Keyword>,
    /// SIZE, in octets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size_limit: Option<u64>,
    /// AUTH, in the order of the reply.
    pub(super) auth_mechanisms: Vec<String>,
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub(super) limits: Limits,
    /// DELIVERBY: the shortest time, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deliver_by_minimum: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) future_release: Option<Release>,
    /// MT-PRIORITY: the profile that priorities are meant by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) priority_profile: Option<String>,
    /// NO-SOLICITING: the classes that are not wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unwanted_solicitations: Vec<String>,
    #[serde(skip)]
    pub(super) set: smtp_proto::extension::ExtensionSet,
}

/// FUTURERELEASE: how far ahead messages may be released.
#[derive(Debug, Serialize)]
pub(super) struct Release {
    /// In seconds.
    pub(super) max_interval: u32,
    pub(super) max_date_time: String,
}

/// A line behind the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Keyword {
    pub(super) keyword: String,
    /// As they were sent.
    pub(super) parameters: Vec<String>,
    /// Whether it is an extension that this program knows.
    pub(super) known: bool,
}

/// LIMITS (RFC 9422).
#[derive(Debug, Default, Serialize)]
pub(super) struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mail_max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rcpt_max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rcpt_domain_max: Option<u32>,
}

impl Limits {
    fn is_empty(&self) -> bool {
        matches!(self, Self { mail_max: None, rcpt_max: None, rcpt_domain_max: None })
    }
}

impl Offer {
    pub(super) fn new(command: &'static str, reply: Reply<'_>) -> Self {
        let offered = Capabilities::parse(reply);
        let helo = command == "HELO";
        let lines = offered.lines().filter(|_| !helo);
        let limits = offered.limits();
        Self {
            command,
            host: shown(offered.host()),
            keywords: lines.map(keyword).collect(),
            size_limit: offered.size_limit().filter(|_| !helo),
            auth_mechanisms: offered
                .auth_mechanisms()
                .filter(|_| !helo)
                .map(str::to_owned)
                .collect(),
            limits: Limits {
                mail_max: limits.mail_max,
                rcpt_max: limits.rcpt_max,
                rcpt_domain_max: limits.rcpt_domain_max,
            },
            deliver_by_minimum: offered.deliver_by_minimum().filter(|_| !helo),
            future_release: offered.future_release().filter(|_| !helo).map(|most| Release {
                max_interval: most.max_interval(),
                max_date_time: most.max_date_time().to_string(),
            }),
            priority_profile: offered.priority_profile().filter(|_| !helo).map(str::to_owned),
            unwanted_solicitations: offered
                .unwanted_solicitations()
                .filter(|_| !helo)
                .map(|all| all.keywords().map(str::to_owned).collect())
                .unwrap_or_default(),
            set: if helo { Default::default() } else { offered.set() },
        }
    }

    pub(super) fn offers(&self, extension: Extension) -> bool {
        self.set.contains(extension)
    }
}

fn keyword((keyword, parameters): (&[u8], &[u8])) -> Keyword {
    let words = parameters.split(|&octet| octet == b' ');
    Keyword {
        keyword: shown(keyword),
        parameters: words.filter(|word| !word.is_empty()).map(shown).collect(),
        known: Extension::from_keyword(keyword).is_some(),
    }
}

/// What is different after STARTTLS, by whole lines.
#[derive(Debug, Serialize)]
pub(super) struct Changes {
    pub(super) gone: Vec<String>,
    pub(super) new: Vec<String>,
}

impl Changes {
    pub(super) fn between(before: &Offer, after: &Offer) -> Self {
        let missing = |these: &Offer, those: &Offer| -> Vec<String> {
            let these = these.keywords.iter().filter(|line| !those.keywords.contains(line));
            these.map(Keyword::line).collect()
        };
        Self { gone: missing(before, after), new: missing(after, before) }
    }
}

impl Keyword {
    /// The whole line.
    pub(super) fn line(&self) -> String {
        let words = std::iter::once(&self.keyword).chain(&self.parameters);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// TLS as it was agreed on, or tried.
#[derive(Debug, Serialize)]
pub(super) struct TlsSession {
    /// STARTTLS or implicit.
    pub(super) by: &'static str,
    /// False when the handshake failed.
    pub(super) established: bool,
    pub(super) version: Option<String>,
    pub(super) cipher_suite: Option<String>,
    pub(super) key_exchange: Option<String>,
    /// The protocol agreed on by ALPN; none is asked for, as SMTP has none.
    pub(super) alpn: Option<String>,
    /// The name that the certificate is to be for.
    pub(super) server_name: Option<String>,
    /// Whether that name was sent by SNI: addresses are not.
    pub(super) sni: bool,
    /// Whether a trusted authority vouches for that name.
    pub(super) verified: bool,
    /// Why not.
    pub(super) distrust: Option<String>,
    /// The server's own first.
    pub(super) certificates: Vec<Found>,
}

/// What `smtp send` makes use of with this server.
#[derive(Debug, Serialize)]
pub(super) struct Used {
    pub(super) pipelining: bool,
    pub(super) size: bool,
    pub(super) chunking: bool,
    pub(super) eight_bit: bool,
    pub(super) binary: bool,
    pub(super) utf8_addresses: bool,
    pub(super) delivery_reports: bool,
    pub(super) enhanced_codes: bool,
    pub(super) require_tls: bool,
    pub(super) authentication: bool,
}

/// The time between a command and its reply.
#[derive(Debug, Serialize)]
pub(super) struct RoundTrip {
    pub(super) command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<u16>,
    pub(super) milliseconds: f64,
}
