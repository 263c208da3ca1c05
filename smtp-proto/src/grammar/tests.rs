use proptest::prelude::*;

use super::*;

/// The octets of a class, listed by hand.
fn octets_of(class: Class) -> alloc::vec::Vec<u8> {
    (0..=255).filter(|&octet| is(octet, class)).collect()
}

#[test]
fn classes_are_those_of_the_grammar() {
    assert_eq!(octets_of(DIGIT), b"0123456789");
    assert_eq!(octets_of(HEX), b"0123456789ABCDEFabcdef");
    assert_eq!(octets_of(LET_DIG).len(), 62);
    assert_eq!(octets_of(LDH).len(), 63);
    // G-05, G-06, G-15, G-37, G-39
    assert_eq!(octets_of(ATEXT & !LDH).len(), 62 + "!#$%&'*+-/=?^_`{|}~".len());
    assert_eq!(octets_of(QTEXT).len(), 95 - 2);
    assert_eq!(octets_of(DCONTENT).len(), 94 - 3);
    assert_eq!(octets_of(VALUE).len(), 94 - 1);
    assert_eq!(octets_of(XCHAR).len(), 94 - 2);
    assert_eq!(octets_of(HIGH).len(), 128);
    for octet in [b'"', b'(', b')', b',', b'.', b':', b';', b'<', b'>', b'@', b'[', b'\\', b']'] {
        assert!(!is(octet, ATEXT), "{octet}");
    }
}

/// The table was made when the crate was built: each octet lies at its place in it.
#[test]
fn what_is_looked_up_is_what_is_read() {
    for octet in 0..=255 {
        let classes = classes_of(octet);
        for bit in 0..Class::BITS {
            assert_eq!(is(octet, 1 << bit), classes & (1 << bit) != 0, "{octet}");
        }
    }
    assert_eq!(CLASSES, table());
}

#[test]
fn one_space_unless_relaxed() {
    assert_eq!(space(b"a b", 1, false), Ok(2));
    assert_eq!(space(b"a  b", 1, true), Ok(3));
    assert_eq!(space(b"a  b", 1, false).map_err(|e| e.offset()), Err(2));
    assert!(space(b"ab", 1, true).is_err());
}

#[test]
fn every_octet_is_counted_at_every_place() {
    for length in 0..40 {
        for place in 0..length {
            for octet in 0..=255u8 {
                let mut line = alloc::vec![b'x'; length];
                line[place] = octet;
                let census = census(&line);
                assert_eq!(census.control, octet.is_ascii_control(), "{octet} at {place}/{length}");
                assert_eq!(census.high, octet > 127, "{octet} at {place}/{length}");
            }
        }
    }
}

#[test]
fn terminals_of_the_rarer_grammar() {
    let hour = |text| whole(text, number::<u8>(1..=2, 0..=23));
    for (text, value) in [("0", Some(0)), ("00", Some(0)), ("23", Some(23))] {
        assert_eq!(hour(text), value, "{text}");
    }
    for text in ["", "24", "99", "001", "+1", "-1", "1 ", "\u{661}"] {
        assert_eq!(hour(text), None, "{text}");
    }
    assert_eq!(number::<u8>(1..=2, ..).parse("123"), Ok(("3", 12)));
    assert_eq!(whole("256", number::<u8>(1..=3, ..)), None);
    assert_eq!(whole("kO", string("Ko")), Some("kO"));
    for text in ["", "k", "kok", "\u{212a}o", "\u{212a}"] {
        assert_eq!(whole(text, string("ko")), None, "{text}");
    }
    assert_eq!(run(LDH).parse("a-1.b"), Ok((".b", "a-1")));
    assert_eq!(whole("", run(LDH)), None);
    for c in ['\u{80}', '\u{f6}', '\u{ff}', '\u{100}', '\u{141}', '\u{1f600}'] {
        assert!(in_class(HIGH)(c) && !in_class(!HIGH)(c), "{c}");
    }
    assert!(!in_class(HIGH)('\x7f'));
}

proptest! {
    #[test]
    fn census_of_any_octets(
        line in proptest::collection::vec(prop_oneof![1 => any::<u8>(), 12 => 0x20_u8..=0xff], 0..40),
    ) {
        let census = census(&line);
        prop_assert_eq!(census.control, line.iter().any(u8::is_ascii_control));
        prop_assert_eq!(census.high, !line.is_ascii());
    }
}
