//! The AUTH exchange: base64, secrets and mechanisms (RFC 4954, RFC 4422).
//!
//! - [`Base64`] is what stands in an AUTH command or on a line of the exchange, checked strictly.
//! - [`Secret`] is what it decodes to: octets that are wiped when they are no longer needed and
//!   that no debug output shows.
//! - [`client::Mechanism`] and [`server::Mechanism`] are the two sides of a SASL mechanism. Those of
//!   [`Known`] are here; others can be implemented outside of this crate.
//! - [`Channel`] is what TLS brings to an exchange: channel binding data, and whether the client has
//!   shown a certificate.
//!
//! PLAIN, LOGIN, OAUTHBEARER, XOAUTH2, EXTERNAL and ANONYMOUS need nothing but text. What needs hashes
//! and tables comes with the feature `sasl`: SCRAM, CRAM-MD5, SASLprep, and the client's own choice
//! among all of them.

mod base64;
mod channel;
pub mod client;
mod known;
mod nonce;
mod saslname;
#[cfg(feature = "sasl")]
mod saslprep;
#[cfg(feature = "sasl")]
mod scram;
mod secret;
pub mod server;

#[cfg(test)]
mod tests;

pub use self::{
    base64::{Base64, encode, encoded_len},
    channel::{Binding, Channel},
    known::Known,
    nonce::{InvalidNonce, Nonce},
    secret::Secret,
};
#[cfg(feature = "sasl")]
pub use self::{
    channel::server_end_point,
    saslprep::{Prohibited, saslprep},
    scram::{
        DEFAULT_ITERATIONS, InvalidVerifier, MAX_ITERATIONS, MIN_ITERATIONS, ScramHash, Verifier,
    },
};
