//! How many system calls `smtp serve` needs for a message on each runtime, beside what it needed before.
//!
//! One session sends every turn only when the server has nothing left to do and sleeps, so that no
//! octets are there before it asks for them: the most calls that a turn can need, and the same each
//! time. What a session costs to begin and to end is taken out by the difference of two lengths.

mod session;
mod traced;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use session::Way;
use traced::Traced;

use crate::folder;

const RUNTIMES: [&str; 3] = ["tokio", "smol", "blocking"];
/// Messages of a short and of a long session.
const FEW: u32 = 10;
const MANY: u32 = 310;
/// Of so many long sessions the one with the fewest calls counts.
const SESSIONS: u32 = 3;
/// Calls for each message that may be more than were kept: less than one in a turn.
const TOLERANCE: f64 = 0.5;
/// A call that is made less often than this is none of a message.
const SELDOM: f64 = 0.05;

/// Calls for each message, by their names.
#[derive(Debug)]
pub(crate) struct Row {
    way: Way,
    runtime: &'static str,
    calls: BTreeMap<String, f64>,
}

impl Row {
    fn all(&self) -> f64 {
        self.calls.values().sum()
    }

    /// Those that move octets of the session.
    fn moving(&self) -> f64 {
        let moves =
            |name: &str| ["recv", "send", "readv", "write"].iter().any(|of| name.starts_with(of));
        self.calls.iter().filter(|(name, _)| moves(name)).map(|(_, each)| each).sum()
    }

    /// Whether all of them are the same each time. Threads of smol hand the reactor to each other, or one
    /// of them keeps it: by that a wait takes seven calls, or twice as many.
    fn is_steady(&self) -> bool {
        self.runtime != "smol"
    }

    /// `4.00 recvfrom, 4.00 sendto`, those that are made most often first.
    fn named(&self) -> String {
        let mut calls: Vec<(&String, f64)> =
            self.calls.iter().map(|(name, each)| (name, *each)).collect();
        calls.retain(|(_, each)| *each >= SELDOM);
        calls.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let named: Vec<String> =
            calls.iter().map(|(name, each)| format!("{each:.2} {name}")).collect();
        named.join(", ")
    }
}

pub(crate) fn rows() -> Result<Vec<Row>, String> {
    let program = program()?;
    let mut rows = Vec::new();
    for way in Way::ALL {
        for runtime in RUNTIMES {
            let counted = |messages| count(&program, runtime, way, messages);
            let few = counted(FEW)?;
            let mut many = counted(MANY)?;
            for _ in 1..SESSIONS {
                let again = counted(MANY)?;
                if again.values().sum::<f64>() < many.values().sum() {
                    many = again;
                }
            }
            let of = |calls: &BTreeMap<String, f64>, name: &str| {
                calls.get(name).copied().unwrap_or_default()
            };
            let names: BTreeSet<&String> = few.keys().chain(many.keys()).collect();
            let calls = names
                .into_iter()
                .map(|name| {
                    (name.clone(), (of(&many, name) - of(&few, name)) / f64::from(MANY - FEW))
                })
                .collect();
            rows.push(Row { way, runtime, calls });
        }
    }
    Ok(rows)
}

/// The program as its users have it.
fn program() -> Result<PathBuf, String> {
    let folder = folder();
    let root = folder.parent().ok_or("no folder above this one")?;
    let mut build = Command::new("cargo");
    build.args(["build", "--locked", "--release", "-p", "smtp-cli"]).current_dir(root);
    // What cargo told this program of itself would have crates built anew that look at it.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_")
            || name == "CARGO_MANIFEST_DIR"
            || name == "CARGO_MANIFEST_PATH"
        {
            build.env_remove(name);
        }
    }
    let status = build.status().map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err("smtp was not built".into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Ok(root.join(target).join("release").join("smtp"))
}

/// All calls of a server for one session of so many messages.
fn count(
    program: &Path,
    runtime: &str,
    way: Way,
    messages: u32,
) -> Result<BTreeMap<String, f64>, String> {
    let server = Traced::serve(program, runtime)?;
    way.run(&server, messages).map_err(|error| format!("smtp serve on {runtime}: {error}"))?;
    server.end()
}

/// Markdown: a line for each way, a column for each runtime.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = format!(
        "| system calls for a message of 1 KiB, sent … | {} |\n| --- |{}\n",
        RUNTIMES.join(" | "),
        " --- |".repeat(RUNTIMES.len()),
    );
    for way in Way::ALL {
        let of = rows.iter().filter(|row| row.way == way);
        let cells: Vec<String> =
            of.map(|row| format!("**{:.1}**: {}", row.all(), row.named())).collect();
        table += &format!("| {} | {} |\n", way.in_words(), cells.join(" | "));
    }
    table
}

fn file() -> PathBuf {
    folder().join("calls.tsv")
}

/// Keeps the figures, to be compared with.
pub(crate) fn keep(rows: &[Row]) -> Result<(), String> {
    let line = |row: &Row| {
        let (way, runtime) = (row.way.name(), row.runtime);
        format!("{way}\t{runtime}\t{:.2}\t{:.2}\t{}\n", row.moving(), row.all(), row.named())
    };
    let text: String = rows.iter().map(line).collect();
    fs::write(file(), text).map_err(|error| format!("{}: {error}", file().display()))
}

pub(crate) fn check(rows: &[Row]) -> Result<(), String> {
    let text =
        fs::read_to_string(file()).map_err(|error| format!("{}: {error}", file().display()))?;
    let mut worse = Vec::new();
    for row in rows {
        let begin = format!("{}\t{}\t", row.way.name(), row.runtime);
        let kept = text.lines().find_map(|line| line.strip_prefix(&begin)).and_then(|line| {
            let mut cells = line.split('\t').map(str::parse::<f64>);
            Some((cells.next()?.ok()?, cells.next()?.ok()?))
        });
        let Some((moving, all)) = kept else {
            worse.push(format!("{begin}was not kept; run with --keep"));
            continue;
        };
        let pairs = [("reads and writes", row.moving(), moving), ("all", row.all(), all)];
        for (what, is, was) in pairs.into_iter().take(1 + usize::from(row.is_steady())) {
            if is > was + TOLERANCE {
                worse.push(format!(
                    "system calls on {}, {}: {what} {is:.2} instead of {was:.2}: {}",
                    row.runtime,
                    row.way.in_words(),
                    row.named()
                ));
            }
        }
    }
    if !worse.is_empty() {
        return Err(worse.join("\n"));
    }
    println!("no message needs more system calls than were kept");
    Ok(())
}
