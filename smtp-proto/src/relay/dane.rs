//! DANE: what DNS says of a host's certificate (RFC 7672, RFC 6698).

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use super::HostName;

/// More octets than this are no TLSA data of use.
const MAX_DATA: usize = 16 * 1024;

/// A TLSA record (RFC 6698 section 2.1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tlsa {
    usage: u8,
    selector: u8,
    matching: u8,
    data: Box<[u8]>,
}

/// Octets or a text are no TLSA record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a TLSA record")]
pub struct NotTlsa;

/// What a record that can be used says (RFC 7672 section 3.1; L-27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsaUsage {
    /// 2: the chain must lead to this certificate, and the server's must have the right name and be
    /// valid now.
    TrustAnchor,
    /// 3: the server's certificate is this one. Neither its name nor its dates count.
    EndEntity,
}

/// Which octets of a certificate a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsaSelector {
    /// 0: the whole certificate, in DER.
    Certificate,
    /// 1: its SubjectPublicKeyInfo, in DER.
    PublicKey,
}

/// What a record has of those octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsaMatching {
    /// 0: themselves.
    Exact,
    /// 1: their SHA-256.
    Sha256,
    /// 2: their SHA-512.
    Sha512,
}

/// The hash functions of records; this crate has none.
pub trait TlsaDigest {
    /// SHA-256.
    fn sha256(&self, octets: &[u8]) -> [u8; 32];
    /// SHA-512.
    fn sha512(&self, octets: &[u8]) -> [u8; 64];
}

/// A certificate that a server presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented<'a> {
    /// All of it, in DER.
    pub certificate: &'a [u8],
    /// Its SubjectPublicKeyInfo, in DER.
    pub public_key: &'a [u8],
}

impl Tlsa {
    /// Where the records of a host and port are: `_25._tcp.` before its name (RFC 7672 section 2.2.2).
    #[must_use]
    pub fn name(host: &HostName, port: u16) -> String {
        alloc::format!("_{port}._tcp.{host}")
    }

    /// Reads the data of a record as DNS carries it.
    ///
    /// # Errors
    ///
    /// [`NotTlsa`] for less than three octets in front of the data.
    pub fn parse(rdata: &[u8]) -> Result<Self, NotTlsa> {
        let (&[usage, selector, matching], data) = rdata.split_first_chunk().ok_or(NotTlsa)?;
        if data.len() > MAX_DATA {
            return Err(NotTlsa);
        }
        Ok(Self { usage, selector, matching, data: data.into() })
    }

    /// Reads a record as it is written: `3 1 1 0B9FA5…`, blanks among the digits allowed (RFC 6698
    /// section 2.2).
    ///
    /// # Errors
    ///
    /// [`NotTlsa`].
    pub fn parse_text(text: &str) -> Result<Self, NotTlsa> {
        let mut words = text.split_ascii_whitespace();
        let mut number = || {
            let word = words.next().filter(|word| word.bytes().all(|octet| octet.is_ascii_digit()));
            word.and_then(|word| word.parse().ok()).ok_or(NotTlsa)
        };
        let (usage, selector, matching) = (number()?, number()?, number()?);
        let digits: Vec<u8> = words.flat_map(str::bytes).take(2 * MAX_DATA + 1).collect();
        let (pairs, rest) = digits.as_chunks::<2>();
        if !rest.is_empty() || digits.len() > 2 * MAX_DATA {
            return Err(NotTlsa);
        }
        let octet = |&[high, low]: &[u8; 2]| {
            let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
            Some(digit(high)? << 4 | digit(low)?)
        };
        let data: Option<Vec<u8>> = pairs.iter().map(octet).collect();
        Ok(Self { usage, selector, matching, data: data.ok_or(NotTlsa)?.into() })
    }

    /// The usage; `None` for one that does not count for mail: the PKIX ones, 0 and 1, too (RFC 7672
    /// section 3.1.3).
    #[must_use]
    pub const fn usage(&self) -> Option<TlsaUsage> {
        match self.usage {
            2 => Some(TlsaUsage::TrustAnchor),
            3 => Some(TlsaUsage::EndEntity),
            _ => None,
        }
    }

    /// The selector, if it is known.
    #[must_use]
    pub const fn selector(&self) -> Option<TlsaSelector> {
        match self.selector {
            0 => Some(TlsaSelector::Certificate),
            1 => Some(TlsaSelector::PublicKey),
            _ => None,
        }
    }

