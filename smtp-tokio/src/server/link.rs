//! A session's connection, with an eye on the shutdown.

use std::{future::poll_fn, io};

use smtp_proto::{
    answer::Rejection,
    server::Server as Machine,
    transcript::Entry,
    wire::{Endpoint, Step},
};

use super::{
    Trace,
    control::{Seat, Stage},
};
use crate::{connection::Connection, session::Facts, tls::Stream, trace::Teller};

/// The connection of a server session.
pub(crate) struct Link {
    pub(super) connection: Connection<Stream, Machine>,
    seat: Seat,
    seen: Stage,
    teller: Teller,
}

impl Link {
    pub(super) fn new(stream: Stream, machine: Machine, seat: Seat, teller: Teller) -> Self {
        let connection = Connection::new(stream, machine);
        Self { connection, seat, seen: Stage::Serving, teller }
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
        let Self { connection, teller, .. } = self;
        let callback = trace.map(|trace| |entry: &Entry| trace(facts, entry));
        teller.tell(connection.endpoint_mut().wire(), callback);
    }
}
