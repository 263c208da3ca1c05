//! On which way `smtp send` reaches a server.

use std::{
    io::{BufRead, BufReader, Read, Write, copy},
    net::{Shutdown, TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

use super::{Serve, delivered, directory, send};

const MAIL: [&str; 8] =
    ["--tls", "none", "--from", "a@x.example", "--to", "b@x.example", "--body", "Hello"];

fn serve(maildir: &str) -> Serve {
    Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--maildir", maildir])
}

/// An HTTP proxy for one connection: what it was asked for.
fn proxy(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = BufReader::new(client.try_clone().unwrap()).lines();
        let first = request.next().unwrap().unwrap();
        assert!(request.any(|line| line.unwrap().is_empty()), "the request ends");
        client.write_all(answer.as_bytes()).unwrap();
        if answer.starts_with("HTTP/1.1 200 ") {
            let to = first.split(' ').nth(1).unwrap();
            let mut server = TcpStream::connect(to).unwrap();
            let (mut from, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let backwards = thread::spawn(move || {
                let _ = copy(&mut from, &mut back);
                let _ = back.shutdown(Shutdown::Write);
            });
            let _ = copy(&mut client, &mut server);
            let _ = server.shutdown(Shutdown::Write);
            backwards.join().unwrap();
        } else {
            let _ = client.shutdown(Shutdown::Write);
            let _ = client.read_to_end(&mut Vec::new());
        }
        first
    });
    (url, asked)
}

#[test]
fn a_proxy_connects_to_the_server() {
    let (_directory, maildir, text) = directory();
    let serve = serve(&text);
    let server = serve.address("smtp");
    let (url, asked) = proxy("HTTP/1.1 200 OK\r\n\r\n");
    let output = send(&[&["--server", server, "--proxy", &url], &MAIL[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(asked.join().unwrap(), format!("CONNECT {server} HTTP/1.1"));
    assert_eq!(delivered(&maildir, "b@x.example").len(), 1);
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let (url, asked) = proxy("HTTP/1.1 403 Forbidden\r\n\r\n");
    let output = send(&[&["--server", "127.0.0.1:1", "--proxy", &url], &MAIL[..]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("proxy: its rules forbid to connect there"), "{said}");
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert_eq!(asked.join().unwrap(), "CONNECT 127.0.0.1:1 HTTP/1.1");
}

/// Elsewhere the loopback interface has one address.
#[cfg(target_os = "linux")]
#[test]
fn a_client_connects_from_the_address_it_is_told() {
    let (_directory, maildir, text) = directory();
    let serve = serve(&text);
    let server = serve.address("smtp");
    let output = send(&[&["--server", server, "--bind", "127.0.0.2"], &MAIL[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let new = maildir.join("b@x.example/new");
    let file = std::fs::read_dir(new).unwrap().next().unwrap().unwrap().path();
    let message = std::fs::read_to_string(file).unwrap();
    assert!(message.contains("[127.0.0.2]"), "{message}");
}
