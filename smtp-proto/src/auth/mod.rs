//! The AUTH exchange: base64, secrets and mechanisms (RFC 4954, RFC 4422).
//!
//! - [`Base64`] is what stands in an AUTH command or on a line of the exchange, checked strictly.
//! - [`Secret`] is what it decodes to: octets that are wiped when they are no longer needed and
//!   that no debug output shows.
//! - [`client::Mechanism`] and [`server::Mechanism`] are the two sides of a SASL mechanism; PLAIN
//!   (RFC 4616) and LOGIN are here, others can be implemented outside of this crate.

mod base64;
pub mod client;
mod secret;
pub mod server;

#[cfg(test)]
mod tests;

pub use base64::{Base64, encode, encoded_len};
pub use secret::Secret;
