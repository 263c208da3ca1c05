//! Envelopes of messages that the crate `mail-parser` has read.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::iter;

use mail_parser::{Addr, Address, Header, HeaderValue, Message};

use super::{
    EnvelopeBuf, EnvelopeError, EnvelopeProblem,
    fields::Entry,
    written::{Written, written},
};

impl TryFrom<&Message<'_>> for EnvelopeBuf {
    type Error = EnvelopeError;

    /// As [`from_fields`](Self::from_fields). A parser that was told not to read these fields as addresses
    /// will not do, nor a message without its octets.
    ///
    /// An address is refused that the parser may not have read as it was meant: one that does not stand in
    /// the field as it was read, in one piece between commas or angle brackets. Blanks and comments may
    /// stand around an address, but not within it, where they are obsolete (RFC 5322 section 4.4); an
    /// encoded word is no address (RFC 2047 section 5); backslashes that the parser drops and octets that
    /// are no UTF-8 are of none. Refused is a field, too, with a comment, a quoted string or an angle
    /// bracket that has no end.
    fn try_from(message: &Message<'_>) -> Result<Self, EnvelopeError> {
        let raw = &message.raw_message;
        Self::of(message.headers().iter().map(|field| (field.name(), entries(field, raw))))
    }
}

fn entries<'m>(field: &'m Header<'_>, raw: &'m [u8]) -> Vec<Entry<'m>> {
    let addresses: &mut dyn Iterator<Item = &'m Addr<'_>> = match &field.value {
        HeaderValue::Address(Address::List(list)) => &mut list.iter(),
        HeaderValue::Address(Address::Group(groups)) => {
            &mut groups.iter().flat_map(|group| &group.addresses)
        }
        HeaderValue::Empty => &mut iter::empty(),
        HeaderValue::Text(text) => return alloc::vec![unreadable(text.as_bytes())],
        HeaderValue::TextList(texts) => {
            return texts.iter().map(|text| unreadable(text.as_bytes())).collect();
        }
        _ => return alloc::vec![unreadable(b"")],
    };
    // Where there is none it was a comment, or else it is missed below.
    let mut read = addresses.filter_map(|one| one.address.as_deref()).peekable();
    let octets = octets(field, raw);
    let Some(written) = written(octets) else {
        return alloc::vec![unreadable(octets.trim_ascii())];
    };
    let entry = |written: Written<'_>| {
        let same = read.next_if(|read| written.address == Some(read.as_bytes()));
        same.map_or_else(|| unreadable(written.text), Ok)
    };
    let mut entries: Vec<Entry<'m>> = written.into_iter().map(entry).collect();
    if read.next().is_some() {
        entries.push(unreadable(octets.trim_ascii()));
    }
    entries
}

/// The octets of a field, behind its name.
fn octets<'m>(field: &Header<'_>, raw: &'m [u8]) -> &'m [u8] {
    let [start, end] = [field.offset_start, field.offset_end].map(usize::try_from);
    match (start, end) {
        (Ok(start), Ok(end)) => raw.get(start..end).unwrap_or_default(),
        _ => &[],
    }
}

fn unreadable<'m>(text: &[u8]) -> Entry<'m> {
    Err(EnvelopeProblem::Unreadable { text: String::from_utf8_lossy(text).to_string() })
}
