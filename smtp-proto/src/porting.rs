//! Port the core to your runtime: a page to read, with a whole driver that is compiled and run.
//!
//! A driver has three parts: octets in, octets out, and one [timer](crate::wire::Timer). It knows no rule
//! of SMTP, is the same for both roles, and fits any stream. This one blocks:
//!
//! ```
//! use std::{
//!     io::{self, ErrorKind, Read, Write},
//!     net::{TcpListener, TcpStream},
//!     sync::Arc,
//!     time::{Duration, Instant},
//! };
//! use smtp_proto::{
//!     bytes::{Buf, Bytes},
//!     client::{self, Client, Envelope, Opening, OpeningStep, TlsUse, Transaction, TransactionStep},
//!     domain::{HelloName, Host}, fault::Fault, parameter::Parameters, path::{ForwardPath, ReversePath},
//!     server::{self, Server},
//!     wire::{Endpoint, Step},
//! };
//!
//! /// What is asked of a stream: a read or write that takes longer fails.
//! trait Stream: Read + Write {
//!     fn set_timeout(&mut self, time: Duration) -> io::Result<()>;
//! }
//!
//! impl Stream for TcpStream {
//!     fn set_timeout(&mut self, time: Duration) -> io::Result<()> {
//!         self.set_read_timeout(Some(time)).and_then(|()| self.set_write_timeout(Some(time)))
//!     }
//! }
//!
//! struct Driver<S, E> {
//!     stream: S,
//!     machine: E,
//!     lap: Option<u32>,
//!     left: Duration, // of this lap: only what is spent on the peer counts
//! }
//!
//! impl<S: Stream, E: Endpoint> Driver<S, E> {
//!     fn new(stream: S, machine: E) -> Self {
//!         Self { stream, machine, lap: None, left: Duration::ZERO }
//!     }
//!
//!     /// Until there is something to do for the caller, who may have more to say before the peer does.
//!     fn next(&mut self, until_written: bool) -> io::Result<Step> {
//!         loop {
//!             let step = self.machine.step();
//!             match step {
//!                 Step::Read if until_written => return Ok(step),
//!                 Step::Read | Step::Write => {}
//!                 Step::Event | Step::Idle | Step::Close => return Ok(step),
//!             }
//!             let begun = Instant::now();
//!             let moved = self.transfer(step);
//!             self.left = self.left.saturating_sub(begun.elapsed());
//!             match moved.map_err(|error| (error.kind(), error)) {
//!                 Ok(()) | Err((ErrorKind::Interrupted, _)) => {}
//!                 Err((ErrorKind::TimedOut | ErrorKind::WouldBlock, _)) => {
//!                     self.machine.wire().expire(); // the machine says and does what follows
//!                     self.lap = None;
//!                 }
//!                 Err((_, error)) => return Err(error),
//!             }
//!         }
//!     }
//!
//!     fn transfer(&mut self, step: Step) -> io::Result<()> {
//!         let wire = self.machine.wire();
//!         if self.lap.replace(wire.timer().lap) != Some(wire.timer().lap) {
//!             self.left = wire.timer().after;
//!         } else if self.left.is_zero() {
//!             return Err(ErrorKind::TimedOut.into());
//!         }
//!         self.stream.set_timeout(self.left.max(Duration::from_millis(1)))?;
//!         if step == Step::Read {
//!             let read = self.stream.read(wire.spare())?;
//!             wire.received(read);
//!             return Ok(());
//!         }
//!         match self.stream.write(wire.output().chunk())? {
//!             0 => return Err(ErrorKind::WriteZero.into()),
//!             written => wire.output().advance(written),
//!         }
//!         if wire.output().has_remaining() { Ok(()) } else { self.stream.flush() }
//!     }
//! }
//!
//! fn serve(stream: impl Stream, host: Host<'_>) -> io::Result<Vec<Vec<u8>>> {
//!     let machine = Server::new(Arc::new(server::Config::new(host)));
//!     let mut driver = Driver::new(stream, machine);
//!     let (mut message, mut kept) = (Vec::new(), Vec::new());
//!     while driver.next(false)? == Step::Event {
//!         use server::Event::*;
//!         match driver.machine.event() {
//!             Some(Connected(client)) => client.accept(),
//!             Some(Hello(hello)) => hello.accept(),
//!             Some(Mail(mail)) => mail.accept(),
//!             Some(Rcpt(rcpt)) => rcpt.accept(),
//!             Some(Data(data)) => data.accept(),
//!             Some(Body(octets)) => message.extend_from_slice(&octets),
//!             Some(Delivery(delivery)) => {
//!                 kept.push(std::mem::take(&mut message)); // store it, and then
//!                 delivery.accept();
//!             }
//!             Some(Verify(query)) => query.cannot_verify(),
//!             Some(Reset) => message.clear(),
//!             Some(Leniency(_) | Fault(_)) | None => {}
//!             // A question that is not answered is asked for ever; the others are not offered here.
//!             Some(_) => return Err(ErrorKind::Unsupported.into()),
//!         }
//!     }
//!     Ok(kept)
//! }
//!
//! type Fallible<T> = Result<T, Box<dyn std::error::Error>>;
//!
//! fn send(stream: impl Stream, envelope: Envelope<'_>, content: Bytes) -> Fallible<client::Report> {
//!     let mut driver = Driver::new(stream, Client::new(client::Config::default()));
//!     let mut opening = Opening::new(HelloName::parse("client.example")?, TlsUse::None);
//!     loop {
//!         match opening.next(&mut driver.machine) {
//!             OpeningStep::Ready => break,
//!             OpeningStep::Failed(error) => return Err(error.into()),
//!             OpeningStep::Await => {}
//!         }
//!         match (driver.next(false)?, driver.machine.event()) {
//!             (_, Some(client::Event::Reply { to, reply })) => opening.reply(to, reply),
//!             (_, Some(client::Event::Fault(fault))) => opening.fault(fault),
//!             (Step::Event, _) => {}
//!             _ => opening.fault(Fault::Closed),
//!         }
//!     }
//!     let survey = client::Content { size: Some(content.len() as u64), ..Default::default() };
//!     let mut transaction = Transaction::new(envelope, survey, Default::default());
//!     loop {
//!         let wants = transaction.next(&mut driver.machine)?;
//!         match wants {
//!             TransactionStep::Done => break,
//!             TransactionStep::Rewind => { transaction.rewound(); continue }
//!             TransactionStep::Await | TransactionStep::Body => {}
//!         }
//!         // A session that breaks is told to the transaction: each recipient has its outcome.
//!         let step = driver.next(wants == TransactionStep::Body).unwrap_or(Step::Close);
//!         match (step, driver.machine.event()) {
//!             (_, Some(client::Event::Reply { to, reply })) => transaction.reply(to, reply),
//!             (_, Some(client::Event::Fault(fault))) => transaction.fault(&driver.machine, fault),
//!             (Step::Idle | Step::Read, _) if wants == TransactionStep::Body => {
//!                 transaction.body(&mut driver.machine, content.clone())?;
//!                 transaction.end_of_body(&mut driver.machine)?;
//!             }
//!             (Step::Event, _) => {}
//!             _ => transaction.fault(&driver.machine, Fault::Closed),
//!         }
//!     }
//!     if driver.machine.quit().is_ok() {
//!         while let Ok(Step::Event) = driver.next(false) { let _ = driver.machine.event(); }
//!     }
//!     Ok(transaction.report())
//! }
//!
//! # fn main() -> Fallible<()> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let stream = TcpStream::connect(listener.local_addr()?)?;
//! let serving = std::thread::spawn(move || {
//!     serve(listener.accept()?.0, Host::parse("mx.example").map_err(io::Error::other)?)
//! });
//! let envelope = Envelope {
//!     reverse_path: ReversePath::parse("<tim@client.example>")?,
//!     parameters: Parameters::EMPTY,
//!     recipients: &[ForwardPath::parse("<ann@mx.example>")?.into()],
//! };
//! let content = Bytes::from_static(b"Subject: hi\r\n\r\n..and a dot\r\n");
//! assert!(send(stream, envelope, content.clone())?.all_delivered());
//! assert_eq!(serving.join().unwrap()?, [content]);
//! # // A peer that keeps silent, or goes on for ever without a line's end, has only so much time.
//! # struct Trickle { silent: bool, said: Vec<u8> }
//! # impl Read for Trickle {
//! #     fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
//! #         if self.silent { return Err(ErrorKind::WouldBlock.into()); }
//! #         std::thread::yield_now();
//! #         buffer[0] = b'x';
//! #         Ok(1)
//! #     }
//! # }
//! # impl Write for Trickle {
//! #     fn write(&mut self, octets: &[u8]) -> io::Result<usize> { self.said.write(octets) }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # impl Stream for Trickle {
//! #     fn set_timeout(&mut self, _: Duration) -> io::Result<()> { Ok(()) }
//! # }
//! # for silent in [true, false] {
//! #     let mut config = server::Config::new(Host::parse("mx.example")?);
//! #     config = config.limits(|limits| (limits.command_line, limits.endless_line) = (1 << 22, 1 << 22));
//! #     let mut timeouts = smtp_proto::limits::ServerTimeouts::default();
//! #     timeouts.command = Duration::from_millis(5);
//! #     let machine = Server::new(Arc::new(config.timeouts(timeouts)));
//! #     let mut driver = Driver::new(Trickle { silent, said: Vec::new() }, machine);
//! #     while driver.next(false)? == Step::Event {
//! #         if let Some(server::Event::Connected(client)) = driver.machine.event() { client.accept() }
//! #     }
//! #     let said = String::from_utf8(driver.stream.said)?;
//! #     assert!(said.starts_with("220 ") && said.contains("\r\n421 4.4.2 "), "{said}");
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # What a driver for programs has besides
//!
//! - **It reads while a write waits**, as long as [`room`](crate::wire::Wire::room) is not zero: two peers
//!   that both write and do not read wait for each other (RFC 2920 section 3.1). Where a stream blocks, it
//!   is a write that had to wait for a while behind which to read; here the timer ends such a session.
//! - **It reads once more when a write fails**: who hangs up may have said why.
//! - **TLS**: at `UpgradeTls` of [either](crate::server::Event::UpgradeTls)
//!   [role](crate::client::Event::UpgradeTls) it makes the handshake on the stream, within the timer, and
//!   then calls `tls_started`. Where none is offered or wanted, as here, the event does not come.
//! - It hands all [`chunks`](crate::wire::Output::chunks) to one vectored write, reads into a buffer that
//!   sessions share unless [`bulk`](crate::wire::Wire::bulk) content comes, and calls
//!   [`relax`](crate::wire::Wire::relax) before it waits.
//! - A client looks at its content first, by a [`Survey`](crate::client::Survey): 8-bit content has to be
//!   declared.
//!
//! `smtp-frontend` has all that, for runtimes that poll, behind a few traits; `smtp-blocking` has it for threads.
