//! Proxies as they are written in settings.

use std::str::FromStr;

use super::{InvalidProxyCredentials, Proxy};

/// A text names no proxy: [`Proxy`] says what does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProxy {
    /// It does not begin with `socks5://` or `http://`.
    #[error("a proxy is socks5://HOST:PORT or http://HOST:PORT")]
    Scheme,
    /// It does not go on with a host and a port, and nothing behind them.
    #[error("a proxy has a host and a port")]
    Host,
    /// Its name or password cannot be told to it.
    #[error(transparent)]
    Credentials(#[from] InvalidProxyCredentials),
}

/// `socks5://HOST:PORT` or `http://HOST:PORT`, with `NAME:PASSWORD@` in front of the host if there are
/// any, and `%` with two hexadecimal digits for what cannot stand there. `socks5h` is the same as `socks5`.
impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidProxy::Scheme)?;
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = rest.rsplit_once(':').ok_or(InvalidProxy::Host)?;
        let port = port.parse().map_err(|_| InvalidProxy::Host)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let odd = |c: char| c.is_whitespace() || c.is_control() || "/@[]".contains(c);
        if bare.unwrap_or(host).contains(odd)
            || host.is_empty()
            || bare.is_none() && host.contains(':')
        {
            return Err(InvalidProxy::Host);
        }
        let proxy = match scheme.to_ascii_lowercase().as_str() {
            "socks5" | "socks5h" => Self::socks5(host, port),
            "http" => Self::http(host, port),
            _ => return Err(InvalidProxy::Scheme),
        };
        let Some(credentials) = credentials else { return Ok(proxy) };
        let (name, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let decoded = |text| decoded(text).ok_or(InvalidProxyCredentials);
        Ok(proxy.credentials(&decoded(name)?, &decoded(password)?)?)
    }
}

/// Without what stands for octets (RFC 3986 section 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut octets = text.bytes();
    let mut found = Vec::with_capacity(text.len());
    while let Some(octet) = octets.next() {
        if octet != b'%' {
            found.push(octet);
            continue;
        }
        let mut digit = || char::from(octets.next()?).to_digit(16);
        found.push(u8::try_from(digit()? << 4 | digit()?).ok()?);
    }
    String::from_utf8(found).ok()
}
