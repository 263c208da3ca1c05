//! CONNECT of HTTP/1.1 (RFC 9110 section 9.3.6, RFC 9112).

use std::net::IpAddr;

use smtp_proto::auth;

use super::{Credentials, Destination, Place, ProxyError, Step, Tunnel};

/// Octets of a response's header section.
const MAX_HEADER: usize = 16 * 1024;

pub(super) struct Http {
    request: Option<Vec<u8>>,
    header: Vec<u8>,
    with_credentials: bool,
    done: bool,
}

impl Http {
    pub(super) fn new(destination: &Destination, credentials: Option<Credentials<'_>>) -> Self {
        let port = destination.port;
        let with_credentials = credentials.is_some();
        let authority = match &destination.host {
            Place::Address(IpAddr::V4(address)) => format!("{address}:{port}"),
            Place::Address(IpAddr::V6(address)) => format!("[{address}]:{port}"),
            Place::Name(name) => format!("{name}:{port}"),
        };
        let mut request =
            format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
        if let Some(Credentials { name, password }) = credentials {
            request.extend(b"Proxy-Authorization: Basic ");
            auth::encode(&[name.as_bytes(), b":", password].concat(), &mut request);
            request.extend(b"\r\n");
        }
        request.extend(b"\r\n");
        Self { request: Some(request), header: Vec::new(), with_credentials, done: false }
    }
}

impl Tunnel for Http {
    fn step(&mut self) -> Step {
        match self.request.take() {
            Some(request) => Step::Say(request),
            None if self.done => Step::Done,
            // The end of the header section is not known before it is there.
            None => Step::Hear(1),
        }
    }

    fn heard(&mut self, octets: &[u8]) -> Result<(), ProxyError> {
        self.header.extend_from_slice(octets);
        let status_line = self.header.iter().position(|&octet| octet == b'\n');
        if self.header.len() > MAX_HEADER || status_line.is_none() && self.header.len() > 1024 {
            return Err(ProxyError::Malformed);
        }
        // A line end may be a lone LF (RFC 9112 section 2.2).
        let over = self.header.ends_with(b"\n\r\n") || self.header.ends_with(b"\n\n");
        let Some(line) = status_line.and_then(|end| self.header.get(..end)).filter(|_| over) else {
            return Ok(());
        };
        match status(line).ok_or(ProxyError::Malformed)? {
            200..=299 => self.done = true,
            407 if self.with_credentials => return Err(ProxyError::CredentialsRefused),
            407 => return Err(ProxyError::CredentialsWanted),
            403 => return Err(ProxyError::Forbidden),
            502 | 504 => return Err(ProxyError::NotReached),
            status => return Err(ProxyError::Http(status)),
        }
        Ok(())
    }
}

/// `HTTP/1.1 200 whatever`
fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let [b'0' | b'1', b' ', digits @ ..] = rest else { return None };
    let (digits, rest) = digits.split_at_checked(3)?;
    let ends = matches!(rest.first(), None | Some(b' ' | b'\r'));
    let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits)?;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|status| ends && *status >= 100)
}
