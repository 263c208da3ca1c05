use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use super::crc32c::Crc32c;
use super::*;

mod lines;
mod properties;

const SIGNATURE: [u8; 12] =
    [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn v4() -> Header<'static> {
    Header::new(address("192.0.2.7:4711"), address("198.51.100.1:25"))
}

fn v6() -> Header<'static> {
    Header::new(address("[2001:db8::7]:4711"), address("[::1]:25"))
}

fn parsed(octets: &[u8]) -> Result<Option<(Header<'_>, usize)>, ProxyError> {
    Header::parse(octets, Version::Any)
}

fn whole(octets: &[u8]) -> Header<'_> {
    let (header, length) = parsed(octets).unwrap().unwrap();
    assert_eq!(length, octets.len());
    header
}

fn error(octets: &[u8]) -> ProxyError {
    parsed(octets).unwrap_err()
}

fn v1_of(header: &Header<'_>) -> String {
    let mut out = Vec::new();
    header.write_v1(&mut out);
    String::from_utf8(out).unwrap()
}

fn v2_of(header: &Header<'_>, checksum: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if checksum {
        header.write_v2_with_checksum(&mut out).unwrap();
    } else {
        header.write_v2(&mut out).unwrap();
    }
    out
}

/// A version 2 header of these parts, its length right.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    out.extend([command, family]);
    out.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    out.extend(rest);
    out
}

/// The header of `v4` with these octets where TLVs stand.
fn with_tlvs(tlvs: &[u8]) -> Vec<u8> {
    let mut rest = vec![192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x67, 0, 25];
    rest.extend(tlvs);
    binary(0x21, 0x11, &rest)
}

/// 47 octets: AUTHORITY, a checksum in the middle, NOOP.
fn with_sum() -> Vec<u8> {
    with_tlvs(b"\x02\x00\x02mx\x03\x00\x04\xDD\x71\x6E\x48\x04\x00\x04pads")
}

/// A header of each form.
fn examples() -> Vec<Vec<u8>> {
    let socket = UnixAddress::new(b"/run/smtp").unwrap();
    let tlvs = Tlvs::new(b"\x02\x00\x02mx\xE0\x00\x00").unwrap();
    let mut examples: Vec<Vec<u8>> = [
        &b"PROXY UNKNOWN\r\n"[..],
        b"PROXY UNKNOWN ffff::1 \x00\xFF whatever\r\n",
        b"PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n",
        b"PROXY TCP6 ::ffff:192.0.2.7 ::192.0.2.1 1 2\r\n",
        b"PROXY TCP6 1:2:3:4:5:6:7:8 1::8 10 20\r\n",
    ]
    .map(Vec::from)
    .into();
    examples.extend([v4(), v6()].map(|header| v1_of(&header).into_bytes()));
    let headers = [
        Header::LOCAL,
        v4(),
        v6(),
        Header::unix(socket, socket),
        v4().with_tlvs(tlvs.clone()),
        v6().with_tlvs(tlvs),
    ];
    for header in headers {
        examples.extend([v2_of(&header, false), v2_of(&header, true)]);
    }
    examples.extend([with_sum(), binary(0x20, 0xFF, b"garbage")]);
    examples
}

#[test]
fn what_a_header_tells() {
    let header = v4();
    assert_eq!(header.source(), Some(address("192.0.2.7:4711")));
    assert_eq!(header.destination(), Some(address("198.51.100.1:25")));
    assert!(!header.is_local() && !header.is_unknown());
    assert_eq!((header.unix_source(), header.unix_destination()), (None, None));
    assert_eq!(header.tlvs(), Tlvs::EMPTY);
    for header in [Header::LOCAL, Header::UNKNOWN] {
        assert_eq!((header.source(), header.destination()), (None, None));
        assert_ne!(header.is_local(), header.is_unknown());
    }
    // What no header can tell is not kept either.
    let scoped = SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 25, 7, 7));
    let header = Header::new(scoped, scoped);
    assert_eq!(header.source(), Some(address("[::1]:25")));
    assert_eq!(whole(v1_of(&header).as_bytes()), header);
}

