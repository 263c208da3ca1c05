//! What a server needs that runs for months: limits, certificates that are renewed, an orderly end.

use std::{
    collections::HashSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{ChildStderr, Command},
};

use rcgen::{CertificateParams, KeyPair};

use super::{
    SMTP, Serve, delivered, directory,
    faults::{Talk, number_of, numbered, unfinished},
    send,
};

fn signal(serve: &Serve, name: &str) {
    let pid = serve.child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

/// The first line that a client is told.
fn first_line(server: &str) -> String {
    let mut line = String::new();
    BufReader::new(TcpStream::connect(server).unwrap()).read_line(&mut line).unwrap();
    line
}

/// SIGTERM while 200 transfers are at all stages: what is under way is finished, nothing that was
/// acknowledged is lost, and nothing is there in part.
#[test]
fn an_orderly_end_loses_no_message_and_truncates_none() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--no-tls",
        "--maildir",
        &text,
        // For a slow machine; whoever does not go on ends by himself here.
        "--grace",
        "300",
    ]);
    let server = serve.address("smtp").to_owned();
    let mut acknowledged = HashSet::new();
    let mut idle = Vec::new();
    let mut busy = Vec::new();
    for number in 0..200_usize {
        let mut talk = Talk::open(&server).unwrap();
        if number % 4 == 0 {
            assert!(talk.message("b@x.example", &numbered(number)).unwrap().starts_with("250 "));
            acknowledged.insert(number);
            idle.push(talk);
            continue;
        }
        for command in ["MAIL FROM:<a@x.example>", "RCPT TO:<b@x.example>", "DATA"] {
            assert!(talk.say(&format!("{command}\r\n")).unwrap().starts_with(['2', '3']));
        }
        let content = format!("{}\r\n.\r\n", numbered(number));
        let (sent, rest) = content.split_at(content.len() * (number % 10) / 10);
        talk.output.write_all(sent.as_bytes()).unwrap();
        busy.push((number, talk, rest.to_owned()));
    }
    signal(&serve, "-TERM");
    for mut talk in idle {
        assert!(talk.reply().unwrap().starts_with("421 4.3.2 "));
    }
    // The system may still let somebody connect, but nobody is greeted.
    let late = Talk::open(&server).err().expect("nobody new is served");
    assert_ne!(late.kind(), std::io::ErrorKind::WouldBlock, "and nobody waits");
    // Some go away in the middle, the others go on.
    busy.retain(|(number, ..)| number % 4 != 3);
    for (_, talk, rest) in &mut busy {
        talk.output.write_all(rest.as_bytes()).unwrap();
    }
    for (number, mut talk, _) in busy {
        assert!(talk.reply().unwrap().starts_with("250 "), "{number}");
        acknowledged.insert(number);
        assert!(talk.reply().unwrap().starts_with("421 4.3.2 "), "{number}");
    }
    assert_eq!(acknowledged.len(), 150);
    assert_eq!(serve.wait(), Some(0));
    let mut there = HashSet::new();
    for message in delivered(&maildir, "b@x.example") {
        let number = number_of(&message);
        assert_eq!(str::from_utf8(&message).unwrap(), format!("{}\r\n", numbered(number)));
        assert!(there.insert(number), "{number} is there twice");
    }
    assert_eq!(there, acknowledged);
    assert_eq!(unfinished(&maildir), 0);
}

