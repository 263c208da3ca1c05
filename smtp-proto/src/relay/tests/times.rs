//! When a queue tries again, and when it gives up.

use core::time::Duration;

use proptest::prelude::*;

use crate::date::Timestamp;
use crate::parameter::{By, ByMode};
use crate::relay::*;
use crate::report::Event;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(1_767_610_800).plus(Duration::from_secs(seconds))
}

const HOUR: u64 = 3600;

fn waiting() -> Waiting {
    Waiting {
        arrived: at(0),
        attempts: 1,
        warned: false,
        told_time_over: false,
        from_nobody: false,
        by: None,
    }
}

#[test]
fn l10_l11_when_to_try_again_and_when_to_give_up() {
    let schedule = Schedule::default();
    let decide = |waiting: Waiting, after, random| schedule.decide(&waiting, at(after), random);
    let retry = |after| Some(at(after));
    assert_eq!(decide(waiting(), 10, 0).retry_at, retry(10 + HOUR / 2));
    assert_eq!(decide(waiting(), 10, u32::MAX).retry_at, retry(10 + HOUR / 4 * 3));
    let second = Waiting { attempts: 2, ..waiting() };
    assert_eq!(decide(second, HOUR, 0).retry_at, retry(3 * HOUR));
    assert_eq!(decide(second, HOUR, u32::MAX).retry_at, retry(4 * HOUR));
    assert_eq!(decide(second, 4 * HOUR - 1, 0).event, None);
    assert_eq!(decide(second, 4 * HOUR, 0).event, Some(Event::Delayed));
    assert_eq!(decide(Waiting { warned: true, ..second }, 4 * HOUR, 0).event, None);
    assert_eq!(decide(Waiting { from_nobody: true, ..second }, 4 * HOUR, 0).event, None);
    // The last attempt comes at the end of the time, and then no other.
    assert_eq!(decide(second, 120 * HOUR - 5, 0).retry_at, retry(120 * HOUR));
    let over = RetryDecision { retry_at: None, event: Some(Event::Failed) };
    assert_eq!(decide(second, 120 * HOUR, 0), over);
    assert_eq!(decide(Waiting { from_nobody: true, ..second }, 48 * HOUR, 0), over);
}

#[test]
fn l11_the_senders_own_time() {
    let schedule = Schedule::default();
    let by = |mode| Waiting { by: By::new(7200, mode, false), attempts: 2, ..waiting() };
    let decide = |waiting: Waiting, after| schedule.decide(&waiting, at(after), 0);
    let over = RetryDecision { retry_at: None, event: Some(Event::TimeOver) };
    assert_eq!(decide(by(ByMode::Return), 7199).retry_at, Some(at(7200)));
    assert_eq!(decide(by(ByMode::Return), 7200), over);
    let late = decide(by(ByMode::Notify), 7200);
    assert_eq!(late.event, Some(Event::TimeOver));
    assert_eq!(late.retry_at, Some(at(7200 + 2 * HOUR)));
    // Who was told of a delay must be told that the time is over, once.
    let warned = Waiting { warned: true, ..by(ByMode::Notify) };
    assert_eq!(decide(warned, 7199).event, None);
    assert_eq!(decide(warned, 7200).event, Some(Event::TimeOver));
    for warned in [false, true] {
        let told = Waiting { warned, told_time_over: true, ..by(ByMode::Notify) };
        assert_eq!(decide(told, 7200).event, None);
        // It is the later news: nothing of the ordinary delay comes behind it.
        assert_eq!(decide(told, 5 * HOUR).event, None);
    }
}

#[test]
fn l13_hosts_that_do_not_answer() {
    let (first, longest) = (Duration::from_secs(60), Duration::from_secs(150));
    let mut memory = Unreachable::new(2, first, longest);
    assert_eq!(memory.wait_until(&"a", at(0)), None);
    for (now, until) in [(0, 60), (100, 220), (300, 450), (500, 650)] {
        memory.failed("a", at(now));
        assert_eq!(memory.wait_until(&"a", at(now)), Some(at(until)));
        // Of the same outage, and told later.
        memory.failed("a", at(now + 1));
        memory.failed("a", at(until - 1));
        assert_eq!(memory.wait_until(&"a", at(now)), Some(at(until)));
    }
    assert_eq!(memory.wait_until(&"a", at(650)), None);
    memory.failed("b", at(600));
    memory.failed("c", at(640));
    // The one to be tried soonest made room.
    assert_eq!(memory.wait_until(&"a", at(640)), None);
    assert_eq!(memory.wait_until(&"b", at(640)), Some(at(660)));
    memory.reached(&"c");
    assert_eq!(memory.wait_until(&"c", at(640)), None);
}

proptest! {
    #[test]
    fn pauses_are_within_bounds(attempts in 0u32..9, after in 0u64..500_000, random: u32) {
        let waiting = Waiting { attempts, ..waiting() };
        let decision = Schedule::default().decide(&waiting, at(after), random);
        if let Some(retry) = decision.retry_at {
            prop_assert!(retry > at(after));
            prop_assert!(retry <= at(120 * HOUR));
            prop_assert!(retry.since(at(after)) <= Duration::from_secs(3 * HOUR));
        }
    }
}
