//! MTA-STS: what a domain demands of TLS to its hosts (RFC 8461).

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
use core::time::Duration;

use super::HostName;
use crate::date::Timestamp;
use crate::domain::Domain;

/// How long the file may be, in octets (RFC 8461 section 3.3 leaves it to the client).
pub const MAX_POLICY: usize = 64 * 1024;
/// How long fetching it may take.
pub const POLICY_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest time a policy may be kept: about a year (RFC 8461 section 3.2).
const MAX_AGE: u64 = 31_557_600;

/// The TXT record that says a domain has a policy, and which (RFC 8461 section 3.1; L-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StsRecord<'a> {
    id: &'a str,
}

impl<'a> StsRecord<'a> {
    /// Where the record of a domain is: `_mta-sts.` before its name.
    #[must_use]
    pub fn name(domain: &HostName) -> String {
        alloc::format!("_mta-sts.{domain}")
    }

    /// The one record among the TXT records of that name, the strings of each joined. More than one
    /// that begins as it should, or one that goes on wrongly, is as none.
    #[must_use]
    pub fn among(texts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut records = texts.into_iter().filter(|text| text.starts_with("v=STSv1;"));
        match (records.next(), records.next()) {
            (Some(only), None) => Self::parse(only),
            _ => None,
        }
    }

    /// ```text
    /// sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]
    /// sts-field       = sts-id / sts-extension
    /// sts-id          = %s"id=" 1*32(ALPHA / DIGIT)
    /// ```
    fn parse(text: &'a str) -> Option<Self> {
        let blanks = [' ', '\t'];
        let mut fields: Vec<&str> =
            text.split(';').map(|field| field.trim_matches(blanks)).collect();
        if fields.last().is_some_and(|last| last.is_empty()) {
            fields.pop();
        }
        let (version, fields) = fields.split_first()?;
        let mut id = None;
        for field in fields {
            let (name, value) = field.split_once('=')?;
            if name == "id" {
                let fits = (1..=32).contains(&value.len())
                    && value.bytes().all(|octet| octet.is_ascii_alphanumeric());
                if id.is_some() || !fits {
                    return None;
                }
                id = Some(value);
            } else if !is_extension(name, value) {
                return None;
            }
        }
        (*version == "v=STSv1").then_some(Self { id: id? })
    }

    /// What changes when the policy does.
    #[must_use]
    pub const fn id(&self) -> &'a str {
        self.id
    }
}

/// ```text
/// sts-ext-name  = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
/// sts-ext-value = 1*(%x21-3A / %x3C / %x3E-7E)
/// ```
fn is_extension(name: &str, value: &str) -> bool {
    let of_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-' | b'.');
    (1..=32).contains(&name.len())
        && name.bytes().all(of_name)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !value.is_empty()
        && value.bytes().all(|octet| octet.is_ascii_graphic() && !matches!(octet, b'=' | b';'))
}

/// What a domain wants done where TLS does not come up to its policy (RFC 8461 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StsMode {
    /// Not to deliver.
    Enforce,
    /// To deliver and to report.
    Testing,
    /// As if there were no policy.
    None,
}

impl StsMode {
    const ALL: [Self; 3] = [Self::Enforce, Self::Testing, Self::None];

    /// The word in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

/// A policy (RFC 8461 section 3.2; L-22). Shown, it is the file it was read from, what was not
/// understood left out.
///
/// ```
/// # use smtp_proto::relay::{HostName, StsPolicy};
/// let policy = StsPolicy::parse(
///     b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n",
/// )?;
/// assert!(policy.allows(&HostName::parse("MX1.example.net")?));
/// assert!(!policy.allows(&HostName::parse("example.net")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsPolicy {
    mode: StsMode,
    max_age: Duration,
    mx: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    wildcard: bool,
    name: HostName,
}

/// Why a policy could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum StsError {
    /// The server did not answer with 200; redirections are not followed.
    #[error("the policy could not be fetched")]
    Fetch,
    /// It is no plain text.
    #[error("the policy is no plain text")]
    MediaType,
    /// It is longer than [`MAX_POLICY`], or no text.
    #[error("the policy is too long or no text")]
    Text,
    /// It is not of version STSv1.
    #[error("the policy is of another version")]
    Version,
    /// Its mode is missing or not known.
    #[error("the mode of the policy is not known")]
    Mode,
    /// Its age is missing, no number, or more than a year.
    #[error("the policy has no usable max_age")]
    MaxAge,
    /// It names no host, or one that is none.
    #[error("the policy names no usable host")]
    Mx,
}

impl StsPolicy {
    /// Where the policy of a domain is.
    #[must_use]
    pub fn url(domain: &HostName) -> String {
        alloc::format!("https://mta-sts.{domain}/.well-known/mta-sts.txt")
    }

    /// Judges the whole answer of the web server (RFC 8461 section 3.3); its certificate has been
    /// checked.
    ///
    /// # Errors
    ///
    /// [`StsError`].
    pub fn of_response(status: u16, content_type: &str, body: &[u8]) -> Result<Self, StsError> {
        if status != 200 {
            return Err(StsError::Fetch);
        }
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("text/plain") {
            return Err(StsError::MediaType);
        }
        Self::parse(body)
    }

