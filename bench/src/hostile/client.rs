//! What a server may say to a client.

use bytes::Bytes;
use smtp_proto::{
    auth::{Nonce, client::Credentials},
    client::{
        Chunking, Client, Config, Content, Envelope, Event, Login, Opening, OpeningStep, Recipient,
        TlsUse, Transaction, TransactionOptions, TransactionStep,
    },
    data::BareNewline,
    domain::HelloName,
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    wire::{Endpoint, Step},
};

use super::{Shape, lines, of, whole};
use crate::machine::drain;

const READ: usize = 4 * 1024;
const PLAIN: &str = "250-mx.example\r\n250 PIPELINING\r\n";
const CHUNKS: &str = "250-mx.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n";

pub(super) const SHAPES: [Shape; 20] = [
    Shape {
        name: "a greeting of many lines",
        octets: |n| [&whole("220-x\r\n", n)[..], b"220 x\r\n"].concat(),
        take: |octets| Talk::new(Config::default()).hear(octets, READ),
    },
    Shape {
        name: "a reply line without end, an octet at a time",
        octets: |n| [b"250-", &of("x", n)[..]].concat(),
        take: |octets| Talk::greeted(Config::default()).hear(octets, 1),
    },
    Shape {
        name: "lines of a reply",
        octets: |n| whole("250-X\r\n", n),
        take: |octets| Talk::greeted(Config::default()).hear(octets, READ),
    },
    Shape {
        name: "lines of a reply, an octet at a time",
        octets: |n| whole("250-X\r\n", n),
        take: |octets| Talk::greeted(Config::default()).hear(octets, 1),
    },
    Shape {
        name: "keywords of EHLO",
        octets: |n| reply(&lines(n, |number| format!("250-X{number} Y\r\n"))),
        take: |octets| open(octets, READ),
    },
    Shape {
        name: "one keyword of EHLO over and over",
        octets: |n| reply(&whole("250-SIZE 1\r\n", n)),
        take: |octets| open(octets, READ),
    },
    Shape {
        name: "mechanisms of AUTH, a line of each",
        octets: |n| reply(&lines(n, |number| format!("250-AUTH X{number}\r\n"))),
        take: |octets| open(octets, READ),
    },
    Shape {
        name: "mechanisms of AUTH on one line",
        octets: |n| reply(&[b"250-AUTH", &of(" X", n)[..], b"\r\n"].concat()),
        take: |octets| open(octets, READ),
    },
    Shape {
        name: "limits of LIMITS",
        octets: |n| reply(&[b"250-LIMITS", &of(" A=1", n)[..], b"\r\n"].concat()),
        take: |octets| open(octets, READ),
    },
    Shape {
        name: "a challenge of the longest, an octet at a time",
        octets: |n| [b"334 ", &of("AAAA", n / 4 * 4)[..], b"\r\n"].concat(),
        take: |octets| Talk::greeted(Config::default()).challenged(octets),
    },
    Shape {
        name: "recipients that are refused",
        octets: |n| [b"250 x\r\n", &whole("550 x\r\n", n)[..]].concat(),
        take: |octets| Talk::greeted(Config::default()).send(&refused(octets, 3), octets, LINE),
    },
    Shape {
        name: "recipients that are refused, an octet at a time",
        octets: |n| [b"250 x\r\n", &whole("550-x\r\n550 x\r\n", n)[..]].concat(),
        take: |octets| {
            let letter = Letter { recipients: octets.len() / 14 - 2, ..Letter::default() };
            Talk::greeted(Config::default()).send(&letter, octets, 1)
        },
    },
    Shape {
        name: "recipients behind a MAIL that is refused",
        octets: |n| whole("550 x\r\n", n),
        take: |octets| Talk::greeted(Config::default()).send(&refused(octets, 2), octets, LINE),
    },
    Shape {
        name: "recipients of LMTP, each answered for",
        octets: |n| {
            let each = whole("250 x\r\n", n / 2);
            [b"250 x\r\n", &each[..], b"354 x\r\n", &each[..]].concat()
        },
        take: |octets| {
            let letter = Letter { recipients: (octets.len() / 7 - 2) / 2, ..Letter::default() };
            Talk::greeted(Config::lmtp()).send(&letter, octets, LINE)
        },
    },
    Shape {
        name: "recipients taken one at a time",
        octets: |n| whole("250 x\r\n250 x\r\n354 x\r\n250 x\r\n", n),
        take: |octets| {
            let limited = "250-x\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=1\r\n";
            let letter = Letter { recipients: octets.len() / 28, ..Letter::default() };
            Talk::offered(Config::default(), limited).send(&letter, octets, LINE)
        },
    },
    Shape {
        name: "recipients at as many domains as are taken",
        octets: |n| [b"250 x\r\n", &whole("550 x\r\n", n)[..]].concat(),
        take: |octets| {
            let limited = "250-x\r\n250-PIPELINING\r\n250 LIMITS RCPTDOMAINMAX=999999\r\n";
            let letter = Letter { domains: true, ..refused(octets, 2) };
            Talk::offered(Config::default(), limited).send(&letter, octets, LINE)
        },
    },
    Shape {
        name: "content sent by DATA, an octet at a time",
        octets: |n| [&of("x", n)[..], b"\r\n"].concat(),
        take: |content| Talk::greeted(Config::default()).send_content(content, 1),
    },
    Shape {
        name: "content sent by BDAT, an octet at a time",
        octets: |n| [&of("x", n)[..], b"\r\n"].concat(),
        take: |content| Talk::offered(Config::default(), CHUNKS).send_content(content, 1),
    },
    Shape {
        name: "content of bare newlines, made good",
        octets: |n| of("\r\r\n\n.", n),
        take: |content| Talk::greeted(forgiving()).send_content(content, 7),
    },
    Shape {
        name: "content of bare newlines, made good in chunks",
        octets: |n| of("\r\r\n\n.", n),
        take: |content| Talk::offered(forgiving(), CHUNKS).send_content(content, READ),
    },
];

