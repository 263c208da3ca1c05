//! What becomes of the line ends of a message that `smtp send` and `smtp load` read.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::{MESSAGE, SMTP, Serve, delivered, directory};

fn serve(maildir: &str) -> Serve {
    Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", maildir])
}

/// `smtp send` of what is there, or of that input.
fn send(serve: &Serve, options: &[&str], message: &Path, input: &[u8]) -> Output {
    let mut child = Command::new(SMTP)
        .args(["send", "--server", serve.address("smtp"), "--message"])
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

const TO_BOB: [&str; 4] = ["--from", "a@x.example", "--to", "b@x.example"];

#[test]
fn lines_of_unix_are_sent_with_crlf_from_a_file_and_the_standard_input() {
    let (directory, maildir, text) = directory();
    let serve = serve(&text);
    let unix = MESSAGE.replace("\r\n", "\n");
    let file = directory.path().join("mail.eml");
    fs::write(&file, &unix).unwrap();
    for (path, input) in [(&*file, ""), (Path::new("-"), &unix)] {
        let output = send(&serve, &TO_BOB, path, input.as_bytes());
        assert_eq!(output.status.code(), Some(0));
    }
    // More than is looked at before it is sent.
    let line = "line\n".repeat(100_000);
    let output = send(&serve, &TO_BOB, Path::new("-"), [&*unix, &line].concat().as_bytes());
    assert_eq!(output.status.code(), Some(0));
    let mut expected = [MESSAGE.to_owned(), MESSAGE.to_owned(), MESSAGE.to_owned() + &line];
    expected[2] = expected[2].replace("line\n", "line\r\n");
    let mut found = delivered(&maildir, "b@x.example");
    found.sort_by_key(Vec::len);
    assert!(found == expected.map(String::into_bytes));
}

/// A CR ends no line of a file with lines of Unix: made a line end, it would begin a field, or the body.
#[test]
fn a_cr_among_lines_of_unix_is_refused() {
    let (directory, maildir, text) = directory();
    let serve = serve(&text);
    let fields = "From: a@x.example\nTo: b@x.example\n";
    let hidden = format!("{fields}Subject: hello\rBcc: c@x.example\r\rbody by the CR\n\nbody\n");
    let end = format!("{fields}\nbody\n\r");
    // Behind what is looked at before it is sent, with and without recipients to be read.
    let late = format!("{fields}\n{}bo\rdy\n", "line\n".repeat(300_000));
    let file = directory.path().join("mail.eml");
    for message in [&hidden, &end, &late] {
        fs::write(&file, message).unwrap();
        for options in [&TO_BOB[..], &["-t"]] {
            for (path, input) in [(&*file, ""), (Path::new("-"), message)] {
                let output = send(&serve, options, path, input.as_bytes());
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                let shown = (options, path, message.len());
                assert_eq!(output.status.code(), Some(65), "{shown:?}: {said}");
            }
        }
        let load = ["load", "--server", serve.address("smtp"), "--messages", "1", "--message"];
        let load = Command::new(SMTP).args(load).arg(&file).args(TO_BOB).output().unwrap();
        assert_eq!(load.status.code(), Some(65), "{}", message.len());
    }
    for nobody in ["b@x.example", "c@x.example"] {
        assert!(!maildir.join(nobody).join("new").exists(), "{nobody}");
    }
    // Who forgives everything has it mended.
    fs::write(&file, format!("{fields}\nbo\rdy\n")).unwrap();
    let lenient = [&TO_BOB[..], &["--profile", "lenient"]].concat();
    assert_eq!(send(&serve, &lenient, &file, b"").status.code(), Some(0));
    let mended = b"From: a@x.example\r\nTo: b@x.example\r\n\r\nbo\r\ndy\r\n";
    assert_eq!(delivered(&maildir, "b@x.example"), [mended]);
}
