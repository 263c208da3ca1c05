//! The work whose cost is measured: of this project's core, of the limits of the machine, and of peers.
//!
//! Every function here does a known number of units of one kind of work (commands parsed, octets of
//! content, transactions) and nothing else, so that a benchmark is a call and a division. What has to be
//! there before is made outside, by the functions of [`corpus`] and the constructors.
//!
//! - [`corpus`]: what is parsed and sent.
//! - [`language`]: commands, replies, EHLO responses.
//! - [`content`]: dots removed and added.
//! - [`machine`]: whole transactions, server and client.
//! - [`hostile`]: what a peer may send to make us work.
//! - [`limits`]: finding line ends, and copying.
//! - [`peers`]: the same work by others.

pub mod content;
pub mod corpus;
pub mod hostile;
pub mod language;
pub mod limits;
pub mod machine;
pub mod peers;
