//! Clients and servers of ours, joined by links that split, delay, fill up and break; timers that run out
//! at any point; applications that defer and refuse; STARTTLS, AUTH, SMTP and LMTP, DATA and BDAT; somebody
//! in between who meddles. No socket, no clock, no thread: a seed decides everything, and the same seed
//! does the same again.
//!
//! What must hold, whatever happens:
//!
//! - no message that was acknowledged is lost, and its content is what was sent;
//! - none is delivered twice, but in the window that RFC 5321 section 6.1 leaves, and then the client had
//!   reported it as in doubt;
//! - what the client reports of each recipient fits what the server took;
//! - no machine stalls (some side always wants something that can be done), and none spins;
//! - nothing that waits grows without bound;
//! - each reply answers one command: the client never sees one that it does not expect, and never earns
//!   503 by its own doing;
//! - nothing that was put in behind STARTTLS has any effect.
//!
//! ```sh
//! cargo run --release -p smtp-tests --bin simulate -- --seeds 1000000
//! cargo run -p smtp-tests --bin simulate -- --seed 4711
//! ```

mod link;
mod receiver;
mod scenario;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use smtp_proto::client::Status;

use self::{receiver::Stored, scenario::Scenario, world::World};
use crate::random::Random;

/// How often a message is tried.
const ATTEMPTS: usize = 4;

/// What happened, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections that were made.
    pub connections: u64,
    /// Recipients of a transaction, as their outcomes were.
    pub delivered: u64,
    /// Refused for good.
    pub rejected: u64,
    /// Refused for now, or the session failed.
    pub deferred: u64,
    /// In doubt.
    pub in_doubt: u64,
    /// Of those in doubt, how many the server had taken.
    pub twice: u64,
    /// TLS handshakes.
    pub handshakes: u64,
    /// Connections that broke.
    pub breaks: u64,
    /// Timers that ran out.
    pub timers: u64,
}

impl core::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.connections += other.connections;
        self.delivered += other.delivered;
        self.rejected += other.rejected;
        self.deferred += other.deferred;
        self.in_doubt += other.in_doubt;
        self.twice += other.twice;
        self.handshakes += other.handshakes;
        self.breaks += other.breaks;
        self.timers += other.timers;
    }
}

/// Runs what a seed stands for; with `told`, every line that is said goes to stderr.
///
/// # Errors
/// What does not hold.
pub fn run(seed: u64, told: bool) -> Result<Tally, String> {
    catch_unwind(AssertUnwindSafe(|| simulate(seed, told))).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str);
        let what = what.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", what.unwrap_or("of unknown kind")))
    })
}

/// What became of one recipient of one message, over all attempts.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    delivered: u64,
    in_doubt: u64,
    settled: bool,
}

fn simulate(seed: u64, told: bool) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let scenario = Scenario::new(&mut random);
    if told {
        eprintln!("{scenario:#?}");
    }
    let mut tally = Tally::default();
    let mut fates: Vec<Vec<Fate>> =
        scenario.jobs.iter().map(|job| vec![Fate::default(); job.to.len()]).collect();
    let mut store: Vec<Stored> = Vec::new();
    for _ in 0..ATTEMPTS {
        if fates.iter().flatten().all(|fate| fate.settled) {
            break;
        }
        tally.connections += 1;
        let mut world = World::new(&scenario, random.clone(), told);
        let _ = random.number();
        if world.open()? {
            for (job, fates) in scenario.jobs.iter().zip(&mut fates) {
                if !world.is_usable() {
                    break;
                }
                let open: Vec<usize> = (0..job.to.len()).filter(|&at| !fates[at].settled).collect();
                if open.is_empty() {
                    continue;
                }
                let to: Vec<&str> = open.iter().map(|&at| job.to[at].as_str()).collect();
                let report = world.send(job, &to)?;
                if report.outcomes().len() != open.len() {
                    return Err(format!("{} outcomes", report.outcomes().len()));
                }
                for (at, outcome) in open.into_iter().zip(report.outcomes()) {
                    world.check(job, &job.to[at], outcome)?;
                    let fate = &mut fates[at];
                    match outcome.status() {
                        Status::Delivered => {
                            tally.delivered += 1;
                            fate.delivered += 1;
                            fate.settled = true;
                        }
                        Status::Rejected => {
                            tally.rejected += 1;
                            fate.settled = true;
                        }
                        Status::Deferred => tally.deferred += 1,
                        Status::InDoubt => {
                            tally.in_doubt += 1;
                            fate.in_doubt += 1;
                        }
                    }
                }
            }
            world.quit()?;
        }
        world.settle()?;
        tally += world.tally;
        store.append(&mut world.receiver.stored);
    }
    let mut known = 0;
    for (job, fates) in scenario.jobs.iter().zip(&fates) {
        let content = job.content();
        for (to, fate) in job.to.iter().zip(fates) {
            let copies = store.iter().filter(|stored| stored.from == job.from && stored.to == *to);
            let mut count = 0;
            for stored in copies {
                count += 1;
                if stored.body != content {
                    return Err(format!("the content of {} for {to} was altered", job.from));
                }
            }
            known += count;
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            if count < fate.delivered || count > fate.delivered + fate.in_doubt {
                return Err(format!(
                    "{} for {to} was taken {count} times; the client says {fate:?}",
                    job.from
                ));
            }
            tally.twice += count - fate.delivered;
        }
    }
    if known != store.len() {
        return Err(format!("something was taken that was not sent: {store:?}"));
    }
    Ok(tally)
}
