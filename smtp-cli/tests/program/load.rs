//! `smtp load`: what it sends, and what it says of it.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use super::{SMTP, Serve, delivered, directory};

fn load(server: &str, options: &[&str]) -> Output {
    Command::new(SMTP).args(["load", "--server", server]).args(options).output().unwrap()
}

/// Its JSON object, and the exit code.
fn figures(server: &str, options: &[&str]) -> (Value, Option<i32>) {
    let output = Command::new(SMTP)
        .args(["load", "--json", "--server", server])
        .args(options)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
}

/// How often a phase was timed, of those that were.
fn counts(figures: &Value) -> Vec<(&str, u64)> {
    let latency = figures["latency"].as_array().unwrap();
    latency
        .iter()
        .map(|phase| {
            let at = |name: &str| phase[name].as_f64().unwrap();
            assert!(at("min") > 0.0 && at("min") <= at("p50") && at("p50") <= at("p90"), "{phase}");
            assert!(at("p90") <= at("p99") && at("p99") <= at("max"), "{phase}");
            (phase["phase"].as_str().unwrap(), phase["count"].as_u64().unwrap())
        })
        .collect()
}

fn discarding(options: &[&str]) -> Serve {
    Serve::start(&[&["--listen", "127.0.0.1:0", "--discard"], options].concat())
}

#[test]
fn so_many_messages_arrive_whole_over_so_many_sessions() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let options = ["--connections", "1", "--messages", "10", "--per-session", "4"];
    let (figures, code) = figures(
        serve.address("smtp"),
        &[&options[..], &["--recipients", "2", "--size", "5000", "--to", "b@x.example"]].concat(),
    );
    assert_eq!(code, Some(0), "{figures}");
    assert_eq!(figures["messages"]["accepted"], 10);
    assert_eq!(figures["recipients"]["accepted"], 20);
    assert_eq!(figures["sessions"], 3);
    assert_eq!(figures["octets"], 50_000);
    for address in ["b+1@x.example", "b+2@x.example"] {
        let messages = delivered(&maildir, address);
        assert_eq!(messages.len(), 10);
        assert!(messages.iter().all(|message| message.len() == 5000));
    }
    let expected = [
        ("connect", 3),
        ("greeting", 3),
        ("EHLO", 3),
        ("MAIL", 10),
        ("RCPT", 20),
        ("content", 10),
        ("QUIT", 3),
        ("message", 10),
    ];
    assert_eq!(counts(&figures), expected);
}

#[test]
fn older_ways_of_sending_tls_and_logins_are_timed() {
    let serve = discarding(&["--user", "alice:secret"]);
    let (figures, code) = figures(
        serve.address("smtp"),
        &[
            &["--messages", "6", "--connections", "2", "--pipelining", "never"][..],
            &["--chunking", "never", "--insecure", "--user", "alice", "--password", "secret"],
        ]
        .concat(),
    );
    assert_eq!(code, Some(0), "{figures}");
    let sessions = figures["sessions"].as_u64().unwrap();
    let expected = [
        ("connect", sessions),
        ("greeting", sessions),
        ("STARTTLS", sessions),
        ("TLS", sessions),
        ("EHLO", 2 * sessions),
        ("AUTH", sessions),
        ("MAIL", 6),
        ("RCPT", 6),
        ("DATA", 6),
        ("content", 6),
        ("QUIT", sessions),
        ("message", 6),
    ];
    assert_eq!(counts(&figures), expected);
}

#[test]
fn a_file_goes_out_as_it_is() {
    let (directory, maildir, text) = directory();
    let socket = format!("unix:{}", directory.path().join("lmtp.sock").display());
    let _serve = Serve::start(&["--listen-lmtp", &socket, "--maildir", &text]);
    let file = directory.path().join("mail.eml");
    fs::write(&file, "Subject: x\n\n.\nline\n").unwrap();
    let file = file.to_str().unwrap();
    let (figures, code) =
        figures(&socket, &["--lmtp", "--messages", "3", "--message", file, "--to", "b@x.example"]);
    assert_eq!(code, Some(0), "{figures}");
    let messages = delivered(&maildir, "b@x.example");
    assert_eq!(messages, vec![b"Subject: x\r\n\r\n.\r\nline\r\n".to_vec(); 3]);
}

