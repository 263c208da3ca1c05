//! Slow loris: octets that come just often enough to hold a session for ever.

use smtp_proto::{
    client,
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    wire::{Endpoint, Step},
};
use smtp_tests::take_output;

use crate::attacked::{HELLO, TO_DATA, Told, attack, client, config, hear, server, settle};

#[test]
fn an_octet_now_and_then_does_not_restart_a_servers_timer() {
    let in_chunk = b"MAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\nBDAT 5000\r\n";
    for (phase, before) in [
        ("hello", Vec::new()),
        ("command", HELLO.to_vec()),
        ("content", [HELLO, TO_DATA].concat()),
        ("chunk", [HELLO, in_chunk].concat()),
        ("long line", [HELLO, &[b'x'; 5000]].concat()),
    ] {
        let mut server = server(config());
        let mut told = Told::default();
        // Groups end with DATA: one by one.
        for line in before.split_inclusive(|octet| *octet == b'\n') {
            attack(&mut server, line, usize::MAX, &mut told);
        }
        let timer = server.wire().timer();
        for _ in 0..1000 {
            attack(&mut server, b"x", 1, &mut told);
            assert_eq!(server.step(), Step::Read, "{phase}");
            assert_eq!(server.wire().timer(), timer, "{phase}");
        }
        told.said.clear();
        server.wire().expire();
        settle(&mut server, &mut told);
        assert_eq!(server.step(), Step::Close, "{phase}");
        assert!(told.said.starts_with(b"421 "), "{phase}: {}", told.text());
    }
}

#[test]
fn an_octet_now_and_then_does_not_restart_a_clients_timer() {
    for phase in ["greeting", "hello", "mail", "multiline"] {
        let mut attacked = match phase {
            "greeting" | "hello" => client::Client::new(client::Config::default()),
            _ => client(client::Config::default(), "250-mx.example\r\n250 PIPELINING\r\n"),
        };
        match phase {
            "hello" => {
                hear(&mut attacked, b"220 mx.example\r\n");
                attacked.hello(smtp_proto::domain::HelloName::parse("c.example").unwrap()).unwrap();
            }
            "mail" | "multiline" => {
                attacked.mail(ReversePath::Null, Parameters::EMPTY).unwrap();
                let to = ForwardPath::parse("<b@y.example>").unwrap();
                attacked.rcpt(to, Parameters::EMPTY).unwrap();
            }
            _ => {}
        }
        take_output(attacked.wire(), usize::MAX);
        assert_eq!(attacked.step(), Step::Read, "{phase}");
        let timer = attacked.wire().timer();
        let drip: &[u8] = if phase == "multiline" { b"250-x\r\n" } else { b"250-" };
        for octet in drip {
            hear(&mut attacked, &[*octet]);
            assert_eq!(attacked.step(), Step::Read, "{phase}");
            assert_eq!(attacked.wire().timer(), timer, "{phase}");
        }
        attacked.wire().expire();
        let (_, told) = hear(&mut attacked, b"");
        assert!(told.iter().any(|event| event.contains("Timeout")), "{phase}: {told:?}");
        assert_eq!(attacked.step(), Step::Close, "{phase}");
    }
}

#[test]
fn a_peer_that_does_not_read_its_421_is_cut_off() {
    let mut server = server(config());
    server.wire().expire();
    // The 421 waits; nobody takes it.
    for _ in 0..3 {
        match server.step() {
            Step::Write => server.wire().expire(),
            Step::Event => drop(server.event()),
            step => {
                assert_eq!(step, Step::Close);
                return;
            }
        }
    }
    assert_eq!(server.step(), Step::Close);
}
