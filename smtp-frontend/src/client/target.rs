//! Where a session may be had, and what came of trying.

use std::{fmt, net::SocketAddr};

use crate::error::Error;

/// A host to connect to.
///
/// ```
/// use smtp_frontend::Target;
///
/// let hosts = [Target::new("mx1.example.org", 25), Target::new("mx2.example.org", 25)];
/// assert_eq!(hosts[0].to_string(), "mx1.example.org:25");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    host: Box<str>,
    port: u16,
}

impl Target {
    /// A host, by its name or its address, and a port. An address may stand in square brackets.
    pub fn new(host: &str, port: u16) -> Self {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Self { host: bare.into(), port }
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
        let reached = backwards.find(|attempt| !matches!(attempt.error, Error::Io(_)));
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
