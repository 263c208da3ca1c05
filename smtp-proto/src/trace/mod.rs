//! Trace fields: how a message came (RFC 5321 section 4.4; T-01 to T-12).
//!
//! [`Received`] is what a server puts in front of each message it takes for relay or delivery,
//! [`ReturnPath`] what final delivery puts in front of that; [`WithoutFields`] takes away the ones
//! that are there already. [`HeaderScanner`] reads the header section as it streams by: how often the
//! message was received before, and what it lacks. Nothing else of a message is touched.
//!
//! ```
//! # use smtp_proto::{date::{Date, Timestamp}, domain::{HelloName, Host}, path::ForwardPath};
//! # use smtp_proto::trace::{Received, Transmission};
//! let now = Date::utc(Timestamp::from_unix(1_767_614_400));
//! let with = Transmission { tls: true, ..Transmission::ESMTP };
//! let field = Received::new(Host::parse("mx.example.net")?, with.as_str(), now)
//!     .from(HelloName::parse("client.example.org")?, Some([192, 0, 2, 7].into()))
//!     .id("4Xyz1")
//!     .recipients([ForwardPath::parse("<bob@example.net>")?]);
//! assert_eq!(
//!     field.to_string(),
//!     "Received: from client.example.org ([192.0.2.7])\r\n\
//!      \tby mx.example.net with ESMTPS id 4Xyz1\r\n\
//!      \tfor <bob@example.net>; Mon, 05 Jan 2026 12:00:00 +0000\r\n",
//! );
//! # Ok::<(), smtp_proto::error::ParseError>(())
//! ```

pub(crate) mod fold;
mod keyword;
mod received;
mod return_path;
mod scan;
#[cfg(test)]
mod tests;
mod transmission;
mod without;

pub use self::received::{BadClause, Received};
pub use self::return_path::ReturnPath;
pub(crate) use self::scan::message_id;
pub use self::scan::{HeaderScanner, MAX_HOPS, MIN_HOPS};
pub use self::transmission::Transmission;
pub use self::without::WithoutFields;
