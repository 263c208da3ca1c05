//! Sessions made from a seed, played at once, octet by octet, with every cut in two, and cut at random: the
//! same must be said and told each time.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use smtp_proto::{
    answer::Rejection,
    client::{self, Client},
    domain::{HelloName, Host},
    extension::Extension,
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    profile::Verdict,
    server::{self, Server},
    wire::{Endpoint, Step},
};

use crate::{
    oracle::{Abnf, grammar, mutate},
    random::Random,
    take_output,
};

/// What a session said, and what it told.
#[derive(Default, Clone, PartialEq, Eq)]
struct Trace {
    said: Vec<u8>,
    told: Vec<String>,
    body: Vec<u8>,
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.said.escape_ascii(), self.told, self.body.escape_ascii())
    }
}

/// Makes sessions.
#[derive(Debug)]
pub struct Sessions {
    abnf: Abnf,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { abnf: grammar(true) }
    }
}

impl Sessions {
    /// Plays one session of a server and one of a client in all ways; how many times in all.
    ///
    /// # Errors
    ///
    /// What came in, and how it was cut when it made a difference.
    pub fn check(&self, seed: u64) -> Result<u64, String> {
        let mut random = Random::new(seed);
        let commands = self.commands(&mut random);
        let replies = self.replies(&mut random);
        Ok(all_ways(&commands, &mut random, serve)? + all_ways(&replies, &mut random, listen)?)
    }

    /// What a client says: good for the most part.
    fn commands(&self, random: &mut Random) -> Vec<u8> {
        let mut octets = b"EHLO client.example\r\n".to_vec();
        for _ in 0..2 + random.below(7) {
            match random.below(9) {
                0..=2 => octets.extend_from_slice(
                    b"MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\nx\r\n",
                ),
                3 => octets.extend_from_slice(b"MAIL FROM:<>\r\nRCPT TO:<z@y.example>\r\n"),
                4 => {
                    let chunk = random.below(40);
                    let last = random.one_of(&["", " LAST"]);
                    octets.extend_from_slice(format!("BDAT {chunk}{last}\r\n").as_bytes());
                    octets.extend((0..chunk).map(|_| random.one_of(b"x\r\n.")));
                }
                5 => {
                    octets.extend((0..random.below(30)).map(|_| random.one_of(b"x.\r\n\0")));
                    octets.extend_from_slice(b"\r\n.\r\n");
                }
                6 | 7 => {
                    let mut line = self.abnf.generate("command", random);
                    line.truncate(200);
                    if random.once_in(2) {
                        mutate(&mut line, random);
                    }
                    octets.append(&mut line);
                    octets.extend_from_slice(b"\r\n");
                }
                _ => {
                    octets.extend_from_slice(random.one_of(&[&b".\r\n"[..], b"RSET\r\n", b"\r\n"]))
                }
            }
        }
        octets.extend_from_slice(random.one_of(&[&b"QUIT\r\n"[..], b"QUIT", b".\r\nQUIT\r\n\r\n"]));
        octets
    }

    /// What a server says.
    fn replies(&self, random: &mut Random) -> Vec<u8> {
        let mut octets = Vec::new();
        let usual = [
            "220 x",
            "250-x\r\n250-SIZE 1000\r\n250 DSN",
            "250 x",
            "250-x\r\n250 y",
            "550 5.1.1 x",
        ];
        for (turn, usual) in usual.iter().chain(&["354 x", "250 x", "221 x"]).enumerate() {
            match random.below(12) {
                0 => octets.append(&mut self.abnf.generate("Reply-line", random)),
                1 if turn > 1 => {
                    let mut reply = format!("{usual}\r\n").into_bytes();
                    mutate(&mut reply, random);
                    octets.append(&mut reply);
                }
                _ => octets.extend_from_slice(format!("{usual}\r\n").as_bytes()),
            }
            octets.truncate(600);
        }
        octets
    }
}

