//! Client against server, and both against peers that misbehave, on smol: what holds on every runtime.

mod rt;
#[path = "../../../tests/suite/mod.rs"]
mod suite;
