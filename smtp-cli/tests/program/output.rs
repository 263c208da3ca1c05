//! What becomes of work whose output nobody reads, or that cannot be written.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{SMTP, Serve, send};

/// What the command says on stderr, and its exit code, after somebody has read a line of its output and has gone.
fn unread(command: &mut Command) -> (String, Option<i32>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.ends_with('\n'), "{line}");
    let output = child.wait_with_output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

/// The same where the disk is full.
#[cfg(target_os = "linux")]
fn unwritten(command: &mut Command) -> (String, Option<i32>) {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

#[cfg(target_os = "linux")]
const FULL: &str = "smtp: standard output: No space left on device (os error 28)\n";

fn demo(temporary: &Path) -> Command {
    let mut command = Command::new(SMTP);
    command.arg("demo").env("TMPDIR", temporary);
    // What somebody has set for other servers.
    command.env("SMTP_PROXY", "socks5://127.0.0.1:1").env("SMTP_TOKEN", "x");
    command.env("SMTP_PASSWORD", "not the demo's");
    command
}

#[test]
fn the_demo_cleans_up_whoever_reads_it() {
    let temporary = tempfile::tempdir().unwrap();
    let is_empty = || fs::read_dir(temporary.path()).unwrap().next().is_none();
    let output = demo(temporary.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(is_empty());
    let (told, code) = unread(&mut demo(temporary.path()));
    assert!(code == Some(0) && !told.contains("panicked"), "{code:?} {told}");
    assert!(is_empty());
    #[cfg(target_os = "linux")]
    {
        let (told, code) = unwritten(&mut demo(temporary.path()));
        assert_eq!((told.as_str(), code), (FULL, Some(73)));
        assert!(is_empty());
    }
}

/// The transcript of a client that has sent a message.
fn transcript(folder: &Path) -> PathBuf {
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--discard"]);
    let path = folder.join("client.smtp");
    let envelope = ["--server", serve.address("smtp"), "--from", "", "--to", "b@x.example"];
    let record = ["--body", "x", "--transcript", path.to_str().unwrap()];
    let output = send(&[&envelope[..], &record].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    path
}

#[test]
fn a_replay_goes_to_its_end_whoever_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = transcript(folder.path());
    let replay = || {
        let mut command = Command::new(SMTP);
        command.arg("replay").arg(&path);
        command
    };
    assert_eq!(unread(&mut replay()), (String::new(), Some(0)));
    #[cfg(target_os = "linux")]
    assert_eq!(unwritten(&mut replay()), (FULL.to_owned(), Some(73)));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("RCPT TO:<b@x.example>", "RCPT TO:<b@x")).unwrap();
    let (told, code) = unread(&mut replay());
    assert_eq!(code, Some(76), "{told}");
}

/// The message is on its way, and is not to be sent again.
#[cfg(target_os = "linux")]
#[test]
fn an_outcome_that_cannot_be_written_is_no_failure_to_send() {
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--discard"]);
    let mut command = Command::new(SMTP);
    command.args(["send", "--server", serve.address("smtp"), "--from", "", "--to", "b@x.example"]);
    assert_eq!(unwritten(&mut command), (FULL.to_owned(), Some(0)));
}
