//! What each piece of work needs, beside limits, targets and peers, and beside what it needed before.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::{compiler, folder, harness::Count, machine};

/// What may be more than was kept, in hundredths: by the compiler that it was kept with, and by others.
const TOLERANCE: f64 = 10.0;
const TOLERANCE_OF_OTHERS: f64 = 25.0;

/// A measurement: what was done, by whom, and instructions for each unit of it.
#[derive(Debug)]
pub(crate) struct Row {
    work: String,
    by: String,
    each: f64,
}

/// Octets of content in one measurement.
const OCTETS: f64 = 1_048_576.0;

/// The kinds of work, what is done in words, and how many units one measurement does.
const WORK: [(&str, &str, f64); 18] = [
    ("commands_everyday", "read a command, of 8 that are said every day", 8.0),
    ("commands_all", "read a command, of 30 of all kinds", 30.0),
    ("reply", "read a reply of one line", 1.0),
    ("ehlo", "read an EHLO response of twelve lines", 1.0),
    ("content_in_text", "take an octet of content: text", OCTETS),
    ("content_in_base64", "the same of base64", OCTETS),
    ("content_in_dots", "the same where all lines begin with a dot", OCTETS),
    ("content_in_long", "the same of long lines", OCTETS),
    ("content_in_kept_text", "take and copy an octet: text", OCTETS),
    ("content_in_kept_base64", "the same of base64", OCTETS),
    ("content_in_kept_dots", "the same where all lines begin with a dot", OCTETS),
    ("content_in_kept_long", "the same of long lines", OCTETS),
    ("content_out_text", "send an octet of content: text", OCTETS),
    ("content_out_base64", "the same of base64", OCTETS),
    ("content_out_dots", "the same where all lines begin with a dot", OCTETS),
    ("content_out_long", "the same of long lines", OCTETS),
    ("server", "a transaction of 1 KiB in a server", 100.0),
    ("client", "a transaction of 1 KiB in a client", 100.0),
];

/// What is wanted, at most.
const TARGETS: [(&str, f64); 9] = [
    ("commands_everyday", 300.0),
    ("commands_all", 400.0),
    ("reply", 150.0),
    ("ehlo", 1500.0),
    ("content_in_text", 0.35),
    ("content_in_dots", 8.0),
    ("content_out_text", 1.5),
    ("server", 2500.0),
    ("client", 4000.0),
];

/// Who does nothing but what cannot be left out.
const LIMITS: [&str; 2] = ["limit", "memmem"];

/// What a kind of work is in words, and how many units of it one measurement does.
fn work(name: &str) -> (&'static str, f64) {
    let found = WORK.iter().find(|(known, ..)| *known == name);
    found.map_or(("", 1.0), |(_, words, units)| (*words, *units))
}

/// What was counted for pieces of work.
pub(crate) fn rows(counts: &[Count]) -> Vec<Row> {
    counts.iter().filter(|count| count.function != "effort").map(row).collect()
}

fn row(count: &Count) -> Row {
    let Count { function, id, arguments, instructions } = count;
    // `commands` and `commands_of_text` by whose commands they are; content by its kind.
    let (by, kind) = id.split_once('_').map_or((id.as_str(), ""), |(by, kind)| (by, kind));
    let (work, by) = match function.as_str() {
        "commands" | "commands_of_text" => (format!("commands_{kind}"), by.to_owned()),
        "reply" | "ehlo" => (function.clone(), id.clone()),
        "server" | "server_mailin" => ("server".to_owned(), id.clone()),
        "client" | "client_io" => ("client".to_owned(), id.clone()),
        content => {
            let kind = ["Text", "Base64", "Dots", "Long"]
                .into_iter()
                .find(|kind| arguments.contains(kind))
                .unwrap_or_default();
            let whose = ["stalwart", "memmem"].into_iter().find(|name| content.ends_with(name));
            let work = whose.map_or(content, |name| content.trim_end_matches(name));
            (
                format!("{}_{}", work.trim_end_matches('_'), kind.to_lowercase()),
                whose.unwrap_or("ours").to_owned(),
            )
        }
    };
    let each = instructions / self::work(&work).1;
    Row { work, by, each }
}