/// Pieces of the answers are lines: what is said to recipients who were not asked for yet is no answer.
const LINE: usize = 7;

/// A reply to EHLO of these lines.
fn reply(lines: &[u8]) -> Vec<u8> {
    [b"250-mx.example\r\n", lines, b"250 PIPELINING\r\n"].concat()
}

fn forgiving() -> Config {
    let mut config = Config::default();
    config.profile.client.bare_newline = BareNewline::Normalize;
    config
}

/// A message to whom so many replies of one line, without those to others, are for.
fn refused(replies: &[u8], others: usize) -> Letter {
    Letter { recipients: replies.len() / LINE - others, ..Letter::default() }
}

/// What is sent, but for its content.
#[derive(Debug, Clone, Copy)]
struct Letter {
    recipients: usize,
    /// Each is at a domain of its own.
    domains: bool,
    chunking: Chunking,
}

impl Default for Letter {
    fn default() -> Self {
        Self { recipients: 1, domains: false, chunking: Chunking::Auto }
    }
}

/// Whether an opening with a login takes a reply to EHLO whole, and then comes to an end.
fn open(hello: &[u8], piece: usize) -> bool {
    let mut talk = Talk::new(Config::default());
    let name = HelloName::parse("client.example").expect("a domain");
    let credentials = Credentials::password("alice", "secret").expect("a password");
    let nonce = Nonce::parse("nonce").expect("a nonce");
    let login = Login::choose(credentials, nonce).allow_plaintext(true);
    let mut opening = Opening::new(name, TlsUse::None).login(login);
    let mut pieces = [&b"220 x\r\n"[..]].into_iter().chain(hello.chunks(piece));
    loop {
        match opening.next(&mut talk.client) {
            OpeningStep::Ready | OpeningStep::Failed(_) => return pieces.next().is_none(),
            OpeningStep::Await => {}
        }
        match talk.client.step() {
            Step::Write => drain(talk.client.wire()),
            Step::Event => match talk.client.event() {
                Some(Event::Reply { to, reply }) => opening.reply(to, reply),
                Some(Event::Fault(fault)) => opening.fault(fault),
                _ => {}
            },
            _ => match pieces.next() {
                Some(piece) if talk.client.wire().receive(piece) == piece.len() => {}
                _ => return false,
            },
        }
    }
}

/// A client that a server may tell as much as it wants to.
struct Talk {
    client: Client,
}

impl Talk {
    fn new(mut config: Config) -> Self {
        let limits = &mut config.limits;
        (limits.reply, limits.reply_line, limits.reply_lines) = (MUCH, MUCH, MUCH);
        (limits.in_flight, limits.queue) = (MUCH, MUCH);
        Self { client: Client::new(config) }
    }

    /// It has been greeted, and has said EHLO.
    fn greeted(config: Config) -> Self {
        let mut talk = Self::new(config);
        talk.hear(b"220 mx.example\r\n", READ);
        let name = HelloName::parse("client.example").expect("a domain");
        talk.client.hello(name).expect("EHLO is due");
        drain(talk.client.wire());
        talk
    }

