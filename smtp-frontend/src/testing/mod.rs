//! What programs take for their own tests: the other side of a session, and what may happen in between.
//!
//! - [`ScriptedServer`] takes messages and does what a [`Script`] says, for tests of clients.
//! - [`ScriptedClient`] says lines and expects replies, for tests of servers.
//! - [`pipe()`] is a connection in memory, and [`Faulty`] a stream with faults on the way.
//!
//! The crate of a runtime gives these its own name, has [`Bind`] for it, and makes a stream of its own of any
//! [`Pipe`]; how all of it is used is told there, as in `smtp_tokio::testing`. In `smtp_blocking::testing` they
//! are calls that block.

mod board;
mod client;
mod faults;
mod gate;
mod letter;
mod logins;
mod pipe;
mod script;
mod server;
mod session;
mod transcript;

pub use self::{
    client::ScriptedClient,
    faults::{Faulty, Transit},
    gate::Gate,
    letter::{Addressee, Letter},
    pipe::{AsPipe, End, Pipe, pipe},
    script::{Act, At, Script},
    server::{Bind, ScriptedServer},
    transcript::{Transcript, Unmet},
};
