//! Client against server, and both against peers that misbehave, on threads and blocking streams: what holds
//! on every runtime.

#[cfg(feature = "dns")]
#[path = "../../../tests/suite/name_server.rs"]
mod name_server;
mod rt;
#[macro_use]
#[path = "../../../tests/suite/mod.rs"]
mod suite;
#[cfg(all(feature = "dns", feature = "idna"))]
#[path = "../../../tests/suite/dns.rs"]
mod dns;
