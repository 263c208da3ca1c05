//! Delivery status notifications (RFC 3461, RFC 3464, RFC 6533; T-15 to T-29).
//!
//! What became of a recipient is an [`Event`]; whether the sender is told of it says
//! [`Event::report`]. A [`Report`] holds all that is told at once, and gives the envelope and the whole
//! message to send. [`DeliveryStatus`] reads what others have sent.
//!
//! Sending it, and telling the local postmaster when there is nobody to send it to, is the
//! application's.
//!
//! ```
//! # use bytes::Bytes;
//! # use smtp_proto::{date::{Date, Timestamp}, domain::Host, parameter::{MailParameters, RcptParameters}};
//! # use smtp_proto::{path::{ForwardPath, ReversePath}, status::EnhancedCode};
//! # use smtp_proto::report::{Event, Original, Recipient, Report};
//! let now = Date::utc(Timestamp::from_unix(1_767_614_400));
//! let sender = ReversePath::parse("<alice@example.org>")?;
//! let original = Original::new(sender, MailParameters::EMPTY, now);
//! let mut report = Report::new(original, Host::parse("mx.example.net")?, now, "5f2c9b");
//! let to = ForwardPath::parse("<bob@example.net>")?;
//! if let Some(action) = Event::Failed.report(None, None) {
//!     let status = EnhancedCode::new(5, 1, 1).unwrap();
//!     report.push(Recipient::new(to, RcptParameters::EMPTY, action, status));
//! }
//! if let Some(envelope) = report.envelope() {
//!     let message = report.write(&[Bytes::from_static(b"Subject: hello\r\n\r\nHello, Bob.\r\n")]);
//!     assert_eq!(envelope.recipient().path.to_string(), "<alice@example.org>");
//!     assert!(message.octets().starts_with(b"Date: Mon, 05 Jan 2026 12:00:00 +0000\r\n"));
//! }
//! # Ok::<(), smtp_proto::error::ParseError>(())
//! ```

mod envelope;
mod event;
mod fields;
mod message;
mod original;
mod read;
mod recipient;
#[cfg(test)]
mod tests;
mod transfer;

pub use self::envelope::ReportEnvelope;
pub use self::event::{Action, Event, Onward};
pub(crate) use self::fields::unescaped as plain_utf8_address;
pub use self::message::{MAX_RETURNED, Report, ReportMessage, Returned};
pub use self::original::Original;
pub use self::read::{DeliveryStatus, Fields, NotAStatus};
pub use self::recipient::{Recipient, status_of};
