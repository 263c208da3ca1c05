//! What the replies decide.

use super::{Fate, Stage, Transaction};
use crate::{
    client::{
        ReplyTo,
        report::{Outcome, Phase, too_many_recipients},
    },
    reply::{Reply, ReplyBuf},
    status::{Code, Severity},
};

impl Transaction<'_> {
    /// A reply came.
    pub fn reply(&mut self, to: ReplyTo, reply: Reply<'_>) {
        let positive = reply.severity() == Severity::PositiveCompletion;
        match to {
            ReplyTo::Mail if positive && self.stage == Stage::Mail => {
                self.stage = Stage::Recipients;
            }
            ReplyTo::Mail if positive => {}
            ReplyTo::Mail => {
                if let Some(offset) = reply.offset() {
                    return self.resume_at(offset);
                }
                self.fates.settle_all(Outcome::replied(Phase::Mail, reply.to_owned()));
                // Nobody is looked for who the replies to RCPT are about.
                self.round.answer = self.envelope.recipients.len();
                self.stage = if self.round.sent {
                    Stage::Delivery
                } else if self.round.data_sent {
                    Stage::Data
                } else {
                    Stage::Failed
                };
            }
            ReplyTo::Rcpt { .. } => self.recipient_answered(positive, reply),
            ReplyTo::Data => self.data_answered(reply),
            ReplyTo::Chunk => {
                if !positive {
                    self.answered_for_all(Phase::Content, reply);
                } else if self.stage == Stage::Delivery && !self.round.sent {
                    // Without PIPELINING it was the only one.
                    self.stage = Stage::Body;
                }
            }
            ReplyTo::Delivery { recipient: None } => self.answered_for_all(Phase::Delivery, reply),
            ReplyTo::Delivery { recipient: Some(_) } => self.recipient_delivered(reply.to_owned()),
            ReplyTo::Reset => self.stage = Stage::Over,
            _ => {}
        }
    }

    /// The server has the recipients and so many octets of the content.
    fn resume_at(&mut self, offset: u64) {
        let recipients = self.fates.accept_all();
        self.round.ask = self.envelope.recipients.len();
        self.round.asked = recipients;
        self.round.answered = recipients;
        self.round.accepted = recipients;
        self.round.to_skip = offset;
        self.stage = Stage::Recipients;
    }

    fn recipient_answered(&mut self, positive: bool, reply: Reply<'_>) {
        self.round.answered += 1;
        self.round.accepted += u32::from(positive);
        if self.stage == Stage::Answers && self.round.answered == self.round.asked {
            self.stage = Stage::Recipients;
        }
        // Refused with MAIL, nobody is asked any more.
        let Some(index) = self.fates.asked(self.round.answer) else {
            return;
        };
        self.round.answer = index + 1;
        let fate = if positive { Fate::Accepted } else { self.refused(reply) };
        self.fates.set(index, fate);
    }

    #[cold]
    fn refused(&mut self, reply: Reply<'_>) -> Fate {
        let full = too_many_recipients(reply.code().value(), reply.enhanced());
        if full && self.round.accepted > 0 {
            self.round.crowded = true;
            Fate::Crowded(reply.to_owned())
        } else {
            // Said to the first recipient, "too many" means something else.
            Fate::Settled(Outcome::replied(Phase::Rcpt, reply.to_owned()))
        }
    }

    fn data_answered(&mut self, reply: Reply<'_>) {
        if reply.code() == Code::START_MAIL_INPUT {
            let nobody = self.fates.accepted(self.round.deliver).is_none();
            self.stage = if nobody { Stage::Nobody } else { Stage::Body };
        } else {
            self.answered_for_all(Phase::Data, reply);
        }
    }

    /// The reply is the outcome of all who were accepted.
    fn answered_for_all(&mut self, phase: Phase, reply: Reply<'_>) {
        // What the server cannot do now it could not do for others either.
        self.busy |= reply.severity() == Severity::TransientNegative;
        self.fates.settle_accepted(Outcome::replied(phase, reply.to_owned()));
        self.stage = Stage::Failed;
    }

    /// LMTP answers for the accepted recipients in their order.
    fn recipient_delivered(&mut self, reply: ReplyBuf) {
        if let Some(index) = self.fates.accepted(self.round.deliver) {
            self.round.deliver = index + 1;
            self.fates.set(index, Fate::Settled(Outcome::replied(Phase::Delivery, reply)));
        }
        if self.fates.accepted(self.round.deliver).is_none() {
            self.stage = Stage::Failed;
        }
    }
}