/// G-61, G-62, both ways.
#[test]
fn known_octets() {
    assert_eq!(v2_of(&v4(), false), with_tlvs(b""));
    assert_eq!(whole(&with_tlvs(b"")), v4());

    let mut rest = Vec::new();
    rest.extend("2001:db8::7".parse::<Ipv6Addr>().unwrap().octets());
    rest.extend(Ipv6Addr::LOCALHOST.octets());
    rest.extend([0x12, 0x67, 0, 25]);
    assert_eq!(v2_of(&v6(), false), binary(0x21, 0x21, &rest));
    assert_eq!(whole(&binary(0x21, 0x21, &rest)), v6());

    assert_eq!(v2_of(&Header::LOCAL, true), binary(0x20, 0, b""));
    assert_eq!(whole(&binary(0x20, 0, b"")), Header::LOCAL);
    // What this side may say, though it would not take it.
    assert_eq!(v2_of(&Header::UNKNOWN, true), binary(0x21, 0, b""));
    assert_eq!(error(&binary(0x21, 0, b"")), ProxyError::Family);
}

#[test]
fn local_sockets() {
    let mut rest = [0; 216];
    rest[..10].copy_from_slice(b"/run/a\0xyz");
    rest[108..116].copy_from_slice(b"\0smtp\0in");
    let octets = binary(0x21, 0x31, &rest);
    let header = whole(&octets);
    assert_eq!(header.unix_source().unwrap().as_slice(), b"/run/a");
    assert_eq!(header.unix_destination().unwrap().as_slice(), b"\0smtp\0in");
    assert_eq!((header.source(), header.destination()), (None, None));
    assert_eq!(whole(&v2_of(&header, false)), header);

    assert_eq!(UnixAddress::new(&[0; 108]), Ok(UnixAddress::default()));
    let most = [b'x'; 109];
    let address = UnixAddress::new(&most[..108]).unwrap();
    assert_eq!(address.as_slice(), &most[..108]);
    assert_eq!(UnixAddress::new(&most), Err(ProxyError::TooLong));
    let header = Header::unix(address, UnixAddress::default());
    assert_eq!(whole(&v2_of(&header, true)).unix_source(), Some(address));
}

#[test]
fn bad_signatures() {
    for place in 0..12 {
        let mut octets = with_tlvs(b"");
        octets[place] ^= 1;
        for length in place + 1..=octets.len() {
            let part = &octets[..length];
            assert_eq!(Header::parse(part, Version::V2), Err(ProxyError::Signature));
            assert_eq!(error(part), ProxyError::Signature);
        }
    }
}

#[test]
fn every_command_and_family() {
    let rest = [0; 216];
    for octet in 0..=u8::MAX {
        let command = binary(octet, 0x11, &rest[..12]);
        let family = binary(0x21, octet, &rest);
        let local = binary(0x20, octet, &rest);
        if !matches!(octet, 0x20 | 0x21) {
            assert_eq!(error(&command[..13]), ProxyError::Command);
        }
        if !matches!(octet, 0x11 | 0x21 | 0x31) {
            assert_eq!(error(&family[..14]), ProxyError::Family);
        }
        assert_eq!(whole(&local), Header::LOCAL);
    }
}

#[test]
fn lengths() {
    let rest = [0; 216];
    for (family, due) in [(0x11, 12), (0x21, 36), (0x31, 216)] {
        for length in 0..due {
            let octets = binary(0x21, family, &rest[..length]);
            assert_eq!(error(&octets[..16]), ProxyError::TooShort);
        }
        whole(&binary(0x21, family, &rest[..due]));
    }
    let noop = |length: u16| {
        let mut tlv = vec![4];
        tlv.extend(length.to_be_bytes());
        tlv.resize(3 + usize::from(length), 0);
        with_tlvs(&tlv)
    };
    let most = noop(4096 - 16 - 12 - 3);
    assert_eq!(most.len(), DEFAULT_MAX_V2);
    assert_eq!(whole(&most).source(), v4().source());
    let over = noop(4096 - 16 - 12 - 2);
    assert_eq!(error(&over[..16]), ProxyError::TooLong);
    let over = binary(0x20, 0, &[0; 4096]);
    assert_eq!(parsed(&over[..14]), Ok(None));
    assert_eq!(error(&over[..15]), ProxyError::TooLong);
    // Another limit.
    let most = noop(u16::MAX - 12 - 3);
    assert_eq!(most.len(), MAX_V2);
    let (header, length) = Header::parse_with(&most, Version::V2, MAX_V2).unwrap().unwrap();
    assert_eq!((header.source(), length), (v4().source(), MAX_V2));
    let least = with_tlvs(b"");
    assert!(Header::parse_with(&least, Version::V2, 28).unwrap().is_some());
    let refused = Header::parse_with(&least, Version::V2, 27);
    assert_eq!(refused, Err(ProxyError::TooLong));
    // Written whole or not at all.
    let mut out = Vec::new();
    assert_eq!(header.write_v2(&mut out), Ok(()));
    assert_eq!(out, most);
    out.clear();
    assert_eq!(header.write_v2_with_checksum(&mut out), Err(ProxyError::TooLong));
    assert!(out.is_empty());
    let value = vec![0; 65_536];
    let written = Tlvs::write(Tlvs::NOOP, &value, &mut out);
    assert_eq!(written, Err(ProxyError::TooLong));
    assert!(out.is_empty());
}

