//! Unix sockets, and what is at their path before.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::{FileTypeExt, symlink},
        net::{UnixDatagram, UnixListener, UnixStream},
    },
    path::Path,
    process::{Command, Stdio},
};

use super::{SMTP, Serve};

const SERVE: [&str; 4] = ["serve", "--discard", "--no-tls", "--listen-lmtp"];

/// A server that is to listen there cannot, and says why.
fn refused(path: &Path) {
    let address = format!("unix:{}", path.display());
    let mut command = Command::new(SMTP);
    let command = command.args(SERVE).arg(&address);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if !line.is_empty() {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!((line.as_str(), output.status.code()), ("", Some(73)), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with(&format!("smtp: cannot listen on {address}: ")), "{told}");
}

#[test]
fn only_a_socket_that_nobody_listens_on_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);

    let file = path("file");
    fs::write(&file, "precious").unwrap();
    refused(&file);
    assert_eq!(fs::read(&file).unwrap(), b"precious");

    let link = path("link");
    symlink("nowhere", &link).unwrap();
    refused(&link);
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("nowhere"));

    let datagrams = path("datagrams");
    let socket = UnixDatagram::bind(&datagrams).unwrap();
    refused(&datagrams);
    UnixDatagram::unbound().unwrap().send_to(b"still here", &datagrams).unwrap();
    assert_eq!(socket.recv(&mut [0; 16]).unwrap(), 10);

    let busy = path("busy");
    let _listener = UnixListener::bind(&busy).unwrap();
    refused(&busy);
    UnixStream::connect(&busy).unwrap();

    let stale = path("stale");
    drop(UnixListener::bind(&stale).unwrap());
    assert!(fs::symlink_metadata(&stale).unwrap().file_type().is_socket());
    let address = format!("unix:{}", stale.display());
    let _serve = Serve::start(&["--discard", "--no-tls", "--listen-lmtp", &address]);
    UnixStream::connect(&stale).unwrap();
}
