use alloc::string::ToString;

use super::*;
use proptest::prelude::*;

/// R-01, R-20 to R-58: number, digits and severity of each code.
#[test]
fn codes() {
    use Severity::*;
    for (value, severity) in [
        (200, PositiveCompletion),
        (250, PositiveCompletion),
        (299, PositiveCompletion),
        (334, PositiveIntermediate),
        (421, TransientNegative),
        (499, TransientNegative),
        (500, PermanentNegative),
        (599, PermanentNegative),
    ] {
        let code = Code::new(value).unwrap();
        assert_eq!(code.value(), value);
        assert_eq!(code.severity(), severity);
        assert_eq!(code.to_string().as_bytes(), code.digits());
        assert_eq!(Code::from_digits(code.digits()), Some(code));
        assert_eq!(u16::from(severity.digit()), value / 100);
    }
    for value in [0, 199, 600, 1250, u16::MAX] {
        assert_eq!(Code::new(value), None);
    }
    for digits in [b"199", b"600", b"2 0", b"25:", b"/50", b"2-0", b"\xb250", b"25\x00"] {
        assert_eq!(Code::from_digits(*digits), None);
    }
}

/// F-30: of all that three octets can be, those and no others are codes.
#[test]
fn whatever_stands_in_place_of_a_code() {
    let all = 0..=u8::MAX;
    for first in all.clone() {
        for second in all.clone() {
            for third in all.clone() {
                let digits = [first, second, third];
                let (head, tail) = (b'2'..=b'5', b'0'..=b'9');
                let good = head.contains(&first) && tail.contains(&second) && tail.contains(&third);
                match Code::from_digits(digits) {
                    Some(code) => assert!(good && code.digits() == digits, "{digits:?}"),
                    None => assert!(!good, "{digits:?}"),
                }
            }
        }
    }
}

/// G-58, R-09: octets, the code they start with, and how many they take.
#[test]
fn enhanced_codes() {
    for (octets, value, len) in [
        ("2.0.0", (2, 0, 0), 5),
        ("2.0.0 ok", (2, 0, 0), 5),
        ("4.7.28\tlater", (4, 7, 28), 6),
        ("5.1.10 ", (5, 1, 10), 6),
        ("5.999.999 x", (5, 999, 999), 9),
        ("5.10.100", (5, 10, 100), 8),
        ("5.10.1", (5, 10, 1), 6),
    ] {
        let (code, taken) = EnhancedCode::parse(octets.as_bytes()).unwrap();
        assert_eq!((code.class(), code.subject(), code.detail()), value, "{octets}");
        assert_eq!(taken, len);
        assert_eq!(Some(code), EnhancedCode::new(value.0, value.1, value.2));
        assert_eq!(code.to_string(), octets[..len]);
        assert_eq!(code.prefix().as_slice(), (code.to_string() + " ").as_bytes());
    }
    for octets in [
        "", "2", "2.", "2.0", "2.0.", "2.0.0x", "2.0.0.", "2.00.0", "2.0.00", "2.01.0", "2.0.01",
        "2.1000.0", "2.0.1000", "3.0.0", "1.0.0", "6.0.0", "2 0 0", " 2.0.0", "2..0", "2.-1.0",
        "2.0.0\r", "2.0.0,",
    ] {
        assert_eq!(EnhancedCode::parse(octets.as_bytes()), None, "{octets}");
    }
    for (class, subject, detail) in [(3, 0, 0), (0, 0, 0), (2, 1000, 0), (2, 0, 1000)] {
        assert_eq!(EnhancedCode::new(class, subject, detail), None);
    }
}

/// The basic code each enhanced code goes with by default (R-10).
#[test]
fn basic_codes() {
    for (enhanced, code) in [
        ("5.1.1", 550),
        ("5.1.2", 550),
        ("5.1.3", 501),
        ("5.1.4", 553),
        ("2.1.5", 250),
        ("5.1.6", 550),
        ("5.1.7", 501),
        ("5.1.8", 550),
        ("4.1.8", 451),
        ("5.1.10", 556),
        ("5.2.1", 550),
        ("4.2.1", 450),
        ("5.2.2", 552),
        ("4.2.2", 452),
        ("5.2.3", 552),
        ("4.2.4", 450),
        ("4.3.0", 451),
        ("4.3.1", 452),
        ("4.3.2", 421),
        ("5.3.2", 521),
        ("5.3.4", 552),
        ("2.3.6", 250),
        ("4.4.1", 451),
        ("4.4.2", 421),
        ("4.4.3", 451),
        ("4.4.5", 451),
        ("5.4.6", 554),
        ("5.5.1", 503),
        ("5.5.2", 500),
        ("4.5.3", 452),
        ("5.5.3", 550),
        ("5.5.4", 501),
        ("5.5.6", 500),
        ("5.6.0", 554),
        ("5.6.3", 554),
        ("2.6.4", 250),
        ("5.6.6", 554),
        ("5.6.7", 550),
        ("2.6.8", 252),
        ("5.6.8", 550),
        ("5.6.9", 554),
        ("5.7.0", 530),
        ("5.7.1", 550),
        ("5.7.2", 550),
        ("5.7.4", 504),
        ("5.7.8", 535),
        ("5.7.9", 534),
        ("5.7.10", 523),
        ("5.7.11", 538),
        ("4.7.12", 432),
        ("5.7.13", 525),
        ("5.7.14", 554),
        ("4.7.15", 450),
        ("5.7.15", 550),
        ("4.7.16", 452),
        ("5.7.16", 552),
        ("5.7.17", 550),
        ("5.7.20", 550),
        ("5.7.23", 550),
        ("4.7.24", 451),
        ("5.7.24", 550),
        ("5.7.27", 550),
        ("5.7.29", 550),
        ("5.7.30", 550),
        ("5.0.0", 554),
    ] {
        let (parsed, _) = EnhancedCode::parse(enhanced.as_bytes()).unwrap();
        assert_eq!(parsed.basic_code().value(), code, "{enhanced}");
    }
}

/// R-07: the basic code never leaves the class.
#[test]
fn basic_code_keeps_the_class() {
    for class in [2, 4, 5] {
        for subject in 0..12 {
            for detail in 0..1000 {
                let code = EnhancedCode::new(class, subject, detail).unwrap();
                assert_eq!(code.basic_code().severity(), code.severity(), "{code}");
            }
        }
    }
}

#[test]
fn enhanced_codes_sort_as_they_are_read() {
    let mut codes = ["5.1.1", "2.1.5", "4.10.2", "5.1.10", "4.2.9"]
        .map(|text| EnhancedCode::parse(text.as_bytes()).expect("a code").0);
    codes.sort();
    assert_eq!(codes.map(|code| code.to_string()), ["2.1.5", "4.2.9", "4.10.2", "5.1.1", "5.1.10"]);
}

#[test]
fn of_class_never_fails() {
    let code = EnhancedCode::of_class(Class::Permanent, 1000, u16::MAX);
    assert_eq!(code.to_string(), "5.0.0");
}

proptest! {
    #[test]
    fn any_octets(octets in proptest::collection::vec(any::<u8>(), 0..16)) {
        let _ = EnhancedCode::parse(&octets);
    }

    #[test]
    fn emit_then_parse(class in prop_oneof![Just(2_u8), Just(4), Just(5)], subject in 0..1000_u16, detail in 0..1000_u16) {
        let code = EnhancedCode::new(class, subject, detail).unwrap();
        let text = code.to_string();
        prop_assert_eq!(EnhancedCode::parse(text.as_bytes()), Some((code, text.len())));
    }
}
