//! A server whose system calls are counted, by strace.

use std::{
    collections::BTreeMap,
    env, fs, io,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// In which a server falls asleep.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Traced {
    strace: Child,
    server: u32,
    address: SocketAddr,
    counts: PathBuf,
    /// What it says is read by nobody, but it must be able to say it.
    _output: BufReader<ChildStdout>,
}

impl Traced {
    /// Starts `smtp serve` on a port of its own choice.
    pub(super) fn serve(program: &Path, runtime: &str) -> Result<Self, String> {
        let counts = env::temp_dir().join(format!("smtp-bench-{}.calls", std::process::id()));
        let mut strace = Command::new("strace")
            .args(["-f", "-qq", "-c", "-U", "name,calls", "-o"])
            .arg(&counts)
            .arg(program)
            .args(["serve", "--discard", "--hostname", "mx.example.net", "--no-tls"])
            .args(["--listen", "127.0.0.1:0", "--runtime", runtime])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("strace: {error}"))?;
        match told(&mut strace) {
            Ok((server, address, output)) => {
                Ok(Self { strace, server, address, counts, _output: output })
            }
            Err(error) => {
                let server = server_of(strace.id()).ok();
                give_up(&mut strace, server, &counts);
                Err(format!("smtp serve under strace: {error}"))
            }
        }
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until all threads of the server sleep in a system call.
    pub(super) fn until_asleep(&self) -> io::Result<()> {
        let begun = Instant::now();
        while !self.is_asleep()? {
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other("it never sleeps"));
            }
            thread::yield_now();
        }
        Ok(())
    }

    fn is_asleep(&self) -> io::Result<bool> {
        for task in fs::read_dir(format!("/proc/{}/task", self.server))? {
            // A thread may end meanwhile.
            let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else { continue };
            // The state stands behind the name, which may have parentheses of its own.
            let state = stat.rsplit_once(") ").map(|(_, rest)| rest.as_bytes()[0]);
            if state != Some(b'S') {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends the server: its system calls by their names.
    pub(super) fn end(mut self) -> Result<BTreeMap<String, f64>, String> {
        let ended = Command::new("kill").args(["-TERM", &self.server.to_string()]).status();
        ended.map_err(|error| format!("kill: {error}"))?;
        self.strace.wait().map_err(|error| format!("strace: {error}"))?;
        let text = fs::read_to_string(&self.counts)
            .map_err(|error| format!("{}: {error}", self.counts.display()))?;
        let calls: BTreeMap<String, f64> = text.lines().filter_map(call).collect();
        if calls.is_empty() { Err("strace counted nothing".into()) } else { Ok(calls) }
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        give_up(&mut self.strace, Some(self.server), &self.counts);
    }
}

/// Ends what is left of a server, and its table. A strace that is killed would let it go on.
fn give_up(strace: &mut Child, server: Option<u32>, counts: &Path) {
    if let Ok(None) = strace.try_wait() {
        if let Some(server) = server {
            let _ = Command::new("kill").args(["-KILL", &server.to_string()]).status();
        }
        let _ = strace.kill();
        let _ = strace.wait();
    }
    let _ = fs::remove_file(counts);
}

/// The process that strace has started.
fn server_of(strace: u32) -> Result<u32, String> {
    let children = fs::read_to_string(format!("/proc/{strace}/task/{strace}/children"));
    let children = children.map_err(|error| format!("its processes: {error}"))?;
    let server = children.split_whitespace().next().and_then(|server| server.parse().ok());
    server.ok_or_else(|| "it has no process".into())
}

/// The process that is traced, where it listens, and the rest of what it says.
fn told(strace: &mut Child) -> Result<(u32, SocketAddr, BufReader<ChildStdout>), String> {
    let mut output = BufReader::new(strace.stdout.take().ok_or("it has no output")?);
    let mut line = String::new();
    output.read_line(&mut line).map_err(|error| error.to_string())?;
    let address = line.trim_end().rsplit(' ').next().and_then(|address| address.parse().ok());
    let address = address.ok_or_else(|| format!("it says {line:?}"))?;
    Ok((server_of(strace.id())?, address, output))
}

/// A line of the table: a name, and how often it was called.
fn call(line: &str) -> Option<(String, f64)> {
    let mut words = line.split_whitespace();
    let (name, calls) = (words.next()?, words.next()?.parse().ok()?);
    (name != "total").then(|| (name.to_owned(), calls))
}
