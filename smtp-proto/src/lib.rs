//! SMTP and LMTP as sans-IO state machines: client and server, one core, `no_std`.
//!
//! ```text
//!            octets in                                    events: questions, news
//!  socket ───────────────▶ ┌────────────────────────────┐ ───────────────────────▶  your
//!  of any                  │  Wire   │ Server or Client │                          application
//!  runtime ◀────────────── └────────────────────────────┘ ◀───────────────────────
//!            octets out                                   answers, commands
//! ```
//!
//! **Ask [`step`](wire::Endpoint::step) what to do, do it, ask again.** Nothing in this crate reads,
//! writes, waits, spawns or looks at a clock. The loop is the same for both roles:
//!
//! ```
//! use std::sync::Arc;
//! use smtp_proto::{
//!     domain::Host,
//!     server::{Config, Event, Server},
//!     wire::{Endpoint, Step},
//! };
//! # use smtp_proto::bytes::Buf;
//! # let mut script: Vec<&[u8]> = vec![
//! #     b"EHLO client.example\r\n",
//! #     b"MAIL FROM:<a@client.example>\r\nRCPT TO:<b@mx.example>\r\nDATA\r\n",
//! #     b"Subject: hello\r\n\r\n..and a dot\r\n.\r\nQUIT\r\n",
//! # ];
//! # script.reverse();
//! # let mut written = Vec::new();
//! let host = Host::parse("mx.example")?;
//! let mut server = Server::new(Arc::new(Config::new(host)));
//! let mut message = Vec::new();
//! loop {
//!     match server.step() {
//!         // 1. Read: octets of the peer go in. (A socket's `read` into `wire().spare()`, then
//!         //    `wire().received(n)`, is the other way.)
//!         Step::Read => {
//!             let octets = script.pop().unwrap_or_default();
//!             # assert!(!octets.is_empty(), "the script is too short");
//!             assert_eq!(server.wire().receive(octets), octets.len());
//!         }
//!         // 2. Write: what the machine has to say goes out, in as few writes as possible.
//!         Step::Write => {
//!             let output = server.wire().output();
//!             written.extend_from_slice(output.chunk());
//!             let n = output.chunk().len();
//!             output.advance(n);
//!         }
//!         // 3. Event: a question is answered by its token; news is told once.
//!         Step::Event => match server.event() {
//!             Some(Event::Connected(client)) => client.accept(),
//!             Some(Event::Hello(hello)) => hello.accept(),
//!             Some(Event::Mail(mail)) => mail.accept(),
//!             Some(Event::Rcpt(rcpt)) => rcpt.accept(),
//!             Some(Event::Data(data)) => data.accept(),
//!             Some(Event::Body(octets)) => message.extend_from_slice(&octets),
//!             Some(Event::Delivery(delivery)) => delivery.accept(),
//!             Some(_) | None => {}
//!         },
//!         // 4. Idle: a client waits for its caller. 5. Close: it is over.
//!         Step::Idle | Step::Close => break,
//!     }
//! }
//! assert_eq!(message, b"Subject: hello\r\n\r\n.and a dot\r\n");
//! # let written = String::from_utf8(written)?;
//! # assert!(written.starts_with("220 mx.example ESMTP\r\n250-mx.example\r\n250-PIPELINING\r\n"));
//! # assert!(written.ends_with("221 2.0.0 mx.example closing, goodbye\r\n"), "{written}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An adapter also keeps [one timer](wire::Timer) and, when asked by an event, starts TLS. That is
//! all: [`porting`] has a whole driver, for streams that block.
//!
//! # Where to go next
//!
//! - [`server`] and [`client`]: the two machines. [`client::Opening`] and [`client::Transaction`] do
//!   what most clients want, whole; [`client::EnvelopeBuf`] makes an envelope of a message.
//! - [`command`], [`reply`], [`path`], [`parameter`], [`extension`]: the language, to parse and to
//!   write. A value that exists can be sent: no argument, parameter or text can carry a line end.
//! - [`sequence`]: which command may come when, one table for both sides.
//! - [`data`]: transparency, line ends, and where a message ends.
//! - [`trace`]: `Received:` and `Return-Path:`, and what a header section says; [`date`]: its dates.
//! - [`report`]: delivery reports, to decide on, to write and to read.
//! - [`relay`]: what a relay decides between its server and its client.
//! - [`upstream`]: what a proxy or filter tells of the client it speaks for (XCLIENT, XFORWARD).
//! - [`auth`]: the AUTH exchange, and secrets that are masked and wiped.
//! - [`transcript`]: what was said, as entries and as a file, and its replay.
//! - [`wire`]: all that an adapter touches; [`porting`]: how to write one.
//!
//! # What it stands on
//!
//! Section numbers without a document are those of RFC 5321. Ids such as F-05 or S-53 name rows of the
//! project's conformance page. No input makes this crate panic; every buffer has a bound; there is no
//! `unsafe` in it.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]
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
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod answer;
pub mod auth;
pub mod client;
pub mod command;
pub mod data;
pub mod date;
mod decimal;
pub mod domain;
pub mod error;
pub mod extension;
pub mod fault;
mod grammar;
pub mod limits;
pub mod parameter;
pub mod path;
pub mod porting;
pub mod profile;
pub mod proxy;
pub mod relay;
pub mod reply;
pub mod report;
pub mod sequence;
pub mod server;
pub mod status;
pub mod trace;
pub mod transcript;
pub mod upstream;
mod utf8;
pub mod wire;
pub mod xtext;

#[cfg(test)]
mod tests;

pub use bytes;
