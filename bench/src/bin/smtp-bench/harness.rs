//! Runs the benchmarks under callgrind, and reads what was counted.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::folder;

/// The version of the runner, which has to be that of the library.
const RUNNER: &str = "0.20.0";

/// What one run of one function needed.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) function: String,
    /// Which run of the function.
    pub(crate) id: String,
    /// The arguments, as they are written.
    pub(crate) arguments: String,
    pub(crate) instructions: f64,
}

pub(crate) fn measure() -> Result<Vec<Count>, String> {
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
    let counts: Result<Vec<Count>, String> =
        text.lines().filter(|line| line.starts_with('{')).map(count).collect();
    match counts {
        Ok(counts) if counts.is_empty() => Err("nothing was measured".into()),
        counts => counts,
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed")) }
}

/// One line of the harness's output.
fn count(line: &str) -> Result<Count, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (function, id) = (text("function_name"), text("id"));
    let profiles = value["profiles"].as_array().map(Vec::as_slice).unwrap_or_default();
    let counted = profiles
        .iter()
        .find_map(|profile| profile["data"]["parts"][0]["metrics"]["Ir"]["values"]["new"].as_f64());
    let instructions = counted.ok_or_else(|| format!("{function} {id}: no count"))?;
    Ok(Count { function, id, arguments: text("description"), instructions })
}
