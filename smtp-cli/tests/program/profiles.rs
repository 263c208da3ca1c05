//! How strict a session is: `--profile` of `smtp serve` and `smtp send`.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use super::{SMTP, scripted};

/// One command that no RFC allows and one message: what `smtp serve --profile` makes of them.
fn judged(profile: &str) -> (String, String) {
    let mut serve = Command::new(SMTP)
        .args(["serve", "--listen", "127.0.0.1:0", "--no-tls", "--discard", "--trace"])
        .args(["--profile", profile])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(serve.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().rsplit(' ').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let mut replies = BufReader::new(stream.try_clone().unwrap());
    let mut session = String::new();
    let mut say = |line: &[u8]| {
        stream.write_all(line).unwrap();
        loop {
            let before = session.len();
            replies.read_line(&mut session).unwrap();
            if session.as_bytes().get(before + 3) == Some(&b' ') {
                break;
            }
        }
    };
    say(b"");
    for line in ["EHLO c.example", "MAIL FROM: a@x_y.example", "RSET", "MAIL FROM:<>"] {
        say(format!("{line}\r\n").as_bytes());
    }
    say(b"RCPT TO:<b@x.example>\r\n");
    say(b"DATA\r\n");
    say(b"bare\nlf \x00\r\n.\r\n");
    say(b"QUIT\r\n");
    // The trace is written before the connection is closed.
    replies.read_to_string(&mut session).unwrap();
    serve.kill().unwrap();
    let output = serve.wait_with_output().unwrap();
    (session, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_profile_decides_what_a_server_takes_and_the_trace_tells() {
    let codes = |session: &str| {
        let last = |line: &&str| line.as_bytes().get(3) == Some(&b' ');
        session.lines().filter(last).map(|line| line[..3].to_owned()).collect::<Vec<_>>()
    };
    let (strict, trace) = judged("strict");
    assert_eq!(codes(&strict)[2], "501", "{strict}");
    assert!(codes(&strict)[7].starts_with("55"), "{strict}");
    assert!(!trace.contains("forgiven"), "{trace}");
    let (internet, trace) = judged("internet");
    assert_eq!((&*codes(&internet)[2], &*codes(&internet)[7]), ("501", "550"), "{internet}");
    assert!(!trace.contains("forgiven: relaxed_syntax"), "{trace}");
    let (lenient, trace) = judged("lenient");
    assert_eq!((&*codes(&lenient)[2], &*codes(&lenient)[7]), ("250", "250"), "{lenient}");
    for switch in ["relaxed_syntax", "underscore_domain", "bare_newline", "nul_in_text"] {
        assert!(trace.contains(&format!("-- forgiven: {switch} --")), "{switch}: {trace}");
    }
}

#[test]
fn a_profile_decides_what_a_client_takes_and_the_trace_tells() {
    let odd = &[
        "220 mx\n",
        "250 mx\n",
        "250 ok\n",
        "250-one\r\n251 two\r\n",
        "354 go on\r\n",
        "250 taken\r\n",
        "221 bye\r\n",
    ];
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("long.eml");
    std::fs::write(&file, format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(1200))).unwrap();
    let run = |profile: &str, script: &'static [&'static str]| {
        let server = scripted(script);
        let output = Command::new(SMTP)
            .args(["send", "--server", &server, "--tls", "none", "--from", "a@x.example"])
            .args(["--to", "b@x.example", "--trace", "--profile", profile, "--timeout", "5"])
            .args(["--message", file.to_str().unwrap()])
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, trace) = run(
        "lenient",
        &[
            "220 mx\n",
            "250 mx\n",
            "250 ok\n",
            "250 ok\n",
            "354 go on\n",
            "250 taken\n",
            "221 bye\n",
        ],
    );
    assert_eq!(code, 0, "{trace}");
    for switch in ["lenient_reply_lf", "max_text_line"] {
        assert!(trace.contains(&format!("-- forgiven: {switch} --")), "{switch}: {trace}");
    }
    let (code, trace) = run("internet", odd);
    assert_ne!(code, 0, "{trace}");
    let clean = &[
        "220 mx\r\n",
        "250 mx\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
        "354 go on\r\n",
        "250 taken\r\n",
        "221 bye\r\n",
    ];
    assert_eq!(run("internet", clean).0, 0);
    let (code, trace) = run("strict", clean);
    assert_eq!(code, 65, "{trace}");
    // A probe tells too.
    let output = Command::new(SMTP)
        .args(["probe", &scripted(&["220 mx\n", "250-mx\n251 SIZE\n", "221 bye\n"])])
        .args(["--tls", "none", "--profile", "lenient", "--json"])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        report["forgiven"],
        serde_json::json!(["reply_code_mismatch", "lenient_reply_lf"]),
        "{report}"
    );
}
