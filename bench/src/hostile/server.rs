//! What a client may say to a server.

use std::sync::Arc;

use smtp_proto::{
    answer::Rejection,
    auth::Known,
    domain::Host,
    extension::Extension,
    server::{Config, Event, Server},
    transcript::{Content, Recording, Speaker, Transcript, replay::Replay},
    wire::{Endpoint, Step},
};

use super::{Shape, lines, of, whole};
use crate::machine::drain;

const TO_DATA: &[u8] = b"MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n";
const TO_RCPT: &[u8] = b"MAIL FROM:<a@x.example> BODY=BINARYMIME\r\nRCPT TO:<b@y.example>\r\n";
const TO_CHUNK: &[u8] =
    b"MAIL FROM:<a@x.example> BODY=BINARYMIME\r\nRCPT TO:<b@y.example>\r\nBDAT 900000\r\n";

/// Content and answers of both sides go in pieces of this, as they come from a socket.
const READ: usize = 16 * 1024;

pub(super) const SHAPES: [Shape; 34] = [
    Shape {
        name: "a command line without end, an octet at a time",
        octets: |n| of("x", n),
        take: |octets| serve(b"", octets, 1),
    },
    Shape {
        name: "a command line of the longest, an octet at a time",
        octets: |n| [&b"NOOP "[..], &of("x", n), b"\r\n"].concat(),
        take: |octets| Talk::new(long_lines(config())).serve(b"", octets, 1),
    },
    Shape {
        name: "CR, an octet at a time",
        octets: |n| of("\r", n),
        take: |octets| serve(b"", octets, 1),
    },
    Shape { name: "bare LF", octets: |n| of("\n", n), take: |octets| serve(b"", octets, 100) },
    Shape {
        name: "empty lines",
        octets: |n| whole("\r\n", n),
        take: |octets| serve(b"", octets, 100),
    },
    Shape {
        name: "no commands",
        octets: |n| whole("FOO bar\r\n", n),
        take: |octets| serve(b"", octets, READ),
    },
    Shape {
        name: "a group of commands",
        octets: |n| whole("NOOP\r\n", n),
        take: |octets| serve(b"", octets, READ),
    },
    Shape {
        name: "EHLO again and again",
        octets: |n| whole("EHLO x\r\n", n),
        take: |octets| serve(b"", octets, READ),
    },
    Shape {
        name: "MAIL and RSET",
        octets: |n| whole("MAIL FROM:<>\r\nRSET\r\n", n),
        take: |octets| serve(b"", octets, READ),
    },
    Shape {
        name: "parameters of MAIL",
        octets: |n| {
            lines(n, |_| {
                let list = |keyword: usize| format!(" X{keyword}=1");
                format!("MAIL FROM:<>{}\r\n", (0..64).map(list).collect::<String>())
            })
        },
        take: |octets| serve(b"", octets, READ),
    },
    Shape {
        name: "parameters of MAIL that look alike",
        octets: |n| {
            lines(n, |_| {
                let list = |keyword: usize| format!(" XX{keyword}");
                format!("MAIL FROM:<>{}\r\n", (0..64).map(list).collect::<String>())
            })
        },
        take: |octets| serve(b"", octets, READ),
    },
    Shape {
        name: "a list of parameters on one line",
        octets: |n| [&b"MAIL FROM:<>"[..], &of(" X=1", n), b"\r\n"].concat(),
        take: |octets| Talk::new(long_lines(config())).serve(b"", octets, READ),
    },
    Shape {
        name: "recipients",
        octets: |n| whole("RCPT TO:<b@y.example>\r\n", n),
        take: |octets| serve(b"MAIL FROM:<>\r\n", octets, READ),
    },
    Shape {
        name: "recipients, each at another domain",
        octets: |n| lines(n, |number| format!("RCPT TO:<b@d{number}.example>\r\n")),
        take: |octets| {
            let config = config().limits(|limits| limits.recipient_domains = Some(u32::MAX));
            Talk::new(config).serve(b"MAIL FROM:<>\r\n", octets, READ)
        },
    },
    Shape {
        name: "local-parts of quoted pairs",
        octets: |n| {
            let line = format!("RCPT TO:<\"{}\"@y.example>\r\n", "\\\"".repeat(31));
            whole(&line, n)
        },
        take: |octets| serve(b"MAIL FROM:<>\r\n", octets, READ),
    },
    Shape {
        name: "source routes",
        octets: |n| {
            let route = ["@r.example"; 20].join(",");
            whole(&format!("RCPT TO:<{route}:b@y.example>\r\n"), n)
        },
        take: |octets| serve(b"MAIL FROM:<>\r\n", octets, READ),
    },
    Shape {
        name: "a source route on one line",
        octets: |n| [&b"RCPT TO:<"[..], &of("@a,", n), b":b@y.example>\r\n"].concat(),
        take: |octets| Talk::new(long_lines(config())).serve(b"MAIL FROM:<>\r\n", octets, READ),
    },
    Shape {
        name: "brackets in brackets",
        octets: |n| [&b"RCPT TO:<b@"[..], &of("[", n / 2), &of("]", n / 2), b">\r\n"].concat(),
        take: |octets| Talk::new(long_lines(config())).serve(b"MAIL FROM:<>\r\n", octets, READ),
    },
    Shape {
        name: "address literals",
        octets: |n| whole("RCPT TO:<b@[IPv6:1:2:3:4:5:6:7:8]>\r\n", n),
        take: |octets| serve(b"MAIL FROM:<>\r\n", octets, READ),
    },
    Shape {
        name: "ORCPT in xtext",
        octets: |n| whole(&format!("RCPT TO:<b@y.example> ORCPT=x;{}\r\n", "+2B".repeat(150)), n),
        take: |octets| serve(b"MAIL FROM:<>\r\n", octets, READ),
    },
    Shape {
        name: "recipients beyond ASCII",
        octets: |n| {
            let labels = ["b\u{fc}ch\u{e9}r"; 12].join(".");
            whole(&format!("RCPT TO:<j\u{f6}rg@{labels}>\r\n"), n)
        },
        take: |octets| serve(b"MAIL FROM:<> SMTPUTF8\r\n", octets, READ),
    },
    Shape {
        name: "an AUTH response without end, an octet at a time",
        octets: |n| of("A", n),
        take: |octets| Talk::new(long_lines(config())).serve(b"AUTH PLAIN\r\n", octets, 1),
    },
    Shape {
        name: "an AUTH response of the longest",
        octets: |n| [&of("AAAA", n / 4 * 4)[..], b"\r\n"].concat(),
        take: |octets| Talk::new(long_lines(config())).serve(b"AUTH PLAIN\r\n", octets, READ),
    },
    Shape {
        name: "AUTH exchanges that are given up",
        octets: |n| whole("AUTH PLAIN\r\n*\r\n", n),
        take: |octets| serve(b"", octets, "AUTH PLAIN\r\n*\r\n".len()),
    },
    Shape {
        name: "content, an octet at a time",
        octets: |n| of("x", n),
        take: |octets| serve(TO_DATA, octets, 1),
    },
    Shape {
        name: "content of CR",
        octets: |n| of("\r", n),
        take: |octets| serve(TO_DATA, octets, 7),
    },
    Shape {
        name: "content of dots behind CRLF",
        octets: |n| of("\r\n..", n),
        take: |octets| serve(TO_DATA, octets, 7),
    },
    Shape {
        name: "content of lines of two dots",
        octets: |n| whole("..\r\n", n),
        take: |octets| serve(TO_DATA, octets, READ),
    },
    Shape {
        name: "a chunk, an octet at a time",
        octets: |n| of("x", n),
        take: |octets| serve(TO_CHUNK, octets, 1),
    },
    Shape {
        name: "chunks of an octet each",
        octets: |n| whole("BDAT 1\r\nx", n),
        take: |octets| serve(TO_RCPT, octets, READ),
    },
    Shape {
        name: "chunks without octets",
        octets: |n| whole("BDAT 0\r\n", n),
        take: |octets| serve(TO_RCPT, octets, READ),
    },
    Shape {
        name: "chunks without recipients",
        octets: |n| whole("BDAT 1\r\nx", n),
        take: |octets| serve(b"", octets, READ),
    },
    Shape {
        name: "recipients of LMTP, each answered for",
        octets: |n| {
            let recipients = whole("RCPT TO:<b@y.example>\r\n", n);
            [&b"MAIL FROM:<>\r\n"[..], &recipients, b"BDAT 0 LAST\r\n"].concat()
        },
        take: |octets| Talk::new(config().lmtp()).serve(b"", octets, READ),
    },
    Shape {
        name: "a session that is recorded",
        octets: |n| whole("MAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\nBDAT 1 LAST\r\nx", n),
        take: |octets| {
            let mut talk = Talk::new(config());
            let mut recording = Recording::from(Content::Kept { limit: usize::MAX });
            (recording.entries, recording.octets) = (usize::MAX, usize::MAX);
            talk.server.wire().record(recording);
            let whole = talk.serve(b"", octets, 7);
            let mut transcript = Transcript::new(Speaker::Server);
            if let Some(recorder) = talk.server.wire().transcript() {
                transcript.take(recorder);
            }
            let replay = Replay::new(&transcript).serve(Server::new(Arc::new(config())), |_| {});
            whole && transcript.to_string().len() > octets.len() && replay.is_ok()
        },
    },
];

