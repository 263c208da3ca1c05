//! SMTP and LMTP without I/O.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::as_conversions
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod answer;
pub mod auth;
pub mod client;
pub mod command;
pub mod data;
pub mod domain;
pub mod error;
pub mod extension;
pub mod fault;
mod grammar;
pub mod limits;
pub mod parameter;
pub mod path;
pub mod profile;
pub mod reply;
pub mod sequence;
pub mod server;
pub mod status;
pub mod transcript;
pub mod wire;
pub mod xtext;
