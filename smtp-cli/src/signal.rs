//! The signals that ask the program to end, or to read its files anew. Whatever the program runs on, a thread
//! of their own awaits them, with a little of tokio.

use std::{future::Future, io, thread};

#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::exit::{Code, Failure};

/// Runs what `begin` gives, which is called at once: signals that come behind that are not lost.
fn listen<F: Future<Output = ()> + Send + 'static>(
    begin: impl FnOnce() -> io::Result<F>,
) -> Result<(), Failure> {
    let listening = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listening = {
            let _inside = runtime.enter();
            begin()?
        };
        let run = move || runtime.block_on(listening);
        thread::Builder::new().name("signals".to_owned()).spawn(run).map(drop)
    };
    listening().map_err(|error| Failure::new(Code::Temporary, format!("signals: {error}")))
}

/// Done when somebody asks the program to end: by SIGINT or SIGTERM, or by Ctrl-C.
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let (tell, told) = oneshot::channel();
    listen(|| {
        let asked = asked()?;
        Ok(async move {
            asked.await;
            // Perhaps nobody waits any longer.
            let _ = tell.send(());
        })
    })?;
    Ok(async move {
        if told.await.is_err() {
            // Nobody can ask.
            std::future::pending().await
        }
    })
}

#[cfg(unix)]
fn asked() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn asked() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}

/// Calls `reload` at each SIGHUP from now on.
#[cfg(unix)]
pub(crate) fn at_hangup(reload: impl Fn() + Send + 'static) -> Result<(), Failure> {
    listen(|| {
        let mut hangup = signal(SignalKind::hangup())?;
        Ok(async move {
            while hangup.recv().await.is_some() {
                reload();
            }
        })
    })
}

/// There is no such signal here.
#[cfg(not(unix))]
pub(crate) fn at_hangup(_: impl Fn() + Send + 'static) -> Result<(), Failure> {
    Ok(())
}
