//! SOCKS version 5 (RFC 1928), with a name and a password (RFC 1929) if there are any.

use std::net::IpAddr;

use super::{Credentials, Destination, Place, ProxyError, Step, Tunnel};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const NAME_AND_PASSWORD: u8 = 2;
/// The version of RFC 1929.
const NEGOTIATION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;

pub(super) struct Socks5 {
    request: Vec<u8>,
    login: Option<Vec<u8>>,
    stage: Stage,
}

enum Stage {
    Say(Vec<u8>, Awaited),
    Hear(Awaited),
    Done,
}

#[derive(Clone, Copy)]
enum Awaited {
    /// Version and method.
    Method,
    /// Version and status.
    Status,
    /// Version, reply, a zero, the kind of the bound address and its first octet.
    Reply,
    /// The rest of that address, and the port.
    Rest(usize),
}

impl Socks5 {
    pub(super) fn new(
        destination: &Destination,
        credentials: Option<Credentials<'_>>,
    ) -> Result<Self, ProxyError> {
        let mut request = vec![VERSION, CONNECT, 0];
        match &destination.host {
            Place::Address(IpAddr::V4(address)) => {
                request.push(IPV4);
                request.extend(address.octets());
            }
            Place::Address(IpAddr::V6(address)) => {
                request.push(IPV6);
                request.extend(address.octets());
            }
            Place::Name(name) => {
                let name = name.as_str().as_bytes();
                request.push(DOMAIN);
                request.push(u8::try_from(name.len()).map_err(|_| ProxyError::HostName)?);
                request.extend(name);
            }
        }
        request.extend(destination.port.to_be_bytes());
        let login = credentials.map(|Credentials { name, password }| {
            let mut login = vec![NEGOTIATION];
            // 255 octets at most each, as the proxy's credentials have been checked.
            for text in [name.as_bytes(), password] {
                login.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
                login.extend(text.iter().take(usize::from(u8::MAX)));
            }
            login
        });
        let methods = match login {
            Some(_) => vec![VERSION, 2, NO_AUTHENTICATION, NAME_AND_PASSWORD],
            None => vec![VERSION, 1, NO_AUTHENTICATION],
        };
        Ok(Self { request, login, stage: Stage::Say(methods, Awaited::Method) })
    }

    fn ask(&mut self) {
        self.stage = Stage::Say(std::mem::take(&mut self.request), Awaited::Reply);
    }
}

impl Tunnel for Socks5 {
    fn step(&mut self) -> Step {
        match &mut self.stage {
            Stage::Say(octets, awaited) => {
                let octets = std::mem::take(octets);
                self.stage = Stage::Hear(*awaited);
                Step::Say(octets)
            }
            Stage::Hear(awaited) => Step::Hear(match awaited {
                Awaited::Method | Awaited::Status => 2,
                Awaited::Reply => 5,
                Awaited::Rest(count) => *count,
            }),
            Stage::Done => Step::Done,
        }
    }

    fn heard(&mut self, octets: &[u8]) -> Result<(), ProxyError> {
        let Stage::Hear(awaited) = self.stage else { return Err(ProxyError::Malformed) };
        match (awaited, octets) {
            (Awaited::Method, &[VERSION, NO_AUTHENTICATION]) => self.ask(),
            (Awaited::Method, &[VERSION, NAME_AND_PASSWORD]) => {
                let login = self.login.take().ok_or(ProxyError::Malformed)?;
                self.stage = Stage::Say(login, Awaited::Status);
            }
            (Awaited::Method, &[VERSION, u8::MAX]) => return Err(ProxyError::CredentialsWanted),
            (Awaited::Status, &[NEGOTIATION, 0]) => self.ask(),
            (Awaited::Status, &[NEGOTIATION, _]) => return Err(ProxyError::CredentialsRefused),
            (Awaited::Reply, &[VERSION, 0, _, kind, first]) => {
                // One octet of the address is there; two are for the port.
                let rest = match kind {
                    IPV4 => 3 + 2,
                    IPV6 => 15 + 2,
                    DOMAIN => usize::from(first) + 2,
                    _ => return Err(ProxyError::Malformed),
                };
                self.stage = Stage::Hear(Awaited::Rest(rest));
            }
            (Awaited::Reply, &[VERSION, code, ..]) => {
                return Err(match code {
                    2 => ProxyError::Forbidden,
                    3 | 4 => ProxyError::NotReached,
                    5 => ProxyError::RefusedByHost,
                    code => ProxyError::Socks(code),
                });
            }
            (Awaited::Rest(_), _) => self.stage = Stage::Done,
            _ => return Err(ProxyError::Malformed),
        }
        Ok(())
    }
}
