//! The same work by others, each as its documentation has it done. What a peer does not do is not here.

use std::{hint::black_box, net::Ipv4Addr};

use crate::corpus::{self, READ};

// ---- Stalwart's smtp-proto -------------------------------------------------------------------

/// Commands, by Stalwart's parser.
pub fn stalwart_commands(lines: &[&[u8]]) -> usize {
    lines
        .iter()
        .filter(|line| black_box(stalwart::Request::parse(&mut black_box(line).iter())).is_ok())
        .count()
}

/// A reply, by Stalwart's receiver.
pub fn stalwart_reply(octets: &[u8]) -> u16 {
    let mut receiver = stalwart::response::parser::ResponseReceiver::default();
    receiver.parse(&mut black_box(octets).iter()).map_or(0, |reply| black_box(reply).code)
}

/// An EHLO response, by Stalwart's parser.
pub fn stalwart_ehlo(octets: &[u8]) -> usize {
    let parsed = stalwart::EhloResponse::parse(&mut black_box(octets).iter());
    parsed.map_or(0, |offered| {
        usize::try_from(black_box(offered).capabilities.count_ones()).unwrap_or(0)
    })
}

/// Content in, by Stalwart's receiver, which keeps it.
pub fn stalwart_decode_kept(wire: &[u8], kept: &mut Vec<u8>) -> usize {
    let mut receiver = stalwart::request::receiver::DataReceiver::new();
    for block in wire.chunks(READ) {
        if receiver.ingest(&mut black_box(block).iter(), kept) {
            break;
        }
    }
    kept.len()
}

/// Content in, by Stalwart's receiver that only finds the end.
pub fn stalwart_decode(wire: &[u8]) -> usize {
    let start = stalwart::request::receiver::DataReceiver::new();
    let mut receiver = stalwart::request::receiver::DummyDataReceiver::new_data(&start);
    let mut octets = 0;
    for block in wire.chunks(READ) {
        octets += block.len();
        if receiver.ingest(&mut black_box(block).iter()) {
            break;
        }
    }
    octets
}

// ---- smtp-codec ------------------------------------------------------------------------------

/// Commands, by smtp-codec.
pub fn codec_commands(lines: &[&[u8]]) -> usize {
    lines
        .iter()
        .filter(|line| black_box(smtp_codec::parse::command::command(black_box(line))).is_ok())
        .count()
}

// ---- smtp-message ----------------------------------------------------------------------------

/// Commands, by smtp-message.
pub fn message_commands(lines: &[&[u8]]) -> usize {
    let parsed =
        |line: &&&[u8]| black_box(smtp_message::Command::<&str>::parse(black_box(line))).is_ok();
    lines.iter().filter(parsed).count()
}

/// A reply, by smtp-message.
pub fn message_reply(octets: &[u8]) -> u16 {
    let reply = smtp_message::Reply::<&str>::parse(black_box(octets));
    reply.map_or(0, |(_, reply)| black_box(reply).code.code())
}

/// Content in, by smtp-message, in place.
pub fn message_decode(wire: &mut [u8]) -> usize {
    let mut unescaper = smtp_message::DataUnescaper::new(true);
    let (mut from, mut to, mut content) = (0, READ.min(wire.len()), 0);
    loop {
        let done = unescaper.unescape(&mut wire[from..to]);
        content += black_box(done.written);
        from += done.unhandled_idx;
        if to == wire.len() {
            return content;
        }
        to = (to + READ).min(wire.len());
    }
}

// ---- mailrs-smtp-proto -----------------------------------------------------------------------

/// Commands, by mailrs-smtp-proto, which takes text.
pub fn mailrs_commands(lines: &[&str]) -> usize {
    let parsed =
        |line: &&&str| black_box(mailrs_smtp_proto::parse::parse_command(black_box(line))).is_ok();
    lines.iter().filter(parsed).count()
}

/// Content in, by mailrs-smtp-proto, whole, into new memory.
pub fn mailrs_decode_kept(wire: &[u8]) -> usize {
    black_box(mailrs_smtp_proto::data::unstuff_data(black_box(wire))).len()
}

// ---- io-smtp ---------------------------------------------------------------------------------

