//! What replies change of a client session.

use alloc::boxed::Box;

use super::{
    ReplyTo,
    session::{Expected, Session},
};
use crate::{
    command::Verb,
    data::Encoder,
    extension::{Capabilities, Extension},
    fault::Fault,
    reply::{Reply, ReplyBuf, ReplyError},
    sequence::{self, Answer, Request, State},
    status::{Code, Severity},
};

impl Session {
    /// Looks for a whole reply; whether there is one.
    #[inline]
    pub(super) fn find(&mut self, octets: &[u8]) -> bool {
        let limits = &self.config.limits;
        let most = limits.reply_line.min(limits.reply);
        self.found = self.reader.whole(octets, most, limits.reply_lines);
        self.found.is_some()
    }

    /// The same where it is not as nearly every reply is.
    #[cold]
    pub(super) fn find_any(&mut self, octets: &[u8]) -> Result<(), ReplyError> {
        self.found = self.reader.read_any(octets, &self.reply_rules())?.map(Reply::extent);
        Ok(())
    }

    /// Takes note of a reply: what it answers, unless it ends the session.
    pub(super) fn replied(
        &mut self,
        reply: Reply<'_>,
        nothing_behind: bool,
        written: u64,
    ) -> Option<ReplyTo> {
        let unavailable = reply.code() == Code::SERVICE_NOT_AVAILABLE;
        if unavailable && (self.expected.is_empty() || !self.is_leaving()) {
            return self.fail_by(reply, Fault::ServiceNotAvailable);
        }
        let Some(answered) = self.expected.pop_front() else {
            return self.fail_by(reply, Fault::UnexpectedReply);
        };
        self.in_flight = self.in_flight.saturating_sub(answered.octets);
        if !self.fits(answered.to, reply, written) {
            return self.fail_by(reply, Fault::UnexpectedReply);
        }
        self.apply(answered, reply);
        if matches!(answered.to, ReplyTo::StartTls) && self.state == State::Tls {
            if !nothing_behind {
                self.fail(Fault::PlaintextBehindStartTls);
                return None;
            }
            self.upgrade = true;
        }
        if self.expected.is_empty() && self.queued.is_empty() {
            self.planned = self.state;
        }
        Some(answered.to)
    }

    #[cold]
    fn fail_by(&mut self, reply: Reply<'_>, fault: fn(ReplyBuf) -> Fault) -> Option<ReplyTo> {
        self.fail(fault(reply.to_owned()));
        None
    }

    /// Whether the code is one that the command may be answered with.
    fn fits(&self, to: ReplyTo, reply: Reply<'_>, written: u64) -> bool {
        match reply.severity() {
            Severity::PositiveCompletion => match to {
                ReplyTo::Data => false,
                ReplyTo::Delivery { .. } => self.has_left(written),
                ReplyTo::StartTls => reply.code() == Code::READY,
                _ => true,
            },
            Severity::PositiveIntermediate => match to {
                ReplyTo::Data => reply.code() == Code::START_MAIL_INPUT,
                ReplyTo::Auth => reply.code() == Code::CHALLENGE,
                ReplyTo::Mail => self.transid && reply.offset().is_some(),
                _ => false,
            },
            Severity::TransientNegative | Severity::PermanentNegative => true,
        }
    }

    /// Whether the message has left to its end whose reply this is: nobody takes less than a whole one.
    /// Where others are behind it, it is not told apart from them.
    fn has_left(&self, written: u64) -> bool {
        self.message_end.is_none_or(|end| written >= end)
            || self.expected.iter().any(|open| matches!(open.to, ReplyTo::Delivery { .. }))
    }

    fn apply(&mut self, answered: Expected, reply: Reply<'_>) {
        let answer = match reply.severity() {
            Severity::PositiveCompletion => Answer::Accepted,
            Severity::PositiveIntermediate if matches!(answered.to, ReplyTo::Auth) => {
                Answer::Challenged
            }
            Severity::PositiveIntermediate => Answer::Accepted,
            Severity::TransientNegative | Severity::PermanentNegative => Answer::Rejected,
        };
        let accepted = answer == Answer::Accepted;
        match answered.to {
            ReplyTo::Mail => {
                // The server knows the recipients, and wants the rest of the content (RFC 1845
                // section 4).
                let resumes = reply.code() == Code::RESUME_AT_OFFSET;
                self.accepted = u32::from(resumes);
                if resumes {
                    self.state = State::Recipients;
                } else {
                    self.follow(Request::Mail, answer);
                }
            }
            ReplyTo::Rcpt { .. } => {
                self.accepted += u32::from(accepted);
                self.follow(Request::Rcpt, answer);
            }
            ReplyTo::Data if accepted => {
                // Whatever the table says of it: the server now takes everything for content.
                self.state = State::Data;
                self.sending = true;
                self.encoder = Encoder::new(self.config.profile.client.bare_newline);
            }
            ReplyTo::Delivery { .. } if answered.more => {}
            ReplyTo::Delivery { .. } => match answered.last {
                Some(request) => self.follow(request, answer),
                None => self.state = sequence::AFTER_CONTENT,
            },
            _ => self.apply_others(answered.to, answer, reply),
        }
    }

    /// What the replies to commands outside a mail transaction change.
    #[inline(never)]
    fn apply_others(&mut self, to: ReplyTo, answer: Answer, reply: Reply<'_>) {
        let accepted = answer == Answer::Accepted;
        if matches!(to, ReplyTo::Auth) {
            self.state = State::Ready;
            self.authenticated |= accepted;
        }
        if let Some(request) = to.request() {
            self.follow(request, answer);
        }
        match to {
            ReplyTo::Greeting if !accepted => {
                self.queued.clear();
                self.queued_text.clear();
                self.state = State::Refusing;
            }
            ReplyTo::Hello(verb) if accepted => {
                let extended = verb != Verb::Helo;
                self.capabilities = extended.then(|| {
                    let mut digest = Capabilities::parse(reply).digest();
                    if self.bare_lf {
                        // TLS must not begin where line ends were guessed (F-31).
                        digest.withdraw(Extension::StartTls);
                    }
                    (Box::from(reply.octets()), digest)
                });
            }
            ReplyTo::Quit => self.state = State::Closed,
            // The server forgets who its client was, and what it has offered to it.
            ReplyTo::XClient { .. } if accepted => {
                self.capabilities = None;
                self.authenticated = false;
            }
            _ => {}
        }
    }

    /// Goes on by the table.
    #[inline]
    fn follow(&mut self, request: Request, answer: Answer) {
        self.state = sequence::after(self.state, request, answer);
    }
}
