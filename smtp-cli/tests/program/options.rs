//! The options of `smtp send` and `smtp serve` that ask for an extension.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output},
    sync::mpsc::{Receiver, channel},
    thread,
};

use super::{SMTP, Serve, directory, scripted};

/// A server that offers `keywords`, accepts everything, and tells what it was told.
pub(super) fn accepting(keywords: &'static [&'static str]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (said, heard) = channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut input = BufReader::new(stream.try_clone().unwrap());
        let mut session = String::new();
        stream.write_all(b"220 mx.example\r\n").unwrap();
        let (mut line, mut content) = (String::new(), false);
        while input.read_line(&mut line).is_ok_and(|read| read > 0) {
            let verb = line.split([' ', '\r']).next().unwrap_or_default();
            let reply = match verb {
                "." => {
                    content = false;
                    "250 2.0.0 taken\r\n".to_owned()
                }
                _ if content => String::new(),
                "EHLO" => {
                    let lines: String =
                        keywords.iter().map(|keyword| format!("250-{keyword}\r\n")).collect();
                    format!("250-mx.example\r\n{lines}250 HELP\r\n")
                }
                "DATA" => {
                    content = true;
                    "354 go on\r\n".to_owned()
                }
                "BDAT" => {
                    let size = line.split_whitespace().nth(1).unwrap().parse().unwrap();
                    input.read_exact(&mut vec![0; size]).unwrap();
                    "250 2.0.0 taken\r\n".to_owned()
                }
                "QUIT" => "221 2.0.0 bye\r\n".to_owned(),
                _ => "250 2.0.0 ok\r\n".to_owned(),
            };
            session.push_str(&line);
            line.clear();
            stream.write_all(reply.as_bytes()).unwrap();
        }
        said.send(session).unwrap();
    });
    (address, heard)
}

pub(super) fn send(server: &str, to: &[&str], options: &[&str]) -> Output {
    let mut command = Command::new(SMTP);
    command.args(["send", "--server", server, "--tls", "none", "--from", "a@x.example"]);
    for address in to {
        command.args(["--to", address]);
    }
    command.args(["--body", "hi"]).args(options).output().unwrap()
}

/// What a server with `keywords` is told when a message is sent with `options`.
fn told(keywords: &'static [&'static str], options: &[&str]) -> String {
    let (server, heard) = accepting(keywords);
    let output = send(&server, &["b@x.example"], options);
    assert_eq!(output.status.code(), Some(0), "{options:?}: {output:?}");
    heard.recv().unwrap()
}