    /// The matching type, if it is known.
    #[must_use]
    pub const fn matching(&self) -> Option<TlsaMatching> {
        match self.matching {
            0 => Some(TlsaMatching::Exact),
            1 => Some(TlsaMatching::Sha256),
            2 => Some(TlsaMatching::Sha512),
            _ => None,
        }
    }

    /// The octets, or their digest.
    #[must_use]
    pub const fn data(&self) -> &[u8] {
        &self.data
    }

    /// Whether the record says something that can be checked (RFC 7672 section 2.1.1).
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let fits = match self.matching() {
            Some(TlsaMatching::Exact) => !self.data.is_empty(),
            Some(TlsaMatching::Sha256) => self.data.len() == 32,
            Some(TlsaMatching::Sha512) => self.data.len() == 64,
            None => false,
        };
        fits && self.usage().is_some() && self.selector().is_some()
    }

    /// Whether the record is about this certificate.
    #[must_use]
    pub fn is_about(&self, presented: &Presented<'_>, digest: &impl TlsaDigest) -> bool {
        let octets = match self.selector() {
            Some(TlsaSelector::Certificate) => presented.certificate,
            Some(TlsaSelector::PublicKey) => presented.public_key,
            None => return false,
        };
        match self.matching() {
            Some(TlsaMatching::Exact) => *self.data == *octets,
            Some(TlsaMatching::Sha256) => *self.data == digest.sha256(octets),
            Some(TlsaMatching::Sha512) => *self.data == digest.sha512(octets),
            None => false,
        }
    }
}

/// `3 1 1 0b9fa5…`
impl fmt::Display for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.usage, self.selector, self.matching)?;
        self.data.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tlsa({self})")
    }
}

/// What DNS said when it was asked for a host's TLSA records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsaAnswer {
    /// These, and DNSSEC vouches for them.
    Secure(Vec<Tlsa>),
    /// There are none, or DNSSEC does not vouch for what there is; also where the host's own
    /// addresses, or the MX records that lead to it, are not vouched for (RFC 7672 section 2.2).
    Insecure,
    /// No answer, or a bogus one.
    Failed,
}

/// What DANE demands of a host (RFC 7672 section 2.2; L-26).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dane {
    /// TLS, and a certificate that one of these, all usable, is about.
    Match(Vec<Tlsa>),
    /// TLS; whom it is with cannot be said, as no record is usable.
    Encrypt,
    /// Nothing.
    None,
    /// Not to be used now: whether it demands something is not known.
    Skip,
}

impl From<TlsaAnswer> for Dane {
    fn from(answer: TlsaAnswer) -> Self {
        match answer {
            TlsaAnswer::Failed => Self::Skip,
            TlsaAnswer::Insecure => Self::None,
            TlsaAnswer::Secure(records) if records.is_empty() => Self::None,
            TlsaAnswer::Secure(mut records) => {
                records.retain(Tlsa::is_usable);
                if records.is_empty() { Self::Encrypt } else { Self::Match(records) }
            }
        }
    }
}

/// How a certificate chain came up to the records of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DaneMatch {
    /// The server's certificate is the one. Nothing else is to be checked.
    EndEntity,
    /// The certificate at this place of the chain, counted from the server's at 0, is the anchor: the
    /// chain up to it, the dates, and the name are to be checked. The name is the one that the records
    /// were asked for, or the domain of the next hop (RFC 7672 section 3.2.2).
    TrustAnchor(usize),
    /// None is the one: the session must not be used.
    Mismatch,
}

/// Holds a chain, the server's certificate first, against the records of a host (RFC 7672 section
/// 3.1; L-27).
#[must_use]
pub fn match_chain(
    records: &[Tlsa],
    chain: &[Presented<'_>],
    digest: &impl TlsaDigest,
) -> DaneMatch {
    let of = |usage| {
        records.iter().filter(move |record| record.is_usable() && record.usage() == Some(usage))
    };
    let Some((leaf, above)) = chain.split_first() else { return DaneMatch::Mismatch };
    if of(TlsaUsage::EndEntity).any(|record| record.is_about(leaf, digest)) {
        return DaneMatch::EndEntity;
    }
    let anchors = |presented: &Presented<'_>| {
        of(TlsaUsage::TrustAnchor).any(|record| record.is_about(presented, digest))
    };
    match above.iter().position(anchors) {
        Some(place) => DaneMatch::TrustAnchor(place + 1),
        None => DaneMatch::Mismatch,
    }
}