#[test]
fn who_comes_too_often_is_told_so() {
    for (limit, refused) in [
        (["--max-connections", "1"], "too many connections, try again later"),
        (["--max-per-address", "1"], "too many connections from your address"),
        (["--rate", "1/3600"], "too many new connections, try again later"),
        (["--rate-per-address", "1"], "too many new connections from your address"),
    ] {
        let options = ["--listen", "127.0.0.1:0", "--discard", "--no-tls", "--hostname", "mx.x"];
        let options = [&options[..], &limit].concat();
        let serve = Serve::start(&options);
        let server = serve.address("smtp").to_owned();
        let _first = Talk::open(&server).unwrap();
        let told = first_line(&server);
        assert!(told.starts_with(&format!("421 mx.x {refused}")), "{limit:?} {told}");
        drop(serve);
        // But not who is exempt from the limits of each address.
        let serve = Serve::start(&[&options[..], &["--exempt", "127.0.0.0/8,::1"]].concat());
        let server = serve.address("smtp").to_owned();
        let _first = Talk::open(&server).unwrap();
        let is_refused = first_line(&server).starts_with("421 ");
        assert_eq!(is_refused, !limit[0].ends_with("per-address"), "{limit:?}");
    }
    for nonsense in [["--rate", "0"], ["--rate-per-address", "1/"], ["--exempt", "mx.example"]] {
        let output = Command::new(SMTP).arg("serve").args(nonsense).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
    }
}

/// A certificate for that name that signs itself, and its key, in these files.
fn certificate(cert: &Path, key: &Path, name: &str) {
    let pair = KeyPair::generate().unwrap();
    let own = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&pair).unwrap();
    fs::write(cert, own.pem()).unwrap();
    fs::write(key, pair.serialize_pem()).unwrap();
}

/// Whether a client that trusts this certificate, and asks for `localhost`, can send.
fn is_shown(server: &str, ca: &Path) -> bool {
    let (_, port) = server.rsplit_once(':').unwrap();
    let server = format!("localhost:{port}");
    let ca = ca.to_str().unwrap();
    let from = ["--from", "a@x.example", "--to", "b@x.example", "--body", "x"];
    let output =
        send(&[&["--server", &server, "--tls", "starttls", "--ca", ca][..], &from].concat());
    output.status.success()
}

fn next_line(stderr: &mut BufReader<ChildStderr>) -> String {
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    line
}

#[test]
fn certificates_are_read_anew_at_sighup() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let files = [path("other.pem"), path("other.key"), path("cert.pem"), path("cert.key")];
    let [other, other_key, cert, key] = &files;
    certificate(other, other_key, "other.example");
    certificate(cert, key, "localhost");
    let old = path("old.pem");
    fs::copy(cert, &old).unwrap();
    let [other_text, other_key_text, cert_text, key_text] =
        files.each_ref().map(|path| path.to_str().unwrap());
    let mut command = Command::new(SMTP);
    command.arg("serve").args(["--listen", "127.0.0.1:0", "--discard"]);
    command.args(["--tls-cert", other_text, "--tls-key", other_key_text]);
    command.args(["--tls-cert", cert_text, "--tls-key", key_text]);
    let mut serve = Serve::spawn_quietly(&mut command);
    let mut stderr = BufReader::new(serve.child.stderr.take().unwrap());
    let server = serve.address("smtp").to_owned();
    assert!(is_shown(&server, cert));
    let open = Talk::open(&server).unwrap();
    // Renewed, but not read yet.
    certificate(cert, key, "localhost");
    assert!(!is_shown(&server, cert));
    signal(&serve, "-HUP");
    assert_eq!(next_line(&mut stderr), "smtp: certificates read anew\n");
    assert!(is_shown(&server, cert));
    assert!(!is_shown(&server, &old));
    // What cannot be used is not.
    fs::write(key, "no key").unwrap();
    signal(&serve, "-HUP");
    let told = next_line(&mut stderr);
    assert!(told.starts_with("smtp: certificates stay as they are: "), "{told}");
    assert!(told.contains("cert.key"), "{told}");
    assert!(is_shown(&server, cert));
    // Sessions go on all the while.
    let mut open = open;
    assert!(open.say("NOOP\r\n").unwrap().starts_with("250 "));
    drop(serve);
    let lone = ["serve", "--tls-cert", cert_text, "--tls-cert", other_text, "--tls-key", key_text];
    let output = Command::new(SMTP).args(lone).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
}

