//! A session that says each thing only when the server waits for it.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use super::traced::Traced;

/// How a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Each command for itself.
    InTurns,
    /// The commands together, and the content (RFC 2920).
    Pipelined,
    /// The commands and the content as one chunk, all together (RFC 3030).
    Chunked,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::InTurns, Self::Pipelined, Self::Chunked];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::InTurns => "turns",
            Self::Pipelined => "pipelined",
            Self::Chunked => "chunked",
        }
    }

    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::InTurns => "each command for itself",
            Self::Pipelined => "commands together, then content",
            Self::Chunked => "commands and a chunk together",
        }
    }

    /// What is sent at once for a message, each with the number of replies to it.
    fn turns(self) -> Vec<(String, usize)> {
        const MAIL: &str = "MAIL FROM:<sender@example.org>\r\n";
        const RCPT: &str = "RCPT TO:<recipient@example.net>\r\n";
        // 16 lines of 64 octets.
        let content = format!("{}\r\n", "x".repeat(62)).repeat(16);
        match self {
            Self::InTurns => vec![
                (MAIL.into(), 1),
                (RCPT.into(), 1),
                ("DATA\r\n".into(), 1),
                (format!("{content}.\r\n"), 1),
            ],
            Self::Pipelined => {
                vec![(format!("{MAIL}{RCPT}DATA\r\n"), 3), (format!("{content}.\r\n"), 1)]
            }
            Self::Chunked => {
                vec![(format!("{MAIL}{RCPT}BDAT {} LAST\r\n{content}", content.len()), 3)]
            }
        }
    }

    /// A session of so many messages with a server.
    pub(super) fn run(self, server: &Traced, messages: u32) -> io::Result<()> {
        let stream = TcpStream::connect(server.address())?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut line = Line { stream: BufReader::new(stream), server };
        line.reply()?;
        line.turn("EHLO client.example.org\r\n", 1)?;
        let turns = self.turns();
        for _ in 0..messages {
            for (text, replies) in &turns {
                line.turn(text, *replies)?;
            }
        }
        line.turn("QUIT\r\n", 1)
    }
}

struct Line<'s> {
    stream: BufReader<TcpStream>,
    server: &'s Traced,
}

impl Line<'_> {
    fn turn(&mut self, text: &str, replies: usize) -> io::Result<()> {
        self.server.until_asleep()?;
        self.stream.get_mut().write_all(text.as_bytes())?;
        (0..replies).try_for_each(|_| self.reply())
    }

    /// Reads a reply that is no refusal.
    fn reply(&mut self) -> io::Result<()> {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            if !line.starts_with(['2', '3']) {
                return Err(io::Error::other(format!("it says {line:?}")));
            }
            if line.as_bytes().get(3) == Some(&b' ') {
                return Ok(());
            }
        }
    }
}
