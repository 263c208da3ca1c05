//! The simulation, over as many seeds as a test run has time for; `simulate` runs more.

use std::{env, thread};

use smtp_tests::simulation::{Tally, run};

/// In all: what takes some seconds without optimisation.
const SEEDS: u64 = 10_000;

#[test]
fn whatever_happens_no_message_is_lost_altered_or_delivered_twice_unseen() {
    let seeds = env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let workers = thread::available_parallelism().map_or(2, |count| count.get() as u64);
    let work = |worker: u64| {
        let mut sum = Tally::default();
        for seed in (worker..seeds).step_by(usize::try_from(workers).unwrap()) {
            match run(seed, false) {
                Ok(tally) => sum += tally,
                Err(what) => panic!(
                    "{what}\ntell all of it: cargo run -p smtp-tests --bin simulate -- --seed {seed}"
                ),
            }
        }
        sum
    };
    let mut sum = Tally::default();
    thread::scope(|scope| {
        let running: Vec<_> =
            (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        running.into_iter().for_each(|worker| sum += worker.join().unwrap());
    });
    println!("{sum:#?}");
    // What the seeds are there for has happened.
    assert!(sum.delivered > seeds && sum.rejected > seeds / 2 && sum.deferred > seeds / 2);
    for rare in [sum.in_doubt, sum.twice, sum.handshakes, sum.breaks, sum.timers] {
        assert!(rare > seeds / 100, "{sum:?}");
    }
}

/// The same seed does the same.
#[test]
fn a_seed_decides_everything() {
    for seed in 0..50 {
        assert_eq!(run(seed, false), run(seed, false));
    }
}