/// It is how a terminal that goes away ends whoever does not listen.
#[test]
fn sighup_ends_no_server_that_has_nothing_to_read_anew() {
    let mut command = Command::new(SMTP);
    command.arg("serve").args(["--listen", "127.0.0.1:0", "--discard"]);
    let mut serve = Serve::spawn_quietly(&mut command);
    let mut stderr = BufReader::new(serve.child.stderr.take().unwrap());
    signal(&serve, "-HUP");
    assert_eq!(next_line(&mut stderr), "smtp: there is no certificate to read anew\n");
    assert!(first_line(serve.address("smtp")).starts_with("220 "));
}

#[test]
fn who_asks_again_does_not_wait_for_the_grace() {
    let mut command = Command::new(SMTP);
    command.arg("serve").args(["--listen", "127.0.0.1:0", "--discard", "--grace", "100"]);
    let mut serve = Serve::spawn_quietly(&mut command);
    let mut stderr = BufReader::new(serve.child.stderr.take().unwrap());
    let server = serve.address("smtp").to_owned();
    let mut idle = Talk::open(&server).unwrap();
    let mut busy = Talk::open(&server).unwrap();
    for command in ["MAIL FROM:<a@x.example>", "RCPT TO:<b@x.example>", "DATA"] {
        assert!(busy.say(&format!("{command}\r\n")).unwrap().starts_with(['2', '3']));
    }
    signal(&serve, "-TERM");
    // The first has been heard: two at once may be one.
    assert!(idle.reply().unwrap().starts_with("421 "));
    signal(&serve, "-INT");
    assert_eq!(next_line(&mut stderr), "smtp: transactions under way are broken off\n");
    assert_eq!(serve.wait(), Some(0));
    assert!(busy.reply().is_err());
}

#[test]
fn that_no_client_can_be_accepted_is_told() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 24; exec \"$0\" \"$@\"", SMTP, "serve"]);
    command.args(["--listen", "127.0.0.1:0", "--no-tls", "--discard"]);
    let mut serve = Serve::spawn_quietly(&mut command);
    let mut stderr = BufReader::new(serve.child.stderr.take().unwrap());
    let server = serve.address("smtp").to_owned();
    let _crowd: Vec<_> = (0..60).map(|_| TcpStream::connect(&server).unwrap()).collect();
    let told = next_line(&mut stderr);
    assert!(told.starts_with("smtp: cannot accept a client: Too many open files"), "{told}");
}

#[test]
fn the_summary_tells_how_much_was_served() {
    let mut command = Command::new(SMTP);
    command.arg("serve").args(["--listen", "127.0.0.1:0", "--discard", "--no-tls", "--summary"]);
    command.args(["--max-message-size", "4000", "--max-connections", "1"]);
    let mut serve = Serve::spawn_quietly(&mut command);
    let server = serve.address("smtp").to_owned();
    let mut talk = Talk::open(&server).unwrap();
    assert!(talk.message("b@x.example", "Subject: x\r\n\r\nx").unwrap().starts_with("250 "));
    assert!(talk.message("b@x.example", &"x\r\n".repeat(2000)).unwrap().starts_with("552 "));
    assert!(first_line(&server).starts_with("421 "));
    assert!(talk.say("QUIT\r\n").unwrap().starts_with("221 "));
    signal(&serve, "-TERM");
    let mut summary = String::new();
    serve.stdout.read_to_string(&mut summary).unwrap();
    let lines: Vec<_> = summary.lines().collect();
    assert!(lines[0].starts_with("sessions   1 in "), "{summary}");
    assert!(lines[0].ends_with(" s, 0 broken off, 1 refused, 0 not accepted"), "{summary}");
    assert_eq!(lines[1], "handshakes 0, 0 failed");
    assert_eq!(lines[2], "logins     0, 0 failed");
    assert_eq!(
        lines[3],
        "messages   1 accepted, for 1 recipients, of 17 octets; 0 refused, 1 void"
    );
    for (line, start) in
        lines[4..].iter().zip(["greetings  1, ", "answers    5, ", "deliveries 1, "])
    {
        assert!(line.starts_with(start) && line.contains("longest "), "{summary}");
    }
    assert_eq!(serve.wait(), Some(0));
}
