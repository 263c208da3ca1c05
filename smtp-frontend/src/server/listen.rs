//! Accepting clients, and the order of a shutdown.

use std::{future::poll_fn, io, pin::pin, sync::Arc, task::Poll, time::Duration};

use smtp_proto::{
    server::{Event, Server as Machine},
    wire::Step,
};

use super::{
    Core, Service, Signal,
    control::{Control, Deafening, Farewell, Listening, Stage},
    limits::Refusal,
    proxied, run,
};
use crate::{
    driver::Driver,
    runtime::Runtime,
    session::{Backend, Facts},
    time::{sleep, timeout},
};

/// How long sessions may take to say 421 when the grace is over.
const FAREWELL: Duration = Duration::from_secs(2);

/// The first pause after an accept that failed; each is twice as long as the one before.
const FIRST_BACK_OFF: Duration = Duration::from_millis(10);

/// The longest pause after an accept that failed for want of file descriptors or memory.
const BACK_OFF: Duration = Duration::from_secs(1);

/// A listener and what its clients find.
#[derive(Debug)]
pub(super) struct Listener<R: Runtime> {
    socket: R::Listener,
    service: Service,
}

impl<R: Runtime> Listener<R> {
    pub(super) fn new(socket: R::Listener, service: Service) -> Self {
        Self { socket, service }
    }

    /// Accepts until nobody is to listen any more.
    async fn run<B: Backend>(self, core: Arc<Core<B>>, listening: Listening) {
        let mut pause = FIRST_BACK_OFF;
        while let Some(accepted) = listening.unless_over(R::accept(&self.socket)).await {
            let served = match accepted {
                Ok((socket, peer)) => {
                    let machine = Machine::new(core.config(self.service));
                    let driver = R::drive(socket, machine);
                    let mut facts = Facts::default();
                    (facts.peer, facts.local) = (peer, driver.stream().local_addr());
                    if core.proxied {
                        let core = Arc::clone(&core);
                        R::spawn(proxied::admit::<B, R>(core, driver, self.service, facts))
                    } else {
                        admit::<B, R>(&core, driver, self.service, facts)
                    }
                }
                Err(error) if is_the_clients(&error) => continue,
                Err(error) => Err(error),
            };
            match served {
                Ok(()) => pause = FIRST_BACK_OFF,
                Err(error) => {
                    core.accept_failed(&error);
                    // No file descriptor, no thread, no memory: they come back when sessions end.
                    let _ = listening.unless_over(sleep::<R>(pause)).await;
                    pause = (pause * 2).min(BACK_OFF);
                }
            }
        }
        // The place is free before anybody is told so.
        drop(self);
        drop(listening);
    }
}

/// Whether accept failed for one client only.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// A task for a client, or a word of regret.
///
/// # Errors
/// There can be no task for the client, which has been dropped.
pub(super) fn admit<B: Backend, R: Runtime>(
    core: &Arc<Core<B>>,
    driver: Box<dyn Driver<Machine>>,
    service: Service,
    facts: Facts,
) -> io::Result<()> {
    match core.control.admit(core.limited(&facts)) {
        Ok(seat) => R::spawn(run::session(Arc::clone(core), driver, service, facts, seat)),
        Err(refusal) => {
            core.refused(&facts, refusal);
            if service.is_implicit_tls() {
                return Ok(());
            }
            match core.control.farewell() {
                Some(farewell) => R::spawn(turn_away(driver, refusal, farewell)),
                None => Ok(()),
            }
        }
    }
}

async fn turn_away(mut driver: Box<dyn Driver<Machine>>, refusal: Refusal, farewell: Farewell) {
    let regret = driver.within(FAREWELL, |driver, cx| {
        loop {
            match driver.poll_next(cx)? {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Step::Event) => {
                    if let Some(Event::Connected(client)) = driver.endpoint_mut().event() {
                        client.reject(refusal.rejection());
                    }
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
            }
        }
    });
    let _ = regret.await;
    drop(farewell);
}

pub(super) async fn serve<B: Backend, R: Runtime>(
    core: Arc<Core<B>>,
    listeners: Vec<Listener<R>>,
    shutdown: Option<Signal>,
    grace: Duration,
) {
    let control = Arc::clone(&core.control);
    // Also when this future is dropped.
    let deafening = Deafening(Arc::clone(&control));
    for listener in listeners {
        if let Err(error) = R::spawn(listener.run(Arc::clone(&core), control.listen())) {
            core.accept_failed(&error);
        }
    }
    drop(core);
    until_stopped(&control, shutdown).await;
    drop(deafening);
    control.deaf().await;
    // For those who were let in while it began.
    control.advance(Stage::Draining);
    if timeout::<R, _>(grace, control.empty()).await.is_none() {
        control.advance(Stage::Aborting);
        if timeout::<R, _>(FAREWELL, control.empty()).await.is_none() {
            control.advance(Stage::Killing);
            control.empty().await;
        }
    }
}

/// Waits until a shutdown begins, which the signal makes.
async fn until_stopped(control: &Control, mut signal: Option<Signal>) {
    let mut stopped = pin!(control.stopped());
    poll_fn(|cx| {
        if let Some(waiting) = signal.as_mut()
            && waiting.as_mut().poll(cx).is_ready()
        {
            signal = None;
            control.advance(Stage::Draining);
        }
        stopped.as_mut().poll(cx)
    })
    .await;
}