/// The exit code and what is on stderr when a server with `keywords` is asked for `options`.
fn refused(keywords: &'static [&'static str], options: &[&str]) -> (i32, String) {
    let (server, heard) = accepting(keywords);
    let output = send(&server, &["b@x.example"], options);
    let session = heard.recv().unwrap();
    assert!(!session.contains("MAIL"), "{session}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn usage(options: &[&str]) -> String {
    // Nobody is connected to.
    let output = send("127.0.0.1:1", &["b@x.example", "c@x.example"], options);
    assert_eq!(output.status.code(), Some(64), "{options:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn delivery_reports_are_asked_for_or_nothing_is_sent() {
    let all = ["--dsn-notify", "success,delay", "--dsn-ret", "hdrs", "--envid", "a+b"];
    let session = told(&["DSN"], &[&all[..], &["--orcpt", "old@x.example"]].concat());
    assert!(session.contains(" RET=HDRS ENVID=a+2Bb\r\n"), "{session}");
    let rcpt = "RCPT TO:<b@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;old@x.example\r\n";
    assert!(session.contains(rcpt), "{session}");
    assert!(told(&["DSN"], &["--dsn-notify", "never"]).contains(" NOTIFY=NEVER\r\n"));
    let (code, error) = refused(&["SIZE"], &["--dsn-notify", "never"]);
    let why = "smtp: the server does not offer DSN, which --dsn-notify needs\n";
    assert_eq!((code, error.as_str()), (69, why));
    usage(&["--dsn-notify", "never,failure"]);
    usage(&["--dsn-notify", "always"]);
    usage(&["--orcpt", "old@x.example"]);
    usage(&["--envid", "\u{1}"]);
}

#[test]
fn chunks_and_groups_are_a_choice() {
    let offered = &["CHUNKING", "PIPELINING"];
    assert!(told(offered, &[]).contains("\r\nBDAT "));
    assert!(told(offered, &["--chunking", "always"]).contains("\r\nBDAT "));
    let session = told(offered, &["--chunking", "never", "--pipelining", "never"]);
    assert!(session.contains("\r\nDATA\r\n") && !session.contains("BDAT"), "{session}");
    let (code, error) = refused(&["PIPELINING"], &["--chunking", "always"]);
    assert_eq!(code, 69);
    assert!(error.contains("CHUNKING, which --chunking always needs"), "{error}");
    // In a group the whole envelope comes at once: a server that waits for more never answers.
    let trace = |options: &[&str]| {
        let (server, _heard) = accepting(offered);
        let output = send(&server, &["b@x.example"], &[options, &["--trace"]].concat());
        let trace = String::from_utf8(output.stderr).unwrap();
        let place = |part: &str| trace.find(part).unwrap_or_else(|| panic!("{part}: {trace}"));
        place("C: RCPT") < place("S: 250 2.0.0 ok")
    };
    assert!(trace(&[]));
    assert!(!trace(&["--pipelining", "never"]));
}

#[test]
fn all_or_nothing_sends_to_none_when_one_is_refused() {
    let script = &[
        "220 mx\r\n",
        "250 mx\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
        "550 5.1.1 nobody\r\n",
        "250 reset\r\n",
        "221 bye\r\n",
    ];
    let output = send(&scripted(script), &["b@x.example", "c@x.example"], &["--all-or-nothing"]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("b@x.example: deferred "), "{stdout}");
    assert!(stdout.contains("c@x.example: rejected at RCPT: 550"), "{stdout}");
}

#[test]
fn own_parameters_are_sent_to_those_who_offer_them() {
    let session = told(&["XOWN"], &["--param", "XOWN=yes", "--rcpt-param", "xown"]);
    assert!(session.contains("MAIL FROM:<a@x.example> XOWN=yes\r\n"), "{session}");
    assert!(session.contains("RCPT TO:<b@x.example> xown\r\n"), "{session}");
    let (code, error) = refused(&["SIZE"], &["--param", "XOWN=yes"]);
    assert_eq!(code, 69, "{error}");
    for wrong in ["X OWN=1", "XOWN=a b", "XOWN=\r\nRSET", "=1", "SIZE=1"] {
        usage(&["--param", wrong]);
    }
    usage(&["--param", "X=1", "--param", "x=2"]);
}

#[test]
fn when_and_how_to_deliver_is_said_to_those_who_offer_it() {
    let offered = &[
        "MT-PRIORITY",
        "FUTURERELEASE 86400 2099-12-31T23:59:59Z",
        "DELIVERBY 60",
        "NO-SOLICITING",
        "RRVS",
    ];
    let all = [
        "--priority",
        "-3",
        "--hold-for",
        "7200",
        "--deliver-by",
        "14400",
        "--if-late",
        "return",
        "--report-relays",
        "--solicit",
        "org.example:ADV",
        "--rrvs",
        "2026-01-01T00:00:00Z",
    ];
    let session = told(offered, &all);
    for part in [
        " MT-PRIORITY=-3",
        " HOLDFOR=7200",
        " BY=14400;RT",
        " SOLICIT=org.example:ADV",
        "RCPT TO:<b@x.example> RRVS=2026-01-01T00:00:00Z\r\n",
    ] {
        assert!(session.contains(part), "no {part:?} in {session}");
    }
    let session =
        told(offered, &["--hold-until", "2098-01-01T01:00:00+01:00", "--deliver-by", "99"]);
    assert!(session.contains(" HOLDUNTIL=2098-01-01T00:00:00Z"), "{session}");
    assert!(session.contains(" BY=99;N"), "{session}");
    for (option, value, keyword) in [
        ("--priority", "1", "MT-PRIORITY"),
        ("--hold-for", "1", "FUTURERELEASE"),
        ("--deliver-by", "1", "DELIVERBY"),
        ("--solicit", "org.example:ADV", "NO-SOLICITING"),
        ("--rrvs", "2026-01-01T00:00:00Z", "RRVS"),
    ] {
        let (code, error) = refused(&["DSN"], &[option, value]);
        assert_eq!(code, 69);
        assert!(error.contains(&format!("{keyword}, which {option} needs")), "{error}");
    }
    for wrong in [
        &["--priority", "10"][..],
        &["--hold-for", "0"],
        &["--hold-for", "1", "--hold-until", "2098-01-01T00:00:00Z"],
        &["--hold-until", "tomorrow"],
        &["--if-late", "return"],
        &["--solicit", "two words"],
        &["--rrvs", "2026-02-30T00:00:00Z"],
    ] {
        usage(wrong);
    }
}

#[test]
fn tls_on_the_whole_way_is_asked_for_inside_tls_only() {
    usage(&["--require-tls"]);
    let output = Command::new(SMTP)
        .args(["send", "--server", "127.0.0.1:1", "--from", "a@x.example", "--to", "b@x.example"])
        .args(["--require-tls", "--insecure"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    // Where nothing is said of TLS, it is STARTTLS, on the loopback interface too.
    let server = scripted(&["220 mx\r\n", "250 mx\r\n", "221 bye\r\n"]);
    let output = Command::new(SMTP)
        .args(["send", "--server", &server, "--from", "a@x.example", "--to", "b@x.example"])
        .arg("--require-tls")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("STARTTLS"), "{output:?}");
}

#[test]
fn a_server_behind_a_proxy_believes_the_header() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--no-tls",
        "--proxy-protocol",
        "--maildir",
        &text,
    ]);
    let server = serve.address("smtp");
    for (version, source, address) in [
        ("v1", "192.0.2.7:1234", "[192.0.2.7]"),
        ("v2", "192.0.2.8:1234", "[192.0.2.8]"),
        ("v2", "[2001:db8::9]:1234", "[IPv6:2001:db8::9]"),
    ] {
        let options = ["--proxy-protocol", version, "--proxy-source", source];
        let output = send(server, &[&format!("{version}@x.example")], &options);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let new = maildir.join(format!("{version}@x.example")).join("new");
        let found = std::fs::read_dir(new)
            .unwrap()
            .any(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap().contains(address));
        assert!(found, "{address}");
    }
    // The proxy's own connection.
    assert_eq!(send(server, &["b@x.example"], &["--proxy-protocol", "v2"]).status.code(), Some(0));
    // No header, no session.
    assert_ne!(send(server, &["b@x.example"], &[]).status.code(), Some(0));
    usage(&["--proxy-source", "192.0.2.7:1234"]);
    usage(&["--proxy-protocol", "v2", "--proxy-source", "somebody"]);
}

