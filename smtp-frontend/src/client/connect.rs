//! From hosts to a session with one of them.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use smtp_proto::{
    client::{Client as Machine, Opening},
    domain::{AddressLiteral, HelloName},
    profile::Syntax,
    wire::Endpoint,
};

use super::{
    Attempt, Client, ConnectError, Connector, Progress, ProxyError, Retry, Target, Unopened,
    Upgrade, observe, proxied, security::Security, tunnel::Destination,
};
use crate::{
    error::Error,
    runtime::{Adopt, Runtime},
    time::within,
    trace::Teller,
};

/// Where a server is.
#[derive(Clone, Copy)]
enum Place<'p> {
    /// At this address of a host; without one a proxy finds the host by its name.
    Tcp(&'p Target, Option<SocketAddr>),
    #[cfg(unix)]
    Unix(&'p std::path::Path),
    /// At the other end of a stream that is there.
    Given,
}

impl<R: Runtime> Connector<R> {
    /// Opens a session with `host`, by TCP: at its first address by which that succeeds. See
    /// [`connect_any`](Self::connect_any).
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub async fn connect(&self, host: &str, port: u16) -> Result<Client, Error> {
        self.connect_any(&[Target::new(host, port)]).await
    }

    /// Opens a session with the first of these hosts, in order of preference, with which that succeeds:
    /// by one address after the other of each.
    ///
    /// The next one is tried when nobody answers, when the server does not want this client (421, 554 and
    /// the like to the connection or the hello), and when TLS or a login that must be cannot be had
    /// there (RFC 5321 section 5.1; C-01, C-15). Credentials that one server refuses for good are not
    /// shown to another.
    ///
    /// # Errors
    /// [`Error::Connect`], with what became of each address.
    pub async fn connect_any(&self, targets: &[Target]) -> Result<Client, Error> {
        let mut attempts = Vec::new();
        for target in targets {
            if attempts.len() == self.max_attempts {
                break;
            }
            let found = match &target.decision {
                Some(Err(refusal)) => Err(Error::Policy(*refusal)),
                _ => self.look_up(target).await.map_err(Error::Io),
            };
            let addresses = match found {
                Ok(addresses) => addresses,
                Err(error) => {
                    self.failed(&mut attempts, target, None, error);
                    continue;
                }
            };
            for address in addresses {
                if attempts.len() == self.max_attempts {
                    break;
                }
                match self.open_retrying(Place::Tcp(target, address)).await {
                    Ok(client) => return Ok(client),
                    Err(error) => {
                        let goes_on = error.may_differ_elsewhere();
                        self.failed(&mut attempts, target, address, error);
                        if !goes_on {
                            return Err(ConnectError::new(attempts).into());
                        }
                    }
                }
            }
        }
        Err(ConnectError::new(attempts).into())
    }

    /// Opens a session at one address of a host.
    pub(super) async fn connect_at(
        &self,
        target: &Target,
        address: SocketAddr,
    ) -> Result<Client, Error> {
        self.open_retrying(Place::Tcp(target, Some(address))).await
    }

    /// Remembers and tells that it did not succeed there.
    pub(super) fn failed(
        &self,
        attempts: &mut Vec<Attempt>,
        target: &Target,
        address: Option<SocketAddr>,
        error: Error,
    ) {
        let attempt = Attempt { target: target.clone(), address, error };
        observe(self.observer.as_ref(), &Progress::Failed(&attempt));
        attempts.push(attempt);
    }

    /// Where a host is to be connected to, at one place at least.
    async fn look_up(&self, target: &Target) -> io::Result<Vec<Option<SocketAddr>>> {
        let port = target.port();
        let addresses: Vec<_> = match &target.addresses {
            Some(known) => known.iter().map(|ip| SocketAddr::new(*ip, port)).collect(),
            None if self.proxy.is_some() => return Ok(vec![None]),
            None => within::<R, _>(self.connect_timeout, R::resolve(target.host(), port)).await?,
        };
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
        }
        Ok(addresses.into_iter().map(Some).collect())
    }

    /// Connects to a Unix socket, and opens a session: the usual way to an LMTP server beside it.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be connected to; [`Error::Tls`]; [`Error::Opening`] when the server
    /// does not want this client.
    #[cfg(unix)]
    pub async fn connect_unix(&self, path: impl AsRef<std::path::Path>) -> Result<Client, Error> {
        self.open_retrying(Place::Unix(path.as_ref())).await
    }

    /// Opens a session on a stream that is connected already: through a proxy, or in memory. TLS
    /// needs [`server_name`](Self::server_name).
    ///
    /// # Errors
    /// [`Error::Tls`]; [`Error::Opening`] when the server does not want this client. A handshake
    /// that failed cannot be made good by a connection in the clear here.
    pub async fn open<S>(&self, stream: S) -> Result<Client, Error>
    where
        R: Adopt<S>,
    {
        let opened = self.open_on(R::adopt(stream), Place::Given, None).await;
        opened.map_err(|unopened| unopened.error)
    }

    /// Connects to the server, or to the proxy in between.
    async fn reach(&self, place: Place<'_>) -> Result<R::Socket, Error> {
        match (place, &self.proxy) {
            (Place::Tcp(..), Some(proxy)) => {
                let resolving = R::resolve(proxy.target.host(), proxy.target.port());
                let found = within::<R, _>(self.connect_timeout, resolving).await;
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the proxy has no address");
                for address in found.map_err(ProxyError::Io)? {
                    match self.dial(address).await {
                        Ok(socket) => return Ok(socket),
                        Err(error) => last = error,
                    }
                }
                Err(ProxyError::Io(last).into())
            }
            (Place::Tcp(_, Some(address)), None) => Ok(self.dial(address).await?),
            #[cfg(unix)]
            (Place::Unix(path), _) => {
                Ok(within::<R, _>(self.connect_timeout, R::connect_unix(path)).await?)
            }
            (Place::Tcp(_, None), None) | (Place::Given, _) => {
                Err(Error::Io(io::ErrorKind::NotConnected.into()))
            }
        }
    }

    async fn dial(&self, address: SocketAddr) -> io::Result<R::Socket> {
        let source = match self.source {
            [None, None] => None,
            [v4, v6] => Some(if address.is_ipv4() { v4 } else { v6 }.ok_or_else(|| {
                let why = "connections come from an address of the other family";
                io::Error::new(io::ErrorKind::AddrNotAvailable, why)
            })?),
        };
        within::<R, _>(self.connect_timeout, R::connect(address, source)).await
    }

    /// Opens a session there; on a second connection without what the server did not stand on the
    /// first.
    async fn open_retrying(&self, place: Place<'_>) -> Result<Client, Error> {
        let socket = self.reach(place).await?;
        match self.open_on(socket, place, None).await {
            Ok(client) => Ok(client),
            Err(Unopened { error, retry: None }) => Err(error),
            Err(Unopened { retry, .. }) => {
                let socket = self.reach(place).await?;
                let again = self.open_on(socket, place, retry).await;
                again.map_err(|unopened| unopened.error)
            }
        }
    }

    /// What TLS is there.
    fn security<'s>(&'s self, place: Place<'s>) -> Security<'s> {
        let name = self.server_name.as_deref();
        match place {
            Place::Tcp(target, _) => Security::at(target, self.tls, name),
            _ => Security::new(self.tls, name),
        }
    }

    async fn open_on(
        &self,
        socket: R::Socket,
        place: Place<'_>,
        retry: Option<Retry>,
    ) -> Result<Client, Unopened> {
        let mut security = self.security(place);
        if retry == Some(Retry::WithoutTls) {
            security = security.without_tls();
        }
        let mut config = self.config.clone();
        config.require_tls |= security.is_required();
        let (implicit, tls_use, server) =
            (security.is_implicit(), security.tls_use, security.server);
        let mut driver = R::drive(socket, Machine::new(config.clone()));
        let teller = Teller::client(server);
        let wire = driver.endpoint_mut().wire();
        teller.listen(wire, self.trace.is_some(), self.recording);
        if let (Place::Tcp(target, address), Some(proxy)) = (place, &self.proxy) {
            let destination = match address {
                Some(address) => Destination::address(address.ip(), address.port()),
                None => Destination::of(target).map_err(Error::from)?,
            };
            let connecting = proxy.connect(&mut *driver, &destination, self.connect_timeout);
            connecting.await.map_err(Error::from)?;
        }
        if !matches!(place, Place::Given) {
            observe(self.observer.as_ref(), &Progress::Connected);
        }
        let server_address = match place {
            Place::Tcp(_, Some(address)) => Some(address),
            Place::Tcp(_, None) => None,
            _ => driver.stream().peer_addr(),
        };
        let local = driver.stream().local_addr().map(|address| address.ip());
        if let Some((version, source)) = self.proxy_header {
            let header = proxied::header(version, source, server_address)
                .map_err(|error| Error::Io(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
            driver.say(&header, self.connect_timeout).await.map_err(Error::Io)?;
        }
        let literal = local.unwrap_or(IpAddr::from([127, 0, 0, 1]));
        let name = match &self.hello_name {
            Some(name) => HelloName::parse_with(name.as_bytes(), &Syntax::default())
                .map_err(|_| Error::from(io::Error::from(io::ErrorKind::InvalidInput)))?,
            None => HelloName::Literal(AddressLiteral::from(literal)),
        };
        let upgrade = Upgrade {
            #[cfg(feature = "tls")]
            config: self.tls_config.as_ref(),
            #[cfg(feature = "tls")]
            verifier: self.tls_verifier.as_ref(),
            #[cfg(feature = "tls")]
            verifies: self.verifies_server,
            security,
        };
        let mut client =
            Client::new(driver, config, self.trace.clone(), teller, self.observer.clone());
        if implicit {
            client.handshake(&upgrade).await?;
        }
        let mut opening = Opening::new(name, tls_use);
        if retry == Some(Retry::WithHelo) {
            opening = opening.helo();
        }
        if let Some(login) = &self.login {
            let port = match place {
                Place::Tcp(target, _) => Some(target.port()),
                _ => server_address.map(|address| address.port()),
            };
            opening = opening.login(login(server, port).map_err(Error::from)?);
        }
        client.open(opening, Some(upgrade)).await?;
        Ok(client)
    }
}
