//! How long each phase of a session takes, by what the client tells of it.

use std::time::{Duration, Instant};

use smtp_frontend::Progress;
use smtp_proto::client::ReplyTo;

/// A phase of a session or of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Connect,
    Greeting,
    StartTls,
    Tls,
    Hello,
    Auth,
    Mail,
    Rcpt,
    Data,
    Content,
    Quit,
    /// A whole transaction.
    Message,
}

impl Phase {
    pub(super) const ALL: [Self; 12] = [
        Self::Connect,
        Self::Greeting,
        Self::StartTls,
        Self::Tls,
        Self::Hello,
        Self::Auth,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Content,
        Self::Quit,
        Self::Message,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::StartTls => "STARTTLS",
            Self::Tls => "TLS",
            Self::Hello => "EHLO",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Content => "content",
            Self::Quit => "QUIT",
            Self::Message => "message",
        }
    }
}

/// Takes the times of one session.
#[derive(Debug)]
pub(super) struct Stopwatch {
    /// When the command that is answered next was sent, if it was sent alone.
    sent: Instant,
    /// When the transaction began, if its commands go out in groups.
    group: Option<Instant>,
    laps: Vec<(Phase, Duration)>,
}

impl Stopwatch {
    pub(super) fn new(now: Instant) -> Self {
        Self { sent: now, group: None, laps: Vec::new() }
    }

    /// Something is begun: a connection, or a single command.
    pub(super) fn start(&mut self, now: Instant) {
        (self.sent, self.group) = (now, None);
    }

    /// A transaction begins, perhaps with its commands in groups.
    pub(super) fn start_transaction(&mut self, now: Instant, grouped: bool) {
        (self.sent, self.group) = (now, grouped.then_some(now));
    }

    /// Something was told.
    pub(super) fn note(&mut self, progress: &Progress<'_>, now: Instant) {
        let phase = match progress {
            Progress::Connected => Phase::Connect,
            Progress::Tls(_) => Phase::Tls,
            Progress::Reply { to, .. } => match to {
                ReplyTo::Greeting => Phase::Greeting,
                ReplyTo::StartTls => Phase::StartTls,
                ReplyTo::Hello(_) => Phase::Hello,
                ReplyTo::Auth => return self.answered_auth(now),
                ReplyTo::Mail => Phase::Mail,
                ReplyTo::Rcpt { .. } => Phase::Rcpt,
                ReplyTo::Data => {
                    self.lap(Phase::Data, now);
                    // What comes now is sent behind this reply, whatever was sent in a group.
                    self.start(now);
                    return;
                }
                ReplyTo::Delivery { .. } => Phase::Content,
                ReplyTo::Quit => Phase::Quit,
                _ => return,
            },
            _ => return,
        };
        self.lap(phase, now);
        // In LMTP there is a final reply for each recipient; all were asked for at once.
        if phase != Phase::Content {
            self.sent = now;
        }
    }

    /// An exchange of several responses is one lap.
    fn answered_auth(&mut self, now: Instant) {
        let lap = now.duration_since(self.sent);
        match self.laps.last_mut() {
            Some((Phase::Auth, before)) => *before += lap,
            _ => self.laps.push((Phase::Auth, lap)),
        }
        self.sent = now;
    }

    fn lap(&mut self, phase: Phase, now: Instant) {
        let since = self.group.unwrap_or(self.sent);
        self.laps.push((phase, now.duration_since(since)));
    }

    /// The laps since the last time.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Phase, Duration)> {
        self.laps.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use smtp_proto::{
        command::Verb,
        reply::{Reply, ReplyBuf},
    };

    use super::*;

    /// What is told at which millisecond, and the laps.
    fn laps(grouped: bool, told: &[(ReplyTo, u64)]) -> Vec<(Phase, u64)> {
        let start = Instant::now();
        let mut watch = Stopwatch::new(start);
        watch.start_transaction(start, grouped);
        let reply: ReplyBuf = (&smtp_proto::answer::Rejection::LOCAL_ERROR).into();
        let reply: Reply<'_> = reply.as_reply();
        for &(to, after) in told {
            let now = start + Duration::from_millis(after);
            watch.note(&Progress::Reply { to, reply }, now);
        }
        watch.drain().map(|(phase, lap)| (phase, lap.as_millis() as u64)).collect()
    }

    const TRANSACTION: [(ReplyTo, u64); 4] = [
        (ReplyTo::Mail, 10),
        (ReplyTo::Rcpt { index: 0 }, 30),
        (ReplyTo::Data, 60),
        (ReplyTo::Delivery { recipient: None }, 100),
    ];

    #[test]
    fn commands_one_by_one_count_from_the_reply_before() {
        let expected =
            [(Phase::Mail, 10), (Phase::Rcpt, 20), (Phase::Data, 30), (Phase::Content, 40)];
        assert_eq!(laps(false, &TRANSACTION), expected);
    }

    #[test]
    fn commands_of_a_group_count_from_its_start_and_content_from_the_reply_to_data() {
        let expected =
            [(Phase::Mail, 10), (Phase::Rcpt, 30), (Phase::Data, 60), (Phase::Content, 40)];
        assert_eq!(laps(true, &TRANSACTION), expected);
        let chunked = [TRANSACTION[0], TRANSACTION[1], TRANSACTION[3]];
        let expected = [(Phase::Mail, 10), (Phase::Rcpt, 30), (Phase::Content, 100)];
        assert_eq!(laps(true, &chunked), expected);
    }

    #[test]
    fn an_exchange_is_one_lap_and_final_replies_of_lmtp_have_one_start() {
        let told = [
            (ReplyTo::Hello(Verb::Ehlo), 5),
            (ReplyTo::Auth, 10),
            (ReplyTo::Auth, 30),
            (ReplyTo::Data, 40),
            (ReplyTo::Delivery { recipient: Some(0) }, 50),
            (ReplyTo::Delivery { recipient: Some(1) }, 70),
        ];
        let expected = [
            (Phase::Hello, 5),
            (Phase::Auth, 25),
            (Phase::Data, 10),
            (Phase::Content, 10),
            (Phase::Content, 30),
        ];
        assert_eq!(laps(false, &told), expected);
    }
}
