use super::*;
use crate::{
    domain::Host,
    extension::Extension,
    parameter::{Parameters, RcptParameters},
    profile::Syntax,
    server::{Config, Priorities},
};

#[test]
fn a_mailbox_with_another_owner_gets_nothing() {
    let list = Parameters::parse(b"RRVS=2014-04-03T16:01:00-07:00", &Syntax::INTERNET).unwrap();
    let rrvs = RcptParameters::parse(list).unwrap().rrvs().unwrap();
    let at = |text| DateTime::parse(text).unwrap();
    let (same, later) = (at("2014-04-03T23:01:00Z"), at("2014-04-03T23:01:01Z"));
    assert_eq!(rrvs.judge(Ownership::Role), Ok(()));
    assert_eq!(rrvs.judge(Ownership::Since(same)), Ok(()));
    assert_eq!(rrvs.judge(Ownership::DomainSince(same)), Ok(()));
    for (ownership, reply) in [
        (Ownership::Since(later), "550 5.7.17"),
        (Ownership::DomainSince(later), "550 5.7.18"),
        (Ownership::Unknown, "550 5.7.19"),
    ] {
        let rejection = rrvs.judge(ownership).unwrap_err();
        assert!(alloc::format!("{rejection}").starts_with(reply), "{rejection}");
    }
}

#[test]
fn what_depends_on_what() {
    let config = || Config::new(Host::parse("mx.example").unwrap());
    let bare = config().withhold(Extension::EightBitMime);
    //
    for (extension, needs) in [
        (Extension::SmtpUtf8, Extension::EightBitMime),
        (Extension::BinaryMime, Extension::Chunking),
        (Extension::Burl, Extension::EightBitMime),
        (Extension::Mtrk, Extension::Dsn),
    ] {
        let with = bare.clone().withhold(Extension::Chunking).offer(extension);
        assert!(with.offers(extension) && with.offers(needs), "{extension:?}");
        assert!(!with.withhold(needs).offers(extension), "{extension:?} without {needs:?}");
    }
    // It cannot be offered without its limits.
    assert!(!config().offer(Extension::FutureRelease).offers(Extension::FutureRelease));
}

#[test]
fn arguments_that_cannot_be_told() {
    let config = || Config::new(Host::parse("mx.example").unwrap());
    assert!(config().no_soliciting(&["1a"]).is_err());
    assert!(config().no_soliciting(&["a", ""]).is_err());
    assert!(config().no_soliciting(&["a\r\n250 X"]).is_err());
    let long = "a".repeat(512 - "250-NO-SOLICITING \r\n".len());
    assert!(config().no_soliciting(&[&long]).is_ok());
    assert!(config().no_soliciting(&[&long, "b"]).is_err());
    for name in ["", "a b", "a\r\n", "123456789012345678901"] {
        assert!(Priorities::default().profile(name).is_err(), "{name:?}");
    }
    let end = DateTime::parse("2030-01-01T00:00:00Z").unwrap();
    assert!(FutureRelease::new(0, end).is_err());
    assert!(FutureRelease::new(1_000_000_000, end).is_err());
}
