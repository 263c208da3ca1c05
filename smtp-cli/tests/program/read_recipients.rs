//! `smtp send -t`: to whom the message itself says.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::{SMTP, Serve, delivered, directory};

fn send(serve: &Serve, options: &[&str], message: &Path, input: &[u8]) -> Output {
    let mut child = Command::new(SMTP)
        .args(["send", "--server", serve.address("smtp"), "-t", "--message"])
        .arg(message)
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it read all.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// The reverse-paths of what was delivered to an address.
fn return_paths(maildir: &Path, address: &str) -> Vec<String> {
    let entries = std::fs::read_dir(maildir.join(address).join("new")).unwrap();
    let path = |entry: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        text.lines().next().unwrap().strip_prefix("Return-Path: ").unwrap().to_owned()
    };
    entries.map(path).collect()
}

const MESSAGE: &str = "From: Tim <tim@x.example>\nTo: friends: a@y.example, A@Y.example;\n\
    Bcc: b@y.example,\n\ta@Y.example\nCc: (board) c@z.example\n\nBcc: in the body\n";

#[test]
fn the_fields_say_to_whom_and_blind_copies_are_not_seen() {
    let (directory, maildir, text) = directory();
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let file = directory.path().join("mail.eml");
    std::fs::write(&file, MESSAGE).unwrap();
    // Too long for what is looked at before it is sent, so that the rest is streamed.
    let long = [MESSAGE.as_bytes(), &b"a line\n".repeat(200_000)].concat();
    for (path, input) in
        [(&*file, &b""[..]), (Path::new("-"), MESSAGE.as_bytes()), (Path::new("-"), &long)]
    {
        let output = send(&serve, &[], path, input);
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{told}");
        let told: Vec<_> = told.lines().map(|line| line.split_once(": ").unwrap()).collect();
        let to: Vec<_> = told.iter().map(|(to, _)| *to).collect();
        assert_eq!(to, ["a@y.example", "A@Y.example", "b@y.example", "c@z.example"]);
    }
    for to in ["a@y.example", "b@y.example", "c@z.example"] {
        let copies = delivered(&maildir, to);
        assert_eq!(copies.len(), 3, "{to}");
        let kept = "From: Tim <tim@x.example>\r\nTo: friends: a@y.example, A@Y.example;\r\n\
            Cc: (board) c@z.example\r\n\r\nBcc: in the body\r\n";
        assert!(copies.iter().all(|copy| copy.starts_with(kept.as_bytes())), "{to}");
        assert_eq!(return_paths(&maildir, to), ["<tim@x.example>"; 3]);
    }
    let output = send(&serve, &["--from", "s@x.example"], &file, b"");
    assert!(output.status.success());
    let paths = return_paths(&maildir, "c@z.example");
    assert_eq!(paths.iter().filter(|path| *path == "<s@x.example>").count(), 1);
}

#[test]
fn a_field_that_is_at_fault_is_named() {
    let (_directory, _, text) = directory();
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let long = ["To: ", &"a@y.example,\n ".repeat(100_000)].concat();
    for (message, code, told) in [
        ("To: a@y.example\n\n", 65, "smtp: From: the message has no such field"),
        ("From: a@x.example\nTo: ann\n\n", 65, "smtp: To: \"ann\" is no address"),
        ("From: a@x.example\n\n", 65, "smtp: To: no recipient, nor in the fields for copies"),
        (&long, 65, "smtp: the header section of the message is longer than 1 MiB"),
    ] {
        let output = send(&serve, &[], Path::new("-"), message.as_bytes());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.starts_with(told), "{said}");
    }
    let output = send(&serve, &["--to", "a@y.example"], Path::new("-"), b"");
    assert_eq!(output.status.code(), Some(64));
}
