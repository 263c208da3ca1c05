//! What SMTP and LMTP clients and servers of every runtime share, over the machines of [`smtp_proto`].
//!
//! Programs use a crate for their runtime, in which these types have shorter names: `smtp-tokio`, `smtp-smol` or
//! `smtp-blocking`. This crate is for those who write such a crate, and for libraries of [`Backend`]s that are to
//! run on any; [`runtime`] says how to begin.
//!
//! ```text
//!  your handlers ── Server ─┐                              ┌─ Client ── your mail
//!                           ├── Driver ─────── Driver ─────┤
//!      smtp_proto::server ──┘   (Connection: the loop)     └─ smtp_proto::client
//!                                      │
//!                          runtime: Io, Timer, Runtime
//! ```
//!
//! - [`runtime`] has the traits that a runtime implements, once for everything.
//! - [`Connection`] is the loop that reads, writes and keeps the timer, over any [`runtime::Io`].
//! - [`Driver`] is what a session sees of it: one call for each step, so that [`Session`], [`Body`] and
//!   [`Client`] are the same types on every runtime.
//! - [`dns`] has what a resolver answers, and who can be one.
//! - [`Server`], [`Connector`] and [`Message`] know the runtime, as they listen, connect and read.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod body;
mod client;
mod connection;
pub mod dns;
mod driver;
mod error;
mod network;
pub mod observer;
mod random;
pub mod runtime;
mod server;
mod session;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
#[cfg(feature = "tls")]
pub mod tls;
mod trace;

pub use smtp_proto as proto;

#[cfg(feature = "tls")]
pub use self::driver::Handshake;
pub use self::{
    body::{Body, BodyError},
    client::{
        Attempt, Client, ConnectError, Connector, Courier, InvalidProxy, InvalidProxyCredentials,
        MailData, Message, Pool, PoolConfig, PoolError, Pooled, Progress, Proxy, ProxyError, Relay,
        Target, Tls,
    },
    connection::Connection,
    driver::{Driver, Stream},
    error::Error,
    network::{Network, NotANetwork},
    observer::Observer,
    server::{Handle, NotARate, Rate, Refusal, Server, Service},
    session::{Backend, End, Facts, Recipient, Sender, Session, Waiting},
};
