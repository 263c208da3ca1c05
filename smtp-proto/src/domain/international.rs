//! A-labels and U-labels (RFC 5890 section 2.3.2.1; G-18), by UTS #46 without its transitional
//! mappings. Its tables let symbols pass as well, which RFC 5892 does not.

use alloc::borrow::Cow;

#[cfg(feature = "idna")]
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// A name in A-labels; capitals and other forms of letters are mapped (RFC 5895). The ASCII in it is
/// the caller's to check. `None` for what is no name.
#[cfg(feature = "idna")]
pub(super) fn to_a_labels(name: &str) -> Option<Cow<'_, str>> {
    let (ascii, hyphens) = (AsciiDenyList::EMPTY, Hyphens::CheckFirstLast);
    Uts46::new().to_ascii(name.as_bytes(), ascii, hyphens, DnsLength::Verify).ok()
}

/// A name in U-labels. `None` where an A-label stands for nothing.
#[cfg(feature = "idna")]
pub(super) fn to_u_labels(name: &str) -> Option<Cow<'_, str>> {
    let (ascii, hyphens) = (AsciiDenyList::EMPTY, Hyphens::CheckFirstLast);
    let (labels, result) = Uts46::new().to_unicode(name.as_bytes(), ascii, hyphens);
    result.ok().map(|()| labels)
}

/// Whether each label beyond ASCII is a U-label: what its A-label stands for is the label itself, so
/// that it is in NFC and in lower case.
#[cfg(feature = "idna")]
pub(super) fn has_u_labels_only(domain: &str) -> bool {
    let Some(a_labels) = to_a_labels(domain) else { return false };
    let Some(u_labels) = to_u_labels(&a_labels) else { return false };
    domain.split('.').zip(u_labels.split('.')).all(|(label, u_label)| {
        // RFC 5891 section 4.2.3.1
        let reserved = label.chars().skip(2).take(2).eq("--".chars());
        label.is_ascii() || (label.eq_ignore_ascii_case(u_label) && !reserved)
    })
}

#[cfg(not(feature = "idna"))]
pub(super) fn to_a_labels(name: &str) -> Option<Cow<'_, str>> {
    name.is_ascii().then_some(Cow::Borrowed(name))
}

#[cfg(not(feature = "idna"))]
pub(super) const fn to_u_labels(name: &str) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(name))
}

#[cfg(not(feature = "idna"))]
pub(super) const fn has_u_labels_only(_: &str) -> bool {
    true
}