/// A reply, by io-smtp.
pub fn io_reply(octets: &[u8]) -> u16 {
    let reply = io_smtp::rfc5321::SmtpResponse::parse(black_box(octets));
    reply.map_or(0, |reply| black_box(reply).code.code())
}

/// An EHLO response, by io-smtp.
pub fn io_ehlo(octets: &[u8]) -> usize {
    let parsed = io_smtp::rfc5321::SmtpEhloResponse::parse(black_box(octets));
    parsed.map_or(0, |offered| black_box(offered).capabilities.len())
}

/// What a server says each time io-smtp waits.
const ANSWERS: [&[u8]; 4] = [
    b"250 2.1.0 sender ok\r\n",
    b"250 2.1.5 recipient ok\r\n",
    b"354 go ahead\r\n",
    b"250 2.0.0 queued as 4Xyz1\r\n",
];

/// Whole transactions of 1 KiB, by io-smtp's coroutine, which waits for each reply. How many were taken.
pub fn io_client(count: usize) -> usize {
    use io_smtp::{
        coroutine::{SmtpCoroutine, SmtpCoroutineState, SmtpYield},
        message::{SmtpMessageSend, SmtpMessageSendOptions},
        rfc5321::{
            SmtpDomain, SmtpEhloDomain, SmtpForwardPath, SmtpLocalPart, SmtpMailbox,
            SmtpReversePath,
        },
    };
    let mailbox = |local: &'static str, domain: &'static str| SmtpMailbox {
        local_part: SmtpLocalPart(local.into()),
        domain: SmtpEhloDomain::SmtpDomain(SmtpDomain(domain.into())),
    };
    let message = corpus::message();
    let mut taken = 0;
    for _ in 0..count {
        let mut coroutine = SmtpMessageSend::new(
            SmtpReversePath::SmtpMailbox(mailbox("alice", "example.org")),
            [SmtpForwardPath(mailbox("bob", "example.net"))],
            message.clone(),
            SmtpMessageSendOptions::default(),
        );
        let mut says = ANSWERS.iter();
        let mut read: Option<&[u8]> = None;
        loop {
            match coroutine.resume(read.take()) {
                SmtpCoroutineState::Yielded(SmtpYield::WantsWrite(octets)) => {
                    black_box(octets);
                }
                SmtpCoroutineState::Yielded(SmtpYield::WantsRead) => read = says.next().copied(),
                SmtpCoroutineState::Complete(done) => {
                    taken += usize::from(done.is_ok());
                    break;
                }
            }
        }
    }
    taken
}

// ---- mailin ----------------------------------------------------------------------------------

/// A server session of mailin's, after EHLO.
pub struct MailinSession {
    session: mailin::Session<Accept>,
    written: Vec<u8>,
    wire: Vec<u8>,
}

impl std::fmt::Debug for MailinSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailinSession")
    }
}

struct Accept;

impl mailin::Handler for Accept {}

impl Default for MailinSession {
    fn default() -> Self {
        let mut session = Self {
            session: mailin::SessionBuilder::new("mx.example.net")
                .build(Ipv4Addr::LOCALHOST.into(), Accept),
            written: Vec::new(),
            wire: corpus::stuffed(&corpus::message()),
        };
        session.line(b"EHLO client.example.org\r\n");
        session.transactions(5);
        session
    }
}

impl MailinSession {
    /// So many messages; how many octets of replies there were.
    pub fn transactions(&mut self, count: usize) -> usize {
        let wire = std::mem::take(&mut self.wire);
        self.written.clear();
        for _ in 0..count {
            self.line(b"MAIL FROM:<alice@example.org> SIZE=1024\r\n");
            self.line(b"RCPT TO:<bob@example.net>\r\n");
            self.line(b"DATA\r\n");
            for line in wire.split_inclusive(|&octet| octet == b'\n') {
                self.line(line);
            }
        }
        self.wire = wire;
        self.written.len()
    }

    fn line(&mut self, line: &[u8]) {
        let response = self.session.process(black_box(line));
        if response.action != mailin::Action::NoReply {
            let _ = response.write_to(&mut self.written);
        }
    }
}
