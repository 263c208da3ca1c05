//! A session's connection, with an eye on the shutdown.

use std::{future::poll_fn, io};

use smtp_proto::{
    answer::Rejection,
    server::Server as Machine,
    wire::{Endpoint, Step},
};

use super::{
    Trace,
    control::{Seat, Stage},
};
use crate::{connection::Connection, session::Facts, tls::Stream};

/// Lines of a transcript that are kept until they are told.
const TRACED: usize = 4096;

/// The connection of a server session.
pub(crate) struct Link {
    pub(super) connection: Connection<Stream, Machine>,
    seat: Seat,
    seen: Stage,
}

impl Link {
    pub(super) fn new(stream: Stream, mut machine: Machine, seat: Seat, traced: bool) -> Self {
        if traced {
            machine.wire().record(TRACED);
        }
        Self { connection: Connection::new(stream, machine), seat, seen: Stage::Serving }
    }

    pub(crate) fn machine(&mut self) -> &mut Machine {
        self.connection.endpoint_mut()
    }

    /// Whether the session was broken off by the end of a shutdown's grace.
    pub(super) fn is_aborted(&self) -> bool {
        self.seen == Stage::Aborting
    }

    /// As [`Connection::next`]; cancel safe.
    pub(crate) async fn next(&mut self) -> io::Result<Step> {
        poll_fn(|cx| {
            let stage = self.seat.watch(cx.waker());
            if stage > self.seen {
                self.seen = stage;
                match stage {
                    Stage::Serving => {}
                    Stage::Draining => self.machine().shut_down(Rejection::SHUTTING_DOWN),
                    Stage::Aborting => self.machine().abort(Rejection::SHUTTING_DOWN),
                }
            }
            self.connection.poll_next(cx)
        })
        .await
    }

    /// Tells what was said since the last time.
    pub(super) fn tell(&mut self, trace: Option<&Trace>, facts: &Facts) {
        if let Some(trace) = trace
            && let Some(transcript) = self.machine().wire().transcript()
        {
            transcript.drain().for_each(|entry| trace(facts, &entry));
        }
    }
}
