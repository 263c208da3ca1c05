//! What holds for every header, and for everything that is none.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

/// Goes on from the octets by whatever does not fail, and gets to a header: what is told to be
/// unfinished can always be finished. Only a checksum is judged when all is there.
fn finish(mut octets: Vec<u8>, max: usize, mut choose: impl FnMut(usize) -> usize) {
    while Header::parse_with(&octets, Version::Any, max) == Ok(None) {
        assert!(octets.len() < max.max(MAX_V1));
        let mut ways = Vec::new();
        for octet in 0..=u8::MAX {
            let mut longer = octets.clone();
            longer.push(octet);
            if let Ok(_) | Err(ProxyError::Checksum) =
                Header::parse_with(&longer, Version::Any, max)
            {
                ways.push(octet);
            }
        }
        let shown = octets.escape_ascii().to_string();
        assert!(!ways.is_empty(), "stuck behind {shown}");
        octets.push(ways[choose(ways.len())]);
    }
}

fn spelled_v6() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        ":", ":", ":", ":", "::", "::", "0", "1", "ffff", "FFFF", "a1", "0b2c", "12345", "1.2.3.4",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..17).prop_map(|pieces| pieces.concat()),
        any_v6().prop_map(|address| address.to_string()),
    ]
}

fn any_v6() -> impl Strategy<Value = Ipv6Addr> {
    let group = prop_oneof![3 => Just(0), 1 => Just(0xFFFF), 2 => proptest::num::u16::ANY];
    proptest::array::uniform8(group).prop_map(Ipv6Addr::from)
}

fn any_address() -> impl Strategy<Value = SocketAddr> {
    let v4 = proptest::num::u32::ANY.prop_map(|bits| Ipv4Addr::from_bits(bits).into());
    let v6 = any_v6().prop_map(Into::into);
    let ip = prop_oneof![v4, v6];
    (ip, proptest::num::u16::ANY).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

proptest! {
    #[test]
    fn any_octets(
        octets in prop::collection::vec(proptest::num::u8::ANY, 0..300),
        start in 0..17_usize,
    ) {
        for begin in [&b"PROXY TCP6 "[..], &with_tlvs(b"")] {
            let mut begun = begin[..start.min(begin.len())].to_vec();
            begun.extend(&octets);
            for version in [Version::V1, Version::V2, Version::Any] {
                if let Ok(Some((header, length))) = Header::parse(&begun, version) {
                    prop_assert!(length <= begun.len());
                    header.tlvs().for_each(drop);
                }
            }
        }
    }

    #[test]
    fn flipped_octets(
        example in 0..examples().len(),
        flips in prop::collection::vec((proptest::num::u16::ANY, 1..=u8::MAX), 1..4),
    ) {
        let mut octets = examples().swap_remove(example);
        for (place, flip) in flips {
            let place = usize::from(place) % octets.len();
            octets[place] ^= flip;
        }
        // Once bad, always bad; once whole, always the same.
        let mut last = Ok(None);
        for length in 0..=octets.len() {
            let read = parsed(&octets[..length]);
            if last != Ok(None) {
                prop_assert_eq!(read, last);
            }
            if let Ok(Some((_, end))) = read {
                prop_assert!(end <= length);
            }
            last = read;
        }
    }

    #[test]
    fn ipv6_as_everywhere(spelled in spelled_v6()) {
        let line = format!("PROXY TCP6 {spelled} :: 1 2\r\n");
        let read = parsed(line.as_bytes()).ok().map(|read| whole_source(read.unwrap().0));
        let known = spelled.parse::<Ipv6Addr>().ok();
        if read.is_some() || !spelled.contains('.') {
            prop_assert_eq!(read, known);
        }
    }

    #[test]
    fn written_and_read(
        source in any_address(),
        destination in any_address(),
        values in prop::collection::vec(
            (4..=u8::MAX, prop::collection::vec(proptest::num::u8::ANY, 0..40)),
            0..6,
        ),
    ) {
        let mut tlvs = Vec::new();
        for (kind, value) in &values {
            Tlvs::write(*kind, value, &mut tlvs).unwrap();
        }
        let header = Header::new(source, destination);
        let line = v1_of(&header);
        prop_assert_eq!(whole(line.as_bytes()), header);
        let header = header.with_tlvs(Tlvs::new(&tlvs).unwrap());
        let octets = v2_of(&header, false);
        prop_assert_eq!(whole(&octets), header);
        let octets = v2_of(&header, true);
        let read = whole(&octets);
        prop_assert_eq!(read.source(), header.source());
        prop_assert_eq!(read.destination(), header.destination());
        prop_assert_eq!(read.tlvs().count(), values.len() + 1);
        prop_assert_eq!(v2_of(&read, true), octets);
    }
}

// Slow: every octet is tried at every place.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn unfinished_can_be_finished(
        version in 0..6_usize,
        choices in prop::collection::vec(proptest::num::u16::ANY, 128),
    ) {
        let begin = [
            &b"PROXY "[..],
            b"PROXY TCP4 ",
            b"PROXY TCP6 ",
            b"PROXY TCP6 ::",
            &binary(0x21, 0x11, b"")[..14],
            // Just behind the length: TLVs of 30 octets.
            &{ let mut tlvs = with_tlvs(&[]); tlvs[15] = 42; tlvs },
        ][version].to_vec();
        let mut choices = choices.into_iter().cycle();
        let choose = |ways| usize::from(choices.next().unwrap()) % ways;
        finish(begin, 80, choose);
    }
}

fn whole_source(header: Header<'_>) -> Ipv6Addr {
    match header.source() {
        Some(SocketAddr::V6(source)) => *source.ip(),
        other => panic!("{other:?}"),
    }
}
