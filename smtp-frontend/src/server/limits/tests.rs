use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_origin_is_an_address_or_a_network_of_64_bits() {
    for (address, whose) in [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("::1", "::"),
    ] {
        assert_eq!(origin(ip(address)), ip(whose));
    }
}

#[test]
fn a_rate_allows_a_burst_and_then_its_share() {
    let start = Instant::now();
    let mut limits = Limits { rate: Some(Rate::new(3, seconds(60))), ..Limits::default() };
    let mut admit = |after| limits.admit(None, start + seconds(after)).is_ok();
    // At 60 all of the rate but one share is there again.
    let told = [0, 0, 0, 0, 19, 20, 20, 40, 59, 60, 200, 200, 200, 200].map(&mut admit);
    let as_expected =
        [true, true, true, false, false, true, false, true, false, true, true, true, true, false];
    assert_eq!(told, as_expected);
    let none = Rate::new(0, seconds(1));
    assert_eq!(none.next(None, start), None);
}

#[test]
fn who_is_refused_counts_for_nothing() {
    let now = Instant::now();
    let mut limits = Limits {
        most: 3,
        most_per_address: 1,
        rate: Some(Rate::new(3, seconds(60))),
        rate_per_address: Some(Rate::new(2, seconds(60))),
        ..Limits::default()
    };
    let (one, other) = (Some(ip("192.0.2.1")), Some(ip("192.0.2.2")));
    assert_eq!(limits.admit(one, now), Ok(()));
    for _ in 0..10 {
        assert_eq!(limits.admit(one, now), Err(Refusal::ConnectionsOfAddress));
    }
    limits.leave(one, || now);
    assert_eq!(limits.admit(one, now), Ok(()));
    limits.leave(one, || now);
    for _ in 0..10 {
        assert_eq!(limits.admit(one, now), Err(Refusal::RateOfAddress));
    }
    assert_eq!(limits.admit(other, now), Ok(()));
    limits.leave(other, || now);
    assert_eq!(limits.admit(other, now), Err(Refusal::Rate));
    // That was not taken from the rate of the address.
    let later = now + seconds(20);
    assert_eq!(limits.admit(other, later), Ok(()));
    assert_eq!((limits.open, limits.remembered, limits.addresses.len()), (1, 1, 2));
}

#[test]
fn the_table_is_bounded_and_the_busiest_are_remembered() {
    let now = Instant::now();
    let mut limits =
        Limits { rate_per_address: Some(Rate::new(5, seconds(60))), ..Limits::default() };
    let busy = Some(ip("203.0.113.7"));
    for _ in 0..5 {
        assert_eq!(limits.admit(busy, now), Ok(()));
        limits.leave(busy, || now);
    }
    for number in 0..200_000_u32 {
        let address = Some(IpAddr::from((0x0a00_0000 | number).to_be_bytes()));
        assert_eq!(limits.admit(address, now), Ok(()));
        limits.leave(address, || now);
        assert!(limits.addresses.len() <= REMEMBERED);
    }
    assert_eq!(limits.admit(busy, now), Err(Refusal::RateOfAddress));
    // When all may use their whole rates, none is left.
    limits.forget(now + seconds(60));
    assert!(limits.addresses.is_empty());
}

proptest! {
    /// Numbers agree whatever comes and goes, and nobody has more than is allowed.
    #[test]
    fn counts_agree(steps in prop::collection::vec((0_u8..4, any::<bool>(), 0_u64..30), 0..200)) {
        let mut now = Instant::now();
        let mut limits = Limits {
            most: 6,
            most_per_address: 2,
            rate: Some(Rate::new(20, seconds(60))),
            rate_per_address: Some(Rate::new(4, seconds(60))),
            ..Limits::default()
        };
        let mut open: Vec<Option<IpAddr>> = Vec::new();
        for (who, comes, wait) in steps {
            now += seconds(wait);
            // One of them is for no limit of an address.
            let origin = (who > 0).then(|| IpAddr::from([192, 0, 2, who]));
            if comes {
                if limits.admit(origin, now).is_ok() {
                    open.push(origin);
                }
            } else if let Some(place) = open.iter().position(|it| *it == origin) {
                limits.leave(open.swap_remove(place), || now);
            }
            prop_assert_eq!(limits.open, open.len());
            prop_assert!(open.len() <= 6);
            for who in 1..4 {
                let origin = IpAddr::from([192, 0, 2, who]);
                let count = open.iter().filter(|it| **it == Some(origin)).count();
                prop_assert!(count <= 2);
                let known = limits.addresses.get(&origin).map_or(0, |guest| guest.open);
                prop_assert_eq!(known, count);
            }
            let idle = limits.addresses.values().filter(|guest| guest.open == 0).count();
            prop_assert_eq!(limits.remembered, idle);
        }
    }
}
