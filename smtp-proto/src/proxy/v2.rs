//! Version 2: the binary form (section 2.2; G-61, G-62).

use core::iter::FusedIterator;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::BufMut;

use super::crc32c::Crc32c;
use super::{Header, Origin, ProxyError, Stop};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Octets of signature, command, family and length.
const FIXED: usize = 16;

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

const UNSPECIFIED: u8 = 0x00;
const TCP_V4: u8 = 0x11;
const TCP_V6: u8 = 0x21;
const UNIX_STREAM: u8 = 0x31;

/// Octets of two addresses and their ports.
const V4_ADDRESSES: usize = 2 * (4 + 2);
const V6_ADDRESSES: usize = 2 * (16 + 2);
const UNIX_ADDRESSES: usize = 2 * UNIX_ADDRESS;
/// Octets of an address of a local socket.
const UNIX_ADDRESS: usize = 108;
/// Octets of type and length of a TLV.
const TLV_HEAD: usize = 3;
/// Octets of a checksum.
const SUM: usize = 4;

/// ```text
/// header  = signature command family length *OCTET       ; as many as length says
/// command = %x20 / %x21                                  ; LOCAL / PROXY
/// family  = %x11 / %x21 / %x31                           ; any octet for LOCAL
/// ```
///
/// Behind PROXY stand the addresses of the family, then TLVs up to the end.
pub(super) fn parse(octets: &[u8], max: usize) -> Result<(Header<'_>, usize), Stop> {
    if octets.iter().zip(&SIGNATURE).any(|(is, due)| is != due) {
        return Err(Stop::Bad(ProxyError::Signature));
    }
    let command = at(octets, 12)?;
    if !matches!(command, LOCAL | PROXY) {
        return Err(Stop::Bad(ProxyError::Command));
    }
    let family = at(octets, 13)?;
    let addresses = match (command, family) {
        (LOCAL, _) => 0,
        (_, TCP_V4) => V4_ADDRESSES,
        (_, TCP_V6) => V6_ADDRESSES,
        (_, UNIX_STREAM) => UNIX_ADDRESSES,
        _ => return Err(Stop::Bad(ProxyError::Family)),
    };
    let end = |high, low| {
        let end = FIXED + usize::from(u16::from_be_bytes([high, low]));
        if end > max { Err(Stop::Bad(ProxyError::TooLong)) } else { Ok(end) }
    };
    let high = at(octets, 14)?;
    end(high, 0)?;
    let end = end(high, at(octets, 15)?)?;
    let behind_addresses = FIXED + addresses;
    if end < behind_addresses {
        return Err(Stop::Bad(ProxyError::TooShort));
    }
    let octets = octets.get(..end).unwrap_or(octets);
    let sum = match command {
        LOCAL => None,
        _ => check_tlvs(octets, behind_addresses, end)?,
    };
    if octets.len() < end {
        return Err(Stop::More);
    }
    // LOCAL is the peer's own connection, whatever else the header says of it.
    if command == LOCAL {
        return Ok((Header::LOCAL, end));
    }
    if let Some(place) = sum {
        check_sum(octets, place)?;
    }
    let mut rest = octets.get(FIXED..).ok_or(Stop::More)?;
    let header = match family {
        TCP_V4 => inet::<4, Ipv4Addr>(&mut rest)?,
        TCP_V6 => inet::<16, Ipv6Addr>(&mut rest)?,
        _ => Header::unix(unix(&mut rest)?, unix(&mut rest)?),
    };
    Ok((header.with_tlvs(Tlvs(rest)), end))
}

fn at(octets: &[u8], place: usize) -> Result<u8, Stop> {
    octets.get(place).copied().ok_or(Stop::More)
}

/// Checks the TLVs from `place` to `end`, as far as they are there, and finds the value of the
/// checksum among them.
fn check_tlvs(octets: &[u8], mut place: usize, end: usize) -> Result<Option<usize>, Stop> {
    const CROSSING: Stop = Stop::Bad(ProxyError::Tlv);
    let mut sum = None;
    while place < end {
        let room = (end - place).checked_sub(TLV_HEAD).ok_or(CROSSING)?;
        // Each octet is judged as it comes, so that a bad header never waits for its end.
        let checksum = at(octets, place)? == Tlvs::CRC32C;
        // What a checksum leaves of the room must be nothing or hold another TLV.
        let fits = matches!(room.checked_sub(SUM), Some(0 | TLV_HEAD..));
        if checksum && (sum.is_some() || !fits) {
            return Err(CROSSING);
        }
        let high = at(octets, place + 1)?;
        if usize::from(u16::from_be_bytes([high, 0])) > room {
            return Err(CROSSING);
        }
        if checksum && high != 0 {
            return Err(Stop::Bad(ProxyError::Checksum));
        }
        let length = usize::from(u16::from_be_bytes([high, at(octets, place + 2)?]));
        if length > room {
            return Err(CROSSING);
        }
        place += TLV_HEAD;
        if checksum {
            if length != SUM {
                return Err(Stop::Bad(ProxyError::Checksum));
            }
            sum = Some(place);
        }
        place += length;
    }
    Ok(sum)
}

