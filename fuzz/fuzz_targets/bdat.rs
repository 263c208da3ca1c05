//! Invariant: whatever lies in chunks, refused or not, and however it is cut, is content and never a
//! command; a message is delivered with all of its chunks or not at all; and every command has a reply.
#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smtp_fuzz::{Cuts, replies};
use smtp_proto::{
    bytes::Buf,
    domain::Host,
    extension::Extension,
    server::{Config, Event, Server},
    wire::{Endpoint, Step},
};

#[derive(Debug, Arbitrary)]
struct Input<'i> {
    cuts: Cuts,
    lines: Vec<Line<'i>>,
}

#[derive(Debug, Arbitrary)]
enum Line<'i> {
    Mail,
    Rcpt,
    Rset,
    Chunk(&'i [u8], bool),
    /// Its end marker is none.
    Odd(&'i [u8]),
    /// Leading zeros, up to the end of a line.
    Zeros(u8, &'i [u8]),
}

impl Line<'_> {
    fn is_last(&self) -> bool {
        matches!(self, Self::Chunk(_, true))
    }

    fn chunk(&self) -> Option<&[u8]> {
        match self {
            Self::Chunk(octets, _) | Self::Odd(octets) | Self::Zeros(_, octets) => Some(octets),
            Self::Mail | Self::Rcpt | Self::Rset => None,
        }
    }

    fn write(&self, wire: &mut Vec<u8>) {
        let line = match self {
            Self::Mail => "MAIL FROM:<a@x.example> BODY=BINARYMIME".to_owned(),
            Self::Rcpt => "RCPT TO:<b@y.example>".to_owned(),
            Self::Rset => "RSET".to_owned(),
            Self::Chunk(octets, true) => format!("BDAT {} LAST", octets.len()),
            Self::Chunk(octets, false) => format!("BDAT {}", octets.len()),
            Self::Odd(octets) => format!("BDAT {} LOST", octets.len()),
            Self::Zeros(zeros, octets) => {
                format!("BDAT {}{}", "0".repeat(usize::from(*zeros)), octets.len())
            }
        };
        wire.extend_from_slice(line.as_bytes());
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(self.chunk().unwrap_or_default());
    }
}

/// The messages that must be there, as the replies have it.
fn promised(lines: &[Line<'_>], codes: &[u16]) -> Vec<Vec<u8>> {
    let (mut messages, mut content, mut whole) = (Vec::new(), Vec::new(), true);
    for (line, code) in lines.iter().zip(codes) {
        match line {
            Line::Mail if *code == 250 => (content, whole) = (Vec::new(), true),
            Line::Rset => (content, whole) = (Vec::new(), true),
            _ => {}
        }
        let Some(chunk) = line.chunk() else { continue };
        if *code != 250 {
            whole = false;
            continue;
        }
        assert!(whole, "a chunk was refused, and a later one taken");
        content.extend_from_slice(chunk);
        if line.is_last() {
            messages.push(std::mem::take(&mut content));
        }
    }
    messages
}

fn play(wire: &[u8], cuts: Cuts) -> (Vec<u8>, Vec<Vec<u8>>) {
    let config = Config::new(Host::parse("mx.example.net").unwrap()).offer(Extension::BinaryMime);
    let mut server = Server::new(Arc::new(config.limits(|limits| limits.bad_commands = u32::MAX)));
    let (mut said, mut delivered, mut body) = (Vec::new(), Vec::new(), Vec::new());
    let mut pieces = cuts.pieces(wire).into_iter();
    let mut rest: &[u8] = &[];
    loop {
        match server.step() {
            Step::Read => {
                if rest.is_empty() {
                    match pieces.next() {
                        Some(piece) => rest = piece,
                        None => return (said, delivered),
                    }
                }
                let taken = server.wire().receive(rest);
                rest = &rest[taken..];
            }
            Step::Write => {
                let output = server.wire().output();
                let length = output.chunk().len();
                said.extend_from_slice(output.chunk());
                output.advance(length);
            }
            Step::Event => match server.event() {
                Some(Event::Connected(token)) => token.accept(),
                Some(Event::Hello(token)) => token.accept(),
                Some(Event::Mail(token)) => {
                    body.clear();
                    token.accept();
                }
                Some(Event::Rcpt(token)) => token.accept(),
                Some(Event::Data(token)) => token.accept(),
                Some(Event::Body(octets)) => body.extend_from_slice(&octets),
                Some(Event::Reset) => body.clear(),
                Some(Event::Delivery(token)) => {
                    delivered.push(std::mem::take(&mut body));
                    token.accept();
                }
                Some(Event::Leniency(_)) => {}
                Some(other) => panic!("{other:?}"),
                None => {}
            },
            Step::Idle | Step::Close => return (said, delivered),
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let lines = &input.lines[..input.lines.len().min(60)];
    let mut wire = b"EHLO client.example\r\n".to_vec();
    lines.iter().for_each(|line| line.write(&mut wire));
    wire.extend_from_slice(b"NOOP\r\n");
    let (said, delivered) = play(&wire, Cuts::NONE);
    let codes: Vec<u16> = replies(&said).iter().map(|reply| reply.code().value()).collect();
    let [greeting, hello, codes @ .., noop] = &codes[..] else { panic!("{codes:?}") };
    assert_eq!((*greeting, *hello, *noop), (220, 250, 250));
    assert_eq!(codes.len(), lines.len(), "a reply for each: {}", said.escape_ascii());
    assert_eq!(promised(lines, codes), delivered);
    for cuts in [Cuts::ALL, input.cuts] {
        assert_eq!(play(&wire, cuts), (said.clone(), delivered.clone()));
    }
});