/// One that offers what makes work, and lets a client go on for ever.
fn config() -> Config {
    let host = Host::parse("mx.example").expect("a domain");
    let offered = [Extension::BinaryMime, Extension::Dsn, Extension::DeliverBy];
    let config = offered.into_iter().fold(Config::new(host), Config::offer);
    let config = config.known_mechanism(Known::Plain);
    let config = config.profile(|profile| profile.server.plaintext_auth = true);
    config.limits(|limits| {
        limits.bad_commands = u32::MAX;
        limits.failed_auth = u32::MAX;
        limits.recipients = u32::MAX;
        limits.endless_line = usize::MAX;
    })
}

/// The same with lines of any length.
fn long_lines(config: Config) -> Config {
    config.limits(|limits| {
        limits.command_line = 1 << 20;
        limits.auth_line = 1 << 20;
    })
}

fn serve(before: &[u8], octets: &[u8], piece: usize) -> bool {
    Talk::new(config()).serve(before, octets, piece)
}

/// A server that says yes to everything but logins.
struct Talk {
    server: Server,
}

impl Talk {
    fn new(config: Config) -> Self {
        Self { server: Server::new(Arc::new(config)) }
    }

    /// Whether it took all octets, in pieces of so many, after a hello and what is said `before`, line by
    /// line; and goes on.
    fn serve(&mut self, before: &[u8], octets: &[u8], piece: usize) -> bool {
        self.answer();
        let hello = if self.server.config().protocol() == smtp_proto::sequence::Protocol::Lmtp {
            &b"LHLO c.example\r\n"[..]
        } else {
            b"EHLO c.example\r\n"
        };
        let before = hello.split_inclusive(newline).chain(before.split_inclusive(newline));
        let mut pieces = before.chain(octets.chunks(piece));
        pieces.all(|piece| self.give(piece)) && self.server.step() == Step::Read
    }

    fn give(&mut self, mut octets: &[u8]) -> bool {
        while !octets.is_empty() {
            let taken = self.server.wire().receive(octets);
            if taken == 0 {
                return false;
            }
            octets = octets.get(taken..).unwrap_or_default();
            self.answer();
        }
        true
    }

    fn answer(&mut self) {
        loop {
            match self.server.step() {
                Step::Write => drain(self.server.wire()),
                Step::Event => match self.server.event() {
                    Some(Event::Connected(token)) => token.accept(),
                    Some(Event::Hello(token)) => token.accept(),
                    Some(Event::Mail(token)) => token.accept(),
                    Some(Event::Rcpt(token)) => token.accept(),
                    Some(Event::Data(token)) => token.accept(),
                    Some(Event::Delivery(token)) => token.accept(),
                    Some(Event::Auth(token)) => token.reject(Rejection::BAD_CREDENTIALS),
                    _ => {}
                },
                _ => return,
            }
        }
    }
}

const fn newline(octet: &u8) -> bool {
    *octet == b'\n'
}
