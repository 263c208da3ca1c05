//! Counts the instructions of every piece of work, and of hostile input at two lengths, and shows them as
//! tables.
//!
//! ```sh
//! cargo run --release --manifest-path bench/Cargo.toml              # the tables
//! cargo run --release --manifest-path bench/Cargo.toml -- --keep    # keeps them in instructions.tsv and PERFORMANCE.md
//! cargo run --release --manifest-path bench/Cargo.toml -- --check   # fails where more is needed than was kept,
//!                                                                   # or effort grows faster than its input
//! ```
//!
//! Needs valgrind, and `gungraun-runner` of the version that is locked here, which is installed by
//! `cargo install` if it is not there.

mod growth;
mod harness;
mod page;
mod pieces;

use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode},
};

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
    match run(wish.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}

fn run(wish: Option<&str>) -> Result<(), String> {
    let counts = harness::measure()?;
    let (rows, growths) = (pieces::rows(&counts), growth::growths(&counts)?);
    let (pieces, growth) = (pieces::table(&rows), growth::table(&growths));
    println!("{pieces}\n{growth}");
    match wish {
        Some("--keep") => {
            pieces::keep(&rows)?;
            page::put("instructions", &pieces)?;
            page::put("effort", &growth)
        }
        // Both say what they find, whatever the other one finds.
        Some("--check") => {
            let found = [pieces::check(&rows), growth::check(&growths)];
            let wrong: Vec<String> = found.into_iter().filter_map(Result::err).collect();
            if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
        }
        _ => Ok(()),
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
