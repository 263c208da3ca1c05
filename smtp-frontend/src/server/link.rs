//! A session's connection, with an eye on the shutdown.

use std::{future::poll_fn, io, sync::Arc};

use smtp_proto::{
    answer::Rejection,
    server::Server as Machine,
    transcript::Entry,
    wire::{Endpoint, Step},
};

use super::{
    Trace,
    control::{Control, Stage},
};
use crate::{driver::Driver, session::Facts, trace::Teller};

/// The connection of a server session.
pub(crate) struct Link {
    pub(super) driver: Box<dyn Driver<Machine>>,
    control: Arc<Control>,
    seen: Stage,
    /// For how many milliseconds handlers have worked while replies waited.
    pub(super) held: u16,
    teller: Teller,
}

impl Link {
    pub(super) fn new(
        driver: Box<dyn Driver<Machine>>,
        control: Arc<Control>,
        teller: Teller,
    ) -> Self {
        Self { driver, control, seen: Stage::Serving, held: 0, teller }
    }

    pub(crate) fn machine(&mut self) -> &mut Machine {
        self.driver.endpoint_mut()
    }

    /// Whether this side ended the session although the client may be in the middle of saying more:
    /// neither by QUIT, nor while a shutdown found it idle.
    pub(super) fn is_broken_off(&mut self) -> bool {
        self.seen != Stage::Draining && !self.machine().has_quit()
    }

    /// As [`Driver::poll_next`]; cancel safe.
    pub(crate) async fn next(&mut self) -> io::Result<Step> {
        poll_fn(|cx| {
            let stage = self.control.stage();
            if stage > self.seen {
                self.seen = stage;
                match stage {
                    Stage::Serving => {}
                    Stage::Draining => self.machine().shut_down(Rejection::SHUTTING_DOWN),
                    Stage::Aborting | Stage::Killing => {
                        self.machine().abort(Rejection::SHUTTING_DOWN)
                    }
                }
            }
            self.driver.poll_next(cx)
        })
        .await
    }

    /// Tells what was said since the last time.
    pub(super) fn tell(&mut self, trace: Option<&Trace>, facts: &Facts) {
        let Self { driver, teller, .. } = self;
        let callback = trace.map(|trace| |entry: &Entry| trace(facts, entry));
        teller.tell(driver.endpoint_mut().wire(), callback);
    }
}