/// The message that was delivered to `address`.
fn only_message(maildir: &Path, address: &str) -> String {
    let mut new = std::fs::read_dir(maildir.join(address).join("new")).unwrap();
    let message = std::fs::read_to_string(new.next().unwrap().unwrap().path()).unwrap();
    assert!(new.next().is_none());
    message
}

#[test]
fn a_trusted_host_speaks_for_others() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--no-tls",
        "--xclient",
        "192.0.2.0/24,127.0.0.0/8",
        "--xforward",
        "127.0.0.1",
        "--maildir",
        &text,
    ]);
    let options = ["--xclient", "ADDR=192.0.2.7", "helo=client.example", "--xclient", "PORT=99"];
    let output = send(serve.address("smtp"), &["b@x.example"], &options);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let message = only_message(&maildir, "b@x.example");
    assert!(message.contains("from client.example ([192.0.2.7])"), "{message}");
    let options = ["--xforward", "ADDR=192.0.2.8", "NAME=[UNAVAILABLE]", "--trace"];
    let output = send(serve.address("smtp"), &["c@x.example"], &options);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let trace = String::from_utf8_lossy(&output.stderr);
    assert!(trace.contains("C: XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.8"), "{trace}");
    assert!(!only_message(&maildir, "c@x.example").contains("192.0.2.8"));

    // Whom nobody trusts is offered nothing.
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--no-tls",
        "--discard",
        "--xclient",
        "192.0.2.1",
        "--xforward",
        "192.0.2.1",
    ]);
    for (option, keyword) in [("--xclient", "XCLIENT"), ("--xforward", "XFORWARD")] {
        let output = send(serve.address("smtp"), &["b@x.example"], &[option, "ADDR=192.0.2.7"]);
        assert_eq!(output.status.code(), Some(69), "{output:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(&format!("does not offer {keyword}, which {option}")), "{error}");
    }
    let session = told(&["XFORWARD NAME ADDR SOURCE"], &["--xforward", "ADDR=192.0.2.7"]);
    assert!(session.contains("XFORWARD ADDR=192.0.2.7\r\n"), "{session}");
    let (code, _) = refused(&["XFORWARD NAME"], &["--xforward", "ADDR=192.0.2.7"]);
    assert_eq!(code, 69);
    for option in ["--xclient", "--xforward"] {
        for wrong in ["ADDR", "NOTHING=1", "PORT=somewhere", "HELO=a\r\nRSET"] {
            usage(&[option, wrong]);
        }
        let output = Command::new(SMTP)
            .args(["serve", "--discard", "--no-tls", option, "everybody"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
    }
}

#[test]
fn submission_is_for_authors_who_log_in() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&[
        "--submission",
        "--listen",
        "127.0.0.1:0",
        "--user",
        "alice:wonderland",
        "--maildir",
        &text,
    ]);
    let server = serve.address("smtp");
    let output = send(server, &["b@x.example"], &[]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("530 5.7.0"), "{output:?}");
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(b"EHLO my_laptop!\r\nQUIT\r\n").unwrap();
    let mut session = String::new();
    stream.read_to_string(&mut session).unwrap();
    assert!(session.contains("250-SIZE"), "{session}");
    let output = Command::new(SMTP)
        .args(["send", "--server", server, "--tls", "starttls", "--insecure", "--user", "alice"])
        .args(["--password", "wonderland", "--from", "a@x.example", "--to", "b@elsewhere.example"])
        .args(["--body", "hi"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(only_message(&maildir, "b@elsewhere.example").contains("with ESMTPSA id"));
    for wrong in [&["--submission"][..], &["--submission", "--user", "a:b", "--listen-lmtp", "x"]] {
        let output = Command::new(SMTP).arg("serve").args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
    }
}

/// Each option stands under a heading, and what everybody needs comes first.
#[test]
fn help_is_in_order() {
    for (command, first, headings) in [
        (
            "send",
            "--server",
            &[
                "Options:",
                "Session:",
                "TLS:",
                "Authentication:",
                "Transaction:",
                "Delivery reports (DSN):",
                "Delivery:",
                "On behalf of others:",
                "Record:",
                "Examples:",
            ][..],
        ),
        (
            "serve",
            "--listen",
            &[
                "Options:",
                "TLS:",
                "Authentication:",
                "Extensions:",
                "Limits:",
                "Proxies:",
                "Record:",
                "Examples:",
            ][..],
        ),
    ] {
        let output = Command::new(SMTP).args([command, "--help"]).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let found: Vec<_> = help
            .lines()
            .filter(|line| line.ends_with(':') && !line.starts_with(' ') && !line.contains(". "))
            .collect();
        assert_eq!(found, headings, "{help}");
        let options = help.split("Options:").nth(1).unwrap();
        assert!(options.trim_start().starts_with(first), "{help}");
    }
}

/// S-60: port 25 is SMTP's (RFC 2033 section 5).
#[test]
fn lmtp_is_not_spoken_on_port_25() {
    let serve = ["serve", "--discard", "--no-tls", "--listen-lmtp", "127.0.0.1:25"];
    let send = ["send", "--lmtp", "--server", "127.0.0.1:25", "--from", "", "--to", "b@x.example"];
    for arguments in [&serve[..], &send] {
        let output = Command::new(SMTP).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("port 25 is for SMTP"), "{error}");
    }
}
