use alloc::format;
use alloc::string::ToString;

use proptest::prelude::*;

use super::*;

fn shown(unix: i64, offset: i16) -> alloc::string::String {
    Date::at_offset(Timestamp::from_unix(unix), offset).unwrap().to_string()
}

#[test]
fn t05_known_answers_both_ways() {
    for (unix, offset, text) in [
        (0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"),
        (1_767_614_400, 0, "Mon, 05 Jan 2026 12:00:00 +0000"),
        (951_825_600, 330, "Tue, 29 Feb 2000 17:30:00 +0530"),
        (951_825_600, -720, "Tue, 29 Feb 2000 00:00:00 -1200"),
        (-2_208_988_800, 0, "Mon, 01 Jan 1900 00:00:00 +0000"),
        (253_402_300_799, 0, "Fri, 31 Dec 9999 23:59:59 +0000"),
        // RFC 5322 appendix A.1.1.
        (880_127_706, -360, "Fri, 21 Nov 1997 09:55:06 -0600"),
    ] {
        assert_eq!(shown(unix, offset), text);
        let date = Date::parse(text).unwrap();
        assert_eq!((date.time().unix(), date.offset()), (unix, offset), "{text}");
    }
}

#[cfg(feature = "std")]
#[test]
fn what_a_clock_shows() {
    use std::time::UNIX_EPOCH;

    let moment = Duration::from_millis(2500);
    for (time, unix) in [
        (UNIX_EPOCH, 0),
        (UNIX_EPOCH + moment, 2),
        (UNIX_EPOCH - moment, -3),
        (UNIX_EPOCH - Duration::from_secs(2), -2),
        (UNIX_EPOCH + Duration::from_secs(1 << 40), Timestamp::LAST),
        (UNIX_EPOCH - Duration::from_secs(1 << 40), Timestamp::FIRST),
    ] {
        assert_eq!(Timestamp::from(time), Timestamp::from_unix(unix));
    }
}

#[test]
fn other_spellings() {
    let noon = Timestamp::from_unix(1_767_614_400);
    for text in [
        "5 Jan 2026 12:00 +0000",
        "mon, 5 JAN 2026 12:00:00 GMT",
        "Mon,\r\n 05 Jan 2026\t12:00:00\r\n +0000 (a (nested \\) ) comment)",
        "Mon (day), 5 Jan 26 12 : 00 : 00 UT",
        "Mon, 5 Jan 126 07:00:00 EST",
        "Mon, 5 Jan 2026 04:00:00 PST",
        "Mon, 5 Jan 2026 05:00:00 PDT",
        "Mon, 5 Jan 2026 05:00:00 mst",
        "Mon, 5 Jan 2026 06:00:00 MDT",
        "Mon, 5 Jan 2026 06:00:00 CST",
        "Mon, 5 Jan 2026 07:00:00 CDT",
        "Mon, 5 Jan 2026 08:00:00 EDT",
        "Mon, 5 Jan 2026 12:00:00 Z",
        "Mon, 5 Jan 2026 12:00:00 -0000",
        "Mon, 5 Jan 2026 11:59:60 +0000",
        "5 Jan 2026 12:00 (((((((()))))))) +0000",
    ] {
        assert_eq!(Date::parse(text).map(|date| date.time()), Ok(noon), "{text}");
    }
    for text in [
        "",
        "Mon",
        "Mon, 5 Jan 2026",
        "Mon 5 Jan 2026 12:00:00 +0000",
        "Xyz, 5 Jan 2026 12:00:00 +0000",
        "Mon, 0 Jan 2026 12:00:00 +0000",
        "Mon, 31 Apr 2026 12:00:00 +0000",
        "Sun, 29 Feb 2026 12:00:00 +0000",
        "Mon, 5 Jan 1899 12:00:00 +0000",
        "Mon, 5 Jan 2026 24:00:00 +0000",
        "Mon, 5 Jan 2026 12:60:00 +0000",
        "Mon, 5 Jan 2026 12:00:61 +0000",
        "Mon, 5 Jan 2026 12:00:00 +0060",
        "Mon, 5 Jan 2026 12:00:00 +000",
        "Mon, 5 Jan 2026 12:00:00 0000",
        "Mon, 5 Jan 2026 12:00:00 +0000 x",
        "Mon, 5 Jan 2026 12:00:00 +0000 (no end",
        "Mon, 5 Jan 2026 12:00:00",
        "Mon, 5 Jan 2026 1:00:00 +0000",
        "Mon, 5 J\u{e4}n 2026 12:00:00 +0000",
        "Monday, 5 Jan 2026 12:00:00 +0000",
        "M1n, 5 Jan 2026 12:00:00 +0000",
        "5 Jan 2026 12:00 ((((((((())))))))) +0000",
    ] {
        assert_eq!(Date::parse(text), Err(NotADate), "{text}");
    }
    // Whatever is missing at the end, and each word and mark that is missing in between.
    let whole = "Mon , 5 Jan 2026 12 : 00 : 00 + 0000";
    assert!(Date::parse(whole).is_ok());
    for end in 0..whole.len() {
        assert_eq!(Date::parse(&whole[..end]), Err(NotADate), "{}", &whole[..end]);
    }
    let words: alloc::vec::Vec<&str> = whole.split(' ').collect();
    for missing in 0..words.len() {
        let mut words = words.clone();
        words.remove(missing);
        let text = words.join(" ");
        assert_eq!(Date::parse(&text), Err(NotADate), "{text}");
    }
    assert_eq!(Date::from(noon), Date::at_offset(noon, 0).unwrap());
}

/// RFC 5322 section 4.3: years of two digits are of this century up to 49, those of three count from 1900.
#[test]
fn years_that_are_short() {
    for (short, year) in [("00", 2000), ("49", 2049), ("50", 1950), ("99", 1999), ("126", 2026)] {
        let of = |year: &str| Date::parse(&format!("5 Jan {year} 12:00:00 +0000")).unwrap();
        assert_eq!(of(short), of(&year.to_string()), "{short}");
    }
}

#[test]
fn a_clock_that_is_wrong_gives_a_date_all_the_same() {
    assert_eq!(shown(i64::MIN, 0), "Mon, 01 Jan 1900 00:00:00 +0000");
    assert_eq!(shown(i64::MAX, 0), "Fri, 31 Dec 9999 23:59:59 +0000");
    let now = Timestamp::from_unix(10);
    assert_eq!(now.plus(Duration::MAX).unix(), 253_402_300_799);
    assert_eq!(now.since(now.plus(Duration::from_secs(5))), Duration::ZERO);
    assert_eq!(now.plus(Duration::from_secs(5)).since(now), Duration::from_secs(5));
    assert_eq!(Date::at_offset(Timestamp::from_unix(i64::MAX), 1), None);
    assert_eq!(Date::at_offset(now, 6000), None);
}

#[test]
fn every_day_follows_the_one_before() {
    for day in -25_567..100_000 {
        let (year, month, of_month) = civil(day);
        assert_eq!(days(year, month, of_month), day);
        assert!(civil(day + 1) > (year, month, of_month));
    }
}

proptest! {
    #[test]
    fn reading_undoes_writing(unix in -2_208_000_000i64..253_402_000_000, offset in -1439i16..1440) {
        let date = Date::at_offset(Timestamp::from_unix(unix), offset).unwrap();
        let text = date.to_string();
        prop_assert_eq!(text.len(), "Mon, 05 Jan 2026 12:00:00 +0000".len());
        prop_assert_eq!(Date::parse(&text), Ok(date));
    }

    #[test]
    fn no_text_panics(text: alloc::string::String) {
        if let Ok(date) = Date::parse(&text) {
            prop_assert_eq!(Date::parse(&format!("{date}")), Ok(date));
        }
    }
}