#[test]
fn local_is_local_whatever_follows() {
    for garbage in [&b"\x03\x00\x04\x00\x00\x00\x00"[..], b"\x01\xFF\xFF", b"xx", &[0xFF; 300]] {
        for family in [0x00, 0x11, 0x12, 0x77] {
            let mut octets = binary(0x20, family, garbage);
            let length = octets.len();
            octets.extend(b"EHLO a\r\n");
            let (header, consumed) = parsed(&octets).unwrap().unwrap();
            assert!(header.is_local());
            assert_eq!((consumed, header.tlvs().count()), (length, 0));
        }
    }
}

#[test]
fn type_length_value() {
    let tlvs = b"\x01\x00\x01h\x04\x00\x00\xEE\x00\x03abc\x01\x00\x00";
    let octets = with_tlvs(tlvs);
    let header = whole(&octets);
    let seen: Vec<_> = header.tlvs().collect();
    let expected: [(u8, &[u8]); 4] = [(1, b"h"), (4, b""), (0xEE, b"abc"), (1, b"")];
    assert_eq!(seen, expected);
    assert_eq!(header.tlvs().value(Tlvs::ALPN), Some(&b"h"[..]));
    assert_eq!(header.tlvs().value(Tlvs::SSL), None);
    assert_eq!(header, v4().with_tlvs(Tlvs::new(tlvs).unwrap()));

    let mut out = Vec::new();
    for (kind, value) in seen {
        Tlvs::write(kind, value, &mut out).unwrap();
    }
    assert_eq!(out, tlvs);
}

/// G-61: each told by the first octet that shows it, which is the last of those given.
#[test]
fn tlv_crossing_the_end() {
    let announced = |room: u16, tlvs: &[u8]| {
        let mut octets = with_tlvs(tlvs);
        octets[14..16].copy_from_slice(&(12 + room).to_be_bytes());
        octets
    };
    for (room, tlvs) in [
        (1, &b""[..]),
        (2, b""),
        (3, b"\x01\x00\x01"),
        (4, b"\x01\x00\x02"),
        (300, b"\x01\x02"),
        (7, b"\x01\x00\x02"),
        (7, b"\x01\x00\x03"),
        // A checksum with no room for it, with room for it but not for what is left, and twice.
        (3, b"\x03"),
        (6, b"\x03"),
        (8, b"\x03"),
        (9, b"\x03"),
        (14, b"\x03\x00\x04\x00\x00\x00\x00\x03"),
    ] {
        let mut octets = announced(room, tlvs);
        if tlvs.is_empty() {
            octets.truncate(16);
        }
        assert_eq!(error(&octets), ProxyError::Tlv, "{room} {tlvs:?}");
        octets.pop();
        assert_eq!(parsed(&octets), Ok(None), "{room} {tlvs:?}");
    }
    for tlvs in [&b"\x01"[..], b"\x01\x00", b"\x01\x00\x01", b"\x01\x00\x00\x01"] {
        assert_eq!(Tlvs::new(tlvs), Err(ProxyError::Tlv));
    }
}

