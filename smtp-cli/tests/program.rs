//! The program as a user runs it: arguments, output, exit codes, signals, files.

#[path = "program/environment.rs"]
mod environment;
#[cfg(unix)]
#[path = "program/faults.rs"]
mod faults;
#[cfg(unix)]
#[path = "program/fifos.rs"]
mod fifos;
#[path = "program/line_ends.rs"]
mod line_ends;
#[path = "program/load.rs"]
mod load;
#[path = "program/mx.rs"]
mod mx;
#[path = "../../tests/suite/name_server.rs"]
mod name_server;
#[path = "program/options.rs"]
mod options;
#[cfg(unix)]
#[path = "program/output.rs"]
mod output;
#[path = "program/probe.rs"]
mod probe;
#[cfg(unix)]
#[path = "program/production.rs"]
mod production;
#[path = "program/profiles.rs"]
mod profiles;
#[path = "program/read_recipients.rs"]
mod read_recipients;
#[path = "program/recipients.rs"]
mod recipients;
#[path = "program/runtimes.rs"]
mod runtimes;
#[cfg(unix)]
#[path = "program/sockets.rs"]
mod sockets;
#[path = "program/transcripts.rs"]
mod transcripts;
#[path = "program/ways.rs"]
mod ways;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    thread,
    time::Duration,
};

const SMTP: &str = env!("CARGO_BIN_EXE_smtp");

/// A running `smtp serve`, ended when dropped.
struct Serve {
    child: Child,
    /// What stands behind "listening", by kind.
    listening: Vec<(String, String)>,
    /// What it prints behind that.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only signals end a server in order"))]
    stdout: BufReader<ChildStdout>,
}

impl Serve {
    fn start(arguments: &[&str]) -> Self {
        Self::spawn(Command::new(SMTP).arg("serve"), arguments)
    }

    fn spawn(command: &mut Command, arguments: &[&str]) -> Self {
        Self::begin(command.args(arguments).stderr(Stdio::inherit()))
    }

    /// What it says on stderr is for the test.
    #[cfg(unix)]
    fn spawn_quietly(command: &mut Command) -> Self {
        Self::begin(command.stderr(Stdio::piped()))
    }

    fn begin(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let arguments = command.get_args().filter_map(|argument| argument.to_str());
        let listeners = arguments.filter(|a| a.starts_with("--listen")).count().max(1);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let listening = stdout
            .by_ref()
            .lines()
            .take(listeners)
            .map(|line| {
                let line = line.unwrap();
                let mut words = line.splitn(3, ' ');
                assert_eq!(words.next(), Some("listening"));
                (words.next().unwrap().to_owned(), words.next().unwrap().to_owned())
            })
            .collect();
        Self { child, listening, stdout }
    }

    fn address(&self, kind: &str) -> &str {
        &self.listening.iter().find(|(found, _)| found == kind).unwrap().1
    }

    /// Waits for its end: the exit code.
    #[cfg(unix)]
    fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(arguments: &[&str]) -> Output {
    Command::new(SMTP).arg("send").args(arguments).output().unwrap()
}

/// The messages delivered to an address, trace fields taken off.
fn delivered(maildir: &Path, address: &str) -> Vec<Vec<u8>> {
    let new = maildir.join(address).join("new");
    let Ok(entries) = fs::read_dir(new) else {
        return Vec::new();
    };
    entries
        .map(|entry| {
            let octets = fs::read(entry.unwrap().path()).unwrap();
            assert!(octets.starts_with(b"Return-Path: <"));
            let mut rest = octets.as_slice();
            // Return-Path, and Received with its folded lines.
            for start in [&b"Return-Path:"[..], b"Received:"] {
                assert!(rest.starts_with(start));
                loop {
                    let end = rest.windows(2).position(|pair| pair == b"\r\n").unwrap() + 2;
                    rest = &rest[end..];
                    if !matches!(rest.first(), Some(b'\t' | b' ')) {
                        break;
                    }
                }
            }
            rest.to_vec()
        })
        .collect()
}

fn directory() -> (tempfile::TempDir, PathBuf, String) {
    let directory = tempfile::tempdir().unwrap();
    let maildir = directory.path().join("mail");
    let text = maildir.to_str().unwrap().to_owned();
    (directory, maildir, text)
}

/// A server that says what it is told to say, whatever it is asked.
fn scripted(lines: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut input = BufReader::new(stream.try_clone().unwrap());
        let mut asked = String::new();
        for (turn, line) in lines.iter().enumerate() {
            if turn > 0 && input.read_line(&mut asked).unwrap_or(0) == 0 {
                return;
            }
            stream.write_all(line.as_bytes()).unwrap();
        }
        // Until the client has gone.
        let _ = input.read_to_string(&mut asked);
    });
    address
}

const MESSAGE: &str = "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nend\r\n";

