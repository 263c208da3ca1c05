//! Ways out through somebody else: proxies that connect for a client.

mod http;
mod socks5;
#[cfg(test)]
mod tests;
mod url;

use std::{fmt, io, net::IpAddr};

use smtp_proto::{auth::Secret, relay::HostName};

pub use self::url::InvalidProxy;
use self::{http::Http, socks5::Socks5};
use super::Target;
use crate::driver::{Driver, after};

/// A proxy through which a client connects; see [`Connector::proxy`](super::Connector::proxy).
///
/// A name and a password for it go to the proxy in the clear: the way there should be one's own.
///
/// ```
/// # use smtp_frontend::Proxy;
/// let tor = Proxy::socks5("127.0.0.1", 9050);
/// let same: Proxy = "socks5://127.0.0.1:9050".parse()?;
/// let corporate = Proxy::http("proxy.example.org", 3128).credentials("alice", "s3cret!")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    kind: Kind,
    pub(super) target: Target,
    credentials: Option<(Box<str>, Secret)>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Socks5,
    Http,
}

/// Why a proxy did not make the connection. All but [`Io`](Self::Io) is what the proxy said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy itself cannot be connected to, or hung up.
    #[error("no connection with it: {0}")]
    Io(#[from] io::Error),
    /// It wants a name and a password, or a way to log in that is not known here.
    #[error("it wants credentials")]
    CredentialsWanted,
    /// It does not take these.
    #[error("it refused the credentials")]
    CredentialsRefused,
    /// It does not connect there: its rules forbid it.
    #[error("its rules forbid to connect there")]
    Forbidden,
    /// It could not connect: the host or its network was not reached.
    #[error("it did not reach the host")]
    NotReached,
    /// It could not connect: the host refused.
    #[error("the host refused its connection")]
    RefusedByHost,
    /// It does not connect, and gives no reason that is known: the SOCKS reply code (RFC 1928 section
    /// 6).
    #[error("it refused: SOCKS reply {0}")]
    Socks(u8),
    /// It does not connect: the HTTP status (RFC 9110 section 15).
    #[error("it refused: HTTP status {0}")]
    Http(u16),
    /// It does not speak this protocol.
    #[error("it does not speak the protocol")]
    Malformed,
    /// The name of the host is none that can be told to a proxy, or too long. Nothing was sent.
    #[error("it cannot be asked for this host name")]
    HostName,
}

impl ProxyError {
    /// Whether trying again later makes sense.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Io(_) | Self::NotReached | Self::RefusedByHost => true,
            // General failure; time to live expired.
            Self::Socks(code) => matches!(code, 1 | 6),
            Self::Http(status) => matches!(status, 408 | 429 | 500..),
            Self::CredentialsWanted
            | Self::CredentialsRefused
            | Self::Forbidden
            | Self::Malformed
            | Self::HostName => false,
        }
    }

    /// Whether it may connect to another host.
    pub(crate) fn may_differ_elsewhere(&self) -> bool {
        !matches!(self, Self::CredentialsWanted | Self::CredentialsRefused | Self::Malformed)
    }
}

impl Proxy {
    /// A SOCKS proxy of version 5 (RFC 1928).
    pub fn socks5(host: &str, port: u16) -> Self {
        Self { kind: Kind::Socks5, target: Target::new(host, port), credentials: None }
    }

    /// An HTTP proxy, by its method CONNECT (RFC 9110 section 9.3.6).
    pub fn http(host: &str, port: u16) -> Self {
        Self { kind: Kind::Http, target: Target::new(host, port), credentials: None }
    }

    /// A name and a password for the proxy: by RFC 1929 or as HTTP Basic (RFC 7617).
    ///
    /// # Errors
    /// [`InvalidProxyCredentials`].
    pub fn credentials(
        mut self,
        name: &str,
        password: &str,
    ) -> Result<Self, InvalidProxyCredentials> {
        let fits = |text: &str| match self.kind {
            Kind::Socks5 => (1..=255).contains(&text.len()),
            Kind::Http => text.len() <= 255 && !text.contains(|c: char| c.is_control()),
        };
        if !fits(name) || !fits(password) || matches!(self.kind, Kind::Http) && name.contains(':') {
            return Err(InvalidProxyCredentials);
        }
        self.credentials = Some((name.into(), password.as_bytes().to_vec().into()));
        Ok(self)
    }

    /// Has the proxy connect, by what is read and written before the session.
    pub(super) async fn connect<E>(
        &self,
        driver: &mut dyn Driver<E>,
        destination: &Destination,
        time: std::time::Duration,
    ) -> Result<(), ProxyError> {
        let credentials = self
            .credentials
            .as_ref()
            .map(|(name, password)| Credentials { name, password: password.as_slice() });
        let mut tunnel: Box<dyn Tunnel + Send> = match self.kind {
            Kind::Socks5 => Box::new(Socks5::new(destination, credentials)?),
            Kind::Http => Box::new(Http::new(destination, credentials)),
        };
        let mut read = Vec::new();
        // The time is for an answer, however many pieces it is read in.
        let mut deadline = after(driver.now(), time);
        loop {
            match tunnel.step() {
                Step::Say(octets) => {
                    driver.say(&octets, time).await?;
                    deadline = after(driver.now(), time);
                }
                Step::Hear(count) => {
                    read.resize(count, 0);
                    let left = deadline.saturating_duration_since(driver.now());
                    // What is there already is read without a look at the time.
                    if left.is_zero() {
                        return Err(io::Error::from(io::ErrorKind::TimedOut).into());
                    }
                    driver.hear(&mut read, left).await?;
                    tunnel.heard(&read)?;
                }
                Step::Done => return Ok(()),
            }
        }
    }
}

/// A name or a password that cannot be told to a proxy: over 255 octets; for SOCKS, empty; for HTTP, with
/// control characters or a colon in the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("credentials that cannot be told to this proxy")]
#[non_exhaustive]
pub struct InvalidProxyCredentials;

/// Where a proxy is to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    host: Place,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Address(IpAddr),
    /// The proxy looks it up.
    Name(HostName),
}

impl Destination {
    pub(super) fn address(address: IpAddr, port: u16) -> Self {
        Self { host: Place::Address(address), port }
    }

    /// The host of a target, by its name if it is one.
    pub(super) fn of(target: &Target) -> Result<Self, ProxyError> {
        let host = match target.host().parse() {
            Ok(address) => Place::Address(address),
            Err(_) => {
                let name = HostName::parse(target.host()).map_err(|_| ProxyError::HostName)?;
                if !name.as_str().is_ascii() {
                    return Err(ProxyError::HostName);
                }
                Place::Name(name)
            }
        };
        Ok(Self { host, port: target.port() })
    }
}

struct Credentials<'c> {
    name: &'c str,
    password: &'c [u8],
}

/// A way of asking a proxy for a connection, without I/O.
trait Tunnel {
    /// What comes next.
    fn step(&mut self) -> Step;

    /// So many octets as were asked for came.
    fn heard(&mut self, octets: &[u8]) -> Result<(), ProxyError>;
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// These are to be sent.
    Say(Vec<u8>),
    /// So many are to be read, and no more: what follows may be the server's greeting.
    Hear(usize),
    /// The connection is made.
    Done,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Socks5 => "socks5",
            Kind::Http => "http",
        };
        write!(f, "{scheme}://{}", self.target)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}
