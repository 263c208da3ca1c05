//! Messages that can be read once: from a pipe with a name, as shells make them for `<(…)`.

use std::{fs::OpenOptions, io::Write, path::Path, process::Command, thread};

use super::{SMTP, Serve, delivered, directory, send};

/// What is delivered of a message that somebody writes in these pieces while it is sent.
fn sent(pieces: Vec<Vec<u8>>, options: &[&str]) -> Vec<Vec<u8>> {
    let (directory, maildir, text) = directory();
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let fifo = directory.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let path = fifo.clone();
    let writer = thread::spawn(move || {
        let mut fifo = OpenOptions::new().write(true).open(path).unwrap();
        pieces.iter().for_each(|piece| fifo.write_all(piece).unwrap());
    });
    let envelope = ["--server", serve.address("smtp"), "--from", "a@x.example"];
    let message = ["--message", fifo.to_str().unwrap()];
    let output = send(&[&envelope[..], &message, options].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    writer.join().unwrap();
    delivered(&maildir, "b@x.example")
}

#[test]
fn a_pipe_is_opened_and_read_once() {
    let short = [&b"From: a@x.example\r\nTo: b@x.example\r\n\r\n"[..], b"in two pieces\r\n"];
    for options in [&["--to", "b@x.example"][..], &["--read-recipients"]] {
        assert_eq!(sent(short.map(<[u8]>::to_vec).to_vec(), options), [short.concat()]);
    }
    // More than is looked at before it is sent.
    let long = vec![short[0].to_vec(), b"a line of thirty octets, you see\r\n".repeat(100_000)];
    assert!(sent(long.clone(), &["--to", "b@x.example"]) == [long.concat()]);
}

#[test]
fn the_standard_input_has_a_name_too() {
    let (_directory, maildir, text) = directory();
    let serve = Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", &text]);
    let line = "printf 'Subject: x\\r\\n\\r\\nhi\\r\\n' | \"$0\" send \"$@\"";
    let output = Command::new("sh")
        .args(["-c", line, SMTP, "--server", serve.address("smtp"), "--from", ""])
        .args(["--to", "b@x.example", "--message", "/dev/stdin"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(delivered(&maildir, "b@x.example"), [b"Subject: x\r\n\r\nhi\r\n"]);
}

#[test]
fn what_cannot_be_read_is_named() {
    for path in [Path::new("/"), Path::new("/no/such")] {
        let path = path.to_str().unwrap();
        let envelope = ["--server", "127.0.0.1:1", "--from", "", "--to", "b@x.example"];
        let output = send(&[&envelope[..], &["--message", path]].concat());
        assert_eq!(output.status.code(), Some(65), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.starts_with(&format!("smtp: {path}: ")), "{told}");
    }
}