    /// The server has offered this.
    fn offered(config: Config, offers: &str) -> Self {
        let mut talk = Self::greeted(config);
        talk.hear(offers.as_bytes(), READ);
        talk
    }

    /// Whether all is taken, in pieces of so many octets, and nothing is wrong with it.
    fn hear(&mut self, octets: &[u8], piece: usize) -> bool {
        octets.chunks(piece).all(|piece| {
            let whole = self.client.wire().receive(piece) == piece.len();
            while self.client.step() == Step::Event {
                if matches!(self.client.event(), Some(Event::Fault(_))) {
                    return false;
                }
            }
            whole
        })
    }

    /// Whether it takes this as the answer to AUTH.
    fn challenged(mut self, challenge: &[u8]) -> bool {
        self.hear(b"250-x\r\n250 AUTH PLAIN\r\n", READ);
        let plain = smtp_proto::command::Mechanism::parse("PLAIN").expect("a mechanism");
        self.client.auth(plain, None).expect("AUTH is offered");
        drain(self.client.wire());
        self.hear(challenge, 1) && self.client.auth_response(b"").is_ok()
    }

    /// Whether a message of a line gets an outcome for all its recipients by just these answers.
    fn send(mut self, letter: &Letter, answers: &[u8], piece: usize) -> bool {
        if self.client.capabilities().is_none() {
            self.hear(PLAIN.as_bytes(), READ);
        }
        self.transact(letter, b"x\r\n", usize::MAX, answers.chunks(piece))
    }

    /// Whether content that is handed over in pieces of so many octets is delivered.
    fn send_content(mut self, content: &[u8], piece: usize) -> bool {
        if self.client.capabilities().is_none() {
            self.hear(PLAIN.as_bytes(), READ);
        }
        let answers: &[&[u8]] = if self.client.capabilities().is_some_and(offers_chunks) {
            &[b"250 x\r\n250 x\r\n"]
        } else {
            &[b"250 x\r\n250 x\r\n354 x\r\n"]
        };
        let answers = answers.iter().copied().chain(std::iter::repeat(&b"250 x\r\n"[..]));
        self.transact(&Letter::default(), content, piece, answers)
    }

    fn transact<'a>(
        &mut self,
        letter: &Letter,
        content: &[u8],
        piece: usize,
        mut answers: impl Iterator<Item = &'a [u8]>,
    ) -> bool {
        let path = |number: usize| {
            if letter.domains { format!("<b@d{number}.example>") } else { "<b@y.example>".into() }
        };
        let paths: Vec<String> = (0..letter.recipients).map(path).collect();
        let recipients: Vec<Recipient<'_>> =
            paths.iter().map(|path| ForwardPath::parse(path).expect("a path").into()).collect();
        let envelope = Envelope {
            reverse_path: ReversePath::Null,
            parameters: Parameters::EMPTY,
            recipients: &recipients,
        };
        let mut options = TransactionOptions::default();
        options.chunking = letter.chunking;
        let mut transaction = Transaction::new(envelope, Content::default(), options);
        let mut body = content.chunks(piece.min(content.len()));
        loop {
            let Ok(wants) = transaction.next(&mut self.client) else { return false };
            match wants {
                TransactionStep::Done => {
                    return transaction.report().outcomes().len() == recipients.len();
                }
                TransactionStep::Rewind => {
                    body = content.chunks(piece.min(content.len()));
                    transaction.rewound();
                    continue;
                }
                TransactionStep::Await | TransactionStep::Body => {}
            }
            match self.client.step() {
                Step::Write => drain(self.client.wire()),
                Step::Event => match self.client.event() {
                    Some(Event::Reply { to, reply }) => transaction.reply(to, reply),
                    Some(Event::Fault(_)) => return false,
                    _ => {}
                },
                _ if wants == TransactionStep::Body => {
                    let done = match body.next() {
                        Some(piece) => {
                            transaction.body(&mut self.client, Bytes::copy_from_slice(piece))
                        }
                        None => transaction.end_of_body(&mut self.client),
                    };
                    if done.is_err() {
                        return false;
                    }
                }
                _ => match answers.next() {
                    Some(answer) if self.client.wire().receive(answer) == answer.len() => {}
                    _ => return false,
                },
            }
        }
    }
}

fn offers_chunks(offered: smtp_proto::extension::Capabilities<'_>) -> bool {
    offered.offers(smtp_proto::extension::Extension::Chunking)
}

/// More than any shape has.
const MUCH: usize = 1 << 24;
