//! `smtp send` to more recipients than a server takes at a time.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use super::{SMTP, Serve, delivered, directory};

const TO: [&str; 3] = ["a@x.example", "b@x.example", "c@x.example"];

/// What is sent to three recipients through a server that takes two: the exit code, and what was said.
fn send(maildir: &str, message: &Path, input: &[u8]) -> (Option<i32>, String) {
    let listen = ["--listen", "127.0.0.1:0", "--no-tls", "--max-recipients", "2"];
    let serve = Serve::start(&[&listen[..], &["--maildir", maildir]].concat());
    let mut child = Command::new(SMTP)
        .args(["send", "--server", serve.address("smtp"), "--from", "", "--message"])
        .arg(message)
        .args(TO.iter().flat_map(|to| ["--to", to]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_rest_follows_at_once() {
    let (directory, maildir, text) = directory();
    let file = directory.path().join("mail.eml");
    std::fs::write(&file, "Subject: x\r\n\r\nto all\r\n").unwrap();
    let (code, said) = send(&text, &file, b"");
    assert_eq!(code, Some(0), "{said}");
    assert!(TO.iter().all(|to| delivered(&maildir, to).len() == 1), "{said}");
}

#[test]
fn the_rest_of_what_cannot_be_read_again_is_told() {
    let (_directory, maildir, text) = directory();
    let stream = [b"Subject: x\r\n\r\n".to_vec(), b"a line\r\n".repeat(20_000)].concat();
    let (code, said) = send(&text, Path::new("-"), &stream);
    assert_eq!(code, Some(75), "{said}");
    assert!(said.contains("c@x.example: deferred before MAIL: the server takes no more: RCPTMAX"));
    let copies = TO.map(|to| delivered(&maildir, to).len());
    assert_eq!(copies, [1, 1, 0]);
}

/// A domain is one, in whichever form it is written: to the client, to the server and in the store.
#[test]
fn a_domain_beyond_ascii_is_its_a_labels() {
    let (_directory, maildir, text) = directory();
    let listen = ["--listen", "127.0.0.1:0", "--no-tls", "--domain", "B\u{dc}CHER.example"];
    let serve = Serve::start(&[&listen[..], &["--maildir", &text]].concat());
    for to in ["a@b\u{fc}cher.example", "a@xn--bcher-kva.example", "j\u{f6}rg@b\u{fc}cher.example"]
    {
        let output = Command::new(SMTP)
            .args(["send", "--server", serve.address("smtp"), "--from", "", "--to", to])
            .args(["--subject", "x", "--body", "y"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{to}: {output:?}");
    }
    assert_eq!(delivered(&maildir, "a@xn--bcher-kva.example").len(), 2);
}

#[test]
fn domains_are_a_list_of_names() {
    let domains = ["--domain", "x.example,Y.example", "--domain", "[192.0.2.1]"];
    let listen = ["--listen", "127.0.0.1:0", "--no-tls", "--discard"];
    let serve = Serve::start(&[&listen[..], &domains].concat());
    let to = ["a@x.example", "a@y.example", "a@[192.0.2.1]"];
    let output = Command::new(SMTP)
        .args(["send", "--server", serve.address("smtp"), "--from", "", "--body", "x"])
        .args(to.iter().flat_map(|to| ["--to", to]))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    // What would take no mail is no domain.
    for wrong in ["@x.example", "a@x.example", "x.example,", "x..example", "two words", ""] {
        let arguments = ["serve", "--discard", "--listen", "127.0.0.1:0", "--domain", wrong];
        let output = Command::new(SMTP).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{wrong}: {output:?}");
    }
}

/// RCPTDOMAINMAX counts for the session, whatever its transactions.
#[cfg(unix)]
#[test]
fn domains_of_recipients_count_in_the_whole_session() {
    let options = ["--listen", "127.0.0.1:0", "--no-tls", "--discard"];
    let serve = Serve::start(&[&options[..], &["--max-recipient-domains", "1"]].concat());
    let mut talk = super::faults::Talk::open(serve.address("smtp")).unwrap();
    for (command, code) in [
        ("MAIL FROM:<>", "250 "),
        ("RCPT TO:<a@a.example>", "250 "),
        ("RSET", "250 "),
        ("MAIL FROM:<>", "250 "),
        ("RCPT TO:<b@b.example>", "452 "),
        ("RCPT TO:<b@a.example>", "250 "),
    ] {
        let reply = talk.say(&format!("{command}\r\n")).unwrap();
        assert!(reply.starts_with(code), "{command}: {reply}");
    }
}

/// Whatever the case, quoted or not: what nobody looks for is read by nobody (RFC 5321 section 4.5.1).
#[test]
fn the_postmaster_has_one_mailbox_at_each_domain() {
    let (_directory, maildir, text) = directory();
    let listen = ["--listen", "127.0.0.1:0", "--no-tls", "--domain", "x.example"];
    let serve = Serve::start(&[&listen[..], &["--maildir", &text]].concat());
    let spellings = ["postmaster@x.example", "POSTMASTER@X.example", "\"PostMaster\"@x.example"];
    for to in spellings.into_iter().chain(["Postmaster", "postMASTER"]) {
        let output = Command::new(SMTP)
            .args(["send", "--server", serve.address("smtp"), "--from", "", "--to", to])
            .args(["--subject", "x", "--body", "y"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{to}: {output:?}");
    }
    assert_eq!(delivered(&maildir, "postmaster@x.example").len(), 3);
    assert_eq!(delivered(&maildir, "postmaster").len(), 2);
}
