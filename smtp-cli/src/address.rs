//! The server as it is named on the command line.

use std::net::IpAddr;

use crate::exit::Failure;

/// Where a server is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Tcp {
        host: String,
        port: u16,
    },
    #[cfg(unix)]
    Unix(String),
}

impl Server {
    /// Reads `HOST`, `HOST:PORT`, `[IPV6]:PORT`, an IPv6 address or `unix:PATH`.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self, Failure> {
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.to_owned()));
        }
        let (host, port) = match text.rsplit_once(':') {
            // An IPv6 address without a port has more than one colon and no brackets.
            Some((host, _)) if host.contains(':') && !text.contains(']') => (text, None),
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = match port {
            None => default_port,
            Some(port) => port
                .parse()
                .map_err(|_| Failure::usage(format!("server {text}: {port} is no port")))?,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(Failure::usage(format!("server {text}: no host")));
        }
        Ok(Self::Tcp { host: host.to_owned(), port })
    }

    /// Whether what is said to it stays on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse().is_ok_and(|host: IpAddr| host.is_loopback())
            }
            #[cfg(unix)]
            Self::Unix(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_and_a_port() {
        let cases = [
            ("mx.example:25", "mx.example", 25),
            ("mx.example", "mx.example", 587),
            ("192.0.2.1:2525", "192.0.2.1", 2525),
            ("[2001:db8::1]:25", "2001:db8::1", 25),
            ("[2001:db8::1]", "2001:db8::1", 587),
            ("2001:db8::1", "2001:db8::1", 587),
        ];
        for (text, host, port) in cases {
            let server = Server::parse(text, 587).unwrap();
            assert_eq!(server, Server::Tcp { host: host.into(), port }, "{text}");
        }
        for text in ["mx.example:x", "mx.example:65536", ":25", "[]:25", ""] {
            assert!(Server::parse(text, 587).is_err(), "{text}");
        }
    }
}