/// Compares the checksum at `place` with that of the header in which it is zero (section 2.2.3).
fn check_sum(header: &[u8], place: usize) -> Result<(), Stop> {
    let (before, rest) = header.split_at_checked(place).ok_or(Stop::More)?;
    let (sum, behind) = rest.split_first_chunk::<SUM>().ok_or(Stop::More)?;
    let mut crc = Crc32c::new();
    for part in [before, &[0; SUM], behind] {
        crc.update(part);
    }
    if u32::from_be_bytes(*sum) == crc.sum() {
        Ok(())
    } else {
        Err(Stop::Bad(ProxyError::Checksum))
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Stop> {
    let (taken, behind) = rest.split_first_chunk().ok_or(Stop::More)?;
    *rest = behind;
    Ok(taken)
}

/// Source and destination address, then source and destination port.
fn inet<'a, const N: usize, A>(rest: &mut &'a [u8]) -> Result<Header<'a>, Stop>
where
    A: From<[u8; N]> + Into<IpAddr>,
{
    let source = A::from(*take(rest)?).into();
    let destination = A::from(*take(rest)?).into();
    let source_port = u16::from_be_bytes(*take(rest)?);
    let destination_port = u16::from_be_bytes(*take(rest)?);
    Ok(Header::new(
        SocketAddr::new(source, source_port),
        SocketAddr::new(destination, destination_port),
    ))
}

fn unix<'a>(rest: &mut &'a [u8]) -> Result<UnixAddress<'a>, Stop> {
    take::<UNIX_ADDRESS>(rest).map(|field| UnixAddress::trimmed(field))
}

/// The address of a local socket, without the padding that it has on the wire.
///
/// It is a path, or a name of the abstract namespace behind an octet of zero, or empty for a socket
/// without an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UnixAddress<'a>(&'a [u8]);

impl<'a> UnixAddress<'a> {
    /// Takes at most 108 octets. A path ends before its first zero octet, an abstract name before
    /// the zero octets at its end: that is how the padding is told from the address.
    ///
    /// # Errors
    ///
    /// [`ProxyError::TooLong`] for more than 108 octets.
    pub fn new(octets: &'a [u8]) -> Result<Self, ProxyError> {
        if octets.len() > UNIX_ADDRESS {
            return Err(ProxyError::TooLong);
        }
        Ok(Self::trimmed(octets))
    }

    fn trimmed(octets: &'a [u8]) -> Self {
        let end = if octets.first() == Some(&0) {
            let last = octets.iter().rposition(|&octet| octet != 0);
            last.map_or(0, |last| last + 1)
        } else {
            memchr::memchr(0, octets).unwrap_or(octets.len())
        };
        Self(octets.get(..end).unwrap_or(octets))
    }

    /// The octets, at most 108, in whatever encoding the system has.
    #[must_use]
    pub const fn as_slice(&self) -> &'a [u8] {
        self.0
    }

    /// The address as it stands on the wire.
    fn padded(self) -> [u8; UNIX_ADDRESS] {
        let mut field = [0; UNIX_ADDRESS];
        for (place, &octet) in field.iter_mut().zip(self.0) {
            *place = octet;
        }
        field
    }
}

/// TLVs of a version 2 header: an iterator over types and values (section 2.2).
///
/// ```text
/// tlv = type length *OCTET        ; one octet, two octets, as many as length says
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tlvs<'a>(&'a [u8]);

impl<'a> Tlvs<'a> {
    /// Type: the protocol above TLS, as in ALPN.
    pub const ALPN: u8 = 0x01;
    /// Type: the host name that the client asked for, as in SNI; UTF-8.
    pub const AUTHORITY: u8 = 0x02;
    /// Type: the checksum of the header, checked when the header is read.
    pub const CRC32C: u8 = 0x03;
    /// Type: padding.
    pub const NOOP: u8 = 0x04;
    /// Type: the proxy's name for the connection, up to 128 octets.
    pub const UNIQUE_ID: u8 = 0x05;
    /// Type: the client's TLS session; holds TLVs of its own.
    pub const SSL: u8 = 0x20;
    /// Type: the name of the network namespace; US-ASCII.
    pub const NETNS: u8 = 0x30;

