//! What the generators share: their arguments, and the message that they send; and what the least servers
//! share.

pub mod floor;

use std::{env, process::exit};

/// What a generator is asked to do.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The port of the server, on 127.0.0.1.
    pub port: u16,
    /// Sessions at a time.
    pub connections: usize,
    /// Messages of all sessions together.
    pub messages: usize,
    /// Octets of each.
    pub size: usize,
}

impl Load {
    /// From the arguments of the program; ends it if they make no sense.
    pub fn from_arguments() -> Self {
        let numbers: Option<Vec<usize>> =
            env::args().skip(1).map(|text| text.parse().ok()).collect();
        if let Some(&[port, connections, messages, size]) = numbers.as_deref()
            && let Ok(port) = u16::try_from(port)
            && connections > 0
        {
            return Self { port, connections, messages, size };
        }
        eprintln!("usage: PORT CONNECTIONS MESSAGES OCTETS");
        exit(64)
    }

    /// How many messages the session with this number sends.
    pub fn share(self, session: usize) -> usize {
        self.messages / self.connections + usize::from(session < self.messages % self.connections)
    }

    /// The message: lines of ordinary text.
    pub fn message(self) -> Vec<u8> {
        let mut message = b"Subject: a message to measure by\r\n\r\n".to_vec();
        while message.len() + 72 <= self.size {
            message.extend_from_slice(&[b'x'; 70]);
            message.extend_from_slice(b"\r\n");
        }
        while message.len() + 2 < self.size {
            message.push(b'x');
        }
        if !message.ends_with(b"\r\n") {
            message.extend_from_slice(b"\r\n");
        }
        message
    }
}
