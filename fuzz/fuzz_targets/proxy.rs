//! Invariant: a PROXY header ends at the same octet however it is cut, what is wrong stays wrong whatever
//! follows, who reads what is missing never reads past the end, and what was read goes out and comes in
//! again as the same.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smtp_proto::proxy::{Header, ProxyError, Version};

#[derive(Debug, Arbitrary)]
struct Input<'i> {
    expect: u8,
    max: u16,
    octets: &'i [u8],
}

fn version(choice: u8) -> Version {
    match choice % 3 {
        0 => Version::V1,
        1 => Version::V2,
        _ => Version::Any,
    }
}

/// Out and in again, in each version that can tell it.
fn round(header: &Header<'_>) {
    let mut text = Vec::new();
    header.write_v1(&mut text);
    let again = Header::parse(&text, Version::V1).expect("a header was written");
    let (again, length) = again.expect("a whole one");
    assert_eq!(length, text.len());
    if header.source().is_some() {
        assert_eq!((again.source(), again.destination()), (header.source(), header.destination()));
    } else {
        assert!(again.is_unknown());
    }
    if header.is_unknown() {
        return;
    }
    for checksum in [false, true] {
        let mut octets = Vec::new();
        let written = if checksum {
            header.write_v2_with_checksum(&mut octets)
        } else {
            header.write_v2(&mut octets)
        };
        if written.is_err() {
            assert!(octets.is_empty());
            continue;
        }
        let again = Header::parse_with(&octets, Version::V2, usize::MAX).expect("was written");
        let (again, length) = again.expect("a whole one");
        assert_eq!(length, octets.len());
        assert_eq!(again.source(), header.source());
        assert_eq!(again.destination(), header.destination());
        assert_eq!(again.unix_source(), header.unix_source());
        assert_eq!(again.is_local(), header.is_local());
        let told = |header: &Header<'_>| {
            let tlvs = header.tlvs().filter(|(kind, _)| *kind != 3);
            tlvs.map(|(kind, value)| (kind, value.to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(told(&again), told(header));
    }
}

fuzz_target!(|input: Input<'_>| {
    let octets = &input.octets[..input.octets.len().min(600)];
    let (expect, max) = (version(input.expect), usize::from(input.max).max(16));
    let parse = |length: usize| Header::parse_with(&octets[..length], expect, max);
    let mut settled: Option<(usize, Result<(Header<'_>, usize), ProxyError>)> = None;
    for length in 0..=octets.len() {
        match (parse(length), &settled) {
            (Ok(None), None) => {}
            (Ok(Some((header, end))), None) => {
                assert_eq!(end, length, "it ended before");
                round(&header);
                settled = Some((length, Ok((header, end))));
            }
            (Err(error), None) => settled = Some((length, Err(error))),
            (Ok(Some(same)), Some((_, Ok(before)))) => assert_eq!(same, *before),
            (Err(_), Some((_, Err(_)))) => {}
            (now, before) => panic!("{now:?} at {length}, but {before:?}"),
        }
    }
    // Just what is missing, again and again.
    let mut read = 0;
    while read < octets.len() && matches!(parse(read), Ok(None)) {
        read = (read + Header::missing(&octets[..read])).min(octets.len());
    }
    if let Some((_, Ok((_, end)))) = settled {
        assert_eq!(read, end, "read past the end of the header");
    }
});
