//! Proxies that speak for other clients.

use std::net::SocketAddr;

use smtp_proto::{
    server::Connected,
    upstream::{Overrides, Value},
};

use super::Core;
use crate::session::Facts;

impl<B> Core<B> {
    /// Lets a client that is a proxy use XCLIENT and XFORWARD.
    pub(super) fn allow<'s>(&self, mut client: Connected<'s>, facts: &Facts) -> Connected<'s> {
        let Some(peer) = facts.peer else { return client };
        if self.xclient.iter().any(|network| network.contains(peer.ip())) {
            client = client.allow_xclient();
        }
        if self.xforward.iter().any(|network| network.contains(peer.ip())) {
            client = client.allow_xforward();
        }
        client
    }
}

/// Puts what a proxy has told in the place of what was seen.
pub(super) fn learn(facts: &mut Facts, overrides: &Overrides) {
    let seen = facts.peer;
    let upstream = facts.upstream.get_or_insert_default();
    if upstream.overrides.is_none() {
        upstream.proxy = seen;
    }
    upstream.overrides = Some(overrides.clone());
    upstream.forwarded = None;
    override_address(&mut facts.peer, overrides.address(), overrides.port());
    let (address, port) = (overrides.destination_address(), overrides.destination_port());
    override_address(&mut facts.local, address, port);
    let known = |value: Option<Value<&str>>| value.and_then(Value::known).map(Box::from);
    facts.hello = known(overrides.hello_name());
    // A login of before was the proxy's own.
    facts.identity = known(overrides.login());
    facts.transmission_type = "";
}

fn override_address(
    known: &mut Option<SocketAddr>,
    address: Option<Value<std::net::IpAddr>>,
    port: Option<Value<u16>>,
) {
    if let Some(address) = address {
        *known = address.known().map(|address| SocketAddr::new(address, 0));
    }
    if let Some(known) = known
        && let Some(port) = port
    {
        known.set_port(port.known().unwrap_or_default());
    }
}
