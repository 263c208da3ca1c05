//! Client against server, and both against peers that misbehave, on tokio: what holds on every runtime,
//! and long times, which tokio's clock can jump over.

mod rt;
#[path = "../../../tests/suite/mod.rs"]
mod suite;
mod timeouts;
