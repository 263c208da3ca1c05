//! Plays sessions of both roles with every cut in two, octet by octet, and cut at random.

use std::{env, process::ExitCode, time::Instant};

use smtp_tests::splits::Sessions;

fn main() -> ExitCode {
    let mut numbers = env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (Ok(times), Ok(from)) =
        (numbers.next().unwrap_or(Ok(1_000_000)), numbers.next().unwrap_or(Ok(0)))
    else {
        eprintln!("usage: splits [TIMES [SEED]]    plays sessions, from a seed on, TIMES in all");
        return ExitCode::from(64);
    };
    let (start, sessions) = (Instant::now(), Sessions::default());
    let (mut played, mut seed) = (0, from);
    while played < times {
        match sessions.check(seed) {
            Ok(now) => played += now,
            Err(what) => {
                println!("seed {seed}: {what}");
                return ExitCode::FAILURE;
            }
        }
        seed += 1;
    }
    let seconds = start.elapsed().as_secs_f32();
    println!("{} sessions of each role, played {played} times in {seconds:.1} s", seed - from);
    ExitCode::SUCCESS
}
