//! Counts the instructions of every piece of work, and shows them as a table.
//!
//! ```sh
//! cargo run --release --manifest-path bench/Cargo.toml              # the table
//! cargo run --release --manifest-path bench/Cargo.toml -- --keep    # keeps it in instructions.tsv and PERFORMANCE.md
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

/// What may be more than was kept, in hundredths: by the compiler that it was kept with, and by others.
const TOLERANCE: f64 = 10.0;
const TOLERANCE_OF_OTHERS: f64 = 25.0;

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
        Some("--keep") => match keep(&rows, &file) {
            Ok(()) => ExitCode::SUCCESS,
            Err(what) => {
                eprintln!("{what}");
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
    let each = counted / self::work(&work).1;
    Ok(Row { work, by, each })
}

/// Markdown: a line for each kind of work and each way that we do it.
fn table(rows: &[Row]) -> String {
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
            Some((_, way)) => format!(", by {}", way.to_uppercase()),
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

/// Keeps the figures, and the table between its marks in the page.
fn keep(rows: &[Row], file: &Path) -> Result<(), String> {
    const BEGIN: &str = "<!-- instructions -->\n";
    const END: &str = "<!-- end of instructions -->\n";

    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    fs::write(file, kept(rows)).map_err(|error| told(file, error))?;
    let page = folder().with_file_name("PERFORMANCE.md");
    let text = fs::read_to_string(&page).map_err(|error| told(&page, error))?;
    let places = text.find(BEGIN).zip(text.find(END)).filter(|(begin, end)| begin < end);
    let Some((begin, end)) = places else {
        return Err(format!("{}: no marks for the table", page.display()));
    };
    let (before, after) = (&text[..begin], &text[end..]);
    let text = format!("{before}{BEGIN}\n{}\n{after}", table(rows));
    fs::write(&page, text).map_err(|error| told(&page, error))
}

/// The compiler, as it names itself.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or_else(
        |_| "unknown".into(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The processor, as far as it decides which instructions are chosen.
fn machine() -> String {
    #[cfg(target_arch = "x86_64")]
    let vectors = if std::is_x86_feature_detected!("avx2") { " with AVX2" } else { "" };
    #[cfg(not(target_arch = "x86_64"))]
    let vectors = "";
    format!("{}{vectors}", env::consts::ARCH)
}

fn check(rows: &[Row], file: &Path) -> ExitCode {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    };
    let kept_by = text.lines().next().and_then(|line| line.strip_prefix("# ")?.split_once('\t'));
    let (by, on) = kept_by.unwrap_or_default();
    if on != machine() {
        println!("kept on {on}, this is {}: not to be compared", machine());
        return ExitCode::SUCCESS;
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
    let mut worse = 0;
    for row in rows.iter().filter(|row| row.by.starts_with("ours")) {
        let Some(&was) = expected.get(&(row.work.as_str(), row.by.as_str())) else {
            eprintln!("{} by {} was not kept; run with --keep", row.work, row.by);
            worse += 1;
            continue;
        };
        let more = (row.each / was - 1.0) * 100.0;
        if more > tolerance {
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