    /// No TLVs.
    pub const EMPTY: Self = Self(&[]);

    /// Takes TLVs as they stand on the wire, one behind the other.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Tlv`] when the last one goes past the end.
    pub fn new(octets: &'a [u8]) -> Result<Self, ProxyError> {
        let mut tlvs = Self(octets);
        tlvs.by_ref().for_each(drop);
        if tlvs.0.is_empty() { Ok(Self(octets)) } else { Err(ProxyError::Tlv) }
    }

    /// TLVs known to be well formed.
    pub(super) const fn checked(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// Appends a TLV.
    ///
    /// # Errors
    ///
    /// [`ProxyError::TooLong`], and nothing is written, for a value of more than 65,535 octets.
    pub fn write(kind: u8, value: &[u8], out: &mut impl BufMut) -> Result<(), ProxyError> {
        out.put_slice(&Self::head(kind, value)?);
        out.put_slice(value);
        Ok(())
    }

    /// `type length`
    fn head(kind: u8, value: &[u8]) -> Result<[u8; TLV_HEAD], ProxyError> {
        let length = u16::try_from(value.len()).map_err(|_| ProxyError::TooLong)?;
        let [high, low] = length.to_be_bytes();
        Ok([kind, high, low])
    }

    /// The value of the first TLV of a type.
    #[must_use]
    pub fn value(&self, kind: u8) -> Option<&'a [u8]> {
        self.clone().find(|&(of, _)| of == kind).map(|(_, value)| value)
    }

    /// The TLVs that are left, as they stand on the wire.
    #[must_use]
    pub const fn as_slice(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[kind, high, low], rest) = self.0.split_first_chunk::<TLV_HEAD>()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, behind) = rest.split_at_checked(length)?;
        self.0 = behind;
        Some((kind, value))
    }
}

impl FusedIterator for Tlvs<'_> {}

/// Appends the header, all of it or nothing.
pub(super) fn write(
    header: &Header<'_>,
    out: &mut impl BufMut,
    checksum: bool,
) -> Result<(), ProxyError> {
    let (command, family, addresses) = match header.origin {
        Origin::Local => (LOCAL, UNSPECIFIED, 0),
        Origin::Unknown => (PROXY, UNSPECIFIED, 0),
        Origin::Inet { source, .. } if source.is_ipv4() => (PROXY, TCP_V4, V4_ADDRESSES),
        Origin::Inet { .. } => (PROXY, TCP_V6, V6_ADDRESSES),
        Origin::Unix { .. } => (PROXY, UNIX_STREAM, UNIX_ADDRESSES),
    };
    let tlvs = || {
        let tlvs = header.tlvs().filter(|&(kind, _)| kind != Tlvs::CRC32C);
        tlvs.take_while(|_| addresses > 0)
    };
    let checksum = checksum && addresses > 0;
    let length = addresses
        + tlvs().map(|(_, value)| TLV_HEAD + value.len()).sum::<usize>()
        + if checksum { TLV_HEAD + SUM } else { 0 };
    let length = u16::try_from(length).map_err(|_| ProxyError::TooLong)?;

    let mut out = Summed { out, crc: Crc32c::new() };
    out.put(&SIGNATURE);
    out.put(&[command, family]);
    out.put(&length.to_be_bytes());
    match header.origin {
        Origin::Local | Origin::Unknown => {}
        Origin::Inet { source, destination } => {
            for address in [source, destination] {
                match address.ip() {
                    IpAddr::V4(ip) => out.put(&ip.octets()),
                    IpAddr::V6(ip) => out.put(&ip.octets()),
                }
            }
            out.put(&source.port().to_be_bytes());
            out.put(&destination.port().to_be_bytes());
        }
        Origin::Unix { source, destination } => {
            out.put(&source.padded());
            out.put(&destination.padded());
        }
    }
    for (kind, value) in tlvs() {
        out.put(&Tlvs::head(kind, value)?);
        out.put(value);
    }
    if checksum {
        out.put(&[Tlvs::CRC32C, 0, 4]);
        // The sum is taken with zero in its place (section 2.2.3).
        out.crc.update(&[0; SUM]);
        let sum = out.crc.sum();
        out.put(&sum.to_be_bytes());
    }
    Ok(())
}

/// A buffer, and the checksum of what went into it.
struct Summed<'o, B> {
    out: &'o mut B,
    crc: Crc32c,
}

impl<B: BufMut> Summed<'_, B> {
    fn put(&mut self, octets: &[u8]) {
        self.out.put_slice(octets);
        self.crc.update(octets);
    }
}
