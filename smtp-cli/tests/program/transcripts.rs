//! Transcripts of the program, and `smtp replay`.

use std::process::Command;

use super::{SMTP, Serve};

#[test]
fn a_transcript_shows_everything_but_secrets() {
    let serve =
        Serve::start(&["--listen", "127.0.0.1:0", "--user", "alice:wonderland", "--discard"]);
    let output = Command::new(SMTP)
        .args(["send", "--server", serve.address("smtp"), "--tls", "starttls", "--insecure"])
        .args(["--user", "alice", "--from", "a@x.example", "--to", "b@x.example", "--trace"])
        .env("SMTP_PASSWORD", "wonderland")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let trace = String::from_utf8(output.stderr).unwrap();
    assert!(
        trace.contains("C: AUTH SCRAM-SHA-256-PLUS ***\n") && trace.contains("S: 235 2.7.0"),
        "{trace}"
    );
    // Base64 of NUL alice NUL wonderland, and of its parts.
    for secret in ["wonderland", "AGFsaWNlAHdvbmRlcmxhbmQ=", "d29uZGVybGFuZA=="] {
        assert!(!trace.contains(secret), "{trace}");
    }
}

/// What both sides write down is replayed; a file that was changed shows where.
#[test]
fn transcripts_are_replayed() {
    replayed("PLAIN", [1, 1]);
}

/// Of the channel that the exchange is bound to it is recorded that there is one, and not its data.
#[test]
fn a_session_that_was_bound_to_tls_is_replayed() {
    replayed("SCRAM-SHA-256-PLUS,SCRAM-SHA-256,PLAIN", [2, 4]);
}

/// `secrets`: how many of them the server, and how many the client, did not write down.
fn replayed(mechanisms: &str, secrets: [usize; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let sessions = folder.path().join("sessions");
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--user",
        "alice:wonderland",
        "--auth",
        mechanisms,
        "--discard",
        "--transcript",
        sessions.to_str().unwrap(),
    ]);
    let file = folder.path().join("client.smtp");
    let output = Command::new(SMTP)
        .args(["send", "--server", serve.address("smtp"), "--tls", "starttls", "--insecure"])
        .args(["--user", "alice", "--from", "a@x.example", "--to", "b@x.example"])
        .args(["--body", "a secret text", "--transcript", file.to_str().unwrap()])
        .env("SMTP_PASSWORD", "wonderland")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    drop(serve);
    let mut files: Vec<_> =
        std::fs::read_dir(sessions).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.push(file);
    let replay =
        |file: &std::path::Path| Command::new(SMTP).arg("replay").arg(file).output().unwrap();
    for (file, secrets) in files.iter().zip(secrets) {
        let text = std::fs::read_to_string(file).unwrap();
        for secret in ["wonderland", "AGFsaWNlAHdvbmRlcmxhbmQ=", "a secret text"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(text.contains("\n# TLSv1_3 TLS13_"), "{text}");
        let output = replay(file);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{output:?}\n{text}");
        assert!(printed.ends_with("\nthe same\n"), "{printed}");
        assert!(printed.contains(&format!("note: {secrets} secrets were masked")), "{printed}");
        let bound = mechanisms.contains("-PLUS");
        assert_eq!(text.contains("AUTH SCRAM-SHA-256-PLUS "), bound, "{text}");
        assert!(text.contains("\nchannel tls-exporter"), "{text}");
        std::fs::write(file, text.replace("MAIL FROM:<a@x.example>", "MAIL FROM:<a@x")).unwrap();
        let output = replay(file);
        assert_eq!(output.status.code(), Some(76), "{output:?}");
        std::fs::write(file, "smtp-transcript 1 server\nnonsense\n").unwrap();
        assert_eq!(replay(file).status.code(), Some(65));
    }
}

#[test]
fn content_is_kept_up_to_any_length() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--discard"]);
    let file = folder.path().join("client.smtp");
    let output = Command::new(SMTP)
        .args(["send", "--server", serve.address("smtp"), "--from", "", "--to", "b@x.example"])
        .args(["--body", "all of it", "--transcript", file.to_str().unwrap()])
        .args(["--keep-content", &usize::MAX.to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("all of it"));
}

/// Who writes to whom is in them.
#[cfg(unix)]
#[test]
fn nobody_else_may_read_a_transcript() {
    use std::{fs, os::unix::fs::PermissionsExt};

    let folder = tempfile::tempdir().unwrap();
    let sessions = folder.path().join("sessions");
    let listen = ["--listen", "127.0.0.1:0", "--no-tls", "--discard", "--transcript"];
    let serve = Serve::start(&[&listen[..], &[sessions.to_str().unwrap()]].concat());
    let file = folder.path().join("client.smtp");
    // It was there before, and everybody could read it.
    fs::write(&file, "something else").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let output = Command::new(SMTP)
        .args(["send", "--server", serve.address("smtp"), "--from", "a@x.example"])
        .args(["--to", "b@x.example", "--body", "x", "--transcript", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(fs::read_to_string(&file).unwrap().starts_with("smtp-transcript 1 client\n"));
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&sessions), 0o700);
    let session = fs::read_dir(&sessions).unwrap().next().unwrap().unwrap().path();
    assert_eq!(mode(&session), 0o600);
}
