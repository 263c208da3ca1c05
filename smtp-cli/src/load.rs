//! `smtp load`: many messages over many sessions, and how long they take.

mod figures;
mod job;
mod phase;
mod report;
mod schedule;
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use smtp_frontend::{
    Client, Connector,
    runtime::{sleep, timeout},
};
use smtp_proto::extension::Extension;
use tokio::sync::Semaphore;

use self::{
    figures::Figures,
    job::Job,
    report::Report,
    schedule::Schedule,
    worker::{Run, Worker},
};
use crate::{
    args::{self, ChunkingUse, PipeliningUse},
    exit::{Code, Failure},
    notice::notice,
    open_files,
    output::say,
    runtime::{System, Tasks},
    session, signal,
};

/// How long a run goes on when neither messages nor seconds are given.
const DURATION: Duration = Duration::from_secs(10);

/// How long messages under way may take when the run is over.
const GRACE: Duration = Duration::from_secs(5);

/// Sessions in the making at a time: no more than servers let wait to be accepted.
const OPENING: usize = 64;

/// Loads the server, prints the figures, and says with which code to end.
pub(crate) async fn run<R: System>(arguments: &args::Load) -> Result<Option<Code>, Failure> {
    open_files::raise_limit();
    let job = Job::of(arguments)?;
    let server = session::server(&arguments.session)?;
    let tls = session::tls(&arguments.session, &server, false);
    let mut config = session::config(&arguments.session);
    if job.message.has_unix_lines() {
        session::take_unix_lines(&mut config);
    }
    let connector =
        session::connector::<R>(&arguments.session, tls, &arguments.from)?.config(config);
    let shards = std::thread::available_parallelism().map_or(1, usize::from);
    let run = Arc::new(Run {
        job,
        schedule: Schedule::new(arguments.messages, arguments.rate),
        server,
        per_session: arguments.per_session,
        lockstep: arguments.session.pipelining == PipeliningUse::Never,
        opening: Semaphore::new(OPENING),
        figures: (0..shards).map(|_| Figures::new().into()).collect(),
        done: AtomicU64::new(0),
        under_way: AtomicU64::new(0),
        open: AtomicU64::new(0),
    });
    let mut first = Worker::new(Arc::clone(&run), 0, connector.clone());
    // A server that cannot be reached or does not want this client is no load.
    let client = first.open().await.map_err(Failure::of)?;
    check(arguments, client)?;
    drive(arguments, &run, first, &connector).await?;

    let figures = run.figures.iter().enumerate().fold(Figures::new(), |all, (shard, _)| {
        all.and(std::mem::replace(&mut *run.figures(shard), Figures::new()))
    });
    let start = run.schedule.start();
    let end = figures.last.filter(|_| !arguments.idle).unwrap_or_else(Instant::now);
    let unfinished = run.under_way.load(Ordering::Relaxed);
    let report = Report::new(
        arguments.session.server.as_deref().unwrap_or_default(),
        arguments.connections,
        end.duration_since(start),
        &figures,
        unfinished,
    );
    let told = if arguments.json {
        serde_json::to_string(&report).map_err(|error| Failure::new(Code::Unavailable, error))?
    } else {
        report.to_string().trim_end().to_owned()
    };
    say(format_args!("{told}\n"))?;
    Ok(figures.code)
}

/// Whether the server offers what is asked of it.
fn check(arguments: &args::Load, client: &Client) -> Result<(), Failure> {
    let offered = client.capabilities();
    let chunking = offered.is_some_and(|offered| offered.offers(Extension::Chunking));
    if arguments.session.chunking == ChunkingUse::Always && !chunking {
        let why = "the server does not offer CHUNKING, which --chunking always needs";
        return Err(Failure::new(Code::Unavailable, why));
    }
    Ok(())
}

/// Runs the workers until they are done, the time is over, or somebody ends it.
async fn drive<R: System>(
    arguments: &args::Load,
    run: &Arc<Run>,
    first: Worker<R>,
    connector: &Connector<R>,
) -> Result<(), Failure> {
    let start = run.schedule.start();
    let [asked, asked_again] = signal::asked_to_end()?;
    let more = (1..arguments.connections as usize)
        .map(|number| Worker::new(Arc::clone(run), number, connector.clone()));
    let failed = |error| Failure::new(Code::Temporary, format!("no room for a session: {error}"));
    let mut workers = Tasks::new();
    for worker in std::iter::once(first).chain(more) {
        let begun = match arguments.idle {
            true => workers.spawn::<R>(worker.idle()),
            false => workers.spawn::<R>(worker.send()),
        };
        begun.map_err(failed)?;
    }
    let time = match (arguments.messages, arguments.duration) {
        (Some(_), _) => None,
        (None, seconds) => Some(seconds.map_or(DURATION, Duration::from_secs_f64)),
    };
    let mut showing = Tasks::new();
    let show = show::<R>(Arc::clone(run), arguments.clone(), start, time);
    showing.spawn::<R>(show).map_err(failed)?;
    let over = async {
        match time {
            Some(time) => sleep::<R>(time).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        ended = join(&mut workers) => Some(ended),
        () = over => None,
        () = asked => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            run.schedule.end();
            tokio::select! {
                ended = timeout::<R, _>(GRACE, join(&mut workers)) => ended.unwrap_or(Ok(())),
                () = asked_again => Ok(()),
            }
        }
    };
    // Where sessions block, one that connects may not look around so soon.
    timeout::<R, _>(GRACE, workers.end()).await;
    // The bar is gone when its task is.
    showing.end().await;
    ended
}

/// Waits for all, or for the first that fails.
async fn join(workers: &mut Tasks<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(ended) = workers.next().await {
        ended.ok_or_else(|| Failure::new(Code::Unavailable, "a session broke off"))??;
    }
    Ok(())
}

/// Shows on the terminal how far it is.
async fn show<R: System>(
    run: Arc<Run>,
    arguments: args::Load,
    start: Instant,
    time: Option<Duration>,
) {
    let Some(bar) = bar(&arguments, time) else { return };
    let mut told = false;
    loop {
        sleep::<R>(Duration::from_millis(100)).await;
        let done = run.done.load(Ordering::Relaxed);
        let elapsed = start.elapsed();
        match time {
            None => bar.set_position(done),
            Some(_) => bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)),
        }
        if arguments.idle {
            let open = run.open.load(Ordering::Relaxed);
            bar.set_message(format!("{open} sessions are open"));
            if !told && open >= u64::from(arguments.connections) {
                told = true;
                bar.suspend(|| notice(format_args!("smtp: {open} sessions are open")));
            }
        } else {
            let rate = done as f64 / elapsed.as_secs_f64().max(1e-3);
            bar.set_message(format!("{done} messages, {rate:.0}/s"));
        }
    }
}

/// Indicatif draws on stderr, and only if that is a terminal.
fn bar(arguments: &args::Load, time: Option<Duration>) -> Option<ProgressBar> {
    let length = match (arguments.messages, time) {
        (Some(messages), _) => messages,
        (None, time) => u64::try_from(time?.as_millis()).ok()?,
    };
    let style = ProgressStyle::with_template("{wide_bar} {msg} {elapsed}").ok()?;
    Some(ProgressBar::new(length).with_style(style).with_finish(ProgressFinish::AndClear))
}
