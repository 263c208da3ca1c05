//! What a seed stands for: who speaks how, what is sent, and what goes wrong.

use smtp_proto::{
    client::{self, Chunking, TlsUse},
    command::Mechanism,
    domain::Host,
    extension::Extension,
    profile::StartTlsTrailing,
    sequence::Protocol,
    server,
};

use crate::random::Random;

/// What becomes of a recipient, by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// `<ok…`
    Accept,
    /// `<no…`
    Reject,
    /// `<later…`
    Defer,
}

impl Verdict {
    /// That of a forward-path.
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("<no") {
            Self::Reject
        } else if path.starts_with("<later") {
            Self::Defer
        } else {
            Self::Accept
        }
    }
}

/// A message and to whom it goes.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Its number, which is in the reverse-path.
    pub(super) from: String,
    /// The recipients.
    pub(super) to: Vec<String>,
    /// The content, in the pieces it is handed over in.
    pub(super) pieces: Vec<Vec<u8>>,
    /// Whether the transaction has all of it from the beginning.
    pub(super) at_hand: bool,
    /// Whether its size is told before it is sent.
    pub(super) declares_size: bool,
    /// Whether it has octets above 127.
    pub(super) eight_bit: bool,
}

impl Job {
    /// The content as it is to arrive: by DATA, whose last line is completed, or as it is.
    pub(super) fn content(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

/// Everything that a seed decides before the first octet.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    /// SMTP or LMTP.
    pub(super) protocol: Protocol,
    /// Whether the server offers PIPELINING.
    pub(super) pipelining: bool,
    /// Whether the client never sends ahead.
    pub(super) lockstep: bool,
    /// Whether the server offers CHUNKING.
    pub(super) offers_chunking: bool,
    /// Whether the client wants it.
    pub(super) chunking: Chunking,
    /// What the client wants of TLS.
    pub(super) tls: TlsUse,
    /// Whether the server offers STARTTLS.
    pub(super) offers_tls: bool,
    /// The mechanism of both, if the client logs in.
    pub(super) auth: Option<&'static str>,
    /// Whether the server throws plaintext behind STARTTLS away, instead of ending the session.
    pub(super) discards: bool,
    /// The most octets of a message the server takes.
    pub(super) limit: u64,
    /// Once in so many questions the application answers later; 0 for never.
    pub(super) defers: usize,
    /// Once in so many questions the application refuses what it could take; 0 for never.
    pub(super) refuses: usize,
    /// Once in so many turns a timer runs out; 0 for never.
    pub(super) timers: usize,
    /// Whether connections break.
    pub(super) cuts: bool,
    /// Whether somebody in between puts commands and replies behind STARTTLS.
    pub(super) meddles: bool,
    /// What is to be sent.
    pub(super) jobs: Vec<Job>,
}

impl Scenario {
    /// That of a seed.
    pub(super) fn new(random: &mut Random) -> Self {
        let tls = random.one_of(&[TlsUse::None, TlsUse::Opportunistic, TlsUse::Required]);
        let troubled = random.once_in(2);
        let jobs = (0..1 + random.below(4)).map(|number| job(number, random)).collect();
        Self {
            protocol: random.one_of(&[Protocol::Smtp, Protocol::Smtp, Protocol::Lmtp]),
            pipelining: !random.once_in(4),
            lockstep: random.once_in(5),
            offers_chunking: !random.once_in(3),
            chunking: random.one_of(&[Chunking::Auto, Chunking::Never]),
            tls,
            offers_tls: tls == TlsUse::Required || random.once_in(2),
            auth: random.one_of(&[None, None, Some("PLAIN"), Some("LOGIN")]),
            discards: random.once_in(3),
            limit: if random.once_in(6) { 500 } else { 1 << 20 },
            defers: random.one_of(&[0, 2, 10]),
            refuses: if troubled { random.one_of(&[0, 5, 30]) } else { 0 },
            timers: if troubled { random.one_of(&[0, 300, 5000]) } else { 0 },
            cuts: troubled && random.once_in(2),
            meddles: troubled && random.once_in(3),
            jobs,
        }
    }

    /// Whether nothing goes wrong but what addresses ask for.
    pub(super) fn is_calm(&self) -> bool {
        self.refuses == 0 && self.timers == 0 && !self.cuts && !self.meddles
    }

    /// The server.
    pub(super) fn server(&self) -> server::Config {
        let mut config = server::Config::new(Host::parse("mx.example.net").unwrap())
            .limits(|limits| limits.message = Some(self.limit));
        if self.protocol == Protocol::Lmtp {
            config = config.lmtp();
        }
        if !self.pipelining {
            config = config.withhold(Extension::Pipelining);
        }
        if !self.offers_chunking {
            config = config.withhold(Extension::Chunking);
        }
        if self.offers_tls {
            config = config.offer(Extension::StartTls);
        }
        if let Some(name) = self.auth {
            config = config.mechanism(Mechanism::parse(name).unwrap(), false);
        }
        config.profile(|profile| {
            if self.discards {
                profile.server.starttls_trailing = StartTlsTrailing::Discard;
            }
        })
    }

    /// The client.
    pub(super) fn client(&self) -> client::Config {
        let mut config = client::Config::default();
        config.protocol = self.protocol;
        config.lockstep = self.lockstep;
        config
    }
}

fn job(number: usize, random: &mut Random) -> Job {
    let to = (0..1 + random.below(5)).map(|place| {
        let name = random.one_of(&["ok", "ok", "ok", "ok", "no", "later"]);
        format!("<{name}{place}.{number}@x.example>")
    });
    let to = to.collect();
    let eight_bit = random.once_in(4);
    let mut content = b"Subject: simulated\r\n\r\n".to_vec();
    let most = random.one_of(&[0, 10, 500, 5_000, 40_000]);
    while content.len() < most {
        match random.below(6) {
            0 => content.push(b'.'),
            1 => content.extend_from_slice(b"\r\n.\r\n"),
            2 => content.extend_from_slice(b"\r\n"),
            3 if eight_bit => content.extend_from_slice("\u{e4}".as_bytes()),
            _ => content.resize(content.len() + random.below(90), b'x'),
        }
    }
    // By BDAT the octets arrive as they are; so that they do by DATA, too, the last line is whole.
    content.extend_from_slice(b"\r\n");
    let mut pieces = Vec::new();
    let mut rest = &content[..];
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.len().min(random.octets()));
        pieces.push(piece.to_vec());
        rest = behind;
    }
    let (declares_size, at_hand) = (random.once_in(2), random.once_in(2));
    let eight_bit = !content.is_ascii();
    let from = format!("<m{number}@x.example>");
    Job { from, to, pieces, at_hand, declares_size, eight_bit }
}
