//! Random numbers of the operating system, for the AUTH exchange.

use std::io;

use smtp_proto::auth::{Nonce, Secret};

/// A nonce that nobody can foresee.
pub(crate) fn nonce() -> io::Result<Nonce> {
    let mut octets = [0; 24];
    fill(&mut octets)?;
    Ok(Nonce::from_random(&octets))
}

/// A key that nobody can guess.
pub(crate) fn key() -> io::Result<Secret> {
    let mut octets = vec![0; 32];
    fill(&mut octets)?;
    Ok(octets.into())
}

fn fill(octets: &mut [u8]) -> io::Result<()> {
    getrandom::fill(octets).map_err(|error| io::Error::other(error.to_string()))
}
