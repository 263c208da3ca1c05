//! Counts the instructions of every piece of work, and shows them as a table.
//!
//! ```sh
//! cargo run --release --manifest-path bench/Cargo.toml              # the table
//! cargo run --release --manifest-path bench/Cargo.toml -- --keep    # and keeps it in instructions.tsv
//! cargo run --release --manifest-path bench/Cargo.toml -- --check   # fails where more is needed than was kept
//! ```
//!
//! Needs valgrind, and `gungraun-runner` of the version that is locked here, which is installed by
//! `cargo install` if it is not there.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use serde_json::Value;

/// What may be more than was kept, in a hundredth: compilers differ a little.
const TOLERANCE: f64 = 2.0;

/// The version of the runner, which has to be that of the library.
const RUNNER: &str = "0.20.0";

const USAGE: &str = "usage: smtp-bench [--keep | --check]";

fn main() -> ExitCode {
    let wish = env::args().nth(1);
    match wish.as_deref() {
        None | Some("--keep" | "--check") => {}
        Some("--help") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some(_) => {
            eprintln!("{USAGE}");
            return ExitCode::from(64);
        }
    }
    let rows = match measure() {
        Ok(rows) => rows,
        Err(what) => {
            eprintln!("{what}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", table(&rows));
    let file = folder().join("instructions.tsv");
    match wish.as_deref() {
        Some("--keep") => match fs::write(&file, kept(&rows)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{}: {error}", file.display());
                ExitCode::FAILURE
            }
        },
        Some("--check") => check(&rows, &file),
        _ => ExitCode::SUCCESS,
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A measurement: what was done, by whom, and instructions for each unit of it.
#[derive(Debug)]
struct Row {
    work: String,
    by: String,
    each: f64,
}

/// The kinds of work, their units, and how many units one measurement does.
const WORK: [(&str, &str, f64); 7] = [
    ("commands_everyday", "command of everyday", 8.0),
    ("commands_all", "command of any kind", 30.0),
    ("reply", "reply of one line", 1.0),
    ("ehlo", "EHLO response of twelve lines", 1.0),
    ("content", "octet of content", 1_048_576.0),
    ("server", "transaction of 1 KiB, server", 100.0),
    ("client", "transaction of 1 KiB, client", 100.0),
];

fn measure() -> Result<Vec<Row>, String> {
    let runner = Command::new("gungraun-runner").arg("--version").output();
    let is_right = |text: &[u8]| String::from_utf8_lossy(text).contains(RUNNER);
    if !runner.is_ok_and(|output| is_right(&output.stdout)) {
        run(Command::new("cargo").args([
            "install",
            "--locked",
            "gungraun-runner",
            "--version",
            RUNNER,
        ]))?;
    }
    let output = Command::new("cargo")
        .args(["bench", "--locked", "--bench", "instructions", "--", "--output-format=json"])
        .current_dir(folder())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err("the benchmark failed".into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let rows: Result<Vec<Row>, String> =
        text.lines().filter(|line| line.starts_with('{')).map(row).collect();
    rows.and_then(
        |rows| if rows.is_empty() { Err("nothing was measured".into()) } else { Ok(rows) },
    )
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed")) }
}

/// One line of the harness's output.
fn row(line: &str) -> Result<Row, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (function, id) = (text("function_name"), text("id"));
    let profiles = value["profiles"].as_array().map(Vec::as_slice).unwrap_or_default();
    let counted = profiles
        .iter()
        .find_map(|profile| profile["data"]["parts"][0]["metrics"]["Ir"]["values"]["new"].as_f64());
    let counted = counted.ok_or_else(|| format!("{function} {id}: no count"))?;
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
                .find(|kind| text("description").contains(kind))
                .unwrap_or_default();
            let whose = ["stalwart", "memmem"].into_iter().find(|name| content.ends_with(name));
            let work = whose.map_or(content, |name| content.trim_end_matches(name));
            (
                format!("{}_{}", work.trim_end_matches('_'), kind.to_lowercase()),
                whose.unwrap_or("ours").to_owned(),
            )
        }
    };
    let units =
        WORK.iter().find(|(name, ..)| work.starts_with(name)).map_or(1.0, |(_, _, units)| *units);
    Ok(Row { work, by, each: counted / units })
}

fn table(rows: &[Row]) -> String {
    let mut works: Vec<&str> = Vec::new();
    for row in rows {
        if !works.contains(&row.work.as_str()) {
            works.push(&row.work);
        }
    }
    let mut table = String::from("| work | instructions for each unit |\n| --- | --- |\n");
    for work in works {
        let unit =
            WORK.iter().find(|(name, ..)| work.starts_with(name)).map_or("", |(_, unit, _)| unit);
        let who: Vec<String> = rows
            .iter()
            .filter(|row| row.work == work)
            .map(|row| format!("{} {}", row.by, number(row.each)))
            .collect();
        table += &format!("| {work} ({unit}) | {} |\n", who.join(", "));
    }
    table
}

fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// Our own figures, one in a line.
fn kept(rows: &[Row]) -> String {
    let ours = rows.iter().filter(|row| row.by.starts_with("ours"));
    ours.map(|row| format!("{}\t{}\t{:.3}\n", row.work, row.by, row.each)).collect()
}

fn check(rows: &[Row], file: &Path) -> ExitCode {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
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
    let mut worse = 0;
    for row in rows.iter().filter(|row| row.by.starts_with("ours")) {
        let Some(&was) = expected.get(&(row.work.as_str(), row.by.as_str())) else {
            eprintln!("{} by {} was not kept; run with --keep", row.work, row.by);
            worse += 1;
            continue;
        };
        let more = (row.each / was - 1.0) * 100.0;
        if more > TOLERANCE {
            eprintln!(
                "{} by {}: {} instead of {}, {more:.1} % more",
                row.work,
                row.by,
                number(row.each),
                number(was)
            );
            worse += 1;
        }
    }
    if worse == 0 {
        println!("nothing costs more than was kept");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
