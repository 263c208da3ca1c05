//! The PROXY protocol, versions 1 and 2: how a proxy in front of a server tells who the client is.
//!
//! The header stands before everything else on the connection, also before the greeting (F-34). A
//! server reads it where it was told to, and only there: it is never guessed from the octets,
//! because whoever may send it may be anybody. Parsing borrows, and knows for every prefix whether
//! a header can still come of it:
//!
//! ```
//! use smtp_proto::proxy::{Header, Version};
//!
//! let octets = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\nEHLO client.example\r\n";
//! assert_eq!(Header::parse(&octets[..20], Version::Any), Ok(None));
//! let Some((header, length)) = Header::parse(octets, Version::Any)? else {
//!     panic!("the header is whole");
//! };
//! assert_eq!(header.source(), Some("192.0.2.7:4711".parse()?));
//! assert_eq!(length, 43);
//! assert!(Header::parse(b"EHLO client.example\r\n", Version::Any).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Section numbers in this module are those of the PROXY protocol specification of HAProxy.

mod crc32c;
mod v1;
mod v2;

#[cfg(test)]
mod tests;

use core::net::{SocketAddr, SocketAddrV6};

use bytes::BufMut;

pub use v2::{Tlvs, UnixAddress};

/// Octets of the longest version 1 header, with its CRLF (section 2.1).
pub const MAX_V1: usize = 107;

/// Octets of the longest version 2 header the format can express (section 2.2).
pub const MAX_V2: usize = 16 + 65_535;

/// Octets of the longest version 2 header that [`Header::parse`] takes.
pub const DEFAULT_MAX_V2: usize = 4096;

/// The version of the header that a connection has to begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// One line of text (section 2.1; G-60).
    V1,
    /// The binary form (section 2.2; G-61).
    V2,
    /// Either, told apart by the first octet. There still has to be a header.
    #[default]
    Any,
}

/// Why octets are no PROXY header, or why one cannot be written.
///
/// A connection that begins like this is dropped without a word (G-60, G-61).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// What comes is not a header of the version expected.
    #[error("no PROXY header where one is due")]
    Signature,
    /// A version 1 line that is not of the form of section 2.1.
    #[error("malformed PROXY line")]
    Line,
    /// Neither LOCAL nor PROXY of version 2.
    #[error("unknown version or command in the PROXY header")]
    Command,
    /// An address family or transport that is unassigned, unspecified or not a stream (G-62).
    #[error("unusable address family in the PROXY header")]
    Family,
    /// The length announced is too short for addresses of the family.
    #[error("PROXY header too short for its addresses")]
    TooShort,
    /// Longer than the format or the limit allows.
    #[error("PROXY header too long")]
    TooLong,
    /// A TLV that goes past the end of the header, or a second checksum.
    #[error("malformed TLV in the PROXY header")]
    Tlv,
    /// The CRC32C TLV does not hold the checksum of the header.
    #[error("wrong checksum in the PROXY header")]
    Checksum,
}

/// Why reading stops before the end of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// All octets so far fit; more are needed.
    More,
    /// No octets to come can make a header of it.
    Bad(ProxyError),
}

/// A PROXY header: what the proxy says about the client.
///
/// The value does not depend on the version it came in or goes out by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    origin: Origin<'a>,
    tlvs: &'a [u8],
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin<'a> {
    /// The proxy's own.
    Local,
    /// Somebody's.
    Unknown,
    /// Both of one family; flow and scope are zero.
    Inet { source: SocketAddr, destination: SocketAddr },
    /// A local socket.
    Unix { source: UnixAddress<'a>, destination: UnixAddress<'a> },
}

impl<'a> Header<'a> {
    /// The proxy's own connection, a health check for example. Version 1 can only say that the
    /// client is unknown.
    pub const LOCAL: Self = Self::of(Origin::Local);

    /// A connection of which the proxy does not know the client.
    pub const UNKNOWN: Self = Self::of(Origin::Unknown);

    const fn of(origin: Origin<'a>) -> Self {
        Self { origin, tlvs: &[] }
    }

    /// A TCP connection from `source` to `destination`.
    ///
    /// A header has one address family: when the two differ, the IPv4 address becomes an
    /// IPv4-mapped IPv6 address. Flow and scope of IPv6 cannot be told and are zero.
    #[must_use]
    pub const fn new(source: SocketAddr, destination: SocketAddr) -> Self {
        let (source, destination) = match (source, destination) {
            (SocketAddr::V4(_), SocketAddr::V4(_)) => (source, destination),
            _ => (v6(source), v6(destination)),
        };
        Self::of(Origin::Inet { source, destination })
    }

    /// A connection over a local socket, such as the proxy's own to its neighbour. Version 1 can
    /// only say that the client is unknown.
    #[must_use]
    pub const fn unix(source: UnixAddress<'a>, destination: UnixAddress<'a>) -> Self {
        Self::of(Origin::Unix { source, destination })
    }

    /// The same with these TLVs. They go out by version 2 only, and only with addresses.
    #[must_use]
    pub const fn with_tlvs(self, tlvs: Tlvs<'a>) -> Self {
        Self { tlvs: tlvs.as_slice(), ..self }
    }

