//! What the fuzz targets share: how octets are cut, and how a session is fed and emptied.

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use smtp_proto::{
    bytes::{Buf, Bytes},
    reply::{Reply, ReplyReader, ReplyRules},
    status::Code,
    wire::{Endpoint, Wire},
};

/// Where a run of octets is cut: piece after piece as long as the next of these octets says, from
/// the beginning again after the last; 0 stands for all that there is.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub struct Cuts(pub [u8; 4]);

impl Cuts {
    /// No cut at all.
    pub const NONE: Self = Self([0; 4]);
    /// Octet by octet.
    pub const ALL: Self = Self([1; 4]);

    /// The length of piece `index` of `octets` that are there: at least 1 when there are any.
    pub fn piece(self, index: usize, octets: usize) -> usize {
        match usize::from(self.0[index % self.0.len()]) {
            0 => octets,
            length => length.min(octets),
        }
    }

    /// All pieces of `octets`.
    pub fn pieces(self, mut octets: &[u8]) -> Vec<&[u8]> {
        let mut pieces = Vec::new();
        while !octets.is_empty() {
            let (piece, rest) = octets.split_at(self.piece(pieces.len(), octets.len()));
            pieces.push(piece);
            octets = rest;
        }
        pieces
    }
}

/// The peer's octets. An octet 255 stands for 5000 octets `x`, so that a short input can reach the
/// limits; at most eight of them do.
pub fn stretch(octets: &[u8]) -> Vec<u8> {
    let mut stretched = Vec::with_capacity(octets.len());
    let mut left = 8;
    for &octet in octets {
        if octet == 255 && left > 0 {
            left -= 1;
            stretched.extend_from_slice(&[b'x'; 5000]);
        } else {
            stretched.push(octet);
        }
    }
    stretched
}

/// The network on one side of a session: gives octets in pieces, takes them in pieces, and checks
/// on the way that the session holds no more than it may.
#[derive(Debug)]
pub struct Line {
    cuts: Cuts,
    /// Pieces so far, of both directions.
    pieces: usize,
    /// No buffer of the session may ever take more than this.
    pub room: usize,
    /// No more than this may ever wait to be written.
    pub waiting: usize,
    /// All that the session wrote.
    pub written: Vec<u8>,
}

impl Line {
    pub fn new(cuts: Cuts, room: usize, waiting: usize) -> Self {
        Self { cuts, pieces: 0, room, waiting, written: Vec::new() }
    }

    /// Checks the bounds of a session's buffers.
    #[track_caller]
    pub fn check(&self, wire: &mut Wire) {
        assert!(wire.room() <= self.room, "room for {} octets", wire.room());
        let waiting = wire.output().len();
        assert!(waiting <= self.waiting, "{waiting} octets wait to be written");
    }

    /// Gives the session the next piece of `octets`, by either way in; how many it took.
    pub fn feed(&mut self, endpoint: &mut impl Endpoint, octets: &[u8]) -> usize {
        let wire = endpoint.wire();
        self.check(wire);
        let length = self.cuts.piece(self.pieces, octets.len());
        self.pieces += 1;
        let piece = &octets[..length];
        // Room is made new each time, so this way in is much slower for an octet.
        if !self.pieces.is_multiple_of(8) {
            return wire.receive(piece);
        }
        let spare = wire.spare();
        let taken = piece.len().min(spare.len());
        spare[..taken].copy_from_slice(&piece[..taken]);
        if taken > 0 {
            wire.received(taken);
        }
        taken
    }

    /// Takes a piece of what the session has to say.
    pub fn drain(&mut self, endpoint: &mut impl Endpoint) -> Vec<u8> {
        self.check(endpoint.wire());
        let output = endpoint.wire().output();
        let chunks = output.chunks().map(<[u8]>::len).sum::<usize>();
        assert_eq!(chunks, output.len());
        assert!(!output.chunk().is_empty(), "asked to write nothing");
        let length = self.cuts.piece(self.pieces, output.chunk().len());
        self.pieces += 1;
        let piece = output.chunk()[..length].to_vec();
        output.advance(length);
        self.written.extend_from_slice(&piece);
        piece
    }
}

/// Takes a server's octets for replies, which they must be to the last.
#[track_caller]
pub fn replies(octets: &[u8]) -> Vec<Reply<'_>> {
    let (mut replies, mut rest) = (Vec::new(), octets);
    while !rest.is_empty() {
        let found = ReplyReader::default().find(rest, &ReplyRules::default());
        let length = match found {
            Ok(Some(length)) => length,
            other => panic!("{other:?}: {:?}", rest.escape_ascii().to_string()),
        };
        let (whole, behind) = rest.split_at(length);
        let reply = Reply::parse(whole).expect("a reply that was found can be read");
        assert!(
            reply.code() == Code::CHALLENGE
                || whole.split(|octet| *octet == b'\n').all(|line| line.len() < 512)
        );
        replies.push(reply);
        rest = behind;
    }
    replies
}

/// Choices in the order in which they are asked for, from the beginning again after the last.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub struct Choices(pub [u8; 12]);

impl Choices {
    pub fn get(&self, index: usize) -> u8 {
        self.0[index % self.0.len()]
    }
}

/// Content with its bare newlines made CRLF, octet by octet.
pub fn normalized(content: &[u8]) -> Vec<u8> {
    let mut octets: VecDeque<u8> = content.iter().copied().collect();
    let mut result = Vec::new();
    while let Some(octet) = octets.pop_front() {
        match octet {
            b'\r' => {
                if octets.front() == Some(&b'\n') {
                    octets.pop_front();
                }
                result.extend_from_slice(b"\r\n");
            }
            b'\n' => result.extend_from_slice(b"\r\n"),
            other => result.push(other),
        }
    }
    result
}

/// Whether content has a CR or LF that is not part of a CRLF, octet by octet.
pub fn has_bare_newline(content: &[u8]) -> bool {
    (0..content.len()).any(|at| match content[at] {
        b'\r' => content.get(at + 1) != Some(&b'\n'),
        b'\n' => at == 0 || content[at - 1] != b'\r',
        _ => false,
    })
}

/// Content as it ends after DATA: with a CRLF, unless there is none at all.
pub fn completed(mut content: Vec<u8>) -> Vec<u8> {
    if !content.is_empty() && !content.ends_with(b"\r\n") {
        content.extend_from_slice(b"\r\n");
    }
    content
}

/// Pieces of content, cut.
pub fn content_pieces(content: &[u8], cuts: Cuts) -> VecDeque<Bytes> {
    cuts.pieces(content).into_iter().map(Bytes::copy_from_slice).collect()
}
