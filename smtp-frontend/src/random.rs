//! Random numbers of the operating system, for the AUTH exchange and to spread load.

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

/// A number below this one, to spread load by; 0 below 0 and where there is no chance to be had.
pub(crate) fn below(bound: usize) -> usize {
    let mut octets = [0; 8];
    // Without chance the order is any, too.
    let _ = fill(&mut octets);
    let chance = u64::from_le_bytes(octets) as usize;
    chance.checked_rem(bound).unwrap_or_default()
}

fn fill(octets: &mut [u8]) -> io::Result<()> {
    getrandom::fill(octets).map_err(|error| io::Error::other(error.to_string()))
}