    /// Reads the header at the start of the octets, and tells how many octets it takes; a version
    /// 2 header may have [`DEFAULT_MAX_V2`] octets.
    ///
    /// `Ok(None)` means that all octets so far fit and more are needed, never more than [`MAX_V1`]
    /// or [`DEFAULT_MAX_V2`] in all. Octets behind the header's end are not looked at.
    ///
    /// # Errors
    ///
    /// A [`ProxyError`], with the first octet that makes a header impossible. Only a wrong checksum
    /// is told at the end of the header.
    pub fn parse(octets: &'a [u8], expect: Version) -> Result<Option<(Self, usize)>, ProxyError> {
        Self::parse_with(octets, expect, DEFAULT_MAX_V2)
    }

    /// The same with another limit for version 2: octets of the whole header, 16 to [`MAX_V2`].
    ///
    /// # Errors
    ///
    /// As [`Header::parse`].
    pub fn parse_with(
        octets: &'a [u8],
        expect: Version,
        max_v2: usize,
    ) -> Result<Option<(Self, usize)>, ProxyError> {
        let text = match (expect, octets.first()) {
            (_, None) => return Ok(None),
            (Version::V1, _) => true,
            (Version::V2, _) => false,
            (Version::Any, Some(&first)) => first == b'P',
        };
        let read = if text { v1::parse(octets) } else { v2::parse(octets, max_v2) };
        match read {
            Ok(whole) => Ok(Some(whole)),
            Err(Stop::More) => Ok(None),
            Err(Stop::Bad(error)) => Err(error),
        }
    }

    /// How many octets must at least be read before [`parse`](Self::parse) can say more of what was
    /// read so far; never 0. Who reads just so many takes none of the octets behind the header, which
    /// may belong to a TLS handshake.
    #[must_use]
    pub fn missing(octets: &[u8]) -> usize {
        /// The shortest header there is, of version 1.
        const SHORTEST: usize = "PROXY UNKNOWN\r\n".len();
        let whole = match octets {
            [b'P', ..] | [] => SHORTEST,
            [_, .., high, low] if octets.len() == 16 => {
                16 + usize::from(u16::from_be_bytes([*high, *low]))
            }
            _ => 16,
        };
        whole.saturating_sub(octets.len()).max(1)
    }

    /// The client's address and port; `None` when the header tells no internet addresses: for
    /// [`Header::LOCAL`], [`Header::UNKNOWN`] and local sockets.
    #[must_use]
    pub const fn source(&self) -> Option<SocketAddr> {
        match self.origin {
            Origin::Inet { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The address and port that the client connected to; `None` as for [`Header::source`].
    #[must_use]
    pub const fn destination(&self) -> Option<SocketAddr> {
        match self.origin {
            Origin::Inet { destination, .. } => Some(destination),
            _ => None,
        }
    }

    /// The client's local socket (AF_UNIX of version 2).
    #[must_use]
    pub const fn unix_source(&self) -> Option<UnixAddress<'a>> {
        match self.origin {
            Origin::Unix { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The local socket that the client connected to (AF_UNIX of version 2).
    #[must_use]
    pub const fn unix_destination(&self) -> Option<UnixAddress<'a>> {
        match self.origin {
            Origin::Unix { destination, .. } => Some(destination),
            _ => None,
        }
    }

    /// Whether the connection is the proxy's own (LOCAL of version 2): the peer of the connection
    /// is the client (G-62).
    #[must_use]
    pub const fn is_local(&self) -> bool {
        matches!(self.origin, Origin::Local)
    }

    /// Whether the proxy does not know the client (UNKNOWN of version 1). The address of the
    /// connection's peer may stand in for it, but gives no rights (G-62).
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.origin, Origin::Unknown)
    }

    /// The TLVs behind the addresses of version 2, types and values, each checked to end within
    /// the header. None for LOCAL, of which nothing is looked at.
    #[must_use]
    pub const fn tlvs(&self) -> Tlvs<'a> {
        Tlvs::checked(self.tlvs)
    }

    /// Appends the header as version 1, at most [`MAX_V1`] octets. A connection without internet
    /// addresses is UNKNOWN there; TLVs are left out.
    pub fn write_v1(&self, out: &mut impl BufMut) {
        v1::write(self, out);
    }

    /// Appends the header as version 2.
    ///
    /// A checksum among the TLVs is left out: it belongs to the header it came in.
    /// [`Header::UNKNOWN`] goes out as an unspecified family, which receivers may refuse, as
    /// [`Header::parse`] does.
    ///
    /// # Errors
    ///
    /// [`ProxyError::TooLong`], and nothing is written, when the TLVs do not fit in [`MAX_V2`].
    pub fn write_v2(&self, out: &mut impl BufMut) -> Result<(), ProxyError> {
        v2::write(self, out, false)
    }

    /// Appends the header as version 2 with a CRC32C TLV as its last, where there are addresses
    /// (section 2.2.3).
    ///
    /// # Errors
    ///
    /// As [`Header::write_v2`].
    pub fn write_v2_with_checksum(&self, out: &mut impl BufMut) -> Result<(), ProxyError> {
        v2::write(self, out, true)
    }
}

/// The address as one of IPv6, with nothing but what a header can tell.
const fn v6(address: SocketAddr) -> SocketAddr {
    let ip = match address {
        SocketAddr::V4(address) => address.ip().to_ipv6_mapped(),
        SocketAddr::V6(address) => *address.ip(),
    };
    SocketAddr::V6(SocketAddrV6::new(ip, address.port(), 0, 0))
}
