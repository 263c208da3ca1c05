//! What is read without a session: addresses, headers, reports, files.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use smtp_proto::{
    auth::{
        Base64, Secret,
        server::{Mechanism, OAuthBearer, Step},
    },
    client::Survey,
    command::DomainList,
    data::{BareNewline, Decoder},
    date::Date,
    parameter::{MailParameters, Parameters},
    path::{ForwardPath, Mailbox},
    profile::Syntax,
    proxy::{Header, MAX_V2, Tlvs, Version},
    relay::StsPolicy,
    report::DeliveryStatus,
    trace::{HeaderScanner, WithoutFields},
    transcript::Transcript,
    xtext::Xtext,
};

use super::{Shape, lines, of, whole};

pub(super) const SHAPES: [Shape; 25] = [
    Shape {
        name: "a mailbox of quotes",
        octets: |n| of("\"\\\"", n),
        take: |octets| Mailbox::parse_with(octets, &Syntax::LENIENT).is_err(),
    },
    Shape {
        name: "a mailbox of dots",
        octets: |n| of("a.", n),
        take: |octets| Mailbox::parse_with(octets, &Syntax::LENIENT).is_err(),
    },
    Shape {
        name: "a path that is a source route",
        octets: |n| [b"<", &of("@a,", n)[..], b"@a:b@y.example>"].concat(),
        take: |octets| ForwardPath::parse(text(octets)).is_err(),
    },
    Shape {
        name: "a list of parameters",
        octets: |n| [&of("X=1 ", n)[..], b"X"].concat(),
        take: |octets| {
            let all = Parameters::parse(octets, &Syntax::LENIENT);
            all.and_then(MailParameters::parse).is_err()
        },
    },
    Shape {
        name: "a list of domains",
        octets: |n| [&of("a.b,", n)[..], b"a.b"].concat(),
        take: |octets| DomainList::parse(text(octets)).is_err(),
    },
    Shape {
        name: "xtext",
        octets: |n| whole("+2B", n),
        take: |octets| {
            let xtext = Xtext::parse(text(octets));
            xtext.is_ok_and(|xtext| xtext.decode().len() == octets.len() / 3)
        },
    },
    Shape {
        name: "base64",
        octets: |n| whole("AAAA", n),
        take: |octets| {
            let mut decoded = Secret::new();
            Base64::parse(octets).is_ok_and(|base64| {
                base64.decode_into(&mut decoded);
                decoded.len() == octets.len() / 4 * 3
            })
        },
    },
    Shape {
        name: "a password beyond ASCII",
        octets: |n| whole("\u{ac00}", n),
        take: |octets| smtp_proto::auth::saslprep(text(octets)).is_ok(),
    },
    Shape {
        name: "a password of combining marks",
        octets: |n| whole("\u{316}\u{301}", n),
        take: |octets| smtp_proto::auth::saslprep(text(octets)).is_ok(),
    },
    Shape {
        name: "fields of OAUTHBEARER",
        octets: |n| [b"n,,\x01auth=Bearer x\x01", &whole("a=b\x01", n)[..], b"\x01"].concat(),
        take: |octets| matches!(OAuthBearer::new().step(Some(octets)), Step::Ask(_)),
    },
    Shape {
        name: "TLVs of a PROXY header",
        octets: |n| {
            let tlvs = whole("\u{4}\0\0", n - 64);
            let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 25));
            let tlvs = Tlvs::new(&tlvs).expect("whole ones");
            let mut octets = Vec::new();
            let header = Header::new(here, here).with_tlvs(tlvs);
            header.write_v2_with_checksum(&mut octets).expect("it fits");
            octets
        },
        take: |octets| {
            let header = Header::parse_with(octets, Version::V2, MAX_V2);
            header.is_ok_and(|header| {
                header.is_some_and(|(header, _)| header.tlvs().count() > octets.len() / 4)
            })
        },
    },
    Shape {
        name: "a header of one field",
        octets: |n| of("x:\r\n ", n),
        take: |octets| scanned(octets, octets.len()),
    },
    Shape {
        name: "Received fields, an octet at a time",
        octets: |n| whole("Received: x\r\n", n),
        take: |octets| scanned(octets, 1),
    },
    Shape {
        name: "no fields, an octet at a time",
        octets: |n| of("x", n),
        take: |octets| scanned(octets, 1),
    },
    Shape {
        name: "Bcc fields, an octet at a time",
        octets: |n| whole("Bcc: x\r\nBcd: x\r\n", n),
        take: |octets| without_bcc(octets) == octets.len() / 2,
    },
    Shape {
        name: "a name with blanks behind it, an octet at a time",
        octets: |n| [b"Bcc", &of(" ", n)[..], b"x\r\n"].concat(),
        // It is removed as one that some reader may see.
        take: |octets| without_bcc(octets) == 0,
    },
    Shape {
        name: "a header that is surveyed, an octet at a time",
        octets: |n| whole("x: \u{f6}\r\n", n),
        take: |octets| {
            let mut survey = Survey::default();
            octets.chunks(1).for_each(|octet| survey.read(octet));
            survey.content().smtputf8
        },
    },
    Shape {
        name: "a decoder of bare newlines, an octet at a time",
        octets: |n| of("\r\r\n.", n),
        take: |octets| {
            let mut decoder = Decoder::new(BareNewline::Normalize);
            let mut held = Vec::new();
            for octet in octets {
                held.push(*octet);
                let consumed = decoder.decode(&mut held).consumed;
                held.drain(..consumed);
            }
            held.len() < 4
        },
    },
    Shape {
        name: "a date of comments",
        octets: |n| [&of("(", n / 2)[..], &of(")", n / 2), b" 1 Jan 2024 00:00:00 +0000"].concat(),
        take: |octets| {
            let _ = Date::parse(text(octets));
            true
        },
    },
    Shape {
        name: "recipients of a report",
        octets: |n| {
            let group = "\nFinal-Recipient: x;y\n";
            [b"A: b\n", &whole(group, n.min(9_000 * group.len()))[..]].concat()
        },
        take: |octets| DeliveryStatus::parse(text(octets)).is_ok(),
    },
    Shape {
        name: "a field of a report, folded",
        octets: |n| [b"A: b\n\nFinal-Recipient: x;y\n", &whole(" z\n", n)[..]].concat(),
        take: |octets| DeliveryStatus::parse(text(octets)).is_ok(),
    },
    Shape {
        name: "hosts of an MTA-STS policy",
        octets: |n| {
            let hosts = lines(n, |number| format!("mx: h{number}.example\n"));
            [b"version: STSv1\nmode: enforce\nmax_age: 1\n", &hosts[..]].concat()
        },
        take: |octets| StsPolicy::parse(octets).is_ok(),
    },
    Shape {
        name: "commands of a transcript",
        octets: |n| [TITLE, &whole("C: NOOP\nS: 250 x\n", n)[..]].concat(),
        take: transcribed,
    },
    Shape {
        name: "a reply of a transcript",
        octets: |n| [TITLE, &whole("S: 250-x\n", n)[..], b"S: 250 x\n"].concat(),
        take: transcribed,
    },
    Shape {
        name: "content of a transcript",
        octets: |n| [TITLE, &whole("C| x\nC+ \\x80\n", n)[..]].concat(),
        take: transcribed,
    },
];

const TITLE: &[u8] = b"smtp-transcript 1 server\n";

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).expect("text")
}

/// Whether a header section that comes in pieces of so many octets has not ended.
fn scanned(octets: &[u8], piece: usize) -> bool {
    let mut scanner = HeaderScanner::new();
    octets.chunks(piece).for_each(|piece| scanner.scan(piece));
    !scanner.has_ended()
}

/// How many octets are left.
fn without_bcc(octets: &[u8]) -> usize {
    let (mut without, mut left) = (WithoutFields::bcc(), 0);
    let octets = Bytes::copy_from_slice(octets);
    for place in 0..octets.len() {
        without.pass(octets.slice(place..=place), |kept| left += kept.len());
    }
    without.finish(|kept| left += kept.len());
    left
}

/// Whether it is read, and written again.
fn transcribed(octets: &[u8]) -> bool {
    let read = text(octets).parse::<Transcript>();
    read.is_ok_and(|transcript| transcript.to_string().len() > octets.len() / 2)
}
