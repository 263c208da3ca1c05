//! The record of a session: what was said, by whom, and what came of it.
//!
//! It is made by the machines themselves, where it is known what a line means, so an adapter cannot
//! leak a password by logging octets. It costs nothing until it is switched on by
//! [`Wire::record`](crate::wire::Wire::record). From then on the session's [`Recorder`] holds
//! [entries](Entry), a bounded number of them, until they are [drained](Recorder::drain): to be
//! shown, or to be gathered in a [`Transcript`], which can be written to a file, read back, and
//! [replayed](replay) into a fresh machine.
//!
//! ```
//! use std::sync::Arc;
//! use smtp_proto::{
//!     domain::Host,
//!     server::{Config, Event, Server},
//!     transcript::{Content, Recording, Speaker, Transcript, replay::Replay},
//!     wire::{Endpoint, Step},
//! };
//! # use smtp_proto::bytes::Buf;
//! # fn play(server: &mut Server) {
//! #     loop {
//! #         match server.step() {
//! #             Step::Write => {
//! #                 let output = server.wire().output();
//! #                 output.advance(output.remaining());
//! #             }
//! #             Step::Event => match server.event() {
//! #                 Some(Event::Connected(client)) => client.accept(),
//! #                 Some(Event::Hello(hello)) => hello.accept(),
//! #                 Some(Event::Mail(mail)) => mail.accept(),
//! #                 Some(Event::Rcpt(rcpt)) => rcpt.accept(),
//! #                 Some(Event::Data(data)) => data.accept(),
//! #                 Some(Event::Delivery(delivery)) => delivery.accept(),
//! #                 _ => {}
//! #             },
//! #             _ => return,
//! #         }
//! #     }
//! # }
//! let config = Arc::new(Config::new(Host::parse("mx.example")?));
//! let mut server = Server::new(Arc::clone(&config));
//! server.wire().record(Recording::from(Content::Kept { limit: 1000 }));
//! # play(&mut server);
//! # for octets in [&b"EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@mx.example>\r\nDATA\r\n"[..],
//! #     b"Subject: hello\r\n\r\n.\r\nQUIT\r\n"] {
//! #     assert_eq!(server.wire().receive(octets), octets.len());
//! #     play(&mut server);
//! # }
//! // … the session goes on as in any other application, and then:
//! let mut transcript = Transcript::new(Speaker::Server);
//! if let Some(recorder) = server.wire().transcript() {
//!     transcript.take(recorder);
//! }
//! let file = transcript.to_string();
//! assert!(file.contains("\nC: MAIL FROM:<>\naccept\nS: 250 2.1.0 MAIL accepted\n"), "{file}");
//! assert!(file.contains("\nC| Subject: hello\nC| \nC.\naccept\nS: 250 "), "{file}");
//! let read: Transcript = file.parse()?;
//! assert_eq!(read, transcript);
//!
//! let mut message = Vec::new();
//! let replayed = Replay::new(&read).serve(Server::new(config), |event| {
//!     if let Event::Body(octets) = event {
//!         message.extend_from_slice(octets);
//!     }
//! })?;
//! assert_eq!(message, b"Subject: hello\r\n\r\n");
//! assert!(replayed.is_faithful());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Secrets
//!
//! Of the AUTH exchange only the mechanism is recorded, and how long each response and challenge is;
//! a mechanism that is not known is masked too, as people misplace passwords, and so is what a client
//! says behind an AUTH command that was refused, up to its next command. Of a BURL command the token
//! is masked that gives access to the message (RFC 4467). Content is recorded only where
//! [`Content::Kept`] asks for it. All else is recorded as it was said: addresses are personal data.
//!
//! # The file form
//!
//! Text close to the way RFC 5321 appendix D writes sessions. The first line is `smtp-transcript 1`
//! and the side that was recorded, `client` or `server`; then one or more lines for each entry:
//!
//! | line | means |
//! | --- | --- |
//! | `C: text` | the client said this line |
//! | `S: text` | the server said this line; with the last line of a reply the reply is whole |
//! | `S> text` | the same, but nothing is added to it: a line that does not end with CRLF |
//! | `C* text`, `S* text`, `S+ text` | as `C:`, `S:`, `S>`, with a secret in it: each `*` is an octet of it, each `#` an octet of one that was malformed |
//! | `C\| text`, `C+ text` | a line of content as it is on the wire, dots added; with `+` no CRLF follows |
//! | `C- 1200` | so many octets of content that were not kept |
//! | `C.` | the line with the dot that ends the content |
//! | `B\| text`, `B+ text`, `B- 1200` | the same of a BDAT chunk |
//! | `C~ 5000 AUTH` | a line of so many octets, too long to be read, and its verb |
//! | `C? text`, `S? text`, `C# text`, `S# text` | octets that are no SMTP; with `#` secrets are masked |
//! | `C^ 12`, `S^ 12` | so many octets came with what was said before, and were not read |
//! | `accept`, `accept text`, `accept 251 2.1.5 text` | what the application answered; `-` for a code that was not set |
//! | `reject 550 5.1.1 text`, `challenge 24` | the same; of a challenge its length |
//! | `with MT-PRIORITY 3` | what it set before that |
//! | `shutdown 421 4.3.2 text`, `abort …`, `refuse …` | what the application did unasked |
//! | `tls`, `expire`, `expire unread`, `eof` | the handshake is done; the timer ran out, perhaps with the peer not even reading; the peer closed |
//! | `channel tls-exporter certificate` | what TLS brings to the AUTH exchange: the kinds of binding data there are, never the data, and that the client has shown a certificate |
//! | `forgiven bare_newline` | something was forgiven: the switch of the profile that allowed it |
//! | `proxy text`, `# text` | addresses of a PROXY header; a remark |
//! | `dropped 12` | so many entries are missing at the beginning |
//!
//! In texts `\\`, `\r`, `\n`, `\t`, `\0` and `\xHH` are escapes. Control characters, characters that
//! have no width or turn the direction of writing, octets that are not UTF-8 and a blank at the end of
//! a line are always written as escapes: nothing that a peer says can begin a line of its own, hide in
//! one, or move the cursor of a terminal. Empty lines are skipped.
//!
//! What was recorded is read back as the same value. A file that was cut is read as far as its last
//! whole line.

mod document;
mod entry;
mod mask;
mod read;
mod recorder;
pub mod replay;
mod show;
#[cfg(test)]
mod tests;
mod write;

pub use self::{
    document::Transcript,
    entry::{Answer, Body, Call, ChannelFacts, Entry, Speaker, Spoken},
    read::{FormError, Problem},
    recorder::{Content, Recorder, Recording},
    write::Lines,
};
