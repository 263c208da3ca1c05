//! The signals that ask the program to end, or to read its files anew.

use crate::exit::{Code, Failure};

/// SIGINT or SIGTERM.
#[cfg(unix)]
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    use tokio::signal::unix::{SignalKind, signal};

    let failed = |error| Failure::new(Code::Temporary, format!("signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Calls `reload` at each SIGHUP from now on.
#[cfg(unix)]
pub(crate) fn at_hangup(reload: impl Fn() + Send + 'static) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};

    let failed = |error| Failure::new(Code::Temporary, format!("signals: {error}"));
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            reload();
        }
    });
    Ok(())
}

/// There is no such signal here.
#[cfg(not(unix))]
pub(crate) fn at_hangup(_: impl Fn() + Send + 'static) -> Result<(), Failure> {
    Ok(())
}

/// Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
