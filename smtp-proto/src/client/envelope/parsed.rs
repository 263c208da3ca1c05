//! Envelopes of messages that the crate `mail-parser` has read.

use alloc::{string::ToString, vec::Vec};

use mail_parser::{Addr, Address, HeaderValue, Message};

use super::{EnvelopeBuf, EnvelopeError, EnvelopeProblem, fields::Entry};

impl TryFrom<&Message<'_>> for EnvelopeBuf {
    type Error = EnvelopeError;

    /// As [`from_fields`](Self::from_fields). A parser that was told not to read these fields as addresses
    /// will not do. An address is refused that the parser may not have read as it was meant: with a
    /// backslash, or with octets that are no UTF-8.
    fn try_from(message: &Message<'_>) -> Result<Self, EnvelopeError> {
        Self::of(message.headers().iter().map(|field| (field.name(), entries(&field.value))))
    }
}

fn entries<'m>(value: &'m HeaderValue<'_>) -> Vec<Entry<'m>> {
    let unreadable = |text: &str| Err(EnvelopeProblem::Unreadable { text: text.to_string() });
    match value {
        HeaderValue::Address(Address::List(list)) => list.iter().map(entry).collect(),
        HeaderValue::Address(Address::Group(groups)) => {
            groups.iter().flat_map(|group| &group.addresses).map(entry).collect()
        }
        HeaderValue::Empty => Vec::new(),
        HeaderValue::Text(text) => alloc::vec![unreadable(text)],
        HeaderValue::TextList(texts) => texts.iter().map(|text| unreadable(text)).collect(),
        _ => alloc::vec![unreadable("")],
    }
}

fn entry<'m>(address: &'m Addr<'_>) -> Entry<'m> {
    match (&address.address, &address.name) {
        // It drops backslashes, but not those that stand for themselves, and shows octets that are no
        // UTF-8 as U+FFFD.
        (Some(text), _) if !text.contains(['\\', '\u{fffd}']) => Ok(text),
        (Some(text), _) | (None, Some(text)) => {
            Err(EnvelopeProblem::Unreadable { text: text.to_string() })
        }
        (None, None) => Err(EnvelopeProblem::NoAddress),
    }
}
