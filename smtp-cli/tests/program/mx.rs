//! `smtp send --mx`: to the hosts that take mail for the recipients' domains.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::{Command, Output, Stdio},
    thread,
};

use super::{SMTP, Serve, delivered, directory, name_server::name_server};

const ZONE: &str = "
    x.example. MX 10 nobody.example.
    x.example. MX 20 mx.example.
    mx.example. A 127.0.0.1
    y.example. A 127.0.0.1
    null.example. MX 0 .
    failed.example. SERVFAIL
    empty.example. MX 10 nobody.example.
    two.example. A 127.0.0.2
    two.example. A 127.0.0.1
";

fn send(serve: &Serve, options: &[&str], to: &[&str]) -> Output {
    let port = serve.address("smtp").rsplit_once(':').unwrap().1;
    Command::new(SMTP)
        .args(["send", "--mx", "--mx-port", port, "--name-server", &name_server(ZONE).to_string()])
        .args(["--from", "s@z.example", "--subject", "x", "--body", "y"])
        .args(options)
        .args(to.iter().flat_map(|to| ["--to", to]))
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn each_domain_gets_its_own_and_the_rest_is_told_why_not() {
    for runtime in ["tokio", "smol", "blocking"] {
        let (_directory, maildir, text) = directory();
        let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
        let options = ["--runtime", runtime];
        let good = ["a@x.example", "b@y.example", "c@X.example", "d@[127.0.0.1]"];
        let output = send(&serve, &options, &good);
        let told = lines(&output);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        // Those of one domain together.
        let starts =
            ["a@x.example: delivered", "c@X.example: delivered", "b@y", "d@[127.0.0.1]: d"];
        assert_eq!(told.len(), 4);
        assert!(told.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{told:?}");
        for to in ["a@x.example", "b@y.example", "c@x.example"] {
            assert_eq!(delivered(&maildir, to).len(), 1, "{to}");
        }

        let bad = ["n@null.example", "o@nowhere.example", "p@failed.example", "q@empty.example"];
        let output = send(&serve, &options, &[&bad[..], &["a@x.example", "r@com"]].concat());
        let told = lines(&output);
        for line in [
            "n@null.example: rejected before MAIL: 556 5.1.10 this domain takes no mail",
            "o@nowhere.example: rejected before MAIL: 550 5.1.2 ",
            "p@failed.example: deferred before MAIL: 451 4.4.3 DNS gave no answer",
            "q@empty.example: rejected before MAIL: 554 5.4.4 the host has no address (nobody.example)",
            "r@com: rejected before MAIL: 550 5.1.2 the domain is not complete",
            "a@x.example: delivered: 250",
        ] {
            assert!(told.iter().any(|told| told.starts_with(line)), "{line}: {told:?}");
        }
        assert_eq!(output.status.code(), Some(69));
        assert_eq!(delivered(&maildir, "a@x.example").len(), 2);
        let output = send(&serve, &options, &["p@failed.example"]);
        assert_eq!(output.status.code(), Some(75));
    }
}

/// A session that breaks off before the transaction says nothing of the host's other addresses.
#[test]
fn the_next_address_is_asked_when_a_session_breaks_off() {
    let (_directory, maildir, text) = directory();
    let options = ["--listen", "127.0.0.1:0", "--no-tls", "--xforward", "127.0.0.1"];
    let serve = Serve::start(&[&options[..], &["--maildir", &text]].concat());
    let port = serve.address("smtp").rsplit_once(':').unwrap().1;
    let listener = TcpListener::bind(format!("127.0.0.2:{port}")).unwrap();
    let broken = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut input = BufReader::new(stream.try_clone().unwrap());
        let mut asked = String::new();
        stream.write_all(b"220 two.example\r\n").unwrap();
        input.read_line(&mut asked).unwrap();
        stream.write_all(b"250-two.example\r\n250 XFORWARD ADDR\r\n").unwrap();
        input.read_line(&mut asked).unwrap();
        asked
    });
    let output = send(&serve, &["--xforward", "ADDR=192.0.2.7"], &["a@two.example"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(broken.join().unwrap().contains("XFORWARD ADDR=192.0.2.7\r\n"));
    assert_eq!(delivered(&maildir, "a@two.example").len(), 1);
}

/// Each has a transcript of its own, as one is all that can be replayed.
#[test]
fn sessions_with_two_hosts_are_written_down_apart() {
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--discard"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.smtp");
    let options = ["--transcript", file.to_str().unwrap()];
    let output = send(&serve, &options, &["a@x.example", "b@y.example"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let second = folder.path().join("session.smtp.2");
    for (file, to) in [(&file, "a@x.example"), (&second, "b@y.example")] {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(&format!("RCPT TO:<{to}>")), "{text}");
        let output = Command::new(SMTP).arg("replay").arg(file).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}\n{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// What nobody has signed is no answer where it must be: of the root zone it is known that it is signed.
#[test]
fn dnssec_takes_no_answer_that_it_cannot_validate() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let output = send(&serve, &["--dnssec"], &["a@x.example"]);
    let told = lines(&output);
    assert_eq!(told, ["a@x.example: deferred before MAIL: 451 4.4.3 DNS gave no answer"]);
    assert_eq!(output.status.code(), Some(75));
    assert!(delivered(&maildir, "a@x.example").is_empty());
}

/// The standard input goes to each domain, without the blind copies.
#[test]
fn to_whom_the_message_says() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let port = serve.address("smtp").rsplit_once(':').unwrap().1;
    let mut child = Command::new(SMTP)
        .args(["send", "--mx", "--mx-port", port, "--name-server", &name_server(ZONE).to_string()])
        .args(["-t", "--message", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let header = "From: s@z.example\nTo: a@x.example\nBcc: b@y.example\n\n";
    let body = "a line\n".repeat(50_000);
    child.stdin.take().unwrap().write_all([header, &body].concat().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let kept =
        ["From: s@z.example\r\nTo: a@x.example\r\n\r\n", &body.replace('\n', "\r\n")].concat();
    for to in ["a@x.example", "b@y.example"] {
        assert_eq!(delivered(&maildir, to), [kept.as_bytes()], "{to}");
    }
}

#[test]
fn a_server_or_mx() {
    let usage = |options: &[&str]| {
        let from = ["send", "--from", "", "--to", "a@x.example"];
        Command::new(SMTP).args(from).args(options).output().unwrap().status.code()
    };
    assert_eq!(usage(&[]), Some(64));
    assert_eq!(usage(&["--mx", "--server", "127.0.0.1:2525"]), Some(64));
    assert_eq!(usage(&["--mx", "--lmtp"]), Some(64));
    assert_eq!(usage(&["--mx", "--name-server", "ns.example"]), Some(64));
    assert_eq!(usage(&["--server", "127.0.0.1:2525", "--name-server", "192.0.2.1"]), Some(64));
    assert_eq!(usage(&["--server", "127.0.0.1:2525", "--dnssec"]), Some(64));
    let load = Command::new(SMTP).arg("load").output().unwrap();
    assert_eq!(load.status.code(), Some(64));
    assert!(String::from_utf8(load.stderr).unwrap().contains("--server"));
}