/// Markdown: a line for each kind of work and each way that we do it.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| instructions to … | limit | ours | target | best peer | ours ÷ best | other peers |\n\
         | --- | ---: | ---: | --- | --- | ---: | --- |\n",
    );
    for ours in rows.iter().filter(|row| row.by.starts_with("ours")) {
        let same = || rows.iter().filter(|row| row.work == ours.work);
        let limit = same().find(|row| LIMITS.contains(&row.by.as_str()));
        let mut peers: Vec<&Row> = same()
            .filter(|row| !row.by.starts_with("ours") && !LIMITS.contains(&row.by.as_str()))
            .collect();
        peers.sort_by(|one, other| one.each.total_cmp(&other.each));
        let (best, others) = match peers.split_first() {
            Some((best, others)) => (Some(*best), others),
            None => (None, &[][..]),
        };
        let named = |row: &Row| format!("{} {}", row.by, number(row.each));
        let way = match ours.by.split_once('_') {
            Some((_, way)) => {
                let (verb, how) = way.split_once('_').unwrap_or((way, ""));
                format!(", by {} {how}", verb.to_uppercase()).trim_end().to_owned()
            }
            None => String::new(),
        };
        let target = TARGETS.iter().find(|(work, _)| *work == ours.work);
        let target = target.map_or_else(String::new, |(_, most)| {
            let verdict = if ours.each <= *most { "met" } else { "not met" };
            format!("≤ {} {verdict}", number(*most))
        });
        table += &format!(
            "| {}{way} | {} | {} | {target} | {} | {} | {} |\n",
            work(&ours.work).0,
            limit.map_or_else(String::new, |limit| number(limit.each)),
            number(ours.each),
            best.map_or_else(String::new, named),
            best.map_or_else(String::new, |best| format!("{:.2}", ours.each / best.each)),
            others.iter().map(|row| named(row)).collect::<Vec<_>>().join(", "),
        );
    }
    table
}

fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// Our own figures, one in a line, behind the compiler that made the code and the machine that it is for.
fn kept(rows: &[Row]) -> String {
    let ours = rows.iter().filter(|row| row.by.starts_with("ours"));
    let lines = ours.map(|row| format!("{}\t{}\t{:.3}\n", row.work, row.by, row.each));
    std::iter::once(format!("# {}\t{}\n", compiler(), machine())).chain(lines).collect()
}

fn file() -> PathBuf {
    folder().join("instructions.tsv")
}

/// Keeps the figures, to be compared with.
pub(crate) fn keep(rows: &[Row]) -> Result<(), String> {
    fs::write(file(), kept(rows)).map_err(|error| format!("{}: {error}", file().display()))
}

pub(crate) fn check(rows: &[Row]) -> Result<(), String> {
    let text =
        fs::read_to_string(file()).map_err(|error| format!("{}: {error}", file().display()))?;
    let kept_by = text.lines().next().and_then(|line| line.strip_prefix("# ")?.split_once('\t'));
    let (by, on) = kept_by.unwrap_or_default();
    if on != machine() {
        println!("kept on {on}, this is {}: not to be compared", machine());
        return Ok(());
    }
    let tolerance = if by == compiler() {
        TOLERANCE
    } else {
        println!(
            "kept with {by}: of another compiler up to {TOLERANCE_OF_OTHERS} % more are taken"
        );
        TOLERANCE_OF_OTHERS
    };
    let mut expected = BTreeMap::new();
    for line in text.lines() {
        let mut cells = line.split('\t');
        if let (Some(work), Some(by), Some(Ok(each))) =
            (cells.next(), cells.next(), cells.next().map(str::parse::<f64>))
        {
            expected.insert((work, by), each);
        }
    }
    let mut worse = Vec::new();
    for row in rows.iter().filter(|row| row.by.starts_with("ours")) {
        let Some(&was) = expected.get(&(row.work.as_str(), row.by.as_str())) else {
            worse.push(format!("{} by {} was not kept; run with --keep", row.work, row.by));
            continue;
        };
        let more = (row.each / was - 1.0) * 100.0;
        if more > tolerance {
            worse.push(format!(
                "{} by {}: {} instead of {}, {more:.1} % more",
                row.work,
                row.by,
                number(row.each),
                number(was)
            ));
        }
    }
    if !worse.is_empty() {
        return Err(worse.join("\n"));
    }
    println!("nothing costs more than was kept");
    Ok(())
}