#[test]
fn a_finished_message_arrives_as_it_is() {
    let (directory, maildir, text) = directory();
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let file = directory.path().join("mail.eml");
    fs::write(&file, MESSAGE).unwrap();
    let output = send(&[
        "--server",
        serve.address("smtp"),
        "--from",
        "a@client.example",
        "--to",
        "b@x.example",
        "--to",
        "C@X.example",
        "--message",
        file.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 2);
    assert!(stdout.starts_with("b@x.example: delivered: 250 2.0.0 "), "{stdout}");
    assert_eq!(delivered(&maildir, "b@x.example"), [MESSAGE.as_bytes()]);
    assert_eq!(delivered(&maildir, "C@x.example"), [MESSAGE.as_bytes()]);
}

#[test]
fn lmtp_answers_for_each_recipient() {
    let (directory, maildir, text) = directory();
    let socket = format!("unix:{}", directory.path().join("lmtp.sock").display());
    let serve =
        Serve::start(&["--listen-lmtp", &socket, "--domain", "x.example", "--maildir", &text]);
    let output = send(&[
        "--server",
        serve.address("lmtp"),
        "--lmtp",
        "--from",
        "a@client.example",
        "--to",
        "b@x.example",
        "--to",
        "b@elsewhere.example",
        "--to",
        "c@x.example",
        "--body",
        "hi",
    ]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = stdout.lines().collect();
    assert!(lines[0].starts_with("b@x.example: delivered: 250 2.0.0 <b@x.example> "), "{stdout}");
    assert!(lines[1].starts_with("b@elsewhere.example: rejected at RCPT: 550 5.7.1"), "{stdout}");
    assert!(lines[2].starts_with("c@x.example: delivered: 250 2.0.0 <c@x.example> "), "{stdout}");
    assert_eq!(delivered(&maildir, "b@x.example").len(), 1);
    assert_eq!(delivered(&maildir, "c@x.example").len(), 1);
    assert!(!maildir.join("b@elsewhere.example").exists());
}

#[test]
fn a_login_opens_relaying_and_a_wrong_one_is_77() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--listen-tls",
        "127.0.0.1:0",
        "--domain",
        "x.example",
        "--user",
        "alice:secret",
        "--maildir",
        &text,
    ]);
    let basic = ["--from", "a@x.example", "--to", "b@elsewhere.example", "--body", "hi"];
    let with = |server: &str, tls: &str, password: &str, auth: &[&str]| {
        let mut line = vec!["--server", server, "--tls", tls, "--insecure", "--user", "alice"];
        line.extend(["--password", password]);
        line.extend(auth);
        line.extend(basic);
        send(&line)
    };
    let (plain, tls) = (serve.address("smtp").to_owned(), serve.address("smtps").to_owned());
    for (server, mode, auth) in [
        (&plain, "starttls", &[][..]),
        (&plain, "starttls", &["--auth", "login"]),
        (&tls, "implicit", &["--auth", "PLAIN"]),
        (&tls, "implicit", &["--auth", "SCRAM-SHA-1"]),
        (&plain, "starttls", &["--auth", "XOAUTH2,SCRAM-SHA-256-PLUS"]),
        (&plain, "none", &[]),
    ] {
        let output = with(server, mode, "secret", auth);
        assert_eq!(output.status.code(), Some(0), "{mode} {auth:?}: {output:?}");
    }
    assert_eq!(delivered(&maildir, "b@elsewhere.example").len(), 6);
    let output = with(&plain, "starttls", "wrong", &[]);
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("535 5.7.8"), "{output:?}");
    // The password is not shown outside TLS, even if the server would take it.
    let output = with(&plain, "none", "secret", &["--auth", "PLAIN"]);
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    // A certificate that nobody vouches for is not trusted by default.
    let output = send(&[
        "--server",
        &plain,
        "--tls",
        "starttls",
        "--from",
        "a@x.example",
        "--to",
        "b@x.example",
    ]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
}

