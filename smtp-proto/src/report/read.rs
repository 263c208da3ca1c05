//! Reading a delivery status.

use alloc::{string::String, vec::Vec};

use super::Action;
use crate::status::EnhancedCode;

/// More fields than this in all are not read.
const MAX_FIELDS: usize = 10_000;

/// The part of a report for machines: `message/delivery-status` or its internationalized kin (RFC
/// 3464 section 2, RFC 6533 section 4.1), transfer encoding removed.
///
/// ```
/// # use smtp_proto::report::{Action, DeliveryStatus};
/// let status = DeliveryStatus::parse(
///     "Reporting-MTA: dns; mx.example\r\n\r\n\
///      Final-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n",
/// )?;
/// let bob = &status.recipients()[0];
/// assert_eq!(bob.action(), Some(Action::Failed));
/// assert_eq!(bob.typed("final-recipient"), Some(("rfc822", "bob@example.net")));
/// # Ok::<(), smtp_proto::report::NotAStatus>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStatus {
    message: Fields,
    recipients: Vec<Fields>,
}

/// Fields in a row, unfolded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

/// A text is no delivery status: no fields for the message and one recipient at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a delivery status")]
pub struct NotAStatus;

impl DeliveryStatus {
    /// Reads groups of fields between empty lines. Line ends may be CRLF or LF.
    ///
    /// # Errors
    ///
    /// [`NotAStatus`] for a line that is no field and continues none, for less than two groups, or a
    /// recipient that is not named; or more than 10,000 fields.
    pub fn parse(text: &str) -> Result<Self, NotAStatus> {
        let mut groups = alloc::vec![Fields::default()];
        let mut count = 0;
        for line in text.lines() {
            let line = line.trim_end_matches([' ', '\t', '\r']);
            let Some(group) = groups.last_mut() else { return Err(NotAStatus) };
            if line.is_empty() {
                if !group.0.is_empty() {
                    groups.push(Fields::default());
                }
                continue;
            }
            if line.starts_with([' ', '\t']) {
                let (_, value) = group.0.last_mut().ok_or(NotAStatus)?;
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(line.trim_start_matches([' ', '\t']));
                continue;
            }
            count += 1;
            let (name, value) = line.split_once(':').ok_or(NotAStatus)?;
            let name = name.trim_end_matches([' ', '\t']);
            let visible = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic());
            if !visible || count > MAX_FIELDS {
                return Err(NotAStatus);
            }
            group.0.push((String::from(name), String::from(value.trim_start_matches([' ', '\t']))));
        }
        if groups.last().is_some_and(|group| group.0.is_empty()) {
            groups.pop();
        }
        let mut groups = groups.into_iter();
        let message = groups.next().ok_or(NotAStatus)?;
        let recipients: Vec<Fields> = groups.collect();
        let named = recipients.iter().all(|of| of.typed("Final-Recipient").is_some());
        if recipients.is_empty() || !named {
            return Err(NotAStatus);
        }
        Ok(Self { message, recipients })
    }

    /// The fields of the message.
    #[must_use]
    pub const fn message(&self) -> &Fields {
        &self.message
    }

    /// The fields of each recipient.
    #[must_use]
    pub fn recipients(&self) -> &[Fields] {
        &self.recipients
    }
}

impl Fields {
    /// The value of the first field of a name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All fields, name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The type and the rest of a value such as `rfc822; bob@example.net`.
    #[must_use]
    pub fn typed(&self, name: &str) -> Option<(&str, &str)> {
        let (kind, value) = self.get(name)?.split_once(';')?;
        Some((kind.trim(), value.trim()))
    }

    /// `Action`
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        let word = self.get("Action")?.split([' ', '\t', '(']).next()?;
        Action::ALL.into_iter().find(|action| action.as_str().eq_ignore_ascii_case(word))
    }

    /// `Status`
    #[must_use]
    pub fn status(&self) -> Option<EnhancedCode> {
        EnhancedCode::parse(self.get("Status")?.as_bytes()).map(|(code, _)| code)
    }
}
