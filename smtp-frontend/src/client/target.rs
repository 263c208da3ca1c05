//! Where a session may be had, and what came of trying.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr},
};

#[cfg(feature = "tls")]
use smtp_proto::client::SubmissionServer;
use smtp_proto::relay::{HostName, TlsDecision, TlsRefusal};

use super::Tls;
use crate::error::Error;

/// A name as DNS, certificates and a hello have it; what has no such form stays as it is.
pub(super) fn in_a_labels(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return Cow::Borrowed(name);
    }
    HostName::parse(name).map_or(Cow::Borrowed(name), |name| name.to_string().into())
}

/// A host to connect to, and what is known of it.
///
/// ```
/// use smtp_frontend::Target;
///
/// let hosts = [Target::new("mx1.example.org", 25), Target::new("mx2.example.org", 25)];
/// assert_eq!(hosts[0].to_string(), "mx1.example.org:25");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    host: Box<str>,
    port: u16,
    pub(super) addresses: Option<Vec<IpAddr>>,
    pub(super) tls: Option<Tls>,
    pub(super) decision: Option<Result<TlsDecision, TlsRefusal>>,
    pub(super) domains: Vec<HostName>,
}

impl Target {
    /// A host, by its name or its address, and a port. An address may stand in square brackets. A name
    /// beyond ASCII becomes A-labels (RFC 5890) with the feature `idna`; without it the system's
    /// resolver is asked for it as it is, and no certificate is for it.
    pub fn new(host: &str, port: u16) -> Self {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let (addresses, tls, decision, domains) = (None, None, None, Vec::new());
        Self { host: in_a_labels(bare).into(), port, addresses, tls, decision, domains }
    }

    /// Its addresses, in order of preference: they are not looked up, then.
    #[must_use]
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.addresses = Some(addresses.into_iter().collect());
        self
    }

    /// Where TLS comes in at this host, in place of what the connector is set to.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// What a policy demands of TLS at this host, as [`TlsCase`](smtp_proto::relay::TlsCase) decides it
    /// from DANE, MTA-STS and REQUIRETLS, for mail that is relayed. It adds to what the connector is set
    /// to and takes nothing from it, but that TLSA records take the place of certification authorities.
    /// The certificate must have the name that was decided.
    ///
    /// With a refusal the host is left out, and the error says why.
    ///
    /// ```
    /// use smtp_frontend::Target;
    /// use smtp_frontend::proto::relay::{Dane, HostName, TlsCase, TlsDemand, Tlsa, TlsaAnswer};
    ///
    /// // What the program's resolver found and validated.
    /// let host = HostName::parse("mx1.example.org")?;
    /// let record = "3 1 1 0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3";
    /// let answer = TlsaAnswer::Secure(vec![Tlsa::parse_text(record)?]);
    /// let case = TlsCase {
    ///     host: &host,
    ///     by_mx: true,
    ///     mx_is_secure: true,
    ///     own: TlsDemand::Opportunistic,
    ///     dane: Dane::from(answer),
    ///     tlsa_base: &host,
    ///     sts: None,
    ///     require_tls: false,
    ///     tls_required_no: false,
    /// };
    /// let target = Target::new(host.as_str(), 25).policy(case.decide());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn policy(mut self, decision: Result<TlsDecision, TlsRefusal>) -> Self {
        self.decision = Some(decision);
        self
    }

    /// A domain whose MX records led here: where DANE names a trust anchor, the certificate may have
    /// this name too (RFC 7672 section 3.2.2). Only to be said where DNSSEC vouches for those records; said of
    /// several, if the domain is an alias of another one, of each.
    #[must_use]
    pub fn domain(mut self, domain: HostName) -> Self {
        self.domains.push(domain);
        self
    }

    /// The name or the address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

#[cfg(feature = "tls")]
impl From<&SubmissionServer> for Target {
    /// With TLS, which is required at such servers, as it is there.
    fn from(server: &SubmissionServer) -> Self {
        let tls = if server.implicit_tls { Tls::Implicit } else { Tls::StartTls };
        Self::new(server.host.as_str(), server.port).tls(tls)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// An address that was tried in vain, or a host that has none.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The host.
    pub target: Target,
    /// The address; none if the host has none, or it could not be looked up.
    pub address: Option<SocketAddr>,
    /// Why there is no session.
    pub error: Error,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)?;
        let named = |address: &SocketAddr| address.ip().to_string() != *self.target.host;
        if let Some(address) = self.address.filter(named) {
            write!(f, " ({})", address.ip())?;
        }
        write!(f, ": {}", self.error)
    }
}

/// Why there is no session with any of the hosts: what was tried, in its order.
#[derive(Debug)]
pub struct ConnectError {
    attempts: Vec<Attempt>,
}

impl ConnectError {
    pub(super) fn new(attempts: Vec<Attempt>) -> Self {
        Self { attempts }
    }

    /// What was tried. Empty only if no host was given.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The attempt that says most: the last one that came so far as to a server, or else the last.
    pub fn decisive(&self) -> Option<&Attempt> {
        let mut backwards = self.attempts.iter().rev();
        let unreached = |error: &Error| matches!(error, Error::Io(_) | Error::Unroutable(_));
        let reached = backwards.find(|attempt| !unreached(&attempt.error));
        reached.or(self.attempts.last())
    }

    /// Whether trying again later makes sense: what one host refuses for good, another that did not
    /// answer may grant (RFC 5321 section 5.1; C-02). Credentials that were refused stay so.
    pub fn is_temporary(&self) -> bool {
        let over = self.attempts.last().is_some_and(|last| !last.error.may_differ_elsewhere());
        !over && self.attempts.iter().any(|attempt| attempt.error.is_temporary())
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.attempts.split_first() else {
            return f.write_str("no host to connect to");
        };
        first.fmt(f)?;
        others.iter().try_for_each(|attempt| write!(f, "; {attempt}"))
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.decisive().map(|attempt| &attempt.error as _)
    }
}
