//! Bounds on what a peer can make a session hold or do. All are on by default.

use core::time::Duration;

use crate::reply::ReplyRules;

/// Bounds of a server session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// Octets of a command line with its CRLF; at least 2400, which hold 512 and all parameters that this crate
    /// knows, offered or not, and more where extensions of one's own ask for more (RFC 5321 section 4.5.3.1.4).
    /// Default 4096.
    pub command_line: usize,
    /// Octets of an AUTH command or response line with its CRLF; at least 12290 (RFC 4954 section 4 asks for 12288
    /// octets of base64). Default 12352.
    pub auth_line: usize,
    /// A line longer than this ends the session; at least what the two above allow. Default 64 KiB.
    pub endless_line: usize,
    /// Octets of a message (RFC 1870); `None` for no limit. Default 50 MiB.
    pub message: Option<u64>,
    /// Octets of a BDAT chunk that are read over the message limit only to be thrown away; a chunk
    /// announced larger ends the session. Default 16 MiB.
    pub discard: u64,
    /// Recipients of a transaction; more get 452. A server on the Internet must take 100 (RFC 5321
    /// section 4.5.3.1.8). Default 1000.
    pub recipients: u32,
    /// MAIL commands of a session; one more is answered with 421 (RFC 9422 section 4.1). `None`, the
    /// default, for no limit.
    pub mails: Option<u32>,
    /// Different domains in the recipients of a session; one more gets 452 (RFC 9422 section 4.3).
    /// `None`, the default, for no limit.
    pub recipient_domains: Option<u32>,
    /// Commands in a row that earn a 5yz reply for syntax or order; one more ends the session with 421.
    /// Not counted is what is refused for a size or an address, as the application's own refusals are
    /// not; nor what only follows from a refusal and may have been sent before that was read: recipients
    /// and content behind a MAIL that was refused, chunks behind one that failed, as many as
    /// [`recipients`](Self::recipients) for each MAIL. Default 20.
    pub bad_commands: u32,
    /// Failed AUTH attempts; the next one is answered with 421. Default 3.
    pub failed_auth: u32,
    /// Octets of content buffered at a time. Default 64 KiB.
    pub content_buffer: usize,
}

impl ServerLimits {
    /// The limits as LIMITS tells them: those that six digits can hold (RFC 9422 section 4).
    pub(crate) fn told(&self) -> impl Iterator<Item = (&'static str, u32)> + use<> {
        let limits = [
            ("RCPTMAX", Some(self.recipients)),
            ("MAILMAX", self.mails),
            ("RCPTDOMAINMAX", self.recipient_domains),
        ];
        let told = |(name, limit): (_, Option<u32>)| Some((name, limit?));
        limits.into_iter().filter_map(told).filter(|(_, limit)| *limit <= 999_999)
    }
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            command_line: 4096,
            auth_line: 12_352,
            endless_line: 64 * 1024,
            message: Some(50 * 1024 * 1024),
            discard: 16 * 1024 * 1024,
            recipients: 1000,
            mails: None,
            recipient_domains: None,
            bad_commands: 20,
            failed_auth: 3,
            content_buffer: 64 * 1024,
        }
    }
}

/// Bounds of a client session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientLimits {
    /// Octets of commands sent and not yet answered. Default 16 KiB.
    pub in_flight: usize,
    /// Octets of a whole message that are sent by BDAT in one flight with MAIL and RCPT, before the
    /// server has said whether it accepts any of them: it then takes one turn instead of two. Where it
    /// accepts none, they were sent for nothing; a server must read and forget them (RFC 3030 section
    /// 2). Larger messages, and all where this is 0, wait for the replies. Default 16 KiB.
    pub ahead: usize,
    /// Octets of commands queued and not yet sent; more is refused as
    /// [`Misuse::QueueFull`](crate::client::Misuse::QueueFull). Default 256 KiB.
    pub queue: usize,
    /// Octets of one line of a reply, its line end included: a 334 may be long (RFC 4954 section 4).
    /// Default 12294.
    pub reply_line: usize,
    /// Lines of one reply. Default 128.
    pub reply_lines: usize,
    /// Octets of one reply. Default 64 KiB.
    pub reply: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        let ReplyRules { max_line, max_lines, max_octets, .. } = ReplyRules::default();
        Self {
            in_flight: 16 * 1024,
            ahead: 16 * 1024,
            queue: 256 * 1024,
            reply_line: max_line,
            reply_lines: max_lines,
            reply: max_octets,
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// How long a server waits (RFC 5321 section 4.5.3.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerTimeouts {
    /// Before the greeting, to see whether the client talks first, where the profile refuses those
    /// who do ([`early_talker`](crate::profile::ServerPolicy::early_talker)). Default 0: only what
    /// has come by then is seen.
    pub greeting: Duration,
    /// For a whole command, or for the peer to read our replies. Default 5 minutes.
    pub command: Duration,
    /// For 16 KiB of content, or for the content to end: so it sets a least rate, of 55 octets a second
    /// by default. Default 5 minutes.
    pub content: Duration,
    /// For the TLS handshake. Default 1 minute. Where a frontend has a time of its own for it, the shorter
    /// one counts.
    pub tls: Duration,
    /// For the peer to read the last reply before the connection is cut. Default 10 seconds.
    pub closing: Duration,
}

