//! Holds the grammar of `smtp-proto` against that of the RFCs, many times.

use std::{collections::BTreeMap, env, process::ExitCode, time::Instant};

use smtp_tests::oracle::compare;

/// Of each rule, so many differences are shown.
const SHOWN: usize = 12;

fn main() -> ExitCode {
    let mut numbers = env::args().skip(1).map(|argument| argument.parse::<u64>());
    let times = numbers.next().unwrap_or(Ok(1_000_000));
    let seed = numbers.next().unwrap_or(Ok(0));
    let (Ok(times), Ok(seed)) = (times, seed) else {
        eprintln!("usage: oracle [TIMES [SEED]]");
        return ExitCode::from(64);
    };
    let start = Instant::now();
    let mut findings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let count = compare(seed, times, |finding| {
        let verdict = if finding.taken { "taken" } else { "refused" };
        let utf8 = if finding.utf8 { " with UTF-8" } else { "" };
        let rule = format!("{:?}{utf8}: {verdict} by us alone", finding.subject);
        findings.entry(rule).or_default().push(finding.octets);
    });
    for (rule, mut octets) in findings.clone() {
        println!("{rule}: {} times", octets.len());
        octets.sort_by_key(String::len);
        octets.iter().take(SHOWN).for_each(|octets| println!("    {octets}"));
    }
    println!("{count:?} in {:.1} s", start.elapsed().as_secs_f32());
    if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