    /// Reads the file: lines of `key: value`, ended by LF or CRLF. Of a key that comes again the first
    /// one counts, but for `mx`; keys that are not known are passed over.
    ///
    /// # Errors
    ///
    /// [`StsError`].
    pub fn parse(octets: &[u8]) -> Result<Self, StsError> {
        if octets.len() > MAX_POLICY {
            return Err(StsError::Text);
        }
        let text = core::str::from_utf8(octets).map_err(|_| StsError::Text)?;
        let (mut version, mut mode, mut max_age, mut mx) = (None, None, None, Vec::new());
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim_matches([' ', '\t']);
            match key {
                "version" => version = version.or(Some(value)),
                "mode" => mode = mode.or(Some(value)),
                "max_age" => max_age = max_age.or(Some(value)),
                "mx" => mx.push(Pattern::parse(value).ok_or(StsError::Mx)?),
                _ => {}
            }
        }
        if version != Some("STSv1") {
            return Err(StsError::Version);
        }
        let mode = StsMode::ALL.into_iter().find(|known| Some(known.as_str()) == mode);
        let mode = mode.ok_or(StsError::Mode)?;
        let digits = |text: &&str| {
            (1..=10).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit())
        };
        let seconds = max_age.filter(digits).and_then(|text| text.parse().ok());
        let seconds =
            seconds.filter(|&seconds: &u64| seconds <= MAX_AGE).ok_or(StsError::MaxAge)?;
        if mx.is_empty() && mode != StsMode::None {
            return Err(StsError::Mx);
        }
        Ok(Self { mode, max_age: Duration::from_secs(seconds), mx })
    }

    /// What is done where TLS does not come up to it.
    #[must_use]
    pub const fn mode(&self) -> StsMode {
        self.mode
    }

    /// How long it may be kept.
    #[must_use]
    pub const fn max_age(&self) -> Duration {
        self.max_age
    }

    /// Whether mail for the domain may go to this host (RFC 8461 section 4.1): `*.` stands for exactly
    /// one label.
    #[must_use]
    pub fn allows(&self, host: &HostName) -> bool {
        self.mx.iter().any(|pattern| pattern.matches(host))
    }
}

impl Pattern {
    /// `sts-policy-mx-value = ["*."] Domain`
    fn parse(text: &str) -> Option<Self> {
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        Domain::parse(name).ok().map(|name| Self { wildcard, name: HostName::from(name) })
    }

    fn matches(&self, host: &HostName) -> bool {
        if !self.wildcard {
            return self.name == *host;
        }
        host.as_str().split_once('.').is_some_and(|(_, rest)| rest == self.name.as_str())
    }
}

impl fmt::Display for StsPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version: STSv1\r\nmode: {}\r\n", self.mode.as_str())?;
        for Pattern { wildcard, name } in &self.mx {
            write!(f, "mx: {}{name}\r\n", if *wildcard { "*." } else { "" })?;
        }
        write!(f, "max_age: {}\r\n", self.max_age.as_secs())
    }
}

/// What is remembered of a domain's policy (RFC 8461 section 3.3; L-23). The domain is that of the
/// next hop: of the recipient, or the smart host; never one above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StsCache {
    kept: Option<Kept>,
    /// When fetching failed last.
    failed: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    policy: StsPolicy,
    id: Box<str>,
    fetched: Timestamp,
}

/// What DNS said when it was asked for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StsAnswer<'a> {
    /// There is one.
    Record(StsRecord<'a>),
    /// There is none that is well formed, or DNS does not answer: for this they are the same.
    None,
}

/// What to do before mail is sent to a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StsStep {
    /// Fetch the policy, then tell [`fetched`](StsCache::fetched) or [`failed`](StsCache::failed);
    /// go on with [`policy`](StsCache::policy) either way.
    Fetch,
    /// Go on with [`policy`](StsCache::policy).
    Proceed,
}

impl StsCache {
    /// After a failure nothing is fetched for five minutes.
    const PAUSE: Duration = Duration::from_secs(5 * 60);
    /// A policy is fetched anew each day, so that it is not forgotten while it is out of reach.
    const REFRESH: Duration = Duration::from_secs(24 * 60 * 60);

    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do before mail is sent, by what DNS says now. A policy is fetched when DNS announces
    /// one that is not known; as long as one is kept, nobody who hides the record can undo it.
    #[must_use]
    pub fn step(&self, answer: StsAnswer<'_>, now: Timestamp) -> StsStep {
        let StsAnswer::Record(record) = answer else { return StsStep::Proceed };
        let known = self.kept(now).is_some_and(|kept| *kept.id == *record.id);
        if known || self.pauses(now) { StsStep::Proceed } else { StsStep::Fetch }
    }

    /// Whether it is time to fetch the kept policy anew, whether or not there is mail.
    #[must_use]
    pub fn is_refresh_due(&self, now: Timestamp) -> bool {
        self.kept(now).is_some_and(|kept| {
            now.since(kept.fetched) >= Self::REFRESH.min(kept.policy.max_age / 2)
        }) && !self.pauses(now)
    }

    /// The policy that counts now.
    #[must_use]
    pub fn policy(&self, now: Timestamp) -> Option<&StsPolicy> {
        self.kept(now).map(|kept| &kept.policy)
    }

    /// A policy was fetched after a record was seen.
    pub fn fetched(&mut self, record: StsRecord<'_>, policy: StsPolicy, now: Timestamp) {
        self.kept = Some(Kept { policy, id: record.id.into(), fetched: now });
        self.failed = None;
    }

    /// Fetching failed: what is kept counts until its age is over.
    pub fn failed(&mut self, now: Timestamp) {
        self.failed = Some(now);
    }

    fn kept(&self, now: Timestamp) -> Option<&Kept> {
        self.kept.as_ref().filter(|kept| now.since(kept.fetched) < kept.policy.max_age)
    }

    fn pauses(&self, now: Timestamp) -> bool {
        self.failed.is_some_and(|failed| now.since(failed) < Self::PAUSE)
    }
}
