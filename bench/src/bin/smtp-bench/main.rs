//! Counts the instructions of every piece of work, and of hostile input at two lengths, and the system calls
//! of a message, and shows them as tables.
//!
//! ```sh
//! cargo run --release --manifest-path bench/Cargo.toml              # the tables
//! cargo run --release --manifest-path bench/Cargo.toml -- --keep    # keeps them, as files here and in PERFORMANCE.md
//! cargo run --release --manifest-path bench/Cargo.toml -- --check   # fails where more is needed than was kept,
//!                                                                   # or effort grows faster than its input
//! cargo run --release --manifest-path bench/Cargo.toml -- calls     # only these; or only `instructions`
//! ```
//!
//! Instructions need valgrind, and `gungraun-runner` of the version that is locked here, which is installed by
//! `cargo install` if it is not there; system calls need Linux and strace.

mod calls;
mod growth;
mod harness;
mod page;
mod pieces;

use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode},
};

const USAGE: &str = "usage: smtp-bench [--keep | --check] [instructions | calls]";

/// What is done with the figures beside showing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Show,
    Keep,
    Check,
}

fn main() -> ExitCode {
    let mut wish = Wish::Show;
    let mut only = None;
    for word in env::args().skip(1) {
        match word.as_str() {
            "--keep" if wish == Wish::Show => wish = Wish::Keep,
            "--check" if wish == Wish::Show => wish = Wish::Check,
            "instructions" | "calls" if only.is_none() => only = Some(word),
            "--help" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(64);
            }
        }
    }
    let parts =
        [("instructions", instructions as fn(Wish) -> Result<(), String>), ("calls", calls)];
    let wrong: Vec<String> = parts
        .into_iter()
        .filter(|(name, _)| only.as_ref().is_none_or(|only| only == name))
        .filter_map(|(_, part)| part(wish).err())
        .collect();
    if wrong.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("{}", wrong.join("\n"));
    ExitCode::FAILURE
}

fn instructions(wish: Wish) -> Result<(), String> {
    let counts = harness::measure()?;
    let (rows, growths) = (pieces::rows(&counts), growth::growths(&counts)?);
    let (pieces, growth) = (pieces::table(&rows), growth::table(&growths));
    println!("{pieces}\n{growth}");
    match wish {
        Wish::Show => Ok(()),
        Wish::Keep => {
            pieces::keep(&rows)?;
            page::put("instructions", &pieces)?;
            page::put("effort", &growth)
        }
        // Both say what they find, whatever the other one finds.
        Wish::Check => {
            let found = [pieces::check(&rows), growth::check(&growths)];
            let wrong: Vec<String> = found.into_iter().filter_map(Result::err).collect();
            if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
        }
    }
}

fn calls(wish: Wish) -> Result<(), String> {
    let rows = calls::rows()?;
    let table = calls::table(&rows);
    println!("{table}");
    match wish {
        Wish::Show => Ok(()),
        Wish::Keep => {
            calls::keep(&rows)?;
            page::put("calls", &table)
        }
        Wish::Check => calls::check(&rows),
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
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
