//! Data for reports about TLS (RFC 8460).

use alloc::{collections::BTreeMap, string::String};
use core::fmt;

use super::StsError;

/// How TLS to a host failed, or a policy about it (RFC 8460 section 4.3; L-28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsFailure {
    /// The server does not offer STARTTLS, or refuses it.
    StarttlsNotSupported,
    /// The certificate has another name.
    CertificateHostMismatch,
    /// The certificate is not valid any more.
    CertificateExpired,
    /// Nobody who is trusted has signed the certificate.
    CertificateNotTrusted,
    /// Something else.
    ValidationFailure,
    /// A TLSA record is malformed, or the certificate is none of those.
    TlsaInvalid,
    /// An answer of DNS did not come up to DNSSEC.
    DnssecInvalid,
    /// This side demands DANE, and the domain has no TLSA records that can be used.
    DaneRequired,
    /// The policy could not be fetched.
    StsPolicyFetchError,
    /// The policy is malformed.
    StsPolicyInvalid,
    /// The certificate of the policy's web server was not right.
    StsWebpkiInvalid,
}

impl TlsFailure {
    /// The result type as a report has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StarttlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<StsError> for TlsFailure {
    fn from(error: StsError) -> Self {
        match error {
            StsError::Fetch => Self::StsPolicyFetchError,
            _ => Self::StsPolicyInvalid,
        }
    }
}

/// Sessions to the hosts of one policy domain in one day, counted. Sending the report is the
/// application's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsTally {
    successes: u64,
    failures: BTreeMap<(TlsFailure, String), u64>,
}

impl TlsTally {
    /// Hosts and types told apart; further ones are counted without their host.
    const MAX_HOSTS: usize = 1000;

    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A session came up to the policy.
    pub fn succeeded(&mut self) {
        self.successes = self.successes.saturating_add(1);
    }

    /// A session did not, or there is no policy to come up to; `host` is empty then.
    pub fn failed(&mut self, failure: TlsFailure, host: &str) {
        let mut key = (failure, String::from(host));
        if self.failures.len() >= Self::MAX_HOSTS && !self.failures.contains_key(&key) {
            key.1.clear();
        }
        let count = self.failures.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    /// `total-successful-session-count`
    #[must_use]
    pub const fn successes(&self) -> u64 {
        self.successes
    }

    /// `total-failure-session-count`
    #[must_use]
    pub fn total_failures(&self) -> u64 {
        self.failures.values().fold(0, |all, count| all.saturating_add(*count))
    }

    /// Each type of failure at each host, and how often.
    pub fn failures(&self) -> impl Iterator<Item = (TlsFailure, &str, u64)> {
        self.failures.iter().map(|((failure, host), count)| (*failure, host.as_str(), *count))
    }
}
