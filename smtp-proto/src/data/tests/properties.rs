//! Content of any kind, cut anywhere.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// Content in which the octets that matter are frequent, between stretches where they are not.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(&b"\r\n.\0a\xff"[..]).prop_map(|octet| [octet].to_vec()),
        4 => Just(b"\r\n".to_vec()),
        4 => Just(b"\r\n.".to_vec()),
        1 => Just(b"\r\n.\r".to_vec()),
        1 => (0usize..200).prop_map(|length| { let mut run = Vec::new(); run.resize(length, b'a'); run }),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

/// The same without bare newlines.
fn clean_content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(&b".\0a\xff"[..]).prop_map(|octet| [octet].to_vec()),
        4 => Just(b"\r\n".to_vec()),
        4 => Just(b"\r\n.".to_vec()),
        1 => (0usize..400).prop_map(|length| { let mut run = Vec::new(); run.resize(length, b'a'); run }),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

/// Cuts into pieces, in order.
fn cuts(length: usize, seeds: &[usize]) -> Vec<usize> {
    let mut cuts: Vec<usize> = seeds.iter().map(|seed| seed % (length + 1)).collect();
    cuts.sort_unstable();
    cuts
}

fn seeds() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<usize>(), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decoding_is_what_the_model_says(mut stream in content(), seeds in seeds()) {
        stream.extend_from_slice(b"\r\n.\r\nNOOP\r\n");
        for bare_newline in POLICIES {
            let expected = model(&stream, bare_newline);
            prop_assert_eq!(&decode(&stream, bare_newline, &[]), &expected);
            prop_assert_eq!(&decode(&stream, bare_newline, &cuts(stream.len(), &seeds)), &expected);
            let each: Vec<usize> = (1..stream.len()).collect();
            prop_assert_eq!(&decode(&stream, bare_newline, &each), &expected);
        }
    }

    #[test]
    fn decoding_undoes_encoding(content in clean_content(), seeds in seeds()) {
        for bare_newline in POLICIES {
            let wire = encode(&content, bare_newline, &cuts(content.len(), &seeds));
            prop_assert_eq!(&encode(&content, bare_newline, &[]), &wire);
            let wire = wire.unwrap();
            let outcome = decode(&wire, BareNewline::Reject, &cuts(wire.len(), &seeds));
            prop_assert_eq!(outcome.content, as_it_arrives(&content, bare_newline));
            prop_assert_eq!(outcome.end, Some(wire.len()));
            prop_assert!(!outcome.bare);
        }
    }

    /// F-22, F-23: what the whole message needs is known when all of it was given.
    #[test]
    fn an_encoder_tells_unusual_octets(content in content(), seeds in seeds(), odd: Option<u8>) {
        let mut content = content;
        content.extend(odd);
        content.push(b'.');
        let mut encoder = Encoder::new(BareNewline::Normalize);
        let mut from = 0;
        for to in cuts(content.len(), &seeds).into_iter().chain([content.len()]) {
            encoder.encode(content[from..to].to_vec().into(), |_| {}).unwrap();
            from = to;
        }
        prop_assert_eq!(encoder.has_8bit(), content.iter().any(|octet| *octet > 127));
        prop_assert_eq!(encoder.has_nul(), content.contains(&0));
    }

    #[test]
    fn encoding_never_sends_a_bare_newline(content in content(), seeds in seeds()) {
        let cuts = cuts(content.len(), &seeds);
        let wire = encode(&content, BareNewline::Normalize, &cuts).unwrap();
        let outcome = decode(&wire, BareNewline::Reject, &[]);
        prop_assert!(!outcome.bare);
        prop_assert_eq!(outcome.content, as_it_arrives(&content, BareNewline::Normalize));
        prop_assert_eq!(outcome.end, Some(wire.len()));

        for policy in POLICIES {
            let encoded = encode(&content, policy, &cuts);
            let offset = encoded.as_ref().err().map(|error| error.offset());
            let refused = first_refused(&content, policy).map(|at| u64::try_from(at).unwrap());
            prop_assert_eq!(offset, refused);
            if let Ok(wire) = encoded {
                let outcome = decode(&wire, BareNewline::Reject, &[]);
                prop_assert!(!outcome.bare);
                prop_assert_eq!(outcome.content, as_it_arrives(&content, policy));
            }
        }
    }

    #[test]
    fn checking_lines_is_independent_of_cuts(content in content(), seeds in seeds()) {
        check_matches(&content, &[]);
        check_matches(&content, &cuts(content.len(), &seeds));
        check_matches(&content, &(1..content.len()).collect::<Vec<_>>());
    }
}
