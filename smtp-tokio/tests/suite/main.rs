//! Client against server, and both against peers that misbehave.

mod driver;
mod help;
mod message;
mod opening;
mod proxied;
mod remote;
mod shutdown;
mod timeouts;
mod tls;
#[cfg(feature = "tracing")]
mod tracing;
