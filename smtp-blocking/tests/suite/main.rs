//! Client against server, and both against peers that misbehave, on threads and blocking streams: what holds
//! on every runtime.

mod rt;
#[path = "../../../tests/suite/mod.rs"]
mod suite;
