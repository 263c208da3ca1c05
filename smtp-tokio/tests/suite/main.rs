//! Client against server, and both against peers that misbehave, on tokio: what holds on every runtime,
//! and long times, which tokio's clock can jump over.

#[cfg(feature = "dns")]
#[path = "../../../tests/suite/name_server.rs"]
mod name_server;
mod rewind;
mod rt;
#[macro_use]
#[path = "../../../tests/suite/mod.rs"]
mod suite;
#[cfg(all(feature = "dns", feature = "idna"))]
#[path = "../../../tests/suite/dns.rs"]
mod dns;
mod timeouts;
