//! Runs the simulation over many seeds, or one seed and tells every line of it.

use std::{env, io::Write as _, process::ExitCode, time::Instant};

use smtp_tests::simulation::{Tally, run};

const USAGE: &str = "\
usage: simulate [--seeds N] [--from SEED]   runs N seeds (default 100000) from SEED on (default 0)
       simulate --seed SEED                 runs one, and tells what is said on stderr
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut numbers = [100_000u64, 0, u64::MAX];
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let place = match argument.as_str() {
            "--seeds" => 0,
            "--from" => 1,
            "--seed" => 2,
            _ => {
                eprint!("{USAGE}");
                return ExitCode::from(if argument == "--help" { 0 } else { 64 });
            }
        };
        let Some(number) = rest.next().and_then(|number| number.parse().ok()) else {
            eprint!("{USAGE}");
            return ExitCode::from(64);
        };
        numbers[place] = number;
    }
    let [seeds, from, one] = numbers;
    if one != u64::MAX {
        return match run(one, true) {
            Ok(tally) => {
                println!("{tally:#?}");
                ExitCode::SUCCESS
            }
            Err(what) => {
                println!("seed {one}: {what}");
                ExitCode::FAILURE
            }
        };
    }
    // A failure says what it is; where in the code, the single run tells.
    std::panic::set_hook(Box::new(|_| {}));
    let start = Instant::now();
    let (mut sum, mut failures) = (Tally::default(), 0u64);
    for seed in from..from.saturating_add(seeds) {
        match run(seed, false) {
            Ok(tally) => sum += tally,
            Err(what) => {
                failures += 1;
                println!("seed {seed}: {what}");
                if failures == 20 {
                    break;
                }
            }
        }
        if seed % 1000 == 999 {
            eprint!("\r{} seeds, {} s", seed + 1 - from, start.elapsed().as_secs());
            let _ = std::io::stderr().flush();
        }
    }
    eprintln!();
    println!("{sum:#?}");
    println!("{failures} failures");
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
