//! One connection at a time, and the messages that go over it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use smtp_frontend::{Client, Connector, Error, runtime::Runtime};
use smtp_proto::{
    client::{Envelope, Recipient},
    extension::Extension,
    parameter::Parameters,
    path::ReversePath,
};
use tokio::sync::Semaphore;

use super::{
    figures::Figures,
    job::Job,
    phase::Stopwatch,
    schedule::{Due, Schedule},
};
use crate::{address::Server, exit::Failure, session};

/// The pause after a session that could not be opened; it doubles each time.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What the workers of a run share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) job: Job,
    pub(super) schedule: Schedule,
    pub(super) server: Server,
    pub(super) per_session: Option<u64>,
    pub(super) lockstep: bool,
    /// How many sessions may be in the making at a time.
    pub(super) opening: Semaphore,
    /// For each core one, so that workers rarely wait for each other.
    pub(super) figures: Vec<Mutex<Figures>>,
    /// Messages done, and under way.
    pub(super) done: AtomicU64,
    pub(super) under_way: AtomicU64,
    /// Sessions open.
    pub(super) open: AtomicU64,
}

impl Run {
    pub(super) fn figures(&self, worker: usize) -> MutexGuard<'_, Figures> {
        let figures = &self.figures[worker % self.figures.len()];
        figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection after the other.
pub(super) struct Worker<R> {
    run: Arc<Run>,
    number: usize,
    connector: Connector<R>,
    watch: Arc<Mutex<Stopwatch>>,
    client: Option<Client>,
}

impl<R: Runtime> Worker<R> {
    pub(super) fn new(run: Arc<Run>, number: usize, connector: Connector<R>) -> Self {
        let watch = Arc::new(Mutex::new(Stopwatch::new(Instant::now())));
        let told = Arc::clone(&watch);
        let connector = connector.observe(move |progress| {
            locked(&told).note(progress, Instant::now());
        });
        Self { run, number, connector, watch, client: None }
    }

    /// Opens a session.
    pub(super) async fn open(&mut self) -> Result<&mut Client, Error> {
        // It is never closed.
        let _permit = self.run.opening.acquire().await;
        locked(&self.watch).start(Instant::now());
        let opened = session::connect(&self.connector, &self.run.server).await;
        let mut figures = self.run.figures(self.number);
        for (phase, time) in locked(&self.watch).drain() {
            figures.lap(phase, time);
        }
        let client = opened?;
        figures.sessions += 1;
        self.run.open.fetch_add(1, Ordering::Relaxed);
        Ok(self.client.insert(client))
    }

    /// Sends what is due until nothing is.
    pub(super) async fn send(mut self) -> Result<(), Failure> {
        let run = Arc::clone(&self.run);
        let reverse_path = run.job.reverse_path()?;
        let recipients = run.job.recipients()?;
        let mut pause = PAUSE;
        let mut sent = 0;
        while let Some(due) = run.schedule.next::<R>().await {
            if self.client.is_none() {
                sent = 0;
                if let Err(error) = self.open().await {
                    run.figures(self.number).message_without_session(error, Instant::now());
                    run.done.fetch_add(1, Ordering::Relaxed);
                    run.schedule.wait::<R>(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
                pause = PAUSE;
            }
            self.transact(reverse_path, &recipients, due).await?;
            sent += 1;
            if run.per_session == Some(sent) || !self.client.as_ref().is_some_and(Client::is_usable)
            {
                self.close().await;
            }
        }
        self.close().await;
        Ok(())
    }

    /// Sends one message.
    async fn transact(
        &mut self,
        reverse_path: ReversePath<'_>,
        recipients: &[Recipient<'_>],
        due: Due,
    ) -> Result<(), Failure> {
        let Self { run, number, watch, client, .. } = self;
        let Some(client) = client else { return Ok(()) };
        let envelope = Envelope { reverse_path, parameters: Parameters::EMPTY, recipients };
        let grouped = !run.lockstep
            && client.capabilities().is_some_and(|offered| offered.offers(Extension::Pipelining));
        run.under_way.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        locked(watch).start_transaction(begun, grouped);
        let message = run.job.message.clone();
        let sent = client.send_with(&envelope, message, run.job.options).await;
        run.under_way.fetch_sub(1, Ordering::Relaxed);
        let report = sent.map_err(Failure::of)?;
        let now = Instant::now();
        let mut figures = run.figures(*number);
        for (phase, time) in locked(watch).drain() {
            figures.lap(phase, time);
        }
        figures.message(&report, run.job.message.octets().len(), due.0.unwrap_or(begun), now);
        run.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the session.
    async fn close(&mut self) {
        let Some(client) = self.client.take() else { return };
        self.run.open.fetch_sub(1, Ordering::Relaxed);
        if !client.is_usable() {
            return;
        }
        locked(&self.watch).start(Instant::now());
        // That it cannot be ended is seen at the next message, or is of no interest any more.
        let _ = client.quit().await;
        let mut figures = self.run.figures(self.number);
        for (phase, time) in locked(&self.watch).drain() {
            figures.lap(phase, time);
        }
    }

    /// Keeps a session until it is over, and looks whether it is still there.
    pub(super) async fn idle(mut self) -> Result<(), Failure> {
        let run = Arc::clone(&self.run);
        if self.client.is_none()
            && let Err(error) = self.open().await
        {
            run.figures(self.number).session_failed(error);
            return Ok(());
        }
        run.schedule.over().await;
        if let Some(client) = &mut self.client
            && let Err(error) = client.noop().await
        {
            run.figures(self.number).session_failed(error);
        }
        self.close().await;
        Ok(())
    }
}

fn locked(watch: &Mutex<Stopwatch>) -> MutexGuard<'_, Stopwatch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}