fn all_ways(
    octets: &[u8],
    random: &mut Random,
    play: fn(&[&[u8]]) -> Trace,
) -> Result<u64, String> {
    let whole = play(&[octets]);
    let mut times = 1;
    let mut again = |pieces: &[&[u8]]| {
        times += 1;
        let trace = play(pieces);
        if trace == whole {
            return Ok(());
        }
        let cut: Vec<_> = pieces.iter().map(|piece| piece.escape_ascii().to_string()).collect();
        Err(format!("{cut:?}:\n{trace:?}\nand at once\n{whole:?}"))
    };
    again(&octets.chunks(1).collect::<Vec<_>>())?;
    for cut in 1..octets.len() {
        let (one, two) = octets.split_at(cut);
        again(&[one, two])?;
    }
    for _ in 0..8 {
        let (mut pieces, mut rest) = (Vec::new(), octets);
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((1 + random.below(40)).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        again(&pieces)?;
    }
    Ok(times)
}

fn serve(pieces: &[&[u8]]) -> Trace {
    let config = server::Config::new(Host::parse("mx.example").unwrap())
        .offer(Extension::BinaryMime)
        .offer(Extension::Dsn)
        // When octets arrive decides nothing here.
        .profile(|profile| profile.server.early_data = Verdict::Accept);
    let mut server = Server::new(Arc::new(config));
    let mut trace = Trace::default();
    serve_on(&mut server, &mut trace);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let taken = server.wire().receive(rest);
            rest = &rest[taken..];
            serve_on(&mut server, &mut trace);
            if taken == 0 {
                return trace;
            }
        }
    }
    trace
}

fn serve_on(server: &mut Server, trace: &mut Trace) {
    use server::Event;
    loop {
        match server.step() {
            Step::Write => trace.said.extend(take_output(server.wire(), usize::MAX)),
            Step::Event => match server.event() {
                Some(Event::Connected(token)) => token.accept(),
                Some(Event::Hello(token)) => {
                    trace.told.push(token.name().to_string());
                    token.accept();
                }
                Some(Event::Mail(token)) => {
                    let path = token.reverse_path();
                    trace.told.push(format!("{path} {:?}", token.parameters()));
                    token.accept();
                }
                Some(Event::Rcpt(token)) => {
                    let path = token.forward_path().to_string();
                    trace.told.push(path.clone());
                    if path.contains('z') {
                        token.reject(Rejection::POLICY)
                    } else {
                        token.accept()
                    }
                }
                Some(Event::Data(token)) => token.accept(),
                Some(Event::Body(octets)) => trace.body.extend_from_slice(&octets),
                Some(Event::Reset) => {
                    trace.told.push("reset".into());
                    trace.body.clear();
                }
                Some(Event::Delivery(token)) => {
                    let body = std::mem::take(&mut trace.body);
                    trace.told.push(format!("{} {}", token.size(), body.escape_ascii()));
                    token.accept();
                }
                Some(Event::Verify(token)) => token.reject(Rejection::POLICY),
                Some(Event::Fault(fault)) => trace.told.push(format!("{fault:?}")),
                Some(Event::Leniency(_)) | None => {}
                Some(other) => panic!("{other:?}"),
            },
            Step::Read | Step::Idle | Step::Close => return,
        }
    }
}

fn listen(pieces: &[&[u8]]) -> Trace {
    let mut client = Client::new(client::Config::default());
    let mut trace = Trace::default();
    let mut turn = 0;
    listen_on(&mut client, &mut turn, &mut trace);
    // A reply before its command has left is an offence of its own: no two lines come at once.
    let lines = pieces.iter().flat_map(|piece| piece.split_inclusive(|octet| *octet == b'\n'));
    for mut rest in lines {
        while !rest.is_empty() {
            let taken = client.wire().receive(rest);
            rest = &rest[taken..];
            listen_on(&mut client, &mut turn, &mut trace);
            if taken == 0 {
                return trace;
            }
        }
    }
    trace
}

/// The next command as soon as the one before it was answered, whatever the answer.
fn next(client: &mut Client, turn: &mut u32) -> Result<(), client::Misuse> {
    *turn += 1;
    let to = ForwardPath::Postmaster;
    match *turn {
        1 => client.hello(HelloName::parse("client.example").unwrap()),
        2 => client.mail(ReversePath::Null, Parameters::EMPTY),
        3 | 4 => client.rcpt(to, Parameters::EMPTY),
        5 => client.data(),
        6 => client
            .body(Bytes::from_static(b"Subject: x\r\n\r\n.\r\n"))
            .and_then(|()| client.end_of_data()),
        7 => client.quit(),
        _ => Ok(()),
    }
}

fn listen_on(client: &mut Client, turn: &mut u32, trace: &mut Trace) {
    loop {
        match client.step() {
            Step::Write => trace.said.extend(take_output(client.wire(), usize::MAX)),
            Step::Event => {
                let answered = match client.event() {
                    Some(event) => {
                        trace.told.push(format!("{event:?}"));
                        matches!(event, client::Event::Reply { .. })
                    }
                    None => false,
                };
                if answered && !client.has_ended() {
                    trace.told.push(format!("{:?}", next(client, turn)));
                }
            }
            Step::Read | Step::Idle | Step::Close => return,
        }
    }
}
