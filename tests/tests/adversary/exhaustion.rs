//! Floods: what never ends must end, and answers that nobody reads must not pile up.

use smtp_proto::{
    client::{self, Client},
    domain::HelloName,
    wire::{Endpoint, Step},
};
use smtp_tests::take_output;

use crate::attacked::{HELLO, Told, answer, attack, client, config, hear, server};

/// Takes octets without end until the client has had enough; how many it took.
fn endless(client: &mut Client, start: &[u8], again: &[u8]) -> usize {
    let (mut taken, mut told) = hear(client, start);
    for _ in 0..200_000 {
        if client.step() == Step::Close {
            assert!(told.iter().any(|event| event.contains("Garbled")), "{told:?}");
            return taken;
        }
        let (now, mut news) = hear(client, again);
        taken += now;
        told.append(&mut news);
    }
    panic!("took {taken} octets, and still goes on");
}

#[test]
fn a_reply_without_end_is_not_read_for_ever() {
    for (start, again, most) in [
        // One line.
        (&b"220 "[..], &b"x"[..], 13_000),
        // Lines of one reply.
        (b"220-x\r\n", b"220-x\r\n", 2_000),
        // Few lines, each of them long.
        (b"220-", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n220-", 128 * 64),
        (b"", b"\0", 64),
    ] {
        let mut client = Client::new(client::Config::default());
        let taken = endless(&mut client, start, again);
        assert!(taken <= most, "{taken} octets of {}", again.escape_ascii());
    }
}

#[test]
fn keywords_without_end_are_not_read_for_ever() {
    let mut client = Client::new(client::Config::default());
    hear(&mut client, b"220 mx.example\r\n");
    client.hello(HelloName::parse("client.example").unwrap()).unwrap();
    take_output(client.wire(), usize::MAX);
    let taken = endless(&mut client, b"250-mx.example\r\n", b"250-X-KEYWORD A B C D E F\r\n");
    assert!(taken <= 64 * 1024, "{taken}");
}

#[test]
fn replies_that_nobody_asked_for_are_not_kept() {
    let mut client = client(client::Config::default(), "250 mx.example\r\n");
    let (_, told) = hear(&mut client, &b"250 x\r\n".repeat(10_000));
    assert_eq!(client.step(), Step::Close);
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_server_takes_no_more_commands_while_its_replies_are_not_read() {
    for flood in
        [&b"NOOP\r\n"[..], b"HELP\r\n", b"EHLO client.example\r\n", b"RSET\r\n", b"VRFY x\r\n"]
    {
        let mut server = server(config());
        let mut told = Told::default();
        attack(&mut server, HELLO, usize::MAX, &mut told);
        let octets = flood.repeat(200_000 / flood.len());
        let (mut taken, mut most) = (0, 0);
        // Reads and answers whatever it can, and never takes what is to be written.
        for _ in 0..100_000 {
            match server.step() {
                Step::Event => answer(&mut server, &mut told),
                Step::Read | Step::Write => {
                    let now = server.wire().receive(&octets[taken..]);
                    taken += now;
                    if now == 0 {
                        break;
                    }
                }
                _ => break,
            }
            most = most.max(server.wire().output().len());
        }
        assert!(most <= 128 * 1024, "{most} octets wait after {}", flood.escape_ascii());
        assert!(taken < octets.len(), "took all of {}", flood.escape_ascii());
    }
}

#[test]
fn sizes_at_the_edge_of_numbers() {
    let edges = [
        "4294967295",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999",
        "340282366920938463463374607431768211456",
    ];
    for size in edges {
        // An absurd chunk cannot be skipped: what is behind it is no command.
        let mut server = server(config());
        let mut told = Told::default();
        attack(&mut server, HELLO, usize::MAX, &mut told);
        let lines = format!(
            "MAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\nBDAT {size}\r\nMAIL FROM:<evil@x.example>\r\n"
        );
        attack(&mut server, lines.as_bytes(), usize::MAX, &mut told);
        assert_eq!(told.senders, ["<>"], "{size}");
        assert_eq!(server.step(), Step::Close, "{size}: {}", told.text());
        // Too large is too large, however large it is.
        let mut server = self::server(config());
        let mut told = Told::default();
        attack(&mut server, HELLO, usize::MAX, &mut told);
        told.said.clear();
        let line = format!("MAIL FROM:<> SIZE={size}\r\n");
        attack(&mut server, line.as_bytes(), usize::MAX, &mut told);
        let expected = if size.len() > 20 { "501 " } else { "552 " };
        assert!(told.text().starts_with(expected), "{size}: {}", told.text());
    }
}