#[test]
fn errors_are_counted_by_reply_code() {
    let serve = discarding(&["--no-tls", "--domain", "x.example"]);
    let options = ["--messages", "5", "--connections", "2", "--to", "b@elsewhere.example"];
    let (figures, code) = figures(serve.address("smtp"), &options);
    assert_eq!(code, Some(69));
    assert_eq!(figures["messages"]["refused"], 5);
    assert_eq!(figures["errors"]["550"]["count"], 5);
    let first = figures["errors"]["550"]["first"].as_str().unwrap();
    assert!(first.starts_with("rejected at RCPT: 550 5.7.1"), "{first}");
    assert_eq!(figures["octets"], 0);

    let output = load(serve.address("smtp"), &options);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("\n0 messages accepted, 5 refused, 0 unfinished\n"), "{table}");
    assert!(table.contains("\n550                5  rejected at RCPT: "), "{table}");
}

#[test]
fn what_the_server_does_not_offer_is_no_load() {
    let serve = discarding(&["--no-tls", "--withhold", "CHUNKING"]);
    let output = load(serve.address("smtp"), &["--messages", "1", "--chunking", "always"]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(output.stdout.is_empty());
}

#[test]
fn nobody_there_is_no_load() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = load(&free.to_string(), &["--messages", "1"]);
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert!(output.stdout.is_empty());
}

#[test]
fn sessions_that_are_turned_away_are_counted_and_the_run_ends() {
    let serve = discarding(&["--no-tls", "--max-connections", "1"]);
    let options = ["--messages", "40", "--connections", "3", "--rate", "200"];
    let (figures, code) = figures(serve.address("smtp"), &options);
    assert_eq!(code, Some(75), "{figures}");
    let count = |path: &str| figures.pointer(path).and_then(Value::as_u64).unwrap();
    assert_eq!(count("/messages/accepted") + count("/messages/refused"), 40);
    assert!(count("/messages/accepted") > 0);
    assert_eq!(count("/errors/421/count"), count("/messages/refused"));
}

#[test]
fn a_rate_is_kept_and_a_duration_ends_it() {
    let serve = discarding(&["--no-tls"]);
    let (paced, code) = figures(serve.address("smtp"), &["--rate", "100", "--messages", "21"]);
    assert_eq!((code, &paced["messages"]["accepted"]), (Some(0), &21.into()));
    // The last one is due after 200 milliseconds.
    assert!(paced["seconds"].as_f64().unwrap() >= 0.2, "{paced}");
    let (timed, code) = figures(serve.address("smtp"), &["--duration", "0.2"]);
    assert_eq!(code, Some(0), "{timed}");
    assert!(timed["messages"]["accepted"].as_u64().unwrap() > 0, "{timed}");
    assert_eq!(timed["messages"]["unfinished"], 0);
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_with_the_figures_so_far() {
    let serve = discarding(&["--no-tls"]);
    let mut child = Command::new(SMTP)
        .args(["load", "--json", "--server", serve.address("smtp"), "--idle"])
        .args(["--connections", "20", "--duration", "1000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "smtp: 20 sessions are open\n");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut told = String::new();
    child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let figures: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(figures["sessions"], 20);
    assert_eq!(figures["messages"]["accepted"], 0);
    assert_eq!(counts(&figures).last(), Some(&("QUIT", 20)));
}

#[test]
fn nonsense_is_wrong_use() {
    for options in [
        &["--messages", "1", "--duration", "1"][..],
        &["--messages", "2", "--rate", "1e-300"],
        &["--messages", "0"],
        &["--rate", "0"],
        &["--rate", "inf"],
        &["--duration", "-1"],
        &["--size", "3", "--messages", "1"],
        &["--idle", "--messages", "1"],
        &["--to", "postmaster", "--recipients", "2"],
    ] {
        let output = load("127.0.0.1:1", options);
        assert_eq!(output.status.code(), Some(64), "{options:?}: {output:?}");
    }
}
