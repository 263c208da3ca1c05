//! What a session wants next, and what an answer or the time has left to do.

use super::{Server, session::Phase};
use crate::{
    answer::Rejection,
    fault::Fault,
    status::Code,
    transcript::{Call, Entry},
    wire::{Endpoint, Expected, Step, Wire},
};

/// Above this many octets of replies nothing more is processed until some were written.
const HIGH_WATER: usize = 16 * 1024;

impl Endpoint for Server {
    fn step(&mut self) -> Step {
        self.tidy();
        if self.wire.take_expired() {
            self.timed_out();
            self.tidy();
        }
        if self.session.has_news() {
            return Step::Event;
        }
        if self.wire.output.len() >= HIGH_WATER {
            return Step::Write;
        }
        if self.session.flush {
            if !self.wire.output.is_empty() {
                return Step::Write;
            }
            self.session.flush = false;
        }
        match self.session.phase {
            Phase::Watch => {
                if !self.wire.input.is_empty() {
                    Step::Event
                } else if self.wire.input.has_ended() {
                    self.peer_closed()
                } else {
                    Step::Read
                }
            }
            Phase::Greeting | Phase::Auth | Phase::Delivery { .. } => Step::Event,
            Phase::Command | Phase::AuthResponse => {
                if self.session.has_line(&self.wire.input) {
                    Step::Event
                } else {
                    self.waiting_step()
                }
            }
            Phase::Chunk(ref chunk) if chunk.is_whole() => Step::Event,
            Phase::SkipLine { .. } | Phase::Content | Phase::Chunk(_) => {
                if self.wire.input.is_fresh() && !self.wire.input.is_empty() {
                    Step::Event
                } else if !self.wire.output.is_empty() {
                    Step::Write
                } else if self.wire.input.has_ended() {
                    self.peer_closed()
                } else {
                    Step::Read
                }
            }
            Phase::StartTls { .. } | Phase::Turn => {
                if self.wire.output.is_empty() {
                    Step::Event
                } else {
                    Step::Write
                }
            }
            Phase::Tls => Step::Idle,
            Phase::Closing { .. } => {
                if self.wire.output.is_empty() || self.session.cut {
                    Step::Close
                } else {
                    Step::Write
                }
            }
        }
    }

    fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

impl Server {
    /// Does what an answered question has left to do, if it has.
    ///
    /// Asked at each step and each event, and nearly always for nothing: so the question is inlined
    /// there, and the work is not.
    #[inline(always)]
    pub(super) fn tidy(&mut self) {
        if self.session.consume > 0 || self.session.rearm {
            self.tidy_up();
        }
    }

    /// Sets buffer and timer anew, and consumes what an answered question has left in the buffer.
    #[inline(never)]
    fn tidy_up(&mut self) {
        if core::mem::take(&mut self.session.rearm) {
            if matches!(self.session.phase, Phase::Command) {
                let config = &self.session.config;
                self.wire.input.expect(config.command_buffer(), Expected::Lines);
                self.wire.restart_timer(config.timeouts.command);
            } else {
                self.expect();
            }
        }
        let n = core::mem::take(&mut self.session.consume);
        if n > 0 {
            self.session.scanned = 0;
            self.session.noted = false;
            self.session.weighed = false;
            if core::mem::take(&mut self.session.secret_line) {
                self.wire.input.pass_secret(n);
            } else {
                self.wire.input.pass(n);
            }
        }
    }

    /// Sets buffer and timer for what else than a command is expected.
    #[inline(never)]
    fn expect(&mut self) {
        let config = &self.session.config;
        let lines = config.command_buffer();
        let (room, expected, time) = match self.session.phase {
            Phase::Content => {
                (config.limits.content_buffer, Expected::Content, config.timeouts.content)
            }
            Phase::Chunk(ref chunk) => {
                let expected = Expected::content(chunk.is_bulk());
                (config.limits.content_buffer, expected, config.timeouts.content)
            }
            Phase::Watch => (lines, Expected::Lines, config.timeouts.greeting),
            Phase::Tls | Phase::StartTls { .. } => (0, Expected::Lines, config.timeouts.tls),
            Phase::Closing { .. } => (lines, Expected::Lines, config.timeouts.closing),
            _ => (lines, Expected::Lines, config.timeouts.command),
        };
        self.wire.input.expect(room, expected);
        if matches!(self.session.phase, Phase::StartTls { .. }) {
            self.wire.input.discard();
            self.wire.input.seal();
        }
        self.wire.restart_timer(time);
    }

    /// The timer ran out. A peer that does not even read loses the connection at once; else it is
    /// told why.
    #[cold]
    fn timed_out(&mut self) {
        let unread = !self.wire.output.is_empty();
        if unread || !matches!(self.session.phase, Phase::Closing { .. }) {
            self.wire.note(|| Entry::Expired { unread });
        }
        if matches!(self.session.phase, Phase::Watch) {
            self.session.phase = Phase::Greeting;
            self.session.rearm = true;
            return;
        }
        if matches!(self.session.phase, Phase::Closing { .. }) || !self.wire.output.is_empty() {
            self.wire.output.clear();
            if !matches!(self.session.phase, Phase::Closing { .. }) {
                self.session.close(Some(Fault::Timeout));
            }
            self.session.cut = true;
            return;
        }
        if matches!(self.session.phase, Phase::StartTls { .. } | Phase::Tls | Phase::Turn) {
            self.session.close(Some(Fault::Timeout));
            self.session.cut = true;
            return;
        }
        self.close_with(Code::SERVICE_NOT_AVAILABLE, &Rejection::TIMEOUT, Some(Fault::Timeout));
    }

    /// The peer closed and nothing it sent is left to answer.
    #[cold]
    fn peer_closed(&mut self) -> Step {
        self.wire.note(|| Entry::Closed);
        self.session.close(Some(Fault::Closed));
        Step::Event
    }

    /// What a session that waits for a command wants when no whole line is there.
    fn waiting_step(&mut self) -> Step {
        if !self.wire.output.is_empty() {
            return Step::Write;
        }
        if !self.session.state.in_transaction()
            && let Some(reply) = self.session.rare.as_mut().and_then(|rare| rare.shutdown.take())
        {
            self.wire.note(|| Entry::Call(Call::ShutDown((&reply).into())));
            self.close_with(Code::SERVICE_NOT_AVAILABLE, &reply, None);
            return Step::Write;
        }
        if self.wire.input.has_ended() {
            return self.peer_closed();
        }
        Step::Read
    }
}