impl Default for ServerTimeouts {
    fn default() -> Self {
        Self {
            greeting: Duration::ZERO,
            command: MINUTE * 5,
            content: MINUTE * 5,
            tls: MINUTE,
            closing: Duration::from_secs(10),
        }
    }
}

impl ServerTimeouts {
    /// The same time for every phase, but none before the greeting; closing takes at most 10 seconds.
    pub fn all(time: Duration) -> Self {
        Self {
            greeting: Duration::ZERO,
            command: time,
            content: time,
            tls: time,
            closing: time.min(Duration::from_secs(10)),
        }
    }
}

/// How long a client waits in each phase (RFC 5321 section 4.5.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientTimeouts {
    /// For the greeting. Default 5 minutes.
    pub greeting: Duration,
    /// For the reply to EHLO, HELO, LHLO, STARTTLS, and each AUTH step. Default 5 minutes.
    pub hello: Duration,
    /// For the reply to MAIL. Default 5 minutes.
    pub mail: Duration,
    /// For the reply to each RCPT. Default 5 minutes.
    pub rcpt: Duration,
    /// For the reply to DATA. Default 2 minutes.
    pub data: Duration,
    /// For each 16 KiB of content to be written. Default 3 minutes.
    pub block: Duration,
    /// For the reply to a BDAT that is not the last. Default 5 minutes.
    pub chunk: Duration,
    /// For the reply to the end of the content, in LMTP for each of them; and to BURL and ATRN, for
    /// which a server has as much to do. Default 10 minutes, the least for ATRN (RFC 2645 section
    /// 5.2.1).
    pub end_of_data: Duration,
    /// For the reply to RSET, NOOP, VRFY, EXPN, HELP, ETRN, XCLIENT, XFORWARD and extension verbs. Default 5 minutes.
    pub other: Duration,
    /// For the reply to QUIT. Default 5 seconds.
    pub quit: Duration,
    /// For the TLS handshake. Default 1 minute.
    pub tls: Duration,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        Self {
            greeting: MINUTE * 5,
            hello: MINUTE * 5,
            mail: MINUTE * 5,
            rcpt: MINUTE * 5,
            data: MINUTE * 2,
            block: MINUTE * 3,
            chunk: MINUTE * 5,
            end_of_data: MINUTE * 10,
            other: MINUTE * 5,
            quit: Duration::from_secs(5),
            tls: MINUTE,
        }
    }
}

impl ClientTimeouts {
    /// The same time for every phase; for QUIT at most 5 seconds.
    pub fn all(time: Duration) -> Self {
        Self {
            greeting: time,
            hello: time,
            mail: time,
            rcpt: time,
            data: time,
            block: time,
            chunk: time,
            end_of_data: time,
            other: time,
            quit: time.min(Duration::from_secs(5)),
            tls: time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One time for every phase, but a short one for good-byes: who has nothing more to say is not
    /// waited for.
    #[test]
    fn the_same_time_for_every_phase() {
        for seconds in [1, 60] {
            let time = Duration::from_secs(seconds);
            let server = ServerTimeouts::all(time);
            assert_eq!([server.command, server.content, server.tls], [time; 3]);
            assert_eq!(server.closing, Duration::from_secs(seconds.min(10)));
            assert_eq!(server.greeting, Duration::ZERO);
            let client = ClientTimeouts::all(time);
            let opening = [client.greeting, client.hello, client.tls, client.other];
            let transaction = [client.mail, client.rcpt, client.data, client.block, client.chunk];
            assert_eq!((opening, transaction), ([time; 4], [time; 5]));
            assert_eq!(client.end_of_data, time);
            assert_eq!(client.quit, Duration::from_secs(seconds.min(5)));
        }
    }
}
