//! The calls that block, and what is hard where calls block: peers that are silent, slow or deaf, and ends.

#[cfg(feature = "dns")]
mod dns;
mod ends;
mod help;
mod mail;
mod peers;
mod relay;
