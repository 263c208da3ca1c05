//! The program on each runtime. All other tests run on any of them, too: what `SMTP_RUNTIME` says.

use std::{fs, process::Command};

use super::{SMTP, Serve, delivered, directory, send};

const RUNTIMES: [&str; 3] = ["tokio", "smol", "blocking"];

/// From each to each other: through TLS and a login, from a file and from a pipe.
#[test]
fn mail_goes_from_each_runtime_to_each_other() {
    for served in RUNTIMES {
        let (directory, maildir, text) = directory();
        let serve = Serve::start(&[
            "--runtime",
            served,
            "--listen",
            "127.0.0.1:0",
            "--listen-lmtp",
            "127.0.0.1:0",
            "--user",
            "alice:wonderland",
            "--maildir",
            &text,
        ]);
        // Longer than what is looked at of a pipe before it is sent.
        let message = format!("Subject: x\r\n\r\n{}", "..a line\r\n".repeat(20_000));
        let file = directory.path().join("mail.eml");
        fs::write(&file, &message).unwrap();
        for (number, sending) in RUNTIMES.iter().enumerate() {
            let common = |server: &str, path: &str| {
                let mut command = Command::new(SMTP);
                command.args(["send", "--runtime", sending, "--server", server]);
                command.args([
                    "--from",
                    "a@example.org",
                    "--to",
                    "b@example.net",
                    "--message",
                    path,
                ]);
                command
            };
            let secure = ["--tls", "starttls", "--insecure"];
            let login = ["--user", "alice", "--password", "wonderland"];
            let mut by_file = common(serve.address("smtp"), file.to_str().unwrap());
            let sent = by_file.args(secure).args(login).output().unwrap();
            assert_eq!(sent.status.code(), Some(0), "{served} {sending}: {sent:?}");
            let mut by_pipe = common(serve.address("lmtp"), "-");
            let sent =
                by_pipe.arg("--lmtp").stdin(fs::File::open(&file).unwrap()).output().unwrap();
            assert_eq!(sent.status.code(), Some(0), "{served} {sending}: {sent:?}");
            let there = delivered(&maildir, "b@example.net");
            assert_eq!(there.len(), 2 * (number + 1));
            let submitted = |taken: &Vec<u8>| taken.ends_with(message.as_bytes());
            assert!(there.iter().all(submitted), "{served} {sending}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_server_ends_in_order_on_each() {
    for runtime in RUNTIMES {
        let arguments = ["--runtime", runtime, "--listen", "127.0.0.1:0", "--discard", "--no-tls"];
        let mut serve = Serve::start(&[&arguments[..], &["--summary"]].concat());
        let server = serve.address("smtp").to_owned();
        let arguments = ["--server", &server, "--from", "a@x.example", "--to", "b@x.example"];
        assert_eq!(send(&arguments).status.code(), Some(0));
        let pid = serve.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert_eq!(serve.child.wait().unwrap().code(), Some(0));
        let mut summary = String::new();
        std::io::Read::read_to_string(&mut serve.stdout, &mut summary).unwrap();
        assert!(
            summary.contains("messages   1 accepted, for 1 recipients"),
            "{runtime}: {summary}"
        );
    }
}

#[test]
fn each_loads_and_probes_and_shows_all() {
    let serve = Serve::start(&["--runtime", "blocking", "--listen", "127.0.0.1:0", "--discard"]);
    let server = serve.address("smtp");
    for runtime in RUNTIMES {
        let run = |words: &[&str]| {
            let output = Command::new(SMTP).args(words).args(["--runtime", runtime]).output();
            let output = output.unwrap();
            assert_eq!(output.status.code(), Some(0), "{runtime} {words:?}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let load = ["load", "--server", server, "--json", "--connections", "4"];
        let report = run(&[&load[..], &["--messages", "100", "--tls", "none"]].concat());
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["messages"]["accepted"], 100, "{runtime}: {report}");
        let report = run(&[&load[..], &["--idle", "--duration", "0.1"]].concat());
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["sessions"], 4, "{runtime}: {report}");
        let page = run(&["probe", server, "--insecure", "--json"]);
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        assert!(page["tls"]["established"] == true && page["local"].is_string(), "{page}");
        assert!(run(&["demo"]).contains("October,1200"), "{runtime}");
    }
}