#[test]
fn checksums() {
    let mut crc = Crc32c::new();
    crc.update(b"1234");
    crc.update(b"56789");
    assert_eq!(crc.sum(), 0xE306_9283);

    let octets = with_sum();
    let header = whole(&octets);
    assert_eq!(header.tlvs().value(Tlvs::CRC32C), Some(&b"\xDD\x71\x6E\x48"[..]));
    // The checksum covers every octet, its own included.
    for place in 0..octets.len() {
        for bit in 0..8 {
            let mut flipped = octets.clone();
            flipped[place] ^= 1 << bit;
            assert!(
                !matches!(parsed(&flipped), Ok(Some((header, _))) if !header.is_local())
                // Another type: then it is a TLV like any other.
                || place == 33
            );
        }
    }
    for length in [0, 3, 5, 256] {
        let mut tlv = Vec::new();
        Tlvs::write(Tlvs::CRC32C, &vec![0; length], &mut tlv).unwrap();
        // Room for a checksum and a TLV behind, so that the length alone is wrong.
        Tlvs::write(Tlvs::NOOP, b"room", &mut tlv).unwrap();
        assert_eq!(error(&with_tlvs(&tlv)), ProxyError::Checksum, "{length}");
    }
    // Written anew; what came is not passed on.
    let again = v2_of(&header, true);
    let seen: Vec<_> = whole(&again).tlvs().map(|(kind, _)| kind).collect();
    assert_eq!(seen, [2, 4, 3]);
    let seen: Vec<_> = whole(&v2_of(&header, false)).tlvs().map(|(kind, _)| kind).collect();
    assert_eq!(seen, [2, 4]);
    // UNKNOWN and LOCAL have no place for one.
    assert_eq!(v2_of(&Header::LOCAL, true).len(), 16);
}

#[test]
fn every_truncation() {
    for octets in examples() {
        for length in 0..octets.len() {
            for version in [Version::Any, version(&octets)] {
                assert_eq!(Header::parse(&octets[..length], version), Ok(None));
            }
        }
        // Nothing behind the end is looked at.
        let header = whole(&octets);
        for behind in [&b"\r\n"[..], b"PROXY UNKNOWN\r\n", b"\xFF\x00", b"1 "] {
            let mut more = octets.clone();
            more.extend(behind);
            assert_eq!(parsed(&more), Ok(Some((header, octets.len()))));
        }
    }
}

/// Reading as many octets as are missing ends where the header does.
/// Who reads as many octets as are missing takes a header of version 2 at two strokes.
#[test]
fn what_is_missing_of_a_header() {
    for octets in examples().into_iter().filter(|octets| version(octets) == Version::V2) {
        let mut reads = Vec::new();
        let mut taken = Header::missing(b"");
        while parsed(&octets[..taken]) == Ok(None) {
            reads.push(taken);
            taken += Header::missing(&octets[..taken]);
            assert!(taken <= octets.len(), "{octets:?}");
        }
        assert_eq!(taken, octets.len());
        assert_eq!(reads.iter().filter(|read| **read >= 16).count(), usize::from(taken > 16));
    }
}

/// TLVs go out with addresses only: a header without any ends behind its length.
#[test]
fn no_addresses_no_tlvs() {
    let tlvs = Tlvs::new(b"\x01\x00\x01h").unwrap();
    for header in [Header::LOCAL, Header::UNKNOWN] {
        for checksum in [false, true] {
            let octets = v2_of(&header.with_tlvs(tlvs.clone()), checksum);
            assert_eq!(octets, v2_of(&header, false));
            assert_eq!(octets.len(), 16);
        }
    }
}

#[test]
fn nothing_behind_the_header_is_read() {
    for octets in examples() {
        let mut read = 0;
        while parsed(&octets[..read]) == Ok(None) {
            read += Header::missing(&octets[..read]);
            assert!(read <= octets.len());
        }
        assert_eq!(read, octets.len());
    }
}

/// F-34: the version is configured.
#[test]
fn the_other_version() {
    for octets in examples() {
        let other = match version(&octets) {
            Version::V1 => Version::V2,
            _ => Version::V1,
        };
        assert_eq!(Header::parse(&[], other), Ok(None));
        assert_eq!(Header::parse(&octets[..1], other), Err(ProxyError::Signature));
        assert_eq!(Header::parse(&octets, other), Err(ProxyError::Signature));
    }
}

fn version(octets: &[u8]) -> Version {
    if octets.starts_with(b"PROXY") { Version::V1 } else { Version::V2 }
}