#[test]
fn logins_come_from_files_too() {
    let (directory, maildir, text) = directory();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("users"), "alice:wonderland\n").unwrap();
    fs::write(path("tokens"), "bob:a.token\n").unwrap();
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--require-auth",
        "--users",
        &path("users"),
        "--tokens",
        &path("tokens"),
        "--maildir",
        &text,
    ]);
    let server = ["--server", serve.address("smtp"), "--tls", "starttls", "--insecure"];
    let envelope = ["--from", "a@x.example", "--to", "b@x.example", "--body", "x"];
    for (login, code) in [
        (["--user", "alice", "--password", "wonderland"], 0),
        (["--user", "bob", "--token", "a.token"], 0),
        (["--user", "alice", "--password", "a.token"], 77),
    ] {
        let output = send(&[&server[..], &login, &envelope].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
    assert_eq!(delivered(&maildir, "b@x.example").len(), 2);
}

#[test]
fn a_bearer_token_opens_relaying_for_whose_it_is() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&[
        "--listen-tls",
        "127.0.0.1:0",
        "--domain",
        "x.example",
        "--token",
        "alice:first.token~",
        "--token",
        "bob:second.token",
        "--require-auth",
        "--maildir",
        &text,
    ]);
    let with = |user: &str, token: &str, auth: &str| {
        let mut line = vec!["--server", serve.address("smtps"), "--tls", "implicit", "--insecure"];
        line.extend(["--user", user, "--token", token, "--auth", auth, "--from", "a@x.example"]);
        line.extend(["--to", "b@elsewhere.example", "--body", "hi"]);
        send(&line)
    };
    for auth in ["OAUTHBEARER", "XOAUTH2"] {
        for (user, token, code) in [
            ("alice", "first.token~", 0),
            ("bob", "second.token", 0),
            ("bob", "first.token~", 77),
            ("alice", "first.token", 77),
            ("carol", "third.token", 77),
        ] {
            let output = with(user, token, auth);
            assert_eq!(output.status.code(), Some(code), "{user} {token} {auth}: {output:?}");
        }
    }
    assert_eq!(delivered(&maildir, "b@elsewhere.example").len(), 4);
}

#[test]
fn exit_codes_say_what_went_wrong() {
    let to = |server: &str| {
        send(&["--server", server, "--tls", "none", "--from", "a@x.example", "--to", "b@x.example"])
    };
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert_eq!(to(&refused).status.code(), Some(75));
    assert_eq!(to(&scripted(&["421 4.3.2 mx.example busy\r\n"])).status.code(), Some(75));
    assert_eq!(to(&scripted(&["554 mx.example no service\r\n"])).status.code(), Some(69));
    assert_eq!(to(&scripted(&["I am no mail server\r\n"])).status.code(), Some(76));
    let temporary = ["220 mx\r\n", "250 mx\r\n", "451 4.3.0 later\r\n", "221 bye\r\n"];
    let output = to(&scripted(temporary.to_vec().leak()));
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout, "b@x.example: deferred at MAIL: 451 4.3.0 later\n");
    let code = |arguments: &[&str]| send(arguments).status.code();
    assert_eq!(code(&["--server", "127.0.0.1:1", "--from", "a@x.example"]), Some(64));
    assert_eq!(code(&["--server", "127.0.0.1:1", "--from", "a@", "--to", "b@x.example"]), Some(65));
    assert_eq!(code(&["--help"]), Some(0));
    let missing = ["--from", "a@x.example", "--to", "b@x.example", "--message", "/no/such/file"];
    assert_eq!(code(&[&["--server", "127.0.0.1:1"], &missing[..]].concat()), Some(65));
}

#[test]
fn a_message_over_the_limit_is_refused_for_good() {
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--no-tls",
        "--discard",
        "--max-message-size",
        "1000",
    ]);
    let output = send(&[
        "--server",
        serve.address("smtp"),
        "--from",
        "a@x.example",
        "--to",
        "b@x.example",
        "--body",
        &"x".repeat(2000),
    ]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("rejected before MAIL: 552 5.3.4"), "{stdout}");
}

#[cfg(unix)]
#[test]
fn sigterm_says_421_to_the_idle_and_lets_a_transaction_finish() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let connect = || {
        let stream = TcpStream::connect(serve.address("smtp")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.starts_with("220 "), "{line}");
        (stream, lines)
    };
    let (_idle, mut idle_lines) = connect();
    let (mut busy, mut busy_lines) = connect();
    busy.write_all(b"HELO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n")
        .unwrap();
    for code in ["250 ", "250 ", "250 ", "354 "] {
        let mut line = String::new();
        busy_lines.read_line(&mut line).unwrap();
        assert!(line.starts_with(code), "{line}");
    }
    let pid = serve.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut rest = String::new();
    idle_lines.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("421 4.3.2 "), "{rest}");
    busy.write_all(MESSAGE.replace("\r\n.", "\r\n..").as_bytes()).unwrap();
    busy.write_all(b".\r\n").unwrap();
    let mut rest = String::new();
    busy_lines.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("250 2.0.0 "), "{rest}");
    assert!(rest.contains("\r\n421 4.3.2 "), "{rest}");
    assert_eq!(delivered(&maildir, "b@x.example"), [MESSAGE.as_bytes()]);
    assert_eq!(serve.wait(), Some(0));
}

#[test]
fn the_demo_shows_the_whole_way() {
    let output = Command::new(SMTP).arg("demo").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("bob@example.net: delivered: 250 2.0.0"), "{stdout}");
    assert!(stdout.contains("with ESMTPSA id"), "{stdout}");
    assert!(stdout.contains("filename=\"figures.csv\""), "{stdout}");
}
