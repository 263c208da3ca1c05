//! Envelopes of messages that the crate `mail-builder` is to write.

use alloc::{string::ToString, vec::Vec};

use mail_builder::{
    MessageBuilder,
    headers::{HeaderType, address::Address},
};

use super::{EnvelopeBuf, EnvelopeError, EnvelopeProblem, fields::Entry};

impl TryFrom<&MessageBuilder<'_>> for EnvelopeBuf {
    type Error = EnvelopeError;

    /// As [`from_fields`](Self::from_fields). A field that was given as text, and not as addresses, is
    /// refused.
    fn try_from(message: &MessageBuilder<'_>) -> Result<Self, EnvelopeError> {
        Self::of(message.headers.iter().map(|(name, value)| (name.trim(), entries(value))))
    }
}

fn entries<'m>(value: &'m HeaderType<'_>) -> Vec<Entry<'m>> {
    let unreadable =
        |text: &str| alloc::vec![Err(EnvelopeProblem::Unreadable { text: text.to_string() })];
    match value {
        HeaderType::Address(address) => {
            let mut entries = Vec::new();
            collect(address, &mut entries);
            entries
        }
        HeaderType::Text(text) => unreadable(&text.text),
        HeaderType::Raw(raw) => unreadable(&raw.raw),
        _ => unreadable(""),
    }
}

fn collect<'m>(address: &'m Address<'_>, entries: &mut Vec<Entry<'m>>) {
    let list = match address {
        Address::Address(one) => return entries.push(Ok(&one.email)),
        Address::Group(group) => &group.addresses,
        Address::List(list) => list,
    };
    list.iter().for_each(|address| collect(address, entries));
}
